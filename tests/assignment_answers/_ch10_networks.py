"""Networks for the assignment of chapter 10."""
import math

import numpy as np


def step_by_step(layers, size, *, width=1.0, resolution=1.0):
    parameters = macs = 0
    size = math.ceil(size * resolution)
    in_channels = 3
    for channels, stride in layers:
        out_channels = int(channels * width + 4) // 8 * 8
        if out_channels == 0:
            out_channels = 8
        size = (size + 2 - 3) // stride + 1
        for weights in (in_channels * 3 * 3, in_channels * out_channels):
            parameters += weights
            macs += weights * size * size
        in_channels = out_channels
    return [parameters, macs]


def with_arrays(layers, size, width=1.0, resolution=1.0):
    channels, strides = np.array(layers).T
    channels = np.append(3, np.maximum(np.floor(channels * width / 8 + 0.5), 1) * 8)
    weights = channels[:-1] * (9 + channels[1:])
    sides, side = [], np.ceil(size * resolution)
    for stride in strides:
        side = np.ceil(side / stride)
        sides.append(side)
    return weights.sum(), (weights * np.square(sides)).sum()


def eights(channels):
    rest = channels % 8
    return max(8, channels - rest + (8 if rest >= 4 else 0))


def up(number):
    return -int(-number // 1)


def network(*, scale=lambda c, w: eights(c * w), start=lambda n, r: up(n * r), colors=lambda w: 3,
            after=lambda n, s: up(n / s), one=lambda i, o: 9 * i,
            two=lambda i, o: i * o, mix=lambda n, m: m * m, keep=lambda i, o: o):
    """Return a count with one line changed."""
    def answer(layers, size, *, width=1.0, resolution=1.0):
        n, i, bill = start(size, resolution), colors(width), np.zeros(2)
        for channels, stride in layers:
            o, m = scale(channels, width), after(n, stride)
            bill += one(i, o) + two(i, o), one(i, o) * m * m + two(i, o) * mix(n, m)
            n, i = m, keep(i, o)
        return tuple(bill)
    return answer


def work(change):
    """Return a count whose second number is changed with the resolution."""
    def answer(layers, size, *, width=1.0, resolution=1.0):
        parameters, macs = step_by_step(layers, size, width=width)
        return parameters, change(macs, resolution)
    return answer


def twice(*arguments, **options):
    parameters, macs = step_by_step(*arguments, **options)
    return parameters, 2 * macs


NETWORKS = (step_by_step, with_arrays, network())

WRONG_NETWORKS = {
    "channels-not-rounded": network(scale=lambda c, w: int(c * w)),
    "channels-rounded-down": network(scale=lambda c, w: max(8, c * w - c * w % 8)),
    "channels-rounded-up": network(scale=lambda c, w: up(c * w / 8) * 8),
    "halves-to-even": network(scale=lambda c, w: max(8, round(c * w / 8) * 8)),
    "no-least-width": network(scale=lambda c, w: int(c * w + 4) // 8 * 8),
    "width-ignored": network(scale=lambda c, w: eights(c)),
    "picture-widened": network(colors=lambda w: eights(3 * w)),
    "every-layer-reads-the-picture": network(keep=lambda i, o: i),
    "resolution-ignored": work(lambda macs, r: macs),
    "resolution-once": work(lambda macs, r: macs * r),
    "pixels-rounded-down": network(start=lambda n, r: int(n * r)),
    "maps-rounded-down": network(after=lambda n, s: n // s),
    "stride-ignored": network(after=lambda n, s: n),
    "mixing-before-the-stride": network(mix=lambda n, m: n * n),
    "depthwise-on-the-output": network(one=lambda i, o: 9 * o),
    "depthwise-missing": network(one=lambda i, o: 0),
    "standard-convolutions": network(one=lambda i, o: 0, two=lambda i, o: 9 * i * o),
    "two-per-mac": twice,
}
