"""Numbers to edit and a pooling window that steps over them: maximum, averages, ceil mode."""
import ipywidgets
import traitlets

from cnnlib._arguments import all_within, choice, flag
from cnnlib.shapes import pool_output_size
from cnnlib.widgets._esm import esm
from cnnlib.widgets._view import Explorer, View, play_row

KINDS = {
    "max": "max",
    "average": "average",
    "average_without_padding": "average, padding not counted",
    "global_average": "global average",
}
LIMITS = {"size": (2, 5), "kernel_size": (1, 4), "stride": (1, 4), "padding": (0, 2)}
DESCRIPTIONS = {"size": "input size", "kernel_size": "window"}
SIDE = 5  # rows and columns of numbers that the reader can edit
NUMBERS = (1, 4, 0, 2, 3,
           2, 7, 5, -1, 1,
           3, 0, 6, 6, -4,
           -2, 1, 4, 6, 2,
           5, -3, 0, 1, 8)
CELLS = [f"x{i}" for i in range(SIDE * SIDE)]


class PoolingView(View):
    """An input, its padding and one pooling window beside the output; all traits but numbers are in pixels."""

    _esm = esm("pooling_explorer.mjs")
    pooling = traitlets.Int().tag(sync=True)
    size = traitlets.Int().tag(sync=True)
    kernel_size = traitlets.Int().tag(sync=True)
    stride = traitlets.Int().tag(sync=True)
    padding = traitlets.Int().tag(sync=True)
    ceil_mode = traitlets.Bool().tag(sync=True)
    position = traitlets.Int(0).tag(sync=True)
    last_position = traitlets.Int(0).tag(sync=True)
    x0, x1, x2, x3, x4 = (traitlets.Int().tag(sync=True) for _ in range(SIDE))
    x5, x6, x7, x8, x9 = (traitlets.Int().tag(sync=True) for _ in range(SIDE))
    x10, x11, x12, x13, x14 = (traitlets.Int().tag(sync=True) for _ in range(SIDE))
    x15, x16, x17, x18, x19 = (traitlets.Int().tag(sync=True) for _ in range(SIDE))
    x20, x21, x22, x23, x24 = (traitlets.Int().tag(sync=True) for _ in range(SIDE))


class PoolingExplorer(Explorer):
    """Edit a small input, choose a pooling and step through its windows.

    Args:
        kind: "max", "average", "average_without_padding" (PyTorch's ``count_include_pad=False``) or "global_average".
        size: rows and columns of the input, in pixels, 2 to 5: the top-left part of the 5x5 numbers.
        kernel_size: rows and columns of the window, in pixels, 1 to 4.
        stride: step between two windows, in pixels, 1 to 4.
        padding: pixels added on each side, 0 to 2; the picture refuses more than half the window, as PyTorch does.
        ceil_mode: True rounds the output size up, False down.

    Raises:
        ValueError: an unknown kind, a setting that is no whole number or outside its slider's range, or ceil_mode is
            not True or False.

    Source:
        Dumoulin & Visin (2016), A guide to convolution arithmetic for deep learning, relationship 7.

    >>> PoolingExplorer(size=5, kernel_size=2, stride=2, ceil_mode=True).summary()
    {'output': 3, 'windows': 9}
    """

    def __init__(self, kind="max", size=5, kernel_size=2, stride=2, padding=0, ceil_mode=False):
        pooling = choice("PoolingExplorer", "kind", kind, KINDS)
        ceil_mode = flag("PoolingExplorer", "ceil_mode", ceil_mode)
        settings = all_within("PoolingExplorer", LIMITS, (size, kernel_size, stride, padding))
        numbers = dict(zip(CELLS, NUMBERS, strict=True))
        view = PoolingView(pooling=pooling, **settings, ceil_mode=ceil_mode, **numbers)
        view.last_position = max(_output(view) ** 2 - 1, 0)
        kinds = ipywidgets.Dropdown(options=list(KINDS.values()), index=view.pooling, description="pooling")
        ceil = ipywidgets.Checkbox(value=ceil_mode, description="ceil mode")
        controls = {"pooling": kinds, **{name: _slider(name, value) for name, value in settings.items()},
                    "ceil_mode": ceil}
        fields = {name: _field(i, value) for i, (name, value) in enumerate(numbers.items())}
        super().__init__(view, controls, linked=fields, rows=[*_grid(fields), play_row(view)])
        for field in fields.values():  # the place in the grid says it; the name stays for screen readers
            field.style.description_width = "0px"

    def summary(self):
        """Return the output's rows and the number of windows, from ``cnnlib.shapes``; 0 where no window fits."""
        output = _output(self.view)
        return {"output": output, "windows": output * output}


def _slider(name, value):
    low, high = LIMITS[name]
    return ipywidgets.IntSlider(value=value, min=low, max=high, description=DESCRIPTIONS.get(name, name))


def _field(index, value):
    description = f"row {index // SIDE}, column {index % SIDE}"
    field = ipywidgets.BoundedIntText(value=value, min=-9, max=9, description=description)
    field.layout.width = "4em"
    return field


def _grid(fields):
    """Return a heading and one row of fields for each row of the input."""
    fields = list(fields.values())
    rows = [ipywidgets.HBox(fields[i:i + SIDE]).add_class("cnn-close") for i in range(0, len(fields), SIDE)]
    return [ipywidgets.Label("The input, row by row: whole numbers from −9 to 9"), *rows]


def _output(view):
    """Return the output size, or 0 where PyTorch refuses the settings."""
    if view.pooling == list(KINDS).index("global_average"):
        return 1
    options = {"stride": view.stride, "padding": view.padding, "ceil_mode": view.ceil_mode}
    try:
        return pool_output_size(view.size, view.kernel_size, **options)
    except ValueError:
        return 0
