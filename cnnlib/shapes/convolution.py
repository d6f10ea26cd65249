"""How large a convolution's output is and what it costs."""
from dataclasses import dataclass
from math import prod

from cnnlib._arguments import channels, image_shape, per_axis, whole


def conv_output_size(size, kernel_size, *, stride=1, padding=0, dilation=1):
    """Return how many windows fit on one axis: floor((size + 2·padding − dilation·(kernel_size − 1) − 1) / stride) + 1.

    Args:
        size: input pixels.
        kernel_size: kernel pixels.
        stride: step between two windows, in pixels.
        padding: pixels added on each side.
        dilation: step between two taps of the kernel, in pixels.

    Returns:
        The output pixels.

    Raises:
        ValueError: an argument is no whole number or too small, or the kernel covers more than the padded input.

    Source:
        Dumoulin & Visin (2016), A guide to convolution arithmetic for deep learning, relationship 15.

    >>> conv_output_size(224, 7, stride=2, padding=3)
    112
    """
    name = "conv_output_size"
    size, kernel_size = whole(name, "size", size, least=1), whole(name, "kernel_size", kernel_size, least=1)
    stride, padding = whole(name, "stride", stride, least=1), whole(name, "padding", padding, least=0)
    return fit(name, size, kernel_size, stride, 2 * padding, whole(name, "dilation", dilation, least=1))


def same_padding(kernel_size, *, dilation=1):
    """Return the padding that keeps the size of one axis at stride 1.

    Args:
        kernel_size: kernel pixels.
        dilation: step between two taps, in pixels.

    Returns:
        (before, after) in pixels: dilation·(kernel_size − 1) in total, the larger half after, as PyTorch does it.

    Raises:
        ValueError: an argument is no whole number of at least 1.

    Source:
        Dumoulin & Visin (2016), A guide to convolution arithmetic for deep learning, relationship 3 (half padding).

    >>> same_padding(4)
    (1, 2)
    """
    kernel_size = whole("same_padding", "kernel_size", kernel_size, least=1)
    total = whole("same_padding", "dilation", dilation, least=1) * (kernel_size - 1)
    return total // 2, total - total // 2


def conv_output_shape(input_shape, out_channels, kernel_size, *, stride=1, padding=0, dilation=1, groups=1):
    """Return the shape of a convolution's output.

    Args:
        input_shape: (N, C, L), (N, C, H, W) or (N, C, D, H, W).
        out_channels: number of filters.
        kernel_size: an int or one int for each axis; so are stride, padding and dilation, in pixels.
        stride: step between two windows.
        padding: pixels on each side, or "valid" (none), or "same" (keeps the size, stride 1 only).
        dilation: step between two taps of the kernel.
        groups: number of groups that C and out_channels are split into.

    Returns:
        (N, out_channels, …) with one size for each axis.

    Raises:
        ValueError: an argument is malformed, groups does not divide the channels, or the kernel does not fit.

    Source:
        Dumoulin & Visin (2016), A guide to convolution arithmetic for deep learning, relationship 15.

    >>> conv_output_shape((1, 3, 224, 224), 64, 7, stride=2, padding=3)
    (1, 64, 112, 112)
    """
    layer = Layer.parse("conv_output_shape", input_shape, out_channels, kernel_size, stride, padding, dilation, groups)
    return (layer.batch, layer.out_channels, *layer.output)


def conv_mac_count(input_shape, out_channels, kernel_size, *, stride=1, padding=0, dilation=1, groups=1):
    """Return the multiply-accumulate operations of a convolution, padding counted as input, bias left out.

    Args:
        input_shape: (N, C, L), (N, C, H, W) or (N, C, D, H, W).
        out_channels: number of filters.
        kernel_size: as in conv_output_shape; so are stride, padding, dilation and groups.
        stride: step between two windows.
        padding: pixels on each side, "valid" or "same".
        dilation: step between two taps of the kernel.
        groups: number of groups.

    Returns:
        N · out_channels · output positions · C/groups · kernel pixels, in MACs.

    Raises:
        ValueError: as conv_output_shape.

    Source:
        He & Sun (2015), Convolutional Neural Networks at Constrained Time Cost, eq. 1.

    >>> conv_mac_count((1, 128, 28, 28), 256, 3, padding=1)
    231211008
    """
    layer = Layer.parse("conv_mac_count", input_shape, out_channels, kernel_size, stride, padding, dilation, groups)
    return layer.batch * layer.out_channels * prod(layer.output) * layer.in_channels // groups * prod(layer.kernel_size)


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A convolution's arguments, checked, one number for each axis; ``padding`` is (before, after) for each."""

    batch: int
    in_channels: int
    out_channels: int
    size: tuple
    kernel_size: tuple
    stride: tuple
    padding: tuple
    dilation: tuple
    output: tuple

    @property
    def padded(self):
        """Shape of the input with its padding."""
        return (self.batch, self.in_channels, *(n + sum(p) for n, p in zip(self.size, self.padding, strict=True)))

    @classmethod
    def parse(cls, function, input_shape, out_channels, kernel_size, stride, padding, dilation, groups):
        """Check all arguments in the name of a public function and compute the output's sizes."""
        batch, in_channels, *space = image_shape(function, input_shape)
        in_channels, out_channels, _ = channels(function, in_channels, out_channels, groups)
        kernel_size = per_axis(function, "kernel_size", kernel_size, len(space), least=1)
        stride = per_axis(function, "stride", stride, len(space), least=1)
        dilation = per_axis(function, "dilation", dilation, len(space), least=1)
        padding = both_sides(function, padding, kernel_size, stride, dilation)
        rows = zip(space, kernel_size, stride, padding, dilation, strict=True)
        output = tuple(fit(function, size, k, s, sum(p), d) for size, k, s, p, d in rows)
        return cls(batch=batch, in_channels=in_channels, out_channels=out_channels, size=tuple(space),
                   kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation, output=output)


def both_sides(function, padding, kernel_size, stride, dilation):
    """Return (before, after) for each axis from a number, a tuple, "valid" or "same"."""
    if not isinstance(padding, str):
        return tuple((p, p) for p in per_axis(function, "padding", padding, len(kernel_size), least=0))
    if padding == "valid":
        return ((0, 0),) * len(kernel_size)
    if padding != "same":
        raise ValueError(f'{function}: padding must be a number, a tuple, "valid" or "same", got {padding!r}')
    if set(stride) != {1}:
        raise ValueError(f'{function}: padding "same" needs stride 1, got {stride}')
    return tuple(same_padding(k, dilation=d) for k, d in zip(kernel_size, dilation, strict=True))


def fit(function, size, kernel_size, stride, total_padding, dilation):
    """Return how many windows fit on one axis, or raise in the name of a public function.

    Raises:
        ValueError: the kernel covers more than the padded input.
    """
    reach = dilation * (kernel_size - 1) + 1
    if reach > size + total_padding:
        rule = f"the kernel must fit into the {size + total_padding} pixels of the padded input"
        raise ValueError(f"{function}: {rule}, got {reach} pixels")
    return (size + total_padding - reach) // stride + 1
