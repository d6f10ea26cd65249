"""Looking at a submission before it is refused: nothing is followed, waited for or read at length."""
import os
import subprocess
import sys

import pytest

from grading.sandbox import ROOT
from grading.survey import FILES, fingerprint, read_plain

LOOK = """
import pathlib, resource, sys
from grading.survey import fingerprint
resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))
print(fingerprint(pathlib.Path(sys.argv[1])))
"""


def endless(path):
    path.mkdir()
    for name in ("a", "b"):
        (path / name).symlink_to(path)
    (path / "everything").symlink_to("/")
    (path / "number").symlink_to("/dev/zero")


def pipe(path):
    path.mkdir()
    os.mkfifo(path / "notebook.ipynb")
    (path / "link.ipynb").symlink_to("notebook.ipynb")


def sparse(path):
    path.mkdir()
    with open(path / "notebook.ipynb", "wb") as file:
        file.truncate(2**40)


def crowd(path):
    path.mkdir()
    for number in range(FILES + 1):
        (path / f"{number}").mkdir()
        for name in ("a", "b"):
            (path / f"{number}" / name).touch()


@pytest.mark.parametrize("make", [
    endless, pipe, sparse, crowd, os.mkfifo, lambda path: path.symlink_to("/"), lambda path: path.symlink_to(path),
    lambda path: path.touch(), lambda path: None,
], ids=["links", "pipe", "sparse", "crowd", "is-a-pipe", "is-a-link", "is-a-loop", "is-a-file", "is-not-there"])
def test_look_ends_and_takes_little_memory(tmp_path, make):
    make(tmp_path / "ch02")
    done = subprocess.run([sys.executable, "-c", LOOK, str(tmp_path / "ch02")], cwd=ROOT, capture_output=True,
                          text=True, timeout=60, check=False)
    assert done.returncode == 0 and len(done.stdout) == 65, done.stderr


@pytest.fixture
def folder(tmp_path):
    """Return a folder with a file, a file in a folder, a link and a large file."""
    folder = tmp_path / "ch02"
    (folder / "data").mkdir(parents=True)
    (folder / "a.txt").write_text("a")
    (folder / "data" / "b.txt").write_text("b")
    (folder / "link").symlink_to(tmp_path / "outside.txt")
    (tmp_path / "outside.txt").write_text("1")
    with open(folder / "large", "wb") as file:
        file.truncate(2**30)
    return folder


def relink(folder):
    (folder / "link").unlink()
    (folder / "link").symlink_to("a.txt")


@pytest.mark.parametrize("change", [
    lambda folder: (folder / "a.txt").write_text("c"), lambda folder: (folder / "data" / "b.txt").write_text("c"),
    lambda folder: (folder / "a.txt").rename(folder / "c.txt"), lambda folder: (folder / "empty").mkdir(), relink,
    lambda folder: os.truncate(folder / "large", 2**30 + 1), lambda folder: (folder / "a.txt").unlink(),
], ids=["content", "inner-content", "name", "folder", "link", "large", "gone"])
def test_change_is_seen(folder, change):
    before = fingerprint(folder)
    assert fingerprint(folder) == before
    change(folder)
    assert fingerprint(folder) != before


def test_what_lies_behind_a_link_is_not_looked_at(folder):
    before = fingerprint(folder)
    (folder.parent / "outside.txt").write_text("2")
    assert fingerprint(folder) == before


def test_notebook_counts_before_folders_that_are_too_many(folder):
    for number in range(FILES):
        (folder / "data" / f"{number}").mkdir()
    before = fingerprint(folder)
    (folder / "a.txt").write_text("c")
    assert fingerprint(folder) != before


def test_only_a_plain_file_is_read(folder):
    os.mkfifo(folder / "pipe")
    assert read_plain(folder / "a.txt") == b"a"
    assert read_plain(folder / "large", 10) == bytes(10)
    for name in ("pipe", "link", "data", "none"):
        with pytest.raises(OSError):
            read_plain(folder / name)
