import itertools
import random
import re

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from cnnlib.models.googlenet import ROWS, Inception
from cnnlib.shapes import conv_mac_count
from cnnlib.widgets.inception_calculator import LARGE, LIMITS, OWN, PRESETS, InceptionCalculator, InceptionView
from tools.node import call_view

GOOGLENET = [name for name in PRESETS if name != "branch b"]
TABLE = {"presets": {name: list(row) for name, row in PRESETS.items()},
         "large_layers": [[list(kernel) for kernel in kernels] for kernels in LARGE.values()]}


class Conv(nn.Conv2d):
    """A convolution that draws no starting weights: on the meta device there is nothing to draw."""

    def reset_parameters(self):
        pass


THIRD = {  # branch c in PyTorch's modules, without the reduction
    "5x5": lambda a, b: [Conv(a, b, 5, padding=2)],
    "3x3": lambda a, b: [Conv(a, b, 3, padding=1)],
    "two 3x3": lambda a, b: [Conv(a, b, 3, padding=1), Conv(b, b, 3, padding=1)],
    "1x5 and 5x1": lambda a, b: [Conv(a, b, (1, 5), padding=(0, 2)), Conv(b, b, (5, 1), padding=(2, 0))],
}


def state_of(preset, row=PRESETS["3a"], *, reduction=True, large=0):
    index = [*PRESETS, OWN].index(preset)
    return {**TABLE, "preset": index, "reduction": reduction, "large": large, **dict(zip(LIMITS, row, strict=True))}


def some_rows(count):
    rng = random.Random(7)
    rows = [[rng.choice((low, high, rng.randint(low, high), rng.randint(low, high))) for low, high in LIMITS.values()]
            for _ in range(count)]
    return [row for row in rows if any(row[i] for i in (2, 4, 6, 7))]


def branches(row, *, reduction, large):
    """Build the four branches with PyTorch on the meta device; None where a branch has no output channels."""
    channels, _, one, reduce3, three, reduce5, five, pool = row
    third = THIRD[list(LARGE)[large]]
    with torch.device("meta"):
        if reduction:
            paths = [[Conv(channels, one, 1)] if one else None,
                     [Conv(channels, reduce3, 1), Conv(reduce3, three, 3, padding=1)] if three else None,
                     [Conv(channels, reduce5, 1), *third(reduce5, five)] if five else None,
                     [nn.MaxPool2d(3, stride=1, padding=1), Conv(channels, pool, 1)] if pool else None]
        else:
            paths = [[Conv(channels, one, 1)] if one else None,
                     [Conv(channels, three, 3, padding=1)] if three else None,
                     third(channels, five) if five else None,
                     [nn.MaxPool2d(3, stride=1, padding=1)] if pool else None]
    return [path and nn.Sequential(*path) for path in paths]


def judged(row, *, reduction, large):
    """Return each branch's (out_channels, parameters, MACs) and the sums, from modules that have run."""
    x = torch.empty(1, row[0], row[1], row[1], device="meta")
    counts = []
    for branch in branches(row, reduction=reduction, large=large):
        if branch is None:
            counts.append(None)
            continue
        out, macs = x, 0
        for layer in branch:
            if isinstance(layer, nn.Conv2d):
                macs += conv_mac_count(tuple(out.shape), layer.out_channels, layer.kernel_size, padding=layer.padding)
            out = layer(out)
        assert out.shape[2:] == x.shape[2:]
        counts.append((out.shape[1], sum(p.numel() for p in branch.parameters()), macs))
    return counts, tuple(map(sum, zip(*filter(None, counts), strict=True)))


def shown(cost):
    parts = [branch and (branch["out_channels"], branch["parameters"], branch["macs"]) for branch in cost["branches"]]
    return parts, (cost["out_channels"], cost["parameters"], cost["macs"])


