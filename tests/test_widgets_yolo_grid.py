import itertools
import json
import re

import numpy as np
import pytest
import torch

from cnnlib.models.yolo import Yolo, yolo_targets
from cnnlib.widgets.yolo_grid import IMAGE_SIZE, LIMITS, OBJECTS, YoloGrid, YoloGridView
from tools.node import call_view, run_module

NAMES, LABELS, CORNERS = zip(*OBJECTS, strict=True)
TRAITS = ("objects", "kinds", "image_size", "grid_size", "num_boxes", "num_classes", "object")
STATES = [dict(zip(TRAITS[3:], values, strict=True)) for values in itertools.product(
    *(range(low, high + 1) for low, high in LIMITS.values()), range(len(OBJECTS)))]


def state(*args, **options):
    """Return the traits of a widget as its script reads them."""
    view = YoloGrid(*args, **options).view
    return {name: getattr(view, name) for name in TRAITS}


START = state()


def look(function, states):
    """Call a function of the script with the widget's picture in each state."""
    return call_view(YoloGridView, f"((now) => {function}({{...{json.dumps(START)}, ...now}}))",
                     [[each] for each in states])


def targets(now, objects=(0, 1, 2)):
    """Return the target (S, S, 5 + C) of some objects."""
    return yolo_targets([CORNERS[i] for i in objects], [LABELS[i] for i in objects], image_size=IMAGE_SIZE,
                        grid_size=now["grid_size"], num_classes=now["num_classes"])


def test_every_state_shows_what_yolo_targets_writes():
    assert len(STATES) == 13 * 5 * 79 * 3
    written = {}
    for now, facts in zip(STATES, look("facts", STATES), strict=True):
        key = now["grid_size"], now["num_classes"]
        if key not in written:
            written[key] = targets(now).numpy(), [targets(now, [i]).numpy() for i in range(3)]
        target, alone = written[key]
        own = alone[now["object"]]
        assert own[..., 4].nonzero() == ([facts["row"]], [facts["column"]]), now
        np.testing.assert_allclose(facts["target"], target[facts["row"], facts["column"]], atol=1e-6)
        np.testing.assert_allclose(facts["own"], own[facts["row"], facts["column"], :4], atol=1e-6)
        cells = {(aim["row"], aim["column"]) for aim in facts["aims"]}
        assert cells == set(zip(*target[..., 4].nonzero(), strict=True))
        assert sum(facts["kept"]) == target[..., 4].sum() == 3 - len(facts["lost"])


def test_sizes_are_those_of_the_network():
    for settings in ((7, 2, 20), (2, 1, 2), (4, 5, 80)):
        now = {**START, **dict(zip(TRAITS[3:6], settings, strict=True))}
        grid_size, num_boxes, num_classes = settings
        model = Yolo(num_classes, num_boxes=num_boxes, widths=(4,), depth=1)
        out = model(torch.zeros(1, 3, 2 * grid_size, 2 * grid_size))[0]
        facts = call_view(YoloGridView, "facts", [[now]])[0]
        assert facts["shape"] == list(out.shape) and facts["total"] == out.numel()
        assert facts["proposals"] == grid_size * grid_size * num_boxes


def test_the_paper_s_1470_numbers():
    page = look("draw", [{}])[0]
    assert values(page)["shape"] == "7 × 7 × 30" and values(page)["total"] == "1,470"
    assert 7 * 7 * (2 * 5 + 20) == 1470 != 7 * 7 * 2 * (5 + 20)  # the classes stand once a cell, not once a box


def test_boxes_drawn_at_random_are_settled_as_in_python():
    rng = np.random.default_rng(12)
    for _ in range(20):
        calls, right = [], []
        for _ in range(20):
            start, sizes = rng.integers(0, 200, (6, 2)), rng.integers(1, 25, (6, 2)) * 10
            corners = np.hstack([start, start + sizes])
            corners[5] = corners[4]  # the same box twice: the later one stays
            labels = rng.integers(0, 4, 6)
            grid_size = int(rng.integers(2, 15))
            objects = [{"name": str(i), "kind": int(k), "at": at.tolist()} for i, (k, at) in enumerate(
                zip(labels, corners, strict=True))]
            target = yolo_targets(corners, labels, image_size=IMAGE_SIZE, grid_size=grid_size, num_classes=4)
            for i in range(6):
                calls.append([{**START, "objects": objects, "grid_size": grid_size, "num_classes": 4, "object": i}])
                right.append(target)
        for facts, target in zip(call_view(YoloGridView, "facts", calls), right, strict=True):
            np.testing.assert_allclose(facts["target"], target[facts["row"], facts["column"]], atol=1e-6)


