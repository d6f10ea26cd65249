"""The pages in contributing lead to a green run, and each row that they name is missed where it is taken away."""
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tools import new
from tools.project import ROOT

pytestmark = pytest.mark.slow

PAGES = ("chapter", "widget", "model", "exercise")  # in this order: the others stand in the new chapter
ROW = re.compile(r"^\| `([\w./]+)` \| `(tests/\S+)` \|$", re.M)
WITHOUT_ROW = """
import json, os, sys
import anywidget, IPython, matplotlib, playwright.sync_api, pytest, torch  # once for all
from tools.preload import preload

preload()

for path, text, test in json.load(sys.stdin):
    whole = open(path, encoding="utf-8").read()
    open(path, "w", encoding="utf-8").write(text)
    child = os.fork()
    if child == 0:
        os._exit(pytest.main(["-q", "-n", "0", "-p", "no:cacheprovider", test]))
    print("exit", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), path, test, flush=True)
    open(path, "w", encoding="utf-8").write(whole)
"""


def page(name):
    """Return the text of a page of steps."""
    return (ROOT / "contributing" / f"{name}.md").read_text(encoding="utf-8")


def commands(text):
    """Return the commands of a page's sh blocks, each on a line, with those lines joined that end with a backslash."""
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```$", text, re.M | re.S)
    return [line.strip() for block in blocks for line in re.sub(r"\\\n *", "", block).splitlines()]


def environment(root):
    """Return what a shell in another copy of the project starts with."""
    ours = ("PYTEST_", "MAKE", "MFLAGS")
    return {**{name: value for name, value in os.environ.items() if not name.startswith(ours)},
            "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}


def run(command, root):
    """Run a line of a page as a person does."""
    return subprocess.run(command, shell=True, cwd=root, env=environment(root), capture_output=True, text=True,
                          encoding="utf-8")


def fresh_copy(folder):
    """Copy what git knows or would add, and lend it this environment as its .venv, which it takes as ready."""
    listing = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"], cwd=ROOT,
                             capture_output=True, text=True, encoding="utf-8", check=True)
    for name in filter(lambda name: (ROOT / name).is_file(), listing.stdout.split("\0")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)
    (folder / ".venv").mkdir()
    for part in Path(sys.prefix).iterdir():
        (folder / ".venv" / part.name).symlink_to(part)
    (folder / ".venv" / ".ready").unlink(missing_ok=True)
    (folder / ".venv" / ".ready").touch()
    return folder


def files(root):
    """Return the bytes of all files by their path, without the environment and caches."""
    hidden = {".venv", "__pycache__", ".pytest_cache", ".ruff_cache", ".hypothesis"}
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*")
            if path.is_file() and not hidden & set(path.relative_to(root).parts)}


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """Return a copy in which all pages were followed: its root, what the commands said, the files before each page."""
    root, done, before = fresh_copy(tmp_path_factory.mktemp("book")), {}, {}
    for name in PAGES:
        before[name] = files(root)
        done[name] = [run(command, root) for command in commands(page(name))]
    return SimpleNamespace(root=root, done=done, before=before)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_leads_to_a_green_run(book, name):
    assert [(each.args, each.stdout, each.stderr) for each in book.done[name] if each.returncode] == []
    assert len(book.done[name]) == len(commands(page(name))) >= 3
    assert book.done[name][0].args.startswith(f"make new-{name} ")


def test_a_page_names_all_that_was_written(book):
    after = files(book.root)
    for name, later in zip(PAGES, [*PAGES[1:], None], strict=True):
        now = book.before[later] if later else after
        was, listed = book.before[name], {path for path, _ in ROW.findall(page(name))}
        assert {path for path in was if was[path] != now[path]} == listed
        made = set(now) - set(was)
        assert made and all(Path(path).name in page(name) or path.startswith("cnnlib/widgets/") for path in made)


def test_running_the_chapter_stores_what_the_example_holds(book):
    [stored] = [each for each in book.done["chapter"] if "tools.clean" in each.args]
    assert stored.stdout == ""  # nothing changed


def test_the_whole_project_passes_the_linter(book):
    linted = run(".venv/bin/python -m ruff check .", book.root)
    assert linted.returncode == 0, linted.stdout


@pytest.mark.parametrize("name", PAGES)
def test_a_second_run_is_refused_in_a_line_and_changes_nothing(book, name):
    before = files(book.root)
    again = run(commands(page(name))[0], book.root)
    lines = [line for line in again.stderr.splitlines() if not line.startswith("make")]
    assert again.returncode != 0 and again.stdout == "" and len(lines) == 1 and lines[0].startswith("new: ")
    assert files(book.root) == before


def test_a_row_that_is_taken_away_is_missed(book):
    cases = [(path, book.before[name][path].decode(), test) for name in PAGES for path, test in ROW.findall(page(name))]
    whole = files(book.root)
    done = subprocess.run([sys.executable, "-c", WITHOUT_ROW], input=json.dumps(cases), cwd=book.root, text=True,
                          env=environment(book.root), capture_output=True, encoding="utf-8")
    said = [line for line in done.stdout.splitlines() if line.startswith("exit ")]
    assert said == [f"exit 1 {path} {test}" for path, _, test in cases], done.stdout + done.stderr
    assert len(cases) == 14 and files(book.root) == whole


USAGE = "takes chapter NUMBER NAME TITLE | widget NAME TOPIC | model NAME TOPIC | exercise CHAPTER NAME"
NUMBER = "NUMBER must be two digits above 12"
WORDS = "of 2 to 20 characters"
TOPIC = "TOPIC must be an id of book/course_map.yml with a notebook and a cell"


@pytest.mark.parametrize(("arguments", "message"), [
    (["chapter", "12", "video", "Video"], f"{NUMBER}, got '12'"),
    (["chapter", "7c", "video", "Video"], f"{NUMBER}, got '7c'"),
    (["chapter", "13", "Video", "Video"], f"NAME must be words such as video_clips, {WORDS}, got 'Video'"),
    (["chapter", "13", "../x", "Video"], f"NAME must be words such as video_clips, {WORDS}, got '../x'"),
    (["chapter", "13", "video", ""], "TITLE must be a line of words, got ''"),
    (["chapter", "13", "video", "A|B"], "TITLE must be a line of words, got 'A|B'"),
    (["widget", "strideclock", "C02-01"],
     "NAME must be two or more Words such as StrideClock, of 4 to 20 characters, got 'strideclock'"),
    (["widget", "StrideClock", "C99-01"], f"{TOPIC}, got 'C99-01'"),
    (["widget", "StrideClock", "C00-01"], f"{TOPIC}, got 'C00-01'"),  # on a page
    (["widget", "KernelGallery", "C02-09"],
     "a new file is needed, got cnnlib/widgets/kernel_gallery.py, which exists"),
    (["model", "tiny-net", "C07-02"], f"NAME must be words such as tinynet, {WORDS}, got 'tiny-net'"),
    (["model", "vgg", "C07-02"], "a new file is needed, got cnnlib/models/vgg.py, which exists"),
    (["model", "resnet18", "C07-02"], "NAME must be the name of no other model, got 'resnet18'"),
    (["exercise", "13", "clip_length"], "CHAPTER must be a chapter with exercises, such as 02, got '13'"),
    (["exercise", "00", "clip_length"], "CHAPTER must be a chapter with exercises, such as 02, got '00'"),
    (["exercise", "01", "Alike"], f"NAME must be words such as clip_length, {WORDS}, got 'Alike'"),
    (["exercise", "01", "alike"],
     "new cells are needed, got alike-check, which is in notebooks/01_why_convolution.ipynb"),
    (["page", "x"], f"{USAGE}, got page x"),
    (["model", "vgg"], f"{USAGE}, got model vgg"),
    ([], f"{USAGE}, got nothing"),
])
def test_bad_words_are_refused_before_anything_is_written(monkeypatch, arguments, message):
    monkeypatch.setattr(new.Plan, "write", None)
    assert new.main(arguments) == f"new: {message}"


def test_a_row_that_names_no_cell_and_a_broken_notebook_are_told(tmp_path):
    for folder in ("notebooks", "book", "cnnlib/widgets/js", "tests"):
        (tmp_path / folder).mkdir(parents=True)
    row = "C02-01: {title: t, notebook: 02_a, heading: H, cell: gone}"
    (tmp_path / "book" / "course_map.yml").write_text(row)
    notebook = tmp_path / "notebooks" / "02_a.ipynb"
    shutil.copy(ROOT / "notebooks" / "02_convolution_math.ipynb", notebook)
    assert new.main(["widget", "StrideClock", "C02-01"], tmp_path) == (
        "new: TOPIC must name a cell of its notebook, got 'gone'")
    notebook.write_text("{")
    assert "02_a.ipynb: not a notebook" in new.main(["widget", "StrideClock", "C02-01"], tmp_path)
    assert [path for path in files(tmp_path) if path.endswith(("py", "mjs"))] == []


@pytest.mark.parametrize(("kind", "arguments"), [
    (new.chapter, ("99", "a_chapter_named_long", "A title")), (new.exercise, ("02", "an_exercise_named_so")),
    (new.widget, ("WidgetWithLongNameso", "C02-09")), (new.widget, ("AbCdEfGhIjKlMnOpQrSt", "C02-09")),
    (new.model, ("amodelwithalongnamex", "C07-02")), (new.model, ("a_model_with_a_nam_e", "C07-02"))])
def test_the_longest_names_fit_into_the_lines(kind, arguments):
    plan = new.Plan(ROOT)
    kind(plan, *arguments)
    texts = {path: text for path, text in {**plan.made, **plan.changed}.items() if path.endswith(".py")}
    assert len(texts) >= 2 and max(len(line) for text in texts.values() for line in text.splitlines()) <= 120
