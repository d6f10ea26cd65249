"""Softmax: scores to probabilities, a whole row at a time."""
import numpy as np

from cnnlib._arguments import integer
from cnnlib.scratch._check import floats, pair


def softmax(x, *, dim=-1):
    """Return exp(x) divided by its sum along an axis: positive numbers that sum to 1.

    The largest score is taken off first. That changes nothing, as exp(x − m) / Σ exp(x − m) = exp(x) / Σ exp(x), and
    keeps large scores from overflowing.

    Args:
        x: scores, any shape with at least one axis.
        dim: the axis.

    Returns:
        Fractions of 1, the same shape.

    Raises:
        ValueError: x is no array of real numbers, or there is no such axis.

    Source:
        Goodfellow, Bengio & Courville (2016), Deep Learning, eqs. 6.29 and 6.33.

    >>> softmax([1000, 1000])
    array([0.5, 0.5])
    """
    [x] = floats("softmax", x=(x, -1))
    powers = np.exp(x - x.max(axis=_axis("softmax", x, dim), keepdims=True))
    return powers / powers.sum(axis=dim, keepdims=True)


def softmax_backward(grad_output, x, *, dim=-1):
    """Return y·(grad − Σ grad·y): each score moves all outputs, as their sum stays 1.

    Args:
        grad_output: gradient of the loss for the output, shaped as x.
        x: what softmax was given.
        dim: the axis.

    Returns:
        The gradient for x; along the axis it sums to 0.

    Raises:
        ValueError: an argument is malformed, or the shapes differ.

    Source:
        Bridle (1990), Training Stochastic Model Recognition Algorithms as Networks, section 2.

    >>> softmax_backward([1, 0], [0, 0])
    array([ 0.25, -0.25])
    """
    grad_output, x = pair("softmax_backward", grad_output, x)
    _axis("softmax_backward", x, dim)
    y = softmax(x, dim=dim)
    return y * (grad_output - (grad_output * y).sum(axis=dim, keepdims=True))


def log_softmax(x, *, dim=-1):
    """Return log(softmax(x)) without taking the logarithm of a small number.

    Args:
        x: scores, any shape with at least one axis.
        dim: the axis.

    Returns:
        At most 0, the same shape.

    Raises:
        ValueError: x is no array of real numbers, or there is no such axis.

    Source:
        Goodfellow, Bengio & Courville (2016), Deep Learning, eq. 6.30.

    >>> log_softmax([0.0, -1000.0]).tolist()
    [0.0, -1000.0]
    """
    [x] = floats("log_softmax", x=(x, -1))
    shifted = x - x.max(axis=_axis("log_softmax", x, dim), keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=dim, keepdims=True))


def log_softmax_backward(grad_output, x, *, dim=-1):
    """Return grad − softmax(x) · Σ grad.

    Args:
        grad_output: gradient of the loss for the output, shaped as x.
        x: what log_softmax was given.
        dim: the axis.

    Returns:
        The gradient for x; along the axis it sums to 0.

    Raises:
        ValueError: an argument is malformed, or the shapes differ.

    Source:
        Goodfellow, Bengio & Courville (2016), Deep Learning, eq. 6.30.

    >>> log_softmax_backward([1, 0], [0, 0])
    array([ 0.5, -0.5])
    """
    grad_output, x = pair("log_softmax_backward", grad_output, x)
    _axis("log_softmax_backward", x, dim)
    return grad_output - softmax(x, dim=dim) * grad_output.sum(axis=dim, keepdims=True)


def _axis(function, x, dim):
    axis = integer(function, "dim", dim)
    if not -x.ndim <= axis < x.ndim:
        raise ValueError(f"{function}: dim must be an axis of the shape {x.shape}, got {dim!r}")
    return axis
