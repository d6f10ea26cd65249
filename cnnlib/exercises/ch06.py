"""The exercises of chapter 6: a pixel's gradient, a kernel's, a pool's, the scores', and a gradient check."""
from functools import partial, wraps

import numpy as np

from cnnlib.exercises._check import Exercise, Mistake, _array


def _spread(grad_output, weight, size, *, stride=1, step=None):
    """Pay each pixel of an input (H, W) of the given size; step moves the windows, stride counts them."""
    grad_x, step = np.zeros((size[0] + 20, size[1] + 20)), step or stride
    for row, col in np.ndindex(grad_output.shape):
        place = slice(row * step, row * step + weight.shape[0]), slice(col * step, col * step + weight.shape[1])
        grad_x[place] += grad_output[row, col] * weight
    return grad_x[:size[0], :size[1]]


def _pixel_gradient(grad_output, weight, row, col, *, stride=1, step=None):
    return float(_spread(grad_output, weight, (row + 1, col + 1), stride=stride, step=step)[row, col])


def _first_window(grad_output, weight, row, col, *, stride=1):
    """Pay through the window that holds the pixel and comes first."""
    for i, j in np.ndindex(grad_output.shape):
        a, b = row - i * stride, col - j * stride
        if 0 <= a < weight.shape[0] and 0 <= b < weight.shape[1]:
            return float(grad_output[i, j] * weight[a, b])
    return 0.0


def _negative_places(grad_output, weight, row, col, *, stride=1):
    """Take windows that start behind the pixel as well: NumPy counts a negative place from the kernel's end."""
    total = 0.0
    for i, j in np.ndindex(grad_output.shape):
        a, b = row - i * stride, col - j * stride
        if -weight.shape[0] <= a < weight.shape[0] and -weight.shape[1] <= b < weight.shape[1]:
            total += float(grad_output[i, j] * weight[a, b])
    return total


def _sum_without_weights(grad_output, weight, row, col, *, stride=1):
    return _pixel_gradient(grad_output, np.ones_like(weight), row, col, stride=stride)


GRAD = np.array([[-1, 1, 4], [2, -3, 5]])
KERNEL = np.array([[1, -2], [3, -1]])
WIDE = np.array([[2, -1, 3], [5, 4, -2]])
PIXEL_GRADIENT = Exercise(
    name="pixel_gradient",
    objective=1,
    reference=_pixel_gradient,
    cases=(
        (GRAD[:, :2], KERNEL, 1, 1),
        (GRAD[:, :2], KERNEL, 0, 0),
        (GRAD[:, :2], KERNEL, 0, 1),
        (GRAD, WIDE, 1, 2),
        (GRAD, WIDE, 2, 4),
        (GRAD, KERNEL, 2, 3, {"stride": 2}),
        (GRAD, WIDE, 3, 2, {"stride": 2}),
    ),
    mistakes=(
        Mistake("kernel-turned-once-too-often",
                "you pair each output with the weight at the other end of the kernel. The window that starts at the "
                "pixel lays its first weight on it.",
                lambda g, w, row, col, *, stride=1: _pixel_gradient(g, w[::-1, ::-1], row, col, stride=stride)),
        Mistake("stride-ignored",
                "your windows start at every pixel. At stride 2, which pixel does output 1 start at?",
                lambda g, w, row, col, *, stride=1: _pixel_gradient(g, w, row, col)),
        Mistake("one-window-only",
                "you pay the pixel through one window. Several windows may read it; add them up.",
                _first_window),
        Mistake("negative-places-wrap",
                "you also pay through windows that start behind the pixel. There its place in the kernel is negative, "
                "and a negative index counts from the end.",
                _negative_places),
        Mistake("weights-forgotten",
                "you add the gradients of the outputs that read the pixel. Each counts with the weight in between.",
                _sum_without_weights),
        Mistake("row-col-swapped",
                "you take row for the place across. Which index of an array goes down?",
                lambda g, w, row, col, *, stride=1: _pixel_gradient(g, w, col, row, stride=stride)),
        Mistake("mean-of-windows",
                "you divide by the number of outputs. The chain rule adds the ways to the loss; it takes no mean.",
                lambda g, w, row, col, *, stride=1: _pixel_gradient(g, w, row, col, stride=stride) / g.size),
    ),
)


