"""GoogLeNet, Inception v2 and Inception v3: what the comparison with torchvision's listings leaves open.

Counts are those of torchvision 0.28 (googlenet, inception_v3), timm 1.0.31 (inception_v3 without its head) and
pytorchcv 0.0.74 (bninception). The fingerprint of inception_v2 is what pytorchcv returns, its last pooling made global.
"""
import numpy as np
import pytest
import torch
from torch import nn

from cnnlib.models import create_model
from cnnlib.models.googlenet import Inception
from cnnlib.models.inception_v2 import InceptionV2Module
from cnnlib.scratch import conv2d, max_pool2d
from tests.fingerprint import fill, fingerprint

COUNTS = [  # name, options; parameters, Conv2d, Conv2d with bias, Linear
    ("googlenet", {}, (13_004_888, 59, 0, 5)),
    ("googlenet", {"aux_logits": False}, (6_624_904, 57, 0, 1)),
    ("inception_v2", {}, (11_295_240, 69, 69, 1)),
    ("inception_v3", {}, (27_161_264, 96, 0, 2)),
    ("inception_v3", {"aux_logits": False}, (23_834_568, 94, 0, 1))]
MODULES = {  # channels and height behind each module, for the input sizes of the papers
    "googlenet": (224, "inception", {  # Szegedy et al. (2015), Table 1, output size
        "3a": (256, 28), "3b": (480, 28), "4a": (512, 14), "4b": (512, 14), "4c": (512, 14), "4d": (528, 14),
        "4e": (832, 14), "5a": (832, 7), "5b": (1024, 7)}),
    "inception_v2": (224, "inception.", {  # Ioffe & Szegedy (2015), figure 5; 4c and 4d as the paths add up
        "3a": (256, 28), "3b": (320, 28), "3c": (576, 14), "4a": (576, 14), "4b": (576, 14), "4c": (608, 14),
        "4d": (608, 14), "4e": (1056, 7), "5a": (1024, 7), "5b": (1024, 7)}),
    "inception_v3": (299, "Mixed_", {  # Szegedy et al. (2016), Table 1
        "5b": (256, 35), "5c": (288, 35), "5d": (288, 35), "6a": (768, 17), "6b": (768, 17), "6c": (768, 17),
        "6d": (768, 17), "6e": (768, 17), "7a": (1280, 8), "7b": (2048, 8), "7c": (2048, 8)})}
HEADS = {"googlenet": {"aux_logits2": "aux2", "aux_logits1": "aux1"}, "inception_v3": {"aux_logits": "AuxLogits"}}
INCEPTION_V2 = (  # 64x64 pixels: eight scores, mean, standard deviation
    0.4197784535, 0.03062437669, 0.04904827216, 0.03466243553, 0.05492426452, 0.3478033433, 0.1515043469, 0.1057853539,
    -0.003709762671, 0.184501183)


def make(name, *, device="meta", **options):
    with torch.device(device):
        return create_model(name, **options)


def images(size, *, n=2, channels=3):
    return torch.zeros(n, channels, size, size, device="meta")


def record(model, names):
    """Return a dictionary that fills with the outputs of the named parts when the model runs."""
    outputs = {}
    for name in names:
        model.get_submodule(name).register_forward_hook(
            lambda layer, args, out, name=name: outputs.__setitem__(name, out))
    return outputs


@pytest.mark.parametrize("name, options, counts", COUNTS)
def test_counts_are_the_published_ones(name, options, counts):
    model = make(name, **options)
    convs = [layer for layer in model.modules() if isinstance(layer, nn.Conv2d)]
    linear = sum(isinstance(layer, nn.Linear) for layer in model.modules())
    parameters = sum(p.numel() for p in model.parameters())
    assert (parameters, len(convs), sum(layer.bias is not None for layer in convs), linear) == counts


def test_the_layout_of_the_paper_has_its_own_count():
    model = make("googlenet", aux_logits=False)
    convs = [layer for layer in model.modules() if isinstance(layer, nn.Conv2d)]
    with_biases = sum(layer.weight.numel() + layer.out_channels for layer in convs) + 1024 * 1000 + 1000
    third = [module.branch3[1].conv for module in model.modules() if isinstance(module, Inception)]
    assert with_biases + sum((25 - 9) * layer.in_channels * layer.out_channels for layer in third) == 6_998_552
    assert with_biases != 6_998_552  # the third path of torchvision's weights has 3x3 windows


@pytest.mark.parametrize("name", MODULES)
def test_each_module_gives_the_channels_and_the_size_of_the_table(name):
    size, prefix, table = MODULES[name]
    model = make(name).eval()
    outputs = record(model, [prefix + module for module in table])
    assert model(images(size)).shape == (2, 1000)
    assert list(outputs) == [prefix + module for module in table]  # nothing else comes between
    assert [tuple(out.shape[1:]) for out in outputs.values()] == [(c, h, h) for c, h in table.values()]


