import itertools
import random
import re

import ipywidgets
import pytest
import torch
import torch.nn.functional as F

from cnnlib.shapes import pool_output_size
from cnnlib.widgets.pooling_explorer import CELLS, KINDS, LIMITS, NUMBERS, SIDE, PoolingExplorer, PoolingView
from tools.node import call_view

RANGES = [range(low, high + 1) for low, high in LIMITS.values()]
SETTINGS = [dict(zip(("pooling", *LIMITS, "ceil_mode"), values, strict=True))
            for values in itertools.product(range(len(KINDS)), *RANGES, (False, True))]
MAX, AVERAGE, UNPADDED, GLOBAL = range(len(KINDS))


def with_numbers(settings, numbers, position=0):
    """Return a state of the view."""
    return {**settings, **dict(zip(CELLS, numbers, strict=True)), "position": position}


def seeded_states():
    """Return every setting twice: with numbers from the whole range and with so few that most windows have a tie."""
    rng = random.Random(0)
    return [with_numbers(settings, [rng.randint(-most, most) for _ in CELLS]) for settings in SETTINGS
            for most in (9, 1)]


STATES = seeded_states()


def options_of(state):
    return {"kernel_size": state["kernel_size"], "stride": state["stride"], "padding": state["padding"],
            "ceil_mode": state["ceil_mode"]}


def input_of(state):
    """Return the used numbers, (1, 1, size, size)."""
    grid = torch.tensor([state[name] for name in CELLS], dtype=torch.float64).reshape(1, 1, SIDE, SIDE)
    return grid[:, :, :state["size"], :state["size"]].clone().requires_grad_()


def judge(state):
    """Return what PyTorch computes; RuntimeError where it refuses."""
    x, options = input_of(state), options_of(state)
    if state["pooling"] == GLOBAL:
        y = F.adaptive_avg_pool2d(x, 1)
        return {"values": y.flatten().tolist(), "divisors": [x.numel()], "unread": 0}
    sums = F.avg_pool2d(torch.ones_like(x), **options, divisor_override=1)  # the input numbers in each window
    seen, = torch.autograd.grad(F.avg_pool2d(x, **options).sum(), x)
    unread = int((seen == 0).sum())
    if state["pooling"] == MAX:
        y, indices = F.max_pool2d(x, **options, return_indices=True)
        equal = sum((y == v) * F.avg_pool2d((x == v).double(), **options, divisor_override=1) for v in x.unique())
        return {"values": y.flatten().tolist(), "winners": indices.flatten().tolist(), "unread": unread,
                "ties": [round(count) - 1 for count in equal.flatten().tolist()]}
    counted = {"count_include_pad": state["pooling"] == AVERAGE}
    divisors = sums / F.avg_pool2d(torch.ones_like(x), **options, **counted)
    return {"values": F.avg_pool2d(x, **options, **counted).flatten().tolist(),
            "divisors": [round(divisor) for divisor in divisors.flatten().tolist()], "unread": unread}


def test_every_setting_shows_what_pytorch_and_cnnlib_compute():
    refused = 0
    for state, facts in zip(STATES, call_view(PoolingView, "facts", [[state] for state in STATES]), strict=True):
        options = {name: value for name, value in options_of(state).items() if name != "kernel_size"}
        try:
            right = judge(state)
        except RuntimeError:
            refused += 1
            assert facts["refused"] and facts["output"] == 0 and facts["values"] == [], state
            with pytest.raises(ValueError, match=r"^pool_output_size: "):
                pool_output_size(state["size"], state["kernel_size"], **options)
            continue
        assert facts["values"] == pytest.approx(right.pop("values"), abs=1e-12), state
        assert {name: facts[name] for name in right} == right, state
        size = 1 if state["pooling"] == GLOBAL else pool_output_size(state["size"], state["kernel_size"], **options)
        assert facts["output"] == size and facts["refused"] == "", state
    assert len(STATES) == 3072 and 0 < refused < len(STATES) / 2


