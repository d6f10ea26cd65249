import json
import re

import numpy as np
import pytest

from cnnlib.boxes import box_area, box_iou, generalized_box_iou
from cnnlib.widgets.iou_explorer import BOARD, RANGES, IoUExplorer, IoUView
from tools.node import call_view, run_module

TRAITS = [f"{box}_{part}" for box in "ab" for part in RANGES]
PARTS = [f"{box}.{part}" for box in "ab" for part in ("body", "start", "end")]
KEYS = ("ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown")


def state(a, b):
    """Return the traits of two boxes x1, y1, x2, y2 as the script reads them."""
    view = IoUExplorer(a, b).view
    return {name: getattr(view, name) for name in TRAITS}


def random_states(count, seed):
    rng = np.random.default_rng(seed)
    return [{name: int(rng.integers(RANGES[name[2:]][0], RANGES[name[2:]][1] + 1)) for name in TRAITS}
            for _ in range(count)]


MOVED = IoUExplorer()


def explorer_at(traits):
    """Return the one widget of this file, its sliders moved there."""
    for name, number in traits.items():
        setattr(MOVED.view, name, number)
    return MOVED


def box(traits, name):
    left, top, width, height = (traits[f"{name}_{part}"] for part in RANGES)
    return [left, top, left + width, top + height]


STATES = random_states(2000, 12) + [
    state(a, b) for a, b in (
        ((0, 0, 16, 16), (0, 0, 16, 16)), ((2, 2, 6, 6), (2, 2, 6, 6)), ((0, 0, 4, 4), (4, 0, 8, 4)),
        ((0, 0, 4, 4), (4, 4, 8, 8)), ((0, 0, 1, 1), (15, 15, 16, 16)), ((2, 2, 10, 10), (4, 4, 6, 6)),
        ((0, 0, 4, 4), (0, 4, 4, 8)))]


def test_every_state_shows_what_cnnlib_computes():
    shown = call_view(IoUView, "facts", [[each] for each in STATES])
    boxes = [explorer_at(each).boxes() for each in STATES]
    a, b = (np.array([each[name] for each in boxes]) for name in "ab")
    np.testing.assert_array_equal([facts["a"] for facts in shown], a)
    np.testing.assert_array_equal([facts["b"] for facts in shown], b)
    assert min(a.min(), b.min()) == 0 and max(a.max(), b.max()) == BOARD
    iou = np.array([box_iou([one], [two])[0, 0] for one, two in zip(a, b, strict=True)])
    giou = np.array([generalized_box_iou([one], [two])[0, 0] for one, two in zip(a, b, strict=True)])
    np.testing.assert_allclose([facts["iou"] for facts in shown], iou, atol=1e-12)
    np.testing.assert_allclose([facts["giou"] for facts in shown], giou, atol=1e-12)
    np.testing.assert_array_equal([facts["hit"] for facts in shown], iou >= 0.5)
    np.testing.assert_array_equal([facts["areas"] for facts in shown], np.stack([box_area(a), box_area(b)], axis=1))
    around = np.concatenate([np.minimum(a, b)[:, :2], np.maximum(a, b)[:, 2:]], axis=1)
    np.testing.assert_array_equal([facts["around"] for facts in shown], around)


def pixels(traits, name):
    """Return the board with the box painted, (16, 16) of True and False."""
    x1, y1, x2, y2 = explorer_at(traits).boxes()[name]
    board = np.zeros((BOARD, BOARD), bool)
    board[y1:y2, x1:x2] = True
    return board


def test_areas_and_relations_agree_with_counted_pixels():
    shown = call_view(IoUView, "facts", [[each] for each in STATES])
    for each, facts in zip(STATES, shown, strict=True):
        a, b = (pixels(each, name) for name in "ab")
        both = int((a & b).sum())
        assert (facts["intersection"], facts["union"]) == (both, int((a | b).sum())), each
        assert facts["empty"] == facts["aroundArea"] - facts["union"] >= 0
        around_b = np.pad(b, 1)  # one pixel farther on each side
        near = any((a & around_b[1 + dy:17 + dy, 1 + dx:17 + dx]).any() for dy in (-1, 0, 1) for dx in (-1, 0, 1))
        right = ("equal" if (a == b).all() else "nested" if both in (a.sum(), b.sum()) else "overlapping" if both
                 else "touching" if near else "apart")
        assert facts["relation"] == right, each
    assert {facts["relation"] for facts in shown} == {"equal", "nested", "overlapping", "touching", "apart"}


