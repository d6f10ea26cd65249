"""Convolution written five times, each version one step from the one before.

All five compute the cross-correlation that deep learning calls convolution: the kernel is not flipped.
"""
import numpy as np

from cnnlib.scratch._check import check_convolution


def conv2d_v1(x, weight):
    """Slide one kernel over one image with nothing but loops.

    Args:
        x: image, (H, W).
        weight: kernel, (kh, kw), in pixels.

    Returns:
        Feature map, (H − kh + 1, W − kw + 1).

    Raises:
        ValueError: an array is not 2-D or empty, or the kernel is larger than the image.

    Source:
        Goodfellow, Bengio & Courville (2016), Deep Learning, eq. 9.6.

    >>> conv2d_v1(np.arange(9).reshape(3, 3), np.arange(4).reshape(2, 2))
    array([[19., 25.],
           [37., 43.]])
    """
    x, weight = check_convolution("conv2d_v1", x, weight, dims=2)
    (H, W), (kh, kw) = x.shape, weight.shape
    y = np.zeros((H - kh + 1, W - kw + 1))
    for row in range(y.shape[0]):
        for col in range(y.shape[1]):
            total = 0.0
            for i in range(kh):
                for j in range(kw):
                    total += x[row + i, col + j] * weight[i, j]
            y[row, col] = total
    return y


def conv2d_v2(x, weight):
    """Let NumPy multiply and add a whole window: the two inner loops become one slice.

    Args:
        x: image, (H, W).
        weight: kernel, (kh, kw), in pixels.

    Returns:
        Feature map, (H − kh + 1, W − kw + 1).

    Raises:
        ValueError: an array is not 2-D or empty, or the kernel is larger than the image.

    Source:
        Goodfellow, Bengio & Courville (2016), Deep Learning, eq. 9.6.

    >>> conv2d_v2(np.arange(9).reshape(3, 3), np.arange(4).reshape(2, 2))
    array([[19., 25.],
           [37., 43.]])
    """
    x, weight = check_convolution("conv2d_v2", x, weight, dims=2)
    (H, W), (kh, kw) = x.shape, weight.shape
    y = np.zeros((H - kh + 1, W - kw + 1))
    for row in range(y.shape[0]):
        for col in range(y.shape[1]):
            window = x[row:row + kh, col:col + kw]
            y[row, col] = np.sum(window * weight)
    return y


def conv2d_v3(x, weight, *, stride=1, padding=0):
    """Add a border of zeros and a step between windows.

    Args:
        x: image, (H, W).
        weight: kernel, (kh, kw), in pixels.
        stride: step between windows, in pixels.
        padding: zeros added on each side, in pixels.

    Returns:
        Feature map, (H_out, W_out), with H_out = (H + 2·padding − kh) // stride + 1.

    Raises:
        ValueError: an array is not 2-D or empty, an option is no whole number, or no window fits.

    Source:
        Dumoulin & Visin (2016), A guide to convolution arithmetic for deep learning, relationship 6.

    >>> conv2d_v3(np.ones((5, 5)), np.ones((2, 2)), stride=3)
    array([[4., 4.],
           [4., 4.]])
    """
    x, weight = check_convolution("conv2d_v3", x, weight, dims=2, stride=stride, padding=padding)
    x = np.pad(x, padding)
    (H, W), (kh, kw) = x.shape, weight.shape
    y = np.zeros(((H - kh) // stride + 1, (W - kw) // stride + 1))
    for row in range(y.shape[0]):
        for col in range(y.shape[1]):
            top, left = row * stride, col * stride
            window = x[top:top + kh, left:left + kw]
            y[row, col] = np.sum(window * weight)
    return y


def conv2d_v4(x, weight, *, stride=1, padding=0):
    """Take several input channels: one kernel slice for each, and the results are added up.

    Args:
        x: image, (C, H, W).
        weight: kernel, (C, kh, kw), in pixels.
        stride: step between windows, in pixels.
        padding: zeros added on each side, in pixels.

    Returns:
        Feature map, (H_out, W_out).

    Raises:
        ValueError: an array is not 3-D or empty, the channels differ, an option is no whole number, or no window fits.

    Source:
        Dumoulin & Visin (2016), A guide to convolution arithmetic for deep learning, section 1.1.

    >>> x = np.arange(9).reshape(3, 3) + np.array([0, 1]).reshape(2, 1, 1)
    >>> weight = np.arange(4).reshape(2, 2) + np.array([0, 1]).reshape(2, 1, 1)
    >>> conv2d_v4(x, weight)
    array([[ 56.,  72.],
           [104., 120.]])
    """
    x, weight = check_convolution("conv2d_v4", x, weight, dims=3, stride=stride, padding=padding)
    y = 0
    for channel in range(x.shape[0]):
        y = y + conv2d_v3(x[channel], weight[channel], stride=stride, padding=padding)
    return y


def conv2d_v5(x, weight, *, stride=1, padding=0):
    """Take a batch of images and several filters: one feature map for each pair.

    Args:
        x: images or feature maps, (N, C, H, W).
        weight: filters, (O, C, kh, kw), in pixels.
        stride: step between windows, in pixels.
        padding: zeros added on each side, in pixels.

    Returns:
        Feature maps, (N, O, H_out, W_out).

    Raises:
        ValueError: an array is not 4-D or empty, the channels differ, an option is no whole number, or no window fits.

    Source:
        Dumoulin & Visin (2016), A guide to convolution arithmetic for deep learning, section 1.1.

    >>> conv2d_v5(np.ones((1, 3, 9, 9)), np.ones((8, 3, 3, 3)), stride=2).shape
    (1, 8, 4, 4)
    """
    x, weight = check_convolution("conv2d_v5", x, weight, dims=4, stride=stride, padding=padding)
    maps = []
    for image in x:
        for filter in weight:
            maps.append(conv2d_v4(image, filter, stride=stride, padding=padding))
    return np.reshape(maps, (len(x), len(weight), *maps[0].shape))
