"""The exercises of chapter 7a: an independent right answer passes, typical wrong ones are told their mistake."""
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from cnnlib.exercises import ch07a, verify_exercise


def tensor(array):
    return torch.tensor(np.array(array, dtype=float))


@pytest.mark.parametrize("name", ch07a.EXERCISES)
def test_exercise_can_be_trusted(name):
    assert len(ch07a.EXERCISES[name].mistakes) >= 5
    verify_exercise(ch07a.EXERCISES[name])


# Right answers, written with PyTorch.

def paths(in_channels, widths):
    one, reduce3, width3, reduce5, width5, width_pool = widths
    return nn.ModuleList([
        nn.Conv2d(in_channels, one, 1),
        nn.Conv2d(in_channels, reduce3, 1), nn.Conv2d(reduce3, width3, 3),
        nn.Conv2d(in_channels, reduce5, 1), nn.Conv2d(reduce5, width5, 5),
        nn.Conv2d(in_channels, width_pool, 1)])


def counted(layers):
    return sum(p.numel() for p in layers.parameters())


def torch_parameters(in_channels, widths):
    return counted(paths(in_channels, widths))


def torch_merged(first, second):
    """Read the merged weight off the pair's answers to one impulse for each channel."""
    first, second = tensor(first), tensor(second)
    channels, size = first.shape[1], second.shape[2]
    impulses = torch.zeros(channels, channels, 2 * size - 1, 2 * size - 1, dtype=torch.float64)
    impulses[range(channels), range(channels), size - 1, size - 1] = 1
    return F.conv2d(F.conv2d(impulses, first), second).flip(2, 3).transpose(0, 1)


def by_power_iteration(kernel):
    kernel, row = tensor(kernel), torch.ones(len(kernel[0]), dtype=torch.float64) + torch.arange(3) / 7
    for _ in range(500):
        row = kernel.T @ (kernel @ row)
        row /= row.norm()
    return torch.outer(kernel @ row, row)


def torch_loss(scores, label, *, smoothing=0.1):
    return F.cross_entropy(tensor(scores)[None], torch.tensor([label]), label_smoothing=smoothing).item()


@pytest.mark.parametrize(("check", "answer"), [
    (ch07a.check_module_parameters, torch_parameters),
    (ch07a.check_merge_pair, torch_merged),
    (ch07a.check_separable, by_power_iteration),
    (ch07a.check_smoothed_loss, torch_loss),
])
def test_an_answer_written_another_way_passes(check, answer):
    feedback = check(answer)
    assert feedback.passed, feedback


def test_the_largest_case_is_the_papers_module():
    assert torch_parameters(192, (64, 96, 128, 16, 32, 32)) == 163_696
    assert ch07a.MODULE_PARAMETERS.reference(192, (64, 96, 128, 16, 32, 32)) == 163_696


# Wrong answers as readers write them.

def without_bias(in_channels, widths):
    return sum(layer.weight.numel() for layer in paths(in_channels, widths))


def windows_see_everything(in_channels, widths):
    layers = paths(in_channels, widths)
    layers[2], layers[4] = nn.Conv2d(in_channels, widths[2], 3), nn.Conv2d(in_channels, widths[4], 5)
    return counted(layers)


def as_in_torchvision(in_channels, widths):
    layers = paths(in_channels, widths)
    layers[4] = nn.Conv2d(widths[3], widths[4], 3)
    return counted(layers)


def sides_only(in_channels, widths):
    layers = paths(in_channels, widths)
    layers[2], layers[4] = nn.Conv1d(widths[1], widths[2], 3), nn.Conv1d(widths[3], widths[4], 5)
    return counted(layers)


def without_reductions(in_channels, widths):
    layers = paths(in_channels, widths)
    return counted(nn.ModuleList([layers[0], nn.Conv2d(in_channels, widths[2], 3), nn.Conv2d(in_channels, widths[4], 5),
                                  layers[5]]))


def unpaid_reductions(in_channels, widths):
    layers = paths(in_channels, widths)
    return counted(layers) - counted(layers[1]) - counted(layers[3])


def stacked(in_channels, widths):
    sizes = zip(widths, (1, 1, 3, 1, 5, 1), strict=True)
    layers = nn.Sequential(*(nn.LazyConv2d(width, size) for width, size in sizes))
    layers(torch.zeros(1, in_channels, 9, 9))
    return counted(layers)


def first_between(first, second):
    alone = np.zeros_like(first)
    alone[0] = first[0]
    return torch_merged(alone, second)


def two_best(kernel):
    kernel = tensor(kernel)
    directions = torch.linalg.eigh(kernel.T @ kernel)[1][:, -2:]
    return kernel @ directions @ directions.T


