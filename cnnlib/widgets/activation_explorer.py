"""An activation function, its derivative and its tangent at a point that the reader moves."""
import math

import ipywidgets
import traitlets

from cnnlib._arguments import choice, stepped
from cnnlib.widgets._esm import esm
from cnnlib.widgets._view import Explorer, View

FUNCTIONS = {"relu": "ReLU", "leaky_relu": "leaky ReLU", "relu6": "ReLU6", "sigmoid": "sigmoid", "tanh": "tanh"}
STEPS = {"x": (-8, 8, 0.1), "negative_slope": (0, 0.5, 0.05)}


class ActivationView(View):
    """A curve, its derivative and the tangent at x, on labelled axes."""

    _esm = esm("activation_explorer.mjs")
    function = traitlets.Int().tag(sync=True)
    x = traitlets.Float().tag(sync=True)
    negative_slope = traitlets.Float().tag(sync=True)


class ActivationExplorer(Explorer):
    """Choose an activation function and move x: value, derivative, and what ten such layers leave of a gradient.

    Args:
        function: "relu", "leaky_relu", "relu6", "sigmoid" or "tanh".
        x: the input of the function, -8 to 8 in steps of 0.1.
        negative_slope: the factor of leaky ReLU below 0, 0 to 0.5 in steps of 0.05.

    Raises:
        ValueError: an unknown function, or a number that its slider cannot reach.

    Source:
        Goodfellow, Bengio & Courville (2016), Deep Learning, section 6.3 (hidden units).

    >>> ActivationExplorer("sigmoid", x=0.0).summary()
    {'value': 0.5, 'derivative': 0.25}
    """

    def __init__(self, function="relu", x=1.0, *, negative_slope=0.1):
        place = choice("ActivationExplorer", "function", function, FUNCTIONS)
        settings = {name: stepped("ActivationExplorer", name, value, *STEPS[name])
                    for name, value in zip(STEPS, (x, negative_slope), strict=True)}
        view = ActivationView(function=place, **settings)
        dropdown = ipywidgets.Dropdown(options=list(FUNCTIONS.values()), index=view.function, description="function")
        super().__init__(view, {"function": dropdown, **{name: _slider(name, v) for name, v in settings.items()}})

    def summary(self):
        """Return the function's value and derivative at x; at a kink the derivative is the one PyTorch uses."""
        x, slope = self.view.x, self.view.negative_slope
        e = math.exp(-abs(x))
        value, derivative = {
            "relu": (max(x, 0.0), float(x > 0)),
            "leaky_relu": (x, 1.0) if x > 0 else (slope * x, slope),
            "relu6": (min(max(x, 0.0), 6.0), float(0 < x < 6)),
            "sigmoid": ((1 if x > 0 else e) / (1 + e), e / (1 + e) ** 2),
            "tanh": (math.tanh(x), 4 * e**2 / (1 + e**2) ** 2),
        }[list(FUNCTIONS)[self.view.function]]
        return {"value": value, "derivative": derivative}


def _slider(name, value):
    low, high, step = STEPS[name]
    return ipywidgets.FloatSlider(
        value=value, min=low, max=high, step=step, description=name.replace("_", " "),
        readout_format=".2f" if name == "negative_slope" else ".1f")
