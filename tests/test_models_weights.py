"""Files of weights: the right ones load, all others are refused with a reason, and no code in them is run."""
import pickle
import re
import zipfile
from collections import OrderedDict

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from cnnlib.models import create_model, load_weights
from tests.judge import refused


def small(name="resnet18", **options):
    return create_model(name, **{"num_classes": 3, **options})


def same(first, second):
    state = second.state_dict()
    return all(torch.equal(value, state[key]) for key, value in first.state_dict().items())


@pytest.fixture(scope="module")
def source():
    """A model whose every number, running statistics included, differs from a fresh one's."""
    model = small()
    with torch.no_grad():
        for value in model.state_dict().values():
            value.add_(1)
    return model


@pytest.fixture(scope="module")
def files(source, tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    torch.save(source.state_dict(), folder / "good.pth")
    torch.save(source.state_dict(), folder / "old.pth", _use_new_zipfile_serialization=False)
    save_file(source.state_dict(), folder / "good.safetensors")
    return folder


@pytest.mark.parametrize("name", ["good.pth", "old.pth", "good.safetensors"])
def test_a_saved_file_comes_back(files, source, name):
    model = small()
    assert not same(source, model)
    assert load_weights(model, files / name) is model
    assert same(source, model)


@pytest.mark.parametrize("name", [
    "googlenet", "inception_v3", "densenet121", "mobilenet_v2", "efficientnet_b0", "vgg11_bn"])
def test_other_families(name, tmp_path):
    options = {"small_images": True} if name == "vgg11_bn" else {}
    source, model = small(name, **options), small(name, **options)
    save_file(source.state_dict(), tmp_path / "net.safetensors")
    assert same(source, load_weights(model, str(tmp_path / "net.safetensors")))


def test_the_old_names_of_densenet_and_files_without_counters(tmp_path):
    source, model = small("densenet121"), small("densenet121")
    old = OrderedDict((re.sub(r"(denselayer\d+\.(?:norm|conv))([12])\.", r"\1.\2.", key), value)
                      for key, value in source.state_dict().items() if not key.endswith("num_batches_tracked"))
    assert "features.denseblock1.denselayer1.norm.1.weight" in old
    torch.save(old, tmp_path / "densenet121-a639ec97.pth")
    assert same(source, load_weights(model, tmp_path / "densenet121-a639ec97.pth"))


class Bomb:
    """An object whose unpickling writes a file."""

    def __init__(self, target):
        self.target = str(target)

    def __reduce__(self):
        return open, (self.target, "w")


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".safetensors"])
@pytest.mark.parametrize("save", [
    lambda value, path: path.write_bytes(pickle.dumps(value)),
    lambda value, path: torch.save(value, path),
    lambda value, path: torch.save({"fc.bias": torch.zeros(2), "b": value}, path, _use_new_zipfile_serialization=False),
], ids=["pickle", "torch.save", "old torch.save"])
def test_no_code_in_a_file_is_run(tmp_path, suffix, save):
    target, path = tmp_path / "written", tmp_path / f"evil{suffix}"
    save(Bomb(target), path)
    model = small()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    with pytest.raises(ValueError, match=rf"^load_weights: evil{suffix} must be a whole {suffix} file, got: "):
        load_weights(model, path)
    assert not target.exists() and all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


def test_the_bomb_is_live(tmp_path):
    target = tmp_path / "written"
    pickle.loads(pickle.dumps(Bomb(target))).close()
    assert target.exists()


