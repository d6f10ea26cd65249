"""Put links to the sections that derive them under the entries of the formula sheet and of the calculators."""
import re

from sphinx.errors import ExtensionError

from cnn_book import places
from tools.outline import course_map, page_sections

PAGES = ("book/formula_sheet", "book/shape_calculator")
SOURCES = re.compile(r"<!-- from ([^>]*?) -->")
MUST_KNOW, STAR = "<!-- must know -->", " ★"


def fill(app, docname, source):
    """Replace the marks of these pages by links."""
    if docname in PAGES:
        topics, text = course_map(), source[0]
        text = SOURCES.sub(lambda mark: links(mark[1].split(), topics, docname), text)
        source[0] = text.replace(MUST_KNOW, must_know(text))


def ids(text):
    """Return the ids of all topics that a page names, in order."""
    return [name for mark in SOURCES.findall(text) for name in mark.split()]


def links(names, topics, page):
    """Return links from a page to the sections of topics, each section once.

    Raises:
        ExtensionError: a topic does not exist, or has no place yet.
    """
    found = []
    for name in names:
        row = topics.get(name, {})
        if "heading" not in row:
            raise ExtensionError(f"{page}: a formula must come from a placed topic of the course map, got {name}")
        found.append(places.section_link(row, page))
    return f"*From* {' · '.join(dict.fromkeys(found))}"


def must_know(text):
    """Return a list of links to the entries that carry a star."""
    starred = [section.heading for section in page_sections(text) if section.heading.endswith(STAR)]
    return "\n".join(f"- [{heading.removesuffix(STAR)}](#{places.slug(heading)})" for heading in starred)
