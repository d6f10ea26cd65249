"""cnnlib.shapes, judged by the shapes that PyTorch's layers have on the meta device."""
from math import prod

import numpy as np
import torch
from hypothesis import strategies as st

from cnnlib import shapes
from tests.fuzz.row import Call, Row, Unjudged
from tests.fuzz.values import call

SIZE, SMALL, PADDING = st.integers(1, 60), st.integers(1, 5), st.integers(0, 3)
CHANNELS = st.sampled_from([1, 2, 3, 4, 6])
CONVOLUTIONS = {1: torch.nn.Conv1d, 2: torch.nn.Conv2d, 3: torch.nn.Conv3d}
TURNED = {1: torch.nn.ConvTranspose1d, 2: torch.nn.ConvTranspose2d, 3: torch.nn.ConvTranspose3d}
POOLS = {1: torch.nn.MaxPool1d, 2: torch.nn.MaxPool2d, 3: torch.nn.MaxPool3d}


def known(*values):
    """Raise Unjudged for numbers that no tensor has as its size."""
    for value in values:
        if isinstance(value, (tuple, list)):
            known(*value)
        elif value is not None and not isinstance(value, (str, bool)) and value > 10**4:
            raise Unjudged


def python(value):
    """Return an option as PyTorch takes it."""
    return tuple(value) if isinstance(value, list) else np.asarray(value).item() if np.ndim(value) == 0 else value


def layer_output(layers, input_shape, *args, **options):
    """Return the shape of a layer's output."""
    known(*input_shape, *args, *options.values())
    args, options = [python(each) for each in args], {name: python(each) for name, each in options.items()}
    if 0 in input_shape or not 3 <= len(input_shape) <= 5:
        raise ValueError("an empty input is an error here")
    return tuple(layers[len(input_shape) - 2](*args, **options)(torch.empty(tuple(input_shape), device="meta")).shape)


def conv_shape(input_shape, out_channels, kernel_size, **options):
    """Return the shape of a convolution's output."""
    with torch.device("meta"):
        return layer_output(CONVOLUTIONS, input_shape, input_shape[1], out_channels, kernel_size, **options)


def turned_shape(input_shape, out_channels, kernel_size, **options):
    """Return the shape of a transposed convolution's output."""
    with torch.device("meta"):
        shape = layer_output(TURNED, input_shape, input_shape[1], out_channels, kernel_size, **options)
    each = {name: np.broadcast_to(value, len(input_shape) - 2) for name, value in options.items()}
    if 0 in shape or (each["output_padding"] >= np.maximum(each["stride"], each["dilation"])).any():
        raise ValueError("an empty output is an error here; on the meta device PyTorch lets any output_padding pass")
    return shape


def pool_shape(input_shape, kernel_size, **options):
    """Return the shape of a pooling's output."""
    return layer_output(POOLS, input_shape, kernel_size, **options)


