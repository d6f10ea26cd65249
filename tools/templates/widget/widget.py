"""How many windows of three numbers fit into a row."""
import ipywidgets
import traitlets

from cnnlib._arguments import all_within
from cnnlib.shapes import conv_output_size
from cnnlib.widgets._esm import esm
from cnnlib.widgets._view import Explorer, View

# Replace: the settings with their ranges, the names that readers see, and what summary() computes with cnnlib.
RANGES = {"size": (5, 12), "stride": (1, 3)}
DESCRIPTIONS = {"size": "row length", "stride": "step length"}
KERNEL_SIZE = 3


class TemplateWidgetView(View):
    """A row of numbers and the windows on it; size and stride are counted in numbers of the row."""

    _esm = esm("template_widget.mjs")
    size, stride = traitlets.Int().tag(sync=True), traitlets.Int().tag(sync=True)


class TemplateWidget(Explorer):
    """Move a window of three numbers along a row.

    Args:
        size: numbers in the row, 5 to 12.
        stride: step from one window to the next, 1 to 3 numbers.

    Raises:
        ValueError: a setting that its slider cannot reach.

    Source:
        Goodfellow, Bengio & Courville (2016), Deep Learning, section 9.5.

    >>> TemplateWidget(size=10, stride=2).summary()
    {'windows': 4, 'unread': 1}
    """

    def __init__(self, size=10, stride=2):
        settings = all_within("TemplateWidget", RANGES, (size, stride))
        view = TemplateWidgetView(**settings)
        super().__init__(view, {name: _slider(name, value) for name, value in settings.items()})

    def summary(self):
        """Return the number of windows, and of numbers behind the last one."""
        windows = conv_output_size(self.view.size, KERNEL_SIZE, stride=self.view.stride)
        return {"windows": windows, "unread": self.view.size - KERNEL_SIZE - (windows - 1) * self.view.stride}


def _slider(name, value):
    low, high = RANGES[name]
    return ipywidgets.IntSlider(value=value, min=low, max=high, description=DESCRIPTIONS[name])
