import base64
import io
import itertools
import json
import random
import re

import numpy as np
import pytest
import torch
from PIL import Image

from cnnlib.data import LEAF_NAMES
from cnnlib.explain import occlusion
from cnnlib.widgets._explanations import RANKS
from cnnlib.widgets.occlusion_explorer import STRIDES, OcclusionExplorer, OcclusionView
from tools.explanations import Explained
from tools.node import run_module

DATA = OcclusionExplorer().view.data
SIZES = DATA["patches"]
GRIDS = list(itertools.product(range(6), range(3), range(2), range(4)))  # picture, patch, stride, target
STEP = 1.1e-3  # falls are written in thousandths, scores with five digits
VIEW = """const view = (picture, patch, stride, target, row = 0, column = 0) =>
    ({ data, picture, patch, stride, target, row, column, last_row: 0, last_column: 0 });"""


def in_node(expression):
    """Return the value of an expression: ``view(picture, patch, stride, target, row, column)`` is a state."""
    answer = f"process.stdout.write(JSON.stringify({expression}));"
    return json.loads(run_module("\n".join([OcclusionView._esm, f"const data = {json.dumps(DATA)};", VIEW, answer])))


def starts(size, stride):
    """Return the first pixels of all patches on one axis: the last one is the first that reaches the border."""
    step = size // 2 if stride == 0 else size
    return [at for at in range(0, 64, step) if at == 0 or at - step + size < 64]


@pytest.fixture(scope="module")
def explained():
    """Return the network and its leaves."""
    return Explained()


@pytest.fixture(scope="module")
def covered(explained):
    """Return by (patch, top, left) the scores of all six leaves with a patch there, (6, 164): one mask at a time."""
    found = {}
    with torch.no_grad():
        for patch, size in enumerate(SIZES):
            for top, left in itertools.product(starts(size, 0), repeat=2):
                mask = torch.ones(64, 64)
                mask[top:top + size, left:left + size] = 0
                found[patch, top, left] = explained.model(explained.x * mask)
    return found


@pytest.fixture(scope="module")
def facts():
    """Return what the script computes for each picture, patch, stride and class."""
    return dict(zip(GRIDS, in_node(f"{json.dumps(GRIDS)}.map((g) => facts(view(...g)))"), strict=True))


@pytest.fixture(scope="module")
def states():
    """Return 2,000 seeded states with what is drawn in them, the pictures' bytes left out."""
    rng = random.Random(5)
    chosen = [(*grid, *(rng.randrange(len(starts(SIZES[grid[1]], grid[2]))) for _ in range(2)))
              for grid in rng.choices(GRIDS, k=2_000)]
    pages = in_node(f"""{json.dumps(chosen)}.map((s) => draw(view(...s)).replace(/base64,[^"]*/g, ""))""")
    return dict(zip(chosen, pages, strict=True))


def label_of(picture, target):
    """Return a shown class as the network counts."""
    return LEAF_NAMES.index(DATA["pictures"][picture]["classes"][target]["name"]) - 12


