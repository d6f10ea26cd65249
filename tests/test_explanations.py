import base64
import copy
import gzip
import io
import json
import re

import numpy as np
import pytest
import torch
from PIL import Image

from cnnlib.data import LEAF_NAMES, draw_leaf
from cnnlib.models import summarize
from tools import explanations
from tools.explanations import FILES, FOLDER, PLACES, SEED, Explained, digits, signed

EXACT = ("side", "count", "patches", "names", "name", "own", "rank", "layers", "says")
DATA = {name: json.loads((FOLDER / name).read_text(encoding="utf-8")) for name in FILES}


@pytest.fixture(scope="module")
def explained():
    """Return the network and its leaves, computed once for this module."""
    return Explained()


@pytest.fixture(scope="module")
def again(explained):
    """Return what the tool makes of the shipped weights now."""
    return {name: json.loads(explanations.text(make(explained))) for name, make in FILES.items()}


def differences(old, new, path=""):
    """Yield the paths at which two files differ by more than one step of what they hold."""
    key = re.sub(r"\[\d+\]", "", path).rpartition(".")[2]
    if isinstance(old, dict) and isinstance(new, dict) and list(old) == list(new):
        for name in old:
            yield from differences(old[name], new[name], f"{path}.{name}")
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new) and key != "at":
        for i, pair in enumerate(zip(old, new, strict=True)):
            yield from differences(*pair, f"{path}[{i}]")
    elif key != "at" and not same(key, old, new):  # a place may change where two values are nearly the same
        yield path


def same(key, old, new):
    """Return whether two numbers or texts mean the same but for rounding."""
    if key == "jpeg":
        return np.abs(opened(old).astype(int) - opened(new)).max() <= 8
    if key == "bytes":
        return len(old) == len(new) and np.abs(steps(old) - steps(new)).max() <= 1
    if key == "digits":
        return len(old) == len(new) and max(abs(int(a, 16) - int(b, 16)) for a, b in zip(old, new, strict=True)) <= 1
    if isinstance(old, str) or key in EXACT:
        return old == new
    return abs(old - new) <= (1 if isinstance(old, int) else 1e-5 + 1e-3 * abs(old))


def steps(text):
    """Return bytes in base64 as whole numbers."""
    return np.frombuffer(base64.b64decode(text), np.uint8).astype(int)


def encoded(values):
    """Return whole numbers as bytes in base64."""
    return base64.b64encode(bytes(values)).decode()


def opened(text):
    """Return the pixels of a JPEG file in base64, (H, W, 3)."""
    return np.array(Image.open(io.BytesIO(base64.b64decode(text))))


@pytest.mark.parametrize("name", FILES)
def test_the_files_are_what_the_tool_makes_of_the_shipped_weights(again, name):
    assert list(differences(DATA[name], again[name])) == []


def test_a_changed_step_is_seen(again):
    wrong = copy.deepcopy(again)
    cam, covered, maps = (wrong[name]["pictures"][1] for name in FILES)
    entry = cam["classes"][2]["maps"][1]
    first, *rest = steps(entry["bytes"]).tolist()
    entry["bytes"] = encoded([first - 2 if first > 128 else first + 2, *rest])
    covered["classes"][3]["falls"][0][17] += 2
    maps["layers"][4]["digits"] = "8" * len(maps["layers"][4]["digits"])
    maps["jpeg"] = again["explanations_feature_maps.json"]["pictures"][0]["jpeg"]
    assert [list(differences(again[name], wrong[name])) for name in FILES] == [
        [".pictures[1].classes[2].maps[1].bytes"], [".pictures[1].classes[3].falls[0][17]"],
        [".pictures[1].jpeg", ".pictures[1].layers[4].digits"]]


def test_the_files_are_small():
    for name in FILES:
        assert len(gzip.compress((FOLDER / name).read_bytes(), mtime=0)) <= 60 * 1024, name


