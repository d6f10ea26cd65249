import itertools
import json
import random
import re

import numpy as np
import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from cnnlib.widgets.attention_explorer import (
    GRID,
    MASKS,
    TOKENS,
    AttentionExplorer,
    AttentionView,
    contents,
    picture,
    projected,
)
from tools.node import call_view, run_module

FIXED = ("pixels", "query_vectors", "key_vectors", "value_vectors", "purposes", "value_names", "mask_kinds")
TRAITS = (*FIXED, "row", "column", "head", "layer", "mask", "window", "stride", "global_patches", "scaled")
EXPLORER = AttentionExplorer()
START = {name: getattr(EXPLORER.view, name) for name in TRAITS}
WINDOWS, STRIDES, COUNTS = range(1, 12, 2), range(1, 7), range(7)
KINDS = [{"mask": 0}, *({"mask": 1, "window": w} for w in WINDOWS), *({"mask": 2, "stride": s} for s in STRIDES),
         *({"mask": 3, "window": w, "global_patches": g} for w in WINDOWS for g in COUNTS), {"mask": 4}]
HEADS = [{"layer": layer, "head": head, "scaled": scaled}
         for layer, head, scaled in itertools.product((0, 1), (0, 1), (True, False))]


def call(function, changes):
    """Call a function of the script with the default state and these changes; the arrays are sent once."""
    source = (f"{AttentionView._esm}\nconst start = {json.dumps(START)};\nprocess.stdout.write(JSON.stringify("
              f"{json.dumps(changes)}.map((each) => {function}({{ ...start, ...each }}))));")
    return json.loads(run_module(source))


def moved(changes):
    """Return the explorer as Python has it in a state."""
    for name, value in {**START, **changes}.items():
        if name not in FIXED:
            setattr(EXPLORER.view, name, value)
    return EXPLORER


def test_every_state_has_the_weights_of_scratch():
    everywhere = ("(state) => Array.from({ length: 36 }, (_, q) => softmaxOf(scoresOf(state, q, state.scaled))"
                  ".map((w) => Math.round(w * 1e12) / 1e12))")
    states = [{**head, **kind} for head in HEADS for kind in KINDS]
    shown = call(f"({everywhere})", states)
    assert len(states) * TOKENS == 16_128  # all states of the controls that matter
    for changes, weights in zip(states, shown, strict=True):
        right = moved(changes).weights()
        np.testing.assert_allclose(weights, right, atol=2e-12, err_msg=str(changes))
        assert ((np.array(weights) > 0) <= EXPLORER.allowed()).all()


