"""ResNeXt's block in the paper's three forms, which compute the same; the networks themselves are rows of resnet.py."""
import torch
from torch import nn
from torch.nn import functional

from cnnlib._arguments import whole
from cnnlib.models.resnet import Bottleneck


class _Paths(nn.Module):
    """What forms (a) and (b) share: for each path a 1x1 and a 3x3 convolution with their norms.

    Args:
        in_channels: channels of the input and of the output.
        groups: number of paths, the paper's cardinality.
        width_per_group: channels inside each path.
    """

    def __init__(self, in_channels, *, groups=32, width_per_group=4):
        super().__init__()
        self.paths = nn.ModuleList(nn.Sequential(
            nn.Conv2d(in_channels, width_per_group, kernel_size=1, bias=False),
            nn.BatchNorm2d(width_per_group), nn.ReLU(),
            nn.Conv2d(width_per_group, width_per_group, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(width_per_group), nn.ReLU()) for _ in range(groups))
        self.norm = nn.BatchNorm2d(in_channels)

    def forward(self, x):
        """Return relu(x + F(x))."""
        return functional.relu(x + self.norm(self.merged([path(x) for path in self.paths])))


class SplitBlock(_Paths):
    """Map (N, in_channels, H, W) to the same shape; form (a): each path ends in its own 1x1, and the paths are added.

    Args:
        in_channels: channels of the input and of the output.
        groups: number of paths, the paper's cardinality.
        width_per_group: channels inside each path.

    Source:
        Xie et al. (2017), figure 3 (a) and eq. 3.

    >>> sum(p.numel() for p in SplitBlock(256).parameters() if p.ndim == 4)
    70144
    """

    def __init__(self, in_channels, *, groups=32, width_per_group=4):
        super().__init__(in_channels, groups=groups, width_per_group=width_per_group)
        self.expand = nn.ModuleList(
            nn.Conv2d(width_per_group, in_channels, kernel_size=1, bias=False) for _ in range(groups))

    def merged(self, paths):
        """Return the sum of what the paths give."""
        return sum(expand(path) for expand, path in zip(self.expand, paths, strict=True))


class EarlyConcatBlock(_Paths):
    """Map (N, in_channels, H, W) to the same shape; form (b): the paths are concatenated before one 1x1.

    Args:
        in_channels: channels of the input and of the output.
        groups: number of paths, the paper's cardinality.
        width_per_group: channels inside each path.

    Source:
        Xie et al. (2017), figure 3 (b).

    >>> sum(p.numel() for p in EarlyConcatBlock(256).parameters() if p.ndim == 4)
    70144
    """

    def __init__(self, in_channels, *, groups=32, width_per_group=4):
        super().__init__(in_channels, groups=groups, width_per_group=width_per_group)
        self.expand = nn.Conv2d(groups * width_per_group, in_channels, kernel_size=1, bias=False)

    def merged(self, paths):
        """Return the 1x1 convolution of all paths side by side."""
        return self.expand(torch.cat(paths, 1))


def grouped_block(in_channels, *, groups=32, width_per_group=4):
    """Return form (c): 1x1, one grouped 3x3, 1x1; it is ResNet's bottleneck with groups.

    Args:
        in_channels: channels of the input and of the output, 4 times a power of 2.
        groups: the paper's cardinality.
        width_per_group: channels of each group.

    Raises:
        ValueError: in_channels is no such number.

    Source:
        Xie et al. (2017), figure 3 (c).

    >>> sum(p.numel() for p in grouped_block(256).parameters() if p.ndim == 4)
    70144
    """
    width = whole("grouped_block", "in_channels", in_channels, least=4) // 4
    if 4 * width != in_channels or width & (width - 1):
        raise ValueError(f"grouped_block: in_channels must be 4 times a power of 2, got {in_channels}")
    return Bottleneck(in_channels, width, groups=groups, width_per_group=width_per_group * 64 // width)


def split_from_grouped(block):
    """Return form (a) with the weights of form (c), in the same mode.

    >>> block, x = grouped_block(16, groups=2), torch.randn(3, 16, 5, 5)
    >>> torch.allclose(split_from_grouped(block)(x), block(x), atol=1e-6)
    True
    """
    twin = _paths_from_grouped(SplitBlock, block)
    groups = block.conv2.groups
    with torch.no_grad():  # columns of the last 1x1: each path keeps its own
        for expand, columns in zip(twin.expand, block.conv3.weight.chunk(groups, dim=1), strict=True):
            expand.weight.copy_(columns)
    return twin


def early_concat_from_grouped(block):
    """Return form (b) with the weights of form (c), in the same mode.

    >>> block, x = grouped_block(16, groups=2), torch.randn(3, 16, 5, 5)
    >>> torch.allclose(early_concat_from_grouped(block)(x), block(x), atol=1e-6)
    True
    """
    twin = _paths_from_grouped(EarlyConcatBlock, block)
    twin.expand.load_state_dict(block.conv3.state_dict())
    return twin


def _paths_from_grouped(form, block):
    """Give each path its rows of the first 1x1, its group of the 3x3, and its channels of the norms."""
    if block.downsample is not None:
        raise ValueError(f"{form.__name__}: the block must keep its shape, got one with a projection")
    groups, inner = block.conv2.groups, block.conv2.out_channels
    twin = form(block.conv1.in_channels, groups=groups, width_per_group=inner // groups).train(block.training)
    twin.to(block.conv1.weight)
    sources = (block.conv1, block.bn1, None, block.conv2, block.bn2, None)
    for number, path in enumerate(twin.paths):
        for layer, source in zip(path, sources, strict=True):
            if source is not None:
                layer.load_state_dict(_share(source.state_dict(), number, groups))
    twin.norm.load_state_dict(block.bn3.state_dict())
    return twin


def _share(state, number, groups):
    """Return one group's part of every tensor that has channels."""
    return {key: value.chunk(groups)[number] if value.ndim else value for key, value in state.items()}
