"""Inception-v4, Inception-ResNet and Xception.

Counts are those of pytorchcv 0.0.74 and timm 1.0.31, Xception's also of the paper's Table 3. The fingerprints are the
scores of pytorchcv 0.0.74, its last pooling made global, with our computed weights moved into it layer by layer.
"""
import dataclasses

import pytest
import torch
from torch import nn
from torch.nn import functional

from cnnlib.models import create_model, inception_resnet, inception_v4, list_models, xception
from cnnlib.models.inception_resnet import ScaledResidual
from cnnlib.models.xception import SeparableConv2d, XceptionBlock
from tests.fingerprint import fill, fingerprint

FAMILY = {"inception_v4": inception_v4, "inception_resnet_v1": inception_resnet,
          "inception_resnet_v2": inception_resnet, "xception": xception}
COUNTS = {  # parameters, Conv2d, Conv2d with bias, Linear, MACs of those at 299x299
    "inception_v4": (42_679_816, 149, 0, 1, 12_253_974_624),
    "inception_resnet_v1": (23_995_624, 132, 21, 2, 6_308_235_360),
    "inception_resnet_v2": (55_843_464, 244, 40, 1, 13_155_794_016),
    "xception": (22_855_952, 74, 0, 1, 8_357_403_496)}
ROWS = {row.name: row for row in list_models() if row.name in COUNTS}
STAGES = ("stem", "inception_a", "reduction_a", "inception_b", "reduction_b", "inception_c", "head")
GRIDS = {  # channels, height and width after each stage
    "inception_v4": ((384, 35), (384, 35), (1024, 17), (1024, 17), (1536, 8), (1536, 8)),
    "inception_resnet_v1": ((256, 35), (256, 35), (896, 17), (896, 17), (1792, 8), (1792, 8)),
    "inception_resnet_v2": ((320, 35), (320, 35), (1088, 17), (1088, 17), (2080, 8), (2080, 8), (1536, 8)),
    "xception": ((64, 147), (728, 19), (728, 19), (2048, 10))}
FINGERPRINTS = {  # the first two scores, mean, standard deviation
    "inception_v4": (0.08707777698, -0.03549248103, -0.04769613278, 0.1874345548),
    "inception_resnet_v1": (1.237670775, -1.007275568, -0.0692876597, 1.424982393),
    "inception_resnet_v2": (1.276944787, 0.01448051332, -0.1994516242, 1.017070691),
    "xception": (-159.7658933, -211.1444627, -97.46342113, 255.1756545)}


def make(name, *, row=None, device="meta", **options):
    with torch.device(device):
        return FAMILY[name].build(row, **options) if row else create_model(name, **options)


def parameters(net):
    return sum(each.numel() for each in net.parameters())


def kinds(net):
    convs = [layer for layer in net.modules() if isinstance(layer, nn.Conv2d)]
    linear = sum(isinstance(layer, nn.Linear) for layer in net.modules())
    return parameters(net), len(convs), sum(layer.bias is not None for layer in convs), linear


@pytest.mark.parametrize("name", COUNTS)
def test_counts_are_the_published_ones(name):
    assert (*kinds(make(name)), ROWS[name].macs) == COUNTS[name]
    assert ROWS[name].published_parameters == ROWS[name].parameters == COUNTS[name][0]


@pytest.mark.parametrize("name, field, value", [
    ("inception_v4", "blocks", (4, 7, 4)), ("inception_resnet_v1", "blocks", (5, 10, 5)),
    ("inception_resnet_v2", "blocks", (5, 10, 5)), ("inception_resnet_v2", "head", ()), ("xception", "middle", 7)])
def test_a_wrong_row_changes_the_counts(name, field, value):
    row = dataclasses.replace(FAMILY[name].ROWS[name], **{field: value})
    assert parameters(make(name, row=row)) != COUNTS[name][0]


@pytest.mark.parametrize("name", GRIDS)
def test_grids(name):
    stages = ("stem", "entry", "middle", "exit") if name == "xception" else STAGES[:len(GRIDS[name])]
    features, x = make(name).features, torch.zeros(2, 3, 299, 299, device="meta")
    assert tuple(stage for stage, _ in features.named_children()) == stages
    for layers, (channels, size) in zip(features, GRIDS[name], strict=True):
        x = layers(x)
        assert x.shape == (2, channels, size, size)


@pytest.mark.parametrize("name, least", [
    ("inception_v4", 75), ("inception_resnet_v1", 75), ("inception_resnet_v2", 75), ("xception", 7)])
def test_smallest_image(name, least):
    net = make(name).eval()
    assert net(torch.zeros(1, 3, least, least, device="meta")).shape == (1, 1000)
    with pytest.raises(RuntimeError):
        net(torch.zeros(1, 3, least - 1, least - 1, device="meta"))


