"""Suppression against oracle cases, a twin of plain loops, and the handbook's version beside it."""
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnlib.boxes import batched_nms, box_iou, nms, soft_nms
from tests.judge import refused

CASES = json.loads((Path(__file__).parent / "oracles" / "detection" / "nms.json").read_text(encoding="utf-8"))


def slow_nms(boxes, scores, threshold):
    """Return the kept indices: one box after the other, each against all kept before it."""
    kept = []
    for index in sorted(range(len(boxes)), key=lambda i: (-scores[i], i)):
        if all(box_iou([boxes[index]], [boxes[other]])[0, 0] <= threshold for other in kept):
            kept.append(index)
    return kept


def clusters(rng, count, *, decimals=1):
    """Return boxes that overlap in clusters, and scores with ties."""
    middles = rng.uniform(0, 100, (max(1, count // 6), 2))
    start = middles[rng.integers(len(middles), size=count)] + rng.normal(0, 4, (count, 2))
    boxes = np.hstack([start, start + rng.uniform(5, 30, (count, 2))]).round(decimals)
    return boxes, rng.uniform(0, 1, count).round(2)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_oracle_cases(case):
    boxes, scores, labels = case["boxes_xyxy"], case["scores"], case["labels"]
    assert nms(boxes, scores, iou_threshold=case["iou_threshold"]).tolist() == case["keep"]
    kept = batched_nms(boxes, scores, labels, iou_threshold=case["iou_threshold"])
    assert kept.tolist() == case["keep_per_class"]


@pytest.mark.parametrize("part", range(10))
def test_five_thousand_random_cases(part):
    rng = np.random.default_rng(part)
    for _ in range(500):
        boxes, scores = clusters(rng, int(rng.integers(1, 12)), decimals=int(rng.integers(2)))
        threshold = float(rng.choice([0, 0.1, 0.25, 0.5, 0.75, 1]))
        assert nms(boxes, scores, iou_threshold=threshold).tolist() == slow_nms(boxes, scores, threshold)


@pytest.mark.parametrize("count", [127, 128, 129, 300, 700])
def test_more_boxes_than_are_looked_at_together(count):
    boxes, scores = clusters(np.random.default_rng(count), count)
    for threshold in (0.1, 0.5):
        kept = nms(boxes, scores, iou_threshold=threshold)
        assert kept.tolist() == slow_nms(boxes, scores, threshold)
        assert 1 < len(kept) < count


def test_a_chain_lets_every_second_box_live():
    boxes = [[3 * i, 0, 3 * i + 10, 10] for i in range(400)]  # neighbours: 7 / 13, over one: 4 / 16
    kept = nms(boxes, np.arange(400, 0, -1), iou_threshold=0.5)
    assert kept.tolist() == list(range(0, 400, 2))


def test_an_iou_equal_to_the_threshold_stays_where_the_handbook_discards_it():
    boxes, scores = np.array([[0, 0, 10, 10], [0, 0, 10, 5]]), np.array([0.9, 0.8])  # IoU exactly 0.5
    assert nms(boxes, scores, iou_threshold=0.5).tolist() == [0, 1]
    assert slow_nms(boxes, scores, 0.5) == [0, 1]
    handbook = box_iou(boxes[:1], boxes[1:])[0] < 0.5  # keeps what is below, so discards what is equal
    assert not handbook.any()


def test_other_classes_do_not_suppress():
    boxes = [[0, 0, 10, 10], [0, 0, 10, 10], [0, 0, 10, 9]]
    assert batched_nms(boxes, [0.5, 0.9, 0.7], [0, 1, 0], iou_threshold=0.5).tolist() == [1, 2]
    assert nms(boxes, [0.5, 0.9, 0.7], iou_threshold=0.5).tolist() == [1]


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.3, 0.5, 0.7]))
def test_kept_boxes_stand_apart_and_every_other_has_a_reason(seed, threshold):
    boxes, scores = clusters(np.random.default_rng(seed), 60)
    kept = nms(boxes, scores, iou_threshold=threshold)
    iou = box_iou(boxes, boxes[kept])
    assert (np.triu(iou[kept], 1) <= threshold).all() and (np.diff(scores[kept]) <= 0).all()
    for other in set(range(60)) - set(kept.tolist()):
        assert ((iou[other] > threshold) & (scores[kept] >= scores[other])).any()


