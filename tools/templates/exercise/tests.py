"""An exercise of chapter 00: right answers pass, wrong ones are told their mistake."""
import pytest

from cnnlib.exercises import verify_exercise
from cnnlib.exercises.ch00 import EXERCISES, check_template_task


def test_the_exercise_can_be_trusted():
    assert len(EXERCISES["template_task"].mistakes) >= 5
    verify_exercise(EXERCISES["template_task"])


def step_by_step(size, kernel_sizes):
    for kernel_size in kernel_sizes:
        size = len(range(size - kernel_size + 1))
    return size


def test_an_answer_written_another_way_passes():
    feedback = check_template_task(step_by_step)
    assert feedback.passed, feedback


def half_windows(size, kernel_sizes):
    for kernel_size in kernel_sizes:
        size -= len(range(2, kernel_size, 2))
    return size


@pytest.mark.parametrize(("answer", "mistake"), [
    (lambda size, kernel_sizes: size, "nothing-lost"),
    (lambda size, kernel_sizes: size - sum(kernel_sizes), "whole-window-lost"),
    (lambda size, kernel_sizes: len(range(size - kernel_sizes[0] + 1)), "first-window-only"),
    (lambda size, kernel_sizes: len(range(size - max(kernel_sizes) + 1)), "largest-window-only"),
    (half_windows, "one-side-only"),
    (lambda size, kernel_sizes: size - len(kernel_sizes), None),
])
def test_a_wrong_answer_is_told_its_mistake(answer, mistake):
    feedback = check_template_task(answer)
    assert (feedback.passed, feedback.mistake) == (False, mistake), feedback
