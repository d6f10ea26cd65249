"""Write results into nbgrader's gradebook and its folder of graded notebooks; one process does this at a time."""
import re
import shutil
import warnings
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbgrader.api import Assignment, BaseCell, Grade, Gradebook, SubmittedAssignment, SubmittedNotebook
from nbgrader.preprocessors import AssignLatePenalties, SaveAutoGrades
from traitlets.config import Config

from grading.course import CourseError, write
from grading.late import time_of
from grading.settings import configure

TIMELESS = "timestamp.txt cannot be read: taken as handed in in time"


@dataclass(frozen=True)
class Entry:
    """What the gradebook says of a submission after its result was entered.

    Attributes:
        points: its points, late days taken off.
        largest: the largest possible.
        waiting: how many of its cells wait for a person.
        held: what the grader wrote, as ``held`` returns it.
        note: what the instructor should know, or "".
    """

    points: float
    largest: float
    waiting: int
    held: dict
    note: str = ""


def nbgrader_config(course):
    """Return nbgrader's settings for a course."""
    config = Config()
    config.CourseDirectory.db_url = course.database
    return configure(config, course.folder)


def enter(course, assignment, student, result, submitted, *, unchanged=()):
    """Enter a submission's result, and return its Entry.

    Args:
        course: the Course.
        assignment: the assignment's name.
        student: the student's name.
        result: what a worker returned; one without cells enters as zero points.
        submitted: the folder of the submission, for its timestamp.
        unchanged: names of the cells whose answers are the ones that were graded last; points that a person gave
            them need no second look.
    """
    config, note = nbgrader_config(course), ""
    try:
        timestamp = time_of(Path(submitted))
    except ValueError:
        timestamp, note = None, TIMELESS
    with Gradebook(course.database) as book, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Object of type <Submitted")  # nbgrader's way to build its rows
        book.update_or_create_student(student)
        book.update_or_create_submission(assignment, student, timestamp=timestamp)
        read = {name: grade.auto_score for name, grade in _given(book, assignment, student).items()
                if name in unchanged and not grade.needs_manual_grade}
    resources = {"unique_key": assignment, "nbgrader": {"db_url": course.database, "student": student,
                                                        "assignment": assignment, "notebook": assignment}}
    notebook = nbformat.from_dict({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [
        {**_harmless(cell), "id": f"cell-{number}"} for number, cell in enumerate(result["cells"])]})
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    for step in (SaveAutoGrades(config=config), AssignLatePenalties(config=config)):
        notebook, resources = step.preprocess(notebook, resources)
    if read:
        _keep_read(course, assignment, student, read)
    folder = course.folder / "autograded" / student / assignment
    files = {"timestamp.txt": f"{timestamp} UTC"} if timestamp else {}
    files[f"{assignment}.ipynb"] = nbformat.writes(notebook) + "\n"
    for name, text in files.items():
        write(folder / name, text)
    for path in folder.iterdir():
        if path.name not in files:
            path.unlink() if path.is_symlink() or not path.is_dir() else shutil.rmtree(path)
    return _entry(course, assignment, student, note)


def held(course, assignment):
    """Return what the grader wrote into the gradebook, by student: time, loss for late days, points of the checks.

    Nothing that a person writes with formgrader is in it.
    """
    with Gradebook(course.database) as book:
        return _held(book, Assignment.name == assignment)


def students(course):
    """Return the names of the students in the gradebook."""
    with Gradebook(course.database) as book:
        return [each.id for each in book.students]


def _held(book, *wanted):
    query = book.db.query(SubmittedAssignment.student_id, SubmittedAssignment.timestamp,
                          SubmittedNotebook.late_submission_penalty, BaseCell.name, Grade.auto_score)
    query = query.join(Assignment, Assignment.id == SubmittedAssignment.assignment_id)
    query = query.outerjoin(SubmittedNotebook, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
    query = query.outerjoin(Grade, Grade.notebook_id == SubmittedNotebook.id)
    found = {}
    for student, time, penalty, cell, points in query.outerjoin(BaseCell, BaseCell.id == Grade.cell_id).filter(*wanted):
        row = found.setdefault(student, {"time": str(time or ""), "penalty": penalty or 0.0, "points": {}})
        row["points"][cell or ""] = points
    return found


def _given(book, assignment, student):
    """Return the grades to which a person gave points, by their cells' names."""
    notebooks = book.find_submission(assignment, student).notebooks
    return {grade.name: grade for each in notebooks for grade in each.grades if grade.manual_score is not None}


def _keep_read(course, assignment, student, read):
    """Take back nbgrader's mark that a person has to look again, where nothing has changed since one did.

    Args:
        course: the Course.
        assignment: the assignment's name.
        student: the student's name.
        read: the automatic points that cells had when a person gave them others, by the cells' names.
    """
    with Gradebook(course.database) as book:
        for name, grade in _given(book, assignment, student).items():
            if name in read and grade.auto_score == read[name]:
                grade.needs_manual_grade = False
        book.db.commit()


def _harmless(cell):
    """Return a cell whose text runs nothing in the browser of the instructor who reads it in nbgrader's pages.

    Tags and links that are programs get a mark in them that cannot be seen; mathematics and Markdown stay.
    """
    if cell["cell_type"] != "markdown" or not cell["metadata"].get("nbgrader", {}).get("solution"):
        return cell
    text = re.sub(r"<(?=[a-z/!?])", "<\u200b", cell["source"], flags=re.I)
    text = re.sub(r"&(?=#|colon|tab|newline)", "&\u200b", text, flags=re.I)
    return {**cell, "source": re.sub(r"(javascript|data|vbscript)(\s*:)", "\\1\u200b\\2", text, flags=re.I)}


def _entry(course, assignment, student, note):
    with Gradebook(course.database) as book:
        row, = _held(book, Assignment.name == assignment, SubmittedAssignment.student_id == student).values()
        submission = book.find_submission(assignment, student)
        points = submission.score - (submission.late_submission_penalty or 0)
        waiting = sum(grade.needs_manual_grade for each in submission.notebooks for grade in each.grades)
        return Entry(points, submission.max_score, waiting, row, note)


def check_known(course, assignment):
    """Raise CourseError unless an assignment was released."""
    with Gradebook(course.database) as book:
        if assignment not in [each.name for each in book.assignments]:
            raise CourseError(f"{assignment}: not in the gradebook; run: python -m grading release {assignment}")
