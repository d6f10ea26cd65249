"""Read the built pages: titles, sections and the questions of quizzes, for what knows the whole book."""
import json
import re
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from posixpath import dirname, relpath

from cnn_book.widgets import write_hashed

BOOK, INDEX = "cnn-book", "cnn-index"  # the files of the whole book, as pages name them
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
BLOCKS = {"br", "dd", "div", "dt", "li", "p", "td", "th", "tr"}
SILENT = {"script", "style", "svg", "button", "noscript", "dialog", "summary"}
SILENT_CLASSES = {"headerlink", "katex", "katex-display", "cnn-widget", "cnn-launch", "cnn-terms", "cell_output"}
STATE = re.compile(r'<script id="cnn-widgets"[^>]*>(.*?)</script>', re.S)
ARTICLE = re.compile(r'<article role="main"[^>]*>(.*?)</article>', re.S)


@dataclass
class Part:
    """A section with its own text, that of the sections in it left out."""

    id: str
    level: int = 0
    title: str = ""
    text: list = field(default_factory=list)
    code: list = field(default_factory=list)
    terms: list = field(default_factory=list)  # pairs (id, text): the words of a glossary
    widgets: int = 0
    formulas: int = 0  # set apart


class Reader(HTMLParser):
    """Collect the sections of a page's article in order; formulas are read as they were written."""

    def __init__(self):
        super().__init__()
        self.parts, self.open, self.inside = [], [], []

    def handle_starttag(self, tag, attributes):
        """Open an element."""
        attributes = dict(attributes)
        classes = set((attributes.get("class") or "").split())
        if tag == "section" and "id" in attributes:
            self.parts.append(Part(attributes["id"]))
            self.inside.append(self.parts[-1])
        if self.inside and "cnn-widget" in classes:
            self.inside[-1].widgets += 1
        if self.inside and "math" in classes and tag == "div":
            self.inside[-1].formulas += 1
        if self.inside and tag in BLOCKS:
            self.inside[-1].text.append(" ")
        kind = ("formula" if tag == "annotation" else
                "silent" if tag in SILENT or classes & SILENT_CLASSES else
                "title" if re.fullmatch("h[1-6]", tag) else
                "code" if tag == "pre" else "term" if tag == "dt" else "")
        if kind == "title" and self.inside and not self.inside[-1].level:
            self.inside[-1].level = int(tag[1])
        if kind == "term" and self.inside and not self._is("silent"):
            self.inside[-1].terms.append([attributes.get("id", ""), ""])
        if tag not in VOID:
            self.open.append((tag, kind))

    def handle_endtag(self, tag):
        """Close an element."""
        if tag not in VOID and self.open:
            self.open.pop()
        if tag == "section" and self.inside:
            self.inside.pop()

    def handle_data(self, data):
        """Put a text where it belongs."""
        formula = self.open and self.open[-1][1] == "formula"
        if not self.inside or (self._is("silent") and not formula):
            return
        part = self.inside[-1]
        if self._is("title"):
            part.title += data
        elif self._is("code"):
            part.code.append(data)
        elif not formula:
            part.text.append(data)
            if self._is("term"):
                part.terms[-1][1] += data

    def _is(self, kind):
        return any(each == kind for _, each in self.open)


def parts_of(html):
    """Return the parts of a built page, its title first; none where it has no article."""
    article = ARTICLE.search(html)
    return _read(article[1] if article else "")


@cache
def _read(article):
    """Return the parts of an article; progress and search ask for the same ones."""
    reader = Reader()
    reader.feed(article)
    for part in reader.parts:
        part.title = " ".join(part.title.split())
    return reader.parts


def questions_of(html, site):
    """Return the questions of a page's quizzes in order."""
    found, state = [], STATE.search(html)
    for model in json.loads(state[1])["models"].values() if state else ():
        name = model.get("files", {}).get("questions")
        stored = site / "_static" / "widgets" / name if name else None
        found += json.loads(stored.read_text(encoding="utf-8")) if name else model.get("questions", [])
    return found


def page_names(app):
    """Return the names of the book's pages in the order of its table of contents."""
    root = app.config.root_doc
    listed = [name for names in app.env.toctree_includes.values() for name in names]
    return [name for name in dict.fromkeys([root, *listed]) if name in app.env.found_docs]


def add_marks(app, pagename, templatename, context, doctree):
    """Leave a place in the page for the addresses of BOOK and INDEX, which are known when all pages stand."""
    marks = "".join(f'\n<meta name="{mark}" content="">' for mark in (BOOK, INDEX))
    context["metatags"] = context.get("metatags", "") + marks


def publish(app, mark, name, data):
    """Write data of the whole book as JSON, in place of an older build's, and tell every page where it is."""
    folder = Path(app.outdir) / "_static"
    for old in folder.glob(name.replace(".", ".*.")):
        old.unlink()
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    point(app, mark, f"_static/{write_hashed(folder, name, text)}")


def fill(page, pattern, html):
    """Put HTML where a built page has a place for it, if there is such a page."""
    if page.exists():
        text = page.read_text(encoding="utf-8")
        page.write_text(pattern.sub(lambda _: html, text), encoding="utf-8")


def base36(number):
    """Return a number that is not negative as JavaScript's toString(36) writes it.

    >>> [base36(number) for number in (0, 35, 36, 5381)]
    ['0', 'z', '10', '45h']
    """
    digits = ""
    while number or not digits:
        number, digit = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return digits


def point(app, mark, target):
    """Write the address of a file of the whole book into each page's ``<meta name="...">``."""
    site = Path(app.outdir)
    pattern = re.compile(rf'(<meta name="{mark}" content=")[^"]*"')
    for path in site.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        address = relpath(target, dirname(path.relative_to(site).as_posix()) or ".")
        pointed = pattern.sub(lambda match, address=address: f'{match[1]}{address}"', text)
        if pointed != text:
            path.write_text(pointed, encoding="utf-8")