def test_distance_changes_giou_but_not_iou():
    states = [state((0, 6, 3, 9), (left, 6, left + 3, 9)) for left in range(3, 14)]
    shown = call_view(IoUView, "facts", [[each] for each in states])
    assert {facts["iou"] for facts in shown} == {0}
    assert shown[0]["relation"] == "touching" and {facts["relation"] for facts in shown[1:]} == {"apart"}
    assert (np.diff([facts["giou"] for facts in shown]) < 0).all()


def test_words_say_what_the_state_means():
    cases = {
        "The boxes are apart, with 2 columns and 1 row between them. IoU is 0 whatever the distance, but GIoU falls "
        "with each pixel: it still says which way is better.": ((0, 0, 4, 4), (6, 5, 9, 9)),
        "The boxes are touching along an edge. They share no area, so IoU is 0, and GIoU is 0, because nothing around "
        "them is empty.": ((0, 0, 4, 4), (4, 0, 8, 4)),
        "The boxes are touching in a corner. They share no area, so IoU is 0, and GIoU is below 0.":
            ((0, 0, 4, 4), (4, 4, 8, 8)),
        "The boxes are nested: B lies inside A, so IoU is the smaller area divided by the larger. The box around both "
        "is A, so GIoU is the same, wherever in it B lies.": ((2, 2, 10, 10), (4, 4, 6, 6)),
        "The boxes are nested: A lies inside B, so IoU is the smaller area divided by the larger. The box around both "
        "is B, so GIoU is the same, wherever in it A lies.": ((4, 4, 6, 6), (2, 2, 10, 10)),
        "The boxes are equal: IoU and GIoU are 1, and they are never more.": ((1, 1, 3, 3), (1, 1, 3, 3)),
        "The boxes are overlapping in part. GIoU is less than IoU, by the empty share of the box around both.":
            ((0, 0, 4, 4), (2, 2, 6, 6)),
        "The boxes are overlapping in part. Nothing in the box around both is empty, so GIoU is the same as IoU.":
            ((0, 0, 4, 4), (2, 0, 6, 4)),
    }
    pages = call_view(IoUView, "draw", [[state(*boxes)] for boxes in cases.values()])
    for text, page in zip(cases, pages, strict=True):
        assert text in re.sub("</?b[^>]*>", "", page)


def test_half_is_a_hit_and_less_is_not():
    half, less = call_view(IoUView, "draw", [[state((0, 0, 4, 4), (0, 0, 4, 8))], [state((0, 0, 4, 4), (0, 0, 4, 9))]])
    assert values(half)["iou"] == "0.500" and values(half)["hit"] == "a hit"
    assert values(less)["iou"] == "0.444" and values(less)["hit"] == "no hit"


def values(page):
    return dict(re.findall(r'<b data-value="([^"]+)">([^<]*)</b>', page))


def test_page_shows_the_numbers_and_nothing_broken():
    pages = call_view(IoUView, "draw", [[each] for each in STATES])
    for each, page in zip(STATES, pages, strict=True):
        assert not re.search("NaN|undefined|null|Infinity|−0\\.000", page)
        assert page.count("<svg") == page.count('role="img"') == 1
        assert re.findall('data-part="([^"]+)"', page) == PARTS
        summary, numbers = explorer_at(each).summary(), values(page)
        assert float(numbers["iou"]) == pytest.approx(summary["iou"], abs=1.1e-3)
        assert float(numbers["giou"].replace("−", "-")) == pytest.approx(summary["giou"], abs=1.1e-3)
        assert numbers["fraction"] == f"{numbers['intersection']} / {numbers['union']}"
        assert ('class="cnn-iou-hatch"' in page) == (numbers["intersection"] != "0")
        assert page.count("cnn-iou-over") == 1


