"""What students get back: nbgrader's pages of the graded notebooks, without a hidden line."""
import json

from grading.course import CourseError
from grading.leaks import leaks
from grading.release import api
from grading.sheets import plain

SHOWN = 5  # students that an error names


def feedback(course, assignment, students=None):
    """Make the feedback pages of an assignment, and return their folders by student.

    Args:
        course: the Course.
        assignment: its name.
        students: only these; all that were graded by default.

    Raises:
        CourseError: nobody was graded yet; or of some students no page could be made, and of all others it was.
    """
    records = course.records(assignment)
    chosen = sorted(set(students or records))
    if not chosen or not set(chosen) <= set(records):
        raise CourseError(f"feedback: {assignment}: nothing was graded yet"
                          + (f" for {', '.join(sorted(set(chosen) - set(records)))}" if chosen else ""))
    folders, failed = {}, []
    with course.lock():
        made = api(course)
        for student in chosen:
            try:
                folders[student] = _page(course, assignment, student, made)
            except (CourseError, OSError, ValueError) as error:
                failed.append(f"{student}: {plain(error, 300)}")
    if failed:
        more = f"; and {len(failed) - SHOWN} more" if len(failed) > SHOWN else ""
        raise CourseError(f"feedback: {assignment}: no page for {len(failed)} of {len(chosen)} students: "
                          + "; ".join(failed[:SHOWN]) + more)
    return folders


def _page(course, assignment, student, made):
    """Make the page of a student, and return its folder, which holds nothing if the page may not be seen."""
    folder = course.folder / "feedback" / student / assignment
    result = made.generate_feedback(assignment, student, force=True)
    if not result["success"]:
        raise CourseError((result.get("error") or "nbgrader gave no reason").strip().splitlines()[-1])
    if found := leaks([folder], [course.folder / "source" / assignment], own=_own(course, assignment, student)):
        for page in folder.glob("*"):
            page.unlink()
        raise CourseError(f"the page shows {found[0]}")
    return folder


def _own(course, assignment, student):
    """Return the texts that the student wrote."""
    path = course.folder / "autograded" / student / assignment / f"{assignment}.ipynb"
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells
            if cell["metadata"].get("nbgrader", {}).get("solution", True)]
