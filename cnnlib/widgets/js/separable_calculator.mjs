// uses: shared/text.mjs shared/tree.mjs shared/view.mjs
// One image (N = 1), padding of half the kernel. Parameters are what is learned; MACs leave the biases out.
const DEPTHWISE_FIRST = 0;

// What one convolution costs. moved: each input, each parameter and each output once.
export function layer({ in_channels, out_channels, groups, kernel, size, out, bias }) {
  const sees = (kernel * kernel * in_channels) / groups;
  const parameters = sees * out_channels + (bias ? out_channels : 0);
  const macs = out * out * out_channels * sees;
  const moved = in_channels * size * size + parameters + out_channels * out * out;
  return { in_channels, out_channels, groups, kernel, size, out, sees, parameters, macs, moved, intensity: macs / moved };
}

// The three convolutions and the separable pair; refused: the channels that the depthwise part cannot be given.
export function facts(state) {
  const { in_channels: c, out_channels: o, size, stride, depth_multiplier: m, bias, order } = state;
  const kernel = state.kernel_sizes[state.kernel_size];
  const out = Math.floor((size + 2 * Math.floor(kernel / 2) - kernel) / stride) + 1;
  const first = order === DEPTHWISE_FIRST;
  const middle = first ? c * m : o / m;
  const standard = layer({ in_channels: c, out_channels: o, groups: 1, kernel, size, out, bias });
  const grouped = { groups: c, ok: o % c === 0 };
  if (!Number.isInteger(middle)) return { kernel, out, standard, grouped, refused: { least: Math.floor(o / m) * m, most: Math.ceil(o / m) * m } };
  const depthwise = layer({ in_channels: first ? c : middle, out_channels: middle * (first ? 1 : m), groups: first ? c : middle, kernel, size, out, bias });
  const pointwise = layer({ in_channels: first ? middle : c, out_channels: first ? o : middle, groups: 1, kernel: 1, size: first ? out : size, out: first ? out : size, bias });
  const add = (what) => depthwise[what] + pointwise[what];
  const separable = { out, out_channels: o, parameters: add("parameters"), macs: add("macs"), moved: add("moved"), intensity: add("macs") / add("moved") };
  const part = (what) => separable[what] / standard[what];
  return { kernel, out, middle, standard, depthwise, pointwise, separable, grouped, fraction: { parameters: part("parameters"), macs: part("macs"), moved: part("moved") } };
}

// 0.11502 -> "0.115", 387.96 -> "388": three digits are enough to compare. Near 1 it takes four: 1.0039 -> "1.004".
export function digits(ratio) {
  if (ratio === 1) return "1";
  if (Math.abs(ratio - 1) < 0.05) return ratio.toFixed(3);
  return ratio >= 100 ? number(Math.round(ratio)) : ratio.toPrecision(3);
}

// The fraction of the MACs that remains, as its two terms: pointwise and depthwise part.
export function formula(state) {
  const { fraction, out } = facts(state);
  const { in_channels: c, out_channels: o, size, depth_multiplier: m, order } = state;
  const k = state.kernel_sizes[state.kernel_size] ** 2;
  const over = (top, bottom) => `${number(top)}/${number(bottom)}`;
  const terms = order === DEPTHWISE_FIRST ? [[m, o], [m, k]] : [[1, c], [size * size, out * out * m * k]];
  const letters = order === DEPTHWISE_FIRST
    ? (m === 1 ? "1/C_out + 1/K²" : "m/C_out + m/K²")
    : `1/C_in + ${size === out ? "1" : "H·W"}/(${size === out ? "" : "H_out·W_out·"}${m === 1 ? "" : "m·"}K²)`.replace("(K²)", "K²");
  const least = size === out && order !== DEPTHWISE_FIRST ? [terms[0], [1, m * k]] : terms;
  return `${letters} = ${least.map(([a, b]) => over(a, b)).join(" + ")} = ${least.map(([a, b]) => digits(a / b)).join(" + ")} = ${digits(fraction.macs)}`;
}

export function draw(state) {
  const now = facts(state);
  return `<div class="cnn-separable">${now.refused ? impossible(state, now) : connections(state, now) + bars(now)}</div>`
    + `<output class="cnn-readout cnn-separable-readout" aria-live="polite">${now.refused ? refusal(state, now) : said(state, now)}</output>`
    + "<p class=\"cnn-where cnn-muted\">Numbers moved: a layer's inputs, parameters and outputs, each once. What lies between the two parts is written and read again.</p>"
    + `<div class="cnn-scroll" tabindex="0" role="region" aria-label="Costs of each convolution">${table(state, now)}</div>`;
}

const value = (name, text) => `<b data-value="${name}">${text}</b>`;
const line = (text) => `<span class="cnn-fact">${text}</span>`;
const headline = ({ in_channels, out_channels, size }, { kernel, out }) => `<span class="cnn-headline">${size} × ${size} × ${in_channels} in, `
  + `${value("out", out)} × ${out} × ${out_channels} out, kernel ${kernel} × ${kernel}</span>`;

