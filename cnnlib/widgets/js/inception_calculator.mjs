// uses: shared/text.mjs shared/tree.mjs shared/view.mjs
// One image (N = 1); every layer keeps rows and columns. Parameters count biases, MACs do not. Sizes are in pixels.
const NAMES = ["in_channels", "size", "one", "reduce3", "three", "reduce5", "five", "pool"];
const [PAPER, TORCHVISION, TWO] = [0, 1, 2]; // how branch c is built, in the order of the list

// The settings in force: a row of the table, or the sliders when the list says so.
export function settings(state) {
  const row = Object.values(state.presets)[state.preset];
  return Object.fromEntries(NAMES.map((name, i) => [name, row ? row[i] : state[name]]));
}

export const isOwn = (state) => state.preset >= Object.keys(state.presets).length;

// The convolutions of the four branches, each [kernel rows, kernel columns, channels in, channels out].
export function convolutions(chosen, reduced, kernels) {
  const { in_channels: c, one, reduce3, three, reduce5, five, pool } = chosen;
  const chain = (reduction, taps, out) => {
    const path = reduced && reduction ? [[1, 1, c, reduction]] : [];
    for (const [rows, cols] of taps) path.push([rows, cols, path.length ? path.at(-1)[3] : c, out]);
    return path;
  };
  return [
    one ? chain(0, [[1, 1]], one) : null,
    three ? chain(reduce3, [[3, 3]], three) : null,
    five ? chain(reduce5, kernels, five) : null,
    pool ? chain(0, reduced ? [[1, 1]] : [], pool) : null,
  ];
}

// What one version of the module has and costs; null stands for a branch that is left out.
export function cost(chosen, reduced, kernels) {
  const pixels = chosen.size ** 2;
  const branches = convolutions(chosen, reduced, kernels).map((path) => path && {
    out_channels: path.length ? path.at(-1)[3] : chosen.in_channels,
    parameters: sum(path, ([rows, cols, before, after]) => (rows * cols * before + 1) * after),
    macs: sum(path, ([rows, cols, before, after]) => pixels * rows * cols * before * after),
    layers: path,
  });
  const all = branches.filter(Boolean);
  const total = (what) => sum(all, (branch) => branch[what]);
  return { branches, out_channels: total("out_channels"), parameters: total("parameters"), macs: total("macs") };
}

// The module with and without its reductions, and which of the two is chosen.
export function facts(state) {
  const [chosen, kernels] = [settings(state), state.large_layers[state.large]];
  const [reduced, naive] = [cost(chosen, true, kernels), cost(chosen, false, kernels)];
  const paper = cost(chosen, state.reduction, state.large_layers[PAPER]);
  return { chosen, reduced, naive, now: state.reduction ? reduced : naive, paper };
}

const sum = (list, value) => list.reduce((total, each) => total + value(each), 0);

// 0.42196 -> "0.422": three digits are enough to compare.
export function share(ratio) {
  return ratio >= 100 ? number(Math.round(ratio)) : ratio.toPrecision(3);
}

export function draw(state) {
  const all = facts(state);
  const possible = all.now.out_channels > 0;
  return `<div class="cnn-inception">${possible ? columns(state, all) : nothing()}</div>`
    + `<output class="cnn-readout cnn-inception-readout" aria-live="polite">${possible ? said(state, all) : "No output: all four branches are left out."}</output>`
    + "<p class=\"cnn-where cnn-muted\">Each branch as chosen. Last column: its MACs with the reduction, divided by its MACs without.</p>"
    + `<div class="cnn-scroll" tabindex="0" role="region" aria-label="What each branch costs">${table(state, all)}</div>`;
}

function nothing() {
  return "<p class=\"cnn-impossible\"><b>Nothing to concatenate.</b> All four branches have 0 output channels. "
    + "Give at least one of a, b, c and d a width.</p>";
}

const LETTERS = ["a", "b", "c", "d"];
const value = (name, text) => `<b data-value="${name}">${text}</b>`;
const line = (text) => `<span class="cnn-fact">${text}</span>`;
const shape = (channels, size) => `(1, ${channels}, ${size}, ${size})`;

