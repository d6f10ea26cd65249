import random

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from cnnlib.scratch import (
    _windows,
    conv2d,
    conv2d_backward,
    conv_transpose2d,
    conv_transpose2d_backward,
    numerical_gradient,
)
from tests.judge import KINDS, close, differences, refused
from tests.test_shapes import random_layer, spread


def layer(rng, numbers, *, transposed=False):
    """Return random arrays (x, weight, bias) and options of a 2-D layer."""
    while len((row := random_layer(rng))[0]) != 4:
        pass
    shape, out_channels, kernel_size, options = row
    if transposed:
        inputs, outputs = shape[1], out_channels // options["groups"]
        options["output_padding"] = rng.choice([0, 0, 1])
        if isinstance(options["padding"], str):
            options["padding"] = 0
    else:
        inputs, outputs = out_channels, shape[1] // options["groups"]
    kind = rng.choice(KINDS)
    sizes = shape, (inputs, outputs, *spread(kernel_size, 2)), (out_channels,)
    return [numbers.normal(size=size).astype(kind) for size in sizes], options


@pytest.mark.parametrize("tile", [1, 1_000, _windows.TILE])  # a row at a time, some rows, everything at once
@pytest.mark.parametrize(("ours", "backward", "judge"), [
    (conv2d, conv2d_backward, F.conv2d), (conv_transpose2d, conv_transpose2d_backward, F.conv_transpose2d)])
def test_500_random_layers_agree_with_pytorch(monkeypatch, ours, backward, judge, tile):
    monkeypatch.setattr(_windows, "TILE", tile)
    rng, numbers, compared = random.Random(tile), np.random.default_rng(tile), 0
    while compared < 500:
        arrays, options = layer(rng, numbers, transposed=ours is conv_transpose2d)
        wrong = differences(ours, backward, judge, arrays, numbers, options=options)
        assert not wrong, (wrong, [array.shape for array in arrays], options)
        compared += wrong is not None


@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 2), st.integers(0, 1), st.integers(1, 2), st.data())
def test_agrees_with_differences_of_the_forward_pass(kernel_size, stride, dilation, padding, groups, data):
    numbers = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    size = dilation * (kernel_size - 1) + 1 + data.draw(st.integers(0, 3))
    x, weight = numbers.normal(size=(1, 2, size, size)), numbers.normal(size=(2, 2 // groups, kernel_size, kernel_size))
    options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    grad_output = numbers.normal(size=conv2d(x, weight, **options).shape)
    grad_x, grad_weight, grad_bias = conv2d_backward(grad_output, x, weight, **options)
    for found, f, at in ((grad_x, lambda a: conv2d(a, weight, **options), x),
                         (grad_weight, lambda a: conv2d(x, a, **options), weight),
                         (grad_bias, lambda a: conv2d(x, weight, a, **options), np.zeros(2))):
        slope = numerical_gradient(lambda a, f=f: (f(a) * grad_output).sum(), at)
        np.testing.assert_allclose(found, slope, atol=1e-8)


def test_input_gradient_is_a_full_correlation_with_the_turned_kernel():
    numbers = np.random.default_rng(0)
    x, weight = numbers.normal(size=(2, 3, 6, 5)), numbers.normal(size=(4, 3, 3, 2))
    grad_output = numbers.normal(size=conv2d(x, weight).shape)
    right = conv2d_backward(grad_output, x, weight)[0]
    turned = weight.swapaxes(0, 1)[:, :, ::-1, ::-1]
    assert close(conv2d(grad_output, turned, padding=(2, 1)), right)
    assert not close(conv2d(grad_output, turned[:, :, ::-1, ::-1], padding=(2, 1)), right)  # not turned
    assert conv2d(grad_output, turned).shape != right.shape  # valid instead of full


def test_weight_gradient_is_a_correlation_of_input_and_gradient():
    numbers = np.random.default_rng(0)
    x, weight = numbers.normal(size=(1, 1, 6, 6)), numbers.normal(size=(1, 1, 3, 3))
    grad_output = numbers.normal(size=(1, 1, 4, 4))
    assert close(conv2d_backward(grad_output, x, weight)[1], conv2d(x, grad_output))
    strided = conv2d_backward(grad_output[:, :, :2, :2], x, weight, stride=2)[1]
    assert close(strided, conv2d(x[:, :, :5, :5], grad_output[:, :, :2, :2], dilation=2))  # holes, not steps
    assert not close(strided, conv2d(x, grad_output[:, :, :2, :2], stride=2)[:, :, :3, :3])


def test_pixels_that_no_window_reads_get_no_gradient():
    x, weight = np.ones((1, 1, 6, 6)), np.ones((1, 1, 2, 2))
    grad_x = conv2d_backward(np.ones((1, 1, 2, 2)), x, weight, stride=3)[0][0, 0]
    assert grad_x.tolist() == [[1, 1, 0, 1, 1, 0]] * 2 + [[0] * 6] + [[1, 1, 0, 1, 1, 0]] * 2 + [[0] * 6]


def test_transposed_convolution_undoes_the_shape_not_the_numbers():
    numbers = np.random.default_rng(0)
    x, weight = numbers.normal(size=(1, 2, 7, 7)), numbers.normal(size=(3, 2, 3, 3))
    y = conv2d(x, weight, stride=2)
    back = conv_transpose2d(y, weight, stride=2)
    assert back.shape == x.shape and not np.allclose(back, x)
    assert close(back, conv2d_backward(y, x, weight, stride=2)[0])


def test_overlapping_kernels_add_up_in_a_checkerboard():
    ones = np.ones((1, 1, 3, 3))
    y = conv_transpose2d(ones, np.ones((1, 1, 3, 3)), stride=2)[0, 0]
    assert y[3].tolist() == [1, 1, 2, 1, 2, 1, 1] and y[2].tolist() == [2, 2, 4, 2, 4, 2, 2]
    assert set(conv_transpose2d(ones, np.ones((1, 1, 2, 2)), stride=2).ravel()) == {1.0}  # no overlap


def test_an_infinite_weight_spoils_only_what_it_touches():
    x, weight = np.ones((1, 1, 2, 2)), np.array([[[[np.inf, 1.0], [1, 1]]]])
    right = F.conv_transpose2d(torch.tensor(x), torch.tensor(weight))
    assert np.array_equal(conv_transpose2d(x, weight), right)


def test_numpy_integers_are_numbers():
    x, weight = np.ones((1, 300, 2, 2)), np.ones((2, 150, 1, 1))
    assert conv2d_backward(np.ones((1, 2, 2, 2)), x, weight, groups=np.uint8(2))[0].shape == x.shape
    assert conv2d(np.ones((1, 1, 3, 3)), np.ones((1, 1, 1, 1)), stride=2**62).shape == (1, 1, 1, 1)


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64, np.uint8])
def test_types(kind):
    x, weight = np.ones((1, 1, 3, 3), kind), np.ones((1, 1, 2, 2), kind)
    expected = {np.float16: np.float32, np.uint8: np.float64}.get(kind, kind)
    for grad in conv2d_backward(np.ones((1, 1, 2, 2), kind), x, weight):
        assert grad.dtype == expected


