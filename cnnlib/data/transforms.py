"""Transforms of pictures under torchvision's names: classes that remember their options, and the plain functions."""
from cnnlib._arguments import flag
from cnnlib.data._image import height_width
from cnnlib.data.color_functions import (
    adjust_brightness,
    adjust_contrast,
    adjust_saturation,
    channel_numbers,
    convert_image_dtype,
    normalize,
)
from cnnlib.data.image_functions import center_crop, crop, erase, hflip, pad, resize
from cnnlib.data.random_transforms import (
    ColorJitter,
    MixUp,
    RandomCrop,
    RandomErasing,
    RandomHorizontalFlip,
    RandomResizedCrop,
)

__all__ = ["CenterCrop", "ColorJitter", "Compose", "ConvertImageDtype", "MixUp", "Normalize", "RandomCrop",
           "RandomErasing", "RandomHorizontalFlip", "RandomResizedCrop", "Resize", "adjust_brightness",
           "adjust_contrast", "adjust_saturation", "center_crop", "convert_image_dtype", "crop", "erase", "hflip",
           "normalize", "pad", "resize"]


class Compose:
    """Call transforms one after the other.

    Args:
        transforms: a list of functions from a picture (C, H, W) to a picture.

    Raises:
        ValueError: one of them is no function, or there is none.

    Source:
        torchvision.transforms.Compose.

    >>> import numpy as np
    >>> Compose([CenterCrop(2), ConvertImageDtype()])(np.full((1, 4, 4), 255, np.uint8)).tolist()
    [[[1.0, 1.0], [1.0, 1.0]]]
    """

    def __init__(self, transforms):
        if not isinstance(transforms, (tuple, list)) or not transforms or not all(map(callable, transforms)):
            raise ValueError(f"Compose: transforms must be a list of functions, got {transforms!r}")
        self.transforms = tuple(transforms)

    def __call__(self, image):
        """Return what the last transform makes of the picture."""
        for transform in self.transforms:
            image = transform(image)
        return image


class CenterCrop:
    """Cut the middle out of a picture, see ``center_crop``.

    Args:
        size: rows and columns, in pixels; one number is a square.

    Raises:
        ValueError: size is no size; on a call: it is larger than the picture.

    Source:
        torchvision.transforms.CenterCrop.

    >>> import numpy as np
    >>> CenterCrop((2, 3))(np.ones((3, 8, 8))).shape
    (3, 2, 3)
    """

    def __init__(self, size):
        self.size = height_width("CenterCrop", size)

    def __call__(self, image):
        """Return the middle of a picture."""
        return center_crop(image, self.size)


class Resize:
    """Scale a picture, see ``resize``.

    Args:
        size: rows and columns, in pixels; one number is for the shorter side.
        antialias: True takes all pixels into account when a picture shrinks.

    Raises:
        ValueError: an argument does not fit.

    Source:
        torchvision.transforms.Resize.

    >>> import numpy as np
    >>> Resize(4)(np.ones((3, 8, 12))).shape
    (3, 4, 6)
    """

    def __init__(self, size, *, antialias=True):
        checked = height_width("Resize", size)
        self.size = checked if isinstance(size, (tuple, list)) else checked[0]
        self.antialias = flag("Resize", "antialias", antialias)

    def __call__(self, image):
        """Return the picture in its new size."""
        return resize(image, self.size, antialias=self.antialias)


class ConvertImageDtype:
    """Turn bytes into fractions of 1, see ``convert_image_dtype``.

    Source:
        torchvision.transforms.ConvertImageDtype, to float32.

    >>> import numpy as np
    >>> ConvertImageDtype()(np.full((1, 1, 1), 255, np.uint8)).tolist()
    [[[1.0]]]
    """

    def __call__(self, image):
        """Return the picture as floats."""
        return convert_image_dtype(image)


class Normalize:
    """Take the mean of each channel away and divide by its standard deviation, see ``normalize``.

    Args:
        mean: one number for each channel.
        std: the same, above 0.

    Raises:
        ValueError: they are no such numbers; on a call: the picture has another number of channels or holds bytes.

    Source:
        torchvision.transforms.Normalize.

    >>> import numpy as np
    >>> Normalize((0.5,), (0.25,))(np.full((1, 1, 1), 0.75)).tolist()
    [[[1.0]]]
    """

    def __init__(self, mean, std):
        self.mean, self.std = channel_numbers("Normalize", "mean", mean), channel_numbers("Normalize", "std", std)

    def __call__(self, image):
        """Return the normalized picture."""
        return normalize(image, self.mean, self.std)
