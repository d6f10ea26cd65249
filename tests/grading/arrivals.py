"""What comes in from students, as folders and zips, and what a course makes of it."""
import json
import zipfile

from grading.collect import collect
from tests.grading.students import ASSIGNMENT

NAME = f"{ASSIGNMENT}.ipynb"


def notebook(text="1"):
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [
        {"cell_type": "code", "metadata": {}, "source": text, "outputs": [], "execution_count": None}]})


def folder_of(tmp_path, files, name="in"):
    for path, text in files.items():
        place = tmp_path / name / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
    return tmp_path / name


def zip_of(tmp_path, files, when=(2026, 11, 20, 9, 30, 0)):
    """Make a zip; a name may be a ZipInfo."""
    path = tmp_path / "in.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, text in files.items():
            entry = name if isinstance(name, zipfile.ZipInfo) else zipfile.ZipInfo(name, when)
            made.writestr(entry, text, zipfile.ZIP_DEFLATED)
    return path


def taken(course):
    """Return the texts of the submissions by student."""
    return {student: json.loads((path / NAME).read_text())["cells"][0]["source"]
            for student, path in course.submissions(ASSIGNMENT).items()}


def statuses(rows):
    return {row["student"]: row["status"] for row in rows}


def reasons(rows, status="refused"):
    return [row["reason"] for row in rows if row["status"] == status]


def run(course, place, **options):
    return collect(course, ASSIGNMENT, place, say=lambda line: None, **options)


def everything(folder):
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*"))
            if path.is_file() and "reports" not in path.parts and path.name != ".grading.lock"}
