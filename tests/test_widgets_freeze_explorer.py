import itertools
import re
from statistics import fmean

import pytest

from cnnlib.models.pretrained import load_pretrained
from cnnlib.training import freeze, parameter_groups
from cnnlib.widgets.freeze_explorer import FreezeExplorer, FreezeView, _data, transfer_table
from tools import transfer
from tools.node import call_view

DATA = _data()
STATES = [dict(zip(("frozen", "count", "rate", "factor"), values, strict=True))
          for values in itertools.product(range(6), range(3), range(3), [tenth / 10 for tenth in range(1, 11)])]
FACTS = call_view(FreezeView, "facts", [[{"data": DATA, **state}] for state in STATES])
DRAWN = call_view(FreezeView, "draw", [[{"data": DATA, **state}] for state in STATES])
PARTS = [parts for _, parts, _ in DATA["stages"]]
ROWS = {(row.pictures, row.start, row.frozen, row.lr): row for row in transfer_table()}


def model(frozen):
    """Return the network with its first stages frozen, and how many parameters still learn."""
    network = load_pretrained("small_resnet", num_classes=DATA["classes"])
    return network, freeze(network, [part for parts in PARTS[:frozen] for part in parts])


def test_what_learns_is_what_freeze_says():
    right = {}
    for frozen in range(6):
        network, learning = model(frozen)
        right[frozen] = (learning, sum(p.numel() for p in network.parameters()))
    for state, facts in zip(STATES, FACTS, strict=True):
        assert (facts["trainable"], facts["total"]) == right[state["frozen"]], state
        assert [stage["frozen"] for stage in facts["stages"]] == [i < state["frozen"] for i in range(6)]
    assert right[5] == (1548, 309_084) and right[0] == (309_084, 309_084)
    assert len(STATES) == 6 * 3 * 3 * 10


@pytest.mark.parametrize("frozen", range(6))
def test_rates_are_those_that_parameter_groups_sets(frozen):
    network, _ = model(frozen)
    own = [next(getattr(network, part).parameters()) for part, *_ in PARTS]
    for state, facts in zip(STATES, FACTS, strict=True):
        if state["frozen"] != frozen:
            continue
        lr = DATA["rates"][state["rate"]]
        rates, rate = {}, lr
        for parts in reversed(PARTS):  # from the last layer on, as in the paper
            rates.update(dict.fromkeys(parts, rate))
            rate *= state["factor"]
        groups = parameter_groups(network, lr=lr, rates=rates)
        for parameter, stage in zip(own, facts["stages"], strict=True):
            found = [group["lr"] for group in groups if any(p is parameter for p in group["params"])]
            assert [stage["lr"]] == (pytest.approx(found, rel=1e-12) if found else [None]), state


def test_every_state_shows_what_was_measured():
    for state, facts in zip(STATES, FACTS, strict=True):
        pictures, lr = DATA["counts"][state["count"]], DATA["rates"][state["rate"]]
        rows = [*(ROWS[pictures, "pretrained", depth, lr] for depth in range(6)), ROWS[pictures, "from scratch", 0, lr]]
        for bar, row in zip(facts["bars"], rows, strict=True):
            assert [bar["mean"], bar["low"], bar["high"]] == pytest.approx([row.mean, row.smallest, row.largest])
        assert facts["now"] == facts["bars"][state["frozen"]] and facts["scratch"] == facts["bars"][6]
        best = max((ROWS[pictures, "from scratch", 0, lr] for lr in DATA["rates"]), key=lambda row: row.mean)
        assert facts["best"]["mean"] == pytest.approx(best.mean) and DATA["rates"][facts["bestRate"]] == best.lr


def test_the_words_say_who_wins_in_every_state():
    for state, facts, drawn in zip(STATES, FACTS, DRAWN, strict=True):
        now, scratch = facts["now"], facts["scratch"]
        assert shown(drawn, "mean") == f"{100 * now['mean']:.1f}"
        assert shown(drawn, "scratch") == f"{100 * scratch['mean']:.1f}"
        assert shown(drawn, "trainable") == f"{facts['trainable']:,}"
        difference = round(100 * abs(now["mean"] - scratch["mean"]), 1)
        winner = "transfer" if now["mean"] > scratch["mean"] else "from scratch"
        said = f"{winner} wins by <b data-value=\"points\">{difference}</b> points" if difference else "a draw"
        assert said in drawn, state
        apart = max(now["low"], scratch["low"]) > min(now["high"], scratch["high"])
        assert ("above the best seed of the other" in drawn) == (apart and difference > 0), state


def shown(drawn, name):
    """Return the text of a number in the picture."""
    return re.search(f'<b data-value="{name}">([^<]*)</b>', drawn)[1]


def test_nothing_is_claimed_for_rates_that_were_not_measured():
    for state, drawn in zip(STATES, DRAWN, strict=True):
        assert ("was not measured" in drawn) == (state["factor"] < 1 and state["frozen"] < 5), state
        assert ("as it was measured" in drawn) == (state["factor"] == 1), state
        assert ("the factor changes nothing" in drawn) == (state["factor"] < 1 and state["frozen"] == 5), state


def test_no_state_draws_a_hole():
    for drawn in DRAWN:
        assert not re.search(r"NaN|undefined|null|Infinity", drawn)
        assert drawn.count('role="img"') == drawn.count("<svg") == 2
        assert drawn.count(">frozen</text>") == 1 + drawn.count("cnn-cell cnn-pad")  # words, not color alone


