"""The third task of chapter 9: cover what a map calls important, and see whether the score falls."""
import numpy as np
import torch
from torch.nn.functional import conv2d

from cnnlib.exercises._check import Exercise, Mistake
from cnnlib.exercises._task import Task


def _score(picture, filters, biases, weights, *, relu=True, read=torch.mean):
    maps = conv2d(picture[None].double(), filters.double(), biases.double())[0]
    return float(weights.double() @ read(maps.relu() if relu else maps, dim=(1, 2)))


def _groups(heat, parts):
    """Return the places of each part, brightest first, as flat numbers."""
    return heat.flatten().argsort(descending=True).reshape(parts, -1)


def _steps_of_heat(heat, parts):
    """Return parts of equal width in the heat; the last one holds the dimmest place."""
    flat = heat.flatten().double()
    number = ((flat.max() - flat) / (flat.max() - flat.min()) * parts).long().clamp(max=parts - 1)
    return [torch.nonzero(number == part).flatten() for part in range(parts)]


def _places_for_ranks(heat, parts):
    """Return parts of which each number's place in the sorted list was taken for its rank."""
    return _groups(heat, parts).flatten().argsort().reshape(parts, -1)


def _covering(*, groups=_groups, channels=slice(None), fresh=False, filled=lambda picture, fill: fill,
              after=lambda scores: scores, **reading):
    """Return a covered_scores with other parts, another way to cover or another score."""
    def covered_scores(filters, biases, weights, picture, heat, parts, fill):
        covered = picture.double()
        scores = [_score(covered, filters, biases, weights, **reading)]
        for places in groups(heat, parts):
            covered = picture.double() if fresh else covered.clone()
            covered.flatten(1)[channels, places] = filled(picture, fill)
            scores.append(_score(covered, filters, biases, weights, **reading))
        return after(np.array(scores))
    return covered_scores


_covered_scores = _covering()


def _case(random, filters, channels, kernel, size, parts, fill):
    arrays = [random.normal(size=shape) for shape in (
        (filters, channels, kernel, kernel), (filters,), (filters,), (channels, *size), size)]
    arrays[1] = np.abs(arrays[1])  # so that the score is not 0 from the start
    return *(torch.from_numpy(array.astype(np.float32)) for array in arrays), parts, fill


def _draw_cases(random):
    for _ in range(7):
        filters, channels, kernel, rows, halves = (int(random.integers(*limits)) for limits in (
            (2, 5), (2, 4), (1, 4), (3, 7), (2, 4)))
        parts = int(random.choice([2, rows, 2 * halves]))
        yield _case(random, filters, channels, kernel, (rows, 2 * halves), parts, float(random.integers(1, 5)) / 4)


_numbers = np.random.default_rng(99)

COVERED_SCORES = Task(
    points=4,
    draw=_draw_cases,
    forbidden=("cnnlib.explain",),
    exercise=Exercise(
        name="covered_scores",
        objective=6,
        reference=_covered_scores,
        tolerance=1e-4,  # float32
        cases=(
            _case(_numbers, 1, 1, 1, (1, 2), 2, 0.0),
            _case(_numbers, 2, 2, 1, (2, 2), 2, 0.5),
            _case(_numbers, 2, 2, 2, (3, 4), 4, 0.0),
            _case(_numbers, 3, 3, 3, (4, 5), 5, 0.25),
            _case(_numbers, 4, 3, 3, (6, 6), 9, 1.0),
        ),
        mistakes=(
            Mistake("dimmest-first", "you cover the dimmest places first.",
                    _covering(groups=lambda heat, parts: _groups(-heat, parts))),
            Mistake("size-of-the-heat", "you sort by the size of the heat. A negative number says that the place "
                    "speaks against the class: it comes last.",
                    _covering(groups=lambda heat, parts: _groups(heat.abs(), parts))),
            Mistake("steps-of-heat", "your parts are equal steps of the heat. Equal numbers of places are asked for.",
                    _covering(groups=_steps_of_heat)),
            Mistake("places-for-ranks", "you sorted once and took the result for ranks. It lists *which* place comes "
                    "first, second, ...", _covering(groups=_places_for_ranks)),
            Mistake("parts-uncovered-again", "each of your pictures has one part covered. What was covered before "
                    "stays covered.", _covering(fresh=True)),
            Mistake("one-channel-covered", "you cover the first channel. A covered place loses all of them.",
                    _covering(channels=slice(0, 1))),
            Mistake("fill-ignored", "you fill with 0, whatever fill says.",
                    _covering(filled=lambda picture, fill: 0.0)),
            Mistake("mean-filled", "you fill with the picture's mean. That is a good choice elsewhere; here `fill` "
                    "says what.", _covering(filled=lambda picture, fill: picture.double().mean())),
            Mistake("start-missing", "your list begins with the first part covered. Before it comes the whole picture.",
                    _covering(after=lambda scores: scores[1:])),
            Mistake("end-missing", "your list stops before the last part. At its end, all is covered.",
                    _covering(after=lambda scores: scores[:-1])),
            Mistake("falls-for-scores", "you return how much the score fell. The scores themselves are asked for.",
                    _covering(after=lambda scores: scores[0] - scores)),
            Mistake("shares-of-the-start", "you divide by the score of the whole picture.",
                    _covering(after=lambda scores: scores / scores[0])),
            Mistake("relu-forgotten", "your score has no ReLU between the filters and the average.",
                    _covering(relu=False)),
            Mistake("sum-for-mean", "your score adds up each map. It takes its mean.", _covering(read=torch.sum)),
        ),
    ),
)
