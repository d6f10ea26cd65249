"""Boxes and class maps: where they are drawn, how they look in gray, what is refused."""
import io
import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from cnnlib import plots
from cnnlib.plots import picture as style
from cnnlib.plots import scenes

ALT = "A trial picture whose words are long enough to be accepted."
GROUND = np.full((1, 3, 38, 38), 0.4)  # a pixel of it is 5 CSS pixels, 10 of the file's
BOX = [np.array([[8, 8, 28, 18]])]
FOUND = [np.array([[10.0, 20, 30, 30, 0.9, 1], [5, 5, 9, 9, 0.25, 0]])]
MAPS = np.zeros((1, 38, 38), int)
for row, label in enumerate((1, 2, 3, 4)):
    MAPS[0, 2 + 8 * row:8 + 8 * row, 5:30] = label
KINDS = ("disc", "square", "triangle", "cross")
MANY = np.random.default_rng(0).uniform(size=(3, 3, 20, 24))
CALLS = {
    "show_boxes": lambda **o: plots.show_boxes(
        MANY, [[[1, 1, 9, 9], [1, 1, 9, 9], [2, 2, 20, 18]], [], [[0, 0, 24, 20]]], labels=[[0, 3, 2], [], [1]],
        kinds=KINDS, titles=["three", "none", "one"], **o),
    "show_boxes found": lambda **o: plots.show_boxes(GROUND, BOX, found=FOUND, kinds=KINDS, **o),
    "show_masks": lambda **o: plots.show_masks(
        MANY, {"truth": np.ones((3, 20, 24), int), "with": np.zeros((3, 20, 24), int)}, kinds=KINDS, **o),
    "show_masks one": lambda **o: plots.show_masks(GROUND, MAPS, kinds=KINDS, titles=["four bars"], **o),
}


def pixels(picture):
    """Return the file's pixels, (H, W, 3), as Pillow reads them."""
    return np.asarray(Image.open(io.BytesIO(picture.png)).convert("RGB")).astype(int)


def lightness(color):
    """Return CIE L* of red, green and blue from 0 to 255."""
    share = np.asarray(color) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return 116 * (linear @ [0.2126, 0.7152, 0.0722]) ** (1 / 3) - 16


@pytest.mark.parametrize("name", CALLS)
def test_figures_have_their_alt_text_fit_the_page_and_are_closed(name):
    picture = CALLS[name](alt=f"{ALT}\n")
    assert picture.alt == ALT and f'alt="{ALT}"' in picture._repr_html_()
    assert picture.width <= style.WIDTH and pixels(picture).shape == (2 * picture.height, 2 * picture.width, 3)
    assert plt.get_fignums() == []


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("alt", ["", "A figure.", None], ids=repr)
def test_alt_text_is_required(name, alt):
    with pytest.raises(ValueError, match=f"^{name.split()[0]}: alt must be a sentence of at least 40 characters, got "):
        CALLS[name](alt=alt)


@pytest.mark.parametrize("name", CALLS)
def test_words_can_be_read_on_a_phone_and_do_not_meet(name, monkeypatch):
    seen, draw = {}, plt.Text.draw

    def record(text, renderer):
        if text.get_visible() and text.get_text():
            seen[id(text)] = text, text.get_window_extent(renderer), text.get_figure(root=True)
        draw(text, renderer)

    monkeypatch.setattr(plt.Text, "draw", record)
    picture = CALLS[name](alt=ALT)
    assert seen
    for i, (text, box, figure) in enumerate(seen.values()):
        assert text.get_fontsize() * min(1, style.PHONE / (figure.get_figwidth() * 96)) >= 9
        assert min(box.x0, box.y0) > -1 and box.x1 < 2 * picture.width + 1 and box.y1 < 2 * picture.height + 1
        others = [other for _, other, _ in list(seen.values())[:i]]
        assert not any(box.shrunk(0.8, 0.8).overlaps(other.shrunk(0.8, 0.8)) for other in others)


def along(picture, y, x1, x2):
    """Return the lightness of the file's pixels along a line of the picture GROUND, in its own pixels."""
    row = pixels(picture)[round(20 + 10 * y)]
    return lightness(row[round(20 + 10 * x1):round(20 + 10 * x2)])


def test_a_solid_box_lies_where_its_numbers_say():
    picture = plots.show_boxes(GROUND, BOX, alt=ALT)
    assert (along(picture, 8, 8.5, 27.5) > 95).all() and (along(picture, 18, 8.5, 27.5) > 95).all()
    assert (along(picture, 13, 9, 27) < 50).all()
    assert not (along(picture, 28, 8.5, 27.5) > 95).any()  # x and y exchanged


