"""What convolution and pooling share: padding, a view of all windows, and tiles that fit into the cache."""
import math
from itertools import product

import numpy as np

TILE = 1 << 20  # bytes of columns at a time: measured at 0.5, 1, 2 and 4 MiB, this is fast for all layers


def pad(x, padding, value=0):
    """Return x, (N, C, *size), with (before, after) pixels of one value on each axis; x itself if there are none."""
    if not any(map(any, padding)):
        return x
    sizes = [size + sum(p) for size, p in zip(x.shape[2:], padding, strict=True)]
    padded = np.full((*x.shape[:2], *sizes), value, x.dtype)
    padded[inside(x.shape[2:], padding)] = x
    return padded


def inside(size, padding):
    """Return the index of the unpadded pixels in a padded array."""
    return (..., *(slice(before, before + n) for n, (before, _) in zip(size, padding, strict=True)))


def windows(x, kernel_size, output, stride, dilation, *, writeable=False):
    """Return a view of x, (N, C, *kernel_size, *output): every tap of every window, nothing copied."""
    image, pixel = x.strides[:2], x.strides[2:]  # in bytes
    to_next_tap = [step * size for step, size in zip(dilation, pixel, strict=True)]
    to_next_window = [step * size if count > 1 else 0 for step, size, count in zip(stride, pixel, output, strict=True)]
    shape, steps = (*x.shape[:2], *kernel_size, *output), (*image, *to_next_tap, *to_next_window)
    return np.lib.stride_tricks.as_strided(x, shape, steps, writeable=writeable)  # in bounds, as `fit` has checked


def tiles(batch, groups, output, column):
    """Return slices of images, groups and output rows whose columns, ``column`` bytes each, fit into TILE."""
    room, cuts = TILE // (column * math.prod(output[1:])), []
    for total in (output[0], groups, batch):
        size = min(max(room, 1), total)
        room //= size
        cuts.append([slice(at, at + size) for at in range(0, total, size)])
    return product(*reversed(cuts))