function said(state, all) {
  const { chosen, reduced, naive, now } = all;
  const widths = now.branches.filter(Boolean).map((branch) => branch.out_channels);
  const parts = widths.length > 1 ? `${widths.join(" + ")} = ` : "";
  return `<span class="cnn-headline">${plural(chosen.in_channels, "channel")} in, ${parts}${value("out_channels", now.out_channels)} out</span>`
    + line(`${value("parameters", number(now.parameters))} parameters (weights and biases: the paper's convolutions have biases, and no batch norm), `
      + `${value("macs", number(now.macs))} MACs for one image (biases and pooling not counted).`)
    + line(compare(reduced, naive)) + line(outputs(state, chosen, reduced, naive)) + line(large(state, all))
    + line(isOwn(state) ? "The module is yours: the sliders set it." : "To set the widths yourself, choose “own widths”: the sliders act then.");
}

function compare(reduced, naive) {
  const both = `With the 1×1 reductions ${value("reducedMacs", number(reduced.macs))} MACs, without ${value("naiveMacs", number(naive.macs))}`;
  if (!naive.macs) return `${both}: pooling alone multiplies nothing.`;
  const ratio = reduced.macs / naive.macs;
  const words = ratio > 1 ? `times as many${ratio < 1.005 ? ", rounded" : ""}: these 1×1 layers cost more than they save` : `of them remain${ratio > 0.9995 && ratio < 1 ? ", rounded" : ""}${ratio === 1 ? ": there is nothing to reduce" : ""}`;
  return `${both}: ${value("ratio", share(ratio))} ${words}.`;
}

function outputs(state, { pool, in_channels: c }, reduced, naive) {
  if (!pool) return "Branch d is left out, so both versions give the same number of channels.";
  const verb = pool < c ? "narrows its branch to" : pool > c ? "widens its branch to" : "leaves its branch at";
  const now = state.reduction ? `the 1×1 after the pooling ${verb}` : "nothing narrows the pooling branch: it hands on all";
  const other = state.reduction ? `without it the module would give ${number(naive.out_channels)}` : `with a 1×1 behind it the module would give ${number(reduced.out_channels)}`;
  return `In branch d ${now} ${plural(state.reduction ? pool : c, "channel")}; ${other}.`;
}

// What the choice for branch c does to its MACs, beside one 5×5.
function large(state, { chosen, now, paper }) {
  const [branch, plain] = [now.branches[2], paper.branches[2]];
  if (!branch) return "Branch c is left out.";
  if (state.large === PAPER) return "Branch c: one 5×5, as in the paper. The list has other ways to see 5 × 5 pixels.";
  const times = `Branch c: ${value("largeRatio", share(branch.macs / plain.macs))} × the MACs of its 5×5 version.`;
  if (state.large === TORCHVISION) return `${times} torchvision builds 3×3 where the paper has 5×5, so the two counts differ.`;
  const [taps, words, rule] = state.large === TWO ? [9, "Both 3×3", "18 to 25"] : [5, "Both layers", "10 to 25"];
  const before = state.reduction ? chosen.reduce5 : chosen.in_channels;
  return `${times} ${words} write ${plural(chosen.five, "channel")}: for each, ${taps}·(${before} + ${chosen.five}) = ${value("pairWeights", number(taps * (before + chosen.five)))} weights `
    + `against 25·${before} = ${number(25 * before)}. Only equal widths give ${rule}.`;
}

const KINDS = ["5×5", "3×3", "two 3×3", "1×5, 5×1"];

function table(state, { now, reduced, naive, chosen }) {
  const names = ["1×1", "3×3", KINDS[state.large], "pool"];
  const ratio = (name, less, more) => `<td>${more ? value(`${name}.ratio`, share(less / more)) : "–"}</td>`;
  const rows = now.branches.map((branch, i) => {
    const head = `<th scope="row">${LETTERS[i]}: ${names[i]}</th>`;
    if (!branch) return `<tr>${head}<td colspan="4">left out</td></tr>`;
    return `<tr>${head}<td>${shape(branch.out_channels, chosen.size)}</td>${cells(LETTERS[i], branch)}${ratio(LETTERS[i], reduced.branches[i].macs, naive.branches[i].macs)}</tr>`;
  });
  const total = now.out_channels ? `<td>${shape(now.out_channels, chosen.size)}</td>${cells("module", now)}${ratio("module", reduced.macs, naive.macs)}` : "<td colspan=\"4\">no output</td>";
  return "<table class=\"cnn-counts cnn-costs\" aria-label=\"Output, parameters and MACs of each branch\"><thead><tr><th scope=\"col\">branch</th>"
    + "<th scope=\"col\">output (N, C, H, W)</th><th scope=\"col\">parameters</th><th scope=\"col\">MACs</th><th scope=\"col\">with / without</th></tr></thead>"
    + `<tbody>${rows.join("")}</tbody><tfoot><tr><th scope="row">module</th>${total}</tr></tfoot></table>`;
}

