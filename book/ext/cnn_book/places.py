"""Links to headings of notebooks and pages; a heading that does not exist fails the build as a dead link."""
import re
from functools import cache
from posixpath import dirname, relpath

from myst_parser.mdit_to_docutils.base import default_slugify

from cnn_book import ROOT
from tools.outline import page_sections, read_notebook, sections

MATH = re.compile(r"\$[^$]*\$")
MARKS = re.compile(r"[`*\\]")


def slug(heading):
    """Return the name under which MyST knows a heading that stands once on its page."""
    return default_slugify(MARKS.sub("", MATH.sub("", heading)))


def file_of(row):
    """Return the file of a placed row of the course map, below the book's root."""
    return f"notebooks/{row['notebook']}.ipynb" if "notebook" in row else f"{row['page']}.md"


def link(file, heading, *, text, page):
    """Return a Markdown link to a heading.

    Args:
        file: a notebook or a page, below the book's root.
        heading: its text; "" for the file's top.
        text: what the link shows.
        page: the name of the page on which it stands, such as book/topics.
    """
    anchor = f"#{slug(heading)}" if heading else ""
    return f"[{text}](<{relpath(file, dirname(page))}{anchor}>)"


@cache
def title(file, root=ROOT):
    """Return a notebook's or page's title, with the chapter's number where it has one: "7a The Inception family"."""
    path = root / file
    heading = next(part.heading for part in _parts(path) if part.level == 1)
    number = re.match(r"0*([1-9]\d*[a-z]?)_", path.name)
    return f"{number[1]} {heading}" if number else heading


def section_link(row, page, text=None):
    """Return a link to a row's section; it names chapter and heading where no text is given."""
    file = file_of(row)
    heading = row["heading"].removesuffix(" ★")
    return link(file, row["heading"], text=text or f"{title(file)}: {heading}", page=page)


def _parts(path):
    return sections(read_notebook(path)) if path.suffix == ".ipynb" else page_sections(path.read_text(encoding="utf-8"))
