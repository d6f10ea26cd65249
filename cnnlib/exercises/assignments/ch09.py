"""The assignment of chapter 9: saliency by hand, the picture that a channel likes, a test of a map by covering."""
import numpy as np
import torch
from torch.nn.functional import conv2d

from cnnlib.exercises._check import Exercise, Mistake
from cnnlib.exercises._task import Task
from cnnlib.exercises.assignments._ch09_covering import COVERED_SCORES


def _slopes(picture, filters, biases, weights, target, *, gate=lambda z: z > 0, bias=1, parts=lambda each: each,
            kept=lambda weights: weights, share=True, choose=lambda w, means, t: w[t]):
    """Return the score's slope for each number of the picture, (C, H, W); the options make the mistakes."""
    z = np.einsum("kc,chw->khw", filters, picture) + bias * biases[:, None, None]
    chosen = kept(choose(weights, np.maximum(z, 0).mean(axis=(1, 2)), target))
    each = parts(np.einsum("k,kc,khw->kchw", chosen, filters, gate(z).astype(float)))
    return each.sum(axis=0) / (z[0].size if share else 1)


def _largest(slopes):
    return np.abs(slopes).max(axis=0)


def _salient(after=lambda slopes, picture: _largest(slopes), **options):
    return lambda picture, *network: after(_slopes(picture, *network, **options), picture)


def _of_chance(weights, means, target):
    """Return the slopes of a class's softmax instead of those of its score."""
    powers = np.exp(weights @ means - (weights @ means).max())
    chances = powers / powers.sum()
    return chances[target] * (weights[target] - chances @ weights)


_pixel_saliency = _salient()


def _network(random, channels, size, filters, classes):
    """Return a case of whole numbers; each ReLU is open at some places only."""
    arrays = [random.integers(-4, 5, shape) for shape in ((channels, *size), (filters, channels), (filters,))]
    arrays.append(random.integers(-6, 7, (classes, filters)) / 2)
    arrays[2] = arrays[2] + 0.5  # no ReLU at 0 itself, where it has no slope
    return *(array.astype(float) for array in arrays), int(random.integers(1, classes))


def _draw_networks(random):
    for _ in range(8):
        channels, *size, filters, classes = (int(random.integers(*limits))
                                             for limits in ((2, 4), (2, 5), (3, 6), (2, 6), (2, 5)))
        yield _network(random, channels, size, filters, classes)


_numbers = np.random.default_rng(9)

PIXEL_SALIENCY = Task(
    points=3,
    draw=_draw_networks,
    forbidden=("cnnlib.explain", "torch.autograd.grad", "torch.autograd.backward"),
    exercise=Exercise(
        name="pixel_saliency",
        objective=3,
        reference=_pixel_saliency,
        cases=(
            (np.array([[[1.0, -2.0]]]), np.array([[3.0]]), np.array([0.5]), np.array([[1.0], [-2.0]]), 1),
            _network(_numbers, 1, (2, 2), 2, 2),
            _network(_numbers, 2, (2, 3), 2, 3),
            _network(_numbers, 3, (3, 4), 4, 3),
            _network(_numbers, 3, (4, 5), 6, 5),
        ),
        mistakes=(
            Mistake("relu-forgotten", "your slopes are those of a network without ReLU. What does a number behind a "
                    "closed ReLU change?", _salient(gate=np.ones_like)),
            Mistake("biases-forgotten", "your ReLUs open and close without the biases.", _salient(bias=0)),
            Mistake("value-for-slope", "you multiply by what the ReLU gives. Which *slope* has it where it is open?",
                    _salient(gate=lambda z: np.maximum(z, 0))),
            Mistake("positive-weights-alone", "you drop the negative weights on the way back. The score falls with "
                    "those channels, and that is a slope, too.", _salient(kept=lambda w: np.maximum(w, 0))),
            Mistake("average-forgotten", "your slopes are too large by the number of places. Which share of the "
                    "average has one place?", _salient(share=False)),
            Mistake("picture-times-slope", "you multiply the slopes by the picture. That is another map; saliency is "
                    "the slope alone.", _salient(lambda slopes, picture: _largest(slopes * picture))),
            Mistake("signs-kept", "you take the largest slope with its sign. How fast does the score change?",
                    _salient(lambda slopes, picture: slopes.max(axis=0))),
            Mistake("size-too-early", "you take absolute values for each filter before you add. Filters can cancel.",
                    _salient(parts=np.abs)),
            Mistake("channels-added", "you add up the channels of the picture. The largest one is asked for.",
                    _salient(lambda slopes, picture: np.abs(slopes).sum(axis=0))),
            Mistake("channels-averaged", "you average over the channels of the picture. The largest one is asked for.",
                    _salient(lambda slopes, picture: np.abs(slopes).mean(axis=0))),
            Mistake("all-classes", "you take the slopes of all scores together. One class is asked for.",
                    _salient(choose=lambda w, means, t: w.sum(axis=0))),
            Mistake("classes-from-one", "you look at the class before the one that is asked for. Classes count from 0.",
                    _salient(choose=lambda w, means, t: w[t - 1])),
            Mistake("chance-for-score", "you take the slope of the softmax. The score in front of it is asked for.",
                    _salient(choose=_of_chance)),
        ),
    ),
)


