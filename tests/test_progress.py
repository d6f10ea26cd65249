"""What progress.mjs computes, judged by Python, and what the build tells it."""
import gzip
import json
import random
import re
import sys
from types import SimpleNamespace

import pytest

from cnnlib.widgets import Quiz
from tools.node import call_view, run_module
from tools.project import ROOT

sys.path.insert(0, str(ROOT / "book" / "ext"))

from cnn_book import outline, progress

MARKS = {name: progress.mark_of(name) for name in ("s1", "s2", "s3", "toString", "gone", "ü卷", "")}
SCRIPT = SimpleNamespace(_esm=(ROOT / "book" / "static" / "progress.mjs").read_text(encoding="utf-8"))
ROWS = [{"page": "a", "sections": ["s1", "s2", "s3"], "questions": {"q1": "f1", "q2": "f2"}},
        {"page": "b", "sections": ["s1"], "questions": {}},
        {"page": "constructor", "sections": ["toString"], "questions": {"valueOf": "f3"}}]
BOOK = [row | {"sections": [MARKS[name] for name in row["sections"]]} for row in ROWS]


def stored(answer="1", right=True, of="f1"):
    """Return an answer as the quiz stores it."""
    return json.dumps({"answer": answer, "right": right, "of": of})


def with_answers(calls):
    """Return summarize(book, read, answers) for each (read, answers)."""
    body = ("export const summaries = (calls) => calls.map(([book, read, answers]) => "
            "summarize(book, read, (id) => answers[id] ?? null));")
    source = f"{SCRIPT._esm}\n{body.removeprefix('export ')}"
    questions = json.dumps([[BOOK, read, answers] for read, answers in calls])
    return json.loads(run_module(f"{source}\nprocess.stdout.write(JSON.stringify(summaries({questions})));"))


def twin(read, answers):
    """Return what summarize must return."""
    rows = []
    for page in ROWS:
        done = len(set(page["sections"]) & set(read.get(page["page"], [])))
        mine = [json.loads(answers[name]) for name, mark in page["questions"].items()
                if name in answers and json.loads(answers[name])["of"] == mark]
        state = "read" if done == len(page["sections"]) else "begun" if done or mine else "not begun"
        rows.append({"page": page["page"], "done": done, "sections": len(page["sections"]), "state": state,
                     "right": sum(answer["right"] for answer in mine), "questions": len(page["questions"])})
    return rows


def test_rows_are_what_python_counts():
    rng, calls = random.Random(0), []
    for _ in range(300):
        read = {page: rng.sample(["s1", "s2", "s3", "gone", "toString"], rng.randint(0, 4))
                for page in rng.sample(["a", "b", "constructor", "old"], rng.randint(0, 4))}
        answers = {name: stored(right=rng.random() < 0.7, of=rng.choice([mark, mark, "old"]))
                   for name, mark in (("q1", "f1"), ("q2", "f2"), ("valueOf", "f3")) if rng.random() < 0.6}
        calls.append((read, answers))
    assert with_answers(calls) == [twin(*call) for call in calls]


@pytest.mark.parametrize(("state", "right", "words"), [
    ("not begun", 0, "not begun"), ("begun", 1, "begun, 1 of 2 quiz questions right"),
    ("read", 2, "read, quizzes all right")])
def test_a_mark_has_words(state, right, words):
    assert call_view(SCRIPT, "inWords", [[{"state": state, "right": right, "questions": 2}]]) == [words]


def test_a_page_without_questions_has_no_star():
    assert call_view(SCRIPT, "allRight", [[{"right": 0, "questions": 0}]]) == [False]


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "null", '{"a": 1}', '{"a": [1]}', '"a"', "\u0000"])
def test_nonsense_is_known(text):
    assert call_view(SCRIPT, "readSections", [[text]]) == [None]
    assert call_view(SCRIPT, "answerOf", [[text, "f1"]]) == [None]


def test_nothing_stored_is_an_empty_book():
    assert call_view(SCRIPT, "readSections", [[None]]) == [{}]


@pytest.mark.parametrize("text", [stored(of="f2"), stored(right="yes"), stored(answer=None), stored(answer=[1])])
def test_an_answer_to_another_question_is_none(text):
    assert call_view(SCRIPT, "answerOf", [[text, "f1"]]) == [None]


