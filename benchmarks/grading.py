"""How long 200 submissions take to grade under guard: ``python -m benchmarks.grading``.

The reference is the same work without the guard, on a tenth of the submissions, in the same run.
"""
import platform
import resource
import shutil
import sys
import tempfile
import time
from pathlib import Path

from grading.course import init_course, open_course
from grading.grade import grade
from grading.release import release
from tests.grading import hostile
from tests.grading.students import ASSIGNMENT, honest

RESULTS = Path(__file__).resolve().parent / "results" / "grading.md"
STUDENTS, WORKERS, LIMIT = 200, 2, 300  # seconds for all of them
MEMORY = 1000  # megabytes of the process that writes
HONEST, HOSTILE_LIMIT = 20, 120  # students among the hostile ones; seconds for all of these


def measured(folder, number, **options):
    """Return the seconds that grading takes, and whether every score is the known one."""
    course = init_course(folder, "A course")
    release(course, ASSIGNMENT)
    points = honest(course, number)
    began = time.perf_counter()
    rows = grade(open_course(folder), ASSIGNMENT, workers=WORKERS, say=lambda line: None, **options)
    seconds = time.perf_counter() - began
    return seconds, {row["student"]: row["score"] for row in rows} == points


def mixed(folder):
    """Return the seconds that hostile submissions among honest ones take, and whether every score is the known one."""
    course = init_course(folder, "A course")
    release(course, ASSIGNMENT)
    place = folder.parent / "place"
    place.mkdir()
    hostile.hand_in_all(course, place, 9)  # nobody listens there
    points = {**honest(course, HONEST), **{name: hostile.expected(name) for name in hostile.NAMES}}
    began = time.perf_counter()
    rows = grade(open_course(folder), ASSIGNMENT, workers=WORKERS, say=lambda line: None)
    seconds = time.perf_counter() - began
    return seconds, {row["student"]: row["score"] for row in rows} == points


def megabytes(who):
    """Return the most memory that this process, or one of its children, has had."""
    return resource.getrusage(who).ru_maxrss / 1024


def main():
    """Measure, write the table, and return a line if a limit does not hold."""
    if platform.system() != "Linux":
        print("benchmarks.grading: grading under guard is for Linux; nothing measured")
        return 0
    folder = Path(tempfile.mkdtemp())
    try:
        guarded, exact = measured(folder / "guarded", STUDENTS)
        bad, right = mixed(folder / "mixed")
        trusted, same = measured(folder / "trusted", STUDENTS // 10, trusted=True)
    finally:
        shutil.rmtree(folder)
    own, largest = megabytes(resource.RUSAGE_SELF), megabytes(resource.RUSAGE_CHILDREN)
    ratio = guarded / STUDENTS / (trusted / (STUDENTS // 10))
    RESULTS.write_text(
        f"# Grading\n\n{platform.machine()}, {STUDENTS} submissions of the assignment of chapter 2 (all, one and no "
        f"task right, in thirds), {WORKERS} workers.\n\n| what | measured | limit |\n|---|---|---|\n"
        f"| all submissions, seconds | {guarded:.0f} | {LIMIT} |\n"
        f"| one submission, seconds | {guarded / STUDENTS:.2f} | |\n"
        f"| the same without the guard, seconds | {trusted / (STUDENTS // 10):.2f} | |\n| ratio | {ratio:.2f} | |\n"
        f"| {len(hostile.NAMES)} hostile and {HONEST} honest submissions, seconds | {bad:.0f} | {HOSTILE_LIMIT} |\n"
        f"| memory of the process that writes, MB | {own:.0f} | {MEMORY} |\n"
        f"| largest memory of a worker or a student's program, MB | {largest:.0f} | |\n"
        f"| scores as known | {'all' if exact and right and same else 'NOT ALL'} | all |\n", encoding="utf-8")
    print(RESULTS.read_text(encoding="utf-8"))
    if not (exact and right and same and guarded <= LIMIT and bad <= HOSTILE_LIMIT and own <= MEMORY):
        return "benchmarks.grading: a limit does not hold"
    return 0


if __name__ == "__main__":
    sys.exit(main())
