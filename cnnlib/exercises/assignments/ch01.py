"""The assignment of chapter 1: the entries of the matrix, one map of a color picture, what a shift keeps."""
from functools import partial

import numpy as np

from cnnlib.exercises._check import Exercise, Mistake
from cnnlib.exercises._task import Task
from cnnlib.exercises._watch import CONVOLUTION
from cnnlib.scratch import conv2d


def _seen(size, kernel_size, before, after):
    """Return how many (window, pixel) pairs an axis has: the windows may start in the border before the pixels."""
    starts = range(-before, size + after - kernel_size + 1)
    return sum(min(start + kernel_size, size) - max(start, 0) for start in starts)


def _matrix_counts(channels, height, width, filters, kernel_size, *, padding=0, sides=2, border=False):
    """Count; sides is how often the padding is added, border also counts pixels of the padding as columns."""
    before, after = padding, (sides - 1) * padding
    places = [size + before + after - kernel_size + 1 for size in (height, width)]
    pixels = [size + (before + after) * border for size in (height, width)]
    seen = [place * kernel_size if border else _seen(size, kernel_size, before, after)
            for place, size in zip(places, (height, width), strict=True)]
    pairs = channels * filters
    return pairs * int(np.prod(pixels + places)), pairs * int(np.prod(seen)), pairs * kernel_size**2


def _changed(change):
    """Return a wrong answer: change(entries, filled, learned, places, arguments) of the right counts."""
    def counts(channels, height, width, filters, kernel_size, *, padding=0):
        places = (height + 2 * padding - kernel_size + 1) * (width + 2 * padding - kernel_size + 1)
        right = _matrix_counts(channels, height, width, filters, kernel_size, padding=padding)
        return change(*right, places, (channels, height, width, filters, kernel_size))
    return counts


def _draw_counts(random):
    for _ in range(10):
        channels, filters = (int(n) for n in random.integers(2, 6, 2))
        height, width = (int(n) for n in random.integers(6, 30, 2))
        kernel = int(random.integers(2, 6))
        yield channels, height, width, filters, kernel, {"padding": int(random.integers(0, kernel))}


