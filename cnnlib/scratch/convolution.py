"""Fast convolution in NumPy: windows as a view, columns a cache full at a time, one matrix product.

A view of windows. ``windows`` shows every tap of every window of the padded input without copying a number. A view is
memory plus a step for each axis: to the next tap it is ``dilation`` pixels, to the next window ``stride`` pixels.

One matrix product. Copied into a matrix, each window becomes a column (Chellapilla, Puri & Simard 2006 call this
unrolling, others im2col), each filter a row. Then all filters meet all windows in one product, a routine that has been
tuned for decades.

A cache full at a time. The columns hold each pixel once for every window that covers it, about kh·kw times: 115 MB for
the second layer of VGG. Written to memory and read again they would cost more time than the product. So the output is
computed in tiles of some rows, and the columns of one tile fit into the processor's cache.

What it costs. In a dense layer the copy pays: all filters use each number in it. With groups only out_channels / groups
filters use it, in a depthwise layer a single one: there the copy itself takes the time, and the layer waits for memory.
"""
import numpy as np

from cnnlib._arguments import channels, per_axis, room
from cnnlib.scratch._check import numbers
from cnnlib.scratch._windows import pad, tiles, windows
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


def conv3d(x, weight, bias=None, *, stride=1, padding=0, dilation=1, groups=1):
    """Cross-correlate volumes with filters that also slide along the depth, as ``torch.nn.functional.conv3d``.

    Args:
        x: volumes, (N, C, D, H, W); a float type is kept, whole numbers are computed as float64.
        weight: filters, (O, C / groups, kd, kh, kw), not flipped.
        bias: None or one number for each filter, (O,).
        stride: step between windows, in voxels; an int or (depth, vertical, horizontal), as are padding and dilation.
        padding: zeros on each side, in voxels, or "valid", or "same".
        dilation: step between two taps of the filter, in voxels.
        groups: number of groups that C and O are split into.

    Returns:
        Feature volumes, (N, O, D_out, H_out, W_out).

    Raises:
        ValueError: an argument is malformed, the channels do not match, or no window fits.

    Source:
        Ji, Xu, Yang & Yu (2013), 3D Convolutional Neural Networks for Human Action Recognition, eq. 2.

    >>> conv3d(np.ones((1, 1, 8, 5, 5)), np.ones((1, 1, 3, 3, 3))).shape
    (1, 1, 6, 3, 3)
    """
    return _convolve("conv3d", x, weight, bias, stride, padding, dilation, groups, axes=3)


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
    if not isinstance(mode, str) or mode not in ("valid", "same", "full"):
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
    rows = zip(x.shape[2:], kernel_size, stride, padding, dilation, strict=True)
    output = tuple(fit(function, size, k, s, sum(p), d) for size, k, s, p, d in rows)
    sides = (size + sum(p) for size, p in zip(x.shape[2:], padding, strict=True))
    room(function, "the padded x", (*x.shape[:2], *sides))
    exact = np.promote_types(x.dtype, np.float32)  # half precision is summed in single precision
    view = windows(pad(x, padding).astype(exact, copy=False), kernel_size, output, stride, dilation)
    y = _product(view, weight.astype(exact, copy=False), groups)
    if bias is not None:
        y += bias.reshape(-1, *(1,) * axes)
    return y.astype(x.dtype, copy=False)


def correlate(x, weight, dilation, groups):
    """Return the output of checked float arrays at stride 1 without padding."""
    reach = [d * (k - 1) + 1 for k, d in zip(weight.shape[2:], dilation, strict=True)]
    output = tuple(size - r + 1 for size, r in zip(x.shape[2:], reach, strict=True))
    return _product(windows(x, weight.shape[2:], output, (1,) * len(output), dilation), weight, groups)


def _product(view, weight, groups):
    """Return the output, (N, O, *output), tile by tile: columns of the windows, then one matrix product."""
    axes, (batch, out_channels) = weight.ndim - 2, (len(view), len(weight))
    output, depth = view.shape[2 + axes:], weight[0].size  # depth: what one filter multiplies and adds
    view = view.reshape(batch, groups, -1, *view.shape[2:])
    filters = weight.reshape(groups, out_channels // groups, depth)
    y = np.empty((batch, groups, out_channels // groups, *output), view.dtype)
    for image, group, strip in tiles(batch, groups, output, depth * view.itemsize):
        part = view[(image, group, *(slice(None),) * (1 + axes), strip)]
        tile, columns_shape = y[image, group, :, strip], (*part.shape[:2], depth, -1)
        # reshape copies (only a 1x1 filter with stride 1 needs no copy); without a name the copy is freed at once,
        # and the next tile gets the same memory, which is still in the cache
        tile[...] = (filters[group] @ part.reshape(columns_shape)).reshape(tile.shape)
    return y.reshape(batch, out_channels, *output)


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
