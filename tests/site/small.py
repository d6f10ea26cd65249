"""A book of one notebook, for tests that build."""
import shutil

import nbformat

from tools.project import ROOT

PARTS = ["book/ext", "book/static", "book/templates", "book/references.bib", "cnnlib", "tools", "_config.yml",
         "pyproject.toml", "requirements.txt", "constraints.txt"]
NOTEBOOK = "notebooks/small.ipynb"
KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}


def make_book(folder):
    """Copy what a book needs besides its pages into a folder."""
    for part in PARTS:
        source, target = ROOT / part, folder / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    (folder / "_toc.yml").write_text("format: jb-book\nroot: notebooks/small\n")
    (folder / "notebooks").mkdir()


def write_notebook(folder, code, *, title="# Small"):
    """Write the book's one notebook with its one code cell."""
    cells = [nbformat.v4.new_markdown_cell(title, id="title"), nbformat.v4.new_code_cell(code, id="only-cell")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=KERNEL), folder / NOTEBOOK)
