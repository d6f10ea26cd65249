"""What every variant of every family says about itself."""
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Row:
    """One published network; a family adds the fields that its builder reads.

    Attributes:
        family: the name of the family.
        year: when the paper appeared first.
        paper: authors, year and title.
        idea: what was new, in a line.
        published_parameters: trainable parameters for ``in_channels`` and ``num_classes`` below.
        source: where that count stands.
        input_size: height and width that the count of MACs is made for, in pixels.
        in_channels: channels of the input that the published count is for.
        num_classes: outputs that the published count is for.
        top1: published accuracy on ImageNet's validation set, a fraction of 1, of one crop unless ``top1_source`` says
            otherwise; None where there is none.
        top1_source: where that accuracy stands.
        note: where a reader who knows another number would stumble.
    """

    family: str
    year: int
    paper: str
    idea: str
    published_parameters: int
    source: str = "torchvision"
    input_size: int = 224
    in_channels: int = 3
    num_classes: int = 1000
    top1: float | None = None
    top1_source: str = "torchvision, weights IMAGENET1K_V1"
    note: str = ""
