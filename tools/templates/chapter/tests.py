"""The exercises of chapter 00: an independent right answer passes, typical wrong ones are told their mistake."""
import pytest
import torch
import torch.nn.functional as F

from cnnlib.exercises import ch00, verify_exercise


@pytest.mark.parametrize("name", ch00.EXERCISES)
def test_exercise_can_be_trusted(name):
    assert len(ch00.EXERCISES[name].mistakes) >= 5
    verify_exercise(ch00.EXERCISES[name])


# Right answers, written another way. Replace: one for each exercise.

def listed_places(size, kernel_size, step=1):
    return sum(start + kernel_size <= size for start in range(0, size, step))


def torch_smoothed(row, kernel_size):
    weight = torch.full((1, 1, kernel_size), 1 / kernel_size, dtype=torch.float64)
    return F.conv1d(torch.tensor(row, dtype=torch.float64)[None, None], weight)[0, 0]


def tried_window(size, places):
    return max(kernel_size for kernel_size in range(1, size + 1) if listed_places(size, kernel_size) >= places)


@pytest.mark.parametrize(("check", "answer"), [
    (ch00.check_places, listed_places),
    (ch00.check_smoothed, torch_smoothed),
    (ch00.check_largest_window, tried_window),
])
def test_an_answer_written_another_way_passes(check, answer):
    feedback = check(answer)
    assert feedback.passed, feedback


# Wrong answers as readers write them, one for each mistake. Replace: write them without a look at the exercise's own.

def zeros_outside(row, kernel_size):
    return torch_smoothed(F.pad(torch.tensor(row), (kernel_size - 1, kernel_size - 1)).numpy(), kernel_size)


@pytest.mark.parametrize(("check", "answer", "mistake"), [
    (ch00.check_places, lambda size, kernel_size, step=1: len(range(0, size - kernel_size, step)), None),
    (ch00.check_places, lambda size, kernel_size, step=1: listed_places(size, kernel_size, step) - 1,
     "start-not-counted"),
    (ch00.check_places, lambda size, kernel_size, step=1: len(range(size - kernel_size + 1)), "step-ignored"),
    (ch00.check_places, lambda size, kernel_size, step=1: len(range(0, size - kernel_size, step)) + 1, "rounded-up"),
    (ch00.check_places, lambda size, kernel_size, step=1: listed_places(size, kernel_size, kernel_size),
     "windows-side-by-side"),
    (ch00.check_places, lambda size, kernel_size, step=1: len(range(0, size, step)), "window-of-one"),
    (ch00.check_smoothed, lambda row, k: [sum(row[i:i + k]) for i in range(len(row) - k + 1)], "sums"),
    (ch00.check_smoothed, lambda row, k: torch_smoothed(row, k) * k / len(row), "divided-by-row"),
    (ch00.check_smoothed, zeros_outside, "zeros-outside"),
    (ch00.check_smoothed, lambda row, k: [sum(row[:i]) / i for i in range(1, len(row) + 1)], "mean-of-all-before"),
    (ch00.check_smoothed, lambda row, k: [sum(row[i:i + k]) / k for i in range(len(row) - k)], "last-window-missing"),
    (ch00.check_largest_window, lambda size, places: size - places, "one-too-small"),
    (ch00.check_largest_window, lambda size, places: tried_window(size, places) + 1, "one-too-large"),
    (ch00.check_largest_window, lambda size, places: tried_window(size, 1), "whole-row"),
    (ch00.check_largest_window, lambda size, places: places, "places-returned"),
    (ch00.check_largest_window, lambda size, places: max(k for k in range(size + 1) if k * places <= size),
     "shared-out"),
])
def test_a_wrong_answer_is_told_its_mistake(check, answer, mistake):
    feedback = check(answer)
    assert (feedback.passed, feedback.mistake) == (False, mistake), feedback
