import functools
import random

import pytest
import torch
from torch import nn

from cnnlib.widgets.dense_growth_explorer import NAMES, OWN, PRESETS, THETAS, DenseGrowthExplorer, DenseGrowthView
from tools.node import call_view

TRAITS = ("presets", "thetas", "preset", "block", "theta", "layer", "in_channels", "growth_rate", "num_layers",
          "bottleneck", "applied")
PUBLISHED = {  # channels into and out of the four blocks, parameters: torchvision; of 264: the table's 33.3 million
    "densenet121": ([64, 256, 128, 512, 256, 1024, 512, 1024], 7_978_856),
    "densenet169": ([64, 256, 128, 512, 256, 1280, 640, 1664], 14_149_480),
    "densenet201": ([64, 256, 128, 512, 256, 1792, 896, 1920], 20_013_928),
    "densenet161": ([96, 384, 192, 768, 384, 2112, 1056, 2208], 28_681_000),
    "densenet264": ([64, 256, 128, 512, 256, 2304, 1152, 2688], 33_337_704),
}


def state(*args, **options):
    """Return the traits of a widget as its script reads them."""
    view = DenseGrowthExplorer(*args, **options).view
    return {name: getattr(view, name) for name in TRAITS}


def settle(now):
    """Return a state after the script has derived what it can, as the browser does."""
    for _ in range(5):
        changes = call_view(DenseGrowthView, "derive", [[now]])[0]
        if all(now[name] == value for name, value in changes.items()):
            return now
        now = {**now, **changes}
    raise AssertionError("derive does not come to rest")


