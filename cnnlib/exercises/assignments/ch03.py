"""The assignment of chapter 3: work and memory, a layer whose taps lie apart, a kernel that is learned."""
import math
from functools import partial

import numpy as np
import torch

from cnnlib.exercises._check import Exercise, Mistake
from cnnlib.exercises._task import Task
from cnnlib.exercises._watch import CONVOLUTION
from cnnlib.scratch import conv2d


def _floor(n, k, s, p):
    return (n + 2 * p - k) // s + 1


def _work_and_memory(input_shape, out_channels, kernel_size, *, stride=1, padding=0, size=_floor,
                     area=math.prod, change=lambda products, steps, columns, n, c, o, taps: (products, steps, columns)):
    batch, channels, *pixels = input_shape
    places = math.prod(size(n, k, stride, padding) for n, k in zip(pixels, kernel_size, strict=True))
    taps = area(kernel_size)
    steps = batch * out_channels * channels * places
    return change(steps * taps, steps, batch * channels * taps * places, batch, channels, out_channels, taps)


def _work(**changes):
    return partial(_work_and_memory, **changes)


def _draw_work(random):
    for _ in range(10):
        kernel = tuple(int(k) for k in random.integers(1, 6, 2))
        sizes = (int(n) for n in random.integers(7, 30, 2))
        yield ((int(random.integers(2, 9)), int(random.integers(2, 7)), *sizes), int(random.integers(7, 20)), kernel,
               {"stride": int(random.integers(1, 4)), "padding": int(random.integers(0, 3))})


