"""ResNet and ResNeXt: each block adds what it computes to what it was given."""
from dataclasses import dataclass
from functools import partial

import torch
from torch import nn

from cnnlib._arguments import flag
from cnnlib.models._blocks import conv1x1, conv3x3, stages, start
from cnnlib.models._row import Row
from cnnlib.models.preactivation import PreActivationResNet


@dataclass(frozen=True, kw_only=True)
class ResNetRow(Row):
    """A column of the paper's Table 1.

    Attributes:
        depths: blocks in each of the four stages.
        bottleneck: blocks of 1x1, 3x3, 1x1 instead of 3x3, 3x3.
        groups: cardinality of the 3x3 convolutions (ResNeXt).
        width_per_group: channels of each group in the first stage.
        width: channels of the stem and of the first stage's blocks.
    """

    depths: tuple[int, ...]
    bottleneck: bool = True
    groups: int = 1
    width_per_group: int = 64
    width: int = 64
    family: str = "ResNet"
    year: int = 2015
    paper: str = "He, Zhang, Ren & Sun (2016), Deep Residual Learning for Image Recognition"
    idea: str = "each block adds a correction to its input"


@dataclass(frozen=True, kw_only=True)
class ResNeXtRow(ResNetRow):
    """A ResNet whose 3x3 convolutions work in groups; ``groups`` is the paper's cardinality."""

    family: str = "ResNeXt"
    year: int = 2016
    paper: str = "Xie, Girshick, Dollár, Tu & He (2017), Aggregated Residual Transformations for Deep Neural Networks"
    idea: str = "many narrow paths in each block, as one grouped convolution"


ROWS = {
    "resnet18": ResNetRow(depths=(2, 2, 2, 2), bottleneck=False, published_parameters=11_689_512, top1=0.69758),
    "resnet34": ResNetRow(depths=(3, 4, 6, 3), bottleneck=False, published_parameters=21_797_672, top1=0.73314),
    "resnet50": ResNetRow(depths=(3, 4, 6, 3), published_parameters=25_557_032, top1=0.76130),
    "resnet101": ResNetRow(depths=(3, 4, 23, 3), published_parameters=44_549_160, top1=0.77374),
    "resnet152": ResNetRow(depths=(3, 8, 36, 3), published_parameters=60_192_808, top1=0.78312),
    "resnext50_32x4d": ResNeXtRow(
        depths=(3, 4, 6, 3), groups=32, width_per_group=4, published_parameters=25_028_904, top1=0.77618),
    "resnext101_32x8d": ResNeXtRow(
        depths=(3, 4, 23, 3), groups=32, width_per_group=8, published_parameters=88_791_336, top1=0.79312),
    "resnext101_64x4d": ResNeXtRow(
        depths=(3, 4, 23, 3), groups=64, width_per_group=4, published_parameters=83_455_272, top1=0.83246,
        note="the accuracy comes from a longer training recipe than that of the other rows"),
}


class BasicBlock(nn.Module):
    """Map (N, in_channels, H, W) to (N, width, H / stride, W / stride): relu(x + F(x)), F of two 3x3 convolutions.

    Args:
        in_channels: channels of the input.
        width: channels of both convolutions.
        stride: of the first convolution and of the shortcut, in pixels.
        groups: must be 1: with two layers, groups would only make the block wider (Xie et al., section 3.3).
        width_per_group: must be 64.

    Raises:
        ValueError: groups or width_per_group ask for a ResNeXt.

    Source:
        He et al. (2016), eq. 1 and figure 5, left.

    >>> BasicBlock(64, 128, stride=2)(torch.zeros(1, 64, 8, 8)).shape
    torch.Size([1, 128, 4, 4])
    """

    def __init__(self, in_channels, width, *, stride=1, groups=1, width_per_group=64):
        super().__init__()
        if (groups, width_per_group) != (1, 64):
            raise ValueError(
                f"BasicBlock: groups and width_per_group must be 1 and 64, got {groups} and {width_per_group}")
        self.conv1 = conv3x3(in_channels, width, stride=stride)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = conv3x3(width, width)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = _shortcut(in_channels, width, stride)
        self.out_channels = width

    def forward(self, x):
        """Return relu(x + F(x)), where x is projected if its shape has to change."""
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        y += x if self.downsample is None else self.downsample(x)
        return self.relu(y)


