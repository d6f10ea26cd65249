"""Our models run torchvision's operators: the same ones, on the same shapes, in the same order."""
import sys
from dataclasses import replace
from types import ModuleType, SimpleNamespace

import pytest
import torch
from torch import nn
from torch.nn import functional

from benchmarks import _references, models
from cnnlib.models import create_model


def build(name):
    """Return a model without weights, which costs neither time nor memory."""
    with torch.device("meta"):
        return create_model(name).eval()


def trained(name):
    """Return a model whose batch norms have numbers of their own, so that none can stand for another."""
    torch.manual_seed(0)
    model = create_model(name).eval()
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            nn.init.uniform_(layer.running_var, 0.5, 1.5)
            nn.init.normal_(layer.bias, std=0.1)
            nn.init.normal_(layer.running_mean, std=0.1)
    return model


def against_plain(name, model):
    """Return in words where a model without weights first differs from the reference, or None."""
    _, program = _references.plain(name, model.state_dict())
    return against(program, name, model)


def against(program, name, model):
    size = models.SIZES[name]
    return models.difference(models.operators(model, size), models.operators(program, size))


def distance(model, program):
    """Return how far two functions of a small image are apart, in parts of the scores' spread."""
    x = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        ours, right = model(x), program(x)
    return float((ours - right).abs().max() / right.std())


def test_the_models_that_are_measured():
    assert set(models.NAMES) == {
        "alexnet", "vgg16", "resnet18", "resnet50", "resnext50_32x4d", "densenet121", "mobilenet_v2", "googlenet",
        "inception_v3", "efficientnet_b0"}


@pytest.mark.parametrize("name", models.NAMES)
def test_operators_shapes_and_order(name):
    assert against_plain(name, build(name)) is None


@pytest.mark.parametrize("name", _references.PROGRAMS)
def test_bare_functions_are_the_same_program(name):
    layers, functions = (make(name, build(name).state_dict()) for make in (_references.plain, _references.bare))
    assert against(functions, name, layers[1]) is None


@pytest.mark.parametrize("name, layers", [("vgg16", 16), ("resnet50", 54), ("densenet121", 121), ("googlenet", 58)])
def test_the_record_holds_every_layer_with_weights(name, layers):
    lines = models.operators(build(name), models.SIZES[name])
    assert sum(line.startswith(("aten.conv2d.", "aten.linear.")) for line in lines) == layers


def test_a_line_holds_name_shapes_arguments_and_result():
    model = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False), nn.ReLU(inplace=True)).to("meta")
    assert models.operators(model, 32) == [
        "aten.conv2d.default[('float32 (1, 3, 32, 32)', 'float32 (8, 3, 3, 3)', None, [2, 2], [1, 1]), {}]"
        " -> float32 (1, 8, 16, 16)",
        "aten.relu_.default[('float32 (1, 8, 16, 16)',), {}] -> float32 (1, 8, 16, 16)"]


def later_branch_first(model):
    """Run a module's third path before its second; the output is the same."""
    module = model.inception4b

    def forward(x):
        third = module.branch3(x)
        return torch.cat([module.branch1(x), module.branch2(x), third, module.branch4(x)], 1)
    module.forward = forward


def not_in_place(model):
    model.relu.inplace = False


def stride_on_the_first_convolution(model):
    block = model.layer2[0]
    block.conv1.stride, block.conv2.stride = (2, 2), (1, 1)


def floor_for_ceil(model):
    model.inception3a.branch4[0].ceil_mode = False


def sum_out_of_place(model):
    block = model.features[2][1]
    block.forward = lambda x: x + block.block(x)


def one_layer_more(model):
    model.classifier.add_module("7", nn.Identity())
    model.classifier.add_module("8", nn.ReLU())


def norm_after_relu(model):
    layer = model.features.denseblock1.denselayer1
    layer.forward = lambda x: layer.conv2(layer.relu2(layer.norm2(layer.conv1(layer.norm1(layer.relu1(x))))))


