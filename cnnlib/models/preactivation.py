"""ResNet's second form: norm and ReLU before each convolution, and nothing on the identity path."""
import torch
from torch import nn
from torch.nn import functional

from cnnlib._arguments import flag
from cnnlib.models._blocks import conv1x1, conv3x3, stages, start


class PreActivationBasicBlock(nn.Module):
    """Map (N, in_channels, H, W) to (N, width, H / stride, W / stride): x + F(x), F of two times norm, ReLU, 3x3.

    Args:
        in_channels: channels of the input.
        width: channels of both convolutions.
        stride: of the first convolution and of the shortcut, in pixels.

    Source:
        He et al. (2016), Identity Mappings in Deep Residual Networks, figure 4 (e).

    >>> PreActivationBasicBlock(64, 128, stride=2)(torch.zeros(1, 64, 8, 8)).shape
    torch.Size([1, 128, 4, 4])
    """

    def __init__(self, in_channels, width, *, stride=1):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(in_channels)
        self.conv1 = conv3x3(in_channels, width, stride=stride)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv2 = conv3x3(width, width)
        self.downsample = None if stride == 1 and in_channels == width else conv1x1(in_channels, width, stride=stride)
        self.out_channels = width

    def forward(self, x):
        """Return x + F(x); a projection, where one is needed, starts from the activated input."""
        y = functional.relu(self.bn1(x))
        shortcut = x if self.downsample is None else self.downsample(y)
        y = self.conv1(y)
        return self.conv2(functional.relu(self.bn2(y))) + shortcut


class PreActivationBottleneck(nn.Module):
    """Map (N, in_channels, H, W) to (N, 4·width, H / stride, W / stride): x + F(x), F of 1x1, 3x3 and 1x1.

    Args:
        in_channels: channels of the input.
        width: channels of the 3x3 convolution, a quarter of the output's.
        stride: of the 3x3 convolution and of the shortcut, in pixels.

    Source:
        He et al. (2016), Identity Mappings in Deep Residual Networks, figure 4 (e).

    >>> PreActivationBottleneck(256, 64)(torch.zeros(1, 256, 8, 8)).shape
    torch.Size([1, 256, 8, 8])
    """

    def __init__(self, in_channels, width, *, stride=1):
        super().__init__()
        out_channels = 4 * width
        self.bn1 = nn.BatchNorm2d(in_channels)
        self.conv1 = conv1x1(in_channels, width)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv2 = conv3x3(width, width, stride=stride)
        self.bn3 = nn.BatchNorm2d(width)
        self.conv3 = conv1x1(width, out_channels)
        same = stride == 1 and in_channels == out_channels
        self.downsample = None if same else conv1x1(in_channels, out_channels, stride=stride)
        self.out_channels = out_channels

    def forward(self, x):
        """Return x + F(x); a projection, where one is needed, starts from the activated input."""
        y = functional.relu(self.bn1(x))
        shortcut = x if self.downsample is None else self.downsample(y)
        y = self.conv1(y)
        y = self.conv2(functional.relu(self.bn2(y)))
        return self.conv3(functional.relu(self.bn3(y))) + shortcut


class PreActivationResNet(nn.Module):
    """Map images (N, in_channels, H, W) to scores (N, num_classes).

    Args:
        row: depths and kind of block, a row of ``resnet.ROWS``.
        num_classes: number of scores.
        in_channels: channels of the images.
        small_images: start with one 3x3 convolution at stride 1, instead of 7x7 at stride 2 and a max pooling.

    Raises:
        ValueError: small_images is not a bool.

    Source:
        He et al. (2016), Identity Mappings in Deep Residual Networks, eq. 4; a norm and a ReLU follow the
        last sum.
    """

    def __init__(self, row, *, num_classes=1000, in_channels=3, small_images=False):
        super().__init__()
        small = flag("create_model", "small_images", small_images)
        self.conv1 = conv3x3(in_channels, 64) if small else nn.Conv2d(
            in_channels, 64, kernel_size=7, stride=2, padding=3, bias=False)
        self.maxpool = nn.Identity() if small else nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        block = PreActivationBottleneck if row.bottleneck else PreActivationBasicBlock
        self.layer1, self.layer2, self.layer3, self.layer4 = stages(block, row.depths)
        self.norm = nn.BatchNorm2d(self.layer4[-1].out_channels)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(self.layer4[-1].out_channels, num_classes)
        self.apply(start)

    def forward(self, x):
        """Return the scores before softmax."""
        x = self.maxpool(self.conv1(x))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(torch.flatten(self.avgpool(functional.relu(self.norm(x))), 1))
