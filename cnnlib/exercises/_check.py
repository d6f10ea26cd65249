"""Check an answer and name the mistake, without giving the answer away.

A reader's function is called on a few cases. If its results are those of a known wrong function, the feedback names
that mistake; otherwise it shows the smallest case that fails. Nothing here prints or changes anything, so that the same
check serves a reader alone and an autograder.
"""
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial

import numpy as np

UNANSWERED = "Not answered yet."
RIGHT = "Right: all cases pass."


class Refusal(Exception):
    """What an answer raises that may not be judged further; the name stands where a mistake's would.

    Args:
        name: a short name in words with hyphens, as "forbidden-function".
        message: what the reader sees.
    """

    def __init__(self, name, message):
        super().__init__(message)
        self.name = name


@dataclass(frozen=True)
class Feedback:
    """What a check says.

    Attributes:
        passed: whether the answer is right.
        mistake: the name of the known mistake that the answer makes, or None.
        message: what the reader sees.
    """

    passed: bool
    mistake: str | None
    message: str

    def __repr__(self):
        return self.message


@dataclass(frozen=True)
class Mistake:
    """A known wrong answer.

    Attributes:
        name: a short name in words with hyphens, as "ceil-for-floor".
        message: which thought leads there and what to look at; never the right code.
        wrong: the wrong function, or for an exercise without cases the wrong value.
    """

    name: str
    message: str
    wrong: object


@dataclass(frozen=True, kw_only=True)
class Exercise:
    """An exercise with its cases, its right answer and its known mistakes.

    Attributes:
        name: the exercise, as in the notebook's cell ids.
        objective: the number of the chapter's objective that it trains.
        reference: the right function, or the right value where there are no cases.
        cases: argument tuples, smallest first; a last dict holds keyword arguments. None: the answer is a value.
        mistakes: known wrong answers; the first that fits is named.
        probe: called with an answer and the arguments of a case where a call of the answer is not what is compared: for
            a class, what an object of it does.
        tolerance: largest allowed difference, relative to the largest right number of an array (or to 1 if that is
            smaller); in a tuple or list each number counts by itself. Where both are whole numbers, they must be equal.
    """

    name: str
    objective: int
    reference: object
    cases: tuple | None = None
    mistakes: tuple[Mistake, ...] = field(default=())
    probe: Callable | None = None
    tolerance: float = 1e-6

    def check(self, answer):
        """Return feedback on a reader's function or value.

        Args:
            answer: what the reader wrote; None is unanswered.

        Returns:
            Feedback; its text says "Not answered yet.", "Right", the name of a mistake, or the smallest failing case.
        """
        if answer is None:
            return Feedback(False, None, UNANSWERED)
        return self._check_value(answer) if self.cases is None else self._check_function(answer)

    def _check_value(self, answer):
        if self._same(answer, self.reference):
            return Feedback(True, None, "Right.")
        for mistake in self.mistakes:
            if self._same(answer, mistake.wrong):
                return _named(mistake)
        return Feedback(False, None, _difference("Your answer", answer, self.reference) or f"Not {describe(answer)}.")

    def _check_function(self, answer):
        if not callable(answer):
            return Feedback(False, None, f"Your answer must be a function, got {describe(answer)}.")
        results = []
        for case in self.cases:
            try:
                results.append(self._result(answer, case))
            except Refusal as refusal:
                return Feedback(False, refusal.name, str(refusal))
            except Exception as error:  # whatever the reader's code raises
                return Feedback(False, None, f"{_shown(self.name, case)} raised {type(error).__name__}: {error}")
        if all(result is None for result in results):
            return Feedback(False, None, UNANSWERED)
        right = [self._result(self.reference, case) for case in self.cases]
        wrong = [i for i, pair in enumerate(zip(results, right, strict=True)) if not self._same(*pair)]
        if not wrong:
            return Feedback(True, None, RIGHT)
        for mistake in self.mistakes:
            if all(self._makes(mistake, case, result) for case, result in zip(self.cases, results, strict=True)):
                return _named(mistake)
        first = wrong[0]
        call = _shown(self.name, self.cases[first])
        return Feedback(False, None, _difference(call, results[first], right[first])
                        or self._values(call, results[first], right[first]))

    def _result(self, answer, case):
        return _call(answer if self.probe is None else partial(self.probe, answer), case)

    def _makes(self, mistake, case, result):
        try:
            return self._same(result, self._result(mistake.wrong, case))
        except Exception:  # a wrong function may fail where the answer does not
            return False

    def _values(self, call, answer, right):
        """Return a text for two values of one shape: small ones in full, large ones at the first place that differs."""
        got, wanted = _array(answer), _array(right)
        if wanted is None or got is None or wanted.size <= 16:
            return f"{call} should be {describe(right)}, got {describe(answer)}."
        place = tuple(np.argwhere(~self._near(answer, right))[0])
        where = ", ".join(str(index) for index in place)
        return f"{call} should be {describe(wanted[place])} at [{where}], got {describe(got[place])}."

    def _same(self, answer, right):
        got, wanted = _array(answer), _array(right)
        if got is None or wanted is None:
            return got is None and wanted is None and type(answer) is type(right) and bool(answer == right)
        return got.shape == wanted.shape and bool(np.all(self._near(answer, right)))

    def _near(self, answer, right):
        """Return where two values of one shape agree."""
        if isinstance(right, (tuple, list)) and right:
            return np.array([self._near(*pair) for pair in zip(answer, right, strict=True)])
        got, wanted = (np.asarray(each) if isinstance(each, (bool, np.bool_)) else _array(each)
                       for each in (answer, right))
        if got.dtype.kind != "f" and wanted.dtype.kind != "f":
            return got == wanted
        scale = np.abs(wanted) if wanted.dtype.kind != "f" else np.abs(wanted[np.isfinite(wanted)]).max(initial=0)
        with np.errstate(invalid="ignore"):  # infinity less infinity
            near = np.abs(got - wanted) <= self.tolerance * np.maximum(1.0, scale)
        return near | (got == wanted)  # NaN is never the same


