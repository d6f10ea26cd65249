import math
import random

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch.utils.flop_counter import FlopCounterMode, conv_flop_count

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
from cnnlib.shapes.convolution import Layer
from cnnlib.shapes.pooling import Pool

MODULES = {1: torch.nn.Conv1d, 2: torch.nn.Conv2d, 3: torch.nn.Conv3d}
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
    """Return the shape that PyTorch computes, or None where it refuses."""
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


def by_axis(function, shape, kernel_size, **options):
    """Return what the function for one axis computes for each axis."""
    axes = len(shape) - 2
    rows = [{name: spread(value, axes)[axis] for name, value in options.items()} for axis in range(axes)]
    return tuple(function(n, k, **row) for n, k, row in zip(shape[2:], spread(kernel_size, axes), rows, strict=True))


def layer_of_pytorch(shape, out_channels, kernel_size, options, *, bias):
    """Return (parameters, output shape, FLOPs) of PyTorch's module on the meta device, None for what it refuses."""
    try:
        module = MODULES[len(shape) - 2](shape[1], out_channels, kernel_size, bias=bias, device="meta", **options)
    except ValueError:  # groups that do not divide the channels, "same" with a stride
        return None, None, None
    output = torch_shape(module, torch.empty(shape, device="meta"))
    flops = output and conv_flop_count(shape, module.weight.shape, output)
    return sum(parameter.numel() for parameter in module.parameters()), output, flops


def test_10_000_convolutions_agree_with_pytorch():
    rng, refused = random.Random(0), 0
    for _ in range(10_000):
        shape, out_channels, kernel_size, options = random_layer(rng)
        if rng.random() < 0.1:
            options["groups"] = rng.randint(1, 4)
        bias, kernel, groups = rng.random() < 0.5, spread(kernel_size, len(shape) - 2), options["groups"]
        parameters, right, flops = layer_of_pytorch(shape, out_channels, kernel_size, options, bias=bias)
        case = (shape, out_channels, kernel_size, options)
        assert ours(conv_output_shape, shape, out_channels, kernel_size, **options) == right, case
        assert ours(conv_mac_count, shape, out_channels, kernel_size, **options) == (flops and flops / 2), case
        counted = ours(conv_parameter_count, shape[1], out_channels, kernel, groups=groups, bias=bias)
        if parameters is None:
            assert counted is None or (options["padding"] == "same" and set(spread(options["stride"], 1)) != {1}), case
        else:
            assert counted == parameters, case
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

        def option(*values, axes=axes):
            return rng.choice(values) if rng.random() < 0.7 else tuple(rng.choice(values) for _ in range(axes))

        kernel_size = option(1, 2, 3, 4, 5)
        options = {"stride": rng.choice([None, option(1, 2, 3)]), "padding": option(0, 0, 1, 2),
                   "dilation": option(1, 1, 2), "ceil_mode": rng.random() < 0.5}
        x = torch.zeros(shape)
        right = torch_shape(MAX_POOL[axes], x, kernel_size, **options)
        assert ours(pool_output_shape, shape, kernel_size, **options) == right, (shape, kernel_size, options)
        assert right is None or by_axis(pool_output_size, shape, kernel_size, **options) == right[2:]
        refused += right is None
    assert refused > 500


