"""Pictures with boxes around their objects, and with the class of each pixel beside them."""
import numpy as np
from matplotlib import patheffects, rc_context
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle

from cnnlib.plots.picture import INK, LINE, LINES, PIXELS, STYLE, WIDTH, Picture, canvas, check_alt, numbers
from cnnlib.plots.picture import text_width as measure

THERE, FOUND = "white", "#ffd84d"  # solid and dashed, both with a dark edge: seen on every ground and in gray
GAP, TAG, TITLE, LINE_HEIGHT = 10, 20, 26, 20  # CSS pixels
PALE = 0.12  # how much of a picture shines through the ground of its map


@rc_context(STYLE)
def show_boxes(images, boxes, *, alt, labels=None, kinds=None, found=None, titles=None):
    """Draw pictures, two in a row, with a solid box around what is there and a dashed one around what was found.

    Args:
        images: (N, 3, H, W), fractions of 1.
        boxes: N arrays (M, 4) of what is there, x1, y1, x2, y2 in pixels; an array may be empty.
        alt: a sentence of at least 40 characters that says what the picture shows.
        labels: N arrays (M,) of classes: each solid box gets a letter, and below stands what it is; None: no words.
        kinds: names of the classes, needed with ``labels`` or ``found``.
        found: N arrays (K, 6) of detections, x1, y1, x2, y2, score, class: each dashed box gets a letter, and class
            and score stand below.
        titles: N short titles above the pictures, or None.

    Returns:
        A Picture whose data are "boxes" and "found", a list of arrays each.

    Raises:
        ValueError: no alt text, shapes that do not fit, labels and found at once, or a class without a name.

    >>> there, found = [np.array([[1, 1, 5, 5]])], [np.array([[1, 2, 5, 6, 0.9, 0]])]
    >>> picture = show_boxes(np.zeros((1, 3, 8, 8)), there, found=found, kinds=["disc"],
    ...                      alt="A box around a disc, and a dashed one that lies a pixel lower.")
    >>> picture.data["found"][0].tolist()
    [[1.0, 2.0, 5.0, 6.0, 0.9, 0.0]]
    """
    alt, images = check_alt("show_boxes", alt), _images("show_boxes", images)
    if labels is not None and found is not None:
        raise ValueError("show_boxes: words must be those of labels or of found, got both")
    boxes = _listed("show_boxes", "boxes", boxes, len(images), columns=4)
    found = _listed("show_boxes", "found", [()] * len(images) if found is None else found, len(images), columns=6)
    words = [[f"{_kind(kinds, row[5])} {row[4]:.2f}" for row in each] for each in found]
    if labels is not None:
        labels = [np.asarray(each) for each in labels]
        if [each.shape for each in labels] != [each.shape[:1] for each in boxes]:
            raise ValueError(f"show_boxes: labels must be one a box, got {[each.shape for each in labels]}")
        words = [[_kind(kinds, label) for label in each] for each in labels]
    if max(map(len, words)) > 26:
        raise ValueError(f"show_boxes: boxes with words must be at most 26 a picture, got {max(map(len, words))}")
    figure, axes, spots = _sheet("show_boxes", images, 2, titles, lines=[len(each) for each in words])
    for image, (x, y, side, height), there, seen, names in zip(images, spots, boxes, found, words, strict=True):
        scale = side / image.shape[1]
        _paint(axes, image, x, y, side, height)
        for corners, color, dash in [*((b, THERE, "-") for b in there), *((b, FOUND, (0, (4, 2))) for b in seen)]:
            _box(axes, x + corners[0] * scale, y + corners[1] * scale, x + corners[2] * scale, y + corners[3] * scale,
                 color=color, dash=dash)
        named = there if labels is not None else seen
        _write(axes, names, named[:, :4] * scale, (x, y, side, height))
    return Picture(figure, alt=alt, data={"boxes": boxes, "found": found})


