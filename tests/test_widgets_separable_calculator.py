import itertools
import random
import re
from fractions import Fraction

import pytest
import torch
from torch import nn

from cnnlib.shapes import conv_mac_count
from cnnlib.widgets.separable_calculator import KERNEL_SIZES, LIMITS, ORDERS, SeparableCalculator, SeparableView
from tools.node import call_view

DEFAULT = {"kernel_sizes": list(KERNEL_SIZES), "kernel_size": 1, "order": 0, "in_channels": 128, "out_channels": 256,
           "size": 28, "stride": 1, "depth_multiplier": 1, "bias": False}
NAMES = ("standard", "depthwise", "pointwise")


def some_states(count):
    rng = random.Random(10)
    states = [{**DEFAULT, **{name: rng.choice((low, high, *(rng.randint(low, high) for _ in range(4))))
                             for name, (low, high) in LIMITS.items()},
               "kernel_size": rng.randrange(4), "order": rng.randrange(2), "bias": rng.random() < 0.5}
              for _ in range(count)]
    channels = itertools.product((0, 1), range(1, 9), range(1, 9), (1, 2, 3))
    small = [{**DEFAULT, "order": order, "in_channels": c, "out_channels": o, "depth_multiplier": m, "size": 5}
             for order, c, o, m in channels]
    return states + small


