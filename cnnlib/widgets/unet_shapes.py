"""The U of a U-Net: channels and map sizes stage by stage, what is copied across, and where its parameters lie."""
import ipywidgets
import traitlets

from cnnlib._arguments import all_choices, all_within
from cnnlib.shapes import conv_output_size, conv_parameter_count, conv_transpose_output_size, pool_output_size
from cnnlib.widgets._esm import esm
from cnnlib.widgets._view import Explorer, View

LIMITS = {"size": (16, 608), "depth": (1, 5)}
CHANNELS = (8, 16, 32, 64)
CONVOLUTIONS = ("valid, as in the paper", "padded")  # the place in this list is the padding in pixels
IN_CHANNELS, NUM_CLASSES = 1, 2


class UNetShapesView(View):
    """A U of boxes; size is in pixels, channels a place in its list, padding 0 or 1 pixel."""

    _esm = esm("unet_shapes.mjs")
    channel_counts, limits = (traitlets.List().tag(sync=True) for _ in range(2))
    size, depth, channels, padding = (traitlets.Int().tag(sync=True) for _ in range(4))


class UNetShapes(Explorer):
    """Choose depth, width and input of a U-Net and see each stage, or where the size does not go through.

    The network takes images of 1 channel and scores 2 classes in each pixel.

    Args:
        size: rows and columns of the input, in pixels, 16 to 608.
        depth: how often the map is halved, 1 to 5.
        channels: channels of the first level; each level has twice as many: 8, 16, 32 or 64.
        padding: pixels on each side before every 3x3 convolution: 0 (as in the paper) or 1 (keeps the size).

    Raises:
        ValueError: a setting is no whole number, or none that its control can reach.

    Source:
        Ronneberger, Fischer & Brox (2015), U-Net: Convolutional Networks for Biomedical Image Segmentation, figure 1.

    >>> UNetShapes().summary()
    {'output': 388, 'parameters': 31030658, 'skips': 37515264}
    """

    def __init__(self, size=572, *, depth=4, channels=64, padding=0):
        settings = all_within("UNetShapes", LIMITS, (size, depth))
        places = all_choices("UNetShapes", {"channels": CHANNELS, "padding": (0, 1)}, (channels, padding))
        view = UNetShapesView(channel_counts=list(CHANNELS), limits=list(LIMITS["size"]), **places, **settings)
        super().__init__(view, {
            "depth": _slider("depth", depth, "depth"),
            "channels": ipywidgets.Dropdown(options=[str(count) for count in CHANNELS], index=view.channels,
                                            description="first channels"),
            "size": _slider("size", size, "input size"),
            "padding": ipywidgets.Dropdown(options=list(CONVOLUTIONS), index=padding, description="convolutions")})

    def summary(self):
        """Return what the picture shows, computed by ``cnnlib.shapes``.

        Returns:
            A dict: output (pixels, None where the size does not go through), parameters, and skips, the numbers that
            wait for the way up (None where the output is).
        """
        view = self.view
        widths = [CHANNELS[view.channels] * 2**level for level in range(view.depth + 1)]
        try:
            output, sides = _trace(view.size, view.depth, view.padding)
        except ValueError:
            output, sides = None, None
        skips = sides and sum(width * side**2 for width, side in zip(widths, sides, strict=False))
        return {"output": output, "parameters": _parameters(widths), "skips": skips}


def _trace(size, depth, padding):
    """Return the output pixels and the pixels of each skip.

    Raises:
        ValueError: a map is odd before a pooling, or too small for a convolution.
    """
    def two(pixels):
        return conv_output_size(conv_output_size(pixels, 3, padding=padding), 3, padding=padding)

    sides = []
    for _ in range(depth):
        sides.append(two(size))
        if sides[-1] % 2:
            raise ValueError(f"UNetShapes: a map must be even before it is halved, got {sides[-1]}")
        size = pool_output_size(sides[-1], 2)
    size = two(size)
    for _ in range(depth):
        size = two(conv_transpose_output_size(size, 2, stride=2))
    return size, sides


def _parameters(widths):
    """Return the weights and biases of all stages."""
    def two(before, width):
        return conv_parameter_count(before, width, 3) + conv_parameter_count(width, width, 3)

    down = sum(two(before, width) for before, width in zip([IN_CHANNELS, *widths], widths, strict=False))
    up = sum(conv_parameter_count(2 * width, width, 2) + two(2 * width, width) for width in widths[:-1])
    return down + up + conv_parameter_count(widths[0], NUM_CLASSES, 1)


def _slider(name, value, description):
    low, high = LIMITS[name]
    return ipywidgets.IntSlider(value=value, min=low, max=high, description=description)