def test_box_is_stopped_at_the_border_and_the_page_says_so():
    sliders = {**state((2, 3, 10, 10), (6, 5, 14, 13)), "a_left": 12}
    facts, page = (call_view(IoUView, name, [[sliders]])[0] for name in ("facts", "draw"))
    assert facts["a"] == [8, 3, 16, 10] == explorer_at(sliders).boxes()["a"]
    assert facts["a"] != [12, 3, 20, 10]  # beyond the board
    assert values(page)["stopped"] == "A: left 12 counts as 8"
    both = call_view(IoUView, "draw", [[{**sliders, "b_top": 15}]])[0]
    assert values(both)["stopped"] == "A: left 12 counts as 8; B: top 15 counts as 8"
    free = call_view(IoUView, "draw", [[state((0, 0, 4, 4), (9, 9, 16, 16))]])[0]
    assert "Both boxes stand where their sliders say." in free and "stopped" not in values(free)


def test_hatch_stays_inside_the_intersection():
    boxes = [[0, 0, 1, 1], [3, 5, 11, 6], [0, 0, 16, 16], [15, 2, 16, 14]]
    for (x1, y1, x2, y2), path in zip(boxes, call_view(IoUView, "hatch", [[each] for each in boxes]), strict=True):
        points = np.array([[float(n) for n in pair.split()] for pair in re.split("[ML]", path)[1:]])
        points = (points - 18) / 16.5
        assert (points >= [x1 - 0.01, y1 - 0.01]).all() and (points <= [x2 + 0.01, y2 + 0.01]).all()
        assert len(points) == 2 * (2 * (x2 - x1 + y2 - y1) - 1)


START = state((2, 3, 10, 10), (6, 5, 14, 13))


@pytest.mark.parametrize(("part", "key", "shift", "right"), [
    ("a.body", "ArrowRight", False, [3, 3, 11, 10]),
    ("a.body", "ArrowLeft", False, [1, 3, 9, 10]),
    ("a.body", "ArrowUp", False, [2, 2, 10, 9]),
    ("a.body", "ArrowDown", False, [2, 4, 10, 11]),
    ("a.body", "ArrowUp", True, [2, 0, 10, 7]),  # 3 pixels of room, not 4
    ("a.start", "ArrowLeft", False, [1, 3, 10, 10]),
    ("a.start", "ArrowDown", True, [2, 7, 10, 10]),
    ("a.end", "ArrowLeft", False, [2, 3, 9, 10]),
    ("b.body", "ArrowRight", True, [8, 5, 16, 13]),  # stopped at the border
    ("b.end", "ArrowDown", True, [6, 5, 14, 16]),
    ("b.start", "ArrowRight", False, [7, 5, 14, 13]),
])
def test_keys_move_one_part(part, key, shift, right):
    got = call_view(IoUView, "afterKey", [[START, part, key, shift]])[0]
    assert box(got, part[0]) == right
    assert set(got) == {name for name in TRAITS if name[0] == part[0]}  # the other box stays


def test_other_keys_mean_nothing():
    calls = [[START, "a.body", key, False] for key in ("Tab", "Enter", " ", "a", "Home", "toString", "constructor")]
    assert call_view(IoUView, "afterKey", calls) == [None] * len(calls)


