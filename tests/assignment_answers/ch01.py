"""Answers to the assignment of chapter 1."""
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from cnnlib.scratch import conv2d_v3


def counts_by_drawing(channels, height, width, filters, kernel_size, *, padding=0):
    rows = []
    for top in range(-padding, height + padding - kernel_size + 1):
        for left in range(-padding, width + padding - kernel_size + 1):
            page = np.zeros((height + 2 * padding, width + 2 * padding), dtype=bool)
            page[top + padding:top + padding + kernel_size, left + padding:left + padding + kernel_size] = True
            rows.append(page[padding:padding + height, padding:padding + width].ravel())
    matrix = np.array(rows)
    return (matrix.size * channels * filters, int(matrix.sum()) * channels * filters,
            filters * channels * kernel_size * kernel_size)


def counts_by_ones(channels, height, width, filters, kernel_size, padding=0):
    windows = sliding_window_view(np.pad(np.ones((height, width)), padding), (kernel_size, kernel_size))
    places = windows.shape[0] * windows.shape[1]
    return [channels * height * width * filters * places, windows.sum() * channels * filters,
            windows[0, 0].size * channels * filters]


def counts_by_axis(c, h, w, f, k, *, padding=0):
    def met(size):
        return sum(0 <= start + tap < size for start in range(-padding, size + padding - k + 1) for tap in range(k))
    outputs = f * (h + 2 * padding - k + 1) * (w + 2 * padding - k + 1)
    return np.array([c * h * w * outputs, c * f * met(h) * met(w), c * f * k ** 2], dtype=float)


def changed(change):
    def answer(c, h, w, f, k, *, padding=0):
        entries, filled, learned = (int(n) for n in counts_by_axis(c, h, w, f, k, padding=padding))
        return change(entries, filled, learned, c, h, w, f, k, padding)
    return answer


def places(h, w, k, p):
    return (h + 2 * p - k + 1) * (w + 2 * p - k + 1)


def one_side(c, h, w, f, k, *, padding=0):
    windows = sliding_window_view(np.pad(np.ones((h, w)), ((padding, 0), (padding, 0))), (k, k))
    outputs = f * windows.shape[0] * windows.shape[1]
    return c * h * w * outputs, c * f * windows.sum(), c * f * k * k


def wide_matrix(c, h, w, f, k, *, padding=0):
    outputs = f * places(h, w, k, padding)
    return c * (h + 2 * padding) * (w + 2 * padding) * outputs, c * k * k * outputs, c * f * k * k


def map_by_loops(picture, kernel, bias):
    channels, kh, kw = kernel.shape
    out = []
    for i in range(picture.shape[1] - kh + 1):
        row = []
        for j in range(picture.shape[2] - kw + 1):
            score = bias
            for c in range(channels):
                for a in range(kh):
                    for b in range(kw):
                        score += picture[c, i + a, j + b] * kernel[c, a, b]
            row.append(score if score > 0 else 0.0)
        out.append(row)
    return out


def map_by_view(picture, kernel, bias):
    windows = sliding_window_view(picture.astype(np.float32), kernel.shape[1:], axis=(1, 2))
    return np.clip(np.einsum("chwij,cij->hw", windows, kernel.astype(np.float32)) + np.float32(bias), 0, None)


def map_by_shifting(picture, kernel, bias):
    _, kh, kw = kernel.shape
    height, width = picture.shape[1] - kh + 1, picture.shape[2] - kw + 1
    total = np.full((height, width), float(bias))
    for i, j in np.ndindex(kh, kw):
        total += np.tensordot(kernel[:, i, j], picture[:, i:i + height, j:j + width], axes=1)
    return total * (total > 0)


def scores(picture, kernel):
    """Return the scores of each channel alone, (C, H, W)."""
    _, kh, kw = kernel.shape
    return np.array([[[(x[i:i + kh, j:j + kw] * w).sum() for j in range(x.shape[1] - kw + 1)]
                      for i in range(x.shape[0] - kh + 1)] for x, w in zip(picture, kernel, strict=False)])


def relu(x):
    return np.where(x > 0, x, 0)


def shift_by_loop(picture, kernel, shift, *, stride=1):
    height, width = picture.shape
    moved = np.zeros((height, width))
    for row in range(height):
        for col in range(shift, width):
            moved[row, col] = picture[row, col - shift]
    old, new = conv2d_v3(picture, kernel, stride=stride), conv2d_v3(moved, kernel, stride=stride)
    back = shift // stride
    here = max(abs(new[i, j] - old[i, j]) for i, j in np.ndindex(*old.shape))
    after = max(abs(new[i, j + back] - old[i, j]) for i, j in np.ndindex(old.shape[0], old.shape[1] - back))
    return here, after, abs(max(new.ravel()) - max(old.ravel()))


def slide(picture, kernel, stride):
    windows = sliding_window_view(picture, kernel.shape)[::stride, ::stride]
    return np.einsum("ijkl,kl->ij", windows, kernel)


