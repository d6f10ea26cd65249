"""The exercises of chapter 6: an independent right answer passes, typical wrong ones are told their mistake."""
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from cnnlib.exercises import ch06, verify_exercise


def image(array):
    return torch.tensor(np.asarray(array, dtype=float))[None, None]


@pytest.mark.parametrize("name", ch06.EXERCISES)
def test_exercise_can_be_trusted(name):
    assert len(ch06.EXERCISES[name].mistakes) >= 5
    verify_exercise(ch06.EXERCISES[name])


# Right answers, found by PyTorch's autograd.

def torch_pixel(grad_output, weight, row, col, *, stride=1):
    kernel, sent = image(weight), image(grad_output)
    size = [stride * (n - 1) + k for n, k in zip(sent.shape[2:], kernel.shape[2:], strict=True)]
    x = torch.zeros(1, 1, *size, dtype=torch.float64, requires_grad=True)
    F.conv2d(x, kernel, stride=stride).backward(sent)
    return x.grad[0, 0, row, col]


def torch_kernel(x, grad_output, kernel_size, *, stride=1):
    weight = torch.zeros(1, 1, *kernel_size, dtype=torch.float64, requires_grad=True)
    F.conv2d(image(x), weight, stride=stride).backward(image(grad_output))
    return weight.grad[0, 0]


def torch_pool(x, grad_output, kernel_size, *, stride=None):
    x = image(x).requires_grad_()
    F.max_pool2d(x, kernel_size, stride).backward(image(grad_output))
    return x.grad[0, 0]


def torch_scores(scores, labels):
    scores = torch.tensor(scores, requires_grad=True)
    F.cross_entropy(scores, torch.tensor(labels)).backward()
    return scores.grad


def two_loops(f, x, *, step=1e-5):
    flat, slopes = np.array(x, dtype=float).ravel(), []
    for i in range(flat.size):
        unit = (np.arange(flat.size) == i) * step
        slopes.append((f((flat + unit).reshape(x.shape)) - f((flat - unit).reshape(x.shape))) / step / 2)
    return np.reshape(slopes, x.shape)


@pytest.mark.parametrize(("check", "answer"), [
    (ch06.check_pixel_gradient, torch_pixel),
    (ch06.check_kernel_gradient, torch_kernel),
    (ch06.check_max_pool_gradient, torch_pool),
    (ch06.check_score_gradient, torch_scores),
    (ch06.check_central_gradient, two_loops),
])
def test_an_answer_written_another_way_passes(check, answer):
    feedback = check(answer)
    assert feedback.passed, feedback


# Wrong answers as readers write them.

def turned_pixel(grad_output, weight, row, col, *, stride=1):
    return torch_pixel(grad_output, np.flip(weight).copy(), row, col, stride=stride)


def dense_windows(grad_output, weight, row, col, *, stride=1):
    total = 0.0
    for i in range(len(grad_output)):
        for j in range(len(grad_output[0])):
            if 0 <= row - i < len(weight) and 0 <= col - j < len(weight[0]):  # stride is never used
                total += grad_output[i][j] * weight[row - i][col - j]
    return total


def unchecked_places(grad_output, weight, row, col, *, stride=1):
    total = 0
    for i, line in enumerate(grad_output):
        for j, g in enumerate(line):
            try:
                total += g * weight[row - i * stride, col - j * stride]
            except IndexError:
                pass
    return total


def one_window(grad_output, weight, row, col, *, stride=1):
    for i, j in np.ndindex(grad_output.shape):
        if (i * stride <= row < i * stride + len(weight)) and (j * stride <= col < j * stride + len(weight[0])):
            return grad_output[i, j] * weight[row - i * stride, col - j * stride]
    return 0


def swapped(grad_output, weight, row, col, *, stride=1):
    """Ask for the pixel on the other side of the diagonal; outside of the image nothing is paid."""
    shape = [stride * (n - 1) + k for n, k in zip(grad_output.shape, weight.shape, strict=True)]
    inside = col < shape[0] and row < shape[1]
    return torch_pixel(grad_output, weight, col, row, stride=stride) if inside else 0


def only_the_sum(x, grad_output, kernel_size, *, stride=1):
    return [[grad_output.sum()] * kernel_size[1]] * kernel_size[0]


def packed_kernel(x, grad_output, kernel_size, *, stride=1):
    rows, cols = grad_output.shape
    return [[(x[a:a + rows, b:b + cols] * grad_output).sum() for b in range(kernel_size[1])]
            for a in range(kernel_size[0])]


