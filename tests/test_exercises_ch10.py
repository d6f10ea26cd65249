"""The exercises of chapter 10: an independent right answer passes, typical wrong ones are told their mistake."""
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from cnnlib import shapes
from cnnlib.exercises import ch10, verify_exercise


def tensor(array):
    return torch.tensor(np.ascontiguousarray(array), dtype=torch.float64)


@pytest.mark.parametrize("name", ch10.EXERCISES)
def test_exercise_can_be_trusted(name):
    assert len(ch10.EXERCISES[name].mistakes) >= 5
    verify_exercise(ch10.EXERCISES[name])


# Right answers, written with PyTorch's layers and cnnlib's counts.

def counted(module):
    return sum(parameter.numel() for parameter in module.parameters())


def layers_cost(c_in, c_out, kernel_size, size):
    pair = nn.Sequential(nn.Conv2d(c_in, c_in, kernel_size, groups=c_in, bias=False),
                         nn.Conv2d(c_in, c_out, 1, bias=False))
    padding = kernel_size // 2
    macs = shapes.conv_mac_count((1, c_in, size, size), c_in, kernel_size, padding=padding, groups=c_in)
    return counted(pair), macs + shapes.conv_mac_count((1, c_in, size, size), c_out, 1)


def torch_separable(x, depthwise, pointwise, *, stride=1, padding=0):
    maps = F.conv2d(tensor(x), tensor(depthwise), stride=stride, padding=padding, groups=x.shape[1])
    return F.conv2d(maps, tensor(pointwise))


def layers_inverted(c_in, c_out, *, stride=1, expand=6):
    wide = expand * c_in
    block = nn.Sequential(nn.Conv2d(c_in, wide, 1, bias=False),
                          nn.Conv2d(wide, wide, 3, stride=stride, padding=1, groups=wide, bias=False),
                          nn.Conv2d(wide, c_out, 1, bias=False))
    x = torch.zeros(1, c_in, 8, 8)
    return wide, counted(block), 1 if block(x).shape == x.shape else 0


def stepwise_scaled(phi, alpha=1.2, beta=1.1, gamma=1.15):
    depth, width, resolution = np.exp(phi * np.log([alpha, beta, gamma]))
    return [depth, width, 224 * resolution, depth * width * width * resolution * resolution]


def columns_merged(depthwise, pointwise):
    return torch.einsum("oc,chw->ochw", tensor(pointwise)[:, :, 0, 0], tensor(depthwise)[:, 0])


@pytest.mark.parametrize(("check", "answer"), [
    (ch10.check_separable_cost, layers_cost),
    (ch10.check_separable, torch_separable),
    (ch10.check_inverted, layers_inverted),
    (ch10.check_scaled, stepwise_scaled),
    (ch10.check_merged, columns_merged),
])
def test_an_answer_written_another_way_passes(check, answer):
    feedback = check(answer)
    assert feedback.passed, feedback


def test_the_block_with_its_batch_norms_is_the_one_that_summarize_counts():
    assert layers_inverted(24, 24)[1] == 8208 and normed_inverted(24, 24)[1] == 8832


def test_the_merged_weight_is_the_separable_layer():
    weight = ch10.MERGED.reference(ch10.DEEP, ch10.POINT)
    np.testing.assert_allclose(F.conv2d(tensor(ch10.X), tensor(weight)), torch_separable(ch10.X, ch10.DEEP, ch10.POINT))


# Wrong answers as readers write them.

def cost_of(*layers):
    """Count layers (in, out, kernel size, groups) at one size."""
    def answer(c_in, c_out, kernel_size, size):
        weights = counted(nn.Sequential(*(nn.Conv2d(*layer[:3], groups=layer[3], bias=False)
                                          for layer in layers[0](c_in, c_out, kernel_size))))
        return weights, weights * size * size
    return answer


def with_biases(c_in, c_out, kernel_size, size):
    pair = nn.Conv2d(c_in, c_in, kernel_size, groups=c_in), nn.Conv2d(c_in, c_out, 1)
    return sum(map(counted, pair)), layers_cost(c_in, c_out, kernel_size, size)[1]


def biased_step(step):
    """Count with a bias in one of the two steps, 0 or 1."""
    def answer(c_in, c_out, kernel_size, size):
        pair = (nn.Conv2d(c_in, c_in, kernel_size, groups=c_in, bias=step == 0),
                nn.Conv2d(c_in, c_out, 1, bias=step == 1))
        return sum(map(counted, pair)), layers_cost(c_in, c_out, kernel_size, size)[1]
    return answer


def activated(x, depthwise, pointwise, *, stride=1, padding=0):
    maps = F.conv2d(tensor(x), tensor(depthwise), stride=stride, padding=padding, groups=x.shape[1])
    return F.conv2d(F.relu(maps), tensor(pointwise))


