// uses: shared/text.mjs shared/tree.mjs shared/view.mjs shared/shapes.mjs
// One layer on one image (N = 1). Parameters are what is learned; MACs leave the biases out.
const [CONVOLUTION, TRANSPOSED, POOL, LINEAR] = [0, 1, 2, 3];
const UNUSED = {  // controls that a kind of layer does not have
  [CONVOLUTION]: ["output padding", "ceil mode"], [TRANSPOSED]: ["ceil mode"],
  [POOL]: ["output channels", "groups", "output padding", "bias"],
  [LINEAR]: ["kernel size", "stride", "padding", "dilation", "groups", "output padding", "ceil mode"],
};

// Where the window's numbers do not fit together: why not, in a sentence.
function refusal(state) {
  const { layer: kind, size, in_channels: c, out_channels: o, kernel_size: k, stride, padding, dilation, groups, output_padding } = state;
  if (kind === LINEAR) return "";
  if (kind !== POOL && (c % groups || o % groups)) return `${groups} groups must divide both ${plural(c, "input channel")} and ${plural(o, "output channel")}.`;
  if (kind === TRANSPOSED) {
    if (output_padding >= Math.max(stride, dilation)) return `The output padding must be smaller than the stride or the dilation; ${output_padding} is not.`;
    return transposedSize(state) < 1 ? `The padding cuts off everything: ${transposedSize(state)} pixels would be left.` : "";
  }
  if (kind === POOL && 2 * padding > k) return `A pool's padding must be at most half of its window; ${padding} is more than ${k} / 2.`;
  const reach = dilation * (k - 1) + 1;
  return outSize(state) < 1 ? `The window of ${plural(reach, "pixel")} does not fit into the ${number(size + 2 * padding)} pixels of the padded input.` : "";
}

const transposedSize = ({ size, kernel_size, stride, padding, output_padding, dilation }) =>
  (size - 1) * stride - 2 * padding + dilation * (kernel_size - 1) + output_padding + 1;

// As cnnlib.shapes.pool_output_size where it is a pool: a last window that begins in the padding behind is left out.
function outSize(state) {
  const { layer: kind, size, kernel_size, stride, padding, dilation, ceil_mode } = state;
  if (kind !== POOL || !ceil_mode) return outputSize(state);
  const windows = Math.ceil((size + 2 * padding - dilation * (kernel_size - 1) - 1) / stride) + 1;
  return (windows - 1) * stride >= size + padding ? windows - 1 : windows;
}

// shape, parameters and macs; same: the padding before and after that keeps a convolution's size; or refused.
export function facts(state) {
  const refused = refusal(state);
  if (refused) return { refused };
  const { layer: kind, size, in_channels: c, out_channels: o, kernel_size: k, dilation, groups, bias } = state;
  const biases = bias ? o : 0;
  if (kind === LINEAR) {
    const features = c * size * size;
    return { shape: [1, o], features, parameters: features * o + biases, macs: features * o };
  }
  if (kind === POOL) return { shape: [1, c, outSize(state), outSize(state)], parameters: 0, macs: 0 };
  const weights = (o * c * k * k) / groups;
  if (kind === TRANSPOSED) {
    const out = transposedSize(state);
    return { shape: [1, o, out, out], parameters: weights + biases, macs: weights * size * size };
  }
  const [out, total] = [outSize(state), dilation * (k - 1)];
  return { shape: [1, o, out, out], parameters: weights + biases, macs: weights * out * out,
    same: [Math.floor(total / 2), Math.ceil(total / 2)] };
}

// How PyTorch writes the layer, with what differs from its defaults.
export function code(state) {
  const { layer: kind, size, in_channels: c, out_channels: o, kernel_size: k } = state;
  const defaults = { stride: kind === POOL ? k : 1, padding: 0, output_padding: 0, dilation: 1, groups: 1, bias: true, ceil_mode: false };
  const options = { [CONVOLUTION]: ["stride", "padding", "dilation", "groups", "bias"],
    [TRANSPOSED]: ["stride", "padding", "output_padding", "groups", "bias", "dilation"],
    [POOL]: ["stride", "padding", "dilation", "ceil_mode"], [LINEAR]: ["bias"] }[kind];
  const python = (value) => (value === true ? "True" : value === false ? "False" : value);
  const said = options.filter((name) => state[name] !== defaults[name]).map((name) => `, ${name}=${python(state[name])}`).join("");
  if (kind === LINEAR) return `nn.Flatten(), nn.Linear(${c * size * size}, ${o}${said})`;
  return kind === POOL ? `nn.MaxPool2d(${k}${said})` : `nn.Conv${kind === TRANSPOSED ? "Transpose" : ""}2d(${c}, ${o}, ${k}${said})`;
}

