"""A standard convolution beside a depthwise and a pointwise one: parameters, MACs, numbers moved."""
import ipywidgets
import traitlets

from cnnlib._arguments import all_choices, all_within, flag
from cnnlib.shapes import conv_mac_count, conv_output_shape, conv_parameter_count
from cnnlib.widgets._esm import esm
from cnnlib.widgets._view import Explorer, View

LIMITS = {"in_channels": (1, 512), "out_channels": (1, 512), "size": (1, 112), "stride": (1, 4),
          "depth_multiplier": (1, 4)}
DESCRIPTIONS = {"in_channels": "input channels", "out_channels": "output channels", "size": "input size",
                "depth_multiplier": "depth multiplier"}
KERNEL_SIZES = (1, 3, 5, 7)
ORDERS = {"depthwise_first": "depthwise, then pointwise", "pointwise_first": "pointwise, then depthwise"}


class SeparableView(View):
    """Costs of both versions and what one output number sees; kernel_size and order are indices of their lists."""

    _esm = esm("separable_calculator.mjs")
    kernel_sizes = traitlets.List().tag(sync=True)
    kernel_size, order = traitlets.Int().tag(sync=True), traitlets.Int().tag(sync=True)
    in_channels, out_channels, size, stride, depth_multiplier = (traitlets.Int().tag(sync=True) for _ in range(5))
    bias = traitlets.Bool().tag(sync=True)


class SeparableCalculator(Explorer):
    """Replace a convolution by a depthwise and a pointwise one and see what is left of its cost.

    Args:
        in_channels: channels of the input, 1 to 512.
        out_channels: channels of the output, 1 to 512.
        kernel_size: rows and columns of the kernel, in pixels: 1, 3, 5 or 7; padding is half of it, rounded down.
        size: rows and columns of the input, in pixels, 1 to 112.
        stride: step between two windows, in pixels, 1 to 4; the depthwise part takes it.
        depth_multiplier: outputs that the depthwise part makes of each of its input channels, 1 to 4.
        bias: whether every convolution has biases.
        order: "depthwise_first" or "pointwise_first"; then the pointwise part makes out_channels / depth_multiplier
            channels, and the picture says so where that is no whole number.

    Raises:
        ValueError: a setting is no whole number or outside its slider's range, an unknown kernel size or order, or
            bias is not True or False.

    Source:
        Howard et al. (2017), MobileNets, section 3.1.

    >>> SeparableCalculator().summary()["macs"]
    {'standard': 231211008, 'depthwise': 903168, 'pointwise': 25690112}
    """

    def __init__(self, in_channels=128, out_channels=256, kernel_size=3, size=28, *, stride=1, depth_multiplier=1,
                 bias=False, order="depthwise_first"):
        name = "SeparableCalculator"
        settings = all_within(name, LIMITS, (in_channels, out_channels, size, stride, depth_multiplier))
        places = all_choices(name, {"kernel_size": KERNEL_SIZES, "order": ORDERS}, (kernel_size, order))
        bias = flag(name, "bias", bias)
        view = SeparableView(kernel_sizes=list(KERNEL_SIZES), bias=bias, **places, **settings)
        sliders = {name: _slider(name, value) for name, value in settings.items()}
        kernels = ipywidgets.Dropdown(options=[f"{k} × {k}" for k in KERNEL_SIZES], index=view.kernel_size,
                                      description="kernel size")
        orders = ipywidgets.Dropdown(options=list(ORDERS.values()), index=view.order, description="order")
        super().__init__(view, {
            "in_channels": sliders["in_channels"], "out_channels": sliders["out_channels"], "kernel_size": kernels,
            "size": sliders["size"], "stride": sliders["stride"], "depth_multiplier": sliders["depth_multiplier"],
            "order": orders, "bias": ipywidgets.Checkbox(value=bias, description="bias")})

    def summary(self):
        """Return output shape, parameters and MACs of the three convolutions, from ``cnnlib.shapes``.

        Returns:
            ``{"output_shape": (1, C_out, H_out, W_out), "parameters": {…}, "macs": {…}}``; the parts of the separable
            version are missing where the depthwise output is no multiple of its input channels.
        """
        view, kernel = self.view, KERNEL_SIZES[self.view.kernel_size]
        options = {"stride": view.stride, "padding": kernel // 2}
        x = (1, view.in_channels, view.size, view.size)
        layers = {"standard": (x, view.out_channels, kernel, options), **self._parts(x, kernel, options)}
        return {
            "output_shape": conv_output_shape(x, view.out_channels, kernel, **options),
            "parameters": {name: conv_parameter_count(shape[1], out, k, groups=each.get("groups", 1), bias=view.bias)
                           for name, (shape, out, k, each) in layers.items()},
            "macs": {name: conv_mac_count(shape, out, k, **each) for name, (shape, out, k, each) in layers.items()},
        }

    def _parts(self, x, kernel, options):
        """Return {part: (input shape, out_channels, kernel_size, options)}."""
        view = self.view
        if view.order == 0:
            middle = view.in_channels * view.depth_multiplier
            depthwise = (x, middle, kernel, {**options, "groups": view.in_channels})
            pointwise = (conv_output_shape(x, middle, kernel, **options), view.out_channels, 1, {})
            return {"depthwise": depthwise, "pointwise": pointwise}
        middle, rest = divmod(view.out_channels, view.depth_multiplier)
        if rest:
            return {}
        depthwise = ((1, middle, *x[2:]), view.out_channels, kernel, {**options, "groups": middle})
        return {"depthwise": depthwise, "pointwise": (x, middle, 1, {})}


def _slider(name, value):
    low, high = LIMITS[name]
    return ipywidgets.IntSlider(value=value, min=low, max=high, description=DESCRIPTIONS.get(name, name))