class Bottleneck(nn.Module):
    """Map (N, in_channels, H, W) to (N, 4·width, H / stride, W / stride): relu(x + F(x)), F of 1x1, 3x3 and 1x1.

    Args:
        in_channels: channels of the input.
        width: a quarter of the output's channels.
        stride: of the 3x3 convolution (the paper has it on the first 1x1, which skips three quarters of the map).
        groups: groups of the 3x3 convolution.
        width_per_group: the inner width is width · width_per_group / 64 · groups.

    Source:
        He et al. (2016), figure 5, right; Xie et al. (2017), figure 3 (c).

    >>> Bottleneck(256, 64)(torch.zeros(1, 256, 8, 8)).shape
    torch.Size([1, 256, 8, 8])
    """

    def __init__(self, in_channels, width, *, stride=1, groups=1, width_per_group=64):
        super().__init__()
        inner, out_channels = width * width_per_group // 64 * groups, 4 * width
        self.conv1 = conv1x1(in_channels, inner)
        self.bn1 = nn.BatchNorm2d(inner)
        self.conv2 = conv3x3(inner, inner, stride=stride, groups=groups)
        self.bn2 = nn.BatchNorm2d(inner)
        self.conv3 = conv1x1(inner, out_channels)
        self.bn3 = nn.BatchNorm2d(out_channels)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = _shortcut(in_channels, out_channels, stride)
        self.out_channels = out_channels

    def residual(self, x):
        """Return F(x), what the block adds to its input."""
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        return self.bn3(self.conv3(y))

    def forward(self, x):
        """Return relu(x + F(x)), where x is projected if its shape has to change."""
        y = self.residual(x)
        y += x if self.downsample is None else self.downsample(x)
        return self.relu(y)


def _shortcut(in_channels, out_channels, stride):
    """Return a projection where the shape changes, else None: the identity."""
    if stride == 1 and in_channels == out_channels:
        return None
    return nn.Sequential(conv1x1(in_channels, out_channels, stride=stride), nn.BatchNorm2d(out_channels))


class ResNet(nn.Module):
    """Map images (N, in_channels, H, W) to scores (N, num_classes).

    Args:
        row: depths, kind of block and groups.
        num_classes: number of scores.
        in_channels: channels of the images.
        small_images: start with one 3x3 convolution at stride 1, as the paper does on 32x32 pixels (section 4.2),
            instead of 7x7 at stride 2 and a max pooling.
        block: what makes a block, called as Bottleneck; None: the row's own kind.

    Raises:
        ValueError: small_images is not a bool.

    Source:
        He et al. (2016), Table 1; keys and the bottleneck's stride as torchvision's.

    >>> sum(p.numel() for p in ResNet(ROWS["resnet18"], num_classes=10).parameters())
    11181642
    """

    def __init__(self, row, *, num_classes=1000, in_channels=3, small_images=False, block=None):
        super().__init__()
        small = flag("create_model", "small_images", small_images)
        self.conv1 = conv3x3(in_channels, row.width) if small else nn.Conv2d(
            in_channels, row.width, kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(row.width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.Identity() if small else nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        block = block or (Bottleneck if row.bottleneck else BasicBlock)
        self.layer1, self.layer2, self.layer3, self.layer4 = stages(
            partial(block, groups=row.groups, width_per_group=row.width_per_group), row.depths,
            width=row.width)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(8 * row.width * (4 if row.bottleneck else 1), num_classes)
        self.apply(start)

    def forward(self, x):
        """Return the scores before softmax."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(torch.flatten(self.avgpool(x), 1))


def build(row, *, num_classes=1000, in_channels=3, small_images=False, pre_activation=False):
    """Return a ResNet, or with ``pre_activation`` its second form, in which nothing stands on the identity path.

    Raises:
        ValueError: an option is not a bool, or a ResNeXt is asked for pre-activation.

    >>> type(build(ROWS["resnet18"], pre_activation=True)).__name__
    'PreActivationResNet'
    """
    if not flag("create_model", "pre_activation", pre_activation):
        return ResNet(row, num_classes=num_classes, in_channels=in_channels, small_images=small_images)
    if row.groups > 1:
        raise ValueError("create_model: pre_activation must be False for a ResNeXt, got True")
    return PreActivationResNet(row, num_classes=num_classes, in_channels=in_channels, small_images=small_images)