def test_no_boxes():
    assert nms([], [], iou_threshold=0.5).tolist() == batched_nms([], [], [], iou_threshold=0.5).tolist() == []
    assert [each.tolist() for each in soft_nms([], [])] == [[], []]


def test_soft_nms_of_three_boxes_by_hand():
    boxes, scores = [[0, 0, 10, 10], [0, 0, 10, 5], [20, 0, 30, 10]], [0.9, 0.8, 0.7]  # IoU of the first two: 0.5
    taken, left = soft_nms(boxes, scores, sigma=0.5)
    assert taken.tolist() == [0, 2, 1] and left == pytest.approx([0.9, 0.7, 0.8 * np.exp(-0.25 / 0.5)])
    taken, left = soft_nms(boxes, scores, iou_threshold=0.3)
    assert taken.tolist() == [0, 2, 1] and left == pytest.approx([0.9, 0.7, 0.8 * 0.5])
    taken, left = soft_nms(boxes, scores, iou_threshold=0.5)  # not above it
    assert taken.tolist() == [0, 1, 2] and left == pytest.approx(scores)


@given(st.integers(0, 2**32 - 1))
def test_soft_nms_with_a_factor_of_nothing_is_nms(seed):
    boxes, scores = clusters(np.random.default_rng(seed), 25)
    scores = np.random.default_rng(seed).permutation(25) / 25 + 0.01  # without ties
    boxes = np.repeat(boxes[:5], 5, axis=0)  # the same box five times: 1 - IoU is 0
    taken, _ = soft_nms(boxes, scores, iou_threshold=0.999)
    assert taken.tolist() == nms(boxes, scores, iou_threshold=0.999).tolist()


BOX = [[0, 0, 1, 1], [0, 0, 1, 2]]


@pytest.mark.parametrize("call, message", [
    (lambda: nms(BOX, [1], iou_threshold=0.5), "nms: scores must be one number a box, (2,), got (1,)"),
    (lambda: nms(BOX, [1, np.nan], iou_threshold=0.5), "nms: scores must hold finite numbers, got nan in row 1"),
    (lambda: nms(BOX, [1, 2], iou_threshold=1.5), "nms: iou_threshold must be a fraction of 1, got 1.5"),
    (lambda: nms([[0, 0, 1, 1], [2, 0, 1, 1]], [1, 2], iou_threshold=0.5),
     "nms: boxes must have x1 < x2 and y1 < y2, got [2.0, 0.0, 1.0, 1.0] in row 1"),
    (lambda: batched_nms(BOX, [1, 2], [0.0, 1.0], iou_threshold=0.5),
     "batched_nms: labels must be one whole number a box, (2,), got float64 (2,)"),
    (lambda: batched_nms(BOX, [1, 2], [0], iou_threshold=0.5),
     "batched_nms: labels must be one whole number a box, (2,), got int64 (1,)"),
    (lambda: soft_nms(BOX, [1, -0.5]), "soft_nms: scores must be at least 0, got -0.5"),
    (lambda: soft_nms(BOX, [1, 1], sigma=0), "soft_nms: sigma must be a number above 0, got 0"),
], ids=lambda each: each if isinstance(each, str) else "")
def test_bad_input(call, message):
    refused(call, message)


def test_uneven_labels_are_refused():
    refused(batched_nms, "batched_nms: labels must be one whole number a box, (1,), got object ()", [[0, 0, 1, 1]], [1],
            [[1], [1, 2]], iou_threshold=0.5)
