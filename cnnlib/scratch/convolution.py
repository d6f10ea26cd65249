"""Fast convolution in NumPy: windows as a view, one copy into columns, one matrix product.

How it works. ``sliding_window_view`` shows every window of the padded input without copying a number: it only sets
strides, so stride and dilation are slices of that view. Copying the view once into a matrix puts each window into
a column (Chellapilla, Puri & Simard 2006 call this unrolling, others im2col). Then all filters meet all windows in
one matrix product, a routine that has been tuned for decades.

What it costs. The columns hold each pixel once for every window that covers it, about kh·kw times. In a dense layer
that copy pays: all filters use each number in it. With groups, only out_channels / groups filters use it, in
a depthwise layer a single one, so the copy itself takes the time and the layer waits for memory.
"""
import numpy as np

from cnnlib._arguments import channels, per_axis
from cnnlib.scratch._check import numbers
from cnnlib.shapes.convolution import both_sides, fit


def conv2d(x, weight, bias=None, *, stride=1, padding=0, dilation=1, groups=1):
    """Cross-correlate images with filters, as ``torch.nn.functional.conv2d``.

    Args:
        x: images or feature maps, (N, C, H, W); a float type is kept, whole numbers are computed as float64.
        weight: filters, (O, C / groups, kh, kw), not flipped.
        bias: None or one number for each filter, (O,).
        stride: step between windows, in pixels; an int or (vertical, horizontal), as are padding and dilation.
        padding: zeros on each side, in pixels, or "valid" (none), or "same" (keeps the size at stride 1; where the
            total is odd, the larger half comes after).
        dilation: step between two taps of the filter, in pixels.
        groups: number of groups that C and O are split into; filters of a group see its channels only.

    Returns:
        Feature maps, (N, O, H_out, W_out), with H_out = conv_output_size(H, kh, …).

    Raises:
        ValueError: an argument is malformed, the channels do not match, or no window fits.

    Source:
        Goodfellow, Bengio & Courville (2016), Deep Learning, eq. 9.7; Chellapilla, Puri & Simard (2006), section 3.

    >>> conv2d(np.ones((1, 3, 9, 9)), np.ones((8, 3, 3, 3)), stride=2).shape
    (1, 8, 4, 4)
    """
    return _convolve("conv2d", x, weight, bias, stride, padding, dilation, groups, axes=2)


def conv1d(x, weight, bias=None, *, stride=1, padding=0, dilation=1, groups=1):
    """Cross-correlate sequences with filters, as ``torch.nn.functional.conv1d``.

    Args:
        x: sequences, (N, C, L); a float type is kept, whole numbers are computed as float64.
        weight: filters, (O, C / groups, k), not flipped.
        bias: None or one number for each filter, (O,).
        stride: step between windows, in samples.
        padding: zeros on each side, in samples, or "valid", or "same".
        dilation: step between two taps of the filter, in samples.
        groups: number of groups that C and O are split into.

    Returns:
        Feature sequences, (N, O, L_out), with L_out = conv_output_size(L, k, …).

    Raises:
        ValueError: an argument is malformed, the channels do not match, or no window fits.

    Source:
        Goodfellow, Bengio & Courville (2016), Deep Learning, eq. 9.3 (there with the kernel flipped).

    >>> conv1d([[[1, 2, 4, 7]]], [[[-1, 1]]])
    array([[[1., 2., 3.]]])
    """
    return _convolve("conv1d", x, weight, bias, stride, padding, dilation, groups, axes=1)


