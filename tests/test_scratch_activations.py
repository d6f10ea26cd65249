import random

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from cnnlib import scratch
from tests.judge import KINDS, close, differences, refused

PLAIN = ["relu", "relu6", "sigmoid", "tanh"]


def numbers_like(rng, numbers, *, least=1):
    """Return random numbers of a random shape, among them kinks and large ones."""
    shape = [rng.randint(1, 4) for _ in range(rng.randint(least, 4))]
    x = numbers.normal(size=shape) * rng.choice([1, 10, 300])
    x[numbers.random(shape) < 0.2] = rng.choice([0.0, 6.0, -0.0])
    return x.astype(rng.choice(KINDS))


@pytest.mark.parametrize("name", [*PLAIN, "leaky_relu"])
def test_500_random_inputs_agree_with_pytorch(name):
    rng, numbers = random.Random(name), np.random.default_rng(len(name))
    for _ in range(500):
        options = {"negative_slope": rng.choice([0.0, 0.01, 0.3, 1.5])} if name == "leaky_relu" else {}
        ours, backward = getattr(scratch, name), getattr(scratch, f"{name}_backward")
        judge = getattr(F, name, None) or getattr(torch, name)
        x = numbers_like(rng, numbers)
        assert not differences(ours, backward, judge, [x], numbers, options=options, sums=False), (name, x, options)


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_500_random_softmaxes_agree_with_pytorch(name):
    rng, numbers = random.Random(1), np.random.default_rng(1)
    ours, backward = getattr(scratch, name), getattr(scratch, f"{name}_backward")
    for _ in range(500):
        x = numbers_like(rng, numbers)
        options = {"dim": rng.randint(-x.ndim, x.ndim - 1)}
        wrong = differences(ours, backward, getattr(F, name), [x], numbers, options=options, sums=name == "log_softmax")
        assert not wrong, (wrong, x, options)


@given(arrays(np.float64, array_shapes(max_side=4), elements=st.floats(-1e300, 1e300)))
def test_softmax_survives_any_finite_score(x):
    y = scratch.softmax(x)
    assert np.isfinite(y).all() and (y >= 0).all()
    np.testing.assert_allclose(y.sum(axis=-1), 1)
    assert np.isfinite(scratch.sigmoid(x)).all()


def test_softmax_without_the_shift_overflows():
    with np.errstate(over="ignore", invalid="ignore"):
        naive = np.exp([1000.0, 0.0]) / np.exp([1000.0, 0.0]).sum()
    assert np.isnan(naive).any()
    assert scratch.softmax([1000.0, 0.0]).tolist() == [1, 0]
    assert scratch.log_softmax([1000.0, 0.0]).tolist() == [0, -1000]


def test_softmax_works_along_any_axis():
    maps = np.random.default_rng(0).normal(size=(2, 10, 7, 7))
    np.testing.assert_allclose(scratch.softmax(maps, dim=1).sum(axis=1), 1)
    assert not np.allclose(scratch.softmax(maps).sum(axis=1), 1)


def test_derivatives_at_the_kinks_are_pytorchs():
    at = np.array([-1.0, 0, 1, 6, 7])
    assert scratch.relu_backward(np.ones(5), at).tolist() == [0, 0, 1, 1, 1]
    assert scratch.relu6_backward(np.ones(5), at).tolist() == [0, 0, 1, 0, 0]
    assert scratch.leaky_relu_backward(np.ones(5), at, negative_slope=0.5).tolist() == [0.5, 0.5, 1, 1, 1]


def test_slopes_have_their_known_maxima():
    x = np.linspace(-8, 8, 1601)
    assert scratch.sigmoid_backward(np.ones_like(x), x).max() == pytest.approx(0.25)
    assert scratch.tanh_backward(np.ones_like(x), x).max() == pytest.approx(1)


def test_nan_passes_its_gradient_as_in_pytorch():
    x = np.array([np.nan])
    for name in (*PLAIN, "leaky_relu"):
        tensor = torch.tensor(x, requires_grad=True)
        judge = getattr(F, name, None) or getattr(torch, name)
        judge(tensor).backward(torch.ones(1, dtype=torch.float64))
        ours = getattr(scratch, f"{name}_backward")([1.0], x)
        assert np.array_equal(ours, tensor.grad, equal_nan=True), name


def test_a_single_number_is_an_array_without_axes():
    for name in (*PLAIN, "leaky_relu"):
        assert getattr(scratch, name)(3.0).shape == () == getattr(scratch, f"{name}_backward")(1.0, 3.0).shape


def test_a_dead_unit_passes_no_gradient_however_large():
    assert scratch.relu_backward([np.inf], [-1.0]).tolist() == [0]


def test_sigmoid_keeps_its_slope_where_1_minus_y_would_lose_it():
    right = np.exp(-40.0)
    assert scratch.sigmoid_backward([1.0], [40.0]) == pytest.approx(right, rel=1e-12)
    y = scratch.sigmoid([40.0])
    assert y * (1 - y) == 0  # the mistake: 1 − y is rounded to 0


def test_the_result_is_a_new_array_of_the_same_type():
    for name in [*PLAIN, "leaky_relu", "softmax"]:
        x = np.ones((2, 3), np.float32)
        y = getattr(scratch, name)(x)
        assert y.dtype == np.float32 and y.shape == (2, 3) and not np.shares_memory(x, y)
        assert getattr(scratch, name)(np.ones(3, np.uint8)).dtype == np.float64
        assert close(getattr(scratch, name)(np.asfortranarray(x)[:, ::-1]), y)


@pytest.mark.parametrize(("name", "arguments", "options", "message"), [
    ("relu", ("x",), {}, "relu: x must be an array of real numbers, got 'x'"),
    ("relu", (np.zeros((0, 3)),), {}, "relu: x must not be empty, got shape (0, 3)"),
    ("relu_backward", (np.ones(2), np.ones(3)), {}, "relu_backward: grad_output must have the shape (3,), got (2,)"),
    ("leaky_relu", ([1.0],), {"negative_slope": None},
     "leaky_relu: negative_slope must be a finite number, got None"),
    ("leaky_relu", ([1.0],), {"negative_slope": float("nan")},
     "leaky_relu: negative_slope must be a finite number, got nan"),
    ("softmax", (np.ones((2, 3)),), {"dim": 2}, "softmax: dim must be an axis of the shape (2, 3), got 2"),
    ("softmax", (np.ones((2, 3)),), {"dim": 1.0}, "softmax: dim must hold whole numbers, got 1.0"),
    ("log_softmax", (np.ones(3),), {"dim": -2}, "log_softmax: dim must be an axis of the shape (3,), got -2"),
    ("softmax_backward", (np.ones(3), np.ones((2, 3))), {},
     "softmax_backward: grad_output must have the shape (2, 3), got (3,)"),
])
def test_bad_input_gets_the_rule_and_the_value(name, arguments, options, message):
    refused(getattr(scratch, name), message, *arguments, **options)
