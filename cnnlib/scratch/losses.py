"""Cross-entropy on scores: softmax and logarithm in one step, so that no probability of 0 is ever taken the log of."""
import numpy as np

from cnnlib._arguments import choice, fraction, integer
from cnnlib.scratch._check import floats, numbers, same_shape
from cnnlib.scratch.scores import log_softmax

REDUCTIONS = ("mean", "sum", "none")


def cross_entropy(x, target, *, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    """Return −log of the probability that softmax gives to the right class, as ``torch.nn.functional.cross_entropy``.

    Args:
        x: scores (logits), (N, K) or (N, K, …) with a class at each place; not probabilities.
        target: right class, (N,) or (N, …), whole numbers from 0 to K − 1, or ignore_index.
        weight: how much each class counts, (K,); None means 1.
        ignore_index: a target that does not count.
        reduction: "mean" (divided by the weights of the targets) or "sum", or "none".
        label_smoothing: share of the target that is spread evenly over all K classes, a fraction of 1.

    Returns:
        A number in nats, or with "none" one for each target, (N, …).

    Raises:
        ValueError: an argument is malformed, the shapes do not fit, a class does not exist, or there is nothing to
            take the mean of.

    Source:
        Goodfellow, Bengio & Courville (2016), Deep Learning, eq. 6.30; Szegedy et al. (2016), section 7 (smoothing).

    >>> round(float(cross_entropy([[2.0, 0.0]], [0])), 4)
    0.1269
    """
    x, wanted, total = _wanted("cross_entropy", x, target, weight, ignore_index, reduction, label_smoothing)
    scores = log_softmax(x, dim=1)
    losses = -np.multiply(wanted, scores, out=np.zeros_like(wanted), where=wanted != 0).sum(axis=1)  # 0 · −∞ is 0 here
    return losses if reduction == "none" else losses.sum() / total


def cross_entropy_backward(grad_output, x, target, *, weight=None, ignore_index=-100, reduction="mean",
                           label_smoothing=0.0):
    """Return the gradient for the scores: softmax minus the wanted probabilities, the simplest gradient of all.

    Args:
        grad_output: gradient for the loss, a number (1 to start backpropagation), or with "none" shaped as target.
        x: scores, (N, K) or (N, K, …).
        target: right class, (N,) or (N, …).
        weight: as cross_entropy was given; so are the other options.
        ignore_index: a target that does not count.
        reduction: "mean", "sum" or "none".
        label_smoothing: a fraction of 1.

    Returns:
        The gradient for x.

    Raises:
        ValueError: as cross_entropy, or grad_output does not have the loss's shape.

    Source:
        Bridle (1990), Training Stochastic Model Recognition Algorithms as Networks, section 3.

    >>> cross_entropy_backward(1, [[0.0, 0.0]], [0])
    array([[-0.5,  0.5]])
    """
    name = "cross_entropy_backward"
    x, wanted, total = _wanted(name, x, target, weight, ignore_index, reduction, label_smoothing)
    [grad_output] = floats(name, grad_output=(grad_output, None))
    each = reduction == "none"
    same_shape(name, "grad_output", grad_output, (x.shape[0], *x.shape[2:]) if each else ())
    grad = np.exp(log_softmax(x, dim=1)) * wanted.sum(axis=1, keepdims=True) - wanted
    return (grad * (grad_output[:, None] if each else grad_output / total)).astype(x.dtype)


def _wanted(function, x, target, weight, ignore_index, reduction, label_smoothing):
    """Return scores and wanted probabilities times weight, both (N, K, …), and what a sum is divided by."""
    x, weight = floats(function, x=(x, None), weight=(weight, 1))
    if x.ndim < 2:
        raise ValueError(f"{function}: x must have a batch and a class axis, got shape {x.shape}")
    choice(function, "reduction", reduction, REDUCTIONS)
    smoothing, classes = fraction(function, "label_smoothing", label_smoothing), x.shape[1]
    target, counts = _target(function, target, x.shape, integer(function, "ignore_index", ignore_index))
    if weight is None:
        weight = np.ones(classes, x.dtype)
    same_shape(function, "weight", weight, (classes,))
    wanted = ((1 - smoothing) * np.eye(classes, dtype=x.dtype)[target] + smoothing / classes) * weight
    total = (weight[target] * counts).sum() if reduction == "mean" else 1
    if not total:
        raise ValueError(f"{function}: the mean needs a target that counts, got none")
    return x, np.moveaxis(wanted * counts[..., None], -1, 1).astype(x.dtype), total


def _target(function, target, shape, ignore_index):
    """Return the classes, 0 where one is ignored, and which ones count."""
    target = numbers(function, "target", target, dims=0, or_more=True)
    if target.dtype.kind not in "iu":
        raise ValueError(f"{function}: target must hold whole numbers, got {target.dtype}")
    same_shape(function, "target", target, (shape[0], *shape[2:]))
    counts = target != ignore_index
    wrong = target[counts & ((target < 0) | (target >= shape[1]))]
    if wrong.size:
        raise ValueError(f"{function}: target must hold classes from 0 to {shape[1] - 1}, got {wrong[0]}")
    return np.where(counts, target, 0), counts
