import math
import random
import re

import pytest

from cnnlib.widgets.compound_scaling import (
    NETWORKS,
    STAGES,
    STEPS,
    CompoundScaling,
    CompoundScalingView,
    cost,
    round_channels,
    scaled_stages,
)
from tools.node import call_view

DATA = {"stages": [list(stage) for stage in STAGES], "published": [list(row) for row in NETWORKS.values()]}
PAPER = {"alpha": 1.2, "beta": 1.1, "gamma": 1.15}
# Shapes of the filters in torchvision 0.28's state_dict: for each block of features.1 to features.7 the kernel of the
# depthwise convolution and the channels that the block gives.
TORCHVISION = {
    "b0": [[(3, 16)], [(3, 24)] * 2, [(5, 40)] * 2, [(3, 80)] * 3, [(5, 112)] * 3, [(5, 192)] * 4, [(3, 320)]],
    "b1": [[(3, 16)] * 2, [(3, 24)] * 3, [(5, 40)] * 3, [(3, 80)] * 4, [(5, 112)] * 4, [(5, 192)] * 5, [(3, 320)] * 2],
}
# torchvision's num_params, and its GMACs ("GFLOPS") at the resolution of its weights.
COUNTED = {
    "b0": (5_288_548, 224, 0.386), "b1": (7_794_184, 240, 0.687), "b2": (9_109_994, 288, 1.088),
    "b3": (12_233_232, 300, 1.827), "b4": (19_341_616, 380, 4.394), "b5": (30_389_784, 456, 10.266),
    "b6": (43_040_704, 528, 19.068), "b7": (66_347_960, 600, 37.746),
}


def states(count):
    """Return the paper's bases at every phi and network, the corners, and seeded states of the sliders."""
    yield from ({**PAPER, "phi": phi, "network": n} for phi in range(8) for n in range(8))
    yield from ({"alpha": a, "beta": b, "gamma": c, "phi": phi, "network": 7}
                for a in STEPS["alpha"] for b in STEPS["beta"] for c in STEPS["gamma"] for phi in (0, 1, 7))
    rng = random.Random(0)
    for _ in range(count):
        bases = {name: rng.randint(round(100 * low), round(100 * high)) / 100 for name, (low, high) in STEPS.items()}
        yield {**bases, "phi": rng.randint(0, 7), "network": rng.randint(0, 7)}


STATES = list(states(2000))


def shown(function, some):
    return call_view(CompoundScalingView, function, [[{**DATA, **state}] for state in some])


def stages_of(net):
    names = ("expand", "kernel_size", "stride", "channels", "repeats")
    return [tuple(row[name] for name in names) for row in net["stages"]]


def test_every_state_shows_what_python_computes():
    published_cost = {row: cost(*row) for row in NETWORKS.values()}
    for state, facts in zip(STATES, shown("facts", STATES), strict=True):
        a, b, c, phi, n = state.values()
        assert facts["step"] == pytest.approx(a * b * b * c * c, rel=1e-12)
        assert facts["flops"] == pytest.approx(math.exp(phi * math.log(a * b * b * c * c)), rel=1e-9)
        assert (facts["depth"], facts["width"], facts["resolution"]) == pytest.approx((a**phi, b**phi, c**phi))
        assert facts["pixels"] == math.floor(224 * c**phi + 0.5)
        made, published = facts["made"], facts["published"]
        assert stages_of(made) == scaled_stages(a**phi, b**phi), state
        assert {name: made[name] for name in ("parameters", "macs")} == cost(a**phi, b**phi, facts["pixels"]), state
        depth, width, pixels = list(NETWORKS.values())[n]
        assert stages_of(published) == scaled_stages(depth, width) and published["resolution"] == pixels
        assert {name: published[name] for name in ("parameters", "macs")} == published_cost[depth, width, pixels]


def test_one_direction_alone_costs_the_same():
    for facts in shown("facts", STATES[:400]):
        alone = facts["alone"]
        assert alone["depth"] == pytest.approx(facts["flops"])
        assert alone["width"] ** 2 == pytest.approx(facts["flops"]) == alone["resolution"] ** 2
        assert facts["depth"] * facts["width"] ** 2 * facts["resolution"] ** 2 == pytest.approx(facts["flops"])