def strided_twice(x, depthwise, pointwise, *, stride=1, padding=0):
    maps = F.conv2d(tensor(x), tensor(depthwise), stride=stride, padding=padding, groups=x.shape[1])
    return F.conv2d(maps, tensor(pointwise), stride=stride)


def padded_twice(x, depthwise, pointwise, *, stride=1, padding=0):
    maps = F.conv2d(tensor(x), tensor(depthwise), stride=stride, padding=padding, groups=x.shape[1])
    return F.conv2d(maps, tensor(pointwise), padding=padding)


def shared_filter(x, depthwise, pointwise, **options):
    maps = [F.conv2d(tensor(x[:, [c]]), tensor(depthwise[:1]), **options) for c in range(x.shape[1])]
    return F.conv2d(torch.cat(maps, dim=1), tensor(pointwise))


def adds_if(rule):
    """Return the right block with another rule for when it adds."""
    return lambda i, o, *, stride=1, expand=6: (*layers_inverted(i, o, stride=stride, expand=expand)[:2],
                                                rule(i, o, stride))


def inverted_weights(count):
    def answer(i, o, *, stride=1, expand=6):
        wide, _, adds = layers_inverted(i, o, stride=stride, expand=expand)
        return wide, count(i, wide, o), adds
    return answer


def normed_inverted(i, o, *, stride=1, expand=6):
    wide, weights, adds = layers_inverted(i, o, stride=stride, expand=expand)
    return wide, weights + counted(nn.ModuleList(map(nn.BatchNorm2d, (wide, wide, o)))), adds


def widened_from_output(i, o, *, stride=1, expand=6):
    return expand * o, expand * o * (i + 9 + o), layers_inverted(i, o, stride=stride)[2]


def thinned_by_stride(i, o, *, stride=1, expand=6):
    wide, weights, adds = layers_inverted(i, o, stride=stride, expand=expand)
    return wide, weights // (stride * stride), adds


def added_growth(phi, alpha=1.2, beta=1.1, gamma=1.15):
    depth, width, resolution = np.array([1.0, 1, 1]) + phi * (np.array([alpha, beta, gamma]) - 1)
    return depth, width, 224 * resolution, depth * width * width * resolution * resolution


def whole_pixels(phi, *factors):
    depth, width, pixels, macs = stepwise_scaled(phi, *factors)
    return depth, width, int(pixels + 0.5), macs


def macs_by(rule):
    def answer(phi, alpha=1.2, beta=1.1, gamma=1.15):
        return *stepwise_scaled(phi, alpha, beta, gamma)[:3], rule(phi, alpha, beta, gamma)
    return answer


