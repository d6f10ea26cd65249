// uses: shared/text.mjs shared/tree.mjs shared/view.mjs
// Depth multiplies the repeats, width the channels; FLOPs grow with depth · width² · resolution² by the paper's rule.
const [STEM, HEAD, CLASSES] = [32, 1280, 1000];
const WORDS = ["depth", "width", "resolution"];
const MARKS = ["α", "β", "γ"];

// A multiple of 8 near the number, at least 8, and never below 0.9 times the number.
export function roundChannels(channels) {
  const near = Math.max(8, Math.floor(Math.floor(channels + 4) / 8) * 8);
  return near < 0.9 * channels ? near + 8 : near;
}

// The network with B0's stages times depth and width, on images of resolution × resolution pixels.
export function network(stages, depth, width, resolution) {
  const [stem, head] = [roundChannels(STEM * width), roundChannels(HEAD * width)];
  const scaled = stages.map(([expand, kernel_size, stride, channels, repeats]) => (
    { expand, kernel_size, stride, channels: roundChannels(channels * width), repeats: Math.ceil(repeats * depth) }));
  const total = { parameters: (head + 1) * CLASSES, macs: head * CLASSES, size: resolution };
  convolution(total, 3, stem, 3, 2);
  let before = stem;
  for (const { expand, kernel_size, stride, channels, repeats } of scaled) {
    for (let i = 0; i < repeats; i += 1) {
      block(total, before, channels, expand, kernel_size, i ? 1 : stride);
      before = channels;
    }
  }
  convolution(total, before, head, 1, 1);
  const { parameters, macs } = total;
  return { stem, head, resolution, stages: scaled, blocks: sum(scaled.map(({ repeats }) => repeats)), parameters, macs };
}

const sum = (values) => values.reduce((all, value) => all + value, 0);

// Adds a convolution without bias and its batch norm; the padding keeps the size at stride 1.
function convolution(total, before, after, kernel_size, stride, groups = 1) {
  const weights = (before / groups) * after * kernel_size ** 2;
  total.size = Math.ceil(total.size / stride);
  total.parameters += weights + 2 * after;
  total.macs += weights * total.size ** 2;
}

// Widen, one filter for each channel, squeeze and excitation on one pixel (with biases), narrow.
function block(total, before, after, expand, kernel_size, stride) {
  const [inner, squeezed] = [roundChannels(before * expand), Math.max(1, Math.floor(before / 4))];
  if (inner !== before) convolution(total, before, inner, 1, 1);
  convolution(total, inner, inner, kernel_size, stride, inner);
  total.parameters += 2 * inner * squeezed + squeezed + inner;
  total.macs += 2 * inner * squeezed;
  convolution(total, inner, after, 1, 1);
}

// Sliders may hand over 1.1500000000000001.

// Which phi makes a published factor; null where no phi does.
export function neededPhi(factor, base) {
  if (factor === 1) return 0;
  return base === 1 ? null : Math.log(factor) / Math.log(base);
}

export function facts(state) {
  const bases = [state.alpha, state.beta, state.gamma].map(tidy);
  const start = state.published[0][2];
  const at = (phi) => {
    const [depth, width, resolution] = bases.map((base) => base ** phi);
    return { depth, width, resolution, pixels: Math.floor(start * resolution + 0.5) };
  };
  const now = at(state.phi);
  const step = bases[0] * bases[1] ** 2 * bases[2] ** 2;
  const flops = step ** state.phi;
  const [depth, width, resolution] = state.published[state.network];
  return {
    bases, step, flops, ...now,
    alone: { depth: flops, width: Math.sqrt(flops), resolution: Math.sqrt(flops) },
    formula: state.published.map((_, n) => at(n)),
    needed: state.published.map(([d, w, r]) => [d, w, r / start].map((factor, i) => neededPhi(factor, bases[i]))),
    first: network(state.stages, 1, 1, start),
    made: network(state.stages, now.depth, now.width, now.pixels),
    published: network(state.stages, depth, width, resolution),
  };
}

const two = (value) => (value >= 1000 ? number(Math.round(value)) : String(Number(value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2))));
const big = (value) => {
  const [unit, word] = [[1e12, "trillion"], [1e9, "billion"], [1e6, "million"]].find(([least]) => value >= least);
  return `${Number((value / unit).toPrecision(3))} ${word}`;
};

