"""TemplateNet: two 1x1 convolutions around a 3x3 one, so that a large map costs few parameters."""
# Replace: the layers and the rows. The example is SqueezeNet in its two published versions.
from dataclasses import dataclass

import torch
from torch import nn

from cnnlib.models._row import Row


@dataclass(frozen=True, kw_only=True)
class TemplateNetRow(Row):
    """One of the versions.

    Attributes:
        stem: channels, kernel size and stride of the first convolution.
        squeezes: channels between the layers of each fire module; a module gives eight times as many.
        pools: numbers of the fire modules behind which the map is halved.
    """

    stem: tuple[int, int, int]
    pools: tuple[int, ...]
    squeezes: tuple[int, ...] = (16, 16, 32, 32, 48, 48, 64, 64)
    family: str = "TemplateNet"
    year: int = 2016
    paper: str = "Iandola and others (2016), SqueezeNet: AlexNet-level Accuracy with 50x Fewer Parameters"
    idea: str = "1x1 convolutions that leave few channels for the 3x3 ones"


ROWS = {
    "template_net": TemplateNetRow(
        stem=(64, 3, 2), pools=(2, 4), published_parameters=1_235_496, source="torchvision's squeezenet1_1"),
    "template_net_first": TemplateNetRow(
        stem=(96, 7, 2), pools=(3, 7), published_parameters=1_248_424, source="torchvision's squeezenet1_0"),
}


class Fire(nn.Module):
    """Map (N, in_channels, H, W) to (N, 8 * squeeze, H, W).

    Args:
        in_channels: channels of the input.
        squeeze: channels that are left for the 3x3 convolution to read.

    Source:
        Iandola et al. (2016), section 3.2 and figure 1.

    >>> Fire(96, 16)(torch.zeros(1, 96, 5, 5)).shape
    torch.Size([1, 128, 5, 5])
    """

    def __init__(self, in_channels, squeeze):
        super().__init__()
        self.squeeze = nn.Conv2d(in_channels, squeeze, kernel_size=1)
        self.expand1x1 = nn.Conv2d(squeeze, 4 * squeeze, kernel_size=1)
        self.expand3x3 = nn.Conv2d(squeeze, 4 * squeeze, kernel_size=3, padding=1)

    def forward(self, x):
        """Return both halves, one behind the other."""
        x = self.squeeze(x).relu()
        return torch.cat([self.expand1x1(x).relu(), self.expand3x3(x).relu()], 1)


class TemplateNet(nn.Module):
    """Map images (N, in_channels, H, W) to scores (N, num_classes), each the mean of one map.

    Args:
        row: the first convolution, the fire modules and where the map is halved.
        num_classes: number of scores.
        in_channels: channels of the images.

    Source:
        Iandola et al. (2016), table 1.

    >>> sum(p.numel() for p in TemplateNet(ROWS["template_net"]).parameters())
    1235496
    """

    def __init__(self, row, *, num_classes=1000, in_channels=3):
        super().__init__()
        channels, kernel_size, stride = row.stem
        layers = [nn.Conv2d(in_channels, channels, kernel_size, stride=stride), nn.ReLU(), _halved()]
        for number, squeeze in enumerate(row.squeezes, start=1):
            layers.append(Fire(channels, squeeze))
            layers += [_halved()] if number in row.pools else []
            channels = 8 * squeeze
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            nn.Dropout(), nn.Conv2d(channels, num_classes, kernel_size=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1))

    def forward(self, x):
        """Return the scores before softmax."""
        return torch.flatten(self.classifier(self.features(x)), 1)


def _halved():
    return nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)


build = TemplateNet