@rc_context(STYLE)
def show_masks(images, masks, *, alt, kinds=None, titles=None):
    """Draw pictures in rows, each beside one or more maps of its pixels' classes, and a legend of the classes.

    Args:
        images: (N, 3, H, W), fractions of 1.
        masks: (N, H, W), whole numbers from 0, the ground; or a dict title -> such maps, at most three.
        alt: a sentence of at least 40 characters that says what the picture shows.
        kinds: names of the classes 1, 2, …, at most four, or None for one class and no legend.
        titles: N short titles of the rows, or None.

    Returns:
        A Picture whose data are the maps by title; the title of a single array is "classes".

    Raises:
        ValueError: no alt text, shapes that do not fit, more than three maps, or a class without a name.

    >>> maps = np.zeros((1, 8, 8), int)
    >>> maps[0, 2:4, 2:6] = 1
    >>> show_masks(np.zeros((1, 3, 8, 8)), maps, alt="A black picture, and the eight pixels of a bar in it.",
    ...            kinds=["bar"]).data["classes"].shape
    (1, 8, 8)
    """
    alt, images = check_alt("show_masks", alt), _images("show_masks", images)
    maps = dict(masks) if isinstance(masks, dict) else {"classes": masks}
    if not 1 <= len(maps) <= 3:
        raise ValueError(f"show_masks: masks must be one to three maps, got {len(maps)}")
    data = {title: _maps("show_masks", repr(title), each, images, kinds) for title, each in maps.items()}
    columns = 1 + len(data)
    heads = ["picture", *data] if titles is None else None
    cells = [part for number, image in enumerate(images)
             for part in (image, *(_colored(image, each[number]) for each in data.values()))]
    names = [head if number == 0 else "" for number in range(len(images)) for head in heads] if heads else [
        word for title in _titles("show_masks", titles, len(images)) for word in (title, *data)]
    figure, axes, spots = _sheet("show_masks", cells, columns, names, legend=["ground", *kinds] if kinds else ())
    for cell, spot in zip(cells, spots, strict=True):
        _paint(axes, cell, *spot)
    return Picture(figure, alt=alt, data=data)


def _images(function, images):
    """Return images as (N, 3, H, W), fractions of 1."""
    images = numbers(function, "images", images, dims=(4,))
    if images.shape[1] != 3 or images.min() < 0 or images.max() > 1:
        raise ValueError(f"{function}: images must be fractions of 1, (N, 3, H, W), got {images.shape} from "
                         f"{images.min():.4g} to {images.max():.4g}")
    return images


def _listed(function, name, rows, count, *, columns):
    """Return a list of count float arrays (M, columns)."""
    rows = [np.asarray(each, float) for each in rows]
    rows = [each.reshape(0, columns) if each.size == 0 else each for each in rows]
    if len(rows) != count or any(each.ndim != 2 or each.shape[1] != columns for each in rows):
        raise ValueError(f"{function}: {name} must be {count} arrays (M, {columns}), got "
                         f"{[each.shape for each in rows]}")
    return rows


def _maps(function, name, maps, images, kinds):
    """Return maps as whole numbers (N, H, W) that all have a name."""
    maps, most = numbers(function, name, maps, dims=(3,)), len(kinds) if kinds else 1
    if maps.shape != (len(images), *images.shape[2:]) or maps.dtype.kind not in "biu":
        raise ValueError(f"{function}: {name} must be whole numbers {(len(images), *images.shape[2:])}, got "
                         f"{maps.dtype} {maps.shape}")
    if most > len(LINES):
        raise ValueError(f"{function}: kinds must be at most {len(LINES)}, got {most}")
    if maps.min() < 0 or maps.max() > most:
        raise ValueError(f"{function}: {name} must hold classes from 0 to {most}, got {maps.min()} to {maps.max()}")
    return maps.astype(np.int64)


def _kind(kinds, label):
    if not kinds or not 0 <= int(label) < len(kinds):
        raise ValueError(f"show_boxes: kinds must name each class, got {kinds!r} and class {int(label)}")
    return str(kinds[int(label)])


def _titles(function, titles, count):
    titles = [""] * count if titles is None else [str(title) for title in titles]
    if len(titles) != count:
        raise ValueError(f"{function}: titles must be {count}, got {len(titles)}")
    return titles


def _colored(image, classes):
    """Return the map as a picture (3, H, W): flat colors, the gray picture shining faintly through the ground."""
    colored = np.repeat(1 - PALE + PALE * image.mean(axis=0, keepdims=True), 3, axis=0)
    for number, color in enumerate(LINES, start=1):
        colored[:, classes == number] = np.array(to_rgb(color))[:, None]
    return colored


