"""Forward time of cnnlib.models against the same operators without it, one thread: ``python -m benchmarks.models``."""
import platform
import random
import statistics
import sys
import time
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only

from benchmarks import _references
from cnnlib.models import create_model, list_models

RESULTS = Path(__file__).resolve().parent / "results" / "models.md"
NAMES = (*_references.SEQUENTIAL, *_references.PROGRAMS)
SIZES = {row.name: row.input_size for row in list_models()}
MOST, BUILD_MOST = 1.05, 1.0
SECONDS, ROUNDS = 15, 15  # for each model: go on for so long, but at least for so many rounds
WORDS = (
    "The reference is torchvision's model where torchvision is installed, else the same nn layers with the same "
    "weights in torchvision's order, as an nn.Sequential or called by a plain program (benchmarks/_references.py); the "
    "table says which it was. Operators are compared one by one, in order: name, shapes, all other arguments, results. "
    "«To bare functions» has no limit: it is against the program without any nn.Module, and so holds what PyTorch's "
    "own modules cost.")


class Recorded(TorchDispatchMode):
    """Within this context every operation is written down: name, shapes of tensors, all other arguments, results."""

    def __init__(self):
        super().__init__()
        self.operators = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        """Run the operation and note it."""
        written = tree_map_only(torch.Tensor, _shape, [args, kwargs or {}])  # before it runs: it may change its input
        out = function(*args, **(kwargs or {}))
        self.operators.append(f"{function}{written} -> {tree_map_only(torch.Tensor, _shape, out)}")
        return out


def _shape(tensor):
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"


def operators(function, size):
    """Return what a function of images runs on one of size x size pixels, a line for each aten operation, in order."""
    x = torch.empty(1, 3, size, size, device="meta")
    with torch.inference_mode():
        function(x)  # a program makes its layers in its first call
        with Recorded() as recorded:
            function(x)
    return recorded.operators


def difference(ours, theirs):
    """Return the first place where two lists of operators differ, in words, or None.

    >>> difference(["conv", "relu"], ["conv", "relu_"])
    'operator 2 is relu here and relu_ there'
    """
    for number, (here, there) in enumerate(zip_longest(ours, theirs, fillvalue="missing"), start=1):
        if here != there:
            return f"operator {number} is {here} here and {there} there"
    return None


def reference(name, state):
    """Return (what it is, function of images) to measure a model against: torchvision's model where it is installed.

    Args:
        name: one of NAMES.
        state: the state_dict whose tensors it uses.
    """
    try:
        import torchvision
    except ImportError:
        return _references.plain(name, state)
    options = {"init_weights": True} if name in {"googlenet", "inception_v3"} else {}
    with torch.device("meta"):
        network = torchvision.models.get_model(name, **options).eval()
    network.load_state_dict(state, assign=True)
    return f"torchvision {torchvision.__version__}", network


def compare(name):
    """Return (number of operators, difference or None) of a model and its reference, without computing anything."""
    with torch.device("meta"):
        model = create_model(name).eval()
    ours = operators(model, SIZES[name])
    return len(ours), difference(ours, operators(reference(name, model.state_dict())[1], SIZES[name]))


@dataclass(frozen=True, kw_only=True)
class Timing:
    """What one model costs.

    Attributes:
        against: what the reference is.
        rounds: how often each was called.
        ours: median in seconds.
        reference: median in seconds.
        quartiles: of ours / reference over the rounds.
        bare: median of ours / functions without any nn.Module, or None.
    """

    against: str
    rounds: int
    ours: float
    reference: float
    quartiles: tuple
    bare: float | None


def forward(name, seconds):
    """Return the Timing of one image; in each round all are called, in an order drawn anew."""
    torch.manual_seed(0)
    model, x = create_model(name).eval(), torch.randn(1, 3, SIZES[name], SIZES[name])
    against, twin = reference(name, model.state_dict())
    bare = _references.bare(name, model.state_dict())
    calls = [model, twin] if bare is None else [model, twin, bare]
    with torch.inference_mode():
        right = twin(x)
        if any((call(x) - right).abs().max() > 1e-5 * right.abs().max() for call in calls):
            raise SystemExit(f"benchmarks.models: {name} must agree with its reference, got other numbers")
        times, order, end = {call: [] for call in calls}, random.Random(0), time.perf_counter() + seconds
        while time.perf_counter() < end or len(times[model]) < ROUNDS:
            for call in order.sample(calls, len(calls)):
                start = time.perf_counter()
                call(x)
                times[call].append(time.perf_counter() - start)
    ratios = _ratios(times[model], times[twin])
    return Timing(
        against=against, rounds=len(ratios), ours=statistics.median(times[model]),
        reference=statistics.median(times[twin]), quartiles=tuple(statistics.quantiles(ratios, n=4)),
        bare=None if bare is None else statistics.median(_ratios(times[model], times[bare])))


def _ratios(ours, theirs):
    return [mine / other for mine, other in zip(ours, theirs, strict=True)]


def build_seconds():
    """Return the seconds that resnet50 without memory (on the meta device) takes: the process's first, and one more."""
    seconds = []
    for _ in range(2):
        start = time.perf_counter()
        with torch.device("meta"):
            create_model("resnet50")
        seconds.append(time.perf_counter() - start)
    return seconds


def table(compared, timings):
    """Return a Markdown table, a row for each model."""
    heads = ("model", "reference", "operators", "rounds", "ours ms", "reference ms", "ratio", "quartiles",
             "to bare functions")
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for name, timing in timings.items():
        number, differs = compared[name]
        said, (low, middle, high) = "not equal" if differs else "all equal", timing.quartiles
        bare = "" if timing.bare is None else f"{timing.bare:.3f} "
        lines.append(
            f"| {name} | {timing.against} | {number}, {said} | {timing.rounds} | {1e3 * timing.ours:.1f} "
            f"| {1e3 * timing.reference:.1f} | {middle:.3f} | {low:.3f} to {high:.3f} | {bare}|")
    return "\n".join(lines)


def main(seconds=SECONDS):
    """Measure, write the results and say which limit is broken."""
    torch.set_num_threads(1)
    first, again = build_seconds()
    compared = {name: compare(name) for name in NAMES}
    timings = {name: forward(name, seconds) for name in NAMES}
    slowest = max(timing.quartiles[1] for timing in timings.values())
    equal = sum(differs is None for _, differs in compared.values())
    limits = [("forward against the reference, largest median ratio", slowest, MOST),
              ("create_model('resnet50') on the meta device, first call, seconds", first, BUILD_MOST)]
    text = "\n".join([
        "# cnnlib.models against the same operators without it\n",
        f"One thread, float32, one image, evaluation mode, called in turns in random order; {platform.machine()}, "
        f"torch {torch.__version__}. {WORDS}\n",
        *(f"- {name}: {value:.3f} (limit {limit})" for name, value, limit in limits),
        f"- create_model('resnet50') on the meta device, second call, seconds: {again:.3f}",
        f"- models whose operators are all equal: {equal} of {len(NAMES)} (limit: all)\n",
        table(compared, timings), ""])
    RESULTS.write_text(text, encoding="utf-8")
    print(text)
    broken = [f"{name} is {value:.3f}, limit {limit}" for name, value, limit in limits if value > limit]
    broken += [f"{name}: {differs}" for name, (_, differs) in compared.items() if differs]
    return f"benchmarks.models: {'; '.join(broken)}" if broken else 0


if __name__ == "__main__":
    sys.exit(main())