const cells = (name, { parameters, macs }) => `<td>${value(`${name}.parameters`, number(parameters))}</td><td>${value(`${name}.macs`, number(macs))}</td>`;

// The drawing, in its own units: 300 wide, four columns of up to three layers, the concatenation below.
const [COLUMN, BOX, HEIGHT, SLOT, TOP] = [75, 71, 45, 60, 36];
const END = TOP + 3 * SLOT + 14; // where the concatenation begins

function columns(state, { chosen, now }) {
  const layers = now.branches.map((branch, i) => branch && boxes(branch, i, chosen));
  const edges = segments(now);
  const drawn = layers.map((column, i) => drawColumn(column, i, edges[i], chosen));
  const described = now.branches.map((branch, i) => `branch ${LETTERS[i]}: ${branch ? layers[i].map(([name, out]) => `${name} to ${plural(out, "channel")}`).join(", then ") : "left out"}`);
  const label = `An Inception module. Input ${plural(chosen.in_channels, "channel")}, ${chosen.size} by ${chosen.size} pixels; ${described.join("; ")}; concatenated: ${plural(now.out_channels, "channel")}.`;
  return `<svg viewBox="0 0 300 ${END + 42}" role="img" aria-label="${label}"><rect class="cnn-cell" x="2" y="1" width="296" height="20"/>`
    + `<text x="150" y="15" text-anchor="middle">input ${shape(chosen.in_channels, chosen.size)}</text>${drawn.join("")}`
    + `<text x="150" y="${END + 37}" text-anchor="middle">concatenated ${shape(now.out_channels, chosen.size)}</text></svg>`;
}

// The boxes of one column, each [name, channels]; the pooling comes first in branch d.
function boxes(branch, i, { in_channels: c }) {
  const convs = branch.layers.map(([rows, cols, , out]) => [`${rows}×${cols} conv`, out]);
  return i === 3 ? [["3×3 pool", c], ...convs] : convs;
}

// From where to where each branch reaches on the bar of the concatenation.
function segments(now) {
  let before = 0;
  return now.branches.map((branch) => {
    const from = 2 + (296 * before) / now.out_channels;
    before += branch ? branch.out_channels : 0;
    return [from, 2 + (296 * before) / now.out_channels];
  });
}

function drawColumn(layers, i, [from, to], { size }) {
  const left = i * COLUMN + 2;
  const middle = left + BOX / 2;
  if (!layers) return `<rect class="cnn-cell cnn-pad" x="${left}" y="${TOP}" width="${BOX}" height="${HEIGHT}"/><text x="${middle}" y="${TOP + 26}" text-anchor="middle">${LETTERS[i]}: left out</text>`;
  const each = layers.map(([name, out], k) => {
    const y = TOP + k * SLOT;
    const texts = [name, `(1, ${out},`, `${size}, ${size})`].map((text, row) => `<text x="${middle}" y="${y + 13 + 13 * row}" text-anchor="middle">${text}</text>`);
    return `<path class="cnn-arrow" d="M${middle} ${k ? y - SLOT + HEIGHT : 21}V${y}m-3 -5l3 5l3 -5"/><rect class="cnn-cell${kind(name, k, layers, i)}" x="${left}" y="${y}" width="${BOX}" height="${HEIGHT}"/>${texts.join("")}`;
  });
  const bottom = TOP + (layers.length - 1) * SLOT + HEIGHT;
  const target = tidy((from + to) / 2);
  return `${each.join("")}<path class="cnn-arrow" d="M${middle} ${bottom}V${END - 16}L${target} ${END}"/>`
    + `<rect class="cnn-cell cnn-done" x="${tidy(from)}" y="${END}" width="${tidy(to - from)}" height="22"/>`
    + (to - from >= 12 ? `<text x="${target}" y="${END + 15}" text-anchor="middle">${to - from >= 44 ? `${LETTERS[i]}: ${layers.at(-1)[1]}` : LETTERS[i]}</text>` : "");
}

const kind = (name, k, layers, i) => (name.includes("pool") ? " cnn-pad" : name === "1×1 conv" && k === 0 && i && layers.length > 1 ? " cnn-window" : "");

export default { render: renderer({ draw, names: ["presets", "large_layers", "preset", "reduction", "large", ...NAMES] }) };
