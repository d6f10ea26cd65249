"""YOLO's grid over a picture: which cell answers for an object, and what is written into it."""
import ipywidgets
import traitlets

from cnnlib._arguments import all_within, choice
from cnnlib.widgets._esm import esm
from cnnlib.widgets._view import Explorer, View

IMAGE_SIZE = 448  # pixels a side, as in the paper
KINDS = ("person", "ball")
OBJECTS = (  # name, class, box x1, y1, x2, y2 in pixels
    ("person", 0, (90, 60, 250, 420)), ("held ball", 1, (170, 198, 230, 258)),
    ("ball on the ground", 1, (306, 362, 366, 422)))
LIMITS = {"grid_size": (2, 14), "num_boxes": (1, 5), "num_classes": (2, 80)}
DESCRIPTIONS = {"grid_size": "grid size S", "num_boxes": "boxes a cell B", "num_classes": "classes C"}


class YoloGridView(View):
    """A grid over the picture and the numbers of one cell; ``object`` is a place in the list of objects."""

    _esm = esm("yolo_grid.mjs")
    objects = traitlets.List().tag(sync=True)  # {name, kind, at}
    kinds = traitlets.List().tag(sync=True)
    image_size, grid_size, num_boxes, num_classes, object = (traitlets.Int().tag(sync=True) for _ in range(5))


class YoloGrid(Explorer):
    """Lay a grid over a picture and read which cell answers for an object, and with which numbers.

    An object is chosen in the list, by a click on it, or with Tab and Enter.

    Args:
        grid_size: S, cells a side, 2 to 14.
        num_boxes: B, boxes that a cell proposes, 1 to 5.
        num_classes: C, 2 to 80; the person is class 0, a ball is class 1.
        object: "person", "held ball" or "ball on the ground".

    Raises:
        ValueError: a number is outside its range, or there is no such object.

    Source:
        Redmon et al. (2016), You Only Look Once, section 2; the targets are those of
        ``cnnlib.models.yolo.yolo_targets``.

    >>> YoloGrid().summary()["shape"]
    (7, 7, 30)
    """

    def __init__(self, grid_size=7, *, num_boxes=2, num_classes=20, object="person"):
        settings = all_within("YoloGrid", LIMITS, (grid_size, num_boxes, num_classes))
        names = [name for name, _, _ in OBJECTS]
        chosen = choice("YoloGrid", "object", object, names)
        view = YoloGridView(
            objects=[{"name": name, "kind": kind, "at": list(at)} for name, kind, at in OBJECTS], kinds=list(KINDS),
            image_size=IMAGE_SIZE, object=chosen, **settings)
        sliders = {name: ipywidgets.IntSlider(value=value, min=LIMITS[name][0], max=LIMITS[name][1],
                                              description=DESCRIPTIONS[name]) for name, value in settings.items()}
        super().__init__(view, {
            **sliders, "object": ipywidgets.Dropdown(options=names, index=view.object, description="object")})

    def summary(self):
        """Return the sizes and the chosen object's cell.

        Returns:
            A dict: shape (S, S, B · 5 + C) of the output and how many numbers that are, proposals S · S · B, cell
            (row, column) of the object's center, and kept: the name of the object that this cell is trained on.
        """
        view = self.view
        depth, cells = view.num_boxes * 5 + view.num_classes, view.grid_size**2
        row, column = cell(OBJECTS[view.object][2], view.grid_size)
        rivals = [(_area(at), name) for name, _, at in OBJECTS if cell(at, view.grid_size) == (row, column)]
        return {"shape": (view.grid_size, view.grid_size, depth), "numbers": cells * depth,
                "proposals": cells * view.num_boxes, "cell": (row, column), "kept": max(rivals)[1]}


def cell(box, grid_size):
    """Return row and column of the cell in which a box has its center.

    Args:
        box: x1, y1, x2, y2 in pixels of the picture.
        grid_size: S, cells a side.

    >>> cell((90, 60, 250, 420), 7)
    (3, 2)
    """
    x1, y1, x2, y2 = box
    row, column = ((a + b) * grid_size // (2 * IMAGE_SIZE) for a, b in ((y1, y2), (x1, x2)))
    return min(row, grid_size - 1), min(column, grid_size - 1)


def _area(box):
    return (box[2] - box[0]) * (box[3] - box[1])
