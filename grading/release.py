"""Give out an assignment: nbgrader makes the student's notebook and the gradebook's rows, a scan looks for leaks."""
import logging
import re
import shutil

from nbgrader.apps import NbGraderAPI
from nbgrader.coursedir import CourseDirectory

from grading.course import SOURCES, CourseError
from grading.gradebook import nbgrader_config
from grading.late import date_of
from grading.leaks import leaks
from grading.sheets import plain


def api(course):
    """Return nbgrader's programming interface for a course; it says only what goes wrong."""
    config = nbgrader_config(course)
    made = NbGraderAPI(CourseDirectory(config=config), config=config)
    made.log_level = logging.ERROR
    logging.getLogger("traitlets").setLevel(logging.ERROR)
    return made


def release(course, assignment, due=None):
    """Make the student's edition of an assignment, and return its folder.

    The source comes from the book the first time; what stands in the course's source/ is never overwritten.

    Args:
        course: the Course.
        assignment: the chapter, as "ch02", or the name of an own assignment in source/.
        due: when it is due, as "2027-03-01 12:00 UTC".

    Raises:
        CourseError: there is no such assignment, due is no date, nbgrader refuses it, or its student's edition shows a
            solution.
    """
    due = _date(due)
    place, original = course.folder / "source" / assignment, SOURCES / assignment
    with course.lock():
        if not place.exists():
            if not original.is_dir():
                known = ", ".join(sorted(path.name for path in SOURCES.iterdir()))
                raise CourseError(f"release: assignment must be one of {known}, got {assignment}")
            shutil.copytree(original, place, ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
        course.back_up()
        folder, old = course.folder / "release" / assignment, course.folder / "backups" / f"release-{assignment}"
        shutil.rmtree(old, ignore_errors=True)
        if folder.exists():
            shutil.copytree(folder, old)  # nbgrader empties the folder before it looks whether it can fill it
        made = api(course)
        result = made.generate_assignment(assignment, force=True, create=True)
        if not result["success"]:
            shutil.rmtree(folder, ignore_errors=True)
            if old.exists():
                shutil.copytree(old, folder)
            raise CourseError(f"release: {assignment}: {_reason(result)}")
        if due:
            made.gradebook.update_or_create_assignment(assignment, duedate=due)
        found = leaks([folder], [place])
        if found:
            shutil.rmtree(folder)
            raise CourseError(f"release: {assignment}: the student's edition shows {found[0]}")
    return folder


def _reason(result):
    """Return the line of nbgrader's report that says what is wrong."""
    lines = [line.strip() for line in f"{result.get('log') or ''}\n{result.get('error') or ''}".splitlines()]
    named = [line for line in lines if re.match(r"[\w.]*(Error|Exception)\b", line) and "above traceback" not in line]
    return (named or [line for line in lines if line] or ["nbgrader gave no reason"])[-1]


def _date(text):
    try:
        return date_of(text) if text else None
    except ValueError:
        raise CourseError(f'release: due must be a date as "2027-03-01 12:00 UTC", got {plain(text)}') from None
