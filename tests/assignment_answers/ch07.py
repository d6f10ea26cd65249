"""Answers to the assignment of chapter 7."""
from itertools import pairwise

import numpy as np
from torch import nn


def tower_by_torch(widths, kernels, groups):
    total = 0
    for i, kernel in enumerate(kernels):
        layer = nn.Conv2d(widths[i], widths[i + 1], kernel, groups=groups[i])
        total += layer.weight.numel() + layer.bias.numel()
    return total


def tower_by_groups(widths, kernels, groups):
    total = 0
    for i in range(len(kernels)):
        for _ in range(groups[i]):
            inside, outside = widths[i] // groups[i], widths[i + 1] // groups[i]
            total += outside * (inside * kernels[i] * kernels[i] + 1)
    return total


def tower_by_arrays(widths, kernels, groups):
    w, k, g = (np.array(values, dtype=float) for values in (widths, kernels, groups))
    return (w[:-1] / g * w[1:] * k**2).sum() + w[1:].sum()


def tower(weights=lambda a, b, k, g: a * b * k * k // g, biases=lambda a, b, g: b, inputs=None, grouped=None):
    def answer(widths, kernels, groups):
        total = 0
        for i, k in enumerate(kernels):
            a = widths[0] if inputs == "image" else widths[i]
            g = groups[i] if grouped is None else grouped(groups, i)
            total += weights(a, widths[i + 1], k, g) + biases(a, widths[i + 1], g)
        return total
    return answer


def vgg_sequential(in_channels, depths, widths, num_classes):
    layers = []
    for depth, width in zip(depths, widths, strict=True):
        for _ in range(depth):
            layers += [nn.Conv2d(in_channels, width, 3, padding=1), nn.ReLU()]
            in_channels = width
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, nn.Conv2d(in_channels, num_classes, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())


class VGGModule(nn.Module):
    """The head first, a dense layer behind the mean: the same numbers."""

    def __init__(self, in_channels, depths, widths, num_classes):
        super().__init__()
        self.classifier = nn.Linear(widths[-1], num_classes)
        steps = [in_channels] + [width for depth, width in zip(depths, widths, strict=True) for _ in range(depth)]
        self.convolutions = nn.ModuleList(
            nn.Conv2d(a, b, kernel_size=(3, 3), padding="same") for a, b in pairwise(steps))
        self.ends = [sum(depths[:i + 1]) for i in range(len(depths))]

    def forward(self, x):
        for i, convolution in enumerate(self.convolutions, start=1):
            x = convolution(x).clamp(min=0)
            if i in self.ends:
                x = nn.functional.max_pool2d(x, kernel_size=2, stride=2)
        return self.classifier(x.mean(dim=(2, 3)))


def vgg_of_blocks(in_channels, depths, widths, num_classes):
    class Scores(nn.Module):
        def __init__(self, channels):
            super().__init__()
            self.one = nn.Conv2d(channels, num_classes, 1)

        def forward(self, x):
            x = self.one(x).flatten(2)
            return x.sum(-1) / x.shape[-1]

    def block(a, b, depth):
        inner = [layer for i in range(depth) for layer in (nn.Conv2d(b if i else a, b, 3, 1, 1), nn.ReLU(inplace=True))]
        return nn.Sequential(*inner, nn.MaxPool2d(kernel_size=2))

    net = nn.Sequential()
    for a, b, depth in zip([in_channels, *widths], widths, depths, strict=False):
        net.append(block(a, b, depth))
    return net.append(Scores(widths[-1]))


class Odd(nn.Module):
    """A VGG with one thing changed."""

    def __init__(self, in_channels, depths, widths, num_classes, **change):
        super().__init__()
        self.depths, self.change = [1 if change.get("single") else d for d in depths], change
        steps = [in_channels] + [w for d, w in zip(self.depths, widths, strict=True) for _ in range(d)]
        self.body = nn.ModuleList(nn.Conv2d(a, b, 3, padding=change.get("padding", 1), bias=change.get("bias", True))
                                  for a, b in pairwise(steps))
        k = change.get("head", 1)
        self.head = nn.Conv2d(widths[-1], num_classes, k, padding=k // 2, bias=change.get("head_bias", True))

    def forward(self, x):
        pool = nn.functional.avg_pool2d if self.change.get("average") else nn.functional.max_pool2d
        where, bend, at = self.change.get("where", "end"), self.change.get("bend", "all"), 0
        for number, depth in enumerate(self.depths):
            x = pool(x, 2) if where == "first" else x
            for i in range(depth):
                x = self.body[at](x)
                at += 1
                x = x.relu() if bend == "all" or (bend == "last" and i + 1 == depth) else x
                x = pool(x, 2) if where == "each" else x
            last = number + 1 == len(self.depths)
            x = pool(x, 2) if where == "end" or (where == "inner" and not last) else x
        return self.change.get("finish", lambda z: z.mean((2, 3)))(self.head(x))


def vgg(**change):
    return lambda *case: Odd(*case, **change)


def bills_by_lists(size, depths, widths, hidden, num_classes):
    convolutions, maps, channels = [], [], 3
    for number, depth in enumerate(depths):
        for _ in range(depth):
            convolutions.append((channels, widths[number], size))
            maps.append((number, widths[number] * size**2))
            channels = widths[number]
        size //= 2
    units = [channels * size**2, *hidden, num_classes]
    dense = list(pairwise(units))
    p_dense, p_conv = sum((a + 1) * b for a, b in dense), sum((9 * a + 1) * b for a, b, _ in convolutions)
    m_dense, m_conv = sum(a * b for a, b in dense), sum(9 * a * b * n * n for a, b, n in convolutions)
    first = sum(count for number, count in maps if number == 0)
    return [p_dense / (p_dense + p_conv), m_dense / (m_dense + m_conv), first / sum(count for _, count in maps)]


def bills_by_arrays(size, depths, widths, hidden, num_classes):
    out = np.repeat(widths, depths)
    into = np.concatenate([[3], out[:-1]])
    sides = np.repeat([size // 2**i for i in range(len(depths))], depths)
    dense = np.array([widths[-1] * (size // 2 ** len(depths)) ** 2, *hidden, num_classes])
    weights, head = 9 * into * out, (dense[:-1] * dense[1:]).sum()
    numbers = out * sides**2
    parts = np.array([head + dense[1:].sum(), head, numbers[:depths[0]].sum()])
    return parts / [parts[0] + (weights + out).sum(), head + (weights * sides**2).sum(), numbers.sum()]


def bills_by_torch(size, depths, widths, hidden, num_classes):
    before, conv, macs, maps = 3, 0, 0, []
    for depth, width in zip(depths, widths, strict=True):
        for i in range(depth):
            layer = nn.Conv2d(width if i else before, width, 3, padding=1)
            conv += sum(p.numel() for p in layer.parameters())
            macs += layer.weight.numel() * size * size
        maps.append(depth * width * size * size)
        before, size = width, size // 2
    inputs, dense, dense_macs = before * size * size, 0, 0
    for units in [*hidden, num_classes]:
        dense, dense_macs, inputs = dense + units * (inputs + 1), dense_macs + units * inputs, units
    return dense / (dense + conv), dense_macs / (dense_macs + macs), maps[0] / sum(maps)


def bills(bias=1, area=9, places=lambda n: n * n, single=False, passing=True, half=lambda n: n // 2, early=False,
          flat=lambda c, n: c * n * n, dense=lambda layers: layers, result=lambda part, whole: part / whole,
          image=False, first=None):
    """Return a count with one thing changed."""
    def answer(size, depths, widths, hidden, num_classes):
        whole = size
        channels, params, macs, maps = 3, 0, 0, []
        for number, width in enumerate(widths):
            size = half(size) if early else size
            entered = channels
            for _ in range(1 if single else depths[number]):
                reads = channels if passing else entered
                params += width * (area * reads + bias)
                macs += width * area * reads * places(size)
                maps.append((number, width * size * size))
                channels = width
            size = size if early else half(size)
        units = [flat(channels, size), *hidden, num_classes]
        layers = dense(list(pairwise(units)))
        head = sum(a * b for a, b in layers)
        full = head + bias * sum(b for _, b in layers)
        mine = [count for number, count in maps if number == 0][:first]
        total = sum(count for _, count in maps) + (3 * whole * whole if image else 0)
        return (result(full, full + params), result(head, head + macs), result(sum(mine), total))
    return answer


RIGHT = {
    "tower_parameters": (tower_by_torch, tower_by_groups, tower_by_arrays),
    "small_vgg": (vgg_sequential, VGGModule, vgg_of_blocks),
    "three_bills": (bills_by_lists, bills_by_arrays, bills_by_torch),
}

WRONG = {
    "tower_parameters": {
        "groups-ignored": tower(grouped=lambda groups, i: 1),
        "one-group-only": tower(weights=lambda a, b, k, g: (a // g) * (b // g) * k * k),
        "one-card-only": tower(lambda a, b, k, g: (a // g) * (b // g) * k * k, lambda a, b, g: b // g),
        "groups-multiplied": tower(weights=lambda a, b, k, g: a * b * k * k * g),
        "biases-missing": tower(biases=lambda a, b, g: 0),
        "bias-for-each-group": tower(biases=lambda a, b, g: b * g),
        "biases-split": tower(biases=lambda a, b, g: b // g),
        "bias-for-each-input": tower(biases=lambda a, b, g: a),
        "kernel-once": tower(weights=lambda a, b, k, g: a // g * b * k),
        "image-read-again": tower(inputs="image", grouped=lambda groups, i: 1),
        "groups-one-late": tower(grouped=lambda groups, i: groups[i - 1] if i else 1),
        "last-layer-only": lambda w, k, g: tower_by_torch(w[-2:], k[-1:], g[-1:]),
    },
    "small_vgg": {
        "one-convolution-a-block": vgg(single=True),
        "relu-forgotten": vgg(bend="none"),
        "relu-at-the-end-of-a-block": vgg(bend="last"),
        "pool-missing": vgg(where="none"),
        "last-pool-missing": vgg(where="inner"),
        "pool-first": vgg(where="first"),
        "pool-behind-each-convolution": vgg(where="each"),
        "mean-pool": vgg(average=True),
        "padding-forgotten": vgg(padding=0),
        "biases-missing": vgg(bias=False),
        "three-by-three-head": vgg(head=3),
        "head-bias-missing": vgg(head_bias=False),
        "relu-behind-the-scores": vgg(finish=lambda z: z.relu().mean((2, 3))),
        "sum-for-mean": vgg(finish=lambda z: z.sum((2, 3))),
        "maximum-for-mean": vgg(finish=lambda z: z.amax((2, 3))),
        "axes-kept": vgg(finish=lambda z: z.mean((2, 3), keepdim=True)),
        "softmax-at-the-end": vgg(finish=lambda z: z.mean((2, 3)).softmax(1)),
    },
    "three_bills": {
        "biases-missing": bills(bias=0),
        "kernel-once": bills(area=3),
        "places-forgotten": bills(places=lambda n: 1),
        "places-of-one-row": bills(places=lambda n: n),
        "one-convolution-a-block": bills(single=True),
        "channels-not-passed": bills(passing=False),
        "not-pooled": bills(half=lambda n: n),
        "rounded-up": bills(half=lambda n: n - n // 2),
        "pooled-too-early": bills(early=True),
        "one-number-a-map": bills(flat=lambda c, n: c),
        "scores-missing": bills(dense=lambda layers: layers[:-1]),
        "first-dense-layer-only": bills(dense=lambda layers: layers[:1]),
        "part-by-rest": bills(result=lambda part, whole: part / (whole - part)),
        "rest-for-part": bills(result=lambda part, whole: 1 - part / whole),
        "percent": bills(result=lambda part, whole: part / whole * 100),
        "image-as-map": bills(image=True),
        "first-map-only": bills(first=1),
    },
}
