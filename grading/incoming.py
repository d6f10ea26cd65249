"""What comes in: the files of a folder or of a zip, and whose they are. Nothing of it is trusted, nothing unpacked."""
import contextlib
import os
import re
import stat
import struct
import time
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from grading.course import CourseError
from grading.submission import LARGEST

OUTSIDE = "a path that leads out of the zip"
TOTAL, FILES = 2 * 2**30, 50_000  # bytes and entries of a zip
JUNK = ("__MACOSX", ".ipynb_checkpoints", "Thumbs.db", "desktop.ini")
MOODLE = re.compile(r"(?P<name>.+)_(?P<number>\d+)_assignsubmission_(?P<kind>[a-z]+)_(?P<file>.*)", re.S)
CANVAS = re.compile(r"(?P<name>.+?)(?P<late>_LATE)?_(?P<number>\d+)_(?P<order>\d+)_(?P<file>.+)", re.S)
NAMELESS = re.compile(r"(LATE_)?anon_\w+?_\d+_.+")


@dataclass(frozen=True)
class Piece:
    """A file that came in.

    Attributes:
        parts: its path, as the parts of a relative one.
        size: in bytes, as declared.
        seconds: when it was last changed, since 1970, or None.
        read: called without arguments, returns its bytes or raises ValueError.
        fault: why it is refused, or "".
    """

    parts: tuple[str, ...]
    size: int
    seconds: float | None
    read: Callable
    fault: str = ""

    @property
    def path(self):
        """The path as a text."""
        return "/".join(self.parts)


@dataclass(frozen=True)
class Owner:
    """Who handed something in, as far as the file's name says it."""

    label: str
    number: str = ""
    system: str | None = None


@dataclass(frozen=True)
class Claim:
    """A piece with its owner.

    Attributes:
        piece: the Piece.
        owner: the Owner.
        file: its name as the student gave it.
        late: whether Canvas marked it; None where nothing is said.
        order: larger for what came later.
    """

    piece: Piece
    owner: Owner
    file: str
    late: bool | None = None
    order: int = 0


@contextlib.contextmanager
def opened(place, assignments=()):
    """Give the pieces of a folder or a zip, while it is open.

    Args:
        place: the folder or the zip.
        assignments: the names of the course's assignments, whose folders are no students'.

    Raises:
        CourseError: there is none, or the zip is broken, encrypted, or too large when unpacked.
    """
    place = Path(place)
    if place.is_dir():
        yield list(_of_folder(place))
    elif not place.is_file():
        raise CourseError(f"{place}: must be a folder or a zip file, got nothing there")
    else:
        try:
            archive = zipfile.ZipFile(place)
        except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError, struct.error):
            raise CourseError(f"{place}: must be a folder or a zip file; it is broken, or something else") from None
        with archive:
            yield _unwrapped(_of_zip(place, archive), set(assignments))


def claim(piece, assignment, others=()):
    """Return whose a piece is.

    Args:
        piece: a Piece.
        assignment: what is collected.
        others: the course's other assignments.

    Raises:
        ValueError: it is of another assignment, or of nobody that can be known.
    """
    first, name = piece.parts[0], piece.parts[-1]
    for other in others:
        if other in piece.parts[1:-1] or name == f"{other}.ipynb" or name.endswith(f"_{other}.ipynb"):
            raise ValueError(f"of assignment {other}")
    if found := MOODLE.fullmatch(first):
        if found["kind"] != "file":
            raise ValueError("a text typed into Moodle, no file")
        return Claim(piece, Owner(found["name"], found["number"], "moodle"), found["file"] or name)
    if len(piece.parts) > 1:
        return Claim(piece, Owner(first), name)
    if NAMELESS.fullmatch(first):
        raise ValueError("an anonymous assignment; show the students' names in Canvas before the download")
    if found := CANVAS.fullmatch(first):
        return Claim(piece, Owner(found["name"], found["number"], "canvas"), found["file"], bool(found["late"]),
                     int(found["order"][:18]))
    if not name.lower().endswith(".ipynb"):
        raise ValueError("no notebook")
    return Claim(piece, Owner(name[:-len(".ipynb")].removesuffix(f"_{assignment}")), f"{assignment}.ipynb")


