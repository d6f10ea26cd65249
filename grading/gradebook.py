"""Write results into nbgrader's gradebook and its folder of graded notebooks; one process does this at a time."""
import re
import shutil
import warnings

import nbformat
from nbgrader.api import Gradebook
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import AssignLatePenalties, SaveAutoGrades
from traitlets.config import Config

from grading.course import CourseError
from grading.settings import configure


def nbgrader_config(course):
    """Return nbgrader's settings for a course."""
    config = Config()
    config.CourseDirectory.db_url = course.database
    return configure(config, course.folder)


def enter(course, assignment, student, result, submitted):
    """Enter a submission's result, and return its score and the largest possible.

    Args:
        course: the Course.
        assignment: the assignment's name.
        student: the student's name.
        result: what a worker returned; one without cells enters as zero points.
        submitted: the folder of the submission, for its timestamp.
    """
    config = nbgrader_config(course)
    directory = CourseDirectory(config=config)
    with Gradebook(course.database) as book, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Object of type <Submitted")  # nbgrader's way to build its rows
        book.update_or_create_student(student)
        timestamp = directory.get_existing_timestamp(str(submitted))
        options = {"timestamp": timestamp} if timestamp else {}
        book.update_or_create_submission(assignment, student, **options)
    resources = {"unique_key": assignment, "nbgrader": {"db_url": course.database, "student": student,
                                                        "assignment": assignment, "notebook": assignment}}
    notebook = nbformat.from_dict({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [
        {**_harmless(cell), "id": f"cell-{number}"} for number, cell in enumerate(result["cells"])]})
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    for step in (SaveAutoGrades(config=config), AssignLatePenalties(config=config)):
        notebook, resources = step.preprocess(notebook, resources)
    folder = course.folder / "autograded" / student / assignment
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    nbformat.write(notebook, folder / f"{assignment}.ipynb")
    if timestamp:
        (folder / "timestamp.txt").write_text(f"{timestamp} UTC", encoding="utf-8")
    return score(course, assignment, student)


def _harmless(cell):
    """Return a cell whose text runs nothing in the browser of the instructor who reads it in nbgrader's pages.

    Tags and links that are programs get a mark in them that cannot be seen; mathematics and Markdown stay.
    """
    if cell["cell_type"] != "markdown" or not cell["metadata"].get("nbgrader", {}).get("solution"):
        return cell
    text = re.sub(r"<(?=[a-z/!?])", "<\u200b", cell["source"], flags=re.I)
    text = re.sub(r"&(?=#|colon|tab|newline)", "&\u200b", text, flags=re.I)
    return {**cell, "source": re.sub(r"(javascript|data|vbscript)(\s*:)", "\\1\u200b\\2", text, flags=re.I)}


def score(course, assignment, student):
    """Return the points of a submission, late days taken off, and the largest possible."""
    with Gradebook(course.database) as book:
        submission = book.find_submission(assignment, student)
        return submission.score - (submission.late_submission_penalty or 0), submission.max_score


def check_known(course, assignment):
    """Raise CourseError unless an assignment was released."""
    with Gradebook(course.database) as book:
        if assignment not in [each.name for each in book.assignments]:
            raise CourseError(f"{assignment}: not in the gradebook; run: python -m grading release {assignment}")
