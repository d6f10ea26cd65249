// uses: shared/text.mjs shared/shapes.mjs shared/tree.mjs shared/view.mjs
// One axis is enough: rows and columns have the same windows. All lengths are in pixels.
const LEAST = 24; // the smallest and the largest input that is drawn
const MOST = 128;

const ownCode = ({ layers, kernel_size, stride, dilation, padding }) => [layers, kernel_size, stride, dilation, Number(padding)].join(",");

// The chosen layers, as objects.
export function stackOf(state) {
  const chosen = state.presets[state.preset];
  if (chosen) return chosen.layers.map(([kind, kernel_size, stride, padding, dilation]) => ({ kind, kernel_size, stride, padding, dilation }));
  const { kernel_size, stride, dilation } = state;
  const padding = state.padding ? (dilation * (kernel_size - 1)) / 2 : 0;
  return Array.from({ length: state.layers }, () => ({ kind: "conv", kernel_size, stride, padding, dilation }));
}

// Size, jump and center of the first field, layer by layer; row 0 is the input.
export function fields(stack) {
  const rows = [{ size: 1, jump: 1, start: 0 }];
  for (const { kernel_size, stride, padding, dilation } of stack) {
    const { size, jump, start } = rows.at(-1);
    const extra = dilation * (kernel_size - 1);
    rows.push({ size: size + extra * jump, jump: jump * stride, start: start + (extra / 2 - padding) * jump });
  }
  return rows;
}

// Units in each row; once no window fits, 0.
export function counts(stack, size) {
  const sizes = [size];
  for (const layer of stack) sizes.push(sizes.at(-1) ? outputSize({ size: sizes.at(-1), ...layer }) : 0);
  return sizes;
}

// Paths from each unit of each row up to the chosen unit; what padding holds has none.
export function paths(stack, sizes, unit) {
  const rows = [Array.from({ length: sizes.at(-1) }, (_, i) => Number(i === unit))];
  for (let l = stack.length - 1; l >= 0; l -= 1) {
    const below = new Array(sizes[l]).fill(0);
    rows[0].forEach((count, i) => count && taps(stack[l], i).forEach((at) => { if (at in below) below[at] += count; }));
    rows.unshift(below);
  }
  return rows;
}

const taps = ({ kernel_size, stride, padding, dilation }, unit) => Array.from({ length: kernel_size }, (_, i) => unit * stride - padding + i * dilation);
const sum = (values) => values.reduce((total, value) => total + value, 0);

export function facts(state) {
  const stack = stackOf(state);
  const rows = fields(stack);
  const { size, jump, start } = rows.at(-1);
  const input = Math.min(MOST, Math.max(LEAST, size + 6 * jump));
  const sizes = counts(stack, input);
  const units = sizes.at(-1);
  const always = {
    rows: rows.slice(1), size, jump, start, input, outputs: sizes.slice(1), units,
    parameters: sum(stack.map(({ kind, kernel_size }) => (kind === "conv" ? kernel_size ** 2 : 0))), oneLayer: size * size,
    allPaths: stack.reduce((product, { kernel_size }) => product * kernel_size, 1),
  };
  if (!units) return always;
  const unit = Math.min(state.unit, units - 1);
  const center = start + unit * jump;
  const [first, last] = [center - (size - 1) / 2, center + (size - 1) / 2];
  const inside = Math.max(0, Math.min(last, input - 1) - Math.max(first, 0) + 1);
  const [pixelPaths] = paths(stack, sizes, unit);
  return {
    ...always, unit, center, first, last, inside, outside: size - inside, paths: pixelPaths,
    read: pixelPaths.filter(Boolean).length, reached: sum(pixelPaths), most: Math.max(...pixelPaths),
  };
}

// Whoever moves a slider of the own stack wants to see it.
export function derive(state) {
  const own_code = ownCode(state);
  const preset = own_code === state.own_code ? state.preset : state.presets.length;
  return { own_code, preset, last_unit: Math.max(facts({ ...state, preset }).units - 1, 0) };
}