def test_every_fall_is_that_of_the_network(explained, covered, facts):
    for (picture, patch, stride, target), shown in facts.items():
        tops, c = starts(SIZES[patch], stride), label_of(picture, target)
        whole = float(explained.scores[picture, c])
        right = [[whole - float(covered[patch, top, left][picture, c]) for left in tops] for top in tops]
        np.testing.assert_allclose(shown["falls"], right, atol=STEP, rtol=1e-4)
        assert (shown["count"], shown["step"]) == (len(tops), SIZES[patch] // (2 - stride))
        assert (shown["largest"], shown["smallest"]) == pytest.approx((np.max(right), np.min(right)), abs=STEP)
        assert right[shown["at"][0]][shown["at"][1]] == pytest.approx(np.max(right), abs=2 * STEP)
        assert right[shown["lowest"][0]][shown["lowest"][1]] == pytest.approx(np.min(right), abs=2 * STEP)
        assert shown["score"] == pytest.approx(whole, abs=STEP, rel=1e-4)


def test_the_answer_under_the_patch_is_that_of_the_network(explained, covered):
    checks = [(picture, patch, row, column) for picture, patch in itertools.product(range(6), range(3))
              for row, column in itertools.product(range(len(starts(SIZES[patch], 0))), repeat=2)]
    said = in_node(f"{json.dumps(checks)}.map(([p, s, r, c]) => facts(view(p, s, 0, 0, r, c)).says)")
    for (picture, patch, row, column), name in zip(checks, said, strict=True):
        tops = starts(SIZES[patch], 0)
        scores = covered[patch, tops[row], tops[column]][picture]
        assert scores[LEAF_NAMES.index(name) - 12] == pytest.approx(float(scores.max()), abs=1e-4)


def test_the_map_is_that_of_cnnlib(explained, facts):
    for patch, stride in itertools.product(range(3), range(2)):
        step = SIZES[patch] // (2 - stride)
        targets = [(picture + patch + 2 * stride) % 4 for picture in range(6)]
        labels = torch.tensor([label_of(picture, target) for picture, target in enumerate(targets)])
        maps = occlusion(explained.model, explained.x, target=labels, patch_size=SIZES[patch], stride=step)
        for picture, target in enumerate(targets):
            heat = np.reshape(facts[picture, patch, stride, target]["heat"], (64, 64))
            np.testing.assert_allclose(heat, maps[picture].numpy(), atol=STEP, rtol=1e-4)


def test_a_mean_is_not_the_fall_of_one_place(facts):
    shown = facts[0, 1, 0, 0]
    alone = np.kron(np.array(shown["falls"]), np.ones((8, 8)))[:64, :64]
    heat = np.reshape(shown["heat"], (64, 64))
    assert np.abs(alone - heat[:56, :56]).max() > 10 * STEP
    whole = facts[0, 1, 1, 0]  # patches side by side: here they are the same
    np.testing.assert_allclose(np.kron(np.array(whole["falls"]), np.ones((16, 16))).ravel(), whole["heat"], atol=1e-12)


def test_words_of_two_thousand_states(facts, states):
    for (picture, patch, stride, target, row, column), page in states.items():
        shown = facts[picture, patch, stride, target]
        words = dict(re.findall(r'<b data-value="([^"]+)">([^<]*)</b>', page))
        fall = shown["falls"][row][column]
        assert float(words["fall"]) == pytest.approx(abs(fall), abs=0.00501)
        way = "hardly changes," if abs(fall) < 0.005 else "rises" if fall < 0 else "falls"
        assert f"The score {way} by" in page
        before, after = (float(words[name].replace("−", "-")) for name in ("score", "covered"))
        assert (before, after) == pytest.approx((shown["score"], shown["score"] - fall), abs=0.00501)
        assert words["patch"] == f"row {row}, column {column}"
        n, tops = shown["count"], starts(SIZES[patch], stride)
        assert words["places"] == f"{n} × {n} = {n * n}" and len(tops) == n
        last = [min(tops[at] + SIZES[patch], 64) - 1 for at in (row, column)]
        assert f"pixels {tops[row]} to {last[0]} from the top, {tops[column]} to {last[1]} from the left" in page
        assert ("cut at the border" in page) == any(tops[at] + SIZES[patch] > 64 for at in (row, column))
        assert ("now says" in page) == (words["says"] != DATA["pictures"][picture]["classes"][0]["name"])
        assert not re.search("NaN|undefined|Infinity|null", page)
        assert ("★" in page) == (shown["largest"] >= 0.005)
        assert page.count('role="img"') == page.count("aria-label") == 2


def test_count_of_changed_answers(facts):
    for (picture, patch, stride, _), shown in facts.items():
        first = DATA["names"].index(DATA["pictures"][picture]["classes"][0]["name"])
        says = np.array(DATA["pictures"][picture]["says"][patch])
        side = len(starts(SIZES[patch], 0))
        every = says.reshape(side, side)[::stride + 1, ::stride + 1]
        assert shown["changed"] == int((every != first).sum())


def test_patch_and_map_are_drawn_where_they_are(facts):
    page = in_node("draw(view(0, 2, 0, 0, 4, 1))")
    unit = 294 / 64
    rect = re.search('class="cnn-patch" x="(.*?)" y="(.*?)" width="(.*?)" height="(.*?)"', page).groups()
    assert list(map(float, rect)) == pytest.approx([3 + 12 * unit, 3 + 48 * unit, 24 * unit, 16 * unit], abs=0.01)
    text = re.search(r'data:image/png;base64,([^"]*)', page)[1]
    pixels = np.array(Image.open(io.BytesIO(base64.b64decode(text))).convert("RGBA")).astype(int)
    heat = np.reshape(facts[0, 2, 0, 0]["heat"], (64, 64))
    strong = np.abs(heat) > np.abs(heat).max() / 16
    assert (pixels[strong & (heat > 0)][:, 0] == 255).all() and (pixels[strong & (heat < 0)][:, 2] == 255).all()


def test_sliders_end_where_the_patch_begins_to_leave_the_picture():
    settings = "[[0, 0], [0, 1], [1, 0], [1, 1], [2, 0], [2, 1]]"
    derived = in_node(f"{settings}.map(([patch, stride]) => derive(view(0, patch, stride, 0, 9, 3)))")
    assert derived == [{"last_row": last, "last_column": last, "row": min(9, last), "column": min(3, last)}
                       for last in (14, 7, 6, 3, 4, 2)]
    beyond, last = in_node("[9, 2].map((row) => draw(view(0, 2, 1, 0, row, 1)))")
    assert beyond == last


def test_python_holds_the_same_falls(facts):
    for (picture, patch, stride, target), shown in list(facts.items())[::5]:
        explorer = OcclusionExplorer(picture, patch_size=SIZES[patch], stride=STRIDES[stride], target=RANKS[target])
        np.testing.assert_allclose(explorer.falls(), shown["falls"], atol=1e-12)


def test_controls_are_linked_to_the_view():
    explorer = OcclusionExplorer(3, patch_size=8, stride="a whole patch", target="second largest", row=7, column=0)
    view, controls = explorer.view, explorer.controls
    assert {name: control.description for name, control in controls.items()} == {
        "picture": "leaf", "patch": "patch", "stride": "stride", "target": "class with the", "row": "patch row",
        "column": "patch column"}
    assert [controls[name].index for name in ("picture", "patch", "stride", "target")] == [3, 0, 1, 1]
    assert [(controls[name].value, controls[name].max) for name in ("row", "column")] == [(7, 7), (0, 7)]
    assert [getattr(view, name) for name in (*controls, "last_row", "last_column")] == [3, 0, 1, 1, 7, 0, 7, 7]
    assert controls["patch"].options == ("8 × 8 pixels", "16 × 16 pixels", "24 × 24 pixels")


@pytest.mark.parametrize(("settings", "message"), [
    ({"picture": -1}, "picture must be a whole number from 0 to 5, got -1"),
    ({"patch_size": 12}, "patch_size must be one of 8, 16, 24, got 12"),
    ({"patch_size": 8.0}, "patch_size must be one of 8, 16, 24, got 8.0"),
    ({"stride": 8}, "stride must be one of half a patch, a whole patch, got 8"),
    ({"target": "fourth"}, "target must be one of largest, second largest, third largest, smallest, got 'fourth'"),
    ({"patch_size": 24, "row": 5}, "row must be a whole number from 0 to 4, got 5"),
    ({"patch_size": 24, "stride": "a whole patch", "column": 3}, "column must be a whole number from 0 to 2, got 3"),
    ({"row": True}, "row must be a whole number from 0 to 6, got True"),
])
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(ValueError) as caught:
        OcclusionExplorer(**settings)
    assert str(caught.value) == f"OcclusionExplorer: {message}"
