"""The exercises of chapter 7: a sparse layer, small kernels in a stack, the head's bill, a layer that copies."""
from itertools import pairwise

import numpy as np

from cnnlib.exercises._check import Exercise, Mistake


def _table(*rows):
    return np.array([[int(mark == "x") for mark in row] for row in rows])


def _sparse_parameters(table, kernel_size, *, inputs=None, area=None, biases=None):
    """Count weights and biases; inputs, area and biases replace what a reader may get wrong."""
    inputs = int(table.sum()) if inputs is None else inputs
    area = kernel_size**2 if area is None else area
    return inputs * area + (len(table) if biases is None else biases)


SPARSE_PARAMETERS = Exercise(
    name="sparse_parameters",
    objective=2,
    reference=_sparse_parameters,
    cases=(
        (_table("x."), 1),
        (_table("xx.", "x.."), 3),
        (_table("xxx.", ".xxx", "x.xx", "xx.x", "xxxx"), 5),
        (_table("x..", ".x.", "..x", "xxx"), 3),
    ),
    mistakes=(
        Mistake("every-input",
                "you give every map all input maps. Only those with a 1 in the table are connected.",
                lambda table, k: _sparse_parameters(table, k, inputs=table.size)),
        Mistake("biases-missing",
                "you count the weights. Each output map has a bias, too.",
                lambda table, k: _sparse_parameters(table, k, biases=0)),
        Mistake("bias-for-each-connection",
                "you count a bias for each connection. A map adds one bias, however many maps it sees.",
                lambda table, k: _sparse_parameters(table, k, biases=int(table.sum()))),
        Mistake("bias-for-each-input",
                "you count a bias for each input map. A row of the table is one output map. Which of the two has "
                "the bias?",
                lambda table, k: _sparse_parameters(table, k, biases=table.shape[1])),
        Mistake("kernel-on-a-line",
                "you take kernel_size weights for a connection. A kernel is square.",
                lambda table, k: _sparse_parameters(table, k, area=k)),
        Mistake("one-kernel-shared",
                "you give a map one kernel for all its inputs. Each connection has its own.",
                lambda table, k: _sparse_parameters(table, k, inputs=len(table))),
    ),
)


def _stack_saving(channels, kernel_size, *, layers=None, single=None, stacked=None):
    """Return the weights of one layer less those of the stack."""
    layers = (kernel_size - 1) // 2 if layers is None else layers
    single = kernel_size**2 * channels**2 if single is None else single
    return single - (layers * 9 * channels**2 if stacked is None else stacked)