def _kernel_gradient(x, grad_output, kernel_size, *, stride=1, step=None):
    """Add G times the window (…, kh, kw) of each output; step moves the windows."""
    (kh, kw), step = kernel_size, step or stride
    total = np.zeros((kh, kw))
    for row, col in np.ndindex(grad_output.shape):
        total += grad_output[row, col] * x[row * step:row * step + kh, col * step:col * step + kw]
    return total


_numbers = np.random.default_rng(6)
IMAGE = _numbers.integers(-4, 9, size=(7, 8)).astype(float)
SENT = _numbers.integers(-5, 6, size=(4, 4)).astype(float)
KERNEL_GRADIENT = Exercise(
    name="kernel_gradient",
    objective=2,
    reference=_kernel_gradient,
    cases=(
        (IMAGE[:3, :3], SENT[:2, :2], (2, 2)),
        (IMAGE[:3, :5], SENT[:2, :3], (2, 3)),
        (IMAGE[:6], SENT[:2, :3], (3, 2), {"stride": 3}),
        (IMAGE, SENT[:3, :3], (3, 3), {"stride": 2}),
    ),
    mistakes=(
        Mistake("gradient-turned",
                "you turn the output's gradient. Only the *input's* gradient needs a turn, and there it is the kernel.",
                lambda x, g, k, *, stride=1: _kernel_gradient(x, g[::-1, ::-1], k, stride=stride)),
        Mistake("result-turned",
                "the numbers are right, but each stands at the other end. Weight (0, 0) met the first pixel of each "
                "window.",
                lambda x, g, k, *, stride=1: _kernel_gradient(x, g, k, stride=stride)[::-1, ::-1]),
        Mistake("stride-ignored",
                "your windows start at every pixel. At stride 2, which pixel does output 1 start at?",
                lambda x, g, k, *, stride=1: _kernel_gradient(x, g, k)),
        Mistake("mean-of-outputs",
                "you divide by the number of outputs. All of them used the weight; their shares are added.",
                lambda x, g, k, *, stride=1: _kernel_gradient(x, g, k, stride=stride) / g.size),
        Mistake("pixels-forgotten",
                "you give each weight the sum of the output's gradient. That is the bias; a weight counts with the "
                "pixel that it met.",
                lambda x, g, k, *, stride=1: np.full(k, g.sum())),
        Mistake("gradient-forgotten",
                "you add up the windows. Each window counts with the gradient of its output.",
                lambda x, g, k, *, stride=1: _kernel_gradient(x, np.ones_like(g), k, stride=stride)),
        Mistake("sign-turned",
                "all numbers have the wrong sign. The gradient points uphill; the minus comes with the step.",
                lambda x, g, k, *, stride=1: -_kernel_gradient(x, g, k, stride=stride)),
    ),
)


def _pool_gradient(x, grad_output, kernel_size, *, stride=None, add=True, winners="first"):
    """Pay the winner of each window of (H, W); add=False overwrites, winners: first, last, all, shared or mean."""
    stride = kernel_size if stride is None else stride
    grad_x = np.zeros(x.shape)
    for row, col in np.ndindex(grad_output.shape):
        place = (slice(row * stride, row * stride + kernel_size), slice(col * stride, col * stride + kernel_size))
        window = x[place]
        best = window == window.max()
        share = best * 1.0
        if winners in ("first", "last"):
            at = np.flatnonzero(best)[0 if winners == "first" else -1]
            share = (np.arange(window.size) == at).reshape(window.shape) * 1.0
        elif winners == "shared":
            share = best / best.sum()
        elif winners == "mean":
            share = np.full(window.shape, 1 / window.size)
        sent = share * grad_output[row, col]
        grad_x[place] = grad_x[place] + sent if add else np.where(share > 0, sent, grad_x[place])
    return grad_x


