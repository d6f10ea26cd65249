"""Export: grades as Canvas, Moodle and oneself read them, late days off, nothing that a spreadsheet would run."""
import csv
import io
import json
import shutil

import pytest
from nbgrader.api import Gradebook

from grading.__main__ import main
from grading.course import CourseError, open_course, write
from grading.export import export
from grading.gradebook import enter
from grading.release import api
from grading.sheets import csv_text
from tests.grading.students import ASSIGNMENT, cell_of

CANVAS = """\
Student,ID,SIS User ID,SIS Login ID,Section,Homework (77)
    Points Possible,,,,,15
"Lovelace, Ada",501,S1,ada,Sec 1,
"=cmd|' /C calc'!A0, Ben",502,S2,ben,Sec 1,
"Hopper, Grace",503,S3,grace,@Sec,
"Noether, Emmy",504,S4,emmy,Sec 1,
"""
MOODLE = """\
Identifier,"Full name","Email address",Username,Grade,"Maximum grade","Last modified (grade)"
"Participant 7","Ada Lovelace",ada@example.org,ada,,15.00,-
"Participant 8","Ben X",ben@example.org,ben,,15.00,"Friday, 20 November 2026, 3:12 PM"
"Participant 9","Grace Hopper",grace@example.org,grace,,15.00,-
"""


def result(course, right):
    """Return what a worker would: the checks of the tasks named pass, the others fail."""
    cells = json.loads(course.notebook("release", ASSIGNMENT).read_text(encoding="utf-8"))["cells"]
    for cell in cells:
        cell["source"] = "".join(cell["source"])
        name = cell["metadata"]["nbgrader"]["grade_id"]
        if name.endswith("-check") and name not in [cell_of(task, "check") for task in right]:
            cell["outputs"] = [{"output_type": "error", "ename": "wrong", "evalue": "wrong", "traceback": ["wrong"]}]
    return {"cells": cells}


def hand_in(course, student, right, when="2029-12-31 10:00:00.000000 UTC"):
    folder = course.folder / "submitted" / student / ASSIGNMENT
    write(folder / "timestamp.txt", when)
    if right is not None:
        enter(course, ASSIGNMENT, student, result(course, right), folder)


@pytest.fixture(scope="module")
def graded(released, tmp_path_factory):
    """Return a course: ada 8 of 15, ben 8 less 20 % for two days late, zed 0 and in no roster, emmy not graded yet."""
    place = tmp_path_factory.mktemp("graded") / "course"
    shutil.copytree(released.folder, place)
    course = open_course(place)
    hand_in(course, "ada", ["map_shape", "filter_map"])
    hand_in(course, "ben", ["map_shape", "filter_map"], "2030-01-02 13:00:00.000000 UTC")
    hand_in(course, "zed", [])
    hand_in(course, "emmy", None)
    return course


def rows_of(path):
    return list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"), newline="")))


def roster_of(tmp_path, text):
    write(tmp_path / "roster.csv", text)
    return tmp_path / "roster.csv"


def test_canvas(graded, tmp_path):
    said = []
    path = export(graded, "canvas", roster=roster_of(tmp_path, CANVAS), columns={ASSIGNMENT: "Homework (77)"},
                  to=tmp_path / "out.csv", say=said.append)
    assert rows_of(path) == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Homework (77)"],
        ["    Points Possible", "", "", "", "", "15"],
        ["Lovelace, Ada", "501", "S1", "ada", "Sec 1", "8"],
        ["'=cmd|' /C calc'!A0, Ben", "502", "S2", "ben", "Sec 1", "6.4"],
        ["Hopper, Grace", "503", "S3", "grace", "'@Sec", ""],
        ["Noether, Emmy", "504", "S4", "emmy", "Sec 1", ""]]
    assert "note: not in the roster and left out: zed" in said
    assert f"note: {ASSIGNMENT}: are not graded yet: emmy" in said


def test_zero_is_for_who_handed_in_nothing_only(graded, tmp_path):
    path = export(graded, "canvas", roster=roster_of(tmp_path, CANVAS), missing="zero", to=tmp_path / "out.csv")
    assert {row[3]: row[5] for row in rows_of(path)[2:]} == {"ada": "8", "ben": "6.4", "grace": "0", "emmy": ""}


def test_moodle_worksheet_of_one_assignment(graded, tmp_path):
    path = export(graded, "moodle", assignments=[ASSIGNMENT], roster=roster_of(tmp_path, MOODLE), to=tmp_path / "o.csv")
    assert rows_of(path) == [
        ["Identifier", "Full name", "Email address", "Grade", "Maximum grade", "Last modified (grade)"],
        ["Participant 7", "Ada Lovelace", "ada@example.org", "8", "15", "-"],
        ["Participant 8", "Ben X", "ben@example.org", "6.4", "15", "Friday, 20 November 2026, 3:12 PM"],
        ["Participant 9", "Grace Hopper", "grace@example.org", "", "15", "-"]]


