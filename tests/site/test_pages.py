"""Every page: nothing from elsewhere, nothing shifts, light enough, readable by all."""
import gzip
import random
import re
import time
from html import unescape
from urllib.parse import urlsplit

import pytest

from benchmarks.website import SITE, VIEW, sizes
from grading.leaks import hidden_lines, leaks
from tests.site.pages import PAGES, SHIFT, open_all
from tests.site.pictures import poor_texts, texts
from tests.site.reader import NARROW, WIDE, wait_until
from tools.clean import read
from tools.project import ROOT, notebooks
from tools.serve import Handler

LIMIT = 200 * 1024  # bytes, gzipped, pictures not counted
PICTURES = (".png", ".bmp", ".jpeg", ".svg", ".webp")
def drip(handler, source, target):
    """Send a page in a hundred parts, as a slow line does; the rest at once."""
    text = source.read()
    size = len(text) // 100 + 1 if handler.path.endswith(".html") else len(text) + 1
    for start in range(0, len(text), size):
        target.write(text[start:start + size])
        time.sleep(0.02)


def dead_links(site, name):
    """Return the links of a page into the site that lead to no page or to no place on it."""
    html, dead = (site / f"{name}.html").read_text(encoding="utf-8"), []
    for link in set(re.findall(r'<a [^>]*href="([^":]*)"', html)):
        path, _, place = unescape(link).partition("#")
        target = (site / name).parent / path if path else site / f"{name}.html"
        if not target.exists() or (place and f'id="{place}"' not in target.read_text(encoding="utf-8")):
            dead.append(link)
    return dead


def weight(urls, site):
    """Return the bytes of what was loaded, gzipped where a server would, without pictures."""
    files = {site / urlsplit(url).path.lstrip("/") for url in urls}
    texts = [file.read_bytes() for file in files if file.suffix not in PICTURES]
    return sum(min(len(text), len(gzip.compress(text))) for text in texts)


