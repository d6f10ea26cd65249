import math
from itertools import pairwise

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from cnnlib.exercises import ch02, verify_exercise


@pytest.mark.parametrize("name", ch02.EXERCISES)
def test_exercise_can_be_trusted(name):
    assert len(ch02.EXERCISES[name].mistakes) >= 4
    verify_exercise(ch02.EXERCISES[name])


def pytorch_size(size, kernel_size, *, stride=1, padding=0, dilation=1):
    x, weight = torch.zeros(1, 1, size), torch.zeros(1, 1, kernel_size)
    return F.conv1d(x, weight, stride=stride, padding=padding, dilation=dilation).shape[-1]


def pytorch_pad(kernel_size, dilation=1):
    layer = torch.nn.Conv1d(1, 1, kernel_size, padding="same", dilation=dilation)
    left, right = layer._reversed_padding_repeated_twice
    return left, right


def pytorch_cost(in_channels, out_channels, kernel_size, output_size, *, groups=1):
    layer = torch.nn.Conv2d(in_channels, out_channels, kernel_size, groups=groups)
    return sum(p.numel() for p in layer.parameters()), layer.weight.numel() * output_size * output_size


def pytorch_correlate(x, weight):
    return F.conv2d(torch.tensor(x)[None], torch.tensor(weight)[None])[0, 0]


def pytorch_field(layers):
    x = torch.ones(1, 1, 200, requires_grad=True)
    y = x
    for kernel_size, stride in layers:
        y = F.conv1d(y, torch.ones(1, 1, kernel_size), stride=stride)
    y[0, 0, 1].backward()
    return int((x.grad != 0).sum())


@pytest.mark.parametrize(("check", "answer"), [
    (ch02.check_output_size, pytorch_size), (ch02.check_same_pad, pytorch_pad), (ch02.check_layer_cost, pytorch_cost),
    (ch02.check_correlate, pytorch_correlate), (ch02.check_field_size, pytorch_field),
])
def test_answer_written_with_pytorch_passes(check, answer):
    feedback = check(answer)
    assert feedback.passed, feedback


def loop_correlate(x, weight, *, reverse=False, join=sum):
    """Return a correlation written with plain loops; options make the typical mistakes."""
    kernel = weight[:, ::-1, ::-1] if reverse else weight
    rows, cols = x.shape[1] - weight.shape[1] + 1, x.shape[2] - weight.shape[2] + 1
    maps = [[[sum(x[c, i + m, j + n] * kernel[c, m, n] for m in range(weight.shape[1]) for n in range(weight.shape[2]))
              for j in range(cols)] for i in range(rows)] for c in range(len(x))]
    return join(np.array(maps))


