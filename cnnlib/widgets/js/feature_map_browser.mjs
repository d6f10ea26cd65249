// uses: shared/text.mjs shared/tree.mjs shared/view.mjs shared/base64.mjs shared/heat.mjs
// The maps come from tools/explanations.py, a hexadecimal digit a value: 0 is a channel's smallest value, f its largest.
const ROW = 8; // thumbnails

const seen = new Map(); // the bitmap of each map that was shown: of the eight in a row most stay

export const lastChannel = ({ data, layer }) => data.layers[layer][1] - 1;

export function derive(state) {
  const last_channel = lastChannel(state);
  return { last_channel, channel: Math.min(state.channel, last_channel) };
}

// The sixteen steps of one channel, row by row.
export function stepsOf({ data, picture, layer }, channel) {
  const [, , side] = data.layers[layer];
  const { digits: all } = data.pictures[picture].layers[layer];
  return Array.from({ length: side * side }, (_, i) => parseInt(all[channel * side * side + i], 16));
}

export function facts(state) {
  const { data, picture, layer } = state;
  const [name, channels, side, field] = data.layers[layer];
  const { low, high, at, zeros } = data.pictures[picture].layers[layer];
  const channel = Math.min(state.channel, channels - 1);
  const first = channel - (channel % ROW);
  const steps = stepsOf(state, channel);
  return {
    name, channels, side, field, channel, steps, cell: data.side / side, low: low[channel], high: high[channel],
    shape: [1, channels, side, side], zeros: zeros[channel] / (side * side),
    allZeros: zeros.reduce((total, count) => total + count, 0) / (side * side * channels),
    silent: zeros.filter((count) => count === side * side).length,
    strongest: high.indexOf(Math.max(...high)), most: Math.max(...high),
    thumbnails: Array.from({ length: ROW }, (_, i) => first + i), leaf: data.pictures[picture].name,
    at: [Math.floor(at[channel] / side), at[channel] % side],
  };
}

export function draw(state) {
  const now = facts(state);
  return `<div class="cnn-explain">${pictures(state, now)}</div>${strip(state, now)}`
    + `<output class="cnn-readout cnn-featuremap-readout" aria-live="polite">${words(now)}</output>`;
}

function words(now) {
  const { name, channels, side, field, channel, low, high, cell, silent } = now;
  return `<span class="cnn-headline">Channel ${shownValue("channel", channel)} of ${name}: ${summary(now)}</span>`
    + shownFact(`The layer's output has the shape (N, C, H, W) = (${shownValue("shape", now.shape.join(", "))}). A value stands over ${cell} × ${cell} pixels and sees ${field} × ${field}${field > 64 ? ", more than the picture" : ""}.`)
    + shownFact(`This map: smallest value ${shownValue("low", digits(low))}, largest ${shownValue("high", digits(high))}, ${shownValue("zeros", percentage(now.zeros))} of its ${plural(side * side, "value")} are 0.`)
    + shownFact(`All ${channels} maps of the layer: ${shownValue("allZeros", percentage(now.allZeros))} of the values are 0, ${silent ? `${shownValue("silent", silent)} ${silent === 1 ? "map is" : "maps are"} 0 everywhere` : `no map is 0 everywhere`}; the strongest is channel ${shownValue("strongest", now.strongest)}, up to ${digits(now.most)}.`)
    + shownFact(`<span class="cnn-muted">${name === "conv1" ? "conv1 stands before batch norm and ReLU, so its values have both signs." : `${name} ends with ReLU, so no value is below 0.`}</span>`);
}

function summary({ low, high, at }) {
  if (low === high) return low === 0 ? "0 everywhere, it does not answer to this leaf" : `${digits(low)} everywhere`;
  return `strongest at row ${at[0]}, column ${at[1]}`;
}

function bitmap(state, channel) {
  const key = `${state.picture} ${state.layer} ${channel}`;
  if (!seen.has(key)) seen.set(key, png(stepsOf(state, channel).map((step) => 17 * step), state.data.layers[state.layer][2]));
  return seen.get(key);
}

function pictures(state, now) {
  const { jpeg, name } = state.data.pictures[state.picture];
  const { side, cell, at, low, high } = now;
  const frame = high > low ? framed([at[0] * cell, at[1] * cell, (at[0] + 1) * cell, (at[1] + 1) * cell], state.data.side) : "";
  const label = `Channel ${now.channel} of ${now.name}, ${side} by ${side} values from ${digits(low)} to ${digits(high)}: ${summary(now)}.`;
  return `<figure class="cnn-explain-photo">${drawing(`The leaf, ${name}, 64 by 64 pixels.`, photo(jpeg) + frame)}<figcaption class="cnn-muted">${escapeHtml(name)}${frame ? ". Frame: largest value." : ""}</figcaption></figure>`
    + `<figure class="cnn-explain-map">${drawing(label, bitmapImage(bitmap(state, now.channel)) + frame)}<figcaption class="cnn-muted">${high > low ? `Black is ${digits(low)}, white is ${digits(high)}, in 16 steps.` : `All values are ${digits(low)}.`}</figcaption></figure>`;
}

// Eight channels in a row, the chosen one framed and named in bold; black to white is each one's own range.
function strip(state, { channel, thumbnails, name }) {
  const [wide, gap] = [34, 3];
  const drawn = thumbnails.map((c, i) => {
    const x = 4 + i * (wide + gap);
    const chosen = c === channel;
    return `<image class="cnn-sharp" href="${bitmap(state, c)}" x="${x}" y="4" width="${wide}" height="${wide}" preserveAspectRatio="none"/>`
      + (chosen ? `<rect class="cnn-halo" x="${x}" y="4" width="${wide}" height="${wide}"/><rect class="cnn-frame" x="${x}" y="4" width="${wide}" height="${wide}"/>` : "")
      + `<text x="${x + wide / 2}" y="${wide + 18}" text-anchor="middle"${chosen ? " font-weight=\"700\"" : ""}>${chosen ? `▲${c}` : c}</text>`;
  });
  return `<figure class="cnn-explain-strip"><svg viewBox="0 0 301 56" role="img" aria-label="Small pictures of channels ${thumbnails[0]} to ${thumbnails.at(-1)} of ${name}; channel ${channel} is the chosen one.">${drawn.join("")}</svg>`
    + `<figcaption class="cnn-muted">Channels ${thumbnails[0]} to ${thumbnails.at(-1)}. ▲ the chosen one. Each has its own range from black to white.</figcaption></figure>`;
}

export default {
  render: renderer({ draw, derive, names: ["data", "picture", "layer", "channel", "last_channel"] }),
};
