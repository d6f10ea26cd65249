import functools
import itertools
import math
import re

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from cnnlib import scratch
from cnnlib.widgets.shift_explorer import KERNELS, POOLINGS, SHAPES, SIDE, START, STRIDES, ShiftExplorer, ShiftView
from tools.node import call_view

FAR = range(-4, 5)
STATES = list(itertools.product(SHAPES, FAR, FAR, STRIDES, POOLINGS))
NAMES = ["side", "start", "shapes", "strides", "windows", "shape", "right", "down", "stride", "pooling"]
VIEW = ShiftExplorer().view


def state_of(shape, right, down, stride, pooling):
    """Return what the view draws from."""
    fixed = {name: getattr(VIEW, name) for name in NAMES[:5]}
    return {**fixed, "shape": list(SHAPES).index(shape), "right": right, "down": down,
            "stride": STRIDES.index(stride), "pooling": list(POOLINGS).index(pooling)}


def image(shape, right, down):
    """Return the moved shape, (1, 1, 12, 12): PyTorch's zeros around the whole, cut to the image."""
    top, left = START + down, START + right
    rest = SIDE - 3
    return F.pad(torch.tensor(SHAPES[shape], dtype=torch.float64)[None, None], (left, rest - left, top, rest - top))


@functools.cache
def judge(shape, right, down, stride, kernel):
    """Return PyTorch's feature map, (1, 1, H, W)."""
    weight = torch.tensor(KERNELS[kernel], dtype=torch.float64)[None, None]
    return torch.relu(torch.conv2d(image(shape, right, down), weight, stride=stride, padding=1))


def pooled(maps, pooling):
    window = POOLINGS[pooling]
    return F.max_pool2d(maps, window) if window else F.adaptive_max_pool2d(maps, 1)


def overlap(still, moved, right, down):
    """Return the pixels of both maps where the unmoved one, moved by whole pixels, is defined."""
    n = still.shape[-1]
    here = [slice(max(far, 0), n + min(far, 0)) for far in (down, right)]
    there = [slice(max(-far, 0), n + min(-far, 0)) for far in (down, right)]
    return still[0, 0][tuple(there)], moved[0, 0][tuple(here)]


def equivariance(shape, right, down, stride):
    """Return whether the move is whole, the compared pixels, and how many differ under the best whole move."""
    still, moved = judge(shape, 0, 0, stride, shape), judge(shape, right, down, stride, shape)
    tries = []
    for rounded in itertools.product((math.floor, math.ceil), repeat=2):
        far = [do(value / stride) for do, value in zip(rounded, (right, down), strict=True)]
        a, b = overlap(still, moved, *far)
        tries.append((int((a != b).sum()), a.numel()))
    return right % stride == down % stride == 0, min(different for different, _ in tries), tries


@pytest.fixture(scope="module")
def facts():
    """Return what the script computes in every state."""
    shown = call_view(ShiftView, "facts", [[state_of(*state)] for state in STATES])
    return dict(zip(STATES, shown, strict=True))


@pytest.fixture(scope="module")
def texts():
    """Return the picture's markup in every state."""
    drawn = call_view(ShiftView, "draw", [[state_of(*state)] for state in STATES])
    return dict(zip(STATES, drawn, strict=True))


def test_every_state_shows_what_pytorch_computes(facts):
    assert len(STATES) == 3 * 9 * 9 * 2 * 4
    for state, shown in facts.items():
        shape, right, down, stride, pooling = state
        maps = judge(shape, right, down, stride, shape)
        assert shown["image"] == image(shape, right, down)[0, 0].int().tolist()
        assert shown["map"] == maps[0, 0].int().tolist(), state
        after, before = pooled(maps, pooling), pooled(judge(shape, 0, 0, stride, shape), pooling)
        assert shown["pooled"] == after[0, 0].int().tolist(), state
        assert shown["changed"] == int((after != before).sum()) and shown["total"] == after.numel()
        assert shown["changedAt"] == (after != before)[0, 0].tolist()
        assert shown["cut"] == sum(map(sum, SHAPES[shape])) - int(image(shape, right, down).sum())
        assert shown["unread"] == maps.shape[-1] % (POOLINGS[pooling] or maps.shape[-1])


@pytest.mark.parametrize("shape", SHAPES)
def test_python_computes_the_same_maps_and_scores(facts, shape):
    for right, down, stride in itertools.product(FAR, FAR, STRIDES):
        explorer = ShiftExplorer(shape, right, down, stride)
        shown = facts[shape, right, down, stride, "none"]
        maps = explorer.feature_map()
        assert shown["image"] == explorer.image().tolist()
        assert shown["map"] == maps.tolist()
        assert dict(zip(KERNELS, shown["scores"], strict=True)) == explorer.scores()
        for name, window in POOLINGS.items():
            ours = scratch.max_pool2d(maps[None, None], window or len(maps))[0, 0]
            np.testing.assert_array_equal(facts[shape, right, down, stride, name]["pooled"], ours)


def test_equivariance_is_what_slices_of_both_maps_say(facts):
    for state, shown in facts.items():
        whole, different, tries = equivariance(*state[:4])
        assert shown["whole"] == whole and shown["different"] == different, state
        assert (shown["different"], shown["compared"]) in tries
        assert shown["equivariant"] == (whole and different == 0)


def test_stride_one_moves_the_map_unless_the_border_cuts_the_shape(facts):
    for (shape, _, _, stride, _), shown in facts.items():
        if stride == 1:
            assert shown["equivariant"] == (shown["cut"] == 0), shape


