"""Grades of the gradebook, late days taken off, as tables for Canvas, for Moodle and for oneself."""
import os
from dataclasses import dataclass
from pathlib import Path

from nbgrader.api import Gradebook

from grading.course import CourseError, write
from grading.gradebook import check_known
from grading.late import extensions, penalty
from grading.roster import Student, find_roster
from grading.sheets import csv_text, number_text

KINDS, MISSING = ("canvas", "moodle", "plain"), ("empty", "zero")


@dataclass(frozen=True)
class Grade:
    """A submission's row of the gradebook.

    Attributes:
        reached: its points.
        penalty: what it loses for its late days.
        handed_in: when, or "".
        waiting: whether a written answer still waits for its points.
    """

    reached: float
    penalty: float
    handed_in: str
    waiting: bool

    @property
    def points(self):
        """What counts."""
        return max(0.0, self.reached - self.penalty)


def export(course, kind="plain", *, assignments=None, roster=None, missing="empty", columns=None, to=None, say=print):
    """Write the grades as a table, and return its path.

    Args:
        course: the Course.
        kind: "canvas", "moodle" or "plain".
        assignments: their names; all by default.
        roster: a CSV file of the students, for Canvas and Moodle as these export it; by default the course's
            roster.csv.
        missing: what stands for a student who handed in nothing, "empty" or "zero". A submission that was not graded
            yet stays empty.
        columns: names of columns by assignment, as {"ch02": "Assignment 2 (1234)"}, where the course system has
            another name than the assignment.
        to: the file to write; by default reports/grades-KIND.csv in the course.
        say: called with a line on what the instructor should know.

    Raises:
        CourseError: an assignment is not known, or the roster is missing or lacks what the system needs.
    """
    if kind not in KINDS:
        raise CourseError(f"export: kind must be one of {', '.join(KINDS)}, got {kind}")
    if missing not in MISSING:
        raise CourseError(f"export: missing must be empty or zero, got {missing}")
    for name in assignments or ():
        check_known(course, name)
    grades, largest = _grades(course, assignments)
    if unknown := set(columns or ()) - set(largest):
        raise CourseError(f"export: column must be of an exported assignment, got {', '.join(sorted(unknown))}")
    people = find_roster(course, roster)
    graded = {student for rows in grades.values() for student in rows}
    known = dict(people.students) if people else {}
    strangers = sorted(graded - set(known)) if people else []
    if kind == "plain":
        known.update({name: Student(id=name) for name in sorted(graded - set(known))})
    _check_roster(kind, people, known)
    table = _Table(course, grades, largest, known, missing, columns or {})
    path = Path(to) if to else course.folder / "reports" / f"grades-{kind}.csv"
    write(path, csv_text(getattr(table, kind)()))
    if missing == "zero" and people is None:
        say("note: who handed in nothing at all gets a zero only with a roster of all students: give it with --roster "
            "or put it into the course as roster.csv")
    for line in _notes(course, grades, strangers, kind):
        say(line)
    return path


