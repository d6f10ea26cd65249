"""Submissions are scored on two halves, and refused by row."""
import csv
import shutil

import pytest

from cnnlib.data.leaf_contest import LeafContest
from cnnlib.data.leaf_contest_files import score_submission, write_leaf_contest, write_submission
from cnnlib.data.leaves import LEAF_NAMES
from tests.judge import refused


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return write_leaf_contest(tmp_path_factory.mktemp("contest"), classes=4, per_class=10, size=32, seed=3)


def test_submissions_are_scored_by_halves(written, tmp_path):
    with open(written / "solution.csv", encoding="utf-8", newline="") as file:
        solution = list(csv.reader(file))
    assert solution[0] == ["image", "label", "half"] and sorted(row[2] for row in solution[1:]) == (
        ["private"] * 6 + ["public"] * 6)
    names, labels, halves = zip(*solution[1:], strict=True)
    assert names == LeafContest(written).test

    def score(guesses):
        return score_submission(write_submission(tmp_path / "mine.csv", names, guesses), written / "solution.csv")

    assert score(labels) == {"public": 1.0, "private": 1.0}
    wrong = [LEAF_NAMES[(LEAF_NAMES.index(label) + 1) % 4] for label in labels]
    assert score(wrong) == {"public": 0.0, "private": 0.0}
    luck = [right if half == "public" else other for right, other, half in zip(labels, wrong, halves, strict=True)]
    assert score(luck) == {"public": 1.0, "private": 0.0}  # the half that is seen says little about the other
    sample = score_submission(written / "sample_submission.csv", written / "solution.csv")
    assert sample["public"] + sample["private"] == pytest.approx(0.5)  # a quarter of all
    write_submission(tmp_path / "turned.csv", names[::-1], labels[::-1])
    assert score_submission(tmp_path / "turned.csv", written / "solution.csv")["private"] == 1.0  # order is free


def test_a_half_without_pictures_scores_nothing(tmp_path):
    (tmp_path / "solution.csv").write_text("image,label,half\nimages/0.jpg,oak,public\n")
    mine = write_submission(tmp_path / "mine.csv", ["images/0.jpg"], ["oak"])
    assert score_submission(mine, tmp_path / "solution.csv") == {"public": 1.0, "private": 0.0}


@pytest.mark.parametrize(("line", "text", "message"), [
    (3, "images/0.jpg,{0}", "mine.csv line 3: image must be one of the test pictures, got 'images/0.jpg'"),
    (3, "images/28.jpg,{0}", "mine.csv line 3: image must be named once, got 'images/28.jpg'"),
    (3, "images/29.jpg,oak", "mine.csv line 3: label must be one of 4 known labels, got 'oak'"),
    (3, "images/29.jpg,", "mine.csv line 3: label must be one of 4 known labels, got ''"),
    (3, "", "mine.csv must name all 12 test pictures, got none for 'images/29.jpg'"),
    (1, "Image,Label", "mine.csv line 1 must be 'image,label', got 'Image,Label'"),
])
def test_a_bad_submission_is_refused(written, tmp_path, line, text, message):
    shutil.copy(written / "sample_submission.csv", tmp_path / "mine.csv")
    lines = (tmp_path / "mine.csv").read_text().split("\n")
    lines[line - 1] = text.format(LEAF_NAMES[0])
    (tmp_path / "mine.csv").write_text("\n".join(lines))
    refused(score_submission, f"score_submission: {message}", tmp_path / "mine.csv", written / "solution.csv")
