"""The gradients of a convolution, each a convolution again.

Every output is a sum of products ``y[o, p] = Σ w[o, c, t] · x[c, p·stride + t·dilation]``. So an output's gradient goes
to every weight, times the input that the weight met, and to every input, times the weight that the input met.

Weights. Weight ``t`` met the inputs at distance ``t`` from each window's corner: summed over all windows, that is the
cross-correlation of the input with the output's gradient.

Inputs. Input ``i`` met tap ``t`` in the window at ``i − t``: the same taps read backwards. That is a full
cross-correlation of the output's gradient with the kernel turned by 180°, input and output channels swapped. With a
stride, the gradient has holes; instead of filling them with zeros, each window's products are added where they belong.
"""
import numpy as np

from cnnlib._arguments import room
from cnnlib.scratch._check import floats, same_shape
from cnnlib.scratch._windows import inside, pad, tiles, windows
from cnnlib.scratch.convolution import correlate
from cnnlib.shapes.convolution import Layer


def conv2d_backward(grad_output, x, weight, *, stride=1, padding=0, dilation=1, groups=1):
    """Return the gradients of ``conv2d(x, weight, bias, …)`` for its three arrays.

    Args:
        grad_output: gradient of the loss for the output, (N, O, H_out, W_out).
        x: what conv2d was given, (N, C, H, W).
        weight: the filters, (O, C / groups, kh, kw).
        stride: as conv2d was given, in pixels; so are padding, dilation and groups.
        padding: zeros on each side, "valid" or "same".
        dilation: step between two taps of the filter.
        groups: number of groups.

    Returns:
        (grad_x, grad_weight, grad_bias), shaped (N, C, H, W), (O, C / groups, kh, kw) and (O,).

    Raises:
        ValueError: as conv2d, or grad_output does not have the output's shape.

    Source:
        Goodfellow, Bengio & Courville (2016), Deep Learning, eqs. 9.11 and 9.13.

    >>> grad_x, grad_weight, grad_bias = conv2d_backward([[[[1.0]]]], [[[[5, 6], [7, 8]]]], [[[[1, 2], [3, 4]]]])
    >>> grad_x.tolist(), grad_weight.tolist(), grad_bias.tolist()
    ([[[[1.0, 2.0], [3.0, 4.0]]]], [[[[5.0, 6.0], [7.0, 8.0]]]], [1.0])
    """
    name = "conv2d_backward"
    grad_output, x, weight = floats(name, grad_output=(grad_output, 4), x=(x, 4), weight=(weight, 4))
    layer = Layer.parse(name, x.shape, len(weight), weight.shape[2:], stride, padding, dilation, groups)
    groups = int(groups)
    if weight.shape[1] != layer.in_channels // groups:
        rule = f"weight must have x.shape[1] / groups = {layer.in_channels // groups} input channels"
        raise ValueError(f"{name}: {rule}, got {weight.shape[1]}")
    same_shape(name, "grad_output", grad_output, (layer.batch, layer.out_channels, *layer.output))
    room(name, "the padded x", layer.padded)
    grad_weight = weight_gradient(grad_output, x, weight.shape, layer, groups)
    return input_gradient(grad_output, weight, x.shape[2:], layer, groups), grad_weight, grad_output.sum((0, 2, 3))


def weight_gradient(grad_output, x, shape, layer, groups):
    """Return the cross-correlation of x with grad_output, (O, C / groups, kh, kw), a tile of windows at a time."""
    view = windows(pad(x, layer.padding), shape[2:], layer.output, layer.stride, layer.dilation)
    view = view.reshape(layer.batch, groups, -1, *view.shape[2:])
    grad_output = grad_output.reshape(layer.batch, groups, -1, *layer.output)
    depth = shape[1] * shape[2] * shape[3]
    total = np.zeros((groups, shape[0] // groups, depth), x.dtype)
    for image, group, strip in tiles(layer.batch, groups, layer.output, depth * x.itemsize):
        part, grad = view[image, group, :, :, :, strip], grad_output[image, group, :, strip]
        grad = grad.reshape(*grad.shape[:3], -1)
        total[group] += (grad @ part.reshape(*part.shape[:2], depth, -1).swapaxes(2, 3)).sum(axis=0)
    return total.reshape(shape)


def input_gradient(grad_output, weight, size, layer, groups):
    """Return the gradient for the input, (N, C, *size)."""
    few = weight.shape[0] <= weight.shape[1] * groups  # the way that copies fewer numbers is the faster one
    if few and set(layer.stride) == {1} and np.isfinite(weight).all():  # its padding would make NaN of infinity
        return _by_full_correlation(grad_output, weight, size, layer, groups)
    return _by_adding_windows(grad_output, weight, size, layer, groups)


def _by_full_correlation(grad_output, weight, size, layer, groups):
    rows = zip(size, layer.output, layer.kernel_size, layer.padding, layer.dilation, strict=True)
    reach = [(d * (k - 1), n + sum(p) - count) for n, count, k, p, d in rows]  # both are the same in a convolution
    full = correlate(pad(grad_output, reach), swapped(weight, groups), layer.dilation, groups)
    return full[inside(size, layer.padding)]


def swapped(weight, groups):
    """Return the kernels turned by 180° with input and output channels swapped, (C, O / groups, kh, kw)."""
    split = weight.reshape(groups, -1, *weight.shape[1:]).swapaxes(1, 2)  # (groups, C / groups, O / groups, kh, kw)
    return split.reshape(-1, *split.shape[2:])[:, :, ::-1, ::-1]


def _by_adding_windows(grad_output, weight, size, layer, groups):
    """Return the same, tile by tile: the products of each window, added to the pixels that it read."""
    padded = np.zeros((layer.batch, groups, weight.shape[1], *(
        n + sum(p) for n, p in zip(size, layer.padding, strict=True))), grad_output.dtype)
    grad_output = grad_output.reshape(layer.batch, groups, -1, *layer.output)
    turned = weight.reshape(groups, len(weight) // groups, -1).swapaxes(1, 2)  # (groups, depth, O / groups)
    for image, group, strip in tiles(layer.batch, groups, layer.output, turned.shape[1] * grad_output.itemsize):
        grad = grad_output[image, group, :, strip]
        columns = turned[group] @ grad.reshape(*grad.shape[:3], -1)
        columns = columns.reshape(*columns.shape[:2], *weight.shape[1:], *grad.shape[3:])
        rows = padded[image, group, :, strip.start * layer.stride[0]:]
        for i, j in np.ndindex(layer.kernel_size):
            rows[(..., *_tap((i, j), grad.shape[3:], layer))] += columns[:, :, :, i, j]
    return padded.reshape(layer.batch, -1, *padded.shape[3:])[inside(size, layer.padding)]


def _tap(tap, output, layer):
    """Return the slices of the pixels that one tap of the kernel reads in all windows."""
    rows = zip(tap, output, layer.stride, layer.dilation, strict=True)
    return tuple(slice(t * d, t * d + (count - 1) * s + 1, s) for t, count, s, d in rows)
