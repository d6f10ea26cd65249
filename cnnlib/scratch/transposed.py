"""Transposed convolution: what a convolution does to its gradients, used forward to make maps larger."""
from dataclasses import replace

from cnnlib._arguments import room, whole
from cnnlib.scratch._check import floats, same_shape
from cnnlib.scratch._windows import pad
from cnnlib.scratch.convolution import conv2d
from cnnlib.scratch.convolution_backward import input_gradient, weight_gradient
from cnnlib.shapes.convolution import Layer
from cnnlib.shapes.transposed import transposed_shape


def conv_transpose2d(x, weight, bias=None, *, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """Put a kernel, times its input, at every ``stride``-th output and add where kernels overlap.

    Args:
        x: feature maps, (N, C, H, W); float16 becomes float32, whole numbers become float64.
        weight: filters, (C, O / groups, kh, kw): the input channels come first.
        bias: None or one number for each output channel, (O,).
        stride: step between two kernels on the output, in pixels; an int or (vertical, horizontal), as are the others.
        padding: output pixels that are cut off on each side.
        output_padding: pixels that are added at the end, smaller than the stride or the dilation.
        groups: number of groups that C and O are split into.
        dilation: step between two taps of the kernel, in pixels.

    Returns:
        (N, O, H_out, W_out), with H_out = conv_transpose_output_size(H, kh, …).

    Raises:
        ValueError: an argument is malformed, the channels do not match, or nothing is left.

    Source:
        Dumoulin & Visin (2016), A guide to convolution arithmetic for deep learning, section 4.

    >>> conv_transpose2d([[[[1, 2]]]], [[[[1, 10, 100]]]], stride=2)
    array([[[[  1.,  10., 102.,  20., 200.]]]])
    """
    name = "conv_transpose2d"
    x, weight, bias = floats(name, x=(x, 4), weight=(weight, 4), bias=(bias, 1))
    shape, layer, groups = _layer(name, x, weight, stride, padding, output_padding, groups, dilation)
    if bias is not None:
        same_shape(name, "bias", bias, shape[1:2])
    y = input_gradient(x, weight, shape[2:], layer, groups)
    return y if bias is None else y + bias[:, None, None]


def conv_transpose2d_backward(grad_output, x, weight, *, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """Return the gradients of ``conv_transpose2d(x, weight, bias, …)``: for the input, an ordinary convolution.

    Args:
        grad_output: gradient of the loss for the output, (N, O, H_out, W_out).
        x: what conv_transpose2d was given, (N, C, H, W).
        weight: the filters, (C, O / groups, kh, kw).
        stride: as conv_transpose2d was given; so are the other options.
        padding: output pixels cut off on each side.
        output_padding: pixels added at the end.
        groups: number of groups.
        dilation: step between two taps of the kernel.

    Returns:
        (grad_x, grad_weight, grad_bias), shaped as x, weight and (O,).

    Raises:
        ValueError: as conv_transpose2d, or grad_output does not have the output's shape.

    Source:
        Dumoulin & Visin (2016), A guide to convolution arithmetic for deep learning, section 4.

    >>> conv_transpose2d_backward([[[[1, 1, 1]]]], [[[[5]]]], [[[[1, 10, 100]]]])[0]
    array([[[[111.]]]])
    """
    name = "conv_transpose2d_backward"
    grad_output, x, weight = floats(name, grad_output=(grad_output, 4), x=(x, 4), weight=(weight, 4))
    shape, layer, groups = _layer(name, x, weight, stride, padding, output_padding, groups, dilation)
    same_shape(name, "grad_output", grad_output, shape)
    padded, options = pad(grad_output, layer.padding), {"stride": layer.stride, "dilation": layer.dilation}
    grad_x = conv2d(padded, weight, groups=groups, **options)[:, :, :x.shape[2], :x.shape[3]]
    return grad_x, weight_gradient(x, grad_output, weight.shape, layer, groups), grad_output.sum((0, 2, 3))


def _layer(name, x, weight, stride, padding, output_padding, groups, dilation):
    """Return the output's shape, the convolution whose input gradient this is, and the groups as an int."""
    if len(weight) != x.shape[1]:
        raise ValueError(f"{name}: weight must have {x.shape[1]} input channels as x, got {len(weight)}")
    groups = whole(name, "groups", groups, least=1)
    shape = transposed_shape(name, x.shape, weight.shape[1] * groups, weight.shape[2:], groups, stride=stride,
                             padding=padding, output_padding=output_padding, dilation=dilation)
    layer = Layer.parse(name, shape, len(weight), weight.shape[2:], stride, padding, dilation, groups)
    room(name, "the output before it is cut", layer.padded)
    return shape, replace(layer, output=x.shape[2:]), groups  # output_padding may leave room for one window more
