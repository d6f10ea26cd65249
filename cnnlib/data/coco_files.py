"""Read and write annotations in COCO's JSON format: boxes, masks and classes of the reader's own pictures."""
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from cnnlib._arrays import as_array


@dataclass(frozen=True, kw_only=True)
class CocoPicture:
    """One picture and what is on it.

    Attributes:
        file: path of the picture.
        size: (height, width), in pixels.
        boxes: (M, 4), x1, y1, x2, y2 in pixels; float64.
        labels: index into the names of the classes, (M,), int64.
        segmentations: what the file says of each object's outline: polygons, run lengths, or None.
    """

    file: Path
    size: tuple
    boxes: np.ndarray
    labels: np.ndarray
    segmentations: tuple

    def masks(self):
        """Return which pixels belong to each object, (M, height, width), bool.

        Raises:
            ValueError: an object has no outline.
        """
        return np.stack([_mask(each, self.size) for each in self.segmentations]) if self.segmentations else np.zeros(
            (0, *self.size), bool)


def load_coco(path, *, images=None):
    """Read a file of annotations, and check all of it.

    Args:
        path: the JSON file; "images", "annotations" and "categories" are read, crowds are left out.
        images: the folder of the pictures; None: the file's own folder. They need not be there.

    Returns:
        A tuple of CocoPicture, in the file's order, and a tuple of the classes' names, by ascending id. The ids of a
        file may have holes, labels never do.

    Raises:
        ValueError: the file is no JSON of this form; the message names the entry and what is wrong with it. A box
            without width or height is refused, not dropped: it is for you to say what becomes of it.

    Source:
        Lin et al. (2014), Microsoft COCO; the format as its authors describe it.
    """
    path = Path(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ValueError(f"load_coco: path must be a file, got {path}") from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(f"load_coco: {path.name} must be JSON, got {error}") from None
    if not isinstance(content, dict) or any(not isinstance(content.get(key), list) for key in (
            "images", "annotations", "categories")):
        got = f"{sorted(content) if isinstance(content, dict) else content!r}"[:80]
        rule = "an object with lists of images, annotations and categories"
        raise ValueError(f"load_coco: {path.name} must be {rule}, got {got}")
    names = {row["id"]: row["name"] for row in _rows(content, "categories", {"id": int, "name": str})}
    places = {category: label for label, category in enumerate(sorted(names))}
    pictures = {row["id"]: row for row in _rows(
        content, "images", {"id": int, "file_name": str, "width": int, "height": int})}
    for row in pictures.values():
        if min(row["width"], row["height"]) < 1:
            raise ValueError(f"load_coco: a picture must have a width and a height of at least 1, got {row['width']} "
                             f"and {row['height']} for {row['file_name']}")
    objects = {picture: [] for picture in pictures}
    rows = _rows(content, "annotations", {"id": int, "image_id": int, "category_id": int, "bbox": list})
    for number, row in enumerate(rows):
        if not row.get("iscrowd"):
            objects.setdefault(row["image_id"], []).append(_object(number, row, pictures, places))
    folder = path.parent if images is None else Path(images)
    return tuple(_picture(folder, row, objects[picture]) for picture, row in pictures.items()), tuple(
        names[category] for category in sorted(names))


def write_coco(path, scenes, *, pictures=True):
    """Write scenes as a file of annotations, with the pictures beside it.

    Args:
        path: the JSON file to write; it must not be there yet.
        scenes: what ``make_scenes`` returns.
        pictures: True writes the pictures as PNG files into the folder ``images`` beside it.

    Raises:
        ValueError: the file is there already, or a picture of that name.
    """
    path = Path(path)
    names = [f"images/{number:06}.png" for number in range(len(scenes.images))]
    there = [each for each in (path, *([path.parent / name for name in names] if pictures else [])) if each.exists()]
    if there:
        raise ValueError(f"write_coco: path must be new, got {there[0]}, which is there already")
    height, width = scenes.images.shape[2:]
    rows = [(picture, label, box, mask) for picture, each in enumerate(zip(
        scenes.labels, scenes.boxes, scenes.masks, strict=True)) for label, box, mask in zip(*each, strict=True)]
    content = {
        "images": [{"id": number, "file_name": name, "width": width, "height": height}
                   for number, name in enumerate(names)],
        "categories": [{"id": number + 1, "name": name} for number, name in enumerate(scenes.kinds)],
        "annotations": [{
            "id": number + 1, "image_id": picture, "category_id": int(label) + 1, "iscrowd": 0, "area": int(mask.sum()),
            "bbox": [float(value) for value in (*box[:2], *(box[2:] - box[:2]))],
            "segmentation": {"size": [height, width], "counts": run_lengths(mask)},
        } for number, (picture, label, box, mask) in enumerate(rows)]}
    path.parent.mkdir(parents=True, exist_ok=True)
    if pictures:
        (path.parent / "images").mkdir(exist_ok=True)
        for name, image in zip(names, scenes.images, strict=True):
            pixels = (image.transpose(1, 2, 0) * 255).round().astype(np.uint8)
            Image.fromarray(pixels).save(path.parent / name)
    path.write_text(json.dumps(content), encoding="utf-8")


def run_lengths(mask):
    """Return how many pixels in a row are out, in, out …, down the columns, as COCO counts them.

    Raises:
        ValueError: mask is no picture (H, W) of True and False or numbers.

    >>> run_lengths(np.array([[True, False], [True, True]]))
    [0, 2, 1, 1]
    """
    mask = as_array(mask)
    if mask.ndim != 2 or mask.dtype.kind not in "biuf":
        raise ValueError(f"run_lengths: mask must be True or False (H, W), got {mask.dtype} {mask.shape}")
    flat = np.concatenate([[False], mask.astype(bool).ravel(order="F"), [False]])
    edges = np.flatnonzero(flat[1:] != flat[:-1])
    lengths = np.diff(np.concatenate([[0], edges, [flat.size - 2]])).tolist()
    return lengths if lengths[-1] or len(lengths) == 1 else lengths[:-1]


def _rows(content, key, fields):
    """Return the entries of a list after checking their fields; ids must differ."""
    ids = set()
    for number, row in enumerate(content[key]):
        for field, kind in fields.items():
            if not isinstance(row, dict) or not isinstance(row.get(field), kind) or isinstance(row[field], bool):
                found = row.get(field) if isinstance(row, dict) else row
                raise ValueError(
                    f"load_coco: {key}[{number}] must have {field} as {kind.__name__}, got {found!r}"[:200])
        if row["id"] in ids:
            raise ValueError(f"load_coco: {key}[{number}] must have an id of its own, got {row['id']} again")
        ids.add(row["id"])
    return content[key]


def _object(number, row, pictures, places):
    """Return label, box and segmentation of one annotation."""
    where = f"load_coco: annotations[{number}]"
    for field, known in (("image_id", pictures), ("category_id", places)):
        if row[field] not in known:
            raise ValueError(f"{where} must have a {field} of the file, got {row[field]}")
    box = row["bbox"]
    if len(box) != 4 or not all(map(_finite, box)):
        raise ValueError(f"{where} must have bbox [x, y, width, height], got {box}")
    x, y, width, height = box
    picture = pictures[row["image_id"]]
    if width <= 0 or height <= 0:
        raise ValueError(f"{where} must have a width and a height above 0, got {box}")
    if x < 0 or y < 0 or x + width > picture["width"] + 0.5 or y + height > picture["height"] + 0.5:
        raise ValueError(f"{where} must lie inside its picture of {picture['width']} x {picture['height']}, got {box}")
    return places[row["category_id"]], (x, y, x + width, y + height), _outline(where, row.get("segmentation"), picture)


def _finite(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and np.isfinite(value)


def _outline(where, outline, picture):
    """Return polygons as tuples of points, run lengths as they are, or None."""
    if outline in (None, []):
        return None
    if isinstance(outline, list):
        if not all(isinstance(each, list) and len(each) >= 6 and len(each) % 2 == 0 and all(map(_finite, each))
                   for each in outline):
            raise ValueError(f"{where} must have polygons of at least three points, all finite numbers, got "
                             f"{outline!r}"[:200])
        return tuple(tuple(map(float, each)) for each in outline)
    counts = outline.get("counts") if isinstance(outline, dict) else None
    if isinstance(counts, str):
        counts = _decompressed(counts)
    size = [picture["height"], picture["width"]]
    whole = isinstance(counts, list) and all(isinstance(each, int) and each >= 0 for each in counts)
    if not whole or outline.get("size") != size or sum(counts) != size[0] * size[1]:
        raise ValueError(f"{where} must have run lengths that fill its picture, got {outline!r}"[:200])
    return {"counts": counts}


def _decompressed(text):
    """Return the run lengths of COCO's compressed text: 5 bits a character, from the fourth number on differences."""
    counts, value, shift = [], 0, 0
    for char in text:
        bits = ord(char) - 48
        value |= (bits & 31) << shift
        shift += 5
        if not bits & 32:  # the last character of this number
            value -= (1 << shift) if bits & 16 else 0
            counts.append(value + (counts[-2] if len(counts) > 2 else 0))
            value, shift = 0, 0
    return counts


def _picture(folder, row, objects):
    labels, boxes, segmentations = zip(*objects, strict=True) if objects else ((), (), ())
    return CocoPicture(
        file=folder / row["file_name"], size=(row["height"], row["width"]), labels=np.array(labels, dtype=np.int64),
        boxes=np.array(boxes, dtype=float).reshape(-1, 4), segmentations=tuple(segmentations))


def _mask(outline, size):
    if outline is None:
        raise ValueError("masks: every object must have a segmentation, got one without")
    if isinstance(outline, dict):
        inside = np.arange(len(outline["counts"])) % 2 == 1
        return np.repeat(inside, outline["counts"]).reshape(size, order="F")
    return np.any([_inside(each, size) for each in outline], axis=0)


def _inside(polygon, size):
    """Return which pixels have their center inside a polygon x1, y1, x2, y2, …, (height, width), bool."""
    y, x = np.mgrid[:size[0], :size[1]] + 0.5
    points, inside = np.reshape(polygon, (-1, 2)), np.zeros(size, bool)
    for (x1, y1), (x2, y2) in zip(points, np.roll(points, -1, axis=0), strict=True):
        if y1 != y2:
            inside ^= ((y1 > y) != (y2 > y)) & (x < x1 + (y - y1) * (x2 - x1) / (y2 - y1))
    return inside
