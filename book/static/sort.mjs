// A selector that sorts the page's table: rows move, nothing is loaded. Without a script the book's order stays.
export const ORDERS = [
  ["as in the book", null],
  ["oldest first", 1, 1], ["newest first", 1, -1],
  ["fewest parameters first", 3, 1], ["most parameters first", 3, -1],
  ["fewest MACs first", 4, 1], ["most MACs first", 4, -1],
  ["smallest input first", 2, 1], ["largest input first", 2, -1],
];

// rows: lists of texts, one a cell. Returns their places in the new order; equal ones keep the book's.
export function order(rows, column, sign) {
  const number = (row) => Number(rows[row][column].replaceAll(",", ""));
  const places = rows.map((_, row) => row);
  return column === null ? places : places.sort((a, b) => sign * (number(a) - number(b)));
}

function start(place) {
  const body = document.querySelector("article table tbody");
  const rows = [...body.rows];
  const texts = rows.map((row) => [...row.cells].map((cell) => cell.textContent.trim()));
  const label = document.createElement("label");
  const select = document.createElement("select");
  select.autocomplete = "off"; // a reload begins with the book's order, as the table does
  select.append(...ORDERS.map(([name]) => new Option(name)));
  select.addEventListener("change", () => {
    const [, column, sign] = ORDERS[select.selectedIndex];
    body.append(...order(texts, column, sign).map((row) => rows[row]));
  });
  label.append("Order: ", select);
  place.append(label);
}

if (typeof document !== "undefined") start(document.querySelector(".cnn-sort"));
