"""The handwritten digits of the UCI repository, and a split that keeps the share of each class."""
from pathlib import Path

import numpy as np

from cnnlib._arguments import fraction, whole
from cnnlib._arrays import as_array

_FILE = Path(__file__).parent / "files" / "digits.npz"
LEVELS = 16  # a pixel counts the dark ones among 4 x 4 dots of the scan


def load_digits():
    """Return 1,797 handwritten digits, about 180 of each class.

    Returns:
        Images, (1797, 1, 8, 8), float64, fractions of 1 (ink), and labels, (1797,), int64, 0 to 9.

    Source:
        Alpaydin & Kaynak (1998), Optical Recognition of Handwritten Digits, UCI Machine Learning Repository,
        the test part; files/LICENSES.md names the license.

    >>> images, labels = load_digits()
    >>> images.shape, labels[:5].tolist()
    ((1797, 1, 8, 8), [0, 1, 2, 3, 4])
    """
    with np.load(_FILE) as file:
        return file["images"][:, None] / LEVELS, file["labels"].astype(np.int64)


def stratified_split(labels, *, test_fraction=0.2, seed=0):
    """Split examples at random so that each class has the same share in both parts.

    Args:
        labels: class of each example, (N,), whole numbers.
        test_fraction: share of each class that goes to the test part, a fraction of 1; rounded to whole examples.
        seed: of the random choice; the same seed gives the same split.

    Returns:
        Indices of the training part and of the test part, both shuffled, no index in both.

    Raises:
        ValueError: labels is no list of whole numbers, a fraction is not between 0 and 1, or a class is too small to
            stand in both parts.

    Source:
        Kohavi (1995), A Study of Cross-Validation and Bootstrap, section 2 (stratification).

    >>> train, test = stratified_split([0] * 10 + [1] * 5)
    >>> len(train), len(test)
    (12, 3)
    """
    labels = as_array(labels)
    if labels.ndim != 1 or labels.dtype.kind not in "iu" or not labels.size:
        rule = "labels must be a list of whole numbers"
        raise ValueError(f"stratified_split: {rule}, got {labels.dtype} of shape {labels.shape}")
    share = fraction("stratified_split", "test_fraction", test_fraction)
    rng = np.random.default_rng(whole("stratified_split", "seed", seed, least=0))
    train, test = [], []
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        count = round(share * len(members))
        if not 0 < count < len(members):
            rule = "each class needs an example in both parts"
            raise ValueError(f"stratified_split: {rule}, got {len(members)} of class {label}")
        test.append(members[:count])
        train.append(members[count:])
    return rng.permutation(np.concatenate(train)), rng.permutation(np.concatenate(test))
