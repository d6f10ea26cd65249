"""Answers to the assignment of chapter 4."""
import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def heads_by_formula(channels, height, width, classes, *, window=2):
    pixels = (height // window) * (width // window)
    return (channels * pixels + 1) * classes, (channels + 1) * classes


def heads_by_counting(channels, height, width, classes, window=2):
    rows = range(0, height - window + 1, window)
    columns = range(0, width - window + 1, window)
    flat = [1 for _ in range(channels) for _ in rows for _ in columns]
    return [sum(flat) * classes + classes, channels * classes + classes]


def heads_by_arrays(channels, height, width, classes, *, window=2):
    pooled = np.array([channels, *np.floor(np.array([height, width]) / window)])
    return np.array([np.prod(pooled), pooled[0]]) * classes + classes


def heads(size=lambda n, k: n // k, flat=lambda c, h, w: c * h * w, mean=lambda c, h, w: c, first=None, second=None):
    def answer(c, h, w, classes, *, window=2):
        maps = c, size(h, window), size(w, window)
        extra = [classes if bias is None else bias for bias in (first, second)]
        return flat(*maps) * classes + extra[0], mean(*maps) * classes + extra[1]
    return answer


def average_by_loops(x, kernel_size, *, stride=None, padding=0, count_border=True):
    if stride is None:
        stride = kernel_size
    n, c, h, w = x.shape
    out = []
    for top in range(-padding, h + padding - kernel_size + 1, stride):
        row = []
        for left in range(-padding, w + padding - kernel_size + 1, stride):
            seen = x[:, :, max(top, 0):top + kernel_size, max(left, 0):left + kernel_size]
            pixels = kernel_size * kernel_size if count_border else seen.shape[2] * seen.shape[3]
            row.append(seen.reshape(n, c, -1).sum(2) / pixels)
        out.append(row)
    return np.array(out).transpose(2, 3, 0, 1)


def average_by_view(x, kernel_size, stride=None, padding=0, count_border=True):
    frame = ((0, 0), (0, 0), (padding, padding), (padding, padding))
    edge = np.pad(x.astype(np.float64), frame, constant_values=0 if count_border else np.nan)
    step = stride or kernel_size
    windows = sliding_window_view(edge, (kernel_size, kernel_size), axis=(2, 3))[:, :, ::step, ::step]
    return np.nanmean(windows, axis=(-1, -2))


def average_by_two_passes(x, kernel_size, *, stride=None, padding=0, count_border=True):
    def along(axis, values, size):
        step = stride if stride else kernel_size
        starts = range(-padding, size + padding - kernel_size + 1, step)
        parts = []
        for start in starts:
            inside = range(max(start, 0), min(start + kernel_size, size))
            total = sum(np.take(values, i, axis=axis) for i in inside)
            parts.append(total / (kernel_size if count_border else len(inside)))
        return np.stack(parts, axis=axis)
    return along(3, along(2, x, x.shape[2]), x.shape[3]).tolist()


def pooled(reduce=lambda s, n, k: s / (k * k), *, edge=lambda p: (p, p), count=None, step=lambda s, k: (s or k, s or k),
           after=lambda y: y):
    """Return an average pool with other sums, borders, counts or steps; reduce gets the sum, the pixels, the side."""
    def answer(x, k, *, stride=None, padding=0, count_border=True):
        down, across = step(stride, k)
        border = [(0, 0), (0, 0), edge(padding), edge(padding)]
        sums, pixels = (sliding_window_view(np.pad(a, border), (k, k), axis=(2, 3))[:, :, ::down, ::across].sum((4, 5))
                        for a in (x, np.ones(x.shape)))
        counted = count_border if count is None else count(count_border)
        return after(reduce(sums, pixels, k) if counted else sums / pixels)
    return answer


def largest(x, k, *, stride=None, padding=0, count_border=True):
    frame = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)), constant_values=-1e9)
    return sliding_window_view(frame, (1, 1, k, k))[:, :, ::stride or k, ::stride or k].max(axis=(4, 5, 6, 7))


def sums(side):
    def answer(x, k, *, stride=None, padding=0, count_border=True):
        return average_by_loops(x, k, stride=stride, padding=padding) * k * side(k)
    return answer


