import itertools
import re

import numpy as np
import pytest

from cnnlib.boxes import average_precision, box_iou, mean_average_precision, precision_recall_curve
from cnnlib.boxes.precision import interpolated
from cnnlib.widgets.precision_recall import DETECTIONS, NEEDED, OBJECTS, PrecisionRecall, PrecisionRecallView
from tools.node import call_view

TRAITS = ("objects", "boxes", "scores", "nearest", "ious", "matches", "needed_ious", "needed", "threshold")
SCORES = np.array([score for score, _ in DETECTIONS])
BOXES = [box for _, box in DETECTIONS]
STATES = [(needed, steps / 20) for needed, steps in itertools.product(range(len(NEEDED)), range(21))]


def state(*args, **options):
    """Return the traits of a widget as its script reads them."""
    view = PrecisionRecall(*args, **options).view
    return {name: getattr(view, name) for name in TRAITS}


START = state()
ALL = [[{**START, "needed": needed, "threshold": threshold}] for needed, threshold in STATES]


def hits_by_hand(iou_needed):
    """Return which detections find an object: each takes the best object that is still free."""
    free, hits = set(range(len(OBJECTS))), []
    for overlaps in box_iou(BOXES, OBJECTS):
        best = max(free, key=lambda place: overlaps[place], default=None)
        hits.append(best is not None and bool(overlaps[best] >= iou_needed))
        if hits[-1]:
            free.remove(best)
    return np.array(hits)


def test_every_state_shows_what_cnnlib_computes():
    shown = call_view(PrecisionRecallView, "facts", ALL)
    assert len(shown) == 63
    for (needed, threshold), facts in zip(STATES, shown, strict=True):
        hits = hits_by_hand(NEEDED[needed])
        precision, recall, scores = precision_recall_curve(SCORES, hits, total=len(OBJECTS))
        np.testing.assert_array_equal(scores, SCORES)  # the best one comes first
        np.testing.assert_allclose([point["precision"] for point in facts["curve"]], precision)
        np.testing.assert_allclose([point["recall"] for point in facts["curve"]], recall)
        assert facts["ap"] == pytest.approx(average_precision(precision, recall), abs=1e-12)
        kept = scores >= threshold
        assert facts["kept"] == kept.sum()
        assert (facts["tp"], facts["fp"], facts["fn"]) == (
            (hits & kept).sum(), (~hits & kept).sum(), len(OBJECTS) - (hits & kept).sum())
        if kept.any():
            p, r = precision[kept][-1], recall[kept][-1]
            assert (facts["precision"], facts["recall"]) == pytest.approx((p, r))
            assert facts["f1"] == pytest.approx(2 * p * r / (p + r) if p + r else 0)
        else:
            assert (facts["precision"], facts["recall"], facts["f1"]) == (None, 0, 0)
        assert [row["hit"] for row in facts["rows"]] == hits.tolist()
        assert [row["kept"] for row in facts["rows"]] == kept.tolist()


def test_area_is_cocos():
    truth = [{"boxes": OBJECTS, "labels": [1] * len(OBJECTS)}]
    found = [{"boxes": BOXES, "scores": SCORES, "labels": [1] * len(BOXES)}]
    coco = mean_average_precision(truth, found)
    at_half, at_three_quarters = call_view(PrecisionRecallView, "facts", [[START], [{**START, "needed": 1}]])
    assert at_half["ap"] == pytest.approx(coco["AP50"]) and at_three_quarters["ap"] == pytest.approx(coco["AP75"])
    plain = float(np.mean([point["precision"] for point in at_half["curve"]]))
    assert abs(plain - at_half["ap"]) > 0.01  # the mean over the detections is another number


def test_envelope_is_the_best_precision_at_this_recall_or_more():
    facts = call_view(PrecisionRecallView, "facts", ALL)
    for each in facts:
        precision = [point["precision"] for point in each["curve"]]
        assert all(high >= low for high, low in zip(each["envelope"], precision, strict=True))
        assert (np.diff(each["envelope"]) <= 0).all()
        recall = np.array([point["recall"] for point in each["curve"]])
        first = np.append(0, np.flatnonzero(np.diff(recall)) + 1)  # of each recall, where the envelope is highest
        right = interpolated(np.array(precision), recall, recall[first])
        np.testing.assert_allclose(np.array(each["envelope"])[first], right)
    assert (np.diff([point["precision"] for point in facts[0]["curve"]]) > 0).any()  # the raw curve does rise
    assert call_view(PrecisionRecallView, "averageOf", [[[], 8]]) == [0]


def test_a_better_fit_can_turn_a_duplicate_into_the_hit():
    half, three_quarters = call_view(PrecisionRecallView, "facts", [[START], [{**START, "needed": 1}]])
    assert [(half["rows"][i]["hit"], half["rows"][i]["reason"]) for i in (1, 6)] == [
        (True, "finds B"), (False, "B was found before")]
    assert [(three_quarters["rows"][i]["hit"], three_quarters["rows"][i]["reason"]) for i in (1, 6)] == [
        (False, "IoU with B too low"), (True, "finds B")]
    reasons = {row["reason"] for row in half["rows"]}
    assert {"nothing is there", "A was found before", "IoU with G too low"} <= reasons