def test_every_preset_and_two_thousand_own_modules_agree_with_pytorch():
    kinds = [{"reduction": r, "large": k} for r, k in itertools.product((True, False), range(len(LARGE)))]
    cases = [(name, row, kind) for (name, row), kind in itertools.product(PRESETS.items(), kinds)]
    cases += [(OWN, row, kinds[i % len(kinds)]) for i, row in enumerate(some_rows(2_100))]
    results = call_view(InceptionView, "facts", [[state_of(name, row, **kind)] for name, row, kind in cases])
    for (name, row, kind), facts in zip(cases, results, strict=True):
        right = judged(row, **kind)
        assert shown(facts["now"]) == right, (name, row, kind)
        if name != OWN:
            other = {**kind, "reduction": not kind["reduction"]}
            assert shown(facts["naive" if kind["reduction"] else "reduced"]) == judged(row, **other)
    assert len(cases) >= 2_080


def test_macs_are_half_of_the_flops_that_pytorch_counts():
    module = branches(PRESETS["4a"], reduction=True, large=0)
    x = torch.empty(1, 480, 14, 14, device="meta")
    with FlopCounterMode(display=False) as counter:
        out = torch.cat([branch(x) for branch in module], dim=1)
    summary = InceptionCalculator("4a").summary()
    assert (out.shape[1], counter.get_total_flops()) == (summary["out_channels"], 2 * summary["macs"])


def test_presets_are_the_papers_table_and_chain():
    assert {name: PRESETS[name][2:] for name in GOOGLENET} == ROWS["googlenet"].modules
    channels = [PRESETS[name][0] for name in GOOGLENET] + [1024]
    assert channels == [192, 256, 480, 512, 512, 512, 528, 832, 832, 1024]
    assert [InceptionCalculator(name).summary()["out_channels"] for name in GOOGLENET] == channels[1:]
    published = (128, 304, 73, 88, 100, 119, 170, 54, 71)  # million operations, the paper's Table 1
    for name, millions in zip(GOOGLENET, published, strict=True):
        assert InceptionCalculator(name).summary()["macs"] / 1e6 == pytest.approx(millions, rel=0.06), name


def test_torchvisions_module_has_3x3_no_biases_and_batch_norm():
    row = PRESETS["3a"]
    convs = [layer for layer in Inception(row[0], *row[2:]).modules() if isinstance(layer, nn.Conv2d)]
    weights = sum(layer.weight.numel() for layer in convs)
    biases = sum(layer.out_channels for layer in convs)
    summary = InceptionCalculator("3a", large="3x3").summary()
    assert summary["parameters"] == weights + biases
    assert summary["macs"] == weights * 28 * 28
    assert InceptionCalculator("3a").summary()["parameters"] == weights + biases + 16 * 16 * 32  # 25 - 9 = 16 taps more


def test_256_to_64_to_256_costs_128_million_and_462_million_without_the_reduction():
    with_it, without = (InceptionCalculator("branch b", reduction=reduction).summary() for reduction in (True, False))
    assert (with_it["macs"], without["macs"]) == (128_450_560, 462_422_016)
    assert 256 * 64 * 784 != with_it["macs"] != 64 * 256 * 9 * 784  # either layer alone is too little
    page = call_view(InceptionView, "draw", [[state_of("branch b")]])[0]
    assert values(page)["ratio"] == "0.278"


def test_naive_module_hands_on_all_channels_of_its_input():
    assert InceptionCalculator("3a", reduction=False).summary()["out_channels"] == 64 + 128 + 32 + 192
    page = call_view(InceptionView, "draw", [[state_of("3a", reduction=False)]])[0]
    assert values(page)["out_channels"] == "416"
    assert "In branch d nothing narrows the pooling branch: it hands on all 192 channels" in page


def test_two_3x3_save_only_where_widths_are_equal():
    wide, equal = (state_of(OWN, (192, 28, 0, 1, 0, reduce5, 32, 0), large=2) for reduce5 in (16, 32))
    wide, equal = call_view(InceptionView, "draw", [[wide], [equal]])
    assert "for each, 9·(16 + 32) = <b data-value=\"pairWeights\">432</b> weights against 25·16 = 400" in wide
    assert "for each, 9·(32 + 32) = <b data-value=\"pairWeights\">576</b> weights against 25·32 = 800" in equal
    assert 576 / 800 == 18 / 25
    assert float(values(wide)["largeRatio"]) > 1 > float(values(equal)["largeRatio"])


def values(page):
    return dict(re.findall(r'<b data-value="([^"]+)">([^<]*)</b>', page))


