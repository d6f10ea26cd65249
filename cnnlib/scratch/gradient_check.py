"""Compare gradients with differences of the function itself.

A derivative is what ``(f(x + h) − f(x − h)) / 2h`` becomes for small h. Too large an h misses the bend of f (an error
that grows with h²), too small an h drowns in rounding (an error that grows with 1/h). In float64 about 1e-5 is best.

Kinks. ReLU has a kink at 0, max pooling where a window holds its largest number twice. If a kink lies between x − h and
x + h, the difference mixes two slopes, and a right gradient looks wrong. The two one-sided slopes tell: on a smooth
function half of h halves their distance, at a kink it does not. Such entries are counted and left out.
"""
import copy
from dataclasses import dataclass

import numpy as np

from cnnlib._arguments import above_zero, at_least_zero, whole
from cnnlib.scratch._check import describe, numbers, same_shape
from cnnlib.scratch._layer import Layer

STEP = 1e-5


def numerical_gradient(f, x, *, step=STEP):
    """Return the gradient of f at x by central differences, entry by entry.

    Args:
        f: a function of an array like x that returns one number.
        x: where, any shape; computed in float64, never changed.
        step: half the distance of the two points, in units of x.

    Returns:
        float64, shaped as x.

    Raises:
        ValueError: x is no array of real numbers, step is not positive, or f does not return one number.

    Source:
        Goodfellow, Bengio & Courville (2016), Deep Learning, eq. 11.7.

    >>> numerical_gradient(lambda x: (x**2).sum(), [1.0, 3.0]).round(6)
    array([2., 6.])
    """
    x = _point("numerical_gradient", x)
    step = above_zero("numerical_gradient", "step", step)
    if not callable(f):
        raise ValueError(f"numerical_gradient: f must be a function, got {describe(f)}")
    gradient = np.empty_like(x)
    for index in np.ndindex(x.shape):
        ahead, behind = (_value("numerical_gradient", f, x, index, shift) for shift in (step, -step))
        gradient[index] = (ahead - behind) / (2 * step)
    return gradient


def relative_error(a, b, *, floor=None):
    """Return |a − b| / max(|a|, |b|, floor), entry by entry; where both are 0 it is 0.

    Without a floor, two gradients that should be 0, but differ by rounding, would count as wholly different.

    Args:
        a: an array.
        b: an array of the same shape.
        floor: entries below it are compared with it instead; None means a thousandth of the largest entry of both.

    Returns:
        Fractions of 1 (at most 2), shaped as a.

    Raises:
        ValueError: an argument is malformed, or the shapes differ.

    Source:
        defined here.

    >>> relative_error([1.0, 0.0], [1.1, 1e-9]).round(4)
    array([0.0909, 0.    ])
    """
    a, b = _point("relative_error", a, "a"), _point("relative_error", b, "b")
    same_shape("relative_error", "b", b, a.shape)
    size = np.maximum(abs(a), abs(b))
    floor = 1e-3 * size.max() if floor is None else at_least_zero("relative_error", "floor", floor)
    size = np.maximum(size, floor)
    return np.divide(abs(a - b), size, out=np.zeros_like(size), where=size != 0)  # a NaN stays one


@dataclass(frozen=True, kw_only=True)
class GradientRow:
    """The check of one array.

    Attributes:
        name: "x" or a parameter's name.
        entries: entries of the array.
        checked: entries that were compared.
        kinks: entries that were left out because a kink lies within a step.
        error: the largest relative error; NaN if nothing was compared.
        index: where it is; None if nothing was compared.
        analytic: the layer's gradient there.
        numerical: the difference quotient there.
    """

    name: str
    entries: int
    checked: int
    kinks: int
    error: float
    index: tuple | None
    analytic: float
    numerical: float


@dataclass(frozen=True, kw_only=True)
class GradientReport:
    """What ``check_gradients`` returns; printed, it is a table with the worst entry of each array.

    Attributes:
        rows: one for the input and one for each parameter.
        tolerance: the largest relative error that passes.
    """

    rows: tuple
    tolerance: float

    @property
    def worst(self):
        """The row with the largest error, or None if nothing was compared."""
        compared = [row for row in self.rows if row.checked]
        return max(compared, key=lambda row: np.inf if np.isnan(row.error) else row.error, default=None)

    @property
    def passed(self):
        """True if every array had entries to compare and all errors are within the tolerance."""
        return all(row.checked and row.error <= self.tolerance for row in self.rows)

    def __str__(self):
        lines = [f"{'array':<10} {'checked':>9} {'kinks':>5} {'error':>8}  worst entry"]
        for row in self.rows:
            place = "nothing to compare" if row.index is None else (
                f"[{', '.join(map(str, row.index))}]: gradient {row.analytic:.6g}, difference {row.numerical:.6g}")
            share = f"{row.checked}/{row.entries}"
            lines.append(f"{row.name:<10} {share:>9} {row.kinks:>5} {row.error:>8.1e}  {place}")
        verdict = "passed" if self.passed else f"FAILED in {', '.join(self.failed)}"
        return "\n".join([*lines, f"{verdict} (tolerance {self.tolerance:g})"])

    @property
    def failed(self):
        """Names of the arrays that did not pass."""
        return [row.name for row in self.rows if not (row.checked and row.error <= self.tolerance)]


