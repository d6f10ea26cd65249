"""Blocks for the assignment of chapter 7b."""
import torch
from torch import nn
from torch.nn import functional as F


class Plain(nn.Module):
    def __init__(self, c_in, c_out, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(c_in, c_out, kernel_size=3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(c_out)
        self.conv2 = nn.Conv2d(c_out, c_out, kernel_size=3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(c_out)
        self.shortcut = nn.Sequential()
        if stride == 2:
            self.shortcut.append(nn.AvgPool2d(2))
        if stride == 2 or c_in != c_out:
            self.shortcut.append(nn.Conv2d(c_in, c_out, 1, bias=False))
            self.shortcut.append(nn.BatchNorm2d(c_out))

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(out)) + self.shortcut(x))


class Listed(nn.Module):
    """The 1x1 comes before the pooling here: the same function."""

    def __init__(self, c_in, c_out, stride):
        super().__init__()
        same = stride == 1 and c_in == c_out
        self.down = None if same else nn.ModuleList([nn.BatchNorm2d(c_out), nn.Conv2d(c_in, c_out, 1, bias=False)])
        self.pool = nn.AvgPool2d(stride, stride)
        self.layers = nn.Sequential(
            nn.Conv2d(c_in, c_out, 3, stride, 1, bias=False), nn.BatchNorm2d(c_out), nn.ReLU(inplace=True),
            nn.Conv2d(c_out, c_out, 3, 1, 1, bias=False), nn.BatchNorm2d(c_out))

    def forward(self, x):
        kept = x if self.down is None else self.down[0](self.pool(self.down[1](x)))
        total = kept + self.layers(x)
        return total.clamp(min=0)


class Sum(nn.Module):
    def __init__(self, *ways):
        super().__init__()
        self.ways = nn.ModuleList(ways)

    def forward(self, x):
        return sum(way(x) for way in self.ways)


def of_parts(c_in, c_out, stride):
    def unit(a, b, k, s=1):
        return nn.Sequential(nn.Conv2d(a, b, k, s, k // 2, bias=False), nn.BatchNorm2d(b))
    branch = nn.Sequential(unit(c_in, c_out, 3, stride), nn.ReLU(), unit(c_out, c_out, 3))
    ways = {(True, True): [], (True, False): [unit(c_in, c_out, 1)]}
    default = [nn.AvgPool2d(2), unit(c_in, c_out, 1)]
    shortcut = nn.Sequential(*ways.get((stride == 1, c_in == c_out), default))
    return nn.Sequential(Sum(branch, shortcut), nn.ReLU())


def changed(edit, forward=None):
    """Make the plain block, then edit its layers or its forward pass."""
    def make(c_in, c_out, stride):
        block = (type("Changed", (Plain,), {"forward": forward}) if forward else Plain)(c_in, c_out, stride)
        edit(block, c_in, c_out, stride)
        return block
    return make


def nothing(block, *sizes):
    pass


def drop_norm(name):
    def edit(block, *sizes):
        setattr(block, name, nn.Identity())
    return edit


def strided(block, c_in, c_out, stride):
    if stride == 2:
        block.shortcut = nn.Sequential(nn.Conv2d(c_in, c_out, 1, 2, bias=False), nn.BatchNorm2d(c_out))


def pooled_by_max(block, c_in, c_out, stride):
    if stride == 2:
        block.shortcut[0] = nn.MaxPool2d(2)


def only_pooled(block, c_in, c_out, stride):
    if c_in == c_out:
        block.shortcut = block.shortcut[:1] if stride == 2 else nn.Identity()


def always(block, c_in, c_out, stride):
    if c_in == c_out and stride == 1:
        block.shortcut = nn.Sequential(nn.Conv2d(c_in, c_out, 1, bias=False), nn.BatchNorm2d(c_out))


def shortcut_norm(block, *sizes):
    block.shortcut = nn.Sequential(*[part for part in block.shortcut if not isinstance(part, nn.BatchNorm2d)])


def no_norms(block, *sizes):
    block.bn1 = block.bn2 = nn.Identity()
    shortcut_norm(block)


def with_biases(block, *sizes):
    for part in block.modules():
        if isinstance(part, nn.Conv2d):
            part.bias = nn.Parameter(torch.zeros(part.out_channels))


def late(block, c_in, c_out, stride):
    block.conv1.stride, block.conv2.stride = (1, 1), (stride, stride)


def branch_of(self, x):
    return self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))


WRONG_BLOCKS = {
    "strided-shortcut": changed(strided),
    "max-for-mean": changed(pooled_by_max),
    "projection-by-channels-only": changed(only_pooled),
    "projection-always": changed(always),
    "projection-without-norm": changed(shortcut_norm),
    "second-norm-missing": changed(drop_norm("bn2")),
    "no-norms": changed(no_norms),
    "biases": changed(with_biases),
    "relu-before-the-sum": changed(nothing, lambda self, x: F.relu(branch_of(self, x)) + self.shortcut(x)),
    "relu-on-both-sides": changed(nothing, lambda self, x: F.relu(F.relu(branch_of(self, x)) + self.shortcut(x))),
    "last-relu-missing": changed(nothing, lambda self, x: branch_of(self, x) + self.shortcut(x)),
    "inner-relu-missing": changed(nothing, lambda self, x: F.relu(
        self.bn2(self.conv2(self.bn1(self.conv1(x)))) + self.shortcut(x))),
    "relu-on-the-shortcut": changed(nothing, lambda self, x: F.relu(branch_of(self, x) + F.relu(self.shortcut(x)))),
    "shortcut-missing": changed(nothing, lambda self, x: F.relu(branch_of(self, x))),
    "concatenated": changed(nothing, lambda self, x: F.relu(torch.cat((branch_of(self, x), self.shortcut(x)), 1))),
    "second-convolution-steps": changed(late),
}
