"""MobileNet V1 and V2: depthwise convolutions for space, 1x1 convolutions for channels."""
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from cnnlib._arguments import above_zero, flag
from cnnlib.models._blocks import conv_norm, divisible, start
from cnnlib.models._row import Row


@dataclass(frozen=True, kw_only=True)
class MobileNetRow(Row):
    """One version.

    Attributes:
        stages: V1: (channels, stride, repeats); V2: (expansion, channels, repeats, stride of the first).
        inverted: V2's blocks, wide inside and with a sum around them.
    """

    stages: tuple[tuple[int, ...], ...]
    inverted: bool
    family: str = "MobileNet"


ROWS = {
    "mobilenet_v1": MobileNetRow(
        stages=((64, 1, 1), (128, 2, 1), (128, 1, 1), (256, 2, 1), (256, 1, 1), (512, 2, 1), (512, 1, 5),
                (1024, 2, 1), (1024, 1, 1)), inverted=False, year=2017,
        paper="Howard et al. (2017), MobileNets: Efficient Convolutional Neural Networks for Mobile Vision",
        idea="every convolution but the first split in depthwise and 1x1", top1=0.706, top1_source="the paper, Table 8",
        published_parameters=4_231_976, source="timm and pytorchcv; the paper: 4.2 M"),
    "mobilenet_v2": MobileNetRow(
        stages=((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2),
                (6, 320, 1, 1)), inverted=True, published_parameters=3_504_872, year=2018,
        paper="Sandler, Howard, Zhu, Zhmoginov & Chen (2018), MobileNetV2: Inverted Residuals and Linear Bottlenecks",
        idea="narrow maps on the shortcut, wide ones inside, no ReLU on the narrow ones", top1=0.71878),
}


class DepthwiseSeparable(nn.Sequential):
    """Map (N, in_channels, H, W) to (N, out_channels, H / stride, W / stride): a 3x3 for each channel, then a 1x1.

    Args:
        in_channels: channels of the input, each with one 3x3 filter.
        out_channels: channels of the output.
        stride: of the 3x3 convolution, in pixels.

    Source:
        Howard et al. (2017), figure 3, right.

    >>> DepthwiseSeparable(32, 64, stride=2)(torch.zeros(1, 32, 8, 8)).shape
    torch.Size([1, 64, 4, 4])
    """

    def __init__(self, in_channels, out_channels, *, stride=1):
        super().__init__(
            conv_norm(in_channels, in_channels, 3, stride=stride, groups=in_channels, activation=nn.ReLU),
            conv_norm(in_channels, out_channels, 1, activation=nn.ReLU))


class InvertedResidual(nn.Module):
    """Map (N, in_channels, H, W) to (N, out_channels, H / stride, W / stride): widen, 3x3 a channel, narrow, add.

    Args:
        in_channels: channels of the narrow input.
        out_channels: channels of the narrow output.
        stride: of the 3x3 convolution; the sum is there at stride 1 and equal channels only.
        expansion: how many times wider it is inside; 1 leaves the first 1x1 out.

    Source:
        Sandler et al. (2018), Table 1 and figure 4 (d); keys as torchvision's.

    >>> InvertedResidual(16, 24, stride=2, expansion=6)(torch.zeros(1, 16, 8, 8)).shape
    torch.Size([1, 24, 4, 4])
    """

    def __init__(self, in_channels, out_channels, *, stride=1, expansion=6):
        super().__init__()
        inner = in_channels * expansion
        widen = [conv_norm(in_channels, inner, 1, activation=nn.ReLU6)] if expansion != 1 else []
        self.conv = nn.Sequential(
            *widen, conv_norm(inner, inner, 3, stride=stride, groups=inner, activation=nn.ReLU6),
            *conv_norm(inner, out_channels, 1, activation=None))
        self.adds = stride == 1 and in_channels == out_channels

    def forward(self, x):
        """Return F(x), with x added where the shapes allow it; nothing is rectified after the sum."""
        return x + self.conv(x) if self.adds else self.conv(x)


