"""Match detections with objects, and judge them by precision, recall and average precision."""
import numpy as np

from cnnlib._arguments import fraction, room, whole
from cnnlib._arrays import as_array
from cnnlib.boxes._checks import checked_boxes, checked_scores, numbers
from cnnlib.boxes.geometry import box_iou


def match_boxes(boxes, targets, *, iou_threshold=0.5):
    """Give each detection, in the order in which they come, the free target that it overlaps most.

    Args:
        boxes: detections, best first, (N, 4), x1, y1, x2, y2 in pixels.
        targets: what is there, (M, 4).
        iou_threshold: a fraction of 1 that the IoU must reach.

    Returns:
        For each detection the index of its target, or -1, (N,). A second detection of a taken target gets none.

    Raises:
        ValueError: a box has no width, no height or no finite number, or the threshold is no fraction.

    >>> match_boxes([[0, 0, 10, 10], [1, 0, 11, 10], [0, 20, 10, 30]], [[0, 0, 10, 10]])
    array([ 0, -1, -1])
    """
    boxes = checked_boxes("match_boxes", "boxes", boxes)
    targets = checked_boxes("match_boxes", "targets", targets)
    iou_threshold = fraction("match_boxes", "iou_threshold", iou_threshold)
    found = np.full(len(boxes), -1)
    iou = box_iou(boxes, targets)
    for i, row in enumerate(iou if len(targets) else []):
        best = row.argmax()
        if row[best] >= iou_threshold:
            found[i] = best
            iou[:, best] = -1  # taken
    return found


def precision_recall_curve(scores, hits, *, total):
    """Lower the confidence threshold from detection to detection.

    Args:
        scores: of the detections, (N,).
        hits: whether each has found an object, (N,) of True and False.
        total: how many objects there are.

    Returns:
        Three arrays (N,), fractions of 1 first: precision (of the detections so far, how many are hits), recall (of
        the objects, how many are found), and the scores, highest first; of equal scores the first detection comes
        first.

    Raises:
        ValueError: there is not one score and one True or False a detection, or more hits than objects.

    >>> precision, recall, scores = precision_recall_curve([0.9, 0.6, 0.8], [True, True, False], total=4)
    >>> precision.round(2), recall, scores
    (array([1.  , 0.5 , 0.67]), array([0.25, 0.25, 0.5 ]), array([0.9, 0.8, 0.6]))
    """
    hits = as_array(hits)
    if hits.ndim != 1 or (hits.size and hits.dtype != bool):
        raise ValueError(
            f"precision_recall_curve: hits must be True or False for each detection, got {hits.dtype} {hits.shape}")
    scores = checked_scores("precision_recall_curve", scores, len(hits))
    total = whole("precision_recall_curve", "total", total, least=1)
    if hits.sum() > total:
        raise ValueError(f"precision_recall_curve: hits must be at most total = {total}, got {hits.sum()}")
    order = np.argsort(-scores, kind="stable")
    right = np.cumsum(hits[order].astype(bool))
    return right / np.arange(1, len(hits) + 1), right / total, scores[order]


def average_precision(precision, recall, *, points=101):
    """Return the mean precision over evenly spaced recalls, each the best precision at that recall or a higher one.

    Args:
        precision: along the curve, (N,).
        recall: along the curve, not falling, (N,).
        points: 101 as COCO, 11 as VOC until 2009.

    Returns:
        A fraction of 1; a recall that is never reached counts as precision 0.

    Raises:
        ValueError: the arrays differ in length, leave 0 to 1, or recall falls.

    Source:
        Everingham et al. (2010), The Pascal Visual Object Classes Challenge, section 4.2.

    >>> round(average_precision([1, 0.5, 2 / 3], [0.25, 0.25, 0.5]), 3)
    0.422
    """
    precision, recall = (numbers("average_precision", name, values, "(N,)")
                         for name, values in (("precision", precision), ("recall", recall)))
    points = whole("average_precision", "points", points, least=2)
    room("average_precision", "the curve", (points,))
    if precision.ndim != 1 or precision.shape != recall.shape:
        raise ValueError(f"average_precision: precision and recall must be as many, got {precision.shape} and "
                         f"{recall.shape}")
    for name, values in (("precision", precision), ("recall", recall)):
        if not ((values >= 0) & (values <= 1)).all():
            raise ValueError(f"average_precision: {name} must be fractions of 1, got {values.tolist()}")
    if (np.diff(recall) < 0).any():
        raise ValueError(f"average_precision: recall must not fall, got {recall.tolist()}")
    return float(interpolated(precision, recall, np.linspace(0, 1, points)).mean())


def interpolated(precision, recall, levels):
    """Return at each level the best precision of this recall or a higher one, 0 where there is none."""
    best = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0.0)
    return best[np.searchsorted(recall, levels, side="left")]
