"""Stack layers and read shapes, parameters, MACs and receptive fields, row by row."""
import ipywidgets
import traitlets

from cnnlib._arguments import all_choices
from cnnlib.shapes import (
    conv_mac_count,
    conv_output_shape,
    conv_parameter_count,
    linear_mac_count,
    linear_parameter_count,
    pool_output_shape,
    receptive_field,
)
from cnnlib.widgets._esm import esm
from cnnlib.widgets._view import Explorer, View

SIZES = (8, 28, 32, 64, 224)
CHANNELS = (1, 3)
SLOTS = 10
NOTHING = "–"
CONVOLUTIONS = {  # kernel_size, stride, padding in pixels
    "5×5 pad 2": (5, 1, 2), "5×5": (5, 1, 0), "3×3 pad 1": (3, 1, 1), "3×3": (3, 1, 0),
    "3×3 stride 2 pad 1": (3, 2, 1), "1×1": (1, 1, 0),
}
FILTERS = (6, 16, 32, 64, 120)
OPTIONS = {NOTHING: {"kind": NOTHING}} | {
    f"Conv2d {filters}, {name}": {"kind": "Conv2d", "out": filters, "window": list(window)}
    for name, window in CONVOLUTIONS.items() for filters in FILTERS
} | {
    "ReLU": {"kind": "ReLU"},
    "BatchNorm2d": {"kind": "BatchNorm2d"},
    "MaxPool2d 2": {"kind": "MaxPool2d", "window": [2, 2, 0]},
    "AvgPool2d 2": {"kind": "AvgPool2d", "window": [2, 2, 0]},
    "AdaptiveAvgPool2d 1": {"kind": "AdaptiveAvgPool2d"},
    "Dropout": {"kind": "Dropout"},
    "Flatten": {"kind": "Flatten"},
    "Linear 120": {"kind": "Linear", "out": 120},
    "Linear 84": {"kind": "Linear", "out": 84},
    "Linear 10": {"kind": "Linear", "out": 10},
}
LENET = ("Conv2d 6, 5×5 pad 2", "AvgPool2d 2", "Conv2d 16, 5×5", "AvgPool2d 2", "Flatten", "Linear 120", "Linear 84",
         "Linear 10")
LAYERS = [f"layer{i}" for i in range(1, SLOTS + 1)]
LISTS = {"input_size": SIZES, "channels": CHANNELS}


class ShapeTracerView(View):
    """A table with one row for each layer; the traits that the reader chooses are places in the lists."""

    _esm = esm("shape_tracer.mjs")
    sizes = traitlets.List().tag(sync=True)  # input sizes, in pixels
    channel_counts = traitlets.List().tag(sync=True)
    options = traitlets.List().tag(sync=True)
    input_size = traitlets.Int().tag(sync=True)
    channels = traitlets.Int().tag(sync=True)
    (layer1, layer2, layer3, layer4, layer5, layer6, layer7, layer8, layer9,
     layer10) = (traitlets.Int().tag(sync=True) for _ in range(SLOTS))


