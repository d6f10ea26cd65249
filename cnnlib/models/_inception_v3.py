"""The modules of Inception v3, A to E in the order of the network, and its auxiliary head."""
import torch
from torch import nn
from torch.nn import functional

from cnnlib.models._blocks import BasicConv2d


def _conv(in_channels, out_channels, kernel_size):
    """Return a convolution at stride 1 that keeps H and W; kernel_size in pixels, (height, width) or one number."""
    height, width = kernel_size if isinstance(kernel_size, tuple) else (kernel_size, kernel_size)
    return BasicConv2d(in_channels, out_channels, kernel_size=kernel_size, padding=(height // 2, width // 2))


class InceptionA(nn.Module):
    """Map (N, in_channels, H, W) to (N, 224 + pool_features, H, W): 1x1, 5x5, two 3x3, and pooling.

    Args:
        in_channels: channels of the input.
        pool_features: channels behind the pooling.

    Source:
        Szegedy et al. (2016), figure 5, with torchvision's 5x5 path.

    >>> InceptionA(192, 32)(torch.zeros(1, 192, 35, 35)).shape
    torch.Size([1, 256, 35, 35])
    """

    def __init__(self, in_channels, pool_features):
        super().__init__()
        self.pool = nn.AvgPool2d(kernel_size=3, stride=1, padding=1)
        self.branch1x1 = _conv(in_channels, 64, 1)
        self.branch5x5_1 = _conv(in_channels, 48, 1)
        self.branch5x5_2 = _conv(48, 64, 5)
        self.branch3x3dbl_1 = _conv(in_channels, 64, 1)
        self.branch3x3dbl_2 = _conv(64, 96, 3)
        self.branch3x3dbl_3 = _conv(96, 96, 3)
        self.branch_pool = _conv(in_channels, pool_features, 1)

    def forward(self, x):
        """Return the four maps as one."""
        small, large = self.branch1x1(x), self.branch5x5_2(self.branch5x5_1(x))
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([small, large, double, self.branch_pool(self.pool(x))], 1)


class InceptionB(nn.Module):
    """Map (N, in_channels, H, W) to (N, 480 + in_channels, (H - 1) // 2, (W - 1) // 2): 3x3, two 3x3, and pooling.

    Args:
        in_channels: channels of the input, which the pooling passes through.

    Source:
        Szegedy et al. (2016), figure 10.

    >>> InceptionB(288)(torch.zeros(1, 288, 35, 35)).shape
    torch.Size([1, 768, 17, 17])
    """

    def __init__(self, in_channels):
        super().__init__()
        self.pool = nn.MaxPool2d(kernel_size=3, stride=2)
        self.branch3x3 = BasicConv2d(in_channels, 384, kernel_size=3, stride=2)
        self.branch3x3dbl_1 = _conv(in_channels, 64, 1)
        self.branch3x3dbl_2 = _conv(64, 96, 3)
        self.branch3x3dbl_3 = BasicConv2d(96, 96, kernel_size=3, stride=2)

    def forward(self, x):
        """Return the three maps as one."""
        single = self.branch3x3(x)
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([single, double, self.pool(x)], 1)


class InceptionC(nn.Module):
    """Map (N, in_channels, H, W) to (N, 768, H, W): 1x1, 7x7 factored once, 7x7 factored twice, and pooling.

    Args:
        in_channels: channels of the input.
        channels_7x7: channels between the factors.

    Source:
        Szegedy et al. (2016), figure 6.

    >>> InceptionC(768, 128)(torch.zeros(1, 768, 17, 17)).shape
    torch.Size([1, 768, 17, 17])
    """

    def __init__(self, in_channels, channels_7x7):
        super().__init__()
        self.pool = nn.AvgPool2d(kernel_size=3, stride=1, padding=1)
        width = channels_7x7
        self.branch1x1 = _conv(in_channels, 192, 1)
        self.branch7x7_1 = _conv(in_channels, width, 1)
        self.branch7x7_2 = _conv(width, width, (1, 7))
        self.branch7x7_3 = _conv(width, 192, (7, 1))
        self.branch7x7dbl_1 = _conv(in_channels, width, 1)
        self.branch7x7dbl_2 = _conv(width, width, (7, 1))
        self.branch7x7dbl_3 = _conv(width, width, (1, 7))
        self.branch7x7dbl_4 = _conv(width, width, (7, 1))
        self.branch7x7dbl_5 = _conv(width, 192, (1, 7))
        self.branch_pool = _conv(in_channels, 192, 1)

    def forward(self, x):
        """Return the four maps as one."""
        small, single = self.branch1x1(x), self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x)))
        double = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(x)))
        double = self.branch7x7dbl_5(self.branch7x7dbl_4(double))
        return torch.cat([small, single, double, self.branch_pool(self.pool(x))], 1)


