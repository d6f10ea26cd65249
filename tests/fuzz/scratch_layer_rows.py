"""Attention, layers, networks and training of cnnlib.scratch."""
import numpy as np
import torch
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from cnnlib import scratch
from tests.fuzz.by_torch import kind_of, tensor
from tests.fuzz.row import Call, Row, Unjudged
from tests.fuzz.scratch_plain_rows import plain
from tests.fuzz.values import array, call, filled

TAME = ("quarters", "normal", "ties", "zeros")
FLOATS = ("f8", "f8", "f4")
COUNT = st.integers(1, 4)


@st.composite
def attention_calls(draw, *, backwards=False):
    """Draw tokens, perhaps masks and the output's gradient."""
    lead = draw(st.sampled_from([(), (2,), (1, 2)]))
    tokens, others, width, out = draw(st.tuples(*[COUNT] * 4))
    shapes = {"query": (*lead, tokens, width), "key": (*lead, others, width), "value": (*lead, others, out)}
    args = {name: draw(array(shape, contents=(*TAME, "huge"))) for name, shape in shapes.items()}
    if backwards:
        args = {"grad_output": draw(array((*lead, tokens, out), contents=TAME)), **args}
    kind = draw(st.sampled_from(["none", "causal", "boolean", "float"]))
    added = filled((tokens, others), "f8", "quarters", draw(st.integers(0, 99)))
    masks = {"boolean": added > -1, "float": np.where(added > -1, added, -np.inf)}
    options = {"mask": masks.get(kind), "causal": kind == "causal"}
    return Call(args=args, options=options if backwards else {**options, "return_weights": False})


def attention(query, key, value, mask=None, causal=False):
    """Return PyTorch's answer, which computes a row that sees nothing as zeros."""
    if mask is not None:
        mask = torch.from_numpy(np.array(mask, bool if np.asarray(mask).dtype == bool else float))
        blind = ~mask.any(dim=-1) if mask.dtype == torch.bool else mask.isneginf().all(dim=-1)
        if blind.any():
            raise Unjudged
    return F.scaled_dot_product_attention(query, key, value, attn_mask=mask, is_causal=bool(causal))


def attended(query, key, value, *, mask=None, causal=False, return_weights=False):
    """Return PyTorch's means of the values."""
    if return_weights:
        raise Unjudged
    return attention(*map(tensor, (query, key, value)), mask, causal).numpy().astype(kind_of(query, key, value))


def attended_backward(grad_output, query, key, value, *, mask=None, causal=False):
    """Return PyTorch's gradients."""
    inputs = [tensor(each).requires_grad_() for each in (query, key, value)]
    grads = torch.autograd.grad(attention(*inputs, mask, causal), inputs, tensor(grad_output))
    return tuple(each.numpy().astype(kind_of(grad_output, query, key, value)) for each in grads)


@st.composite
def heads_calls(draw):
    """Draw tokens and the weights of a layer with several heads."""
    heads, width, tokens, others = draw(st.tuples(*[st.integers(1, 3)] * 4))
    width, kind = width * heads, draw(st.sampled_from(FLOATS))
    shapes = {"query": (2, tokens, width), "key": (2, others, width), "value": (2, others, width)}
    args = {name: draw(array(shape, kinds=(kind,), contents=TAME)) for name, shape in shapes.items()}
    weights = {"in_proj_weight": (3 * width, width), "out_proj.weight": (width, width), "in_proj_bias": (3 * width,),
               "out_proj.bias": (width,)}
    args["weights"] = {name: draw(array(shape, kinds=(kind,), contents=("normal",))) for name, shape in weights.items()}
    return Call(args=args, options={"num_heads": heads, "mask": None, "return_weights": False})


def heads(query, key, value, weights, *, num_heads, mask=None, return_weights=False):
    """Return what PyTorch's layer returns with these weights."""
    if mask is not None or return_weights or len(weights) < 4 or not all(
            np.ndim(each) == 3 and np.isfinite(np.asarray(each, float)).all() for each in (query, key, value)):
        raise Unjudged
    query, key, value = map(tensor, (query, key, value))
    layer = nn.MultiheadAttention(query.shape[-1], num_heads, batch_first=True, dtype=torch.float64)
    layer.load_state_dict({name: tensor(each) for name, each in weights.items()})
    return layer(query, key, value, need_weights=False)[0].detach().numpy()


def heads_right(query, key, value, weights, **options):
    """Return it in the type of the tokens."""
    return heads(query, key, value, weights, **options).astype(kind_of(query, key, value))


def mask_places(size):
    """Return each token's place."""
    if np.prod(np.array(size, float)) > 2000:
        raise Unjudged
    return list(np.ndindex(*size) if isinstance(size, (tuple, list)) else np.ndindex(size))


def mask_of(rule):
    """Return a judge that asks a rule about every pair of tokens."""
    def right(size, **options):
        [option] = options.values()
        places = mask_places(size)
        each = option if isinstance(option, (tuple, list)) else (option,) * len(places[0])
        return np.array([[all(rule(a - b, n) for a, b, n in zip(one, two, each, strict=True)) for two in places]
                         for one in places])
    return right


def everyone(size, *, tokens=None):
    """Return which pairs have a global token, by its number."""
    count = len(mask_places(size))
    chosen = range(count) if tokens is None else tokens if isinstance(tokens, (tuple, list)) else [tokens]
    return np.array([[one in chosen or two in chosen for two in range(count)] for one in range(count)])


