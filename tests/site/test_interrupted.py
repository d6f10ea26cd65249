"""A build that is stopped, killed or not good leaves the last good site as it is, and the next one succeeds."""
import os
import re
import shutil
import signal
import subprocess
import sys

import pytest

from tests.site.small import make_book, write_notebook
from tools.book import build
from tools.reproduce import compare

REACHED = "open({pipe!r}, 'w').close()\nopen({pipe!r} + '.never').close()\n"  # says that it is there, and stays
START = """import signal, sys
from tools.book import main
signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell's background ignores
sys.exit(main())"""
LAST_STEP = "def guard_pages(app):\n"
PAGE = "_build/html/notebooks/small.html"


@pytest.fixture
def folder(tmp_path):
    """Return the folder of a small book that was built, with a copy of its site beside it."""
    folder = tmp_path / "book"
    folder.mkdir()
    make_book(folder)
    write_notebook(folder, "print('the', 'good one')")
    build(folder, say=lambda line: None)
    shutil.copytree(folder / "_build" / "html", tmp_path / "good")
    for name in ("pipe", "pipe.never"):
        os.mkfifo(tmp_path / name)
    return folder


def stop_at(folder, sent, *, line=None):
    """Start a build, end it with a signal when the pipe is opened or a line is printed, return status and errors."""
    with subprocess.Popen([sys.executable, "-c", START], cwd=folder, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(folder)}) as process:
        if line:
            assert next(text for text in process.stdout if line in text)
        else:
            open(folder.parent / "pipe").close()
        process.send_signal(sent)
        return process.wait(), process.stderr.read()


def test_the_good_site_outlives_builds_that_are_stopped_and_killed(folder):
    pipe, step = str(folder.parent / "pipe"), folder / "book" / "ext" / "cnn_book" / "policy.py"
    hook, text = "".join(f"    {line}\n" for line in REACHED.format(pipe=pipe).splitlines()), step.read_text()
    write_notebook(folder, REACHED.format(pipe=pipe))
    status, errors = stop_at(folder, signal.SIGINT)
    assert status == 1 and errors == "book: stopped\n"
    assert compare(folder.parent / "good", folder / "_build" / "html")[1] == []
    write_notebook(folder, "print('the', 'better one')")
    stop_at(folder, signal.SIGTERM, line="Executed notebook")  # as it goes into the cache
    assert compare(folder.parent / "good", folder / "_build" / "html")[1] == []
    step.write_text(text.replace(LAST_STEP, f"{LAST_STEP}{hook}"))
    assert stop_at(folder, signal.SIGKILL)[0] == -signal.SIGKILL  # all pages are written, the last step is not taken
    assert compare(folder.parent / "good", folder / "_build" / "html")[1] == []
    step.write_text(text)
    build(folder, say=lambda line: None)
    assert "the better one" in (folder / PAGE).read_text()
    assert not (folder / "_build" / "work").exists()


def test_a_warning_fails_every_build_until_it_is_mended_and_the_good_site_stays(folder):
    write_notebook(folder, "print('the', 'better one')", title="# Small\n\n[nowhere](gone.md)")
    for _ in range(2):  # what the first one has read does not hide the warning from the second
        with pytest.raises(RuntimeError, match=r"^notebooks/small\.ipynb \[title\]: .*gone"):
            build(folder, say=lambda line: None)
        assert compare(folder.parent / "good", folder / "_build" / "html")[1] == []
    write_notebook(folder, "print('the', 'better one')")
    build(folder, say=lambda line: None)
    assert re.search("the better one", (folder / PAGE).read_text())
