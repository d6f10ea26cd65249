"""The last good site stays whole, whatever a build does."""
import fcntl
import subprocess
import sys
from pathlib import Path

import pytest

from tools import swap

ROOT = Path(swap.__file__).parents[1]


def write(folder, text, state="state"):
    """Write what Jupyter Book would."""
    for name, content in (("html/page.html", text), (".doctrees/page", state)):
        path = folder / "_build" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


@pytest.fixture(params=[True, False], ids=["one step", "two steps"])
def folder(tmp_path, monkeypatch, request):
    """Return a folder _build with a good site, on a system that can exchange in one step or cannot."""
    if not request.param:
        monkeypatch.setattr(swap, "exchange", lambda one, other: False)
    with swap.beside(tmp_path) as work:
        write(work, "good")
    return tmp_path


def names(folder):
    """Return the names in a folder."""
    return sorted(path.name for path in folder.iterdir())


def test_a_good_build_takes_over_and_leaves_nothing_else(folder):
    with swap.beside(folder) as work:
        assert (work / "_build" / "html" / "page.html").read_text() == "good"  # so that it may build on it
        assert (work / "_build" / ".doctrees" / "page").read_text() == "state"
        write(work, "better", "newer")
        assert (folder / "html" / "page.html").read_text() == "good"
    assert (folder / "html" / "page.html").read_text() == "better"
    assert (folder / "state" / ".doctrees" / "page").read_text() == "newer"
    assert names(folder) == ["html", "state"] and names(folder / "state") == [".doctrees"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_a_bad_build_changes_neither_the_site_nor_what_is_known_of_it(folder, error):
    with pytest.raises(error), swap.beside(folder) as work:
        write(work, "torn", "torn")
        raise error
    assert (folder / "html" / "page.html").read_text() == "good"
    assert (folder / "state" / ".doctrees" / "page").read_text() == "state"
    assert names(folder) == ["html", "state"]


class Killed(BaseException):
    """Stands for the end of the process: nothing is tidied after it."""



@pytest.mark.parametrize("at", range(1, 12))
def test_a_build_killed_before_any_step_leaves_a_whole_site_and_the_next_one_succeeds(folder, monkeypatch, at):
    count = 0

    def counted(real):
        def step(*arguments, **options):
            nonlocal count
            count += 1
            if count >= at:
                raise Killed
            return real(*arguments, **options)
        return step

    with monkeypatch.context() as patch:
        patch.setattr(swap.Path, "rename", counted(swap.Path.rename))
        patch.setattr(swap.shutil, "copytree", counted(swap.shutil.copytree))
        patch.setattr(swap.shutil, "rmtree", counted(swap.shutil.rmtree))
        patch.setattr(swap, "exchange", counted(swap.exchange))
        try:
            with swap.beside(folder) as work:
                write(work, "better", "newer")
        except Killed:
            pass
    for name, possible in (("html/page.html", "good better"), ("state/.doctrees/page", "state newer")):
        part, rest = name.split("/", 1)
        place = folder / part if (folder / part).exists() else folder / f"{part}{swap.ASIDE}"
        assert (place / rest).read_text() in possible.split()
    with swap.beside(folder) as work:
        known, site = ((work / "_build" / name).read_text() for name in (".doctrees/page", "html/page.html"))
        assert (known, site) in (("state", "good"), ("state", "better"), ("newer", "better"))  # never newer, good
        write(work, "best", "newest")
    assert (folder / "html" / "page.html").read_text() == "best" and names(folder) == ["html", "state"]


def test_one_step_is_used_where_linux_has_it(tmp_path):
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    if swap.exchange(tmp_path / "one", tmp_path / "other"):
        assert (tmp_path / "one" / "file").read_text() == "other"
        assert (tmp_path / "other" / "file").read_text() == "one"
    assert not swap.exchange(tmp_path / "one", tmp_path / "gone")


HOLD = """
import sys
from tools.swap import alone
with alone(sys.argv[1], lambda line: print(line, flush=True)):
    print("mine", flush=True)
    sys.stdin.read()
"""


def hold(folder):
    """Start a process that takes the lock and keeps it until its input ends."""
    return subprocess.Popen([sys.executable, "-c", HOLD, folder], cwd=ROOT, stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, text=True)


def test_the_second_waits_and_says_so_and_a_killed_first_does_not_block(tmp_path):
    with hold(tmp_path) as first:
        assert first.stdout.readline() == "mine\n"
        with hold(tmp_path) as second:
            assert second.stdout.readline().startswith("Another build of this folder is running")
            first.kill()
            assert second.stdout.readline() == "mine\n"
            with open(tmp_path / swap.LOCK) as file, pytest.raises(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            second.stdin.close()
            assert second.wait() == 0
