"""Two exercises of chapter 12: the IoU of two boxes, and the suppression of duplicates."""
import numpy as np

from cnnlib.boxes import box_iou, nms
from cnnlib.exercises._check import Exercise, Mistake


def _iou(box1, box2):
    return box_iou([box1], [box2])[0, 0]


def _sides(box):
    return np.subtract(box[2:], box[:2])


def _meeting(box1, box2):
    """Return width and height of the intersection, negative along an axis on which the boxes stand apart."""
    return np.minimum(box1[2:], box2[2:]) - np.maximum(box1[:2], box2[:2])


def _outer(box1, box2):
    return np.maximum(box1[2:], box2[2:]) - np.minimum(box1[:2], box2[:2])


def _ratio(shared=lambda *boxes: np.prod(np.maximum(_meeting(*boxes), 0)), area=lambda box: np.prod(_sides(box)),
           below=lambda one, two, both: one + two - both, factor=1):
    """Return an IoU with parts of it replaced: the intersection, the areas, what stands below the line."""
    def answer(box1, box2):
        both = shared(box1, box2)
        return factor * both / below(area(box1), area(box2), both)
    return answer


def _shared_over_outer(box1, box2):
    return np.prod(np.maximum(_meeting(box1, box2), 0)) / np.prod(_outer(box1, box2))


def _as_corner_and_size(box1, box2):
    return _iou(*([x, y, x + width, y + height] for x, y, width, height in (box1, box2)))


IOU_OF_TWO = Exercise(
    name="iou_of_two",
    objective=2,
    reference=_iou,
    cases=(
        ([0, 0, 10, 10], [5, 0, 15, 10]),
        ([0, 0, 4, 4], [2, 1, 6, 7]),
        ([0, 0, 10, 10], [2, 3, 6, 8]),
        ([3, 2, 9, 7], [3, 2, 9, 7]),
        ([0, 0, 6, 4], [6, 1, 9, 9]),
        ([0, 0, 3, 5], [7, 1, 9, 6]),
        ([0, 0, 3, 4], [8, 9, 13, 11]),
    ),
    mistakes=(
        Mistake("one-pixel-more",
                "you add 1 to the sides. These are coordinates, not pixel numbers: how wide is a box from 0 to 10?",
                _ratio(lambda *boxes: np.prod(np.maximum(_meeting(*boxes) + 1, 0)),
                       lambda box: np.prod(_sides(box) + 1))),
        Mistake("no-clamp",
                "right for boxes that meet. What are your width and height of the intersection where they stand apart?",
                _ratio(lambda *boxes: np.prod(_meeting(*boxes)))),
        Mistake("product-clamped",
                "you clamp the area at 0. Boxes apart along both axes have two negative sides; what is their product?",
                _ratio(lambda *boxes: np.maximum(np.prod(_meeting(*boxes)), 0))),
        Mistake("counted-twice",
                "you divide by the sum of the two areas. How often does it count what the boxes share?",
                _ratio(below=lambda one, two, both: one + two)),
        Mistake("dice",
                "that is the Dice coefficient, twice the intersection over the sum of the areas. IoU divides by the "
                "union.",
                _ratio(below=lambda one, two, both: one + two, factor=2)),
        Mistake("box-around",
                "you divide by the smallest box around both, or multiply an IoU along each axis, which is the same. "
                "That box also holds corners that belong to neither.",
                _shared_over_outer),
        Mistake("smaller-area",
                "you divide by the smaller box: a box inside another would get 1. What does the U stand for?",
                _ratio(below=lambda one, two, both: min(one, two))),
        Mistake("intersection-alone",
                "that is the intersection, in square pixels. IoU is a share of something.",
                _ratio(below=lambda one, two, both: 1)),
        Mistake("sides-added",
                "you add width and height of the intersection. An area is their product.",
                _ratio(lambda *boxes: np.sum(np.maximum(_meeting(*boxes), 0)))),
        Mistake("sides-added-everywhere",
                "your areas are sums of two sides. An area is their product.",
                _ratio(lambda *boxes: np.sum(np.maximum(_meeting(*boxes), 0)), lambda box: np.sum(_sides(box)))),
        Mistake("outer-corners",
                "your intersection is the box around both. Which of the two left edges does it begin at?",
                _ratio(lambda *boxes: np.prod(_outer(*boxes)))),
        Mistake("corner-and-size",
                "you read the last two numbers as width and height. Here they are the second corner.",
                _as_corner_and_size),
    ),
)


def _nms(boxes, scores, iou_threshold):
    return nms(boxes, scores, iou_threshold=iou_threshold)


def _greedy(boxes, scores, iou_threshold, *, order=None, against=lambda kept, gone: kept, beats=np.greater):
    """Go through the boxes; ``against`` says with which earlier ones a box is compared, ``beats`` when it goes."""
    order = np.argsort(-scores, kind="stable") if order is None else order
    iou, kept, gone = box_iou(boxes, boxes), [], []
    for i in order:
        loses = any(beats(iou[i, j], iou_threshold) for j in against(kept, gone))
        (gone if loses else kept).append(i)
    return np.array(kept)