def test_marks_are_the_same_in_both_languages():
    assert call_view(SCRIPT, "markOf", [[name] for name in MARKS]) == list(MARKS.values())
    assert all(len(mark) == 4 for mark in MARKS.values()) and len(set(MARKS.values())) == len(MARKS)


def test_what_every_page_loads_is_short():
    row = {"page": "a", "title": "A", "sections": ["s1"], "questions": {"q1": "1abcdef"}}
    assert progress.marked(row) == {"page": "a", "sections": [MARKS["s1"]], "questions": {"q1": "def"}}


def test_a_section_is_added_once():
    assert call_view(SCRIPT, "withSection", [[{}, "a", "s1"], [{"a": ["s1"]}, "a", "s2"], [{"a": ["s1"]}, "a", "s1"],
                                             [{}, "constructor", "x"]]) == [
        {"a": ["s1"]}, {"a": ["s1", "s2"]}, {"a": ["s1"]}, {"constructor": ["x"]}]


def exported(read, answers):
    """Return the text of the file."""
    return run_module(f"{SCRIPT._esm}\nconst answers = {json.dumps(answers)};\nprocess.stdout.write("
                      f"toFile({json.dumps(BOOK)}, {json.dumps(read)}, (id) => answers[id] ?? null));")


def test_a_file_brings_everything_back_and_takes_nothing_away():
    read, answers = {"a": ["s2", "gone", "s1"], "gone": ["x"]}, {"q1": stored(), "q2": stored(of="old")}
    text = exported(read, answers)
    assert json.loads(text) == {"format": "cnnlib-progress", "version": 1, "read": {"a": ["s2", "s1"]},
                                "answers": {"q1": {"answer": "1", "right": True, "of": "f1"}}}
    [fresh, merged] = call_view(SCRIPT, "fromFile", [[BOOK, {}, text], [BOOK, {"a": ["s3"], "b": ["s1"]}, text]])
    assert fresh["read"] == {"a": ["s2", "s1"]} and merged["read"] == {"a": ["s3", "s2", "s1"], "b": ["s1"]}
    assert {name: json.loads(answer) for name, answer in fresh["answers"].items()} == {"q1": json.loads(answers["q1"])}
    assert exported(fresh["read"], fresh["answers"]) == text


def test_what_the_book_does_not_know_is_not_taken():
    file = {"format": "cnnlib-progress", "version": 1, "read": {"__proto__": ["s1"], "a": ["x", "s1"], "z": ["s1"]},
            "answers": {"q1": {"answer": "<b>", "right": True, "of": "f1", "more": 1}, "other": {"right": True}}}
    [taken] = call_view(SCRIPT, "fromFile", [[BOOK, {}, json.dumps(file)]])
    assert taken == {"read": {"a": ["s1"]}, "answers": {"q1": '{"answer":"<b>","right":true,"of":"f1"}'}}


@pytest.mark.parametrize(("file", "message"), [
    ("{", "no file of progress"), ("[]", "no file of progress"), ("null", "no file of progress"),
    ('{"format": "cnnlib-progress", "version": 2}', "newer edition"),
    ('{"format": "cnnlib-progress", "version": 1}', "damaged"),
    ('{"format": "cnnlib-progress", "version": 1, "read": {"a": 1}, "answers": {}}', "damaged"),
    ('{"format": "cnnlib-progress", "version": 1, "read": {}, "answers": []}', "damaged")])
def test_a_wrong_file_says_what_is_wrong(file, message):
    with pytest.raises(RuntimeError, match=message):
        call_view(SCRIPT, "fromFile", [[BOOK, {}, file]])


@pytest.mark.parametrize(("name", "trouble"), [("SecurityError", "off"), ("QuotaExceededError", "full")])
def test_storage_that_throws_is_replaced_by_memory(name, trouble):
    source = f"""{SCRIPT._esm}
        const broken = new Proxy({{}}, {{ get() {{ throw new DOMException("no", "{name}"); }} }});
        const store = openStore(() => broken);
        store.set("k", "v");
        const kept = [store.get("k"), store.get("x")];
        store.remove("k");
        process.stdout.write(JSON.stringify([kept, store.get("k"), store.keys(), [...store.trouble]]));"""
    assert json.loads(run_module(source)) == [["v", None], None, [], [trouble]]


