"""The Colab road: a notebook runs from the wheel alone, in an empty environment with Colab's ipywidgets."""
import dis
import os
import shutil
import subprocess
import sys
import types
import zipfile

import pytest

from grading.edition import edition
from tools.clean import read, render
from tools.project import ROOT, assignments, notebooks

WIDGETS_7 = ("ipywidgets", "jupyterlab_widgets", "jupyterlab-widgets", "widgetsnbextension")
RUN = """
import sys, nbformat, nbclient, cnnlib, ipywidgets
assert ipywidgets.__version__ == "7.7.1", ipywidgets.__version__
assert not cnnlib.__file__.startswith(sys.argv[2]), cnnlib.__file__
notebook = nbformat.read(sys.argv[1], as_version=4)
nbclient.NotebookClient(notebook, timeout=600, kernel_name="python3").execute()
state = notebook.metadata.widgets["application/vnd.jupyter.widget-state+json"]["state"]
print(sum(model["model_name"] == "AnyModel" for model in state.values()))
"""

ANSWERS = """
import sys, nbformat, nbclient, cnnlib
assert not cnnlib.__file__.startswith(sys.argv[2]), cnnlib.__file__
notebook = nbformat.read(sys.argv[1], as_version=4)
nbclient.NotebookClient(notebook, timeout=600, kernel_name="python3").execute()
for cell in notebook.cells:
    for output in cell.get("outputs", []):
        print("unanswered" if output.get("data", {}).get("text/plain") == "Not answered yet." else output)
"""


def run(*command, **options):
    """Run a command and return what it prints; its output is the failure's message."""
    done = subprocess.run(command, capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Return the wheel built from a copy of the package."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    shutil.copytree(ROOT / "cnnlib", source / "cnnlib", ignore=shutil.ignore_patterns("__pycache__"))
    run(sys.executable, "-m", "build", "--wheel", "--outdir", str(out), str(source))
    return next(out.glob("*.whl"))


@pytest.fixture(scope="module")
def python(tmp_path_factory, wheel):
    """Return the Python of an empty environment with the wheel, its torch extra and Colab's ipywidgets."""
    folder = tmp_path_factory.mktemp("empty") / "venv"
    run(sys.executable, "-m", "venv", str(folder))
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    pins = tmp_path_factory.mktemp("pins") / "constraints.txt"  # the tested set without what belongs to ipywidgets 8
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins.write_text("\n".join(line for line in text if not line.startswith(WIDGETS_7)), encoding="utf-8")
    run(python, "-m", "pip", "install", "-q", "-c", pins, f"cnnlib[torch] @ {wheel.as_uri()}",
        "ipywidgets==7.7.1", "nbclient", "ipykernel")
    return python


def names(code, operations):
    """Return the names that a cell, its functions included, reads or makes."""
    found = {line.argval for line in dis.get_instructions(code) if line.opname in operations}
    return found.union(*(names(each, operations) for each in code.co_consts if isinstance(each, types.CodeType)))


def without_training(notebook):
    """Return a notebook without the cells tagged slow, which nbval and the book run, and without what needs them."""
    kept, lost = [], set()
    for cell in notebook.cells:
        code = compile(cell.source if cell.cell_type == "code" else "", cell.id, "exec")
        made = names(code, {"STORE_NAME"})
        if "slow" in cell.metadata.get("tags", []) or lost & names(code, {"LOAD_NAME", "LOAD_GLOBAL"}):
            lost |= made
        else:
            lost -= made
            kept.append(cell)
    assert len(kept) >= 0.6 * len(notebook.cells)
    notebook.cells = kept
    return notebook


@pytest.mark.parametrize("name", [path.stem for path in notebooks()])
def test_notebook_runs_from_the_wheel_alone(python, tmp_path, name):
    notebook = without_training(read(ROOT / "notebooks" / f"{name}.ipynb"))
    (tmp_path / f"{name}.ipynb").write_text(render(notebook), encoding="utf-8")
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    views = run(python, "-c", RUN, f"{name}.ipynb", str(ROOT), cwd=tmp_path, env=environment)
    assert int(views) > 0


@pytest.fixture(scope="module")
def student_edition(tmp_path_factory):
    """Return the folder of the assignments as students get them."""
    folder = tmp_path_factory.mktemp("edition") / "exercises"
    edition(folder)
    return folder


@pytest.mark.parametrize("name", [path.stem for path in assignments()])
def test_assignment_runs_untouched_from_the_wheel_alone(python, student_edition, tmp_path, name):
    shutil.copy(student_edition / name / f"{name}.ipynb", tmp_path)
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    answers = run(python, "-c", ANSWERS, f"{name}.ipynb", str(ROOT), cwd=tmp_path, env=environment)
    checks = sum(cell.id.endswith("-check") for cell in read(tmp_path / f"{name}.ipynb").cells)
    assert answers.split() == ["unanswered"] * checks and (checks >= 3 or name == "capstone")


def test_wheel_holds_every_file_of_the_package(wheel):
    files = {path.relative_to(ROOT).as_posix() for path in (ROOT / "cnnlib").rglob("*") if path.is_file()}
    files = {name for name in files if "__pycache__" not in name}
    with zipfile.ZipFile(wheel) as archive:
        assert len(files) > 100 and files <= set(archive.namelist())


def test_wheel_does_not_pull_torch(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        metadata = next(name for name in names if name.endswith("METADATA"))
        lines = archive.read(metadata).decode().splitlines()
    assert {"cnnlib/widgets/js/widgets.css", "cnnlib/widgets/js/shared/view.mjs"} <= set(names)
    required = [line for line in lines if line.startswith("Requires-Dist:") and "extra ==" not in line]
    assert not [line for line in required if "torch" in line]
    assert "Requires-Dist: ipywidgets>=7.7.1" in required
