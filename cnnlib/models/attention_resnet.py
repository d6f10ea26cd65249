"""ResNets whose blocks weigh what they add: SE-ResNet scales channels, CBAM-ResNet channels and places."""
from collections.abc import Callable
from dataclasses import dataclass

from cnnlib.models.attention import CBAM, SEBlock
from cnnlib.models.resnet import Bottleneck, ResNet, ResNetRow


@dataclass(frozen=True, kw_only=True)
class AttentionResNetRow(ResNetRow):
    """A ResNet with a gate in every block.

    Attributes:
        attention: a class that takes the number of channels.
    """

    attention: Callable


ROWS = {
    "se_resnet50": AttentionResNetRow(
        depths=(3, 4, 6, 3), attention=SEBlock, family="SENet", year=2017, published_parameters=28_088_024,
        paper="Hu, Shen & Sun (2018), Squeeze-and-Excitation Networks", idea="a gate for each channel of each block",
        source="pytorchcv seresnet50", top1=0.7671, top1_source="Hu et al. (2018), Table 2",
        note="with biases in the gates; the same table gives ResNet-50 an accuracy of 0.7520"),
    "cbam_resnet50": AttentionResNetRow(
        depths=(3, 4, 6, 3), attention=CBAM, family="CBAM", year=2018, published_parameters=28_089_624,
        paper="Woo, Park, Lee & Kweon (2018), CBAM: Convolutional Block Attention Module",
        idea="a gate for each channel, then one for each place",
        source="pytorchcv cbam_resnet50", top1=0.7734, top1_source="Woo et al. (2018), Table 4",
        note="with a batch norm in each spatial gate; the same table gives ResNet-50 an accuracy of 0.7544"),
}


class AttentionBottleneck(Bottleneck):
    """Map (N, in_channels, H, W) to (N, 4·width, H / stride, W / stride): relu(x + gate · F(x)).

    Args:
        attention: a class that takes the number of channels, such as ``SEBlock`` or ``CBAM``.
        *arguments: in_channels and width, as Bottleneck takes them.
        **options: stride, groups and width_per_group, as Bottleneck takes them.

    Source:
        Hu et al. (2018), figure 3; Woo et al. (2018), figure 3: the gate stands before the sum.

    >>> import torch
    >>> AttentionBottleneck(SEBlock, 256, 64)(torch.zeros(1, 256, 8, 8)).shape
    torch.Size([1, 256, 8, 8])
    """

    def __init__(self, attention, *arguments, **options):
        super().__init__(*arguments, **options)
        self.attention = attention(self.out_channels)

    def residual(self, x):
        """Return gate · F(x), what the block adds to its input."""
        return self.attention(super().residual(x))


def build(row, *, num_classes=1000, in_channels=3, small_images=False):
    """Return a ResNet with a gate in each block; images (N, in_channels, H, W) to scores (N, num_classes).

    Args:
        row: the ResNet, and the attention of its blocks.
        num_classes: number of scores.
        in_channels: channels of the images.
        small_images: as ResNet takes it.

    Raises:
        ValueError: small_images is not a bool.

    Source:
        Hu et al. (2018), Table 1; Woo et al. (2018), section 4.1.

    >>> sum(p.numel() for p in build(ROWS["se_resnet50"]).parameters())
    28088024
    """
    def block(*arguments, **options):
        return AttentionBottleneck(row.attention, *arguments, **options)
    return ResNet(row, num_classes=num_classes, in_channels=in_channels, small_images=small_images, block=block)
