"""What was read is marked in every tab, and the page of progress saves, forgets and loads it."""
import json

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.site.pages import SHIFT

OVERVIEW, CHAPTER, OTHER = "book/progress", "notebooks/02_convolution_math", "notebooks/04_pooling_layers"
BOOK = """async () => (await fetch(document.querySelector('meta[name="cnn-book"]').content)).json()"""
SECTIONS = """async (address) => {
  const page = new DOMParser().parseFromString(await (await fetch(address)).text(), 'text/html');
  return [...page.querySelectorAll('article section')].map((section) => section.id);
}"""
FILL = """([page, sections, questions]) => {
  localStorage.setItem('cnnlib.progress', JSON.stringify({[page]: sections}));
  for (const [id, of] of Object.entries(questions)) {
    localStorage.setItem('cnnlib.quiz.' + id, JSON.stringify({answer: '1', right: true, of: 'x' + of}));
  }
}"""
STORED = "Object.fromEntries(Object.entries(localStorage).filter(([key]) => key.startsWith('cnnlib.')).sort())"
OFF = """Object.defineProperty(window, 'localStorage', {configurable: true, get() {
  throw new DOMException('no', 'SecurityError'); }});"""
FULL = "Storage.prototype.setItem = () => { throw new DOMException('no', 'QuotaExceededError'); };"
WIDE = {"viewport": {"width": 1280, "height": 900}}


def mark(page, title):
    """Return a page's mark in the contents."""
    link = page.locator(".sidebar-tree a", has_text=title).first
    link.locator(".cnn-mark svg").first.wait_for(state="attached")
    return link.locator(".cnn-said").inner_text().removeprefix(", ")


def fill(page, name=CHAPTER, *, sections=None):
    """Store a chapter as read, or its first sections, with every quiz right, and return the chapter's row."""
    [row] = [row for row in page.evaluate(BOOK) if row["page"] == name]
    ids = page.evaluate(SECTIONS, f"/{name}.html")[1:]  # the first is the page's own
    assert len(row["sections"]) == len(ids)
    page.evaluate(FILL, [name, ids[:sections], row["questions"]])
    return row


def test_a_section_on_the_screen_for_some_seconds_is_read_in_every_tab(new_page, address):
    page = new_page(f"{CHAPTER}.html", **WIDE)
    tab = page.context.new_page()
    tab.goto(f"{address}/{OVERVIEW}.html")
    assert mark(tab, "Convolution math") == "not begun" and mark(tab, "Your progress") == "not begun"
    page.bring_to_front()
    page.wait_for_function("() => localStorage.getItem('cnnlib.progress')", timeout=20_000)
    read = json.loads(page.evaluate("localStorage.getItem('cnnlib.progress')"))
    assert "one-window-one-number" in read[CHAPTER] and "summary" not in read[CHAPTER]
    assert mark(page, "Convolution math") == "begun"
    tab.wait_for_function("() => document.querySelector('.sidebar-tree').innerText.includes(', begun')")
    assert mark(tab, "Convolution math") == "begun"
    row = tab.locator(f'tr[data-page="{CHAPTER}"]')
    assert int(row.locator("[data-of=sections]").inner_text()) == len(read[CHAPTER])


def test_an_answer_counts_at_once(new_page):
    page = new_page(f"{CHAPTER}.html", **WIDE)
    row = fill(page, sections=0)
    page.reload()
    assert mark(page, "Convolution math") == "begun, quizzes all right"
    name = next(iter(row["questions"]))
    form = page.locator(f'.cnn-widget:has([data-question="{name}"])')
    form.evaluate("""async (root) => { while (root.dataset.state !== 'ready') {
        root.scrollIntoView(); await new Promise((go) => setTimeout(go, 30)); } }""")
    question = page.locator(f'form[data-question="{name}"]')
    wrong = question.evaluate("""(form) => { for (const input of form.querySelectorAll('input')) {
        if (input.type === 'radio') input.click(); else input.value = '98765.4';
        form.querySelector('button').click();
        if (form.dataset.result === 'wrong') return true; } }""")
    total = len(row["questions"])
    page.wait_for_function("(words) => document.querySelector('.current-page .cnn-said').innerText.includes(words)",
                           arg=f"{total - 1} of {total} quiz questions right")
    assert wrong


