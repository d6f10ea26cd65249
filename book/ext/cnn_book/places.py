"""Put into a page what it would otherwise repeat: links to the sections of the course map, the chapters' sentences.

``<!-- see C02-09 -->`` becomes a link to the section in which that row of the course map has its place.
"""
import re

from docutils.nodes import make_id

from tools.outline import course_map, read_notebook
from tools.project import notebooks

SEE = re.compile(r"<!-- see ([CEX][\d-]+) -->")
SENTENCES = "<!-- chapter sentences -->"
SENTENCE = re.compile(r"\*\*To remember:\*\* \*([^*]+)\*")
CHAPTER = re.compile(r"0?(\d+)([ab]?)_")


def fill(app, docname, source):
    """Replace the marks of a page of the book."""
    if docname.startswith("book/"):
        rows = course_map()
        text = SEE.sub(lambda mark: link(rows[mark[1]]), source[0])
        source[0] = text.replace(SENTENCES, sentences()) if SENTENCES in text else text


def link(row):
    """Return a link to a placed row's section as HTML; the words of the heading may hold Markdown."""
    if "notebook" not in row:
        return f'<a href="{row["page"].removeprefix("book/")}.html#{make_id(row["heading"])}">{row["heading"]}</a>'
    address = f"../notebooks/{row['notebook']}.html#{make_id(row['heading'])}"
    return f'<a href="{address}">{chapter(row["notebook"])}: {row["heading"]}</a>'


def chapter(name):
    """Return what a notebook is called: ``Chapter 7a``."""
    number, letter = CHAPTER.match(name).groups()
    return f"Chapter {number}{letter}"


def sentences():
    """Return a list with the sentence that ends each chapter."""
    lines = []
    for path in notebooks():
        found = [match[1] for cell in read_notebook(path).cells for match in SENTENCE.finditer(cell.source)]
        lines += [f'- <a href="../notebooks/{path.stem}.html">{chapter(path.stem)}</a>: *{" ".join(text.split())}*'
                  for text in found]
    return "\n".join(lines)
