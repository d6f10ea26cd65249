// uses: shared/text.mjs shared/tree.mjs shared/view.mjs shared/base64.mjs shared/heat.mjs
// The falls come from tools/explanations.py in thousandths, row by row, for steps of half a patch; every second row and
// column is a place of a whole patch's stride.
export function grid({ data, patch, stride }) {
  const size = data.patches[patch];
  const step = (size * (stride + 1)) / 2;
  return { size, step, count: Math.ceil((data.side - size) / step) + 1 };
}

function picked(state, values) {
  const { count } = grid(state);
  const wide = Math.round(Math.sqrt(values.length));
  const every = state.stride + 1;
  return Array.from({ length: count }, (_, row) => Array.from({ length: count }, (_, column) => values[row * every * wide + column * every]));
}

// The sliders end where the last patch begins to leave the picture.
export function derive(state) {
  const last = grid(state).count - 1;
  return { last_row: last, last_column: last, row: Math.min(state.row, last), column: Math.min(state.column, last) };
}

// For each pixel the mean fall over the patches that cover it.
export function heatOf(state, falls) {
  const { size, step } = grid(state);
  const { side } = state.data;
  const [total, covers] = [new Array(side * side).fill(0), new Array(side * side).fill(0)];
  falls.forEach((line, i) => line.forEach((fall, j) => {
    for (let y = i * step; y < Math.min(i * step + size, side); y += 1) {
      for (let x = j * step; x < Math.min(j * step + size, side); x += 1) {
        total[y * side + x] += fall;
        covers[y * side + x] += 1;
      }
    }
  }));
  return total.map((value, i) => value / covers[i]);
}

export function facts(state) {
  const { data, picture, target, patch } = state;
  const { size, step, count } = grid(state);
  const shown = data.pictures[picture];
  const chosen = shown.classes[target];
  const falls = picked(state, chosen.falls[patch]).map((line) => line.map((fall) => fall / 1000));
  const says = picked(state, shown.says[patch]);
  const [row, column] = [state.row, state.column].map((at) => Math.min(at, count - 1));
  const flat = falls.flat();
  const [largest, smallest] = [Math.max(...flat), Math.min(...flat)];
  const placeOf = (value) => [Math.floor(flat.indexOf(value) / count), flat.indexOf(value) % count];
  const heat = heatOf(state, falls);
  const box = ([i, j]) => [i * step, j * step, Math.min(i * step + size, data.side), Math.min(j * step + size, data.side)];
  return {
    size, step, count, row, column, falls, heat, most: Math.max(...heat.map(Math.abs)), class: chosen, leaf: shown.name,
    score: chosen.score, fall: falls[row][column], says: data.names[says[row][column]],
    first: shown.classes[0].name, changed: says.flat().filter((name) => data.names[name] !== shown.classes[0].name).length,
    largest, smallest, at: placeOf(largest), lowest: placeOf(smallest), box: box([row, column]), worst: box(placeOf(largest)),
  };
}

export function draw(state) {
  const now = facts(state);
  return `<div class="cnn-explain">${pictures(state, now)}</div>`
    + `<p class="cnn-where cnn-muted cnn-explain-legend">Map: mean fall over the patches that cover a pixel, up to ${fixed(now.most, 2)}. Orange: falls. Blue: rises. Frame: the patch.${now.largest >= SEEN ? " ★ largest fall." : ""}</p>`
    + `<output class="cnn-readout cnn-occlusion-readout" aria-live="polite">${words(state, now)}</output>`;
}

const SEEN = 0.005; // less is 0.00
const where = ([row, column]) => `row ${row}, column ${column}`;

