"""A derivative against its difference quotient: which step is too large, which too small."""
import math

import ipywidgets
import numpy as np
import traitlets

from cnnlib._arguments import all_choices, within
from cnnlib.scratch import relative_error
from cnnlib.widgets._esm import esm
from cnnlib.widgets._view import Explorer, View

STEPS = range(-15, 0)  # exponents of ten
FLOOR = 1e-12  # derivatives below it are compared with it
DIFFERENCES = ("central", "forward")
PRECISIONS = {"float64": np.float64, "float32": np.float32}
FUNCTIONS = {  # function, its derivative, the point, the name with the point
    "x cubed": (lambda x: x * x * x, lambda x: 3 * x * x, 1.5, "x³ at 1.5"),
    "sin": (math.sin, math.cos, 1.0, "sin at 1"),
    "exp": (math.exp, math.exp, 1.0, "exp at 1"),
    "sigmoid": (lambda x: 1 / (1 + math.exp(-x)), lambda x: math.exp(-x) / (1 + math.exp(-x)) ** 2, 2.0,
                "sigmoid at 2"),
    "ReLU": (lambda x: max(x, 0.0), lambda x: float(x > 0), 0.0003, "ReLU at 0.0003"),
}
CHOICES = {"function": tuple(FUNCTIONS), "precision": tuple(PRECISIONS), "difference": DIFFERENCES}


class GradientCheckView(View):
    """A curve of errors on logarithmic axes; function, difference and precision are places in the lists."""

    _esm = esm("gradient_check_explorer.mjs")
    names = traitlets.List().tag(sync=True)  # of the functions, with their points
    exact = traitlets.List().tag(sync=True)  # derivative of each function
    points = traitlets.List().tag(sync=True)
    curves = traitlets.List().tag(sync=True)  # [function][difference][precision][step + 15] is [derivative, error]
    function = traitlets.Int().tag(sync=True)
    difference = traitlets.Int().tag(sync=True)
    precision = traitlets.Int().tag(sync=True)
    step = traitlets.Int().tag(sync=True)  # exponent of ten


class GradientCheckExplorer(Explorer):
    """Choose a step and see how far a difference quotient is from the derivative.

    Args:
        function: "x cubed", "sin", "exp", "sigmoid" or "ReLU" (next to its kink).
        precision: "float64" or "float32", of every number that the quotient is made of.
        step: the exponent e of the step h = 10^e, from -15 to -1.
        difference: "central" or "forward".

    Raises:
        ValueError: function, precision or difference is none of the choices, or step is no such whole number.

    Source:
        Press et al. (2007), Numerical Recipes, section 5.7 (numerical derivatives).

    >>> GradientCheckExplorer(step=-5).error() < 1e-10 < 1e-3 < GradientCheckExplorer(step=-1).error()
    True
    """

    def __init__(self, function="x cubed", precision="float64", step=-5, difference="central"):
        places = all_choices("GradientCheckExplorer", CHOICES, (function, precision, difference))
        step = within("GradientCheckExplorer", "step", step, STEPS[0], STEPS[-1])
        names = [name for _, _, _, name in FUNCTIONS.values()]
        view = GradientCheckView(
            names=names, exact=[derivative(point) for _, derivative, point, _ in FUNCTIONS.values()],
            points=[point for _, _, point, _ in FUNCTIONS.values()], curves=curves(), step=step, **places)
        controls = {name: ipywidgets.Dropdown(options=labels, index=getattr(view, name), description=name)
                    for name, labels in (("function", names), ("difference", list(DIFFERENCES)),
                                         ("precision", list(PRECISIONS)))}
        controls["step"] = ipywidgets.IntSlider(value=step, min=STEPS[0], max=STEPS[-1], description="step 10^")
        super().__init__(view, controls)

    def error(self):
        """Return the relative error of the difference quotient that the picture marks."""
        view = self.view
        return view.curves[view.function][view.difference][view.precision][view.step - STEPS[0]][1]


def curves():
    """Return [derivative, relative error] for every function, difference, precision and step, as nested lists."""
    return [[[[_point(name, difference, precision, step) for step in STEPS] for precision in PRECISIONS]
             for difference in DIFFERENCES] for name in FUNCTIONS]


def quotient(function, point, *, step, difference, precision):
    """Return the difference quotient with every number rounded to a precision.

    Args:
        function: a function of one float; its value is rounded.
        point: where the derivative is wanted.
        step: the step h.
        difference: "central", (f(x + h) − f(x − h)) / 2h, or "forward", (f(x + h) − f(x)) / h.
        precision: "float64" or "float32".

    >>> quotient(lambda x: x * x, 3.0, step=0.5, difference="forward", precision="float64")
    6.5
    """
    number = PRECISIONS[precision]
    x, h = number(point), number(step)
    before, width = (x - h, number(2) * h) if difference == "central" else (x, h)
    return float((number(function(float(x + h))) - number(function(float(before)))) / width)


def _point(name, difference, precision, step):
    function, derivative, point, _ = FUNCTIONS[name]
    value = quotient(function, point, step=float(f"1e{step}"), difference=difference, precision=precision)
    return [value, relative_error([derivative(point)], [value], floor=FLOOR).item()]
