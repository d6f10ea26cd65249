"""Look at what others put into a folder, before it is known to be harmless."""
import hashlib
import itertools
import json
import os
import stat
from pathlib import Path

from grading.submission import LARGEST

FILES, BYTES = 1000, 64 * 2**20  # of a folder, as far as it is looked at


def read_plain(path, largest=LARGEST):
    """Return the bytes of a plain file, at most ``largest``; no link is followed and no pipe waited for.

    Raises:
        OSError: it is not there, or no plain file.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(f"{path}: no plain file")
        with open(handle, "rb", closefd=False) as file:
            return file.read(largest)
    finally:
        os.close(handle)


def fingerprint(*parts):
    """Return a text that changes when one of the texts or bytes does, or what lies in one of the folders.

    Nothing in a folder is followed or waited for. Of a plain file that is not large the content counts, of a link
    where it leads, of anything else the kind, the size and the time of its last change; all of it until there are more
    than FILES things.
    """
    total = hashlib.sha256()
    for part in parts:
        if isinstance(part, Path):
            part = "\n".join(_survey(part))
        total.update(hashlib.sha256(part if isinstance(part, bytes) else str(part).encode()).digest())
    return total.hexdigest()


def _survey(top):
    """Yield a line on each thing in a folder, in order, the folder's own first."""
    waiting, done, left = [top], 0, BYTES
    while waiting:
        path = waiting.pop()
        try:
            what, names, read = _look(path, left)
        except OSError as error:
            what, names, read = [error.errno], [], 0
        waiting += [path / name for name in reversed(names)]
        done, left = done + 1, left - read
        if done + len(waiting) > FILES:
            yield f"more than {FILES}"
            return
        yield json.dumps([str(path.relative_to(top)), what])


def _look(path, left):
    """Return what a path is, the names in it if it is a folder, and how many bytes were read, at most ``left``."""
    about = path.lstat()
    kind = stat.S_IFMT(about.st_mode)
    if kind == stat.S_IFDIR:
        with os.scandir(path) as entries:
            first = sorted(itertools.islice(entries, FILES + 1), key=_files_first)
        return [kind], [entry.name for entry in first], 0
    if kind == stat.S_IFLNK:
        return [kind, os.readlink(path)], [], 0
    if kind == stat.S_IFREG and about.st_size <= min(LARGEST, left):
        data = read_plain(path)
        return [kind, hashlib.sha256(data).hexdigest()], [], len(data)
    return [kind, about.st_size, about.st_mtime_ns], [], 0


def _files_first(entry):
    return entry.is_dir(follow_symlinks=False), entry.name
