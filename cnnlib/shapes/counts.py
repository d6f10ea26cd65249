"""How many numbers a layer learns, and what a dense layer costs."""
from math import prod

from cnnlib._arguments import channels, per_axis, sizes, whole


def conv_parameter_count(in_channels, out_channels, kernel_size, *, groups=1, bias=True):
    """Return the learned numbers of a convolution.

    Args:
        in_channels: channels of the input.
        out_channels: number of filters.
        kernel_size: an int (a square kernel, K·K) or a tuple with one int for each axis, in pixels.
        groups: number of groups.
        bias: whether each filter has a bias.

    Returns:
        out_channels · in_channels/groups · kernel pixels, plus one bias for each filter.

    Raises:
        ValueError: an argument is malformed or groups does not divide the channels.

    Source:
        Goodfellow, Bengio & Courville (2016), Deep Learning, section 9.5.

    >>> conv_parameter_count(32, 64, 3)
    18496
    """
    name = "conv_parameter_count"
    axes = len(kernel_size) if isinstance(kernel_size, (tuple, list)) else 2
    if not 1 <= axes <= 3:
        raise ValueError(f"{name}: kernel_size must be one number or a tuple of 1 to 3, got {kernel_size!r}")
    kernel = per_axis(name, "kernel_size", kernel_size, axes, least=1)
    in_channels, out_channels, groups = channels(name, in_channels, out_channels, groups)
    return out_channels * (in_channels // groups) * prod(kernel) + _biases(name, out_channels, bias)


def linear_parameter_count(in_features, out_features, *, bias=True):
    """Return the learned numbers of a dense layer.

    Args:
        in_features: inputs.
        out_features: outputs.
        bias: whether each output has a bias.

    Returns:
        in_features · out_features, plus out_features with a bias.

    Raises:
        ValueError: an argument is malformed.

    Source:
        Goodfellow, Bengio & Courville (2016), Deep Learning, section 6.1.

    >>> linear_parameter_count(512, 10)
    5130
    """
    name = "linear_parameter_count"
    in_features = whole(name, "in_features", in_features, least=1)
    out_features = whole(name, "out_features", out_features, least=1)
    return in_features * out_features + _biases(name, out_features, bias)


def linear_mac_count(input_shape, out_features):
    """Return the multiply-accumulate operations of a dense layer on the last axis, bias left out.

    Args:
        input_shape: (…, in_features).
        out_features: outputs.

    Returns:
        Rows · in_features · out_features, in MACs.

    Raises:
        ValueError: an argument is malformed.

    Source:
        Goodfellow, Bengio & Courville (2016), Deep Learning, section 6.1.

    >>> linear_mac_count((1, 150528), 1000)
    150528000
    """
    shape = sizes("linear_mac_count", "input_shape", input_shape)
    if not shape:
        raise ValueError("linear_mac_count: input_shape must have at least one axis, got ()")
    return prod(shape) * whole("linear_mac_count", "out_features", out_features, least=1)


def patch_token_count(size, patch_size):
    """Return how many patches an image is cut into, the class token not counted.

    Args:
        size: an int for a square image, or (H, W), in pixels.
        patch_size: an int for a square patch, or (H, W), in pixels; it must divide the size.

    Returns:
        The number of tokens.

    Raises:
        ValueError: an argument is malformed or the patches leave pixels over.

    Source:
        Dosovitskiy et al. (2021), An Image is Worth 16x16 Words, section 3.1: N = HW / P².

    >>> patch_token_count(224, 16)
    196
    """
    name = "patch_token_count"
    size, patch_size = per_axis(name, "size", size, 2, least=1), per_axis(name, "patch_size", patch_size, 2, least=1)
    if any(n % p for n, p in zip(size, patch_size, strict=True)):
        raise ValueError(f"{name}: patch_size must divide the size {size}, got {patch_size}")
    return prod(n // p for n, p in zip(size, patch_size, strict=True))


def _biases(function, count, bias):
    if not isinstance(bias, bool):
        raise ValueError(f"{function}: bias must be True or False, got {bias!r}")
    return count if bias else 0
