import math
import re

import ipywidgets
import pytest
import torch
import torch.nn.functional as F

from cnnlib.widgets.activation_explorer import FUNCTIONS, ActivationExplorer, ActivationView
from tools.node import call_view

NAMES = list(FUNCTIONS)
XS = [i / 10 for i in range(-80, 81)]
SLOPES = [i / 20 for i in range(11)]
JUDGES = {"relu": F.relu, "leaky_relu": F.leaky_relu, "relu6": F.relu6, "sigmoid": torch.sigmoid, "tanh": torch.tanh}
STATES = [{"function": i, "x": x, "negative_slope": slope} for i, name in enumerate(NAMES) for x in XS
          for slope in SLOPES]


def judge(state):
    """Return PyTorch's value and derivative."""
    name = NAMES[state["function"]]
    x = torch.tensor(state["x"], dtype=torch.float64, requires_grad=True)
    y = JUDGES[name](x, **({"negative_slope": state["negative_slope"]} if name == "leaky_relu" else {}))
    derivative, = torch.autograd.grad(y, x)
    return y.item(), derivative.item()


def words(html):
    return re.sub(r"<[^>]+>", "", html)


def number(text):
    """Return the number that a text such as −1.234 × 10⁻⁵ shows."""
    digits, _, power = text.replace("−", "-").partition(" × 10")
    power = power.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789"))
    return float(f"{digits}e{power or 0}")


@pytest.fixture(scope="module")
def judged():
    return [judge(state) for state in STATES]


def test_every_position_agrees_with_autograd(judged):
    shown = call_view(ActivationView, "facts", [[state] for state in STATES])
    for state, (value, derivative), facts in zip(STATES, judged, shown, strict=True):
        assert facts["value"] == pytest.approx(value, rel=1e-12, abs=1e-12), state
        assert facts["derivative"] == pytest.approx(derivative, rel=0, abs=1e-12), state
        assert facts["after"] == pytest.approx(derivative**10, rel=1e-7), state
        word = "off" if derivative == 0 else "saturated" if abs(derivative) < 0.01 else "alive"
        assert facts["unit"] == word, state
    assert len(STATES) == 5 * 161 * 11


def test_python_says_the_same(judged):
    for state, (value, derivative) in zip(STATES[::11], judged[::11], strict=True):
        explorer = ActivationExplorer(NAMES[state["function"]], state["x"], negative_slope=state["negative_slope"])
        assert explorer.summary() == pytest.approx({"value": value, "derivative": derivative}, rel=1e-12, abs=1e-12)


def test_shown_numbers_are_pytorchs_to_four_digits(judged):
    drawn = call_view(ActivationView, "draw", [[state] for state in STATES])
    for state, (value, derivative), html in zip(STATES, judged, drawn, strict=True):
        assert not re.search(r"NaN|undefined|null|Infinity|e[+-]\d", html), state
        values = dict(re.findall(r'data-value="(\w+)">([^<]*)<', html))
        right = {"value": value, "derivative": derivative, "after": derivative**10}
        for name, exact in right.items():
            assert number(values[name]) == float(f"{exact:.3e}"), (state, name)
        label = re.search(r'aria-label="([^"]*)"', html).group(1)
        assert f"the value is {values['value']}, the derivative {values['derivative']};" in label
        assert f"f({state['x']:g})".replace("-", "−") in words(html)
        sign = "=" if math.isclose(value, float(f"{value:.3e}"), rel_tol=1e-12, abs_tol=0) else "≈"
        assert words(html).count(f"{sign} {values['value']}") >= 2, state


def test_binary_noise_of_a_slider_is_taken_away():
    noisy = {"function": 1, "x": -0.30000000000000004, "negative_slope": 0.15000000000000002}
    clean = {"function": 1, "x": -0.3, "negative_slope": 0.15}
    tiny = {"function": 0, "x": -4e-16, "negative_slope": 0.1}
    first, second, zero = call_view(ActivationView, "facts", [[noisy], [clean], [tiny]])
    assert first == second and first["x"] == -0.3
    assert zero["x"] == 0 and zero["kink"]


KINKS = [("relu", 0, 0.1, "0 on its left and 1", 0), ("leaky_relu", 0, 0.1, "0.1 on its left and 1", 0.1),
         ("relu6", 0, 0.1, "0 on its left and 1", 0), ("relu6", 6, 0.1, "1 on its left and 0", 0)]


@pytest.mark.parametrize(("name", "x", "slope", "sides", "used"), KINKS)
def test_kinks_name_the_slope_that_pytorch_uses(name, x, slope, sides, used):
    state = {"function": NAMES.index(name), "x": x, "negative_slope": slope}
    assert judge(state | {"x": float(x)})[1] == used
    at, beside = map(words, call_view(ActivationView, "draw", [[state], [{**state, "x": x + 0.1}]]))
    assert f"x = {x} is a kink: the slope is {sides} on its right. PyTorch uses {used}." in at
    assert "is a kink" not in beside and "No kink at this x" in beside


