"""The assignment of chapter 7a: when a reduction pays, a module that halves, how far a one-sided pair gets."""
import numpy as np

from cnnlib.exercises._check import Exercise, Mistake
from cnnlib.exercises._task import Task
from cnnlib.exercises._watch import CONVOLUTION, POOLING
from cnnlib.scratch import conv2d, max_pool2d, relu


def _break_even(in_channels, out_channels, kernel_size):
    direct = in_channels * out_channels * kernel_size**2
    return (direct - 1) // (in_channels + out_channels * kernel_size**2)


def _below(direct, each):
    """Return a break_even with another bill of the direct layer, or of each channel between."""
    return lambda i, o, k: (direct(i, o, k) - 1) // each(i, o, k)


def _direct(i, o, k):
    return i * o * k * k


def _draw_layers(random):
    for _ in range(12):
        yield tuple(int(random.integers(low, high)) for low, high in ((3, 400), (2, 400), (2, 8)))


BREAK_EVEN = Task(
    points=3,
    draw=_draw_layers,
    forbidden=("cnnlib.shapes",),
    exercise=Exercise(
        name="break_even",
        objective=2,
        reference=_break_even,
        cases=((2, 3, 3), (4, 4, 1), (5, 1, 3), (64, 8, 5), (192, 128, 3), (16, 32, 5)),
        mistakes=(
            Mistake("equal-is-not-fewer", "where both ways have the same number of weights, you count it as a saving. "
                    "The pair is to have *fewer*.",
                    lambda i, o, k: _direct(i, o, k) // (i + o * k * k)),
            Mistake("first-that-loses", "your number is the first with which nothing is saved. Which one is asked for?",
                    lambda i, o, k: _break_even(i, o, k) + 1),
            Mistake("reduction-free", "your pair pays for the window only. The 1x1 in front of it has weights, too.",
                    lambda i, o, k: i - 1),
            Mistake("one-by-one-behind", "your 1x1 stands behind the window. In front of it: which channels does each "
                    "of the two read, and which does it make?", _below(_direct, lambda i, o, k: i * k * k + o)),
            Mistake("output-channels-forgotten", "your windows make one map. How many filters has the layer?",
                    _below(lambda i, o, k: i * k * k, lambda i, o, k: i + k * k)),
            Mistake("kernel-side", "you take kernel_size weights for a window. It is a square.",
                    _below(lambda i, o, k: i * o * k, lambda i, o, k: i + o * k)),
            Mistake("direct-layer-one-pixel", "your direct layer has one weight for a pair of channels. It has the "
                    "whole window.", lambda i, o, k: max(0, (i * o - 1) // (i + o * k * k))),
            Mistake("biases-counted", "you count biases. The task leaves them out.",
                    _below(_direct, lambda i, o, k: i + 1 + o * k * k)),
            Mistake("not-whole", "your number is no whole number. How many channels can a layer have?",
                    lambda i, o, k: _direct(i, o, k) / (i + o * k * k)),
            Mistake("channels-removed", "you return how many channels the reduction takes away. How many does it "
                    "leave?", lambda i, o, k: i - _break_even(i, o, k)),
            Mistake("weights-saved", "you return a number of weights. The task asks for a number of channels.",
                    lambda i, o, k: _direct(i, o, k) - _break_even(i, o, k) * (i + o * k * k)),
        ),
    ),
)


def _halve(x, reduce, window, *, inner=relu, outer=relu, pooled=None, pool=max_pool2d, stride=2, padding=0,
           source=None):
    """Halve maps side by side; the options change a part."""
    maps = conv2d(inner(conv2d(x, reduce)), window, stride=stride, padding=padding)
    kept = pool(x if source is None else source, 3, stride=stride, padding=padding)
    return np.concatenate([outer(maps), pooled(kept) if pooled else kept], axis=1)


def _same(x):
    return x


def _mean_pool(x, size, *, stride, padding):
    windows = np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(2, 3))
    return windows[:, :, ::stride, ::stride].mean(axis=(4, 5))


def _rows_only(x, reduce, window):
    return _halve(x, reduce, window, stride=1)[:, :, ::2]


def _swapped(x, reduce, window):
    return np.roll(_halve(x, reduce, window), x.shape[1], axis=1)


def _channel_maximum(x, reduce, window):
    answer = _halve(x, reduce, window)
    answer[:, len(window):] = answer[:, len(window):].max(axis=1, keepdims=True)
    return answer


def _draw_maps(random):
    for _ in range(7):
        n, c, m, o = (int(size) for size in random.integers(1, 5, 4))
        x = random.normal(-1, size=(n, c + 1, *random.integers(5, 10, 2)))
        yield x, random.normal(size=(m, c + 1, 1, 1)), random.normal(size=(o, m, 3, 3))


def _numbers(*shape, seed=0):
    return np.random.default_rng([7, seed]).integers(-4, 5, shape).astype(float)


HALVE = Task(
    points=5,
    draw=_draw_maps,
    forbidden=(*CONVOLUTION, *POOLING),
    exercise=Exercise(
        name="halve",
        objective=1,
        reference=_halve,
        cases=(
            (_numbers(1, 2, 3, 5, seed=3), _numbers(2, 2, 1, 1, seed=4), _numbers(2, 2, 3, 3, seed=5)),
            (_numbers(1, 3, 5, 7, seed=6) - 3, _numbers(2, 3, 1, 1, seed=7), _numbers(4, 2, 3, 3, seed=8)),
            (_numbers(2, 2, 6, 8, seed=9), _numbers(3, 2, 1, 1, seed=10), _numbers(1, 3, 3, 3, seed=11)),
            (_numbers(2, 4, 9, 6, seed=12) - 4, _numbers(3, 4, 1, 1, seed=13), _numbers(2, 3, 3, 3, seed=14)),
        ),
        mistakes=(
            Mistake("inner-relu-forgotten", "there is no ReLU between the 1x1 and the 3x3. What are two linear layers "
                    "in a row worth?", lambda x, r, w: _halve(x, r, w, inner=_same)),
            Mistake("outer-relu-forgotten", "there is no ReLU behind the 3x3.",
                    lambda x, r, w: _halve(x, r, w, outer=_same)),
            Mistake("no-relu", "your first path has no ReLU at all. Each of its two convolutions is followed by one.",
                    lambda x, r, w: _halve(x, r, w, inner=_same, outer=_same)),
            Mistake("relu-on-the-pooling", "your pooled maps have no negative numbers. A pooling passes on what it "
                    "finds.", lambda x, r, w: _halve(x, r, w, pooled=relu)),
            Mistake("pooling-first", "your pooled maps stand in front. Which path does the task name first?", _swapped),
            Mistake("mean-for-max", "you pool by the mean. This module takes the largest number of a window.",
                    lambda x, r, w: _halve(x, r, w, pool=_mean_pool)),
            Mistake("pooling-behind-the-reduction", "your pooling reads the reduced maps. The paths stand side by "
                    "side: where does each of them start?",
                    lambda x, r, w: _halve(x, r, w, source=relu(conv2d(x, r)))),
            Mistake("channels-mixed-by-pooling", "your pooling takes the largest number of all channels. It looks at "
                    "each map alone.", _channel_maximum),
            Mistake("flipped-kernel", "you turn the 3x3 kernels by half a turn. A layer of a network does not.",
                    lambda x, r, w: _halve(x, r, w[:, :, ::-1, ::-1])),
            Mistake("transposed-kernel", "rows and columns of the 3x3 kernels are swapped.",
                    lambda x, r, w: _halve(x, r, w.swapaxes(2, 3))),
            Mistake("channels-averaged", "your convolutions take the mean over the channels they read. They sum.",
                    lambda x, r, w: _halve(x, r / r.shape[1], w / w.shape[1])),
            Mistake("stride-ignored", "your windows move by one pixel, so nothing is halved.",
                    lambda x, r, w: _halve(x, r, w, stride=1)),
            Mistake("stride-on-rows-only", "you step over rows, but take every column.", _rows_only),
            Mistake("padded", "your maps are too large: you pad, but the windows here stay inside the map.",
                    lambda x, r, w: _halve(x, r, w, padding=1)),
            Mistake("pooling-path-missing", "you return the first path alone. What stands beside it?",
                    lambda x, r, w: _halve(x, r, w)[:, :len(w)]),
            Mistake("last-window-dropped", "the last row and column of your maps are missing. Where does the last "
                    "window begin that still fits?", lambda x, r, w: _halve(x, r, w)[:, :, :-1, :-1]),
        ),
    ),
)


def _enough(parts, share):
    """Return how many parts, largest first, hold a share of their sum."""
    held = np.cumsum(np.sort(parts)[::-1]) / parts.sum()
    return int(np.argmax(held >= share - 1e-12)) + 1


def _strengths(kernel):
    return np.linalg.svd(np.asarray(kernel, dtype=float), compute_uv=False)


def _pair_for(kernel, share):
    channels = _enough(_strengths(kernel) ** 2, share)
    return channels, channels * sum(kernel.shape)


def _paired(count=lambda k, share: _enough(_strengths(k) ** 2, share), weights=lambda n, rows, cols: n * (rows + cols)):
    """Return a pair_for that counts the channels or the weights in another way."""
    def pair_for(kernel, share):
        channels = count(kernel, share)
        return channels, weights(channels, *kernel.shape)
    return pair_for


def _draw_kernels(random):
    for _ in range(10):
        rows, cols, rank = (int(size) for size in random.integers((3, 3, 2), (9, 9, 5)))
        kernel = random.normal(size=(rows, rank)) @ random.normal(size=(rank, cols))
        yield kernel + 0.1 * random.normal(size=(rows, cols)), float(random.uniform(0.5, 0.98))


PAIR_FOR = Task(
    points=4,
    draw=_draw_kernels,
    exercise=Exercise(
        name="pair_for",
        objective=4,
        reference=_pair_for,
        cases=(
            (np.outer([1.0, 2, 1], [1.0, 0, -1]), 0.99),
            (np.diag([3.0, 2, 1]), 0.9),
            (np.diag([3.0, 3, 2, 2]), 0.3),
            (np.array([[4.0, 1, 0, 2, 1], [1, 3, 0, 1, 5], [0, 2, 2, 1, 1]]), 0.85),
            (_numbers(5, 5, seed=15), 0.7),
            (_numbers(7, 4, seed=16), 0.95),
            (_numbers(7, 7, seed=17), 0.8),
        ),
        mistakes=(
            Mistake("not-squared", "you add up the singular values themselves. The share is one of *squares*.",
                    _paired(lambda k, share: _enough(_strengths(k), share))),
            Mistake("one-too-few", "you are one channel short. Positions count from 0, channels do not.",
                    _paired(lambda k, share: _enough(_strengths(k) ** 2, share) - 1)),
            Mistake("share-ignored", "you take as many channels as the exact kernel needs. A share of it is enough.",
                    _paired(lambda k, share: int((_strengths(k) > 1e-9).sum()))),
            Mistake("missed-for-kept", "you stop when the *missed* part is as large as the share.",
                    _paired(lambda k, share: _enough(_strengths(k) ** 2, 1 - share))),
            Mistake("root-of-the-missed", "you compare a root. The share is of the squares, as they are.",
                    _paired(lambda k, share: _enough(_strengths(k) ** 2, 1 - (1 - share) ** 2))),
            Mistake("columns-picked", "you keep whole columns of the kernel. A pair can make any column times any row: "
                    "what finds the best of these products?",
                    _paired(lambda k, share: _enough((np.asarray(k, dtype=float) ** 2).sum(axis=0), share))),
            Mistake("always-one", "you always use one channel. How much of the kernel does one product hold?",
                    _paired(lambda k, share: 1)),
            Mistake("one-layer-counted", "you count the weights of the column filters. The row filters come next.",
                    _paired(weights=lambda n, rows, cols: n * rows)),
            Mistake("channels-not-counted", "your weights are those of one channel between.",
                    _paired(weights=lambda n, rows, cols: rows + cols)),
            Mistake("kernel-counted", "your weights are those of the kernel. How many has the pair?",
                    _paired(weights=lambda n, rows, cols: rows * cols)),
            Mistake("whole-windows", "each of your channels has a whole window. The filters of a pair are one-sided.",
                    _paired(weights=lambda n, rows, cols: n * rows * cols)),
            Mistake("square-assumed", "you take the number of rows for both layers. A kernel need not be square.",
                    _paired(weights=lambda n, rows, cols: 2 * n * rows)),
            Mistake("channels-squared", "your second layer has as many outputs as channels between. The pair ends in "
                    "one map.", _paired(weights=lambda n, rows, cols: n * rows + n * n * cols)),
        ),
    ),
)

TASKS = (BREAK_EVEN, HALVE, PAIR_FOR)
