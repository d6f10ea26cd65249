"""What summarize says of a network, against hooks, PyTorch's own counter and the gradients of the input."""
import inspect
import math

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from cnnlib.models import create_model, list_models, summarize
from cnnlib.models.attention import MultiHeadAttention
from cnnlib.shapes import receptive_field
from tests.judge import refused

SIZES = {"lenet": (28, 32), "inception": (299, 331), "xception": (299, 256), "alexnet": (224, 256), "nin_": (32, 48)}
LAYERS = (nn.Conv2d, nn.Linear)


def sizes(name):
    return next((pair for start, pair in SIZES.items() if name.startswith(start)), (224, 160))


def build(row):
    with torch.device("meta"):
        return create_model(row.name).eval()


def hooked(model, x):
    """Return the products of all convolutions, linear layers and attention, counted when they run."""
    counts = []

    def attend(layer, args, out):
        tokens, size = out.shape[1:]
        counts.append(3 * tokens * size * size + 2 * tokens * tokens * size)  # out_proj counts itself

    def count(layer, args, out):
        window = layer.in_features if isinstance(layer, nn.Linear) else math.prod(layer.weight.shape[1:])
        counts.append(out.numel() * window)
    for layer in model.modules():
        if isinstance(layer, LAYERS):
            layer.register_forward_hook(count)
        elif isinstance(layer, MultiHeadAttention):
            layer.register_forward_hook(attend)
    with torch.no_grad():
        model(x)
    return sum(counts)


@pytest.mark.slow
@pytest.mark.parametrize("row", list_models(), ids=lambda row: row.name)
def test_macs_equal_what_hooks_count(row):
    for size in sizes(row.name):
        if row.family == "Vision Transformer" and size != row.input_size:
            continue  # made for one size
        shape = (1, row.in_channels, size, size)
        summary = summarize(build(row), shape)
        assert summary.macs == hooked(build(row), torch.zeros(shape, device="meta"))
        assert summary.parameters == row.published_parameters


@pytest.mark.parametrize("name", ["alexnet_original", "resnext50_32x4d", "efficientnet_b0", "googlenet"])
def test_macs_are_half_of_pytorchs_flops(name):
    with torch.device("meta"):
        model, x = create_model(name).eval(), torch.zeros(2, 3, 224, 224)
    with FlopCounterMode(display=False) as counter:
        model(x)
    assert 2 * summarize(model, x.shape).macs == counter.get_total_flops()


def gentle(model):
    """Make every weight positive and every maximum an average, so that no path of the network is shut."""
    for module in list(model.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.MaxPool2d):
                options = {"stride": child.stride, "padding": child.padding, "ceil_mode": child.ceil_mode}
                setattr(module, name, nn.AvgPool2d(child.kernel_size, **options))
            elif isinstance(child, nn.Conv2d):
                nn.init.constant_(child.weight, 1 / child.weight[0].numel())
                if child.bias is not None:
                    nn.init.zeros_(child.bias)
    return model.eval()  # batch norm then only divides, by a little more than 1


