"""A task of chapter 12: count what a detector has found, what it has made up and what it has missed."""
import numpy as np

from cnnlib.boxes import box_iou
from cnnlib.exercises._check import Exercise, Mistake
from cnnlib.exercises._task import Task


def _judge(boxes, scores, objects, *, score_threshold=0.5, iou_threshold=0.5):
    return _count(boxes, scores, objects, score_threshold, iou_threshold)


def _falling(scores):
    return np.argsort(-scores, kind="stable")


def _best_free(row, free, reaches):
    best = np.where(free, row, -1).argmax()
    return best if free[best] and reaches[best] else None


def _count(boxes, scores, objects, score_threshold, iou_threshold, *, order=_falling, choose=_best_free,
           kept=lambda scores, threshold: scores >= threshold, reach=lambda iou, threshold: iou >= threshold,
           overlap=box_iou):
    """Count hits, false alarms and misses with another order, choice, threshold or overlap."""
    stays = kept(scores, score_threshold)
    boxes, scores = boxes[stays], scores[stays]
    iou, free = overlap(boxes, objects), np.ones(len(objects), bool)
    for i in order(scores):
        taken = choose(iou[i], free, reach(iou[i], iou_threshold))
        if taken is not None:
            free[taken] = False
    hits = int((~free).sum())
    return hits, len(boxes) - hits, len(objects) - hits


def _other(change=None, **parts):
    """Return a judge with parts replaced; change works on the three counts, knowing how many boxes came."""
    def answer(boxes, scores, objects, *, score_threshold=0.5, iou_threshold=0.5):
        counts = _count(boxes, scores, objects, score_threshold, iou_threshold, **parts)
        return change(counts, len(boxes)) if change else counts
    return answer


def _best_of_all(row, free, reaches):
    best = row.argmax()
    return best if free[best] and reaches[best] else None


def _first_free(row, free, reaches):
    fitting = np.flatnonzero(free & reaches)
    return fitting[0] if fitting.size else None


def _over_object(boxes, objects):
    """Return the shared area as a share of the object alone, which is never below the IoU."""
    sides = np.minimum(boxes[:, None, 2:], objects[:, 2:]) - np.maximum(boxes[:, None, :2], objects[:, :2])
    return sides.clip(0).prod(2) / (objects[:, 2:] - objects[:, :2]).prod(1)


def _each_is_a_hit(boxes, scores, objects, *, score_threshold=0.5, iou_threshold=0.5):
    reached = box_iou(boxes[scores >= score_threshold], objects) >= iou_threshold
    hits = int(reached.any(1).sum())
    return hits, len(reached) - hits, int((~reached.any(0)).sum())


def _objects_choose(boxes, scores, objects, *, score_threshold=0.5, iou_threshold=0.5):
    left = boxes[scores >= score_threshold]
    hits, total = 0, len(left)
    for each in objects:
        iou = box_iou([each], left)[0]
        if len(left) and iou.max() >= iou_threshold:
            hits, left = hits + 1, np.delete(left, iou.argmax(), axis=0)
    return hits, total - hits, len(objects) - hits


def _swapped_thresholds(boxes, scores, objects, *, score_threshold=0.5, iou_threshold=0.5):
    return _count(boxes, scores, objects, iou_threshold, score_threshold)


def _picture(random):
    """Return detections around objects that stand close together; scores are twentieths, all different."""
    while True:
        corner = random.integers(0, 9, (random.integers(2, 5), 2))
        objects = np.concatenate([corner, corner + random.integers(7, 13, corner.shape)], axis=1)
        meant = objects[random.integers(0, len(objects), random.integers(4, 9))]
        boxes = meant + random.integers(-2, 3, meant.shape)
        iou = box_iou(boxes, objects)
        if all(len(set(line[line > 0])) == (line > 0).sum() for line in (*iou, *iou.T)):  # which is best is never open
            return boxes.astype(float), random.permutation(np.arange(4, 20))[:len(boxes)] / 20, objects.astype(float)


def _row(starts, scores, objects, iou_threshold):
    """Return a case of boxes of 10 x 10 pixels that lie in a row, by their left edges."""
    def boxes(edges):
        left = np.array(edges, float)
        return np.stack([left, 0 * left, left + 10, 0 * left + 10], axis=1)
    return boxes(starts), np.array(scores), boxes(objects), {"iou_threshold": iou_threshold}


