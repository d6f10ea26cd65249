"""KaTeX's fonts are cut down to what the formulas show, and what stays looks as it did."""
import re
import shutil
import sys
from io import BytesIO
from types import SimpleNamespace

import pytest
from fontTools.pens.recordingPen import DecomposingRecordingPen
from fontTools.ttLib import TTFont

from tools.project import ROOT

sys.path.insert(0, str(ROOT / "book" / "ext"))

from cnn_book import fonts

KATEX = ROOT / "book" / "static" / "katex"
PAGE = ('<p>q &amp; Q</p><span class="katex"><span class="katex-mathml"><math><mi>w</mi></math></span>'
        '<span class="katex-html" aria-hidden="true"><span class="mord">x</span><span>&lt;<span>√</span></span>μ</span>'
        '</span> z')
HEAD = '<title>Page</title>\n<link rel="stylesheet" href="a.css">\n<link rel="stylesheet" href="b.css">\n'


def outline(font, character):
    """Return how a font draws a character, or None."""
    name = font.getBestCmap().get(ord(character))
    if name is None:
        return None
    pen = DecomposingRecordingPen(font.getGlyphSet())
    font.getGlyphSet()[name].draw(pen)
    return pen.value, font["hmtx"][name][0]


def test_only_what_formulas_draw_is_taken():
    assert fonts.shown(PAGE) == set("x<√μ")
    assert fonts.shown("<p>no formula</p>") == set()


@pytest.mark.parametrize("path", sorted((KATEX / "fonts").glob("*.woff2")), ids=lambda path: path.stem)
def test_what_stays_is_drawn_as_before_and_the_rest_is_gone(path):
    with TTFont(path) as whole:
        characters = [chr(code) for code in sorted(whole.getBestCmap())]
        kept = characters[::7]
        part = TTFont(BytesIO(fonts.only(path, kept)))
        for character in kept:
            assert outline(part, character) == outline(whole, character) is not None, character
        assert len(part.getBestCmap()) < len(characters) / 3  # what is kept, and what its glyphs are made of
        assert part["head"].unitsPerEm == whole["head"].unitsPerEm
        assert (part["hhea"].ascent, part["hhea"].descent) == (whole["hhea"].ascent, whole["hhea"].descent)


def test_the_site_gets_the_cut_fonts_by_their_hash(tmp_path):
    site = tmp_path / "html"
    shutil.copytree(KATEX, site / "_static" / "katex")
    (site / "notebooks").mkdir()
    (site / "notebooks" / "page.html").write_text(HEAD + PAGE)
    (site / "plain.html").write_text(HEAD + "<p>no formula</p>")
    whole = {path.name: path.stat().st_size for path in (site / "_static" / "katex" / "fonts").iterdir()}
    app = SimpleNamespace(outdir=site, srcdir=ROOT)
    fonts.cut_fonts(app)
    sheet = (site / "_static" / "katex" / "katex.min.css").read_text()
    named = re.findall(r"url\(fonts/([^)]+)\)", sheet)
    left = {path.name: path.stat().st_size for path in (site / "_static" / "katex" / "fonts").iterdir()}
    assert sorted(named) == sorted(left) and len(left) == len(whole)
    assert all(re.fullmatch(r"KaTeX_[\w-]+\.[0-9a-f]{12}\.woff2", name) for name in named)
    assert sum(left.values()) < sum(whole.values()) / 4
    [math] = [name for name in named if name.startswith("KaTeX_Math-Italic")]
    with TTFont(site / "_static" / "katex" / "fonts" / math) as font:
        assert outline(font, "x") is not None and outline(font, "w") is None
    page = (site / "notebooks" / "page.html").read_text()
    [preload] = re.findall(r'<link rel="preload" as="font" .*href="(.+)">', page)
    assert (site / "notebooks" / preload).resolve() == (
        site / "_static" / "katex" / "fonts" / next(name for name in named if name.startswith("KaTeX_Main-Regular")))
    assert page.index("preload") < page.index("a.css") and page.count("stylesheet") == 2
    assert (site / "plain.html").read_text() == HEAD + "<p>no formula</p>"
    (site / "plain.html").write_text(HEAD + PAGE.replace(">x", ">w"))
    fonts.cut_fonts(app)  # a later build, of pages that show more
    later = re.findall(r"url\(fonts/([^)]+)\)", (site / "_static" / "katex" / "katex.min.css").read_text())
    assert sorted(later) == sorted(path.name for path in (site / "_static" / "katex" / "fonts").iterdir())
    [math] = [name for name in later if name.startswith("KaTeX_Math-Italic")]
    with TTFont(site / "_static" / "katex" / "fonts" / math) as font:
        assert outline(font, "x") is not None and outline(font, "w") is not None


def test_a_page_of_an_earlier_build_asks_for_the_new_fonts_alone():
    first = fonts.ask_early(HEAD + PAGE, ["old.woff2", "other.woff2"])
    assert first.count("preload") == 2
    assert fonts.ask_early(first, ["new.woff2"]) == fonts.ask_early(HEAD + PAGE, ["new.woff2"])
    assert fonts.ask_early(first, []) == HEAD + PAGE
