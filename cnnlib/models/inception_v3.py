"""Inception v3: large windows factored into smaller ones, 5x5 into two 3x3 and 7x7 into 1x7 and 7x1."""
from collections import namedtuple
from dataclasses import dataclass

import torch
from torch import nn

from cnnlib._arguments import flag
from cnnlib.models._blocks import BasicConv2d
from cnnlib.models._inception_v3 import InceptionA, InceptionAux, InceptionB, InceptionC, InceptionD, InceptionE
from cnnlib.models._row import Row
from cnnlib.models.googlenet import start, transformed


@dataclass(frozen=True, kw_only=True)
class InceptionV3Row(Row):
    """What differs between modules of one kind.

    Attributes:
        pool_widths: channels behind the pooling in each of the modules 5b to 5d.
        widths_7x7: channels between the 1x7 and 7x1 windows of each of the modules 6b to 6e.
    """

    pool_widths: tuple[int, ...] = (32, 64, 64)
    widths_7x7: tuple[int, ...] = (128, 160, 160, 192)
    family: str = "Inception"
    year: int = 2015
    paper: str = "Szegedy et al. (2016), Rethinking the Inception Architecture for Computer Vision"
    idea: str = "large windows factored into small and one-sided ones, such as 7x7 into 1x7 and 7x1"


ROWS = {
    "inception_v3": InceptionV3Row(
        published_parameters=27_161_264, source="torchvision, with the auxiliary head", input_size=299, top1=0.77294,
        note="23,834,568 without the auxiliary head"),
}
InceptionOutputs = namedtuple("InceptionOutputs", ["logits", "aux_logits"])


class InceptionV3(nn.Module):
    """Map images (N, in_channels, H, W) to scores (N, num_classes).

    H and W must be at least 75, or 15 with ``small_images``; the auxiliary head needs 299 in training mode.

    Args:
        row: the widths that differ between modules.
        num_classes: number of scores.
        in_channels: channels of the images.
        small_images: start at stride 1, pad, and leave out the first pooling: 4 times larger maps.
        transform_input: as for GoogLeNet; use it with torchvision's file.
        aux_logits: one more classifier, behind module 6e. In training mode the network then returns the named tuple
            ``logits, aux_logits``.

    Raises:
        ValueError: an option is not a bool, or the images are too small for the auxiliary head.

    Source:
        Szegedy et al. (2016), Table 1 and section 6; keys as torchvision's.

    >>> sum(p.numel() for p in InceptionV3(ROWS["inception_v3"], num_classes=10, aux_logits=False).parameters())
    21806058
    """

    def __init__(self, row, *, num_classes=1000, in_channels=3, small_images=False, aux_logits=True,
                 transform_input=False):
        super().__init__()
        small = self.small_images = flag("create_model", "small_images", small_images)
        self.aux_logits = flag("create_model", "aux_logits", aux_logits)
        self.transform_input = flag("create_model", "transform_input", transform_input)
        edge = 1 if small else 0
        self.Conv2d_1a_3x3 = BasicConv2d(in_channels, 32, kernel_size=3, stride=1 if small else 2, padding=edge)
        self.Conv2d_2a_3x3 = BasicConv2d(32, 32, kernel_size=3, padding=edge)
        self.Conv2d_2b_3x3 = BasicConv2d(32, 64, kernel_size=3, padding=1)
        self.maxpool1 = nn.Identity() if small else nn.MaxPool2d(kernel_size=3, stride=2)
        self.Conv2d_3b_1x1 = BasicConv2d(64, 80, kernel_size=1)
        self.Conv2d_4a_3x3 = BasicConv2d(80, 192, kernel_size=3, padding=edge)
        self.maxpool2 = nn.MaxPool2d(kernel_size=3, stride=2)
        for name, channels, width in zip("bcd", (192, 256, 288), row.pool_widths, strict=True):
            self.add_module(f"Mixed_5{name}", InceptionA(channels, width))
        self.Mixed_6a = InceptionB(288)
        for name, width in zip("bcde", row.widths_7x7, strict=True):
            self.add_module(f"Mixed_6{name}", InceptionC(768, width))
        self.AuxLogits = InceptionAux(768, num_classes, small_images=small) if self.aux_logits else None
        self.Mixed_7a = InceptionD(768)
        self.Mixed_7b = InceptionE(1280)
        self.Mixed_7c = InceptionE(2048)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.dropout = nn.Dropout(0.5)
        self.fc = nn.Linear(2048, num_classes)
        for layer in self.modules():
            start(layer, std=0.1)
        if self.aux_logits:
            start(self.AuxLogits.fc, std=0.001)

    def forward(self, x):
        """Return the scores before softmax; in training mode with those of the auxiliary head, if there is one."""
        heads = self.training and self.aux_logits
        if heads and not self.small_images and min(x.shape[2:]) < 299:
            raise ValueError("inception_v3: H and W must be at least 299 in training mode, unless created with "
                             f"aux_logits=False or small_images=True, got {tuple(x.shape[2:])}")
        x = transformed(x) if self.transform_input else x
        x = self.maxpool1(self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x))))
        x = self.maxpool2(self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(x)))
        x = self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(x)))
        x = self.Mixed_6e(self.Mixed_6d(self.Mixed_6c(self.Mixed_6b(self.Mixed_6a(x)))))
        aux = self.AuxLogits(x) if heads else None
        x = self.Mixed_7c(self.Mixed_7b(self.Mixed_7a(x)))
        scores = self.fc(torch.flatten(self.dropout(self.avgpool(x)), 1))
        return InceptionOutputs(scores, aux) if heads else scores


build = InceptionV3