@pytest.mark.parametrize("name", TORCHVISION)
def test_stages_are_those_of_torchvision(name):
    depth, width, _ = NETWORKS[name]
    made = [[(kernel_size, channels)] * repeats for _, kernel_size, _, channels, repeats in scaled_stages(depth, width)]
    assert made == TORCHVISION[name]
    rounded = [[(k, c)] * round(n * depth) for _, k, _, c, n in STAGES]
    assert (rounded == TORCHVISION[name]) == (name == "b0")  # rounding to the nearest makes no B1: repeats go up


def test_parameters_and_macs_are_those_of_torchvision():
    for name, (parameters, resolution, gmacs) in COUNTED.items():
        depth, width, _ = NETWORKS[name]
        counted = cost(depth, width, resolution)
        assert counted["parameters"] == parameters, name
        assert round(counted["macs"] / 1e9, 3) == gmacs, name
    assert cost(1.0, 1.0, 224)["macs"] == 385_814_752 and cost(1.1, 1.0, 224)["macs"] == 569_651_680


def test_channels_are_multiples_of_8_and_never_much_fewer():
    values = [*(tenth / 10 for tenth in range(1, 30_000)), 8 / 0.9, 16 / 0.9]  # 8 is 0.9 of the one: just enough
    rounded = call_view(CompoundScalingView, "roundChannels", [[value] for value in values])
    assert rounded == [round_channels(value) for value in values]
    assert rounded[-2:] == [8, 16]
    assert all(new % 8 == 0 and new >= max(8, 0.9 * value) for value, new in zip(values, rounded, strict=True))
    plain = [max(8, math.floor(value / 8 + 0.5) * 8) for value in values]  # without the last rule
    assert {new - old for new, old in zip(rounded, plain, strict=True)} == {0, 8}


def test_the_papers_step_is_1_92_and_not_2():
    one, seven = shown("facts", [{**PAPER, "phi": 1, "network": 1}, {**PAPER, "phi": 7, "network": 7}])
    assert round(one["step"], 4) == 1.9203 and one["flops"] == one["step"]
    assert round(seven["flops"]) == 96 != 2**7
    [html] = shown("draw", [{**PAPER, "phi": 7, "network": 7}])
    text = re.sub(r"<[^>]+>", "", html)
    assert "1.2 · 1.1² · 1.15² = 1.92: below 2, so a step does not double the FLOPs" in text
    assert "7 steps: ×\u00a096.3 (doubling would make ×\u00a0128)" in text


@pytest.mark.parametrize(("bases", "words"), [
    ((1.5, 1.0, 1.0), "= <b data-value=\"step\">1.50</b></span>: below 2, so a step does not double the FLOPs."),
    ((1.25, 1.1, 1.15), "= <b data-value=\"step\">2.00</b></span>: as good as 2, so a step doubles the FLOPs."),
    ((1.5, 1.3, 1.3), "= <b data-value=\"step\">4.28</b></span>: above 2, so a step more than doubles the FLOPs."),
])
def test_words_for_a_step_below_at_and_above_2(bases, words):
    [html] = shown("draw", [{**dict(zip(STEPS, bases, strict=True)), "phi": 1, "network": 0}])
    assert words in html


def test_two_more_pixels_cost_more_than_the_rule_as_map_sizes_are_rounded_up():
    state = {"alpha": 1.0, "beta": 1.0, "gamma": 1.01, "phi": 1, "network": 0}
    [facts], [html] = shown("facts", [state]), shown("draw", [state])
    assert facts["pixels"] == 226 and stages_of(facts["made"]) == stages_of(facts["first"])  # nothing else has changed
    assert facts["flops"] < 1.03 < 1.16 < facts["made"]["macs"] / facts["first"]["macs"] < 1.17
    assert "The rule leaves out that repeats, channels and map sizes are rounded, and" in html


