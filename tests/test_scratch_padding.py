import json
import random
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from cnnlib.scratch import pad2d

ONNX = Path(__file__).parent / "oracles" / "onnx"
ONNX_MODES = {"constant": "constant", "reflect": "reflect", "edge": "replicate", "wrap": "circular"}


def judge(x, pad, mode, value):
    """Return PyTorch's result, or None where it refuses or nothing is left."""
    options = {"value": value} if mode == "constant" else {}
    try:
        right = F.pad(torch.from_numpy(x), pad, mode=mode, **options).numpy()
    except RuntimeError:
        return None
    return right if right.size else None


def test_1_000_random_pads_agree_with_pytorch():
    rng, numbers, refused = random.Random(0), np.random.default_rng(0), 0
    for _ in range(2_000):
        x = numbers.normal(size=(2, 3, rng.randint(1, 6), rng.randint(1, 6)))
        x = x.astype(rng.choice([np.float32, np.float64]))
        mode = rng.choice(["constant", "reflect", "replicate", "circular"])
        # circular with a negative number: PyTorch 2.13 returns memory it never set, so it cannot judge
        pad = tuple(rng.choice([0, 0, 1, 2, 3, 5, *([-1, -2] if mode != "circular" else [])]) for _ in range(4))
        value = rng.choice([0, 0.5]) if mode == "constant" else 0
        right = judge(x, pad, mode, value)
        if right is None:
            refused += 1
            with pytest.raises(ValueError):
                pad2d(x, pad, mode=mode, value=value)
        else:
            ours = pad2d(x, pad, mode=mode, value=value)
            assert ours.dtype == right.dtype and np.array_equal(ours, right), (x.shape, pad, mode)
    assert 100 < refused < 1_000  # so at least 1,000 are compared number by number


def test_order_is_left_right_top_bottom():
    y = pad2d(np.ones((1, 1, 1, 1)), (1, 2, 3, 4))
    assert y.shape == (1, 1, 8, 4) and np.argwhere(y[0, 0]).tolist() == [[3, 1]]
    mistaken = np.pad(np.ones((1, 1)), ((1, 2), (3, 4)))  # top, bottom, left, right
    assert mistaken.shape == (4, 8) != y.shape[2:]


def test_circular_with_a_negative_number_wraps_what_is_left():
    assert pad2d([[1, 2, 3, 4]], (2, -2, 0, 0), mode="circular").tolist() == [[1, 2, 1, 2]]


@pytest.mark.parametrize(("kind", "value", "fits"), [
    (np.uint8, 255, True), (np.uint8, 256, False), (np.uint8, -1, False), (np.uint8, np.nan, False),
    (np.int8, -128, True), (np.float32, np.inf, True), (np.float32, np.nan, True), (np.float32, 1e300, False),
])
def test_fill_values_fit_as_in_pytorch(kind, value, fits):
    x = np.ones((2, 2), kind)
    if fits:
        right = F.pad(torch.from_numpy(x), (1, 0, 0, 0), value=value).numpy()
        np.testing.assert_array_equal(pad2d(x, (1, 0, 0, 0), value=value), right)
        return
    with pytest.raises(RuntimeError):
        F.pad(torch.from_numpy(x), (1, 0, 0, 0), value=value)
    with pytest.raises(ValueError) as caught:
        pad2d(x, (1, 0, 0, 0), value=value)
    assert str(caught.value) == f"pad2d: value must be a number that {x.dtype} can hold, got {value}"


def test_a_fraction_does_not_become_zero_in_whole_numbers():
    assert F.pad(torch.ones(1, 1, dtype=torch.int64), (1, 0), value=0.5).tolist() == [[0, 1]]  # PyTorch cuts it off
    with pytest.raises(ValueError, match=r"^pad2d: value must be a number that int64 can hold, got 0\.5$"):
        pad2d(np.ones((1, 1), np.int64), (1, 0), value=0.5)


def test_value_zero_goes_with_every_mode_as_in_pytorch():
    x = np.arange(6.0).reshape(1, 2, 3)
    right = F.pad(torch.tensor(x), (1, 1, 1, 1), mode="reflect", value=0.0).numpy()
    assert np.array_equal(pad2d(x, (1, 1, 1, 1), mode="reflect", value=0.0), right)


