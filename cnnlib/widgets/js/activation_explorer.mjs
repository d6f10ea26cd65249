// uses: shared/text.mjs shared/tree.mjs shared/view.mjs
const DEPTH = 10; // layers of the product
const SMALL = 0.01; // a smaller derivative is called saturated

// At a kink (listed from left to right) the derivative is the one that PyTorch uses.
const FUNCTIONS = [
  { name: "ReLU", value: (x) => Math.max(x, 0), derivative: (x) => (x > 0 ? 1 : 0), kinks: [0] },
  { name: "leaky ReLU", value: (x, slope) => (x > 0 ? x : slope * x), derivative: (x, slope) => (x > 0 ? 1 : slope), kinks: [0] },
  { name: "ReLU6", value: (x) => Math.min(Math.max(x, 0), 6), derivative: (x) => (x > 0 && x < 6 ? 1 : 0), kinks: [0, 6] },
  { name: "sigmoid", value: sigmoid, derivative: (x) => sigmoid(x) * sigmoid(-x), kinks: [] },
  { name: "tanh", value: (x) => Math.tanh(x), derivative: (x) => 4 * sigmoid(2 * x) * sigmoid(-2 * x), kinks: [] },
];

function sigmoid(x) {
  return 1 / (1 + Math.exp(-x));
}

// Sliders add up steps in binary; the nearest decimal is what the reader chose.
const decimal = (value, parts) => Math.round(value * parts) / parts || 0;

// x, value and derivative as numbers, what a gradient of 1 becomes after DEPTH layers, and the unit's state in a word.
export function facts(state) {
  const [x, slope] = [decimal(state.x, 10), decimal(state.negative_slope, 20)];
  const { value, derivative, kinks } = FUNCTIONS[state.function];
  const d = derivative(x, slope);
  return {
    x, slope,
    value: value(x, slope) || 0,
    derivative: d,
    after: d ** DEPTH,
    unit: d === 0 ? "off" : Math.abs(d) < SMALL ? "saturated" : "alive",
    kink: kinks.includes(x),
  };
}

const exact = (value) => Math.abs(Number(value.toPrecision(4)) - value) <= 1e-12 * Math.abs(value);
const superscript = (power) => [...String(power)].map((char) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(char)]).join("");

// Four significant digits, below a thousandth with a power of ten; zeros at the end only where they are rounded.
export function shown(value) {
  if (value === 0) return "0";
  const trimmed = (digits) => (exact(value) ? String(Number(digits)) : digits);
  const [digits, power] = value.toExponential(3).split("e");
  const text = Number(power) < -3 ? `${trimmed(digits)} × 10${superscript(Number(power))}` : trimmed(value.toPrecision(4));
  return text.replace("-", "−");
}

const equals = (value, named = "") => `${exact(value) ? "=" : "≈"} ${named ? `<b data-value="${named}">${shown(value)}</b>` : shown(value)}`;
const signed = (value) => String(value).replace("-", "−");

export function draw(state) {
  const now = facts(state);
  return `<div class="cnn-activation">${plot(state, now)}</div><output class="cnn-readout" aria-live="polite">${readout(state, now)}</output>`;
}

function readout(state, now) {
  const { name } = FUNCTIONS[state.function];
  const line = (text) => `<span class="cnn-fact">${text}</span>`;
  return `<span class="cnn-headline">${name}(${signed(now.x)}) ${equals(now.value, "value")}, derivative ${equals(now.derivative, "derivative")}</span>`
    + line(unit(now))
    + line(`After ${DEPTH} such layers a gradient of 1 is <b data-value="after">${shown(now.after)}</b>: the derivative to the power ${DEPTH}.`)
    + line(kink(state, now)) + line(slopeWords(state, now));
}

export function unit({ unit: word, derivative }) {
  if (word === "off") return "At this x the unit is <b data-value=\"unit\">off</b>: its gradient is 0, so nothing in front of it learns from this input. A unit that is off for every input is dead.";
  if (word === "saturated") return `At this x the unit is <b data-value="unit">saturated</b>: its derivative is below ${SMALL}, so hardly any gradient passes.`;
  return `At this x the unit is <b data-value="unit">alive</b>: it passes a gradient on, times ${shown(derivative)}.`;
}

export function kink(state, { x, slope, derivative, kink: here }) {
  const { name, kinks, derivative: of } = FUNCTIONS[state.function];
  if (!kinks.length) return `${name} has no kink: it has one tangent at every x.`;
  const [left, right] = [of(x - 0.05, slope), of(x + 0.05, slope)];
  if (here) return `x = ${x} is a kink: the slope is ${left} on its left and ${right} on its right. PyTorch uses ${derivative}.`;
  return `No kink at this x; ${name} has ${kinks.length > 1 ? `kinks at x = ${kinks.join(" and x = ")}` : `one at x = ${kinks[0]}`}.`;
}

export function slopeWords(state, { slope }) {
  const { name } = FUNCTIONS[state.function];
  if (name !== "leaky ReLU") return `The negative slope is not used by ${name}, only by leaky ReLU.`;
  return `The negative slope ${slope} multiplies every x below 0${slope === 0 ? ": with 0 this is ReLU" : ""}.`;
}

