"""The glossary leads to the chapters and to its Chinese words, and both lead back."""
import re
import sys
from types import SimpleNamespace

import pytest

from tools.project import ROOT

sys.path.insert(0, str(ROOT / "book" / "ext"))
from cnn_book import glossary

TEXT = (ROOT / "book" / "glossary.md").read_text(encoding="utf-8")
SOURCE = """\
# Glossary

**stride** · <span lang="zh">步幅</span>
: How far. *First in* [Convolution math](../notebooks/02_convolution_math.ipynb).

**`dtype` of an array** · <span lang="zh">数据类型</span>
: A [word](../notebooks/01_a.ipynb). *First in* [Before you start](../notebooks/00_before_you_start.ipynb).

**kernel** · <span lang="zh">卷积核</span>
: What slides. *First in* [Convolution math](../notebooks/02_convolution_math.ipynb).
"""


def page(name, **parts):
    """Return the context of a page after the words were added."""
    context = {"pathto": lambda target: f"../{target}.html", **parts}
    app = SimpleNamespace(env=SimpleNamespace(found_docs={glossary.GLOSSARY}))
    glossary.add_words(app, name, "page.html", context, None)
    return context


def test_entries_have_the_word_both_names_and_the_page():
    first, second, _ = glossary.entries(SOURCE)
    assert (first.term, first.chinese, first.page) == ("stride", "步幅", "notebooks/02_convolution_math")
    assert (second.page, second.link) == ("notebooks/00_before_you_start", "#term-dtype-of-an-array")


def test_chinese_words_stand_by_pinyin_and_lead_to_the_english_ones():
    source = [SOURCE]
    glossary.fill(None, glossary.GLOSSARY, source)
    assert source[0].startswith(SOURCE) and source[0].count("\n## ") == 1
    assert re.findall('lang="zh">(.+?)</span> <a', source[0]) == ["步幅", "卷积核", "数据类型"]  # bu, juan, shu
    assert '<a href="#term-dtype-of-an-array"><code>dtype</code> of an array</a>' in source[0]
    other = [SOURCE]
    glossary.fill(None, "book/other", other)
    assert other == [SOURCE]


def test_a_chapter_ends_with_its_new_words():
    body = page("notebooks/02_convolution_math", body="<h1>Math</h1>")["body"]
    assert body.startswith("<h1>Math</h1><p ")
    assert '<a href="../book/glossary.html#term-valid-convolution">valid convolution</a>' in body
    assert page("book/how_to_use", body="x")["body"] == "x"
    assert "body" not in page("notebooks/02_convolution_math")


def test_a_book_without_a_glossary_has_no_such_links():
    context, app = {"body": "x"}, SimpleNamespace(env=SimpleNamespace(found_docs=set()))
    glossary.add_words(app, "notebooks/02_convolution_math", "page.html", context, None)
    assert context["body"] == "x"


def test_every_entry_of_the_book_is_read_and_has_a_page_and_an_anchor_of_its_own():
    found = glossary.entries(TEXT)
    assert len(found) == TEXT.count("\n**") >= 235
    assert len({each.link for each in found}) == len(found)
    assert not [each for each in found if not list(ROOT.glob(f"{each.page}.*"))]


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
def test_every_chapter_brings_words(path):
    assert sum(each.page == f"notebooks/{path.stem}" for each in glossary.entries(TEXT)) >= 5
