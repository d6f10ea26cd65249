"""Answers to the third task of chapter 12: what a detector got right."""
import numpy as np
import torch


def area(box):
    return (box[2] - box[0]) * (box[3] - box[1])


def shared(one, two):
    width = min(one[2], two[2]) - max(one[0], two[0])
    height = min(one[3], two[3]) - max(one[1], two[1])
    return max(0.0, width) * max(0.0, height)


def iou(one, two):
    both = shared(one, two)
    return both / (area(one) + area(two) - both)


def by_lists(boxes, scores, objects, score_threshold=0.5, iou_threshold=0.5):
    shown = sorted(((s, list(b)) for s, b in zip(scores, boxes, strict=True) if s >= score_threshold), reverse=True)
    free, hits = [list(each) for each in objects], 0
    for _, box in shown:
        fitting = [each for each in free if iou(box, each) >= iou_threshold]
        if fitting:
            free.remove(max(fitting, key=lambda each, box=box: iou(box, each)))
            hits += 1
    return hits, len(shown) - hits, len(free)


def by_columns(boxes, scores, objects, *, score_threshold=0.5, iou_threshold=0.5):
    table = np.array([[iou(box, each) for each in objects] for box in boxes])
    table[table < iou_threshold] = 0
    table[scores < score_threshold] = -1
    found = 0
    for number in np.argsort(scores)[::-1]:
        if table[number].max() > 0:
            table[:, table[number].argmax()] = 0
            found += 1
    shown = np.count_nonzero(scores >= score_threshold)
    return np.array([found, shown - found, len(objects) - found])


def by_torch(boxes, scores, objects, *, score_threshold=0.5, iou_threshold=0.5):
    boxes, scores, objects = (torch.tensor(each) for each in (boxes, scores, objects))
    order = scores.argsort(descending=True)
    order = order[scores[order] >= score_threshold]
    one, two = boxes[order].float()[:, None], objects.float()[None]
    both = (torch.minimum(one[..., 2:], two[..., 2:]) - torch.maximum(one[..., :2], two[..., :2])).clamp(min=0).prod(-1)
    table = both / ((one[..., 2:] - one[..., :2]).prod(-1) + (two[..., 2:] - two[..., :2]).prod(-1) - both)
    hits = torch.zeros(3)
    for line in table:
        value, at = line.max(0)
        if value >= iou_threshold:
            table[:, at] = -1
            hits += torch.tensor([1, 0, -1])
        else:
            hits += torch.tensor([0, 1, 0])
    return hits + torch.tensor([0, 0, len(objects)])


def judge(order=lambda scores: sorted(range(len(scores)), key=lambda i: -scores[i]), best="free", above_score=False,
          reached=lambda value, least: value >= least, overlap=iou, doubles=False, given=lambda a, b: (a, b),
          drop=True, last=lambda hits, alarms, missed, lost: (hits, alarms, missed)):
    def answer(boxes, scores, objects, *, score_threshold=0.5, iou_threshold=0.5):
        score_threshold, iou_threshold = given(score_threshold, iou_threshold)
        taken, hits, alarms, lost = set(), 0, 0, 0
        for i in order(scores):
            low = scores[i] <= score_threshold if above_score else scores[i] < score_threshold
            if drop and low:
                lost += 1
                continue
            values = [overlap(boxes[i], each) for each in objects]
            fitting = [k for k, value in enumerate(values) if reached(value, iou_threshold)]
            if doubles:
                taken.update(fitting)
                hits += bool(fitting)
                alarms += not fitting
                continue
            if best == "all" and fitting:
                fitting = [max(fitting, key=lambda k, values=values: values[k])]
            fitting = [k for k in fitting if k not in taken]
            if not fitting:
                alarms += 1
                continue
            hits += 1
            taken.add(fitting[0] if best == "first" else max(fitting, key=lambda k, values=values: values[k]))
        return last(hits, alarms, len(objects) - len(taken), lost)
    return answer


def objects_first(boxes, scores, objects, *, score_threshold=0.5, iou_threshold=0.5):
    shown = [tuple(box) for box, score in zip(boxes, scores, strict=True) if score >= score_threshold]
    used = set()
    for each in objects:
        free = [i for i in range(len(shown)) if i not in used]
        best = max(free, key=lambda i, each=each: iou(shown[i], each), default=None)
        if best is not None and iou(shown[best], each) >= iou_threshold:
            used.add(best)
    return len(used), len(shown) - len(used), len(objects) - len(used)


JUDGE_RIGHT = (by_lists, by_columns, by_torch)

JUDGE_WRONG = {
    "doubles-are-hits": judge(doubles=True),
    "given-order": judge(order=lambda scores: range(len(scores))),
    "worst-first": judge(order=lambda scores: np.argsort(scores).tolist()),
    "best-of-all-objects": judge(best="all"),
    "first-free-object": judge(best="first"),
    "objects-choose": objects_first,
    "scores-ignored": judge(drop=False),
    "score-above": judge(above_score=True),
    "iou-above": judge(reached=lambda value, least: value > least),
    "any-overlap": judge(reached=lambda value, least: value > 0),
    "overlap-over-object": judge(overlap=lambda one, two: shared(one, two) / area(two)),
    "thresholds-swapped": judge(given=lambda a, b: (b, a)),
    "dropped-are-false-alarms": judge(last=lambda hits, alarms, missed, lost: (hits, alarms + lost, missed)),
    "misses-first": judge(last=lambda hits, alarms, missed, lost: (hits, missed, alarms)),
}