// The drawing, in its own units: a frame from (LEFT, TOP) to (RIGHT, BOTTOM), the legend above, tick labels below.
const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM, FONT] = [320, 290, 60, 312, 30, 246, 14];
const X = { low: -8.6, high: 8.6, ticks: [-8, -4, 0, 4, 8] };
const TALL = { low: -6, high: 9, ticks: [-4, -2, 0, 2, 4, 6, 8] };
const FLAT = { low: -1.5, high: 1.5, ticks: [-1, -0.5, 0, 0.5, 1] };
const EDGE = 8; // where the curves end
const near = (value) => Math.round(value * 10) / 10;
const across = (x) => near(LEFT + ((x - X.low) / (X.high - X.low)) * (RIGHT - LEFT));

function plot(state, now) {
  const y = FUNCTIONS[state.function].kinks.length ? TALL : FLAT;
  const up = (value) => near(BOTTOM - ((value - y.low) / (y.high - y.low)) * (BOTTOM - TOP));
  const { name } = FUNCTIONS[state.function];
  const label = `${name} from x = −8 to 8 with its derivative. At x = ${signed(now.x)} the value is ${shown(now.value)}, the derivative ${shown(now.derivative)}; the tangent there ${
    now.derivative === 0 ? "is level" : `has that slope`}.`;
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeHtml(label)}">${axes(y, up)}${legend()}${curves(state, now, up)}${
    tangent(now, y, up)}${marks(now, up)}</svg>`;
}

function axes(y, up) {
  const line = (x1, y1, x2, y2, zero) => `<path class="cnn-tick${zero ? " cnn-zero" : ""}" d="M${x1} ${y1}L${x2} ${y2}"/>`;
  const text = (x, top, anchor, words, extra = "") => `<text x="${x}" y="${top}" font-size="${FONT}" text-anchor="${anchor}"${extra}>${words}</text>`;
  const below = X.ticks.map((x) => line(across(x), TOP, across(x), BOTTOM + 4, x === 0) + text(across(x), BOTTOM + 18, "middle", signed(x)));
  const beside = y.ticks.map((value) => line(LEFT - 4, up(value), RIGHT, up(value), value === 0) + text(LEFT - 7, near(up(value) + 5), "end", signed(value)));
  const middle = (TOP + BOTTOM) / 2;
  return below.join("") + beside.join("") + text((LEFT + RIGHT) / 2, HEIGHT - 7, "middle", "x")
    + text(12, middle, "middle", "value and derivative", ` transform="rotate(-90 12 ${middle})"`);
}

function legend() {
  const entry = (x, kind, words) => `<path class="cnn-${kind}" d="M${x} 15h24"/><text x="${x + 28}" y="20" font-size="${FONT}">${words}</text>`;
  return entry(24, "curve", "value") + entry(110, "derivative", "derivative") + entry(226, "tangent", "tangent");
}

function curves(state, { slope }, up) {
  const { value, derivative, kinks } = FUNCTIONS[state.function];
  const line = (kind, from, to, f) => {
    const count = Math.round((to - from) * 5);
    const points = Array.from({ length: count + 1 }, (_, i) => from + i / 5).map((x) => `${across(x)} ${up(f(x))}`);
    return `<path class="cnn-${kind}" d="M${points.join("L")}"/>`;
  };
  const ends = [-EDGE, ...kinks, EDGE];
  const pieces = ends.slice(1).map((to, i) => {
    const middle = derivative((ends[i] + to) / 2, slope);
    return kinks.length ? `<path class="cnn-derivative" d="M${across(ends[i])} ${up(middle)}H${across(to)}"/>` : line("derivative", ends[i], to, derivative);
  });
  return line("curve", -EDGE, EDGE, (x) => value(x, slope)) + pieces.join("");
}

// The tangent across the frame, cut where it leaves it.
function tangent({ x, value, derivative }, y, up) {
  const reach = (edge) => (derivative === 0 ? null : x + (edge - value) / derivative);
  const cuts = [reach(y.low), reach(y.high)].filter((at) => at !== null).sort((a, b) => a - b);
  const [from, to] = cuts.length ? [Math.max(X.low, cuts[0]), Math.min(X.high, cuts[1])] : [X.low, X.high];
  const at = (place) => `${across(place)} ${up(value + derivative * (place - x))}`;
  return `<path class="cnn-tangent" d="M${at(from)}L${at(to)}"/>`;
}

// A dot on the curve with its value, a square on the derivative.
function marks({ x, value, derivative }, up) {
  const [left, top, square] = [across(x), up(value), up(derivative)];
  const [place, drop, anchor] = x > 0 ? [left - 9, -9, "end"] : [left + 9, 20, "start"]; // beside a rising curve
  return `<rect class="cnn-square" x="${near(left - 5.5)}" y="${near(square - 5.5)}" width="11" height="11"/><circle class="cnn-dot" cx="${left}" cy="${top}" r="5"/>`
    + `<text class="cnn-halo" x="${near(place)}" y="${near(top + drop)}" font-size="${FONT}" text-anchor="${anchor}">f(${signed(x)}) ${equals(value)}</text>`;
}

export default {
  render: renderer({ draw, names: ["function", "x", "negative_slope"] }),
};
