"""Hostile submissions among honest ones: every score is right, nothing is touched, nothing stays behind."""
import hashlib
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from grading.course import open_course
from grading.grade import grade
from grading.sandbox import GROUP, GROUPS, ROOT
from tests.grading import hostile
from tests.grading.students import ASSIGNMENT, hand_in, honest, notebook, right

ORDINARY = 12345  # a user who may make no cgroups; where the tests run as one, there is no root to try
USERS = ["root", "ordinary user"] if os.geteuid() == 0 else ["ordinary user"]


def as_user(user):
    """Return what stands before a command, so that an ordinary user runs it, who can reach Python and the project."""
    if user == "root" or os.geteuid():
        return []
    home = Path.home()
    needed = {home / path.relative_to(home).parts[0] for path in (Path(sys.base_prefix).resolve(), ROOT)
              if path.is_relative_to(home)}
    return ["bwrap", "--dev-bind", "/", "/", "--perms", "0755", "--tmpfs", str(home),
            *(part for path in sorted(needed) for part in ("--ro-bind", str(path), str(path))),
            *(part for name in ("SETUID", "SETGID", "SETPCAP") for part in ("--cap-add", f"CAP_{name}")), "--",
            "setpriv", f"--reuid={ORDINARY}", f"--regid={ORDINARY}", "--clear-groups", "--inh-caps=-all",
            "--bounding-set=-all"]


MEASURED = """
import resource, sys
from grading.__main__ import main
print(main(sys.argv[1:]), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, "MB")
"""


class Listener:
    """Count who connects to a port of this machine."""

    def __init__(self):
        self.socket, self.calls = socket.create_server(("127.0.0.1", 0)), 0
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self._count, daemon=True).start()

    def _count(self):
        while True:
            try:
                caller, _ = self.socket.accept()
            except OSError:
                return
            self.calls += 1
            caller.sendall(b"hello")
            caller.close()


@pytest.fixture(scope="module")
def listener():
    """Return somebody who listens, and whom no submission may reach."""
    made = Listener()
    yield made
    made.socket.shutdown(socket.SHUT_RDWR)
    made.socket.close()


def contents(*folders):
    """Return what stands in folders, byte for byte."""
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest()
            for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()}


def at_work():
    """Return the processes of sandboxes and workers with the time of their start, and the cgroups."""
    found = {*GROUPS.glob(f"{GROUP}-*"), *GROUPS.glob(f"*/{GROUP}-*")}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command, status = (process / "cmdline").read_bytes(), (process / "stat").read_text()
        except OSError:  # it has ended
            continue
        if str(ROOT / "grading" / "inside.py").encode() in command or b"grading.worker" in command:
            found.add((process.name, status.rsplit(")", 1)[1].split()[19]))
    return found


@pytest.fixture(scope="module", params=USERS)
def outcome(request, released, listener):
    """Grade all submissions in one run; return the course, what was measured, and what stood there before and after."""
    top = Path(tempfile.mkdtemp(prefix="term-"))
    subprocess.run(["cp", "-a", str(released.folder), str(top / "course")], check=True)
    course, place = open_course(top / "course"), top / "place"
    watched = course.folder / "submitted", course.folder / "source", place
    place.mkdir()
    (place / "canary").write_text("alive")
    (place / "test.py").write_text("### BEGIN HIDDEN TESTS")
    hostile.hand_in_all(course, place, listener.port)
    points = honest(course, 20)
    if as_user(request.param):
        subprocess.run(["chown", "-R", str(ORDINARY), str(top)], check=True)
    before = contents(*watched)
    done = subprocess.run([*as_user(request.param), sys.executable, "-c", MEASURED, "--course", str(course.folder),
                           "grade", ASSIGNMENT], capture_output=True, text=True, cwd=ROOT, check=False)
    time.sleep(5)
    yield {"course": course, "done": done, "honest": points, "calls": listener.calls, "before": before,
           "after": contents(*watched), "left": at_work()}
    shutil.rmtree(top)


