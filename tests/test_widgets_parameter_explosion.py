import itertools
import json
import math
import re
from fractions import Fraction

import pytest
import torch

from cnnlib.shapes import (
    conv_mac_count,
    conv_output_shape,
    conv_parameter_count,
    linear_mac_count,
    linear_parameter_count,
)
from cnnlib.widgets.parameter_explosion import CHOICES, ParameterExplosion, ParameterView
from tools.node import call_view

SETTINGS = [dict(zip(CHOICES, values, strict=True)) for values in itertools.product(*CHOICES.values())]
DEFAULT = {"size": 224, "channels": 3, "outputs": 1000, "kernel_size": 3, "filters": 64}
WORDS = {"": 1, " million": 10**6, " billion": 10**9, " trillion": 10**12}
UNITS = {"byte": 1, "bytes": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}


def state_of(settings):
    """Return what the view draws from."""
    indices = {name: CHOICES[name].index(value) for name, value in settings.items()}
    return {"choices": {name: list(values) for name, values in CHOICES.items()}, **indices}


def expected(settings):
    """Return the three layers' numbers from cnnlib.shapes."""
    size, channels, outputs, kernel_size, filters = settings.values()
    shape, flat = (1, channels, size, size), channels * size * size
    mapped = math.prod(conv_output_shape(shape, filters, kernel_size, padding="same"))
    convolution = conv_parameter_count(channels, filters, kernel_size)
    macs = conv_mac_count(shape, filters, kernel_size, padding="same")
    return {
        "inputs": flat,
        "dense": row(linear_parameter_count(flat, outputs), linear_mac_count((1, flat), outputs), outputs),
        "convolution": row(convolution, macs, mapped),
        "same_map": row(linear_parameter_count(flat, mapped), linear_mac_count((1, flat), mapped), mapped),
    }


def row(parameters, macs, outputs):
    return {"parameters": parameters, "macs": macs, "bytes": 4 * parameters, "outputs": outputs}


def values(html):
    """Return the text of every ``<b data-value="name">`` by name."""
    return dict(re.findall(r'<b data-value="([^"]+)">([^<]*)</b>', html))


@pytest.fixture(scope="module")
def drawn():
    """Return the text of every state's picture."""
    return call_view(ParameterView, "draw", [[state_of(settings)] for settings in SETTINGS])


def test_every_state_computes_what_cnnlib_computes():
    shown = call_view(ParameterView, "facts", [[state_of(settings)] for settings in SETTINGS])
    largest = 0
    for settings, facts in zip(SETTINGS, shown, strict=True):
        assert facts == expected(settings), settings
        largest = max(largest, facts["same_map"]["bytes"])
    assert len(SETTINGS) == 2160
    assert 10**15 < largest < 2**53  # plain JavaScript numbers are exact


def test_every_picture_shows_the_numbers_with_separators(drawn):
    for settings, html in zip(SETTINGS, drawn, strict=True):
        right, shown = expected(settings), values(html)
        assert shown["inputs"] == f"{right['inputs']:,}"
        for layer in ("dense", "convolution", "same_map"):
            for what in ("parameters", "macs", "outputs"):
                assert shown[f"{layer}.{what}"] == f"{right[layer][what]:,}", settings
            amount, unit = shown[f"{layer}.memory"].split(" ")
            kept = Fraction(amount.replace(",", "")) * UNITS[unit]
            assert abs(kept / right[layer]["bytes"] - 1) <= Fraction(1, 190), (settings, shown)
            assert (unit[-3:] in ("GiB", "MiB", "KiB")) == (right[layer]["bytes"] >= 1024)
        assert not re.search("NaN|undefined|Infinity|null", html)


def test_every_ratio_is_the_ratio_to_three_digits(drawn):
    named = {"denseTimes": ("dense", "parameters"), "sameTimes": ("same_map", "parameters"),
             "macTimes": ("same_map", "macs")}
    for settings, html in zip(SETTINGS, drawn, strict=True):
        right, shown = expected(settings), values(html)
        for key, (layer, what) in named.items():
            a, b = right[layer][what], right["convolution"][what]
            assert a != b
            ratio = Fraction(max(a, b), min(a, b))
            value, word = re.fullmatch(r"([\d,.]+)( [a-z]+)?", shown[key]).groups(default="")
            said = Fraction(value.replace(",", "")) * WORDS[word]
            assert abs(said / ratio - 1) <= Fraction(1, 200), (settings, key)
            name = "convolution (b)" if b > a else f"dense layer ({'a' if layer == 'dense' else 'c'})"
            about = "" if said == ratio else "about "
            assert f'The {name} needs {about}<b data-value="{key}">' in html, (settings, key)


