"""A reader comes to the place that a link names, and what is being read stays where it is."""
import pytest

from tests.site.reader import NARROW, WIDE

PAGES = ["notebooks/01_why_convolution.html", "notebooks/12_detection_segmentation_intro.html",
         "book/formula_sheet.html"]
SIZES = pytest.mark.parametrize("size", [NARROW, WIDE], ids=["phone", "desk"])
HEADER = 110  # pixels: what may stand above the section that a link leads to, but at the page's end
SETTLE = """async () => {
  const frame = () => new Promise(requestAnimationFrame);
  const state = () => `${document.readyState} ${scrollY} ${document.documentElement.scrollHeight}`;
  for (let still = 0, before = ''; still < 12 || !before.startsWith('complete'); await frame()) {
    still = state() === before ? still + 1 : 0;
    before = state();
  }
}"""
AT_TOP = """([id, header]) => {
  const {top} = document.getElementById(id).getBoundingClientRect();
  return top >= 0 && (top <= header || scrollY + innerHeight >= document.documentElement.scrollHeight - 1);
}"""
MARK = """() => {
  window.marked = document.elementFromPoint(innerWidth / 2, innerHeight / 2);
  window.before = marked.getBoundingClientRect().top;
}"""
SEEN = """() => {
  const middle = document.elementFromPoint(innerWidth / 2, innerHeight / 2);
  return [middle.outerHTML.slice(0, 200), middle.getBoundingClientRect().top];
}"""


def some(names, count=4):
    """Return a few of many, spread evenly, the last of them too."""
    return [names[(number + 1) * len(names) // count - 1] for number in range(count)]


def settle(page):
    """Wait until the page is there and neither moves nor grows."""
    page.evaluate(SETTLE)


def sections(page):
    """Return the ids of a page's sections."""
    return page.evaluate("[...document.querySelectorAll('article section section[id]')].map(({id}) => id)")


@SIZES
@pytest.mark.parametrize("path", PAGES)
def test_a_link_into_a_page_leads_to_its_section(new_page, path, size):
    for name in some(sections(new_page(path, viewport=size))):
        page = new_page(f"{path}#{name}", viewport=size)
        settle(page)
        assert page.evaluate(AT_TOP, [name, HEADER]), name


def test_a_link_into_a_page_leads_there_without_scripts(new_page):
    for name in some(sections(new_page(PAGES[0]))):
        page = new_page(f"{PAGES[0]}#{name}", viewport=WIDE, java_script_enabled=False)
        page.wait_for_timeout(500)  # no frame can be waited for without scripts
        assert 0 <= page.locator(f"[id='{name}']").bounding_box()["y"] <= HEADER, name


def test_the_contents_lead_to_their_sections(new_page):
    page = new_page(PAGES[0], viewport={"width": 1400, "height": 900})
    for name in some(page.evaluate("[...document.querySelectorAll('.toc-tree a')].map(({hash}) => hash.slice(1))")):
        page.locator(f".toc-tree a[href='#{name}']").click()
        settle(page)
        assert page.evaluate(AT_TOP, [name, HEADER]), name


@SIZES
def test_nothing_jumps_on_the_way_up(new_page, size):
    page = new_page(PAGES[0], viewport=size, reduced_motion="reduce")
    settle(page)
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    settle(page)
    page.mouse.move(size["width"] / 2, size["height"] / 2)
    for _ in range(25):
        was = page.evaluate(f"({MARK})() || scrollY")
        page.mouse.wheel(0, -600)
        settle(page)
        moved, scrolled = page.evaluate("[marked.getBoundingClientRect().top - before, scrollY]")
        assert moved == pytest.approx(600, abs=3), (was, scrolled)


@SIZES
def test_a_page_that_is_loaded_again_stands_where_it_stood(new_page, size):
    page = new_page(PAGES[0], viewport=size)
    settle(page)
    for share in (0.2, 0.5, 0.8):
        page.evaluate("(share) => scrollTo(0, share * document.documentElement.scrollHeight)", share)
        settle(page)
        text, top = page.evaluate(SEEN)
        page.reload()
        settle(page)
        assert page.evaluate(SEEN) == [text, pytest.approx(top, abs=3)]
