"""Take what a course system or a folder gives into the course's folder submitted/."""
import os
import re
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import dateutil.parser
from nbgrader.api import Gradebook
from nbgrader.utils import parse_utc

from grading.course import CourseError, write
from grading.gradebook import check_known
from grading.incoming import OUTSIDE, claim, opened
from grading.late import date_of, known_time
from grading.roster import SAFE, Roster, find_roster, safe_id
from grading.sheets import csv_text, plain

COLUMNS = ["student", "status", "file", "handed_in", "reason"]
TIME = "%Y-%m-%d %H:%M:%S.%f UTC"  # as nbgrader writes it
AGAIN = re.compile(r"(?P<name>.+?)(?:-(?P<canvas>\d+)| ?\((?P<browser>\d+)\))?\.ipynb", re.I | re.S)
NEAR = 900  # seconds


def collect(course, assignment, place, *, roster=None, handed_in=None, say=print):
    """Put each student's notebook into submitted/STUDENT/ASSIGNMENT, with the time at which it was handed in.

    What was there before goes to older/, never away; an equal notebook changes nothing.

    Args:
        course: the Course.
        assignment: its name.
        place: a folder, or a zip from Moodle or Canvas; nothing of a zip is unpacked but the notebooks taken.
        roster: a CSV file of the students; by default the course's roster.csv, if there is one.
        handed_in: the time for all, as "2027-03-01 12:00 UTC"; by default the roster's, else the file's.
        say: called with a line for each file.

    Returns:
        The rows of the report, a dict of COLUMNS each; they are in reports/ASSIGNMENT-collect.csv too.

    Raises:
        CourseError: the place, the roster or the time cannot be read, or the assignment is not known.
    """
    people, fixed, rows = find_roster(course, roster), _given_time(handed_in), []
    check_known(course, assignment)
    with Gradebook(course.database) as book:
        due = book.find_assignment(assignment).duedate
        others = [each.name for each in book.assignments if each.name != assignment]
    with course.lock(), opened(place, [assignment, *others]) as pieces:
        claims = _claims(pieces, assignment, others, rows)
        for student, known, owned in _students(claims, people or Roster(), rows):
            given, note = (fixed, "") if fixed else _roster_time(people, student)
            row = _take(course, assignment, student, owned, due, given, rows)
            unknown = "" if known or people is None else "unknown: not in the roster"
            if row:
                rows.append({**row, "reason": "; ".join(filter(None, [row["reason"], note, unknown]))})
        if Path(place).is_file() and not fixed:
            _warn(rows, due, say)
    present = {row["student"] for row in rows if row["status"] != "refused"} | set(course.submissions(assignment))
    rows += [_row(student, "missing") for student in sorted(set(people.students if people else ()) - present)]
    for row in rows:
        say(": ".join(filter(None, [row["student"], row["status"]])) + (f" {row['file']}" if row["file"] else "")
            + (f" ({row['reason']})" if row["reason"] else ""))
    table = csv_text([COLUMNS, *([row[name] for name in COLUMNS] for row in rows)])
    write(course.folder / "reports" / f"{assignment}-collect.csv", table)
    return rows


def summary(rows):
    """Return a line with the number of each kind of row."""
    counts = {}
    for row in rows:
        counts[row["status"]] = counts.get(row["status"], 0) + 1
    return ", ".join(f"{count} {status}" for status, count in counts.items()) or "nothing found"


def _claims(pieces, assignment, others, rows):
    """Return the claims by owner; what has no owner goes into the rows."""
    claims = {}
    for piece in pieces:
        if piece.fault == OUTSIDE:
            rows.append(_row("", "refused", piece.path, OUTSIDE))
            continue
        try:
            found = claim(piece, assignment, others)
        except ValueError as error:
            rows.append(_row("", "left out", piece.path, str(error)))
            continue
        claims.setdefault(found.owner, []).append(found)
    return claims


def _students(claims, roster, rows):
    """Yield the id, whether it is in the roster, and the claims of each student; refuse what may be another's."""
    found = {}
    for owner, owned in claims.items():
        try:
            student = roster.find(owner.label, number=owner.number, system=owner.system)
        except ValueError as error:
            rows.append(_row("", "refused", owned[0].piece.path, str(error)))
            continue
        own = owner.system is None and SAFE.fullmatch(owner.label)
        name = student.id if student else owner.label if own else safe_id(owner.label)
        if not student and name in roster.students:
            rows.append(_row("", "refused", owned[0].piece.path, f"not in the roster, and {name} is another's id"))
            continue
        found.setdefault(name, []).append((bool(student), owned))
    for name, groups in sorted(found.items()):
        if len(groups) > 1:
            paths = " and ".join(owned[0].piece.path for _, owned in groups)
            rows.append(_row(name, "refused", "", f"{paths} would both be {name}'s; tell them apart in the roster"))
        else:
            yield name, *groups[0]