// The formula of the size with the numbers in it; the two equal sides are in the tests.
export function formula(state) {
  const { layer: kind, size, kernel_size: k, stride, padding, dilation, output_padding, ceil_mode } = state;
  const out = facts(state).shape[2];
  if (kind === TRANSPOSED) return `(${size} − 1)·${stride} − 2·${padding} + ${dilation}·(${k} − 1) + ${output_padding} + 1 = ${number(out)}`;
  const [open, close] = kind === POOL && ceil_mode ? ["⌈", "⌉"] : ["⌊", "⌋"];
  const left = `${open}(${size} + 2·${padding} − ${dilation}·(${k} − 1) − 1) / ${stride}${close} + 1`;
  const plain = ceil_mode && kind === POOL ? Math.ceil((size + 2 * padding - dilation * (k - 1) - 1) / stride) + 1 : out;
  return plain === out ? `${left} = ${number(out)}` : `${left} = ${number(plain)}, less 1: the last window would begin behind the input`;
}

export function draw(state) {
  const now = facts(state);
  return `<output class="cnn-readout cnn-layer-readout" aria-live="polite">${now.refused ? impossible(now) : said(state, now)}</output>`
    + `<p class="cnn-where cnn-muted">Not used here: ${UNUSED[state.layer].join(", ")}.</p>`;
}

const value = (name, text) => `<b data-value="${name}">${text}</b>`;
const line = (text) => `<span class="cnn-fact">${text}</span>`;
const impossible = ({ refused }) => `<span class="cnn-headline">No such layer.</span>${line(refused)}`;

function said(state, now) {
  const { layer: kind, size, in_channels: c } = state;
  return `<span class="cnn-headline">(1, ${number(c)}, ${number(size)}, ${number(size)}) becomes (${now.shape.map((n, i) => value(`shape${i}`, number(n))).join(", ")})</span>`
    + line(`<code>${code(state)}</code>`)
    + line(kind === LINEAR ? `Flattened: ${number(c)}·${number(size)}·${number(size)} = ${number(now.features)} features.` : `Size: <span class="cnn-formula">${formula(state)}</span>`)
    + line(`Parameters: ${counted(state, now)}`)
    + line(`MACs: ${worked(state, now)}`)
    + same(state, now);
}

function counted({ layer: kind, in_channels: c, out_channels: o, kernel_size: k, groups, bias }, { features, parameters }) {
  if (kind === POOL) return `${value("parameters", 0)}, nothing is learned`;
  const one = kind === LINEAR ? number(features) : `${groups > 1 ? `(${number(c)}/${groups})` : number(c)}·${k}·${k}`;
  return `<span class="cnn-formula">${number(o)}·${bias ? `(${one} + 1)` : one}</span> = ${value("parameters", number(parameters))}${bias ? ", the + 1 is the bias" : ""}`;
}

function worked({ layer: kind, size }, { shape, parameters, macs }) {
  if (kind === POOL) return `${value("macs", 0)}, a maximum multiplies nothing; ${number(shape[1] * shape[2] * shape[3])} windows`;
  if (kind === LINEAR) return `each weight once, ${value("macs", number(macs))}`;
  const side = kind === TRANSPOSED ? size : shape[2];
  return `each weight at ${number(side)}·${number(side)} places of the ${kind === TRANSPOSED ? "input" : "output"}, ${value("macs", number(macs))}`;
}

function same({ layer: kind, padding }, now) {
  if (kind !== CONVOLUTION) return "";
  const [before, after] = now.same;
  const need = before === after ? `${value("same", before)} on each side${padding === before ? ", as here" : ""}`
    : `${value("same", `${before} + ${after}`)}, one more behind than before, which one number cannot say: <code>padding="same"</code> does it`;
  return line(`Padding that keeps the size at stride 1: ${need}.`);
}

export default {
  render: renderer({ draw, names: ["layer", "size", "in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation", "groups", "output_padding", "bias", "ceil_mode"] }),
};
