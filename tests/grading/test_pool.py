"""Workers: they end with the one that asks them, none begins after the end, each reads a notebook once."""
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from grading.course import open_course
from grading.grade import grade
from grading.pool import Worker, graded
from grading.sandbox import ROOT
from grading.worker import work
from tests.grading.students import ASSIGNMENT, hand_in, notebook

LONG = 300  # seconds in which what must come is there also on a busy machine: students' code gives way to all else


def wait_for(what):
    """Return what a function returns as soon as it is true."""
    end = time.monotonic() + LONG
    while not (found := what()) and time.monotonic() < end:
        time.sleep(0.1)
    return found


def alive(processes):
    """Return the processes that have not ended; one that nobody has asked for its status has."""
    found = []
    for process in processes:
        try:
            found += [process] if process.is_running() and process.status() != psutil.STATUS_ZOMBIE else []
        except psutil.NoSuchProcess:
            pass
    return found


@pytest.mark.parametrize("options", [(), ("--trust-submissions",)], ids=["guarded", "trusted"])
def test_workers_end_with_a_killed_grader(released, tmp_path, options):
    course = open_course(shutil.copytree(released.folder, tmp_path / "course"))
    settings = course.folder / "course.toml"
    settings.write_text(re.sub(r"seconds = \d+", "seconds = 1000", settings.read_text()))
    hand_in(course, "ada", notebook(course, {"map-shape-answer": "open('begun', 'w').close()\nwhile True: pass"}))
    grader = subprocess.Popen([sys.executable, "-m", "grading", "--course", str(course.folder), "grade", ASSIGNMENT,
                               "--workers", "1", *options], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    process = psutil.Process(grader.pid)

    def busy():
        found = process.children(recursive=True)
        return found if any(each.cpu_times().user > 3 for each in found if "inside.py" in " ".join(each.cmdline())
                            and "bwrap" not in each.name()) else []

    try:
        found = wait_for(busy)
        assert len(found) >= 2
    finally:
        os.kill(grader.pid, signal.SIGKILL)
        grader.wait()
    left = not wait_for(lambda: not alive(found))
    for each in alive(found):
        each.kill()
    assert not left


@pytest.fixture
def jobs(released, tmp_path):
    """Return jobs that are quickly done: the folders are empty."""
    (tmp_path / ASSIGNMENT).mkdir()
    paths = {kind: str(released.notebook(kind, ASSIGNMENT)) for kind in ("source", "release")}
    return [{"student": f"s{i}", "folder": str(tmp_path / ASSIGNMENT), "limits": {}, "seconds": 8, "budget": 9,
             "trusted": False, **paths} for i in range(6)]


@pytest.fixture
def begun(monkeypatch):
    """Return the list of the processes that are started from now on."""
    found, start = [], subprocess.Popen

    def popen(*arguments, **options):
        found.append(start(*arguments, **options))
        return found[-1]
    monkeypatch.setattr("grading.pool.subprocess.Popen", popen)
    return found


def test_no_worker_begins_after_it_was_stopped(jobs, begun):
    worker = Worker("seed")
    worker.stop()
    with pytest.raises(RuntimeError, match=r"^the worker was stopped$"):
        worker.grade(jobs[0], 60)
    assert begun == []


def test_worker_that_is_stopped_in_mid_work_begins_no_other(jobs, begun, monkeypatch):
    worker = Worker("seed")
    line = Worker._line
    monkeypatch.setattr(Worker, "_line", lambda self, seconds: [line(self, seconds), worker.stop()][0])
    assert worker.grade(jobs[0], 60)["status"] == "failed"
    with pytest.raises(RuntimeError):
        worker.grade(jobs[1], 60)
    worker.close()
    assert len(begun) == 1 and begun[0].returncode is not None


def test_all_jobs_are_done_and_no_worker_stays(jobs, begun):
    found = dict((job["student"], result["status"]) for job, result in graded(jobs, seed="x", workers=2, seconds=60))
    assert found == {job["student"]: "refused" for job in jobs}
    assert len(begun) == 2 and all(process.returncode is not None for process in begun)


def test_run_that_is_broken_off_leaves_no_worker(jobs, begun):
    results = graded(jobs, seed="x", workers=2, seconds=60)
    next(results)
    results.close()
    assert begun and all(process.returncode is not None for process in begun)


def test_notebooks_are_read_once_and_again_when_they_change(jobs, released, tmp_path, monkeypatch):
    for kind in ("source", "release"):
        jobs[0][kind] = shutil.copy(jobs[0][kind], tmp_path / f"{kind}.ipynb")
    read, real = [], Path.read_text
    monkeypatch.setattr(Path, "read_text", lambda path, **options: [read.append(path.name), real(path, **options)][1])
    for _ in range(3):
        assert work(jobs[0])["status"] == "refused"
    assert sorted(read) == ["release.ipynb", "source.ipynb"]
    os.utime(tmp_path / "source.ipynb", (1, 1))
    work(jobs[0])
    assert sorted(read) == ["release.ipynb", "source.ipynb", "source.ipynb"]


@pytest.mark.parametrize("workers", [0, -1])
def test_number_of_workers_is_checked(released, workers):
    with pytest.raises(ValueError, match=rf"^grade: workers must be at least 1, got {workers}$"):
        grade(released, ASSIGNMENT, workers=workers)
