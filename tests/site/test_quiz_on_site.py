"""Every question of every notebook, answered in every way on the built site."""
import json
import re

import pytest

from tests.site.reader import come_to
from tools.project import notebooks

PAGES = [f"notebooks/{path.stem}.html" for path in notebooks()]

ANSWER = """(form, answers) => answers.map((answer) => {
  const inputs = [...form.querySelectorAll('input')];
  if (inputs[0].type === 'radio') inputs[answer].click();
  else inputs[0].value = String(answer);
  [...form.querySelectorAll('button')].find((button) => button.textContent.trim() === 'Check').click();
  return form.querySelector('.cnn-feedback').innerText;
})"""


def questions_of(site, path):
    """Return the questions of a page by id, from what the build stored."""
    text = (site / path).read_text(encoding="utf-8")
    page = re.search(r'<script id="cnn-widgets"[^>]*>(.*?)</script>', text, re.S)[1]
    found = {}
    for model in json.loads(page)["models"].values():
        name = model.get("files", {}).get("questions")
        stored = json.loads((site / "_static" / "widgets" / name).read_text()) if name else model.get("questions", [])
        found |= {question["id"]: question for question in stored}
    return found


def ready(page, name):
    """Scroll to a question, wait until its quiz listens, and return its form."""
    question = f'[data-question="{name}"]'
    return come_to(page.locator(f".cnn-widget:has({question})")).locator(question)


def plain(text):
    """Return a text without the marks of code."""
    return " ".join(text.replace("`", "").split())


@pytest.mark.parametrize("path", PAGES)
def test_every_answer_shows_its_feedback(new_page, site, path):
    page, questions = new_page(path, viewport={"width": 1000, "height": 900}), questions_of(site, path)
    assert questions
    for name, question in questions.items():
        form = ready(page, name)
        if "options" in question:
            cases = [(i, option.get("right", False), option["why"]) for i, option in enumerate(question["options"])]
        else:
            cases = [(question["answer"], True, question["why"]), (123456.7, False, question["otherwise"]),
                     *((number, False, text) for number, text in question["wrong"])]
        shown = form.evaluate(ANSWER, [answer for answer, _, _ in cases])
        for (answer, right, text), said in zip(cases, shown, strict=True):
            expected = plain(f"{'✓ Right.' if right else '✗ Not quite.'} {text}")
            assert " ".join(said.split()) == expected, (name, answer)


@pytest.fixture
def first_choice(site):
    """Return (page, id, question) of the first choice in the book."""
    for path in PAGES:
        for name, question in questions_of(site, path).items():
            if "options" in question:
                return path, name, question
    raise AssertionError("the book has no choice question")


def test_keyboard_alone_answers_and_the_answer_is_remembered(new_page, first_choice):
    path, name, question = first_choice
    page = new_page(path, viewport={"width": 320, "height": 700})
    form = ready(page, name)
    form.locator("input").first.focus()
    page.keyboard.press("ArrowDown")  # chooses the second option
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Check"
    page.keyboard.press("Enter")
    said = form.locator(".cnn-feedback").inner_text()
    assert plain(question["options"][1]["why"]) in " ".join(said.split())
    page.reload()
    assert ready(page, name).locator(".cnn-feedback").inner_text() == said
    stored = page.evaluate("(key) => JSON.parse(localStorage.getItem(key))", f"cnnlib.quiz.{name}")
    assert stored["answer"] == "1" and stored["right"] == question["options"][1].get("right", False)


def test_quiz_works_where_storage_is_off(new_page, address, first_choice):
    path, name, _ = first_choice
    page = new_page()
    page.add_init_script("""for (const name of ['getItem', 'setItem']) {
        const old = Storage.prototype[name];
        Storage.prototype[name] = function (key, ...rest) {
            if (String(key).startsWith('cnnlib.')) throw new DOMException('storage is off');
            return old.call(this, key, ...rest); }; }""")
    page.goto(f"{address}/{path}")
    form = ready(page, name)
    form.locator("input").first.check()
    form.get_by_role("button", name="Check").click()
    assert form.locator(".cnn-feedback").inner_text()


def test_check_without_an_answer_asks_for_one(new_page, first_choice):
    path, name, _ = first_choice
    page = new_page(path)
    form = ready(page, name)
    form.get_by_role("button", name="Check").click()
    assert form.locator(".cnn-feedback").inner_text() == "Choose an answer first."
    assert not page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('cnnlib.quiz.'))")


def test_cleanup_leaves_no_listener(new_page, first_choice, site):
    path, name, _ = first_choice
    page = new_page(path)
    ready(page, name)
    script = next((site / "_static" / "widgets").glob("Quiz.*.mjs")).name
    left = page.evaluate("""async (address) => {
        const {default: view} = await import(address);
        const el = document.body.appendChild(document.createElement('div'));
        const add = el.addEventListener.bind(el), remove = el.removeEventListener.bind(el);
        const held = new Map();
        el.addEventListener = (name, f) => { held.set(name, f); add(name, f); };
        el.removeEventListener = (name, f) => { if (held.get(name) === f) held.delete(name); remove(name, f); };
        const question = {id: 'q', ask: '?', options: [{text: 'a', why: 'b', right: true}, {text: 'c', why: 'd'}]};
        const model = {get: () => [question], on() {}, off() {}, set() {}, save_changes() {}};
        const cleanup = view.render({model, el});
        const during = held.size;
        cleanup();
        const after = held.size;
        el.remove();
        return [during, after, el.innerHTML];
    }""", f"../_static/widgets/{script}")
    assert left[0] > 0 and left[1:] == [0, ""]