def loop_pool(x, grad_output, kernel_size, *, stride=None, pay):
    stride, grad_x = stride or kernel_size, np.zeros(x.shape)
    for i, j in np.ndindex(grad_output.shape):
        place = np.s_[i * stride:i * stride + kernel_size, j * stride:j * stride + kernel_size]
        pay(grad_x[place], x[place], grad_output[i, j])
    return grad_x


def pool(pay):
    return lambda x, g, k, *, stride=None: loop_pool(x, g, k, stride=stride, pay=pay)


def pay_mask(grad, window, sent):
    grad += (window == window.max()) * sent


def pay_once(grad, window, sent):
    grad[np.unravel_index(window.argmax(), window.shape)] = sent


def pay_last(grad, window, sent):
    places = np.argwhere(window == window.max())
    grad[tuple(places[-1])] += sent


def pay_first(grad, window, sent):
    grad[np.unravel_index(window.argmax(), window.shape)] += sent


def pay_fairly(grad, window, sent):
    winners = np.argwhere(window == window.max())
    for row, col in winners:
        grad[row, col] += sent / len(winners)


def pay_corner(grad, window, sent):
    grad[0, 0] += sent


def pay_mean(grad, window, sent):
    grad += sent / window.size


def shifted(f, x, ahead, behind, over):
    gradient = np.zeros(x.shape)
    for index in np.ndindex(x.shape):
        right, left = x.copy(), x.copy()
        right[index] += ahead
        left[index] -= behind
        gradient[index] = (f(right) - f(left)) / over
    return gradient


def wandering(f, x, *, step):
    place, slopes = x.copy(), []
    for index in np.ndindex(x.shape):
        place[index] = place[index] + step
        ahead = f(place)
        place[index] = place[index] - step - step
        slopes.append((ahead - f(place)) / step / 2)
    return np.reshape(slopes, x.shape)


def right_class(scores, labels):
    gradient, only = torch_scores(scores, labels), torch.zeros(scores.shape, dtype=torch.float64)
    for row, label in enumerate(labels):
        only[row, label] = gradient[row, label]
    return only


@pytest.mark.parametrize(("check", "answer", "mistake"), [
    (ch06.check_pixel_gradient, turned_pixel, "kernel-turned-once-too-often"),
    (ch06.check_pixel_gradient, dense_windows, "stride-ignored"),
    (ch06.check_pixel_gradient, lambda g, w, row, col, *, stride=1: torch_pixel(
        g, np.ones_like(w), row, col, stride=stride), "weights-forgotten"),
    (ch06.check_pixel_gradient, unchecked_places, "negative-places-wrap"),
    (ch06.check_pixel_gradient, one_window, "one-window-only"),
    (ch06.check_pixel_gradient, swapped, "row-col-swapped"),
    (ch06.check_pixel_gradient, lambda g, w, row, col, *, stride=1: torch_pixel(
        g / g.size, w, row, col, stride=stride), "mean-of-windows"),
    (ch06.check_kernel_gradient, lambda x, g, k, *, stride=1: torch_kernel(
        x, g, k, stride=stride).flip(0, 1), "result-turned"),
    (ch06.check_kernel_gradient, lambda x, g, k, *, stride=1: torch_kernel(
        x, g / g.size, k, stride=stride), "mean-of-outputs"),
    (ch06.check_kernel_gradient, lambda x, g, k, *, stride=1: torch_kernel(
        x, g * 0 + 1, k, stride=stride), "gradient-forgotten"),
    (ch06.check_kernel_gradient, only_the_sum, "pixels-forgotten"),
    (ch06.check_kernel_gradient, packed_kernel, "stride-ignored"),
    (ch06.check_kernel_gradient, lambda x, g, k, *, stride=1: torch_kernel(
        x, np.flip(g).copy(), k, stride=stride), "gradient-turned"),
    (ch06.check_kernel_gradient, lambda x, g, k, *, stride=1: -torch_kernel(x, g, k, stride=stride), "sign-turned"),
    (ch06.check_max_pool_gradient, pool(pay_mask), "all-equals-paid"),
    (ch06.check_max_pool_gradient, pool(pay_once), "overwritten"),
    (ch06.check_max_pool_gradient, pool(pay_last), "last-of-equals"),
    (ch06.check_max_pool_gradient, pool(pay_mean), "spread-evenly"),
    (ch06.check_max_pool_gradient, pool(pay_fairly), "equals-share"),
    (ch06.check_max_pool_gradient, pool(pay_corner), "position-forgotten"),
    (ch06.check_max_pool_gradient, lambda x, g, k, *, stride=None: loop_pool(
        x, g, k, pay=pay_first), "stride-ignored"),
    (ch06.check_score_gradient, right_class, "right-class-only"),
    (ch06.check_score_gradient, lambda z, t: torch_scores(z, t) * len(z) / len(z[0]), "divided-by-classes"),
    (ch06.check_score_gradient, lambda z, t: (torch.tensor(z) - F.one_hot(torch.tensor(t), len(z[0]))) / len(z),
     "scores-not-probabilities"),
    (ch06.check_score_gradient, lambda z, t: torch_scores(z, t) * len(z), "not-divided-by-the-batch"),
    (ch06.check_score_gradient, lambda z, t: -torch_scores(z, t), "sign-turned"),
    (ch06.check_score_gradient, lambda z, t: torch.softmax(torch.tensor(z), 1) / len(z), "probabilities-only"),
    (ch06.check_score_gradient, lambda z, t: (torch.softmax(torch.tensor(z), 0) - F.one_hot(
        torch.tensor(t), z.shape[1])) / len(z), "softmax-over-the-batch"),
    (ch06.check_central_gradient, lambda f, x, *, step: shifted(f, x, step, 0, step), "forward-difference"),
    (ch06.check_central_gradient, lambda f, x, *, step: shifted(f, x, 0, step, step), "backward-difference"),
    (ch06.check_central_gradient, lambda f, x, *, step: shifted(f, x, step, step, step), "divided-by-one-step"),
    (ch06.check_central_gradient, lambda f, x, *, step: shifted(f, x, step, 0, 2 * step), "forward-difference-half"),
    (ch06.check_central_gradient, lambda f, x, *, step: shifted(f, x, -step, -step, 2 * step), "sign-turned"),
    (ch06.check_central_gradient, wandering, "never-put-back"),
    (ch06.check_central_gradient, lambda f, x, *, step: np.full(
        x.shape, (f(x + step) - f(x - step)) / (2 * step)), "all-entries-at-once"),
])
def test_typical_wrong_answers_are_named(check, answer, mistake):
    feedback = check(answer)
    assert (feedback.passed, feedback.mistake) == (False, mistake), feedback


