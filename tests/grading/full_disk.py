"""Carry out a command of grading on a small disk that is full at many points.

This file is also the program that runs beside that disk. For each room the course is put back as it was, the disk
filled but for that room, the command carried out, the disk emptied, and the command carried out again.
"""
import contextlib
import hashlib
import io
import json
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from unittest import mock

import grading.grade
from grading.__main__ import main
from grading.course import open_course
from tools.project import ROOT

FREE = ("backups", "reports", ".grading.lock", "gradebook.db")  # copies and tables; the gradebook's rows are compared
ROWS = """
select s.student_id, s.timestamp, n.late_submission_penalty, g.cell_id, g.auto_score, g.needs_manual_grade
from submitted_assignment s left join submitted_notebook n on n.assignment_id = s.id
left join grade g on g.notebook_id = n.id order by s.student_id, g.cell_id
"""


def on_small_disk(course, megabytes, rooms, *command, reserve=True):
    """Carry out a command of grading on a disk of some megabytes, once for each room, and return what was left.

    Args:
        course: the Course; a copy of it is used.
        megabytes: the size of the disk.
        rooms: numbers of bytes that are free when the command begins.
        command: the command without ``--course``.
        reserve: let grading look for room before it writes.

    Returns:
        A dict: "before", and for each room a dict of "says", "after" and "end"; see ``state``.
    """
    place = course.folder.parent / "disk"
    place.mkdir(exist_ok=True)
    disk = ["--size", megabytes * 2**20, "--tmpfs", place]
    line = ["bwrap", "--dev-bind", "/", "/", "--die-with-parent", *disk, "--", sys.executable, "-m", __name__,
            course.folder, place, json.dumps(list(rooms)), int(reserve), *command]
    done = subprocess.run([str(each) for each in line], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def state(course):
    """Return what a course holds: the gradebook's rows by student, fingerprints of files by their path."""
    rows = {}
    with contextlib.closing(sqlite3.connect(course.folder / "gradebook.db")) as book:
        for student, *row in book.execute(ROWS):
            rows.setdefault(student, []).append(row)
    files = {}
    for path in sorted(course.folder.rglob("*")):
        name = path.relative_to(course.folder)
        if path.is_file() and name.parts[0] not in FREE:
            data = path.read_bytes()
            if name.parts[0] == "records":
                data = json.dumps({**json.loads(data), "seconds": 0}).encode()  # the only thing that is never the same
            files[str(name)] = hashlib.sha256(data).hexdigest()
    return {"rows": rows, "files": files}


def fill(path, room):
    """Fill the disk with a file, and leave some bytes."""
    with open(path, "wb", buffering=0) as file:
        size = 0
        with contextlib.suppress(OSError):
            while True:
                size += file.write(bytes(4096))
        file.truncate(size - room)


def carry_out(place, original, room, command):
    """Return what a command left on the full disk, and what it left when it was carried out again with room."""
    folder, filler = place / "course", place / "filler"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(original, folder, symlinks=True)
    course, line = open_course(folder), ["--course", str(folder), *command]
    fill(filler, room)
    with contextlib.redirect_stdout(io.StringIO()):
        says = main(line)
        after = state(course)
        filler.unlink()
        assert main(line) == 0
    return {"says": says, "after": after, "end": state(course)}


class Judged:
    """Stand in for the workers: the same submissions get the results of their first judging."""

    def __init__(self):
        self._real, self._known = grading.grade.graded, {}

    def __call__(self, jobs, **options):
        """Yield the pairs of job and result in the order of the jobs."""
        new = [job for job in jobs if job["key"] not in self._known]
        self._known |= {job["key"]: result for job, result in self._real(new, **options)} if new else {}
        for job in jobs:
            yield job, self._known[job["key"]]


def run(original, place, rooms, reserve, command):
    """Return what ``on_small_disk`` returns."""
    judged = Judged()
    with contextlib.ExitStack() as end:
        end.enter_context(mock.patch.object(grading.grade, "graded", judged))
        if not reserve:
            end.enter_context(mock.patch.object(grading.grade, "need_room", lambda folder, size: None))
        return {"before": state(open_course(original)),
                "left": {room: carry_out(place, original, room, command) for room in rooms}}


if __name__ == "__main__":
    print(json.dumps(run(Path(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3]), sys.argv[4] == "1",
                         sys.argv[5:])))