def modules(state):
    """Build the three convolutions with PyTorch; the pair's first part first, None where PyTorch refuses one."""
    c, o, m, bias = (state[name] for name in ("in_channels", "out_channels", "depth_multiplier", "bias"))
    kernel = KERNEL_SIZES[state["kernel_size"]]
    options = {"stride": state["stride"], "padding": kernel // 2, "bias": bias, "device": "meta"}
    standard = nn.Conv2d(c, o, kernel, **options)
    if state["order"] == 0:
        pair = [("depthwise", nn.Conv2d(c, c * m, kernel, groups=c, **options)),
                ("pointwise", nn.Conv2d(c * m, o, 1, bias=bias, device="meta"))]
        return standard, pair
    between = max(o // m, 1)
    try:  # the depthwise part must make exactly o channels, m of each
        depthwise = nn.Conv2d(between, o, kernel, groups=between, **options)
    except ValueError:
        return standard, None
    if depthwise.weight.shape[0] != between * m:
        return standard, None
    return standard, [("pointwise", nn.Conv2d(c, between, 1, bias=bias, device="meta")), ("depthwise", depthwise)]


def count(layer, x):
    """Return (what the calculator must show, output) of one convolution that has run."""
    out = layer(x)
    parameters = sum(p.numel() for p in layer.parameters())
    macs = conv_mac_count(tuple(x.shape), layer.out_channels, layer.kernel_size, stride=layer.stride,
                          padding=layer.padding, groups=layer.groups)
    return {"parameters": parameters, "macs": macs, "moved": x.numel() + parameters + out.numel(),
            "sees": layer.weight[0].numel(), "out": out.shape[2], "out_channels": out.shape[1]}, out


def judged(state):
    x = torch.empty(1, state["in_channels"], state["size"], state["size"], device="meta")
    standard, pair = modules(state)
    right, y = {}, x
    right["standard"], expected = count(standard, x)
    for name, layer in pair or ():
        right[name], y = count(layer, y)
    assert pair is None or y.shape == expected.shape
    return right


def test_thousands_of_states_agree_with_pytorch():
    states = some_states(2_000)
    impossible = 0
    for state, facts in zip(states, call_view(SeparableView, "facts", [[state] for state in states]), strict=True):
        right = judged(state)
        shown = {name: {key: facts[name][key] for key in right[name]} for name in NAMES if name in facts}
        assert shown == right, state
        assert ("refused" in facts) == (len(right) == 1), state
        impossible += "refused" in facts
        if "refused" not in facts:
            for what in ("macs", "parameters", "moved"):
                both = right["depthwise"][what] + right["pointwise"][what]
                assert facts["separable"][what] == both
                assert facts["fraction"][what] == pytest.approx(both / right["standard"][what])
            assert facts["depthwise"]["intensity"] == pytest.approx(
                right["depthwise"]["macs"] / right["depthwise"]["moved"])
    assert 200 < impossible < 2_000


def test_fraction_is_exactly_two_reciprocals_and_a_ninth_only_in_the_limit():
    outs = (1, 2, 3, 8, 16, 64, 100, 256, 512)
    states = [{**DEFAULT, "kernel_size": k, "out_channels": o} for k in range(4) for o in outs]
    for state, facts in zip(states, call_view(SeparableView, "facts", [[state] for state in states]), strict=True):
        right = Fraction(1, state["out_channels"]) + Fraction(1, KERNEL_SIZES[state["kernel_size"]] ** 2)
        assert Fraction(facts["separable"]["macs"], facts["standard"]["macs"]) == right
        assert Fraction(facts["separable"]["parameters"], facts["standard"]["parameters"]) == right
    pages = call_view(SeparableView, "draw", [[{**DEFAULT, "out_channels": o}] for o in (64, 256)])
    assert [values(page)["fraction.macs"] for page in pages] == ["0.127", "0.115"]
    assert "0.111" not in [values(page)["fraction.macs"] for page in pages]  # 1/9, which it never reaches
    assert all("it falls towards 1/K² = 0.111, but never gets there" in page for page in pages)


def test_a_pair_that_costs_a_little_more_is_not_said_to_cost_the_same():
    page = call_view(SeparableView, "draw", [[{**DEFAULT, "kernel_size": KERNEL_SIZES.index(1)}]])[0]
    assert values(page)["fraction.macs"] == values(page)["fraction.parameters"] == "1.004" != "1.00"
    text = re.sub(r"<[^>]+>", "", page)
    assert "in two: 1.004 times as many. The pair costs more" in text
    assert "Parameters: 32,768 against 32,896, 1.004 times as many (no biases)." in text and "1.004 of them" not in text


def test_28_by_28_by_128_to_256_costs_what_is_published():
    numbers = values(call_view(SeparableView, "draw", [[DEFAULT]])[0])
    assert (numbers["standard.macs"], numbers["standard.parameters"]) == ("231,211,008", "294,912")
    assert (numbers["separable.macs"], numbers["separable.parameters"]) == ("26,593,280", "33,920")
    summary = SeparableCalculator().summary()
    assert summary == {"output_shape": (1, 256, 28, 28),
                       "parameters": {"standard": 294912, "depthwise": 1152, "pointwise": 32768},
                       "macs": {"standard": 231211008, "depthwise": 903168, "pointwise": 25690112}}


def test_summary_counts_the_other_order_as_well():
    settings = {"in_channels": 8, "out_channels": 12, "size": 10, "depth_multiplier": 2, "order": "pointwise_first"}
    assert SeparableCalculator(**settings).summary()["macs"] == {
        "standard": 12 * 8 * 9 * 100, "pointwise": 6 * 8 * 100, "depthwise": 12 * 9 * 100}


def test_depthwise_does_few_macs_for_each_number_it_moves():
    facts = call_view(SeparableView, "facts", [[DEFAULT]])[0]
    assert facts["depthwise"]["intensity"] < 9 / 2 < 300 < facts["standard"]["intensity"]  # 9 MACs for 2 maps at best
    assert facts["fraction"]["moved"] > 7 * facts["fraction"]["macs"]


def test_formula_puts_the_numbers_in():
    states = [{}, {"depth_multiplier": 2}, {"order": 1}, {"order": 1, "stride": 2}, {"order": 1, "depth_multiplier": 2}]
    assert call_view(SeparableView, "formula", [[{**DEFAULT, **state}] for state in states]) == [
        "1/C_out + 1/K² = 1/256 + 1/9 = 0.00391 + 0.111 = 0.115",
        "m/C_out + m/K² = 2/256 + 2/9 = 0.00781 + 0.222 = 0.230",
        "1/C_in + 1/K² = 1/128 + 1/9 = 0.00781 + 0.111 = 0.119",
        "1/C_in + H·W/(H_out·W_out·K²) = 1/128 + 784/1,764 = 0.00781 + 0.444 = 0.452",
        "1/C_in + 1/(m·K²) = 1/128 + 1/18 = 0.00781 + 0.0556 = 0.0634",
    ]


def test_formula_ends_in_the_fraction_in_every_state():
    states = some_states(500)
    facts = call_view(SeparableView, "facts", [[state] for state in states])
    possible = [(state, fact) for state, fact in zip(states, facts, strict=True) if "refused" not in fact]
    lines = call_view(SeparableView, "formula", [[state] for state, _ in possible])
    for (state, fact), line in zip(possible, lines, strict=True):
        _, terms, decimals, end = line.split(" = ")
        exact = sum(Fraction(term.replace(",", "")) for term in terms.split(" + "))
        assert exact == Fraction(fact["separable"]["macs"], fact["standard"]["macs"]), state
        assert float(end.replace(",", "")) == pytest.approx(float(exact), rel=6e-3)
        assert len(decimals.split(" + ")) == 2


def test_depthwise_alone_is_possible_where_pytorch_builds_it():
    pairs = [(c, o) for c in range(1, 13) for o in range(1, 25)]
    states = [[{**DEFAULT, "in_channels": c, "out_channels": o}] for c, o in pairs]
    for (c, o), facts, page in zip(pairs, call_view(SeparableView, "facts", states),
                                   call_view(SeparableView, "draw", states), strict=True):
        try:
            nn.Conv2d(c, o, 3, groups=c)
            built = True
        except ValueError as error:
            built = False
            assert str(error) == "out_channels must be divisible by groups"
            said = f"<code>nn.Conv2d({c}, {o}, 3, groups={c})</code>: impossible, {o} is no multiple of {c}."
            assert f"{said} PyTorch refuses it: out_channels must be divisible by groups." in page
        assert facts["grouped"]["ok"] == built
        assert (": possible, each channel makes" in page) == built


def test_impossible_multiplier_says_so():
    fits, refused, few = ({**DEFAULT, "order": 1, "depth_multiplier": 3, "out_channels": o} for o in (255, 256, 2))
    fits, refused, few = call_view(SeparableView, "draw", [[fits], [refused], [few]])
    assert "<svg" in fits and "No such depthwise" not in fits
    assert "<svg" not in refused
    assert ("<b>No such depthwise convolution.</b> Its output channels must be a multiple of its input channels: "
            "with depth multiplier 3 each input channel makes 3 outputs, and 256 output channels cannot be shared "
            "out like that. 255 or 258 output channels would work, or depth multiplier 1, or the depthwise part "
            "first.") in refused
    assert "that. 3 output channels would work" in few
    assert values(refused)["standard.macs"] == "231,211,008" and "depthwise.macs" not in values(refused)


def values(page):
    return dict(re.findall(r'<b data-value="([^"]+)">([^<]*)</b>', page))


def test_page_shows_the_facts_and_nothing_broken():
    states = some_states(1_000)
    pages = call_view(SeparableView, "draw", [[state] for state in states])
    facts = call_view(SeparableView, "facts", [[state] for state in states])
    for page, fact in zip(pages, facts, strict=True):
        assert not re.search("NaN|undefined|null|Infinity", page)
        numbers = values(page)
        for name in (*NAMES, "separable"):
            for what in ("parameters", "macs", "moved"):
                assert numbers.get(f"{name}.{what}") == (f"{fact[name][what]:,}" if name in fact else None)
        assert page.count("<svg") == (0 if "refused" in fact else 2)


def test_one_output_number_sees_one_channel_in_the_depthwise_part():
    page = call_view(SeparableView, "draw", [[DEFAULT]])[0]
    assert ("What one output number sees. standard: one output number sees 1,152 numbers in 128 channels of 128; "
            "depthwise: one output number sees 9 numbers in 1 channel of 128; "
            "pointwise: one output number sees 128 numbers in 128 channels of 128.") in page
    thick = re.findall(r'class="cnn-thick" d="([^"]*)"', page)
    assert [lines.count("M") for lines in thick] == [4, 1, 4]  # four channels are drawn


def test_controls_are_linked_to_the_view_and_named_apart():
    explorer = SeparableCalculator(12, 24, 5, 14, stride=2, depth_multiplier=2, bias=True, order="pointwise_first")
    controls = {name: control.index if hasattr(control, "index") else control.value
                for name, control in explorer.controls.items()}
    assert controls == {"in_channels": 12, "out_channels": 24, "kernel_size": 2, "size": 14, "stride": 2,
                        "depth_multiplier": 2, "order": list(ORDERS).index("pointwise_first"), "bias": True}
    assert {name: getattr(explorer.view, name) for name in controls} == controls
    descriptions = [control.description for control in explorer.controls.values()]
    assert len(set(descriptions)) == len(descriptions)
    assert explorer.summary()["parameters"] == {"standard": 25 * 12 * 24 + 24, "depthwise": 25 * 24 + 24,
                                                "pointwise": 12 * 12 + 12}


def test_summary_leaves_out_what_cannot_be_built():
    fits, refused = (SeparableCalculator(8, o, depth_multiplier=4, order="pointwise_first") for o in (12, 13))
    assert set(fits.summary()["macs"]) == set(NAMES)
    assert set(refused.summary()["macs"]) == {"standard"}


@pytest.mark.parametrize(("settings", "message"), [
    ({"in_channels": 0}, "SeparableCalculator: in_channels must be a whole number from 1 to 512, got 0"),
    ({"out_channels": 513}, "SeparableCalculator: out_channels must be a whole number from 1 to 512, got 513"),
    ({"kernel_size": 4}, "SeparableCalculator: kernel_size must be one of 1, 3, 5, 7, got 4"),
    ({"kernel_size": True}, "SeparableCalculator: kernel_size must be one of 1, 3, 5, 7, got True"),
    ({"size": 1.5}, "SeparableCalculator: size must be a whole number from 1 to 112, got 1.5"),
    ({"stride": 5}, "SeparableCalculator: stride must be a whole number from 1 to 4, got 5"),
    ({"depth_multiplier": "2"}, "SeparableCalculator: depth_multiplier must be a whole number from 1 to 4, got '2'"),
    ({"bias": 1}, "SeparableCalculator: bias must be True or False, got 1"),
    ({"order": "first"}, "SeparableCalculator: order must be one of depthwise_first, pointwise_first, got 'first'"),
])
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(ValueError) as caught:
        SeparableCalculator(**settings)
    assert str(caught.value) == message
