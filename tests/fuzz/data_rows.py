"""cnnlib.data: what is drawn keeps its promises, pictures change as PyTorch or plain indexing says."""
import numpy as np
from hypothesis import strategies as st

from cnnlib import data
from cnnlib.data import transforms
from tests.fuzz.row import Call, Row
from tests.fuzz.values import call

COUNT, SEED = st.integers(1, 3), st.integers(0, 99)
KINDS = st.sampled_from([("square", "disc"), ["cross"], ("square", "disc", "triangle", "cross")])
NOISE = st.sampled_from([0.05, 0.0, 1.0])


@st.composite
def images(draw, channels=(1, 3), kinds=("u1", "f4", "f8")):
    """Draw a picture, bytes or fractions of 1."""
    shape = (draw(st.sampled_from(channels)), draw(st.integers(1, 9)), draw(st.integers(1, 9)))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    kind = draw(st.sampled_from(kinds))
    return rng.integers(0, 256, shape).astype(kind) if kind == "u1" else rng.random(shape).astype(kind)


@st.composite
def windows(draw, *names, **options):
    """Draw a picture and a window inside it."""
    image = draw(images())
    rows, cols = image.shape[1:]
    top, left = draw(st.integers(0, rows - 1)), draw(st.integers(0, cols - 1))
    place = (top, left, draw(st.integers(1, rows - top)), draw(st.integers(1, cols - left)))
    drawn = {name: draw(each) for name, each in options.items()}
    return Call(args={"image": image, **dict(zip(names, place, strict=True)), **drawn})


def erased(image, i, j, h, w, v):
    """Return a copy with one value in the window."""
    copy = np.array(image)
    copy[:, i:i + h, j:j + w] = v
    return copy


@st.composite
def paddings(draw):
    """Draw a picture and what is added around it."""
    image = draw(images())
    mode = draw(st.sampled_from(["constant", "edge", "reflect", "symmetric"]))
    most = min(image.shape[1:]) - (mode == "reflect") if mode in ("reflect", "symmetric") else 3
    each = st.integers(0, most)
    padding = draw(st.one_of(each, st.tuples(each, each), st.tuples(each, each, each, each)))
    return Call(args={"image": image, "padding": padding}, options={"fill": draw(st.sampled_from([0, 1, 200])) if (
        image.dtype == np.uint8) else 0.5, "padding_mode": mode})


def padded(image, padding, *, fill=0, padding_mode="constant"):
    """Take every pixel from where the mode says that it comes from."""
    left, top, right, bottom = [padding] * 4 if np.ndim(padding) == 0 else [*padding, *padding][:4]
    for axis, before, after in ((1, top, bottom), (2, left, right)):
        size = image.shape[axis]
        at = np.arange(-before, size + after)
        mirror = {"reflect": 0, "symmetric": 1}.get(padding_mode)
        low, high = (at.clip(0), at.clip(max=size - 1)) if mirror is None else (
            -at - mirror, 2 * size - 2 - at + mirror)
        source = np.where(at < 0, low, np.where(at >= size, high, at)).clip(0, size - 1)
        image = np.take(image, source, axis=axis)
        if padding_mode == "constant":
            outside = (at < 0) | (at >= size)
            image = np.where(outside[:, None] if axis == 1 else outside, np.asarray(fill).astype(image.dtype), image)
    return image


def resized(result, image, size, *, antialias=True):
    """Assert size and type, that no new extremes come up, and that an even picture stays even."""
    rows, cols = image.shape[1:]
    if isinstance(size, (tuple, list)):
        wanted = tuple(size)
    else:
        wanted = (size, int(size * cols / rows)) if rows <= cols else (int(size * rows / cols), size)
    assert result.dtype == image.dtype and result.shape == (len(image), *wanted), f"{result.dtype} {result.shape}"
    if np.isfinite(image).all() and np.abs(image).max() < 1e6:
        assert result.min() >= image.min() - 1e-4 and result.max() <= image.max() + 1e-4, "new extremes"
        even = transforms.resize(np.full_like(image, image.flat[0]), size, antialias=antialias)
        assert np.allclose(even, image.flat[0], rtol=1e-5), "an even picture must stay even"


