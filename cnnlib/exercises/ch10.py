"""The exercises of chapter 10: a separable layer's cost and code, an inverted residual, scaling, one merged weight."""

import math

import numpy as np

from cnnlib.exercises._check import Exercise, Mistake
from cnnlib.scratch import conv2d


def _cost(c_in, c_out, kernel_size, size):
    weights = c_in * kernel_size**2 + c_in * c_out
    return weights, weights * size**2


def _more_weights(biases):
    """Return the right function with biases among the parameters."""
    return lambda i, o, k, n: (_cost(i, o, k, n)[0] + biases(i, o), _cost(i, o, k, n)[1])


SEPARABLE_COST = Exercise(
    name="separable_cost",
    objective=1,
    reference=_cost,
    cases=((2, 3, 3, 1), (1, 8, 3, 4), (3, 16, 5, 6), (128, 256, 3, 28), (64, 64, 7, 14)),
    mistakes=(
        Mistake("standard-convolution",
                "that is a standard convolution: every filter sees every channel and every neighbor. Which of the two "
                "does each step leave out?",
                lambda i, o, k, n: (i * o * k * k, i * o * k * k * n * n)),
        Mistake("depthwise-alone",
                "you count the depthwise step. Nothing has mixed the channels yet, and there are in_channels maps.",
                lambda i, o, k, n: (i * k * k, i * k * k * n * n)),
        Mistake("pointwise-alone",
                "you count the 1×1 step. Which step looks at the neighbors?",
                lambda i, o, k, n: (i * o, i * o * n * n)),
        Mistake("depthwise-filter-for-each-output",
                "your depthwise step has out_channels filters. It works on the input: how many channels come in?",
                lambda i, o, k, n: (o * k * k + i * o, (o * k * k + i * o) * n * n)),
        Mistake("kernel-side",
                "you give a filter kernel_size weights. It is a square.",
                lambda i, o, k, n: (i * k + i * o, (i * k + i * o) * n * n)),
        Mistake("size-once",
                "your MACs count one row of places. The map has size rows of size places.",
                lambda i, o, k, n: (_cost(i, o, k, n)[0], _cost(i, o, k, n)[0] * n)),
        Mistake("bias-counted",
                "you count biases. The exercise leaves them out, as a batch norm follows.",
                _more_weights(lambda i, o: i + o)),
        Mistake("bias-in-the-depthwise-step",
                "your depthwise step has biases. The exercise leaves them out.", _more_weights(lambda i, o: i)),
        Mistake("bias-in-the-pointwise-step",
                "your pointwise step has biases. The exercise leaves them out.", _more_weights(lambda i, o: o)),
        Mistake("flops-for-macs",
                "your second number is twice too large: you count multiplications and additions. A MAC is one of each.",
                lambda i, o, k, n: (_cost(i, o, k, n)[0], 2 * _cost(i, o, k, n)[1])),
        Mistake("swapped",
                "your two numbers are in the other order: parameters first, then MACs.",
                lambda i, o, k, n: _cost(i, o, k, n)[::-1]),
        Mistake("remaining-fraction",
                "you return the share that remains of a standard layer. The exercise asks for the two counts.",
                lambda i, o, k, n: (1 / o + 1 / k**2, 1 / o + 1 / k**2)),
    ),
)


def _depthwise(x, weight, *, stride=1, padding=0):
    return conv2d(x, weight, stride=stride, padding=padding, groups=x.shape[1])


def _separable(x, depthwise, pointwise, *, stride=1, padding=0):
    return conv2d(_depthwise(x, depthwise, stride=stride, padding=padding), pointwise)


def _relu_between(x, depthwise, pointwise, *, stride=1, padding=0):
    return conv2d(np.maximum(0, _depthwise(x, depthwise, stride=stride, padding=padding)), pointwise)


def _one_filter(x, depthwise, pointwise, *, stride=1, padding=0):
    first = np.repeat(depthwise[:1], len(depthwise), axis=0)
    return _separable(x, first, pointwise, stride=stride, padding=padding)


