// uses: shared/text.mjs shared/tree.mjs shared/view.mjs
// The largest number of all (bytes of the third layer) is 1.5·10¹⁵, below 2⁵³ = 9·10¹⁵: plain numbers are exact.
const NAMES = ["size", "channels", "outputs", "kernel_size", "filters"];
const FLOAT32 = 4; // bytes

export function settings(state) {
  return Object.fromEntries(NAMES.map((name) => [name, state.choices[name][state[name]]]));
}

// Inputs and the three layers. Parameters count weights and biases, MACs one image, bytes the parameters in float32.
export function facts(state) {
  const { size, channels, outputs, kernel_size, filters } = settings(state);
  const pixels = size * size;
  const inputs = pixels * channels;
  const taps = kernel_size * kernel_size * channels;
  const layer = (weights, biases, macs, made) => ({ parameters: weights + biases, macs, bytes: FLOAT32 * (weights + biases), outputs: made });
  return {
    inputs,
    dense: layer(inputs * outputs, outputs, inputs * outputs, outputs),
    convolution: layer(taps * filters, filters, pixels * taps * filters, pixels * filters),
    same_map: layer(inputs * pixels * filters, pixels * filters, inputs * pixels * filters, pixels * filters),
  };
}

export function memory(bytes) {
  if (bytes < 1024) return plural(bytes, "byte");
  const power = bytes < 2 ** 20 ? 1 : bytes < 2 ** 30 ? 2 : 3;
  const value = bytes / 1024 ** power;
  return `${number(value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2))} ${["KiB", "MiB", "GiB"][power - 1]}`;
}

// 84001.7 -> "84,000", 269748001 -> "270 million": three digits are enough to compare.
export function rounded(ratio) {
  const value = Number(ratio.toPrecision(3));
  const [unit, word] = [[1e12, " trillion"], [1e9, " billion"], [1e6, " million"], [1, ""]].find(([least]) => value >= least);
  return `${number(Number((value / unit).toPrecision(3)))}${word}`;
}

// Which of two layers has more of something, and how many times as much. No two are ever equal.
export function versus(one, other, what, key) {
  const [more, less] = one[what] > other[what] ? [one, other] : [other, one];
  const ratio = more[what] / less[what];
  const exact = ratio === Number(ratio.toPrecision(3));
  const times = `${exact ? "" : "about "}<b data-value="${key}">${rounded(ratio)}</b> times as many`;
  return `${capital(more.name)} needs ${times} ${what === "macs" ? "MACs" : what} as ${less.name}`;
}

const capital = (text) => text[0].toUpperCase() + text.slice(1);

const LAYERS = {
  dense: ["a", "dense layer"],
  convolution: ["b", "convolution"],
  same_map: ["c", "dense layer, same map"],
};

export function draw(state) {
  const [chosen, now] = [settings(state), facts(state)];
  return `<div class="cnn-logbars">${bars(now)}</div>`
    + `<output class="cnn-readout cnn-explosion" aria-live="polite">${readoutOf(chosen, now)}</output>`
    + `<div class="cnn-cards">${Object.keys(LAYERS).map((key) => card(key, chosen, now)).join("")}</div>`;
}

function readoutOf({ size, channels, kernel_size, filters, outputs }, now) {
  const line = (text) => `<span class="cnn-fact">${text}</span>`;
  const [dense, convolution, same] = Object.entries(LAYERS).map(([key, [letter]]) => (
    { ...now[key], name: `the ${key === "convolution" ? "convolution" : "dense layer"} (${letter})` }));
  const zeros = same.macs < convolution.macs ? ": its windows are larger than the image, and their products with padding count too" : "";
  return `<span class="cnn-headline">${size} × ${size} × ${channels} in: <b data-value="inputs">${number(now.inputs)}</b> numbers</span>`
    + line(`${versus(dense, convolution, "parameters", "denseTimes")}. But the two make different things: ${plural(outputs, "output")} `
      + `against a map of ${size} × ${size} × ${filters} = ${number(convolution.outputs)}.`)
    + line(`The fair comparison makes the same map twice. ${versus(same, convolution, "parameters", "sameTimes")}. ${versus(same, convolution, "macs", "macTimes")}${zeros}.`)
    + line(`The convolution has the same ${plural(convolution.parameters, "parameter")} at every image size.`);
}

function card(key, { size, channels, outputs, kernel_size, filters }, now) {
  const { parameters, macs, bytes, outputs: made } = now[key];
  const [letter, name] = LAYERS[key];
  const source = `${size}·${size}·${channels}`;
  const target = key === "dense" ? number(outputs) : `${size}·${size}·${filters}`;
  const sum = key === "convolution" ? `${kernel_size}²·${channels}·${filters} + ${filters}` : `${source}·${target} + ${target}`;
  const value = (what, text) => `<dd><b data-value="${key}.${what}">${text}</b></dd>`;
  return `<div class="cnn-card"><p><b>(${letter}) ${capital(name)}</b></p><dl>`
    + `<dt>outputs</dt>${value("outputs", number(made))}`
    + `<dt>parameters</dt>${value("parameters", number(parameters))}<dd class="cnn-muted">= ${sum}</dd>`
    + `<dt>MACs for one image</dt>${value("macs", number(macs))}`
    + `<dt>memory in float32</dt>${value("memory", memory(bytes))}</dl></div>`;
}

const [LEFT, WIDTH, DECADES] = [8, 284, 15]; // of the axis, in the drawing's units; powers of ten
const along = (power) => tidy(LEFT + (WIDTH * power) / DECADES);

function bars(now) {
  const marks = [["1", 0], ["10³", 3], ["10⁶", 6], ["10⁹", 9], ["10¹²", 12], ["10¹⁵", 15]];
  const rows = Object.entries(LAYERS).map(([key, [letter, name]], i) => {
    const [y, { parameters }] = [i * 36, now[key]];
    const length = tidy(along(Math.log10(parameters)) - LEFT);
    return `<path class="cnn-tick" d="${marks.map(([, power]) => `M${along(power)} ${y + 17}v14`).join("")}"/>`
      + `<text x="${LEFT}" y="${y + 13}">(${letter}) ${name}</text><text x="${LEFT + WIDTH}" y="${y + 13}" text-anchor="end">${number(parameters)}</text>`
      + `<rect class="cnn-bar cnn-bar-${letter}" x="${LEFT}" y="${y + 18}" width="${length}" height="12"/>`;
  });
  const axis = marks.map(([text, power]) => {
    const anchor = power === 0 ? "start" : power === DECADES ? "end" : "middle";
    return `<text x="${along(power)}" y="120" text-anchor="${anchor}">${text}</text>`;
  });
  const label = Object.entries(LAYERS).map(([key, [, name]]) => `${name} ${number(now[key].parameters)}`).join("; ");
  return `<svg viewBox="0 0 300 142" role="img" aria-label="Bars of the parameters on a logarithmic scale: ${label}.">`
    + `${rows.join("")}${axis.join("")}<text x="150" y="137" text-anchor="middle">parameters, logarithmic: each mark is × 1,000</text></svg>`;
}

export default { render: renderer({ draw, names: ["choices", ...NAMES] }) };
