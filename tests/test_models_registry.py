"""The table of all models, and what create_model refuses."""
import dataclasses
import inspect

import pytest
import torch

from cnnlib.models import create_model, list_models
from cnnlib.models._row import Row
from cnnlib.models.registry import TABLE, _register
from tests.judge import refused

NAMES = [row.name for row in list_models()]
REFERENCE = {  # trainable parameters: who counted them
    "lenet5": (61_706, "sum over the layers"), "lenet5_original": (60_000, "LeCun et al. (1998), section II.B"),
    "alexnet_original": (60_965_224, "Caffe's reference model"), "nin": (7_595_176, "Caffe's model zoo"),
    "nin_cifar10": (966_986, "pytorchcv"), "inception_v2": (11_295_240, "pytorchcv bninception"),
    "inception_v4": (42_679_816, "timm inception_v4"), "inception_resnet_v1": (23_995_624, "pytorchcv"),
    "inception_resnet_v2": (55_843_464, "timm"), "xception": (22_855_952, "Chollet (2017), Table 3"),
    "densenet264": (33_337_704, "torchvision's class, 6, 12, 64, 48"), "mobilenet_v1": (4_231_976, "timm"),
    "vgg13": (133_047_848, "torchvision"), "vgg11_bn": (132_868_840, "torchvision"),
    "vgg13_bn": (133_053_736, "torchvision"), "vgg16_bn": (138_365_992, "torchvision"),
    "vgg19_bn": (143_678_248, "torchvision"),
    "resnext101_32x8d": (88_791_336, "torchvision"), "resnext101_64x4d": (83_455_272, "torchvision"),
    "densenet161": (28_681_000, "torchvision"), "efficientnet_b2": (9_109_994, "torchvision"),
    "efficientnet_b3": (12_233_232, "torchvision"), "efficientnet_b4": (19_341_616, "torchvision"),
    "efficientnet_b5": (30_389_784, "torchvision"), "efficientnet_b6": (43_040_704, "torchvision"),
    "efficientnet_b7": (66_347_960, "torchvision"),
    "se_resnet50": (28_088_024, "timm and pytorchcv"), "cbam_resnet50": (28_089_624, "pytorchcv"),
    "vit_b_16": (86_567_656, "torchvision"), "vit_b_32": (88_224_232, "torchvision"),
    "vit_l_16": (304_326_632, "torchvision"),
}


def count(model):
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def meta(name, **options):
    with torch.device("meta"):
        return create_model(name, **options)


@pytest.mark.parametrize("row", list_models(), ids=NAMES)
def test_rows_are_whole_and_their_counts_are_true(row):
    assert row.parameters == row.published_parameters == count(meta(row.name))
    assert row.macs > 0 and 1998 <= row.year <= 2020
    assert all((row.family, row.paper, row.idea, row.source)) and len(row.idea) < 90
    assert row.top1 is None or 0.5 < row.top1 < 0.9


@pytest.mark.parametrize("name", REFERENCE)
def test_counts_of_others(name):
    count_there, source = REFERENCE[name]
    assert count(meta(name)) == count_there, source


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_model_takes_other_images_and_classes(name):
    model = meta(name, num_classes=7, in_channels=2)
    size = next(row.input_size for row in list_models() if row.name == name)
    assert model.eval()(torch.zeros(2, 2, size, size, device="meta")).shape == (2, 7)


@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith(("lenet", "nin_", "alexnet"))])
def test_published_defaults(name):
    spelled, default = (meta(name, **options).state_dict() for options in ({"num_classes": 1000, "in_channels": 3}, {}))
    assert {key: value.shape for key, value in spelled.items()} == {key: value.shape for key, value in default.items()}


@pytest.mark.parametrize("name", NAMES)
def test_each_default_is_the_familys(name):
    row, build = TABLE[name]
    family = {field.name: field.default for field in dataclasses.fields(row)}
    for builder in (build, type(meta(name))):
        known = inspect.signature(builder).parameters
        assert all(known[key].default == family[key] for key in ("num_classes", "in_channels")), builder


