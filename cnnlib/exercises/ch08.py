"""The exercises of chapter 8: what learns, a rate for each depth, moving statistics, prepared pictures, a leak."""
import numpy as np

from cnnlib.exercises._check import Exercise, Mistake


def _learning(parameters, frozen, features, classes):
    return sum(parameters[frozen:]) + features * classes + classes


LEARNING = Exercise(
    name="learning",
    objective=3,
    reference=_learning,
    cases=(([10], 1, 2, 3), ([10, 20], 1, 4, 5), ([10, 20, 40], 0, 8, 3),
           ([464, 4672, 14528, 57728, 230144], 3, 128, 12),
           ([464, 4672, 14528, 57728, 230144], 5, 128, 176)),
    mistakes=(
        Mistake("no-bias",
                "your new head has no biases. `nn.Linear` has one for each class.",
                lambda p, k, f, c: sum(p[k:]) + f * c),
        Mistake("head-forgotten",
                "you count the stages that are not frozen. The new head learns as well.",
                lambda p, k, f, c: sum(p[k:])),
        Mistake("head-alone",
                "you count the head. Stages behind the frozen ones learn, too.",
                lambda p, k, f, c: f * c + c),
        Mistake("frozen-counted",
                "you add up the frozen stages. Which ones learn?",
                lambda p, k, f, c: sum(p[:k]) + f * c + c),
        Mistake("everything",
                "you count the whole network, frozen or not.",
                lambda p, k, f, c: sum(p) + f * c + c),
        Mistake("frozen-from-the-end",
                "you freeze the last stages. Freezing starts at the input: those are the general ones.",
                lambda p, k, f, c: sum(p[:len(p) - k]) + f * c + c),
        Mistake("one-frozen-too-many",
                "you freeze one stage too many. `parameters[frozen]` is the first one that learns.",
                lambda p, k, f, c: sum(p[k + 1:]) + f * c + c),
        Mistake("a-bias-for-each-feature",
                "your head has a bias for each feature. It has one for each class.",
                lambda p, k, f, c: sum(p[k:]) + f * c + f),
    ),
)


def _rates(top, factor, depth):
    return [top * factor ** (depth - 1 - i) for i in range(depth)]


DEPTH_RATES = Exercise(
    name="depth_rates",
    objective=4,
    reference=_rates,
    cases=((1.0, 0.5, 1), (1.0, 0.5, 3), (0.1, 0.1, 2), (0.01, 0.4, 5)),
    tolerance=1e-9,
    mistakes=(
        Mistake("deep-slow",
                "your rates fall toward the head. The head is new and far from right: it gets the largest.",
                lambda t, f, d: _rates(t, f, d)[::-1]),
        Mistake("head-too-slow",
                "all of your rates are one factor too small. The head itself gets `top`.",
                lambda t, f, d: [rate * f for rate in _rates(t, f, d)]),
        Mistake("one-factor",
                "everything but the head has the same rate. Each part toward the input gets one factor more.",
                lambda t, f, d: [t * f] * (d - 1) + [t]),
        Mistake("all-the-same",
                "all of your parts have one rate. Where is the factor?",
                lambda t, f, d: [t] * d),
        Mistake("divided",
                "your rates grow toward the input: you divide by the factor.",
                lambda t, f, d: [t / f ** (d - 1 - i) for i in range(d)]),
        Mistake("in-equal-steps",
                "your rates lie on a line. Each one is `factor` times its neighbor: a product, not a difference.",
                lambda t, f, d: np.linspace(t * f ** (d - 1), t, d)),
        Mistake("times-the-depth",
                "you multiply the factor by the depth. Take it to the power of the depth.",
                lambda t, f, d: [t * f * (d - 1 - i) if i < d - 1 else t for i in range(d)]),
        Mistake("one-rate-too-many",
                "you return one rate too many: `depth` counts the head, too.",
                lambda t, f, d: _rates(t, f, d + 1)),
    ),
)


def _running(start, batches, momentum=0.1, *, training=True, keep=None):
    mean = start
    for batch in batches if training else ():
        mean = (1 - momentum if keep is None else keep(momentum)) * mean + momentum * np.mean(batch)
    return mean


def _last(start, batches, momentum=0.1, *, training=True):
    return np.mean(batches[-1]) if training else start


def _whole_average(start, batches, momentum=0.1, *, training=True):
    return np.mean(batches) if training else start


def _once(start, batches, momentum=0.1, *, training=True):
    return _running(start, batches[:1], momentum, training=training)


