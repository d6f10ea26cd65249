"""Attention: every token asks all tokens, and takes a weighted mean of what they hold.

A mask says who may look at whom. A boolean mask is True where attention is allowed, as in
``torch.nn.functional.scaled_dot_product_attention``; ``torch.nn.MultiheadAttention`` means the opposite by True.
"""
import math
from collections.abc import Mapping

import numpy as np

from cnnlib._arguments import flag, whole
from cnnlib.scratch._check import describe, floats, numbers, same_shape
from cnnlib.scratch.dense import linear
from cnnlib.scratch.scores import softmax


def scaled_dot_product_attention(query, key, value, *, mask=None, causal=False, return_weights=False):
    """Return softmax(query · keyᵀ / √E) · value, as ``torch.nn.functional.scaled_dot_product_attention``.

    The dot product of two random vectors of E numbers spreads like √E; without the division the softmax of long vectors
    would pick one token and let no gradient through.

    Args:
        query: what each of L tokens looks for, (..., L, E).
        key: what each of S tokens offers, (..., S, E).
        value: what each of S tokens holds, (..., S, V).
        mask: at least 2 axes that broadcast to (..., L, S): booleans, True where attention is allowed, or floats that
            are added to the scores, −∞ where it is not.
        causal: True lets token i see tokens 0 to i; there must be no mask then.
        return_weights: True returns the weights as well.

    Returns:
        Means of the values, (..., L, V); a token that may see nothing gets zeros, as PyTorch's function gives it (its
        nn.MultiheadAttention gives NaN). With return_weights (output, weights): the weights (..., L, S) are fractions
        of 1 that sum to 1 in every other row.

    Raises:
        ValueError: an argument is malformed, the shapes do not fit, or a mask is given with causal.

    Source:
        Vaswani et al. (2017), Attention Is All You Need, eq. 1.

    >>> scaled_dot_product_attention([[0.0]], [[1.0], [2.0]], [[10.0], [30.0]])
    array([[20.]])
    """
    name = "scaled_dot_product_attention"
    flag(name, "return_weights", return_weights)
    query, key, value = _tokens(name, query=query, key=key, value=value)
    weights = _weights(name, query, key, mask, causal)
    return (weights @ value, weights) if return_weights else weights @ value


def scaled_dot_product_attention_backward(grad_output, query, key, value, *, mask=None, causal=False):
    """Return the gradients of ``scaled_dot_product_attention``.

    The output is linear in the values, so their gradient is weightsᵀ · grad. The way to query and key leads through the
    softmax; where a mask forbids, the weight is 0, and so is its gradient.

    Args:
        grad_output: gradient of the loss for the output, (..., L, V).
        query: as scaled_dot_product_attention was given; so are all others.
        key: (..., S, E).
        value: (..., S, V).
        mask: at least 2 axes that broadcast to (..., L, S).
        causal: True lets token i see tokens 0 to i.

    Returns:
        (grad_query, grad_key, grad_value), shaped as query, key and value.

    Raises:
        ValueError: as scaled_dot_product_attention, or grad_output does not have the output's shape.

    Source:
        Vaswani et al. (2017), Attention Is All You Need, eq. 1, by the chain rule.

    >>> scaled_dot_product_attention_backward([[1.0]], [[0.0]], [[1.0], [2.0]], [[10.0], [30.0]])[2]
    array([[0.5],
           [0.5]])
    """
    name = "scaled_dot_product_attention_backward"
    query, key, value, grad_output = _tokens(name, query=query, key=key, value=value, grad_output=grad_output)
    weights = _weights(name, query, key, mask, causal)
    leading = np.broadcast_shapes(weights.shape[:-2], value.shape[:-2])
    same_shape(name, "grad_output", grad_output, (*leading, query.shape[-2], value.shape[-1]))
    grad_value = _turned(weights) @ grad_output
    grad_weights = grad_output @ _turned(value)
    grad_scores = weights * (grad_weights - (grad_weights * weights).sum(axis=-1, keepdims=True))
    grad_scores = grad_scores / math.sqrt(query.shape[-1])
    grads = (grad_scores @ key, _turned(grad_scores) @ query, grad_value)
    return tuple(_folded(grad, array.shape) for grad, array in zip(grads, (query, key, value), strict=True))


def multi_head_attention(query, key, value, weights, *, num_heads, mask=None, return_weights=False):
    """Attend num_heads times side by side, each head in E / num_heads numbers of its own, as ``nn.MultiheadAttention``.

    Self-attention takes one sequence three times; cross-attention takes query from one, key and value from another.

    Args:
        query: L tokens, (..., L, E).
        key: S tokens, (..., S, E).
        value: S tokens, (..., S, E).
        weights: the arrays of an ``nn.MultiheadAttention``'s state_dict by its names: in_proj_weight (3·E, E), which
            holds the projections of query, key and value one below the other, out_proj.weight (E, E), and the biases
            in_proj_bias (3·E,) and out_proj.bias (E,) if there are any.
        num_heads: must divide E.
        mask: at least 2 axes that broadcast to (..., num_heads, L, S); booleans are True where attention is allowed.
        return_weights: True returns the weights as well.

    Returns:
        (..., L, E); with return_weights (output, weights), the weights of each head (..., num_heads, L, S).

    Raises:
        ValueError: an argument is malformed, or the shapes do not fit.

    Source:
        Vaswani et al. (2017), Attention Is All You Need, section 3.2.2.

    >>> eye, x = np.eye(2), np.ones((3, 2))
    >>> arrays = {"in_proj_weight": np.concatenate([eye, eye, eye]), "out_proj.weight": eye}
    >>> multi_head_attention(x, x, x, arrays, num_heads=2).shape
    (3, 2)
    """
    name = "multi_head_attention"
    flag(name, "return_weights", return_weights)
    query, key, value = _tokens(name, query=query, key=key, value=value)
    size, heads = query.shape[-1], whole(name, "num_heads", num_heads, least=1)
    if value.shape[-1] != size:
        raise ValueError(f"{name}: value must have {size} numbers a token as query, got {value.shape[-1]}")
    if size % heads:
        raise ValueError(f"{name}: num_heads must divide the {size} numbers of a token, got {heads}")
    projections, out_weight, out_bias = _projections(name, weights, size, query.dtype)
    query, key, value = (_split(linear(array, *projection), heads)
                         for array, projection in zip((query, key, value), projections, strict=True))
    shares = _weights(name, query, key, mask, False)
    joined = np.swapaxes(shares @ value, -2, -3)
    out = linear(joined.reshape(*joined.shape[:-2], size), out_weight, out_bias)
    return (out, shares) if return_weights else out


