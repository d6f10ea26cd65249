"""Answers to the assignment of chapter 12."""
import numpy as np
import torch

from tests.assignment_answers._ch12_boxes import JUDGE_RIGHT, JUDGE_WRONG


def sizes_level_by_level(size, channels, depth):
    kept, width = [], channels
    for _ in range(depth):
        kept.append(size - 2 - 2)
        size = kept[-1] // 2
        width *= 2
    lowest = size = size - 4
    while kept:
        size = 2 * size
        border = (kept.pop() - size) / 2
        size -= 4
    return lowest, width, border, channels + channels, size


def sizes_by_formula(size, channels, depth):
    factor = 2**depth
    out = size + 8 - 12 * factor
    return [(size + 4) // factor - 8, channels * factor, (size - out - 8) // 2, 2 * channels, out]


def sizes_by_recursion(size, channels, depth):
    if not depth:
        return np.array([size - 4, channels, 0, 0, size - 4])
    lowest, deep, _, _, below = sizes_by_recursion((size - 4) // 2, 2 * channels, depth - 1)
    return np.array([lowest, deep, (size - 4 - 2 * below) / 2, 2 * channels, 2 * below - 4])


def unet(each=2, bottom=2, up=2, shown=0, grow=lambda n: n + n, cut=lambda kept, n: (kept - n) // 2, which=-1,
         deep=lambda c, d: c * 2**d, joined=2, picture=False):
    def answer(size, channels, depth):
        picture_size, skips, cuts = size, [], []
        for _ in range(depth):
            size -= 2 * each
            skips.append(size)
            size = size // 2
        size -= 2 * bottom
        lowest = size + shown
        for kept in skips[::-1]:
            size = grow(size)
            cuts.append(cut(kept, size))
            size -= 2 * up
        border = (picture_size - size) // 2 if picture else cuts[which]
        return lowest, deep(channels, depth), border, joined * channels, size
    return answer


def read_by_loops(grid, image_size, threshold):
    rows = []
    cells = len(grid)
    for i in range(cells):
        for j in range(cells):
            x, y, w, h, confidence, *classes = grid[i, j].tolist()
            score = confidence * max(classes)
            if score < threshold:
                continue
            cx, cy = (j + x) * image_size / cells, (i + y) * image_size / cells
            w, h = w * image_size, h * image_size
            rows.append([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2, score, classes.index(max(classes))])
    return rows


def read_at_once(grid, image_size, threshold):
    cells = grid.shape[0]
    start = np.stack(np.meshgrid(np.arange(cells), np.arange(cells)), axis=2)
    center, half = (grid[..., :2] + start) / cells, grid[..., 2:4] / 2
    scores = grid[..., 4:5] * grid[..., 5:]
    best = scores.max(axis=2)
    rows = np.concatenate([(center - half) * image_size, (center + half) * image_size, best[..., None],
                           scores.argmax(axis=2)[..., None]], axis=2)
    return rows[best >= threshold]


def read_in_float32(grid, image_size, threshold):
    flat = torch.tensor(grid, dtype=torch.float32).flatten(0, 1)
    cells = grid.shape[1]
    number = torch.arange(len(flat))
    center = (flat[:, :2] + torch.stack([number % cells, number // cells], 1)) * (image_size / cells)
    share, kind = flat[:, 5:].max(1)
    score = share * flat[:, 4]
    size = flat[:, 2:4] * image_size
    rows = torch.cat([center - size / 2, center + size / 2, score[:, None], kind[:, None]], 1)
    return rows[score >= threshold]


def read(start=lambda i, j: (j, i), divide=True, size=1, left=0.5, right=0.5, scale=True, score="both", by="score",
         keep=np.greater_equal, first=0, clip=False, middle=False, order=False):
    def answer(grid, image_size, threshold):
        cells, rows = len(grid), []
        for (i, j), in zip(np.ndindex(cells, cells)):
            x, y, w, h, confidence = grid[i, j, :5]
            kind, share = int(np.argmax(grid[i, j, 5:])), max(grid[i, j, 5:])
            value = {"both": confidence * share, "confidence": confidence, "class": share}[score]
            if not keep(confidence if by == "confidence" else value, threshold):
                continue
            across, down = start(i, j)
            per = cells if divide else 1
            x, y = (x + across) / per * image_size, (y + down) / per * image_size
            w, h = (n * image_size / (cells if size == "cell" else size) for n in (w, h))
            box = [x, y, w, h] if middle else [x - left * w, y - left * h, x + right * w, y + right * h]
            box = np.clip(box, 0, image_size) if clip else np.array(box)
            rows.append([*(box if scale else box / image_size), value, kind + first])
        return np.array(sorted(rows, key=lambda row: -row[4]) if order else rows)
    return answer


def every_class(grid, image_size, threshold):
    rows = []
    for i, j in np.ndindex(grid.shape[:2]):
        for kind in range(grid.shape[2] - 5):
            cell = np.concatenate([grid[i, j, :5], [grid[i, j, 5 + kind]]])
            fake = np.zeros((*grid.shape[:2], 6))
            fake[i, j] = cell
            rows += [[*row[:5], kind] for row in read_by_loops(fake, image_size, threshold)]
    return rows


RIGHT = {
    "unet_sizes": (sizes_level_by_level, sizes_by_formula, sizes_by_recursion),
    "read_grid": (read_by_loops, read_at_once, read_in_float32),
    "judge_detections": JUDGE_RIGHT,
}

WRONG = {
    "unet_sizes": {
        "padded": unet(0, 0, 0),
        "one-convolution": unet(1, 1, 1),
        "nothing-at-the-bottom": unet(bottom=0),
        "bottom-too-early": unet(shown=4),
        "nothing-on-the-way-up": unet(up=0),
        "stamps-of-three": unet(grow=lambda n: (n - 1) * 2 + 3),
        "both-sides": unet(cut=lambda kept, n: kept - n),
        "cut-to-the-output": unet(cut=lambda kept, n: (kept - (n - 4)) // 2),
        "border-of-the-picture": unet(picture=True),
        "deepest-skip": unet(which=0),
        "added": unet(joined=1),
        "up-keeps-the-channels": unet(joined=3),
        "doubled-once-too-few": unet(deep=lambda c, d: c * 2**d // 2),
        "channels-added": unet(deep=lambda c, d: c + d * c),
    },
    "read_grid": {
        "rows-for-columns": read(lambda i, j: (i, j)),
        "cell-forgotten": read(lambda i, j: (0, 0)),
        "place-in-the-image": read(lambda i, j: (0, 0), divide=False),
        "size-in-cells": read(size="cell"),
        "corner-for-center": read(left=0, right=1),
        "whole-width": read(left=1, right=1),
        "center-and-size": read(middle=True),
        "not-in-pixels": read(scale=False),
        "cut-at-the-border": read(clip=True),
        "confidence-alone": read(score="confidence"),
        "class-alone": read(score="class"),
        "threshold-on-confidence": read(by="confidence"),
        "above-for-at-least": read(keep=np.greater),
        "threshold-ignored": read(keep=lambda score, threshold: True),
        "row-for-each-class": every_class,
        "classes-from-one": read(first=1),
        "sorted": read(order=True),
    },
    "judge_detections": JUDGE_WRONG,
}