def shaded(function):
    """Return a judge of bytes and fractions from a function of the picture as float64 and the factor."""
    def check(result, image, factor):
        most = 255 if image.dtype == np.uint8 else 1
        assert result.dtype == image.dtype and result.shape == image.shape
        right = np.clip(function(image.astype(float), float(factor)), 0, most)
        assert (np.abs(result - right) <= (2 if most == 255 else 1e-4) * max(1, float(factor))).all(), "another color"
    return check


def gray(image):
    """Return what people see of the colors."""
    return image if len(image) == 1 else np.tensordot((0.2989, 0.587, 0.114), image, axes=1)[None]


def split(result, labels, *, test_fraction, seed):
    """Assert that each index is in one part, and that each class gives its share."""
    train, test = result
    assert sorted([*train, *test]) == list(range(len(labels))), "an index is lost or twice"
    labels = np.asarray(labels)
    for label in np.unique(labels):
        members = labels == label
        assert members[test].sum() == round(test_fraction * members.sum()), "not the share of the class"


def run(mask):
    """Count runs pixel by pixel, down the columns; the first run is one of pixels outside."""
    runs, inside = [0], False
    for pixel in np.asarray(mask).T.ravel().astype(bool):
        if pixel != inside:
            runs, inside = [*runs, 0], not inside
        runs[-1] += 1
    return runs


def box_around(masks):
    """Look at the places of each mask's pixels."""
    boxes = [[cols.min(), rows.min(), cols.max() + 1, rows.max() + 1]
             for rows, cols in map(np.nonzero, np.array(masks))]
    return np.array(boxes, float).reshape(-1, 4)


def of_shapes(result, count, *, size, kinds, **options):
    """Assert the shapes, types and ranges that are promised."""
    assert result.images.shape == (count, 1, size, size) and result.images.dtype == np.float64
    assert 0 <= result.images.min() and result.images.max() <= 1 and result.positions.shape == (count, 2)
    assert result.labels.tolist() == [n % len(kinds) for n in range(count)] and result.kinds == tuple(kinds)


def of_scenes(result, count, *, size, kinds, **options):
    """Assert the shapes that are promised, that each box is its mask's, and that masks do not overlap."""
    assert result.images.shape == (count, 3, size, size) and result.images.dtype == np.float32
    for boxes, labels, masks in zip(result.boxes, result.labels, result.masks, strict=True):
        assert np.array_equal(boxes, box_around(masks)) and masks.sum(axis=0).max(initial=0) <= 1
        assert len(boxes) == len(labels) and set(labels.tolist()) <= set(range(len(kinds)))


def of_volumes(result, count, *, size, **options):
    """Assert the shapes that are promised and that there is an organ."""
    assert result.images.shape == (count, 1, size, size, size) and result.images.dtype == np.float32
    assert result.masks.shape == (count, size, size, size) and result.masks.any(axis=(1, 2, 3)).all()


def of_sound(result, *, seconds, rate, seed):
    """Assert length and range."""
    samples, named = result
    assert named == rate and samples.shape == (round(seconds * rate),) and np.abs(samples).max() <= 1


def of_leaf(result, label, *, seed, index, size):
    """Assert shape and type, and that the same arguments draw the same leaf."""
    assert result.shape == (3, size, size) and result.dtype == np.uint8
    assert np.array_equal(result, data.draw_leaf(label, seed=seed, index=index, size=size))


def normalized(image, mean, std):
    """Center each channel."""
    columns = (np.asarray(each, float)[:, None, None].astype(image.dtype) for each in (mean, std))
    mean, std = columns
    return (image - mean) / std


def row(name, calls, right=None, check=None, **more):
    """Return a row of cnnlib.data or its transforms."""
    part, function = ("data", getattr(data, name)) if hasattr(data, name) else (
        "data.transforms", getattr(transforms, name))
    return Row(name=f"{part}.{name}", function=function, calls=calls, right=right, check=check, **more)


MASKS = st.tuples(st.integers(0, 3), st.integers(1, 5), st.integers(1, 5), SEED).map(
    lambda n: np.random.default_rng(n[3]).random(n[:3]) < 0.5).filter(lambda masks: masks.any(axis=(1, 2)).all())
