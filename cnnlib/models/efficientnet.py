"""EfficientNet: one small network, made deeper, wider and finer by one number."""
import math
from dataclasses import dataclass
from functools import partial

import torch
from torch import nn

from cnnlib._arguments import flag
from cnnlib.models._blocks import conv_norm, divisible, start
from cnnlib.models._row import Row
from cnnlib.models.stochastic_depth import StochasticDepth


@dataclass(frozen=True, kw_only=True)
class EfficientNetRow(Row):
    """One size.

    Attributes:
        width: factor on the channels of B0.
        depth: factor on the repeats of B0.
        dropout: before the last layer.
        norm: the batch norm; the three largest were trained with other numbers than PyTorch's.
    """

    width: float
    depth: float
    dropout: float
    norm: object = nn.BatchNorm2d
    family: str = "EfficientNet"
    year: int = 2019
    paper: str = "Tan & Le (2019), EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks"
    idea: str = "depth, width and resolution scaled together"


TENSORFLOW_NORM = partial(nn.BatchNorm2d, eps=0.001, momentum=0.01)
ROWS = {
    "efficientnet_b0": EfficientNetRow(
        width=1.0, depth=1.0, dropout=0.2, input_size=224, published_parameters=5_288_548, top1=0.77692),
    "efficientnet_b1": EfficientNetRow(
        width=1.0, depth=1.1, dropout=0.2, input_size=240, published_parameters=7_794_184, top1=0.78642),
    "efficientnet_b2": EfficientNetRow(
        width=1.1, depth=1.2, dropout=0.3, input_size=260, published_parameters=9_109_994, top1=0.80608,
        note="torchvision measured this accuracy at 288 pixels, 1.09 billion MACs; the paper's B2 is made for 260"),
    "efficientnet_b3": EfficientNetRow(
        width=1.2, depth=1.4, dropout=0.3, input_size=300, published_parameters=12_233_232, top1=0.82008),
    "efficientnet_b4": EfficientNetRow(
        width=1.4, depth=1.8, dropout=0.4, input_size=380, published_parameters=19_341_616, top1=0.83384),
    "efficientnet_b5": EfficientNetRow(
        width=1.6, depth=2.2, dropout=0.4, input_size=456, norm=TENSORFLOW_NORM,
        published_parameters=30_389_784, top1=0.83444),
    "efficientnet_b6": EfficientNetRow(
        width=1.8, depth=2.6, dropout=0.5, input_size=528, norm=TENSORFLOW_NORM,
        published_parameters=43_040_704, top1=0.84008),
    "efficientnet_b7": EfficientNetRow(
        width=2.0, depth=3.1, dropout=0.5, input_size=600, norm=TENSORFLOW_NORM,
        published_parameters=66_347_960, top1=0.84122),
}
STAGES = (  # expansion, kernel size, stride of the first, channels, repeats: the paper's Table 1
    (1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3), (6, 5, 1, 112, 3), (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1))


class SqueezeExcitation(nn.Module):
    """Scale each channel of (N, channels, H, W) by a number between 0 and 1 that comes from the means of all channels.

    Args:
        channels: of the input and the output.
        squeezed: channels in between.

    Source:
        Hu, Shen & Sun (2018), Squeeze-and-Excitation Networks, eqs. 2 to 4, with SiLU for ReLU as EfficientNet has it.

    >>> SqueezeExcitation(8, 2)(torch.ones(1, 8, 4, 4)).shape
    torch.Size([1, 8, 4, 4])
    """

    def __init__(self, channels, squeezed):
        super().__init__()
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Conv2d(channels, squeezed, kernel_size=1)
        self.fc2 = nn.Conv2d(squeezed, channels, kernel_size=1)
        self.activation = nn.SiLU(inplace=True)
        self.scale_activation = nn.Sigmoid()

    def forward(self, x):
        """Return x, scaled."""
        return self.scale_activation(self.fc2(self.activation(self.fc1(self.avgpool(x))))) * x


