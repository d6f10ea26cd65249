"""YOLO's grid: each cell proposes boxes, and says what it sees if there is something."""
from collections import namedtuple
from itertools import pairwise

import numpy as np
import torch
from torch import nn

from cnnlib.boxes import batched_nms, box_convert
from cnnlib.boxes._checks import checked_objects, rule

WIDTHS = (16, 32, 64)  # channels after each halving of the small network
YoloTerms = namedtuple("YoloTerms", "center size object no_object classes")


class Yolo(nn.Module):
    """Map images (N, in_channels, H, W) to a grid of numbers, (N, H/8, W/8, num_boxes · 5 + num_classes).

    A cell's numbers are, for each box, the place of its center in the cell, width and height as shares of the image
    and its confidence, all from 0 to 1; then one probability a class.

    Args:
        num_classes: classes, which all boxes of a cell share.
        num_boxes: boxes a cell.
        in_channels: channels of the images.
        widths: channels after each halving; their number sets the stride of the grid.
        depth: convolutions at the grid's own size, each of which lets a cell see further around itself.

    Source:
        Redmon et al. (2016), You Only Look Once, section 2; a small backbone, and a convolution at the end where the
        paper has two dense layers.

    >>> Yolo(3)(torch.zeros(1, 3, 96, 96)).shape
    torch.Size([1, 12, 12, 13])
    """

    def __init__(self, num_classes, *, num_boxes=2, in_channels=3, widths=WIDTHS, depth=3):
        super().__init__()
        self.num_boxes, self.num_classes = num_boxes, num_classes
        channels = (in_channels, *widths, *[widths[-1]] * depth)
        self.backbone = nn.Sequential(*[
            conv_block(before, after, stride=2 if number < len(widths) else 1)
            for number, (before, after) in enumerate(pairwise(channels))])
        self.head = nn.Conv2d(widths[-1], num_boxes * 5 + num_classes, kernel_size=1)

    def forward(self, x):
        """Return the grid of numbers from 0 to 1."""
        out = self.head(self.backbone(x)).permute(0, 2, 3, 1)
        boxes, classes = out.split([self.num_boxes * 5, self.num_classes], dim=3)
        return torch.cat([boxes.sigmoid(), classes.softmax(dim=3)], dim=3)


def conv_block(in_channels, out_channels, *, stride=1):
    """Return a 3x3 convolution with batch norm and a leaky ReLU.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        stride: 2 halves height and width.
    """
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel_size=3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(out_channels), nn.LeakyReLU(0.1, inplace=True))


def yolo_targets(boxes, labels, *, image_size, grid_size, num_classes):
    """Write the objects of one image into the grid: each into the cell that its center lies in.

    Args:
        boxes: (M, 4), x1, y1, x2, y2 in pixels, inside the image.
        labels: (M,), whole numbers below ``num_classes``.
        image_size: rows and columns of the image, in pixels.
        grid_size: S, cells a side.
        num_classes: C.

    Returns:
        (S, S, 5 + C), float32: center in the cell, width and height as shares of the image, 1 where there is an
        object, and 1 at its class. Of two centers in one cell the larger box stays: a cell speaks of one object only.

    Raises:
        ValueError: a box has no size or its center outside, or a label is none of the classes; the row is named.

    Source:
        Redmon et al. (2016), section 2.

    >>> target = yolo_targets([[40, 40, 60, 80]], [1], image_size=96, grid_size=12, num_classes=2)
    >>> target[7, 6].numpy().round(3)
    array([0.25 , 0.5  , 0.208, 0.417, 1.   , 0.   , 1.   ], dtype=float32)
    """
    boxes, labels = checked_objects("yolo_targets", boxes, labels, num_classes)
    middles = box_convert(boxes, in_fmt="xyxy", out_fmt="cxcywh") / image_size
    rule("yolo_targets", "boxes must have their center in the image", boxes,
         ((middles[:, :2] < 0) | (middles[:, :2] > 1)).any(axis=1))
    target = torch.zeros(grid_size, grid_size, 5 + num_classes)
    for place in np.argsort(middles[:, 2] * middles[:, 3], kind="stable"):
        x, y, width, height = middles[place]
        column, row = (min(int(each * grid_size), grid_size - 1) for each in (x, y))
        target[row, column] = 0
        target[row, column, :5] = torch.tensor([x * grid_size - column, y * grid_size - row, width, height, 1])
        target[row, column, 5 + int(labels[place])] = 1
    return target


