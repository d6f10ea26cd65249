"""Two exercises of chapter 12: an object in YOLO's grid, and average precision."""
import numpy as np

from cnnlib.boxes import average_precision, box_convert, precision_recall_curve
from cnnlib.exercises._check import Exercise, Mistake


def _cell(box, image_size, grid_size, *, to_cell=np.floor, in_fmt="xyxy"):
    x, y, width, height = box_convert([box], in_fmt=in_fmt, out_fmt="cxcywh")[0] / image_size
    column, row = to_cell(x * grid_size), to_cell(y * grid_size)
    return row, column, x * grid_size - column, y * grid_size - row, width, height


def _changed(change):
    """Return the right function followed by ``change(the six numbers, image_size, grid_size)``."""
    return lambda box, image_size, grid_size: change(
        np.array(_cell(box, image_size, grid_size)), image_size, grid_size)


def _scaled(*factors):
    return lambda six: six * np.repeat(factors, 2)


def _from_the_corner(box, image_size, grid_size):
    x, y = np.array(box[:2]) * grid_size / image_size
    return *np.floor([y, x]), x % 1, y % 1, *_cell(box, image_size, grid_size)[4:]


def _offsets_of_the_image(six, image_size, grid_size):
    row, column, x, y, *size = six
    return row, column, (column + x) / grid_size, (row + y) / grid_size, *size


def _roots(six, image_size, grid_size):
    return *six[:4], *np.sqrt(six[4:])


YOLO_CELL = Exercise(
    name="yolo_cell",
    objective=3,
    reference=_cell,
    cases=(
        ([10, 34, 28, 50], 64, 4),
        ([8, 20, 24, 44], 64, 8),
        ([100, 40, 350, 300], 448, 7),
        ([60.5, 3, 95, 30], 96, 12),
        ([2, 70, 31, 95], 96, 6),
    ),
    mistakes=(
        Mistake("row-and-column-swapped",
                "you give the column first. Which index of an array goes down, and which coordinate says how far?",
                _changed(lambda six, i, s: six[[1, 0, 2, 3, 4, 5]])),
        Mistake("offsets-swapped",
                "your offsets are in the other order. The cell is (row, column), but the offsets are x, then y.",
                _changed(lambda six, i, s: six[[0, 1, 3, 2, 4, 5]])),
        Mistake("width-and-height-swapped",
                "your height comes before your width.",
                _changed(lambda six, i, s: six[[0, 1, 2, 3, 5, 4]])),
        Mistake("offsets-of-the-image",
                "your x and y say where in the image the center lies. Where in its *cell* does it lie?",
                _changed(_offsets_of_the_image)),
        Mistake("offsets-in-pixels",
                "your offsets are in pixels. They are shares of a cell, from 0 to 1.",
                _changed(lambda six, i, s: _scaled(1, i / s, 1)(six))),
        Mistake("offsets-from-the-middle",
                "you measure from the middle of the cell. A sigmoid gives no negative number: which corner is 0, 0?",
                _changed(lambda six, i, s: six - np.array([0, 0, 0.5, 0.5, 0, 0]))),
        Mistake("size-in-cells",
                "your width and height are in cells. A box may be larger than its cell: its size is a share of the "
                "image.",
                _changed(lambda six, i, s: _scaled(1, 1, s)(six))),
        Mistake("size-in-pixels",
                "your width and height are in pixels. The target holds shares of the image.",
                _changed(lambda six, i, s: _scaled(1, 1, i)(six))),
        Mistake("half-sizes",
                "you return half of width and height, from the center to the edge.",
                _changed(lambda six, i, s: _scaled(1, 1, 0.5)(six))),
        Mistake("square-roots",
                "you take the roots of width and height. The loss does that; the target holds the shares themselves.",
                _changed(_roots)),
        Mistake("rounded",
                "you round to the nearest cell. A center is in the cell whose left and upper edge it has passed.",
                lambda box, i, s: _cell(box, i, s, to_cell=np.round)),
        Mistake("cells-from-1",
                "you count the cells from 1.",
                _changed(lambda six, i, s: six + np.array([1, 1, 0, 0, 0, 0]))),
        Mistake("corner-for-center",
                "you look for the cell of the upper left corner. Which point of the object decides?",
                _from_the_corner),
        Mistake("corner-and-size",
                "you read the last two numbers as width and height. Here they are the second corner.",
                lambda box, i, s: _cell(box, i, s, in_fmt="xywh")),
        Mistake("center-and-size",
                "you read the box as center and size. It holds two corners.",
                lambda box, i, s: _cell(box, i, s, in_fmt="cxcywh")),
    ),
)

