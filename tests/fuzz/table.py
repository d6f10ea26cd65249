"""The whole table, and the few public names that are not in it."""
import inspect

from cnnlib import boxes, data, explain, losses, metrics, scratch, shapes
from cnnlib.data import transforms
from tests.fuzz import (
    box_rows,
    data_rows,
    explain_rows,
    loader_rows,
    score_rows,
    scratch_layer_rows,
    scratch_network_rows,
    scratch_plain_rows,
    scratch_window_rows,
    shapes_rows,
    transform_rows,
)

PARTS = {"shapes": shapes, "scratch": scratch, "boxes": boxes, "metrics": metrics, "losses": losses, "explain": explain,
         "data": data, "data.transforms": transforms}
ROWS = {row.name: row for rows in (
    shapes_rows, scratch_plain_rows, scratch_window_rows, scratch_layer_rows, scratch_network_rows, box_rows,
    score_rows, explain_rows, data_rows, transform_rows, loader_rows) for row in rows.ROWS}
RESULT = "made by functions of the table, not by readers"
WITHOUT = {
    "data.load_digits": "it takes no argument", "data.load_text": "it takes no argument",
    "data.write_leaf_contest": "its files are read back in test_data_leaf_contest.py; it draws with draw_leaf",
    "data.write_submission": "its files are read back by score_submission in the table",
    "data.write_coco": "its files are read back by load_coco in the table",
    "scratch.save_weights": "its files are read back by load_weights in the table",
    "data.LeafPictures": "it calls draw_leaf of the table and the transform that it is given",
    "data.CocoPicture": RESULT, "data.Scenes": RESULT, "data.Shapes": RESULT,
    "data.Volumes": RESULT, "shapes.FieldRow": RESULT, "scratch.GradientReport": RESULT,
    "scratch.Layer": "the base of all layers in the table", "scratch.Parameter": "held by the layers in the table",
}


def public_names():
    """Return every public function and class of the parts."""
    names = []
    for part, module in PARTS.items():
        listed = getattr(module, "__all__", None) or [
            name for name, value in vars(module).items() if not name.startswith("_") and getattr(
                value, "__module__", "") == module.__name__]
        names += [f"{part}.{name}" for name in listed if inspect.isfunction(getattr(module, name)) or inspect.isclass(
            getattr(module, name))]
    return names
