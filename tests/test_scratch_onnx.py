"""The functions of cnnlib.scratch judged by the backend tests of ONNX; what PyTorch's arguments can say must pass."""
import json
from pathlib import Path

import numpy as np
import pytest

from cnnlib import scratch

ONNX = Path(__file__).parent / "oracles" / "onnx"
VOLUMES = "pooling and transposed convolution here are for images, (N, C, H, W)"
SIDES = "auto_pad pads one side only; PyTorch's padding is the same on both"
RANDOM = "ONNX draws the mask with a generator of its own; the masks' meaning is tested in test_scratch_dense.py"
LOG_INPUT = "its input is log-probabilities; cross_entropy takes scores"
SCALED = "linear has no alpha, beta or bias of another shape"
REASONS = {  # name of a case: why PyTorch's arguments cannot say it for a function of cnnlib.scratch
    **dict.fromkeys([
        "test_convtranspose_3d", "test_maxpool_3d_dilations", "test_maxpool_3d_dilations_use_ref_impl",
        "test_averagepool_3d_dilations_small", *(
            f"test_averagepool_3d_dilations_large_count_include_pad_is_{count}_ceil_mode_is_{ceil}"
            for count in (0, 1) for ceil in (True, False))], VOLUMES),
    **dict.fromkeys(["test_maxpool_2d_same_upper", "test_averagepool_2d_same_lower",
                     "test_averagepool_2d_same_upper"], SIDES),
    "test_averagepool_2d_dilations": "PyTorch's average pooling has no dilation",
    **dict.fromkeys(["test_dropout_random_old", "test_training_dropout", "test_training_dropout_default_mask",
                     "test_training_dropout_mask"], RANDOM),
    **dict.fromkeys(["test_gemm_alpha", "test_gemm_all_attributes", "test_gemm_default_scalar_bias",
                     "test_gemm_default_single_elem_vector_bias", "test_gemm_transposeA"], SCALED),
    **dict.fromkeys([
        "test_nllloss_NC", "test_nllloss_NCd1_ii", "test_nllloss_NCd1_mean_weight_negative_ii",
        "test_nllloss_NCd1_weight", "test_nllloss_NCd1_weight_ii", "test_nllloss_NCd1d2",
        "test_nllloss_NCd1d2_reduction_mean", "test_nllloss_NCd1d2_with_weight_reduction_mean",
        "test_nllloss_NCd1d2_with_weight_reduction_sum",
        "test_nllloss_NCd1d2d3_none_no_weight_negative_ii"], LOG_INPUT),
}


class NotExpressible(Exception):
    """PyTorch's arguments cannot say this case; the text is the reason."""


def as_images(x, *attributes):
    """Return a sequence and its one-number attributes as images one pixel high."""
    if x.ndim == 5:
        raise NotExpressible(VOLUMES)
    if x.ndim == 4:
        return x, attributes
    plain = ((1,), (1,), (0,), (1,), (0,))
    return x[:, :, None], tuple((*each, *value) for each, value in zip(plain, attributes, strict=False))


