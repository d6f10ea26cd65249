"""What stands in submitted/ and is no submission, a bad time, a bad name: the others are graded, and it is said."""
import os
import shutil

import pytest
from nbgrader.api import Gradebook

from grading.course import open_course
from grading.grade import grade
from grading.gradebook import TIMELESS
from grading.sandbox import GROUP
from tests.grading.students import ASSIGNMENT, hand_in, notebook, right

STRANGE = [b"a\nb", b"b\xff", b"c*", b"d" * 220, b".trash"]
GOOD = "2030-01-02 13:00:00.000000 UTC"


def linked(path):
    path.symlink_to("/proc/self/environ")


BAD_TIMES = {
    "bytes": lambda path: path.write_bytes(b"\xff\xfe2030"), "folder": lambda path: path.mkdir(), "pipe": os.mkfifo,
    "link": linked, "words": lambda path: path.write_text("yesterday"), "empty": lambda path: path.touch(),
    "day": lambda path: path.write_text("2030-02-31 10:00 UTC"),
    "overflow": lambda path: path.write_text("9999-12-31 23:59 -1200"),
    "zone": lambda path: path.write_text("2030-01-01 10:00 /etc/passwd"),
}


@pytest.fixture
def course(released, tmp_path):
    return open_course(shutil.copytree(released.folder, tmp_path / "course"))


def run(course, **options):
    said = []
    grade(course, ASSIGNMENT, say=said.append, **options)
    return sorted(said)


def test_odd_things_in_place_of_a_submission_stop_nobody(course):
    place = course.folder / "submitted"
    hand_in(course, "ada", notebook(course, right(course, "map_shape")))
    for name, make in {"pipe": os.mkfifo, "link": lambda path: path.symlink_to("/"), "file": lambda path: path.touch(),
                       "dangling": lambda path: path.symlink_to("nowhere")}.items():
        (place / name).mkdir()
        make(place / name / ASSIGNMENT)
    (place / "notes.txt").write_text("not a student")
    said = run(course)
    assert [line.partition(" points")[0] for line in said] == [
        "ada: graded, 3 of 15", *(f"{name}: refused, 0 of 15" for name in ("dangling", "file", "link", "pipe"))]
    assert run(course) == []


def test_folder_whose_name_is_no_students_is_left_alone(course):
    hand_in(course, "Zoë O'Hara", b"no notebook")
    for name in STRANGE:
        os.makedirs(os.path.join(os.fsencode(course.folder / "submitted"), name, ASSIGNMENT.encode()))
    said = run(course)
    assert [line for line in said if "not graded (" not in line] == [
        "Zoë O'Hara: refused, 0 of 15 points (ch02.ipynb is not a notebook. Save it again and hand it in again.)"]
    assert len(said) == 1 + len(STRANGE)
    assert "a?b: not graded (a student's folder must have a printable name without * ? [ ] + and without a point " \
           "before it)" in said
    assert list(course.records(ASSIGNMENT)) == ["Zoë O'Hara"]


def test_time_that_cannot_be_read_stops_nobody_and_is_said(course):
    for name, make in BAD_TIMES.items():
        make(hand_in(course, name, b"no notebook").with_name("timestamp.txt"))
    hand_in(course, "good", b"no notebook").with_name("timestamp.txt").write_text(GOOD)
    said = dict(line.split(":", 1) for line in run(course))
    assert set(said) == {*BAD_TIMES, "good"}
    assert [name for name, line in said.items() if TIMELESS not in line] == ["good"]
    with Gradebook(course.database) as book:
        times = {each.student.id: each.timestamp for each in book.assignment_submissions(ASSIGNMENT)}
    assert [name for name, time in times.items() if time] == ["good"] and f"{times['good']}" == GOOD[:19]


def test_report_runs_nothing_in_a_spreadsheet(course):
    path = hand_in(course, "ada", b"no notebook")
    path.rename(path.with_name("=cmd|'.ipynb"))
    run(course)
    report = (course.folder / "reports" / f"{ASSIGNMENT}.csv").read_text()
    assert "'=cmd|'.ipynb is not a notebook" in report and ",=cmd" not in report


def test_what_a_killed_run_left_is_removed(course, tmp_path, monkeypatch):
    groups = tmp_path / "groups"
    gone = 2**22 + 1  # no process has such a number
    for process in (gone, os.getpid()):
        (groups / "memory" / f"{GROUP}-{process}-1").mkdir(parents=True)
    monkeypatch.setattr("grading.sandbox.GROUPS", groups)
    run(course)
    assert [path.name for path in (groups / "memory").iterdir()] == [f"{GROUP}-{os.getpid()}-1"]
