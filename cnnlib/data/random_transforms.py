"""Augmentation: random crops, flips, colors and erased windows of pictures, and mixtures of two."""
import math

import numpy as np

from cnnlib._arguments import above_zero, fraction, number, room, whole
from cnnlib._arrays import as_array
from cnnlib.data._image import generator, height_width, image_array, span
from cnnlib.data.color_functions import adjust_brightness, adjust_contrast, adjust_saturation
from cnnlib.data.image_functions import crop, erase, hflip, pad, resize, sides

TRIES = 10  # before a window of random shape is given up, as in torchvision


class RandomCrop:
    """Cut out a window of fixed size at a random place.

    Args:
        size: rows and columns of the window, in pixels; one number is a square.
        padding: pixels that are added first, see ``pad``.
        fill: what added pixels hold.
        rng: numpy.random.Generator; a loader with several workers would give each the same random numbers.

    Raises:
        ValueError: an argument does not fit; on a call: the window is larger than the padded picture.

    Source:
        torchvision.transforms.RandomCrop.

    >>> RandomCrop(32, padding=4, rng=np.random.default_rng(0))(np.ones((3, 32, 32))).shape
    (3, 32, 32)
    """

    def __init__(self, size, *, padding=0, fill=0, rng):
        self.size, self.padding = height_width("RandomCrop", size), sides("RandomCrop", padding)
        self.fill, self.rng = number("RandomCrop", "fill", fill), generator("RandomCrop", rng)

    def __call__(self, image):
        """Return a window of the picture."""
        image = pad(image, self.padding, fill=self.fill) if any(self.padding) else image_array("RandomCrop", image)
        room = [have - want for have, want in zip(image.shape[1:], self.size, strict=True)]
        if min(room) < 0:
            raise ValueError(
                f"RandomCrop: size must be at most that of the padded image, {image.shape[1:]}, got {self.size}")
        top, left = (int(self.rng.integers(each + 1)) for each in room)
        return crop(image, top, left, *self.size)


class RandomResizedCrop:
    """Cut out a window of random size and shape at a random place, and scale it to a fixed size.

    Args:
        size: rows and columns of the result, in pixels; one number is a square.
        scale: smallest and largest area of the window, fractions of the picture's.
        ratio: smallest and largest width divided by height.
        rng: numpy.random.Generator.

    Raises:
        ValueError: an argument does not fit.

    Source:
        torchvision.transforms.RandomResizedCrop; Szegedy et al. (2015), Going Deeper with Convolutions, section 6.

    >>> RandomResizedCrop(32, rng=np.random.default_rng(0))(np.ones((3, 50, 40))).shape
    (3, 32, 32)
    """

    def __init__(self, size, *, scale=(0.08, 1.0), ratio=(3 / 4, 4 / 3), rng):
        self.size = height_width("RandomResizedCrop", size)
        self.scale, self.ratio = (span("RandomResizedCrop", name, value)
                                  for name, value in (("scale", scale), ("ratio", ratio)))
        if self.scale[1] > 1:
            raise ValueError(f"RandomResizedCrop: scale must be at most 1, got {scale}")
        self.rng = generator("RandomResizedCrop", rng)

    def __call__(self, image):
        """Return a window of the picture in the fixed size."""
        _, rows, cols = image_array("RandomResizedCrop", image).shape
        window = _random_window(self.rng, rows, cols, self.scale, self.ratio)
        return resize(crop(image, *(window or self._middle(rows, cols))), self.size)

    def _middle(self, rows, cols):
        """Return the largest window in the middle with a ratio that is allowed."""
        height = min(rows, max(1, round(cols / self.ratio[0])))
        width = min(cols, max(1, round(rows * self.ratio[1])))
        return (rows - height) // 2, (cols - width) // 2, height, width


class RandomHorizontalFlip:
    """Mirror a picture, left for right, with some probability.

    Args:
        p: the probability.
        rng: numpy.random.Generator.

    Raises:
        ValueError: p is no fraction of 1, or rng no generator.

    Source:
        torchvision.transforms.RandomHorizontalFlip.

    >>> RandomHorizontalFlip(p=1.0, rng=np.random.default_rng(0))(np.array([[[1.0, 2.0]]])).tolist()
    [[[2.0, 1.0]]]
    """

    def __init__(self, p=0.5, *, rng):
        self.p = fraction("RandomHorizontalFlip", "p", p)
        self.rng = generator("RandomHorizontalFlip", rng)

    def __call__(self, image):
        """Return the picture or its mirror image."""
        return hflip(image) if self.rng.random() < self.p else image_array("RandomHorizontalFlip", image).copy()


class ColorJitter:
    """Change brightness, contrast and saturation by random factors, in random order.

    Args:
        brightness: how far the factor may be from 1; it is at least 0.
        contrast: the same.
        saturation: the same.
        rng: numpy.random.Generator.

    Raises:
        ValueError: a number is below 0, or rng is no generator; on a call: the picture is already normalized.

    Source:
        torchvision.transforms.ColorJitter, without hue.

    >>> ColorJitter(brightness=0.5, rng=np.random.default_rng(0))(np.full((3, 1, 1), 0.5)).round(2).ravel().tolist()
    [0.27, 0.27, 0.27]
    """

    def __init__(self, *, brightness=0.0, contrast=0.0, saturation=0.0, rng):
        given = {"brightness": brightness, "contrast": contrast, "saturation": saturation}
        functions = (adjust_brightness, adjust_contrast, adjust_saturation)
        self.steps = [(function, number("ColorJitter", name, value, low=0, rule="a number of at least 0"))
                      for function, (name, value) in zip(functions, given.items(), strict=True)]
        self.rng = generator("ColorJitter", rng)

    def __call__(self, image):
        """Return the picture with other colors."""
        image = image_array("ColorJitter", image).copy()
        for step in self.rng.permutation(len(self.steps)):
            function, amount = self.steps[step]
            if amount:
                image = function(image, self.rng.uniform(max(0.0, 1 - amount), 1 + amount))
        return image