def yolo_loss(prediction, target, *, coordinates=5.0, no_object=0.5):
    """Return the five terms of YOLO's loss, each a sum over the cells and a mean over the images.

    Args:
        prediction: (N, S, S, B · 5 + C), from ``Yolo``.
        target: (N, S, S, 5 + C), from ``yolo_targets``.
        coordinates: weight of the two terms of the box.
        no_object: weight of the confidence of boxes that have no object.

    Returns:
        YoloTerms, already weighted: ``center`` and ``size`` (of square roots, so that a pixel counts more in a small
        box) of the responsible box of each cell with an object, which is the one that overlaps most; ``object``, its
        confidence against its IoU; ``no_object``, all other confidences against 0; ``classes``. Their sum is the loss.

    Source:
        Redmon et al. (2016), eq. 3.

    >>> grid = torch.zeros(1, 2, 2, 7)
    >>> [term.item() for term in yolo_loss(torch.full((1, 2, 2, 12), 0.5), grid)]
    [0.0, 0.0, 0.0, 1.0, 0.0]
    """
    num_classes = target.shape[3] - 5
    boxes = prediction[..., :-num_classes].unflatten(3, (-1, 5))
    here = target[..., 4] == 1
    wanted, proposed = target[here], boxes[here]  # (K, 5 + C), (K, B, 5)
    iou = _cell_iou(proposed.detach(), wanted, prediction.shape[1])
    best = iou.argmax(dim=1)
    rows = torch.arange(len(best))
    responsible = proposed[rows, best]
    idle = (boxes[..., 4] ** 2).sum() - (responsible[:, 4] ** 2).sum()
    squares = {
        "center": coordinates * (responsible[:, :2] - wanted[:, :2]) ** 2,
        "size": coordinates * (responsible[:, 2:4].sqrt() - wanted[:, 2:4].sqrt()) ** 2,
        "object": (responsible[:, 4] - iou[rows, best]) ** 2,
        "no_object": no_object * idle,
        "classes": (prediction[here][:, -num_classes:] - wanted[:, 5:]) ** 2}
    return YoloTerms(**{name: each.sum() / len(target) for name, each in squares.items()})


def yolo_detections(prediction, *, image_size, num_classes, score_threshold=0.1, iou_threshold=0.5):
    """Read the grid: boxes in pixels whose confidence times class probability is high enough, less the duplicates.

    Args:
        prediction: (N, S, S, B · 5 + C), from ``Yolo``.
        image_size: rows and columns of the images, in pixels.
        num_classes: C.
        score_threshold: a fraction of 1.
        iou_threshold: of the suppression within a class, a fraction of 1.

    Returns:
        For each image an array (M, 6): x1, y1, x2, y2, score, class; highest score first.

    Source:
        Redmon et al. (2016), eq. 1.
    """
    grid_size = prediction.shape[1]
    numbers = prediction.detach().cpu().double().numpy()
    boxes = numbers[..., :-num_classes].reshape(*numbers.shape[:3], -1, 5)
    scores = boxes[..., 4, None] * numbers[..., None, -num_classes:]  # (N, S, S, B, C)
    row, column = np.mgrid[:grid_size, :grid_size][..., None]
    x, y = (boxes[..., 0] + column) / grid_size, (boxes[..., 1] + row) / grid_size
    half = boxes[..., 2:4] / 2
    corners = np.stack([x - half[..., 0], y - half[..., 1], x + half[..., 0], y + half[..., 1]], axis=-1)
    corners = corners.clip(0, 1) * image_size
    return [_kept(*each, score_threshold, iou_threshold) for each in zip(corners, scores, strict=True)]


def _kept(corners, scores, score_threshold, iou_threshold):
    """Return the rows (M, 6) of one image."""
    labels = scores.argmax(axis=-1).ravel()
    scores, corners = scores.max(axis=-1).ravel(), corners.reshape(-1, 4)
    good = (scores >= score_threshold) & (corners[:, :2] < corners[:, 2:]).all(axis=1)
    corners, scores, labels = corners[good], scores[good], labels[good]
    kept = batched_nms(corners, scores, labels, iou_threshold=iou_threshold)
    return np.column_stack([corners, scores, labels])[kept]


def _cell_iou(proposed, wanted, grid_size):
    """Return the IoU of each proposal (K, B, 5) with its cell's object (K, 5 + C): both have their center in it."""
    def corners(box):
        return box[..., :2] / grid_size - box[..., 2:4] / 2, box[..., :2] / grid_size + box[..., 2:4] / 2
    (start, end), (start2, end2) = corners(proposed), corners(wanted[:, None])
    intersection = (torch.minimum(end, end2) - torch.maximum(start, start2)).clamp(min=0).prod(dim=-1)
    one, two = ((b - a).prod(dim=-1) for a, b in ((start, end), (start2, end2)))
    return intersection / (one + two - intersection)