def test_page_shows_the_facts_and_nothing_broken():
    states = [state_of(OWN, row, reduction=i % 2 == 0, large=i % 4) for i, row in enumerate(some_rows(500))]
    states += [state_of(name, reduction=r, large=k) for name in PRESETS for r in (True, False) for k in range(4)]
    pages = call_view(InceptionView, "draw", [[state] for state in states])
    facts = call_view(InceptionView, "facts", [[state] for state in states])
    for page, fact in zip(pages, facts, strict=True):
        assert not re.search("NaN|undefined|null|Infinity", page)
        numbers = values(page)
        assert numbers["macs"] == numbers["module.macs"] == f"{fact['now']['macs']:,}"
        assert numbers["parameters"] == f"{fact['now']['parameters']:,}"
        assert [numbers["reducedMacs"], numbers["naiveMacs"]] == [f"{fact[k]['macs']:,}" for k in ("reduced", "naive")]
        if fact["naive"]["macs"]:
            assert float(numbers["ratio"].replace(",", "")) == pytest.approx(
                fact["reduced"]["macs"] / fact["naive"]["macs"], rel=5e-3)
        assert 'role="img" aria-label="An Inception module.' in page


def test_four_empty_branches_say_so():
    nothing = state_of(OWN, (192, 28, 0, 96, 0, 16, 0, 0))
    empty, pooled = call_view(InceptionView, "draw", [[nothing], [{**nothing, "pool": 8, "reduction": False}]])
    assert "Nothing to concatenate.</b> All four branches have 0 output channels." in empty and "<svg" not in empty
    assert "pooling alone multiplies nothing" in pooled and "<svg" in pooled
    assert not re.search("NaN|undefined|Infinity", empty + pooled)


def test_a_reduction_can_cost_more_than_it_saves():
    page = call_view(InceptionView, "draw", [[state_of(OWN, (8, 28, 8, 384, 8, 128, 8, 8))]])[0]
    assert "these 1×1 layers cost more than they save" in page


def test_controls_are_linked_to_the_view_and_named_apart():
    explorer = InceptionCalculator(OWN, in_channels=64, size=7, five=0, reduction=False, large="two 3x3")
    controls = {name: getattr(control, "index", None) if hasattr(control, "index") else control.value
                for name, control in explorer.controls.items()}
    assert controls == {"preset": 10, "reduction": False, "large": 2, "in_channels": 64, "size": 7, "one": 64,
                        "reduce3": 96, "three": 128, "reduce5": 16, "five": 0, "pool": 32}
    assert {name: getattr(explorer.view, name) for name in controls} == controls
    descriptions = [control.description for control in explorer.controls.values()]
    assert len(set(descriptions)) == len(descriptions)
    assert explorer.summary() == {"out_channels": 64 + 128 + 64, "parameters": 64 * 65 + 128 * (9 * 64 + 1),
                                  "macs": 49 * (64 * 64 + 9 * 64 * 128)}


@pytest.mark.parametrize(("settings", "message"), [
    ({"preset": "3c"}, "InceptionCalculator: preset must be one of 3a, 3b, 4a, 4b, 4c, 4d, 4e, 5a, 5b, branch b, own, "
                       "got '3c'"),
    ({"large": "7x7"}, "InceptionCalculator: large must be one of 5x5, 3x3, two 3x3, 1x5 and 5x1, got '7x7'"),
    ({"in_channels": 0}, "InceptionCalculator: in_channels must be a whole number from 1 to 1024, got 0"),
    ({"size": 57}, "InceptionCalculator: size must be a whole number from 1 to 56, got 57"),
    ({"one": -1}, "InceptionCalculator: one must be a whole number from 0 to 384, got -1"),
    ({"reduce3": 0}, "InceptionCalculator: reduce3 must be a whole number from 1 to 384, got 0"),
    ({"five": 1.5}, "InceptionCalculator: five must be a whole number from 0 to 128, got 1.5"),
    ({"pool": True}, "InceptionCalculator: pool must be a whole number from 0 to 256, got True"),
    ({"reduction": 1}, "InceptionCalculator: reduction must be True or False, got 1"),
])
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(ValueError) as caught:
        InceptionCalculator(**settings)
    assert str(caught.value) == message
