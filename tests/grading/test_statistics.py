"""Statistics: the numbers of common mistakes, counted by hand, as table and as picture."""
import csv
import json
import shutil

import numpy as np
import pytest
from matplotlib.image import imread

from cnnlib.exercises._check import UNANSWERED
from grading.__main__ import main
from grading.course import CourseError, open_course, write
from grading.mistakes import KINDS, Line, count, draw, markdown, statistics
from tests.grading.students import ASSIGNMENT

RIGHT = {"passed": True, "mistake": None, "message": "Right: all cases pass."}
FORBIDDEN = "This task is to be solved without numpy.convolve; your answer calls it."


def wrong(mistake, message="..."):
    return {"passed": False, "mistake": mistake, "message": message}


def record(first, second):
    return {"status": "graded", "rows": {"map-shape-check": first, "filter-map-check": second}}


RECORDS = {
    "s1": record(RIGHT, wrong("flipped-kernel")),
    "s2": record(RIGHT, wrong("flipped-kernel")),
    "s3": record(wrong("ceil-for-floor"), wrong("stride-ignored")),
    "s4": record(wrong(None), wrong("forbidden-function", FORBIDDEN)),
    "s5": record(wrong(None, UNANSWERED), wrong("not-defined")),
    "s6": record(wrong("not-graded"), wrong("not-graded")),
}


def test_counts_and_shares():
    lines, sizes = count(RECORDS)
    assert sizes == {"map_shape": (4, 6), "filter_map": (4, 6)}
    assert lines == [
        Line("map_shape", "right", "", 2, 0.5), Line("map_shape", "mistake", "ceil-for-floor", 1, 0.25),
        Line("map_shape", "other", "", 1, 0.25), Line("map_shape", "unanswered", "", 1, 1 / 6),
        Line("map_shape", "refused", "", 1, 1 / 6), Line("filter_map", "right", "", 0, 0.0),
        Line("filter_map", "mistake", "flipped-kernel", 2, 0.5),
        Line("filter_map", "forbidden", "numpy.convolve", 1, 0.25),
        Line("filter_map", "mistake", "stride-ignored", 1, 0.25), Line("filter_map", "unanswered", "", 1, 1 / 6),
        Line("filter_map", "refused", "", 1, 1 / 6)]


def test_loop_outside_a_function_is_an_answer():
    """Its cell ended before it defined anything; of a cell as it was given out the same is none."""
    tried = {**RECORDS["s5"], "untouched": ["map-shape-answer"]}
    lines, sizes = count({"s5": tried})
    assert sizes == {"map_shape": (0, 1), "filter_map": (1, 1)}
    assert [line.kind for line in lines if line.count] == ["unanswered", "other"]
    assert count({"s5": {**tried, "untouched": ["filter-map-answer"]}})[1]["filter_map"] == (0, 1)


def test_nobody_answered():
    lines, sizes = count({"s5": RECORDS["s5"]})
    assert sizes == {"map_shape": (0, 1), "filter_map": (0, 1)}
    assert [line.share for line in lines] == [0.0, 1.0, 0.0, 1.0]


def test_markdown():
    text = markdown(*count(RECORDS)).splitlines()
    assert text[:4] == ["| Task | Answers | Students | Share |", "|---|---|---:|---:|",
                        "| map_shape | **answered** | 4 | 67% |", "| map_shape | right | 2 | 50% |"]
    assert "| filter_map | flipped-kernel | 2 | 50% |" in text
    assert "| filter_map | used numpy.convolve | 1 | 25% |" in text


@pytest.fixture
def course(released, tmp_path):
    shutil.copytree(released.folder, tmp_path / "course")
    course = open_course(tmp_path / "course")
    for student, row in RECORDS.items():
        write(course.record_path(ASSIGNMENT, student), json.dumps(row))
    return course


def test_command_writes_table_and_picture(course, capsys):
    assert main(["--course", str(course.folder), "statistics", ASSIGNMENT]) == 0
    assert "| map_shape | ceil-for-floor | 1 | 25% |" in capsys.readouterr().out
    reports = course.folder / "reports"
    with open(reports / f"{ASSIGNMENT}-mistakes.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {"task": "filter_map", "kind": "forbidden", "name": "numpy.convolve", "students": "1",
            "share": "0.250"} in rows
    assert imread(reports / f"{ASSIGNMENT}-mistakes.png").ndim == 3


def test_nothing_graded(released):
    with pytest.raises(CourseError, match=rf"^statistics: {ASSIGNMENT}: nothing was graded yet$"):
        statistics(released, ASSIGNMENT)


def test_picture_is_gray_and_its_kinds_differ_in_gray(tmp_path):
    draw(*count(RECORDS), ASSIGNMENT, tmp_path / "plot.png")
    colors = imread(tmp_path / "plot.png")[:, :, :3]
    assert np.ptp(colors, axis=2).max() == 0  # nothing is said by a color
    assert len({(gray, hatch) for _, gray, hatch in KINDS.values()}) == len(KINDS)


@pytest.fixture
def drawn(monkeypatch, tmp_path):
    """Return a function that draws records and returns matplotlib's figure."""
    figures = []
    monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda figure, path: figures.append(figure))

    def make(records):
        draw(*count(records), ASSIGNMENT, tmp_path / "plot.png")
        return figures[-1]
    return make


def test_bars_are_the_counts_and_axes_are_named(drawn):
    first, second = drawn(RECORDS).axes
    assert [text.get_text() for text in second.get_yticklabels()] == [
        "flipped-kernel", "used numpy.convolve", "stride-ignored", "not answered", "submission not graded"]
    assert [bar.get_width() for bar in second.patches] == [2, 1, 1, 1, 1]
    assert all(bar.get_height() < bar.get_width() for bar in second.patches)  # they lie
    assert (second.get_xlabel(), first.get_ylabel()) == (f"students, assignment {ASSIGNMENT}", "answer")
    assert first.get_title(loc="left") == "map_shape: 4 of 6 answered"


def test_rare_mistakes_become_one_bar(drawn):
    many = {f"s{number}-{copy}": record(RIGHT, wrong(f"mistake-{number:02}"))
            for number in range(20) for copy in range(2 if number < 5 else 1)}
    axes = drawn(many).axes[1]
    labels = [text.get_text() for text in axes.get_yticklabels()]
    assert len(labels) == 10 and labels[0] == "mistake-00" and labels[-1] == "11 rarer mistakes"
    assert sum(bar.get_width() for bar in axes.patches) == 25
