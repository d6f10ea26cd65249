import math
import random
import re

import pytest
import torch
from torch import nn

from cnnlib.widgets.layer_calculator import KINDS, LIMITS, SWITCHES, LayerCalculator, LayerView
from tools.node import call_view

CONVOLUTION, TRANSPOSED, POOL, LINEAR = range(4)
USUAL = {"size": (1, 2, 5, 7, 28, 224), "in_channels": (1, 3, 6, 64), "out_channels": (1, 6, 10, 64),
         "stride": (1, 2, 3), "padding": (0, 1, 2, 3), "kernel_size": (1, 2, 3, 4, 7), "dilation": (1, 1, 2),
         "groups": (1, 1, 1, 2, 3), "output_padding": (0, 0, 0, 1)}


def state_of(calculator):
    return {name: getattr(calculator.view, name) for name in ("layer", *LIMITS, *SWITCHES)}


def some_states(count, *, seed):
    """Return states: usual numbers, the limits, and anything between them."""
    rng = random.Random(seed)
    return [{"layer": rng.randrange(4), **{name: rng.choice((*USUAL[name] * 4, *limits, rng.randint(*limits)))
                                          for name, limits in LIMITS.items()},
             **{name: rng.random() < 0.5 for name in SWITCHES}} for _ in range(count)]


def summary_of(state, calculator):
    for name, value in state.items():
        setattr(calculator.view, name, value)
    return calculator.summary()


def judged(state):
    """Return (shape, parameters, MACs) from PyTorch's own layer on the meta device, or None where it refuses."""
    def options(*names):
        return {name: state[name] for name in names}
    channels = state["in_channels"], state["out_channels"], state["kernel_size"]
    x = torch.empty(1, channels[0], state["size"], state["size"], device="meta")
    with torch.device("meta"):
        try:
            if state["layer"] == TRANSPOSED:  # the meta device lets any output padding pass
                nn.ConvTranspose2d(1, 1, 1, **options("stride", "output_padding", "dilation"), device="cpu")(
                    torch.zeros(1, 1, 2, 2, device="cpu"))
            if state["layer"] == CONVOLUTION:
                layer = nn.Conv2d(*channels, **options("stride", "padding", "dilation", "groups", "bias"))
                places = layer(x)[0, 0].numel()
            elif state["layer"] == TRANSPOSED:
                layer = nn.ConvTranspose2d(*channels, **options(
                    "stride", "padding", "output_padding", "dilation", "groups", "bias"))
                places = x[0, 0].numel()
            elif state["layer"] == POOL:
                layer, places = nn.MaxPool2d(channels[2], **options("stride", "padding", "dilation", "ceil_mode")), 0
            else:
                layer, places = nn.Linear(x.numel(), channels[1], bias=state["bias"]), 1
                x = x.flatten(1)
            shape = list(layer(x).shape)
        except (ValueError, RuntimeError):
            return None
    weights = layer.weight.numel() if hasattr(layer, "weight") else 0
    return shape, sum(p.numel() for p in layer.parameters()), weights * places


def facts_of(states):
    return call_view(LayerView, "facts", [[state] for state in states])


def test_thousands_of_states_agree_with_shapes_and_with_pytorch():
    states, calculator = some_states(2_000, seed=0), LayerCalculator()
    refused = dict.fromkeys(range(4), 0)
    for i, (state, facts) in enumerate(zip(states, facts_of(states), strict=True)):
        right = summary_of(state, calculator)
        assert ("refused" in facts) == (right == {}), state
        if i % 4 == 0:  # each takes PyTorch a hundredth of a second
            torch_says = judged(state)
            assert torch_says == ((facts["shape"], facts["parameters"], facts["macs"]) if right else None), state
        if not right:
            refused[state["layer"]] += 1
            continue
        shown = {"output_shape": tuple(facts["shape"]), "parameters": facts["parameters"], "macs": facts["macs"]}
        assert shown | ({"same_padding": tuple(facts["same"])} if "same" in facts else {}) == right, state
    assert refused[LINEAR] == 0 and all(50 < refused[kind] < 450 for kind in (CONVOLUTION, TRANSPOSED, POOL))


def test_every_kind_of_refusal_is_said_in_words():
    usual = state_of(LayerCalculator())
    cases = {"3 groups must divide both 3 input channels and 64 output channels.": {"groups": 3},
             "The window of 8 pixels does not fit into the 7 pixels": {"size": 5, "padding": 1, "kernel_size": 8},
             "A pool's padding must be at most half of its window; 2 is more than 3 / 2.": {
                 "layer": POOL, "kernel_size": 3, "padding": 2},
             "The output padding must be smaller than the stride or the dilation; 2 is not.": {
                 "layer": TRANSPOSED, "output_padding": 2},
             "The padding cuts off everything: 0 pixels would be left.": {
                 "layer": TRANSPOSED, "size": 1, "kernel_size": 2, "padding": 1}}
    pages = call_view(LayerView, "draw", [[{**usual, **change}] for change in cases.values()])
    for (words, _), page in zip(cases.items(), pages, strict=True):
        assert words in page and "No such layer" in page


