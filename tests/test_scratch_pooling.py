import random

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from cnnlib.scratch import (
    adaptive_avg_pool2d,
    adaptive_avg_pool2d_backward,
    avg_pool2d,
    avg_pool2d_backward,
    global_avg_pool2d,
    global_avg_pool2d_backward,
    max_pool2d,
    max_pool2d_backward,
)
from tests.judge import KINDS, close, differences, refused


def images(rng, numbers, *, ties=True):
    """Return random maps: half of them whole numbers from −2 to 2, so that windows hold ties."""
    shape = (rng.randint(1, 3), rng.randint(1, 3), rng.randint(1, 11), rng.randint(1, 11))
    x = numbers.integers(-2, 3, shape) if ties and rng.random() < 0.5 else numbers.normal(size=shape)
    return x.astype(rng.choice(KINDS))


def pair(rng, low, high):
    return rng.randint(low, high) if rng.random() < 0.5 else (rng.randint(low, high), rng.randint(low, high))


def options_of(rng, **more):
    return {"stride": None if rng.random() < 0.3 else pair(rng, 1, 4), "padding": pair(rng, 0, 2),
            "ceil_mode": rng.random() < 0.5, **more}


@pytest.mark.parametrize("function", ["max", "avg"])
def test_500_random_poolings_agree_with_pytorch(function):
    rng, numbers, compared = random.Random(7), np.random.default_rng(7), 0
    while compared < 500:
        more = {"dilation": pair(rng, 1, 2)} if function == "max" else {"count_include_pad": rng.random() < 0.5}
        options, kernel = options_of(rng, **more), pair(rng, 1, 4)
        ours, backward, judge = ((max_pool2d, max_pool2d_backward, F.max_pool2d) if function == "max" else
                                 (avg_pool2d, avg_pool2d_backward, F.avg_pool2d))
        x = images(rng, numbers)
        wrong = differences(ours, backward, judge, [x], numbers, fixed=(kernel,), options=options)
        assert not wrong, (wrong, x.shape, kernel, options)
        compared += wrong is not None


def test_500_random_adaptive_and_global_poolings_agree_with_pytorch():
    rng, numbers = random.Random(8), np.random.default_rng(8)
    for _ in range(500):
        x, size = images(rng, numbers), pair(rng, 1, 9)
        assert not differences(adaptive_avg_pool2d, adaptive_avg_pool2d_backward, F.adaptive_avg_pool2d, [x], numbers,
                               fixed=(size,)), (x.shape, size)
        assert not differences(global_avg_pool2d, global_avg_pool2d_backward, lambda t: F.adaptive_avg_pool2d(t, 1),
                               [x], numbers)


def test_a_tie_has_one_winner_the_first():
    zeros = np.zeros((1, 1, 2, 2))  # common after ReLU
    assert max_pool2d_backward([[[[1.0]]]], zeros, 2)[0, 0].tolist() == [[1, 0], [0, 0]]
    mask = zeros == max_pool2d(zeros, 2)  # the mistake: every maximum is paid
    assert mask.sum() == 4


def test_overlapping_windows_pay_their_common_winner_twice():
    x = np.array([[[[0.0, 9, 0], [0, 0, 0]]]])
    assert max_pool2d_backward(np.ones((1, 1, 1, 2)), x, 2, stride=1)[0, 0].tolist() == [[0, 2, 0], [0, 0, 0]]


def test_max_pads_with_minus_infinity_and_average_with_zeros():
    x = -np.ones((1, 1, 4, 4))
    assert (max_pool2d(x, 3, stride=1, padding=1) == -1).all()
    assert np.pad(x[0, 0], 1)[:3, :3].max() == 0  # the mistake
    corner = avg_pool2d(-x, 3, stride=1, padding=1)[0, 0, 0, 0]
    assert corner == pytest.approx(4 / 9) and avg_pool2d(-x, 3, padding=1, count_include_pad=False)[0, 0, 0, 0] == 1


def test_worked_examples():
    nine = np.arange(9.0).reshape(1, 1, 3, 3)
    assert max_pool2d(nine, 2, stride=1)[0, 0].tolist() == [[4, 5], [7, 8]]
    assert avg_pool2d(nine, 2, stride=1)[0, 0].tolist() == [[2, 3], [5, 6]]
    table = np.array([[[[1.0, 3, 2], [4, 5, 7], [6, 9, 8]]]])
    assert max_pool2d(table, 2)[0, 0].tolist() == [[5]]  # some texts print [[5], [9]]
    assert max_pool2d(table, 2, ceil_mode=True)[0, 0].tolist() == [[5, 7], [9, 8]]
    assert max_pool2d(np.zeros((1, 1, 32, 32)), 2, padding=1).shape == (1, 1, 17, 17)


def test_nan_wins_and_takes_the_gradient():
    x = np.array([[[[1.0, np.nan], [3, 2]]]])
    tensor = torch.tensor(x, requires_grad=True)
    y = F.max_pool2d(tensor, 2)
    y.backward(torch.ones_like(y))
    assert np.isnan(max_pool2d(x, 2)).all() and y.isnan().all()
    assert np.array_equal(max_pool2d_backward([[[[1.0]]]], x, 2), tensor.grad)


