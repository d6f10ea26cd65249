// uses: shared/cells.mjs shared/text.mjs shared/shapes.mjs shared/tree.mjs shared/view.mjs
// One axis is enough to compute with: input, kernel and all options are the same on both.

// What the picture shows, as numbers. size, kernel_size, padding and dilation are in pixels.
export function facts(state) {
  const { size, kernel_size, stride, padding, dilation } = state;
  const output = outputSize(state);
  const padded = size + 2 * padding;
  const reach = dilation * (kernel_size - 1) + 1;
  const rest = padded - reach;
  return {
    output, padded, reach, rest,
    windows: output * output,
    leftOver: output ? rest % stride : 0,
    unseen: output ? size * size - seen(state, output).filter((at) => at >= padding && at < padding + size).length ** 2 : 0,
    parameters: kernel_size * kernel_size + 1,
    macs: output * output * kernel_size * kernel_size,
  };
}

// Rows (the same for columns) of the padded input that at least one window reads.
export function seen({ kernel_size, stride, dilation }, output) {
  const rows = new Set();
  for (let window = 0; window < output; window += 1) taps({ kernel_size, stride, dilation }, window).forEach((row) => rows.add(row));
  return [...rows].sort((a, b) => a - b);
}

// Rows that the window in one row of the output reads.
export function taps({ kernel_size, stride, dilation }, window) {
  return Array.from({ length: kernel_size }, (_, i) => window * stride + i * dilation);
}

export function derive(state) {
  return { last_position: Math.max(facts(state).windows - 1, 0) };
}

// The output-size formula with the numbers put in, step by step.
export function formula({ size, kernel_size, stride, padding, dilation }) {
  const { output, rest } = facts({ size, kernel_size, stride, padding, dilation });
  const put = `⌊(${size} + 2·${padding} − ${dilation}·(${kernel_size} − 1) − 1) / ${stride}⌋ + 1`;
  if (!output) return `${put}: ${String(rest).replace("-", "−")} above the line, so no window fits`;
  const quotient = Math.round((rest / stride) * 1000) / 1000;
  return `${put} = ⌊${rest} / ${stride}⌋ + 1 = ⌊${quotient}⌋ + 1 = ${output}`;
}

export function draw(state) {
  const now = facts(state);
  return `<div class="cnn-grids">${now.output ? grids(state, now) : impossible(state, now)}</div>`
    + `<output class="cnn-readout" aria-live="polite">${readout(state, now)}</output>`
    + `<p class="cnn-where cnn-muted">${now.output ? where(state, now) : "&nbsp;"}</p>`;
}

function readout(state, { output, leftOver, unseen, parameters, macs, windows }) {
  const out = output ? `<b data-value="output">${output}</b> × ${output} out` : "no output";
  const line = (text) => `<span class="cnn-fact">${text}</span>`;
  const edge = leftOver
    ? `Left over at the bottom and right edge and ignored: <b data-value="leftOver">${leftOver}</b> of the padded rows and columns.`
    : "Left over at the edge: <b data-value=\"leftOver\">0</b>.";
  const cost = `One filter on one channel: <b data-value="parameters">${parameters}</b> parameters (${plural(parameters - 1, "weight")} and 1 bias)`;
  return `<span class="cnn-headline">${state.size} × ${state.size} in, ${out}</span>${line(`<span class="cnn-formula">${formula(state)}</span>`)}`
    + (output ? line(`${edge} Input pixels that no window reads: <b data-value="unseen">${unseen}</b> of ${state.size * state.size}.`) : "")
    + line(output ? `${cost}, <b data-value="windows">${number(windows)}</b> ${windows === 1 ? "window" : "windows"}, <b data-value="macs">${plural(macs, "MAC").replace(" ", "</b> ")}.` : `${cost}.`);
}

function where(state, { windows, output }) {
  const position = Math.min(state.position, windows - 1);
  const row = Math.floor(position / output);
  const col = position % output;
  const span = (window) => {
    const rows = taps(state, window).map((at) => at - state.padding);
    return rows.length > 1 ? `${rows[0]} to ${rows.at(-1)}`.replaceAll("-", "−") : String(rows[0]).replace("-", "−");
  };
  return `Window ${position + 1} of ${windows} writes output [${row}, ${col}]. It reads rows ${span(row)} and columns ${span(col)} of the input`
    + `${state.dilation > 1 && state.kernel_size > 1 ? `, every ${state.dilation === 2 ? "second" : "third"} one` : ""}`
    + `${state.padding ? "; a number outside 0 to " + (state.size - 1) + " is padding" : ""}.`;
}

