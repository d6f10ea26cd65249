"""The site's own cuts of KaTeX's fonts set every formula as the whole fonts do."""
import re
from urllib.parse import urlsplit

import pytest

from tools.project import ROOT

WHOLE = ROOT / "book" / "static" / "katex" / "fonts"
SHOWN = "* { content-visibility: visible !important; }"
SIZES = """async () => {
  const fonts = [...document.fonts].filter((font) => font.family.includes('KaTeX'));
  await Promise.all(fonts.map((font) => font.load().catch(() => 0)));
  await document.fonts.ready;
  return [...document.querySelectorAll('.katex-html .base')].map((each) => {
    const {width, height} = each.getBoundingClientRect();
    return [width, height];
  });
}"""


def whole(route):
    """Answer with the font as KaTeX has it."""
    name = re.sub(r"\.[0-9a-f]{12}", "", urlsplit(route.request.url).path.split("/")[-1])
    route.fulfill(path=WHOLE / name, content_type="font/woff2")


def sizes(browser, address, answer=None):
    """Return the size of each formula's parts on a page whose fonts come as ``answer`` says."""
    context = browser.new_context(bypass_csp=True)
    if answer:
        context.route("**/katex/fonts/*", answer)
    page = context.new_page()
    page.goto(address)
    page.add_style_tag(content=SHOWN)
    found = page.evaluate(SIZES)
    context.close()
    return found


@pytest.mark.parametrize("name", ["book/formula_sheet", "notebooks/02_convolution_math",
                                  "notebooks/11_attention_mechanisms"])
def test_formulas_are_as_wide_and_high_as_with_the_whole_fonts(browser, address, name):
    ours = sizes(browser, f"{address}/{name}.html")
    assert len(ours) > 30
    assert ours == sizes(browser, f"{address}/{name}.html", whole)
    assert ours != sizes(browser, f"{address}/{name}.html", lambda route: route.abort())


def test_scripts_come_after_what_is_painted_first(site):
    pages = [path.read_text(encoding="utf-8") for path in sorted(site.rglob("*.html"))]
    scripts = [tag for page in pages for tag in re.findall(r'<script [^>]*type="module"[^>]*>', page)]
    assert len(scripts) > 100
    assert [tag for tag in scripts if 'fetchpriority="low"' not in tag] == []
    assert all(page.count('rel="preload"') == ('class="katex"' in page) + ("mathnormal" in page) for page in pages)
