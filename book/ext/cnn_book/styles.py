"""Join a page's style sheets into one file: a page is painted after all of them have come, each a way to the server."""
import re
from pathlib import Path
from posixpath import dirname, join, normpath, relpath

from cnn_book.widgets import write_hashed

LINK = re.compile(r'\s*<link rel="stylesheet"(?: type="text/css")? href="([^":?]+)(?:\?[^"]*)?"'
                  r'(?: data-of="([^"]*)")? ?/?>')
# What a browser reads and what only people read: space where it parts nothing, and comments but those with a license.
SPACE = r"(?:\s|/\*(?!!).*?\*/)+"
SPARE = re.compile(rf"""("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|url\([^"')]*\)|/\*!.*?\*/)"""
                   rf"|([{{}};,]){SPACE}|{SPACE}(?={{)|({SPACE})", re.S)
TERMINAL = re.compile(r"div\.highlight \.-Color[^{}]*\{[^{}]*\}")  # MyST-NB's 512 colors of a terminal's text
ADDRESS = re.compile(r'url\((["\']?)(?!data:|#|https?:)([^)"\']+)\1\)')


def join_styles(app):
    """Give every built page one style sheet in place of its own; a page of an earlier build names them in data-of."""
    site = Path(app.outdir)
    for path in sorted(site.rglob("*.html")):
        page, text = path.relative_to(site).as_posix(), path.read_text(encoding="utf-8")
        joined = join_page(text, page, site)
        if joined != text:
            path.write_text(joined, encoding="utf-8")


def join_page(text, page, site):
    """Return a page's text with one link; the joined file is written into the site.

    Args:
        text: the page.
        page: its path below the site.
        site: the folder of the site.
    """
    links = list(LINK.finditer(text))
    names = [name for link in links
             for name in (link[2].split() if link[2] else [normpath(join(dirname(page), link[1]))])]
    if not names:
        return text
    sheet = "\n".join(_moved((site / name).read_text(encoding="utf-8"), name) for name in names)
    sheet = shorter(sheet if '"-Color' in text else TERMINAL.sub("", sheet))
    target = f"_static/{write_hashed(site / '_static', 'styles.css', sheet)}"
    link = f'\n<link rel="stylesheet" href="{relpath(target, dirname(page) or ".")}" data-of="{" ".join(names)}">'
    first, rest = text[:links[0].start()], text[links[0].start():]
    return first + link + LINK.sub("", rest)


def shorter(sheet):
    """Return a style sheet without what makes it readable.

    >>> shorter('a, b { /* two */ content: " ; "; --empty: ; }')
    'a,b{content: " ; ";--empty: ;}'
    """
    return SPARE.sub(lambda part: part[1] or part[2] or (" " if part[3] else ""), sheet)


def _moved(sheet, name):
    """Return a style sheet whose addresses hold from the folder _static."""
    return ADDRESS.sub(lambda url: f"url({relpath(join(dirname(name), url[2]), '_static')})", sheet)