@pytest.mark.parametrize(("check", "answer", "mistake"), [
    (ch02.check_output_size, lambda n, k, *, stride=1, padding=0, dilation=1:
     math.ceil((n + 2 * padding - (k + (k - 1) * (dilation - 1))) / stride) + 1, "ceil-for-floor"),
    (ch02.check_output_size, lambda n, k, *, stride=1, padding=0, dilation=1:
     int((n - dilation * k + dilation + padding - 1) / stride + 1), "padding-once"),
    (ch02.check_output_size, lambda n, k, *, stride=1, padding=0, dilation=1:
     int((n - k + 2 * padding) / stride + 1), "dilation-ignored"),
    (ch02.check_output_size, lambda n, k, *, stride=1, padding=0, dilation=1:
     (n + 2 * padding - 1 - dilation * (k - 1)) / stride + 1, "fraction-left"),
    (ch02.check_output_size, lambda n, k, *, stride=1, padding=0, dilation=1:
     pytorch_size(n, dilation * k, stride=stride, padding=padding), "dilation-times-kernel"),
    (ch02.check_output_size, lambda n, k, **options: pytorch_size(n, k, **options) - 1, "first-window-forgotten"),
    (ch02.check_output_size, lambda n, k, *, stride=1, padding=0, dilation=1:
     pytorch_size(n, k, padding=padding, dilation=dilation), "stride-ignored"),
    (ch02.check_same_pad, lambda k, d=1: (sum(pytorch_pad(k, d)),) * 2, "total-on-both-sides"),
    (ch02.check_same_pad, lambda k, d=1: (min(pytorch_pad(k, d)),) * 2, "smaller-half-twice"),
    (ch02.check_same_pad, lambda k, d=1: [d * (k // 2)] * 2, "half-on-both-sides"),
    (ch02.check_same_pad, lambda k, d=1: ((k - 1) // 2, k // 2), "dilation-ignored"),
    (ch02.check_same_pad, lambda k, d=1: (math.ceil(d * (k - 1) / 2), math.floor(d * (k - 1) / 2)),
     "larger-half-first"),
    (ch02.check_layer_cost, lambda i, o, k, n, *, groups=1: (i * o * k**2 // groups, i * o * k**2 // groups * n**2),
     "bias-missing"),
    (ch02.check_layer_cost, lambda i, o, k, n, *, groups=1: (i * o * k**2 + o, i * o * k**2 * n**2), "groups-ignored"),
    (ch02.check_layer_cost, lambda i, o, k, n, *, groups=1: (i * o * k**2 // groups + o, i * o * k**2 // groups),
     "one-window"),
    (ch02.check_layer_cost, lambda i, o, k, n, *, groups=1: (
        i * o * k**2 // groups + o * n**2, i * o * k**2 // groups * n**2), "bias-per-pixel"),
    (ch02.check_layer_cost, lambda i, o, k, n, *, groups=1: (
        i * o * k**2 // groups + o, i * o * k**2 // groups * n), "one-row"),
    (ch02.check_layer_cost, lambda i, o, k, n, *, groups=1: pytorch_cost(1, o, k, n), "input-channels-forgotten"),
    (ch02.check_layer_cost, lambda i, o, k, n, *, groups=1:
     (i * o * k**2 // groups + o, i * o * k**2 // groups * n**2 * 2), "flops"),
    (ch02.check_correlate, lambda x, w: loop_correlate(x, w, reverse=True), "kernel-flipped"),
    (ch02.check_correlate, lambda x, w: loop_correlate(x, w, join=lambda maps: maps), "channels-not-added"),
    (ch02.check_correlate, lambda x, w: loop_correlate(x, w, join=lambda maps: maps.mean(axis=0)), "channels-averaged"),
    (ch02.check_correlate, lambda x, w: loop_correlate(x, w, join=lambda maps: maps[0]), "first-channel-only"),
    (ch02.check_correlate, lambda x, w: pytorch_correlate(x.sum(axis=0, keepdims=True), w[:1]), "one-slice-for-all"),
    (ch02.check_correlate, lambda x, w: pytorch_correlate(x.transpose(0, 2, 1), w).T, "kernel-transposed"),
    (ch02.check_field_size, lambda layers: sum(
        k * math.prod(s for _, s in layers[:i]) for i, (k, _) in enumerate(layers)), "kernels-added"),
    (ch02.check_field_size, lambda layers: layers[0][0] + sum(
        (k - 1) * before for (_, before), (k, _) in pairwise(layers)), "last-stride-only"),
    (ch02.check_field_size, lambda layers: 1 + sum(k - 1 for k, _ in layers), "strides-ignored"),
    (ch02.check_field_size, lambda layers: math.prod(k for k, _ in layers), "kernels-multiplied"),
    (ch02.check_field_size, lambda layers: 1 + sum(
        (k - 1) * math.prod(s for _, s in layers[:i + 1]) for i, (k, _) in enumerate(layers)), "own-stride-counted"),
])
def test_typical_wrong_answer_is_named(check, answer, mistake):
    feedback = check(answer)
    assert (feedback.passed, feedback.mistake) == (False, mistake), feedback
