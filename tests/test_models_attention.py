"""Gates for channels and places, and PyTorch's multi-head attention once more."""
import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from cnnlib.models import create_model, summarize
from cnnlib.models.attention import CBAM, ChannelAttention, MultiHeadAttention, SEBlock, SpatialAttention
from cnnlib.models.attention_resnet import ROWS, AttentionBottleneck, build
from cnnlib.models.resnet import Bottleneck
from cnnlib.scratch.attention import multi_head_attention
from tests.judge import refused

WIDTHS = 3 * [256] + 4 * [512] + 6 * [1024] + 3 * [2048]  # channels of ResNet-50's sixteen blocks


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def count(module):
    return sum(p.numel() for p in module.parameters())


def meta(name, **options):
    with torch.device("meta"):
        return build(ROWS[name], **options)


def lively(module):
    """Give batch norms numbers that are not those of a fresh one."""
    for layer in module.modules():
        if isinstance(layer, nn.BatchNorm2d):
            for tensor in (layer.weight, layer.bias, layer.running_mean, layer.running_var):
                nn.init.uniform_(tensor, 0.5, 1.5)
    return module.eval()


def dense(block, z):
    """Return the two layers of a block as the matrix products that the papers write, (N, channels)."""
    first, second = block.fc1.weight.flatten(1), block.fc2.weight.flatten(1)
    return (z @ first.T + block.fc1.bias).clamp(min=0) @ second.T + block.fc2.bias


# channels

def test_se_is_the_papers_formula():
    block, x = SEBlock(32, reduction=4), torch.randn(3, 32, 5, 6)
    gate = 1 / (1 + torch.exp(-dense(block, x.mean((2, 3)))))
    torch.testing.assert_close(block(x), x * gate[:, :, None, None])
    torch.testing.assert_close(block.gate(x), gate[:, :, None, None])
    assert block(x).shape == x.shape  # rescaled; channels are not added up
    assert count(block) == 2 * 32 * 8 + 8 + 32


