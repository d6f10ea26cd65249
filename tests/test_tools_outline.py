"""Notebooks and pages read as headings with what stands under them."""
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tools.outline import page_cells, page_sections, sections, split, under

TEXT = "before\n# Title\nintro\n## One\na\n### Small #\nb\n```\n# a comment\n```\n## Two\nc\n"


def test_split_leaves_fences_alone():
    assert [(level, heading) for level, heading, _ in split(TEXT)] == [
        (0, ""), (1, "Title"), (2, "One"), (3, "Small"), (2, "Two")]
    assert "# a comment" in split(TEXT)[3][2]


def test_under_takes_smaller_headings_with_it():
    found = page_sections(TEXT)
    assert [text.split("\n")[0] for _, text in under(found, "One")] == ["a", "b"]
    assert [text for _, text in under(found, "Two")] == ["c"]
    assert under(found, "Three") == under(found, "") == []


def test_cells_belong_to_the_heading_above_them():
    notebook = new_notebook(cells=[new_markdown_cell("# T\n\n## One", id="head"), new_code_cell("# no", id="run"),
                                   new_markdown_cell("more\n\n## Two", id="both"), new_code_cell("2", id="two")])
    found = sections(notebook)
    assert [cell.id for cell, _ in under(found, "One")] == ["head", "run", "both"]
    assert [cell.id for cell, _ in under(found, "Two")] == ["both", "two"]


def test_cells_of_a_page_have_their_names_and_tags():
    first, second = page_cells("text\n\n```{code-cell}\n:name: a-run\n:tags: [hide-input, slow]\n\nx = 1\n\nx\n```\n\n"
                               "```\nno cell\n```\n\n```{code-cell} ipython3\ny = {1: 2}\n```")
    assert (first.id, first.tags, first.source) == ("a-run", ("hide-input", "slow"), "x = 1\n\nx")
    assert (second.id, second.tags, second.source) == (None, (), "y = {1: 2}")
