// uses: shared/text.mjs shared/tree.mjs shared/view.mjs
const PARTS = ["paths", "block", "gradient"];

// How many ways there are to choose k of n.
export function choose(n, k) {
  let ways = 1;
  for (let i = 1; i <= k; i += 1) ways = (ways * (n - k + i)) / i;
  return ways;
}

// The paths of a net of residual blocks. dropped: 0 for none. A path is the list of the branches it goes through.
export function paths({ blocks, dropped }) {
  const gone = dropped <= blocks ? dropped : 0;
  const all = Array.from({ length: 2 ** blocks }, (_, bits) => (
    Array.from({ length: blocks }, (_, i) => i + 1).filter((block) => bits & (2 ** (block - 1)))));
  const rows = Array.from({ length: blocks + 1 }, (_, length) => {
    const those = all.filter((path) => path.length === length).map((path) => ({ path, kept: !path.includes(gone) }));
    return { length, count: choose(blocks, length), kept: those.filter(({ kept }) => kept).length, those };
  });
  const kept = rows.reduce((sum, row) => sum + row.kept, 0);
  const lengths = rows.reduce((sum, row) => sum + row.kept * row.length, 0);
  return { blocks, gone, total: all.length, kept, mean: lengths / kept, plain: gone ? 0 : 1, rows };
}

const conv = (kernel, stride, from, to) => ({ name: "conv", kernel, stride, from, to, parameters: kernel * kernel * from * to });
const norm = (channels) => ({ name: "BN", from: channels, to: channels, parameters: 2 * channels });
const relu = (channels) => ({ name: "ReLU", from: channels, to: channels, parameters: 0 });

// The layers of a block in the order of the forward pass: of the branch, of the shortcut, and after the sum.
export function block(state) {
  const [kind, stride] = [state.kinds[state.block_kind], state.strides[state.stride]];
  const [from, to] = [state.channels[state.in_channels], state.channels[state.out_channels]];
  const inside = to / 4;
  const convs = kind.endsWith("bottleneck")
    ? [conv(1, 1, from, inside), conv(3, stride, inside, inside), conv(1, 1, inside, to)]
    : [conv(3, stride, from, to), conv(3, 1, to, to)];
  const first = kind.startsWith("pre-activation");
  const branch = convs.flatMap((layer, i) => {
    if (first) return [norm(layer.from), relu(layer.from), layer];
    return i < convs.length - 1 ? [layer, norm(layer.to), relu(layer.to)] : [layer, norm(layer.to)];
  });
  const changes = stride !== 1 || from !== to;
  const shortcut = changes ? [conv(1, stride, from, to), ...(first ? [] : [norm(to)])] : [];
  const sum = (layers, name) => layers.filter((layer) => !name || layer.name === name).reduce((total, { parameters }) => total + parameters, 0);
  return {
    kind, from, to, stride, inside, branch, shortcut,
    tap: first && changes ? 2 : 0, // layers of the branch that the shortcut shares
    after: first ? [] : [relu(to)],
    convolutions: sum(branch, "conv"), norms: sum(branch, "BN"), projection: sum(shortcut), parameters: sum(branch) + sum(shortcut),
  };
}

// F(x) = a·x in every block. Tenths are whole numbers, so that their powers are exact before the one division.
export function gradient({ blocks, slope }) {
  const tenths = Math.round(slope * 10) || 0;
  const power = (base, n) => base ** n / 10 ** n || 0;
  const curve = (base) => Array.from({ length: blocks + 1 }, (_, n) => power(base, n));
  const [residual, plain] = [curve(10 + tenths), curve(tenths)];
  return { slope: tenths / 10, factor: (10 + tenths) / 10, blocks, residual, plain, last: residual[blocks], lastPlain: plain[blocks] };
}

const ACT = {
  paths: "blocks and dropped",
  block: "block kind, in channels, out channels and stride",
  gradient: "blocks and slope a",
};

export function draw(state) {
  const part = PARTS[state.part];
  const [svg, words] = { paths: drawPaths, block: drawBlock, gradient: drawGradient }[part](state);
  return `<p class="cnn-where cnn-muted cnn-act">Controls of this picture: ${ACT[part]}.</p>`
    + `<div class="cnn-residual">${svg}</div>`
    + `<output class="cnn-readout cnn-residual-readout" aria-live="polite">${words}</output>`;
}

