"""The exercises of chapter 7a: a module's weights, a merged pair, the nearest separable kernel, smoothed labels."""

import numpy as np

from cnnlib.exercises._check import Exercise, Mistake


def _module(in_channels, widths, *, bias=1, three=9, five=25, reduce=(True, True), pool=True):
    """Count an Inception module's parameters; the options build the wrong ones."""
    one, reduce3, width3, reduce5, width5, width_pool = widths
    layers = [(in_channels, one, 1)]
    for reduced, width, taps, kept in ((reduce3, width3, three, reduce[0]), (reduce5, width5, five, reduce[1])):
        layers += [(in_channels, reduced, 1), (reduced if kept else in_channels, width, taps)]
    if pool:
        layers.append((in_channels, width_pool, 1))
    return sum((before * taps + bias) * after for before, after, taps in layers)


def _one_after_the_other(in_channels, widths):
    one, reduce3, width3, reduce5, width5, width_pool = widths
    layers = [(in_channels, one, 1), (one, reduce3, 1), (reduce3, width3, 9), (width3, reduce5, 1),
              (reduce5, width5, 25), (width5, width_pool, 1)]
    return sum((before * taps + 1) * after for before, after, taps in layers)


def _no_reductions(in_channels, widths):
    one, _, width3, _, width5, width_pool = widths
    layers = [(in_channels, one, 1), (in_channels, width3, 9), (in_channels, width5, 25), (in_channels, width_pool, 1)]
    return sum((before * taps + 1) * after for before, after, taps in layers)


MODULE_PARAMETERS = Exercise(
    name="module_parameters",
    objective=2,
    reference=_module,
    cases=(
        (4, (1, 2, 3, 1, 2, 1)),
        (10, (8, 4, 6, 2, 3, 5)),
        (192, (64, 96, 128, 16, 32, 32)),
        (832, (384, 192, 384, 48, 128, 128)),
    ),
    mistakes=(
        Mistake("biases-forgotten",
                "you count weights only. In the paper's layout each filter has a bias.",
                lambda c, w: _module(c, w, bias=0)),
        Mistake("reduction-ignored",
                "your 3×3 and 5×5 see all channels of the input. How many do the 1×1 in front of them leave?",
                lambda c, w: _module(c, w, reduce=(False, False))),
        Mistake("reduction-not-counted",
                "you built the module without its two reductions. They are convolutions, too, with weights.",
                _no_reductions),
        Mistake("reductions-free",
                "your 3×3 and 5×5 see few channels, which is right, but nobody pays for the 1×1 that made them few.",
                lambda c, w: _module(c, w) - (c + 1) * (w[1] + w[3])),
        Mistake("sides-for-areas",
                "your windows have 3 and 5 weights for each channel. A window of 3×3 has nine taps.",
                lambda c, w: _module(c, w, three=3, five=5)),
        Mistake("three-for-five",
                "your third path has a 3×3 window. So it is in torchvision's weights; the exercise asks for the "
                "paper's 5×5.",
                lambda c, w: _module(c, w, five=9)),
        Mistake("pool-path-free",
                "you left out the pooling path. The pooling has no weights; what stands behind it has.",
                lambda c, w: _module(c, w, pool=False)),
        Mistake("one-after-the-other",
                "your layers follow each other. The four paths stand side by side: each one starts at the input.",
                _one_after_the_other),
    ),
)


def _merge(first, second):
    return np.einsum("omhw,mc->ochw", second, first[:, :, 0, 0])


_numbers = np.random.default_rng(7)


def _whole(*shape):
    return _numbers.integers(-3, 4, size=shape).astype(float)


