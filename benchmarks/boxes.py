"""How fast boxes are suppressed and judged, against OpenCV and pycocotools: ``python -m benchmarks.boxes``."""
import os

os.environ.update(OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1", OMP_NUM_THREADS="1")  # before NumPy is loaded

import contextlib
import io
import math
import platform
import statistics
import sys
import time
from pathlib import Path

import cv2
import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from cnnlib.boxes import mean_average_precision, nms

RESULTS = Path(__file__).resolve().parent / "results" / "boxes.md"
ROUNDS = 9
THRESHOLD = 0.5
LIMITS = {1000: 5.0, 5000: 1.5, 20000: 1.5}  # times OpenCV's; the first is what a call costs at all
PICTURES, BOXES, CLASSES = 5000, 20, 10
LOOP, LOOP_LEAST = 5000, 20.0


def proposals(count, *, apart, seed=0):
    """Return boxes and scores as a detector makes them in a picture of 1000 pixels a side.

    Args:
        count: number of boxes.
        apart: True spreads them evenly, False puts 20 around each of count / 20 objects.
        seed: of all random choices.
    """
    rng = np.random.default_rng(seed)
    sizes = np.exp(rng.uniform(np.log(20), np.log(120), (count, 2)))
    middles = rng.uniform(0, 1000, (count, 2))
    if not apart:
        objects = rng.integers(count // 20, size=count)
        middles, sizes = middles[objects] + rng.normal(0, 4, (count, 2)), sizes[objects] * np.exp(
            rng.normal(0, 0.1, (count, 2)))
    return np.hstack([middles - sizes / 2, middles + sizes / 2]), rng.permutation(count) / count + 1e-6


def interleaved(*calls):
    """Return the median seconds of each call; the calls take turns."""
    seconds = [[] for _ in calls]
    for _ in range(ROUNDS):
        for spent, call in zip(seconds, calls, strict=True):
            start = time.perf_counter()
            call()
            spent.append(time.perf_counter() - start)
    return [statistics.median(each) for each in seconds]


def handbook_nms(boxes, scores, threshold):
    """Return the kept indices as a loop over pairs in Python."""
    left, kept = scores.argsort()[::-1], []
    while len(left):
        best, left = left[0], left[1:]
        kept.append(best)
        a, overlap = boxes[best], np.zeros(len(left))
        for place, other in enumerate(left):
            b = boxes[other]
            across = max(0, min(a[2], b[2]) - max(a[0], b[0]))
            both = across * max(0, min(a[3], b[3]) - max(a[1], b[1]))
            overlap[place] = both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)
        left = left[overlap <= threshold]
    return kept


def compare_nms(count, *, apart):
    """Return seconds of ours and of OpenCV's, the share that is kept, and whether both keep the same."""
    boxes, scores = proposals(count, apart=apart)
    corner_and_size = np.hstack([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]])

    def opencv():
        return cv2.dnn.NMSBoxes(corner_and_size, scores, 0.0, THRESHOLD)

    ours, theirs = interleaved(lambda: nms(boxes, scores, iou_threshold=THRESHOLD), opencv)
    kept, other = nms(boxes, scores, iou_threshold=THRESHOLD), np.ravel(opencv())
    borders = set(kept.tolist()) ^ set(other.tolist())  # an IoU within rounding of the threshold
    return ours, theirs, len(kept) / count, len(borders)


def scenes(seed=0):
    """Return ground truth and detections of many pictures."""
    rng = np.random.default_rng(seed)
    truth, found = [], []
    for _ in range(PICTURES):
        start = rng.uniform(0, 500, (BOXES, 2))
        boxes = np.hstack([start, start + np.exp(rng.uniform(2, 5.3, start.shape))])
        near = boxes + rng.normal(0, 3, boxes.shape)
        near[:, 2:] = np.maximum(near[:, 2:], near[:, :2] + 1)
        labels = rng.integers(CLASSES, size=BOXES)
        truth.append({"boxes": boxes, "labels": labels})
        found.append({"boxes": near, "labels": labels, "scores": rng.random(BOXES)})
    return truth, found


