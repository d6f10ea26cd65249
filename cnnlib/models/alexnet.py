"""AlexNet: the paper's network in two groups, and the one-tower form that torchvision has."""
from dataclasses import dataclass

import torch
from torch import nn

from cnnlib.models._row import Row


@dataclass(frozen=True, kw_only=True)
class AlexNetRow(Row):
    """One of the two layouts.

    Attributes:
        widths: output channels of the five convolutions.
        groups: groups of the second, fourth and fifth convolution; 2 stood for two graphics cards.
        padding: around the first convolution, in pixels.
        local_norm: local response normalization after the first two ReLUs.
    """

    widths: tuple[int, ...]
    groups: int
    padding: int
    local_norm: bool
    family: str = "AlexNet"
    year: int = 2012
    paper: str = ("Krizhevsky, Sutskever & Hinton (2012), ImageNet Classification with Deep Convolutional Neural "
                  "Networks")
    idea: str = "deep, with ReLU and dropout, trained on a million photographs"


ROWS = {
    "alexnet": AlexNetRow(
        widths=(64, 192, 384, 256, 256), groups=1, padding=2, local_norm=False,
        published_parameters=61_100_840, top1=0.56522, year=2014,
        paper="Krizhevsky (2014), One Weird Trick for Parallelizing Convolutional Neural Networks",
        note="torchvision's alexnet is this layout of 2014, with 64 first filters, not the one of 2012"),
    "alexnet_original": AlexNetRow(
        widths=(96, 256, 384, 384, 256), groups=2, padding=0, local_norm=True, input_size=227,
        published_parameters=60_965_224, source="sum over the paper's section 3.5; the abstract says 60 million",
        top1=0.593, top1_source="the paper, Table 2, mean over ten crops",
        note="the paper writes 224 pixels, which give 54 windows; its 55 need 227, or padding 2"),
}


class AlexNet(nn.Module):
    """Map images (N, in_channels, H, W), H and W at least 67, to scores (N, num_classes).

    Args:
        row: widths, groups, padding and whether the maps are normalized.
        num_classes: number of scores.
        in_channels: channels of the images.

    Source:
        Krizhevsky et al. (2012), section 3.5 and figure 2; keys of ``alexnet`` as torchvision's.

    >>> sum(p.numel() for p in AlexNet(ROWS["alexnet_original"]).parameters())
    60965224
    """

    def __init__(self, row, *, num_classes=1000, in_channels=3):
        super().__init__()
        self.features = nn.Sequential(*_features(row, in_channels))
        self.avgpool = nn.AdaptiveAvgPool2d((6, 6))
        self.classifier = nn.Sequential(
            nn.Dropout(), nn.Linear(row.widths[-1] * 6 * 6, 4096), nn.ReLU(inplace=True),
            nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU(inplace=True), nn.Linear(4096, num_classes))

    def forward(self, x):
        """Return the scores before softmax."""
        return self.classifier(torch.flatten(self.avgpool(self.features(x)), 1))


def _features(row, in_channels):
    first, second, third, fourth, fifth = row.widths
    return [
        nn.Conv2d(in_channels, first, kernel_size=11, stride=4, padding=row.padding), *_relu_pool(row.local_norm),
        nn.Conv2d(first, second, kernel_size=5, padding=2, groups=row.groups), *_relu_pool(row.local_norm),
        nn.Conv2d(second, third, kernel_size=3, padding=1), nn.ReLU(inplace=True),
        nn.Conv2d(third, fourth, kernel_size=3, padding=1, groups=row.groups), nn.ReLU(inplace=True),
        nn.Conv2d(fourth, fifth, kernel_size=3, padding=1, groups=row.groups), *_relu_pool(local_norm=False),
    ]


def _relu_pool(local_norm):
    # the paper's alpha is 1e-4; PyTorch divides its alpha by size
    norm = [nn.LocalResponseNorm(size=5, alpha=5e-4, beta=0.75, k=2)] if local_norm else []
    return [nn.ReLU(inplace=True), *norm, nn.MaxPool2d(kernel_size=3, stride=2)]


build = AlexNet
