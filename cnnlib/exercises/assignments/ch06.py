"""The assignment of chapter 6: what a nudge will do, the way back through a signal's filters, a weight used twice."""
import numpy as np

from cnnlib.exercises._check import Exercise, Mistake
from cnnlib.exercises._task import Task
from cnnlib.exercises._watch import CONVOLUTION

AUTOGRAD = ("torch.autograd.grad", "torch.autograd.backward", "torch.func.grad", "torch.autograd.functional")


def _map(image, kernel):
    windows = np.lib.stride_tricks.sliding_window_view(image, kernel.shape)
    return (windows * kernel).sum(axis=(2, 3))


def _loss(image, kernel, target):
    return 0.5 * ((_map(image, kernel) - target) ** 2).sum()


def _predicted_change(image, kernel, target, place, step, *, error=lambda y, t: y - t, total=np.sum, met=None,
                      forward=_map):
    """Return the slope times the step; met picks the pixels that the weight met, one for each output."""
    g = error(forward(image, kernel), target)
    pixels = image[place[0]:place[0] + g.shape[0], place[1]:place[1] + g.shape[1]] if met is None else met(image, g)
    return float(total(g * pixels) * step)


def _nudged(kernel, place, step):
    moved = kernel.astype(float)
    moved[place] += step
    return moved


def _predicted_with(**options):
    return lambda *case: _predicted_change(*case, **options)


def _opposite(image, kernel, target, place, step):
    rows, columns = kernel.shape
    return _predicted_change(image, kernel, target, (rows - 1 - place[0], columns - 1 - place[1]), step)


def _numbers(*shape, seed=0):
    return np.random.default_rng(seed).integers(-4, 6, shape).astype(float)


def _nudge(random, size, kernel, step):
    image, weight = (random.integers(-4, 6, shape).astype(float) for shape in (size, (kernel, kernel)))
    target = random.integers(-4, 6, tuple(n - kernel + 1 for n in size)).astype(float)
    return image, weight, target, tuple(int(index) for index in random.integers(0, kernel, 2)), step


def _draw_nudges(random):
    for _ in range(10):
        kernel = int(random.integers(1, 4))
        step = float(random.choice([-0.5, -0.01, 0.02, 0.1, 1.0]))
        yield _nudge(random, tuple(int(n) for n in random.integers(4, 9, 2)), kernel, step)


PREDICTED_CHANGE = Task(
    points=3,
    draw=_draw_nudges,
    forbidden=(*CONVOLUTION, *AUTOGRAD, "cnnlib.scratch"),
    exercise=Exercise(
        name="predicted_change",
        objective=1,
        reference=_predicted_change,
        cases=(
            (_numbers(2, 3), _numbers(2, 2, seed=1), _numbers(1, 2, seed=2), (0, 1), 1.0),
            (_numbers(3, 3), _numbers(2, 2, seed=3), _numbers(2, 2, seed=4), (0, 0), 0.5),
            (_numbers(4, 5), _numbers(3, 3, seed=5), _numbers(2, 3, seed=6), (1, 2), 0.1),
            (_numbers(5, 4), _numbers(3, 3, seed=7), _numbers(3, 2, seed=8), (2, 0), -0.01),
        ),
        mistakes=(
            Mistake("exact-change", "this is how far the loss really moves. What does the gradient *predict*? The two "
                    "differ, since the loss bends.",
                    lambda x, w, t, at, step: _loss(x, _nudged(w, at, step), t) - _loss(x, w, t)),
            Mistake("loss-after-the-nudge", "you return a loss. The question is by how much it moves.",
                    lambda x, w, t, at, step: _loss(x, w, t) + _predicted_change(x, w, t, at, step)),
            Mistake("slope-only", "you return the slope. How far does the loss move for this step?",
                    lambda x, w, t, at, step: _predicted_change(x, w, t, at, 1)),
            Mistake("target-minus-output", "right but for the sign: a loss that should rise falls.",
                    _predicted_with(error=lambda y, t: t - y)),
            Mistake("half-forgotten", "twice as much as it should be. Look at the factor in front of the squares.",
                    _predicted_with(error=lambda y, t: 2 * (y - t))),
            Mistake("mean-of-outputs", "you divide by the number of outputs. The loss is a sum.",
                    _predicted_with(total=np.mean)),
            Mistake("target-forgotten", "your G does not know the target.", _predicted_with(error=lambda y, t: y)),
            Mistake("one-window", "you follow the weight through one window. In how many does it meet a pixel?",
                    _predicted_with(total=lambda products: products[0, 0])),
            Mistake("pixels-forgotten", "you add up G. That is a bias; a weight counts with the pixels that it met.",
                    _predicted_with(met=lambda x, g: 1)),
            Mistake("first-pixels", "you take the pixels that the *first* weight of the kernel met.",
                    _predicted_with(met=lambda x, g: x[:g.shape[0], :g.shape[1]])),
            Mistake("kernel-turned", "you take the pixels of the weight at the other end of the kernel. For the "
                    "weights' gradient nothing is turned.", _opposite),
            Mistake("row-col-swapped", "you take the first number of the place for the column.",
                    lambda x, w, t, at, step: _predicted_change(x, w, t, at[::-1], step)),
            Mistake("flipped-forward", "your map is that of the kernel given half a turn. A layer does not turn it.",
                    _predicted_with(forward=lambda x, w: _map(x, w[::-1, ::-1]))),
        ),
    ),
)

