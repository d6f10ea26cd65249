"""Matching, curves and COCO's twelve numbers against pycocotools, oracle cases and counting by hand."""
import contextlib
import io
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from cnnlib.boxes import (
    average_precision,
    average_precision_by_class,
    match_boxes,
    mean_average_precision,
    precision_recall_curve,
)
from tests.judge import refused

CASES = json.loads((Path(__file__).parent / "oracles" / "detection" / "map.json").read_text(encoding="utf-8"))
NAMES = ("AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large", "AR_1", "AR_10", "AR_100", "AR_small",
         "AR_medium", "AR_large")


def by_picture(rows, pictures, *, scored):
    """Return rows of an oracle case as one dict a picture."""
    keys = {"boxes": "box_xyxy", "labels": "label", **({"scores": "score"} if scored else {})}
    return [{key: [row[name] for row in rows if row["image"] == picture] for key, name in keys.items()}
            for picture in pictures]


def pycocotools_numbers(ground_truth, detections):
    """Return what COCO's own program says."""
    def rows(pictures, **more):
        return [{"id": 1 + number, "image_id": picture, "category_id": int(label), "iscrowd": 0,
                 "bbox": [box[0], box[1], box[2] - box[0], box[3] - box[1]],
                 "area": (box[2] - box[0]) * (box[3] - box[1]), **{key: float(each[key][place]) for key in more}}
                for number, (picture, each, place, box, label) in enumerate(
                    (picture, each, place, box, label) for picture, each in enumerate(pictures)
                    for place, (box, label) in enumerate(zip(each["boxes"], each["labels"], strict=True)))]
    found = [{("score" if key == "scores" else key): value for key, value in row.items()}
             for row in rows(detections, scores=True)]
    classes = sorted({int(label) for each in ground_truth for label in each["labels"]})
    with contextlib.redirect_stdout(io.StringIO()):
        truth, judged = COCO(), COCO()
        for target, annotations in ((truth, rows(ground_truth)), (judged, found)):
            target.dataset = {"images": [{"id": number} for number in range(len(ground_truth))],
                              "annotations": annotations, "categories": [{"id": label} for label in classes]}
            target.createIndex()
        evaluation = COCOeval(truth, judged, "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return dict(zip(NAMES, evaluation.stats.tolist(), strict=True))


def scene(rng, *, pictures, classes, most, size=300):
    """Return random objects and detections, many of them near an object, with ties among the scores."""
    ground_truth, detections = [], []
    for _ in range(pictures):
        start = rng.uniform(0, size, (int(rng.integers(0, most)), 2))
        boxes = np.hstack([start, start + np.exp(rng.uniform(1.5, 5.3, start.shape))]).round(1)
        labels = rng.integers(classes, size=len(boxes))
        copies = rng.integers(len(boxes), size=int(rng.integers(0, 2 * most))) if len(boxes) else np.zeros(0, int)
        near = boxes[copies] + rng.normal(0, 3, (len(copies), 4)).round(1)
        near[:, 2:] = np.maximum(near[:, 2:], near[:, :2] + 1)
        moved = np.where(rng.random(len(copies)) < 0.8, labels[copies], rng.integers(classes, size=len(copies)))
        ground_truth.append({"boxes": boxes, "labels": labels})
        detections.append({"boxes": near, "labels": moved, "scores": rng.random(len(copies)).round(1)})
    return ground_truth, detections


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_oracle_cases(case):
    ground_truth = by_picture(case["ground_truth"], case["images"], scored=False)
    detections = by_picture(case["detections"], case["images"], scored=True)
    assert mean_average_precision(ground_truth, detections) == pytest.approx(case["expected"], abs=1e-6)
    by_class = average_precision_by_class(ground_truth, detections)
    for row in case["per_class"]:
        if row["AP"] is None:
            assert row["label"] not in by_class
        else:
            assert by_class[row["label"]] == pytest.approx({"AP": row["AP"], "AP50": row["AP50"]}, abs=1e-6)


@pytest.mark.parametrize("part", range(4))
def test_two_hundred_random_cases(part):
    for seed in range(50 * part, 50 * part + 50):
        rng = np.random.default_rng(seed)
        pictures, classes, most = (int(rng.integers(*ends)) for ends in ((1, 8), (1, 4), (2, 9)))
        case = scene(rng, pictures=pictures, classes=classes, most=most)
        if any(len(each["boxes"]) for each in case[0]):
            assert mean_average_precision(*case) == pytest.approx(pycocotools_numbers(*case), abs=1e-6), seed


def test_more_than_a_hundred_detections_a_picture():
    rng = np.random.default_rng(5)
    case = scene(rng, pictures=3, classes=1, most=90)
    assert max(len(each["boxes"]) for each in case[1]) > 100
    assert mean_average_precision(*case) == pytest.approx(pycocotools_numbers(*case), abs=1e-6)


def test_pictures_that_do_not_fit_into_one_go(monkeypatch):
    case = scene(np.random.default_rng(8), pictures=12, classes=2, most=6)
    whole = mean_average_precision(*case)
    monkeypatch.setattr("cnnlib.boxes.coco.CELLS", 7)
    assert mean_average_precision(*case) == whole


def test_nothing_there_and_nothing_found():
    none = {"boxes": [], "labels": [], "scores": []}
    there = {"boxes": [[0, 0, 50, 50]], "labels": [1]}
    assert set(mean_average_precision([none], [none]).values()) == {-1.0}
    numbers = mean_average_precision([there], [none])
    assert numbers["AP"] == numbers["AP_medium"] == 0 and numbers["AP_small"] == -1
    assert set(mean_average_precision([], []).values()) == {-1.0} and average_precision_by_class([], []) == {}


def test_five_boxes_by_hand():
    targets = [[0, 0, 10, 10], [20, 0, 30, 10], [40, 0, 50, 10]]
    boxes = [[0, 0, 10, 9], [0, 0, 10, 10], [20, 0, 30, 8], [60, 0, 70, 10], [41, 0, 50, 10]]
    scores = [0.9, 0.8, 0.7, 0.6, 0.5]
    found = match_boxes(boxes, targets, iou_threshold=0.5)
    assert found.tolist() == [0, -1, 1, -1, 2]  # the second is better than the first, but comes too late
    precision, recall, _ = precision_recall_curve(scores, found >= 0, total=3)
    assert precision.tolist() == [1, 1 / 2, 2 / 3, 2 / 4, 3 / 5] and recall.tolist() == [1 / 3, 1 / 3, 2 / 3, 2 / 3, 1]
    by_hand = (34 * 1 + 33 * 2 / 3 + 34 * 3 / 5) / 101  # recalls up to 0.33, to 0.66, to 1
    assert average_precision(precision, recall) == pytest.approx(by_hand)
    library = mean_average_precision([{"boxes": targets, "labels": [0] * 3}],
                                     [{"boxes": boxes, "labels": [0] * 5, "scores": scores}])
    assert library["AP50"] == pytest.approx(by_hand)
    at_the_hits = precision[[0, 2, 4]].mean()  # the plain mean of the precision where the recall rises
    assert by_hand == pytest.approx(at_the_hits, abs=0.01) and by_hand != pytest.approx(at_the_hits, abs=1e-4)


def test_voc_takes_eleven_points():
    precision, recall = [1, 0.5], [0.5, 1]
    assert average_precision(precision, recall, points=11) == pytest.approx((6 * 1 + 5 * 0.5) / 11)
    assert average_precision(precision, recall) == pytest.approx((51 * 1 + 50 * 0.5) / 101)
    assert average_precision([], []) == 0


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=30), st.integers(0, 5))
def test_curves_stay_in_range_and_better_order_never_hurts(rows, missed):
    scores, hits = (np.array(each) for each in zip(*rows, strict=True))
    total = max(1, int(hits.sum()) + missed)
    precision, recall, _ = precision_recall_curve(scores, hits, total=total)
    assert ((0 <= precision) & (precision <= 1)).all() and (np.diff(recall) >= 0).all()
    best = precision_recall_curve(hits.astype(float), hits, total=total)  # all hits first
    assert average_precision(*best[:2]) >= average_precision(precision, recall) - 1e-12


