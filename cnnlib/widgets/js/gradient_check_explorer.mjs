// uses: shared/text.mjs shared/tree.mjs shared/view.mjs
const THRESHOLD = -6; // exponents of ten, as all steps here
const SMALLEST = -15;
const CENTRAL = 0;

export function curve({ curves, function: chosen, difference, precision }) {
  return curves[chosen][difference][precision].map(([value, error], i) => ({ step: SMALLEST + i, value, error, passes: error < 10 ** THRESHOLD }));
}

// What the chosen step gives, the best step of the curve (the largest of equals) and which side of it the choice is on.
export function facts(state) {
  const points = curve(state);
  const least = Math.min(...points.map(({ error }) => error));
  const best = points.filter(({ error }) => error === least).at(-1);
  const now = points[state.step - SMALLEST];
  const side = now.step > best.step ? "large" : now.step < best.step ? "small" : "best";
  return { ...now, exact: state.exact[state.function], best, side, kink: state.names[state.function].startsWith("ReLU"), possible: best.passes };
}

// As Python's f"{value:.2e}".
export function scientific(value) {
  if (value === 0) return "0";
  const [digits, exponent] = value.toExponential(2).split("e");
  return `${digits}e${exponent[0]}${exponent.slice(1).padStart(2, "0")}`;
}

const UP = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };
const power = (exponent) => `10${[...String(exponent)].map((char) => UP[char]).join("")}`;

// Whether the check passes, and why.
export function verdict(state) {
  const { value, passes, side, kink, exact } = facts(state);
  if (passes) return `Passes: the error is below ${power(THRESHOLD)}. ${kink ? kinkPassed(state) : "At this step neither the bend nor the rounding is large."}`;
  if (side === "large") {
    return kink ? "Fails: the step is too large. x − h lies on the other side of the kink at 0, where the slope is another."
      : `Fails: the step is too large. The curve bends between ${state.difference === CENTRAL ? "x − h" : "x"} and x + h.`;
  }
  if (side === "best") return `Fails, though no other of these steps is better: ${state.difference === CENTRAL ? "" : "a forward difference in "}${precisionName(state)} has too few digits here.`;
  if (value === 0 && exact !== 0) return `Fails: the step is too small. In ${precisionName(state)} both values of f are rounded to the same number.`;
  return "Fails: the step is too small. The two values of f differ in their last digits only, and those are rounded.";
}

const kinkPassed = ({ difference }) => `${difference === CENTRAL ? "x − h and x + h stand on the same side of the kink at 0" : "From x to x + h there is no kink"}: f is a straight line there.`;
const precisionName = ({ precision }) => ["float64", "float32"][precision];

export function draw(state) {
  const now = facts(state);
  return `<figure class="cnn-check-plot">${plot(state, now)}<figcaption class="cnn-muted">● passes, × fails the threshold ${power(THRESHOLD)}; the ring is your step</figcaption></figure>`
    + `<output class="cnn-readout cnn-check-readout" aria-live="polite">${readout(state, now)}</output>`;
}

function readout(state, { step, value, error, exact, passes, best, possible }) {
  const line = (text) => `<span class="cnn-fact">${text}</span>`;
  const formula = state.difference === CENTRAL ? "(f(x + h) − f(x − h)) / 2h" : "(f(x + h) − f(x)) / h";
  return `<span class="cnn-headline">h = ${power(step)}: relative error <b data-value="error">${scientific(error)}</b></span>`
    + line(`<span class="${passes ? "cnn-right" : "cnn-wrong"}">${passes ? "✓" : "✗"} ${verdict(state)}</span>`)
    + line(`<span class="cnn-formula">${formula}</span> = <b data-value="numeric">${fixed(value, 10)}</b>, the derivative is <b data-value="exact">${fixed(exact, 10)}</b>.`)
    + line(`Smallest error of this curve: <b data-value="least">${scientific(best.error)}</b> at h = ${power(best.step)}${possible ? "" : "; no step passes"}.`);
}

const [LEFT, RIGHT, TOP, FLOOR, BOTTOM] = [56, 294, 48, 222, 240]; // FLOOR: where an error of exactly 0 is drawn
const [LARGEST, LEAST] = [0, -16]; // exponents on the error axis
const across = (step) => tidy(LEFT + 10 + ((step - SMALLEST) * (RIGHT - LEFT - 20)) / (-1 - SMALLEST));
const down = (exponent) => tidy(TOP + 8 + ((LARGEST - exponent) * (FLOOR - 16 - TOP - 8)) / (LARGEST - LEAST));

