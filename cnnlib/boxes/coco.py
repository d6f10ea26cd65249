"""Mean average precision by COCO's rules."""
import numpy as np

from cnnlib.boxes._checks import checked_boxes, checked_labels, checked_scores
from cnnlib.boxes.geometry import areas
from cnnlib.boxes.precision import interpolated

IOUS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0, 1, 101)
RANGES = {"all": (0, 1e10), "small": (0, 32**2), "medium": (32**2, 96**2), "large": (96**2, 1e10)}  # square pixels
MOST = (1, 10, 100)  # detections a picture and class
CELLS = 20_000  # pairs of picture and target that are matched at once: they fit into the processor's cache


def mean_average_precision(ground_truth, detections):
    """Return the twelve numbers by which COCO judges a detector.

    Args:
        ground_truth: for each picture a dict of "boxes" (M, 4), x1, y1, x2, y2 in pixels, and "labels" (M,).
        detections: for each picture, in the same order, a dict of "boxes" (N, 4), "scores" (N,) and "labels" (N,).

    Returns:
        A dict of fractions of 1, -1 where there are no objects of that kind. "AP" is the mean over the classes, over
        ten IoU thresholds from 0.50 to 0.95 and over 101 recalls; "AP50" and "AP75" are of one threshold, "AP_small",
        "AP_medium" and "AP_large" of objects up to 32², from 32² to 96² and from 96² square pixels, where an object
        exactly at a limit counts in both. "AR_1", "AR_10" and "AR_100" are the mean recall of that many detections a
        picture and class, then the same by size.

    Raises:
        ValueError: the lists differ in length, a key is missing, or boxes, scores or labels do not fit.

    Source:
        Lin et al. (2014), Microsoft COCO, and the evaluation that its authors publish, without crowds and with the area
        of the box as an object's size; COCO's program takes the area that the annotation names, that of the outline.

    >>> there = [{"boxes": [[0, 0, 10, 10]], "labels": [3]}]
    >>> found = [{"boxes": [[0, 0, 10, 8]], "scores": [0.9], "labels": [3]}]
    >>> numbers = mean_average_precision(there, found)  # an IoU of 0.8 passes 7 of the 10 thresholds
    >>> round(numbers["AP"], 3), round(numbers["AP50"], 3), numbers["AP_large"]
    (0.7, 1.0, -1.0)
    """
    judged = _judged("mean_average_precision", ground_truth, detections)
    precision, recall = (np.stack(each) if each else np.full((1, *shape), -1.0) for each, shape in (
        ([row[0] for row in judged.values()], (len(RANGES), len(IOUS), len(RECALLS))),
        ([row[1] for row in judged.values()], (len(RANGES), len(MOST), len(IOUS)))))
    numbers = {"AP": precision[:, 0], "AP50": precision[:, 0, 0], "AP75": precision[:, 0, 5]}
    numbers |= {f"AP_{name}": precision[:, place] for place, name in enumerate(RANGES) if place}
    numbers |= {f"AR_{most}": recall[:, 0, place] for place, most in enumerate(MOST)}
    numbers |= {f"AR_{name}": recall[:, place, -1] for place, name in enumerate(RANGES) if place}
    return {name: float(values[values > -1].mean()) if (values > -1).any() else -1.0
            for name, values in numbers.items()}


def average_precision_by_class(ground_truth, detections):
    """Return COCO's average precision of each class that has objects.

    Args:
        ground_truth: as for ``mean_average_precision``.
        detections: as for ``mean_average_precision``.

    Returns:
        A dict from the label to a dict of "AP" and "AP50", fractions of 1.

    Raises:
        ValueError: as ``mean_average_precision``.

    >>> there = [{"boxes": [[0, 0, 10, 10]], "labels": [3]}]
    >>> average_precision_by_class(there, [{"boxes": [], "scores": [], "labels": []}])
    {3: {'AP': 0.0, 'AP50': 0.0}}
    """
    judged = _judged("average_precision_by_class", ground_truth, detections)
    return {label: {"AP": float(precision[0].mean()), "AP50": float(precision[0, 0].mean())}
            for label, (precision, _) in judged.items()}


def _judged(function, ground_truth, detections):
    """Return for each class with objects precision (4, 10, 101) and recall (4, 3, 10): by size, and threshold."""
    for name, pictures in (("ground_truth", ground_truth), ("detections", detections)):
        if not isinstance(pictures, (list, tuple)):
            raise ValueError(f"{function}: {name} must be a list of one dict a picture, got {type(pictures).__name__}")
    if len(ground_truth) != len(detections):
        raise ValueError(f"{function}: ground_truth and detections must be as many pictures, got {len(ground_truth)} "
                         f"and {len(detections)}")
    targets = _joined(function, "ground_truth", ground_truth, scored=False)
    found = _joined(function, "detections", detections, scored=True)
    match = _matched(found, targets)
    outside = _outside(targets["boxes"])
    hit, ignored = match >= 0, np.repeat(_outside(found["boxes"])[:, None], len(IOUS), axis=1)
    size, threshold, place = np.nonzero(hit)
    ignored[size, threshold, place] = outside[size, match[size, threshold, place]]  # as the target is
    judged = {}
    for label in np.unique(targets["labels"]).tolist():
        mine = np.flatnonzero(found["labels"] == label)
        mine = mine[np.argsort(-found["scores"][mine], kind="stable")]
        total = (~outside[:, targets["labels"] == label]).sum(axis=1)  # of each size
        judged[label] = _curves(hit[..., mine], ignored[..., mine], found["place"][mine], total)
    return judged


