// uses: shared/text.mjs shared/tree.mjs shared/view.mjs
// Measured numbers come from tools/transfer.py: right[count][start][rate][seed], of `judged` leaves.
// A start is how many stages are frozen, and the last one is from scratch.

// Stages with their parameters and rates; null where a stage is frozen.
export function stages({ data, frozen, rate, factor }) {
  const last = data.stages.length - 1;
  const share = Math.round(10 * factor) / 10; // sliders may hand over 0.30000000000000004
  return data.stages.map(([name, , parameters], i) => ({
    name, parameters, frozen: i < frozen, lr: i < frozen ? null : data.rates[rate] * share ** (last - i),
  }));
}

// Mean, smallest and largest accuracy of the seeds, fractions of 1.
export function spread(right, judged) {
  const shares = right.map((each) => each / judged);
  return { mean: right.reduce((all, each) => all + each, 0) / right.length / judged, low: Math.min(...shares), high: Math.max(...shares) };
}

export function facts(state) {
  const { data, frozen, count, rate } = state;
  const measured = data.right[count].map((start) => start.map((right) => spread(right, data.judged)));
  const listed = stages(state);
  const sum = (rows) => rows.reduce((all, { parameters }) => all + parameters, 0);
  const scratch = measured.at(-1);
  const top = (rates) => rates.reduce((best, each, i) => (each.mean > rates[best].mean ? i : best), 0);
  return {
    stages: listed, trainable: sum(listed.filter((stage) => !stage.frozen)), total: sum(listed),
    bars: measured.map((rates) => rates[rate]), now: measured[frozen][rate], scratch: scratch[rate],
    bestRate: top(scratch), best: scratch[top(scratch)],
  };
}

// Which of two is ahead, by how many points of the means, and whether the seeds' ranges are apart.
export function verdict(ours, theirs) {
  const points = Math.abs(ours.mean - theirs.mean) * 100;
  if (points.toFixed(1) === "0.0") return { winner: "none", points: 0, apart: false };
  const [more, less] = ours.mean > theirs.mean ? [ours, theirs] : [theirs, ours];
  return { winner: more === ours ? "transfer" : "scratch", points, apart: more.low > less.high };
}

// 0.00025 -> "2.5e-4", 0.0025 -> "0.0025": three digits are enough to compare.
export function rateText(lr) {
  const short = Number(lr.toPrecision(3));
  return short < 0.001 ? short.toExponential() : String(short);
}

export function draw(state) {
  const all = facts(state);
  return `<figure class="cnn-freeze">${row(all)}<figcaption>From input to output. Under each name: a padlock (closed: frozen), parameters, learning rate.</figcaption></figure>`
    + `<figure class="cnn-freeze">${bars(state, all)}<figcaption>Accuracy on ${state.data.judged} new leaves in %: mean (worst to best seed). ▸ the chosen depth; dashed: guessing.</figcaption></figure>`
    + `<output class="cnn-readout cnn-freeze-readout" aria-live="polite">${said(state, all)}</output>`
    + `<p class="cnn-where cnn-muted">${measuredHow(state)}</p>`;
}

const value = (name, text) => `<b data-value="${name}">${text}</b>`;
const line = (text) => `<span class="cnn-fact">${text}</span>`;
const percent = (share) => (100 * share).toFixed(1);

function said(state, all) {
  const { data, count } = state;
  const { trainable, total, now, scratch } = all;
  return `<span class="cnn-headline">${value("mean", percent(now.mean))} %, from scratch ${value("scratch", percent(scratch.mean))} %</span>`
    + line(`${plural(data.counts[count], "picture")} a class, rate ${data.rates[state.rate]}: ${compare(verdict(now, scratch), data.seeds[count])}`)
    + line(atBest(state, all))
    + line(`${value("trainable", number(trainable))} of ${value("total", number(total))} parameters learn (${percent(trainable / total)} %). ${strategy(state)}`)
    + line(rates(state, all));
}

function compare({ winner, points, apart }, seeds) {
  if (winner === "none") return `a draw: the two means differ by less than ${value("points", "0.1")} points.`;
  const seen = apart ? `the worst of its ${seeds} seeds is above the best seed of the other` : "the ranges of the seeds overlap, so other seeds may turn it round";
  return `${winner === "transfer" ? "transfer" : "from scratch"} wins by ${value("points", points.toFixed(1))} points; ${seen}.`;
}

// The fair question: a rate that suits fine-tuning may not suit a network that starts from nothing.
function atBest({ data, rate }, { now, best, bestRate }) {
  if (bestRate === rate) return "Of the three rates, this one is also the best from scratch.";
  const { winner, points } = verdict(now, best);
  const side = winner === "transfer" ? "below" : "above";
  const words = winner === "none" ? "a draw with the chosen transfer" : `${points.toFixed(1)} points ${side} the chosen transfer`;
  return `From scratch does best at rate ${data.rates[bestRate]}: ${value("best", percent(best.mean))} %, ${words}.`;
}

function strategy({ data, frozen }) {
  const last = data.stages.length - 1;
  if (!frozen) return "Nothing is frozen: fine-tuning of the whole network.";
  const still = "Their batch norms stay in evaluation mode.";
  if (frozen === last) return `Only the new ${data.stages[last][0]} learns: feature extraction. ${still.replace("Their", "All")}`;
  return `Frozen: ${data.stages.slice(0, frozen).map(([name]) => name).join(", ")}. ${frozen > 1 ? still : "Its batch norm stays in evaluation mode."}`;
}

