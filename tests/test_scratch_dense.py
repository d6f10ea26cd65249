import random

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from cnnlib.scratch import dropout, dropout_backward, flatten, flatten_backward, linear, linear_backward
from tests.judge import KINDS, close, differences, refused


def test_500_random_linear_layers_agree_with_pytorch():
    rng, numbers = random.Random(0), np.random.default_rng(0)
    for _ in range(500):
        inside, outside, kind = rng.randint(1, 6), rng.randint(1, 6), rng.choice(KINDS)
        shapes = [(*(rng.randint(1, 4) for _ in range(rng.randint(1, 3))), inside), (outside, inside), (outside,)]
        arrays = [numbers.normal(size=shape).astype(kind) for shape in shapes[:rng.choice([2, 3])]]
        assert not differences(linear, linear_backward, F.linear, arrays, numbers), shapes


def test_500_random_flattenings_agree_with_pytorch():
    rng, numbers = random.Random(0), np.random.default_rng(0)
    for _ in range(500):
        x = numbers.normal(size=[rng.randint(1, 3) for _ in range(rng.randint(1, 5))])
        options = {"start_dim": rng.randint(-x.ndim, x.ndim), "end_dim": rng.randint(-x.ndim - 1, x.ndim - 1)}
        try:
            torch.flatten(torch.tensor(x), **options)
        except (RuntimeError, IndexError):
            with pytest.raises(ValueError):
                flatten(x, **options)
            continue
        wrong = differences(flatten, flatten_backward, torch.flatten, [x], numbers, options=options, sums=False)
        assert not wrong, (wrong, options)


def test_flatten_goes_channel_by_channel():
    x = np.arange(12).reshape(1, 3, 2, 2)
    assert flatten(x, start_dim=1).tolist() == [list(range(12))]
    assert x.transpose(0, 2, 3, 1).reshape(1, -1).tolist() != flatten(x, start_dim=1).tolist()  # pixel by pixel


@pytest.mark.parametrize("p", [0.0, 0.2, 0.5, 0.9])
def test_dropout_keeps_the_mean_and_drops_the_share(p):
    x = np.full((200, 500), 3.0)
    y = dropout(x, p=p, seed=1)
    assert (y == 0).mean() == pytest.approx(p, abs=0.01)
    assert y.mean() == pytest.approx(3, rel=0.02)  # without the scaling it would be 3·(1 − p)
    assert set(np.unique(y).round(9)) <= {0.0, round(3 / (1 - p), 9)}


def test_500_random_dropouts_pass_the_gradient_where_the_number_stayed():
    rng, numbers = random.Random(0), np.random.default_rng(0)
    for _ in range(500):
        p, seed, training, kind = rng.random(), rng.randint(0, 99), rng.random() < 0.8, rng.choice(KINDS)
        x = numbers.normal(size=[rng.randint(1, 5) for _ in range(rng.randint(1, 4))]).astype(kind)
        y = dropout(x, p=p, training=training, seed=seed)
        grad_output = numbers.normal(size=x.shape).astype(kind)
        grad = dropout_backward(grad_output, p=p, training=training, seed=seed)
        kept = torch.tensor(y != 0) if training else torch.ones(x.shape, dtype=torch.bool)
        tensor = torch.tensor(x, requires_grad=True)
        right = tensor * kept / (1 - p) if training else tensor * 1
        right.backward(torch.tensor(grad_output))
        assert close(y, right) and close(grad, tensor.grad)


def test_dropout_of_everything_and_of_nothing():
    assert dropout(np.ones(5), p=1.0).tolist() == [0] * 5 and F.dropout(torch.ones(5), p=1.0).tolist() == [0] * 5
    x = np.ones(5)
    y = dropout(x, training=False)
    y[:] = 7
    assert x.tolist() == [1] * 5  # nobody else's memory


def test_dropout_takes_new_numbers_without_a_seed_and_the_same_with_one():
    x = np.ones(1000)
    assert not np.array_equal(dropout(x), dropout(x))
    assert np.array_equal(dropout(x, seed=5), dropout(x, seed=5))


@pytest.mark.parametrize(("function", "arguments", "options", "message"), [
    (linear, (np.ones((2, 3)), np.ones((4, 2))), {}, "linear: weight must have 3 input features as x, got 2"),
    (linear, (np.ones((2, 3)), np.ones((4, 3)), np.ones(3)), {}, "linear: bias must have the shape (4,), got (3,)"),
    (linear, (np.ones((2, 3)), np.ones(3)), {}, "linear: weight must have 2 axes, got shape (3,)"),
    (linear_backward, (np.ones((2, 3)), np.ones((2, 3)), np.ones((4, 3))), {},
     "linear_backward: grad_output must have the shape (2, 4), got (2, 3)"),
    (flatten, (np.ones((2, 3)),), {"start_dim": 2}, "flatten: start_dim must be an axis of the shape (2, 3), got 2"),
    (flatten, (np.ones((2, 3)),), {"start_dim": 1, "end_dim": 0},
     "flatten: start_dim must not come after end_dim = 0, got 1"),
    (flatten_backward, (np.ones((2, 3)), np.ones((2, 3, 1))), {},
     "flatten_backward: grad_output must have the shape (6,), got (2, 3)"),
    (dropout, (np.ones(3),), {"p": 1.5}, "dropout: p must be a fraction of 1, got 1.5"),
    (dropout, (np.ones(3),), {"p": True}, "dropout: p must be a fraction of 1, got True"),
    (dropout, (np.ones(3),), {"seed": -1}, "dropout: seed must be a whole number of at least 0, got -1"),
    (dropout_backward, (np.ones(3),), {"seed": None},
     "dropout_backward: seed must be the number that dropout was given, got None"),
])
def test_bad_input_gets_the_rule_and_the_value(function, arguments, options, message):
    refused(function, message, *arguments, **options)


def test_only_a_bias_may_be_none():
    assert linear([[1.0]], [[2.0]], None).tolist() == [[2.0]]
    refused(linear, "linear: x must be an array of real numbers, got None", None, [[2.0]])
    refused(linear, "linear: weight must be an array of real numbers, got None", [[1.0]], None)


def test_what_is_no_plain_array_is_refused():
    refused(flatten, "flatten: x must be an array of real numbers, got tensor([1.], requires_grad=True)",
            torch.ones(1, requires_grad=True))
