"""How many numbers a dense layer learns from an image, beside a convolution."""
import ipywidgets
import traitlets

from cnnlib._arguments import all_choices
from cnnlib.shapes import conv_parameter_count, linear_parameter_count
from cnnlib.widgets._esm import esm
from cnnlib.widgets._view import Explorer, View

CHOICES = {
    "size": (8, 16, 28, 32, 64, 112, 224, 512, 1000),
    "channels": (1, 3),
    "outputs": (10, 100, 1000, 4096),
    "kernel_size": (1, 3, 5, 7, 11),
    "filters": (1, 8, 16, 32, 64, 128),
}
DESCRIPTIONS = {"size": "input size", "outputs": "dense outputs", "kernel_size": "kernel size"}
SQUARES = {"size": " pixels", "kernel_size": ""}  # settings that stand for both sides, and what follows them


class ParameterView(View):
    """Parameters, MACs and memory of three layers; a trait with a setting's name is an index into its choices."""

    _esm = esm("parameter_explosion.mjs")
    choices = traitlets.Dict().tag(sync=True)
    size, channels, outputs, kernel_size, filters = (traitlets.Int().tag(sync=True) for _ in range(5))


class ParameterExplosion(Explorer):
    """Compare a dense layer on all pixels, a convolution, and the dense layer that makes the convolution's map.

    Args:
        size: rows and columns of the image, in pixels: 8, 16, 28, 32, 64, 112, 224, 512 or 1000.
        channels: 1 (gray) or 3 (color).
        outputs: units of the dense layer: 10, 100, 1000 or 4096.
        kernel_size: rows and columns of the kernel, in pixels: 1, 3, 5, 7 or 11; stride 1, padding "same".
        filters: filters of the convolution: 1, 8, 16, 32, 64 or 128.

    Raises:
        ValueError: a setting is not one of its choices.

    Source:
        Goodfellow, Bengio & Courville (2016), Deep Learning, section 9.2 (sparse interactions, parameter sharing).

    >>> ParameterExplosion().summary()
    {'dense': 150529000, 'convolution': 1792, 'same_map': 483388358656}
    """

    def __init__(self, size=224, channels=3, outputs=1000, kernel_size=3, filters=64):
        indices = all_choices("ParameterExplosion", CHOICES, (size, channels, outputs, kernel_size, filters))
        view = ParameterView(choices={name: list(values) for name, values in CHOICES.items()}, **indices)
        super().__init__(view, {name: _dropdown(name, index) for name, index in indices.items()})

    def summary(self):
        """Return the parameters of the three layers, with bias, computed by ``cnnlib.shapes``."""
        size, channels, outputs, kernel_size, filters = (CHOICES[name][getattr(self.view, name)] for name in CHOICES)
        pixels = size * size
        return {
            "dense": linear_parameter_count(pixels * channels, outputs),
            "convolution": conv_parameter_count(channels, filters, kernel_size),
            "same_map": linear_parameter_count(pixels * channels, pixels * filters),
        }


def _dropdown(name, index):
    labels = [f"{value:,}" if name not in SQUARES else f"{value} × {value}{SQUARES[name]}" for value in CHOICES[name]]
    options = list(zip(labels, CHOICES[name], strict=True))
    return ipywidgets.Dropdown(options=options, index=index, description=DESCRIPTIONS.get(name, name))
