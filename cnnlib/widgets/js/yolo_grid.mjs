// uses: shared/text.mjs shared/tree.mjs shared/view.mjs
// An object is { name, kind, at: [x1, y1, x2, y2] } in pixels. What yolo_targets of cnnlib.models.yolo writes for it:
export function aim({ at: [x1, y1, x2, y2] }, size, grid) {
  const [x, y] = [x1 + (x2 - x1) / 2, y1 + (y2 - y1) / 2];
  const [across, down] = [(x / size) * grid, (y / size) * grid];
  const [column, row] = [across, down].map((place) => Math.min(Math.floor(place), grid - 1));
  return { x, y, row, column, numbers: [across - column, down - row, (x2 - x1) / size, (y2 - y1) / size] };
}

// Which objects keep their cell: the largest in each; of equal ones the later.
export function keepers(aims) {
  const area = ({ numbers: [, , w, h] }) => w * h;
  const holds = {};
  aims.map((_, i) => i).sort((i, j) => area(aims[i]) - area(aims[j])).forEach((i) => { holds[`${aims[i].row} ${aims[i].column}`] = i; });
  return aims.map(({ row, column }) => holds[`${row} ${column}`]);
}

export function facts({ objects, image_size, grid_size, num_boxes, num_classes, object }) {
  const aims = objects.map((each) => aim(each, image_size, grid_size));
  const holders = keepers(aims);
  const holder = holders[object];
  const depth = num_boxes * 5 + num_classes;
  const hot = Array.from({ length: num_classes }, (_, c) => Number(c === objects[holder].kind));
  return {
    shape: [grid_size, grid_size, depth], depth, total: grid_size * grid_size * depth, proposals: grid_size * grid_size * num_boxes,
    aims, holders, holder, row: aims[object].row, column: aims[object].column, own: aims[object].numbers,
    kept: holders.map((h, i) => h === i), lost: objects.map((_, i) => i).filter((i) => holders[i] !== i),
    target: [...aims[holder].numbers, 1, ...hot],
  };
}

// What a click or a key on an object chooses: it, a neighbor in the list, or null for nothing.
export function chosenBy({ type, key, ctrlKey, altKey, metaKey }, place, count) {
  if (type === "click") return place;
  if (type !== "keydown" || ctrlKey || altKey || metaKey) return null;
  if (key === "Enter" || key === " ") return place;
  const way = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[key];
  return way ? (place + way + count) % count : null;
}

export function draw(state) {
  const now = facts(state);
  return `<div class="cnn-yolo" data-lm-suppress-shortcuts="true">${picture(state, now)}${buttons(state)}</div>`
    + `<figure class="cnn-yolo-strip">${strip(state, now)}<figcaption class="cnn-muted">The ${now.depth} numbers of one cell. Filled: the place of the class.</figcaption></figure>`
    + `<output class="cnn-readout cnn-yolo-readout" aria-live="polite">${words(state, now)}</output>`
    + `<div class="cnn-scroll" tabindex="0" role="region" aria-label="What is written into the cell">${table(state, now)}</div>`;
}

const shown = (name, text) => `<b data-value="${name}">${text}</b>`;
const line = (text) => `<span class="cnn-fact">${text}</span>`;
const where = (row, column) => `row ${row}, column ${column}`;
const the = ({ name }) => `the ${escapeHtml(name)}`;
const capital = (text) => text[0].toUpperCase() + text.slice(1);

function words(state, now) {
  const { objects, grid_size: s, num_boxes: b, num_classes: c, object } = state;
  const { x, y } = now.aims[object];
  const answer = b === 1 ? "The cell has one box, and it answers." : `Of the cell's ${b} boxes one answers: in training the one that overlaps the object most.`;
  return `<span class="cnn-headline">${shown("shape", now.shape.join(" × "))} = ${shown("total", number(now.total))} numbers</span>`
    + line(`S × S × (B · 5 + C): ${s} · ${s} cells, each with ${b} · 5 + ${c} = ${shown("depth", now.depth)}. Proposals in all: S · S · B = ${s} · ${s} · ${b} = ${shown("proposals", number(now.proposals))} boxes, for ${objects.length} objects.`)
    + line(`Center of ${the(objects[object])}: (${tidy(x)}, ${tidy(y)}), in the cell at ${shown("cell", where(now.row, now.column))}, counted from 0.`)
    + line(speaks(state, now)) + line(clash(state, now)) + line(`<span class="cnn-muted">${answer}</span>`);
}

function speaks({ objects, object }, { holder, own }) {
  if (holder === object) return `This cell is responsible for ${the(objects[object])}: its target is in the table.`;
  const [x, y, w, h] = own.map((share) => fixed(share));
  return `${capital(the(objects[object]))} is ${shown("fate", "lost")}: the target of this cell is that of ${the(objects[holder])}. Its own x ${x}, y ${y}, w ${w}, h ${h} are written nowhere.`;
}

