"""Cut a network into the rows that the architecture browser draws: layers, blocks of layers, stages of blocks."""
import math
from dataclasses import dataclass
from itertools import groupby

from torch import nn

NORMS = (nn.modules.batchnorm._BatchNorm, nn.LocalResponseNorm)
POOLS = {nn.MaxPool2d: "max pool", nn.AvgPool2d: "average pool", nn.AdaptiveAvgPool2d: "adaptive average pool"}
CONTAINERS = ("features", "inception")  # their children are as good as the network's own
MOST_STAGES = 12
ENDS = ("max pool", "average pool")  # a stage ends with them
FUNCTIONAL = "avgpool in forward()"  # a pooling that is a function, not a module


@dataclass(kw_only=True)
class Layer:
    """One drawn row.

    Attributes:
        path: its name in the network, with dots.
        block: the path of the block it stands in, or its own.
        kind: what it computes.
        kernel_size: "3" or "1×7"; "" where there is no kernel.
        stride: in pixels, as text as well.
        groups: of a convolution.
        in_channels: channels or numbers that come in; 0 where they are those that go out.
        out_channels: channels or numbers that go out, of a convolution or linear layer.
        parameters: trainable numbers, those of a folded norm included.
        macs: multiplications with an addition for one position of the output.
        norm: 1 where a norm behind it is folded in, 2 where one before it is.
        field: receptive field in pixels: a number, [height, width], or 0 for the whole picture.
    """

    path: str
    block: str
    kind: str
    kernel_size: str = ""
    stride: str = "1"
    groups: int = 1
    in_channels: int = 0
    out_channels: int = 0
    parameters: int = 0
    macs: int = 0
    norm: int = 0
    field: int | list = 0

    @property
    def name(self):
        """Return the name within the block; "" where the layer is the block."""
        return self.path.removeprefix(self.block).removeprefix(".")

    def shared(self, channels):
        """Return what many layers have in common; channels: of the output, None where the layer did not run."""
        out = self.out_channels if channels is None else channels
        return [self.kind, self.kernel_size, self.stride, self.groups, self.in_channels or out, out, self.parameters,
                self.macs, self.norm]


def drawn_rows(model, summary):
    """Return the layers that are drawn, in the order in which they run; layers for training only come last.

    Args:
        model: the network.
        summary: what ``summarize`` says of it.

    Raises:
        ValueError: a layer's MACs differ between the positions of its output.
    """
    modules, drawn = dict(model.named_modules()), []
    rows = [row for row in summary if row.parameters or row.macs or isinstance(modules[row.layer], (*POOLS, *NORMS))]
    for block, inside in groupby(rows, key=lambda row: block_of(model, row.layer)):
        drawn += _block(block, list(inside), modules, drawn[-1:])
    return drawn


def block_of(model, path):
    """Return the path of the block that a layer stands in: a child of a sequence of blocks, or what is above it."""
    unit = unit_of(path)
    rest = path.removeprefix(unit).removeprefix(".").split(".")
    module = model.get_submodule(unit)
    plain = type(module) is nn.Sequential or isinstance(module, nn.ModuleDict)
    nested = plain and any(len(list(child.children())) for child in module.children())
    return f"{unit}.{rest[0]}" if nested and rest[0] else unit


def unit_of(path):
    """Return the path of the part of the network that a layer stands in."""
    parts = path.split(".")
    return ".".join(parts[:2] if parts[0] in CONTAINERS else parts[:1])


def _block(block, rows, modules, before):
    """Return the layers of one block; norms go with the convolution they belong to."""
    first = bool(rows) and isinstance(modules[rows[0].layer], NORMS) and len(rows) > 1
    layers, waiting = [], []
    for row in rows:
        module = modules[row.layer]
        if not isinstance(module, NORMS):
            layers.append(_layer(row, block, module))
            _fold(layers[-1], waiting, norm=2)
            waiting = []
        elif first:
            waiting.append(row)
        elif (layers or before) and _takes(layer := (layers or before)[-1], module):
            _fold(layer, [row], norm=1)
        else:
            layers.append(_layer(row, block, module))
    return layers + [_layer(row, block, modules[row.layer]) for row in waiting]


def _fold(layer, norms, *, norm):
    if norms:
        layer.parameters += sum(row.parameters for row in norms)
        layer.norm = norm


def _takes(layer, norm):
    channels = getattr(norm, "num_features", layer.out_channels)
    return bool(layer.out_channels) and channels == layer.out_channels


def _layer(row, block, module):
    layer = Layer(path=row.layer, block=block, kind=type(module).__name__, parameters=row.parameters)
    layer.field = written_field(row.receptive_field)
    layer.macs, rest = divmod(row.macs, math.prod((row.output_shape or ())[2:]))
    if rest:
        raise ValueError(f"drawn_rows: MACs must be the same at every position, got {row}")
    if isinstance(module, nn.Conv2d):
        layer.groups = module.groups
        layer.kind = "conv" if module.groups == 1 else "grouped conv"
        layer.kind = "depthwise conv" if module.groups == module.in_channels > 1 else layer.kind
        layer.in_channels, layer.out_channels = module.in_channels, module.out_channels
    elif isinstance(module, nn.Linear):
        layer.kind, layer.in_channels, layer.out_channels = "linear", module.in_features, module.out_features
    elif isinstance(module, NORMS):
        layer.kind = "norm"
    layer.kind = POOLS.get(type(module), layer.kind)
    if hasattr(module, "kernel_size"):
        layer.kernel_size, layer.stride = _kernel(module.kernel_size), _kernel(module.stride)
    return layer


def written_field(field):
    """Return a receptive field as it is written: one number for a square, 0 for the whole picture."""
    if field is None:
        return 0
    return field[0] if field[0] == field[1] else list(field)


def _kernel(size):
    height, width = size if isinstance(size, tuple) else (size, size)
    return str(height) if height == width else f"{height}×{width}"


def functional_pool(block=FUNCTIONAL):
    """Return the layer for a global average pooling that no module stands for."""
    return Layer(path=block, block=block, kind="adaptive average pool")


def stages(blocks, kinds):
    """Join blocks to at most twelve stages.

    Args:
        blocks: (path, side) in order; side is that of the output at the model's own input size, in pixels.
        kinds: from the path of each layer to its kind.

    Returns:
        A list of (label, path, number of blocks), in order; path is that of the last part, whose output is the stage's.
        The parts of the network are the stages. Where there are more than twelve, a stage ends behind a pooling and
        before a smaller map.
    """
    units = [(unit, list(parts)) for unit, parts in groupby(blocks, key=lambda block: unit_of(block[0]))]
    groups = [[unit] for unit in units]
    if len(units) > MOST_STAGES:
        groups = []
        for unit, parts in units:
            last = groups[-1][-1] if groups else None
            pool = kinds.get(unit) in ENDS
            if last and kinds.get(last[0]) not in ENDS and (pool or parts[-1][1] == last[1][-1][1]):
                groups[-1].append((unit, parts))
            else:
                groups.append([(unit, parts)])
    return [(_label(group[0][0], group[-1][0]), group[-1][0], sum(len(parts) for _, parts in group))
            for group in groups]


def _label(first, last):
    if first == last:
        return first
    parent = first.rpartition(".")[0]
    return f"{first} to {last.removeprefix(parent + '.') if parent else last}"
