import re
from pathlib import Path

import numpy as np
import pytest

import cnnlib.data
from cnnlib.data import load_digits, load_picture, load_text, make_shapes, make_sound, stratified_split
from cnnlib.data.simple_shapes import KINDS, inside_shape
from tests.judge import refused


@pytest.mark.parametrize("name", ["cat", "pattern"])
def test_pictures_are_gray_and_use_the_range(name):
    picture = load_picture(name)
    assert picture.shape == (96, 96) and picture.dtype == np.uint8
    assert picture.min() < 50 and picture.max() > 200


def test_pattern_has_an_edge_in_each_direction():
    picture = load_picture("pattern").astype(int)
    upright, lying = np.diff(picture[10:38, 8:40], axis=1), np.diff(picture[8:40, 60:84], axis=0)
    assert np.abs(upright).sum() > 0 and np.abs(np.diff(picture[10:38, 8:40], axis=0)).sum() == 0
    assert np.abs(lying).sum() > 0 and np.abs(np.diff(picture[8:40, 60:84], axis=1)).sum() == 0


def test_a_call_gives_a_picture_of_its_own():
    load_picture("cat")[:] = 0
    assert load_picture("cat").max() > 200


def test_digits_are_the_published_ones():
    images, labels = load_digits()
    assert images.shape == (1797, 1, 8, 8) and images.dtype == np.float64 and labels.dtype == np.int64
    assert images.min() == 0 and images.max() == 1 and len(np.unique(images)) == 17
    counts = [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]  # the repository's own table of the test part
    assert np.bincount(labels).tolist() == counts
    assert (images[0, 0, 0] * 16).tolist() == [0, 0, 5, 13, 9, 1, 0, 0]  # first line of the published file


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_split_keeps_the_share_of_each_class(seed):
    labels = load_digits()[1]
    train, test = stratified_split(labels, seed=seed)
    assert sorted([*train, *test]) == list(range(1797))
    shares = np.bincount(labels[test]) / np.bincount(labels)
    assert np.abs(shares - 0.2).max() < 0.003
    assert not np.array_equal(test, np.sort(test))


def test_split_follows_its_seed():
    labels = load_digits()[1]
    assert np.array_equal(stratified_split(labels, seed=1)[0], stratified_split(labels, seed=1)[0])
    assert not np.array_equal(stratified_split(labels, seed=1)[0], stratified_split(labels, seed=2)[0])


def test_shapes_stand_where_they_say():
    shapes = make_shapes(40, noise=0.0, texture=False)
    for image, position in zip(shapes.images[:, 0], shapes.positions, strict=True):
        rows, cols = np.nonzero(image)
        middle = (rows.min() + rows.max()) / 2, (cols.min() + cols.max()) / 2
        assert np.abs(np.subtract(middle, position)).max() <= 1.5
        assert 0 < rows.min() and rows.max() < 27 and 0 < cols.min() and cols.max() < 27  # whole and inside


def test_large_triangles_are_whole_too():
    images = make_shapes(300, size=200, kinds=("triangle",), noise=0.0, texture=False).images[:, 0]
    border = np.concatenate([images[:, [0, -1]].ravel(), images[:, :, [0, -1]].ravel()])
    assert not border.any()


def test_shapes_have_their_form():
    shapes = make_shapes(400, size=48, noise=0.0, texture=False)
    filled = {kind: [] for kind in KINDS}
    for image, label in zip(shapes.images[:, 0], shapes.labels, strict=True):
        rows, cols = np.nonzero(image)
        box = (np.ptp(rows) + 1) * (np.ptp(cols) + 1)
        filled[KINDS[label]].append(len(rows) / box)
    means = {kind: np.mean(each) for kind, each in filled.items()}
    assert means["square"] == 1 and means["disc"] == pytest.approx(np.pi / 4, abs=0.05)
    assert means["triangle"] == pytest.approx(0.5, abs=0.06) and means["cross"] == pytest.approx(0.51, abs=0.06)


def test_edges_belong_to_a_shape():
    triangle, cross = (inside_shape(kind, 21, (10, 10), 10) for kind in ("triangle", "cross"))
    assert triangle[9, [4, 5, 15, 16]].tolist() == [0, 1, 1, 0]  # 5 pixels aside, where it is 10 wide
    assert cross[[6, 7, 13, 14], 0].tolist() == [0, 1, 1, 0]  # arms are 0.3 radii wide to each side


