"""Small data sets that are in the box or made from a seed; origin and license of each stand in files/LICENSES.md."""
from cnnlib.data import transforms
from cnnlib.data.coco_files import CocoPicture, load_coco, run_lengths, write_coco
from cnnlib.data.digits import load_digits, stratified_split
from cnnlib.data.idx import load_idx, load_mnist
from cnnlib.data.leaf_contest import LeafContest
from cnnlib.data.leaf_contest_files import score_submission, write_leaf_contest, write_submission
from cnnlib.data.leaves import LEAF_NAMES, LeafPictures, draw_leaf
from cnnlib.data.pictures import load_picture
from cnnlib.data.scenes import Scenes, make_scenes, mask_boxes
from cnnlib.data.sequences import load_text, make_sound
from cnnlib.data.simple_shapes import Shapes, make_shapes
from cnnlib.data.volumes import Volumes, make_volumes

__all__ = [
    "LEAF_NAMES", "CocoPicture", "LeafContest", "LeafPictures", "Scenes", "Shapes", "Volumes", "draw_leaf", "load_coco",
    "load_digits", "load_idx", "load_mnist", "load_picture", "load_text", "make_scenes", "make_shapes", "make_sound",
    "make_volumes", "mask_boxes", "run_lengths", "score_submission", "stratified_split", "transforms", "write_coco",
    "write_leaf_contest", "write_submission",
]
