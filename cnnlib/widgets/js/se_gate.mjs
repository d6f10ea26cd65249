// uses: shared/cells.mjs shared/text.mjs shared/tree.mjs shared/view.mjs
const sum = (values) => values.reduce((all, value) => all + value, 0);
const mean = (map) => sum(map.flat()) / map.flat().length;
const highest = (map) => Math.max(...map.flat());
const scaled = (map, factor) => map.map((row) => row.map((value) => value * factor));
const affine = (x, weight, bias) => weight.map((row, i) => sum(row.map((w, j) => w * x[j])) + bias[i]);

// What squeeze, two layers and sigmoid make of eight maps. hidden: one list for the means, with CBAM one for the maxima.
export function gate(maps, [weight1, bias1, weight2, bias2], both) {
  const squeezed = both ? [maps.map(mean), maps.map(highest)] : [maps.map(mean)];
  const hidden = squeezed.map((x) => affine(x, weight1, bias1).map((value) => Math.max(value, 0)));
  const scores = hidden.map((h) => affine(h, weight2, bias2)).reduce((a, b) => a.map((value, i) => value + b[i]));
  return { means: squeezed[0], maxima: maps.map(highest), hidden, scores, gates: scores.map((s) => 1 / (1 + Math.exp(-s))) };
}

export function facts(state) {
  const weights = state.weights[state.reduction];
  const [channels, hidden] = [state.maps.length, weights[0].length];
  const strength = Math.round(10 * state.strength) / 10; // a slider may hand over 0.30000000000000004
  const maps = state.maps.map((map, c) => (c === state.channel ? scaled(map, strength) : map));
  const both = state.pooling === 1;
  const now = gate(maps, weights, both);
  const before = gate(state.maps, weights, both).gates;
  const changes = now.gates.map((value, c) => value - before[c]);
  const others = changes.map((change, c) => (c === state.channel ? 0 : Math.abs(change)));
  const farthest = others.indexOf(Math.max(...others));
  return {
    ...now, maps, both, strength, before, changes, farthest, channels,
    rescaled: maps.map((map, c) => scaled(map, now.gates[c])), after: now.means.map((m, c) => m * now.gates[c]),
    open: now.gates.indexOf(Math.max(...now.gates)), closed: now.gates.indexOf(Math.min(...now.gates)),
    off: now.hidden.map((h) => h.filter((value) => value === 0).length),
    parameters: { weights: 2 * channels * hidden, biases: hidden + channels, all: 2 * channels * hidden + hidden + channels },
  };
}

export function draw(state) {
  const now = facts(state);
  return `<figure class="cnn-gate">${picture(state, now)}<figcaption class="cnn-muted">${caption(now)}</figcaption></figure>`
    + `<output class="cnn-readout cnn-gate-readout" aria-live="polite">${words(state, now)}</output>`
    + `<div class="cnn-scroll" tabindex="0" role="region" aria-label="Numbers of each channel">${table(now)}</div>`;
}

const value = (name, text) => `<b data-value="${name}">${text}</b>`;
const line = (text) => `<span class="cnn-fact">${text}</span>`;

function words(state, now) {
  const { channel } = state;
  const { strength, gates, before, farthest, channels: c, hidden, off, both, parameters } = now;
  const r = state.reductions[state.reduction];
  const h = hidden[0].length;
  const idle = both ? `${off[0]} and ${off[1]}` : String(off[0]);
  const moved = strength === 1
    ? `Channel ${channel} is as it was. Change its strength and watch the other gates.`
    : `Channel ${channel} is ${value("strength", fixed(strength, 1))} times as strong. Its own gate went from ${fixed(before[channel])} to ${value("own", fixed(gates[channel]))}; `
      + `of the others, channel ${value("farthest", farthest)} moved most, from ${fixed(before[farthest])} to ${fixed(gates[farthest])}.`;
  return `<span class="cnn-headline">(N, ${c}, 4, 4) in, (N, ${c}, 4, 4) out: ${c} channels stay ${c}</span>`
    + line(`Squeeze: ${c} maps become ${both ? `${c} means and ${c} maxima` : `${c} means`}. Excite: ${c} → ${h} → ${c}. Scale: each map times its gate; nothing is added up over the channels.`)
    + line(moved)
    + line(`Most open: channel ${value("open", now.open)}, ${fixed(gates[now.open])}. Most closed: channel ${value("closed", now.closed)}, ${fixed(gates[now.closed])}. `
      + `Hidden numbers that ReLU set to 0: ${value("off", idle)} of ${h}${both ? " (means, maxima)" : ""}.`)
    + line(`Parameters: 2·C·C/r + C/r + C = 2·${c}·${c}/${r} + ${h} + ${c} = ${value("parameters", parameters.all)}.${both ? " The maxima use the same two layers, so they cost no parameter." : ""}`);
}

const caption = ({ both }) => `Squares: the maps' values. ${both ? "Hidden: first from the means, then from the maxima. " : ""}0 with a cross: set to 0 by ReLU. A full gate bar is 1. Framed: the channel that you change.`;

