"""Inception-v4: every grid has its own block of branches, and a reduction block leads to the next, coarser grid."""
from collections import OrderedDict
from dataclasses import dataclass

import torch
from torch import nn

from cnnlib.models._blocks import BasicConv2d
from cnnlib.models._row import Row

PAPER = "Szegedy et al. (2016), Inception-v4, Inception-ResNet and the Impact of Residual Connections on Learning"


@dataclass(frozen=True)
class Conv:
    """One convolution of a branch; batch norm and ReLU follow it.

    Attributes:
        out_channels: filters.
        kernel_size: one number, or (height, width), in pixels.
        stride: step between windows, in pixels.
        valid: no padding (the papers' mark V); otherwise stride 1 keeps H and W. Stride 2 is always valid.
    """

    out_channels: int
    kernel_size: int | tuple[int, int]
    stride: int = 1
    valid: bool = False

    def build(self, in_channels):
        """Return the layer for maps (N, in_channels, H, W)."""
        size = self.kernel_size if isinstance(self.kernel_size, tuple) else (self.kernel_size,) * 2
        padding = (0, 0) if self.valid or self.stride > 1 else tuple(each // 2 for each in size)
        return BasicConv2d(in_channels, self.out_channels, kernel_size=size, stride=self.stride, padding=padding)


# A branch is a tuple of steps, one after the other. A step is a Conv, a pooling, or a tuple of branches, side by side.
MAX, AVERAGE = "max", "average"  # 3x3 with stride 2 and no padding; 3x3 with stride 1, and padding that does not count
WIDE, HIGH = (1, 7), (7, 1)

STEM = (  # figure 3
    Conv(32, 3, stride=2), Conv(32, 3, valid=True), Conv(64, 3),
    ((MAX,), (Conv(96, 3, stride=2),)),
    ((Conv(64, 1), Conv(96, 3, valid=True)), (Conv(64, 1), Conv(64, WIDE), Conv(64, HIGH), Conv(96, 3, valid=True))),
    ((Conv(192, 3, stride=2),), (MAX,)))
INCEPTION_A = (  # figure 4
    (Conv(96, 1),), (Conv(64, 1), Conv(96, 3)), (Conv(64, 1), Conv(96, 3), Conv(96, 3)), (AVERAGE, Conv(96, 1)))
INCEPTION_B = (  # figure 5
    (Conv(384, 1),),
    (Conv(192, 1), Conv(224, WIDE), Conv(256, HIGH)),
    (Conv(192, 1), Conv(192, HIGH), Conv(224, WIDE), Conv(224, HIGH), Conv(256, WIDE)),
    (AVERAGE, Conv(128, 1)))
FORK = ((Conv(256, (1, 3)),), (Conv(256, (3, 1)),))
INCEPTION_C = (  # figure 6
    (Conv(256, 1),), (Conv(384, 1), FORK), (Conv(384, 1), Conv(448, (3, 1)), Conv(512, (1, 3)), FORK),
    (AVERAGE, Conv(256, 1)))
REDUCTION_B = (  # figure 8
    (Conv(192, 1), Conv(192, 3, stride=2)),
    (Conv(256, 1), Conv(256, WIDE), Conv(320, HIGH), Conv(320, 3, stride=2)),
    (MAX,))


def reduction_a(k, l, m, n):  # noqa: E741, the paper's letters
    """Return the branches that lead from the first grid to the second.

    Args:
        k: filters of the 1x1 convolution.
        l: filters of the 3x3 convolution after it.
        m: filters of the 3x3 convolution with stride 2 that ends this branch.
        n: filters of the 3x3 convolution with stride 2 that is a branch of its own.

    Source:
        Szegedy et al. (2016), figure 7 and Table 1.

    >>> [len(branch) for branch in reduction_a(192, 224, 256, 384)]
    [1, 3, 1]
    """
    return (Conv(n, 3, stride=2),), (Conv(k, 1), Conv(l, 3), Conv(m, 3, stride=2)), (MAX,)


class Branches(nn.ModuleList):
    """Run branches side by side: maps (N, in_channels, H, W) to (N, out_channels, H', W').

    The outputs are concatenated along the channels, so ``out_channels`` is the sum over the branches.

    Args:
        in_channels: channels of the input.
        branches: a tuple of branches; a branch is a tuple of steps.

    Source:
        Szegedy et al. (2016), figures 3 to 8.

    >>> Branches(384, INCEPTION_A).out_channels
    384
    """

    def __init__(self, in_channels, branches):
        built = [chain(in_channels, steps) for steps in branches]
        super().__init__(layers for layers, _ in built)
        self.out_channels = sum(channels for _, channels in built)

    def forward(self, x):
        """Return the branches' maps, one after the other."""
        return torch.cat([branch(x) for branch in self], dim=1)


def chain(in_channels, steps):
    """Build the steps of one branch.

    Args:
        in_channels: channels of the input, (N, in_channels, H, W).
        steps: each a ``Conv``, ``MAX``, ``AVERAGE`` or a tuple of branches.

    Returns:
        An ``nn.Sequential`` and the number of its output channels.

    >>> chain(3, STEM)[1]
    384
    """
    layers, channels = [], in_channels
    for step in steps:
        if step == MAX:
            layers.append(nn.MaxPool2d(3, stride=2))
        elif step == AVERAGE:
            layers.append(nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False))
        elif isinstance(step, Conv):
            layers.append(step.build(channels))
            channels = step.out_channels
        else:
            layers.append(Branches(channels, step))
            channels = layers[-1].out_channels
    return nn.Sequential(*layers), channels


@dataclass(frozen=True, kw_only=True)
class InceptionV4Row(Row):
    """The network of figure 9.

    Attributes:
        blocks: how many blocks A, B and C there are.
        dropout: fraction of the averaged features that training drops.
    """

    blocks: tuple[int, int, int] = (4, 7, 3)
    dropout: float = 0.2
    family: str = "Inception"
    year: int = 2016
    paper: str = PAPER
    idea: str = "one kind of block for each grid, and a stem that branches too"
    source: str = "timm"
    input_size: int = 299
    top1_source: str = "the paper's Table 2, on the validation images that are not blacklisted"


ROWS = {"inception_v4": InceptionV4Row(published_parameters=42_679_816, top1=0.800)}


class InceptionV4(nn.Module):
    """Map images (N, in_channels, H, W), H and W at least 75, to scores (N, num_classes).

    Args:
        row: the numbers of blocks.
        num_classes: number of scores.
        in_channels: channels of the images.

    Source:
        Szegedy et al. (2016), figures 3 to 9. The layers stand in the order of timm's; the keys differ.

    >>> with torch.device("meta"):
    ...     InceptionV4(ROWS["inception_v4"]).features(torch.zeros(1, 3, 299, 299)).shape
    torch.Size([1, 1536, 8, 8])
    """

    def __init__(self, row, *, num_classes=1000, in_channels=3):
        super().__init__()
        a, b, c = row.blocks
        stages = {"stem": STEM, "inception_a": (INCEPTION_A,) * a, "reduction_a": (reduction_a(192, 224, 256, 384),),
                  "inception_b": (INCEPTION_B,) * b, "reduction_b": (REDUCTION_B,), "inception_c": (INCEPTION_C,) * c}
        features, channels = OrderedDict(), in_channels
        for name, steps in stages.items():
            features[name], channels = chain(channels, steps)
        self.features = nn.Sequential(features)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(nn.Dropout(row.dropout), nn.Linear(channels, num_classes))

    def forward(self, x):
        """Return the scores before softmax."""
        return self.classifier(torch.flatten(self.avgpool(self.features(x)), 1))


build = InceptionV4
