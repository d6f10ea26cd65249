"""One setting gives every notebook its set-up cell."""
import shutil
import sys
from importlib.metadata import version

import pytest
from IPython.core.inputtransformer2 import TransformerManager

import cnnlib
from tools.clean import read
from tools.project import ROOT, assignments, metadata, notebooks, repository_url
from tools.stamp import main, setup_source

ADDRESS = "https://git.example.org/someone/book"


@pytest.fixture
def copy(tmp_path):
    """Return a root with copies of the project file and the notebooks, and a function that sets the address."""
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")

    def set_address(address):
        lines = [line for line in (ROOT / "pyproject.toml").read_text(encoding="utf-8").splitlines()
                 if not line.startswith(("Repository =", "[project.urls]"))]
        lines += ["[project.urls]", f'Repository = "{address}"']
        (tmp_path / "pyproject.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")

    set_address(ADDRESS)
    return tmp_path, set_address


def every(root):
    """Return the paths of all notebooks that are stamped."""
    return notebooks(root) + assignments(root)


def setup_cells(root):
    """Return the set-up cells of all notebooks."""
    return [next(cell.source for cell in read(path).cells if cell.id == "setup") for path in every(root)]


def run(source, find_spec=lambda name: None, monkeypatch=None):
    """Run a set-up cell where cnnlib is missing, and return what it would install."""
    asked = []
    code = TransformerManager().transform_cell(source)
    shell = type("Shell", (), {"run_line_magic": lambda self, name, line: asked.append((name, line))})()
    monkeypatch.setitem(sys.modules, "cnnlib", None)
    monkeypatch.setattr("importlib.util.find_spec", find_spec)
    scope = {"get_ipython": lambda: shell}
    with pytest.raises(ModuleNotFoundError) as caught:
        exec(code, scope)
    return asked, str(caught.value), scope


def test_notebooks_hold_the_cell_of_the_present_setting():
    cells = setup_cells(ROOT)
    assert cells and set(cells) == {setup_source()}
    assert main(["--check"]) == 0


def test_an_address_reaches_every_notebook(copy, capsys):
    root, _ = copy
    before = setup_cells(root)
    assert main(["--check"], root) == 1 and setup_cells(root) == before
    assert main([], root) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2 * len(before)
    for cell in setup_cells(root):
        assert f"git+{ADDRESS}@v{metadata()['version']}" in cell
    stamped = [path.read_bytes() for path in every(root)]
    assert main([], root) == 0 and [path.read_bytes() for path in every(root)] == stamped


def test_taking_the_address_away_brings_the_old_files_back(copy):
    root, set_address = copy
    main([], root)
    set_address("")
    assert main([], root) == 0
    if not repository_url():
        assert [path.read_bytes() for path in every(root)] == [path.read_bytes() for path in every(ROOT)]


@pytest.mark.parametrize(("torch", "package"), [(True, "cnnlib"), (False, "cnnlib[torch]")])
def test_an_installed_torch_is_left_alone(copy, monkeypatch, torch, package):
    asked, _, scope = run(setup_source(copy[0]), lambda name: torch or None, monkeypatch)
    assert asked == [("pip", f'install -q "{{package}} @ git+{ADDRESS}@v{metadata()["version"]}"')]
    assert scope["package"] == package


def test_without_an_address_the_cell_says_what_to_do_and_installs_nothing(copy, monkeypatch):
    root, set_address = copy
    set_address("")
    asked, message, _ = run(setup_source(root), monkeypatch=monkeypatch)
    assert asked == [] and message == "run this in the book's folder first: pip install -r requirements.txt"


@pytest.mark.parametrize("address", ["http://example.org/a", "https://example.org", 'https://example.org/a\\" -x',
                                     "git@example.org:a/b"])
def test_what_is_no_address_is_refused(copy, address):
    root, set_address = copy
    set_address(address)
    before = setup_cells(root)
    assert main([], root).startswith("stamp: Repository in pyproject.toml must be an https address, got ")
    assert setup_cells(root) == before


def test_a_notebook_that_cannot_be_read_is_named_and_kept(copy, capsys):
    root, _ = copy
    (root / "notebooks" / "13_broken.ipynb").write_text("{")
    assert main([], root) == 1
    assert "13_broken.ipynb: not a notebook" in capsys.readouterr().err
    assert (root / "notebooks" / "13_broken.ipynb").read_text() == "{"


def test_unknown_arguments_are_refused():
    assert main(["--chek"]) == "stamp: takes only --check, got --chek"


def test_the_version_is_one():
    assert cnnlib.__version__ == metadata()["version"] == version("cnnlib")
