import itertools
import math
import re
from functools import cache

import numpy as np
import pytest
import torch
from torch.nn import functional

from cnnlib.scratch import conv_transpose2d
from cnnlib.shapes import conv_output_size, conv_transpose_output_size
from cnnlib.widgets.transposed_convolution import (
    INPUT,
    LIMITS,
    VALUES,
    TransposedConvolution,
    TransposedConvolutionView,
    kernel,
)
from tools.node import call_view

OPTIONS = ("stride", "padding", "output_padding")
TRAITS = ("numbers", *LIMITS, "values")
RANGES = [*(range(low, high + 1) for low, high in LIMITS.values()), range(len(VALUES))]
NUMBERS = [list(row) for row in INPUT]
STATES = [{"numbers": NUMBERS, **dict(zip(TRAITS[1:], values, strict=True))} for values in itertools.product(*RANGES)]


def facts_of(states):
    return call_view(TransposedConvolutionView, "facts", [[state] for state in states])


def pages_of(states):
    return call_view(TransposedConvolutionView, "draw", [[state] for state in states])


def judge(x, weight, state):
    """Return PyTorch's output of one map, or None where it refuses the options."""
    x, weight = (torch.tensor(np.array(each), dtype=torch.float64)[None, None] for each in (x, weight))
    try:
        return functional.conv_transpose2d(x, weight, **{name: state[name] for name in OPTIONS})[0, 0].numpy()
    except RuntimeError:
        return None


def weights(state):
    return kernel(state["kernel_size"], VALUES[state["values"]])


def values(page):
    return dict(re.findall(r'<b data-value="([^"]+)">([^<]*)</b>', page))


@cache
def shown():
    """Return every state with its facts."""
    return list(zip(STATES, facts_of(STATES), strict=True))


def possible():
    return [(state, facts) for state, facts in shown() if facts["refused"] is None]


def by_options():
    """Return one state for each kernel size, stride, padding and output padding."""
    return {tuple(state[name] for name in ("kernel_size", *OPTIONS)): (state, facts) for state, facts in possible()}


def test_every_state_has_the_output_of_numpy_and_of_pytorch():
    assert len(STATES) == math.prod(len(each) for each in RANGES) == 1458
    for state, facts in shown():
        right = judge(INPUT, weights(state), state)
        assert (right is None) == (facts["refused"] is not None), state
        if right is not None:
            np.testing.assert_array_equal(facts["y"], right)
            ours = conv_transpose2d([[INPUT]], weights(state)[None, None], **{name: state[name] for name in OPTIONS})
            np.testing.assert_array_equal(facts["y"], ours[0, 0])
            assert facts["output"] == len(right)
            if state["kernel_size"] >= state["stride"]:  # no gap between two stamps, so only the end may be empty
                reached = np.any(facts["overlap"], axis=1)
                assert facts["empty"] == len(right) - 1 - np.flatnonzero(reached)[-1] if reached.any() else True
    assert 0 < len(possible()) < len(STATES)


def test_a_flipped_kernel_would_be_seen():
    state, facts = next((s, f) for s, f in possible() if s["values"] == 1 and s["stride"] == 2)
    flipped = judge(INPUT, weights(state)[::-1, ::-1].copy(), state)
    assert np.shape(facts["y"]) == flipped.shape and not np.array_equal(facts["y"], flipped)


def test_overlap_is_a_transposed_convolution_of_ones():
    for state, facts in possible():
        ones = judge(np.ones((3, 3)), np.ones((state["kernel_size"],) * 2), state)
        np.testing.assert_array_equal(facts["overlap"], ones)
        assert (facts["fewest"], facts["most"]) == (ones.min(), ones.max())


def test_stamp_of_the_chosen_cell_is_where_pytorch_puts_it():
    texts = call_view(TransposedConvolutionView, "whereWords", [[state, facts] for state, facts in possible()])
    for (state, facts), page_text in zip(possible(), texts, strict=True):
        text, one = re.sub("<[^>]*>", "", page_text), np.zeros((3, 3))
        one[facts["row"], facts["col"]] = INPUT[facts["row"]][facts["col"]]
        assert facts["row"] * 3 + facts["col"] == state["cell"]
        np.testing.assert_array_equal(facts["stamp"], one.max() * weights(state))
        place = judge(one, weights(state), state) != 0
        assert facts["landed"] == place.sum(), state
        if place.any():
            rows, cols = (np.flatnonzero(place.any(axis)) for axis in (1, 0))
            assert f"{spanned('row', rows)} and {spanned('column', cols)}: " in text, state
        else:
            assert "is cut off as a whole" in text


