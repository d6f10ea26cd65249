import random
import re

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from cnnlib.shapes import receptive_field
from cnnlib.widgets.shape_tracer import (
    CHANNELS,
    LAYERS,
    LENET,
    NOTHING,
    OPTIONS,
    SIZES,
    ShapeTracer,
    ShapeTracerView,
    trace,
)
from tools.node import call_view

NAMES = list(OPTIONS)
CONVOLUTIONS = [name for name in NAMES if name.startswith("Conv2d")]
OTHERS = [name for name in NAMES if name not in CONVOLUTIONS]
DATA = {"sizes": SIZES, "channel_counts": CHANNELS, "options": ShapeTracer().view.options}
WINDOWS = {"5×5 pad 2": (5, 1, 2), "5×5": (5, 1, 0), "3×3 pad 1": (3, 1, 1), "3×3": (3, 1, 0),
           "3×3 stride 2 pad 1": (3, 2, 1), "1×1": (1, 1, 0)}


def stacks(count):
    """Return seeded stacks: anything goes, or maps first, then Flatten, then flat layers."""
    rng = random.Random(0)
    for _ in range(count):
        maps = [name for name in OTHERS if not name.startswith(("Linear", "Flatten"))]
        flat = ["Linear 120", "Linear 84", "Linear 10", "ReLU", "Dropout", NOTHING]
        cut = rng.randint(1, 9)
        free = [rng.choice(rng.choice((CONVOLUTIONS, OTHERS))) for _ in range(10)]
        tidy = [rng.choice(rng.choice((CONVOLUTIONS, maps))) for _ in range(cut)] + ["Flatten"]
        tidy += [rng.choice(flat) for _ in range(9 - cut)]
        yield rng.choice(SIZES), rng.choice(CHANNELS), rng.choice((free, tidy, tidy))


STACKS = [(28, 1, [*LENET, NOTHING, NOTHING]), *stacks(2000)]


def state(input_size, channels, layers):
    chosen = dict(zip(LAYERS, (NAMES.index(name) for name in layers), strict=True))
    return {**DATA, "input_size": SIZES.index(input_size), "channels": CHANNELS.index(channels), **chosen}


def module(name, x):
    """Return PyTorch's layer for an option, on the meta device."""
    kind, _, rest = name.partition(" ")
    if kind == "Conv2d":
        filters, _, window = rest.partition(", ")
        kernel_size, stride, padding = WINDOWS[window]
        return nn.Conv2d(x.shape[1], int(filters), kernel_size, stride=stride, padding=padding)
    if kind == "Linear":
        return nn.Linear(x[0].numel(), int(rest))
    if kind == "BatchNorm2d":
        return nn.BatchNorm2d(x.shape[1]).eval()
    return getattr(nn, kind)(*([int(rest)] if rest else []))


def judge(input_size, channels, layers):
    """Return PyTorch's shapes and parameters of the rows, the slot that fails or None, and the MACs of the rows."""
    rows, broken = [], None
    with torch.device("meta"), torch.no_grad(), FlopCounterMode(display=False) as counter:
        x = torch.empty(1, channels, input_size, input_size)
        for slot, name in enumerate(layers, 1):
            if name == NOTHING:
                continue
            done = counter.get_total_flops()
            try:
                layer = module(name, x)
                y = layer(x)
            except (RuntimeError, ValueError, IndexError):
                broken = slot
                break
            flat = name.startswith(("Linear", "Flatten")) or (name in ("ReLU", "Dropout") and x.ndim == 2)
            if y.ndim != (2 if flat else 4):  # nn.Linear takes maps too, row by row: not what the stack means
                broken = slot
                break
            x = y
            macs = (counter.get_total_flops() - done) // 2
            rows.append((slot, list(x.shape), sum(p.numel() for p in layer.parameters()), macs))
    return rows, broken


def fields(layers):
    """Return the receptive fields by cnnlib, None behind global pooling and Flatten."""
    windows, out = [], []
    for name in layers:
        if name == NOTHING:
            continue
        plain = (2, 2, 0) if name.endswith("Pool2d 2") else (1, 1, 0)
        windows.append(WINDOWS[name.split(", ")[1]] if name in CONVOLUTIONS else plain)
        ended = out and out[-1] is None
        out.append(None if ended or name in ("AdaptiveAvgPool2d 1", "Flatten") else receptive_field(windows)[-1].size)
    return out


