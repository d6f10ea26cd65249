"""Borders around images, in four kinds."""
import numpy as np

from cnnlib._arguments import choice, integer, room
from cnnlib.scratch._check import numbers

MODES = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}  # NumPy's names
CUT_FIRST = ("constant", "circular")  # what is cut off here is gone; the other modes may still repeat it


def pad2d(x, pad, *, mode="constant", value=0):
    """Add a border to images, with the argument order of ``torch.nn.functional.pad``.

    Args:
        x: images, (…, H, W), at least two axes.
        pad: (left, right, top, bottom) in pixels: the last axis comes first. (left, right) pads the width only.
            A negative number cuts pixels off.
        mode: "constant" (``value`` everywhere), "reflect" (mirror without repeating the edge), "replicate" (repeat the
            edge) or "circular" (continue on the other side).
        value: what "constant" fills in; a number that x's type can hold.

    Returns:
        (…, top + H + bottom, left + W + right), of x's type.

    Raises:
        ValueError: an argument is malformed, "reflect" would need a pixel beyond the other edge, "circular" more than
            one round, or nothing would be left.

    Source:
        Paszke et al. (2019), PyTorch: An Imperative Style, High-Performance Deep Learning Library; function F.pad.

    >>> pad2d([[1, 2, 3]], (2, 1, 0, 0), mode="reflect")
    array([[3, 2, 1, 2, 3, 2]])
    """
    x, pad = _check(x, pad, mode, value)
    widths = [(0, 0)] * (x.ndim - 2) + [pad[2:], pad[:2]]  # F.pad names the last axis first, NumPy the first
    options = {"constant_values": value} if mode == "constant" else {}
    grow = [(max(before, 0), max(after, 0)) for before, after in widths]
    cut = tuple(slice(max(-before, 0), after if after < 0 else None) for before, after in widths)
    if mode in CUT_FIRST:
        return np.pad(x[cut], grow, mode=MODES[mode], **options)
    return np.pad(x, grow, mode=MODES[mode])[cut]


def _check(x, pad, mode, value):
    x = numbers("pad2d", "x", x, dims=2, or_more=True)
    if not isinstance(pad, (tuple, list)) or len(pad) not in (2, 4):
        raise ValueError(f"pad2d: pad must be (left, right, top, bottom) or (left, right), got {pad!r}")
    choice("pad2d", "mode", mode, MODES)
    numbers("pad2d", "value", value, dims=0)
    if mode != "constant" and value != 0:
        raise ValueError(f'pad2d: value goes with mode "constant" only, got {value!r}')
    if not _holds(x.dtype, value):
        raise ValueError(f"pad2d: value must be a number that {x.dtype} can hold, got {value!r}")
    pad = tuple(integer("pad2d", "pad", each) for each in pad)
    pad = pad if len(pad) == 4 else (*pad, 0, 0)
    for size, before, after in ((x.shape[-1], *pad[:2]), (x.shape[-2], *pad[2:])):
        _check_axis(size, before, after, mode)
    room("pad2d", "the result", (*x.shape[:-2], x.shape[-2] + sum(pad[2:]), x.shape[-1] + sum(pad[:2])))
    return x, pad


def _holds(kind, value):
    with np.errstate(all="ignore"):
        stored = np.asarray(value).astype(kind)
    return np.isinf(stored) == np.isinf(value) if kind.kind == "f" else bool(stored == value)


def _check_axis(size, before, after, mode):
    most = {"reflect": size - 1, "circular": size}.get(mode)
    if most is not None and max(before, after) > most:
        rule = f'mode "{mode}" allows at most {most} pixels on an axis of {size}'
        raise ValueError(f"pad2d: {rule}, got {max(before, after)}")
    kept = size + min(before, 0) + min(after, 0)
    if size + before + after < 1 or (mode in CUT_FIRST and kept < (mode == "circular")):
        raise ValueError(f"pad2d: pad must leave at least one of {size} pixels, got {before} and {after}")
