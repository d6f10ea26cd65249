// uses: shared/cells.mjs shared/text.mjs shared/tree.mjs shared/view.mjs
// The loops of each version, outermost first. A step is one run of the innermost loop's body.
const LOOPS = {
  v1: ["row", "col", "i", "j"],
  v2: ["row", "col"],
  v3: ["row", "col"],
  v4: ["channel", "row", "col"],
  v5: ["image", "filter", "channel", "row", "col"],
};

// A problem is { x, weight, stride, padding } with nested lists as the version takes them; here all become (N, C, H, W).
function full(name, { x, weight, stride, padding }) {
  const lift = { v1: (a) => [[a]], v2: (a) => [[a]], v3: (a) => [[a]], v4: (a) => [a], v5: (a) => a }[name];
  const [images, filters] = [lift(x), lift(weight)];
  const size = (axis) => (axis ? images[0][0][0].length : images[0][0].length) + 2 * padding;
  const [kh, kw] = [filters[0][0].length, filters[0][0][0].length];
  return { images, filters, stride, padding, kh, kw, rows: Math.floor((size(0) - kh) / stride) + 1, cols: Math.floor((size(1) - kw) / stride) + 1 };
}

// How often each loop runs, outermost first.
export function sizes(name, problem) {
  const { images, filters, kh, kw, rows, cols } = full(name, problem);
  const runs = { image: images.length, filter: filters.length, channel: images[0].length, row: rows, col: cols, i: kh, j: kw };
  return LOOPS[name].map((loop) => runs[loop]);
}

const product = (numbers) => numbers.reduce((total, number) => total * number, 1);

// Multiplications and Python-level loop iterations (of all loops) up to and including a step.
export function counts(name, problem, position) {
  const runs = sizes(name, problem);
  const { kh, kw } = full(name, problem);
  const iterations = runs.map((_, level) => Math.floor(position / product(runs.slice(level + 1))) + 1);
  return {
    multiplications: (position + 1) * (name === "v1" ? 1 : kh * kw),
    iterations: iterations.reduce((total, number) => total + number, 0),
  };
}

export function totals(name, problem) {
  return counts(name, problem, product(sizes(name, problem)) - 1);
}

// The loop variables of a step by name.
export function variables(name, problem, position) {
  const runs = sizes(name, problem);
  return Object.fromEntries(LOOPS[name].map((loop, level) => [loop, Math.floor(position / product(runs.slice(level + 1))) % runs[level]]));
}

// What one step does: its terms [pixel, weight], their sum, the output cell it writes and that cell's value after it.
export function step(name, problem, position) {
  const { images, filters, stride, padding, kh, kw } = full(name, problem);
  const { image = 0, filter = 0, channel = 0, row, col, i, j } = variables(name, problem, position);
  const pixel = (c, a, b) => images[image][c][row * stride + a - padding]?.[col * stride + b - padding] ?? 0;
  const taps = Array.from({ length: kh * kw }, (_, t) => [Math.floor(t / kw), t % kw]);
  const terms = (c) => taps.map(([a, b]) => [pixel(c, a, b), filters[filter][c][a][b]]);
  const sum = (pairs) => pairs.reduce((total, [value, weight]) => total + value * weight, 0);
  const done = name === "v1" ? terms(0).slice(0, i * kw + j + 1) : terms(channel);
  const before = Array.from({ length: channel }, (_, c) => sum(terms(c))).reduce((total, value) => total + value, 0);
  return { terms: done, sum: sum(done), before, value: before + sum(done), cell: [image, filter, row, col], finished: name !== "v1" || done.length === taps.length };
}

// The output after a step, (N, O, rows, cols); null is not written yet.
export function output(name, problem, position) {
  const { images, filters, rows, cols } = full(name, problem);
  const y = images.map(() => filters.map(() => Array.from({ length: rows }, () => Array(cols).fill(null))));
  for (let at = 0; at <= position; at += 1) {
    const { cell: [n, o, row, col], value, finished } = step(name, problem, at);
    if (finished) y[n][o][row][col] = value;
  }
  return y;
}

export function derive({ versions, version }) {
  const problem = versions[version];
  return { last_position: product(sizes(problem.name, problem)) - 1 };
}

const minus = (value) => String(value).replace("-", "−");
const bracket = (value) => (value < 0 ? `(${minus(value)})` : minus(value));

export function draw({ versions, version, position }) {
  const problem = versions[version];
  const { name } = problem;
  const at = Math.min(position, derive({ versions, version }).last_position);
  return `<div class="cnn-stepper">${code(problem.code)}<div class="cnn-arrays">${arrays(name, problem, at)}</div></div>`
    + `<output class="cnn-readout" aria-live="polite">${readout(name, problem, at)}</output>${table(name, problem, at, versions[0])}`;
}

function code(parts) {
  const lines = parts.flatMap(([source, marked], part) => [...(part ? [""] : []), ...source.map((line) => (
    line.includes(marked) ? `<b class="cnn-now">▶ ${escapeHtml(line)}</b>` : `  ${escapeHtml(line)}`))]);
  return `<pre class="cnn-code" tabindex="0" role="region" aria-label="source of this version, the running line is marked">${lines.join("\n")}</pre>`;
}