def test_pictures_are_leaves_of_known_classes_that_the_network_did_not_learn_from(explained):
    assert SEED not in (9, 10) and len(set(PLACES)) == len(PLACES) == 6  # 9: learned from, 10: judged on
    for place, picture, x in zip(PLACES, explained.pictures, explained.x, strict=True):
        drawn = draw_leaf(12 + place, seed=SEED, index=place, size=64)
        np.testing.assert_array_equal(picture, drawn)
        torch.testing.assert_close(x, torch.from_numpy(drawn) / 127.5 * 2 - 2)
    for data in DATA.values():
        for place, shown in zip(PLACES, data["pictures"], strict=False):
            assert shown["name"] == LEAF_NAMES[12 + place]
            drawn = draw_leaf(12 + place, seed=SEED, index=place, size=64).transpose(1, 2, 0)
            assert np.abs(opened(shown["jpeg"]).astype(int) - drawn).mean() < 5
            other = draw_leaf(12 + place, seed=SEED, index=place + 164, size=64).transpose(1, 2, 0)
            assert np.abs(opened(shown["jpeg"]).astype(int) - other).mean() > 8


def test_classes_are_the_largest_three_scores_and_the_smallest(explained):
    scores = explained.scores.numpy()
    np.testing.assert_allclose(scores, explained.model(explained.x).detach().numpy(), atol=1e-5)
    for name in list(FILES)[:2]:
        for place, row, shown in zip(PLACES, scores, DATA[name]["pictures"], strict=True):
            best = np.sort(row)[::-1]
            found = [LEAF_NAMES.index(each["name"]) - 12 for each in shown["classes"]]
            np.testing.assert_allclose([each["score"] for each in shown["classes"]], best[[0, 1, 2, -1]], rtol=1e-3)
            np.testing.assert_allclose(row[found], best[[0, 1, 2, -1]], rtol=1e-3, atol=1e-5)
            assert [each["rank"] for each in shown["classes"]] == [1, 2, 3, 164]
            assert [each["own"] for each in shown["classes"]] == [c == place for c in found]
            chance = np.exp(row[found]) / np.exp(row).sum()
            np.testing.assert_allclose([each["probability"] for each in shown["classes"]], chance, rtol=1e-2)
    for place, row, shown in zip(PLACES, scores, DATA["explanations_grad_cam.json"]["pictures"], strict=True):
        assert shown["own"]["rank"] == int((row > row[place]).sum()) + 1
        assert shown["own"]["score"] == pytest.approx(row[place], rel=1e-3, abs=1e-5)


def test_layers_are_those_of_summarize(explained):
    rows = {row.layer: row for row in summarize(explained.model, (1, 3, 64, 64))}
    for name, channels, side, field in DATA["explanations_feature_maps.json"]["layers"]:
        last = rows[name if name == "conv1" else f"{name}.0.conv2"]
        assert (channels, side, field) == (last.output_shape[1], last.output_shape[2], last.receptive_field[0])
    both = [DATA[name]["layers"] for name in ("explanations_feature_maps.json", "explanations_grad_cam.json")]
    assert both[0][1:] == both[1]


def test_a_map_of_one_value_is_written_too():
    assert signed(np.zeros((1, 2))) == {
        "scale": 0.0, "high": 0.0, "low": 0.0, "at": [0, 0], "below": 0, "bytes": encoded([128, 128])}
    assert signed(np.array([[-2.0, 1.0]])) == {
        "scale": 2.0, "high": 1.0, "low": -2.0, "at": [1, 0], "below": 1,
        "bytes": encoded([1, 192])}  # 128 - 127, and 128 + 63.5 rounded to even
    assert digits(np.array([[[3.0, 3.0]], [[0.0, 30.0]]])) == {
        "low": [3.0, 0.0], "high": [3.0, 30.0], "at": [0, 1], "zeros": [0, 1], "digits": "000f"}


def test_check_says_when_a_file_is_old(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(explanations, "FOLDER", tmp_path / "data")
    monkeypatch.setattr(explanations, "Explained", lambda: 7)
    monkeypatch.setattr(explanations, "FILES", {"a.json": lambda explained: {"seven": explained}})
    assert explanations.main(["--check"]) == 1 and not (tmp_path / "data").exists()
    assert explanations.main([]) == 0 and explanations.main(["--check"]) == 0
    (tmp_path / "data" / "a.json").write_text("{}", encoding="utf-8")
    assert explanations.main(["--check"]) == 1
    said = capsys.readouterr().out.splitlines()
    assert said == ["a.json: would change", "a.json: written, 0.0 KiB gzipped", "a.json: up to date, 0.0 KiB gzipped",
                    "a.json: would change"]
    assert explanations.main(["--now"]) == "explanations: takes only --check, got --now"
