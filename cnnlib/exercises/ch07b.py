"""The exercises of chapter 7b: a block's weights and gradient, DenseNet's channels and block, dropped branches."""

from functools import partial

import numpy as np

from cnnlib.exercises._check import Exercise, Mistake
from cnnlib.scratch import relu


def _bottleneck(in_channels, width, *, stride=1, groups=1, bias=0, norm=2, all_grouped=False, project=None):
    """Count parameters; project says whether the shortcut has a convolution, None: where the shape changes."""
    out_channels, outer = 4 * width, groups if all_grouped else 1
    convolutions = [(in_channels, width, 1, outer), (width, width, 9, groups), (width, out_channels, 1, outer)]
    if (stride != 1 or in_channels != out_channels) if project is None else project:
        convolutions.append((in_channels, out_channels, 1, 1))
    return sum(a * b * k // g + (bias + norm) * b for a, b, k, g in convolutions)


def _projection_by_channels(in_channels, width, *, stride=1, groups=1):
    return _bottleneck(in_channels, width, groups=groups)


def _projection_by_stride(in_channels, width, *, stride=1, groups=1):
    return _bottleneck(in_channels, width, groups=groups, project=stride != 1)


def _groups_on_both_sides(in_channels, width, *, stride=1, groups=1):
    full = _bottleneck(in_channels, width, stride=stride)
    return full - 9 * width * width + 9 * (width // groups) ** 2


def _projection_without_norm(in_channels, width, *, stride=1, groups=1):
    projected = stride != 1 or in_channels != 4 * width
    return _bottleneck(in_channels, width, stride=stride, groups=groups) - (8 * width if projected else 0)


BOTTLENECK_PARAMETERS = Exercise(
    name="bottleneck_parameters",
    objective=2,
    reference=_bottleneck,
    cases=(
        (4, 1),
        (8, 2, {"groups": 2}),
        (4, 2),
        (8, 2, {"stride": 2}),
        (64, 64),
        (256, 64),
        (256, 128, {"stride": 2, "groups": 32}),
    ),
    mistakes=(
        Mistake("groups-ignored",
                "your 3×3 convolution joins every pair of channels. How many channels does a filter see in a group?",
                lambda i, w, *, stride=1, groups=1: _bottleneck(i, w, stride=stride)),
        Mistake("groups-everywhere",
                "you divide the 1×1 convolutions by the groups as well. Only the 3×3 works in groups.",
                partial(_bottleneck, all_grouped=True)),
        Mistake("groups-on-both-sides",
                "you divide both sides of the 3×3 by the groups. Each filter sees fewer channels; there are still "
                "`width` filters.",
                _groups_on_both_sides),
        Mistake("projection-forgotten",
                "your shortcut is always x as it is. What if the sum's two sides have different shapes?",
                partial(_bottleneck, project=False)),
        Mistake("projection-always",
                "you count a projection in every block. Where the shapes agree, the shortcut has no weights.",
                partial(_bottleneck, project=True)),
        Mistake("projection-by-channels-only",
                "you look at the channels alone. With stride 2, x has the wrong height and width, too.",
                _projection_by_channels),
        Mistake("projection-by-stride-only",
                "you look at the stride alone. With stride 1 the channels may still change.",
                _projection_by_stride),
        Mistake("projection-without-norm",
                "your projection has no batch norm. In this block each convolution has one, the projection's too.",
                _projection_without_norm),
        Mistake("norm-forgotten",
                "you count convolutions only. A batch norm learns a scale and a shift for each channel.",
                partial(_bottleneck, norm=0)),
        Mistake("biases-counted",
                "you count biases. In front of a batch norm the convolutions have none.",
                partial(_bottleneck, bias=1)),
    ),
)


def _residual_gradient(grad_output, jacobian, before, *, relu=True, mask=lambda before: before > 0):
    grad = grad_output * mask(before) if relu else grad_output
    return grad + jacobian.T @ grad


def _shortcut_past_the_relu(grad_output, jacobian, before, *, relu=True):
    return grad_output + jacobian.T @ (grad_output * (before > 0) if relu else grad_output)


def _mask_on_the_result(grad_output, jacobian, before, *, relu=True):
    grad = _residual_gradient(grad_output, jacobian, before, relu=False)
    return grad * (before > 0) if relu else grad


def _times_before(grad_output, jacobian, before, *, relu=True):
    grad = grad_output * np.maximum(before, 0) if relu else grad_output
    return grad + jacobian.T @ grad


JACOBIAN = np.array([[1.0, -2.0, 0.0], [3.0, 0.0, -1.0], [0.0, 2.0, -1.0]])
RESIDUAL_GRADIENT = Exercise(
    name="residual_gradient",
    objective=3,
    reference=_residual_gradient,
    cases=(
        (np.array([2.0]), np.array([[3.0]]), np.array([1.0]), {"relu": False}),
        (np.array([2.0]), np.array([[3.0]]), np.array([-1.0])),
        (np.array([1.0, 2.0]), np.array([[1.0, 2.0], [0.0, -1.0]]), np.array([3.0, 4.0])),
        (np.array([1.0, 2.0, -1.0]), JACOBIAN, np.array([1.0, -2.0, 3.0])),
        (np.array([1.0, 2.0, -1.0]), JACOBIAN, np.array([0.0, 2.0, -3.0])),
        (np.array([1.0, 2.0, -1.0]), JACOBIAN, np.array([-1.0, 2.0, -3.0]), {"relu": False}),
        (np.array([5.0, 7.0]), -np.eye(2), np.array([1.0, 1.0])),
    ),
    mistakes=(
        Mistake("shortcut-forgotten",
                "that is the branch's share alone. x also reaches the sum on a second way.",
                lambda g, j, before, *, relu=True: _residual_gradient(g, j, before, relu=relu)
                - (g * (before > 0) if relu else g)),
        Mistake("one-added-everywhere",
                "you add 1 to every entry of the Jacobian. The shortcut joins each number with itself only.",
                lambda g, j, before, *, relu=True: _residual_gradient(g, j + 1 - np.eye(len(j)), before, relu=relu)),
        Mistake("jacobian-not-turned",
                "you multiply with the Jacobian as it stands. Its rows are outputs; on the way back you sum over them.",
                lambda g, j, before, *, relu=True: _residual_gradient(g, j.T, before, relu=relu)),
        Mistake("relu-ignored",
                "you never use `before`. Where the sum is not positive, the ReLU behind it stops the gradient.",
                lambda g, j, before, *, relu=True: _residual_gradient(g, j, before, relu=False)),
        Mistake("relu-on-branch-only",
                "your shortcut passes the ReLU by. In this block the ReLU stands behind the sum.",
                _shortcut_past_the_relu),
        Mistake("mask-on-the-result",
                "you stop numbers in the result. The ReLU stands at the output, so it comes first on the way back.",
                _mask_on_the_result),
        Mistake("times-before",
                "you multiply the gradient by what passed the ReLU. Its slope there is 1, whatever the number is.",
                _times_before),
        Mistake("zero-passes",
                "at a sum of exactly 0, PyTorch's ReLU passes nothing.",
                partial(_residual_gradient, mask=lambda before: before >= 0)),
        Mistake("relu-always",
                "you stop gradients at negative sums even with `relu=False`.",
                lambda g, j, before, *, relu=True: _residual_gradient(g, j, before)),
    ),
)


def _dense_block(x, weights, *, join=np.concatenate, activation=relu):
    """Grow a map (C, H, W) by 1×1 layers; join makes a layer's input from the list of all maps so far."""
    maps = [x]
    for weight in weights:
        given = join(maps)
        maps.append(np.einsum("oc,chw->ohw", weight[:, :len(given)], activation(given)))
    return np.concatenate(maps)


def _relu_behind(x, weights):
    for weight in weights:
        x = np.concatenate([x, relu(np.einsum("oc,chw->ohw", weight, x))])
    return x


def _relu_on_both_sides(x, weights):
    for weight in weights:
        x = np.concatenate([x, relu(np.einsum("oc,chw->ohw", weight, relu(x)))])
    return x


def _only_new(x, weights):
    return _dense_block(x, weights)[len(x):]


def _activated_kept(x, weights):
    for weight in weights:
        x = relu(x)
        x = np.concatenate([x, np.einsum("oc,chw->ohw", weight, x)])
    return x


def _newest_first(x, weights):
    for weight in weights:
        x = np.concatenate([np.einsum("oc,chw->ohw", weight, relu(x)), x])
    return x


_numbers = np.random.default_rng(7)
MAP = _numbers.integers(-4, 5, size=(3, 2, 4)).astype(float)


def _weights(before, growth_rate, depth):
    return [_numbers.integers(-3, 4, size=(growth_rate, before + i * growth_rate)).astype(float) for i in range(depth)]


DENSE_BLOCK = Exercise(
    name="dense_block",
    objective=5,
    reference=_dense_block,
    cases=(
        (np.array([[[2.0, -1.0]]]), [np.array([[3.0]])]),
        (np.array([[[2.0, -1.0]]]), [np.array([[-3.0]])]),
        (np.array([[[2.0, -1.0]]]), [np.array([[3.0]]), np.array([[-1.0, 2.0]])]),
        (MAP, _weights(3, 2, 1)),
        (MAP, _weights(3, 2, 3)),
        (MAP[:2], _weights(2, 4, 2)),
    ),
    mistakes=(
        Mistake("only-new-maps",
                "you return the new maps alone. What leaves the block begins with what entered it.",
                _only_new),
        Mistake("last-layer-only",
                "each of your layers sees only the maps of the layer before it, as in a plain network.",
                partial(_dense_block, join=lambda maps: maps[-1])),
        Mistake("newest-first",
                "your new maps stand in front. The weights expect the oldest maps first.",
                _newest_first),
        Mistake("relu-behind",
                "your ReLU stands behind the sum. In a dense layer it stands in front of the weights.",
                _relu_behind),
        Mistake("relu-on-both-sides",
                "you have a second ReLU behind the weights. A dense layer has it in front; its new maps may be "
                "negative.",
                _relu_on_both_sides),
        Mistake("relu-kept",
                "you put the activated maps into the collection. It keeps the maps as they were made; each layer "
                "activates its own copy.",
                _activated_kept),
        Mistake("relu-forgotten",
                "there is no ReLU, so the whole block would be one linear layer.",
                partial(_dense_block, activation=lambda maps: maps)),
        Mistake("first-input-only",
                "each of your layers sees the block's input and nothing of the others.",
                partial(_dense_block, join=lambda maps: maps[0])),
    ),
)


def _channels(initial, growth_rate, depths, *, theta=0.5, last=False, restart=False, short=0, factor=1, whole=int):
    """Follow the channels; last adds a transition at the end, short leaves layers out, factor widens each."""
    found, channels = [], initial
    for number, depth in enumerate(depths, start=1):
        channels = (initial if restart else channels) + (depth - short) * growth_rate * factor
        found.append(channels)
        if number < len(depths) or last:
            channels = whole(channels * theta)
            found.append(channels)
    return found


DENSE_CHANNELS = Exercise(
    name="dense_channels",
    objective=5,
    reference=_channels,
    cases=(
        (3, 10, (2,)),
        (3, 10, (2, 1)),
        (8, 4, (2, 3, 2)),
        (16, 12, (4, 4), {"theta": 1}),
        (64, 32, (6, 12, 24, 16)),
    ),
    mistakes=(
        Mistake("transition-at-the-end",
                "you put a transition behind the last block. There, pooling and the scores follow.",
                partial(_channels, last=True)),
        Mistake("never-compressed",
                "your transitions keep all channels. With θ = 0.5 they keep half.",
                lambda initial, k, depths, *, theta=0.5: _channels(initial, k, depths, theta=1)),
        Mistake("theta-ignored",
                "your transitions always halve. θ says what share stays.",
                lambda initial, k, depths, *, theta=0.5: _channels(initial, k, depths)),
        Mistake("rounded-up",
                "you round half a channel up. A transition rounds down: DenseNet's authors ask for ⌊θm⌋ channels.",
                partial(_channels, whole=np.ceil)),
        Mistake("never-whole",
                "you keep half a channel. A transition rounds down.",
                partial(_channels, whole=float)),
        Mistake("each-block-from-the-start",
                "every block of yours begins with the stem's channels. It begins with what the transition lets "
                "through.",
                partial(_channels, restart=True)),
        Mistake("input-forgotten",
                "you count new channels only. What enters a block also leaves it.",
                lambda initial, k, depths, *, theta=0.5: _new_only(initial, k, depths, theta)),
        Mistake("one-layer-short",
                "the last layer of each block is missing. Its maps are concatenated, too.",
                partial(_channels, short=1)),
        Mistake("bottleneck-added",
                "you add the 4k channels between the two convolutions. Only what leaves the 3×3, k channels, is "
                "concatenated.",
                partial(_channels, factor=4)),
    ),
)


def _new_only(initial, growth_rate, depths, theta):
    blocks = [depth * growth_rate for depth in depths]
    return [number for block in blocks for number in (block, int(block * theta))][:-1]


def _stochastic(x, branch, stays, *, drop=0.5, training=True, scale=lambda drop: 1 / (1 - drop), whole=False):
    if not training:
        return x + branch
    stays = stays.reshape(-1, *[1] * (x.ndim - 1))
    return stays * (x + branch) * scale(drop) if whole else x + stays * branch * scale(drop)


def _old_way(x, branch, stays, *, drop=0.5, training=True):
    return _stochastic(x, branch, stays, drop=drop, scale=lambda drop: 1) if training else x + (1 - drop) * branch


def _random_in_evaluation(x, branch, stays, *, drop=0.5, training=True):
    return _stochastic(x, branch, stays, drop=drop)


def _first_for_all(x, branch, stays, *, drop=0.5, training=True):
    return _stochastic(x, branch, np.full(len(x), stays[0]), drop=drop, training=training)


def _stays_inverted(x, branch, stays, *, drop=0.5, training=True):
    return _stochastic(x, branch, 1 - stays, drop=drop, training=training)


def _all_scaled(x, branch, stays, *, drop=0.5, training=True):
    return (_stochastic(x, branch, stays, drop=drop, training=training, scale=lambda drop: 1)
            / (1 - drop if training else 1))


def _not_added_in_evaluation(x, branch, stays, *, drop=0.5, training=True):
    return _stochastic(x, branch, stays, drop=drop) if training else branch


def _scaled_up_in_evaluation(x, branch, stays, *, drop=0.5, training=True):
    return _stochastic(x, branch, stays, drop=drop) if training else x + branch / (1 - drop)


PAIR = _numbers.integers(-4, 5, size=(2, 4, 3, 2, 2)).astype(float)
TWO = np.array([[10.0], [20.0]]), np.array([[1.0], [2.0]])
STOCHASTIC_SUM = Exercise(
    name="stochastic_sum",
    objective=6,
    reference=_stochastic,
    cases=(
        (*TWO, np.array([1.0, 0.0])),
        (*TWO, np.array([0.0, 1.0]), {"drop": 0.2}),
        (*TWO, np.array([0.0, 1.0]), {"drop": 0.2, "training": False}),
        (*PAIR, np.array([0.0, 1.0, 1.0, 0.0]), {"drop": 0.75}),
        (*PAIR, np.array([0.0, 1.0, 1.0, 0.0]), {"drop": 0.2, "training": False}),
    ),
    mistakes=(
        Mistake("never-scaled",
                "what stays is not scaled up, so in evaluation every branch is larger than training has seen on "
                "average.",
                partial(_stochastic, scale=lambda drop: 1)),
        Mistake("divided-by-drop",
                "you divide by the probability to be dropped. Divide by the probability to stay.",
                partial(_stochastic, scale=lambda drop: 1 / drop)),
        Mistake("multiplied",
                "you multiply by 1 − drop. Fewer branches stay, so each must count for more.",
                partial(_stochastic, scale=lambda drop: 1 - drop)),
        Mistake("shortcut-dropped",
                "you drop the shortcut as well, so an example loses everything. Only the branch is random.",
                partial(_stochastic, whole=True)),
        Mistake("x-scaled-too",
                "you scale x as well. The shortcut is always there, so it needs no scaling.",
                _all_scaled),
        Mistake("stays-inverted",
                "you drop what stays and keep what is dropped: 1 in `stays` means that the branch is kept.",
                _stays_inverted),
        Mistake("scaled-up-in-evaluation",
                "you scale in evaluation as well. There all branches stay, so none must count for more.",
                _scaled_up_in_evaluation),
        Mistake("branch-alone-in-evaluation",
                "in evaluation you return the branch alone. x is added there, too.",
                _not_added_in_evaluation),
        Mistake("random-in-evaluation",
                "you drop branches in evaluation, too. There all of them stay.",
                _random_in_evaluation),
        Mistake("scaled-in-evaluation",
                "that is the first paper's way: scale in evaluation. The exercise asks for scaling in training.",
                _old_way),
        Mistake("one-draw-for-all",
                "you use the first entry of `stays` for all examples. Each example has its own.",
                _first_for_all),
    ),
)

EXERCISES = {each.name: each for each in (
    BOTTLENECK_PARAMETERS, RESIDUAL_GRADIENT, DENSE_CHANNELS, DENSE_BLOCK, STOCHASTIC_SUM)}
check_bottleneck_parameters, check_residual_gradient, check_dense_channels, check_dense_block, check_stochastic_sum = (
    exercise.check for exercise in EXERCISES.values()
)
