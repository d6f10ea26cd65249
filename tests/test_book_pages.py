"""Pages of the book with code: every cell runs, every mark is filled, every statement has its check."""
import os
import re
import sys

import pytest
from IPython.core.interactiveshell import InteractiveShell

from tools.outline import page_cells, page_sections
from tools.project import ROOT, notebooks

sys.path.insert(0, str(ROOT / "book" / "ext"))

from cnn_book import places

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


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_every_cell_of_a_page_runs(path):
    assert run(page_cells(path.read_text(encoding="utf-8"))) is None


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_cells_are_short_and_named_once(path):
    cells = page_cells(path.read_text(encoding="utf-8"))
    names = [cell.id for cell in cells]
    assert all(re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name or "") for name in names), names
    assert len(set(names)) == len(names)
    assert [cell.id for cell in cells if len(cell.source.splitlines()) > 25] == []
    assert [line for cell in cells for line in cell.source.splitlines() if len(line) > 120] == []


def test_a_failing_cell_is_seen():
    right, wrong = page_cells("```{code-cell}\n:name: a\nx = 1\n```\n\n```{code-cell}\n:name: b\nassert x == 2\n```\n")
    assert run([right]) is None
    name, error = run([right, wrong])
    assert name == "b" and isinstance(error, AssertionError)


@pytest.mark.parametrize("path", sorted((ROOT / "book").glob("*.md")), ids=lambda path: path.stem)
def test_marks_of_a_page_are_filled(path):
    source = [path.read_text(encoding="utf-8")]
    marks = len(places.SEE.findall(source[0]))
    places.fill(None, f"book/{path.stem}", source)
    assert "<!-- see" not in source[0] and places.SENTENCES not in source[0]
    assert source[0].count('.html#') >= marks


def test_a_link_names_chapter_and_section():
    row = {"notebook": "07a_inception_family", "heading": "In PyTorch: `cat` & more"}
    assert places.link(row) == ('<a href="../notebooks/07a_inception_family.html#in-pytorch-cat-more">'
                                "Chapter 7a: In PyTorch: `cat` & more</a>")
    assert places.link({"page": "book/errata", "heading": "A B"}) == '<a href="errata.html#a-b">A B</a>'


def test_each_chapter_has_its_sentence():
    lines = places.sentences().splitlines()
    assert len(lines) == len(notebooks()) - 1  # the page before the first chapter has none
    assert "plus both pads" in lines[1] and ">Chapter 2<" in lines[1]


def test_seven_sentences_in_order_each_with_a_link_and_a_check():
    cards = [section for section in page_sections((ROOT / "book" / "mnemonics.md").read_text(encoding="utf-8"))
             if re.match(r"\d\. ", section.heading)]
    assert [card.heading for card in cards] == ["1. Convolution", "2. VGG", "3. ResNet", "4. Inception", "5. MobileNet",
                                                "6. DenseNet", "7. SE-Net"]
    for card in cards:
        assert places.SEE.search(card.parts[0][1]) and re.search(r"^> \*\*.+\*\*$", card.parts[0][1], re.M)
        assert any(cell and "assert" in cell.source for cell, _ in card.parts)
