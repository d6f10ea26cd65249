"""U-Net: down to what is there, up to where it is, and across to the fine map of the same size."""
from dataclasses import dataclass

import torch
from torch import nn

from cnnlib.models._row import Row


@dataclass(frozen=True, kw_only=True)
class UNetRow(Row):
    """The widths of a network.

    Attributes:
        widths: channels of each level, the finest first.
        padding: pixels around every map: 0 as in the paper, 1 keeps the size.
    """

    widths: tuple = (64, 128, 256, 512, 1024)
    padding: int = 0
    family: str = "U-Net"
    year: int = 2015
    paper: str = "Ronneberger, Fischer & Brox (2015), U-Net: Convolutional Networks for Biomedical Image Segmentation"
    idea: str = "a path back up that is given the maps of the way down"
    published_parameters: int = 31_030_658
    source: str = "figure 1 of the paper, counted; the paper names no number"
    input_size: int = 572
    in_channels: int = 1
    num_classes: int = 2


ROWS = {
    "unet": UNetRow(note="unpadded convolutions: 572 pixels in, 388 out"),
    "unet_padded": UNetRow(padding=1, input_size=256, idea="U-Net with padding: as many pixels out as in"),
}


def double_conv(in_channels, out_channels, *, padding=1, batch_norm=False):
    """Return two 3x3 convolutions, each with a ReLU.

    Args:
        in_channels: channels of the input.
        out_channels: channels of both outputs.
        padding: pixels on each side; with 0 the map loses 4 rows and 4 columns.
        batch_norm: True puts batch norm between convolution and ReLU.

    >>> double_conv(1, 8, padding=0)(torch.zeros(1, 1, 9, 9)).shape
    torch.Size([1, 8, 5, 5])
    """
    layers = []
    for channels in (in_channels, out_channels):
        layers.append(nn.Conv2d(channels, out_channels, kernel_size=3, padding=padding, bias=not batch_norm))
        layers += [nn.BatchNorm2d(out_channels)] * batch_norm + [nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


class UNet(nn.Module):
    """Map images (N, in_channels, H, W) to scores of each pixel, (N, num_classes, H', W').

    Args:
        row: widths and padding, "unet" or "unet_padded" of ``ROWS``.
        num_classes: scores a pixel.
        in_channels: channels of the images.
        widths: channels of each level, the finest first; None: as the row says.
        skips: False leaves the maps of the way down out, to see what they are for.
        batch_norm: True normalizes after every 3x3 convolution, which the paper does not and most do since.

    Attributes:
        down: the convolutions of each level on the way down, the deepest included.
        up: the transposed convolutions on the way up, which double height and width.
        merge: the convolutions after them.
        head: the last, 1x1 convolution.

    Raises:
        ValueError: (forward) a map cannot be halved evenly; the message names sizes near it that can.

    Source:
        Ronneberger et al. (2015), figure 1.

    >>> UNet(ROWS["unet_padded"], widths=(4, 8, 16))(torch.zeros(1, 1, 16, 20)).shape
    torch.Size([1, 2, 16, 20])
    """

    def __init__(self, row=ROWS["unet"], *, num_classes=2, in_channels=1, widths=None, skips=True,
                 batch_norm=False):
        super().__init__()
        widths = row.widths if widths is None else tuple(widths)
        self.padding, self.skips = row.padding, skips
        narrow, wide = widths[:-1][::-1], widths[1:][::-1]
        self.down = nn.ModuleList([
            double_conv(before, width, padding=row.padding, batch_norm=batch_norm)
            for before, width in zip((in_channels, *widths), widths, strict=False)])
        self.pool = nn.MaxPool2d(kernel_size=2)
        self.up = nn.ModuleList([
            nn.ConvTranspose2d(two, one, kernel_size=2, stride=2) for one, two in zip(narrow, wide, strict=True)])
        self.merge = nn.ModuleList([
            double_conv(2 * width if skips else width, width, padding=row.padding, batch_norm=batch_norm)
            for width in narrow])
        self.head = nn.Conv2d(widths[0], num_classes, kernel_size=1)

    def forward(self, x):
        """Return the scores before softmax."""
        check_size("UNet", x.shape[-2:], levels=len(self.up), padding=self.padding)
        maps = []
        for block in self.down[:-1]:
            maps.append(block(x))
            x = self.pool(maps[-1])
        x = self.down[-1](x)
        for up, merge in zip(self.up, self.merge, strict=True):
            x, skip = up(x), maps.pop()
            x = merge(torch.cat([cropped(skip, x.shape[-2:]), x], dim=1) if self.skips else x)
        return self.head(x)


def cropped(x, size):
    """Return the middle of maps (N, C, H, W) with so many rows and columns.

    >>> cropped(torch.zeros(1, 64, 568, 568), (392, 392)).shape
    torch.Size([1, 64, 392, 392])
    """
    top, left = ((have - want) // 2 for have, want in zip(x.shape[-2:], size, strict=True))
    return x[..., top:top + size[0], left:left + size[1]]


def output_size(size, *, levels=4, padding=0):
    """Return how many rows leave a U-Net, or None if some map on the way down is too small or cannot be halved.

    Args:
        size: rows that enter, in pixels.
        levels: how often the map is halved.
        padding: pixels on each side before every 3x3 convolution.

    >>> output_size(572), output_size(570), output_size(256, padding=1)
    (388, None, 256)
    """
    loss = 4 * (1 - padding)
    for _ in range(levels):
        size -= loss
        if size < 2 or size % 2:
            return None
        size //= 2
    size -= loss
    for _ in range(levels):
        size = 2 * size - loss
    return size if size > 0 else None


def check_size(function, size, *, levels, padding):
    """Raise a ValueError for a size that cannot go through.

    Raises:
        ValueError: rows or columns cannot; the message names the nearest sizes that can.
    """
    for each in size:
        if output_size(each, levels=levels, padding=padding) is None:
            near = [n for n in range(max(1, each - 64), each + 512) if output_size(n, levels=levels, padding=padding)]
            near = sorted(sorted(near, key=lambda n: abs(n - each))[:2])
            raise ValueError(f"{function}: x must have rows and columns that can be halved {levels} times, such as "
                             f"{' or '.join(map(str, near))}, got {tuple(size)}")


build = UNet