export function draw(state) {
  const [stack, now] = [stackOf(state), facts(state)];
  return `<div class="cnn-field-side">${now.units ? picture(stack, now) : impossible(now)}</div>`
    + `<output class="cnn-readout cnn-field-readout" aria-live="polite">${readout(stack, now)}</output>`
    + `<div class="cnn-scroll" tabindex="0" role="region" aria-label="fields of the layers">${table(stack, now)}</div>`
    + '<p class="cnn-where cnn-muted">Center: where the field of the first unit (number 0) has its middle; pixel 0 is centered at 0. k² counts weights for one input channel and one output channel; a pooling has none. '
    + "A path goes from a pixel through one window of each layer up to the unit; a pooling window counts as a window like any other. Where all weights are alike, a pixel with more paths counts more; rows and columns multiply.</p>";
}

const signed = (value) => String(tidy(value)).replace("-", "−");

function impossible({ size, input }) {
  return `<p class="cnn-impossible"><b>No window fits.</b> Without padding the unit needs all ${number(size)} pixels of its field, but the picture ends at ${input}. `
    + "The numbers below hold for a larger image. Turn padding on, or make the stack smaller.</p>";
}

function readout(stack, now) {
  const line = (text) => `<span class="cnn-fact">${text}</span>`;
  const head = `<span class="cnn-headline">Field <b data-value="size">${number(now.size)}</b> ${now.size === 1 ? "pixel" : "pixels"}, jump <b data-value="jump">${number(now.jump)}</b></span>`;
  return head + (now.units ? line(where(now)) + line(weighed(now)) : "") + line(cost(stack, now));
}

function where({ unit, units, first, last, center, size, inside, outside, input, jump }) {
  const span = size === 1 ? `position ${signed(first)}` : `positions ${signed(first)} to ${signed(last)}`;
  const step = units > 1 ? ` One unit further, the field moves by the jump: ${plural(jump, "pixel")}.` : "";
  return `Unit <b data-value="unit">${unit}</b> of 0 to ${units - 1}: its field is ${span}, center ${signed(center)}. `
    + `<b data-value="inside">${inside}</b> of ${number(size)} ${inside === 1 ? "is a pixel" : "are pixels"} of the image (0 to ${input - 1}), <b data-value="outside">${number(outside)}</b> ${outside === 1 ? "lies" : "lie"} on padding.${step}`;
}

function weighed({ paths: each, inside, read, most, reached, allPaths }) {
  const gaps = inside - read;
  const lost = allPaths - reached;
  const seen = each.filter(Boolean);
  const list = seen.length <= 15 ? ` From left to right: ${seen.join(" ")}.` : "";
  const even = most === Math.min(...seen);
  const say = even ? `every pixel that is read has <b data-value="most">${most}</b>` : `most, <b data-value="most">${number(most)}</b>, from pixel ${each.indexOf(most)}; fewest, ${number(Math.min(...seen))}`;
  return `Paths to the unit: <b data-value="reached">${number(reached)}</b>; ${say}.${list}`
    + (lost ? ` ${number(lost)} more of ${number(allPaths)} end on padding.` : "")
    + (gaps ? ` <b data-value="gaps">${gaps}</b> ${gaps === 1 ? "pixel" : "pixels"} inside the field ${gaps === 1 ? "has" : "have"} no path: the windows step over ${gaps === 1 ? "it" : "them"}, or padding stands in the way.` : "");
}

function cost(stack, { parameters, oneLayer, size }) {
  const convs = stack.filter(({ kind }) => kind === "conv");
  const put = convs.length > 1 ? `${convs.map(({ kernel_size }) => `${kernel_size}²`).join(" + ")} = ` : `${convs[0].kernel_size}² = `;
  const here = `Weights per pair of channels: ${put}<b data-value="parameters">${parameters}</b>`;
  if (stack.length === 1 && parameters === oneLayer) return `${here}. It is one layer already${size >= 5 ? "; smaller ones in a stack reach the same field" : ""}.`;
  const against = `${here}, against ${number(size)}² = <b data-value="oneLayer">${number(oneLayer)}</b> for one layer with the same field, if all layers have the same number of channels. `;
  if (size === 1) return `${against}The stack has more weights than one layer; only the activations between make it another function.`;
  if (parameters >= oneLayer) return `${against}The field is the same, the function is not.`;
  return `${against}The same field is not the same function: ${plural(parameters, "weight")} cannot make every kernel of ${number(oneLayer)}, and an activation between the layers changes the function again.`;
}

