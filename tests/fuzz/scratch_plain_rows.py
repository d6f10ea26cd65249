"""What cnnlib.scratch does number by number or row by row, judged by PyTorch in float64."""
import numpy as np
import torch
from hypothesis import strategies as st
from torch.nn import functional as F

from cnnlib import scratch
from tests.fuzz.by_torch import backward, forward, kind_of, tensor
from tests.fuzz.row import Call, Row, Unjudged
from tests.fuzz.values import CONTENTS, array, call, filled, shapes

ANY = array(shapes())
SLOPE = st.sampled_from([0.01, 0.0, 0.5, 1.0, -0.3, 2])
DROPPED = {"p": st.sampled_from([0.5, 0.0, 1.0, 0.1]), "training": st.booleans(), "seed": st.integers(0, 9)}


@st.composite
def alike(draw, *names, least=0, contents=CONTENTS, **options):
    """Draw arrays of one shape by name, and options."""
    shape = draw(shapes(least=least))
    args = {name: draw(array(shape, contents=contents)) for name in names}
    return Call(args=args, options={name: draw(each) for name, each in options.items()})


def on_axis(*names):
    """Draw arrays of one shape and an axis."""
    def with_axis(drawn):
        axes = drawn.args["x"].ndim
        return st.integers(-axes, axes - 1).map(lambda dim: Call(args=drawn.args, options={"dim": dim}))
    return alike(*names, least=1).flatmap(with_axis)


def axis_function(function):
    """Return a function of PyTorch that refuses what has no axis."""
    def of(x, *, dim):
        if not x.ndim:
            raise ValueError("a number has no axis")
        return function(x, dim=dim)
    return of


@st.composite
def flatten_calls(draw, *names):
    """Draw arrays and the first and the last axis that are put together."""
    shape = draw(shapes(least=1))
    start, end = sorted(draw(st.tuples(*[st.integers(0, len(shape) - 1)] * 2)))
    out = (*shape[:start], int(np.prod(shape[start:end + 1])), *shape[end + 1:])
    args = {name: draw(array(out if name == "grad_output" else shape)) for name in names}
    return Call(args=args, options={"start_dim": start, "end_dim": draw(st.sampled_from([end, end - len(shape)]))})


@st.composite
def linear_calls(draw, *names):
    """Draw features, weights and perhaps biases and the output's gradient."""
    rows, inside, out = draw(st.lists(st.integers(1, 4), max_size=3)), draw(st.integers(1, 6)), draw(st.integers(1, 5))
    shapes_of = {"grad_output": (*rows, out), "x": (*rows, inside), "weight": (out, inside), "bias": (out,)}
    args = {name: draw(array(shapes_of[name])) for name in names}
    if "bias" in args and draw(st.booleans()):
        args["bias"] = None
    return Call(args=args)


def linear_backward(grad_output, x, weight):
    """Return PyTorch's gradients; the bias is there only to have one."""
    bias = np.zeros(np.shape(weight)[0], np.asarray(weight).dtype)
    return backward(F.linear, count=3)(grad_output, x, weight, bias)


def dropped(result, x, *, p=0.5, training=True, seed=None):
    """Assert that what stays is scaled, what falls out is 0, and about the right share falls out."""
    x, kind = np.asarray(x), kind_of(x)
    assert result.dtype == kind and result.shape == x.shape
    x = x.astype(kind)
    if not training or p == 0:
        assert np.array_equal(result, x, equal_nan=True)
    elif p == 1:
        assert not result.any()
    elif np.isfinite(x).all() and np.abs(x).max() < 1e30:
        stays = np.isclose(result, x / (1 - p), rtol=1e-5, atol=0)
        assert (stays | (result == 0)).all() and ((x != 0).sum() < 100 or abs(stays[x != 0].mean() - 1 + p) < 0.5)


def dropout_backward(grad_output, *, p=0.5, training=True, seed):
    """Return what dropout does to the gradient: the same as to its input."""
    return scratch.dropout(grad_output, p=p, training=training, seed=seed)


@st.composite
def class_calls(draw, *, backwards=False):
    """Draw scores, classes and the options of the cross-entropy."""
    rest = draw(st.lists(st.integers(1, 3), max_size=2))
    count, classes = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    reduction, seed = draw(st.sampled_from(["mean", "sum", "none"])), draw(st.integers(0, 10**6))
    x = draw(array((count, classes, *rest), contents=("quarters", "normal", "ties", "huge")))
    target = np.random.default_rng(seed).integers(0, classes, (count, *rest))
    ignored = draw(st.sampled_from([-100, 0, -1]))
    if ignored < 0 and target.size > 1 and draw(st.booleans()):
        target.flat[0] = ignored
    weight = draw(st.sampled_from([None, np.abs(filled((classes,), "f8", "normal", seed)) + 0.1]))
    args = {"x": x, "target": target}
    if backwards:
        args = {"grad_output": draw(array(target.shape if reduction == "none" else (), contents=("normal",))), **args}
    return Call(args=args, options={
        "weight": weight, "ignore_index": ignored, "reduction": reduction,
        "label_smoothing": draw(st.sampled_from([0.0, 0.1, 1.0]))})


def judgeable(*, ignore_index=-100, **options):
    """Raise Unjudged where PyTorch cannot take the index; in an array of whole numbers it cannot be either."""
    if isinstance(ignore_index, int) and not -2**63 <= ignore_index < 2**63:
        raise Unjudged


def loss(x, target, *, weight=None, **options):
    """Return PyTorch's loss of float64 scores, or refuse what is a mean of nothing."""
    judgeable(**options)
    target = torch.from_numpy(np.array(target, np.int64))
    result = F.cross_entropy(x, target, weight=tensor(weight), **options)
    if options.get("reduction", "mean") == "mean" and (target == options.get("ignore_index", -100)).all():
        raise ValueError("the mean of nothing")
    return result


