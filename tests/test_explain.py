"""Looking into networks, against Captum and against what must hold."""
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from captum.attr import LayerGradCam, Occlusion, Saliency
from torch import nn

from cnnlib.explain import (
    embed,
    feature_maps,
    first_layer_filters,
    grad_cam,
    maximize_activation,
    occlusion,
    project,
    randomized,
    saliency,
)
from cnnlib.models import create_model
from tests.fingerprint import fill
from tests.judge import refused

CASE = json.loads((Path(__file__).parent / "oracles" / "cam.json").read_text(encoding="utf-8"))
MODELS = {"resnet18": "layer4", "mobilenet_v2": "features.18", "densenet121": "features.denseblock4"}


def case():
    """Return the network and the image of the stored case."""
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(),
        nn.MaxPool2d(2), nn.Conv2d(16, 16, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(16, 5)).double().eval()
    fill(model)
    k = torch.arange(768, dtype=torch.float64)
    return model, (torch.sin(0.05 * k) + 0.5 * torch.cos(0.003 * k * k)).reshape(1, 3, 16, 16)


def near(got, wanted, tolerance=1e-5):
    got, wanted = got.detach(), torch.as_tensor(wanted, dtype=torch.float64).detach().reshape(got.shape)
    return float((got.double() - wanted).abs().max()) <= tolerance * max(1.0, float(wanted.abs().max()))


@pytest.mark.parametrize("target", [0, 3])
def test_the_stored_case(target):
    (model, x), wanted = case(), CASE["targets"][str(target)]
    assert near(model(x)[0], CASE["logits"], 1e-7)
    assert near(grad_cam(model, x, target=target, layer="6", relu=False)[0], wanted["gradcam_raw"], 1e-7)
    assert near(grad_cam(model, x, target=target, layer=model[6])[0], wanted["gradcam_relu"], 1e-7)
    assert near(occlusion(model, x, target=target, patch_size=4, stride=2)[0], wanted["occlusion_map"], 1e-6)
    assert near(saliency(model, x, target=target)[0], wanted["saliency_abs_grad"], 1e-6)
    other = CASE["targets"][str(3 - target)]
    assert not near(grad_cam(model, x, target=target, layer="6")[0], other["gradcam_relu"], 1e-2)
    assert not near(grad_cam(model, x, target=target, layer="3", relu=False)[0, ::2, ::2], wanted["gradcam_raw"], 1e-2)


@pytest.fixture(scope="module", params=MODELS)
def network(request):
    """Return a network with norms that are not fresh, its layer, two images and their targets."""
    torch.manual_seed(0)
    model = create_model(request.param, num_classes=6).eval()
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.running_var, 0.5, 1.5)
    return model, MODELS[request.param], torch.randn(2, 3, 64, 64), torch.tensor([4, 1])


def test_grad_cam_equals_captum(network):
    model, layer, x, target = network
    judge = LayerGradCam(model, model.get_submodule(layer)).attribute(x, target)[:, 0]
    assert near(grad_cam(model, x, target=target, layer=layer, relu=False), judge.detach())
    assert near(grad_cam(model, x, target=target, layer=layer), judge.detach().relu())


def test_occlusion_equals_captum(network):
    model, _, x, target = network
    for patch, stride in (((24, 20), (16, 20)), ((32, 32), (20, 12))):  # the last patches are cut
        judge = Occlusion(model).attribute(
            x, target=target, sliding_window_shapes=(3, *patch), strides=(3, *stride), baselines=0.3)
        ours = occlusion(model, x, target=target, patch_size=patch, stride=stride, fill=0.3, batch_size=5)
        assert near(ours, judge[:, 0])


def test_saliency_equals_captum(network):
    model, _, x, target = network
    assert near(saliency(model, x, target=target), Saliency(model).attribute(x.clone().requires_grad_(), target))


def test_a_batch_is_its_images_one_by_one(network):
    model, layer, x, target = network
    alone = torch.cat([grad_cam(model, x[i:i + 1], target=int(target[i]), layer=layer) for i in range(2)])
    assert near(grad_cam(model, x, target=target, layer=layer), alone)


def test_the_largest_score_is_the_default(network):
    model, layer, x, _ = network
    best = model(x).argmax(1)
    assert torch.equal(grad_cam(model, x, layer=layer), grad_cam(model, x, target=best, layer=layer))
    assert torch.equal(saliency(model, x), saliency(model, x, target=best))


def test_a_layer_before_a_relu_in_place_is_read_before_it():
    model, x = create_model("resnet18", num_classes=3).eval(), torch.randn(1, 3, 64, 64)
    maps = feature_maps(model, x, layers=["bn1", "relu"])
    assert (maps["bn1"] < 0).any() and torch.equal(maps["bn1"].relu(), maps["relu"])


def test_a_layer_with_several_outputs():
    class Attending(nn.Module):
        def __init__(self):
            super().__init__()
            self.attention = nn.MultiheadAttention(4, 2, batch_first=True)

        def forward(self, x):
            tokens = x.flatten(2).transpose(1, 2)
            return self.attention(tokens, tokens, tokens)[0].mean(1)
    x = torch.randn(2, 4, 3, 3)
    out, weights = feature_maps(Attending(), x, layers=["attention"])["attention"]
    assert out.shape == (2, 9, 4) and torch.allclose(weights.sum(-1), torch.ones(2, 9))


