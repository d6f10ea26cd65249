"""Transforms that remember their options: each is the plain function, or a draw that keeps its promises."""
import numpy as np
from hypothesis import strategies as st

from cnnlib.data import transforms
from tests.fuzz.data_rows import FACTOR, NORMAL, SEED, SIDE, images
from tests.fuzz.row import Call, Row, Unjudged
from tests.fuzz.values import call

SIZES = st.one_of(SIDE, st.tuples(SIDE, SIDE))
SCALE = st.sampled_from([(0.08, 1.0), (0.25, 0.25), (0.5, 0.9)])
RATIO = st.sampled_from([(0.75, 4 / 3), (1, 1), (0.1, 10)])
FLOATS = ("f4", "f8")


def plain(name, options):
    """Return the row of a transform that calls the function of the same name in lower case."""
    kind, function = getattr(transforms, name), getattr(transforms, options.pop("function"))
    return Row(name=f"data.transforms.{name}", function=lambda image, *given, **more: kind(*given, **more)(image),
               right=function, says=(function.__name__, "crop"), **options)


def drawn(name, calls, check, says=()):
    """Return the row of a transform that draws random numbers; its generator comes from the argument seed."""
    kind = getattr(transforms, name)

    def checked(result, image, **options):
        check(result, finite(image), **options)

    def function(image, *, seed, **options):
        return kind(**options, rng=np.random.default_rng(seed))(image)

    return Row(name=f"data.transforms.{name}", function=function, calls=calls, check=checked, says=says, held=("seed",))


def finite(image):
    """Return a picture as an array.

    Raises:
        Unjudged: it holds something that is no number.
    """
    if not np.isfinite(image).all():
        raise Unjudged
    return np.asarray(image)


def composed(image, *steps):
    """Call functions one after the other."""
    for step in steps:
        image = step(image)
    return image


def cropped(result, image, *, size, padding, seed):
    """Assert that the result is a window of the padded picture."""
    image = np.pad(image, ((0, 0), (padding, padding), (padding, padding)))
    size = tuple(np.broadcast_to(size, 2))
    assert result.dtype == image.dtype and result.shape[1:] == size
    windows = np.lib.stride_tricks.sliding_window_view(image, size, axis=(1, 2))
    assert (windows == result[:, None, None]).all(axis=(0, 3, 4)).any(), "no window of the picture"


def scaled(result, image, *, size, scale, ratio, seed):
    """Assert size, type and range."""
    assert result.dtype == image.dtype and result.shape == (len(image), *np.broadcast_to(size, 2))
    assert image.min() - 1e-4 <= result.min() and result.max() <= image.max() + 1e-4, "new extremes"


def flipped(result, image, *, p, seed):
    """Assert that it is the picture or its mirror image, always the one or the other where p says so."""
    found = {turned for turned, each in ((0, image), (1, image[..., ::-1])) if np.array_equal(result, each)}
    assert found and (p not in (0, 1) or p in found), found


def jittered(result, image, *, seed, **amounts):
    """Assert shape, type and range, and that no amount changes nothing."""
    assert result.dtype == image.dtype and result.shape == image.shape
    assert result.min() >= 0 and result.max() <= (255 if image.dtype == np.uint8 else 1)
    assert any(amounts.values()) or np.array_equal(result, image)


def erased(result, image, *, p, scale, ratio, value, seed):
    """Assert that what changed is a whole window of one value."""
    assert result.dtype == image.dtype and result.shape == image.shape
    rows, cols = np.nonzero((result != image).any(axis=0))
    assert p > 0 or not len(rows)
    if len(rows):
        window = result[:, rows.min():rows.max() + 1, cols.min():cols.max() + 1]
        assert (window == np.asarray(value, image.dtype)).all(), "not one value"


def mixed(result, images, *, labels, num_classes, alpha, seed):
    """Assert shapes and types, and that each picture and its label are mixed in the same shares."""
    (batch, shares), images = result, finite(images)
    assert batch.shape == images.shape and batch.dtype == images.dtype and shares.shape == (len(images), num_classes)
    assert np.allclose(shares.sum(axis=1), 1) and shares.dtype == np.float32
    whole = np.eye(num_classes)[labels]
    before, others = np.roll(images, 1, axis=0), np.roll(whole, 1, axis=0)
    for n in np.nonzero((whole != others).any(axis=1))[0]:
        share = shares[n, labels[n]]
        assert np.allclose(batch[n], share * images[n] + (1 - share) * before[n], atol=1e-5), "other shares"


@st.composite
def crops(draw):
    """Draw a picture and a window that the padded picture holds."""
    image, padding = draw(images()), draw(st.integers(0, 2))
    size = tuple(draw(st.integers(1, side + 2 * padding)) for side in image.shape[1:])
    return Call(args={"image": image}, options={"size": size, "padding": padding, "seed": draw(SEED)})


@st.composite
def batches(draw):
    """Draw pictures and their labels."""
    count, classes, seed = draw(st.integers(1, 4)), draw(st.integers(2, 4)), draw(SEED)
    rng = np.random.default_rng(seed)
    images = rng.random((count, 2, 3, 3)).astype(draw(st.sampled_from(FLOATS)))
    return Call(args={"images": images}, options={
        "labels": rng.integers(0, classes, count), "num_classes": classes, "seed": seed,
        "alpha": draw(st.sampled_from([1.0, 0.2, 5]))})


def mix(images, *, labels, seed, **options):
    """Mix up a batch."""
    return transforms.MixUp(**options, rng=np.random.default_rng(seed))(images, labels)


def option(values):
    """Return a strategy of a picture with a seed and drawn options."""
    return call({"image": images()}, seed=SEED, **values)


STEPS = st.sampled_from([transforms.hflip, transforms.convert_image_dtype, transforms.ConvertImageDtype()])
MIDDLE = images().flatmap(lambda image: st.integers(1, min(image.shape[1:])).map(
    lambda size: Call(args={"image": image, "size": size})))
ROWS = [
    Row(name="data.transforms.Compose", calls=call({"image": images(), "first": STEPS, "second": STEPS}),
        function=lambda image, *steps: transforms.Compose(steps)(image), right=composed,
        says=("hflip", "convert_image_dtype"), held=("first", "second")),
    plain("CenterCrop", {"function": "center_crop", "calls": MIDDLE}),
    plain("Resize", {"function": "resize", "calls": call({"image": images(), "size": SIZES}, antialias=st.booleans())}),
    plain("ConvertImageDtype", {"function": "convert_image_dtype", "calls": call({"image": images()})}),
    plain("Normalize", {"function": "normalize", "calls": NORMAL}),
    drawn("RandomCrop", crops(), cropped, ("pad", "crop")),
    drawn("RandomResizedCrop", option({"size": SIZES, "scale": SCALE, "ratio": RATIO}), scaled, ("resize",)),
    drawn("RandomHorizontalFlip", option({"p": st.sampled_from([0, 0.5, 1])}), flipped, ("hflip",)),
    drawn("ColorJitter", option({"brightness": FACTOR, "contrast": FACTOR, "saturation": FACTOR}), jittered,
          ("adjust_brightness", "adjust_contrast", "adjust_saturation")),
    drawn("RandomErasing", option({"p": st.sampled_from([0, 0.5, 1]), "scale": SCALE, "ratio": RATIO,
                                   "value": st.sampled_from([0, 1, 0.5])}), erased, ("erase",)),
    Row(name="data.transforms.MixUp", function=mix, calls=batches(), check=mixed, held=("seed",)),
]
