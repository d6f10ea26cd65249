"""Residual connections in three parts: the paths they open, what a block costs, and the factor on the gradient."""
import ipywidgets
import traitlets

from cnnlib._arguments import all_choices, stepped, within
from cnnlib.shapes import conv_parameter_count
from cnnlib.widgets._esm import esm
from cnnlib.widgets._view import Explorer, View

PARTS = {"paths": "paths of a net", "block": "parameters of a block", "gradient": "factor on the gradient"}
KINDS = ("basic", "bottleneck", "pre-activation basic", "pre-activation bottleneck")
CHANNELS = (64, 128, 256, 512)
STRIDES = (1, 2)
MOST = 6  # blocks of the net
SLOPE = (-1.5, 1.0, 0.1)  # lowest, highest, step
CHOICES = {"part": tuple(PARTS), "block_kind": KINDS, "in_channels": CHANNELS, "out_channels": CHANNELS,
           "stride": STRIDES}
DESCRIPTIONS = {"part": "show", "block_kind": "block kind", "in_channels": "in channels",
                "out_channels": "out channels", "slope": "slope a"}


class ResidualView(View):
    """One of three pictures; part, block_kind, in_channels, out_channels and stride are places in their lists."""

    _esm = esm("residual_explorer.mjs")
    kinds = traitlets.List().tag(sync=True)
    channels = traitlets.List().tag(sync=True)
    strides = traitlets.List().tag(sync=True)
    part, blocks, dropped, block_kind = (traitlets.Int().tag(sync=True) for _ in range(4))
    in_channels, out_channels, stride = (traitlets.Int().tag(sync=True) for _ in range(3))
    slope = traitlets.Float().tag(sync=True)


class ResidualExplorer(Explorer):
    """Count the paths of a residual net, the parameters of a block, and the factor that a gradient meets.

    Args:
        part: the picture shown first: "paths", "block" or "gradient".
        blocks: blocks of the net, 1 to 6 (paths and gradient).
        dropped: the block that is taken out, 1 to 6, or 0 for none (paths).
        block_kind: "basic", "bottleneck", "pre-activation basic" or "pre-activation bottleneck" (block).
        in_channels: channels that enter the block: 64, 128, 256 or 512.
        out_channels: channels that leave it, of the same choices; a bottleneck is a quarter as wide inside.
        stride: of the block's first 3×3 convolution, 1 or 2, in pixels.
        slope: a of the branch F(x) = a·x, -1.5 to 1 in steps of 0.1 (gradient).

    Raises:
        ValueError: a setting is not one of its choices.

    Source:
        He et al. (2016), Deep Residual Learning for Image Recognition, figure 5, and Identity Mappings in Deep
        Residual Networks, figure 1; Veit et al. (2016), Residual Networks Behave Like Ensembles of Relatively
        Shallow Networks, section 3.

    >>> ResidualExplorer(block_kind="bottleneck", in_channels=256, out_channels=256, slope=-1.0).summary()
    {'paths': 8, 'kept': 8, 'parameters': 70400, 'residual': 0.0, 'plain': -1.0}
    """

    def __init__(self, part="paths", *, blocks=3, dropped=0, block_kind="basic", in_channels=64, out_channels=64,
                 stride=1, slope=-0.5):
        places = all_choices("ResidualExplorer", CHOICES, (part, block_kind, in_channels, out_channels, stride))
        blocks, dropped = (within("ResidualExplorer", name, value, low, MOST)
                           for name, value, low in (("blocks", blocks, 1), ("dropped", dropped, 0)))
        slope = stepped("ResidualExplorer", "slope", slope, *SLOPE)
        view = ResidualView(kinds=list(KINDS), channels=list(CHANNELS), strides=list(STRIDES), blocks=blocks,
                            dropped=dropped, slope=slope, **places)
        super().__init__(view, _controls(view))

    def summary(self):
        """Return the numbers of the three parts.

        Returns:
            A dict: paths and kept (of them, without the dropped block), parameters of the block, and the derivative
            of all blocks together with shortcuts (residual) and without (plain).
        """
        view = self.view
        paths, slope = 2**view.blocks, round(view.slope, 1)
        names = ("block_kind", "in_channels", "out_channels", "stride")
        return {
            "paths": paths,
            "kept": paths // 2 if 1 <= view.dropped <= view.blocks else paths,
            "parameters": block_parameters(*(CHOICES[name][getattr(view, name)] for name in names)),
            "residual": round((1 + slope) ** view.blocks, 9),
            "plain": round(slope**view.blocks, 9),
        }


def block_parameters(kind, in_channels, out_channels, stride):
    """Return the learned numbers of a residual block: convolutions without bias, batch norms with two per channel.

    Args:
        kind: one of KINDS.
        in_channels: channels that enter.
        out_channels: channels that leave; a bottleneck has a quarter of them inside.
        stride: of the 3×3 convolution that shrinks the map, 1 or 2.

    Returns:
        Weights of the branch and, where stride or channels change, of the 1×1 projection.

    >>> block_parameters("basic", 64, 128, 2)
    230144
    """
    inside = out_channels // 4
    if kind.endswith("bottleneck"):
        convolutions = [(in_channels, inside, 1), (inside, inside, 3), (inside, out_channels, 1)]
    else:
        convolutions = [(in_channels, out_channels, 3), (out_channels, out_channels, 3)]
    before = kind.startswith("pre-activation")
    normalized = [entering if before else leaving for entering, leaving, _ in convolutions]
    if stride != 1 or in_channels != out_channels:
        convolutions.append((in_channels, out_channels, 1))
        normalized += [] if before else [out_channels]
    return sum(conv_parameter_count(*convolution, bias=False) for convolution in convolutions) + 2 * sum(normalized)


def _controls(view):
    low, high, step = SLOPE
    controls = {
        "part": ipywidgets.Dropdown(options=list(PARTS.values()), index=view.part),
        "blocks": ipywidgets.IntSlider(value=view.blocks, min=1, max=MOST),
        "dropped": ipywidgets.Dropdown(options=["none", *[f"block {i + 1}" for i in range(MOST)]], index=view.dropped),
        **{name: ipywidgets.Dropdown(options=list(map(str, CHOICES[name])), index=getattr(view, name))
           for name in ("block_kind", "in_channels", "out_channels", "stride")},
        "slope": ipywidgets.FloatSlider(value=view.slope, min=low, max=high, step=step, readout_format=".1f"),
    }
    for name, control in controls.items():
        control.description = DESCRIPTIONS.get(name, name)
    return controls
