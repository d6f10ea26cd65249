"""Draw the page of misconceptions from the cards in the chapters."""
import re

from sphinx.errors import ExtensionError

from cnn_book import ROOT, places
from tools.outline import read_notebook, sections
from tools.project import notebooks

PAGE = "book/misconceptions"
MARK = "<!-- misconceptions -->"
COUNT = "<!-- number of misconceptions -->"
BELIEF = re.compile(r"\*\*What people believe\.\*\*\s*(.+?)\s*(?=\n\s*\n|\*\*Run it|\*\*What is true|\Z)", re.S)
TRUTH = re.compile(r"\*\*What is true\.\*\*\s*(.+?)\s*(?=\n\s*\n|\Z)", re.S)
PREFIX = re.compile(r"Misconception: ")
SENTENCE = re.compile(r"(?<=[.?!])(?<!e\.g\.)(?<!i\.e\.)\s+(?=[\w*`$«\"(−-])")
ENOUGH = 90  # characters: a shorter answer takes the next sentence too


def fill(app, docname, source):
    """Put the cards where the page has its mark; a changed notebook makes the page read again."""
    if docname == PAGE:
        for path in notebooks(ROOT):
            app.env.note_dependency(str(path))
        found = cards(ROOT)
        source[0] = source[0].replace(MARK, listing(found)).replace(COUNT, str(len(found)))


def cards(root):
    """Return the book's cards in reading order, each a dict: file, heading, title, belief, truth.

    Raises:
        ExtensionError: a card says what people believe and not what is true, or the other way round, a heading
            promises a card that is not there, or two cards stand under one heading.
    """
    return [card for path in notebooks(root) for card in _cards(path)]


def listing(found):
    """Return the cards as Markdown: a heading for each chapter, under it title, belief and truth."""
    lines, chapter = [], None
    for card in found:
        if card["file"] != chapter:
            chapter = card["file"]
            lines += [f"## {places.title(chapter)}", ""]
        link = places.link(card["file"], card["heading"], text=card["title"], page=PAGE)
        lines += [link, f": *Believed:* {_line(card['belief'])}", "", f": *True:* {_line(card['truth'])}", ""]
    return "\n".join(lines)


def _cards(path):
    for section in sections(read_notebook(path)):
        text = "\n\n".join(text for cell, text in section.parts if cell.cell_type == "markdown")
        belief, truth = BELIEF.search(text), TRUTH.search(text)
        if not (belief or truth or PREFIX.match(section.heading)):
            continue
        if not (belief and truth):
            missing = "What people believe" if truth else "What is true"
            raise ExtensionError(f"{path.name}: the card under {section.heading!r} must have **{missing}.**")
        if (count := len(BELIEF.findall(text))) > 1:
            raise ExtensionError(f"{path.name}: the card under {section.heading!r} must have one belief, got {count}")
        title = PREFIX.sub("", section.heading)
        yield {"file": f"notebooks/{path.name}", "heading": section.heading, "title": title[0].upper() + title[1:],
               "belief": re.sub(":$", ".", belief[1]), "truth": gist(truth[1])}


def gist(text):
    """Return the first sentences of a paragraph, as many as make an answer."""
    kept = []
    for sentence in SENTENCE.split(" ".join(text.split())):
        if sentence.endswith(":") and kept:
            break  # it introduces what does not come along
        kept.append(sentence)
        if len(" ".join(kept)) >= ENOUGH:
            break
    return " ".join(kept)


def _line(text):
    return " ".join(text.split())
