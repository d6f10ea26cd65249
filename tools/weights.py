"""Train the two small networks of the box: ``python -m tools.weights [name ...]``.

Each picture is drawn when its turn comes and seen once. The same machine and number of threads give the same weights;
another machine may round differently, and its accuracy differs by less than a point.
"""
import json
import sys
from dataclasses import asdict

import numpy as np
import torch
from safetensors.torch import save_file
from torch.nn import functional

from cnnlib.data import LeafPictures
from cnnlib.data.transforms import Compose, ConvertImageDtype, Normalize, RandomHorizontalFlip
from cnnlib.metrics import top_k_accuracy
from cnnlib.models.pretrained import BUILDERS, FILES, ModelCard
from cnnlib.training import evaluate, fit, one_cycle

CLASSES = range(12, 176)  # the first 12 are left to the reader
SIZE, BATCH, SEED, JUDGED = 64, 64, 0, 2 * len(CLASSES) * 5
MEAN, STD = (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)
PICTURES = {"small_resnet": 80_000, "small_vit": 120_000}
RATES = {"small_resnet": 4e-3, "small_vit": 1e-3}
SMOOTHING = 0.1
ARCHITECTURES = {
    "small_resnet": "ResNet, one basic block in each of four stages of 16 to 128 channels, 3x3 stem of stride 2",
    "small_vit": "ViT, 4 layers, 4 heads, 96 numbers a token, 8x8 patches: 64 tokens and the class token",
}


def leaves(count, *, seed, random=None):
    """Return leaves as the networks take them: (3, 64, 64) float32, normalized."""
    steps = [ConvertImageDtype(), Normalize(MEAN, STD)]
    return LeafPictures(count, classes=CLASSES, size=SIZE, seed=seed, transform=Compose([*(random or []), *steps]))


def train(name, pictures, *, progress=True):
    """Return a network of that name that saw so many leaves."""
    torch.manual_seed(SEED)
    model = BUILDERS[name](len(CLASSES))
    data = leaves(pictures, seed=9, random=[RandomHorizontalFlip(rng=np.random.default_rng(SEED))])
    fit(model, data, epochs=1, lr=RATES[name], batch_size=BATCH, schedule=one_cycle(), seed=SEED, progress=progress,
        optimizer=torch.optim.AdamW(model.parameters(), lr=RATES[name], weight_decay=0.05),
        loss=lambda scores, y: functional.cross_entropy(scores, y, label_smoothing=SMOOTHING))
    return model


def store(name, model, pictures, folder):
    """Write weights in half precision, judge what was written, and write the card; return it."""
    folder.mkdir(parents=True, exist_ok=True)
    state = {key: value.half() if value.is_floating_point() else value for key, value in model.state_dict().items()}
    save_file({key: value.contiguous() for key, value in state.items()}, folder / f"{name}.safetensors")
    model.load_state_dict(state)
    judged = judge(model)
    card = ModelCard(
        name=name, architecture=ARCHITECTURES[name], parameters=sum(p.numel() for p in model.parameters()),
        input="(N, 3, 64, 64), red, green and blue from 0 to 1, then (x - mean) / std", mean=MEAN, std=STD,
        data=f"generated leaves, classes {CLASSES[0]} to {CLASSES[-1]} of LeafPictures, 64x64 pixels, seed 9",
        classes=len(CLASSES), pictures=pictures, seed=SEED, recipe=(
            f"AdamW, lr {RATES[name]:g}, weight decay 0.05, one cycle, batches of {BATCH}, label smoothing "
            f"{SMOOTHING}, horizontal flips, each picture seen once"),
        accuracy=round(judged.accuracy, 4), top5=round(top_k_accuracy(judged.scores, judged.labels), 4),
        judged_on=f"{JUDGED} leaves of the same classes, seed 10",
        command=f"make weights, or for this one alone: python -m tools.weights {name}", precision="float16",
        license="MIT, as the book's code; no foreign data went in",
        limits="It has seen nothing but drawn leaves of 64x64 pixels, on drawn grounds, one in each picture.")
    (folder / f"{name}.json").write_text(json.dumps(asdict(card), indent=1) + "\n", encoding="utf-8")
    return card


def judge(model):
    """Return an Evaluation on leaves that no network of the box learned from."""
    return evaluate(model, leaves(JUDGED, seed=10))


def main(arguments=()):
    """Train the named networks, or both."""
    unknown = [name for name in arguments if name not in BUILDERS]
    if unknown:
        return f"weights: names are {', '.join(BUILDERS)}, got {unknown[0]!r}"
    torch.set_num_threads(1)  # so that the order of additions, and with it every bit, is the same again
    for name in arguments or BUILDERS:
        card = store(name, train(name, PICTURES[name]), PICTURES[name], FILES)
        size = (FILES / f"{name}.safetensors").stat().st_size / 1e6
        print(f"{name}: {size:.2f} MB, accuracy {card.accuracy:.3f}, top 5 {card.top5:.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
