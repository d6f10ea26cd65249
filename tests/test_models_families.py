"""What makes each family what it is."""
import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from cnnlib.models import create_model, list_models, summarize
from cnnlib.models._blocks import divisible
from cnnlib.models.densenet import DenseBlock
from cnnlib.models.efficientnet import SqueezeExcitation
from cnnlib.models.lenet import CONNECTIONS, DIGITS, Subsampling, TableConvolution, squash
from cnnlib.models.mobilenet import InvertedResidual
from cnnlib.models.preactivation import PreActivationBasicBlock, PreActivationBottleneck
from cnnlib.models.resnet import BasicBlock, Bottleneck
from cnnlib.models.resnext import early_concat_from_grouped, grouped_block, split_from_grouped
from cnnlib.models.stochastic_depth import StochasticDepth
from tests.judge import refused


def count(module):
    return sum(p.numel() for p in module.parameters())


def meta(name, **options):
    with torch.device("meta"):
        return create_model(name, **options)


def shapes(name, size, **options):
    """Return the output shape of every layer by its name."""
    model = meta(name, **options)
    return {row.layer: row.output_shape for row in summarize(model, (1, next(model.parameters()).shape[1], size, size))}


def random_norms(module):
    """Give batch norms numbers that are not those of a fresh one."""
    for layer in module.modules():
        if isinstance(layer, nn.BatchNorm2d):
            for tensor in (layer.weight, layer.bias, layer.running_mean, layer.running_var):
                nn.init.uniform_(tensor, 0.5, 1.5)
    return module


# LeNet

def test_lenet_original_layer_by_layer():
    model = create_model("lenet5_original")
    parts = {name: count(part) for name, part in model.named_children()}
    assert parts == {"c1": 156, "s2": 12, "c3": 1516, "s4": 32, "c5": 48120, "f6": 10164}
    assert count(create_model("lenet5").get_submodule("3")) == 2416  # the full connection has 900 more


def test_table_convolution_leaves_maps_out():
    layer, x = TableConvolution(), torch.randn(1, 6, 14, 14)
    for number in range(6):
        moved = x.clone()
        moved[:, number] += 1
        changed = (layer(moved) != layer(x)).flatten(2).any(2)[0].tolist()
        assert changed == [number in maps for maps in CONNECTIONS]
    assert [len(maps) for maps in CONNECTIONS] == [3] * 6 + [4] * 9 + [6]


def test_connections_are_those_of_the_papers_table():
    rows = ("X...XXX..XXXX.XX", "XX...XXX..XXXX.X", "XXX...XXX..X.XXX",  # Table I, a row for each map of S2
            ".XXX..XXXX..X.XX", "..XXX..XXXX.XX.X", "...XXX..XXXX.XXX")
    for number, row in enumerate(rows):
        assert [number in maps for maps in CONNECTIONS] == [mark == "X" for mark in row]


def test_subsampling_is_a_scaled_sum_of_four():
    layer, x = Subsampling(2), torch.randn(3, 2, 4, 6)
    with torch.no_grad():
        layer.weight[:, 0, 0], layer.bias[:, 0, 0] = torch.tensor([0.5, -0.1]), torch.tensor([0.2, 0.3])
    sums = x[..., ::2, ::2] + x[..., ::2, 1::2] + x[..., 1::2, ::2] + x[..., 1::2, 1::2]
    scaled = torch.stack([0.5 * sums[:, 0] + 0.2, -0.1 * sums[:, 1] + 0.3], 1)
    torch.testing.assert_close(layer(x), 1.7159 * torch.tanh(2 / 3 * scaled))


def test_lenet_scores_are_minus_distances():
    model = create_model("lenet5_original")
    hidden = []
    model.f6.register_forward_hook(lambda layer, args, out: hidden.append(squash(out)))
    scores = model(torch.randn(3, 1, 28, 28))
    distances = torch.cdist(hidden[0], model.pictures) ** 2
    torch.testing.assert_close(scores, -distances)
    assert len({tuple(picture.tolist()) for picture in model.pictures}) == len(DIGITS) == 10
    assert not model.pictures.requires_grad


@pytest.mark.parametrize("name", ["lenet5", "lenet5_original"])
def test_28_pixels_are_32_with_zeros_around(name):
    model, x = create_model(name).eval(), torch.randn(2, 1, 28, 28)
    torch.testing.assert_close(model(x), model(functional.pad(x, (2, 2, 2, 2))))


# AlexNet and NiN

def test_where_nin_drops():
    layers = {name: [type(layer).__name__ for layer in meta(name).features] for name in ("nin", "nin_cifar10")}
    block, pools = "Sequential", ("MaxPool2d", "AvgPool2d")
    assert layers["nin"] == [block, pools[0]] * 3 + ["Dropout", block]  # in Caffe's zoo once, before the last block
    assert layers["nin_cifar10"] == [block, pools[0], "Dropout", block, pools[1], "Dropout", block]