function impossible({ kernel_size, dilation, padding, size }, { reach, padded }) {
  const kernel = dilation > 1 && kernel_size > 1 ? `${kernel_size} weights at dilation ${dilation} cover` : "The kernel covers";
  const input = padding ? `the padded input has only ${padded} (${size} + 2·${padding})` : `the input has only ${size}`;
  return `<p class="cnn-impossible"><b>No window fits.</b> ${kernel} ${plural(reach, "pixel")}, but ${input}. `
    + "Make the input or the padding larger, or the kernel or the dilation smaller.</p>";
}

const SIDE = 320; // the side of each drawing in its own units
const MOST = 40; // the largest cell

function grids(state, now) {
  const { padding, size, stride } = state;
  const position = Math.min(state.position, now.windows - 1);
  const [row, col] = [Math.floor(position / now.output), position % now.output];
  const [rows, cols, read] = [taps(state, row), taps(state, col), seen(state, now.output)];
  const inside = (at) => at >= padding && at < padding + size;
  const input = (i, j) => {
    if (rows.includes(i) && cols.includes(j)) return "window";
    if (!inside(i) || !inside(j)) return "pad";
    return read.includes(i) && read.includes(j) ? "input" : "unread";
  };
  const output = (i, j) => {
    const at = i * now.output + j;
    if (at === position) return "window";
    return at < position ? "done" : "todo";
  };
  const inputLabel = `Input ${size} by ${size}${padding ? ` with ${plural(padding, "row")} of padding on each side` : ""}, `
    + `the window at row ${row * stride - padding}, column ${col * stride - padding}.`;
  const outputLabel = `Output ${now.output} by ${now.output}, ${plural(position + 1, "cell")} of ${now.windows} filled, the last at row ${row}, column ${col}.`;
  return figure("input", now.padded, input, inputLabel, frame(row, col, stride, now)) + figure("output", now.output, output, outputLabel, "");
}

function frame(row, col, stride, { reach, padded }) {
  const cell = cellSize(padded);
  const at = (window) => ((SIDE - cell * padded) / 2) + window * stride * cell;
  return `<rect class="cnn-frame" x="${tidy(at(col))}" y="${tidy(at(row))}" width="${tidy(reach * cell)}" height="${tidy(reach * cell)}"/>`;
}

const cellSize = (count) => Math.min(MOST, (SIDE - 4) / count);

function figure(name, count, kind, label, extra) {
  const cell = cellSize(count);
  const start = (SIDE - cell * count) / 2;
  const cells = [];
  let marks = "";
  for (let i = 0; i < count; i += 1) {
    for (let j = 0; j < count; j += 1) {
      const [x, y, k] = [start + j * cell, start + i * cell, kind(i, j)];
      cells.push([k, x, y, cell]);
      marks += mark(k, x + cell / 2, y + cell / 2, cell);
    }
  }
  const drawn = marks && `<path class="cnn-mark" d="${marks}"/>`;
  return `<figure class="cnn-grid"><svg viewBox="0 0 ${SIDE} ${SIDE}" role="img" aria-label="${label}">${squares(cells)}${drawn}${extra}</svg>`
    + `<figcaption>${name} ${name === "input" ? "and window" : ""}</figcaption></figure>`;
}

// Shape says what colour says: a dot is read now or written, a cross is never read.
function mark(kind, x, y, cell) {
  const r = cell / 6;
  if (kind === "window" || kind === "done") return `M${tidy(x - r)} ${tidy(y)}a${tidy(r)} ${tidy(r)} 0 1 0 ${tidy(2 * r)} 0a${tidy(r)} ${tidy(r)} 0 1 0 ${tidy(-2 * r)} 0z`;
  if (kind === "unread") return `M${tidy(x - r)} ${tidy(y - r)}l${tidy(2 * r)} ${tidy(2 * r)}M${tidy(x + r)} ${tidy(y - r)}l${tidy(-2 * r)} ${tidy(2 * r)}`;
  return "";
}

export default {
  render: renderer({ draw, derive, names: ["size", "kernel_size", "stride", "padding", "dilation", "position"] }),
};
