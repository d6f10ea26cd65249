// Make anywidget's render() out of a pure draw(state) -> HTML text.
//
// names: the traits that draw reads. derive(state) -> {trait: value}: traits computed from the others, kept up to date
// on the model so that controls can be linked to them. When a trait changes, the top-level elements stay and only what
// is in them is renewed: a live region keeps its node, so a screen reader announces the change. The same holds inside an
// element with data-parts: a region that scrolls keeps the focus and its place.
export function renderer({ draw, derive, names }) {
  return ({ model, el }) => {
    const read = () => Object.fromEntries(names.map((name) => [name, model.get(name)]));
    const show = () => {
      if (derive) setChanged(model, derive(read()));
      patch(el, draw(read()));
    };
    el.classList.add("cnn-view");
    names.forEach((name) => model.on(`change:${name}`, show));
    show();
    return () => names.forEach((name) => model.off(`change:${name}`, show));
  };
}

function setChanged(model, values) {
  const changed = Object.entries(values).filter(([name, value]) => model.get(name) !== value);
  changed.forEach(([name, value]) => model.set(name, value));
  if (changed.length) model.save_changes();
}

function patch(el, html) {
  const next = document.createElement("div");
  next.innerHTML = html;
  const old = [...el.children];
  const same = old.length === next.children.length && old.every((child, i) => child.tagName === next.children[i].tagName);
  if (!same) {
    el.replaceChildren(...next.childNodes);
    return;
  }
  old.forEach((child, i) => {
    const { className, innerHTML } = next.children[i];
    if (child.className !== className) child.className = className;
    if (child.innerHTML === innerHTML) return;
    if ("parts" in child.dataset) patch(child, innerHTML);
    else child.innerHTML = innerHTML;
  });
}
