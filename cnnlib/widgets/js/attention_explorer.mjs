// uses: shared/text.mjs shared/tree.mjs shared/view.mjs
const GRID = 6;
const TOKENS = GRID * GRID;
const place = (token) => [Math.floor(token / GRID), token % GRID];

// Whether the query may look at the key; both are numbers of patches, row by row.
export function allowed({ mask_kinds, mask, window, stride, global_patches }, query, key) {
  const kind = mask_kinds[mask];
  const steps = [0, 1].map((axis) => Math.abs(place(query)[axis] - place(key)[axis]));
  if (kind === "none") return true;
  if (kind === "causal") return key <= query;
  if (kind === "strided") return steps.every((step) => step % stride === 0);
  const near = steps.every((step) => step <= Math.floor(window / 2));
  return kind === "global" ? near || query < global_patches || key < global_patches : near;
}

// The query's scores, null where the mask forbids.
export function scoresOf(state, query, scaled) {
  const [q, keys] = [state.query_vectors[state.layer][state.head][query], state.key_vectors[state.layer][state.head]];
  const divisor = scaled ? Math.sqrt(q.length) : 1;
  return keys.map((k, key) => (allowed(state, query, key) ? k.reduce((total, x, i) => total + x * q[i], 0) / divisor : null));
}

export function softmaxOf(scores) {
  const most = Math.max(...scores.filter((score) => score !== null));
  const powers = scores.map((score) => (score === null ? 0 : Math.exp(score - most)));
  const total = powers.reduce((all, power) => all + power, 0);
  return powers.map((power) => power / total);
}

// In bits: 0 when all attention goes to one patch, log2(n) when n patches share it evenly.
export function entropyOf(weights) {
  return weights.reduce((total, w) => (w > 0 ? total - w * Math.log2(w) : total), 0) + 0;
}

function row(state, query, scaled) {
  const scores = scoresOf(state, query, scaled);
  const weights = softmaxOf(scores);
  const largest = Math.max(...weights);
  return { scores, weights, largest, entropy: entropyOf(weights), best: weights.findIndex((w) => w > largest - 1e-9) };
}

export function facts(state) {
  const query = state.row * GRID + state.column;
  const [now, other] = [row(state, query, state.scaled), row(state, query, !state.scaled)];
  const values = state.value_vectors[state.layer][state.head];
  const all = Array.from({ length: TOKENS }, (_, i) => i);
  const counts = all.map((q) => all.filter((k) => allowed(state, q, k)).length);
  return {
    query, ...now, other: { largest: other.largest, entropy: other.entropy },
    dimension: state.query_vectors[state.layer][state.head][query].length,
    sum: now.weights.reduce((total, w) => total + w, 0), visible: counts[query],
    ties: now.weights.filter((w) => w > now.largest - 1e-9).length,
    computed: counts.reduce((total, n) => total + n, 0), most: Math.max(...counts),
    own: values[query], output: values[0].map((_, i) => values.reduce((total, v, k) => total + now.weights[k] * v[i], 0)),
  };
}

export function draw(state) {
  const now = facts(state);
  return `<div class="cnn-attention">${pictureOf(state, now)}${weightsOf(state, now)}</div>`
    + `<output class="cnn-readout cnn-attention-readout" aria-live="polite">${words(state, now)}</output>`;
}

const value = (name, text) => `<b data-value="${name}">${text}</b>`;
const line = (text) => `<span class="cnn-fact">${text}</span>`;
const at = (token) => `row ${place(token)[0]}, column ${place(token)[1]}`;

function words(state, now) {
  const { layer, head, scaled } = state;
  const { query, best, largest, ties, sum, entropy, other, visible, dimension: d } = now;
  const where = best === query ? "itself" : `the patch in ${at(best)}`;
  const most = ties > 1 ? `${value("ties", ties)} patches share the largest weight` : `most to ${value("best", where)}`;
  return `<span class="cnn-headline">The patch in ${at(query)} gives ${most}: ${value("largest", fixed(largest, 3))}</span>`
    + line(`Layer ${layer + 1}, head ${head + 1} ${state.purposes[layer][head]} (made by hand, not trained).`)
    + line(`${value("visible", visible)} of ${TOKENS} patches may be seen; their weights add up to ${value("sum", fixed(sum, 3))}. `
      + `Entropy ${value("entropy", fixed(entropy, 2))} bits, as spread as over ${value("spread", fixed(2 ** entropy, 1))} patches evenly; at most log₂ ${visible} = ${fixed(Math.log2(visible), 2)}.`)
    + line(`Scores ${scaled ? `divided by √${d} = ${fixed(Math.sqrt(d), 2)}` : "not divided"}. ${scaled ? "Without the division" : `Divided by √${d} = ${fixed(Math.sqrt(d), 2)}`} the largest weight would be ${value("other.largest", fixed(other.largest, 3))} `
      + `and the entropy ${value("other.entropy", fixed(other.entropy, 2))} bits.`)
    + line(cost(state, now))
    + line(`Output: the values' mean with these weights. ${state.value_names.map((name, i) => `${name} ${value(`output.${i}`, fixed(now.output[i], 2))} (own ${fixed(now.own[i], 2)})`).join(", ")}.`);
}

function cost(state, { computed, most }) {
  const kind = state.mask_kinds[state.mask];
  const full = TOKENS * TOKENS;
  if (kind === "none") return `Scores: n² = ${TOKENS}² = ${value("computed", number(full))}. No mask, nothing to leave out.`;
  const part = `Scores that count: ${value("computed", number(computed))} of n² = ${number(full)} (${fixed((100 * computed) / full, 1)} %)`;
  return `${part}${reason(state, kind, most)} Only code that leaves the other scores out is faster for it; setting them to −∞ computes all first.`;
}