def _joined(function, name, pictures, *, scored):
    """Return the boxes of all pictures in one array, by class, then picture, then score; the first 100 of each."""
    parts = []
    for picture, row in enumerate(pictures):
        where = f"{name}[{picture}]"
        for key in ("boxes", "labels", *(["scores"] if scored else [])):
            if not isinstance(row, dict) or key not in row:
                raise ValueError(f"{function}: {where} must be a dict with {key}, got {row!r}"[:200])
        boxes = checked_boxes(function, f"{where} boxes", row["boxes"])
        parts.append((boxes, checked_labels(f"{function}: {where}", row["labels"], len(boxes)),
                      checked_scores(f"{function}: {where}", row["scores"], len(boxes)) if scored else
                      np.zeros(len(boxes)), np.full(len(boxes), picture)))
    parts = parts or [(np.zeros((0, 4)), np.zeros(0, int), np.zeros(0), np.zeros(0, int))]
    boxes, labels, scores, picture = (np.concatenate(each) for each in zip(*parts, strict=True))
    order = np.lexsort((-scores, picture, labels))
    boxes, labels, scores, picture = (each[order] for each in (boxes, labels, scores, picture))
    place = _places(labels, picture)
    if scored:
        first = place < MOST[-1]
        boxes, labels, scores, picture, place = (each[first] for each in (boxes, labels, scores, picture, place))
    return {"boxes": boxes, "labels": labels, "scores": scores, "picture": picture, "place": place}


def _places(labels, picture):
    """Return each box's place among those of its class and picture, which stand together."""
    new = np.ones(len(labels), bool)
    new[1:] = (np.diff(labels) != 0) | (np.diff(picture) != 0)
    starts = np.flatnonzero(new)
    return np.arange(len(labels)) - np.repeat(starts, np.diff(np.append(starts, len(labels))))


def _outside(boxes):
    """Return which boxes are not of each size, (4, N)."""
    area = areas(boxes)
    return np.stack([(area < low) | (area > high) for low, high in RANGES.values()])


def _matched(found, targets):
    """Return for each size, threshold and detection its target's index or -1, (4, 10, N)."""
    match = np.full((len(RANGES), len(IOUS), len(found["boxes"])), -1)
    pairs = {}  # (label, picture): (first detection, last, first target, last)
    for rows, at in ((found, 0), (targets, 2)):
        starts = np.flatnonzero(rows["place"] == 0)
        for start, end in zip(starts, np.append(starts, len(rows["place"]))[1:], strict=True):
            pairs.setdefault((rows["labels"][start], rows["picture"][start]), [0, 0, 0, 0])[at:at + 2] = start, end
    groups = np.array(sorted((g for g in pairs.values() if g[1] > g[0] and g[3] > g[2]), key=lambda g: g[3] - g[2]))
    while len(groups):
        wide = groups[:, 3] - groups[:, 2]
        count = max(1, np.searchsorted(np.arange(1, len(groups) + 1) * wide, CELLS, side="right"))
        _match_groups(match, found["boxes"], targets["boxes"], groups[:count])
        groups = groups[count:]
    return match


def _match_groups(match, boxes, targets, groups):
    """Write the targets of some groups' detections into match: every group's best detection first, then the next."""
    first, last, start, end = groups.T
    target = start[:, None] + np.arange((end - start).max())  # (groups, targets)
    real, target = target < end[:, None], np.minimum(target, len(targets) - 1)
    ignored = _outside(targets)[:, target]  # (4, groups, targets)
    free = np.broadcast_to(real, (len(RANGES), len(IOUS), *real.shape)).copy()
    limits = IOUS[:, None, None]
    for step in range((last - first).max()):
        at = np.minimum(first + step, len(boxes) - 1)
        iou = _iou_rows(boxes[at], targets[target])
        rank = iou.argsort(axis=1, kind="stable").argsort(axis=1)  # of equal IoUs the later target is preferred
        value = rank + np.where(ignored, 0, real.shape[1])  # those of the right size first
        value = np.where(free & (iou >= limits) & (first + step < last)[:, None], value[:, None], -1)
        best = value.argmax(axis=3)[..., None]
        hit = np.take_along_axis(value, best, axis=3) >= 0
        np.put_along_axis(free, best, np.take_along_axis(free, best, axis=3) & ~hit, axis=3)
        chosen = np.where(hit, start[:, None] + best, -1)[..., 0]
        here = first + step < last
        match[..., at[here]] = chosen[..., here]


def _iou_rows(boxes, targets):
    """Return the IoU of each box with its own row of targets, (groups, targets)."""
    corners = np.minimum(boxes[:, None, 2:], targets[..., 2:]) - np.maximum(boxes[:, None, :2], targets[..., :2])
    intersection = np.maximum(corners, 0).prod(axis=2)
    sizes = (targets[..., 2:] - targets[..., :2]).prod(axis=2)
    return intersection / (areas(boxes)[:, None] + sizes - intersection)


def _curves(hit, ignored, place, total):
    """Return one class's precision (4, 10, 101) and recall (4, 3, 10); -1 for a size without objects."""
    right, wrong = np.cumsum(hit & ~ignored, axis=2), np.cumsum(~hit & ~ignored, axis=2)
    precision = np.full((len(RANGES), len(IOUS), len(RECALLS)), -1.0)
    recall = np.full((len(RANGES), len(MOST), len(IOUS)), -1.0)
    for size in np.flatnonzero(total):
        for threshold in range(len(IOUS)):
            one, two = right[size, threshold], wrong[size, threshold]
            precision[size, threshold] = interpolated(one / (one + two + np.spacing(1)), one / total[size], RECALLS)
        for number, most in enumerate(MOST):
            recall[size, number] = (hit & ~ignored)[size][:, place < most].sum(axis=1) / total[size]
    return precision, recall
