"""Losses of boxes and masks against formulas by hand, gradients against differences, the tempting mistakes beside."""
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from cnnlib.boxes import box_iou, generalized_box_iou
from cnnlib.losses import box_iou_loss, dice_loss, generalized_box_iou_loss, sigmoid_focal_loss
from tests.judge import refused


def boxes_of(seed, count=20, *, size=10.0):
    rng = np.random.default_rng(seed)
    start = rng.uniform(0, 30, (count, 2))
    return torch.from_numpy(np.hstack([start, start + rng.uniform(1, size, (count, 2))]))


def test_focal_loss_without_focus_is_cross_entropy():
    scores, targets = torch.randn(4, 5, dtype=torch.float64), torch.randint(2, (4, 5)).double()
    plain = sigmoid_focal_loss(scores, targets, alpha=None, gamma=0)
    torch.testing.assert_close(plain, functional.binary_cross_entropy_with_logits(scores, targets, reduction="none"))
    assert (sigmoid_focal_loss(scores, targets, alpha=None) < plain).all()


def test_focal_loss_by_hand():
    score, p = torch.tensor([2.0], dtype=torch.float64), 1 / (1 + np.exp(-2.0))
    sharp = sigmoid_focal_loss(score, torch.ones(1, dtype=torch.float64), alpha=None, gamma=3).item()
    assert sharp == pytest.approx((1 - p) ** 3 * -np.log(p))
    right = sigmoid_focal_loss(score, torch.ones(1, dtype=torch.float64)).item()
    wrong = sigmoid_focal_loss(score, torch.zeros(1, dtype=torch.float64)).item()
    assert right == pytest.approx(0.25 * (1 - p) ** 2 * -np.log(p))
    assert wrong == pytest.approx(0.75 * p**2 * -np.log(1 - p))  # alpha for the ones, the rest for the zeros


def test_extreme_scores_give_finite_losses():
    scores = torch.tensor([-1e4, 1e4, 0.0], requires_grad=True)
    loss = sigmoid_focal_loss(scores, torch.tensor([1.0, 0.0, 1.0]), reduction="sum")
    loss.backward()
    assert torch.isfinite(loss) and torch.isfinite(scores.grad).all()


def test_dice_by_hand():
    p, g = torch.tensor([[0.5, 1.0, 0.0, 0.0]]), torch.tensor([[1.0, 1.0, 0.0, 1.0]])
    assert dice_loss(p, g, smooth=0).item() == pytest.approx(1 - 2 * 1.5 / (1.25 + 3))
    assert dice_loss(g, g).item() == pytest.approx(0, abs=1e-6)
    assert dice_loss(torch.zeros(1, 4), torch.zeros(1, 4)).item() == 0  # nothing there, nothing found
    assert dice_loss(torch.zeros(1, 4), g).item() == pytest.approx(1, abs=1e-6)


def test_dice_of_a_batch_is_the_mean_of_its_images():
    g = torch.zeros(2, 1, 8, 8)
    g[0, 0, :4], g[1, 0, 0, 0] = 1, 1
    p = g.clone()
    p[1] = 0  # the small object is missed
    assert dice_loss(p, g).item() == pytest.approx(0.5, abs=1e-5)
    assert dice_loss(p.flatten()[None], g.flatten()[None]).item() < 0.05  # as one image, it would hardly be seen


def test_cross_entropy_is_content_with_nothing_where_dice_is_not():
    g = torch.zeros(1, 1, 100, 100)
    g[..., :5, :5] = 1  # 25 of 10,000 pixels
    nothing = torch.full_like(g, 0.0025)
    assert functional.binary_cross_entropy(nothing, g).item() < 0.02
    assert dice_loss(nothing, g).item() > 0.99


@given(st.integers(0, 2**32 - 1))
def test_box_losses_are_one_less_what_numpy_says(seed):
    one, two = boxes_of(seed), boxes_of(seed + 1, size=40.0)
    for loss, overlap in ((box_iou_loss, box_iou), (generalized_box_iou_loss, generalized_box_iou)):
        torch.testing.assert_close(loss(one, two), 1 - torch.from_numpy(np.diag(overlap(one, two)).copy()),
                                   rtol=0, atol=1e-6)


