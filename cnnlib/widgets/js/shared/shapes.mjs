// The sizes of cnnlib.shapes, for the browser: the tests compare both.
export function outputSize({ size, kernel_size, stride, padding, dilation }) {
  const reach = dilation * (kernel_size - 1) + 1;
  const room = size + 2 * padding - reach;
  return room < 0 ? 0 : Math.floor(room / stride) + 1;
}