def pads_of(attributes, size, kernel_size, stride, dilation):
    """Return the pixels before and after each axis."""
    axes, mode = len(kernel_size), attributes.get("auto_pad", "NOTSET")
    pads = attributes.get("pads", [0] * 2 * axes)
    before, after = list(pads[:axes]), list(pads[axes:])
    if mode.startswith("SAME"):
        for axis, (n, k, s, d) in enumerate(zip(size, kernel_size, stride, dilation, strict=True)):
            total = max(0, (-(-n // s) - 1) * s + d * (k - 1) + 1 - n)
            before[axis], after[axis] = total // 2, total - total // 2
    if before != after:
        raise NotExpressible(SIDES)
    return tuple(before)


def pool(case, x, function):
    attributes = case["attributes"]
    kernel = tuple(attributes["kernel_shape"])
    stride, dilation = (tuple(attributes.get(name, (1,) * len(kernel))) for name in ("strides", "dilations"))
    padding = pads_of(attributes, x.shape[2:], kernel, stride, dilation) if x.ndim < 5 else ()
    images, (kernel, stride, padding, dilation) = as_images(x, kernel, stride, padding, dilation)
    options = {"stride": stride, "padding": padding, "ceil_mode": bool(attributes.get("ceil_mode", 0))}
    if function is scratch.max_pool2d:
        options["dilation"] = dilation
    else:
        options["count_include_pad"] = bool(attributes.get("count_include_pad", 0))
        if set(dilation) != {1}:
            raise NotExpressible("PyTorch's average pooling has no dilation")
    y = function(images, kernel, **options)
    return [y if x.ndim == 4 else y[:, :, 0]]


def transposed(case, x, weight):
    attributes = case["attributes"]
    kernel, axes = weight.shape[2:], weight.ndim - 2
    stride = tuple(attributes.get("strides", (1,) * axes))
    dilation = tuple(attributes.get("dilations", (1,) * axes))
    extra = tuple(attributes.get("output_padding", (0,) * axes))
    padding = pads_of(attributes, x.shape[2:], kernel, stride, dilation)
    if "output_shape" in attributes:  # ONNX then chooses padding; here it can be said by output_padding alone
        rows = zip(x.shape[2:], stride, dilation, kernel, strict=True)
        plain = [(n - 1) * s + d * (k - 1) + 1 for n, s, d, k in rows]
        extra = tuple(wanted - size for wanted, size in zip(attributes["output_shape"], plain, strict=True))
    images, (kernel, stride, padding, dilation, extra) = as_images(x, kernel, stride, padding, dilation, extra)
    weight = weight.reshape(*weight.shape[:2], *kernel)
    y = scratch.conv_transpose2d(images, weight, stride=stride, padding=padding, dilation=dilation,
                                 output_padding=extra, groups=attributes.get("group", 1))
    return [y if x.ndim == 4 else y[:, :, 0]]


def normalized(case, x, scale, bias, mean, var):
    training, mean, var = bool(case["attributes"].get("training_mode", 0)), mean.copy(), var.copy()
    y = scratch.batch_norm(x, mean, var, scale, bias, training=training, momentum=0.1,
                           eps=case["attributes"].get("epsilon", 1e-5))
    return [y, mean][:len(case["outputs"])]  # ONNX's running variance is the biased one, PyTorch's is not


def dropped(case, x, ratio=0.5, training=False):
    if (bool(training) and ratio) or "ratio" in case["attributes"]:
        raise NotExpressible(RANDOM)
    return [scratch.dropout(x, p=float(ratio), training=bool(training))]


def flattened(case, x):
    axis = case["attributes"].get("axis", 1) % x.ndim
    front = scratch.flatten(x, end_dim=axis - 1) if axis else x[None]
    return [scratch.flatten(front, start_dim=1)]


def dense(case, x, weight, bias=None):
    attributes = case["attributes"]
    if {"alpha", "beta", "transA"} & attributes.keys() or (bias is not None and bias.size != weight.shape[
            0 if attributes.get("transB") else 1]):
        raise NotExpressible(SCALED)
    weight = weight if attributes.get("transB") else weight.T
    return [scratch.linear(x, weight, None if bias is None else bias.ravel())]


def crossed(case, x, target, weight=None):
    attributes = {"ignore_index": -100, **case["attributes"]}
    loss = scratch.cross_entropy(x, target, weight=weight, ignore_index=attributes["ignore_index"],
                                 reduction=attributes["reduction"])
    return [loss, scratch.log_softmax(x, dim=1)][:len(case["outputs"])]


def logged(case, *inputs):
    raise NotExpressible(LOG_INPUT)


RUN = {
    "MaxPool": lambda case, x: pool(case, x, scratch.max_pool2d),
    "AveragePool": lambda case, x: pool(case, x, scratch.avg_pool2d),
    "GlobalAveragePool": lambda case, x: [scratch.global_avg_pool2d(x)],
    "GlobalMaxPool": lambda case, x: [scratch.max_pool2d(x, x.shape[2:])],
    "ConvTranspose": transposed,
    "BatchNormalization": normalized,
    "Dropout": dropped,
    "Flatten": flattened,
    "Gemm": dense,
    "Softmax": lambda case, x: [scratch.softmax(x, dim=case["attributes"].get("axis", -1))],
    "LogSoftmax": lambda case, x: [scratch.log_softmax(x, dim=case["attributes"].get("axis", -1))],
    "Relu": lambda case, x: [scratch.relu(x)],
    "LeakyRelu": lambda case, x: [scratch.leaky_relu(x, negative_slope=case["attributes"].get("alpha", 0.01))],
    "Sigmoid": lambda case, x: [scratch.sigmoid(x)],
    "Tanh": lambda case, x: [scratch.tanh(x)],
    "SoftmaxCrossEntropyLoss": crossed,
    "NegativeLogLikelihoodLoss": logged,
}
CASES = [case for case in json.loads((ONNX / "index.json").read_text())["cases"] if case["op"] in RUN]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_onnx_case(case):
    arrays = np.load(ONNX / f"{case['name']}.npz")
    inputs = [arrays[f"in{i}"] for i, name in enumerate(case["inputs"]) if name]
    try:
        outputs = RUN[case["op"]](case, *inputs)
    except NotExpressible as reason:
        assert REASONS.get(case["name"]) == str(reason)
        return
    assert case["name"] not in REASONS and outputs
    for i, y in enumerate(outputs):
        np.testing.assert_allclose(y, arrays[f"out{i}"], rtol=case["rtol"], atol=case["atol"])


def test_listed_reasons_are_those_of_stored_cases():
    assert set(REASONS) <= {case["name"] for case in CASES}
    assert len(CASES) - len(REASONS) >= 50
