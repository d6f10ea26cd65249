"""A DenseNet block: how concatenation makes the map wider, and what each layer costs beside an addition."""
import ipywidgets
import traitlets

from cnnlib._arguments import all_choices, flag, within
from cnnlib.shapes import conv_parameter_count
from cnnlib.widgets._esm import esm
from cnnlib.widgets._view import Explorer, View

PRESETS = {  # growth rate, channels after the stem, layers of the four blocks
    # 121, 169, 201, 264, all with k = 32: Huang et al. (2017), Table 1; 161 with k = 48 came with the authors' code
    "densenet121": (32, 64, (6, 12, 24, 16)),
    "densenet169": (32, 64, (6, 12, 32, 32)),
    "densenet201": (32, 64, (6, 12, 48, 32)),
    "densenet264": (32, 64, (6, 12, 64, 48)),
    "densenet161": (48, 96, (6, 12, 36, 24)),
}
OWN = "own block"
NAMES = (*PRESETS, OWN)
THETAS = (0.5, 1.0)
WIDEN = 4  # channels inside a bottleneck, in growth rates
LIMITS = {"block": (1, 4), "in_channels": (1, 4096), "growth_rate": (1, 64), "num_layers": (1, 64), "layer": (1, 64)}
OWN_DEFAULTS = {"in_channels": 64, "growth_rate": 32, "num_layers": 6}
DESCRIPTIONS = {"preset": "net", "in_channels": "channels k₀", "growth_rate": "growth rate k",
                "num_layers": "layers L", "layer": "layer l", "theta": "compression"}


class DenseGrowthView(View):
    """The channels of one block, layer by layer; preset and theta are places in their lists, block counts from 1."""

    _esm = esm("dense_growth_explorer.mjs")
    presets = traitlets.List().tag(sync=True)  # name, growth rate, channels after the stem, layers
    thetas = traitlets.List().tag(sync=True)
    preset, block, theta, layer = (traitlets.Int().tag(sync=True) for _ in range(4))
    in_channels, growth_rate, num_layers = (traitlets.Int().tag(sync=True) for _ in range(3))
    bottleneck = traitlets.Bool().tag(sync=True)
    applied = traitlets.Unicode().tag(sync=True)  # the choice that the three numbers were last taken from


class DenseGrowthExplorer(Explorer):
    """Follow the channels of a DenseNet block and compare its layers with layers that add.

    Args:
        preset: "densenet121", "densenet169", "densenet201", "densenet264", "densenet161" or "own block".
        block: which block of a preset is shown, 1 to 4.
        layer: which layer of the block is counted, 1 to 64; behind the last one it is the last one.
        bottleneck: whether a 1×1 convolution to 4 growth rates stands before the 3×3.
        theta: compression, the share of the channels that a transition keeps, 0.5 or 1.
        in_channels: channels that enter the own block (k0), 1 to 4096; 64 where it is left out.
        growth_rate: channels that each layer of the own block adds (k), 1 to 64; 32 where it is left out.
        num_layers: layers of the own block (L), 1 to 64; 6 where it is left out.

    Raises:
        ValueError: a setting is not one of its choices, or one of the own block stands beside a preset.

    Source:
        Huang et al. (2017), Densely Connected Convolutional Networks, section 3 and Table 1.

    >>> DenseGrowthExplorer("densenet121", block=1, layer=1).summary()["out_channels"]
    256
    """

    def __init__(self, preset="densenet121", *, block=1, layer=3, bottleneck=True, theta=0.5, in_channels=None,
                 growth_rate=None, num_layers=None):
        places = all_choices("DenseGrowthExplorer", {"preset": NAMES, "theta": THETAS}, (preset, theta))
        own = {"in_channels": in_channels, "growth_rate": growth_rate, "num_layers": num_layers}
        given = {name: value for name, value in own.items() if value is not None}
        if preset != OWN and given:
            name, value = next(iter(given.items()))
            raise ValueError(f"DenseGrowthExplorer: {name} must be left out beside {preset}, got {value!r}")
        bottleneck = flag("DenseGrowthExplorer", "bottleneck", bottleneck)
        given = {name: within("DenseGrowthExplorer", name, value, *LIMITS[name])
                 for name, value in {"block": block, "layer": layer, **given}.items()}
        block, layer = given.pop("block"), given.pop("layer")
        numbers = OWN_DEFAULTS | given if preset == OWN else block_of(preset, block, theta)
        view = DenseGrowthView(
            presets=[[name, k, k0, list(lengths)] for name, (k, k0, lengths) in PRESETS.items()], thetas=list(THETAS),
            block=block, layer=min(layer, numbers["num_layers"]), bottleneck=bottleneck, **places, **numbers,
            applied=f"{places['preset']} {block} {places['theta']}")
        super().__init__(view, _controls(view))

    def summary(self):
        """Return the numbers of the shown block, computed by ``cnnlib.shapes``.

        Returns:
            A dict: out_channels of the block, layer_parameters of the chosen layer, block_parameters, and
            addition_parameters, those of as many layers that add to a map as wide as the block's output.
        """
        view, k = self.view, self.view.growth_rate
        widths = [view.in_channels + i * k for i in range(view.num_layers + 1)]
        inside = WIDEN * k if view.bottleneck else None
        counts = [layer_parameters(width, k, inside) for width in widths[:-1]]
        addition = layer_parameters(widths[-1], widths[-1], inside) * view.num_layers
        return {"out_channels": widths[-1], "layer_parameters": counts[min(view.layer, view.num_layers) - 1],
                "block_parameters": sum(counts), "addition_parameters": addition}