def test_one_axis_and_plain_images():
    row = [[1, 2, 3]]
    assert pad2d(row, (1, 2)).tolist() == F.pad(torch.tensor(row), (1, 2)).tolist() == [[0, 1, 2, 3, 0, 0]]
    assert pad2d(row, (2, 2, 0, 0), mode="reflect").tolist() == [[3, 2, 1, 2, 3, 2, 1]]
    assert pad2d(row, (2, 2, 0, 0), mode="replicate").tolist() == [[1, 1, 1, 2, 3, 3, 3]]
    assert pad2d(row, (2, 2, 0, 0), mode="circular").tolist() == [[2, 3, 1, 2, 3, 1, 2]]


def onnx_cases():
    """Return the ONNX Pad cases that are stored here."""
    return [case for case in json.loads((ONNX / "index.json").read_text())["cases"] if case["op"] == "Pad"]


@pytest.mark.parametrize("case", onnx_cases(), ids=lambda case: case["name"])
def test_onnx_pad_case(case):
    arrays = np.load(ONNX / f"{case['name']}.npz")
    x, pads = arrays["in0"], arrays["in1"].tolist()
    axes = arrays["in3"].tolist() if len(case["inputs"]) > 3 else list(range(x.ndim))
    before, after = ({axis % x.ndim: n for axis, n in zip(axes, part, strict=True)}
                     for part in (pads[:len(axes)], pads[len(axes):]))
    assert not any(before.get(axis) or after.get(axis) for axis in (0, 1))  # F.pad would need more numbers
    pad = tuple(side.get(axis, 0) for axis in (3, 2) for side in (before, after))
    value = arrays["in2"].item() if len(case["inputs"]) > 2 else 0
    ours = pad2d(x, pad, mode=ONNX_MODES[case["attributes"]["mode"]], value=value)
    np.testing.assert_array_equal(ours, arrays["out0"])


X = np.ones((1, 1, 3, 4))
BAD = [
    ((X, 1), {}, "pad2d: pad must be (left, right, top, bottom) or (left, right), got 1"),
    ((X, (1, 1, 1)), {}, "pad2d: pad must be (left, right, top, bottom) or (left, right), got (1, 1, 1)"),
    ((X, (1, 1, 1, 0.5)), {}, "pad2d: pad must hold whole numbers, got 0.5"),
    ((X, (1, 1)), {"mode": "same"}, "pad2d: mode must be one of constant, reflect, replicate, circular, got 'same'"),
    ((X, (4, 0, 0, 0)), {"mode": "reflect"}, 'pad2d: mode "reflect" allows at most 3 pixels on an axis of 4, got 4'),
    ((X, (0, 0, 4, 0)), {"mode": "circular"}, 'pad2d: mode "circular" allows at most 3 pixels on an axis of 3, got 4'),
    ((X, (-2, -2, 0, 0)), {}, "pad2d: pad must leave at least one of 4 pixels, got -2 and -2"),
    ((X, (1, 1)), {"mode": "reflect", "value": 2}, 'pad2d: value goes with mode "constant" only, got 2'),
    ((X, (1, 1)), {"mode": ["reflect"]},
     "pad2d: mode must be one of constant, reflect, replicate, circular, got ['reflect']"),
    ((X, (1, 1)), {"value": None}, "pad2d: value must be an array of real numbers, got None"),
    ((X, (1, 1, True, 0)), {}, "pad2d: pad must hold whole numbers, got True"),
    ((X, (1, 1)), {"value": "0"}, "pad2d: value must be an array of real numbers, got '0'"),
    (([1, 2, 3], (1, 1)), {}, "pad2d: x must have at least 2 axes, got shape (3,)"),
    ((np.ones((0, 3)), (1, 1)), {}, "pad2d: x must not be empty, got shape (0, 3)"),
    (("x", (1, 1)), {}, "pad2d: x must be an array of real numbers, got 'x'"),
]


@pytest.mark.parametrize(("arguments", "options", "message"), BAD)
def test_bad_input_gets_the_rule_and_the_value(arguments, options, message):
    with pytest.raises(ValueError) as caught:
        pad2d(*arguments, **options)
    assert str(caught.value) == message


def test_no_result_is_larger_than_a_memory():
    with pytest.raises(ValueError, match=r"^pad2d: the result must have at most 1073741824 numbers, got the shape "):
        pad2d([[1.0]], (2**31, 0))
