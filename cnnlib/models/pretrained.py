"""Two small networks that have learned leaves already: their weights are in the box, with a card that says how."""
import json
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from cnnlib._arguments import choice, whole
from cnnlib.models import vit
from cnnlib.models._blocks import conv3x3
from cnnlib.models.resnet import ResNet, ResNetRow
from cnnlib.models.weights import load_weights

FILES = Path(__file__).with_name("files")
SMALL_RESNET = ResNetRow(depths=(1, 1, 1, 1), bottleneck=False, width=16, input_size=64, published_parameters=0)
SMALL_VIT = {"image_size": 64, "patch_size": 8, "num_layers": 4, "num_heads": 4, "hidden_dim": 96}


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """What a network learned from, and how well.

    Attributes:
        name: what ``load_pretrained`` takes.
        architecture: how it is built.
        parameters: how many numbers it learned.
        input: what it takes.
        mean: of each channel, which is taken away from pictures of 0 to 1.
        std: of each channel, by which they are divided then.
        data: what it learned from.
        classes: how many of them it tells apart.
        pictures: how many it saw, each once.
        seed: of weights, order and augmentation.
        recipe: optimizer, rate, schedule, batch and augmentation.
        accuracy: on leaves of the same classes that it never saw, a fraction of 1, of the weights as they are stored.
        top5: the fraction whose class is among the five largest scores.
        judged_on: those leaves.
        command: what makes the file.
        precision: of the stored numbers.
        limits: what it is not good for.
        license: of the weights.
    """

    name: str
    architecture: str
    parameters: int
    input: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    data: str
    classes: int
    pictures: int
    seed: int
    recipe: str
    accuracy: float
    top5: float
    judged_on: str
    command: str
    precision: str
    limits: str
    license: str


def small_resnet(num_classes):
    """Return a ResNet of four blocks for 64x64 pixels, (N, 3, 64, 64) to scores (N, num_classes), untrained.

    >>> sum(p.numel() for p in small_resnet(164).parameters()) < 500_000
    True
    """
    model = ResNet(SMALL_RESNET, num_classes=num_classes, small_images=True)
    model.conv1 = conv3x3(3, SMALL_RESNET.width, stride=2)
    return model


def small_vit(num_classes):
    """Return a ViT of four layers and 8x8 patches for 64x64 pixels, (N, 3, 64, 64) to (N, num_classes), untrained.

    >>> sum(p.numel() for p in small_vit(164).parameters()) < 500_000
    True
    """
    return vit.build(vit.ROWS["vit_b_16"], num_classes=num_classes, **SMALL_VIT)


BUILDERS = {"small_resnet": small_resnet, "small_vit": small_vit}


def model_card(name):
    """Return the card of a pretrained network.

    Raises:
        ValueError: there is no such network.

    >>> model_card("small_resnet").classes
    164
    """
    choice("model_card", "name", name, BUILDERS)
    fields = json.loads((FILES / f"{name}.json").read_text(encoding="utf-8"))
    return ModelCard(**{key: tuple(value) if isinstance(value, list) else value for key, value in fields.items()})


def load_pretrained(name, *, num_classes=None):
    """Return a small network with the weights that are in the box, in evaluation mode.

    Args:
        name: "small_resnet" or "small_vit"; ``model_card(name)`` says what it has learned.
        num_classes: None keeps its own classes; a number puts an untrained last layer of so many scores in its place.

    Returns:
        An ``nn.Module`` from (N, 3, 64, 64) to (N, num_classes). Its input is what ``Normalize`` makes of pictures of
        0 to 1 with the card's mean and std.

    Raises:
        ValueError: there is no such network, or num_classes is no whole number of at least 1.

    >>> load_pretrained("small_resnet", num_classes=12).fc.out_features
    12
    """
    choice("load_pretrained", "name", name, BUILDERS)
    card = model_card(name)
    model = load_weights(BUILDERS[name](card.classes), FILES / f"{name}.safetensors")
    if num_classes is not None:
        whole("load_pretrained", "num_classes", num_classes, least=1)
        last = model.fc if hasattr(model, "fc") else model.heads.head
        new = nn.Linear(last.in_features, num_classes)
        if hasattr(model, "fc"):
            model.fc = new
        else:
            model.heads.head = new
    return model.eval()
