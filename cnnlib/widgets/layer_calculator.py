"""One layer with the reader's own numbers: output shape, parameters, MACs, the padding that keeps the size."""
import ipywidgets
import traitlets

from cnnlib._arguments import all_within, choice, flag
from cnnlib.shapes import (
    conv_mac_count,
    conv_output_shape,
    conv_parameter_count,
    conv_transpose_output_shape,
    linear_mac_count,
    linear_parameter_count,
    pool_output_shape,
    same_padding,
)
from cnnlib.widgets._esm import esm
from cnnlib.widgets._view import Explorer, View

KINDS = {"convolution": "convolution", "transposed": "transposed convolution", "pool": "max pool",
         "linear": "flatten, then linear"}
LIMITS = {"size": (1, 1024), "in_channels": (1, 4096), "out_channels": (1, 4096), "kernel_size": (1, 15),
          "stride": (1, 16), "padding": (0, 32), "dilation": (1, 16), "groups": (1, 4096), "output_padding": (0, 15)}
SWITCHES = ("bias", "ceil_mode")
DESCRIPTIONS = {"size": "input size", "in_channels": "input channels", "out_channels": "output channels",
                "kernel_size": "kernel size", "output_padding": "output padding", "ceil_mode": "ceil mode"}


class LayerView(View):
    """Formulas with numbers in them for one layer; layer is the place of its kind in KINDS, sizes are in pixels."""

    _esm = esm("layer_calculator.mjs")
    layer = traitlets.Int().tag(sync=True)
    size, in_channels, out_channels = (traitlets.Int().tag(sync=True) for _ in range(3))
    kernel_size, stride, padding, dilation, groups = (traitlets.Int().tag(sync=True) for _ in range(5))
    output_padding = traitlets.Int().tag(sync=True)
    bias, ceil_mode = (traitlets.Bool().tag(sync=True) for _ in range(2))


class LayerCalculator(Explorer):
    """Type the numbers of a layer and read its output shape, parameters and MACs.

    Args:
        kind: "convolution", "transposed", "pool" (max) or "linear" (behind a flatten).
        size: rows and columns of the input, in pixels, 1 to 1024.
        in_channels: channels of the input, 1 to 4096.
        out_channels: channels of the output, or features of the linear layer, 1 to 4096.
        kernel_size: rows and columns of the window, in pixels, 1 to 15.
        stride: step between two windows (or stamps), in pixels, 1 to 16.
        padding: pixels on each side, 0 to 32.
        dilation: step between two taps of the kernel, in pixels, 1 to 16.
        groups: 1 to 4096; where it does not divide the channels, the picture says so.
        output_padding: rows and columns that a transposed convolution adds at one end, 0 to 15.
        bias: whether the layer has biases.
        ceil_mode: whether a pool rounds its output size up.

    Raises:
        ValueError: an unknown kind, a number outside its field's range, or a switch that is not True or False.

    Source:
        Dumoulin & Visin (2016), A guide to convolution arithmetic for deep learning, relationships 7, 14 and 15.

    >>> LayerCalculator().summary()
    {'output_shape': (1, 64, 112, 112), 'parameters': 9472, 'macs': 118013952, 'same_padding': (3, 3)}
    """

    def __init__(self, kind="convolution", size=224, in_channels=3, out_channels=64, kernel_size=7, *, stride=2,
                 padding=3, dilation=1, groups=1, output_padding=0, bias=True, ceil_mode=False):
        layer = choice("LayerCalculator", "kind", kind, KINDS)
        numbers = all_within("LayerCalculator", LIMITS, (
            size, in_channels, out_channels, kernel_size, stride, padding, dilation, groups, output_padding))
        switches = {name: flag("LayerCalculator", name, value)
                    for name, value in zip(SWITCHES, (bias, ceil_mode), strict=True)}
        view = LayerView(layer=layer, **numbers, **switches)
        controls = {"layer": ipywidgets.Dropdown(options=list(KINDS.values()), index=view.layer,
                                                 description="kind of layer")}
        controls |= {name: _field(name, value) for name, value in numbers.items()}
        controls |= {name: ipywidgets.Checkbox(value=value, description=DESCRIPTIONS.get(name, name))
                     for name, value in switches.items()}
        super().__init__(view, controls)

    def summary(self):
        """Return what the picture shows, from ``cnnlib.shapes``.

        Returns:
            A dict: output_shape, (N, C, H, W) or (N, features), parameters, macs of one image (0 for a pool), and for a
            convolution same_padding, (before, after). It is empty where the numbers do not fit together.
        """
        try:
            return getattr(self, f"_{list(KINDS)[self.view.layer]}")()
        except ValueError:
            return {}

    def _options(self, *names):
        return {name: getattr(self.view, name) for name in names}

    def _convolution(self):
        view, options = self.view, self._options("stride", "padding", "dilation", "groups")
        layer = (self._input(), view.out_channels, view.kernel_size)
        return {"output_shape": conv_output_shape(*layer, **options), "parameters": self._parameters(),
                "macs": conv_mac_count(*layer, **options),
                "same_padding": same_padding(view.kernel_size, dilation=view.dilation)}

    def _transposed(self):
        options = self._options("stride", "padding", "output_padding", "dilation", "groups")
        shape = conv_transpose_output_shape(self._input(), self.view.out_channels, self.view.kernel_size, **options)
        weights = self._parameters() - (self.view.out_channels if self.view.bias else 0)
        return {"output_shape": shape, "parameters": self._parameters(), "macs": weights * self.view.size**2}

    def _pool(self):
        options = self._options("stride", "padding", "dilation", "ceil_mode")
        shape = pool_output_shape(self._input(), self.view.kernel_size, **options)
        return {"output_shape": shape, "parameters": 0, "macs": 0}

    def _linear(self):
        features, outputs = self.view.in_channels * self.view.size**2, self.view.out_channels
        return {"output_shape": (1, outputs),
                "parameters": linear_parameter_count(features, outputs, bias=self.view.bias),
                "macs": linear_mac_count((features,), outputs)}

    def _input(self):
        return (1, self.view.in_channels, self.view.size, self.view.size)

    def _parameters(self):
        view = self.view
        return conv_parameter_count(view.in_channels, view.out_channels, view.kernel_size, groups=view.groups,
                                    bias=view.bias)


def _field(name, value):
    low, high = LIMITS[name]
    return ipywidgets.BoundedIntText(value=value, min=low, max=high, description=DESCRIPTIONS.get(name, name))