class RandomErasing:
    """Fill a window of random size, shape and place, with some probability; cutout takes a square of fixed size.

    Args:
        p: the probability.
        scale: smallest and largest area of the window, fractions of the picture's.
        ratio: smallest and largest width divided by height; (1, 1) gives squares.
        value: what the window holds afterwards.
        rng: numpy.random.Generator.

    Raises:
        ValueError: an argument does not fit.

    Source:
        torchvision.transforms.RandomErasing; Zhong et al. (2020), Random Erasing Data Augmentation; DeVries & Taylor
        (2017), Improved Regularization of Convolutional Neural Networks with Cutout.

    >>> erased = RandomErasing(p=1.0, scale=(0.25, 0.25), ratio=(1, 1), rng=np.random.default_rng(0))
    >>> float(erased(np.ones((1, 8, 8))).sum())
    48.0
    """

    def __init__(self, p=0.5, *, scale=(0.02, 0.33), ratio=(0.3, 3.3), value=0, rng):
        self.p = fraction("RandomErasing", "p", p)
        self.scale, self.ratio = (span("RandomErasing", name, each)
                                  for name, each in (("scale", scale), ("ratio", ratio)))
        if self.scale[1] > 1:
            raise ValueError(f"RandomErasing: scale must be at most 1, got {scale}")
        self.value, self.rng = number("RandomErasing", "value", value), generator("RandomErasing", rng)

    def __call__(self, image):
        """Return the picture, perhaps with a filled window."""
        image, window = image_array("RandomErasing", image), None
        if self.rng.random() < self.p:
            window = _random_window(self.rng, *image.shape[1:], self.scale, self.ratio)
        return erase(image, *window, self.value) if window else image.copy()


class MixUp:
    """Mix each picture of a batch with the one before it, and their labels in the same shares.

    Args:
        num_classes: number of classes.
        alpha: shares come from a beta distribution with both parameters alpha; near 0, pictures stay nearly whole.
        rng: numpy.random.Generator.

    Raises:
        ValueError: an argument does not fit; on a call: images are no floats (N, C, H, W), or a label is no class.

    Source:
        Zhang et al. (2018), mixup: Beyond Empirical Risk Minimization, eq. 1; torchvision.transforms.v2.MixUp.

    >>> mixed, shares = MixUp(num_classes=2, rng=np.random.default_rng(0))(np.zeros((2, 3, 4, 4)), [0, 1])
    >>> mixed.shape, [[round(share, 2) for share in row] for row in shares.tolist()]
    ((2, 3, 4, 4), [[0.7, 0.3], [0.3, 0.7]])
    """

    def __init__(self, *, num_classes, alpha=1.0, rng):
        self.num_classes = whole("MixUp", "num_classes", num_classes, least=2)
        self.alpha, self.rng = above_zero("MixUp", "alpha", alpha), generator("MixUp", rng)

    def __call__(self, images, labels):
        """Return mixed images (N, C, H, W) and the share of each class in each, (N, num_classes), float32."""
        images, labels = as_array(images), as_array(labels)
        if images.ndim != 4 or not images.size or images.dtype.kind != "f":
            raise ValueError(f"MixUp: images must be floats (N, C, H, W), got {images.dtype} {images.shape}")
        if labels.shape != (len(images),) or labels.dtype.kind not in "iu":
            raise ValueError(
                f"MixUp: labels must be {len(images)} whole numbers, got {labels.dtype} {labels.shape}")
        if labels.min() < 0 or labels.max() >= self.num_classes:
            wrong = labels[(labels < 0) | (labels >= self.num_classes)][0]
            raise ValueError(f"MixUp: labels must be from 0 to {self.num_classes - 1}, got {wrong}")
        targets = np.zeros(room("MixUp", "the shares of the classes", (len(labels), self.num_classes)), np.float32)
        targets[np.arange(len(labels)), labels] = 1
        share = self.rng.beta(self.alpha, self.alpha)
        return tuple(np.asarray(share * each + (1 - share) * np.roll(each, 1, axis=0), each.dtype)
                     for each in (images, targets))


def _random_window(rng, rows, cols, scale, ratio):
    """Return (top, left, height, width), or None if none of the tries fits."""
    for _ in range(TRIES):
        area = rows * cols * rng.uniform(*scale)
        shape = math.exp(rng.uniform(math.log(ratio[0]), math.log(ratio[1])))
        width, height = round(math.sqrt(area * shape)), round(math.sqrt(area / shape))
        if 0 < width <= cols and 0 < height <= rows:
            return int(rng.integers(rows - height + 1)), int(rng.integers(cols - width + 1)), height, width
    return None
