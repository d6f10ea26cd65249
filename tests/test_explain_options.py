"""What options are when they are not given, what the limits are, and in whose name an argument is refused."""
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.manifold import TSNE
from torch import nn

from cnnlib.explain import embed, feature_maps, grad_cam, maximize_activation, occlusion, project, randomized, saliency
from tests.judge import refused

torch.manual_seed(0)
MODEL = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Conv2d(2, 3, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()
X = torch.randn(2, 1, 6, 9)
IMAGES = "x must be images (N, C, H, W) of floats, got torch.float32 (1, 6, 9)"
WHOLE = "must be a whole number of at least"


class Named(nn.Module):
    """Return the scores under a name, as networks with helpers do."""

    def forward(self, x):
        """Return the scores as an attribute."""
        return SimpleNamespace(logits=MODEL(x))


def test_embedding_is_the_mean_of_each_map_or_all_numbers():
    with torch.no_grad():
        maps = MODEL[0](X)
        assert torch.equal(embed(MODEL, X, layer="0"), maps.mean((2, 3)))
        assert torch.equal(embed(MODEL, X, layer=MODEL[3]), MODEL(X))
        rows = nn.Sequential(MODEL[0], nn.Flatten(2))
        assert torch.equal(embed(rows, X, layer="1"), maps.reshape(2, -1))


def test_principal_components_are_the_directions_of_the_largest_singular_values():
    vectors = np.random.default_rng(0).normal(size=(9, 4)) * [1, 5, 2, 3]
    centered = vectors - vectors.mean(0)
    directions = np.linalg.svd(centered, full_matrices=False)[2][:2]
    np.testing.assert_allclose(abs(project(vectors)), abs(centered @ directions.T))  # each may point the other way
    assert np.array_equal(project(vectors.round().astype(int)), project(vectors.round()))


@pytest.mark.parametrize(("count", "perplexity"), [(10, 3), (120, 30)])
def test_neighbors_are_those_of_scikit_learn(count, perplexity):
    vectors = np.random.default_rng(0).normal(size=(count, 4))
    right = TSNE(perplexity=perplexity, init="pca", random_state=0).fit_transform(vectors)
    assert np.array_equal(project(vectors, method="tsne"), right)


def test_maximized_activation_without_options():
    one = {"layer": "0", "channel": 1, "input_shape": (1, 5, 6)}
    picture = maximize_activation(MODEL, **one)
    assert torch.equal(picture, maximize_activation(MODEL, **one, steps=128, lr=0.1, decay=0.01, seed=0))
    short = maximize_activation(MODEL, **one, steps=2)
    for other in ({"steps": 1}, {"lr": 0.2}, {"decay": 0.02}, {"seed": 1}):
        assert not torch.equal(short, maximize_activation(MODEL, **one, **{"steps": 2, **other}))


def falls(x, patch, step, target, fill):
    """Cover one patch of one image after the other, slowly."""
    maps = torch.zeros(len(x), *x.shape[2:])
    for n, image in enumerate(x):
        count = torch.zeros(x.shape[2:])
        before = MODEL(image[None])[0, target[n]]
        tops, lefts = (range(0, size - k + s, s) for size, k, s in zip(x.shape[2:], patch, step, strict=True))
        for top in tops:
            for left in lefts:
                covered, here = image.clone(), (slice(top, top + patch[0]), slice(left, left + patch[1]))
                covered[:, here[0], here[1]] = fill
                maps[n][here] += before - MODEL(covered[None])[0, target[n]]
                count[here] += 1
        maps[n] /= count
    return maps


@pytest.mark.parametrize(("patch", "step"), [
    ((6, 9), (6, 9)), ((6, 2), (3, 2)), ((2, 9), (2, 5)), ((2, 3), (2, 2)), ((1, 1), (1, 1))])
def test_occlusion_of_rectangles_is_that_of_one_patch_after_the_other(patch, step):
    with torch.no_grad():
        best = MODEL(X).argmax(1)
        for batch_size in (1, 3, 64):
            ours = occlusion(MODEL, X, patch_size=patch, stride=step, batch_size=batch_size)
            torch.testing.assert_close(ours, falls(X, patch, step, best, 0))
        ours = occlusion(MODEL, X, target=[2, 0], patch_size=patch, stride=step, fill=0.5)
        torch.testing.assert_close(ours, falls(X, patch, step, [2, 0], 0.5))


@pytest.mark.parametrize("target", [None, 1, [0, 2]])
def test_scores_under_a_name_are_scores(target):
    model = Named()
    model.inner = MODEL
    assert torch.equal(saliency(model, X, target=target), saliency(MODEL, X, target=target))
    options = {"target": target, "patch_size": 3, "stride": 3}
    assert torch.equal(occlusion(model, X, **options), occlusion(MODEL, X, **options))
    assert torch.equal(grad_cam(model, X, target=target, layer="inner.0"), grad_cam(MODEL, X, target=target, layer="0"))


@pytest.mark.parametrize(("call", "message"), [
    (lambda: feature_maps(MODEL, X[0], layers=["0"]), f"feature_maps: {IMAGES}"),
    (lambda: embed(MODEL, X[0], layer="0"), f"embed: {IMAGES}"),
    (lambda: embed(MODEL, X, layer="7"), "embed: layer must be a module of the model or its name, got '7'"),
    (lambda: embed("m", X, layer="0"), "embed: model must be an nn.Module, got 'm'"),
    (lambda: feature_maps(MODEL, X, layers=["7"]),
     "feature_maps: layer must be a module of the model or its name, got '7'"),
    (lambda: saliency(None, X), "saliency: model must be an nn.Module, got None"),
    (lambda: saliency(MODEL, X, target=[[0], [1]]),
     "saliency: target must be a class below 3, or one for each of 2 images, got [[0], [1]]"),
    (lambda: saliency(MODEL, X, target=[0, -1]),
     "saliency: target must be a class below 3, or one for each of 2 images, got [0, -1]"),
    (lambda: grad_cam(None, X, layer="0"), "grad_cam: model must be an nn.Module, got None"),
    (lambda: grad_cam(MODEL, X[0], layer="0"), f"grad_cam: {IMAGES}"),
    (lambda: grad_cam(MODEL, X, layer="0", relu=1), "grad_cam: relu must be True or False, got 1"),
    (lambda: grad_cam(MODEL, X, layer="0", target=3),
     "grad_cam: target must be a class below 3, or one for each of 2 images, got 3"),
    (lambda: project(np.eye(3), seed=-1), f"project: seed {WHOLE} 0, got -1"),
    (lambda: maximize_activation(MODEL, layer="0", channel=-1, input_shape=(1, 8, 8)),
     f"maximize_activation: channel {WHOLE} 0, got -1"),
    (lambda: maximize_activation(None, layer="0", channel=0, input_shape=(1, 8, 8)),
     "maximize_activation: model must be an nn.Module, got None"),
    (lambda: maximize_activation(MODEL, layer="0", channel=0, input_shape=8),
     "maximize_activation: input_shape must be a tuple of whole numbers, got 8"),
    (lambda: maximize_activation(MODEL, layer="0", channel=0, input_shape=(2**10,) * 4),
     "maximize_activation: the picture must have at most 1073741824 numbers, got the shape (1024, 1024, 1024, 1024)"),
    *((lambda name=name: maximize_activation(MODEL, layer="0", channel=0, input_shape=(1, 8, 8), **{name: 0}),
       f"maximize_activation: {name} must be a number above 0, got 0") for name in ("lr", "decay")),
    (lambda: maximize_activation(MODEL, layer="0", channel=0, input_shape=(1, 8, 8), steps=0),
     f"maximize_activation: steps {WHOLE} 1, got 0"),
    (lambda: maximize_activation(MODEL, layer="0", channel=0, input_shape=(1, 8, 8), seed=-1),
     f"maximize_activation: seed {WHOLE} 0, got -1"),
    (lambda: next(randomized(MODEL, seed=-1)), f"randomized: seed {WHOLE} 0, got -1"),
    (lambda: next(randomized(MODEL, seed=2**53)), f"randomized: seed must be below 2**53, got {2**53}"),
    (lambda: occlusion(MODEL, X[0], patch_size=1, stride=1), f"occlusion: {IMAGES}"),
    (lambda: occlusion(None, X, patch_size=1, stride=1), "occlusion: model must be an nn.Module, got None"),
    (lambda: occlusion(MODEL, X, patch_size=0, stride=1), f"occlusion: patch_size {WHOLE} 1, got 0"),
    (lambda: occlusion(MODEL, X, patch_size=1, stride=0), f"occlusion: stride {WHOLE} 1, got 0"),
    (lambda: occlusion(MODEL, X, patch_size=1, stride=1, batch_size=0), f"occlusion: batch_size {WHOLE} 1, got 0"),
    (lambda: occlusion(MODEL, X, patch_size=1, stride=1, fill="a"), "occlusion: fill must be a finite number, got 'a'"),
    *((lambda patch=patch: occlusion(MODEL, X, patch_size=patch, stride=1),
       f"occlusion: patch_size must fit the image (6, 9), got {patch}") for patch in ((7, 1), (1, 10))),
    *((lambda step=step: occlusion(MODEL, X, patch_size=2, stride=step),
       f"occlusion: stride must be at most patch_size (2, 2), or pixels stay uncovered, got {step}")
      for step in ((3, 1), (1, 3))),
    (lambda: occlusion(MODEL, X, target=3, patch_size=1, stride=1),
     "occlusion: target must be a class below 3, or one for each of 2 images, got 3"),
])
def test_what_is_refused_names_who_was_called(call, message):
    refused(call, message)


class Seen(nn.Conv2d):
    """A convolution that keeps what it was given."""

    def forward(self, x):
        """Keep x, then convolve."""
        self.given = [*getattr(self, "given", []), x.detach().clone()]
        return super().forward(x)


def test_each_step_adds_the_rate_and_takes_the_decay():
    model = nn.Sequential(nn.Conv2d(1, 1, 1))
    nn.init.ones_(model[0].weight)  # every pixel has the same gradient, so Adam's steps are the rate
    picture = maximize_activation(
        model, layer="0", channel=0, input_shape=(1, 6, 6), steps=3, lr=0.5, decay=0.2, seed=4)
    wanted = 0.1 * torch.randn(1, 6, 6, generator=torch.Generator().manual_seed(4))
    for _ in range(3):
        wanted = (wanted + 0.5) * 0.8
    torch.testing.assert_close(picture, wanted, rtol=0, atol=1e-5)


def test_pictures_are_shifted_by_up_to_two_pixels_both_ways():
    layer = Seen(1, 1, 3)
    picture = maximize_activation(nn.Sequential(layer), layer="0", channel=0, input_shape=(1, 9, 9), steps=150, lr=1e-9,
                                  decay=1e-9)
    rolls = {(down, across): picture.roll((down, across), (1, 2)) for down in range(-4, 5) for across in range(-4, 5)}
    found = {next(shift for shift, rolled in rolls.items() if torch.allclose(given[0], rolled, atol=1e-4))
             for given in layer.given}
    assert found == {(down, across) for down in range(-2, 3) for across in range(-2, 3)}
