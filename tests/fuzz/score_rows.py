"""cnnlib.metrics by counting, cnnlib.losses by their formulas in NumPy."""
import numpy as np
import torch
from hypothesis import strategies as st

from cnnlib import losses, metrics
from tests.fuzz.box_rows import overlap, some_boxes
from tests.fuzz.row import Call, Row, Unjudged
from tests.fuzz.values import call

EPS = 1e-7
REDUCTION = st.sampled_from(["none", "mean", "sum"])


@st.composite
def class_calls(draw, *, table=True, **options):
    """Draw scores or predicted classes, and labels."""
    count, classes, seed = draw(st.integers(1, 6)), draw(st.integers(1, 5)), draw(st.integers(0, 10**6))
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, 4, (count, classes)) / 4
    scores = rows if table or draw(st.booleans()) else rng.integers(0, classes, count)
    if table and draw(st.booleans()):
        scores = scores.astype(draw(st.sampled_from(["f4", "f2", "i8", "u1", "i1"])))
    chosen = {name: draw(each(classes)) for name, each in options.items()}
    return Call(args={"scores": scores, "labels": rng.integers(0, classes, count)}, options=chosen)


def guesses(scores, k):
    """Return for each row the classes of the k highest scores; of equal scores the lower class comes first."""
    scores = np.asarray(scores)
    if scores.ndim == 1:
        return [[int(each)] for each in scores]
    return [sorted(range(len(row)), key=lambda at: (-row[at], at))[:k] for row in scores.astype(float).tolist()]


def accuracy(scores, labels, *, k=1):
    """Count the rows whose label is among the guesses."""
    return float(np.mean([label in each for each, label in zip(guesses(scores, k), labels, strict=True)]))


def confusion(scores, labels, *, classes=None):
    """Count label by label."""
    predicted = [each[0] for each in guesses(scores, 1)]
    most = np.shape(scores)[1] if np.ndim(scores) == 2 else max(*predicted, *labels) + 1
    counts = np.zeros((most if classes is None else classes,) * 2, np.int64)
    for label, guess in zip(labels, predicted, strict=True):
        counts[label, guess] += 1
    return counts


def shares(counts):
    """Divide the diagonal by the sums of columns and rows."""
    counts = np.asarray(counts)
    sums = counts.sum(axis=0), counts.sum(axis=1)
    return tuple(np.array([counts[i, i] / each[i] if each[i] else np.nan for i in range(len(counts))], float)
                 for each in sums)


@st.composite
def tensors(draw, *names, kinds=("f8", "f8", "f4")):
    """Draw tensors of one shape: a score or a fraction, and 0 or 1."""
    shape, seed = tuple(draw(st.lists(st.integers(1, 4), min_size=2, max_size=3))), draw(st.integers(0, 10**6))
    rng, kind = np.random.default_rng(seed), draw(st.sampled_from(kinds))
    first = rng.normal(size=shape) * 3 if names[0] == "inputs" else rng.random(shape)
    second = rng.integers(0, 2, shape)
    return {name: torch.from_numpy(np.asarray(each, kind)) for name, each in zip(names, (first, second), strict=True)}


def reduced(loss, reduction, *like):
    """Return each loss, their mean or their sum, in the wider type of the tensors."""
    loss = np.asarray(loss, float)
    loss = {"none": loss, "mean": loss.mean(), "sum": loss.sum()}[reduction]
    return torch.from_numpy(np.asarray(loss)).to(torch.promote_types(*[each.dtype for each in like]))


def double(*values):
    """Return tensors as float64 arrays."""
    if any(each.layout is not torch.strided or each.is_meta for each in values):
        raise Unjudged
    return [each.detach().double().numpy() for each in values]


def focal(inputs, targets, *, alpha=0.25, gamma=2, reduction="none"):
    """Return −(1 − p)^γ log p of the probability of what is there, times its weight."""
    x, there = double(inputs, targets)
    if not np.isin(there, (0, 1)).all():
        raise Unjudged
    x = np.where(there == 1, x, -x)
    log_p = -np.logaddexp(0, -x)
    weight = 1 if alpha is None else np.where(there == 1, alpha, 1 - alpha)
    return reduced(-weight * (1 - np.exp(log_p)) ** gamma * log_p, reduction, inputs, targets)


def dice(probabilities, targets, *, smooth=1e-6, reduction="mean"):
    """Return 1 − (2 Σ pg + s) / (Σ p² + Σ g² + s) of each image."""
    p, g = (each.reshape(len(each), -1) for each in double(probabilities, targets))
    above, below = 2 * (p * g).sum(1) + smooth, (p * p).sum(1) + (g * g).sum(1) + smooth
    return reduced(1 - above / below, reduction, probabilities, targets)


def box_loss(which):
    """Return a judge of 1 − IoU or 1 − generalized IoU, box by box; corners may be exchanged in the first boxes."""
    def right(boxes1, boxes2, *, reduction="none"):
        one, two = double(boxes1, boxes2)
        one = np.hstack([np.minimum(one[:, :2], one[:, 2:]), np.maximum(one[:, :2], one[:, 2:])])
        if (two[:, :2] >= two[:, 2:]).any() or (one[:, :2] >= one[:, 2:]).any() or not np.isfinite([one, two]).all():
            raise Unjudged
        loss = [1 - overlap(a, b, EPS)[which] for a, b in zip(one.tolist(), two.tolist(), strict=True)]
        return reduced(loss, reduction, boxes1, boxes2)
    return right


@st.composite
def box_tensors(draw):
    """Draw as many boxes twice."""
    one = draw(some_boxes(least=1)).astype(float)
    two = one + draw(st.sampled_from([0, 1, 20]))
    return {"boxes1": torch.from_numpy(one), "boxes2": torch.from_numpy(two)}


def loss_row(name, args, right, **options):
    """Return a row of cnnlib.losses."""
    calls = st.tuples(args, st.fixed_dictionaries({"reduction": REDUCTION, **options})).map(
        lambda pair: Call(args=pair[0], options=pair[1]))
    return Row(name=f"losses.{name}", function=getattr(losses, name), calls=calls, right=right)


COUNTS = st.integers(1, 4).flatmap(lambda n: st.integers(0, 10**6).map(
    lambda seed: np.random.default_rng(seed).integers(0, 4, (n, n))))
ROWS = [
    *[Row(name=f"metrics.{name}", function=getattr(metrics, name), calls=calls, right=right) for name, calls, right in (
        ("accuracy", class_calls(table=False), accuracy),
        ("top_k_accuracy", class_calls(k=lambda classes: st.integers(1, classes)), accuracy),
        ("confusion_matrix", class_calls(table=False, classes=lambda classes: st.sampled_from(
            [None, classes, classes + 1])), confusion),
        ("precision_recall", call({"counts": COUNTS}), shares))],
    loss_row("sigmoid_focal_loss", tensors("inputs", "targets"), focal, alpha=st.sampled_from([0.25, None, 1.0]),
             gamma=st.sampled_from([2, 0, 0.5])),
    loss_row("dice_loss", tensors("probabilities", "targets"), dice, smooth=st.sampled_from([1e-6, 1])),
    loss_row("box_iou_loss", box_tensors(), box_loss(0)),
    loss_row("generalized_box_iou_loss", box_tensors(), box_loss(1)),
]