function rates({ data, frozen, rate, factor }, all) {
  const share = Math.round(10 * factor) / 10;
  const last = all.stages.length - 1;
  if (share === 1) return `Factor 1: every stage that learns has the rate ${data.rates[rate]}, as it was measured.`;
  if (frozen === last) return `Factor ${share}: only ${all.stages[last].name} learns, so the factor changes nothing.`;
  const first = all.stages[frozen];
  return `Factor ${share}: from ${value("lastRate", rateText(all.stages[last].lr))} for ${all.stages[last].name} down to ${value("firstRate", rateText(first.lr))} for ${first.name}. `
    + "<b>Rates only:</b> the bars were measured with factor 1, and what this factor does to the accuracy was not measured.";
}

function measuredHow({ data, count }) {
  return `Measured with small_resnet, which never saw these ${data.classes} kinds of leaves: ${data.steps} steps of ${data.batch} pictures in every run, `
    + `SGD with momentum 0.9, the rate falling to 0 along a cosine; ${data.seeds[count]} seeds with ${data.counts[count]} pictures a class, each with pictures of its own.`;
}

const [SLOT, BOX] = [50, 47];

// The network: six boxes on a wire, 300 wide.
function row({ stages: listed }) {
  const drawn = listed.map(({ name, parameters, frozen, lr }, i) => {
    const middle = i * SLOT + SLOT / 2;
    const texts = [[name, 16], [number(parameters), 58], [frozen ? "frozen" : rateText(lr), 74]];
    return `<rect class="cnn-cell${frozen ? " cnn-pad" : " cnn-done"}" x="${middle - BOX / 2}" y="2" width="${BOX}" height="80"/>${lock(middle, frozen)}`
      + texts.map(([text, y]) => `<text x="${middle}" y="${y}" text-anchor="middle">${text}</text>`).join("");
  });
  const words = listed.map(({ name, parameters, frozen, lr }) => `${name}, ${number(parameters)} parameters, ${frozen ? "frozen" : `learns at rate ${rateText(lr)}`}`);
  return `<svg viewBox="0 0 300 84" role="img" aria-label="The stages of the network: ${words.join("; ")}."><path class="cnn-wire" d="M0 42H300"/>${drawn.join("")}</svg>`;
}

// A padlock: the shackle of an open one hangs on one side only.
function lock(x, closed) {
  const shackle = closed ? `M${x - 5} 34v-5a5 5 0 0 1 10 0v5` : `M${x - 5} 34v-7a5 5 0 0 1 10 0v2`;
  return `<path class="cnn-wire" d="${shackle}"/><rect class="cnn-lock${closed ? "" : " cnn-open"}" x="${x - 7.5}" y="34" width="15" height="10" rx="1.5"/>`;
}

const [LEFT, WIDTH, STEP] = [62, 126, 22];

function bars({ data, frozen }, { bars: list }) {
  const names = data.stages.map((_, i) => (i ? `to ${data.stages[i - 1][0]}` : "nothing"));
  const height = STEP * (list.length + 1) + 10;
  const at = (share) => tidy(LEFT + WIDTH * share);
  const drawn = list.map((bar, i) => {
    const y = 18 + i * STEP + (i === list.length - 1 ? 6 : 0);
    const chosen = i === frozen;
    const kind = i === list.length - 1 ? " cnn-bar-c" : chosen ? " cnn-bar-b" : "";
    const text = `${percent(bar.mean)} (${percent(bar.low)}–${percent(bar.high)})`;
    return `<text class="${chosen ? "cnn-chosen" : "cnn-plain"}" x="2" y="${y + 12}">${chosen ? "▸" : ""}${names[i] ?? "scratch"}</text>`
      + `<rect class="cnn-bar${kind}" x="${LEFT}" y="${y}" width="${tidy(WIDTH * bar.mean)}" height="16"/>`
      + `<path class="cnn-wire" d="M${at(bar.low)} ${y + 4}v8m0 -4H${at(bar.high)}m0 -4v8"/>`
      + `<text class="${chosen ? "cnn-chosen" : "cnn-plain"}" x="${LEFT + WIDTH + 6}" y="${y + 12}">${text}</text>`;
  });
  const guess = at(1 / data.classes);
  const words = list.map((bar, i) => `${names[i] ? `${names[i]} frozen` : "from scratch"} ${percent(bar.mean)}, ${percent(bar.low)} to ${percent(bar.high)}`);
  return `<svg viewBox="0 0 300 ${height}" role="img" aria-label="Accuracy in percent, mean and range of the seeds: ${words.join("; ")}."><text x="2" y="11">frozen</text>`
    + `<text x="${LEFT}" y="11" text-anchor="middle">0</text><text x="${at(1)}" y="11" text-anchor="middle">100 %</text>`
    + `<path class="cnn-limit" d="M${guess} 14V${height - 2}"/><path class="cnn-tick" d="M${at(1)} 14V${height - 2}"/>${drawn.join("")}</svg>`;
}

export default { render: renderer({ draw, names: ["data", "frozen", "count", "rate", "factor"] }) };