def spanned(word, places):
    first, last = places[0], places[-1]
    return f"{word} {first}" if first == last else f"{word}s {first} to {last}"


def test_middle_is_where_inputs_beyond_the_border_would_change_nothing():
    for state, facts in by_options().values():
        ring = np.ones((11, 11))
        ring[4:7, 4:7] = 0
        options = {**state, "padding": 0, "output_padding": 0}
        ones = np.ones((max(state["kernel_size"], state["stride"]),) * 2)  # gaps belong to the input before them
        beyond = judge(ring, ones, options)
        first = 4 * state["stride"] + state["padding"]  # where the output begins in that of the large input
        same = slice(first, first + facts["output"])
        around = beyond[same, same] == 0
        assert around.shape == (facts["output"],) * 2
        inside = np.zeros_like(around)
        inside[np.ix_(facts["inside"], facts["inside"])] = True
        np.testing.assert_array_equal(inside, around, err_msg=str(state))
        counts = np.array(facts["overlap"])[inside]
        assert facts["insideCounts"] == sorted(set(counts.tolist()))


def test_rule_of_multiples_holds_on_a_large_input():
    pairs = itertools.product(range(2, 5), range(1, 4))
    for kernel_size, stride in pairs:
        options = {"kernel_size": kernel_size, "stride": stride, "padding": 0, "output_padding": 0}
        large = judge(np.ones((14, 14)), np.ones((kernel_size,) * 2), options)
        middle = sorted({int(count) for count in large[6:-6, 6:-6].ravel()})
        words = call_view(TransposedConvolutionView, "overlapRule", [[options]])[0]
        assert words.startswith('<b data-value="rule">Even' if len(middle) == 1 else '<b data-value="rule">Uneven')
        assert (len(middle) == 1) == (kernel_size % stride == 0)
        if len(middle) == 1:
            assert f"= {middle[0]} stamp" in words
        else:
            said = re.search(r"an output number gets ([^.]*)\.", words)[1].replace("none", "0")
            assert sorted(map(int, re.findall(r"\d+", said))) == middle


def test_formula_with_the_numbers_put_in_is_true():
    states = [state for state, _ in by_options().values()]
    texts = call_view(TransposedConvolutionView, "formula", [[state] for state in states])
    for state, text in zip(states, texts, strict=True):
        parts = [eval(part.replace("−", "-").replace("·", "*")) for part in text.split(" = ")]
        right = conv_transpose_output_size(3, state["kernel_size"], **{name: state[name] for name in OPTIONS})
        assert parts == [right] * 3, text
    assert texts[0] == "(3 − 1)·1 − 2·0 + (2 − 1) + 0 + 1 = 2 − 0 + 1 + 0 + 1 = 4"


def test_convolution_leads_back_to_the_size_of_the_input():
    for state, facts in by_options().values():
        options = {"stride": state["stride"], "padding": state["padding"]}
        assert conv_output_size(facts["output"], state["kernel_size"], **options) == 3
    unequal = {facts["output"] for key, (_, facts) in by_options().items() if key[:3] == (3, 2, 1)}
    assert unequal == {5, 6}  # both lead back to 3: output padding says which is meant


def test_output_padding_gives_back_and_adds():
    rows = by_options()
    for (kernel_size, stride, padding, extra), (state, facts) in rows.items():
        plain = rows.get((kernel_size, stride, padding, 0))
        assert facts["regained"] + facts["empty"] == extra
        if plain:
            assert facts["output"] - plain[1]["output"] == extra
        bare = np.array(facts["overlap"])[facts["output"] - facts["empty"]:]
        assert not bare.any() and len(bare) == facts["empty"], state


