// uses: shared/text.mjs shared/tree.mjs shared/view.mjs
const [WIDEN, CLASSES, COLORS, STEM_KERNEL] = [4, 1000, 3, 7];

const whole = (value, low, high) => Math.min(Math.max(Math.round(value), low), high);
const isOwn = ({ preset, presets }) => preset === presets.length;

// Channels that enter and leave each block of a preset. A transition keeps the share theta; none follows the last block.
export function flow([, growth, first, lengths], theta) {
  let channels = first;
  return lengths.map((length) => {
    const [entering, leaving] = [channels, channels + length * growth];
    channels = Math.floor(theta * leaving);
    return { in_channels: entering, growth_rate: growth, num_layers: length, out: leaving };
  });
}

// The block that is shown: the chosen one of a preset, or the reader's own.
export function settings(state) {
  if (!isOwn(state)) {
    const { out, ...numbers } = flow(state.presets[state.preset], state.thetas[state.theta])[state.block - 1];
    return numbers;
  }
  return { in_channels: whole(state.in_channels, 1, 4096), growth_rate: state.growth_rate, num_layers: state.num_layers };
}

// A preset puts its numbers into the controls; a number that is changed afterwards makes it the reader's own block.
export function derive(state) {
  const { in_channels, growth_rate, num_layers } = settings(state);
  const key = `${state.preset} ${state.block} ${state.theta}`;
  if (isOwn(state)) return { applied: key };
  if (key !== state.applied) return { in_channels, growth_rate, num_layers, applied: key };
  const same = in_channels === state.in_channels && growth_rate === state.growth_rate && num_layers === state.num_layers;
  return same ? {} : { preset: state.presets.length };
}

// Parameters of BN, 1×1 convolution to `inside`, BN, 3×3 convolution; of BN and 3×3 convolution where inside is 0.
export function layerParts(from, to, inside) {
  if (!inside) return [["BN", 2 * from], ["3×3", 9 * from * to]];
  return [["BN", 2 * from], ["1×1", from * inside], ["BN", 2 * inside], ["3×3", 9 * inside * to]];
}

const total = (parts) => parts.reduce((sum, [, count]) => sum + count, 0);
const transitionParts = (from, to) => [["BN", 2 * from], ["1×1", from * to]];

function denseBlock({ in_channels, growth_rate, num_layers }, bottleneck) {
  const inside = bottleneck ? WIDEN * growth_rate : 0;
  const channels = Array.from({ length: num_layers + 1 }, (_, i) => in_channels + i * growth_rate);
  const layers = channels.slice(0, -1).map((from) => layerParts(from, growth_rate, inside));
  return { inside, channels, layers, parameters: layers.reduce((sum, parts) => sum + total(parts), 0) };
}

// The whole network: stem, blocks, transitions, last batch norm and a linear layer for 1000 classes.
export function network(preset, theta, bottleneck) {
  const blocks = flow(preset, theta);
  const inner = blocks.reduce((sum, { out, ...numbers }) => sum + denseBlock(numbers, bottleneck).parameters, 0);
  const between = blocks.slice(0, -1).reduce((sum, { out }, i) => sum + total(transitionParts(out, blocks[i + 1].in_channels)), 0);
  const [first, last] = [blocks[0].in_channels, blocks.at(-1).out];
  const stem = STEM_KERNEL ** 2 * COLORS * first + 2 * first;
  return { flow: blocks.flatMap(({ in_channels, out }) => [in_channels, out]), parameters: stem + inner + between + 2 * last + last * CLASSES + CLASSES };
}