def _tokens(function, **arrays):
    """Return float arrays of tokens: key has query's numbers a token, value has key's tokens."""
    checked = floats(function, **{label: (array, -1) for label, array in arrays.items()})
    for label, array in zip(arrays, checked, strict=True):
        if array.ndim < 2:
            raise ValueError(f"{function}: {label} must have at least 2 axes, got shape {array.shape}")
    query, key, value = checked[:3]
    if key.shape[-1] != query.shape[-1]:
        raise ValueError(f"{function}: key must have {query.shape[-1]} numbers a token as query, got {key.shape[-1]}")
    if value.shape[-2] != key.shape[-2]:
        raise ValueError(f"{function}: value must have {key.shape[-2]} tokens as key, got {value.shape[-2]}")
    leading = _fitting(function, "key", query.shape[:-2], key.shape[:-2])
    _fitting(function, "value", leading, value.shape[:-2])
    return checked


def _fitting(function, label, wanted, got):
    try:
        return np.broadcast_shapes(wanted, got)
    except ValueError as error:
        rule = f"the axes of {label} before the last two must broadcast with {wanted}"
        raise ValueError(f"{function}: {rule}, got {got}") from error


def _weights(function, query, key, mask, causal):
    """Return the shares (..., L, S) with which each query takes the values."""
    leading = np.broadcast_shapes(query.shape[:-2], key.shape[:-2])
    added = _added(function, mask, causal, (*leading, query.shape[-2], key.shape[-2]), query.dtype)
    scores = query @ _turned(key) / math.sqrt(query.shape[-1])
    if added is None:
        return softmax(scores)
    blind = np.isneginf(added).all(axis=-1, keepdims=True)  # softmax has no answer for a row of −∞
    return np.where(blind, 0, softmax(scores + np.where(blind, 0, added)))


def _added(function, mask, causal, shape, kind):
    """Return what is added to scores of a shape: 0 where attention is allowed and −∞ where not; None for nothing."""
    if flag(function, "causal", causal):
        if mask is not None:
            raise ValueError(f"{function}: causal must be False where a mask is given, got True")
        mask = np.tri(*shape[-2:], dtype=bool)
    if mask is None:
        return None
    mask = np.asarray(mask)
    boolean = mask.dtype == bool
    if not boolean and mask.dtype.kind != "f":
        raise ValueError(f"{function}: mask must hold booleans (True: allowed) or floats, got {describe(mask)}")
    short = mask.ndim < 2 or mask.ndim > len(shape)
    if short or any(size not in (1, full) for size, full in zip(mask.shape[::-1], shape[::-1], strict=False)):
        raise ValueError(f"{function}: mask must have at least 2 axes that broadcast to {shape}, got {mask.shape}")
    if boolean:
        mask = np.where(mask, 0, -np.inf)
    elif (np.isnan(mask) | (mask == np.inf)).any():
        raise ValueError(f"{function}: mask must hold finite numbers or -inf, got {mask.max()}")
    return mask.astype(kind, copy=False)


def _projections(function, weights, size, kind):
    """Return (weight, bias) of the projections of query, key and value, and those of the output."""
    names = {"in_proj_weight": (3 * size, size), "out_proj.weight": (size, size),
             "in_proj_bias": (3 * size,), "out_proj.bias": (size,)}
    given = list(weights) if isinstance(weights, Mapping) else None
    if given is None or not set(list(names)[:2]) <= set(given) <= set(names):
        rule = "weights must hold in_proj_weight, out_proj.weight and at most in_proj_bias, out_proj.bias"
        raise ValueError(f"{function}: {rule}, got {type(weights).__name__ if given is None else given}")
    arrays = {}
    for label, shape in names.items():
        arrays[label] = None if label not in given else numbers(function, label, weights[label], dims=len(shape))
        if label in given:
            same_shape(function, label, arrays[label], shape)
            arrays[label] = arrays[label].astype(kind, copy=False)
    bias = arrays["in_proj_bias"]
    parts = zip(np.split(arrays["in_proj_weight"], 3), (None,) * 3 if bias is None else np.split(bias, 3), strict=True)
    return list(parts), arrays["out_proj.weight"], arrays["out_proj.bias"]


def _split(array, heads):
    """Return (..., L, E) as (..., heads, L, E / heads): neighboring numbers of a token go to one head."""
    return np.swapaxes(array.reshape(*array.shape[:-1], heads, -1), -2, -3)


def _turned(array):
    return np.swapaxes(array, -1, -2)


def _folded(grad, shape):
    """Add up a gradient over the axes along which an array of this shape was repeated."""
    grad = grad.sum(axis=tuple(range(grad.ndim - len(shape))))
    repeated = tuple(axis for axis, size in enumerate(shape) if size == 1 < grad.shape[axis])
    return grad.sum(axis=repeated, keepdims=True)
