import random
import re

import pytest
import torch
from torch import nn

from cnnlib.models import summarize
from cnnlib.models.vit import ROWS, Encoder, VisionTransformer
from cnnlib.shapes import conv_mac_count, patch_token_count
from cnnlib.widgets.token_calculator import CHOICES, LIMITS, NAMES, OWN, PRESETS, TokenCalculator, TokenView
from tools.node import call_view

TRAITS = ("presets", "patch_sizes", "head_counts", "preset", "patch_size", "num_heads", "image_size", "hidden_dim",
          "num_layers", "class_token", "applied")
RANGES = {name: range(low, high + 1, step) for name, (low, high, step) in LIMITS.items()} | CHOICES


START, MOVED = TokenCalculator(OWN), TokenCalculator(OWN)


def state(*args, **options):
    """Return the traits of a widget as its script reads them."""
    view = TokenCalculator(*args, **options).view
    return {name: getattr(view, name) for name in TRAITS}


def own_state(settings):
    """Return the traits of an own model."""
    places = {name: CHOICES[name].index(value) if name in CHOICES else value for name, value in settings.items()}
    return {**{name: getattr(START.view, name) for name in TRAITS}, **places}


def summary_of(settings):
    """Return what Python says of an own model; to move the view's traits is quicker than to make a new widget."""
    for name, value in own_state(settings).items():
        setattr(MOVED.view, name, value)
    return MOVED.summary()


def some_settings(count, seed=0, **fixed):
    rng = random.Random(seed)
    return [{**{name: rng.choice(values) for name, values in RANGES.items()}, "class_token": rng.random() < 0.5,
             **{name: rng.choice(values) for name, values in fixed.items()}} for _ in range(count)]


def facts_of(settings):
    return call_view(TokenView, "facts", [[own_state(each)] for each in settings])


def fits(settings):
    return settings["image_size"] % settings["patch_size"] == 0 == settings["hidden_dim"] % settings["num_heads"]


def values(page):
    return dict(re.findall(r'<b data-value="([^"]+)">([^<]*)</b>', page))


def test_thousands_of_states_agree_with_shapes():
    settings = some_settings(2_000)
    impossible = 0
    for each, facts in zip(settings, facts_of(settings), strict=True):
        right = summary_of(each)
        assert ("refused" in facts) == (right == {}) == (not fits(each)), each
        impossible += not right
        if right:
            shown = {"tokens": facts["tokens"], "parameters": facts["total"]["parameters"],
                     "macs": {name: facts["macs"][name] for name in right["macs"]}}
            assert shown == right, each
            assert facts["total"]["macs"] == sum(right["macs"].values())
            assert facts["patches"] == patch_token_count(each["image_size"], each["patch_size"])
    assert 500 < impossible < 1_500