const svgOf = (label, inner) => `<svg viewBox="0 0 300 300" role="img" aria-label="${label}">${inner}</svg>`;
const said = (text) => `<span class="cnn-fact">${text}</span>`;
const headline = (text) => `<span class="cnn-headline">${text}</span>`;
const value = (name, text) => `<b data-value="${name}">${text}</b>`;
const at = (x, y, text, more = "") => `<text x="${tidy(x)}" y="${tidy(y)}"${more}>${text}</text>`;
const END = ' text-anchor="end"';
const MIDDLE = ' text-anchor="middle"';
const decimals = (value) => String(Number(value.toPrecision(4))).replace("-", "−");

// Part 1: paths
function drawPaths(state) {
  const now = paths(state);
  const label = `A residual net and a plain net of ${plural(now.blocks, "block")}${now.gone ? `, block ${now.gone} taken out` : ""}. `
    + `Paths by length: ${now.rows.map((row) => `length ${row.length}: ${row.count}${now.gone ? `, ${row.kept} left` : ""}`).join("; ")}.`;
  const svg = at(0, 12, "residual net: each block can be passed by") + chain(now, 50, true)
    + at(0, 88, "plain net") + chain(now, 108, false)
    + at(0, 144, `${plural(now.total, "path")} of the residual net, by length`) + squares(now);
  return [svgOf(label, svg), pathWords(state, now)];
}

function chain({ blocks, gone }, y, shortcuts) {
  const step = 284 / blocks;
  const half = Math.min(step / 2 - 6, 24);
  const parts = Array.from({ length: blocks }, (_, i) => {
    const [number, middle] = [i + 1, 8 + (i + 0.5) * step];
    const [left, right, off] = [middle - half, middle + half, number === gone];
    const wires = `M${tidy(8 + i * step)} ${y}H${off && !shortcuts ? tidy(left) : tidy(off ? left : middle - 11)}`
      + `${off ? "" : `M${tidy(middle + 11)} ${y}H${tidy(right)}`}M${tidy(right)} ${y}H${tidy(8 + number * step)}`
      + `${shortcuts ? `M${tidy(left)} ${y}V${y - 24}H${tidy(right)}V${y}` : ""}`;
    const cross = off ? `<path class="cnn-cut" d="M${tidy(middle - 11)} ${y - 10}l22 20m0 -20l-22 20"/>` : "";
    const plus = shortcuts ? `<circle class="cnn-sum" cx="${tidy(right)}" cy="${y}" r="5"/><path class="cnn-wire" d="M${tidy(right - 3)} ${y}h6m-3 -3v6"/>` : "";
    return `<path class="cnn-wire" d="${wires}"/><rect class="cnn-cell ${off ? "cnn-todo cnn-gone" : "cnn-window"}" x="${tidy(middle - 11)}" y="${y - 10}" width="22" height="20"/>`
      + `${at(middle, y + 4, number, MIDDLE)}${cross}${plus}`;
  });
  return parts.join("");
}

const [ROWS_TOP, ROWS_ROOM, SQUARES_LEFT, SQUARES_ROOM] = [154, 142, 58, 178];

function squares({ rows, gone }) {
  const pitch = Math.min(ROWS_ROOM / rows.length, 24);
  const most = Math.max(...rows.map(({ count }) => count));
  const side = Math.min(SQUARES_ROOM / most - 2, pitch - 6, 14);
  return rows.map(({ length, count, kept, those }, i) => {
    const top = ROWS_TOP + i * pitch + (pitch - side) / 2;
    const left = (j) => SQUARES_LEFT + j * (side + 2);
    const cells = (on) => those.map((path, j) => (path.kept === on ? `M${tidy(left(j))} ${tidy(top)}h${tidy(side)}v${tidy(side)}h${tidy(-side)}z` : "")).join("");
    const crosses = those.map((path, j) => (path.kept ? "" : `M${tidy(left(j))} ${tidy(top)}l${tidy(side)} ${tidy(side)}m0 ${tidy(-side)}l${tidy(-side)} ${tidy(side)}`)).join("");
    const base = ROWS_TOP + i * pitch + pitch / 2 + 4;
    return at(0, base, `length ${length}`)
      + `<path class="cnn-cell cnn-window" d="${cells(true)}"/><path class="cnn-cell cnn-todo" d="${cells(false)}"/><path class="cnn-cut" d="${crosses}"/>`
      + at(300, base, gone ? `${kept} of ${count}` : count, END);
  }).join("");
}

