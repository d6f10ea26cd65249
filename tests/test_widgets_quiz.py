import itertools
import random
import re

import pytest

from cnnlib.widgets import Quiz
from tools.node import call_view

CHOICE = {"id": "flip", "ask": "Is the kernel of `conv2d` flipped?", "objective": 1, "options": [
    {"text": "No", "right": True, "why": "It is cross-correlation."},
    {"text": "Yes", "why": "That would be a true convolution."}]}
NUMERIC = {"id": "stem", "ask": "How many windows fit?", "objective": 2, "recall": "01", "answer": 112,
           "wrong": {111: "One is missing.", 112.5: "Half a window?"}, "otherwise": "Put it into the formula.",
           "why": "Half of 224."}


def stored(question):
    """Return a question as the view gets it."""
    return Quiz([question]).questions[0]


@pytest.mark.parametrize(("question", "answer", "right", "text"), [
    (CHOICE, "0", True, "It is cross-correlation."),
    (CHOICE, "1", False, "That would be a true convolution."),
    (CHOICE, None, None, "Choose an answer first."),
    (NUMERIC, "112", True, "Half of 224."),
    (NUMERIC, " 1.12e2 ", True, "Half of 224."),
    (NUMERIC, "224/2", True, "Half of 224."),
    (NUMERIC, "111", False, "One is missing."),
    (NUMERIC, "112.5", False, "Half a window?"),
    (NUMERIC, "113", False, "Put it into the formula."),
    (NUMERIC, "", None, "Write a number, such as 12 or 0.5."),
    (NUMERIC, "many", None, "Write a number, such as 12 or 0.5."),
    ({**NUMERIC, "tolerance": 0.4}, "112.4", True, "Half of 224."),
])
def test_every_answer_gets_its_feedback(question, answer, right, text):
    assert call_view(Quiz, "judge", [[stored(question), answer]]) == [{"right": right, "text": text}]


def test_2_000_numbers_are_read_as_python_reads_them():
    rng = random.Random(0)
    texts = [repr(rng.choice([1, -1]) * rng.random() * 10.0 ** rng.randint(-300, 300)) for _ in range(1_000)]
    texts += [f"{rng.randint(-10**9, 10**9) // 10**rng.randint(0, 9):,}" for _ in range(1_000)]
    read = call_view(Quiz, "parseNumber", [[text] for text in texts])
    assert [float(value) for value in read] == [float(text.replace(",", "")) for text in texts]


@pytest.mark.parametrize(("text", "value"), [
    ("1 000", 1000), ("−2", -2), ("5/2", 2.5), (".5", 0.5), ("1,5", None), ("1,00", None), ("5/0", None),
    ("1/2/3", None), ("0x10", None), ("", None), ("ten", None), ("12 px", None)])
def test_what_is_a_number_and_what_is_not(text, value):
    assert call_view(Quiz, "parseNumber", [[text]]) == [value]


def test_text_is_escaped_and_backticks_are_code():
    question = {**CHOICE, "ask": "<script>alert(1)</script> `a < b`"}
    [html] = call_view(Quiz, "draw", [[{"questions": [question]}]])
    assert "<script>" not in html and "<code>a &lt; b</code>" in html


def test_static_picture_holds_no_feedback():
    [html] = call_view(Quiz, "draw", [[{"questions": [stored(CHOICE), stored(NUMERIC)]}]])
    assert html.count("<form") == 2 and html.count('type="radio"') == 2 and 'inputmode="decimal"' in html
    assert "true convolution" not in html and "112" not in html
    names = re.findall(r'name="([^"]+)"', html)
    assert len(set(names)) == 2  # one for the radio group, one for the field


def test_changed_question_forgets_its_old_answer():
    same, changed = {**CHOICE, "objective": 9}, {**CHOICE, "ask": "Another?"}
    first, second, third = call_view(Quiz, "fingerprint", [[stored(question)] for question in (CHOICE, same, changed)])
    assert first == second != third
    orders = [[{**CHOICE, "ask": "".join(letters)}] for letters in itertools.permutations("abcde")]
    assert len(set(call_view(Quiz, "fingerprint", orders))) == len(orders) == 120


def without(question, *keys, **changes):
    """Return a question without some keys and with changes."""
    return {**{key: value for key, value in question.items() if key not in keys}, **changes}


RIGHT, WRONG = CHOICE["options"]
BAD = [
    ([], "Quiz: questions must be a list with at least one dict, got []"),
    ([without(CHOICE, "id")], "Quiz: a question must be a dict with id, ask and objective, got "),
    ([CHOICE, CHOICE], "Quiz: every id must be there once, got ['flip', 'flip']"),
    ([without(CHOICE, ask="")], "Quiz: flip: id and ask must be texts, got 'flip'"),
    ([without(CHOICE, hint="x")], "Quiz: flip: a choice has no other keys than options, got ['hint']"),
    ([without(CHOICE, options=[RIGHT])], "Quiz: flip: there must be at least 2 options, got "),
    ([without(CHOICE, options=[WRONG, {**WRONG, "text": "Maybe"}])],
     "Quiz: flip: exactly one option must be right, got []"),
    ([without(CHOICE, options=[RIGHT, {**RIGHT, "text": "Nope"}])],
     "Quiz: flip: exactly one option must be right, got ['No', 'Nope']"),
    ([without(CHOICE, options=[RIGHT, {"text": "Yes"}])],
     "Quiz: flip: every option needs text and why, got {'text': 'Yes'}"),
    ([without(CHOICE, options=[RIGHT, {**WRONG, "text": "No"}])], "Quiz: flip: options must differ, got ['No', 'No']"),
    ([without(NUMERIC, "otherwise")],
     "Quiz: stem: a numeric question needs answer, why, wrong and otherwise, got \"none of ['otherwise']\""),
    ([without(NUMERIC, wrong={})], "Quiz: stem: wrong must be a dict from number to feedback, got {}"),
    ([without(NUMERIC, wrong={112: "x"})], "Quiz: stem: a wrong number must not be the answer, got [112]"),
    ([without(NUMERIC, answer="112")], "Quiz: stem: answer must be a number, got '112'"),
    ([without(NUMERIC, tolerance=-1)], "Quiz: stem: tolerance must be a number of at least 0, got -1"),
    ([without(NUMERIC, objective="1")], "Quiz: stem: objective must be a number, got '1'"),
]


@pytest.mark.parametrize(("questions", "message"), BAD)
def test_malformed_questions_are_refused(questions, message):
    with pytest.raises(ValueError) as caught:
        Quiz(questions)
    assert str(caught.value).startswith(message)
