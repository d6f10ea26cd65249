"""Every architecture of the book, layer by layer, at every input size that it takes."""
import difflib
import json
from functools import cache
from pathlib import Path

import ipywidgets
import traitlets

from cnnlib._arguments import all_choices, choice
from cnnlib.widgets._esm import esm
from cnnlib.widgets._view import Explorer, View

DATA = Path(__file__).parent / "data" / "architectures.json"
LEVELS = ("stages", "layers")
MEASURES = ("parameters", "MACs", "output numbers")


class ArchitectureView(View):
    """The stages or layers of one network, with a bar for each."""

    _esm = esm("architecture_browser.mjs")
    data = traitlets.Dict().tag(sync=True)  # what tools.architectures writes
    model = traitlets.Int().tag(sync=True)
    size = traitlets.Int().tag(sync=True)  # which of the model's input sizes
    last_size = traitlets.Int().tag(sync=True)
    sized_for = traitlets.Int().tag(sync=True)  # the model that size is for
    level = traitlets.Int().tag(sync=True)
    measure = traitlets.Int().tag(sync=True)


class ArchitectureBrowser(Explorer):
    """Choose a network and an input size; see its stages or layers, and where parameters and MACs are.

    Args:
        model: a name of ``cnnlib.models.list_models()``, but no ViT: tokens are no maps.
        input_size: height and width of the picture, in pixels, one that the model takes; None is the model's own.
        level: "stages" or "layers".
        measure: what the bars show: "parameters", "MACs" or "output numbers" (the numbers in a layer's output).

    Raises:
        ValueError: an unknown name, or an input size that the model does not take.

    Source:
        The papers that the picture names; the counts are those of ``cnnlib.models.summarize``.

    >>> ArchitectureBrowser("vgg16").summary()
    {'input_size': 224, 'parameters': 138357544, 'macs': 15470264320, 'weight_layers': 16}
    """

    def __init__(self, model="vgg16", *, input_size=None, level="stages", measure="parameters"):
        data = _data()
        names = [row["name"] for row in data["models"]]
        _check_model(model, names)
        places = all_choices("ArchitectureBrowser", {"level": LEVELS, "measure": MEASURES}, (level, measure))
        index = names.index(model)
        sizes = data["models"][index]["sizes"]
        input_size = data["models"][index]["input_size"] if input_size is None else input_size
        size = choice("ArchitectureBrowser", f"input_size of {model}", input_size, sizes)
        view = ArchitectureView(
            data=data, model=index, size=size, last_size=len(sizes) - 1, sized_for=index, **places)
        slider = ipywidgets.IntSlider(value=size, min=0, max=len(sizes) - 1, description="input size", readout=False)
        ipywidgets.jslink((view, "last_size"), (slider, "max"))
        super().__init__(view, {
            "model": ipywidgets.Dropdown(options=names, index=index, description="model"),
            "size": slider,
            "level": ipywidgets.ToggleButtons(options=LEVELS, index=view.level, description="show"),
            "measure": ipywidgets.Dropdown(options=MEASURES, index=view.measure, description="bars show")})

    def summary(self):
        """Return the input size in pixels, and the whole network's parameters, MACs and layers with weights."""
        data, view = self.view.data, self.view
        model = data["models"][view.model]
        layers = [data["layers"][place] for place in model["layers"]]
        sides = [data["sides"][place][view.size] for place in model["sides"]]
        weights = [layer for layer, side in zip(layers, sides, strict=True)
                   if side is not None and (layer[0] == "linear" or layer[0].endswith("conv"))]
        return {
            "input_size": model["sizes"][view.size],
            "parameters": sum(layer[6] for layer in layers),
            "macs": sum(layer[7] * (side or 1) ** 2 for layer, side in zip(layers, sides, strict=True)),
            "weight_layers": len(weights)}


@cache
def _data():
    return json.loads(DATA.read_text(encoding="utf-8"))


def _check_model(model, names):
    if model in names:
        return
    near = difflib.get_close_matches(model.lower(), names, n=4, cutoff=0.5) if isinstance(model, str) else []
    hint = f"one of {', '.join(near)}" if near else "a name of cnnlib.models.list_models()"
    raise ValueError(f"ArchitectureBrowser: model must be {hint}, got {model!r}")
