import importlib
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from cnnlib.exercises import Exercise, Mistake, verify_exercise
from cnnlib.exercises._check import RIGHT, UNANSWERED, describe


def pads(size, *, border):
    """Return the right answer of the exercise below: both sides together."""
    return size + 2 * border


PADS = Exercise(
    name="padded_size", objective=1, reference=pads, cases=((4, {"border": 1}), (5, {"border": 0}), (6, {"border": 3})),
    mistakes=(Mistake("one-side-only", "You added the border once.", lambda size, *, border: size + border),
              Mistake("border-ignored", "You left the border out.", lambda size, *, border: size)))
BIASES = Mistake("bias-counted", "That is with biases.", 20)
VALUE = Exercise(name="weights", objective=2, reference=18, mistakes=(BIASES,))
ARRAY = Exercise(name="double", objective=3, reference=lambda x: 2 * x, cases=((np.ones((2, 2)),), (np.arange(3.0),)))


HERE = Path(__file__).parent
CHAPTERS = sorted(path.stem for path in (HERE.parent / "cnnlib" / "exercises").glob("ch*.py"))


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_mistake_is_made_by_a_test(chapter):
    """The exercise's own wrong function may itself be wrong: an answer written without it tells."""
    own = re.compile(rf"test_exercises_{chapter}(_\w+)?")
    tests = "".join(path.read_text(encoding="utf-8") for path in sorted(HERE.glob("*.py")) if own.fullmatch(path.stem))
    exercises = getattr(importlib.import_module(f"cnnlib.exercises.{chapter}"), "EXERCISES", {}).values()
    assert [mistake.name for each in exercises for mistake in each.mistakes if f'"{mistake.name}"' not in tests] == []


def test_right_answers_pass_in_any_form():
    for answer in (pads, lambda size, *, border: np.int64(size + 2 * border), lambda size, border: size + 2.0 * border):
        assert PADS.check(answer).passed and PADS.check(answer).message == RIGHT
    for answer in (18, 18.0, np.array(18), torch.tensor(18)):
        assert VALUE.check(answer).passed
    for answer in (lambda x: x + x, lambda x: (x * 2).tolist(), lambda x: torch.tensor(x) * 2):
        assert ARRAY.check(answer).passed


def test_known_mistakes_are_named_by_what_they_do():
    feedback = PADS.check(lambda size, *, border: border + size)
    assert (feedback.passed, feedback.mistake) == (False, "one-side-only")
    assert str(feedback) == "Not yet (one-side-only): You added the border once."
    assert VALUE.check(20).mistake == "bias-counted"


def test_unknown_mistake_shows_the_smallest_failing_case():
    feedback = PADS.check(lambda size, *, border: size + 2 * border + (border == 3))
    assert feedback.mistake is None
    assert feedback.message == "padded_size(6, border=3) should be 12, got 13."


def test_nothing_written_is_not_answered_yet():
    assert PADS.check(lambda size, *, border: None).message == UNANSWERED
    assert VALUE.check(None).message == UNANSWERED


@pytest.mark.parametrize(("answer", "message"), [
    (lambda size, *, border: "six", "padded_size(4, border=1) should be a number, got 'six'."),
    (lambda size, *, border: (1, 2), "padded_size(4, border=1) should have one number, got shape (2,)."),
    (lambda size, *, border: None if size > 4 else 6, "padded_size(5, border=0) returns nothing; is there a return?"),
    (lambda size, *, border: [][0], "padded_size(4, border=1) raised IndexError: list index out of range"),
    (lambda size, *, border: float("nan"), "padded_size(4, border=1) should be 6, got nan."),
    (12, "Your answer must be a function, got 12."),
])
def test_other_answers_get_a_reason(answer, message):
    feedback = PADS.check(answer)
    assert not feedback.passed and feedback.message == message


def test_wrong_signature_is_told():
    assert PADS.check(lambda size: size).message.startswith("padded_size(4, border=1) raised TypeError: ")


def test_function_that_changes_its_argument_spoils_no_other_case():
    def doubles_in_place(x):
        x *= 2
        return x
    assert ARRAY.check(doubles_in_place).passed
    assert ARRAY.check(doubles_in_place).passed  # the cases are still the same


def test_shape_is_compared_before_numbers():
    feedback = ARRAY.check(lambda x: x.ravel() * 2)
    assert feedback.message == "double([[1, 1], [1, 1]]) should have shape (2, 2), got shape (4,)."


def test_large_answers_of_the_right_shape_are_told_the_first_place_that_differs():
    exercise = Exercise(name="double", objective=1, reference=lambda x: 2 * x, cases=((np.ones((3, 3, 2)),),))

    def one_wrong(x):
        y = 2 * x
        y[1, 2, 0] = y[2, 0, 1] = 7
        return y
    message = "double(an array of shape (3, 3, 2)) should be 2 at [1, 2, 0], got 7."
    assert exercise.check(one_wrong).message == message
    assert exercise.check(lambda x: torch.tensor(one_wrong(x))).message == message
    assert exercise.check(lambda x: 2 * x[:, :, 0]).message.endswith("should have shape (3, 3, 2), got shape (3, 3).")


