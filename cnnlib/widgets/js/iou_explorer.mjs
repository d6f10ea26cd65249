// uses: shared/text.mjs shared/tree.mjs shared/view.mjs
// A box is [x1, y1, x2, y2] in pixels of the board; what can be dragged is "a.body", "a.start" (upper left corner),
// "a.end" (lower right corner), and the same of b.
const BOARD = 16;
const LARGE_STEP = 4; // with Shift
const BOXES = ["a", "b"];
const PARTS = ["body", "start", "end"];
const traitNames = (box) => ["left", "top", "width", "height"].map((part) => `${box}_${part}`);
const TRAITS = BOXES.flatMap(traitNames);
const between = (low, value, high) => Math.min(Math.max(value, low), high);

// A box as it stands: as wide and high as asked, moved back where it would stick out of the board.
export function boxOf(state, box) {
  const [left, top, width, height] = traitNames(box).map((name) => state[name]);
  const [x1, y1] = [Math.min(left, BOARD - width), Math.min(top, BOARD - height)];
  return [x1, y1, x1 + width, y1 + height];
}

export function traitsOf(box, [x1, y1, x2, y2]) {
  const values = [x1, y1, x2 - x1, y2 - y1];
  return Object.fromEntries(traitNames(box).map((name, i) => [name, values[i]]));
}

// One part moved by whole pixels; the border stops it, and so does the opposite corner: a box is at least 1 x 1.
export function shifted([x1, y1, x2, y2], part, dx, dy) {
  if (part === "start") return [between(0, x1 + dx, x2 - 1), between(0, y1 + dy, y2 - 1), x2, y2];
  if (part === "end") return [x1, y1, between(x1 + 1, x2 + dx, BOARD), between(y1 + 1, y2 + dy, BOARD)];
  const [right, down] = [between(-x1, dx, BOARD - x2), between(-y1, dy, BOARD - y2)];
  return [x1 + right, y1 + down, x2 + right, y2 + down];
}

const moveOf = (state, name, dx, dy) => {
  const [box, part] = name.split(".");
  return traitsOf(box, shifted(boxOf(state, box), part, dx, dy));
};

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

// The traits after a key was pressed on a part, or null if the key means nothing.
export function afterKey(state, name, key, shift) {
  const step = shift ? LARGE_STEP : 1;
  return Object.hasOwn(ARROWS, key) ? moveOf(state, name, ...ARROWS[key].map((way) => way * step)) : null;
}

// The traits after a part was dragged. state: when the drag began; from and to: [x, y] on the screen; side: of the drawing there.
export function afterDrag(state, name, from, to, side) {
  const pixel = (side * CELL) / SIDE;
  const [dx, dy] = [0, 1].map((axis) => (pixel > 0 ? Math.round((to[axis] - from[axis]) / pixel) : 0));
  return moveOf(state, name, dx, dy);
}

const areaOf = ([x1, y1, x2, y2]) => (x2 - x1) * (y2 - y1);

function relationOf(shared, gap, areas) {
  if (!shared) return gap[0] || gap[1] ? "apart" : "touching";
  if (areas[0] === shared && areas[1] === shared) return "equal";
  return areas.includes(shared) ? "nested" : "overlapping";
}

export function facts(state) {
  const [a, b] = BOXES.map((box) => boxOf(state, box));
  const inner = [0, 1, 2, 3].map((i) => (i < 2 ? Math.max : Math.min)(a[i], b[i]));
  const around = [0, 1, 2, 3].map((i) => (i < 2 ? Math.min : Math.max)(a[i], b[i]));
  const gap = [0, 1].map((axis) => Math.max(inner[axis] - inner[axis + 2], 0));
  const meet = inner[2] > inner[0] && inner[3] > inner[1];
  const intersection = meet ? areaOf(inner) : 0;
  const areas = [areaOf(a), areaOf(b)];
  const union = areas[0] + areas[1] - intersection;
  const [iou, aroundArea] = [intersection / union, areaOf(around)];
  return {
    a, b, areas, inner: meet ? inner : null, around, gap, intersection, union, iou, aroundArea,
    empty: aroundArea - union, giou: iou - (aroundArea - union) / aroundArea,
    relation: relationOf(intersection, gap, areas), hit: 2 * intersection >= union,
    edge: !meet && inner.some((value, i) => i < 2 && inner[i + 2] > value),
    stopped: TRAITS.filter((name) => /left|top/.test(name) && traitsOf(name[0], name[0] === "a" ? a : b)[name] !== state[name]),
  };
}