def shift_by_padding(picture, kernel, shift, stride=1):
    moved = np.pad(picture, ((0, 0), (shift, 0)))[:, :picture.shape[1]]
    old, new = slide(picture, kernel, stride), slide(moved, kernel, stride)
    columns = np.arange(shift // stride, old.shape[1])
    return [np.abs(new - old).max(), np.abs(new[:, columns] - old[:, columns - shift // stride]).max(),
            abs(new.max() - old.max())]


def shift_by_rolling(picture, kernel, shift, *, stride=1):
    moved = np.roll(picture, shift, axis=1)
    moved[:, :shift] = 0
    old, new = slide(picture, kernel, stride), slide(moved, kernel, stride)
    back = np.roll(new, -(shift // stride), axis=1)
    keep = slice(0, old.shape[1] - shift // stride)
    pairs = np.stack([new, old]), np.stack([back, old])[:, :, keep]
    return np.array([*(np.ptp(pair, axis=0).max() for pair in pairs), np.ptp([new.max(), old.max()])])


def to_the_right(picture, shift):
    return np.hstack([np.zeros((len(picture), shift)), picture[:, :-shift]])


def shifted(move=to_the_right, size=lambda d: np.abs(d).max(), back=lambda n, s: n // s, best=None,
            pair=lambda old, new, n: (old[:, :old.shape[1] - n], new[:, n:]), step=lambda stride: stride):
    def answer(picture, kernel, shift, *, stride=1):
        old, new = (slide(x, kernel, step(stride)) for x in (picture, move(picture, shift)))
        a, b = pair(old, new, back(shift, step(stride)))
        return size(new - old), size(b - a), (best or (lambda p, q: abs(p.max() - q.max())))(new, old)
    return answer


RIGHT = {
    "matrix_counts": (counts_by_drawing, counts_by_ones, counts_by_axis),
    "one_map": (map_by_loops, map_by_view, map_by_shifting),
    "after_shift": (shift_by_loop, shift_by_padding, shift_by_rolling),
}

WRONG = {
    "matrix_counts": {
        "border-counted": changed(lambda e, n, x, c, h, w, f, k, p: (e, c * f * k * k * places(h, w, k, p), x)),
        "border-as-columns": wide_matrix,
        "padding-once": one_side,
        "padding-ignored": lambda *sizes, padding=0: counts_by_drawing(*sizes),
        "learned-at-each-place": changed(lambda e, n, x, *_: (e, n, n)),
        "filled-are-learned": changed(lambda e, n, x, *_: (e, x, x)),
        "zeros-counted": changed(lambda e, n, x, *_: (e, e - n, x)),
        "square-of-the-picture": changed(lambda e, n, x, c, h, w, f, k, p: (c * h * w * c * h * w, n, x)),
        "channels-forgotten": lambda c, *sizes, **padding: counts_by_ones(1, *sizes, **padding),
        "slices-shared": changed(lambda e, n, x, c, h, w, f, k, p: (e, n, f * k * k)),
        "one-map": lambda c, h, w, f, k, **padding: counts_by_ones(c, h, w, 1, k, **padding),
        "biases-counted": changed(lambda e, n, x, c, h, w, f, k, p: (e, n, f * (c * k * k + 1))),
        "kernel-side-only": changed(lambda e, n, x, c, h, w, f, k, p: (e, n, c * f * k)),
    },
    "one_map": {
        "flipped-kernel": lambda x, w, b: relu(scores(x, np.rot90(w, 2, axes=(1, 2))).sum(0) + b),
        "channels-averaged": lambda x, w, b: relu(scores(x, w).mean(0) + b),
        "channels-compete": lambda x, w, b: relu(scores(x, w).max(0) + b),
        "channels-kept": lambda x, w, b: relu(scores(x, w) + b),
        "first-slice-for-all": lambda x, w, b: relu(scores(x, [w[0]] * len(w) * np.ones((len(w), 1, 1))).sum(0) + b),
        "first-channel-only": lambda x, w, b: relu(scores(x, w)[0] + b),
        "bias-per-channel": lambda x, w, b: relu(scores(x, w).sum(0) + len(x) * b),
        "bias-per-weight": lambda x, w, b: relu(scores(x, w).sum(0) + w.size * b),
        "bias-forgotten": lambda x, w, b: relu(scores(x, w).sum(0)),
        "bias-subtracted": lambda x, w, b: relu(scores(x, w).sum(0) - b),
        "relu-before-bias": lambda x, w, b: relu(scores(x, w).sum(0)) + b,
        "relu-per-channel": lambda x, w, b: relu(relu(scores(x, w)).sum(0) + b),
        "relu-forgotten": lambda x, w, b: scores(x, w).sum(0) + b,
        "sign-dropped": lambda x, w, b: abs(scores(x, w).sum(0) + b),
        "last-window-dropped": lambda x, w, b: relu(scores(x[:, :-1, :-1], w).sum(0) + b),
    },
    "after_shift": {
        "wrapped-around": shifted(lambda x, n: np.concatenate([x[:, -n:], x[:, :-n]], axis=1)),
        "edge-repeated": shifted(lambda x, n: np.hstack([np.repeat(x[:, :1], n, axis=1), x[:, :-n]])),
        "moved-left": shifted(lambda x, n: np.hstack([x[:, n:], np.zeros((len(x), n))])),
        "moved-down": shifted(lambda x, n: np.vstack([np.zeros((n, x.shape[1])), x[:-n]])),
        "back-by-pixels": shifted(back=lambda n, stride: n),
        "back-the-wrong-way": shifted(pair=lambda old, new, n: (old[:, n:], new[:, :new.shape[1] - n])),
        "no-partner": shifted(pair=lambda old, new, n: (old, np.concatenate([new[:, n:], new[:, :n]], axis=1))),
        "signs-kept": shifted(size=lambda d: d.max()),
        "mean-for-largest": shifted(size=lambda d: np.abs(d).mean()),
        "sum-for-largest": shifted(size=lambda d: np.abs(d).sum()),
        "stride-ignored": shifted(step=lambda stride: 1),
        "mean-for-maximum": shifted(best=lambda p, q: abs(p.mean() - q.mean())),
        "change-with-sign": shifted(best=lambda p, q: p.max() - q.max()),
    },
}