def test_alexnets_54_and_55():
    assert shapes("alexnet_original", 224)["features.0"] == (1, 96, 54, 54)
    assert shapes("alexnet_original", 227)["features.0"] == (1, 96, 55, 55)
    assert shapes("alexnet", 224)["features.0"] == (1, 64, 55, 55)  # padding 2


def test_alexnets_normalization_is_the_papers_sum():
    x = torch.rand(1, 96, 2, 2, dtype=torch.float64) * 50
    norm = next(layer for layer in meta("alexnet_original").features if isinstance(layer, nn.LocalResponseNorm))
    right = torch.empty_like(x)
    for channel in range(96):
        near = x[:, max(0, channel - 2):channel + 3]
        right[:, channel] = x[:, channel] / (2 + 1e-4 * (near ** 2).sum(1)) ** 0.75
    torch.testing.assert_close(norm(x), right)
    assert not torch.allclose(nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=2)(x), right)  # alpha is divided by 5


def test_two_towers_do_not_see_each_other():
    conv = create_model("alexnet_original").features[4]
    x = torch.randn(1, 96, 5, 5)
    moved = x.clone()
    moved[:, :48] += 1
    changed = (conv(moved) != conv(x)).flatten(2).any(2)[0]
    assert changed[:128].all() and not changed[128:].any()


def test_nin_has_no_dense_layer_and_averages():
    model = create_model("nin_cifar10").eval()
    assert not any(isinstance(layer, nn.Linear) for layer in model.modules())
    x = torch.rand(2, 3, 32, 32)
    torch.testing.assert_close(model(x), model.features(x).mean((2, 3)))
    assert not torch.allclose(model(x), model.features(x).sum((2, 3)))
    assert shapes("nin", 224)["features.1"] == (1, 96, 27, 27)


# ResNet and ResNeXt

@pytest.mark.parametrize("block, activated", [
    (BasicBlock(8, 8), True), (Bottleneck(16, 4), True), (PreActivationBasicBlock(8, 8), False),
    (PreActivationBottleneck(16, 4), False),
], ids=lambda value: type(value).__name__)
def test_a_block_that_adds_nothing_hands_its_input_on(block, activated):
    for layer in block.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.zeros_(layer.weight)
    x = torch.randn(2, block.out_channels, 4, 4)
    wanted = functional.relu(x) if activated else x  # the first form rectifies after the sum
    assert torch.equal(block.eval()(x), wanted)
    assert torch.equal(x, functional.relu(x)) is False


@pytest.mark.parametrize("block", [BasicBlock, PreActivationBasicBlock])
def test_a_projection_is_there_only_where_the_shape_changes(block):
    assert block(8, 8).downsample is None
    assert block(8, 16).downsample is not None and block(8, 8, stride=2).downsample is not None


@pytest.mark.parametrize("name", ["resnet18", "resnet34", "resnet50", "resnet101", "resnet152"])
def test_pre_activation_in_every_depth(name):
    model = meta(name, pre_activation=True).eval()
    assert model(torch.zeros(1, 3, 64, 64, device="meta")).shape == (1, 1000)
    plain = next(row.parameters for row in list_models() if row.name == name)
    assert 0 < abs(count(model) - plain) < 0.001 * plain  # the norms have moved, the convolutions are the same
    convs = [[layer.weight.shape for layer in net.modules() if isinstance(layer, nn.Conv2d)]
             for net in (model, meta(name))]
    assert sorted(convs[0]) == sorted(convs[1])
    small = meta(name, pre_activation=True, small_images=True).eval()
    assert small(torch.zeros(1, 3, 8, 8, device="meta")).shape == (1, 1000)


def test_the_basic_block_takes_no_groups():
    refused(lambda: BasicBlock(8, 8, groups=2), "BasicBlock: groups and width_per_group must be 1 and 64, got 2 and 64")


@pytest.mark.parametrize("form", [split_from_grouped, early_concat_from_grouped])
@pytest.mark.parametrize("in_channels, groups, width", [(256, 32, 4), (64, 8, 2), (16, 1, 4)])
@pytest.mark.parametrize("training", [False, True])
def test_the_three_forms_of_resnext_are_one(form, in_channels, groups, width, training):
    block = random_norms(grouped_block(in_channels, groups=groups, width_per_group=width)).double().train(training)
    twin, x = form(block), torch.randn(2, in_channels, 6, 6, dtype=torch.float64)
    assert twin.training is training and count(twin) == count(block)
    torch.testing.assert_close(twin(x), block(x))
    if groups > 1:
        first, second = twin.paths[0][3].weight, twin.paths[1][3].weight
        with torch.no_grad():
            first.copy_(second)
        assert not torch.allclose(twin(x), block(x))


def test_resnext_forms_refuse_what_they_cannot_be():
    refused(lambda: split_from_grouped(Bottleneck(64, 64)), "SplitBlock: the block must keep its shape, got one with a "
            "projection")
    refused(lambda: grouped_block(24), "grouped_block: in_channels must be 4 times a power of 2, got 24")


