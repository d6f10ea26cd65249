"""EfficientNet's compound scaling: depth, width and resolution from one number, and the network that comes out."""
import math

import ipywidgets
import traitlets

from cnnlib._arguments import choice, stepped, within
from cnnlib.shapes import (
    conv_mac_count,
    conv_output_size,
    conv_parameter_count,
    linear_mac_count,
    linear_parameter_count,
)
from cnnlib.widgets._esm import esm
from cnnlib.widgets._view import Explorer, View

STEPS = {"alpha": (1.0, 1.5), "beta": (1.0, 1.3), "gamma": (1.0, 1.3)}  # by 0.01
LAST_PHI = 7
STAGES = (  # B0: expand, kernel_size, stride, channels, repeats
    (1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3), (6, 5, 1, 112, 3), (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
)
STEM, HEAD, CLASSES = 32, 1280, 1000
NETWORKS = {  # published: depth and width coefficient, resolution in pixels
    "b0": (1.0, 1.0, 224), "b1": (1.1, 1.0, 240), "b2": (1.2, 1.1, 260), "b3": (1.4, 1.2, 300),
    "b4": (1.8, 1.4, 380), "b5": (2.2, 1.6, 456), "b6": (2.6, 1.8, 528), "b7": (3.1, 2.0, 600),
}


class CompoundScalingView(View):
    """Factors, the FLOPs they cost, and two networks beside B0."""

    _esm = esm("compound_scaling.mjs")
    stages = traitlets.List().tag(sync=True)
    published = traitlets.List().tag(sync=True)
    alpha = traitlets.Float().tag(sync=True)
    beta = traitlets.Float().tag(sync=True)
    gamma = traitlets.Float().tag(sync=True)
    phi = traitlets.Int().tag(sync=True)
    network = traitlets.Int().tag(sync=True)


class CompoundScaling(Explorer):
    """Move phi and the three bases, and see which network the formula makes and which ones were published.

    Args:
        alpha: base of the depth, 1 to 1.5 in steps of 0.01.
        beta: base of the width, 1 to 1.3 in steps of 0.01.
        gamma: base of the resolution, 1 to 1.3 in steps of 0.01.
        phi: how many steps from B0, 0 to 7.
        network: the published network beside it, "b0" to "b7".

    Raises:
        ValueError: a number that its slider cannot reach, or an unknown network.

    Source:
        Tan & Le (2019), EfficientNet, eq. 3 and table 1; the coefficients are those of the published code.

    >>> CompoundScaling(phi=1).summary()["step"]
    1.92
    """

    def __init__(self, alpha=1.2, beta=1.1, gamma=1.15, *, phi=1, network="b1"):
        bases = {name: stepped("CompoundScaling", name, value, *STEPS[name], 0.01)
                 for name, value in zip(STEPS, (alpha, beta, gamma), strict=True)}
        phi = within("CompoundScaling", "phi", phi, 0, LAST_PHI)
        network = choice("CompoundScaling", "network", network, NETWORKS)
        view = CompoundScalingView(
            stages=[list(stage) for stage in STAGES], published=[list(row) for row in NETWORKS.values()], **bases,
            phi=phi, network=network)
        super().__init__(view, _controls(view))

    def summary(self):
        """Return what the formula gives.

        Returns:
            A dict: step, the FLOPs factor of one step; flops, that of phi steps, both rounded to hundredths;
            resolution in pixels; blocks, parameters and MACs of the network as it is built.
        """
        view = self.view
        alpha, beta, gamma = (round(getattr(view, name), 2) for name in STEPS)
        resolution = math.floor(NETWORKS["b0"][2] * gamma**view.phi + 0.5)
        rows = scaled_stages(alpha**view.phi, beta**view.phi)
        step = alpha * beta**2 * gamma**2
        return {"step": round(step, 2), "flops": round(step**view.phi, 2), "resolution": resolution,
                "blocks": sum(row[4] for row in rows), **cost(alpha**view.phi, beta**view.phi, resolution)}


def round_channels(channels):
    """Return a multiple of 8 near ``channels``, at least 8 and at least 0.9 times ``channels``.

    Args:
        channels: a number of channels, whole or not.

    >>> [round_channels(c) for c in (1, 11.9, 35.2, 44)]
    [8, 16, 32, 48]
    """
    near = max(8, int(channels + 4) // 8 * 8)
    return near + 8 if near < 0.9 * channels else near


def scaled_stages(depth, width):
    """Return B0's seven stages, scaled.

    Args:
        depth: factor of the repeats, which are rounded up.
        width: factor of the channels, which are rounded to multiples of 8.

    Returns:
        Rows (expand, kernel_size, stride, channels, repeats).

    >>> scaled_stages(1.1, 1.0)[:3]
    [(1, 3, 1, 16, 2), (6, 3, 2, 24, 3), (6, 5, 2, 40, 3)]
    """
    return [(*stage[:3], round_channels(stage[3] * width), math.ceil(stage[4] * depth)) for stage in STAGES]


def cost(depth, width, resolution):
    """Return the parameters, and the MACs of convolutions and linear layer, with 3 channels in and 1000 classes out.

    Args:
        depth: factor of the repeats.
        width: factor of the channels.
        resolution: rows and columns of the image, in pixels.

    >>> cost(1.0, 1.0, 224)
    {'parameters': 5288548, 'macs': 385814752}
    """
    stem, head = round_channels(STEM * width), round_channels(HEAD * width)
    layers = [(1, (3, stem, 3, 2, 1, True))]  # times, (in_channels, out_channels, kernel_size, stride, groups, normed)
    before = stem
    for expand, kernel_size, stride, channels, repeats in scaled_stages(depth, width):
        layers += [(1, layer) for layer in _block(before, channels, expand, kernel_size, stride)]
        layers += [(repeats - 1, layer) for layer in _block(channels, channels, expand, kernel_size, 1)]
        before = channels
    layers.append((1, (before, head, 1, 1, 1, True)))
    parameters, macs = linear_parameter_count(head, CLASSES), linear_mac_count((1, head), CLASSES)
    size = resolution
    for times, (in_channels, out_channels, kernel_size, stride, groups, normed) in layers:
        weights = conv_parameter_count(in_channels, out_channels, kernel_size, groups=groups, bias=not normed)
        side, options = (size if normed else 1), {"stride": stride, "padding": kernel_size // 2}
        parameters += times * (weights + 2 * out_channels * normed)
        shape = (1, in_channels, side, side)
        macs += times * conv_mac_count(shape, out_channels, kernel_size, groups=groups, **options)
        size = conv_output_size(size, kernel_size, **options) if normed else size
    return {"parameters": parameters, "macs": macs}


def _block(before, channels, expand, kernel_size, stride):
    """Return an MBConv block's layers; the two without batch norm are the squeeze and the excitation, on one pixel."""
    inner, squeezed = round_channels(before * expand), max(1, before // 4)
    widen = [(before, inner, 1, 1, 1, True)] if inner != before else []
    return [*widen, (inner, inner, kernel_size, stride, inner, True), (inner, squeezed, 1, 1, 1, False),
            (squeezed, inner, 1, 1, 1, False), (inner, channels, 1, 1, 1, True)]


def _controls(view):
    marks = {"alpha": "α (depth)", "beta": "β (width)", "gamma": "γ (resolution)"}
    controls = {"phi": ipywidgets.IntSlider(value=view.phi, min=0, max=LAST_PHI, description="φ (steps)")}
    for name, (low, high) in STEPS.items():
        controls[name] = ipywidgets.FloatSlider(
            value=getattr(view, name), min=low, max=high, step=0.01, description=marks[name], readout_format=".2f")
    names = [name.upper() for name in NETWORKS]
    controls["network"] = ipywidgets.Dropdown(options=names, index=view.network, description="published")
    return controls