def test_of_two_centers_in_a_cell_the_larger_is_kept_and_the_loss_is_told():
    grids = range(2, 15)
    facts = look("facts", [{"grid_size": s, "object": 1} for s in grids])
    shared = [s for s, now in zip(grids, facts, strict=True) if now["lost"]]
    right = [s for s in grids if targets({"grid_size": s, "num_classes": 2})[..., 4].sum() == 2]
    assert shared == right and {2, 3, 4} < set(shared) and 7 not in shared
    person, ball = look("draw", [{"grid_size": 4, "object": i} for i in (0, 1)])
    for page in (person, ball):
        assert "Only the larger one is kept: <b data-value=\"kept\">the person</b>." in page
        assert values(page)["lost"] == "the held ball"
    assert "The held ball is <b data-value=\"fate\">lost</b>: the target of this cell is that of the person" in ball
    row, column = targets({"grid_size": 4, "num_classes": 2}, [1])[..., 4].nonzero()[0].tolist()
    x, y, w, h = targets({"grid_size": 4, "num_classes": 2}, [1])[row, column, :4].tolist()
    assert f"Its own x {x:.3f}, y {y:.3f}, w {w:.3f}, h {h:.3f} are written nowhere." in ball
    assert "This cell is responsible for the person" in person and "fate" not in values(person)
    apart = look("draw", [{"grid_size": 7, "object": 1}])[0]
    assert values(apart)["lost"] == "none" and "No two centers share a cell" in apart


def test_a_center_on_a_line_belongs_to_the_cell_behind_it():
    facts = look("facts", [{"grid_size": 8, "object": 2}])[0]
    assert (facts["row"], facts["column"], facts["own"][:2]) == (7, 6, [0, 0])
    assert targets({"grid_size": 8, "num_classes": 2})[7, 6, :2].tolist() == [0, 0]


def values(page):
    return dict(re.findall(r'data-value="([^"]+)">([^<]*)<', page))


def test_page_shows_the_numbers_and_nothing_broken():
    places = np.random.default_rng(0).choice(len(STATES), 2000, replace=False)
    states = [STATES[i] for i in places]
    for now, page, facts in zip(states, look("draw", states), look("facts", states), strict=True):
        assert not re.search("NaN|undefined|null|Infinity", page), now
        assert page.count("<svg") == page.count('role="img"') == 2
        seen = values(page)
        assert seen["total"] == f"{facts['total']:,}" and seen["proposals"] == f"{facts['proposals']:,}"
        assert seen["shape"] == " × ".join(map(str, facts["shape"]))
        assert seen["cell"] == f"row {facts['row']}, column {facts['column']}"
        numbers = [float(seen[name]) for name in ("x", "y", "w", "h", "confidence", "hot", "cold")]
        assert numbers == pytest.approx([*facts["target"][:5], 1, 0], abs=5.1e-4)
        assert page.count('aria-pressed="true"') == 1
        assert page.count('class="cnn-yolo-cross"') == len(facts["lost"])
        assert page.count("cnn-yolo-lost") == len(facts["lost"])


def test_summary_is_what_the_script_shows():
    states = [{"grid_size": s, "num_boxes": 3, "num_classes": 5, "object": i} for s in range(2, 15) for i in range(3)]
    for now, facts in zip(states, look("facts", states), strict=True):
        explorer = YoloGrid(**{**now, "object": NAMES[now["object"]]})
        assert explorer.summary() == {
            "shape": tuple(facts["shape"]), "numbers": facts["total"], "proposals": facts["proposals"],
            "cell": (facts["row"], facts["column"]), "kept": NAMES[facts["holder"]]}


def test_clicks_and_keys_choose_an_object():
    key = {"type": "keydown"}
    calls = [({"type": "click"}, 2, 2), ({**key, "key": "Enter"}, 1, 1), ({**key, "key": " "}, 0, 0),
             ({**key, "key": "ArrowRight"}, 2, 0), ({**key, "key": "ArrowDown"}, 0, 1),
             ({**key, "key": "ArrowLeft"}, 0, 2), ({**key, "key": "ArrowUp"}, 2, 1), ({**key, "key": "Tab"}, 1, None),
             ({**key, "key": "Enter", "ctrlKey": True}, 1, None), ({"type": "keyup", "key": "Enter"}, 1, None)]
    chosen = call_view(YoloGridView, "chosenBy", [[event, place, 3] for event, place, _ in calls])
    assert chosen == [right for _, _, right in calls]


def test_small_objects_lie_on_top_and_each_has_a_button_over_its_box():
    page = look("draw", [{}])[0]
    buttons = re.findall(r'<button type="button" data-object="(\d)"[^>]*style="left:([\d.]+)%;top:([\d.]+)%;'
                         r'width:([\d.]+)%;height:([\d.]+)%"', page)
    assert [int(place) for place, *_ in buttons] == [0, 1, 2]
    for place, *percents in buttons:
        x1, y1, x2, y2 = CORNERS[int(place)]
        left, top, width, height = map(float, percents)
        boxes = re.findall(r'class="cnn-yolo-box[^"]*" x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"',
                           page)
        drawn = [float(part) for part in boxes[int(place)]]
        assert [left * 3, top * 2.98, width * 3, height * 2.98] == pytest.approx(drawn, abs=0.05)
        assert drawn[2] / drawn[3] == pytest.approx((x2 - x1) / (y2 - y1), abs=0.01)
        assert min(drawn[2:]) >= 24  # large enough for a finger


