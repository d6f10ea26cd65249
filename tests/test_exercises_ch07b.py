"""The exercises of chapter 7b: an independent right answer passes, typical wrong ones are told their mistake."""
import numpy as np
import pytest
import torch
from torch import nn

from cnnlib.exercises import ch07b, verify_exercise
from cnnlib.models.densenet import DenseNet, DenseNetRow
from cnnlib.models.resnet import Bottleneck
from cnnlib.models.stochastic_depth import StochasticDepth


def tensor(array):
    return torch.tensor(np.asarray(array, dtype=float))


@pytest.mark.parametrize("name", ch07b.EXERCISES)
def test_exercise_can_be_trusted(name):
    assert len(ch07b.EXERCISES[name].mistakes) >= 5
    verify_exercise(ch07b.EXERCISES[name])


# Right answers, read off real layers.

def counted(in_channels, width, *, stride=1, groups=1):
    block = Bottleneck(in_channels, width, stride=stride, groups=groups, width_per_group=64 // groups)
    return sum(parameter.numel() for parameter in block.parameters())


def autograd(grad_output, jacobian, before, *, relu=True):
    """Let autograd go back through x + J x + c, where c puts the sum at `before`."""
    x = torch.zeros(len(before), dtype=torch.float64, requires_grad=True)
    y = x + tensor(jacobian) @ x + tensor(before)
    (y.relu() if relu else y).backward(tensor(grad_output))
    return x.grad


def read_off(initial, growth_rate, depths, *, theta=0.5):
    """Read the channels of a real DenseNet, if it halves; else follow random maps through plain layers."""
    if theta == 0.5:
        row = DenseNetRow(depths=depths, growth_rate=growth_rate, stem_channels=initial, published_parameters=1)
        with torch.device("meta"):
            names = DenseNet(row).features.named_children()
            found = {name: part for name, part in names if name.startswith(("denseblock", "transition", "norm5"))}
        blocks = [part.norm.num_features for name, part in found.items() if name.startswith("transition")]
        after = [part.conv.out_channels for name, part in found.items() if name.startswith("transition")]
        pairs = [number for pair in zip(blocks, after, strict=True) for number in pair]
        return [*pairs, found["norm5"].num_features]
    x, found = torch.zeros(1, initial, 1, 1), []
    for number, depth in enumerate(depths):
        for _ in range(depth):
            x = torch.cat([x, nn.Conv2d(x.shape[1], growth_rate, 1)(x)], 1)
        found.append(x.shape[1])
        if number + 1 < len(depths):
            x = x[:, :int(theta * x.shape[1])]
            found.append(x.shape[1])
    return found


def torch_dense(x, weights):
    maps = [tensor(x)]
    for weight in weights:
        given = torch.cat(maps).relu()
        maps.append(torch.conv2d(given[None], tensor(weight)[:, :, None, None])[0])
    return torch.cat(maps)


def torch_stochastic(x, branch, stays, *, drop=0.5, training=True):
    if not training:
        return tensor(x) + StochasticDepth(drop).eval()(tensor(branch))
    return torch.stack([a + b / (1 - drop) if keep else a
                        for a, b, keep in zip(tensor(x), tensor(branch), stays, strict=True)])


@pytest.mark.parametrize(("check", "answer"), [
    (ch07b.check_bottleneck_parameters, counted),
    (ch07b.check_residual_gradient, autograd),
    (ch07b.check_dense_channels, read_off),
    (ch07b.check_dense_block, torch_dense),
    (ch07b.check_stochastic_sum, torch_stochastic),
])
def test_an_answer_written_another_way_passes(check, answer):
    feedback = check(answer)
    assert feedback.passed, feedback


# Wrong answers as readers write them.

def summed(in_channels, width, *, stride=1, groups=1, middle=None, bias=False, norm=True, shortcut=None):
    """Build the layers one by one and count them."""
    out = 4 * width
    layers = [nn.Conv2d(in_channels, width, 1, bias=bias),
              nn.Conv2d(width, width, 3, groups=middle or groups, bias=bias), nn.Conv2d(width, out, 1, bias=bias)]
    if stride > 1 or in_channels != out if shortcut is None else shortcut:
        layers.append(nn.Conv2d(in_channels, out, 1, bias=bias))
    if norm:
        layers += [nn.BatchNorm2d(layer.out_channels) for layer in layers]
    return sum(parameter.numel() for layer in layers for parameter in layer.parameters())


def bare_projection(in_channels, width, *, stride=1, groups=1):
    same = stride == 1 and in_channels == 4 * width
    branch = summed(in_channels, width, stride=stride, groups=groups, shortcut=False)
    return branch + (0 if same else nn.Conv2d(in_channels, 4 * width, 1, stride, bias=False).weight.numel())


def back(grad, jacobian, before, *, relu=True, add=None, keep=lambda before: before > 0):
    grad = np.where(keep(before), grad, 0) if relu else grad
    return (np.eye(len(grad)) + jacobian if add is None else add + jacobian).T @ grad


def listed(initial, growth_rate, depths, *, theta=0.5, stop=1, fresh=False, whole=int):
    channels, found = initial, []
    for number, depth in enumerate(depths):
        for _ in range(depth):
            channels += growth_rate
        found.append(channels)
        if number < len(depths) - stop:
            channels = whole(channels * theta)
            found.append(channels)
        channels = initial if fresh else channels
    return found


def grown(x, weights, *, before=torch.relu, after=lambda maps: maps, keep=False, front=False):
    x = tensor(x)
    for weight in weights:
        x = before(x) if keep else x
        new = after(torch.einsum("oc,chw->ohw", tensor(weight), before(x)))
        x = torch.cat([new, x] if front else [x, new])
    return x


def chained(x, weights):
    maps, last = [tensor(x)], tensor(x)
    for weight in weights:
        last = torch.einsum("oc,chw->ohw", tensor(weight)[:, :len(last)], last.relu())
        maps.append(last)
    return torch.cat(maps)


def from_the_input(x, weights):
    x = tensor(x)
    return torch.cat([x, *(torch.einsum("oc,chw->ohw", tensor(weight)[:, :len(x)], x.relu()) for weight in weights)])


def only_made(initial, growth_rate, depths, *, theta=0.5):
    found = []
    for depth in depths:
        found += [growth_rate * depth, int(growth_rate * depth * theta)]
    return found[:-1]


def all_lost(x, branch, stays, *, drop=0.5, training=True):
    if not training:
        return x + branch
    return np.array([(a + b) / (1 - drop) if keep else 0 * a for a, b, keep in zip(x, branch, stays, strict=True)])


def dropped(x, branch, stays, *, drop=0.5, training=True, factor=lambda drop: 1 / (1 - drop)):
    if not training:
        return x + branch
    return np.array([a + keep * factor(drop) * b for a, b, keep in zip(x, branch, stays, strict=True)])


@pytest.mark.parametrize(("check", "answer", "mistake"), [
    (ch07b.check_bottleneck_parameters, lambda i, w, **o: summed(i, w, **{**o, "groups": 1}), "groups-ignored"),
    (ch07b.check_bottleneck_parameters, lambda i, w, **o: summed(i, w, shortcut=False, **o), "projection-forgotten"),
    (ch07b.check_bottleneck_parameters, lambda i, w, **o: summed(i, w, shortcut=True, **o), "projection-always"),
    (ch07b.check_bottleneck_parameters, lambda i, w, **o: summed(i, w, shortcut=i != 4 * w, **o),
     "projection-by-channels-only"),
    (ch07b.check_bottleneck_parameters, lambda i, w, *, stride=1, **o: summed(i, w, shortcut=stride > 1, **o),
     "projection-by-stride-only"),
    (ch07b.check_bottleneck_parameters, lambda i, w, *, stride=1, groups=1: summed(i, w, stride=stride)
     - 9 * (w * w - (w // groups) * (w // groups)), "groups-on-both-sides"),
    (ch07b.check_bottleneck_parameters, lambda i, w, *, stride=1, groups=1: summed(i, w, stride=stride, groups=groups)
     - sum(layer.weight.numel() * (groups - 1) // groups for layer in (
         nn.Conv2d(i, w, 1), nn.Conv2d(w, 4 * w, 1))), "groups-everywhere"),
    (ch07b.check_bottleneck_parameters, bare_projection, "projection-without-norm"),
    (ch07b.check_bottleneck_parameters, lambda i, w, **o: summed(i, w, norm=False, **o), "norm-forgotten"),
    (ch07b.check_bottleneck_parameters, lambda i, w, **o: summed(i, w, bias=True, **o), "biases-counted"),
    (ch07b.check_residual_gradient, lambda g, j, b, **o: back(g, j, b, add=0, **o), "shortcut-forgotten"),
    (ch07b.check_residual_gradient, lambda g, j, b, **o: back(g, j, b, add=1, **o), "one-added-everywhere"),
    (ch07b.check_residual_gradient, lambda g, j, b, **o: back(g, j.T, b, **o), "jacobian-not-turned"),
    (ch07b.check_residual_gradient, lambda g, j, b, **o: back(g, j, b, relu=False), "relu-ignored"),
    (ch07b.check_residual_gradient, lambda g, j, b, **o: back(g, j, b, **o, keep=lambda b: b >= 0), "zero-passes"),
    (ch07b.check_residual_gradient, lambda g, j, b, *, relu=True: np.where((b <= 0) & relu, 0, g + g @ j),
     "mask-on-the-result"),
    (ch07b.check_residual_gradient, lambda g, j, b, *, relu=True: back(g * b.clip(0) if relu else g, j, b, relu=False),
     "times-before"),
    (ch07b.check_residual_gradient, lambda g, j, b, **o: back(g, j, b), "relu-always"),
    (ch07b.check_residual_gradient, lambda g, j, b, **o: g + back(g, j, b, add=0, **o), "relu-on-branch-only"),
    (ch07b.check_dense_channels, lambda *a, **o: listed(*a, stop=0, **o), "transition-at-the-end"),
    (ch07b.check_dense_channels, lambda *a, **o: listed(*a, theta=1), "never-compressed"),
    (ch07b.check_dense_channels, lambda *a, **o: listed(*a), "theta-ignored"),
    (ch07b.check_dense_channels, lambda *a, **o: listed(*a, fresh=True, **o), "each-block-from-the-start"),
    (ch07b.check_dense_channels, lambda *a, **o: listed(*a, whole=round, **o), "rounded-up"),
    (ch07b.check_dense_channels, lambda *a, **o: listed(*a, whole=lambda c: c, **o), "never-whole"),
    (ch07b.check_dense_channels, lambda i, k, d, **o: listed(i, 4 * k, d, **o), "bottleneck-added"),
    (ch07b.check_dense_channels, lambda i, k, d, **o: listed(i, k, [n - 1 for n in d], **o), "one-layer-short"),
    (ch07b.check_dense_channels, only_made, "input-forgotten"),
    (ch07b.check_dense_block, from_the_input, "first-input-only"),
    (ch07b.check_dense_block, lambda x, weights: grown(x, weights)[len(x):], "only-new-maps"),
    (ch07b.check_dense_block, chained, "last-layer-only"),
    (ch07b.check_dense_block, lambda x, weights: grown(x, weights, front=True), "newest-first"),
    (ch07b.check_dense_block, lambda x, weights: grown(x, weights, before=lambda m: m, after=torch.relu),
     "relu-behind"),
    (ch07b.check_dense_block, lambda x, weights: grown(x, weights, after=torch.relu), "relu-on-both-sides"),
    (ch07b.check_dense_block, lambda x, weights: grown(x, weights, keep=True), "relu-kept"),
    (ch07b.check_dense_block, lambda x, weights: grown(x, weights, before=lambda m: m), "relu-forgotten"),
    (ch07b.check_stochastic_sum, all_lost, "shortcut-dropped"),
    (ch07b.check_stochastic_sum, lambda *a, **o: dropped(*a, **o, factor=lambda d: 1), "never-scaled"),
    (ch07b.check_stochastic_sum, lambda *a, **o: dropped(*a, **o, factor=lambda d: 1 / d), "divided-by-drop"),
    (ch07b.check_stochastic_sum, lambda *a, **o: dropped(*a, **o, factor=lambda d: 1 - d), "multiplied"),
    (ch07b.check_stochastic_sum, lambda *a, **o: dropped(*a, **{**o, "training": True}), "random-in-evaluation"),
    (ch07b.check_stochastic_sum, lambda x, branch, stays, *, drop=0.5, training=True: dropped(
        x, branch, stays, factor=lambda d: 1) if training else x + (1 - drop) * branch, "scaled-in-evaluation"),
    (ch07b.check_stochastic_sum, lambda x, branch, stays, **o: dropped(x, branch, [not s for s in stays], **o),
     "stays-inverted"),
    (ch07b.check_stochastic_sum, lambda x, branch, stays, *, drop=0.5, training=True: dropped(
        x / (1 - drop) if training else x, branch, stays, drop=drop, training=training), "x-scaled-too"),
    (ch07b.check_stochastic_sum, lambda x, branch, stays, *, drop=0.5, training=True: dropped(
        x, branch, stays, drop=drop) if training else x + branch / (1 - drop), "scaled-up-in-evaluation"),
    (ch07b.check_stochastic_sum, lambda x, branch, stays, *, drop=0.5, training=True: dropped(
        x, branch, stays, drop=drop) if training else branch, "branch-alone-in-evaluation"),
    (ch07b.check_stochastic_sum, lambda x, branch, stays, **o: dropped(x, branch, [stays[0]] * len(x), **o),
     "one-draw-for-all"),
])
def test_typical_wrong_answers_are_named(check, answer, mistake):
    feedback = check(answer)
    assert (feedback.passed, feedback.mistake) == (False, mistake), feedback


def test_one_keep_for_all_axes_raises_and_is_told_the_call():
    feedback = ch07b.check_stochastic_sum(lambda x, branch, stays, *, drop=0.5, training=True: x + branch * stays)
    assert feedback.mistake is None and feedback.message.startswith("stochastic_sum(an array of shape (4, 3, 2, 2), ")
    assert "drop=0.75) raised ValueError" in feedback.message


def in_place_gradient(grad_output, jacobian, before, *, relu=True):
    grad_output *= (before > 0) if relu else 1.0
    grad_output += jacobian.T @ grad_output.copy()
    return grad_output


def in_place_sum(x, branch, stays, *, drop=0.5, training=True):
    if training:
        branch /= 1 - drop
        branch[stays == 0] = 0
    x += branch
    return x


def filled(x, weights):
    channels = len(x)
    maps = np.zeros_like(x, shape=(channels + sum(map(len, weights)), *x.shape[1:]))
    maps[:channels] = x
    for weight in weights:
        given = torch.from_numpy(maps[:channels]).relu()
        maps[channels:channels + len(weight)] = torch.tensordot(torch.from_numpy(weight), given, dims=1)
        channels += len(weight)
    return maps


@pytest.mark.parametrize(("check", "answer"), [
    (ch07b.check_residual_gradient, in_place_gradient), (ch07b.check_stochastic_sum, in_place_sum),
    (ch07b.check_dense_block, filled)])
def test_answers_that_work_in_place_or_with_torch_pass_since_all_cases_are_of_float_numbers(check, answer):
    feedback = check(answer)
    assert feedback.passed, feedback


def test_a_large_answer_of_the_right_shape_is_told_a_place():
    feedback = ch07b.check_stochastic_sum(
        lambda x, branch, stays, **options: dropped(x, branch, stays, **options) + (x.ndim > 2))
    assert feedback.mistake is None
    assert "should be" in feedback.message and " at [0, 0, 0, 0], got " in feedback.message


def test_an_unknown_mistake_shows_the_smallest_case():
    feedback = ch07b.check_residual_gradient(lambda grad, jacobian, before, *, relu=True: 7 * grad)
    assert feedback.mistake is None
    assert feedback.message == "residual_gradient([2], [[3]], [1], relu=False) should be [8], got [14]."
