// Runs the book's widgets on a page with no kernel: native controls for the stock ipywidgets, link models, and
// anywidget's front-end contract (render({ model, el })) for the views. The same functions write the default state
// into the page at build time (markup), so that mounting changes nothing that is seen; only forms and fields wait until a
// widget is near the screen (cnn_book/widgets.py says why). It also marks the reader's place in
// the page's contents and starts the scripts that wait.
//
// A page carries <script id="cnn-widgets" type="application/json"> with
//   models: {id: {kind, …state}}, links: [[id, trait, id, trait]], and for views esm (an address) and files {trait: address}.

const escape = (text) => String(text).replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);
const shown = (value) => escape(Number.isInteger(value) ? value : Math.round(value * 1000) / 1000);
const label = (model, inner, kind = "") => `<label class="cnn-control${kind}"><span class="cnn-name">${escape(model.description)}</span>${inner}</label>`;
const range = (id, m) => label(m, `<input type="range" autocomplete="off" data-id="${id}" min="${m.min}" max="${m.max}" step="${m.step ?? 1}" value="${m.value}">`
  + (m.readout === false ? "" : `<span class="cnn-value" aria-hidden="true">${shown(m.value)}</span>`));
const field = (id, m) => label(m, `<input type="number" autocomplete="off" inputmode="decimal" step="any" data-id="${id}" value="${m.value}"`
  + `${m.min === undefined ? "" : ` min="${m.min}"`}${m.max === undefined ? "" : ` max="${m.max}"`}>`, " cnn-field");
const box = (name) => (id, m, html) => `<div class="${[`cnn-${name}`, ...(m._dom_classes ?? [])].join(" ")}">${m.children.map(html).join("")}</div>`;
const choices = (m, one) => m._options_labels.map((text, i) => one(escape(text), i, i === m.index)).join("");

// How each model is written. Whatever is not here fails the build by its name.
const MARKUP = {
  IntSlider: range,
  FloatSlider: range,
  IntText: field,
  FloatText: field,
  BoundedIntText: field,
  BoundedFloatText: field,
  Checkbox: (id, m) => `<label class="cnn-control cnn-check"><input type="checkbox" data-id="${id}"${m.value ? " checked" : ""}>${escape(m.description)}</label>`,
  Dropdown: (id, m) => label(m, `<select autocomplete="off" data-id="${id}">${choices(m, (text, i, on) => `<option value="${i}"${on ? " selected" : ""}>${text}</option>`)}</select>`),
  ToggleButtons: (id, m) => `<fieldset class="cnn-control cnn-toggle" data-id="${id}"><legend class="cnn-name">${escape(m.description)}</legend>${
    choices(m, (text, i, on) => `<label><input type="radio" name="${id}" value="${i}"${on ? " checked" : ""}>${text}</label>`)}</fieldset>`,
  Label: (id, m) => `<p class="cnn-label">${escape(m.value)}</p>`,
  Play: (id) => `<button type="button" class="cnn-play" data-id="${id}" aria-pressed="false">▶ Play</button>`,
  VBox: box("column"),
  HBox: box("row"),
  View: (id, m) => `<div class="cnn-view" data-id="${id}">${m.html ?? ""}</div>`,
};

export function markup(models, id) {
  const model = models[id];
  if (!MARKUP[model.kind]) throw new Error(`unsupported widget ${model.kind}`);
  return MARKUP[model.kind](id, model, (child) => markup(models, child));
}

class Model {
  constructor(state) {
    this.state = state;
    this.handlers = {};
  }
  get(name) { return this.state[name]; }
  set(name, value) {
    if (this.state[name] === value) return;
    this.state[name] = value;
    this.emit(`change:${name}`);
    this.emit("change");
  }
  save_changes() {}
  on(event, handler) { (this.handlers[event] ??= new Set()).add(handler); }
  off(event, handler) {
    if (handler) this.handlers[event]?.delete(handler);
    else delete this.handlers[event];
  }
  emit(event) { [...(this.handlers[event] ?? [])].forEach((handler) => handler()); }
}