def test_all_assignments_have_a_column_each(graded, tmp_path):
    place = shutil.copytree(graded.folder, tmp_path / "course")
    course = open_course(place)
    api(course).gradebook.add_assignment("ch99")
    path = export(course, "moodle", roster=roster_of(tmp_path, MOODLE), missing="zero", columns={"ch99": "Last one"})
    assert path == course.folder / "reports" / "grades-moodle.csv"
    assert rows_of(path)[:2] == [["Identifier", "Full name", "Email address", ASSIGNMENT, "Last one"],
                                 ["Participant 7", "Ada Lovelace", "ada@example.org", "8", "0"]]


def test_plain_needs_no_roster(graded, tmp_path):
    header, *rows = rows_of(export(graded, to=tmp_path / "out.csv"))
    table = {row[0]: dict(zip(header, row, strict=True)) for row in rows}
    assert list(table) == ["ada", "ben", "zed"]
    assert [table["ben"][name] for name in ("points", "late penalty", "score", "of")] == ["8", "1.6", "6.4", "15"]
    assert table["ben"]["handed in (UTC)"] == "2030-01-02 13:00:00"


def test_points_given_by_hand_lose_their_share_too(graded, tmp_path):
    course = open_course(shutil.copytree(graded.folder, tmp_path / "course"))
    with Gradebook(course.database) as book:
        found = book.find_grade("small-kernels-answer", ASSIGNMENT, ASSIGNMENT, "ben")
        found.manual_score, found.needs_manual_grade = 2, False
        book.db.commit()
    header, *rows = rows_of(export(course, to=tmp_path / "out.csv"))
    ben = next(dict(zip(header, row, strict=True)) for row in rows if row[0] == "ben")
    assert [ben[name] for name in ("points", "late penalty", "score")] == ["10", "2", "8"]


@pytest.mark.parametrize(("roster", "missing", "said"), [
    (None, "zero", True), (MOODLE, "zero", False), (None, "empty", False)], ids=["zero", "roster", "empty"])
def test_zeros_without_a_roster_are_explained(graded, tmp_path, roster, missing, said):
    lines = []
    path = roster_of(tmp_path, roster) if roster else None
    export(graded, roster=path, missing=missing, to=tmp_path / "out.csv", say=lines.append)
    assert ("note: who handed in nothing at all gets a zero only with a roster of all students: give it with --roster "
            "or put it into the course as roster.csv" in lines) == said


def test_formulas_are_guarded_and_numbers_are_not():
    cells = ["=1+1", "+49 30 1", "-cmd", "@SUM(A1)", "\t=1", " =1", "＝1", "-2.5", "+3", "1e", "-", "Ada", 7, None]
    wanted = ["'=1+1", "'+49 30 1", "'-cmd", "'@SUM(A1)", "'\t=1", "' =1", "'＝1", *cells[7:12], "7", ""]
    assert next(csv.reader(io.StringIO(csv_text([cells]), newline=""))) == wanted


@pytest.mark.parametrize(("options", "text", "message"), [
    ({"kind": "canvas"}, None, "export: canvas needs a roster, Canvas' gradebook export; give it with --roster or put "
                               "it into the course as roster.csv"),
    ({"kind": "moodle"}, "student id,name\nada,Ada\n",
     "export: the roster must have Identifier or Email address of each student, got none of ada"),
    ({"assignments": ["ch77"]}, None, "ch77: not in the gradebook; run: python -m grading release ch77"),
    ({"columns": {"ch77": "x"}}, None, "export: column must be of an exported assignment, got ch77"),
    ({"kind": "excel"}, None, "export: kind must be one of canvas, moodle, plain, got excel"),
    ({"missing": "none"}, None, "export: missing must be empty or zero, got none"),
], ids=["no-roster", "no-address", "assignment", "column", "kind", "missing"])
def test_refusals_in_one_line(graded, tmp_path, options, text, message):
    roster = roster_of(tmp_path, text) if text else None
    with pytest.raises(CourseError) as error:
        export(graded, roster=roster, to=tmp_path / "out.csv", **options)
    assert str(error.value) == message and not (tmp_path / "out.csv").exists()


def test_command(graded, tmp_path, capsys):
    roster = roster_of(tmp_path, CANVAS)
    assert main(["--course", str(graded.folder), "export", "canvas", ASSIGNMENT, "--roster", str(roster), "--missing",
                 "zero", "--column", f"{ASSIGNMENT}=Homework (77)", "--to", str(tmp_path / "out.csv")]) == 0
    assert rows_of(tmp_path / "out.csv")[0][5] == "Homework (77)"
    assert f"The grades are in {tmp_path / 'out.csv'}" in capsys.readouterr().out
