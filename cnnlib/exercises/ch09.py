"""The exercises of chapter 9: Grad-CAM from maps, covering, the share of a map in a box, likeness by ranks."""
import numpy as np

from cnnlib.exercises._check import Exercise, Mistake

_numbers = np.random.default_rng(9)
MAPS = np.array([[[4.0, 1], [2, 1]], [[0, 3], [1, 2]]])
GRADIENTS = np.array([[[2.0, 0], [1, 0]], [[-2, -2], [0, 0]]])
MANY_MAPS = _numbers.integers(0, 9, size=(4, 3, 5)).astype(float)
MANY_GRADIENTS = _numbers.integers(-5, 8, size=(4, 3, 5)).astype(float)


def _cam(maps, gradients):
    return np.maximum((gradients.mean(axis=(1, 2))[:, None, None] * maps).sum(axis=0), 0)


def _weighted(maps, weights):
    return (weights[:, None, None] * maps).sum(axis=0)


CAM_FROM_MAPS = Exercise(
    name="cam_from_maps",
    objective=3,
    reference=_cam,
    cases=((MAPS, GRADIENTS), (MANY_MAPS[:2], MANY_GRADIENTS[:2]), (MANY_MAPS, MANY_GRADIENTS),
           (MANY_MAPS, MANY_GRADIENTS[::-1])),
    mistakes=(
        Mistake("relu-forgotten",
                "your map has negative numbers. What does the ReLU keep?",
                lambda maps, gradients: _weighted(maps, gradients.mean(axis=(1, 2)))),
        Mistake("relu-before-the-sum",
                "you cut off each weighted map before you add them. Then no map can cancel another one.",
                lambda maps, gradients: np.maximum(gradients.mean(axis=(1, 2))[:, None, None] * maps, 0).sum(axis=0)),
        Mistake("gradients-not-averaged",
                "you multiply each number by its own gradient. Grad-CAM has one weight for each channel.",
                lambda maps, gradients: np.maximum((gradients * maps).sum(axis=0), 0)),
        Mistake("sum-for-mean",
                "your weights are sums over the places. What is Z in the formula?",
                lambda maps, gradients: np.maximum(_weighted(maps, gradients.sum(axis=(1, 2))), 0)),
        Mistake("absolute-weights",
                "you take the absolute gradient. A map that speaks against the class must count as negative.",
                lambda maps, gradients: np.maximum(_weighted(maps, np.abs(gradients).mean(axis=(1, 2))), 0)),
        Mistake("averaged-over-channels",
                "you average over the channels, at each place. Average over the places, for each channel.",
                lambda maps, gradients: np.maximum((gradients.mean(axis=0) * maps).sum(axis=0), 0)),
        Mistake("mean-over-channels-at-the-end",
                "you take the mean of the weighted maps. The formula adds them.",
                lambda maps, gradients: _cam(maps, gradients) / len(maps)),
        Mistake("scaled-to-one",
                "your map is divided by its largest number. That is for showing it; the exercise asks for the numbers.",
                lambda maps, gradients: _cam(maps, gradients) / max(_cam(maps, gradients).max(), 1e-12)),
    ),
)


def _falls(score, picture, patch, stride, *, fill=0.0, fresh=True, average=True, fall=None):
    """Cover each place; the options make the mistakes."""
    fall = fall or (lambda before, after: before - after)
    total, counts, covered = np.zeros(picture.shape), np.zeros(picture.shape), picture.copy()
    for top in range(0, picture.shape[0] - patch + 1, stride):
        for left in range(0, picture.shape[1] - patch + 1, stride):
            place = (slice(top, top + patch), slice(left, left + patch))
            covered = picture.copy() if fresh else covered
            covered[place] = fill
            total[place] += fall(score(picture), score(covered))
            counts[place] += 1
    return total / counts if average else total


def _last_wins(score, picture, patch, stride, *, fill=0.0):
    found = np.zeros(picture.shape)
    for top in range(0, picture.shape[0] - patch + 1, stride):
        for left in range(0, picture.shape[1] - patch + 1, stride):
            covered = picture.copy()
            covered[top:top + patch, left:left + patch] = fill
            found[top:top + patch, left:left + patch] = score(picture) - score(covered)
    return found


def top_row(picture):
    """Score the first row."""
    return float(picture[0].sum())


def lower_right_product(picture):
    """Score what two pixels do together."""
    return float(picture[-1, -1] * picture[-1, -2] - picture[0, 0])


SQUARE, WIDE = np.array([[1.0, 2], [3, 4]]), _numbers.integers(1, 9, size=(4, 6)).astype(float)
FALLS = Exercise(
    name="falls",
    objective=4,
    reference=_falls,
    cases=((top_row, SQUARE, 1, 1), (lower_right_product, SQUARE, 1, 1), (top_row, WIDE, 2, 2),
           (lower_right_product, WIDE, 2, 1), (top_row, WIDE, 2, 1, {"fill": 5.0}),
           (lower_right_product, WIDE, 3, 1, {"fill": -1.0})),
    mistakes=(
        Mistake("sign-turned",
                "you return after less before. A fall is positive where the patch hides something that matters.",
                lambda *given, **options: -_falls(*given, **options)),
        Mistake("score-for-fall",
                "you write down the score that is left. How much did it fall from the whole picture's?",
                lambda *given, **options: _falls(*given, fall=lambda before, after: after, **options)),
        Mistake("holes-add-up",
                "your patches stay in the picture, so that later places are judged on a picture full of holes.",
                lambda *given, **options: _falls(*given, fresh=False, **options)),
        Mistake("overlaps-added",
                "where patches overlap you add their falls. The exercise asks for the mean over those that cover the "
                "pixel.",
                lambda *given, **options: _falls(*given, average=False, **options)),
        Mistake("last-patch-wins",
                "where patches overlap, the last one overwrites the others.",
                _last_wins),
        Mistake("fill-ignored",
                "you fill with 0, whatever fill says.",
                lambda score, picture, patch, stride, *, fill=0.0: _falls(score, picture, patch, stride)),
        Mistake("absolute-fall",
                "you take the size of the change. Covering may help, and then the fall is negative.",
                lambda *given, **options: _falls(*given, fall=lambda before, after: abs(before - after), **options)),
    ),
)