def test_a_bar_ends_where_the_logarithm_does(drawn):
    for settings, html in zip(SETTINGS, drawn, strict=True):
        widths = [float(width) for width in re.findall(r'<rect class="cnn-bar[^>]* width="([\d.]+)"', html)]
        counts = [numbers["parameters"] for numbers in list(expected(settings).values())[1:]]
        assert widths == pytest.approx([284 * math.log10(count) / 15 for count in counts], abs=0.02)
        assert max(widths) < 284


def test_default_is_the_comparison_of_the_book():
    facts, html = call_view(ParameterView, "((state) => [facts(state), draw(state)])", [[state_of(DEFAULT)]])[0]
    assert [facts[layer]["parameters"] for layer in ("dense", "convolution", "same_map")] == [
        150_529_000, 1_792, 483_388_358_656]
    assert sum(p.numel() for p in torch.nn.Conv2d(3, 64, 3).parameters()) == 1_792
    assert facts["same_map"]["parameters"] - 224 * 224 * 64 == 483_385_147_392  # the weights without biases
    assert "about <b data-value=\"denseTimes\">84,000</b> times as many parameters" in html
    assert "about <b data-value=\"sameTimes\">270 million</b> times as many parameters" in html
    assert "1,000 outputs against a map of 224 × 224 × 64 = 3,211,264" in html


def test_only_the_convolution_ignores_the_image_size():
    small, large = (call_view(ParameterView, "facts", [[state_of({**DEFAULT, "size": size})]])[0] for size in (32, 64))
    assert small["convolution"]["parameters"] == large["convolution"]["parameters"]
    assert small["dense"]["parameters"] != large["dense"]["parameters"]
    assert small["same_map"]["macs"] * 16 == large["same_map"]["macs"]
    assert small["convolution"]["macs"] * 4 == large["convolution"]["macs"]


def test_a_convolution_can_need_more_and_says_so():
    state = {"size": 8, "channels": 1, "outputs": 10, "kernel_size": 11, "filters": 128}
    facts, html = call_view(ParameterView, "((state) => [facts(state), draw(state)])", [[state_of(state)]])[0]
    assert facts["convolution"]["parameters"] == 15_616 > facts["dense"]["parameters"] == 650
    text = re.sub("<[^>]*>", "", html)
    assert "The convolution (b) needs about 24 times as many parameters as the dense layer (a)." in text
    assert "The convolution (b) needs about 1.89 times as many MACs as the dense layer (c): its" in text


def test_numbers_are_written_for_people():
    assert call_view(ParameterView, "rounded", [[2], [5.5], [99.96], [84001.6], [999_700], [999_400], [1e12]]) == [
        "2", "5.5", "100", "84,000", "1 million", "999,000", "1 trillion"]
    assert call_view(ParameterView, "memory", [[8], [1024], [7168], [2**20], [602_116_000], [2**40]]) == [
        "8 bytes", "1.00 KiB", "7.00 KiB", "1.00 MiB", "574 MiB", "1,024 GiB"]


def test_controls_are_linked_to_the_view_by_index():
    explorer = ParameterExplosion(size=28, channels=1, outputs=10, kernel_size=5, filters=8)
    assert {name: control.value for name, control in explorer.controls.items()} == {
        "size": 28, "channels": 1, "outputs": 10, "kernel_size": 5, "filters": 8}
    assert {name: control.index for name, control in explorer.controls.items()} == {
        name: getattr(explorer.view, name) for name in explorer.controls}
    assert len({control.description for control in explorer.controls.values()}) == 5
    assert explorer.summary() == {"dense": 7_850, "convolution": 208, "same_map": 784 * 6_272 + 6_272}
    assert json.loads(json.dumps(explorer.view.choices)) == {name: list(values) for name, values in CHOICES.items()}


@pytest.mark.parametrize(("settings", "message"), [
    ({"size": 227}, "size must be one of 8, 16, 28, 32, 64, 112, 224, 512, 1000, got 227"),
    ({"channels": 2}, "channels must be one of 1, 3, got 2"),
    ({"channels": True}, "channels must be one of 1, 3, got True"),
    ({"outputs": 1000.0}, "outputs must be one of 10, 100, 1000, 4096, got 1000.0"),
    ({"kernel_size": "3"}, "kernel_size must be one of 1, 3, 5, 7, 11, got '3'"),
    ({"filters": 0}, "filters must be one of 1, 8, 16, 32, 64, 128, got 0"),
])
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(ValueError) as caught:
        ParameterExplosion(**settings)
    assert str(caught.value) == f"ParameterExplosion: {message}"
