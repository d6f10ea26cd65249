"""Areas, formats and overlaps of boxes."""
import numpy as np

from cnnlib._arguments import choice
from cnnlib.boxes._checks import checked_boxes, numbers, rule

FORMATS = ("xyxy", "xywh", "cxcywh")


def box_area(boxes):
    """Return the area of each box.

    Args:
        boxes: (N, 4), x1, y1, x2, y2 in pixels.

    Returns:
        (N,), in square pixels: a box from 0 to 10 is 10 wide, not 11.

    Raises:
        ValueError: a box has no width, no height or no finite number.

    >>> box_area([[0, 0, 10, 5]])
    array([50.])
    """
    return areas(checked_boxes("box_area", "boxes", boxes))


def box_convert(boxes, *, in_fmt, out_fmt):
    """Write boxes another way.

    Args:
        boxes: (N, 4) in ``in_fmt``, in pixels.
        in_fmt: "xyxy" two corners, "xywh" a corner and the size, as in COCO's files, or "cxcywh" the centre and the
            size, as networks predict them.
        out_fmt: one of the same.

    Returns:
        (N, 4).

    Raises:
        ValueError: a format is unknown, or a box has no width, no height or no finite number.

    >>> box_convert([[10, 20, 30, 60]], in_fmt="xyxy", out_fmt="cxcywh")
    array([[20., 40., 20., 40.]])
    """
    for name, value in (("in_fmt", in_fmt), ("out_fmt", out_fmt)):
        choice("box_convert", name, value, FORMATS)
    boxes = checked_boxes("box_convert", "boxes", boxes) if in_fmt == "xyxy" else _with_size(boxes)
    if in_fmt == out_fmt:
        return boxes
    first, second = boxes[:, :2], boxes[:, 2:]
    size = second - first if in_fmt == "xyxy" else second
    start = first - size / 2 if in_fmt == "cxcywh" else first
    if out_fmt == "xyxy":
        return np.hstack([start, start + size])
    return np.hstack([start + size / 2 if out_fmt == "cxcywh" else start, size])


def box_iou(boxes1, boxes2):
    """Return the intersection over the union of each pair.

    Args:
        boxes1: (N, 4), x1, y1, x2, y2 in pixels.
        boxes2: (M, 4).

    Returns:
        (N, M), fractions of 1: 0 where two boxes only touch, 1 where they are the same.

    Raises:
        ValueError: a box has no width, no height or no finite number.

    >>> box_iou([[0, 0, 10, 10]], [[5, 0, 15, 10], [10, 0, 20, 10]]).round(3)
    array([[0.333, 0.   ]])
    """
    boxes1 = checked_boxes("box_iou", "boxes1", boxes1)
    boxes2 = checked_boxes("box_iou", "boxes2", boxes2)
    intersection, union = overlaps(boxes1, boxes2)
    return intersection / union


def generalized_box_iou(boxes1, boxes2):
    """Return the generalized IoU of each pair: the IoU less the empty share of the smallest box around both.

    Args:
        boxes1: (N, 4), x1, y1, x2, y2 in pixels.
        boxes2: (M, 4).

    Returns:
        (N, M), above -1 and up to 1; boxes apart get the less the farther they are, where the IoU says 0.

    Raises:
        ValueError: a box has no width, no height or no finite number.

    Source:
        Rezatofighi et al. (2019), Generalized Intersection over Union, algorithm 1.

    >>> generalized_box_iou([[0, 0, 10, 10]], [[10, 0, 20, 10], [30, 0, 40, 10]])
    array([[ 0. , -0.5]])
    """
    boxes1 = checked_boxes("generalized_box_iou", "boxes1", boxes1)
    boxes2 = checked_boxes("generalized_box_iou", "boxes2", boxes2)
    intersection, union = overlaps(boxes1, boxes2)
    one = boxes1[:, None]
    around = np.maximum(one[..., 2:], boxes2[:, 2:]) - np.minimum(one[..., :2], boxes2[:, :2])
    around = around[..., 0] * around[..., 1]
    return intersection / union - (around - union) / around


def areas(boxes):
    """Return the areas (N,) of checked boxes."""
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def overlaps(boxes1, boxes2):
    """Return intersections and unions, (N, M) each, of checked boxes."""
    x1, y1, x2, y2 = (np.ascontiguousarray(column) for column in boxes2.T)
    a1, b1, a2, b2 = boxes1.T[..., None]
    width = np.minimum(a2, x2) - np.maximum(a1, x1)
    height = np.minimum(b2, y2) - np.maximum(b1, y1)
    intersection = np.maximum(width, 0) * np.maximum(height, 0)
    return intersection, areas(boxes1)[:, None] + areas(boxes2) - intersection


def row_overlaps(boxes1, boxes2):
    """Return intersections and unions, (N,) each, of the boxes that stand in one row and do meet."""
    sides = np.minimum(boxes1[:, 2:], boxes2[:, 2:]) - np.maximum(boxes1[:, :2], boxes2[:, :2])
    intersection = sides[:, 0] * sides[:, 1]
    return intersection, areas(boxes1) + areas(boxes2) - intersection


def _with_size(boxes):
    """Return boxes (N, 4) whose last two numbers are a size."""
    boxes = numbers("box_convert", "boxes", boxes, "(N, 4)")
    if boxes.shape[1:] != (4,):
        raise ValueError(f"box_convert: boxes must be numbers (N, 4), got {boxes.shape}")
    rule("box_convert", "boxes must hold finite numbers", boxes, ~np.isfinite(boxes).all(axis=1))
    rule("box_convert", "boxes must have a width and a height above 0", boxes, (boxes[:, 2:] <= 0).any(axis=1))
    return boxes
