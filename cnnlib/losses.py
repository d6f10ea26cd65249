"""Losses for boxes and masks, in PyTorch; what is summed over images is the caller's choice of reduction."""
import torch
from torch.nn import functional

from cnnlib._arguments import at_least_zero, choice, number

REDUCTIONS = ("none", "mean", "sum")
EPS = 1e-7  # keeps a box without a size, which a network may predict, from dividing by zero


def sigmoid_focal_loss(inputs, targets, *, alpha=0.25, gamma=2, reduction="none"):
    """Return cross-entropy in which what is already right counts little.

    Args:
        inputs: scores before the sigmoid, of any shape.
        targets: 0 or 1 for each of them, the same shape, floating point.
        alpha: weight of the ones, a fraction of 1, the zeros get the rest; None: no weights.
        gamma: how fast a right answer loses its weight; 0 is cross-entropy.
        reduction: "none", "mean" or "sum".

    Returns:
        One loss for each score, or their mean or sum.

    Raises:
        ValueError: shapes differ, or an option does not fit.

    Source:
        Lin et al. (2017), Focal Loss for Dense Object Detection, eq. 5.

    >>> sigmoid_focal_loss(torch.tensor([0.0, 4.0]), torch.tensor([1.0, 1.0]), alpha=None).numpy().round(4)
    array([0.1733, 0.    ], dtype=float32)
    """
    _same_shape("sigmoid_focal_loss", inputs, targets)
    gamma = at_least_zero("sigmoid_focal_loss", "gamma", gamma)
    loss = functional.binary_cross_entropy_with_logits(inputs, targets, reduction="none")
    right = torch.sigmoid(inputs)
    right = right * targets + (1 - right) * (1 - targets)
    loss = loss * (1 - right) ** gamma
    if alpha is not None:
        alpha = number("sigmoid_focal_loss", "alpha", alpha, low=0, high=1, rule="a fraction of 1 or None")
        loss = loss * (alpha * targets + (1 - alpha) * (1 - targets))
    return _reduced("sigmoid_focal_loss", loss, reduction)


def dice_loss(probabilities, targets, *, smooth=1e-6, reduction="mean"):
    """Return 1 less the Dice coefficient of each image: an object counts the same however few pixels it has.

    Args:
        probabilities: of the object, (N, ...), fractions of 1.
        targets: where it is, the same shape, 0 or 1.
        smooth: added above and below the fraction line, so that nothing, rightly found nowhere, is no error.
        reduction: "none", "mean" or "sum" over the N images.

    Returns:
        One loss for each image, (N,), or their mean or sum.

    Raises:
        ValueError: shapes differ, or an option does not fit.

    Source:
        Milletari, Navab & Ahmadi (2016), V-Net, section 3: squares below the line.

    >>> round(dice_loss(torch.tensor([[0.0, 1.0, 1.0, 0.0]]), torch.tensor([[0.0, 1.0, 0.0, 0.0]])).item(), 4)
    0.3333
    """
    _same_shape("dice_loss", probabilities, targets)
    smooth = at_least_zero("dice_loss", "smooth", smooth)
    p, g = probabilities.flatten(1), targets.flatten(1)
    dice = (2 * (p * g).sum(1) + smooth) / ((p * p).sum(1) + (g * g).sum(1) + smooth)
    return _reduced("dice_loss", 1 - dice, reduction)


def box_iou_loss(boxes1, boxes2, *, reduction="none"):
    """Return 1 less the IoU of box and box, row by row; where two do not meet it cannot say in which direction to go.

    Args:
        boxes1: predicted, (N, 4), x1, y1, x2, y2.
        boxes2: wanted, (N, 4).
        reduction: "none", "mean" or "sum".

    Returns:
        (N,), or their mean or sum.

    Raises:
        ValueError: shapes do not fit, or the reduction is unknown.

    Source:
        Yu et al. (2016), UnitBox, which takes -ln IoU; here 1 - IoU as in Rezatofighi et al. (2019), algorithm 2.

    >>> box_iou_loss(torch.tensor([[0.0, 0.0, 10.0, 10.0]]), torch.tensor([[0.0, 0.0, 10.0, 5.0]]))
    tensor([0.5000])
    """
    intersection, union = _row_overlaps(_predicted("box_iou_loss", boxes1, boxes2), boxes2)
    return _reduced("box_iou_loss", 1 - intersection / (union + EPS), reduction)


def generalized_box_iou_loss(boxes1, boxes2, *, reduction="none"):
    """Return 1 less the generalized IoU, row by row: also boxes apart are pulled together.

    Args:
        boxes1: predicted, (N, 4), x1, y1, x2, y2.
        boxes2: wanted, (N, 4).
        reduction: "none", "mean" or "sum".

    Returns:
        (N,), from 0 to 2, or their mean or sum.

    Raises:
        ValueError: shapes do not fit, or the reduction is unknown.

    Source:
        Rezatofighi et al. (2019), Generalized Intersection over Union, algorithm 2.

    >>> generalized_box_iou_loss(torch.tensor([[0.0, 0.0, 10.0, 10.0]]), torch.tensor([[30.0, 0.0, 40.0, 10.0]]))
    tensor([1.5000])
    """
    boxes1 = _predicted("generalized_box_iou_loss", boxes1, boxes2)
    intersection, union = _row_overlaps(boxes1, boxes2)
    sides = torch.maximum(boxes1[:, 2:], boxes2[:, 2:]) - torch.minimum(boxes1[:, :2], boxes2[:, :2])
    around = sides.prod(dim=1)
    giou = intersection / (union + EPS) - (around - union) / (around + EPS)
    return _reduced("generalized_box_iou_loss", 1 - giou, reduction)


def _predicted(function, boxes1, boxes2):
    """Return the predicted boxes with x1 <= x2 and y1 <= y2: of reversed corners the sides are negative."""
    _same_shape(function, boxes1, boxes2)
    if boxes1.ndim != 2 or boxes1.shape[1] != 4:
        raise ValueError(f"{function}: boxes must be (N, 4), got {tuple(boxes1.shape)}")
    one, two = boxes1[:, :2], boxes1[:, 2:]
    return torch.cat([torch.minimum(one, two), torch.maximum(one, two)], dim=1)


def _row_overlaps(boxes1, boxes2):
    """Return intersection and union, (N,) each, of each row's two boxes."""
    sides = torch.minimum(boxes1[:, 2:], boxes2[:, 2:]) - torch.maximum(boxes1[:, :2], boxes2[:, :2])
    intersection = sides.clamp(min=0).prod(dim=1)
    one, two = ((boxes[:, 2:] - boxes[:, :2]).prod(dim=1) for boxes in (boxes1, boxes2))
    return intersection, one + two - intersection


def _same_shape(function, first, second):
    for each in (first, second):
        if not isinstance(each, torch.Tensor) or not each.is_floating_point() or each.layout is not torch.strided:
            got = f"{each.dtype}, {each.layout}" if isinstance(each, torch.Tensor) else type(each).__name__
            raise ValueError(f"{function}: both must be plain tensors of floats, got {got}")
    if first.shape != second.shape:
        raise ValueError(f"{function}: both must have one shape, got {tuple(first.shape)} and {tuple(second.shape)}")


def _reduced(function, loss, reduction):
    choice(function, "reduction", reduction, REDUCTIONS)
    return loss if reduction == "none" else getattr(loss, reduction)()
