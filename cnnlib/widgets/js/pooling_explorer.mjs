// uses: shared/cells.mjs shared/text.mjs shared/tree.mjs shared/view.mjs
// One axis is enough for sizes: input, window and all options are the same on both. Lengths are in pixels.
const COLUMNS = 5; // numbers in a row of the editable input
const [MAX, AVERAGE, UNPADDED, GLOBAL] = [0, 1, 2, 3]; // the kinds, in the order of the list

// The settings that are in force: global average pooling has one window, the whole input.
export function settings(state) {
  if (state.pooling === GLOBAL) return { size: state.size, kernel_size: state.size, stride: state.size, padding: 0, ceil_mode: false };
  const { size, kernel_size, stride, padding, ceil_mode } = state;
  return { size, kernel_size, stride, padding, ceil_mode };
}

// How many windows one axis has, with PyTorch's rule for ceil mode.
export function windows(state) {
  const { size, kernel_size, stride, padding, ceil_mode } = settings(state);
  const rest = size + 2 * padding - kernel_size;
  const counted = (ceil_mode ? Math.ceil(rest / stride) : Math.floor(rest / stride)) + 1;
  const dropped = ceil_mode && (counted - 1) * stride >= size + padding;
  const refused = 2 * padding > kernel_size ? "padding" : counted < 1 ? "window" : "";
  return { rest, counted, dropped, refused, output: refused ? 0 : counted - (dropped ? 1 : 0) };
}

// What one window reads. Rows and columns count from the input's first number, so padding is at −1 or at size.
export function windowAt(state, row, col) {
  const { size, kernel_size, stride, padding } = settings(state);
  const cells = [];
  for (let i = 0; i < kernel_size; i += 1) {
    for (let j = 0; j < kernel_size; j += 1) {
      const [r, c] = [row * stride - padding + i, col * stride - padding + j];
      cells.push({ row: r, col: c, part: part(r, c, size, padding), value: state[`x${r * COLUMNS + c}`] });
    }
  }
  const input = cells.filter((cell) => cell.part === "input");
  return { cells, ...(state.pooling === MAX ? largest(input) : average(state, cells, input)) };
}

function part(row, col, size, padding) {
  const within = (margin) => Math.min(row, col) >= -margin && Math.max(row, col) < size + margin;
  if (within(0)) return "input";
  return within(padding) ? "pad" : "beyond";
}

// The first of equal numbers wins, row by row, as in PyTorch.
function largest(input) {
  const value = Math.max(...input.map((cell) => cell.value));
  const equal = input.filter((cell) => cell.value === value);
  return { value, winner: equal[0], ties: equal.slice(1), counted: [], divisor: 1 };
}

// Behind the padding, where ceil mode may lead, nothing is ever counted.
function average(state, cells, input) {
  const counted = state.pooling === AVERAGE ? cells.filter((cell) => cell.part !== "beyond") : input;
  const sum = input.reduce((total, cell) => total + cell.value, 0);
  return { value: sum / counted.length, winner: null, ties: [], counted, divisor: counted.length };
}

// All windows, row by row, and how many input numbers are in none of them.
export function facts(state) {
  const { output, refused } = windows(state);
  const all = Array.from({ length: output * output }, (_, at) => windowAt(state, Math.floor(at / output), at % output));
  const read = new Set(all.flatMap(({ cells }) => cells.filter((cell) => cell.part === "input").map(({ row, col }) => row * state.size + col)));
  return {
    output, refused,
    windows: output * output,
    values: all.map(({ value }) => value),
    divisors: all.map(({ divisor }) => divisor),
    winners: all.map(({ winner }) => (winner ? winner.row * state.size + winner.col : null)),
    ties: all.map(({ ties }) => ties.length),
    unread: output ? state.size ** 2 - read.size : 0,
    read: [...read],
  };
}

export function derive(state) {
  return { last_position: Math.max(windows(state).output ** 2 - 1, 0) };
}

const rounded = (value, digits) => Math.sign(value) * Math.round(Math.abs(value) * 10 ** digits) / 10 ** digits;
const signed = (value) => String(value).replace("-", "−");
const decimals = (value, digits) => signed(rounded(value, digits) || 0);
const equals = (value) => `${rounded(value, 4) === value ? "=" : "≈"} ${decimals(value, 4)}`;

// The output-size formula with the numbers put in, step by step.
export function formula(state) {
  const { size, kernel_size, stride, padding, ceil_mode } = settings(state);
  const { rest, counted, dropped, output, refused } = windows(state);
  if (state.pooling === GLOBAL) return `one window, the whole input of ${size} × ${size}: output 1`;
  const [open, close] = ceil_mode ? ["⌈", "⌉"] : ["⌊", "⌋"];
  const steps = [`(${size} + 2·${padding} − ${kernel_size}) / ${stride}`, `${signed(rest)} / ${stride}`, decimals(rest / stride, 3)];
  const line = `${steps.map((step) => `${open}${step}${close} + 1`).join(" = ")} = ${signed(counted)}`;
  if (refused === "window") return `${line}, so no window fits`;
  return dropped ? `${line}, less 1 window = ${output}` : line;
}