class ShapeTracer(Explorer):
    """Stack up to ten layers and see shapes, parameters, MACs and receptive fields, or which layer does not fit.

    Args:
        input_size: rows and columns of the input, in pixels: 8, 28, 32, 64 or 224.
        channels: channels of the input, 1 or 3.
        layers: at most ten names in OPTIONS, in the order of the forward pass; "–" is an empty place.

    Raises:
        ValueError: input_size, channels or a layer is none of the choices, or there are too many layers.

    Source:
        LeCun et al. (1998), Gradient-Based Learning Applied to Document Recognition, figure 2 (the default, with
        a dense connection of all maps).

    >>> ShapeTracer().summary()
    {'output': (1, 10), 'parameters': 61706, 'macs': 416520, 'layers': 8}
    """

    def __init__(self, input_size=28, channels=1, layers=LENET):
        places = all_choices("ShapeTracer", LISTS, (input_size, channels))
        if not isinstance(layers, (list, tuple)) or len(layers) > SLOTS:
            raise ValueError(f"ShapeTracer: layers must be a list of at most {SLOTS} names, got {layers!r}")
        for place, layer in enumerate(layers):
            if not isinstance(layer, str) or layer not in OPTIONS:
                raise ValueError(f"ShapeTracer: layers[{place}] must be a name in OPTIONS, got {layer!r}")
        names = list(OPTIONS)
        chosen = [names.index(layer) for layer in (*layers, *[NOTHING] * (SLOTS - len(layers)))]
        view = ShapeTracerView(
            sizes=list(SIZES), channel_counts=list(CHANNELS),
            options=[{"name": name, **option} for name, option in OPTIONS.items()],
            **places, **dict(zip(LAYERS, chosen, strict=True)))
        controls = {name: _dropdown(name.replace("_", " "), map(str, choices), getattr(view, name))
                    for name, choices in LISTS.items()}
        controls |= {name: _dropdown(f"layer {i}", names, getattr(view, name)) for i, name in enumerate(LAYERS, 1)}
        super().__init__(view, controls)

    def summary(self):
        """Return the shape after the last layer that fits, the totals and the count of layers, from ``cnnlib.shapes``.

        Returns:
            A dict: output (1, C, H, W) or (1, F), parameters, MACs for one image, layers.
        """
        rows = trace(SIZES[self.view.input_size], CHANNELS[self.view.channels],
                     [list(OPTIONS)[getattr(self.view, name)] for name in LAYERS])
        shape = rows[-1]["shape"] if rows else (1, CHANNELS[self.view.channels], *[SIZES[self.view.input_size]] * 2)
        totals = {name: sum(row[name] for row in rows) for name in ("parameters", "macs")}
        return {"output": shape, **totals, "layers": len(rows)}


def trace(input_size, channels, layers):
    """Follow one image through a stack, up to the first layer that does not fit.

    Args:
        input_size: rows and columns of the input, in pixels.
        channels: channels of the input.
        layers: names in OPTIONS.

    Returns:
        A list with a dict for each layer: shape, parameters, macs, and field, the receptive field in input pixels
        (None behind global pooling and Flatten).

    >>> trace(28, 1, ["Conv2d 6, 5×5 pad 2", "AvgPool2d 2"])[-1]
    {'shape': (1, 6, 14, 14), 'parameters': 0, 'macs': 0, 'field': 6}
    """
    shape, windows, rows = (1, channels, input_size, input_size), [], []
    for option in map(OPTIONS.get, layers):
        if option["kind"] == NOTHING:
            continue
        try:
            after, parameters, macs = _layer(option, shape)
        except ValueError:
            break
        if option["kind"] in ("AdaptiveAvgPool2d", "Flatten"):
            windows = None
        elif windows is not None and len(shape) == 4:
            windows = [*windows, tuple(option.get("window", (1, 1, 0)))]
        field = receptive_field(windows)[-1].size if windows else None
        shape = after
        rows.append({"shape": shape, "parameters": parameters, "macs": macs, "field": field})
    return rows


def _layer(option, shape):
    """Return the output shape, parameters and MACs of one layer.

    Raises:
        ValueError: the layer does not take this shape.
    """
    kind, maps = option["kind"], len(shape) == 4
    if kind in ("ReLU", "Dropout"):
        return shape, 0, 0
    if kind == "Flatten":
        return (1, shape[1] * shape[2] * shape[3]) if maps else shape, 0, 0
    if (kind == "Linear") == maps:
        raise ValueError(f"ShapeTracer: {kind} must stand {'after' if maps else 'before'} Flatten, got {shape}")
    if kind == "Linear":
        out = option["out"]
        return (1, out), linear_parameter_count(shape[1], out), linear_mac_count(shape, out)
    if kind == "Conv2d":
        kernel_size, stride, padding = option["window"]
        args, options = (option["out"], kernel_size), {"stride": stride, "padding": padding}
        return (conv_output_shape(shape, *args, **options), conv_parameter_count(shape[1], *args),
                conv_mac_count(shape, *args, **options))
    if kind == "BatchNorm2d":
        return shape, 2 * shape[1], 0
    return (*shape[:2], 1, 1) if kind == "AdaptiveAvgPool2d" else pool_output_shape(shape, 2), 0, 0


def _dropdown(description, options, index):
    return ipywidgets.Dropdown(options=list(options), index=index, description=description)
