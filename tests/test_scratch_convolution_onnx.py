"""Convolution judged by the backend tests of ONNX; all cases that PyTorch's arguments can express must pass."""
import json
from pathlib import Path

import numpy as np
import pytest

from cnnlib.scratch import conv1d, conv2d, conv3d
from cnnlib.shapes import conv_output_size

ONNX = Path(__file__).parent / "oracles" / "onnx"
NOT_EXPRESSIBLE = {}  # name of a stored ONNX case: the reason why PyTorch's arguments cannot say it


def onnx_cases():
    """Return the ONNX Conv cases that are stored here."""
    return [case for case in json.loads((ONNX / "index.json").read_text())["cases"] if case["op"] == "Conv"]


def options_of(attributes, size, kernel_size):
    """Return an ONNX Conv's attributes as PyTorch's arguments, or None where there are none for it."""
    axes, mode = len(kernel_size), attributes.get("auto_pad", "NOTSET")
    stride, dilation = (tuple(attributes.get(name, (1,) * axes)) for name in ("strides", "dilations"))
    pads = attributes.get("pads", [0] * 2 * axes)
    before, after = list(pads[:axes]), list(pads[axes:])
    if mode == "VALID":
        before = after = [0] * axes
    elif mode != "NOTSET":  # SAME_UPPER, SAME_LOWER: ceil(size / stride) windows, the odd pixel after or before
        for axis, (n, k, s, d) in enumerate(zip(size, kernel_size, stride, dilation, strict=True)):
            total = max(0, (-(-n // s) - 1) * s + d * (k - 1) + 1 - n)
            before[axis], after[axis] = total // 2, total - total // 2
            if mode == "SAME_LOWER":
                before[axis], after[axis] = after[axis], before[axis]
    options = {"stride": stride, "dilation": dilation, "groups": attributes.get("group", 1)}
    if before == after:
        return {**options, "padding": tuple(before)}
    same = [(d * (k - 1) // 2, d * (k - 1) - d * (k - 1) // 2) for k, d in zip(kernel_size, dilation, strict=True)]
    if set(stride) == {1} and list(zip(before, after, strict=True)) == same:
        return {**options, "padding": "same"}
    return None  # other unequal sides: pad2d first


def run_onnx_conv(case, arrays):
    """Return what cnnlib computes for an ONNX Conv case, or None where PyTorch's arguments cannot say it."""
    inputs = [None if name in (None, "") else arrays[f"in{i}"] for i, name in enumerate(case["inputs"])]
    options = options_of(case["attributes"], inputs[0].shape[2:], inputs[1].shape[2:])
    return options and {3: conv1d, 4: conv2d, 5: conv3d}[inputs[0].ndim](*inputs, **options)


@pytest.mark.parametrize("case", onnx_cases(), ids=lambda case: case["name"])
def test_onnx_conv_case(case):
    arrays = np.load(ONNX / f"{case['name']}.npz")
    ours = run_onnx_conv(case, arrays)
    assert (ours is None) == (case["name"] in NOT_EXPRESSIBLE)
    if ours is not None:
        np.testing.assert_allclose(ours, arrays["out0"], rtol=case["rtol"], atol=case["atol"])


@pytest.mark.parametrize(("attributes", "size", "kernel_size", "right"), [
    ({"pads": [1, 1, 1, 1], "group": 2}, (5, 5), (3, 3), {"padding": (1, 1), "groups": 2}),
    ({"pads": [1, 0, 1, 0], "strides": [2, 2]}, (7, 5), (3, 3), {"padding": (1, 0), "stride": (2, 2)}),
    ({"pads": [0, 1]}, (5,), (2,), {"padding": "same"}),
    ({"pads": [1, 0]}, (5,), (2,), None),
    ({"auto_pad": "SAME_UPPER"}, (5, 5), (2, 2), {"padding": "same"}),
    ({"auto_pad": "SAME_LOWER"}, (5, 5), (2, 2), None),
    ({"auto_pad": "SAME_LOWER", "strides": [2, 2]}, (5, 5), (3, 3), {"padding": (1, 1), "stride": (2, 2)}),
    ({"auto_pad": "SAME_UPPER", "strides": [2, 2]}, (6, 6), (3, 3), None),
    ({"auto_pad": "VALID", "dilations": [2]}, (9,), (3,), {"padding": (0,), "dilation": (2,)}),
])
def test_onnx_attributes_become_pytorchs_arguments(attributes, size, kernel_size, right):
    options = options_of(attributes, size, kernel_size)
    assert (options is None) == (right is None)
    if right:
        plain = {"stride": (1,) * len(size), "dilation": (1,) * len(size), "groups": 1}
        assert options == {**plain, **right}
        if right["padding"] != "same" and attributes.get("auto_pad", "").startswith("SAME"):
            rows = zip(size, kernel_size, options["padding"], options["stride"], strict=True)
            assert all(conv_output_size(n, k, padding=p, stride=s) == -(-n // s) for n, k, p, s in rows)