def test_published_coefficients_are_not_the_formulas():
    [facts] = shown("facts", [{**PAPER, "phi": 1, "network": 3}])
    differ = 0
    for n, (depth, width, pixels) in enumerate(NETWORKS.values()):
        formula = facts["formula"][n]
        assert (formula["depth"], formula["width"]) == pytest.approx((1.2**n, 1.1**n))
        differ += (round(formula["depth"], 1), round(formula["width"], 1), formula["pixels"]) != (depth, width, pixels)
        back = [base**phi for base, phi in zip(PAPER.values(), facts["needed"][n], strict=True)]
        assert back == pytest.approx([depth, width, pixels / 224])
    assert differ == 7  # all but B0
    [html] = shown("draw", [{**PAPER, "phi": 1, "network": 3}])
    assert ("The formula at φ = 3: 1.73, 1.33, 341 pixels. The published depth needs φ = 1.8, the width φ = 1.9, "
            "the resolution φ = 2.1: no one φ makes all three.") in html


def test_formula_at_phi_1_has_the_stages_of_b2_and_not_of_b1():
    [one, two] = shown("facts", [{**PAPER, "phi": 1, "network": n} for n in (1, 2)])
    assert stages_of(two["made"]) == stages_of(two["published"]) and two["pixels"] == 258 != 260
    assert stages_of(one["made"]) != stages_of(one["published"])


def test_a_base_of_one_reaches_no_larger_factor():
    state = {"alpha": 1.0, "beta": 1.0, "gamma": 1.0, "phi": 7, "network": 7}
    [facts], [html] = shown("facts", [state]), shown("draw", [state])
    assert facts["needed"][7] == [None] * 3 and facts["needed"][0] == [0] * 3
    assert "needs a larger base than 1" in html and "Nothing grows: this is B0." in html
    assert facts["made"] == facts["first"]


def test_no_state_draws_nan_or_undefined():
    for html in shown("draw", STATES):
        assert not re.search(r"NaN|undefined|Infinity|null", html)


def test_a_slider_with_a_rounding_error_shows_the_same():
    exact = {**PAPER, "phi": 3, "network": 1}
    assert len(set(shown("draw", [exact, {**exact, "alpha": 1.2000000000000002, "gamma": 1.1500000000000001}]))) == 1


def test_summary_of_several_steps_takes_no_notice_of_a_rounding_error():
    explorer = CompoundScaling(phi=3)
    exact = explorer.summary()
    assert (exact["resolution"], exact["flops"]) == (341, 7.08)  # 224 · 1.15³ and (1.2 · 1.1² · 1.15²)³
    explorer.view.alpha, explorer.view.gamma = 1.2014, 1.1514
    assert explorer.summary() == exact


def test_published_resolutions_are_those_of_the_papers_code():
    assert [pixels for _, _, pixels in NETWORKS.values()] == [224, 240, 260, 300, 380, 456, 528, 600]


def test_controls_are_linked_to_the_view():
    explorer = CompoundScaling(1.3, 1.05, 1.2, phi=2, network="b4")
    assert {name: control.index if name == "network" else control.value
            for name, control in explorer.controls.items()} == {
        "phi": 2, "alpha": 1.3, "beta": 1.05, "gamma": 1.2, "network": 4}
    names = [control.description for control in explorer.controls.values()]
    assert len(set(names)) == len(names)
    assert CompoundScaling().summary() == {
        "step": 1.92, "flops": 1.92, "resolution": 258, "blocks": 23, "parameters": 9_109_994, "macs": 992_629_472}


@pytest.mark.parametrize(("settings", "message"), [
    ({"alpha": 1.6}, "alpha must be a number from 1 to 1.5 in steps of 0.01, got 1.6"),
    ({"beta": 1.105}, "beta must be a number from 1 to 1.3 in steps of 0.01, got 1.105"),
    ({"gamma": "1.15"}, "gamma must be a number from 1 to 1.3 in steps of 0.01, got '1.15'"),
    ({"gamma": float("nan")}, "gamma must be a number from 1 to 1.3 in steps of 0.01, got nan"),
    ({"phi": 8}, "phi must be a whole number from 0 to 7, got 8"),
    ({"phi": 1.0}, "phi must be a whole number from 0 to 7, got 1.0"),
    ({"network": "b8"}, "network must be one of b0, b1, b2, b3, b4, b5, b6, b7, got 'b8'"),
])
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(ValueError) as caught:
        CompoundScaling(**settings)
    assert str(caught.value) == f"CompoundScaling: {message}"