// The height of an error in the drawing.
export function height(error) {
  return error === 0 ? FLOOR : down(Math.min(Math.max(Math.log10(error), LEAST), LARGEST));
}

function plot(state, now) {
  const points = curve(state).map((point) => ({ ...point, x: across(point.step), y: height(point.error) }));
  const said = `Relative error against the step on logarithmic axes, ${state.names[state.function]}: ${scientific(points[0].error)} at ${power(SMALLEST)}, smallest ${scientific(now.best.error)} at ${power(now.best.step)}, `
    + `${scientific(points.at(-1).error)} at ${power(-1)}. Your step ${power(now.step)}: ${scientific(now.error)}.`;
  const ring = points.find(({ step }) => step === now.step);
  return `<svg viewBox="0 0 300 284" role="img" aria-label="${said}">${axes()}${regions(now)}`
    + `<path class="cnn-curve" d="M${points.map(({ x, y }) => `${x} ${y}`).join("L")}"/>`
    + `<path class="cnn-mark" d="${points.map(dot).join("")}"/>`
    + `<path class="cnn-hair" d="M${ring.x} ${BOTTOM}V${ring.y + 7}"/><circle class="cnn-frame" cx="${ring.x}" cy="${ring.y}" r="7"/></svg>`;
}

// Shape says it: a dot passes, a cross fails.
function dot({ x, y, passes }) {
  if (passes) return `M${x - 2.5} ${y}a2.5 2.5 0 1 0 5 0a2.5 2.5 0 1 0 -5 0z`;
  return `M${tidy(x - 3)} ${tidy(y - 3)}l6 6M${tidy(x + 3)} ${tidy(y - 3)}l-6 6`;
}

function label(x, y, words, anchor = "middle") {
  return `<text x="${x}" y="${y}" font-size="12" text-anchor="${anchor}">${words}</text>`;
}

function axes() {
  const steps = Array.from({ length: 15 }, (_, i) => SMALLEST + i);
  const ticks = steps.map((step) => `M${across(step)} ${BOTTOM}v4`).join("");
  const names = [-15, -12, -9, -6, -3].map((step) => label(across(step), BOTTOM + 18, power(step))).join("");
  const errors = [0, -4, -8, -12, -16];
  const lines = errors.map((exponent) => `M${LEFT - 4} ${down(exponent)}h4`).join("");
  const left = errors.map((exponent) => label(LEFT - 6, down(exponent) + 4, power(exponent), "end")).join("");
  return `<rect class="cnn-plot" x="${LEFT}" y="${TOP}" width="${RIGHT - LEFT}" height="${BOTTOM - TOP}"/>`
    + `<path class="cnn-tick" d="${ticks}${lines}M${LEFT - 4} ${FLOOR}h4"/>${names}${left}${label(LEFT - 6, FLOOR + 6, "0", "end")}`
    + label((LEFT + RIGHT) / 2, 280, "step h") + `<text x="12" y="${(TOP + BOTTOM) / 2}" font-size="12" text-anchor="middle" transform="rotate(-90 12 ${(TOP + BOTTOM) / 2})">relative error</text>`
    + `<path class="cnn-limit" d="M${LEFT} ${down(THRESHOLD)}H${RIGHT}"/>${label(across(-9) - 6, down(THRESHOLD) - 4, "threshold", "start")}`;
}

// Which steps are too small and which too large, above the curve; the best step stands between them.
function regions({ best, kink }) {
  const middle = across(best.step);
  const bracket = (from, to) => (to - from < 3 ? "" : `M${tidy(from)} 42v-5H${tidy(to)}v5`);
  const small = best.step > SMALLEST ? label(LEFT, 14, "too small:", "start") + label(LEFT, 30, "rounding", "start") : "";
  const large = best.step < -1 ? label(RIGHT, 14, "too large:", "end") + label(RIGHT, 30, kink ? "over the kink" : "the curve bends", "end") : "";
  const left = best.step > SMALLEST ? bracket(LEFT, middle - 6) : "";
  const right = best.step < -1 ? bracket(middle + 6, RIGHT) : "";
  return `${small}${large}<path class="cnn-bracket" d="${left}${right}"/><path class="cnn-hair" d="M${middle} ${TOP - 4}V${height(best.error) - 4}"/>`;
}

export default {
  render: renderer({ draw, names: ["names", "exact", "points", "curves", "function", "difference", "precision", "step"] }),
};
