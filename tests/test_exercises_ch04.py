"""The exercises of chapter 4: an independent right answer passes, typical wrong ones are told their mistake."""
from itertools import pairwise
from math import ceil, floor

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from cnnlib.exercises import ch04, verify_exercise


def image(array):
    return torch.tensor(np.asarray(array, dtype=float))[None, None]


@pytest.mark.parametrize("name", ch04.EXERCISES)
def test_exercise_can_be_trusted(name):
    assert len(ch04.EXERCISES[name].mistakes) >= 5
    verify_exercise(ch04.EXERCISES[name])


# Right answers, written with PyTorch.

def torch_windows(size, kernel_size, *, stride, padding=0, ceil_mode=False):
    row = torch.zeros(1, 1, size)
    return F.max_pool1d(row, kernel_size, stride, padding, ceil_mode=ceil_mode).shape[2]


def torch_max_pool(x, kernel_size, *, stride=None, padding=0):
    return F.max_pool2d(image(x), kernel_size, stride, padding)[0, 0]


def torch_smooth_pool(x):
    return F.avg_pool2d(F.max_pool2d(image(x), 2, 1), 2)[0, 0]


@pytest.mark.parametrize(("check", "answer"), [
    (ch04.check_pool_windows, torch_windows),
    (ch04.check_max_pool, torch_max_pool),
    (ch04.check_global_average, lambda x: F.adaptive_avg_pool2d(torch.tensor(x), 1).flatten(1)),
    (ch04.check_adaptive_average, lambda row, o: F.adaptive_avg_pool1d(torch.tensor(row)[None], o)[0]),
    (ch04.check_smooth_pool, torch_smooth_pool),
])
def test_an_answer_written_another_way_passes(check, answer):
    feedback = check(answer)
    assert feedback.passed, feedback


# Wrong answers as readers write them.

def counted(size, kernel_size, *, stride, padding=0, ceil_mode=False):
    """Count window by window; in ceil mode a last window may hang over, wherever it starts."""
    count, top = 0, 0
    while top + kernel_size <= size + 2 * padding:
        count, top = count + 1, top + stride
    hangs_over = top - stride + kernel_size < size + 2 * padding
    return count + 1 if ceil_mode and hangs_over else count


def drop_by_steps(size, kernel_size, *, stride, padding=0, ceil_mode=False):
    """List the starts from the first window on, and in ceil mode drop those that are not below the size."""
    room = size + 2 * padding - kernel_size
    starts = range(0, room + stride if ceil_mode else room + 1, stride)
    return sum(start < size for start in starts) if ceil_mode else len(starts)


def loop_max(x, kernel_size, *, stride=None, padding=0, start=float("-inf")):
    """Compare only pixels that exist; start is the number to beat."""
    stride = stride or kernel_size
    height, width = np.shape(x)
    rows = []
    for top in range(-padding, height + padding - kernel_size + 1, stride):
        row = []
        for left in range(-padding, width + padding - kernel_size + 1, stride):
            best = start
            for i in range(max(top, 0), min(top + kernel_size, height)):
                for j in range(max(left, 0), min(left + kernel_size, width)):
                    best = max(best, x[i][j])
            row.append(best)
        rows.append(row)
    return rows


def test_the_loop_itself_is_right():
    assert ch04.check_max_pool(loop_max).passed


def low_padded(x, kernel_size, *, stride=None, padding=0):
    return F.max_pool2d(F.pad(image(x), [padding] * 4, value=-100), kernel_size, stride)[0, 0]


def test_a_border_must_be_below_every_pixel():
    feedback = ch04.check_max_pool(low_padded)
    assert (feedback.passed, feedback.message) == (
        False, "max_pool([[-4000, -2000, 3], [-3000, -1000, 2], [1, 4, -5]], 3, stride=2, padding=1) should be "
               "[[-1000, 3], [4, 4]], got [[-100, 3], [4, 4]].")