def verify_exercise(exercise):
    """Raise unless an exercise can be trusted: the stub is unanswered, the reference passes, each mistake is named.

    Args:
        exercise: the Exercise.

    Raises:
        ValueError: the message says which of them does not hold.
    """
    stub = None if exercise.cases is None else lambda *arguments, **options: None
    expected = [("the stub", stub, (False, None)), ("the reference", exercise.reference, (True, None))]
    expected += [(mistake.name, mistake.wrong, (False, mistake.name)) for mistake in exercise.mistakes]
    for name, answer, wanted in expected:
        feedback = exercise.check(answer)
        if (feedback.passed, feedback.mistake) != wanted:
            rule = f"{exercise.name}: {name} must give {wanted}"
            raise ValueError(f"verify_exercise: {rule}, got {(feedback.passed, feedback.mistake)} ({feedback})")
    if exercise.check(stub).message != UNANSWERED:
        raise ValueError(f"verify_exercise: {exercise.name}: the stub must be unanswered, got {exercise.check(stub)}")


def describe(value):
    """Return a short text for a value: small arrays in full, large ones as shape and type.

    >>> describe(np.zeros((2, 3)))
    '[[0, 0, 0], [0, 0, 0]]'
    >>> describe(np.zeros((64, 64)))
    'an array of shape (64, 64)'
    """
    if isinstance(value, Callable):
        return f"the function {getattr(value, '__name__', type(value).__name__)}"
    array = _array(value)
    if array is None or isinstance(value, (str, bool)):
        text = repr(value)
        return text if len(text) <= 80 else f"{text[:77]}..."
    if array.size > 16 or (array.ndim > 1 and not array.size):
        return f"an array of shape {array.shape}"
    rounded = np.vectorize(lambda number: f"{number + 0.0:.6g}" if array.dtype.kind == "f" else f"{number}",
                           otypes=[object])(array)
    text = str(rounded.tolist()).replace("'", "")
    if not isinstance(value, tuple) or array.ndim != 1:
        return text
    return f"({text[1:-1]},)" if array.size == 1 else f"({text[1:-1]})"


def _array(value):
    """Return value as an array of numbers, float64 or whole, or None; torch tensors need no import of torch."""
    if hasattr(value, "detach"):
        value = value.detach().numpy()
    try:
        array = np.asarray(value)
    except (ValueError, TypeError):
        return None
    if array.dtype.kind not in ("iufb" if array.ndim else "iuf"):
        return None
    return array.astype(float if array.dtype.kind == "f" else np.int64)


def _call(function, case):
    case = deepcopy(case)  # a function that changes its arguments spoils no other call
    options = case[-1] if case and isinstance(case[-1], dict) else {}
    return function(*(case[:-1] if options else case), **options)


def _shown(name, case):
    options = case[-1] if case and isinstance(case[-1], dict) else {}
    texts = [describe(value) for value in (case[:-1] if options else case)]
    texts += [f"{key}={describe(value)}" for key, value in options.items()]
    return f"{name}({', '.join(texts)})"


def _difference(call, answer, right):
    """Return a text where type or shape differ, so that numbers need no comparison; None where they do not."""
    got, wanted = _array(answer), _array(right)
    if answer is None:
        return f"{call} returns nothing; is there a return?"
    if wanted is not None and got is None:
        return f"{call} should be {'a number' if wanted.ndim == 0 else 'numbers'}, got {describe(answer)}."
    if wanted is not None and got.shape != wanted.shape:
        shape = "one number" if wanted.ndim == 0 else f"shape {wanted.shape}"
        return f"{call} should have {shape}, got {'one number' if got.ndim == 0 else f'shape {got.shape}'}."
    return None


def _named(mistake):
    return Feedback(False, mistake.name, f"Not yet ({mistake.name}): {mistake.message}")