def test_stride_two_knows_only_even_moves(facts):
    for (_, right, down, stride, _), shown in facts.items():
        if stride == 2 and (right % 2 or down % 2):
            assert not shown["equivariant"] and shown["different"] > 0
        elif stride == 2:
            assert shown["equivariant"] == (shown["cut"] == 0)


def test_a_window_forgives_a_move_inside_it_but_not_out_of_it(facts):
    inside, outside = (facts["cross", right, 0, 1, "max 2x2"] for right in (1, 2))
    assert inside["equivariant"] and outside["equivariant"]  # the map moved both times
    assert inside["changed"] == 0 and outside["changed"] > 0
    assert facts["cross", 1, 0, 1, "none"]["changed"] > 0


def test_global_maximum_ignores_the_place_where_the_map_only_moves(facts):
    for (_, _, _, _, pooling), shown in facts.items():
        if pooling == "global max" and shown["equivariant"]:
            assert shown["changed"] == 0


def test_class_is_right_at_stride_one_and_can_be_wrong_at_stride_two(facts):
    for (shape, right, down, stride, pooling), shown in facts.items():
        scores = [int(judge(shape, right, down, stride, kernel).max()) for kernel in KERNELS]
        assert shown["scores"] == scores
        best = [name for name, score in zip(KERNELS, scores, strict=True) if score == max(scores) > 0]
        assert shown["winners"] == best
        if stride == 1 and not shown["cut"]:
            assert best == [shape], (right, down, pooling)
    assert facts["cross", 1, 0, 2, "none"]["winners"] == ["corner"]


def test_words_and_marks_say_what_the_numbers_say(facts, texts):
    for state, html in texts.items():
        shape, right, down, *_ = state
        shown, words = facts[state], dict(re.findall(r'<b data-value="([^"]+)">([^<]*)</b>', html))
        assert words["changed"] == str(shown["changed"])
        assert words["class"] == (shown["winners"][0] if len(shown["winners"]) == 1 else "none"), state
        assert [words[f"score.{name}"] for name in KERNELS] == [str(score) for score in shown["scores"]]
        if right or down:
            assert words["equivariant"] == ("yes" if shown["equivariant"] else "no")
            assert words["different"] == str(shown["different"])
        else:
            assert f"The {shape} has not moved" in html and "equivariant" not in words
        frames = "".join(re.findall('class="cnn-frame" d="([^"]+)"', html)).count("M")
        assert frames == shown["changed"] + (shown["different"] if shown["whole"] else 0), state
        assert ("border cuts the shape" in html) == (shown["whole"] and shown["cut"] > 0)
        assert ("✓ wins" in html) == (len(shown["winners"]) == 1)
        assert not re.search("NaN|undefined|Infinity|null", html)


def test_reasons_are_true(facts, texts):
    for state, html in texts.items():
        shown = facts[state]
        still, moved = (torch.tensor(facts[other]["map"]) for other in ((state[0], 0, 0, *state[3:]), state))
        if "The largest value left the only window" in html:
            assert shown["total"] == 1 and moved.max() == still.max() and shown["pooled"][0][0] < still.max()
        if "No window lost its maximum" in html or "does not count" in html:
            assert shown["changed"] == 0 and shown["equivariant"]
        if "Every value above 0 stands at another place" in html:
            assert shown["equivariant"] and not torch.equal(still, moved) and state[4] == "none"
        if "The map itself is different" in html:
            assert not shown["equivariant"] and shown["changed"] > 0


def test_sentences_of_one_half_move():
    [html] = call_view(ShiftView, "draw", [[state_of("cross", 1, -3, 2, "none")]])
    text = re.sub("<[^>]*>", "", html.partition("<output")[2])
    assert "The cross moved 1 right and 3 up" in text
    assert "Equivariance: no. A pixel of the map stands for 2 pixels of the image, so the map would have to move " \
           "½ right and 1½ up. The best whole move leaves 4 of 24 values wrong." in text
    assert "Class: corner, with the largest global maximum, 3: wrong, it is a cross." in text


def test_directions_are_words():
    calls = [[0, 0], [-2, 1], [4, 0], [1, -3, 2], [-4, 2, 2]]
    assert call_view(ShiftView, "direction", calls) == [
        "", "2 left and 1 down", "4 right", "½ right and 1½ up", "2 left and 1 down"]


def test_controls_are_linked_to_the_view():
    explorer = ShiftExplorer("bar", right=-4, down=2, stride=2, pooling="global max")
    assert {name: control.value for name, control in explorer.controls.items()} == {
        "shape": "bar", "right": -4, "down": 2, "stride": 2, "pooling": "global max"}
    assert [getattr(explorer.view, name) for name in explorer.controls] == [2, -4, 2, 1, 3]
    assert len({control.description for control in explorer.controls.values()}) == 5


@pytest.mark.parametrize(("settings", "message"), [
    ({"shape": "circle"}, "shape must be one of cross, corner, bar, got 'circle'"),
    ({"shape": 0}, "shape must be one of cross, corner, bar, got 0"),
    ({"right": 5}, "right must be a whole number from -4 to 4, got 5"),
    ({"right": 1.0}, "right must be a whole number from -4 to 4, got 1.0"),
    ({"down": True}, "down must be a whole number from -4 to 4, got True"),
    ({"stride": 3}, "stride must be one of 1, 2, got 3"),
    ({"stride": "2"}, "stride must be one of 1, 2, got '2'"),
    ({"stride": True}, "stride must be one of 1, 2, got True"),
    ({"pooling": "mean"}, "pooling must be one of none, max 2x2, max 4x4, global max, got 'mean'"),
])
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(ValueError) as caught:
        ShiftExplorer(**settings)
    assert str(caught.value) == f"ShiftExplorer: {message}"
