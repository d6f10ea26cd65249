import itertools
import math

import pytest
import torch

from cnnlib.shapes import conv_mac_count, conv_output_size, conv_parameter_count
from cnnlib.widgets.convolution_explorer import LIMITS, ConvolutionExplorer, ConvolutionView
from tools.node import call_view

RANGES = [range(low, high + 1) for low, high in LIMITS.values()]
STATES = [dict(zip(LIMITS, values, strict=True)) for values in itertools.product(*RANGES)]


def expected(state):
    """Return what the widget must show, from cnnlib and, for unread pixels, from PyTorch."""
    options = {name: state[name] for name in ("stride", "padding", "dilation")}
    size, kernel_size = state["size"], state["kernel_size"]
    try:
        output = conv_output_size(size, kernel_size, **options)
    except ValueError:
        return {"output": 0, "parameters": conv_parameter_count(1, 1, kernel_size)}
    return {
        "output": output,
        "parameters": conv_parameter_count(1, 1, kernel_size),
        "windows": output * output,
        "macs": conv_mac_count((1, 1, size, size), 1, kernel_size, **options),
        **coverage(state, output),
    }


def coverage(state, output):
    """Return unread input pixels and unread last rows, by sending ones back from every window."""
    ones, kernel = torch.ones(1, 1, output, output), torch.ones(1, 1, state["kernel_size"], state["kernel_size"])
    back = torch.conv_transpose2d(ones, kernel, stride=state["stride"], dilation=state["dilation"])[0, 0]
    padded = state["size"] + 2 * state["padding"]
    read = torch.zeros(padded, padded)
    read[: len(back), : len(back)] = back
    inside = slice(state["padding"], state["padding"] + state["size"])
    return {"leftOver": padded - len(back), "unseen": int((read[inside, inside] == 0).sum())}


def test_every_state_shows_what_cnnlib_computes():
    shown = call_view(ConvolutionView, "facts", [[state] for state in STATES])
    for state, facts in zip(STATES, shown, strict=True):
        right = expected(state)
        assert {name: facts[name] for name in right} == right, state
    assert len(STATES) == math.prod(b - a + 1 for a, b in LIMITS.values()) == 2880


def test_formula_puts_the_numbers_in_and_shows_the_floor():
    states = [{"size": 7, "kernel_size": 3, "stride": 3, "padding": 1, "dilation": 2},
              {"size": 3, "kernel_size": 5, "stride": 1, "padding": 0, "dilation": 1}]
    assert call_view(ConvolutionView, "formula", [[state] for state in states]) == [
        "⌊(7 + 2·1 − 2·(3 − 1) − 1) / 3⌋ + 1 = ⌊4 / 3⌋ + 1 = ⌊1.333⌋ + 1 = 2",
        "⌊(3 + 2·0 − 1·(5 − 1) − 1) / 1⌋ + 1: −2 above the line, so no window fits",
    ]


def test_impossible_settings_say_so_and_draw_no_grid():
    fits = {"size": 5, "kernel_size": 3, "stride": 1, "padding": 0, "dilation": 1, "position": 0}
    too_large = {**fits, "dilation": 3}
    drawn, refused = call_view(ConvolutionView, "draw", [[fits], [too_large]])
    assert "<svg" in drawn and "No window fits" not in drawn
    assert "<svg" not in refused
    assert "3 weights at dilation 3 cover 7 pixels, but the input has only 5" in refused


def test_position_outside_a_smaller_output_is_the_last_window():
    state = {"size": 5, "kernel_size": 3, "stride": 1, "padding": 0, "dilation": 1}
    last, beyond = call_view(ConvolutionView, "draw", [[{**state, "position": 8}], [{**state, "position": 99}]])
    assert last == beyond and "Window 9 of 9" in last


def test_controls_are_linked_to_the_view():
    explorer = ConvolutionExplorer(size=9, kernel_size=5, stride=2, padding=1, dilation=1)
    assert {name: control.value for name, control in explorer.controls.items()} == {
        "size": 9, "kernel_size": 5, "stride": 2, "padding": 1, "dilation": 1}
    assert explorer.summary() == {"output": 4, "parameters": 26, "macs": 400}
    assert explorer.view.last_position == 15


@pytest.mark.parametrize(("settings", "message"), [
    ({"size": 13}, "ConvolutionExplorer: size must be a whole number from 1 to 12, got 13"),
    ({"kernel_size": 0}, "ConvolutionExplorer: kernel_size must be a whole number from 1 to 5, got 0"),
    ({"stride": 1.5}, "ConvolutionExplorer: stride must be a whole number from 1 to 4, got 1.5"),
    ({"padding": -1}, "ConvolutionExplorer: padding must be a whole number from 0 to 3, got -1"),
    ({"dilation": True}, "ConvolutionExplorer: dilation must be a whole number from 1 to 3, got True"),
    ({"size": "7"}, "ConvolutionExplorer: size must be a whole number from 1 to 12, got '7'"),
])
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(ValueError) as caught:
        ConvolutionExplorer(**settings)
    assert str(caught.value) == message
