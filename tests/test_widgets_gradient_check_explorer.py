import itertools
import math
import re
from decimal import Decimal, localcontext

import numpy as np
import pytest
import torch

from cnnlib.scratch import numerical_gradient
from cnnlib.widgets.gradient_check_explorer import (
    CHOICES,
    FUNCTIONS,
    STEPS,
    GradientCheckExplorer,
    GradientCheckView,
    curves,
    quotient,
)
from tools.node import call_view

NAMES = list(FUNCTIONS)
SMOOTH = [name for name in NAMES if name != "ReLU"]
TORCH = {"x cubed": lambda x: x**3, "sin": torch.sin, "exp": torch.exp, "sigmoid": torch.sigmoid, "ReLU": torch.relu}
VIEW = GradientCheckExplorer().view
DATA = {name: getattr(VIEW, name) for name in ("names", "exact", "points", "curves")}
PLACES = [range(len(CHOICES[name])) for name in ("function", "difference", "precision")]
STATES = [{**DATA, "function": f, "difference": d, "precision": p, "step": step}
          for f, d, p, step in itertools.product(*PLACES, STEPS)]


def exact(name):
    """Return the derivative that autograd gives."""
    point = torch.tensor(FUNCTIONS[name][2], dtype=torch.float64, requires_grad=True)
    TORCH[name](point).backward()
    return point.grad.item()


def errors(function, difference, precision):
    """Return the relative errors that the widget ships, by step."""
    values = curves()[NAMES.index(function)][CHOICES["difference"].index(difference)]
    return dict(zip(STEPS, (error for _, error in values[CHOICES["precision"].index(precision)]), strict=True))


def test_the_derivatives_are_those_of_autograd():
    for name, shown, point in zip(NAMES, DATA["exact"], DATA["points"], strict=True):
        assert math.isclose(shown, exact(name), rel_tol=1e-14) and point == FUNCTIONS[name][2]


@pytest.mark.parametrize("name", NAMES)
def test_a_float64_quotient_is_that_of_torch_within_its_rounding(name):
    point = torch.tensor(FUNCTIONS[name][2], dtype=torch.float64)
    for step in (-1, -3, -5, -7):
        h = 10.0**step
        judge = (TORCH[name](point + h) - TORCH[name](point - h)).item() / (2 * h)
        shown = curves()[NAMES.index(name)][0][0][step + 15][0]
        assert abs(shown - judge) < 4e-16 * (1 + abs(TORCH[name](point).item())) / h


@pytest.mark.parametrize("name", NAMES)
def test_a_central_float64_quotient_is_numerical_gradient(name):
    function, _, point, _ = FUNCTIONS[name]
    for step in STEPS:
        judge = numerical_gradient(lambda x: function(x.item()), np.array([point]), step=10.0**step)
        assert math.isclose(curves()[NAMES.index(name)][0][0][step + 15][0], judge.item(), rel_tol=1e-15)


def test_a_quotient_is_exact_in_exact_arithmetic_and_rounded_in_float32():
    with localcontext() as context:
        context.prec = 60
        h = Decimal("1e-5")
        true = float(((Decimal("1.5") + h) ** 3 - (Decimal("1.5") - h) ** 3) / (2 * h))
    options = {"step": 1e-5, "difference": "central"}
    double = quotient(FUNCTIONS["x cubed"][0], 1.5, precision="float64", **options)
    single = quotient(FUNCTIONS["x cubed"][0], 1.5, precision="float32", **options)
    assert math.isclose(double, true, rel_tol=1e-10) and not math.isclose(single, true, rel_tol=1e-5)
    assert single == float(np.float32(single)) and double != float(np.float32(double))


@pytest.mark.parametrize("name", SMOOTH)
def test_the_best_central_step_in_float64_is_neither_the_smallest_nor_the_largest(name):
    found = errors(name, "central", "float64")
    assert -6 <= min(found, key=found.get) <= -4
    assert found[-15] > 1e-6 and found[-1] > 1e-6  # both ends fail


@pytest.mark.parametrize("name", SMOOTH)
def test_forward_needs_a_smaller_step_and_is_less_exact(name):
    central, forward = errors(name, "central", "float64"), errors(name, "forward", "float64")
    assert min(forward, key=forward.get) < min(central, key=central.get)
    assert min(forward.values()) > 10 * min(central.values())


@pytest.mark.parametrize(("name", "difference"), [*itertools.product(SMOOTH, CHOICES["difference"])])
def test_float32_fails_at_every_small_step(name, difference):
    found = errors(name, difference, "float32")
    assert min(found[step] for step in STEPS if step <= -4) > 1e-6
    assert found[-15] == 1  # both values are rounded to the same number, so the quotient is 0
    assert min(errors(name, difference, "float64").values()) < 1e-6


def test_relu_fails_over_its_kink_and_passes_before_it():
    found = errors("ReLU", "central", "float64")
    assert all(found[step] > 0.3 for step in (-1, -2, -3))
    assert all(found[step] < 1e-6 for step in range(-12, -3))
    forward = errors("ReLU", "forward", "float64")
    assert forward[-1] == forward[-2] == 0  # forward, it never looks back over the kink


