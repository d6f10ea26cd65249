"""cnnlib.boxes, judged box by box with exact fractions or loops, and by torchvision's rules written out."""
import numpy as np
from hypothesis import strategies as st

from cnnlib import boxes
from tests.fuzz.row import Call, Row, Unjudged
from tests.fuzz.values import call

FRACTION = st.sampled_from([0.5, 0.0, 1.0, 0.3, 0.7])
FORMATS = st.sampled_from(["xyxy", "xywh", "cxcywh"])


@st.composite
def some_boxes(draw, least=0, most=6, size=False):
    """Draw boxes on a grid, so that ties and touching edges come up; float or whole numbers."""
    count, seed = draw(st.integers(least, most)), draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    start, wide = rng.integers(-8, 9, (count, 2)), rng.integers(1, 9, (count, 2))
    corners = np.hstack([start, wide if size else start + wide])
    return (corners / draw(st.sampled_from([1, 2, 3]))).astype("f8") if draw(st.booleans()) else corners


@st.composite
def box_calls(draw, *, labels=False, **options):
    """Draw boxes with scores and perhaps labels."""
    found = draw(some_boxes())
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    args = {"boxes": found, "scores": rng.integers(0, 5, len(found)) / 4}
    if labels:
        args["labels"] = rng.integers(0, 3, len(found))
    return Call(args=args, options={name: draw(each) for name, each in options.items()})


def plain(values):
    """Return boxes as a list of four numbers each."""
    return np.asarray(values, float).reshape(-1, 4).tolist()


def area(box):
    """Return width times height."""
    return (box[2] - box[0]) * (box[3] - box[1])


def overlap(one, two, eps=0.0):
    """Return IoU and generalized IoU of two boxes; eps is added to what is divided by."""
    inside = [max(one[0], two[0]), max(one[1], two[1]), min(one[2], two[2]), min(one[3], two[3])]
    shared = area(inside) if inside[0] < inside[2] and inside[1] < inside[3] else 0.0
    union = area(one) + area(two) - shared
    around = area([min(one[0], two[0]), min(one[1], two[1]), max(one[2], two[2]), max(one[3], two[3])])
    iou = shared / (union + eps)
    return iou, iou - (around - union) / (around + eps)


def every_pair(which):
    """Return a judge of all pairs of boxes."""
    def right(boxes1, boxes2):
        one, two = plain(boxes1), plain(boxes2)
        return np.array([overlap(a, b)[which] for a in one for b in two]).reshape(len(one), len(two))
    return right


def converted(found, *, in_fmt, out_fmt):
    """Go through the corners, box by box."""
    rows = []
    for a, b, c, d in plain(found):
        x, y, w, h = {
            "xyxy": (a, b, c - a, d - b), "xywh": (a, b, c, d), "cxcywh": (a - c / 2, b - d / 2, c, d)}[in_fmt]
        rows.append({
            "xyxy": (x, y, x + w, y + h), "xywh": (x, y, w, h), "cxcywh": (x + w / 2, y + h / 2, w, h)}[out_fmt])
    return np.array(rows, float).reshape(-1, 4)


def kept(found, scores, *, iou_threshold, labels=None):
    """Take the best box, drop what overlaps it, and so on."""
    found, chosen = plain(found), []
    for at in sorted(range(len(found)), key=lambda place: -np.asarray(scores, float)[place]):
        if all((labels is not None and labels[at] != labels[one]) or not above(found[at], found[one], iou_threshold)
               for one in chosen):
            chosen.append(at)
    return np.array(chosen, np.int64)


def above(one, two, threshold):
    """Whether the IoU is above a threshold; so near to it that rounding decides, there is no judge."""
    iou = overlap(one, two)[0]
    if abs(iou - threshold) < 1e-12 and threshold not in (0, 1):
        raise Unjudged
    return iou > threshold


def batched(found, scores, labels, *, iou_threshold):
    """Drop boxes for those of their own class only."""
    return kept(found, scores, iou_threshold=iou_threshold, labels=np.asarray(labels))


def softened(found, scores, *, sigma=0.5, iou_threshold=None, score_threshold=0.001):
    """Take the best box, lower the scores of what overlaps it, and so on."""
    found, scores, taken = plain(found), list(map(float, scores)), []
    left = [at for at in range(len(found)) if scores[at] >= score_threshold]
    while left:
        best = max(left, key=lambda at: (scores[at], -at))
        taken.append(best)
        left.remove(best)
        for at in left:
            iou = overlap(found[at], found[best])[0]
            if iou_threshold is None:
                scores[at] *= np.exp(-iou**2 / sigma)
            elif above(found[at], found[best], iou_threshold):
                scores[at] *= 1 - iou
            near = any(0 < abs(scores[at] - scores[one]) < 1e-9 for one in left)
            if near or abs(scores[at] - score_threshold) < 1e-9:
                raise Unjudged  # rounding decides
        left = [at for at in left if scores[at] >= score_threshold]
    return np.array(taken, np.int64), np.array([scores[at] for at in taken], float)


