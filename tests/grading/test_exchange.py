"""nbgrader's exchange: what is taken from it, and what a student could put there."""
import json
import os
import pwd
import shutil
import time
from datetime import UTC, datetime, timedelta

import pytest

from grading.course import CourseError, init_course, open_course
from grading.exchange import fetch, give_back, publish, uid_of
from grading.grade import grade
from grading.release import release
from tests.grading.students import ASSIGNMENT

ME = pwd.getpwuid(os.getuid()).pw_name
NAME = f"{ASSIGNMENT}.ipynb"


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """Return a course and the exchange in which its assignment lies."""
    folder = tmp_path_factory.mktemp("exchange")
    course = init_course(folder / "course", "A course")
    release(course, ASSIGNMENT)
    publish(course, ASSIGNMENT, folder / "exchange")
    return open_course(course.folder), folder / "exchange"


@pytest.fixture
def said(published):
    """Return a list for what is said, with nothing in the exchange's inbound and in submitted/ before and after."""
    course, root = published
    yield []
    for path in [*(root / "cnn" / "inbound").iterdir(), *(course.folder / "submitted").iterdir()]:
        path.unlink() if path.is_symlink() else shutil.rmtree(path)


def ago(**time):
    """Return the moment that lies some time back, in UTC without a zone; the exchange compares it with the files'."""
    return datetime.now(UTC).replace(tzinfo=None) - timedelta(**time)


def submit(root, *, student=ME, at=None, text="{}", random="abc", name=NAME):
    """Put a submission into the exchange as nbgrader does for a student; return its folder."""
    at = at or ago()
    folder = root / "cnn" / "inbound" / f"{student}+{ASSIGNMENT}+{at:%Y-%m-%d %H:%M:%S.%f} UTC+{random}"
    folder.mkdir()
    (folder / name).write_text(text, encoding="utf-8")
    (folder / "timestamp.txt").write_text(f"{at:%Y-%m-%d %H:%M:%S.%f} UTC", encoding="utf-8")
    (folder / "submission_secret.txt").write_text("secret", encoding="utf-8")
    return folder


def collected(course, student=ME):
    """Return the text of the notebook that was collected, or None."""
    path = course.folder / "submitted" / student / ASSIGNMENT / NAME
    return path.read_text(encoding="utf-8") if path.exists() else None


def test_published_assignment_is_the_student_edition_and_safe_from_others(published):
    course, root = published
    out = root / "cnn" / "outbound" / ASSIGNMENT / NAME
    assert out.read_bytes() == course.notebook("release", ASSIGNMENT).read_bytes()
    assert [oct(path.stat().st_mode & 0o7777) for path in (root, root / "cnn" / "inbound", out)] == [
        "0o1777", "0o3733", "0o644"]


def test_only_a_released_assignment_is_published(published):
    with pytest.raises(CourseError, match="ch01: there is no release notebook"):
        publish(published[0], "ch01", published[1])


def test_newest_submission_is_taken_once(published, said):
    course, root = published
    submit(root, at=ago(seconds=20), text="old", random="a")
    submit(root, at=ago(seconds=10), text="new", random="b")
    assert fetch(course, ASSIGNMENT, root, said.append) == [ME]
    assert (collected(course), fetch(course, ASSIGNMENT, root, said.append), said) == ("new", [], [])
    submit(root, at=ago(), text="newest", random="c")
    assert fetch(course, ASSIGNMENT, root, said.append) == [ME]
    assert collected(course) == "newest"


def test_submission_under_another_name_is_not_taken(published, said):
    course, root = published
    submit(root, student="ada")
    assert fetch(course, ASSIGNMENT, root, said.append) == []
    assert f"it bears the name of ada and belongs to user {os.getuid()}" in said[0]
    assert collected(course, "ada") is None


def test_link_to_the_instructors_files_is_not_followed(published, said):
    course, root = published
    folder = submit(root)
    (folder / NAME).unlink()
    (folder / NAME).symlink_to(course.notebook("source", ASSIGNMENT))
    assert fetch(course, ASSIGNMENT, root, said.append) == [ME]
    taken = course.folder / "submitted" / ME / ASSIGNMENT / NAME
    assert taken.is_symlink() and not taken.exists()
    row, = grade(course, ASSIGNMENT, workers=1, say=said.append)
    assert (row["status"], row["score"]) == ("refused", 0)
    assert "The submission holds a link" in row["reason"]


def test_link_in_place_of_the_folder_is_not_followed(published, said):
    course, root = published
    link = root / "cnn" / "inbound" / f"{ME}+{ASSIGNMENT}+{ago():%Y-%m-%d %H:%M:%S} UTC+abc"
    link.symlink_to(course.folder / "source" / ASSIGNMENT)
    assert fetch(course, ASSIGNMENT, root, said.append) == []
    assert "it is no folder" in said[0]


