"""Transforms are judged by Pillow and by torch; torchvision's names and conventions are theirs."""
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image, ImageEnhance, ImageOps

from cnnlib.data import transforms as T
from cnnlib.data.random_transforms import _random_window
from tests.judge import close

rng = np.random.default_rng(0)
BYTES = rng.integers(0, 256, (3, 21, 30), dtype=np.uint8)
SMOOTH = (np.clip(rng.normal(0.5, 0.2, (3, 21, 30)), 0, 1) * np.array([1, 0.7, 0.3])[:, None, None]).astype(np.float32)
FLOATS = rng.random((3, 21, 30))


def pillow(image):
    return Image.fromarray(image.transpose(1, 2, 0))


def array(image):
    return np.asarray(image).transpose(2, 0, 1)


def furthest(ours, right):
    return int(np.abs(ours.astype(int) - right.astype(int)).max())


def interpolated(image, size, antialias):
    tensor = torch.from_numpy(image.astype(np.float32) if image.dtype == np.uint8 else image)[None]
    out = F.interpolate(tensor, size=size, mode="bilinear", align_corners=False, antialias=antialias)[0]
    return out.round().clamp(0, 255).to(torch.uint8).numpy() if image.dtype == np.uint8 else out


SIZES = [(21, 30), (7, 10), (8, 13), (50, 64), (21, 5), (60, 11), (1, 1), (3, 100)]


@pytest.mark.parametrize("antialias", [True, False])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_resize_agrees_with_torch(size, antialias):
    for image in (FLOATS, SMOOTH):
        assert close(T.resize(image, size, antialias=antialias), interpolated(image, size, antialias))
    ours = T.resize(BYTES, size, antialias=antialias)
    assert ours.dtype == np.uint8 and furthest(ours, interpolated(BYTES, size, antialias)) <= 1


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_resize_agrees_with_pillow(size):
    right = array(pillow(BYTES).resize(size[::-1], Image.Resampling.BILINEAR))
    assert furthest(T.resize(BYTES, size), right) <= 1


def test_black_bytes_stay_black():
    assert not T.resize(np.zeros((1, 8, 8), np.uint8), 5).any()


def test_the_class_resizes_as_the_function():
    image = np.random.default_rng(0).random((3, 21, 30))
    for antialias in (True, False):
        assert np.array_equal(T.Resize(7, antialias=antialias)(image), T.resize(image, 7, antialias=antialias))


def test_shrinking_without_antialias_is_another_picture():
    right = array(pillow(BYTES).resize((10, 7), Image.Resampling.BILINEAR))
    assert furthest(T.resize(BYTES, (7, 10), antialias=False), right) > 20
    assert furthest(BYTES[:, 1::3, 1::3], right) > 20


def test_one_number_is_the_shorter_side():
    assert T.resize(BYTES, 7).shape == (3, 7, 10)
    assert T.resize(BYTES.transpose(0, 2, 1), 7).shape == (3, 10, 7)
    assert T.resize(BYTES, 10).shape == (3, 10, 14)  # 14.28 is cut, as torchvision does


def test_windows_agree_with_pillow():
    assert np.array_equal(T.crop(BYTES, 3, 5, 10, 12), array(pillow(BYTES).crop((5, 3, 17, 13))))
    assert not np.array_equal(T.crop(BYTES, 5, 3, 10, 12), array(pillow(BYTES).crop((5, 3, 17, 13))))
    assert np.array_equal(T.hflip(BYTES), array(ImageOps.mirror(pillow(BYTES))))
    assert not np.array_equal(T.hflip(BYTES), array(ImageOps.flip(pillow(BYTES))))
    wider = array(ImageOps.expand(pillow(BYTES), (1, 2, 3, 4), (9,) * 3))
    assert np.array_equal(T.pad(BYTES, (1, 2, 3, 4), fill=9), wider)
    assert T.pad(BYTES, (2, 1, 4, 3), fill=9).shape != wider.shape  # rows first is NumPy's order, not torchvision's


@pytest.mark.parametrize(("mode", "judge"), [("constant", "constant"), ("edge", "replicate"), ("reflect", "reflect")])
@pytest.mark.parametrize("padding", [2, (3, 1), (1, 2, 3, 4)], ids=str)
def test_pad_agrees_with_torch(mode, judge, padding):
    left, top, right, bottom = (padding,) * 4 if padding == 2 else padding * 2 if padding == (3, 1) else padding
    padded = F.pad(torch.from_numpy(FLOATS)[None], (left, right, top, bottom), mode=judge)[0]
    assert close(T.pad(FLOATS, padding, padding_mode=mode), padded)


def test_symmetric_repeats_the_border_and_reflect_does_not():
    row = np.array([[[1.0, 2.0, 3.0]]])
    assert T.pad(row, (2, 0), padding_mode="symmetric").ravel().tolist() == [2, 1, 1, 2, 3, 3, 2]
    assert T.pad(row, (2, 0), padding_mode="reflect").ravel().tolist() == [3, 2, 1, 2, 3, 2, 1]