function impossible({ out_channels: o, depth_multiplier: m }, { refused: { least, most } }) {
  return `<p class="cnn-impossible"><b>No such depthwise convolution.</b> Its output channels must be a multiple of its input channels: `
    + `with depth multiplier ${m} each input channel makes ${m} outputs, and ${plural(o, "output channel")} cannot be shared out like that. `
    + `${least ? `${least} or ${most}` : most} output channels would work, or depth multiplier 1, or the depthwise part first.</p>`;
}

function refusal(state, now) {
  return headline(state, now) + line("The standard convolution works; the pointwise part would have to make "
    + `${state.out_channels} / ${state.depth_multiplier} channels for the depthwise part, which is no whole number.`) + line(alone(state, now));
}

// A depthwise convolution alone: groups = C_in is allowed only where C_in divides C_out.
function alone({ in_channels: c, out_channels: o }, { grouped, kernel }) {
  const call = `<code>nn.Conv2d(${c}, ${o}, ${kernel}, groups=${c})</code>`;
  if (!grouped.ok) return `One depthwise layer alone, ${call}: impossible, ${o} is no multiple of ${c}. PyTorch refuses it: out_channels must be divisible by groups.`;
  return `One depthwise layer alone, ${call}: possible, each channel makes ${plural(o / c, "output")}.${c > 1 ? " But no output sees a second channel." : ""}`;
}

function said(state, now) {
  const { standard, depthwise, separable, fraction } = now;
  const left = fraction.macs > 1 ? "times as many. The pair costs more than the one layer" : "of them remain";
  const limit = state.order === DEPTHWISE_FIRST
    ? ` With ever more output channels it falls towards ${state.depth_multiplier}/K² = ${digits(state.depth_multiplier / now.kernel ** 2)}, but never gets there.` : "";
  return headline(state, now)
    + line(`${value("standard.macs", number(standard.macs))} MACs in one layer, ${value("separable.macs", number(separable.macs))} in two: ${value("fraction.macs", digits(fraction.macs))} ${left}.`)
    + line(`<span class="cnn-formula">${formula(state)}</span>${limit}`)
    + line(`Parameters: ${value("standard.parameters", number(standard.parameters))} against ${value("separable.parameters", number(separable.parameters))}, `
      + `${value("fraction.parameters", digits(fraction.parameters))} ${fraction.parameters > 1 ? "times as many" : "of them"} (${state.bias ? "biases counted" : "no biases"}).`)
    + line(`MACs are not all that takes time: numbers must come and go too. The pair moves ${value("fraction.moved", digits(fraction.moved))} times as many as the one layer. `
      + `For each number moved, the depthwise part does ${value("depthwise.intensity", digits(depthwise.intensity))} MACs, the standard layer ${value("standard.intensity", digits(standard.intensity))}.`)
    + line(alone(state, now));
}

const ROWS = ["standard", "depthwise", "pointwise", "separable"];

function table(state, now) {
  const parts = state.order === DEPTHWISE_FIRST ? ROWS : ["standard", "pointwise", "depthwise", "separable"];
  const rows = parts.map((name) => {
    const head = `<th scope="row">${name === "separable" ? "both parts" : name}</th>`;
    const each = now[name];
    if (!each) return `<tr>${head}<td colspan="5">impossible</td></tr>`;
    const count = (what, text) => `<td>${value(`${name}.${what}`, text)}</td>`;
    return `<tr>${head}<td>(1, ${each.out_channels}, ${each.out}, ${each.out})</td>${count("parameters", number(each.parameters))}${count("macs", number(each.macs))}`
      + `${count("moved", number(each.moved))}${count("intensity", digits(each.intensity))}</tr>`;
  });
  return "<table class=\"cnn-counts cnn-costs\" aria-label=\"Output, parameters, MACs and numbers moved of each layer\"><thead><tr><th scope=\"col\">layer</th>"
    + "<th scope=\"col\">output (N, C, H, W)</th><th scope=\"col\">parameters</th><th scope=\"col\">MACs</th><th scope=\"col\">numbers moved</th>"
    + `<th scope="col">MACs per number</th></tr></thead><tbody>${rows.join("")}</tbody></table>`;
}

const [MOST, STEP, NODE] = [4, 27, 22]; // channels drawn, their distance and size in the drawing's units

