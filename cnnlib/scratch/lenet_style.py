"""A LeNet for small images: two convolutions with pooling, three dense layers."""
from cnnlib._arguments import per_axis, whole
from cnnlib.scratch.layers import Conv2d, Linear, generator
from cnnlib.scratch.network import Sequential
from cnnlib.scratch.plain_layers import Flatten, MaxPool2d, ReLU


def lenet(*, image_size=8, in_channels=1, num_classes=10, widths=(16, 32), rng=None):
    """Return the network of LeNet's build with what came later: 3x3 kernels, ReLU, max pooling.

    Args:
        image_size: rows and columns of an image, in pixels, at least 4.
        in_channels: channels of an image.
        num_classes: number of scores that come out.
        widths: filters of the two convolutions.
        rng: source of the first weights; a number is a seed.

    Returns:
        A Sequential from (N, in_channels, image_size, image_size) to (N, num_classes).

    Raises:
        ValueError: a number is malformed.

    Source:
        LeCun, Bottou, Bengio & Haffner (1998), Gradient-Based Learning, section II B.

    >>> lenet(rng=0).forward([[[[0.0] * 8] * 8]] * 2).shape
    (2, 10)
    """
    rng, side = generator("lenet", rng), whole("lenet", "image_size", image_size, least=4) // 4
    first, second = per_axis("lenet", "widths", widths, 2, least=1)
    return Sequential(
        Conv2d(in_channels, first, 3, padding=1, rng=rng), ReLU(), MaxPool2d(2),
        Conv2d(first, second, 3, padding=1, rng=rng), ReLU(), MaxPool2d(2), Flatten(),
        Linear(second * side * side, 120, rng=rng), ReLU(),
        Linear(120, 84, rng=rng), ReLU(),
        Linear(84, num_classes, rng=rng))
