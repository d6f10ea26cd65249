import random

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from cnnlib.scratch import _windows, conv1d, conv2d, conv2d_v5, conv3d, convolve2d
from tests.test_shapes import random_layer, spread

TOLERANCE = {np.float32: 1e-4, np.float64: 1e-9}  # of the largest value


def close(ours, right):
    """Say whether two arrays agree in shape, type and, relative to the largest value, in numbers."""
    limit = TOLERANCE[ours.dtype.type] * max(1e-30, np.abs(right).max())
    return ours.shape == right.shape and ours.dtype == right.dtype and np.abs(ours - right).max() <= limit


def compare(ours, judge, axes, rng, numbers):
    """Compare one random layer; say whether PyTorch refused it."""
    while len((layer := random_layer(rng))[0]) != axes + 2:
        pass
    shape, out_channels, kernel_size, options = layer
    kind = rng.choice([np.float32, np.float64])
    x = numbers.normal(size=shape).astype(kind)
    weight = numbers.normal(size=(out_channels, shape[1] // options["groups"], *spread(kernel_size, axes))).astype(kind)
    bias = numbers.normal(size=out_channels).astype(kind) if rng.random() < 0.5 else None
    tensors = [None if array is None else torch.from_numpy(array) for array in (x, weight, bias)]
    try:
        right = judge(*tensors, **options).numpy()
    except RuntimeError:
        with pytest.raises(ValueError):
            ours(x, weight, bias, **options)
        return True
    assert close(ours(x, weight, bias, **options), right), (shape, weight.shape, options, kind)
    return False


@pytest.mark.parametrize("tile", [1, 1_000, _windows.TILE])  # a row at a time, some rows, everything at once
@pytest.mark.parametrize(("ours", "judge", "axes"), [(conv1d, F.conv1d, 1), (conv2d, F.conv2d, 2),
                                                     (conv3d, F.conv3d, 3)])
def test_1_000_random_layers_agree_with_pytorch(monkeypatch, ours, judge, axes, tile):
    monkeypatch.setattr(_windows, "TILE", tile)
    rng, numbers = random.Random(axes), np.random.default_rng(axes)
    compared = sum(not compare(ours, judge, axes, rng, numbers) for _ in range(1_750))
    assert 1_000 <= compared <= 1_650  # number by number; the others are refused by both


@pytest.mark.parametrize("groups", [1, 4, 32])
def test_layers_larger_than_a_tile_agree_with_pytorch(groups):
    numbers = np.random.default_rng(groups)
    x = numbers.normal(size=(2, 32, 61, 47)).astype(np.float32)
    weight = numbers.normal(size=(64, 32 // groups, 3, 5)).astype(np.float32)
    assert x.size * 15 * 4 > 10 * _windows.TILE
    for options in ({"padding": (1, 2)}, {"stride": (2, 3), "dilation": (3, 1)}, {"padding": "same"}):
        right = F.conv2d(torch.from_numpy(x), torch.from_numpy(weight), groups=groups, **options).numpy()
        assert close(conv2d(x, weight, groups=groups, **options), right)


def test_one_by_one_is_a_dense_layer_for_each_pixel():
    numbers = np.random.default_rng(0)
    x, first, second = numbers.normal(size=(2, 3, 5, 4)), numbers.normal(size=(6, 3)), numbers.normal(size=(2, 6))
    y = conv2d(x, first[:, :, None, None])
    np.testing.assert_allclose(y, np.einsum("oc,nchw->nohw", first, x), atol=1e-12)
    both = conv2d(x, (second @ first)[:, :, None, None])  # two of them without an activation are one
    np.testing.assert_allclose(conv2d(y, second[:, :, None, None]), both, atol=1e-12)


def test_same_puts_the_larger_half_after():
    x, weight = np.arange(1.0, 6).reshape(1, 1, 5), np.array([[[1.0, 10]]])
    right = F.conv1d(torch.tensor(x), torch.tensor(weight), padding="same").tolist()
    assert conv1d(x, weight, padding="same").tolist() == right == [[[21, 32, 43, 54, 5]]]
    before = np.pad(x, [(0, 0), (0, 0), (1, 0)])  # the mistake: the odd pixel on the left
    assert conv1d(before, weight).tolist() == [[[10, 21, 32, 43, 54]]]


@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 3), st.integers(1, 4), st.integers(1, 3), st.integers(0, 2),
       st.randoms(use_true_random=False))
def test_fast_agrees_with_the_loops(batch, in_channels, out_channels, kernel_size, stride, padding, rng):
    numbers = np.random.default_rng(rng.getrandbits(32))
    x = numbers.normal(size=(batch, in_channels, kernel_size + rng.randint(0, 4), kernel_size + rng.randint(0, 4)))
    weight = numbers.normal(size=(out_channels, in_channels, kernel_size, kernel_size))
    slow = conv2d_v5(x, weight, stride=stride, padding=padding)
    np.testing.assert_allclose(conv2d(x, weight, stride=stride, padding=padding), slow, atol=1e-12)


def test_flipped_filter_is_wrong_unflipped_is_right():
    numbers = np.random.default_rng(0)
    x, weight = numbers.normal(size=(2, 3, 8, 7)), numbers.normal(size=(4, 3, 3, 2))
    right = F.conv2d(torch.tensor(x), torch.tensor(weight)).numpy()
    assert close(conv2d(x, weight), right)
    assert not close(conv2d(x, weight[:, :, ::-1, ::-1]), right)  # a true convolution


def test_filters_of_the_other_group_are_wrong():
    numbers = np.random.default_rng(0)
    x, weight = numbers.normal(size=(1, 4, 6, 6)), numbers.normal(size=(6, 2, 3, 3))
    right = F.conv2d(torch.tensor(x), torch.tensor(weight), groups=2).numpy()
    assert close(conv2d(x, weight, groups=2), right)
    assert not close(conv2d(x, np.roll(weight, 3, axis=0), groups=2), right)


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_float_type_is_kept(kind):
    x, weight = np.full((1, 3, 5, 5), 0.1, kind), np.full((2, 3, 3, 3), 0.1, kind)
    right = F.conv2d(torch.from_numpy(x), torch.from_numpy(weight)).numpy()
    y = conv2d(x, weight)
    assert y.dtype == kind
    np.testing.assert_allclose(y, right, rtol=1e-3)


def test_half_precision_is_rounded_once_at_the_end():
    x, weight = np.ones((1, 2049, 1, 1), np.float16), np.ones((1, 2049, 1, 1), np.float16)
    assert np.float16(2049) + np.float16(1) == 2048  # the mistake: half precision has no 2049
    assert conv2d(x, weight, np.ones(1, np.float16)).item() == 2050


def test_whole_numbers_are_computed_as_float64():
    y = conv2d(np.full((1, 1, 3, 3), 200, np.uint8), np.full((1, 1, 3, 3), 2, np.int8))
    assert y.dtype == np.float64 and y.item() == 3600  # in 8 bits it would wrap around


def test_arguments_are_not_changed_and_views_work():
    big = np.random.default_rng(0).normal(size=(2, 3, 12, 12))
    x, weight = big[:, :, ::2, ::-1], np.random.default_rng(1).normal(size=(3, 3, 2, 2)).swapaxes(0, 1)
    before = x.copy(), weight.copy()
    y = conv2d(x, weight, np.ones(3), padding=1)
    assert np.array_equal(x, before[0]) and np.array_equal(weight, before[1])
    np.testing.assert_allclose(y, conv2d(*before, np.ones(3), padding=1))
    y[:] = 0  # the result is nobody else's memory
    assert np.array_equal(x, before[0])


def test_one_by_one_result_shares_no_memory_with_the_input():
    x = np.ones((1, 1, 3, 3))
    y = conv2d(x, np.ones((1, 1, 1, 1)))
    y[:] = 7
    assert np.all(x == 1)


@pytest.mark.parametrize("mode", ["valid", "same", "full"])
def test_convolve2d_is_the_flipped_kernel_in_scipys_modes(mode):
    numbers = np.random.default_rng(0)
    for _ in range(50):
        x = numbers.normal(size=numbers.integers(4, 9, 2))
        weight = numbers.normal(size=numbers.integers(1, 5, 2))
        full = np.zeros(np.add(x.shape, weight.shape) - 1)  # the definition: every pixel spreads the kernel
        for row, col in np.ndindex(*x.shape):
            full[row:row + weight.shape[0], col:col + weight.shape[1]] += x[row, col] * weight
        border = np.array(weight.shape) - 1
        cut = {"full": np.zeros(2, int), "same": border // 2, "valid": border}[mode]
        size = {"full": full.shape, "same": x.shape, "valid": np.subtract(x.shape, weight.shape) + 1}[mode]
        right = full[cut[0]:cut[0] + size[0], cut[1]:cut[1] + size[1]]
        np.testing.assert_allclose(convolve2d(x, weight, mode=mode), right, atol=1e-12)


def test_worked_examples():
    nine, four = np.arange(9).reshape(3, 3), np.arange(4).reshape(2, 2)
    assert conv2d(nine[None, None], four[None, None])[0, 0].tolist() == [[19, 25], [37, 43]]
    assert convolve2d(nine, four).tolist() == [[5, 11], [23, 29]]  # some texts print 24
    image = [[1, 2, 0, 1, 3], [4, 5, 6, 7, 8], [1, 0, 1, 2, 3], [4, 2, 3, 4, 5], [1, 1, 0, 1, 2]]
    assert convolve2d(image, [[1, 0, 1], [0, 1, 0], [1, 0, 1]]).tolist() == [[8, 11, 14], [17, 19, 24], [5, 7, 10]]
    assert convolve2d(image, [[1, 0, -1]] * 3).tolist() == [[1, 3, 7], [1, 6, 6], [-2, 4, 6]]
    edges = np.array([[1, 1, 0, 0, 0, 0, 1, 1]] * 6)
    assert conv2d(edges[None, None], [[[[1, -1]]]])[0, 0].tolist() == [[0, 1, 0, 0, 0, -1, 0]] * 6
    assert convolve2d(edges, [[1, -1]]).tolist() == [[0, -1, 0, 0, 0, 1, 0]] * 6  # the flip turns the sign


X, WEIGHT = np.ones((1, 4, 5, 5)), np.ones((6, 4, 3, 3))
BAD = [
    (conv2d, (X, WEIGHT[:, :2]), {}, "conv2d: weight must have x.shape[1] / groups = 4 input channels, got 2"),
    (conv2d, (X, WEIGHT), {"groups": 2}, "conv2d: weight must have x.shape[1] / groups = 2 input channels, got 4"),
    (conv2d, (X, WEIGHT), {"groups": 3}, "conv2d: groups must divide in_channels = 4, got 3"),
    (conv2d, (X, WEIGHT), {"groups": 0}, "conv2d: groups must be a whole number of at least 1, got 0"),
    (conv2d, (X[:, :2], WEIGHT[:5, :1]), {"groups": 2}, "conv2d: groups must divide out_channels = 5, got 2"),
    (conv2d, (X[0], WEIGHT), {}, "conv2d: x must have 4 axes, got shape (4, 5, 5)"),
    (conv2d, (X, WEIGHT[0]), {}, "conv2d: weight must have 4 axes, got shape (4, 3, 3)"),
    (conv2d, (X[:0], WEIGHT), {}, "conv2d: x must not be empty, got shape (0, 4, 5, 5)"),
    (conv2d, ("picture", WEIGHT), {}, "conv2d: x must be an array of real numbers, got 'picture'"),
    (conv2d, (None, WEIGHT), {}, "conv2d: x must be an array of real numbers, got None"),
    (conv2d, ([[1, 2], [3]], WEIGHT), {}, "conv2d: x must be an array of real numbers, got [[1, 2], [3]]"),
    (conv2d, (X * 1j, WEIGHT), {}, "conv2d: x must be an array of real numbers, got an array of complex128"),
    (conv2d, (X > 0, WEIGHT), {}, "conv2d: x must be an array of real numbers, got an array of bool"),
    (conv2d, (X, WEIGHT, np.ones(5)), {}, "conv2d: bias must have one number for each of 6 filters, got 5"),
    (conv2d, (X, WEIGHT, np.ones((6, 1))), {}, "conv2d: bias must have 1 axes, got shape (6, 1)"),
    (conv2d, (X, WEIGHT), {"stride": 0}, "conv2d: stride must be a whole number of at least 1, got 0"),
    (conv2d, (X, WEIGHT), {"stride": 1.0}, "conv2d: stride must be a whole number of at least 1, got 1.0"),
    (conv2d, (X, WEIGHT), {"stride": (1, 2, 3)},
     "conv2d: stride must be one number or 2, one for each axis, got (1, 2, 3)"),
    (conv2d, (X, WEIGHT), {"padding": -1}, "conv2d: padding must be a whole number of at least 0, got -1"),
    (conv2d, (X, WEIGHT), {"padding": (1, "1")}, "conv2d: padding must be a whole number of at least 0, got '1'"),
    (conv2d, (X, WEIGHT), {"padding": "same", "stride": 2}, 'conv2d: padding "same" needs stride 1, got (2, 2)'),
    (conv2d, (X, WEIGHT), {"padding": "half"},
     "conv2d: padding must be a number, a tuple, \"valid\" or \"same\", got 'half'"),
    (conv2d, (X, WEIGHT), {"dilation": 0}, "conv2d: dilation must be a whole number of at least 1, got 0"),
    (conv2d, (X, WEIGHT), {"dilation": 3},
     "conv2d: the kernel must fit into the 5 pixels of the padded input, got 7 pixels"),
    (conv2d, (X, WEIGHT), {"padding": np.ones(2)},
     "conv2d: padding must be a whole number of at least 0, got array([1., 1.])"),
    (conv2d, (X, WEIGHT), {"stride": np.True_}, "conv2d: stride must be a whole number of at least 1, got np.True_"),
    (conv2d, (X, WEIGHT), {"stride": float("nan")}, "conv2d: stride must be a whole number of at least 1, got nan"),
    (conv3d, (X, WEIGHT), {}, "conv3d: x must have 5 axes, got shape (1, 4, 5, 5)"),
    (conv1d, (X, WEIGHT), {}, "conv1d: x must have 3 axes, got shape (1, 4, 5, 5)"),
    (conv1d, (X[0], WEIGHT[0]), {}, "conv1d: weight must have x.shape[1] / groups = 5 input channels, got 3"),
    (convolve2d, (X, WEIGHT), {}, "convolve2d: x must have 2 axes, got shape (1, 4, 5, 5)"),
    (convolve2d, (X[0, 0], WEIGHT[0, 0]), {"mode": "half"},
     "convolve2d: mode must be \"valid\", \"same\" or \"full\", got 'half'"),
    (convolve2d, (X[0, 0], WEIGHT[0, 0]), {"mode": ["same"]},
     "convolve2d: mode must be \"valid\", \"same\" or \"full\", got ['same']"),
    (convolve2d, (WEIGHT[0, 0], X[0, 0]), {},
     "convolve2d: the kernel must fit into the 3 pixels of the padded input, got 5 pixels"),
]


@pytest.mark.parametrize(("function", "arguments", "options", "message"), BAD)
def test_bad_input_gets_the_rule_and_the_value(function, arguments, options, message):
    with pytest.raises(ValueError) as caught:
        function(*arguments, **options)
    assert str(caught.value) == message


def test_no_padding_is_larger_than_a_memory():
    message = r"^conv2d: the padded x must have at most 1073741824 numbers, got the shape \(1, 1, 65537, 65537\)$"
    with pytest.raises(ValueError, match=message):
        conv2d([[[[1.0]]]], [[[[1.0]]]], padding=2**15)
