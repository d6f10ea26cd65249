"""A stack of windows seen from the side: which pixels one output unit sees, and along how many paths."""
import ipywidgets
import traitlets

from cnnlib._arguments import all_within, choice, flag, within
from cnnlib.shapes import conv_output_size, receptive_field
from cnnlib.widgets._esm import esm
from cnnlib.widgets._view import Explorer, View

OWN = "own"
PRESETS = {  # (kind, kernel_size, stride, padding, dilation), in pixels
    "two 3x3": [("conv", 3, 1, 1, 1)] * 2,
    "three 3x3": [("conv", 3, 1, 1, 1)] * 3,
    "one 5x5": [("conv", 5, 1, 2, 1)],
    "one 7x7": [("conv", 7, 1, 3, 1)],
    "AlexNet's first layers": [("conv", 11, 4, 2, 1), ("pool", 3, 2, 0, 1), ("conv", 5, 1, 2, 1)],
    "VGG-16's first two blocks": [("conv", 3, 1, 1, 1), ("conv", 3, 1, 1, 1), ("pool", 2, 2, 0, 1)] * 2,
    "dilated 1-2-4": [("conv", 3, 1, 1, 1), ("conv", 3, 1, 2, 2), ("conv", 3, 1, 4, 4)],
}
NAMES = (*PRESETS, OWN)
LIMITS = {"layers": (1, 6, 1), "kernel_size": (1, 7, 2), "stride": (1, 3, 1), "dilation": (1, 3, 1)}  # low, high, step
LEAST, MOST = 24, 128  # pixels of the input


class ReceptiveFieldView(View):
    """Rows of dots, one for each layer, and the pixels that one unit of the top row sees."""

    _esm = esm("receptive_field_explorer.mjs")
    presets = traitlets.List().tag(sync=True)
    preset = traitlets.Int().tag(sync=True)
    unit = traitlets.Int().tag(sync=True)
    last_unit = traitlets.Int().tag(sync=True)
    layers = traitlets.Int().tag(sync=True)
    kernel_size = traitlets.Int().tag(sync=True)
    stride = traitlets.Int().tag(sync=True)
    dilation = traitlets.Int().tag(sync=True)
    padding = traitlets.Bool().tag(sync=True)
    own_code = traitlets.Unicode().tag(sync=True)  # the own settings seen last: when they change, "own" is shown


class ReceptiveFieldExplorer(Explorer):
    """Choose a stack of layers and move an output unit: its receptive field, and the weight of each pixel in it.

    Args:
        preset: a name in PRESETS, or "own".
        unit: place of the chosen output unit, from 0; None is the middle one.
        layers: layers of the own stack, 1 to 6.
        kernel_size: their kernels, in pixels: 1, 3, 5 or 7.
        stride: their stride, in pixels, 1 to 3.
        dilation: their dilation, in pixels, 1 to 3.
        padding: whether they pad by half of the kernel's reach, which keeps the size at stride 1.

    Raises:
        ValueError: a setting is none of the choices, or the stack has no such unit.

    Source:
        Simonyan & Zisserman (2015), Very Deep Convolutional Networks, section 2.3 (the stacks of 3x3); Luo et al.
        (2016), Understanding the Effective Receptive Field (the middle counts more).

    >>> ReceptiveFieldExplorer("two 3x3").summary()
    {'size': 5, 'jump': 1, 'start': 0.0, 'parameters': 18, 'one_layer': 25}
    """

    def __init__(self, preset="two 3x3", unit=None, *, layers=2, kernel_size=3, stride=1, dilation=1, padding=True):
        place = choice("ReceptiveFieldExplorer", "preset", preset, NAMES)
        own = all_within("ReceptiveFieldExplorer", LIMITS, (layers, kernel_size, stride, dilation))
        padding = flag("ReceptiveFieldExplorer", "padding", padding)
        view = ReceptiveFieldView(
            presets=[{"name": name, "layers": stack} for name, stack in PRESETS.items()], preset=place,
            **own, padding=padding, own_code=",".join(map(str, (*own.values(), int(padding)))))
        view.last_unit = max(outputs(_stack(view)) - 1, 0)
        middle = view.last_unit // 2
        view.unit = middle if unit is None else within("ReceptiveFieldExplorer", "unit", unit, 0, view.last_unit)
        super().__init__(view, _controls(view))
        ipywidgets.jslink((view, "last_unit"), (self.controls["unit"], "max"))

    def summary(self):
        """Return the last layer's field, and the weights for one pair of channels against one layer of that size.

        Returns:
            A dict: size, jump and start in pixels, as ``cnnlib.shapes.receptive_field``; parameters, the sum of
            kernel_size² over the convolutions; one_layer, the field's size squared.
        """
        stack = _stack(self.view)
        row = receptive_field([layer[1:] for layer in stack])[-1]
        parameters = sum(layer[1] ** 2 for layer in stack if layer[0] == "conv")
        return {"size": row.size, "jump": row.jump, "start": row.start, "parameters": parameters,
                "one_layer": row.size**2}


def pixels(stack):
    """Return how many pixels the picture's input has: six steps more than the field, from 24 to 128.

    Args:
        stack: a list of (kind, kernel_size, stride, padding, dilation), in pixels.

    >>> pixels(PRESETS["VGG-16's first two blocks"])
    40
    """
    row = receptive_field([layer[1:] for layer in stack])[-1]
    return min(MOST, max(LEAST, row.size + 6 * row.jump))


def outputs(stack):
    """Return the output units over that input, or 0 where no window fits.

    Args:
        stack: a list of (kind, kernel_size, stride, padding, dilation), in pixels.

    >>> outputs(PRESETS["VGG-16's first two blocks"])
    10
    """
    size = pixels(stack)
    for _, kernel_size, stride, padding, dilation in stack:
        try:
            size = conv_output_size(size, kernel_size, stride=stride, padding=padding, dilation=dilation)
        except ValueError:
            return 0
    return size


def _stack(view):
    if NAMES[view.preset] != OWN:
        return PRESETS[NAMES[view.preset]]
    padding = view.dilation * (view.kernel_size - 1) // 2 if view.padding else 0
    return [("conv", view.kernel_size, view.stride, padding, view.dilation)] * view.layers


def _controls(view):
    controls = {
        "preset": ipywidgets.Dropdown(options=list(NAMES), index=view.preset, description="preset"),
        "unit": ipywidgets.IntSlider(value=view.unit, min=0, max=view.last_unit, description="output unit"),
    }
    for name, (low, high, step) in LIMITS.items():
        controls[name] = ipywidgets.IntSlider(
            value=getattr(view, name), min=low, max=high, step=step, description=f"own: {name.replace('_size', '')}")
    controls["padding"] = ipywidgets.Checkbox(value=view.padding, description="own: padding")
    return controls
