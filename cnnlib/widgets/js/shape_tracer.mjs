// uses: shared/text.mjs shared/shapes.mjs shared/tree.mjs shared/view.mjs
const SLOTS = 10;
const NOTHING = "–";
const MAPS_ONLY = ["Conv2d", "BatchNorm2d", "MaxPool2d", "AvgPool2d", "AdaptiveAvgPool2d"];
const FIELD_ENDS = ["AdaptiveAvgPool2d", "Flatten"]; // behind them a number depends on more than one place

// The ten chosen options, in the order of the forward pass.
export function chosen(state) {
  return Array.from({ length: SLOTS }, (_, i) => ({ slot: i + 1, ...state.options[state[`layer${i + 1}`]] }));
}

// Why a layer cannot follow this shape, in words; null where it can.
export function refusal({ kind, window }, shape) {
  const maps = shape.length === 4;
  if (kind === "Linear" && maps) return "Linear needs a flat input: put Flatten before it";
  if (MAPS_ONLY.includes(kind) && !maps) return `${kind} needs maps: it stands after Flatten`;
  if (!window || windows(shape[2], window)) return null;
  return `the ${kind === "Conv2d" ? "kernel" : "window"} of ${window[0]} does not fit into ${plural(shape[2] + 2 * window[2], "pixel")}`;
}

const windows = (size, [kernel_size, stride, padding]) => outputSize({ size, kernel_size, stride, padding, dilation: 1 });
const product = (sizes) => sizes.reduce((total, size) => total * size, 1);

// Output shape, parameters (with bias) and MACs of a layer that fits.
export function layer({ kind, window, out }, shape) {
  const [, features] = shape;
  if (kind === "Flatten") return { shape: [1, product(shape.slice(1))], parameters: 0, macs: 0 };
  if (kind === "Linear") return { shape: [1, out], parameters: (features + 1) * out, macs: features * out };
  if (kind === "AdaptiveAvgPool2d") return { shape: [1, features, 1, 1], parameters: 0, macs: 0 };
  if (kind === "BatchNorm2d") return { shape, parameters: 2 * features, macs: 0 };
  if (!window) return { shape, parameters: 0, macs: 0 };
  const side = windows(shape[2], window);
  if (kind !== "Conv2d") return { shape: [1, features, side, side], parameters: 0, macs: 0 };
  const weights = features * out * window[0] ** 2;
  return { shape: [1, out, side, side], parameters: weights + out, macs: weights * side * side };
}

// One row for each layer that fits, what stops the rest, and the totals.
export function facts(state) {
  const side = state.sizes[state.input_size];
  let shape = [1, state.channel_counts[state.channels], side, side];
  let [size, jump, followed] = [1, 1, true];
  const [input, rows] = [shape, []];
  let refused = null;
  for (const option of chosen(state).filter(({ kind }) => kind !== NOTHING)) {
    const words = refusal(option, shape);
    if (words) {
      refused = { slot: option.slot, words };
      break;
    }
    const after = layer(option, shape);
    followed = followed && !FIELD_ENDS.includes(option.kind);
    const [kernel_size, stride] = option.window ?? [1, 1];
    size += (kernel_size - 1) * jump;
    jump *= stride;
    shape = after.shape;
    rows.push({ slot: option.slot, name: option.name, kind: option.kind, ...after, field: followed ? size : null });
  }
  const total = (name) => rows.reduce((sum, row) => sum + row[name], 0);
  return { input, output: shape, rows, refused, parameters: total("parameters"), macs: total("macs") };
}

export function draw(state) {
  const now = facts(state);
  return `<output class="cnn-readout cnn-trace-readout" aria-live="polite">${readout(now)}</output>`
    + `<div class="cnn-scroll" tabindex="0" role="region" aria-label="table of the layers">${table(state, now)}</div>`
    + `<p class="cnn-where cnn-muted">Shapes and MACs are for one image (N = 1). Parameters are learned numbers, biases included. MACs count convolutions and linear layers; what the other layers compute is left out. `
    + "The field is the receptive field in input pixels on one axis, before it is cut at the border; it is not followed behind global pooling and Flatten.</p>"
    + `<figure class="cnn-shares"><figcaption class="cnn-muted">Share of the total: upper bar parameters, lower bar MACs</figcaption>${shares(state, now)}</figure>`;
}

const shown = (shape) => `(${shape.join(", ")})`;