def matched(found, targets, *, iou_threshold=0.5):
    """Give each detection the free target that it overlaps most."""
    free, result = dict(enumerate(plain(targets))), []
    for box in plain(found):
        ious = {at: overlap(box, target)[0] for at, target in free.items()}
        best = max(ious, key=lambda at: (ious[at], -at), default=None)
        if best is not None and abs(ious[best] - iou_threshold) < 1e-12:
            raise Unjudged
        hit = best is not None and ious[best] >= iou_threshold
        result.append(best if hit else -1)
        if hit:
            del free[best]
    return np.array(result, np.int64)


def curve(scores, hits, *, total):
    """Count hits along the detections, best first."""
    order = sorted(range(len(hits)), key=lambda at: -float(scores[at]))
    right = [sum(bool(hits[at]) for at in order[:n + 1]) for n in range(len(order))]
    return (np.array([n / (at + 1) for at, n in enumerate(right)], float), np.array([n / total for n in right], float),
            np.array([scores[at] for at in order], float))


def averaged(precision, recall, *, points=101):
    """Return the mean over the levels of the best precision at each level's recall or more."""
    if points > 10**4:
        raise Unjudged
    levels = np.linspace(0, 1, points)
    return float(np.mean([max([p for p, r in zip(precision, recall, strict=True) if r >= level], default=0.0)
                          for level in levels]))


@st.composite
def curve_calls(draw):
    """Draw scores and hits."""
    hits = np.array(draw(st.lists(st.booleans(), max_size=8)), bool)
    scores = np.random.default_rng(draw(st.integers(0, 10**6))).integers(0, 4, len(hits)) / 4
    total = max(1, int(hits.sum())) + draw(st.integers(0, 2))
    return Call(args={"scores": scores, "hits": hits}, options={"total": total})


@st.composite
def pictures(draw):
    """Draw what is on one to three pictures, and what was found there."""
    rows = [], []
    for _ in range(draw(st.integers(1, 3))):
        rng = np.random.default_rng(draw(st.integers(0, 10**6)))
        for place, each in enumerate(rows):
            found = draw(some_boxes(most=4))
            each.append({"boxes": found, "labels": rng.integers(0, 2, len(found))} | (
                {"scores": rng.random(len(found))} if place else {}))
    return Call(args={"ground_truth": rows[0], "detections": rows[1]})


def fractions(result, ground_truth, detections):
    """Assert that there are twelve fractions, -1 only where there is nothing, and 1 where all is found."""
    assert len(result) == 12 and all(value == -1 or 0 <= value <= 1 + 1e-12 for value in result.values())
    there = sum(len(each["boxes"]) for each in ground_truth)
    assert (result["AP"] == -1) == (there == 0), "AP must be -1 just where there is nothing"
    perfect = [{**each, "scores": np.ones(len(each["labels"]))} for each in ground_truth]
    if there and max(len(each["labels"]) for each in ground_truth) <= 100:
        best = boxes.mean_average_precision(ground_truth, perfect)
        assert best["AP"] > 1 - 1e-9, f"AP must be 1 where the truth is what is found, not {best['AP']}"
    assert result["AP75"] <= result["AP50"] + 1e-12 and result["AR_1"] <= result["AR_10"] <= result["AR_100"]


def by_class(result, ground_truth, detections):
    """Assert that the classes with objects are named, and that their mean is the whole's."""
    labels = {int(label) for each in ground_truth for label in each["labels"]}
    assert set(result) == labels, f"{set(result)} for {labels}"
    if labels:
        whole = boxes.mean_average_precision(ground_truth, detections)
        assert abs(np.mean([each["AP"] for each in result.values()]) - whole["AP"]) < 1e-9


PAIR = call({"boxes1": some_boxes(), "boxes2": some_boxes()})
STEPS = st.lists(st.integers(0, 4), max_size=6)
ROWS = [Row(name=f"boxes.{name}", function=getattr(boxes, name), calls=calls, right=right) for name, calls, right in (
    ("box_area", call({"boxes": some_boxes()}), lambda found: np.array([area(each) for each in plain(found)], float)),
    ("box_iou", PAIR, every_pair(0)),
    ("generalized_box_iou", PAIR, every_pair(1)),
    ("box_convert", st.tuples(FORMATS, FORMATS).flatmap(lambda pair: call(
        {"boxes": some_boxes(size=pair[0] != "xyxy")}, in_fmt=pair[0], out_fmt=pair[1])), converted),
    ("nms", box_calls(iou_threshold=FRACTION), kept),
    ("batched_nms", box_calls(labels=True, iou_threshold=FRACTION), batched),
    ("soft_nms", box_calls(sigma=st.sampled_from([0.5, 0.1]), iou_threshold=st.sampled_from([None, 0.3]),
                           score_threshold=st.sampled_from([0.001, 0.2])), softened),
    ("match_boxes", call({"boxes": some_boxes(), "targets": some_boxes()}, iou_threshold=FRACTION), matched),
    ("precision_recall_curve", curve_calls(), curve),
    ("average_precision", STEPS.map(lambda steps: Call(
        args={"precision": np.array(steps, float) / 4, "recall": np.sort(np.array(steps, float)) / 4},
        options={"points": 11 if len(steps) % 2 else 101})), averaged))]
ROWS += [Row(name=f"boxes.{check_of}", function=getattr(boxes, check_of), calls=pictures(), check=check, says=says)
         for check_of, check, says in (("mean_average_precision", fractions, ()),
                                       ("average_precision_by_class", by_class, ("mean_average_precision",)))]