def test_center_crop_rounds_as_torchvision():
    ramp = np.arange(5.0).reshape(1, 1, 5).repeat(5, 1)
    assert [int(T.center_crop(ramp[:, :, :n], (1, 2))[0, 0, 0]) for n in (2, 3, 4, 5)] == [0, 0, 1, 2]


ENHANCERS = [(T.adjust_brightness, ImageEnhance.Brightness), (T.adjust_contrast, ImageEnhance.Contrast),
             (T.adjust_saturation, ImageEnhance.Color)]


@pytest.mark.parametrize("factor", [0, 0.3, 1, 1.7, 3.0])
@pytest.mark.parametrize(("ours", "judge"), ENHANCERS, ids=["brightness", "contrast", "saturation"])
def test_colors_agree_with_pillow(ours, judge, factor):
    image = (SMOOTH * 255).astype(np.uint8)
    right = array(judge(pillow(image)).enhance(factor))
    assert furthest(ours(image, factor), right) <= 3  # both cut and round gray and mean, in another order
    floats = ours(image / np.float32(255), factor)
    assert floats.dtype == np.float32 and np.abs(floats * 255 - right).max() <= 3.5


def test_tempting_other_formulas_are_not_pillows():
    image = (SMOOTH * 255).astype(np.uint8)
    contrast, color = (array(judge(pillow(image)).enhance(0.3)) for _, judge in ENHANCERS[1:])
    each_channel = 0.3 * image + 0.7 * image.mean(axis=(1, 2), keepdims=True)
    plain_mean = 0.3 * image + 0.7 * image.mean(axis=0, keepdims=True)
    assert furthest(each_channel, contrast) > 10 and furthest(plain_mean, color) > 10


def test_bytes_are_rounded_down_as_in_torchvision():
    assert T.adjust_brightness(np.full((3, 1, 1), 101, np.uint8), 0.5).ravel().tolist() == [50] * 3
    assert T.adjust_brightness(np.full((3, 1, 1), 200, np.uint8), 2).ravel().tolist() == [255] * 3


def test_gray_pictures():
    gray = BYTES[:1]
    assert np.array_equal(T.adjust_saturation(gray, 3), gray)
    right = np.asarray(ImageEnhance.Contrast(Image.fromarray(gray[0])).enhance(0.5))
    assert furthest(T.adjust_contrast(gray, 0.5)[0], right) <= 1


def test_normalize_and_floats():
    mean, std = (0.5, 0.4, 0.3), (0.2, 0.3, 0.4)
    center, spread = (torch.tensor(each, dtype=torch.float64)[:, None, None] for each in (mean, std))
    right = (torch.from_numpy(FLOATS) - center) / spread
    assert np.allclose(T.normalize(FLOATS, mean, std), right)
    assert not np.allclose(T.normalize(FLOATS, mean, np.square(std)), right)  # a variance is no standard deviation
    assert T.normalize(SMOOTH, mean, std).dtype == np.float32
    assert close(T.convert_image_dtype(BYTES), torch.from_numpy(BYTES).float() / 255)


def test_erase_fills_the_window_only():
    filled = T.erase(BYTES, 2, 3, 4, 5, 7)
    changed = np.zeros((21, 30), bool)
    changed[2:6, 3:8] = True
    assert (filled[:, changed] == 7).all() and np.array_equal(filled[:, ~changed], BYTES[:, ~changed])


def augment(seed):
    source = np.random.default_rng(seed)
    return T.Compose([
        T.RandomCrop(20, padding=3, rng=source), T.RandomResizedCrop(16, scale=(0.5, 1), rng=source),
        T.RandomHorizontalFlip(rng=source), T.ColorJitter(brightness=0.4, contrast=0.4, saturation=0.4, rng=source),
        T.ConvertImageDtype(), T.Normalize((0.5,) * 3, (0.25,) * 3), T.RandomErasing(rng=source), T.CenterCrop(14),
        T.Resize(12)])


def test_same_seed_same_bytes_and_nothing_is_changed_in_place():
    image = BYTES.copy()
    image.flags.writeable = False
    first, again, other = ([augment(seed)(image) for _ in range(20)] for seed in (1, 1, 2))
    assert all(map(np.array_equal, first, again)) and not any(map(np.array_equal, first, other))
    assert torch.from_numpy(first[0]).shape == (3, 12, 12)


@pytest.mark.parametrize("function", [
    T.hflip, T.convert_image_dtype, lambda x: T.crop(x, 0, 0, 21, 30), lambda x: T.center_crop(x, (21, 30)),
    lambda x: T.pad(x, 0), lambda x: T.adjust_brightness(x, 1), lambda x: T.adjust_saturation(x[:1], 1)])
def test_results_are_arrays_of_their_own(function):
    for image in (BYTES, SMOOTH):
        result = function(image)
        assert not np.shares_memory(result, image) and result.flags.c_contiguous