function readout(name, problem, at) {
  const { terms, sum, before, value, cell, finished } = step(name, problem, at);
  const written = terms.map(([pixel, weight]) => `${bracket(pixel)}·${bracket(weight)}`).join(" + ");
  const place = name === "v5" ? `[${cell.join(", ")}]` : `[${cell.slice(2).join(", ")}]`;
  const loops = Object.entries(variables(name, problem, at)).map(([loop, number]) => `${loop} = ${number}`).join(", ");
  const total = before || "channel" in variables(name, problem, at) ? `; with the channels before it ${minus(before)} + ${bracket(sum)} = ${minus(value)}` : "";
  return `<span class="cnn-headline">${loops}</span><span class="cnn-fact cnn-formula">${written} = <b data-value="sum">${minus(sum)}</b>${total}</span>`
    + `<span class="cnn-fact">${finished ? `Written to y${place}: ${minus(value)}.` : `y${place} is not written yet: ${terms.length} of ${full(name, problem).kh * full(name, problem).kw} terms.`}</span>`;
}

function table(name, problem, at, small) {
  const now = counts(name, problem, at);
  const all = totals(name, problem);
  const rows = Object.keys(LOOPS).map((other) => {
    const { multiplications, iterations } = totals(other, lifted(other, small));
    return `<tr${other === name ? ' class="cnn-now"' : ""}><th scope="row">${other.toUpperCase()}${other === name ? " ◀" : ""}</th><td>${multiplications}</td><td>${iterations}</td></tr>`;
  });
  return `<p class="cnn-fact">Multiplications so far <b data-value="multiplications">${now.multiplications}</b> of ${all.multiplications}, `
    + `Python loop iterations <b data-value="iterations">${now.iterations}</b> of ${all.iterations}.</p>`
    + '<div class="cnn-scroll"><table class="cnn-counts"><caption>All five on the same small problem: one 3×3 image, one 2×2 kernel</caption>'
    + `<thead><tr><th scope="col">version</th><th scope="col">multiplications</th><th scope="col">Python loop iterations</th></tr></thead><tbody>${rows.join("")}</tbody></table></div>`;
}

// The small problem of V1 in the shape that another version takes.
export function lifted(name, { x, weight }) {
  const wrap = { v1: (a) => a, v2: (a) => a, v3: (a) => a, v4: (a) => [a], v5: (a) => [[a]] }[name];
  return { x: wrap(x), weight: wrap(weight), stride: 1, padding: 0 };
}

function arrays(name, problem, at) {
  const { images, filters, stride, padding, kh, kw } = full(name, problem);
  const { image = 0, filter = 0, channel = 0, row, col, i, j } = variables(name, problem, at);
  const inWindow = (a, b) => a >= row * stride && a < row * stride + kh && b >= col * stride && b < col * stride + kw;
  const drawn = images.flatMap((channels, n) => channels.map((map, c) => {
    const live = n === image && c === channel;
    const kind = (a, b) => {
      if (live && inWindow(a, b)) return name === "v1" && (a - row !== i || b - col !== j) ? "seen" : "window";
      return a < padding || b < padding || a >= map.length + padding || b >= map[0].length + padding ? "pad" : "input";
    };
    return matrix(title("x", [n, c], [images.length, channels.length]), padded(map, padding), kind, live);
  }));
  const kernels = filters.flatMap((slices, o) => slices.map((slice, c) => {
    const live = o === filter && c === channel;
    return matrix(title("weight", [o, c], [filters.length, slices.length]), slice, (a, b) => (live && (name !== "v1" || (a === i && b === j)) ? "window" : "input"), live);
  }));
  const y = output(name, problem, at);
  const { cell } = step(name, problem, at);
  const outputs = y.flatMap((maps, n) => maps.map((map, o) => matrix(title("y", [n, o], [y.length, maps.length]), map, (a, b) => {
    if (cell[0] === n && cell[1] === o && cell[2] === a && cell[3] === b) return "window";
    return map[a][b] === null ? "todo" : "done";
  }, cell[0] === n && cell[1] === o)));
  return [drawn, kernels, outputs].map((group) => `<div class="cnn-group">${group.join("")}</div>`).join("");
}

function title(word, at, of) {
  const shown = at.filter((_, k) => of[k] > 1 || (of[0] > 1 && k === 1));
  return shown.length ? `${word}[${shown.join(", ")}]` : word;
}

function padded(map, padding) {
  const width = map[0].length + 2 * padding;
  const border = Array.from({ length: padding }, () => Array(width).fill(0));
  const side = Array(padding).fill(0);
  return [...border, ...map.map((row) => [...side, ...row, ...side]), ...border];
}

function matrix(name, values, kind, live) {
  const [rows, cols, cell] = [values.length, values[0].length, 30];
  const [cells, numbers] = [[], []];
  values.forEach((row, a) => row.forEach((value, b) => {
    const [x, y, k] = [b * cell + 1, a * cell + 1, kind(a, b)];
    cells.push([k, x, y, cell, k === "window" ? ' stroke-width="2.5"' : ""]);
    if (value !== null) numbers.push([x + cell / 2, y + cell / 2 + 5, minus(value), 14]);
  }));
  const text = values.map((row) => row.map((value) => (value === null ? "empty" : value)).join(" ")).join("; ");
  return `<figure class="cnn-matrix${live ? " cnn-live" : ""}"><svg viewBox="0 0 ${cols * cell + 2} ${rows * cell + 2}" width="${cols * cell + 2}" height="${rows * cell + 2}" role="img" aria-label="Matrix ${name}, ${rows} by ${cols} (rows by columns): ${text}">${squares(cells)}${digits(numbers)}</svg><figcaption>${name}</figcaption></figure>`;
}

export default { render: renderer({ draw, derive, names: ["versions", "version", "position"] }) };