export function draw(state) {
  const now = facts(state);
  const name = `B${state.network}`;
  return `<output class="cnn-readout cnn-scaling-readout" aria-live="polite">${readout(state, now)}</output>`
    + `<figure class="cnn-scaling">${budget(state, now)}<figcaption class="cnn-muted">Four ways to spend the same FLOPs. A bar's length counts doublings; d is depth, w is width squared, r is resolution squared.</figcaption></figure>`
    + '<p class="cnn-where cnn-muted">“2 of 24” stands for two blocks that give 24 channels each. Bold: not as in B0.</p>'
    + `<div class="cnn-scroll" tabindex="0" role="region" aria-label="table of the stages">${stageTable(state, now, name)}</div>`
    + `<p class="cnn-scaling-compare">${comparison(state, now, name)}</p>`
    + "<p class=\"cnn-where cnn-muted\">The published numbers of Bn, the formula's numbers at φ = n, and the φ at which the formula gives the published number:</p>"
    + `<div class="cnn-scroll" tabindex="0" role="region" aria-label="table of the coefficients">${coefficientTable(state, now)}</div>`
    + '<p class="cnn-where cnn-muted">MACs count convolutions and the linear layer for one image; the paper calls them FLOPs.</p>';
}

function readout({ phi }, { bases, step, flops, depth, width, resolution, pixels, alone, made, first }) {
  const line = (text) => `<span class="cnn-fact">${text}</span>`;
  const value = (key, shown) => `<b data-value="${key}">${shown}</b>`;
  const near = step.toFixed(2) === "2.00" ? "as good as 2, so a step doubles the FLOPs"
    : step < 2 ? "below 2, so a step does not double the FLOPs" : "above 2, so a step more than doubles the FLOPs";
  const counted = made.macs / first.macs;
  return `<span class="cnn-headline">φ = ${phi}: depth × ${value("depth", two(depth))}, width × ${value("width", two(width))}, resolution × ${value("resolution", two(resolution))} (${value("pixels", number(pixels))} pixels)</span>`
    + line(`One step costs α·β²·γ² = <span class="cnn-formula">${bases[0]} · ${bases[1]}² · ${bases[2]}² = ${value("step", step.toFixed(2))}</span>: ${near}. `
      + `${["No step yet", "One step"][phi] ?? `${phi} steps`}: × ${value("flops", two(flops))}${phi ? ` (doubling would make × ${number(2 ** phi)})` : ""}.`)
    + line(`The same FLOPs in one direction alone: depth × ${value("alone.depth", two(alone.depth))}, or width × ${value("alone.width", two(alone.width))}, or resolution × ${value("alone.resolution", two(alone.resolution))}.`)
    + line(`Built and counted: ${value("parameters", big(made.parameters))} parameters, ${value("macs", big(made.macs))} MACs, × ${value("counted", two(counted))} of B0. `
      + "The rule leaves out that repeats, channels and map sizes are rounded, and that one-channel filters grow with the width, not with its square.");
}

function comparison({ network: n, published }, { formula, needed }, name) {
  const [depth, width, pixels] = published[n];
  const made = formula[n];
  const places = needed[n].map((phi) => (phi === null ? "a larger base than 1" : `φ = ${phi.toFixed(1)}`));
  const agree = new Set(places).size === 1 && needed[n][0] !== null;
  const start = `<b>${name} as published</b>: depth ${depth}, width ${width}, ${pixels} pixels. `;
  if (n === 0) return `${start}It is where all steps begin: φ = 0 gives it with any α, β and γ.`;
  return `${start}The formula at φ = ${n}: ${two(made.depth)}, ${two(made.width)}, ${number(made.pixels)} pixels. `
    + `The published depth needs ${places[0]}, the width ${places[1]}, the resolution ${places[2]}: ${agree ? "one φ for all three" : "no one φ makes all three"}.`;
}

const heads = (names) => names.map((text, i) => `<th scope="col"${i ? "" : ' class="cnn-left"'}>${text}</th>`).join("");
const row = (name, values, kind = "") => `<tr${kind}><th scope="row" class="cnn-left">${name}</th>${values.map((value) => `<td>${value}</td>`).join("")}</tr>`;

// What differs from B0 is bold.
function stageTable({ phi }, { first, made, published }, name) {
  const nets = [first, made, published];
  const line = (text, read) => {
    const shown = nets.map(read);
    return row(text, shown.map((value) => (value === shown[0] ? value : `<b>${value}</b>`)));
  };
  const body = first.stages.map(({ expand, kernel_size, stride }, i) => (
    line(`<b>${i + 1}</b> MBConv${expand} ${kernel_size}×${kernel_size}${stride > 1 ? ", stride 2" : ""}`, ({ stages }) => `${stages[i].repeats} of ${number(stages[i].channels)}`)));
  return `<table class="cnn-counts cnn-trace"><thead><tr>${heads(["stage", "B0", `formula, φ = ${phi}`, name])}</tr></thead><tbody>`
    + `${line("image", ({ resolution }) => `${number(resolution)} px`)}${line("stem 3×3, stride 2", ({ stem }) => number(stem))}${body.join("")}${line("head 1×1", ({ head }) => number(head))}</tbody><tfoot>`
    + `${line("blocks", ({ blocks }) => number(blocks))}${line("parameters", ({ parameters }) => big(parameters))}${line("MACs", ({ macs }) => big(macs))}</tfoot></table>`;
}