def test_boxes_apart_have_a_gradient_only_with_the_generalized_loss():
    wanted = torch.tensor([[20.0, 0.0, 30.0, 10.0]])
    for loss, pulled in ((box_iou_loss, False), (generalized_box_iou_loss, True)):
        box = torch.tensor([[0.0, 0.0, 10.0, 10.0]], requires_grad=True)
        loss(box, wanted, reduction="sum").backward()
        assert bool((box.grad[0, [0, 2]] < 0).any()) == pulled  # a step against the gradient goes to the right


def test_a_box_without_a_size_is_no_division_by_zero():
    flat = torch.zeros(1, 4, requires_grad=True)
    for loss in (box_iou_loss, generalized_box_iou_loss):
        value = loss(flat, torch.zeros(1, 4), reduction="sum")
        value.backward()
        assert torch.isfinite(value) and torch.isfinite(flat.grad).all()


def test_gradients():
    torch.manual_seed(0)
    scores = torch.randn(3, 7, dtype=torch.float64, requires_grad=True)
    targets = torch.randint(2, (3, 7)).double()
    one, two = boxes_of(0).requires_grad_(), boxes_of(1, size=40.0)
    for function in (lambda x: sigmoid_focal_loss(x, targets), lambda x: dice_loss(x.sigmoid(), targets)):
        assert torch.autograd.gradcheck(function, scores)
    for loss in (box_iou_loss, generalized_box_iou_loss):
        assert torch.autograd.gradcheck(lambda box, loss=loss: loss(box, two), one)


@pytest.mark.parametrize("loss", [sigmoid_focal_loss, box_iou_loss, generalized_box_iou_loss, dice_loss])
def test_reductions(loss):
    one = boxes_of(0).clamp(min=0) / 40
    two = boxes_of(1).clamp(min=0) / 40
    each = loss(one, two, reduction="none")
    torch.testing.assert_close(loss(one, two, reduction="sum"), each.sum())
    torch.testing.assert_close(loss(one, two, reduction="mean"), each.mean())
    refused(lambda: loss(one, two, reduction="max"),
            f"{loss.__name__}: reduction must be one of none, mean, sum, got 'max'")
    refused(lambda: loss(one, two[:3]), f"{loss.__name__}: both must have one shape, got (20, 4) and (3, 4)")


def test_bad_options():
    x = torch.zeros(2, 4)
    refused(lambda: sigmoid_focal_loss(x, x, gamma=-1),
            "sigmoid_focal_loss: gamma must be a number of at least 0, got -1")
    refused(lambda: sigmoid_focal_loss(x, x, alpha=2),
            "sigmoid_focal_loss: alpha must be a fraction of 1 or None, got 2")
    refused(lambda: dice_loss(x, x, smooth=-1), "dice_loss: smooth must be a number of at least 0, got -1")
    refused(lambda: box_iou_loss(x[:, :3], x[:, :3]), "box_iou_loss: boxes must be (N, 4), got (2, 3)")


@pytest.mark.parametrize("loss", [box_iou_loss, generalized_box_iou_loss])
def test_a_predicted_box_with_reversed_corners_counts_as_the_box_it_spans(loss):
    right = torch.tensor([[2.0, 3, 10, 10]])
    other = torch.tensor([[6.0, 5, 14, 13]])
    reversed_ = right[:, [2, 3, 0, 1]]
    torch.testing.assert_close(loss(reversed_, other), loss(right, other))
    assert loss(right, right).item() == pytest.approx(0, abs=1e-6) and loss(reversed_, other).item() > 0.7


@pytest.mark.parametrize("loss", [sigmoid_focal_loss, dice_loss, box_iou_loss, generalized_box_iou_loss])
def test_what_is_no_tensor_of_floats_is_refused(loss):
    rule, good = f"{loss.__name__}: both must be plain tensors of floats, got", torch.ones(1, 4)
    refused(loss, f"{rule} NoneType", None, good)
    refused(loss, f"{rule} torch.int64, torch.strided", good, torch.ones(1, 4, dtype=torch.int64))
    refused(loss, f"{rule} torch.float32, torch.sparse_coo", good.to_sparse(), good)
    refused(loss, f"{loss.__name__}: reduction must be one of none, mean, sum, got array([0, 1])", good, good,
            reduction=np.arange(2))