function reason({ stride, global_patches: chosen }, kind, most) {
  const limit = `, at most n·w = ${TOKENS}·${most} = ${number(TOKENS * most)}`;
  if (kind === "causal") return " = n·(n + 1)/2: itself and the patches before it.";
  if (kind === "strided") return `${limit}: every${["", " second", " third", " fourth", " fifth", " sixth"][stride - 1]} row and column, counted from the query.`;
  if (kind === "local") return `${limit}; at the border the window is cut.`;
  return chosen ? `: the windows', and all of ${chosen === 1 ? "1 global patch" : `${chosen} global patches`}, as query and as key.` : ": the windows', no patch is global.";
}

const [SIDE, EDGE, CELL] = [300, 3, 49];
const corner = (token) => place(token).map((i) => EDGE + i * CELL);
const frame = (token, kind) => `<rect class="${kind}" x="${corner(token)[1] + 1}" y="${corner(token)[0] + 1}" width="${CELL - 2}" height="${CELL - 2}"/>`;

// The pixels, one path for each brightness above 0, under the lines of the patches.
function pictureOf({ pixels }, { query, best }) {
  const side = (CELL * GRID) / pixels.length;
  const paths = {};
  pixels.forEach((line_, i) => line_.forEach((v, j) => {
    if (v > 0) paths[v] = `${paths[v] ?? ""}M${tidy(EDGE + j * side)} ${tidy(EDGE + i * side)}h${tidy(side)}v${tidy(side)}h${tidy(-side)}z`;
  }));
  const lines = Array.from({ length: GRID + 1 }, (_, i) => `M${EDGE + i * CELL} ${EDGE}v${GRID * CELL}M${EDGE} ${EDGE + i * CELL}h${GRID * CELL}`).join("");
  const shades = Object.keys(paths).map((v) => `<path class="cnn-ink" fill-opacity="${tidy(Number(v) ** 2)}" d="${paths[v]}"/>`).join("");
  return `<figure class="cnn-attention-figure"><svg viewBox="0 0 ${SIDE} ${SIDE}" role="img" aria-label="A picture of ${GRID} by ${GRID} patches with two discs and a square; the query patch is in ${at(query)}, the largest weight in ${at(best)}.">`
    + `<rect class="cnn-cell cnn-todo" x="${EDGE}" y="${EDGE}" width="${CELL * GRID}" height="${CELL * GRID}"/>${shades}<path class="cnn-lines" d="${lines}"/>`
    + `${best === query ? "" : frame(best, "cnn-ghost")}${frame(query, "cnn-frame")}</svg><figcaption class="cnn-muted">The picture. Frame: query patch. Dashed: largest weight.</figcaption></figure>`;
}

// A weight is a square whose area grows with it, over its number; the largest has a star, a forbidden patch a cross.
function weightsOf(state, { query, weights, scores, largest, ties }) {
  const cells = weights.map((w, token) => {
    const [y, x] = corner(token);
    const middle = x + CELL / 2;
    if (scores[token] === null) return { forbidden: `M${x} ${y}h${CELL}v${CELL}h-${CELL}z`, cross: `M${middle - 6} ${y + 18.5}l12 12m0 -12l-12 12` };
    const edge = 26 * Math.sqrt(w / largest);
    const star = ties < TOKENS && w > largest - 1e-9 ? "★" : "";
    return {
      square: edge > 0.4 ? `M${tidy(middle - edge / 2)} ${tidy(y + 17 - edge / 2)}h${tidy(edge)}v${tidy(edge)}h${tidy(-edge)}z` : "",
      text: `<text x="${middle}" y="${y + 43}" text-anchor="middle"${star ? " font-weight=\"700\"" : ""}>${star}${fixed(w, 2)}</text>`,
    };
  });
  const all = (name) => cells.map((cell) => cell[name] ?? "").join("");
  const lines = Array.from({ length: GRID + 1 }, (_, i) => `M${EDGE + i * CELL} ${EDGE}v${GRID * CELL}M${EDGE} ${EDGE + i * CELL}h${GRID * CELL}`).join("");
  const hidden = scores.filter((score) => score === null).length;
  const label = `Attention weights of the patch in ${at(query)}, row by row: ${Array.from({ length: GRID }, (_, i) => weights.slice(GRID * i, GRID * (i + 1)).map((w, j) => (scores[GRID * i + j] === null ? "masked" : fixed(w, 2))).join(", ")).join("; ")}.`;
  return `<figure class="cnn-attention-figure"><svg viewBox="0 0 ${SIDE} ${SIDE}" role="img" aria-label="${label}"><rect class="cnn-cell cnn-todo" x="${EDGE}" y="${EDGE}" width="${CELL * GRID}" height="${CELL * GRID}"/>`
    + `<path class="cnn-hidden" d="${all("forbidden")}"/><path class="cnn-lines" d="${lines}"/><path class="cnn-cut" d="${all("cross")}"/><path class="cnn-ink" d="${all("square")}"/>${all("text")}${frame(query, "cnn-frame")}</svg>`
    + `<figcaption class="cnn-muted">Weights of the framed patch. ★ the largest${hidden ? `, × masked (${hidden})` : ""}.</figcaption></figure>`;
}

export default {
  render: renderer({ draw, names: ["pixels", "query_vectors", "key_vectors", "value_vectors", "purposes", "value_names", "mask_kinds", "row", "column", "head", "layer", "mask", "window", "stride", "global_patches", "scaled"] }),
};