def through_the_middle(kernel):
    i, j = (size // 2 for size in kernel.shape)
    return [[kernel[row, j] * kernel[i, col] / (kernel[i, j] or 1) for col in range(len(kernel[0]))]
            for row in range(len(kernel))]


def matrix_product_of_sums(first, second):
    return (second.sum(1)[:, None] * first[:, :, 0, 0].sum(0)[None, :, None, None])


def unit_svd(kernel):
    u, _, v = torch.linalg.svd(tensor(kernel))
    return torch.outer(u[:, 0], v[0])


def targets_as(make):
    def loss(scores, label, *, smoothing=0.1):
        count = len(scores)
        return F.cross_entropy(tensor(scores)[None], tensor(make(np.eye(count)[label], smoothing, count))[None]).item()
    return loss


@pytest.mark.parametrize(("check", "answer", "mistake"), [
    (ch07a.check_module_parameters, without_bias, "biases-forgotten"),
    (ch07a.check_module_parameters, windows_see_everything, "reduction-ignored"),
    (ch07a.check_module_parameters, as_in_torchvision, "three-for-five"),
    (ch07a.check_module_parameters, lambda c, w: counted(paths(c, w)[:5]), "pool-path-free"),
    (ch07a.check_module_parameters, sides_only, "sides-for-areas"),
    (ch07a.check_module_parameters, lambda c, w: counted(paths(c, w)) + c, None),
    (ch07a.check_module_parameters, without_reductions, "reduction-not-counted"),
    (ch07a.check_module_parameters, unpaid_reductions, "reductions-free"),
    (ch07a.check_module_parameters, stacked, "one-after-the-other"),
    (ch07a.check_merge_pair, lambda a, b: torch_merged(a, b) / a.shape[0], "channels-averaged"),
    (ch07a.check_merge_pair, first_between, "first-channel-between-only"),
    (ch07a.check_merge_pair, matrix_product_of_sums, "channels-between-not-mixed"),
    (ch07a.check_merge_pair, lambda a, b: torch_merged(a, b).transpose(0, 1), "output-channels-swapped"),
    (ch07a.check_merge_pair, lambda a, b: torch_merged(a, b).flip(2, 3), "kernel-turned"),
    (ch07a.check_merge_pair, lambda a, b: torch_merged(a, b).transpose(2, 3), "kernel-transposed"),
    (ch07a.check_separable, unit_svd, "strength-forgotten"),
    (ch07a.check_separable, lambda k: tensor(k), "not-changed"),
    (ch07a.check_separable, lambda k: by_power_iteration(k).T, "rows-and-columns-swapped"),
    (ch07a.check_separable, lambda k: k.mean(1)[:, None] * k.mean(0) * k.size / (k.sum() or k.size),
     "row-and-column-sums"),
    (ch07a.check_separable, two_best, "two-products"),
    (ch07a.check_separable, through_the_middle, "middle-row-and-column"),
    (ch07a.check_smoothed_loss, lambda s, y, *, smoothing=0.1: (1 - smoothing) * tensor(s).softmax(0)[y].item()
     + smoothing * tensor(s).softmax(0).mean().item(), "logarithm-forgotten"),
    (ch07a.check_smoothed_loss, lambda s, y, *, smoothing=0.1: torch_loss(s, y, smoothing=smoothing) / len(s),
     "mean-over-classes"),
    (ch07a.check_smoothed_loss, lambda s, y, *, smoothing=0.1: torch_loss(s, y, smoothing=0), "not-smoothed"),
    (ch07a.check_smoothed_loss, targets_as(lambda hot, e, n: hot * (1 - e) + (1 - hot) * e / (n - 1)),
     "shared-among-the-others"),
    (ch07a.check_smoothed_loss, targets_as(lambda hot, e, n: hot * (1 - e)), "others-get-nothing"),
    (ch07a.check_smoothed_loss, targets_as(lambda hot, e, n: hot * (1 - e) + (1 - hot) * e / n),
     "right-class-without-share"),
    (ch07a.check_smoothed_loss, targets_as(lambda hot, e, n: hot * (1 - e) + e), "smoothing-not-divided"),
    (ch07a.check_smoothed_loss, lambda s, y, *, smoothing=0.1: torch_loss(s, y), "smoothing-fixed"),
    (ch07a.check_smoothed_loss,
     lambda s, y, *, smoothing=0.1: -torch_loss(s, y, smoothing=smoothing), "sign-forgotten"),
    (ch07a.check_smoothed_loss,
     lambda s, y, *, smoothing=0.1: -(1 - smoothing) * s[y] - smoothing * s.mean(), "scores-not-normalized"),
])
def test_typical_wrong_answers_are_named(check, answer, mistake):
    feedback = check(answer)
    assert (feedback.passed, feedback.mistake) == (False, mistake), feedback


def test_the_message_says_what_to_look_at_and_no_more():
    feedback = ch07a.check_module_parameters(as_in_torchvision)
    assert feedback.message == ("Not yet (three-for-five): your third path has a 3×3 window. So it is in torchvision's "
                                "weights; the exercise asks for the paper's 5×5.")


def test_an_unknown_mistake_shows_the_smallest_case():
    feedback = ch07a.check_module_parameters(lambda in_channels, widths: 7)
    assert feedback.mistake is None
    assert feedback.message == "module_parameters(4, (1, 2, 3, 1, 2, 1)) should be 134, got 7."
