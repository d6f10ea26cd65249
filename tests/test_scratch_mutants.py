"""Planted bugs: wrong versions of cnnlib.scratch, each of which a test of this suite must catch.

A mutant replaces one piece of a module's source. The functions that change get the mutant's code in place, so every
test module that has imported them runs the wrong version.
"""
import inspect
from contextlib import contextmanager
from dataclasses import dataclass
from types import FunctionType

import numpy as np
import pytest

from cnnlib.scratch import (
    _layer,
    _windows,
    activations,
    adaptive_pooling,
    attention,
    attention_masks,
    convolution,
    convolution_backward,
    dense,
    gradient_check,
    losses,
    normalization,
    optimizer,
    pooling,
    scores,
    training,
    transposed,
)
from tests import test_scratch_activations as of_activations
from tests import test_scratch_attention as of_attention
from tests import test_scratch_convolution as of_convolution
from tests import test_scratch_convolution_backward as of_backward
from tests import test_scratch_dense as of_dense
from tests import test_scratch_gradient_check as of_check
from tests import test_scratch_layers as of_layers
from tests import test_scratch_losses as of_losses
from tests import test_scratch_network as of_network
from tests import test_scratch_normalization as of_normalization
from tests import test_scratch_pooling as of_pooling


@dataclass(frozen=True)
class Mutant:
    """One planted bug."""

    name: str
    module: object
    right: str  # text that stands once in the module
    wrong: str
    caught_by: object  # a test without arguments


def backward(ours="conv2d"):
    """Return the test of a backward pass against PyTorch, in tiles of some rows."""
    def test():
        with pytest.MonkeyPatch.context() as patch:
            rows = {"conv2d": (of_backward.conv2d, of_backward.conv2d_backward, of_backward.F.conv2d),
                    "transposed": (of_backward.conv_transpose2d, of_backward.conv_transpose2d_backward,
                                   of_backward.F.conv_transpose2d)}
            of_backward.test_500_random_layers_agree_with_pytorch(patch, *rows[ours], 1_000)
    return test


def forward():
    with pytest.MonkeyPatch.context() as patch:
        of_convolution.test_1_000_random_layers_agree_with_pytorch(
            patch, of_convolution.conv2d, of_convolution.F.conv2d, 2, 1_000)


def activation(name):
    return lambda: of_activations.test_500_random_inputs_agree_with_pytorch(name)


def pooled(kind):
    return lambda: of_pooling.test_500_random_poolings_agree_with_pytorch(kind)


def soft(name):
    return lambda: of_activations.test_500_random_softmaxes_agree_with_pytorch(name)


def steps(**options):
    return lambda: of_network.test_numpy_and_pytorch_agree_in_every_step(options)


def running():
    row = of_normalization.BatchNorm2d, of_normalization.torch.nn.BatchNorm2d, (6, 3, 4, 5)
    of_normalization.test_running_statistics_are_pytorchs_after_50_steps(*row)