RELUS = np.array([[0, 0, 3, 1], [0, 0, 1, 3], [2, 7, 0, 0], [7, 1, 4, 0]], dtype=float)
PEAK = np.array([[1, 0, 2], [0, 9, 1], [3, 1, 0]], dtype=float)
MAX_POOL_GRADIENT = Exercise(
    name="max_pool_gradient",
    objective=3,
    reference=_pool_gradient,
    cases=(
        (RELUS[:2, 2:], np.array([[5.0]]), 2),
        (RELUS[:2, :2], np.array([[1.0]]), 2),
        (PEAK, np.array([[1.0, 2], [3, 4]]), 2, {"stride": 1}),
        (RELUS, SENT[:2, :2], 2),
        (IMAGE, SENT[:2, :2], 3),
        (IMAGE[:5, :7], SENT[:2, :3], 3, {"stride": 2}),
    ),
    mistakes=(
        Mistake("all-equals-paid",
                "where several numbers of a window are equal, you pay all of them. More gradient comes out than went "
                "in.",
                partial(_pool_gradient, winners="all")),
        Mistake("equals-share",
                "you divide the gradient among equal numbers. Fair, but PyTorch picks one winner: which?",
                partial(_pool_gradient, winners="shared")),
        Mistake("last-of-equals",
                "of several equal numbers you pay the last one. PyTorch pays the first in reading order.",
                partial(_pool_gradient, winners="last")),
        Mistake("overwritten",
                "a pixel that wins two windows keeps only the second payment. Gradients add up.",
                partial(_pool_gradient, add=False)),
        Mistake("spread-evenly",
                "you pay every pixel of the window. That is average pooling.",
                partial(_pool_gradient, winners="mean")),
        Mistake("stride-ignored",
                "your windows always stand side by side. A stride that is given must move them.",
                lambda x, g, k, *, stride=None: _pool_gradient(x, g, k)),
        Mistake("position-forgotten",
                "you pay the upper left pixel of each window, whoever won.",
                lambda x, g, k, *, stride=None: _pool_gradient(np.zeros_like(x), g, k, stride=stride)),
    ),
)


def _probabilities(scores, *, axis=1):
    powers = np.exp(scores - scores.max(axis=axis, keepdims=True))
    return powers / powers.sum(axis=axis, keepdims=True)


def _score_gradient(scores, labels, *, axis=1, count=None):
    """Return (p - y) / N; axis is the one that softmax sums over, count the number to divide by."""
    return (_probabilities(scores, axis=axis) - np.eye(scores.shape[1])[labels]) / (count or len(scores))


def _naive_score_gradient(scores, labels):
    with np.errstate(all="ignore"):
        powers = np.exp(scores)
        probabilities = powers / powers.sum(axis=1, keepdims=True)
    return (probabilities - np.eye(scores.shape[1])[labels]) / len(scores)


class _NanIsNan(Exercise):
    """An exercise in which a known mistake may give NaN: NaN agrees with NaN at the same places."""

    def _same(self, answer, right):
        got, wanted = _array(answer), _array(right)
        if got is None or wanted is None or not np.isnan(wanted).any():
            return super()._same(answer, right)
        fits = got.shape == wanted.shape and (np.isnan(got) == np.isnan(wanted)).all()
        return bool(fits) and super()._same(np.nan_to_num(got), np.nan_to_num(wanted))


SCORES = _numbers.integers(-3, 4, size=(3, 4)).astype(float)
SCORE_GRADIENT = _NanIsNan(
    name="score_gradient",
    objective=4,
    reference=_score_gradient,
    cases=(
        (np.array([[1.0, 0.0]]), np.array([0])),
        (np.array([[2.0, 1.0, 0.0]]), np.array([2])),
        (np.array([[1.0, 0.0], [3.0, 1.0]]), np.array([1, 0])),
        (SCORES, np.array([3, 0, 1])),
        (np.array([[1000.0, 0.0, 999.0]]), np.array([1])),
    ),
    mistakes=(
        Mistake("not-divided-by-the-batch",
                "right for each image by itself. The loss is the mean over the batch, so each image counts 1/N.",
                partial(_score_gradient, count=1)),
        Mistake("sign-turned",
                "y minus p: a step against this gradient makes the right class less likely.",
                lambda z, t: -_score_gradient(z, t)),
        Mistake("probabilities-only",
                "these are the probabilities, divided by N. The right class has 1 taken off.",
                lambda z, t: _probabilities(z) / len(z)),
        Mistake("softmax-over-the-batch",
                "your softmax sums over the images. The classes of one image compete, axis 1.",
                partial(_score_gradient, axis=0)),
        Mistake("divided-by-classes",
                "you divide by the number of classes. The mean is taken over the images.",
                lambda z, t: _score_gradient(z, t, count=z.shape[1])),
        Mistake("scores-not-probabilities",
                "you subtract y from the scores. Softmax comes first.",
                lambda z, t: (z - np.eye(z.shape[1])[t]) / len(z)),
        Mistake("softmax-overflows",
                "right for small scores. For large ones the powers of e are infinite, and infinity divided by infinity "
                "is nan. What may be taken off all scores of an image?",
                _naive_score_gradient),
        Mistake("right-class-only",
                "you return a gradient for the right class alone. The other classes have too much probability and must "
                "pay.",
                lambda z, t: _score_gradient(z, t) * np.eye(z.shape[1])[t]),
    ),
)


