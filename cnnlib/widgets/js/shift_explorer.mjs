// uses: shared/cells.mjs shared/text.mjs shared/tree.mjs shared/view.mjs
// A grid is a list of rows. All values are small whole numbers, so every comparison is exact.
const grid = (rows, cols, value) => Array.from({ length: rows }, (_, i) => Array.from({ length: cols }, (_, j) => value(i, j)));
const count = (rows, test) => rows.flatMap((row, i) => row.map((value, j) => test(value, i, j))).filter(Boolean).length;
const most = (rows) => Math.max(...rows.flat());

// Zeros with the shape's pixels; what moves out of the image is cut off.
export function imageOf({ side, start, shapes, shape }, right, down) {
  const pixels = shapes[shape][1];
  return grid(side, side, (i, j) => pixels[i - start - down]?.[j - start - right] ?? 0);
}

// ReLU of the cross-correlation with a 3×3 kernel, one zero on each side.
export function featureMap(image, kernel, stride) {
  const size = Math.floor((image.length - 1) / stride) + 1;
  return grid(size, size, (i, j) => {
    let total = 0;
    kernel.forEach((row, a) => row.forEach((weight, b) => {
      total += weight * (image[i * stride + a - 1]?.[j * stride + b - 1] ?? 0);
    }));
    return Math.max(total, 0);
  });
}

// Maxima of windows that do not overlap; 0 stands for one window as large as the map.
export function pool(map, window) {
  const side = window || map.length;
  const size = Math.floor(map.length / side);
  return grid(size, size, (i, j) => most(map.slice(i * side, (i + 1) * side).map((row) => row.slice(j * side, (j + 1) * side))));
}

// The unmoved map, moved: undefined where it would need pixels from outside.
export const move = (map, right, down) => grid(map.length, map.length, (i, j) => map[i - down]?.[j - right]);

export function facts(state) {
  const { shapes, shape, right, down } = state;
  const [stride, window] = [state.strides[state.stride], state.windows[state.pooling]];
  const mapOf = (x, kernel) => featureMap(x, kernel, stride);
  const [before, image] = [imageOf(state, 0, 0), imageOf(state, right, down)];
  const [still, map] = [before, image].map((x) => mapOf(x, shapes[shape][2]));
  const [stillPooled, pooled] = [pool(still, window), pool(map, window)];
  const scores = shapes.map(([, , kernel], i) => most(i === shape ? map : mapOf(image, kernel)));
  const best = Math.max(...scores);
  const winners = best > 0 ? shapes.map(([name]) => name).filter((_, i) => scores[i] === best) : [];
  return {
    image, map, pooled, scores, winners,
    ...equivariance(still, map, right / stride, down / stride),
    changed: count(pooled, (value, i, j) => value !== stillPooled[i][j]),
    total: pooled.length ** 2,
    changedAt: grid(pooled.length, pooled.length, (i, j) => pooled[i][j] !== stillPooled[i][j]),
    cut: count(before, Boolean) - count(image, Boolean),
    unread: map.length - pooled.length * (window || map.length),
  };
}

// Compare the map with the unmoved one moved by the same amount. Half a pixel is no move: then the nearest whole
// moves are tried, and the one with the fewest different pixels is kept.
export function equivariance(still, map, right, down) {
  const both = (value) => [...new Set([Math.floor(value), Math.ceil(value)])];
  const tries = both(right).flatMap((r) => both(down).map((d) => {
    const expected = move(still, r, d);
    const defined = count(expected, (value) => value !== undefined);
    return { expected, compared: defined, different: count(expected, (value, i, j) => value !== undefined && value !== map[i][j]) };
  }));
  const nearest = tries.reduce((least, next) => (next.different < least.different ? next : least));
  const whole = tries.length === 1;
  return { ...nearest, whole, equivariant: whole && nearest.different === 0 };
}

export function draw(state) {
  const now = facts(state);
  return `<div class="cnn-shift">${pictures(state, now)}</div>`
    + `<output class="cnn-readout cnn-shift-words" aria-live="polite">${sentences(state, now)}</output>`
    + "<p class=\"cnn-where cnn-muted\">The three kernels and the global maximum of each one's map:</p>"
    + `<div class="cnn-kernels">${state.shapes.map((row, i) => scoreCard(row, now.scores[i], now.winners)).join("")}</div>`;
}

