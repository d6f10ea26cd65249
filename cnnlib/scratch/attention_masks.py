"""Who may look at whom: masks for attention, (tokens, tokens), True where the row's token sees the column's.

Tokens stand in a line or on a grid, which is read row by row. Masks combine: ``a | b`` sees what either sees, ``a & b``
what both see. The number of True entries is the number of dot products that are needed.
"""
import math

import numpy as np

from cnnlib._arguments import integer, per_axis, room, whole


def causal_mask(length):
    """Return the mask with which each token sees itself and those before it.

    Args:
        length: number of tokens, L.

    Returns:
        Booleans, (L, L), True on and below the diagonal.

    Raises:
        ValueError: length is no whole number of at least 1.

    Source:
        Vaswani et al. (2017), Attention Is All You Need, section 3.2.3.

    >>> causal_mask(3).astype(int)
    array([[1, 0, 0],
           [1, 1, 0],
           [1, 1, 1]])
    """
    length = whole("causal_mask", "length", length, least=1)
    room("causal_mask", "the mask", (length, length))
    return np.tri(length, dtype=bool)


def local_mask(size, *, window):
    """Return the mask with which each token sees a window of neighbors with itself in the middle.

    Args:
        size: number of tokens, or (height, width) of a grid of tokens.
        window: width of the window in tokens, odd, as a ``kernel_size``; on a grid one number or (height, width).

    Returns:
        Booleans, (tokens, tokens).

    Raises:
        ValueError: size or window is malformed, or window is even.

    Source:
        Beltagy, Peters & Cohan (2020), Longformer, section 3.1, the sliding window.

    >>> local_mask(4, window=3).astype(int)
    array([[1, 1, 0, 0],
           [1, 1, 1, 0],
           [0, 1, 1, 1],
           [0, 0, 1, 1]])
    """
    places = _places("local_mask", size)
    widths = per_axis("local_mask", "window", window, places.shape[1], least=1)
    if any(width % 2 == 0 for width in widths):
        raise ValueError(f"local_mask: window must be odd, so that a token is in its middle, got {window!r}")
    return (np.abs(_steps(places)) <= np.array(widths) // 2).all(axis=-1)


def strided_mask(size, *, stride):
    """Return the mask with which each token sees every stride-th token, counted from itself in both directions.

    Args:
        size: number of tokens, or (height, width) of a grid of tokens.
        stride: step in tokens; on a grid one number or (height, width).

    Returns:
        Booleans, (tokens, tokens).

    Raises:
        ValueError: size or stride is malformed.

    Source:
        Child, Gray, Radford & Sutskever (2019), Generating Long Sequences with Sparse Transformers, section 4.3, where
        it stands beside a local window and is causal.

    >>> strided_mask(4, stride=2).astype(int)
    array([[1, 0, 1, 0],
           [0, 1, 0, 1],
           [1, 0, 1, 0],
           [0, 1, 0, 1]])
    """
    places = _places("strided_mask", size)
    strides = per_axis("strided_mask", "stride", stride, places.shape[1], least=1)
    return (_steps(places) % np.array(strides) == 0).all(axis=-1)


def global_mask(size, *, tokens=None):
    """Return the mask with which chosen tokens see all others and are seen by them.

    Args:
        size: number of tokens, or (height, width) of a grid of tokens.
        tokens: a token's number or a tuple of them, counted row by row; None makes all of them global: full attention.

    Returns:
        Booleans, (tokens, tokens).

    Raises:
        ValueError: size is malformed, or there is no such token.

    Source:
        Beltagy, Peters & Cohan (2020), Longformer, section 3.1, the global attention.

    >>> global_mask(4, tokens=0).astype(int)
    array([[1, 1, 1, 1],
           [1, 0, 0, 0],
           [1, 0, 0, 0],
           [1, 0, 0, 0]])
    """
    count = len(_places("global_mask", size))
    if tokens is None:
        return np.ones((count, count), dtype=bool)
    chosen = np.zeros(count, dtype=bool)
    for token in tokens if isinstance(tokens, (tuple, list, range)) else (tokens,):
        if not 0 <= integer("global_mask", "tokens", token) < count:
            raise ValueError(f"global_mask: tokens must be from 0 to {count - 1}, got {token}")
        chosen[token] = True
    return chosen[:, None] | chosen


def _places(function, size):
    """Return the place of each token, (tokens, 1) in a line or (tokens, 2) on a grid."""
    if isinstance(size, (tuple, list)):
        shape = per_axis(function, "size", size, 2, least=1)
    else:
        shape = (whole(function, "size", size, least=1),)
    room(function, "the mask", (math.prod(shape),) * 2)
    return np.indices(shape).reshape(len(shape), -1).T


def _steps(places):
    """Return how far each token is from each other one, (tokens, tokens, axes)."""
    return places - places[:, None]