function clash({ objects }, { lost, holders, aims }) {
  if (!lost.length) return `No two centers share a cell: all ${objects.length} objects are kept. Lost: ${shown("lost", "none")}.`;
  return lost.map((i) => `Two centers fall into one cell, ${where(aims[i].row, aims[i].column)}. Only the larger one is kept: ${shown("kept", the(objects[holders[i]]))}. Lost: ${shown("lost", the(objects[i]))}.`).join(" ");
}

const [LEFT, TOP, SIDE, WIDE, HIGH] = [18, 16, 280, 300, 298]; // of the picture in the drawing

function picture(state, now) {
  const { objects, image_size: size, grid_size: s, object } = state;
  const unit = SIDE / size;
  const cell = SIDE / s;
  const [x, y] = [(at) => tidy(LEFT + at), (at) => tidy(TOP + at)];
  const lines = Array.from({ length: s + 1 }, (_, i) => `M${x(i * cell)} ${TOP}v${SIDE}M${LEFT} ${y(i * cell)}h${SIDE}`).join("");
  const count = (i, chosen) => `${i === chosen ? ' font-weight="700"' : ""}>${i}</text>`;
  const numbers = Array.from({ length: s }, (_, i) => `<text x="${x((i + 0.5) * cell)}" y="11" text-anchor="middle"${count(i, now.column)}`
    + `<text x="${LEFT - 3}" y="${y((i + 0.5) * cell + 4)}" text-anchor="end"${count(i, now.row)}`).join("");
  const rect = (kind, left, top, width, height) => `<rect class="${kind}" x="${x(left)}" y="${y(top)}" width="${tidy(width)}" height="${tidy(height)}"/>`;
  const mine = (kind) => rect(kind, now.column * cell, now.row * cell, cell, cell);
  const boxes = objects.map(({ at: [x1, y1, x2, y2] }, i) => {
    const kind = `cnn-yolo-box${now.kept[i] ? "" : " cnn-yolo-lost"}${i === object ? " cnn-yolo-chosen" : ""}`;
    return rect(kind, x1 * unit, y1 * unit, (x2 - x1) * unit, (y2 - y1) * unit);
  });
  const middles = now.aims.map((each, i) => {
    const [cx, cy] = [x(each.x * unit), y(each.y * unit)];
    return now.kept[i] ? `<circle class="cnn-yolo-dot" cx="${cx}" cy="${cy}" r="3.5"/>`
      : `<path class="cnn-yolo-under" d="M${cx - 4.5} ${cy - 4.5}l9 9m0 -9l-9 9"/><path class="cnn-yolo-cross" d="M${cx - 4.5} ${cy - 4.5}l9 9m0 -9l-9 9"/>`;
  });
  const fates = objects.map((each, i) => `${each.name} in ${where(now.aims[i].row, now.aims[i].column)}${now.kept[i] ? "" : ", lost"}`);
  const label = `A ${s} by ${s} grid over a person who holds a ball, and a ball on the ground. Centers: ${fates.join("; ")}. Framed: the cell at ${where(now.row, now.column)}.`;
  return `<svg viewBox="0 0 ${WIDE} ${HIGH}" role="img" aria-label="${escapeHtml(label)}"><g transform="translate(${LEFT} ${TOP}) scale(${tidy(unit * 1000) / 1000})">${objects.map(figure).join("")}</g>`
    + `${mine("cnn-yolo-cell")}<path class="cnn-yolo-lines" d="${lines}"/>${boxes.join("")}${mine("cnn-yolo-under")}${mine("cnn-frame")}${middles.join("")}${numbers}</svg>`;
}

// A person with a head, a trunk, arms and legs, or a ball, in pixels of the picture.
function figure({ kind, at: [x1, y1, x2, y2] }) {
  const [w, h] = [x2 - x1, y2 - y1];
  if (kind === 1) return `<ellipse class="cnn-yolo-ball" cx="${x1 + w / 2}" cy="${y1 + h / 2}" rx="${w / 2}" ry="${h / 2}"/>`;
  const at = (points) => points.map(([a, b]) => `${tidy(x1 + a * w)} ${tidy(y1 + b * h)}`).join("L");
  const limb = (points) => `<path class="cnn-yolo-limb" d="M${at(points)}"/>`;
  return limb([[0.25, 0.3], [0.08, 0.5], [0.5, 0.52]]) + limb([[0.75, 0.3], [0.92, 0.44], [0.75, 0.5]])
    + limb([[0.36, 0.66], [0.36, 0.965]]) + limb([[0.64, 0.66], [0.64, 0.965]])
    + `<rect class="cnn-yolo-skin" x="${x1 + w * 0.2}" y="${y1 + h * 0.24}" width="${w * 0.6}" height="${h * 0.44}" rx="${w * 0.15}"/>`
    + `<circle class="cnn-yolo-skin" cx="${x1 + w / 2}" cy="${y1 + h * 0.11}" r="${h * 0.11}"/>`;
}