function readout({ input, output, rows, refused, parameters, macs }) {
  const line = (text) => `<span class="cnn-fact">${text}</span>`;
  const stack = rows.length ? `${plural(rows.length, "layer")}: ${shown(input)} in, <b data-value="output">${shown(output)}</b> out` : `No layer yet: <b data-value="output">${shown(output)}</b>`;
  const stop = refused ? line(`<span class="cnn-wrong">✗ Layer ${refused.slot}: ${refused.words}.</span>${rows.length ? " The rows above it stay." : ""}`) : "";
  return `<span class="cnn-headline">${stack}</span>`
    + line(`<b data-value="parameters">${number(parameters)}</b> ${parameters === 1 ? "parameter" : "parameters"}, <b data-value="macs">${number(macs)}</b> ${macs === 1 ? "MAC" : "MACs"} for one image.`) + stop;
}

function table(state, now) {
  const { rows, refused, parameters, macs, input } = now;
  const cells = (...values) => values.map((value) => `<td>${value}</td>`).join("");
  const body = chosen(state).map(({ slot, kind, name }) => {
    const head = `<th scope="row" class="cnn-left"><b>${slot}</b> ${escapeHtml(name)}</th>`;
    const row = rows.find((each) => each.slot === slot);
    if (row) return `<tr>${head}${cells(shown(row.shape), number(row.parameters), number(row.macs), row.field ?? NOTHING)}</tr>`;
    if (refused?.slot === slot) return `<tr class="cnn-now">${head}<td class="cnn-left cnn-wrong" colspan="4">✗ Layer ${slot}: ${refused.words}</td></tr>`;
    if (kind !== NOTHING) return `<tr class="cnn-muted">${head}<td class="cnn-left" colspan="4">not reached</td></tr>`;
    return `<tr class="cnn-muted">${head}${cells("", "", "", "")}</tr>`;
  });
  const heads = ["layer", "output", "parameters", "MACs", "field"].map((text, i) => `<th scope="col"${i ? "" : ' class="cnn-left"'}>${text}</th>`).join("");
  return `<table class="cnn-counts cnn-trace"><thead><tr>${heads}</tr></thead><tbody><tr><th scope="row" class="cnn-left"><b>0</b> input</th>${cells(shown(input), 0, 0, 1)}</tr>${body.join("")}</tbody>`
    + `<tfoot><tr><th scope="row" class="cnn-left">total${refused ? ` before layer ${refused.slot}` : ""}</th>${cells(shown(now.output), number(parameters), number(macs), "")}</tr></tfoot></table>`;
}

const SHORT = { AdaptiveAvgPool2d: "AdaptiveAvg" };
const [BAR_LEFT, BAR_LENGTH, BAR_ROW] = [98, 152, 32];

// A share of the total in percent with one decimal; of nothing it is 0.
export function percent(value, total) {
  return total ? Math.round((1000 * value) / total) / 10 : 0;
}

function shares(state, { rows, parameters, macs }) {
  const said = rows.map((row) => `layer ${row.slot} ${row.kind} ${percent(row.parameters, parameters)}% and ${percent(row.macs, macs)}%`);
  const parts = chosen(state).map(({ slot, kind }, i) => {
    const top = i * BAR_ROW;
    const row = rows.find((each) => each.slot === slot);
    const label = `<text x="0" y="${top + 20}" font-size="13">${slot} ${row ? SHORT[kind] ?? kind : NOTHING}</text>`;
    return label + (row ? bar(top + 2, row.parameters, parameters, "window") + bar(top + 16, row.macs, macs, "done") : "");
  });
  return `<svg viewBox="0 0 300 ${SLOTS * BAR_ROW}" role="img" aria-label="Shares of parameters and of MACs: ${said.length ? said.join("; ") : "no layer"}">${parts.join("")}</svg>`;
}

function bar(top, value, total, kind) {
  const share = percent(value, total);
  const length = (BAR_LENGTH * share) / 100;
  const rect = share ? `<rect class="cnn-cell cnn-${kind}" x="${BAR_LEFT}" y="${top}" width="${tidy(length)}" height="11"/>` : "";
  return `${rect}<text x="${Math.round(BAR_LEFT + length + 4)}" y="${top + 10}" font-size="12">${value && !share ? "&lt; 0.1" : share}%</text>`;
}

export default {
  render: renderer({ draw, names: ["sizes", "channel_counts", "options", "input_size", "channels", "layer1", "layer2", "layer3", "layer4", "layer5", "layer6", "layer7", "layer8", "layer9", "layer10"] }),
};
