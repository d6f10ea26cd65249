"""Squeeze and excitation on eight small maps: squeeze, two layers, gates, rescaled channels."""
import ipywidgets
import numpy as np
import traitlets

from cnnlib._arguments import all_choices, stepped, within
from cnnlib.scratch import linear, relu, sigmoid
from cnnlib.widgets._esm import esm
from cnnlib.widgets._view import Explorer, View

MAPS = (  # eight 4x4 maps as a convolution and ReLU could leave them; at strength 1
    ((1, 1, 1, 1), (1, 1, 1, 1), (1, 1, 1, 1), (1, 1, 1, 1)),
    ((0, 0, 0, 0), (0, 0, 4, 0), (0, 0, 0, 0), (0, 0, 0, 0)),
    ((2, 0, 0, 0), (2, 0, 0, 0), (2, 0, 0, 0), (2, 0, 0, 0)),
    ((0, 0, 0, 0), (0, 0, 0, 0), (0, 0, 0, 0), (1, 1, 1, 1)),
    ((2, 0, 2, 0), (0, 2, 0, 2), (2, 0, 2, 0), (0, 2, 0, 2)),
    ((0, 0, 0, 0), (0, 3, 3, 0), (0, 3, 3, 0), (0, 0, 0, 0)),
    ((0, 0, 0, 1), (0, 0, 1, 2), (0, 1, 2, 3), (1, 2, 3, 4)),
    ((2, 2, 2, 2), (2, 1, 1, 2), (2, 1, 1, 2), (2, 2, 2, 2)),
)
CHANNELS = len(MAPS)
REDUCTIONS = (1, 2, 4, 8)
POOLINGS = ("average", "average + max")
STRENGTHS = (0.0, 3.0, 0.1)  # low, high, step
SEED = 565


class SEGateView(View):
    """Maps, hidden numbers, gates and rescaled maps; reduction and pooling are places in their lists."""

    _esm = esm("se_gate.mjs")
    maps = traitlets.List().tag(sync=True)  # (8, 4, 4)
    weights = traitlets.List().tag(sync=True)  # for each reduction fc1 weight, fc1 bias, fc2 weight, fc2 bias
    reductions = traitlets.List().tag(sync=True)
    reduction, pooling, channel = (traitlets.Int().tag(sync=True) for _ in range(3))
    strength = traitlets.Float().tag(sync=True)


class SEGate(Explorer):
    """Make one channel's map stronger and see what that does to the gates of all eight.

    The two layers are drawn from a seed and stay as they are; nothing is trained.

    Args:
        reduction: the two layers meet in 8 / reduction numbers: 1, 2, 4 or 8.
        pooling: "average" (squeeze and excitation) or "average + max" (CBAM's channel attention: both through the same
            two layers, added before the sigmoid).
        channel: whose map is changed, 0 to 7.
        strength: factor of that map, 0 to 3 in steps of 0.1.

    Raises:
        ValueError: a setting is not one of its choices, or a number that its slider cannot reach.

    Source:
        Hu, Shen & Sun (2018), Squeeze-and-Excitation Networks, eqs. 2 to 4; Woo et al. (2018), CBAM, eq. 2.

    >>> SEGate(reduction=4).summary()["parameters"]
    42
    """

    def __init__(self, reduction=2, *, pooling="average", channel=5, strength=1.0):
        places = all_choices("SEGate", {"reduction": REDUCTIONS, "pooling": POOLINGS}, (reduction, pooling))
        channel = within("SEGate", "channel", channel, 0, CHANNELS - 1)
        low, high, step = STRENGTHS
        strength = stepped("SEGate", "strength", strength, low, high, step)
        view = SEGateView(
            maps=[[list(row) for row in each] for each in MAPS], reductions=list(REDUCTIONS),
            weights=[[array.tolist() for array in fixed_weights(r)] for r in REDUCTIONS],
            channel=channel, strength=strength, **places)
        super().__init__(view, {
            "channel": ipywidgets.IntSlider(value=channel, min=0, max=CHANNELS - 1, description="channel to change"),
            "strength": ipywidgets.FloatSlider(value=view.strength, min=low, max=high, step=step, readout_format=".1f",
                                               description="its strength"),
            "reduction": ipywidgets.Dropdown(options=[str(r) for r in REDUCTIONS], index=view.reduction,
                                             description="reduction r"),
            "pooling": ipywidgets.Dropdown(options=["average (SE)", "average + max (CBAM)"], index=view.pooling,
                                           description="squeeze by")})

    def maps(self):
        """Return the maps with the chosen one as strong as the slider says, (8, 4, 4)."""
        maps = np.array(MAPS, dtype=float)
        maps[self.view.channel] *= self.view.strength
        return maps

    def summary(self):
        """Return what the picture shows, computed by ``cnnlib.scratch``.

        Returns:
            A dict: gates (8 fractions of 1), means of the rescaled maps, both rounded to thousandths, and parameters.
        """
        maps, weights = self.maps(), fixed_weights(REDUCTIONS[self.view.reduction])
        squeezed = [maps.mean((1, 2))] + [maps.max((1, 2))] * self.view.pooling
        scores = sum(linear(relu(linear(each[None], *weights[:2])), *weights[2:])[0] for each in squeezed)
        gates = sigmoid(scores)
        return {"gates": np.round(gates, 3).tolist(), "means": np.round(gates * maps.mean((1, 2)), 3).tolist(),
                "parameters": sum(array.size for array in weights)}


def fixed_weights(reduction):
    """Return the two layers for one reduction, rounded to hundredths.

    Args:
        reduction: 1, 2, 4 or 8.

    Returns:
        fc1's weight (8 / reduction, 8) and bias, fc2's weight (8, 8 / reduction) and bias.

    >>> [array.shape for array in fixed_weights(4)]
    [(2, 8), (2,), (8, 2), (8,)]
    """
    hidden = CHANNELS // reduction
    rng = np.random.default_rng([SEED, reduction])
    fc1, bias1 = rng.normal(0, 0.5, (hidden, CHANNELS)), rng.uniform(0.2, 0.6, hidden)
    fc2, bias2 = rng.normal(0, 1.6 / hidden**0.5, (CHANNELS, hidden)), rng.normal(0, 0.3, CHANNELS)
    return [np.round(array, 2) for array in (fc1, bias1, fc2, bias2)]