def test_randomizing_layers_changes_the_map():
    """The sanity check of Adebayo et al.: a map that stays the same when the weights are gone explains no weights."""
    torch.manual_seed(0)
    x, labels = torch.randn(60, 1, 8, 8), torch.arange(60) % 2
    x[labels == 1, :, 2:5, 2:5] += 2
    model = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1), nn.ReLU(),
                          nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 2))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), labels).backward()
        optimizer.step()
    assert (model(x).argmax(1) == labels).float().mean() > 0.9
    chosen = x[labels == 1][:20]
    before = {key: value.clone() for key, value in model.state_dict().items()}

    def likeness(twin):
        maps = [grad_cam(each, chosen, target=1, layer="3", relu=False).flatten().numpy() for each in (model, twin)]
        return np.corrcoef(maps)[0, 1]
    found = [(name, likeness(twin)) for name, twin in randomized(model)]
    assert [name for name, _ in found] == ["6", "2", "0"]
    assert likeness(model) > 0.999 and min(value for _, value in found) < 0.7
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


def test_nothing_that_was_learned_survives_the_last_randomization():
    model = create_model("vit_b_16", image_size=32, patch_size=8, num_layers=1, num_heads=2, hidden_dim=8)
    for parameter in model.parameters():
        nn.init.uniform_(parameter, 5, 6)
    names, twins = zip(*randomized(model), strict=True)
    assert names[-1] == "" and "encoder.layers.encoder_layer_0.self_attention" in names
    assert all(parameter.max() < 5 for parameter in twins[-1].parameters())
    assert all(parameter.min() >= 5 for parameter in model.parameters())


def hooks(model):
    return [hook for module in model.modules() for hook in (*module._forward_hooks.values(), *module._backward_hooks)]


class Failing(nn.Module):
    def forward(self, x):
        raise RuntimeError("out of order")


@pytest.mark.parametrize("call", [
    lambda model, x: feature_maps(model, x, layers=["0"]), lambda model, x: grad_cam(model, x, target=0, layer="0"),
    lambda model, x: saliency(model, x, target=0), lambda model, x: embed(model, x, layer="0"),
    lambda model, x: occlusion(model, x, target=0, patch_size=2, stride=2),
    lambda model, x: maximize_activation(model, layer="0", channel=0, input_shape=(1, 8, 8), steps=2),
], ids=["feature_maps", "grad_cam", "saliency", "embed", "occlusion", "maximize_activation"])
@pytest.mark.parametrize("fails", [False, True])
def test_no_hook_mode_or_gradient_stays_behind(call, fails):
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    if fails:
        model.append(Failing())
    model.train()
    model[1].eval()
    x = torch.randn(2, 1, 8, 8)
    before, kept = x.clone(), {key: value.clone() for key, value in model.state_dict().items()}
    if fails:
        with pytest.raises(RuntimeError, match="out of order"):
            call(model, x)
    else:
        call(model, x)
    assert not hooks(model) and model.training and not model[1].training and model[0].training
    assert all(p.grad is None for p in model.parameters()) and torch.equal(x, before) and not x.requires_grad
    assert all(torch.equal(value, kept[key]) for key, value in model.state_dict().items())


def test_frozen_networks_can_be_explained():
    model = create_model("resnet18", num_classes=3).requires_grad_(False).eval()
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        assert grad_cam(model, x, target=0, layer="layer3").any() and saliency(model, x, target=0).any()


