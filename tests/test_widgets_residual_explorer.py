import itertools
import math
import random

import pytest
import torch
from torch import nn

from cnnlib.widgets.residual_explorer import CHANNELS, KINDS, STRIDES, ResidualExplorer, ResidualView, block_parameters
from tools.node import call_view

LISTS = {"kinds": list(KINDS), "channels": list(CHANNELS), "strides": list(STRIDES)}
START = {**LISTS, "part": 0, "blocks": 3, "dropped": 0, "block_kind": 0, "in_channels": 0, "out_channels": 0,
         "stride": 0, "slope": -0.5}
NETS = [{**START, "blocks": n, "dropped": d} for n in range(1, 7) for d in range(7)]
BLOCKS = [{**START, "part": 1, "block_kind": kind, "in_channels": c, "out_channels": d, "stride": stride}
          for kind, c, d, stride in itertools.product(range(4), range(4), range(4), range(2))]
SLOPES = [{**START, "part": 2, "blocks": n, "slope": tenths / 10} for n in range(1, 7) for tenths in range(-15, 11)]
FACTORS = (2, 3, 5, 7, 11, 13)  # of the branches: their products tell all paths apart


class Block(nn.Module):
    """A residual block as torch runs it: the branch in order, the shortcut beside it."""

    def __init__(self, kind, channels, out, stride):
        super().__init__()
        inside = out // 4
        plans = [(channels, inside, 1, 1), (inside, inside, 3, stride), (inside, out, 1, 1)]
        if "bottleneck" not in kind:
            plans = [(channels, out, 3, stride), (out, out, 3, 1)]
        self.first = kind.startswith("pre")
        self.branch = nn.Sequential()
        for place, (entering, leaving, kernel_size, step) in enumerate(plans):
            conv = nn.Conv2d(entering, leaving, kernel_size, stride=step, padding=kernel_size // 2, bias=False)
            if self.first:
                self.branch.extend([nn.BatchNorm2d(entering), nn.ReLU(), conv])
            else:
                self.branch.extend([conv, nn.BatchNorm2d(leaving), *[nn.ReLU()] * (place < len(plans) - 1)])
        self.shortcut = nn.Sequential()
        if stride != 1 or channels != out:
            self.shortcut.append(nn.Conv2d(channels, out, 1, stride=stride, bias=False))
            self.shortcut.extend([] if self.first else [nn.BatchNorm2d(out)])

    def forward(self, x):
        if self.first:
            return self.branch(x) + self.shortcut(self.branch[:2](x) if self.shortcut else x)
        return (self.branch(x) + self.shortcut(x)).relu()


def torch_block(state):
    """Return torch's block for a state, without storage."""
    with torch.device("meta"):
        return Block(KINDS[state["block_kind"]], CHANNELS[state["in_channels"]], CHANNELS[state["out_channels"]],
                     STRIDES[state["stride"]])


def count(module, kind=nn.Module):
    """Return the learned numbers in a module's layers of one kind."""
    layers = [m for m in module.modules() if isinstance(m, kind)]
    return sum(p.numel() for m in layers for p in m.parameters(recurse=False))


@pytest.mark.parametrize("blocks", range(1, 7))
def test_paths_are_those_that_enumeration_finds(blocks):
    states = [state for state in NETS if state["blocks"] == blocks]
    for state, shown in zip(states, call_view(ResidualView, "paths", [[s] for s in states]), strict=True):
        judge_paths(state, shown)


def judge_paths(state, shown):
    """Compare the paths with all choices of branch or shortcut."""
    choices = list(itertools.product((False, True), repeat=state["blocks"]))
    there = 1 <= state["dropped"] <= state["blocks"]
    left = [path for path in choices if not (there and path[state["dropped"] - 1])]
    assert (shown["total"], shown["kept"]) == (len(choices), len(left))
    assert len(left) == len(choices) / 2 if there else left == choices
    for row in shown["rows"]:
        assert row["count"] == len(row["those"]) == sum(sum(path) == row["length"] for path in choices)
        assert row["kept"] == sum(sum(path) == row["length"] for path in left)
    assert math.isclose(shown["mean"], sum(map(sum, left)) / len(left))


def test_the_paths_add_up_to_the_gradient_of_the_net_and_one_missing_path_would_show():
    for state, shown in zip(NETS, call_view(ResidualView, "paths", [[s] for s in NETS]), strict=True):
        x = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
        y = z = x
        for place, factor in enumerate(FACTORS[:state["blocks"]], 1):
            y, z = (y, 0 * z) if place == state["dropped"] else (y + factor * y, factor * z)
        (residual,) = torch.autograd.grad(y, x, retain_graph=True)
        (plain,) = torch.autograd.grad(z, x)
        paths = [path for row in shown["rows"] for path in row["those"]]
        products = [math.prod(FACTORS[i - 1] for i in path["path"]) for path in paths if path["kept"]]
        assert sum(products) == residual.item() and shown["plain"] == int(plain.item() != 0)
        assert sum(products[1:]) != residual.item()


def test_every_block_has_the_parameters_of_the_torch_block():
    shown = call_view(ResidualView, "block", [[state] for state in BLOCKS])
    for state, block in zip(BLOCKS, shown, strict=True):
        judge = torch_block(state)
        assert block["parameters"] == count(judge), state
        assert block["convolutions"] == count(judge.branch, nn.Conv2d)
        assert block["norms"] == count(judge.branch, nn.BatchNorm2d)
        assert block["projection"] == count(judge.shortcut)
    assert len(BLOCKS) == 128


def test_every_block_lists_the_layers_in_the_order_of_torch():
    names = {nn.Conv2d: "conv", nn.BatchNorm2d: "BN", nn.ReLU: "ReLU"}
    shown = call_view(ResidualView, "block", [[state] for state in BLOCKS])
    for state, block in zip(BLOCKS, shown, strict=True):
        judge = torch_block(state)
        for part in ("branch", "shortcut"):
            layers = [(names[type(layer)], count(layer)) for layer in getattr(judge, part)]
            assert [(layer["name"], layer["parameters"]) for layer in block[part]] == layers, state
        strides = [layer.stride[0] for layer in judge.branch if isinstance(layer, nn.Conv2d)]
        assert block["tap"] == (2 if judge.first and judge.shortcut else 0)
        assert [layer["stride"] for layer in block["branch"] if layer["name"] == "conv"] == strides
        y = judge.eval()(torch.empty(1, block["from"], 8, 8, device="meta"))
        assert y.shape == (1, block["to"], 8 // block["stride"], 8 // block["stride"])


@pytest.mark.parametrize(("settings", "published"), [
    (("basic", 64, 64, 1), 73_984),  # layer1.0 of torchvision's resnet18
    (("basic", 64, 128, 2), 230_144),  # layer2.0
    (("bottleneck", 64, 256, 1), 75_008),  # layer1.0 of torchvision's resnet50
    (("bottleneck", 256, 512, 2), 379_392),  # layer2.0
    (("bottleneck", 512, 512, 1), 280_064),  # layer2.1
], ids=str)
def test_blocks_of_torchvision(settings, published):
    assert block_parameters(*settings) == published
    places = [names.index(x) for names, x in zip((KINDS, CHANNELS, CHANNELS, STRIDES), settings, strict=True)]
    state = {**START, **dict(zip(("block_kind", "in_channels", "out_channels", "stride"), places, strict=True))}
    assert call_view(ResidualView, "block", [[state]])[0]["parameters"] == published


def test_every_gradient_is_that_of_autograd():
    for state, shown in zip(SLOPES, call_view(ResidualView, "gradient", [[s] for s in SLOPES]), strict=True):
        x = torch.tensor(3.0, dtype=torch.float64, requires_grad=True)
        y = z = x
        for n in range(state["blocks"] + 1):
            if n:
                y, z = state["slope"] * y + y, state["slope"] * z
            residual, plain = (torch.autograd.grad(end, x, retain_graph=True)[0].item() for end in (y, z))
            assert math.isclose(shown["residual"][n], residual, rel_tol=1e-9, abs_tol=1e-15), (state, n)
            assert math.isclose(shown["plain"][n], plain, rel_tol=1e-9, abs_tol=1e-15), (state, n)


def test_a_gradient_of_at_least_one_is_not_promised():
    slopes = (-1.5, -1.0, -0.9, 0.0, 0.5)
    shown = call_view(ResidualView, "gradient", [[{**START, "blocks": 3, "slope": a}] for a in slopes])
    assert [g["last"] for g in shown] == [-0.125, 0, 0.001, 1, 3.375]
    assert call_view(ResidualView, "verdict", [[{"slope": a}] for a in slopes]) == [
        "The factor is negative: the gradient shrinks and changes its sign with every block. It is not “at least 1”.",
        "The branch cancels the shortcut: the factor is 0 and no gradient passes. “At least 1” is wrong.",
        "The factor is between 0 and 1: the gradient shrinks with every block. It is not “at least 1”.",
        "The branch does nothing, the factor is 1: the gradient passes unchanged. "
        "A plain net with such a branch passes nothing.",
        "The factor is above 1: the gradient grows with every block. A shortcut does not stop it from exploding."]


def test_a_block_that_is_not_there_is_named_and_nothing_is_taken_out():
    there, lacking = call_view(ResidualView, "draw", [[{**START, "dropped": 3}], [{**START, "dropped": 5}]])
    words = "✗ There is no block 5 in a net with 3 blocks, so nothing is taken out."
    assert words in lacking and "✗" not in there
    assert '<b data-value="kept">4</b> of <b data-value="total">8</b> paths left without block 3: half' in there
    assert 'The plain net has <b data-value="plain">0</b> paths left.' in there


def test_every_picture_is_whole():
    random.seed(0)
    mixed = [{**LISTS, "part": random.randrange(3), "blocks": random.randint(1, 6), "dropped": random.randint(0, 6),
              "block_kind": random.randrange(4), "in_channels": random.randrange(4), "stride": random.randrange(2),
              "out_channels": random.randrange(4), "slope": random.randint(-15, 10) * 0.1} for _ in range(2000)]
    for state, html in zip(mixed, call_view(ResidualView, "draw", [[s] for s in mixed]), strict=True):
        assert not any(bad in html for bad in ("NaN", "undefined", "Infinity", "null")), state
        assert 'role="img"' in html and 'class="cnn-readout' in html


def test_the_picture_shows_the_numbers_and_names_its_controls():
    shown = call_view(ResidualView, "draw", [[BLOCKS[0]], [{**SLOPES[0], "slope": -1.0, "blocks": 2}], [START]])
    for html, words in zip(shown, (
        ('<b data-value="parameters">73,984</b>', "36,864 + 36,864 = <b", "block kind, in channels, out channels and"),
        ('1 + a = <b data-value="factor">0</b>', "(1 + a)² = 1 + 2a + a²", "blocks and slope a."),
        ('2³ = <b data-value="total">8</b> paths', "1 + 3 + 3 + 1 = 8", "blocks and dropped."),
    ), strict=True):
        assert all(text in html for text in words), words


def test_controls_are_linked_to_the_view():
    explorer = ResidualExplorer("gradient", blocks=4, dropped=2, block_kind="pre-activation bottleneck",
                                in_channels=128, out_channels=256, stride=2, slope=0.5)
    chosen = {"part": 2, "blocks": 4, "dropped": 2, "block_kind": 3, "in_channels": 1, "out_channels": 2, "stride": 1,
              "slope": 0.5}
    controls = explorer.controls.items()
    assert {name: getattr(c, "index" if "index" in c.keys else "value") for name, c in controls} == chosen
    assert {name: getattr(explorer.view, name) for name in chosen} == chosen
    assert len({control.description for _, control in controls}) == len(chosen)
    with torch.device("meta"):
        judge = count(Block("pre-activation bottleneck", 128, 256, 2))
    assert explorer.summary() == {"paths": 16, "kept": 8, "parameters": judge, "residual": 5.0625, "plain": 0.0625}


@pytest.mark.parametrize(("settings", "message"), [
    ({"part": "net"}, "ResidualExplorer: part must be one of paths, block, gradient, got 'net'"),
    ({"block_kind": "wide"}, "ResidualExplorer: block_kind must be one of basic, bottleneck, pre-activation basic, "
     "pre-activation bottleneck, got 'wide'"),
    ({"in_channels": 32}, "ResidualExplorer: in_channels must be one of 64, 128, 256, 512, got 32"),
    ({"out_channels": "64"}, "ResidualExplorer: out_channels must be one of 64, 128, 256, 512, got '64'"),
    ({"stride": True}, "ResidualExplorer: stride must be one of 1, 2, got True"),
    ({"blocks": 0}, "ResidualExplorer: blocks must be a whole number from 1 to 6, got 0"),
    ({"blocks": 7}, "ResidualExplorer: blocks must be a whole number from 1 to 6, got 7"),
    ({"dropped": -1}, "ResidualExplorer: dropped must be a whole number from 0 to 6, got -1"),
    ({"slope": 1.1}, "ResidualExplorer: slope must be a number from -1.5 to 1 in steps of 0.1, got 1.1"),
    ({"slope": 0.25}, "ResidualExplorer: slope must be a number from -1.5 to 1 in steps of 0.1, got 0.25"),
    ({"slope": math.nan}, "ResidualExplorer: slope must be a number from -1.5 to 1 in steps of 0.1, got nan"),
], ids=str)
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(ValueError) as caught:
        ResidualExplorer(**settings)
    assert str(caught.value) == message
