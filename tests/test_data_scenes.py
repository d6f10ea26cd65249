"""Scenes, volumes and COCO's files: what is drawn is what is said, and broken files are named."""
import json

import numpy as np
import pytest
from PIL import Image

from cnnlib.data import load_coco, make_scenes, make_volumes, mask_boxes, run_lengths, write_coco
from tests.judge import refused

SCENES = make_scenes(60, seed=3)


def test_boxes_are_tight_around_what_is_seen():
    for boxes, masks in zip(SCENES.boxes, SCENES.masks, strict=True):
        for (x1, y1, x2, y2), mask in zip(boxes.astype(int), masks, strict=True):
            assert mask[y1:y2, x1:x2].sum() == mask.sum() > 0
            assert mask[y1].any() and mask[y2 - 1].any() and mask[:, x1].any() and mask[:, x2 - 1].any()


def test_no_pixel_belongs_to_two_and_the_classes_say_the_same():
    for number, (labels, masks) in enumerate(zip(SCENES.labels, SCENES.masks, strict=True)):
        assert (masks.sum(axis=0) <= 1).all()
        for label, mask in zip(labels, masks, strict=True):
            assert (SCENES.classes[number][mask] == label + 1).all()
        assert (SCENES.classes[number][~masks.any(axis=0)] == 0).all()


def test_scenes_have_several_sizes_numbers_and_hidden_objects():
    counts = {len(boxes) for boxes in SCENES.boxes}
    sides = np.concatenate([boxes[:, 2] - boxes[:, 0] for boxes in SCENES.boxes])
    assert counts == {1, 2, 3, 4, 5} and sides.max() > 3 * sides.min()
    full = [mask.sum() / ((b[2] - b[0]) * (b[3] - b[1])) for boxes, masks, labels in zip(
        SCENES.boxes, SCENES.masks, SCENES.labels, strict=True) for b, mask, label in zip(
            boxes, masks, labels, strict=True) if label == 0]
    assert min(full) < 0.8 and max(full) == 1  # squares that fill their box, and squares that do not


def test_the_same_seed_gives_the_same_scene_and_each_picture_stands_alone():
    again, more, other = make_scenes(3, seed=3), make_scenes(5, seed=3), make_scenes(3, seed=4)
    np.testing.assert_array_equal(again.images, more.images[:3])
    np.testing.assert_array_equal(again.images, SCENES.images[:3])
    assert not np.array_equal(again.images, other.images)


def test_colors_tell_nothing_about_the_class():
    scenes = make_scenes(300, seed=0)
    means = [np.mean([scenes.images[i][:, mask].mean(axis=1) for i, (labels, masks) in enumerate(zip(
        scenes.labels, scenes.masks, strict=True)) for label, mask in zip(labels, masks, strict=True) if label == kind],
        axis=0) for kind in range(4)]
    assert np.ptp(means, axis=0).max() < 0.08


def test_organs_are_small_and_brighter_than_what_is_around():
    volumes = make_volumes(20, seed=1)
    shares = volumes.masks.mean(axis=(1, 2, 3))
    assert (shares > 0.005).all() and (shares < 0.045).all() and set(np.unique(volumes.masks)) == {0, 1}
    for image, mask in zip(volumes.images[:, 0], volumes.masks.astype(bool), strict=True):
        assert image[mask].mean() > image[~mask].mean() + 0.3
        assert (image[~mask] > image[mask].mean()).mean() > 0.001  # a threshold alone does not find it


def test_mask_boxes_of_nothing():
    refused(lambda: mask_boxes(np.zeros((2, 3, 3), bool)), "mask_boxes: masks must have a pixel, got none in row 0")
    refused(lambda: mask_boxes(np.zeros((3, 3))),
            "mask_boxes: masks must be True or False (M, H, W), got float64 (3, 3)")
    assert mask_boxes(np.zeros((0, 3, 3), bool)).shape == (0, 4)