@pytest.mark.parametrize("name", ["googlenet", "vgg11", "efficientnet_b0", "nin", "lenet5"])
def test_any_network_of_the_list(name):
    model = create_model(name)
    size, channels = (32, 1) if name == "lenet5" else (64, 3)
    last = [part for part, module in model.named_modules() if isinstance(module, nn.Conv2d) and "aux" not in part][-1]
    x = torch.randn(2, channels, size, size)
    assert grad_cam(model, x, target=1, layer=last).shape[0] == 2
    assert occlusion(model, x[:1], target=1, patch_size=size // 2, stride=size // 2).shape == (1, size, size)


def test_maximized_activation_is_larger_than_that_of_noise():
    model = create_model("resnet18", num_classes=3).eval()
    picture = maximize_activation(model, layer="layer1", channel=5, input_shape=(3, 32, 32), steps=20)
    noise = 0.1 * torch.randn(8, 3, 32, 32)
    value = [feature_maps(model, x, layers=["layer1"])["layer1"][:, 5].mean((1, 2)) for x in (picture[None], noise)]
    assert value[0].item() > 2 * value[1].max().item()
    again = maximize_activation(model, layer="layer1", channel=5, input_shape=(3, 32, 32), steps=20)
    assert torch.equal(picture, again)


def test_projections():
    rng = np.random.default_rng(0)
    centers = np.eye(3, 10) * 20
    vectors = np.concatenate([center + rng.normal(size=(20, 10)) for center in centers])
    for method in ("pca", "tsne"):
        places = project(vectors, method=method)
        means = np.stack([places[20 * i:20 * i + 20].mean(0) for i in range(3)])
        inside = max(places[20 * i:20 * i + 20].std(0).max() for i in range(3))
        assert places.shape == (60, 2)
        assert min(np.linalg.norm(means[i] - means[j]) for i in range(3) for j in range(i)) > 3 * inside
    assert first_layer_filters(create_model("resnet18")).shape == (64, 3, 7, 7)


@pytest.mark.parametrize("call, message", [
    (lambda m, x: grad_cam(m, x, layer="9"),
     "grad_cam: layer must be a module of the model or its name, got '9'"),
    (lambda m, x: grad_cam(m, x, layer=nn.ReLU()),
     "grad_cam: layer must be a module of the model or its name, got ReLU()"),
    (lambda m, x: grad_cam(m, x, layer="4"), "grad_cam: layer must give maps (N, C, h, w), got torch.Size([2, 2])"),
    (lambda m, x: grad_cam(m, x, layer="0", target=2),
     "grad_cam: target must be a class below 2, or one for each of 2 images, got 2"),
    (lambda m, x: saliency(m, x, target=[0, 1, 0]),
     "saliency: target must be a class below 2, or one for each of 2 images, got [0, 1, 0]"),
    (lambda m, x: saliency(m, x, target=0.5),
     "saliency: target must be a class below 2, or one for each of 2 images, got 0.5"),
    (lambda m, x: saliency(m, x[0]), "saliency: x must be images (N, C, H, W) of floats, got torch.float32 (1, 8, 8)"),
    (lambda m, x: saliency(m, x.numpy()), "saliency: x must be images (N, C, H, W) of floats, got ndarray"),
    (lambda m, x: saliency(m[:1], x), "saliency: model must give scores (N, classes), got (2, 2, 6, 6)"),
    (lambda m, x: occlusion(m, x, patch_size=9, stride=1),
     "occlusion: patch_size must fit the image (8, 8), got (9, 9)"),
    (lambda m, x: occlusion(m, x, patch_size=2, stride=3),
     "occlusion: stride must be at most patch_size (2, 2), or pixels stay uncovered, got (3, 3)"),
    (lambda m, x: feature_maps(m, x, layers="0"), "feature_maps: layers must be a list, got '0'"),
    (lambda m, x: feature_maps("m", x, layers=["0"]), "feature_maps: model must be an nn.Module, got 'm'"),
    (lambda m, x: maximize_activation(m, layer="0", channel=2, input_shape=(1, 8, 8)),
     "maximize_activation: channel must be below 2, got 2"),
    (lambda m, x: first_layer_filters(nn.ReLU()), "first_layer_filters: model must have a convolution, got ReLU"),
    (lambda m, x: project([[1.0, 2], [3, 4]]),
     "project: vectors must be at least three finite ones of at least two numbers, got (2, 2)"),
    (lambda m, x: project(np.eye(3), method="umap"), "project: method must be 'pca' or 'tsne', got 'umap'"),
])
def test_bad_arguments(call, message):
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    refused(lambda: call(model, torch.randn(2, 1, 8, 8)), message)


def test_what_is_no_model_no_class_and_no_number_is_refused():
    model, x = nn.Sequential(nn.Conv2d(1, 2, 2), nn.Flatten()), torch.ones(1, 1, 2, 2)
    refused(first_layer_filters, "first_layer_filters: model must be an nn.Module, got None", None)
    refused(lambda: next(randomized(None)), "randomized: model must be an nn.Module, got None")
    refused(lambda: next(randomized(model, seed=2**64)), f"randomized: seed must be below 2**53, got {2**64}")
    refused(saliency, "saliency: target must be a class below 2, or one for each of 1 images, got [[1], [1, 2]]", model,
            x, target=[[1], [1, 2]])
    refused(saliency, "saliency: x must be images (N, C, H, W) of floats, got torch.float32 (1, 1, 2, 2)", model,
            x.to_sparse())
    refused(feature_maps, "feature_maps: layers must be a list, got None", model, x, layers=None)
    refused(feature_maps, "feature_maps: model must be an nn.Module, got None", None, x, layers=[])
    refused(occlusion, "occlusion: fill must be a finite number, got None", model, x, patch_size=1, stride=1, fill=None)
    refused(project, "project: method must be 'pca' or 'tsne', got array([0, 1])", np.ones((3, 2)), method=np.arange(2))
    refused(project, "project: vectors must be at least three finite ones of at least two numbers, got (0,)", None)
    refused(maximize_activation, "maximize_activation: input_shape must be (C, H, W), got (1, 2)", model, layer="0",
            channel=0, input_shape=(1, 2))


def test_a_target_that_nobody_may_write_to_is_taken_without_a_word():
    model, x, target = nn.Flatten(), torch.ones(1, 1, 2, 2), np.array([1])
    target.flags.writeable = False
    assert saliency(model, x, target=target).sum() == 1
    assert occlusion(model, x, target=target, patch_size=1, stride=1).sum() == 1
