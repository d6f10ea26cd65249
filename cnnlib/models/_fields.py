"""Follow what each number depends on, and count multiplications, while a network runs on the meta device."""
import math
from dataclasses import dataclass

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakTensorKeyDictionary

aten = torch.ops.aten
EVERYTHING = "everything"  # the field of a number that depends on all positions
PRODUCTS = {  # where the first factor stands
    aten.mm: 0, aten.mv: 0, aten.bmm: 0, aten.addmm: 1, aten.addmv: 1, aten.baddbmm: 1}
KEEPING = {  # besides what PyTorch calls pointwise: operations that leave every number at its place
    aten._native_batch_norm_legit_no_training, aten.native_dropout, aten.clone, aten.detach, aten.alias,
    aten._to_copy, aten._prelu_kernel, aten.hardswish, aten.hardswish_, aten.leaky_relu, aten.leaky_relu_,
    aten.log_sigmoid_forward, aten.rrelu_with_noise, aten.rrelu_with_noise_}
MAKING = {aten.new_ones, aten.new_zeros, aten.new_full, aten.new_empty, aten.ones_like, aten.zeros_like, aten.full_like,
          aten.empty_like, aten.rand_like}  # what they return depends on no number
SHAPING = {  # operations that do so if the output's last two axes are the input's
    aten.view, aten._unsafe_view, aten.unsqueeze, aten.squeeze, aten.expand, aten.slice, aten.select, aten.index,
    aten.split, aten.split_with_sizes, aten.cat, aten.stack, aten.constant_pad_nd, aten.avg_pool3d}
REDUCING = {aten.mean, aten.sum, aten.amax, aten.amin, aten.max, aten._softmax, aten._log_softmax, aten._safe_softmax,
            aten.transpose}  # and these, if the axes that they name are not the last two


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
        if known and operation not in MAKING:
            field = _after(function, args, outs[0], joined(known)) if outs else None
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


def _after(function, args, out, field):
    """Return the field of an operation's output, given that of its inputs together."""
    operation = function.overloadpacket
    if field == EVERYTHING:
        return EVERYTHING
    if operation is aten.convolution and args[1].ndim == 4 and not args[6]:
        return field.window(args[1].shape[2:], *map(_pair, args[3:6]))
    if operation in (aten.max_pool2d_with_indices, aten.avg_pool2d):
        return field.window(*_pooling(operation, *args[1:]))
    if operation in (aten._adaptive_avg_pool2d, aten.adaptive_max_pool2d):
        return _adaptive(field, args[0].shape[2:], out.shape[2:])
    if operation is aten.constant_pad_nd and len(args[1]) == 4:
        left, _, top, _ = args[1]
        return field.window((1, 1), (1, 1), (top, left), (1, 1))
    return field if _keeps_places(function, args, out) else EVERYTHING


def _pointwise(function):
    """Whether PyTorch calls an operation so; it forgets some of those in place, but not the same ones out of place."""
    name = function.overloadpacket.__name__
    plain = getattr(getattr(torch.ops, function.namespace), name[:-1], None) if name.endswith("_") else None
    kinds = [function] if plain is None else [function, *(getattr(plain, each) for each in plain.overloads())]
    return any(torch.Tag.pointwise in kind.tags for kind in kinds)


def _keeps_places(function, args, out):
    """Whether every number of the output depends on numbers at its own place alone; what is not known does not."""
    operation = function.overloadpacket
    if operation in KEEPING or _pointwise(function):
        return True
    if operation is aten.native_batch_norm:
        return not args[5]  # in training mode it takes the mean over all places
    first = args[0] if isinstance(args[0], torch.Tensor) else args[0][0]
    if operation in SHAPING:
        return out.shape[-2:] == first.shape[-2:]
    if operation not in REDUCING or len(args) < 2 or args[1] is None:
        return False
    axes = args[1:3] if operation is aten.transpose else _listed(args[1])
    return not any(axis % first.ndim >= first.ndim - 2 for axis in axes)


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


def _listed(dims):
    return (dims,) if isinstance(dims, int) else dims


def _pair(value):
    value = _listed(value)
    return tuple(value) * (2 // len(value))