@pytest.mark.parametrize(("check", "answer", "mistake"), [
    (ch10.check_separable_cost, cost_of(lambda i, o, k: [(i, o, k, 1)]), "standard-convolution"),
    (ch10.check_separable_cost, cost_of(lambda i, o, k: [(i, i, k, i)]), "depthwise-alone"),
    (ch10.check_separable_cost, cost_of(lambda i, o, k: [(i, o, 1, 1)]), "pointwise-alone"),
    (ch10.check_separable_cost, cost_of(lambda i, o, k: [(o, o, k, o), (i, o, 1, 1)]),
     "depthwise-filter-for-each-output"),
    (ch10.check_separable_cost, cost_of(lambda i, o, k: [(i, i, (k, 1), i), (i, o, 1, 1)]), "kernel-side"),
    (ch10.check_separable_cost, lambda i, o, k, n: (layers_cost(i, o, k, n)[0], layers_cost(i, o, k, n)[1] // n),
     "size-once"),
    (ch10.check_separable_cost, with_biases, "bias-counted"),
    (ch10.check_separable_cost, biased_step(0), "bias-in-the-depthwise-step"),
    (ch10.check_separable_cost, biased_step(1), "bias-in-the-pointwise-step"),
    (ch10.check_separable_cost, lambda *sizes: (layers_cost(*sizes)[0], 2 * layers_cost(*sizes)[1]), "flops-for-macs"),
    (ch10.check_separable_cost, lambda *sizes: tuple(reversed(layers_cost(*sizes))), "swapped"),
    (ch10.check_separable_cost, lambda i, o, k, n: [(o + k * k) / (o * k * k)] * 2, "remaining-fraction"),
    (ch10.check_separable, lambda x, d, p, **o: F.conv2d(tensor(x), tensor(d), groups=x.shape[1], **o),
     "depthwise-alone"),
    (ch10.check_separable, activated, "relu-between"),
    (ch10.check_separable, lambda x, d, p, *, stride=1, padding=0: torch_separable(x, d, p, padding=padding),
     "stride-ignored"),
    (ch10.check_separable, lambda x, d, p, *, stride=1, padding=0: torch_separable(x, d, p, stride=stride),
     "padding-ignored"),
    (ch10.check_separable, strided_twice, "stride-twice"),
    (ch10.check_separable, padded_twice, "padding-twice"),
    (ch10.check_separable, shared_filter, "one-depthwise-filter"),
    (ch10.check_separable, lambda x, d, p, **o: torch_separable(x, np.flip(d, (2, 3)), p, **o), "kernel-turned"),
    (ch10.check_inverted, adds_if(lambda i, o, stride: 1), "always-adds"),
    (ch10.check_inverted, adds_if(lambda i, o, stride: 1 if i == o else 0), "stride-forgotten"),
    (ch10.check_inverted, adds_if(lambda i, o, stride: 1 if stride == 1 else 0), "channels-forgotten"),
    (ch10.check_inverted, lambda i, o, *, stride=1, expand=6: (
        i // expand, i // expand * (i + 9 + o), layers_inverted(i, o, stride=stride)[2]), "narrowed"),
    (ch10.check_inverted, adds_if(lambda i, o, stride: 0), "never-adds"),
    (ch10.check_inverted, widened_from_output, "widened-from-the-output"),
    (ch10.check_inverted, thinned_by_stride, "weights-over-stride"),
    (ch10.check_inverted, normed_inverted, "batch-norms-counted"),
    (ch10.check_inverted, inverted_weights(lambda i, wide, o: wide * (i + 9 * wide + o)), "dense-in-the-middle"),
    (ch10.check_inverted, inverted_weights(lambda i, wide, o: wide * (i + o) + 9 * i), "depthwise-on-the-narrow"),
    (ch10.check_inverted, inverted_weights(lambda i, wide, o: wide * (9 + o)), "expansion-forgotten"),
    (ch10.check_scaled, macs_by(lambda phi, a, b, c: 2**phi), "doubling"),
    (ch10.check_scaled, macs_by(lambda phi, a, b, c: (a * b * c) ** phi), "nothing-squared"),
    (ch10.check_scaled, macs_by(lambda phi, a, b, c: (a * b * c * c) ** phi), "width-not-squared"),
    (ch10.check_scaled, macs_by(lambda phi, a, b, c: (a * b * b * c) ** phi), "resolution-not-squared"),
    (ch10.check_scaled, macs_by(lambda phi, a, b, c: (a * b * c) ** (2 * phi)), "depth-squared"),
    (ch10.check_scaled, lambda phi, a=1.2, b=1.1, c=1.15: (
        phi * a, phi * b, phi * c * 224, phi**5 * a * b * b * c * c), "times-phi"),
    (ch10.check_scaled, lambda phi, a=1.2, b=1.1, c=1.15: (
        a**phi, b**phi, c**phi, (a * b * b * c * c) ** phi), "factor-for-pixels"),
    (ch10.check_scaled, added_growth, "linear-growth"),
    (ch10.check_scaled, macs_by(lambda phi, a, b, c: a * b * b * c * c * phi), "step-times-phi"),
    (ch10.check_scaled, whole_pixels, "rounded-pixels"),
    (ch10.check_scaled, lambda phi, a=1.2, b=1.1, c=1.15: (a, b, 224 * c, a * b * b * c * c), "one-step"),
    (ch10.check_merged, lambda d, p: tensor(p) * tensor(d), "axes-not-lined-up"),
    (ch10.check_merged, lambda d, p: [[p[o, c] + d[c, 0] for c in range(len(d))] for o in range(len(p))], "added"),
    (ch10.check_merged, lambda d, p: [[p[o, c] * d[c, 0] for o in range(len(p))] for c in range(len(d))],
     "channels-first"),
    (ch10.check_merged, lambda d, p: [[sum(p[o, c] * d[c, 0] for c in range(len(d)))] for o in range(len(p))],
     "summed-over-channels"),
    (ch10.check_merged, lambda d, p: [[p[o, c] * d[0, 0] for c in range(len(d))] for o in range(len(p))],
     "one-depthwise-filter"),
    (ch10.check_merged, lambda d, p: columns_merged(np.flip(d, (2, 3)), p), "kernel-turned"),
    (ch10.check_merged, lambda d, p: [[d[c, 0] for c in range(len(d))] for _ in p], "pointwise-ignored"),
])
def test_typical_wrong_answers_are_named(check, answer, mistake):
    feedback = check(answer)
    assert (feedback.passed, feedback.mistake) == (False, mistake), feedback


def test_an_unknown_mistake_shows_the_smallest_case():
    feedback = ch10.check_separable_cost(lambda c_in, c_out, kernel_size, size: (7, 7))
    assert feedback.mistake is None
    assert feedback.message == "separable_cost(2, 3, 3, 1) should be (24, 24), got (7, 7)."


def test_the_1x1_first_does_not_fit_and_is_told_the_call():
    def pointwise_first(x, depthwise, pointwise, *, stride=1, padding=0):
        maps = F.conv2d(tensor(x), tensor(pointwise))
        return F.conv2d(maps, tensor(depthwise), stride=stride, padding=padding, groups=maps.shape[1])

    assert ch10.check_separable(pointwise_first).message.startswith("separable(")
    assert "raised RuntimeError" in ch10.check_separable(pointwise_first).message