def _likes(filters, biases, channel, *, relu=True, keep=None, read=torch.mean):
    """Return the function that a climb makes large."""
    def score(x):
        maps = conv2d(x[None], filters, biases)[0]
        return read((maps.relu() if relu else maps)[slice(None) if keep else channel])
    return score


def _slope(score, x):
    with torch.enable_grad():
        x = x.clone().requires_grad_()
        return torch.autograd.grad(score(x), x)[0]


def _shrunk_after(x, slope, lr, decay):
    return (1 - decay) * (x + lr * slope)


def _climbing(*, move=_shrunk_after, more=0, turn=lambda filters: filters, gather=lambda slopes: slopes[-1],
              **options):
    """Return a climb with another step, another number of steps or another goal."""
    def climb(filters, biases, start, channel, steps, lr, decay):
        score = _likes(turn(filters.double()), biases.double(), channel, **options)
        x, slopes = start.double(), []
        for _ in range(steps + more):
            slopes.append(_slope(score, x))
            x = move(x, gather(slopes), lr, decay)
        return x
    return climb


_climb = _climbing()


def _climb_case(random, filters, channels, kernel, size, steps, decay, *, dead=None):
    weights, biases, start = (random.normal(size=shape).astype(np.float32) for shape in (
        (filters, channels, *kernel), (filters,), (channels, *size)))
    channel = int(random.integers(1, filters))
    if dead:
        biases[channel] = -50.0
    else:
        start = 0.5 * start + 0.1 * np.sign(weights[channel].sum())  # so that some places of the map are open
    return *(torch.from_numpy(each) for each in (weights, biases, start)), channel, steps, 4.0, decay


def _draw_climbs(random):
    for _ in range(7):
        filters, channels, *sizes, steps = (int(random.integers(*limits)) for limits in (
            (2, 5), (1, 4), (1, 4), (2, 4), (4, 7), (4, 7), (2, 6)))
        yield _climb_case(random, filters, channels, sizes[:2], sizes[2:], steps, float(random.integers(1, 6)) / 20)


CLIMB = Task(
    points=5,
    draw=_draw_climbs,
    forbidden=("cnnlib.explain",),
    exercise=Exercise(
        name="climb",
        objective=5,
        reference=_climb,
        tolerance=1e-4,  # float32
        cases=(
            _climb_case(_numbers, 2, 1, (1, 2), (2, 3), 1, 0.0),
            _climb_case(_numbers, 2, 1, (2, 2), (3, 3), 2, 0.25),
            _climb_case(_numbers, 3, 2, (3, 3), (4, 5), 2, 0.1, dead=True),
            _climb_case(_numbers, 3, 2, (3, 3), (5, 5), 3, 0.2),
            _climb_case(_numbers, 4, 3, (2, 3), (5, 6), 5, 0.1),
        ),
        mistakes=(
            Mistake("downhill", "you go against the gradient. That makes the channel answer less.",
                    _climbing(move=lambda x, slope, lr, decay: (1 - decay) * (x - lr * slope))),
            Mistake("decay-ignored", "your picture is not pulled towards 0.",
                    _climbing(move=lambda x, slope, lr, decay: x + lr * slope)),
            Mistake("decay-before-the-step", "you shrink the picture before you add the step. The step shrinks, too.",
                    _climbing(move=lambda x, slope, lr, decay: (1 - decay) * x + lr * slope)),
            Mistake("decay-times-the-rate", "your decay is multiplied by the rate, as in an optimizer's "
                    "`weight_decay`. Here it stands for itself.",
                    _climbing(move=lambda x, slope, lr, decay: x + lr * (slope - decay * x))),
            Mistake("decay-kept", "you keep the share `decay` of the picture. It is the share that goes.",
                    _climbing(move=lambda x, slope, lr, decay: decay * (x + lr * slope))),
            Mistake("relu-forgotten", "you climb in front of the ReLU. Which slope has the channel where it is closed?",
                    _climbing(relu=False)),
            Mistake("sum-for-mean", "your steps are too large by the number of places in the map: the sum climbs, not "
                    "the mean.", _climbing(read=torch.sum)),
            Mistake("max-for-mean", "you follow the largest number of the map. Its mean is asked for.",
                    _climbing(read=torch.max)),
            Mistake("all-channels", "all channels climb. One of them is asked for.", _climbing(keep=True)),
            Mistake("gradients-add-up", "from the second step on, your gradient holds those of the steps before. Who "
                    "empties `grad`?", _climbing(gather=sum)),
            Mistake("gradient-of-the-start", "every step of yours uses the gradient of the first picture. It changes "
                    "as soon as a ReLU opens or closes.", _climbing(gather=lambda slopes: slopes[0])),
            Mistake("steps-of-one-length", "you divide each gradient by its length. The plain gradient is asked for.",
                    _climbing(gather=lambda slopes: slopes[-1] / slopes[-1].norm().clamp(min=1e-12))),
            Mistake("flipped-filters", "you turn the filters by half a turn. A layer of a network does not.",
                    _climbing(turn=lambda filters: filters.flip(2, 3))),
            Mistake("one-step-missing", "you stop one step too early.", _climbing(more=-1)),
            Mistake("one-step-too-many", "you make one step too many.", _climbing(more=1)),
        ),
    ),
)

TASKS = (PIXEL_SALIENCY, CLIMB, COVERED_SCORES)