export function facts(state) {
  const [now, theta] = [settings(state), state.thetas[state.theta]];
  const dense = denseBlock(now, state.bottleneck);
  const out = dense.channels.at(-1);
  const layer = whole(state.layer, 1, now.num_layers);
  const own = isOwn(state);
  const after = !own && state.block === state.presets[state.preset][3].length ? null : Math.floor(theta * out);
  const addition = layerParts(out, out, dense.inside);
  return {
    ...now, ...dense, out, layer, theta, own, bottleneck: state.bottleneck,
    parts: dense.layers[layer - 1], layerParameters: total(dense.layers[layer - 1]),
    addition, additionLayer: total(addition), additionParameters: now.num_layers * total(addition),
    transition: after, transitionParameters: after === null ? 0 : total(transitionParts(out, after)),
    name: own ? "own block" : state.presets[state.preset][0], block: state.block,
    network: own ? null : network(state.presets[state.preset], theta, state.bottleneck),
  };
}

export function draw(state) {
  const now = facts(state);
  return `<div class="cnn-growth">${columns(now)}</div>`
    + `<output class="cnn-readout cnn-growth-readout" aria-live="polite">${growthWords(now)}</output>`;
}

const fact = (text) => `<span class="cnn-fact">${text}</span>`;
const shown = (name, count) => `<b data-value="${name}">${number(count)}</b>`;
const summed = (parts) => parts.map(([name, count]) => `${name} ${number(count)}`).join(" + ");

// 5.882 -> "5.9", 12.3 -> "12": how many times as many, two digits are enough.
export function times(more, less) {
  const ratio = more / less;
  return ratio >= 10 ? number(Math.round(ratio)) : ratio.toFixed(1);
}

function growthWords(now) {
  const { channels, layer, num_layers, growth_rate, in_channels, out, transition } = now;
  const title = now.own ? "Own block" : `${now.name}, block ${now.block} of 4`;
  const kept = now.theta === 1 ? "all" : out % 2 ? "half, rounded down" : "half";
  const leave = transition === null
    ? `No transition follows the last block: a batch norm, ReLU, global average pooling and the classifier take its ${number(out)} channels.`
    : `The transition (BN, ReLU, 1×1 convolution, average pooling) keeps ${kept}, θ = ${now.theta}: ${number(out)} → ${shown("transition", transition)} channels, ${shown("transitionParameters", now.transitionParameters)} parameters.`;
  return `<span class="cnn-headline">${title}: ${number(in_channels)} + ${num_layers}·${growth_rate} = ${shown("out", out)} channels</span>`
    + fact(`Layer ${layer} of ${num_layers} reads ${channels[layer - 1] === 1 ? "the" : "all"} ${shown("reads", channels[layer - 1])} ${channels[layer - 1] === 1 ? "channel" : "channels"} and adds ${growth_rate}: ${shown("after", channels[layer])}. `
      + `Its parameters: ${summed(now.parts)} = ${shown("layerParameters", now.layerParameters)}.`)
    + fact(`${num_layers === 1 ? "The whole block" : `All ${num_layers} layers`}: ${shown("parameters", now.parameters)} parameters. ${leave}`)
    + fact(`With addition, the last convolution of a layer must return as many channels as the map has. ${num_layers === 1 ? "One such layer" : `${num_layers} such layers`} on ${number(out)} channels${num_layers === 1 ? "" : " (all as wide as the block’s end)"}: `
      + `${num_layers}·(${summed(now.addition)}) = ${shown("additionParameters", now.additionParameters)} parameters, ${times(now.additionParameters, now.parameters)} times as many.`)
    + fact(now.own ? "A preset puts its numbers into the controls; any change of k₀, k or L makes it your own block." : networkWords(now));
}

function networkWords({ network: { flow: path, parameters }, block, theta, bottleneck, name }) {
  const list = path.map((count, i) => (i === 2 * block - 2 || i === 2 * block - 1 ? `<u>${number(count)}</u>` : number(count))).join(" → ");
  const published = theta === 0.5 && bottleneck ? "" : " This is not the published net, which has a bottleneck and θ = 0.5.";
  return `Channels through ${name}: <span data-value="flow">${list}</span>. With stem and ${number(CLASSES)} classes: ${shown("network", parameters)} parameters.${published}`;
}

const [AXIS, TOP, BOTTOM, ROOM] = [44, 34, 196, 190]; // left edge of the columns, their highest and lowest line, their width

