"""The assignment of chapter 8: what a training step moves, a linear probe in closed form, what a leak is worth."""
import numpy as np
import torch

from cnnlib.exercises._check import Exercise, Mistake
from cnnlib.exercises._task import Task
from cnnlib.exercises.assignments._ch08_leak import NEAREST_RIGHT


def _moving(*, parameters=lambda w, c: w + 2 * c, statistics=lambda c: 2 * c,
            moves=lambda was, now, mode: was and now, counts=lambda was, now, mode: mode):
    """Return a what_moves with another rule for which parts count, or for how much a part counts."""
    def what_moves(weights, channels, learned, learns, training):
        parts, states = zip(weights, channels, strict=True), list(zip(learned, learns, training, strict=True))
        sizes = [(parameters(w, c), statistics(c)) for w, c in parts]
        return (sum(size[0] for size, state in zip(sizes, states, strict=True) if moves(*state)),
                sum(size[1] for size, state in zip(sizes, states, strict=True) if counts(*state)))
    return what_moves


def _parts(random, count):
    weights, channels = ([int(n) for n in random.integers(*limits, count)] for limits in ((50, 900), (2, 40)))
    return weights, channels, *([bool(flag) for flag in random.integers(0, 2, count)] for _ in range(3))


def _draw_parts(random):
    for _ in range(12):
        yield _parts(random, int(random.integers(5, 10)))


_what_moves = _moving()

WHAT_MOVES = Task(
    points=3,
    draw=_draw_parts,
    exercise=Exercise(
        name="what_moves",
        objective=3,
        reference=_what_moves,
        cases=(
            ([27], [4], [True], [True], [True]),
            ([27, 144], [3, 4], [False, True], [True, True], [False, True]),
            ([27, 144], [3, 4], [True, True], [False, True], [True, True]),
            ([40, 90, 200], [4, 6, 8], [False, True, False], [False, False, True], [True, True, False]),
            ([27, 80, 200, 500, 900, 70, 300, 110], [2, 3, 5, 7, 11, 13, 17, 19],
             [False, False, False, False, True, True, True, True], [False, False, True, True] * 2,
             [False, True] * 4),
        ),
        mistakes=(
            Mistake("optimizer-forgotten", "you count every parameter that gets a gradient. Who makes the step, and "
                    "which parameters was it given?", _moving(moves=lambda was, now, mode: now)),
            Mistake("frozen-moves", "you count all parameters in the optimizer's list. What does it do with one that "
                    "has no gradient now?", _moving(moves=lambda was, now, mode: was)),
            Mistake("one-is-enough", "you count a part that has a gradient *or* stands in the optimizer's list. Is one "
                    "of the two enough for a step?", _moving(moves=lambda was, now, mode: was or now)),
            Mistake("norm-forgotten", "you count the convolutions' weights. Which parameters has a batch norm?",
                    _moving(parameters=lambda w, c: w)),
            Mistake("one-number-per-channel", "your batch norm has one parameter for each channel. It scales and it "
                    "shifts.", _moving(parameters=lambda w, c: w + c)),
            Mistake("statistics-as-parameters", "your first number counts the running statistics, too. Does the "
                    "optimizer ever see them?", _moving(parameters=lambda w, c: w + 4 * c)),
            Mistake("held-by-freezing", "you hold the statistics of frozen parts. Does a running mean need a gradient "
                    "to move?", _moving(counts=lambda was, now, mode: mode and now)),
            Mistake("statistics-with-the-step", "your statistics move where the parameters move. What decides about "
                    "the statistics?", _moving(counts=lambda was, now, mode: was and now)),
            Mistake("modes-turned-round", "your statistics move in evaluation mode and stand still in training mode.",
                    _moving(counts=lambda was, now, mode: not mode)),
            Mistake("mode-ignored", "all of your statistics move. Look at the mode.",
                    _moving(counts=lambda was, now, mode: True)),
            Mistake("means-alone", "you count one statistic for each channel. What else does a batch norm collect?",
                    _moving(statistics=lambda c: c)),
            Mistake("parts-counted", "you count parts. The question is how many numbers move.",
                    _moving(parameters=lambda w, c: 1, statistics=lambda c: 1)),
        ),
    ),
)


def _pooled(maps):
    return np.asarray(maps, dtype=float).mean(axis=(2, 3))


def _one_hot(labels, classes):
    return np.eye(classes)[np.asarray(labels)]


def _fitted(vectors, targets, ridge):
    return np.linalg.solve(vectors.T @ vectors + ridge * np.eye(vectors.shape[1]), vectors.T @ targets)


