"""The exercises of chapter 5: an independent right answer passes, typical wrong ones are told their mistake."""
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from cnnlib.exercises import ch05, verify_exercise


def tensor(array):
    return torch.tensor(np.asarray(array, dtype=float))


@pytest.mark.parametrize("name", ch05.EXERCISES)
def test_exercise_can_be_trusted(name):
    assert len(ch05.EXERCISES[name].mistakes) >= 5
    verify_exercise(ch05.EXERCISES[name])


# Right answers, written with PyTorch.

def torch_features(size, channels, blocks):
    layers = [part for _ in range(blocks) for part in (nn.LazyConv2d(channels, 3, padding=1), nn.MaxPool2d(2))]
    return nn.Sequential(*layers, nn.Flatten())(torch.zeros(1, 1, size, size)).shape[1]


def torch_prepared(images, mean, std):
    x = tensor(images).permute(0, 3, 1, 2) / 255
    return F.batch_norm(x, tensor(mean), tensor(std) ** 2, eps=0)


def torch_normalized(x, gamma, beta, *, eps=1e-5):
    return F.batch_norm(tensor(x), None, None, tensor(gamma), tensor(beta), training=True, eps=eps)


def torch_folded(weight, bias, mean, var, gamma, beta, *, eps=1e-5):
    """Find the folded layer from what it does to zero and to each unit vector."""
    probes = torch.cat([torch.zeros(1, len(weight[0]), dtype=torch.float64), torch.eye(len(weight[0])).double()])
    y = F.linear(probes, tensor(weight), tensor(bias))
    y = F.batch_norm(y, tensor(mean), tensor(var), tensor(gamma), tensor(beta), eps=eps)
    return torch.cat([y[1:] - y[0], y[:1]]).T


@pytest.mark.parametrize(("check", "answer"), [
    (ch05.check_flat_features, torch_features),
    (ch05.check_parity_weights, [1.0, -2.0, 2.0]),
    (ch05.check_parity_weights, torch.tensor([1, -2, 2])),
    (ch05.check_prepare_images, torch_prepared),
    (ch05.check_normalize_maps, torch_normalized),
    (ch05.check_fold_batch_norm, torch_folded),
])
def test_an_answer_written_another_way_passes(check, answer):
    feedback = check(answer)
    assert feedback.passed, feedback


def test_parity_is_that_of_three_inputs():
    weights = ch05.PARITY_WEIGHTS.reference
    for bits in np.ndindex(2, 2, 2):
        s = sum(bits)
        assert sum(w * max(0, s - at) for at, w in enumerate(weights)) == s % 2


# Wrong answers as readers write them.

