"""The exercise of chapter 12 about masks: right answers carry a gradient, typical wrong ones are told their mistake."""
import pytest
import torch

from cnnlib.exercises import ch12


def einsum_dice(p, g, smooth=1e-6):
    def dots(a, b):
        return torch.einsum("np,np->n", a.flatten(1), b.flatten(1))
    return (2 * dots(p, g) + smooth) / (dots(p, p) + dots(g, g) + smooth)


def image_by_image(p, g, smooth=1e-6):
    return torch.stack([(2 * (a * b).sum() + smooth) / ((a**2).sum() + (b**2).sum() + smooth)
                        for a, b in zip(p, g, strict=True)])


@pytest.mark.parametrize(("check", "answer"), [
    (ch12.check_soft_dice, einsum_dice),
    (ch12.check_soft_dice, image_by_image),
])
def test_an_answer_written_another_way_passes(check, answer):
    feedback = check(answer)
    assert feedback.passed, feedback


# Wrong answers as readers write them.

def over(dims):
    """Return the coefficient with sums over given axes."""
    def answer(p, g, smooth=1e-6):
        axes = dims(p)
        return (2 * torch.sum(p * g, axes) + smooth) / (torch.sum(p * p, axes) + torch.sum(g * g, axes) + smooth)
    return answer


def of_sums(formula):
    """Return a coefficient from formula(Σpg, Σp², Σg², Σp, Σg, smooth)."""
    def answer(p, g, smooth=1e-6):
        return formula(*(x.flatten(1).sum(1) for x in (p * g, p * p, g * g, p, g)), smooth)
    return answer


def through_numpy(p, g, smooth=1e-6):
    return einsum_dice(torch.from_numpy(p.numpy()), torch.from_numpy(g.numpy()), smooth)


TYPICAL = [
    (ch12.check_soft_dice, of_sums(lambda pg, pp, gg, p, g, e: (pg + e) / (pp + gg + e)), "two-forgotten"),
    (ch12.check_soft_dice, of_sums(lambda pg, pp, gg, p, g, e: (2 * pg + e) / (p + g + e)), "plain-sums"),
    (ch12.check_soft_dice, of_sums(lambda pg, pp, gg, p, g, e: (2 * pg + e) / (p * p + g * g + e)), "squares-of-sums"),
    (ch12.check_soft_dice, lambda p, g, smooth=1e-6: einsum_dice(p[None], g[None], smooth)[0], "whole-batch"),
    (ch12.check_soft_dice, lambda *a, **b: sum(image_by_image(*a, **b)) / len(a[0]), "mean-of-the-images"),
    (ch12.check_soft_dice, over(lambda p: (p.ndim - 1,)), "last-axis-alone"),
    (ch12.check_soft_dice, over(lambda p: (p.ndim - 2, p.ndim - 1)), "last-two-axes"),
    (ch12.check_soft_dice, over(lambda p: (0,)), "batch-axis-summed"),
    (ch12.check_soft_dice, lambda p, g, smooth=1e-6: einsum_dice(p, g, 0), "no-smooth"),
    (ch12.check_soft_dice, of_sums(lambda pg, pp, gg, p, g, e: 2 * pg / (pp + gg + e)), "smooth-below-alone"),
    (ch12.check_soft_dice, of_sums(lambda pg, pp, gg, p, g, e: (2 * pg + e) / (pp + gg)), "smooth-above-alone"),
    (ch12.check_soft_dice, lambda p, g, smooth=1e-6: einsum_dice(p.round(), g, smooth), "thresholded"),
    (ch12.check_soft_dice, of_sums(lambda pg, pp, gg, p, g, e: (pg + e) / (pp + gg - pg + e)), "iou"),
    (ch12.check_soft_dice, lambda *a, **b: 1 - einsum_dice(*a, **b), "loss"),
    (ch12.check_soft_dice, lambda *a, **b: einsum_dice(*a, **b).detach(), "no-gradient"),
    (ch12.check_soft_dice, through_numpy, "no-gradient"),
    (ch12.check_soft_dice, lambda *a, **b: einsum_dice(*a, **b).tolist(), "no-gradient"),
]


@pytest.mark.parametrize(("check", "answer", "mistake"), TYPICAL)
def test_typical_wrong_answers_are_named(check, answer, mistake):
    feedback = check(answer)
    assert (feedback.passed, feedback.mistake) == (False, mistake), feedback


def test_every_known_mistake_is_among_them():
    assert {(check, mistake) for check, _, mistake in TYPICAL} == {
        (each.check, mistake.name) for each in (ch12.SOFT_DICE,) for mistake in each.mistakes}


def test_a_missing_gradient_has_a_message_of_its_own():
    assert ch12.check_soft_dice(through_numpy).message == (
        "Not yet (no-gradient): the values are right, but no gradient comes back from them to the probabilities: what "
        "you return is no tensor, or it has left PyTorch on its way.")


def test_nothing_and_an_error_are_told_apart_from_a_missing_gradient():
    assert ch12.check_soft_dice(lambda p, g, smooth=1e-6: None).message == "Not answered yet."
    feedback = ch12.check_soft_dice(lambda p, g: image_by_image(p, g))
    assert feedback.mistake is None and "raised TypeError" in feedback.message