LABELS = st.tuples(st.integers(1, 3), st.integers(4, 8), SEED).map(
    lambda n: np.random.default_rng(n[2]).permutation(np.repeat(np.arange(n[0]), n[1])))
SIDE = st.integers(1, 9)
FACTOR = st.sampled_from([1, 0, 0.5, 2.0])
PICTURE = call({"image": images()})
NORMAL = st.tuples(images(kinds=("f4", "f8")), SEED).map(lambda pair: Call(args={
    "image": pair[0], "mean": np.random.default_rng(pair[1]).random(len(pair[0])).tolist(),
    "std": (np.random.default_rng(pair[1]).random(len(pair[0])) + 0.1).tolist()}))
ROWS = [
    row("make_shapes", call({"count": COUNT}, size=st.integers(12, 16), seed=SEED, kinds=KINDS, texture=st.booleans(),
                            position=st.sampled_from(["anywhere", "center"]), noise=NOISE), check=of_shapes),
    row("make_scenes", call({"count": COUNT}, size=st.integers(32, 36), seed=SEED, most=st.integers(1, 4), kinds=KINDS,
                            noise=NOISE), check=of_scenes, tame=("most",)),
    row("make_volumes", call({"count": st.integers(1, 2)}, size=st.integers(16, 18), seed=SEED, noise=NOISE),
        check=of_volumes),
    row("make_sound", call({}, seconds=st.sampled_from([0.01, 0.5, 1]), rate=st.sampled_from([2000, 8000]), seed=SEED),
        check=of_sound),
    row("draw_leaf", call({"label": st.integers(0, 175)}, seed=SEED, index=SEED, size=st.integers(16, 24)),
        check=of_leaf),
    row("load_picture", call({"name": st.sampled_from(["cat", "pattern"])}),
        check=lambda result, name: result.shape == (96, 96) or wrong(result.shape)),
    row("stratified_split", call({"labels": LABELS}, test_fraction=st.sampled_from([0.5, 0.25]), seed=SEED),
        check=split),
    row("run_lengths", call({"mask": st.tuples(st.integers(1, 6), st.integers(1, 6), SEED).map(
        lambda n: np.random.default_rng(n[2]).random(n[:2]) < 0.5)}), run),
    row("mask_boxes", call({"masks": MASKS}), box_around),
    row("crop", windows("top", "left", "height", "width"),
        lambda image, top, left, height, width: image[:, top:top + height, left:left + width]),
    row("erase", windows("i", "j", "h", "w", v=st.sampled_from([0, 1, 0.5])), erased),
    row("center_crop", images().flatmap(lambda image: st.tuples(
        st.integers(1, image.shape[1]), st.integers(1, image.shape[2])).map(
            lambda size: Call(args={"image": image, "size": size}))),
        check=lambda result, image, size: result.shape[1:] == tuple(np.broadcast_to(size, 2)) or wrong(result.shape),
        says=("crop",)),
    row("hflip", PICTURE, lambda image: np.stack([each[:, ::-1] for each in image])),
    row("pad", paddings(), padded),
    row("resize", call({"image": images(), "size": st.one_of(SIDE, st.tuples(SIDE, SIDE))}, antialias=st.booleans()),
        check=resized),
    row("adjust_brightness", call({"image": images(), "brightness_factor": FACTOR}), check=shaded(lambda x, f: x * f)),
    row("adjust_contrast", call({"image": images(), "contrast_factor": FACTOR}),
        check=shaded(lambda x, f: x * f + gray(x).mean() * (1 - f))),
    row("adjust_saturation", call({"image": images(), "saturation_factor": FACTOR}),
        check=shaded(lambda x, f: x * f + gray(x) * (1 - f) if len(x) > 1 else x)),
    row("convert_image_dtype", PICTURE, lambda image: (image / np.float32(255)).astype(np.float32) if (
        image.dtype == np.uint8) else np.array(image)),
    row("normalize", NORMAL, normalized),
]


def wrong(value):
    """Say in a check what is wrong."""
    raise AssertionError(value)
