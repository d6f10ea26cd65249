import math
import random

import pytest
import torch
import torch.nn.functional as F
from torch.utils.flop_counter import FlopCounterMode

from cnnlib import shapes
from cnnlib.shapes import (
    conv_mac_count,
    conv_output_shape,
    conv_output_size,
    conv_parameter_count,
    conv_transpose_output_shape,
    conv_transpose_output_size,
    linear_mac_count,
    linear_parameter_count,
    patch_token_count,
    pool_output_shape,
    pool_output_size,
    receptive_field,
    same_padding,
)

CONV = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
TRANSPOSED = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}
MAX_POOL = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}


def random_layer(rng):
    """Return (input_shape, out_channels, kernel_size, options) of a convolution that may or may not fit."""
    axes, groups = rng.randint(1, 3), rng.choice([1, 1, 1, 2, 3])

    def option(low, high):
        return rng.randint(low, high) if rng.random() < 0.5 else tuple(rng.randint(low, high) for _ in range(axes))

    shape = (rng.randint(1, 3), groups * rng.randint(1, 4), *(rng.randint(1, 20) for _ in range(axes)))
    options = {"stride": option(1, 4), "padding": option(0, 4), "dilation": option(1, 3), "groups": groups}
    if rng.random() < 0.1:
        options["padding"] = rng.choice(["same", "valid"])
    return shape, groups * rng.randint(1, 4), option(1, 6), options


def torch_shape(function, *arguments, **options):
    """Return the shape that PyTorch computes on the meta device, or None where it refuses."""
    try:
        return tuple(function(*arguments, **options).shape)
    except (RuntimeError, NotImplementedError):
        return None


def ours(function, *arguments, **options):
    """Return what cnnlib computes, or None where it refuses."""
    try:
        return function(*arguments, **options)
    except ValueError:
        return None


def spread(value, axes):
    """Return one number for each axis."""
    return value if isinstance(value, tuple) else (value,) * axes


