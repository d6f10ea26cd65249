// uses: shared/text.mjs shared/tree.mjs shared/view.mjs
// Replace: the names of the traits, what facts() computes of them, and how draw() shows it.
const NAMES = ["size", "stride"];
const KERNEL_SIZE = 3;
const CELL = 24; // side of a number's square, in the drawing's units

export function facts({ size, stride }) {
  const windows = Math.floor((size - KERNEL_SIZE) / stride) + 1;
  return { windows, unread: size - KERNEL_SIZE - (windows - 1) * stride };
}

export function draw(state) {
  const { windows, unread } = facts(state);
  return row(state, windows, unread)
    + `<output class="cnn-readout" aria-live="polite"><span class="cnn-headline"><b data-value="windows">${windows}</b> `
    + `${windows === 1 ? "window fits" : "windows fit"}</span>`
    + `<span class="cnn-fact">behind the last one: <b data-value="unread">${unread}</b></span></output>`;
}

// A triangle stands under the first number of each window; what no window reads has a dashed border.
function row({ size, stride }, windows, unread) {
  const cells = Array.from({ length: size }, (_, i) => {
    const read = i < size - unread;
    const first = i % stride === 0 && i / stride < windows;
    return `<rect class="cnn-cell ${read ? "cnn-window" : "cnn-pad"}" x="${i * CELL + 1}" y="1" width="${CELL}" height="${CELL}"/>`
      + `<text x="${(i + 0.5) * CELL + 1}" y="18" font-size="12" text-anchor="middle">${i}</text>`
      + (first ? `<text x="${(i + 0.5) * CELL + 1}" y="40" font-size="12" text-anchor="middle">▲</text>` : "");
  });
  return `<svg viewBox="0 0 300 44" role="img" aria-label="A row of ${size} numbers; ${plural(windows, "window")} of ${KERNEL_SIZE}, `
    + `${stride} apart; ${unread} behind the last one.">${cells.join("")}</svg>`;
}

export default { render: renderer({ draw, names: NAMES }) };