FAKE = """
const said = [];
const state = STATE;
const listeners = {};
const handlers = {};
const add = (all, name, f) => (all[name] ??= new Set()).add(f);
const model = {
  get: (name) => state[name], save_changes: () => said.push("saved"),
  on: (name, f) => add(handlers, name, f), off: (name, f) => handlers[name].delete(f),
  set: (name, value) => {
    if (state[name] === value) return;
    state[name] = value;
    (handlers[`change:${name}`] ?? []).forEach((f) => f());
  },
};
let active = null;
const focus = (i) => { active = button(i); said.push(`focus ${i}`); };
const button = (i) => ({ dataset: { object: String(i) }, focus: () => focus(i) });
const el = {
  classList: { add: () => {} }, firstChild: null, getRootNode: () => ({ activeElement: active }), contains: () => true,
  querySelector: (selector) => button(selector.match(/"(\\d)"/)[1]), cloneNode: () => ({ isEqualNode: () => true }),
  addEventListener: (name, f) => add(listeners, name, f), removeEventListener: (name, f) => listeners[name].delete(f),
};
const fire = (type, over, more = {}) => {
  const target = { closest: () => (over === null ? null : button(over)) };
  (listeners[type] ?? []).forEach((f) => f({ type, target, preventDefault: () => said.push("stopped"), ...more }));
};
const off = render({ model, el });
"""


def play(script):
    """Run the view on a page that only notes what happens to it, and return the notes."""
    fake = FAKE.replace("STATE", json.dumps(START))
    return json.loads(run_module(f"{YoloGridView._esm}\n{fake}\n{script}\nprocess.stdout.write(JSON.stringify(said))"))


def test_choosing_sets_the_object_and_keeps_the_focus_on_it():
    assert play('fire("click", 2); said.push(state.object);') == ["stopped", "saved", "focus 2", 2]
    assert play('active = button(0); fire("keydown", 0, { key: "ArrowLeft" }); said.push(state.object);') == [
        "stopped", "focus 0", "saved", "focus 2", 2]
    assert play('fire("keydown", 1, { key: "Tab" }); fire("click", null); said.push(state.object);') == [0]


def test_focus_comes_back_after_a_slider_moved_and_only_if_it_was_there():
    assert play('active = button(1); model.set("grid_size", 3);') == ["focus 1"]
    assert play('active = { dataset: {} }; model.set("grid_size", 3);') == []


def test_cleanup_takes_all_listeners_away():
    count = "for (const all of [listeners, handlers]) Object.values(all).forEach((set) => said.push(set.size));"
    kinds = 2 + len(TRAITS)
    assert play(count) == [1, 1] + [3] * len(TRAITS)
    assert play(f"off(); {count}") == [0] * kinds


def test_controls_are_linked_to_the_view_and_named_apart():
    explorer = YoloGrid(9, num_boxes=3, num_classes=4, object="ball on the ground")
    held = {name: control.index if hasattr(control, "index") else control.value
            for name, control in explorer.controls.items()}
    assert held == {"grid_size": 9, "num_boxes": 3, "num_classes": 4, "object": 2}
    assert {name: getattr(explorer.view, name) for name in held} == held
    assert {name: (explorer.controls[name].min, explorer.controls[name].max) for name in LIMITS} == LIMITS
    descriptions = [control.description for control in explorer.controls.values()]
    assert descriptions == ["grid size S", "boxes a cell B", "classes C", "object"]
    assert max(LABELS) < LIMITS["num_classes"][0]  # every object has a class in every state


@pytest.mark.parametrize(("settings", "message"), [
    ({"grid_size": 1}, "YoloGrid: grid_size must be a whole number from 2 to 14, got 1"),
    ({"grid_size": 7.0}, "YoloGrid: grid_size must be a whole number from 2 to 14, got 7.0"),
    ({"num_boxes": 6}, "YoloGrid: num_boxes must be a whole number from 1 to 5, got 6"),
    ({"num_boxes": True}, "YoloGrid: num_boxes must be a whole number from 1 to 5, got True"),
    ({"num_classes": 81}, "YoloGrid: num_classes must be a whole number from 2 to 80, got 81"),
    ({"object": "dog"}, "YoloGrid: object must be one of person, held ball, ball on the ground, got 'dog'"),
    ({"object": 0}, "YoloGrid: object must be one of person, held ball, ball on the ground, got 0"),
])
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(ValueError) as caught:
        YoloGrid(**settings)
    assert str(caught.value) == message
