"""Inception-ResNet: the branches' output, scaled down, is added to the input instead of taking its place."""
from collections import OrderedDict
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from cnnlib._arguments import whole
from cnnlib.models._row import Row
from cnnlib.models.inception_v4 import AVERAGE, MAX, PAPER, Branches, Conv, chain, reduction_a

STEM = (Conv(32, 3, stride=2), Conv(32, 3, valid=True), Conv(64, 3), MAX, Conv(80, 1), Conv(192, 3, valid=True))


@dataclass(frozen=True, kw_only=True)
class InceptionResNetRow(Row):
    """One of the two networks of figure 15.

    Attributes:
        stem: the layers before the first block.
        branches: the branches of the blocks A, B and C.
        reductions: the branches between A and B, and between B and C.
        head: the layers after the last block.
        blocks: how many blocks A, B and C there are; the last C has scale 1 and no activation.
        scales: what the branches of A, B and C are multiplied by before the sum.
        embedding: features of the linear layer before the last; None where there is none.
        dropout: fraction of the averaged features that training drops.
    """

    stem: tuple
    branches: tuple
    reductions: tuple
    head: tuple = ()
    blocks: tuple[int, int, int]
    scales: tuple[float, float, float] = (0.17, 0.10, 0.20)
    embedding: int | None = None
    dropout: float = 0.2
    family: str = "Inception"
    year: int = 2016
    paper: str = PAPER
    idea: str = "Inception branches, scaled down and added to their input"
    input_size: int = 299
    top1_source: str = "the paper's Table 2, for the form it draws, without the blacklisted images"


ROWS = {
    "inception_resnet_v1": InceptionResNetRow(
        stem=(*STEM, Conv(256, 3, stride=2)),  # figure 14
        branches=(
            ((Conv(32, 1),), (Conv(32, 1), Conv(32, 3)), (Conv(32, 1), Conv(32, 3), Conv(32, 3))),  # figure 10
            ((Conv(128, 1),), (Conv(128, 1), Conv(128, (1, 7)), Conv(128, (7, 1)))),  # figure 11
            ((Conv(192, 1),), (Conv(192, 1), Conv(192, (1, 3)), Conv(192, (3, 1))))),  # figure 13
        reductions=(
            reduction_a(192, 192, 256, 384),
            ((Conv(256, 1), Conv(384, 3, stride=2)), (Conv(256, 1), Conv(256, 3, stride=2)),  # figure 12
             (Conv(256, 1), Conv(256, 3), Conv(256, 3, stride=2)), (MAX,))),
        blocks=(5, 10, 6), embedding=512, published_parameters=23_995_624, source="pytorchcv", top1=0.787,
        note="the form of the facenet project, which the ports share: a linear layer to 512 features before the last "
             "one, and a sixth block C; embedding=None gives the paper's one linear layer"),
    "inception_resnet_v2": InceptionResNetRow(
        stem=(*STEM, MAX, (  # 320 channels
            (Conv(96, 1),), (Conv(48, 1), Conv(64, 5)), (Conv(64, 1), Conv(96, 3), Conv(96, 3)),
            (AVERAGE, Conv(64, 1)))),
        branches=(
            ((Conv(32, 1),), (Conv(32, 1), Conv(32, 3)), (Conv(32, 1), Conv(48, 3), Conv(64, 3))),  # figure 16
            ((Conv(192, 1),), (Conv(128, 1), Conv(160, (1, 7)), Conv(192, (7, 1)))),  # figure 17
            ((Conv(192, 1),), (Conv(192, 1), Conv(224, (1, 3)), Conv(256, (3, 1))))),  # figure 19
        reductions=(
            reduction_a(256, 256, 384, 384),
            ((Conv(256, 1), Conv(384, 3, stride=2)), (Conv(256, 1), Conv(288, 3, stride=2)),  # figure 18
             (Conv(256, 1), Conv(288, 3), Conv(320, 3, stride=2)), (MAX,))),
        head=(Conv(1536, 1),),
        blocks=(10, 20, 10), published_parameters=55_843_464, source="timm", top1=0.801,
        note="the form of the authors' published weights: 10, 20 and 10 blocks on 320, 1088 and 2080 channels; the "
             "paper draws 5, 10 and 5, and the stem of Inception-v4 with 384 channels"),
}


