"""Leaves of 176 invented kinds, drawn one at a time from a seed, as many as are asked for."""
import numpy as np

from cnnlib._arguments import room, whole
from cnnlib.data._leaf_classes import COUNT, leaf_name
from cnnlib.data._leaf_drawing import paint

LEAF_NAMES = tuple(leaf_name(label) for label in range(COUNT))


def draw_leaf(label, *, seed=0, index=0, size=224):
    """Draw one leaf: margin and veins belong to its class; place, color, light and ground differ from leaf to leaf.

    Args:
        label: class, 0 to 175; its invented name is ``LEAF_NAMES[label]``.
        seed: of a collection of leaves.
        index: which leaf of the collection; each can be drawn without those before it.
        size: rows and columns of the picture, in pixels, at least 16.

    Returns:
        (3, size, size), uint8: red, green and blue, 0 to 255. The same arguments give the same bytes on one machine.

    Raises:
        ValueError: an argument is no whole number or too small, or there is no such class.

    Source:
        drawn by this function; number of classes and picture size as in Kaggle's contest classify-leaves (2021).

    >>> LEAF_NAMES[3], draw_leaf(3, size=64).shape
    ('drevabris_stellosa', (3, 64, 64))
    """
    label = _label("draw_leaf", "label", label)
    seed, index = whole("draw_leaf", "seed", seed, least=0), whole("draw_leaf", "index", index, least=0)
    size = whole("draw_leaf", "size", size, least=16)
    room("draw_leaf", "the picture", (3, size, size))
    return paint(label, np.random.default_rng([seed, label, index]), size)


class LeafPictures:
    """Leaves that are drawn when they are asked for: only one picture at a time is in memory.

    Two collections share no class if their ``classes`` do not overlap: a network can learn what leaves look like from
    ``LeafPictures(count, classes=range(12, 176))`` and then meet the 12 classes of the notebooks for the first time.

    Args:
        count: number of pictures; the classes take turns, so each has the same share.
        classes: a number (the first so many) or the classes' numbers, each from 0 to 175.
        size: rows and columns of a picture, in pixels, at least 16.
        seed: another seed, other leaves of the same classes.
        transform: a function on the picture, such as ``Compose``, or None.

    Attributes:
        classes: the classes' numbers.
        names: their names.
        labels: place of each picture's class in ``classes``, (count,), int64.

    Raises:
        ValueError: an argument does not fit, or a class is unknown or named twice.

    Source:
        drawn by ``draw_leaf``.

    >>> leaves = LeafPictures(6, classes=(40, 41), size=32)
    >>> [(picture.shape, label) for picture, label in leaves][:2]
    [((3, 32, 32), 0), ((3, 32, 32), 1)]
    """

    def __init__(self, count, *, classes=COUNT, size=224, seed=0, transform=None):
        count = whole("LeafPictures", "count", count, least=1)
        self.classes = leaf_classes("LeafPictures", classes)
        self.size = whole("LeafPictures", "size", size, least=16)
        room("LeafPictures", "a picture", (3, self.size, self.size))
        room("LeafPictures", "the labels", (count,))
        self.seed = whole("LeafPictures", "seed", seed, least=0)
        self.transform = transform_or_none("LeafPictures", transform)
        self.names = tuple(LEAF_NAMES[label] for label in self.classes)
        self.labels = np.arange(count, dtype=np.int64) % len(self.classes)

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        """Return a picture, (3, size, size), uint8 (or what the transform makes of it), and its label."""
        index = range(len(self))[index]
        label = int(self.labels[index])
        picture = draw_leaf(self.classes[label], seed=self.seed, index=index, size=self.size)
        return (picture if self.transform is None else self.transform(picture)), label


def leaf_classes(function, classes):
    """Return classes as a tuple of numbers; a number stands for the first so many.

    Raises:
        ValueError: one is no class or stands there twice, or there is none.
    """
    if isinstance(classes, (tuple, list, range, np.ndarray)):
        numbers = tuple(_label(function, "classes", each) for each in classes)
        if not numbers or len(set(numbers)) < len(numbers):
            raise ValueError(f"{function}: classes must be different numbers, at least one, got {list(classes)}")
        return numbers
    if whole(function, "classes", classes, least=1) > COUNT:
        raise ValueError(f"{function}: classes must be at most {COUNT}, got {classes}")
    return tuple(range(classes))


def transform_or_none(function, transform):
    """Return transform.

    Raises:
        ValueError: it is neither None nor a function.
    """
    if transform is not None and not callable(transform):
        raise ValueError(f"{function}: transform must be a function or None, got {transform!r}")
    return transform


def _label(function, name, label):
    number = whole(function, name, label, least=0)
    if number >= COUNT:
        raise ValueError(f"{function}: {name} must be from 0 to {COUNT - 1}, got {number}")
    return number