class Careless(nn.Module):
    """The gate that asks PyTorch for channels // reduction numbers, whatever they are."""

    def __init__(self, channels, reduction=16):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(channels, channels // reduction), nn.ReLU(),
                                    nn.Linear(channels // reduction, channels), nn.Sigmoid())

    def forward(self, x):
        return self.layers(x.mean((2, 3)))


@pytest.mark.filterwarnings("ignore:Initializing zero-element")
def test_too_few_channels_would_make_a_gate_that_sees_nothing():
    x, y = torch.randn(2, 1, 8, 4, 4)
    gate = Careless(8)
    assert torch.equal(gate(x), gate(y))  # one gate, two inputs
    refused(SEBlock, "SEBlock: reduction must be at most channels = 8, got 16", 8)
    refused(ChannelAttention, "ChannelAttention: reduction must be at most channels = 8, got 16", 8)
    least = SEBlock(8, reduction=8)
    nn.init.ones_(least.fc1.bias)  # its only ReLU stays open
    assert not torch.equal(least.gate(x), least.gate(y))


def test_channel_attention_is_the_papers_formula():
    block, x = ChannelAttention(32, reduction=4), torch.randn(3, 32, 5, 6)
    gate = torch.sigmoid(dense(block, x.mean((2, 3))) + dense(block, x.amax((2, 3))))
    torch.testing.assert_close(block(x), x * gate[:, :, None, None])
    mixed = torch.sigmoid(dense(block, x.mean((2, 3)) + x.amax((2, 3))))  # added before the layers: the mistake
    assert not torch.allclose(gate, mixed, atol=1e-3)
    assert count(block) == count(SEBlock(32, reduction=4))  # one MLP for both


def test_only_channel_attention_sees_a_peak():
    flat, peak = torch.ones(1, 16, 4, 4), torch.zeros(1, 16, 4, 4)
    peak[:, :, 1, 2] = 16  # the same mean
    for kind, sees in ((SEBlock, False), (ChannelAttention, True)):
        block = kind(16, reduction=2)
        assert torch.allclose(block.gate(flat), block.gate(peak)) is not sees


# places

def test_spatial_attention_is_the_papers_formula():
    block, x = lively(SpatialAttention(7)), torch.randn(2, 5, 9, 9)
    described = torch.stack([x.mean(1), x.max(1).values], 1)
    conv = functional.conv2d(described, block.conv.weight, padding=3)
    gate = torch.sigmoid((conv - block.bn.running_mean) / (block.bn.running_var + 1e-5).sqrt() * block.bn.weight
                         + block.bn.bias)
    torch.testing.assert_close(block(x), x * gate)
    other = torch.stack([x.max(1).values, x.mean(1)], 1)
    assert not torch.allclose(functional.conv2d(other, block.conv.weight, padding=3), conv, atol=1e-3)
    assert count(block) == 2 * 49 + 2


def test_the_middle_has_no_privilege():
    block, x = lively(SpatialAttention(3)), torch.zeros(1, 4, 12, 12)
    x[:, :, 2:5, 2:5] = torch.randn(4, 3, 3)
    moved = torch.roll(x, (5, 4), (2, 3))
    torch.testing.assert_close(torch.roll(block.gate(x), (5, 4), (2, 3))[..., 2:-1, 2:-1],
                               block.gate(moved)[..., 2:-1, 2:-1])


def test_cbam_is_channel_then_space():
    block, x = lively(CBAM(32)), torch.randn(2, 32, 6, 6)
    torch.testing.assert_close(block(x), block.spatial(block.channel(x)))
    assert not torch.allclose(block(x), block.channel(block.spatial(x)), atol=1e-4)
    beside = x * block.channel.gate(x) * block.spatial.gate(x)
    assert not torch.allclose(block(x), beside, atol=1e-4)  # the second gate sees what the first has left


# networks

@pytest.mark.parametrize("name, gates, published", [
    ("se_resnet50", sum(2 * c * c // 16 + c + c // 16 for c in WIDTHS), 28_088_024),
    ("cbam_resnet50", sum(2 * c * c // 16 + c + c // 16 + 98 + 2 for c in WIDTHS), 28_089_624)])
def test_parameters(name, gates, published):
    assert count(meta(name)) == 25_557_032 + gates == published == ROWS[name].published_parameters
    assert count(meta(name)) not in (28_071_976, 28_089_592, 28_073_576)  # no biases, no batch norm, neither


@pytest.mark.parametrize("name", ROWS)
def test_the_rest_is_resnet50(name):
    with torch.device("meta"):
        plain = create_model("resnet50").state_dict()
    state = meta(name).state_dict()
    assert [(key, value.shape) for key, value in state.items() if ".attention." not in key] == [
        (key, value.shape) for key, value in plain.items()]
    blocks = {key.split(".attention.")[0] for key in state if ".attention." in key}
    assert len(blocks) == 16
    assert meta(name, num_classes=7, in_channels=2, small_images=True).eval()(
        torch.zeros(2, 2, 32, 32, device="meta")).shape == (2, 7)


def test_se_costs_what_its_matrices_hold():
    shape = (1, 3, 224, 224)
    with torch.device("meta"):
        plain = summarize(create_model("resnet50"), shape).macs
    assert summarize(meta("se_resnet50"), shape).macs - plain == sum(2 * c * c // 16 for c in WIDTHS)
    places = 3 * 56 ** 2 + 4 * 28 ** 2 + 6 * 14 ** 2 + 3 * 7 ** 2
    assert summarize(meta("cbam_resnet50"), shape).macs - plain == sum(4 * c * c // 16 for c in WIDTHS) + 98 * places


@pytest.mark.parametrize("kind", [SEBlock, CBAM])
def test_the_gate_stands_before_the_sum(kind):
    block, plain, x = lively(AttentionBottleneck(kind, 64, 16)), lively(Bottleneck(64, 16)), torch.randn(2, 64, 6, 6)
    plain.load_state_dict({key: value for key, value in block.state_dict().items() if "attention" not in key})
    right = functional.relu(x + block.attention(plain.residual(x)))
    torch.testing.assert_close(block(x), right)
    late = functional.relu(block.attention(x + plain.residual(x)))
    assert not torch.allclose(block(x), late, atol=1e-3)


def test_open_gates_give_resnet50():
    model, plain = build(ROWS["se_resnet50"], num_classes=5).eval(), create_model("resnet50", num_classes=5).eval()
    plain.load_state_dict({key: value for key, value in model.state_dict().items() if "attention" not in key})
    x = torch.randn(1, 3, 32, 32)
    assert not torch.allclose(model(x), plain(x), atol=1e-2)
    for layer in model.modules():
        if isinstance(layer, SEBlock):
            nn.init.constant_(layer.fc2.bias, 200)
    torch.testing.assert_close(model(x), plain(x))


# tokens

def pair(size=12, heads=3, *, bias=True):
    """Return our layer and PyTorch's with the same weights."""
    ours = MultiHeadAttention(size, heads, bias=bias)
    right = nn.MultiheadAttention(size, heads, bias=bias, batch_first=True)
    for parameter in right.parameters():
        nn.init.normal_(parameter, std=0.7)
    ours.load_state_dict(right.state_dict(), strict=True)
    return ours, right


@pytest.mark.parametrize("bias", [True, False])
def test_state_and_start_are_pytorchs(bias):
    states = []
    for make in (MultiHeadAttention, nn.MultiheadAttention):
        torch.manual_seed(0)
        states.append(make(12, 3, bias=bias).state_dict())
    assert list(states[0]) == list(states[1])
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("mask", ["none", "allowed", "added", "a head's own"])
@pytest.mark.parametrize("cross", [False, True])
def test_numbers_are_pytorchs(bias, mask, cross):
    ours, right = pair(bias=bias)
    x, y = torch.randn(2, 5, 12), torch.randn(2, 7, 12) if cross else None
    key = x if y is None else y
    shape = (5, key.shape[1]) if mask != "a head's own" else (2, 3, 5, key.shape[1])
    allowed = {"none": None, "added": torch.randn(shape)}.get(mask, torch.rand(shape) < 0.7)
    if allowed is not None and allowed.dtype == torch.bool:
        allowed[..., 0] = True
    judged = ~allowed if allowed is not None and allowed.dtype == torch.bool else allowed
    judged = judged.flatten(0, 1) if judged is not None and judged.ndim == 4 else judged
    out, weights = right(x, key, key, attn_mask=judged, average_attn_weights=False)
    torch.testing.assert_close(ours(x, y, mask=allowed), out)
    torch.testing.assert_close(ours.weights(x, y, mask=allowed), weights)
    numpy = multi_head_attention(
        x.numpy(), key.numpy(), key.numpy(), {name: value.numpy() for name, value in ours.state_dict().items()},
        num_heads=3, mask=None if allowed is None else allowed.numpy())
    np.testing.assert_allclose(numpy, out.detach(), atol=1e-5)


def test_gradients_are_pytorchs():
    ours, right = pair()
    x, y = torch.randn(2, 5, 12), torch.randn(2, 4, 12)
    ours(x, y).square().sum().backward()
    right(x, y, y)[0].square().sum().backward()
    for (name, parameter), judge in zip(ours.named_parameters(), right.parameters(), strict=True):
        torch.testing.assert_close(parameter.grad, judge.grad, rtol=1e-4, atol=1e-3, msg=name)


def test_query_comes_from_the_one_and_key_and_value_from_the_other():
    ours, right = pair()
    x, y = torch.randn(1, 3, 12), torch.randn(1, 6, 12)
    assert ours(x, y).shape == (1, 3, 12) and ours.weights(x, y).shape == (1, 3, 3, 6)
    torch.testing.assert_close(ours(x, y), right(x, y, y)[0])
    assert ours(y, x).shape == (1, 6, 12)  # the mistake has another length
    order = torch.randperm(6)
    torch.testing.assert_close(ours(x, y), ours(x, y[:, order]))  # a set of tokens is asked, not a sequence


@pytest.mark.parametrize("make, message", [
    (lambda: SEBlock(0), "SEBlock: channels must be a whole number of at least 1, got 0"),
    (lambda: SEBlock(8, reduction=0), "SEBlock: reduction must be a whole number of at least 1, got 0"),
    (lambda: CBAM(8, reduction=9), "ChannelAttention: reduction must be at most channels = 8, got 9"),
    (lambda: SpatialAttention(4), "SpatialAttention: kernel_size must be odd, so that H and W stay, got 4"),
    (lambda: SpatialAttention(0), "SpatialAttention: kernel_size must be a whole number of at least 1, got 0"),
    (lambda: MultiHeadAttention(8, 3), "MultiHeadAttention: num_heads must divide embed_dim = 8, got 3"),
    (lambda: MultiHeadAttention(8, 2, bias=1), "MultiHeadAttention: bias must be True or False, got 1"),
    (lambda: build(ROWS["se_resnet50"], small_images=1), "create_model: small_images must be True or False, got 1"),
])
def test_bad_arguments_are_refused(make, message):
    refused(make, message)
