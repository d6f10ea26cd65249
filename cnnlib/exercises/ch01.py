"""The exercises of chapter 1: similar neighbors, three counts, a matrix, a corner, a picture without a border."""
from functools import partial

import numpy as np

from cnnlib.exercises._check import Exercise, Mistake
from cnnlib.scratch import conv2d_v2

_numbers = np.random.default_rng(1)
_slope = np.add.outer(3 * np.arange(7), np.arange(6) ** 2)
SMALL = np.array([[1, 2, 4], [2, 2, 5], [3, 1, 7], [5, 1, 6]])
SMOOTH = _slope + _numbers.integers(0, 6, size=(7, 6))


def _pairs(picture, distance):
    return picture[:-distance].ravel(), picture[distance:].ravel()


def _alike(picture, distance):
    return float(np.corrcoef(*_pairs(picture, distance))[0, 1])


def _wrapped(picture, distance):
    return float(np.corrcoef(picture.ravel(), np.roll(picture, -distance, axis=0).ravel())[0, 1])


ALIKE = Exercise(
    name="alike",
    objective=2,
    reference=_alike,
    cases=((SMALL, 1), (SMALL, 2), (SMOOTH, 1), (SMOOTH, 3), (SMOOTH, 5)),
    mistakes=(
        Mistake("across",
                "you compare with the pixel on the right. Which axis of the array goes down?",
                lambda x, d: float(np.corrcoef(x[:, :-d].ravel(), x[:, d:].ravel())[0, 1]) if d < x.shape[1] else 0.0),
        Mistake("wrapped-around",
                "your last rows are compared with the first ones: `np.roll` brings them back in at the top. They have "
                "no partner below.",
                _wrapped),
        Mistake("not-divided",
                "this is the covariance, which grows with the contrast of the picture. A correlation is divided by "
                "both spreads.",
                lambda x, d: float(np.cov(*_pairs(x, d))[0, 1])),
        Mistake("whole-matrix",
                "you return all four numbers of `np.corrcoef`. Two of them compare a thing with itself.",
                lambda x, d: np.corrcoef(*_pairs(x, d))),
        Mistake("rows-as-variables",
                "you gave the two slices to `np.corrcoef` as they are. Then each of their rows counts as a quantity of "
                "its own, and you return how alike two rows are. How do all pairs of pixels come into one number?",
                lambda x, d: float(np.corrcoef(x[:-d], x[d:])[0, 1])),
        Mistake("with-itself",
                "you return 1 each time: the correlation of the upper pixels with themselves.",
                lambda x, d: 1.0),
        Mistake("mean-difference",
                "you return how far the pixels differ. The exercise asks how well one can be guessed from the other.",
                lambda x, d: float(np.abs(np.subtract(*_pairs(x, d))).mean())),
    ),
)


def _counts(channels, height, width, filters, kernel_size, *, shrink=0, biases=False):
    weights = kernel_size**2 * channels * filters
    places = (height - shrink * (kernel_size - 1)) * (width - shrink * (kernel_size - 1))
    dense = channels * height * width * filters * height * width
    if biases:
        return dense + filters * height * width, weights + filters, weights * places
    return dense, weights, weights * places


def _changed(change):
    """Return a wrong answer: change(dense, weights, products, arguments) of the right counts."""
    return lambda *arguments: change(*_counts(*arguments), *arguments)


