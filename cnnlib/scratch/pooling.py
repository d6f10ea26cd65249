"""Pooling: one number for each window, the largest or the mean, each channel by itself.

The loops run over the few taps of a window, not over the many windows: each pass compares or adds one tap of all
windows at once. Backward, max pooling sends a gradient to one winner; where several numbers of a window are equal, the
first in reading order is the winner, as in PyTorch. A mask ``x == maximum`` would pay every one of them.
"""
import numpy as np

from cnnlib._arguments import flag, room
from cnnlib.scratch._check import floats, same_shape
from cnnlib.scratch._windows import inside, pad, windows
from cnnlib.scratch.activations import passed
from cnnlib.shapes.pooling import Pool


def max_pool2d(x, kernel_size, *, stride=None, padding=0, dilation=1, ceil_mode=False):
    """Return the largest number of each window, as ``torch.nn.functional.max_pool2d``.

    Args:
        x: feature maps, (N, C, H, W); float16 becomes float32, whole numbers become float64.
        kernel_size: window, in pixels; an int or (vertical, horizontal), as are stride, padding and dilation.
        stride: step between windows, in pixels; None means kernel_size.
        padding: pixels of minus infinity on each side, at most half the window: they never win against a real pixel.
        dilation: step between two taps of the window, in pixels.
        ceil_mode: True keeps a last window that reaches over the edge, if it starts before the padding's end.

    Returns:
        (N, C, H_out, W_out), with H_out = pool_output_size(H, kh, …).

    Raises:
        ValueError: an argument is malformed, the padding is too large, or no window fits.

    Source:
        Scherer, Müller & Behnke (2010), Evaluation of Pooling Operations, section 3.1.

    >>> max_pool2d([[[[0, 1, 2], [3, 4, 5], [6, 7, 8]]]], 2, stride=1)
    array([[[[4., 5.],
             [7., 8.]]]])
    """
    [x] = floats("max_pool2d", x=(x, 4))
    pool = _pool("max_pool2d", x.shape, kernel_size, stride, padding, dilation, ceil_mode)
    view = _view(x, pool, -np.inf)
    largest = view[:, :, 0, 0].copy()
    for row, col in _taps(pool)[1:]:
        np.maximum(largest, view[:, :, row, col], out=largest)
    return largest


def max_pool2d_backward(grad_output, x, kernel_size, *, stride=None, padding=0, dilation=1, ceil_mode=False):
    """Send each gradient to the winner of its window; overlapping windows add up.

    Args:
        grad_output: gradient of the loss for the output, (N, C, H_out, W_out).
        x: what max_pool2d was given, (N, C, H, W); so are the options.
        kernel_size: window, in pixels.
        stride: step between windows.
        padding: pixels on each side.
        dilation: step between two taps.
        ceil_mode: as max_pool2d.

    Returns:
        The gradient for x, (N, C, H, W).

    Raises:
        ValueError: as max_pool2d, or grad_output does not have the output's shape.

    Source:
        Scherer, Müller & Behnke (2010), Evaluation of Pooling Operations, section 3.1.

    >>> max_pool2d_backward([[[[5]]]], [[[[0, 0], [0, 0]]]], 2)
    array([[[[5., 0.],
             [0., 0.]]]])
    """
    name = "max_pool2d_backward"
    grad_output, x = floats(name, grad_output=(grad_output, 4), x=(x, 4))
    pool = _pool(name, x.shape, kernel_size, stride, padding, dilation, ceil_mode)
    same_shape(name, "grad_output", grad_output, (*x.shape[:2], *pool.output))
    options = {"stride": stride, "padding": padding, "dilation": dilation, "ceil_mode": ceil_mode}
    winners = _winners(x, max_pool2d(x, kernel_size, **options), pool)
    return _spread(pool, x, (passed(grad_output, won) for won in winners))


def avg_pool2d(x, kernel_size, *, stride=None, padding=0, ceil_mode=False, count_include_pad=True):
    """Return the mean of each window, as ``torch.nn.functional.avg_pool2d``.

    Args:
        x: feature maps, (N, C, H, W); float16 becomes float32, whole numbers become float64.
        kernel_size: window, in pixels; an int or (vertical, horizontal), as are stride and padding.
        stride: step between windows, in pixels; None means kernel_size.
        padding: zeros on each side, at most half the window.
        ceil_mode: True keeps a last window that reaches over the edge, if it starts before the padding's end.
        count_include_pad: True divides by the window's pixels with the padding, False by those of the input alone.
            What ceil_mode adds beyond the padding is never counted.

    Returns:
        (N, C, H_out, W_out), with H_out = pool_output_size(H, kh, …).

    Raises:
        ValueError: an argument is malformed, the padding is too large, or no window fits.

    Source:
        LeCun, Bottou, Bengio & Haffner (1998), section II B (there times a weight, plus a bias).

    >>> avg_pool2d([[[[0, 1, 2], [3, 4, 5], [6, 7, 8]]]], 2, stride=1)
    array([[[[2., 3.],
             [5., 6.]]]])
    """
    [x] = floats("avg_pool2d", x=(x, 4))
    pool = _pool("avg_pool2d", x.shape, kernel_size, stride, padding, 1, ceil_mode)
    view = _view(x, pool, 0)
    total = view[:, :, 0, 0].copy()
    for row, col in _taps(pool)[1:]:
        total += view[:, :, row, col]
    return total / _counts("avg_pool2d", x, pool, count_include_pad)


