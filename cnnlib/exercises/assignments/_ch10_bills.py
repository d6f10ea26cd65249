"""Two bills for the assignment of chapter 10: what a layer does and moves, what a scaled network costs."""
import math

from cnnlib.exercises._check import Exercise, Mistake
from cnnlib.exercises._task import Task
from cnnlib.exercises._watch import CONVOLUTION_OPERATORS


def _layer(in_channels, out_channels, kernel_size, size, *, stride=1, groups=1):
    places = math.ceil(size / stride) ** 2
    weights = out_channels * (in_channels // groups) * kernel_size**2
    return weights * places, in_channels * size**2 + weights + out_channels * places


def _billed(*, after=lambda n, s: -(-n // s), weights=lambda i, o, k, g: o * (i // g) * k * k, reads=lambda n, m: n * n,
            macs=lambda w, n, m: w * m * m, moved=lambda x, w, y: x + w + y, order=1):
    """Return a layer_bill that counts a part in another way; n and m are the sides before and after the layer."""
    def layer_bill(in_channels, out_channels, kernel_size, size, *, stride=1, groups=1):
        out = after(size, stride)
        count = weights(in_channels, out_channels, kernel_size, groups)
        numbers = moved(in_channels * reads(size, out), count, out_channels * out * out)
        return (macs(count, size, out), numbers)[::order]
    return layer_bill


def _windows_read(in_channels, out_channels, kernel_size, size, *, stride=1, groups=1):
    """Read a window's numbers again for every place."""
    macs, _ = _layer(in_channels, out_channels, kernel_size, size, stride=stride, groups=groups)
    places = math.ceil(size / stride) ** 2
    return macs, in_channels * kernel_size**2 * places + macs // places + out_channels * places


def _draw_layers(random):
    for _ in range(12):
        groups, each, filters = (int(n) for n in random.integers(1, (6, 12, 12)))
        yield (groups * each, groups * filters, int(random.choice([1, 3, 5, 7])), int(random.integers(5, 60)),
               {"stride": int(random.integers(1, 4)), "groups": groups})


LAYER_BILL = Task(
    points=3,
    draw=_draw_layers,
    forbidden=("cnnlib.shapes", "cnnlib.models", *CONVOLUTION_OPERATORS, "cnnlib.scratch"),
    exercise=Exercise(
        name="layer_bill",
        objective=3,
        reference=_layer,
        tolerance=1e-9,
        cases=(
            (1, 1, 3, 4),
            (2, 5, 3, 5, {"stride": 2}),
            (4, 4, 3, 6, {"groups": 4}),
            (6, 12, 5, 7, {"stride": 2, "groups": 3}),
            (32, 64, 1, 14),
            (3, 8, 3, 11, {"stride": 3}),
        ),
        mistakes=(
            Mistake("groups-ignored", "your filters read all channels of the input. How many are there in a group?",
                    _billed(weights=lambda i, o, k, g: o * i * k * k)),
            Mistake("groups-on-both-sides", "you divide both sides by the groups. Each filter reads fewer channels; "
                    "there are still `out_channels` filters.",
                    _billed(weights=lambda i, o, k, g: (o // g) * (i // g) * k * k)),
            Mistake("size-rounded-down", "your output is too small where the stride does not divide the side. The "
                    "first window stands at the edge: where does the last one stand?",
                    _billed(after=lambda n, s: n // s)),
            Mistake("stride-ignored", "your output is as large as the input, whatever the stride is.",
                    _billed(after=lambda n, s: n)),
            Mistake("places-of-the-input", "you count a MAC at every place of the input. Where does a window stand?",
                    _billed(macs=lambda w, n, m: w * n * n)),
            Mistake("input-as-small-as-output", "you read as many places as you write. With a stride, which of the two "
                    "maps is larger?", _billed(reads=lambda n, m: m * m)),
            Mistake("kernel-side", "you give a filter kernel_size weights for a channel. It is a square.",
                    _billed(weights=lambda i, o, k, g: o * (i // g) * k)),
            Mistake("one-row", "you count one row of places. A map has rows and columns.",
                    _billed(macs=lambda w, n, m: w * m)),
            Mistake("weights-not-moved", "you move maps only. The layer must read its weights, too.",
                    _billed(moved=lambda x, w, y: x + y)),
            Mistake("output-not-written", "you read the input and the weights. What becomes of the result?",
                    _billed(moved=lambda x, w, y: x + w)),
            Mistake("input-not-read", "you count weights and output. Where does the layer get its numbers from?",
                    _billed(moved=lambda x, w, y: w + y)),
            Mistake("read-for-every-window", "you read a pixel again for each window. In this count every number is "
                    "moved once.", _windows_read),
            Mistake("two-per-mac", "you count the multiplication and the addition apart. One MAC is both.",
                    _billed(macs=lambda w, n, m: 2 * w * m * m)),
            Mistake("swapped", "your numbers are in the other order. What does the task name first?",
                    _billed(order=-1)),
        ),
    ),
)


def _nearest(channels):
    return max(8, 8 * math.floor(channels / 8 + 0.5))


def _network(layers, size, *, width=1.0, resolution=1.0, channels=_nearest, pixels=math.ceil, colors=3, chained=True,
             filters=lambda before, after: before, after=lambda n, s: -(-n // s), mixed=lambda n, m: m, macs=1):
    """Count a scaled network; the options count a part in another way."""
    size, before, total, work = pixels(size * resolution), colors, 0, 0
    for out_channels, stride in layers:
        out, wide = after(size, stride), channels(out_channels * width)
        depthwise, pointwise = 9 * filters(before, wide), before * wide
        total, work = total + depthwise + pointwise, work + depthwise * out**2 + pointwise * mixed(size, out)**2
        size, before = out, wide if chained else colors
    return total, macs * work


def _with(**options):
    return lambda layers, size, *, width=1.0, resolution=1.0: _network(
        layers, size, width=width, resolution=resolution, **options)


def _standard(layers, size, *, width=1.0, resolution=1.0):
    size, before, total, work = math.ceil(size * resolution), 3, 0, 0
    for out_channels, stride in layers:
        size, wide = -(-size // stride), _nearest(out_channels * width)
        total, work, before = total + 9 * before * wide, work + 9 * before * wide * size**2, wide
    return total, work


def _resolution_once(layers, size, *, width=1.0, resolution=1.0):
    total, work = _network(layers, size, width=width)
    return total, work * resolution


def _draw_networks(random):
    for _ in range(10):
        layers = [(4 * int(random.integers(1, 30)), int(random.integers(1, 3))) for _ in range(random.integers(2, 6))]
        yield (layers, int(random.integers(17, 80)), {"width": float(random.choice([0.25, 0.5, 0.75, 1, 1.25, 1.5])),
                                                      "resolution": float(random.choice([0.5, 0.75, 1, 1.25]))})


SCALED_BILL = Task(
    points=4,
    draw=_draw_networks,
    forbidden=("cnnlib.shapes", "cnnlib.models"),
    exercise=Exercise(
        name="scaled_bill",
        objective=5,
        reference=_network,
        tolerance=1e-9,
        cases=(
            ([(8, 1)], 4),
            ([(16, 2), (24, 1)], 9),
            ([(20, 1), (12, 2)], 7),
            ([(8, 1), (16, 2), (32, 2)], 15, {"width": 0.25, "resolution": 0.5}),
            ([(16, 2), (40, 2), (48, 1)], 13, {"width": 1.25, "resolution": 0.75}),
            ([(32, 2), (64, 1), (128, 2)], 32, {"width": 0.5}),
        ),
        mistakes=(
            Mistake("channels-not-rounded", "you take the product of channels and width as it is. Which numbers of "
                    "channels does the task allow?", _with(channels=int)),
            Mistake("channels-rounded-down", "you round channels down. The task asks for the nearest multiple.",
                    _with(channels=lambda c: max(8, int(c) // 8 * 8))),
            Mistake("channels-rounded-up", "you round channels up. The task asks for the nearest multiple.",
                    _with(channels=lambda c: 8 * math.ceil(c / 8))),
            Mistake("halves-to-even", "Python's `round` takes a half to the even neighbor. Which way does the task "
                    "round halves?", _with(channels=lambda c: max(8, 8 * round(c / 8)))),
            Mistake("no-least-width", "a layer of yours has no channel left. What is the least that the task allows?",
                    _with(channels=lambda c: 8 * math.floor(c / 8 + 0.5) if c >= 4 else 0)),
            Mistake("width-ignored", "your network is as wide as before, whatever `width` is.",
                    lambda layers, size, *, width=1.0, resolution=1.0: _network(layers, size, resolution=resolution)),
            Mistake("picture-widened", "you scale the picture's channels, too. A picture has three colors.",
                    lambda layers, size, *, width=1.0, resolution=1.0: _network(
                        layers, size, width=width, resolution=resolution, colors=_nearest(3 * width))),
            Mistake("every-layer-reads-the-picture", "each of your layers reads three channels. What leaves one layer "
                    "enters the next.", _with(chained=False)),
            Mistake("resolution-ignored", "your maps are as large as before, whatever `resolution` is.",
                    lambda layers, size, *, width=1.0, resolution=1.0: _network(layers, size, width=width)),
            Mistake("resolution-once", "your resolution counts once. A map has rows and columns, and both get fewer.",
                    _resolution_once),
            Mistake("pixels-rounded-down", "you cut off a part of a pixel. Which way does the task round the side?",
                    _with(pixels=int)),
            Mistake("maps-rounded-down", "your maps are too small where the stride does not divide the side.",
                    _with(after=lambda n, s: n // s)),
            Mistake("stride-ignored", "your maps keep their size, whatever the stride is.",
                    _with(after=lambda n, s: n)),
            Mistake("mixing-before-the-stride", "your 1x1 works at every place of the layer's input. Which step has "
                    "the stride, and which comes first?", _with(mixed=lambda n, m: n)),
            Mistake("depthwise-on-the-output", "your depthwise step has as many filters as the layer has outputs. On "
                    "which maps does it work?", _with(filters=lambda before, after: after)),
            Mistake("depthwise-missing", "you count the 1x1 steps alone.", _with(filters=lambda before, after: 0)),
            Mistake("standard-convolutions", "your layers are ordinary 3x3 convolutions. These are separable.",
                    _standard),
            Mistake("two-per-mac", "you count the multiplication and the addition apart. One MAC is both.",
                    _with(macs=2)),
        ),
    ),
)