@pytest.mark.parametrize(("settings", "words"), [
    ({"stride": 2, "output_padding": 2}, "Output padding 2 is too large: it must be smaller than the stride. "
                                         "At stride 2 it must be less than 2"),
    ({"stride": 1, "output_padding": 1}, "At stride 1 it must be 0"),
    ({"kernel_size": 2, "stride": 1, "padding": 2}, "The stamps cover 4 rows, and padding 2 cuts 2 off on each side: "
                                                    "0 rows are left."),
])
def test_impossible_options_say_so(settings, words):
    start = {"numbers": NUMBERS, "kernel_size": 3, "stride": 2, "padding": 0, "output_padding": 0, "cell": 4,
             "values": 0}
    [page] = pages_of([{**start, **settings}])
    assert words in page and "no output" in page and page.count("<svg") == 1
    with pytest.raises(ValueError):
        conv_transpose_output_size(3, **{**{name: start[name] for name in ("kernel_size", *OPTIONS)}, **settings})


def test_every_page_has_its_numbers_and_nothing_broken():
    for (state, facts), page in zip(shown(), pages_of(STATES), strict=True):
        assert not re.search("NaN|undefined|null|Infinity|false", page), state
        assert page.count("<svg") == page.count('role="img"') == (1 if facts["refused"] else 3)
        assert page.count('class="cnn-frame"') == (2 if facts["refused"] else 4)
        said = values(page)
        assert said["rule"] == ("Even:" if state["kernel_size"] % state["stride"] == 0 else "Uneven:")
        if facts["refused"] is None:
            assert said["output"] == str(facts["output"]) and said["landed"] == str(facts["landed"])
            assert (said["fewest"], said["most"]) == (str(facts["fewest"]), str(facts["most"]))
            paths = re.findall(r'cnn-cell cnn-(\w+)" d="(.+?)"', page.split('aria-label="Output')[1].split("</svg>")[0])
            cells = [kind for kind, path in paths for _ in range(path.count("M"))]
            assert len(cells) == facts["rows"] ** 2
            assert cells.count("window") == facts["landed"]
            assert cells.count("pad") == facts["rows"] ** 2 - facts["output"] ** 2


def test_summary_is_what_the_script_shows():
    for state, facts in shown()[::17]:
        options = {name: state[name] for name in TRAITS[1:-1]}
        summary = TransposedConvolution(**options, values=VALUES[state["values"]]).summary()
        if facts["refused"]:
            assert summary == {"output": 0, "sum": None, "fewest": None, "most": None}
        else:
            assert summary == {"output": facts["output"], "sum": sum(map(sum, facts["y"])), "fewest": facts["fewest"],
                               "most": facts["most"]}


def test_controls_are_linked_to_the_view_and_named_apart():
    explorer = TransposedConvolution(4, 3, padding=1, output_padding=2, cell=8, values="ramp")
    held = {name: control.index if hasattr(control, "index") else control.value
            for name, control in explorer.controls.items()}
    assert held == {"kernel_size": 4, "stride": 3, "padding": 1, "output_padding": 2, "cell": 8, "values": 1}
    assert {name: getattr(explorer.view, name) for name in held} == held
    assert [control.description for control in explorer.controls.values()] == [
        "kernel size", "stride", "padding", "output padding", "input cell", "kernel values"]


@pytest.mark.parametrize(("settings", "message"), [
    ({"kernel_size": 5}, "TransposedConvolution: kernel_size must be a whole number from 2 to 4, got 5"),
    ({"stride": 0}, "TransposedConvolution: stride must be a whole number from 1 to 3, got 0"),
    ({"padding": True}, "TransposedConvolution: padding must be a whole number from 0 to 2, got True"),
    ({"output_padding": 1.0}, "TransposedConvolution: output_padding must be a whole number from 0 to 2, got 1.0"),
    ({"cell": 9}, "TransposedConvolution: cell must be a whole number from 0 to 8, got 9"),
    ({"values": "zeros"}, "TransposedConvolution: values must be one of ones, ramp, got 'zeros'"),
    ({"values": 0}, "TransposedConvolution: values must be one of ones, ramp, got 0"),
])
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(ValueError) as caught:
        TransposedConvolution(**settings)
    assert str(caught.value) == message
