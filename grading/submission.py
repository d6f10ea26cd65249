"""Read what a student handed in: refuse what cannot be graded, and put the answers into the released notebook.

Whatever was deleted, renamed, doubled or changed around the answers then does not matter.
"""
import functools
import itertools
import json
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

LARGEST = 5 * 2**20  # bytes of a file
FILES, CELLS = 200, 1000  # what a submission may have
DEFINED = re.compile(r"^(?:def|class)\s+(\w+)", re.M)


class Refused(ValueError):
    """A submission that is not graded; the text tells the student why."""


@dataclass(frozen=True)
class Step:
    """A cell of the notebook that is graded.

    Attributes:
        cell: the released notebook's cell with the student's answer, or a further cell of the student's.
        kind: "given", "answer", "check" or "extra".
    """

    cell: dict
    kind: str


def read_submission(folder, name):
    """Return the notebook of a submission.

    Args:
        folder: what the student handed in.
        name: the notebook's file name.

    Raises:
        Refused: a link or another thing that is no plain file, a file over 5 MB, no notebook, or one that cannot be
            read.
    """
    folder = Path(folder)
    found = [path for path in _plain(folder) if path.suffix == ".ipynb" and path.parent == folder]
    path = folder / name
    if path not in found:
        path = found[0] if len(found) == 1 else None
    if path is None:
        raise Refused(f"There is no notebook {name} in the submission.")
    try:
        notebook = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        raise Refused(f"{path.name} is not a notebook. Save it again and hand it in again.") from None
    except OSError:
        raise Refused(f"{path.name} cannot be read. Hand it in again.") from None
    if not isinstance(notebook, dict) or notebook.get("nbformat") != 4 or not isinstance(notebook.get("cells"), list):
        raise Refused(f"{path.name} is not a notebook of format 4. Open it in JupyterLab, save it, hand it in again.")
    if len(notebook["cells"]) > CELLS:
        raise Refused(f"{path.name} has more than {CELLS} cells. Hand in the assignment's own with your answers.")
    return notebook


def stored(path):
    """Return an instructor's notebook; a file is read again only when it has changed."""
    return _stored(str(path), os.stat(path).st_mtime_ns)


@functools.lru_cache(maxsize=4)
def _stored(path, changed):
    return json.loads(Path(path).read_text(encoding="utf-8"))


def _plain(folder):
    """Return the files of a submission in order; raise Refused at the first that may not be opened."""
    found, waiting = [], [folder]
    while waiting:
        path = waiting.pop()
        status = path.lstat()
        if stat.S_ISLNK(status.st_mode):
            raise Refused(f"The submission holds a link, {path.name}. Hand in the file itself.")
        if stat.S_ISDIR(status.st_mode):
            waiting += itertools.islice(path.iterdir(), FILES + 1)
        elif not stat.S_ISREG(status.st_mode):
            raise Refused(f"{path.name} is no ordinary file. Hand in the notebook alone.")
        elif status.st_size > LARGEST:
            raise Refused(f"{path.name} is larger than 5 MB. Clear the outputs and hand in again.")
        else:
            found.append(path)
        if len(found) + len(waiting) > FILES:
            raise Refused(f"The submission has more than {FILES} files. Hand in the notebook alone.")
    return sorted(found)


def merge(released, submitted):
    """Return the steps of grading: the released cells in their order, with the student's answers and own cells.

    Args:
        released: the notebook as it was given out.
        submitted: the notebook as it came back.
    """
    cells = [cell for cell in submitted["cells"]
             if isinstance(cell, dict) and cell.get("cell_type") in ("code", "markdown")]
    wanted = {_id(cell): cell for cell in released["cells"] if _is_answer(cell)}
    answers, extras, last = {}, {}, None
    for cell in cells:
        name = _id(cell) if _id(cell) in wanted else _by_definition(cell, wanted, answers)
        if name and (name not in answers or source(answers[name]) == source(wanted[name])):
            answers[name], last = cell, name  # of two, the one that is not as it was given out
        elif _id(cell) in {_id(each) for each in released["cells"]} and name is None:
            last = _id(cell)
        elif cell["cell_type"] == "code" and _id(cell) not in wanted:
            extras.setdefault(last, []).append(cell)
    steps = [Step(_extra(cell), "extra") for cell in extras.get(None, [])]
    for cell in released["cells"]:
        answer = answers.get(_id(cell)) if _id(cell) in wanted else None
        steps.append(Step({**cell, "source": source(answer or cell)}, _kind(cell)))
        steps += [Step(_extra(each), "extra") for each in extras.get(_id(cell), [])]
    return steps


def source(cell):
    """Return the text of a cell, which a file may hold as one text or as lines."""
    text = cell.get("source", "")
    if isinstance(text, list):
        text = "".join(line for line in text if isinstance(line, str))
    return text if isinstance(text, str) else ""


def _id(cell):
    metadata = cell.get("metadata")
    nbgrader = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    name = nbgrader.get("grade_id") if isinstance(nbgrader, dict) else None
    return name if isinstance(name, str) else None


def _is_answer(cell):
    return bool(cell["metadata"].get("nbgrader", {}).get("solution"))


def _kind(cell):
    if _is_answer(cell):
        return "answer"
    return "check" if cell["metadata"].get("nbgrader", {}).get("grade") else "given"


def _by_definition(cell, wanted, answers):
    """Return the answer's cell that defines the same functions: its name was lost on the way."""
    if cell["cell_type"] != "code" or _id(cell) in wanted:
        return None
    defined = set(DEFINED.findall(source(cell)))
    return next((name for name, given in wanted.items() if name not in answers and given["cell_type"] == "code"
                 and (asked := set(DEFINED.findall(source(given)))) and asked <= defined), None)


def _extra(cell):
    return {"cell_type": "code", "metadata": {}, "source": source(cell), "outputs": [], "execution_count": None}
