// Make anywidget's render() out of a pure draw(state) -> HTML text.
//
// names: the traits that draw reads. derive(state) -> {trait: value}: traits computed from the others, kept up to date
// on the model so that controls can be linked to them. When a trait changes, only what differs is changed on the page:
// a live region keeps its node, so a screen reader announces the change, and what has the focus keeps it.
export function renderer({ draw, derive, names }) {
  return ({ model, el }) => {
    const read = () => Object.fromEntries(names.map((name) => [name, model.get(name)]));
    const put = writer(el);
    let settling = false;
    const show = () => {
      if (settling) return; // a derived trait moved, or a control linked to one: drawn once, when all stand
      settling = true;
      while (derive && setChanged(model, derive(read())));
      settling = false;
      put(draw(read()));
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
