import itertools
import json
import re
from fractions import Fraction

import numpy as np
import pytest

from cnnlib.boxes import batched_nms, box_iou, nms
from cnnlib.widgets._esm import css
from cnnlib.widgets.nms_explorer import BOXES, KINDS, OBJECTS, NMSExplorer, NMSView
from tools.node import call_view

NAMES, LABELS, HUNDREDTHS, CORNERS, _ = zip(*BOXES, strict=True)
SCORES = np.array(HUNDREDTHS) / 100
IOU = box_iou(CORNERS, CORNERS)
TRAITS = ("kinds", "objects", "boxes", "iou_threshold", "score_threshold", "classes", "step")
GRID = [twentieth / 20 for twentieth in range(21)]
STATES = [dict(zip(TRAITS[3:], values, strict=True)) for values in itertools.product(GRID, GRID, (0, 1), range(13))]


def state(*args, **options):
    """Return the traits of a widget as its script reads them."""
    view = NMSExplorer(*args, **options).view
    return {name: getattr(view, name) for name in TRAITS}


START = state()


def look(function, states):
    """Call a function of the script with the widget's scene in each state."""
    return call_view(NMSView, f"((now) => {function}({{...{json.dumps(START)}, ...now}}))", [[each] for each in states])


def twin(limit, least, together, *, beats=np.greater):
    """Return the steps of the suppression, slowly: [(taken, {discarded: IoU})]."""
    waiting = {i for i in range(len(BOXES)) if SCORES[i] >= least}
    steps = []
    while waiting:
        best = min(i for i in waiting if SCORES[i] == max(SCORES[j] for j in waiting))
        rivals = {i for i in waiting - {best} if together or LABELS[i] == LABELS[best]}
        gone = {i: IOU[best, i] for i in rivals if beats(IOU[best, i], limit)}
        steps.append((best, gone))
        waiting -= {best, *gone}
    return steps


def overlapped():
    """Return the object of its class that each box overlaps most, -1 for none."""
    iou = box_iou(CORNERS, [at for _, _, at in OBJECTS])
    iou *= np.array(LABELS)[:, None] == [kind for _, kind, _ in OBJECTS]
    return np.where(iou.max(axis=1) > 0, iou.argmax(axis=1), -1).tolist()


OWNERS = overlapped()


def expected(now, steps):
    """Return what a state must show after its steps."""
    below = {i for i in range(len(BOXES)) if SCORES[i] < now["score_threshold"]}
    done = steps[:now["step"]]
    kept = [best for best, _ in done]
    gone = {i: (best, iou, at) for at, (best, those) in enumerate(done, start=1) for i, iou in those.items()}
    waiting = [i for i in range(len(BOXES)) if i not in {*below, *kept, *gone}]
    left = sorted([*kept, *waiting])
    counts = [sum(OWNERS[i] == k for i in left) for k in range(len(OBJECTS))]
    return {"last": len(steps), "step": len(done), "finished": len(done) == len(steps), "below": sorted(below),
            "kept": kept, "waiting": waiting, "left": left, "gone": sorted(gone),
            "lost": [k for k, count in enumerate(counts) if count == 0],
            "doubled": [k for k, count in enumerate(counts) if count > 1],
            "stray": [i for i in left if OWNERS[i] == -1]}, gone


def test_every_step_of_every_state_is_that_of_the_slow_twin():
    assert len(STATES) == 21 * 21 * 2 * 13
    known = {(limit, least, together): twin(limit, least, together)
             for limit, least, together in itertools.product(GRID, GRID, (0, 1))}
    for now, facts in zip(STATES, look("facts", STATES), strict=True):
        right, gone = expected(now, known[now["iou_threshold"], now["score_threshold"], now["classes"]])
        assert {name: facts[name] for name in right} == right, now
        discarded = {i: (each["by"], each["iou"], each["step"]) for i, each in enumerate(facts["status"])
                     if each["kind"] == "gone"}
        assert discarded == gone, now
        kept = {i: each["step"] for i, each in enumerate(facts["status"]) if each["kind"] == "kept"}
        assert kept == {i: step for step, i in enumerate(right["kept"], 1)}, now