@pytest.mark.parametrize("name", ["good.pth", "old.pth", "good.safetensors"])
def test_every_truncation_is_refused(files, tmp_path, name):
    data, model = (files / name).read_bytes(), small()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    for length in (0, 1, 7, 100, len(data) // 2, len(data) - 1000, len(data) - 1):
        path = tmp_path / f"cut{(files / name).suffix}"
        path.write_bytes(data[:length])
        with pytest.raises(ValueError, match=r"^load_weights: cut\.\w+ must be a whole \.\w+ file, got: .+"):
            load_weights(model, path)
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


@pytest.mark.parametrize("name, other", [("good.pth", "renamed.safetensors"), ("good.safetensors", "renamed.pth")])
def test_a_file_under_the_wrong_ending_is_refused(files, tmp_path, name, other):
    (tmp_path / other).write_bytes((files / name).read_bytes())
    with pytest.raises(ValueError, match=rf"^load_weights: {other} must be a whole "):
        load_weights(small(), tmp_path / other)


def test_endings_and_missing_files(files, tmp_path):
    np.savez(tmp_path / "net.npz", weight=np.zeros(3))
    refused(load_weights, "load_weights: path must end in .pth, .pt, .safetensors, got 'net.npz'",
            small(), tmp_path / "net.npz")
    refused(load_weights, f"load_weights: path must be a file, got '{tmp_path}'", small(), tmp_path)
    refused(load_weights, "load_weights: path must be a file, got 'none.pth'", small(), "none.pth")
    refused(load_weights, "load_weights: path must be a file name, got None", small(), None)
    refused(load_weights, "load_weights: model must be an nn.Module, got 'resnet18'", "resnet18", files / "good.pth")


@pytest.mark.parametrize("value, held", [
    ([torch.zeros(2)], "got list"), (torch.zeros(2), "got Tensor"), ({"epoch": 3}, "got int under 'epoch'"),
    ({"state_dict": {"fc.weight": torch.zeros(2)}}, "got dict under 'state_dict'"),
    ({3: torch.zeros(2)}, "got Tensor under 3"),
], ids=lambda value: type(value).__name__)
def test_other_contents_are_refused(tmp_path, value, held):
    torch.save(value, tmp_path / "net.pth")
    refused(load_weights, f"load_weights: net.pth must hold tensors by name, {held}", small(), tmp_path / "net.pth")


def test_it_says_which_keys_do_not_fit(source, tmp_path):
    state = source.state_dict()
    state["head.weight"] = state.pop("fc.weight")
    state["fc.bias"] = torch.zeros(1000)
    torch.save(state, tmp_path / "net.pth")
    refused(load_weights, "load_weights: net.pth must hold the keys and shapes of the model, got 1 missing: fc.weight; "
            "1 unexpected: head.weight; 1 of wrong shape: fc.bias (1000,) for (3,)", small(), tmp_path / "net.pth")


def test_another_network_is_refused_in_short(files):
    model = small("resnet34")
    before = {key: value.clone() for key, value in model.state_dict().items()}
    with pytest.raises(ValueError) as caught:
        load_weights(model, files / "good.pth")
    assert str(caught.value) == (
        "load_weights: good.pth must hold the keys and shapes of the model, got 80 missing: layer1.2.conv1.weight, "
        "layer1.2.bn1.weight, layer1.2.bn1.bias, layer1.2.bn1.running_mean and 76 more")
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


@pytest.mark.parametrize("spoil", [
    lambda value: value.to_sparse(), lambda value: value.to(torch.complex64), lambda value: value.to(torch.int64),
    lambda value: torch.full_like(value, float("nan")),
    lambda value: torch.full_like(value, 1e300, dtype=torch.float64),
    lambda value: torch.quantize_per_tensor(value, 0.1, 0, torch.qint8), lambda value: value.to("meta"),
], ids=["sparse", "complex", "whole numbers", "nan", "too large", "quantized", "meta"])
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
def test_tensors_of_another_kind_are_refused_and_nothing_is_changed(source, tmp_path, spoil):
    state, model = source.state_dict(), small()
    state["fc.weight"] = spoil(state["fc.weight"])
    torch.save(state, tmp_path / "net.pth")
    before = {key: value.clone() for key, value in model.state_dict().items()}
    refused(load_weights, "load_weights: net.pth must hold the keys and shapes of the model, got 1 without plain "
            "finite numbers of the right kind: fc.weight", model, tmp_path / "net.pth")
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


def test_half_precision_is_fine(source, tmp_path):
    state = {key: value.half() if value.is_floating_point() else value for key, value in source.state_dict().items()}
    torch.save(state, tmp_path / "net.pth")
    model = load_weights(small(), tmp_path / "net.pth")
    assert model.fc.weight.dtype == torch.float32 and torch.equal(model.fc.weight, state["fc.weight"].float())


def test_a_compressed_archive_is_refused(files, tmp_path):
    with zipfile.ZipFile(files / "good.pth") as source, \
            zipfile.ZipFile(tmp_path / "small.pth", "w", zipfile.ZIP_DEFLATED) as packed:
        for entry in source.infolist():
            packed.writestr(entry.filename, source.read(entry))
    refused(load_weights, "load_weights: small.pth must be a whole .pth file, got: it is compressed",
            small(), tmp_path / "small.pth")


def test_a_model_without_numbers_is_refused(files):
    with torch.device("meta"):
        model = small()
    refused(load_weights, "load_weights: model must hold numbers, got one on the meta device",
            model, files / "good.pth")


def test_the_old_names_stay_where_the_model_has_them(tmp_path):
    class Old(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.denselayer1 = torch.nn.ModuleDict({"norm": torch.nn.ModuleDict({"1": torch.nn.BatchNorm2d(2)})})
    source, model = Old(), Old()
    torch.nn.init.uniform_(source.denselayer1["norm"]["1"].weight)
    torch.save(source.state_dict(), tmp_path / "own.pth")
    assert same(source, load_weights(model, tmp_path / "own.pth"))
