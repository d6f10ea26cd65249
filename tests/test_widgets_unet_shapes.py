import itertools
import random
import re

import pytest
import torch

from cnnlib.models.unet import ROWS, UNet, output_size
from cnnlib.widgets.unet_shapes import CHANNELS, LIMITS, UNetShapes, UNetShapesView
from tools.node import call_view

TRAITS = ("channel_counts", "limits", "size", "depth", "channels", "padding")
SIZES, DEPTHS = (range(low, high + 1) for low, high in LIMITS.values())
WALKS = list(itertools.product(SIZES, DEPTHS, (0, 1)))
STATES = [dict(zip(TRAITS[2:], (size, depth, channels, padding), strict=True))
          for size, depth, channels, padding in itertools.product(SIZES, DEPTHS, range(len(CHANNELS)), (0, 1))]
SOME = random.Random(0).sample(STATES, 2000)


def state(*args, **options):
    """Return the traits of a widget as its script reads them."""
    view = UNetShapes(*args, **options).view
    return {name: getattr(view, name) for name in TRAITS}


START = state()


def network(depth, first, padding):
    """Return cnnlib's network without memory for its numbers."""
    with torch.device("meta"):
        return UNet(ROWS["unet_padded" if padding else "unet"], widths=[first * 2**i for i in range(depth + 1)])


def values(page):
    return dict(re.findall(r'<b data-value="([^"]+)">([^<]*)</b>', page))


def test_every_size_depth_and_mode_has_the_output_of_the_model():
    shown = call_view(UNetShapesView, "walk", [list(each) for each in WALKS])
    right = [output_size(size, levels=depth, padding=padding) for size, depth, padding in WALKS]
    assert [each["output"] for each in shown] == right
    assert all((each["broken"] is None) == (output is not None) for each, output in zip(shown, right, strict=True))
    assert len(WALKS) == 593 * 5 * 2 and 1000 < sum(output is not None for output in right) < 1200


def test_572_is_388_and_the_plain_subtraction_is_wrong_for_570():
    paper, odd = call_view(UNetShapesView, "walk", [[572, 4, 0], [570, 4, 0]])
    assert paper["output"] == 388 == 572 - 184
    assert odd["output"] is None != 570 - 184  # nothing is left of a size that cannot be halved
    assert odd["broken"] == {"side": "pool", "level": 1, "kind": "odd", "at": 279}
    assert call_view(UNetShapesView, "walk", [[256, 4, 1]])[0]["output"] == 256


def run(model, size):
    """Return the shapes of the network's stages in order, and where it stops, by running it on the meta device."""
    x, maps, shapes = torch.empty(1, 1, size, size, device="meta"), [], []
    try:
        for level, block in enumerate(model.down):
            place = ("bottom" if level == len(model.up) else "down", level, "vanishes")
            before, x = x.shape[-1], block(x)
            shapes.append((place[0], level, before, x.shape[-1]))
            if place[0] == "bottom":
                break
            maps.append(x)
            if x.shape[-1] % 2:
                return shapes, maps, ("pool", level, "odd")
            x = model.pool(x)
        for level, up, merge in zip(reversed(range(len(model.up))), model.up, model.merge, strict=True):
            place = ("up", level, "vanishes")
            x = up(x)
            before, skip = x.shape[-1], maps[level]
            x = merge(torch.empty(1, 2 * skip.shape[1], before, before, device="meta"))
            shapes.append(("up", level, before, x.shape[-1]))
    except RuntimeError:  # a kernel is larger than its map
        return shapes, maps, place
    return shapes, maps, None


@pytest.mark.parametrize("padding", [0, 1])
@pytest.mark.parametrize("depth", DEPTHS)
def test_every_stage_is_what_pytorch_makes(depth, padding):
    model = network(depth, 8, padding)
    shown = call_view(UNetShapesView, "facts", [
        [{**START, "size": size, "depth": depth, "channels": 0, "padding": padding}] for size in SIZES])
    for size, facts in zip(SIZES, shown, strict=True):
        shapes, maps, broken = run(model, size)
        assert [(step["side"], step["level"], step["from"], step["to"]) for step in facts["steps"]] == shapes, size
        stop = facts["broken"]
        assert (stop and (stop["side"], stop["level"], stop["kind"])) == broken, size
        if broken is None:
            assert model(torch.empty(1, 1, size, size, device="meta")).shape[-1] == facts["output"]
            assert facts["kept"] == sum(each.numel() for each in maps)
            doubled = {level: before for side, level, before, _ in shapes if side == "up"}
            assert facts["used"] == sum(maps[level].shape[1] * side**2 for level, side in doubled.items())
            assert [each["crop"] * 2 for each in facts["skips"]] == [
                maps[level].shape[-1] - side for level, side in doubled.items()]
        else:
            assert facts["skips"] is None and facts["kept"] is None
            with pytest.raises(ValueError, match="can be halved"):
                model(torch.empty(1, 1, size, size, device="meta"))


