"""VGG: blocks of 3x3 convolutions, each block followed by a max pooling that halves H and W."""
from dataclasses import dataclass

import torch
from torch import nn

from cnnlib._arguments import flag
from cnnlib.models._blocks import start
from cnnlib.models._row import Row


@dataclass(frozen=True, kw_only=True)
class VGGRow(Row):
    """A column of the paper's Table 1.

    Attributes:
        depths: convolutions in each of the five blocks.
        batch_norm: a batch norm after each convolution, which the paper of 2014 did not have.
    """

    depths: tuple[int, ...]
    batch_norm: bool = False
    family: str = "VGG"
    year: int = 2014
    paper: str = "Simonyan & Zisserman (2015), Very Deep Convolutional Networks for Large-Scale Image Recognition"
    idea: str = "only 3x3 convolutions, stacked deep"


ROWS = {
    "vgg11": VGGRow(depths=(1, 1, 2, 2, 2), published_parameters=132_863_336, top1=0.69020),
    "vgg13": VGGRow(depths=(2, 2, 2, 2, 2), published_parameters=133_047_848, top1=0.69928),
    "vgg16": VGGRow(depths=(2, 2, 3, 3, 3), published_parameters=138_357_544, top1=0.71592),
    "vgg19": VGGRow(depths=(2, 2, 4, 4, 4), published_parameters=143_667_240, top1=0.72376),
    "vgg11_bn": VGGRow(depths=(1, 1, 2, 2, 2), batch_norm=True, published_parameters=132_868_840, top1=0.70370),
    "vgg13_bn": VGGRow(depths=(2, 2, 2, 2, 2), batch_norm=True, published_parameters=133_053_736, top1=0.71586),
    "vgg16_bn": VGGRow(depths=(2, 2, 3, 3, 3), batch_norm=True, published_parameters=138_365_992, top1=0.73360),
    "vgg19_bn": VGGRow(depths=(2, 2, 4, 4, 4), batch_norm=True, published_parameters=143_678_248, top1=0.74218),
}
WIDTHS = (64, 128, 256, 512, 512)


class VGG(nn.Module):
    """Map images (N, in_channels, H, W), H and W at least 32, to scores (N, num_classes).

    Args:
        row: the depths of the blocks.
        num_classes: number of scores.
        in_channels: channels of the images.
        small_images: pool to 1x1 and classify by one linear layer, instead of 7x7 and three, which hold nine tenths
            of the parameters.

    Raises:
        ValueError: small_images is not a bool.

    Source:
        Simonyan & Zisserman (2015), Table 1; keys as torchvision's.

    >>> sum(p.numel() for p in VGG(ROWS["vgg11"], num_classes=10, small_images=True).parameters())
    9225610
    """

    def __init__(self, row, *, num_classes=1000, in_channels=3, small_images=False):
        super().__init__()
        small = flag("create_model", "small_images", small_images)
        self.features = nn.Sequential(*_blocks(row, in_channels))
        self.avgpool = nn.AdaptiveAvgPool2d(1 if small else 7)
        self.classifier = nn.Linear(512, num_classes) if small else _classifier(num_classes)
        self.apply(_start)

    def forward(self, x):
        """Return the scores before softmax."""
        return self.classifier(torch.flatten(self.avgpool(self.features(x)), 1))


def _blocks(row, channels):
    layers = []
    for depth, width in zip(row.depths, WIDTHS, strict=True):
        for _ in range(depth):
            layers.append(nn.Conv2d(channels, width, kernel_size=3, padding=1))
            layers += [nn.BatchNorm2d(width)] if row.batch_norm else []
            layers.append(nn.ReLU(inplace=True))
            channels = width
        layers.append(nn.MaxPool2d(kernel_size=2, stride=2))
    return layers


def _classifier(num_classes):
    return nn.Sequential(  # keys 0, 3 and 6 hold weights
        nn.Linear(512 * 7 * 7, 4096), nn.ReLU(inplace=True), nn.Dropout(),
        nn.Linear(4096, 4096), nn.ReLU(inplace=True), nn.Dropout(), nn.Linear(4096, num_classes))


def _start(layer):
    start(layer)
    if isinstance(layer, nn.Linear) and not layer.weight.is_meta:
        nn.init.normal_(layer.weight, std=0.01)
        nn.init.zeros_(layer.bias)


build = VGG
