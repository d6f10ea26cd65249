"""The exercises of chapter 7: an independent right answer passes, typical wrong ones are told their mistake."""
import numpy as np
import pytest
import torch
from torch import nn

from cnnlib.exercises import ch07, verify_exercise


@pytest.mark.parametrize("name", ch07.EXERCISES)
def test_exercise_can_be_trusted(name):
    assert 5 <= len(ch07.EXERCISES[name].mistakes) <= 11
    verify_exercise(ch07.EXERCISES[name])


# Right answers: the layers are built and their parameters counted by PyTorch.

def built(*layers):
    return sum(parameter.numel() for layer in layers for parameter in layer.parameters())


def sparse_as_layers(table, kernel_size):
    """Make one small convolution for each output map, as the original C3 had it."""
    return built(*(nn.Conv2d(int(row.sum()), 1, kernel_size) for row in table))


def saving_as_layers(channels, kernel_size):
    field, stack = 1, []
    while field < kernel_size:
        stack.append(nn.Conv2d(channels, channels, 3, bias=False, device="meta"))
        field += 2
    return built(nn.Conv2d(channels, channels, kernel_size, bias=False, device="meta")) - built(*stack)


def head_as_layers(channels, size, hidden, num_classes, *, pooled=False):
    maps = torch.zeros(1, channels, size, size)
    inputs = (nn.AdaptiveAvgPool2d(1)(maps) if pooled else maps).flatten(1).shape[1]
    layers = []
    for units in [*hidden, num_classes]:
        layers.append(nn.Linear(inputs, units, device="meta"))
        inputs = units
    return built(*layers)


def dirac(channels, kernel_size):
    return nn.init.dirac_(torch.empty(channels, channels, kernel_size, kernel_size))


@pytest.mark.parametrize(("check", "answer"), [
    (ch07.check_sparse_parameters, sparse_as_layers),
    (ch07.check_stack_saving, saving_as_layers),
    (ch07.check_head_parameters, head_as_layers),
    (ch07.check_copying_kernel, dirac),
])
def test_an_answer_written_another_way_passes(check, answer):
    feedback = check(answer)
    assert feedback.passed, feedback


# Wrong answers as readers write them.

def head_by_hand(channels, size, hidden, num_classes, *, pooled=False, rows=None, bias=1, stop=None, update=True):
    total, inputs = 0, channels if pooled else channels * size * (size if rows is None else rows)
    for units in [*hidden, num_classes][:stop]:
        total += (inputs + bias) * units
        inputs = units if update else inputs
    return total


def looped_kernel(channels, kernel_size, *, row=0.5, everything=False):
    weight = np.zeros((channels, channels, kernel_size, kernel_size))
    at = int(kernel_size * row)
    for o in range(channels):
        for c in range(channels):
            if everything or o == c:
                weight[o, c, at, at] = 1
    return weight


