"""How good predictions are: counts of right and wrong ones, in NumPy."""
import numpy as np

from cnnlib._arguments import room, whole
from cnnlib._arrays import as_array


def accuracy(scores, labels):
    """Return the fraction of examples whose largest score is the label's.

    Args:
        scores: (N, classes), or predicted classes (N,).
        labels: right classes, (N,).

    Returns:
        A fraction of 1.

    Raises:
        ValueError: shapes do not fit, or a label is no class.

    >>> accuracy([[0.2, 0.8], [0.9, 0.1]], [1, 1])
    0.5
    """
    predicted, labels, _ = _classes("accuracy", scores, labels)
    return float((predicted == labels).mean())


def top_k_accuracy(scores, labels, *, k=5):
    """Return the fraction of examples whose label is among the k largest scores.

    Args:
        scores: (N, classes).
        labels: right classes, (N,).
        k: how many guesses count; of equal scores the class with the lower number is taken first.

    Returns:
        A fraction of 1.

    Raises:
        ValueError: shapes do not fit, a label is no class, or k is above the number of classes.

    >>> top_k_accuracy([[0.5, 0.3, 0.2], [0.5, 0.3, 0.2]], [1, 2], k=2)
    0.5
    """
    scores = _scores("top_k_accuracy", scores)
    _, labels, classes = _classes("top_k_accuracy", scores, labels)
    k = whole("top_k_accuracy", "k", k, least=1)
    if k > classes:
        raise ValueError(f"top_k_accuracy: k must be at most the number of classes, {classes}, got {k}")
    best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return float((best == labels[:, None]).any(axis=1).mean())


def confusion_matrix(scores, labels, *, classes=None):
    """Count how often each class was taken for each other.

    Args:
        scores: (N, classes), or predicted classes (N,).
        labels: right classes, (N,).
        classes: number of classes; None: as many as scores has columns, or as the largest class asks for.

    Returns:
        Counts (classes, classes): row = right class, column = predicted class.

    Raises:
        ValueError: shapes do not fit, or a label is no class.

    >>> confusion_matrix([0, 1, 1], [0, 0, 1])
    array([[1, 1],
           [0, 1]])
    """
    predicted, labels, found = _classes("confusion_matrix", scores, labels)
    classes = found if classes is None else whole("confusion_matrix", "classes", classes, least=1)
    if found > classes:
        raise ValueError(f"confusion_matrix: classes must be at least {found}, got {classes}")
    room("confusion_matrix", "the matrix", (classes, classes))
    return np.bincount(labels * classes + predicted, minlength=classes**2).reshape(classes, classes)


def precision_recall(counts):
    """Return precision and recall of each class.

    Args:
        counts: a confusion matrix (classes, classes), row = right class.

    Returns:
        Two arrays (classes,) of fractions of 1: of what was called this class, how much is; of what is this class, how
        much was called so. NaN where nothing was called so, or nothing is.

    Raises:
        ValueError: counts is no square of counts.

    >>> [each.tolist() for each in precision_recall([[1, 1], [0, 2]])]
    [[1.0, 0.6666666666666666], [0.5, 1.0]]
    """
    counts = as_array(counts)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or counts.dtype.kind not in "iu" or (counts < 0).any():
        raise ValueError(f"precision_recall: counts must be a square of counts, got {counts.dtype} {counts.shape}")
    right = np.diag(counts).astype(float)
    with np.errstate(invalid="ignore"):
        return right / counts.sum(axis=0), right / counts.sum(axis=1)


def _scores(function, scores):
    scores = as_array(scores)
    if scores.ndim != 2 or scores.dtype.kind not in "fiu" or not scores.size:
        raise ValueError(f"{function}: scores must be numbers (N, classes), got {scores.dtype} {scores.shape}")
    if np.isnan(scores).any():
        raise ValueError(f"{function}: scores must be numbers, got nan")
    return scores


def _classes(function, scores, labels):
    """Return predicted classes, right classes and the number of classes."""
    scores, labels = as_array(scores), as_array(labels)
    if scores.ndim == 2:
        scores = _scores(function, scores)
        predicted, classes = scores.argmax(axis=1), scores.shape[1]
    else:
        predicted, classes = scores, None
    for name, value in (("predicted classes", predicted), ("labels", labels)):
        if value.ndim != 1 or value.dtype.kind not in "iu" or not value.size or value.min() < 0:
            raise ValueError(
                f"{function}: {name} must be whole numbers (N,) of at least 0, got {value.dtype} {value.shape}")
    if len(predicted) != len(labels):
        raise ValueError(f"{function}: scores and labels must be as many, got {len(predicted)} and {len(labels)}")
    if classes is not None and labels.max() >= classes:
        raise ValueError(f"{function}: labels must be below the number of classes, {classes}, got {labels.max()}")
    return predicted, labels, int(max(predicted.max(), labels.max())) + 1 if classes is None else classes
