import base64
import copy
import html
import io
import itertools
import json
import re
import struct
import zlib

import numpy as np
import pytest
import torch
from PIL import Image

from cnnlib.data import LEAF_NAMES
from cnnlib.explain import grad_cam
from cnnlib.widgets._explanations import RANKS
from cnnlib.widgets.grad_cam_explorer import GradCamExplorer, GradCamView
from tools.explanations import Explained
from tools.node import run_module

EXPLORER = GradCamExplorer()
DATA = EXPLORER.view.data
LAYERS = [name for name, *_ in DATA["layers"]]
STATES = list(itertools.product(range(6), range(4), range(4), (True, False)))
NAMES = ("picture", "layer", "target", "relu")


def in_node(expression, data=DATA):
    """Return the value of an expression: ``view(picture, layer, target, relu)`` is a state."""
    view = "const view = (picture, layer, target, relu) => ({ data, picture, layer, target, relu });"
    answer = f"process.stdout.write(JSON.stringify({expression}));"
    return json.loads(run_module("\n".join([GradCamView._esm, f"const data = {json.dumps(data)};", view, answer])))


@pytest.fixture(scope="module")
def maps():
    """Return Grad-CAM with its sign by (picture, layer, target), each (h, w), computed anew."""
    explained = Explained()
    found = {}
    for layer, target in itertools.product(range(4), range(4)):
        classes = [LEAF_NAMES.index(each["classes"][target]["name"]) - 12 for each in DATA["pictures"]]
        cams = grad_cam(explained.model, explained.x, target=torch.tensor(classes), layer=LAYERS[layer], relu=False)
        found.update({(i, layer, target): cam.double().numpy() for i, cam in enumerate(cams)})
    return found


@pytest.fixture(scope="module")
def shown():
    """Return what the script computes and draws in every state."""
    both = in_node(f"{json.dumps(STATES)}.map((s) => [facts(view(...s)), draw(view(...s))])")
    return dict(zip(STATES, both, strict=True))


def number_in(page, name):
    """Return a number of the readout."""
    text = re.search(f'data-value="{name}">([^<]*)<', page)[1]
    return float(text.replace("−", "-").replace(",", "").removesuffix(" %"))


def overlay(page):
    """Return the map's picture, (h, w, 4)."""
    text = re.search(r'data:image/png;base64,([^"]*)', page)[1]
    return np.array(Image.open(io.BytesIO(base64.b64decode(text))).convert("RGBA")).astype(int)


def test_every_state_shows_the_map_of_cnnlib(maps, shown):
    for (picture, layer, target, relu), (facts, _) in shown.items():
        cam = maps[picture, layer, target]
        step = np.abs(cam).max() / 127
        right = np.maximum(cam, 0) if relu else cam
        np.testing.assert_allclose(np.reshape(facts["values"], cam.shape), right, atol=0.51 * step)
        assert facts["side"] == len(cam) and facts["cell"] * len(cam) == 64
        assert (facts["largest"], facts["smallest"]) == pytest.approx((cam.max(), cam.min()), rel=1e-3, abs=1e-7)
        assert cam[tuple(facts["at"])] == pytest.approx(cam.max(), rel=1e-3, abs=1e-7)
        assert cam[tuple(facts["lowest"])] == pytest.approx(cam.min(), rel=1e-3, abs=1e-7)
        assert abs(facts["below"] - (cam < 0).sum()) <= 1


