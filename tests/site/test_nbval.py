"""Running the notebooks: how much of what they print is compared, and that nbval bites."""
import re
import shutil
import subprocess
import sys

import pytest

from tools.clean import KEEP, read, render
from tools.project import ROOT, notebooks

COMPARED = 0.8  # of the code cells that print, at least
NBVAL = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-o", "addopts=", "--nbval",
         f"--nbval-sanitize-with={ROOT / 'tests' / 'nbval.cfg'}"]


def prints(cell):
    """Return whether the output of a cell that ran is text: printed, or shown as text only."""
    return any(output.output_type == "stream" or set(output.get("data", {})) == {"text/plain"}
               for output in cell.get("outputs", []))


def share(notebook):
    """Return how many cells of an executed notebook print, and the ids of those that nbval does not compare."""
    printing = [cell for cell in notebook.cells if prints(cell)]
    return len(printing), [cell.id for cell in printing if KEEP not in cell.metadata.get("tags", [])]


@pytest.mark.parametrize("path", notebooks(), ids=lambda path: path.stem)
def test_most_of_what_prints_is_compared(site, path):
    executed = site.parent / "state" / "jupyter_execute" / path.relative_to(ROOT)  # as the book's build ran it
    printing, loose = share(read(executed))
    assert printing > 0 and 1 - len(loose) / printing >= COMPARED, loose


def test_a_cell_that_prints_without_the_tag_lowers_the_share():
    notebook = read(ROOT / "notebooks" / "00_before_you_start.ipynb")
    before, loose = share(notebook)  # the stored outputs are the kept ones
    kept = next(cell for cell in notebook.cells if prints(cell))
    kept.metadata["tags"].remove(KEEP)
    assert before > 0 and loose == [] and share(notebook) == (before, [kept.id])


def nbval(path):
    """Return the exit status and the output of nbval on one notebook."""
    done = subprocess.run([*NBVAL, str(path)], cwd=ROOT, capture_output=True, text=True)
    return done.returncode, done.stdout


def test_one_changed_number_fails_and_none_passes(tmp_path):
    path = tmp_path / "00_before_you_start.ipynb"
    shutil.copy(ROOT / "notebooks" / path.name, path)
    status, said = nbval(path)
    assert status == 0, said
    notebook = read(path)
    output = next(cell for cell in notebook.cells if cell.id == "window-sum").outputs[0]
    number = re.search(r"\d+", output.text)[0]
    output.text = output.text.replace(number, str(int(number) + 1), 1)
    path.write_text(render(notebook), encoding="utf-8")
    status, said = nbval(path)
    assert status == 1 and "1 failed" in said and "mismatch" in said