def test_backdated_submission_counts_from_when_it_came(published, said):
    course, root = published
    submit(root, at=ago(days=3))
    fetch(course, ASSIGNMENT, root, said.append)
    written = (course.folder / "submitted" / ME / ASSIGNMENT / "timestamp.txt").read_text(encoding="utf-8")
    late = ago() - datetime.strptime(written, "%Y-%m-%d %H:%M:%S.%f UTC")
    assert abs(late) < timedelta(minutes=2)


def test_file_changed_after_submitting_counts_from_the_change(published, said):
    course, root = published
    folder = submit(root, at=ago(days=3))
    os.utime(folder / NAME, (time.time() - 3 * 86400,) * 2)  # a student can set this time back, and not the other
    fetch(course, ASSIGNMENT, root, said.append)
    written = (course.folder / "submitted" / ME / ASSIGNMENT / "timestamp.txt").read_text(encoding="utf-8")
    assert written > f"{ago(minutes=2):%Y-%m-%d %H:%M:%S}"


def test_bad_submission_does_not_stop_the_others(published, said):
    course, root = published
    submit(root, text="good")
    os.mkfifo(submit(root, at=ago(seconds=-1), text="good", random="b") / "pipe")
    for name in (f"x+{ASSIGNMENT}+yesterday+abc", f"+{ASSIGNMENT}+", f"a+b+{ASSIGNMENT}+c+d"):
        (root / "cnn" / "inbound" / name).mkdir()
    assert fetch(course, ASSIGNMENT, root, said.append) == [ME]
    assert (collected(course), len(said)) == ("good", 3)
    assert not (course.folder / "submitted" / ME / ASSIGNMENT / "pipe").exists()


def test_too_many_files_leave_the_earlier_submission(published, said):
    course, root = published
    submit(root, at=ago(seconds=9), text="good")
    fetch(course, ASSIGNMENT, root, said.append)
    folder = submit(root, text="bad", random="b")
    for number in range(120):
        (folder / f"{number}.txt").touch()
    assert fetch(course, ASSIGNMENT, root, said.append) == []
    assert "hold at most 100 files" in said[0] and collected(course) == "good"


def test_large_file_is_cut_and_then_refused(published, said):
    course, root = published
    submit(root, text=" " * 20_000_000)
    fetch(course, ASSIGNMENT, root, said.append)
    assert (course.folder / "submitted" / ME / ASSIGNMENT / NAME).stat().st_size == 5 * 2**20 + 1


@pytest.mark.filterwarnings("ignore:Exception ignored in")  # nbgrader leaves timestamp.txt open
def test_feedback_waits_until_the_newest_submission_is_graded(published, said):
    course, root = published
    submit(root, at=ago(seconds=9), text=json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {},
                                                          "cells": []}))
    fetch(course, ASSIGNMENT, root, said.append)
    grade(course, ASSIGNMENT, workers=1, say=lambda line: None)
    page = course.folder / "feedback" / ME / ASSIGNMENT / f"{ASSIGNMENT}.html"
    with pytest.raises(CourseError, match="there is no feedback"):
        give_back(course, ASSIGNMENT, root, said.append)
    page.parent.mkdir(parents=True)
    page.write_text("<html>a page</html>", encoding="utf-8")
    page.chmod(0o600)
    assert give_back(course, ASSIGNMENT, root, said.append) == [ME]
    given, = (root / "cnn" / "feedback").iterdir()
    assert given.read_text(encoding="utf-8") == "<html>a page</html>"
    assert [oct(path.stat().st_mode & 0o777) for path in (given, given.parent)] == ["0o644", "0o711"]
    for part in ("submitted", "autograded", "feedback"):  # a student whose page cannot be given back
        shutil.copytree(course.folder / part / ME / ASSIGNMENT, course.folder / part / "aaa" / ASSIGNMENT)
    (page.parents[2] / "aaa" / ASSIGNMENT / "timestamp.txt").unlink()
    (page.parents[2] / "aaa" / ASSIGNMENT / "timestamp.txt").mkdir()
    assert give_back(course, ASSIGNMENT, root, said.append) == [ME]
    assert said.pop().startswith("not given back: aaa: ")
    for part in ("autograded", "feedback"):
        shutil.rmtree(course.folder / part / "aaa")
    submit(root, random="b")
    (course.folder / "submitted" / ME / ASSIGNMENT / "timestamp.txt").write_text("soon")  # counts as older
    fetch(course, ASSIGNMENT, root, said.append)
    assert give_back(course, ASSIGNMENT, root, said.append) == []
    assert said == [f"not given back: {ME}: a newer submission was collected; run: python -m grading grade ch02"]


def test_exchange_that_is_not_there_is_named(published, said):
    with pytest.raises(CourseError, match=r"exchange: ch02 must be published in .*nowhere by you"):
        fetch(published[0], ASSIGNMENT, published[1] / "nowhere", said.append)


def test_user_numbers_differ_and_leave_the_systems_own_alone():
    numbers = {uid_of(f"student-{i:03}") for i in range(200)}
    assert len(numbers) == 200 and min(numbers) >= 1_000_000 and max(numbers) < 2**31
