import itertools
import re

import numpy as np
import pytest
import torch

from cnnlib.models.attention import ChannelAttention, SEBlock
from cnnlib.widgets.se_gate import CHANNELS, MAPS, POOLINGS, REDUCTIONS, SEGate, SEGateView, fixed_weights
from tools.node import call_view, run_module

TRAITS = ("maps", "weights", "reductions", "reduction", "pooling", "channel", "strength")
STATES = [dict(zip(TRAITS[3:], (*places, tenths / 10), strict=True)) for *places, tenths in itertools.product(
    range(len(REDUCTIONS)), range(len(POOLINGS)), range(CHANNELS), range(31))]


def state(*args, **options):
    """Return the traits of a widget as its script reads them."""
    view = SEGate(*args, **options).view
    return {name: getattr(view, name) for name in TRAITS}


START = state()


def module(reduction, pooling):
    """Return the PyTorch block with the widget's weights."""
    block = (SEBlock, ChannelAttention)[pooling](CHANNELS, reduction=REDUCTIONS[reduction]).double()
    arrays = fixed_weights(REDUCTIONS[reduction])
    names = ("fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias")
    block.load_state_dict({name: torch.tensor(array)[(...,) + (None,) * 2 * (array.ndim == 2)]
                           for name, array in zip(names, arrays, strict=True)})
    return block


def changed_maps(channel, strength):
    maps = torch.tensor(MAPS, dtype=torch.float64)
    maps[channel] *= strength
    return maps


def test_every_state_shows_what_the_pytorch_block_computes():
    shown = call_view(SEGateView, "facts", [[{**START, **each}] for each in STATES])
    assert len(shown) == 4 * 2 * 8 * 31
    for (reduction, pooling), block in {(r, p): module(r, p) for r in range(4) for p in range(2)}.items():
        pairs = [(each, facts) for each, facts in zip(STATES, shown, strict=True)
                 if (each["reduction"], each["pooling"]) == (reduction, pooling)]
        maps = torch.stack([changed_maps(each["channel"], each["strength"]) for each, _ in pairs])
        with torch.no_grad():
            gates, out = block.gate(maps)[:, :, 0, 0], block(maps)
            hidden = torch.relu(block.fc1(maps.mean((2, 3), keepdim=True)))[:, :, 0, 0]
        for name, right in (("gates", gates), ("rescaled", out), ("after", out.mean((2, 3))), ("maps", maps),
                            ("means", maps.mean((2, 3))), ("maxima", maps.amax((2, 3)))):
            np.testing.assert_allclose([facts[name] for _, facts in pairs], right, atol=1e-12, err_msg=name)
        np.testing.assert_allclose([facts["hidden"][0] for _, facts in pairs], hidden, atol=1e-12)
        assert [len(facts["hidden"]) for _, facts in pairs] == [1 + pooling] * len(pairs)
        assert {facts["parameters"]["all"] for _, facts in pairs} == {sum(p.numel() for p in block.parameters())}
        assert out.shape == maps.shape  # C stays C


def test_channels_are_rescaled_and_not_added_up():
    facts = call_view(SEGateView, "facts", [[START]])[0]
    maps = np.array(MAPS, dtype=float)
    right = maps * np.array(facts["gates"])[:, None, None]
    np.testing.assert_allclose(facts["rescaled"], right)
    summed = np.tensordot(facts["gates"], maps, axes=1)  # the weighted sum that the block does not make
    assert np.shape(facts["rescaled"]) == (8, 4, 4) != summed.shape
    assert "8 channels stay 8" in call_view(SEGateView, "draw", [[START]])[0]


def test_one_gate_depends_on_all_channels():
    still, strong = (call_view(SEGateView, "facts", [[{**START, "channel": 5, "strength": s}]])[0] for s in (1, 3))
    assert still["changes"] == [0] * 8
    moved = [c for c in range(8) if abs(strong["changes"][c]) > 0.01]
    assert set(moved) > {5}  # a gate of its own map alone would move channel 5 only
    with torch.no_grad():
        before, after = (module(1, 0).gate(changed_maps(5, s)[None])[0, :, 0, 0] for s in (1, 3))
    others = (after - before).abs()
    others[5] = 0
    assert strong["farthest"] == int(others.argmax())
    page = call_view(SEGateView, "draw", [[{**START, "strength": 3}]])[0]
    assert values(page)["farthest"] == str(strong["farthest"])
    assert f"from {before[5]:.3f} to <b data-value=\"own\">{after[5]:.3f}</b>" in page