def test_every_window_is_equally_likely():
    ramp = np.arange(16.0).reshape(1, 4, 4)
    cut = T.RandomCrop(2, rng=np.random.default_rng(0))
    corners, counts = np.unique([cut(ramp)[0, 0, 0] for _ in range(9000)], return_counts=True)
    assert corners.tolist() == [0, 1, 2, 4, 5, 6, 8, 9, 10] and np.abs(counts - 1000).max() < 120


def test_flips_and_erasures_come_as_often_as_asked():
    flip = T.RandomHorizontalFlip(p=0.3, rng=np.random.default_rng(0))
    row = np.array([[[1.0, 2.0]]])
    assert np.mean([flip(row)[0, 0, 0] == 2 for _ in range(4000)]) == pytest.approx(0.3, abs=0.025)
    erasing = T.RandomErasing(p=0.3, rng=np.random.default_rng(0))
    ones = np.ones((1, 32, 32))
    assert np.mean([erasing(ones).min() == 0 for _ in range(2000)]) == pytest.approx(0.3, abs=0.035)


@pytest.mark.parametrize(("rows", "cols"), [(64, 64), (40, 100)])
def test_windows_keep_area_and_ratio(rows, cols):
    source = np.random.default_rng(0)
    windows = [_random_window(source, rows, cols, (0.2, 0.5), (3 / 4, 4 / 3)) for _ in range(2000)]
    top, left, height, width = np.array([window for window in windows if window]).T
    assert (top + height <= rows).all() and (left + width <= cols).all() and min(top.min(), left.min()) == 0
    shares, ratios = height * width / rows / cols, width / height
    assert shares.min() > 0.18 and shares.max() < 0.53 and ratios.min() > 0.7 and ratios.max() < 1.43
    if rows == cols:
        assert np.median(np.log(ratios)) == pytest.approx(0, abs=0.03)  # wide as often as high


def test_a_picture_too_long_for_any_window_gives_its_middle():
    long = np.arange(40.0).reshape(1, 1, 40).repeat(4, 1)
    cut = T.RandomResizedCrop((4, 5), scale=(1.0, 1.0), rng=np.random.default_rng(0))
    assert close(cut(long), T.resize(long[:, :, 17:22], (4, 5)))  # 5 columns are 4 rows times 4 / 3
    high = long.transpose(0, 2, 1)
    assert close(T.RandomResizedCrop((5, 4), scale=(1.0, 1.0), rng=np.random.default_rng(0))(high),
                 T.resize(high[:, 17:22], (5, 4)))  # 5 rows are 4 columns divided by 3 / 4
    thin = T.RandomResizedCrop(3, ratio=(0.3, 0.4), rng=np.random.default_rng(0))(long[:, :1])
    assert thin.shape == (1, 3, 3)


def test_a_single_pixel_has_no_smaller_window():
    pixel, source = np.full((1, 1, 1), 7.0), np.random.default_rng(0)
    for _ in range(50):
        assert T.RandomResizedCrop(2, rng=source)(pixel).tolist() == [[[7.0, 7.0]] * 2]
        assert T.RandomErasing(p=1.0, rng=source)(pixel).item() in (0.0, 7.0)


def test_color_jitter_stays_in_its_range_and_changes_the_order():
    image = np.full((3, 1, 1), 100, np.uint8)
    jitter = T.ColorJitter(brightness=0.5, rng=np.random.default_rng(0))
    values = [int(jitter(image)[0, 0, 0]) for _ in range(2000)]
    assert min(values) in (50, 51) and max(values) in (148, 149, 150)
    assert len({T.ColorJitter(contrast=2.0, rng=np.random.default_rng(s))(BYTES).mean() for s in range(5)}) == 5
    same = T.ColorJitter(rng=np.random.default_rng(0))(image)
    assert np.array_equal(same, image) and same is not image


def test_mixup_mixes_pictures_and_labels_alike():
    images = rng.random((6, 3, 4, 4), dtype=np.float32)
    labels = np.array([0, 1, 2, 2, 1, 0])
    mixed, shares = T.MixUp(num_classes=4, rng=np.random.default_rng(3))(images, labels)
    assert mixed.dtype == shares.dtype == np.float32 and np.allclose(shares.sum(axis=1), 1)
    share = shares[1, 1]  # of picture 1; the rest is picture 0's
    assert 0 < share < 1 and np.allclose(mixed[1], share * images[1] + (1 - share) * images[0], atol=1e-6)
    assert not np.allclose(mixed[1], share * images[1] + (1 - share) * images[2], atol=1e-2)
    assert np.allclose(shares[3], [0, 0, 1, 0]) and np.allclose(shares[0], [1, 0, 0, 0])  # two of the same class
    loss = F.cross_entropy(torch.zeros(6, 4), torch.from_numpy(shares))
    assert loss.item() == pytest.approx(np.log(4), abs=1e-6)


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_shares_come_from_a_beta_distribution(alpha):
    mix = T.MixUp(num_classes=2, alpha=alpha, rng=np.random.default_rng(0))
    shares = [mix(np.zeros((2, 1, 1, 1)), [0, 1])[1][0, 0] for _ in range(4000)]
    assert np.mean(shares) == pytest.approx(0.5, abs=0.03)
    assert np.var(shares) == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.1)
