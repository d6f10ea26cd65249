"""Measure what the freeze explorer shows: ``python -m tools.transfer [--check | --quick]``.

``small_resnet`` meets 12 kinds of leaves that it has never seen. For each number of pictures a class, frozen depth and
learning rate it is trained on them with several seeds, beside the same network from scratch. Run this after the weights
have changed; a run that was stopped goes on where it was.
"""
import gzip
import hashlib
import json
import sys
from dataclasses import asdict, dataclass

import torch
from torch import nn

from cnnlib.data import LeafPictures
from cnnlib.data.transforms import Compose, ConvertImageDtype, Normalize
from cnnlib.models.pretrained import BUILDERS, FILES, load_pretrained, model_card
from cnnlib.training import cosine, evaluate, fit, freeze
from tools.project import ROOT

NAME, CLASSES, SIDE = "small_resnet", 12, 64
TRAIN, TEST = 30, 31  # seeds of the leaves; 9 and 10 are those of the pretraining
STAGES = {"stem": ("conv1", "bn1"), "layer1": ("layer1",), "layer2": ("layer2",), "layer3": ("layer3",),
          "layer4": ("layer4",), "fc": ("fc",)}
SCRATCH = len(STAGES)  # a start: 0 to 5 is how many stages are frozen, 6 is from scratch
PATH = ROOT / "cnnlib" / "widgets" / "data" / "transfer.json"
DRAFT = ROOT / "_build" / "transfer_draft.json"  # what a run that was stopped has measured


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is measured.

    Attributes:
        counts: pictures a class.
        seeds: how many seeds for each of the counts; each has pictures, a first head and an order of its own.
        rates: learning rates of SGD with momentum 0.9, at the first step; they fall to 0 along a cosine.
        steps: gradient steps of every run.
        batch: pictures a step; it divides what an epoch holds, and epochs divide the steps.
        judged: leaves of another seed that each run is judged on.
    """

    counts: tuple[int, ...] = (5, 20, 100)
    seeds: tuple[int, ...] = (5, 3, 3)
    rates: tuple[float, ...] = (0.001, 0.01, 0.1)
    steps: int = 180
    batch: int = 20
    judged: int = 360


QUICK = Plan(counts=(5, 10), seeds=(2, 1), steps=6, judged=24)  # to see that it runs: the numbers mean nothing


class Leaves:
    """The leaves of a plan, drawn once: (N, 3, 64, 64), normalized, with labels (N,)."""

    def __init__(self, plan):
        most = max(count * seeds for count, seeds in zip(plan.counts, plan.seeds, strict=True))
        self.pool = drawn(most * CLASSES, TRAIN)
        self.test = drawn(plan.judged, TEST)

    def of(self, count, seed):
        """Return the inputs and labels of one seed: so many of each class, others than those of another seed."""
        size = count * CLASSES
        return tuple(each[seed * size:(seed + 1) * size] for each in self.pool)


def drawn(count, seed):
    """Return inputs (count, 3, 64, 64) and labels (count,); the classes take turns."""
    card = model_card(NAME)
    leaves = LeafPictures(count, classes=CLASSES, size=SIDE, seed=seed,
                          transform=Compose([ConvertImageDtype(), Normalize(card.mean, card.std)]))
    return (torch.stack([torch.as_tensor(leaves[i][0]).float() for i in range(count)]),
            torch.as_tensor(leaves.labels))


def network(start, seed):
    """Return a network for 12 classes with so many frozen stages, or from scratch, in a layout that is fast on a CPU.

    >>> sum(p.numel() for p in network(5, 0).parameters() if p.requires_grad)
    1548
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = BUILDERS[NAME](CLASSES) if start == SCRATCH else load_pretrained(NAME, num_classes=CLASSES)
    if start != SCRATCH:
        freeze(model, [part for parts in list(STAGES.values())[:start] for part in parts])
    return model.to(memory_format=torch.channels_last)


def split(model, frozen):
    """Return the frozen stages, in evaluation mode, and the others; they share the model's modules.

    What comes out of frozen stages never changes, so it is computed once and not in each step.
    """
    stem = nn.Sequential(model.conv1, model.bn1, model.relu, model.maxpool)
    head = nn.Sequential(model.avgpool, nn.Flatten(), model.fc)
    stages = [stem, model.layer1, model.layer2, model.layer3, model.layer4, head]
    return nn.Sequential(*stages[:frozen]).eval(), nn.Sequential(*stages[frozen:])