def pycocotools_seconds(truth, found):
    """Return the seconds from filled tables to twelve numbers, and the first of them."""
    def rows(pictures):
        return [{"id": 1 + BOXES * picture + place, "image_id": picture, "category_id": int(each["labels"][place]),
                 "iscrowd": 0, "area": float((box[2] - box[0]) * (box[3] - box[1])),
                 "bbox": [box[0], box[1], box[2] - box[0], box[3] - box[1]],
                 **({"score": float(each["scores"][place])} if "scores" in each else {})}
                for picture, each in enumerate(pictures) for place, box in enumerate(each["boxes"].tolist())]
    tables = []
    with contextlib.redirect_stdout(io.StringIO()):
        for pictures in (truth, found):
            table = COCO()
            table.dataset = {"images": [{"id": number} for number in range(len(pictures))],
                             "annotations": rows(pictures), "categories": [{"id": label} for label in range(CLASSES)]}
            table.createIndex()
            tables.append(table)
        start = time.perf_counter()
        evaluation = COCOeval(*tables, "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
        return time.perf_counter() - start, evaluation.stats[0]


def main():
    """Measure, write the results and say which limit is broken."""
    cv2.setNumThreads(1)
    lines, broken, times = [], [], {}
    for apart in (False, True):
        for count, limit in LIMITS.items():
            ours, theirs, share, other = compare_nms(count, apart=apart)
            times[apart, count] = ours, theirs
            lines.append(f"| {'spread' if apart else 'around objects'} | {count} | {1000 * ours:.2f} | "
                         f"{1000 * theirs:.2f} | {ours / theirs:.2f} | {limit} | {share:.2f} | {other} |")
            if ours > limit * theirs:
                broken.append(f"{count} boxes: {ours / theirs:.2f} times OpenCV's, limit {limit}")
    growth = [[math.log(times[apart, 20000][who] / times[apart, 5000][who]) / math.log(4) for who in (0, 1)]
              for apart in (False, True)]
    boxes, scores = proposals(LOOP, apart=False)
    start = time.perf_counter()
    slow = handbook_nms(boxes, scores, THRESHOLD)
    loop = (time.perf_counter() - start) / times[False, LOOP][0]
    if slow != nms(boxes, scores, iou_threshold=THRESHOLD).tolist() or loop < LOOP_LEAST:
        broken.append(f"the loop over pairs: {loop:.0f} times as slow, at least {LOOP_LEAST:.0f} wanted, same boxes")
    truth, found = scenes()
    rounds = []
    for _ in range(3):
        start = time.perf_counter()
        numbers = mean_average_precision(truth, found)
        ours = time.perf_counter() - start
        theirs, ap = pycocotools_seconds(truth, found)
        rounds.append((ours, theirs))
    ours, theirs = (statistics.median(each) for each in zip(*rounds, strict=True))
    if ours > theirs or abs(numbers["AP"] - ap) > 1e-6:
        broken.append(f"mAP: {ours / theirs:.2f} times pycocotools', AP {numbers['AP']:.6f} and {ap:.6f}")
    text = "\n".join([
        "# Boxes\n",
        f"One thread; {platform.machine()}, NumPy {np.__version__}, OpenCV {cv2.__version__}; medians of {ROUNDS} "
        f"interleaved rounds, IoU threshold {THRESHOLD}, pictures of 1000 pixels a side.\n",
        "| boxes | number | ours, ms | OpenCV, ms | ratio | limit | kept | kept by one only |",
        "|---|---|---|---|---|---|---|---|", *lines, "",
        "The call itself (checks, arrays) costs the more the fewer boxes there are, hence the wider limit at 1000.\n",
        f"- growth from 5000 to 20000 boxes, as a power of their number: {growth[0][0]:.2f} (OpenCV "
        f"{growth[0][1]:.2f}) around objects, {growth[1][0]:.2f} (OpenCV {growth[1][1]:.2f}) spread",
        f"- a loop over pairs in Python, {LOOP} boxes: {loop:.0f} times as slow (limit: at least {LOOP_LEAST:.0f})",
        f"- mAP of {PICTURES} pictures with {BOXES} boxes of {CLASSES} classes: {ours:.2f} s, pycocotools {theirs:.2f} "
        f"s, ratio {ours / theirs:.2f} (limit: 1)", ""])
    RESULTS.write_text(text, encoding="utf-8")
    print(text)
    return "; ".join(broken)


if __name__ == "__main__":
    sys.exit(main())