def test_maximum_goes_through_the_same_two_layers():
    se, cbam = call_view(SEGateView, "facts", [[{**START, "pooling": p}] for p in (0, 1)])
    assert se["parameters"] == cbam["parameters"] == {"weights": 64, "biases": 12, "all": 76}
    assert se["gates"] != cbam["gates"] and se["means"] == cbam["means"]
    counts = call_view(SEGateView, "facts", [[{**START, "reduction": r}] for r in range(4)])
    assert [each["parameters"]["all"] for each in counts] == [
        2 * 8 * 8 // r + 8 // r + 8 for r in REDUCTIONS] == [144, 76, 42, 25]


def values(page):
    return dict(re.findall(r'<b data-value="([^"]+)">([^<]*)</b>', page))


def test_page_shows_the_numbers_and_nothing_broken():
    states = STATES[::7] + [each for each in STATES if each["strength"] == 0]
    pages = call_view(SEGateView, "draw", [[{**START, **each}] for each in states])
    facts = call_view(SEGateView, "facts", [[{**START, **each}] for each in states])
    for page, now, each in zip(pages, facts, states, strict=True):
        assert not re.search("NaN|undefined|null|Infinity", page)
        numbers = values(page)
        assert page.count("<svg") == page.count('role="img"') == 1
        assert numbers["parameters"] == str(now["parameters"]["all"])
        for name, list_name in (("mean", "means"), ("gate", "gates"), ("after", "after")):
            shown = [float(numbers[f"{name}.{c}"].replace("−", "-")) for c in range(8)]
            assert shown == pytest.approx(now[list_name], abs=5.1e-4)
        assert ("max.0" in numbers) == (each["pooling"] == 1)
        zeros = sum(value == 0 for hidden in now["hidden"] for value in hidden)
        assert page.count('class="cnn-cut"') == zeros == sum(now["off"])
        assert numbers["open"] == str(int(np.argmax(now["gates"])))


def test_summary_is_what_the_script_shows():
    for args, options in (((), {}), ((8,), {"pooling": "average + max", "channel": 0, "strength": 2.5}),
                          ((1,), {"strength": 0})):
        explorer = SEGate(*args, **options)
        facts = call_view(SEGateView, "facts", [[state(*args, **options)]])[0]
        summary = explorer.summary()
        assert summary["gates"] == pytest.approx(facts["gates"], abs=5.1e-4)
        assert summary["means"] == pytest.approx(facts["after"], abs=5.1e-4)
        assert summary["parameters"] == facts["parameters"]["all"]


def test_slider_dust_is_swept_away():
    dusty = 0.1 + 0.2
    clean, seen = call_view(SEGateView, "draw", [[{**START, "strength": 0.3}], [{**START, "strength": dusty}]])
    assert dusty != 0.3 and clean == seen
    assert run_module(f"{SEGateView._esm}\nprocess.stdout.write([-0.0001, -0.5, 0.25].map((x) => fixed(x)).join(' '))"
                      ) == "0.000 −0.500 0.250"


def test_controls_are_linked_to_the_view_and_named_apart():
    explorer = SEGate(4, pooling="average + max", channel=2, strength=2)
    held = {name: control.index if hasattr(control, "index") else control.value
            for name, control in explorer.controls.items()}
    assert held == {"channel": 2, "strength": 2.0, "reduction": 2, "pooling": 1}
    assert {name: getattr(explorer.view, name) for name in held} == held
    descriptions = [control.description for control in explorer.controls.values()]
    assert len(set(descriptions)) == len(descriptions)


@pytest.mark.parametrize(("settings", "message"), [
    ({"reduction": 3}, "SEGate: reduction must be one of 1, 2, 4, 8, got 3"),
    ({"reduction": True}, "SEGate: reduction must be one of 1, 2, 4, 8, got True"),
    ({"pooling": "max"}, "SEGate: pooling must be one of average, average + max, got 'max'"),
    ({"channel": 8}, "SEGate: channel must be a whole number from 0 to 7, got 8"),
    ({"channel": 1.0}, "SEGate: channel must be a whole number from 0 to 7, got 1.0"),
    ({"strength": 3.1}, "SEGate: strength must be a number from 0 to 3 in steps of 0.1, got 3.1"),
    ({"strength": 0.25}, "SEGate: strength must be a number from 0 to 3 in steps of 0.1, got 0.25"),
    ({"strength": "1"}, "SEGate: strength must be a number from 0 to 3 in steps of 0.1, got '1'"),
])
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(ValueError) as caught:
        SEGate(**settings)
    assert str(caught.value) == message