def judge(changes):
    """Return PyTorch's row of weights and its output; the mask is built from places, not by cnnlib."""
    state = {**START, **changes}
    places = np.array([(i, j) for i in range(GRID) for j in range(GRID)])
    steps = abs(places[:, None] - places)
    token = np.arange(TOKENS)
    near = (steps <= state["window"] // 2).all(-1)
    chosen = token < state["global_patches"]
    mask = [np.ones((TOKENS, TOKENS), bool), near, (steps % state["stride"] == 0).all(-1),
            near | chosen | chosen[:, None], token <= token[:, None]][state["mask"]]
    q, k, v = (torch.tensor(array[state["layer"]][state["head"]], dtype=torch.float64) for array in projected())
    options = {"attn_mask": torch.tensor(mask), "scale": None if state["scaled"] else 1.0}
    query = state["row"] * GRID + state["column"]
    weights = scaled_dot_product_attention(q, k, torch.eye(TOKENS, dtype=torch.float64), **options)[query].numpy()
    return weights, scaled_dot_product_attention(q, k, v, **options)[query].numpy(), mask


def some_states(count, seed=0):
    rng = random.Random(seed)
    return [{**rng.choice(HEADS), "window": rng.choice(WINDOWS), "stride": rng.choice(STRIDES),
             "global_patches": rng.choice(COUNTS), "mask": rng.randrange(len(MASKS)), "row": rng.randrange(GRID),
             "column": rng.randrange(GRID)} for _ in range(count)]


def test_facts_agree_with_pytorch():
    states = some_states(2_000)
    for changes, facts in zip(states, call("facts", states), strict=True):
        weights, output, mask = judge(changes)
        np.testing.assert_allclose(facts["weights"], weights, atol=1e-12)
        np.testing.assert_allclose(facts["output"], output, atol=1e-12)
        some = weights[weights > 0]
        assert facts["entropy"] == pytest.approx(-(some * np.log2(some)).sum(), abs=1e-9)
        assert facts["sum"] == pytest.approx(1)
        assert weights[facts["best"]] == pytest.approx(weights.max()) == pytest.approx(facts["largest"])
        assert facts["computed"] == mask.sum() and facts["visible"] == mask[facts["query"]].sum()
        assert facts["most"] == mask.sum(1).max()
        assert [score is None for score in facts["scores"]] == (~mask[facts["query"]]).tolist()
        assert 0 <= facts["entropy"] <= np.log2(facts["visible"]) + 1e-9
        other = judge({**changes, "scaled": not changes["scaled"]})[0]
        assert facts["other"]["largest"] == pytest.approx(other.max())


def test_without_the_division_softmax_is_sharper():
    states = [{"row": i, "column": j, "layer": a, "head": b} for i, j, a, b in itertools.product(
        range(GRID), range(GRID), (0, 1), (0, 1))]
    for facts in call("facts", states):
        assert facts["other"]["largest"] > facts["largest"] and facts["other"]["entropy"] < facts["entropy"]
        assert facts["dimension"] == 8 and facts["visible"] == TOKENS


def test_masks_save_what_they_are_known_to_save():
    kinds = [{"mask": 0}, {"mask": 1, "window": 1}, {"mask": 1, "window": 3}, {"mask": 1, "window": 11},
             {"mask": 2, "stride": 2}, {"mask": 2, "stride": 6}, {"mask": 3, "window": 1, "global_patches": 1},
             {"mask": 4}]
    assert [each["computed"] for each in call("facts", kinds)] == [
        36**2, 36, (6 + 2 * 5) ** 2, 36**2, 36 * 9, 36, 36 + 2 * 35, 36 * 37 // 2]
    line = {"mask": 1, "window": 3}  # a window in the line of 36 patches would look past the end of a row
    assert call("facts", [{**line, "row": 1, "column": 5}])[0]["visible"] == 6


def test_heads_do_what_they_were_made_for():
    near, left = ([{"layer": layer, "head": 1, "row": i, "column": j} for i in range(GRID) for j in range(GRID)]
                  for layer in (0, 1))
    assert [facts["best"] for facts in call("facts", near)] == list(range(TOKENS))
    assert [facts["best"] for facts in call("facts", left)] == [
        GRID * i + max(j - 1, 0) for i in range(GRID) for j in range(GRID)]
    alike = call("facts", [{}])[0]
    assert alike["query"] == 22 and divmod(alike["best"], GRID) == (0, 2)  # the tops of the two discs
    brightness = contents()[:, 0]
    assert 0 < brightness[22] < picture().max() and 0 < brightness[2] < picture().max()
    assert AttentionExplorer().view.purposes == [
        ["looks for patches like itself", "looks at patches near itself"],
        ["looks for patches whose surroundings are like its own", "looks at the patch to the left"]]
    changed = [call("facts", [{"layer": layer}])[0]["weights"] for layer in (0, 1)]
    assert np.abs(np.subtract(*changed)).max() > 0.05


def values(page):
    return dict(re.findall(r'<b data-value="([^"]+)">([^<]*)</b>', page))


def test_page_shows_the_numbers_and_nothing_broken():
    states = some_states(400, seed=1)
    for changes, page, facts in zip(states, call("draw", states), call("facts", states), strict=True):
        assert not re.search("NaN|undefined|null|Infinity", page)
        assert page.count("<svg") == page.count('role="img"') == 2
        numbers = values(page)
        assert numbers["sum"] == "1.000" and numbers["computed"] == f"{facts['computed']:,}"
        assert float(numbers["entropy"]) == pytest.approx(facts["entropy"], abs=5.1e-3)
        assert float(numbers["largest"]) == pytest.approx(facts["largest"], abs=5.1e-4)
        hidden = sum(score is None for score in facts["scores"])
        assert len(re.findall(r"<text ", page)) == TOKENS - hidden
        cross = re.search(r'class="cnn-cut" d="([^"]*)"', page)[1]
        assert cross.count("l12 12") == hidden and (f"× masked ({hidden})" in page) == bool(hidden)
        assert page.count("★") - 1 == (facts["ties"] if facts["ties"] < TOKENS else 0)
        assert ("-0.00" not in page) and ("−0.00" not in page)
        state = {**START, **changes}
        assert f"The patch in row {state['row']}, column {state['column']} gives" in page


def test_words_of_each_mask():
    pages = call("draw", [{}, {"mask": 4}, {"mask": 1, "window": 3}, {"mask": 2, "stride": 1}, {"mask": 3}])
    said = [re.sub("<[^>]+>", "", re.search(r"Scores(?: that count)?: .*?</span>", page)[0]) for page in pages]
    tail = " Only code that leaves the other scores out is faster for it; setting them to −∞ computes all first."
    assert said == [
        "Scores: n² = 36² = 1,296. No mask, nothing to leave out.",
        "Scores that count: 666 of n² = 1,296 (51.4 %) = n·(n + 1)/2: itself and the patches before it." + tail,
        "Scores that count: 256 of n² = 1,296 (19.8 %), at most n·w = 36·9 = 324; at the border the window is cut."
        + tail,
        "Scores that count: 1,296 of n² = 1,296 (100.0 %), at most n·w = 36·36 = 1,296: every row and column, counted "
        "from the query." + tail,
        "Scores that count: 320 of n² = 1,296 (24.7 %): the windows', and all of 1 global patch, as query and as key."
        + tail]


def test_summary_and_default_picture():
    assert AttentionExplorer().summary() == {"largest": 0.529, "patch": (0, 2), "entropy": 2.172, "scores": 1296}
    assert AttentionExplorer(0, 0, mask="causal").summary() == {
        "largest": 1.0, "patch": (0, 0), "entropy": 0.0, "scores": 666}
    assert picture().shape == (24, 24) and np.isfinite(np.concatenate([a.ravel() for a in projected()])).all()


def test_controls_are_linked_to_the_view_and_named_apart():
    explorer = AttentionExplorer(1, 2, head=2, layer=2, mask="strided", window=5, stride=3, global_patches=4,
                                 scaled=False)
    held = {name: control.index if hasattr(control, "index") else control.value
            for name, control in explorer.controls.items()}
    assert held == {"row": 1, "column": 2, "head": 1, "layer": 1, "mask": 2, "window": 5, "stride": 3,
                    "global_patches": 4, "scaled": False}
    assert {name: getattr(explorer.view, name) for name in held} == held
    descriptions = [control.description for control in explorer.controls.values()]
    assert len(set(descriptions)) == len(descriptions)
    assert call_view(AttentionView, "entropyOf", [[[1, 0]], [[0.25] * 4]]) == [0, 2]


@pytest.mark.parametrize(("settings", "message"), [
    ({"row": 6}, "row must be a whole number from 0 to 5, got 6"),
    ({"column": -1}, "column must be a whole number from 0 to 5, got -1"),
    ({"head": 0}, "head must be a whole number from 1 to 2, got 0"),
    ({"layer": 3}, "layer must be a whole number from 1 to 2, got 3"),
    ({"window": 4}, "window must be a whole number from 1 to 11 in steps of 2, got 4"),
    ({"stride": 1.0}, "stride must be a whole number from 1 to 6, got 1.0"),
    ({"global_patches": 7}, "global_patches must be a whole number from 0 to 6, got 7"),
    ({"mask": "window"}, "mask must be one of none, local, strided, global, causal, got 'window'"),
    ({"scaled": 1}, "scaled must be True or False, got 1"),
])
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(ValueError) as caught:
        AttentionExplorer(**settings)
    assert str(caught.value) == f"AttentionExplorer: {message}"
