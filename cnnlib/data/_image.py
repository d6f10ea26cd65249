"""Check the pictures and generators that transforms are called with."""
import numpy as np

from cnnlib._arguments import per_axis


def image_array(function, image):
    """Return image.

    Raises:
        ValueError: it is no array (C, H, W) of bytes or floats with at least one pixel.
    """
    if not isinstance(image, np.ndarray) or image.ndim != 3 or not image.size:
        got = image.shape if isinstance(image, np.ndarray) else type(image).__name__
        raise ValueError(f"{function}: image must be an array (C, H, W), got {got}")
    if image.dtype not in (np.uint8, np.float32, np.float64):
        raise ValueError(f"{function}: image must be uint8, float32 or float64, got {image.dtype}")
    return np.asarray(image)  # a masked array's mask means nothing here


def shaded_image(function, image):
    """Return image, gray or in colors, not normalized.

    Raises:
        ValueError: it has another number of channels, or floats that are no fractions of 1.
    """
    if image_array(function, image).shape[0] not in (1, 3):
        raise ValueError(f"{function}: image must have 1 or 3 channels, got {image.shape[0]}")
    if image.dtype != np.uint8 and not (image.min() >= 0 and image.max() <= 1):
        low, high = image.min(), image.max()
        raise ValueError(f"{function}: image must hold fractions of 1, not normalized, got {low:g} to {high:g}")
    return image


def height_width(function, size):
    """Return size as (height, width); one number is a square.

    Raises:
        ValueError: it is neither a whole number of at least 1 nor two of them.
    """
    return per_axis(function, "size", size, 2, least=1)


def generator(function, rng):
    """Return rng.

    Raises:
        ValueError: it is no generator of NumPy.
    """
    if not isinstance(rng, np.random.Generator):
        raise ValueError(f"{function}: rng must be a numpy.random.Generator, got {rng!r}")
    return rng


def span(function, name, value):
    """Return two numbers above 0, the smaller first.

    Raises:
        ValueError: value is nothing like it.
    """
    pair = tuple(value) if isinstance(value, (tuple, list)) else ()
    numbers = all(isinstance(each, (int, float)) and not isinstance(each, bool) for each in pair)
    if len(pair) != 2 or not numbers or not 0 < pair[0] <= pair[1] < float("inf"):
        raise ValueError(f"{function}: {name} must be two numbers above 0, the smaller first, got {value!r}")
    return float(pair[0]), float(pair[1])
