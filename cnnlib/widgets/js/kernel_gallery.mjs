// uses: shared/text.mjs shared/tree.mjs shared/view.mjs shared/base64.mjs
// The kernel's nine weights as they are slid: flipped for a true convolution.
export function weights(state) {
  const nine = state.kernels[state.kernel][1] ?? Array.from({ length: 9 }, (_, i) => state[`k${i}`]);
  return state.flip ? [...nine].reverse() : nine;
}

// Cross-correlation with a 3×3 kernel; behind the edge the border pixels are repeated.
export function correlate(pixels, side, kernel) {
  const out = new Float64Array(side * side);
  const clamp = (at) => Math.min(Math.max(at, 0), side - 1);
  for (let row = 0; row < side; row += 1) {
    const rows = [clamp(row - 1) * side, row * side, clamp(row + 1) * side];
    for (let col = 0; col < side; col += 1) {
      const cols = [clamp(col - 1), col, clamp(col + 1)];
      let total = 0;
      for (let i = 0; i < 9; i += 1) total += kernel[i] * pixels[rows[Math.floor(i / 3)] + cols[i % 3]];
      out[row * side + col] = total;
    }
  }
  return out;
}

// Values as gray: a kernel whose weights add up to 0 answers around 0, which is shown as middle gray.
export function toGray(values, centered) {
  return Uint8Array.from(values, (value) => Math.min(Math.max(Math.round(centered ? 128 + value / 4 : value), 0), 255));
}

// An 8-bit gray bitmap as a data address: the one picture format that needs no compressor.
export function bitmap(gray, side) {
  const stride = Math.ceil(side / 4) * 4;
  const start = 54 + 1024;
  const bytes = new Uint8Array(start + stride * side);
  const view = new DataView(bytes.buffer);
  bytes.set([66, 77]);
  [[2, bytes.length], [10, start], [14, 40], [18, side], [22, side], [34, stride * side], [46, 256]].forEach(([at, value]) => view.setUint32(at, value, true));
  view.setUint16(26, 1, true);
  view.setUint16(28, 8, true);
  for (let i = 0; i < 256; i += 1) bytes.set([i, i, i, 0], 54 + 4 * i);
  for (let row = 0; row < side; row += 1) bytes.set(gray.subarray(row * side, (row + 1) * side), start + (side - 1 - row) * stride);
  return `data:image/bmp;base64,${toBase64(bytes)}`;
}

export function facts(state) {
  const kernel = weights(state);
  const values = correlate(fromBase64(state.pictures[state.picture]), state.side, kernel);
  const sum = kernel.reduce((total, weight) => total + weight, 0);
  let [least, most] = [Infinity, -Infinity];
  for (const value of values) {
    if (value < least) least = value;
    if (value > most) most = value;
  }
  const symmetric = kernel.every((weight, i) => weight === kernel[8 - i]);
  return { kernel, values, least, most, sum, symmetric, centered: Math.abs(sum) < 1e-9 };
}

const short = (value) => String(tidy(value)).replace("-", "−");
const NAMES = ["the face of a cat, close up, with both eyes, nose and whiskers",
  "upright bars, lying bars, a gray disc and a slanted white line on dark ground"];

export function draw(state) {
  const { kernel, values, least, most, sum, symmetric, centered } = facts(state);
  const label = state.kernels[state.kernel][0];
  const operation = state.flip ? "true convolution" : "cross-correlation";
  const picture = (pixels, caption, alt) => `<figure class="cnn-grid"><img class="cnn-pixels" src="${bitmap(pixels, state.side)}" width="288" height="288" alt="${escapeHtml(alt)}"><figcaption>${escapeHtml(caption)}</figcaption></figure>`;
  const before = picture(fromBase64(state.pictures[state.picture]), "original", `The original: ${NAMES[state.picture]}.`);
  const after = picture(toGray(values, centered), "filtered", `The picture after the kernel ${label}, ${operation}, values from ${short(least)} to ${short(most)}.`);
  const cells = [0, 3, 6].map((i) => `<tr>${kernel.slice(i, i + 3).map((weight) => `<td>${short(weight)}</td>`).join("")}</tr>`).join("");
  return `<div class="cnn-grids">${before}${after}</div>`
    + `<table class="cnn-kernel"><caption>the kernel as it is slid${state.flip ? " (flipped)" : ""}</caption><tbody>${cells}</tbody></table>`
    + `<output class="cnn-readout" aria-live="polite"><span class="cnn-headline">${escapeHtml(label)}, ${operation}</span>`
    + `<span class="cnn-fact">The weights add up to <b data-value="sum">${short(sum)}</b>; the values run from <b data-value="least">${short(least)}</b> to <b data-value="most">${short(most)}</b>.</span>`
    + `<span class="cnn-fact">${centered ? "A flat patch gives 0, shown as middle gray; brighter is more than 0, darker less." : "Values below 0 are shown black, values above 255 white."} ${
      symmetric ? "Flipping this kernel changes nothing." : "Flipping this kernel changes the picture."}</span></output>`;
}

export default {
  render: renderer({ draw, names: ["pictures", "kernels", "side", "picture", "kernel", "flip", "k0", "k1", "k2", "k3", "k4", "k5", "k6", "k7", "k8"] }),
};