def probed(model, layer, size):
    """Return height and width of the input pixels that move the middle number of a layer's output."""
    x, seen = torch.full((1, 3, size, size), 0.01, requires_grad=True), []  # small: ReLU6 must not cut
    handle = model.get_submodule(layer).register_forward_hook(lambda module, args, out: seen.append(out))
    model(x)
    handle.remove()
    out = seen[0]
    out[0, :, out.shape[2] // 2, out.shape[3] // 2].sum().backward()
    pixels = x.grad.abs().sum((0, 1)).nonzero()
    return tuple((pixels.max(0).values - pixels.min(0).values + 1).tolist())


def test_a_transposed_convolution_multiplies_each_input_with_the_kernel():
    assert summarize(nn.ConvTranspose2d(3, 4, 2, stride=2), (1, 3, 5, 5)).macs == 3 * 25 * 4 * 2 * 2


@pytest.mark.slow
@pytest.mark.parametrize("name, layer, size, published", [
    ("alexnet", "features.12", 291, (195, 195)), ("vgg16", "features.30", 324, (212, 212)),
    ("resnet18", "layer3.1.conv2", 320, None), ("resnet50", "layer3.1", 320, None),
    ("googlenet", "inception4b", 320, None),
    ("densenet121", "features.denseblock2", 400, None), ("mobilenet_v2", "features.9", 256, None),
    ("inception_v3", "Mixed_5d", 331, None),
])
def test_receptive_field_is_what_the_gradient_reaches(name, layer, size, published):
    model = create_model(name)
    rows = summarize(model, (1, 3, size, size)).rows
    inside = [row for row in rows if row.layer == layer or row.layer.startswith(f"{layer}.")]
    field = tuple(map(max, *(row.receptive_field for row in inside))) if len(inside) > 1 else inside[0].receptive_field
    assert probed(gentle(model), layer, size) == field
    assert published in (None, field)  # Araujo, Norris & Sim (2019), Table 1


def test_fields_of_a_stack_equal_those_of_shapes():
    layers = [(7, 2, 3, 1), (3, 2, 1, 1), (3, 1, 2, 2), (5, 1, 2, 1)]
    stack = nn.Sequential(*(nn.Conv2d(1, 1, k, stride=s, padding=p, dilation=d) for k, s, p, d in layers))
    fields = [row.receptive_field for row in summarize(stack, (1, 1, 64, 64))]
    assert fields == [(row.size, row.size) for row in receptive_field(layers)]
    assert fields[-1] != (7 + 2 + 2 + 4, 7 + 2 + 2 + 4)  # sizes do not add up where strides are


def test_axes_are_followed_apart():
    stack = nn.Sequential(
        nn.Conv2d(1, 1, (1, 7), padding=(0, 3)), nn.MaxPool2d((3, 2), stride=(2, 1)), nn.Conv2d(1, 1, 3))
    assert [row.receptive_field for row in summarize(stack, (1, 1, 32, 32))] == [(1, 7), (3, 8), (7, 10)]


class Unusual(nn.Module):
    """A network with everything that is no plain layer."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))
        self.conv = nn.Conv2d(1, 2, 3, padding=1)
        self.idle = nn.Linear(3, 3)
        self.tail = nn.Linear(2, 5)

    def forward(self, x):
        x = functional.pad(x, (1, 1, 1, 1))
        x = torch.cat([self.conv(x), functional.avg_pool2d(x, 3, stride=1, padding=1)], 1)[:, :2]
        x = self.conv(x.mean(1, keepdim=True)) * self.scale
        return self.tail(x.mean((2, 3)))


def test_parts_that_are_no_layers_count_too():
    rows = {row.layer: row for row in summarize(Unusual(), (1, 1, 8, 8))}
    assert rows["Unusual"].parameters == 1 and rows["Unusual"].macs == 0
    assert rows["idle"].output_shape is None and rows["idle"].parameters == 12
    assert rows["tail"].receptive_field is None and rows["tail"].macs == 10


def test_a_layer_that_runs_twice_has_two_rows_and_its_parameters_once():
    rows = [row for row in summarize(Unusual(), (1, 1, 8, 8)) if row.layer == "conv"]
    assert [row.parameters for row in rows] == [20, 0]
    assert [row.macs for row in rows] == [2 * 9 * 100, 2 * 9 * 100]
    assert [row.receptive_field for row in rows] == [(3, 3), (5, 5)]


@pytest.mark.parametrize("layer, field", [
    (nn.AdaptiveAvgPool2d(1), None), (nn.Flatten(), None), (nn.ConvTranspose2d(1, 1, 2), None),
    (nn.AdaptiveAvgPool2d(4), (2, 2)), (nn.AdaptiveAvgPool2d(3), None), (nn.AdaptiveAvgPool2d(8), (1, 1)),
    (nn.Dropout(), (1, 1)), (nn.LocalResponseNorm(3), (1, 1)),
    (nn.MaxPool2d(2), (2, 2)), (nn.MaxPool2d(2, dilation=3), (4, 4)), (nn.Identity(), (1, 1)),
], ids=str)
def test_fields_of_single_layers(layer, field):
    assert summarize(layer, (1, 1, 8, 8))[0].receptive_field == field


def test_the_model_stays_as_it_is():
    model = create_model("resnet18", num_classes=3).double()
    model.layer1.eval()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    summarize(model, (2, 3, 64, 64))
    assert model.training and model.layer2.training and not model.layer1.training
    after = model.state_dict()
    assert all(torch.equal(after[key], before[key]) and after[key].device.type == "cpu" for key in before)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())
    with pytest.raises(ValueError, match=r"^summarize: model must take the input_shape, got \(1, 4, 64, 64\): \w+"):
        summarize(model, (1, 4, 64, 64))  # the rest of the message is PyTorch's
    assert model.training and not any(module._forward_hooks for module in model.modules())


@pytest.mark.parametrize("model, shape, message", [
    (nn.ReLU(), (3, 8, 8), "input_shape must be (N, C, H, W), got (3, 8, 8)"),
    (nn.ReLU(), (1, 3, 0, 8), "input_shape must hold whole numbers of at least 1, got (1, 3, 0, 8)"),
    (nn.ReLU(), 8, "input_shape must be a tuple of whole numbers, got 8"),
    ("resnet18", (1, 3, 8, 8), "model must be an nn.Module, got 'resnet18'"),
])
def test_bad_arguments(model, shape, message):
    refused(summarize, f"summarize: {message}", model, shape)


def test_the_table():
    text = str(summarize(create_model("lenet5"), (1, 1, 28, 28))).splitlines()
    assert text[0].split() == ["layer", "kind", "output", "shape", "parameters", "macs", "receptive", "field"]
    assert text[1].split() == ["0", "Conv2d", "1x6x28x28", "156", "117,600", "5x5"]
    assert text[-1].split() == ["total", "61,706", "416,520"]
    assert len(set(map(len, text[:-1]))) <= 2


@pytest.mark.parametrize("layer, field", [
    (nn.AdaptiveMaxPool2d(1), None), (nn.AdaptiveMaxPool2d(4), (4, 4)), (nn.AdaptiveAvgPool2d(1), None),
    (nn.Softmax(dim=1), (3, 3)), (nn.Softmax(dim=3), None), (nn.LogSoftmax(dim=-2), None)], ids=str)
def test_pooling_and_softmax_over_places(layer, field):
    rows = summarize(nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), layer), (1, 1, 8, 8))
    assert [row.receptive_field for row in rows] == [(3, 3), field]


class Mixer(nn.Module):
    """PyTorch's own attention over the places of a map."""

    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x):
        x = x.flatten(2).transpose(1, 2)
        return self.attention(x, x, x)[0]


