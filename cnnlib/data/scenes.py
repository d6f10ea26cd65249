"""Pictures with several objects, some of them half hidden: their boxes, masks and classes, drawn from a seed."""
from dataclasses import dataclass

import numpy as np

from cnnlib._arguments import fraction, room, whole
from cnnlib._arrays import as_array
from cnnlib.data.simple_shapes import KINDS, inside_shape

RADII = (0.07, 0.2)  # smallest and largest, as a share of the picture's side
SEEN = 0.4  # the least share of an object that is not hidden
TRIES = 40  # places that are tried for an object before it is left out


@dataclass(frozen=True, kw_only=True)
class Scenes:
    """What ``make_scenes`` returns; every list has one entry a picture.

    Attributes:
        images: (N, 3, size, size), float32, fractions of 1.
        boxes: (M, 4) each, x1, y1, x2, y2 in pixels, around what is seen of an object; float64.
        labels: index into ``kinds``, (M,) each, int64.
        masks: which pixels are seen of each object, (M, size, size) each, bool; no pixel belongs to two.
        kinds: the names of the classes.
    """

    images: np.ndarray
    boxes: list
    labels: list
    masks: list
    kinds: tuple

    @property
    def classes(self):
        """Class of each pixel, (N, size, size), int64: 0 is ground, 1 is the first kind."""
        pixels = [np.einsum("m,mhw->hw", labels + 1, masks) for labels, masks in zip(
            self.labels, self.masks, strict=True)]
        return np.stack(pixels).astype(np.int64)


def make_scenes(count, *, size=96, seed=0, most=5, kinds=KINDS, noise=0.05):
    """Draw pictures of one to some objects on a colored ground; a later one may hide up to 60 % of an earlier one.

    Args:
        count: number of pictures.
        size: rows and columns of a picture, in pixels, at least 32.
        seed: of all random choices; the same seed gives the same pictures.
        most: the largest number of objects in a picture; each number from 1 is as likely. Where no place is found
            for an object it is left out.
        kinds: names of the classes, from "square", "disc", "triangle", "cross".
        noise: standard deviation of the noise that is added, a fraction of 1.

    Returns:
        Scenes with images, boxes, labels, masks and kinds.

    Raises:
        ValueError: a number is too small, or a kind is unknown.

    Source:
        drawn by this function.

    >>> scenes = make_scenes(2, kinds=("square", "disc"))
    >>> scenes.images.shape, [boxes.shape for boxes in scenes.boxes], scenes.masks[0].shape
    ((2, 3, 96, 96), [(5, 4), (3, 4)], (5, 96, 96))
    """
    count, size = whole("make_scenes", "count", count, least=1), whole("make_scenes", "size", size, least=32)
    seed, most = whole("make_scenes", "seed", seed, least=0), whole("make_scenes", "most", most, least=1)
    texts = isinstance(kinds, (tuple, list)) and all(isinstance(kind, str) for kind in kinds)
    if not texts or not kinds or any(kind not in KINDS for kind in kinds):
        raise ValueError(f"make_scenes: kinds must be names from {', '.join(KINDS)}, got {kinds!r}")
    noise = fraction("make_scenes", "noise", noise)
    room("make_scenes", "the images", (count, 3, size, size))
    images, masks, labels = np.empty((count, 3, size, size), np.float32), [], []
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        shown, chosen = _place(rng, size, int(rng.integers(1, most + 1)), kinds)
        picture = _ground(rng, size)
        for mask in shown:
            picture[:, mask] = _color(rng)[:, None]
        images[number] = np.clip(picture + rng.normal(0, noise, picture.shape), 0, 1)
        masks.append(shown)
        labels.append(chosen)
    return Scenes(images=images, boxes=[mask_boxes(each) for each in masks], labels=labels, masks=masks,
                  kinds=tuple(kinds))


def mask_boxes(masks):
    """Return the smallest box around each mask.

    Args:
        masks: (M, H, W), bool, each with at least one pixel.

    Returns:
        (M, 4), float64, x1, y1, x2, y2 in pixels: the mask of a single pixel in the corner gives 0, 0, 1, 1.

    Raises:
        ValueError: masks are no such array, or one is empty; its row is named.

    >>> mask_boxes([[[False, True], [False, True]]])
    array([[1., 0., 2., 2.]])
    """
    masks = as_array(masks)
    if masks.ndim != 3 or masks.dtype != bool:
        raise ValueError(f"mask_boxes: masks must be True or False (M, H, W), got {masks.dtype} {masks.shape}")
    empty = ~masks.any(axis=(1, 2))
    if empty.any():
        raise ValueError(f"mask_boxes: masks must have a pixel, got none in row {int(empty.argmax())}")
    across, down = masks.any(axis=1), masks.any(axis=2)
    start = [each.argmax(axis=1) for each in (across, down)]
    end = [each.shape[1] - each[:, ::-1].argmax(axis=1) for each in (across, down)]
    return np.stack([*start, *end], axis=1).astype(float)


def _place(rng, size, count, kinds):
    """Return what is seen of each object, (M, size, size), and its class, (M,)."""
    shown, whole_areas, labels = np.zeros((0, size, size), bool), np.zeros(0), []
    for _ in range(count):
        label = int(rng.integers(len(kinds)))
        for _ in range(TRIES):
            radius = size * np.exp(rng.uniform(*np.log(RADII)))
            center = rng.uniform(radius, size - 1 - radius, 2)
            mask = inside_shape(kinds[label], size, center, radius).astype(bool)
            left = shown & ~mask
            if (left.sum(axis=(1, 2)) >= SEEN * whole_areas).all():
                shown = np.concatenate([left, mask[None]])
                whole_areas, labels = np.append(whole_areas, mask.sum()), [*labels, label]
                break
    return shown, np.array(labels, dtype=np.int64)


def _ground(rng, size):
    """Return a dark picture whose color runs from one corner to the other."""
    one, two = rng.uniform(0.05, 0.4, (2, 3, 1, 1))
    way = np.add.outer(np.arange(size), np.arange(size)) / (2 * size - 2)
    return one + (two - one) * way


def _color(rng):
    """Return a color that is brighter than every ground in one channel at least."""
    color = rng.uniform(0.1, 1, 3)
    color[rng.integers(3)] = rng.uniform(0.7, 1)
    return color
