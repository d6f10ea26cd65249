"""NumPy's conv2d against torch on the CPU, one thread each, interleaved: ``python -m benchmarks.conv2d``."""
import os

os.environ.update(OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1", OMP_NUM_THREADS="1")  # before NumPy is loaded

import platform
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from cnnlib import scratch

RESULTS = Path(__file__).parent / "results" / "conv2d.md"
DENSE_MEAN, DENSE_MOST, GROUPED_MOST = 1.25, 2.0, 6.0
ROUNDS = 15


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A layer of a published network, batch 1, float32; sizes in pixels."""

    name: str
    channels: tuple  # in, out
    kernel_size: int
    size: int
    stride: int = 1
    padding: int = 0
    groups: int = 1


DENSE = [
    Layer(name="LeNet-5 C1", channels=(1, 6), kernel_size=5, size=32),
    Layer(name="LeNet-5 C3", channels=(6, 16), kernel_size=5, size=14),
    Layer(name="AlexNet conv1", channels=(3, 64), kernel_size=11, size=224, stride=4, padding=2),
    Layer(name="AlexNet conv2", channels=(64, 192), kernel_size=5, size=27, padding=2),
    Layer(name="AlexNet conv3", channels=(192, 384), kernel_size=3, size=13, padding=1),
    Layer(name="VGG conv1_1", channels=(3, 64), kernel_size=3, size=224, padding=1),
    Layer(name="VGG conv1_2", channels=(64, 64), kernel_size=3, size=224, padding=1),
    Layer(name="VGG conv2_2", channels=(128, 128), kernel_size=3, size=112, padding=1),
    Layer(name="VGG conv3_2", channels=(256, 256), kernel_size=3, size=56, padding=1),
    Layer(name="VGG conv4_2", channels=(512, 512), kernel_size=3, size=28, padding=1),
    Layer(name="VGG conv5_1", channels=(512, 512), kernel_size=3, size=14, padding=1),
    Layer(name="ResNet stem", channels=(3, 64), kernel_size=7, size=224, stride=2, padding=3),
    Layer(name="ResNet layer1 3x3", channels=(64, 64), kernel_size=3, size=56, padding=1),
    Layer(name="ResNet layer1 1x1", channels=(64, 256), kernel_size=1, size=56),
    Layer(name="ResNet layer2 3x3", channels=(128, 128), kernel_size=3, size=28, padding=1),
    Layer(name="ResNet layer2 shortcut", channels=(256, 512), kernel_size=1, size=56, stride=2),
    Layer(name="ResNet layer4 3x3", channels=(512, 512), kernel_size=3, size=7, padding=1),
]
GROUPED = [
    Layer(name="MobileNet dw 32", channels=(32, 32), kernel_size=3, size=112, padding=1, groups=32),
    Layer(name="MobileNet dw 64 /2", channels=(64, 64), kernel_size=3, size=112, stride=2, padding=1, groups=64),
    Layer(name="MobileNet dw 128", channels=(128, 128), kernel_size=3, size=56, padding=1, groups=128),
    Layer(name="MobileNet dw 256", channels=(256, 256), kernel_size=3, size=28, padding=1, groups=256),
    Layer(name="MobileNet dw 512", channels=(512, 512), kernel_size=3, size=14, padding=1, groups=512),
    Layer(name="MobileNet dw 1024", channels=(1024, 1024), kernel_size=3, size=7, padding=1, groups=1024),
    Layer(name="ResNeXt 32x4d", channels=(128, 128), kernel_size=3, size=56, padding=1, groups=32),
    Layer(name="ResNeXt 32x8d /2", channels=(256, 256), kernel_size=3, size=56, stride=2, padding=1, groups=32),
    Layer(name="ResNeXt 32x16d", channels=(512, 512), kernel_size=3, size=14, padding=1, groups=32),
]


def medians(functions, rounds=ROUNDS):
    """Return the median seconds of each function, called in turns."""
    times = [[] for _ in functions]
    for _ in range(rounds):
        for function, seconds in zip(functions, times, strict=True):
            start = time.perf_counter()
            function()
            seconds.append(time.perf_counter() - start)
    return [statistics.median(seconds) for seconds in times]


def arrays(layer):
    """Return (x, weight, options) of a layer, random float32."""
    rng, (inside, outside) = np.random.default_rng(0), layer.channels
    x = rng.standard_normal((1, inside, layer.size, layer.size), dtype=np.float32)
    shape = (outside, inside // layer.groups, layer.kernel_size, layer.kernel_size)
    weight = rng.standard_normal(shape, dtype=np.float32)
    return x, weight, {"stride": layer.stride, "padding": layer.padding}


def against_torch(layer):
    """Return (NumPy's seconds, torch's seconds) of a layer, after checking that they agree."""
    x, weight, options = arrays(layer)
    options["groups"] = layer.groups
    tensors = torch.from_numpy(x), torch.from_numpy(weight)

    def ours():
        return scratch.conv2d(x, weight, **options)

    def torchs():
        return torch.conv2d(*tensors, **options)

    right = torchs().numpy()
    if np.abs(ours() - right).max() > 1e-4 * np.abs(right).max():
        raise SystemExit(f"benchmarks.conv2d: {layer.name} must agree with torch, got other numbers")
    return medians([ours, torchs])


def versions():
    """Return rows (name, milliseconds, times of the fast version) of V1 to V5 on one small layer."""
    rng = np.random.default_rng(0)
    x, weight = rng.standard_normal((1, 3, 32, 32)), rng.standard_normal((4, 3, 3, 3))
    one, kernel = x[0, 0], weight[0, 0]
    image = {"conv2d_v1": scratch.conv2d_v1, "conv2d_v2": scratch.conv2d_v2, "conv2d_v3": scratch.conv2d_v3}
    calls = {name: (lambda f=f: [[f(one, kernel) for _ in range(3)] for _ in range(4)]) for name, f in image.items()}
    calls["conv2d_v4"] = lambda: [scratch.conv2d_v4(x[0], filter) for filter in weight]
    calls["conv2d_v5"] = lambda: scratch.conv2d_v5(x, weight)
    calls["conv2d"] = lambda: scratch.conv2d(x, weight)
    tensors = torch.from_numpy(x), torch.from_numpy(weight)
    calls["torch.conv2d"] = lambda: torch.conv2d(*tensors)
    seconds = dict(zip(calls, medians(list(calls.values()), rounds=5), strict=True))
    return [(name, 1e3 * value, value / seconds["conv2d"]) for name, value in seconds.items()]


def table(title, layers, rows):
    """Return a Markdown table of measured layers."""
    lines = [f"\n## {title}\n", "| layer | channels | kernel | size | stride | groups | NumPy ms | torch ms | ratio |",
             "|---|---|---|---|---|---|---|---|---|"]
    for layer, (ours, torchs) in zip(layers, rows, strict=True):
        inside, outside = layer.channels
        shape = f"{inside} → {outside} | {layer.kernel_size} | {layer.size} | {layer.stride} | {layer.groups}"
        lines.append(f"| {layer.name} | {shape} | {1e3 * ours:.2f} | {1e3 * torchs:.2f} | {ours / torchs:.2f} |")
    return "\n".join(lines)


def main():
    """Measure, write the results and say which limit is broken."""
    torch.set_num_threads(1)
    dense, grouped = [against_torch(layer) for layer in DENSE], [against_torch(layer) for layer in GROUPED]
    five = versions()
    ratios = [ours / torchs for ours, torchs in dense]
    mean, most = statistics.geometric_mean(ratios), max(ours / torchs for ours, torchs in grouped)
    small = ["\n## V1 to V5, 3 channels, 4 filters of 3x3, 32x32\n", "| version | ms | times conv2d |", "|---|---|---|",
             *(f"| {name} | {ms:.2f} | {ratio:.1f} |" for name, ms, ratio in five)]
    text = "\n".join([
        "# conv2d in NumPy against torch\n",
        f"One thread, float32, medians of {ROUNDS} interleaved runs; {platform.machine()}, NumPy {np.__version__}, "
        f"torch {torch.__version__}.\n",
        f"- dense layers: geometric mean {mean:.2f} (limit {DENSE_MEAN}), "
        f"largest {max(ratios):.2f} (limit {DENSE_MOST})",
        f"- grouped and depthwise layers: largest {most:.2f} (limit {GROUPED_MOST})",
        table("Dense layers", DENSE, dense), table("Grouped and depthwise layers", GROUPED, grouped), *small, ""])
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(text, encoding="utf-8")
    print(text)
    v5, fast = (next(ms for name, ms, _ in five if name == wanted) for wanted in ("conv2d_v5", "conv2d"))
    if mean > DENSE_MEAN or max(ratios) > DENSE_MOST or most > GROUPED_MOST or fast > v5:
        return f"benchmarks.conv2d: a limit is broken, see {RESULTS.relative_to(Path.cwd())}"
    return 0


if __name__ == "__main__":
    sys.exit(main())
