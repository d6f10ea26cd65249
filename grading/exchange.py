"""nbgrader's exchange folder, where students on one machine fetch, submit and get back.

Giving out and giving back are nbgrader's own. Collecting is not: nbgrader's follows links with the instructor's rights,
only warns where a submission bears another student's name, and believes the time that the student's program wrote.
"""
import hashlib
import os
import pwd
import shutil
import stat
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from nbgrader.apps import NbGraderAPI
from nbgrader.coursedir import CourseDirectory
from nbgrader.utils import parse_utc

from grading.course import CourseError, is_full, write
from grading.gradebook import nbgrader_config
from grading.late import known_time
from grading.submission import LARGEST

FILES = 100  # in one submission
SLACK = timedelta(minutes=5)  # between a submission's name and what the file system says
FORMAT = "%Y-%m-%d %H:%M:%S.%f UTC"


@dataclass(frozen=True)
class Arrival:
    """A submission in the exchange.

    Attributes:
        path: its folder.
        student: who handed it in: the folder's name and its owner agree.
        time: when, in UTC, without a zone.
    """

    path: Path
    student: str
    time: datetime


def publish(course, assignment, root):
    """Put an assignment's student edition where students fetch it, and return that folder.

    Args:
        course: the Course.
        assignment: its name.
        root: the exchange's folder; made if it is not there.

    Raises:
        CourseError: the assignment is not released, or others could tamper with the exchange.
    """
    course.notebook("release", assignment)
    root = Path(root).resolve()
    root.mkdir(parents=True, exist_ok=True)
    _guard(root, 0o1777)
    _check(_api(course, root).release_assignment(assignment), f"exchange: {assignment}")
    folder = root / _course_id(course)
    _guard(folder / "inbound", 0o3733)
    return folder / "outbound" / assignment


def fetch(course, assignment, root, say=print):
    """Collect the newest submission of each student into submitted/, and return the students whose came in.

    Args:
        course: the Course.
        assignment: its name.
        root: the exchange's folder.
        say: called with a line for each submission that is not taken.

    Raises:
        CourseError: the assignment was not published there.
    """
    inbound = Path(root).resolve() / _course_id(course) / "inbound"
    if not os.access(inbound, os.R_OK | os.X_OK):
        raise CourseError(f"exchange: {assignment} must be published in {root} by you, got none")
    newest, taken = {}, []
    for path in sorted(inbound.glob(f"*+{assignment}+*")):
        try:
            arrival = _arrival(path, assignment)
        except (ValueError, OverflowError, OSError) as error:
            say(f"not collected: {path.name}: {error}")
            continue
        newest[arrival.student] = max(arrival, newest.get(arrival.student, arrival), key=lambda each: each.time)
    with course.lock():
        for student, arrival in newest.items():
            place = course.folder / "submitted" / student / assignment
            if (old := known_time(place)) and old >= arrival.time:
                continue
            try:
                _take(arrival, place)
                taken.append(student)
            except (ValueError, OSError) as error:
                if is_full(error):
                    raise
                say(f"not collected: {arrival.path.name}: {error}")
    return taken


def give_back(course, assignment, root, say=print):
    """Put the feedback pages where their students find them, and return these students.

    Args:
        course: the Course.
        assignment: its name.
        root: the exchange's folder.
        say: called with a line for each student whose page stays here.

    Raises:
        CourseError: there is no feedback yet.
    """
    root, given = Path(root).resolve(), []
    if not (folders := sorted((course.folder / "feedback").glob(f"*/{assignment}"))):
        raise CourseError(f"exchange: {assignment}: there is no feedback; run: python -m grading feedback {assignment}")
    with course.lock():
        made = _api(course, root)
        for folder in folders:
            student = folder.parent.name
            if why := _not_ready(course, assignment, student):
                say(f"not given back: {student}: {why}")
                continue
            try:
                _give(course, assignment, student, folder, made)
                given.append(student)
            except (CourseError, OSError) as error:
                say(f"not given back: {student}: {error}")
    return given


def _give(course, assignment, student, folder, made):
    submitted = course.folder / "submitted" / student / assignment
    for name in ("submission_secret.txt", "timestamp.txt"):
        shutil.copyfile(submitted / name, folder / name)
    for page in folder.glob("*.html"):
        page.chmod(0o644)  # readable in the exchange, under a name that only its student knows
    _check(made.release_feedback(assignment, student), "exchange")


def carry_out(course, step, assignment, root):
    """Carry out "publish", "fetch" or "return", and return a line that says what was done."""
    if step == "publish":
        return f"Students fetch {assignment} from {publish(course, assignment, root)}"
    if step == "fetch":
        return f"{len(fetch(course, assignment, root))} submissions came into {course.folder / 'submitted'}"
    return f"{len(give_back(course, assignment, root))} students can fetch their feedback"


