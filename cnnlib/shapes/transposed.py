"""How large a transposed convolution's output is."""
from cnnlib._arguments import channels, image_shape, per_axis, whole


def conv_transpose_output_size(size, kernel_size, *, stride=1, padding=0, output_padding=0, dilation=1):
    """Return (size − 1)·stride − 2·padding + dilation·(kernel_size − 1) + output_padding + 1.

    Args:
        size: input pixels.
        kernel_size: kernel pixels.
        stride: step between two kernels on the output, in pixels.
        padding: output pixels cut off on each side.
        output_padding: pixels added at the end, smaller than the stride or the dilation.
        dilation: step between two taps of the kernel, in pixels.

    Returns:
        The output pixels.

    Raises:
        ValueError: an argument is malformed, output_padding is too large, or nothing is left.

    Source:
        Dumoulin & Visin (2016), A guide to convolution arithmetic for deep learning, relationship 14.

    >>> conv_transpose_output_size(112, 4, stride=2, padding=1)
    224
    """
    name = "conv_transpose_output_size"
    return _transposed(name, size, kernel_size, stride, padding, output_padding, dilation)


def conv_transpose_output_shape(input_shape, out_channels, kernel_size, *, stride=1, padding=0, output_padding=0,
                                groups=1, dilation=1):
    """Return the shape of a transposed convolution's output.

    Args:
        input_shape: (N, C, L), (N, C, H, W) or (N, C, D, H, W).
        out_channels: number of filters.
        kernel_size: an int or one int for each axis, in pixels; so are the other options.
        stride: step between two kernels on the output.
        padding: output pixels cut off on each side.
        output_padding: pixels added at the end of each axis.
        groups: number of groups that C and out_channels are split into.
        dilation: step between two taps of the kernel.

    Returns:
        (N, out_channels, …) with one size for each axis.

    Raises:
        ValueError: as conv_transpose_output_size, or groups does not divide the channels.

    Source:
        Dumoulin & Visin (2016), A guide to convolution arithmetic for deep learning, relationship 14.

    >>> conv_transpose_output_shape((1, 64, 7, 7), 32, 2, stride=2)
    (1, 32, 14, 14)
    """
    options = {"stride": stride, "padding": padding, "output_padding": output_padding, "dilation": dilation}
    return transposed_shape("conv_transpose_output_shape", input_shape, out_channels, kernel_size, groups, **options)


def transposed_shape(function, input_shape, out_channels, kernel_size, groups, **options):
    """Check all arguments in the name of a public function and return the output's shape."""
    batch, in_channels, *space = image_shape(function, input_shape)
    _, out_channels, _ = channels(function, in_channels, out_channels, groups)
    least = {"kernel_size": 1, "stride": 1, "padding": 0, "output_padding": 0, "dilation": 1}
    options = {"kernel_size": kernel_size, **options}
    values = [per_axis(function, word, options[word], len(space), least=low) for word, low in least.items()]
    return (batch, out_channels, *(_transposed(function, *row) for row in zip(space, *values, strict=True)))


def _transposed(function, size, kernel_size, stride, padding, output_padding, dilation):
    size = whole(function, "size", size, least=1)
    kernel_size = whole(function, "kernel_size", kernel_size, least=1)
    stride = whole(function, "stride", stride, least=1)
    padding = whole(function, "padding", padding, least=0)
    output_padding = whole(function, "output_padding", output_padding, least=0)
    dilation = whole(function, "dilation", dilation, least=1)
    if output_padding >= max(stride, dilation):
        rule = f"output_padding must be smaller than the stride {stride} or the dilation {dilation}"
        raise ValueError(f"{function}: {rule}, got {output_padding}")
    output = (size - 1) * stride - 2 * padding + dilation * (kernel_size - 1) + output_padding + 1
    if output < 1:
        raise ValueError(f"{function}: the padding must leave at least one output pixel, got {output}")
    return output
