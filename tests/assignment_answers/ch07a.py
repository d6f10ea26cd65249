"""Answers to the assignment of chapter 7a."""
import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view


def by_trying(in_channels, out_channels, kernel_size):
    taps = kernel_size ** 2
    best = 0
    for between in range(1, in_channels):
        if in_channels * between + between * taps * out_channels < in_channels * taps * out_channels:
            best = between
    return best


def by_formula(in_channels, out_channels, kernel_size):
    taps = kernel_size * kernel_size
    quotient, rest = divmod(in_channels * out_channels * taps, in_channels + out_channels * taps)
    return quotient if rest else quotient - 1


def by_bisection(in_channels, out_channels, kernel_size):
    low, high = 0, in_channels * out_channels * kernel_size ** 2
    while high - low > 1:
        middle = (low + high) // 2
        saves = middle * in_channels + middle * out_channels * kernel_size ** 2 < \
            in_channels * out_channels * kernel_size ** 2
        low, high = (middle, high) if saves else (low, middle)
    return np.float32(low)


def tried(pair, direct, *, shift=0, allow_equal=False):
    """Try widths until the pair costs more."""
    def answer(i, o, k):
        c = 1
        while pair(i, c, o, k) < direct(i, o, k) or (allow_equal and pair(i, c, o, k) == direct(i, o, k)):
            c += 1
        return c - 1 + shift
    return answer


def two(i, c, o, k):
    return i * c + c * o * k ** 2


def one(i, o, k):
    return i * o * k ** 2


def with_loops(x, reduce, window):
    n, c, h, w = x.shape
    rows, cols = (h - 3) // 2 + 1, (w - 3) // 2 + 1
    narrow = np.zeros((n, len(reduce), h, w))
    for m in range(len(reduce)):
        for channel in range(c):
            narrow[:, m] += reduce[m, channel, 0, 0] * x[:, channel]
    narrow[narrow < 0] = 0
    out = np.zeros((n, len(window) + c, rows, cols))
    for i in range(rows):
        for j in range(cols):
            patch = narrow[:, :, 2 * i:2 * i + 3, 2 * j:2 * j + 3]
            for o in range(len(window)):
                out[:, o, i, j] = np.maximum((patch * window[o]).sum(axis=(1, 2, 3)), 0)
            out[:, len(window):, i, j] = x[:, :, 2 * i:2 * i + 3, 2 * j:2 * j + 3].max(axis=(2, 3))
    return out


def with_windows(x, reduce, window):
    narrow = np.einsum("mc,nchw->nmhw", reduce[..., 0, 0], x).clip(0)
    seen = sliding_window_view(narrow, (3, 3), axis=(2, 3))[:, :, ::2, ::2]
    maps = np.einsum("nmhwij,omij->nohw", seen, window).clip(min=0)
    pooled = sliding_window_view(x, (3, 3), (2, 3))[:, :, ::2, ::2].max((-1, -2))
    return np.concatenate((maps, pooled), 1)


def with_torch(x, reduce, window):
    x, reduce, window = (torch.tensor(array).double() for array in (x, reduce, window))
    narrow = torch.einsum("mc,nchw->nmhw", reduce[:, :, 0, 0], x).relu()
    cut = narrow.unfold(2, 3, 2).unfold(3, 3, 2)
    maps = torch.einsum("nmhwij,omij->nohw", cut, window).clamp(min=0)
    pooled = x.unfold(2, 3, 2).unfold(3, 3, 2).flatten(4).max(dim=4).values
    return torch.cat([maps, pooled], dim=1)


def as_shifts(x, reduce, window):
    rows, cols = (x.shape[2] - 1) // 2, (x.shape[3] - 1) // 2
    narrow = np.maximum(np.tensordot(x, reduce[:, :, 0, 0], axes=(1, 1)).transpose(0, 3, 1, 2), 0)
    total, pooled = 0, np.full((*x.shape[:2], rows, cols), -np.inf)
    for i in range(3):
        for j in range(3):
            part = np.s_[:, :, i:i + 2 * rows - 1:2, j:j + 2 * cols - 1:2]
            total = total + np.einsum("nmhw,om->nohw", narrow[part], window[:, :, i, j])
            pooled = np.maximum(pooled, x[part])
    return np.concatenate([np.maximum(total, 0), pooled], axis=1)


def halving(*, first=lambda a: a.clip(0), last=lambda a: a.clip(0), pick=np.max, steps=(2, 2), order=(0, 1),
            tap="omij", reads=lambda x, narrow: x, then=lambda p: p, total=lambda a, n: a, cut=None, pad=0):
    """Return a module with one line changed."""
    def answer(x, reduce, window):
        narrow = first(total(np.einsum("mc,nchw->nmhw", reduce[:, :, 0, 0], x), reduce.shape[1]))
        around = [(0, 0), (0, 0), (pad, pad), (pad, pad)]
        seen = sliding_window_view(np.pad(narrow, around), (3, 3), (2, 3))[:, :, ::steps[0], ::steps[1]]
        maps = last(total(np.einsum(f"nmhwij,{tap}->nohw", seen, window), window.shape[1]))
        outside = np.pad(reads(x, narrow), around, constant_values=-np.inf)
        look = sliding_window_view(outside, (3, 3), (2, 3))[:, :, ::steps[0], ::steps[1]]
        both = maps, then(pick(look, axis=(4, 5)))
        return np.concatenate([both[i] for i in order], axis=1)[:, :, :cut, :cut]
    return answer


