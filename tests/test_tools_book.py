"""From all that Jupyter Book says, the one line that helps."""
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, writes

from tools.book import build, explain

FAILED = """\
{root}/notebooks/02_x.ipynb: WARNING: Executing notebook failed: CellExecutionError
Traceback (most recent call last):
  File "client.py", line 918, in _check_raise_for_error
nbclient.exceptions.CellExecutionError: An error occurred while executing the following cell:
------------------
size = 3
size / 0
------------------


---------------------------------------------------------------------------
ZeroDivisionError                         Traceback (most recent call last)
Cell In[3], line 2
----> 2 size / 0

ZeroDivisionError: division by zero

 [mystnb.exec]

Exception occurred:
RuntimeError:
There was an error in building your book. Look above for the cause.
"""
SLOW = """\
{root}/notebooks/02_x.ipynb: WARNING: Executing notebook failed: CellTimeoutError
nbclient.exceptions.CellTimeoutError: A cell timed out while it was being executed, after 90 seconds.
The message was: Cell execution timed out.
Here is a preview of the cell contents:
-------------------
size = 3
size / 0
-------------------

 [mystnb.exec]
"""


@pytest.fixture
def root(tmp_path):
    """Return a root with a notebook of two cells."""
    (tmp_path / "notebooks").mkdir()
    cells = [new_markdown_cell("# Title", id="title"), new_code_cell("size = 3\nsize / 0", id="bad-run")]
    (tmp_path / "notebooks" / "02_x.ipynb").write_text(writes(new_notebook(cells=cells)), encoding="utf-8")
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "sheet.md").write_text("# S\n\n```{code-cell}\n:name: sheet-run\nsize = 3\nsize / 0\n```\n")
    return tmp_path


@pytest.mark.parametrize(("log", "line"), [
    (FAILED, "notebooks/02_x.ipynb [bad-run]: ZeroDivisionError: division by zero"),
    (FAILED.replace("notebooks/02_x.ipynb", "book/sheet.md"),
     "book/sheet.md [sheet-run]: ZeroDivisionError: division by zero"),
    (SLOW, "notebooks/02_x.ipynb [bad-run]: CellTimeoutError: the cell did not end in time"),
    ("{root}/notebooks/02_x.ipynb:10003: WARNING: Non-consecutive header level [myst.header]\nwaiting\n",
     "notebooks/02_x.ipynb [title]: Non-consecutive header level [myst.header]"),
    ("{root}/book/index.md:12: WARNING: unknown document: 'gone'\n", "book/index.md:12: unknown document: 'gone'"),
    ("{root}/book/index.md: WARNING: document isn't included in any toctree\n",
     "book/index.md: document isn't included in any toctree"),
    ("Extension error:\nnotebooks/02_x: the website cannot show the widget ColorPicker\n",
     "notebooks/02_x: the website cannot show the widget ColorPicker"),
    ("Traceback\nFileNotFoundError: no _toc.yml\nRuntimeError: look above\n", "FileNotFoundError: no _toc.yml"),
    ("[IPKernelApp] WARNING | over TCP\n", "the build failed, see _build/book.log"),
])
def test_a_failure_is_one_line(root, log, line):
    assert explain(log.replace("{root}", str(root)), root) == line


def test_a_notebook_that_cannot_be_read_stops_the_build_at_once(root):
    (root / "notebooks" / "03_y.ipynb").write_text("{")
    with pytest.raises(RuntimeError, match=r"^notebooks/03_y.ipynb: not a notebook of format 4.5 that can be read"):
        build(root)
    assert not (root / "_build").exists()
