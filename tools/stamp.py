"""Write the setup cell, which is the same in every notebook: ``python -m tools.stamp [--check]``.

The cell depends on the repository's address and the version, both set in pyproject.toml; run this after changing them.
"""
import re
import sys
from pathlib import Path

from nbformat.v4 import new_code_cell

from tools.clean import CleanError, read, render, write
from tools.project import ROOT, assignments, metadata, notebooks, repository_url

ADDRESS = re.compile(r"https://[\w.-]+(/[\w.~-]+)+")

# Colab brings torch of its own: the plain package leaves it alone, the extra is only for places without torch.
INSTALL = '''\
try:
    import cnnlib
except ModuleNotFoundError:  # in Colab, for example
    from importlib.util import find_spec
    package = "cnnlib" if find_spec("torch") else "cnnlib[torch]"
    %pip install -q "{{package}} @ git+{address}@v{version}"
    import cnnlib'''

EXPLAIN = '''\
try:
    import cnnlib
except ModuleNotFoundError:
    raise ModuleNotFoundError("run this in the book's folder first: pip install -r requirements.txt") from None'''


def setup_source(root=ROOT):
    """Return the text of the setup cell.

    Raises:
        ValueError: the repository's address is not an https address.
    """
    address = repository_url(root)
    if not address:
        return EXPLAIN
    if not ADDRESS.fullmatch(address):
        raise ValueError(f"stamp: Repository in pyproject.toml must be an https address, got {address}")
    return INSTALL.format(address=address, version=metadata(root)["version"])


def stamped(notebook, source):
    """Return a notebook whose first code cell, called setup, holds this source; the website shows it closed."""
    cell = next((cell for cell in notebook.cells if cell.get("id") == "setup"), None)
    if cell is None:
        cell = new_code_cell(id="setup")
        first = next((i for i, other in enumerate(notebook.cells) if other.cell_type == "code"), len(notebook.cells))
        notebook.cells.insert(first, cell)
    cell.source = source
    cell.metadata["tags"] = ["hide-cell"]
    return notebook


def main(arguments=(), root=ROOT):
    """Stamp every notebook; with --check change nothing and return 1 if one would change."""
    if not set(arguments) <= {"--check"}:
        return f"stamp: takes only --check, got {' '.join(arguments)}"
    check, status = "--check" in arguments, 0
    try:
        source = setup_source(root)
    except ValueError as error:
        return str(error)
    for path in notebooks(root) + assignments(root):
        try:
            text = render(stamped(read(path), source))
        except CleanError as error:
            print(error, file=sys.stderr)
            status = 1
            continue
        if text != Path(path).read_text(encoding="utf-8"):
            print(f"{path.relative_to(root)}: {'would change' if check else 'stamped'}")
            if check:
                status = 1
            else:
                write(path, text)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
