"""A course's settings, and what is typed wrongly: one line, and nothing is done."""
import shutil

import pytest

from grading.__main__ import main
from grading.course import CourseError, init_course, open_course
from grading.late import date_of, extensions
from grading.release import release
from tests.grading.students import ASSIGNMENT, hand_in


@pytest.fixture
def course(released, tmp_path):
    return open_course(shutil.copytree(released.folder, tmp_path / "course"))


@pytest.mark.parametrize("name", [
    'A "quoted" name\\', "tab\tline\nreturn\r", "\x00\x01\x1f\x7f\x80", "Réseaux 🧠 'n' {braces}", '"""', "\\u0041"])
def test_name_of_a_course_is_read_back(tmp_path, name):
    course = init_course(tmp_path / "course", name)
    assert course.settings["name"] == name and len(course.settings["seed"]) == 16


def test_name_that_is_no_text_makes_no_course(tmp_path):
    with pytest.raises(CourseError, match=r"^init: name must be text in UTF-8, got 'a\\udcff'$"):
        init_course(tmp_path / "course", "a\udcff")
    assert not (tmp_path / "course").exists()


@pytest.mark.parametrize("due", [
    "soon", "12", "2027-13-01 12:00 UTC", "2027-03-01 12:00 Nowhere", "9999-12-31 23:59 -1200"])
def test_due_that_is_no_date_releases_nothing(course, due):
    (course.folder / "release" / ASSIGNMENT / "mark").touch()
    with pytest.raises(CourseError) as error:
        release(course, ASSIGNMENT, due=due)
    assert str(error.value) == f'release: due must be a date as "2027-03-01 12:00 UTC", got {due}'
    assert (course.folder / "release" / ASSIGNMENT / "mark").exists()


@pytest.mark.parametrize(("text", "hour"), [
    ("2027-03-01 12:00 UTC", 12), ("2027-03-01 12:00", 12), ("2027-03-01T12:00Z", 12), ("2027-03-01 12:00 +0100", 11),
    ("2027-03-01 12:00+01:00", 11), ("2027-03-01 12:00 Europe/Berlin", 11), ("2027-03-01", 0)])
def test_dates(text, hour):
    assert f"{date_of(text)}" == f"2027-03-01 {hour:02}:00:00"


def test_extension_is_for_a_known_student_and_assignment(course, capsys):
    hand_in(course, "ada", b"")
    command = ["--course", str(course.folder), "extend"]
    assert main([*command, "ben", ASSIGNMENT, "1"]) == (
        "grading: extend: student must be in the course's roster.csv, in submitted or in the gradebook, got ben")
    assert main([*command, "ada", "ch77", "1"]) == (
        "grading: ch77: not in the gradebook; run: python -m grading release ch77")
    assert extensions(course) == {}
    (course.folder / "roster.csv").write_text("student id,name\nben,Ben\n")
    assert main([*command, "ben", ASSIGNMENT, "1"]) == main([*command, "ada", ASSIGNMENT, "2"]) == 0
    assert extensions(course) == {"ada": {ASSIGNMENT: 2}, "ben": {ASSIGNMENT: 1}}


@pytest.mark.parametrize("task", ["hape", "map-shape-check", "", "small_kernels"])
def test_task_is_the_whole_name_of_one(course, task):
    message = main(["--course", str(course.folder), "grade", ASSIGNMENT, "--task", task])
    assert message == f"grading: grade: task must be one of {ASSIGNMENT}'s, got {task}"