MERGE_PAIR = Exercise(
    name="merge_pair",
    objective=2,
    reference=_merge,
    cases=(
        (np.array([[[[2.0]], [[-1.0]]]]), np.array([[[[1.0, 0, 3], [0, 4, 0], [5, 0, 0]]]])),
        (_whole(2, 3, 1, 1), _whole(1, 2, 3, 3)),
        (_whole(2, 5, 1, 1), _whole(4, 2, 3, 3)),
        (_whole(3, 3, 1, 1), _whole(3, 3, 5, 5)),
    ),
    mistakes=(
        Mistake("output-channels-swapped",
                "your first axis counts input channels. A weight is (O, C, kh, kw): filters first.",
                lambda a, b: _merge(a, b).swapaxes(0, 1)),
        Mistake("kernel-turned",
                "you turn the kernel by 180°. Where no window is shifted, nothing has to be turned.",
                lambda a, b: _merge(a, b)[:, :, ::-1, ::-1]),
        Mistake("kernel-transposed",
                "your kernel's rows are its columns. Height comes before width.",
                lambda a, b: _merge(a, b).swapaxes(2, 3)),
        Mistake("channels-averaged",
                "you take the mean over the channels between. A convolution adds.",
                lambda a, b: _merge(a, b) / len(a)),
        Mistake("channels-between-not-mixed",
                "you add up each layer over the channels between, then multiply the sums. Multiply first, for each "
                "channel between, then add.",
                lambda a, b: np.einsum("ohw,c->ochw", b.sum(axis=1), a[:, :, 0, 0].sum(axis=0))),
        Mistake("first-channel-between-only",
                "you follow one channel between the layers. Every one of them leads from the input to the output.",
                lambda a, b: _merge(a[:1], b[:, :1])),
    ),
)


def _nearest(kernel, *, keep=1, strength=True, flip=False):
    u, s, vt = np.linalg.svd(np.asarray(kernel, dtype=float))
    scale = s[:keep] if strength else np.ones(keep)
    return (vt.T[:, :keep] * scale) @ u.T[:keep] if flip else (u[:, :keep] * scale) @ vt[:keep]


def _sums(kernel):
    total = kernel.sum()
    return np.outer(kernel.sum(axis=1), kernel.sum(axis=0)) / (total if total else 1)


def _middle(kernel):
    row, col = kernel.shape[0] // 2, kernel.shape[1] // 2
    return np.outer(kernel[:, col], kernel[row]) / (kernel[row, col] or 1)


SEPARABLE = Exercise(
    name="separable",
    objective=4,
    reference=_nearest,
    cases=(
        (np.outer([1.0, 2, 1], [1.0, 0, -1]),),
        (np.array([[1.0, 0, 0], [0, 3, 0], [0, 0, 2]]),),
        (np.array([[1.0, 2, 0], [0, 4, 1], [-1, 0, 5]]),),
        (np.array([[0.0, 2, 1], [4, 5, 1], [1, 0, 7]]),),
    ),
    tolerance=1e-5,
    mistakes=(
        Mistake("strength-forgotten",
                "your rows and columns have length 1, and so has their product. The singular value says how strong "
                "it is.",
                lambda k: _nearest(k, strength=False)),
        Mistake("two-products",
                "your kernel is a sum of two products. A column filter and a row filter make one.",
                lambda k: _nearest(k, keep=2)),
        Mistake("rows-and-columns-swapped",
                "your kernel is transposed. `u` holds columns, `vt` holds rows.",
                lambda k: _nearest(k, flip=True)),
        Mistake("row-and-column-sums",
                "you multiply the sums of the rows and of the columns. That is right for kernels that are a product "
                "already; what of the others?",
                _sums),
        Mistake("middle-row-and-column",
                "you took the middle row and the middle column. The others count as well.",
                _middle),
        Mistake("not-changed",
                "this is the kernel itself. A column filter followed by a row filter cannot make every kernel.",
                lambda k: np.asarray(k, dtype=float)),
    ),
)


def _log_softmax(scores):
    shifted = scores - scores.max()
    return shifted - np.log(np.exp(shifted).sum())


def _targets(count, label, right, others):
    targets = np.full(count, others, dtype=float)
    targets[label] = right
    return targets


