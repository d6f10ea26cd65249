"""Read a folder in the layout of the leaf contest: ``train.csv``, ``test.csv`` and the pictures that they name."""
import copy
import csv
import os
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from cnnlib._arguments import fraction as checked_fraction
from cnnlib._arguments import whole
from cnnlib.data.digits import stratified_split
from cnnlib.data.leaves import transform_or_none

BROKEN = (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError)  # what Pillow raises


class LeafContest:
    """The labeled pictures of a contest's folder, read when they are asked for.

    ``train.csv`` has the columns image and label, ``test.csv`` the column image; an image is a path below the folder,
    such as ``images/0.jpg``. The download of Kaggle's contest classify-leaves has this layout, and so has what
    ``write_leaf_contest`` writes. Rows are checked at once, pictures when they are read (or all by ``check``).

    Args:
        folder: where train.csv lies; test.csv may be missing.
        classes: the labels that are known, in the order of their numbers; None: those in train.csv, sorted.
        transform: a function on each picture, such as ``Compose``, or None.

    Attributes:
        classes: the labels' texts.
        labels: number of each picture's class, (N,), int64.
        names: the pictures' names as train.csv writes them.
        test: those that test.csv writes.

    Raises:
        ValueError: a file is missing or no such table, or a row names a picture that is not there, was named before or
            lies elsewhere, or a label that is unknown; the message names file and line.

    Source:
        Kaggle (2021), Classify Leaves, https://www.kaggle.com/c/classify-leaves.

    >>> LeafContest("no such folder")
    Traceback (most recent call last):
    ValueError: LeafContest: folder must hold train.csv, got 'no such folder'
    """

    def __init__(self, folder, *, classes=None, transform=None):
        if not isinstance(folder, (str, os.PathLike)) or not (Path(folder) / "train.csv").is_file():
            raise ValueError(f"LeafContest: folder must hold train.csv, got {str(folder)!r}")
        self.folder, self.transform = Path(folder), transform_or_none("LeafContest", transform)
        known = _known(classes)
        rows = read_rows("LeafContest", self.folder / "train.csv", ("image", "label"))
        if not rows:
            raise ValueError("LeafContest: train.csv must name a picture, got no row")
        seen = {}
        self._lines = [self._place("train.csv", line, image, seen) for line, (image, _) in rows]
        for line, (_, label) in rows:
            if not label or (known and label not in known):
                rule = f"one of {len(known)} known labels" if known else "a text"
                raise ValueError(f"LeafContest: train.csv line {line}: label must be {rule}, got {label!r}")
        self.classes = known or tuple(sorted({label for _, (_, label) in rows}))
        number = {label: index for index, label in enumerate(self.classes)}
        self.labels = np.array([number[label] for _, (_, label) in rows], np.int64)
        self.names = tuple(image for _, (image, _) in rows)
        there = (self.folder / "test.csv").is_file()
        rows = read_rows("LeafContest", self.folder / "test.csv", ("image",)) if there else []
        self._test_lines = [self._place("test.csv", line, image, seen) for line, (image,) in rows]
        self.test = tuple(image for _, (image,) in rows)

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        """Return a picture, (3, H, W), uint8 (or what the transform makes of it), and the number of its class."""
        index = range(len(self))[index]
        return self._read(self._lines[index], self.names[index]), int(self.labels[index])

    def test_picture(self, index):
        """Return a picture of ``test`` as [i] returns those of train.csv, without a label."""
        index = range(len(self.test))[index]
        return self._read(self._test_lines[index], self.test[index])

    def split(self, *, fraction=0.2, seed=0, transforms=(None, None)):
        """Split the labeled pictures at random into two contests, each class in the same shares (stratified).

        Args:
            fraction: share of each class that the second gets, a fraction of 1; rounded to whole pictures.
            seed: the same seed gives the same split.
            transforms: of the first and of the second; None keeps this contest's.

        Returns:
            Training and validation part; their order is shuffled, test pictures stand in both.

        Raises:
            ValueError: an argument does not fit, or a class is too small to stand in both parts.
        """
        if not isinstance(transforms, (tuple, list)) or len(transforms) != 2:
            raise ValueError(f"LeafContest.split: transforms must be two functions (or None), got {transforms!r}")
        share = checked_fraction("LeafContest.split", "fraction", fraction)
        seed = whole("LeafContest.split", "seed", seed, least=0)
        for label, count in enumerate(np.bincount(self.labels, minlength=len(self.classes)).tolist()):
            if count and not 0 < round(share * count) < count:
                rule = f"fraction must leave each class a picture in both parts, got {share}"
                raise ValueError(f"LeafContest.split: {rule} for {count} of {self.classes[label]!r}")
        parts = stratified_split(self.labels, test_fraction=share, seed=seed)
        return tuple(self._part(indices, transform or self.transform)
                     for indices, transform in zip(parts, transforms, strict=True))

    def check(self):
        """Read every picture; the first broken one is an error.

        Returns:
            Counts of (height, width): a dictionary.

        Raises:
            ValueError: a picture cannot be read; the message names file and line.
        """
        counts = {}
        rows = [*zip(self._lines, self.names, strict=True), *zip(self._test_lines, self.test, strict=True)]
        for line, name in rows:
            size = self._picture(line, name).shape[1:]
            counts[size] = counts.get(size, 0) + 1
        return counts

    def _part(self, indices, transform):
        part = copy.copy(self)
        part.labels, part.transform = self.labels[indices], transform_or_none("LeafContest.split", transform)
        part.names, part._lines = tuple(self.names[i] for i in indices), [self._lines[i] for i in indices]
        return part

    def _place(self, file, line, image, seen):
        """Return "file line N" after checking what the row says about its picture."""
        here = f"{file} line {line}"
        path = PurePosixPath(image)
        if not image or "\0" in image or "\\" in image or path.is_absolute() or ".." in path.parts:
            raise ValueError(f"LeafContest: {here}: image must be a path below the folder, got {image!r}")
        if str(path) in seen:
            raise ValueError(
                f"LeafContest: {here}: image must be named once, got {image!r} as in {seen[str(path)]}")
        if not (self.folder / path).is_file():
            raise ValueError(f"LeafContest: {here}: image must be a file, got {image!r}")
        seen[str(path)] = here
        return here

    def _read(self, line, name):
        picture = self._picture(line, name)
        return picture if self.transform is None else self.transform(picture)

    def _picture(self, line, name):
        try:
            with Image.open(self.folder / name) as file:
                pixels = np.array(file.convert("RGB"))
        except BROKEN as error:
            raise ValueError(f"LeafContest: {line}: {name} must be a whole picture, got {error}") from error
        return np.ascontiguousarray(pixels.transpose(2, 0, 1))


