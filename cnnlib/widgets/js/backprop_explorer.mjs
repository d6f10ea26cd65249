// uses: shared/cells.mjs shared/text.mjs shared/shapes.mjs shared/tree.mjs shared/view.mjs
const [CONVOLUTION, MAX, AVERAGE] = [0, 1, 2];
const WINDOW = 2;
const LETTERS = ["a", "b", "c", "d"];

export function outputSide({ x, stride, padding }) {
  return outputSize({ size: x.length, kernel_size: WINDOW, stride, padding, dilation: 1 });
}

export function derive(state) {
  return { last_position: outputSide(state) ** 2 - 1 };
}

const place = (state, position) => [Math.floor(position / outputSide(state)), position % outputSide(state)];

// The four taps of one output cell: where each reads (row, col of x; inside is false in the padding), the share of the
// output gradient that it sends back, and what x and the weight receive.
export function taps(state, position) {
  const { x, weight, grad_output, layer, stride, padding } = state;
  const [outRow, outCol] = place(state, position);
  const gradient = grad_output[outRow][outCol];
  const read = LETTERS.map((letter, t) => {
    const [i, j] = [Math.floor(t / WINDOW), t % WINDOW];
    const [row, col] = [outRow * stride + i - padding, outCol * stride + j - padding];
    const value = x[row]?.[col];
    return { letter, i, j, row, col, inside: value !== undefined, value: value ?? 0 };
  });
  const winner = first(read);
  return read.map((tap) => {
    const share = [weight[tap.i][tap.j], tap === winner ? 1 : 0, 1 / WINDOW ** 2][layer];
    return { ...tap, gradient, share, wins: tap === winner, toX: tap.inside ? gradient * share : 0, toWeight: layer === CONVOLUTION ? gradient * tap.value : 0 };
  });
}

// The first tap with the largest value; padding never wins.
function first(read) {
  const inside = read.filter((tap) => tap.inside);
  const most = Math.max(...inside.map((tap) => tap.value));
  return inside.find((tap) => tap.value === most);
}

// All gradients after the output cells 0 to last.
export function sums(state, last) {
  const zeros = (rows) => rows.map((row) => row.map(() => 0));
  const total = { x: zeros(state.x), weight: zeros(state.weight), bias: 0 };
  for (let position = 0; position <= last; position += 1) {
    const all = taps(state, position);
    all.forEach(({ i, j, row, col, inside, toX, toWeight }) => {
      if (inside) total.x[row][col] += toX;
      total.weight[i][j] += toWeight;
    });
    total.bias += all[0].gradient;
  }
  return total;
}

const text = (value) => String(value).replace("-", "−");
const signed = (value) => (value < 0 ? text(value) : `+${value}`);

export function draw(state) {
  const last = derive(state).last_position;
  const position = Math.min(state.position, last);
  const [now, so, end] = [taps(state, position), sums(state, position), sums(state, last)];
  return `<div class="cnn-back">${pictures(state, position, now, so, end)}</div>`
    + `<output class="cnn-readout cnn-back-readout" aria-live="polite">${readout(state, position, now, so, end)}</output>`
    + `<div class="cnn-terms">${terms(state, now)}</div>`;
}

function pictures(state, position, now, so, end) {
  const { layer } = state;
  const pair = (...figures) => `<div class="cnn-pair">${figures.join("")}</div>`;
  const received = (i, j) => now.find((tap) => tap.row === i && tap.col === j);
  const live = (tap) => tap && (layer !== MAX || tap.wins);
  const gradX = matrix("grad_x so far", so.x, {
    kind: (i, j) => (live(received(i, j)) ? "window" : "input"),
    mark: (i, j) => (live(received(i, j)) ? signed(received(i, j).toX) : ""),
  });
  const finalX = matrix("grad_x at the end", end.x, { kind: () => "done" });
  const before = layer === CONVOLUTION
    ? pair(inputFigure(state, now), matrix("weight w", state.weight, { kind: () => "window", mark: (i, j) => LETTERS[i * WINDOW + j] }))
    : pair(inputFigure(state, now));
  const weights = layer === CONVOLUTION ? pair(
    matrix("grad_weight so far", so.weight, { kind: () => "window", mark: (i, j) => signed(now[i * WINDOW + j].toWeight) }),
    matrix("grad_weight at the end", end.weight, { kind: () => "done" }),
  ) : "";
  return before + pair(outputFigure(state, position)) + pair(gradX, finalX) + weights;
}

const AREA = 4 + 2; // the input keeps its place, with or without padding
function inputFigure(state, now) {
  const { x, padding, layer } = state;
  const values = Array.from({ length: x.length + 2 * padding }, (_, i) => Array.from({ length: x.length + 2 * padding }, (_, j) => x[i - padding]?.[j - padding] ?? (layer === MAX ? "−∞" : 0)));
  const at = (i, j) => now.find((tap) => tap.row === i - padding && tap.col === j - padding);
  const inside = (i, j) => x[i - padding]?.[j - padding] !== undefined;
  return matrix(padding ? "x with padding" : "input x", values, {
    kind: (i, j) => (at(i, j) ? `window${inside(i, j) ? "" : " cnn-pad"}` : inside(i, j) ? "input" : "pad"),
    mark: (i, j) => (at(i, j) ? { [CONVOLUTION]: at(i, j).letter, [MAX]: at(i, j).wins ? "max" : "", [AVERAGE]: "¼" }[layer] : ""),
    area: AREA, shift: 1 - padding,
  });
}

