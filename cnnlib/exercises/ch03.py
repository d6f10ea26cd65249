"""The exercises of chapter 3: one output, an edge kernel, two strides, groups, columns."""

from functools import partial

import numpy as np

from cnnlib.exercises._check import Exercise, Mistake
from cnnlib.scratch import conv2d_v4

IMAGE = np.array([[1, 2, 0, 5, 3], [4, 5, 6, 7, 8], [1, 0, 9, 2, 3], [4, 2, 3, 4, 5]])
KERNEL = np.array([[1, 2], [3, -4]])
WIDE = np.array([[1, 0, -2], [3, 5, 4]])


def _window(x, weight, top, left):
    return x[top:top + weight.shape[0], left:left + weight.shape[1]]


def _one_output(x, weight, row, col, *, stride=1):
    return float(np.sum(_window(x, weight, row * stride, col * stride) * weight))


def _add_first(x, weight, row, col, *, stride=1):
    return float(_window(x, weight, row * stride, col * stride).sum() * weight.sum())


ONE_OUTPUT = Exercise(
    name="one_output",
    objective=1,
    reference=_one_output,
    cases=(
        (IMAGE[:3, :4], KERNEL, 0, 0),
        (IMAGE[:3, :4], KERNEL, 0, 1),
        (IMAGE, KERNEL, 2, 1),
        (IMAGE, WIDE, 1, 2),
        (IMAGE, KERNEL, 0, 1, {"stride": 2}),
        (IMAGE, WIDE, 1, 0, {"stride": 2}),
    ),
    mistakes=(
        Mistake("stride-ignored",
                "you start the window at pixel (row, col). These count outputs; at stride 2, where does output "
                "1 start?",
                lambda x, w, row, col, *, stride=1: _one_output(x, w, row, col)),
        Mistake("kernel-turned",
                "you turn the kernel by 180°. That is true convolution; the exercise asks for what PyTorch computes.",
                lambda x, w, row, col, *, stride=1: _one_output(x, w[::-1, ::-1], row, col, stride=stride)),
        Mistake("row-col-swapped",
                "you take row for the place across. Which index of an array goes down?",
                lambda x, w, row, col, *, stride=1: float(np.sum(_window(x, w, col * stride, row * stride) * w))),
        Mistake("sum-before-product",
                "you add up the window and the kernel first and multiply the two sums. Which pixel meets which "
                "weight?",
                _add_first),
        Mistake("mean-of-products",
                "you divide by the number of weights. A convolution adds; it takes no mean.",
                lambda x, w, row, col, *, stride=1: _one_output(x, w, row, col, stride=stride) / w.size),
        Mistake("products-not-added",
                "you return one product for each weight. One output is one number.",
                lambda x, w, row, col, *, stride=1: _window(x, w, row * stride, col * stride) * w),
    ),
)

HORIZONTAL_EDGES = Exercise(
    name="horizontal_edges",
    objective=1,
    reference=lambda: np.array([[1, -1]]).T,
    cases=((),),
    mistakes=(
        Mistake("vertical-edges",
                "this kernel compares left with right, so it finds upright edges. Which two pixels lie across a "
                "flat edge?",
                lambda: np.array([[1, -1]])),
        Mistake("sign-turned",
                "the edges are found, with the wrong sign. What does your kernel give where white lies above black?",
                lambda: np.array([[-1, 1]]).T),
        Mistake("vertical-edges-sign-turned",
                "this kernel compares left with right, and the wrong way round.",
                lambda: np.array([[-1, 1]])),
        Mistake("one-axis",
                "this is a row of two numbers with one axis. A kernel has a height and a width, so it needs two "
                "axes.",
                lambda: np.array([1, -1])),
        Mistake("one-axis-sign-turned",
                "this is a row of two numbers with one axis. A kernel has a height and a width. Then look at "
                "the sign.",
                lambda: np.array([-1, 1])),
        Mistake("sum-not-difference",
                "this kernel adds the two pixels. On a white area it should give 0; what does it give?",
                lambda: np.array([[1, 1]]).T),
    ),
)