def test_drag_is_measured_on_the_scaled_drawing():
    def drag(part, by, side, traits=START):
        moved = call_view(IoUView, "afterDrag", [[traits, part, [100, 50], [100 + by[0], 50 + by[1]], side]])[0]
        return box(moved, part[0])

    assert drag("a.body", (33, 16.5), 300) == [4, 4, 12, 11]  # a pixel is 16.5 of 300
    assert drag("a.body", (33, 16.5), 600) == [3, 4, 11, 11]  # 1 pixel, and a half one is rounded up
    assert drag("a.body", (8, 0), 300) == [2, 3, 10, 10]
    assert drag("a.body", (-5000, 5000), 300) == [0, 9, 8, 16]  # stopped in the corner, as large as before
    assert drag("b.end", (5000, 5000), 300) == [6, 5, 16, 16]
    assert drag("b.end", (-5000, -5000), 300) == [6, 5, 7, 6]  # 1 by 1, not reversed
    assert drag("b.start", (5000, 5000), 300) == [13, 12, 14, 13]
    assert drag("b.start", (-5000, -5000), 300) == [0, 0, 14, 13]
    assert drag("a.body", (40, 40), 0) == [2, 3, 10, 10]  # not laid out
    stopped = {**START, "a_left": 15}
    assert drag("a.body", (-16.5, 0), 300, stopped) == [7, 3, 15, 10]  # from where the box stands, not from 15


def test_no_key_and_no_drag_leaves_the_board():
    rng = np.random.default_rng(3)
    parts, keys = rng.choice(PARTS, len(STATES)), rng.choice(KEYS, len(STATES))
    ends = rng.normal(0, 150, (len(STATES), 2)).round().tolist()
    shift = rng.integers(2, size=len(STATES)).astype(bool).tolist()
    calls = [list(call) for call in zip(STATES, map(str, parts), map(str, keys), shift, strict=True)]
    drags = [[each, str(part), [0, 0], end, 300] for each, part, end in zip(STATES, parts, ends, strict=True)]
    for each, part, *moved in zip(STATES, parts, call_view(IoUView, "afterKey", calls),
                                  call_view(IoUView, "afterDrag", drags), strict=True):
        name, kind = str(part).split(".")
        x1, y1, x2, y2 = explorer_at(each).boxes()[name]
        for traits in moved:
            now = box(traits, name)
            assert 0 <= now[0] < now[2] <= BOARD and 0 <= now[1] < now[3] <= BOARD
            assert explorer_at({**each, **traits}).boxes()[name] == now  # nothing is left to stop
            assert all(low <= traits[f"{name}_{trait}"] <= high for trait, (low, high) in RANGES.items())
            if kind == "body":
                assert (now[2] - now[0], now[3] - now[1]) == (x2 - x1, y2 - y1)
            else:
                assert (now[2:] if kind == "start" else now[:2]) == ([x2, y2] if kind == "start" else [x1, y1])


STAND_IN = """
const log = [];
const events = {};
const changes = {};
const values = %s;
const model = {
  get: (name) => values[name],
  set: (name, value) => {
    values[name] = value;
    [...(changes[`change:${name}`] ?? [])].forEach((handler) => handler());
  },
  save_changes: () => log.push("saved"),
  on: (event, handler) => (changes[event] ??= new Set()).add(handler),
  off: (event, handler) => changes[event].delete(handler),
};
let active = null;
const part = (name) => ({
  dataset: { part: name }, closest() { return this; }, focus() { active = this; log.push(`focus ${name}`); } });
const el = {
  addEventListener: (name, handler) => { (events[name] ??= new Set()).add(handler); },
  removeEventListener: (name, handler) => events[name].delete(handler),
  setPointerCapture: (id) => log.push(`captured ${id}`),
  getRootNode: () => ({ activeElement: active }),
  contains: (node) => node !== null,
  querySelector: (which) => (
    which === "svg" ? { getBoundingClientRect: () => ({ width: 300 }) } : part(which.match(/"(.*)"/)[1])),
};
const send = (name, event) => events[name].forEach((handler) => handler({
  preventDefault: () => log.push("prevented"), stopPropagation: () => {}, ...event }));
const left = () => Object.values(events).concat(Object.values(changes)).reduce((all, set) => all + set.size, 0);
"""


def played(script):
    """Return what the listeners do on a stand-in for the page."""
    answer = "process.stdout.write(JSON.stringify([log, values, left()]));"
    return json.loads(run_module("\n".join([IoUView._esm, STAND_IN % json.dumps(START), script, answer])))


