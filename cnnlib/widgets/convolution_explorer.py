"""Input, kernel, stride, padding and dilation to drag; shapes, formula and picture follow."""
import ipywidgets
import traitlets

from cnnlib._arguments import all_within
from cnnlib.shapes import conv_mac_count, conv_output_size, conv_parameter_count
from cnnlib.widgets._esm import esm
from cnnlib.widgets._view import Explorer, View, play_row

LIMITS = {"size": (1, 12), "kernel_size": (1, 5), "stride": (1, 4), "padding": (0, 3), "dilation": (1, 3)}
DESCRIPTIONS = {"size": "input size", "kernel_size": "kernel size"}


class ConvolutionView(View):
    """A window that slides over a padded input while the output fills up; all traits but positions are in pixels."""

    _esm = esm("convolution_explorer.mjs")
    size = traitlets.Int().tag(sync=True)
    kernel_size = traitlets.Int().tag(sync=True)
    stride = traitlets.Int().tag(sync=True)
    padding = traitlets.Int().tag(sync=True)
    dilation = traitlets.Int().tag(sync=True)
    position = traitlets.Int(0).tag(sync=True)
    last_position = traitlets.Int(0).tag(sync=True)


class ConvolutionExplorer(Explorer):
    """Drag the settings of a convolution and watch shapes, formula and picture.

    Args:
        size: rows and columns of the input, in pixels, 1 to 12.
        kernel_size: rows and columns of the kernel, in pixels, 1 to 5.
        stride: step between two windows, in pixels, 1 to 4.
        padding: zeros added on each side, in pixels, 0 to 3.
        dilation: step between two taps of the kernel, in pixels, 1 to 3.

    Raises:
        ValueError: a setting is no whole number or outside its slider's range.

    Source:
        Dumoulin & Visin (2016), A guide to convolution arithmetic for deep learning, relationships 6 and 15.

    >>> ConvolutionExplorer(size=7, kernel_size=3, stride=2).summary()
    {'output': 3, 'parameters': 10, 'macs': 81}
    """

    def __init__(self, size=7, kernel_size=3, stride=1, padding=0, dilation=1):
        settings = all_within("ConvolutionExplorer", LIMITS, (size, kernel_size, stride, padding, dilation))
        view = ConvolutionView(**settings)
        view.last_position = max(_output(view) ** 2 - 1, 0)
        controls = {name: _slider(name, value) for name, value in settings.items()}
        super().__init__(view, controls, rows=[play_row(view)])

    def summary(self):
        """Return what the picture shows, computed by ``cnnlib.shapes``: output size, parameters and MACs."""
        output, kernel_size = _output(self.view), self.view.kernel_size
        options = {name: getattr(self.view, name) for name in ("stride", "padding", "dilation")}
        macs = conv_mac_count((1, 1, self.view.size, self.view.size), 1, kernel_size, **options) if output else 0
        return {"output": output, "parameters": conv_parameter_count(1, 1, kernel_size), "macs": macs}


def _slider(name, value):
    low, high = LIMITS[name]
    return ipywidgets.IntSlider(value=value, min=low, max=high, description=DESCRIPTIONS.get(name, name))


def _output(view):
    """Return the output size, or 0 where no window fits."""
    options = {name: getattr(view, name) for name in ("stride", "padding", "dilation")}
    try:
        return conv_output_size(view.size, view.kernel_size, **options)
    except ValueError:
        return 0