// How each control is joined to its model: what the reader does goes in, what links change comes out.
function wireValue(input, model, read, write) {
  input.addEventListener("input", () => {
    const value = read(input);
    if (value !== undefined) model.set("value", value);
  });
  model.on("change:value", () => write(input));
  return () => {
    const value = read(input); // what was moved before the page's script was there
    if (value !== undefined) model.set("value", value);
  };
}

function wireNumber(input, model) {
  const write = () => {
    if (Number(input.value) !== model.get("value")) input.value = model.get("value");
    const text = input.parentElement.querySelector(".cnn-value");
    if (text) text.textContent = shown(model.get("value"));
  };
  for (const bound of ["min", "max"]) {
    model.on(`change:${bound}`, () => {
      input[bound] = model.get(bound);
      model.set("value", Math.min(Math.max(model.get("value"), model.get("min")), model.get("max")));
    });
  }
  const read = () => (input.value === "" || !input.validity.valid ? undefined : Number(input.value));
  return wireValue(input, model, read, write);
}

function wireIndex(inputs, model, read, write) {
  const take = () => model.set("index", read());
  inputs.forEach((input) => input.addEventListener("change", take));
  model.on("change:index", write);
  return take;
}

function wirePlay(button, model) {
  let timer = null;
  const stop = () => {
    clearInterval(timer);
    timer = null;
    button.setAttribute("aria-pressed", "false");
    button.textContent = "▶ Play";
  };
  const step = () => {
    const next = model.get("value") + (model.get("step") ?? 1);
    if (next > model.get("max")) stop();
    else model.set("value", next);
  };
  button.addEventListener("click", () => {
    if (timer) {
      stop();
      return;
    }
    if (model.get("value") >= model.get("max")) model.set("value", model.get("min"));
    timer = setInterval(step, model.get("interval"));
    button.setAttribute("aria-pressed", "true");
    button.textContent = "❚❚ Pause";
  });
  model.on("change:max", () => { if (model.get("value") > model.get("max")) model.set("value", model.get("max")); });
}

const WIRE = {
  IntSlider: wireNumber,
  FloatSlider: wireNumber,
  IntText: wireNumber,
  FloatText: wireNumber,
  BoundedIntText: wireNumber,
  BoundedFloatText: wireNumber,
  Play: wirePlay,
  Checkbox: (input, model) => wireValue(input, model, () => input.checked, () => { input.checked = model.get("value"); }),
  Dropdown: (select, model) => wireIndex([select], model, () => select.selectedIndex, () => { select.selectedIndex = model.get("index"); }),
  ToggleButtons: (set, model) => {
    const inputs = [...set.querySelectorAll("input")];
    return wireIndex(inputs, model, () => inputs.findIndex((input) => input.checked), () => { inputs[model.get("index")].checked = true; });
  },
};

// Put the forms and fields back for which plain elements stand in the page.
function fillIn(root) {
  root.querySelectorAll(".cnn-blank").forEach((blank) => { blank.outerHTML = blank.dataset.html; });
  root.querySelectorAll("[data-for]").forEach((text) => { text.htmlFor = text.dataset.for; });
  for (const place of root.querySelectorAll("[data-form]")) {
    const form = document.createElement("form");
    [...place.attributes].forEach(({ name, value }) => form.setAttribute(name.replace("data-novalidate", "novalidate"), value));
    form.append(...place.childNodes);
    form.addEventListener("submit", (event) => event.preventDefault()); // the view that judges it may still be on its way
    place.replaceWith(form);
  }
}

async function mountView(el, model, base) {
  const address = (name) => new URL(name, base).href;
  const files = Object.entries(model.get("files") ?? {}).map(async ([trait, name]) => [trait, await (await fetch(address(name))).json()]);
  for (const [trait, value] of await Promise.all(files)) model.state[trait] = value;
  const view = (await import(address(model.get("esm")))).default;
  await view.initialize?.({ model });
  await view.render({ model, el });
}

