"""Where torchvision has the model, ours has the same keys, shapes, order and outputs."""
import json
from pathlib import Path

import pytest
import torch
from torch import nn

from cnnlib.models import create_model, summarize
from tests.fingerprint import fingerprint

MANIFESTS = {file.stem: json.loads(file.read_text(encoding="utf-8"))
             for file in sorted((Path(__file__).parent / "oracles" / "manifests").glob("*.json"))}


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


def test_there_are_listings():
    assert len(MANIFESTS) == 18


@pytest.mark.parametrize("name", MANIFESTS)
def test_keys_shapes_and_parameters(name):
    manifest = MANIFESTS[name]
    model = build(name)
    assert listing(model) == manifest["state_dict"]
    assert sum(p.numel() for p in model.parameters()) == manifest["params_total"]


@pytest.mark.parametrize("name", MANIFESTS)
def test_macs(name):
    assert summarize(build(name), MANIFESTS[name]["input_shape"]).macs == MANIFESTS[name]["macs"]


@pytest.mark.parametrize("name", MANIFESTS)
def test_outputs(name):
    assert distance(build(name), MANIFESTS[name]) < 1e-7


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
