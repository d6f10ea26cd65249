// Make anywidget's render() out of a pure draw(state) -> HTML text.
//
// names: the traits that draw reads. derive(state) -> {trait: value}: traits computed from the others, kept up to date
// on the model so that controls can be linked to them. When a trait changes, only what differs is changed on the page:
// a live region keeps its node, so a screen reader announces the change, and what has the focus keeps it.
export function renderer({ draw, derive, names }) {
  return ({ model, el }) => {
    const read = () => Object.fromEntries(names.map((name) => [name, model.get(name)]));
    let settling = false;
    const show = () => {
      if (settling) return; // a derived trait moved, or a control linked to one: drawn once, when all stand
      settling = true;
      while (derive && setChanged(model, derive(read())));
      settling = false;
      patch(el, draw(read()));
    };
    el.classList.add("cnn-view");
    names.forEach((name) => model.on(`change:${name}`, show));
    show();
    return () => names.forEach((name) => model.off(`change:${name}`, show));
  };
}

function setChanged(model, values) {
  const changed = Object.entries(values).filter(([name, value]) => !sameValue(model.get(name), value));
  changed.forEach(([name, value]) => model.set(name, value));
  if (changed.length) model.save_changes();
  return changed.length > 0;
}

const sameValue = (a, b) => a === b || JSON.stringify(a) === JSON.stringify(b);

function patch(el, html) {
  const next = document.createElement("template");
  next.innerHTML = html;
  patchChildren(el, next.content);
}

function patchChildren(old, next) {
  let [here, there] = [old.firstChild, next.firstChild];
  while (there) {
    const [hereAfter, thereAfter] = [here?.nextSibling, there.nextSibling];
    if (here) patchNode(here, there);
    else old.append(there);
    [here, there] = [hereAfter, thereAfter];
  }
  while (here) {
    const after = here.nextSibling;
    here.remove();
    here = after;
  }
}

function patchNode(old, next) {
  if (old.isEqualNode(next)) return;
  if (!alike(old, next)) {
    old.replaceWith(next);
  } else if (old.nodeType !== Node.ELEMENT_NODE) {
    old.data = next.data;
  } else {
    for (let i = 0; i < next.attributes.length; i += 1) {
      const { name, value } = next.attributes[i];
      if (old.attributes[i].value !== value) old.setAttribute(name, value);
    }
    patchChildren(old, next);
  }
}

// The same kind of node; of an element also the same attributes in the same order, whatever they hold.
function alike(a, b) {
  if (a.nodeName !== b.nodeName || a.attributes?.length !== b.attributes?.length) return false;
  for (let i = 0; i < (a.attributes?.length ?? 0); i += 1) {
    if (a.attributes[i].name !== b.attributes[i].name) return false;
  }
  return true;
}
