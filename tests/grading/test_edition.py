"""The student edition holds no solution, runs untouched, and is the same each time; a planted solution is found."""
import ast
import importlib
import json
import shutil
import subprocess
import sys
import zipfile

import pytest
from IPython.core.inputtransformer2 import TransformerManager
from nbformat.v4 import new_output

from cnnlib.exercises._check import UNANSWERED
from grading.course import SOURCES, CourseError
from grading.edition import ARCHIVE, edition, links, scan
from tools.clean import read, run
from tools.project import ROOT, assignments

SMALL = ("ch01", "ch02")
SECRET = "about as many fewer MACs"  # stands in the model answer of chapter 2 alone


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Return the folder of the edition of all assignments, as the command makes it."""
    folder = tmp_path_factory.mktemp("whole") / "build" / "exercises"
    done = subprocess.run([sys.executable, "-m", "grading", "edition", "--output", str(folder)], cwd=ROOT,
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{len(assignments())} notebooks without a leak are in {folder}\n"
    return folder


@pytest.fixture
def sources(tmp_path):
    """Return a folder with a copy of one assignment, to spoil."""
    shutil.copytree(SOURCES / "ch02", tmp_path / "sources" / "ch02")
    return tmp_path / "sources"


def change(path, spoil):
    """Change a notebook's file."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    spoil(notebook, {cell["id"]: cell for cell in notebook["cells"]})
    path.write_text(json.dumps(notebook), encoding="utf-8")


def tasks(name):
    """Return the tasks of an assignment; the capstone has none that a program checks."""
    return () if name == "capstone" else importlib.import_module(f"cnnlib.exercises.assignments.{name}").TASKS


def answers(notebook):
    """Return how often a run notebook says that a task is not answered."""
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    return sum(output.get("data", {}).get("text/plain") == UNANSWERED for output in outputs)


def test_edition_holds_every_assignment_and_no_leak(whole):
    assert scan(whole) == []
    assert sorted(path.stem for path in whole.glob("*/*.ipynb")) == sorted(path.stem for path in assignments())
    with zipfile.ZipFile(whole / ARCHIVE) as archive:
        assert archive.namelist() == sorted(f"{path.stem}/{path.name}" for path in assignments())
        assert archive.read("ch02/ch02.ipynb") == (whole / "ch02" / "ch02.ipynb").read_bytes()


@pytest.mark.parametrize("name", [path.stem for path in assignments()])
def test_marks_are_gone_and_every_task_is_checked(whole, name):
    text = (whole / name / f"{name}.ipynb").read_text(encoding="utf-8")
    source = (SOURCES / name / f"{name}.ipynb").read_text(encoding="utf-8")
    assert "### BEGIN" in source
    assert not any(word in text for word in ("### BEGIN", "### END", "grade_task", "Rubric", "Model answer"))
    for task in tasks(name):
        assert text.count(f'check_task(\\"{name}\\", \\"{task.name}\\", {task.name})') == 1


@pytest.mark.parametrize("name", [path.stem for path in assignments()])
def test_untouched_notebook_says_once_a_task_that_it_is_not_answered(whole, name):
    """Run the cells here, one after the other: a kernel for each of them takes longer."""
    names, shown = {}, []
    for cell in read(whole / name / f"{name}.ipynb").cells:
        if cell.cell_type == "code":
            *lines, last = ast.parse(TransformerManager().transform_cell(cell.source)).body
            asks = isinstance(last, ast.Expr)
            exec(compile(ast.Module(lines if asks else [*lines, last], []), cell.id, "exec"), names)
            shown.append(eval(compile(ast.Expression(last.value), cell.id, "eval"), names) if asks else None)
    assert [repr(value) for value in shown if value is not None] == [UNANSWERED] * len(tasks(name))


