// Finds terms, functions, formulas, widgets, headings and words of the text while the reader types, with one file that is
// fetched when the field gets the focus. <meta name="cnn-index" content="address"> names it; cnn_book/search.py writes it:
//   pages: [[address, title]], parts: [[page, anchor, title]], entries: [[kind, name, part, anchor, other name …]],
//   words: "a b c", at: "0 3,5" (for each word its parts times 3 plus a weight 0 to 2, as differences in base 36), stops: [word].
export const KINDS = ["Terms", "Functions", "Formulas", "Widgets", "Headings", "In the text"];
const TEXT = 5, EXACT = 0, START = 1, WORDS = 2, INSIDE = 3, SLIP = 4;
const SLIPS_FROM = 4; // letters: in a shorter word, one other letter makes another word

export function tokens(text) {
  const plain = String(text).normalize("NFKD").replace(/[\u0300-\u036f]/g, "").toLowerCase().replace(/×/g, "x");
  return plain.match(/[a-z0-9]+|[\u4e00-\u9fff]+/g) ?? [];
}

// Whether one letter more, less or other, or two neighbors swapped, makes one word the other.
export function oneSlip(a, b) {
  if (Math.abs(a.length - b.length) > 1) return false;
  let start = 0;
  while (start < a.length && a[start] === b[start]) start += 1;
  const [restA, restB] = [a.slice(start), b.slice(start)];
  return restA.slice(1) === restB.slice(1) || restA.slice(1) === restB || restA === restB.slice(1)
    || (restA[0] === restB[1] && restA[1] === restB[0] && restA.slice(2) === restB.slice(2));
}

// The file as it is used: words in lists, names as their words.
export function unpack(file) {
  const at = file.at.split(",").map((text) => {
    let sum = 0;
    return text.split(" ").map((difference) => { sum += parseInt(difference, 36); return sum; });
  });
  const entries = file.entries.map(([kind, name, part, anchor, ...others]) => {
    const names = [name, name.split(".").at(-1), ...others].map((each) => tokens(each));
    return { kind, name, part, anchor, names: names.map((each) => each.join(" ")), words: [...new Set(names.flat())] };
  });
  return { ...file, words: file.words.split(" "), at, entries, stops: new Set(file.stops) };
}

function rankOf(entry, asked, query) {
  if (entry.names.includes(query)) return EXACT;
  if (entry.names.some((name) => name.startsWith(query))) return START;
  const begins = (token) => entry.words.some((word) => word.startsWith(token));
  if (asked.every(begins)) return WORDS;
  if (query.length > 1 && entry.names.some((name) => name.includes(query))) return INSIDE;
  const slips = (token) => token.length >= SLIPS_FROM && entry.words.some((word) => oneSlip(token, word));
  return asked.every((token) => begins(token) || slips(token)) ? SLIP : null;
}

// The parts with every word asked for, the best first, and how well they fit.
function inText(index, asked) {
  const total = index.parts.length;
  let found = null, rank = INSIDE;
  for (const token of asked.filter((each) => !index.stops.has(each))) {
    const begins = [...index.words.keys()].filter((i) => index.words[i].startsWith(token));
    const slips = begins.length === 0 && token.length >= SLIPS_FROM;
    const words = slips ? [...index.words.keys()].filter((i) => oneSlip(token, index.words[i])) : begins;
    if (slips) rank = SLIP;
    const scores = new Map();
    for (const i of words) {
      const rarity = Math.floor(total / index.at[i].length).toString(2).length * (index.words[i] === token ? 2 : 1);
      for (const code of index.at[i]) {
        const part = Math.floor(code / 3), score = rarity * (code % 3 + 1);
        if (score > (scores.get(part) ?? 0)) scores.set(part, score);
      }
    }
    found = found ? new Map([...found].filter(([part]) => scores.has(part)).map(([part, score]) => [part, score + scores.get(part)])) : scores;
  }
  return { rank, parts: [...(found ?? [])].sort(([a, x], [b, y]) => y - x || a - b).map(([part]) => part) };
}

// Groups by kind, the best first: [{kind, hits: [{name, where, address}]}], each with at most so many hits.
export function find(index, typed, most = 5) {
  const asked = tokens(typed), query = asked.join(" ");
  if (!asked.length) return [];
  const hits = index.entries.map((entry, i) => ({ entry, i, rank: rankOf(entry, asked, query) })).filter(({ rank }) => rank !== null);
  hits.sort((a, b) => a.rank - b.rank || a.entry.kind - b.entry.kind || a.entry.names[0].length - b.entry.names[0].length || a.i - b.i);
  const groups = new Map();
  const put = (kind, rank, name, part, anchor) => {
    if (!groups.has(kind)) groups.set(kind, { kind, rank, hits: [] });
    const group = groups.get(kind), [page, own, title] = index.parts[part], [address, pageTitle] = index.pages[page];
    if (group.hits.length >= most) return;
    const where = [0, 1, 3].includes(kind) && title !== pageTitle ? `${pageTitle} › ${title}` : pageTitle;
    group.hits.push({ name: name || title, where, address: `${address}#${anchor || own}`, part });
  };
  for (const { entry, rank } of hits) put(entry.kind, rank, entry.name, entry.part, entry.anchor);
  const named = new Set([...groups.values()].filter(({ kind }) => kind === 2 || kind === 4).flatMap((group) => group.hits.map(({ part }) => part)));
  const text = inText(index, asked);
  for (const part of text.parts) if (!named.has(part)) put(TEXT, text.rank, "", part, "");
  return [...groups.values()].sort((a, b) => a.rank - b.rank || a.kind - b.kind)
    .map(({ kind, hits: list }) => ({ kind, hits: list.map(({ name, where, address }) => ({ name, where, address })) }));
}