def convolve2d(x, weight, *, mode="valid"):
    """Convolve in the mathematical sense: flip the kernel both ways, then slide.

    Args:
        x: image, (H, W).
        weight: kernel, (kh, kw), in pixels.
        mode: "valid" (windows inside the image), "same" (the size of x) or "full" (every overlap), as in SciPy.

    Returns:
        (H − kh + 1, W − kw + 1), (H, W) or (H + kh − 1, W + kw − 1).

    Raises:
        ValueError: an array is not 2-D or empty, the mode is unknown, or the kernel does not fit.

    Source:
        Goodfellow, Bengio & Courville (2016), Deep Learning, eqs. 9.4 and 9.5.

    >>> convolve2d([[0, 1, 2], [3, 4, 5], [6, 7, 8]], [[0, 1], [2, 3]])
    array([[ 5., 11.],
           [23., 29.]])
    """
    x, weight = numbers("convolve2d", "x", x, dims=2), numbers("convolve2d", "weight", weight, dims=2)
    if mode not in ("valid", "same", "full"):
        raise ValueError(f'convolve2d: mode must be "valid", "same" or "full", got {mode!r}')
    kh, kw = weight.shape
    padding = 0 if mode == "valid" else (kh - 1, kw - 1)
    flipped = weight[::-1, ::-1]
    y = _convolve("convolve2d", x[None, None], flipped[None, None], None, 1, padding, 1, 1, axes=2)[0, 0]
    if mode == "same":
        top, left = (kh - 1) // 2, (kw - 1) // 2
        y = y[top:top + x.shape[0], left:left + x.shape[1]]
    return y


def _convolve(function, x, weight, bias, stride, padding, dilation, groups, *, axes):
    x, weight, bias = _arrays(function, x, weight, bias, groups, axes)
    kernel_size = weight.shape[2:]
    stride = per_axis(function, "stride", stride, axes, least=1)
    dilation = per_axis(function, "dilation", dilation, axes, least=1)
    padding = both_sides(function, padding, kernel_size, stride, dilation)
    for size, k, p, d in zip(x.shape[2:], kernel_size, padding, dilation, strict=True):
        fit(function, size, k, 1, sum(p), d)
    exact = np.promote_types(x.dtype, np.float32)  # half precision is summed in single precision
    y = _columns_product(_pad_zeros(x, padding).astype(exact, copy=False), weight.astype(exact, copy=False),
                         stride, dilation, groups)
    if bias is not None:
        y += bias.reshape(-1, *(1,) * axes)
    return y.astype(x.dtype, copy=False)


def _columns_product(x, weight, stride, dilation, groups):
    axes = x.ndim - 2
    (batch, in_channels), out_channels, kernel_size = x.shape[:2], len(weight), weight.shape[2:]
    reach = [d * (k - 1) + 1 for k, d in zip(kernel_size, dilation, strict=True)]
    windows = np.lib.stride_tricks.sliding_window_view(x, reach, axis=range(2, x.ndim))
    steps = [slice(None, None, step) for step in (*stride, *dilation)]
    windows = windows[(slice(None), slice(None), *steps)]  # (N, C, *output, *kernel), still a view
    output = windows.shape[2:2 + axes]
    order = (0, 1, *range(2 + axes, 2 + 2 * axes), *range(2, 2 + axes))
    columns = windows.transpose(order).reshape(batch, groups, in_channels // groups * np.prod(kernel_size), -1)
    rows = weight.reshape(groups, out_channels // groups, -1)
    return (rows @ columns).reshape(batch, out_channels, *output)


def _arrays(function, x, weight, bias, groups, axes):
    x = numbers(function, "x", x, dims=axes + 2)
    weight = numbers(function, "weight", weight, dims=axes + 2)
    in_channels, out_channels, groups = channels(function, x.shape[1], len(weight), groups)
    if weight.shape[1] != in_channels // groups:
        rule = f"weight must have x.shape[1] / groups = {in_channels // groups} input channels"
        raise ValueError(f"{function}: {rule}, got {weight.shape[1]}")
    kind = np.result_type(x, weight)
    if bias is not None:
        bias = numbers(function, "bias", bias, dims=1)
        if len(bias) != out_channels:
            rule = f"bias must have one number for each of {out_channels} filters"
            raise ValueError(f"{function}: {rule}, got {len(bias)}")
        kind = np.result_type(kind, bias)
    if kind.kind != "f":
        kind = np.dtype(np.float64)
    return x.astype(kind, copy=False), weight.astype(kind, copy=False), bias


def _pad_zeros(x, padding):
    if not any(map(any, padding)):
        return x
    sizes = [size + sum(p) for size, p in zip(x.shape[2:], padding, strict=True)]
    padded = np.zeros((*x.shape[:2], *sizes), x.dtype)
    inside = tuple(slice(before, before + size) for size, (before, _) in zip(x.shape[2:], padding, strict=True))
    padded[(..., *inside)] = x
    return padded
