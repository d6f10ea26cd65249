"""What several families are built from."""
from torch import nn
from torch.nn import functional


class BasicConv2d(nn.Module):
    """Map (N, in_channels, H, W) to (N, out_channels, H', W'): convolution, batch norm, ReLU.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        bias: whether the convolution has a bias; batch norm takes it away again.
        **options: ``kernel_size``, ``stride``, ``padding`` in pixels, and ``groups``, as ``nn.Conv2d`` takes them.

    Source:
        Ioffe & Szegedy (2015), Batch Normalization, section 3.2; the names ``conv`` and ``bn`` are torchvision's.

    >>> import torch
    >>> BasicConv2d(3, 8, kernel_size=3, stride=2)(torch.zeros(2, 3, 9, 9)).shape
    torch.Size([2, 8, 4, 4])
    """

    def __init__(self, in_channels, out_channels, *, bias=False, **options):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, bias=bias, **options)
        self.bn = nn.BatchNorm2d(out_channels, eps=0.001)

    def forward(self, x):
        """Return the activated feature maps."""
        return functional.relu(self.bn(self.conv(x)), inplace=True)


def conv_norm(in_channels, out_channels, kernel_size, *, activation, norm=nn.BatchNorm2d, stride=1, groups=1):
    """Return convolution, norm and activation as a row of layers that keeps H and W at stride 1.

    Args:
        in_channels: channels of the input, (N, in_channels, H, W).
        out_channels: channels of the output.
        kernel_size: odd, in pixels.
        activation: a class such as ``nn.ReLU6``, or None for a linear layer.
        norm: a class that takes the number of channels.
        stride: step between windows, in pixels.
        groups: ``in_channels`` makes it depthwise.

    Returns:
        An ``nn.Sequential`` with the keys 0 (convolution without bias), 1 (norm) and 2 (activation).

    Source:
        Howard et al. (2017), MobileNets, figure 3.

    >>> len(conv_norm(8, 8, 3, activation=None, groups=8))
    2
    """
    options = {"stride": stride, "padding": (kernel_size - 1) // 2, "groups": groups, "bias": False}
    layers = [nn.Conv2d(in_channels, out_channels, kernel_size, **options), norm(out_channels)]
    if activation is not None:
        layers.append(activation(inplace=True))
    return nn.Sequential(*layers)


def conv3x3(in_channels, out_channels, *, stride=1, groups=1):
    """Return a 3x3 convolution without bias that keeps H and W at stride 1."""
    return nn.Conv2d(in_channels, out_channels, kernel_size=3, stride=stride, padding=1, groups=groups, bias=False)


def conv1x1(in_channels, out_channels, *, stride=1):
    """Return a 1x1 convolution without bias."""
    return nn.Conv2d(in_channels, out_channels, kernel_size=1, stride=stride, bias=False)


def stages(block, depths, *, width=64):
    """Yield a residual network's stages, each twice as wide as the last; all but the first halve H and W at once.

    Args:
        block: a function of (in_channels, width) with the option ``stride``; what it returns has ``out_channels``.
        depths: blocks in each stage.
        width: channels of the first stage, and of what it is given.
    """
    channels = width
    for number, depth in enumerate(depths):
        blocks = []
        for position in range(depth):
            blocks.append(block(channels, width << number, stride=2 if number and position == 0 else 1))
            channels = blocks[-1].out_channels
        yield nn.Sequential(*blocks)


def start(layer):
    """Give a convolution the starting weights of He et al. (2015), eq. 14, counted over its outputs.

    On the meta device there is nothing to fill, and asking PyTorch for it would load its compiler first (seconds).
    """
    if isinstance(layer, nn.Conv2d) and not layer.weight.is_meta:
        nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


def divisible(channels, divisor=8):
    """Return channels rounded to a multiple of divisor, at least one of them and never below 0.9 of channels.

    Source:
        torchvision's rule for MobileNetV2 and EfficientNet.

    >>> [divisible(each) for each in (32 * 0.35, 24 * 1.4, 3)]
    [16, 32, 8]
    """
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded if rounded >= 0.9 * channels else rounded + divisor
