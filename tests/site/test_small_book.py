"""A book of one notebook, built several times: pages follow the code, and a failure is one line."""
import re
import shutil
from functools import partial
from urllib.parse import parse_qs, urlsplit

import nbformat
import pytest

from tests.site.small import NOTEBOOK, make_book, write_notebook
from tools.book import build
from tools.project import ROOT
from tools.serve import serving

REPOSITORY = "https://github.com/someone/a-book"


@pytest.fixture
def book(tmp_path):
    """Return the folder of a small book and a function that writes its notebook's one code cell."""
    make_book(tmp_path)
    return tmp_path, partial(write_notebook, tmp_path)


def give_address(folder):
    """Set the repository's address in the book's pyproject.toml."""
    path = folder / "pyproject.toml"
    text = path.read_text(encoding="utf-8")
    assert "[project.urls]" not in text
    path.write_text(f'{text}\n[project.urls]\nRepository = "{REPOSITORY}"\n', encoding="utf-8")


def make(folder):
    """Build and return the page's text."""
    site = build(folder, say=lambda line: None)
    return (site / "notebooks" / "small.html").read_text(encoding="utf-8")


SIZE = """
import sys
sys.path.insert(0, '..')
import cnnlib.shapes
print('size', cnnlib.shapes.conv_output_size(9, 3), '.')
"""


def test_page_follows_the_code(book):
    folder, write = book
    write(SIZE)
    assert "size 7 ." in make(folder)
    source = folder / "cnnlib" / "shapes" / "convolution.py"
    text = source.read_text(encoding="utf-8")
    assert "// stride + 1" in text
    source.write_text(text.replace("// stride + 1", "// stride + 101"), encoding="utf-8")
    assert "size 107 ." in make(folder)
    assert len(list((folder / "_build" / ".jupyter_cache").iterdir())) == 1  # the old cache is gone


def test_broken_cell_is_named_in_one_line(book):
    folder, write = book
    write("import math\nmath.sqrt(-1)")
    with pytest.raises(RuntimeError) as caught:
        make(folder)
    line = str(caught.value)
    assert "\n" not in line and re.match(r"notebooks/small\.ipynb \[only-cell\]: ValueError: ", line)


def test_unsupported_widget_is_named_in_one_line(book):
    folder, write = book
    write("import ipywidgets\nipywidgets.ColorPicker()")
    with pytest.raises(RuntimeError) as caught:
        make(folder)
    line = str(caught.value)
    assert "\n" not in line and "notebooks/small: the website cannot show the widget ColorPicker" in line


def test_formula_that_cannot_be_read_is_named_in_one_line(book):
    folder, write = book
    write("assert True", title="# Small\n\nThe root $\\sqrt{2$ and $x$.")
    with pytest.raises(RuntimeError) as caught:
        make(folder)
    assert str(caught.value).startswith("notebooks/small: a formula cannot be read: KaTeX parse error: Expected '}'")


def test_card_of_a_chapter_is_on_the_page_of_misconceptions(book):
    folder, write = book
    write("assert True")
    shutil.copy(ROOT / "book" / "misconceptions.md", folder / "book")
    (folder / "_toc.yml").write_text(
        "format: jb-book\nroot: notebooks/small\nchapters:\n  - file: book/misconceptions\n")
    notebook = nbformat.read(folder / NOTEBOOK, 4)
    card = ("## A section\n\n### Misconception: `maps` are *flat*\n\n**What people believe.** A planted belief.\n\n"
            "**What is true.** A planted truth. It is long enough to be taken along with a second sentence, which ends "
            "here.\n\nThe rest.")
    notebook.cells.append(nbformat.v4.new_markdown_cell(card, id="card"))
    nbformat.write(notebook, folder / NOTEBOOK)
    make(folder)
    page = folder / "_build" / "html" / "book" / "misconceptions.html"
    text = page.read_text(encoding="utf-8")
    target = re.search(r'href="\.\./notebooks/small\.html#([^"]+)"[^>]*>.*?<span class="pre">maps</span>', text)[1]
    assert f'id="{target}"' in (folder / "_build" / "html" / "notebooks" / "small.html").read_text(encoding="utf-8")
    assert "A planted belief." in text and "A planted truth. It is long" in text and "The rest." not in text
    assert ">Small<" in text and "Here are 1 beliefs" in text
    notebook.cells[-1].source = card.replace("planted belief", "changed belief")
    nbformat.write(notebook, folder / NOTEBOOK)
    make(folder)
    assert "A changed belief." in page.read_text(encoding="utf-8")  # the page follows the chapter


def test_a_book_with_an_address_is_launched_shared_and_reported_from_its_pages(book, browser):
    folder, write = book
    write("print('one')")
    notebook = nbformat.read(folder / NOTEBOOK, as_version=4)
    notebook.cells += [nbformat.v4.new_markdown_cell(f"## {name} part\n\n" + "Some words.\n\n" * 60, id=name.lower())
                       for name in ("First", "Second")]
    nbformat.write(notebook, folder / NOTEBOOK)
    give_address(folder)
    text = make(folder)
    assert '<link rel="canonical" href="https://someone.github.io/a-book/notebooks/small.html">' in text
    assert (folder / "_build" / "html" / "_static" / "cards" / "notebooks-small.png").is_file()
    assert (folder / "_build" / "html" / "sitemap.xml").is_file()
    asked, complaints = [], []
    with serving(folder / "_build" / "html") as address:
        page = browser.new_page(viewport={"width": 1400, "height": 600})
        page.on("console", lambda line: line.type == "error" and complaints.append(line.text))
        page.route("https://github.com/**", lambda route: asked.append(route.request.url) or route.fulfill(body="ok"))
        page.goto(f"{address}/notebooks/small.html")
        assert page.locator(".cnn-launch a").all_inner_texts() == [
            "Open in Colab", "Open in Binder", "Open in JupyterLab", "Download notebook", "All notebooks (zip)", "PDF",
            "Whole book (PDF)"]
        for section in ("First", "Second"):
            page.locator("h2", has_text=section).evaluate("(heading) => heading.scrollIntoView({behavior: 'instant'})")
            page.locator(".toc-drawer").get_by_role("link", name="Report a mistake on this page").click()
            page.wait_for_url(f"{REPOSITORY}/**")
            page.go_back()
        page.close()
    assert [parse_qs(urlsplit(link).query)["body"] for link in asked] == [
        ["Page: notebooks/small\nSection: First part"], ["Page: notebooks/small\nSection: Second part"]]
    assert {link.partition("?")[0] for link in asked} == {f"{REPOSITORY}/issues/new"} and not complaints