def _take(course, assignment, student, owned, due, given, rows):
    """Return the row of a student's notebook after putting it in; what is left out goes into the rows."""
    best = _choose(assignment, owned, rows, student)
    if best is None:
        return None
    if best.piece.fault:
        return _row(student, "refused", best.piece.path, best.piece.fault)
    try:
        data = best.piece.read()
    except ValueError as error:
        return _row(student, "refused", best.piece.path, str(error))
    when, notes = given, []
    if when is None:
        seconds = best.piece.seconds
        when = datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None) if seconds is not None else None
        if when and due and best.late is False and when > due:
            when, notes = due, ["in time, as Canvas says; the zip's time is that of its making"]
    status, reason = _put(course, assignment, student, data, when, changes=given is not None)
    if best.file != f"{assignment}.ipynb":
        notes.append(f"renamed from {plain(best.file)}")
    notes += ["late, as Canvas says"] if best.late else []
    return _row(student, status, best.piece.path, "; ".join(filter(None, [reason, *notes])),
                when.strftime(TIME) if when else "")


def _choose(assignment, owned, rows, student):
    """Return the claim to take: the notebook of the right name, of several the last one, else the only one."""
    notebooks = [each for each in owned if each.file.lower().endswith(".ipynb")]
    ranks = {id(each): _rank(assignment, each) for each in notebooks}
    best = max(ranks.values(), default=None)
    chosen = [each for each in notebooks if ranks[id(each)] == best]
    clear = len(chosen) == 1 and (best[0] or len(notebooks) == 1)
    if not clear:
        path = owned[0].piece.path if len(owned) == 1 else ", ".join(each.file for each in (notebooks or owned)[:5])
        why = f"several notebooks, none of them surely {assignment}.ipynb" if notebooks else "no notebook"
        fault = next((each.piece.fault for each in owned if each.piece.fault), "") if not notebooks else ""
        rows.append(_row(student, "refused", path, fault or why))
        return None
    rows += [_row(student, "left out", each.piece.path, each.piece.fault or "not the notebook that is graded")
             for each in owned if each is not chosen[0]]
    return chosen[0]


def _rank(assignment, each):
    found = AGAIN.fullmatch(each.file)
    named = each.file == f"{assignment}.ipynb" or found["name"] == assignment
    again = int((found["canvas"] or found["browser"] or "0")[:9]) if named and each.file != f"{assignment}.ipynb" else 0
    return named, again, each.order


def _put(course, assignment, student, data, when, changes):
    """Put a notebook in its place, and return what was done and why."""
    target = course.folder / "submitted" / student / assignment
    notebook, reason, status = target / f"{assignment}.ipynb", "", "taken"
    if os.path.lexists(target):
        before = known_time(target)
        real = notebook.is_file() and not target.is_symlink() and not notebook.is_symlink()
        if real and notebook.stat().st_size == len(data) and notebook.read_bytes() == data:
            if not changes or before == when:
                return "unchanged", ""
            write(target / "timestamp.txt", when.strftime(TIME))
            return "new time", f"was {before.strftime(TIME) if before else 'unknown'}"
        if before and when and when < before:
            return "refused", f"older than what is there, of {before.strftime(TIME)}"
        status = "replaced"
    with tempfile.TemporaryDirectory(dir=course.folder, prefix=".collect-") as made:
        folder = Path(made) / assignment
        folder.mkdir()
        (folder / f"{assignment}.ipynb").write_bytes(data)
        if when:
            (folder / "timestamp.txt").write_text(when.strftime(TIME), encoding="ascii")
        target.parent.mkdir(parents=True, exist_ok=True)
        if status == "replaced":  # only now that the new one is whole
            reason = f"the one before is in {_put_away(course, assignment, student, target, before)}"
        os.rename(folder, target)
    return status, reason


def _put_away(course, assignment, student, target, before):
    place = course.folder / "older" / assignment / student
    place.mkdir(parents=True, exist_ok=True)
    stamp = (before or datetime.now(UTC)).strftime("%Y%m%d-%H%M%S")
    number = next(number for number in range(10**6) if not os.path.lexists(place / f"{stamp}-{number}"))
    os.rename(target, place / f"{stamp}-{number}")
    return f"older/{assignment}/{student}/{stamp}-{number}"


def _given_time(text):
    try:
        return date_of(text) if text else None
    except ValueError:
        raise CourseError(f'collect: time must be as "2027-03-01 12:00 UTC", got {plain(text)}') from None


def _roster_time(roster, student):
    """Return when the roster says that a student handed in (without a zone, the local time), and a note."""
    text = roster.students[student].handed_in if roster and student in roster.students else ""
    if text in ("", "-"):
        return None, ""
    try:
        return dateutil.parser.parse(text).astimezone(UTC).replace(tzinfo=None), ""
    except (ValueError, OverflowError):
        return None, f"the roster's time cannot be read, {plain(text)}"


def _warn(rows, due, say):
    times = [parse_utc(row["handed_in"]) for row in rows if row["handed_in"] and row["status"] in ("taken", "replaced")]
    if due and len(times) > 1 and min(times) > due and (max(times) - min(times)).total_seconds() < NEAR:
        say("note: all times in the zip are nearly the same and after the due date: they may be those of its making; "
            "give --handed-in, or a roster with Moodle's column \"Last modified (submission)\"")


def _row(student, status, file="", reason="", handed_in=""):
    return {"student": student, "status": status, "file": plain(file), "handed_in": handed_in,
            "reason": plain(reason, 500)}