const half = (value) => (Number.isInteger(value) ? String(value) : `${Math.floor(value) || ""}½`);

// (-2, 1) -> "2 left and 1 down"
export function direction(right, down, stride = 1) {
  const parts = [[right, "right", "left"], [down, "down", "up"]].filter(([far]) => far !== 0);
  return parts.map(([far, ahead, back]) => `${half(Math.abs(far) / stride)} ${far > 0 ? ahead : back}`).join(" and ");
}

function sentences(state, now) {
  const line = (name, text) => `<span class="cnn-fact"><b>${name}:</b> ${text}</span>`;
  const name = state.shapes[state.shape][0];
  const moved = direction(state.right, state.down);
  return `<span class="cnn-headline">The ${name} ${moved ? `moved ${moved}` : "has not moved"}${now.cut ? `, ${plural(now.cut, "pixel")} of it cut off` : ""}</span>`
    + line("Equivariance", equivarianceWords(state, now)) + line("Invariance", invarianceWords(state, now)) + line("Class", classWords(name, now));
}

function equivarianceWords({ right, down, strides, stride }, { whole, equivariant, compared, different }) {
  if (right === 0 && down === 0) return "move the shape, and see whether the map moves with it.";
  const wrong = `<b data-value="different">${different}</b> of ${compared}`;
  const way = direction(right, down, strides[stride]);
  if (!whole) {
    return `<b data-value="equivariant">no</b>. A pixel of the map stands for 2 pixels of the image, so the map would have to move ${way}. `
      + `The best whole move leaves ${wrong} values wrong.`;
  }
  if (equivariant) {
    return `<b data-value="equivariant">yes</b>. The map is the unmoved map moved ${way}: ${wrong} values differ where both are defined.`;
  }
  return `<b data-value="equivariant">no</b>. ${wrong} values differ from the unmoved map moved ${way}, because the border cuts the shape.`;
}

function invarianceWords({ right, down, windows, pooling }, { changed, total, whole, cut, unread, pooled }) {
  const window = windows[pooling];
  const what = window === 1 ? "map (no pooling)" : "pooled map";
  const tally = `<b data-value="changed">${changed}</b> of ${plural(total, "value")} of the ${what} changed.`;
  const lost = unread ? ` The last ${unread} rows and columns of the map fill no window and are ignored.` : "";
  if (right === 0 && down === 0) return `${tally}${lost}`;
  return `${tally} ${reason(window, changed, whole && !cut, pooled)}${lost}`;
}

function reason(window, changed, same, pooled) {
  if (!same) return "The map itself is different now, not only moved.";
  if (window === 1) return "Every value above 0 stands at another place.";
  if (pooled.length > 1) return changed ? "Values crossed into other windows." : "No window lost its maximum.";
  return changed ? "The largest value left the only window." : "The place inside the only window does not count.";
}

function classWords(name, { winners, scores }) {
  const best = Math.max(...scores);
  if (!winners.length) return "<b data-value=\"class\">none</b>, no kernel answers.";
  if (winners.length > 1) return `<b data-value="class">none</b>, ${winners.join(" and ")} tie at ${best}.`;
  const verdict = winners[0] === name ? "right" : `wrong, it is a ${name}`;
  return `<b data-value="class">${winners[0]}</b>, with the largest global maximum, <b data-value="best">${best}</b>: ${verdict}.`;
}

const SIDE = 320; // the side of each drawing in its own units
const EDGE = 4;
const box = (x, y, side, kind) => `<rect class="${kind}" x="${tidy(x)}" y="${tidy(y)}" width="${tidy(side)}" height="${tidy(side)}"/>`;