def test_centered_shapes_and_textures():
    shapes = make_shapes(200, position="center")
    assert np.abs(shapes.positions - 13.5).max() <= 1 and set(shapes.textures) == {0, 1, 2, 3}
    plain = make_shapes(200, position="center", texture=False)
    assert set(plain.textures) == {0}
    assert make_shapes(8, seed=1).images.tolist() == make_shapes(8, seed=1).images.tolist()
    assert make_shapes(8, seed=1).images.tolist() != make_shapes(8, seed=2).images.tolist()


def test_sound_holds_its_three_tones():
    samples, rate = make_sound()
    assert np.abs(samples).max() <= 1
    for part, pitch in zip(np.array_split(samples, 3), (440, 660, 880), strict=True):
        strongest = np.abs(np.fft.rfft(part)).argmax() * rate / len(part)
        assert strongest == pytest.approx(pitch, abs=rate / len(part))


def test_text_is_plain_english():
    text = load_text()
    assert 250 < len(text.split()) < 500 and text.isascii() and text.count("\n\n") == 1


def test_every_data_set_has_a_line_of_origin_and_license():
    table = (Path(cnnlib.data.__file__).parent / "files" / "LICENSES.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1:-1] for line in table.splitlines() if line.startswith("| `")]
    named = set(re.findall(r"`(\w+)(?:\(|`)", "".join(row[0] for row in rows)))
    makers = {name for name in cnnlib.data.__all__ if name.startswith(("load_", "make_"))} - {"load_idx"}
    assert makers <= named and all(cell.strip() for row in rows for cell in row)
    files = {path.name for path in (Path(cnnlib.data.__file__).parent / "files").iterdir()} - {"LICENSES.md"}
    assert all(f"`{name}`" in table for name in files)


@pytest.mark.parametrize(("function", "arguments", "options", "message"), [
    (load_picture, ("dog",), {}, "load_picture: name must be 'cat' or 'pattern', got 'dog'"),
    (stratified_split, ([0, 0, 1],), {},
     "stratified_split: each class needs an example in both parts, got 2 of class 0"),
    (stratified_split, ([0.5],), {},
     "stratified_split: labels must be a list of whole numbers, got float64 of shape (1,)"),
    (stratified_split, ([0] * 9,), {"test_fraction": 1},
     "stratified_split: each class needs an example in both parts, got 9 of class 0"),
    (make_shapes, (0,), {}, "make_shapes: count must be a whole number of at least 1, got 0"),
    (make_shapes, (1,), {"size": 8}, "make_shapes: size must be a whole number of at least 12, got 8"),
    (make_shapes, (1,), {"kinds": ("ring",)},
     "make_shapes: kinds must be names from square, disc, triangle, cross, got ('ring',)"),
    (make_shapes, (1,), {"position": "left"}, "make_shapes: position must be 'anywhere' or 'center', got 'left'"),
    (make_shapes, (1,), {"kinds": 5}, "make_shapes: kinds must be names from square, disc, triangle, cross, got 5"),
    (make_shapes, (1,), {"texture": "no"}, "make_shapes: texture must be True or False, got 'no'"),
    (make_shapes, (1,), {"noise": -1}, "make_shapes: noise must be a fraction of 1, got -1"),
    (stratified_split, ([0] * 9,), {"test_fraction": 2},
     "stratified_split: test_fraction must be a fraction of 1, got 2"),
    (stratified_split, ([0] * 9,), {"seed": -1},
     "stratified_split: seed must be a whole number of at least 0, got -1"),
    (make_sound, (), {"seed": -1}, "make_sound: seed must be a whole number of at least 0, got -1"),
    (make_sound, (), {"rate": 100}, "make_sound: rate must be a whole number of at least 2000, got 100"),
    (make_sound, (), {"seconds": 0}, "make_sound: seconds must be long enough for 3 to 10⁷ samples, got 0"),
])
def test_bad_input_gets_the_rule_and_the_value(function, arguments, options, message):
    refused(function, message, *arguments, **options)


def test_names_must_be_texts_and_pictures_fit_into_a_memory():
    refused(load_picture, "load_picture: name must be 'cat' or 'pattern', got array([0, 1])", np.arange(2))
    refused(make_shapes, "make_shapes: position must be 'anywhere' or 'center', got array([0, 1])", 1,
            position=np.arange(2))
    refused(make_shapes, "make_shapes: the images must have at most 1073741824 numbers, got the shape "
            "(2147483648, 1, 28, 28)", 2**31)
