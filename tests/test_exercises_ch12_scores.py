"""The exercises of chapter 12 about cells and average precision: right answers pass, wrong ones are named."""
import numpy as np
import pytest
import torch

from cnnlib.boxes import mean_average_precision
from cnnlib.exercises import ch12
from cnnlib.models.yolo import yolo_targets

# Right answers, read from the book's target, by COCO's rules, and written with loops.

def read_from_the_grid(box, image_size, grid_size):
    target = yolo_targets([box], [0], image_size=image_size, grid_size=grid_size, num_classes=1)
    row, column = torch.nonzero(target[..., 4])[0].tolist()
    return row, column, *target[row, column, :4].tolist()


def by_remainder(box, image_size, grid_size):
    x1, y1, x2, y2 = box
    cell = image_size / grid_size
    (column, x), (row, y) = (divmod((low + high) / 2, cell) for low, high in ((x1, x2), (y1, y2)))
    return row, column, x / cell, y / cell, (x2 - x1) / image_size, (y2 - y1) / image_size


def curve(scores, hits, total):
    """Return a list of (precision, recall), as the threshold falls."""
    found, points = 0, []
    for seen, (_, hit) in enumerate(sorted(zip(scores, hits, strict=True), reverse=True), start=1):
        found += bool(hit)
        points.append((found / seen, found / total))
    return points


def best_at(points, level):
    return max((precision for precision, recall in points if recall >= level), default=0)


def looped_ap(scores, hits, total):
    points = curve(scores, hits, total)
    return sum(best_at(points, level / 100) for level in range(101)) / 101


def ap_of_coco(scores, hits, total):
    boxes = [[20 * i, 0, 20 * i + 10, 10] for i in range(total + len(hits))]
    places = np.where(hits, np.cumsum(hits) - 1, total + np.arange(len(hits)))
    found = {"boxes": [boxes[i] for i in places], "scores": scores, "labels": [0] * len(hits)}
    return mean_average_precision([{"boxes": boxes[:total], "labels": [0] * total}], [found])["AP50"]


@pytest.mark.parametrize(("check", "answer"), [
    (ch12.check_yolo_cell, read_from_the_grid),
    (ch12.check_yolo_cell, by_remainder),
    (ch12.check_ap_of_detections, looped_ap),
    (ch12.check_ap_of_detections, ap_of_coco),
])
def test_an_answer_written_another_way_passes(check, answer):
    feedback = check(answer)
    assert feedback.passed, feedback


def test_a_cell_of_a_target_is_what_the_papers_grid_holds():
    assert ch12.YOLO_CELL.reference([40, 40, 60, 80], 96, 12) == pytest.approx((7, 6, 0.25, 0.5, 20 / 96, 40 / 96))


# Wrong answers as readers write them.

def cell(change):
    """Return the right six numbers, changed; change(row, column, x, y, width, height, image_size, grid_size)."""
    return lambda box, i, s: change(*by_remainder(box, i, s), i, s)


def rounded_cell(box, i, s):
    x, y = (box[0] + box[2]) / 2 / i * s, (box[1] + box[3]) / 2 / i * s
    return round(y), round(x), x - round(x), y - round(y), (box[2] - box[0]) / i, (box[3] - box[1]) / i


def corner_cell(box, i, s):
    x, y = box[0] / i * s, box[1] / i * s
    return int(y), int(x), x - int(x), y - int(y), (box[2] - box[0]) / i, (box[3] - box[1]) / i


def read_as_size(box, i, s):
    x, y, width, height = box
    return by_remainder([x, y, x + width, y + height], i, s)


def read_as_center(box, i, s):
    x, y, width, height = box
    return by_remainder([x - width / 2, y - height / 2, x + width / 2, y + height / 2], i, s)


def unsorted_ap(scores, hits, total):
    return looped_ap(range(len(hits), 0, -1), hits, total)


def first_reached(scores, hits, total):
    points = curve(scores, hits, total)
    return np.mean([next((p for p, r in points if r >= level / 100), 0) for level in range(101)])


def running_best(scores, hits, total):
    points = curve(scores, hits, total)
    best = [max(p for p, _ in points[:i + 1]) for i in range(len(points))]
    return np.mean([next((p for p, (_, r) in zip(best, points, strict=True) if r >= level / 100), 0)
                    for level in range(101)])


def averaged_over(levels):
    return lambda scores, hits, total: np.mean([
        best_at(curve(scores, hits, total), level) for level in levels(curve(scores, hits, total)[-1][1])])


def stepped(scores, hits, total):
    points, area, before = curve(scores, hits, total), 0, 0
    for _, recall in points:
        area += (recall - before) * best_at(points, recall)
        before = recall
    return area


