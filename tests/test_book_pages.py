"""Pages of the book with code: every cell runs, every mark is filled, every statement has its check."""
import os
import re
import sys
from types import SimpleNamespace

import pytest
from IPython.core.interactiveshell import InteractiveShell

from tools.outline import course_map, page_cells, page_sections, read_notebook, sections, under
from tools.project import ROOT, notebooks

sys.path.insert(0, str(ROOT / "book" / "ext"))

from cnn_book import errata, marks, places

PAGES = [path for path in sorted((ROOT / "book").glob("*.md")) if page_cells(path.read_text(encoding="utf-8"))]


def run(cells):
    """Run cells as a notebook in book/ would; return the name of the first that fails and its error, or None."""
    shell, folder, before = InteractiveShell(), os.getcwd(), list(sys.path)
    try:
        os.chdir(ROOT / "book")
        for cell in cells:
            result = shell.run_cell(cell.source)
            if not result.success:
                return cell.id, result.error_before_exec or result.error_in_exec
    finally:
        os.chdir(folder)
        sys.path[:] = before
    return None


@pytest.mark.slow
@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_every_cell_of_a_page_runs(path):
    assert run(page_cells(path.read_text(encoding="utf-8"))) is None


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_cells_are_short_and_named_once(path):
    cells = page_cells(path.read_text(encoding="utf-8"))
    names = [cell.id for cell in cells if cell.id]  # a name is for the course map
    assert all(re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name) for name in names), names
    assert len(set(names)) == len(names)
    shown = [cell for cell in cells if "remove-cell" not in cell.tags]
    assert [cell.source for cell in shown if len(cell.source.splitlines()) > 25] == []
    lines = [line for cell in shown if "hide-input" not in cell.tags for line in cell.source.splitlines()]
    assert [line for line in lines if len(line) > 120] == []


def test_a_failing_cell_is_seen():
    right, wrong = page_cells("```{code-cell}\n:name: a\nx = 1\n```\n\n```{code-cell}\n:name: b\nassert x == 2\n```\n")
    assert run([right]) is None
    name, error = run([right, wrong])
    assert name == "b" and isinstance(error, AssertionError)


@pytest.mark.parametrize("path", sorted((ROOT / "book").glob("*.md")), ids=lambda path: path.stem)
def test_marks_of_a_page_are_filled(path):
    source = [path.read_text(encoding="utf-8")]
    number = len(marks.SEE.findall(source[0]))
    marks.fill(None, f"book/{path.stem}", source)
    assert "<!-- see" not in source[0] and marks.SENTENCES not in source[0]
    assert len(re.findall(r"\]\(<[^>]+#", source[0])) >= number


def test_a_link_names_chapter_and_section():
    row = {"notebook": "07a_inception_family", "heading": "In PyTorch: `cat` & more ★"}
    assert places.section_link(row, "book/errata") == (
        f"[{places.title('notebooks/07a_inception_family.ipynb')}: In PyTorch: `cat` & more]"
        "(<../notebooks/07a_inception_family.ipynb#in-pytorch-cat--more->)")
    assert places.title("notebooks/07a_inception_family.ipynb").startswith("7a ")


def test_each_chapter_has_its_sentence():
    lines = marks.sentences("book/mnemonics").splitlines()
    assert len(lines) == len(notebooks()) - 1  # the page before the first chapter has none
    assert "plus both pads" in lines[1] and "](<../notebooks/02_convolution_math.ipynb>)" in lines[1]


def test_seven_sentences_in_order_each_with_a_link_and_a_check():
    cards = [section for section in page_sections((ROOT / "book" / "mnemonics.md").read_text(encoding="utf-8"))
             if re.match(r"\d\. ", section.heading)]
    assert [card.heading for card in cards] == ["1. Convolution", "2. VGG", "3. ResNet", "4. Inception", "5. MobileNet",
                                                "6. DenseNet", "7. SE-Net"]
    for card in cards:
        assert marks.SEE.search(card.parts[0][1]) and re.search(r"^> \*\*.+\*\*$", card.parts[0][1], re.M)
        assert any(cell and "assert" in cell.source for cell, _ in card.parts)


def sheet():
    """Return the cells of the PyTorch sheet."""
    return page_cells((ROOT / "book" / "pytorch_sheet.md").read_text(encoding="utf-8"))


def test_every_right_hand_comment_is_compared():
    """The page turns its comments into checks: with a false one, its cell fails."""
    lines = [line for cell in sheet() if "remove-cell" not in cell.tags for line in cell.source.splitlines()]
    assert len([line for line in lines if re.search(r"\S +# ", line)]) > 90
    tools = [cell for cell in sheet() if "remove-cell" in cell.tags]
    for line in ("x = torch.zeros(2, 3)  # (2, 3)", "x = torch.zeros(2, 3)  # (2, 3): words",
                 "torch.tensor(2.345)  # 2.35", "torch.nn.Linear(2, 3)  # 9 parameters", "torch.ones(2)  # [1.0, 1.0]",
                 "for i in range(2):\n    torch.ones(2).sum()  # 2.0\n", "# a line of words\nx = 1",
                 "torch.cat([torch.ones(2),\n           torch.ones(1)])  # (3,)", "'a # b'"):
        assert run([*tools, SimpleNamespace(id="line", source=line)]) is None, line
    for line in ("x = torch.zeros(2, 3)  # (3, 2)", "torch.tensor(2.345)  # 2.36", "torch.nn.Linear(2, 3)  # 6",
                 "torch.ones(2)  # [1.0, 0.0]", "for i in range(2):\n    i  # 0\n", "1  # 10", "1  # one",
                 "for i in range(2):  # 2\n    i\n", "def f():  # (2, 3)\n    return 1\n"):
        name, error = run([*tools, SimpleNamespace(id="line", source=line)])
        assert name == "line" and isinstance(error, AssertionError), line