def test_terms_evaluate_to_what_stands_behind_them():
    terms = call_view(PoolingView, "((state) => facts(state).values.map((value, at) => "
                      "[value, term(state, Math.floor(at / facts(state).output), at % facts(state).output)]))",
                      [[state] for state in STATES])
    names = {"__builtins__": {}, "max": lambda *numbers: max(numbers), "inf": float("inf")}
    for value, text in itertools.chain.from_iterable(terms):
        left, sign, shown = re.fullmatch(r"(.+) ([=≈]) (\S+)", text.replace("−", "-").replace("∞", "inf")).groups()
        assert eval(left, names) == pytest.approx(value, abs=1e-12), text
        assert float(shown) == round(value, 4) and (sign == "=") == (float(shown) == value), text


def test_draw_says_something_in_every_state():
    numbers = random.Random(1)
    states = [{**state, "position": numbers.randint(0, 40)} for state in STATES[::2]]
    shown = call_view(PoolingView, "((state) => [draw(state), facts(state).refused])", [[state] for state in states])
    for (html, refused), state in zip(shown, states, strict=True):
        assert not re.search(r"NaN|undefined|null|Infinity|-\d", re.sub(r'd="[^"]*"', "", html)), state
        assert html.count("<svg") == (1 if refused else 2) and html.count('role="img"') == html.count("<svg")
        assert ("cnn-impossible" in html) == bool(refused)
        assert html.count('class="cnn-ring"') == (state["pooling"] == MAX and not refused)


def words(explorer, **changes):
    """Return the text of the picture after changes to the view's traits."""
    names = ["pooling", *LIMITS, "ceil_mode", "position", *CELLS]
    [html] = call_view(PoolingView, "draw", [[{name: getattr(explorer.view, name) for name in names} | changes]])
    return re.sub(r"<[^>]+>", " ", html).replace("  ", " ")


def test_readout_of_the_first_windows():
    shown = words(PoolingExplorer())
    assert "max(1, 4, 2, 7) = 7" in shown and "The winner (ring) is at row 1, column 1 of the input." in shown
    assert "A tie" not in shown
    shown = words(PoolingExplorer("average"))
    assert "(1 + 4 + 2 + 7) / 4 = 3.5" in shown and "winner" not in shown
    with_zeros, without = (words(PoolingExplorer(kind, padding=1)) for kind in ("average", "average_without_padding"))
    assert "Divided by 1 , the input numbers in the window; padding is not counted." in without
    assert "Divided by 4" in with_zeros and "not counted." not in with_zeros


def test_ties_are_pointed_out_and_the_first_wins():
    explorer = PoolingExplorer(kernel_size=3, stride=1)
    shown = words(explorer, position=5)  # 5 -1 1 / 6 6 -4 / 4 6 2
    assert "A tie: 3 numbers in this window are 6 (dashed rings). PyTorch takes the first, row by row." in shown
    assert "The winner (ring) is at row 2, column 2 of the input." in shown
    assert "column 3" not in shown


def test_ceil_mode_changes_the_divisor_at_the_edge():
    corner = {"position": 8, "x24": 8}
    floor, ceil = PoolingExplorer("average", padding=0), PoolingExplorer("average", padding=0, ceil_mode=True)
    assert (floor.summary(), ceil.summary()) == ({"output": 2, "windows": 4}, {"output": 3, "windows": 9})
    shown = words(ceil, **corner)
    assert "8 / 1 = 8" in shown and "8 / 4" not in shown
    assert "3 cells of the window (dotted) lie outside the padded input and count for nothing." in shown
    padded = PoolingExplorer("average", kernel_size=2, stride=2, padding=1)
    assert "(0 + 0 + 0 + 1) / 4 = 0.25" in words(padded)
    assert "1 / 1 = 1" in words(PoolingExplorer("average_without_padding", kernel_size=2, stride=2, padding=1))