def zero_padded(x, kernel_size, *, stride=None, padding=0):
    return F.max_pool2d(F.pad(image(x), [padding] * 4), kernel_size, stride)[0, 0]


def added_once(size, kernel_size, *, stride, padding=0, ceil_mode=False):
    """Add the padding once, and drop a window behind the last pixel as PyTorch does."""
    windows = counted(size + padding, kernel_size, stride=stride, ceil_mode=ceil_mode)
    return windows - (ceil_mode and (windows - 1) * stride >= size + padding)


def test_a_count_that_changes_with_the_padding_is_not_told_that_it_does_not():
    feedback = ch04.check_pool_windows(added_once)
    assert (feedback.passed, feedback.mistake) == (False, None), feedback


def shifted_in(x, kernel_size, *, stride=None, padding=0):
    below = F.pad(image(x), [0, 2 * padding, 0, 2 * padding], value=float("-inf"))
    return F.max_pool2d(below, kernel_size, stride)[0, 0]


def parts_of(row, output_size, begin):
    """Return the parts of a row that end where PyTorch's do and begin where begin says."""
    ends = [ceil((i + 1) * len(row) / output_size) for i in range(output_size)]
    return [row[begin(i * len(row) / output_size):end] for i, end in enumerate(ends)]


def chunks(row, output_size):
    size = len(row) // output_size
    return [sum(row[i * size:(i + 1) * size]) / size for i in range(output_size)]


