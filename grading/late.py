"""Late days: what a submission loses after its date, and who has more time."""
import json
import math

from nbgrader.plugins import BasePlugin

from grading.course import CourseError, open_course, write

DAY = 24 * 3600


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
        CourseError: days is negative.
    """
    if days < 0:
        raise CourseError(f"extend: days must be at least 0, got {days}")
    table = extensions(course)
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
