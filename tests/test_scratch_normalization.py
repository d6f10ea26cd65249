import random

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from cnnlib.scratch import BatchNorm1d, BatchNorm2d, batch_norm, batch_norm_backward
from tests.judge import KINDS, close, refused


def test_500_random_batches_agree_with_pytorch():
    rng, numbers = random.Random(0), np.random.default_rng(0)
    for _ in range(500):
        kind, channels, training = rng.choice(KINDS), rng.randint(1, 4), rng.random() < 0.5
        shape = (rng.randint(2, 5), channels, *(rng.randint(1, 4) for _ in range(rng.randint(0, 2))))
        x = (numbers.normal(size=shape) * rng.choice([1, 20]) + rng.choice([0, 5])).astype(kind)
        weight, bias, mean = (numbers.normal(size=channels).astype(kind) for _ in range(3))
        var = (numbers.random(channels) + 0.2).astype(kind)
        if rng.random() < 0.2:
            weight = bias = None
        if training and rng.random() < 0.2:
            mean = var = None
        options = {"training": training, "eps": rng.choice([1e-5, 0.1])}
        momentum = rng.choice([0.1, 0.5, 0.0, 1.0])
        arrays = [x, mean, var, weight, bias]
        tensors = [None if array is None else torch.tensor(array.copy()) for array in arrays]
        for tensor in (tensors[0], *tensors[3:]):
            if tensor is not None:
                tensor.requires_grad_()
        right = F.batch_norm(*tensors, momentum=momentum, **options)
        assert close(batch_norm(*arrays, momentum=momentum, **options), right), (shape, options)
        if mean is not None:
            assert close(mean, tensors[1]) and close(var, tensors[2])  # both changed in place, or both not
        grad_output = numbers.normal(size=shape).astype(kind)
        right.backward(torch.tensor(grad_output))
        grads = batch_norm_backward(grad_output, *arrays[:4], **options)
        scale = np.abs(grad_output).max()
        assert close(grads[0], tensors[0].grad, scale=scale), (shape, options)
        if weight is not None:
            assert close(grads[1], tensors[3].grad, scale=scale) and close(grads[2], tensors[4].grad, scale=scale)


@pytest.mark.parametrize(("ours", "judge", "shape"), [
    (BatchNorm1d, torch.nn.BatchNorm1d, (6, 3)), (BatchNorm1d, torch.nn.BatchNorm1d, (6, 3, 5)),
    (BatchNorm2d, torch.nn.BatchNorm2d, (6, 3, 4, 5))])
def test_running_statistics_are_pytorchs_after_50_steps(ours, judge, shape):
    numbers, layer, right = np.random.default_rng(0), ours(3), judge(3).double()
    for step in range(50):
        x = numbers.normal(size=shape) * (1 + step) + step
        assert close(layer.forward(x), right(torch.tensor(x)))
    state = right.state_dict()
    assert list(layer.state_dict()) == list(state)
    assert all(np.allclose(layer.state_dict()[name], state[name].numpy(), rtol=1e-10, atol=0) for name in state)
    x = numbers.normal(size=shape)
    assert close(layer.eval().forward(x), right.eval()(torch.tensor(x)))


def test_momentum_is_the_weight_of_the_new_value():
    mean, var = np.zeros(1), np.ones(1)
    batch_norm([[8.0], [12.0]], mean, var, training=True, momentum=0.1)
    assert mean[0] == pytest.approx(1.0)  # a tenth of 10; the mistake would give 9
    assert var[0] == pytest.approx(0.9 + 0.1 * 8)  # the unbiased variance; the biased one is 4


def test_statistics_of_the_wrong_axes_are_wrong():
    x = np.random.default_rng(0).normal(size=(8, 5, 5, 5))
    right = F.batch_norm(torch.tensor(x), None, None, training=True)
    wrong = (x - x.mean(axis=(0, 2), keepdims=True)) / x.std(axis=(0, 2), keepdims=True)
    assert close(batch_norm(x, training=True), right) and not np.allclose(wrong, right, atol=0.1)


