"""GoogLeNet: modules of four paths that look at the same map through windows of different size."""
from collections import namedtuple
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from cnnlib._arguments import flag
from cnnlib.models._blocks import BasicConv2d
from cnnlib.models._row import Row


@dataclass(frozen=True, kw_only=True)
class GoogLeNetRow(Row):
    """The paper's Table 1.

    Attributes:
        modules: for each module the columns #1x1, #3x3 reduce, #3x3, #5x5 reduce, #5x5 and pool proj, in channels.
    """

    modules: dict[str, tuple[int, ...]]
    family: str = "Inception"
    year: int = 2014
    paper: str = "Szegedy et al. (2015), Going Deeper with Convolutions"
    idea: str = "windows of several sizes side by side, made cheap by 1x1 convolutions"


ROWS = {
    "googlenet": GoogLeNetRow(
        modules={
            "3a": (64, 96, 128, 16, 32, 32), "3b": (128, 128, 192, 32, 96, 64),
            "4a": (192, 96, 208, 16, 48, 64), "4b": (160, 112, 224, 24, 64, 64), "4c": (128, 128, 256, 24, 64, 64),
            "4d": (112, 144, 288, 32, 64, 64), "4e": (256, 160, 320, 32, 128, 128),
            "5a": (256, 160, 320, 32, 128, 128), "5b": (384, 192, 384, 48, 128, 128)},
        published_parameters=13_004_888, source="torchvision, with both auxiliary heads", top1=0.69778,
        note="6,624,904 without the auxiliary heads, the count in torchvision's table; the paper's own layout (5x5 "
             "windows in the third path, biases, no batch norm) has 6,998,552; 5 million is a later paper's figure"),
}
GoogLeNetOutputs = namedtuple("GoogLeNetOutputs", ["logits", "aux_logits2", "aux_logits1"])


class Inception(nn.Module):
    """Map (N, in_channels, H, W) to (N, out_channels, H, W): four paths, joined along the channels.

    Args:
        in_channels: channels of the input.
        width1x1: channels of the 1x1 path.
        reduce3x3: channels that the second path's 1x1 convolution leaves for its 3x3.
        width3x3: channels of the 3x3 path.
        reduce5x5: channels that the third path's 1x1 convolution leaves.
        width5x5: channels of the third path, whose windows are 5x5 in the paper and 3x3 in torchvision's weights.
        width_pool: channels of the path that starts with a max pooling.

    Source:
        Szegedy et al. (2015), figure 2 (b).

    >>> Inception(192, 64, 96, 128, 16, 32, 32)(torch.zeros(1, 192, 28, 28)).shape
    torch.Size([1, 256, 28, 28])
    """

    def __init__(self, in_channels, width1x1, reduce3x3, width3x3, reduce5x5, width5x5, width_pool):
        super().__init__()
        self.out_channels = width1x1 + width3x3 + width5x5 + width_pool
        self.branch1 = BasicConv2d(in_channels, width1x1, kernel_size=1)
        self.branch2 = nn.Sequential(
            BasicConv2d(in_channels, reduce3x3, kernel_size=1),
            BasicConv2d(reduce3x3, width3x3, kernel_size=3, padding=1))
        self.branch3 = nn.Sequential(
            BasicConv2d(in_channels, reduce5x5, kernel_size=1),
            BasicConv2d(reduce5x5, width5x5, kernel_size=3, padding=1))
        self.branch4 = nn.Sequential(
            nn.MaxPool2d(kernel_size=3, stride=1, padding=1, ceil_mode=True),
            BasicConv2d(in_channels, width_pool, kernel_size=1))

    def forward(self, x):
        """Return the four maps as one."""
        return torch.cat([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], 1)


class InceptionAux(nn.Module):
    """Map (N, in_channels, H, W) to scores (N, num_classes) halfway through the network, for training only.

    Args:
        in_channels: channels of the input.
        num_classes: number of scores.

    Source:
        Szegedy et al. (2015), section 5; the pooling to 4x4 adapts to H and W.

    >>> InceptionAux(512, 10).eval()(torch.zeros(1, 512, 14, 14)).shape
    torch.Size([1, 10])
    """

    def __init__(self, in_channels, num_classes):
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(4)
        self.conv = BasicConv2d(in_channels, 128, kernel_size=1)
        self.fc1 = nn.Linear(128 * 4 * 4, 1024)
        self.fc2 = nn.Linear(1024, num_classes)
        self.dropout = nn.Dropout(0.7)

    def forward(self, x):
        """Return the scores before softmax."""
        x = torch.flatten(self.conv(self.pool(x)), 1)
        return self.fc2(self.dropout(functional.relu(self.fc1(x), inplace=True)))


