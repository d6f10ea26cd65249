"""Answers to the assignment of chapter 7b."""
from itertools import combinations, permutations
from math import comb

import numpy as np
import torch
from torch.nn import functional as F

from tests.assignment_answers._ch07b_blocks import WRONG_BLOCKS, Listed, Plain, of_parts


def by_slices(weight, groups):
    out, each, kh, kw = weight.shape
    full = np.zeros((out, each * groups, kh, kw))
    many = out // groups
    for g in range(groups):
        full[g * many:(g + 1) * many, g * each:(g + 1) * each] = weight[g * many:(g + 1) * many]
    return full


def by_mask(weight, groups):
    out, each = weight.shape[:2]
    rows, columns = np.arange(out) // (out // groups), np.arange(each * groups) // each
    mask = (rows[:, None] == columns)[:, :, None, None]
    return (np.tile(weight, (1, groups, 1, 1)) * mask).astype(np.float32).tolist()


def by_outer_product(weight, groups):
    weight = torch.tensor(weight)
    parts = weight.reshape(groups, -1, *weight.shape[1:])
    return torch.einsum("gockl,gh->gohckl", parts, torch.eye(groups).double()).flatten(0, 1).flatten(1, 2)


def placed(filters=lambda o, out, g: o * g // out, channel=lambda j, group, each, g: group * each + j, empty=0):
    """Put each number at its place, with one rule changed."""
    def answer(weight, groups):
        out, each, kh, kw = weight.shape
        full = np.zeros((out, each * groups, kh, kw)) + empty
        for o in range(out):
            for j in range(each):
                full[o, channel(j, filters(o, out, groups), each, groups)] = weight[o, j]
        return full
    return answer


def everywhere(weight, groups):
    return np.concatenate([weight] * groups, axis=1)


def by_combinations(slopes):
    return [sum(np.prod(chosen) for chosen in combinations(slopes, k)) for k in range(len(slopes) + 1)]


def by_polynomials(slopes):
    product = np.array([1.0])
    for slope in slopes:
        product = np.convolve(product, [1.0, slope])
    return product


def by_recursion(slopes):
    if len(slopes) == 0:
        return torch.ones(1, dtype=torch.float64)
    rest = by_recursion(slopes[1:])
    return F.pad(rest, (0, 1)) + float(slopes[0]) * F.pad(rest, (1, 0))


def by_frequencies(slopes):
    n = len(slopes) + 1
    roots = np.exp(-2j * np.pi * np.arange(n) / n)
    return np.fft.ifft((1 + np.outer(roots, slopes)).prod(axis=1)).real


def paths(choose=combinations, *, value=np.prod, slope=lambda s: s, start=0):
    def answer(slopes):
        slopes = slope(slopes)
        return np.array([sum(value(c) for c in choose(slopes, k)) for k in range(start, len(slopes) + 1)])
    return answer


def few_orders(slopes):
    """Every order of the branches, for the slow way; the factorial for long lists."""
    if len(slopes) <= 5:
        return paths(permutations)(slopes)
    return np.array(by_combinations(slopes)) * np.cumprod([1, *range(1, len(slopes) + 1)])


def with_repeats(slopes):
    """Multiply the series 1 + s + s² + ... of all blocks, as far as the list goes."""
    product, n = np.array([1.0]), len(slopes) + 1
    for slope in slopes:
        product = np.convolve(product, slope ** np.arange(n))[:n]
    return product


def windows(slopes):
    n = len(slopes)
    return [1.0, *(sum(np.prod(slopes[i:i + k]) for i in range(n - k + 1)) for k in range(1, n + 1))]


RIGHT = {
    "ungroup": (by_slices, by_mask, by_outer_product, placed()),
    "make_block": (Plain, Listed, of_parts),
    "gradient_by_length": (by_combinations, by_polynomials, by_recursion, by_frequencies),
}

WRONG = {
    "ungroup": {
        "slices-in-every-group": everywhere,
        "slices-shared-out": lambda w, g: everywhere(w, g) / g,
        "slices-stretched": lambda w, g: w[:, np.arange(w.shape[1] * g) // g],
        "first-group-only": placed(filters=lambda o, out, g: 0),
        "filters-in-turn": placed(filters=lambda o, out, g: o % g),
        "channels-in-turn": placed(channel=lambda j, group, each, g: j * g + group),
        "both-in-turn": placed(lambda o, out, g: o % g, lambda j, group, each, g: j * g + group),
        "groups-reversed": placed(filters=lambda o, out, g: g - 1 - o * g // out),
        "one-group-off": placed(filters=lambda o, out, g: (o * g // out + 1) % g),
        "not-changed": lambda w, g: w.copy(),
        "channels-first": lambda w, g: np.moveaxis(by_slices(w, g), 1, 0),
        "flipped-kernel": lambda w, g: np.rot90(by_slices(w, g), 2, (2, 3)),
        "ones-for-zeros": placed(empty=1),
    },
    "make_block": WRONG_BLOCKS,
    "gradient_by_length": {
        "paths-counted": paths(value=lambda chosen: 1),
        "first-blocks-only": lambda s: [np.prod(s[:k]) for k in range(len(s) + 1)],
        "neighbors-only": windows,
        "one-branch-repeated": lambda s: [1.0] + [sum(x ** k for x in s) for k in range(1, len(s) + 1)],
        "branches-again": with_repeats,
        "orders-counted": few_orders,
        "mean-path": lambda s: [e / comb(len(s), k) for k, e in enumerate(by_combinations(s))],
        "factor-for-slope": paths(slope=lambda s: s + 1),
        "shortcuts-forgotten": lambda s: [0, *by_combinations(s)[1:]],
        "longest-first": lambda s: by_combinations(s)[::-1],
        "running-sum": lambda s: [sum(by_combinations(s)[:k + 1]) for k in range(len(s) + 1)],
        "shares": lambda s: by_polynomials(s) / by_polynomials(s).sum(),
        "sign-lost": paths(slope=abs),
        "signs-alternate": lambda s: [(-1) ** k * e for k, e in enumerate(by_combinations(s))],
        "no-branch-left-out": paths(start=1),
    },
}