def cross_entropy(x, target, *, weight=None, **options):
    """Return PyTorch's loss in the type of scores and weights."""
    if np.size(target) == 0 or (weight is not None and not np.sum(weight)):
        raise Unjudged
    return loss(tensor(x), target, weight=weight, **options).numpy().astype(kind_of(x, weight))


def cross_entropy_backward(grad_output, x, target, *, weight=None, **options):
    """Return PyTorch's gradient in the type of scores and weights."""
    if not all(np.isfinite(np.asarray(each, float)).all() for each in (grad_output, x)):
        raise Unjudged
    scores = tensor(x).requires_grad_()
    result = loss(scores, target, weight=weight, **options)
    [grad] = torch.autograd.grad(result, [scores], tensor(grad_output).reshape(np.shape(grad_output)))
    return grad.numpy().astype(kind_of(x, weight))


@st.composite
def norm_calls(draw, *, backwards=False):
    """Draw features or maps, statistics, scale and shift."""
    count, channels = draw(st.integers(2, 4)), draw(st.integers(1, 4))
    shape = (count, channels, *draw(st.lists(st.integers(1, 4), max_size=2)))
    training = draw(st.booleans())
    x = draw(array(shape, kinds=("f8", "f8", "f4", "i8"), contents=("quarters", "normal", "ties")))
    kind = "f4" if x.dtype == "f4" else "f8"
    per_channel = array((channels,), kinds=(kind,), contents=("quarters", "normal"))
    mean, var = draw(per_channel), np.abs(draw(per_channel)) + np.float32(0.5)
    if training and draw(st.booleans()):
        mean = var = None
    maybe = st.one_of(st.none(), per_channel)
    args = {"x": x, "running_mean": mean, "running_var": var, "weight": draw(maybe), "bias": draw(maybe)}
    options = {"training": training, "momentum": draw(st.sampled_from([0.1, 0.0, 1.0])), "eps": draw(
        st.sampled_from([1e-5, 0.1, 1]))}
    if backwards:
        args = {"grad_output": draw(array(shape, kinds=(x.dtype.str[1:],), contents=("normal",))), **args}
        del args["bias"], options["momentum"]
    return Call(args=args, options=options)


def batch_norm(x, mean, var, weight, bias, *, training, momentum, eps):
    """Return PyTorch's answer; it refuses an eps of 0."""
    if eps == 0:
        raise Unjudged
    kind = kind_of(x, weight, bias)
    y = F.batch_norm(tensor(x), *map(tensor, (mean, var, weight, bias)), training, momentum, eps)
    return y.numpy().astype(kind)


def batch_norm_backward(grad_output, x, mean, var, weight, *, training, eps):
    """Return PyTorch's gradients for the input, the scale and the shift."""
    if eps == 0:
        raise Unjudged
    kind, channels = kind_of(grad_output, x, weight), np.shape(x)[1]
    scale = torch.ones(channels, dtype=torch.float64) if weight is None else tensor(weight)
    inputs = [tensor(x).requires_grad_(), scale.requires_grad_(), torch.zeros(channels).double().requires_grad_()]
    result = F.batch_norm(inputs[0], tensor(mean), tensor(var), *inputs[1:], training, 0, eps)
    return tuple(each.numpy().astype(kind) for each in torch.autograd.grad(result, inputs, tensor(grad_output)))


def plain(name, calls, right, **more):
    """Return a row of cnnlib.scratch."""
    return Row(name=f"scratch.{name}", function=getattr(scratch, name), calls=calls, right=right, **more)


SIMPLE = {"relu": F.relu, "relu6": F.relu6, "sigmoid": torch.sigmoid, "tanh": torch.tanh}
X, BOTH = call({"x": ANY}), alike("grad_output", "x")
ROWS = [
    *[plain(name, X, forward(judge)) for name, judge in SIMPLE.items()],
    *[plain(f"{name}_backward", BOTH, backward(judge, finite=name == "relu6"))  # of NaN its vector code makes 0, its
      for name, judge in SIMPLE.items()],  # scalar code passes the gradient on
    plain("leaky_relu", alike("x", negative_slope=SLOPE), forward(F.leaky_relu)),
    plain("leaky_relu_backward", alike("grad_output", "x", negative_slope=SLOPE), backward(F.leaky_relu)),
    plain("softmax", on_axis("x"), forward(axis_function(torch.softmax))),
    plain("log_softmax", on_axis("x"), forward(axis_function(torch.log_softmax))),
    plain("softmax_backward", on_axis("grad_output", "x"), backward(axis_function(torch.softmax), finite=True)),
    plain("log_softmax_backward", on_axis("grad_output", "x"), backward(axis_function(torch.log_softmax), finite=True)),
    plain("flatten", flatten_calls("x"), forward(torch.flatten)),
    plain("flatten_backward", flatten_calls("grad_output", "x"), backward(torch.flatten)),
    plain("linear", linear_calls("x", "weight", "bias"), forward(F.linear, count=3)),
    plain("linear_backward", linear_calls("grad_output", "x", "weight"), linear_backward),
    plain("dropout", alike("x", **DROPPED), None, check=dropped),
    plain("dropout_backward", alike("grad_output", **DROPPED), dropout_backward),
    plain("cross_entropy", class_calls(), cross_entropy),
    plain("cross_entropy_backward", class_calls(backwards=True), cross_entropy_backward),
    plain("batch_norm", norm_calls(), batch_norm, changes=("running_mean", "running_var"),
          divisors=("eps",)),
    plain("batch_norm_backward", norm_calls(backwards=True), batch_norm_backward, divisors=("eps",)),
]