def layer_parameters(in_channels, out_channels, inside):
    """Return the learned numbers of BN, 1×1 convolution, BN, 3×3 convolution; convolutions have no bias.

    Args:
        in_channels: channels that enter.
        out_channels: channels that the 3×3 convolution makes.
        inside: channels between the two convolutions, or None for BN and 3×3 convolution alone.

    >>> layer_parameters(64, 32, 128)
    45440
    """
    if inside is None:
        return 2 * in_channels + conv_parameter_count(in_channels, out_channels, 3, bias=False)
    reduce = 2 * in_channels + conv_parameter_count(in_channels, inside, 1, bias=False)
    return reduce + 2 * inside + conv_parameter_count(inside, out_channels, 3, bias=False)


def block_of(preset, block, theta):
    """Return in_channels, growth_rate and num_layers of one block of a preset, as a dict.

    Args:
        preset: a name in PRESETS.
        block: 1 to 4.
        theta: the share of the channels that each transition before it keeps.

    >>> block_of("densenet121", 3, 0.5)
    {'in_channels': 256, 'growth_rate': 32, 'num_layers': 24}
    """
    growth_rate, channels, lengths = PRESETS[preset]
    for length in lengths[:block - 1]:
        channels = int(theta * (channels + length * growth_rate))
    return {"in_channels": channels, "growth_rate": growth_rate, "num_layers": lengths[block - 1]}


def _controls(view):
    def slider(name, high=None):
        return ipywidgets.IntSlider(value=getattr(view, name), min=LIMITS[name][0], max=high or LIMITS[name][1])

    low, high = LIMITS["in_channels"]
    controls = {
        "preset": ipywidgets.Dropdown(options=list(NAMES), index=view.preset),
        "block": slider("block"),
        "in_channels": ipywidgets.BoundedIntText(value=view.in_channels, min=low, max=high),
        "growth_rate": slider("growth_rate"),
        "num_layers": slider("num_layers"),
        "layer": slider("layer", view.num_layers),
        "bottleneck": ipywidgets.Checkbox(value=view.bottleneck),
        "theta": ipywidgets.ToggleButtons(options=[f"{theta:g}" for theta in THETAS], index=view.theta),
    }
    ipywidgets.jslink((view, "num_layers"), (controls["layer"], "max"))
    for name, control in controls.items():
        control.description = DESCRIPTIONS.get(name, name)
    return controls