class ScaledResidual(nn.Module):
    """Map (N, channels, H, W) to the same shape: input plus ``scale`` times the branches.

    A 1x1 convolution with bias, and without batch norm or activation, brings the branches to the channels of the
    **input**: the sum is taken number by number.

    Args:
        channels: channels of the input and of the output.
        branches: as ``Branches`` takes them.
        scale: factor of the branches; the paper found 0.1 to 0.3 stable.
        activation: a ReLU after the sum.

    Source:
        Szegedy et al. (2016), section 3.3 and figure 20.

    >>> ScaledResidual(256, ROWS["inception_resnet_v1"].branches[0], scale=0.17)(torch.zeros(1, 256, 5, 5)).shape
    torch.Size([1, 256, 5, 5])
    """

    def __init__(self, channels, branches, *, scale, activation=True):
        super().__init__()
        self.branches = Branches(channels, branches)
        self.conv = nn.Conv2d(self.branches.out_channels, channels, kernel_size=1)
        self.scale = scale
        self.activation = activation

    def forward(self, x):
        """Return the sum, activated if this block has an activation."""
        y = x + self.scale * self.conv(self.branches(x))
        return functional.relu(y, inplace=True) if self.activation else y

    def extra_repr(self):
        """Name the two numbers that no layer shows."""
        return f"scale={self.scale}, activation={self.activation}"


class InceptionResNet(nn.Module):
    """Map images (N, in_channels, H, W), H and W at least 75, to scores (N, num_classes).

    Args:
        row: stem, branches, numbers of blocks and scales.
        num_classes: number of scores.
        in_channels: channels of the images.
        embedding: features of a linear layer with batch norm before the last linear layer; None leaves it out;
            "row" takes the row's own, 512 for version 1 and None for version 2.

    Raises:
        ValueError: embedding is none of these.

    Source:
        Szegedy et al. (2016), figures 10 to 20; the embedding is that of the facenet project. The layers stand in
        the order of the ports' (pytorchcv, timm); the keys differ.

    >>> with torch.device("meta"):
    ...     InceptionResNet(ROWS["inception_resnet_v2"]).features(torch.zeros(1, 3, 299, 299)).shape
    torch.Size([1, 1536, 8, 8])
    """

    def __init__(self, row, *, num_classes=1000, in_channels=3, embedding="row"):
        embedding = row.embedding if isinstance(embedding, str) and embedding == "row" else embedding
        if embedding is not None:
            embedding = whole("create_model", "embedding", embedding, least=1)
        super().__init__()
        self.features, channels = _features(row, in_channels)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = _classifier(channels, embedding, num_classes, row.dropout)

    def forward(self, x):
        """Return the scores before softmax."""
        return self.classifier(torch.flatten(self.avgpool(self.features(x)), 1))


def _features(row, channels):
    stages = OrderedDict()
    stages["stem"], channels = chain(channels, row.stem)
    for letter, branches, depth, scale, reduction in zip(
            "abc", row.branches, row.blocks, row.scales, (*row.reductions, None), strict=True):
        blocks = [ScaledResidual(channels, branches, scale=scale) for _ in range(depth)]
        stages[f"inception_{letter}"] = nn.Sequential(*blocks)
        if reduction is not None:
            stages[f"reduction_{letter}"], channels = chain(channels, (reduction,))
    blocks[-1].scale, blocks[-1].activation = 1.0, False
    if row.head:
        stages["head"], channels = chain(channels, row.head)
    return nn.Sequential(stages), channels


def _classifier(channels, embedding, num_classes, dropout):
    if embedding is None:
        return nn.Sequential(nn.Dropout(dropout), nn.Linear(channels, num_classes))
    return nn.Sequential(nn.Dropout(dropout), nn.Linear(channels, embedding, bias=False),
                         nn.BatchNorm1d(embedding, eps=0.001), nn.Linear(embedding, num_classes))


build = InceptionResNet