def test_the_sheet_has_its_groups():
    text = (ROOT / "book" / "pytorch_sheet.md").read_text(encoding="utf-8")
    assert [section.heading for section in page_sections(text) if section.level == 2] == [
        "Tensors and shapes", "Layers", "A network", "Losses", "Optimizers", "A training loop", "Saving", "Transfer",
        "Inspection"]


def test_each_message_is_raised_explained_and_mended():
    """An entry's lines raise an error whose words its heading has, or a bad number; then the mended lines follow."""
    found = page_sections((ROOT / "book" / "error_decoder.md").read_text(encoding="utf-8"))
    entries = [section for section in found if any(cell and cell.id.endswith("-broken") for cell, _ in section.parts)]
    assert len(entries) >= 18
    for entry in entries:
        text, *cells = entry.parts
        assert [cell.id.rpartition("-")[2] for cell, _ in cells] == ["broken", "mended"], entry.heading
        assert text[1].index("**Cause.**") < text[1].index("**Fix.**")
        assert "assert" in cells[1][1] or "backward" in cells[1][1]
        if "with broken(" in cells[0][1]:
            words = set(re.findall(r"\w+", re.search(r"with broken\((.+)\)", cells[0][1])[1].lower()))
            assert len(words & set(re.findall(r"\w+", entry.heading.lower()))) >= 3, entry.heading


def test_the_error_decoder_refuses_a_missing_or_another_error():
    """The page's own ``broken`` lets only the named error pass."""
    first = page_cells((ROOT / "book" / "error_decoder.md").read_text(encoding="utf-8"))[0]
    for body, fails in (("raise ValueError('a b c')", False), ("raise ValueError('c')", True), ("pass", True)):
        lines = SimpleNamespace(id="lines", source=f"with broken('a b'):\n    {body}\n")
        assert (run([first, lines]) is not None) == fails


ERRATA = (ROOT / "book" / "errata.md").read_text(encoding="utf-8")
MAP = {name: row for name, row in course_map().items() if name[0] in "EX"}
PARTS = {"00": "Before you start", **{f"{n:02}": f"Chapter {n}" for n in range(1, 13)},
         "07a": "Chapter 7a", "07b": "Chapter 7b"}


def checked_here(text):
    """Return the ids that a comment names with an assert between it and the next."""
    found = []
    for cell in page_cells(text):
        pieces = re.split(r"^# ([EX]\d+)$", cell.source, flags=re.M)
        found += [name for name, code in zip(pieces[1::2], pieces[2::2], strict=True)
                  if re.search(r"^ *assert ", code, re.M)]
    return found


def test_each_erratum_stands_once_in_its_chapter():
    found = errata.entries(ERRATA)
    assert sorted(name for name, _, _ in found) == sorted(MAP)
    for name, heading, _ in found:
        part = PARTS[MAP[name]["notebook"].split("_")[0]] if "notebook" in MAP[name] else "The sources themselves"
        assert heading == part, name


def test_each_erratum_is_drawn_with_its_link():
    source = [ERRATA]
    errata.fill(None, errata.PAGE, source)
    assert re.findall(r'^<b id="(\w+)">', source[0], re.M) == [name.lower() for name, _, _ in errata.entries(ERRATA)]
    assert not re.search(r"^[EX]\d+$", source[0], re.M)
    for name, row in MAP.items():
        [entry] = re.findall(rf'^<b id="{name.lower()}">.*\n(?:: .*\n(?:  .*\n)*){{3}}', source[0], re.M)
        assert re.findall(r"^: \*(.+?):\*", entry, re.M) == ["Said", "Right", "Taught in"], name
        assert "notebook" not in row or (places.section_link(row, errata.PAGE) in entry and f"`{row['cell']}`" in entry)


def test_each_erratum_is_asserted_here_or_in_its_chapter():
    here = checked_here(ERRATA)
    assert len(set(here)) == len(here) > 140 and set(here) <= set(MAP)
    for name in set(MAP) - set(here):
        chapter = sections(read_notebook(ROOT / "notebooks" / f"{MAP[name]['notebook']}.ipynb"))
        codes = [text for cell, text in under(chapter, MAP[name]["heading"]) if cell.cell_type == "code"]
        assert any(re.search(r"^ *assert ", code, re.M) for code in codes), name


def test_an_entry_without_its_check_is_seen():
    cell = "```{code-cell}\n:name: a\n# E01\nassert x\n# E02\ny = 1\n# X01\nassert y\n```\n"
    assert checked_here(cell) == ["E01", "X01"]
    text = f"## Chapter 1\n\nE01\n: a\n: b\n  c\n\n{cell}\n## Chapter 2\n\nX01\n: a\n: b\n"
    assert errata.entries(text) == [("E01", "Chapter 1", 3), ("X01", "Chapter 2", 20)]