ROOM = 60  # numbers of free space on both sides of a signal


def _signal_gradient(grad_output, weight, length, *, stride=1, padding=0, dilation=1, cut=1, add=True, rest=True):
    """Pay each number of the signals; cut: paddings cut off in front, rest=False: unread numbers dropped."""
    paid = np.zeros((len(grad_output), weight.shape[1], length + 2 * ROOM))
    for i, k in np.ndindex(grad_output.shape[2], weight.shape[2]):
        at = ROOM + i * stride + k * dilation - cut * padding
        sent = grad_output[:, :, i] @ weight[:, :, k]
        paid[:, :, at] = paid[:, :, at] + sent if add else sent
    read = (grad_output.shape[2] - 1) * stride + (weight.shape[2] - 1) * dilation + 1 - 2 * padding
    return paid[:, :, ROOM:ROOM + (length if rest else min(length, read))]


def _signal_with(**fixed):
    return lambda *case, **options: _signal_gradient(*case, **{**options, **fixed})


def _swapped(*case, stride=1, padding=0, dilation=1):
    return _signal_gradient(*case, stride=dilation, padding=padding, dilation=stride)


def _signals(random, n, channels, kernel, length, options):
    span = (kernel - 1) * options.get("dilation", 1) + 1
    outputs = (length + 2 * options.get("padding", 0) - span) // options.get("stride", 1) + 1
    shapes = (n, channels[1], outputs), (channels[1], channels[0], kernel)
    grad_output, weight = (random.integers(-4, 6, shape).astype(float) for shape in shapes)
    return (grad_output, weight, length, options) if options else (grad_output, weight, length)


def _draw_signals(random):
    for _ in range(8):
        n, c_in, c_out, kernel, stride, dilation = (int(value) for value in random.integers(1, 4, 6))
        options = {"stride": stride, "padding": int(random.integers(0, 3)), "dilation": dilation}
        yield _signals(random, n, (c_in, c_out), kernel, int(random.integers(8, 15)), options)


_random = np.random.default_rng(6)
SIGNAL_GRADIENT = Task(
    points=5,
    draw=_draw_signals,
    forbidden=(*CONVOLUTION, *AUTOGRAD, "cnnlib.scratch", "aten::col2im", "aten::unfold_backward"),
    exercise=Exercise(
        name="signal_gradient",
        objective=2,
        reference=_signal_gradient,
        tolerance=1e-5,
        cases=(
            _signals(_random, 1, (1, 1), 2, 3, {}),
            _signals(_random, 2, (2, 3), 3, 6, {}),
            _signals(_random, 2, (3, 2), 3, 10, {"stride": 2}),
            _signals(_random, 1, (2, 2), 3, 5, {"padding": 1}),
            _signals(_random, 1, (1, 2), 3, 9, {"dilation": 2}),
            _signals(_random, 2, (2, 3), 3, 12, {"stride": 3, "padding": 2, "dilation": 2}),
        ),
        mistakes=(
            Mistake("kernel-turned-wrongly", "you pair each output with the weight at the other end of the filter. "
                    "Which weight did the first number of a window meet?",
                    lambda g, w, n, **o: _signal_gradient(g, w[:, :, ::-1], n, **o)),
            Mistake("stride-ignored", "your windows start at every number of the signal.", _signal_with(stride=1)),
            Mistake("dilation-ignored", "your filters have no gaps. At dilation 2, how far apart are two weights?",
                    _signal_with(dilation=1)),
            Mistake("stride-for-dilation", "stride and dilation have changed places. Which one moves the window, which "
                    "one spreads it?", _swapped),
            Mistake("padding-ignored", "your gradient begins with that of the zeros in front of the signal. They are "
                    "no input.", _signal_with(cut=0)),
            Mistake("padding-cut-twice", "you cut off the padding of both ends in front.", _signal_with(cut=2)),
            Mistake("overwritten", "of several payments, a number keeps the last one.", _signal_with(add=False)),
            Mistake("filters-before-products", "you add up the filters, and G over its channels, before you multiply. "
                    "Each filter counts with its own G.",
                    lambda g, w, n, **o: _signal_gradient(g.sum(1, keepdims=True), w.sum(0, keepdims=True), n, **o)),
            Mistake("first-filter-only", "you pay through the first filter. All of them read the signal.",
                    lambda g, w, n, **o: _signal_gradient(g[:, :1], w[:1], n, **o)),
            Mistake("mean-of-filters", "you divide by the number of filters. Ways to the loss are added.",
                    lambda g, w, n, **o: _signal_gradient(g, w, n, **o) / len(w)),
            Mistake("mean-of-batch", "you divide by the number of signals. If the loss is a mean, G knows it already.",
                    lambda g, w, n, **o: _signal_gradient(g, w, n, **o) / len(g)),
            Mistake("weights-forgotten", "you pay G itself. Each payment counts with the weight in between.",
                    lambda g, w, n, **o: _signal_gradient(g, np.ones_like(w), n, **o)),
            Mistake("rest-dropped", "numbers that no window reads are missing at the end. Which slope do they have?",
                    _signal_with(rest=False)),
        ),
    ),
)


