"""Cut KaTeX's fonts down to the characters in this book's formulas."""
import re
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

from fontTools import subset

from cnn_book.widgets import write_hashed

FONT = re.compile(r"url\(fonts/([^)]+\.woff2)\)")
NUMBERING = "()0123456789"  # which the style sheet itself writes beside equations


def cut_fonts(app):
    """Put the fonts with only what the site's formulas show, named by their hash, in the place of the whole ones."""
    katex = Path(app.outdir) / "_static" / "katex"
    characters = set(NUMBERING).union(*(shown(page.read_text("utf-8")) for page in Path(app.outdir).rglob("*.html")))

    def cut(match):
        whole = katex / "fonts" / match[1]
        name = write_hashed(whole.parent, match[1], only(whole, characters))
        whole.unlink()
        return f"url(fonts/{name})"

    sheet = katex / "katex.min.css"
    sheet.write_text(FONT.sub(cut, sheet.read_text("utf-8")), encoding="utf-8")


def shown(page):
    """Return the characters that a page's formulas show.

    >>> sorted(shown('<p>a</p><span class="katex-html"><span>b</span>c</span> d'))
    ['b', 'c']
    """
    reader = _Reader()
    reader.feed(page)
    return reader.characters


def only(font, characters):
    """Return a WOFF2 font's bytes without the glyphs of all other characters."""
    options = subset.Options(flavor="woff2", layout_features=["*"], notdef_outline=True)
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=map(ord, characters))
    with subset.load_font(font, options) as loaded, BytesIO() as file:
        cutter.subset(loaded)
        subset.save_font(loaded, file, options)
        return file.getvalue()


class _Reader(HTMLParser):
    """Collect the text of the spans in which KaTeX draws."""

    def __init__(self):
        super().__init__()
        self.characters, self.depth = set(), 0

    def handle_starttag(self, tag, attributes):
        if tag == "span" and (self.depth or ("class", "katex-html") in attributes):
            self.depth += 1

    def handle_endtag(self, tag):
        if tag == "span" and self.depth:
            self.depth -= 1

    def handle_data(self, text):
        if self.depth:
            self.characters.update(text)