def avg_pool2d_backward(grad_output, x, kernel_size, *, stride=None, padding=0, ceil_mode=False,
                        count_include_pad=True):
    """Spread each gradient evenly over its window; overlapping windows add up.

    Args:
        grad_output: gradient of the loss for the output, (N, C, H_out, W_out).
        x: what avg_pool2d was given, (N, C, H, W); so are the options. Only its shape matters.
        kernel_size: window, in pixels.
        stride: step between windows.
        padding: zeros on each side.
        ceil_mode: as avg_pool2d.
        count_include_pad: as avg_pool2d.

    Returns:
        The gradient for x, (N, C, H, W).

    Raises:
        ValueError: as avg_pool2d, or grad_output does not have the output's shape.

    Source:
        LeCun, Bottou, Bengio & Haffner (1998), section II B.

    >>> avg_pool2d_backward([[[[8]]]], [[[[1, 2], [3, 4]]]], 2)
    array([[[[2., 2.],
             [2., 2.]]]])
    """
    name = "avg_pool2d_backward"
    grad_output, x = floats(name, grad_output=(grad_output, 4), x=(x, 4))
    pool = _pool(name, x.shape, kernel_size, stride, padding, 1, ceil_mode)
    same_shape(name, "grad_output", grad_output, (*x.shape[:2], *pool.output))
    share = grad_output / _counts(name, x, pool, count_include_pad)
    return _spread(pool, x, (share for _ in _taps(pool)))


def _pool(function, *args):
    """Return checked arguments with which the padded maps are no larger than a memory."""
    pool = Pool.parse(function, *args)
    room(function, "the padded x", pool.padded)
    return pool


def _view(x, pool, value):
    """Return the view of all windows of the padded input, (N, C, kh, kw, H_out, W_out)."""
    return windows(pad(x, pool.reached, value), pool.kernel_size, pool.output, pool.stride, pool.dilation)


def _taps(pool):
    return list(np.ndindex(pool.kernel_size))


def _winners(x, largest, pool):
    """Return for each tap in which windows it is the winner.

    The winner equals the largest number, and no tap before it did. A pixel of the padding never wins, even where all
    are −∞. Among several NaNs of a window the last one wins, as in PyTorch.
    """
    view, taps = _view(x, pool, -np.inf), _taps(pool)
    real = _view(np.ones((1, 1, *x.shape[2:]), bool), pool, False)
    free, won = np.ones(largest.shape, bool), []
    for row, col in taps:
        won.append((view[:, :, row, col] == largest) & free & real[:, :, row, col])
        free ^= won[-1]
    if np.isnan(largest).any():
        for tap, (row, col) in reversed(list(enumerate(taps))):
            nan = np.isnan(view[:, :, row, col]) & free
            won[tap] |= nan
            free ^= nan
    return won


def _spread(pool, x, shares):
    """Add to each tap of all windows its share, (N, C, H_out, W_out), and cut the padding off."""
    padded = np.zeros_like(pad(x, pool.reached))
    view = windows(padded, pool.kernel_size, pool.output, pool.stride, pool.dilation, writeable=True)
    for (row, col), share in zip(_taps(pool), shares, strict=True):
        view[:, :, row, col] += share
    return padded[inside(x.shape[2:], pool.reached)]


def _counts(function, x, pool, count_include_pad):
    """Return what each window's sum is divided by, (H_out, W_out)."""
    flag(function, "count_include_pad", count_include_pad)
    axes = []
    for axis, size in enumerate(x.shape[2:]):
        padding = pool.padding[axis]
        stride = pool.stride[axis] if pool.output[axis] > 1 else 0  # of one window it may be any number
        first = np.arange(pool.output[axis]) * stride - padding
        last = np.minimum(first + pool.kernel_size[axis], size + padding)
        axes.append(last - first if count_include_pad else np.minimum(last, size) - np.maximum(first, 0))
    return np.outer(*axes).astype(x.dtype)
