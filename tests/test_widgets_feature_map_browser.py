import base64
import copy
import io
import json
import re

import numpy as np
import pytest
from PIL import Image

from cnnlib.explain import feature_maps
from cnnlib.widgets.feature_map_browser import FeatureMapBrowser, FeatureMapView
from tools.explanations import Explained
from tools.node import run_module

DATA = FeatureMapBrowser().view.data
LAYERS = [name for name, *_ in DATA["layers"]]
COUNT = len(DATA["pictures"])
STATES = [(picture, layer, channel) for picture in range(COUNT)
          for layer, (_, channels, *_) in enumerate(DATA["layers"]) for channel in range(channels)]


def in_node(expression, data=DATA):
    """Return the value of an expression: ``view(picture, layer, channel)`` is a state."""
    view = "const view = (picture, layer, channel) => ({ data, picture, layer, channel, last_channel: 0 });"
    answer = f"process.stdout.write(JSON.stringify({expression}));"
    return json.loads(run_module("\n".join([FeatureMapView._esm, f"const data = {json.dumps(data)};", view, answer])))


@pytest.fixture(scope="module")
def maps():
    """Return every layer's output for the leaves, (N, C, H, W), computed anew."""
    explained = Explained()
    found = feature_maps(explained.model, explained.x[:COUNT], layers=LAYERS)
    return [found[name].double().numpy() for name in LAYERS]


@pytest.fixture(scope="module")
def shown():
    """Return what the script computes and draws in every state, the pictures' bytes left out."""
    both = in_node(f"""{json.dumps(STATES)}.map((s) => view(...s)).map((state) => (
        [facts(state), draw(state).replace(/base64,[^"]*/g, "")]))""")
    return dict(zip(STATES, both, strict=True))


def number_in(page, name):
    """Return a number of the readout."""
    text = re.search(f'data-value="{name}">([^<]*)<', page)[1].replace("&lt; ", "")
    return float(text.replace("−", "-").replace(",", "").removesuffix(" %"))


def opened(address):
    """Return the gray values of a PNG file."""
    picture = Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2])))
    assert picture.mode == "L"
    return np.array(picture).astype(int)


def test_every_state_shows_the_map_of_cnnlib(maps, shown):
    assert len(STATES) == COUNT * 256
    for (picture, layer, channel), (facts, _) in shown.items():
        right = maps[layer][picture, channel]
        low, high = right.min(), right.max()
        got = low + (high - low) / 15 * np.reshape(facts["steps"], right.shape)
        np.testing.assert_allclose(got, right, atol=(high - low) / 15 * 0.501 + 1e-6)
        assert (facts["low"], facts["high"]) == pytest.approx((low, high), rel=1e-3, abs=1e-6)
        assert right[tuple(facts["at"])] == pytest.approx(high, rel=1e-3, abs=1e-6)
        assert facts["shape"] == [1, *maps[layer].shape[1:]]
        assert facts["zeros"] == pytest.approx((right == 0).mean(), abs=1.5 / right.size)
        assert facts["allZeros"] == pytest.approx((maps[layer][picture] == 0).mean(), abs=2e-3)
        assert facts["silent"] == (maps[layer][picture] == 0).all(axis=(1, 2)).sum()
        tops = maps[layer][picture].max(axis=(1, 2))
        assert tops[facts["strongest"]] == pytest.approx(tops.max(), rel=1e-3)


def test_readout_says_the_numbers(shown):
    for (_, layer, channel), (facts, page) in shown.items():
        assert number_in(page, "channel") == channel
        assert number_in(page, "low") == pytest.approx(facts["low"], rel=6e-3)
        assert number_in(page, "high") == pytest.approx(facts["high"], rel=6e-3)
        assert number_in(page, "zeros") == pytest.approx(100 * facts["zeros"], abs=0.0501)
        assert number_in(page, "allZeros") == pytest.approx(100 * facts["allZeros"], abs=0.0501)
        name, channels, side, _ = DATA["layers"][layer]
        assert f"Channel <b data-value=\"channel\">{channel}</b> of {name}" in page
        assert f'<b data-value="shape">1, {channels}, {side}, {side}</b>' in page
        assert ("0 everywhere, it does not answer to this leaf" in page) == (facts["low"] == facts["high"] == 0)
        assert not re.search("NaN|undefined|Infinity|null", page)
        assert page.count('role="img"') == page.count("aria-label") == 3


def test_signs_are_those_that_the_words_promise(maps):
    assert (maps[0] < 0).any() and (maps[0] > 0).any()
    assert all((layer >= 0).all() for layer in maps[1:])