def _sheet(function, cells, columns, titles, *, lines=(), legend=()):
    """Return a figure, its axes and each cell's left, top, width and height in CSS pixels; lines of words follow it."""
    titles = _titles(function, titles, len(cells))
    columns = min(columns, len(cells))
    side = min(190, (WIDTH - GAP * (columns + 1)) / columns)
    height = side * cells[0].shape[1] / cells[0].shape[2]
    for title in titles:
        if measure(title) > side + GAP - 4:
            raise ValueError(f"{function}: titles must fit {side:.0f} pixels, got {title!r}")
    tops, top = [], 0
    for first in range(0, len(cells), columns):
        top += TITLE if any(titles[first:first + columns]) else GAP
        tops.append(top)
        top += height + LINE_HEIGHT * max(lines[first:first + columns], default=0)
    width = round(columns * (side + GAP) + GAP)
    legend = _legend_lines(legend, width)
    figure, axes = canvas(width, round(top + GAP + TITLE * len(legend)))
    spots = [(GAP + (at % columns) * (side + GAP), tops[at // columns], side, height) for at in range(len(cells))]
    for title, (x, y, _, _) in zip(titles, spots, strict=True):
        axes.text(x + side / 2, y - 8, title, ha="center", va="baseline")
    for line, words in enumerate(legend):
        _legend(axes, words, top + GAP + TITLE * line)
    return figure, axes, spots


def _legend_lines(names, width):
    """Return lists of (number, name, left): as many lines as the names need."""
    lines, left = [], width
    for number, name in enumerate(names):
        needed = measure(name) + 40
        if left + needed > width:
            lines.append([])
            left = GAP
        lines[-1].append((number, name, left))
        left += needed
    return lines


def _legend(axes, words, y):
    for number, name, x in words:
        color = str(1 - PALE / 2) if number == 0 else LINES[number - 1]
        axes.add_patch(Rectangle((x, y), 18, 18, facecolor=color, edgecolor=LINE, linewidth=0.75))
        axes.text(x + 24, y + 9 + 0.36 * PIXELS, name, ha="left", va="baseline")


def _paint(axes, image, x, y, width, height):
    axes.imshow(image.transpose(1, 2, 0), interpolation="nearest", extent=(x, x + width, y + height, y), aspect="auto",
                clip_on=False)
    axes.add_patch(Rectangle((x, y), width, height, fill=False, edgecolor=LINE, linewidth=0.75))
    axes.set(xlim=(0, axes.figure.get_figwidth() * 96), ylim=(axes.figure.get_figheight() * 96, 0))


def _box(axes, x1, y1, x2, y2, *, color, dash):
    edge = [patheffects.withStroke(linewidth=3, foreground=INK)]
    for style, effects in (("-", edge), (dash, None)):  # the dark edge is not dashed
        axes.add_patch(Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, edgecolor=INK if effects else color,
                                 linewidth=1.5, linestyle=style, path_effects=effects))


def _write(axes, words, boxes, frame):
    """Put a letter as near to each box as the other letters allow, and the list of letters and words below."""
    x, y, width, height = frame
    left, top = (each.ravel() for each in np.meshgrid(np.arange(0, width - TAG + 1, 2), np.arange(0, height - TAG, 2)))
    places = np.stack([left, top, left + TAG, top + TAG], axis=1)
    taken = np.zeros((0, 4))
    for number, (word, box) in enumerate(zip(words, boxes, strict=True)):
        crossed = np.minimum(places[:, None, 2:], taken[:, 2:]) - np.maximum(places[:, None, :2], taken[:, :2])
        shared = np.maximum(crossed, 0).prod(axis=2).sum(axis=1)
        best = np.lexsort((np.hypot(left - box[0] + TAG / 2, top - box[1] + TAG / 2), shared))[0]
        taken = np.append(taken, places[best:best + 1], axis=0)
        letter, corner = chr(ord("A") + number), (x + left[best], y + top[best])
        axes.add_patch(Rectangle(corner, TAG, TAG, facecolor="white", edgecolor=INK, linewidth=0.75))
        axes.text(corner[0] + TAG / 2, corner[1] + TAG / 2 + 0.36 * PIXELS, letter, ha="center", va="baseline")
        axes.text(x, y + height + LINE_HEIGHT * (number + 1) - 2, f"{letter}  {word}", ha="left", va="baseline")
