"""Read the book's notebooks and pages as headings with what stands under them."""
import re
from dataclasses import dataclass, field
from types import SimpleNamespace

import nbformat
import yaml

from tools.project import ROOT

HEADING = re.compile(r"(#{1,6})\s+(.*?)\s*#*\s*")
FENCE = re.compile(r"\s*(```|~~~)")
PAGE_CELL = re.compile(r"^```\{code-cell\}.*\n((?::.*\n)*)((?:(?!```).*\n)*)```$", re.M)  # options, source


@dataclass
class Section:
    """A heading and what follows it up to the next heading of any level."""

    level: int  # 1 for the title; 0 for what stands before the first heading
    heading: str
    parts: list = field(default_factory=list)  # pairs (cell, text); the cell is None for the text of a page


def read_notebook(path):
    """Return a notebook whose sources are single texts."""
    return nbformat.v4.reads(path.read_text(encoding="utf-8"))


def sections(notebook):
    """Return a notebook's sections in order."""
    result = [Section(0, "")]
    for cell in notebook.cells:
        pieces = split(cell.source) if cell.cell_type == "markdown" else [(0, "", cell.source)]
        for level, heading, text in pieces:
            if level:
                result.append(Section(level, heading))
            result[-1].parts.append((cell, text))
    return result


def page_sections(text):
    """Return the sections of a Markdown page; its code cells follow the text of their section."""
    return [Section(level, heading, [(None, body), *((cell, cell.source) for cell in page_cells(body))])
            for level, heading, body in split(text)]


def page_cells(text):
    """Return the code cells of a Markdown page, each with ``id`` (its ``:name:``), ``tags`` and ``source``."""
    cells = []
    for options, source in PAGE_CELL.findall(text + "\n"):
        given = dict(re.findall(r"^:(\w+): *(.*)$", options, re.M))
        tags = tuple(re.findall(r"[\w-]+", given.get("tags", "")))
        cells.append(SimpleNamespace(id=given.get("name"), tags=tags, source=source.strip("\n")))
    return cells


def under(all_sections, heading):
    """Return the parts under a heading, those of its smaller headings included; [] where it does not exist."""
    for start, section in enumerate(all_sections):
        if section.heading == heading and section.level:
            parts = list(section.parts)
            for later in all_sections[start + 1:]:
                if later.level <= section.level:
                    break
                parts += later.parts
            return parts
    return []


def split(markdown):
    """Return (level, heading, text) for each piece of a Markdown text; what is in a code fence is no heading."""
    pieces, fenced = [[0, "", []]], False
    for line in markdown.splitlines():
        fenced ^= bool(FENCE.match(line))
        match = None if fenced else HEADING.fullmatch(line)
        if match:
            pieces.append([len(match[1]), match[2], []])
        else:
            pieces[-1][2].append(line)
    return [(level, heading, "\n".join(lines)) for level, heading, lines in pieces if level or "\n".join(lines).strip()]


def chapters(root=ROOT):
    """Return the names of the book's pages in their order, as "book/index"."""
    contents = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    return [contents["root"], *(each["file"] for each in contents["chapters"])]


def course_map(root=ROOT):
    """Return the rows of book/course_map.yml by id."""
    return yaml.safe_load((root / "book" / "course_map.yml").read_text(encoding="utf-8"))
