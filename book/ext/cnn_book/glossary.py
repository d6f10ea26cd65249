"""The glossary's ways: an index of its Chinese words, and at the end of each chapter the words first met there."""
import re
from dataclasses import dataclass
from functools import cache
from html import escape

from cnn_book import ROOT
from cnn_book.anchors import GLOSSARY, term_id

ENTRY = re.compile(r'^\*\*(.+?)\*\* · <span lang="zh">(.+?)</span>\n: .*\]\(\.\./(.+?)\.(?:ipynb|md)\)\.$', re.M)


@dataclass(frozen=True)
class Entry:
    """A word, what it is called in Chinese, and the page where it first appears."""

    term: str
    chinese: str
    page: str

    @property
    def link(self):
        """The place of the word on the glossary's page."""
        return f"#{term_id(self.term)}"


def entries(text):
    """Return the entries of the glossary's source, in its order."""
    return [Entry(*found) for found in ENTRY.findall(text)]


@cache
def _entries():
    return entries((ROOT / f"{GLOSSARY}.md").read_text(encoding="utf-8"))


def fill(app, docname, source):
    """Add the index of Chinese words to the glossary."""
    if docname == GLOSSARY:
        source[0] += f"\n## By Chinese word\n\n{index(entries(source[0]))}\n"


def index(words):
    """Return the Chinese words with their English ones as HTML, by pinyin as far as GB 2312 orders its characters."""
    translated = [word for word in words if word.chinese != word.term]
    ordered = sorted(translated, key=lambda word: word.chinese.encode("gb18030"))
    items = "\n".join(f'<li><span lang="zh">{word.chinese}</span> <a href="{word.link}">{_shown(word.term)}</a></li>'
                      for word in ordered)
    return f'<ul class="cnn-words">\n{items}\n</ul>'


def add_words(app, pagename, templatename, context, doctree):
    """Add to the end of a page the words that first appear on it."""
    if GLOSSARY not in app.env.found_docs or "body" not in context:
        return
    if words := [word for word in _entries() if word.page == pagename]:
        context["body"] += words_of_page(words, context["pathto"](GLOSSARY))


def words_of_page(words, glossary):
    """Return links to words as HTML.

    Args:
        words: the entries.
        glossary: the address of the glossary's page, as seen from this one.
    """
    links = " · ".join(f'<a href="{escape(glossary)}{word.link}">{_shown(word.term)}</a>' for word in words)
    return f'<p class="cnn-terms">New words here, in the glossary: {links}</p>'


def _shown(term):
    return re.sub("`(.+?)`", r"<code>\1</code>", term)