def test_the_channels_of_a_module_are_the_sum_of_its_paths():
    module = Inception(480, 192, 96, 208, 16, 48, 64)
    paths = [path(torch.zeros(1, 480, 4, 4)).shape[1] for path in module.children()]
    assert paths == [192, 208, 48, 64] and module.out_channels == sum(paths) == 512


@pytest.mark.parametrize("height, width", [(6, 6), (6, 7), (7, 6), (7, 7), (1, 2)])
def test_strided_modules_pass_the_largest_of_each_window_through(height, width):
    module = InceptionV2Module(8, 0, 2, 3, 2, 5, 0).eval()
    x = torch.rand(1, 8, height, width)
    passed = module(x)[:, 8:]
    assert passed.shape == (1, 8, -(-height // 2), -(-width // 2))
    windows = [x[0, :, 2 * i:2 * i + 3, 2 * j:2 * j + 3].amax((1, 2)) for i, j in np.ndindex(*passed.shape[2:])]
    assert torch.equal(passed[0], torch.stack(windows, 1).reshape(passed.shape[1:]))


def slow_step(x, layer, *, relu=True):
    """Return convolution, batch norm and ReLU of one BasicConv2d, computed in NumPy from its tensors alone."""
    tensors = {key: value.numpy()[:, None, None] if value.ndim == 1 else value.numpy()
               for key, value in layer.state_dict().items()}
    x = conv2d(x, tensors["conv.weight"], padding=tensors["conv.weight"].shape[-1] // 2)
    x = (x - tensors["bn.running_mean"]) / np.sqrt(tensors["bn.running_var"] + 0.001)
    x = x * tensors["bn.weight"] + tensors["bn.bias"]
    return np.maximum(x, 0) if relu else x


def slow_inception(x, block, *, relu=True, pool=max_pool2d):
    return np.concatenate([
        slow_step(x, block.branch1),
        slow_step(slow_step(x, block.branch2[0], relu=relu), block.branch2[1]),
        slow_step(slow_step(x, block.branch3[0], relu=relu), block.branch3[1]),
        slow_step(pool(x, 3, stride=1, padding=1), block.branch4[1])], axis=1)


def test_the_inception_block_agrees_with_numpy():
    torch.manual_seed(0)
    block = Inception(5, 4, 3, 6, 2, 3, 4).double()
    for _ in range(3):
        block(torch.randn(8, 5, 6, 7, dtype=torch.float64))  # running means and variances of its own
    x = torch.randn(2, 5, 6, 7, dtype=torch.float64)
    ours = block.eval()(x).detach()
    np.testing.assert_allclose(ours, slow_inception(x.numpy(), block), rtol=0, atol=1e-12)
    assert not np.allclose(ours, slow_inception(x.numpy(), block, relu=False))  # then 1x1 and 3x3 are one 3x3
    assert not np.allclose(ours, slow_inception(x.numpy(), block, pool=lambda x, *size, **options: x))


@pytest.mark.parametrize("name", HEADS)
def test_training_returns_the_scores_of_the_heads_by_name(name):
    model = make(name, num_classes=7)
    outputs = record(model, ["fc", *HEADS[name].values()])
    size = MODULES[name][0]
    out = model(images(size))
    assert out._fields == ("logits", *HEADS[name])
    assert all(scores.shape == (2, 7) for scores in out)
    assert out.logits is outputs["fc"]
    assert all(getattr(out, field) is outputs[head] for field, head in HEADS[name].items())
    assert model.eval()(images(size)).shape == (2, 7)
    model = make(name, aux_logits=False)
    assert model(images(size)).shape == (2, 1000)
    assert not [key for key in model.state_dict() if key.lower().startswith("aux")]


@pytest.mark.parametrize("name, field, last, after", [
    ("googlenet", "aux_logits1", "inception4a.branch1", "inception4b"),
    ("googlenet", "aux_logits2", "inception4d.branch1", "inception4e"),
    ("inception_v3", "aux_logits", "Mixed_6e.branch1x1", "Mixed_7a")])
def test_each_head_trains_what_stands_before_it(name, field, last, after):
    model = make(name, device="cpu", small_images=True, num_classes=3)
    torch.manual_seed(0)
    getattr(model(torch.randn(2, 3, 32, 32)), field).square().sum().backward()
    assert model.get_submodule(last).conv.weight.grad.any()
    assert all(p.grad is None for p in model.get_submodule(after).parameters())
    assert model.fc.weight.grad is None


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize("num_classes, channels, small", [(10, 1, True), (10, 3, True), (5, 4, False)])
def test_classes_channels_and_small_images(name, num_classes, channels, small):
    model = make(name, num_classes=num_classes, in_channels=channels, small_images=small)
    assert model.eval()(images(28 if small else MODULES[name][0], channels=channels)).shape == (2, num_classes)


@pytest.mark.parametrize("name, least, least_small", [
    ("googlenet", 15, 4), ("inception_v2", 7, 2), ("inception_v3", 75, 15)])
def test_smallest_image(name, least, least_small):
    for small, size in ((False, least), (True, least_small)):
        model = make(name, small_images=small).eval()
        assert model(images(size)).shape == model(images(size + 1)).shape == (2, 1000)
        with pytest.raises(RuntimeError):
            model(images(size - 1))


@pytest.mark.parametrize("name", MODULES)
def test_small_images_keep_larger_maps(name):
    heights = []
    for small in (False, True):
        model = make(name, small_images=small).eval()
        outputs = record(model, ["maxpool2"])
        model(images(96))
        heights.append(outputs["maxpool2"].shape[2])
    assert heights == {"googlenet": [12, 48], "inception_v2": [12, 48], "inception_v3": [9, 47]}[name]


def test_the_head_of_inception_v3_needs_its_17_by_17_map():
    model = make("inception_v3")
    assert model(images(299)).aux_logits.shape == (2, 1000)
    with pytest.raises(ValueError) as error:
        model(images(298))
    assert str(error.value) == ("inception_v3: H and W must be at least 299 in training mode, unless created with "
                                "aux_logits=False or small_images=True, got (298, 298)")
    assert model.eval()(images(298)).shape == (2, 1000)
    assert make("inception_v3", aux_logits=False)(images(298)).shape == (2, 1000)
    assert make("inception_v3", small_images=True)(images(32)).aux_logits.shape == (2, 1000)


def distance(model):
    wanted = torch.tensor(INCEPTION_V2, dtype=torch.float64)
    return float((fingerprint(model, (1, 3, 64, 64)) - wanted).abs().max() / wanted[-1])


def average_in_5b(model):
    model.inception[-1].branch4[0] = nn.AvgPool2d(kernel_size=3, stride=1, padding=1)


def leave_out_the_padding(model):
    for layer in model.modules():
        if isinstance(layer, nn.AvgPool2d):
            layer.count_include_pad = False


def epsilon_of_googlenet(model):
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.eps = 0.001


def test_scores_of_inception_v2_are_those_of_pytorchcv():
    assert distance(make("inception_v2")) < 1e-8


@pytest.mark.parametrize("change", [average_in_5b, leave_out_the_padding, epsilon_of_googlenet])
def test_a_wrong_inception_v2_is_told_from_the_right_one(change):
    model = make("inception_v2")
    change(model)
    assert distance(model) > 1e-4


@pytest.mark.parametrize("name, std", [("googlenet", 0.01), ("inception_v2", 0.01), ("inception_v3", 0.1)])
def test_starting_weights_have_the_spread_of_torchvision(name, std):
    torch.manual_seed(0)
    weights = {key: layer.weight for key, layer in make(name, device="cpu").named_modules()
               if isinstance(layer, (nn.Conv2d, nn.Linear))}
    for key, weight in weights.items():
        right = 0.001 if key == "AuxLogits.fc" else std
        assert float(weight.detach().std()) == pytest.approx(right, rel=0.05), key


@pytest.mark.parametrize("name, options, message", [
    ("googlenet", {"aux_logits": 1}, "create_model: aux_logits must be True or False, got 1"),
    ("googlenet", {"small_images": "yes"}, "create_model: small_images must be True or False, got 'yes'"),
    ("googlenet", {"transform": True},
     "create_model: the options of googlenet are aux_logits, small_images, transform_input, got 'transform'"),
    ("inception_v2", {"small_images": None}, "create_model: small_images must be True or False, got None"),
    ("inception_v2", {"aux_logits": True},
     "create_model: the options of inception_v2 are small_images, got 'aux_logits'"),
    ("inception_v3", {"aux_logits": "no"}, "create_model: aux_logits must be True or False, got 'no'"),
    ("inception_v3", {"small_images": 0}, "create_model: small_images must be True or False, got 0")])
def test_bad_options_are_refused(name, options, message):
    with pytest.raises(ValueError) as error:
        create_model(name, **options)
    assert str(error.value) == message


@pytest.mark.parametrize("name", ["googlenet", "inception_v3"])
def test_transformed_input_is_the_other_normalization(name):
    torch.manual_seed(0)
    pixels = torch.rand(1, 3, 75, 75)
    mean, spread = (torch.tensor(each)[:, None, None] for each in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    models = [create_model(name, transform_input=flag).eval() for flag in (False, True)]
    scores = [fingerprinted(model, x) for model, x in zip(
        (models[0], models[1], models[0]), ((pixels - 0.5) / 0.5, (pixels - mean) / spread, (pixels - mean) / spread),
        strict=True)]
    torch.testing.assert_close(scores[1], scores[0])
    assert not torch.allclose(scores[1], scores[2], rtol=1e-3)


def fingerprinted(model, x):
    """Return the scores with computed weights, which are as large as trained ones."""
    fill(model.double())
    return model(x.double())