def layer(channels, out, inside):
    """Return BN, ReLU, convolution once or twice, as torchvision orders them."""
    plans = [(channels, inside, 1), (inside, out, 3)] if inside else [(channels, out, 3)]
    return nn.Sequential(*[m for a, b, k in plans for m in (
        nn.BatchNorm2d(a), nn.ReLU(), nn.Conv2d(a, b, k, padding=k // 2, bias=False))])


@functools.cache
def count(channels, out, inside):
    """Return the learned numbers of one layer, counted in torch."""
    with torch.device("meta"):
        return sum(p.numel() for p in layer(channels, out, inside).parameters())


class DenseNet(nn.Module):
    """A whole network as torch runs it: maps are concatenated, transitions halve or keep."""

    def __init__(self, growth, channels, lengths, theta, bottleneck):
        super().__init__()
        inside = 4 * growth if bottleneck else None
        self.stem = nn.Sequential(nn.Conv2d(3, channels, 7, stride=2, padding=3, bias=False),
                                  nn.BatchNorm2d(channels), nn.ReLU(), nn.MaxPool2d(3, stride=2, padding=1))
        self.blocks, self.transitions, self.seen = nn.ModuleList(), nn.ModuleList(), []
        for length in lengths:
            self.blocks.append(nn.ModuleList(layer(channels + i * growth, growth, inside) for i in range(length)))
            channels += length * growth
            if len(self.blocks) < len(lengths):
                kept = int(theta * channels)
                self.transitions.append(nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU(), nn.Conv2d(
                    channels, kept, 1, bias=False), nn.AvgPool2d(2)))
                channels = kept
        self.norm, self.fc = nn.BatchNorm2d(channels), nn.Linear(channels, 1000)

    def forward(self, x):
        x = self.stem(x)
        for i, block in enumerate(self.blocks):
            self.seen.append(x.shape[1])
            for each in block:
                x = torch.cat([x, each(x)], dim=1)
            self.seen.append(x.shape[1])
            x = self.transitions[i](x) if i < len(self.transitions) else x
        return self.fc(self.norm(x).relu().mean(dim=(2, 3)))


def learned(module):
    return sum(p.numel() for p in module.parameters())


def check(shown, growth, entering, length, chosen, bottleneck):
    """Compare the facts of one block with torch's count of its layers."""
    inside = 4 * growth if bottleneck else None
    counts = [count(entering + i * growth, growth, inside) for i in range(length)]
    out = entering + length * growth
    assert shown["channels"] == list(range(entering, out + 1, growth))
    assert shown["layer"] == min(chosen, length)
    assert shown["layerParameters"] == sum(n for _, n in shown["parts"]) == counts[shown["layer"] - 1]
    assert shown["parameters"] == sum(counts)
    assert shown["additionLayer"] == sum(n for _, n in shown["addition"]) == count(out, out, inside)
    assert shown["additionParameters"] == length * count(out, out, inside) > shown["parameters"]


@pytest.mark.slow
@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("theta", THETAS)
@pytest.mark.parametrize("bottleneck", [True, False])
def test_every_preset_is_the_network_that_torch_builds(name, theta, bottleneck):
    growth, first, lengths = PRESETS[name]
    with torch.device("meta"):
        judge = DenseNet(growth, first, lengths, theta, bottleneck).eval()
        judge(torch.empty(1, 3, 64, 64))
    states = [{**start, "layer": chosen} for start in (
        state(name, block=block, theta=theta, bottleneck=bottleneck) for block in range(1, 5)
    ) for chosen in range(1, start["num_layers"] + 1)]
    assert len(states) == sum(lengths)
    for now, shown in zip(states, call_view(DenseGrowthView, "facts", [[s] for s in states]), strict=True):
        block = now["block"]
        check(shown, growth, judge.seen[2 * block - 2], lengths[block - 1], now["layer"], bottleneck)
        assert shown["network"] == {"flow": judge.seen, "parameters": learned(judge)}
        assert shown["parameters"] == learned(judge.blocks[block - 1])
        after = judge.transitions[block - 1] if block < 4 else nn.Sequential()
        assert shown["transition"] == (after[2].out_channels if after else None)
        assert shown["transitionParameters"] == learned(after)


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_the_published_networks_and_other_settings_are_not(name):
    shown = call_view(DenseGrowthView, "facts", [[state(name)], [state(name, theta=1)],
                                                 [state(name, bottleneck=False)]])
    flow, parameters = PUBLISHED[name]
    assert shown[0]["network"] == {"flow": flow, "parameters": parameters}
    assert shown[1]["network"]["flow"] != flow and shown[2]["network"]["parameters"] != parameters


def test_numbers_of_torchvision():
    first, last, late = call_view(DenseGrowthView, "facts", [
        [state(layer=1)], [state(block=4)], [state("densenet169", block=4, layer=32)]])
    assert (first["layerParameters"], first["parameters"], first["transitionParameters"]) == (45_440, 335_040, 33_280)
    assert (last["parameters"], last["transition"]) == (2_158_080, None)
    assert late["layerParameters"] == 249_280


def test_channels_are_taken_from_one_to_4096():
    given = {1: 1, 0: 1, 2.6: 3, 4096: 4096, 4097: 4096}
    shown = call_view(DenseGrowthView, "settings", [[{**state("own block"), "in_channels": each}] for each in given])
    assert [each["in_channels"] for each in shown] == list(given.values())


def test_own_blocks_are_those_of_torch():
    random.seed(0)
    options = [{"in_channels": random.randint(1, 4096), "growth_rate": random.randint(1, 64),
                "num_layers": random.randint(1, 64), "layer": random.randint(1, 64),
                "bottleneck": random.random() < 0.5, "theta": random.choice(THETAS)} for _ in range(40)]
    states = [{**state(OWN, **each), "layer": each["layer"]} for each in options]
    for each, shown in zip(options, call_view(DenseGrowthView, "facts", [[s] for s in states]), strict=True):
        check(shown, each["growth_rate"], each["in_channels"], each["num_layers"], each["layer"], each["bottleneck"])
        out = each["in_channels"] + each["num_layers"] * each["growth_rate"]
        with torch.device("meta"):
            kept = nn.Conv2d(out, int(each["theta"] * out), 1, bias=False)
            judge = nn.Sequential(nn.BatchNorm2d(out), kept)
        assert (shown["transition"], shown["transitionParameters"]) == (kept.out_channels, learned(judge))
        assert shown["network"] is None


def test_concatenation_grows_and_addition_does_not():
    with torch.device("meta"):
        x = torch.empty(1, 64, 8, 8)
        dense, addition = layer(64, 32, 128), layer(64, 64, 128)
        assert torch.cat([x, dense(x)], dim=1).shape[1] == 96 and (x + addition(x)).shape[1] == 64
        with pytest.raises(RuntimeError):
            x + dense(x)
    shown = call_view(DenseGrowthView, "facts", [[state(OWN, num_layers=1)]])[0]
    assert shown["channels"] == [64, 96] and shown["additionLayer"] == count(96, 96, 128)


def test_a_preset_puts_its_numbers_into_the_controls_and_a_change_makes_an_own_block():
    start = state("densenet121", block=2)
    assert settle(start) == start
    moved = settle({**start, "preset": NAMES.index("densenet161"), "block": 3})
    assert [moved[name] for name in ("preset", "in_channels", "growth_rate", "num_layers")] == [4, 384, 48, 36]
    wider = settle({**start, "theta": THETAS.index(1.0)})
    assert (wider["preset"], wider["in_channels"]) == (0, 256)
    for name, value in (("in_channels", 10), ("growth_rate", 12), ("num_layers", 4)):
        own = settle({**start, name: value})
        assert own["preset"] == NAMES.index(OWN) and own[name] == value
        assert {**own, "preset": 0, "applied": start["applied"], name: start[name]} == start
        assert settle({**own, "preset": 0}) == start


def test_every_picture_is_whole():
    random.seed(1)
    states, start = [], state()
    for _ in range(2000):
        preset = random.randrange(len(NAMES))
        own = {"in_channels": random.randint(1, 4096), "growth_rate": random.randint(1, 64),
               "num_layers": random.randint(1, 64)}
        states.append({**start, **own, "preset": preset, "block": random.randint(1, 4), "theta": random.randrange(2),
                       "layer": random.randint(1, 64), "bottleneck": random.random() < 0.5})
    for now, html in zip(states, call_view(DenseGrowthView, "draw", [[s] for s in states]), strict=True):
        assert not any(bad in html for bad in ("NaN", "undefined", "Infinity", "null")), now
        assert 'role="img"' in html and ("(last)" in html) == (now["preset"] < 5 and now["block"] == 4)


def test_the_words_show_the_numbers():
    html, other = call_view(DenseGrowthView, "draw", [[state()], [state("densenet264", block=4, theta=1)]])
    assert '64 + 6·32 = <b data-value="out">256</b> channels' in html
    assert 'BN 256 + 1×1 16,384 + BN 256 + 3×3 36,864 = <b data-value="layerParameters">53,760</b>' in html
    assert "<u>64</u> → <u>256</u> → 128 → 512 → 256 → 1,024 → 512 → 1,024" in html
    assert '<b data-value="network">7,978,856</b> parameters.' in html and "not the published net" not in html
    assert "This is not the published net, which has a bottleneck and θ = 0.5." in other
    assert "No transition follows the last block" in other


def test_controls_are_linked_to_the_view():
    own = {"in_channels": 10, "growth_rate": 12, "num_layers": 4}
    explorer = DenseGrowthExplorer(OWN, **own, layer=9, bottleneck=False, theta=1)
    chosen = {"preset": 5, "block": 1, **own, "layer": 4, "bottleneck": False, "theta": 1}
    controls = explorer.controls.items()
    assert {name: getattr(c, "index" if "index" in c.keys else "value") for name, c in controls} == chosen
    assert {name: getattr(explorer.view, name) for name in chosen} == chosen
    assert explorer.controls["layer"].max == 4
    assert len({control.description for _, control in controls}) == len(chosen)
    assert explorer.summary() == {
        "out_channels": 58, "layer_parameters": count(46, 12, None), "addition_parameters": 4 * count(58, 58, None),
        "block_parameters": sum(count(10 + 12 * i, 12, None) for i in range(4))}


@pytest.mark.parametrize("block", [1, 2, 3, 4])
@pytest.mark.parametrize("name", PRESETS)
def test_summary_is_what_the_script_shows(name, block):
    explorer = DenseGrowthExplorer(name, block=block, layer=5)
    shown = call_view(DenseGrowthView, "facts", [[{trait: getattr(explorer.view, trait) for trait in TRAITS}]])[0]
    names = ("out", "layerParameters", "parameters", "additionParameters")
    assert list(explorer.summary().values()) == [shown[key] for key in names]


@pytest.mark.parametrize(("settings", "message"), [
    ({"preset": "densenet"}, "DenseGrowthExplorer: preset must be one of densenet121, densenet169, densenet201, "
     "densenet264, densenet161, own block, got 'densenet'"),
    ({"growth_rate": 12}, "DenseGrowthExplorer: growth_rate must be left out beside densenet121, got 12"),
    ({"block": 5}, "DenseGrowthExplorer: block must be a whole number from 1 to 4, got 5"),
    ({"layer": 0}, "DenseGrowthExplorer: layer must be a whole number from 1 to 64, got 0"),
    ({"preset": OWN, "in_channels": 5000},
     "DenseGrowthExplorer: in_channels must be a whole number from 1 to 4096, got 5000"),
    ({"preset": OWN, "growth_rate": 1.5},
     "DenseGrowthExplorer: growth_rate must be a whole number from 1 to 64, got 1.5"),
    ({"preset": OWN, "num_layers": True},
     "DenseGrowthExplorer: num_layers must be a whole number from 1 to 64, got True"),
    ({"bottleneck": 1}, "DenseGrowthExplorer: bottleneck must be True or False, got 1"),
    ({"theta": 0.7}, "DenseGrowthExplorer: theta must be one of 0.5, 1, got 0.7"),
    ({"theta": True}, "DenseGrowthExplorer: theta must be one of 0.5, 1, got True"),
], ids=str)
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(ValueError) as caught:
        DenseGrowthExplorer(**settings)
    assert str(caught.value) == message