def test_shares_are_those_of_the_exact_map(maps, shown):
    for (picture, layer, target, _), (facts, _) in shown.items():
        cam = maps[picture, layer, target]
        above, step = np.maximum(cam, 0), np.abs(cam).max() / 127
        slack = cam.size * step  # half a step a value, above and below the line
        if above.sum() > 3 * slack:
            brightest = np.sort(above, axis=None)[-cam.size // 4:].sum() / above.sum()
            assert facts["share"] == pytest.approx(brightest, abs=slack / above.sum())
        assert facts["opposed"] == pytest.approx(
            -np.minimum(cam, 0).sum() / np.abs(cam).sum(), abs=slack / np.abs(cam).sum())


def test_relu_takes_away_what_speaks_against_and_nothing_else(shown):
    for state in STATES[::2]:
        relu, signed = (np.array(shown[(*state[:3], flag)][0]["values"]) for flag in (True, False))
        np.testing.assert_array_equal(relu, np.maximum(signed, 0))
    assert any(min(facts["values"]) < 0 for facts, _ in shown.values())  # so the box changes something


def test_colors_follow_the_values(shown):
    for facts, page in shown.values():
        side, most = facts["side"], facts["most"]
        values, pixels = np.reshape(facts["values"], (side, side)), overlay(page)
        assert pixels.shape == (side, side, 4)
        weak, strong = np.abs(values) < most / 40, np.abs(values) > most / 16
        assert (pixels[weak][:, 3] == 0).all() and (pixels[strong][:, 3] > 0).all()
        assert (pixels[(values > 0) & strong][:, 0] == 255).all()  # orange
        assert (pixels[(values < 0) & strong][:, 2] == 255).all()  # blue
        order = np.argsort(np.abs(values), axis=None)
        assert (np.diff(pixels[..., 3].ravel()[order]) >= 0).all()


def test_words_and_numbers_on_the_picture(maps, shown):
    for (picture, layer, target, relu), (facts, page) in shown.items():
        chosen = DATA["pictures"][picture]["classes"][target]
        cam = maps[picture, layer, target]
        assert number_in(page, "score") == pytest.approx(chosen["score"], rel=6e-3, abs=1e-4)
        assert number_in(page, "below") == facts["below"]
        assert number_in(page, "largest") == pytest.approx(cam.max(), rel=6e-3, abs=1e-7)
        assert f"{chosen['name']}: score" in page and ("leaf's own class" in html.unescape(page)) == chosen["own"]
        texts = re.findall(r'<text class="cnn-over"[^>]*>([^<]*)<', page)
        assert len(texts) == (cam.size if len(cam) <= 8 else 0)
        if texts:
            right = np.maximum(cam, 0) if relu else cam
            percent = 100 * right / (np.abs(right).max() or 1)
            got = [int(text.replace("−", "-")) for text in texts]
            slack = 100 * np.abs(cam).max() / 127 / (facts["most"] or np.inf)  # a step, in percent of the largest
            np.testing.assert_allclose(got, percent.ravel(), atol=0.51 + slack)
        assert not re.search("NaN|undefined|Infinity|null|−0<", page)
        assert ("they hold" in page) == (not relu and facts["below"] > 0 and facts["share"] is not None)
        assert page.count('role="img"') == page.count("aria-label") == 2


def test_a_map_that_speaks_only_against_says_so():
    data = copy.deepcopy(DATA)
    entry = data["pictures"][0]["classes"][0]["maps"][3]
    entry.update(scale=2.0, high=-0.5, low=-2.0, below=16, bytes=base64.b64encode(bytes([96, *[1] * 15])).decode())
    zero = data["pictures"][0]["classes"][1]["maps"][3]
    zero.update(scale=0.0, high=0.0, low=0.0, at=[0, 0], below=0, bytes=base64.b64encode(bytes([128] * 16)).decode())
    hidden, seen, nothing = in_node("[[0, true], [0, false], [1, true]].map(([t, r]) => draw(view(0, 3, t, r)))", data)
    assert "ReLU leaves an <b>empty map</b>" in hidden and "empty map" not in seen
    assert "<b data-value=\"below\">16</b> of 16 places speak against the class, none for it" in seen
    assert "nothing speaks for the class or against it" in nothing
    for page in (hidden, nothing):
        assert (overlay(page)[..., 3] == 0).all() and "cnn-frame" not in page
    assert not any(re.search("NaN|undefined|null", page) for page in (hidden, seen, nothing))


def test_shared_functions_of_the_pictures():
    bytes_ = [[], [1], [1, 2], list(range(256))]
    texts = [base64.b64encode(bytes(each)).decode() for each in bytes_]
    assert in_node(f"{json.dumps(texts)}.map((text) => [...fromBase64(text)])") == bytes_
    assert in_node(f"{json.dumps(bytes_)}.map((each) => toBase64(Uint8Array.from(each)))") == texts
    gray = np.random.default_rng(0).integers(0, 256, (7, 7))
    address = in_node(f"png({gray.ravel().tolist()}, 7)")
    data = base64.b64decode(address.partition(",")[2])
    picture = Image.open(io.BytesIO(data))
    assert picture.mode == "L" and (np.array(picture) == gray).all()
    # Pillow does not ask for the one compression and the one filter that PNG knows, and not for the sum at the end
    assert data[16:29] == struct.pack(">IIBBBBB", 7, 7, 8, 0, 0, 0, 0)
    assert zlib.decompressobj().decompress(data.partition(b"IDAT")[2]) == np.pad(gray, [(0, 0), (1, 0)]).astype(
        np.uint8).tobytes()
    assert in_node("[0, 0.4326, 0.0004, 1].map(percentage)") == ["0.0 %", "43.3 %", "&lt; 0.1 %", "100.0 %"]
    assert in_node("[0, -0, 12.345, -0.0012345].map((value) => digits(value))") == ["0", "0", "12.3", "−0.00123"]
    assert in_node("[1, 2, 3, 4, 164].map((rank) => ranked(rank, 164))") == [
        "the largest", "the second largest", "the third largest", "number 4", "the smallest"]


def test_python_holds_the_same_map(shown):
    for state in STATES[::7]:
        explorer = GradCamExplorer(state[0], layer=LAYERS[state[1]], target=RANKS[state[2]], relu=state[3])
        np.testing.assert_allclose(explorer.map().ravel(), shown[state][0]["values"], rtol=1e-9, atol=1e-15)


def test_controls_are_linked_to_the_view():
    explorer = GradCamExplorer(4, layer="layer2", target="smallest", relu=False)
    assert [getattr(explorer.view, name) for name in NAMES] == [4, 1, 3, False]
    assert {name: control.description for name, control in explorer.controls.items()} == {
        "picture": "leaf", "layer": "Grad-CAM layer", "target": "class with the",
        "relu": "ReLU: hide what speaks against"}
    assert [explorer.controls[name].index for name in NAMES[:3]] == [4, 1, 3]
    assert explorer.controls["relu"].value is False
    assert explorer.controls["picture"].options == tuple(each["name"] for each in DATA["pictures"])


@pytest.mark.parametrize(("settings", "message"), [
    ({"picture": 6}, "picture must be a whole number from 0 to 5, got 6"),
    ({"picture": True}, "picture must be a whole number from 0 to 5, got True"),
    ({"picture": "oak"}, "picture must be a whole number from 0 to 5, got 'oak'"),
    ({"layer": "conv1"}, "layer must be one of layer1, layer2, layer3, layer4, got 'conv1'"),
    ({"layer": 4}, "layer must be one of layer1, layer2, layer3, layer4, got 4"),
    ({"target": 0}, "target must be one of largest, second largest, third largest, smallest, got 0"),
    ({"relu": 1}, "relu must be True or False, got 1"),
])
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(ValueError) as caught:
        GradCamExplorer(**settings)
    assert str(caught.value) == f"GradCamExplorer: {message}"
