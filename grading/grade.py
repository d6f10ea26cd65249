"""Grade an assignment's submissions: workers judge, this process alone writes, a killed run goes on where it was."""
import contextlib
import json

from grading.course import CourseError, is_full, need_room, write
from grading.gradebook import check_known, enter, held
from grading.judge import refuse
from grading.pool import graded
from grading.sandbox import ROOT, check_guard, sweep
from grading.sheets import csv_text, plain
from grading.submission import source as text_of
from grading.submission import stored
from grading.survey import fingerprint

COLUMNS = ["student", "status", "seconds", "score", "max_score", "reason"]
ROOM = 2**20  # bytes that the gradebook may need for a submission, beside the notebook and the record
MISNAMED = "a student's folder must have a printable name without * ? [ ] + and without a point before it"


def grade(course, assignment, *, workers=2, students=None, again=False, task=None, trusted=False, say=print):
    """Grade what is new or has changed since the last run, and what the gradebook does not hold any more.

    Args:
        course: the Course.
        assignment: its name.
        workers: how many submissions are judged side by side.
        students: only these; all by default.
        again: grade also what has not changed.
        task: enter only this task's new result and keep the others; implies again.
        trusted: run students' code without a sandbox.
        say: called with a line for each submission.

    Returns:
        The rows of the report, a dict of COLUMNS each.

    Raises:
        CourseError: the assignment is not released, a student handed in nothing, or another run is going on.
        ValueError: workers is below 1, or no sandbox can be made on this machine.
    """
    if workers < 1:
        raise ValueError(f"grade: workers must be at least 1, got {workers}")
    if not trusted:
        check_guard()
    source, release = course.notebook("source", assignment), course.notebook("release", assignment)
    with course.lock():
        check_known(course, assignment)
        if task is not None and cell_name(task) not in _checks(source):
            raise CourseError(f"grade: task must be one of {assignment}'s, got {task}")
        for name in course.misnamed(assignment):
            say(f"{plain(name)}: not graded ({MISNAMED})")
        old, inside = course.records(assignment), held(course, assignment)
        jobs = _jobs(course, assignment, students, source, release)
        jobs = [job for job in jobs if again or task or _changed(course, assignment, job, old, inside)]
        sweep()  # what a killed run left
        if jobs:
            course.back_up()
        limit = course.settings.get("limits", {}).get("seconds", 120) + 60
        results = graded([{**job, "trusted": trusted} for job in jobs], seed=course.settings["seed"], workers=workers,
                         seconds=limit)
        with contextlib.closing(results):
            for job, result in results:
                before = old.get(job["student"], {})
                sure = before.get("entered") == inside.get(job["student"])
                say(_record(course, assignment, job, result, before, sure=sure, task=task))
        return report(course, assignment)


def report(course, assignment):
    """Write and return the table of an assignment, a row for each submission."""
    rows = [{name: record[name] for name in COLUMNS} for record in course.records(assignment).values()]
    table = csv_text([COLUMNS, *([row[name] for name in COLUMNS] for row in rows)])
    write(course.folder / "reports" / f"{assignment}.csv", table)
    return rows


def cell_name(task):
    """Return the name of the cell that checks a task."""
    return f"{task.replace('_', '-')}-check"


def _jobs(course, assignment, students, source, release):
    """Return a job for each submission."""
    submitted, settings = course.submissions(assignment), course.settings.get("limits", {})
    if missing := set(students or ()) - set(submitted):
        raise CourseError(f"{assignment}: no submission of {', '.join(sorted(missing))}")
    basis = fingerprint(source.read_bytes(), release.read_bytes(), course.settings["seed"], str(course.limits),
                        *sorted((ROOT / "cnnlib" / "exercises").rglob("*.py")))
    return [{"student": student, "folder": str(folder), "source": str(source), "release": str(release),
             "basis": basis, "key": fingerprint(folder), "limits": vars(course.limits),
             "seconds": settings.get("cell_seconds", 20), "budget": settings.get("seconds", 120)}
            for student, folder in submitted.items() if not students or student in students]