const escapeHtml = (text) => text.replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);

// The results as HTML; with roles where they are the list of a field.
export function draw(groups, root, asOptions) {
  let i = 0;
  const hit = ({ name, where, address }) => {
    const role = asOptions ? ` role="option" tabindex="-1" aria-selected="false" id="cnn-hit-${i}"` : "";
    i += 1;
    return `<a${role} href="${escapeHtml(root + address)}"><b>${escapeHtml(name)}</b> <span>${escapeHtml(where)}</span></a>`;
  };
  return groups.map(({ kind, hits }) => (asOptions
    ? `<div role="group" aria-labelledby="cnn-kind-${kind}"><div class="cnn-kind" id="cnn-kind-${kind}" role="presentation">${KINDS[kind]}</div>${hits.map(hit).join("")}</div>`
    : `<h2>${KINDS[kind]}</h2><ul>${hits.map((each) => `<li>${hit(each)}</li>`).join("")}</ul>`)).join("");
}

export const count = (groups) => {
  const sum = groups.reduce((all, { hits }) => all + hits.length, 0);
  return sum === 0 ? "Nothing found" : sum === 1 ? "1 result" : `${sum} results`;
};

let loading = null;
function load() {
  const address = document.querySelector('meta[name="cnn-index"]').content;
  loading ??= fetch(address).then((answer) => answer.json()).then(unpack).catch((error) => { loading = null; throw error; });
  return loading;
}

function combobox(form, root) {
  const field = form.querySelector("input"), list = form.querySelector("[role=listbox]");
  const popup = form.querySelector(".cnn-found"), status = form.querySelector("[role=status]");
  const say = (text) => { status.textContent = popup.firstElementChild.textContent = text; };
  Object.entries({ role: "combobox", "aria-autocomplete": "list", "aria-controls": list.id, "aria-expanded": "false" })
    .forEach(([name, value]) => field.setAttribute(name, value));
  let active = -1;
  const options = () => [...list.querySelectorAll("[role=option]")];
  const choose = (next) => {
    const all = options();
    all[active]?.setAttribute("aria-selected", "false");
    active = next;
    all[active]?.setAttribute("aria-selected", "true");
    all[active]?.scrollIntoView({ block: "nearest" });
    if (all[active]) field.setAttribute("aria-activedescendant", all[active].id);
    else field.removeAttribute("aria-activedescendant");
  };
  const open = (is) => {
    popup.hidden = !is;
    field.setAttribute("aria-expanded", String(is && list.childElementCount > 0));
    if (!is) choose(-1);
  };
  const show = async () => {
    const text = field.value;
    let index;
    try {
      index = await load();
    } catch {
      say("The index could not be loaded; Enter opens a page with all names");
      popup.hidden = false;
      return;
    }
    if (text !== field.value) return;
    const groups = find(index, text);
    choose(-1);
    list.innerHTML = draw(groups, root, true);
    list.hidden = groups.length === 0;
    say(text.trim() ? count(groups) : "");
    popup.dataset.of = text;
    open(Boolean(text.trim()));
  };
  field.addEventListener("focus", () => { load().catch(() => {}); });
  field.addEventListener("input", show);
  field.addEventListener("keydown", (event) => {
    const all = popup.hidden ? [] : options(), last = all.length - 1;
    if (event.key === "ArrowDown" && popup.hidden && field.value.trim()) show();
    else if (event.key === "ArrowDown" && all.length) choose(active === last ? -1 : active + 1);
    else if (event.key === "ArrowUp" && all.length) choose(active === -1 ? last : active - 1);
    else if (event.key === "Enter" && all[active]) all[active].click();
    else if (event.key === "Escape" && !popup.hidden) open(false);
    else return;
    event.preventDefault();
  });
  form.addEventListener("focusout", ({ relatedTarget }) => { if (!form.contains(relatedTarget)) open(false); });
  list.addEventListener("click", ({ target }) => { if (target.closest("a")) open(false); });
  if (document.activeElement === field) {
    load().catch(() => {});
    if (field.value) show();
  }
}

async function resultsPage(place, root) {
  const text = new URLSearchParams(location.search).get("q") ?? "";
  if (!text.trim()) return;
  const field = document.querySelector(".sidebar-search");
  if (field) field.value = text;
  const groups = find(await load(), text, 30);
  place.innerHTML = `<p role="status">${count(groups)} for <b>${escapeHtml(text)}</b></p>${draw(groups, root, false)}`;
}

if (typeof document !== "undefined") {
  const root = document.documentElement.dataset.content_root ?? "./";
  document.querySelectorAll("form.sidebar-search-container").forEach((form) => form.querySelector("[role=listbox]") && combobox(form, root));
  const place = document.getElementById("cnn-results");
  if (place) resultsPage(place, root);
}
