"""Change brightness, contrast and saturation, turn bytes into floats and center them: torchvision's functions."""
import numpy as np

from cnnlib._arguments import at_least_zero
from cnnlib._arrays import as_array
from cnnlib.data._image import image_array, shaded_image

GRAY = np.array([0.2989, 0.587, 0.114])  # share of red, green and blue in the gray that people see


def adjust_brightness(image, brightness_factor):
    """Mix a picture with black.

    Args:
        image: (C, H, W), gray or in colors, bytes or fractions of 1.
        brightness_factor: 0 is black, 1 the picture, 2 twice as bright; what leaves the range is cut off.

    Returns:
        A copy of the same shape and type; bytes are rounded down.

    Raises:
        ValueError: the factor is below 0, or image is no picture or already normalized.

    Source:
        torchvision.transforms.functional.adjust_brightness.

    >>> adjust_brightness(np.full((3, 1, 1), 0.25), 2).ravel().tolist()
    [0.5, 0.5, 0.5]
    """
    image = shaded_image("adjust_brightness", image)
    return _blend(image, 0.0, at_least_zero("adjust_brightness", "brightness_factor", brightness_factor))


def adjust_contrast(image, contrast_factor):
    """Mix a picture with the mean of its gray.

    Args:
        image: (C, H, W), gray or in colors, bytes or fractions of 1.
        contrast_factor: 0 is even gray, 1 the picture, 2 twice the distance from the mean.

    Returns:
        A copy of the same shape and type; bytes are rounded down.

    Raises:
        ValueError: the factor is below 0, or image is no picture or already normalized.

    Source:
        torchvision.transforms.functional.adjust_contrast.

    >>> adjust_contrast(np.array([[[0.4, 0.6]]]), 2).round(3).tolist()
    [[[0.3, 0.7]]]
    """
    image = shaded_image("adjust_contrast", image)
    factor = at_least_zero("adjust_contrast", "contrast_factor", contrast_factor)
    return _blend(image, _gray(image).mean(), factor)


def adjust_saturation(image, saturation_factor):
    """Mix a picture with its own gray.

    Args:
        image: (C, H, W), gray or in colors, bytes or fractions of 1; a gray one stays as it is.
        saturation_factor: 0 is gray, 1 the picture, 2 twice as colorful.

    Returns:
        A copy of the same shape and type; bytes are rounded down.

    Raises:
        ValueError: the factor is below 0, or image is no picture or already normalized.

    Source:
        torchvision.transforms.functional.adjust_saturation.

    >>> adjust_saturation(np.array([1.0, 0, 0]).reshape(3, 1, 1), 0).ravel().round(4).tolist()
    [0.2989, 0.2989, 0.2989]
    """
    image = shaded_image("adjust_saturation", image)
    factor = at_least_zero("adjust_saturation", "saturation_factor", saturation_factor)
    return image.copy() if len(image) == 1 else _blend(image, _gray(image), factor)


def convert_image_dtype(image):
    """Return bytes as fractions of 1; floats are returned as they are.

    Args:
        image: (C, H, W).

    Returns:
        (C, H, W), float32 for bytes.

    Raises:
        ValueError: image is no picture.

    Source:
        torchvision.transforms.functional.convert_image_dtype, to float32.

    >>> convert_image_dtype(np.array([[[0, 51, 255]]], np.uint8)).round(3).tolist()
    [[[0.0, 0.20000000298023224, 1.0]]]
    """
    image = image_array("convert_image_dtype", image)
    return image.astype(np.float32) / np.float32(255) if image.dtype == np.uint8 else image.copy()


def normalize(image, mean, std):
    """Take the mean of each channel away and divide by its standard deviation.

    Args:
        image: (C, H, W), floats.
        mean: one number for each channel.
        std: the same, above 0.

    Returns:
        (C, H, W), of the same type.

    Raises:
        ValueError: image holds bytes, or there is not one finite number for each channel.

    Source:
        torchvision.transforms.functional.normalize.

    >>> normalize(np.full((1, 1, 2), 0.75), (0.5,), (0.25,)).tolist()
    [[[1.0, 1.0]]]
    """
    image = image_array("normalize", image)
    if image.dtype == np.uint8:
        raise ValueError("normalize: image must hold floats, got uint8; call convert_image_dtype first")
    mean, std = channel_numbers("normalize", "mean", mean), channel_numbers("normalize", "std", std)
    for name, values in (("mean", mean), ("std", std)):
        if len(values) != len(image):
            raise ValueError(f"normalize: {name} must hold {len(image)} numbers, one a channel, got {len(values)}")
    return (image - mean.astype(image.dtype)[:, None, None]) / std.astype(image.dtype)[:, None, None]


def channel_numbers(function, name, values):
    """Return mean or std as an array (C,).

    Raises:
        ValueError: they are no finite numbers, or a standard deviation is not above 0.
    """
    array = as_array(values)
    array = array.astype(np.float64) if array.dtype.kind in "fiu" else np.array(np.nan)
    if array.ndim != 1 or not len(array) or not np.isfinite(array).all() or (name == "std" and (array <= 0).any()):
        rule = "numbers above 0" if name == "std" else "finite numbers"
        raise ValueError(f"{function}: {name} must hold {rule}, one a channel, got {values!r}")
    return array


def _gray(image):
    """Return (1, H, W) of the same type, bytes rounded down."""
    if len(image) == 1:
        return image
    kind = np.float64 if image.dtype == np.float64 else np.float32
    return np.tensordot(GRAY.astype(kind), image.astype(kind), axes=1)[None].astype(image.dtype)


def _blend(image, other, factor):
    bound = 255 if image.dtype == np.uint8 else 1
    kind = np.float64 if image.dtype == np.float64 else np.float32
    mixed = image.astype(kind) * kind(factor) + np.asarray(other, kind) * kind(1 - factor)
    return np.clip(mixed, 0, bound).astype(image.dtype)