@pytest.mark.parametrize("call, message", [
    (lambda: make_scenes(0), "make_scenes: count must be a whole number of at least 1, got 0"),
    (lambda: make_scenes(1, size=20), "make_scenes: size must be a whole number of at least 32, got 20"),
    (lambda: make_scenes(1, kinds=("dog",)),
     "make_scenes: kinds must be names from square, disc, triangle, cross, got ('dog',)"),
    (lambda: make_volumes(1, noise=2), "make_volumes: noise must be a fraction of 1, got 2"),
    (lambda: make_volumes(1, seed=-1), "make_volumes: seed must be a whole number of at least 0, got -1"),
    (lambda: make_volumes(1, size=2**11), "make_volumes: the images must have at most 1073741824 numbers, got the "
     "shape (1, 1, 2048, 2048, 2048)"),
    (lambda: run_lengths(np.ones((2, 2, 1), bool)),
     "run_lengths: mask must be True or False (H, W), got bool (2, 2, 1)"),
    (lambda: run_lengths([["a"]]), "run_lengths: mask must be True or False (H, W), got <U1 (1, 1)"),
], ids=lambda each: each if isinstance(each, str) else "")
def test_bad_arguments(call, message):
    refused(call, message)


def test_what_is_written_is_read_again(tmp_path):
    scenes = make_scenes(4, seed=9)
    write_coco(tmp_path / "all.json", scenes)
    pictures, names = load_coco(tmp_path / "all.json")
    assert names == scenes.kinds and len(pictures) == 4
    for number, picture in enumerate(pictures):
        np.testing.assert_array_equal(picture.boxes, scenes.boxes[number])
        np.testing.assert_array_equal(picture.labels, scenes.labels[number])
        np.testing.assert_array_equal(picture.masks(), scenes.masks[number])
        pixels = np.asarray(Image.open(picture.file)).transpose(2, 0, 1) / 255
        assert abs(pixels - scenes.images[number]).max() <= 0.5 / 255 + 1e-6


def test_files_read_as_pycocotools_reads_them(tmp_path):
    from pycocotools import mask as judge
    scenes = make_scenes(1, seed=2)
    for mask in scenes.masks[0]:
        packed = judge.encode(np.asfortranarray(mask.astype(np.uint8)))
        plain = judge.frPyObjects({"size": [96, 96], "counts": run_lengths(mask)}, 96, 96)
        assert packed == plain
        content = document(segmentation={"size": [96, 96], "counts": packed["counts"].decode()})
        np.testing.assert_array_equal(read(tmp_path, content)[0][0].masks()[0], mask)
    write_coco(tmp_path / "all.json", scenes)
    for row in json.loads((tmp_path / "all.json").read_text())["annotations"]:
        assert row["area"] == judge.area(judge.frPyObjects(row["segmentation"], 96, 96))


def test_a_mask_that_begins_in_the_corner_and_one_that_ends_there():
    mask = np.array([[True, False], [True, True]])
    assert run_lengths(mask) == [0, 2, 1, 1] and run_lengths(~mask) == [2, 1, 1]
    assert run_lengths(np.ones((2, 2), bool)) == [0, 4] and run_lengths(np.zeros((2, 2), bool)) == [4]
    assert run_lengths(np.zeros((0, 2), bool)) == [0]


def document(**changes):
    """Return a small file's content; the one annotation takes the changes."""
    row = {"id": 5, "image_id": 1, "category_id": 7, "bbox": [1, 2, 10, 20], **changes}
    return {"images": [{"id": 1, "file_name": "a.jpg", "width": 96, "height": 96}],
            "categories": [{"id": 90, "name": "z"}, {"id": 7, "name": "y"}], "annotations": [row]}


def read(folder, content):
    (folder / "a.json").write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return load_coco(folder / "a.json")


def test_ids_with_holes_become_labels_without(tmp_path):
    pictures, names = read(tmp_path, document(category_id=90))
    assert names == ("y", "z") and pictures[0].labels.tolist() == [1]
    assert pictures[0].boxes.tolist() == [[1, 2, 11, 22]] and pictures[0].file == tmp_path / "a.jpg"


def test_crowds_are_left_out_and_pictures_may_be_empty(tmp_path):
    pictures, _ = read(tmp_path, document(iscrowd=1))
    assert pictures[0].boxes.shape == (0, 4) and pictures[0].masks().shape == (0, 96, 96)