BATCHES = of_normalization.test_500_random_batches_agree_with_pytorch
ADAPTIVE = of_pooling.test_500_random_adaptive_and_global_poolings_agree_with_pytorch
CROSS = of_losses.test_500_random_losses_agree_with_pytorch
ATTENTION = of_attention.test_300_random_cases_agree_with_pytorch
DROPPED = of_dense.test_500_random_dropouts_pass_the_gradient_where_the_number_stayed
MUTANTS = [
    Mutant("kernel not turned", convolution_backward, "[:, :, ::-1, ::-1]", "", backward()),
    Mutant("kernel turned on one axis only", convolution_backward, "[:, :, ::-1, ::-1]", "[:, :, ::-1]", backward()),
    Mutant("dilation forgotten", convolution_backward, "slice(t * d, t * d +", "slice(t, t +", backward()),
    Mutant("padded with ones", convolution_backward, "pad(x, layer.padding)", "pad(x, layer.padding, 1)", backward()),
    Mutant("bias gradient is a mean", convolution_backward, "grad_output.sum((0, 2, 3))",
           "grad_output.mean((0, 2, 3))", backward()),
    Mutant("bias gradient of one image", convolution_backward, "grad_output.sum((0, 2, 3))",
           "grad_output[0].sum((1, 2))", backward()),
    Mutant("tiles overwrite each other", convolution_backward, "total[group] +=", "total[group] =", backward()),
    Mutant("tile put a stride too high", convolution_backward, "strip.start * layer.stride[0]", "strip.start",
           backward()),
    Mutant("overlapping windows overwrite", convolution_backward, "layer))] += columns", "layer))] = columns",
           backward()),
    Mutant("padding cut off at one side", _windows, "slice(before, before + n)", "slice(0, n)", backward()),
    Mutant("forward: bias subtracted", convolution, "y += bias", "y -= bias", forward),
    Mutant("forward: filters of the first group only", convolution, "(filters[group] @", "(filters[:1] @", forward),
    Mutant("transposed: bias subtracted", transposed, "y + bias[:, None, None]", "y - bias[:, None, None]",
           backward("transposed")),
    Mutant("transposed: stride lost on the way back", transposed, '"stride": layer.stride', '"stride": 1',
           backward("transposed")),
    Mutant("max: all equals win", pooling, "free ^= won[-1]", "pass", pooled("max")),
    Mutant("max: padding may win", pooling, " & real[:, :, row, col]", "",
           lambda: of_pooling.test_windows_of_nan_or_minus_infinity_pay_as_pytorch_does(-np.inf)),
    Mutant("max: pads with zeros", pooling, "view = _view(x, pool, -np.inf)", "view = _view(x, pool, 0)",
           pooled("max")),
    Mutant("max: NaN overlooked", pooling, "if np.isnan(largest).any():", "if False:",
           of_pooling.test_nan_wins_and_takes_the_gradient),
    Mutant("overlapping pools overwrite", pooling, "[:, :, row, col] += share", "[:, :, row, col] = share",
           pooled("avg")),
    Mutant("average: padding always counted", pooling, "if count_include_pad else", "if True else", pooled("avg")),
    Mutant("average: counts what ceil_mode adds", pooling,
           "np.minimum(first + pool.kernel_size[axis], size + padding)", "first + pool.kernel_size[axis]",
           pooled("avg")),
    Mutant("average: gradient not shared", pooling,
           "share = grad_output / _counts(name, x, pool, count_include_pad)", "share = grad_output", pooled("avg")),
    Mutant("adaptive: end rounded down", adaptive_pooling, "-(-(at + 1) * size // count)",
           "max((at + 1) * size // count, at * size // count + 1)", ADAPTIVE),
    Mutant("global: gradient not shared", adaptive_pooling, "grad_output / (x.shape[2] * x.shape[3])", "grad_output",
           ADAPTIVE),
    Mutant("ReLU: slope 1 at 0", activations, "~(x <= 0))", "~(x < 0))",
           activation("relu")),
    Mutant("ReLU6: slope 1 at 6", activations, "(x >= 6)", "(x > 6)", activation("relu6")),
    Mutant("leaky ReLU: slope 1 at 0", activations, "np.where(x > 0, grad_output, grad_output",
           "np.where(x >= 0, grad_output, grad_output", activation("leaky_relu")),
    Mutant("sigmoid: y·y for y·(1 − y)", activations, "sigmoid(-x)", "sigmoid(x)", activation("sigmoid")),
    Mutant("tanh: 1 − y", activations, "1 - np.tanh(x) ** 2", "1 - np.tanh(x)", activation("tanh")),
    Mutant("softmax: no shift", scores, "x - x.max(axis=_axis(\"softmax\", x, dim), keepdims=True)", "x",
           soft("softmax")),
    Mutant("softmax: always the last axis", scores, "powers.sum(axis=dim", "powers.sum(axis=-1", soft("softmax")),
    Mutant("softmax: scores do not compete", scores,
           "(grad_output - (grad_output * y).sum(axis=dim, keepdims=True))", "grad_output * (1 - y)", soft("softmax")),
    Mutant("smoothing over the wrong classes", losses, "smoothing / classes)", "smoothing / max(classes - 1, 1))",
           CROSS),
    Mutant("mean by count, not by weight", losses, "(weight[target] * counts).sum()", "counts.sum()", CROSS),
    Mutant("target not taken off", losses, "keepdims=True) - wanted\n", "keepdims=True)\n", CROSS),
    Mutant("biased running variance", normalization, "var * (count / (count - 1))", "var", running),
    Mutant("momentum is the old share", normalization, "running_mean += share", "running_mean += (1 - share)", running),
    Mutant("batch normalized by the unbiased variance", normalization, "mean, np.square(x",
           "mean, x.size / (x.size - x.shape[1]) * np.square(x", BATCHES),
    Mutant("mean taken as constant", normalization, " - _by_channel(grad_bias / count, x)", "", BATCHES),
    Mutant("variance taken as constant", normalization, " - normalized * _by_channel(grad_weight / count, x)", "",
           BATCHES),
    Mutant("eps outside the root", normalization, "scale = 1 / np.sqrt(var + eps)\n    y",
           "scale = 1 / (np.sqrt(var) + eps)\n    y", BATCHES),
    Mutant("dropout not scaled", dense, "x * kept / (1 - p)", "x * kept", DROPPED),
    Mutant("dropout keeps the share p", dense, ">= p", "< p",
           lambda: of_dense.test_dropout_keeps_the_mean_and_drops_the_share(0.2)),
    Mutant("linear: bias gradient is a mean", dense, "rows.sum(axis=0)", "rows.mean(axis=0)",
           of_dense.test_500_random_linear_layers_agree_with_pytorch),
    Mutant("momentum dampened", optimizer, "self.momentum * last + grad",
           "self.momentum * last + (1 - self.momentum) * grad", steps(lr=0.1, momentum=0.9)),
    Mutant("weight decay with the wrong sign", optimizer, "parameter.grad + self.weight_decay",
           "parameter.grad - self.weight_decay", steps(lr=0.1, weight_decay=1e-2)),
    Mutant("last batch lost", training, "range(0, count, size)]", "range(0, count - size + 1, size)]",
           of_network.test_batches_use_each_example_once),
    Mutant("gradients overwritten", _layer, "else self.grad + grad", "else grad",
           of_layers.test_gradients_add_up_until_they_are_forgotten),
    Mutant("difference over one step", gradient_check, "gradient[index] = (ahead - behind) / (2 * step)",
           "gradient[index] = (ahead - behind) / step", of_check.test_differences_of_known_functions),
    Mutant("kinks compared", gradient_check, "kept = np.flatnonzero(~kink)", "kept = np.arange(len(kink))",
           of_check.test_kinks_are_counted_and_left_out),
    Mutant("attention not divided by √E", attention, "query @ _turned(key) / math.sqrt(query.shape[-1])",
           "query @ _turned(key)", ATTENTION),
    Mutant("gradient not divided by √E", attention, "grad_scores / math.sqrt(query.shape[-1])", "grad_scores",
           ATTENTION),
    Mutant("softmax over the queries", attention, "return softmax(scores)\n", "return softmax(scores, dim=-2)\n",
           ATTENTION),
    Mutant("mask the wrong way round", attention, "np.where(mask, 0, -np.inf)", "np.where(mask, -np.inf, 0)",
           ATTENTION),
    Mutant("gradients of query and key exchanged", attention, "grad_scores @ key, _turned(grad_scores) @ query",
           "_turned(grad_scores) @ query, grad_scores @ key",
           lambda: of_attention.test_backward_is_the_slope(None)),
    Mutant("repeated arrays not added up", attention, "grad.sum(axis=repeated, keepdims=True)",
           "grad.mean(axis=repeated, keepdims=True)", ATTENTION),
    Mutant("a blind token takes the mean", attention, "return np.where(blind, 0, softmax(", "return (softmax(",
           of_attention.test_a_token_that_may_see_nothing),
    Mutant("every second number to a head", attention, "array.reshape(*array.shape[:-1], heads, -1), -2, -3)",
           "np.swapaxes(array.reshape(*array.shape[:-1], -1, heads), -1, -2), -2, -3)",
           of_attention.test_100_random_layers_agree_with_pytorch),
    Mutant("window twice as wide", attention_masks, "np.array(widths) // 2", "np.array(widths)",
           lambda: of_attention.test_local_and_strided_masks_are_the_windows_of_convolutions((4, 4))),
    Mutant("NaN counts as agreement", gradient_check, "where=size != 0)", "where=size > 0)",
           of_check.test_nan_gradients_do_not_pass),
]


