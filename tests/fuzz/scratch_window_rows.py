"""Convolution, pooling and padding of cnnlib.scratch, judged by PyTorch in float64."""
import numpy as np
from hypothesis import strategies as st
from torch.nn import functional as F

from tests.fuzz.by_torch import backward, forward, kind_of, tensor
from tests.fuzz.by_torch import plain as ordinary
from tests.fuzz.row import Call, Unjudged
from tests.fuzz.scratch_plain_rows import plain
from tests.fuzz.values import array, call, shapes

CONVOLUTIONS = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}


@st.composite
def conv_calls(draw, *, axes=2, backwards=False, turned=False):
    """Draw maps, filters, perhaps biases or the output's gradient, and options with which a window fits."""
    groups = draw(st.sampled_from([1, 1, 2]))
    ins, outs = groups * draw(st.integers(1, 2)), groups * draw(st.integers(1, 2))
    kernel = draw(st.tuples(*[st.integers(1, 3)] * axes))
    size = draw(st.tuples(*[st.integers(1, 6 if axes < 3 else 4)] * axes))
    shape = (ins, outs // groups, *kernel) if turned else (outs, ins // groups, *kernel)
    kinds = ("f8", "f8", "f4", "f2", "i8")
    x = draw(array((draw(st.integers(1, 2)), ins, *size), kinds=kinds))
    args = {"x": x, "weight": draw(array(shape, kinds=kinds))}
    each = st.integers(1, 3)
    options = {name: draw(st.one_of(one, st.tuples(*[one] * axes)))
               for name, one in (("stride", each), ("padding", st.integers(0, 2)), ("dilation", each))}
    options["groups"] = groups
    if turned:
        options["output_padding"] = draw(st.integers(0, 1))
    elif draw(st.integers(0, 5)) == 0:
        options |= {"padding": draw(st.sampled_from(["same", "valid"])), "stride": 1}
    if backwards:
        out = output_shape(F.conv_transpose2d if turned else CONVOLUTIONS[axes], **args, **options)
        args = {"grad_output": draw(array(out, kinds=kinds)), **args}
    elif draw(st.booleans()):
        args["bias"] = draw(array((outs,), kinds=kinds))
    return Call(args=args, options=options)


def output_shape(function, x, weight, **options):
    """Return the shape of an output, or (1, 1, 1, 1) where there is none."""
    try:
        shape = tuple(function(tensor(x), tensor(weight), **options).shape)
    except (RuntimeError, ValueError):
        return (1, 1, 1, 1)
    return shape if 0 not in shape else (1, 1, 1, 1)


def conv(axes):
    """Return a judge of a convolution; "same" with other strides than 1 is refused by both."""
    def right(x, weight, bias=None, **options):
        return forward(CONVOLUTIONS[axes], count=3, half=True)(x, weight, bias, **options)
    return right


def turned(x, weight, bias=None, **options):
    """Return PyTorch's transposed convolution."""
    return forward(F.conv_transpose2d, count=3)(x, weight, bias, **options)


def conv_gradients(function, per_filter):
    """Return a judge of the gradients for the input, the filters and the biases."""
    def right(grad_output, x, weight, **options):
        count = per_filter(np.shape(weight), options.get("groups", 1))
        bias = np.zeros(count, np.asarray(weight).dtype)
        return backward(function, count=3, finite=True)(grad_output, x, weight, bias, **options)
    return right


@st.composite
def version_calls(draw, version):
    """Draw one picture and one kernel, or with the later versions channels, a batch and options."""
    channels, kernel = draw(st.integers(1, 3)), draw(st.tuples(*[st.integers(1, 3)] * 2))
    size = tuple(k + draw(st.integers(0, 4)) for k in kernel)
    images, filters = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    lead = {4: ((channels,), (channels,)), 5: ((images, channels), (filters, channels))}
    one, two = lead.get(version, ((), ()))
    kinds = ("f8", "f8", "f4", "i8", "u1")
    args = {"x": draw(array((*one, *size), kinds=kinds)), "weight": draw(array((*two, *kernel), kinds=kinds))}
    options = {} if version < 3 else {"stride": draw(st.integers(1, 3)), "padding": draw(st.integers(0, 2))}
    return Call(args=args, options=options)


def version(number):
    """Return a judge of one of the five versions, which return float64."""
    def right(x, weight, **options):
        x, weight = tensor(x), tensor(weight)
        lead = {4: 1, 5: 0}.get(number, 2)
        x, weight = (each[(None,) * lead] for each in (x, weight))
        y = F.conv2d(x, weight, **ordinary(options))
        return (y if number == 5 else y[0, 0]).numpy()
    return right


def flipped(x, weight, *, mode="valid"):
    """Return the true convolution by its definition: every tap times the pixel that it meets, zeros outside."""
    kind, x, weight = kind_of(x, weight, half=True), np.array(x, float), np.array(weight, float)
    (rows, cols), (kh, kw) = x.shape, weight.shape
    if mode == "valid" and (kh > rows or kw > cols):
        raise ValueError("the kernel does not fit")
    wide, full = np.pad(x, [(kh - 1, kh - 1), (kw - 1, kw - 1)]), np.zeros((rows + kh - 1, cols + kw - 1))
    for row, col in np.ndindex(kh, kw):
        full += weight[row, col] * wide[kh - 1 - row:, kw - 1 - col:][:full.shape[0], :full.shape[1]]
    start = {"full": (0, 0), "same": ((kh - 1) // 2, (kw - 1) // 2), "valid": (kh - 1, kw - 1)}[mode]
    size = {"full": full.shape, "same": x.shape, "valid": (rows - kh + 1, cols - kw + 1)}[mode]
    return full[tuple(slice(at, at + n) for at, n in zip(start, size, strict=True))].astype(kind)


@st.composite
def pool_calls(draw, *, largest, backwards=False):
    """Draw maps and options of a pooling, perhaps with the output's gradient."""
    shape = (*draw(st.tuples(*[st.integers(1, 2)] * 2)), *draw(st.tuples(*[st.integers(1, 7)] * 2)))
    kernel = draw(st.one_of(st.integers(1, 3), st.tuples(*[st.integers(1, 3)] * 2)))
    options = {"stride": draw(st.sampled_from([None, 1, 2, 3])), "padding": draw(st.integers(0, 1)),
               "ceil_mode": draw(st.booleans())}
    options |= {"dilation": draw(st.integers(1, 2))} if largest else {"count_include_pad": draw(st.booleans())}
    args = {"x": draw(array(shape)), "kernel_size": kernel}
    if backwards:
        function = F.max_pool2d if largest else F.avg_pool2d
        out = output_shape(lambda x, size, **more: function(x, kernel, **more), args["x"], 0.0, **options)
        args = {"grad_output": draw(array(out)), **args}
    return Call(args=args, options=options)


def max_pool_gradient(grad_output, x, kernel_size, **options):
    """Return PyTorch's gradient; a window of padding alone makes it write outside the map, so it is not asked then."""
    if not np.isfinite(forward(F.max_pool2d)(x, kernel_size, **options)).all():
        raise Unjudged
    return backward(F.max_pool2d)(grad_output, x, kernel_size, **options)


@st.composite
def adaptive_calls(draw, *, backwards=False):
    """Draw maps and the size of the output."""
    shape = draw(st.tuples(*[st.integers(1, 6)] * 4))
    out = draw(st.one_of(st.integers(1, 7), st.tuples(*[st.integers(1, 7)] * 2)))
    args = {"x": draw(array(shape)), "output_size": out}
    if backwards:
        side = out if isinstance(out, tuple) else (out, out)
        args = {"grad_output": draw(array((*shape[:2], *side))), **args}
    return Call(args=args)


@st.composite
def pad_calls(draw):
    """Draw pictures and pixels to add or cut off."""
    pad = tuple(draw(st.lists(st.integers(-2, 3), min_size=4, max_size=4)))
    mode = draw(st.sampled_from(["constant", "constant", "reflect", "replicate", "circular"]))
    x = draw(array(shapes(least=2, most=4)))
    value = draw(st.sampled_from([0, 1, 3])) if mode == "constant" else 0
    return Call(args={"x": x, "pad": draw(st.sampled_from([pad, pad[:2]]))}, options={"mode": mode, "value": value})


def padded(x, pad, *, mode="constant", value=0):
    """Take every pixel from where the mode says that it comes from."""
    x, pad = np.asarray(x), [*pad, 0, 0][:4]
    if np.size(value) != 1:
        raise Unjudged
    for axis, (before, after) in ((-1, pad[:2]), (-2, pad[2:])):
        size = x.shape[axis]
        at = np.arange(-before, size + after)
        if not at.size or (mode == "reflect" and max(before, after) >= size) or (mode == "circular" and max(
                before, after) > size):
            raise ValueError("no such padding")
        if mode == "circular" and size + min(before, 0) + min(after, 0) < 1:
            raise ValueError("nothing to go round")
        if mode == "circular" and min(before, after) < 0:
            raise Unjudged  # what is cut off is gone before the rest goes round
        if mode == "constant" and size + min(before, 0) + min(after, 0) < 0:
            raise ValueError("more is cut off than there is")
        source = {"reflect": np.where(at < 0, -at, np.where(at >= size, 2 * size - 2 - at, at)),
                  "replicate": at.clip(0, size - 1), "circular": at % size}.get(mode, at.clip(0, size - 1))
        outside = (at < 0) | (at >= size)
        x = np.take(x, source, axis=axis)
        if mode == "constant":
            x = np.where(outside[:, None] if axis == -2 else outside, np.asarray(value).astype(x.dtype), x)
    return x


MAPS = call({"x": array(st.tuples(*[st.integers(1, 4)] * 4))})
ROWS = [
    *[plain(f"conv{axes}d", conv_calls(axes=axes), conv(axes)) for axes in CONVOLUTIONS],
    *[plain(f"conv2d_v{number}", version_calls(number), version(number)) for number in range(1, 6)],
    plain("conv2d_backward", conv_calls(backwards=True), conv_gradients(F.conv2d, lambda shape, groups: shape[0])),
    plain("conv_transpose2d", conv_calls(turned=True), turned),
    plain("conv_transpose2d_backward", conv_calls(turned=True, backwards=True), conv_gradients(
        F.conv_transpose2d, lambda shape, groups: shape[1] * groups)),
    plain("convolve2d", st.tuples(*[array(st.tuples(*[st.integers(1, 5)] * 2))] * 2, st.sampled_from(
        ["valid", "same", "full"])).map(lambda drawn: Call(
            args={"x": drawn[0], "weight": drawn[1]}, options={"mode": drawn[2]})), flipped),
    plain("pad2d", pad_calls(), padded),
    plain("max_pool2d", pool_calls(largest=True), forward(F.max_pool2d)),
    plain("avg_pool2d", pool_calls(largest=False), forward(F.avg_pool2d)),
    plain("max_pool2d_backward", pool_calls(largest=True, backwards=True), max_pool_gradient),
    plain("avg_pool2d_backward", pool_calls(largest=False, backwards=True), backward(F.avg_pool2d)),
    plain("adaptive_avg_pool2d", adaptive_calls(), forward(F.adaptive_avg_pool2d)),
    plain("adaptive_avg_pool2d_backward", adaptive_calls(backwards=True), backward(F.adaptive_avg_pool2d)),
    plain("global_avg_pool2d", MAPS, forward(lambda x: x.mean(dim=(2, 3), keepdim=True))),
    plain("global_avg_pool2d_backward", MAPS.flatmap(lambda drawn: array((*drawn.args["x"].shape[:2], 1, 1)).map(
        lambda grad: Call(args={"grad_output": grad, **drawn.args}))),
        backward(lambda x: x.mean(dim=(2, 3), keepdim=True))),
]