@pytest.mark.parametrize(("settings", "formula", "rule"), [
    ({}, "⌊(5 + 2·0 − 2) / 2⌋ + 1 = ⌊3 / 2⌋ + 1 = ⌊1.5⌋ + 1 = 2",
     "Rounded down: every window lies inside the padded input."),
    ({"ceil_mode": True}, "⌈(5 + 2·0 − 2) / 2⌉ + 1 = ⌈3 / 2⌉ + 1 = ⌈1.5⌉ + 1 = 3",
     "Rounded up, but the last window must start inside the input or its left padding: before row 5 + 0 = 5 of the "
     "padded input. It starts at row 4 and stays."),
    ({"padding": 1, "stride": 3, "ceil_mode": True},
     "⌈(5 + 2·1 − 2) / 3⌉ + 1 = ⌈5 / 3⌉ + 1 = ⌈1.667⌉ + 1 = 3, less 1 window = 2",
     "Rounded up, but the last window must start inside the input or its left padding: before row 5 + 1 = 6 of the "
     "padded input. It would start at row 6, so PyTorch drops it."),
    ({"kind": "global_average", "padding": 2}, "one window, the whole input of 5 × 5: output 1",
     "Window, stride, padding and ceil mode are not used by global average pooling."),
])
def test_formula_and_rule_put_the_numbers_in(settings, formula, rule):
    shown = words(PoolingExplorer(**settings))
    assert formula in shown and rule in shown


def test_refused_settings_say_why():
    wide = words(PoolingExplorer(kernel_size=3, padding=2))
    assert "PyTorch refuses padding 2: it may be at most half of the window, and half of 3 is 1.5." in wide
    assert "PyTorch refuses" not in words(PoolingExplorer(kernel_size=4, padding=2))
    large = words(PoolingExplorer(size=3, kernel_size=4, stride=2))
    assert "⌊(3 + 2·0 − 4) / 2⌋ + 1 = ⌊−1 / 2⌋ + 1 = ⌊−0.5⌋ + 1 = 0, so no window fits" in large
    assert "The window covers 4 pixels, but the input has only 3." in large
    assert "no window fits" not in words(PoolingExplorer(size=3, kernel_size=4, stride=2, ceil_mode=True))
    [facts] = call_view(PoolingView, "facts", [[{**STATES[0], "size": 3, "kernel_size": 4, "padding": 0}]])
    assert facts["refused"] == "window" and facts["unread"] == facts["windows"] == 0


@pytest.mark.slow
def test_positions_end_with_the_last_window():
    states = STATES[::7]
    last = [derived["last_position"] for derived in call_view(PoolingView, "derive", [[state] for state in states])]
    for state, position in zip(states, last, strict=True):
        settings = {name: state[name] for name in (*LIMITS, "ceil_mode")}
        explorer = PoolingExplorer(list(KINDS)[state["pooling"]], **settings)
        assert explorer.view.last_position == position == max(explorer.summary()["windows"] - 1, 0), state
    explorer = PoolingExplorer()
    assert words(explorer, position=3) == words(explorer, position=99)


def test_controls_are_linked_and_named(monkeypatch):
    links = []
    monkeypatch.setattr(ipywidgets, "jslink", lambda source, target: links.append((source, target)))
    explorer = PoolingExplorer("average", size=4, kernel_size=3, stride=1, padding=1, ceil_mode=True)
    values = {name: control.value for name, control in explorer.controls.items()}
    assert values == {"pooling": KINDS["average"], "size": 4, "kernel_size": 3, "stride": 1, "padding": 1,
                      "ceil_mode": True, **dict(zip(CELLS, NUMBERS, strict=True))}
    descriptions = [control.description for control in explorer.controls.values()]
    assert len(set(descriptions)) == len(descriptions) and descriptions[-1] == "row 4, column 4"
    for name, control in explorer.controls.items():
        assert ((control, "index" if name == "pooling" else "value"), (explorer.view, name)) in links


@pytest.mark.parametrize(("settings", "message"), [
    ({"kind": "min"}, "kind must be one of max, average, average_without_padding, global_average, got 'min'"),
    ({"size": 1}, "size must be a whole number from 2 to 5, got 1"),
    ({"kernel_size": 5}, "kernel_size must be a whole number from 1 to 4, got 5"),
    ({"stride": 0}, "stride must be a whole number from 1 to 4, got 0"),
    ({"padding": 0.5}, "padding must be a whole number from 0 to 2, got 0.5"),
    ({"padding": True}, "padding must be a whole number from 0 to 2, got True"),
    ({"ceil_mode": 1}, "ceil_mode must be True or False, got 1"),
])
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(ValueError) as caught:
        PoolingExplorer(**settings)
    assert str(caught.value) == f"PoolingExplorer: {message}"