def test_drag_follows_one_pointer_and_ends():
    log, now, left = played("""
        const undo = listen({ model, el });
        send("pointermove", { pointerId: 1, clientX: 50, clientY: 0 });
        send("pointerdown", { target: part("b.body"), button: 2, pointerId: 1, clientX: 0, clientY: 0 });
        send("pointerdown", { target: part("a.body"), button: 0, pointerId: 1, clientX: 0, clientY: 0 });
        send("pointermove", { pointerId: 2, clientX: 99, clientY: 99 });
        send("pointermove", { pointerId: 1, clientX: 17, clientY: 0 });
        send("pointermove", { pointerId: 1, clientX: 33, clientY: 17 });
        send("pointerup", { pointerId: 1 });
        send("pointermove", { pointerId: 1, clientX: 150, clientY: 150 });
        undo();""")
    assert log == ["prevented", "captured 1", "focus a.body", "saved", "saved"]
    assert box(now, "a") == [4, 4, 12, 11] and box(now, "b") == box(START, "b")
    assert left == 0


def test_key_keeps_the_focus_on_its_part_and_leaves_nothing_behind():
    log, now, left = played("""
        const renewed = () => { active = null; }; // the picture with the focused part is replaced
        const undo = [keepingFocus({ model, el }, () => {
          TRAITS.forEach((name) => model.on(`change:${name}`, renewed));
          return () => TRAITS.forEach((name) => model.off(`change:${name}`, renewed));
        }), listen({ model, el })];
        active = part("b.end");
        send("keydown", { target: active, key: "ArrowLeft" });
        send("keydown", { target: active, key: "ArrowLeft", ctrlKey: true });
        send("keydown", { target: active, key: "Tab" });
        active = null;
        model.set("a_left", 5); // a slider moves the picture: the focus is elsewhere and stays there
        undo.forEach((each) => each());""")
    assert log == ["prevented", "focus b.end", "saved"]
    assert box(now, "b") == [6, 5, 13, 13] and now["a_left"] == 5
    assert left == 0


def test_controls_are_linked_to_the_view_and_named_apart():
    explorer = IoUExplorer(a=(0, 1, 5, 3), b=[4, 4, 16, 16])
    held = {name: control.value for name, control in explorer.controls.items()}
    assert held == dict(zip(TRAITS, (0, 1, 5, 2, 4, 4, 12, 12), strict=True))
    assert {name: getattr(explorer.view, name) for name in held} == held
    assert [control.description for control in explorer.controls.values()] == [
        "A: left", "A: top", "A: width", "A: height", "B: left", "B: top", "B: width", "B: height"]
    assert explorer.summary() == {"iou": 0.0, "giou": round(-(16 * 15 - 10 - 144) / 240, 3)}


RULE = "must be whole numbers x1, y1, x2, y2 from 0 to 16 with x1 < x2 and y1 < y2"


@pytest.mark.parametrize(("settings", "message"), [
    ({"a": (4, 0, 4, 5)}, f"IoUExplorer: a {RULE}, got (4, 0, 4, 5)"),
    ({"a": (5, 0, 4, 5)}, f"IoUExplorer: a {RULE}, got (5, 0, 4, 5)"),
    ({"b": (0, 0, 17, 5)}, f"IoUExplorer: b {RULE}, got (0, 0, 17, 5)"),
    ({"b": (0, -1, 7, 5)}, f"IoUExplorer: b {RULE}, got (0, -1, 7, 5)"),
    ({"b": (0, 0, 7)}, f"IoUExplorer: b {RULE}, got (0, 0, 7)"),
    ({"a": (0, 0, 7.0, 5)}, f"IoUExplorer: a {RULE}, got (0, 0, 7.0, 5)"),
    ({"a": (False, 0, 7, 5)}, f"IoUExplorer: a {RULE}, got (False, 0, 7, 5)"),
    ({"a": None}, f"IoUExplorer: a {RULE}, got None"),
])
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(ValueError) as caught:
        IoUExplorer(**settings)
    assert str(caught.value) == message
