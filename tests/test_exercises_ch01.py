"""The exercises of chapter 1: an independent right answer passes, typical wrong ones are told their mistake."""
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from cnnlib.exercises import ch01, verify_exercise


def tensor(array):
    return torch.tensor(np.array(array), dtype=torch.float64)


@pytest.mark.parametrize("name", ch01.EXERCISES)
def test_exercise_can_be_trusted(name):
    assert len(ch01.EXERCISES[name].mistakes) >= 5
    verify_exercise(ch01.EXERCISES[name])


# Right answers, written another way.

def torch_alike(picture, distance):
    x = tensor(picture)
    return torch.corrcoef(torch.stack([x[:-distance].flatten(), x[distance:].flatten()]))[0, 1]


def torch_counts(channels, height, width, filters, kernel_size):
    conv = nn.Conv2d(channels, filters, kernel_size, padding=kernel_size // 2, bias=False)
    outputs = conv(torch.zeros(1, channels, height, width))
    dense = nn.Linear(channels * height * width, outputs.numel(), bias=False, device="meta")
    return dense.weight.numel(), conv.weight.numel(), outputs.numel() * conv.weight[0].numel()


def torch_banded(weight, size, *, stride=1):
    return F.conv1d(torch.eye(size, dtype=torch.float64)[:, None], tensor(weight)[None, None], stride=stride)[:, 0].T


def loop_upper_right(picture):
    """Read the convention of the exercise literally, without edge maps."""
    rows, cols = np.array(picture.shape) - 2
    found = np.zeros((rows, cols))
    for i, j in np.ndindex(rows, cols):
        right = picture[i + 1:i + 3, j + 1:j + 3].tolist() == [[1, 0], [1, 0]]
        upper = picture[i:i + 2, j:j + 2].tolist() == [[0, 0], [1, 1]]
        found[i, j] = right and upper
    return found


def torch_around(picture, weight, *, mode="circular"):
    conv = nn.Conv2d(1, 1, len(weight), padding=len(weight) // 2, padding_mode=mode, bias=False, dtype=torch.float64)
    conv.weight.data = tensor(weight)[None, None]
    return conv(tensor(picture)[None, None])[0, 0]


@pytest.mark.parametrize(("check", "answer"), [
    (ch01.check_alike, torch_alike),
    (ch01.check_three_counts, torch_counts),
    (ch01.check_banded, torch_banded),
    (ch01.check_upper_right, loop_upper_right),
    (ch01.check_around, torch_around),
])
def test_an_answer_written_another_way_passes(check, answer):
    feedback = check(answer)
    assert feedback.passed, feedback


def test_the_corner_cases_hold_corners_and_places_without():
    maps = [loop_upper_right(*case) for case in ch01.UPPER_RIGHT.cases]
    assert [int(found.sum()) for found in maps[:2]] == [1, 1] and maps[3].sum() == 2
    assert all(found.min() == 0 for found in maps[1:])


# Wrong answers as readers write them.

def loop_alike(picture, distance, *, partner):
    values = [(picture[i, j], picture[partner(i, j, distance, picture.shape)])
              for i in range(picture.shape[0]) for j in range(picture.shape[1])
              if max(partner(i, j, distance, picture.shape)) < max(picture.shape)]
    return np.corrcoef(np.transpose(values))[0, 1]


def loop_banded(weight, size, *, stride=1, starts=None):
    rows = []
    for start in starts(size, len(weight), stride):
        row = [0] * size
        for i, value in enumerate(weight):
            if start + i < size:
                row[start + i] = value
        rows.append(row)
    return rows


def corner_sum(picture, *, threshold, right_at=(1, 1), upper_at=(0, 0)):
    """Add up the edge maps with lists; the last ReLU is still to come."""
    rows, cols = picture.shape[0] - 2, picture.shape[1] - 2
    right = F.relu(F.conv2d(tensor(picture)[None, None], tensor([[1, -1], [1, -1]])[None, None]))[0, 0].numpy()
    upper = F.relu(F.conv2d(tensor(picture)[None, None], tensor([[-1, -1], [1, 1]])[None, None]))[0, 0].numpy()
    (a, b), (c, d) = right_at, upper_at
    return np.array([[right[i + a, j + b] + upper[i + c, j + d] - threshold for j in range(cols)] for i in range(rows)])


def flipped(picture, axis):
    """Find the upper right corner of the picture in a mirror: another corner of the picture."""
    return np.flip(loop_upper_right(np.flip(picture, axis)), axis)


@pytest.mark.parametrize(("check", "answer", "mistake"), [
    (ch01.check_alike, lambda x, d: torch_alike(x.T, d) if d < x.shape[1] else 0.0, "across"),
    (ch01.check_alike,
     lambda x, d: loop_alike(x, d, partner=lambda i, j, d, shape: ((i + d) % shape[0], j)), "wrapped-around"),
    (ch01.check_alike,
     lambda x, d: torch.cov(torch.stack([tensor(x[:-d]).flatten(), tensor(x[d:]).flatten()]))[0, 1], "not-divided"),
    (ch01.check_alike, lambda x, d: np.corrcoef([x[:-d].ravel(), x[d:].ravel()]), "whole-matrix"),
    (ch01.check_alike, lambda x, d: np.corrcoef([x[:-d].ravel(), x[d:].ravel()])[0, 0], "with-itself"),
    (ch01.check_alike, lambda x, d: torch.corrcoef(torch.cat([tensor(x[:-d]), tensor(x[d:])]))[0, 1],
     "rows-as-variables"),
    (ch01.check_alike, lambda x, d: np.mean([abs(a - b) for a, b in zip(x[:-d].flat, x[d:].flat, strict=True)]),
     "mean-difference"),
    (ch01.check_three_counts, lambda c, h, w, f, k: (
        sum(p.numel() for p in nn.Linear(c * h * w, f * h * w, device="meta").parameters()),
        sum(p.numel() for p in nn.Conv2d(c, f, k).parameters()), h * w * nn.Conv2d(c, f, k).weight.numel()),
     "biases-counted"),
    (ch01.check_three_counts, lambda c, h, w, f, k: (
        (c * h * w) * (f * h * w), h * w * c * k * k * f, h * w * c * k * k * f), "weights-times-places"),
    (ch01.check_three_counts, lambda c, h, w, f, k: (
        c * h * w * h * w, nn.Conv2d(c, f, k).weight.numel(), h * w * c * k * k * f), "dense-makes-one-map"),
    (ch01.check_three_counts, lambda c, h, w, f, k: (
        c * h * w * f, nn.Conv2d(c, f, k).weight.numel(), h * w * c * k * k * f), "dense-makes-filters"),
    (ch01.check_three_counts, lambda c, h, w, f, k: (c * h * w * f * h * w, k * k * f, k * k * f * h * w),
     "channels-forgotten"),
    (ch01.check_three_counts, lambda c, h, w, f, k: (
        c * h * w * f * h * w, c * k * f, c * k * f * h * w), "kernel-side-only"),
    (ch01.check_three_counts, lambda c, h, w, f, k: (
        c * h * w * f * h * w, c * k * k * f,
        nn.Conv2d(c, f, k)(torch.zeros(1, c, h, w)).numel() * c * k * k), "border-lost"),
    (ch01.check_banded, lambda w, n, *, stride=1: torch_banded(w, n), "stride-ignored"),
    (ch01.check_banded, lambda w, n, *, stride=1: torch_banded(w, n, stride=stride).T, "transposed"),
    (ch01.check_banded, lambda w, n, *, stride=1: torch_banded(w[::-1], n, stride=stride), "kernel-turned"),
    (ch01.check_banded, lambda w, n, *, stride=1: loop_banded(
        w, n, stride=stride, starts=lambda n, k, s: range(0, n, s)), "hangs-over"),
    (ch01.check_banded, lambda w, n, *, stride=1: loop_banded(
        w, n, stride=stride, starts=lambda n, k, s: range((n - k) // s + 1)), "stride-in-size-only"),
    (ch01.check_banded, lambda w, n, *, stride=1: np.reshape(loop_banded(
        w, n, stride=stride, starts=lambda n, k, s: range(0, (n - k) // s * s, s)), (-1, n)), "one-window-short"),
    (ch01.check_banded, lambda w, n, *, stride=1: torch.stack([
        F.pad(tensor(w), (0, n - len(w))).roll(start) for start in range(0, n, stride)]), "around-the-end"),
    (ch01.check_upper_right, lambda x: flipped(x, 1), "upper-left"),
    (ch01.check_upper_right, lambda x: flipped(x, 0), "lower-right"),
    (ch01.check_upper_right, lambda x: flipped(x, (0, 1)), "lower-left"),
    (ch01.check_upper_right, lambda x: corner_sum(x, threshold=1).clip(0), "or-for-and"),
    (ch01.check_upper_right, lambda x: corner_sum(x, threshold=0), "bias-forgotten"),
    (ch01.check_upper_right, lambda x: corner_sum(x, threshold=3), "last-relu-forgotten"),
    (ch01.check_upper_right, lambda x: corner_sum(x, threshold=3, right_at=(1, 0), upper_at=(0, 1)).clip(0),
     "slices-as-in-the-chapter"),
    (ch01.check_upper_right, lambda x: corner_sum(x, threshold=3, right_at=(0, 0), upper_at=(1, 1)).clip(0),
     "slices-swapped"),
    (ch01.check_around, lambda x, w: torch_around(x, w, mode="zeros"), "zeros"),
    (ch01.check_around, lambda x, w: torch_around(x, w, mode="replicate"), "border-repeated"),
    (ch01.check_around, lambda x, w: torch_around(x, w, mode="reflect"), "mirrored"),
    (ch01.check_around, lambda x, w: F.conv2d(tensor(x)[None, None], tensor(w)[None, None])[0, 0], "no-padding"),
    (ch01.check_around, lambda x, w: torch_around(x, w).roll((-(len(w) // 2), -(len(w) // 2)), (0, 1)),
     "padded-after"),
    (ch01.check_around, lambda x, w: F.conv2d(F.pad(
        tensor(x)[None, None], [len(w) - 1] * 4, mode="circular"), tensor(w)[None, None])[0, 0], "padded-twice"),
    (ch01.check_around, lambda x, w: torch_around(x, w[::-1, ::-1]), "kernel-turned"),
])
def test_typical_wrong_answers_are_named(check, answer, mistake):
    feedback = check(answer)
    assert (feedback.passed, feedback.mistake) == (False, mistake), feedback


def test_an_unknown_mistake_shows_the_smallest_case():
    assert ch01.check_three_counts(lambda *sizes: (7, 7, 7)).message == (
        "three_counts(1, 4, 5, 1, 3) should be (400, 9, 180), got (7, 7, 7).")


def test_a_ring_has_no_place_of_its_own():
    """What the last exercise is for: the right answer moves with the picture, a padded one does not."""
    picture = ch01.SMOOTH
    for answer, moves in [(torch_around, True), (lambda x, w: torch_around(x, w, mode="zeros"), False)]:
        assert ch01.check_around(answer).passed is moves
        rolled = answer(np.roll(picture, 2, axis=1), ch01.KERNEL)
        assert torch.equal(rolled, answer(picture, ch01.KERNEL).roll(2, 1)) is moves