def read_rows(function, path, columns):
    """Return the rows of a table as (line, values), the line counted from 1 with the head.

    Raises:
        ValueError: there is no such file, or it is no table with these columns.
    """
    if not Path(path).is_file():
        raise ValueError(f"{function}: {Path(path).name} must be a file, got none there")
    name, head = Path(path).name, ",".join(columns)
    rows = []
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            table = csv.reader(file, strict=True)
            first = next(table, [])
            if tuple(first) != columns:
                raise ValueError(f"{function}: {name} line 1 must be {head!r}, got {','.join(first)!r}")
            for row in table:
                if row and len(row) != len(columns):
                    got = ",".join(row)
                    raise ValueError(f"{function}: {name} line {table.line_num} must hold {head!r}, got {got!r}")
                if row:
                    rows.append((table.line_num, tuple(row)))
    except csv.Error as error:
        raise ValueError(f"{function}: {name} line {table.line_num} must be a row of a table, got {error}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{function}: {name} must be a text in UTF-8, got {error}") from error
    return rows


def _known(classes):
    """Return classes as a tuple of texts, or None."""
    if classes is None:
        return None
    texts = tuple(classes) if isinstance(classes, (tuple, list)) else ()
    if not texts or not all(isinstance(each, str) and each for each in texts) or len(set(texts)) < len(texts):
        raise ValueError(f"LeafContest: classes must be different texts, got {classes!r}")
    return texts