// PyTorch's rule for the last window, which can only matter in ceil mode.
export function rule(state) {
  const { size, stride, padding, ceil_mode } = settings(state);
  const { counted, dropped, output } = windows(state);
  if (state.pooling === GLOBAL) return "Window, stride, padding and ceil mode are not used by global average pooling.";
  if (!ceil_mode) return "Rounded down: every window lies inside the padded input.";
  const first = `Rounded up, but the last window must start inside the input or its left padding: before row ${size} + ${padding} = ${size + padding} of the padded input.`;
  return `${first} ${dropped ? `It would start at row ${(counted - 1) * stride}, so PyTorch drops it.` : `It starts at row ${(output - 1) * stride} and stays.`}`;
}

// What one window computes, as a term.
export function term(state, row, col) {
  const { cells, value, counted, divisor } = windowAt(state, row, col);
  if (state.pooling === MAX) {
    const numbers = cells.filter((cell) => cell.part !== "beyond").map((cell) => (cell.part === "pad" ? "−∞" : signed(cell.value)));
    return `max(${numbers.join(", ")}) = ${signed(value)}`;
  }
  const numbers = counted.map((cell) => (cell.part === "pad" ? 0 : cell.value));
  const sum = numbers.map((x, i) => (i === 0 ? signed(x) : `${x < 0 ? "−" : "+"} ${Math.abs(x)}`)).join(" ");
  return `${numbers.length > 1 ? `(${sum})` : sum} / ${divisor} ${equals(value)}`;
}

export function draw(state) {
  const all = facts(state);
  const at = Math.min(state.position, Math.max(all.windows - 1, 0));
  const place = all.output ? { at, row: Math.floor(at / all.output), col: at % all.output } : null;
  const now = place && windowAt(state, place.row, place.col);
  return `<div class="cnn-pooling">${inputFigure(state, all, place, now)}${place ? outputFigure(state, all, place) : impossible(state, all)}</div>`
    + `<output class="cnn-readout" aria-live="polite">${place ? readout(state, all, place, now) : refused(state, all)}</output>`;
}

const fact = (text) => `<span class="cnn-fact">${text}</span>`;
const headline = (state, out) => `<span class="cnn-headline">${state.size} × ${state.size} in, ${out}</span>`;

function readout(state, all, { at, row, col }, now) {
  const { output, unread, windows: count } = all;
  return headline(state, `<b data-value="output">${output}</b> × ${output} out`)
    + fact(`<span class="cnn-formula">${formula(state)}</span>`) + fact(rule(state))
    + fact(`Input numbers in no window (small cross): <b data-value="unread">${unread}</b> of ${state.size ** 2}.`)
    + fact(`Window ${at + 1} of <b data-value="windows">${count}</b> writes output [${row}, ${col}]:`)
    + fact(`<b class="cnn-formula" data-value="term">${term(state, row, col)}</b>`)
    + fact(state.pooling === MAX ? winner(now) : divisor(state, now));
}

function refused(state, all) {
  const line = all.refused === "window" ? fact(`<span class="cnn-formula">${formula(state)}</span>`) : "";
  return `${headline(state, "no output")}${line}${fact("Global average pooling would still work: it takes the whole input.")}`;
}

function winner({ winner: { row, col }, ties, value, cells }) {
  const tied = ties.length
    ? ` A tie: <b data-value="equal">${ties.length + 1}</b> numbers in this window are ${signed(value)} (dashed rings). PyTorch takes the first, row by row.`
    : "";
  return `The winner (ring) is at row ${row}, column ${col} of the input.${tied}${beyond(cells)}`;
}

function divisor(state, { cells, divisor: by }) {
  const count = (name) => cells.filter((cell) => cell.part === name).length;
  const inside = plural(count("input"), "input number");
  if (state.pooling === GLOBAL) return `Divided by <b data-value="divisor">${by}</b>, all numbers of the input.`;
  if (state.pooling === UNPADDED) return `Divided by <b data-value="divisor">${by}</b>, the input numbers in the window; padding is not counted.${beyond(cells)}`;
  const zeros = count("pad") ? ` and ${plural(count("pad"), "zero")} of padding` : "";
  return `Divided by <b data-value="divisor">${by}</b>: ${inside}${zeros}.${beyond(cells)}`;
}

function beyond(cells) {
  const count = cells.filter((cell) => cell.part === "beyond").length;
  return count ? ` ${plural(count, "cell")} of the window (dotted) ${count === 1 ? "lies" : "lie"} outside the padded input and ${count === 1 ? "counts" : "count"} for nothing.` : "";
}

