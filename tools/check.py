"""Say where notebooks break the book's rules: ``python -m tools.check [NOTEBOOK ...]``, one line a breach."""
import re
import sys
from pathlib import Path

from tools import numbers, teaching
from tools.clean import KEEP, CleanError, clean, problems, read, render
from tools.outline import sections
from tools.project import ROOT, notebooks
from tools.stamp import setup_source

TAGS = {KEEP, "hide-output", "hide-cell", "hide-input", "remove-input", "solution", "slow"}
MOST_LINES = 25  # in one code cell
MOST_ON_AVERAGE = 6  # in the code cells that the reader sees
MYST = re.compile(r"\{[\w:-]+\}`|^:::|^```\{|^~~~\{|^\([\w-]+\)=$", re.M)
LINK = re.compile(r"\]\((?!https?://|#|mailto:)([^)#\s]+)[^)]*\)")
UNSEEN = {"remove-input", "hide-cell", "hide-input"}


def form(notebook, folder, setup):
    """Return the breaches of form: title, set-up cell, ids, tags, plain Markdown, short cells, kept outputs, links.

    Args:
        notebook: what to look at.
        folder: where it lies, for its links.
        setup: the text that its set-up cell must have.
    """
    found = problems(notebook)
    cells = notebook.cells
    titles = [section.heading for section in sections(notebook) if section.level == 1]
    if len(titles) != 1 or cells[0].cell_type != "markdown" or not cells[0].source.startswith("# "):
        found.append(f"[{cells[0].get('id')}]: the first cell must be the one # title, got {len(titles)} titles")
    code = next((cell for cell in cells if cell.cell_type == "code"), {})
    if code.get("id") != "setup" or code.get("source") != setup:
        found.append("[setup]: the first code cell must be the set-up cell, run python -m tools.stamp")
    for cell in cells:
        name = f"[{cell.get('id')}]"
        found += [f"{name}: unknown tag {tag}" for tag in cell.metadata.get("tags", []) if tag not in TAGS]
        found += (_markdown if cell.cell_type == "markdown" else _code)(name, cell, folder)
    return found + _average(cells)


def breaches(path, root=ROOT):
    """Return all breaches in one notebook, as lines that name the file and the cell."""
    try:
        notebook = read(path)
    except CleanError as error:
        return [str(error)]
    found = form(notebook, path.parent, setup_source(root))
    if render(clean(notebook)) != path.read_text(encoding="utf-8"):
        found.append("[all]: the notebook is not clean, run python -m tools.clean")
    found += numbers.breaches(notebook, numbers.exceptions(root).get(path.stem, []))
    if teaching.is_chapter(path):
        found += teaching.breaches(notebook, path.stem)
    return [f"{path.name} {line}" for line in found]


def main(arguments):
    """Print the breaches of the named notebooks, or of all; return 1 if there is one."""
    found = [line for path in map(Path, arguments) for line in breaches(path)] if arguments else [
        line for path in notebooks() for line in breaches(path)]
    print(*found, sep="\n", end="\n" if found else "")
    return 1 if found else 0


def _markdown(name, cell, folder):
    found = []
    if match := MYST.search(cell.source):
        found.append(f"{name}: MyST syntax does not show in Colab, got {match[0]}")
    for target in LINK.findall(cell.source):
        if not (folder / target).exists():
            found.append(f"{name}: the link's target {target} does not exist")
    return found


def _code(name, cell, folder):
    found, tags = [], cell.metadata.get("tags", [])
    lines = cell.source.count("\n") + 1
    if lines > MOST_LINES:
        found.append(f"{name}: a code cell has at most {MOST_LINES} lines, got {lines}")
    if KEEP in tags and not (cell.outputs and cell.execution_count):
        found.append(f"{name}: a {KEEP} cell needs its output, run python -m tools.clean --run")
    if KEEP not in tags and (cell.outputs or cell.execution_count):
        found.append(f"{name}: an output is kept without the tag {KEEP}")
    return found


def _average(cells):
    seen = [cell.source.count("\n") + 1 for cell in cells
            if cell.cell_type == "code" and not UNSEEN & set(cell.metadata.get("tags", []))]
    mean = sum(seen) / len(seen) if seen else 0
    return [f"[all]: code cells have about 4 lines on average, got {mean:.1f}"] if mean > MOST_ON_AVERAGE else []


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
