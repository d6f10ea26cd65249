"""Cut, mirror, pad, scale and fill pictures: torchvision's functions on NumPy arrays (C, H, W)."""
from functools import lru_cache

import numpy as np

from cnnlib._arguments import choice, flag, number, room, whole
from cnnlib.data._image import height_width, image_array

PADDING_MODES = ("constant", "edge", "reflect", "symmetric")


def crop(image, top, left, height, width):
    """Cut a window out of a picture.

    Args:
        image: (C, H, W).
        top: first row of the window.
        left: first column.
        height: rows of the window, in pixels.
        width: columns.

    Returns:
        A copy (C, height, width).

    Raises:
        ValueError: the window does not lie inside the picture (torchvision would fill up with black).

    Source:
        torchvision.transforms.functional.crop.

    >>> crop(np.arange(12.0).reshape(1, 3, 4), 1, 2, 2, 2).tolist()
    [[[6.0, 7.0], [10.0, 11.0]]]
    """
    rows, cols = _window("crop", image, top=top, left=left, height=height, width=width)
    return image[:, rows, cols].copy()


def center_crop(image, size):
    """Cut the middle out of a picture.

    Args:
        image: (C, H, W).
        size: rows and columns of the window, in pixels; one number is a square.

    Returns:
        A copy (C, height, width).

    Raises:
        ValueError: size is no size, or larger than the picture.

    Source:
        torchvision.transforms.functional.center_crop.

    >>> center_crop(np.arange(16.0).reshape(1, 4, 4), 2).tolist()
    [[[5.0, 6.0], [9.0, 10.0]]]
    """
    height, width = height_width("center_crop", size)
    _, rows, cols = image_array("center_crop", image).shape
    if height > rows or width > cols:
        raise ValueError(f"center_crop: size must be at most that of the image, {(rows, cols)}, got {(height, width)}")
    return crop(image, round((rows - height) / 2), round((cols - width) / 2), height, width)


def hflip(image):
    """Mirror a picture, left for right.

    Args:
        image: (C, H, W).

    Returns:
        A copy of the same shape.

    Raises:
        ValueError: image is no picture.

    Source:
        torchvision.transforms.functional.hflip.

    >>> hflip(np.array([[[1.0, 2.0, 3.0]]])).tolist()
    [[[3.0, 2.0, 1.0]]]
    """
    return image_array("hflip", image)[:, :, ::-1].copy()


def pad(image, padding, *, fill=0, padding_mode="constant"):
    """Add pixels around a picture.

    Args:
        image: (C, H, W).
        padding: pixels on all sides; or (left and right, top and bottom); or (left, top, right, bottom).
        fill: what added pixels hold, for "constant".
        padding_mode: "constant", "edge" (repeat the border), "reflect" (mirror without the border) or "symmetric".

    Returns:
        (C, H + top + bottom, W + left + right).

    Raises:
        ValueError: an argument does not fit, or a mirrored border is wider than the picture.

    Source:
        torchvision.transforms.functional.pad.

    >>> pad(np.ones((1, 1, 1)), (1, 0)).tolist()
    [[[0.0, 1.0, 0.0]]]
    """
    _, rows, cols = image_array("pad", image).shape
    left, top, right, bottom = sides("pad", padding)
    choice("pad", "padding_mode", padding_mode, PADDING_MODES)
    options = {"constant_values": _value("pad", "fill", fill, image)} if padding_mode == "constant" else {}
    spare = {"reflect": 1, "symmetric": 0}.get(padding_mode)
    if spare is not None and (max(left, right) > cols - spare or max(top, bottom) > rows - spare):
        raise ValueError(f"pad: padding must be at most {rows - spare} rows and {cols - spare} columns for "
                         f"{padding_mode!r}, got {padding!r}")
    room("pad", "the result", (len(image), rows + top + bottom, cols + left + right))
    return np.pad(image, [(0, 0), (top, bottom), (left, right)], mode=padding_mode, **options)


