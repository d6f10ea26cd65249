"""Where torchvision has the model, ours has the same keys, shapes, order and outputs."""
import hashlib
import json
from pathlib import Path

import pytest
import torch
from torch import nn

from cnnlib.models import create_model, list_models, summarize
from cnnlib.models.stochastic_depth import StochasticDepth
from tests.fingerprint import fingerprint

MANIFESTS = {file.stem: json.loads(file.read_text(encoding="utf-8"))
             for file in sorted((Path(__file__).parent / "oracles" / "manifests").glob("*.json"))}


MORE = json.loads((Path(__file__).parent / "oracles" / "torchvision_more.json").read_text(encoding="utf-8"))


def build(name):
    """Return a model without weights, which costs neither time nor memory."""
    with torch.device("meta"):
        return create_model(name)


def listing(model):
    """Return key, shape and dtype of every tensor, in order."""
    return [[key, list(value.shape), str(value.dtype).removeprefix("torch.")]
            for key, value in model.state_dict().items()]


def distance(model, manifest):
    """Return how far the outputs are from torchvision's, in parts of their spread."""
    said = manifest["fingerprint"]
    wanted = torch.tensor([*said["logits8"], said["mean"], said["std"]], dtype=torch.float64)
    return float((fingerprint(model, manifest["input_shape"]) - wanted).abs().max() / said["std"])


def test_there_are_listings_of_all_that_come_from_torchvision():
    assert len(MANIFESTS) == 18
    theirs = {row.name for row in list_models() if row.source.startswith("torchvision,") or row.source == "torchvision"}
    assert theirs == {*MANIFESTS, *MORE["models"], "vit_b_16", "vit_b_32", "vit_l_16"}  # test_models_vit.py has these
    assert {row.name for row in list_models()} - theirs == {
        "lenet5", "lenet5_original", "alexnet_original", "nin", "nin_cifar10", "inception_v2", "inception_v4",
        "inception_resnet_v1", "inception_resnet_v2", "xception", "densenet264", "mobilenet_v1", "se_resnet50",
        "cbam_resnet50"}


@pytest.mark.parametrize("name", MANIFESTS)
def test_keys_shapes_and_parameters(name):
    manifest = MANIFESTS[name]
    model = build(name)
    assert listing(model) == manifest["state_dict"]
    assert sum(p.numel() for p in model.parameters()) == manifest["params_total"]


@pytest.mark.parametrize("name", MANIFESTS)
def test_macs(name):
    assert summarize(build(name), MANIFESTS[name]["input_shape"]).macs == MANIFESTS[name]["macs"]


@pytest.mark.slow
@pytest.mark.parametrize("name", MANIFESTS)
def test_outputs(name):
    assert distance(build(name), MANIFESTS[name]) < 1e-7


@pytest.mark.slow
@pytest.mark.parametrize("name", MORE["models"])
def test_variants_without_a_listing(name):
    """Keys, shapes and dtypes by the hash of their listing; outputs for a smaller image, to be quick."""
    stored, model = MORE["models"][name], build(name)
    assert hashlib.sha256(json.dumps(listing(model)).encode()).hexdigest() == stored["listing_sha256"]
    assert sum(p.numel() for p in model.parameters()) == stored["params_total"]
    wanted = torch.tensor(stored["fingerprint"], dtype=torch.float64)
    found = fingerprint(model, MORE["input_shape"])
    assert float((found - wanted).abs().max() / wanted[-1]) < 1e-7


@pytest.mark.parametrize("size, dropout, epsilon, momentum", [
    (0, 0.2, 1e-5, 0.1), (1, 0.2, 1e-5, 0.1), (2, 0.3, 1e-5, 0.1), (3, 0.3, 1e-5, 0.1), (4, 0.4, 1e-5, 0.1),
    (5, 0.4, 1e-3, 0.01), (6, 0.5, 1e-3, 0.01), (7, 0.5, 1e-3, 0.01)])
def test_what_only_training_shows_of_efficientnets(size, dropout, epsilon, momentum):
    model = build(f"efficientnet_b{size}")
    norms = [layer for layer in model.modules() if isinstance(layer, nn.BatchNorm2d)]
    drops = [layer.probability for layer in model.modules() if isinstance(layer, StochasticDepth)]
    assert {(layer.eps, layer.momentum) for layer in norms} == {(epsilon, momentum)}
    assert model.classifier[0].p == dropout and drops[0] == 0
    assert drops[-1] == pytest.approx(0.2 * (len(drops) - 1) / len(drops))


def swap(kind, make):
    """Return a function that puts another layer in the place of every one of a kind."""
    def change(model):
        for module in list(model.modules()):
            for name, child in module.named_children():
                if isinstance(child, kind):
                    setattr(module, name, make(child))
    return change


def strides_on_the_first_convolution(model):
    for block in model.modules():
        if hasattr(block, "conv3") and block.conv2.stride == (2, 2):
            block.conv1.stride, block.conv2.stride = (2, 2), (1, 1)


def other_epsilon(norm):
    norm.eps = 1e-3
    return norm


@pytest.mark.slow
@pytest.mark.parametrize("name, change", [
    ("mobilenet_v2", swap(nn.ReLU6, lambda layer: nn.ReLU())),
    ("resnet50", strides_on_the_first_convolution),
    ("resnet18", swap(nn.BatchNorm2d, other_epsilon)),
    ("googlenet", swap(nn.MaxPool2d, lambda layer: nn.MaxPool2d(layer.kernel_size, layer.stride, layer.padding))),
    ("efficientnet_b0", swap(nn.SiLU, lambda layer: nn.ReLU())),
    ("vgg11", swap(nn.MaxPool2d, lambda layer: nn.AvgPool2d(2))),
], ids=["ReLU for ReLU6", "stride on the 1x1", "another epsilon", "floor for ceil", "ReLU for SiLU", "average pooling"])
def test_the_outputs_tell_a_wrong_network_from_the_right_one(name, change):
    model = build(name)
    change(model)
    assert distance(model, MANIFESTS[name]) > 1e-5


@pytest.mark.parametrize("name", ["googlenet", "inception_v3"])
def test_auxiliary_outputs_in_training(name):
    manifest = MANIFESTS[name]
    out = create_model(name)(torch.zeros(2, *manifest["input_shape"][1:]))
    shapes = {key: list(value.shape) for key, value in out._asdict().items()}
    assert shapes == manifest["train_mode_output_shapes_batch2"]