def _of_folder(place):
    for folder, folders, files in os.walk(place):
        folders[:] = sorted(each for each in folders if each not in JUNK)
        for name in sorted(files + [each for each in folders if os.path.islink(os.path.join(folder, each))]):
            path = Path(folder) / name
            parts = path.relative_to(place).parts
            if _junk(parts):
                continue
            about = path.lstat()
            fault = "a link" if path.is_symlink() else "no plain file" if not stat.S_ISREG(about.st_mode) else ""
            yield Piece(parts, about.st_size, about.st_mtime, _reader(path), fault or _too_large(about.st_size))


def _of_zip(place, archive):
    entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    total = sum(entry.file_size for entry in entries)
    if total > TOTAL or len(entries) > FILES:
        raise CourseError(f"{place}: must hold at most {FILES} files and {TOTAL // 2**20} MB unpacked, got "
                          f"{len(entries)} files and {total // 2**20} MB")
    if any(entry.flag_bits & 1 for entry in entries):
        raise CourseError(f"{place}: must not be encrypted; unpack it with its password and give the folder")
    pieces = []
    for entry in entries:
        raw = entry.filename.replace("\\", "/")
        parts = tuple(part for part in raw.split("/") if part not in ("", "."))
        kind = stat.S_IFMT(entry.external_attr >> 16)
        outside = raw.startswith("/") or ".." in parts or re.match("[A-Za-z]:", raw)
        fault = OUTSIDE if outside else "a link" if kind == stat.S_IFLNK else ""
        fault = fault or ("" if kind in (0, stat.S_IFREG) else "no plain file")
        if parts and not _junk(parts):
            pieces.append(Piece(parts, entry.file_size, _zip_time(entry), _zip_reader(archive, entry),
                                fault or _too_large(entry.file_size)))
    return pieces


def _unwrapped(pieces, assignments):
    """Take away a folder around everything, where it is surely no student's."""
    tops = {piece.parts[0] for piece in pieces}
    inner = [piece.parts[1:] for piece in pieces]
    if len(tops) != 1 or not all(inner) or MOODLE.fullmatch(next(iter(tops))) or any(
            each.fault == OUTSIDE for each in pieces):
        return pieces
    students = {parts[0] for parts in inner if len(parts) > 1}
    known = all(MOODLE.fullmatch(parts[0]) or CANVAS.fullmatch(parts[0]) for parts in inner)
    if known or (len(students) > 1 and not students & assignments and all(len(parts) > 1 for parts in inner)):
        return [Piece(parts, each.size, each.seconds, each.read, each.fault)
                for parts, each in zip(inner, pieces, strict=True)]
    return pieces


def _junk(parts):
    return any(part in JUNK or (part.startswith(".") and part != "..") for part in parts)


def _too_large(size):
    return "larger than 5 MB" if size > LARGEST else ""


def _reader(path):
    def read():
        try:
            with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
                return _bounded(file)
        except OSError as error:
            raise ValueError(f"unreadable: {error.strerror}") from None
    return read


def _zip_reader(archive, entry):
    def read():
        try:
            with archive.open(entry) as file:
                return _bounded(file)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError, struct.error):
            raise ValueError("broken in the zip") from None
    return read


def _bounded(file):
    data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise ValueError("larger than 5 MB")
    return data


def _zip_time(entry):
    """Return when an entry was changed: by its field of the exact time, or by the local time that every entry has."""
    extra = entry.extra
    while len(extra) >= 4:
        kind, length = struct.unpack("<HH", extra[:4])
        if kind == 0x5455 and length >= 5 and len(extra) >= 9 and extra[4] & 1:
            return float(struct.unpack("<i", extra[5:9])[0])
        extra = extra[4 + length:]
    try:
        return time.mktime((*entry.date_time, 0, 0, -1)) if entry.date_time[0] > 1980 else None
    except (ValueError, OverflowError):
        return None
