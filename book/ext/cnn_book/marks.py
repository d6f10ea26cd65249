"""Put into a page what it would otherwise repeat: links to the sections of the course map, the chapters' sentences.

``<!-- see C02-09 -->`` becomes a link to the section in which that row of the course map has its place.
"""
import re

from cnn_book import places
from tools.outline import course_map, read_notebook
from tools.project import notebooks

SEE = re.compile(r"<!-- see ([CEX][\d-]+) -->")
SENTENCES = "<!-- chapter sentences -->"
SENTENCE = re.compile(r"\*\*To remember:\*\* \*([^*]+)\*")


def fill(app, docname, source):
    """Replace the marks of a page of the book."""
    if not docname.startswith("book/"):
        return
    if SEE.search(source[0]):
        rows = course_map()
        source[0] = SEE.sub(lambda mark: places.section_link(rows[mark[1]], docname), source[0])
    if SENTENCES in source[0]:
        source[0] = source[0].replace(SENTENCES, sentences(docname))


def sentences(page):
    """Return a list with the sentence that ends each chapter, for a page."""
    lines = []
    for path in notebooks():
        file, text = f"notebooks/{path.name}", "\n\n".join(cell.source for cell in read_notebook(path).cells)
        lines += [f'- {places.link(file, "", text=places.title(file), page=page)}: *{" ".join(found.split())}*'
                  for found in SENTENCE.findall(text)]
    return "\n".join(lines)