def pool_by_ceiling(size, channels, blocks):
    return torch.zeros(channels, -(-size // 2**blocks), -(-size // 2**blocks)).numel()


def valid_convolutions(size, channels, blocks):
    for _ in range(blocks):
        size = (size - 3 + 1) // 2
    return channels * size**2


def layer_norm(x, gamma, beta, *, eps=1e-5):
    y = F.layer_norm(tensor(x), x.shape[1:], eps=eps)
    return y * tensor(gamma).view(1, -1, 1, 1) + tensor(beta).view(1, -1, 1, 1)


def instance_norm(x, gamma, beta, *, eps=1e-5):
    return F.instance_norm(tensor(x), weight=tensor(gamma), bias=tensor(beta), eps=eps)


def by_default_variance(x, gamma, beta, *, eps=1e-5):
    """Use torch.var as it comes: it divides by n − 1."""
    x = tensor(x)
    mean, var = x.mean((0, 2, 3), keepdim=True), x.var((0, 2, 3), keepdim=True)
    return tensor(gamma)[:, None, None] * (x - mean) / torch.sqrt(var + eps) + tensor(beta)[:, None, None]


def group_of_all(x, gamma, beta, *, eps=1e-5):
    y = (x - x.mean()) / np.sqrt(x.var() + eps)
    return y * np.asarray(gamma)[:, None, None] + np.asarray(beta)[:, None, None]


def view_as_channels(images, mean, std):
    x = tensor(images) / 255
    x = (x - tensor(mean)) / tensor(std)
    return x.reshape(len(x), 3, *images.shape[1:3])


def pixel_norm(x, gamma, beta, *, eps=1e-5):
    flat = F.batch_norm(tensor(x).flatten(1), None, None, training=True, eps=eps).view(x.shape)
    return flat * tensor(gamma)[:, None, None] + tensor(beta)[:, None, None]


def divided_by(spread):
    """Return a normalization that divides by spread(variance, eps)."""
    def wrong(x, gamma, beta, *, eps=1e-5):
        maps = tensor(x).transpose(0, 1).flatten(1)
        y = (maps - maps.mean(1, keepdim=True)) / spread(maps.var(1, correction=0, keepdim=True), eps)
        y = tensor(gamma)[:, None] * y + tensor(beta)[:, None]
        return y.view(x.shape[1], len(x), *x.shape[2:]).transpose(0, 1)
    return wrong


def shifted_first(x, gamma, beta, *, eps=1e-5):
    y = torch_normalized(x, np.ones_like(gamma), beta, eps=eps)
    return torch.einsum("nchw,c->nchw", y, tensor(gamma))


def last_column(change):
    """Return a folding that is right but for its bias, to which change(scale, bias, mean, beta) is added."""
    def wrong(weight, bias, mean, var, gamma, beta, *, eps=1e-5):
        folded = torch_folded(weight, bias, mean, var, gamma, beta, eps=eps)
        scale = tensor(gamma) * torch.rsqrt(tensor(var) + eps)
        folded[:, -1] += change(scale, tensor(bias), tensor(mean), tensor(beta))
        return folded
    return wrong


def scaled_inputs(weight, bias, mean, var, gamma, beta, *, eps=1e-5):
    right = torch_folded(weight, bias, mean, var, gamma, beta, eps=eps)
    columns = tensor(weight) @ torch.diag(tensor(gamma) / torch.sqrt(tensor(var) + eps))
    return torch.cat([columns, right[:, -1:]], dim=1)


def fold_bias_wrongly(weight, bias, mean, var, gamma, beta, *, eps=1e-5):
    right = torch_folded(weight, bias, mean, var, gamma, beta, eps=eps)
    scale = tensor(gamma) / torch.sqrt(tensor(var) + eps)
    return torch.cat([right[:, :-1], (tensor(bias) - tensor(mean) * scale + tensor(beta))[:, None]], dim=1)


@pytest.mark.parametrize(("check", "answer", "mistake"), [
    (ch05.check_flat_features, pool_by_ceiling, "rounded-up"),
    (ch05.check_flat_features, valid_convolutions, "padding-forgotten"),
    (ch05.check_flat_features, lambda size, channels, blocks: channels * size * size, "not-pooled"),
    (ch05.check_flat_features, lambda size, channels, blocks: channels * (size // 2) ** 2, "one-block"),
    (ch05.check_flat_features, lambda size, channels, blocks: channels * (size >> blocks), "one-axis"),
    (ch05.check_flat_features, lambda size, channels, blocks: (size >> blocks) ** 2, "channels-forgotten"),
    (ch05.check_flat_features, lambda size, channels, blocks: channels * size * size >> blocks, "halved-once"),
    (ch05.check_flat_features, lambda size, channels, blocks: size >> blocks, "side-only"),
    (ch05.check_parity_weights, (1, -1, 1), "slopes-not-changes"),
    (ch05.check_parity_weights, np.array([1.0, -2, 0]), "two-inputs-only"),
    (ch05.check_parity_weights, [1, -2, 1], "last-too-small"),
    (ch05.check_parity_weights, [1, -2, 3], "last-too-large"),
    (ch05.check_parity_weights, [-1, 2, -2], "sign-turned"),
    (ch05.check_parity_weights, [1, 0, 1], "values-not-weights"),
    (ch05.check_prepare_images, view_as_channels, "reshaped-not-transposed"),
    (ch05.check_prepare_images, lambda images, mean, std: torch_prepared(images * 255, mean, std), "not-scaled"),
    (ch05.check_prepare_images, lambda images, mean, std: torch_prepared(images, mean, np.sqrt(std)),
     None),
    (ch05.check_prepare_images, lambda images, mean, std: torch_prepared(images, mean, np.array(std) ** 2),
     "variance-for-deviation"),
    (ch05.check_prepare_images, lambda images, mean, std: torch_prepared(images, mean, std).permute(0, 2, 3, 1),
     "channels-last"),
    (ch05.check_prepare_images, lambda images, mean, std: F.batch_norm(
        tensor(images).permute(0, 3, 1, 2), tensor(mean), tensor(std) ** 2, eps=0) / 255, "scaled-last"),
    (ch05.check_prepare_images, lambda images, mean, std: torch_prepared(images * 255 / 256, mean, std),
     "divided-by-256"),
    (ch05.check_prepare_images, lambda images, mean, std: torch_prepared(images, mean, std).mT,
     "rows-and-columns-swapped"),
    (ch05.check_prepare_images, lambda images, mean, std: torch_prepared(images, mean, (1, 1, 1)), "mean-only"),
    (ch05.check_normalize_maps, layer_norm, "channels-averaged"),
    (ch05.check_normalize_maps, instance_norm, "each-image-alone"),
    (ch05.check_normalize_maps, by_default_variance, "unbiased-variance"),
    (ch05.check_normalize_maps, group_of_all, "all-axes"),
    (ch05.check_normalize_maps, pixel_norm, "batch-axis-only"),
    (ch05.check_normalize_maps, divided_by(lambda var, eps: var + eps), "root-forgotten"),
    (ch05.check_normalize_maps, divided_by(lambda var, eps: var.sqrt() + eps), "eps-outside-the-root"),
    (ch05.check_normalize_maps, shifted_first, "shift-before-scale"),
    (ch05.check_normalize_maps, lambda x, gamma, beta, *, eps=1e-5: torch_normalized(
        x, np.ones_like(gamma), np.zeros_like(beta), eps=eps), "scale-and-shift-forgotten"),
    (ch05.check_fold_batch_norm, fold_bias_wrongly, "bias-not-scaled"),
    (ch05.check_fold_batch_norm, last_column(lambda scale, bias, mean, beta: mean * scale - mean), "mean-not-scaled"),
    (ch05.check_fold_batch_norm, last_column(lambda scale, bias, mean, beta: mean * scale), "mean-forgotten"),
    (ch05.check_fold_batch_norm, last_column(lambda scale, bias, mean, beta: beta * (scale - 1)), "beta-scaled"),
    (ch05.check_fold_batch_norm, scaled_inputs, "columns-scaled"),
    (ch05.check_fold_batch_norm, lambda w, b, mean, var, gamma, beta, *, eps=1e-5: torch_folded(
        w, b, mean, var, gamma, beta * 0, eps=eps), "beta-forgotten"),
    (ch05.check_fold_batch_norm, lambda w, b, mean, var, gamma, beta, *, eps=1e-5: torch_folded(
        w, b, -mean, var, gamma, beta, eps=eps), "mean-added"),
    (ch05.check_fold_batch_norm, lambda w, b, mean, var, gamma, beta, *, eps=1e-5: torch_folded(
        w, b, mean, var, gamma * 0 + 1, beta, eps=eps), "gamma-forgotten"),
])
def test_typical_wrong_answers_are_named(check, answer, mistake):
    feedback = check(answer)
    assert (feedback.passed, feedback.mistake) == (False, mistake), feedback


def test_the_message_says_what_to_look_at_and_no_more():
    feedback = ch05.check_normalize_maps(by_default_variance)
    assert feedback.message == ("Not yet (unbiased-variance): you divide the squares by n − 1. The batch is normalized "
                                "with n; n − 1 is for the running variance.")


def test_an_unknown_mistake_shows_the_smallest_case():
    feedback = ch05.check_flat_features(lambda size, channels, blocks: 7)
    assert feedback.mistake is None and feedback.message == "flat_features(8, 4, 1) should be 64, got 7."


def test_the_broken_batch_norm_of_the_chapter_is_refused():
    def broken(x, gamma, beta, *, eps=1e-5):
        x = tensor(x)
        mean, var = x.mean((0, 2, 3), keepdim=True), x.var((0, 2, 3))
        return tensor(gamma) * (x - mean) / torch.sqrt(var + eps) + tensor(beta)

    feedback = ch05.check_normalize_maps(broken)  # (2, 2, 2, 2) runs, (3, 4, 2, 5) does not
    assert not feedback.passed and "raised RuntimeError" in feedback.message
