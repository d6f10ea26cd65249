"""Feedback: what a student wrote is the student's, and one page that may not be seen keeps back no other."""
import json
import shutil

import pytest

from grading.__main__ import main
from grading.course import open_course, write
from grading.leaks import hidden_lines, leaks
from tests.grading.students import ASSIGNMENT
from tests.grading.test_export import hand_in

LINE = "macs += (size * channels * kernel) ** 2"
SOURCE = f"### BEGIN SOLUTION\n    {LINE}\n### END SOLUTION"


@pytest.fixture
def sources(tmp_path):
    """Return a folder with a notebook that hides a line."""
    write(tmp_path / "source" / "a.ipynb", json.dumps({"cells": [{"source": SOURCE}]}))
    return tmp_path / "source"


@pytest.mark.parametrize("own", [LINE, f"x = 1; {LINE}  # mine", f"if x:\n        {LINE.replace(' ', '  ')}"])
def test_line_that_a_student_wrote_is_the_students(sources, tmp_path, own):
    write(tmp_path / "page.html", f"<p>{own}</p>")
    assert leaks([tmp_path / "page.html"], [sources]) == [f"a hidden line in page.html: {LINE}"]
    assert leaks([tmp_path / "page.html"], [sources], own=["other", own]) == []
    assert len(leaks([tmp_path / "page.html"], [sources], own=[own[:30]])) == 1


@pytest.fixture
def graded(released, tmp_path):
    """Return a course in which ada, ben and cleo were graded."""
    course = open_course(shutil.copytree(released.folder, tmp_path / "course"))
    for student in ("ada", "ben", "cleo"):
        hand_in(course, student, ["map_shape"])
        write(course.record_path(ASSIGNMENT, student), "{}")
    return course


def test_page_with_a_hidden_line_keeps_back_no_other(graded, capsys):
    line = max(hidden_lines([graded.folder / "source" / ASSIGNMENT]), key=len)
    path = graded.folder / "autograded" / "ada" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    notebook = json.loads(path.read_text(encoding="utf-8"))
    notebook["cells"][0]["source"] += f"\n{line}"
    write(path, json.dumps(notebook))
    (graded.folder / "autograded" / "ben" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb").write_text("no notebook")
    message = main(["--course", str(graded.folder), "feedback", ASSIGNMENT])
    assert message.startswith(f"grading: feedback: {ASSIGNMENT}: no page for 2 of 3 students: "
                              f"ada: the page shows a hidden line in {ASSIGNMENT}.html: ")
    assert "; ben: " in message and "\n" not in message
    assert [path.parts[-3] for path in (graded.folder / "feedback").glob("*/*/*.html")] == ["cleo"]