def test_attention_is_counted_with_its_projections():
    summary = summarize(Mixer(), (1, 8, 3, 5))
    rows = {row.layer: row for row in summary}
    assert summary.macs == rows["attention"].macs == 4 * 15 * 8 * 8 + 2 * 15 * 15 * 8
    assert rows["attention"].output_shape == (1, 15, 8) and rows["attention"].receptive_field is None


def test_layers_that_stand_in_several_places_keep_their_numbers():
    shared = nn.Conv2d(2, 2, 3, padding=1)
    model, before = nn.Sequential(shared, shared, shared), shared.weight.clone()
    summary = summarize(model, (1, 2, 6, 6))
    assert torch.equal(shared.weight, before) and shared.weight.device.type == "cpu"
    assert isinstance(shared.weight, nn.Parameter) and shared.weight.requires_grad
    assert summary.parameters == 38 and [row.receptive_field for row in summary] == [(3, 3), (5, 5), (7, 7)]


def test_tied_weights_count_once():
    first, second = nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False)
    second.weight = first.weight
    summary = summarize(nn.Sequential(nn.Flatten(), first, second), (1, 1, 2, 2))
    assert summary.parameters == 16 and summary.macs == 32 and second.weight is first.weight


class Lambda(nn.Module):
    """A network that is one function."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


@pytest.mark.parametrize("function", [
    lambda x: functional.group_norm(x, 2), lambda x: functional.instance_norm(x), lambda x: x.flip(3),
    lambda x: functional.layer_norm(x, x.shape[1:]), lambda x: functional.interpolate(x, scale_factor=2),
    lambda x: functional.pixel_shuffle(x, 2), lambda x: x.roll(1, 2), lambda x: x.cumsum(3), lambda x: x[:, :, ::2],
    lambda x: x.amax((2, 3), keepdim=True), lambda x: x.var((2, 3), keepdim=True), lambda x: x.transpose(2, 3),
    lambda x: x.mean(dim=None, keepdim=True), lambda x: x.mean(3, keepdim=True).mean(2, keepdim=True),
])
def test_what_moves_or_mixes_places_has_no_field(function):
    assert summarize(Lambda(function), (1, 4, 8, 8))[0].receptive_field is None


@pytest.mark.parametrize("function", [
    lambda x: x.chunk(2, dim=1)[0], lambda x: x[:, [0, 2]], lambda x: x.mean(1, keepdim=True), lambda x: x.softmax(1),
    lambda x: x.view(1, 2, 2, 8, 8).transpose(1, 2).reshape(1, 4, 8, 8), lambda x: functional.prelu(x, x.new_ones(1)),
    lambda x: x * torch.arange(4.0)[:, None, None], lambda x: functional.hardswish(x), lambda x: x.clamp(0, 1),
])
def test_what_leaves_numbers_at_their_places_keeps_the_field(function):
    assert summarize(Lambda(function), (1, 4, 8, 8))[0].receptive_field == (1, 1)


def activations():
    """Yield PyTorch's activations, and those that work in place, too; not those that look at several numbers."""
    for name in sorted(nn.modules.activation.__all__):
        kind = getattr(nn, name)
        if name not in ("GLU", "MultiheadAttention", "Softmax", "Softmax2d", "LogSoftmax", "Softmin"):
            needed = {"threshold": 0, "value": 0} if name == "Threshold" else {}
            yield kind(**needed)
            if "inplace" in inspect.signature(kind).parameters:
                yield kind(**needed, inplace=True)


@pytest.mark.parametrize("activation", list(activations()), ids=str)
def test_every_activation_keeps_the_field(activation):
    rows = summarize(nn.Sequential(nn.Conv2d(1, 2, 3), activation, nn.Conv2d(2, 2, 3)), (1, 1, 9, 9))
    assert [row.receptive_field for row in rows] == [(3, 3), (3, 3), (5, 5)]


def test_other_convolutions_have_no_field_and_are_counted():
    class Deep(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv3d(2, 3, 3, padding=1)

        def forward(self, x):
            return self.conv(x[:, :, None])
    row = summarize(Deep(), (1, 2, 5, 5))[0]
    assert row.macs == 3 * 25 * 2 * 27 and row.receptive_field is None


def test_any_error_of_the_network_becomes_one_line():
    def fails(x):
        raise KeyError
    refused(lambda: summarize(Lambda(fails), (1, 1, 2, 2)),
            "summarize: model must take the input_shape, got (1, 1, 2, 2): KeyError")
