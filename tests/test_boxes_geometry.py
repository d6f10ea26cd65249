"""Areas, formats and overlaps against oracle cases and a twin of plain loops."""
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnlib.boxes import box_area, box_convert, box_iou, generalized_box_iou
from tests.judge import refused

FORMATS = ("xyxy", "xywh", "cxcywh")
CASES = json.loads((Path(__file__).parent / "oracles" / "detection" / "iou.json").read_text(encoding="utf-8"))
sides = st.floats(0.01, 500).map(lambda value: round(value, 2))
box = st.tuples(st.floats(-500, 500), st.floats(-500, 500), sides, sides).map(
    lambda b: [b[0], b[1], b[0] + b[2], b[1] + b[3]])
boxes_of = st.lists(box, min_size=1, max_size=6)


def slow_iou(a, b):
    """Return intersection over union of two boxes, and the area of the smallest box around both."""
    across, down = max(0, min(a[2], b[2]) - max(a[0], b[0])), max(0, min(a[3], b[3]) - max(a[1], b[1]))
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - across * down
    around = (max(a[2], b[2]) - min(a[0], b[0])) * (max(a[3], b[3]) - min(a[1], b[1]))
    return across * down / union, union, around


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_oracle_cases(case):
    np.testing.assert_allclose(box_iou(case["a_xyxy"], case["b_xyxy"]), case["iou"], atol=1e-6)
    np.testing.assert_allclose(generalized_box_iou(case["a_xyxy"], case["b_xyxy"]), case["giou"], atol=1e-6)


def test_five_thousand_random_pairs():
    rng = np.random.default_rng(0)
    start = rng.uniform(0, 100, (2, 5000, 2))
    boxes = np.concatenate([start, start + rng.uniform(0.5, 60, start.shape)], axis=2).round(1)
    for first, second in boxes.swapaxes(0, 1):
        iou, union, around = slow_iou(first, second)
        assert box_iou([first], [second])[0, 0] == pytest.approx(iou, abs=1e-12)
        assert generalized_box_iou([first], [second])[0, 0] == pytest.approx(iou - (around - union) / around, abs=1e-12)


@given(boxes_of, boxes_of)
def test_iou_is_even_handed_and_generalized_iou_is_never_above_it(first, second):
    iou, generalized = box_iou(first, second), generalized_box_iou(first, second)
    assert iou.shape == (len(first), len(second))
    np.testing.assert_array_equal(iou, box_iou(second, first).T)
    assert ((iou >= 0) & (iou <= 1 + 1e-12)).all() and (generalized <= iou + 1e-9).all() and (generalized > -1).all()


@given(boxes_of, st.sampled_from(FORMATS), st.sampled_from(FORMATS))
def test_formats_there_and_back(boxes, one, two):
    there = box_convert(box_convert(boxes, in_fmt="xyxy", out_fmt=one), in_fmt=one, out_fmt=two)
    back = box_convert(there, in_fmt=two, out_fmt="xyxy")
    np.testing.assert_allclose(back, boxes, atol=1e-9)


def test_formats_of_one_box():
    assert box_convert([[10, 20, 30, 60]], in_fmt="xyxy", out_fmt="xywh").tolist() == [[10, 20, 20, 40]]
    assert box_convert([[20, 40, 20, 40]], in_fmt="cxcywh", out_fmt="xyxy").tolist() == [[10, 20, 30, 60]]
    assert box_convert([[10, 20, 20, 40]], in_fmt="xywh", out_fmt="cxcywh").tolist() == [[20, 40, 20, 40]]


def test_a_box_from_0_to_10_is_10_wide():
    assert box_area([[0, 0, 10, 10]]) == [100]  # not 121, as where the last pixel counts in the corner's number
    assert box_iou([[0, 0, 10, 10]], [[10, 0, 20, 10]]) == [[0]]


def test_touching_and_equal_boxes_beside_the_handbooks_division_by_zero():
    assert box_iou([[0, 0, 1, 1]], [[0, 0, 1, 1], [1, 1, 2, 2]]).tolist() == [[1, 0]]
    with pytest.raises(ZeroDivisionError):
        slow_iou([1, 1, 1, 1], [1, 1, 1, 1])
    refused(lambda: box_iou([[0, 0, 1, 1]], [[0, 0, 1, 1], [1, 1, 1, 1]]),
            "box_iou: boxes2 must have x1 < x2 and y1 < y2, got [1.0, 1.0, 1.0, 1.0] in row 1")


def test_no_boxes():
    assert box_iou([], [[0, 0, 1, 1]]).shape == (0, 1) and box_area(np.zeros((0, 4))).shape == (0,)


@pytest.mark.parametrize("boxes, rule", [
    ([[3, 0, 1, 2]], "must have x1 < x2 and y1 < y2, got [3.0, 0.0, 1.0, 2.0] in row 0"),
    ([[0, 0, 1, 1], [0, 5, 1, 5]], "must have x1 < x2 and y1 < y2, got [0.0, 5.0, 1.0, 5.0] in row 1"),
    ([[0, 0, 1, np.nan]], "must hold finite numbers, got [0.0, 0.0, 1.0, nan] in row 0"),
    ([[0, 0, np.inf, 1]], "must hold finite numbers, got [0.0, 0.0, inf, 1.0] in row 0"),
    ([[0, 0, 1]], "must be numbers (N, 4), got (1, 3)"),
    ([0, 0, 1, 1], "must be numbers (N, 4), got (4,)"),
    ([["a", "b", "c", "d"]], "must be numbers (N, 4), got <U1 (1, 4)"),
    ([[0, 0, 1, 1], [0, 1]], "must be numbers (N, 4), got rows of different lengths"),
], ids=str)
def test_bad_boxes(boxes, rule):
    refused(lambda: box_area(boxes), f"box_area: boxes {rule}")


def test_bad_formats():
    refused(lambda: box_convert([[0, 0, 1, 1]], in_fmt="xyxy", out_fmt="yxyx"),
            "box_convert: out_fmt must be one of xyxy, xywh, cxcywh, got 'yxyx'")
    refused(lambda: box_convert([[0, 0, 1, 0]], in_fmt="xywh", out_fmt="xyxy"),
            "box_convert: boxes must have a width and a height above 0, got [0.0, 0.0, 1.0, 0.0] in row 0")


def test_input_is_left_as_it_is():
    boxes = np.array([[0, 0, 4, 4], [1, 1, 3, 3]])
    boxes.flags.writeable = False
    box_iou(boxes, boxes[::-1]), box_convert(boxes, in_fmt="xyxy", out_fmt="xywh")
    assert boxes.tolist() == [[0, 0, 4, 4], [1, 1, 3, 3]]


def test_a_format_must_be_a_text():
    refused(box_convert, "box_convert: in_fmt must be one of xyxy, xywh, cxcywh, got array([0, 1])", [[0, 0, 1, 1]],
            in_fmt=np.arange(2), out_fmt="xywh")