def _mass(heat, box):
    row, column, height, width = box
    positive = np.maximum(heat, 0)
    return float(positive[row:row + height, column:column + width].sum() / max(positive.sum(), 1e-12))


def _inside_over_outside(heat, box):
    inside = _mass(heat, box)
    return inside / max(1 - inside, 1e-12)


def _signed(heat, box, part=lambda heat: heat):
    row, column, height, width = box
    kept = part(heat)
    return float(kept[row:row + height, column:column + width].sum() / kept.sum()) if kept.sum() else 0.0


def _of_means(heat, box):
    row, column, height, width = box
    positive = np.maximum(heat, 0)
    return float(positive[row:row + height, column:column + width].mean() / max(positive.mean(), 1e-12))


HEAT = np.array([[1.0, 2, 0], [3, -2, 4], [0, 6, 5]])
LARGE = _numbers.integers(-4, 9, size=(7, 9)).astype(float)
MASS_IN_BOX = Exercise(
    name="mass_in_box",
    objective=6,
    reference=_mass,
    cases=((HEAT, (1, 0, 2, 1)), (HEAT, (1, 1, 2, 2)), (LARGE, (1, 2, 3, 4)), (LARGE, (2, 1, 4, 6)),
           (-np.ones((3, 3)), (0, 0, 2, 2))),
    mistakes=(
        Mistake("negative-kept",
                "negative numbers are still in your sums. They count as 0.",
                _signed),
        Mistake("absolute-values",
                "you count negative numbers as if they were positive. They count as 0.",
                lambda heat, box: _signed(heat, box, np.abs)),
        Mistake("two-corners",
                "you take the last two numbers of the box as a second corner. They are height and width.",
                lambda heat, box: _mass(heat, (*box[:2], max(box[2] - box[0], 0), max(box[3] - box[1], 0)))),
        Mistake("axes-swapped",
                "you take row for the place across. Which index of an array goes down?",
                lambda heat, box: _mass(heat, (box[1], box[0], box[3], box[2]))),
        Mistake("inside-over-outside",
                "you divide by what lies outside. A share is the inside of the whole.",
                _inside_over_outside),
        Mistake("means-for-sums",
                "you compare means. That says how many times brighter the box is, not which share it holds.",
                _of_means),
        Mistake("mass-not-divided",
                "you return the mass inside. Divide it by the whole.",
                lambda heat, box: _mass(heat, box) * float(np.maximum(heat, 0).sum())),
    ),
)


def _ranks(values):
    return np.argsort(np.argsort(values.ravel()))


def _correlation(a, b):
    return float(np.corrcoef(np.ravel(a), np.ravel(b))[0, 1])


def _rank_likeness(a, b):
    return _correlation(_ranks(a), _ranks(b))


def _row_by_row(a, b):
    return _correlation(a.argsort(axis=1).argsort(axis=1), b.argsort(axis=1).argsort(axis=1))


FIRST, SECOND = np.array([[1.0, 20], [3, 4]]), np.array([[5.0, 6], [80, 7]])
ONE, OTHER = (_numbers.permutation(20).reshape(4, 5) ** 2.0 for _ in range(2))
RANK_LIKENESS = Exercise(
    name="rank_likeness",
    objective=6,
    reference=_rank_likeness,
    cases=((FIRST, SECOND), (ONE, OTHER), (ONE, -OTHER), (np.exp(ONE / 50), ONE)),
    mistakes=(
        Mistake("values-not-ranks",
                "you correlate the numbers themselves. Replace each by its rank first.",
                _correlation),
        Mistake("argsort-once",
                "you sorted once: that lists which number comes first, not at which place each number comes.",
                lambda a, b: _correlation(np.argsort(a.ravel()), np.argsort(b.ravel()))),
        Mistake("sorted-values",
                "you sorted both maps and compared the sorted lists. Then nobody knows any more which pixel is which.",
                lambda a, b: _correlation(np.sort(a.ravel()), np.sort(b.ravel()))),
        Mistake("ranked-row-by-row",
                "you rank within each row. A rank is the place among all numbers of the map.",
                _row_by_row),
        Mistake("sign-lost",
                "you return no negative number. Two maps may be opposites.",
                lambda a, b: abs(_rank_likeness(a, b))),
        Mistake("one-map-ranked",
                "only one of the two maps is turned into ranks.",
                lambda a, b: _correlation(_ranks(a), b)),
        Mistake("squared",
                "you return the square of the correlation.",
                lambda a, b: _rank_likeness(a, b) ** 2),
    ),
)

EXERCISES = {each.name: each for each in (CAM_FROM_MAPS, FALLS, MASS_IN_BOX, RANK_LIKENESS)}
check_cam_from_maps, check_falls, check_mass_in_box, check_rank_likeness = (
    exercise.check for exercise in EXERCISES.values()
)
