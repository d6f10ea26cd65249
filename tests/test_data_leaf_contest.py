"""The contest's folder: what is written can be read, real folders can be read, and broken ones are refused by row."""
import csv
import pickle
import shutil

import numpy as np
import pytest
from PIL import Image

from cnnlib.data.leaf_contest import LeafContest
from cnnlib.data.leaf_contest_files import write_leaf_contest, write_submission
from cnnlib.data.leaves import LEAF_NAMES, draw_leaf
from tests.judge import refused


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return write_leaf_contest(tmp_path_factory.mktemp("contest"), classes=4, per_class=10, size=32, seed=3)


@pytest.fixture
def folder(written, tmp_path):
    return shutil.copytree(written, tmp_path / "copy")


def table(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def bytes_of(folder):
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


def change_line(path, line, text):
    lines = path.read_text().split("\n")
    lines[line - 1] = text
    path.write_text("\n".join(lines))


def test_layout_is_the_contests(written):
    train, test, sample = (table(written / f"{name}.csv") for name in ("train", "test", "sample_submission"))
    assert train[0] == sample[0] == ["image", "label"] and test[0] == ["image"]
    assert [row[0] for row in train[1:] + test[1:]] == [f"images/{i}.jpg" for i in range(40)]
    assert [row[0] for row in sample[1:]] == [row[0] for row in test[1:]] and len({row[1] for row in sample[1:]}) == 1
    labels, counts = np.unique([row[1] for row in train[1:]], return_counts=True)
    assert sorted(labels) == sorted(LEAF_NAMES[:4]) and counts.tolist() == [7] * 4
    with Image.open(written / "images" / "0.jpg") as file:
        assert file.format == "JPEG" and file.size == (32, 32) and file.mode == "RGB"


def test_order_is_shuffled_and_follows_the_seed(written, tmp_path):
    labels = [row[1] for row in table(written / "train.csv")[1:]]
    assert labels != sorted(labels)
    again = write_leaf_contest(tmp_path / "a", classes=4, per_class=10, size=32, seed=3)
    other = write_leaf_contest(tmp_path / "b", classes=4, per_class=10, size=32, seed=4)
    assert bytes_of(again) == bytes_of(written) != bytes_of(other)


def test_files_hold_the_drawn_leaves_and_none_twice(written):
    contest = LeafContest(written)
    pictures = [contest[i][0] for i in range(len(contest))] + [contest.test_picture(i) for i in range(12)]
    for label in range(4):
        drawn = [draw_leaf(label, seed=3, index=i, size=32).astype(int) for i in range(10)]
        off = np.array([[np.abs(picture - leaf).mean() for picture in pictures] for leaf in drawn])
        found = off.argmin(axis=1)
        assert off.min(axis=1).max() < 12 and len(set(found)) == 10  # JPEG changes grain
        assert [int(i) >= len(contest) for i in found] == [False] * 7 + [True] * 3
        assert all(contest.classes[contest.labels[i]] == LEAF_NAMES[label] for i in found[:7])


def test_reading(written):
    contest = LeafContest(str(written))
    picture, label = contest[5]
    assert picture.shape == (3, 32, 32) and picture.dtype == np.uint8 and picture.flags.c_contiguous
    assert [contest.names[5], contest.classes[label]] == table(written / "train.csv")[6]
    assert len(contest) == 28 == len(list(contest)) and contest.classes == tuple(sorted(LEAF_NAMES[:4]))
    assert contest[-1][1] == contest[27][1] and contest.check() == {(32, 32): 40}
    with pytest.raises(IndexError):
        contest[28]
    assert np.array_equal(pickle.loads(pickle.dumps(contest))[5][0], picture)  # loaders send it to their workers


def test_split_is_stratified_and_follows_its_seed(written):
    contest = LeafContest(written, transform=lambda picture: picture[:, :8, :8])
    train, validation = contest.split(fraction=0.3, seed=1)
    assert sorted(train.names + validation.names) == sorted(contest.names)
    assert np.bincount(train.labels).tolist() == [5] * 4 and np.bincount(validation.labels).tolist() == [2] * 4
    assert train.names == contest.split(fraction=0.3, seed=1)[0].names != contest.split(fraction=0.3, seed=2)[0].names
    first = validation.names.index(validation.names[0])
    assert np.array_equal(validation[first][0], contest[contest.names.index(validation.names[0])][0])
    plain, cut = contest.split(fraction=0.3, transforms=(np.negative, None))
    assert plain[0][0].shape == (3, 32, 32) and cut[0][0].shape == (3, 8, 8)


def test_a_download_of_another_hand_is_read(tmp_path):
    (tmp_path / "images").mkdir()
    colors = rng = np.random.default_rng(0).integers(0, 256, (3, 5, 6, 4), dtype=np.uint8)
    Image.fromarray(colors[0, :, :, :3]).save(tmp_path / "images" / "7.png")
    Image.fromarray(colors[1]).save(tmp_path / "images" / "a b.png")
    Image.fromarray(rng[2, :, :, 0]).save(tmp_path / "images" / "0.png")
    (tmp_path / "train.csv").write_text('\ufeffimage,label\r\nimages/7.png,"oak, red"\r\nimages/a b.png,elm\r\n'
                                        "images/0.png,elm\r\n\r\n", encoding="utf-8")
    contest = LeafContest(tmp_path)
    assert contest.classes == ("elm", "oak, red") and contest.labels.tolist() == [1, 0, 0] and contest.test == ()
    assert np.array_equal(contest[0][0], colors[0, :, :, :3].transpose(2, 0, 1))
    assert np.array_equal(contest[1][0], colors[1, :, :, :3].transpose(2, 0, 1))
    assert np.array_equal(contest[2][0], np.stack([colors[2, :, :, 0]] * 3))


def test_a_label_keeps_its_line_end(folder):
    change_line(folder / "train.csv", 2, 'images/0.jpg,"oak\r\nred"')
    assert "oak\r\nred" in LeafContest(folder).classes


def test_one_picture_of_each_class_may_be_for_the_test(tmp_path):
    contest = LeafContest(write_leaf_contest(tmp_path, per_class=2, test_fraction=0.5, size=16))
    assert len(contest.classes) == len(contest.test) == len(contest) == 12


ROWS = [  # file, line, what it is replaced by, message
    ("train", 5, "images/1.jpg,{0}", "image must be named once, got 'images/1.jpg' as in train.csv line 3"),
    ("train", 5, "images/./1.jpg,{0}", "image must be named once, got 'images/./1.jpg' as in train.csv line 3"),
    ("train", 7, "images/99.jpg,{0}", "image must be a file, got 'images/99.jpg'"),
    ("train", 7, "images,{0}", "image must be a file, got 'images'"),
    ("train", 7, ",{0}", "image must be a path below the folder, got ''"),
    ("train", 7, "../copy/images/5.jpg,{0}", "image must be a path below the folder, got '../copy/images/5.jpg'"),
    ("train", 7, "/etc/hosts,{0}", "image must be a path below the folder, got '/etc/hosts'"),
    ("train", 29, "images/27.jpg,", "label must be a text, got ''"),
    ("test", 2, "images/1.jpg", "image must be named once, got 'images/1.jpg' as in train.csv line 3"),
    ("test", 4, "images/99.jpg", "image must be a file, got 'images/99.jpg'"),
]


@pytest.mark.parametrize(("file", "line", "text", "message"), ROWS, ids=[f"{row[0]} {row[2]}" for row in ROWS])
def test_a_bad_row_is_named(folder, file, line, text, message):
    change_line(folder / f"{file}.csv", line, text.format(LEAF_NAMES[0]))
    refused(LeafContest, f"LeafContest: {file}.csv line {line}: {message}", folder)


def test_an_unknown_label_is_named(folder):
    LeafContest(folder, classes=LEAF_NAMES)
    change_line(folder / "train.csv", 9, "images/7.jpg,oak")
    assert "oak" in LeafContest(folder).classes  # without a list, every label counts
    refused(LeafContest, "LeafContest: train.csv line 9: label must be one of 176 known labels, got 'oak'", folder,
            classes=LEAF_NAMES)


def test_classes_may_come_from_elsewhere(folder):
    contest, turned = LeafContest(folder), LeafContest(folder, classes=LEAF_NAMES[::-1])
    assert turned.classes == LEAF_NAMES[::-1] and set(turned.labels) == {172, 173, 174, 175}
    assert [turned.classes[i] for i in turned.labels] == [contest.classes[i] for i in contest.labels]


@pytest.mark.parametrize(("content", "message"), [
    ("", "line 1 must be 'image,label', got ''"),
    ("id,label\n", "line 1 must be 'image,label', got 'id,label'"),
    ("image;label\n", "line 1 must be 'image,label', got 'image;label'"),
    ("image,label\n", "must name a picture, got no row"),
    ("image,label\nimages/0.jpg\n", "line 2 must hold 'image,label', got 'images/0.jpg'"),
    ("image,label\nimages/0.jpg,oak,tree\n", "line 2 must hold 'image,label', got 'images/0.jpg,oak,tree'"),
    ('image,label\nimages/0.jpg,"oak\n', "line 2 must be a row of a table, got unexpected end of data"),
])
def test_a_bad_table_is_refused(folder, content, message):
    (folder / "train.csv").write_text(content)
    refused(LeafContest, f"LeafContest: train.csv {message}", folder)


def test_another_encoding_is_refused(folder):
    (folder / "train.csv").write_bytes("image,label\nimages/0.jpg,höhe\n".encode("latin-1"))
    with pytest.raises(ValueError, match=r"^LeafContest: train\.csv must be a text in UTF-8, got 'utf-8' codec can't "):
        LeafContest(folder)


@pytest.mark.parametrize("damage", [lambda data: b"", lambda data: data[:10], lambda data: data[:len(data) // 2],
                                    lambda data: b"<html>not found</html>", lambda data: data[::-1]])
def test_a_broken_picture_is_named_when_it_is_read(folder, damage):
    path = folder / "images" / "4.jpg"
    path.write_bytes(damage(path.read_bytes()))
    contest = LeafContest(folder)  # a picture costs nothing before it is read
    for read in (lambda: contest[4], contest.check):
        with pytest.raises(ValueError, match=r"^LeafContest: train\.csv line 6: images/4\.jpg must be a whole pic"):
            read()
    assert contest[3][0].shape == (3, 32, 32)
    part = next(part for part in contest.split() if "images/4.jpg" in part.names)
    with pytest.raises(ValueError, match=r"^LeafContest: train\.csv line 6: images/4\.jpg must "):
        part[part.names.index("images/4.jpg")]


def test_a_broken_test_picture_is_named(folder):
    (folder / "images" / "30.jpg").write_bytes(b"")
    with pytest.raises(ValueError, match=r"^LeafContest: test\.csv line 4: images/30\.jpg must be a whole picture, "):
        LeafContest(folder).check()


@pytest.mark.parametrize("kind", ["jpg", "png", "gif", "bmp"])
def test_flipped_bytes_give_a_picture_or_this_error(tmp_path, kind):
    path = tmp_path / f"0.{kind}"
    Image.fromarray(draw_leaf(0, size=16).transpose(1, 2, 0)).save(path)
    (tmp_path / "train.csv").write_text(f"image,label\n0.{kind},oak\n")
    contest, whole = LeafContest(tmp_path), path.read_bytes()
    rng, broken = np.random.default_rng(0), 0
    for _ in range(400):
        data = bytearray(whole)
        for at in rng.integers(len(whole), size=2):
            data[min(at, rng.integers(1, 400))] = rng.integers(256)
        path.write_bytes(data)
        try:
            assert contest[0][0].ndim == 3
        except ValueError as error:
            broken += 1
            assert str(error).startswith(f"LeafContest: train.csv line 2: 0.{kind} must be a whole picture, got ")
    assert broken


def test_arguments_are_checked(written, tmp_path):
    contest = LeafContest(written)
    full = f"write_leaf_contest: folder must be new or empty, got {str(written)!r}"
    refused(write_leaf_contest, full, written)
    refused(write_leaf_contest, "write_leaf_contest: per_class must be a whole number of at least 2, got 1", tmp_path,
            per_class=1)
    refused(write_leaf_contest, "write_leaf_contest: classes must be at most 176, got 177", tmp_path, classes=177)
    rule = "test_fraction must leave each class a picture in both parts, got 0.01 of 50"
    refused(write_leaf_contest, f"write_leaf_contest: {rule}", tmp_path, test_fraction=0.01)
    assert not any(tmp_path.iterdir())
    refused(LeafContest, "LeafContest: folder must hold train.csv, got 'None'", None)
    refused(LeafContest, "LeafContest: classes must be different texts, got ('oak', 'oak')", written,
            classes=("oak", "oak"))
    refused(LeafContest, "LeafContest: transform must be a function or None, got 3", written, transform=3)
    rule = f"fraction must leave each class a picture in both parts, got 0.01 for 7 of {contest.classes[0]!r}"
    refused(contest.split, f"LeafContest.split: {rule}", fraction=0.01)
    refused(contest.split, "LeafContest.split: fraction must be a fraction of 1, got 2", fraction=2)
    refused(write_submission, "write_submission: there must be a label for each of 2 names, got 1",
            tmp_path / "s.csv", ["a", "b"], ["oak"])
    refused(write_submission, "write_submission: names must be different, got 'a' twice", tmp_path / "s.csv",
            ["a", "a"], ["oak", "oak"])
    refused(write_submission, "write_submission: labels must be a list of texts, got [3]", tmp_path / "s.csv",
            ["a"], [3])
