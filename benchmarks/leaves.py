"""How fast leaves are drawn and how hard they are to tell apart: ``python -m benchmarks.leaves``."""
import os

os.environ.update(OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1", OMP_NUM_THREADS="1")  # before NumPy is loaded

import platform
import statistics
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from cnnlib.data.leaf_contest import LeafContest
from cnnlib.data.leaf_contest_files import write_leaf_contest
from cnnlib.data.leaves import LeafPictures

RESULTS = Path(__file__).resolve().parent / "results" / "leaves.md"
ROUNDS = 5
SPEED = 200  # images a second and core at least, 224 x 224 x 3
COLOR_MOST, FEW, MANY_LEAST = 0.30, (0.35, 0.65), 0.80  # accuracies: color alone, 5 and 100 pictures a class


def per_second(data):
    """Return images a second of the process's own time, and of the clock: each the median of some rounds."""
    spent, clock = [], []
    for _ in range(ROUNDS):
        start = time.process_time(), time.perf_counter()
        for _ in data:
            pass
        spent.append(len(data) / (time.process_time() - start[0]))
        clock.append(len(data) / (time.perf_counter() - start[1]))
    return statistics.median(spent), statistics.median(clock)


def most_memory(data):
    """Return the most bytes that Python held while a collection was gone through."""
    tracemalloc.start()
    for _ in data:
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def files_per_second():
    """Return images a second that write_leaf_contest writes and LeafContest reads, by the process's own time."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.process_time()
        write_leaf_contest(folder, classes=176, per_class=2, size=224, test_fraction=0.5)
        written = time.process_time()
        contest = LeafContest(folder)
        contest.check()
        return 352 / (written - start), 352 / (time.process_time() - written)


def pictures(count, seed):
    data = LeafPictures(count, classes=12, size=64, seed=seed)
    return np.stack([picture for picture, _ in data]), data.labels


def color_accuracy(train, test):
    """Return the accuracy of a random forest on histograms of 8 x 8 x 8 colors."""
    from sklearn.ensemble import RandomForestClassifier

    def histogram(images):
        cells = (images // 32).astype(int)
        cells = cells[:, 0] * 64 + cells[:, 1] * 8 + cells[:, 2]
        return np.stack([np.bincount(each.ravel(), minlength=512) for each in cells])

    forest = RandomForestClassifier(300, random_state=0).fit(histogram(train[0]), train[1])
    return forest.score(histogram(test[0]), test[1])


def small_network():
    """Return four convolutions and a dense layer for (N, 3, 64, 64)."""
    def block(in_channels, out_channels, stride=1):
        return [nn.Conv2d(in_channels, out_channels, 3, padding=1, stride=stride, bias=False),
                nn.BatchNorm2d(out_channels), nn.ReLU()]
    return nn.Sequential(
        *block(3, 16, stride=2), *block(16, 32), nn.MaxPool2d(2), *block(32, 64), nn.MaxPool2d(2), *block(64, 64),
        nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Dropout(0.3), nn.Linear(1024, 12))


def network_accuracy(train, test, *, epochs, seed=0):
    """Return the test accuracy of a small network after training from scratch with flips."""
    torch.manual_seed(seed)
    model = small_network()
    x, y = as_floats(train[0]), torch.from_numpy(train[1])
    steps = epochs * -(-len(x) // 32)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.003, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.003, total_steps=steps)
    for _ in range(epochs):
        for batch in torch.randperm(len(x)).split(32):
            flip = (torch.rand(len(batch)) < 0.5)[:, None, None, None]
            loss = functional.cross_entropy(model(torch.where(flip, x[batch].flip(3), x[batch])), y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    model.eval()
    with torch.no_grad():
        return (model(as_floats(test[0])).argmax(1).numpy() == test[1]).mean()


def as_floats(images):
    return torch.from_numpy(images).float().div(255).sub(0.5).div(0.25)


def main():
    """Measure, write the results and say which limit is broken."""
    torch.set_num_threads(1)
    large, small = LeafPictures(176, size=224), LeafPictures(176, size=64)
    for _ in large:  # tables of all classes are made once
        pass
    speed, clock = per_second(large)
    speed_small, _ = per_second(small)
    written, read = files_per_second()
    memory = most_memory(large)
    train, test, few = pictures(1200, 0), pictures(480, 1), pictures(180, 2)
    color = color_accuracy(train, test)
    many = network_accuracy(train, test, epochs=12)
    fives = [network_accuracy([part[60 * i:60 * i + 60] for part in few], test, epochs=100, seed=i) for i in range(3)]
    five = statistics.mean(fives)
    limits = [
        ("images a second and core, 224 x 224 x 3", f"{speed:.0f}", f"at least {SPEED}", speed >= SPEED),
        ("accuracy from color histograms alone, 100 pictures a class", f"{color:.3f}", f"at most {COLOR_MOST}",
         color <= COLOR_MOST),
        ("accuracy of a small network, 5 pictures a class", f"{five:.3f}", f"{FEW[0]} to {FEW[1]}",
         FEW[0] <= five <= FEW[1]),
        ("accuracy of a small network, 100 pictures a class", f"{many:.3f}", f"at least {MANY_LEAST}",
         many >= MANY_LEAST),
    ]
    text = "\n".join([
        "# Generated leaves\n",
        f"One thread; {platform.machine()}, NumPy {np.__version__}, torch {torch.__version__}. Speed by the process's "
        f"own time, median of {ROUNDS} rounds over all 176 classes. Accuracy on 12 classes of 64 x 64 pixels, 40 test "
        "pictures a class; chance is 0.083.\n",
        *(f"- {name}: {value} (limit: {limit})" for name, value, limit, _ in limits),
        f"- images a second by the clock, other processes running: {clock:.0f}",
        f"- images a second and core, 64 x 64 x 3: {speed_small:.0f}",
        f"- with files, 224 x 224 x 3, JPEG: {written:.0f} drawn and written, {read:.0f} read, a second and core",
        f"- most memory while 176 leaves of 224 x 224 x 3 were drawn: {memory / 1e6:.1f} MB",
        f"- 5 pictures a class, three sets: {', '.join(f'{each:.3f}' for each in fives)}", ""])
    RESULTS.write_text(text, encoding="utf-8")
    print(text)
    broken = [f"{name} is {value}, limit {limit}" for name, value, limit, good in limits if not good]
    return f"benchmarks.leaves: {'; '.join(broken)}" if broken else 0


if __name__ == "__main__":
    sys.exit(main())
