// uses: shared/text.mjs shared/tree.mjs shared/view.mjs
// One image of three channels (N = 1), 1000 classes, an MLP four times as wide as a token. MACs leave the biases out.
const [CHANNELS, CLASSES, WIDEN] = [3, 1000, 4];
const NUMBERS = ["patch_size", "hidden_dim", "num_layers", "num_heads"];

// A preset puts its numbers into the controls; a number that is changed afterwards makes it the reader's own model.
export function derive(state) {
  const own = state.presets.length;
  if (state.preset === own) return { applied: own };
  const row = state.presets[state.preset];
  if (state.preset !== state.applied) return { ...row, applied: state.preset };
  return NUMBERS.every((name) => row[name] === state[name]) ? {} : { preset: own };
}

// Everything that follows from the sizes. refused: what does not divide; then there are no costs.
export function facts(state) {
  const { image_size: size, hidden_dim: d, num_layers: layers } = state;
  const [patch, heads, extra] = [state.patch_sizes[state.patch_size], state.head_counts[state.num_heads], state.class_token ? 1 : 0];
  const grid = Math.floor(size / patch);
  const values = patch * patch * CHANNELS;
  const start = { patch, heads, grid, left: size % patch, values, projection: values * d + d };
  const refused = { patch: size % patch !== 0, heads: d % heads !== 0 };
  if (refused.patch || refused.heads) return { ...start, refused };
  const patches = grid * grid;
  const tokens = patches + extra;
  return { ...start, patches, tokens, ...costs({ d, layers, heads, extra, patches, tokens, values }), doubled: doubled(patches, extra) };
}

function costs({ d, layers, heads, extra, patches, tokens, values }) {
  const parameters = {
    patches: values * d + d, places: (tokens + extra) * d, projections: layers * (4 * d * d + 4 * d), matrices: 0,
    mlp: layers * (2 * WIDEN * d * d + (WIDEN + 1) * d), norms: (2 * layers + 1) * 2 * d, head: CLASSES * (d + 1),
  };
  const macs = {
    patches: patches * values * d, places: 0, projections: layers * 4 * tokens * d * d, matrices: layers * 2 * tokens * tokens * d,
    mlp: layers * 2 * WIDEN * tokens * d * d, norms: 0, head: CLASSES * d,
  };
  return {
    parameters, macs, total: { parameters: sum(parameters), macs: sum(macs) },
    matrix: { one: tokens * tokens, layer: heads * tokens * tokens, all: layers * heads * tokens * tokens },
    layer: { projections: 4 * tokens * d * d, matrices: 2 * tokens * tokens * d, attention: 4 * tokens * d * d + 2 * tokens * tokens * d, convolution: 9 * patches * d * d },
  };
}

const sum = (parts) => Object.values(parts).reduce((all, value) => all + value, 0);

// An image with twice the side: four times the patches.
function doubled(patches, extra) {
  const tokens = 4 * patches + extra;
  return { tokens, factor: tokens / (patches + extra), matrix: (tokens / (patches + extra)) ** 2 };
}

// 15.88 -> "15.9", 16 -> "16", 1234.5 -> "1,235".
export function times(value) {
  return value >= 100 ? number(Math.round(value)) : String(Number(value.toPrecision(3)));
}

export function draw(state) {
  const now = facts(state);
  return `<div class="cnn-tokens">${grid(state, now)}${now.refused ? refusal(state, now) : bars(now)}</div>`
    + `<output class="cnn-readout cnn-tokens-readout" aria-live="polite">${now.refused ? refusedWords(state, now) : words(state, now)}</output>`
    + `<div class="cnn-scroll cnn-tokens-table" tabindex="0" role="region" aria-label="Parameters and MACs of each part">${now.refused ? "" : table(now)}</div>`;
}

const value = (name, text) => `<b data-value="${name}">${text}</b>`;
const line = (text) => `<span class="cnn-fact">${text}</span>`;
const squared = (n) => `${n} × ${n}`;

