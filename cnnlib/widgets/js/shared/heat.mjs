// Pictures and heat maps: what the widgets draw from tools/explanations.py.
const PLAIN = 300; // the side of a drawing in its own units
const MARGIN = 3;

const CRC_TABLE = Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k += 1) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c >>> 0;
});

const word = (n) => [(n >>> 24) & 255, (n >>> 16) & 255, (n >>> 8) & 255, n & 255];

function joinedBytes(...parts) {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  parts.reduce((at, part) => {
    bytes.set(part, at);
    return at + part.length;
  }, 0);
  return bytes;
}

function chunk(name, body) {
  const bytes = joinedBytes([...name].map((char) => char.charCodeAt(0)), body);
  let crc = 0xffffffff;
  for (const byte of bytes) crc = CRC_TABLE[(crc ^ byte) & 255] ^ (crc >>> 8);
  return joinedBytes(word(body.length), bytes, word((crc ^ 0xffffffff) >>> 0));
}

// A square PNG file as a data address, not compressed: a byte a pixel, gray or a place among palette colors [r, g, b, a].
export function png(pixels, side, palette) {
  const rows = new Uint8Array(side * (side + 1)); // each begins with a 0
  for (let i = 0; i < side; i += 1) rows.set(pixels.slice(i * side, (i + 1) * side), i * (side + 1) + 1);
  let [a, b] = [1, 0];
  for (const byte of rows) {
    a = (a + byte) % 65521;
    b = (b + a) % 65521;
  }
  const size = [rows.length & 255, rows.length >>> 8];
  const stream = joinedBytes([0x78, 1, 1, ...size, ...size.map((byte) => 255 - byte)], rows, word(b * 65536 + a));
  const colors = palette ? [chunk("PLTE", palette.flatMap((color) => color.slice(0, 3))), chunk("tRNS", palette.map((color) => color[3]))] : [];
  const head = chunk("IHDR", [...word(side), ...word(side), 8, palette ? 3 : 0, 0, 0, 0]);
  return `data:image/png;base64,${toBase64(joinedBytes([137, 80, 78, 71, 13, 10, 26, 10], head, ...colors, chunk("IDAT", stream), chunk("IEND", [])))}`;
}

// 33 colors: clear in the middle, orange above it, blue below it; both are told apart without seeing red or green.
const HEAT = Array.from({ length: 33 }, (_, i) => {
  const t = Math.abs(i - 16) / 16;
  const strong = Math.round(215 * t ** 0.8);
  return i < 16 ? [20, 80, 255, strong] : [255, Math.round(100 + 110 * t * t), 0, strong];
});

// Where each value stands among these colors; most: the size of the strongest.
export function heatSteps(values, most) {
  return values.map((value) => 16 + (most ? Math.round((16 * value) / most) : 0));
}

export function heatMap(values, side, most) {
  return png(heatSteps(values, most), side, HEAT);
}

// A square of the picture in whole pixels: [top, left, bottom, right], as a frame that shows on light and dark.
export function framed([top, left, bottom, right], side, kind = "") {
  const unit = (PLAIN - 2 * MARGIN) / side;
  const rect = (name) => `<rect class="${name}" x="${tidy(MARGIN + left * unit)}" y="${tidy(MARGIN + top * unit)}" width="${tidy((right - left) * unit)}" height="${tidy((bottom - top) * unit)}"/>`;
  return rect("cnn-halo") + rect(`cnn-frame${kind}`);
}

export function bitmapImage(address, extra = "") {
  const size = PLAIN - 2 * MARGIN;
  return `<image class="cnn-sharp" href="${address}" x="${MARGIN}" y="${MARGIN}" width="${size}" height="${size}" preserveAspectRatio="none"${extra}/>`;
}

export const photo = (jpeg) => bitmapImage(`data:image/jpeg;base64,${jpeg}`);

// The picture in gray, so that the colors over it are the map's.
export function grayPhoto(jpeg, id) {
  return `<filter id="${id}" x="0" y="0" width="1" height="1"><feColorMatrix type="saturate" values="0"/></filter>`
    + bitmapImage(`data:image/jpeg;base64,${jpeg}`, ` filter="url(#${id})"`);
}

export function drawing(label, inside) {
  return `<svg viewBox="0 0 ${PLAIN} ${PLAIN}" role="img" aria-label="${escapeHtml(label)}">${inside}</svg>`;
}

// Three digits that count, with a true minus.
export function digits(value) {
  const rounded = Number(value.toPrecision(3));
  return String(rounded === 0 ? 0 : rounded).replace("-", "−");
}

// 1 -> "the largest", 3 -> "the third largest", 164 of 164 -> "the smallest", 9 -> "number 9".
export function ranked(rank, count) {
  return ["the largest", "the second largest", "the third largest"][rank - 1] ?? (rank === count ? "the smallest" : `number ${rank}`);
}

export const shownValue = (name, text) => `<b data-value="${name}">${text}</b>`;
export const shownFact = (text) => `<span class="cnn-fact">${text}</span>`;
