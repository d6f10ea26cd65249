// Text that is put into HTML.
const ENTITIES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

export function escapeHtml(text) {
  return String(text).replace(/[&<>"']/g, (c) => ENTITIES[c]);
}

// 1234567 -> "1,234,567", as Python's f"{n:,}" for whole numbers.
export function number(value) {
  return String(value).replace(/^(-?\d+)/, (digits) => digits.replace(/\B(?=(\d{3})+$)/g, ","));
}

export function plural(count, word) {
  return `${number(count)} ${word}${count === 1 ? "" : "s"}`;
}

// 0.12345 -> "0.123", -0.0001 -> "0.000", -1 -> "−1.000".
function fixed(value, places = 3) {
  return value.toFixed(places).replace(/^-(0\.?0*)$/, "$1").replace("-", "−");
}

// As exact as a picture's coordinates need to be: 0.12345 -> 0.12.
function tidy(value) {
  return Math.round(value * 100) / 100;
}

// A fraction of 1 in percent, with a tenth.
export function percentage(share) {
  const tenths = Math.round(share * 1000);
  return share > 0 && tenths === 0 ? "&lt; 0.1 %" : `${Math.floor(tenths / 10)}.${tenths % 10} %`;
}
