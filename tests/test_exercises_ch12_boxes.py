"""The exercises of chapter 12 about boxes: right answers pass, typical wrong ones are told their mistake."""
import math

import numpy as np
import pytest
import torch

from cnnlib.exercises import ch12
from cnnlib.losses import box_iou_loss

# Right answers, written with PyTorch and loops.

def overlap(low1, high1, low2, high2):
    return max(0, min(high1, high2) - max(low1, low2))


def size(box):
    return (box[2] - box[0]) * (box[3] - box[1])


def shared(a, b):
    return overlap(a[0], a[2], b[0], b[2]) * overlap(a[1], a[3], b[1], b[3])


def plain_iou(a, b):
    return shared(a, b) / (size(a) + size(b) - shared(a, b))


def torch_iou(a, b):
    return 1 - box_iou_loss(*torch.tensor([[a], [b]], dtype=torch.float64), reduction="sum")


def looped_nms(boxes, scores, iou_threshold):
    kept = []
    for i in sorted(range(len(boxes)), key=lambda i: scores[i], reverse=True):
        if all(plain_iou(boxes[i], boxes[j]) <= iou_threshold for j in kept):
            kept.append(i)
    return kept


def crossed_out(boxes, scores, iou_threshold):
    alive, kept = np.ones(len(boxes), bool), []
    for i in np.lexsort((np.arange(len(scores)), -scores)):
        if alive[i]:
            kept.append(i)
            alive &= np.array([plain_iou(boxes[i], box) <= iou_threshold for box in boxes])
    return torch.tensor(np.array(kept))


@pytest.mark.parametrize(("check", "answer"), [
    (ch12.check_iou_of_two, plain_iou),
    (ch12.check_iou_of_two, torch_iou),
    (ch12.check_greedy_nms, looped_nms),
    (ch12.check_greedy_nms, crossed_out),
])
def test_an_answer_written_another_way_passes(check, answer):
    feedback = check(answer)
    assert feedback.passed, feedback


# Wrong answers as readers write them.

def area_plus(a):
    return (a[2] - a[0] + 1) * (a[3] - a[1] + 1)


def pixel_iou(a, b):
    both = overlap(a[0], a[2] + 1, b[0], b[2] + 1) * overlap(a[1], a[3] + 1, b[1], b[3] + 1)
    return both / (area_plus(a) + area_plus(b) - both)


def meeting(a, b):
    return min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])


def around(a, b):
    return (max(a[2], b[2]) - min(a[0], b[0])) * (max(a[3], b[3]) - min(a[1], b[1]))


def over_union(both):
    return lambda a, b: both(a, b) / (size(a) + size(b) - both(a, b))


def iou_of_axes(a, b):
    first, second = (overlap(a[i], a[i + 2], b[i], b[i + 2]) for i in (0, 1))
    return first / (a[2] - a[0] + b[2] - b[0] - first) * second / (a[3] - a[1] + b[3] - b[1] - second)


def added(a, b):
    return overlap(a[0], a[2], b[0], b[2]) + overlap(a[1], a[3], b[1], b[3])


def perimeters(a, b):
    one, two = (sum(box[2:]) - sum(box[:2]) for box in (a, b))
    return added(a, b) / (one + two - added(a, b))


def with_sizes(a, b):
    return plain_iou(*((x, y, x + w, y + h) for x, y, w, h in (a, b)))


def suppressing(*, order=None, stays=None):
    """Return NMS that takes boxes in another order, or lets a box stay by another rule."""
    def answer(boxes, scores, t):
        kept, seen = [], []
        for i in order(scores) if order else sorted(range(len(scores)), key=lambda i: -scores[i]):
            near = [plain_iou(boxes[i], boxes[j]) for j in kept], [plain_iou(boxes[i], boxes[j]) for j in seen]
            if (stays or (lambda kept, seen, t: all(each <= t for each in kept)))(*near, t):
                kept.append(i)
            seen.append(i)
        return kept
    return answer


def going_on_with_overlaps(boxes, scores, t):
    left, kept = sorted(range(len(scores)), key=lambda i: -scores[i]), []
    while left:
        best = left.pop(0)
        kept.append(best)
        left = [i for i in left if plain_iou(boxes[best], boxes[i]) > t]
    return kept


