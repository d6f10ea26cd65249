"""The networks as plain programs in torchvision's order, to measure cnnlib.models against.

Each program takes (net, x): Layers or Functions with tensors by torchvision's keys, and images (N, 3, H, W). It returns
scores (N, 1000) as in evaluation mode, where dropout is called and does nothing. Nothing here comes from cnnlib.
"""
from collections import OrderedDict
from functools import partial

import torch
from torch import nn
from torch.nn import functional

from benchmarks._layers import Functions, Layers
from benchmarks._references_inception import googlenet, inception_v3


def _chain(features, size, classifier):
    """Return a network without forks as one nn.Sequential, with dropout where torchvision has it."""
    return nn.Sequential(OrderedDict(
        features=nn.Sequential(*features), avgpool=nn.AdaptiveAvgPool2d((size, size)), flatten=nn.Flatten(),
        classifier=nn.Sequential(*classifier)))


def alexnet():
    """Return AlexNet as an nn.Sequential."""
    return _chain([
        nn.Conv2d(3, 64, 11, stride=4, padding=2), nn.ReLU(True), nn.MaxPool2d(3, 2),
        nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(True), nn.MaxPool2d(3, 2),
        nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(True), nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(True),
        nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(True), nn.MaxPool2d(3, 2),
    ], 6, [nn.Dropout(), nn.Linear(9216, 4096), nn.ReLU(True), nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU(True),
           nn.Linear(4096, 1000)])


def vgg16():
    """Return VGG-16 as an nn.Sequential."""
    layers, channels = [], 3
    for width in (64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M"):
        if width == "M":
            layers.append(nn.MaxPool2d(2, 2))
            continue
        layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(True)]
        channels = width
    return _chain(layers, 7, [nn.Linear(25088, 4096), nn.ReLU(True), nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU(True),
                              nn.Dropout(), nn.Linear(4096, 1000)])


def resnet(net, x, *, depths, convolutions, groups=1):
    """Run a ResNet with that many blocks in each stage, of two or three convolutions each."""
    x = net.relu(net.norm("bn1", net.conv("conv1", x, stride=2, padding=3)))
    x = functional.max_pool2d(x, 3, 2, 1)
    for stage, depth in enumerate(depths, start=1):
        for number in range(depth):
            stride = 2 if stage > 1 and number == 0 else 1
            x = _residual(net, f"layer{stage}.{number}.", x, stride, convolutions, groups)
    return net.scores("fc", x)


def _residual(net, block, x, stride, convolutions, groups):
    first = {"stride": stride, "padding": 1}
    if convolutions == 2:
        y = net.relu(net.norm(block + "bn1", net.conv(block + "conv1", x, **first)))
        y = net.norm(block + "bn2", net.conv(block + "conv2", y, padding=1))
    else:
        y = net.relu(net.norm(block + "bn1", net.conv(block + "conv1", x)))
        y = net.relu(net.norm(block + "bn2", net.conv(block + "conv2", y, groups=groups, **first)))
        y = net.norm(block + "bn3", net.conv(block + "conv3", y))
    if block + "downsample.0.weight" in net.state:
        x = net.norm(block + "downsample.1", net.conv(block + "downsample.0", x, stride=stride))
    y += x
    return net.relu(y)


def densenet121(net, x):
    """Run DenseNet-121."""
    x = net.relu(net.norm("features.norm0", net.conv("features.conv0", x, stride=2, padding=3)))
    x = functional.max_pool2d(x, 3, 2, 1)
    for number, depth in enumerate((6, 12, 24, 16), start=1):
        maps = [x]
        for position in range(1, depth + 1):
            layer = f"features.denseblock{number}.denselayer{position}."
            y = net.conv(layer + "conv1", net.relu(net.norm(layer + "norm1", torch.cat(maps, 1))))
            maps.append(net.conv(layer + "conv2", net.relu(net.norm(layer + "norm2", y)), padding=1))
        x = torch.cat(maps, 1)
        if number < 4:
            transition = f"features.transition{number}."
            x = net.conv(transition + "conv", net.relu(net.norm(transition + "norm", x)))
            x = functional.avg_pool2d(x, 2, 2)
    return net.scores("classifier", net.relu(net.norm("features.norm5", x)))


def mobilenet_v2(net, x):
    """Run MobileNetV2."""
    def wide(layer, x, **options):
        return net.relu6(net.norm(f"{layer}.1", net.conv(f"{layer}.0", x, **options)))

    x = wide("features.0", x, stride=2, padding=1)
    for number, stride in enumerate((1, 2, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1), start=1):
        block, widened = f"features.{number}.conv.", int(number > 1)
        y = wide(block + "0", x) if widened else x
        y = wide(f"{block}{widened}", y, stride=stride, padding=1, groups=y.shape[1])
        y = net.norm(f"{block}{widened + 2}", net.conv(f"{block}{widened + 1}", y))
        x = x + y if x.shape == y.shape else y
    return net.scores("classifier.1", wide("features.18", x), functional.dropout)


def efficientnet_b0(net, x):
    """Run EfficientNet-B0."""
    def wide(layer, x, **options):
        return net.silu(net.norm(f"{layer}.1", net.conv(f"{layer}.0", x, **options)))

    def scaled(layer, x):
        y = net.conv(f"{layer}.fc1", functional.adaptive_avg_pool2d(x, 1))
        return torch.sigmoid(net.conv(f"{layer}.fc2", net.silu(y))) * x

    x = wide("features.0", x, stride=2, padding=1)
    stages = ((3, 1, 1), (3, 2, 2), (5, 2, 2), (3, 2, 3), (5, 1, 3), (5, 2, 4), (3, 1, 1))
    for stage, (kernel_size, first, depth) in enumerate(stages, start=1):
        for number in range(depth):
            block, widened, stride = f"features.{stage}.{number}.block.", int(stage > 1), 1 if number else first
            y = wide(block + "0", x) if widened else x
            y = wide(f"{block}{widened}", y, stride=stride, padding=kernel_size // 2, groups=y.shape[1])
            y = scaled(f"{block}{widened + 1}", y)
            y = net.norm(f"{block}{widened + 2}.1", net.conv(f"{block}{widened + 2}.0", y))
            if x.shape == y.shape:
                y += x
            x = y
    return net.scores("classifier.1", wide("features.8", x), partial(functional.dropout, inplace=True))


SEQUENTIAL = {"alexnet": alexnet, "vgg16": vgg16}
PROGRAMS = {
    "resnet18": partial(resnet, depths=(2, 2, 2, 2), convolutions=2),
    "resnet50": partial(resnet, depths=(3, 4, 6, 3), convolutions=3),
    "resnext50_32x4d": partial(resnet, depths=(3, 4, 6, 3), convolutions=3, groups=32),
    "densenet121": densenet121,
    "mobilenet_v2": mobilenet_v2,
    "googlenet": googlenet,
    "inception_v3": inception_v3,
    "efficientnet_b0": efficientnet_b0,
}


def plain(name, state):
    """Return (kind, function of images) for a network, made of nn layers that hold the tensors of a state_dict.

    >>> plain("resnet18", {})[0]
    'program of nn layers'
    """
    if name in PROGRAMS:
        return Layers.kind, partial(PROGRAMS[name], Layers(state))
    with torch.device("meta"):
        network = SEQUENTIAL[name]().eval()
    network.load_state_dict(state, assign=True)
    return "nn.Sequential", network


def bare(name, state):
    """Return a function of images that calls PyTorch's functions alone, or None for a network that is a chain.

    >>> bare("alexnet", {})
    """
    return partial(PROGRAMS[name], Functions(state)) if name in PROGRAMS else None