def _tied_gradient(x, labels, weight, *, ways=(1, 1), relu=lambda z: np.maximum(z, 0), mask=lambda z, g: g * (z > 0),
                   axis=1, right=1, softmax=True, mean=len):
    """Add the two ways, each with its share in ways; the other options are what a student may do in another way."""
    z = x @ weight.T
    scores = relu(z) @ weight
    powers = np.exp(scores - scores.max(axis=axis, keepdims=True))
    p = powers / powers.sum(axis=axis, keepdims=True) if softmax else scores
    g = (p - right * np.eye(scores.shape[1])[labels]) / mean(x)
    return ways[0] * mask(z, g @ weight.T).T @ x + ways[1] * relu(z).T @ g


def _tied_with(**options):
    return lambda *case: _tied_gradient(*case, **options)


def _tied(random, n, hidden, size):
    return random.normal(size=(n, size)), random.integers(0, size, n), 0.7 * random.normal(size=(hidden, size))


def _draw_tied(random):
    for _ in range(8):
        yield _tied(random, *(int(number) for number in random.integers(3, 8, 3)))


TIED_GRADIENT = Task(
    points=4,
    draw=_draw_tied,
    forbidden=(*AUTOGRAD, "cnnlib.scratch"),
    exercise=Exercise(
        name="tied_gradient",
        objective=4,
        reference=_tied_gradient,
        tolerance=1e-5,
        cases=(_tied(_random, 2, 1, 2), _tied(_random, 3, 2, 4), _tied(_random, 5, 6, 3)),
        mistakes=(
            Mistake("second-use-only", "you follow the weights through the second layer only.",
                    _tied_with(ways=(0, 1))),
            Mistake("first-use-only", "you follow the weights through the first layer only.",
                    _tied_with(ways=(1, 0))),
            Mistake("mean-of-uses", "you take the mean of the two ways.", _tied_with(ways=(0.5, 0.5))),
            Mistake("mask-forgotten", "your gradient passes ReLU unchanged, also where it was off.",
                    _tied_with(mask=lambda z, g: g)),
            Mistake("relu-of-gradient", "you apply ReLU to the gradient. What decides whether ReLU was on: the numbers "
                    "on the way forward, or those on the way back?", _tied_with(mask=lambda z, g: np.maximum(g, 0))),
            Mistake("no-relu", "nothing is bent in your network, neither forward nor back.",
                    _tied_with(relu=lambda z: z, mask=lambda z, g: g)),
            Mistake("not-divided-by-the-batch", "right for each image by itself. The loss is a mean.",
                    _tied_with(mean=lambda x: 1)),
            Mistake("divided-by-all-scores", "you divide by the number of scores. The mean is over the images.",
                    _tied_with(mean=np.size)),
            Mistake("sign-turned", "a step against your gradient makes the loss larger.", _tied_with(ways=(-1, -1))),
            Mistake("right-class-forgotten", "your G consists of probabilities only. What is taken off, and where?",
                    _tied_with(right=0)),
            Mistake("softmax-forgotten", "your G contains scores. Softmax comes first.", _tied_with(softmax=False)),
            Mistake("softmax-over-the-batch", "your softmax sums over the images.", _tied_with(axis=0)),
        ),
    ),
)

TASKS = (PREDICTED_CHANGE, SIGNAL_GRADIENT, TIED_GRADIENT)
