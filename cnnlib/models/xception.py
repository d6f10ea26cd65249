"""Xception: Inception's branches taken to the end, one filter for each channel and then a 1x1 convolution."""
from collections import OrderedDict
from dataclasses import dataclass

import torch
from torch import nn

from cnnlib._arguments import flag
from cnnlib.models._row import Row


@dataclass(frozen=True, kw_only=True)
class XceptionRow(Row):
    """The network of figure 5.

    Attributes:
        entry: channels of the three blocks that halve H and W.
        middle: how many blocks keep channels, H and W.
        exit: channels of the two convolutions of the last block, which halves H and W.
        head: channels of the two separable convolutions after it.
        dropout: fraction of the averaged features that training drops.
    """

    entry: tuple[int, ...] = (128, 256, 728)
    middle: int = 8
    exit: tuple[int, int] = (728, 1024)
    head: tuple[int, int] = (1536, 2048)
    dropout: float = 0.5
    family: str = "Inception"
    year: int = 2016
    paper: str = "Chollet (2017), Xception: Deep Learning with Depthwise Separable Convolutions"
    idea: str = "look at each channel alone, then mix the channels, with a shortcut around every block"
    source: str = "timm; the paper's Table 3"
    input_size: int = 299
    top1_source: str = "the paper's Table 1"


ROWS = {"xception": XceptionRow(published_parameters=22_855_952, top1=0.790)}


class SeparableConv2d(nn.Sequential):
    """Map (N, in_channels, H, W) to (N, out_channels, H, W), with no activation between the two convolutions.

    Args:
        in_channels: channels of the input; each has one 3x3 filter (``depthwise``).
        out_channels: filters of the 1x1 convolution (``pointwise``).

    Source:
        Chollet (2017), sections 2 and 4.7.

    >>> sum(p.numel() for p in SeparableConv2d(64, 128).parameters()) == 64 * 9 + 64 * 128
    True
    """

    def __init__(self, in_channels, out_channels):
        super().__init__(OrderedDict(
            depthwise=nn.Conv2d(in_channels, in_channels, 3, padding=1, groups=in_channels, bias=False),
            pointwise=nn.Conv2d(in_channels, out_channels, 1, bias=False)))


class XceptionBlock(nn.Module):
    """Map (N, in_channels, H, W) to (N, widths[-1], H', W'): ReLU, separable convolution and batch norm for each width.

    Args:
        in_channels: channels of the input.
        widths: channels after each separable convolution.
        stride: 2 halves H and W (rounded up) by a max pooling at the end; the shortcut is then a 1x1 convolution.
        relu_first: False leaves out the first ReLU, where the input comes from one.

    Source:
        Chollet (2017), figure 5.

    >>> XceptionBlock(64, (128, 128), stride=2)(torch.zeros(1, 64, 9, 9)).shape
    torch.Size([1, 128, 5, 5])
    """

    def __init__(self, in_channels, widths, *, stride=1, relu_first=True):
        super().__init__()
        self.shortcut = nn.Identity()
        if stride > 1 or widths[-1] != in_channels:
            self.shortcut = nn.Sequential(nn.Conv2d(in_channels, widths[-1], 1, stride=stride, bias=False),
                                          nn.BatchNorm2d(widths[-1]))
        layers, channels = [], in_channels
        for width in widths:
            layers += [nn.ReLU(inplace=bool(layers)), SeparableConv2d(channels, width), nn.BatchNorm2d(width)]
            channels = width
        layers += [nn.MaxPool2d(3, stride=stride, padding=1)] if stride > 1 else []
        self.body = nn.Sequential(*layers if relu_first else layers[1:])

    def forward(self, x):
        """Return the sum of the layers and the shortcut, which no activation follows."""
        return self.body(x) + self.shortcut(x)


class Xception(nn.Module):
    """Map images (N, in_channels, H, W), H and W at least 7, to scores (N, num_classes).

    Args:
        row: the channels of the blocks.
        num_classes: number of scores.
        in_channels: channels of the images.
        small_images: start with stride 1, so that the last maps are 1/16 and not 1/32 of H and W.

    Raises:
        ValueError: small_images is neither True nor False.

    Source:
        Chollet (2017), figure 5. The layers stand in the order of timm's; the keys differ.

    >>> with torch.device("meta"):
    ...     Xception(ROWS["xception"]).features(torch.zeros(1, 3, 299, 299)).shape
    torch.Size([1, 2048, 10, 10])
    """

    def __init__(self, row, *, num_classes=1000, in_channels=3, small_images=False):
        small_images = flag("create_model", "small_images", small_images)
        super().__init__()
        self.features, channels = _features(row, in_channels, 1 if small_images else 2)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(nn.Dropout(row.dropout), nn.Linear(channels, num_classes))

    def forward(self, x):
        """Return the scores before softmax."""
        return self.classifier(torch.flatten(self.avgpool(self.features(x)), 1))


def _features(row, in_channels, stride):
    stages = OrderedDict(stem=nn.Sequential(
        nn.Conv2d(in_channels, 32, 3, stride=stride, bias=False), nn.BatchNorm2d(32), nn.ReLU(inplace=True),
        nn.Conv2d(32, 64, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(inplace=True)))
    channels, blocks = 64, []
    for width in row.entry:
        blocks.append(XceptionBlock(channels, (width, width), stride=2, relu_first=bool(blocks)))
        channels = width
    stages["entry"] = nn.Sequential(*blocks)
    stages["middle"] = nn.Sequential(*(XceptionBlock(channels, (channels,) * 3) for _ in range(row.middle)))
    layers, channels = [XceptionBlock(channels, row.exit, stride=2)], row.exit[-1]
    for width in row.head:
        layers += [SeparableConv2d(channels, width), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
        channels = width
    stages["exit"] = nn.Sequential(*layers)
    return nn.Sequential(stages), channels


build = Xception