const [TOP, STEP, MAP] = [20, 32, 26];
const [MEAN, HIDDEN, GATE, AFTER] = [42, 102, 156, 218]; // left edges of the columns
const WIDTH = 48;

function picture(state, now) {
  const { maps, rescaled, means, maxima, gates, after, hidden, both } = now;
  const peak = Math.max(...maps.map(highest), 1e-9);
  const longest = Math.max(...means, 1e-9);
  const head = [["map", 12], [both ? "mean, max" : "mean", MEAN], ["hidden", HIDDEN], ["gate", GATE], ["rescaled", AFTER]];
  const top = (c) => TOP + c * STEP;
  const rows = maps.map((_, c) => {
    const squeezed = both ? `${fixed(means[c], 2)}, ${fixed(maxima[c], 1)}` : fixed(means[c], 2);
    const texts = [[MEAN, 11, squeezed], [GATE, 11, fixed(gates[c], 2)], [AFTER + 32, 11, fixed(after[c], 2)]];
    return `<text x="1" y="${top(c) + 17}" font-weight="${c === state.channel ? 700 : 400}">${c}</text>`
      + texts.map(([x, y, text]) => `<text x="${x}" y="${top(c) + y}">${text}</text>`).join("");
  });
  const bars = [[MEAN, (c) => means[c] / longest, ""], [GATE, (c) => gates[c], " cnn-bar-c"], [AFTER + 32, (c) => after[c] / longest, " cnn-bar-b"]];
  const empty = maps.map((_, c) => outline(12, top(c), MAP, MAP) + outline(AFTER, top(c), MAP, MAP) + bars.map(([x]) => outline(x, top(c) + 15, WIDTH, 10)).join("")).join("");
  const filled = bars.map(([x, part, kind]) => path(`cnn-bar${kind}`, maps.map((_, c) => outline(x, top(c) + 15, WIDTH * part(c), 10)).join("")));
  const shown = path("cnn-value", maps.map((map, c) => areas(map, 12, top(c), peak) + areas(rescaled[c], AFTER, top(c), peak)).join(""));
  const frame = `<rect class="cnn-frame" x="11" y="${top(state.channel) - 1}" width="${MAP + 2}" height="${MAP + 2}"/>`;
  const label = `Eight channels. ${gates.map((g, c) => `Channel ${c}: mean ${fixed(means[c], 2)}, gate ${fixed(g, 2)}, rescaled mean ${fixed(after[c], 2)}`).join("; ")}.`;
  return `<svg viewBox="0 0 300 ${TOP + 8 * STEP}" role="img" aria-label="${label}">${head.map(([text, x]) => `<text x="${x}" y="12">${text}</text>`).join("")}`
    + `${path("cnn-cell cnn-todo", empty)}${filled.join("")}${shown}${rows.join("")}${frame}${boxes(hidden)}</svg>`;
}

const path = (kind, d) => `<path class="${kind}" d="${d}"/>`;

// A value is a square whose area grows with it.
function areas(map, left, top, peak) {
  const cell = MAP / map.length;
  return map.map((row, i) => row.map((v, j) => {
    const side = (cell - 0.5) * Math.sqrt(v / peak);
    return v > 0 ? outline(left + (j + 0.5) * cell - side / 2, top + (i + 0.5) * cell - side / 2, side, side) : "";
  }).join("")).join("");
}

// The hidden numbers, in the middle of the column; a number that ReLU set to 0 has a cross beside it.
function boxes(hidden) {
  const count = hidden[0].length;
  const start = TOP + ((8 - count) * STEP) / 2;
  return hidden[0].map((_, k) => {
    const y = start + k * STEP;
    const texts = hidden.map((h, i) => {
      const at = hidden.length === 1 ? y + 17 : y + 11 + 12 * i;
      const cross = h[k] === 0 ? path("cnn-cut", `M${HIDDEN + 34} ${at - 7}l6 6m0 -6l-6 6`) : "";
      return `<text x="${HIDDEN + 4}" y="${at}">${h[k] === 0 ? "0" : fixed(h[k], 2)}</text>${cross}`;
    });
    return `<rect class="cnn-cell cnn-todo" x="${HIDDEN}" y="${y}" width="44" height="${MAP}"/>${texts.join("")}`;
  }).join("");
}

function table({ means, maxima, scores, gates, after, both }) {
  const heads = ["channel", "mean", ...(both ? ["max"] : []), "before sigmoid", "gate", "mean after"];
  const rows = gates.map((g, c) => {
    const cells = [["mean", means[c]], ...(both ? [["max", maxima[c]]] : []), ["score", scores[c]], ["gate", g], ["after", after[c]]];
    return `<tr><th scope="row">${c}</th>${cells.map(([name, x]) => `<td>${value(`${name}.${c}`, fixed(x))}</td>`).join("")}</tr>`;
  });
  return `<table class="cnn-counts cnn-costs" aria-label="Each channel's mean, gate and mean after scaling"><thead><tr>${heads.map((text) => `<th scope="col">${text}</th>`).join("")}</tr></thead><tbody>${rows.join("")}</tbody></table>`;
}

export default {
  render: renderer({ draw, names: ["maps", "weights", "reductions", "reduction", "pooling", "channel", "strength"] }),
};