def naive_scores(scores, labels):
    scores = torch.tensor(scores)
    p = scores.exp() / scores.exp().sum(1, keepdim=True)
    return (p - F.one_hot(torch.tensor(labels), scores.shape[1])) / len(scores)


def test_a_softmax_that_overflows_is_named_for_what_it_is():
    feedback = ch06.check_score_gradient(naive_scores)
    assert (feedback.passed, feedback.mistake) == (False, "softmax-overflows"), feedback


def test_nan_beside_another_mistake_is_shown_the_case():
    feedback = ch06.check_score_gradient(lambda z, t: 2 * naive_scores(z, t))
    assert (feedback.mistake, feedback.message) == (
        None, "score_gradient([[1, 0]], [0]) should be [[-0.268941, 0.268941]], got [[-0.537883, 0.537883]].")


def nudged_in_place(f, x, *, step, restore):
    gradient = np.zeros(x.shape)
    for index in np.ndindex(x.shape):
        old = x[index]
        x[index] = old + step
        ahead = f(x)
        x[index] = old - step
        gradient[index] = (ahead - f(x)) / (2 * step)
        if restore:
            x[index] = old
    return gradient


def test_a_function_that_changes_x_is_told_so():
    feedback = ch06.check_central_gradient(lambda f, x, *, step: nudged_in_place(f, x, step=step, restore=False))
    assert (feedback.passed, feedback.message) == (
        False, "Not yet (x-changed): your function changes x. Nudge a copy, or put each entry back.")
    assert ch06.check_central_gradient(lambda f, x, *, step: nudged_in_place(f, x, step=step, restore=True)).passed


def test_right_slopes_are_not_enough_if_x_is_changed():
    def spoils(f, x, *, step):
        gradient = two_loops(f, x, step=step)
        x += 1
        return gradient

    assert ch06.check_central_gradient(spoils).mistake == "x-changed"
    assert ch06.check_central_gradient(None).message == "Not answered yet."
    assert ch06.check_central_gradient(3).message == "Your answer must be a function, got 3."


def test_the_valid_correlation_of_the_sources_has_the_wrong_shape():
    def valid(x, grad_output, kernel_size, *, stride=1):
        return F.conv2d(image(x), image(grad_output))[0, 0]

    assert ch06.check_kernel_gradient(valid).message == (
        "kernel_gradient(an array of shape (6, 8), [[-3, -4, 5], [-4, 1, -2]], (3, 2), stride=3) should have "
        "shape (3, 2), got shape (5, 6).")