ROWS = (  # pictures in which it matters who chooses first, and what
    _row([1, 3], [0.7, 0.8], [0, 5], 0.5),
    _row([4, 7], [0.6, 0.8], [5, 11], 0.4),
    _row([7, 4], [0.8, 0.6], [5, 11], 0.4),
    _row([7, 4], [0.8, 0.6], [11, 5], 0.4),
    _row([9, 0], [0.7, 0.6], [5, 11], 0.3),
    _row([5, 7], [0.9, 0.6], [5, 11], 0.4),
    _row([30, 1], [0.8, 0.6], [0, 60], 0.5),  # one far from all objects, and one that nobody found
)


def _draw_pictures(random):
    for boxes, scores, objects, options in ROWS:
        order, step = random.permutation(len(boxes)), int(random.integers(1, 30))
        yield boxes[order] + step, scores[order], objects + step, options
    for _ in range(8):
        yield *_picture(random), {"score_threshold": float(random.choice([0.3, 0.4, 0.5])),
                                  "iou_threshold": float(random.choice([0.25, 0.5, 0.75]))}


_numbers = np.random.default_rng(1)
JUDGE = Task(
    points=5,
    draw=_draw_pictures,
    forbidden=("cnnlib.boxes.precision", "cnnlib.boxes.coco"),
    exercise=Exercise(
        name="judge_detections",
        objective=4,
        reference=_judge,
        cases=(
            (np.array([[0.0, 0, 10, 5]]), np.array([0.5]), np.array([[0.0, 0, 10, 10]])),
            _row([1, 0, 20], [0.6, 0.9, 0.2], [0], 0.5),
            *ROWS,
            *((*_picture(_numbers), {"score_threshold": 0.3, "iou_threshold": 0.5}) for _ in range(2)),
        ),
        mistakes=(
            Mistake("doubles-are-hits", "you count every box that lies well on an object. How often may an object be "
                    "found?", _each_is_a_hit),
            Mistake("given-order", "you go through the boxes in the order in which they come. Which box chooses first?",
                    _other(order=lambda scores: range(len(scores)))),
            Mistake("worst-first", "your box with the lowest score chooses first.",
                    _other(order=lambda scores: np.argsort(scores, kind="stable"))),
            Mistake("best-of-all-objects", "a box whose best object is taken is a false alarm with you. It may still "
                    "have another one that is free.", _other(choose=_best_of_all)),
            Mistake("first-free-object", "your box takes the first free object that it overlaps enough, not the one "
                    "that it overlaps most.", _other(choose=_first_free)),
            Mistake("objects-choose", "with you the objects choose, one after the other. Here the boxes choose.",
                    _objects_choose),
            Mistake("scores-ignored", "you count boxes whose score is too low.",
                    _other(kept=lambda scores, threshold: scores > -1)),
            Mistake("score-above", "a box whose score *is* the threshold stays.",
                    _other(kept=lambda scores, threshold: scores > threshold)),
            Mistake("iou-above", "an IoU that *is* the threshold is enough.",
                    _other(reach=lambda iou, threshold: iou > threshold)),
            Mistake("any-overlap", "any overlap is enough for you. What is `iou_threshold` for?",
                    _other(reach=lambda iou, threshold: iou > 0)),
            Mistake("overlap-over-object", "you divide the shared area by the object's. A huge box would find "
                    "everything. What stands below the line of an IoU?", _other(overlap=_over_object)),
            Mistake("thresholds-swapped", "you compare the scores with `iou_threshold` and the overlaps with "
                    "`score_threshold`.", _swapped_thresholds),
            Mistake("dropped-are-false-alarms", "you count boxes below the score threshold as false alarms. They are "
                    "not shown at all.", _other(lambda counts, boxes: (counts[0], boxes - counts[0], counts[2]))),
            Mistake("misses-first", "your second and third number are swapped: false alarms are boxes, misses are "
                    "objects.", _other(lambda counts, boxes: (counts[0], counts[2], counts[1]))),
        ),
    ),
)