@pytest.mark.parametrize("call, message", [
    (lambda: precision_recall_curve([0.5], [1], total=1),
     "precision_recall_curve: hits must be True or False for each detection, got int64 (1,)"),
    (lambda: precision_recall_curve([0.5], [True], total=0),
     "precision_recall_curve: total must be a whole number of at least 1, got 0"),
    (lambda: precision_recall_curve([0.5, 0.4], [True, True], total=1),
     "precision_recall_curve: hits must be at most total = 1, got 2"),
    (lambda: average_precision([1], [0.5, 1]),
     "average_precision: precision and recall must be as many, got (1,) and (2,)"),
    (lambda: average_precision([1, 1], [0.5, 0.4]), "average_precision: recall must not fall, got [0.5, 0.4]"),
    (lambda: average_precision([2], [0.5]), "average_precision: precision must be fractions of 1, got [2.0]"),
    (lambda: average_precision([0.5], [2]), "average_precision: recall must be fractions of 1, got [2.0]"),
    (lambda: match_boxes([[0, 0, 1, 1]], [[0, 0, 0, 1]]),
     "match_boxes: targets must have x1 < x2 and y1 < y2, got [0.0, 0.0, 0.0, 1.0] in row 0"),
    (lambda: mean_average_precision([{"boxes": [], "labels": []}], []),
     "mean_average_precision: ground_truth and detections must be as many pictures, got 1 and 0"),
    (lambda: mean_average_precision([{"boxes": [], "labels": []}], [{"boxes": [], "labels": []}]),
     "mean_average_precision: detections[0] must be a dict with scores, got {'boxes': [], 'labels': []}"),
    (lambda: mean_average_precision([{"boxes": [[0, 0, 1, -1]], "labels": [1]}], [{}]),
     "mean_average_precision: ground_truth[0] boxes must have x1 < x2 and y1 < y2, got [0.0, 0.0, 1.0, -1.0] in row 0"),
    (lambda: mean_average_precision([{"boxes": [[0, 0, 1, 1]], "labels": [0.5]}], [{}]),
     "mean_average_precision: ground_truth[0]: labels must be one whole number a box, (1,), got float64 (1,)"),
], ids=lambda each: each if isinstance(each, str) else "")
def test_bad_input(call, message):
    refused(call, message)


def test_what_is_no_list_or_no_number_is_refused():
    refused(mean_average_precision, "mean_average_precision: ground_truth must be a list of one dict a picture, got "
            "NoneType", None, [])
    refused(average_precision, "average_precision: precision must be numbers (N,), got complex128 (1,)", [1j], [0.0])
    refused(average_precision, "average_precision: recall must be numbers (N,), got complex128 (1,)", [0.0], [1j])
    refused(average_precision, "average_precision: the curve must have at most 1073741824 numbers, got the shape "
            "(2147483648,)", [1.0], [1.0], points=2**31)