def _probing(*, pool=_pooled, targets=_one_hot, test_middle=lambda train, test: train.mean(axis=0), bias=True,
             ridge_of=lambda ridge, count: ridge, after=lambda scores: scores):
    """Return a probe_scores with one step done in another way."""
    def probe_scores(train_maps, train_labels, test_maps, classes, ridge):
        train, test, wanted = pool(train_maps), pool(test_maps), targets(train_labels, classes)
        weights = _fitted(train - train.mean(axis=0), wanted - wanted.mean(axis=0), ridge_of(ridge, len(train)))
        return after((test - test_middle(train, test)) @ weights + bias * wanted.mean(axis=0))
    return probe_scores


def _bias_free(train_maps, train_labels, test_maps, classes, ridge):
    return _pooled(test_maps) @ _fitted(_pooled(train_maps), _one_hot(train_labels, classes), ridge)


def _bias_pulled(train_maps, train_labels, test_maps, classes, ridge):
    train, test = (np.pad(_pooled(maps), [(0, 0), (0, 1)], constant_values=1.0) for maps in (train_maps, test_maps))
    return test @ _fitted(train, _one_hot(train_labels, classes), ridge)


def _softmax(scores):
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


_probe_scores = _probing()


def _maps(random, train, test, channels, classes, ridge, size):
    """Return a case: maps that lie around another middle for each channel and class."""
    middles = random.normal(size=(classes, channels)) + random.normal(size=channels) + 1
    labels = [random.integers(0, classes, count) for count in (train, test)]
    maps = [middles[own][:, :, None, None] + random.normal(size=(len(own), channels, *size)) for own in labels]
    first, second = (torch.from_numpy(each.astype(np.float32)) for each in maps)
    return first, torch.from_numpy(labels[0]), second, classes, ridge


def _draw_probes(random):
    for _ in range(8):
        train, test, channels, classes = (int(random.integers(*limits)) for limits in ((6, 13), (2, 6), (2, 5), (2, 5)))
        yield _maps(random, train, test, channels, classes, float(random.integers(1, 9)) / 2, (2, 3))


_numbers = np.random.default_rng(8)

PROBE_SCORES = Task(
    points=5,
    draw=_draw_probes,
    forbidden=("sklearn",),
    exercise=Exercise(
        name="probe_scores",
        objective=1,
        reference=_probe_scores,
        tolerance=1e-4,  # float32
        cases=(
            _maps(_numbers, 3, 1, 1, 2, 1.0, (1, 2)),
            _maps(_numbers, 6, 2, 2, 2, 0.5, (2, 2)),
            _maps(_numbers, 8, 3, 3, 3, 2.0, (2, 2)),
            _maps(_numbers, 10, 4, 4, 5, 3.0, (3, 2)),
        ),
        mistakes=(
            Mistake("max-for-mean", "you keep the largest number of each map. The probe reads the mean.",
                    _probing(pool=lambda maps: np.asarray(maps, dtype=float).max(axis=(2, 3)))),
            Mistake("sum-for-mean", "you add up each map. The probe reads the mean of its places.",
                    _probing(pool=lambda maps: np.asarray(maps, dtype=float).sum(axis=(2, 3)))),
            Mistake("places-kept", "you flatten the maps. The probe gets one number for each channel.",
                    _probing(pool=lambda maps: np.asarray(maps, dtype=float).reshape(len(maps), -1))),
            Mistake("test-middle", "you move the test vectors by their own mean. The score of a picture must not "
                    "depend on the other test pictures.", _probing(test_middle=lambda train, test: test.mean(axis=0))),
            Mistake("test-not-moved", "you take the mean from the training vectors, but not from the test vectors.",
                    _probing(test_middle=lambda train, test: 0)),
            Mistake("biases-forgotten", "your scores lie around 0. What was taken from the targets before the fit, and "
                    "who gives it back?", _probing(bias=False)),
            Mistake("no-biases", "your probe has weights, but no biases.", _bias_free),
            Mistake("biases-pulled", "your penalty pulls at the biases, too. It is on the weights alone.",
                    _bias_pulled),
            Mistake("ridge-ignored", "your probe fits without the penalty.",
                    _probing(ridge_of=lambda ridge, count: 1e-9)),
            Mistake("ridge-per-picture", "your penalty grows with the number of pictures. Is there a mean in the sum "
                    "that is made smallest?", _probing(ridge_of=lambda ridge, count: ridge * count)),
            Mistake("ridge-squared", "you square the penalty's factor.",
                    _probing(ridge_of=lambda ridge, count: ridge ** 2)),
            Mistake("targets-of-minus-one", "your targets are 1 and -1. They are 1 for the kind and 0 for the others.",
                    _probing(targets=lambda labels, classes: 2 * _one_hot(labels, classes) - 1)),
            Mistake("softmax-of-scores", "you put the scores through a softmax. The probe's own numbers are asked for.",
                    _probing(after=_softmax)),
            Mistake("kinds-for-scores", "you return the kind with the largest score. A score for each is asked for.",
                    _probing(after=lambda scores: scores.argmax(axis=1))),
        ),
    ),
)

TASKS = (WHAT_MOVES, PROBE_SCORES, NEAREST_RIGHT)