function words(state, now) {
  const { image_size: size, hidden_dim: d, num_layers: layers, class_token } = state;
  const { patch, heads, patches, tokens, total, macs, matrix, layer, doubled: twice } = now;
  const plus = class_token ? ` + 1 = ${value("tokens", number(tokens))}` : "";
  const share = (100 * macs.matrices) / total.macs;
  return `<span class="cnn-headline">${squared(size)} pixels, patches of ${squared(patch)}: ${class_token ? number(patches) + plus : value("tokens", number(tokens))} ${tokens === 1 ? "token" : "tokens"} of ${number(d)} numbers</span>`
    + line(`Patches: (${size} / ${patch})² = ${now.grid}² = ${value("patches", number(patches))}${class_token ? ", and 1 class token before them" : ". No class token: the mean of all tokens goes to the last layer"}.`)
    + line(patchWords(state, now))
    + line(`Parameters for ${number(CLASSES)} classes: ${value("parameters", number(total.parameters))}. MACs of one image: ${value("macs", number(total.macs))}, `
      + `the attention matrices take ${value("share", share.toFixed(1))} % of them.`)
    + line(`An attention matrix: ${number(tokens)} × ${number(tokens)} = ${value("matrix", number(matrix.one))} weights. One for each head and layer, ${heads} · ${layers}: `
      + `${value("matrix.all", number(matrix.all))} weights.`)
    + line(`Twice the side, ${2 * size} pixels: ${value("doubled", number(twice.tokens))} tokens, and the matrix is ${value("doubled.matrix", times(twice.matrix))} times as large${class_token ? " (16 times without the class token)" : ""}. `
      + "A convolution would cost 4 times as much.")
    + line(`One attention layer: ${value("layer.projections", number(layer.projections))} (4·n·d²) + ${value("layer.matrices", number(layer.matrices))} (2·n²·d) = ${value("layer.attention", number(layer.attention))} MACs. `
      + `A 3×3 convolution, ${number(d)} channels in and out on ${squared(now.grid)} places: ${value("layer.convolution", number(layer.convolution))} (9·n·d²). ${versus(d, now)}`);
}

function versus(d, { layer, tokens }) {
  const more = layer.attention > layer.convolution;
  const ratio = more ? layer.attention / layer.convolution : layer.convolution / layer.attention;
  const which = more ? "Here attention costs" : "Here the convolution costs";
  return `${which} ${value("ratio", ratio.toFixed(2))} times as much. The terms with n² lead from n = 2·d = ${number(2 * d)} tokens on; ${tokens === 1 ? "here there is" : "here there are"} ${number(tokens)}.`;
}

function patchWords({ hidden_dim: d }, { patch, values, projection }) {
  const learned = `A learned projection makes ${number(d)} of them: ${number(values)}·${number(d)} + ${number(d)} = ${value("projection", number(projection))} parameters.`;
  const other = patch === 16 ? 32 : 16;
  const note = values === d ? ` That both are ${number(d)} is a coincidence: a patch of ${squared(other)} holds ${number(other * other * CHANNELS)}.` : "";
  return `A patch holds ${patch}·${patch}·${CHANNELS} = ${value("values", number(values))} numbers. ${learned}${note}`;
}

// The nearest sizes that the patch divides, smaller and larger.
function nearest(size, patch) {
  const below = Math.floor(size / patch) * patch;
  return below ? `${below} or ${below + patch}` : String(patch);
}

function reasons({ image_size: size, hidden_dim: d }, { patch, heads, left, refused }) {
  const cut = `Patches of ${patch} pixels do not fit into ${size}: ${size} = ${patch}·${Math.floor(size / patch)} + ${left}, so ${plural(left, "row")} and ${plural(left, "column")} are left over. `
    + `An image of ${nearest(size, patch)} pixels would fit.`;
  const share = `${plural(heads, "head")} cannot share ${number(d)} numbers a token: ${number(d)} / ${heads} is no whole number.`;
  return [refused.patch ? cut : "", refused.heads ? share : ""].filter(Boolean);
}