def test_last_step_is_what_nms_keeps():
    states = [now for now in STATES if now["step"] == 12]
    explorer = NMSExplorer()
    for now, facts in zip(states, look("facts", states), strict=True):
        high = np.flatnonzero(SCORES >= now["score_threshold"])
        boxes, labels = np.array(CORNERS)[high], np.array(LABELS)[high]
        if now["classes"]:
            kept = nms(boxes, SCORES[high], iou_threshold=now["iou_threshold"])
        else:
            kept = batched_nms(boxes, SCORES[high], labels, iou_threshold=now["iou_threshold"])
        assert facts["finished"] and facts["kept"] == high[kept].tolist(), now
        for name, value in now.items():
            setattr(explorer.view, name, value)
        assert explorer.kept() == [NAMES[i] for i in facts["kept"]]


def test_scene_has_the_cases_that_matter():
    exact = [(NAMES[i], NAMES[j]) for i, j in zip(*np.nonzero(np.triu(IOU, 1) == 0.5), strict=True)]
    assert exact == [("A", "B")] and LABELS[0] == LABELS[1]
    (x1, y1, x2, y2), (a1, b1, a2, b2) = CORNERS[:2]
    shared = (min(x2, a2) - max(x1, a1)) * (min(y2, b2) - max(y1, b1))
    assert Fraction(shared, (x2 - x1) * (y2 - y1) + (a2 - a1) * (b2 - b1) - shared) == Fraction(1, 2)
    assert len(set(HUNDREDTHS)) < len(HUNDREDTHS) == 12  # equal scores
    left, middle, _, _ = OBJECTS
    assert left[1] == middle[1] and box_iou([left[2]], [middle[2]]) > 0.25  # two of a class truly overlap
    assert {LABELS[i] for i in range(12)} == {0, 1} and -1 in OWNERS


@pytest.mark.parametrize(("settings", "lost", "doubled"), [
    ({"iou_threshold": 0.45}, [], []),
    ({"iou_threshold": 0.5}, [], ["left disc"]),  # B overlaps A by exactly 0.5
    ({"iou_threshold": 0.2}, ["middle disc"], []),
    ({"iou_threshold": 0.8}, [], ["left disc", "middle disc", "square", "right disc"]),
    ({"iou_threshold": 0.45, "classes": 1}, ["right disc"], []),
    ({"iou_threshold": 0.45, "score_threshold": 0.8}, ["right disc"], []),
])
def test_thresholds_lose_and_double_objects(settings, lost, doubled):
    now = {**START, **settings, "step": 12}
    facts, page = (call_view(NMSView, name, [[now]])[0] for name in ("facts", "draw"))
    names = [name for name, _, _ in OBJECTS]
    assert ([names[k] for k in facts["lost"]], [names[k] for k in facts["doubled"]]) == (lost, doubled)
    assert (values(page)["lost"], values(page)["doubled"]) == (str(len(lost)), str(len(doubled)))
    assert all(f"({name})" in page for name in lost)


def test_a_box_exactly_at_the_threshold_stays_where_at_least_would_discard_it():
    facts = look("facts", [{"step": 12}])[0]
    right, wrong = (sorted(best for best, _ in twin(0.5, 0.3, 0, beats=beats))
                    for beats in (np.greater, np.greater_equal))
    assert sorted(facts["kept"]) == right != wrong
    assert NAMES.index("B") in set(right) - set(wrong)
    page = look("draw", [{"step": 1}])[0]
    assert "It discards C (IoU 0.627): above the IoU threshold 0.50." in page
    assert "B stays: an IoU of exactly 0.50 is not above it." in page


def test_a_discarded_box_discards_nothing():
    fate = look("facts", [{"iou_threshold": 0.45, "step": 12}])[0]["status"]
    d, f, a = (NAMES.index(name) for name in "DFA")
    assert IOU[f, d] > 0.45 and SCORES[f] > SCORES[d]  # F would have discarded D
    assert fate[f]["by"] == a and fate[d]["kind"] == "kept"


def test_of_equal_scores_the_earlier_box_goes_first():
    taken = NAMES.index("C")
    states = [{"iou_threshold": 0.9, "step": step} for step in range(13)]
    facts = look("facts", states)
    page = next(page for page, now in zip(look("draw", states), facts, strict=True)
                if now["now"] and now["now"]["box"] == taken)
    order = facts[-1]["kept"]
    assert order.index(taken) + 1 == order.index(NAMES.index("J"))
    assert "J has the same score; the earlier letter goes first." in page