function outputFigure(state, position) {
  const side = outputSide(state);
  const values = state.grad_output.slice(0, side).map((row) => row.slice(0, side));
  const kinds = (i, j) => (i * side + j === position ? "window" : i * side + j < position ? "done" : "todo");
  return matrix("grad_output", values, { kind: kinds, mark: (i, j) => ({ window: "▼", done: "✓", todo: "" })[kinds(i, j)], area: state.grad_output.length });
}

const CELL = 32;
const FONT = { 1: 15, 2: 15, 3: 15, 4: 13 };
function matrix(name, values, { kind, mark, area = values.length, shift = 0 }) {
  const side = area * CELL + 2;
  const [cells, numbers] = [[], []];
  const corners = values.flatMap((row, i) => row.map((value, j) => {
    const [left, top, k, m] = [(j + shift) * CELL + 1, (i + shift) * CELL + 1, kind(i, j), mark?.(i, j)];
    const shown = text(value);
    cells.push([k, left, top, CELL, k.startsWith("window") ? ' stroke-width="2.5"' : ""]);
    numbers.push([left + CELL / 2, top + (mark ? 27 : 22), shown, FONT[shown.length] ?? 12]);
    return m ? `<text x="${left + 2.5}" y="${top + 11}" font-size="11.5" class="cnn-corner">${m}</text>` : "";
  }));
  const said = values.map((row) => row.map(text).join(" ")).join("; ");
  return `<figure class="cnn-matrix"><figcaption>${name}</figcaption><svg viewBox="0 0 ${side} ${side}" style="width:${side}px" role="img" aria-label="Matrix ${name}, ${values.length} by ${values[0].length} (rows by columns): ${said}">${squares(cells)}${corners.join("")}${digits(numbers)}</svg></figure>`;
}

function readout(state, position, now, so, end) {
  const { layer } = state;
  const [row, col] = place(state, position);
  const inside = now.filter((tap) => tap.inside);
  const outside = now.length - inside.length;
  const line = (words) => `<span class="cnn-fact">${words}</span>`;
  const reached = layer === MAX ? 1 : inside.length;
  const headline = `grad_output[${row}, ${col}] = <b data-value="gradient">${text(now[0].gradient)}</b> reaches <b data-value="reached">${reached}</b> ${reached === 1 ? "input" : "inputs"}${layer === CONVOLUTION ? " and 4 weights" : ""}`;
  const lost = outside && layer !== MAX ? ` ${outside === 1 ? "One share falls" : `${outside} shares fall`} into the padding and ${outside === 1 ? "is" : "are"} dropped.` : "";
  const how = { [CONVOLUTION]: "Each input that the window read gets the gradient times the weight that it met; each weight gets the gradient times the input that it met.", [MAX]: winnerText(inside), [AVERAGE]: "Each of the 4 places of the window gets a quarter; padding counts as a place." }[layer];
  const total = (grid) => text(grid.flat().reduce((sum, value) => sum + value, 0));
  const bias = layer === CONVOLUTION ? ` grad_bias so far: <b data-value="bias">${text(so.bias)}</b> of ${text(end.bias)}.` : "";
  return `<span class="cnn-headline">${headline}</span>${line(how + lost)}`
    + line(`Cell ${position + 1} of ${derive(state).last_position + 1}. All of grad_x so far adds up to <b data-value="sum">${total(so.x)}</b>, at the end to ${total(end.x)}.${bias}`);
}

function winnerText(inside) {
  const winner = inside.find((tap) => tap.wins);
  const tied = inside.filter((tap) => tap.value === winner.value).length;
  const who = inside.length === 1 ? `x[${winner.row}, ${winner.col}] = ${text(winner.value)} is the only input of the window and takes all.`
    : `The largest of ${inside.map((tap) => text(tap.value)).join(", ")} is x[${winner.row}, ${winner.col}] = ${text(winner.value)}; it takes all, the others get 0.`;
  return tied > 1 ? `${who} The ${text(winner.value)} stands there ${tied === 2 ? "twice" : `${tied} times`}: the first one wins.` : who;
}

// One line for each place that receives something.
export function lines(state, position) {
  const { layer } = state;
  const now = taps(state, position);
  const sent = ({ gradient, share, i, j }) => (layer === CONVOLUTION ? `${text(gradient)} · w[${i}, ${j}] = ${text(gradient)} · ${text(share)} = ${text(gradient * share)}` : `${text(gradient)} / 4 = ${text(gradient * share)}`);
  const toX = layer === MAX ? now.filter((tap) => tap.wins).map((tap) => `grad_x[${tap.row}, ${tap.col}] += ${text(tap.gradient)}`)
    : now.map((tap) => (tap.inside ? `grad_x[${tap.row}, ${tap.col}] += ${sent(tap)}` : `padding, dropped: ${sent(tap)}`));
  const toWeight = layer !== CONVOLUTION ? [] : now.map(({ gradient, inside, value, i, j, row, col, toWeight: sum }) => `grad_weight[${i}, ${j}] += ${text(gradient)} · ${inside ? `x[${row}, ${col}] = ${text(gradient)} · ${text(value)}` : "0 (padding)"} = ${text(sum)}`);
  return { toX, toWeight };
}

function terms(state, now) {
  const { toX, toWeight } = lines(state, Math.min(state.position, derive(state).last_position));
  const letter = (t) => (state.layer === CONVOLUTION ? `<b>${now[t].letter}</b> ` : "");
  const list = (title, rows) => (rows.length ? `<div><p class="cnn-muted">${title}</p><ul>${rows.map((row, t) => `<li>${letter(t)}${row}</li>`).join("")}</ul></div>` : "");
  return list("To the input", toX) + list("To the weights", toWeight);
}

export default {
  render: renderer({ draw, derive, names: ["x", "weight", "grad_output", "layer", "stride", "padding", "position"] }),
};