def _ordered(order):
    return lambda boxes, scores, iou_threshold: _greedy(boxes, scores, iou_threshold, order=order(scores))


def _compared(**how):
    return lambda boxes, scores, iou_threshold: _greedy(boxes, scores, iou_threshold, **how)


def _finished(finish):
    """Return the right function followed by a wrong last step."""
    return lambda boxes, scores, iou_threshold: finish(boxes, scores, _nms(boxes, scores, iou_threshold))


def _keeps_the_overlapping(boxes, scores, iou_threshold):
    left, kept, iou = np.argsort(-scores, kind="stable"), [], box_iou(boxes, boxes)
    while left.size:
        kept.append(left[0])
        left = left[1:][iou[left[0], left[1:]] > iou_threshold]
    return kept


def _merged(boxes, scores, iou_threshold):
    left, merged, iou = np.argsort(-scores, kind="stable"), [], box_iou(boxes, boxes)
    while left.size:
        near = iou[left[0], left] > iou_threshold  # itself, too
        merged.append(boxes[left[near]].mean(axis=0))
        left = left[~near]
    return np.array(merged)


def _boxes(count, seed):
    rng = np.random.default_rng(seed)
    start, size = rng.integers(0, 30, (count, 2)), rng.integers(12, 25, (count, 2))
    return np.hstack([start, start + size])


CHAIN = np.array([[0, 0, 10, 10], [4, 0, 14, 10], [8, 0, 18, 10]])  # IoU of neighbors 6/14, of the ends 2/18
PAIRS = np.array([[1, 1, 11, 11], [31, 0, 41, 10], [0, 0, 10, 10], [30, 0, 40, 10]])
GREEDY_NMS = Exercise(
    name="greedy_nms",
    objective=2,
    reference=_nms,
    cases=(
        (np.array([[0, 0, 10, 10], [1, 0, 11, 10], [20, 0, 30, 10]]), np.array([0.8, 0.9, 0.5]), 0.5),
        (np.array([[0, 0, 10, 10], [0, 0, 10, 5], [20, 20, 24, 24]]), np.array([0.6, 0.7, 0.2]), 0.5),
        (CHAIN, np.array([0.9, 0.8, 0.7]), 0.3),
        (CHAIN, np.array([0.6, 0.6, 0.4]), 0.4),
        (PAIRS, np.array([0.7, 0.6, 0.9, 0.8]), 0.5),
        (_boxes(12, 1), np.random.default_rng(2).permutation(12) / 12, 0.35),
    ),
    mistakes=(
        Mistake("at-the-threshold",
                "you discard a box whose IoU is exactly the threshold. Only those above it go.",
                _compared(beats=np.greater_equal)),
        Mistake("lowest-first",
                "you begin with the lowest score, so the worst box of each heap stays.",
                _ordered(lambda scores: np.argsort(scores, kind="stable"))),
        Mistake("not-sorted",
                "you take the boxes as they come. The most certain one has to come first.",
                _ordered(lambda scores: np.arange(len(scores)))),
        Mistake("later-tie-first",
                "of boxes with equal scores you take the later one first. What does reversing a sorted list do to "
                "them?",
                _ordered(lambda scores: np.argsort(scores, kind="stable")[::-1])),
        Mistake("discarded-by-the-discarded",
                "boxes that are gone still discard others. With which boxes is the next one compared?",
                _compared(against=lambda kept, gone: kept + gone)),
        Mistake("best-alone",
                "you compare with the very best box and stop there. Every box that stays clears its surroundings.",
                _compared(against=lambda kept, gone: kept[:1])),
        Mistake("last-kept-alone",
                "you compare with the box kept last. A duplicate of an earlier one slips through.",
                _compared(against=lambda kept, gone: kept[-1:])),
        Mistake("keeps-the-overlapping",
                "after the best box you go on with those that overlap it. These are the ones to discard.",
                _keeps_the_overlapping),
        Mistake("merges",
                "you average a box with its duplicates. Suppression changes no box: it returns indices of those that "
                "stay.",
                _merged),
        Mistake("boxes-for-indices",
                "you return the boxes. The exercise asks for their indices, so that scores and labels can follow.",
                _finished(lambda boxes, scores, kept: boxes[kept])),
        Mistake("places-in-the-sorted-list",
                "your indices count in the sorted list. The caller's boxes are in their own order.",
                _finished(lambda boxes, scores, kept: np.argsort(np.argsort(-scores, kind="stable"))[kept])),
        Mistake("mask",
                "you return a True or False for each box. The exercise asks for indices, highest score first.",
                _finished(lambda boxes, scores, kept: np.isin(np.arange(len(boxes)), kept))),
        Mistake("in-order-of-index",
                "the right boxes, in the order of the input. The highest score comes first.",
                _finished(lambda boxes, scores, kept: np.sort(kept))),
    ),
)
