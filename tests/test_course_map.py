"""Every topic and every known error of the sources has its place, and every place exists."""
import pkgutil
import re
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tools.outline import course_map, page_sections, read_notebook, sections, under
from tools.project import ROOT

TOPICS = {"C00": 12, "C01": 15, "C02": 32, "C03": 10, "C04": 20, "C05": 19, "C06": 5, "C07": 57, "C08": 5, "C09": 5,
          "C10": 9, "C11": 13, "C12": 10}
IDS = [f"{chapter}-{n:02}" for chapter, count in TOPICS.items() for n in range(1, count + 1)]
IDS += [f"E{n:02}" for n in range(1, 141)] + [f"X{n:02}" for n in range(1, 29)]
CHAPTERS = ["01_why_convolution", "02_convolution_math", "03_convolution_from_scratch", "04_pooling_layers",
            "05_cnn_architecture", "06_cnn_backprop", "07_classic_architectures", "07a_inception_family",
            "07b_residual_family", "08_transfer_learning", "09_feature_visualization",
            "10_modern_efficient_architectures", "11_attention_mechanisms", "12_detection_segmentation_intro"]
KEYS = {"title", "cnnlib", "notebook", "page", "heading", "cell", "test"}


def ids(text):
    """Return the ids of the file's rows, also of a row that stands twice."""
    return re.findall(r"^(\w[\w-]*):", text, re.M)


def faults(name, row, root=ROOT):
    """Return what is wrong with one row."""
    if not isinstance(row.get("title"), str) or not row["title"].strip():
        return [f"{name}: a title is missing"]
    if "planned" in row:
        return _unknown(name, row, {"title", "planned"}) + _planned(name, row["planned"], root)
    found = _unknown(name, row, KEYS)
    where = row.get("notebook") or row.get("page") or "nothing"
    file = place(where, root)
    if file is None:
        return [*found, f"{name}: {where} does not exist"]
    parts = under(sections(read_notebook(file)) if file.suffix == ".ipynb" else
                  page_sections(file.read_text(encoding="utf-8")), row.get("heading"))
    if not parts:
        found.append(f"{name}: {where} has no heading {row.get('heading')}")
    elif "cell" in row and row["cell"] not in [cell.id for cell, _ in parts if cell]:
        found.append(f"{name}: no cell {row['cell']} under {row['heading']}")
    if "cell" not in row and (name[0] != "C" or "test" not in row):
        found.append(f"{name}: {'a test or a cell' if name[0] == 'C' else 'a cell'} is missing")
    return found + [f"{name}: cnnlib has no {dead}" for dead in row.get("cnnlib", []) if not _resolves(dead)] + (
        [f"{name}: there is no test {row['test']}"] if "test" in row and not _test_exists(row["test"], root) else [])


def place(name, root):
    """Return the file of a notebook or page, or None."""
    candidates = [root / f"{name}.md"] if "/" in name else [root / "notebooks" / f"{name}.ipynb"]
    return next((file for file in candidates if file.exists()), None)


def _unknown(name, row, known):
    extra = set(row) - known
    return [f"{name}: unknown keys {sorted(extra)}"] if extra else []


def _planned(name, where, root):
    if where not in CHAPTERS and not where.startswith("book/"):
        return [f"{name}: {where} is no chapter and no page"]
    return [f"{name}: planned for {where}, which exists: place it"] if place(where, root) else []


def _resolves(name):
    try:
        pkgutil.resolve_name(f"cnnlib.{name}")
    except (ImportError, AttributeError):
        return False
    return True


def _test_exists(test, root):
    file, _, function = test.partition("::")
    path = root / file
    return path.is_file() and re.search(rf"^def {re.escape(function)}\(", path.read_text(encoding="utf-8"), re.M)


def test_no_id_is_missing_added_or_doubled():
    text = (ROOT / "book" / "course_map.yml").read_text(encoding="utf-8")
    assert ids(text) == IDS
    assert list(course_map()) == IDS


def test_every_row_has_its_place():
    assert [fault for name, row in course_map().items() for fault in faults(name, row)] == []