const value = (name, text) => `<b data-value="${name}">${text}</b>`;
const line = (text) => `<span class="cnn-fact">${text}</span>`;
const corners = ([x1, y1, x2, y2]) => `from (${x1}, ${y1}) to (${x2}, ${y2})`;
const product = ([x1, y1, x2, y2]) => `${x2 - x1} × ${y2 - y1} = `;

export function draw(state) {
  const now = facts(state);
  return `<div class="cnn-iou-columns"><figure class="cnn-iou"><div class="cnn-iou-board">${picture(now)}${parts(now)}</div>`
    + "<figcaption class=\"cnn-muted\">Shaded: the union. Hatched: the intersection. Dashed: the smallest box around both. In pixels; y runs down.</figcaption></figure>"
    + `<p class="cnn-iou-hint cnn-muted">Drag a box, or one of the squares on its corners. Or press Tab until a box or a corner is framed, then an arrow key (with Shift: ${LARGE_STEP} pixels). `
    + "The sliders do the same. A box stops at the border: left and top count only as far as width and height leave room.</p>"
    + `<output class="cnn-readout cnn-iou-readout" aria-live="polite">${words(state, now)}</output></div>`;
}

function words(state, now) {
  const { a, b, areas, inner, intersection, union, iou, around, aroundArea, empty, giou, hit } = now;
  return `<span class="cnn-headline">IoU = ${value("fraction", `${intersection} / ${union}`)} = ${value("iou", fixed(iou))}, GIoU&nbsp;=&nbsp;${value("giou", fixed(giou))}</span>`
    + line(meaning(now))
    + line(`IoU is ${hit ? `at least 0.5: ${value("hit", "a hit")}` : `below 0.5: ${value("hit", "no hit")}`} by the rule of Pascal VOC.`)
    + line(`A ${corners(a)}: ${product(a)}${areas[0]}. B ${corners(b)}: ${product(b)}${areas[1]}.`)
    + line(`Intersection: ${inner ? product(inner) : ""}${value("intersection", intersection)}. Union: ${areas[0]} + ${areas[1]} − ${intersection} = ${value("union", union)}.`)
    + line(`Box around both: ${product(around)}${value("around", aroundArea)}, and ${value("empty", empty)} of it belong to neither. GIoU = ${fixed(iou)} − ${empty} / ${aroundArea}.`)
    + line(stops(state, now));
}

// What the state means.
export function meaning({ relation, gap, edge, empty, areas }) {
  const [cols, rows] = gap;
  const name = (text) => value("relation", text);
  const [inside, outside] = areas[0] < areas[1] ? ["A", "B"] : ["B", "A"];
  const between_ = [[cols, "column"], [rows, "row"]].filter(([count]) => count).map(([count, word]) => plural(count, word)).join(" and ");
  return {
    apart: `The boxes are ${name("apart")}, with ${between_} between them. IoU is 0 whatever the distance, but GIoU falls with each pixel: it still says which way is better.`,
    touching: `The boxes are ${name("touching")} ${edge ? "along an edge" : "in a corner"}. They share no area, so IoU is 0, and GIoU is ${empty ? "below 0" : "0, because nothing around them is empty"}.`,
    nested: `The boxes are ${name("nested")}: ${inside} lies inside ${outside}, so IoU is the smaller area divided by the larger. The box around both is ${outside}, so GIoU is the same, wherever in it ${inside} lies.`,
    equal: `The boxes are ${name("equal")}: IoU and GIoU are 1, and they are never more.`,
    overlapping: `The boxes are ${name("overlapping")} in part. ${empty ? "GIoU is less than IoU, by the empty share of the box around both." : "Nothing in the box around both is empty, so GIoU is the same as IoU."}`,
  }[relation];
}