function impossible({ size, kernel_size, padding }, { refused: why }) {
  const words = why === "padding"
    ? `<b>Too much padding.</b> PyTorch refuses padding ${padding}: it may be at most half of the window, and half of ${kernel_size} is ${kernel_size / 2}. Make the window larger or the padding smaller.`
    : `<b>No window fits.</b> The window covers ${plural(kernel_size, "pixel")}, but ${padding ? `the padded input has only ${size + 2 * padding} (${size} + 2·${padding})` : `the input has only ${size}`}. Make the input or the padding larger, or the window smaller.`;
  return `<div class="cnn-pool cnn-refusal"><p class="cnn-impossible">${words}</p></div>`;
}

const WIDTH = 320; // the side of each drawing in its own units
const LARGEST = 62; // the largest cell

function inputFigure(state, all, place, now) {
  const { size, kernel_size, stride, padding } = settings(state);
  const end = all.output ? Math.max((all.output - 1) * stride + kernel_size, size + 2 * padding) : size + 2 * padding;
  const inWindow = (r, c) => now?.cells.some((cell) => cell.row === r && cell.col === c);
  const kind = (i, j) => {
    const [r, c] = [i - padding, j - padding];
    const where = part(r, c, size, padding);
    if (where === "beyond") return { kind: where, text: "" };
    const text = where === "input" ? decimals(state[`x${r * COLUMNS + c}`], 2) : state.pooling === MAX ? "−∞" : "0";
    if (where === "input" && all.output && !all.read.includes(r * size + c)) return { kind: "unread", text, mark: "cross" };
    const same = (cell) => cell?.row === r && cell?.col === c;
    const mark = same(now?.winner) ? "ring" : now?.ties.some(same) ? "tie" : "";
    return { kind: inWindow(r, c) ? "window" : where, text, mark };
  };
  const around = padding ? ` with ${plural(padding, "row")} of padding on each side` : "";
  const numbers = now ? `, the window at row ${place.row * stride - padding}, column ${place.col * stride - padding} of the input` : "";
  const label = `Input of ${size} by ${size} numbers${around}${numbers}. ${lines(size, (i, j) => state[`x${i * COLUMNS + j}`])}`;
  const name = size < COLUMNS ? `top-left ${size} × ${size} and window` : "input and window";
  return figure(name, end, kind, label.replaceAll("-", "−"), place && { ...place, stride, kernel_size });
}

function outputFigure(state, { output, values }, { at, row, col }) {
  const kind = (i, j) => ({ kind: i * output + j === at ? "window" : "done", text: decimals(values[i * output + j], 2) });
  const label = `Output ${output} by ${output}, the window writes row ${row}, column ${col}. ${lines(output, (i, j) => decimals(values[i * output + j], 2))}`;
  const exact = values.every((value) => rounded(value, 2) === value);
  return figure(exact ? "output" : "output, to two decimals", output, kind, label.replaceAll("-", "−"), { row, col, stride: 1, kernel_size: 1 });
}

const lines = (count, value) => `${Array.from({ length: count }, (_, i) => `Row ${i}: ${Array.from({ length: count }, (_, j) => value(i, j)).join(", ")}`).join(". ")}.`;

function figure(name, count, cellOf, label, frame) {
  const side = Math.min(LARGEST, (WIDTH - 4) / count);
  const start = (WIDTH - side * count) / 2;
  const font = tidy(Math.max(14, Math.min(17, side * 0.4)));
  const [cells, numbers] = [[], []];
  let marks = "";
  for (let i = 0; i < count; i += 1) {
    for (let j = 0; j < count; j += 1) {
      const { kind, text, mark } = cellOf(i, j);
      const [x, y] = [start + j * side, start + i * side];
      cells.push([kind, x, y, side]);
      if (text !== "") numbers.push([x + side / 2, y + side / 2 + font * 0.35, `${text}`, font]);
      marks += sign(mark, x, y, side);
    }
  }
  const edge = frame ? `<rect class="cnn-frame" x="${tidy(start + frame.col * frame.stride * side)}" y="${tidy(start + frame.row * frame.stride * side)}" width="${tidy(frame.kernel_size * side)}" height="${tidy(frame.kernel_size * side)}"/>` : "";
  return `<figure class="cnn-grid cnn-pool"><svg viewBox="0 0 ${WIDTH} ${WIDTH}" role="img" aria-label="${escapeHtml(label)}">${squares(cells)}${digits(numbers)}${marks}${edge}</svg><figcaption>${name}</figcaption></figure>`;
}

// A ring is the winner, a dashed ring its equal, a small cross in the corner a number that no window reads.
function sign(mark, x, y, side) {
  if (mark === "cross") return `<path class="cnn-mark" d="M${tidy(x + 3)} ${tidy(y + 3)}l8 8m0 -8l-8 8"/>`;
  if (!mark) return "";
  return `<circle class="cnn-ring${mark === "tie" ? " cnn-tie" : ""}" cx="${tidy(x + side / 2)}" cy="${tidy(y + side / 2)}" r="${tidy(side * 0.42)}"/>`;
}

export default {
  render: renderer({
    draw, derive,
    names: ["pooling", "size", "kernel_size", "stride", "padding", "ceil_mode", "position", ...Array.from({ length: COLUMNS ** 2 }, (_, i) => `x${i}`)],
  }),
};
