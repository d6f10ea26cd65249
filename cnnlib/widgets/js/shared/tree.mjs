// Writes HTML text into an element and changes there only what differs from the text before. The text is read here: for
// the browser's own parser and its nodes a slow phone takes longer than for all the rest.
function writer(el) {
  let kids = null;
  return (html) => {
    const next = readTree(html);
    const changed = kids && changeKids(el, kids, next, html);
    if (!changed) fillElement(el, html);
    kids = changed || joined(next, el.firstChild) ? next : null;
  };
}

// A page of the website holds the text already; its nodes are kept, so that nothing is laid out again.
function fillElement(el, html) {
  const fresh = el.cloneNode(false);
  fresh.innerHTML = html;
  if (!fresh.isEqualNode(el)) el.replaceChildren(...fresh.childNodes);
}

const PIECE = /^(\/?)([\w-]*)((?:[^">]|"[^"]*")*)>([^]*)$/; // end tag?, name, attributes, the text that follows
const EMPTY = new Set(["br", "col", "hr", "img", "input", "wbr"]);

// The text, which starts with a tag, as [{name, attributes, kids, from, to}], plain text as {name: "#text", text, from, to};
// from and to say where in the HTML.
function readTree(html) {
  const open = [{ kids: [] }];
  let from = 0;
  for (const piece of html.slice(1).split("<")) {
    const [, end, name, attributes, text] = PIECE.exec(piece);
    const to = from + 1 + piece.length;
    if (end) {
      open.pop().to = to - text.length;
    } else {
      const node = { name, attributes, kids: [], from, to: to - text.length };
      open.at(-1).kids.push(node);
      if (!attributes.endsWith("/") && !EMPTY.has(name)) open.push(node);
    }
    if (text) open.at(-1).kids.push({ name: "#text", text, from: to - text.length, to });
    from = to;
  }
  return open[0].kids;
}

// Give each part of a tree its node on the page, the first of them and those beside it; false where something else stands.
function joined(kids, node) {
  for (const kid of kids) {
    if (node?.nodeName.toLowerCase() !== kid.name.toLowerCase() || !joined(kid.kids ?? [], node.firstChild)) return false;
    kid.node = node;
    node = node.nextSibling;
  }
  return !node;
}

// From both ends, what has the same name is the same thing; what is left in the middle goes and comes. False where
// something else has come upon the page, a translator's words perhaps.
function changeKids(parent, was, is, html) {
  if (was.some(({ node }) => node.parentNode !== parent)) return false;
  const most = Math.min(was.length, is.length);
  let [start, end] = [0, 0];
  while (start < most && was[start].name === is[start].name) start += 1;
  while (end < most - start && was.at(-1 - end).name === is.at(-1 - end).name) end += 1;
  was.slice(start, was.length - end).forEach(({ node }) => node.remove());
  insertKids(parent, is.slice(start, is.length - end), end ? was.at(-end).node : null, html);
  const pairs = [...is.keys()].filter((i) => i < start || i >= is.length - end);
  return pairs.every((i) => changeNode(was[i < start ? i : i + was.length - is.length], is[i], html));
}

function insertKids(parent, kids, after, html) {
  if (!kids.length) return;
  const range = document.createRange();
  range.selectNodeContents(parent);
  const fragment = range.createContextualFragment(html.slice(kids[0].from, kids.at(-1).to));
  joined(kids, fragment.firstChild);
  parent.insertBefore(fragment, after);
}

function changeNode(was, is, html) {
  is.node = was.node;
  if (is.text !== was.text) is.node.data = decoded(is.text);
  if (is.attributes !== was.attributes) changeAttributes(is.node, attributesOf(was), attributesOf(is));
  return !is.kids || changeKids(is.node, was.kids, is.kids, html);
}

const attributesOf = (tree) => (tree.values ??= [...tree.attributes.matchAll(/([\w:-]+)(?:="([^"]*)")?/g)]);

function changeAttributes(node, was, is) {
  const alike = was.length === is.length && is.every(([, name], i) => name === was[i][1]);
  if (!alike) was.forEach(([, name]) => node.removeAttribute(name));
  is.forEach(([, name, value], i) => {
    if (!alike || value !== was[i][2]) node.setAttribute(name, decoded(value ?? ""));
  });
}

function decoded(text) {
  if (!text.includes("&")) return text;
  const area = document.createElement("textarea");
  area.innerHTML = text;
  return area.value;
}
