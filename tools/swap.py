"""Keep the last good website whole: build beside it, and put a good result in its place in one step.

In ``_build`` stand ``html``, the site, and ``state``, what Sphinx knows of its pages. A build works on copies of both
in ``_build/work``. Only a good one replaces them, the site first: should a build be killed in between, the older state
says at most that a page is to be built once more.
"""
import contextlib
import ctypes
import os
import shutil
import sys
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows, where two builds at once are not kept apart
    fcntl = None

SITE, STATE, WORK, LOCK = "html", "state", "work", "book.lock"
ASIDE = ".old"  # ends the name of what is exchanged in two steps
AT_FDCWD, RENAME_EXCHANGE = -100, 2  # of Linux


@contextlib.contextmanager
def alone(folder, say=print):
    """Wait until no other build works in a folder, and keep it for the length of a ``with`` block.

    The system gives the lock free when the last process that holds it ends, however it ends.

    Args:
        folder: the folder ``_build``.
        say: called with a line if there is another build.

    Returns:
        What a child process must inherit to hold the lock too.
    """
    with open(Path(folder) / LOCK, "w", encoding="utf-8") as file:
        if fcntl:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                say("Another build of this folder is running; this one begins when it has ended")
                fcntl.flock(file, fcntl.LOCK_EX)
        yield (file.fileno(),) if fcntl else ()


@contextlib.contextmanager
def beside(folder):
    """Give a ``with`` block a folder to build in, and take over what it built if no error leaves the block.

    Args:
        folder: the folder ``_build``.

    Returns:
        The folder that Jupyter Book takes as its output.
    """
    folder = Path(folder)
    for name in (SITE, STATE):
        recover(folder / name)
    work = folder / WORK
    remove(work)
    try:
        for source, target in ((folder / SITE, work / "_build" / SITE), (folder / STATE, work / "_build")):
            if source.is_dir():
                shutil.copytree(source, target, dirs_exist_ok=True)  # with the times, by which Sphinx goes
        yield work
        put(work / "_build" / SITE, folder / SITE)
        remove(work / "_build" / SITE)
        put(work / "_build", folder / STATE)
    finally:
        remove(work)


def put(new, place):
    """Put a folder in a place; what was there is then in its stead, or gone."""
    if not place.exists():
        new.rename(place)
    elif not exchange(new, place):
        aside = place.with_name(place.name + ASIDE)
        place.rename(aside)
        new.rename(place)
        remove(aside)


def recover(place):
    """Finish what a build that was killed between two renames has begun."""
    aside = place.with_name(place.name + ASIDE)
    if aside.exists() and not place.exists():
        aside.rename(place)
    remove(aside)


def exchange(one, other):
    """Let two folders change their names in one step, and return whether this system can."""
    try:
        rename = ctypes.CDLL(None).renameat2
    except (AttributeError, OSError, TypeError):
        return False
    return rename(AT_FDCWD, os.fsencode(one), AT_FDCWD, os.fsencode(other), RENAME_EXCHANGE) == 0


def remove(folder):
    """Remove a folder if it is there."""
    if folder.exists():
        shutil.rmtree(folder)


def with_parent(program, parent):
    """Return a Python program that ends when its parent ends, on Linux: killed too, it builds nothing further."""
    if sys.platform != "linux":
        return program
    return ("import ctypes, os\n"
            "ctypes.CDLL(None).prctl(1, 9)  # PR_SET_PDEATHSIG, SIGKILL\n"
            f"if os.getppid() != {parent}:\n    os._exit(1)\n{program}")
