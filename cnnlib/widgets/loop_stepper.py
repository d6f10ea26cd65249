"""The loops of V1 to V5, one step at a time."""
import ast
import inspect

import ipywidgets
import numpy as np
import traitlets

from cnnlib._arguments import choice
from cnnlib.scratch import conv2d_v1, conv2d_v2, conv2d_v3, conv2d_v4, conv2d_v5
from cnnlib.widgets._esm import esm
from cnnlib.widgets._view import Explorer, View, play_row

NINE, FOUR = np.arange(9).reshape(3, 3), np.arange(4).reshape(2, 2)
TWO, PAIR = np.stack([NINE, NINE + 1]), np.stack([FOUR, FOUR + 1])
FUNCTIONS = {"v1": conv2d_v1, "v2": conv2d_v2, "v3": conv2d_v3, "v4": conv2d_v4, "v5": conv2d_v5}
CALLED = {"v4": ("v3",), "v5": ("v4", "v3")}  # versions whose loops run inside this one
MARKED = {"v1": "total +=", "v2": "np.sum", "v3": "np.sum", "v4": "conv2d_v3(", "v5": "conv2d_v4("}
PROBLEMS = {  # x, weight and options that each version is stepped through on
    "v1": (NINE, FOUR, {}),
    "v2": (NINE, FOUR, {}),
    "v3": (NINE, FOUR, {"stride": 2, "padding": 1}),
    "v4": (TWO, PAIR, {}),
    "v5": (np.stack([TWO, TWO[:, ::-1]]), np.stack([PAIR, 1 - PAIR]), {}),
}
LABELS = {"v1": "V1: nested loops", "v2": "V2: window slices", "v3": "V3: padding and stride",
          "v4": "V4: input channels",
          "v5": "V5: batch and filters"}


class LoopView(View):
    """Code, arrays and the current sum of one step."""

    _esm = esm("loop_stepper.mjs")
    versions = traitlets.List().tag(sync=True)
    version = traitlets.Int().tag(sync=True)
    position = traitlets.Int(0).tag(sync=True)
    last_position = traitlets.Int(0).tag(sync=True)


class LoopStepper(Explorer):
    """Step through the loops of V1 to V5 beside the arrays that they touch.

    Args:
        version: "v1", "v2", "v3", "v4" or "v5".

    Raises:
        ValueError: version is none of them.

    Source:
        Goodfellow, Bengio & Courville (2016), Deep Learning, eq. 9.6.

    >>> LoopStepper(version="v4").view.last_position
    7
    """

    def __init__(self, version="v1"):
        index = choice("LoopStepper", "version", version, FUNCTIONS)
        view = LoopView(versions=[_version(name) for name in FUNCTIONS], version=index)
        view.last_position = _positions(version) - 1
        versions = ipywidgets.Dropdown(options=list(LABELS.values()), index=index, description="version")
        super().__init__(view, {"version": versions}, rows=[play_row(view, interval=900)])


def _version(name):
    x, weight, options = PROBLEMS[name]
    code = [[source_lines(FUNCTIONS[part]), MARKED[part]] for part in (name, *CALLED.get(name, ()))]
    return {"name": name, "x": x.tolist(), "weight": weight.tolist(), "stride": options.get("stride", 1),
            "padding": options.get("padding", 0), "code": code}


def source_lines(function):
    """Return a function's source without docstring and without the check of its arguments."""
    lines = inspect.getsource(function).splitlines()
    first = ast.parse(inspect.getsource(function)).body[0].body[1].lineno - 1  # behind the docstring
    return [lines[0], *(line for line in lines[first:] if "check_convolution" not in line)]


def _positions(name):
    """Return how often the innermost Python loop of a version runs on its problem."""
    x, weight, options = PROBLEMS[name]
    y = FUNCTIONS[name](x, weight, **options)
    inner = weight.size if name == "v1" else x.shape[-3] if name in ("v4", "v5") else 1
    return y.size * inner
