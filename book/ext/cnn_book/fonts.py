"""Cut KaTeX's fonts down to the characters in this book's formulas."""
import re
import shutil
from html.parser import HTMLParser
from io import BytesIO
from os.path import relpath
from pathlib import Path

from fontTools import subset

from cnn_book.widgets import write_hashed

FONT = re.compile(r"url\(fonts/([^)]+\.woff2)\)")
NUMBERING = "()0123456789"  # which the style sheet itself writes beside equations
EARLY = {"KaTeX_Main-Regular": 'class="katex"', "KaTeX_Math-Italic": "mathnormal"}  # what says that a page needs a font
PRELOAD = re.compile(r'\s*<link rel="preload" as="font"[^>]*>')
SHEET = '<link rel="stylesheet"'


def cut_fonts(app):
    """Put the fonts with only what the site's formulas show, named by their hash, in the place of the whole ones."""
    site = Path(app.outdir)
    pages = {path: path.read_text("utf-8") for path in sorted(site.rglob("*.html"))}
    whole = Path(app.srcdir) / "book" / "static" / "katex"
    names = _cut(whole, site / "_static" / "katex", set(NUMBERING).union(*map(shown, pages.values())))
    for path, text in pages.items():
        early = [f"_static/katex/fonts/{name}" for name in names if EARLY.get(name.split(".")[0], "no font") in text]
        asked = ask_early(text, [relpath(site / name, path.parent) for name in early])
        if asked != text:
            path.write_text(asked, encoding="utf-8")


def ask_early(page, fonts):
    """Return a page that asks for fonts beside its style sheet, which names them, and not after it."""
    links = "".join(f'<link rel="preload" as="font" type="font/woff2" crossorigin="anonymous" href="{font}">\n'
                    for font in fonts)
    return PRELOAD.sub("", page).replace(SHEET, links + SHEET, 1)


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


def _cut(whole, katex, characters):
    """Write the cut fonts in the place of all that are there, name them in KaTeX's style sheet, return their names."""
    shutil.rmtree(katex / "fonts")  # also those that an earlier build has cut
    names = []

    def cut(match):
        names.append(write_hashed(katex / "fonts", match[1], only(whole / "fonts" / match[1], characters)))
        return f"url(fonts/{names[-1]})"

    sheet = FONT.sub(cut, (whole / "katex.min.css").read_text("utf-8"))
    (katex / "katex.min.css").write_text(sheet, encoding="utf-8")
    return names


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