function table(stack, now) {
  const heads = ["layer", "field", "jump", "center", "units", "k²"].map((text, i) => `<th scope="col"${i ? "" : ' class="cnn-left"'}>${text}</th>`).join("");
  const body = Array.from({ length: 6 }, (_, i) => {
    const layer = stack[i];
    if (!layer) return `<tr class="cnn-muted"><th scope="row" class="cnn-left">–</th>${"<td></td>".repeat(5)}</tr>`;
    const { size, jump, start } = now.rows[i];
    const values = [number(size), number(jump), signed(start), now.outputs[i] || "none", layer.kind === "conv" ? layer.kernel_size ** 2 : 0];
    return `<tr><th scope="row" class="cnn-left"><b>${i + 1}</b> ${words(layer)}</th>${values.map((value) => `<td>${value}</td>`).join("")}</tr>`;
  });
  return `<table class="cnn-counts cnn-trace cnn-field-table"><thead><tr>${heads}</tr></thead><tbody>${body.join("")}</tbody></table>`;
}

function words({ kind, kernel_size, stride, padding, dilation }) {
  const options = [[stride, 1, "stride"], [padding, 0, "pad"], [dilation, 1, "dilation"]].filter(([value, usual]) => value !== usual);
  return `${kind} ${kernel_size}${options.map(([value, , name]) => `, ${name} ${value}`).join("")}`;
}

const [LEFT, RIGHT, TOP, FLOOR] = [62, 296, 14, 184]; // of the rows, in the drawing's units
const [FIELD_Y, NEXT_Y, BAR_TOP, BASE] = [202, 218, 232, 290];
const LINES = 500; // more are drawn as bands only

function picture(stack, now) {
  const sizes = [now.input, ...now.outputs];
  const rows = [{ size: 1, jump: 1, start: 0 }, ...now.rows];
  const all = paths(stack, sizes, now.unit);
  const margin = Math.min(Math.ceil(now.input / 8), Math.max(1, ...stack.map(({ padding }, l) => padding * rows[l].jump - rows[l].start)));
  const unitWidth = (RIGHT - LEFT) / (now.input - 1 + 2 * margin);
  const x = (pixel) => tidy(LEFT + (pixel + margin) * unitWidth);
  const y = (row) => tidy(FLOOR - (row * (FLOOR - TOP)) / stack.length);
  const at = (row, i) => rows[row].start + i * rows[row].jump;
  const drawn = { x, y, at, rows, sizes, all, radius: (row) => tidy(Math.min(4, Math.max(0.9, 0.4 * unitWidth * rows[row].jump))) };
  const names = stack.map(({ kind, kernel_size }, l) => `<text x="0" y="${y(l + 1) + 4}">${l + 1} ${kind} ${kernel_size}</text>`).join("");
  return `<svg viewBox="0 0 300 310" font-size="12" role="img" aria-label="${label(stack, now)}">${wires(stack, drawn)}${dots(stack, drawn)}`
    + `${names}<text x="0" y="${FLOOR + 4}">input</text>${brackets(now, x)}${bars(now, x, unitWidth)}</svg>`;
}

function label(stack, { unit, first, last, paths: each, most, read }) {
  return `Side view of ${plural(stack.length, "layer")}: lines from output unit ${unit} down to its field, positions ${signed(first)} to ${signed(last)}; `
    + `bars of the paths from each pixel, ${plural(read, "pixel")} with any, the highest ${number(most)} at pixel ${each.indexOf(most)}.`;
}