def between_by_loops(x, kernel_size, sharpness, *, stride=None):
    step = kernel_size if stride is None else stride
    n, c, h, w = x.shape
    out = np.empty((n, c, (h - kernel_size) // step + 1, (w - kernel_size) // step + 1))
    for i, j, row, col in np.ndindex(out.shape):
        window = x[i, j, row * step:row * step + kernel_size, col * step:col * step + kernel_size].ravel()
        weights = [math.exp(sharpness * (value - max(window))) for value in window]
        out[i, j, row, col] = sum(a * b for a, b in zip(weights, window, strict=True)) / sum(weights)
    return out


def between_by_averages(x, kernel_size, sharpness, stride=None):
    weights = np.exp(sharpness * x)
    return average_by_loops(weights * x, kernel_size, stride=stride) / average_by_view(weights, kernel_size, stride)


def between_by_shares(x, kernel_size, sharpness, *, stride=None):
    step = stride or kernel_size
    windows = sliding_window_view(x, (kernel_size, kernel_size), axis=(2, 3))[:, :, ::step, ::step]
    windows = windows.reshape(*windows.shape[:4], -1)
    shares = 1 / np.exp(sharpness * (windows[..., None, :] - windows[..., :, None])).sum(axis=-1)
    return np.einsum("nchwk,nchwk->nchw", shares, windows)


def mixed(weights=lambda v, s: np.exp(s * v), total=lambda w: w.sum(-1), step=lambda s, k: s or k):
    def answer(x, k, sharpness, *, stride=None):
        move = step(stride, k)
        v = sliding_window_view(x, (k, k), axis=(2, 3))[:, :, ::move, ::move]
        v = v.reshape(*v.shape[:4], -1)
        w = weights(v, sharpness)
        return (w * v).sum(-1) / total(w)
    return answer


def log_mean_exp(x, k, sharpness, *, stride=None):
    if sharpness == 0:
        return average_by_loops(x, k, stride=stride)
    return np.log(average_by_loops(np.exp(sharpness * x), k, stride=stride)) / sharpness


def softmax_of_the_map(x, k, sharpness, *, stride=None):
    w = np.exp(sharpness * x) / np.exp(sharpness * x).sum((2, 3))[:, :, None, None]
    return average_by_loops(w * x, k, stride=stride) * k * k


RIGHT = {
    "two_heads": (heads_by_formula, heads_by_counting, heads_by_arrays),
    "average_pool": (average_by_loops, average_by_view, average_by_two_passes),
    "between_pool": (between_by_loops, between_by_averages, between_by_shares),
}

WRONG = {
    "two_heads": {
        "biases-forgotten": heads(first=0, second=0),
        "bias-forgotten-behind-the-average": heads(second=0),
        "one-bias": heads(first=1, second=1),
        "ceil-for-floor": heads(lambda n, k: math.ceil(n / k)),
        "stride-one": heads(lambda n, k: len(range(n - k + 1))),
        "stride-two": heads(lambda n, k: len(range(0, n - k + 1, 2))),
        "pool-ignored": lambda c, h, w, classes, *, window=2: heads_by_formula(c, h, w, classes, window=1),
        "pooled-on-one-axis": lambda c, h, w, n, *, window=2: (c * (h // window) * w * n + n, c * n + n),
        "channels-pooled": lambda c, h, w, n, *, window=2: heads_by_formula(c // window, h, w, n, window=window),
        "square-assumed": lambda c, h, w, n, *, window=2: (c * (h // window) ** 2 * n + n, c * n + n),
        "channels-not-flattened": heads(flat=lambda c, h, w: h * w),
        "average-over-channels": heads(mean=lambda c, h, w: h * w),
        "one-average-for-all": heads(mean=lambda c, h, w: 1),
    },
    "average_pool": {
        "border-always-counted": pooled(count=lambda given: True),
        "border-never-counted": pooled(count=lambda given: False),
        "border-turned-round": pooled(count=lambda given: not given),
        "stride-one-by-default": pooled(step=lambda s, k: (s or 1, s or 1)),
        "stride-ignored": pooled(step=lambda s, k: (k, k)),
        "stride-on-rows-only": pooled(step=lambda s, k: (s or k, 1)),
        "stride-on-columns-only": pooled(step=lambda s, k: (1, s or k)),
        "padding-ignored": pooled(edge=lambda p: (0, 0)),
        "padding-on-one-side": pooled(edge=lambda p: (p, 0)),
        "max-for-mean": largest,
        "sum-for-mean": sums(lambda k: k),
        "divided-by-the-side": sums(lambda k: 1),
        "channels-mixed": pooled(after=lambda y: y.mean(1, keepdims=True)),
        "pictures-mixed": pooled(after=lambda y: y.mean(0)[None]),
        "last-window-dropped": pooled(after=lambda y: y[:, :, :y.shape[2] - 1, :y.shape[3] - 1]),
    },
    "between_pool": {
        "sharpness-ignored": mixed(lambda v, s: np.exp(v)),
        "plain-mean": mixed(lambda v, s: np.ones(v.shape)),
        "plain-maximum": lambda x, k, sharpness, stride=None: largest(x, k, stride=stride),
        "towards-the-smallest": mixed(lambda v, s: np.exp(-s * v)),
        "weights-not-divided": mixed(total=lambda w: 1),
        "divided-by-the-count": mixed(total=lambda w: w.shape[-1]),
        "weights-over-the-map": softmax_of_the_map,
        "weights-across-channels": mixed(total=lambda w: w.sum(-1).sum(1, keepdims=True)),
        "logarithm-of-the-sum": log_mean_exp,
        "weights-of-the-size": mixed(lambda v, s: np.exp(s * abs(v))),
        "stride-one-by-default": mixed(step=lambda s, k: s or 1),
        "stride-ignored": mixed(step=lambda s, k: k),
    },
}
