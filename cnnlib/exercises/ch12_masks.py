"""An exercise of chapter 12: the Dice coefficient of probabilities, through which a gradient comes."""
import numpy as np
import torch

from cnnlib.exercises._check import Exercise, Feedback, Mistake
from cnnlib.losses import dice_loss

NO_GRADIENT = Mistake(
    "no-gradient",
    "the values are right, but no gradient comes back from them to the probabilities: what you return is no tensor, or "
    "it has left PyTorch on its way.",
    lambda p, g, smooth=1e-6: _dice(p.detach(), g, smooth))


class WithGradient(Exercise):
    """An exercise whose right values must also carry a gradient to the first argument, a tensor."""

    def check(self, answer):
        """Return feedback as every exercise does; right values without a gradient are no right answer.

        Args:
            answer: what the reader wrote; None is unanswered.

        Returns:
            Feedback.
        """
        feedback = super().check(answer)
        if not feedback.passed:
            return feedback
        first, *others = self.cases[0]
        try:
            result = answer(first.clone().requires_grad_(), *(other.clone() for other in others))
        except Exception:  # as numpy() of a tensor that needs a gradient
            result = None
        if getattr(result, "requires_grad", False):
            return feedback
        return Feedback(False, NO_GRADIENT.name, f"Not yet ({NO_GRADIENT.name}): {NO_GRADIENT.message}")


def _dice(p, g, smooth=1e-6):
    return 1 - dice_loss(p, g, smooth=smooth, reduction="none")


def _fraction(*, axes=lambda x: tuple(range(1, x.ndim)), factor=2, power=2, above=1, below=1):
    """Return the coefficient with parts of it replaced: axes of the sums, factor, power, smooth above and below."""
    def answer(p, g, smooth=1e-6):
        both, one, two = (x.sum(axes(x)) for x in (p * g, p**power, g**power))
        return (factor * both + above * smooth) / (one + two + below * smooth)
    return answer


def _of_the_sums(p, g, smooth=1e-6):
    one, two = p.flatten(1).sum(1), g.flatten(1).sum(1)
    return (2 * (p * g).flatten(1).sum(1) + smooth) / (one**2 + two**2 + smooth)


def _iou(p, g, smooth=1e-6):
    dice = _dice(p, g, 0)
    both = dice * ((p * p).flatten(1).sum(1) + (g * g).flatten(1).sum(1)) / 2
    return (both + smooth) / (2 * both / dice - both + smooth)


def _case(shape, seed, share=0.3):
    rng = np.random.default_rng(seed)
    probabilities = np.round(rng.uniform(0.01, 0.49, shape) + 0.5 * (rng.random(shape) < share), 2)
    targets = rng.random(shape) < share
    targets[(slice(None), *[0] * (len(shape) - 1))] = True  # no image without an object
    return torch.tensor(probabilities), torch.tensor(targets, dtype=torch.float64)


TINY = torch.tensor([[[0.9, 0.2], [0.3, 0.6]]], dtype=torch.float64)
SOFT_DICE = WithGradient(
    name="soft_dice",
    objective=6,
    reference=_dice,
    cases=(
        (TINY, torch.tensor([[[1.0, 0.0], [0.0, 1.0]]], dtype=torch.float64)),
        (TINY, torch.tensor([[[0.0, 0.0], [0.0, 1.0]]], dtype=torch.float64), {"smooth": 1.0}),
        _case((2, 3, 4), 1),
        (*_case((3, 4, 5), 2, share=0.1), {"smooth": 0.5}),
        (*_case((2, 2, 3, 4), 3), {"smooth": 1.0}),
    ),
    mistakes=(
        Mistake("two-forgotten",
                "your best value is a half. What does a perfect answer have above and below the line?",
                _fraction(factor=1)),
        Mistake("plain-sums",
                "you add the probabilities below the line. V-Net adds their squares; for a mask that is the same.",
                _fraction(power=1)),
        Mistake("squares-of-sums",
                "you square the sums. Square each number first, then add.",
                _of_the_sums),
        Mistake("whole-batch",
                "you return one number: all images are summed together, and a small object drowns in a large one. "
                "Which axis must stay?",
                _fraction(axes=lambda x: tuple(range(x.ndim)))),
        Mistake("mean-of-the-images",
                "you average over the images. The exercise asks for one number for each.",
                lambda p, g, smooth=1e-6: _dice(p, g, smooth).mean()),
        Mistake("last-axis-alone",
                "you sum along the last axis. An image is all axes but the first.",
                _fraction(axes=lambda x: -1)),
        Mistake("last-two-axes",
                "you sum over the last two axes. A volume has three: take all but the first.",
                _fraction(axes=lambda x: (-2, -1))),
        Mistake("batch-axis-summed",
                "you sum over the images and keep the pixels. It is the other way round.",
                _fraction(axes=lambda x: 0)),
        Mistake("no-smooth",
                "you do not use `smooth`. What is your value where there is no object and none is found?",
                _fraction(above=0, below=0)),
        Mistake("smooth-below-alone",
                "`smooth` stands below the line alone: where there is nothing and nothing is found, you give 0, not 1.",
                _fraction(above=0)),
        Mistake("smooth-above-alone",
                "`smooth` stands above the line alone: a perfect answer gets more than 1.",
                _fraction(below=0)),
        Mistake("thresholded",
                "you make a mask of the probabilities first. A step has no slope, so nothing can be learned from it.",
                lambda p, g, smooth=1e-6: _dice((p > 0.5).to(p.dtype), g, smooth)),
        Mistake("iou",
                "that is a soft IoU: you take what both share away below the line. Dice does not.",
                _iou),
        Mistake("loss",
                "that is the loss. The exercise asks for the coefficient, 1 for a perfect answer.",
                lambda p, g, smooth=1e-6: 1 - _dice(p, g, smooth)),
        NO_GRADIENT,
    ),
)