function refusal(state, now) {
  return `<p class="cnn-impossible"><b>No such model.</b> ${reasons(state, now).join(" ")}</p>`;
}

function refusedWords(state, now) {
  const { image_size: size, hidden_dim: d, class_token } = state;
  const { patch, heads, refused, grid: side } = now;
  const count = refused.patch ? `no tokens, ${size} is no multiple of ${patch}` : `${number(side * side)}${class_token ? " + 1" : ""} tokens`;
  const silent = refused.patch ? line(`A convolution with kernel and stride ${patch} would drop the rest without a word; the model's code refuses such an image.`) : "";
  const shared = refused.heads ? line(`${plural(heads, "head")} and ${number(d)} numbers a token: each head must get the same whole number of them.`) : "";
  return `<span class="cnn-headline">${squared(size)} pixels, patches of ${squared(patch)}: ${count}</span>${silent}${shared}${line(patchWords(state, now))}`;
}

const [SIDE, EDGE, TOP] = [296, 2, 24];

// The image with the grid of patches; the first and the last patch are marked, what is left over is crossed out.
function grid({ image_size: size, class_token }, { patch, grid: count, left }) {
  const cell = (SIDE * patch) / size;
  const [end, far] = [tidy(cell * count), EDGE + SIDE];
  const at = (i) => tidy(i * cell);
  const lines = Array.from({ length: count + 1 }, (_, i) => `M${EDGE + at(i)} ${TOP}v${end}M${EDGE} ${TOP + at(i)}h${end}`).join("");
  const strip = left ? `<path class="cnn-cell cnn-pad" d="M${EDGE + end} ${TOP}H${far}V${TOP + SIDE}H${EDGE}V${TOP + end}H${EDGE + end}z"/><path class="cnn-cut" d="${crosses(end, count, cell)}"/>` : "";
  const mark = (i) => `<rect class="cnn-cell cnn-window" x="${EDGE + at(i)}" y="${TOP + at(i)}" width="${tidy(cell)}" height="${tidy(cell)}"/>`
    + `<circle class="cnn-mark" cx="${tidy(EDGE + (i + 0.5) * cell)}" cy="${tidy(TOP + (i + 0.5) * cell)}" r="${tidy(Math.min(cell / 5, 8))}"/>`;
  const ends = count ? [...new Set([0, count - 1])].map(mark).join("") : "";
  const cls = class_token ? `<circle class="cnn-cell cnn-done" cx="11" cy="11" r="8"/><text x="25" y="15">class token, before all patches</text>` : "<text x=\"2\" y=\"15\">no class token</text>";
  const rest = left ? ` ${plural(left, "row")} and ${plural(left, "column")} of pixels are left over.` : "";
  return `<figure class="cnn-tokens-grid"><svg viewBox="0 0 300 ${TOP + SIDE + EDGE}" role="img" aria-label="Image of ${size} by ${size} pixels with ${count} by ${count} patches${class_token ? " and a class token" : ""}.${rest}">`
    + `${cls}<rect class="cnn-cell" x="${EDGE}" y="${TOP}" width="${SIDE}" height="${SIDE}"/>${strip}${ends}<path class="cnn-lines" stroke-width="${tidy(Math.min(0.75, cell / 10))}" d="${lines}"/></svg>`
    + `<figcaption class="cnn-muted">${count} × ${count} patches, read row by row. Dots: the first and the last.${left ? " Crosses: left over." : ""}</figcaption></figure>`;
}