WORK_AND_MEMORY = Task(
    points=3,
    draw=_draw_work,
    forbidden=("cnnlib.shapes", "cnnlib.scratch"),
    exercise=Exercise(
        name="work_and_memory",
        objective=5,
        reference=lambda *a, **o: _work_and_memory(*a, **o),
        cases=(
            ((1, 1, 4, 5), 1, (2, 2)),
            ((1, 2, 5, 6), 3, (3, 2)),
            ((4, 3, 5, 5), 2, (3, 3), {"padding": 1}),
            ((2, 3, 8, 11), 5, (2, 3), {"stride": 3}),
            ((2, 5, 10, 12), 7, (3, 5), {"stride": 2, "padding": 1}),
        ),
        mistakes=(
            Mistake("ceil-for-floor", "your map is too large where the stride does not divide evenly.",
                    _work(size=lambda n, k, s, p: math.ceil((n + 2 * p - k) / s) + 1)),
            Mistake("padding-once", "you add the padding one time. On how many sides does it lie?",
                    _work(size=lambda n, k, s, p: (n + p - k) // s + 1)),
            Mistake("padding-ignored", "your counts do not use the padding.",
                    _work(size=lambda n, k, s, p: (n - k) // s + 1)),
            Mistake("stride-ignored", "your counts do not use the stride.",
                    _work(size=lambda n, k, s, p: n + 2 * p - k + 1)),
            Mistake("first-window-forgotten", "you count the steps between windows, not the windows.",
                    _work(size=lambda n, k, s, p: (n + 2 * p - k) // s)),
            Mistake("window-at-each-pixel", "your windows stand at each pixel of the input. Where can they stand?",
                    _work(size=lambda n, k, s, p: n)),
            Mistake("step-for-each-product", "V1 takes a step for each multiplication. What does one step of V5 do?",
                    _work(change=lambda m, s, col, *_: (m, m, col))),
            Mistake("step-for-each-output", "your steps are the numbers of the output. How many channels does one step "
                    "of V5 handle?", _work(change=lambda m, s, col, n, c, *_: (m, s // c, col))),
            Mistake("columns-for-each-filter", "you make columns for each filter anew. Do they depend on the filter?",
                    _work(change=lambda m, s, col, n, c, o, _: (m, s, col * o))),
            Mistake("columns-of-one-channel", "your columns hold one channel.",
                    _work(change=lambda m, s, col, n, c, *_: (m, s, col // c))),
            Mistake("columns-counted-once", "your third number is how many columns there are. How long is each?",
                    _work(change=lambda m, s, col, n, c, o, taps: (m, s, col // (c * taps)))),
            Mistake("one-picture", "you count for one picture. The batch has more.",
                    _work(change=lambda m, s, col, n, *_: (m // n, s // n, col // n))),
            Mistake("kernel-side-only", "you count the height of the kernel, not its area.",
                    _work(area=lambda k: k[0])),
            Mistake("two-per-product", "you count the additions too. The task asks for multiplications.",
                    _work(change=lambda m, s, col, *_: (2 * m, s, col))),
        ),
    ),
)


def _spread_layer(x, weight, bias, *, stride=1, dilation=1):
    return conv2d(x[None], weight, bias, stride=stride, dilation=dilation)[0]


def _by_channel(combine):
    """Return a layer that combines the maps of the channels, (O, C, H, W), with the bias, (O, 1, 1), in another way."""
    def layer(x, weight, bias, **options):
        maps = [_spread_layer(x[c:c + 1], weight[:, c:c + 1], 0 * bias, **options) for c in range(len(x))]
        return combine(np.stack(maps, axis=1), bias[:, None, None])
    return layer


def _options(change):
    """Return a layer whose stride and dilation are change(stride, dilation)."""
    def layer(x, weight, bias, *, stride=1, dilation=1):
        stride, dilation = change(stride, dilation)
        return _spread_layer(x, weight, bias, stride=stride, dilation=dilation)
    return layer


def _size_only(x, weight, bias, *, stride=1, dilation=1):
    right = _spread_layer(x, weight, bias, stride=stride, dilation=dilation)
    return _spread_layer(x, weight, bias, stride=stride)[:, :right.shape[1], :right.shape[2]]


def _draw_layers(random):
    for _ in range(8):
        channels, filters = (int(n) for n in random.integers(2, 5, 2))
        weight = random.normal(size=(filters, channels, *random.integers(1, 4, 2)))
        yield (random.normal(size=(channels, *random.integers(9, 14, 2))), weight, random.normal(size=filters),
               {"stride": int(random.integers(1, 4)), "dilation": int(random.integers(1, 4))})


def _numbers(*shape, seed=0):
    return np.random.default_rng(seed).integers(-4, 5, shape).astype(float)


SPREAD_LAYER = Task(
    points=5,
    draw=_draw_layers,
    forbidden=CONVOLUTION,
    exercise=Exercise(
        name="spread_layer",
        objective=3,
        reference=_spread_layer,
        cases=(
            (_numbers(1, 3, 4), _numbers(1, 1, 2, 2, seed=1), np.array([2.0])),
            (_numbers(2, 4, 5), _numbers(3, 2, 2, 3, seed=2), np.array([1.0, 0.0, -5.0])),
            (_numbers(2, 6, 7), _numbers(2, 2, 2, 3, seed=3), np.array([1.0, -3.0]), {"dilation": 2}),
            (_numbers(3, 7, 9), _numbers(2, 3, 3, 2, seed=4), np.array([4.0, 2.0]), {"stride": 2}),
            (_numbers(3, 11, 9), _numbers(4, 3, 3, 2, seed=5), np.arange(4.0), {"stride": 2, "dilation": 3}),
        ),
        mistakes=(
            Mistake("flipped-kernel", "you give the kernel half a turn. PyTorch leaves it as it is.",
                    lambda x, w, b, **o: _spread_layer(x, w[:, :, ::-1, ::-1], b, **o)),
            Mistake("dilation-ignored", "your pixels lie side by side, whatever the dilation is.",
                    _options(lambda s, d: (s, 1))),
            Mistake("dilation-as-gap", "you leave `dilation` pixels out between two weights. Dilation 1 means: none.",
                    _options(lambda s, d: (s, d + 1))),
            Mistake("dilation-in-size-only", "the size is right, but your pixels lie side by side in the window.",
                    _size_only),
            Mistake("dilation-on-rows-only", "your pixels lie apart down, but side by side across.",
                    _options(lambda s, d: (s, (d, 1)))),
            Mistake("dilation-as-stride", "your windows step by the dilation. It acts inside a window.",
                    _options(lambda s, d: (s * d, 1))),
            Mistake("stride-ignored", "your window moves by one pixel, whatever the stride is.",
                    _options(lambda s, d: (1, d))),
            Mistake("stride-on-rows-only", "you step over rows, but take every column.",
                    _options(lambda s, d: ((s, 1), d))),
            Mistake("channels-averaged", "you take the mean over the input channels.",
                    _by_channel(lambda maps, b: maps.mean(axis=1) + b)),
            Mistake("channels-kept", "you return a map for each pair of filter and channel. What happens to inputs?",
                    _by_channel(lambda maps, b: maps + b[:, None])),
            Mistake("first-channel-only", "your filters see the first channel only.",
                    lambda x, w, b, **o: _spread_layer(x[:1], w[:, :1], b, **o)),
            Mistake("filters-summed", "you add the maps of all filters. Inputs are summed; what are outputs?",
                    lambda x, w, b, **o: _spread_layer(x, w, b, **o).sum(axis=0)),
            Mistake("bias-per-channel", "you add the bias once for each input channel.",
                    _by_channel(lambda maps, b: (maps + b[:, None]).sum(axis=1))),
            Mistake("bias-forgotten", "your layer does not use the bias.",
                    lambda x, w, b, **o: _spread_layer(x, w, 0 * b, **o)),
            Mistake("one-bias-for-all", "you give every filter the first bias.",
                    lambda x, w, b, **o: _spread_layer(x, w, b[0] + 0 * b, **o)),
        ),
    ),
)


def _descend(image, target, kernel_size, *, steps, step_size, start=0.0, more=0, memory=0.0, turn=False, bias=False,
             slope=lambda error: 2 * error, last=lambda kernel, gradient: kernel):
    """Learn by the gradient of a loss; slope is the loss's derivative for each error, the rest is what can go wrong."""
    windows = np.lib.stride_tricks.sliding_window_view(image.numpy(), tuple(kernel_size)).reshape(target.numel(), -1)
    windows = np.hstack([windows, np.ones((len(windows), 1))]) if bias else windows
    kernel, gradient = np.full(windows.shape[1], start), np.zeros(windows.shape[1])
    for _ in range(steps + more):
        gradient = memory * gradient + windows.T @ slope(windows @ kernel - target.numpy().ravel())
        kernel = kernel - step_size * gradient
    kernel = last(kernel, gradient)[:math.prod(kernel_size)].reshape(kernel_size)
    return kernel[::-1, ::-1] if turn else kernel


def _best(image, target, kernel_size, **_):
    windows = np.lib.stride_tricks.sliding_window_view(image.numpy(), tuple(kernel_size)).reshape(target.numel(), -1)
    return np.linalg.lstsq(windows, target.numpy().ravel(), rcond=None)[0].reshape(kernel_size)


def _learning_case(random, size, kernel_size, steps, step_size):
    image, kernel = (torch.from_numpy(random.normal(size=s)) for s in (size, kernel_size))
    target = torch.nn.functional.conv2d(image[None, None], kernel[None, None])[0, 0]
    noise = torch.from_numpy(random.normal(size=tuple(target.shape)))
    return image, target + 0.3 * noise, kernel_size, {"steps": steps, "step_size": step_size}


def _draw_learning(random):
    for _ in range(6):
        size, kernel = (tuple(int(n) for n in random.integers(*ends, 2)) for ends in ((5, 8), (1, 4)))
        yield _learning_case(random, size, kernel, int(random.integers(2, 12)), float(random.integers(1, 6)) / 1000)


_random = np.random.default_rng(3)
LEARNED_KERNEL = Task(
    points=5,
    draw=_draw_learning,
    exercise=Exercise(
        name="learned_kernel",
        objective=4,
        reference=lambda *a, **o: _descend(*a, **o),
        tolerance=1e-4,
        cases=(
            _learning_case(_random, (3, 4), (1, 2), 1, 0.02),
            _learning_case(_random, (4, 5), (2, 2), 2, 0.01),
            _learning_case(_random, (6, 5), (2, 3), 5, 0.005),
            _learning_case(_random, (6, 7), (3, 2), 12, 0.004),
        ),
        mistakes=(
            Mistake("gradients-added-up", "from the second step on, your step holds the gradients of earlier steps. "
                    "What does PyTorch do with a gradient that is already there?", partial(_descend, memory=1.0)),
            Mistake("mean-for-sum", "your loss is the mean of the squares. Then steps are smaller. The task says sum.",
                    lambda image, target, k, **o: _descend(image, target, k, slope=lambda e: 2 * e / e.size, **o)),
            Mistake("half-steps", "each of your steps is half as long. What is the slope of a square?",
                    partial(_descend, slope=lambda e: e)),
            Mistake("uphill", "you walk uphill: your error grows. In which direction does the gradient point?",
                    partial(_descend, slope=lambda e: -2 * e)),
            Mistake("one-step-short", "you make a step too few.", partial(_descend, more=-1)),
            Mistake("one-step-more", "you make a step too many.", partial(_descend, more=1)),
            Mistake("started-at-one", "your kernel starts with ones.", partial(_descend, start=1.0)),
            Mistake("absolute-error", "your loss adds the errors without their sign, and does not square them.",
                    partial(_descend, slope=np.sign)),
            Mistake("root-of-the-sum", "your loss is the root of the sum. The task asks for the sum of squares.",
                    partial(_descend, slope=lambda e: e / np.linalg.norm(e))),
            Mistake("bias-learned", "you learn a bias too. Here only the kernel moves.", partial(_descend, bias=True)),
            Mistake("kernel-turned", "your kernel is the right one after half a turn.", partial(_descend, turn=True)),
            Mistake("gradient-returned", "you return the last gradient, not the kernel.",
                    partial(_descend, last=lambda kernel, gradient: gradient)),
            Mistake("best-at-once", "you return the best kernel that there is. The task asks how far the given steps "
                    "come.", _best),
        ),
    ),
)

TASKS = (WORK_AND_MEMORY, SPREAD_LAYER, LEARNED_KERNEL)