def resize(image, size, *, antialias=True):
    """Scale a picture by weighted means of neighboring pixels ("bilinear").

    Args:
        image: (C, H, W).
        size: rows and columns, in pixels; one number is for the shorter side, and the other keeps its share.
        antialias: True takes all pixels into account when a picture shrinks, False only the nearest two an axis.

    Returns:
        (C, height, width), of the same type; bytes are rounded.

    Raises:
        ValueError: image is no picture, or size no size.

    Source:
        torchvision.transforms.functional.resize.

    >>> resize(np.array([[[0.0, 1.0, 2.0, 3.0]] * 4]), (1, 2)).round(3).tolist()
    [[[0.714, 2.286]]]
    """
    image = image_array("resize", image)
    _, rows, cols = image.shape
    antialias = flag("resize", "antialias", antialias)
    if isinstance(size, (tuple, list)):
        height, width = height_width("resize", size)
    else:
        short = whole("resize", "size", size, least=1)
        height, width = (short, int(short * cols / rows)) if rows <= cols else (int(short * rows / cols), short)
    room("resize", "the result", (len(image), height, width))
    kind = np.float64 if image.dtype == np.float64 else np.float32
    down, across = _means(rows, height, antialias).astype(kind), _means(cols, width, antialias).astype(kind)
    scaled = down @ image.astype(kind) @ across.T
    return np.clip(np.rint(scaled), 0, 255).astype(np.uint8) if image.dtype == np.uint8 else scaled


def erase(image, i, j, h, w, v):
    """Fill a window of a picture.

    Args:
        image: (C, H, W).
        i: first row of the window.
        j: first column.
        h: rows of the window, in pixels.
        w: columns.
        v: what its pixels hold afterwards.

    Returns:
        A copy of the same shape.

    Raises:
        ValueError: the window does not lie inside the picture, or v is no number.

    Source:
        torchvision.transforms.functional.erase.

    >>> erase(np.ones((1, 2, 2)), 0, 1, 2, 1, 0).tolist()
    [[[1.0, 0.0], [1.0, 0.0]]]
    """
    rows, cols = _window("erase", image, i=i, j=j, h=h, w=w)
    value = _value("erase", "v", v, image)
    erased = image.copy()
    erased[:, rows, cols] = value
    return erased


def sides(function, padding):
    """Return padding as (left, top, right, bottom)."""
    pair = padding if isinstance(padding, (tuple, list)) else (padding, padding)
    if len(pair) not in (2, 4):
        raise ValueError(f"{function}: padding must be one number, two or four, got {padding!r}")
    pair = [whole(function, "padding", each, least=0) for each in pair]
    return (*pair, *pair) if len(pair) == 2 else tuple(pair)


def _window(function, image, **given):
    """Return slices of rows and of columns; given under the caller's names: first row, first column, rows, columns."""
    _, rows, cols = image_array(function, image).shape
    top, left, height, width = (whole(function, name, value, least=place // 2)
                                for place, (name, value) in enumerate(given.items()))
    if top + height > rows or left + width > cols:
        raise ValueError(f"{function}: the window must lie inside the image of {rows} rows and {cols} columns, got "
                         f"rows {top} to {top + height - 1} and columns {left} to {left + width - 1}")
    return slice(top, top + height), slice(left, left + width)


def _value(function, name, value, image):
    if image.dtype == np.uint8:
        return number(function, name, value, low=0, high=255, rule="a number from 0 to 255")
    return number(function, name, value)


@lru_cache(maxsize=64)
def _means(before, after, antialias):
    """Return the share of each of ``before`` pixels in each of ``after`` ones, (after, before)."""
    scale = before / after
    wide = max(scale, 1) if antialias else 1
    middle = (np.arange(after)[:, None] + 0.5) * scale
    weight = np.maximum(0, 1 - np.abs(np.arange(before) + 0.5 - middle) / wide)
    return weight / weight.sum(axis=1, keepdims=True)
