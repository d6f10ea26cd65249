"""Check boxes, scores and labels once, for all that take them."""
import numpy as np

from cnnlib._arrays import as_array


def checked_boxes(function, name, boxes):
    """Return boxes as float64 (N, 4), x1, y1, x2, y2.

    Raises:
        ValueError: boxes are no numbers (N, 4), or a row has no width, no height or no finite number; it is named.
    """
    boxes = numbers(function, name, boxes, "(N, 4)")
    if boxes.shape[1:] != (4,):
        raise ValueError(f"{function}: {name} must be numbers (N, 4), got {boxes.shape}")
    rule(function, f"{name} must hold finite numbers", boxes, ~np.isfinite(boxes).all(axis=1))
    rule(function, f"{name} must have x1 < x2 and y1 < y2", boxes,
         (boxes[:, 0] >= boxes[:, 2]) | (boxes[:, 1] >= boxes[:, 3]))
    return boxes


def checked_scores(function, scores, count):
    """Return scores as float64 (N,).

    Raises:
        ValueError: scores are not one finite number a box.
    """
    scores = numbers(function, "scores", scores, "(N,)")
    if scores.shape != (count,):
        raise ValueError(f"{function}: scores must be one number a box, ({count},), got {scores.shape}")
    rule(function, "scores must hold finite numbers", scores, ~np.isfinite(scores))
    return scores


def checked_labels(function, labels, count):
    """Return labels as integers (N,).

    Raises:
        ValueError: labels are not one whole number a box.
    """
    labels = as_array(labels)
    if not labels.size and labels.ndim == 1:
        labels = labels.astype(np.int64)
    if labels.dtype.kind not in "iu" or labels.shape != (count,):
        raise ValueError(
            f"{function}: labels must be one whole number a box, ({count},), got {labels.dtype} {labels.shape}")
    return labels


def checked_objects(function, boxes, labels, num_classes):
    """Return the boxes and labels of one picture's objects.

    Raises:
        ValueError: a box is none, there is not one label a box, or a label is none of the classes; the row is named.
    """
    boxes = checked_boxes(function, "boxes", boxes)
    labels = checked_labels(function, labels, len(boxes))
    rule(function, f"labels must be from 0 to {num_classes - 1}", labels, (labels < 0) | (labels >= num_classes))
    return boxes, labels


def rule(function, text, values, broken):
    """Raise a ValueError that names the first row for which ``broken`` is True."""
    if broken.any():
        row = int(broken.argmax())
        raise ValueError(f"{function}: {text}, got {values[row].tolist()} in row {row}")


def numbers(function, name, values, shape):
    """Return values as a float64 array; nothing at all counts as no boxes.

    Raises:
        ValueError: values are no numbers.
    """
    given, values = values, as_array(values)
    if values.size == 0 and values.ndim == 1 and shape == "(N, 4)":
        values = values.reshape(0, 4)
    if values.dtype.kind not in "fiu":
        uneven = isinstance(given, (tuple, list)) and not values.ndim
        got = "rows of different lengths" if uneven else f"{values.dtype} {values.shape}"
        raise ValueError(f"{function}: {name} must be numbers {shape}, got {got}")
    return values.astype(np.float64)
