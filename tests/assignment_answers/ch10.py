"""Answers to the assignment of chapter 10."""
from fractions import Fraction
from math import ceil, floor

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view

from cnnlib.scratch import relu6
from tests.assignment_answers._ch10_networks import NETWORKS, WRONG_NETWORKS


def by_formula(in_channels, out_channels, kernel_size, size, *, stride=1, groups=1):
    side = (size - 1) // stride + 1
    weights = in_channels * out_channels * kernel_size ** 2 // groups
    return side * side * weights, size * size * in_channels + weights + side * side * out_channels


def by_starts(in_channels, out_channels, kernel_size, size, stride=1, groups=1):
    starts = len(range(0, size + 2 * (kernel_size // 2) - kernel_size + 1, stride))
    macs = 0
    for _ in range(out_channels):
        macs += (in_channels // groups) * kernel_size * kernel_size * starts * starts
    moved = [in_channels * size ** 2, macs // starts ** 2, out_channels * starts ** 2]
    return [macs, sum(moved)]


def by_arrays(in_channels, out_channels, kernel_size, size, **options):
    stride, groups = options.get("stride", 1), options.get("groups", 1)
    x = np.broadcast_to(0, (in_channels, size, size))
    y = np.broadcast_to(0, (out_channels, *x[0, ::stride, ::stride].shape))
    weight = np.broadcast_to(0, (out_channels, in_channels // groups, kernel_size, kernel_size))
    return np.array([float(weight[0].size * y.size), x.size + y.size + weight.size])


def bill(*, side=lambda n, s: ceil(n / s), weights=lambda i, o, k, g: o * i // g * k * k,
         macs=lambda w, n, m: w * m ** 2, moved=lambda i, o, w, n, m: i * n ** 2 + w + o * m ** 2):
    def answer(i, o, k, size, *, stride=1, groups=1):
        m, w = side(size, stride), weights(i, o, k, groups)
        return macs(w, size, m), moved(i, o, w, size, m)
    return answer


def again_for_each_window(i, o, k, size, *, stride=1, groups=1):
    macs, moved = by_formula(i, o, k, size, stride=stride, groups=groups)
    side = ceil(size / stride)
    return macs, moved - i * size ** 2 + i * k ** 2 * side ** 2


def with_loops(x, expand, depthwise, project, *, stride=1):
    n, c, h, w = x.shape
    wide = np.zeros((n, len(expand), h + 2, w + 2))
    for m in range(len(expand)):
        for channel in range(c):
            wide[:, m, 1:-1, 1:-1] += expand[m, channel] * x[:, channel]
    wide = np.clip(wide, 0, 6)
    rows, columns = range(0, h, stride), range(0, w, stride)
    maps = np.zeros((n, len(expand), len(rows), len(columns)))
    for i, top in enumerate(rows):
        for j, left in enumerate(columns):
            maps[:, :, i, j] = (wide[:, :, top:top + 3, left:left + 3] * depthwise).sum(axis=(2, 3))
    out = np.einsum("nmhw,om->nohw", maps.clip(0, 6), project)
    return out + x if out.shape == x.shape else out


def with_windows(x, expand, depthwise, project, stride=1):
    wide = relu6(np.tensordot(expand, x, axes=(1, 1)).transpose(1, 0, 2, 3))
    seen = sliding_window_view(np.pad(wide, ((0, 0), (0, 0), (1, 1), (1, 1))), (3, 3), axis=(2, 3))
    maps = relu6(np.einsum("nmhwij,mij->nmhw", seen[:, :, ::stride, ::stride], depthwise))
    out = (project @ maps.reshape(*maps.shape[:2], -1)).reshape(len(x), len(project), *maps.shape[2:])
    if stride == 1 and x.shape[1] == len(project):
        out += x
    return out


def with_torch(x, expand, depthwise, project, *, stride=1):
    x, expand, depthwise, project = (torch.tensor(each).double() for each in (x, expand, depthwise, project))
    wide = torch.zeros(len(x), len(expand), x.shape[2] + 2, x.shape[3] + 2).double()
    wide[:, :, 1:-1, 1:-1] = torch.einsum("nchw,mc->nmhw", x, expand).clamp(0, 6)
    maps = 0
    for i in range(3):
        for j in range(3):
            maps = maps + wide[:, :, i:i + x.shape[2], j:j + x.shape[3]] * depthwise[:, i, j][:, None, None]
    out = torch.einsum("nmhw,om->nohw", maps[:, :, ::stride, ::stride].clamp(0, 6), project)
    return out + (x if stride == 1 and len(project) == x.shape[1] else 0)


def six(maps):
    return maps.clip(0, 6)


def same(maps):
    return maps


def block(*, first=six, second=six, third=same, last=same, adds=lambda c, o, s: c == o and s == 1, before=1, tap="mij",
          every=lambda s: (s, s), mode="constant", kernels=same):
    """Return a block with one line changed."""
    def answer(x, expand, depthwise, project, *, stride=1):
        small = x[:, :, ::stride, ::stride] if before == 0 else x
        wide = first(np.einsum("nchw,mc->nmhw", small, expand))
        seen = sliding_window_view(np.pad(wide, [(0, 0), (0, 0), (1, 1), (1, 1)], mode=mode), (3, 3), (2, 3))
        rows, columns = every(stride) if before else (1, 1)
        maps = second(np.einsum(f"nmhwij,{tap}->nmhw", seen, kernels(depthwise))[:, :, ::rows, ::columns])
        out = third(np.einsum("nmhw,om->nohw", maps, project))
        if adds(x.shape[1], len(project), stride):
            out = out + x[:, :, ::rows, ::columns]
        return last(out)
    return answer


def mixed(x, expand, depthwise, project, *, stride=1):
    """Sum over the wide maps in the 3x3 step."""
    wide = np.pad(six(np.einsum("nchw,mc->nmhw", x, expand)), [(0, 0), (0, 0), (1, 1), (1, 1)])
    seen = sliding_window_view(wide, (3, 3), (2, 3))[:, :, ::stride, ::stride]
    maps = six(np.einsum("nmhwij,mij->nhw", seen, depthwise))
    out = np.einsum("nhw,om->nohw", maps, project)
    return out + x if out.shape == x.shape else out


def cut(maps):
    return np.where(maps < 6, maps, 6)


def bent(maps):
    return maps * (maps > 0)


def exact(layers, size, *, width=1.0, resolution=1.0):
    side, before, weights, macs = ceil(Fraction(resolution) * size), 3, 0, 0
    for channels, stride in layers:
        after = max(1, floor(Fraction(width) * channels / 8 + Fraction(1, 2))) * 8
        side = ceil(Fraction(side, stride))
        weights += 9 * before + before * after
        macs += (9 + after) * before * side * side
        before = after
    return np.array([weights, macs], dtype=float)


RIGHT = {
    "layer_bill": (by_formula, by_starts, by_arrays),
    "inverted_block": (with_loops, with_windows, with_torch),
    "scaled_bill": (exact, *NETWORKS),
}

WRONG = {
    "layer_bill": {
        "groups-ignored": bill(weights=lambda i, o, k, g: o * i * k * k),
        "groups-on-both-sides": bill(weights=lambda i, o, k, g: i * o // g ** 2 * k * k),
        "size-rounded-down": bill(side=lambda n, s: int(n / s)),
        "stride-ignored": bill(side=lambda n, s: n),
        "places-of-the-input": bill(macs=lambda w, n, m: w * n ** 2),
        "input-as-small-as-output": bill(moved=lambda i, o, w, n, m: (i + o) * m ** 2 + w),
        "kernel-side": bill(weights=lambda i, o, k, g: o * i // g * k),
        "one-row": bill(macs=lambda w, n, m: w * m),
        "weights-not-moved": bill(moved=lambda i, o, w, n, m: i * n ** 2 + o * m ** 2),
        "output-not-written": bill(moved=lambda i, o, w, n, m: i * n ** 2 + w),
        "input-not-read": bill(moved=lambda i, o, w, n, m: w + o * m ** 2),
        "read-for-every-window": again_for_each_window,
        "two-per-mac": bill(macs=lambda w, n, m: 2 * w * m ** 2),
        "swapped": lambda *a, **o: by_formula(*a, **o)[::-1],
    },
    "inverted_block": {
        "relu-for-relu6": block(first=bent, second=bent),
        "floor-forgotten": block(first=cut, second=cut),
        "relu6-at-the-end": block(third=six),
        "relu6-behind-the-sum": block(last=six),
        "first-activation-missing": block(first=same),
        "second-activation-missing": block(second=same),
        "linear": block(first=same, second=same),
        "never-adds": block(adds=lambda c, o, s: False),
        "adds-with-stride": block(adds=lambda c, o, s: c == o),
        "first-step-has-the-stride": block(before=0),
        "stride-ignored": block(every=lambda s: (1, 1)),
        "stride-on-rows-only": block(every=lambda s: (s, 1)),
        "channels-mixed-in-the-middle": mixed,
        "one-filter-for-all": block(kernels=lambda d: np.stack([d[0]] * len(d))),
        "flipped-kernel": block(kernels=lambda d: np.rot90(d, 2, (1, 2))),
        "transposed-kernel": block(tap="mji"),
        "edge-repeated": block(mode="edge"),
    },
    "scaled_bill": WRONG_NETWORKS,
}