// Which inputs one output number sees: its lines are thick, those of the other outputs thin.
function connections(state, now) {
  const names = state.order === DEPTHWISE_FIRST ? ["standard", "depthwise", "pointwise"] : ["standard", "pointwise", "depthwise"];
  const panels = names.map((name, i) => panel(name, now[name], i * 100));
  const label = names.map((name) => `${name}: one output number sees ${number(now[name].sees)} numbers in ${plural(now[name].in_channels / now[name].groups, "channel")} of ${now[name].in_channels}`).join("; ");
  return `<figure class="cnn-seeing"><svg viewBox="0 0 300 176" role="img" aria-label="What one output number sees. ${label}.">${panels.join("")}</svg>`
    + "<figcaption class=\"cnn-muted\">Squares: the pixels read in a channel; rings: output channels. Thick lines: what the filled ring sees.</figcaption></figure>";
}

function panel(name, each, left) {
  const [inputs, outputs] = [drawn(each.in_channels), drawn(each.out_channels)];
  const chosen = Math.min(1, outputs.length - 1);
  const source = (j) => Math.floor(j / (each.out_channels / each.groups));
  const joined = (i, j) => each.groups === 1 || source(j) === i;
  const lines = { thin: "", thick: "" };
  outputs.forEach((_, j) => inputs.forEach((dots, i) => {
    if (joined(i, j)) lines[j === chosen ? "thick" : "thin"] += `M${left + 14 + NODE} ${middle(i)}L${left + 69} ${middle(j)}`;
  }));
  const more = (count, x) => (count > MOST ? `<text x="${x}" y="${middle(MOST) - 2}" text-anchor="middle">⋮</text>` : "");
  const k = each.kernel;
  return `<text x="${left + 50}" y="11" text-anchor="middle">${name}</text>`
    + `<path class="cnn-thin" d="${lines.thin}"/><path class="cnn-thick" d="${lines.thick}"/>`
    + inputs.map((_, i) => square(left + 14, middle(i) - NODE / 2, k, joined(i, chosen))).join("")
    + outputs.map((_, j) => `<circle class="cnn-out${j === chosen ? " cnn-full" : ""}" cx="${left + 76}" cy="${middle(j)}" r="7"/>`).join("")
    + more(each.in_channels, left + 25) + more(each.out_channels, left + 76)
    + `<text x="${left + 50}" y="155" text-anchor="middle">${k}·${k}·${each.in_channels / each.groups} =</text>`
    + `<text x="${left + 50}" y="170" text-anchor="middle">${number(each.sees)} seen</text>`;
}

const middle = (i) => 30 + STEP * i;
const drawn = (count) => Array.from({ length: Math.min(count, MOST) });

// A channel with the pixels of the window in it, seven to a side.
function square(x, y, kernel, seen) {
  const cell = NODE / 7;
  const [start, side] = [((7 - kernel) / 2) * cell, kernel * cell];
  return `<rect class="cnn-cell cnn-todo" x="${x}" y="${y}" width="${NODE}" height="${NODE}"/>`
    + `<rect class="${seen ? "cnn-taps" : "cnn-idle"}" x="${tidy(x + start)}" y="${tidy(y + start)}" width="${tidy(side)}" height="${tidy(side)}"/>`;
}

const MEASURES = [["macs", "MACs"], ["moved", "numbers moved"], ["parameters", "parameters"]];

// Three pairs of bars; in each pair the longer one fills the width.
function bars(now) {
  const rows = MEASURES.map(([what, name], i) => {
    const [y, one, both] = [i * 66, now.standard[what], now.separable[what]];
    const unit = 296 / Math.max(one, both);
    const [d, p] = [now.depthwise[what] * unit, now.pointwise[what] * unit];
    return `<text x="2" y="${y + 12}">${name}, standard: ${number(one)}</text><rect class="cnn-bar" x="2" y="${y + 17}" width="${tidy(one * unit)}" height="12"/>`
      + `<text x="2" y="${y + 42}">two parts: ${number(both)} (${digits(now.fraction[what])})</text>`
      + bar("b", "d", 2, d, y + 47) + bar("c", "p", 2 + d, p, y + 47);
  });
  const label = MEASURES.map(([what, name]) => `${name} ${number(now.standard[what])} standard, ${number(now.depthwise[what])} depthwise, ${number(now.pointwise[what])} pointwise`).join("; ");
  return `<figure class="cnn-seeing"><svg viewBox="0 0 300 194" role="img" aria-label="Bars. ${label}.">${rows.join("")}</svg>`
    + "<figcaption class=\"cnn-muted\">d: depthwise part, p: pointwise part. In each pair the longer bar fills the width.</figcaption></figure>";
}

function bar(kind, letter, x, width, y) {
  return `<rect class="cnn-bar cnn-bar-${kind}" x="${tidy(x)}" y="${y}" width="${tidy(width)}" height="13"/>`
    + (width >= 12 ? `<text x="${tidy(x + width / 2)}" y="${y + 10}" text-anchor="middle">${letter}</text>` : "");
}

export default {
  render: renderer({ draw, names: ["kernel_sizes", "kernel_size", "order", "in_channels", "out_channels", "size", "stride", "depth_multiplier", "bias"] }),
};
