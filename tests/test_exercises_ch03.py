"""The exercises of chapter 3: an independent right answer passes, typical wrong ones are told their mistake."""
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from cnnlib.exercises import ch03, verify_exercise


def tensor(array):
    return torch.tensor(np.asarray(array, dtype=float))


@pytest.mark.parametrize("name", ch03.EXERCISES)
def test_exercise_can_be_trusted(name):
    assert len(ch03.EXERCISES[name].mistakes) >= 4
    verify_exercise(ch03.EXERCISES[name])


# Right answers, written with PyTorch.

def torch_map(x, weight, **options):
    return F.conv2d(tensor(x)[None, None], tensor(weight)[None, None], **options)[0, 0]


def torch_output(x, weight, row, col, *, stride=1):
    return torch_map(x, weight, stride=stride)[row, col]


def torch_grouped(x, weight, groups):
    return F.conv2d(tensor(x)[None], tensor(weight), groups=groups)[0]


def torch_unroll(x, kernel_size, *, stride=1, padding=0):
    return F.unfold(tensor(x)[None], kernel_size, stride=stride, padding=padding)[0]


@pytest.mark.parametrize(("check", "answer"), [
    (ch03.check_one_output, torch_output),
    (ch03.check_horizontal_edges, lambda: [[1.0], [-1.0]]),
    (ch03.check_two_strides, lambda x, weight, stride: torch_map(x, weight, stride=stride)),
    (ch03.check_grouped, torch_grouped),
    (ch03.check_unroll, torch_unroll),
])
def test_an_answer_written_another_way_passes(check, answer):
    feedback = check(answer)
    assert feedback.passed, feedback


# Wrong answers as readers write them, with plain loops.

def loop_output(x, weight, row, col, *, stride=1):
    total = 0
    for i in range(weight.shape[0]):
        for j in range(weight.shape[1]):
            total += x[row + i][col + j] * weight[i][j]  # stride is never used
    return total


def loop_strides(x, weight, stride, *, first=0, second=1):
    down, across = stride[first], stride[second]
    kh, kw = weight.shape
    return [[sum(x[top + i, left + j] * weight[i, j] for i in range(kh) for j in range(kw))
             for left in range(0, x.shape[1] - kw + 1, across)] for top in range(0, x.shape[0] - kh + 1, down)]


def packed_windows(x, weight, stride):
    """Make a map of the right size whose windows move by one pixel."""
    whole = np.array(loop_strides(x, weight, (1, 1)))
    rows, cols = len(range(0, len(whole), stride[0])), len(range(0, len(whole[0]), stride[1]))
    return whole[:rows, :cols]


def loop_grouped(x, weight, groups, *, pick):
    """Compute each map with PyTorch; pick says which channels filter o sees."""
    size = weight.shape[1]
    maps = []
    for o, filter in enumerate(weight):
        chosen = [x[c] for c in pick(o, size, groups, len(weight), len(x))]
        maps.append(F.conv2d(tensor(chosen)[None], tensor(filter)[None])[0, 0].numpy())
    return np.array(maps)


def wrong_groups(pick):
    return lambda x, weight, groups: loop_grouped(x, weight, groups, pick=pick)


def unroll_by_append(x, kernel_size, *, stride=1, padding=0, axis=1, tap=lambda window: window.ravel()):
    x = torch.nn.functional.pad(tensor(x), [padding] * 4).numpy()
    windows = []
    for top in range(0, x.shape[1] - kernel_size + 1, stride):
        for left in range(0, x.shape[2] - kernel_size + 1, stride):
            windows.append(tap(x[:, top:top + kernel_size, left:left + kernel_size]))
    return np.stack(windows, axis=axis)