GRID = st.one_of(st.integers(1, 6), st.tuples(st.integers(1, 4), st.integers(1, 4)))
SIDE = st.integers(3, 6)
IMAGES = array(st.tuples(st.integers(1, 2), st.just(2), SIDE, SIDE), kinds=FLOATS, contents=TAME)
VECTORS = array(st.tuples(st.integers(2, 4), st.just(2)), kinds=FLOATS, contents=TAME)


def differentiated(judge, x, state, args, options):
    """Return the output of PyTorch's layer with these weights, and the gradients of the sum of it."""
    layer = judge(*args, **{name: value for name, value in options.items() if name != "rng"}).double()
    layer.load_state_dict({key: torch.from_numpy(np.array(each)) for key, each in state.items()})
    start = tensor(x).requires_grad_()
    out = layer(start)
    return out, *torch.autograd.grad(out.sum(), [start, *layer.parameters()])


def layer_row(name, calls, says=(), *, ours=None, judge=None):
    """Return a row that makes a layer, calls it and goes back, compared with PyTorch's of this name and weights."""
    ours, judge = ours or getattr(scratch, name), judge or getattr(nn, name)

    def through(x, *args, **options):
        layer = ours(*args, **options)
        y = layer.forward(x)
        grads = [layer.backward(np.ones_like(y)), *(each.grad for each in layer.parameters())]
        return y, grads, layer.state_dict()

    def checked(result, x, *args, **options):
        y, grads, state = result
        if not np.isfinite(np.asarray(x, float)).all():
            raise Unjudged
        try:
            right = differentiated(judge, x, state, args, options)
        except (RuntimeError, ValueError, TypeError, OverflowError) as error:  # PyTorch refuses, or wants another type
            raise Unjudged from error
        for one, two in zip((y, *grads), right, strict=True):
            np.testing.assert_allclose(one, two.detach(), rtol=1e-4, atol=1e-3)
    return Row(name=f"scratch.{name}", function=through, calls=calls, check=checked, says=says,
               divisors=("eps",))


RNG = st.integers(0, 9)
LAYERS = [
    layer_row("Conv2d", call({"x": IMAGES, "in_channels": 2, "out_channels": COUNT, "kernel_size": st.integers(1, 3)},
                             stride=COUNT, padding=st.integers(0, 2), groups=1, bias=st.booleans(), rng=RNG),
              ("conv2d", "conv2d_backward")),
    layer_row("Linear", call({"x": VECTORS, "in_features": 2, "out_features": COUNT}, bias=st.booleans(), rng=RNG),
              ("linear", "linear_backward")),
    layer_row("BatchNorm1d", call({"x": VECTORS, "num_features": 2}, eps=st.sampled_from([1e-5, 1])), ("batch_norm",)),
    layer_row("BatchNorm2d", call({"x": IMAGES, "num_features": 2}, eps=st.sampled_from([1e-5, 1])), ("batch_norm",)),
    layer_row("MaxPool2d", call({"x": IMAGES, "kernel_size": st.integers(1, 3)}, stride=st.sampled_from([None, 1, 2]),
                                ceil_mode=st.booleans()), ("max_pool2d", "max_pool2d_backward")),
    layer_row("AvgPool2d", call({"x": IMAGES, "kernel_size": st.integers(1, 3)}, stride=st.sampled_from([None, 1, 2]),
                                ceil_mode=st.booleans()), ("avg_pool2d", "avg_pool2d_backward")),
    layer_row("AdaptiveAvgPool2d", call({"x": IMAGES, "output_size": st.integers(1, 5)}), (
        "adaptive_avg_pool2d", "adaptive_avg_pool2d_backward")),
    layer_row("Flatten", call({"x": IMAGES, "start_dim": st.integers(0, 3), "end_dim": -1}), (
        "flatten", "flatten_backward")),
    layer_row("LeakyReLU", call({"x": IMAGES, "negative_slope": st.sampled_from([0.01, 0.5])}), (
        "leaky_relu", "leaky_relu_backward")),
    layer_row("Softmax", call({"x": IMAGES, "dim": st.integers(-4, 3)}), ("softmax", "softmax_backward")),
    *[layer_row(name, call({"x": IMAGES}), (name.lower(), f"{name.lower()}_backward"))
      for name in ("ReLU", "ReLU6", "Sigmoid", "Tanh")],
]
ROWS = [
    plain("scaled_dot_product_attention", attention_calls(), attended),
    plain("scaled_dot_product_attention_backward", attention_calls(backwards=True), attended_backward),
    plain("multi_head_attention", heads_calls(), heads_right),
    plain("causal_mask", call({"length": st.integers(1, 9)}), lambda length: np.array(
        [[two <= one for two in range(length)] for one in range(length)])),
    plain("local_mask", call({"size": GRID}, window=st.sampled_from([1, 3, 5])),
          mask_of(lambda d, n: abs(d) <= n // 2)),
    plain("strided_mask", call({"size": GRID}, stride=st.integers(1, 4)), mask_of(lambda d, n: d % n == 0)),
    plain("global_mask", call({"size": GRID}, tokens=st.sampled_from([None, 0, (0,), ()])), everyone),
    *LAYERS,
]
