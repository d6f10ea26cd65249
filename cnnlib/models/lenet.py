"""LeNet-5: as it is taught today, and as it was in 1998."""
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from cnnlib.models._row import Row


@dataclass(frozen=True, kw_only=True)
class LeNetRow(Row):
    """One of the two forms; ``original`` has a connection table, trainable subsampling and fixed outputs."""

    original: bool
    family: str = "LeNet"
    year: int = 1998
    paper: str = "LeCun, Bottou, Bengio & Haffner (1998), Gradient-Based Learning Applied to Document Recognition"
    idea: str = "convolution, subsampling and dense layers, trained as one"
    input_size: int = 32
    in_channels: int = 1
    num_classes: int = 10


ROWS = {
    "lenet5": LeNetRow(
        original=False, published_parameters=61_706, source="sum over the layers",
        note="every map of C3 sees all six maps of S2, and pooling has no weights"),
    "lenet5_original": LeNetRow(
        original=True, published_parameters=60_000, source="the paper, section II.B",
        note="156 + 12 + 1,516 + 32 + 48,120 + 10,164; the output layer is fixed"),
}
CONNECTIONS = (  # which maps of S2 each of the 16 maps of C3 sees: the paper's Table I, column by column
    (0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (4, 5, 0), (5, 0, 1), (0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5),
    (3, 4, 5, 0), (4, 5, 0, 1), (5, 0, 1, 2), (0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5), (0, 1, 2, 3, 4, 5))
DIGITS = (  # six rows of seven pixels, each shown twice: 84 pixels a digit, drawn for this book
    "..###.. .#...#. #.....# #.....# .#...#. ..###..", "...#... ..##... .#.#... ...#... ...#... .#####.",
    ".####.. #....#. ....#.. ..##... .#..... ######.", ".####.. .....#. ..###.. .....#. #....#. .####..",
    "...##.. ..#.#.. .#..#.. ######. ....#.. ....#..", "######. #...... #####.. .....#. #....#. .####..",
    "..###.. .#..... #.###.. ##...#. #....#. .####..", "######. .....#. ....#.. ...#... ..#.... ..#....",
    ".####.. #....#. .####.. #....#. #....#. .####..", ".####.. #....#. .#####. .....#. ....#.. .###...")


class LeNet5(nn.Sequential):
    """Map images (N, in_channels, 32, 32), or 28x28 ones with two zeros around them, to scores (N, num_classes).

    Args:
        row: unused: there is one such network.
        num_classes: number of scores.
        in_channels: channels of the images.

    Source:
        LeCun et al. (1998), figure 2, without the table, the coefficients and the fixed outputs.

    >>> LeNet5(ROWS["lenet5"], num_classes=10, in_channels=1)(torch.zeros(2, 1, 28, 28)).shape
    torch.Size([2, 10])
    """

    def __init__(self, row, *, num_classes=10, in_channels=1):
        super().__init__(
            nn.Conv2d(in_channels, 6, kernel_size=5), nn.Tanh(), nn.AvgPool2d(kernel_size=2),
            nn.Conv2d(6, 16, kernel_size=5), nn.Tanh(), nn.AvgPool2d(kernel_size=2), nn.Flatten(),
            nn.Linear(16 * 5 * 5, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, num_classes))

    def forward(self, x):
        """Return the scores before softmax."""
        return super().forward(_centered(x))


class Subsampling(nn.Module):
    """Map (N, channels, H, W) to (N, channels, H / 2, W / 2): the sum of 2x2, times a weight, plus a bias, squashed.

    Args:
        channels: each has one weight and one bias.

    Source:
        LeCun et al. (1998), section II.B, layers S2 and S4.

    >>> sum(p.numel() for p in Subsampling(6).parameters())
    12
    """

    def __init__(self, channels):
        super().__init__()
        self.weight = nn.Parameter(torch.full((channels, 1, 1), 0.25))
        self.bias = nn.Parameter(torch.zeros(channels, 1, 1))

    def forward(self, x):
        """Return the squashed sums."""
        return squash(4 * functional.avg_pool2d(x, kernel_size=2) * self.weight + self.bias)


class TableConvolution(nn.ModuleList):
    """Map (N, 6, H, W) to (N, 16, H − 4, W − 4); each output map sees the input maps that the table names.

    Source:
        LeCun et al. (1998), Table I.

    >>> sum(p.numel() for p in TableConvolution().parameters())
    1516
    """

    def __init__(self):
        super().__init__(nn.Conv2d(len(maps), 1, kernel_size=5) for maps in CONNECTIONS)

    def forward(self, x):
        """Return the 16 maps."""
        return torch.cat([conv(x[:, list(maps)]) for conv, maps in zip(self, CONNECTIONS, strict=True)], 1)


class LeNet5Original(nn.Module):
    """Map images (N, in_channels, 32, 32), or 28x28 ones with two zeros around them, to scores (N, num_classes).

    The scores are minus the squared distances to fixed pictures of the digits, so that the largest is the nearest.

    Args:
        row: unused: there is one such network.
        num_classes: at most 10, as many as there are pictures.
        in_channels: channels of the images.

    Raises:
        ValueError: num_classes is above 10.

    Source:
        LeCun et al. (1998), section II.B and eq. 7; the pictures are this book's.

    >>> sum(p.numel() for p in LeNet5Original(ROWS["lenet5_original"]).parameters())
    60000
    """

    def __init__(self, row, *, num_classes=10, in_channels=1):
        super().__init__()
        if num_classes > len(DIGITS):
            raise ValueError(f"create_model: num_classes must be at most 10 for lenet5_original, got {num_classes}")
        self.c1, self.s2 = nn.Conv2d(in_channels, 6, kernel_size=5), Subsampling(6)
        self.c3, self.s4 = TableConvolution(), Subsampling(16)
        self.c5, self.f6 = nn.Conv2d(16, 120, kernel_size=5), nn.Linear(120, 84)
        self.register_buffer("pictures", torch.tensor([_pixels(text) for text in DIGITS[:num_classes]]))

    def forward(self, x):
        """Return minus the distances."""
        x = self.s2(squash(self.c1(_centered(x))))
        x = squash(self.c5(self.s4(squash(self.c3(x)))))
        x = squash(self.f6(torch.flatten(x, 1)))
        return -((x[:, None] - self.pictures) ** 2).sum(-1)


def squash(x):
    """Return 1.7159·tanh(2x/3), which maps 1 to 1 and −1 to −1.

    Source:
        LeCun et al. (1998), appendix A.

    >>> round(float(squash(torch.tensor(1.0))), 4)
    1.0
    """
    return 1.7159 * torch.tanh(2 / 3 * x)


def _centered(x):
    return functional.pad(x, (2, 2, 2, 2)) if x.shape[-2:] == (28, 28) else x


def _pixels(text):
    return [1.0 if pixel == "#" else -1.0 for row in text.split() for pixel in row + row]


def build(row, *, num_classes=10, in_channels=1):
    """Return the network of the row.

    >>> type(build(ROWS["lenet5"])).__name__
    'LeNet5'
    """
    return (LeNet5Original if row.original else LeNet5)(row, num_classes=num_classes, in_channels=in_channels)