def test_10_000_convolutions_agree_with_pytorch():
    rng, refused = random.Random(0), 0
    for _ in range(10_000):
        shape, out_channels, kernel_size, options = random_layer(rng)
        axes, kernel = len(shape) - 2, spread(kernel_size, len(shape) - 2)
        x = torch.empty(shape, device="meta")
        weight = torch.empty(out_channels, shape[1] // options["groups"], *kernel, device="meta")
        right = torch_shape(CONV[axes], x, weight, **options)
        case = (shape, out_channels, kernel_size, options)
        assert ours(conv_output_shape, shape, out_channels, kernel_size, **options) == right, case
        parameters = conv_parameter_count(shape[1], out_channels, kernel, groups=options["groups"], bias=False)
        assert parameters == weight.numel(), case
        macs = right and math.prod(right) * weight[0].numel()
        assert ours(conv_mac_count, shape, out_channels, kernel_size, **options) == macs, case
        refused += right is None
    assert 1_000 < refused < 6_000  # both answers are well tried


def test_macs_are_half_the_flops_that_pytorch_counts():
    rng = random.Random(1)
    for _ in range(100):
        shape, out_channels, kernel_size, options = random_layer(rng)
        if ours(conv_output_shape, shape, out_channels, kernel_size, **options) is None:
            continue
        kernel = spread(kernel_size, len(shape) - 2)
        weight = torch.empty(out_channels, shape[1] // options["groups"], *kernel, device="meta")
        with FlopCounterMode(display=False) as counter:
            CONV[len(shape) - 2](torch.empty(shape, device="meta"), weight, **options)
        assert conv_mac_count(shape, out_channels, kernel_size, **options) == counter.get_total_flops() / 2


def test_parameters_with_bias_are_those_of_the_module():
    layer = torch.nn.Conv2d(32, 64, 3)
    assert conv_parameter_count(32, 64, 3) == sum(p.numel() for p in layer.parameters()) == 18_496
    assert conv_parameter_count(3, 10, (3, 3), bias=False) == 270
    assert linear_parameter_count(512, 10) == sum(p.numel() for p in torch.nn.Linear(512, 10).parameters()) == 5_130


def test_10_000_poolings_agree_with_pytorch():
    rng, refused = random.Random(2), 0
    for _ in range(10_000):
        axes = rng.randint(1, 3)
        shape = (1, 2, *(rng.randint(1, 16) for _ in range(axes)))
        options = {"stride": rng.choice([None, 1, 2, 3]), "padding": rng.randint(0, 2),
                   "dilation": rng.choice([1, 1, 2]), "ceil_mode": rng.random() < 0.5}
        kernel_size = rng.randint(1, 5)
        x = torch.zeros(shape)
        right = torch_shape(MAX_POOL[axes], x, kernel_size, **options)
        assert ours(pool_output_shape, shape, kernel_size, **options) == right, (shape, kernel_size, options)
        refused += right is None
    assert refused > 500


def test_transposed_convolutions_agree_with_pytorch():
    rng, refused = random.Random(3), 0
    for _ in range(3_000):
        axes, groups = rng.randint(1, 3), rng.choice([1, 2])
        shape = (1, 2 * groups, *(rng.randint(1, 8) for _ in range(axes)))
        options = {"stride": rng.randint(1, 3), "padding": rng.randint(0, 3), "output_padding": rng.randint(0, 2),
                   "groups": groups, "dilation": rng.randint(1, 2)}
        out_channels, kernel_size = 3 * groups, rng.randint(1, 4)
        weight = torch.zeros(shape[1], out_channels // groups, *(kernel_size,) * axes)
        right = torch_shape(TRANSPOSED[axes], torch.zeros(shape), weight, **options)
        right = None if right and min(right) < 1 else right
        assert ours(conv_transpose_output_shape, shape, out_channels, kernel_size, **options) == right, (shape, options)
        refused += right is None
    assert refused > 100


@pytest.mark.parametrize(("size", "kernel_size", "options", "right"), [
    (224, 3, {"padding": 1}, 224), (224, 3, {"padding": 1, "stride": 2}, 112), (224, 5, {"padding": 2}, 224),
    (224, 7, {"padding": 3, "stride": 2}, 112), (7, 3, {"padding": 1, "stride": 2}, 4), (8, 4, {"padding": 2}, 9),
    (8, 3, {"padding": 1, "dilation": 2}, 6), (5, 2, {"stride": 3}, 2), (240, 5, {"padding": 2, "stride": 3}, 80),
])
def test_sizes_of_the_handbook(size, kernel_size, options, right):
    assert conv_output_size(size, kernel_size, **options) == right


def test_tempting_formulas_are_wrong():
    def with_ceil(n, k, s, p, d):
        return math.ceil((n + 2 * p - d * (k - 1) - 1) / s) + 1

    def padding_in_total(n, k, s, p, d):
        return (n + p - d * (k - 1) - 1) // s + 1

    def without_dilation(n, k, s, p, d):
        return (n + 2 * p - k) // s + 1

    case = {"stride": 2, "padding": 2, "dilation": 2}
    right = F.conv1d(torch.zeros(1, 1, 10), torch.zeros(1, 1, 3), **case).shape[-1]
    assert conv_output_size(10, 3, **case) == right
    assert right not in {wrong(10, 3, *case.values()) for wrong in (with_ceil, padding_in_total, without_dilation)}


def test_same_padding_keeps_the_size_also_for_even_kernels():
    for kernel_size in range(1, 8):
        for dilation in (1, 2, 3):
            before, after = same_padding(kernel_size, dilation=dilation)
            x, weight = torch.arange(1.0, 12).reshape(1, 1, 11), torch.rand(1, 1, kernel_size)
            padded = F.conv1d(F.pad(x, (before, after)), weight, dilation=dilation)
            assert torch.allclose(padded, F.conv1d(x, weight, padding="same", dilation=dilation))
    assert same_padding(4) == (1, 2) and conv_output_size(8, 4, padding=4 // 2) == 9  # K // 2 is not it


def test_dense_layers_and_tokens():
    assert linear_mac_count((5, 7, 64), 10) == 5 * 7 * 64 * 10
    assert linear_parameter_count(150_528, 1000, bias=False) == 150_528_000
    assert [patch_token_count(224, 16), patch_token_count(224, 32), patch_token_count((32, 48), (16, 8))] == [
        196, 49, 12]
    patches = torch.nn.Conv2d(3, 8, 16, stride=16)(torch.zeros(1, 3, 64, 48)).shape
    assert patch_token_count((64, 48), 16) == patches[2] * patches[3]


def test_receptive_field_is_where_the_gradient_is():
    rng = random.Random(4)
    for _ in range(100):
        depth = rng.randint(1, 4)
        layers = [(rng.randint(1, 4), rng.randint(1, 3), rng.randint(0, 2), rng.randint(1, 2)) for _ in range(depth)]
        last = receptive_field(layers)[-1]
        x = torch.ones(1, 1, 400, dtype=torch.float64, requires_grad=True)
        y = x
        for k, s, p, d in layers:
            y = F.conv1d(y, torch.ones(1, 1, k, dtype=torch.float64), stride=s, padding=p, dilation=d)
        middle = y.shape[-1] // 2
        touched = torch.autograd.grad(y[0, 0, middle], x, retain_graph=True)[0][0, 0].nonzero().flatten()
        neighbor = torch.autograd.grad(y[0, 0, middle + 1], x)[0][0, 0].nonzero().flatten()
        assert last.size == touched[-1] - touched[0] + 1, layers
        assert last.jump == neighbor[0] - touched[0], layers
        assert last.start + middle * last.jump == (touched[-1] + touched[0]) / 2, layers
    assert [receptive_field([(3, 1, 0)] * n)[-1].size for n in (2, 3)] == [5, 7]


BAD = [
    (conv_output_size, (0, 3), {}, "conv_output_size: size must be a whole number of at least 1, got 0"),
    (conv_output_size, (7.0, 3), {}, "conv_output_size: size must be a whole number of at least 1, got 7.0"),
    (conv_output_size, (float("nan"), 3), {}, "conv_output_size: size must be a whole number of at least 1, got nan"),
    (conv_output_size, ("7", 3), {}, "conv_output_size: size must be a whole number of at least 1, got '7'"),
    (conv_output_size, (None, 3), {}, "conv_output_size: size must be a whole number of at least 1, got None"),
    (conv_output_size, (True, 1), {}, "conv_output_size: size must be a whole number of at least 1, got True"),
    (conv_output_size, (7, 0), {}, "conv_output_size: kernel_size must be a whole number of at least 1, got 0"),
    (conv_output_size, (7, 3), {"stride": 0}, "conv_output_size: stride must be a whole number of at least 1, got 0"),
    (conv_output_size, (7, 3), {"padding": -1},
     "conv_output_size: padding must be a whole number of at least 0, got -1"),
    (conv_output_size, (7, 3), {"dilation": 0},
     "conv_output_size: dilation must be a whole number of at least 1, got 0"),
    (conv_output_size, (3, 5), {},
     "conv_output_size: the kernel must fit into the 3 pixels of the padded input, got 5 pixels"),
    (conv_output_size, (5, 3), {"dilation": 3},
     "conv_output_size: the kernel must fit into the 5 pixels of the padded input, got 7 pixels"),
    (conv_output_shape, ((3, 8), 4, 3), {},
     "conv_output_shape: input_shape must be (N, C, L), (N, C, H, W) or (N, C, D, H, W), got (3, 8)"),
    (conv_output_shape, (8, 4, 3), {}, "conv_output_shape: input_shape must be a tuple of whole numbers, got 8"),
    (conv_output_shape, ("1388", 4, 3), {},
     "conv_output_shape: input_shape must be a tuple of whole numbers, got '1388'"),
    (conv_output_shape, ((1, 3, 8, 0), 4, 3), {},
     "conv_output_shape: input_shape must be a whole number of at least 1, got 0"),
    (conv_output_shape, ((1, 3, 8, 8), 4, (3, 3, 3)), {},
     "conv_output_shape: kernel_size must be one number or 2, one for each axis, got (3, 3, 3)"),
    (conv_output_shape, ((1, 3, 8, 8), 4, 3), {"groups": 2},
     "conv_output_shape: groups must divide in_channels = 3, got 2"),
    (conv_output_shape, ((1, 4, 8, 8), 6, 3), {"groups": 4},
     "conv_output_shape: groups must divide out_channels = 6, got 4"),
    (conv_output_shape, ((1, 3, 8, 8), 4, 3), {"padding": "same", "stride": 2},
     'conv_output_shape: padding "same" needs stride 1, got (2, 2)'),
    (conv_output_shape, ((1, 3, 8, 8), 4, 3), {"padding": "full"},
     "conv_output_shape: padding must be a number, a tuple, \"valid\" or \"same\", got 'full'"),
    (conv_mac_count, ((1, 3, 2, 2), 4, 3), {},
     "conv_mac_count: the kernel must fit into the 2 pixels of the padded input, got 3 pixels"),
    (conv_parameter_count, (0, 4, 3), {},
     "conv_parameter_count: in_channels must be a whole number of at least 1, got 0"),
    (conv_parameter_count, (4, 4, 3), {"bias": 1}, "conv_parameter_count: bias must be True or False, got 1"),
    (conv_transpose_output_size, (4, 3), {"output_padding": 1},
     "conv_transpose_output_size: output_padding must be smaller than the stride 1 or the dilation 1, got 1"),
    (conv_transpose_output_size, (1, 1), {"padding": 1},
     "conv_transpose_output_size: the padding must leave at least one output pixel, got -1"),
    (pool_output_size, (8, 3), {"padding": 2},
     "pool_output_size: padding must be at most half of kernel_size = 3, got 2"),
    (pool_output_size, (8, 2), {"ceil_mode": "yes"}, "pool_output_size: ceil_mode must be True or False, got 'yes'"),
    (pool_output_size, (2, 3), {},
     "pool_output_size: the window must fit into the 2 pixels of the padded input, got 3 pixels"),
    (same_padding, (0,), {}, "same_padding: kernel_size must be a whole number of at least 1, got 0"),
    (linear_parameter_count, (3, -1), {},
     "linear_parameter_count: out_features must be a whole number of at least 1, got -1"),
    (linear_mac_count, ((), 10), {}, "linear_mac_count: input_shape must have at least one axis, got ()"),
    (patch_token_count, (224, 15), {}, "patch_token_count: patch_size must divide the size (224, 224), got (15, 15)"),
    (receptive_field, ([],), {},
     "receptive_field: layers must be a list of (kernel_size, stride, padding[, dilation]), got []"),
    (receptive_field, ([(3, 1)],), {},
     "receptive_field: a layer must be (kernel_size, stride, padding[, dilation]), got (3, 1)"),
    (receptive_field, ([(3, 0, 1)],), {}, "receptive_field: stride must be a whole number of at least 1, got 0"),
]


@pytest.mark.parametrize(("function", "arguments", "options", "message"), BAD)
def test_bad_input_gets_the_rule_and_the_value(function, arguments, options, message):
    with pytest.raises(ValueError) as caught:
        function(*arguments, **options)
    assert str(caught.value) == message


def test_every_public_name_is_there():
    assert all(callable(getattr(shapes, name)) for name in shapes.__all__)