// Bands from each row to the one below, lines for single taps, crosses where a tap falls on padding.
function wires(stack, { x, y, at, all, sizes }) {
  let [bands, lines, dashed, crosses, count] = ["", "", "", "", 0];
  const ends = (row) => [all[row].findIndex(Boolean), all[row].findLastIndex(Boolean)].map((i) => x(at(row, i)));
  stack.forEach((layer, l) => {
    const [[a, b], [c, d]] = [ends(l + 1), ends(l)];
    bands += `M${a} ${y(l + 1)}H${b}L${d} ${y(l)}H${c}z`;
    const padding = new Set();
    all[l + 1].forEach((paths, i) => paths && taps(layer, i).forEach((tap) => {
      const [to, low] = [x(at(l, tap)), y(l)];
      const real = tap >= 0 && tap < sizes[l];
      if (!real && (to < LEFT || to > RIGHT)) return;
      const wire = `M${x(at(l + 1, i))} ${y(l + 1)}L${to} ${low}`;
      count += 1;
      if (real) lines += wire;
      else {
        dashed += wire;
        padding.add(to);
      }
    }));
    padding.forEach((to) => { crosses += `M${tidy(to - 2.5)} ${tidy(y(l) - 2.5)}l5 5m0 -5l-5 5`; });
  });
  const wired = count <= LINES ? `<path class="cnn-wire" d="${lines}"/><path class="cnn-wire cnn-wire-pad" d="${dashed}"/>` : "";
  return `<path class="cnn-band" d="${bands}"/>${wired}<path class="cnn-tick cnn-cross" d="${crosses}"/>`;
}

// A full dot has a path to the unit, an empty one has none; the chosen unit is a square.
function dots(stack, { x, y, at, all, radius }) {
  const paint = { full: "", empty: "" };
  all.forEach((row, l) => row.forEach((paths, i) => {
    const [cx, cy, r] = [x(at(l, i)), y(l), radius(l)];
    if (l === stack.length && paths) paint.full += `M${tidy(cx - 5)} ${tidy(cy - 5)}h10v10h-10z`;
    else paint[paths ? "full" : "empty"] += `M${tidy(cx - r)} ${cy}a${r} ${r} 0 1 0 ${tidy(2 * r)} 0a${r} ${r} 0 1 0 ${tidy(-2 * r)} 0z`;
  }));
  return `<path class="cnn-unit" d="${paint.empty}"/><path class="cnn-unit cnn-unit-read" d="${paint.full}"/>`;
}

// The field as a bracket, dashed on padding, and below it the field of the unit next to it.
function brackets({ first, last, input, unit, units, jump }, x) {
  const clip = (value) => Math.min(RIGHT + 4, Math.max(LEFT - 4, value));
  const piece = (from, to, height, kind) => (to >= from ? `<path class="cnn-${kind}" d="M${clip(x(from - 0.5))} ${height}H${clip(x(to + 0.5))}"/>` : "");
  const one = (a, b, height, kind) => piece(Math.max(a, 0), Math.min(b, input - 1), height, kind)
    + piece(a, Math.min(b, -1), height, `${kind} cnn-span-pad`) + piece(Math.max(a, input), b, height, `${kind} cnn-span-pad`);
  const shift = unit + 1 < units ? jump : -jump;
  const other = units > 1 ? one(first + shift, last + shift, NEXT_Y, "span cnn-span-next") + `<text x="0" y="${NEXT_Y + 4}">${shift > 0 ? "next" : "before"}</text>` : "";
  return `<text x="0" y="${FIELD_Y + 4}">field</text>${one(first, last, FIELD_Y, "span")}${other}`;
}

function bars({ paths: each, most, input }, x, unitWidth) {
  const width = Math.max(0.8, unitWidth * 0.75);
  const d = each.map((count, pixel) => {
    const height = tidy(((BASE - BAR_TOP) * count) / most);
    return count ? `M${tidy(x(pixel) - width / 2)} ${BASE}v${-height}h${tidy(width)}v${height}z` : "";
  }).join("");
  return `<path class="cnn-bar" d="${d}"/><path class="cnn-tick" d="M${x(-0.5)} ${BASE}H${x(input - 0.5)}"/>`
    + `<text x="0" y="${BAR_TOP + 20}">paths</text><text x="0" y="${BAR_TOP + 35}">≤ ${number(most)}</text>`
    + `<text x="0" y="${BASE + 15}">pixel</text><text x="${x(0)}" y="${BASE + 15}" text-anchor="middle">0</text><text x="${x(input - 1)}" y="${BASE + 15}" text-anchor="middle">${input - 1}</text>`;
}

export default {
  render: renderer({ draw, derive, names: ["presets", "preset", "unit", "layers", "kernel_size", "stride", "dilation", "padding", "own_code"] }),
};