def test_save_forget_load_gives_the_same(new_page, address, tmp_path):
    page = new_page(f"{OVERVIEW}.html", **WIDE)
    row = fill(page)
    page.evaluate("localStorage.setItem('theme', 'light')")
    page.reload()
    assert mark(page, "Convolution math") == "read, quizzes all right"
    line = page.locator(f'tr[data-page="{CHAPTER}"]')
    counts = [f"{n} of {n}" for n in (len(row["sections"]), len(row["questions"]))]
    assert line.locator("td").all_inner_texts() == counts
    before = page.evaluate(STORED)
    with page.expect_download() as download:
        page.get_by_role("button", name="Save to a file").click()
    download.value.save_as(tmp_path / "progress.json")

    page.get_by_role("button", name="Forget everything").click()
    page.get_by_role("button", name="Keep it").click()
    assert page.evaluate(STORED)["cnnlib.progress"] == before["cnnlib.progress"]
    page.get_by_role("button", name="Forget everything").click()
    page.keyboard.press("Escape")
    assert page.evaluate(STORED)["cnnlib.progress"] == before["cnnlib.progress"]
    page.get_by_role("button", name="Forget everything").click()
    page.get_by_role("button", name="Forget it").click()
    page.get_by_text("All marks and answers are gone").wait_for()
    assert mark(page, "Convolution math") == "not begun"
    assert not [key for key in page.evaluate(STORED) if key.startswith("cnnlib.quiz.")]
    assert page.evaluate("localStorage.getItem('theme')") == "light"

    page.locator("#cnn-progress input").set_input_files(tmp_path / "progress.json")
    page.get_by_text("added to yours").wait_for()
    after = page.evaluate(STORED)
    assert {key: text for key, text in after.items() if "quiz" in key} == {
        key: text for key, text in before.items() if "quiz" in key}
    assert json.loads(after["cnnlib.progress"])[CHAPTER] == json.loads(before["cnnlib.progress"])[CHAPTER]
    assert mark(page, "Convolution math") == "read, quizzes all right"
    page.locator("#cnn-progress input").set_input_files({"name": "x", "mimeType": "text/plain", "buffer": b"{"})
    page.get_by_text("This is no file of progress").wait_for()
    assert mark(page, "Convolution math") == "read, quizzes all right"


def test_the_keyboard_alone_forgets(new_page):
    page = new_page(f"{OVERVIEW}.html", viewport={"width": 320, "height": 700}, reduced_motion="reduce")
    fill(page)
    page.reload()
    page.wait_for_function("() => !document.querySelector('[data-do=reset]').disabled")
    page.locator("[data-do=load]").focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Forget everything"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.textContent") == "Keep it"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_text("All marks and answers are gone").wait_for()
    assert page.evaluate("document.activeElement.textContent") == "Forget everything"
    moving = "[...document.querySelectorAll('.cnn-mark, .cnn-mark *')].filter((each) => each.getAnimations().length)"
    assert page.evaluate(f"{moving}.length") == 0


@pytest.mark.parametrize(("script", "words"), [
    (OFF, "keeps nothing for the book"), (FULL, "storage for the book is full")], ids=["off", "full"])
def test_where_storage_fails_only_the_overview_says_so(new_page, address, script, words):
    page = new_page(**WIDE)
    page.add_init_script(script)
    page.goto(f"{address}/{CHAPTER}.html")
    assert mark(page, "Convolution math") == "not begun" and words not in page.inner_text("body")
    begun = "() => document.querySelector('.current-page .cnn-said').innerText === ', begun'"
    page.wait_for_function(begun, timeout=20_000)
    page.goto(f"{address}/{OVERVIEW}.html")
    page.get_by_text(words).wait_for()
    assert mark(page, "Convolution math") == "not begun"


@pytest.mark.parametrize("text", ["{", "[1]", '{"a": 1}'])
def test_nonsense_in_the_storage_is_left_out(new_page, address, text):
    page = new_page(f"{OVERVIEW}.html", **WIDE)
    page.evaluate("(text) => localStorage.setItem('cnnlib.progress', text)", text)
    page.evaluate("(text) => localStorage.setItem('cnnlib.quiz.x', text)", text)
    page.reload()
    page.get_by_text("could not be read").wait_for()
    assert mark(page, "Convolution math") == "not begun"


def test_marks_move_nothing_and_pass_axe(new_page):
    page = new_page(f"{OVERVIEW}.html", **WIDE)
    fill(page)
    page.reload()
    assert mark(page, "Convolution math") == "read, quizzes all right"
    assert page.evaluate(SHIFT) <= 0.001
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for dialog in (False, True):
            if dialog:
                page.get_by_role("button", name="Forget everything").click()
            assert not [rule["id"] for rule in Axe().run(page).response["violations"]], (scheme, dialog)
        page.keyboard.press("Escape")


def test_without_scripts_the_page_has_no_dead_buttons(new_page):
    page = new_page(f"{OVERVIEW}.html", java_script_enabled=False, **WIDE)
    assert not page.get_by_role("button", name="Save to a file").is_visible()
    assert page.get_by_role("heading", name="Where this is kept").is_visible()
