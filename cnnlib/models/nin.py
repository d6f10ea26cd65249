"""Network in network: a small network at every pixel, written as 1x1 convolutions, and no dense layer at the end."""
from dataclasses import dataclass

import torch
from torch import nn

from cnnlib.models._row import Row


@dataclass(frozen=True, kw_only=True)
class NiNRow(Row):
    """The blocks of a network.

    Attributes:
        blocks: for each block the widths of its three convolutions and the first one's kernel size, stride and padding;
            the last width is the number of classes.
        pools: the pooling of kernel 3 and stride 2 after each block but the last.
        dropout: dropout after every pooling, instead of after the last only.
    """

    blocks: tuple
    pools: tuple = (nn.MaxPool2d, nn.MaxPool2d, nn.MaxPool2d)
    dropout: bool = False
    family: str = "NiN"
    year: int = 2013
    paper: str = "Lin, Chen & Yan (2014), Network In Network"
    idea: str = "1x1 convolutions, and the mean of each last map as a score"


ROWS = {
    "nin": NiNRow(
        blocks=((96, 96, 96, 11, 4, 0), (256, 256, 256, 5, 1, 2), (384, 384, 384, 3, 1, 1),
                (1024, 1024, 1000, 3, 1, 1)),
        published_parameters=7_595_176, source="the authors' layout in Caffe's model zoo",
        note="with a last block of three times 1,000 channels it has 7,439,608"),
    "nin_cifar10": NiNRow(
        blocks=((192, 160, 96, 5, 1, 2), (192, 192, 192, 5, 1, 2), (192, 192, 10, 3, 1, 1)),
        pools=(nn.MaxPool2d, nn.AvgPool2d), dropout=True,
        published_parameters=966_986, source="pytorchcv's nin_cifar10",
        input_size=32, num_classes=10),
}


def nin_block(in_channels, widths, *, kernel_size, stride=1, padding=0):
    """Return a convolution and two 1x1 convolutions, each with a ReLU, which give (N, widths[2], H', W').

    Args:
        in_channels: channels of the input.
        widths: output channels of the three convolutions.
        kernel_size: of the first convolution, in pixels.
        stride: of the first convolution, in pixels.
        padding: of the first convolution, in pixels.

    Source:
        Lin et al. (2014), section 3.1 and figure 1.

    >>> nin_block(3, (8, 8, 4), kernel_size=5)(torch.zeros(1, 3, 9, 9)).shape
    torch.Size([1, 4, 5, 5])
    """
    first, second, third = widths
    return nn.Sequential(
        nn.Conv2d(in_channels, first, kernel_size, stride=stride, padding=padding), nn.ReLU(inplace=True),
        nn.Conv2d(first, second, kernel_size=1), nn.ReLU(inplace=True),
        nn.Conv2d(second, third, kernel_size=1), nn.ReLU(inplace=True))


class NiN(nn.Module):
    """Map images (N, in_channels, H, W) to scores (N, num_classes), each the mean of one map.

    Args:
        row: blocks, poolings and where dropout stands.
        num_classes: number of scores, and of maps in the last block.
        in_channels: channels of the images.

    Source:
        Lin et al. (2014), section 3.2 and figure 2.

    >>> sum(p.numel() for p in NiN(ROWS["nin_cifar10"], num_classes=10).parameters())
    966986
    """

    def __init__(self, row, *, num_classes=1000, in_channels=3):
        super().__init__()
        layers, channels = [], in_channels
        for number, (first, second, third, kernel_size, stride, padding) in enumerate(row.blocks):
            last = number == len(row.blocks) - 1
            widths = (first, second, num_classes if last else third)
            layers.append(nin_block(channels, widths, kernel_size=kernel_size, stride=stride, padding=padding))
            if not last:
                layers.append(row.pools[number](kernel_size=3, stride=2, ceil_mode=True))  # Caffe rounds up
                layers += [nn.Dropout()] if row.dropout or number == len(row.pools) - 1 else []
            channels = widths[-1]
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))

    def forward(self, x):
        """Return the scores before softmax."""
        return torch.flatten(self.avgpool(self.features(x)), 1)


build = NiN
