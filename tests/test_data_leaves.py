"""Leaves: repeatable, one at a time, all different, told apart by shape and veins and not by color."""
import tracemalloc

import numpy as np
import pytest

from cnnlib.data._leaf_classes import COUNT, MARGINS, axis, half_width, leaf_class, radius, turns
from cnnlib.data._leaf_drawing import paint
from cnnlib.data.leaves import LEAF_NAMES, LeafPictures, draw_leaf
from tests.judge import refused


def test_same_arguments_same_bytes():
    first = [draw_leaf(label, seed=5, index=2, size=48).tobytes() for label in (0, 3, 175)]
    for label in range(20):
        draw_leaf(label, size=32)  # what was drawn before does not matter
    assert [draw_leaf(label, seed=5, index=2, size=48).tobytes() for label in (0, 3, 175)] == first
    for other in ({"seed": 5, "index": 3}, {"seed": 6, "index": 2}, {"seed": 2, "index": 5}):
        assert draw_leaf(0, **other, size=48).tobytes() != first[0]


MEANS = {0: 213.5, 1: 180.3, 2: 52.1, 3: 122.4, 4: 156.1, 175: 141.8}  # measured once


def test_leaves_are_still_the_same_data_set():
    means = [draw_leaf(label, seed=0, index=1, size=64).mean() for label in MEANS]
    assert means == pytest.approx(list(MEANS.values()), abs=0.5)  # rounding may differ between machines, not more


@pytest.mark.parametrize("size", [16, 17, 64, 224])
def test_every_class_can_be_drawn(size):
    for label in range(COUNT):
        picture = draw_leaf(label, seed=1, size=size)
        assert picture.shape == (3, size, size) and picture.dtype == np.uint8
        assert picture.std() > 5 and picture.flags.c_contiguous


@pytest.mark.parametrize("size", [64, 224])
def test_no_number_leaves_its_table(size):
    for draw in range(600):
        paint(draw % COUNT, np.random.default_rng([7, draw]), size)  # an index beyond a table would be an error


def test_names_are_different_and_say_the_margin():
    assert len(set(LEAF_NAMES)) == COUNT == 176 and LEAF_NAMES[:16] == tuple(sorted(LEAF_NAMES[:16]))
    epithets = [{LEAF_NAMES[label].split("_")[1] for label in range(start, COUNT, 4)} for start in range(4)]
    assert all(len(each) == 1 for each in epithets) and len(set.union(*epithets)) == 4


def outline(label):
    """Return the margin as distances, and the veins' numbers."""
    kind = leaf_class(label)
    table = radius(label) if kind.margin == "palmate" else half_width(label)[np.abs(axis()) <= 1]
    return table, np.array([kind.veins / 10, kind.slope, kind.bend, kind.arched, kind.net, kind.pale])


def test_no_two_classes_are_alike():
    for margin in range(4):
        tables, veins = map(np.stack, zip(*map(outline, range(margin, COUNT, 4)), strict=True))
        for i in range(len(tables)):
            apart = np.abs(np.delete(tables, i, 0) - tables[i]).mean(axis=1)
            other = np.abs(np.delete(veins, i, 0) - veins[i]).max(axis=1)
            assert (apart + 0.1 * other).min() > 0.02


def test_tables_have_the_shape_that_the_parameters_say():
    for label in range(COUNT):
        kind, place = leaf_class(label), (axis() + 1) / 2
        assert kind.margin == MARGINS[label % 4]
        if kind.margin == "palmate":
            gaps = np.diff(np.sign(np.diff(radius(label)[np.abs(turns()) < 2.2])))
            assert radius(label).min() > 0 and (gaps > 0).sum() >= min(2, kind.teeth - 2)
        else:
            width = half_width(label)
            assert 0 < width.max() <= kind.width + 1e-6 and (width[(place < 0) | (place > 1)] < 0).all()
        if kind.margin == "entire":
            assert place[half_width(label).argmax()] == pytest.approx(kind.widest, abs=0.01)


def nearest_mean(features, labels, tests, right):
    """Return the accuracy of the class whose mean is nearest, in standard deviations of the features."""
    spread = features.std(axis=0) + 1e-9
    means = np.stack([features[labels == label].mean(axis=0) for label in range(labels.max() + 1)])
    far = (((tests[:, None] - means) / spread) ** 2).sum(axis=2)
    return (far.argmin(axis=1) == right).mean()


def color_features(pictures):
    return np.concatenate([pictures.mean(axis=(2, 3)), pictures.std(axis=(2, 3))], axis=1)


