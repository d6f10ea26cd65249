"""Write a folder in the layout of the leaf contest, write a submission, and score one as the contest does."""
import csv
import os
from pathlib import Path

import numpy as np
from PIL import Image

from cnnlib._arguments import fraction, room, whole
from cnnlib.data.leaf_contest import read_rows
from cnnlib.data.leaves import LEAF_NAMES, draw_leaf, leaf_classes

QUALITY = 92  # of a JPEG file, at most 95
HALVES = ("public", "private")


def write_leaf_contest(folder, *, classes=12, per_class=50, size=64, seed=0, test_fraction=0.3):
    """Draw leaves into a folder with the layout of the contest; only one picture at a time is in memory.

    Written are ``images/0.jpg`` …, ``train.csv`` (image,label), ``test.csv`` (image), ``sample_submission.csv``
    (image,label, the first class everywhere) and ``solution.csv`` (image,label,half), which a contest keeps to itself.

    Args:
        folder: a new or empty folder.
        classes: a number (the first so many of 176) or the classes' numbers.
        per_class: pictures of each class, training and test together.
        size: rows and columns of a picture, in pixels; the contest's have 224.
        seed: of leaves, order and halves.
        test_fraction: share of each class that stands in test.csv, rounded to whole pictures.

    Returns:
        The folder, a Path.

    Raises:
        ValueError: an argument does not fit, or the folder is not empty.

    Source:
        Kaggle (2021), Classify Leaves: 176 classes, at least 50 training pictures of each; names are invented here.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     written = write_leaf_contest(folder, classes=2, per_class=4, size=32)
    ...     print(*sorted(file.name for file in written.iterdir()), len(list((written / "images").iterdir())))
    images sample_submission.csv solution.csv test.csv train.csv 8
    """
    numbers = leaf_classes("write_leaf_contest", classes)
    per_class = whole("write_leaf_contest", "per_class", per_class, least=2)
    size = whole("write_leaf_contest", "size", size, least=16)
    seed = whole("write_leaf_contest", "seed", seed, least=0)
    room("write_leaf_contest", "the pictures", (len(numbers), per_class, 3, size, size))
    held = round(fraction("write_leaf_contest", "test_fraction", test_fraction) * per_class)
    if not 0 < held < per_class:
        rule = "test_fraction must leave each class a picture in both parts"
        raise ValueError(f"write_leaf_contest: {rule}, got {test_fraction} of {per_class}")
    if not isinstance(folder, (str, os.PathLike)) or (Path(folder).exists() and (
            not Path(folder).is_dir() or any(Path(folder).iterdir()))):
        raise ValueError(f"write_leaf_contest: folder must be new or empty, got {str(folder)!r}")
    folder = Path(folder)
    (folder / "images").mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng([seed, len(LEAF_NAMES)])  # no leaf has this class
    rows = []
    for indices in (range(per_class - held), range(per_class - held, per_class)):
        leaves = [(label, index) for label in numbers for index in indices]
        for place in rng.permutation(len(leaves)):
            label, index = leaves[place]
            rows.append((f"images/{len(rows)}.jpg", LEAF_NAMES[label]))
            picture = draw_leaf(label, seed=seed, index=index, size=size)
            Image.fromarray(picture.transpose(1, 2, 0)).save(folder / rows[-1][0], quality=QUALITY)
    _tables(folder, rows, len(numbers) * held, rng)
    return folder


def write_submission(path, names, labels):
    """Write predicted labels as the contest wants them: image,label.

    Args:
        path: the file; one that is there is replaced.
        names: the pictures, as ``LeafContest.test`` names them.
        labels: a label's text for each.

    Returns:
        The file, a Path.

    Raises:
        ValueError: there is not one label for each picture, one is no text, or a picture is named twice.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     print(write_submission(f"{folder}/submission.csv", ["images/8.jpg"], ["oak"]).read_text())
    image,label
    images/8.jpg,oak
    <BLANKLINE>
    """
    names, labels = (_texts(name, values) for name, values in (("names", names), ("labels", labels)))
    if len(names) != len(labels):
        raise ValueError(f"write_submission: there must be a label for each of {len(names)} names, got {len(labels)}")
    if len(set(names)) < len(names):
        twice = next(name for i, name in enumerate(names) if name in names[:i])
        raise ValueError(f"write_submission: names must be different, got {twice!r} twice")
    return _write(Path(path), ("image", "label"), zip(names, labels, strict=True))


def score_submission(path, solution):
    """Score a submission as the contest does: on the public half while it runs, on the private one at its end.

    Args:
        path: the submission, image,label.
        solution: the file that holds the right labels, image,label,half.

    Returns:
        {"public": accuracy, "private": accuracy}, fractions of 1.

    Raises:
        ValueError: a file is missing or no such table, a picture is missing, unknown or named twice, or a label is one
            that the solution does not know; the message names file and line.

    >>> score_submission("submission.csv", "no such file")
    Traceback (most recent call last):
    ValueError: score_submission: no such file must be a file, got none there
    """
    right = {image: (label, half) for _, (image, label, half) in
             read_rows("score_submission", solution, ("image", "label", "half"))}
    known, guesses, file = {label for label, _ in right.values()}, {}, Path(path).name
    for line, (image, label) in read_rows("score_submission", path, ("image", "label")):
        for rule, broken in (("image must be one of the test pictures", image not in right),
                             ("image must be named once", image in guesses),
                             (f"label must be one of {len(known)} known labels", label not in known)):
            if broken:
                got = label if rule.startswith("label") else image
                raise ValueError(f"score_submission: {file} line {line}: {rule}, got {got!r}")
        guesses[image] = label
    missing = next((image for image in right if image not in guesses), None)
    if missing is not None:
        raise ValueError(f"score_submission: {file} must name all {len(right)} test pictures, got none for {missing!r}")
    hits = {half: [guesses[image] == label for image, (label, part) in right.items() if part == half]
            for half in HALVES}
    return {half: sum(each) / len(each) if each else 0.0 for half, each in hits.items()}


def _tables(folder, rows, held, rng):
    """Write the four tables; the last ``held`` rows are the test part."""
    train, test = rows[:-held], rows[-held:]
    halves = rng.permutation(np.arange(held) % 2).tolist()
    first = min(label for _, label in train)
    _write(folder / "train.csv", ("image", "label"), train)
    _write(folder / "test.csv", ("image",), ((image,) for image, _ in test))
    _write(folder / "sample_submission.csv", ("image", "label"), ((image, first) for image, _ in test))
    _write(folder / "solution.csv", ("image", "label", "half"),
           ((*row, HALVES[half]) for row, half in zip(test, halves, strict=True)))


def _write(path, head, rows):
    with open(path, "w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(head)
        table.writerows(rows)
    return path


def _texts(name, values):
    texts = list(values) if isinstance(values, (tuple, list, np.ndarray)) else None
    if texts is None or not texts or not all(isinstance(each, str) and each for each in texts):
        raise ValueError(f"write_submission: {name} must be a list of texts, got {values!r}")
    return texts
