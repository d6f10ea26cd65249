"""The exercises of chapter 4: counting windows, max pooling, global and adaptive averages, a smoother pool."""
from functools import partial
from math import ceil, floor

import numpy as np

from cnnlib.exercises._check import Exercise, Mistake
from cnnlib.shapes import pool_output_size


def _pool_windows(size, kernel_size, *, stride, padding=0, ceil_mode=False):
    return pool_output_size(size, kernel_size, stride=stride, padding=padding, ceil_mode=ceil_mode)


def _formula(size, kernel_size, *, stride, padding=0, ceil_mode=False, both=2, round_up=None, first=1):
    """Count windows by the bare formula: both paddings count, round_up overrules ceil_mode, first is the last + 1."""
    up = ceil_mode if round_up is None else round_up
    return (ceil if up else floor)((size + both * padding - kernel_size) / stride) + first


def _start_without_padding(size, kernel_size, *, stride, padding=0, ceil_mode=False):
    windows = _formula(size, kernel_size, stride=stride, padding=padding, ceil_mode=ceil_mode)
    return windows - (ceil_mode and (windows - 1) * stride >= size)


NO_PADDING = "your count does not change with the padding."
POOL_WINDOWS = Exercise(
    name="pool_windows",
    objective=1,
    reference=_pool_windows,
    cases=(
        (4, 2, {"stride": 2}),
        (3, 2, {"stride": 1}),
        (3, 2, {"stride": 1, "padding": 1}),
        (5, 2, {"stride": 2}),
        (5, 2, {"stride": 2, "ceil_mode": True}),
        (4, 2, {"stride": 4, "padding": 1, "ceil_mode": True}),
        (5, 3, {"stride": 2, "padding": 1}),
        (5, 2, {"stride": 3, "padding": 1, "ceil_mode": True}),
        (32, 2, {"stride": 2, "padding": 1}),
        (55, 3, {"stride": 2}),
        (112, 3, {"stride": 2, "ceil_mode": True}),
    ),
    mistakes=(
        Mistake("last-window-in-the-padding",
                "the formula with its ceiling is right, but one of your windows starts behind the last pixel, in the "
                "padding. PyTorch drops such a window.",
                _formula),
        Mistake("start-without-the-padding",
                "you drop a last window that still starts inside the input. The first window begins in the padding, "
                "not at the first pixel. At which pixel does the last one begin?",
                _start_without_padding),
        Mistake("always-floor",
                "you round down, whatever ceil_mode says.",
                partial(_formula, round_up=False)),
        Mistake("always-ceil",
                "you round up, whatever ceil_mode says. What is the default?",
                partial(_formula, round_up=True)),
        Mistake("padding-once",
                "you add the padding once. PyTorch puts it on both sides of the axis.",
                partial(_formula, both=1)),
        Mistake("padding-ignored",
                NO_PADDING,
                partial(_formula, both=0)),
        Mistake("padding-ignored-in-both-rules",
                NO_PADDING,
                lambda n, k, *, stride, padding=0, ceil_mode=False: _pool_windows(
                    n, k, stride=stride, ceil_mode=ceil_mode)),
        Mistake("one-window-short",
                "you count the steps between windows. How many windows does a row with 0 steps have?",
                partial(_formula, first=0)),
        Mistake("stride-is-the-window",
                "you step by the window's size. That is only PyTorch's default; here a stride is given.",
                lambda n, k, *, stride, padding=0, ceil_mode=False: _pool_windows(
                    n, k, stride=k, padding=padding, ceil_mode=ceil_mode)),
        Mistake("size-over-stride",
                "you divide the size by the stride. Where does the window's own size come in?",
                lambda n, k, *, stride, padding=0, ceil_mode=False: n // stride),
    ),
)


def _max_pool(x, kernel_size, *, stride=None, padding=0, fill=-np.inf, sides=None, reduce=np.max):
    """Pool (H, W); fill is what the border holds, sides the pixels (before, after) on both axes."""
    stride = kernel_size if stride is None else stride
    x = np.pad(np.asarray(x, dtype=float), sides or (padding, padding), constant_values=fill)
    windows = np.lib.stride_tricks.sliding_window_view(x, (kernel_size, kernel_size))[::stride, ::stride]
    return reduce(windows, axis=(2, 3))


def _stride_one(x, kernel_size, *, stride=None, padding=0):
    return _max_pool(x, kernel_size, stride=stride or 1, padding=padding)


def _after_the_end(x, kernel_size, *, stride=None, padding=0):
    return _max_pool(x, kernel_size, stride=stride, sides=(0, 2 * padding))


NINE = np.array([[0, 1, 2], [3, 4, 5], [6, 7, 8]])
MIXED = np.array([[-3, -1, -4, -1, -5], [-9, -2, 6, 5, 3], [-5, -8, 9, 7, -9], [-3, -2, 3, 8, 4]])
LOW = np.array([[-4000, -2000, 3], [-3000, -1000, 2], [1, 4, -5]])  # a corner below the numbers that borders may hold
MAX_POOL = Exercise(
    name="max_pool",
    objective=2,
    reference=_max_pool,
    cases=(
        (NINE, 2, {"stride": 1}),
        (LOW, 3, {"stride": 2, "padding": 1}),
        (MIXED, 2),
        (MIXED, 3, {"stride": 1}),
        (MIXED[:3], 2, {"padding": 1}),
        (MIXED, 3, {"stride": 2, "padding": 1}),
    ),
    mistakes=(
        Mistake("padded-with-zeros",
                "your border holds zeros. Where all pixels of a window are negative, a zero wins that is not in the "
                "picture.",
                partial(_max_pool, fill=0)),
        Mistake("stride-one-by-default",
                "without a stride, your windows move by one pixel. PyTorch then steps by the window's size.",
                _stride_one),
        Mistake("stride-ignored",
                "your windows always stand side by side. A stride that is given must move them.",
                lambda x, k, *, stride=None, padding=0: _max_pool(x, k, padding=padding)),
        Mistake("padding-ignored",
                "your windows never reach over the edge.",
                lambda x, k, *, stride=None, padding=0: _max_pool(x, k, stride=stride)),
        Mistake("padding-after-the-end",
                "your border lies below and on the right only. Each side gets its own padding.",
                _after_the_end),
        Mistake("mean-instead-of-max",
                "you return means. The exercise asks for the largest value.",
                lambda x, k, *, stride=None, padding=0: _max_pool(
                    x, k, stride=stride, padding=padding, fill=0, reduce=np.mean)),
        Mistake("largest-magnitude",
                "you compare without the sign. -9 is smaller than 6.",
                lambda x, k, *, stride=None, padding=0: _max_pool(np.abs(x), k, stride=stride, padding=padding)),
    ),
)

_numbers = np.random.default_rng(4)
MAPS = _numbers.integers(-5, 10, size=(2, 3, 4, 5)).astype(float)
GLOBAL_AVERAGE = Exercise(
    name="global_average",
    objective=5,
    reference=lambda x: x.mean(axis=(2, 3)),
    cases=((np.array([[[[1.0, 2], [3, 6]]]]),), (MAPS[:1, :2, :2],), (MAPS,)),
    mistakes=(
        Mistake("axes-kept",
                "the numbers are right, but two axes of size 1 are left. A dense layer wants (N, C).",
                lambda x: x.mean(axis=(2, 3), keepdims=True)),
        Mistake("channels-mixed",
                "you average over the channels as well. Each channel keeps its own number.",
                lambda x: x.mean(axis=(1, 2, 3))),
        Mistake("images-mixed",
                "you average over the batch as well. Each image keeps its own numbers.",
                lambda x: x.mean(axis=(0, 2, 3))),
        Mistake("over-the-channels",
                "you average over the channels of each pixel. Average over the pixels of each channel.",
                lambda x: x.mean(axis=1)),
        Mistake("sum-not-mean",
                "you add the pixels up. Then a larger image gives larger numbers.",
                lambda x: x.sum(axis=(2, 3))),
        Mistake("max-not-mean",
                "you return the largest pixel. That is global max pooling.",
                lambda x: x.max(axis=(2, 3))),
        Mistake("square-assumed",
                "you divide by height times height. The maps are not always square.",
                lambda x: x.sum(axis=(2, 3)) / x.shape[2] ** 2),
    ),
)


def _adaptive(row, output_size, *, start=lambda i, n, o: i * n // o, end=lambda i, n, o: -(-(i + 1) * n // o),
              reduce=np.mean):
    """Average the parts of a row; start and end give the pixels of part i from its size n and o parts."""
    n = len(row)
    parts = [row[start(i, n, output_size):end(i, n, output_size)] for i in range(output_size)]
    return np.array([reduce(part) for part in parts])


def _equal_parts(row, output_size):
    size = len(row) // output_size
    return np.array([np.mean(row[i * size:(i + 1) * size]) for i in range(output_size)])


ROW = np.array([3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5.0])
ADAPTIVE_AVERAGE = Exercise(
    name="adaptive_average",
    objective=5,
    reference=_adaptive,
    cases=((ROW[:4], 2), (ROW[:4], 1), (ROW[:5], 2), (ROW[:7], 3), (ROW, 4), (ROW[:8], 5)),
    mistakes=(
        Mistake("rest-dropped",
                "all parts have the same whole size, so pixels at the end are never used.",
                _equal_parts),
        Mistake("parts-do-not-overlap",
                "each of your parts ends where the next begins. PyTorch rounds the end up, so neighbors may share a "
                "pixel.",
                partial(_adaptive, end=lambda i, n, o: (i + 1) * n // o)),
        Mistake("first-parts-larger",
                "you give the pixels that are left over to the first parts. The formula rounds each start and end by "
                "itself.",
                lambda row, o: np.array([part.mean() for part in np.array_split(row, o)])),
        Mistake("start-rounded-up",
                "you round the starts up. Round starts down and ends up.",
                partial(_adaptive, start=lambda i, n, o: -(-i * n // o))),
        Mistake("max-instead-of-mean",
                "you return the largest number of each part.",
                partial(_adaptive, reduce=np.max)),
        Mistake("sum-instead-of-mean",
                "you add up each part. The parts differ in size, so the sums cannot be compared.",
                partial(_adaptive, reduce=np.sum)),
    ),
)


def _two_steps(x, *, first=np.max, second=np.mean, strides=(1, 2)):
    x = _max_pool(x, 2, stride=strides[0], reduce=first)
    return _max_pool(x, 2, stride=strides[1], reduce=second)


SMOOTH_POOL = Exercise(
    name="smooth_pool",
    objective=3,
    reference=_two_steps,
    cases=((MIXED[:, 1:],), (MIXED,), (_numbers.integers(-9, 10, size=(7, 6)),)),
    mistakes=(
        Mistake("mean-before-max",
                "you average first. The largest value must be found before the mean can smooth its jumps.",
                partial(_two_steps, first=np.mean, second=np.max)),
        Mistake("step-two-too-early",
                "your maximum already steps by two. Let it step by one; only the mean skips.",
                partial(_two_steps, strides=(2, 1))),
        Mistake("no-step-of-two",
                "both of your steps move by one pixel. Where does the map become smaller?",
                partial(_two_steps, strides=(1, 1))),
        Mistake("mean-left-out",
                "this is plain max pooling. What smooths it?",
                lambda x: _max_pool(x, 2)),
        Mistake("max-left-out",
                "this is plain average pooling. Where is the maximum?",
                lambda x: _max_pool(x, 2, reduce=np.mean)),
        Mistake("max-twice",
                "your second step takes the maximum again. It should take the mean.",
                partial(_two_steps, second=np.max)),
    ),
)

EXERCISES = {each.name: each for each in (POOL_WINDOWS, MAX_POOL, GLOBAL_AVERAGE, ADAPTIVE_AVERAGE, SMOOTH_POOL)}
check_pool_windows, check_max_pool, check_global_average, check_adaptive_average, check_smooth_pool = (
    exercise.check for exercise in EXERCISES.values()
)
