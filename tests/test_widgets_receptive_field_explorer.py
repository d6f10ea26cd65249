import itertools
import math
import re

import pytest
import torch

from cnnlib.shapes import conv_output_size, receptive_field
from cnnlib.widgets.receptive_field_explorer import (
    LIMITS,
    MOST,
    NAMES,
    OWN,
    PRESETS,
    ReceptiveFieldExplorer,
    ReceptiveFieldView,
    outputs,
    pixels,
)
from tools.node import call_view

DATA = {"presets": ReceptiveFieldExplorer().view.presets}
SETTINGS = {"layers": 2, "kernel_size": 3, "stride": 1, "dilation": 1, "padding": True}
OWN_SETTINGS = [
    dict(zip(SETTINGS, values, strict=True))
    for values in itertools.product(range(1, 7), (1, 3, 5, 7), (1, 2, 3), (1, 2, 3), (True, False))]


def own_stack(settings):
    count, kernel_size, stride, dilation, padding = settings.values()
    return [("conv", kernel_size, stride, dilation * (kernel_size - 1) // 2 * padding, dilation)] * count


def state(preset, settings=SETTINGS, unit=0):
    code = ",".join(str(int(value)) for value in settings.values())
    return {**DATA, "preset": NAMES.index(preset), **settings, "own_code": code, "unit": unit}


def jacobian(stack, size):
    """Return the gradient of every output unit by every pixel, (units, pixels), where all weights are one."""
    def forward(x):
        for _, kernel_size, stride, padding, dilation in stack:
            ones = torch.ones(1, 1, kernel_size, dtype=x.dtype)
            x = torch.conv1d(x, ones, stride=stride, padding=padding, dilation=dilation)
        return x
    x = torch.zeros(1, 1, size, dtype=torch.float64)
    return torch.autograd.functional.jacobian(forward, x, vectorize=True)[0, 0, :, 0, 0]


CASES = [(name, stack, SETTINGS) for name, stack in PRESETS.items()]
CASES += [(OWN, own_stack(settings), settings) for settings in OWN_SETTINGS]


def test_every_stack_has_the_fields_of_cnnlib_and_the_paths_of_a_gradient_probe():
    wanted = [(case, unit) for case in CASES for unit in range(max(outputs(case[1]), 1))]
    shown = iter(call_view(ReceptiveFieldView, "facts", [
        [state(name, settings, unit)] for (name, _, settings), unit in wanted]))
    for name, stack, settings in CASES:
        rows = receptive_field([layer[1:] for layer in stack])
        size, jump, start = rows[-1].size, rows[-1].jump, rows[-1].start
        units, input_size = outputs(stack), pixels(stack)
        probe = jacobian(stack, input_size) if units else None
        for unit in range(max(units, 1)):
            facts = next(shown)
            where = (name, settings, unit)
            assert [(row["size"], row["jump"], row["start"]) for row in facts["rows"]] == [
                (row.size, row.jump, row.start) for row in rows], where
            assert (facts["units"], facts["input"]) == (units, input_size), where
            assert facts["parameters"] == sum(layer[1] ** 2 for layer in stack if layer[0] == "conv")
            assert facts["oneLayer"] == size**2
            if not units:
                assert "paths" not in facts
                continue
            assert facts["paths"] == probe[unit].tolist(), where
            assert facts["read"] == int(probe[unit].count_nonzero())
            assert facts["reached"] == probe[unit].sum() and facts["most"] == probe[unit].max()
            middle = start + unit * jump
            field = [round(middle - (size - 1) / 2) + i for i in range(size)]
            assert (facts["first"], facts["last"]) == (field[0], field[-1]), where
            assert facts["outside"] == sum(not 0 <= at < input_size for at in field), where
            assert facts["inside"] + facts["outside"] == size
    assert next(shown, None) is None
    assert len(OWN_SETTINGS) == 6 * 4 * 3 * 3 * 2 == 432


def test_sizes_of_the_layers_are_those_of_cnnlib():
    shown = call_view(ReceptiveFieldView, "facts", [[state(name, settings)] for name, _, settings in CASES])
    for (_, stack, _), facts in zip(CASES, shown, strict=True):
        size, sizes = facts["input"], []
        for _, kernel_size, stride, padding, dilation in stack:
            try:
                size = conv_output_size(size, kernel_size, stride=stride, padding=padding, dilation=dilation)
            except ValueError:
                break
            sizes.append(size)
        assert facts["outputs"] == [*sizes, *[0] * (len(stack) - len(sizes))]


def test_away_from_the_border_the_probe_reaches_as_far_as_the_field():
    for name, stack in PRESETS.items():
        facts, = call_view(ReceptiveFieldView, "facts", [[state(name, unit=outputs(stack) // 2)]])
        row = torch.tensor(facts["paths"]).nonzero().flatten()
        if facts["outside"] == 0:
            assert row[-1] - row[0] + 1 == facts["size"], name
            assert (row[0], row[-1]) == (facts["first"], facts["last"])


def test_vggs_numbers_and_paths_that_count_the_middle_more():
    names = ("two 3x3", "three 3x3", "one 5x5", "one 7x7")
    two, three, five, seven = call_view(ReceptiveFieldView, "facts", [[state(name, unit=10)] for name in names])
    assert (two["size"], two["parameters"], two["oneLayer"]) == (5, 18, 25)
    assert (three["size"], three["parameters"], three["oneLayer"]) == (7, 27, 49)
    assert (five["size"], five["parameters"], seven["size"], seven["parameters"]) == (5, 25, 7, 49)
    seen = [[count for count in facts["paths"] if count] for facts in (two, three, five)]
    assert seen == [[1, 2, 3, 2, 1], [1, 3, 6, 7, 6, 3, 1], [1] * 5]  # the same field, not the same weight


def test_two_kernels_in_a_row_make_only_some_of_the_larger_ones():
    tall, wide = torch.randn(2, 3, generator=torch.Generator().manual_seed(0))
    assert torch.linalg.matrix_rank(torch.outer(tall, wide)) == 1 < torch.linalg.matrix_rank(torch.eye(3))
    for name, words in (("two 3x3", "18 weights cannot make every kernel of 25"),
                        ("three 3x3", "27 weights cannot make every kernel of 49")):
        [html] = call_view(ReceptiveFieldView, "draw", [[state(name)]])
        assert f"The same field is not the same function: {words}" in html
    [html] = call_view(ReceptiveFieldView, "draw", [[state("one 5x5")]])
    assert "It is one layer already; smaller ones in a stack reach the same field." in html


def test_small_kernels_are_not_promised_a_stack_of_smaller_ones():
    one, three, stack = call_view(ReceptiveFieldView, "draw", [
        [state(OWN, {**SETTINGS, "layers": layers, "kernel_size": kernel_size})]
        for layers, kernel_size in ((1, 1), (1, 3), (2, 1))])
    assert all("It is one layer already.</span>" in html for html in (one, three))
    assert "It is one layer already" not in stack
    assert "more weights than one layer; only the activations between make it another function." in stack
    assert "<b data-value=\"inside\">1</b> of 1 is a pixel of the image" in one and "are pixels" in three


def test_what_stands_in_the_readout():
    [html] = call_view(ReceptiveFieldView, "draw", [[state("two 3x3", unit=0)]])
    text = re.sub(r"<[^>]+>", "", html)
    assert "Field 5 pixels, jump 1" in text
    assert ("Unit 0 of 0 to 23: its field is positions −2 to 2, center 0. 3 of 5 are pixels of the image (0 to 23), "
            "2 lie on padding. One unit further, the field moves by the jump: 1 pixel.") in text
    assert ("Paths to the unit: 5; most, 2, from pixel 0; fewest, 1. From left to right: 2 2 1. "
            "4 more of 9 end on padding.") in text
    assert "3² + 3² = 18, against 5² = 25 for one layer with the same field" in text


def test_the_same_dilation_thrice_leaves_gaps_and_1_2_4_does_not():
    thrice = {**SETTINGS, "layers": 3, "dilation": 2}
    gaps, none = call_view(ReceptiveFieldView, "draw", [
        [state(OWN, thrice, unit=12)], [state("dilated 1-2-4", unit=12)]])
    assert '<b data-value="gaps">6</b> pixels inside the field have no path' in gaps
    assert 'data-value="gaps"' not in none


def test_impossible_stack_says_so_and_draws_nothing():
    wide = {"layers": 6, "kernel_size": 5, "stride": 2, "dilation": 1, "padding": False}
    padded, bare = call_view(ReceptiveFieldView, "draw", [[state(OWN, {**wide, "padding": True})], [state(OWN, wide)]])
    assert "<svg" in padded and "No window fits" not in padded
    assert "<svg" not in bare
    assert "No window fits.</b> Without padding the unit needs all 253 pixels of its field" in bare
    assert f"the picture ends at {MOST}" in bare


def test_no_state_draws_nan_or_undefined_or_too_many_lines():
    states = [state(name, settings, unit) for name, stack, settings in CASES
              for unit in {0, outputs(stack) // 2, max(outputs(stack) - 1, 0), 999}]
    for html in call_view(ReceptiveFieldView, "draw", [[each] for each in states]):
        assert not re.search(r"NaN|undefined|Infinity|null", html)
        assert len(html) < 60_000


def test_a_moved_own_slider_shows_the_own_stack_and_a_new_preset_stays():
    here = state("two 3x3")
    moved, chosen = {**here, "kernel_size": 5}, {**here, "preset": NAMES.index("one 7x7")}
    derived = call_view(ReceptiveFieldView, "derive", [[here], [moved], [chosen]])
    own = own_stack({**SETTINGS, "kernel_size": 5})
    assert [(row["preset"], row["last_unit"]) for row in derived] == [
        (0, outputs(PRESETS["two 3x3"]) - 1), (NAMES.index(OWN), outputs(own) - 1),
        (3, outputs(PRESETS["one 7x7"]) - 1)]
    assert derived[1]["own_code"] == "2,5,1,1,1"


def test_unit_beyond_the_last_is_the_last():
    last, beyond = call_view(ReceptiveFieldView, "draw", [[state("one 5x5", unit=23)], [state("one 5x5", unit=99)]])
    assert last == beyond


def test_controls_are_linked_to_the_view():
    explorer = ReceptiveFieldExplorer("AlexNet's first layers", 3, layers=4, kernel_size=5, stride=2, padding=False)
    assert {name: getattr(control, "index", control.value) if name == "preset" else control.value
            for name, control in explorer.controls.items()} == {
        "preset": 4, "unit": 3, "layers": 4, "kernel_size": 5, "stride": 2, "dilation": 1, "padding": False}
    assert explorer.view.own_code == "4,5,2,1,0"
    assert explorer.controls["unit"].max == explorer.view.last_unit == outputs(PRESETS["AlexNet's first layers"]) - 1
    assert explorer.summary() == {"size": 51, "jump": 8, "start": 7.0, "parameters": 146, "one_layer": 2601}
    names = [control.description for control in explorer.controls.values()]
    assert len(set(names)) == len(names)


def test_own_layers_with_padding_keep_the_map():
    for kernel_size, dilation in itertools.product((1, 3, 5, 7), (1, 2, 3)):
        explorer = ReceptiveFieldExplorer("own", layers=2, kernel_size=kernel_size, dilation=dilation, padding=True)
        assert explorer.summary()["start"] == 0  # the first unit stands on the first pixel
    assert {layer[0] for stack in PRESETS.values() for layer in stack} == {"conv", "pool"}


def test_vgg_and_alexnet_presets_are_the_published_layers():
    vgg = receptive_field([layer[1:] for layer in PRESETS["VGG-16's first two blocks"]])
    assert [row.size for row in vgg] == [3, 5, 6, 10, 14, 16]
    alexnet = receptive_field([(11, 4, 2), (3, 2, 0), (5, 1, 2)])
    assert ReceptiveFieldExplorer("AlexNet's first layers").summary()["size"] == alexnet[-1].size == 51
    assert math.prod(layer[2] for layer in PRESETS["VGG-16's first two blocks"]) == vgg[-1].jump == 4


@pytest.mark.parametrize(("settings", "message"), [
    ({"preset": "five 3x3"}, f"preset must be one of {', '.join(NAMES)}, got 'five 3x3'"),
    ({"layers": 7}, "layers must be a whole number from 1 to 6, got 7"),
    ({"kernel_size": 4}, "kernel_size must be a whole number from 1 to 7 in steps of 2, got 4"),
    ({"stride": 0}, "stride must be a whole number from 1 to 3, got 0"),
    ({"dilation": 1.0}, "dilation must be a whole number from 1 to 3, got 1.0"),
    ({"padding": 1}, "padding must be True or False, got 1"),
    ({"unit": 24}, "unit must be a whole number from 0 to 23, got 24"),
    ({"unit": True}, "unit must be a whole number from 0 to 23, got True"),
])
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(ValueError) as caught:
        ReceptiveFieldExplorer(**settings)
    assert str(caught.value) == f"ReceptiveFieldExplorer: {message}"
    assert set(LIMITS) == set(SETTINGS) - {"padding"}