def mac_count(input_shape, out_channels, kernel_size, **options):
    """Count every output's products."""
    shape = conv_shape(input_shape, out_channels, kernel_size, **options)
    axes = len(input_shape) - 2
    kernel = kernel_size if isinstance(kernel_size, (tuple, list)) else (kernel_size,) * axes
    return prod(shape) * (input_shape[1] // options.get("groups", 1)) * prod(kernel)


def parameter_count(in_channels, out_channels, kernel_size, **options):
    """Count the parameters of a layer of PyTorch."""
    known(in_channels, out_channels, kernel_size, *options.values())
    axes = len(kernel_size) if isinstance(kernel_size, (tuple, list)) else 2
    with torch.device("meta"):
        kernel_size = tuple(kernel_size) if axes != 2 or isinstance(kernel_size, list) else kernel_size
        layer = CONVOLUTIONS[axes](in_channels, out_channels, kernel_size, **options)
    return sum(each.numel() for each in layer.parameters())


def on_one_axis(judge):
    """Return a judge of one axis from one of shapes."""
    def right(size, kernel_size, **options):
        return judge((1, 1, size), *[1] * (judge is not pool_shape), kernel_size, **options)[2]
    return right


def field(layers):
    """Follow the windows of the first two outputs back to the input, layer by layer."""
    known(*layers)
    rows = []
    for depth in range(1, len(layers) + 1):
        ends = [(0, 0), (1, 1)]
        for kernel_size, stride, padding, *dilation in reversed(layers[:depth]):
            reach = (dilation[0] if dilation else 1) * (kernel_size - 1)
            ends = [(first * stride - padding, last * stride - padding + reach) for first, last in ends]
        (first, last), (second, _) = ends
        rows.append(shapes.FieldRow(size=last - first + 1, jump=second - first, start=(first + last) / 2))
    return rows


@st.composite
def layer_calls(draw, *, axes=None, channels=True, **options):
    """Draw input_shape, perhaps out_channels, kernel_size and options, each one number or one for each axis."""
    axes = axes or draw(st.integers(1, 3))
    groups = draw(st.sampled_from([1, 1, 2, 3])) if "groups" in options else 1
    chosen = {name: draw(st.one_of(each, st.tuples(*[each] * axes))) for name, each in options.items()
              if name not in ("groups", "ceil_mode")}
    if "groups" in options:
        chosen["groups"] = groups
    if "ceil_mode" in options:
        chosen["ceil_mode"] = draw(st.booleans())
    shape = (draw(st.integers(1, 3)), groups * draw(st.integers(1, 3)), *draw(st.tuples(*[st.integers(1, 20)] * axes)))
    args = {"input_shape": shape} | ({"out_channels": groups * draw(st.integers(1, 3))} if channels else {})
    kernel_size = draw(st.one_of(SMALL, st.tuples(*[SMALL] * axes)))
    return Call(args={**args, "kernel_size": kernel_size}, options=chosen)


CONV = {"stride": SMALL, "padding": PADDING, "dilation": SMALL}
TURN = {"stride": SMALL, "padding": PADDING, "output_padding": PADDING, "dilation": SMALL}
POOL = {"stride": SMALL, "padding": PADDING, "dilation": SMALL, "ceil_mode": st.booleans()}
AXIS = {"size": SIZE, "kernel_size": SMALL}
LAYER = st.one_of(st.tuples(SMALL, SMALL, PADDING), st.tuples(SMALL, SMALL, PADDING, SMALL))


def same(kernel_size, *, dilation=1):
    """Return what the total is made of, the larger half after."""
    total = dilation * (kernel_size - 1)
    return total // 2, -(-total // 2)


ROWS = [Row(name=f"shapes.{name}", function=getattr(shapes, name), calls=calls, right=right) for name, calls, right in (
    ("conv_output_size", call(AXIS, **CONV), on_one_axis(conv_shape)),
    ("conv_output_shape", layer_calls(**CONV, groups=CHANNELS), conv_shape),
    ("conv_mac_count", layer_calls(**CONV, groups=CHANNELS), mac_count),
    ("conv_transpose_output_size", call(AXIS, **TURN), on_one_axis(turned_shape)),
    ("conv_transpose_output_shape", layer_calls(**TURN, groups=CHANNELS), turned_shape),
    ("pool_output_size", call(AXIS, **POOL), on_one_axis(pool_shape)),
    ("pool_output_shape", layer_calls(channels=False, **POOL), pool_shape),
    ("same_padding", call({"kernel_size": SIZE}, dilation=SMALL), same),
    ("conv_parameter_count", call({
        "in_channels": CHANNELS, "out_channels": CHANNELS,
        "kernel_size": st.one_of(SMALL, st.lists(SMALL, min_size=1, max_size=3).map(tuple))},
        groups=CHANNELS, bias=st.booleans()), parameter_count),
    ("linear_parameter_count", call({"in_features": SIZE, "out_features": SIZE}, bias=st.booleans()),
     lambda size, out, *, bias=True: size * out + bias * out),
    ("linear_mac_count", call({"input_shape": st.lists(SIZE, min_size=1, max_size=4).map(tuple), "out_features": SIZE}),
     lambda shape, out: prod(shape) * out),
    ("patch_token_count", st.tuples(SMALL, SMALL, SMALL, SMALL).map(lambda n: Call(
        args={"size": (n[0] * n[2], n[1] * n[3]), "patch_size": (n[2], n[3])})),
     lambda size, patch: len([*range(0, size[0], patch[0])]) * len([*range(0, size[1], patch[1])]) if isinstance(
         patch, (tuple, list)) and isinstance(size, (tuple, list)) and max(size) < 10**6 else skip()),
    ("receptive_field", call({"layers": st.lists(LAYER, min_size=1, max_size=6)}), field))]


def skip():
    """Raise Unjudged where an expression is wanted."""
    raise Unjudged
