"""The assignment of chapter 10: what a layer does and moves, an inverted residual, a network made smaller."""
import numpy as np

from cnnlib.exercises._check import Exercise, Mistake
from cnnlib.exercises._task import Task
from cnnlib.exercises._watch import CONVOLUTION
from cnnlib.exercises.assignments._ch10_bills import LAYER_BILL, SCALED_BILL
from cnnlib.scratch import conv2d, relu, relu6


def _linear(x):
    return x


def _inverted_block(x, expand, depthwise, project, *, stride=1, bends=(relu6, relu6, _linear, _linear), step=None,
                    border="constant", adds=lambda c, o, s: c == o and s == 1):
    """Widen, filter, narrow, add; the options change a part.

    ``bends`` are what follows the first 1x1, the depthwise step, the last 1x1 and the sum; ``step`` are the strides of
    rows and columns where they are not the block's; ``adds`` is called with channels in, channels out and stride.
    """
    wide = bends[0](conv2d(x, expand[:, :, None, None]))
    wide = np.pad(wide, [(0, 0), (0, 0), (1, 1), (1, 1)], mode=border)
    rows, columns = step or (stride, stride)
    maps = bends[1](conv2d(wide, depthwise[:, None], groups=len(depthwise))[:, :, ::rows, ::columns])
    maps = bends[2](conv2d(maps, project[:, :, None, None]))
    shortcut = x[:, :, ::rows, ::columns] if adds(x.shape[1], len(project), stride) else 0
    return bends[3](maps + shortcut)


def _with(**options):
    return lambda x, expand, depthwise, project, *, stride=1: _inverted_block(
        x, expand, depthwise, project, stride=stride, **options)


def _steps(rows, columns):
    def inverted_block(x, expand, depthwise, project, *, stride=1):
        step = stride if rows else 1, stride if columns else 1
        return _inverted_block(x, expand, depthwise, project, stride=stride, step=step)
    return inverted_block


def _first_steps(x, expand, depthwise, project, *, stride=1):
    small = _inverted_block(x[:, :, ::stride, ::stride], expand, depthwise, project, adds=lambda c, o, s: False)
    return small + x if stride == 1 and x.shape[1] == len(project) else small


def _mixing_middle(x, expand, depthwise, project, *, stride=1):
    """Let the 3x3 step read all wide maps."""
    def sum_of_channels(maps):
        return relu6(np.broadcast_to(maps.sum(axis=1, keepdims=True), maps.shape))
    return _inverted_block(x, expand, depthwise, project, stride=stride,
                           bends=(relu6, sum_of_channels, _linear, _linear))


def _filters(change):
    return lambda x, expand, depthwise, project, *, stride=1: _inverted_block(
        x, expand, change(depthwise), project, stride=stride)


def _ceiling(x):
    return np.minimum(x, 6)


def _draw_blocks(random):
    for number in range(8):
        n, c, m, o = (int(size) for size in random.integers(1, (3, 4, 7, 4)))
        o = c if number % 2 else o
        x = random.normal(size=(n, c, *random.integers(3, 8, 2)), scale=3)
        yield (x, random.normal(size=(m, c), scale=2), random.normal(size=(m, 3, 3)), random.normal(size=(o, m)),
               {"stride": int(random.integers(1, 3))})


def _numbers(*shape, seed=0, most=3):
    return np.random.default_rng([10, seed]).integers(-most, most + 1, shape).astype(float)


def _case(shape, wide, out_channels, *, seed, **options):
    weights = _numbers(wide, shape[1], seed=seed), _numbers(wide, 3, 3, seed=seed + 1, most=2)
    case = _numbers(*shape, seed=seed + 2, most=4), *weights, _numbers(out_channels, wide, seed=seed + 3)
    return (*case, options) if options else case


INVERTED_BLOCK = Task(
    points=5,
    draw=_draw_blocks,
    forbidden=(*CONVOLUTION, "cnnlib.models"),
    exercise=Exercise(
        name="inverted_block",
        objective=4,
        reference=_inverted_block,
        cases=(
            _case((1, 1, 1, 2), 2, 2, seed=0),
            _case((1, 2, 3, 3), 4, 2, seed=4),
            _case((2, 2, 4, 5), 6, 3, seed=8),
            _case((1, 3, 5, 4), 6, 3, seed=12, stride=2),
            _case((2, 1, 6, 5), 3, 2, seed=16, stride=2),
            _case((2, 3, 4, 4), 5, 3, seed=20),
        ),
        mistakes=(
            Mistake("relu-for-relu6", "your activations have no ceiling.", _with(bends=(relu, relu, _linear, _linear))),
            Mistake("floor-forgotten", "your activations have a ceiling and no floor. What does the ReLU in ReLU6 do "
                    "below 0?", _with(bends=(_ceiling, _ceiling, _linear, _linear))),
            Mistake("relu6-at-the-end", "there is an activation behind the last 1x1. What does it destroy where the "
                    "maps are few?", _with(bends=(relu6, relu6, relu6, _linear))),
            Mistake("relu6-behind-the-sum", "there is an activation behind the sum, as in ResNet. This block ends "
                    "without one.", _with(bends=(relu6, relu6, _linear, relu6))),
            Mistake("first-activation-missing", "no activation follows the first 1x1.",
                    _with(bends=(_linear, relu6, _linear, _linear))),
            Mistake("second-activation-missing", "no activation follows the depthwise step.",
                    _with(bends=(relu6, _linear, _linear, _linear))),
            Mistake("linear", "your block has no activation at all: three linear steps are one.",
                    _with(bends=(_linear, _linear, _linear, _linear))),
            Mistake("never-adds", "your block never adds its input. When do both have the same shape?",
                    _with(adds=lambda c, o, s: False)),
            Mistake("adds-with-stride", "with stride 2 you add every second pixel of the input. Does the block add "
                    "there at all?", _with(adds=lambda c, o, s: c == o)),
            Mistake("first-step-has-the-stride", "your first 1x1 skips pixels. Which step has the stride?",
                    _first_steps),
            Mistake("stride-ignored", "your windows move by one pixel, whatever the stride is.", _steps(False, False)),
            Mistake("stride-on-rows-only", "you step over rows, but take every column.", _steps(True, False)),
            Mistake("channels-mixed-in-the-middle", "your 3x3 step sums over all wide maps. Each filter reads one.",
                    _mixing_middle),
            Mistake("one-filter-for-all", "all of your wide maps use the first filter. Each has its own.",
                    _filters(lambda d: np.repeat(d[:1], len(d), axis=0))),
            Mistake("flipped-kernel", "you turn the filters by half a turn. A layer of a network does not.",
                    _filters(lambda d: d[:, ::-1, ::-1])),
            Mistake("transposed-kernel", "rows and columns of the filters are swapped.",
                    _filters(lambda d: d.swapaxes(1, 2))),
            Mistake("edge-repeated", "your padding repeats the edge of the maps. With what does a layer pad?",
                    _with(border="edge")),
        ),
    ),
)

TASKS = (LAYER_BILL, INVERTED_BLOCK, SCALED_BILL)
