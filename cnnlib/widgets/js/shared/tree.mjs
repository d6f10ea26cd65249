// Writes HTML text into an element and changes there only what differs from the text before. The text is read here: for
// the browser's own parser and its nodes a slow phone takes longer than for all the rest.
function writer(el) {
  let kids = null;
  return (html) => {
    const next = readTree(html);
    const changed = kids && changeKids(el, kids, next);
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

// The text, which starts with a tag, as [{name, attributes, kids, html}], plain text as {name: "#text", text, html}.
function readTree(html) {
  const open = [{ kids: [] }];
  let from = 0;
  for (const piece of html.slice(1).split("<")) {
    const [, end, name, attributes, text] = PIECE.exec(piece);
    const to = from + 1 + piece.length - text.length;
    if (end) {
      const node = open.pop();
      node.html = html.slice(node.from, to);
    } else {
      const node = { name, attributes, kids: [], from, html: html.slice(from, to) };
      open.at(-1).kids.push(node);
      if (!attributes.endsWith("/") && !EMPTY.has(name)) open.push(node);
    }
    if (text) open.at(-1).kids.push({ name: "#text", text, html: text });
    from = to + text.length;
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
function changeKids(parent, was, is) {
  if (was.some(({ node }) => node.parentNode !== parent)) return false;
  const most = Math.min(was.length, is.length);
  let [start, end] = [0, 0];
  while (start < most && was[start].name === is[start].name) start += 1;
  while (end < most - start && was.at(-1 - end).name === is.at(-1 - end).name) end += 1;
  was.slice(start, was.length - end).forEach(({ node }) => node.remove());
  insertKids(parent, is.slice(start, is.length - end), end ? was.at(-end).node : null);
  const pairs = [...is.keys()].filter((i) => i < start || i >= is.length - end);
  return pairs.every((i) => changeNode(was[i < start ? i : i + was.length - is.length], is[i]));
}

function insertKids(parent, kids, after) {
  if (!kids.length) return;
  const range = document.createRange();
  range.selectNodeContents(parent);
  const fragment = range.createContextualFragment(kids.map((kid) => kid.html).join(""));
  joined(kids, fragment.firstChild);
  parent.insertBefore(fragment, after);
}

function changeNode(was, is) {
  is.node = was.node;
  if (is.html === was.html) {
    is.kids = was.kids; // with their nodes
    return true;
  }
  if (is.text !== was.text) is.node.data = decoded(is.text);
  if (is.attributes !== was.attributes) changeAttributes(is.node, attributesOf(was), attributesOf(is));
  return !is.kids || changeKids(is.node, was.kids, is.kids);
}

const attributesOf = (tree) => (tree.values ??= [...tree.attributes.matchAll(/([\w:-]+)(?:="([^"]*)")?/g)]);

function changeAttributes(node, was, is) {
  const alike = was.length === is.length && is.every(([, name], i) => name === was[i][1]);
  if (!alike) was.forEach(([, name]) => node.removeAttribute(name));
  is.forEach(([, name, value], i) => {
    if (!alike || value !== was[i][2]) node.setAttribute(name, decoded(value ?? ""));
  });
}

const CHARACTERS = { amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'", nbsp: "\u00a0" }; // all that views write

const decoded = (text) => text.replace(/&(#?\w+);/g, (all, name) => CHARACTERS[name] ?? all);