def test_words_of_an_off_a_saturated_and_a_living_unit():
    states = [("relu", -1.0), ("sigmoid", 8.0), ("sigmoid", 0.0), ("relu", 2.5)]
    off, saturated, alive, relu = (words(html) for html in call_view(ActivationView, "draw", [
        [{"function": NAMES.index(name), "x": x, "negative_slope": 0.1}] for name, x in states]))
    assert "At this x the unit is off: its gradient is 0" in off and "sigmoid" not in off
    assert "sigmoid(8) ≈ 0.9997, derivative ≈ 3.352 × 10⁻⁴" in saturated and "unit is saturated" in saturated
    assert "sigmoid(0) = 0.5, derivative = 0.25" in alive and "unit is alive" in alive
    assert "After 10 such layers a gradient of 1 is 9.537 × 10⁻⁷" in alive
    assert "ReLU(2.5) = 2.5, derivative = 1" in relu and "a gradient of 1 is 1:" in relu


def test_only_leaky_relu_uses_the_negative_slope():
    for index, label in enumerate(FUNCTIONS.values()):
        [html] = call_view(ActivationView, "draw", [[{"function": index, "x": -2.0, "negative_slope": 0.25}]])
        unused = f"The negative slope is not used by {label}, only by leaky ReLU."
        assert (unused in html) == (label != "leaky ReLU")
        assert ("The negative slope 0.25 multiplies every x below 0." in html) == (label == "leaky ReLU")


def test_every_part_stays_inside_the_frame():
    drawn = call_view(ActivationView, "draw", [[state] for state in STATES[::3]])
    for state, html in zip(STATES[::3], drawn, strict=True):
        for path in re.findall(r'class="cnn-(?:curve|derivative|tangent)" d="M([^"H]*)"', html):
            for x, y in (map(float, point.split()) for point in path.split("L") if "h" not in point):
                assert 60 <= x <= 312 and 29.9 <= y <= 246.1, state
        assert html.count("cnn-dot") == html.count("cnn-square") == 1


def test_tangent_touches_the_curve_with_its_slope():
    [html] = call_view(ActivationView, "draw", [[{"function": 3, "x": 0, "negative_slope": 0.1}]])
    *_, tangent = re.findall(r'class="cnn-tangent" d="M([\d. ]+)L([\d. ]+)"', html)
    (x1, y1), (x2, y2) = (map(float, point.split()) for point in tangent)
    cx, cy = (float(re.search(rf'class="cnn-dot"[^>]* {name}="([\d.]+)"', html).group(1)) for name in ("cx", "cy"))
    assert cy == pytest.approx(y1 + (y2 - y1) * (cx - x1) / (x2 - x1), abs=0.2)
    per_x, per_y = (312 - 60) / 17.2, (246 - 30) / 3
    assert (y1 - y2) / (x2 - x1) * per_x / per_y == pytest.approx(0.25, abs=0.002)


def test_controls_are_linked_and_named(monkeypatch):
    links = []
    monkeypatch.setattr(ipywidgets, "jslink", lambda source, target: links.append((source, target)))
    explorer = ActivationExplorer("leaky_relu", -1.5, negative_slope=0.3)
    assert {name: control.value for name, control in explorer.controls.items()} == {
        "function": "leaky ReLU", "x": -1.5, "negative_slope": 0.3}
    assert [control.description for control in explorer.controls.values()] == ["function", "x", "negative slope"]
    assert links == [((control, "index" if name == "function" else "value"), (explorer.view, name))
                     for name, control in explorer.controls.items()]


@pytest.mark.parametrize(("settings", "message"), [
    ({"function": "gelu"}, "function must be one of relu, leaky_relu, relu6, sigmoid, tanh, got 'gelu'"),
    ({"x": 8.1}, "x must be a number from -8 to 8 in steps of 0.1, got 8.1"),
    ({"x": 0.25}, "x must be a number from -8 to 8 in steps of 0.1, got 0.25"),
    ({"x": math.nan}, "x must be a number from -8 to 8 in steps of 0.1, got nan"),
    ({"x": True}, "x must be a number from -8 to 8 in steps of 0.1, got True"),
    ({"negative_slope": 0.01}, "negative_slope must be a number from 0 to 0.5 in steps of 0.05, got 0.01"),
    ({"negative_slope": "0.1"}, "negative_slope must be a number from 0 to 0.5 in steps of 0.05, got '0.1'"),
])
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(ValueError) as caught:
        ActivationExplorer(**settings)
    assert str(caught.value) == f"ActivationExplorer: {message}"