function pathWords(state, { blocks, gone, total, kept, mean, plain, rows }) {
  const lacking = state.dropped > blocks
    ? said(`<span class="cnn-wrong">✗ There is no block ${state.dropped} in a net with ${plural(blocks, "block")}, so nothing is taken out.</span>`) : "";
  const head = gone
    ? `${value("kept", kept)} of ${value("total", total)} ${total === 1 ? "path" : "paths"} left without block ${gone}: half`
    : `${plural(blocks, "block")}: 2${raised(blocks)} = ${value("total", total)} paths`;
  const counts = rows.map(({ count }) => count).join(" + ");
  const rest = gone
    ? `Each path goes either through block ${gone} or past it, so taking it out costs one half, whichever block it is. The plain net has ${value("plain", plain)} paths left.`
    : `The plain net has ${value("plain", plain)} path, of length ${blocks}. Take out a block and compare.`;
  return headline(head) + lacking
    + said(`A path goes through the branch of a block or past it. By length: ${counts} = ${total}. Mean length${gone ? " of those left" : ""}: ${value("mean", decimals(mean))}.`)
    + said(rest)
    + said("For the gradient the sum over paths is exact. For the output it is exact when the branches are linear; with ReLU in them it is a way to count.");
}

const RAISED = "⁰¹²³⁴⁵⁶";
const raised = (n) => RAISED[n];

// Part 2: block
const size = (layer) => `${layer.kernel}×${layer.kernel} conv${layer.stride > 1 ? ` /${layer.stride}` : ""}`;
const told = (layer) => (layer.name === "conv" ? `${size(layer)}, ${layer.from}→${layer.to}` : `${layer.name}, ${layer.to}`);
const FILL = { conv: "cnn-window", BN: "cnn-input", ReLU: "cnn-pad" };

function drawBlock(state) {
  const now = block(state);
  const spoken = [...now.branch].map((layer) => `${told(layer).replace("→", " to ")}: ${number(layer.parameters)}`).join("; ");
  const beside = now.shortcut.length ? now.shortcut.map((layer) => `${told(layer).replace("→", " to ")}: ${number(layer.parameters)}`).join("; ") : "the identity, nothing to learn";
  const label = `Layers of a ${now.kind} block with their parameters. Branch: ${spoken}. Shortcut: ${beside}.${now.after.length ? " ReLU after the sum." : ""}`;
  return [svgOf(label, layersOf(now)), blockWords(now)];
}

const [COLUMN, BYPASS] = [[4, 206], 260]; // left edge and width of the branch's boxes, middle of the shortcut

function layersOf({ branch, shortcut, after, tap }) {
  const pitch = 258 / (branch.length + 1 + after.length);
  const [height, middle] = [Math.min(pitch - 6, 24), COLUMN[0] + COLUMN[1] / 2];
  const center = (i) => 28 + (i + 0.5) * pitch;
  const sum = center(branch.length);
  const leave = tap ? 28 + tap * pitch : 24;
  const box = (layer, i) => {
    const y = center(i);
    const count = layer.parameters ? at(COLUMN[0] + COLUMN[1] - 5, y + 4, number(layer.parameters), END) : "";
    return `<rect class="cnn-cell ${FILL[layer.name]}" x="${COLUMN[0]}" y="${tidy(y - height / 2)}" width="${COLUMN[1]}" height="${tidy(height)}"/>${at(COLUMN[0] + 5, y + 4, told(layer))}${count}`;
  };
  const wires = `M${middle} 18V${tidy(after.length ? center(branch.length + 1) : 288)}${after.length ? `V288` : ""}M${middle} ${tidy(leave)}H${BYPASS}V${tidy(sum)}H${middle}`;
  return at(middle + 8, 14, "input x") + `<path class="cnn-wire" d="${wires}"/>`
    + branch.map(box).join("") + after.map((layer, i) => box(layer, branch.length + 1 + i)).join("")
    + `<circle class="cnn-sum" cx="${middle}" cy="${tidy(sum)}" r="9"/><path class="cnn-wire" d="M${middle - 6} ${tidy(sum)}h12m-6 -6v12"/>`
    + at(middle - 16, sum + 4, "sum", END) + bypass(shortcut, (leave + sum) / 2) + at(middle + 8, 298, "output");
}