def uid_of(student):
    """Return the user number of a student on Kubernetes, where no user has a name.

    >>> uid_of("ada")
    267265648
    """
    return 1_000_000 + int(hashlib.sha256(student.encode()).hexdigest()[:7], 16)


def _api(course, root):
    config = nbgrader_config(course)
    config.Exchange.root = str(root)
    config.ExchangeReleaseAssignment.force = True
    return NbGraderAPI(CourseDirectory(config=config), config=config)


def _course_id(course):
    return nbgrader_config(course).CourseDirectory.course_id


def _check(result, what):
    if not result["success"]:
        reason = result.get("error") or result.get("log") or "nbgrader gave no reason"
        raise CourseError(f"{what}: {reason.strip().splitlines()[-1]}")


def _guard(folder, mode):
    """Let nobody rename or remove in a folder what another put there."""
    try:
        if stat.S_IMODE(folder.stat().st_mode) != mode:
            folder.chmod(mode)
    except PermissionError:
        raise CourseError(f"exchange: ask the owner of {folder} for: chmod {mode:o} {folder}") from None


def _arrival(path, assignment):
    """Return the Arrival of a folder in the exchange, or raise ValueError where name or owner is not right."""
    parts, information = path.name.split("+"), path.lstat()
    if len(parts) not in (3, 4) or parts[1] != assignment:
        raise ValueError("its name is not nbgrader's")
    if not stat.S_ISDIR(information.st_mode):
        raise ValueError("it is no folder")
    if information.st_uid not in _uids(parts[0]):
        raise ValueError(f"it bears the name of {parts[0]} and belongs to user {information.st_uid}")
    with os.scandir(path) as entries:
        changed = max([information.st_ctime, *(entry.stat(follow_symlinks=False).st_ctime for entry in entries)])
    said, seen = parse_utc(parts[2]), datetime.fromtimestamp(changed, UTC).replace(tzinfo=None)
    return Arrival(path, parts[0], seen if seen > said + SLACK else said)


def _uids(student):
    try:
        return {pwd.getpwnam(student).pw_uid, uid_of(student)}
    except KeyError:
        return {uid_of(student)}


def _take(arrival, place):
    """Copy a submission into the course through handles that follow no link, and swap it in at the end."""
    fresh = place.parent / f".{place.name}.new"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    handle = os.open(arrival.path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        owner, names = os.fstat(handle).st_uid, sorted(os.listdir(handle))
        if owner not in _uids(arrival.student) or len(names) > FILES:
            raise ValueError(f"it must belong to {arrival.student} and hold at most {FILES} files")
        for name in names:
            _copy(handle, name, fresh / name, owner)
        (fresh / "timestamp.txt").unlink(missing_ok=True)
        write(fresh / "timestamp.txt", arrival.time.strftime(FORMAT))
        shutil.rmtree(place, ignore_errors=True)
        fresh.rename(place)
    finally:
        os.close(handle)
        shutil.rmtree(fresh, ignore_errors=True)


def _copy(handle, name, target, owner):
    """Copy a plain file of a folder; of a link leave one to nowhere, for which grading refuses the submission."""
    kind = os.stat(name, dir_fd=handle, follow_symlinks=False).st_mode
    if stat.S_ISLNK(kind):
        target.symlink_to("nowhere")
    elif stat.S_ISREG(kind):
        with open(os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=handle), "rb") as file:
            if os.fstat(file.fileno()).st_uid != owner:
                raise ValueError(f"{name} belongs to another user")
            target.write_bytes(file.read(LARGEST + 1))  # one byte too many is enough to refuse it


def _not_ready(course, assignment, student):
    """Return why a student's feedback cannot be given back, or None."""
    submitted, graded, pages = (course.folder / part / student / assignment
                                for part in ("submitted", "autograded", "feedback"))
    secret = submitted / "submission_secret.txt"
    if secret.is_symlink() or not secret.is_file():
        return "the submission did not come through the exchange"
    if known_time(graded) is None or known_time(graded) != known_time(submitted):
        return f"a newer submission was collected; run: python -m grading grade {assignment}"
    notebooks = {path.stem: path.stat().st_mtime for path in graded.glob("*.ipynb")}
    written = {path.stem: path.stat().st_mtime for path in pages.glob("*.html")}
    if not all(written.get(name, 0) >= time for name, time in notebooks.items()):
        return f"it was graded again; run: python -m grading feedback {assignment}"
    return None