def _strided(x, weight, stride, *, step=None):
    """Slide with (down, across) steps; step, where given, moves the windows but leaves the size of the map."""
    rows, cols = ((n - k) // s + 1 for n, k, s in zip(x.shape, weight.shape, stride, strict=True))
    down, across = step or stride
    windows = [_window(x, weight, row * down, col * across) for row in range(rows) for col in range(cols)]
    return np.reshape([np.sum(window * weight) for window in windows], (rows, cols))


TALL = np.arange(63).reshape(9, 7) ** 2 % 17
TWO_STRIDES = Exercise(
    name="two_strides",
    objective=2,
    reference=_strided,
    cases=(
        (IMAGE[:3, :4], KERNEL, (1, 1)),
        (IMAGE[:3, :4], KERNEL, (1, 2)),
        (IMAGE[:3, :4], WIDE, (2, 1)),
        (TALL, KERNEL, (2, 3)),
        (TALL, WIDE, (3, 2)),
    ),
    mistakes=(
        Mistake("axes-swapped",
                "you use the first stride across. The tuple is (down, across), as in PyTorch.",
                lambda x, w, stride: _strided(x, w, stride[::-1])),
        Mistake("first-stride-twice",
                "you use the first number of the tuple for both axes.",
                lambda x, w, stride: _strided(x, w, (stride[0], stride[0]))),
        Mistake("stride-in-size-only",
                "the map has the right size, but its windows lie side by side. Where does the window of output "
                "1 start?",
                lambda x, w, stride: _strided(x, w, stride, step=(1, 1))),
        Mistake("stride-ignored",
                "your windows move by one pixel, whatever the stride.",
                lambda x, w, stride: _strided(x, w, (1, 1))),
        Mistake("kernel-turned",
                "you turn the kernel by 180°. That is true convolution; the exercise asks for what PyTorch computes.",
                lambda x, w, stride: _strided(x, w[::-1, ::-1], stride)),
    ),
)


def _grouped(x, weight, groups, *, channel=None, group=None):
    """Convolve with groups; channel and group say which channels filter o sees."""
    inside, outside = weight.shape[1], len(weight) // groups
    group = group or (lambda o: o // outside)
    channel = channel or (lambda g: range(g * inside, (g + 1) * inside))
    return np.stack([conv2d_v4(x[list(channel(group(o)))], weight[o]) for o in range(len(weight))])


def _one_filter_each(x, weight, groups):
    inside = weight.shape[1]
    return np.stack([conv2d_v4(x[g * inside:(g + 1) * inside], weight[g]) for g in range(groups)])


_numbers = np.random.default_rng(3)
SIX = _numbers.integers(-5, 10, size=(6, 4, 5))
FILTERS = _numbers.integers(-3, 4, size=(12, 6, 2, 3))
GROUPED = Exercise(
    name="grouped",
    objective=3,
    reference=_grouped,
    cases=(
        (SIX[:2, :2, :3], FILTERS[:2, :2], 1),
        (SIX[:2, :2, :3], FILTERS[:4, :1], 2),
        (SIX[:4], FILTERS[:4, :2], 2),
        (SIX, FILTERS[:6, :2], 3),
        (SIX, FILTERS[:12, :1], 6),
    ),
    mistakes=(
        Mistake("first-group-only",
                "every filter of yours sees the channels of the first group. Which channels belong to group g?",
                lambda x, w, groups: _grouped(x, w, groups, group=lambda o: 0)),
        Mistake("filters-interleaved",
                "you deal the filters out like cards: group 0, 1, 0, 1. Filters of a group stand side by side.",
                lambda x, w, groups: _grouped(x, w, groups, group=lambda o: o % groups)),
        Mistake("channels-interleaved",
                "you deal the channels out like cards: every groups-th one. Channels of a group stand side by side.",
                lambda x, w, groups: _grouped(x, w, groups, channel=lambda g: range(g, len(x), groups))),
        Mistake("one-filter-a-group",
                "you compute one map for each group. How many filters does a group have?",
                _one_filter_each),
        Mistake("maps-summed",
                "you add the maps of all filters. Inputs are summed; what happens to outputs?",
                lambda x, w, groups: _grouped(x, w, groups).sum(axis=0)),
        Mistake("channels-last",
                "your maps lie in the last axis. The book's shapes have the channels first.",
                lambda x, w, groups: np.moveaxis(_grouped(x, w, groups), 0, -1)),
    ),
)


def _unroll(x, kernel_size, *, stride=1, padding=0, order=(0, 3, 4, 1, 2)):
    """Put windows into columns; order arranges the axes (C, h, w, kh, kw)."""
    x = np.pad(x, [(0, 0), (padding, padding), (padding, padding)])
    windows = np.lib.stride_tricks.sliding_window_view(x, (kernel_size, kernel_size), axis=(1, 2))
    windows = windows[:, ::stride, ::stride].transpose(order)
    return windows.reshape(int(np.prod([x.shape[0], kernel_size, kernel_size])), -1)


def _windows_as_rows(x, kernel_size, *, stride=1, padding=0):
    return _unroll(x, kernel_size, stride=stride, padding=padding).T


def _channels_padded(x, kernel_size, *, stride=1, padding=0):
    return _unroll(np.pad(x, [(padding, padding), (0, 0), (0, 0)]), kernel_size, stride=stride, padding=padding)


def _reshaped_only(x, kernel_size, *, stride=1, padding=0):
    return _windows_as_rows(x, kernel_size, stride=stride, padding=padding).reshape(len(x) * kernel_size**2, -1)


SMALL = np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]])
UNROLL = Exercise(
    name="unroll",
    objective=5,
    reference=_unroll,
    cases=(
        (SMALL[None], 2),
        (np.stack([SMALL, 10 * SMALL]), 2),
        (SIX[:2], 3, {"padding": 1}),
        (SIX[:3], 2, {"stride": 2}),
        (SIX[:3], 3, {"stride": 2, "padding": 2}),
    ),
    mistakes=(
        Mistake("windows-as-rows",
                "your windows are the rows. Then a filter, which is a row too, cannot meet them in a product.",
                _windows_as_rows),
        Mistake("reshaped-not-transposed",
                "the shape is right, but the columns are no windows: reshape reads on in the same order.",
                _reshaped_only),
        Mistake("channels-last",
                "your columns hold the channels of a pixel side by side. A filter is (C, kh, kw); its numbers "
                "go channel by channel.",
                partial(_unroll, order=(3, 4, 0, 1, 2))),
        Mistake("down-before-across",
                "your windows are in another order: the second column is the window one step down. Maps are "
                "filled row by row.",
                partial(_unroll, order=(0, 3, 4, 2, 1))),
        Mistake("window-transposed",
                "inside a column, your pixels go down the window first. A filter's numbers go row by row.",
                partial(_unroll, order=(0, 4, 3, 1, 2))),
        Mistake("stride-ignored",
                "you take a window at every pixel, whatever the stride.",
                lambda x, k, *, stride=1, padding=0: _unroll(x, k, padding=padding)),
        Mistake("padding-ignored",
                "your columns never see a padded zero.",
                lambda x, k, *, stride=1, padding=0: _unroll(x, k, stride=stride)),
        Mistake("channels-padded",
                "you padded the channel axis as well. Only height and width get a border.",
                _channels_padded),
    ),
)

EXERCISES = {each.name: each for each in (ONE_OUTPUT, HORIZONTAL_EDGES, TWO_STRIDES, GROUPED, UNROLL)}
check_one_output, check_horizontal_edges, check_two_strides, check_grouped, check_unroll = (
    exercise.check for exercise in EXERCISES.values()
)
