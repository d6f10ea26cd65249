"""DenseNet: each layer sees the maps of all layers before it in its block, side by side."""
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from cnnlib._arguments import flag
from cnnlib.models._row import Row


@dataclass(frozen=True, kw_only=True)
class DenseNetRow(Row):
    """A column of the paper's Table 1; densenet161 stands in the authors' code.

    Attributes:
        depths: layers in each of the four dense blocks.
        growth_rate: channels that each layer adds, the paper's k.
        stem_channels: channels before the first block, 2k.
    """

    depths: tuple[int, ...]
    growth_rate: int = 32
    stem_channels: int = 64
    family: str = "DenseNet"
    year: int = 2016
    paper: str = "Huang, Liu, van der Maaten & Weinberger (2017), Densely Connected Convolutional Networks"
    idea: str = "each layer is given all earlier maps, concatenated"


ROWS = {
    "densenet121": DenseNetRow(depths=(6, 12, 24, 16), published_parameters=7_978_856, top1=0.74434),
    "densenet161": DenseNetRow(
        depths=(6, 12, 36, 24), growth_rate=48, stem_channels=96, published_parameters=28_681_000, top1=0.77138),
    "densenet169": DenseNetRow(depths=(6, 12, 32, 32), published_parameters=14_149_480, top1=0.75600),
    "densenet201": DenseNetRow(depths=(6, 12, 48, 32), published_parameters=20_013_928, top1=0.76896),
    "densenet264": DenseNetRow(
        depths=(6, 12, 64, 48), published_parameters=33_337_704, source="torchvision's class with the paper's Table 1",
        note="often given as 34 M; timm's densenet264d is wider (72.7 M); its layers are 2·130 + 5 = 265"),
}


class DenseLayer(nn.Module):
    """Map (N, in_channels, H, W) to growth_rate new maps (N, growth_rate, H, W).

    Args:
        in_channels: channels of everything that came before.
        growth_rate: channels to add; the 1x1 convolution first reduces to four times as many.

    Source:
        Huang et al. (2017), section 3, DenseNet-B: BN-ReLU-Conv(1x1)-BN-ReLU-Conv(3x3).

    >>> DenseLayer(64, 32)(torch.zeros(1, 64, 8, 8)).shape
    torch.Size([1, 32, 8, 8])
    """

    def __init__(self, in_channels, growth_rate):
        super().__init__()
        self.norm1 = nn.BatchNorm2d(in_channels)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv1 = nn.Conv2d(in_channels, 4 * growth_rate, kernel_size=1, bias=False)
        self.norm2 = nn.BatchNorm2d(4 * growth_rate)
        self.relu2 = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(4 * growth_rate, growth_rate, kernel_size=3, padding=1, bias=False)

    def forward(self, x):
        """Return the new maps alone."""
        x = self.conv1(self.relu1(self.norm1(x)))
        return self.conv2(self.relu2(self.norm2(x)))


class DenseBlock(nn.ModuleDict):
    """Map (N, in_channels, H, W) to (N, in_channels + depth·growth_rate, H, W).

    Args:
        depth: number of layers.
        in_channels: channels of the input, the paper's k0.
        growth_rate: channels that each layer adds.

    Source:
        Huang et al. (2017), eq. 2.

    >>> DenseBlock(6, 64, 32)(torch.zeros(1, 64, 8, 8)).shape
    torch.Size([1, 256, 8, 8])
    """

    def __init__(self, depth, in_channels, growth_rate):
        super().__init__({
            f"denselayer{number + 1}": DenseLayer(in_channels + number * growth_rate, growth_rate)
            for number in range(depth)})

    def forward(self, x):
        """Return the input and what every layer added, concatenated."""
        maps = [x]
        for layer in self.values():
            maps.append(layer(torch.cat(maps, 1)))
        return torch.cat(maps, 1)


class Transition(nn.Sequential):
    """Map (N, in_channels, H, W) to (N, out_channels, H / 2, W / 2): norm, ReLU, 1x1 convolution, average pooling.

    Args:
        in_channels: channels that the block has grown to.
        out_channels: channels to go on with; half of them in the paper's DenseNet-BC.

    Source:
        Huang et al. (2017), section 3, "Pooling layers" and "Compression".

    >>> Transition(256, 128)(torch.zeros(1, 256, 8, 8)).shape
    torch.Size([1, 128, 4, 4])
    """

    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.norm = nn.BatchNorm2d(in_channels)
        self.relu = nn.ReLU(inplace=True)
        self.conv = nn.Conv2d(in_channels, out_channels, kernel_size=1, bias=False)
        self.pool = nn.AvgPool2d(kernel_size=2, stride=2)


class DenseNet(nn.Module):
    """Map images (N, in_channels, H, W) to scores (N, num_classes).

    Args:
        row: depths, growth rate and the stem's channels.
        num_classes: number of scores.
        in_channels: channels of the images.
        small_images: start with one 3x3 convolution at stride 1, as the paper does on 32x32 pixels, instead of 7x7 at
            stride 2 and a max pooling.

    Raises:
        ValueError: small_images is not a bool.

    Source:
        Huang et al. (2017), Table 1; keys as torchvision's.

    >>> DenseNet(ROWS["densenet121"], num_classes=10).classifier
    Linear(in_features=1024, out_features=10, bias=True)
    """

    def __init__(self, row, *, num_classes=1000, in_channels=3, small_images=False):
        super().__init__()
        self.features = _stem(in_channels, row.stem_channels, flag("create_model", "small_images", small_images))
        channels = row.stem_channels
        for number, depth in enumerate(row.depths, start=1):
            self.features.add_module(f"denseblock{number}", DenseBlock(depth, channels, row.growth_rate))
            channels += depth * row.growth_rate
            if number < len(row.depths):
                self.features.add_module(f"transition{number}", Transition(channels, channels // 2))
                channels //= 2
        self.features.add_module("norm5", nn.BatchNorm2d(channels))
        self.classifier = nn.Linear(channels, num_classes)
        self.apply(_start)

    def forward(self, x):
        """Return the scores before softmax."""
        x = functional.relu(self.features(x), inplace=True)
        return self.classifier(torch.flatten(functional.adaptive_avg_pool2d(x, (1, 1)), 1))


def _stem(in_channels, channels, small):
    features = nn.Sequential()
    options = {"kernel_size": 3, "padding": 1} if small else {"kernel_size": 7, "stride": 2, "padding": 3}
    features.add_module("conv0", nn.Conv2d(in_channels, channels, bias=False, **options))
    features.add_module("norm0", nn.BatchNorm2d(channels))
    features.add_module("relu0", nn.ReLU(inplace=True))
    if not small:
        features.add_module("pool0", nn.MaxPool2d(kernel_size=3, stride=2, padding=1))
    return features


def _start(layer):
    if isinstance(layer, nn.Conv2d) and not layer.weight.is_meta:
        nn.init.kaiming_normal_(layer.weight)
    elif isinstance(layer, nn.Linear):
        nn.init.zeros_(layer.bias)


build = DenseNet