def check_gradients(layer, x, *, step=STEP, tolerance=1e-6, most=200, seed=0):
    """Compare a layer's backward pass with differences of its forward pass.

    The loss is a sum of all outputs with random weights, so that no output's gradient is the same as another's. The
    layer itself is never touched: each forward pass runs on a copy, so dropout drops the same numbers every time.

    Args:
        layer: a layer or network of ``cnnlib.scratch``.
        x: its input, any shape; layer and input are computed in float64.
        step: half the distance of two points, in units of the entry.
        tolerance: the largest relative error that passes.
        most: entries of an array that are compared; of larger arrays a random choice.
        seed: of the random numbers.

    Returns:
        A GradientReport: ``passed``, ``worst``, one row for each array, and a table when printed.

    Raises:
        ValueError: an argument is malformed, or a gradient does not have the shape of its array.

    Source:
        Goodfellow, Bengio & Courville (2016), Deep Learning, section 11.5.

    >>> from cnnlib.scratch import Linear
    >>> check_gradients(Linear(3, 2, rng=0), np.arange(6.0).reshape(2, 3)).passed
    True
    """
    x = _point("check_gradients", x)
    step, tolerance = (above_zero("check_gradients", name, value)
                       for name, value in (("step", step), ("tolerance", tolerance)))
    most = whole("check_gradients", "most", most, least=1)
    if not isinstance(layer, Layer):
        raise ValueError(f"check_gradients: layer must be a layer of cnnlib.scratch, got {layer!r}")
    rng = np.random.default_rng(whole("check_gradients", "seed", seed, least=0))
    pristine = copy.deepcopy(layer).to(np.float64)
    judged = copy.deepcopy(pristine)
    weights = rng.normal(size=np.shape(judged.forward(x)))
    judged.zero_grad()
    found = {"x": judged.backward(weights), **{name: p.grad for name, p in judged.named_parameters()}}
    compared = {name: _compare(pristine, x, name, found[name], weights, step, most, rng) for name in found}
    floor = 1e-3 * max(abs(each["numerical"]).max(initial=0) for each in compared.values())
    rows = tuple(_row(name, np.size(found[name]), floor, **each) for name, each in compared.items())
    return GradientReport(rows=rows, tolerance=tolerance)


def _compare(pristine, x, name, found, weights, step, most, rng):
    """Return indices, both gradients and the number of kinks of one array."""
    value = x if name == "x" else dict(pristine.named_parameters())[name].value
    found = np.zeros(()) if found is None else np.asarray(found)
    same_shape("check_gradients", f"the gradient of {name}", found, value.shape)
    flat = np.sort(rng.permutation(value.size)[:most])
    indices = [tuple(int(i) for i in np.unravel_index(at, value.shape)) for at in flat]

    def loss(array):
        layer = copy.deepcopy(pristine)
        if name != "x":
            dict(layer.named_parameters())[name].value = array
        return float((layer.forward(array if name == "x" else x) * weights).sum())

    here = loss(value)
    if not np.isfinite(here):
        raise ValueError(f"check_gradients: the outputs at x must be finite, got a sum of {here}")
    slopes = np.array([[(_value("check_gradients", loss, value, index, shift) - here) / shift
                        for part in (1, 1 / 2, 1 / 4) for shift in (part * step, -part * step)] for index in indices])
    numerical = slopes[:, :2].mean(axis=1)
    bends = slopes[:, ::2] - slopes[:, 1::2]  # of a smooth function half as large over half the step
    own = np.maximum(abs(slopes).max(axis=1), 1e-3 * abs(slopes).max())
    rounding = 100 * np.finfo(float).eps * max(abs(here), 1e-300) / step
    kink = abs(bends[:, 1:] - bends[:, :-1] / 2).max(axis=1) > np.maximum(1e-7 * own, rounding)
    kept = np.flatnonzero(~kink)
    return {"indices": [indices[at] for at in kept], "numerical": numerical[kept], "kinks": int(kink.sum()),
            "analytic": np.array([found[indices[at]] for at in kept])}


def _row(name, entries, floor, *, indices, analytic, numerical, kinks):
    if not indices:
        return GradientRow(name=name, entries=entries, checked=0, kinks=kinks, error=np.nan, index=None,
                           analytic=np.nan, numerical=np.nan)
    errors = relative_error(analytic, numerical, floor=floor)
    at = int(np.argmax(np.where(np.isnan(errors), np.inf, errors)))
    return GradientRow(name=name, entries=entries, checked=len(indices), kinks=kinks, error=float(errors[at]),
                       index=indices[at], analytic=float(analytic[at]), numerical=float(numerical[at]))


def _value(function, f, x, index, shift):
    """Return f with one entry of a copy of x shifted."""
    moved = x.copy()
    moved[index] += shift
    value = np.asarray(f(moved))
    if value.size != 1 or value.dtype.kind not in "fiu":
        raise ValueError(f"{function}: f must return one number, got shape {value.shape} of {value.dtype}")
    return value.item()


def _point(function, x, name="x"):
    return numbers(function, name, x, dims=0, or_more=True).astype(np.float64)
