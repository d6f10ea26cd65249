"""Grade one submission: the student's cells run in a sandbox, the instructor's checks here against what they define."""
import ast
import builtins
import io
from contextlib import redirect_stdout, suppress

from nbformat.v4 import new_markdown_cell, new_output

from cnnlib.exercises import Feedback, Refusal
from cnnlib.exercises._check import RIGHT
from grading.session import Session
from grading.submission import merge, source

PRINTED = 500_000  # characters that are kept of what all cells print


def judge(source_notebook, released, submitted, limits=None, *, seconds=20, budget=120, trusted=False):
    """Return the cells of the graded notebook, and a row of ``{"passed", "mistake", "message"}`` for each check.

    Args:
        source_notebook: the instructor's notebook, with the hidden tests.
        released: the notebook as it was given out.
        submitted: the notebook as it came back.
        limits: a ``sandbox.Limits``.
        seconds: how long a cell or a call may take.
        budget: how long all of it may take.
        trusted: run without a sandbox.
    """
    hidden = {cell["metadata"]["nbgrader"]["grade_id"]: source(cell) for cell in source_notebook["cells"]
              if "nbgrader" in cell["metadata"]}
    session = Session(limits, seconds=seconds, budget=budget, trusted=trusted)
    cells, rows, names, room = [], {}, {"__name__": "checks"}, PRINTED
    try:
        for step in merge(released, submitted):
            cell = {**step.cell, "outputs": []} if step.cell["cell_type"] == "code" else dict(step.cell)
            if cell["cell_type"] == "code" and step.kind == "check":
                name = cell["metadata"]["nbgrader"]["grade_id"]
                rows[name] = _check(hidden[name], session, names)
                cell["outputs"] = [_shown(rows[name])]
            elif cell["cell_type"] == "code":
                if step.kind == "given":  # one that needs the student's functions runs in the sandbox alone
                    with redirect_stdout(io.StringIO()), suppress(Exception):
                        exec(compile(source(cell), "<given>", "exec"), names)
                cell["outputs"] = _run(session, source(cell), room)
                room -= sum(len(each.get("text", "")) for each in cell["outputs"])
            cells.append(cell)
    finally:
        session.close()
    return cells, rows


def refuse(source_notebook, released, reason):
    """Return the same for a submission that is not graded: the released notebook with the reason, no check passed."""
    cells = [new_markdown_cell(f"**This submission was not graded.** {reason}", id="not-graded")]
    rows = {}
    for cell in released["cells"]:
        cell = {**cell, "source": source(cell), **({"outputs": []} if cell["cell_type"] == "code" else {})}
        nbgrader = cell["metadata"].get("nbgrader", {})
        if nbgrader.get("grade") and cell["cell_type"] == "code":
            rows[nbgrader["grade_id"]] = {"passed": False, "mistake": "not-graded", "message": reason}
            cell["outputs"] = [_shown(rows[nbgrader["grade_id"]])]
        cells.append(cell)
    return cells, rows


def _run(session, text, room):
    """Run a cell; return its outputs: what was printed, as far as there is room, and the error."""
    try:
        output, error = session.run_cell(text)
    except Refusal as refusal:
        output, error = "", [refusal.name, str(refusal)]
    output = output[:room]
    outputs = [new_output("stream", name="stdout", text=output)] if output else []
    return outputs + ([new_output("error", ename=error[0], evalue=error[1], traceback=[": ".join(error)])]
                      if error else [])


def _check(text, session, names):
    """Run one of the instructor's checks; the student's names in it are looked up in the sandbox."""
    names = dict(names)
    try:
        for name in {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}:
            if name not in names and not hasattr(builtins, name):
                try:
                    names[name] = session.find(name)
                except KeyError:
                    pass  # imported by the check itself, or missing
        exec(compile(text, "<check>", "exec"), names)
    except AssertionError as error:
        found = error.args[0] if error.args and isinstance(error.args[0], Feedback) else None
        return {"passed": False, "mistake": found.mistake if found else None, "message": str(error)}
    except Refusal as refusal:
        return {"passed": False, "mistake": refusal.name, "message": str(refusal)}
    except NameError as error:
        return {"passed": False, "mistake": "not-defined", "message": f"{error.name} is not defined in your notebook."}
    except Exception as error:
        return {"passed": False, "mistake": None, "message": f"{type(error).__name__}: {error}"[:2000]}
    return {"passed": True, "mistake": None, "message": RIGHT}


def _shown(row):
    if row["passed"]:
        return new_output("stream", name="stdout", text=row["message"])
    return new_output("error", ename=row["mistake"] or "wrong", evalue=row["message"], traceback=[row["message"]])
