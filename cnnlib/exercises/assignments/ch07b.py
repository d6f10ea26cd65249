"""The assignment of chapter 7b: a grouped weight in full, a residual block, the gradient sorted by its paths."""
import math

import numpy as np

from cnnlib.exercises._check import Exercise, Mistake
from cnnlib.exercises._task import Task
from cnnlib.exercises.assignments._ch07b_block import MAKE_BLOCK


def _ungroup(weight, groups, *, filters=None, channels=None, fill=0.0):
    """Return the full weight; filters and channels say to which group each of them belongs."""
    out_channels, each = weight.shape[:2]
    filters = np.repeat(np.arange(groups), out_channels // groups) if filters is None else filters
    channels = np.repeat(np.arange(groups), each) if channels is None else channels
    full = np.full((out_channels, each * groups, *weight.shape[2:]), fill)
    for row, group in enumerate(filters):
        full[row, channels == group] = weight[row]
    return full


def _in_turn(weight, groups):
    return np.arange(len(weight)) % groups


def _channels_in_turn(weight, groups):
    return np.arange(weight.shape[1] * groups) % groups


def _draw_groups(random):
    for _ in range(10):
        groups, each, filters, rows, columns = (int(n) for n in random.integers((1, 1, 1, 1, 1), (6, 4, 4, 4, 4)))
        yield random.normal(size=(groups * filters, each, rows, columns)), groups


def _whole(*shape, seed=0):
    return np.random.default_rng([72, seed]).integers(1, 10, shape).astype(float)


UNGROUP = Task(
    points=3,
    draw=_draw_groups,
    exercise=Exercise(
        name="ungroup",
        objective=4,
        reference=_ungroup,
        cases=(
            (_whole(2, 1, 1, 1), 2),
            (_whole(4, 2, 1, 1, seed=1), 2),
            (_whole(3, 4, 1, 2, seed=2), 1),
            (_whole(6, 1, 1, 1, seed=3), 3),
            (_whole(6, 2, 3, 3, seed=4), 3),
            (_whole(8, 3, 2, 3, seed=5), 4),
        ),
        mistakes=(
            Mistake("slices-in-every-group", "your filters read every group. What does a filter know of the channels "
                    "of the other groups?", lambda w, g: np.tile(w, (1, g, 1, 1))),
            Mistake("slices-shared-out", "your filters read every group, with a part of the weight each. No weight is "
                    "shared out.", lambda w, g: np.tile(w, (1, g, 1, 1)) / g),
            Mistake("slices-stretched", "each slice of yours stands on several channels. In a group, each channel has "
                    "a slice of its own.", lambda w, g: np.repeat(w, g, axis=1)),
            Mistake("first-group-only", "all of your filters read the first group's channels.",
                    lambda w, g: _ungroup(w, g, filters=np.zeros(len(w), dtype=int))),
            Mistake("filters-in-turn", "you deal the filters out to the groups in turn. Filters of one group stand "
                    "next to each other.", lambda w, g: _ungroup(w, g, filters=_in_turn(w, g))),
            Mistake("channels-in-turn", "you deal the channels out to the groups in turn. Channels of one group stand "
                    "next to each other.", lambda w, g: _ungroup(w, g, channels=_channels_in_turn(w, g))),
            Mistake("both-in-turn", "you deal filters and channels out in turn. A group is a row of neighbors, in "
                    "both.", lambda w, g: _ungroup(w, g, filters=_in_turn(w, g), channels=_channels_in_turn(w, g))),
            Mistake("groups-reversed", "your first filters read the last channels. Which group comes first?",
                    lambda w, g: _ungroup(w, g, filters=np.repeat(np.arange(g)[::-1], len(w) // g))),
            Mistake("one-group-off", "your filters read the channels of the next group.",
                    lambda w, g: _ungroup(w, g, filters=np.repeat(np.arange(1, g + 1) % g, len(w) // g))),
            Mistake("not-changed", "you return the weight as it is. An ordinary layer's filter has a slice for every "
                    "channel of the input.", lambda w, g: w),
            Mistake("channels-first", "your first axis counts input channels. A weight is (C_out, C_in, kh, kw).",
                    lambda w, g: _ungroup(w, g).swapaxes(0, 1)),
            Mistake("flipped-kernel", "you turn the kernels by half a turn. Nothing turns here.",
                    lambda w, g: _ungroup(w[:, :, ::-1, ::-1], g)),
            Mistake("ones-for-zeros", "where a filter must not look, you put ones.",
                    lambda w, g: _ungroup(w, g, fill=1.0)),
        ),
    ),
)


def _gradient_by_length(slopes):
    found = np.ones(1)
    for slope in slopes:
        found = np.append(found, 0.0) + slope * np.append(0.0, found)
    return found


def _counted(slopes):
    return np.array([math.comb(len(slopes), k) for k in range(len(slopes) + 1)], dtype=float)


def _scaled(factor):
    """Return a gradient_by_length whose entries are multiplied by factor(n, k)."""
    return lambda slopes: _gradient_by_length(slopes) * [factor(len(slopes), k) for k in range(len(slopes) + 1)]


def _again(slopes):
    """Let a path take a branch more than once."""
    found = np.append(1.0, np.zeros(len(slopes)))
    for slope in slopes:
        for k in range(1, len(found)):
            found[k] += slope * found[k - 1]
    return found


def _neighbors(slopes):
    windows = [np.lib.stride_tricks.sliding_window_view(slopes, k) for k in range(1, len(slopes) + 1)]
    return np.array([1.0, *(window.prod(axis=1).sum() for window in windows)])


def _draw_slopes(random):
    for _ in range(10):
        yield (random.uniform(-0.9, 1.2, size=int(random.integers(3, 11))),)


GRADIENT_BY_LENGTH = Task(
    points=4,
    draw=_draw_slopes,
    forbidden=("numpy.poly", "numpy.polynomial"),
    exercise=Exercise(
        name="gradient_by_length",
        objective=3,
        reference=_gradient_by_length,
        cases=(
            (np.array([0.5]),),
            (np.array([2.0, 3.0]),),
            (np.array([1.0, -2.0, 3.0]),),
            (np.array([-0.5, 4.0, 2.0, 1.5]),),
            (np.full(5, 0.1),),
        ),
        mistakes=(
            Mistake("paths-counted", "you count the paths. What does a path contribute to the gradient?", _counted),
            Mistake("first-blocks-only", "you take the first branches only, as in a plain network that is cut off. "
                    "Which branches may a path use?", lambda s: np.append(1.0, np.cumprod(s))),
            Mistake("neighbors-only", "your paths use branches that follow each other. May a path skip one in the "
                    "middle?", _neighbors),
            Mistake("one-branch-repeated", "you raise each slope to a power. A path goes through each block once.",
                    lambda s: np.array([1.0, *((s ** k).sum() for k in range(1, len(s) + 1))])),
            Mistake("branches-again", "some of your paths take a branch twice. A path goes through each block once.",
                    _again),
            Mistake("orders-counted", "you count a path once for every order of its branches. The blocks have one "
                    "order.", _scaled(lambda n, k: math.factorial(k))),
            Mistake("mean-path", "you give the mean of the paths of a length. Ways back add up.",
                    _scaled(lambda n, k: 1 / math.comb(n, k))),
            Mistake("factor-for-slope", "you multiply the whole blocks' factors. What does a path gain where it goes "
                    "through the branch, and what on the shortcut?", lambda s: _gradient_by_length(1 + s)),
            Mistake("shortcuts-forgotten", "your entry for no branch is 0. Is there a path through no branch, and what "
                    "does it pass on?", _scaled(lambda n, k: float(k > 0))),
            Mistake("longest-first", "your numbers begin with the longest paths. The first one is for no branch.",
                    lambda s: _gradient_by_length(s)[::-1]),
            Mistake("running-sum", "your entry holds all paths up to that length. The task asks for each length "
                    "alone.", lambda s: np.cumsum(_gradient_by_length(s))),
            Mistake("shares", "your numbers are shares of the gradient. The task asks for the contributions.",
                    lambda s: _gradient_by_length(s) / (1 + s).prod()),
            Mistake("sign-lost", "you use the slopes without their sign. May a path take something away?",
                    lambda s: _gradient_by_length(np.abs(s))),
            Mistake("signs-alternate", "every second entry of yours has the wrong sign. A block is 1 *plus* its slope.",
                    lambda s: _gradient_by_length(-s)),
            Mistake("no-branch-left-out", "your list begins with one branch. Paths through no branch come first.",
                    lambda s: _gradient_by_length(s)[1:]),
        ),
    ),
)

TASKS = (UNGROUP, MAKE_BLOCK, GRADIENT_BY_LENGTH)
