"""Inception v2, or BN-Inception: GoogLeNet with batch norm, and two 3x3 convolutions in place of one 5x5."""
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from cnnlib._arguments import flag
from cnnlib.models._blocks import BasicConv2d
from cnnlib.models._row import Row
from cnnlib.models.googlenet import start


@dataclass(frozen=True, kw_only=True)
class InceptionV2Row(Row):
    """The table of the paper's appendix.

    Attributes:
        modules: for each module #1x1, #3x3 reduce, #3x3, double #3x3 reduce, double #3x3 and pool proj, in channels;
            a module with stride 2 has 0 for #1x1 and for pool proj.
    """

    modules: dict[str, tuple[int, ...]]
    family: str = "Inception"
    year: int = 2015
    paper: str = "Ioffe & Szegedy (2015), Batch Normalization: Accelerating Deep Network Training"
    idea: str = "batch norm after each convolution, two 3x3 windows in place of one 5x5"


ROWS = {
    "inception_v2": InceptionV2Row(
        modules={
            "3a": (64, 64, 64, 64, 96, 32), "3b": (64, 64, 96, 64, 96, 64), "3c": (0, 128, 160, 64, 96, 0),
            "4a": (224, 64, 96, 96, 128, 128), "4b": (192, 96, 128, 96, 128, 128), "4c": (160, 128, 160, 128, 160, 128),
            "4d": (96, 128, 192, 160, 192, 128), "4e": (0, 128, 192, 192, 256, 0),
            "5a": (352, 192, 320, 160, 224, 128), "5b": (352, 192, 320, 192, 224, 128)},
        published_parameters=11_295_240, source="pytorchcv and pretrained-models.pytorch, bninception",
        note="the paper's section 4.2 says 13.6 million, the ports have 11.3; the paper's table gives modules 4c and "
             "4d 576 channels, but their paths add up to 608; the v3 paper calls another net Inception-v2"),
}


class InceptionV2Module(nn.Module):
    """Map (N, in_channels, H, W) to (N, out_channels, H, W): four paths, joined along the channels.

    Without ``width1x1`` the stride is 2, H and W are halved (rounded up), and the pooling path passes its
    ``in_channels`` through.

    Args:
        in_channels: channels of the input.
        width1x1: channels of the 1x1 path; 0 asks for stride 2.
        reduce3x3: channels that the second path's 1x1 convolution leaves for its 3x3.
        width3x3: channels of the 3x3 path.
        reduce_double: channels that the third path's 1x1 convolution leaves for its two 3x3.
        width_double: channels of both.
        width_pool: channels of the pooling path's 1x1 convolution, if the stride is 1.
        pool: pooling of the last path, used at stride 1: a class such as ``nn.AvgPool2d``.

    Source:
        Ioffe & Szegedy (2015), appendix.

    >>> InceptionV2Module(320, 0, 128, 160, 64, 96, 0)(torch.zeros(1, 320, 28, 28)).shape
    torch.Size([1, 576, 14, 14])
    """

    def __init__(self, in_channels, width1x1, reduce3x3, width3x3, reduce_double, width_double, width_pool, *,
                 pool=nn.AvgPool2d):
        super().__init__()
        self.stride = 1 if width1x1 else 2
        self.out_channels = width1x1 + width3x3 + width_double + (width_pool if width1x1 else in_channels)
        self.branch1 = _conv(in_channels, width1x1, 1) if width1x1 else None
        self.branch2 = nn.Sequential(
            _conv(in_channels, reduce3x3, 1), _conv(reduce3x3, width3x3, 3, stride=self.stride))
        self.branch3 = nn.Sequential(
            _conv(in_channels, reduce_double, 1), _conv(reduce_double, width_double, 3),
            _conv(width_double, width_double, 3, stride=self.stride))
        if width1x1:
            self.branch4 = nn.Sequential(pool(kernel_size=3, stride=1, padding=1), _conv(in_channels, width_pool, 1))
        else:
            self.branch4 = nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)

    def forward(self, x):
        """Return the maps of all paths as one."""
        if self.stride == 2:
            even = functional.pad(x, (0, x.shape[3] % 2, 0, x.shape[2] % 2))  # convolutions round up, the pooling down
            return torch.cat([self.branch2(x), self.branch3(x), self.branch4(even)], 1)
        return torch.cat([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], 1)


class InceptionV2(nn.Module):
    """Map images (N, in_channels, H, W), to scores (N, num_classes).

    H and W must be at least 7, or 2 with ``small_images``.

    Args:
        row: the widths of the ten modules.
        num_classes: number of scores.
        in_channels: channels of the images.
        small_images: start with one 3x3 convolution at stride 1 instead of 7x7 at stride 2 and a max pooling.

    Raises:
        ValueError: ``small_images`` is not a bool.

    Source:
        Ioffe & Szegedy (2015), appendix; widths and biases as in the two ports that the row names.

    >>> sum(p.numel() for p in InceptionV2(ROWS["inception_v2"], num_classes=10).parameters())
    10280490
    """

    def __init__(self, row, *, num_classes=1000, in_channels=3, small_images=False):
        super().__init__()
        small = flag("create_model", "small_images", small_images)
        self.conv1 = _conv(in_channels, 64, 3) if small else _conv(in_channels, 64, 7, stride=2)
        self.maxpool1 = nn.Identity() if small else nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)
        self.conv2 = _conv(64, 64, 1)
        self.conv3 = _conv(64, 192, 3)
        self.maxpool2 = nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)
        self.inception, channels = nn.Sequential(), 192
        for name, widths in row.modules.items():
            pool = nn.MaxPool2d if name == "5b" else nn.AvgPool2d
            self.inception.add_module(name, InceptionV2Module(channels, *widths, pool=pool))
            channels = self.inception[-1].out_channels
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(channels, num_classes)
        for layer in self.modules():
            start(layer, std=0.01)

    def forward(self, x):
        """Return the scores before softmax."""
        x = self.maxpool2(self.conv3(self.conv2(self.maxpool1(self.conv1(x)))))
        return self.fc(torch.flatten(self.avgpool(self.inception(x)), 1))


def _conv(in_channels, out_channels, kernel_size, *, stride=1):
    options = {"kernel_size": kernel_size, "stride": stride, "padding": kernel_size // 2}
    layer = BasicConv2d(in_channels, out_channels, bias=True, **options)
    layer.bn.eps = 1e-5  # as in the ports; the paper names none
    return layer


build = InceptionV2