_numbers = np.random.default_rng(10)
X = _numbers.integers(-5, 10, size=(2, 3, 6, 5))
DEEP = _numbers.integers(-3, 4, size=(3, 1, 3, 3))
POINT = _numbers.integers(-3, 4, size=(4, 3, 1, 1))
SEPARABLE = Exercise(
    name="separable",
    objective=2,
    reference=_separable,
    cases=(
        (X[:1, :2, :2, :3], DEEP[:2, :, :2, :2], POINT[:1, :2]),
        (X[:1], DEEP, POINT),
        (X, DEEP, POINT, {"padding": 1}),
        (X, DEEP, POINT, {"stride": 2}),
        (X, DEEP, POINT, {"stride": 2, "padding": 1}),
    ),
    mistakes=(
        Mistake("depthwise-alone",
                "you return the maps of the depthwise step. Nothing has mixed the channels yet.",
                lambda x, d, p, **options: _depthwise(x, d, **options)),
        Mistake("relu-between",
                "you put a ReLU between the steps. A network may; this exercise asks for the two convolutions.",
                _relu_between),
        Mistake("stride-ignored",
                "your windows move by one pixel, whatever the stride.",
                lambda x, d, p, *, stride=1, padding=0: _separable(x, d, p, padding=padding)),
        Mistake("padding-ignored",
                "your map is too small: the border of zeros is missing.",
                lambda x, d, p, *, stride=1, padding=0: _separable(x, d, p, stride=stride)),
        Mistake("stride-twice",
                "both of your steps use the stride, so you keep every fourth place at stride 2. One of them skips.",
                lambda x, d, p, *, stride=1, padding=0: conv2d(
                    _depthwise(x, d, stride=stride, padding=padding), p, stride=stride)),
        Mistake("padding-twice",
                "both of your steps pad. A kernel of one pixel needs no border.",
                lambda x, d, p, *, stride=1, padding=0: conv2d(
                    _depthwise(x, d, stride=stride, padding=padding), p, padding=padding)),
        Mistake("one-depthwise-filter",
                "all of your channels use the first depthwise filter. Each channel has its own.",
                _one_filter),
        Mistake("kernel-turned",
                "you turn the depthwise kernels by 180°. The book's convolution is PyTorch's: it does not.",
                lambda x, d, p, **options: _separable(x, d[:, :, ::-1, ::-1], p, **options)),
    ),
)


def _inverted(c_in, c_out, *, stride=1, expand=6):
    hidden = c_in * expand
    weights = c_in * hidden + 9 * hidden + hidden * c_out
    return hidden, weights, int(stride == 1 and c_in == c_out)


def _changed(place, rule):
    """Return the right function with one of its three numbers computed by another rule."""
    def wrong(c_in, c_out, *, stride=1, expand=6):
        answer = list(_inverted(c_in, c_out, stride=stride, expand=expand))
        answer[place] = rule(c_in, c_out, c_in * expand, stride)
        return tuple(answer)
    return wrong


def _over_stride(c_in, c_out, *, stride=1, expand=6):
    hidden, weights, adds = _inverted(c_in, c_out, stride=stride, expand=expand)
    return hidden, weights / stride**2, adds


def _with_hidden(rule):
    """Return the right function with another number of wide channels."""
    def wrong(c_in, c_out, *, stride=1, expand=6):
        hidden = rule(c_in, c_out, expand)
        return hidden, c_in * hidden + 9 * hidden + hidden * c_out, int(stride == 1 and c_in == c_out)
    return wrong