LEVELS = np.linspace(0, 1, 101)


def _average_precision(scores, hits, total, *, points=101):
    return average_precision(*precision_recall_curve(scores, hits, total=total)[:2], points=points)


def _without_envelope(precision, recall):
    return np.append(precision, 0)[np.searchsorted(recall, LEVELS)]


def _envelope(precision):
    return np.maximum.accumulate(precision[::-1])[::-1]


def _along(average):
    """Return a function that averages the right curve another way: average(precision, recall)."""
    return lambda scores, hits, total: float(average(*precision_recall_curve(scores, hits, total=total)[:2]))


def _area(precision, recall):
    return np.sum(np.diff(recall, prepend=0) * precision)


def _unsorted(scores, hits, total):
    return _average_precision(-np.arange(len(hits)), hits, total)


def _detections(count, hits, seed):
    rng = np.random.default_rng(seed)
    return rng.permutation(count) / count, rng.permutation(count) < hits


AP_OF_DETECTIONS = Exercise(
    name="ap_of_detections",
    objective=4,
    reference=_average_precision,
    cases=(  # no recall is within rounding of a level, but for 0.5 and 1, which are exact
        (np.array([0.9, 0.8, 0.7]), np.array([True, False, True]), 3),
        (np.array([0.5, 0.9, 0.6, 0.7]), np.array([True, False, True, True]), 3),
        (*_detections(9, 4, 0), 7),
        (*_detections(14, 7, 4), 9),
        (*_detections(16, 5, 8), 6),
    ),
    mistakes=(
        Mistake("not-sorted",
                "you take the detections as they come. The threshold falls, so the most certain one comes first.",
                _unsorted),
        Mistake("lowest-first",
                "you begin with the lowest score. Lowering the threshold, which detection comes in first?",
                lambda scores, hits, total: _average_precision(-scores, hits, total)),
        Mistake("recall-of-the-found",
                "you divide by the hits in the list. Objects that nobody found count, too.",
                lambda scores, hits, total: _average_precision(scores, hits, int(hits.sum()))),
        Mistake("no-envelope",
                "you take the precision where the recall is first reached. A higher recall may come with a better one.",
                _along(lambda precision, recall: _without_envelope(precision, recall).mean())),
        Mistake("envelope-from-the-left",
                "you carry the best precision on to higher recalls. From which side must the running maximum come?",
                _along(lambda precision, recall: _without_envelope(np.maximum.accumulate(precision), recall).mean())),
        Mistake("eleven-points",
                "you average over 11 recalls, as VOC did until 2009. COCO takes 101.",
                lambda scores, hits, total: _average_precision(scores, hits, total, points=11)),
        Mistake("one-left-out",
                "you average over 100 recalls: the last one, 1, is missing.",
                _along(lambda precision, recall: _without_envelope(_envelope(precision), recall)[:-1].mean())),
        Mistake("zero-left-out",
                "you average over 100 recalls: the first one, 0, is missing.",
                _along(lambda precision, recall: _without_envelope(_envelope(precision), recall)[1:].mean())),
        Mistake("unreached-left-out",
                "you average over the recalls that are reached. The others count with precision 0.",
                _along(lambda precision, recall: _without_envelope(_envelope(precision), recall)[
                    recall[-1] >= LEVELS].mean())),
        Mistake("area",
                "you take the exact area under the steps, as VOC since 2010. The exercise asks for 101 recalls.",
                _along(lambda precision, recall: _area(_envelope(precision), recall))),
        Mistake("mean-at-the-hits",
                "you average the precision at each hit. There is neither an envelope nor are there 101 recalls.",
                _along(_area)),
        Mistake("mean-of-the-precisions",
                "you average the precision over the detections. The recalls do not come in.",
                _along(lambda precision, recall: precision.mean())),
        Mistake("precision-at-the-end",
                "that is the precision of the whole list, one point of the curve.",
                _along(lambda precision, recall: precision[-1])),
    ),
)