def test_a_stricter_fit_never_helps_and_a_lower_threshold_never_loses_recall():
    facts = call_view(PrecisionRecallView, "facts", ALL)
    by_needed = [facts[21 * place:21 * (place + 1)] for place in range(3)]
    for looser, stricter in itertools.pairwise(by_needed):
        assert all(a["tp"] >= b["tp"] for a, b in zip(looser, stricter, strict=True))
        assert looser[0]["ap"] > stricter[0]["ap"]
    for row in by_needed:
        assert (np.diff([each["recall"] for each in row]) <= 0).all()
        assert len({each["ap"] for each in row}) == 1  # it does not depend on the threshold
        precision = [each["precision"] for each in row if each["precision"] is not None]
        assert (np.diff(precision) > 0).any() and (np.diff(precision) < 0).any()  # precision goes both ways


def values(page):
    return dict(re.findall(r'<b data-value="([^"]+)">([^<]*)</b>', page))


def test_page_shows_the_numbers_and_nothing_broken():
    pages, shown = (call_view(PrecisionRecallView, name, ALL) for name in ("draw", "facts"))
    for page, facts, (needed, threshold) in zip(pages, shown, STATES, strict=True):
        assert not re.search("NaN|undefined|null|Infinity", page)
        assert page.count("<svg") == page.count('role="img"') == 2
        numbers = values(page)
        summary = PrecisionRecall(NEEDED[needed], threshold=threshold).summary()
        for name in ("tp", "fp", "fn"):
            assert numbers[name] == str(summary[name])
        for name in ("recall", "f1", "ap"):
            assert float(numbers[name]) == pytest.approx(summary[name], abs=1.1e-3)
        if summary["precision"] is None:
            assert numbers["precision"] == "no detection left: no precision"
            assert page.count("no detection left") == 2 and "cnn-pr-now" not in page  # in the readout and the drawing
        else:
            assert float(numbers["precision"]) == pytest.approx(summary["precision"], abs=1.1e-3)
            assert "cnn-pr-now" in page
        marks = [numbers[f"mark.{i}"] for i in range(1, 13)]
        assert marks.count("✓ true positive") == summary["tp"] and marks.count("✗ false positive") == summary["fp"]
        assert marks.count("– not kept") == 12 - facts["kept"]
        assert len(facts["missed"]) == summary["fn"]
    assert {facts["kept"] for facts in shown} >= {0, 9, 12}


def test_equal_score_and_threshold_is_kept_and_slider_dust_is_swept_away():
    at, above = call_view(PrecisionRecallView, "facts", [[{**START, "threshold": t}] for t in (0.55, 0.6)])
    assert 0.55 in SCORES and at["kept"] == above["kept"] + 1
    dusty = 3 * 0.05
    clean, seen = call_view(PrecisionRecallView, "draw", [[{**START, "threshold": t}] for t in (0.15, dusty)])
    assert dusty != 0.15 and clean == seen
    explorer = PrecisionRecall(threshold=6 * 0.05)  # above the score 0.3 by the last bit
    assert 6 * 0.05 > 0.3 and 0.3 in SCORES
    assert explorer.summary() == PrecisionRecall(threshold=0.3).summary()
    page = call_view(PrecisionRecallView, "draw", [[{**START, "threshold": 6 * 0.05}]])[0]
    assert values(page)["mark.11"] == "✓ true positive"


def test_curve_is_drawn_where_its_numbers_say():
    page = call_view(PrecisionRecallView, "draw", [[START]])[0]
    facts = call_view(PrecisionRecallView, "facts", [[START]])[0]
    dots = [tuple(map(float, pair)) for pair in re.findall(r'cnn-pr-dot" cx="([\d.]+)" cy="([\d.]+)"', page)]
    right = [(36 + 254 * point["recall"], 204 - 180 * point["precision"]) for point in facts["curve"]]
    np.testing.assert_allclose(dots, right, atol=0.01)
    now = re.search(r'cnn-pr-now" cx="([\d.]+)" cy="([\d.]+)"', page)
    assert tuple(map(float, now.groups())) == dots[facts["kept"] - 1]
    stairs = re.search(r'cnn-pr-envelope" d="M36 ([\d.]+)', page)
    assert float(stairs.group(1)) == pytest.approx(204 - 180 * facts["envelope"][0], abs=0.01)


def test_controls_are_linked_to_the_view_and_named_apart():
    explorer = PrecisionRecall(0.75, threshold=0.3)
    held = {name: control.index if hasattr(control, "index") else control.value
            for name, control in explorer.controls.items()}
    assert held == {"threshold": 0.3, "needed": 1}
    assert {name: getattr(explorer.view, name) for name in held} == held
    assert [control.description for control in explorer.controls.values()] == ["confidence threshold", "IoU needed"]
    assert explorer.controls["needed"].options == ("0.5", "0.75", "0.9")


@pytest.mark.parametrize(("settings", "message"), [
    ({"iou_needed": 0.6}, "PrecisionRecall: iou_needed must be one of 0.5, 0.75, 0.9, got 0.6"),
    ({"iou_needed": "0.5"}, "PrecisionRecall: iou_needed must be one of 0.5, 0.75, 0.9, got '0.5'"),
    ({"iou_needed": None}, "PrecisionRecall: iou_needed must be one of 0.5, 0.75, 0.9, got None"),
    ({"threshold": 1.05}, "PrecisionRecall: threshold must be a number from 0 to 1 in steps of 0.05, got 1.05"),
    ({"threshold": 0.52}, "PrecisionRecall: threshold must be a number from 0 to 1 in steps of 0.05, got 0.52"),
    ({"threshold": True}, "PrecisionRecall: threshold must be a number from 0 to 1 in steps of 0.05, got True"),
    ({"threshold": "0.5"}, "PrecisionRecall: threshold must be a number from 0 to 1 in steps of 0.05, got '0.5'"),
])
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(ValueError) as caught:
        PrecisionRecall(**settings)
    assert str(caught.value) == message
