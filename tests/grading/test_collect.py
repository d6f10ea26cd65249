"""Collect: what a folder, Moodle's zip and Canvas' zip become."""
import csv
import json
import os
import shutil
import struct
import zipfile
from datetime import UTC, datetime

import pytest
from nbgrader.api import Gradebook
from nbgrader.coursedir import CourseDirectory

from grading.collect import COLUMNS, collect
from grading.course import CourseError, open_course
from grading.gradebook import nbgrader_config
from grading.roster import safe_id
from tests.grading.arrivals import NAME, everything, folder_of, notebook, reasons, run, statuses, taken, zip_of
from tests.grading.students import ASSIGNMENT

ROSTER = """\
student id,name,email,moodle id,canvas id
ada,Ada Lovelace,ada@example.org,Participant 1234567,501
joerg,"Müller, Jörg",jm@example.org,Participant 1234568,502
ann1,Ann Lee,ann1@example.org,Participant 1234569,503
ann2,Ann Lee,ann2@example.org,Participant 1234570,504
grace,Grace Hopper,grace@example.org,Participant 1234571,505
"""


@pytest.fixture
def course(released, tmp_path):
    shutil.copytree(released.folder, tmp_path / "course")
    return open_course(tmp_path / "course")


@pytest.fixture
def roster(tmp_path):
    path = tmp_path / "roster.csv"
    path.write_text(ROSTER, encoding="utf-8")
    return path


def test_folder_of_students_and_flat_files(course, tmp_path):
    place = folder_of(tmp_path, {
        "ada/answer of mine.ipynb": notebook("a"), f"ben/{ASSIGNMENT}/{NAME}": notebook("b"),
        f"cleo_{NAME}": notebook("c"), "dora.ipynb": notebook("d"), "dora_ch99.txt": "no", "eve/notes.md": "no",
        "ada/.ipynb_checkpoints/answer.ipynb": notebook("old"), "__MACOSX/x.ipynb": notebook("junk")})
    rows = run(course, place)
    assert taken(course) == {"ada": "a", "ben": "b", "cleo": "c", "dora": "d"}
    assert [row["reason"] for row in rows if row["student"] == "ada"] == ["renamed from answer of mine.ipynb"]
    assert statuses(rows)["eve"] == "refused" and reasons(rows) == ["no notebook"]
    with open(course.folder / "reports" / f"{ASSIGNMENT}-collect.csv", newline="", encoding="utf-8") as file:
        assert [list(row.values()) for row in csv.DictReader(file)] == [[row[key] for key in COLUMNS] for row in rows]


def test_another_assignment_is_left_out(course, tmp_path):
    with Gradebook(course.database) as book:
        book.add_assignment("ch99")
    place = folder_of(tmp_path, {"ada/ch99/ch99.ipynb": notebook("99"), f"ada/{ASSIGNMENT}/{NAME}": notebook("a"),
                                 "ben_ch99.ipynb": notebook("99"), "cleo/ch99.ipynb": notebook("99")})
    rows = run(course, place)
    assert taken(course) == {"ada": "a"}
    assert reasons(rows, "left out") == ["of assignment ch99"] * 3


def test_moodle_zip_with_roster(course, roster, tmp_path):
    begin = "assignsubmission_file_"
    place = zip_of(tmp_path, {
        f"Ada Lovelace_1234567_{begin}/{NAME}": notebook("a"),
        f"Group 1-Jörg Müller_1234568_{begin}/my.ipynb": notebook("j"),
        f"Ann Lee_1234570_{begin}/{NAME}": notebook("second Ann"),
        f"Zoë Quinn_1234599_{begin}{NAME}": notebook("z"),
        "Grace Hopper_1234571_assignsubmission_onlinetext_/onlinetext.html": "<p>here</p>"})
    rows = run(course, place, roster=roster)
    assert taken(course) == {"ada": "a", "joerg": "j", "ann2": "second Ann", "zoe-quinn": "z"}
    assert [row["student"] for row in rows if "unknown: not in the roster" in row["reason"]] == ["zoe-quinn"]
    assert [row["student"] for row in rows if row["status"] == "missing"] == ["ann1", "grace"]
    assert reasons(rows, "left out") == ["a text typed into Moodle, no file"]


