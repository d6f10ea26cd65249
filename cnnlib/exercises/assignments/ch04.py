"""The assignment of chapter 4: the price of two heads, an average pool with a border, a pool between mean and max."""
from functools import partial

import numpy as np

from cnnlib.exercises._check import Exercise, Mistake
from cnnlib.exercises._task import Task
from cnnlib.exercises._watch import POOLING
from cnnlib.scratch import avg_pool2d, max_pool2d


def _heads(channels, height, width, classes, *, window=2, size=lambda n, k: n // k, biases=(True, True),
           flat=lambda c, h, w: c * h * w, kept=lambda c, h, w: c):
    """Count the parameters of both heads; size, flat and kept say what each of them reads."""
    maps = channels, size(height, window), size(width, window)
    return tuple(read(*maps) * classes + bias * classes for read, bias in zip((flat, kept), biases, strict=True))


def _draw_heads(random):
    for _ in range(10):
        height, width = (int(n) for n in random.integers(10, 60, 2))
        yield (int(random.integers(8, 65)), height, width, int(random.integers(2, 30)),
               {"window": int(random.integers(2, 5))})


TWO_HEADS = Task(
    points=3,
    draw=_draw_heads,
    forbidden=("cnnlib.shapes", "cnnlib.scratch", "torch.nn.modules"),
    exercise=Exercise(
        name="two_heads",
        objective=5,
        reference=lambda *a, **o: _heads(*a, **o),
        cases=((1, 4, 6, 2), (3, 5, 7, 4), (8, 10, 11, 5, {"window": 3}), (16, 28, 21, 10, {"window": 4})),
        mistakes=(
            Mistake("biases-forgotten", "you count weights only. A parameter is all that is learned.",
                    partial(_heads, biases=(False, False))),
            Mistake("bias-forgotten-behind-the-average", "your second layer has no bias. It is a dense layer too.",
                    partial(_heads, biases=(True, False))),
            Mistake("one-bias", "you add one bias for the whole layer. Each of its outputs has one.",
                    lambda *a, **o: tuple(1 + n for n in _heads(*a, biases=(False, False), **o))),
            Mistake("ceil-for-floor", "you count a window that hangs over the edge. Without `ceil_mode`, is it there?",
                    partial(_heads, size=lambda n, k: -(-n // k))),
            Mistake("stride-one", "your pool steps by one pixel. That is a convolution's default, not a pool's.",
                    partial(_heads, size=lambda n, k: n - k + 1)),
            Mistake("stride-two", "your pool steps by two pixels, whatever its window is.",
                    partial(_heads, size=lambda n, k: (n - k) // 2 + 1)),
            Mistake("pool-ignored", "your dense layer reads the map in front of the pool.",
                    partial(_heads, size=lambda n, k: n)),
            Mistake("pooled-on-one-axis", "your pool shrinks the rows and leaves the columns.",
                    lambda c, h, w, n, *, window=2: _heads(c, h, w * window, n, window=window)),
            Mistake("channels-pooled", "your pool makes fewer channels. Which axes does a pool shrink?",
                    lambda c, *a, window=2: _heads(c // window, *a, window=window)),
            Mistake("square-assumed", "you take the height for the width as well.",
                    lambda c, h, w, n, **o: _heads(c, h, h, n, **o)),
            Mistake("channels-not-flattened", "your flattened row has the pixels of one channel.",
                    partial(_heads, flat=lambda c, h, w: h * w)),
            Mistake("average-over-channels", "your average leaves a number for each pixel. What does a global average "
                    "keep?", partial(_heads, kept=lambda c, h, w: h * w)),
            Mistake("one-average-for-all", "your average makes one number of all channels.",
                    partial(_heads, kept=lambda c, h, w: 1)),
        ),
    ),
)


def _avg_pool(x, kernel_size, *, stride=None, padding=0, count_border=True):
    return avg_pool2d(x, kernel_size, stride=stride, padding=padding, count_include_pad=count_border)


def _windows(x, kernel_size, stride, sides=(0, 0)):
    """Return all windows, (N, C, H_out, W_out, k, k), over a border of (before, after) zeros."""
    x = np.pad(x, [(0, 0), (0, 0), sides, sides])
    view = np.lib.stride_tricks.sliding_window_view(x, (kernel_size, kernel_size), axis=(2, 3))
    return view[:, :, ::stride or kernel_size, ::stride or kernel_size]


def _options(change):
    """Return an average pool with other options: change(kernel_size, stride, padding, count_border)."""
    def pool(x, kernel_size, *, stride=None, padding=0, count_border=True):
        stride, padding, count_border = change(kernel_size, stride, padding, count_border)
        return _avg_pool(x, kernel_size, stride=stride, padding=padding, count_border=count_border)
    return pool


def _one_side(x, kernel_size, *, stride=None, padding=0, count_border=True):
    both = (_windows(each, kernel_size, stride, (padding, 0)) for each in (x, np.ones_like(x)))
    total, pixels = (windows.sum(axis=(4, 5)) for windows in both)
    return total / (kernel_size**2 if count_border else pixels)


def _steps(rows, columns):
    def pool(x, kernel_size, *, stride=None, padding=0, count_border=True):
        down = _avg_pool(x, kernel_size, stride=1, padding=padding, count_border=count_border)
        stride = stride or kernel_size
        return down[:, :, ::stride if rows else 1, ::stride if columns else 1]
    return pool


def _draw_pools(random):
    for _ in range(8):
        kernel = int(random.integers(2, 5))
        yield (random.normal(size=(int(random.integers(1, 3)), int(random.integers(2, 4)), *random.integers(5, 10, 2))),
               kernel, {"stride": int(random.integers(1, 4)), "padding": int(random.integers(0, kernel // 2 + 1)),
                        "count_border": bool(random.integers(0, 2))})


def _numbers(*shape, seed=0):
    return np.random.default_rng(seed).integers(-9, 10, shape).astype(float)


AVERAGE_POOL = Task(
    points=5,
    draw=_draw_pools,
    forbidden=tuple(name for name in POOLING if name not in ("aten::mean", "aten::amax")),  # those are no pools
    exercise=Exercise(
        name="average_pool",
        objective=2,
        reference=_avg_pool,
        cases=(
            (_numbers(1, 1, 3, 4), 2, {"stride": 1}),
            (_numbers(1, 2, 5, 4), 2),
            (_numbers(2, 2, 5, 7), 3, {"stride": 2}),
            (_numbers(1, 1, 4, 5, seed=2), 2, {"stride": 2, "padding": 1}),
            (_numbers(2, 3, 6, 5), 3, {"stride": 2, "padding": 1, "count_border": False}),
        ),
        mistakes=(
            Mistake("border-always-counted", "you divide by the whole window, whatever `count_border` says.",
                    _options(lambda k, s, p, count: (s, p, True))),
            Mistake("border-never-counted", "you never divide by the whole window. What is the default?",
                    _options(lambda k, s, p, count: (s, p, False))),
            Mistake("border-turned-round", "you read `count_border` the wrong way round.",
                    _options(lambda k, s, p, count: (s, p, not count))),
            Mistake("stride-one-by-default", "without a stride, your windows move by one pixel. What does a pool do?",
                    _options(lambda k, s, p, count: (s or 1, p, count))),
            Mistake("stride-ignored", "your windows always stand side by side. A stride that is given must move them.",
                    _options(lambda k, s, p, count: (k, p, count))),
            Mistake("stride-on-rows-only", "you step over rows, but take every column.", _steps(True, False)),
            Mistake("stride-on-columns-only", "you step over columns, but take every row.", _steps(False, True)),
            Mistake("padding-ignored", "your windows never reach over the edge.",
                    _options(lambda k, s, p, count: (s, 0, count))),
            Mistake("padding-on-one-side", "your border lies above and on the left only.", _one_side),
            Mistake("max-for-mean", "you keep the largest number of a window.",
                    lambda x, k, *, stride=None, padding=0, count_border=True: max_pool2d(
                        x, k, stride=stride, padding=padding)),
            Mistake("sum-for-mean", "you add the numbers of a window up. By what is a mean divided?",
                    lambda x, k, *, stride=None, padding=0, count_border=True: _windows(
                        x, k, stride, (padding, padding)).sum(axis=(4, 5))),
            Mistake("divided-by-the-side", "you divide by the side of the window, not by how many numbers it holds.",
                    lambda x, k, *, stride=None, padding=0, count_border=True: _windows(
                        x, k, stride, (padding, padding)).sum(axis=(4, 5)) / k),
            Mistake("channels-mixed", "you average over the channels too. A pool handles each channel alone.",
                    lambda x, k, **o: _avg_pool(x, k, **o).mean(axis=1, keepdims=True)),
            Mistake("pictures-mixed", "you average over the batch too. The pictures of a batch never meet.",
                    lambda x, k, **o: _avg_pool(x, k, **o).mean(axis=0, keepdims=True)),
            Mistake("last-window-dropped", "the last row and column of your maps are missing. Where does the last "
                    "window begin that still fits?", lambda x, k, **o: _avg_pool(x, k, **o)[:, :, :-1, :-1]),
        ),
    ),
)


def _between(x, kernel_size, sharpness, *, stride=None, normal=lambda w: w.sum(axis=(4, 5)),
             exponent=lambda sharpness, values: sharpness * values):
    """Return the weighted mean of each window; normal and exponent are what can go wrong."""
    values = _windows(x, kernel_size, stride)
    weights = np.exp(exponent(sharpness, values))
    return (weights * values).sum(axis=(4, 5)) / normal(weights)


def _whole_map(x, kernel_size, sharpness, *, stride=None):
    weights = np.exp(sharpness * x)
    weights /= weights.sum(axis=(2, 3), keepdims=True)
    return _windows(weights * x, kernel_size, stride).sum(axis=(4, 5))


def _across_channels(x, kernel_size, sharpness, *, stride=None):
    weights = _windows(np.exp(sharpness * x), kernel_size, stride)
    return (weights * _windows(x, kernel_size, stride)).sum(axis=(4, 5)) / weights.sum(axis=(1, 4, 5))[:, None]


def _draw_between(random):
    for _ in range(8):
        x = random.normal(size=(int(random.integers(1, 3)), int(random.integers(2, 4)), *random.integers(4, 9, 2)))
        yield (x, int(random.integers(2, 4)), float(random.integers(0, 9)) / 2, {"stride": int(random.integers(1, 4))})


BETWEEN = Task(
    points=4,
    draw=_draw_between,
    exercise=Exercise(
        name="between_pool",
        objective=6,
        reference=lambda *a, **o: _between(*a, **o),
        cases=(
            (np.array([[[[0.0, 1], [2, 3]]]]), 2, 0.0),
            (np.array([[[[0.0, 1], [2, 3]]]]), 2, 1.0),
            (_numbers(1, 2, 4, 5) / 8, 2, 0.5),
            (_numbers(2, 2, 5, 4, seed=1) / 8, 2, 2.0, {"stride": 1}),
            (_numbers(2, 3, 6, 7, seed=2) / 4, 3, 3.0, {"stride": 2}),
        ),
        mistakes=(
            Mistake("sharpness-ignored", "your results do not depend on the sharpness.",
                    partial(_between, exponent=lambda s, v: v)),
            Mistake("plain-mean", "you return means, whatever the sharpness is.",
                    partial(_between, exponent=lambda s, v: 0 * v)),
            Mistake("plain-maximum", "you return maxima, whatever the sharpness is.",
                    lambda x, k, s, *, stride=None: _windows(x, k, stride).max(axis=(4, 5))),
            Mistake("towards-the-smallest", "a larger sharpness moves your results to the smallest number.",
                    partial(_between, exponent=lambda s, v: -s * v)),
            Mistake("weights-not-divided", "your weights do not add up to 1 in a window.",
                    partial(_between, normal=lambda w: 1)),
            Mistake("divided-by-the-count", "you divide by the number of pixels. By what must weights be divided?",
                    partial(_between, normal=lambda w: w.shape[4] * w.shape[5])),
            Mistake("weights-over-the-map", "your weights add up to 1 over the whole map, not in each window.",
                    _whole_map),
            Mistake("weights-across-channels", "your weights add up to 1 over all channels of a window. A pool handles "
                    "each channel alone.", _across_channels),
            Mistake("logarithm-of-the-sum", "you return the logarithm of a mean of exponentials: another pool between "
                    "mean and maximum. The task asks for a weighted mean.",
                    lambda x, k, s, *, stride=None: np.log(np.exp(s * _windows(x, k, stride)).mean(axis=(4, 5)))
                    / s if s else _between(x, k, 0, stride=stride)),
            Mistake("weights-of-the-size", "you weight by the size without the sign. Is −5 brighter than 3?",
                    partial(_between, exponent=lambda s, v: s * np.abs(v))),
            Mistake("stride-one-by-default", "without a stride, your windows move by one pixel. What does a pool do?",
                    lambda x, k, s, *, stride=None: _between(x, k, s, stride=stride or 1)),
            Mistake("stride-ignored", "your windows always stand side by side. A stride that is given must move them.",
                    lambda x, k, s, *, stride=None: _between(x, k, s)),
        ),
    ),
)

TASKS = (TWO_HEADS, AVERAGE_POOL, BETWEEN)
