"""Freezing, thawing and groups of parameters."""
from collections import OrderedDict

import pytest
import torch
from torch import nn

from cnnlib.models import create_model
from cnnlib.training import fit, freeze, parameter_groups, training_mode, unfreeze
from tests.judge import refused


def net():
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                         nn.Linear(4, 2))


def data(count=12):
    torch.manual_seed(1)
    return torch.randn(count, 1, 6, 6) + 3, torch.arange(count) % 2


def state(model):
    return {key: value.clone() for key, value in model.state_dict().items()}


def test_a_frozen_part_does_not_change_and_requires_grad_alone_is_not_enough():
    model = net()
    freeze(model, ["0", "1"])
    before = state(model)
    fit(model, data(), epochs=2, progress=False)
    moved = {key for key, value in model.state_dict().items() if not torch.equal(value, before[key])}
    assert moved == {"5.weight", "5.bias"}

    naive = net()
    for parameter in naive[:2].parameters():
        parameter.requires_grad = False
    naive.train()(data()[0])
    assert naive[1].running_mean.abs().max() > 0.1  # the statistics have moved


def test_statistics_move_again_after_unfreezing():
    model = net()
    freeze(model)
    assert unfreeze(model, ["1"]) == 8
    assert training_mode(model)[1].training
    before = model[1].running_mean.clone()
    model(data()[0])
    assert not torch.equal(before, model[1].running_mean)


def test_an_optimizer_built_before_unfreezing_misses_what_was_frozen():
    model = net()
    freeze(model, ["0"])
    early = parameter_groups(model, lr=0.1)
    unfreeze(model)
    late = parameter_groups(model, lr=0.1)
    sizes = [sum(p.numel() for group in groups for p in group["params"]) for groups in (early, late)]
    assert sizes == [18, 58]


@pytest.mark.parametrize("name", ["resnet18", "vgg11_bn", "mobilenet_v2"])
def test_every_parameter_is_in_one_group(name):
    with torch.device("meta"):
        model = create_model(name)
    parts = [part for part, _ in model.named_children()]
    rates = {part: 0.01 * (number + 1) for number, part in enumerate(parts[:-2])}
    groups = parameter_groups(model, lr=1.0, rates=rates, weight_decay=1e-4)
    listed = [id(p) for group in groups for p in group["params"]]
    assert sorted(listed) == sorted(id(p) for p in model.parameters())
    for group in groups:
        assert group["lr"] == rates.get(group["name"], 1.0)
        assert group["weight_decay"] == (1e-4 if group["params"][0].ndim > 1 else 0)
    torch.optim.SGD(groups, lr=1.0)


def test_the_groups_of_the_layers_alone_leave_the_first_convolution_out():
    model = create_model("resnet18")
    layers = [p for part in ("layer1", "layer2", "layer3", "layer4", "fc") for p in getattr(model, part).parameters()]
    left = sum(p.numel() for p in model.parameters()) - sum(p.numel() for p in layers)
    assert left == 9_536  # conv1 and bn1 would not learn
    ours = parameter_groups(model, lr=0.1, rates={"layer1": 0.01, "fc": 0.2})
    assert sum(p.numel() for group in ours for p in group["params"]) == 11_689_512


def test_the_longest_name_counts():
    groups = parameter_groups(create_model("resnet18"), lr=1.0, rates={"layer1": 0.1, "layer1.0": 0.01})
    assert [group["lr"] for group in groups] == [1.0, 0.01, 0.1]


@pytest.mark.parametrize("call, message", [
    (lambda: freeze(net(), ["9"]), "freeze: layers must be a list of names of parts of the model, got ['9']"),
    (lambda: freeze(net(), "01"), "freeze: layers must be a list of names of parts of the model, got '01'"),
    (lambda: unfreeze("net"), "unfreeze: model must be an nn.Module, got 'net'"),
    (lambda: parameter_groups(net(), lr=1, weight_decay=-1),
     "parameter_groups: weight_decay must be a number of at least 0, got -1"),
    (lambda: parameter_groups(net(), lr=0), "parameter_groups: lr must be a number above 0, got 0"),
    (lambda: parameter_groups(net(), lr=1, rates={"0": -1}),
     "parameter_groups: rates['0'] must be a number above 0, got -1"),
    (lambda: parameter_groups(net(), lr=1, rates={"z": 1}),
     "parameter_groups: rates must be a list of names of parts of the model, got ['z']"),
    (lambda: parameter_groups(nn.ReLU(), lr=1),
     "parameter_groups: the model must have parameters that learn, got none"),
])
def test_bad_input(call, message):
    refused(call, message)


def test_a_part_called_rest_keeps_its_rate_to_itself():
    model = nn.Sequential(OrderedDict(rest=nn.Linear(2, 2), other=nn.Linear(2, 2)))
    groups = parameter_groups(model, lr=0.1, rates={"rest": 0.5})
    assert sorted((group["lr"], len(group["params"])) for group in groups) == [(0.1, 2), (0.5, 2)]


def test_scales_of_norms_do_not_decay_whatever_their_shape():
    model = nn.Sequential(nn.Conv2d(1, 2, 1), nn.LayerNorm((2, 3, 3)))
    groups = parameter_groups(model, lr=0.1, weight_decay=0.05)
    assert sorted((group["weight_decay"], len(group["params"])) for group in groups) == [(0.0, 3), (0.05, 1)]


@pytest.mark.parametrize("name", ["", "layer9"])
def test_a_rate_for_no_part_is_refused(name):
    refused(lambda: parameter_groups(nn.Sequential(nn.Linear(2, 2)), lr=0.1, rates={name: 0.5}),
            f"parameter_groups: rates must be a list of names of parts of the model, got [{name!r}]")