// One button over each object, the small ones on top.
function buttons({ objects, image_size: size, object }) {
  const area = ({ at: [x1, y1, x2, y2] }) => (x2 - x1) * (y2 - y1);
  const percent = (part, of) => `${tidy((100 * part) / of)}%`;
  const unit = SIDE / size;
  return objects.map((_, i) => i).sort((i, j) => area(objects[j]) - area(objects[i])).map((i) => {
    const { name, at: [x1, y1, x2, y2] } = objects[i];
    const style = `left:${percent(LEFT + x1 * unit, WIDE)};top:${percent(TOP + y1 * unit, HIGH)};width:${percent((x2 - x1) * unit, WIDE)};height:${percent((y2 - y1) * unit, HIGH)}`;
    return `<button type="button" data-object="${i}" aria-pressed="${i === object}" aria-label="choose the ${escapeHtml(name)}" style="${style}"></button>`;
  }).join("");
}

// The numbers of a cell side by side: B boxes of five, then the classes.
function strip({ num_boxes: b, num_classes: c, objects }, { depth, holder }) {
  const unit = 298 / depth;
  const rect = (kind, from, count) => `<rect class="${kind}" x="${tidy(1 + from * unit)}" y="16" width="${tidy(count * unit)}" height="16"/>`;
  const groups = Array.from({ length: b }, (_, i) => rect("cnn-cell cnn-input", i * 5, 5)).join("");
  const ticks = Array.from({ length: depth - 1 }, (_, i) => `M${tidy(1 + (i + 1) * unit)} ${(i + 1) % 5 && i + 1 < b * 5 ? 25 : 27}V32`).join("");
  const hot = objects[holder].kind;
  const label = `${depth} numbers a cell: ${b} times 5 for the boxes, then ${c} for the classes; class ${hot} is filled.`;
  return `<svg viewBox="0 0 300 34" role="img" aria-label="${label}"><text x="1" y="12">${b} box${b > 1 ? "es" : ""} · 5 numbers</text><text x="299" y="12" text-anchor="end">${c} classes</text>`
    + `${groups}${rect("cnn-cell cnn-todo", b * 5, c)}<path class="cnn-tick" d="${ticks}"/>${rect("cnn-yolo-hot", b * 5 + hot, 1)}</svg>`;
}

function table({ objects, kinds, image_size: size, grid_size: s, num_classes: c }, { holder, aims, target }) {
  const { name, kind, at: [x1, y1, x2, y2] } = objects[holder];
  const { x, y, row, column } = aims[holder];
  const rows = [
    ["x", "x in cell", fixed(target[0]), `${tidy(x)} / ${size} · ${s} − ${column}`],
    ["y", "y in cell", fixed(target[1]), `${tidy(y)} / ${size} · ${s} − ${row}`],
    ["w", "w, share", fixed(target[2]), `${tidy(x2 - x1)} / ${size}`],
    ["h", "h, share", fixed(target[3]), `${tidy(y2 - y1)} / ${size}`],
    ["confidence", "confidence", target[4], "an object here"],
    ["hot", `class ${kind}`, target[5 + kind], escapeHtml(kinds[kind])],
    ["cold", `other ${c - 1}`, 0, "every other class"]];
  return `<table class="cnn-counts cnn-yolo-table"><caption>Target of the cell at ${where(row, column)}: ${the({ name })}</caption>`
    + `<thead><tr><th scope="col">number</th><th scope="col">target</th><th scope="col">from</th></tr></thead><tbody>`
    + `${rows.map(([id, title, value, from]) => `<tr><th scope="row">${title}</th><td>${shown(id, value)}</td><td class="cnn-left">${from}</td></tr>`).join("")}</tbody></table>`;
}

const NAMES = ["objects", "kinds", "image_size", "grid_size", "num_boxes", "num_classes", "object"];
const plain = renderer({ draw, names: NAMES });

// The picture is renewed when something changes: the focus goes back to the button of the same object.
function render({ model, el }) {
  let focused;
  const button = (i) => el.querySelector(`[data-object="${i}"]`);
  const remember = () => {
    const active = el.getRootNode().activeElement;
    focused = active && el.contains(active) ? active.dataset.object : undefined;
  };
  const restore = () => { if (focused !== undefined) button(focused)?.focus({ preventScroll: true }); };
  const act = (event) => {
    const over = event.target.closest("[data-object]");
    const next = over ? chosenBy(event, Number(over.dataset.object), model.get("objects").length) : null;
    if (next === null) return;
    event.preventDefault();
    model.set("object", next);
    model.save_changes();
    button(next)?.focus({ preventScroll: true });
  };
  const all = (way, handler) => NAMES.forEach((name) => model[way](`change:${name}`, handler));
  all("on", remember); // before the picture is renewed
  const undo = plain({ model, el });
  all("on", restore); // after it
  ["click", "keydown"].forEach((kind) => el.addEventListener(kind, act));
  return () => {
    ["click", "keydown"].forEach((kind) => el.removeEventListener(kind, act));
    undo();
    all("off", remember);
    all("off", restore);
  };
}

export default { render };
