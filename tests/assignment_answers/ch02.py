"""Answers to the assignment of chapter 2."""
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def shape_by_counting(input_shape, out_channels, kernel_size, stride=(1, 1), padding=(0, 0)):
    n, _, *sizes = input_shape
    counted = []
    for size, kernel, step, pad in zip(sizes, kernel_size, stride, padding, strict=True):
        starts = range(0, size + 2 * pad - kernel + 1, step)
        counted.append(len(starts))
    return [n, out_channels, *counted]


def shape_by_formula(input_shape, out_channels, kernel_size, *, stride=(1, 1), padding=(0, 0)):
    (n, _, h, w), (kh, kw), (sh, sw), (ph, pw) = input_shape, kernel_size, stride, padding
    return np.array([n, out_channels, 1 + (h + 2 * ph - kh) // sh, 1 + (w + 2 * pw - kw) // sw])


def shape_by_floats(input_shape, out_channels, kernel_size, **options):
    size, kernel = np.array(input_shape[2:]), np.array(kernel_size)
    stride, padding = np.array(options.get("stride", (1, 1))), np.array(options.get("padding", (0, 0)))
    return (input_shape[0], out_channels, *np.floor((size + 2 * padding - kernel) / stride + 1))


def shape(rows, columns, *, batch=lambda s, o: s[0], channels=lambda s, o: o):
    def answer(s, o, k, *, stride=(1, 1), padding=(0, 0)):
        return (batch(s, o), channels(s, o), rows(s[2], k, stride, padding), columns(s[3], k, stride, padding))
    return answer


def right_rows(n, k, s, p):
    return (n + 2 * p[0] - k[0]) // s[0] + 1


def right_columns(n, k, s, p):
    return (n + 2 * p[1] - k[1]) // s[1] + 1


def loops(image, kernel, *, stride=1, padding=0):
    h, w = image.shape
    padded = np.zeros((h + 2 * padding, w + 2 * padding))
    padded[padding:padding + h, padding:padding + w] = image
    kh, kw = kernel.shape
    rows = []
    for top in range(0, len(padded) - kh + 1, stride):
        rows.append([float((padded[top:top + kh, left:left + kw] * kernel).sum())
                     for left in range(0, padded.shape[1] - kw + 1, stride)])
    return rows


def windows(image, kernel, stride=1, padding=0):
    view = sliding_window_view(np.pad(image.astype(np.float32), padding), kernel.shape)[::stride, ::stride]
    return np.einsum("ijkl,kl->ij", view, kernel.astype(np.float32))


def shifted_sums(image, kernel, *, stride=1, padding=0):
    image = np.pad(image, padding)
    height, width = image.shape[0] - kernel.shape[0] + 1, image.shape[1] - kernel.shape[1] + 1
    total = sum(kernel[i, j] * image[i:i + height, j:j + width] for i, j in np.ndindex(kernel.shape))
    return total[::stride, ::stride]


def patch(combine, *, rows=True, columns=True, padded=np.pad, kernel_as=lambda k: k, cut=None):
    """Return a loop over windows with one line changed."""
    def answer(image, kernel, *, stride=1, padding=0):
        image, kernel = padded(image, padding), kernel_as(kernel)
        kh, kw = kernel.shape
        tops = range(0, image.shape[0] - kh + 1, stride if rows else 1)
        lefts = range(0, image.shape[1] - kw + 1, stride if columns else 1)
        out = np.array([[combine(image[t:t + kh, x:x + kw] * kernel) for x in lefts] for t in tops])
        return out[:cut, :cut]
    return answer


def field_and_macs(size, channels, kernels):
    field, macs = 1, 0
    for kernel in kernels:
        size, field = size - (kernel - 1), field + (kernel - 1)
        macs += (size * channels * kernel) ** 2
    return field, macs


def field_backwards(size, channels, kernels):
    field = 1
    for kernel in reversed(kernels):
        field = field - 1 + kernel
    sizes = np.cumsum([size, *(1 - k for k in kernels)])[1:]
    return [field, int(sum(s * s * k * k * channels * channels for s, k in zip(sizes, kernels, strict=True)))]


def field_by_weights(size, channels, kernels):
    left = size
    total = 0.0
    for k in kernels:
        weights = channels * channels * k ** 2
        left = left - k + 1
        total += weights * left * left
    return np.array([size - left + 1, total])


def stack(field, cost):
    def answer(size, channels, kernels):
        sizes = [size]
        for kernel in kernels:
            sizes.append(sizes[-1] - kernel + 1)
        return field(kernels), sum(cost(a, b, channels, k) for a, b, k in zip(sizes, sizes[1:], kernels, strict=False))
    return answer


def seen(kernels):
    return sum(kernels) - len(kernels) + 1


def cost(before, after, channels, kernel):
    return after * after * channels * channels * kernel * kernel


def never_smaller(size, channels, kernels):
    return seen(kernels), sum(cost(size, size, channels, k) for k in kernels)


def too_small(size, channels, kernels):
    total = 0
    for kernel in kernels:
        size -= kernel
        total += cost(0, size, channels, kernel)
    return seen(kernels), total


RIGHT = {
    "map_shape": (shape_by_counting, shape_by_formula, shape_by_floats),
    "filter_map": (loops, windows, shifted_sums),
    "look_and_cost": (field_and_macs, field_backwards, field_by_weights),
}

WRONG = {
    "map_shape": {
        "ceil-for-floor": shape(lambda n, k, s, p: -((k[0] - n - 2 * p[0]) // s[0]) + 1,
                                lambda n, k, s, p: -((k[1] - n - 2 * p[1]) // s[1]) + 1),
        "padding-once": shape(lambda n, k, s, p: (n + p[0] - k[0] + s[0]) // s[0],
                              lambda n, k, s, p: (n + p[1] - k[1] + s[1]) // s[1]),
        "padding-ignored": lambda s, o, k, stride=(1, 1), padding=None: shape_by_counting(s, o, k, stride),
        "stride-on-rows-only": shape(right_rows, lambda n, k, s, p: (n + 2 * p[1] - k[1]) // s[0] + 1),
        "axes-swapped": shape(lambda n, k, s, p: (n + 2 * p[0] - k[0]) // s[1] + 1,
                              lambda n, k, s, p: (n + 2 * p[1] - k[1]) // s[0] + 1),
        "stride-ignored": lambda s, o, k, stride=None, padding=(0, 0): shape_by_counting(s, o, k, padding=padding),
        "first-window-forgotten": shape(lambda *a: right_rows(*a) - 1, lambda *a: right_columns(*a) - 1),
        "input-channels": shape(right_rows, right_columns, channels=lambda s, o: s[1]),
        "channels-multiplied": shape(right_rows, right_columns, channels=lambda s, o: s[1] * o),
        "batch-lost": shape(right_rows, right_columns, batch=lambda s, o: 1),
    },
    "filter_map": {
        "flipped-kernel": patch(np.sum, kernel_as=lambda k: np.rot90(k, 2)),
        "transposed-kernel": patch(np.sum, kernel_as=np.transpose),
        "stride-on-rows-only": patch(np.sum, columns=False),
        "stride-on-columns-only": patch(np.sum, rows=False),
        "stride-ignored": patch(np.sum, rows=False, columns=False),
        "padding-ignored": patch(np.sum, padded=lambda x, p: x),
        "padding-on-one-side": patch(np.sum, padded=lambda x, p: np.pad(x, ((p, 0), (p, 0)))),
        "edge-repeated": patch(np.sum, padded=lambda x, p: np.pad(x, p, mode="edge")),
        "mean-for-sum": patch(np.mean),
        "max-for-sum": patch(np.max),
        "last-window-dropped": patch(np.sum, cut=-1),
    },
    "look_and_cost": {
        "fields-added": stack(sum, cost),
        "fields-multiplied": stack(lambda ks: int(np.prod(ks)), cost),
        "last-layer-only": stack(lambda ks: ks[-1], cost),
        "start-pixel-forgotten": stack(lambda ks: seen(ks) - 1, cost),
        "field-as-area": stack(lambda ks: seen(ks) * seen(ks), cost),
        "input-positions": stack(seen, lambda a, b, c, k: cost(0, a, c, k)),
        "size-kept": never_smaller,
        "shrinks-by-kernel": too_small,
        "channels-once": stack(seen, lambda a, b, c, k: b * b * c * k * k),
        "kernel-once": stack(seen, lambda a, b, c, k: b * b * c * c * k),
        "weights-for-macs": stack(seen, lambda a, b, c, k: c * c * k * k),
        "two-per-mac": stack(seen, lambda a, b, c, k: 2 * cost(a, b, c, k)),
    },
}
