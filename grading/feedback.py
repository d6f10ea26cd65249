"""What students get back: nbgrader's pages of the graded notebooks, without a hidden line."""
import json

from grading.course import CourseError
from grading.leaks import leaks
from grading.release import api


def feedback(course, assignment, students=None):
    """Make the feedback pages of an assignment, and return their folders by student.

    Args:
        course: the Course.
        assignment: its name.
        students: only these; all that were graded by default.

    Raises:
        CourseError: nobody was graded yet, nbgrader refuses, or a page shows a solution.
    """
    records = course.records(assignment)
    chosen = sorted(set(students or records))
    if not chosen or not set(chosen) <= set(records):
        raise CourseError(f"feedback: {assignment}: nothing was graded yet"
                          + (f" for {', '.join(sorted(set(chosen) - set(records)))}" if chosen else ""))
    folders = {}
    with course.lock():
        made = api(course)
        for student in chosen:
            result = made.generate_feedback(assignment, student, force=True)
            if not result["success"]:
                raise CourseError(f"feedback: {student}: {(result.get('error') or '').strip().splitlines()[-1:]}")
            folder = course.folder / "feedback" / student / assignment
            if found := leaks([folder], [course.folder / "source" / assignment], own=_own(course, assignment, student)):
                for page in folder.glob("*"):
                    page.unlink()
                raise CourseError(f"feedback: {student}: the page shows {found[0]}")
            folders[student] = folder
    return folders


def _own(course, assignment, student):
    """Return the texts that the student wrote."""
    path = course.folder / "autograded" / student / assignment / f"{assignment}.ipynb"
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells
            if cell["metadata"].get("nbgrader", {}).get("solution", True)]