def averaged(boxes, scores, t):
    left, means = sorted(range(len(scores)), key=lambda i: -scores[i]), []
    while left:
        heap = [i for i in left if plain_iou(boxes[left[0]], boxes[i]) > t]
        means.append(sum(boxes[i] for i in heap) / len(heap))
        left = [i for i in left if i not in heap]
    return means


def ranks(boxes, scores, t):
    order = sorted(range(len(scores)), key=lambda i: -scores[i])
    return [order.index(i) for i in looped_nms(boxes, scores, t)]


def flags(boxes, scores, t):
    return [i in looped_nms(boxes, scores, t) for i in range(len(boxes))]


TYPICAL = [
    (ch12.check_iou_of_two, pixel_iou, "one-pixel-more"),
    (ch12.check_iou_of_two, over_union(lambda a, b: math.prod(meeting(a, b))), "no-clamp"),
    (ch12.check_iou_of_two, over_union(lambda a, b: max(0, math.prod(meeting(a, b)))), "product-clamped"),
    (ch12.check_iou_of_two, lambda a, b: shared(a, b) / (size(a) + size(b)), "counted-twice"),
    (ch12.check_iou_of_two, lambda a, b: 2 * shared(a, b) / (size(a) + size(b)), "dice"),
    (ch12.check_iou_of_two, lambda a, b: shared(a, b) / around(a, b), "box-around"),
    (ch12.check_iou_of_two, iou_of_axes, "box-around"),
    (ch12.check_iou_of_two, lambda a, b: shared(a, b) / min(size(a), size(b)), "smaller-area"),
    (ch12.check_iou_of_two, shared, "intersection-alone"),
    (ch12.check_iou_of_two, over_union(added), "sides-added"),
    (ch12.check_iou_of_two, perimeters, "sides-added-everywhere"),
    (ch12.check_iou_of_two, over_union(around), "outer-corners"),
    (ch12.check_iou_of_two, with_sizes, "corner-and-size"),
    (ch12.check_greedy_nms, suppressing(stays=lambda kept, seen, t: all(each < t for each in kept)),
     "at-the-threshold"),
    (ch12.check_greedy_nms, suppressing(order=lambda scores: sorted(range(len(scores)), key=lambda i: scores[i])),
     "lowest-first"),
    (ch12.check_greedy_nms, suppressing(order=lambda scores: range(len(scores))), "not-sorted"),
    (ch12.check_greedy_nms, suppressing(order=lambda scores: [
        i for _, i in sorted(zip(scores, range(len(scores)), strict=True))][::-1]), "later-tie-first"),
    (ch12.check_greedy_nms, suppressing(stays=lambda kept, seen, t: all(each <= t for each in seen)),
     "discarded-by-the-discarded"),
    (ch12.check_greedy_nms, suppressing(stays=lambda kept, seen, t: not kept or kept[0] <= t), "best-alone"),
    (ch12.check_greedy_nms, suppressing(stays=lambda kept, seen, t: not kept or kept[-1] <= t), "last-kept-alone"),
    (ch12.check_greedy_nms, going_on_with_overlaps, "keeps-the-overlapping"),
    (ch12.check_greedy_nms, averaged, "merges"),
    (ch12.check_greedy_nms, lambda boxes, *rest: [boxes[i] for i in looped_nms(boxes, *rest)], "boxes-for-indices"),
    (ch12.check_greedy_nms, ranks, "places-in-the-sorted-list"),
    (ch12.check_greedy_nms, flags, "mask"),
    (ch12.check_greedy_nms, lambda *each: sorted(looped_nms(*each)), "in-order-of-index"),
]


@pytest.mark.parametrize(("check", "answer", "mistake"), TYPICAL)
def test_typical_wrong_answers_are_named(check, answer, mistake):
    feedback = check(answer)
    assert (feedback.passed, feedback.mistake) == (False, mistake), feedback


def test_every_known_mistake_is_among_them():
    assert {(check, mistake) for check, _, mistake in TYPICAL} == {
        (each.check, mistake.name) for each in (ch12.IOU_OF_TWO, ch12.GREEDY_NMS) for mistake in each.mistakes}


def test_an_unknown_mistake_shows_the_smallest_case():
    feedback = ch12.check_greedy_nms(lambda boxes, scores, iou_threshold: [0, 2])
    assert feedback.mistake is None
    assert feedback.message == ("greedy_nms([[0, 0, 10, 10], [1, 0, 11, 10], [20, 0, 30, 10]], [0.8, 0.9, 0.5], 0.5) "
                                "should be [1, 2], got [0, 2].")
