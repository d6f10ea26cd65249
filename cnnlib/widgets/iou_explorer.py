"""Two boxes to drag; intersection, union, IoU and generalized IoU follow."""
import ipywidgets
import traitlets

from cnnlib.boxes import box_iou, generalized_box_iou
from cnnlib.widgets._esm import esm
from cnnlib.widgets._view import Explorer, View

BOARD = 16  # rows and columns, in pixels
RANGES = {"left": (0, BOARD - 1), "top": (0, BOARD - 1), "width": (1, BOARD), "height": (1, BOARD)}


class IoUView(View):
    """Boxes a and b on a board of 16 x 16; all traits are in pixels. Keys and pointers set them, too."""

    _esm = esm("iou_explorer.mjs")
    a_left, a_top, a_width, a_height = (traitlets.Int().tag(sync=True) for _ in range(4))
    b_left, b_top, b_width, b_height = (traitlets.Int().tag(sync=True) for _ in range(4))


class IoUExplorer(Explorer):
    """Drag two boxes, or move their sliders, and watch how well they agree.

    A box stays on the board: its left and top count only as far as its width and height leave room.

    Args:
        a: the box A, x1, y1, x2, y2 in whole pixels from 0 to 16.
        b: the box B, likewise.

    Raises:
        ValueError: a box is not four such numbers, or has no width or no height.

    Source:
        Everingham et al. (2010), The Pascal Visual Object Classes Challenge, section 4.2 (the VOC program counts an
        IoU of exactly 0.5 as a hit, as COCO's does); Rezatofighi et al. (2019), Generalized Intersection over Union,
        algorithm 1.

    >>> IoUExplorer(a=(0, 0, 4, 4), b=(2, 0, 6, 4)).summary()
    {'iou': 0.333, 'giou': 0.333}
    """

    def __init__(self, a=(2, 3, 10, 10), b=(6, 5, 14, 13)):
        traits = {**_traits("a", a), **_traits("b", b)}
        super().__init__(IoUView(**traits), {name: _slider(name, value) for name, value in traits.items()})

    def boxes(self):
        """Return the boxes as they stand on the board, a dict of two lists x1, y1, x2, y2 in pixels."""
        boxes = {}
        for box in "ab":
            left, top, width, height = (getattr(self.view, f"{box}_{name}") for name in RANGES)
            x1, y1 = min(left, BOARD - width), min(top, BOARD - height)
            boxes[box] = [x1, y1, x1 + width, y1 + height]
        return boxes

    def summary(self):
        """Return what the picture shows, computed by ``cnnlib.boxes``: iou and giou, rounded to thousandths."""
        a, b = ([box] for box in self.boxes().values())
        return {"iou": round(float(box_iou(a, b)[0, 0]), 3), "giou": round(float(generalized_box_iou(a, b)[0, 0]), 3)}


def _traits(name, box):
    """Return the four traits of a box.

    Raises:
        ValueError: it is no box on the board.
    """
    whole = isinstance(box, (tuple, list)) and len(box) == 4 and all(
        isinstance(number, int) and not isinstance(number, bool) for number in box)
    if not whole or not (0 <= box[0] < box[2] <= BOARD and 0 <= box[1] < box[3] <= BOARD):
        rule = f"{name} must be whole numbers x1, y1, x2, y2 from 0 to {BOARD} with x1 < x2 and y1 < y2"
        raise ValueError(f"IoUExplorer: {rule}, got {box!r}")
    x1, y1, x2, y2 = box
    return {f"{name}_{part}": value for part, value in zip(RANGES, (x1, y1, x2 - x1, y2 - y1), strict=True)}


def _slider(trait, value):
    box, part = trait.split("_")
    low, high = RANGES[part]
    return ipywidgets.IntSlider(value=value, min=low, max=high, description=f"{box.upper()}: {part}")