@pytest.mark.parametrize("value", [np.nan, -np.inf])
def test_windows_of_nan_or_minus_infinity_pay_as_pytorch_does(value):
    numbers = np.random.default_rng(0)
    for padding in (0, 1):
        x = numbers.normal(size=(2, 3, 6, 6))
        x[numbers.random(x.shape) < 0.7] = value
        tensor = torch.tensor(x, requires_grad=True)
        y = F.max_pool2d(tensor, 2, padding=padding)
        grad_output = numbers.normal(size=tuple(y.shape))
        y.backward(torch.tensor(grad_output))
        assert np.array_equal(max_pool2d_backward(grad_output, x, 2, padding=padding), tensor.grad)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_adaptive_pooling_keeps_nan_and_infinity_in_their_window(value):
    x = np.array([[[[value, 1.0, 1, 1]]]])
    right = F.adaptive_avg_pool2d(torch.tensor(x), (1, 2))
    assert np.array_equal(adaptive_avg_pool2d(x, (1, 2)), right, equal_nan=True)
    grad = adaptive_avg_pool2d_backward([[[[value, 1.0]]]], np.ones((1, 1, 1, 4)), (1, 2))
    assert np.isfinite(grad[..., 2:]).all() and not np.isfinite(grad[..., :2]).any()


def test_infinite_gradients_stay_where_they_belong():
    x = np.array([[[[1.0, 4], [3, 2]]]])
    assert max_pool2d_backward([[[[np.inf]]]], x, 2)[0, 0].tolist() == [[0, np.inf], [0, 0]]


def test_global_pooling_takes_any_size():
    for size in (1, 7, 32):
        assert global_avg_pool2d(np.ones((2, 5, size, size + 1))).shape == (2, 5, 1, 1)
    assert close(adaptive_avg_pool2d(np.ones((2, 5, 7, 7)), 1), global_avg_pool2d(np.ones((2, 5, 7, 7))))


X = np.ones((1, 2, 4, 4))


@pytest.mark.parametrize(("function", "arguments", "options", "message"), [
    (max_pool2d, (X[0], 2), {}, "max_pool2d: x must have 4 axes, got shape (2, 4, 4)"),
    (max_pool2d, (X, 0), {}, "max_pool2d: kernel_size must be a whole number of at least 1, got 0"),
    (max_pool2d, (X, 2), {"padding": 2}, "max_pool2d: padding must be at most half of kernel_size = 2, got 2"),
    (max_pool2d, (X, 5), {}, "max_pool2d: the window must fit into the 4 pixels of the padded input, got 5 pixels"),
    (max_pool2d, (X, 2), {"ceil_mode": 1}, "max_pool2d: ceil_mode must be True or False, got 1"),
    (max_pool2d, (X, (2, 2, 2)), {},
     "max_pool2d: kernel_size must be one number or 2, one for each axis, got (2, 2, 2)"),
    (max_pool2d_backward, (X, X, 2), {},
     "max_pool2d_backward: grad_output must have the shape (1, 2, 2, 2), got (1, 2, 4, 4)"),
    (avg_pool2d, (X, 2), {"stride": 0}, "avg_pool2d: stride must be a whole number of at least 1, got 0"),
    (avg_pool2d, (X, 2), {"count_include_pad": None},
     "avg_pool2d: count_include_pad must be True or False, got None"),
    (avg_pool2d_backward, (X, X, 2), {},
     "avg_pool2d_backward: grad_output must have the shape (1, 2, 2, 2), got (1, 2, 4, 4)"),
    (global_avg_pool2d, (X[0],), {}, "global_avg_pool2d: x must have 4 axes, got shape (2, 4, 4)"),
    (global_avg_pool2d_backward, (X, X), {},
     "global_avg_pool2d_backward: grad_output must have the shape (1, 2, 1, 1), got (1, 2, 4, 4)"),
    (adaptive_avg_pool2d, (X, 0), {}, "adaptive_avg_pool2d: output_size must be a whole number of at least 1, got 0"),
    (adaptive_avg_pool2d_backward, (X, X, 2), {},
     "adaptive_avg_pool2d_backward: grad_output must have the shape (1, 2, 2, 2), got (1, 2, 4, 4)"),
])
def test_bad_input_gets_the_rule_and_the_value(function, arguments, options, message):
    refused(function, message, *arguments, **options)


def test_a_stride_that_no_window_takes_may_be_any_number():
    assert avg_pool2d([[[[1.0, 3.0]]]], (1, 2), stride=2**63).tolist() == [[[[2.0]]]]


def test_no_result_is_larger_than_a_memory():
    rule = "the output must have at most 1073741824 numbers, got the shape"
    refused(adaptive_avg_pool2d, f"adaptive_avg_pool2d: {rule} (1, 1, 2147483648, 1)", [[[[1.0]]]], (2**31, 1))
