import itertools
import re

import numpy as np
import pytest
import torch
from torch.nn import functional

from cnnlib.widgets.backprop_explorer import GRAD_OUTPUT, LAYERS, WEIGHT, BackpropExplorer, BackpropView, X
from tools.node import call_view

DATA = {"x": X, "weight": WEIGHT, "grad_output": GRAD_OUTPUT}
SETTINGS = [{"layer": layer, "stride": stride, "padding": padding}
            for layer, stride, padding in itertools.product(range(3), (1, 2), (0, 1))]


def forward(setting, x, weight, bias):
    """Return PyTorch's output, (1, 1, H_out, W_out)."""
    options = {"stride": setting["stride"], "padding": setting["padding"]}
    if setting["layer"] == 0:
        return functional.conv2d(x, weight, bias, **options)
    pool = functional.max_pool2d if setting["layer"] == 1 else functional.avg_pool2d
    return pool(x, 2, **options)


def judge(setting, cells):
    """Return what autograd sends to x, weight and bias from the first ``cells`` output cells; None means all."""
    x, weight = (torch.tensor(a, dtype=torch.float64)[None, None].requires_grad_() for a in (X, WEIGHT))
    bias = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    output = forward(setting, x, weight, bias)
    grad = torch.tensor(GRAD_OUTPUT, dtype=torch.float64)[: output.shape[2], : output.shape[3]].clone()
    grad.view(-1)[cells:] = 0
    output.backward(grad[None, None])
    zeros = torch.zeros(2, 2), torch.zeros(1)
    grads = (x.grad[0, 0], *(zeros if weight.grad is None else (weight.grad[0, 0], bias.grad)))
    return [part.numpy() for part in grads]


def cells_of(setting):
    side = (4 + 2 * setting["padding"] - 2) // setting["stride"] + 1
    return range(side * side)


STATES = [{**DATA, **setting, "position": at} for setting in SETTINGS for at in cells_of(setting)]


def setting_of(state):
    return {name: state[name] for name in ("layer", "stride", "padding")}


def test_last_position_is_the_last_output_cell():
    shown = call_view(BackpropView, "derive", [[{**DATA, **setting}] for setting in SETTINGS])
    outputs = [forward(setting, *(torch.zeros(1, 1, n, n) for n in (4, 2)), None).numel() for setting in SETTINGS]
    assert [row["last_position"] + 1 for row in shown] == outputs


def test_sums_so_far_are_those_of_autograd_in_every_state():
    shown = call_view(BackpropView, "sums", [[state, state["position"]] for state in STATES])
    for state, row in zip(STATES, shown, strict=True):
        x, weight, bias = judge(setting_of(state), state["position"] + 1)
        assert row["x"] == x.tolist(), state
        if state["layer"] == 0:
            assert (row["weight"], row["bias"]) == (weight.tolist(), bias.item()), state
        else:
            assert row["weight"] == [[0, 0], [0, 0]], state
    assert len(STATES) == 3 * (9 + 25 + 4 + 9)


def test_one_cell_sends_what_autograd_sends_for_a_one_hot_gradient():
    shown = call_view(BackpropView, "taps", [[state, state["position"]] for state in STATES])
    for state, row in zip(STATES, shown, strict=True):
        before, after = (judge(setting_of(state), state["position"] + more) for more in (0, 1))
        sent = np.zeros((4, 4))
        for tap in row:
            if tap["inside"]:
                sent[tap["row"], tap["col"]] += tap["toX"]
        assert np.array_equal(sent, after[0] - before[0]), state


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_end_is_what_the_from_scratch_functions_return(setting):
    explorer = BackpropExplorer(LAYERS[setting["layer"]], setting["stride"], setting["padding"])
    [end] = call_view(BackpropView, "sums", [[{**DATA, **setting}, explorer.view.last_position]])
    grad_x, grad_weight = explorer.gradients()
    np.testing.assert_allclose(end["x"], grad_x)
    if setting["layer"] == 0:
        np.testing.assert_allclose(end["weight"], grad_weight)
    else:
        assert grad_weight is None


def test_a_tie_has_one_winner_and_sharing_it_is_wrong():
    state = {**DATA, "layer": 1, "stride": 2, "padding": 0, "position": 0}
    [taps] = call_view(BackpropView, "taps", [[state, 0]])
    assert [tap["value"] for tap in taps].count(max(tap["value"] for tap in taps)) == 2
    right = judge(setting_of(state), 1)[0][:2, :2].ravel().tolist()
    assert [tap["toX"] for tap in taps] == right == [0, 3, 0, 0]
    assert right != [0, 1.5, 1.5, 0]
    [drawn] = call_view(BackpropView, "draw", [[state]])
    assert "The 3 stands there twice: the first one wins." in drawn