@dataclass(frozen=True)
class _Table:
    course: object
    grades: dict
    largest: dict
    known: dict
    missing: str
    columns: dict

    def canvas(self):
        """Rows that Canvas' gradebook imports; it finds students by the ID and columns by the number in brackets."""
        yield ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", *map(self._column, self.largest)]
        yield ["    Points Possible", "", "", "", "", *map(number_text, self.largest.values())]
        for student in self.known.values():
            yield [student.name, student.canvas, student.sis, student.login, student.section, *self._cells(student.id)]

    def moodle(self):
        """Rows that Moodle imports: one assignment as its grading worksheet, several as a table of grades."""
        one = len(self.largest) == 1
        names = [self.columns.get(name, "Grade" if one else name) for name in self.largest]
        yield ["Identifier", "Full name", "Email address", *names, *(["Maximum grade"] if one else []),
               *(["Last modified (grade)"] if one else [])]
        for student in self.known.values():
            yield [student.moodle, student.name, student.email, *self._cells(student.id),
                   *([number_text(next(iter(self.largest.values()))), student.modified or "-"] if one else [])]

    def plain(self):
        """Rows of one student and one assignment."""
        yield ["student", "name", "email", "assignment", "handed in (UTC)", "points", "late penalty", "score", "of"]
        for assignment, rows in self.grades.items():
            for student in self.known.values():
                grade, score = rows.get(student.id), self._cell(assignment, student.id)
                parts = [grade.handed_in, number_text(grade.reached), number_text(grade.penalty)] if grade else [""] * 3
                yield [student.id, student.name, student.email, assignment, *parts, score,
                       number_text(self.largest[assignment])]

    def _column(self, assignment):
        return self.columns.get(assignment, assignment)

    def _cells(self, student):
        return [self._cell(assignment, student) for assignment in self.largest]

    def _cell(self, assignment, student):
        grade = self.grades[assignment].get(student)
        if grade:
            return number_text(grade.points)
        handed_in = os.path.lexists(self.course.folder / "submitted" / student / assignment)
        return "0" if self.missing == "zero" and not handed_in else ""


def _grades(course, assignments):
    """Return each assignment's grades by student, and the largest possible score of each."""
    grades, largest = {}, {}
    with Gradebook(course.database) as book:
        for assignment in sorted(book.assignments, key=lambda each: each.name):
            if not assignments or assignment.name in assignments:
                largest[assignment.name] = assignment.max_score
                grades[assignment.name] = {
                    each.student.id: Grade(each.score, _lost(course, assignment.name, each), str(each.timestamp or ""),
                                           bool(each.needs_manual_grade))
                    for each in assignment.submissions}
    if not grades:
        raise CourseError("export: nothing was released in this course yet")
    return grades, largest


def _lost(course, assignment, submission):
    """Return what a submission loses for its late days: of all its points, those that a person gave since included."""
    days = extensions(course).get(submission.student.id, {}).get(assignment, 0)
    return penalty(submission.score, submission.total_seconds_late, course.settings.get("late", {}), days)


def _check_roster(kind, people, known):
    """Raise CourseError where the course system could not know its students in the table."""
    if kind == "plain":
        return
    if people is None:
        source = {"canvas": "Canvas' gradebook export", "moodle": "Moodle's grading worksheet"}[kind]
        raise CourseError(f"export: {kind} needs a roster, {source}; give it with --roster or put it into the course "
                          "as roster.csv")
    wanted = {"canvas": ("canvas", "sis", "login"), "moodle": ("moodle", "email")}[kind]
    nameless = [student.id for student in known.values() if not any(getattr(student, field) for field in wanted)]
    if nameless:
        fields = {"canvas": "ID, SIS User ID or SIS Login ID", "moodle": "Identifier or Email address"}[kind]
        shown = ", ".join(nameless[:5])
        raise CourseError(f"export: the roster must have {fields} of each student, got none of {shown}")


def _notes(course, grades, strangers, kind):
    """Return lines on what the table does not show."""
    out = "" if kind == "plain" else " and left out"
    lines = [f"note: not in the roster{out}: {', '.join(strangers)}"] if strangers else []
    for assignment, rows in grades.items():
        waiting = sorted(student for student, grade in rows.items() if grade.waiting)
        failed = sorted(student for student, record in course.records(assignment).items()
                        if record["status"] == "failed" and student in rows)
        ungraded = sorted(set(course.submissions(assignment)) - set(rows))
        for students, what in [(waiting, "written answers wait for their points"), (ungraded, "are not graded yet"),
                               (failed, "could not be graded and count 0")]:
            if students:
                shown = ", ".join(students[:5]) + (f" and {len(students) - 5} more" if len(students) > 5 else "")
                lines.append(f"note: {assignment}: {what}: {shown}")
    return lines
