"""Of boxes that overlap keep the best: non-maximum suppression."""
import numpy as np

from cnnlib._arguments import above_zero, at_least_zero, fraction
from cnnlib.boxes._checks import checked_boxes, checked_labels, checked_scores
from cnnlib.boxes.geometry import overlaps, row_overlaps

BLOCK = 128  # boxes that are looked at together


def nms(boxes, scores, *, iou_threshold):
    """Go through the boxes from the highest score down and discard each that overlaps one kept before.

    Args:
        boxes: (N, 4), x1, y1, x2, y2 in pixels.
        scores: (N,); of equal scores the box with the lower index comes first.
        iou_threshold: a fraction of 1; a box goes if its IoU with a kept one is above it, not if it is equal.

    Returns:
        Indices of the kept boxes, highest score first.

    Raises:
        ValueError: a box has no width, no height or no finite number, there is not one score a box, or the threshold
            is no fraction.

    >>> nms([[0, 0, 10, 10], [1, 0, 11, 10], [20, 0, 30, 10]], [0.8, 0.9, 0.5], iou_threshold=0.5)
    array([1, 2])
    """
    boxes = checked_boxes("nms", "boxes", boxes)
    scores = checked_scores("nms", scores, len(boxes))
    return _greedy(boxes, scores, fraction("nms", "iou_threshold", iou_threshold))


def batched_nms(boxes, scores, labels, *, iou_threshold):
    """Suppress boxes of one class by boxes of the same class only.

    Args:
        boxes: (N, 4), x1, y1, x2, y2 in pixels.
        scores: (N,).
        labels: the class of each box, or its picture, (N,) whole numbers.
        iou_threshold: a fraction of 1.

    Returns:
        Indices of the kept boxes of all classes, highest score first.

    Raises:
        ValueError: as ``nms``, or there is not one label a box.

    >>> batched_nms([[0, 0, 10, 10], [1, 0, 11, 10]], [0.8, 0.9], [0, 1], iou_threshold=0.5)
    array([1, 0])
    """
    boxes = checked_boxes("batched_nms", "boxes", boxes)
    scores = checked_scores("batched_nms", scores, len(boxes))
    labels = checked_labels("batched_nms", labels, len(boxes))
    iou_threshold = fraction("batched_nms", "iou_threshold", iou_threshold)
    members = (np.flatnonzero(labels == label) for label in np.unique(labels))
    kept = [each[_greedy(boxes[each], scores[each], iou_threshold)] for each in members]
    kept = np.sort(np.concatenate([np.zeros(0, int), *kept]))
    return kept[np.argsort(-scores[kept], kind="stable")]


def soft_nms(boxes, scores, *, sigma=0.5, iou_threshold=None, score_threshold=0.001):
    """Lower the scores of boxes that overlap a better one instead of discarding them.

    Args:
        boxes: (N, 4), x1, y1, x2, y2 in pixels.
        scores: (N,), at least 0.
        sigma: how gently a score falls: times exp(-IoU² / sigma).
        iou_threshold: None, or a fraction of 1: then a score falls by the factor 1 - IoU where the IoU is above it.
        score_threshold: boxes end here whose score has fallen below it.

    Returns:
        Indices of the boxes in the order in which they were taken, and their scores then.

    Raises:
        ValueError: boxes or scores are not as for ``nms``, or an option does not fit.

    Source:
        Bodla et al. (2017), Soft-NMS, figure 2 and eqs. 1 and 3.

    >>> indices, left = soft_nms([[0, 0, 10, 10], [1, 0, 11, 10], [20, 0, 30, 10]], [0.8, 0.9, 0.5])
    >>> indices, left.round(3)
    (array([1, 2, 0]), array([0.9 , 0.5 , 0.21]))
    """
    boxes = checked_boxes("soft_nms", "boxes", boxes)
    scores = checked_scores("soft_nms", scores, len(boxes)).copy()
    if (scores < 0).any():
        raise ValueError(f"soft_nms: scores must be at least 0, got {scores.min()}")
    sigma, least = above_zero("soft_nms", "sigma", sigma), at_least_zero("soft_nms", "score_threshold", score_threshold)
    if iou_threshold is not None:
        iou_threshold = fraction("soft_nms", "iou_threshold", iou_threshold)
    left, taken = np.flatnonzero(scores >= least), []
    while left.size:
        best = left[scores[left].argmax()]
        taken.append(best)
        left = left[left != best]
        intersection, union = overlaps(boxes[best:best + 1], boxes[left])
        iou = (intersection / union)[0]
        if iou_threshold is None:
            scores[left] *= np.exp(-(iou**2) / sigma)
        else:
            scores[left] *= np.where(iou > iou_threshold, 1 - iou, 1)
        left = left[scores[left] >= least]
    taken = np.array(taken, dtype=int)
    return taken, scores[taken]


def _greedy(boxes, scores, threshold):
    """Return the indices of the kept boxes, block by block: first among themselves, then against all that are left."""
    left, kept = np.argsort(-scores, kind="stable"), []
    while left.size:
        block, left = left[:BLOCK], left[BLOCK:]
        best = block[_first(len(block), *_above(boxes[block], boxes[block], threshold))]
        kept.append(best)
        stays = np.ones(len(left), bool)
        stays[_above(boxes[best], boxes[left], threshold)[1]] = False
        left = left[stays]
    return np.concatenate([np.zeros(0, int), *kept])


def _first(count, one, other):
    """Return which boxes stay; one[k], if it stays, discards other[k] if that comes later."""
    beats = np.zeros((count, count), bool)
    beats[one, other] = one < other
    stays = np.ones(count, bool)
    while True:  # after i rounds the first i are settled
        now = ~beats[stays].any(axis=0)
        if (now == stays).all():
            return stays
        stays = now


def _above(boxes1, boxes2, threshold):
    """Return the places in boxes1 and in boxes2 of pairs whose IoU is above the threshold; few pairs meet at all."""
    x1, y1, x2, y2 = boxes2.T
    a1, b1, a2, b2 = boxes1.T[..., None]
    meet = a1 < x2
    for condition in (x1 < a2, b1 < y2, y1 < b2):
        meet &= condition
    one, other = np.nonzero(meet)
    intersection, union = row_overlaps(boxes1[one], boxes2[other])
    above = intersection / union > threshold
    return one[above], other[above]
