// uses: shared/text.mjs shared/tree.mjs shared/view.mjs shared/base64.mjs shared/heat.mjs
// The maps come from tools/explanations.py as bytes: 128 is 0, 255 the largest size of the map's values.
export function mapOf({ data, picture, layer, target }) {
  const { scale, bytes } = data.pictures[picture].classes[target].maps[layer];
  return [...fromBase64(bytes)].map((byte) => ((byte - 128) / 127) * scale);
}

const sum = (values) => values.reduce((total, value) => total + value, 0);

export function facts(state) {
  const { data, picture, layer, target, relu } = state;
  const [name, channels, side, field] = data.layers[layer];
  const { high, low, at, below } = data.pictures[picture].classes[target].maps[layer];
  const signed = mapOf(state);
  const above = signed.map((value) => Math.max(value, 0));
  const shown = relu ? above : signed;
  const quarter = (side * side) / 4;
  const brightest = [...above].sort((a, b) => b - a).slice(0, quarter);
  const speaks = sum(above);
  const against = sum(signed) - speaks;
  return {
    name, channels, side, field, cell: data.side / side, values: shown, largest: high, smallest: low,
    at: rowColumn(at[0], side), lowest: rowColumn(at[1], side),
    most: Math.max(...shown.map(Math.abs)), speaks, against,
    quarter, share: speaks > 0 ? sum(brightest) / speaks : null, below,
    opposed: speaks - against > 0 ? -against / (speaks - against) : 0,
    class: data.pictures[picture].classes[target], own: data.pictures[picture].own, leaf: data.pictures[picture].name,
  };
}

const rowColumn = (i, side) => [Math.floor(i / side), i % side];

export function draw(state) {
  const now = facts(state);
  return `<div class="cnn-explain">${pictures(state, now)}</div>`
    + `<output class="cnn-readout cnn-gradcam-readout" aria-live="polite">${words(state, now)}</output>`;
}

const where = ([row, column]) => `row ${row}, column ${column}`;

function words(state, now) {
  const { class: chosen, own, leaf } = now;
  const headline = `<span class="cnn-headline">${escapeHtml(chosen.name)}: score ${shownValue("score", digits(chosen.score))}, ${ranked(chosen.rank, state.data.count)} of ${state.data.count}</span>`;
  const truth = chosen.own ? "It is the leaf's own class."
    : `The leaf is ${escapeHtml(leaf)}, whose score, ${digits(own.score)}, is ${ranked(own.rank, state.data.count)}.`;
  return headline
    + shownFact(`Probability ${shownValue("probability", percentage(chosen.probability))}. ${truth}`)
    + shownFact(`Map of ${now.name}: ${shownValue("side", `${now.side} × ${now.side}`)} places, made of ${now.channels} channels. Each stands over ${now.cell} × ${now.cell} pixels and sees ${seen(now.field, state.data.side)}.`)
    + shownFact(range(now)) + shownFact(evidence(state, now));
}

const seen = (field, side) => (field > side ? `${field} × ${field}, more than the picture` : `${field} × ${field}`);

function range({ largest, smallest, at, lowest, cell }) {
  if (largest === 0 && smallest === 0) return `All values of the map are ${shownValue("largest", 0)}: nothing speaks for the class or against it.`;
  const pixels = at.map((i) => `${i * cell} to ${(i + 1) * cell - 1}`);
  return `Largest value ${shownValue("largest", digits(largest))} at ${shownValue("at", where(at))}: pixels ${pixels[0]} from the top, ${pixels[1]} from the left. `
    + `Smallest ${shownValue("smallest", digits(smallest))} at ${where(lowest)}.`;
}

function evidence({ relu }, { share, quarter, below, side, opposed }) {
  const places = `${shownValue("below", below)} of ${plural(side * side, "place")}`;
  if (share === null) {
    return relu ? `${places} speak against the class, none for it: ReLU leaves an <b>empty map</b>. Without ReLU you see what it hides.`
      : `${places} speak against the class, none for it.`;
  }
  const bright = `The strongest quarter, ${plural(quarter, "place")}, holds ${shownValue("share", percentage(share))} of what speaks for the class.`;
  if (below === 0) return `${bright} ${places} speak against it.`;
  return `${bright} ${places} speak against it; ${relu ? "ReLU sets them to 0" : `they hold ${shownValue("opposed", percentage(opposed))} of all sizes added up`}.`;
}

function pictures(state, now) {
  const { jpeg, name } = state.data.pictures[state.picture];
  const { values, side, most, at, cell, largest } = now;
  const frame = largest > 0 ? framed([at[0] * cell, at[1] * cell, (at[0] + 1) * cell, (at[1] + 1) * cell], state.data.side) : "";
  const top = largest > 0 ? `the largest value at ${where(at)}` : "no value above 0";
  const label = `Grad-CAM map of ${now.name}, ${side} by ${side}, for ${now.class.name}, over the leaf: ${top}${side <= 4 ? `; row by row, in percent of the largest size: ${rows(values, side, most)}` : ""}.`;
  const legend = state.relu ? "Orange: speaks for the class." : "Orange: speaks for the class. Blue: against.";
  return `<figure class="cnn-explain-photo">${drawing(`The leaf, ${name}, 64 by 64 pixels.`, photo(jpeg) + frame)}<figcaption class="cnn-muted">${escapeHtml(name)}${frame ? ". Frame: largest value." : ""}</figcaption></figure>`
    + `<figure class="cnn-explain-map">${drawing(label, grayPhoto(jpeg, "cnn-gray-cam") + bitmapImage(heatMap(values, side, most)) + numbers(values, side, most) + frame)}`
    + `<figcaption class="cnn-muted">${legend}${side <= 8 ? " Numbers: percent of this map's largest size." : " Full color: this map's largest size."}${frame ? " Frame: largest value." : ""}</figcaption></figure>`;
}

const percents = (values, most) => values.map((value) => String(Math.round(most ? (100 * value) / most : 0)).replace("-", "−").replace("−0", "0"));

function rows(values, side, most) {
  const all = percents(values, most);
  return Array.from({ length: side }, (_, i) => all.slice(i * side, (i + 1) * side).join(", ")).join("; ");
}

// Maps of up to 8 × 8 places have their numbers written into them.
function numbers(values, side, most) {
  if (side > 8) return "";
  const unit = 294 / side;
  return percents(values, most).map((text, i) => {
    const [x, y] = [3 + ((i % side) + 0.5) * unit, 3 + (Math.floor(i / side) + 0.5) * unit + 4];
    return `<text class="cnn-over" x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="middle">${text}</text>`;
  }).join("");
}

export default { render: renderer({ draw, names: ["data", "picture", "layer", "target", "relu"] }) };