function stops(state, { a, b, stopped }) {
  if (!stopped.length) return "Both boxes stand where their sliders say.";
  const each = stopped.map((name) => `${name[0].toUpperCase()}: ${name.slice(2)} ${state[name]} counts as ${traitsOf(name[0], name[0] === "a" ? a : b)[name]}`);
  return `Stopped at the border: ${value("stopped", each.join("; "))}.`;
}

// The drawing in its own units: a margin with numbers, then 16 cells.
const [SIDE, MARGIN] = [300, 18];
const CELL = (SIDE - 2 * MARGIN) / BOARD;
const at = (pixel) => tidy(MARGIN + pixel * CELL);
const percent = (units) => `${tidy((100 * units) / SIDE)}%`;
const rect = (kind, [x1, y1, x2, y2]) => `<rect class="${kind}" x="${at(x1)}" y="${at(y1)}" width="${tidy((x2 - x1) * CELL)}" height="${tidy((y2 - y1) * CELL)}"/>`;

function picture(now) {
  const { a, b, around, inner, intersection, union, relation } = now;
  const lines = Array.from({ length: BOARD + 1 }, (_, i) => `M${at(i)} ${at(0)}V${at(BOARD)}M${at(0)} ${at(i)}H${at(BOARD)}`).join("");
  const ticks = [0, 4, 8, 12, 16].map((i) => `<text x="${at(i)}" y="${MARGIN - 5}" text-anchor="middle">${i}</text>${i ? `<text x="${MARGIN - 3}" y="${at(i) + 4}" text-anchor="end">${i}</text>` : ""}`);
  const label = `A board of ${BOARD} by ${BOARD} pixels. Box A ${corners(a)}, box B ${corners(b)}: ${relation}. They share ${plural(intersection, "pixel")} of ${union}.`;
  return `<svg viewBox="0 0 ${SIDE} ${SIDE}" role="img" aria-label="${escapeHtml(label)}">${rect("cnn-iou-empty", [0, 0, BOARD, BOARD])}${rect("cnn-iou-around", around)}${rect("cnn-iou-union", a)}${rect("cnn-iou-union", b)}`
    + `<path class="cnn-iou-grid" d="${lines}"/>${inner ? `<path class="cnn-iou-hatch" d="${hatch(inner)}"/>` : ""}${rect("cnn-iou-dash", around)}${rect("cnn-iou-a", a)}${rect("cnn-iou-b", b)}${ticks.join("")}`
    + `${marks("a", a)}${marks("b", b)}<text class="cnn-over cnn-iou-name" x="${at(a[2]) + 1.5}" y="${at(a[1]) + 11}">A</text><text class="cnn-over cnn-iou-name" x="${at(b[0]) - 1.5}" y="${at(b[3]) - 3}" text-anchor="end">B</text></svg>`;
}

// Slanted lines inside a box, two a cell.
export function hatch([x1, y1, x2, y2]) {
  const path = [];
  for (let sum = x1 + y1 + 0.5; sum < x2 + y2; sum += 0.5) {
    const [left, right] = [Math.max(x1, sum - y2), Math.min(x2, sum - y1)];
    path.push(`M${at(left)} ${at(sum - left)}L${at(right)} ${at(sum - right)}`);
  }
  return path.join("");
}

function marks(box, [x1, y1, x2, y2]) {
  return [[x1, y1], [x2, y2]].map(([x, y]) => `<rect class="cnn-iou-mark cnn-iou-${box}" x="${tidy(at(x) - 3.5)}" y="${tidy(at(y) - 3.5)}" width="7" height="7"/>`).join("");
}