def test_found_is_dashed_and_there_is_solid_also_in_gray():
    picture = plots.show_boxes(GROUND, [[]], found=[[[8, 8, 28, 18, 0.9, 1]]], kinds=KINDS, alt=ALT)
    line = along(picture, 18, 9, 27)
    assert line.max() > 80 and line.min() < 20
    assert ((line > 50)[1:] != (line > 50)[:-1]).sum() >= 8  # changes between light and dark


def test_words_name_class_and_score(monkeypatch):
    written, draw = [], plt.Text.draw

    def record(text, renderer):
        written.append(text.get_text())
        draw(text, renderer)

    monkeypatch.setattr(plt.Text, "draw", record)
    CALLS["show_boxes found"](alt=ALT)
    assert [word for word in written if word] == ["A", "A  square 0.90", "B", "B  disc 0.25"]


def test_classes_differ_in_gray_and_lie_where_the_map_says():
    picture = CALLS["show_masks one"](alt=ALT)
    left, top = 2 * (scenes.GAP + 190 + scenes.GAP), 2 * scenes.TITLE
    file = pixels(picture)
    shades = [lightness(file[top + 10 * (4 + 8 * row), left + 10 * 20]) for row in range(4)]
    ground = lightness(file[top + 10 * 10 - 20 + 5, left + 10 * 3])
    assert min(np.diff(sorted([*shades, ground]))) > 9
    assert picture.data["classes"] is not MAPS and (picture.data["classes"] == MAPS).all()


BAD = {
    "show_boxes: images must be fractions of 1, (N, 3, H, W), got (1, 38, 38, 3) from 0.4 to 0.4":
        lambda: plots.show_boxes(GROUND.transpose(0, 2, 3, 1), BOX, alt=ALT),
    "show_boxes: images must be fractions of 1, (N, 3, H, W), got (1, 3, 38, 38) from 102 to 102":
        lambda: plots.show_boxes(GROUND * 255, BOX, alt=ALT),
    "show_boxes: boxes must be 1 arrays (M, 4), got [(1, 4), (1, 4)]":
        lambda: plots.show_boxes(GROUND, BOX * 2, alt=ALT),
    "show_boxes: found must be 1 arrays (M, 6), got [(1, 4)]":
        lambda: plots.show_boxes(GROUND, BOX, found=BOX, alt=ALT),
    "show_boxes: words must be those of labels or of found, got both":
        lambda: plots.show_boxes(GROUND, BOX, labels=[[0]], found=FOUND, kinds=KINDS, alt=ALT),
    "show_boxes: labels must be one a box, got [(2,)]":
        lambda: plots.show_boxes(GROUND, BOX, labels=[[0, 1]], kinds=KINDS, alt=ALT),
    "show_boxes: kinds must name each class, got None and class 1":
        lambda: plots.show_boxes(GROUND, BOX, found=FOUND, alt=ALT),
    "show_boxes: kinds must name each class, got ['disc'] and class 1":
        lambda: plots.show_boxes(GROUND, BOX, labels=[[1]], kinds=["disc"], alt=ALT),
    "show_boxes: boxes with words must be at most 26 a picture, got 27":
        lambda: plots.show_boxes(GROUND, [np.repeat(BOX[0], 27, axis=0)], labels=[[0] * 27], kinds=KINDS, alt=ALT),
    "show_boxes: titles must be 1, got 2": lambda: plots.show_boxes(GROUND, BOX, titles=["a", "b"], alt=ALT),
    "show_boxes: titles must fit 190 pixels, got 'one title that is much too long'":
        lambda: plots.show_boxes(GROUND, BOX, titles=["one title that is much too long"], alt=ALT),
    "show_masks: masks must be one to three maps, got 0": lambda: plots.show_masks(GROUND, {}, alt=ALT),
    "show_masks: 'classes' must be whole numbers (1, 38, 38), got int64 (1, 19, 19)":
        lambda: plots.show_masks(GROUND, MAPS[:, ::2, ::2], kinds=KINDS, alt=ALT),
    "show_masks: 'x' must be whole numbers (1, 38, 38), got float64 (1, 38, 38)":
        lambda: plots.show_masks(GROUND, {"x": MAPS / 2}, kinds=KINDS, alt=ALT),
    "show_masks: 'classes' must hold classes from 0 to 3, got 0 to 4":
        lambda: plots.show_masks(GROUND, MAPS, kinds=KINDS[:3], alt=ALT),
    "show_masks: kinds must be at most 4, got 5": lambda: plots.show_masks(GROUND, MAPS, kinds="abcde", alt=ALT),
}


@pytest.mark.parametrize("message", BAD)
def test_what_does_not_fit_is_refused(message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        BAD[message]()
