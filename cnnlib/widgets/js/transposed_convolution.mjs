// uses: shared/cells.mjs shared/text.mjs shared/tree.mjs shared/view.mjs
const table2d = (rows, cols, at) => Array.from({ length: rows }, (_, i) => Array.from({ length: cols }, (__, j) => at(i, j)));

export function kernelOf({ kernel_size, values }) {
  return table2d(kernel_size, kernel_size, (i, j) => (values ? i * kernel_size + j + 1 : 1));
}

// Rows of the output, also where none is left; every stamp needs (count - 1) * stride + kernel_size rows before the cut.
export function outputRows(count, { kernel_size, stride, padding, output_padding }) {
  return (count - 1) * stride - 2 * padding + (kernel_size - 1) + output_padding + 1;
}

// Everything before the cut: sums and how many stamps lie on each place.
export function stampAll(numbers, kernel, stride, rows) {
  const sums = table2d(rows, rows, () => 0);
  const counts = table2d(rows, rows, () => 0);
  numbers.forEach((each, a) => each.forEach((x, b) => kernel.forEach((weights, i) => weights.forEach((weight, j) => {
    sums[a * stride + i][b * stride + j] += x * weight;
    counts[a * stride + i][b * stride + j] += 1;
  }))));
  return { sums, counts };
}

// Why there is no output: "output_padding", "padding" or null.
export function refused(state) {
  if (state.output_padding >= state.stride) return "output_padding";
  return outputRows(state.numbers.length, state) < 1 ? "padding" : null;
}

export function facts(state) {
  const { numbers, kernel_size, stride, padding, output_padding, cell } = state;
  const count = numbers.length;
  const kernel = kernelOf(state);
  const [row, col] = [Math.floor(cell / count), cell % count];
  const stamp = kernel.map((weights) => weights.map((weight) => weight * numbers[row][col]));
  const base = { kernel, row, col, stamp, number: numbers[row][col], refused: refused(state), multiple: kernel_size % stride === 0 };
  const output = outputRows(count, state);
  if (base.refused) return { ...base, output };
  const covered = (count - 1) * stride + kernel_size; // rows that stamps reach
  const rows = Math.max(covered, padding + output);
  const { sums, counts } = stampAll(numbers, kernel, stride, rows);
  const cut = (map) => map.slice(padding, padding + output).map((each) => each.slice(padding, padding + output));
  const kept = (at) => at >= padding && at < padding + output;
  const lines = Array.from({ length: kernel_size }, (_, i) => i);
  const inRows = lines.filter((i) => kept(row * stride + i)).length;
  const inCols = lines.filter((j) => kept(col * stride + j)).length;
  const inside = Array.from({ length: rows }, (_, at) => at).filter((at) => kept(at) && at >= kernel_size - stride && at < count * stride);
  const flat = cut(counts).flat();
  return {
    ...base, output, rows, covered, sums, counts, y: cut(sums), overlap: cut(counts), inRows, inCols,
    landed: inRows * inCols, fewest: Math.min(...flat), most: Math.max(...flat), inside: inside.map((at) => at - padding),
    insideCounts: [...new Set(inside.flatMap((i) => inside.map((j) => counts[i][j])))].sort((a, b) => a - b),
    empty: Math.max(output_padding - padding, 0), regained: Math.min(output_padding, padding),
  };
}

// The size formula with the numbers put in.
export function formula(state) {
  const { kernel_size, stride, padding, output_padding } = state;
  const count = state.numbers.length;
  const output = String(outputRows(count, state)).replace("-", "−");
  return `(${count} − 1)·${stride} − 2·${padding} + (${kernel_size} − 1) + ${output_padding} + 1`
    + ` = ${(count - 1) * stride} − ${2 * padding} + ${kernel_size - 1} + ${output_padding} + 1 = ${output}`;
}

export function draw(state) {
  const now = facts(state);
  return `<figure class="cnn-stamping">${product(state, now)}<figcaption class="cnn-muted">Input number ${now.number}, times the kernel, is one stamp.</figcaption></figure>`
    + `<div class="cnn-stamped">${now.refused ? impossible(state, now) : maps(state, now)}</div>`
    + `<output class="cnn-readout cnn-stamped-readout" aria-live="polite">${words(state, now)}</output>`;
}

const value = (name, text) => `<b data-value="${name}">${text}</b>`;
const line = (text) => `<span class="cnn-fact">${text}</span>`;

