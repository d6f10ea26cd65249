"""The assignment of chapter 7: two cards for one network, VGG's body under NiN's head, a network's three bills."""
from itertools import pairwise

import numpy as np
import torch
from torch import nn

from cnnlib.exercises._check import Exercise, Mistake
from cnnlib.exercises._task import Task


def _parameters(before, after, kernel, groups):
    return before // groups * after * kernel**2 + after


def _tower_parameters(widths, kernels, groups, *, count=_parameters):
    return sum(count(*layer) for layer in zip(widths, widths[1:], kernels, groups, strict=False))


def _tower_with(count):
    return lambda *case: _tower_parameters(*case, count=count)


def _draw_towers(random):
    for _ in range(10):
        layers = int(random.integers(2, 6))
        widths = [int(random.integers(1, 4)), *(12 * int(width) for width in random.integers(1, 12, layers))]
        groups = [1, *(int(random.choice([1, 2, 3, 4])) for _ in range(layers - 1))]
        yield widths, [int(random.choice([1, 3, 5, 7])) for _ in range(layers)], groups


TOWER_PARAMETERS = Task(
    points=3,
    draw=_draw_towers,
    forbidden=("cnnlib.shapes", "cnnlib.models"),
    exercise=Exercise(
        name="tower_parameters",
        objective=2,
        reference=_tower_parameters,
        cases=(
            ([2, 4], [3], [2]),
            ([3, 4, 6], [5, 3], [1, 2]),
            ([1, 12, 24, 12], [3, 1, 5], [1, 4, 3]),
            ([3, 96, 256, 384, 384, 256], [11, 5, 3, 3, 3], [1, 2, 1, 2, 2]),
        ),
        mistakes=(
            Mistake("groups-ignored", "every filter of yours sees all maps. With two groups, which maps does a "
                    "filter of the first group see?", lambda w, k, g: _tower_parameters(w, k, [1] * len(g))),
            Mistake("one-group-only", "you count the weights of one group. The others have their own.",
                    _tower_with(lambda b, a, k, g: (b // g) * (a // g) * k**2 + a)),
            Mistake("one-card-only", "you count what lies on one card, weights and biases. Add up the cards.",
                    _tower_with(lambda b, a, k, g: (b // g) * (a // g) * k**2 + a // g)),
            Mistake("groups-multiplied", "your weights become more with more groups. Do groups add connections?",
                    _tower_with(lambda b, a, k, g: b * a * k**2 * g + a)),
            Mistake("biases-missing", "you count weights. Each filter has a bias, too.",
                    _tower_with(lambda b, a, k, g: _parameters(b, a, k, g) - a)),
            Mistake("bias-for-each-group", "you count a bias for each filter in every group. A filter is in one group.",
                    _tower_with(lambda b, a, k, g: _parameters(b, a, k, g) + a * (g - 1))),
            Mistake("biases-split", "your biases become fewer with more groups. Does a filter ever lose its bias?",
                    _tower_with(lambda b, a, k, g: _parameters(b, a, k, g) - a + a // g)),
            Mistake("bias-for-each-input", "you count a bias for each map that a layer reads. What has the bias?",
                    _tower_with(lambda b, a, k, g: _parameters(b, a, k, g) - a + b)),
            Mistake("kernel-once", "you count the side of a kernel, not its area.",
                    _tower_with(lambda b, a, k, g: b // g * a * k + a)),
            Mistake("image-read-again", "each of your layers reads the image. What does the second one read?",
                    lambda w, k, g: sum(_parameters(w[0], a, n, 1) for a, n in zip(w[1:], k, strict=True))),
            Mistake("groups-one-late", "each of your layers has the groups of the layer before it.",
                    lambda w, k, g: _tower_parameters(w, k, [1, *g[:-1]])),
            Mistake("last-layer-only", "you count the last layer. A tower is all of them.",
                    lambda w, k, g: _tower_parameters(w[-2:], k[-1:], g[-1:])),
        ),
    ),
)


def _small_vgg(in_channels, depths, widths, num_classes, *, one_each=False, relu="all", pool=nn.MaxPool2d, where="end",
               padding=1, bias=True, head=None, gather=lambda: nn.AdaptiveAvgPool2d(1), after=(nn.Flatten,)):
    """Build the network; where: first, each, end or last of a block for its pool, head: the module before the mean."""
    layers, before = [], in_channels
    for block, (depth, width) in enumerate(zip(depths, widths, strict=True)):
        depth = 1 if one_each else depth
        layers += [pool(2)] if where == "first" else []
        for i in range(depth):
            layers.append(nn.Conv2d(before, width, 3, padding=padding, bias=bias))
            layers += [nn.ReLU()] if relu == "all" or (relu == "last" and i == depth - 1) else []
            layers += [pool(2)] if where == "each" else []
            before = width
        layers += [pool(2)] if where == "end" or (where == "inner" and block < len(widths) - 1) else []
    head = nn.Conv2d(before, num_classes, 1) if head is None else head(before, num_classes)
    return nn.Sequential(*layers, head, gather(), *(make() for make in after))


class _Sum(nn.Module):
    def forward(self, x):
        return x.sum(dim=(2, 3), keepdim=True)


def _filled(state):
    """Return numbers that depend on nothing but the shape, so that no order and no name of the layers matters."""
    rows = {}
    for name, value in state.items():
        wave = torch.sin(1 + 1.7 * torch.arange(value.numel()) + 0.3 * value.numel())
        inputs = value.numel() / value.shape[0] if value.dim() > 1 else 25.0
        rows[name] = (wave * (4 / inputs) ** 0.5).reshape(value.shape)
    return rows


def _counted_and_run(answer, in_channels, depths, widths, num_classes):
    """Return the number of parameters, the number of axes of the scores, and the scores of two filled pictures."""
    net = answer(in_channels, depths, widths, num_classes)
    if net is None:
        return None
    net.eval()
    state = net.state_dict()
    net.load_state_dict(_filled(state))
    side = 6 * 2 ** len(widths)
    x = torch.cos(0.37 * torch.arange(2 * in_channels * side * (side + 5)) ** 1.5).reshape(2, in_channels, side, -1)
    scores = net(x).detach()
    return np.array([sum(value.numel() for value in state.values()), scores.dim(), *scores.reshape(-1).tolist()])


def _vgg_with(**options):
    return lambda *case: _small_vgg(*case, **options)


def _draw_vggs(random):
    for blocks, most in ((1, 3), (1, 3), (2, 2), (2, 2), (2, 2), (3, 1)):
        depths, widths = random.integers(1, most + 1, blocks).tolist(), random.integers(2, 7, blocks).tolist()
        yield int(random.integers(1, 4)), depths, widths, int(random.integers(2, 6))


SMALL_VGG = Task(
    points=5,
    draw=_draw_vggs,
    forbidden=("cnnlib.models",),
    exercise=Exercise(
        name="small_vgg",
        objective=3,
        reference=_small_vgg,
        probe=_counted_and_run,
        tolerance=1e-5,
        cases=((1, [1], [2], 2), (1, [2], [3], 2), (3, [1, 2], [4, 6], 3), (2, [2, 2, 1], [3, 4, 6], 4)),
        mistakes=(
            Mistake("one-convolution-a-block", "each of your blocks has one convolution. What do the depths say?",
                    _vgg_with(one_each=True)),
            Mistake("relu-forgotten", "nothing is bent in your network.", _vgg_with(relu="none")),
            Mistake("relu-at-the-end-of-a-block", "your blocks have one ReLU. Where does it stand in VGG?",
                    _vgg_with(relu="last")),
            Mistake("pool-missing", "your maps keep the size of the picture.", _vgg_with(where="none")),
            Mistake("last-pool-missing", "your last block has no pool.", _vgg_with(where="inner")),
            Mistake("pool-first", "your blocks begin with the pool.", _vgg_with(where="first")),
            Mistake("pool-behind-each-convolution", "you pool behind each convolution. How often does a block of VGG "
                    "halve the size?", _vgg_with(where="each")),
            Mistake("mean-pool", "your blocks pool the mean of a window.", _vgg_with(pool=nn.AvgPool2d)),
            Mistake("padding-forgotten", "each of your convolutions takes two rows and two columns away.",
                    _vgg_with(padding=0)),
            Mistake("biases-missing", "your 3 x 3 convolutions have no bias. Here is no batch norm that replaces it.",
                    _vgg_with(bias=False)),
            Mistake("three-by-three-head", "your scores look at a window of 3 x 3. What does a small network at *every "
                    "pixel* look at?", _vgg_with(head=lambda b, c: nn.Conv2d(b, c, 3, padding=1))),
            Mistake("head-bias-missing", "the convolution that makes the scores has no bias.",
                    _vgg_with(head=lambda b, c: nn.Conv2d(b, c, 1, bias=False))),
            Mistake("relu-behind-the-scores", "your scores are never negative in any place.",
                    _vgg_with(head=lambda b, c: nn.Sequential(nn.Conv2d(b, c, 1), nn.ReLU()))),
            Mistake("sum-for-mean", "you add up each map. Large pictures get large scores.", _vgg_with(gather=_Sum)),
            Mistake("maximum-for-mean", "you take the largest number of each map.",
                    _vgg_with(gather=lambda: nn.AdaptiveMaxPool2d(1))),
            Mistake("axes-kept", "your scores still have rows and columns, one of each.", _vgg_with(after=())),
            Mistake("softmax-at-the-end", "your network returns chances. Scores were asked for.",
                    _vgg_with(after=(nn.Flatten, lambda: nn.Softmax(dim=1)))),
        ),
    ),
)


def _three_bills(size, depths, widths, hidden, num_classes, *, biases=1, area=9, places=lambda n: n * n, one_each=False,
                 passed=True, shrink=lambda n: n // 2, early=False, flat=lambda c, n: c * n * n, cut=slice(None),
                 share=lambda part, rest: part / (part + rest), image=0, first=None):
    """Return the shares (parameters, MACs, map numbers); the options are what a student may count in another way."""
    before, parameters, macs, maps = 3, 0, 0, []
    for depth, width in zip(depths, widths, strict=True):
        size, block, here = shrink(size) if early else size, [], before
        for _ in range(1 if one_each else depth):
            parameters += area * here * width + biases * width
            macs += area * here * width * places(size)
            block.append(width * size * size)
            here = width if passed else here
        maps.append(block)
        before, size = width, size if early else shrink(size)
    layers = list(pairwise([flat(before, size), *hidden, num_classes]))[cut]
    dense_macs = sum(a * b for a, b in layers)
    dense = dense_macs + biases * sum(b for _, b in layers)
    total, start = sum(sum(block) for block in maps) + image * 3 * maps[0][0] / widths[0], maps[0][:first]
    return share(dense, parameters), share(dense_macs, macs), share(sum(start), total - sum(start))


def _bills_with(**options):
    return lambda *case: _three_bills(*case, **options)


def _draw_bills(random):
    for _ in range(8):
        blocks = int(random.integers(2, 5))
        depths, widths = random.integers(1, 4, blocks).tolist(), random.integers(4, 65, blocks).tolist()
        depths[0] = 2
        yield (int(random.integers(33, 120)), depths, widths,
               random.integers(8, 200, random.integers(1, 3)).tolist(), int(random.integers(2, 50)))


THREE_BILLS = Task(
    points=4,
    draw=_draw_bills,
    forbidden=("cnnlib.shapes", "cnnlib.models"),
    exercise=Exercise(
        name="three_bills",
        objective=4,
        reference=_three_bills,
        cases=((4, [1, 1], [2, 2], [], 2), (8, [2, 1], [4, 8], [5], 3), (30, [2, 3], [8, 16], [20, 10], 4),
               (50, [2, 1, 2], [16, 32, 24], [64, 32], 10)),
        mistakes=(
            Mistake("biases-missing", "your parameters have no biases.", _bills_with(biases=0)),
            Mistake("kernel-once", "you count the side of a kernel, not its area.", _bills_with(area=3)),
            Mistake("places-forgotten", "each weight of your convolutions works once. How often does it for a picture?",
                    _bills_with(places=lambda n: 1)),
            Mistake("places-of-one-row", "your windows stand in one row.", _bills_with(places=lambda n: n)),
            Mistake("one-convolution-a-block", "each of your blocks has one convolution.", _bills_with(one_each=True)),
            Mistake("channels-not-passed", "all convolutions of your block read what enters the block.",
                    _bills_with(passed=False)),
            Mistake("not-pooled", "your maps keep the size of the picture.", _bills_with(shrink=lambda n: n)),
            Mistake("rounded-up", "you round up where a side is odd.", _bills_with(shrink=lambda n: (n + 1) // 2)),
            Mistake("pooled-too-early", "your blocks begin with the pool.", _bills_with(early=True)),
            Mistake("one-number-a-map", "your head reads the mean of each map. This one flattens.",
                    _bills_with(flat=lambda c, n: c)),
            Mistake("scores-missing", "your head ends before the scores.", _bills_with(cut=slice(-1))),
            Mistake("first-dense-layer-only", "your head is one dense layer.", _bills_with(cut=slice(1))),
            Mistake("part-by-rest", "you divide by the rest. A share is a part of the whole.",
                    _bills_with(share=lambda part, rest: part / max(rest, 1e-9))),
            Mistake("rest-for-part", "you return the share of everything else.",
                    _bills_with(share=lambda part, rest: rest / (part + rest))),
            Mistake("percent", "these are percents.", _bills_with(share=lambda part, rest: 100 * part / (part + rest))),
            Mistake("image-as-map", "you count the picture among the maps.", _bills_with(image=1)),
            Mistake("first-map-only", "you count the first convolution's maps, not those of the first block.",
                    _bills_with(first=1)),
        ),
    ),
)

TASKS = (TOWER_PARAMETERS, SMALL_VGG, THREE_BILLS)