// A cross for each patch along the rest, or one in the middle where no patch fits.
function crosses(end, count, cell) {
  const room = SIDE - end;
  const r = Math.min(room / 3, 7);
  const cross = (x, y) => `M${tidy(EDGE + x - r)} ${tidy(TOP + y - r)}l${tidy(2 * r)} ${tidy(2 * r)}M${tidy(EDGE + x + r)} ${tidy(TOP + y - r)}l${tidy(-2 * r)} ${tidy(2 * r)}`;
  const step = Math.max(1, Math.ceil(16 / cell));
  const middles = Array.from({ length: Math.ceil(count / step) }, (_, i) => (i * step + 0.5) * cell);
  return [...middles.map((m) => cross(m, end + room / 2) + cross(end + room / 2, m)), cross(end + room / 2, end + room / 2)].join("");
}

const PARTS = [["patches", "patch projection"], ["projections", "q, k, v, output"], ["matrices", "attention matrices"], ["mlp", "MLP"], ["head", "last layer"]];

// Where the MACs go; the longest bar fills the width. Below, one attention layer beside a convolution.
function bars({ macs, total, layer }) {
  const most = Math.max(...PARTS.map(([part]) => macs[part]));
  const rows = PARTS.map(([part, name], i) => bar(34 * i, `${name}: ${number(macs[part])} (${((100 * macs[part]) / total.macs).toFixed(1)} %)`, [["", macs[part] / most]]));
  const largest = Math.max(layer.attention, layer.convolution);
  const pair = `<text x="2" y="206">MACs of one layer</text>` + bar(194, `attention: ${number(layer.attention)}`, [["cnn-bar-b", layer.projections / largest], ["cnn-bar-c", layer.matrices / largest]])
    + bar(228, `3×3 convolution: ${number(layer.convolution)}`, [["", layer.convolution / largest]]);
  const label = `MACs of one image: ${PARTS.map(([part, name]) => `${name} ${number(macs[part])}`).join(", ")}. One attention layer ${number(layer.attention)}, a 3 by 3 convolution ${number(layer.convolution)}.`;
  return `<figure class="cnn-tokens-bars"><svg viewBox="0 0 300 272" role="img" aria-label="${label}"><text x="2" y="12">MACs of one image</text>${rows.join("")}${pair}</svg>`
    + "<figcaption class=\"cnn-muted\">In each group the longest bar fills the width. Attention: first the projections, then the matrices.</figcaption></figure>";
}

function bar(y, text, parts) {
  let x = 2;
  const rects = parts.map(([kind, part]) => {
    const width = tidy(part * 296);
    const rect = `<rect class="cnn-bar ${kind}" x="${tidy(x)}" y="${y + 33}" width="${width}" height="9"/>`;
    x += width;
    return rect;
  });
  return `<text x="2" y="${y + 29}">${text}</text>${rects.join("")}`;
}

const ROWS = [["patches", "patch projection"], ["places", "positions, class token"], ["projections", "query, key, value, output"], ["matrices", "attention matrices"], ["mlp", "MLP"], ["norms", "norms"], ["head", "last layer"]];

function table({ parameters, macs, total }) {
  const cell = (what, part, count) => `<td>${value(`${what}.${part}`, number(count))}</td>`;
  const rows = ROWS.map(([part, name]) => `<tr><th scope="row">${name}</th>${cell("parameters", part, parameters[part])}${cell("macs", part, macs[part])}</tr>`);
  return "<table class=\"cnn-counts cnn-costs\" aria-label=\"Parameters and MACs of each part, all layers together\"><thead><tr><th scope=\"col\">all layers together</th><th scope=\"col\">parameters</th><th scope=\"col\">MACs</th></tr></thead>"
    + `<tbody>${rows.join("")}</tbody><tfoot><tr><th scope="row">total</th><td>${number(total.parameters)}</td><td>${number(total.macs)}</td></tr></tfoot></table>`;
}

export default {
  render: renderer({ draw, derive, names: ["presets", "patch_sizes", "head_counts", "preset", "patch_size", "num_heads", "image_size", "hidden_dim", "num_layers", "class_token", "applied"] }),
};
