"""Follow what each number depends on, and count multiplications, while a network runs on the meta device."""
import math
from dataclasses import dataclass

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakTensorKeyDictionary

aten = torch.ops.aten
EVERYTHING = "everything"  # the field of a number that depends on all positions
PRODUCTS = {aten.mm: 0, aten.bmm: 0, aten.addmm: 1, aten.baddbmm: 1}  # where the first factor stands
SHARES = (aten._softmax, aten._log_softmax, aten._safe_softmax)


@dataclass(frozen=True)
class Field:
    """The input pixels that the first output depends on, for (H, W): from first to last; outputs are jump apart."""

    first: tuple[int, int] = (0, 0)
    last: tuple[int, int] = (0, 0)
    jump: tuple[int, int] = (1, 1)

    @property
    def size(self):
        """Height and width in pixels."""
        return tuple(last - first + 1 for first, last in zip(self.first, self.last, strict=True))

    def window(self, kernel_size, stride, padding, dilation):
        """Return the field after one convolution or pooling; every argument is a pair."""
        axes = zip(self.first, self.last, self.jump, kernel_size, stride, padding, dilation, strict=True)
        moved = [(first - p * jump, last + (d * (k - 1) - p) * jump, jump * s)
                 for first, last, jump, k, s, p, d in axes]
        return Field(*zip(*moved, strict=True))


def joined(fields):
    """Return the smallest field that holds all of them: that of the largest path."""
    if not fields or EVERYTHING in fields:
        return EVERYTHING if fields else None
    return Field(
        tuple(map(min, *(field.first for field in fields))) if len(fields) > 1 else fields[0].first,
        tuple(map(max, *(field.last for field in fields))) if len(fields) > 1 else fields[0].last, fields[0].jump)


class Followed(TorchDispatchMode):
    """Within this context every operation passes the fields of its inputs on, and its products are added up.

    Attributes:
        fields: the field of each tensor that depends on the input.
        macs: products so far.
    """

    def __init__(self, x):
        super().__init__()
        self.fields, self.macs = WeakTensorKeyDictionary(), 0
        self.fields[x] = Field()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        """Run the operation, then note what its outputs depend on."""
        known = [self.fields[leaf] for leaf in tree_leaves((args, kwargs)) if self._follows(leaf)]
        out = function(*args, **(kwargs or {}))
        outs = [leaf for leaf in tree_leaves(out) if isinstance(leaf, torch.Tensor)]
        operation = function.overloadpacket
        self.macs += _products(operation, args, outs)
        if known:
            field = _after(operation, args, outs[0], joined(known)) if outs else None
            for each in outs:
                self.fields[each] = field
        return out

    def _follows(self, leaf):
        return isinstance(leaf, torch.Tensor) and leaf in self.fields


def _products(operation, args, outs):
    if operation is aten.convolution:
        x, weight, transposed = args[0], args[1], args[6]
        return (x if transposed else outs[0]).numel() * math.prod(weight.shape[1:])
    if operation in PRODUCTS:
        return outs[0].numel() * args[PRODUCTS[operation]].shape[-1]
    return 0


def _after(operation, args, out, field):
    """Return the field of an operation's output, given that of its inputs together."""
    if field == EVERYTHING:
        return EVERYTHING
    if operation is aten.convolution:
        weight, _, stride, padding, dilation, transposed = args[1:7]
        return EVERYTHING if transposed else field.window(weight.shape[2:], *map(_pair, (stride, padding, dilation)))
    if operation in (aten.max_pool2d_with_indices, aten.avg_pool2d):
        return field.window(*_pooling(operation, *args[1:]))
    if operation in (aten._adaptive_avg_pool2d, aten.adaptive_max_pool2d):
        return _adaptive(field, args[0].shape[2:], out.shape[2:])
    if operation is aten.constant_pad_nd and len(args[1]) == 4:
        left, _, top, _ = args[1]
        return field.window((1, 1), (1, 1), (top, left), (1, 1))
    return EVERYTHING if _mixes_positions(operation, args, out) else field


def _pooling(operation, kernel_size, stride=(), padding=0, *rest):
    kernel_size = _pair(kernel_size)
    dilation = _pair(rest[0]) if operation is aten.max_pool2d_with_indices and rest else (1, 1)
    return kernel_size, _pair(stride) if stride else kernel_size, _pair(padding), dilation


def _adaptive(field, before, after):
    """Equal windows are a pooling; others depend on the place, and are taken for everything."""
    uneven = any(size % target for size, target in zip(before, after, strict=True))
    if uneven or (1, 1) == tuple(after) != tuple(before):
        return EVERYTHING
    window = tuple(size // target for size, target in zip(before, after, strict=True))
    return field.window(window, window, (0, 0), (1, 1))


def _mixes_positions(operation, args, out):
    """Whether an operation leaves the grid of positions, or adds over it."""
    if operation in (aten.mean, aten.sum, aten.amax, aten.max):
        dims = args[1] if len(args) > 1 else range(4)
        return any(dim % 4 in (2, 3) for dim in _listed(dims))
    return out.ndim < 4 or (operation in SHARES and args[1] % 4 in (2, 3))


def _listed(dims):
    return (dims,) if isinstance(dims, int) else dims


def _pair(value):
    value = _listed(value)
    return tuple(value) * (2 // len(value))