MATRIX_COUNTS = Task(
    points=3,
    draw=_draw_counts,
    forbidden=("cnnlib.shapes", "cnnlib.scratch"),
    exercise=Exercise(
        name="matrix_counts",
        objective=4,
        reference=_matrix_counts,
        cases=((1, 3, 4, 1, 2), (1, 4, 5, 1, 3, {"padding": 1}), (3, 5, 4, 2, 2), (3, 6, 7, 4, 3, {"padding": 1}),
               (2, 6, 8, 3, 5, {"padding": 2})),
        mistakes=(
            Mistake("border-counted", "your second number also counts weights that meet a zero of the border. The "
                    "border is no part of the picture: has it a column in the matrix?",
                    _changed(lambda e, f, w, places, _: (e, w * places, w))),
            Mistake("border-as-columns", "your matrix has columns for the border. What is multiplied with the matrix?",
                    partial(_matrix_counts, border=True)),
            Mistake("padding-once", "you add the padding one time. On how many sides of the picture does it lie?",
                    partial(_matrix_counts, sides=1)),
            Mistake("padding-ignored", "your counts do not change with the padding.",
                    lambda *a, padding=0: _matrix_counts(*a)),
            Mistake("learned-at-each-place", "you learn new weights at each place. Which numbers of the matrix are "
                    "tied together?", _changed(lambda e, f, w, *_: (e, f, f))),
            Mistake("filled-are-learned", "you count as filled only what is learned. How often does one weight stand "
                    "in the matrix?", _changed(lambda e, f, w, *_: (e, w, w))),
            Mistake("zeros-counted", "your second number counts the places that stay empty.",
                    _changed(lambda e, f, w, *_: (e, e - f, w))),
            Mistake("square-of-the-picture", "your matrix has as many rows as columns. How many numbers has the map?",
                    _changed(lambda e, f, w, places, a: ((a[0] * a[1] * a[2])**2, f, w))),
            Mistake("channels-forgotten", "your picture has one channel. A window looks into all of them.",
                    _changed(lambda e, f, w, p, a: (e // a[0], f // a[0], w // a[0]))),
            Mistake("slices-shared", "you learn one slice for all channels. Each channel has a slice of its own.",
                    _changed(lambda e, f, w, p, a: (e, f, w // a[0]))),
            Mistake("one-map", "you count a single map. Each filter makes one.",
                    _changed(lambda e, f, w, p, a: (e // a[3], f // a[3], w // a[3]))),
            Mistake("biases-counted", "you learn a bias too. A bias is no entry of the matrix.",
                    _changed(lambda e, f, w, p, a: (e, f, w + a[3]))),
            Mistake("kernel-side-only", "you count the side of the kernel, not its area.",
                    _changed(lambda e, f, w, p, a: (e, f, w // a[4]))),
        ),
    ),
)


def _score(picture, kernel):
    return conv2d(picture[None], kernel[None])[0, 0]


def _one_map(picture, kernel, bias):
    return np.maximum(_score(picture, kernel) + bias, 0)


def _map_by(combine):
    """Return a one_map that combines the maps of the channels, (C, H, W), with the bias in another way."""
    def one_map(picture, kernel, bias):
        maps = [_score(x[None], w[None]) for x, w in zip(picture, kernel, strict=True)]
        return combine(np.stack(maps), bias)
    return one_map


def _relu(x):
    return np.maximum(x, 0)


def _draw_maps(random):
    for _ in range(8):
        channels = int(random.integers(2, 5))
        kernel = random.normal(size=(channels, *random.integers(1, 4, 2)))
        yield random.normal(size=(channels, *random.integers(5, 9, 2))), kernel, float(random.normal())


def _numbers(*shape, seed=0):
    return np.random.default_rng(seed).integers(-4, 5, shape).astype(float)


ONE_MAP = Task(
    points=4,
    draw=_draw_maps,
    forbidden=CONVOLUTION,
    exercise=Exercise(
        name="one_map",
        objective=3,
        reference=_one_map,
        cases=(
            (_numbers(1, 3, 3), _numbers(1, 2, 2, seed=1), 3.0),
            (_numbers(2, 3, 4), _numbers(2, 2, 2, seed=2), 5.0),
            (_numbers(3, 5, 4), _numbers(3, 3, 2, seed=3), -2.0),
            (_numbers(3, 6, 7), _numbers(3, 2, 3, seed=4), 7.0),
            (_numbers(4, 5, 6), _numbers(4, 3, 3, seed=5), -9.0),
        ),
        mistakes=(
            Mistake("flipped-kernel", "you give the kernel half a turn. This book leaves it as it is.",
                    lambda x, w, b: _one_map(x, w[:, ::-1, ::-1], b)),
            Mistake("channels-averaged", "you take the mean over the channels. What does a map do with them?",
                    _map_by(lambda maps, b: _relu(maps.mean(axis=0) + b))),
            Mistake("channels-compete", "you keep the largest channel. What does a map do with the channels?",
                    _map_by(lambda maps, b: _relu(maps.max(axis=0) + b))),
            Mistake("channels-kept", "you return a map for each channel. One kernel, however many slices, makes one.",
                    _map_by(lambda maps, b: _relu(maps + b))),
            Mistake("first-slice-for-all", "you slide the first slice over every channel.",
                    lambda x, w, b: _one_map(x, np.repeat(w[:1], len(w), axis=0), b)),
            Mistake("first-channel-only", "your map sees the first channel only.",
                    lambda x, w, b: _one_map(x[:1], w[:1], b)),
            Mistake("bias-per-channel", "you add the bias for each channel. How many biases has one map?",
                    _map_by(lambda maps, b: _relu((maps + b).sum(axis=0)))),
            Mistake("bias-per-weight", "you add the bias to each product. Where does it stand: in the sum, or behind?",
                    lambda x, w, b: _one_map(x, w, b * w.size)),
            Mistake("bias-forgotten", "your map does not use the bias.", lambda x, w, b: _one_map(x, w, 0)),
            Mistake("bias-subtracted", "you subtract the bias.", lambda x, w, b: _one_map(x, w, -b)),
            Mistake("relu-before-bias", "you apply ReLU before the bias. What comes first?",
                    lambda x, w, b: _one_map(x, w, 0) + b),
            Mistake("relu-per-channel", "you apply ReLU to each channel's scores. Negative scores of one channel must "
                    "be able to speak against another.", _map_by(lambda maps, b: _relu(_relu(maps).sum(axis=0) + b))),
            Mistake("relu-forgotten", "your map has negative numbers: a step is missing.",
                    lambda x, w, b: _score(x, w) + b),
            Mistake("sign-dropped", "you drop the sign of negative numbers. What does ReLU make of −3?",
                    lambda x, w, b: np.abs(_score(x, w) + b)),
            Mistake("last-window-dropped", "the last row and column of your map are missing. Where does the last "
                    "window begin that still fits?", lambda x, w, b: _one_map(x, w, b)[:-1, :-1]),
        ),
    ),
)


def _right(picture, shift):
    moved = np.zeros_like(picture, dtype=float)
    moved[:, shift:] = picture[:, :-shift]
    return moved


def _after_shift(picture, kernel, shift, *, stride=1, move=_right, back=lambda shift, stride: shift // stride,
                 cut=lambda before, after, b: (before[:, :before.shape[1] - b], after[:, b:]),
                 size=lambda change: np.abs(change).max(), best=lambda before, after: abs(after.max() - before.max())):
    """Compare the maps of a picture and of the moved picture; each option is one thing that can go wrong."""
    before, after = (conv2d(np.asarray(x, float)[None, None], kernel[None, None], stride=stride)[0, 0]
                     for x in (picture, move(picture, shift)))
    overlap, moved = cut(before, after, back(shift, stride))
    return float(size(after - before)), float(size(moved - overlap)), float(best(before, after))


def _edge_repeated(picture, shift):
    return np.pad(picture, [(0, 0), (shift, 0)], mode="edge")[:, :picture.shape[1]]


def _draw_shifts(random):
    for _ in range(8):
        stride, shift = int(random.integers(1, 4)), int(random.integers(1, 4))
        yield (random.normal(size=random.integers(12, 16, 2)), random.normal(size=random.integers(2, 4, 2)), shift,
               {"stride": stride})


AFTER_SHIFT = Task(
    points=5,
    draw=_draw_shifts,
    exercise=Exercise(
        name="after_shift",
        objective=5,
        reference=_after_shift,
        cases=(
            (_numbers(4, 5), _numbers(2, 2, seed=1), 1),
            (_numbers(5, 8), _numbers(2, 3, seed=2), 2),
            (_numbers(7, 9, seed=6), _numbers(3, 2, seed=3), 2, {"stride": 2}),
            (_numbers(8, 11, seed=7), _numbers(3, 3, seed=4), 3, {"stride": 2}),
            (_numbers(9, 9, seed=8), _numbers(2, 2, seed=5), 1, {"stride": 2}),
        ),
        mistakes=(
            Mistake("wrapped-around", "what leaves your picture on the right comes back on the left. It is to be lost.",
                    partial(_after_shift, move=lambda x, s: np.roll(x, s, axis=1))),
            Mistake("edge-repeated", "you fill the picture on the left with its first column, not with zeros.",
                    partial(_after_shift, move=_edge_repeated)),
            Mistake("moved-left", "you move the picture to the left.",
                    partial(_after_shift, move=lambda x, s: _right(x[:, ::-1], s)[:, ::-1])),
            Mistake("moved-down", "you move the picture down. Which axis goes across?",
                    partial(_after_shift, move=lambda x, s: _right(x.T, s).T)),
            Mistake("back-by-pixels", "you move the map back by as many columns as the picture went pixels. How many "
                    "pixels is one column of the map, with a stride?",
                    partial(_after_shift, back=lambda shift, stride: shift)),
            Mistake("back-the-wrong-way", "you move the map on, not back. Which column of the new map belongs to "
                    "column 0 of the old one?",
                    partial(_after_shift, cut=lambda a, b, n: (a[:, n:], b[:, :b.shape[1] - n]))),
            Mistake("no-partner", "you compare columns that have no partner: after moving back, the last columns are "
                    "not from the picture.",
                    partial(_after_shift, cut=lambda a, b, n: (a, np.roll(b, -n, axis=1)))),
            Mistake("signs-kept", "you take the largest difference with its sign. A large negative one counts as well.",
                    partial(_after_shift, size=np.max)),
            Mistake("mean-for-largest", "you return means of the differences. The task asks for the largest.",
                    partial(_after_shift, size=lambda change: np.abs(change).mean())),
            Mistake("sum-for-largest", "you add the differences up. The task asks for the largest.",
                    partial(_after_shift, size=lambda change: np.abs(change).sum())),
            Mistake("stride-ignored", "your window moves by one pixel, whatever the stride is.",
                    lambda *a, stride=1: _after_shift(*a)),
            Mistake("mean-for-maximum", "your third number compares the means of the maps, not their maxima.",
                    partial(_after_shift, best=lambda a, b: abs(b.mean() - a.mean()))),
            Mistake("change-with-sign", "your third number can be negative. How far apart are the two maxima?",
                    partial(_after_shift, best=lambda a, b: b.max() - a.max())),
        ),
    ),
)

TASKS = (MATRIX_COUNTS, ONE_MAP, AFTER_SHIFT)