function pictures(state, now) {
  const { side, start, shapes, shape, right, down } = state;
  const [name, , kernel] = shapes[shape];
  const cell = (SIDE - 2 * EDGE) / side;
  const ghost = box(EDGE + start * cell, EDGE + start * cell, 3 * cell, "cnn-ghost");
  const still = right === 0 && down === 0;
  const off = (i, j) => now.whole && now.expected[i][j] !== undefined && now.expected[i][j] !== now.map[i][j];
  const fresh = (i, j) => now.whole && now.expected[i][j] === undefined;
  const size = (rows) => `${rows.length} × ${rows.length}`;
  const window = state.windows[state.pooling];
  const inputLabel = `Input ${size(now.image)}: a ${name}, ${still ? "inside" : `moved ${direction(right, down)} from`} the dashed frame where it started.`;
  const mapLabel = `Feature map ${size(now.map)}: ${plural(count(now.map, Boolean), "answer")} above 0, the largest ${most(now.map)}.`;
  const poolLabel = `${window === 1 ? "Map without pooling" : "Pooled map"} ${size(now.pooled)}: ${now.changed} of ${now.total} values changed, the largest ${most(now.pooled)}.`;
  return picture(now.image, { label: inputLabel, caption: `input ${size(now.image)}`, note: "dashed: where it started", extra: ghost, dots: true })
    + picture(now.map, { label: mapLabel, caption: `feature map ${size(now.map)}`, note: mapNote(now), framed: off, fresh })
    + picture(now.pooled, {
      label: poolLabel, caption: `${window === 1 ? "no pooling" : "pooled map"} ${size(now.pooled)}`,
      note: now.changed ? "framed: changed" : "nothing changed", framed: (i, j) => now.changedAt[i][j],
    });
}

function mapNote({ whole, different, expected }) {
  const came = whole && count(expected, (value) => value === undefined);
  if (!whole) return "no whole move to compare";
  return [different ? "framed: differs" : "", came ? "gray: came in" : ""].filter(Boolean).join(", ") || "&nbsp;";
}

// Values above 0 are written out.
function picture(rows, { label, caption, note, extra = "", dots = false, framed = () => false, fresh = () => false }) {
  const cell = (SIDE - 2 * EDGE) / rows.length;
  const font = Math.min(Math.max(cell * 0.55, 17), 48);
  const [cells, numbers] = [[], []];
  let [dotted, frames] = ["", ""];
  rows.forEach((row, i) => row.forEach((value, j) => {
    const [x, y] = [EDGE + j * cell, EDGE + i * cell];
    const kind = value ? (dots ? "window" : "done") : fresh(i, j) ? "pad" : "todo";
    cells.push([kind, x, y, cell]);
    if (value && dots) dotted += outline(x + cell / 3, y + cell / 3, cell / 3, cell / 3);
    if (value && !dots) numbers.push([x + cell / 2, y + cell / 2 + font * 0.35, `${value}`, font]);
    if (framed(i, j)) frames += outline(x + 1.5, y + 1.5, cell - 3, cell - 3);
  }));
  return `<figure class="cnn-shift-picture"><svg viewBox="0 0 ${SIDE} ${SIDE}" role="img" aria-label="${label}">${squares(cells)}${drawn("mark", dotted)}${digits(numbers)}${drawn("frame", frames)}${extra}</svg>`
    + `<figcaption>${caption}<br>${note}</figcaption></figure>`;
}

const drawn = (kind, d) => (d ? `<path class="cnn-${kind}" d="${d}"/>` : "");

function scoreCard([name, , kernel], score, winners) {
  const cells = kernel.flatMap((row, i) => row.map((weight, j) => {
    const [x, y, text] = [2 + 32 * j, 2 + 32 * i, String(weight).replace("-", "−")];
    return box(x, y, 32, `cnn-cell cnn-${weight > 0 ? "done" : "todo"}`) + `<text x="${x + 16}" y="${y + 22}" text-anchor="middle" font-size="17">${text}</text>`;
  }));
  const wins = winners.includes(name) ? (winners.length > 1 ? " (tie)" : " ✓ wins") : "";
  const rows = kernel.map((row) => row.join(", ")).join("; ").replaceAll("-", "−");
  return `<figure class="cnn-kernel-score"><svg viewBox="0 0 100 100" role="img" aria-label="Kernel of the ${name}, row by row: ${rows}.">${cells.join("")}</svg>`
    + `<figcaption>${name}: <b data-value="score.${name}">${score}</b>${wins}</figcaption></figure>`;
}

export default {
  render: renderer({ draw, names: ["side", "start", "shapes", "strides", "windows", "shape", "right", "down", "stride", "pooling"] }),
};