def _central(f, x, *, step=1e-5, sides=(1, -1), width=2, sign=1.0, whole=False):
    """Return difference quotients of f at x; sides are the two points in steps, width what is divided by."""
    gradient = np.zeros(np.shape(x))
    for index in np.ndindex(gradient.shape):
        values = []
        for side in sides:
            moved = np.array(x, dtype=float)
            moved[... if whole else index] += side * step
            values.append(float(f(moved)))
        gradient[index] = sign * (values[0] - values[1]) / (width * step)
    return gradient


def _never_put_back(f, x, *, step=1e-5):
    """Nudge entries one after the other without restoring them: each ends one step below."""
    gradient, moved = np.zeros(np.shape(x)), np.array(x, dtype=float)
    for index in np.ndindex(gradient.shape):
        moved[index] += step
        ahead = float(f(moved))
        moved[index] -= 2 * step
        gradient[index] = (ahead - float(f(moved))) / (2 * step)
    return gradient


def sum_of_cubes(x):
    """Return Σ x³, whose bend tells a forward from a central difference."""
    return (x**3).sum()


def product(x):
    """Return the product of all entries: each slope depends on the other entries."""
    return np.prod(x)


CHANGED = "x was changed"


def _watched(answer):
    """Return the answer as a function that returns CHANGED where the answer leaves other numbers in x."""
    @wraps(answer)
    def watched(f, x, **options):
        before = x.copy()
        result = answer(f, x, **options)
        return result if np.allclose(x, before, rtol=0, atol=1e-9) else CHANGED
    return watched


class _LeavesX(Exercise):
    """An exercise whose answer must not change x, its second argument; rounding is no change."""

    def check(self, answer):
        return super().check(_watched(answer) if callable(answer) else answer)


CENTRAL_GRADIENT = _LeavesX(
    name="central_gradient",
    objective=5,
    reference=_central,
    cases=(
        (sum_of_cubes, np.array([1.0]), {"step": 0.5}),
        (sum_of_cubes, np.array([1.0, -2.0]), {"step": 0.1}),
        (product, np.array([[1.0, 2.0], [3.0, 5.0]]), {"step": 0.25}),
        (product, np.array([2.0, 3.0, 4.0]), {"step": 1e-3}),
    ),
    mistakes=(
        Mistake("x-changed",
                "your function changes x. Nudge a copy, or put each entry back.",
                lambda f, x, *, step=1e-5: CHANGED),
        Mistake("forward-difference",
                "you go one step ahead only. Go one back as well: the bend cancels.",
                partial(_central, sides=(1, 0), width=1)),
        Mistake("backward-difference",
                "you go one step back only. Go one ahead as well: the bend cancels.",
                partial(_central, sides=(0, -1), width=1)),
        Mistake("divided-by-one-step",
                "your two points lie two steps apart. You divide by one step.",
                partial(_central, width=1)),
        Mistake("forward-difference-half",
                "you go one step ahead only, and divide by two.",
                partial(_central, sides=(1, 0), width=2)),
        Mistake("sign-turned",
                "you subtract the value ahead from the value behind.",
                partial(_central, sign=-1.0)),
        Mistake("all-entries-at-once",
                "you move all entries together. Then the difference is the sum of all slopes.",
                partial(_central, whole=True)),
        Mistake("never-put-back",
                "you nudge an entry and do not put it back, so the next slope is taken at another place.",
                _never_put_back),
    ),
)

EXERCISES = {each.name: each for each in (
    PIXEL_GRADIENT, KERNEL_GRADIENT, MAX_POOL_GRADIENT, SCORE_GRADIENT, CENTRAL_GRADIENT)}
check_pixel_gradient, check_kernel_gradient, check_max_pool_gradient, check_score_gradient, check_central_gradient = (
    exercise.check for exercise in EXERCISES.values()
)
