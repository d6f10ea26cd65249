"""Average pooling that is told the size of its output instead of the size of its window."""
import numpy as np

from cnnlib._arguments import per_axis, room
from cnnlib.scratch._check import floats, same_shape


def global_avg_pool2d(x):
    """Return the mean of each feature map.

    Args:
        x: feature maps, (N, C, H, W).

    Returns:
        (N, C, 1, 1); a linear layer after it needs ``flatten``.

    Raises:
        ValueError: x is malformed.

    Source:
        Lin, Chen & Yan (2014), Network In Network, section 3.2.

    >>> global_avg_pool2d(np.arange(8).reshape(1, 2, 2, 2)).tolist()
    [[[[1.5]], [[5.5]]]]
    """
    [x] = floats("global_avg_pool2d", x=(x, 4))
    return x.mean(axis=(2, 3), keepdims=True)


def global_avg_pool2d_backward(grad_output, x):
    """Spread each map's gradient evenly over the map.

    Args:
        grad_output: gradient of the loss for the output, (N, C, 1, 1).
        x: what global_avg_pool2d was given, (N, C, H, W); only its shape matters.

    Returns:
        The gradient for x, (N, C, H, W).

    Raises:
        ValueError: an argument is malformed, or the shapes do not fit.

    Source:
        Lin, Chen & Yan (2014), Network In Network, section 3.2.

    >>> global_avg_pool2d_backward([[[[8]]]], [[[[1, 2], [3, 4]]]]).tolist()
    [[[[2.0, 2.0], [2.0, 2.0]]]]
    """
    grad_output, x = floats("global_avg_pool2d_backward", grad_output=(grad_output, 4), x=(x, 4))
    same_shape("global_avg_pool2d_backward", "grad_output", grad_output, (*x.shape[:2], 1, 1))
    return np.broadcast_to(grad_output / (x.shape[2] * x.shape[3]), x.shape).copy()


def adaptive_avg_pool2d(x, output_size):
    """Return maps of a wanted size, each number the mean of its share of the input.

    Args:
        x: feature maps, (N, C, H, W).
        output_size: an int or (H_out, W_out), in pixels. Row i is the mean of rows floor(i·H / H_out) up to
            ceil((i + 1)·H / H_out): where H_out does not divide H, windows overlap or differ in size.

    Returns:
        (N, C, H_out, W_out), whatever H and W are.

    Raises:
        ValueError: an argument is malformed.

    Source:
        He, Zhang, Ren & Sun (2014), Spatial Pyramid Pooling, section 2.3 (bins of a fixed number).

    >>> adaptive_avg_pool2d([[[[1, 2, 3, 4, 5]]]], (1, 2))
    array([[[[2., 4.]]]])
    """
    [x] = floats("adaptive_avg_pool2d", x=(x, 4))
    rows, cols = _shares("adaptive_avg_pool2d", x, output_size)
    x = np.stack([x[:, :, share].mean(axis=2) for share in rows], axis=2)
    return np.stack([x[:, :, :, share].mean(axis=3) for share in cols], axis=3)


def adaptive_avg_pool2d_backward(grad_output, x, output_size):
    """Spread each gradient evenly over its share of the input.

    Args:
        grad_output: gradient of the loss for the output, (N, C, H_out, W_out).
        x: what adaptive_avg_pool2d was given, (N, C, H, W); only its shape matters.
        output_size: as adaptive_avg_pool2d.

    Returns:
        The gradient for x, (N, C, H, W).

    Raises:
        ValueError: an argument is malformed, or the shapes do not fit.

    Source:
        He, Zhang, Ren & Sun (2014), Spatial Pyramid Pooling, section 2.3.

    >>> adaptive_avg_pool2d_backward([[[[3, 6]]]], [[[[1, 2, 3, 4, 5]]]], (1, 2))
    array([[[[1., 1., 3., 2., 2.]]]])
    """
    name = "adaptive_avg_pool2d_backward"
    grad_output, x = floats(name, grad_output=(grad_output, 4), x=(x, 4))
    rows, cols = _shares(name, x, output_size)
    same_shape(name, "grad_output", grad_output, (*x.shape[:2], len(rows), len(cols)))
    wide, grad_x = np.zeros((*x.shape[:2], len(rows), x.shape[3]), x.dtype), np.zeros_like(x)
    for at, share in enumerate(cols):
        wide[:, :, :, share] += grad_output[:, :, :, at:at + 1] / (share.stop - share.start)
    for at, share in enumerate(rows):
        grad_x[:, :, share] += wide[:, :, at:at + 1] / (share.stop - share.start)
    return grad_x


def _shares(function, x, output_size):
    """Return for each axis the slices of the input that the outputs are the means of."""
    output_size = per_axis(function, "output_size", output_size, 2, least=1)
    room(function, "the output", (*x.shape[:2], *output_size))
    sizes = zip(x.shape[2:], output_size, strict=True)
    return [[slice(at * size // count, -(-(at + 1) * size // count)) for at in range(count)] for size, count in sizes]