_numbers = np.random.default_rng(8)
BATCHES = _numbers.integers(-9, 10, size=(4, 6)).tolist()
RUNNING_MEAN = Exercise(
    name="running_mean",
    objective=5,
    reference=_running,
    cases=((0.0, [[5.0, 5.0]]), (2.0, [[4.0, 6.0], [0.0, 2.0]], 0.5), (1.0, [[3.0, 5.0]], {"training": False}),
           (1.0, BATCHES), (-2.0, BATCHES, 0.25), (3.0, BATCHES, {"training": False})),
    mistakes=(
        Mistake("it-stays",
                "your mean never moves. Frozen parameters do not stop it: in training mode every batch moves it.",
                lambda s, b, m=0.1, *, training=True: s),
        Mistake("mode-ignored",
                "your mean moves in evaluation mode, too. That is the mode in which it stands still.",
                lambda s, b, m=0.1, *, training=True: _running(s, b, m)),
        Mistake("mode-turned-round",
                "your mean moves in evaluation mode and stands still in training mode. It is the other way round.",
                lambda s, b, m=0.1, *, training=True: _running(s, b, m, training=not training)),
        Mistake("momentum-of-the-old",
                "you keep `momentum` of the old mean. In PyTorch it is the share of the *new* one.",
                lambda s, b, m=0.1, *, training=True: _running(s, b, 1 - m, training=training)),
        Mistake("old-not-faded",
                "you add to the old mean without shrinking it. The two shares add up to 1.",
                lambda s, b, m=0.1, *, training=True: _running(s, b, m, training=training, keep=lambda m: 1)),
        Mistake("last-batch",
                "you return the mean of the last batch. The running mean takes a share of each.",
                _last),
        Mistake("average-of-all",
                "you return the plain average of all batches. Older batches count less and less.",
                _whole_average),
        Mistake("first-batch-only",
                "you stop after the first batch.",
                _once),
    ),
)


def _columns(values):
    return np.reshape(values, (-1, 1, 1))


def _prepared(image, mean, std):
    return (np.asarray(image) / 255 - _columns(mean)) / _columns(std)


PICTURE = _numbers.integers(0, 256, size=(3, 4, 5)).astype(np.uint8)
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
PREPARED = Exercise(
    name="prepared",
    objective=5,
    reference=_prepared,
    cases=((PICTURE[:1, :1, :2], (0.5,), (0.25,)), (PICTURE[:, :2, :1], (0.2, 0.4, 0.6), (0.1, 0.2, 0.5)),
           (PICTURE, MEAN, STD)),
    tolerance=1e-5,
    mistakes=(
        Mistake("still-bytes",
                "your picture still counts to 255. Mean and std belong to pictures from 0 to 1.",
                lambda i, m, s: (np.asarray(i, float) - _columns(m)) / _columns(s)),
        Mistake("scaled-alone",
                "your picture goes from 0 to 1. The network was trained on what comes after mean and std.",
                lambda i, m, s: i / 255),
        Mistake("std-forgotten",
                "you take the mean away and stop.",
                lambda i, m, s: i / 255 - _columns(m)),
        Mistake("mean-forgotten",
                "you divide by std, but the mean is still in.",
                lambda i, m, s: i / 255 / _columns(s)),
        Mistake("times-std",
                "you multiply by std. Divide, so that what varies little gets larger.",
                lambda i, m, s: (i / 255 - _columns(m)) * _columns(s)),
        Mistake("divided-first",
                "you divide by std before you take the mean away.",
                lambda i, m, s: i / 255 / _columns(s) - _columns(m)),
        Mistake("channels-turned",
                "your channels have the mean and std of another one. Red comes first here.",
                lambda i, m, s: _prepared(i, m[::-1], s[::-1])),
        Mistake("own-numbers",
                "you use mean and std of this picture. The network was trained with fixed ones, which the card names.",
                lambda i, m, s: (i - np.mean(i, axis=(1, 2), keepdims=True))
                / np.maximum(np.std(i, axis=(1, 2), keepdims=True), 1e-9)),
        Mistake("one-mean",
                "you use the first channel's mean and std for all of them.",
                lambda i, m, s: _prepared(i, m[:1], s[:1])),
    ),
)


def _leaked(train, validation):
    return float(np.isin(validation, train).mean())


LEAKED = Exercise(
    name="leaked",
    objective=5,
    reference=_leaked,
    cases=(([1, 2], [2, 3]), ([1, 2], [3, 4]), ([4, 4, 5], [4, 4, 4, 6]), ([0, 1, 1, 2, 5], [5, 5, 1, 7, 8]),
           ([3, 3, 3], [3, 9, 9])),
    mistakes=(
        Mistake("share-of-the-training",
                "you divide by the number of training pictures. The question is about the validation.",
                lambda t, v: float(np.isin(v, t).sum() / len(t))),
        Mistake("seen-from-the-training",
                "you return the share of training pictures with a copy in the validation. Turn it round.",
                lambda t, v: float(np.isin(t, v).mean())),
        Mistake("leaves-not-pictures",
                "you count each leaf once. Each *picture* of the validation is judged, so each counts.",
                lambda t, v: len(set(t) & set(v)) / len(set(v))),
        Mistake("a-count",
                "you return how many. The question asks for a fraction of 1.",
                lambda t, v: int(np.isin(v, t).sum())),
        Mistake("the-clean-share",
                "you return the share that has *no* copy among the training pictures.",
                lambda t, v: 1 - _leaked(t, v)),
        Mistake("pairs",
                "you count pairs of pictures. A validation picture with two copies has leaked once.",
                lambda t, v: sum(a == b for a in t for b in v) / len(v)),
        Mistake("yes-or-no",
                "you answer whether there is a leak. The question asks how much of the validation it spoils.",
                lambda t, v: float(bool(set(t) & set(v)))),
    ),
)

EXERCISES = {each.name: each for each in (LEARNING, DEPTH_RATES, RUNNING_MEAN, PREPARED, LEAKED)}
check_learning, check_depth_rates, check_running_mean, check_prepared, check_leaked = (
    exercise.check for exercise in EXERCISES.values()
)
