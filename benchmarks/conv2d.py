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

RESULTS = Path(__file__).resolve().parent / "results" / "conv2d.md"
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


SMALL = [  # images (N, C, H, W), filters (O, C, kh, kw)
    ((1, 1, 3, 3), (1, 1, 3, 3)),
    ((1, 1, 5, 7), (1, 1, 3, 2)),
    ((1, 1, 28, 28), (1, 1, 3, 3)),
    ((1, 1, 28, 28), (1, 1, 7, 7)),
    ((1, 3, 32, 32), (4, 3, 3, 3)),
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
    """Return rows (shape, {name: seconds}) of V1 to V5, conv2d and torch on small layers, from one window up."""
    return [(shape, of_versions(*shape)) for shape in SMALL]


def of_versions(image, filters):
    """Return the median seconds of each version; V1 to V4 are called once for each image, filter and channel."""
    rng = np.random.default_rng(0)
    x, weight = rng.standard_normal(image, dtype=np.float32), rng.standard_normal(filters, dtype=np.float32)
    maps = [(picture, filter) for picture in x for filter in weight]
    planes = [pair for picture, filter in maps for pair in zip(picture, filter, strict=True)]
    tensors = torch.from_numpy(x), torch.from_numpy(weight)
    calls = {
        "conv2d_v1": lambda: [scratch.conv2d_v1(*plane) for plane in planes],
        "conv2d_v2": lambda: [scratch.conv2d_v2(*plane) for plane in planes],
        "conv2d_v3": lambda: [scratch.conv2d_v3(*plane) for plane in planes],
        "conv2d_v4": lambda: [scratch.conv2d_v4(*pair) for pair in maps],
        "conv2d_v5": lambda: scratch.conv2d_v5(x, weight),
        "conv2d": lambda: scratch.conv2d(x, weight),
        "torch.conv2d": lambda: torch.conv2d(*tensors),
    }
    return dict(zip(calls, medians(list(calls.values())), strict=True))


def table(title, layers, rows):
    """Return a Markdown table of measured layers."""
    lines = [f"\n## {title}\n", "| layer | channels | kernel | size | stride | groups | NumPy ms | torch ms | ratio |",
             "|---|---|---|---|---|---|---|---|---|"]
    for layer, (ours, torchs) in zip(layers, rows, strict=True):
        inside, outside = layer.channels
        shape = f"{inside} → {outside} | {layer.kernel_size} | {layer.size} | {layer.stride} | {layer.groups}"
        lines.append(f"| {layer.name} | {shape} | {1e3 * ours:.2f} | {1e3 * torchs:.2f} | {ours / torchs:.2f} |")
    return "\n".join(lines)


def table_of_versions(rows):
    """Return a Markdown table of V1 to V5 in milliseconds."""
    lines = ["\n## V1 to V5 on small layers, in ms\n", f"| images | filters | {' | '.join(rows[0][1])} |",
             f"|---|---|{'---|' * len(rows[0][1])}"]
    for (image, filters), seconds in rows:
        lines.append(f"| {image} | {filters} | {' | '.join(f'{1e3 * each:.3f}' for each in seconds.values())} |")
    return "\n".join(lines)


def main():
    """Measure, write the results and say which limit is broken."""
    torch.set_num_threads(1)
    dense, grouped = [against_torch(layer) for layer in DENSE], [against_torch(layer) for layer in GROUPED]
    small = versions()
    ratios, grouped_ratios = ([ours / torchs for ours, torchs in rows] for rows in (dense, grouped))
    fastest = max(row["conv2d"] / row["conv2d_v5"] for _, row in small)
    limits = [
        ("dense layers, geometric mean", statistics.geometric_mean(ratios), DENSE_MEAN),
        ("dense layers, largest", max(ratios), DENSE_MOST),
        ("grouped and depthwise layers, largest", max(grouped_ratios), GROUPED_MOST),
        ("conv2d against conv2d_v5, largest", fastest, 1.0),
    ]
    text = "\n".join([
        "# conv2d in NumPy against torch\n",
        f"One thread, float32, medians of {ROUNDS} interleaved runs; {platform.machine()}, NumPy {np.__version__}, "
        f"torch {torch.__version__}.\n",
        *(f"- {name}: {value:.2f} (limit {limit})" for name, value, limit in limits),
        table("Dense layers", DENSE, dense), table("Grouped and depthwise layers", GROUPED, grouped),
        table_of_versions(small), ""])
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(text, encoding="utf-8")
    print(text)
    broken = [f"{name} is {value:.2f}, limit {limit}" for name, value, limit in limits if value > limit]
    return f"benchmarks.conv2d: {'; '.join(broken)}" if broken else 0


if __name__ == "__main__":
    sys.exit(main())
