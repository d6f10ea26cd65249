"""The assignment of chapter 2: the shape of a map, a filter that steps, what a stack sees and costs."""
import math

import numpy as np

from cnnlib.exercises._check import Exercise, Mistake
from cnnlib.exercises._task import Task
from cnnlib.exercises._watch import CONVOLUTION, CONVOLUTION_OPERATORS
from cnnlib.scratch import conv2d
from cnnlib.shapes import conv_mac_count, conv_output_shape, receptive_field


def _map_shape(input_shape, out_channels, kernel_size, *, stride=(1, 1), padding=(0, 0)):
    return conv_output_shape(input_shape, out_channels, kernel_size, stride=stride, padding=padding)


def _shape_with(size=lambda n, k, s, p: (n + 2 * p - k) // s + 1, *, batch=0, channels=None, pick=lambda pair: pair):
    """Return a map_shape that counts an axis, the batch, the channels or the pairs in another way."""
    def shape(input_shape, out_channels, kernel_size, *, stride=(1, 1), padding=(0, 0)):
        sizes = (size(*axis) for axis in zip(input_shape[2:], kernel_size, pick(stride), padding, strict=True))
        depth = out_channels if channels is None else channels(input_shape, out_channels)
        return (input_shape[batch], depth, *sizes)
    return shape


def _draw_shapes(random):
    for _ in range(12):
        kernel = tuple(int(k) for k in random.integers(1, 6, 2))
        sizes = (int(n) for n in random.integers(6, 40, 2))
        yield ((int(random.integers(1, 9)), int(random.integers(1, 5)), *sizes), int(random.integers(5, 33)), kernel,
               {"stride": tuple(int(s) for s in random.integers(1, 4, 2)),
                "padding": tuple(int(p) for p in random.integers(0, 4, 2))})


MAP_SHAPE = Task(
    points=3,
    draw=_draw_shapes,
    forbidden=("cnnlib.shapes", *CONVOLUTION_OPERATORS, "cnnlib.scratch"),
    exercise=Exercise(
        name="map_shape",
        objective=2,
        reference=_map_shape,
        cases=(
            ((1, 1, 5, 5), 1, (3, 3)),
            ((2, 3, 6, 9), 4, (3, 2)),
            ((2, 3, 8, 11), 5, (3, 3), {"stride": (2, 3)}),
            ((4, 3, 7, 7), 6, (3, 5), {"padding": (1, 2)}),
            ((4, 3, 10, 12), 8, (3, 5), {"stride": (2, 3), "padding": (1, 0)}),
        ),
        mistakes=(
            Mistake("ceil-for-floor", "your sizes are one too large where the stride does not divide evenly. May a "
                    "window hang over the edge?", _shape_with(lambda n, k, s, p: math.ceil((n + 2 * p - k) / s) + 1)),
            Mistake("padding-once", "you add the padding one time. On how many sides does it lie?",
                    _shape_with(lambda n, k, s, p: (n + p - k) // s + 1)),
            Mistake("padding-ignored", "your sizes do not use the padding.",
                    _shape_with(lambda n, k, s, p: (n - k) // s + 1)),
            Mistake("stride-on-rows-only", "you use the first stride on both axes. The second number is the columns'.",
                    _shape_with(pick=lambda pair: (pair[0], pair[0]))),
            Mistake("axes-swapped", "you use the strides in the order columns, rows. Shapes say the rows first.",
                    _shape_with(pick=lambda pair: pair[::-1])),
            Mistake("stride-ignored", "your sizes do not use the stride.",
                    _shape_with(lambda n, k, s, p: n + 2 * p - k + 1)),
            Mistake("first-window-forgotten", "you count the steps, not the windows. What about the window before the "
                    "first step?", _shape_with(lambda n, k, s, p: (n + 2 * p - k) // s)),
            Mistake("input-channels", "your map has as many channels as the input. How many filters are there?",
                    _shape_with(channels=lambda shape, out: shape[1])),
            Mistake("channels-multiplied", "you multiply the channels. A filter sums over all input channels: how many "
                    "maps does one filter give?", _shape_with(channels=lambda shape, out: shape[1] * out)),
            Mistake("batch-lost", "the first number of the shape is not the batch. Does a convolution change how many "
                    "pictures there are?", lambda *a, **o: (1, *_map_shape(*a, **o)[1:])),
        ),
    ),
)


def _filter_map(image, kernel, *, stride=1, padding=0):
    return conv2d(image[None, None], kernel[None, None], stride=stride, padding=padding)[0, 0]


def _filtered(image, kernel, *, stride=1, padding=0, mode="constant", value=0.0):
    """Filter with another kind of edge."""
    options = {"constant_values": value} if mode == "constant" else {}
    return _filter_map(np.pad(image, padding, mode=mode, **options), kernel, stride=stride)


def _steps_apart(rows, columns):
    def filter_map(image, kernel, *, stride=1, padding=0):
        return _filter_map(image, kernel, padding=padding)[::stride if rows else 1, ::stride if columns else 1]
    return filter_map


def _draw_filters(random):
    for _ in range(8):
        kernel = random.normal(size=random.integers(1, 5, 2))
        yield (random.normal(size=random.integers(5, 12, 2)), kernel,
               {"stride": int(random.integers(1, 4)), "padding": int(random.integers(0, 3))})


def _numbers(*shape, seed=0):
    return np.random.default_rng(seed).integers(-4, 5, shape).astype(float)


FILTER_MAP = Task(
    points=5,
    draw=_draw_filters,
    forbidden=CONVOLUTION,
    exercise=Exercise(
        name="filter_map",
        objective=1,
        reference=_filter_map,
        cases=(
            (_numbers(3, 3), _numbers(2, 2, seed=1)),
            (_numbers(4, 5), _numbers(3, 2, seed=2)),
            (_numbers(5, 7), _numbers(2, 3, seed=3), {"stride": 2}),
            (_numbers(4, 4), _numbers(3, 3, seed=4), {"padding": 1}),
            (_numbers(6, 7), _numbers(3, 3, seed=5), {"stride": 3, "padding": 2}),
        ),
        mistakes=(
            Mistake("flipped-kernel", "you turn the kernel by half a turn first. That is what mathematics calls a "
                    "convolution; what does a layer of a network compute?",
                    lambda x, k, **o: _filter_map(x, k[::-1, ::-1], **o)),
            Mistake("transposed-kernel", "rows and columns of the kernel are swapped.",
                    lambda x, k, **o: _filter_map(x, k.T, **o)),
            Mistake("stride-on-rows-only", "you step over rows, but take every column.", _steps_apart(True, False)),
            Mistake("stride-on-columns-only", "you step over columns, but take every row.", _steps_apart(False, True)),
            Mistake("stride-ignored", "your window moves by one pixel, whatever the stride is.",
                    lambda x, k, *, stride=1, padding=0: _filter_map(x, k, padding=padding)),
            Mistake("padding-ignored", "your map does not use the padding.",
                    lambda x, k, *, stride=1, padding=0: _filter_map(x, k, stride=stride)),
            Mistake("padding-on-one-side", "you add the zeros above and to the left only.",
                    lambda x, k, *, stride=1, padding=0: _filter_map(np.pad(x, [(padding, 0)] * 2), k, stride=stride)),
            Mistake("edge-repeated", "your padding repeats the edge of the picture. With what does a layer pad?",
                    lambda x, k, **o: _filtered(x, k, mode="edge", **o)),
            Mistake("mean-for-sum", "you take the mean of the products. A window gives their sum.",
                    lambda x, k, **o: _filter_map(x, k, **o) / k.size),
            Mistake("max-for-sum", "you take the largest product of a window. A window gives the sum of all.",
                    lambda x, k, *, stride=1, padding=0: (np.lib.stride_tricks.sliding_window_view(
                        np.pad(x, padding), k.shape)[::stride, ::stride] * k).max(axis=(2, 3))),
            Mistake("last-window-dropped", "the last row and column of your map are missing. Where does the last "
                    "window begin that still fits?", lambda x, k, **o: _filter_map(x, k, **o)[:-1, :-1]),
        ),
    ),
)


def _look_and_cost(size, channels, kernels):
    field = receptive_field([(k, 1, 0) for k in kernels])[-1].size
    macs, shape = 0, (1, channels, size, size)
    for kernel in kernels:
        macs += conv_mac_count(shape, channels, kernel)
        shape = conv_output_shape(shape, channels, kernel)
    return field, macs


def _stack(field=lambda ks: 1 + sum(k - 1 for k in ks), macs=lambda n, c, k: n * n * c * c * k * k,
           shrink=lambda n, k: n - k + 1, first=False):
    """Return a look_and_cost with another rule for the field, the cost of a layer or the size of the next map."""
    def look_and_cost(size, channels, kernels):
        total = 0
        for kernel in kernels:
            after = shrink(size, kernel)
            total += macs(size if first else after, channels, kernel)
            size = after
        return field(kernels), total
    return look_and_cost


def _draw_stacks(random):
    for _ in range(10):
        kernels = [int(k) for k in random.integers(1, 6, random.integers(1, 5))]
        yield int(random.integers(20, 33)), int(random.integers(2, 12)), kernels


LOOK_AND_COST = Task(
    points=4,
    draw=_draw_stacks,
    forbidden=("cnnlib.shapes",),
    exercise=Exercise(
        name="look_and_cost",
        objective=5,
        reference=_look_and_cost,
        cases=((5, 1, [3]), (7, 2, [5]), (7, 2, [3, 3]), (12, 3, [1, 3, 4]), (16, 4, [5, 2, 3])),
        mistakes=(
            Mistake("fields-added", "your field is the sum of the kernel sizes. Neighbouring windows overlap: by how "
                    "much does one more layer widen the view?", _stack(field=sum)),
            Mistake("fields-multiplied", "your field is the product of the kernel sizes. Without stride, does each "
                    "layer multiply what is seen, or add to it?", _stack(field=math.prod)),
            Mistake("last-layer-only", "your field is that of the last layer on its own input, not on the picture.",
                    _stack(field=lambda ks: ks[-1])),
            Mistake("start-pixel-forgotten", "your field is one too small: with no layer, a number sees one pixel.",
                    _stack(field=lambda ks: sum(k - 1 for k in ks))),
            Mistake("field-as-area", "the field is asked for as a width in pixels; you give the area.",
                    _stack(field=lambda ks: (1 + sum(k - 1 for k in ks)) ** 2)),
            Mistake("input-positions", "you count a multiplication for each pixel of a layer's input. At how many "
                    "places does the window stand?", _stack(first=True)),
            Mistake("size-kept", "your maps never get smaller. There is no padding here.",
                    _stack(shrink=lambda n, k: n, first=True)),
            Mistake("shrinks-by-kernel", "you let each layer take a whole kernel size from the map.",
                    _stack(shrink=lambda n, k: n - k)),
            Mistake("channels-once", "you count the channels one time. Every output channel looks at all inputs.",
                    _stack(macs=lambda n, c, k: n * n * c * k * k)),
            Mistake("kernel-once", "you count the kernel's width, not its area.",
                    _stack(macs=lambda n, c, k: n * n * c * c * k)),
            Mistake("weights-for-macs", "your cost is the number of weights. Each weight is used once for each place "
                    "of the window.", _stack(macs=lambda n, c, k: c * c * k * k)),
            Mistake("two-per-mac", "you count the multiplication and the addition apart. One MAC is both.",
                    _stack(macs=lambda n, c, k: 2 * n * n * c * c * k * k)),
        ),
    ),
)

TASKS = (MAP_SHAPE, FILTER_MAP, LOOK_AND_COST)
