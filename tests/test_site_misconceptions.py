"""The page of misconceptions: every card of the chapters, in their own words."""
import re
import sys

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from sphinx.errors import ExtensionError

from tools.project import ROOT, notebooks

sys.path.insert(0, str(ROOT / "book" / "ext"))

from cnn_book import misconceptions, places


@pytest.fixture
def chapter(tmp_path):
    """Return a function that writes a chapter of these Markdown cells and returns the book's cards."""
    def write(*texts):
        (tmp_path / "notebooks").mkdir(exist_ok=True)
        cells = [new_markdown_cell("# A chapter", id="title")]
        for i, text in enumerate(texts):
            cells += [new_markdown_cell(text, id=f"text-{i}"), new_code_cell("assert True", id=f"code-{i}")]
        nbformat.write(new_notebook(cells=cells), tmp_path / "notebooks" / "07a_small.ipynb")
        return misconceptions.cards(tmp_path)
    return write


def test_card_is_read_with_its_parts(chapter):
    heading = "### Misconception: `x` is *always* $y$"
    [card] = chapter(
        "## A section", f"{heading}\n\n**What people believe.** That it is\nso:\n\n**Run it.**",
        "**What is true.** It is not. This is\nthe reason.\n\nMore.")
    assert card == {"file": "notebooks/07a_small.ipynb", "heading": heading.removeprefix("### "),
                    "title": "`x` is *always* $y$", "belief": "That it is\nso.",
                    "truth": "It is not. This is the reason."}


@pytest.mark.parametrize(("text", "missing"), [
    ("### Misconception: a\n\n**What people believe.** B.", "What is true"),
    ("### A heading\n\n**What is true.** B.", "What people believe"),
    ("### Misconception: a\n\nText.", "What is true"),
])
def test_half_a_card_is_refused(chapter, text, missing):
    with pytest.raises(ExtensionError, match=rf"07a_small.ipynb: the card under .* must have \*\*{missing}\.\*\*"):
        chapter(text)


def test_two_beliefs_under_one_heading_are_refused(chapter):
    with pytest.raises(ExtensionError, match="must have one belief, got 2"):
        chapter("### Misconception: a\n\n**What people believe.** B.\n\n**What is true.** C.",
                "**What people believe.** D.")


@pytest.mark.parametrize(("text", "gist"), [
    ("Short. " + "Long " * 30 + "end. Not this.", "Short. " + "Long " * 30 + "end."),
    ("It is 0.5 here, e.g. with `a. b`. " + "x" * 90 + ". No.", "It is 0.5 here, e.g. with `a. b`. " + "x" * 90 + "."),
    ("Wrong numbers. Three more faults:", "Wrong numbers."),
    ("Only one", "Only one"),
])
def test_gist_is_whole_sentences(text, gist):
    assert misconceptions.gist(text) == gist


def test_every_card_of_the_book_is_on_the_page():
    sources = [cell["source"] for path in notebooks() for cell in nbformat.read(path, 4).cells
               if cell["cell_type"] == "markdown"]
    beliefs = [part for text in sources for part in text.split("**What people believe.**")[1:]]
    found = misconceptions.cards(ROOT)
    assert len(found) == len(beliefs) >= 50
    for card, belief in zip(found, beliefs, strict=True):
        assert belief.strip().startswith(card["belief"][:-1])
    chapters = {card["file"] for card in found}
    assert chapters == {f"notebooks/{path.name}" for path in notebooks()}
    for card in found:
        assert len(card["truth"]) < 260 and "\n" not in card["truth"], card["title"]
        assert card["truth"].count("$") % 2 == card["truth"].count("`") % 2 == card["truth"].count("(") - card[
            "truth"].count(")") == 0, card["title"]


def test_listing_has_a_heading_for_each_chapter_and_a_link_for_each_card():
    found = misconceptions.cards(ROOT)
    text = misconceptions.listing(found)
    assert re.findall("^## (.*)", text, re.M)[:2] == ["Before you start", "1 Why convolution"]
    assert text.count("](<../notebooks/") == text.count("*Believed:*") == text.count("*True:*") == len(found)


@pytest.mark.parametrize(("heading", "slug"), [
    ("How large is the output? ★", "how-large-is-the-output-"),
    ("Misconception: the mask `x == max` finds the winner", "misconception-the-mask-x--max-finds-the-winner"),
    ("A patch *is* $768$ numbers", "a-patch-is--numbers"),
])
def test_slug_is_the_one_that_myst_gives(heading, slug):
    assert places.slug(heading) == slug


def test_titles_carry_the_number_of_the_chapter():
    assert places.title("notebooks/07a_inception_family.ipynb") == "7a The Inception family"
    assert places.title("notebooks/00_before_you_start.ipynb") == "Before you start"
    assert places.title("book/topics.md") == "Where every topic stands"