@pytest.mark.parametrize(("check", "answer", "mistake"), [
    (ch07.check_sparse_parameters,
     lambda table, k: built(nn.Conv2d(table.shape[1], table.shape[0], k)), "every-input"),
    (ch07.check_sparse_parameters, lambda table, k: np.count_nonzero(table) * k * k, "biases-missing"),
    (ch07.check_sparse_parameters, lambda table, k: np.count_nonzero(table) * (k * k + 1), "bias-for-each-connection"),
    (ch07.check_sparse_parameters,
     lambda table, k: np.count_nonzero(table) * k * k + len(table.T), "bias-for-each-input"),
    (ch07.check_sparse_parameters, lambda table, k: np.count_nonzero(table) * k + len(table), "kernel-on-a-line"),
    (ch07.check_sparse_parameters, lambda table, k: sum(k * k + 1 for _ in table), "one-kernel-shared"),
    (ch07.check_stack_saving, lambda c, k: (k * k - 9 * (k - 1) // 2) * c, "channels-once"),
    (ch07.check_stack_saving, lambda c, k: c * c * (k * k - 9 * ((k + 1) // 2)), "one-layer-too-many"),
    (ch07.check_stack_saving, lambda c, k: c * c * (k * k - 9 * int(np.ceil(k / 3))), "fields-added"),
    (ch07.check_stack_saving, lambda c, k: c * c * (k * k - 9), "one-layer-of-the-stack"),
    (ch07.check_stack_saving, lambda c, k: k * k - 9 * (k // 2), "channels-forgotten"),
    (ch07.check_stack_saving, lambda c, k: c * c * (9 * (k // 2) - k * k), "sign-turned"),
    (ch07.check_stack_saving, lambda c, k: c * c * (k * k - 9 * (k // 3)), "fields-divided"),
    (ch07.check_stack_saving,
     lambda c, k: built(*(nn.Conv2d(c, c, 3, bias=False, device="meta") for _ in range(k // 2))), "stack-not-saving"),
    (ch07.check_stack_saving,
     lambda c, k: (c * k * k + 1) * c - k // 2 * (9 * c + 1) * c, "biases-counted"),
    (ch07.check_stack_saving, lambda c, k: 1 - 9 * (k // 2) / k**2, "ratio-not-difference"),
    (ch07.check_head_parameters,
     lambda *a, pooled=False: head_by_hand(*a, pooled=pooled, bias=0), "biases-missing"),
    (ch07.check_head_parameters, lambda *a, pooled=False: head_as_layers(*a), "pooling-ignored"),
    (ch07.check_head_parameters, lambda *a, pooled=False: head_as_layers(*a, pooled=True), "always-pooled"),
    (ch07.check_head_parameters,
     lambda *a, pooled=False: head_by_hand(*a, pooled=pooled, rows=1), "size-not-squared"),
    (ch07.check_head_parameters,
     lambda *a, pooled=False: head_by_hand(*a, pooled=pooled, stop=1), "first-layer-only"),
    (ch07.check_head_parameters,
     lambda *a, pooled=False: head_by_hand(*a, pooled=pooled, update=False), "inputs-not-updated"),
    (ch07.check_head_parameters,
     lambda *a, pooled=False: head_by_hand(*a, pooled=pooled, bias=0) + len(a[2]) + 1, "one-bias-for-a-layer"),
    (ch07.check_head_parameters, lambda c, s, h, n, *, pooled=False: head_by_hand(c, s, h, n, pooled=pooled, stop=-1),
     "last-layer-missing"),
    (ch07.check_copying_kernel, lambda c, k: looped_kernel(c, k, everything=True) / c, "mean-of-channels"),
    (ch07.check_copying_kernel, lambda c, k: torch.einsum("oc,ij->ocij", torch.eye(c), torch.eye(k)),
     "diagonal-of-the-kernel"),
    (ch07.check_copying_kernel, lambda c, k: dirac(c, k).sum((2, 3), keepdim=True).expand(c, c, k, k) / k / k,
     "box-mean"),
    (ch07.check_copying_kernel, lambda c, k: looped_kernel(c, k, everything=True), "all-channels-mixed"),
    (ch07.check_copying_kernel,
     lambda c, k: nn.init.dirac_(torch.empty(1, c, k, k)).repeat(c, 1, 1, 1), "channel-0-copied"),
    (ch07.check_copying_kernel, lambda c, k: looped_kernel(c, k, row=0.99), "last-corner"),
    (ch07.check_copying_kernel, lambda c, k: looped_kernel(c, k, row=1 / k), "fixed-middle"),
    (ch07.check_copying_kernel, lambda c, k: looped_kernel(c, k, row=0), "corner"),
    (ch07.check_copying_kernel, lambda c, k: torch.zeros(c, c, k, k), "zeros"),
    (ch07.check_copying_kernel, lambda c, k: torch.ones(c, c, k, k), "ones"),
    (ch07.check_copying_kernel, lambda c, k: nn.init.dirac_(torch.empty(c, 1, k, k), groups=c), "depthwise-shape"),
])
def test_typical_wrong_answers_are_named(check, answer, mistake):
    feedback = check(answer)
    assert (feedback.passed, feedback.mistake) == (False, mistake), feedback


def test_the_reference_reproduces_the_published_layer():
    """LeCun et al. (1998): C3 has 1,516 parameters; its table has six rows of 3, nine of 4 and one of 6 inputs."""
    table = np.array([[1] * n + [0] * (6 - n) for n in [3] * 6 + [4] * 9 + [6]])
    assert ch07.SPARSE_PARAMETERS.reference(table, 5) == 1516


def test_an_unknown_mistake_shows_the_smallest_case():
    feedback = ch07.check_head_parameters(lambda *arguments, pooled=False: 7)
    assert feedback.mistake is None and feedback.message == "head_parameters(2, 3, (), 4) should be 76, got 7."
