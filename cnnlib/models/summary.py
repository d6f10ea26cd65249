"""What a network is made of, layer by layer, without running it for real."""
import dataclasses
from collections.abc import Sequence
from contextlib import contextmanager

import torch
from torch import nn
from torch.utils._pytree import tree_leaves

from cnnlib._arguments import sizes
from cnnlib.models._fields import Followed


@dataclasses.dataclass(frozen=True, kw_only=True)
class SummaryRow:
    """One layer, in the order in which the network runs.

    Attributes:
        layer: its name in the network, with dots.
        kind: its class.
        output_shape: (N, C, H, W), (N, C), or (N, L, C) for L tokens; of a layer with several outputs, the first one's;
            None if the layer does not run in evaluation mode.
        parameters: learned numbers, 0 where a layer runs again or shares those of another.
        macs: multiplications with an addition, in convolutions and matrix products.
        receptive_field: (height, width) in input pixels of the largest path; None where an output depends on all
            positions: after global pooling, attention, flattening or a transposed convolution.
    """

    layer: str
    kind: str
    output_shape: tuple[int, ...] | None
    parameters: int
    macs: int
    receptive_field: tuple[int, int] | None


class Summary(Sequence):
    """The rows of a network; printed, it is a table.

    Attributes:
        rows: a tuple of SummaryRow.
        parameters: their parameters together.
        macs: their multiplications together.
    """

    def __init__(self, rows):
        self.rows = tuple(rows)
        self.parameters = sum(row.parameters for row in self.rows)
        self.macs = sum(row.macs for row in self.rows)

    def __getitem__(self, index):
        return self.rows[index]

    def __len__(self):
        return len(self.rows)

    def __str__(self):
        names = [field.name for field in dataclasses.fields(SummaryRow)]
        lines = [[name.replace("_", " ") for name in names]]
        lines += [[_cell(getattr(row, name)) for name in names] for row in self.rows]
        lines.append(["total", "", "", _cell(self.parameters), _cell(self.macs), ""])
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join(_line(line, widths) for line in lines)

    __repr__ = __str__


def _cell(value):
    if isinstance(value, tuple):
        return "x".join(map(str, value))
    return "-" if value is None else f"{value:,}" if isinstance(value, int) else value


def _line(cells, widths):
    left = [cell.ljust(width) for cell, width in zip(cells[:3], widths[:3], strict=True)]
    right = [cell.rjust(width) for cell, width in zip(cells[3:], widths[3:], strict=True)]
    return "  ".join(left + right).rstrip()


def summarize(model, input_shape):
    """Follow one input through a network on the meta device, which computes shapes and no numbers.

    Args:
        model: any ``nn.Module`` that takes one tensor; it keeps its weights, its device and its mode. A network that
            stores tensors of its own while it runs is left with tensors without numbers.
        input_shape: (N, C, H, W).

    Returns:
        A Summary with a row for each layer that ran, and for each that holds parameters and did not.

    Raises:
        ValueError: input_shape is no shape, or the network cannot take it.

    Source:
        Araujo, Norris & Sim (2019), Computing Receptive Fields of Convolutional Neural Networks, for the fields.

    >>> print(summarize(nn.Sequential(nn.Conv2d(3, 8, kernel_size=3), nn.ReLU()), (1, 3, 9, 9)))
    layer  kind    output shape  parameters    macs  receptive field
    0      Conv2d  1x8x7x7              224  10,584              3x3
    1      ReLU    1x8x7x7                0       0              3x3
    total                               224  10,584
    """
    shape = sizes("summarize", "input_shape", input_shape)
    if not isinstance(model, nn.Module):
        raise ValueError(f"summarize: model must be an nn.Module, got {model!r}")
    if len(shape) != 4:
        raise ValueError(f"summarize: input_shape must be (N, C, H, W), got {shape}")
    tensors = [*model.parameters(), *model.buffers()]
    dtype = next((tensor.dtype for tensor in tensors if tensor.is_floating_point()), torch.float32)
    x = torch.empty(shape, dtype=dtype, device="meta")
    recorder = _Recorder(model, Followed(x))
    with evaluation(model), recorder.listening(), on_meta(model), torch.no_grad(), recorder.followed:
        try:
            model(x)
        except Exception as error:  # a network may raise anything
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise ValueError(f"summarize: model must take the input_shape, got {shape}: {reason}") from error
    return Summary([*recorder.rows, *recorder.idle()])


@contextmanager
def on_meta(model):
    """Put tensors without numbers in the place of a network's own, and make new ones without numbers as well."""
    stores = [store for module in model.modules() for store in (module._parameters, module._buffers)]
    kept, twins = [dict(store) for store in stores], {}

    def twin(tensor):
        bare = tensor.detach().to("meta")
        return nn.Parameter(bare, requires_grad=False) if isinstance(tensor, nn.Parameter) else bare
    try:
        for store in stores:
            for name, tensor in store.items():
                if tensor is not None:  # what two layers share stays shared
                    store[name] = twins[id(tensor)] = twins[id(tensor)] if id(tensor) in twins else twin(tensor)
        with torch.device("meta"):
            yield
    finally:
        for store, tensors in zip(stores, kept, strict=True):
            store.update(tensors)


@contextmanager
def evaluation(model):
    """Switch to evaluation mode, and back to the mode of each part."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode


class _Recorder:
    """Write a row whenever a layer has run."""

    def __init__(self, model, followed):
        self.followed, self.rows, self.stack = followed, [], []
        self.names = {module: name or type(model).__name__ for name, module in model.named_modules()}
        self.own, self.counted, seen = {}, set(), set()
        for module in self.names:
            fresh = [p for p in module.parameters(recurse=False) if id(p) not in seen]  # tied weights count once
            self.own[module] = sum(p.numel() for p in fresh)
            seen.update(map(id, fresh))

    @contextmanager
    def listening(self):
        """Hook every part of the network; the hooks are gone afterwards, whatever happens."""
        handles = []
        for module in self.names:
            handles += [module.register_forward_pre_hook(self._enter), module.register_forward_hook(self._leave)]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _enter(self, module, args):
        self.stack.append([self.followed.macs, 0])  # the count before, and what the parts inside have counted

    def _leave(self, module, args, out):
        before, inside = self.stack.pop()
        macs = self.followed.macs - before
        if self.stack:
            self.stack[-1][1] += macs
        leaf = next(module.children(), None) is None
        if leaf or self.own[module] or macs > inside:
            self._write(module, out, macs - inside)

    def _write(self, module, out, macs):
        out = next((leaf for leaf in tree_leaves(out) if isinstance(leaf, torch.Tensor)), None)
        field = self.followed.fields.get(out) if isinstance(out, torch.Tensor) else None
        self.rows.append(SummaryRow(
            layer=self.names[module], kind=type(module).__name__, macs=macs,
            output_shape=tuple(out.shape) if isinstance(out, torch.Tensor) else None,
            parameters=0 if module in self.counted else self.own[module],
            receptive_field=getattr(field, "size", None)))
        self.counted.add(module)

    def idle(self):
        """Yield a row for each part with parameters that has not run."""
        for module, name in self.names.items():
            if self.own[module] and module not in self.counted:
                yield SummaryRow(layer=name, kind=type(module).__name__, output_shape=None, parameters=self.own[module],
                                 macs=0, receptive_field=None)
