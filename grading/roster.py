"""Who takes the course: a roster as Moodle or Canvas export it, or one's own, and whom a name or a number means."""
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from grading.course import CourseError
from grading.sheets import plain, read_table

COLUMNS = {  # what is known of a student, and under which names it stands, the first one first
    "id": ("student id", "username"),
    "name": ("name", "full name", "student"),
    "email": ("email", "email address"),
    "moodle": ("moodle id", "identifier", "participant"),
    "canvas": ("canvas id", "id"),
    "sis": ("sis user id", "id number"),
    "login": ("sis login id",),
    "section": ("section",),
    "handed_in": ("handed in", "last modified (submission)"),
    "modified": ("last modified (grade)",),
}
SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")


@dataclass(frozen=True, kw_only=True)
class Student:
    """A row of the roster.

    Attributes:
        id: the name of the student's folder.
        name: the full name, as "Ada Lovelace" or "Lovelace, Ada".
        email: the address.
        moodle: Moodle's identifier, as "Participant 1234567"; it is another one for each assignment.
        canvas: Canvas' number.
        sis: the number in the school's own system.
        login: the login there.
        section: Canvas' section.
        handed_in: when, as the roster's file says it.
        modified: when Moodle last took a grade, as the roster's file says it.
    """

    id: str
    name: str = ""
    email: str = ""
    moodle: str = ""
    canvas: str = ""
    sis: str = ""
    login: str = ""
    section: str = ""
    handed_in: str = ""
    modified: str = ""


class Roster:
    """The students of a course by their ids.

    Args:
        students: a list of Student.
    """

    def __init__(self, students=()):
        self.students = {student.id: student for student in students}
        self._names = {student.id: _orders(student.name) for student in students}

    def find(self, label, *, number="", system=None):
        """Return the student whom a name means, or None.

        Args:
            label: a name, or where no system gives it also an id or an address.
            number: the number that the system gives.
            system: "moodle", "canvas" or None.

        Raises:
            ValueError: it means several students.
        """
        rows = list(self.students.values())
        if system is None:
            for same in (lambda row: row.id == label, lambda row: row.id.casefold() == label.casefold(),
                         lambda row: row.email and row.email.casefold() == label.casefold()):
                if len(found := [row for row in rows if same(row)]) == 1:
                    return found[0]
        elif numbered := [row for row in rows if number and _digits(getattr(row, system)) == number]:
            if system == "canvas" or _squash(label) == "participant":
                return numbered[0]
            parts = label.split("-")  # Moodle writes a group's name before the student's
            ends = {_squash("-".join(parts[begin:])) for begin in range(len(parts))}
            if len(found := [row for row in numbered if ends & self._names[row.id]]) == 1:
                return found[0]
        found = [row for row in rows if _squash(label) in self._names[row.id]
                 and not (system == "canvas" and row.canvas)]
        if len(found) > 1:
            raise ValueError(f"{len(found)} students of the roster are called {plain(label)}")
        return found[0] if found else None


def read_roster(path):
    """Return the Roster of a CSV file.

    Args:
        path: an own table (student id, name, email, moodle id, canvas id), Moodle's grading worksheet or grade export,
            or Canvas' gradebook export.

    Raises:
        CourseError: it cannot be read, an id is not fit for a folder's name, or two students have the same.
    """
    students = {}
    for number, row in enumerate(read_table(path), 2):
        if "id" in row and "student" not in row and "canvas id" not in row:
            row.setdefault("student id", row.pop("id"))  # only beside Canvas' "Student" is it Canvas' number
        values = {field: next((row[name] for name in names if row.get(name)), "") for field, names in COLUMNS.items()}
        first = row.get("first name") or row.get("firstname") or ""
        last = row.get("last name") or row.get("lastname") or row.get("surname") or ""
        values["name"] = values["name"] or f"{first} {last}".strip()
        if not any(values[field] for field in ("id", "name", "email", "login", "sis")):
            continue
        if "points possible" in values["name"].casefold() or values["name"] == "Student, Test":
            continue  # Canvas' second row, and its own trial student
        where = f"{Path(path).name}: row {number}"
        if values["id"] and not SAFE.fullmatch(values["id"]):
            raise CourseError(f"{where}: student id must be letters, digits and . _ @ -, got {plain(values['id'])}")
        derived = values["login"] or values["sis"] or values["email"].partition("@")[0] or values["name"]
        values["id"] = values["id"] or (derived if SAFE.fullmatch(derived) else safe_id(derived))
        if values["id"] in students:
            raise CourseError(f"{where}: student id must be given once, got {values['id']} again")
        students[values["id"]] = Student(**values)
    if not students:
        raise CourseError(f"{path}: must have a column student id, username, name, email or SIS Login ID, got none")
    return Roster(students.values())


def find_roster(course, path=None):
    """Return the roster in a file, by default in the course's roster.csv; None where there is none."""
    own = course.folder / "roster.csv"
    return read_roster(path or own) if path or own.exists() else None


def safe_id(name):
    """Return an id for a folder's name, made of a student's name.

    >>> safe_id("Jörg Müller"), safe_id("../../etc")
    ('jorg-muller', 'etc')
    """
    words = "-".join(re.findall(r"[a-z0-9]+", _simple(name)))[:64].strip("-")
    letters = [letter for letter in _simple(name) if letter.isalnum()]
    if not all(letter.isascii() for letter in letters):  # another script: its letters' numbers, so that names differ
        words = "-".join([*filter(None, [words]), *(f"{ord(each):x}" for each in letters if not each.isascii())])[:64]
    return words or "nameless"


def _simple(text):
    """Return a text in small letters without accents."""
    parts = unicodedata.normalize("NFKD", text).casefold()
    return "".join(letter for letter in parts if not unicodedata.combining(letter))


def _squash(text):
    return "".join(letter for letter in _simple(text) if letter.isalnum())


def _orders(name):
    """Return a name's words without spaces in each order that a system may write: first or last name first."""
    words = [word for word in map(_squash, re.split(r"[\s,]+", name)) if word]
    return {"".join(words[begin:] + words[:begin]) for begin in range(len(words))}


def _digits(text):
    return (re.findall(r"\d+", text) or [""])[-1]
