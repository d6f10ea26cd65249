"""The third task of chapter 8: the nearest neighbor with the leak and without it."""
import numpy as np
import torch

from cnnlib.exercises._check import Exercise, Mistake
from cnnlib.exercises._task import Task


def _squares(one, others):
    return ((others - one) ** 2).sum(axis=1)


def _neighbors(*, distance=_squares, left_out=(lambda own, kind, leaf: own, lambda own, kind, leaf: leaf),
               shifted=False, right=lambda kind, leaf: kind):
    """Return a nearest_right with another distance, other pictures left out, or another way to be right.

    The rules get three rows of flags: which picture is this one, which are of its kind, which of its leaf.
    """
    def nearest_right(vectors, kinds, leaves):
        vectors, kinds, leaves = (np.asarray(each) for each in (vectors.double(), kinds, leaves))
        hits = np.zeros((len(kinds), 2))
        for i, vector in enumerate(vectors):
            flags, far = (np.arange(len(kinds)) == i, kinds == kinds[i], leaves == leaves[i]), distance(vector, vectors)
            for j, rule in enumerate(left_out):
                kept = np.flatnonzero(~rule(*flags))
                if len(kept):
                    nearest = far[kept].argmin()
                    hits[i, j] = right(*flags[1:])[nearest if shifted else kept[nearest]]
        return tuple(hits.mean(axis=0).tolist())
    return nearest_right


_nearest_right = _neighbors()


def _then(change):
    return lambda vectors, kinds, leaves: change(*_nearest_right(vectors, kinds, leaves), len(kinds))


def _nobody(own, kind, leaf):
    return np.zeros_like(own)


def _leaves(random, counts, pictures, *, spread=1.2):
    """Return a case: each kind has a number of leaves, each leaf some pictures that lie close together, mixed up."""
    rows = []
    for kind, count in enumerate(counts):
        middle = random.normal(size=3) + 0.4
        for _ in range(count):
            leaf, number = middle + spread * random.normal(size=3), len(rows) // pictures
            rows += [(leaf + 0.3 * random.normal(size=3), kind, number) for _ in range(pictures)]
    vectors, kinds, leaves = zip(*(rows[i] for i in random.permutation(len(rows))), strict=True)
    return torch.from_numpy(np.array(vectors, dtype=np.float32)), list(kinds), list(leaves)


def _draw_leaves(random):
    for _ in range(8):
        yield _leaves(random, [int(n) for n in random.integers(2, 5, 3)], int(random.integers(2, 4)))


_numbers = np.random.default_rng(88)

NEAREST_RIGHT = Task(
    points=4,
    draw=_draw_leaves,
    exercise=Exercise(
        name="nearest_right",
        objective=5,
        reference=_nearest_right,
        cases=(
            (torch.tensor([[1.0, 1.0], [1.0, 2.0], [4.0, 1.5], [0.5, 6.0]]), [0, 0, 0, 1], [0, 0, 1, 2]),
            _leaves(_numbers, (2, 2), 2),
            _leaves(_numbers, (3, 2), 3),
            _leaves(_numbers, (4, 3, 3), 2),
            _leaves(_numbers, (4, 4, 2, 3), 2, spread=2.0),
        ),
        mistakes=(
            Mistake("its-own-neighbor", "your first number is 1 every time: each picture is its own nearest neighbor.",
                    _neighbors(left_out=(_nobody, lambda own, kind, leaf: leaf))),
            Mistake("itself-left-out-alone", "your two numbers are equal, and both have the leak. Whom does the second "
                    "one leave out?", _then(lambda a, b, n: (a, a))),
            Mistake("leaf-left-out-twice", "your two numbers are equal, and both are without the leak. The first one "
                    "leaves out the picture alone.", _then(lambda a, b, n: (b, b))),
            Mistake("turned-round", "your numbers stand in the other order.", _then(lambda a, b, n: (b, a))),
            Mistake("kind-left-out", "your second number is 0 every time: it leaves out the pictures of the same kind, "
                    "and no other picture can be right.",
                    _neighbors(left_out=(lambda own, kind, leaf: own, lambda own, kind, leaf: kind))),
            Mistake("leaf-for-kind", "you ask whether the neighbor shows the same leaf. The question is the kind.",
                    _neighbors(right=lambda kind, leaf: leaf)),
            Mistake("place-among-the-kept", "your place counts in the shorter list of those that are left. Which "
                    "picture of the long list is it?", _neighbors(shifted=True)),
            Mistake("farthest", "you take the picture that is farthest away.",
                    _neighbors(distance=lambda one, others: -_squares(one, others))),
            Mistake("steps-along-the-axes", "you add up the absolute differences. The distance is the root of the "
                    "summed squares.", _neighbors(distance=lambda one, others: np.abs(others - one).sum(axis=1))),
            Mistake("product-for-distance", "you take the picture with the largest product. A long vector has large "
                    "products with many; what about its distance?",
                    _neighbors(distance=lambda one, others: -others @ one)),
            Mistake("directions-alone", "you compare directions (the cosine). The distance is asked for.", _neighbors(
                distance=lambda one, others: -others @ one / np.linalg.norm(others, axis=1).clip(1e-12))),
            Mistake("counts-for-shares", "you return how many. Fractions of 1 are asked for.",
                    _then(lambda a, b, n: (a * n, b * n))),
            Mistake("errors-for-hits", "you return how often the neighbor is of another kind.",
                    _then(lambda a, b, n: (1 - a, 1 - b))),
        ),
    ),
)
