"""A task that an instructor adds is graded as it stands, and changes nothing else in the notebook."""
import json
import re
import shutil

import pytest
from nbgrader.api import Gradebook

from grading.__main__ import main
from grading.add import add_exercise
from grading.course import CourseError, init_course, open_course
from grading.judge import judge
from grading.release import release


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    """Return a course with an assignment released."""
    made = init_course(tmp_path_factory.mktemp("released") / "course", "Test")
    release(made, "ch02")
    return made


@pytest.fixture
def course(released, tmp_path):
    """Return a copy of the course, to change."""
    return open_course(shutil.copytree(released.folder, tmp_path / "course"))


def notebook(course, kind):
    return json.loads(course.notebook(kind, "ch02").read_text(encoding="utf-8"))


def source(notebook, name):
    return "".join(next(cell["source"] for cell in notebook["cells"] if cell["id"] == name))


def graded(course, answer):
    """Return the row and the output of the new task for a submission with an answer in its cell."""
    submitted = notebook(course, "release")
    for cell in submitted["cells"]:
        if cell["id"] == "twice-as-much-answer" and answer:
            cell["source"] = answer
    _, rows = judge(notebook(course, "source"), notebook(course, "release"), submitted, trusted=True)
    return rows["twice-as-much-check"]


def test_cells_are_added_at_the_end_and_nothing_else_changes(course, capsys):
    before = course.notebook("source", "ch02").read_text(encoding="utf-8")
    arguments = ["--course", str(course.folder), "add-exercise", "ch02", "twice_as_much", "--points", "2"]
    assert main(arguments) == 0
    assert capsys.readouterr().out.endswith("ch02/ch02.ipynb\n")
    after = course.notebook("source", "ch02").read_text(encoding="utf-8")
    old, new = json.loads(before), json.loads(after)
    assert {**new, "cells": new["cells"][:-3]} == old
    end = before.rindex("\n  }\n ]")  # after the last cell: the text of the file up to there is the same
    assert after[:end] == before[:end]
    names = ["twice-as-much-question", "twice-as-much-answer", "twice-as-much-check"]
    assert [cell["id"] for cell in new["cells"][-3:]] == names
    assert [cell["metadata"]["nbgrader"]["grade_id"] for cell in new["cells"][-3:]] == names
    assert new["cells"][-1]["metadata"]["nbgrader"]["points"] == 2


def test_new_task_is_released_without_its_solution_and_graded(course):
    add_exercise(course, "ch02", "twice_as_much", 2)
    release(course, "ch02")
    given = notebook(course, "release")
    assert source(given, "twice-as-much-answer").endswith("return None  # write your answer in place of this line")
    assert "HIDDEN" not in source(given, "twice-as-much-check")
    assert "(3) == 6" not in source(given, "twice-as-much-check")
    assert graded(course, "def twice_as_much(n):\n    return n + n")["passed"]
    assert not graded(course, None)["passed"]
    wrong = graded(course, "def twice_as_much(n):\n    return n ** 2 - n")
    assert (wrong["passed"], wrong["message"]) == (False, "twice_as_much: look at a negative number.")


def test_untouched_cell_says_that_it_is_not_answered(course, capsys):
    add_exercise(course, "ch02", "twice_as_much", 2)
    release(course, "ch02")
    names = {}
    for part in ("answer", "check"):
        exec(source(notebook(course, "release"), f"twice-as-much-{part}"), names)
    assert capsys.readouterr().out == "Not answered yet.\n"


@pytest.mark.parametrize(("name", "line"), [
    ("map_shape", "NAME must be new in ch02, got map_shape"),  # a task of the assignment
    ("small_kernels", "NAME must be new in ch02, got small_kernels"),  # its written question
    ("map-shape", "NAME must be a function's name such as map_size, got map-shape"),
    ("2d_map", "NAME must be a function's name such as map_size, got 2d_map"),
    ("lambda", "NAME must be a function's name such as map_size, got lambda"),
    ("__import__", "NAME must be a function's name such as map_size, got __import__"),
])
def test_name_that_is_taken_or_none_is_refused(course, name, line):
    before = course.notebook("source", "ch02").read_bytes()
    with pytest.raises(CourseError, match=f"^{re.escape(f'add-exercise: {line}')}$"):
        add_exercise(course, "ch02", name, 2)
    assert course.notebook("source", "ch02").read_bytes() == before


def test_points_and_assignment_are_checked(course):
    with pytest.raises(CourseError, match=r"^add-exercise: points must be at least 1, got 0$"):
        add_exercise(course, "ch02", "twice_as_much", 0)
    with pytest.raises(CourseError, match=r"^ch03: there is no source notebook; run: .* release ch03$"):
        add_exercise(course, "ch03", "twice_as_much", 2)
    add_exercise(course, "ch02", "twice_as_much", 2)
    with pytest.raises(CourseError, match="NAME must be new in ch02"):
        add_exercise(course, "ch02", "twice_as_much", 2)


def test_assignment_with_graded_submissions_is_left_alone(course):
    """A released assignment with submissions takes no new cells: nbgrader could not release it any more."""
    before = course.notebook("source", "ch02").read_bytes()
    with Gradebook(course.database) as book:
        book.add_student("ada")
        book.add_submission("ch02", "ada")
    line = "add-exercise: ch02 must have no graded submission yet; add to a later one"
    with pytest.raises(CourseError, match=f"^{re.escape(line)}$"):
        add_exercise(course, "ch02", "twice_as_much", 2)
    assert course.notebook("source", "ch02").read_bytes() == before