def _smoothed(scores, label, *, smoothing=0.1):
    count = len(scores)
    targets = _targets(count, label, 1 - smoothing + smoothing / count, smoothing / count)
    return float(-(targets * _log_softmax(np.asarray(scores, dtype=float))).sum())


def _with_targets(make):
    def loss(scores, label, *, smoothing=0.1):
        scores = np.asarray(scores, dtype=float)
        return float(-(make(len(scores), label, smoothing) * _log_softmax(scores)).sum())
    return loss


def _of_chances(scores, label, *, smoothing=0.1):
    targets = _targets(len(scores), label, 1 - smoothing + smoothing / len(scores), smoothing / len(scores))
    return float((targets * np.exp(_log_softmax(np.asarray(scores, dtype=float)))).sum())


def _of_scores(scores, label, *, smoothing=0.1):
    targets = _targets(len(scores), label, 1 - smoothing + smoothing / len(scores), smoothing / len(scores))
    return float(-(targets * scores).sum())


def _mean(scores, label, *, smoothing=0.1):
    return _smoothed(scores, label, smoothing=smoothing) / len(scores)


SMOOTHED_LOSS = Exercise(
    name="smoothed_loss",
    objective=5,
    reference=_smoothed,
    cases=(
        (np.array([2.0, 0.0]), 0, {"smoothing": 0.2}),
        (np.array([1.0, 3.0, -2.0]), 1, {"smoothing": 0.1}),
        (np.array([0.5, -1.0, 4.0, 2.0]), 0, {"smoothing": 0.4}),
        (np.array([5.0, 0.0, 0.0, 0.0, 0.0]), 0, {"smoothing": 0.0}),
    ),
    mistakes=(
        Mistake("not-smoothed",
                "your target is still 1 for the right class. Where does the smoothing go?",
                _with_targets(lambda n, label, e: _targets(n, label, 1, 0))),
        Mistake("shared-among-the-others",
                "you share the smoothing among the wrong classes. Here all classes get a share, the right one too.",
                _with_targets(lambda n, label, e: _targets(n, label, 1 - e, e / (n - 1)))),
        Mistake("right-class-without-share",
                "your targets add up to less than 1. The right class gets its share of the smoothing as well.",
                _with_targets(lambda n, label, e: _targets(n, label, 1 - e, e / n))),
        Mistake("others-get-nothing",
                "you lower the right class's target and give the others nothing. What do your targets add up to?",
                _with_targets(lambda n, label, e: _targets(n, label, 1 - e, 0))),
        Mistake("smoothing-not-divided",
                "you give each class the whole smoothing. It is shared by all of them.",
                _with_targets(lambda n, label, e: _targets(n, label, 1 - e + e, e))),
        Mistake("smoothing-fixed",
                "you smooth by 0.1, whatever `smoothing` says.",
                lambda scores, label, *, smoothing=0.1: _smoothed(scores, label)),
        Mistake("sign-forgotten",
                "your loss has the wrong sign. Logarithms of chances are negative, a loss is not.",
                lambda scores, label, *, smoothing=0.1: -_smoothed(scores, label, smoothing=smoothing)),
        Mistake("scores-not-normalized",
                "you weight the scores themselves. First make log-chances of them: subtract the logarithm of the sum "
                "of the exponentials.",
                _of_scores),
        Mistake("logarithm-forgotten",
                "you weight the chances themselves. Cross-entropy weights their logarithms and turns the sign.",
                _of_chances),
        Mistake("mean-over-classes",
                "you divide by the number of classes. The sum runs over the classes; a mean would run over images.",
                _mean),
    ),
)

EXERCISES = {each.name: each for each in (MODULE_PARAMETERS, MERGE_PAIR, SEPARABLE, SMOOTHED_LOSS)}
check_module_parameters, check_merge_pair, check_separable, check_smoothed_loss = (
    exercise.check for exercise in EXERCISES.values()
)