class InceptionD(nn.Module):
    """Map (N, in_channels, H, W) to (N, 512 + in_channels, (H - 1) // 2, (W - 1) // 2): 3x3, 7x7 and 3x3, and pooling.

    Args:
        in_channels: channels of the input, which the pooling passes through.

    Source:
        torchvision; the paper has no figure of it.

    >>> InceptionD(768)(torch.zeros(1, 768, 17, 17)).shape
    torch.Size([1, 1280, 8, 8])
    """

    def __init__(self, in_channels):
        super().__init__()
        self.pool = nn.MaxPool2d(kernel_size=3, stride=2)
        self.branch3x3_1 = _conv(in_channels, 192, 1)
        self.branch3x3_2 = BasicConv2d(192, 320, kernel_size=3, stride=2)
        self.branch7x7x3_1 = _conv(in_channels, 192, 1)
        self.branch7x7x3_2 = _conv(192, 192, (1, 7))
        self.branch7x7x3_3 = _conv(192, 192, (7, 1))
        self.branch7x7x3_4 = BasicConv2d(192, 192, kernel_size=3, stride=2)

    def forward(self, x):
        """Return the three maps as one."""
        single = self.branch3x3_2(self.branch3x3_1(x))
        large = self.branch7x7x3_4(self.branch7x7x3_3(self.branch7x7x3_2(self.branch7x7x3_1(x))))
        return torch.cat([single, large, self.pool(x)], 1)


class InceptionE(nn.Module):
    """Map (N, in_channels, H, W) to (N, 2048, H, W): 1x3 and 3x1 stand side by side, not one behind the other.

    Args:
        in_channels: channels of the input.

    Source:
        Szegedy et al. (2016), figure 7.

    >>> InceptionE(1280)(torch.zeros(1, 1280, 8, 8)).shape
    torch.Size([1, 2048, 8, 8])
    """

    def __init__(self, in_channels):
        super().__init__()
        self.pool = nn.AvgPool2d(kernel_size=3, stride=1, padding=1)
        self.branch1x1 = _conv(in_channels, 320, 1)
        self.branch3x3_1 = _conv(in_channels, 384, 1)
        self.branch3x3_2a = _conv(384, 384, (1, 3))
        self.branch3x3_2b = _conv(384, 384, (3, 1))
        self.branch3x3dbl_1 = _conv(in_channels, 448, 1)
        self.branch3x3dbl_2 = _conv(448, 384, 3)
        self.branch3x3dbl_3a = _conv(384, 384, (1, 3))
        self.branch3x3dbl_3b = _conv(384, 384, (3, 1))
        self.branch_pool = _conv(in_channels, 192, 1)

    def forward(self, x):
        """Return the six maps as one."""
        small, single = self.branch1x1(x), self.branch3x3_1(x)
        single = torch.cat([self.branch3x3_2a(single), self.branch3x3_2b(single)], 1)
        double = self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        double = torch.cat([self.branch3x3dbl_3a(double), self.branch3x3dbl_3b(double)], 1)
        return torch.cat([small, single, double, self.branch_pool(self.pool(x))], 1)


class InceptionAux(nn.Module):
    """Map (N, in_channels, 17, 17) to scores (N, num_classes) before the last three modules, for training only.

    Args:
        in_channels: channels of the input.
        num_classes: number of scores.
        small_images: take maps of any size, not only those of at least 17x17.

    Source:
        Szegedy et al. (2016), figure 8.
    """

    def __init__(self, in_channels, num_classes, *, small_images=False):
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(5) if small_images else nn.AvgPool2d(kernel_size=5, stride=3)
        self.conv0 = _conv(in_channels, 128, 1)
        self.conv1 = BasicConv2d(128, 768, kernel_size=5)
        self.fc = nn.Linear(768, num_classes)

    def forward(self, x):
        """Return the scores before softmax."""
        x = self.conv1(self.conv0(self.pool(x)))
        return self.fc(torch.flatten(functional.adaptive_avg_pool2d(x, 1), 1))