def torch_parameters(settings):
    """Count the numbers of the modules as PyTorch builds them, with or without a class token."""
    width, patches = settings["hidden_dim"], (settings["image_size"] // settings["patch_size"]) ** 2
    extra = settings["class_token"]
    with torch.device("meta"):
        model = nn.ModuleList([
            nn.Conv2d(3, width, settings["patch_size"], stride=settings["patch_size"]),
            Encoder(patches + extra, num_layers=settings["num_layers"], hidden_dim=width,
                    num_heads=settings["num_heads"], mlp_dim=4 * width),
            nn.Linear(width, 1000)])
    return sum(p.numel() for p in model.parameters()) + extra * width


def test_parameters_are_those_of_torch_modules():
    settings = [each for each in some_settings(120, seed=1, num_layers=(1, 2, 5, 12)) if fits(each)]
    assert len(settings) > 30 and len({each["class_token"] for each in settings}) == 2
    for each, facts in zip(settings, facts_of(settings), strict=True):
        assert facts["total"]["parameters"] == torch_parameters(each), each


@pytest.mark.parametrize("name", ROWS)
def test_presets_are_the_published_networks(name):
    with torch.device("meta"):
        model = VisionTransformer(ROWS[name])
    summary = summarize(model, (1, 3, 224, 224))
    numbers = values(call_view(TokenView, "draw", [[state(name)]])[0])
    assert numbers["parameters"] == f"{ROWS[name].published_parameters:,}" == f"{summary.parameters:,}"
    assert numbers["macs"] == f"{summary.macs:,}"
    assert PRESETS[name] == {each: getattr(ROWS[name], each) for each in PRESETS[name]}


def test_each_part_costs_what_a_run_of_the_network_costs():
    for each in ({"image_size": 48, "patch_size": 8, "hidden_dim": 128, "num_layers": 3, "num_heads": 4},
                 {"image_size": 224, "patch_size": 14, "hidden_dim": 192, "num_layers": 1, "num_heads": 3}):
        with torch.device("meta"):
            model = VisionTransformer(ROWS["vit_b_16"], **each)
        summary = summarize(model, (1, 3, each["image_size"], each["image_size"]))
        rows = {"patches": r"conv_proj", "mlp": r".*\.mlp\.\d", "head": r"heads\.head",
                "attention": r".*self_attention(\.out_proj)?"}
        right = {part: sum(row.macs for row in summary.rows if re.fullmatch(pattern, row.layer))
                 for part, pattern in rows.items()}
        macs = facts_of([each])[0]["macs"]
        assert right == {"patches": macs["patches"], "mlp": macs["mlp"], "head": macs["head"],
                         "attention": macs["projections"] + macs["matrices"]}


def test_patch_numbers_and_width_are_equal_by_coincidence_only():
    b16, b32 = (values(page) for page in call_view(TokenView, "draw", [[state("vit_b_16")], [state("vit_b_32")]]))
    assert (b16["values"], b16["projection"], b16["patches"], b16["tokens"]) == ("768", "590,592", "196", "197")
    assert (b32["values"], b32["projection"]) == ("3,072", "2,360,064")
    notes = ["coincidence" in page for page in call_view(TokenView, "draw", [
        [state(name)] for name in PRESETS])]
    assert notes == [True, False, False]  # vit_l_16: 768 numbers, 1,024 wide


def test_attention_layer_beside_a_convolution_of_the_same_width():
    settings = [each for each in some_settings(400, seed=2) if fits(each)]
    for each, facts in zip(settings, facts_of(settings), strict=True):
        d, n, side = each["hidden_dim"], facts["tokens"], each["image_size"] // each["patch_size"]
        assert facts["layer"]["convolution"] == conv_mac_count((1, d, side, side), d, 3, padding=1)
        all_layers = facts["macs"]["projections"] + facts["macs"]["matrices"]
        assert facts["layer"]["attention"] * each["num_layers"] == all_layers
        layers, heads = each["num_layers"], each["num_heads"]  # a matrix (n, n) for each head
        assert facts["matrix"] == {"one": n**2, "layer": heads * n**2, "all": layers * heads * n**2}
        assert (facts["layer"]["matrices"] > facts["layer"]["projections"]) == (n > 2 * d)
    bare = facts_of([{"class_token": False}])[0]["layer"]
    assert bare["convolution"] == 9 * 196 * 768**2 == 1_040_449_536  # the 1.04 G of O(n·k²·d²)
    assert bare["matrices"] == 2 * 196**2 * 768 != 2 * 196**2  # n² alone forgets the d numbers of each product


def test_twice_the_side_makes_sixteen_times_the_matrix():
    sizes = (32, 64, 128, 224, 256)
    pairs = [facts_of([{"image_size": s, "class_token": token}, {"image_size": 2 * s, "class_token": token}])
             for s in sizes[:-1] for token in (False, True)]
    for small, large in pairs:
        ratio = large["matrix"]["all"] / small["matrix"]["all"]
        assert small["doubled"]["tokens"] == large["tokens"]
        assert small["doubled"]["matrix"] == pytest.approx(ratio)
        assert (ratio == 16) == (large["tokens"] == large["patches"])
        assert large["layer"]["convolution"] == 4 * small["layer"]["convolution"]
    assert call_view(TokenView, "times", [[15.878], [16], [3.94], [1234.5]]) == ["15.9", "16", "3.94", "1,235"]


def test_what_does_not_divide_is_said_in_words():
    cut, shared, both = call_view(TokenView, "draw", [
        [state("vit_b_32", image_size=240)], [state(OWN, num_heads=16, hidden_dim=192, num_layers=2, patch_size=16)],
        [state(OWN, patch_size=14, image_size=32, num_heads=12, hidden_dim=64)]])
    assert ("<b>No such model.</b> Patches of 32 pixels do not fit into 240: 240 = 32·7 + 16, so 16 rows and "
            "16 columns are left over. An image of 224 or 256 pixels would fit.</p>") in cut
    assert "no tokens, 240 is no multiple of 32" in cut and "Crosses: left over" in cut and "cnn-cut" in cut
    fits_now = call_view(TokenView, "facts", [[state("vit_b_32", image_size=size)] for size in (224, 256)])
    assert [each["left"] for each in fits_now] == [0, 0]
    assert "No such model" not in shared  # 192 / 16 = 12
    assert "32 = 14·2 + 4" in both and "12 heads cannot share 64 numbers a token: 64 / 12 is no whole number." in both
    with pytest.raises(ValueError, match=r"^create_model: patch_size must divide image_size = 240, got 32$"):
        VisionTransformer(ROWS["vit_b_32"], image_size=240)
    assert torch.nn.functional.conv2d(torch.ones(1, 3, 240, 240), torch.ones(1, 3, 32, 32), stride=32).shape[2] == 7


def test_preset_fills_the_controls_and_a_moved_control_makes_it_own():
    start = state("vit_b_16")
    chosen = {**start, "preset": list(PRESETS).index("vit_l_16")}
    changes = call_view(TokenView, "derive", [[chosen]])[0]
    assert {**chosen, **changes} == state("vit_l_16")
    moved = {**state("vit_l_16"), "num_layers": 3}
    own = {**moved, **call_view(TokenView, "derive", [[moved]])[0]}
    assert own["preset"] == NAMES.index(OWN) and own["num_layers"] == 3
    assert call_view(TokenView, "derive", [[own], [{**own, "applied": len(PRESETS)}]]) == [{"applied": 3}] * 2
    other = {**start, "image_size": 384, "class_token": False}  # both belong to no preset
    assert call_view(TokenView, "derive", [[start], [other]]) == [{}, {}]


def test_page_shows_the_facts_and_nothing_broken():
    settings = some_settings(400, seed=3)
    pages = call_view(TokenView, "draw", [[own_state(each)] for each in settings])
    for each, page, facts in zip(settings, pages, facts_of(settings), strict=True):
        assert not re.search("NaN|undefined|null|Infinity", page)
        numbers = values(page)
        assert page.count("<svg") == page.count('role="img"') == (2 if fits(each) else 1)
        assert numbers["projection"] == f"{facts['projection']:,}"
        if fits(each):
            assert numbers["tokens"] == f"{facts['tokens']:,}"
            assert numbers["matrix"] == f"{facts['tokens'] ** 2:,}"
            for what in ("parameters", "macs"):
                assert numbers[what] == f"{facts['total'][what]:,}"
                assert sum(int(text.replace(",", "")) for name, text in numbers.items()
                           if name.startswith(f"{what}.")) == facts["total"][what]


def test_controls_are_linked_to_the_view_and_named_apart():
    explorer = TokenCalculator(OWN, image_size=256, patch_size=8, hidden_dim=384, num_layers=6, num_heads=6,
                               class_token=False)
    held = {name: control.index if hasattr(control, "index") else control.value
            for name, control in explorer.controls.items()}
    assert held == {"preset": 3, "image_size": 256, "patch_size": 1, "hidden_dim": 384, "num_layers": 6,
                    "num_heads": CHOICES["num_heads"].index(6), "class_token": False}
    assert {name: getattr(explorer.view, name) for name in held} == held
    descriptions = [control.description for control in explorer.controls.values()]
    assert len(set(descriptions)) == len(descriptions)


@pytest.mark.parametrize(("args", "settings", "message"), [
    (("vit_h_14",), {}, "preset must be one of vit_b_16, vit_b_32, vit_l_16, own, got 'vit_h_14'"),
    (("vit_b_16",), {"num_heads": 8}, "num_heads must be left out beside vit_b_16, got 8"),
    ((), {"image_size": 100}, "image_size must be a whole number from 32 to 512 in steps of 16, got 100"),
    ((), {"image_size": 528}, "image_size must be a whole number from 32 to 512 in steps of 16, got 528"),
    ((OWN,), {"patch_size": 7}, "patch_size must be one of 4, 8, 14, 16, 32, got 7"),
    ((OWN,), {"hidden_dim": 64.0}, "hidden_dim must be a whole number from 64 to 1280 in steps of 64, got 64.0"),
    ((OWN,), {"num_layers": 0}, "num_layers must be a whole number from 1 to 32, got 0"),
    ((OWN,), {"num_heads": True}, "num_heads must be one of 1, 2, 3, 4, 6, 8, 12, 16, got True"),
    ((), {"class_token": 1}, "class_token must be True or False, got 1"),
])
def test_bad_settings_are_refused(args, settings, message):
    with pytest.raises(ValueError) as caught:
        TokenCalculator(*args, **settings)
    assert str(caught.value) == f"TokenCalculator: {message}"
