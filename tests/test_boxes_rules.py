"""Which row is refused in whose name, and what happens at the limits: areas, scores and thresholds that are equal."""
import numpy as np
import pytest

from cnnlib import boxes
from cnnlib.boxes._checks import checked_objects

GOOD, NAN = [0.0, 0.0, 2.0, 2.0], float("nan")
WILD = "must be numbers (N, 4), got <U1 (1,)"


@pytest.mark.parametrize(("call", "message"), [
    (lambda: boxes.box_area([GOOD, [0, 0, NAN, 2]]),
     "box_area: boxes must hold finite numbers, got [0.0, 0.0, nan, 2.0] in row 1"),
    (lambda: boxes.box_convert(["a"], in_fmt="xyxy", out_fmt="xywh"), f"box_convert: boxes {WILD}"),
    (lambda: boxes.box_convert(["a"], in_fmt="xywh", out_fmt="xyxy"), f"box_convert: boxes {WILD}"),
    (lambda: boxes.box_convert([[1, 2, 3]], in_fmt="xywh", out_fmt="xyxy"),
     "box_convert: boxes must be numbers (N, 4), got (1, 3)"),
    (lambda: boxes.box_convert([GOOD, [0, NAN, 1, 1]], in_fmt="xywh", out_fmt="xyxy"),
     "box_convert: boxes must hold finite numbers, got [0.0, nan, 1.0, 1.0] in row 1"),
    (lambda: boxes.box_convert([GOOD, [0, 0, 1, 0]], in_fmt="xywh", out_fmt="xyxy"),
     "box_convert: boxes must have a width and a height above 0, got [0.0, 0.0, 1.0, 0.0] in row 1"),
    (lambda: boxes.box_convert([GOOD, [0, 0, 0, 1]], in_fmt="cxcywh", out_fmt="xyxy"),
     "box_convert: boxes must have a width and a height above 0, got [0.0, 0.0, 0.0, 1.0] in row 1"),
    (lambda: boxes.box_iou(["a"], [GOOD]), f"box_iou: boxes1 {WILD}"),
    (lambda: boxes.box_iou([GOOD], ["a"]), f"box_iou: boxes2 {WILD}"),
    (lambda: boxes.generalized_box_iou(["a"], [GOOD]), f"generalized_box_iou: boxes1 {WILD}"),
    (lambda: boxes.generalized_box_iou([GOOD], ["a"]), f"generalized_box_iou: boxes2 {WILD}"),
    (lambda: boxes.nms([GOOD], ["a"], iou_threshold=0.5), "nms: scores must be numbers (N,), got <U1 (1,)"),
    (lambda: boxes.match_boxes([GOOD], [GOOD], iou_threshold=2),
     "match_boxes: iou_threshold must be a fraction of 1, got 2"),
    (lambda: boxes.precision_recall_curve(["a"], [True], total=1),
     "precision_recall_curve: scores must be numbers (N,), got <U1 (1,)"),
    (lambda: boxes.precision_recall_curve([1.0], [True], total=0),
     "precision_recall_curve: total must be a whole number of at least 1, got 0"),
    (lambda: boxes.average_precision([1.0], [1.0], points=1),
     "average_precision: points must be a whole number of at least 2, got 1"),
    (lambda: boxes.average_precision(["a"], [1.0]), "average_precision: precision must be numbers (N,), got <U1 (1,)"),
    (lambda: boxes.average_precision([1.0], ["a"]), "average_precision: recall must be numbers (N,), got <U1 (1,)"),
    (lambda: boxes.average_precision([1.0], [1.0], points=2**40),
     "average_precision: the curve must have at most 1073741824 numbers, got the shape (1099511627776,)"),
    (lambda: boxes.batched_nms([GOOD], ["a"], [0], iou_threshold=0.5),
     "batched_nms: scores must be numbers (N,), got <U1 (1,)"),
    (lambda: boxes.batched_nms(["a"], [1.0], [0], iou_threshold=0.5), f"batched_nms: boxes {WILD}"),
    (lambda: boxes.batched_nms([GOOD], [1.0], [0], iou_threshold=2),
     "batched_nms: iou_threshold must be a fraction of 1, got 2"),
    (lambda: boxes.soft_nms(["a"], [1.0]), f"soft_nms: boxes {WILD}"),
    (lambda: boxes.soft_nms([GOOD], ["a"]), "soft_nms: scores must be numbers (N,), got <U1 (1,)"),
    (lambda: boxes.soft_nms([GOOD], [-1.0]), "soft_nms: scores must be at least 0, got -1.0"),
    (lambda: boxes.soft_nms([GOOD], [1.0], sigma=0), "soft_nms: sigma must be a number above 0, got 0"),
    (lambda: boxes.soft_nms([GOOD], [1.0], score_threshold=-1),
     "soft_nms: score_threshold must be a number of at least 0, got -1"),
    (lambda: boxes.soft_nms([GOOD], [1.0], iou_threshold=2),
     "soft_nms: iou_threshold must be a fraction of 1, got 2"),
    (lambda: checked_objects("f", [GOOD, GOOD], [0, -1], 3), "f: labels must be from 0 to 2, got -1 in row 1"),
    (lambda: checked_objects("f", [GOOD, GOOD], [2, 3], 3), "f: labels must be from 0 to 2, got 3 in row 1"),
])
def test_what_is_refused_names_the_row_and_who_was_called(call, message):
    with pytest.raises(ValueError) as caught:
        call()
    assert str(caught.value) == message