def test_a_doubled_id_is_seen():
    assert ids("C00-01: {}\nC00-01: {}\nE01: {}\n") == ["C00-01", "C00-01", "E01"]


PAGE = """# Sheet

## Formulas

```{code-cell}
:name: formula-check
:tags: [hide-input]
# a comment, no heading
assert True
```

## Words
"""


@pytest.fixture
def book(tmp_path):
    """Return a root with one notebook, one page and one test."""
    cells = [new_markdown_cell("# Title", id="title"), new_markdown_cell("## Sizes\n### Floor", id="sizes"),
             new_code_cell("assert True", id="size-claim"), new_markdown_cell("## End", id="end")]
    for folder in ("notebooks", "book", "tests"):
        (tmp_path / folder).mkdir()
    nbformat.write(new_notebook(cells=cells), tmp_path / "notebooks" / "02_convolution_math.ipynb")
    (tmp_path / "book" / "sheet.md").write_text(PAGE, encoding="utf-8")
    (tmp_path / "tests" / "test_a.py").write_text("def test_one():\n    assert 1\n", encoding="utf-8")
    return Path(tmp_path)


RIGHT = {"title": "t", "cnnlib": ["shapes.conv_output_size"], "notebook": "02_convolution_math", "heading": "Sizes",
         "cell": "size-claim", "test": "tests/test_a.py::test_one"}


def test_right_rows_have_no_fault(book):
    assert faults("C02-01", RIGHT, book) == []
    assert faults("C02-02", {"title": "t", "planned": "03_convolution_from_scratch"}, book) == []
    page = {"title": "t", "page": "book/sheet", "heading": "Formulas", "test": "tests/test_a.py::test_one"}
    assert faults("C00-05", page, book) == []
    assert faults("C00-05", page | {"cell": "formula-check"}, book) == []
    assert faults("C00-05", page | {"cell": "formula-check", "heading": "Words"}, book) == [
        "C00-05: no cell formula-check under Words"]


@pytest.mark.parametrize(("change", "fault"), [
    ({"title": " "}, "a title is missing"),
    ({"notebook": "05_cnn_architecture"}, "05_cnn_architecture does not exist"),
    ({"heading": "Size"}, "02_convolution_math has no heading Size"),
    ({"heading": "End"}, "no cell size-claim under End"),
    ({"cell": "gone"}, "no cell gone under Sizes"),
    ({"cnnlib": ["shapes.gone"]}, "cnnlib has no shapes.gone"),
    ({"cnnlib": ["gone.name"]}, "cnnlib has no gone.name"),
    ({"test": "tests/test_a.py::test_on"}, "there is no test tests/test_a.py::test_on"),
    ({"test": "tests/test_b.py::test_one"}, "there is no test tests/test_b.py::test_one"),
    ({"headings": "Sizes"}, "unknown keys ['headings']"),
], ids=lambda value: value if isinstance(value, str) else "")
def test_each_fault_is_found(book, change, fault):
    assert faults("C02-01", RIGHT | change, book) == [f"C02-01: {fault}"]


def test_planned_for_what_exists_is_refused(book):
    for planned in ("02_convolution_math", "book/sheet"):
        assert faults("E01", {"title": "t", "planned": planned}, book) == [
            f"E01: planned for {planned}, which exists: place it"]
    assert faults("E01", RIGHT | {"planned": "03_convolution_from_scratch"}, book)
    assert faults("E01", {"title": "t", "planned": "03_gone"}, book) == ["E01: 03_gone is no chapter and no page"]


def test_an_error_needs_a_cell_and_a_topic_needs_a_check(book):
    bare = {"title": "t", "notebook": "02_convolution_math", "heading": "Floor"}
    assert faults("E01", bare | {"test": RIGHT["test"]}, book) == ["E01: a cell is missing"]
    assert faults("C02-01", bare, book) == ["C02-01: a test or a cell is missing"]
    assert faults("X01", bare | {"cell": "size-claim"}, book) == []
