"""A new task in a course's assignment: three cells in nbgrader's format, for the instructor to fill in."""
import json
import keyword
import re

from grading.course import CourseError, write

NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
QUESTION = """\
## Task: {title} ({points})

Say here what the function takes and returns, in short sentences, and which finished functions it may not call."""
ANSWER = '''\
def {name}(number):
    """Return what the question asks for; say here what goes in and what comes out."""
    ### BEGIN SOLUTION
    return 2 * number
    ### END SOLUTION'''
CHECK = '''\
### BEGIN HIDDEN TESTS
# The graded cases. A message says what to look at, and never the answer: the student reads it.
assert {name}(3) == 6, "{name}: look at a number larger than 1."
assert {name}(-2) == -4, "{name}: look at a negative number."
### END HIDDEN TESTS
if {name}(0) is None:
    print("Not answered yet.")
else:
    assert {name}(0) == 0, "{name}: look at 0."
    print("Right: the visible case passes.")'''


def add_exercise(course, assignment, name, points):
    """Add the cells of a new task at the end of an assignment's source notebook, and return the notebook's path.

    The cells hold an example that works, with its solution and its hidden tests between nbgrader's markers; the
    instructor puts the real ones in their place. All that stood in the notebook before stays as it is.

    Args:
        course: the Course.
        assignment: the assignment's name.
        name: the name of the function that students write, as "map_size"; the cells' ids are made from it.
        points: what a right answer is worth.

    Raises:
        CourseError: name is no function's name or is taken, points is below 1, there is no such assignment, or
            submissions of it were graded: nbgrader adds no cells then.
    """
    if not NAME.fullmatch(name) or keyword.iskeyword(name):
        raise CourseError(f"add-exercise: NAME must be a function's name such as map_size, got {name}")
    if points < 1:
        raise CourseError(f"add-exercise: points must be at least 1, got {points}")
    path = course.notebook("source", assignment)
    with course.lock():
        if _graded(course, assignment):
            raise CourseError(f"add-exercise: {assignment} must have no graded submission yet; add to a later one")
        notebook = json.loads(path.read_text(encoding="utf-8"))
        new = cells(name, points)
        taken = {each for cell in notebook["cells"] for each in _names(cell)}
        if taken & {name, *(cell["id"] for cell in new)}:
            raise CourseError(f"add-exercise: NAME must be new in {assignment}, got {name}")
        notebook["cells"] += new
        write(path, json.dumps(notebook, indent=1, ensure_ascii=False) + "\n")
    return path


def cells(name, points):
    """Return the question, the answer and the check of a new task.

    Args:
        name: the name of the function that students write.
        points: what a right answer is worth.

    >>> [cell["id"] for cell in cells("map_size", 2)]
    ['map-size-question', 'map-size-answer', 'map-size-check']
    """
    word, title = name.replace("_", "-"), name.replace("_", " ")
    worth = "1 point" if points == 1 else f"{points} points"
    return [
        _cell("markdown", f"{word}-question", QUESTION.format(title=title, points=worth), locked=True),
        _cell("code", f"{word}-answer", ANSWER.format(name=name), solution=True),
        _cell("code", f"{word}-check", CHECK.format(name=name), grade=True, locked=True, points=points),
    ]


def _cell(kind, name, source, **settings):
    nbgrader = {"grade": False, "grade_id": name, "locked": False, "schema_version": 3, "solution": False,
                "task": False, **settings}
    cell = {"cell_type": kind, "id": name, "metadata": {"nbgrader": nbgrader},
            "source": source.splitlines(keepends=True)}
    return cell | ({"execution_count": None, "outputs": []} if kind == "code" else {})


def _graded(course, assignment):
    """Return whether the gradebook has a submission of an assignment."""
    from nbgrader.api import Gradebook  # slow to load

    if not (course.folder / "gradebook.db").exists():
        return False
    with Gradebook(course.database) as book:
        known = assignment in [each.name for each in book.assignments]
        return known and bool(book.assignment_submissions(assignment))


def _names(cell):
    """Return the ids of a cell and the functions and classes that it defines."""
    code = "".join(cell["source"]) if cell["cell_type"] == "code" else ""
    defined = re.findall(r"^(?:def|class)\s+(\w+)", code, re.M)
    return [cell.get("id"), cell["metadata"].get("nbgrader", {}).get("grade_id"), *defined]