def features(front, x):
    """Return what the frozen stages make of (N, 3, 64, 64)."""
    with torch.no_grad():
        return torch.cat([front(part) for part in x.split(60)])


def measure(plan, leaves, count, start, seed):
    """Return, for each learning rate, how many of the judged leaves are recognized after the training."""
    (x, y), (test_x, test_y) = leaves.of(count, seed), leaves.test
    frozen = 0 if start == SCRATCH else start
    front, _ = split(network(start, seed), frozen)
    x, test_x = features(front, x), features(front, test_x)
    right = []
    for rate in plan.rates:
        _, tail = split(network(start, seed), frozen)
        fit(tail, (x, y), epochs=plan.steps * plan.batch // len(x), batch_size=plan.batch, lr=rate, schedule=cosine(),
            seed=seed, device="cpu", progress=False)
        right.append(round(evaluate(tail, (test_x, test_y)).accuracy * plan.judged))
    return right


def facts(plan):
    """Return what a file says beside its measurements; where it differs, the measurements are old."""
    model = network(0, 0)
    size = {name: sum(p.numel() for part in parts for p in getattr(model, part).parameters())
            for name, parts in STAGES.items()}
    weights = hashlib.sha256((FILES / f"{NAME}.safetensors").read_bytes()).hexdigest()[:16]
    return {"weights": weights, "classes": CLASSES, **json.loads(json.dumps(asdict(plan))),
            "stages": [[name, list(parts), size[name]] for name, parts in STAGES.items()]}


def runs(plan):
    """Return (count, start, seed) of everything that is trained, few pictures first."""
    return [(count, start, seed) for count, seeds in zip(plan.counts, plan.seeds, strict=True)
            for start in range(SCRATCH + 1) for seed in range(seeds)]


def document(plan, found):
    """Return the file's data: ``right[count][start][rate][seed]``, of ``judged`` leaves."""
    right = [[[[found[f"{count} {start} {seed}"][rate] for seed in range(seeds)] for rate in range(len(plan.rates))]
              for start in range(SCRATCH + 1)] for count, seeds in zip(plan.counts, plan.seeds, strict=True)]
    return {**facts(plan), "right": right}


def measure_all(plan, draft):
    """Measure what the draft does not hold yet, write it down after each run, and return the file's data."""
    known, found = facts(plan), {}
    if draft.exists():
        before = json.loads(draft.read_text(encoding="utf-8"))
        found = before["found"] if before["facts"] == known else {}
    leaves, todo = None, [run for run in runs(plan) if " ".join(map(str, run)) not in found]
    for place, run in enumerate(todo, start=1):
        leaves = leaves or Leaves(plan)
        key = " ".join(map(str, run))
        found[key] = measure(plan, leaves, *run)
        write(draft, {"facts": known, "found": found})
        print(f"{place}/{len(todo)}: pictures a class, start, seed {key}: {found[key]} right", flush=True)
    return document(plan, found)


def write(path, data):
    """Write JSON beside the path, then put it in its place: a stopped run leaves no half file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".new")
    beside.write_text(json.dumps(data, separators=(",", ":")) + "\n", encoding="utf-8")
    beside.replace(path)


def main(arguments=()):
    """Measure and write the file; with --check change nothing and return 1 if it is of other weights or another plan.

    With --quick a few steps are measured for a file in ``_build``, to see that everything runs.
    """
    if not set(arguments) <= {"--check", "--quick"} or len(arguments) > 1:
        return f"transfer: takes --check or --quick, got {' '.join(arguments)}"
    quick = "--quick" in arguments
    plan, path = (QUICK, DRAFT.with_name("transfer_quick.json")) if quick else (Plan(), PATH)
    torch.set_num_threads(1)
    if path.exists() and not quick:
        before = json.loads(path.read_text(encoding="utf-8"))
        before.pop("right")
        if before == facts(plan):
            print(f"{path.name}: up to date")
            return 0
    if "--check" in arguments:
        print(f"{path.name}: of other weights or another plan")
        return 1
    if not model_card(NAME).pictures and not quick:
        return f"transfer: {NAME} has learned nothing yet, run python -m tools.weights {NAME} first"
    draft = DRAFT.with_name("transfer_quick_draft.json") if quick else DRAFT
    write(path, measure_all(plan, draft))
    draft.unlink()
    print(f"{path.name}: written, {len(gzip.compress(path.read_bytes(), mtime=0)) / 1024:.1f} KiB gzipped")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