def test_weights_of_a_block_at_equal_cost():
    blocks = (grouped_block(256), Bottleneck(256, 64))
    assert [sum(p.numel() for p in block.parameters() if p.ndim == 4) for block in blocks] == [70_144, 69_632]


# DenseNet, MobileNet, EfficientNet

def test_densenet_channels():
    found = shapes("densenet121", 224)
    assert [found[f"features.transition{number}.pool"] for number in (1, 2, 3)] == [
        (1, 128, 28, 28), (1, 256, 14, 14), (1, 512, 7, 7)]
    assert found["features.norm5"] == (1, 1024, 7, 7)
    assert "features.transition4.pool" not in found


def test_a_dense_block_keeps_what_it_was_given():
    block, x = DenseBlock(3, 8, 4).eval(), torch.rand(1, 8, 5, 5)
    out = block(x)
    assert out.shape[1] == 8 + 3 * 4
    assert torch.equal(out[:, :8], x)  # concatenated, not added


@pytest.mark.parametrize("factor, millions", [(1.0, 4.2), (0.75, 2.6), (0.5, 1.3), (0.25, 0.5)])
def test_mobilenet_widths(factor, millions):
    assert round(count(meta("mobilenet_v1", width_mult=factor)) / 1e6, 1) == millions  # Howard et al. (2017), Table 6


@pytest.mark.parametrize("factor, first, last", [(1.0, 32, 1280), (0.5, 16, 1280), (1.4, 48, 1792), (0.35, 16, 1280)])
def test_mobilenet_v2_widths(factor, first, last):
    model = meta("mobilenet_v2", width_mult=factor)
    assert model.features[0][0].out_channels == first  # a multiple of 8
    assert model.classifier[1].in_features == last  # never below 1,280: Sandler et al. (2018), section 4.1


def test_an_inverted_residual_adds_only_where_it_can():
    for options, adds in (({}, True), ({"stride": 2}, False), ({"out": 12}, False)):
        block = InvertedResidual(8, options.get("out", 8), stride=options.get("stride", 1)).eval()
        nn.init.zeros_(block.conv[-2].weight)
        x = torch.randn(1, 8, 4, 4)
        assert torch.equal(block(x), x) if adds else not block(x).any()
    assert not isinstance(block.conv[-1], (nn.ReLU, nn.ReLU6))  # the narrow end is linear


def test_rounding_to_multiples_of_eight():
    for channels in np.arange(1, 600, 0.37):
        rounded = divisible(channels)
        assert rounded % 8 == 0 and rounded >= max(8, 0.9 * channels) and rounded - channels <= 8
    assert [divisible(channels / 0.9) for channels in (8, 16, 24, 32)] == [8, 16, 24, 32]  # 0.9 of it is enough


def test_squeeze_and_excitation_scales_channels():
    block, x = SqueezeExcitation(6, 2), torch.rand(2, 6, 3, 3) + 1
    factor = block(x) / x
    assert torch.allclose(factor, factor[:, :, :1, :1].expand_as(factor)) and 0 < factor.min() and factor.max() < 1


def test_stochastic_depth_keeps_the_mean():
    torch.manual_seed(0)
    layer, x = StochasticDepth(0.25), torch.ones(20_000, 1, 1, 1)
    out = layer(x)
    assert set(out.flatten().tolist()) == {0.0, torch.tensor(1 / 0.75).item()}
    assert abs(out.mean() - 1) < 0.02
    assert torch.equal(layer.eval()(x), x)
    whole = StochasticDepth(0.5)(torch.ones(200, 3, 2, 2)).flatten(1)
    assert (whole == whole[:, :1]).all()  # an example is dropped as a whole
    for bad in (1, -0.1, "no"):
        with pytest.raises(ValueError, match=r"^StochasticDepth: probability must be "):
            StochasticDepth(bad)


def test_deeper_blocks_are_left_out_more_often():
    drops = [layer.probability for layer in meta("efficientnet_b0").modules() if isinstance(layer, StochasticDepth)]
    assert len(drops) == 16
    np.testing.assert_allclose(drops, 0.2 * np.arange(16) / 16)


@pytest.mark.parametrize("name, before, after", [
    ("resnet18", 1, 4), ("densenet121", 1, 4), ("mobilenet_v1", 1, 2), ("mobilenet_v2", 1, 2),
    ("efficientnet_b0", 1, 2), ("vgg11", 1, 1)])
def test_stems_for_small_images(name, before, after):
    for small, size in ((False, before), (True, after)):
        model, maps = meta(name, small_images=small, num_classes=10).eval(), []
        for pool in model.modules():
            if isinstance(pool, (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d)):
                pool.register_forward_hook(lambda layer, args, out, maps=maps: maps.append(out.shape[2:]))
        assert model(torch.zeros(2, 3, 32, 32, device="meta")).shape == (2, 10)
        assert tuple(maps[-1]) == (size, size)
    assert count(meta("vgg11", small_images=True)) < 0.1 * count(meta("vgg11"))