def distance(net, name):
    """Return how far the scores are from pytorchcv's, as a fraction of their standard deviation."""
    wanted = torch.tensor(FINGERPRINTS[name], dtype=torch.float64)
    return float((fingerprint(net, (1, 3, 107, 107))[[0, 1, -2, -1]] - wanted).abs().max() / wanted[-1])


@pytest.mark.parametrize("name", FINGERPRINTS)
def test_scores_are_those_of_pytorchcv(name):
    net = make(name, device="cpu")
    assert distance(net, name) < 1e-7
    assert distance(spoiled(net), name) > 1e-4


def spoiled(net):
    """Change what no count can see."""
    for layer in net.modules():
        if isinstance(layer, nn.AvgPool2d):
            layer.count_include_pad = True
        elif isinstance(layer, ScaledResidual) and not layer.activation:
            layer.scale = 0.2
        elif isinstance(layer, SeparableConv2d):
            layer.depthwise.register_forward_hook(lambda layer, images, maps: maps.relu())
    return net


def branch_twin(x, branch):
    """Return what a branch of Conv steps means, from its tensors alone."""
    for weight, scale, shift, mean, variance in zip(*[
            [value for key, value in branch.state_dict().items() if key.endswith(name)]
            for name in ("conv.weight", "bn.weight", "bn.bias", "running_mean", "running_var")], strict=True):
        x = functional.conv2d(x, weight, padding=tuple(size // 2 for size in weight.shape[2:]))
        x = functional.batch_norm(x, mean, variance, scale, shift, eps=0.001).relu()
    return x


@pytest.mark.parametrize("name, letter, scale", [
    (name, letter, scale) for name in ("inception_resnet_v1", "inception_resnet_v2")
    for letter, scale in (("a", 0.17), ("b", 0.10), ("c", 0.20))])
@torch.no_grad()
def test_the_block_adds_its_scaled_branches_to_the_input(name, letter, scale):
    row = ROWS[name]
    index, channels = "abc".index(letter), GRIDS[name][STAGES.index(f"inception_{letter}")][0]
    block = ScaledResidual(channels, row.branches[index], scale=row.scales[index]).double().eval()
    fill(block)
    x = torch.randn(2, channels, 5, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    branches = torch.cat([branch_twin(x, branch) for branch in block.branches], dim=1)
    change = functional.conv2d(branches, block.conv.weight, block.conv.bias)
    got = block(x)
    torch.testing.assert_close(got, (x + scale * change).relu())
    for wrong in (x + change, scale * (x + change), scale * x + change, x + (scale * change).relu(), change):
        assert not torch.allclose(got, wrong.relu())
    assert got.shape == x.shape != torch.cat([x, change], dim=1).shape  # a concatenation has twice the channels
    with pytest.raises(RuntimeError):
        x + branches  # the branches' own channels do not match the input's, so the 1x1 convolution must


@pytest.mark.parametrize("name, depths", [("inception_resnet_v1", (5, 10, 6)), ("inception_resnet_v2", (10, 20, 10))])
@pytest.mark.parametrize("scales", [(0.17, 0.10, 0.20), (0.3, 0.2, 0.1)])
def test_scales_are_those_of_the_row(name, depths, scales):
    features = make(name, row=dataclasses.replace(inception_resnet.ROWS[name], scales=scales)).features
    found = [[(block.scale, block.activation) for block in stage]
             for stage in (features.inception_a, features.inception_b, features.inception_c)]
    (a, b, c), (scale_a, scale_b, scale_c) = depths, scales
    assert inception_resnet.ROWS[name].scales == (0.17, 0.10, 0.20)
    assert found == [[(scale_a, True)] * a, [(scale_b, True)] * b, [(scale_c, True)] * (c - 1) + [(1.0, False)]]


@torch.no_grad()
def test_scale_0_passes_what_is_not_negative():
    block = ScaledResidual(256, inception_resnet.ROWS["inception_resnet_v1"].branches[0], scale=0)
    x = torch.rand(1, 256, 4, 4)
    assert torch.equal(block(x), x)
    assert not torch.equal(block(-x), -x)


@torch.no_grad()
def test_separable_convolution_is_one_filter_a_channel_and_then_a_mix():
    layer = SeparableConv2d(4, 6).double()
    x = torch.randn(2, 4, 7, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    filters = layer.depthwise.weight
    alone = torch.cat([functional.conv2d(x[:, i:i + 1], filters[i:i + 1], padding=1) for i in range(4)], dim=1)
    right = torch.einsum("nchw,oc->nohw", alone, layer.pointwise.weight[:, :, 0, 0])
    torch.testing.assert_close(layer(x), right)
    assert not torch.allclose(layer(x), torch.einsum("nchw,oc->nohw", alone.relu(), layer.pointwise.weight[:, :, 0, 0]))


@torch.no_grad()
def test_xception_block_keeps_the_negative_input_on_the_shortcut():
    block = XceptionBlock(8, (8, 8, 8)).eval()
    x = torch.randn(2, 8, 5, 5, generator=torch.Generator().manual_seed(0))
    before, got = x.clone(), block(x)
    assert torch.equal(x, before)  # an in-place ReLU at the start would change it
    torch.testing.assert_close(got - block.body(x), before)
    assert not torch.allclose(got - block.body(x), before.relu())


@pytest.mark.parametrize("name", COUNTS)
def test_num_classes_and_in_channels(name):
    net = make(name, num_classes=7, in_channels=1).eval()
    assert net(torch.zeros(2, 1, 107, 107, device="meta")).shape == (2, 7)
    features = 512 if name == "inception_resnet_v1" else GRIDS[name][-1][0]
    assert COUNTS[name][0] - parameters(net) == 993 * (features + 1) + 2 * 32 * 9
    with pytest.raises(RuntimeError):
        net(torch.zeros(2, 3, 107, 107, device="meta"))


@pytest.mark.parametrize("name, size, options", [
    ("inception_v4", 96, {}), ("inception_resnet_v1", 96, {}), ("inception_resnet_v1", 96, {"embedding": None}),
    ("inception_resnet_v2", 96, {}), ("xception", 96, {}), ("xception", 32, {"small_images": True})], ids=str)
def test_training_reaches_every_weight(name, size, options):
    torch.manual_seed(0)
    net = make(name, device="cpu", num_classes=5, **options).train()
    functional.cross_entropy(net(torch.randn(2, 3, size, size)), torch.tensor([0, 4])).backward()
    assert [key for key, each in net.named_parameters() if each.grad is None or not each.grad.isfinite().all()] == []


def test_embedding():
    plain = make("inception_resnet_v1", embedding=None)
    assert kinds(plain) == (23_995_624 - 1792 * 512 - 2 * 512 - 513 * 1000 + 1793 * 1000, 132, 21, 1)
    layers = make("inception_resnet_v1").classifier
    assert [type(layer) for layer in layers] == [nn.Dropout, nn.Linear, nn.BatchNorm1d, nn.Linear]
    assert (layers[1].in_features, layers[1].out_features, layers[1].bias) == (1792, 512, None)
    assert make("inception_resnet_v1", embedding=128).classifier[3].in_features == 128
    assert make("inception_resnet_v2", embedding=128).classifier[1].in_features == 1536
    assert "embedding=None" in ROWS["inception_resnet_v1"].note


def test_small_images():
    x = torch.zeros(2, 3, 32, 32, device="meta")
    assert make("xception", small_images=True).features(x).shape == (2, 2048, 2, 2)
    assert make("xception").features(x).shape == (2, 2048, 1, 1)
    assert parameters(make("xception", small_images=True)) == 22_855_952


def test_only_the_first_xception_block_starts_without_relu():
    features = make("xception").features
    blocks = [*features.entry, *features.middle, features.exit[0]]
    assert [isinstance(block.body[0], nn.ReLU) for block in blocks] == [False, *[True] * 11]


@pytest.mark.parametrize("name, options, message", [
    ("inception_v4", {"small_images": True}, "create_model: inception_v4 has no options, got 'small_images'"),
    ("inception_resnet_v1", {"small_images": True},
     "create_model: the options of inception_resnet_v1 are embedding, got 'small_images'"),
    ("xception", {"embedding": 512}, "create_model: the options of xception are small_images, got 'embedding'"),
    *((name, {"num_classes": 0}, "create_model: num_classes must be a whole number of at least 1, got 0")
      for name in COUNTS),
    *((name, {"embedding": value}, f"create_model: embedding must be a whole number of at least 1, got {value!r}")
      for name in ("inception_resnet_v1", "inception_resnet_v2") for value in (0, -1, 2.0, True, "512", "")),
    *(("xception", {"small_images": value}, f"create_model: small_images must be True or False, got {value!r}")
      for value in (1, 0, None, "yes"))], ids=str)
def test_bad_options_are_refused(name, options, message):
    with pytest.raises(ValueError) as refusal:
        make(name, **options)
    assert str(refusal.value) == message


@pytest.mark.parametrize("name, top1", [
    ("inception_v4", 1 - 0.200), ("inception_resnet_v1", 1 - 0.213), ("inception_resnet_v2", 1 - 0.199),
    ("xception", 0.790)])
def test_rows_tell_the_papers_accuracy(name, top1):
    row = ROWS[name]
    assert row.top1 == pytest.approx(top1) and "paper" in row.top1_source
    assert (row.input_size, row.year, row.in_channels, row.num_classes) == (299, 2016, 3, 1000)