function words(state, now) {
  const { class: chosen, score, fall, row, column, box, size, count, largest, smallest, at, lowest } = now;
  const [top, left, bottom, right] = box;
  const way = Math.abs(fall) < SEEN ? "hardly changes," : fall < 0 ? "rises" : "falls";
  const cut = bottom - top < size || right - left < size ? `, cut at the border to ${bottom - top} × ${right - left}` : "";
  const own = chosen.own ? "it is the leaf's own class" : `the leaf is ${escapeHtml(now.leaf)}`;
  return `<span class="cnn-headline">The score ${way} by ${shownValue("fall", fixed(Math.abs(fall), 2))}, from ${shownValue("score", fixed(score, 2))} to ${shownValue("covered", fixed(score - fall, 2))}</span>`
    + shownFact(`${escapeHtml(chosen.name)}: its score is ${ranked(chosen.rank, state.data.count)} of ${state.data.count}; ${own}.`)
    + shownFact(`The patch at ${shownValue("patch", where([row, column]))} covers pixels ${top} to ${bottom - 1} from the top, ${left} to ${right - 1} from the left${cut}. ${answer(now)}`)
    + shownFact(extreme(largest, smallest, at, lowest))
    + shownFact(`${shownValue("places", `${count} × ${count} = ${count * count}`)} places, so the network runs ${count * count} times, and once without a patch. At ${shownValue("changed", now.changed)} of them its answer changes.`);
}

function answer({ says, first }) {
  return says === first ? `The network still says ${shownValue("says", escapeHtml(says))}.`
    : `The network now says ${shownValue("says", escapeHtml(says))}, no longer ${escapeHtml(first)}.`;
}

function extreme(largest, smallest, at, lowest) {
  const most = largest < SEEN ? `No place lowers the score; the largest fall is ${shownValue("largest", fixed(largest, 2))}, at ${shownValue("at", where(at))}.`
    : `Largest fall: ${shownValue("largest", fixed(largest, 2))} at ${shownValue("at", where(at))}.`;
  const least = smallest > -SEEN ? `Smallest fall: ${shownValue("smallest", fixed(smallest, 2))} at ${where(lowest)}; no place raises the score.`
    : `Largest rise: ${shownValue("smallest", fixed(-smallest, 2))} at ${where(lowest)}; covering helps there.`;
  return `${most} ${least}`;
}

function pictures(state, now) {
  const { jpeg, name } = state.data.pictures[state.picture];
  const [top, left, bottom, right] = now.box;
  const unit = 294 / state.data.side;
  const gray = `<rect class="cnn-patch" x="${(3 + left * unit).toFixed(2)}" y="${(3 + top * unit).toFixed(2)}" width="${((right - left) * unit).toFixed(2)}" height="${((bottom - top) * unit).toFixed(2)}"/>`;
  const frame = framed(now.box, state.data.side);
  const star = now.largest >= SEEN ? starred(now.worst, unit) : "";
  const label = `Map of the falls of ${now.class.name}, over the leaf: the largest ${fixed(now.largest, 2)} with the patch at ${where(now.at)}, the smallest ${fixed(now.smallest, 2)} at ${where(now.lowest)}.`;
  return `<figure class="cnn-explain-pair">${drawing(`The leaf, ${name}, under a gray patch of ${bottom - top} by ${right - left} pixels at ${where([now.row, now.column])}.`, photo(jpeg) + gray + frame)}<figcaption class="cnn-muted">leaf under the patch</figcaption></figure>`
    + `<figure class="cnn-explain-pair">${drawing(label, grayPhoto(jpeg, "cnn-gray-cover") + bitmapImage(heatMap(now.heat, state.data.side, now.most)) + frame + star)}`
    + `<figcaption class="cnn-muted">map of the falls</figcaption></figure>`;
}

function starred([top, left, bottom, right], unit) {
  return `<text class="cnn-over" x="${(3 + ((left + right) / 2) * unit).toFixed(1)}" y="${(3 + ((top + bottom) / 2) * unit + 9).toFixed(1)}" text-anchor="middle" font-size="26">★</text>`;
}

export default {
  render: renderer({ draw, derive, names: ["data", "picture", "patch", "stride", "target", "row", "column", "last_row", "last_column"] }),
};
