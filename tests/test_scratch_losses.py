import random

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from cnnlib.scratch import cross_entropy, cross_entropy_backward, numerical_gradient, softmax
from tests.judge import KINDS, close, refused


def test_500_random_losses_agree_with_pytorch():
    rng, numbers = random.Random(0), np.random.default_rng(0)
    for _ in range(500):
        kind, classes = rng.choice(KINDS), rng.randint(1, 6)
        shape = [rng.randint(1, 5), classes, *(rng.randint(1, 3) for _ in range(rng.randint(0, 3)))]
        x = (numbers.normal(size=shape) * rng.choice([1, 30])).astype(kind)
        target = numbers.integers(classes, size=(shape[0], *shape[2:]))
        ignored = rng.choice([-100, 0, 99])
        target[numbers.random(target.shape) < 0.2] = ignored
        weight = rng.choice([None, numbers.random(classes).astype(kind) + kind(0.1)])
        options = {"reduction": rng.choice(["mean", "sum", "none"]), "label_smoothing": rng.choice([0.0, 0.1, 1.0]),
                   "ignore_index": ignored}
        tensor = torch.tensor(x, requires_grad=True)
        weights = None if weight is None else torch.tensor(weight)
        right = F.cross_entropy(tensor, torch.tensor(target), weights, **options)
        if right.isnan().any():  # the mean of no target
            with pytest.raises(ValueError):
                cross_entropy(x, target, weight=weight, **options)
            continue
        grad_output = numbers.normal(size=right.shape).astype(kind)
        right.backward(torch.tensor(grad_output))
        assert close(cross_entropy(x, target, weight=weight, **options), right), (shape, options)
        grad = cross_entropy_backward(grad_output, x, target, weight=weight, **options)
        assert close(grad, tensor.grad, scale=np.abs(grad_output).max()), (shape, options)


def test_gradient_is_softmax_minus_target():
    x, target = np.random.default_rng(0).normal(size=(4, 3)), np.array([0, 2, 1, 1])
    grad = cross_entropy_backward(1, x, target)
    assert close(grad, (softmax(x) - np.eye(3)[target]) / 4)
    assert close(grad, numerical_gradient(lambda a: cross_entropy(a, target), x).round(12))


def test_softmax_before_the_loss_is_the_known_mistake():
    scores, target = np.array([[4.0, 0.0, 0.0]]), [0]
    right = F.cross_entropy(torch.tensor(scores), torch.tensor(target)).item()
    assert cross_entropy(scores, target) == pytest.approx(right)
    assert cross_entropy(softmax(scores), target) > 10 * right  # probabilities are no scores


def test_masked_scores_and_ignored_rows_do_not_spoil_the_loss():
    for x, target in (([[0.0, -np.inf]], [0]), ([[0.0, 0.0], [np.nan, 0.0]], [0, -100])):
        right = F.cross_entropy(torch.tensor(x, dtype=torch.float64), torch.tensor(target)).item()
        assert cross_entropy(x, target) == pytest.approx(right)


def test_hopeless_scores_give_a_large_loss_not_infinity():
    assert cross_entropy([[0.0, 1e4]], [0]) == 1e4
    with np.errstate(divide="ignore"):
        assert -np.log(softmax([[0.0, 1e4]]))[0, 0] == np.inf  # the mistake: the logarithm of a rounded 0


X = np.zeros((2, 3))


@pytest.mark.parametrize(("function", "arguments", "options", "message"), [
    (cross_entropy, (X, [0, 3]), {}, "cross_entropy: target must hold classes from 0 to 2, got 3"),
    (cross_entropy, (X, [0, -1]), {}, "cross_entropy: target must hold classes from 0 to 2, got -1"),
    (cross_entropy, (X, [0, 1, 2]), {}, "cross_entropy: target must have the shape (2,), got (3,)"),
    (cross_entropy, (X, [0.0, 1.0]), {}, "cross_entropy: target must hold whole numbers, got float64"),
    (cross_entropy, (X[0], [0]), {}, "cross_entropy: x must have a batch and a class axis, got shape (3,)"),
    (cross_entropy, (X, [0, 1]), {"label_smoothing": 1.5},
     "cross_entropy: label_smoothing must be a fraction of 1, got 1.5"),
    (cross_entropy, (X, [0, 1]), {"reduction": "max"},
     "cross_entropy: reduction must be one of mean, sum, none, got 'max'"),
    (cross_entropy, (X, [0, 1]), {"weight": np.ones(2)}, "cross_entropy: weight must have the shape (3,), got (2,)"),
    (cross_entropy, (X, [1, 1]), {"ignore_index": 1}, "cross_entropy: the mean needs a target that counts, got none"),
    (cross_entropy_backward, ([1, 1], X, [0, 1]), {},
     "cross_entropy_backward: grad_output must have the shape (), got (2,)"),
])
def test_bad_input_gets_the_rule_and_the_value(function, arguments, options, message):
    refused(function, message, *arguments, **options)