def test_objects_come_back_checked():
    found, labels = checked_objects("f", [GOOD], [2], 3)
    assert found.tolist() == [GOOD] and labels.tolist() == [2]


@pytest.mark.parametrize(("side", "sizes"), [
    (0.5, {"small"}), (32, {"small", "medium"}), (40, {"medium"}), (96, {"medium", "large"}), (100, {"large"})])
def test_an_object_at_a_limit_counts_in_both_sizes(side, sizes):
    there, found = {"boxes": [[0, 0, side, side]], "labels": [1]}, [0.9]
    numbers = boxes.mean_average_precision([there], [{**there, "scores": found}])
    assert {name for name in ("small", "medium", "large") if numbers[f"AP_{name}"] > 0.99} == sizes
    assert all(numbers[f"AP_{name}"] == -1 for name in {"small", "medium", "large"} - sizes) and numbers["AP"] > 0.99


def test_of_equal_scores_the_first_comes_first_however_many_there_are():
    hits, scores = np.arange(100) % 3 == 0, np.arange(100) % 2
    precision, _, _ = boxes.precision_recall_curve(scores, hits, total=40)
    sorted_hits = np.concatenate([hits[1::2], hits[::2]])
    assert np.array_equal(precision, np.cumsum(sorted_hits) / np.arange(1, 101))


def test_an_object_of_the_right_size_is_taken_before_a_closer_one_of_another():
    larger, small = [0, 0, 33, 33], [0, 0, 30, 30]  # IoU 0.94 and 0.88 with what was found; 32² is the limit
    numbers = boxes.mean_average_precision([{"boxes": [larger, small], "labels": [1, 1]}], [
        {"boxes": [[0, 0, 32, 32]], "labels": [1], "scores": [0.9]}])
    assert numbers["AR_small"] == pytest.approx(0.8)  # the thresholds up to 0.85


def test_soft_nms_without_options_and_at_its_limits():
    overlapping, scores = [GOOD, [0, 0, 2, 1]], [0.9, 0.8]
    assert boxes.soft_nms(overlapping, scores)[1] == pytest.approx([0.9, 0.8 * np.exp(-0.25 / 0.5)])
    apart = [GOOD, [5, 5, 6, 6]]
    assert boxes.soft_nms(apart, [0.5, 0.25], score_threshold=0.25)[0].tolist() == [0, 1]  # equal stays
    assert boxes.soft_nms(apart, [0.5, 0.0], score_threshold=0)[0].tolist() == [0, 1]


def test_two_points_are_a_curve():
    assert boxes.average_precision([1.0], [0.5], points=2) == 0.5
