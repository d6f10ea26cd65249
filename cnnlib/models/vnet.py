"""V-Net: U-Net's idea in three dimensions, with residual stages and convolutions that halve."""
from itertools import pairwise

import torch
from torch import nn

WIDTHS = (16, 32, 64, 128, 256)  # Milletari et al. (2016), figure 2
DEPTHS = (1, 2, 3, 3, 3)  # convolutions a stage, on the way down and on the way up


class Stage(nn.Module):
    """Convolve some times and add what came in.

    Args:
        in_channels: channels of the input; 1 channel is added to all, others must be as many as ``channels``.
        channels: of every output.
        depth: number of 5x5x5 convolutions, each with a PReLU.

    >>> Stage(1, 16, 1)(torch.zeros(2, 1, 8, 8, 8)).shape
    torch.Size([2, 16, 8, 8, 8])
    """

    def __init__(self, in_channels, channels, depth):
        super().__init__()
        self.convs = nn.ModuleList([
            nn.Conv3d(channels if number else in_channels, channels, kernel_size=5, padding=2)
            for number in range(depth)])
        self.activations = nn.ModuleList([nn.PReLU(channels) for _ in range(depth)])

    def forward(self, x):
        """Return maps of the same size, (N, channels, D, H, W)."""
        out = x
        for number, (conv, activation) in enumerate(zip(self.convs, self.activations, strict=True)):
            out = conv(out)
            out = activation(out + x if number == len(self.convs) - 1 else out)
        return out


class VNet(nn.Module):
    """Map volumes (N, in_channels, D, H, W) to scores of each voxel, (N, num_classes, D, H, W).

    Args:
        num_classes: scores a voxel.
        in_channels: channels of the volumes: 1, or as many as the first stage has.
        widths: channels of each stage on the way down.
        depths: convolutions of each stage.

    Raises:
        ValueError: (forward) depth, height or width cannot be halved as often as there are stages below the first.

    Source:
        Milletari, Navab & Ahmadi (2016), V-Net, figure 2.

    >>> VNet(widths=(4, 8), depths=(1, 1))(torch.zeros(1, 1, 8, 8, 4)).shape
    torch.Size([1, 2, 8, 8, 4])
    """

    def __init__(self, *, num_classes=2, in_channels=1, widths=WIDTHS, depths=DEPTHS):
        super().__init__()
        if in_channels not in (1, widths[0]):
            raise ValueError(f"VNet: in_channels must be 1 or widths[0] = {widths[0]}, got {in_channels}")
        steps = list(pairwise(widths))
        self.encoder = nn.ModuleList([
            Stage(width if number else in_channels, width, depth)
            for number, (width, depth) in enumerate(zip(widths, depths, strict=True))])
        self.down_convs = nn.ModuleList([_halving(nn.Conv3d, one, two) for one, two in steps])
        # a stage on the way up takes as many new channels as it is given old ones
        self.up_convs = nn.ModuleList([
            _halving(nn.ConvTranspose3d, 2 * two if number else two, one)
            for number, (one, two) in enumerate(steps[::-1])])
        self.decoder = nn.ModuleList([
            Stage(2 * one, 2 * one, depth) for one, depth in zip(widths[-2::-1], depths[-2::-1], strict=True)])
        self.head = nn.Conv3d(2 * widths[0], num_classes, kernel_size=1)

    def forward(self, x):
        """Return the scores before softmax."""
        for size in x.shape[2:]:
            if size % 2 ** len(self.down_convs):
                raise ValueError(f"VNet: x must have sides that are multiples of {2 ** len(self.down_convs)}, "
                                 f"got {tuple(x.shape[2:])}")
        maps = []
        for stage, down_conv in zip(self.encoder, self.down_convs, strict=False):
            maps.append(stage(x))
            x = down_conv(maps[-1])
        x = self.encoder[-1](x)
        for up_conv, stage in zip(self.up_convs, self.decoder, strict=True):
            x = stage(torch.cat([maps.pop(), up_conv(x)], dim=1))
        return self.head(x)


def _halving(conv, in_channels, out_channels):
    """Return a 2x2x2 convolution of stride 2, or its transpose, with a PReLU."""
    return nn.Sequential(conv(in_channels, out_channels, kernel_size=2, stride=2), nn.PReLU(out_channels))
