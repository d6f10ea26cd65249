"""Write what the architecture browser shows: ``python -m tools.architectures [--check]``.

A widget never imports torch, so every model of ``cnnlib.models`` is followed here on the meta device and written down
as one compact file of numbers. Run this after a model has changed.
"""
import json
import sys
from contextlib import contextmanager
from itertools import groupby

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from cnnlib.models import create_model, list_models, summarize
from tools.architecture_rows import FUNCTIONAL, drawn_rows, functional_pool, stages, written_field
from tools.project import ROOT, bring_up_to_date

PATH = ROOT / "cnnlib" / "widgets" / "data" / "architectures.json"
SIZES = (32, 64, 96, 128, 160, 192, 224, 227, 240, 256, 260, 288, 299, 300, 320, 380, 384, 448, 456, 512, 528, 600)
LENET = (28, 32)  # 28 is MNIST's size, which the model pads
FACTS = ("name", "family", "year", "paper", "idea", "top1", "top1_source", "input_size", "in_channels")
PASSING = (nn.modules.batchnorm._BatchNorm, nn.LocalResponseNorm, nn.ReLU, nn.ReLU6, nn.SiLU, nn.Tanh, nn.Sigmoid,
           nn.Dropout)  # shapes and channels stay


class Table:
    """Number distinct values in the order in which they come, behind those that are known."""

    def __init__(self, known=()):
        self.places = {json.dumps(value): place for place, value in enumerate(known)}

    def __call__(self, value):
        """Return the place of a value, which is text for JSON or the value itself."""
        return self.places.setdefault(json.dumps(value), len(self.places))

    def rows(self):
        """Return the values by their places."""
        return [json.loads(text) for text in self.places]


EMPTY = {"layers": [], "sides": [], "names": [], "models": []}


def document(models, known=EMPTY):
    """Return the data of some models: tables of what many layers share, and the models as columns of places in them.

    Args:
        models: rows of ``list_models()``.
        known: such data of other models, which come first.

    Returns:
        A dict for JSON: ``layers`` (see ``drawn_rows``), ``sides`` (of the output, in pixels, for each of the model's
        input sizes; 0 for a vector, null where the layer runs in training only), ``names``, ``models``.
    """
    layers, sides, names = (Table(known[table]) for table in ("layers", "sides", "names"))
    described = [describe(row, layers, sides, names) for row in models]
    return {"layers": layers.rows(), "sides": sides.rows(), "names": names.rows(),
            "models": known["models"] + described}


def describe(row, layers, sides, names):
    """Return one model: its facts, input sizes, layers in columns, blocks and stages.

    A block is [path, number of layers, channels, place in sides], a stage is [label, number of blocks, channels, place
    in sides]. ``fields`` holds receptive fields in pixels: a number, [height, width], 0 for the whole picture, or
    {"by_size": a list of them} where they depend on the input size.
    """
    with torch.device("meta"):
        model = create_model(row.name)
    shapes = all_shapes(model, row)
    sizes, own = list(shapes), shapes[row.input_size]
    drawn, by_size = _layers(model, row, sizes)
    if FUNCTIONAL in own:
        drawn.insert(-1, functional_pool())

    def shape(path):
        return [own[path][0] if path in own else None, sides([shapes[size].get(path, (0, None))[1] for size in sizes])]

    columns = {
        "names": [names(layer.name) for layer in drawn],
        "layers": [layers(layer.shared(shape(layer.path)[0])) for layer in drawn],
        "sides": [shape(layer.path)[1] for layer in drawn],
        "fields": [by_size.get(layer.path, layer.field) for layer in drawn],
    }
    blocks = [(path, len(list(inside))) for path, inside in groupby(drawn, key=lambda layer: layer.block)]
    parts = stages([(path, own.get(path, (0, None))[1]) for path, _ in blocks], {x.path: x.kind for x in drawn})
    return {
        **{fact: getattr(row, fact) for fact in FACTS}, "published": row.published_parameters, "sizes": sizes,
        **columns,
        "blocks": [[path, count, *shape(path)] for path, count in blocks],
        "stages": [[label, count, *shape(path)] for label, path, count in parts]}


def _layers(model, row, sizes):
    """Return the drawn layers, and by path the receptive fields of those where they depend on the input size."""
    own = row.input_size
    drawn = drawn_rows(model, summarize(model, (1, row.in_channels, own, own)))
    pools = [name for name, module in model.named_modules()
             if isinstance(module, nn.AdaptiveAvgPool2d) and module.output_size not in (1, (1, 1))]
    if not pools:
        return drawn, {}
    fields = {name: [] for name in pools}
    for size in sizes:
        for layer in summarize(model, (1, row.in_channels, size, size)):
            if layer.layer in fields:
                fields[layer.layer].append(written_field(layer.receptive_field))
    return drawn, {path: {"by_size": found} for path, found in fields.items()}


def all_shapes(model, row):
    """Return by input size, for those that the model takes, from each path to (channels, side) of the output."""
    candidates = LENET if row.family == "LeNet" else sorted({*SIZES, row.input_size})
    found = {}
    with _hurried(model):
        for size in candidates:
            try:
                found[size] = output_shapes(model, row.in_channels, size)
            except (RuntimeError, ValueError):  # too small for the last windows, or not what the first layers take
                continue
    return found


def output_shapes(model, in_channels, size):
    """Return from each path to (channels, side) of the output for one square image; side is 0 for a vector."""
    paths = {module: path for path, module in model.named_modules()}
    shapes, running = {}, []

    def note(path, out):
        if isinstance(out, torch.Tensor):
            shapes[path] = (out.shape[1], out.shape[-1] if out.ndim == 4 else 0)

    class Functions(TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):
            out = function(*args, **(kwargs or {}))
            if function is nn.functional.adaptive_avg_pool2d and running == [model]:
                note(FUNCTIONAL, out)
            return out

    handles = []
    for module in paths:
        handles.append(module.register_forward_pre_hook(lambda module, args: running.append(module)))
        handles.append(module.register_forward_hook(lambda module, args, out: note(paths[running.pop()], out)))
    try:
        with torch.no_grad(), Functions():
            model(torch.empty((1, in_channels, size, size), device="meta"))
    finally:
        for handle in handles:
            handle.remove()
    return shapes


@contextmanager
def _hurried(model):
    """Run in evaluation mode, and skip what changes no shape."""
    training = model.training
    skipped = [module for module in model.modules() if isinstance(module, PASSING)]
    for module in skipped:
        module.forward = lambda x: x
    try:
        yield model.eval()
    finally:
        for module in skipped:
            del module.forward
        model.train(training)


def drawn_models():
    """Return the rows of all models but those of tokens: the browser draws maps."""
    return [row for row in list_models() if row.family != "Vision Transformer"]


def text(models=None, known=EMPTY):
    """Return the file's text for some models, or for all that are drawn, behind those that are known."""
    models = drawn_models() if models is None else models
    return json.dumps(document(models, known), ensure_ascii=False, separators=(",", ":")) + "\n"


def with_new():
    """Return the file's text with the models that it lacks behind those that it has, which stay as they are."""
    known = json.loads(PATH.read_text(encoding="utf-8"))
    names = {model["name"] for model in known["models"]}
    return text([row for row in drawn_models() if row.name not in names], known)


def main(arguments=()):
    """Write the file; with --check change nothing and return 1 if it would change; with --add describe new models."""
    if list(arguments) not in ([], ["--check"], ["--add"]):
        return f"architectures: takes only --check or --add, got {' '.join(arguments)}"
    return int(bring_up_to_date(PATH, with_new() if "--add" in arguments else text(), "--check" in arguments))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
