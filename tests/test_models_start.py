"""Weights before any training: the spread that each paper or torchvision gives them, not PyTorch's default."""
import math

import pytest
import torch
from torch import nn

from cnnlib.models import create_model
from cnnlib.models.attention import MultiHeadAttention
from cnnlib.models.vit import ROWS, VisionTransformer

pytestmark = pytest.mark.slow


def spreads(model, kind):
    """Return the layers of a kind with at least 1,000 weights, each with the standard deviation of its weights."""
    return [(layer, layer.weight.std().item()) for layer in model.modules()
            if isinstance(layer, kind) and layer.weight.numel() >= 1000]


def fans(layer):
    """Return how many inputs an output has, and how many outputs an input of a group."""
    window = math.prod(layer.kernel_size)
    return layer.in_channels // layer.groups * window, layer.out_channels * window


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v1", "efficientnet_b0", "vgg11"])
def test_convolutions_are_counted_over_their_outputs(name):
    torch.manual_seed(0)
    found = spreads(create_model(name), nn.Conv2d)
    assert len(found) > 5
    for layer, spread in found:
        assert spread == pytest.approx(math.sqrt(2 / fans(layer)[1]), rel=0.1)
        assert layer.bias is None or not layer.bias.any()


def test_those_of_densenet_over_their_inputs():
    torch.manual_seed(0)
    model = create_model("densenet121")
    for layer, spread in spreads(model, nn.Conv2d):
        assert spread == pytest.approx(math.sqrt(2 / fans(layer)[0]), rel=0.1)
    assert not model.classifier.bias.any()


@pytest.mark.parametrize("name", ["mobilenet_v2", "vgg11"])
def test_dense_layers_that_begin_small(name):
    torch.manual_seed(0)
    for layer, spread in spreads(create_model(name), nn.Linear):
        assert spread == pytest.approx(0.01, rel=0.05) and not layer.bias.any()


def test_the_dense_layer_of_efficientnet_is_uniform():
    torch.manual_seed(0)
    [(layer, spread)] = spreads(create_model("efficientnet_b0"), nn.Linear)
    bound = 1 / math.sqrt(1000)
    assert spread == pytest.approx(bound / math.sqrt(3), rel=0.02) and not layer.bias.any()
    assert layer.weight.max().item() == pytest.approx(bound, rel=0.01) == -layer.weight.min().item()


@pytest.mark.parametrize("name, std", [("googlenet", 0.01), ("inception_v2", 0.01), ("inception_v3", 0.1)])
def test_the_inception_family_has_one_spread(name, std):
    torch.manual_seed(0)
    model = create_model(name)
    for layer, spread in spreads(model, (nn.Conv2d, nn.Linear)):
        auxiliary = name == "inception_v3" and layer is model.AuxLogits.fc
        assert spread == pytest.approx(0.001 if auxiliary else std, rel=0.1)


def test_attention_and_a_vit_begin_with_equal_spread_of_inputs_and_outputs():
    torch.manual_seed(0)
    attention = MultiHeadAttention(64, 4)
    assert attention.in_proj_weight.std().item() == pytest.approx(math.sqrt(2 / (64 + 192)), rel=0.05)
    assert not attention.in_proj_bias.any() and not attention.out_proj.bias.any()
    model = VisionTransformer(ROWS["vit_b_16"], num_classes=10, image_size=32, patch_size=4, num_layers=2, num_heads=3,
                              hidden_dim=192)
    for block in model.encoder.layers:
        for linear in (block.mlp[0], block.mlp[3]):
            both = sum(linear.weight.shape)
            assert linear.weight.std().item() == pytest.approx(math.sqrt(2 / both), rel=0.05)
            assert 0 < linear.bias.std().item() < 1e-5
    assert model.conv_proj.weight.std().item() == pytest.approx(math.sqrt(1 / 48), rel=0.05)
    assert model.encoder.pos_embedding.std().item() == pytest.approx(0.02, rel=0.1)
    for zeros in (model.conv_proj.bias, model.heads.head.weight, model.heads.head.bias, model.class_token):
        assert not zeros.any()