def functions(namespace, module):
    """Return the functions and methods that a module defines, by qualified name."""
    classes = [each for each in namespace.values() if isinstance(each, type) and each.__module__ == module]
    found = [*namespace.values(), *(method for each in classes for method in vars(each).values())]
    return {each.__qualname__: each for each in found if isinstance(each, FunctionType) and each.__module__ == module}


@contextmanager
def planted(mutant):
    """Give the functions of a module the mutant's code, and their own back afterwards."""
    source = inspect.getsource(mutant.module)
    assert source.count(mutant.right) == 1, f"{mutant.name}: text stands {source.count(mutant.right)} times"
    name, namespace = mutant.module.__name__, {"__name__": mutant.module.__name__}
    exec(compile(source.replace(mutant.right, mutant.wrong), f"mutant of {name}", "exec"), namespace)
    right, wrong = functions(vars(mutant.module), name), functions(namespace, name)
    kept = {key: function.__code__ for key, function in right.items()}
    try:
        for key, function in right.items():
            function.__code__ = wrong[key].__code__
        yield
    finally:
        for key, function in right.items():
            function.__code__ = kept[key]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
@pytest.mark.filterwarnings("ignore")
def test_planted_bug_is_caught(mutant):
    with planted(mutant), np.errstate(all="ignore"), pytest.raises(AssertionError):
        mutant.caught_by()


def test_planting_changes_nothing_for_good():
    swapped = convolution_backward.swapped
    code, weight = swapped.__code__, np.arange(4.0).reshape(1, 1, 2, 2)
    with planted(MUTANTS[0]):
        assert swapped(weight, 1).ravel().tolist() == [0, 1, 2, 3]
    assert swapped.__code__ is code and swapped(weight, 1).ravel().tolist() == [3, 2, 1, 0]


def test_there_are_enough_of_them_with_names_of_their_own():
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 24