THREE_COUNTS = Exercise(
    name="three_counts",
    objective=1,
    reference=_counts,
    cases=((1, 4, 5, 1, 3), (3, 4, 5, 1, 3), (1, 6, 4, 2, 3), (3, 28, 28, 8, 5), (2, 7, 9, 4, 1)),
    mistakes=(
        Mistake("biases-counted",
                "your layers have biases. The exercise asks for the weights alone.",
                partial(_counts, biases=True)),
        Mistake("weights-times-places",
                "you give the convolution new weights at each place. Which of your three numbers counts what is "
                "learned, and which what is done?",
                _changed(lambda dense, weights, products, *_: (dense, products, products))),
        Mistake("dense-makes-one-map",
                "your dense layer makes a map with one channel. The convolution makes one for each filter.",
                _changed(lambda dense, weights, products, c, h, w, filters, k: (dense // filters, weights, products))),
        Mistake("dense-makes-filters",
                "your dense layer has one output for each filter. A map has one for each filter *and place*.",
                _changed(lambda dense, weights, products, c, h, w, *_: (dense // (h * w), weights, products))),
        Mistake("channels-forgotten",
                "your kernels have one slice. A kernel has a slice for each input channel.",
                _changed(lambda dense, weights, products, c, *_: (dense, weights // c, products // c))),
        Mistake("kernel-side-only",
                "you multiplied by the side of the kernel, not by its area.",
                _changed(lambda dense, weights, products, c, h, w, f, k: (dense, weights // k, products // k))),
        Mistake("border-lost",
                "you counted only windows inside the picture. With the border of zeros, how large is the map?",
                partial(_counts, shrink=1)),
    ),
)


def _banded(weight, size, *, stride=1, step=None):
    """Return the matrix of a row; step, where given, moves the windows but leaves their number."""
    matrix = np.zeros(((size - len(weight)) // stride + 1, size))
    for i, row in enumerate(matrix):
        start = i * (step or stride)
        row[start:start + len(weight)] = weight
    return matrix


def _hanging(weight, size, *, stride=1):
    wide = np.zeros((-(-size // stride), size + len(weight)))
    for i, row in enumerate(wide):
        row[i * stride:i * stride + len(weight)] = weight
    return wide[:, :size]


def _ring(weight, size, *, stride=1):
    first = np.concatenate([weight, np.zeros(size - len(weight))])
    return np.stack([np.roll(first, start) for start in range(0, size, stride)])


BANDED = Exercise(
    name="banded",
    objective=4,
    reference=_banded,
    cases=(
        (np.array([1, 2]), 3),
        (np.array([1, 2, 4]), 6),
        (np.array([3, -1, 2]), 8, {"stride": 2}),
        (np.array([1, 2]), 7, {"stride": 3}),
    ),
    mistakes=(
        Mistake("stride-ignored",
                "your windows move by one number, whatever the stride.",
                lambda w, n, *, stride=1: _banded(w, n)),
        Mistake("stride-in-size-only",
                "the number of windows is right, but they lie one number apart. Where does window 1 start?",
                lambda w, n, *, stride=1: _banded(w, n, stride=stride, step=1)),
        Mistake("kernel-turned",
                "your rows hold the kernel backwards. That is true convolution; this book leaves the kernel as it is.",
                lambda w, n, *, stride=1: _banded(w[::-1], n, stride=stride)),
        Mistake("transposed",
                "your windows are columns. Then the product with the picture does not fit.",
                lambda w, n, *, stride=1: _banded(w, n, stride=stride).T),
        Mistake("hangs-over",
                "your last windows hang over the end and lose weights. Without padding only whole windows count.",
                _hanging),
        Mistake("around-the-end",
                "your last windows come back in at the start. That is a ring; the exercise is about a row.",
                _ring),
        Mistake("one-window-short",
                "a window is missing: the one at the far end. How many *starts* are there?",
                lambda w, n, *, stride=1: _banded(w, n, stride=stride)[:-1]),
    ),
)

RIGHT, LEFT = np.array([[1, -1], [1, -1]]), np.array([[-1, 1], [-1, 1]])
UPPER, LOWER = np.array([[-1, -1], [1, 1]]), np.array([[1, 1], [-1, -1]])


def _one_at(row, col):
    slice_ = np.zeros((2, 2), dtype=int)
    slice_[row, col] = 1
    return slice_


def _corner(picture, *, kernels=(RIGHT, UPPER), places=((1, 1), (0, 0)), bias=-3, relus=(True, True)):
    """Return the map of the two-layer detector; each option is one thing that can go wrong."""
    maps = [conv2d_v2(picture, kernel) for kernel in kernels]
    maps = [np.maximum(each, 0) for each in maps] if relus[0] else maps
    total = sum(conv2d_v2(each, _one_at(*place)) for each, place in zip(maps, places, strict=True)) + bias
    return np.maximum(total, 0) if relus[1] else total


def _square(size, row, col, side):
    picture = np.zeros((size, size), dtype=int)
    picture[row:row + side, col:col + side] = 1
    return picture


UPPER_RIGHT = Exercise(
    name="upper_right",
    objective=6,
    reference=_corner,
    cases=(
        (_square(4, 1, 1, 2),),
        (_square(6, 2, 1, 3),),
        (1 - _square(6, 1, 2, 3),),
        (_square(9, 1, 1, 3) + _square(9, 5, 4, 3),),
        ((_numbers.random((9, 8)) < 0.5).astype(int),),
    ),
    mistakes=(
        Mistake("upper-left",
                "you found the upper left corner, which the chapter built. Which edge is different on the right?",
                partial(_corner, kernels=(LEFT, UPPER), places=((1, 0), (0, 1)))),
        Mistake("lower-right",
                "you found the lower right corner. Which of the two edges belongs to the upper side?",
                partial(_corner, kernels=(RIGHT, LOWER), places=((0, 1), (1, 0)))),
        Mistake("lower-left",
                "you found the lower left corner: both edges are the opposite ones.",
                partial(_corner, kernels=(LEFT, LOWER), places=((0, 0), (1, 1)))),
        Mistake("or-for-and",
                "a single edge is enough for you. How large must the bias be so that one full edge does not pass?",
                partial(_corner, bias=-1)),
        Mistake("bias-forgotten",
                "you return the sum of both maps. What turns *one or the other* into *both*?",
                partial(_corner, bias=0)),
        Mistake("last-relu-forgotten",
                "your map has negative numbers: the last ReLU is missing.",
                partial(_corner, relus=(True, False))),
        Mistake("slices-as-in-the-chapter",
                "your edges are right, but you look for them where an upper *left* corner has them.",
                partial(_corner, places=((1, 0), (0, 1)))),
        Mistake("slices-swapped",
                "you look for the right edge where the upper edge is, and the other way round.",
                partial(_corner, places=((0, 0), (1, 1)))),
    ),
)


def _around(picture, weight, *, mode="wrap"):
    return conv2d_v2(np.pad(picture, len(weight) // 2, mode=mode), weight)


def _padded(picture, weight, before, after):
    return conv2d_v2(np.pad(picture, (before, after), mode="wrap"), weight)


KERNEL, EVEN_SLOPE = np.array([[1, 2, 0], [0, -3, 1], [4, 0, -1]]), np.arange(25).reshape(5, 5) % 7 - 2
AROUND = Exercise(
    name="around",
    objective=5,
    reference=_around,
    cases=((SMALL, KERNEL), (SMALL[:, ::-1].T, KERNEL), (SMOOTH, EVEN_SLOPE), (SMOOTH, np.array([[3]]))),
    mistakes=(
        Mistake("zeros",
                "you put zeros around the picture. On a ring the other side follows.",
                partial(_around, mode="constant")),
        Mistake("border-repeated",
                "you repeat the border pixels. On a ring the other side follows.",
                partial(_around, mode="edge")),
        Mistake("mirrored",
                "you continue the picture as in a mirror. On a ring it starts again from the other side.",
                partial(_around, mode="reflect")),
        Mistake("no-padding",
                "your map is smaller than the picture: you slid without padding.",
                conv2d_v2),
        Mistake("padded-after",
                "you added all pixels on the right and below. The map has the right size but is moved: an output "
                "belongs to the middle of its window.",
                lambda x, w: _padded(x, w, 0, len(w) - 1)),
        Mistake("padded-twice",
                "your map is larger than the picture: you added k − 1 pixels on each side.",
                lambda x, w: _padded(x, w, len(w) - 1, len(w) - 1)),
        Mistake("kernel-turned",
                "you gave the kernel half a turn. This book leaves it as it is.",
                lambda x, w: _around(x, w[::-1, ::-1])),
    ),
)

EXERCISES = {each.name: each for each in (ALIKE, THREE_COUNTS, BANDED, UPPER_RIGHT, AROUND)}
check_alike, check_three_counts, check_banded, check_upper_right, check_around = (
    exercise.check for exercise in EXERCISES.values()
)