@pytest.mark.slow
def test_every_stack_has_the_rows_of_pytorch():
    shown = call_view(ShapeTracerView, "facts", [[state(*stack)] for stack in STACKS])
    refused = 0
    for stack, facts in zip(STACKS, shown, strict=True):
        rows, broken = judge(*stack)
        assert [(row["slot"], row["shape"], row["parameters"], row["macs"]) for row in facts["rows"]] == rows, stack
        assert (facts["refused"] or {}).get("slot") == broken, stack
        assert [row["field"] for row in facts["rows"]] == fields(stack[2])[: len(rows)], stack
        assert facts["parameters"] == sum(row[2] for row in rows) and facts["macs"] == sum(row[3] for row in rows)
        refused += broken is not None
    assert 600 < refused < 1400  # both kinds are well represented


def test_python_says_the_same():
    shown = call_view(ShapeTracerView, "facts", [[state(*stack)] for stack in STACKS[:120]])
    for (input_size, channels, layers), facts in zip(STACKS, shown, strict=False):
        assert ShapeTracer(input_size, channels, layers).summary() == {
            "output": tuple(facts["output"]), "parameters": facts["parameters"], "macs": facts["macs"],
            "layers": len(facts["rows"])}


def test_lenet_has_the_published_parameters_and_a_forgotten_bias_has_not():
    [facts] = call_view(ShapeTracerView, "facts", [[state(*STACKS[0])]])
    assert (facts["parameters"], facts["macs"], facts["output"]) == (61_706, 416_520, [1, 10])
    assert [row["field"] for row in facts["rows"]] == [5, 6, 14, 16, None, None, None, None]
    weights_only = sum(p.numel() for p in _lenet().parameters() if p.ndim > 1)
    assert facts["parameters"] != weights_only == 61_470


def _lenet():
    return nn.Sequential(nn.Conv2d(1, 6, 5, padding=2), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), nn.AvgPool2d(2),
                         nn.Flatten(), nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10))


@pytest.mark.parametrize(("size", "layers", "slot", "words"), [
    (8, ["MaxPool2d 2"] * 4, 4, "the window of 2 does not fit into 1 pixel"),
    (8, ["MaxPool2d 2", NOTHING, "Conv2d 6, 5×5"], 3, "the kernel of 5 does not fit into 4 pixels"),
    (8, ["AdaptiveAvgPool2d 1", "Conv2d 6, 3×3"], 2, "the kernel of 3 does not fit into 1 pixel"),
    (28, ["ReLU", "Linear 10"], 2, "Linear needs a flat input: put Flatten before it"),
    (28, ["Flatten", "Conv2d 6, 1×1"], 2, "Conv2d needs maps: it stands after Flatten"),
    (28, ["Flatten", "BatchNorm2d"], 2, "BatchNorm2d needs maps: it stands after Flatten"),
    (28, ["Flatten", "AdaptiveAvgPool2d 1"], 2, "AdaptiveAvgPool2d needs maps: it stands after Flatten"),
])
def test_an_impossible_stack_is_refused_at_the_layer_that_breaks(size, layers, slot, words):
    padded = [*layers, *["ReLU"] * (9 - len(layers)), "Dropout"]
    facts = call_view(ShapeTracerView, "facts", [[state(size, 1, padded)]])[0]
    assert facts["refused"] == {"slot": slot, "words": words}
    above = [i for i, name in enumerate(padded[: slot - 1], 1) if name != NOTHING]
    assert [row["slot"] for row in facts["rows"]] == above
    [drawn] = call_view(ShapeTracerView, "draw", [[state(size, 1, padded)]])
    assert drawn.count(f"✗ Layer {slot}: {words}") == 2 and drawn.count("not reached") == 10 - slot