@pytest.mark.parametrize(("check", "answer", "mistake"), [
    (ch03.check_one_output, loop_output, "stride-ignored"),
    (ch03.check_one_output,
     lambda x, w, row, col, *, stride=1: torch_map(x, w[::-1, ::-1].copy(), stride=stride)[row, col], "kernel-turned"),
    (ch03.check_one_output,
     lambda x, w, row, col, *, stride=1: sum(w.flat) * x[row * stride:, col * stride:][:len(w), :len(w[0])].sum(),
     "sum-before-product"),
    (ch03.check_one_output,
     lambda x, w, row, col, *, stride=1: torch_map(x, w, stride=stride)[row, col] / len(w) / len(w[0]),
     "mean-of-products"),
    (ch03.check_one_output, lambda x, w, row, col, *, stride=1: (
        x[col * stride:, row * stride:][:len(w), :len(w[0])] * w).sum(), "row-col-swapped"),
    (ch03.check_one_output, lambda x, w, row, col, *, stride=1: [
        [x[row * stride + i, col * stride + j] * w[i, j] for j in range(len(w[0]))] for i in range(len(w))],
     "products-not-added"),
    (ch03.check_horizontal_edges, lambda: [[1, -1]], "vertical-edges"),
    (ch03.check_horizontal_edges, lambda: [[-1, 1]], "vertical-edges-sign-turned"),
    (ch03.check_horizontal_edges, lambda: (-1, 1), "one-axis-sign-turned"),
    (ch03.check_horizontal_edges, lambda: torch.tensor([[-1.0], [1.0]]), "sign-turned"),
    (ch03.check_horizontal_edges, lambda: [1, -1], "one-axis"),
    (ch03.check_horizontal_edges, lambda: np.ones((2, 1)), "sum-not-difference"),
    (ch03.check_two_strides, lambda x, w, s: loop_strides(x, w, s, first=1, second=0), "axes-swapped"),
    (ch03.check_two_strides, lambda x, w, s: loop_strides(x, w, s, second=0), "first-stride-twice"),
    (ch03.check_two_strides, packed_windows, "stride-in-size-only"),
    (ch03.check_two_strides, lambda x, w, s: torch_map(x, w), "stride-ignored"),
    (ch03.check_grouped, wrong_groups(lambda o, size, groups, filters, channels: range(size)), "first-group-only"),
    (ch03.check_grouped, wrong_groups(lambda o, size, groups, filters, channels: [
        o % groups * size + i for i in range(size)]), "filters-interleaved"),
    (ch03.check_grouped, wrong_groups(lambda o, size, groups, filters, channels: [
        o * groups // filters + i * groups for i in range(size)]), "channels-interleaved"),
    (ch03.check_grouped, lambda x, w, groups: torch_grouped(x, w[:groups], groups), "one-filter-a-group"),
    (ch03.check_grouped, lambda x, w, groups: torch_grouped(x, w, groups).sum(0), "maps-summed"),
    (ch03.check_grouped, lambda x, w, groups: torch_grouped(x, w, groups).permute(1, 2, 0), "channels-last"),
    (ch03.check_unroll, lambda x, k, *, stride=1, padding=0: unroll_by_append(
        x, k, stride=stride, padding=padding, axis=0), "windows-as-rows"),
    (ch03.check_unroll, lambda x, k, *, stride=1, padding=0: unroll_by_append(
        x, k, stride=stride, padding=padding, tap=lambda window: window.transpose(1, 2, 0).ravel()), "channels-last"),
    (ch03.check_unroll, lambda x, k, *, stride=1, padding=0: unroll_by_append(
        x, k, stride=stride, padding=padding, tap=lambda window: window.transpose(0, 2, 1).ravel()),
     "window-transposed"),
    (ch03.check_unroll, lambda x, k, *, stride=1, padding=0: torch_unroll(
        x, k, stride=stride, padding=padding).T.reshape(len(x) * k * k, -1), "reshaped-not-transposed"),
    (ch03.check_unroll, lambda x, k, *, stride=1, padding=0: torch_unroll(
        x.transpose(0, 2, 1), k, stride=stride, padding=padding).unflatten(
            0, (len(x), k, k)).transpose(1, 2).flatten(0, 2), "down-before-across"),
    (ch03.check_unroll, lambda x, k, *, stride=1, padding=0: torch_unroll(
        F.pad(tensor(x), [0, 0, 0, 0, padding, padding]).numpy(), k, stride=stride, padding=padding),
     "channels-padded"),
    (ch03.check_unroll, lambda x, k, *, stride=1, padding=0: torch_unroll(x, k, padding=padding), "stride-ignored"),
    (ch03.check_unroll, lambda x, k, *, stride=1, padding=0: torch_unroll(x, k, stride=stride), "padding-ignored"),
])
def test_typical_wrong_answers_are_named(check, answer, mistake):
    feedback = check(answer)
    assert (feedback.passed, feedback.mistake) == (False, mistake), feedback


def test_an_unknown_mistake_shows_the_smallest_case():
    feedback = ch03.check_one_output(lambda x, weight, row, col, *, stride=1: 7)
    assert feedback.mistake is None and feedback.message.startswith("one_output([[1, 2, 0, 5], [4, 5, 6, 7],")
    assert feedback.message.endswith("should be -3, got 7.")


def test_the_square_kernel_of_the_chapter_raises_and_is_told_the_call():
    def square(x, weight, stride):
        size = weight.shape[0]
        return [[(x[i:i + size, j:j + size] * weight).sum() for j in range(0, x.shape[1] - size + 1, stride[1])]
                for i in range(0, x.shape[0] - size + 1, stride[0])]

    assert "two_strides([[1, 2, 0, 5], [4, 5, 6, 7]" in ch03.check_two_strides(square).message
    assert "raised ValueError" in ch03.check_two_strides(square).message