def at_hits(scores, hits, total):
    order = np.argsort(-scores)
    return sum(hits[order][:i + 1].mean() for i in range(len(hits)) if hits[order][i]) / total


TYPICAL = [
    (ch12.check_yolo_cell, cell(lambda r, c, x, y, w, h, i, s: (c, r, x, y, w, h)), "row-and-column-swapped"),
    (ch12.check_yolo_cell, cell(lambda r, c, x, y, w, h, i, s: (r, c, y, x, w, h)), "offsets-swapped"),
    (ch12.check_yolo_cell, cell(lambda r, c, x, y, w, h, i, s: (r, c, x, y, h, w)), "width-and-height-swapped"),
    (ch12.check_yolo_cell, lambda box, i, s: (*by_remainder(box, i, s)[:2], (box[0] + box[2]) / 2 / i,
                                              (box[1] + box[3]) / 2 / i, *by_remainder(box, i, s)[4:]),
     "offsets-of-the-image"),
    (ch12.check_yolo_cell, cell(lambda r, c, x, y, w, h, i, s: (r, c, x * i / s, y * i / s, w, h)),
     "offsets-in-pixels"),
    (ch12.check_yolo_cell, cell(lambda r, c, x, y, w, h, i, s: (r, c, x - 0.5, y - 0.5, w, h)),
     "offsets-from-the-middle"),
    (ch12.check_yolo_cell, cell(lambda r, c, x, y, w, h, i, s: (r, c, x, y, w * s, h * s)), "size-in-cells"),
    (ch12.check_yolo_cell, lambda box, i, s: (*by_remainder(box, i, s)[:4], box[2] - box[0], box[3] - box[1]),
     "size-in-pixels"),
    (ch12.check_yolo_cell, cell(lambda r, c, x, y, w, h, i, s: (r, c, x, y, w / 2, h / 2)), "half-sizes"),
    (ch12.check_yolo_cell, cell(lambda r, c, x, y, w, h, i, s: (r, c, x, y, w**0.5, h**0.5)), "square-roots"),
    (ch12.check_yolo_cell, rounded_cell, "rounded"),
    (ch12.check_yolo_cell, cell(lambda r, c, x, y, w, h, i, s: (r + 1, c + 1, x, y, w, h)), "cells-from-1"),
    (ch12.check_yolo_cell, corner_cell, "corner-for-center"),
    (ch12.check_yolo_cell, read_as_size, "corner-and-size"),
    (ch12.check_yolo_cell, read_as_center, "center-and-size"),
    (ch12.check_ap_of_detections, unsorted_ap, "not-sorted"),
    (ch12.check_ap_of_detections, lambda scores, hits, total: looped_ap(1 - scores, hits, total), "lowest-first"),
    (ch12.check_ap_of_detections, lambda scores, hits, total: looped_ap(scores, hits, sum(hits)),
     "recall-of-the-found"),
    (ch12.check_ap_of_detections, first_reached, "no-envelope"),
    (ch12.check_ap_of_detections, running_best, "envelope-from-the-left"),
    (ch12.check_ap_of_detections, averaged_over(lambda end: np.arange(11) / 10), "eleven-points"),
    (ch12.check_ap_of_detections, averaged_over(lambda end: np.arange(0, 1, 0.01)), "one-left-out"),
    (ch12.check_ap_of_detections, averaged_over(lambda end: np.arange(1, 101) / 100), "zero-left-out"),
    (ch12.check_ap_of_detections, averaged_over(lambda end: [i / 100 for i in range(101) if i / 100 <= end]),
     "unreached-left-out"),
    (ch12.check_ap_of_detections, stepped, "area"),
    (ch12.check_ap_of_detections, at_hits, "mean-at-the-hits"),
    (ch12.check_ap_of_detections, lambda *each: np.mean([p for p, _ in curve(*each)]), "mean-of-the-precisions"),
    (ch12.check_ap_of_detections, lambda scores, hits, total: sum(hits) / len(hits), "precision-at-the-end"),
]


@pytest.mark.parametrize(("check", "answer", "mistake"), TYPICAL)
def test_typical_wrong_answers_are_named(check, answer, mistake):
    feedback = check(answer)
    assert (feedback.passed, feedback.mistake) == (False, mistake), feedback


def test_every_known_mistake_is_among_them():
    assert {(check, mistake) for check, _, mistake in TYPICAL} == {
        (each.check, mistake.name) for each in (ch12.YOLO_CELL, ch12.AP_OF_DETECTIONS) for mistake in each.mistakes}