def turned(x, reduce, window):
    return with_windows(x, reduce, np.rot90(window, 2, axes=(2, 3)))


def over_channels(x, reduce, window):
    return halving(then=lambda p: np.repeat(p.max(axis=1, keepdims=True), p.shape[1], axis=1))(x, reduce, window)


def by_svd(kernel, share):
    values = np.linalg.svd(kernel)[1]
    total, held, count = np.sum(values ** 2), 0.0, 0
    while held < share * total:
        held += values[count] ** 2
        count += 1
    return count, count * kernel.shape[0] + count * kernel.shape[1]


def by_eigenvalues(kernel, share):
    squares = np.linalg.eigvalsh(kernel.T @ kernel)[::-1]
    count = 1
    while squares[:count].sum() / squares.sum() < share:
        count += 1
    return [count, (kernel.shape[0] + kernel.shape[1]) * count]


def by_taking_away(kernel, share):
    left, channels = torch.tensor(kernel), 0
    allowed = (1 - share) * (left ** 2).sum()
    while (left ** 2).sum() > allowed:
        u, s, vt = torch.linalg.svd(left)
        left = left - s[0] * torch.outer(u[:, 0], vt[0])
        channels += 1
    return torch.tensor([channels, channels * sum(kernel.shape)])


def counted(*, parts=lambda k: np.linalg.svd(k, compute_uv=False) ** 2, enough=lambda held, share: held >= share,
            shift=1, weights=lambda n, h, w: n * h + n * w):
    def answer(kernel, share):
        squares = parts(kernel)
        n = int(np.flatnonzero(enough(np.cumsum(squares) / squares.sum(), share))[0]) + shift
        return n, weights(n, *kernel.shape)
    return answer


def all_of_it(kernel, share):
    rank = np.linalg.matrix_rank(kernel)
    return rank, rank * sum(kernel.shape)


RIGHT = {
    "break_even": (by_trying, by_formula, by_bisection),
    "halve": (with_loops, with_windows, with_torch, as_shifts),
    "pair_for": (by_svd, by_eigenvalues, by_taking_away),
}

WRONG = {
    "break_even": {
        "equal-is-not-fewer": tried(two, one, allow_equal=True),
        "first-that-loses": tried(two, one, shift=1),
        "reduction-free": tried(lambda i, c, o, k: c * o * k * k, one),
        "one-by-one-behind": tried(lambda i, c, o, k: i * c * k * k + c * o, one),
        "output-channels-forgotten": tried(lambda i, c, o, k: i * c + c * k * k, lambda i, o, k: i * k * k),
        "kernel-side": tried(lambda i, c, o, k: i * c + c * o * k, lambda i, o, k: i * o * k),
        "direct-layer-one-pixel": tried(two, lambda i, o, k: i * o),
        "biases-counted": tried(lambda i, c, o, k: c * (i + 1) + o * (c * k * k + 1),
                                lambda i, o, k: o * (i * k * k + 1)),
        "not-whole": lambda i, o, k: 1 / (1 / (o * k * k) + 1 / i),
        "channels-removed": lambda i, o, k: i - by_formula(i, o, k),
        "weights-saved": lambda i, o, k: one(i, o, k) - two(i, by_formula(i, o, k), o, k),
    },
    "halve": {
        "inner-relu-forgotten": halving(first=lambda a: a),
        "outer-relu-forgotten": halving(last=lambda a: a),
        "no-relu": halving(first=lambda a: a, last=lambda a: a),
        "relu-on-the-pooling": halving(then=lambda p: p.clip(0)),
        "pooling-first": halving(order=(1, 0)),
        "mean-for-max": halving(pick=np.mean),
        "pooling-behind-the-reduction": halving(reads=lambda x, narrow: narrow),
        "channels-mixed-by-pooling": over_channels,
        "flipped-kernel": turned,
        "transposed-kernel": halving(tap="omji"),
        "channels-averaged": halving(total=lambda a, n: a / n),
        "stride-ignored": halving(steps=(1, 1)),
        "stride-on-rows-only": halving(steps=(2, 1)),
        "padded": halving(pad=1),
        "pooling-path-missing": halving(order=(0,)),
        "last-window-dropped": halving(cut=-1),
    },
    "pair_for": {
        "not-squared": counted(parts=lambda k: np.linalg.svd(k)[1]),
        "one-too-few": counted(shift=0),
        "share-ignored": all_of_it,
        "missed-for-kept": counted(enough=lambda held, share: held >= 1 - share),
        "root-of-the-missed": counted(enough=lambda held, share: np.sqrt(np.maximum(1 - held, 0)) <= 1 - share),
        "columns-picked": counted(parts=lambda k: np.sort((k ** 2).sum(axis=0))[::-1]),
        "always-one": lambda kernel, share: (1, sum(kernel.shape)),
        "one-layer-counted": counted(weights=lambda n, h, w: n * h),
        "channels-not-counted": counted(weights=lambda n, h, w: h + w),
        "kernel-counted": counted(weights=lambda n, h, w: h * w),
        "whole-windows": counted(weights=lambda n, h, w: n * h * w),
        "square-assumed": counted(weights=lambda n, h, w: 2 * n * h),
        "channels-squared": counted(weights=lambda n, h, w: n * (h + n * w)),
    },
}
