"""Questions with feedback on every wrong answer."""
import traitlets

from cnnlib.widgets._esm import esm
from cnnlib.widgets._view import View

COMMON = {"id", "ask", "objective", "recall"}
CHOICE = COMMON | {"options"}
NUMERIC = COMMON | {"answer", "wrong", "otherwise", "why", "tolerance"}
REQUIRED = {"id", "ask", "objective"}


class Quiz(View):
    """Ask questions; the reader's answers stay in the reader's browser.

    Args:
        questions: a list of dicts. All have ``id`` (a word, unique in the book), ``ask`` and ``objective`` (the number
            of the chapter's objective that the question tests), and may have ``recall`` (the earlier chapter it comes
            from). A choice has ``options``, dicts with ``text`` and ``why``, one of them with ``"right": True``.
            A numeric question has ``answer``, ``why`` (shown when right), ``wrong`` (from number to feedback),
            ``otherwise`` (feedback for other numbers) and may have ``tolerance``, the largest allowed difference.
            Text between backticks is shown as code.

    Raises:
        ValueError: a question is malformed, has not exactly one right answer, or a wrong one without feedback.

    >>> quiz = Quiz([{"id": "two", "ask": "1 + 1?", "objective": 1, "answer": 2, "why": "Yes.",
    ...               "wrong": {11: "That is text, glued together."}, "otherwise": "Count again."}])
    >>> quiz.questions[0]["id"]
    'two'
    """

    _esm = esm("quiz.mjs")
    questions = traitlets.List().tag(sync=True)

    def __init__(self, questions):
        check_questions(questions)
        super().__init__(questions=[_plain(question) for question in questions])


def check_questions(questions):
    """Check the data of a quiz.

    Args:
        questions: as for Quiz.

    Raises:
        ValueError: the message names the question and the rule.
    """
    if not isinstance(questions, (list, tuple)) or not questions:
        raise ValueError(f"Quiz: questions must be a list with at least one dict, got {questions!r}")
    for question in questions:
        if not isinstance(question, dict) or not REQUIRED <= set(question):
            raise ValueError(f"Quiz: a question must be a dict with id, ask and objective, got {question!r}")
        _rule(question, all(isinstance(question[key], str) and question[key] for key in ("id", "ask")),
              "id and ask must be texts", question["id"])
        _rule(question, _is_number(question["objective"]), "objective must be a number", question["objective"])
        (_check_choice if "options" in question else _check_numeric)(question)
    names = [question["id"] for question in questions]
    if len(set(names)) < len(names):
        raise ValueError(f"Quiz: every id must be there once, got {names}")


def _check_choice(question):
    options = question["options"]
    _rule(question, set(question) <= CHOICE, "a choice has no other keys than options", sorted(set(question) - CHOICE))
    several = isinstance(options, (list, tuple)) and len(options) >= 2
    _rule(question, several, "there must be at least 2 options", options)
    for option in options:
        fine = isinstance(option, dict) and set(option) <= {"text", "why", "right"}
        _rule(question, fine, "an option must be a dict of text, why and right", option)
        _rule(question, bool(option.get("text")) and bool(option.get("why")), "every option needs text and why", option)
    right = [option["text"] for option in options if option.get("right")]
    _rule(question, len(right) == 1, "exactly one option must be right", right)
    texts = [option["text"] for option in options]
    _rule(question, len(set(texts)) == len(texts), "options must differ", texts)


def _check_numeric(question):
    keys = set(question)
    _rule(question, keys <= NUMERIC, "a numeric question has no such keys", sorted(keys - NUMERIC))
    missing = sorted({"answer", "why", "wrong", "otherwise"} - keys)
    _rule(question, not missing, "a numeric question needs answer, why, wrong and otherwise", f"none of {missing}")
    _rule(question, _is_number(question["answer"]), "answer must be a number", question["answer"])
    tolerance = question.get("tolerance", 0)
    _rule(question, _is_number(tolerance) and tolerance >= 0, "tolerance must be a number of at least 0", tolerance)
    wrong = question["wrong"]
    fine = isinstance(wrong, dict) and wrong and all(_is_number(key) and text for key, text in wrong.items())
    _rule(question, fine, "wrong must be a dict from number to feedback", wrong)
    near = [key for key in wrong if abs(key - question["answer"]) <= tolerance]
    _rule(question, not near, "a wrong number must not be the answer", near)


def _plain(question):
    """Return a question as JSON can hold it: ``wrong`` as pairs, since JSON has no numbers as keys."""
    if "wrong" not in question:
        return question
    return {**question, "wrong": [[number, text] for number, text in question["wrong"].items()]}


def _is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value == value


def _rule(question, holds, rule, value):
    if not holds:
        raise ValueError(f"Quiz: {question['id']}: {rule}, got {value!r}")
