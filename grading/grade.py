"""Grade an assignment's submissions: workers judge, this process alone writes, a killed run goes on where it was."""
import csv
import json
from pathlib import Path

from grading.course import CourseError, fingerprint, write
from grading.gradebook import check_known, enter
from grading.judge import refuse
from grading.pool import graded
from grading.sandbox import ROOT, check_guard

COLUMNS = ["student", "status", "seconds", "score", "max_score", "reason"]


def grade(course, assignment, *, workers=2, students=None, again=False, task=None, trusted=False, say=print):
    """Grade what is new or has changed since the last run.

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
        ValueError: no sandbox can be made on this machine.
    """
    if not trusted:
        check_guard()
    source, release = course.notebook("source", assignment), course.notebook("release", assignment)
    with course.lock():
        check_known(course, assignment)
        submitted = course.submissions(assignment)
        if task and cell_name(task) not in source.read_text(encoding="utf-8"):
            raise CourseError(f"grade: task must be one of {assignment}'s, got {task}")
        if missing := set(students or ()) - set(submitted):
            raise CourseError(f"{assignment}: no submission of {', '.join(sorted(missing))}")
        basis = fingerprint(source.read_bytes(), release.read_bytes(), course.settings["seed"], str(course.limits),
                            ROOT / "cnnlib" / "exercises")
        old, jobs = course.records(assignment), []
        for student, folder in submitted.items():
            key = fingerprint(basis, json.dumps([str(path.readlink()) for path in [folder, *sorted(folder.rglob("*"))]
                                                 if path.is_symlink()]), folder)
            there = (course.folder / "autograded" / student / assignment / f"{assignment}.ipynb").exists()
            changed = old.get(student, {}).get("key") != key or not there
            if (not students or student in students) and (changed or again or task):
                jobs.append(_job(course, student, folder, source, release, key, trusted))
        if jobs:
            course.back_up()
        limit = course.settings.get("limits", {}).get("seconds", 120) + 60
        for job, result in graded(jobs, seed=course.settings["seed"], workers=workers, seconds=limit):
            record = _record(course, assignment, job, result, old.get(job["student"]) if task else None, task)
            say(f"{record['student']}: {record['status']}, {record['score']:g} of {record['max_score']:g} points"
                + (f" ({record['reason']})" if record["reason"] else ""))
        return report(course, assignment)


def report(course, assignment):
    """Write and return the table of an assignment, a row for each submission."""
    rows = [{name: record[name] for name in COLUMNS} for record in course.records(assignment).values()]
    path = course.folder / "reports" / f"{assignment}.csv"
    path.parent.mkdir(exist_ok=True)
    with open(path, "w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, COLUMNS)
        table.writeheader()
        table.writerows(rows)
    return rows


def cell_name(task):
    """Return the name of the cell that checks a task."""
    return f"{task.replace('_', '-')}-check"


def _job(course, student, folder, source, release, key, trusted):
    settings = course.settings.get("limits", {})
    return {"student": student, "folder": str(folder), "source": str(source), "release": str(release), "key": key,
            "limits": vars(course.limits), "seconds": settings.get("cell_seconds", 20),
            "budget": settings.get("seconds", 120), "trusted": trusted}


def _record(course, assignment, job, result, old, task):
    """Enter a result into the gradebook and keep it; the record comes last, so that a killed run enters it again."""
    if "cells" not in result:
        result = _failed(job, result)
    if old and task:
        result = _only(task, result, old)
    try:
        points, largest = enter(course, assignment, job["student"], result, job["folder"])
    except Exception as error:  # what one student sent stops nobody else's grading
        result = _failed(job, {**result, "status": "failed", "reason": f"{type(error).__name__}: {error}"[:500]})
        points, largest = enter(course, assignment, job["student"], result, job["folder"])
    record = {"student": job["student"], "key": job["key"], "status": result["status"], "seconds": result["seconds"],
              "score": points, "max_score": largest, "reason": result["reason"], "rows": result["rows"],
              "outputs": {name: _output(result["cells"], name) for name in result["rows"]}}
    write(course.record_path(assignment, job["student"]), json.dumps(record, indent=1) + "\n")
    return record


def _failed(job, result):
    """Return a result with the cells of a submission that could not be graded."""
    notebooks = (json.loads(Path(job[kind]).read_text(encoding="utf-8")) for kind in ("source", "release"))
    cells, rows = refuse(*notebooks, result["reason"])
    return {**result, "cells": cells, "rows": rows}


def _only(task, result, old):
    """Return a result in which every check but one is as it was."""
    name = cell_name(task)
    rows = {each: row if each == name else old["rows"].get(each, row) for each, row in result["rows"].items()}
    cells = []
    for cell in result["cells"]:
        each = cell["metadata"].get("nbgrader", {}).get("grade_id")
        keep = each in rows and each != name and each in old["outputs"]
        cells.append({**cell, "outputs": old["outputs"][each]} if keep else cell)
    return {**result, "rows": rows, "cells": cells}


def _output(cells, name):
    return next(cell["outputs"] for cell in cells if cell["metadata"].get("nbgrader", {}).get("grade_id") == name)