def test_tolerance_is_relative_to_the_largest_number():
    exercise = Exercise(name="big", objective=1, reference=lambda: np.array([1e6, 1.0]), cases=((),), tolerance=1e-6)
    assert exercise.check(lambda: np.array([1e6 + 0.5, 1.0])).passed
    assert not exercise.check(lambda: np.array([1e6 + 2, 1.0])).passed


@pytest.mark.parametrize(("right", "fits", "wrong"), [
    ((43, 5_000_000), [(43, 5_000_000), (43.0, 5e6), (np.int32(43), np.uint64(5_000_000))],
     [(45, 5_000_000), (43, 5_000_001), (47.5, 5e6), (43.001, 5e6)]),
    (124_439_808, [124_439_808, np.float32(124_439_808)], [124_439_809, 124_439_800, 124_439_000.0]),
    (np.array([1, 10**9]), [np.array([1.0, 1e9]), [1, 10**9]], [np.array([500.0, 1e9]), np.array([1, 10**9 + 1])]),
    ([0.5, 1e9], [(0.5, 1e9), np.array([0.5, 1e9 + 1])], [[400.0, 1e9], (0.5, 1e9 + 1e4)]),
    ((True, 10**9), [(True, 10**9)], [(False, 10**9)])])
def test_numbers_of_different_size_count_each_by_itself(right, fits, wrong):
    exercise = Exercise(name="bill", objective=1, reference=lambda: right, cases=((),))
    for answer in fits:
        assert exercise.check(lambda answer=answer: answer).passed, answer
    for answer in wrong:
        assert not exercise.check(lambda answer=answer: answer).passed, answer


def test_verify_exercise_refuses_what_cannot_be_trusted():
    verify_exercise(PADS)
    verify_exercise(VALUE)
    twin = Mistake("twin", "The same as another.", lambda size, *, border: size + border)
    with pytest.raises(ValueError, match="padded_size: twin must give"):
        verify_exercise(Exercise(**{**vars(PADS), "mistakes": (*PADS.mistakes, twin)}))
    with pytest.raises(ValueError, match="padded_size: right must give"):
        verify_exercise(Exercise(**{**vars(PADS), "mistakes": (Mistake("right", "It is right.", pads),)}))


def test_up_to_16_numbers_are_shown_in_full():
    many = Exercise(name="ones", objective=1, reference=np.ones, cases=((16,), (17,)))
    assert many.check(lambda n: np.ones(n) * (n == 17)).message == (
        f"ones(16) should be {[1] * 16}, got {[0] * 16}.")
    assert many.check(lambda n: np.ones(n) * (n == 16)).message == "ones(17) should be 1 at [0], got 0."


@pytest.mark.parametrize(("value", "text"), [
    ("a" * 78, repr("a" * 78)), ("a" * 79, f"'{'a' * 76}..."),
    (3, "3"), ((1, 2), "(1, 2)"), ((2,), "(2,)"), ((), "()"), (0.1 + 0.2, "0.3"),
    (np.array([-0.0]), "[0]"), ("a", "'a'"), ([1], "[1]"), (np.float32(0.1), "0.1"),
    (np.zeros((3, 9)), "an array of shape (3, 9)"), (124_439_808, "124439808"),
    (np.zeros((10**9, 0)), "an array of shape (1000000000, 0)"), (torch.ones(2), "[1, 1]"), (len, "the function len"),
])
def test_values_are_shown_short(value, text):
    assert describe(value) == text


@pytest.mark.parametrize(("answer", "passed"), [
    (lambda x: x > 0, True), (lambda x: (x > 0) + 0j, False), (lambda x: np.full(x.shape, "1"), False),
    (lambda x: [["1", None]], False), (lambda x: {"a": x}, False)])
def test_answers_of_any_type_get_feedback(answer, passed):
    exercise = Exercise(name="map", objective=1, reference=lambda x: (x > 0) * 1, mistakes=(),
                        cases=((np.array([[1, -1], [0, 2]]),),))
    assert exercise.check(answer).passed == passed


def test_infinity_is_the_same_as_itself_only():
    exercise = Exercise(name="limit", objective=1, reference=lambda x: np.array([-np.inf, x]), mistakes=(),
                        cases=((2.0,),))
    assert exercise.check(lambda x: [-np.inf, x]).passed
    assert not exercise.check(lambda x: [np.inf, x]).passed and not exercise.check(lambda x: [-1e300, x]).passed
    assert not exercise.check(lambda x: [-np.inf, x + 1]).passed