def other_epsilon(model):
    model.features[0][1].eps = 1e-3


@pytest.mark.parametrize("name, change", [
    ("googlenet", later_branch_first), ("resnet18", not_in_place), ("resnet50", stride_on_the_first_convolution),
    ("googlenet", floor_for_ceil), ("efficientnet_b0", sum_out_of_place), ("alexnet", one_layer_more),
    ("densenet121", norm_after_relu), ("mobilenet_v2", other_epsilon),
], ids=lambda value: getattr(value, "__name__", value))
def test_a_changed_model_differs(name, change):
    model = build(name)
    assert against_plain(name, model) is None
    change(model)
    assert against_plain(name, model) is not None


def test_the_message_says_where_it_differs():
    model = build("resnet18")
    not_in_place(model)
    maps = "[('float32 (1, 64, 112, 112)',), {}] -> float32 (1, 64, 112, 112)"
    assert against_plain("resnet18", model) == (
        f"operator 3 is aten.relu.default{maps} here and aten.relu_.default{maps} there")
    model = build("alexnet")
    one_layer_more(model)
    scores = "[('float32 (1, 1000)',), {}] -> float32 (1, 1000)"
    assert against_plain("alexnet", model) == f"operator 23 is aten.relu.default{scores} here and missing there"


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2", "googlenet", "efficientnet_b0"])
def test_same_scores(name):
    model = trained(name)
    assert distance(model, _references.plain(name, model.state_dict())[1]) < 1e-4
    assert distance(model, _references.bare(name, model.state_dict())) < 1e-4
    state = {key: value.roll(1, 0) if key.endswith("running_mean") else value
             for key, value in model.state_dict().items()}
    assert distance(model, _references.plain(name, state)[1]) > 1e-2


def test_a_sequential_takes_the_weights_or_says_what_is_missing():
    state = build("alexnet").state_dict()
    _, network = _references.plain("alexnet", state)
    assert [*network.state_dict()] == [*state] and not network.training
    del state["features.0.weight"]
    with pytest.raises(RuntimeError, match=r"Missing key\(s\) in state_dict: .*features\.0\.weight"):
        _references.plain("alexnet", state)


def test_without_torchvision_the_reference_is_plain(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision", None)
    assert models.reference("resnet18", {})[0] == "program of nn layers"
    assert models.reference("alexnet", build("alexnet").state_dict())[0] == "nn.Sequential"


@pytest.mark.parametrize("name, options", [("resnet18", {}), ("googlenet", {"init_weights": True})])
def test_with_torchvision_the_reference_is_its_model(monkeypatch, name, options):
    asked = []

    class Theirs(nn.Module):
        def forward(self, x):
            return functional.relu(x)

    def get_model(*args, **kwargs):
        asked.append((args, kwargs))
        return Theirs()

    torchvision = ModuleType("torchvision")
    torchvision.__version__, torchvision.models = "9.9", SimpleNamespace(get_model=get_model)
    monkeypatch.setitem(sys.modules, "torchvision", torchvision)
    kind, network = models.reference(name, {})
    assert kind == "torchvision 9.9"
    assert isinstance(network, Theirs) and not network.training
    assert asked == [((name,), options)]


def test_the_table_says_what_was_compared():
    timing = models.Timing(
        against="nn.Sequential", rounds=15, ours=0.0211, reference=0.02, quartiles=(0.99, 1.055, 1.1), bare=None)
    row = "| alexnet | nn.Sequential | 22, {} | 15 | 21.1 | 20.0 | 1.055 | 0.990 to 1.100 | {}|"
    assert models.table({"alexnet": (22, None)}, {"alexnet": timing}).splitlines()[2] == row.format("all equal", "")
    timing = replace(timing, bare=1.07)
    differs = models.table({"alexnet": (22, "operator 3")}, {"alexnet": timing})
    assert differs.splitlines()[2] == row.format("not equal", "1.070 ")