def test_moodle_number_of_another_assignment_gives_nobody_anothers_work(course, roster, tmp_path):
    place = zip_of(tmp_path, {f"Grace Hopper_1234567_assignsubmission_file_/{NAME}": notebook("g"),
                              f"Ann Lee_7_assignsubmission_file_/{NAME}": notebook("which Ann")})
    rows = run(course, place, roster=roster)
    assert taken(course) == {"grace": "g"}
    assert reasons(rows) == ["2 students of the roster are called Ann Lee"]


def test_canvas_zip_with_late_and_resubmission(course, roster, tmp_path):
    place = zip_of(tmp_path, {
        f"lovelaceada_501_9001_{ASSIGNMENT}-1.ipynb": notebook("again"),
        f"lovelaceada_501_9000_{NAME}": notebook("1st"),
        f"müllerjörg_LATE_502_9002_{ASSIGNMENT}-12.ipynb": notebook("late"),
        "leeann_504_9003_x_y_1.ipynb": notebook("x"),
        f"quinnzoe_777_9004_{NAME}": notebook("z"), f"anon_AbC1d_9005_{NAME}": notebook("?"),
    }, when=(2030, 1, 2, 12, 0, 0))  # after the due date, as of the download
    rows = run(course, place, roster=roster)
    assert taken(course) == {"ada": "again", "joerg": "late", "ann2": "x", "quinnzoe": "z"}
    times = {row["student"]: row["handed_in"] for row in rows}
    assert times["ada"] == "2030-01-01 12:00:00.000000 UTC"  # in time, so not after the due date
    assert times["joerg"].startswith("2030-01-02")
    assert [row["student"] for row in rows if "late, as Canvas says" in row["reason"]] == ["joerg"]
    assert any("anonymous" in reason for reason in reasons(rows, "left out"))


def test_names_without_roster_become_safe_ids(course, tmp_path):
    place = zip_of(tmp_path, {f"Jörg O'Müller_1_assignsubmission_file_/{NAME}": notebook("j"),
                              f"李明_2_assignsubmission_file_/{NAME}": notebook("l")})
    run(course, place)
    assert taken(course) == {"jorg-o-muller": "j", safe_id("李明"): "l"}
    assert safe_id("李明") != safe_id("王芳") and safe_id("../..").isalnum()


def test_two_names_of_one_id_are_refused(course, tmp_path):
    place = zip_of(tmp_path, {f"Ada B_1_assignsubmission_file_/{NAME}": notebook("1"),
                              f"Ada-B_2_assignsubmission_file_/{NAME}": notebook("2")})
    assert "tell them apart in the roster" in reasons(run(course, place))[0]
    assert taken(course) == {}


def test_unknown_name_cannot_take_a_roster_id(course, roster, tmp_path):
    rows = run(course, zip_of(tmp_path, {f"Ada_9_assignsubmission_file_/{NAME}": notebook("?")}), roster=roster)
    assert reasons(rows) == ["not in the roster, and ada is another's id"] and taken(course) == {}


def test_several_notebooks(course, tmp_path):
    place = folder_of(tmp_path, {f"ada/{NAME}": notebook("a"), "ada/scratch.ipynb": notebook("s"),
                                 "ben/one.ipynb": notebook("1"), "ben/two.ipynb": notebook("2"),
                                 f"cleo/{ASSIGNMENT}.ipynb": notebook("0"),
                                 f"cleo/{ASSIGNMENT} (1).ipynb": notebook("1")})
    rows = run(course, place)
    assert taken(course) == {"ada": "a", "cleo": "1"}
    assert reasons(rows) == [f"several notebooks, none of them surely {NAME}"]


def extra_time(seconds):
    entry = zipfile.ZipInfo(f"ada/{NAME}", (2026, 11, 20, 9, 30, 0))
    entry.extra = struct.pack("<HHBi", 0x5455, 5, 1, seconds)
    return entry