def test_flipping_the_kernel_once_too_often_is_wrong():
    state = {**DATA, "layer": 0, "stride": 1, "padding": 0}
    [end] = call_view(BackpropView, "sums", [[state, 8]])
    grad, weight = (torch.tensor(a, dtype=torch.float64)[None, None] for a in (np.array(GRAD_OUTPUT)[:3, :3], WEIGHT))
    full = functional.conv2d(grad, weight.flip(2, 3), padding=1)[0, 0].tolist()
    assert end["x"] == full
    assert end["x"] != functional.conv2d(grad, weight, padding=1)[0, 0].tolist()


def test_lines_put_the_numbers_in():
    plain = {**DATA, "layer": 0, "stride": 1, "padding": 0}
    padded = {**plain, "padding": 1}
    [middle, corner, most, quarter] = call_view(BackpropView, "lines", [
        [plain, 1], [padded, 0], [{**plain, "layer": 1}, 0], [{**padded, "layer": 2}, 0]])
    assert middle["toX"][1] == "grad_x[0, 2] += 1 · w[0, 1] = 1 · −2 = −2"
    assert middle["toWeight"][0] == "grad_weight[0, 0] += 1 · x[0, 1] = 1 · 3 = 3"
    assert corner["toX"][1] == "padding, dropped: 3 · w[0, 1] = 3 · −2 = −6"
    assert corner["toX"][3] == "grad_x[0, 0] += 3 · w[1, 1] = 3 · −1 = −3"
    assert corner["toWeight"][0] == "grad_weight[0, 0] += 3 · 0 (padding) = 0"
    assert most == {"toX": ["grad_x[0, 1] += 3"], "toWeight": []}
    assert quarter["toX"][2:] == ["padding, dropped: 3 / 4 = 0.75", "grad_x[0, 0] += 3 / 4 = 0.75"]


def test_every_state_draws_numbers_and_says_what_is_reached():
    for state, drawn in zip(STATES, call_view(BackpropView, "draw", [[state] for state in STATES]), strict=True):
        assert not re.search(r"NaN|undefined|Infinity|null", drawn), state
        reached = int(re.search(r'data-value="reached">(\d+)<', drawn)[1])
        x, weight = (torch.ones(1, 1, n, n, dtype=torch.float64) for n in (4, 2))
        x = torch.tensor(X, dtype=torch.float64)[None, None] if state["layer"] == 1 else x
        x.requires_grad_()
        forward(setting_of(state), x, weight, None).view(-1)[state["position"]].backward()
        assert reached == x.grad.count_nonzero(), state
        assert drawn.count("<svg") == (7 if state["layer"] == 0 else 4)
        assert drawn.count('role="img"') == drawn.count("<svg")


def test_position_outside_a_smaller_output_is_the_last_cell():
    state = {**DATA, "layer": 2, "stride": 2, "padding": 0}
    last, beyond = call_view(BackpropView, "draw", [[{**state, "position": at}] for at in (3, 24)])
    assert last == beyond and "Cell 4 of 4" in last


def test_controls_are_linked_to_the_view():
    explorer = BackpropExplorer(layer="max pooling", stride=2, padding=1)
    assert explorer.controls["layer"].value == "max pooling" and explorer.view.layer == 1
    assert [explorer.controls[name].value for name in ("stride", "padding")] == [2, 1]
    assert explorer.view.last_position == 8
    assert [row.description for row in explorer.children[3].children] == ["position", "play"]


@pytest.mark.parametrize(("settings", "message"), [
    ({"layer": "pooling"},
     "BackpropExplorer: layer must be one of convolution, max pooling, average pooling, got 'pooling'"),
    ({"layer": 0}, "BackpropExplorer: layer must be one of convolution, max pooling, average pooling, got 0"),
    ({"stride": 3}, "BackpropExplorer: stride must be a whole number from 1 to 2, got 3"),
    ({"stride": True}, "BackpropExplorer: stride must be a whole number from 1 to 2, got True"),
    ({"padding": 1.0}, "BackpropExplorer: padding must be a whole number from 0 to 1, got 1.0"),
])
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(ValueError) as caught:
        BackpropExplorer(**settings)
    assert str(caught.value) == message
