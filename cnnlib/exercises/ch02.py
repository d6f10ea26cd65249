"""The exercises of chapter 2: sizes, padding, channels, cost, receptive field."""

import math

import numpy as np

from cnnlib.exercises._check import Exercise, Mistake
from cnnlib.scratch import conv2d_v4
from cnnlib.shapes import conv_mac_count, conv_output_size, conv_parameter_count, receptive_field, same_padding


def _output_size(size, kernel_size, *, stride=1, padding=0, dilation=1):
    return conv_output_size(size, kernel_size, stride=stride, padding=padding, dilation=dilation)


def _room(size, kernel_size, padding, dilation):
    return size + 2 * padding - dilation * (kernel_size - 1) - 1


OUTPUT_SIZE = Exercise(
    name="output_size",
    objective=2,
    reference=_output_size,
    cases=(
        (5, 3),
        (6, 2, {"stride": 3}),
        (7, 3, {"padding": 2}),
        (10, 3, {"stride": 3, "padding": 1}),
        (11, 3, {"stride": 2, "padding": 1, "dilation": 2}),
        (224, 7, {"stride": 2, "padding": 3}),
    ),
    mistakes=(
        Mistake(
            "ceil-for-floor",
            "your sizes are one too large where the stride does not divide evenly. May a window hang over the edge?",
            lambda n, k, *, stride=1, padding=0, dilation=1: math.ceil(_room(n, k, padding, dilation) / stride) + 1,
        ),
        Mistake(
            "padding-once",
            "you add the padding one time. On how many sides does it lie?",
            lambda n, k, *, stride=1, padding=0, dilation=1: (n + padding - dilation * (k - 1) - 1) // stride + 1,
        ),
        Mistake(
            "dilation-ignored",
            "your formula does not use the dilation. How many pixels does it spread over?",
            lambda n, k, *, stride=1, padding=0, dilation=1: (n + 2 * padding - k) // stride + 1,
        ),
        Mistake(
            "dilation-times-kernel",
            "you let the spread kernel cover dilation times its size. Count the gaps between its taps, not the taps.",
            lambda n, k, *, stride=1, padding=0, dilation=1: (n + 2 * padding - dilation * k) // stride + 1,
        ),
        Mistake(
            "first-window-forgotten",
            "you count the steps, not the windows. What about the window before the first step?",
            lambda n, k, *, stride=1, padding=0, dilation=1: _room(n, k, padding, dilation) // stride,
        ),
        Mistake(
            "fraction-left",
            "your result is not always a whole number. What happens to a step that does not fit?",
            lambda n, k, *, stride=1, padding=0, dilation=1: _room(n, k, padding, dilation) / stride + 1,
        ),
        Mistake(
            "stride-ignored",
            "your formula does not use the stride.",
            lambda n, k, *, stride=1, padding=0, dilation=1: _room(n, k, padding, dilation) + 1,
        ),
    ),
)