def test_nearest_sizes_are_the_next_ones_that_the_model_takes():
    bad = [each for each in WALKS if output_size(each[0], levels=each[1], padding=each[2]) is None]
    shown = call_view(UNetShapesView, "nearest", [list(each) for each in bad])
    for (size, depth, padding), near in zip(bad, shown, strict=True):
        works = [n for n in range(1, 700) if output_size(n, levels=depth, padding=padding)]
        assert near["below"] == max((n for n in works if n < size), default=None), (size, depth, padding)
        assert near["above"] == min(n for n in works if n > size), (size, depth, padding)


@pytest.mark.parametrize("first", CHANNELS)
@pytest.mark.parametrize("depth", DEPTHS)
def test_parameters_are_counted_as_in_the_model(depth, first):
    def count(*modules):
        return sum(p.numel() for module in modules for p in module.parameters())

    model = network(depth, first, 0)
    stages = call_view(UNetShapesView, "stages", [[depth, first]])[0]
    pairs = zip(model.up, model.merge, strict=True)
    assert [each["parameters"] for each in stages] == [
        *map(count, model.down), *(count(*pair) for pair in pairs), count(model.head)]
    assert [each["upConvolution"] for each in stages] == [0] * (depth + 1) + [count(up) for up in model.up] + [0]
    facts = call_view(UNetShapesView, "facts", [
        [{**START, "depth": depth, "channels": CHANNELS.index(first), "padding": padding}] for padding in (0, 1)])
    for each in facts:
        assert each["parameters"] == count(model)
        assert each["parts"] == {"down": count(*model.down[:-1]), "bottom": count(model.down[-1]),
                                 "up": count(model.up, model.merge), "head": count(model.head)}


def test_paper_has_the_counted_parameters_and_a_network_that_adds_its_skips_has_fewer():
    facts = call_view(UNetShapesView, "facts", [[START]])[0]
    assert facts["parameters"] == ROWS["unet"].published_parameters == 31_030_658
    with torch.device("meta"):
        added = UNet(skips=False)  # as many channels into each merge as with an addition
    assert sum(p.numel() for p in added.parameters()) < facts["parameters"]
    page = call_view(UNetShapesView, "draw", [[START]])[0]
    shown = values(page)
    assert (shown["output"], shown["parameters"], shown["lost"]) == ("388", "31,030,658", "184")
    assert (shown["width"], shown["deepest"]) == ("1,024", "28 × 28")
    assert (shown["down"], shown["bottom"], shown["up"], shown["head"]) == (
        "15.1\u00a0%", "45.6\u00a0%", "39.3\u00a0%", "&lt;\u00a00.1\u00a0%")
    assert "64 + 64 ch." in page and "crop 568 → 392" in page


def test_page_shows_the_numbers_of_the_facts_and_nothing_broken():
    states = SOME[:700] + [each for each in STATES[::13] if output_size(
        each["size"], levels=each["depth"], padding=each["padding"])]
    facts, pages = (call_view(UNetShapesView, name, [[{**START, **each}] for each in states])
                    for name in ("facts", "draw"))
    for each, now, page in zip(states, facts, pages, strict=True):
        assert not re.search("NaN|undefined|null|Infinity|false", page), each
        assert page.count("<svg") == page.count('role="img"') == 1
        shown = values(page)
        assert shown["parameters"] == f"{now['parameters']:,}"
        assert shown["output"] == str(now["output"] or "no output")
        if now["output"]:
            assert shown["kept"] == f"{now['kept']:,}" and "✗" not in page
            assert float(shown["megabytes"]) == pytest.approx(now["kept"] * 4 / 1e6, abs=0.051)
            assert page.count("ch.</text>") == 3 * each["depth"] + 1
            if each["padding"]:
                assert "Padding keeps every size" in page and "No crop: the sizes agree" in page
            else:
                assert shown["used"] == f"{now['used']:,}"
                assert shown["lost"] == str(each["size"] - now["output"])
        else:
            near = now["near"]
            assert page.count("✗") == 2 and shown["above"] == str(near["above"])
            assert shown.get("below") == (str(near["below"]) if near["below"] else None)
            assert ("more than this slider has" in page) == (near["above"] > LIMITS["size"][1])