def neighbors_apart(row, output_size):
    edges = [i * len(row) // output_size for i in range(output_size + 1)]
    return [sum(row[a:b]) / (b - a) for a, b in pairwise(edges)]


@pytest.mark.parametrize(("check", "answer", "mistake"), [
    (ch04.check_pool_windows, counted, "last-window-in-the-padding"),
    (ch04.check_pool_windows, drop_by_steps, "start-without-the-padding"),
    (ch04.check_pool_windows, lambda n, k, *, stride, padding=0, ceil_mode=False: torch_windows(
        n, k, stride=stride, padding=padding), "always-floor"),
    (ch04.check_pool_windows, lambda n, k, *, stride, padding=0, ceil_mode=False: -(-(n + 2 * padding - k) // stride)
        + 1, "always-ceil"),
    (ch04.check_pool_windows, lambda n, k, *, stride, padding=0, ceil_mode=False: torch_windows(
        n, k, stride=k, padding=padding, ceil_mode=ceil_mode), "stride-is-the-window"),
    (ch04.check_pool_windows, lambda n, k, *, stride, padding=0, ceil_mode=False: torch_windows(
        n, k, stride=stride, ceil_mode=ceil_mode), "padding-ignored-in-both-rules"),
    (ch04.check_pool_windows, lambda n, k, *, stride, padding=0, ceil_mode=False: (
        -(-(n - k) // stride) if ceil_mode else (n - k) // stride) + 1, "padding-ignored"),
    (ch04.check_pool_windows, lambda n, k, *, stride, **options: int(n / stride), "size-over-stride"),
    (ch04.check_pool_windows, lambda n, k, *, stride, padding=0, ceil_mode=False: counted(
        n + padding, k, stride=stride, ceil_mode=ceil_mode), "padding-once"),
    (ch04.check_pool_windows, lambda n, k, **options: counted(n, k, **options) - 1, "one-window-short"),
    (ch04.check_max_pool, zero_padded, "padded-with-zeros"),
    (ch04.check_max_pool, shifted_in, "padding-after-the-end"),
    (ch04.check_max_pool, lambda x, k, *, stride=1, padding=0: torch_max_pool(
        x, k, stride=stride, padding=padding), "stride-one-by-default"),
    (ch04.check_max_pool, lambda x, k, *, stride=None, padding=0: torch_max_pool(x, k, padding=padding),
     "stride-ignored"),
    (ch04.check_max_pool, lambda x, k, *, stride=None, padding=0: torch_max_pool(x, k, stride=stride),
     "padding-ignored"),
    (ch04.check_max_pool, lambda x, k, *, stride=None, padding=0: F.avg_pool2d(
        image(x), k, stride, padding)[0, 0], "mean-instead-of-max"),
    (ch04.check_max_pool, lambda x, k, *, stride=None, padding=0: torch_max_pool(
        abs(x), k, stride=stride, padding=padding), "largest-magnitude"),
    (ch04.check_global_average, lambda x: F.adaptive_avg_pool2d(torch.tensor(x), 1), "axes-kept"),
    (ch04.check_global_average, lambda x: torch.tensor(x).flatten(1).mean(1), "channels-mixed"),
    (ch04.check_global_average, lambda x: [[channel.sum() for channel in maps] for maps in x], "sum-not-mean"),
    (ch04.check_global_average, lambda x: F.adaptive_max_pool2d(torch.tensor(x), 1).flatten(1), "max-not-mean"),
    (ch04.check_global_average, lambda x: torch.einsum("nchw->nc", torch.tensor(x)) / x.shape[2] ** 2,
     "square-assumed"),
    (ch04.check_global_average, lambda x: torch.tensor(x).transpose(0, 1).flatten(1).mean(1), "images-mixed"),
    (ch04.check_global_average, lambda x: sum(torch.tensor(x).unbind(1)) / x.shape[1], "over-the-channels"),
    (ch04.check_adaptive_average, lambda row, o: [sum(part) / len(part) for part in parts_of(row, o, ceil)],
     "start-rounded-up"),
    (ch04.check_adaptive_average, lambda row, o: [sum(part) for part in parts_of(row, o, floor)],
     "sum-instead-of-mean"),
    (ch04.check_adaptive_average, chunks, "rest-dropped"),
    (ch04.check_adaptive_average, neighbors_apart, "parts-do-not-overlap"),
    (ch04.check_adaptive_average, lambda row, o: [
        part.mean() for part in torch.tensor(row).tensor_split(o)], "first-parts-larger"),
    (ch04.check_adaptive_average, lambda row, o: F.adaptive_max_pool1d(torch.tensor(row)[None], o)[0],
     "max-instead-of-mean"),
    (ch04.check_smooth_pool, lambda x: F.max_pool2d(F.avg_pool2d(image(x), 2, 1), 2)[0, 0], "mean-before-max"),
    (ch04.check_smooth_pool, lambda x: F.avg_pool2d(F.max_pool2d(image(x), 2), 2, 1)[0, 0], "step-two-too-early"),
    (ch04.check_smooth_pool, lambda x: F.avg_pool2d(F.max_pool2d(image(x), 2, 1), 2, 1)[0, 0], "no-step-of-two"),
    (ch04.check_smooth_pool, lambda x: F.max_pool2d(F.max_pool2d(image(x), 2, 1), 2)[0, 0], "max-twice"),
    (ch04.check_smooth_pool, lambda x: F.max_pool2d(image(x), 2)[0, 0], "mean-left-out"),
    (ch04.check_smooth_pool, lambda x: F.avg_pool2d(image(x), 2)[0, 0], "max-left-out"),
])
def test_typical_wrong_answers_are_named(check, answer, mistake):
    feedback = check(answer)
    assert (feedback.passed, feedback.mistake) == (False, mistake), feedback


def test_an_unknown_mistake_shows_the_smallest_case():
    feedback = ch04.check_pool_windows(lambda size, kernel_size, **options: 99)
    assert feedback.mistake is None
    assert feedback.message == "pool_windows(4, 2, stride=2) should be 2, got 99."


def test_a_wrong_shape_is_told_without_the_numbers():
    feedback = ch04.check_max_pool(lambda x, kernel_size, **options: np.zeros((1, 1)))
    assert feedback.message == "max_pool([[0, 1, 2], [3, 4, 5], [6, 7, 8]], 2, stride=1) should have shape (2, 2), " \
        "got shape (1, 1)."