function impossible({ stride, output_padding, kernel_size, padding, numbers }, { refused: why, output }) {
  if (why === "output_padding") {
    const rule = stride === 1 ? "At stride 1 it must be 0: a convolution at stride 1 makes each number of rows from one size only"
      : `At stride ${stride} it must be less than ${stride}: a convolution at stride ${stride} makes the same number of rows from ${stride} sizes, and output padding says which one to go back to`;
    return `<p class="cnn-impossible"><b>No output.</b> Output padding ${output_padding} is too large: it must be smaller than the stride. ${rule}.</p>`;
  }
  const before = (numbers.length - 1) * stride + kernel_size;
  return `<p class="cnn-impossible"><b>No output.</b> The stamps cover ${before} rows, and padding ${padding} cuts ${padding} off on each side: ${String(output).replace("-", "−")} rows are left. Make the padding smaller, or the kernel or the stride larger.</p>`;
}

function words(state, now) {
  const count = state.numbers.length;
  const headline = `${count} × ${count} in, ${now.refused ? value("output", "no output") : `${value("output", now.output)} × ${now.output} out`}`;
  const size = now.refused === "output_padding" ? "" : line(`<span class="cnn-formula">${formula(state)}</span>`);
  if (now.refused) return `<span class="cnn-headline">${headline}</span>${size}${line(overlapRule(state))}`;
  return `<span class="cnn-headline">${headline}</span>${size}${line(whereWords(state, now))}${line(cutWords(state, now))}`
    + line(`Stamps on one output number: ${value("fewest", now.fewest)} to ${value("most", now.most)}. ${insideWords(now)}`) + line(overlapRule(state));
}

const span = (from, length) => (length > 1 ? `${from} to ${from + length - 1}` : `${from}`);

function whereWords({ kernel_size, stride, padding }, { row, col, inRows, inCols, landed }) {
  const first = (at) => Math.max(at * stride - padding, 0);
  const lost = kernel_size ** 2 - landed;
  if (!landed) return `The stamp of input [${row}, ${col}] is cut off as a whole: ${value("landed", 0)} of its ${kernel_size ** 2} numbers are left.`;
  return `The stamp of input [${row}, ${col}] lies on output ${inRows > 1 ? "rows" : "row"} ${span(first(row), inRows)} and ${inCols > 1 ? "columns" : "column"} ${span(first(col), inCols)}: `
    + `${value("landed", landed)} of its ${kernel_size ** 2} numbers${lost ? `, ${lost} cut off` : ""}.`;
}

function cutWords({ padding, output_padding, stride, kernel_size, numbers }, { empty, regained, output }) {
  const cut = padding ? `Padding cuts ${plural(padding, "row")} and ${plural(padding, "column")} off on each side.` : "Padding 0 cuts nothing off.";
  const parts = [...(regained ? [`gives ${regained} back at the bottom and right`] : []), ...(empty ? [`adds ${plural(empty, "row")} and ${plural(empty, "column")} at the bottom and right that no stamp reaches`] : [])];
  const extra = output_padding ? ` Output padding ${output_padding} ${parts.join(" and ")}.` : "";
  return `${cut}${extra} Back again: a convolution with kernel ${kernel_size}, stride ${stride} and padding ${padding} makes ${numbers.length} rows of ${output}.`;
}

function insideWords({ inside, insideCounts }) {
  if (!inside.length) return "The input is too small for a middle: the border is near everywhere.";
  const where = inside.length > 1 ? `rows and columns ${inside[0]} to ${inside.at(-1)}` : `row and column ${inside[0]}`;
  const counts = insideCounts.length > 1 ? `${insideCounts.slice(0, -1).join(", ")} or ${insideCounts.at(-1)}` : insideCounts[0];
  return `Away from the border (${where}): ${value("inside", counts)}.`;
}

// What kernel size and stride alone say about the overlap.
export function overlapRule({ kernel_size, stride }) {
  const [low, high] = [Math.floor(kernel_size / stride), Math.ceil(kernel_size / stride)];
  if (low === high) {
    return `<b data-value="rule">Even:</b> the kernel size ${kernel_size} is ${low} times the stride ${stride}, so away from the border each output number gets ${low} × ${low} = ${low * low} ${low === 1 ? "stamp" : "stamps"}. No checkerboard from the overlap.`;
  }
  const axis = `Along each axis some places get ${low} and some ${high}, so an output number gets ${low ? `${low * low}, ${low * high} or ${high * high}` : `${high * high} or none`}`;
  return `<b data-value="rule">Uneven:</b> the kernel size ${kernel_size} is not a multiple of the stride ${stride}. ${axis}. ${low ? "This is the checkerboard." : "The gaps are a checkerboard too."}`;
}

const WIDTH = 300;
const [IN, WEIGHT] = [26, 21]; // sides of the cells in the upper picture