@pytest.mark.parametrize(("ours", "theirs", "right"), [
    ([0.9, 0.8, 1.0], [0.5, 0.4, 0.7], {"winner": "transfer", "points": 40, "apart": True}),
    ([0.5, 0.4, 0.7], [0.9, 0.8, 1.0], {"winner": "scratch", "points": 40, "apart": True}),
    ([0.6, 0.4, 0.8], [0.5, 0.4, 0.7], {"winner": "transfer", "points": 10, "apart": False}),
    ([0.6, 0.6, 0.6], [0.5, 0.4, 0.6], {"winner": "transfer", "points": 10, "apart": False}),  # a tie of two seeds
    ([0.5, 0.4, 0.7], [0.5004, 0.4, 0.7], {"winner": "none", "points": 0, "apart": False}),
])
def test_who_wins(ours, theirs, right):
    both = [dict(zip(("mean", "low", "high"), each, strict=True)) for each in (ours, theirs)]
    said, = call_view(FreezeView, "verdict", [both])
    assert said == {**right, "points": pytest.approx(right["points"])}


def test_sliders_may_hand_over_a_little_more():
    state = {"data": DATA, "frozen": 0, "count": 0, "rate": 1, "factor": 0.3}
    clean, dirty = call_view(FreezeView, "draw", [[state], [{**state, "factor": 0.30000000000000004}]])
    assert clean == dirty and "Factor 0.3:" in clean


@pytest.mark.parametrize(("lr", "text"), [
    (0.1, "0.1"), (0.0025, "0.0025"), (0.001, "0.001"), (0.00025, "2.5e-4"), (1e-8, "1e-8"), (0.1 * 0.7**5, "0.0168")])
def test_rates_stay_short(lr, text):
    assert call_view(FreezeView, "rateText", [[lr]]) == [text]


def test_the_file_is_of_these_weights_and_complete():
    plan = transfer.Plan()
    assert {name: each for name, each in DATA.items() if name != "right"} == transfer.facts(plan)
    assert plan.counts == (5, 20, 100) and plan.seeds[0] == 5
    for starts, seeds in zip(DATA["right"], plan.seeds, strict=True):
        assert len(starts) == 7
        assert all(len(rates) == 3 and all(len(each) == seeds for each in rates) for rates in starts)
        assert all(type(each) is int and 0 <= each <= 360 for rates in starts for right in rates for each in right)


def test_few_pictures_are_where_transfer_wins():
    best = {(pictures, start): max((row for row in ROWS.values() if (row.pictures, row.start) == (pictures, start)),
                                   key=lambda row: row.mean)
            for pictures in DATA["counts"] for start in ("pretrained", "from scratch")}
    gap = [best[pictures, "pretrained"].mean - best[pictures, "from scratch"].mean for pictures in DATA["counts"]]
    assert gap[0] > gap[1] > gap[2]
    assert len(best[5, "pretrained"].accuracies) == 5
    assert best[5, "pretrained"].smallest > best[5, "from scratch"].largest + 0.1


def test_the_table_is_the_file():
    row = ROWS[20, "pretrained", 3, 0.01]
    assert row.accuracies == tuple(right / 360 for right in DATA["right"][1][3][1])
    assert (row.mean, row.smallest, row.largest) == (
        pytest.approx(fmean(row.accuracies)), min(row.accuracies), max(row.accuracies))
    assert ROWS[100, "from scratch", 0, 0.1].trainable == 309_084
    assert len(ROWS) == len(transfer_table()) == 3 * 7 * 3


def test_controls_are_linked_to_the_view():
    explorer = FreezeExplorer(3, pictures=100, lr=0.1, factor=0.5)
    assert {name: control.description for name, control in explorer.controls.items()} == {
        "frozen": "frozen stages", "count": "pictures a class", "rate": "learning rate", "factor": "factor per stage"}
    view, controls = explorer.view, explorer.controls
    assert (view.frozen, view.count, view.rate, view.factor) == (3, 2, 2, 0.5)
    assert (controls["frozen"].value, controls["frozen"].max) == (3, 5)
    assert (controls["count"].value, controls["rate"].value, controls["factor"].value) == ("100", "0.1", 0.5)
    row, scratch = ROWS[100, "pretrained", 3, 0.1], ROWS[100, "from scratch", 0, 0.1]
    assert explorer.summary() == {
        "trainable": row.trainable, "total": 309_084, "accuracy": pytest.approx(row.mean),
        "from_scratch": pytest.approx(scratch.mean)}


@pytest.mark.parametrize(("settings", "message"), [
    ({"frozen": 6}, "FreezeExplorer: frozen must be a whole number from 0 to 5, got 6"),
    ({"frozen": True}, "FreezeExplorer: frozen must be a whole number from 0 to 5, got True"),
    ({"frozen": "layer1"}, "FreezeExplorer: frozen must be a whole number from 0 to 5, got 'layer1'"),
    ({"pictures": 10}, "FreezeExplorer: pictures must be one of 5, 20, 100, got 10"),
    ({"pictures": "5"}, "FreezeExplorer: pictures must be one of 5, 20, 100, got '5'"),
    ({"lr": 0.05}, "FreezeExplorer: lr must be one of 0.001, 0.01, 0.1, got 0.05"),
    ({"factor": 0}, "FreezeExplorer: factor must be a number from 0.1 to 1 in steps of 0.1, got 0"),
    ({"factor": 0.25}, "FreezeExplorer: factor must be a number from 0.1 to 1 in steps of 0.1, got 0.25"),
    ({"factor": True}, "FreezeExplorer: factor must be a number from 0.1 to 1 in steps of 0.1, got True"),
])
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(ValueError) as caught:
        FreezeExplorer(**settings)
    assert str(caught.value) == message
