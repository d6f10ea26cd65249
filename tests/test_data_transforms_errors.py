"""Transforms say which argument does not fit, and what was given."""
import numpy as np
import pytest

from cnnlib.data import transforms as T
from tests.judge import refused

rng = np.random.default_rng(0)
BYTES = rng.integers(0, 256, (3, 21, 30), dtype=np.uint8)
FLOATS = rng.random((3, 21, 30))
SOURCE = np.random.default_rng(0)
REFUSED = [
    (T.hflip, "hflip: image must be an array (C, H, W), got (4, 4)", (np.ones((4, 4)),), {}),
    (T.hflip, "hflip: image must be an array (C, H, W), got list", ([[[1]]],), {}),
    (T.hflip, "hflip: image must be uint8, float32 or float64, got int64", (np.ones((1, 2, 2), int),), {}),
    (T.crop, "crop: the window must lie inside the image of 21 rows and 30 columns, got rows 20 to 21 and columns 0 to "
     "0", (BYTES, 20, 0, 2, 1), {}),
    (T.crop, "crop: top must be a whole number of at least 0, got -1", (BYTES, -1, 0, 2, 1), {}),
    (T.center_crop, "center_crop: size must be at most that of the image, (21, 30), got (22, 22)", (BYTES, 22), {}),
    (T.pad, "pad: padding must be a whole number of at least 0, got -1", (BYTES, -1), {}),
    (T.pad, "pad: padding must be one number, two or four, got (1, 2, 3)", (BYTES, (1, 2, 3)), {}),
    (T.pad, "pad: padding_mode must be one of constant, edge, reflect, symmetric, got 'wrap'", (BYTES, 1),
     {"padding_mode": "wrap"}),
    (T.pad, "pad: padding must be at most 20 rows and 29 columns for 'reflect', got 21", (BYTES, 21),
     {"padding_mode": "reflect"}),
    (T.pad, "pad: fill must be a number from 0 to 255, got 256", (BYTES, 1), {"fill": 256}),
    (T.resize, "resize: size must be a whole number of at least 1, got 0", (BYTES, 0), {}),
    (T.erase, "erase: j must be a whole number of at least 0, got -1", (BYTES, 0, -1, 1, 1, 0), {}),
    (T.erase, "erase: v must be a number from 0 to 255, got -0.5", (BYTES, 0, 0, 1, 1, -0.5), {}),
    (T.adjust_brightness, "adjust_brightness: brightness_factor must be a number of at least 0, got -1",
     (BYTES, -1), {}),
    (T.adjust_contrast, "adjust_contrast: image must have 1 or 3 channels, got 2", (BYTES[:2], 1), {}),
    (T.adjust_saturation, "adjust_saturation: image must hold fractions of 1, not normalized, got -2 to 2",
     (np.array([-2.0, 0, 2]).reshape(3, 1, 1), 1), {}),
    (T.normalize, "normalize: image must hold floats, got uint8; call convert_image_dtype first",
     (BYTES, (0,), (1,)), {}),
    (T.normalize, "normalize: mean must hold 3 numbers, one a channel, got 1", (FLOATS, (0,), (1, 1, 1)), {}),
    (T.normalize, "normalize: mean must hold finite numbers, one a channel, got 'red'", (FLOATS, "red", (1, 1, 1)), {}),
    (T.normalize, "normalize: std must hold numbers above 0, one a channel, got 0", (FLOATS, (1, 1, 1), 0), {}),
    (T.Resize, "Resize: antialias must be True or False, got 'no'", (4,), {"antialias": "no"}),
    (T.Normalize, "Normalize: std must hold numbers above 0, one a channel, got (0, 1)", ((0, 0), (0, 1)), {}),
    (T.Compose, "Compose: transforms must be a list of functions, got [3]", ([3],), {}),
    (T.RandomCrop, "RandomCrop: rng must be a numpy.random.Generator, got 3", (4,), {"rng": 3}),
    (T.RandomCrop(25, rng=SOURCE), "RandomCrop: size must be at most that of the padded image, (21, 30), got (25, 25)",
     (BYTES,), {}),
    (T.RandomResizedCrop, "RandomResizedCrop: scale must be two numbers above 0, the smaller first, got (1, 0.5)", (4,),
     {"scale": (1, 0.5), "rng": SOURCE}),
    (T.RandomResizedCrop, "RandomResizedCrop: scale must be at most 1, got (0.5, 2)", (4,),
     {"scale": (0.5, 2), "rng": SOURCE}),
    (T.RandomHorizontalFlip, "RandomHorizontalFlip: p must be a fraction of 1, got 2", (2,), {"rng": SOURCE}),
    (T.ColorJitter, "ColorJitter: contrast must be a number of at least 0, got -1", (),
     {"contrast": -1, "rng": SOURCE}),
    (T.RandomErasing, "RandomErasing: ratio must be two numbers above 0, the smaller first, got 1", (),
     {"ratio": 1, "rng": SOURCE}),
    (T.RandomErasing, "RandomErasing: scale must be at most 1, got (0.5, 1.5)", (),
     {"scale": (0.5, 1.5), "rng": SOURCE}),
    (T.RandomErasing, "RandomErasing: value must be a finite number, got 'red'", (), {"value": "red", "rng": SOURCE}),
    (T.RandomErasing, "RandomErasing: rng must be a numpy.random.Generator, got 0", (), {"rng": 0}),
    (T.MixUp, "MixUp: rng must be a numpy.random.Generator, got 0", (), {"num_classes": 2, "rng": 0}),
    (T.MixUp, "MixUp: alpha must be a number above 0, got 0", (), {"num_classes": 2, "alpha": 0, "rng": SOURCE}),
    (T.MixUp(num_classes=2, rng=SOURCE), "MixUp: images must be floats (N, C, H, W), got uint8 (3, 21, 30)",
     (BYTES, [0]), {}),
    (T.MixUp(num_classes=2, rng=SOURCE), "MixUp: images must be floats (N, C, H, W), got object ()",
     ([[1.0], [1.0, 2.0]], [0, 1]), {}),
    (T.MixUp(num_classes=2**31, rng=SOURCE), "MixUp: the shares of the classes must have at most 1073741824 numbers, "
     "got the shape (1, 2147483648)", (FLOATS[None], [0]), {}),
    (T.MixUp(num_classes=2, rng=SOURCE), "MixUp: labels must be from 0 to 1, got 2", (FLOATS[None], [2]), {}),
    (T.MixUp(num_classes=2, rng=SOURCE), "MixUp: labels must be 1 whole numbers, got int64 (2,)",
     (FLOATS[None], [0, 1]), {}),
]


@pytest.mark.parametrize(("function", "message", "args", "options"), REFUSED, ids=[each[1][:50] for each in REFUSED])
def test_errors_name_rule_and_value(function, message, args, options):
    refused(function, message, *args, **options)


def test_no_picture_grows_larger_than_a_memory():
    picture = np.ones((1, 2, 2))
    rule = "the result must have at most 1073741824 numbers, got the shape"
    refused(T.resize, f"resize: {rule} (1, 65536, 65536)", picture, 2**16)
    refused(T.pad, f"pad: {rule} (1, 65538, 65538)", picture, 2**15)