function start(script) {
  const { models: states, links } = JSON.parse(script.textContent);
  const base = new URL(script.dataset.base, document.baseURI);
  const models = Object.fromEntries(Object.entries(states).map(([id, state]) => [id, new Model(state)]));
  for (const [a, x, b, y] of links) {
    const [source, target] = [models[a], models[b]];
    source.on(`change:${x}`, () => target.set(y, source.get(x)));
    target.on(`change:${y}`, () => source.set(x, target.get(y)));
  }
  const mount = async (root) => {
    if (root.dataset.state) return;
    root.dataset.state = "mounting";
    fillIn(root);
    const elements = [...root.querySelectorAll("[data-id]")].map((el) => [el, models[el.dataset.id]]);
    const take = elements.map(([el, model]) => WIRE[model.get("kind")]?.(el, model));
    await Promise.all(elements.filter(([, model]) => model.get("kind") === "View").map(([el, model]) => mountView(el, model, base)));
    take.forEach((read) => read?.());
    root.dataset.state = "ready";
  };
  const near = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      near.unobserve(target);
      mount(target);
    }
  }, { rootMargin: "300px" });
  const roots = [...document.querySelectorAll(".cnn-widget")];
  roots.forEach((root) => near.observe(root));
  document.addEventListener("focusin", ({ target }) => { // so that the Tab key finds the fields of the next widget and of the one before
    const next = roots.filter((root) => !(target.compareDocumentPosition(root) & Node.DOCUMENT_POSITION_FOLLOWING)).length;
    roots.slice(Math.max(next - 1, 0), next + 1).forEach(mount);
  });
}

// Mark where the reader is in the page's contents. Furo's own way asks for the place of every heading, for which the
// browser would have to lay out the whole page at once; so Furo does not find the contents when it starts.
function followReader(tree) {
  const items = new Map([...tree.querySelectorAll("a")].map((link) => [link.hash.slice(1), link.closest("li")]));
  const sections = [...items.keys()].map((id) => id && document.getElementById(id)).filter(Boolean);
  const here = new Set();
  const watch = new IntersectionObserver((entries) => {
    entries.forEach(({ target, isIntersecting }) => here[isIntersecting ? "add" : "delete"](target));
    items.forEach((item) => item.classList.remove("scroll-current"));
    const innermost = sections.findLast((section) => here.has(section));
    for (let item = items.get(innermost?.id); item; item = item.parentElement.closest("li")) item.classList.add("scroll-current");
  }, { rootMargin: "-20% 0px -79% 0px" }); // a line below the top of the screen
  sections.forEach((section) => watch.observe(section));
  const column = tree.closest(".toc-scroll");
  document.addEventListener("DOMContentLoaded", () => column.classList.remove("toc-scroll"), { capture: true });
  window.addEventListener("DOMContentLoaded", () => column.classList.add("toc-scroll"));
}

// Formulas far from the screen are not laid out, so a browser would ask for their fonts when the reader comes to them, and
// lines would move; what marks a formula's letters says which of KaTeX's fonts the page needs.
const FONTS = {
  ".katex": "1em KaTeX_Main", ".katex .mathnormal": "italic 1em KaTeX_Math", ".katex .mathbf": "bold 1em KaTeX_Main",
  ".katex :is(.mathbb, .amsrm)": "1em KaTeX_AMS", ".katex .mathcal": "1em KaTeX_Caligraphic",
  ".katex :is(.delimsizing.size1, .small-op)": "1em KaTeX_Size1", ".katex :is(.delimsizing.size2, .large-op)": "1em KaTeX_Size2",
  ".katex .delimsizing.size3": "1em KaTeX_Size3", ".katex .delimsizing:is(.size4, .mult)": "1em KaTeX_Size4",
};

function loadFonts() {
  Object.entries(FONTS).filter(([marks]) => document.querySelector(marks)).forEach(([, font]) => document.fonts.load(font));
}

// Scripts that can wait until the page stands; in their own order.
function startLater() {
  for (const address of JSON.parse(document.getElementById("cnn-later")?.textContent ?? "[]")) {
    document.head.append(Object.assign(document.createElement("script"), { src: address, async: false }));
  }
}

if (typeof document !== "undefined") {
  const tree = document.querySelector(".toc-tree");
  if (tree) followReader(tree);
  addEventListener("load", () => (window.requestIdleCallback ?? setTimeout)(() => {
    loadFonts();
    startLater();
  }));
  const script = document.getElementById("cnn-widgets");
  if (script) start(script);
}