def test_views_work():
    numbers = np.random.default_rng(0)
    x, weight = numbers.normal(size=(2, 3, 12, 12))[:, :, ::2, ::-1], numbers.normal(size=(3, 4, 2, 2)).swapaxes(0, 1)
    grad_output = numbers.normal(size=(2, 4, 5, 10))[..., ::2]
    tensors = [torch.tensor(array.copy(), requires_grad=True) for array in (x, weight)]
    F.conv2d(*tensors, padding=(0, 0))[..., :5].backward(torch.tensor(grad_output.copy()))
    x = x[..., :6]
    grad_x, grad_weight, _ = conv2d_backward(grad_output, x, weight)
    assert close(grad_x, tensors[0].grad[..., :6]) and close(grad_weight, tensors[1].grad)


GRAD, X, WEIGHT = np.ones((1, 2, 2, 2)), np.ones((1, 4, 3, 3)), np.ones((2, 4, 2, 2))


@pytest.mark.parametrize(("function", "arguments", "options", "message"), [
    (conv2d_backward, (GRAD[:, :1], X, WEIGHT), {},
     "conv2d_backward: grad_output must have the shape (1, 2, 2, 2), got (1, 1, 2, 2)"),
    (conv2d_backward, (GRAD, X, WEIGHT[:, :2]), {},
     "conv2d_backward: weight must have x.shape[1] / groups = 4 input channels, got 2"),
    (conv2d_backward, (GRAD, X[0], WEIGHT), {}, "conv2d_backward: x must have 4 axes, got shape (4, 3, 3)"),
    (conv2d_backward, (GRAD, X, WEIGHT), {"stride": 0},
     "conv2d_backward: stride must be a whole number of at least 1, got 0"),
    (conv2d_backward, (GRAD, X, WEIGHT), {"groups": 3},
     "conv2d_backward: groups must divide in_channels = 4, got 3"),
    (conv2d_backward, ("gradient", X, WEIGHT), {},
     "conv2d_backward: grad_output must be an array of real numbers, got 'gradient'"),
    (conv_transpose2d, (X, WEIGHT), {}, "conv_transpose2d: weight must have 4 input channels as x, got 2"),
    (conv_transpose2d, (X[:, :2], WEIGHT, np.ones(3)), {},
     "conv_transpose2d: bias must have the shape (4,), got (3,)"),
    (conv_transpose2d, (X[:, :2], WEIGHT), {"output_padding": 1},
     "conv_transpose2d: output_padding must be smaller than the stride 1 or the dilation 1, got 1"),
    (conv_transpose2d, (X[:, :2], WEIGHT), {"padding": 2},
     "conv_transpose2d: the padding must leave at least one output pixel, got 0"),
    (conv_transpose2d_backward, (GRAD, X[:, :2], WEIGHT), {},
     "conv_transpose2d_backward: grad_output must have the shape (1, 4, 4, 4), got (1, 2, 2, 2)"),
])
def test_bad_input_gets_the_rule_and_the_value(function, arguments, options, message):
    refused(function, message, *arguments, **options)