function product({ numbers, stride, cell }, { kernel, stamp, number: chosen, row, col }) {
  const count = numbers.length;
  const size = kernel.length * WEIGHT;
  const [tall, second, third] = [106, 106, 214];
  const cells = (map, left, side, kind) => {
    const top = 18 + (tall - 20 - map.length * side) / 2;
    const all = map.flatMap((each, i) => each.map((x, j) => ({ kind: kind(i, j), left: left + j * side, top: top + i * side, side, text: x })));
    return { top, text: drawn(all) };
  };
  const input = cells(numbers, 1, IN, (i, j) => (i * count + j === cell ? "window" : "input"));
  const weights = cells(kernel, second, WEIGHT, () => "done");
  const product_ = cells(stamp, third, WEIGHT, () => "window");
  const frames = frame(1 + col * IN, input.top + row * IN, IN) + frame(third, product_.top, size);
  const sign = (x, text) => `<text x="${x}" y="66" text-anchor="middle" font-size="15">${text}</text>`;
  const heads = [["input", 1], ["kernel", second], ["stamp", third]].map(([text, x]) => `<text x="${x}" y="12">${text}</text>`).join("");
  const label = `Input ${listed(numbers)}. Kernel ${listed(kernel)}. The stamp of input row ${row}, column ${col} is ${chosen} times the kernel: ${listed(stamp)}. Stride ${stride}.`;
  return `<svg viewBox="0 0 ${WIDTH} ${tall}" role="img" aria-label="${label}">${heads}${input.text}${weights.text}${product_.text}${frames}`
    + `${sign((1 + count * IN + second) / 2, "×")}${sign((second + size + third) / 2, "=")}</svg>`;
}

const listed = (map) => map.map((each) => each.join(" ")).join(" / ");

function drawn(all) {
  const filled = (opacity = 1) => (opacity < 1 ? ` fill-opacity="${opacity}"` : "");
  const numbers = all.filter(({ text }) => text !== "").map(({ left, top, side, text }) => [left + side / 2, top + side / 2 + 4, `${text}`, 11]);
  return squares(all.map(({ kind, left, top, side, opacity }) => [kind, left, top, side, filled(opacity)])) + digits(numbers);
}

function frame(x, y, width, height = width) {
  return `<rect class="cnn-frame" x="${tidy(x)}" y="${tidy(y)}" width="${tidy(width)}" height="${tidy(height)}"/>`;
}

function maps(state, now) {
  const { padding } = state;
  const outputLabel = `Output ${now.output} by ${now.output}: ${listed(now.y)}. ${plain(whereWords(state, now))}`;
  const overlapLabel = `How many stamps overlap in each output number: ${listed(now.overlap)}.`;
  const stamped = (i, j) => covers(state, now, i) && covers(state, now, j, true);
  const sums = grid(now.sums, state, now, (i, j) => (stamped(i, j) ? "window" : "input"), outputLabel);
  const counts = grid(now.counts, state, now, (i, j) => (now.counts[i][j] ? "stamps" : "todo"), overlapLabel, (x) => tidy((0.42 * x) / now.most));
  const cut = padding ? " Dashed: cut off by the padding." : "";
  return `<figure>${sums}<figcaption class="cnn-muted">Output: the sum of all stamps, the chosen one framed.${cut}</figcaption></figure>`
    + `<figure>${counts}<figcaption class="cnn-muted">How many stamps overlap here: the number, and a stronger color for more.</figcaption></figure>`;
}

const plain = (html) => html.replace(/<[^>]*>/g, "");
const covers = ({ stride, kernel_size }, { row, col }, at, across = false) => {
  const start = (across ? col : row) * stride;
  return at >= start && at < start + kernel_size;
};

function grid(map, { padding, stride, kernel_size }, { output, row, col }, kind, label, strength) {
  const side = Math.min(34, (WIDTH - 4) / map.length);
  const start = (WIDTH - side * map.length) / 2;
  const kept = (at) => at >= padding && at < padding + output;
  const cells = drawn(map.flatMap((each, i) => each.map((x, j) => {
    const inside = kept(i) && kept(j);
    const opacity = inside && x && strength ? strength(x) : 1;
    return { kind: inside ? kind(i, j) : "pad", left: start + j * side, top: start + i * side, side, text: inside ? x : "", opacity };
  })));
  return `<svg viewBox="0 0 ${WIDTH} ${WIDTH}" role="img" aria-label="${label}">${cells}${frame(start + col * stride * side, start + row * stride * side, kernel_size * side)}</svg>`;
}

export default {
  render: renderer({ draw, names: ["numbers", "kernel_size", "stride", "padding", "output_padding", "cell", "values"] }),
};