def _changed(course, assignment, job, old, inside):
    """Return whether a submission is not graded as it is now, or its result is not where it should be."""
    student = job["student"]
    record = old.get(student, {"status": "failed"})
    there = (course.folder / "autograded" / student / assignment / f"{assignment}.ipynb").exists()
    return (record["status"] == "failed" or not there or inside.get(student) != record.get("entered")
            or [record.get(part) for part in ("basis", "key")] != [job["basis"], job["key"]])


def _record(course, assignment, job, result, old, *, sure, task):
    """Enter a result into the gradebook, keep it, and return a line on it.

    The record comes last, so that a killed run enters it again.

    Args:
        course: the Course.
        assignment: its name.
        job: the job.
        result: what a worker returned.
        old: the record of the result before, or {}.
        sure: whether the gradebook holds what that record says.
        task: the task whose result alone is taken over, or None.
    """
    if "cells" not in result:
        result = _failed(job, result)
    key = job["key"]
    if task and old.get("status") == "graded":  # a submission that has changed besides is left to the next run
        result, key = _only(task, result, old), old["key"]
    unchanged = _unchanged(job, result, old) if sure else ()
    need_room(course.folder, ROOM + 4 * len(json.dumps(result)))
    try:
        entry = enter(course, assignment, job["student"], result, job["folder"], unchanged=unchanged)
    except Exception as error:  # what one student sent stops nobody else's grading
        if is_full(error):
            raise
        result = _failed(job, {**result, "status": "failed", "reason": f"{type(error).__name__}: {error}"})
        entry = enter(course, assignment, job["student"], result, job["folder"])
    reason = plain("; ".join(filter(None, [result["reason"], entry.note])), 500)
    record = {"student": job["student"], "basis": job["basis"], "key": key, "status": result["status"],
              "seconds": result["seconds"], "score": entry.points, "max_score": entry.largest, "reason": reason,
              "rows": result["rows"], "outputs": {name: _output(result["cells"], name) for name in result["rows"]},
              "answers": _answers(result["cells"]), "untouched": _untouched(job, result["cells"]),
              "entered": entry.held}
    write(course.record_path(assignment, job["student"]), json.dumps(record, indent=1) + "\n")
    return _line(record, entry.waiting)


def _unchanged(job, result, old):
    """Return the names of the cells in which a person who gave points to the old result would find the same."""
    before = old.get("answers", {})
    same = [name for name, text in _answers(result["cells"]).items() if before.get(name) == text]
    return same + (list(result["rows"]) if old.get("key") == job["key"] else [])


def _line(record, waiting):
    """Return what is said of a submission."""
    text = f"{record['student']}: {record['status']}, {record['score']:g} of {record['max_score']:g} points"
    if waiting:
        text += f"; {waiting} answer{' waits' if waiting == 1 else 's wait'} to be read"
    return text + (f" ({record['reason']})" if record["reason"] else "")


def _failed(job, result):
    """Return a result with the cells of a submission that could not be graded."""
    cells, rows = refuse(stored(job["source"]), stored(job["release"]), plain(result["reason"], 500))
    return {**result, "cells": cells, "rows": rows}


def _only(task, result, old):
    """Return a result in which every check but one is as it was."""
    name = cell_name(task)
    rows = {each: row if each == name else old["rows"].get(each, row) for each, row in result["rows"].items()}
    cells = []
    for cell in result["cells"]:
        each = _name(cell)
        keep = each in rows and each != name and each in old["outputs"]
        cells.append({**cell, "outputs": old["outputs"][each]} if keep else cell)
    return {**result, "rows": rows, "cells": cells}


def _output(cells, name):
    return next(cell["outputs"] for cell in cells if _name(cell) == name)


def _name(cell):
    return cell["metadata"].get("nbgrader", {}).get("grade_id")


def _checks(path):
    """Return the names of the cells that check tasks in a notebook's file."""
    return [_name(cell) for cell in stored(path)["cells"]
            if cell["cell_type"] == "code" and cell["metadata"].get("nbgrader", {}).get("grade")]


def _answers(cells):
    """Return fingerprints of the students' answers in a notebook's cells, by name."""
    return {_name(cell): fingerprint(text_of(cell)) for cell in cells
            if cell["metadata"].get("nbgrader", {}).get("solution")}


def _untouched(job, cells):
    """Return the names of the answers that are as they were given out."""
    given = _answers(stored(job["release"])["cells"])
    return [name for name, text in _answers(cells).items() if given.get(name) == text]