INVERTED = Exercise(
    name="inverted",
    objective=4,
    reference=_inverted,
    cases=((24, 24), (24, 32), (24, 24, {"stride": 2}), (96, 160, {"stride": 2}), (64, 64, {"expand": 4})),
    mistakes=(
        Mistake("always-adds",
                "your block always adds its input. Can you add maps of another size, or another number of them?",
                _changed(2, lambda i, o, hidden, stride: 1)),
        Mistake("stride-forgotten",
                "your block adds whenever the channels are equal. What does stride 2 do to the map?",
                _changed(2, lambda i, o, hidden, stride: int(i == o))),
        Mistake("channels-forgotten",
                "your block adds at every stride 1. How do you add 24 maps to 32?",
                _changed(2, lambda i, o, hidden, stride: int(stride == 1))),
        Mistake("narrowed",
                "you divide by expand. That is the bottleneck of a ResNet; this block is wide in the middle.",
                _with_hidden(lambda i, o, expand: i // expand)),
        Mistake("widened-from-the-output",
                "you multiply out_channels. The first 1×1 widens what comes in.",
                _with_hidden(lambda i, o, expand: o * expand)),
        Mistake("never-adds",
                "your block never adds its input. There is a case in which input and output have the same shape.",
                _changed(2, lambda i, o, hidden, stride: 0)),
        Mistake("weights-over-stride",
                "your weights get fewer with the stride. There are fewer *places*, and each weight is still there.",
                _over_stride),
        Mistake("batch-norms-counted",
                "you count the batch norms, two numbers for each channel. The exercise asks for the convolutions.",
                _changed(1, lambda i, o, hidden, stride: hidden * (i + 9 + o) + 2 * (2 * hidden + o))),
        Mistake("dense-in-the-middle",
                "your 3×3 step sees all wide channels at once. It is depthwise: one filter, one channel.",
                _changed(1, lambda i, o, hidden, stride: i * hidden + 9 * hidden * hidden + hidden * o)),
        Mistake("depthwise-on-the-narrow",
                "your depthwise step works on in_channels maps. How many are there after the first 1×1?",
                _changed(1, lambda i, o, hidden, stride: i * hidden + 9 * i + hidden * o)),
        Mistake("expansion-forgotten",
                "you count two of the three convolutions: the first 1×1 is missing.",
                _changed(1, lambda i, o, hidden, stride: 9 * hidden + hidden * o)),
    ),
)


def _scaled(phi, alpha=1.2, beta=1.1, gamma=1.15, *, powers=(1, 2, 2), base=224):
    macs = math.prod(factor**power for factor, power in zip((alpha, beta, gamma), powers, strict=True))
    return alpha**phi, beta**phi, base * gamma**phi, macs**phi


def _times_phi(phi, alpha=1.2, beta=1.1, gamma=1.15):
    d, w, r = alpha * phi, beta * phi, gamma * phi
    return d, w, 224 * r, d * w**2 * r**2


def _linear(phi, alpha=1.2, beta=1.1, gamma=1.15):
    d, w, r = (1 + phi * (factor - 1) for factor in (alpha, beta, gamma))
    return d, w, 224 * r, d * w**2 * r**2


SCALED = Exercise(
    name="scaled",
    objective=5,
    reference=_scaled,
    cases=((0,), (1,), (2,), (0.5,), (3, 1.0, 1.2, 1.1)),
    tolerance=1e-4,
    mistakes=(
        Mistake("doubling",
                "you double the MACs with each step. That is the rule's round number; use the three factors.",
                lambda phi, *factors: (*_scaled(phi, *factors)[:3], 2**phi)),
        Mistake("nothing-squared",
                "your MACs grow with the plain product. A wider layer has more inputs and more outputs; a larger image "
                "has more rows and more columns.",
                lambda phi, *factors: _scaled(phi, *factors, powers=(1, 1, 1))),
        Mistake("width-not-squared",
                "your width counts once. Twice as many channels: how many pairs of input and output?",
                lambda phi, *factors: _scaled(phi, *factors, powers=(1, 1, 2))),
        Mistake("resolution-not-squared",
                "your resolution counts once. Twice as many rows come with twice as many columns.",
                lambda phi, *factors: _scaled(phi, *factors, powers=(1, 2, 1))),
        Mistake("depth-squared",
                "your depth counts twice. Twice as many layers are twice the work.",
                lambda phi, *factors: _scaled(phi, *factors, powers=(2, 2, 2))),
        Mistake("times-phi",
                "you multiply by phi. Each step multiplies by the factor once more: what is that after phi steps?",
                _times_phi),
        Mistake("linear-growth",
                "you add the same growth in each step. Growth is on top of what has grown before: a step multiplies.",
                _linear),
        Mistake("step-times-phi",
                "your MACs are phi times those of one step. Two steps cost the step's factor twice over: as a product.",
                lambda phi, *factors: (*_scaled(phi, *factors)[:3], phi * _scaled(1, *factors)[3])),
        Mistake("rounded-pixels",
                "your pixels are whole numbers. The exercise asks for the number before rounding.",
                lambda phi, *factors: (*_scaled(phi, *factors)[:2], round(_scaled(phi, *factors)[2]),
                                       _scaled(phi, *factors)[3])),
        Mistake("factor-for-pixels",
                "your third number is a factor. The exercise asks for pixels.",
                lambda phi, *factors: _scaled(phi, *factors, base=1)),
        Mistake("one-step",
                "your numbers are those of one step, whatever phi is.",
                lambda phi, *factors: _scaled(1, *factors)),
    ),
)


def _merged(depthwise, pointwise):
    return pointwise * depthwise[:, 0]  # (O, C, 1, 1) · (C, kh, kw)


MERGED = Exercise(
    name="merged",
    objective=2,
    reference=_merged,
    cases=((DEEP[:2, :, :2, :2], POINT[:2, :2]), (DEEP[:, :, :, :2], POINT[1:]), (DEEP[:1], POINT[:, :1]),
           (DEEP, POINT[:1])),
    mistakes=(
        Mistake("axes-not-lined-up",
                "you multiply the two arrays as they are. The first axis of depthwise counts input channels, that of "
                "pointwise outputs, and NumPy lines them up.",
                lambda d, p: p * d),
        Mistake("added",
                "you add the two weights. A signal passes both steps, so what happens to the factors?",
                lambda d, p: p + d[:, 0]),
        Mistake("channels-first",
                "your first axis counts input channels. The weight of a convolution is (C_out, C_in, kh, kw).",
                lambda d, p: _merged(d, p).swapaxes(0, 1)),
        Mistake("summed-over-channels",
                "you add over the input channels. The convolution does that later: keep a slice for each of them.",
                lambda d, p: _merged(d, p).sum(axis=1, keepdims=True)),
        Mistake("one-depthwise-filter",
                "all of your slices are multiples of the first depthwise filter. Channel c has its own.",
                lambda d, p: p * d[0, 0]),
        Mistake("kernel-turned",
                "your slices are turned by 180°. Nothing turns a kernel here.",
                lambda d, p: _merged(d[:, :, ::-1, ::-1], p)),
        Mistake("pointwise-ignored",
                "all of your filters are the same: the depthwise ones. Which weights tell the outputs apart?",
                lambda d, p: np.repeat(d[None, :, 0], len(p), axis=0)),
    ),
)

EXERCISES = {each.name: each for each in (SEPARABLE_COST, SEPARABLE, INVERTED, SCALED, MERGED)}
check_separable_cost, check_separable, check_inverted, check_scaled, check_merged = (
    exercise.check for exercise in EXERCISES.values()
)