PAGE = """<aside><section id="no"><h2>No</h2></section></aside><article role="main" id="furo-main-content">
<section id="title"><h1>A <code>b</code> &amp; c<a class="headerlink" href="#title">¶</a></h1><p>Text<br>one.</p>
<section id="x"><h2>X <span class="katex"><math><semantics><annotation>k^2</annotation></semantics></math>kk</span></h2>
<div class="highlight"><pre>code</pre></div><section id="y"><h3>Y</h3><svg><text>no</text></svg></section>
after</section><section id="z"><h2>Z</h2><dl><dt id="t">term</dt><dd>said</dd></dl>
<div class="cnn-widget"><p>no</p></div></section></section></article>"""


def test_sections_are_read_in_order_with_their_own_text():
    title, x, y, z = outline.parts_of(PAGE)
    assert [(part.id, part.level, part.title) for part in (title, x, y, z)] == [
        ("title", 1, "A b & c"), ("x", 2, "X k^2"), ("y", 3, "Y"), ("z", 2, "Z")]
    assert "".join(title.text).split() == ["Text", "one."]
    assert x.code == ["code"] and "".join(x.text).split() == ["after"] and not "".join(y.text).strip()
    assert z.terms == [["t", "term"]] and z.widgets == 1 and outline.parts_of("<p>no article</p>") == []


def test_the_outline_has_each_question_with_the_fingerprint_that_the_quiz_stores(tmp_path):
    quiz = Quiz([{"id": "two", "ask": "1 + 1?", "objective": 1, "answer": 2.0, "why": "Yes.", "wrong": {11: "No."},
                  "otherwise": "Again."}])
    folder = tmp_path / "_static" / "widgets"
    folder.mkdir(parents=True)
    (folder / "Quiz.0.mjs").write_text(quiz._esm)
    (folder / "questions.0.json").write_text(json.dumps(quiz.questions))
    state = json.dumps({"models": {"w0": {"files": {"questions": "questions.0.json"}}}})
    html = f'{PAGE}<script id="cnn-widgets" type="application/json">{state}</script>'
    plain = '<article role="main"><section id="only"><h1>Only</h1></section></article>'
    rows = progress.outline({"notebooks/a": html, "book/b": plain}, tmp_path)
    asked = {"ask": "1 + 1?", "answer": 2}  # JavaScript has one kind of number
    text = json.dumps([asked["ask"], None, asked["answer"]], separators=(",", ":"))
    fingerprint = 5381
    for char in text:
        fingerprint = (fingerprint * 33 ^ ord(char)) % 2**32
    assert int(rows[0]["questions"].pop("two"), 36) == fingerprint
    assert rows == [{"page": "notebooks/a", "title": "A b & c", "sections": ["x", "y", "z"], "questions": {}},
                    {"page": "book/b", "title": "Only", "sections": ["only"], "questions": {}}]
    table = progress.table(rows)
    assert re.findall('data-page="([^"]+)"', table) == ["notebooks/a"] and "A b &amp; c" in table
    assert table.count("</span> of 3</td>") == 2  # the chapter's and the sum's


def test_every_page_is_told_where_the_outline_is(tmp_path):
    (tmp_path / "notebooks").mkdir()
    meta = '<meta name="cnn-book" content=""><meta name="other" content="">'
    for name in ("search.html", "notebooks/a.html"):
        (tmp_path / name).write_text(meta)
    outline.point(SimpleNamespace(outdir=tmp_path), "cnn-book", "_static/book.1.json")
    outline.point(SimpleNamespace(outdir=tmp_path), "cnn-book", "_static/book.2.json")  # the next build
    assert (tmp_path / "search.html").read_text().startswith('<meta name="cnn-book" content="_static/book.2.json">')
    assert (tmp_path / "notebooks" / "a.html").read_text() == (
        '<meta name="cnn-book" content="../_static/book.2.json"><meta name="other" content="">')


def test_storage_that_keeps_nothing_is_replaced_by_memory():
    source = f"""{SCRIPT._esm}
        const store = openStore(() => ({{ getItem: () => null, setItem() {{}}, removeItem() {{}} }}));
        const before = [...store.trouble];
        store.set("k", "v");
        process.stdout.write(JSON.stringify([before, store.get("k"), [...store.trouble]]));"""
    assert json.loads(run_module(source)) == [[], "v", ["off"]]


def test_the_script_is_small():
    assert len(gzip.compress(SCRIPT._esm.encode())) <= 6 * 1024