def test_backward_without_the_batchs_own_part_is_wrong():
    numbers = np.random.default_rng(0)
    x, grad_output = numbers.normal(size=(6, 2)), numbers.normal(size=(6, 2))
    grad_x = batch_norm_backward(grad_output, x, training=True)[0]
    np.testing.assert_allclose(grad_x.sum(axis=0), 0, atol=1e-12)  # shifting all inputs changes nothing
    frozen = batch_norm_backward(grad_output, x, x.mean(axis=0), x.var(axis=0))[0]
    assert not np.allclose(grad_x, frozen)


def test_a_batch_of_one_works_for_maps_only():
    assert np.isfinite(BatchNorm2d(4).forward(np.random.default_rng(0).normal(size=(1, 4, 5, 5)))).all()
    message = "batch_norm: training needs more than one value for each channel, got shape (1, 4)"
    refused(BatchNorm1d(4).forward, message, np.ones((1, 4)))
    assert BatchNorm1d(4).eval().forward(np.ones((1, 4))).shape == (1, 4)


def test_large_mean_keeps_its_digits():
    x = (np.random.default_rng(0).normal(size=(64, 1)) + 1000).astype(np.float32)
    right = F.batch_norm(torch.tensor(x.astype(float)), None, None, training=True).numpy()
    assert np.abs(batch_norm(x, training=True) - right).max() < 1e-3


def test_backward_follows_the_mode_of_its_forward_pass():
    numbers = np.random.default_rng(0)
    x, grad_output = numbers.normal(size=(6, 3)), numbers.normal(size=(6, 3))
    layer, judge = BatchNorm1d(3), torch.nn.BatchNorm1d(3).double()
    tensor = torch.tensor(x, requires_grad=True)
    layer.forward(x)
    layer.eval()
    judge(tensor).backward(torch.tensor(grad_output))
    assert close(layer.backward(grad_output), tensor.grad)


def test_a_refused_batch_changes_nothing():
    mean, var = np.zeros(2), np.ones(2)
    var.flags.writeable = False
    message = "batch_norm: running_var must be writable, got a read-only array"
    refused(batch_norm, message, [[1.0, 2], [3, 4]], mean, var, training=True)
    assert mean.tolist() == [0, 0]
    layer = BatchNorm1d(2)
    with pytest.raises(ValueError):
        layer.forward(np.ones((1, 2)))
    assert layer.num_batches_tracked == 0


X, C = np.ones((4, 3)), np.ones(3)


@pytest.mark.parametrize(("arguments", "options", "message"), [
    ((X[0],), {"training": True}, "batch_norm: x must have a batch and a channel axis, got shape (3,)"),
    ((X,), {}, "batch_norm: running_mean must be an array of floats, got None"),
    ((X, C), {"training": True}, "batch_norm: running_var must be an array of floats, got None"),
    ((X, [0, 0, 0], C), {}, "batch_norm: running_mean must be an array of floats, got [0, 0, 0]"),
    ((X, C[:2], C), {}, "batch_norm: running_mean must have the shape (3,), got (2,)"),
    ((X, C, C, C[:2]), {}, "batch_norm: weight must have the shape (3,), got (2,)"),
    ((X, C, C, C, np.ones((3, 1))), {}, "batch_norm: bias must have 1 axes, got shape (3, 1)"),
    ((X, C, C), {"training": 1}, "batch_norm: training must be True or False, got 1"),
    ((X, C, C), {"eps": -1}, "batch_norm: eps must be a number of at least 0, got -1"),
    ((X, C, C), {"training": True, "momentum": 2}, "batch_norm: momentum must be a fraction of 1, got 2"),
])
def test_bad_input_gets_the_rule_and_the_value(arguments, options, message):
    kept = C.copy()
    refused(batch_norm, message, *arguments, **options)
    assert np.array_equal(C, kept)  # refused before any work
