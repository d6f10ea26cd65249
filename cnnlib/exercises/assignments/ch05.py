"""The assignment of chapter 5: what a network learns and stores, the loss of a map, a network without its library."""
import numpy as np

from cnnlib.exercises._check import Exercise, Mistake
from cnnlib.exercises._task import Task
from cnnlib.exercises._watch import CONVOLUTION, POOLING
from cnnlib.exercises.ch06 import _NanIsNan
from cnnlib.scratch import avg_pool2d, conv2d, max_pool2d


def _learned_and_stored(image, widths, num_classes, *, weights=lambda c, o: 9 * c * o, norm=2, stored=2, passed=True,
                        halve=lambda n: n // 2, flat=lambda c, h, w: c * h * w, head_bias=1, mixed=False):
    """Count (learned, stored); the options are what a student may count in another way."""
    first, height, width = image
    channels, learned, kept = first, 0, 0
    for out in widths:
        learned += weights(channels if passed else first, out) + norm * out
        kept += stored(out, height, width) if callable(stored) else stored * out
        channels, height, width = out, halve(height), halve(width)
    learned += (flat(channels, height, width) + head_bias) * num_classes
    return learned + kept * mixed, kept


def _counted(**options):
    return lambda *case: _learned_and_stored(*case, **options)


def _draw_networks(random):
    for _ in range(10):
        widths = [int(width) for width in random.integers(2, 40, random.integers(1, 4))]
        sizes = (int(size) for size in random.integers(9, 40, 2))
        yield (int(random.integers(1, 5)), *sizes), widths, int(random.integers(2, 20))


LEARNED_AND_STORED = Task(
    points=3,
    draw=_draw_networks,
    forbidden=("cnnlib.shapes", "cnnlib.models", "cnnlib.scratch"),
    exercise=Exercise(
        name="learned_and_stored",
        objective=1,
        reference=_learned_and_stored,
        cases=(((1, 4, 4), [2], 3), ((3, 8, 12), [4], 10), ((2, 7, 9), [3, 5], 4), ((3, 30, 45), [8, 16, 32], 10)),
        mistakes=(
            Mistake("convolution-bias", "you give the convolutions a bias. Read again how they are built, and why.",
                    _counted(weights=lambda c, o: (9 * c + 1) * o)),
            Mistake("channels-not-passed", "each of your convolutions reads the image. What does the second one read?",
                    _counted(passed=False)),
            Mistake("kernel-once", "you count the side of a kernel, not its area.",
                    _counted(weights=lambda c, o: 3 * c * o)),
            Mistake("one-slice-a-filter", "your filters see one map. A filter has a slice for each map it reads.",
                    _counted(weights=lambda c, o: 9 * o)),
            Mistake("norm-not-learned", "you count nothing that batch norm learns.", _counted(norm=0)),
            Mistake("norm-learns-one", "batch norm learns a scale and a shift; you count one number a channel.",
                    _counted(norm=1)),
            Mistake("stored-as-learned", "you count the stored statistics among the learned numbers. No gradient "
                    "reaches them.", _counted(mixed=True)),
            Mistake("one-statistic", "you store one number a channel. Which two does evaluation need?",
                    _counted(stored=1)),
            Mistake("statistics-at-each-place", "you store statistics for every pixel of a map. Over which axes does "
                    "batch norm take its mean?", _counted(stored=lambda c, h, w: 2 * c * h * w)),
            Mistake("not-pooled", "your dense layer reads maps of the image's size.", _counted(halve=lambda n: n)),
            Mistake("rounded-up", "you round up where a side is odd. A pool leaves the last row out.",
                    _counted(halve=lambda n: (n + 1) // 2)),
            Mistake("one-number-a-map", "your dense layer reads one number of each map. That is a mean of maps; here "
                    "they are flattened.", _counted(flat=lambda c, h, w: c)),
            Mistake("head-bias-missing", "the units of your dense layer have no bias.", _counted(head_bias=0)),
        ),
    ),
)


def _chances(scores, axis=1):
    powers = np.exp(scores - scores.max(axis=axis, keepdims=True))
    return powers / powers.sum(axis=axis, keepdims=True)


def _of_right_class(values, labels):
    return np.take_along_axis(values, labels[:, None], axis=1)[:, 0]


def _logs(scores):
    shifted = scores - scores.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def _map_loss(scores, labels):
    return float(-_of_right_class(_logs(scores), labels).mean())


def _loss_of(chances, loss=lambda p: -np.log(p)):
    """Return a map_loss with other chances or another price of a chance; dividing by 0 is part of some mistakes."""
    def map_loss(scores, labels):
        with np.errstate(all="ignore"):
            return float(np.mean(loss(_of_right_class(chances(scores), labels))))
    return map_loss


def _log_of_sum(scores, labels):
    with np.errstate(all="ignore"):
        return float(-_of_right_class(scores - np.log(np.exp(scores).sum(axis=1, keepdims=True)), labels).mean())


def _draw_scores(random):
    for factor in (1, 1, 2, 3, 3, 400, 900):
        n, classes, height, width = (int(size) for size in random.integers(2, 6, 4))
        yield factor * random.normal(size=(n, classes, height, width)), random.integers(0, classes, (n, height, width))


_random = np.random.default_rng(5)
MAP_LOSS = Task(
    points=4,
    draw=_draw_scores,
    forbidden=("cnnlib.scratch", "cnnlib.losses", "scipy.special", "scipy.stats", "aten::nll_loss", "aten::log_softmax",
               "aten::cross_entropy", "aten::_log_softmax", "aten::softmax", "aten::_softmax", "aten::logsumexp"),
    exercise=_NanIsNan(
        name="map_loss",
        objective=4,
        reference=_map_loss,
        cases=(
            (np.array([[2.0, 0.0]]).reshape(1, 2, 1, 1), np.array([[[1]]])),
            (_random.integers(-3, 4, (2, 3, 2, 4)).astype(float), _random.integers(0, 3, (2, 2, 4))),
            (_random.integers(-3, 4, (3, 4, 3, 2)).astype(float), _random.integers(0, 4, (3, 3, 2))),
            (np.array([[0.0, -800.0]]).reshape(1, 2, 1, 1), np.array([[[1]]])),
            (np.array([[1000.0, 999.0, 998.0]]).reshape(1, 3, 1, 1), np.array([[[2]]])),
        ),
        mistakes=(
            Mistake("softmax-along-a-row", "your softmax runs over the last axis. Who competes with whom?",
                    _loss_of(lambda z: _chances(z, 3))),
            Mistake("softmax-over-places", "the chances of one map add up to 1. At each place, the classes should.",
                    _loss_of(lambda z: _chances(z, (2, 3)))),
            Mistake("softmax-over-images", "your softmax runs over the batch, so images compete with each other.",
                    _loss_of(lambda z: _chances(z, 0))),
            Mistake("softmax-forgotten", "you take scores for logarithms of chances.",
                    _loss_of(lambda z: z, np.negative)),
            Mistake("softmax-twice", "you apply softmax to chances. The data are scores: how often is softmax due?",
                    _loss_of(lambda z: _chances(_chances(z)))),
            Mistake("sum-for-mean", "you add up the losses of all pixels.", lambda z, t: _map_loss(z, t) * t.size),
            Mistake("mean-over-images-only", "you divide by the number of images. The mean is over all pixels.",
                    lambda z, t: _map_loss(z, t) * t[0].size),
            Mistake("mean-over-classes-too", "you divide by the classes as well, as a mean over one-hot numbers does.",
                    lambda z, t: _map_loss(z, t) / z.shape[1]),
            Mistake("sign-turned", "the logarithm of a chance is negative. Is a loss?", lambda z, t: -_map_loss(z, t)),
            Mistake("logarithm-forgotten", "you add up what is missing to a chance of 1. The price is a logarithm.",
                    _loss_of(_chances, lambda p: 1 - p)),
            Mistake("log-of-the-mean", "you take the mean of the chances first, then one logarithm.",
                    lambda z, t: float(-np.log(max(_of_right_class(_chances(z), t).mean(), 1e-300)))),
            Mistake("chance-rounded-to-0", "right for small scores. Here the chance is too small for a float and "
                    "becomes 0, so the loss is infinite. Is the chance itself needed?", _loss_of(_chances)),
            Mistake("log-clipped", "you add a small number under the logarithm. That hides the infinity and changes "
                    "the loss: compare both for the score −800.", _loss_of(_chances, lambda p: -np.log(p + 1e-12))),
            Mistake("powers-overflow", "right for small scores. The powers of e of large scores are infinite. What "
                    "may be taken off all scores of a place?", _log_of_sum),
            Mistake("softmax-overflows", "right for small scores. For large ones you divide infinity by infinity, for "
                    "very different ones you take the logarithm of 0.",
                    _loss_of(lambda z: np.exp(z) / np.exp(z).sum(axis=1, keepdims=True))),
        ),
    ),
)


def _network_scores(weights, x, *, pad="constant", kernel=lambda w: w, norm=None, bend=lambda x: np.maximum(x, 0),
                    order="norm bend pool", pool=max_pool2d, axes=(0, 1, 2, 3), bias=1, last=lambda z: z):
    steps = {"norm": lambda x: (norm or _stored_norm)(weights, x), "bend": bend, "pool": lambda x: pool(x, 2)}
    x = conv2d(np.pad(x, [(0, 0), (0, 0), (1, 1), (1, 1)], mode=pad), kernel(weights["conv.weight"]))
    for step in order.split():
        x = steps[step](x)
    return last(x.transpose(axes).reshape(len(x), -1) @ weights["dense.weight"].T + bias * weights["dense.bias"])


def _stored_norm(weights, x, *, eps=1e-5, power=0.5, mean=None, var=None, gamma=None, beta=None):
    names = ("running_mean", "running_var", "weight", "bias")
    mean, var, gamma, beta = (
        (weights[f"norm.{name}"] if value is None else value * np.ones(x.shape[1])).reshape(1, -1, 1, 1)
        for name, value in zip(names, (mean, var, gamma, beta), strict=True))
    return gamma * (x - mean) / (var + eps) ** power + beta


def _batch_norm(weights, x):
    return _stored_norm(weights, x, mean=x.mean(axis=(0, 2, 3)), var=x.var(axis=(0, 2, 3)))


def _scores_with(**options):
    return lambda weights, x: _network_scores(weights, x, **options)


def _norm_with(**options):
    return _scores_with(norm=lambda weights, x: _stored_norm(weights, x, **options))


def _network(random, n, channels, size, filters, classes):
    """Return random weights and images; one scale is negative and one stored variance small, as trained ones may be."""
    gamma, var = random.uniform(0.5, 2, filters), random.uniform(0.2, 3, filters)
    gamma[0], var[-1] = -1.5, 0.001
    inputs = filters * (size[0] // 2) * (size[1] // 2)
    weights = {
        "conv.weight": random.normal(size=(filters, channels, 3, 3)), "norm.weight": gamma,
        "norm.bias": random.normal(size=filters), "norm.running_mean": random.normal(size=filters),
        "norm.running_var": var, "dense.weight": random.normal(size=(classes, inputs)) / 9,
        "dense.bias": random.normal(size=classes)}
    return weights, random.normal(size=(n, channels, *size)) / 3


def _draw_trained(random):
    for _ in range(6):
        n, channels, filters, classes = (int(size) for size in random.integers(2, 5, 4))
        yield _network(random, n, channels, tuple(int(size) for size in random.integers(4, 8, 2)), filters, classes)


NETWORK_SCORES = Task(
    points=5,
    draw=_draw_trained,
    forbidden=(*CONVOLUTION, *POOLING, "cnnlib.scratch", "cnnlib.models", "aten::batch_norm", "aten::native_batch_norm",
               "aten::_native_batch_norm", "skimage.measure"),
    exercise=Exercise(
        name="network_scores",
        objective=6,
        reference=_network_scores,
        tolerance=1e-5,
        cases=(_network(_random, 1, 1, (2, 2), 2, 2), _network(_random, 2, 2, (4, 6), 3, 2),
               _network(_random, 3, 3, (5, 7), 4, 3)),
        mistakes=(
            Mistake("batch-statistics", "you normalize with the batch's own mean and variance. Which ones does a "
                    "network in use take?", _scores_with(norm=_batch_norm)),
            Mistake("relu-before-norm", "your ReLU stands in front of batch norm.",
                    _scores_with(order="bend norm pool")),
            Mistake("pool-before-norm", "your pool stands in front of batch norm. With a negative scale, the largest "
                    "number becomes the smallest.", _scores_with(order="pool norm bend")),
            Mistake("relu-forgotten", "nothing is bent in your network.", _scores_with(order="norm pool")),
            Mistake("norm-forgotten", "your network has no batch norm.", _scores_with(order="bend pool")),
            Mistake("scale-and-shift-forgotten", "your maps are normalized; the learned scale and shift are missing.",
                    _norm_with(gamma=1, beta=0)),
            Mistake("variance-for-deviation", "you divide by the variance, not by its root.", _norm_with(power=1)),
            Mistake("eps-forgotten", "nearly right. What stands beside the variance under the root?",
                    _norm_with(eps=0)),
            Mistake("flipped-kernel", "you turn the kernels by half a turn. A layer does not.",
                    _scores_with(kernel=lambda w: w[:, :, ::-1, ::-1])),
            Mistake("edge-repeated", "your padding repeats the edge of the image. With what does a layer pad?",
                    _scores_with(pad="edge")),
            Mistake("mean-for-max", "you pool the mean of a window.", _scores_with(pool=avg_pool2d)),
            Mistake("channels-last", "you flatten with the channels last. In which order did the dense layer learn to "
                    "read the maps?", _scores_with(axes=(0, 2, 3, 1))),
            Mistake("dense-bias-forgotten", "the bias of the dense layer is missing.", _scores_with(bias=0)),
            Mistake("softmax-at-the-end", "you return chances. Scores were asked for.", _scores_with(last=_chances)),
        ),
    ),
)

TASKS = (LEARNED_AND_STORED, MAP_LOSS, NETWORK_SCORES)
