"""What came after the grid: three grids at once, a path that carries meaning back to the fine ones, and no anchors."""
from collections import namedtuple
from itertools import pairwise

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from cnnlib.boxes import batched_nms
from cnnlib.boxes._checks import checked_objects
from cnnlib.losses import generalized_box_iou_loss, sigmoid_focal_loss
from cnnlib.models.yolo import conv_block

STRIDES = (8, 16, 32)  # pixels from place to place in each grid
SIZES = (0, 32, 64, float("inf"))  # the longer side, in pixels, of the objects that each grid answers for
NEAR = 1.5  # strides around an object's center whose places answer for it
AnchorFreeTerms = namedtuple("AnchorFreeTerms", "classes boxes")


class AnchorFree(nn.Module):
    """Map images (N, in_channels, H, W) to a row for each place of three grids, (N, places, num_classes + 4).

    A row holds a score for each class, before the sigmoid, and a box x1, y1, x2, y2 in pixels. Height and width must
    be multiples of 32; an image of 96 x 96 has 12² + 6² + 3² = 189 places, one of 640 x 640 has 8400.

    Args:
        num_classes: classes.
        in_channels: channels of the images.
        width: channels of the pyramid and the head.

    Attributes:
        backbone: stages whose maps get coarser.
        lateral: 1x1 convolutions from the last three stages to the neck.
        smooth: 3x3 convolutions of the neck.
        head: one head for all grids: what an object looks like does not depend on its size.

    Source:
        Lin et al. (2017), Feature Pyramid Networks, figure 3; Tian et al. (2019), FCOS, section 3.

    >>> AnchorFree(4)(torch.zeros(1, 3, 96, 96)).shape
    torch.Size([1, 189, 8])
    """

    def __init__(self, num_classes, *, in_channels=3, width=48):
        super().__init__()
        self.num_classes = num_classes
        channels = (in_channels, width // 2, width // 2, width, width, width)
        self.backbone = nn.ModuleList([
            nn.Sequential(conv_block(before, after, stride=2), conv_block(after, after))
            for before, after in pairwise(channels)])
        self.lateral = nn.ModuleList([nn.Conv2d(width, width, kernel_size=1) for _ in STRIDES])
        self.smooth = nn.ModuleList([conv_block(width, width) for _ in STRIDES])
        self.head = nn.Sequential(conv_block(width, width), nn.Conv2d(width, num_classes + 4, kernel_size=1))
        nn.init.constant_(self.head[-1].bias[:num_classes], -4.6)  # nearly every place sees nothing: RetinaNet's prior

    def forward(self, x):
        """Return scores and boxes of all places, the finest grid first."""
        if any(size % STRIDES[-1] for size in x.shape[2:]):
            raise ValueError(f"AnchorFree: x must have rows and columns that are multiples of {STRIDES[-1]}, "
                             f"got {tuple(x.shape[2:])}")
        size, maps = x.shape[2:], []
        for stage in self.backbone:
            x = stage(x)
            maps.append(x)
        rows = [self.head(each).flatten(2).transpose(1, 2) for each in self.neck(maps[-len(STRIDES):])]
        rows = torch.cat(rows, dim=1)
        scores, sides = rows.split([self.num_classes, 4], dim=2)
        middles, strides = places(tuple(size), device=x.device)
        sides = functional.softplus(sides) * strides[:, None]  # distances to the four sides, in pixels
        boxes = torch.cat([middles - sides[..., :2], middles + sides[..., 2:]], dim=2)
        return torch.cat([scores, boxes], dim=2)

    def neck(self, maps):
        """Return the maps of the pyramid, finest first: each coarse map is enlarged and added to the finer one."""
        pyramid = [lateral(each) for lateral, each in zip(self.lateral, maps, strict=True)]
        for level in range(len(pyramid) - 2, -1, -1):
            pyramid[level] = pyramid[level] + functional.interpolate(pyramid[level + 1], scale_factor=2)
        return [smooth(each) for smooth, each in zip(self.smooth, pyramid, strict=True)]


def places(size, *, device=None):
    """Return the center (places, 2), x and y in pixels, and the stride (places,) of every place of the three grids.

    Args:
        size: rows and columns of the image, in pixels.
        device: of the tensors.

    >>> middles, strides = places((96, 96))
    >>> middles[0].tolist(), middles[-1].tolist(), strides.shape
    ([4.0, 4.0], [80.0, 80.0], torch.Size([189]))
    """
    middles, strides = [], []
    for stride in STRIDES:
        row, column = (torch.arange(side // stride, device=device) * stride + stride / 2 for side in size)
        y, x = torch.meshgrid(row, column, indexing="ij")
        middles.append(torch.stack([x.flatten(), y.flatten()], dim=1))
        strides.append(torch.full((len(middles[-1]),), float(stride), device=device))
    return torch.cat(middles), torch.cat(strides)


def anchor_free_targets(boxes, labels, *, image_size, num_classes):
    """Say of every place which object it answers for: those near a center, in the grid for the object's size.

    Args:
        boxes: (M, 4), x1, y1, x2, y2 in pixels, inside the image.
        labels: (M,), whole numbers below ``num_classes``.
        image_size: rows and columns of the image, in pixels.
        num_classes: C.

    Returns:
        (places, C + 4), float32: 1 at the class and the box, or zeros. Of two objects the smaller one gets the place;
        an object in which no place of its grid lies is not written anywhere.

    Raises:
        ValueError: a box has no size, or a label is none of the classes; the row is named.

    Source:
        Tian et al. (2019), FCOS, section 3.2, with the sampling near the center that its authors added.

    >>> target = anchor_free_targets([[40, 40, 56, 56]], [1], image_size=96, num_classes=2)
    >>> int(target[:, 1].sum()), target[target[:, 1] == 1][0].tolist()
    (4, [0.0, 1.0, 40.0, 40.0, 56.0, 56.0])
    """
    boxes, labels = checked_objects("anchor_free_targets", boxes, labels, num_classes)
    middles, strides = (each.numpy() for each in places((image_size, image_size)))
    target = np.zeros((len(middles), num_classes + 4), np.float32)
    sides = boxes[:, 2:] - boxes[:, :2]
    levels = np.array(STRIDES)[np.searchsorted(SIZES, sides.max(axis=1), side="left") - 1]
    for place in np.argsort(-sides.prod(axis=1), kind="stable"):
        box = boxes[place]
        inside = ((middles > box[:2]) & (middles < box[2:])).all(axis=1)
        near = (np.abs(middles - (box[:2] + box[2:]) / 2) < NEAR * strides[:, None]).all(axis=1)
        mine = inside & near & (strides == levels[place])
        target[mine] = 0
        target[mine, int(labels[place])] = 1
        target[mine, num_classes:] = box
    return torch.from_numpy(target)


def anchor_free_loss(prediction, target):
    """Return the two terms of the loss, each for one place that answers for an object.

    Args:
        prediction: (N, places, C + 4), from ``AnchorFree``.
        target: the same, from ``anchor_free_targets``.

    Returns:
        AnchorFreeTerms: ``classes``, focal loss over all places, and ``boxes``, 1 - generalized IoU.

    Source:
        Tian et al. (2019), FCOS, eq. 2, with Rezatofighi et al. (2019) for the boxes.
    """
    wanted, box = target[..., :-4], target[..., -4:]
    here = wanted.sum(dim=2) > 0
    count = max(1, int(here.sum()))
    classes = sigmoid_focal_loss(prediction[..., :-4], wanted, reduction="sum") / count
    boxes = generalized_box_iou_loss(prediction[here][:, -4:], box[here], reduction="sum") / count
    return AnchorFreeTerms(classes, boxes)


def anchor_free_detections(prediction, *, image_size, score_threshold=0.1, iou_threshold=0.5):
    """Keep the boxes with a high score, less the duplicates.

    Args:
        prediction: (N, places, C + 4), from ``AnchorFree``.
        image_size: rows and columns of the images, in pixels.
        score_threshold: a fraction of 1.
        iou_threshold: of the suppression within a class, a fraction of 1.

    Returns:
        For each image an array (M, 6): x1, y1, x2, y2, score, class; highest score first.
    """
    numbers = prediction.detach().cpu().double()
    scores, labels = numbers[..., :-4].sigmoid().max(dim=2)
    corners = numbers[..., -4:].clamp(0, image_size).numpy()
    found = []
    for boxes, score, label in zip(corners, scores.numpy(), labels.numpy(), strict=True):
        good = (score >= score_threshold) & (boxes[:, :2] < boxes[:, 2:]).all(axis=1)
        rows = np.column_stack([boxes, score, label])[good]
        found.append(rows[batched_nms(rows[:, :4], rows[:, 4], label[good], iou_threshold=iou_threshold)])
    return found
