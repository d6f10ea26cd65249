"""One output gradient at a time: which inputs and weights receive it, and how the gradients add up."""
import ipywidgets
import numpy as np
import traitlets

from cnnlib._arguments import all_within, choice
from cnnlib.scratch import avg_pool2d_backward, conv2d_backward, max_pool2d_backward
from cnnlib.shapes import conv_output_size
from cnnlib.widgets._esm import esm
from cnnlib.widgets._view import Explorer, View, play_row

LAYERS = ("convolution", "max pooling", "average pooling")
LIMITS = {"stride": (1, 2), "padding": (0, 1)}
WINDOW = 2  # rows and columns of the kernel and of the pooling window, in pixels
X = ((1, 3, 0, 2), (3, 2, 4, 1), (0, 2, 5, 2), (1, 0, 2, 3))  # the first window holds its largest value twice
WEIGHT = ((1, -2), (3, -1))
GRAD_OUTPUT = ((3, 1, -2, 2, 1), (-1, 2, 1, -3, 2), (2, -2, 4, 1, -1), (1, 3, -1, 2, -2), (-2, 1, 2, -1, 3))


class BackpropView(View):
    """The arrays of one backward pass; a smaller output takes the top left part of ``grad_output``."""

    _esm = esm("backprop_explorer.mjs")
    x = traitlets.List().tag(sync=True)
    weight = traitlets.List().tag(sync=True)
    grad_output = traitlets.List().tag(sync=True)
    layer = traitlets.Int().tag(sync=True)  # place in LAYERS
    stride = traitlets.Int().tag(sync=True)
    padding = traitlets.Int().tag(sync=True)
    position = traitlets.Int(0).tag(sync=True)
    last_position = traitlets.Int(0).tag(sync=True)


class BackpropExplorer(Explorer):
    """Send the output gradients of a convolution or a pooling back, one cell after the other.

    Args:
        layer: "convolution", "max pooling" or "average pooling"; kernel and window have 2 rows and columns.
        stride: step between two windows, in pixels, 1 or 2.
        padding: pixels added on each side, 0 or 1.

    Raises:
        ValueError: layer is none of them, or a setting is no whole number or outside its slider's range.

    Source:
        Goodfellow, Bengio & Courville (2016), Deep Learning, eqs. 9.11 and 9.13.

    >>> BackpropExplorer(layer="convolution", stride=2).view.last_position
    3
    """

    def __init__(self, layer="convolution", stride=1, padding=0):
        layer = choice("BackpropExplorer", "layer", layer, LAYERS)
        settings = all_within("BackpropExplorer", LIMITS, (stride, padding))
        output = conv_output_size(len(X), WINDOW, **settings)
        view = BackpropView(
            x=[*map(list, X)], weight=[*map(list, WEIGHT)], grad_output=[*map(list, GRAD_OUTPUT)],
            layer=layer, last_position=output**2 - 1, **settings)
        controls = {"layer": ipywidgets.Dropdown(options=list(LAYERS), index=view.layer, description="layer")}
        for name, value in settings.items():
            low, high = LIMITS[name]
            controls[name] = ipywidgets.IntSlider(value=value, min=low, max=high, description=name)
        super().__init__(view, controls, rows=[play_row(view, interval=1200)])

    def gradients(self):
        """Return the finished gradients from ``cnnlib.scratch``: (grad_x, grad_weight); a pooling has no weights."""
        view = self.view
        options = {"stride": view.stride, "padding": view.padding}
        output = conv_output_size(len(X), WINDOW, **options)
        x, grad = np.array(X, float)[None, None], np.array(GRAD_OUTPUT, float)[None, None, :output, :output]
        if view.layer == 0:
            weight = np.array(WEIGHT, float)[None, None]
            grad_x, grad_weight, _ = conv2d_backward(grad, x, weight, **options)
            return grad_x[0, 0], grad_weight[0, 0]
        backward = max_pool2d_backward if view.layer == 1 else avg_pool2d_backward
        return backward(grad, x, WINDOW, **options)[0, 0], None
