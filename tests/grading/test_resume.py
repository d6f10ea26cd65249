"""A grading run that is killed goes on where it was; two runs do not write at once."""
import fcntl
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time

import pytest

from grading.course import CourseError, open_course
from grading.grade import grade
from grading.sandbox import ROOT
from tests.grading.students import ASSIGNMENT, cell_of, hand_in, honest, notebook, right

QUERY = """
select s.student_id, g.auto_score, g.manual_score, g.needs_manual_grade, c.auto_comment, n.late_submission_penalty
from submitted_assignment s join submitted_notebook n on n.assignment_id = s.id
left join grade g on g.notebook_id = n.id left join comment c on c.notebook_id = n.id
order by s.student_id, g.cell_id, c.cell_id
"""


def command(course, *options):
    return [sys.executable, "-m", "grading", "--course", str(course.folder), "grade", ASSIGNMENT, *options]


def result(course):
    """Return all that a run leaves for good: the gradebook's rows, the records, the graded notebooks."""
    with sqlite3.connect(course.folder / "gradebook.db") as book:
        rows = book.execute(QUERY).fetchall()
    book.close()
    records = {name: {**record, "seconds": 0} for name, record in course.records(ASSIGNMENT).items()}
    notebooks = {path.parts[-3]: path.read_text() for path in (course.folder / "autograded").glob("*/*/*.ipynb")}
    return rows, records, notebooks


def copy_of(course, folder):
    subprocess.run(["cp", "-a", str(course.folder), str(folder)], check=True)
    return open_course(folder)


def test_ten_kills_leave_the_same_gradebook(released, tmp_path):
    honest(released, 9)
    whole, broken = copy_of(released, tmp_path / "whole"), copy_of(released, tmp_path / "broken")
    grade(whole, ASSIGNMENT, say=lambda line: None)
    moments, kills = random.Random(7), 0
    for _ in range(10):
        process = subprocess.Popen(command(broken, "--again"), cwd=ROOT, start_new_session=True,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(moments.uniform(0.3, 4))
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            kills += 1
        process.wait()
    assert kills >= 8
    subprocess.run(command(broken), cwd=ROOT, check=True, capture_output=True)
    assert result(broken) == result(whole)


def test_only_what_changed_is_graded_again(released, tmp_path):
    points = honest(released, 3)
    course, said = copy_of(released, tmp_path / "course"), []
    grade(course, ASSIGNMENT, say=said.append)
    assert len(said) == len(course.submissions(ASSIGNMENT)) >= 3
    said.clear()
    rows = grade(course, ASSIGNMENT, say=said.append)
    assert said == [] and {row["student"]: row["score"] for row in rows}.items() >= points.items()
    hand_in(course, "honest-002", notebook(course, right(course, "filter_map")))
    grade(course, ASSIGNMENT, say=said.append)
    assert said == ["honest-002: graded, 5 of 15 points"]
    said.clear()
    (course.folder / "autograded" / "honest-001" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb").unlink()
    grade(course, ASSIGNMENT, say=said.append)
    assert said == ["honest-001: graded, 3 of 15 points"]


def test_one_task_is_graded_again_and_the_others_kept(released, tmp_path):
    honest(released, 1)
    course = copy_of(released, tmp_path / "course")
    grade(course, ASSIGNMENT, students=["honest-000"], say=lambda line: None)
    hand_in(course, "honest-000", notebook(course, {}))  # an answer to nothing
    grade(course, ASSIGNMENT, students=["honest-000"], task="filter_map", say=lambda line: None)
    record = course.records(ASSIGNMENT)["honest-000"]
    assert record["score"] == 7
    assert [row["passed"] for row in record["rows"].values()] == [True, False, True]
    assert list(record["rows"])[1] == cell_of("filter_map", "check")
    with pytest.raises(CourseError, match=r"^grade: task must be one of ch02's, got other$"):
        grade(course, ASSIGNMENT, task="other", say=lambda line: None)


def test_second_grader_refuses(released):
    with open(released.folder / ".grading.lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        done = subprocess.run(command(released), cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "grading: another grading command is at work in this course; wait for its end\n"


def test_gradebook_is_backed_up_before_each_run(released, tmp_path):
    honest(released, 1)
    course = copy_of(released, tmp_path / "course")
    before = len(list((course.folder / "backups").glob("*.db")))
    grade(course, ASSIGNMENT, students=["honest-000"], again=True, say=lambda line: None)
    copies = sorted((course.folder / "backups").glob("*.db"))
    assert len(copies) == before + 1
    with sqlite3.connect(max(copies, key=os.path.getmtime)) as book:
        assert book.execute("select count(*) from submitted_assignment").fetchone() == (0,)
    book.close()


def test_record_is_read_as_it_was_written(released, tmp_path):
    honest(released, 1)
    course = copy_of(released, tmp_path / "course")
    grade(course, ASSIGNMENT, students=["honest-000"], say=lambda line: None)
    record = json.loads(course.record_path(ASSIGNMENT, "honest-000").read_text())
    assert (record["status"], record["score"], record["max_score"]) == ("graded", 12, 15)