@pytest.mark.parametrize("name", PAGES)
def test_narrow_page_is_light_and_still(new_page, address, site, name):
    page, urls = new_page(viewport={"width": 320, "height": 700}), []
    page.on("response", lambda answer: urls.append(answer.url))
    page.goto(f"{address}/{name}.html", wait_until="networkidle")
    assert weight(urls, site) <= LIMIT
    open_all(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    assert page.evaluate(SHIFT) <= 0.02


@pytest.mark.parametrize("name", [name for name in PAGES if name.startswith("book/")])
def test_every_link_leads_somewhere(site, name):
    """Links that are drawn as HTML are not checked by Sphinx."""
    assert dead_links(site, name) == []


def test_a_dead_link_is_seen(tmp_path):
    (tmp_path / "book").mkdir()
    (tmp_path / "a.html").write_text('<h2 id="one">One</h2>')
    (tmp_path / "book" / "b.html").write_text('<p id="me"><a href="#me"></a><a class="x" href="../a.html#one"></a>'
                                              '<a href="../a.html#two"></a><a href="c.html"></a><a href="https://d#e"></a>')
    assert sorted(dead_links(tmp_path, "book/b")) == ["../a.html#two", "c.html"]


@pytest.mark.parametrize("name", PAGES)
def test_pictures_have_texts_that_stand_for_them(site, name):
    html = (site / f"{name}.html").read_text(encoding="utf-8")
    assert poor_texts(html[html.index("<article"):html.index("</article>")]) == []


def test_a_poor_text_is_seen():
    long = "A gray disc in the middle of a white square of nine cells."
    assert texts(f'<svg role="img" aria-label="{long}"></svg><img src="a.png">') == [long, ""]
    assert poor_texts(f'<img alt="{long}"><svg aria-label="not a picture"></svg>') == []
    assert poor_texts('<img alt="A gray disc."><img>') == ["A gray disc.", ""]
    repeated = f'<figure><img alt="{long}"><figcaption>{long[:-1]}, <b>drawn</b>.</figcaption></figure>'
    assert poor_texts(repeated) == [long]


@pytest.mark.parametrize("name", ["book/index", "book/topics", "notebooks/02_convolution_math"])
def test_page_is_still_while_it_arrives(new_page, monkeypatch, name):
    monkeypatch.setattr(Handler, "copyfile", drip)
    page = new_page(f"{name}.html", viewport={"width": 320, "height": 700})
    assert page.evaluate(SHIFT) <= 0.02


def test_code_is_dark_where_the_page_is_dark(new_page):
    page = new_page("notebooks/02_convolution_math.html", color_scheme="dark")
    lightness = "(name) => getComputedStyle(document.querySelector(name)).backgroundColor.match(/\\d+/g).map(Number)"
    for name in ("body", "div.cell_input div.highlight"):
        assert max(page.evaluate(lightness, name)) < 80, name


def test_a_table_takes_the_focus_where_it_scrolls(new_page):
    page = new_page("notebooks/00_before_you_start.html", viewport=NARROW)
    open_all(page)
    wide = "() => [...document.querySelectorAll('.table-wrapper')].filter((box) => box.tabIndex === 0).length"
    wait_until(page, f"() => ({wide})() > 0")
    page.set_viewport_size(WIDE)
    wait_until(page, f"() => ({wide})() === 0")


def test_weight_counts_what_the_page_loads(tmp_path):
    (tmp_path / "a.css").write_text("x" * 10_000)
    (tmp_path / "b.png").write_bytes(bytes(10_000))
    assert 0 < weight(["http://host/a.css", "http://host/a.css?v=1", "http://host/b.png"], tmp_path) < 200


def test_site_and_views_are_small(site):
    views, whole = sizes(site)
    assert len(views) > 25 and max(views.values()) <= VIEW
    assert 1_000_000 < whole <= SITE


def test_a_large_view_is_seen_in_its_gzipped_size(tmp_path):
    folder = tmp_path / "_static" / "widgets"
    folder.mkdir(parents=True)
    (folder / "Even.0123.mjs").write_bytes(bytes(100_000))
    (folder / "Mixed.4567.mjs").write_bytes(random.Random(0).randbytes(100_000))
    views, whole = sizes(tmp_path)
    assert views["Even"] < VIEW < views["Mixed"] and whole == 200_000


def test_layout_shift_is_seen(new_page, address):
    page = new_page("book/index.html", viewport={"width": 800, "height": 700})
    push = "document.querySelector('article').insertAdjacentHTML('afterbegin', '<p style=height:300px></p>')"
    page.evaluate(push)
    assert page.evaluate(SHIFT) > 0.02


@pytest.mark.parametrize("name", PAGES)
def test_nothing_unused_is_on_the_page(site, name):
    html = (site / f"{name}.html").read_text(encoding="utf-8").lower()
    loaded = re.findall(r'<(?:script|link|img)[^>]*(?:src|href)="([^"]+)"', html)
    assert len(loaded) > 5
    for word in ("thebe", "require", "mathjax", "toggle", "design", "sphinx-book", "//"):
        assert not [address for address in loaded if word in address], word
    assert "kernelname" not in html and "thebe" not in html


def test_website_shows_no_solution_of_an_assignment(site):
    """Lines that stand in a chapter, such as torch.manual_seed(seed), tell nobody anything."""
    sources = [ROOT / "notebooks" / "exercises"]
    public = [cell.source for path in notebooks() for cell in read(path).cells]
    shown = {" ".join(line.split()) for text in public for line in text.splitlines()}
    assert len(hidden_lines(sources) - shown) > 0.9 * len(hidden_lines(sources))
    assert leaks([site], sources, own=public) == []


def test_code_is_copied_from_the_keyboard_and_outputs_have_no_button(new_page):
    page = new_page("notebooks/02_convolution_math.html", permissions=["clipboard-read", "clipboard-write"])
    code = page.locator("div.cell_input .highlight:visible").first
    button = code.get_by_role("button", name="Copy to clipboard")
    wait_until(page, "() => document.querySelector('button.copybtn')")
    assert button.evaluate("(each) => getComputedStyle(each).opacity") == "0"
    page.keyboard.press("Tab")  # from here on the focus is the keyboard's
    button.focus()
    wait_until(page, "(each) => getComputedStyle(each).opacity === '1'", arg=button.element_handle())
    page.keyboard.press("Enter")
    assert page.evaluate("navigator.clipboard.readText()").strip() == code.locator("pre").inner_text().strip()
    assert page.locator(".cell_output .highlight").count() and not page.locator(".cell_output button.copybtn").count()


def test_far_sections_are_not_laid_out_before_the_reader_comes(new_page):
    page = new_page("notebooks/07a_inception_family.html", viewport={"width": 412, "height": 800})
    wait_until(page, "() => document.querySelector('button.copybtn')")  # all scripts have run
    heights = "() => [...document.querySelectorAll('article > section > section')].map((s) => s.offsetHeight)"
    before = page.evaluate(heights)
    open_all(page)
    after = page.evaluate(heights)
    assert before.count(6000) > len(before) / 2 and after.count(6000) == 0, (before, after)
    assert page.locator(".cnn-blank").count() == 0  # every question has its field by now


def test_the_tab_key_finds_the_first_field_of_every_widget(new_page):
    page = new_page("notebooks/07a_inception_family.html", viewport={"width": 412, "height": 800})
    assert page.locator(".cnn-widget[data-state]").count() < page.locator(".cnn-widget").count() / 2
    page.evaluate("""() => { window.first = new Map(); document.addEventListener('focusin', ({target}) => {
        const root = target.closest('.cnn-widget');
        if (root && !window.first.has(root)) window.first.set(root, target); }); }""")
    page.locator("footer a").last.evaluate("(link) => link.id = 'last'")
    while page.evaluate("document.activeElement.id") != "last":
        page.keyboard.press("Tab")
    missed = page.evaluate("""() => [...document.querySelectorAll('.cnn-widget')].filter((root) =>
        window.first.get(root) !== root.querySelector('input, select, button, [tabindex]'))
        .map((root) => root.innerText)""")
    assert missed == []


def test_theme_and_page_contents_follow_the_reader(new_page):
    page = new_page("notebooks/02_convolution_math.html", viewport={"width": 1400, "height": 900})
    wait_until(page, "() => !document.documentElement.classList.contains('no-js')")
    page.locator(".theme-toggle:visible").first.click()
    assert page.evaluate("document.body.dataset.theme") in ("light", "dark")
    last = page.locator(".toc-tree a").last
    page.goto(f"{page.url}{last.get_attribute('href')}")
    wait_until(page, "(link) => link.closest('.scroll-current')", arg=last.element_handle())