function bypass(shortcut, middle) {
  const lines = shortcut.length
    ? ["projection", size(shortcut[0]), `${shortcut[0].from}→${shortcut[0].to}`, number(shortcut[0].parameters), ...(shortcut[1] ? [`BN, ${shortcut[1].to}`, number(shortcut[1].parameters)] : [])]
    : ["identity", "0"];
  const height = lines.length * 16 + 8;
  const top = tidy(middle - height / 2);
  return `<rect class="cnn-cell ${shortcut.length ? "cnn-window" : "cnn-todo"}" x="${BYPASS - 38}" y="${top}" width="76" height="${height}"/>`
    + lines.map((line, i) => at(BYPASS, top + 17 + i * 16, line, MIDDLE)).join("");
}

function blockWords({ kind, from, to, stride, inside, branch, shortcut, convolutions, norms, projection, parameters }) {
  const convs = branch.filter(({ name }) => name === "conv").map((layer) => number(layer.parameters)).join(" + ");
  const batch = branch.filter(({ name }) => name === "BN").map((layer) => number(layer.parameters)).join(" + ");
  const reasons = [stride > 1 ? "the map shrinks" : "", from !== to ? "the channels change" : ""].filter(Boolean).join(" and ");
  const beside = shortcut.length
    ? `Shortcut: a projection, since ${reasons}: ${value("projection", number(projection))}${shortcut[1] ? ", its batch norm included" : ", without a batch norm; it starts behind the first ReLU"}.`
    : `Shortcut: the identity, since size and channels stay: ${value("projection", 0)} parameters.`;
  const width = kind.endsWith("bottleneck") ? `Inside, a bottleneck has a quarter of the output's channels: ${inside}. ` : "";
  const order = kind.startsWith("pre-activation") ? "Each batch norm stands before its convolution, so it has the channels that enter; nothing follows the sum." : "Each batch norm stands after its convolution; the last ReLU follows the sum.";
  return headline(`${kind}, ${from} → ${to}: ${value("parameters", number(parameters))} parameters`)
    + said(`Convolutions, without bias: ${convs} = ${value("convolutions", number(convolutions))}.`)
    + said(`Batch norms, 2 per channel: ${batch} = ${value("norms", number(norms))}.`)
    + said(beside) + said(`${width}${order}${stride > 1 ? " /2 is stride 2." : ""}`);
}

// Part 3: gradient
const [AXIS_LEFT, AXIS_STEP, HIGHEST, DECADE, AXIS_TOP, ZERO] = [62, 36, 2, 24, 46, 262];
const height = (value) => (value === 0 ? ZERO : AXIS_TOP + (HIGHEST - Math.log10(Math.abs(value))) * DECADE);
const POWERS = { 2: "100", 0: "1", "-2": "0.01", "-4": "0.0001", "-6": "0.000001" };

function drawGradient(state) {
  const now = gradient(state);
  const list = (values) => values.map(decimals).join(", ");
  const label = `Gradient after 0 to ${plural(now.blocks, "block")}, on a logarithmic scale. With shortcuts: ${list(now.residual)}. Without: ${list(now.plain)}.`;
  const grid = Object.entries(POWERS).map(([power, text]) => {
    const y = AXIS_TOP + (HIGHEST - power) * DECADE;
    return `<path class="cnn-tick" d="M${AXIS_LEFT - 6} ${y}H296"/>${at(AXIS_LEFT - 10, y + 4, text, END)}`;
  }).join("");
  const one = `<path class="cnn-wire" d="M${AXIS_LEFT - 6} ${AXIS_TOP + HIGHEST * DECADE}H296"/>`;
  const zero = `<path class="cnn-tick" d="M${AXIS_LEFT - 6} ${ZERO}H296"/>${at(AXIS_LEFT - 10, ZERO + 4, "0", END)}`;
  const names = Array.from({ length: now.blocks + 1 }, (_, n) => at(AXIS_LEFT + 6 + n * AXIS_STEP, 282, n, MIDDLE)).join("");
  const series = (values, shape, shift) => values.map((value, n) => shape(AXIS_LEFT + 6 + n * AXIS_STEP + shift, height(value), value < 0)).join("");
  const svg = legend() + grid + one + zero + names + at(180, 297, "blocks", MIDDLE)
    + series(now.plain, square, 6) + series(now.residual, circle, -6);
  return [svgOf(label, svg), gradientWords(now)];
}

