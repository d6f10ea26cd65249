"""Draw the entries of the errata: the id, what is said, what is right, and from the course map title, section, cell.

In the page an entry is a term that is an id alone, with two definitions: what is said, and what is right.
"""
import re

from cnn_book.places import section_link
from tools.outline import FENCE, course_map

PAGE = "book/errata"
ENTRY = re.compile(r"^([EX]\d+)\n: (.+\n(?:  .+\n)*): (.+\n(?:  .+\n)*)", re.M)


def fill(app, docname, source):
    """Draw each entry of the page."""
    if docname == PAGE:
        rows = course_map()
        source[0] = ENTRY.sub(lambda entry: drawn(entry[1], rows[entry[1]], entry[2], entry[3]), source[0])


def drawn(name, row, said, right):
    """Return one entry: an anchor, the title, both statements and where it is taught."""
    taught = f"{section_link(row, PAGE)}, cell `{row['cell']}`" if "notebook" in row else "this page"
    return (f'<b id="{name.lower()}">{name}</b> {row["title"]}\n'
            f": *Said:* {said}: *Right:* {right}: *Taught in:* {taught}\n")


def entries(text):
    """Return (id, heading of the part, line) of each entry that the page's text has, code left out."""
    found, fenced, heading, lines = [], False, "", text.splitlines()
    for number, line in enumerate(lines):
        fenced ^= bool(FENCE.match(line))
        if not fenced and line.startswith("## "):
            heading = line[3:]
        if not fenced and re.fullmatch(r"[EX]\d+", line):
            found.append((line, heading, number + 1))
    return found