def test_untouched_notebook_runs_in_a_kernel_and_its_outputs_show_nothing(whole, tmp_path):
    for name in SMALL:
        notebook = read(whole / name / f"{name}.ipynb")
        run(notebook, tmp_path)
        assert answers(notebook) == len(tasks(name)) >= 3
        shutil.copytree(whole / name, tmp_path / "run" / name)
        (tmp_path / "run" / name / f"{name}.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    shutil.copy(whole / ARCHIVE, tmp_path / "run")
    assert scan(tmp_path / "run") == []


def test_two_runs_give_equal_bytes_and_replace_each_other(sources, tmp_path):
    shutil.copytree(SOURCES / "ch01", sources / "ch01")
    edition(tmp_path / "one", sources)
    edition(tmp_path / "two", sources)
    first = (tmp_path / "one" / ARCHIVE).read_bytes()
    assert first == (tmp_path / "two" / ARCHIVE).read_bytes()
    change(sources / "ch02" / "ch02.ipynb", lambda notebook, cells: cells["title"]["source"].append("One more line."))
    shutil.rmtree(sources / "ch01")
    edition(tmp_path / "two", sources)
    assert first != (tmp_path / "two" / ARCHIVE).read_bytes()
    assert not (tmp_path / "two" / "ch01").exists()


def copy_solution(notebook, cells):
    lines = "".join(cells["filter-map-answer"]["source"]).splitlines(keepends=True)
    cells["filter-map-question"]["source"] = ["Like this:\n", *[line for line in lines if "np.pad" in line]]


@pytest.mark.parametrize("spoil", [
    copy_solution,
    lambda notebook, cells: cells["title"]["source"].append("\nThey have " + SECRET + " (the maps shrink a little "
                                                             "less at first, so the ratio depends on the size). "
                                                             "Between the three stand two more"),
    lambda notebook, cells: cells["map-shape-answer"]["metadata"].update(
        {"note": {"old": ["axes = zip(sizes, kernel_size, stride, padding, strict=True)"]}}),
    lambda notebook, cells: notebook["metadata"].update({'grade_task("ch02", "map_shape", map_shape)': 1}),
], ids=["question", "inside-a-paragraph", "metadata-of-a-cell", "metadata-of-the-notebook"])
def test_leak_in_the_source_stops_the_edition(sources, tmp_path, spoil):
    assert SECRET in (sources / "ch02" / "ch02.ipynb").read_text(encoding="utf-8")
    change(sources / "ch02" / "ch02.ipynb", spoil)
    with pytest.raises(CourseError, match=r"a hidden line in ch02\.ipynb: "):
        edition(tmp_path / "out", sources)
    assert not (tmp_path / "out").exists()


def test_leak_in_outputs_pages_and_zip_is_found(sources, tmp_path):
    edition(tmp_path / "out", sources)
    assert scan(tmp_path / "out", sources) == []
    line = "return (batch, out_channels, *((n + 2 * p - k) // s + 1 for n, k, s, p in axes))"
    clean = (tmp_path / "out" / ARCHIVE).read_bytes()
    spoiled = tmp_path / "out" / "ch02" / "ch02.ipynb"
    change(spoiled, lambda notebook, cells: cells["map-shape-check"]["outputs"].append(
        new_output("stream", name="stdout", text=f"  {line}\n")))
    found = [f"a hidden line in ch02.{suffix}: {line}" for suffix in ("ipynb", "html")]
    assert scan(tmp_path / "out", sources) == found
    with zipfile.ZipFile(tmp_path / "out" / ARCHIVE, "w") as archive:
        archive.write(spoiled, "ch02/ch02.ipynb")
    spoiled.unlink()
    assert scan(tmp_path / "out", sources) == found[:1]
    (tmp_path / "out" / ARCHIVE).write_bytes(clean)
    (tmp_path / "out" / "links.md").write_text(line, encoding="utf-8")
    assert scan(tmp_path / "out", sources) == [f"a hidden line in links.md: {line}"]


def test_folder_with_other_files_is_left_alone(sources, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("mine", encoding="utf-8")
    with pytest.raises(CourseError, match="edition: output must be empty or an earlier edition, got other"):
        edition(tmp_path / "out", sources)
    assert (tmp_path / "out" / "thesis.tex").read_text(encoding="utf-8") == "mine"


def test_colab_is_linked_only_where_it_can_open_the_notebook(whole):
    for address in ("", "https://git.example.org/a/b"):
        assert not any("colab" in text for text in links(whole, SMALL, address).values())
    made = links(whole, SMALL, "https://github.com/some/book")
    target = "https://colab.research.google.com/github/some/book/blob/exercises/ch02/ch02.ipynb"
    assert f"- [Assignment 2: shapes, filters, cost](ch02/ch02.ipynb) · [open in Colab]({target})" in made[".md"]
    assert f'<a href="{target}">open in Colab</a>' in made[".html"]