def test_line_of_code_is_the_layer():
    states = [state for state in some_states(200, seed=1) if judged(state)]
    for state, code in zip(states, call_view(LayerView, "code", [[state] for state in states]), strict=True):
        with torch.device("meta"):
            layer = eval(f"nn.Sequential({code})", {"nn": nn})
            out = layer(torch.empty(1, state["in_channels"], state["size"], state["size"]))
        assert (list(out.shape), sum(p.numel() for p in layer.parameters())) == judged(state)[:2], code
    assert call_view(LayerView, "code", [[state_of(LayerCalculator())]]) == ["nn.Conv2d(3, 64, 7, stride=2, padding=3)"]


def test_both_sides_of_the_formula_are_equal():
    states = [state for state in some_states(300, seed=2) if state["layer"] != LINEAR and judged(state)]
    lines, shortened = call_view(LayerView, "formula", [[state] for state in states]), 0
    for state, line in zip(states, lines, strict=True):
        left, right = line.split(" = ")
        for sign, word in (("⌊", "math.floor("), ("⌋", ")"), ("⌈", "math.ceil("), ("⌉", ")"), ("·", "*"), ("−", "-")):
            left = left.replace(sign, word)
        number, _, less = right.replace(",", "").partition(" less 1")
        number = int(number)
        assert eval(left, {"math": math}) == number
        assert number - bool(less) == judged(state)[0][2]
        shortened += bool(less)
    assert shortened > 1  # ceil mode: the last window would begin behind the input


def test_page_shows_the_facts_and_nothing_broken():
    states = some_states(400, seed=3)
    pages = call_view(LayerView, "draw", [[state] for state in states])
    for facts, page in zip(facts_of(states), pages, strict=True):
        assert not re.search("NaN|undefined|null|Infinity", page)
        numbers = dict(re.findall(r'<b data-value="([^"]+)">([^<]*)</b>', page))
        if "refused" in facts:
            assert numbers == {}
            continue
        assert [numbers[f"shape{i}"] for i in range(len(facts["shape"]))] == [f"{n:,}" for n in facts["shape"]]
        assert (numbers["parameters"], numbers["macs"]) == (f"{facts['parameters']:,}", f"{facts['macs']:,}")


def test_padding_that_keeps_the_size_keeps_it():
    states = [{**state_of(LayerCalculator()), "kernel_size": k, "dilation": d} for k in range(1, 16) for d in (1, 2, 3)]
    for state, facts in zip(states, facts_of(states), strict=True):
        before, after = facts["same"]
        padded = nn.functional.pad(torch.zeros(1, 1, 20, 20), (before, after, before, after))
        layer = nn.Conv2d(1, 1, state["kernel_size"], dilation=state["dilation"])
        assert layer(padded).shape[-1] == 20 and after - before in (0, 1)
    even, odd = call_view(LayerView, "draw", [[{**states[0], "kernel_size": k}] for k in (4, 5)])
    assert "1 + 2" in even and 'padding="same"' in even and '<b data-value="same">2</b> on each side.' in odd


def test_controls_are_linked_to_the_view_and_named_apart():
    calculator = LayerCalculator("pool", 32, 6, 10, 3, stride=1, padding=1, dilation=2, groups=2, output_padding=1,
                                 bias=False, ceil_mode=True)
    held = {name: control.index if hasattr(control, "index") else control.value
            for name, control in calculator.controls.items()}
    assert held == state_of(calculator) == {
        "layer": POOL, "size": 32, "in_channels": 6, "out_channels": 10, "kernel_size": 3, "stride": 1, "padding": 1,
        "dilation": 2, "groups": 2, "output_padding": 1, "bias": False, "ceil_mode": True}
    descriptions = [control.description for control in calculator.controls.values()]
    assert len(set(descriptions)) == len(descriptions)


@pytest.mark.parametrize(("settings", "message"), [
    ({"kind": "dense"}, "kind must be one of convolution, transposed, pool, linear, got 'dense'"),
    ({"kind": 0}, "kind must be one of convolution, transposed, pool, linear, got 0"),
    ({"size": 0}, "size must be a whole number from 1 to 1024, got 0"),
    ({"kernel_size": 16}, "kernel_size must be a whole number from 1 to 15, got 16"),
    ({"stride": 2.0}, "stride must be a whole number from 1 to 16, got 2.0"),
    ({"padding": True}, "padding must be a whole number from 0 to 32, got True"),
    ({"bias": 1}, "bias must be True or False, got 1"),
    ({"ceil_mode": None}, "ceil_mode must be True or False, got None"),
])
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(ValueError) as caught:
        LayerCalculator(**settings)
    assert str(caught.value) == f"LayerCalculator: {message}"


def test_largest_counts_are_exact():
    state = {**state_of(LayerCalculator()), "size": 1024, "in_channels": 4096, "out_channels": 4096, "kernel_size": 15,
             "stride": 1, "padding": 7}
    assert facts_of([state])[0]["macs"] == 4096**2 * 15**2 * 1024**2 < 2**53
    assert list(KINDS)[state["layer"]] == "convolution"