def test_steps_beyond_the_last_stay_there_and_say_finished():
    last = look("facts", [{"step": 12}])[0]["last"]
    pages = look("draw", [{"step": step} for step in (last - 1, last, last + 1, 99)])
    assert pages[1] == pages[2] == pages[3] and "finished" in pages[1]
    assert "finished" not in pages[0]
    nothing = look("draw", [{"score_threshold": 1.0, "step": step} for step in (0, 5)])
    assert nothing[0] == nothing[1]
    assert "Finished: no box has a score of at least 1.00" in nothing[0] and values(nothing[0])["lost"] == "4"


def values(page):
    return dict(re.findall(r'data-value="([^"]+)">([^<]*)<', page))


def test_page_shows_the_facts_and_tells_kinds_apart_without_color():
    states = STATES[::6]
    marks = {"kept": "✓", "gone": "×", "waiting": "…", "below": "–"}
    for now, page, facts in zip(states, look("draw", states), look("facts", states), strict=True):
        assert not re.search("NaN|undefined|null|Infinity", page), now
        assert page.count("<svg") == page.count('role="img"') == 1
        seen = values(page)
        for name in ("left", "kept", "waiting", "gone", "below"):
            assert int(seen[name]) == len(facts[name])
        tags = dict(re.findall(r'class="cnn-nms-tag"[^>]*>(\w)([^<]*)<', page))
        taken = facts["now"]["box"] if facts["now"] else None
        for i, name in enumerate(NAMES):
            kind = facts["status"][i]["kind"]
            assert tags[name] == ("★" if i == taken else marks[kind])
            if kind == "gone":
                status = facts["status"][i]
                assert seen[f"fate.{name}"] == f"× by {NAMES[status['by']]}, {status['iou']:.3f}"
        for kind in marks:
            assert page.count(f'<rect class="cnn-nms-{kind}') == sum(each["kind"] == kind for each in facts["status"])


def test_line_styles_differ():
    rules = dict(re.findall(r"\.cnn-nms \.cnn-nms-(kept|gone|below) \{([^}]*)\}", css()))
    seen = {kind: re.findall(r"stroke-(?:width|dasharray): ([\d. ]+)", rule) for kind, rule in rules.items()}
    assert seen == {"kept": ["2.75"], "gone": ["1", "7 4"], "below": ["1.25", "1 3"]}


def test_slider_dust_is_swept_away():
    dusty = 0.1 + 0.2
    clean, seen = look("draw", [{"iou_threshold": 0.3, "score_threshold": 0.3},
                                {"iou_threshold": dusty, "score_threshold": dusty}])
    assert dusty != 0.3 and clean == seen


def test_controls_are_linked_to_the_view_and_named_apart():
    explorer = NMSExplorer(0.35, score_threshold=0.15, classes="all together", step=4)
    held = {name: control.index if hasattr(control, "index") else control.value
            for name, control in explorer.controls.items()}
    assert held == {"iou_threshold": 0.35, "score_threshold": 0.15, "classes": 1, "step": 4}
    assert {name: getattr(explorer.view, name) for name in held} == held
    slider, play = explorer.children[-2].children
    assert slider is explorer.controls["step"] and (play.value, play.max) == (4, slider.max)
    descriptions = [control.description for control in explorer.controls.values()]
    assert descriptions == ["IoU threshold", "score threshold", "classes", "step"]
    assert START["kinds"] == list(KINDS)


@pytest.mark.parametrize(("settings", "message"), [
    ({"iou_threshold": 1.05}, "NMSExplorer: iou_threshold must be a number from 0 to 1 in steps of 0.05, got 1.05"),
    ({"iou_threshold": 0.33}, "NMSExplorer: iou_threshold must be a number from 0 to 1 in steps of 0.05, got 0.33"),
    ({"iou_threshold": True}, "NMSExplorer: iou_threshold must be a number from 0 to 1 in steps of 0.05, got True"),
    ({"score_threshold": "0.5"},
     "NMSExplorer: score_threshold must be a number from 0 to 1 in steps of 0.05, got '0.5'"),
    ({"score_threshold": float("nan")},
     "NMSExplorer: score_threshold must be a number from 0 to 1 in steps of 0.05, got nan"),
    ({"classes": "both"}, "NMSExplorer: classes must be one of each class alone, all together, got 'both'"),
    ({"step": 13}, "NMSExplorer: step must be a whole number from 0 to 12, got 13"),
    ({"step": 1.0}, "NMSExplorer: step must be a whole number from 0 to 12, got 1.0"),
])
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(ValueError) as caught:
        NMSExplorer(**settings)
    assert str(caught.value) == message