def test_10_000_transposed_convolutions_agree_with_pytorch():
    rng, refused = random.Random(3), 0
    for _ in range(10_000):
        axes, groups = rng.randint(1, 3), rng.choice([1, 2])
        shape = (1, groups, *(rng.randint(1, 4) for _ in range(axes)))

        def option(low, high, axes=axes):
            return rng.randint(low, high) if rng.random() < 0.7 else tuple(rng.randint(low, high) for _ in range(axes))

        options = {"stride": option(1, 3), "padding": option(0, 3), "output_padding": option(0, 2),
                   "groups": groups, "dilation": option(1, 2)}
        out_channels, kernel_size = 2 * groups, option(1, 3)
        weight = torch.zeros(shape[1], out_channels // groups, *spread(kernel_size, axes))
        right = torch_shape(TRANSPOSED[axes], torch.zeros(shape), weight, **options)
        right = None if right and min(right) < 1 else right
        assert ours(conv_transpose_output_shape, shape, out_channels, kernel_size, **options) == right, (shape, options)
        del options["groups"]
        assert right is None or by_axis(conv_transpose_output_size, shape, kernel_size, **options) == right[2:]
        refused += right is None
    assert 1_000 < refused < 9_000


@pytest.mark.parametrize(("size", "kernel_size", "options", "right"), [
    (224, 3, {"padding": 1}, 224), (224, 3, {"padding": 1, "stride": 2}, 112), (224, 5, {"padding": 2}, 224),
    (224, 7, {"padding": 3, "stride": 2}, 112), (7, 3, {"padding": 1, "stride": 2}, 4), (8, 4, {"padding": 2}, 9),
    (8, 3, {"padding": 1, "dilation": 2}, 6), (5, 2, {"stride": 3}, 2), (240, 5, {"padding": 2, "stride": 3}, 80),
    (3, 2, {}, 2), (8, 3, {"padding": 1}, 8), (8, 3, {"padding": 1, "stride": 2}, 4),
])
def test_sizes_of_the_handbook(size, kernel_size, options, right):
    assert conv_output_size(size, kernel_size, **options) == right


def test_shapes_and_counts_of_the_handbook():
    assert conv_output_shape((1, 3, 5, 5), 4, 3) == (1, 4, 3, 3)
    assert conv_output_shape((1, 2, 3, 3), 3, 2) == (1, 3, 2, 2)
    assert conv_output_shape((1, 1, 8, 5, 5), 1, 3) == (1, 1, 6, 3, 3)  # in 3-D the filter slides along the depth too
    assert conv_output_shape((1, 256, 28, 28), 64, 1) == (1, 64, 28, 28)
    assert conv_output_shape((1, 3, 32, 32), 64, 3, padding=1) == (1, 64, 32, 32)
    assert conv_output_shape((1, 1, 8, 8), 1, 3, padding=(1, 2)) == (1, 1, 8, 10)
    assert conv_parameter_count(256, 64, 1, bias=False) == 16_384
    assert conv_parameter_count(4, 1, 1, bias=False) == 4
    assert conv_mac_count((1, 128, 28, 28), 256, 3, padding=1) == 231_211_008
    assert receptive_field([(3, 1, 0), (2, 2, 0), (3, 1, 0), (2, 2, 0)])[-1].size == 10


def test_numpy_integers_and_lists_are_fine():
    three = np.int32(3)
    assert conv_output_size(np.int64(7), three, stride=np.uint8(2)) == 3
    assert conv_output_shape([1, three, 8, 8], np.int16(4), [3, three], padding=[1, 0]) == (1, 4, 8, 6)
    assert type(conv_output_size(np.uint8(200), np.uint8(3), padding=np.uint8(100))) is int  # nothing wraps at 256
    assert conv_output_size(np.uint8(200), np.uint8(3), padding=np.uint8(100)) == 398


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


def test_padded_shape_is_that_of_the_padded_input():
    layer = Layer.parse("f", (2, 3, 8, 9), 4, (2, 3), 1, "same", 1, 1)
    assert layer.padding == ((0, 1), (1, 1))
    assert layer.padded == tuple(F.pad(torch.ones(2, 3, 8, 9), (1, 1, 0, 1)).shape)


def test_options_that_are_not_given_are_those_of_pytorch():
    x, weight = torch.zeros(1, 3, 7, 7), torch.zeros(3, 4, 3, 3)
    assert pool_output_shape(tuple(x.shape), 2) == tuple(F.max_pool2d(x, 2).shape)
    assert conv_transpose_output_shape(tuple(x.shape), 4, 3) == tuple(F.conv_transpose2d(x, weight).shape)
    assert conv_output_shape(tuple(x.shape), 4, 3) == tuple(F.conv2d(x, weight.transpose(0, 1)).shape)
    assert (pool_output_size(7, 2), conv_transpose_output_size(7, 3), conv_output_size(7, 3)) == (3, 9, 5)
    assert patch_token_count(1, 1) == 1


def test_pool_reaches_to_the_last_tap_of_its_last_window():
    rng = random.Random(6)
    for _ in range(2_000):
        size, k, s, d = rng.randint(1, 12), rng.randint(1, 5), rng.randint(1, 4), rng.randint(1, 2)
        p, ceil_mode = rng.randint(0, k // 2), rng.random() < 0.5
        pool = ours(Pool.parse, "f", (2, 3, size), k, s, p, d, ceil_mode)
        if pool:
            taps = [window * s + tap * d - p for window in range(pool.output[0]) for tap in range(k)]
            assert pool.reached == ((p, max(p, max(taps) - size + 1)),), (size, k, s, p, d, ceil_mode)
            assert pool.padded == (2, 3, size + sum(pool.reached[0]))
            assert (pool.kernel_size, pool.stride, pool.padding, pool.dilation) == ((k,), (s,), (p,), (d,))


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


def test_every_public_name_is_documented_with_an_example():
    for name in shapes.__all__:
        assert getattr(shapes, name).__doc__.count(">>>") or name == "FieldRow", name
