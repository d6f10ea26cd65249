"""Look for solutions and hidden tests where students can read."""
import html
import json
import re
from pathlib import Path

REGION = re.compile(r"### BEGIN (SOLUTION|HIDDEN TESTS)\n(.*?)### END \1", re.S)
SUFFIXES = (".ipynb", ".html", ".json", ".csv", ".txt", ".md", ".js", ".py")
LONG = 20  # characters: a shorter line stands in many programs


def hidden_lines(sources):
    """Return the lines of solutions and hidden tests in the notebooks of folders, without what students get anyway."""
    hidden, shown = set(), set()
    for path in (path for folder in sources for path in sorted(Path(folder).rglob("*.ipynb"))):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            text = "".join(cell["source"])
            for _, region in REGION.findall(text):
                hidden.update(_lines(region))
            shown.update(_lines(REGION.sub("", text)))
    return hidden - shown


def leaks(places, sources, own=()):
    """Return a line for each solution or hidden test that can be read.

    Args:
        places: folders or files that students see; notebooks with their outputs and metadata, pages, tables.
        sources: the folders of the instructor's notebooks.
        own: texts that are the student's own and may be anything, a graded answer for instance.
    """
    mine, found = [_even(text) for text in own], []
    wanted = {line for line in hidden_lines(sources) if not any(line in text for text in mine)}
    for place in map(Path, places):
        files = [place] if place.is_file() else sorted(path for path in place.rglob("*") if path.suffix in SUFFIXES)
        for path in files:
            text = _readable(path)
            found += [f"a hidden line in {path.name}: {line}" for line in sorted(wanted) if line in text]
    return found


def _readable(path):
    """Return a file's text as a reader could get at it: JSON and HTML taken apart, spaces made even."""
    text = path.read_text(encoding="utf-8", errors="replace")
    if path.suffix in (".ipynb", ".json"):
        parts = []
        _texts(json.loads(text), parts)
        text = "\n".join(parts)
    if path.suffix == ".html":
        text += "\n" + html.unescape(re.sub(r"<[^>]*>", "", text))
    return _even(text)


def _texts(value, parts):
    if isinstance(value, dict):
        for key, each in value.items():
            parts.append(key)
            _texts(each, parts)
    elif isinstance(value, list):
        for each in value:
            _texts(each, parts)
    elif isinstance(value, str):
        parts.append(value)


def _lines(text):
    return {line for line in (_even(line) for line in text.splitlines()) if len(line) >= LONG}


def _even(text):
    return re.sub(r"\s+", " ", text).strip()
