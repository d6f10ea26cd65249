"""How large a pooling's output is."""
from dataclasses import dataclass

from cnnlib._arguments import image_shape, per_axis, whole


def pool_output_size(size, kernel_size, *, stride=None, padding=0, dilation=1, ceil_mode=False):
    """Return how many pooling windows there are on one axis.

    Args:
        size: input pixels.
        kernel_size: window pixels.
        stride: step between two windows, in pixels; None means kernel_size.
        padding: pixels added on each side, at most half the window.
        dilation: step between two taps, in pixels.
        ceil_mode: round up instead of down; a window that would start in the padding after the input is dropped.

    Returns:
        The output pixels.

    Raises:
        ValueError: an argument is malformed, the padding is more than half the window, or no window fits.

    Source:
        Dumoulin & Visin (2016), A guide to convolution arithmetic for deep learning, relationship 7.

    >>> pool_output_size(112, 3, stride=2, padding=1), pool_output_size(7, 2), pool_output_size(7, 2, ceil_mode=True)
    (56, 3, 4)
    """
    stride = kernel_size if stride is None else stride
    return _pool_size("pool_output_size", size, kernel_size, stride, padding, dilation, ceil_mode)


def pool_output_shape(input_shape, kernel_size, *, stride=None, padding=0, dilation=1, ceil_mode=False):
    """Return the shape of a pooling's output; the channels stay.

    Args:
        input_shape: (N, C, L), (N, C, H, W) or (N, C, D, H, W).
        kernel_size: an int or one int for each axis, in pixels; so are stride, padding and dilation.
        stride: step between two windows; None means kernel_size.
        padding: pixels on each side, at most half the window.
        dilation: step between two taps.
        ceil_mode: as in pool_output_size.

    Returns:
        (N, C, …) with one size for each axis.

    Raises:
        ValueError: as pool_output_size.

    Source:
        Dumoulin & Visin (2016), A guide to convolution arithmetic for deep learning, relationship 7.

    >>> pool_output_shape((1, 64, 112, 112), 3, stride=2, padding=1)
    (1, 64, 56, 56)
    """
    name = "pool_output_shape"
    pool = Pool.parse(name, input_shape, kernel_size, stride, padding, dilation, ceil_mode)
    return (*input_shape[:2], *pool.output)


@dataclass(frozen=True, kw_only=True)
class Pool:
    """A pooling's arguments, checked, one number for each axis.

    Attributes:
        reached: pixels (before, after) each axis that the windows reach: the padding, and what ceil_mode adds.
        padded: shape of the input with them.
    """

    kernel_size: tuple
    stride: tuple
    padding: tuple
    dilation: tuple
    output: tuple
    reached: tuple
    padded: tuple

    @classmethod
    def parse(cls, function, input_shape, kernel_size, stride, padding, dilation, ceil_mode):
        """Check all arguments in the name of a public function and compute the output's sizes."""
        space = image_shape(function, input_shape)[2:]
        stride = kernel_size if stride is None else stride
        options = [per_axis(function, word, value, len(space), least=least) for word, value, least in (
            ("kernel_size", kernel_size, 1), ("stride", stride, 1), ("padding", padding, 0), ("dilation", dilation, 1))]
        rows = list(zip(space, *options, strict=True))
        output = tuple(_pool_size(function, *row, ceil_mode) for row in rows)
        ends = [(count - 1) * s + d * (k - 1) + 1 - n - p for count, (n, k, s, p, d) in zip(output, rows, strict=True)]
        reached = tuple((p, max(p, end)) for p, end in zip(options[2], ends, strict=True))
        padded = (*input_shape[:2], *(n + sum(reach) for n, reach in zip(space, reached, strict=True)))
        names = ("kernel_size", "stride", "padding", "dilation")
        return cls(output=output, reached=reached, padded=padded, **dict(zip(names, options, strict=True)))


def _pool_size(function, size, kernel_size, stride, padding, dilation, ceil_mode):
    size = whole(function, "size", size, least=1)
    kernel_size = whole(function, "kernel_size", kernel_size, least=1)
    stride = whole(function, "stride", stride, least=1)
    padding = whole(function, "padding", padding, least=0)
    reach = whole(function, "dilation", dilation, least=1) * (kernel_size - 1) + 1
    if not isinstance(ceil_mode, bool):
        raise ValueError(f"{function}: ceil_mode must be True or False, got {ceil_mode!r}")
    if 2 * padding > kernel_size:
        raise ValueError(f"{function}: padding must be at most half of kernel_size = {kernel_size}, got {padding}")
    room = size + 2 * padding - reach
    windows = (room + (stride - 1 if ceil_mode else 0)) // stride + 1
    if windows < 1:
        rule = f"the window must fit into the {size + 2 * padding} pixels of the padded input"
        raise ValueError(f"{function}: {rule}, got {reach} pixels")
    return windows - 1 if ceil_mode and (windows - 1) * stride >= size + padding else windows
