"""The parts of a network's dense end: linear, flatten, dropout."""
import math

import numpy as np

from cnnlib._arguments import flag, fraction, integer, whole
from cnnlib.scratch._check import floats, same_shape


def linear(x, weight, bias=None):
    """Return x · weightᵀ + bias, as ``torch.nn.functional.linear``.

    Args:
        x: features, (N, in_features) or (…, in_features).
        weight: (out_features, in_features).
        bias: None or (out_features,).

    Returns:
        (N, out_features) or (…, out_features).

    Raises:
        ValueError: an argument is malformed, or the features do not match.

    Source:
        Goodfellow, Bengio & Courville (2016), Deep Learning, eq. 6.28 (there with the weight transposed).

    >>> linear([[1, 2]], [[1, 0], [1, 1], [0, 2]], [0, 0, 10])
    array([[ 1.,  3., 14.]])
    """
    x, weight, bias = floats("linear", x=(x, -1), weight=(weight, 2), bias=(bias, 1))
    _features("linear", x, weight)
    if bias is None:
        return x @ weight.T
    same_shape("linear", "bias", bias, weight.shape[:1])
    return x @ weight.T + bias


def linear_backward(grad_output, x, weight):
    """Return the gradients of ``linear(x, weight, bias)``.

    Args:
        grad_output: gradient of the loss for the output, (N, out_features) or (…, out_features).
        x: what linear was given, (N, in_features) or (…, in_features).
        weight: (out_features, in_features).

    Returns:
        (grad_x, grad_weight, grad_bias), shaped as x, weight and (out_features,).

    Raises:
        ValueError: an argument is malformed, or the shapes do not match.

    Source:
        Goodfellow, Bengio & Courville (2016), Deep Learning, algorithm 6.4.

    >>> grad_x, grad_weight, grad_bias = linear_backward([[1, 10]], [[2, 3]], [[1, 0], [1, 1]])
    >>> grad_x.tolist(), grad_weight.tolist(), grad_bias.tolist()
    ([[11.0, 10.0]], [[2.0, 3.0], [20.0, 30.0]], [1.0, 10.0])
    """
    name = "linear_backward"
    grad_output, x, weight = floats(name, grad_output=(grad_output, -1), x=(x, -1), weight=(weight, 2))
    _features(name, x, weight)
    same_shape(name, "grad_output", grad_output, (*x.shape[:-1], len(weight)))
    rows = grad_output.reshape(-1, len(weight))
    return grad_output @ weight, rows.T @ x.reshape(-1, x.shape[-1]), rows.sum(axis=0)


def flatten(x, *, start_dim=0, end_dim=-1):
    """Put the axes from ``start_dim`` to ``end_dim`` into one, as ``torch.flatten``; nothing is learned.

    Args:
        x: maps, (N, C, H, W), or any other shape.
        start_dim: the first axis that is put together; 1 keeps the batch.
        end_dim: the last one; −1 is the last of all.

    Returns:
        With start_dim=1, (N, C·H·W): channel by channel, row by row.

    Raises:
        ValueError: an argument is malformed, there is no such axis, or the end comes before the start.

    Source:
        LeCun, Bottou, Bengio & Haffner (1998), section II B (from the last maps to the dense layers).

    >>> flatten(np.zeros((2, 10, 7, 7)), start_dim=1).shape
    (2, 490)
    """
    [x] = floats("flatten", x=(x, -1))
    return x.reshape(_flat("flatten", x, start_dim, end_dim)).copy()


def flatten_backward(grad_output, x, *, start_dim=0, end_dim=-1):
    """Give each number its place back.

    Args:
        grad_output: gradient of the loss for the output, shaped as flatten(x, …).
        x: what flatten was given; only its shape matters.
        start_dim: as flatten was given.
        end_dim: as flatten was given.

    Returns:
        The gradient for x.

    Raises:
        ValueError: an argument is malformed, or the shapes do not fit.

    Source:
        LeCun, Bottou, Bengio & Haffner (1998), section II B.

    >>> flatten_backward(np.zeros((2, 490)), np.zeros((2, 10, 7, 7)), start_dim=1).shape
    (2, 10, 7, 7)
    """
    grad_output, x = floats("flatten_backward", grad_output=(grad_output, None), x=(x, None))
    same_shape("flatten_backward", "grad_output", grad_output, _flat("flatten_backward", x, start_dim, end_dim))
    return grad_output.reshape(x.shape).copy()


def dropout(x, *, p=0.5, training=True, seed=None):
    """Set each number to 0 with probability p and scale the others by 1 / (1 − p): the mean stays (inverted dropout).

    Args:
        x: any shape.
        p: probability of being dropped, a fraction of 1.
        training: False returns a copy of x.
        seed: a whole number chooses which numbers fall out; None takes new ones each time.

    Returns:
        The same shape.

    Raises:
        ValueError: an argument is malformed.

    Source:
        Srivastava et al. (2014), Dropout, section 10 (scaling while training).

    >>> sorted(set(dropout(np.ones(1000), p=0.75, seed=0).tolist()))
    [0.0, 4.0]
    """
    [x] = floats("dropout", x=(x, None))
    return _drop("dropout", x, p, training, seed)


def dropout_backward(grad_output, *, p=0.5, training=True, seed):
    """Pass the gradient on where dropout kept the number, scaled the same way.

    Args:
        grad_output: gradient of the loss for the output.
        p: as dropout was given.
        training: as dropout was given.
        seed: the whole number that dropout was given, so that the same numbers fall out.

    Returns:
        The gradient for x.

    Raises:
        ValueError: an argument is malformed.

    Source:
        Srivastava et al. (2014), Dropout, section 5.1.

    >>> bool((dropout_backward(np.ones(9), seed=3) == dropout(np.ones(9), seed=3)).all())
    True
    """
    [grad_output] = floats("dropout_backward", grad_output=(grad_output, None))
    if seed is None:
        raise ValueError("dropout_backward: seed must be the number that dropout was given, got None")
    return _drop("dropout_backward", grad_output, p, training, seed)


def _drop(function, x, p, training, seed):
    p, seed = fraction(function, "p", p), None if seed is None else whole(function, "seed", seed, least=0)
    if not flag(function, "training", training) or p == 0:
        return x.copy()
    kept = np.random.default_rng(seed).random(x.shape) >= p
    return x * kept / (1 - p) if p < 1 else np.zeros_like(x)


def _features(function, x, weight):
    if x.shape[-1] != weight.shape[1]:
        raise ValueError(f"{function}: weight must have {x.shape[-1]} input features as x, got {weight.shape[1]}")


def _flat(function, x, start_dim, end_dim):
    """Return the flattened shape."""
    axes = []
    for name, value in (("start_dim", start_dim), ("end_dim", end_dim)):
        axis = integer(function, name, value)
        if not -x.ndim <= axis < x.ndim:
            raise ValueError(f"{function}: {name} must be an axis of the shape {x.shape}, got {value}")
        axes.append(axis % x.ndim)
    start, end = axes
    if start > end:
        raise ValueError(f"{function}: start_dim must not come after end_dim = {end_dim}, got {start_dim}")
    return *x.shape[:start], math.prod(x.shape[start:end + 1]), *x.shape[end + 1:]