def test_shares_add_up():
    facts = call_view(UNetShapesView, "facts", [[{**START, **each}] for each in SOME[:50]])
    assert all(sum(each["parts"].values()) == each["parameters"] for each in facts)
    assert call_view(UNetShapesView, "percent", [[1, 4], [1, 3], [130, 31_030_658], [7, 7]]) == [
        "25.0\u00a0%", "33.3\u00a0%", "&lt;\u00a00.1\u00a0%", "100.0\u00a0%"]


@pytest.mark.parametrize(("settings", "words"), [
    ({"size": 570}, "Level 2, way down: the map has 279 rows before the 2×2 pooling. 279 is odd, so it cannot be "
                    "halved"),
    ({"size": 20}, "Level 3, way down: the map vanishes. It has 2 rows, and two 3×3 convolutions without padding take "
                   "4 rows and 4 columns"),
    ({"size": 140}, "Level 4, way up: the map vanishes. It has 2 rows"),
    ({"size": 16, "depth": 1}, "Level 1, way up: the map vanishes. It has 4 rows"),
    ({"size": 124}, "Bottom: the map vanishes. It has 4 rows"),
    ({"size": 250, "padding": 1}, "Level 2, way down: the map has 125 rows"),
    ({"size": 16, "depth": 5, "padding": 1}, "Level 5, way down: the map has 1 row before the 2×2 pooling. 1 is odd"),
])
def test_impossible_sizes_are_said_in_words(settings, words):
    page = call_view(UNetShapesView, "draw", [[{**START, **settings}]])[0]
    assert words in page


def test_nearest_sizes_stand_in_the_words():
    pages = call_view(UNetShapesView, "draw", [[{**START, "size": size, **more}] for size, more in (
        (570, {}), (100, {}), (608, {}), (250, {"padding": 1}))])
    assert [("below" in values(page), values(page)["above"]) for page in pages] == [
        (True, "572"), (False, "188"), (True, "620"), (True, "256")]
    assert "<b data-value=\"below\">556</b> below and <b data-value=\"above\">572</b> above." in pages[0]
    assert "The smallest size that works here is <b data-value=\"above\">188</b>." in pages[1]


def test_summary_is_what_the_script_shows():
    shown = call_view(UNetShapesView, "facts", [[{**START, **each}] for each in SOME[:100]])
    for each, facts in zip(SOME, shown, strict=False):
        settings = {**each, "channels": CHANNELS[each["channels"]]}
        assert UNetShapes(**settings).summary() == {
            "output": facts["output"], "parameters": facts["parameters"], "skips": facts["kept"]}
    assert 5 < sum(facts["output"] is not None for facts in shown) < 95


def test_controls_are_linked_to_the_view_and_named_apart():
    explorer = UNetShapes(256, depth=3, channels=16, padding=1)
    held = {name: control.index if hasattr(control, "index") else control.value
            for name, control in explorer.controls.items()}
    assert held == {"size": 256, "depth": 3, "channels": 1, "padding": 1}
    assert {name: getattr(explorer.view, name) for name in held} == held
    assert [control.description for control in explorer.controls.values()] == [
        "depth", "first channels", "input size", "convolutions"]


@pytest.mark.parametrize(("args", "settings", "message"), [
    ((15,), {}, "UNetShapes: size must be a whole number from 16 to 608, got 15"),
    ((572.0,), {}, "UNetShapes: size must be a whole number from 16 to 608, got 572.0"),
    ((), {"depth": 6}, "UNetShapes: depth must be a whole number from 1 to 5, got 6"),
    ((), {"depth": True}, "UNetShapes: depth must be a whole number from 1 to 5, got True"),
    ((), {"channels": 48}, "UNetShapes: channels must be one of 8, 16, 32, 64, got 48"),
    ((), {"channels": "64"}, "UNetShapes: channels must be one of 8, 16, 32, 64, got '64'"),
    ((), {"padding": 2}, "UNetShapes: padding must be one of 0, 1, got 2"),
    ((), {"padding": True}, "UNetShapes: padding must be one of 0, 1, got True"),
])
def test_bad_settings_are_refused(args, settings, message):
    with pytest.raises(ValueError) as caught:
        UNetShapes(*args, **settings)
    assert str(caught.value) == message