STACK_SAVING = Exercise(
    name="stack_saving",
    objective=3,
    reference=_stack_saving,
    cases=((1, 3), (2, 5), (16, 7), (64, 9), (512, 11)),
    mistakes=(
        Mistake("channels-once",
                "you multiply by channels once. Each filter has a slice for every input channel, and there are as many "
                "filters as channels.",
                lambda c, k: _stack_saving(c, k) // c),
        Mistake("one-layer-too-many",
                "your stack has one layer for every two pixels of the kernel's side, rounded up. Its field is too "
                "large: the first layer sees 3 pixels, each further one adds 2.",
                lambda c, k: _stack_saving(c, k, layers=(k + 1) // 2)),
        Mistake("fields-added",
                "you add up kernel sizes: three pixels a layer. Neighboring windows overlap; how much does a second "
                "3×3 layer add to the field?",
                lambda c, k: _stack_saving(c, k, layers=-(-k // 3))),
        Mistake("fields-divided",
                "you take kernel_size // 3 layers. Neighboring windows overlap; how much does a second 3×3 layer "
                "add to the field?",
                lambda c, k: _stack_saving(c, k, layers=k // 3)),
        Mistake("one-layer-of-the-stack",
                "you subtract one 3×3 layer. How many have the field of the large kernel?",
                lambda c, k: _stack_saving(c, k, layers=1)),
        Mistake("channels-forgotten",
                "you count a kernel of one channel. A layer has channels · channels of them.",
                lambda c, k: _stack_saving(c, k) // c**2),
        Mistake("sign-turned",
                "your number is the stack less the single layer. What is saved is the other way round.",
                lambda c, k: -_stack_saving(c, k)),
        Mistake("stack-not-saving",
                "you return the weights of the stack. How many fewer are they than those of the single layer?",
                lambda c, k: _stack_saving(c, k, single=0, stacked=-9 * (k // 2) * c**2)),
        Mistake("biases-counted",
                "you count biases. The exercise asks for weights only.",
                lambda c, k: _stack_saving(c, k) + c - c * (k // 2)),
        Mistake("ratio-not-difference",
                "you return a share. The exercise asks for a number of weights.",
                lambda c, k: _stack_saving(c, k) / (k * k * c * c)),
    ),
)


def _head_parameters(channels, size, hidden, num_classes, *, pooled=False, bias=True):
    """Count the dense layers behind maps (N, channels, size, size)."""
    widths = (channels if pooled else channels * size * size, *hidden, num_classes)
    return sum(before * after + after * bias for before, after in pairwise(widths))


def _head_of_fixed_width(channels, size, hidden, num_classes, *, pooled=False):
    """Count a head whose dense layers all take the inputs of the first."""
    inputs = channels if pooled else channels * size * size
    return sum((inputs + 1) * units for units in (*hidden, num_classes))


HEAD_PARAMETERS = Exercise(
    name="head_parameters",
    objective=4,
    reference=_head_parameters,
    cases=(
        (2, 3, (), 4),
        (2, 3, (5,), 4),
        (16, 5, (120, 84), 10),
        (512, 7, (4096, 4096), 1000),
        (384, 6, (7, 3, 2), 10, {"pooled": True}),
        (512, 7, (), 1000, {"pooled": True}),
    ),
    mistakes=(
        Mistake("biases-missing",
                "you count the weights. Each unit of each dense layer has a bias, too.",
                lambda *a, pooled=False: _head_parameters(*a, pooled=pooled, bias=False)),
        Mistake("pooling-ignored",
                "you flatten in any case. With pooled=True one number a map reaches the first dense layer.",
                lambda *a, pooled=False: _head_parameters(*a)),
        Mistake("always-pooled",
                "you never flatten. With pooled=False every pixel of every map reaches the first dense layer.",
                lambda *a, pooled=False: _head_parameters(*a, pooled=True)),
        Mistake("size-not-squared",
                "you take size numbers of a map. A map has size rows and size columns.",
                lambda c, s, h, n, *, pooled=False: _head_parameters(c if pooled else c * s, 1, h, n)),
        Mistake("last-layer-missing",
                "your head ends at the last hidden layer. The scores need a layer of their own.",
                lambda c, s, h, n, *, pooled=False: _head_parameters(c, s, h[:-1], h[-1] if h else 0, pooled=pooled)),
        Mistake("inputs-not-updated",
                "every layer of your head takes the inputs of the first. What leaves one layer enters the next.",
                _head_of_fixed_width),
        Mistake("one-bias-for-a-layer",
                "you count one bias for a layer. Each of its units has one.",
                lambda *a, pooled=False: len(a[2]) + 1 + _head_parameters(*a, pooled=pooled, bias=False)),
        Mistake("first-layer-only",
                "you count the first dense layer. Go on to the scores.",
                lambda c, s, h, n, *, pooled=False: _head_parameters(c, s, (), (*h, n)[0], pooled=pooled)),
    ),
)


def _copying_kernel(channels, kernel_size, *, at=None, source=None, value=1.0):
    """Return weights (channels, channels, k, k); source[o] are the inputs that output o copies, own by default."""
    at = kernel_size // 2 if at is None else at
    weight = np.zeros((channels, channels, kernel_size, kernel_size))
    weight[:, :, at, at] = value * (np.eye(channels) if source is None else source)
    return weight


COPYING_KERNEL = Exercise(
    name="copying_kernel",
    objective=5,
    reference=_copying_kernel,
    cases=((1, 3), (2, 3), (3, 5)),
    mistakes=(
        Mistake("all-channels-mixed",
                "each of your maps is the sum of all input maps. Which input should output o copy?",
                lambda c, k: _copying_kernel(c, k, source=np.ones((c, c)))),
        Mistake("channel-0-copied",
                "each of your maps copies input map 0. Output o should copy input o.",
                lambda c, k: _copying_kernel(c, k, source=np.eye(c)[[0] * c])),
        Mistake("mean-of-channels",
                "each of your maps is the mean of all input maps. Which input should output o copy?",
                lambda c, k: _copying_kernel(c, k, source=np.ones((c, c)), value=1 / c)),
        Mistake("corner",
                "your 1 stands in the kernel's first corner: the picture moves down and right. Where is the pixel "
                "itself?",
                lambda c, k: _copying_kernel(c, k, at=0)),
        Mistake("last-corner",
                "your 1 stands in the kernel's last corner: the picture moves up and left. Where is the pixel itself?",
                lambda c, k: _copying_kernel(c, k, at=-1)),
        Mistake("fixed-middle",
                "your 1 stands at [1, 1] in every kernel. That is the middle of 3×3 only. Where is it for kernel_size?",
                lambda c, k: _copying_kernel(c, k, at=1)),
        Mistake("diagonal-of-the-kernel",
                "you put 1 on the diagonal of the kernel's pixels. The identity matrix belongs to the channels.",
                lambda c, k: np.broadcast_to(np.eye(k), (c, c, k, k)) * np.eye(c)[:, :, None, None]),
        Mistake("ones",
                "a kernel of ones adds up a window. Copying a pixel needs one weight.",
                lambda c, k: np.ones((c, c, k, k))),
        Mistake("box-mean",
                "your kernel takes the mean of a window. Copying a pixel needs one weight.",
                lambda c, k: np.full((c, c, k, k), 1 / k**2) * np.eye(c)[:, :, None, None]),
        Mistake("zeros",
                "these weights make every map 0. In a residual block that copies the input, because the shortcut adds "
                "it. Here there is no shortcut.",
                lambda c, k: np.zeros((c, c, k, k))),
        Mistake("depthwise-shape",
                "each of your filters has one channel: a depthwise layer. A plain layer's filter has a slice for every "
                "input channel; most of them are 0 here.",
                lambda c, k: _copying_kernel(1, k).repeat(c, axis=0)),
    ),
)

EXERCISES = {each.name: each for each in (SPARSE_PARAMETERS, STACK_SAVING, HEAD_PARAMETERS, COPYING_KERNEL)}
check_sparse_parameters, check_stack_saving, check_head_parameters, check_copying_kernel = (
    exercise.check for exercise in EXERCISES.values()
)
