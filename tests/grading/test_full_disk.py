"""The disk is full in the middle of a command: nothing is lost, and the same command can go on later."""
import shutil

import pytest

from grading.course import open_course
from grading.exchange import fetch, publish
from grading.grade import grade
from tests.grading.arrivals import folder_of, notebook, run
from tests.grading.full_disk import on_small_disk
from tests.grading.students import ASSIGNMENT, hand_in, right
from tests.grading.students import notebook as answered
from tests.grading.test_exchange import ME, ago, submit

FULL = "grading: the disk is full; make room, then the same command goes on where it was"
KB = 1024
STUDENTS = ["ada", "ben", "cleo", "dora"]


@pytest.fixture
def course(released, tmp_path):
    """Return a copy of the course, to change."""
    return open_course(shutil.copytree(released.folder, tmp_path / "course"))


def part(state, name):
    """Return what a state holds of files whose path has a part."""
    return {path: mark for path, mark in state["files"].items() if name in path.split("/")}


def is_as_before_or_whole(left, before, students):
    """Say for each student whether the files are the new ones; fail if they are neither the old nor the new ones."""
    new = []
    for student in students:
        after = part(left["after"], student)
        assert after in (part(before, student), part(left["end"], student))
        new.append(after == part(left["end"], student))
    strays = set(left["after"]["files"]) - set(before["files"]) - set(left["end"]["files"])
    assert not strays
    return new


def sweep(seen, students):
    """Return for each room how many students have what is new, after the checks that hold for all rooms."""
    ends = [left["end"] for left in seen["left"].values()]
    assert all(end == ends[0] for end in ends)
    numbers = []
    for left in seen["left"].values():
        numbers.append(sum(is_as_before_or_whole(left, seen["before"], students)))
        assert left["says"] == (FULL if numbers[-1] < len(students) else left["says"])
        assert left["says"] in (0, FULL)  # with all taken, only the table of it may be missing
    return numbers


def test_collect_loses_nothing(course, tmp_path):
    old = folder_of(tmp_path, {f"{name}.ipynb": notebook("old") for name in STUDENTS[:2]}, "old")
    run(course, old, handed_in="2026-11-20 10:00 UTC")
    new = folder_of(tmp_path, {f"{name}.ipynb": notebook(name * 5000) for name in STUDENTS}, "new")
    command = ["collect", ASSIGNMENT, new, "--handed-in", "2026-11-21 10:00 UTC"]
    seen = on_small_disk(course, 8, range(0, 120 * KB, 4 * KB), *command)
    numbers = sweep(seen, STUDENTS)
    assert set(numbers) == {0, 1, 2, 3, 4} and numbers == sorted(numbers)
    assert len(part(seen["left"]["0"]["end"], "older")) == 4  # two notebooks with their times


def test_fetch_loses_nothing(course, tmp_path):
    publish(course, ASSIGNMENT, tmp_path / "exchange")
    submit(tmp_path / "exchange", at=ago(seconds=20), text="old")
    fetch(course, ASSIGNMENT, tmp_path / "exchange")
    submit(tmp_path / "exchange", at=ago(), text="new" * 5000, random="b")
    command = ["exchange", "fetch", ASSIGNMENT, "--root", tmp_path / "exchange"]
    numbers = sweep(on_small_disk(course, 8, range(0, 60 * KB, 4 * KB), *command), [ME])
    assert numbers == sorted(numbers) and set(numbers) == {0, 1}


@pytest.fixture
def term(course):
    """Return a course in which ada and dora were graded; ada has handed in again, ben and cleo for the first time."""
    for name in ("ada", "dora"):
        hand_in(course, name, answered(course, right(course, "map_shape")))
    grade(course, ASSIGNMENT, say=lambda line: None)
    for name in ("ada", "ben", "cleo"):
        hand_in(course, name, answered(course, right(course)))
    return course


def test_grade_loses_nothing(term):
    rooms = [0, *range(1180 * KB, 1380 * KB, 25 * KB)]
    seen = on_small_disk(term, 12, rooms, "grade", ASSIGNMENT)
    numbers = sweep(seen, STUDENTS)
    assert min(numbers) == 1 and set(numbers) & {2, 3} and max(numbers) == 4  # dora's is what it was
    for left in seen["left"].values():
        for name in STUDENTS:
            assert left["after"]["rows"].get(name) in (seen["before"]["rows"].get(name), left["end"]["rows"][name])


def test_grade_ends_its_work_where_another_program_takes_the_room_it_has_seen(term):
    rooms = [each * KB for each in (50, 110, 170, 230, 600)]
    seen = on_small_disk(term, 12, rooms, "grade", ASSIGNMENT, reserve=False)
    ends = [left["end"] for left in seen["left"].values()]
    assert all(end == ends[0] for end in ends)
    assert {left["says"] for left in seen["left"].values()} == {0, FULL}
    for left in seen["left"].values():
        for name, row in part(left["after"], "records").items():
            assert row in (seen["before"]["files"].get(name), left["end"]["files"][name])
