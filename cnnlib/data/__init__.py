"""Small data sets that are in the box or made from a seed; origin and license of each stand in files/LICENSES.md."""
from cnnlib.data import transforms
from cnnlib.data.digits import load_digits, stratified_split
from cnnlib.data.idx import load_idx, load_mnist
from cnnlib.data.leaf_contest import LeafContest
from cnnlib.data.leaf_contest_files import score_submission, write_leaf_contest, write_submission
from cnnlib.data.leaves import LEAF_NAMES, LeafPictures, draw_leaf
from cnnlib.data.pictures import load_picture
from cnnlib.data.sequences import load_text, make_sound
from cnnlib.data.simple_shapes import Shapes, make_shapes

__all__ = [
    "LEAF_NAMES", "LeafContest", "LeafPictures", "Shapes", "draw_leaf", "load_digits", "load_idx", "load_mnist",
    "load_picture", "load_text", "make_shapes", "make_sound", "score_submission", "stratified_split", "transforms",
    "write_leaf_contest", "write_submission",
]