SAME_PAD = Exercise(
    name="same_pad",
    objective=3,
    reference=lambda kernel_size, dilation=1: same_padding(kernel_size, dilation=dilation),
    cases=((1,), (3,), (2,), (4,), (3, 2), (4, 3)),
    mistakes=(
        Mistake(
            "half-on-both-sides",
            "you put half the kernel on both sides. For an even kernel the map then grows.",
            lambda k, dilation=1: (
                (dilation * k // 2, dilation * k // 2) if dilation == 1 else (dilation * (k // 2), dilation * (k // 2))
            ),
        ),
        Mistake(
            "dilation-ignored",
            "your padding fits the kernel without dilation. How much does the spread one shrink the map?",
            lambda k, dilation=1: ((k - 1) // 2, k - 1 - (k - 1) // 2),
        ),
        Mistake(
            "larger-half-first",
            "the total is right, but where it is odd PyTorch puts the larger half after.",
            lambda k, dilation=1: (dilation * (k - 1) - dilation * (k - 1) // 2, dilation * (k - 1) // 2),
        ),
        Mistake(
            "total-on-both-sides",
            "you put the whole loss on each side. It is the sum of both that makes up for it.",
            lambda k, dilation=1: (dilation * (k - 1), dilation * (k - 1)),
        ),
        Mistake(
            "smaller-half-twice",
            "you round down on both sides. For an even kernel one pixel is missing.",
            lambda k, dilation=1: (dilation * (k - 1) // 2, dilation * (k - 1) // 2),
        ),
    ),
)


def _cost(in_channels, out_channels, kernel_size, output_size, *, groups=1):
    macs = conv_mac_count(
        (1, in_channels, output_size, output_size), out_channels, kernel_size, groups=groups, padding="same"
    )
    return conv_parameter_count(in_channels, out_channels, kernel_size, groups=groups), macs


def _weights(i, o, k, groups):
    return o * i // groups * k * k


LAYER_COST = Exercise(
    name="layer_cost",
    objective=4,
    reference=_cost,
    cases=((1, 1, 1, 2), (3, 10, 3, 4), (2, 6, 3, 5, {"groups": 2}), (64, 128, 1, 28), (32, 32, 3, 56, {"groups": 32})),
    mistakes=(
        Mistake(
            "bias-missing",
            "your parameters lack the biases. How many does a layer have?",
            lambda i, o, k, n, *, groups=1: (_weights(i, o, k, groups), _weights(i, o, k, groups) * n * n),
        ),
        Mistake(
            "bias-per-pixel",
            "you give each output pixel a bias of its own. It is shared like the weights.",
            lambda i, o, k, n, *, groups=1: (_weights(i, o, k, groups) + o * n * n, _weights(i, o, k, groups) * n * n),
        ),
        Mistake(
            "groups-ignored",
            "you let each filter see all channels. With groups, how many?",
            lambda i, o, k, n, *, groups=1: (_weights(i, o, k, 1) + o, _weights(i, o, k, 1) * n * n),
        ),
        Mistake(
            "one-window",
            "your MACs are those of one window. How many windows are there?",
            lambda i, o, k, n, *, groups=1: (_weights(i, o, k, groups) + o, _weights(i, o, k, groups)),
        ),
        Mistake(
            "one-row",
            "you count windows along one axis only.",
            lambda i, o, k, n, *, groups=1: (_weights(i, o, k, groups) + o, _weights(i, o, k, groups) * n),
        ),
        Mistake(
            "input-channels-forgotten",
            "you count one channel for each filter. A filter is as deep as its input.",
            lambda i, o, k, n, *, groups=1: (o * k * k + o, o * k * k * n * n),
        ),
        Mistake(
            "flops",
            "your second number is twice as large: a MAC is a multiplication and an addition.",
            lambda i, o, k, n, *, groups=1: (_weights(i, o, k, groups) + o, 2 * _weights(i, o, k, groups) * n * n),
        ),
    ),
)

_X = np.array([[[1, 0, 2], [0, 3, 1], [2, 1, 0]], [[0, 1, 1], [2, 0, 1], [1, 0, 3]]], float)
_W = np.array([[[1, 2], [0, -1]], [[0, 1], [3, 1]]], float)
_RNG = np.random.default_rng(2)
_PAIRS = ((_X, _W), (_RNG.integers(-3, 4, (3, 5, 4)).astype(float), _RNG.integers(-3, 4, (3, 2, 3)).astype(float)))

CORRELATE = Exercise(
    name="correlate",
    objective=1,
    reference=conv2d_v4,
    cases=_PAIRS,
    mistakes=(
        Mistake(
            "kernel-flipped",
            "you flip the kernel: that is a true convolution. Layers do not flip.",
            lambda x, w: conv2d_v4(x, w[:, ::-1, ::-1]),
        ),
        Mistake(
            "channels-not-added",
            "you return one map for each input channel. What makes one map of them?",
            lambda x, w: np.stack([conv2d_v4(a[None], b[None]) for a, b in zip(x, w, strict=True)]),
        ),
        Mistake(
            "channels-averaged",
            "your map is the mean over the channels. They are added.",
            lambda x, w: conv2d_v4(x, w) / len(x),
        ),
        Mistake("first-channel-only", "your map uses the first channel only.", lambda x, w: conv2d_v4(x[:1], w[:1])),
        Mistake(
            "one-slice-for-all",
            "you slide the first channel's slice of the kernel over all channels. Each has its own.",
            lambda x, w: conv2d_v4(x, np.broadcast_to(w[:1], w.shape)),
        ),
        Mistake(
            "kernel-transposed",
            "rows and columns of your kernel are swapped. A kernel that is not square shows it.",
            lambda x, w: conv2d_v4(x, w.swapaxes(1, 2)),
        ),
    ),
)


def _field(layers):
    return receptive_field([(kernel_size, stride, 0) for kernel_size, stride in layers])[-1].size


def _grow(layers, *, step):
    size, jump = 1, 1
    for kernel_size, stride in layers:
        size, jump = step(size, jump, kernel_size, stride)
    return size


FIELD = Exercise(
    name="field_size",
    objective=5,
    reference=_field,
    cases=(
        ([(3, 1)],),
        ([(3, 1), (3, 1)],),
        ([(2, 2), (3, 1)],),
        ([(3, 1), (2, 2), (3, 1), (2, 2)],),
        ([(7, 2), (3, 2), (3, 1)],),
    ),
    mistakes=(
        Mistake(
            "strides-ignored",
            "you add up the kernels as if every stride were 1. After a stride of 2, how far apart "
            "are two neighbors in the input?",
            lambda layers: _grow(layers, step=lambda r, j, k, s: (r + k - 1, j)),
        ),
        Mistake(
            "own-stride-counted",
            "you let a layer's stride widen its own window. It acts on the layers after it.",
            lambda layers: _grow(layers, step=lambda r, j, k, s: (r + (k - 1) * j * s, j * s)),
        ),
        Mistake(
            "kernels-added",
            "you add whole kernels. The second 3 adds only 2 pixels: one is shared.",
            lambda layers: _grow(layers, step=lambda r, j, k, s: (r + k * j, j * s)) - 1,
        ),
        Mistake(
            "kernels-multiplied",
            "you multiply the kernels. Windows overlap, so the field grows by sums.",
            lambda layers: math.prod(k for k, _ in layers),
        ),
        Mistake(
            "last-stride-only",
            "you use the stride of the layer before only. The strides multiply.",
            lambda layers: 1 + sum((k - 1) * (layers[i - 1][1] if i else 1) for i, (k, _) in enumerate(layers)),
        ),
    ),
)

EXERCISES = {exercise.name: exercise for exercise in (OUTPUT_SIZE, SAME_PAD, LAYER_COST, CORRELATE, FIELD)}
check_output_size, check_same_pad, check_layer_cost, check_correlate, check_field_size = (
    exercise.check for exercise in EXERCISES.values()
)