def test_polygons_become_masks(tmp_path):
    mask = read(tmp_path, document(segmentation=[[10, 10, 30, 10, 30, 20, 10, 20]]))[0][0].masks()[0]
    assert mask[15, 20] and not mask[25, 20] and mask.sum() == 200
    triangle = read(tmp_path, document(segmentation=[[10, 10, 30, 10, 10, 30]]))[0][0].masks()[0]
    assert triangle.sum() == 19 * 20 / 2 and triangle[10:29, 10:29].sum() == triangle.sum()
    through_centers = [[10, 10.5, 30, 10.5, 30, 20.5, 10, 20.5]]
    mask = read(tmp_path, document(segmentation=through_centers))[0][0].masks()[0]
    assert mask[10:20, 10:30].all() and mask.sum() == 200  # a center on the upper edge is inside, on the lower not


def test_run_lengths_may_begin_inside(tmp_path):
    whole = read(tmp_path, document(segmentation={"size": [96, 96], "counts": [0, 96 * 96]}))[0][0].masks()
    assert whole.all()


def test_an_object_needs_a_segmentation_to_have_a_mask(tmp_path):
    picture = read(tmp_path, document())[0][0]
    refused(picture.masks, "masks: every object must have a segmentation, got one without")


@pytest.mark.parametrize("change, message", [
    ({"bbox": [1, 2, 0, 5]}, "annotations[0] must have a width and a height above 0, got [1, 2, 0, 5]"),
    ({"bbox": [1, 2, 3]}, "annotations[0] must have bbox [x, y, width, height], got [1, 2, 3]"),
    ({"bbox": [1, 2, None, 3]}, "annotations[0] must have bbox [x, y, width, height], got [1, 2, None, 3]"),
    ({"bbox": [90, 2, 10, 5]}, "annotations[0] must lie inside its picture of 96 x 96, got [90, 2, 10, 5]"),
    ({"bbox": "all"}, "annotations[0] must have bbox as list, got 'all'"),
    ({"image_id": 2}, "annotations[0] must have a image_id of the file, got 2"),
    ({"category_id": 1}, "annotations[0] must have a category_id of the file, got 1"),
    ({"id": None}, "annotations[0] must have id as int, got None"),
    ({"segmentation": [[1, 2, 3]]},
     "annotations[0] must have polygons of at least three points, all finite numbers, got [[1, 2, 3]]"),
    ({"segmentation": [["a", 1, 2, 3, 4, 5]]},
     "annotations[0] must have polygons of at least three points, all finite numbers, got [['a', 1, 2, 3, 4, 5]]"),
    ({"segmentation": {"size": [96, 96], "counts": [5]}},
     "annotations[0] must have run lengths that fill its picture, got {'size': [96, 96], 'counts': [5]}"),
    ({"segmentation": {"size": [96, 96], "counts": [9216.0]}},
     "annotations[0] must have run lengths that fill its picture, got {'size': [96, 96], 'counts': [9216.0]}"),
    ({"segmentation": {"size": [96, 96], "counts": [9217, -1]}},
     "annotations[0] must have run lengths that fill its picture, got {'size': [96, 96], 'counts': [9217, -1]}"),
], ids=lambda each: each if isinstance(each, str) else "")
def test_broken_entries_are_named(tmp_path, change, message):
    refused(lambda: read(tmp_path, document(**change)), f"load_coco: {message}")


def test_broken_files(tmp_path):
    refused(lambda: load_coco(tmp_path / "b.json"), f"load_coco: path must be a file, got {tmp_path / 'b.json'}")
    with pytest.raises(ValueError, match=r"^load_coco: a.json must be JSON, got Expecting"):
        read(tmp_path, "{")
    refused(lambda: read(tmp_path, "[]"),
            "load_coco: a.json must be an object with lists of images, annotations and categories, got []")
    twice = document()
    twice["images"] *= 2
    refused(lambda: read(tmp_path, twice), "load_coco: images[1] must have an id of its own, got 1 again")


def test_nothing_is_overwritten(tmp_path):
    scenes = make_scenes(1)
    write_coco(tmp_path / "a.json", scenes)
    refused(lambda: write_coco(tmp_path / "a.json", scenes),
            f"write_coco: path must be new, got {tmp_path / 'a.json'}, which is there already")
    refused(lambda: write_coco(tmp_path / "b.json", scenes),
            f"write_coco: path must be new, got {tmp_path / 'images' / '000000.png'}, which is there already")
    assert not (tmp_path / "b.json").exists()