class MobileNetV1(nn.Module):
    """Map images (N, in_channels, H, W) to scores (N, num_classes).

    Args:
        row: the stages.
        num_classes: number of scores.
        in_channels: channels of the images.
        width_mult: the paper's width multiplier α: the factor on all channels.
        small_images: stride 1 in the first convolution.

    Raises:
        ValueError: width_mult is not above 0, or small_images not a bool.

    Source:
        Howard et al. (2017), Table 1.

    >>> sum(p.numel() for p in MobileNetV1(ROWS["mobilenet_v1"], width_mult=0.5).parameters())
    1331592
    """

    def __init__(self, row, *, num_classes=1000, in_channels=3, width_mult=1.0, small_images=False):
        super().__init__()
        stride, factor = _options(width_mult, small_images)
        channels = max(8, int(32 * factor))
        layers = [conv_norm(in_channels, channels, 3, stride=stride, activation=nn.ReLU)]
        for width, stride, repeats in row.stages:
            for _ in range(repeats):
                layers.append(DepthwiseSeparable(channels, max(8, int(width * factor)), stride=stride))
                channels = max(8, int(width * factor))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Linear(channels, num_classes)
        self.apply(start)

    def forward(self, x):
        """Return the scores before softmax."""
        return self.classifier(_pooled(self.features(x)))


class MobileNetV2(nn.Module):
    """Map images (N, in_channels, H, W) to scores (N, num_classes).

    Args:
        row: the stages.
        num_classes: number of scores.
        in_channels: channels of the images.
        width_mult: the factor on all channels, which are then rounded to multiples of 8.
        small_images: stride 1 in the first convolution.

    Raises:
        ValueError: width_mult is not above 0, or small_images not a bool.

    Source:
        Sandler et al. (2018), Table 2; keys and rounding as torchvision's.

    >>> sum(p.numel() for p in MobileNetV2(ROWS["mobilenet_v2"]).parameters())
    3504872
    """

    def __init__(self, row, *, num_classes=1000, in_channels=3, width_mult=1.0, small_images=False):
        super().__init__()
        stride, factor = _options(width_mult, small_images)
        channels = divisible(32 * factor)
        layers = [conv_norm(in_channels, channels, 3, stride=stride, activation=nn.ReLU6)]
        for expansion, width, repeats, first in row.stages:
            for number in range(repeats):
                stride = first if number == 0 else 1
                layers.append(InvertedResidual(channels, divisible(width * factor), stride=stride, expansion=expansion))
                channels = divisible(width * factor)
        last = divisible(1280 * max(1.0, factor))
        self.features = nn.Sequential(*layers, conv_norm(channels, last, 1, activation=nn.ReLU6))
        self.classifier = nn.Sequential(nn.Dropout(p=0.2), nn.Linear(last, num_classes))
        self.apply(_start)

    def forward(self, x):
        """Return the scores before softmax."""
        return self.classifier(_pooled(self.features(x)))


def _options(width_mult, small_images):
    """Return the first stride and the factor on the channels."""
    factor = above_zero("create_model", "width_mult", width_mult)
    return (1 if flag("create_model", "small_images", small_images) else 2), factor


def _pooled(x):
    return torch.flatten(functional.adaptive_avg_pool2d(x, (1, 1)), 1)


def _start(layer):
    start(layer)
    if isinstance(layer, nn.Linear) and not layer.weight.is_meta:
        nn.init.normal_(layer.weight, std=0.01)
        nn.init.zeros_(layer.bias)


def build(row, *, num_classes=1000, in_channels=3, width_mult=1.0, small_images=False):
    """Return the network of the row.

    >>> type(build(ROWS["mobilenet_v1"], width_mult=0.25)).__name__
    'MobileNetV1'
    """
    network = MobileNetV2 if row.inverted else MobileNetV1
    return network(
        row, num_classes=num_classes, in_channels=in_channels, width_mult=width_mult, small_images=small_images)
