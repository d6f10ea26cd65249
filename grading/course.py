"""A course's folder: its settings, its places, its lock and its backups."""
import contextlib
import errno
import fcntl
import json
import os
import secrets
import sqlite3
import tempfile
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path

from grading.sandbox import ROOT, Limits

FULL = (errno.ENOSPC, errno.EDQUOT)
SOURCES = ROOT / "notebooks" / "exercises"
SETTINGS = '''\
# Settings of the course. The seed draws the data of the graded cases: keep it to yourself, and take another each term.
name = {name}
seed = "{seed}"

[limits]            # what one submission may use
memory = 3000       # megabytes
processes = 64
disk = 64           # megabytes
cell_seconds = 20   # one cell, or one call of a check
seconds = 120       # the whole submission

[late]
grace_minutes = 15
percent_a_day = 10  # of the points reached, for each day begun
'''
CONFIG = '''\
import sys

sys.path.insert(0, {root!r})
from grading.settings import configure  # noqa: E402

configure(get_config(), {folder!r})  # noqa: F821
'''


class CourseError(Exception):
    """What stops a command, in one line."""


@dataclass(frozen=True)
class Course:
    """A course's folder.

    Attributes:
        folder: where it is.
        settings: the content of course.toml.
    """

    folder: Path
    settings: dict

    @property
    def database(self):
        """The gradebook's address."""
        return f"sqlite:///{self.folder / 'gradebook.db'}"

    @property
    def limits(self):
        """What a submission's sandbox may use."""
        rows = self.settings.get("limits", {})
        return Limits(memory=rows.get("memory", 3000), processes=rows.get("processes", 64), disk=rows.get("disk", 64),
                      cpu=rows.get("seconds", 120))

    def submissions(self, assignment):
        """Return the folders of an assignment's submissions by student, in order; without those of ``misnamed``."""
        return {name: self.folder / "submitted" / name / assignment for name in self._handed_in(assignment)
                if is_name(name)}

    def misnamed(self, assignment):
        """Return the names of folders that hold a submission and can be no student's, see ``is_name``."""
        return [name for name in self._handed_in(assignment) if not is_name(name)]

    def _handed_in(self, assignment):
        place = self.folder / "submitted"
        names = sorted(os.listdir(place)) if place.is_dir() else []
        return [name for name in names if os.path.lexists(place / name / assignment)]

    def notebook(self, kind, assignment):
        """Return the path of an assignment's notebook in "source" or "release".

        Raises:
            CourseError: it is not there.
        """
        path = self.folder / kind / assignment / f"{assignment}.ipynb"
        if not path.is_file():
            raise CourseError(f"{assignment}: there is no {kind} notebook; run: python -m grading release {assignment}")
        return path

    def record_path(self, assignment, student):
        """Return where the result of a submission is kept."""
        return self.folder / "records" / assignment / f"{student}.json"

    def records(self, assignment):
        """Return the results of an assignment by student."""
        paths = sorted((self.folder / "records" / assignment).glob("*.json"))
        return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in paths}

    @contextlib.contextmanager
    def lock(self):
        """Let no second program write to the gradebook.

        Raises:
            CourseError: one does already.
        """
        with open(self.folder / ".grading.lock", "w", encoding="ascii") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise CourseError("another grading command is at work in this course; wait for its end") from None
            yield

    def back_up(self):
        """Copy the gradebook into backups/, and return the copy; None while there is no gradebook."""
        original = self.folder / "gradebook.db"
        if not original.exists():
            return None
        folder = self.folder / "backups"
        folder.mkdir(exist_ok=True)
        copy = folder / f"gradebook-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.db"
        need_room(folder, original.stat().st_size)
        with contextlib.closing(sqlite3.connect(original)) as old, contextlib.closing(sqlite3.connect(copy)) as new:
            old.backup(new)
        return copy


def open_course(folder):
    """Return the course in a folder.

    Raises:
        CourseError: there is none, or its settings cannot be read.
    """
    path = Path(folder).resolve() / "course.toml"
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CourseError(f"{folder}: no course is here; make one with: python -m grading init {folder}") from None
    except ValueError as error:
        raise CourseError(f"{path}: {error}") from None
    if not settings.get("seed"):
        raise CourseError(f"{path}: seed must be set")
    return Course(path.parent, settings)


def init_course(folder, name):
    """Make a course's folder, which only its owner can read, and return the course.

    Raises:
        CourseError: there is a course already, or the name is no text.
    """
    folder, quoted = Path(folder).resolve(), _quoted(name)
    if (folder / "course.toml").exists():
        raise CourseError(f"{folder}: there is a course already")
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    write(folder / "course.toml", SETTINGS.format(name=quoted, seed=secrets.token_hex(8)))
    write(folder / "nbgrader_config.py", CONFIG.format(root=str(ROOT), folder=str(folder)))
    for part in ("source", "release", "submitted"):
        (folder / part).mkdir(exist_ok=True)
    return open_course(folder)


def write(path, text):
    """Write a file in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with open(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def is_full(error):
    """Return whether an error says that the disk, or one's share of it, is full."""
    return getattr(error, "errno", None) in FULL or "database or disk is full" in str(error)


def need_room(folder, size):
    """Raise OSError unless a number of bytes can be written into a folder."""
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(bytes(size))


def is_name(name):
    """Return whether a folder's name can be a student's: it is printed, written into tables and searched for.

    >>> [is_name(name) for name in ("ada", "Jörg Müller", ".trash", "a*")]
    [True, True, False, False]
    """
    return name.isprintable() and not name.startswith(".") and not set(name) & set("*?[]+") and len(name.encode()) < 200


def _quoted(name):
    """Return a text as TOML writes it."""
    try:
        name.encode()
    except UnicodeEncodeError:
        raise CourseError(f"init: name must be text in UTF-8, got {name!a}") from None
    return json.dumps(name, ensure_ascii=False).replace("\x7f", "\\u007f")