function coefficientTable({ published, network: chosen }, { formula, needed }) {
  const group = WORDS.map((word) => `<th scope="colgroup" colspan="3">${word}</th>`).join("");
  const three = '<th scope="col">Bn</th><th scope="col">φ = n</th><th scope="col">needs φ</th>';
  const body = published.map(([depth, width, pixels], n) => {
    const { depth: d, width: w, pixels: p } = formula[n];
    const phis = needed[n].map((phi) => (phi === null ? "none" : phi.toFixed(1)));
    const values = [depth.toFixed(1), two(d), phis[0], width.toFixed(1), two(w), phis[1], pixels, number(p), phis[2]];
    return row(`${n === chosen ? "▸ " : ""}B${n}`, values, n === chosen ? ' class="cnn-now"' : "");
  });
  return `<table class="cnn-counts cnn-trace cnn-coefficients"><thead><tr><td></td>${group}</tr><tr>${heads(["network"])}${three.repeat(3)}</tr></thead><tbody>${body.join("")}</tbody></table>`;
}

const [LEFT, WIDTH, ROW] = [4, 290, 40]; // of the bars, in the drawing's units

// Each row has the same product depth · width² · resolution²; in logarithms it is a sum, so all rows are equally long.
function budget({ phi }, { flops, depth, width, resolution, alone }) {
  const rows = [["all three", [depth, width, resolution]], ...WORDS.map((word, i) => [`${word} alone`, WORDS.map((_, j) => (i === j ? alone[word] : 1))])];
  const total = Math.log2(flops);
  const drawn = rows.map(([name, factors], i) => {
    const said = factors.map((factor, j) => (factor === 1 && i ? "" : `${"dwr"[j]} × ${two(factor)}`)).filter(Boolean).join(", ");
    return `<text x="${LEFT}" y="${i * ROW + 13}">${name}${flops > 1 ? `: ${said}` : ""}</text>${flops > 1 ? segments(factors, i * ROW + 18, total) : ""}`;
  });
  const every = [1, 2, 3, 5].find((each) => total / each <= 5);
  const whole = flops > 1 ? Array.from({ length: Math.floor(total / every) + 1 }, (_, i) => i * every) : [];
  const marks = [...whole.filter((mark) => WIDTH * (1 - mark / total) > 62), total].filter(() => flops > 1);
  const x = (doublings) => tidy(LEFT + (WIDTH * doublings) / total);
  const ticks = `<path class="cnn-tick" d="${marks.map((mark) => `M${x(mark)} 158v5`).join("")}"/>`
    + marks.map((mark) => `<text x="${x(mark)}" y="176" text-anchor="${x(mark) < 15 ? "start" : x(mark) > 270 ? "end" : "middle"}">×${two(2 ** mark)}</text>`).join("");
  const none = flops > 1 ? "" : `<text x="${LEFT}" y="176">Nothing grows: this is B0.</text>`;
  const label = flops > 1 ? `Four bars of equal length, FLOPs times ${two(flops)}: ${rows.map(([name, factors]) => `${name}, ${factors.map((factor, j) => `${WORDS[j]} times ${two(factor)}`).join(" ")}`).join("; ")}.`
    : `No bars: ${phi} steps multiply the FLOPs by 1.`;
  return `<svg viewBox="0 0 300 182" font-size="12" role="img" aria-label="${label}">${drawn.join("")}${ticks}${none}</svg>`;
}

function segments(factors, top, total) {
  let left = LEFT;
  return factors.map((factor, i) => {
    const length = (WIDTH * Math.log2(factor) * (i ? 2 : 1)) / total;
    const rect = length > 0 ? `<rect class="cnn-bar${["", " cnn-bar-b", " cnn-bar-c"][i]}" x="${tidy(left)}" y="${top}" width="${tidy(length)}" height="15"/>` : "";
    const letter = length > 12 ? `<text x="${tidy(left + length / 2)}" y="${top + 12}" text-anchor="middle">${"dwr"[i]}</text>` : "";
    left += length;
    return rect + letter;
  }).join("");
}

export default {
  render: renderer({ draw, names: ["stages", "published", "alpha", "beta", "gamma", "phi", "network"] }),
};
