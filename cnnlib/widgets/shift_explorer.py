"""What moves and what stays when a shape moves: equivariance, pooling, and the class."""
import ipywidgets
import numpy as np
import traitlets

from cnnlib._arguments import all_choices, within
from cnnlib.scratch import conv2d
from cnnlib.widgets._esm import esm
from cnnlib.widgets._view import Explorer, View

SIDE = 12  # rows and columns of the image, in pixels
START = 3  # row and column of the shape's first pixel before it moves
SHAPES = {
    "cross": [[0, 1, 0], [1, 1, 1], [0, 1, 0]],
    "corner": [[1, 0, 0], [1, 0, 0], [1, 1, 1]],
    "bar": [[0, 1, 0], [0, 1, 0], [0, 1, 0]],
}
KERNELS = {  # above 0 on the shape, -2 beside it; the bar's three weights are 2, since it has only three pixels
    "cross": [[-2, 1, -2], [1, 1, 1], [-2, 1, -2]],
    "corner": [[1, -2, -2], [1, -2, -2], [1, 1, 1]],
    "bar": [[-2, 2, -2], [-2, 2, -2], [-2, 2, -2]],
}
STRIDES = (1, 2)
POOLINGS = {"none": 1, "max 2x2": 2, "max 4x4": 4, "global max": 0}  # window in pixels of the map; 0 is the whole map
LABELS = {"max 2x2": "max 2×2", "max 4x4": "max 4×4"}
FARTHEST = 4


class ShiftView(View):
    """A shape, the map of its kernel and the pooled map; right and down are in pixels, the other choices indices."""

    _esm = esm("shift_explorer.mjs")
    side, start = traitlets.Int(SIDE).tag(sync=True), traitlets.Int(START).tag(sync=True)
    shapes = traitlets.List().tag(sync=True)  # name, pixels, kernel
    strides = traitlets.List().tag(sync=True)
    windows = traitlets.List().tag(sync=True)
    shape, right, down, stride, pooling = (traitlets.Int().tag(sync=True) for _ in range(5))


class ShiftExplorer(Explorer):
    """Move a shape and see what moves with it, what pooling keeps, and which kernel answers most.

    Args:
        shape: "cross", "corner" or "bar", on a 12×12 image.
        right: how far the shape moves to the right, in pixels, -4 to 4; at -4 its first column leaves the image.
        down: how far it moves down, in pixels, -4 to 4; at -4 its first row leaves the image.
        stride: of the convolution (3×3, zero padding 1, then ReLU), 1 or 2.
        pooling: "none", "max 2x2", "max 4x4" or "global max"; the windows do not overlap.

    Raises:
        ValueError: a setting is not one of its choices.

    Source:
        Goodfellow, Bengio & Courville (2016), Deep Learning, sections 9.2 (equivariance) and 9.3 (invariance).

    >>> ShiftExplorer(right=1, stride=2).scores()
    {'cross': 0, 'corner': 1, 'bar': 0}
    """

    def __init__(self, shape="cross", right=0, down=0, stride=1, pooling="max 2x2"):
        known = {"shape": SHAPES, "stride": STRIDES, "pooling": POOLINGS}
        places = all_choices("ShiftExplorer", known, (shape, stride, pooling))
        right, down = (within("ShiftExplorer", name, value, -FARTHEST, FARTHEST)
                       for name, value in (("right", right), ("down", down)))
        view = ShiftView(
            shapes=[[name, SHAPES[name], KERNELS[name]] for name in SHAPES], strides=list(STRIDES),
            windows=list(POOLINGS.values()), right=right, down=down, **places)
        super().__init__(view, {
            "shape": _dropdown("shape", list(SHAPES), view.shape),
            "right": _slider("right", right),
            "down": _slider("down", down),
            "stride": _dropdown("stride", list(STRIDES), view.stride),
            "pooling": _dropdown("pooling", [(LABELS.get(name, name), name) for name in POOLINGS], view.pooling),
        })

    def image(self):
        """Return the image with the moved shape, (12, 12), of zeros and ones; what leaves it is cut off."""
        view, far = self.view, SIDE + 2 * FARTHEST
        wide = np.zeros((far, far), dtype=int)  # the image with room on all sides
        row, col = FARTHEST + START + view.down, FARTHEST + START + view.right
        wide[row:row + 3, col:col + 3] = list(SHAPES.values())[view.shape]
        return wide[FARTHEST:-FARTHEST, FARTHEST:-FARTHEST]

    def feature_map(self, kernel=None):
        """Return ReLU of the convolution with the kernel of a shape (its own where none is named), 12×12 or 6×6."""
        weight = np.array(KERNELS[kernel or list(SHAPES)[self.view.shape]])
        stride = STRIDES[self.view.stride]
        return np.maximum(conv2d(self.image()[None, None], weight[None, None], stride=stride, padding=1)[0, 0], 0)

    def scores(self):
        """Return the global maximum of each kernel's map; the largest names the class."""
        return {name: int(self.feature_map(name).max()) for name in KERNELS}


def _dropdown(description, options, index):
    return ipywidgets.Dropdown(options=options, index=index, description=description)


def _slider(name, value):
    return ipywidgets.IntSlider(value=value, min=-FARTHEST, max=FARTHEST, description=name)