def test_thumbnails_are_eight_channels_with_the_chosen_one_marked(shown):
    for (_, _, channel), (facts, page) in shown.items():
        first = channel // 8 * 8
        assert facts["thumbnails"] == list(range(first, first + 8))
        labels = re.findall(r"<text[^>]*>([^<]*)</text>", page)
        assert labels == [f"▲{c}" if c == channel else str(c) for c in range(first, first + 8)]


def test_pictures_hold_the_steps():
    pages = in_node(f"{json.dumps(STATES[::37])}.map((s) => draw(view(...s)))")
    for state, page in zip(STATES[::37], pages, strict=True):
        photo, chosen, *thumbnails = re.findall(r'<image class="cnn-sharp" href="([^"]*)"', page)
        assert photo == f"data:image/jpeg;base64,{DATA['pictures'][state[0]]['jpeg']}" and len(thumbnails) == 8
        side, size = DATA["layers"][state[1]][2], DATA["layers"][state[1]][2] ** 2
        digits = DATA["pictures"][state[0]]["layers"][state[1]]["digits"]
        steps = [[int(digit, 16) for digit in digits[c * size:(c + 1) * size]] for c in range(len(digits) // size)]
        assert (opened(chosen) == 17 * np.reshape(steps[state[2]], (side, side))).all()
        first = state[2] // 8 * 8
        for channel, thumbnail in enumerate(thumbnails, first):
            assert (opened(thumbnail) == 17 * np.reshape(steps[channel], (side, side))).all()


def test_a_silent_channel_says_so():
    data = copy.deepcopy(DATA)
    entry = data["pictures"][0]["layers"][4]
    entry["low"][5] = entry["high"][5] = entry["at"][5] = 0
    entry["zeros"][5], entry["digits"] = 16, entry["digits"][:80] + "0" * 16 + entry["digits"][96:]
    page = in_node("draw(view(0, 4, 5))", data)
    assert "0 everywhere, it does not answer to this leaf" in page and "All values are 0." in page
    assert '<b data-value="zeros">100.0 %</b>' in page
    assert page.count('class="cnn-frame"') == 1  # of the thumbnail, none around a largest value


def test_channels_end_with_the_layer():
    derived = in_node("[0, 1, 2, 3, 4].map((layer) => derive(view(0, layer, 100)))")
    assert derived == [{"last_channel": last, "channel": min(100, last)} for last in (15, 15, 31, 63, 127)]
    beyond, last = in_node("[100, 15].map((channel) => draw(view(0, 1, channel)))")
    assert beyond == last


def test_python_holds_the_same_map(maps):
    for picture, layer, channel in STATES[::31]:
        right = maps[layer][picture, channel]
        got = FeatureMapBrowser(picture, layer=LAYERS[layer], channel=channel).map()
        np.testing.assert_allclose(got, right, atol=(right.max() - right.min()) / 15 * 0.501 + 1e-4)
    browser = FeatureMapBrowser(layer="layer4", channel=127)
    browser.view.layer = 0
    assert browser.map().shape == (32, 32)


def test_controls_are_linked_to_the_view():
    browser = FeatureMapBrowser(1, layer="layer3", channel=40)
    view, controls = browser.view, browser.controls
    assert {name: control.description for name, control in controls.items()} == {
        "picture": "leaf", "layer": "layer", "channel": "channel"}
    assert (controls["picture"].index, controls["layer"].index) == (view.picture, view.layer) == (1, 3)
    assert (controls["channel"].value, controls["channel"].min, controls["channel"].max) == (40, 0, 63)
    assert (view.channel, view.last_channel) == (40, 63)
    assert controls["layer"].options == ("conv1", "layer1", "layer2", "layer3", "layer4")


@pytest.mark.parametrize(("settings", "message"), [
    ({"picture": COUNT}, f"picture must be a whole number from 0 to {COUNT - 1}, got {COUNT}"),
    ({"layer": "fc"}, "layer must be one of conv1, layer1, layer2, layer3, layer4, got 'fc'"),
    ({"layer": 1}, "layer must be one of conv1, layer1, layer2, layer3, layer4, got 1"),
    ({"channel": 16}, "channel must be a whole number from 0 to 15, got 16"),
    ({"layer": "layer4", "channel": 128}, "channel must be a whole number from 0 to 127, got 128"),
    ({"channel": True}, "channel must be a whole number from 0 to 15, got True"),
])
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(ValueError) as caught:
        FeatureMapBrowser(**settings)
    assert str(caught.value) == f"FeatureMapBrowser: {message}"
