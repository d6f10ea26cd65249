"""What training costs in NumPy against torch, one thread each, interleaved: ``python -m benchmarks.training``."""
import os

os.environ.update(OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1", OMP_NUM_THREADS="1")  # before NumPy is loaded

import platform
import statistics
import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.conv2d import DENSE, ROUNDS, arrays, medians
from cnnlib import scratch

RESULTS = Path(__file__).resolve().parent / "results" / "training.md"
BACKWARD_MEAN, BACKWARD_MOST, POOL_MEAN, STEP_MEAN = 1.75, 4.0, 3.0, 2.0
POOLS = [  # where it stands, maps (N, C, H, W), window, stride, padding
    ("LeNet, 64 images", (64, 16, 8, 8), 2, 2, 0),
    ("VGG pool1", (1, 64, 224, 224), 2, 2, 0),
    ("VGG pool3", (1, 256, 56, 56), 2, 2, 0),
    ("AlexNet pool1", (1, 64, 55, 55), 3, 2, 0),
    ("ResNet stem", (1, 64, 112, 112), 3, 2, 1),
    ("GoogLeNet inception 3a", (1, 192, 28, 28), 3, 1, 1),
]
STEPS = [("digits, 8 px, batch 64", 8, 64), ("MNIST size, 28 px, batch 64", 28, 64), ("28 px, batch 256", 28, 256)]


def check(name, ours, right):
    """Stop if two arrays differ."""
    right = right.detach().numpy()
    if np.abs(ours - right).max() > 1e-4 * np.abs(right).max():
        raise SystemExit(f"benchmarks.training: {name} must agree with torch, got other numbers")


def conv_backward(layer):
    """Return (NumPy's seconds, torch's seconds) of all three gradients of a layer."""
    x, weight, options = arrays(layer)
    grad_output = np.ones_like(scratch.conv2d(x, weight, **options))
    tensors = [torch.from_numpy(array) for array in (grad_output, x, weight)]
    stride, padding = [layer.stride] * 2, [layer.padding] * 2

    def ours():
        return scratch.conv2d_backward(grad_output, x, weight, **options)

    def torchs():
        return torch.ops.aten.convolution_backward(*tensors, [len(weight)], stride, padding, [1, 1], False, [0, 0],
                                                   layer.groups, [True, True, True])

    for mine, right in zip(ours(), torchs(), strict=True):
        check(layer.name, mine, right)
    return medians([ours, torchs])


def pooling(kind, shape, kernel_size, stride, padding):
    """Return (NumPy's seconds, torch's seconds) forward, and the same backward."""
    x = np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
    forward, backward = getattr(scratch, f"{kind}_pool2d"), getattr(scratch, f"{kind}_pool2d_backward")
    options = {"stride": stride, "padding": padding}
    tensor = torch.from_numpy(x).requires_grad_()
    y = getattr(F, f"{kind}_pool2d")(tensor, kernel_size, **options)
    grad_output = torch.ones_like(y)

    def ours():
        return forward(x, kernel_size, **options)

    def torchs():
        return getattr(F, f"{kind}_pool2d")(tensor, kernel_size, **options)

    def ours_back():
        return backward(grad_output.numpy(), x, kernel_size, **options)

    def torchs_back():
        return torch.autograd.grad(y, tensor, grad_output, retain_graph=True)[0]

    check(kind, ours(), y)
    check(kind, ours_back(), torchs_back())
    return [medians([ours, torchs]), medians([ours_back, torchs_back])]


def training_step(size, batch):
    """Return (NumPy's seconds, torch's seconds) of forward, loss, backward and step of the same network."""
    rng = np.random.default_rng(0)
    images, labels = rng.random((batch, 1, size, size), np.float32), rng.integers(10, size=batch)
    net, loss, side = scratch.lenet(image_size=size, rng=0).to(np.float32), scratch.CrossEntropyLoss(), size // 4
    twin = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(32 * side * side, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(),
        nn.Linear(84, 10))
    twin.load_state_dict({name: torch.from_numpy(array) for name, array in net.state_dict().items()})
    optimizer = scratch.SGD(net.parameters(), lr=0.01, momentum=0.9)
    right = torch.optim.SGD(twin.parameters(), lr=0.01, momentum=0.9)
    pixels, classes = torch.from_numpy(images), torch.from_numpy(labels)

    def ours():
        return scratch.train_step(net, images, labels, optimizer=optimizer, loss=loss)

    def torchs():
        right.zero_grad()
        value = F.cross_entropy(twin(pixels), classes)
        value.backward()
        right.step()
        return value

    check(f"{size} px", ours(), torchs())
    return medians([ours, torchs])


def table(title, names, rows):
    """Return a Markdown table."""
    lines = [f"\n## {title}\n", "| case | NumPy ms | torch ms | ratio |", "|---|---|---|---|"]
    lines += [f"| {name} | {1e3 * ours:.2f} | {1e3 * torchs:.2f} | {ours / torchs:.2f} |"
              for name, (ours, torchs) in zip(names, rows, strict=True)]
    return "\n".join(lines)


def ratios(rows):
    return [ours / torchs for ours, torchs in rows]


def main():
    """Measure, write the results and say which limit is broken."""
    torch.set_num_threads(1)
    backward = [conv_backward(layer) for layer in DENSE]
    pools, names = [], []
    for kind in ("max", "avg"):
        for name, *shape in POOLS:
            pools += pooling(kind, *shape)
            names += [f"{kind}, {name}, {way}" for way in ("forward", "backward")]
    steps = [training_step(size, batch) for _, size, batch in STEPS]
    limits = [
        ("convolution backward, geometric mean", statistics.geometric_mean(ratios(backward)), BACKWARD_MEAN),
        ("convolution backward, largest", max(ratios(backward)), BACKWARD_MOST),
        ("pooling forward and backward, geometric mean", statistics.geometric_mean(ratios(pools)), POOL_MEAN),
        ("training step of LeNet, geometric mean", statistics.geometric_mean(ratios(steps)), STEP_MEAN),
    ]
    text = "\n".join([
        "# Training in NumPy against torch\n",
        f"One thread, float32, medians of {ROUNDS} interleaved runs; {platform.machine()}, NumPy {np.__version__}, "
        f"torch {torch.__version__}. Dense layers forward stand in conv2d.md.\n",
        *(f"- {name}: {value:.2f} (limit {limit})" for name, value, limit in limits),
        table("Convolution, all three gradients", [layer.name for layer in DENSE], backward),
        table("Pooling", names, pools), table("One training step", [name for name, *_ in STEPS], steps), ""])
    RESULTS.write_text(text, encoding="utf-8")
    print(text)
    broken = [f"{name} is {value:.2f}, limit {limit}" for name, value, limit in limits if value > limit]
    return f"benchmarks.training: {'; '.join(broken)}" if broken else 0


if __name__ == "__main__":
    sys.exit(main())