class GoogLeNet(nn.Module):
    """Map images (N, in_channels, H, W), to scores (N, num_classes).

    H and W must be at least 15, or 4 with ``small_images``.

    Args:
        row: the widths of the nine modules.
        num_classes: number of scores.
        in_channels: channels of the images.
        small_images: start with one 3x3 convolution at stride 1 instead of 7x7 at stride 2 and a max pooling.
        transform_input: take images with the mean and spread of the other networks' inputs, and give them those that
            the weights of torchvision's file were trained with; use it with that file.
        aux_logits: two more classifiers, behind modules 4a and 4d. In training mode the network then returns the
            named tuple ``logits, aux_logits2, aux_logits1``; the paper adds their losses with weight 0.3.

    Raises:
        ValueError: an option is not a bool.

    Source:
        Szegedy et al. (2015), Table 1; keys, batch norm and pooling as torchvision's.

    >>> sum(p.numel() for p in GoogLeNet(ROWS["googlenet"], num_classes=10, aux_logits=False).parameters())
    5610154
    """

    def __init__(self, row, *, num_classes=1000, in_channels=3, small_images=False, aux_logits=True,
                 transform_input=False):
        super().__init__()
        small = flag("create_model", "small_images", small_images)
        self.aux_logits = flag("create_model", "aux_logits", aux_logits)
        self.transform_input = flag("create_model", "transform_input", transform_input)
        stem = {"kernel_size": 3, "padding": 1} if small else {"kernel_size": 7, "stride": 2, "padding": 3}
        self.conv1 = BasicConv2d(in_channels, 64, **stem)
        self.maxpool1 = nn.Identity() if small else nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)
        self.conv2 = BasicConv2d(64, 64, kernel_size=1)
        self.conv3 = BasicConv2d(64, 192, kernel_size=3, padding=1)
        self.maxpool2 = nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)
        inputs = self._add_modules(row.modules, 192)
        self.aux1 = InceptionAux(inputs["4b"], num_classes) if self.aux_logits else None
        self.aux2 = InceptionAux(inputs["4e"], num_classes) if self.aux_logits else None
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.dropout = nn.Dropout(0.2)
        self.fc = nn.Linear(self.inception5b.out_channels, num_classes)
        for layer in self.modules():
            start(layer, std=0.01)

    def _add_modules(self, modules, channels):
        """Add the nine modules and the poolings between them; return each one's input channels."""
        inputs = {}
        for name, widths in modules.items():
            inputs[name] = channels
            module = Inception(channels, *widths)
            self.add_module(f"inception{name}", module)
            channels = module.out_channels
            if name == "3b":
                self.maxpool3 = nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)
            elif name == "4e":
                self.maxpool4 = nn.MaxPool2d(kernel_size=2, stride=2, ceil_mode=True)
        return inputs

    def forward(self, x):
        """Return the scores before softmax; in training mode with those of the auxiliary heads, if there are any."""
        heads = self.training and self.aux_logits
        x = transformed(x) if self.transform_input else x
        x = self.maxpool2(self.conv3(self.conv2(self.maxpool1(self.conv1(x)))))
        x = self.maxpool3(self.inception3b(self.inception3a(x)))
        x = self.inception4a(x)
        aux1 = self.aux1(x) if heads else None
        x = self.inception4d(self.inception4c(self.inception4b(x)))
        aux2 = self.aux2(x) if heads else None
        x = self.maxpool4(self.inception4e(x))
        x = self.inception5b(self.inception5a(x))
        scores = self.fc(self.dropout(torch.flatten(self.avgpool(x), 1)))
        return GoogLeNetOutputs(scores, aux2, aux1) if heads else scores


def transformed(x):
    """Return images (N, 3, H, W), normalized as for the other networks, with the mean and spread 0.5 instead.

    Source:
        torchvision's ``transform_input``.

    >>> transformed(torch.zeros(1, 3, 1, 1)).flatten()
    tensor([-0.0300, -0.0880, -0.1880])
    """
    spread, mean = torch.tensor([0.229, 0.224, 0.225]).to(x), torch.tensor([0.485, 0.456, 0.406]).to(x)
    return x * (spread / 0.5)[:, None, None] + ((mean - 0.5) / 0.5)[:, None, None]


def start(layer, *, std):
    """Give a convolution or linear layer truncated normal weights, as torchvision does for the Inception family.

    Args:
        layer: any layer; others are left as they are.
        std: standard deviation; weights beyond 2 (not 2 deviations) are drawn again.
    """
    if isinstance(layer, (nn.Conv2d, nn.Linear)):
        nn.init.trunc_normal_(layer.weight, std=std, a=-2, b=2)


build = GoogLeNet