def test_time_is_the_files_and_nbgrader_reads_it(course, tmp_path):
    place = folder_of(tmp_path, {f"ada/{NAME}": notebook("a")})
    seconds = datetime(2026, 11, 22, 10, 0, 0, tzinfo=UTC).timestamp()
    os.utime(place / "ada" / NAME, (seconds, seconds))
    run(course, place)
    stamp = course.folder / "submitted" / "ada" / ASSIGNMENT / "timestamp.txt"
    assert stamp.read_text() == "2026-11-22 10:00:00.000000 UTC"
    read = CourseDirectory(config=nbgrader_config(course)).get_existing_timestamp(str(stamp.parent))
    assert read == datetime(2026, 11, 22, 10, 0, 0)


def test_time_in_a_zip_exact_or_local(course, tmp_path):
    seconds = int(datetime(2026, 11, 22, 10, 0, 1, tzinfo=UTC).timestamp())
    rows = run(course, zip_of(tmp_path, {extra_time(seconds): notebook("a"), f"ben/{NAME}": notebook("b")}))
    local = datetime(2026, 11, 20, 9, 30).astimezone(UTC)
    times = {row["student"]: row["handed_in"] for row in rows}
    assert times == {"ada": "2026-11-22 10:00:01.000000 UTC", "ben": local.strftime("%Y-%m-%d %H:%M:%S.%f UTC")}


def test_time_of_the_roster_and_of_the_option(course, tmp_path):
    sheet = tmp_path / "sheet.csv"
    sheet.write_text('Identifier,"Full name","Email address","Last modified (submission)"\n'
                     '"Participant 7","Ada Lovelace",ada@example.org,"Friday, 20 November 2026, 3:12 PM"\n')
    place = zip_of(tmp_path, {f"Ada Lovelace_7_assignsubmission_file_/{NAME}": notebook("a")}, (2027, 1, 1, 0, 0, 0))
    local = datetime(2026, 11, 20, 15, 12).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f UTC")
    assert [row["handed_in"] for row in run(course, place, roster=sheet)] == [local]
    rows = run(course, place, roster=sheet, handed_in="2026-11-19 08:00 UTC")  # the same file, another time
    assert statuses(rows) == {"ada": "new time"}
    stamp = course.folder / "submitted" / "ada" / ASSIGNMENT / "timestamp.txt"
    assert stamp.read_text() == "2026-11-19 08:00:00.000000 UTC"
    with pytest.raises(CourseError, match=r'^collect: time must be as "2027-03-01 12:00 UTC", got soon$'):
        run(course, place, handed_in="soon")


def test_zip_made_after_the_due_date_is_noticed(course, tmp_path):
    place = zip_of(tmp_path, {f"ada/{NAME}": notebook("a"), f"ben/{NAME}": notebook("b")}, (2031, 1, 1, 0, 0, 0))
    said = []
    collect(course, ASSIGNMENT, place, say=said.append)
    assert any(line.startswith("note: all times in the zip") for line in said)


def test_older_submission_is_kept_and_equal_changes_nothing(course, tmp_path):
    first = folder_of(tmp_path, {f"ada/{NAME}": notebook("first"), f"ben/{NAME}": notebook("b")})
    run(course, first, handed_in="2026-11-20 10:00 UTC")
    before = everything(course.folder)
    assert statuses(run(course, first)) == {"ada": "unchanged", "ben": "unchanged"}
    assert everything(course.folder) == before
    second = folder_of(tmp_path, {f"ada/{NAME}": notebook("second")}, "later")
    assert statuses(run(course, second, handed_in="2026-11-21 10:00 UTC")) == {"ada": "replaced"}
    assert taken(course) == {"ada": "second", "ben": "b"}
    kept = [json.loads(path.read_text())["cells"][0]["source"] for path in (course.folder / "older").rglob("*.ipynb")]
    assert kept == ["first"]
    rows = run(course, first, handed_in="2026-11-20 10:00 UTC")  # last week's folder once more
    assert statuses(rows)["ada"] == "refused" and taken(course)["ada"] == "second"
