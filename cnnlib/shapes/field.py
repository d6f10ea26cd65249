"""Which input pixels an output pixel depends on."""
from dataclasses import dataclass

from cnnlib._arguments import whole


@dataclass(frozen=True, kw_only=True)
class FieldRow:
    """The receptive field after one layer, on one axis, in input pixels.

    Attributes:
        size: pixels from the first to the last that an output depends on.
        jump: distance between the fields of two neighboring outputs.
        start: centre of the first output's field, pixel 0 centred at 0; negative in the padding.
    """

    size: int
    jump: int
    start: float


def receptive_field(layers):
    """Follow the receptive field through a stack of convolutions and poolings, on one axis.

    Args:
        layers: a list of (kernel_size, stride, padding) or (kernel_size, stride, padding, dilation), in pixels.

    Returns:
        A list with a FieldRow for each layer. With K the kernel's reach dilation·(kernel_size − 1) + 1, a layer makes
        size + (K − 1)·jump out of size, jump·stride out of jump, start + ((K − 1)/2 − padding)·jump out of start.

    Raises:
        ValueError: layers is empty or a layer is malformed.

    Source:
        Araujo, Norris & Sim (2019), Computing Receptive Fields of Convolutional Neural Networks, eqs. 2 and 3.

    >>> receptive_field([(3, 1, 0), (2, 2, 0), (3, 1, 0), (2, 2, 0)])[-1]
    FieldRow(size=10, jump=4, start=4.5)
    """
    name, rows = "receptive_field", []
    if not isinstance(layers, (list, tuple)) or not layers:
        raise ValueError(f"{name}: layers must be a list of (kernel_size, stride, padding[, dilation]), got {layers!r}")
    size, jump, start = 1, 1, 0.0
    for layer in layers:
        kernel_size, stride, padding, dilation = _layer(name, layer)
        extra = dilation * (kernel_size - 1)
        size, start, jump = size + extra * jump, start + (extra / 2 - padding) * jump, jump * stride
        rows.append(FieldRow(size=size, jump=jump, start=start))
    return rows


def _layer(function, layer):
    if not isinstance(layer, (list, tuple)) or len(layer) not in (3, 4):
        raise ValueError(f"{function}: a layer must be (kernel_size, stride, padding[, dilation]), got {layer!r}")
    names = (("kernel_size", 1), ("stride", 1), ("padding", 0), ("dilation", 1))
    values = (*layer, 1) if len(layer) == 3 else layer
    return tuple(whole(function, word, value, least=least) for (word, least), value in zip(names, values, strict=True))