def test_families():
    assert {row.family for row in list_models()} == {
        "LeNet", "AlexNet", "VGG", "NiN", "Inception", "ResNet", "ResNeXt", "DenseNet", "MobileNet", "EfficientNet",
        "SENet", "CBAM", "Vision Transformer"}


def test_sizes_other_than_224():
    other = {row.name: (row.input_size, row.in_channels, row.num_classes) for row in list_models()
             if (row.input_size, row.in_channels, row.num_classes) != (224, 3, 1000)}
    larger = {"inception_v3": 299, "inception_v4": 299, "inception_resnet_v1": 299, "inception_resnet_v2": 299,
              "xception": 299, "alexnet_original": 227, "efficientnet_b1": 240, "efficientnet_b2": 260,
              "efficientnet_b3": 300, "efficientnet_b4": 380, "efficientnet_b5": 456, "efficientnet_b6": 528,
              "efficientnet_b7": 600}
    assert other == {"lenet5": (32, 1, 10), "lenet5_original": (32, 1, 10), "nin_cifar10": (32, 3, 10),
                     **{name: (size, 3, 1000) for name, size in larger.items()}}


@pytest.mark.parametrize("arguments, message", [
    (("resnet51",), "name must be one of resnet50, resnet18, resnet152, resnet101, got 'resnet51'"),
    (("VGG-16",), "name must be one of vgg16, vgg19, vgg13, vgg11, got 'VGG-16'"),
    (("resnext",), "name must be one of resnext50_32x4d, resnext101_32x8d, resnext101_64x4d, got 'resnext'"),
    (("nin_imagenet",), "name must be one of nin, got 'nin_imagenet'"),
    (("mobilenet",), "name must be one of mobilenet_v1, mobilenet_v2, got 'mobilenet'"),
    (("",), "name must be a name of list_models(), got ''"),
    ((16,), "name must be a name of list_models(), got 16"),
])
def test_a_bad_name_lists_the_near_ones(arguments, message):
    refused(lambda: create_model(*arguments), f"create_model: {message}")


@pytest.mark.parametrize("name, options, message", [
    ("vgg16", {"aux_logits": False}, "the options of vgg16 are small_images, got 'aux_logits'"),
    ("alexnet", {"small_images": True}, "alexnet has no options, got 'small_images'"),
    ("resnet18", {"num_classes": 0}, "num_classes must be a whole number of at least 1, got 0"),
    ("resnet18", {"in_channels": 1.5}, "in_channels must be a whole number of at least 1, got 1.5"),
    ("resnet18", {"small_images": 1}, "small_images must be True or False, got 1"),
    ("resnet18", {"pre_activation": "yes"}, "pre_activation must be True or False, got 'yes'"),
    ("resnext50_32x4d", {"pre_activation": True}, "pre_activation must be False for a ResNeXt, got True"),
    ("vgg11", {"small_images": None}, "small_images must be True or False, got None"),
    ("densenet121", {"small_images": 0}, "small_images must be True or False, got 0"),
    ("mobilenet_v1", {"width_mult": 0}, "width_mult must be a number above 0, got 0"),
    ("mobilenet_v2", {"width_mult": float("nan")}, "width_mult must be a number above 0, got nan"),
    ("efficientnet_b0", {"small_images": "no"}, "small_images must be True or False, got 'no'"),
    ("lenet5_original", {"num_classes": 11}, "num_classes must be at most 10 for lenet5_original, got 11"),
])
def test_bad_options_are_refused(name, options, message):
    refused(lambda: meta(name, **options), f"create_model: {message}")


def test_a_name_stands_for_one_model():
    class Family:
        ROWS = {"net": None}
        build = None
    refused(lambda: _register((Family, Family)), "cnnlib.models: a name must stand for one model, got 'net' twice")


def test_rows_cannot_be_changed():
    row = Row(family="A", year=2020, paper="B", idea="C", published_parameters=1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        row.year = 2021
    with pytest.raises(AttributeError):
        list_models()[0].nothing  # noqa: B018