def test_every_state_shows_what_python_ships():
    shown = call_view(GradientCheckView, "facts", [[state] for state in STATES])
    for state, row in zip(STATES, shown, strict=True):
        curve = state["curves"][state["function"]][state["difference"]][state["precision"]]
        found = dict(zip(STEPS, (error for _, error in curve), strict=True))
        assert [row["value"], row["error"]] == curve[state["step"] + 15]
        assert row["passes"] == (found[state["step"]] < 1e-6)
        best = max(step for step in STEPS if found[step] == min(found.values()))
        assert row["best"]["step"] == best
        assert row["side"] == ("large" if state["step"] > best else "small" if state["step"] < best else "best")
    assert len(STATES) == 5 * 2 * 2 * 15


def test_every_drawing_has_its_numbers_and_both_regions():
    for state, drawn in zip(STATES, call_view(GradientCheckView, "draw", [[state] for state in STATES]), strict=True):
        assert not re.search(r"NaN|undefined|Infinity|null", drawn), state
        value, error = state["curves"][state["function"]][state["difference"]][state["precision"]][state["step"] + 15]
        text = f"{error:.2e}" if error else "0"
        assert f'data-value="error">{text}<' in drawn
        assert f'data-value="numeric">{value:.10f}<' in drawn and value >= 0
        assert ("✓ Passes" in drawn) == (error < 1e-6) and ("✗ Fails" in drawn) == (error >= 1e-6)
        kinked = state["names"][state["function"]].startswith("ReLU")
        assert "too small:" in drawn
        assert ("too large:" in drawn) == (not kinked or state["difference"] == 0)
        assert ("over the kink" in drawn) == (kinked and state["difference"] == 0)


def test_numbers_are_written_as_python_writes_them():
    values = [2.137e-11, 1.0, 0.5149999, 9.999e-7, 1e-16, 0.0]
    assert call_view(GradientCheckView, "scientific", [[value] for value in values]) == [
        *(f"{value:.2e}" for value in values[:-1]), "0"]


def test_errors_have_their_place_on_the_axis_and_zero_one_below_all():
    ten, same, zero, least = call_view(GradientCheckView, "height", [[1e-1], [1e-2], [0], [1e-16]])
    assert ten < same < least < zero
    steps = call_view(GradientCheckView, "height", [[10.0**e] for e in range(0, -17, -4)])
    assert len({round(b - a, 1) for a, b in itertools.pairwise(steps)}) == 1  # equal decades are equally long


@pytest.mark.parametrize(("chosen", "words"), [
    ({}, "Passes: the error is below 10⁻⁶. At this step neither the bend nor the rounding is large."),
    ({"step": -1}, "Fails: the step is too large. The curve bends between x − h and x + h."),
    ({"step": -1, "difference": "forward"}, "Fails: the step is too large. The curve bends between x and x + h."),
    ({"step": -15},
     "Fails: the step is too small. The two values of f differ in their last digits only, and those are rounded."),
    ({"step": -15, "precision": "float32"},
     "Fails: the step is too small. In float32 both values of f are rounded to the same number."),
    ({"step": -2, "precision": "float32"},
     "Fails, though no other of these steps is better: float32 has too few digits here."),
    ({"step": -2, "function": "ReLU"},
     "Fails: the step is too large. x − h lies on the other side of the kink at 0, where the slope is another."),
    ({"step": -4, "function": "ReLU"}, "Passes: the error is below 10⁻⁶. x − h and x + h stand on the same side of the "
                                       "kink at 0: f is a straight line there."),
    ({"step": -2, "function": "ReLU", "difference": "forward"},
     "Passes: the error is below 10⁻⁶. From x to x + h there is no kink: f is a straight line there."),
], ids=str)
def test_the_verdict_says_why(chosen, words):
    view = GradientCheckExplorer(**chosen).view
    state = {name: getattr(view, name) for name in (*DATA, "function", "difference", "precision", "step")}
    assert call_view(GradientCheckView, "verdict", [[state]]) == [words]


def test_controls_are_linked_to_the_view():
    explorer = GradientCheckExplorer("ReLU", "float32", -3, "forward")
    assert {name: control.value for name, control in explorer.controls.items()} == {
        "function": "ReLU at 0.0003", "difference": "forward", "precision": "float32", "step": -3}
    assert [getattr(explorer.view, name) for name in ("function", "difference", "precision", "step")] == [4, 1, 1, -3]
    assert explorer.error() == errors("ReLU", "forward", "float32")[-3]


@pytest.mark.parametrize(("settings", "message"), [
    ({"function": "tanh"},
     "GradientCheckExplorer: function must be one of x cubed, sin, exp, sigmoid, ReLU, got 'tanh'"),
    ({"precision": 64}, "GradientCheckExplorer: precision must be one of float64, float32, got 64"),
    ({"difference": "backward"}, "GradientCheckExplorer: difference must be one of central, forward, got 'backward'"),
    ({"step": 0}, "GradientCheckExplorer: step must be a whole number from -15 to -1, got 0"),
    ({"step": 1e-5}, "GradientCheckExplorer: step must be a whole number from -15 to -1, got 1e-05"),
    ({"step": True}, "GradientCheckExplorer: step must be a whole number from -15 to -1, got True"),
])
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(ValueError) as caught:
        GradientCheckExplorer(**settings)
    assert str(caught.value) == message