def edge_features(pictures):
    """Return how strong edges of eight directions are in each of 6 x 6 cells."""
    gray = pictures.mean(axis=1)
    down, across = np.gradient(gray, axis=(1, 2))
    strength, angle = np.hypot(down, across), np.floor(np.arctan2(down, across) / np.pi * 4).astype(int) % 8
    bins = np.stack([strength * (angle == each) for each in range(8)], axis=1)[:, :, 2:62, 2:62]
    cells = bins.reshape(len(gray), 8, 6, 10, 6, 10).mean(axis=(3, 5)).reshape(len(gray), -1)
    return cells / np.linalg.norm(cells, axis=1, keepdims=True)


def test_shape_tells_classes_apart_and_color_does_not():
    train, test = (LeafPictures(12 * each, classes=12, size=64, seed=each) for each in (60, 20))
    x, y = (np.stack([picture for picture, _ in data]) for data in (train, test))
    color = nearest_mean(color_features(x), train.labels, color_features(y), test.labels)
    edges = nearest_mean(edge_features(x), train.labels, edge_features(y), test.labels)
    assert color < 0.25 and edges > 0.5  # 1 of 12 is chance


def test_a_class_varies():
    pictures = np.stack([picture for picture, _ in LeafPictures(60, classes=(9,), size=32)]).astype(float)
    assert pictures.mean(axis=(2, 3)).std(axis=0).min() > 15  # light, color and ground
    assert pictures.std(axis=0).min() > 8  # no pixel is the same in all


def test_pictures_come_one_at_a_time():
    tracemalloc.start()
    for picture, _ in LeafPictures(150, size=64, classes=3):
        assert picture.shape == (3, 64, 64)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3e6  # 150 pictures would take 1.8 MB as bytes and 7.4 MB as floats, on top of the tables


def test_classes_take_turns_and_keep_their_numbers():
    leaves = LeafPictures(7, classes=range(170, 173), size=32, seed=4)
    assert leaves.labels.tolist() == [label for _, label in leaves] == [0, 1, 2, 0, 1, 2, 0]
    assert leaves.classes == (170, 171, 172) and leaves.names == LEAF_NAMES[170:173] and len(leaves) == 7
    assert np.array_equal(leaves[4][0], draw_leaf(171, seed=4, index=4, size=32))
    assert np.array_equal(leaves[-3][0], leaves[4][0])
    with pytest.raises(IndexError):
        leaves[7]
    assert LeafPictures(1).classes == tuple(range(176)) and LeafPictures(1)[0][0].shape == (3, 224, 224)


def test_a_transform_is_called():
    assert LeafPictures(1, size=32, transform=lambda picture: picture.mean())[0][0] == draw_leaf(0, size=32).mean()


@pytest.mark.parametrize(("message", "options"), [
    ("draw_leaf: label must be from 0 to 175, got 176", {"label": 176}),
    ("draw_leaf: label must be a whole number of at least 0, got -1", {"label": -1}),
    ("draw_leaf: label must be a whole number of at least 0, got 'oak'", {"label": "oak"}),
    ("draw_leaf: seed must be a whole number of at least 0, got None", {"label": 0, "seed": None}),
    ("draw_leaf: size must be a whole number of at least 16, got 15", {"label": 0, "size": 15}),
])
def test_a_leaf_that_cannot_be_drawn(message, options):
    refused(draw_leaf, message, **options)


@pytest.mark.parametrize(("message", "options"), [
    ("LeafPictures: count must be a whole number of at least 1, got 0", {"count": 0}),
    ("LeafPictures: size must be a whole number of at least 16, got 15", {"count": 1, "size": 15}),
    ("LeafPictures: seed must be a whole number of at least 0, got -1", {"count": 1, "seed": -1}),
    ("LeafPictures: a picture must have at most 1073741824 numbers, got the shape (3, 65536, 65536)",
     {"count": 1, "size": 2**16}),
    ("LeafPictures: the labels must have at most 1073741824 numbers, got the shape (2147483648,)", {"count": 2**31}),
    ("LeafPictures: classes must be at most 176, got 177", {"count": 1, "classes": 177}),
    ("LeafPictures: classes must be from 0 to 175, got 176", {"count": 1, "classes": [3, 176]}),
    ("LeafPictures: classes must be different numbers, at least one, got [3, 3]", {"count": 1, "classes": (3, 3)}),
    ("LeafPictures: classes must be different numbers, at least one, got []", {"count": 1, "classes": []}),
    ("LeafPictures: transform must be a function or None, got 1", {"count": 1, "transform": 1}),
])
def test_a_collection_that_cannot_be(message, options):
    refused(LeafPictures, message, **options)