class MBConv(nn.Module):
    """Map (N, in_channels, H, W) to (N, out_channels, H / stride, W / stride): MobileNetV2's block and attention.

    Args:
        in_channels: channels of the narrow input.
        out_channels: channels of the narrow output.
        kernel_size: of the depthwise convolution, odd, in pixels.
        stride: of the depthwise convolution; the sum is there at stride 1 and equal channels only.
        expansion: how many times wider it is inside; 1 leaves the first 1x1 out.
        drop: probability of leaving the block out in training.
        norm: the batch norm.

    Source:
        Tan et al. (2019), MnasNet, figure 7; keys as torchvision's.

    >>> MBConv(16, 24, kernel_size=3, stride=2)(torch.zeros(2, 16, 8, 8)).shape
    torch.Size([2, 24, 4, 4])
    """

    def __init__(self, in_channels, out_channels, *, kernel_size, stride=1, expansion=6, drop=0.0, norm=nn.BatchNorm2d):
        super().__init__()
        inner = divisible(in_channels * expansion)
        layer = partial(conv_norm, norm=norm, activation=nn.SiLU)
        widen = [layer(in_channels, inner, 1)] if inner != in_channels else []
        self.block = nn.Sequential(
            *widen, layer(inner, inner, kernel_size, stride=stride, groups=inner),
            SqueezeExcitation(inner, max(1, in_channels // 4)), layer(inner, out_channels, 1, activation=None))
        self.stochastic_depth = StochasticDepth(drop)
        self.adds = stride == 1 and in_channels == out_channels

    def forward(self, x):
        """Return F(x), with x added where the shapes allow it."""
        y = self.block(x)
        if self.adds:
            y = self.stochastic_depth(y)
            y += x
        return y


class EfficientNet(nn.Module):
    """Map images (N, in_channels, H, W) to scores (N, num_classes).

    Args:
        row: the factors on width and depth, dropout and norm.
        num_classes: number of scores.
        in_channels: channels of the images.
        small_images: stride 1 in the first convolution.

    Raises:
        ValueError: small_images is not a bool.

    Source:
        Tan & Le (2019), Table 1 and eq. 3; keys and rounding as torchvision's.

    >>> sum(p.numel() for p in EfficientNet(ROWS["efficientnet_b0"]).parameters())
    5288548
    """

    def __init__(self, row, *, num_classes=1000, in_channels=3, small_images=False):
        super().__init__()
        stride = 1 if flag("create_model", "small_images", small_images) else 2
        layer = partial(conv_norm, norm=row.norm, activation=nn.SiLU)
        channels = divisible(32 * row.width)
        blocks = [*_stages(row, channels)]
        last = divisible(STAGES[-1][3] * row.width)
        self.features = nn.Sequential(
            layer(in_channels, channels, 3, stride=stride), *blocks, layer(last, 4 * last, 1))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(nn.Dropout(p=row.dropout, inplace=True), nn.Linear(4 * last, num_classes))
        self.apply(_start)

    def forward(self, x):
        """Return the scores before softmax."""
        return self.classifier(torch.flatten(self.avgpool(self.features(x)), 1))


def _stages(row, channels):
    """Yield the seven stages; the probability of leaving a block out grows from 0 towards 0.2 with its depth."""
    depths = [math.ceil(repeats * row.depth) for *_, repeats in STAGES]
    number = 0
    for (expansion, kernel_size, first, width, _), depth in zip(STAGES, depths, strict=True):
        blocks = []
        for position in range(depth):
            blocks.append(MBConv(
                channels, divisible(width * row.width), kernel_size=kernel_size, stride=1 if position else first,
                expansion=expansion, drop=0.2 * number / sum(depths), norm=row.norm))
            channels = divisible(width * row.width)
            number += 1
        yield nn.Sequential(*blocks)


def _start(layer):
    start(layer)
    if isinstance(layer, nn.Linear):
        nn.init.uniform_(layer.weight, -layer.out_features ** -0.5, layer.out_features ** -0.5)
        nn.init.zeros_(layer.bias)


build = EfficientNet
