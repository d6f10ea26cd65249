"""Late days: when a submission came, what it loses after its date, and who has more time."""
import contextlib
import json
import math
import os
import re
import warnings

import dateutil.tz
from nbgrader.plugins import BasePlugin
from nbgrader.utils import parse_utc

from grading.course import CourseError, open_course, write
from grading.roster import find_roster
from grading.sheets import plain
from grading.survey import read_plain

DAY = 24 * 3600
DATE = re.compile(r"\d{4}[-/]\d{1,2}[-/]\d{1,2}([ T].{1,60})?")
OFFSET = re.compile(r" ([+-]\d\d:?\d\d|Z)$")  # nbgrader takes one after a space for seconds
ZONE = re.compile(r"[A-Za-z]\w*([/+-]\w+)*")


def date_of(text):
    """Return a date and time in UTC without a zone.

    Raises:
        ValueError: the text is no date, or its zone is not known.

    >>> date_of("2027-03-01 12:00 UTC"), date_of("2027-03-01 12:00 +0100").hour
    (datetime.datetime(2027, 3, 1, 12, 0), 11)
    """
    text = OFFSET.sub(r"\1", text.strip())
    zone = text.split(" ")[2] if text.count(" ") == 2 else "UTC"
    with contextlib.suppress(ValueError, OverflowError, Warning), warnings.catch_warnings():
        warnings.simplefilter("error")  # where dateutil does not know a zone, it warns
        if DATE.fullmatch(text) and ZONE.fullmatch(zone) and dateutil.tz.gettz(zone):
            return parse_utc(text)
    raise ValueError(f'date_of: text must be a date as "2027-03-01 12:00 UTC", got {plain(text)}')


def time_of(folder):
    """Return when a submission was handed in, as its timestamp.txt says it; None where there is no such file.

    Raises:
        ValueError: it cannot be read, or holds no date.
    """
    try:
        return date_of(read_plain(folder / "timestamp.txt", 1000).decode("utf-8-sig"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ValueError(f"time_of: timestamp.txt must be a plain file, got {error}") from None


def known_time(folder):
    """Return the same, and None too where it cannot be read."""
    try:
        return time_of(folder)
    except ValueError:
        return None


def penalty(score, seconds, settings, days=0):
    """Return the points that a submission loses.

    Args:
        score: the points reached.
        seconds: how late it came.
        settings: the table ``[late]`` of course.toml.
        days: by how many days this student has more time.

    >>> penalty(10, 3600, {"grace_minutes": 15, "percent_a_day": 10})
    1.0
    >>> penalty(10, 600, {"grace_minutes": 15, "percent_a_day": 10})
    0.0
    """
    late = seconds - days * DAY
    if late <= 60 * settings.get("grace_minutes", 0):
        return 0.0
    return min(score, score * settings.get("percent_a_day", 0) / 100 * math.ceil(late / DAY))


def extend(course, student, assignment, days):
    """Give a student more days for an assignment; 0 takes them back.

    Raises:
        CourseError: days is negative, or the student or the assignment is not known.
    """
    from grading.gradebook import check_known, students  # slow to load

    if days < 0:
        raise CourseError(f"extend: days must be at least 0, got {days}")
    check_known(course, assignment)
    table, roster = extensions(course), find_roster(course)
    known = {*students(course), *os.listdir(course.folder / "submitted"), *(roster.students if roster else ()), *table}
    if student not in known:
        raise CourseError("extend: student must be in the course's roster.csv, in submitted or in the gradebook, got "
                          f"{plain(student)}")
    table.setdefault(student, {})[assignment] = days
    write(course.folder / "extensions.json", json.dumps(table, indent=1, sort_keys=True) + "\n")


def extensions(course):
    """Return the days that students have more, by student and assignment."""
    path = course.folder / "extensions.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


class LateDays(BasePlugin):
    """nbgrader's way to ask for the penalty of a late submission."""

    def late_submission_penalty(self, student_id, score, total_seconds_late):
        """Return the points that a submission loses."""
        course = open_course(self.config.CourseDirectory.root)
        days = extensions(course).get(student_id, {}).get(self.parent.assignment_id, 0)
        return penalty(score, total_seconds_late, course.settings.get("late", {}), days)
