"""A transposed convolution as stamping: each input number puts the kernel, times itself, into the output."""
import ipywidgets
import numpy as np
import traitlets

from cnnlib._arguments import all_within, choice
from cnnlib.scratch import conv_transpose2d
from cnnlib.shapes import conv_transpose_output_size
from cnnlib.widgets._esm import esm
from cnnlib.widgets._view import Explorer, View

INPUT = ((1, 2, 1), (3, 1, 2), (2, 1, 3))
LIMITS = {"kernel_size": (2, 4), "stride": (1, 3), "padding": (0, 2), "output_padding": (0, 2), "cell": (0, 8)}
DESCRIPTIONS = {"kernel_size": "kernel size", "output_padding": "output padding", "cell": "input cell"}
VALUES = ("ones", "ramp")


class TransposedConvolutionView(View):
    """Input, kernel, the stamp of one input cell, the output and the count of stamps; sizes are in pixels."""

    _esm = esm("transposed_convolution.mjs")
    numbers = traitlets.List().tag(sync=True)  # (3, 3)
    kernel_size, stride, padding, output_padding, cell, values = (traitlets.Int().tag(sync=True) for _ in range(6))


class TransposedConvolution(Explorer):
    """Choose the options of a transposed convolution on a 3x3 input and see where its stamps overlap.

    Args:
        kernel_size: rows and columns of the kernel, in pixels, 2 to 4.
        stride: step between two stamps on the output, in pixels, 1 to 3.
        padding: output pixels that are cut off on each side, 0 to 2.
        output_padding: output pixels that are added at the bottom and at the right, 0 to 2.
        cell: the input number whose stamp is marked, row by row, 0 to 8.
        values: the kernel's numbers: "ones" or "ramp" (1, 2, 3 … row by row).

    Raises:
        ValueError: a setting is none that its control can reach.

    Source:
        Dumoulin & Visin (2016), A guide to convolution arithmetic for deep learning, section 4; Odena, Dumoulin &
        Olah (2016), Deconvolution and Checkerboard Artifacts (where stamps overlap unevenly).

    >>> TransposedConvolution(kernel_size=3, stride=2).summary()
    {'output': 7, 'sum': 144.0, 'fewest': 1, 'most': 4}
    """

    def __init__(self, kernel_size=3, stride=2, *, padding=0, output_padding=0, cell=4, values="ones"):
        settings = all_within("TransposedConvolution", LIMITS, (kernel_size, stride, padding, output_padding, cell))
        values = choice("TransposedConvolution", "values", values, VALUES)
        view = TransposedConvolutionView(numbers=[list(row) for row in INPUT], values=values, **settings)
        controls = {name: _slider(name, value) for name, value in settings.items()}
        controls["values"] = ipywidgets.Dropdown(options=["ones", "ramp: 1, 2, 3 …"], index=view.values,
                                                 description="kernel values")
        super().__init__(view, controls)

    def summary(self):
        """Return what the picture shows, computed by ``cnnlib.scratch``.

        Returns:
            A dict: output (pixels, 0 where the options are impossible), sum of all output numbers, and the fewest and
            the most stamps on one output number (None where there is no output).
        """
        view = self.view
        options = {name: getattr(view, name) for name in ("stride", "padding", "output_padding")}
        try:
            output = conv_transpose_output_size(len(INPUT), view.kernel_size, **options)
        except ValueError:
            return {"output": 0, "sum": None, "fewest": None, "most": None}
        y = conv_transpose2d([[INPUT]], kernel(view.kernel_size, VALUES[view.values])[None, None], **options)
        counts = conv_transpose2d(np.ones((1, 1, 3, 3)), np.ones((1, 1, *[view.kernel_size] * 2)), **options)
        return {"output": output, "sum": float(y.sum()), "fewest": int(counts.min()), "most": int(counts.max())}


def kernel(kernel_size, values):
    """Return the kernel's numbers, (kernel_size, kernel_size).

    Args:
        kernel_size: rows and columns, in pixels.
        values: "ones" or "ramp".

    >>> kernel(2, "ramp")
    array([[1, 2],
           [3, 4]])
    """
    numbers = np.ones(kernel_size**2, int) if values == "ones" else np.arange(1, kernel_size**2 + 1)
    return numbers.reshape(kernel_size, kernel_size)


def _slider(name, value):
    low, high = LIMITS[name]
    return ipywidgets.IntSlider(value=value, min=low, max=high, description=DESCRIPTIONS.get(name, name))