// What can be dragged lies over the picture; of two bodies the smaller one is on top.
function parts({ a, b, areas }) {
  const label = { body: "move it", start: "move its upper left corner", end: "move its lower right corner" };
  return BOXES.map((box, i) => {
    const [x1, y1, x2, y2] = [a, b][i];
    const over = areas[i] < areas[1 - i] || (areas[i] === areas[1 - i] && i) ? " cnn-iou-over" : "";
    const style = {
      body: `left:${percent(at(x1))};top:${percent(at(y1))};width:${percent((x2 - x1) * CELL)};height:${percent((y2 - y1) * CELL)}`,
      start: `left:${percent(at(x1))};top:${percent(at(y1))}`,
      end: `left:${percent(at(x2))};top:${percent(at(y2))}`,
    };
    return PARTS.map((part) => `<button type="button" class="cnn-iou-part cnn-iou-${part}${part === "body" ? over : ""}" data-part="${box}.${part}" style="${style[part]}"`
      + ` aria-label="Box ${box.toUpperCase()}, ${corners([x1, y1, x2, y2])}: arrow keys ${label[part]}"></button>`).join("");
  }).join("");
}

// Keys and pointers on the parts; el stays while what is in it is renewed.
export function listen({ model, el }) {
  const read = () => Object.fromEntries(TRAITS.map((name) => [name, model.get(name)]));
  const partOf = (event) => event.target.closest("[data-part]")?.dataset.part;
  let drag = null;
  const key = (event) => {
    const part = partOf(event);
    const values = part && !event.ctrlKey && !event.altKey && !event.metaKey && afterKey(read(), part, event.key, event.shiftKey);
    if (!values) return;
    event.preventDefault(); // no scrolling
    event.stopPropagation();
    setChanged(model, values);
  };
  const down = (event) => {
    const part = partOf(event);
    if (!part || drag || event.button) return;
    event.preventDefault();
    drag = { part, id: event.pointerId, from: [event.clientX, event.clientY], state: read() };
    el.setPointerCapture(event.pointerId);
    event.target.closest("[data-part]").focus({ preventScroll: true });
  };
  const move = (event) => {
    if (event.pointerId !== drag?.id) return;
    const { width } = el.querySelector("svg").getBoundingClientRect();
    setChanged(model, afterDrag(drag.state, drag.part, drag.from, [event.clientX, event.clientY], width));
  };
  const end = (event) => {
    if (event.pointerId === drag?.id) drag = null;
  };
  const listeners = [["keydown", key], ["pointerdown", down], ["pointermove", move], ["pointerup", end], ["pointercancel", end], ["lostpointercapture", end]];
  listeners.forEach(([name, listener]) => el.addEventListener(name, listener));
  return () => listeners.forEach(([name, listener]) => el.removeEventListener(name, listener));
}

// The focus goes back to the same part after the picture was renewed. show: registers what renews it.
export function keepingFocus({ model, el }, show) {
  let part = null;
  const before = () => {
    const active = el.getRootNode().activeElement;
    part = el.contains(active) ? active.dataset.part : null;
  };
  const after = () => {
    if (part) el.querySelector(`[data-part="${part}"]`)?.focus({ preventScroll: true });
  };
  TRAITS.forEach((name) => model.on(`change:${name}`, before));
  const off = show();
  TRAITS.forEach((name) => model.on(`change:${name}`, after));
  return () => {
    off();
    TRAITS.forEach((name) => [before, after].forEach((handler) => model.off(`change:${name}`, handler)));
  };
}

const plain = renderer({ draw, names: TRAITS });

function render(context) {
  context.el.dataset.lmSuppressShortcuts = "true"; // JupyterLab: keys typed here are no notebook commands
  const undo = [keepingFocus(context, () => plain(context)), listen(context)];
  return () => undo.forEach((each) => each());
}

export default { render };