function columns(now) {
  const { channels, in_channels, growth_rate, layer, num_layers, out, transition } = now;
  const width = ROOM / (num_layers + 1);
  const y = (count) => BOTTOM - ((BOTTOM - TOP) * count) / out;
  const many = width < 8;
  const bar = many ? width : width - 3;
  const rect = (x, low, high, wide) => `M${tidy(x)} ${tidy(y(high))}h${tidy(wide)}V${tidy(y(low))}h${tidy(-wide)}z`;
  const left = (i) => AXIS + i * width;
  const first = channels.map((_, i) => rect(left(i), 0, in_channels, bar)).join("");
  const grown = channels.map((count, i) => (i ? rect(left(i), in_channels, count, bar) : "")).join("");
  const strip = (i, wide) => rect(left(i), channels[layer - 1], channels[layer], wide);
  const reused = many ? strip(layer, AXIS + ROOM - left(layer)) : channels.map((_, i) => (i >= layer ? strip(i, bar) : "")).join("");
  const beside = AXIS + ROOM + 12;
  const label = `Channels after each of ${plural(num_layers, "layer")}: from ${number(in_channels)} to ${number(out)} in steps of ${growth_rate}. `
    + `Layer ${layer} is marked: ${number(channels[layer - 1])} in, ${number(channels[layer])} after it; what it adds stays in all later columns. Beside it ${transition === null ? "no transition" : `the transition with ${number(transition)}`}. A dashed line at ${number(out)}: the width with addition.`;
  const mark = left(layer) + bar / 2;
  const svg = `<text x="0" y="12">channels</text><text x="300" y="12" text-anchor="end">dashed: width with addition, ${number(out)}</text>`
    + `<path class="cnn-cell cnn-input${many ? " cnn-many" : ""}" d="${first}"/><path class="cnn-cell cnn-done${many ? " cnn-many" : ""}" d="${grown}"/>`
    + `<path class="cnn-cell cnn-window cnn-new${many ? " cnn-fine" : ""}" d="${reused}"/>`
    + `<path class="cnn-limit" d="M${AXIS} ${TOP}H${AXIS + ROOM}"/>${axisTexts(in_channels, out, y)}`
    + `<path class="cnn-pointer" d="M${tidy(mark)} ${BOTTOM + 3}l-4 7h8z"/><text x="${tidy(Math.min(Math.max(mark, AXIS + 24), AXIS + ROOM - 24))}" y="${BOTTOM + 24}" text-anchor="middle">layer ${layer}</text>`
    + (transition === null ? "" : `<path class="cnn-cell cnn-input cnn-after" d="${rect(beside, 0, transition, 20)}"/><text x="${beside + 24}" y="${tidy(Math.max(y(transition) + 12, TOP + 14))}">${number(transition)}</text>`)
    + `<text x="300" y="${BOTTOM + 24}" text-anchor="end">${transition === null ? "(last)" : "transition"}</text>` + key(layer);
  return `<svg viewBox="0 0 300 262" role="img" aria-label="${label}">${svg}</svg>`;
}

// The text of k0 keeps clear of that of the highest line.
function axisTexts(low, high, y) {
  const place = Math.min(Math.max(y(low), TOP + 15), BOTTOM - 2);
  return `<text x="${AXIS - 5}" y="${TOP + 4}" text-anchor="end">${number(high)}</text><text x="${AXIS - 5}" y="${tidy(place + 4)}" text-anchor="end">${number(low)}</text>`;
}

function key(layer) {
  const entry = (x, kind, text) => `<rect class="cnn-cell ${kind}" x="${x}" y="244" width="11" height="11"/><text x="${x + 15}" y="254">${text}</text>`;
  return entry(1, "cnn-input", "entered (k₀)") + entry(98, "cnn-done", "added") + entry(164, "cnn-window cnn-new", `added by layer ${layer}`);
}

export default {
  render: renderer({ draw, derive, names: ["presets", "thetas", "preset", "block", "theta", "layer", "in_channels", "growth_rate", "num_layers", "bottleneck", "applied"] }),
};