def test_padding_makes_the_same_kernel_fit():
    layers = [["AdaptiveAvgPool2d 1", f"Conv2d 6, {window}", *[NOTHING] * 8] for window in ("5×5 pad 2", "5×5")]
    fits, not_fits = call_view(ShapeTracerView, "facts", [[state(8, 1, each)] for each in layers])
    assert fits["refused"] is None and fits["output"] == [1, 6, 1, 1]
    assert not_fits["refused"]["words"] == "the kernel of 5 does not fit into 1 pixel"


def test_shares_are_percent_of_the_total():
    assert call_view(ShapeTracerView, "percent", [[48_120, 61_706], [0, 61_706], [0, 0], [5, 5]]) == [78, 0, 0, 100]
    [drawn] = call_view(ShapeTracerView, "draw", [[state(*STACKS[0])]])
    assert "layer 6 Linear 78% and 11.5%" in drawn and "layer 3 Conv2d 3.9% and 57.6%" in drawn
    assert "&lt; 0.1%" not in drawn
    wide = state(224, 1, ["Conv2d 6, 1×1", "Flatten", "Linear 120", *[NOTHING] * 7])
    assert "&lt; 0.1%" in call_view(ShapeTracerView, "draw", [[wide]])[0]  # 12 of 36 million parameters are not none


def test_every_drawing_has_its_numbers_and_twelve_rows():
    nothing = (28, 3, [NOTHING] * 10)
    for stack, drawn in zip([nothing, *STACKS], call_view(
            ShapeTracerView, "draw", [[state(*stack)] for stack in (nothing, *STACKS[:300])]), strict=False):
        assert not re.search(r"NaN|undefined|Infinity|null", drawn), stack
        assert drawn.count("<tr") == 1 + 1 + 10 + 1
        rows, _ = judge(*stack)
        parameters, macs = (sum(row[i] for row in rows) for i in (2, 3))
        assert f'data-value="parameters">{parameters:,}<' in drawn and f'data-value="macs">{macs:,}<' in drawn


def test_controls_are_linked_to_the_view():
    tracer = ShapeTracer(input_size=64, channels=3, layers=["Conv2d 16, 3×3", "Flatten"])
    assert [control.description for control in tracer.controls.values()] == [
        "input size", "channels", *(f"layer {i}" for i in range(1, 11))]
    assert tracer.controls["input_size"].value == "64" and tracer.view.input_size == 3
    assert tracer.controls["layer2"].value == "Flatten" and tracer.controls["layer3"].value == NOTHING
    assert tracer.view.layer1 == NAMES.index("Conv2d 16, 3×3")


def test_convolutions_are_what_their_names_say():
    for name, option in OPTIONS.items():
        if option["kind"] == "Conv2d":
            out, side = re.match(r"Conv2d (\d+), (\d)×\2", name).groups()
            said = dict(re.findall(r"(stride|pad) (\d)", name))
            assert option["out"] == int(out)
            assert option["window"] == [int(side), int(said.get("stride", 1)), int(said.get("pad", 0))]


def test_layers_without_a_window_leave_the_receptive_field():
    layers = ["Conv2d 6, 3×3", "ReLU", "BatchNorm2d", "MaxPool2d 2", "Dropout", "Conv2d 16, 3×3"]
    assert [row["field"] for row in trace(32, 3, layers)] == [3, 3, 3, 4, 4, 8]


@pytest.mark.parametrize(("settings", "message"), [
    ({"input_size": 30}, "ShapeTracer: input_size must be one of 8, 28, 32, 64, 224, got 30"),
    ({"input_size": "28"}, "ShapeTracer: input_size must be one of 8, 28, 32, 64, 224, got '28'"),
    ({"channels": True}, "ShapeTracer: channels must be one of 1, 3, got True"),
    ({"layers": "Flatten"}, "ShapeTracer: layers must be a list of at most 10 names, got 'Flatten'"),
    ({"layers": ["ReLU"] * 11}, f"ShapeTracer: layers must be a list of at most 10 names, got {['ReLU'] * 11}"),
    ({"layers": ["ReLU", "Conv2d"]}, "ShapeTracer: layers[1] must be a name in OPTIONS, got 'Conv2d'"),
    ({"layers": [["ReLU"]]}, "ShapeTracer: layers[0] must be a name in OPTIONS, got ['ReLU']"),
])
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(ValueError) as caught:
        ShapeTracer(**settings)
    assert str(caught.value) == message
