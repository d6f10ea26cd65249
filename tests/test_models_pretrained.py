"""The two networks of the box: files, cards, and what they make of leaves that they never saw."""
import json
from dataclasses import asdict, fields

import pytest
import torch
from safetensors import safe_open

from cnnlib.data import LeafPictures
from cnnlib.data.transforms import ConvertImageDtype
from cnnlib.metrics import top_k_accuracy
from cnnlib.models import load_pretrained, model_card, summarize
from cnnlib.models.pretrained import BUILDERS, FILES, ModelCard
from cnnlib.training import evaluate
from tests.judge import refused
from tools import weights

NAMES = list(BUILDERS)
LEAST = {"small_resnet": 0.6, "small_vit": 0.2}  # of 164 classes; a guess is right in 0.006


def file(name):
    return FILES / f"{name}.safetensors"


def test_files_are_small():
    assert all(file(name).stat().st_size <= 1_000_000 for name in NAMES)
    assert {path.stem for path in FILES.iterdir()} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_cards_are_complete_and_say_what_the_file_holds(name):
    card, model = model_card(name), load_pretrained(name)
    assert set(json.loads((FILES / f"{name}.json").read_text())) == {field.name for field in fields(ModelCard)}
    assert all(value not in ("", None, ()) for value in asdict(card).values())
    assert card.parameters == sum(p.numel() for p in model.parameters())
    assert card.parameters == summarize(model, (1, 3, 64, 64)).parameters
    assert card.pictures == weights.PICTURES[name] and card.classes == 164 and not model.training
    with safe_open(file(name), "pt") as stored:
        kinds = {stored.get_tensor(key).dtype for key in stored.keys()}
    assert kinds <= {torch.float16, torch.int64}


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_accuracy_is_that_of_the_card(name):
    card, model = model_card(name), load_pretrained(name)
    judged = weights.judge(model)
    assert judged.accuracy == pytest.approx(card.accuracy, abs=0.01) and judged.accuracy > LEAST[name]
    assert top_k_accuracy(judged.scores, judged.labels) == pytest.approx(card.top5, abs=0.01)
    torch.manual_seed(0)
    raw = LeafPictures(656, classes=weights.CLASSES, size=64, seed=10, transform=ConvertImageDtype())
    assert evaluate(model, raw).accuracy < card.accuracy - 0.1  # without mean and std
    assert evaluate(BUILDERS[name](164), raw).accuracy < 0.05  # without weights


@pytest.mark.parametrize("name", NAMES)
def test_another_number_of_classes_changes_the_last_layer_alone(name):
    old, new = load_pretrained(name).state_dict(), load_pretrained(name, num_classes=12).state_dict()
    changed = [key for key in old if old[key].shape != new[key].shape]
    assert changed == {"small_resnet": ["fc.weight", "fc.bias"],
                       "small_vit": ["heads.head.weight", "heads.head.bias"]}[name]
    assert all(torch.equal(old[key], new[key]) for key in old if key not in changed)


def test_what_is_refused():
    refused(lambda: load_pretrained("resnet50"),
            "load_pretrained: name must be one of small_resnet, small_vit, got 'resnet50'")
    refused(lambda: model_card(None), "model_card: name must be one of small_resnet, small_vit, got None")
    refused(lambda: load_pretrained(["small_vit"]),
            "load_pretrained: name must be one of small_resnet, small_vit, got ['small_vit']")
    refused(lambda: load_pretrained("small_vit", num_classes=0),
            "load_pretrained: num_classes must be a whole number of at least 1, got 0")


def test_the_command_gives_the_same_file_twice_and_a_true_card(tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "JUDGED", 164)
    cards = []
    for folder in ("first", "second"):
        monkeypatch.setitem(weights.PICTURES, "small_resnet", 192)
        monkeypatch.setattr(weights, "FILES", tmp_path / folder)
        assert weights.main(["small_resnet"]) == 0
        cards.append(json.loads((tmp_path / folder / "small_resnet.json").read_text()))
    first, second = ((tmp_path / folder / "small_resnet.safetensors").read_bytes() for folder in ("first", "second"))
    assert first == second and cards[0] == cards[1] and cards[0]["pictures"] == 192
    assert weights.main(["resnet50"]) == "weights: names are small_resnet, small_vit, got 'resnet50'"