def row(outcome, student):
    return outcome["course"].records(ASSIGNMENT)[student]


@pytest.mark.parametrize("name", hostile.NAMES)
def test_hostile_submission_gets_what_it_earned(outcome, name):
    assert row(outcome, name)["score"] == hostile.expected(name), row(outcome, name)["rows"]
    assert row(outcome, name)["status"] == ("refused" if name in {*hostile.FILES, *hostile.ODD} else "graded")


def test_honest_submissions_are_untouched(outcome):
    assert outcome["done"].returncode == 0, outcome["done"].stdout + outcome["done"].stderr
    assert {name: row(outcome, name)["score"] for name in outcome["honest"]} == outcome["honest"]


@pytest.mark.parametrize(("name", "mistake"), [
    ("library-function", "forbidden-function"), ("library-function-by-importlib", "forbidden-function"),
    ("computes-while-it-is-sent", "forbidden-function"), ("under-numpy", "forbidden-function"),
    ("another-convolution-of-pytorch", "forbidden-function"), ("pytorch-past-its-dispatch", "forbidden-function"),
    ("watch-off-and-on", "watch-blinded"), ("thread-of-a-cell", "watch-blinded"), ("bare-thread", "watch-blinded"),
    ("pytorch-in-a-thread", "watch-blinded"),
    ("endless-loop-in-call", "time-limit"), ("os-exit", "not-defined"), ("bad-json", "not-graded")])
def test_reason_is_named(outcome, name, mistake):
    assert mistake in [each["mistake"] for each in row(outcome, name)["rows"].values()]


def test_nothing_is_changed_and_nobody_was_called(outcome):
    assert outcome["after"] == outcome["before"] and outcome["calls"] == 0


def test_nothing_stays_behind(outcome):
    """What other tests run at the same time ends by itself; what a hostile program leaves would not."""
    left, end = outcome["left"], time.monotonic() + 200
    while left and time.monotonic() < end:
        time.sleep(0.5)
        left &= at_work()
    assert left == set()
    assert "/box" not in Path("/proc/mounts").read_text()


def test_grader_stays_small(outcome):
    said = re.search(r"0 (\d+) MB", outcome["done"].stdout)
    assert said and int(said[1]) < 1000


def test_cases_bite_without_the_guard(released, tmp_path, listener):
    """With the guard off, the same submissions reach what they are after."""
    folder = tmp_path / "course"
    subprocess.run(["cp", "-a", str(released.folder), str(folder)], check=True)
    course, place = open_course(folder), tmp_path / "place"
    place.mkdir()
    (place / "canary").write_text("alive")
    (place / "test.py").write_text("### BEGIN HIDDEN TESTS")
    answers, calls = right(course), listener.calls
    for name in ("reads-sources", "network", "fills-the-disk", "pickle", "two-hundred-processes"):
        made = hostile.cells_of(name, answers, place, listener.port)
        if name == "two-hundred-processes":
            made = {each: text.replace("200", "3").replace("600", "30") for each, text in made.items()}
        made = {each: text.replace(', "/tmp", "/box"', ",") for each, text in made.items()}
        hand_in(course, name, notebook(course, made))
    grade(course, ASSIGNMENT, trusted=True, say=lambda line: None)
    scores = {name: record["score"] for name, record in course.records(ASSIGNMENT).items()}
    assert scores["reads-sources"] == 12
    assert listener.calls > calls
    assert (place / "full").stat().st_size > 64 * 2**20
    assert (place / "alive").exists()
    made = notebook(course, {"map-shape-answer": f"import shutil\nshutil.rmtree({str(place)!r})"})
    hand_in(course, "delete", made)
    grade(course, ASSIGNMENT, students=["delete"], trusted=True, say=lambda line: None)
    assert not (place / "canary").exists()