// A negative number is hollow and has a minus in it.
const minus = (x, y, negative) => (negative ? `<path class="cnn-wire" d="M${tidy(x - 3)} ${tidy(y)}h6"/>` : "");
const circle = (x, y, negative) => `<circle class="cnn-with${negative ? " cnn-hollow" : ""}" cx="${tidy(x)}" cy="${tidy(y)}" r="5.5"/>${minus(x, y, negative)}`;
const square = (x, y, negative) => `<rect class="cnn-without${negative ? " cnn-hollow" : ""}" x="${tidy(x - 5)}" y="${tidy(y - 5)}" width="10" height="10"/>${minus(x, y, negative)}`;

function legend() {
  return circle(8, 9, false) + at(18, 13, "with shortcuts") + square(118, 9, false) + at(128, 13, "without")
    + circle(192, 9, true) + square(206, 9, true) + at(216, 13, "negative") + at(0, 32, "gradient, each line × 100");
}

const POLYNOMIAL = (n) => Array.from({ length: n + 1 }, (_, k) => {
  const ways = choose(n, k);
  if (k === 0) return "1";
  return `${ways === 1 ? "" : ways}a${k === 1 ? "" : raised(k)}`;
}).join(" + ");

// What the factor of one block does, in words.
export function verdict({ slope }) {
  const a = Math.round(slope * 10);
  if (a > 0) return "The factor is above 1: the gradient grows with every block. A shortcut does not stop it from exploding.";
  if (a === 0) return "The branch does nothing, the factor is 1: the gradient passes unchanged. A plain net with such a branch passes nothing.";
  if (a > -10) return "The factor is between 0 and 1: the gradient shrinks with every block. It is not “at least 1”.";
  if (a === -10) return "The branch cancels the shortcut: the factor is 0 and no gradient passes. “At least 1” is wrong.";
  return "The factor is negative: the gradient shrinks and changes its sign with every block. It is not “at least 1”.";
}

function comparison({ last, lastPlain }) {
  const [one, other] = [Math.abs(last), Math.abs(lastPlain)];
  if (one === other) return "In size the two are equal.";
  return `In size, shortcuts pass ${one > other ? "more" : "less"}.`;
}

function gradientWords(now) {
  const { slope, factor, blocks, last, lastPlain } = now;
  const put = (text) => (text.startsWith("−") ? `(${text})` : text);
  const power = blocks === 1 ? "" : raised(blocks);
  const all = value("residual", decimals(last));
  const [one, more] = [`One block: 1 + a = ${value("factor", decimals(factor))}`, blocks > 1];
  return headline(more ? `${one}. ${plural(blocks, "block")}: ${all}` : one)
    + said(`H(x) = F(x) + x with F(x) = a·x, a = ${decimals(slope)}, so dH/dx = a + 1. A ReLU after the sum can set even that to 0.`)
    + said(`${plural(blocks, "block")} with shortcuts: ${more ? `${put(decimals(factor))}${power} = ${decimals(last)}` : all}. Without: ${more ? `${put(decimals(slope))}${power} = ` : ""}${value("plain", decimals(lastPlain))}. ${comparison(now)}`)
    + said(verdict(now))
    + said(`(1 + a)${power} = ${POLYNOMIAL(blocks)}: one term for each path, as counted in the first picture.`);
}

export default {
  render: renderer({ draw, names: ["kinds", "channels", "strides", "part", "blocks", "dropped", "block_kind", "in_channels", "out_channels", "stride", "slope"] }),
};
