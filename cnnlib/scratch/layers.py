"""Layers that learn, or that act while training only.

Each is a function with its gradient, the numbers it learns, and the input that it remembers for the way back.
Names, arguments and state names are PyTorch's, so weights go from one library to the other without a change.
"""
import math

import numpy as np

from cnnlib._arguments import at_least_zero, channels, flag, fraction, per_axis, room, whole
from cnnlib.scratch import dense, normalization
from cnnlib.scratch._layer import Layer, Parameter
from cnnlib.scratch.convolution import conv2d
from cnnlib.scratch.convolution_backward import conv2d_backward
from cnnlib.shapes.convolution import both_sides


class Conv2d(Layer):
    """A convolution that learns its filters, as ``torch.nn.Conv2d``.

    Args:
        in_channels: channels of the input, C.
        out_channels: number of filters, O.
        kernel_size: an int or (vertical, horizontal), in pixels.
        stride: step between windows, in pixels.
        padding: zeros on each side, in pixels, or "valid" or "same".
        dilation: step between two taps, in pixels.
        groups: number of groups.
        bias: True learns one number a filter as well.
        rng: source of the first weights, uniform within ±1 / √(inputs of a filter); None takes a new one.

    Raises:
        ValueError: an argument is malformed.

    Source:
        LeCun, Bottou, Bengio & Haffner (1998), section II A; the first weights as PyTorch's.

    >>> Conv2d(3, 8, 3, padding=1).forward(np.ones((2, 3, 5, 5))).shape
    (2, 8, 5, 5)
    """

    def __init__(self, in_channels, out_channels, kernel_size, *, stride=1, padding=0, dilation=1, groups=1, bias=True,
                 rng=None):
        super().__init__()
        in_channels, out_channels, groups = channels("Conv2d", in_channels, out_channels, groups)
        kernel_size = per_axis("Conv2d", "kernel_size", kernel_size, 2, least=1)
        stride, dilation = (per_axis("Conv2d", name, value, 2, least=1)
                            for name, value in (("stride", stride), ("dilation", dilation)))
        both_sides("Conv2d", padding, kernel_size, stride, dilation)
        self.options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
        shape = (out_channels, in_channels // groups, *kernel_size)
        self.weight, self.bias = _first_weights("Conv2d", shape, bias, rng)

    def forward(self, x):
        """Return the feature maps, (N, O, H_out, W_out)."""
        self._x = x
        return conv2d(x, self.weight.value, self.bias and self.bias.value, **self.options)

    def backward(self, grad_output):
        """Add to the gradients of weight and bias; return the gradient for the input."""
        grad_x, grad_weight, grad_bias = conv2d_backward(grad_output, self.seen, self.weight.value, **self.options)
        return self._keep(grad_x, weight=grad_weight, bias=grad_bias)


class Linear(Layer):
    """A dense layer, as ``torch.nn.Linear``.

    Args:
        in_features: numbers that go in.
        out_features: numbers that come out.
        bias: True learns one number an output as well.
        rng: source of the first weights, uniform within ±1 / √in_features; None takes a new one.

    Raises:
        ValueError: an argument is malformed.

    Source:
        Goodfellow, Bengio & Courville (2016), Deep Learning, eq. 6.28; the first weights as PyTorch's.

    >>> Linear(490, 10).forward(np.ones((2, 490))).shape
    (2, 10)
    """

    def __init__(self, in_features, out_features, *, bias=True, rng=None):
        super().__init__()
        shape = [whole("Linear", name, value, least=1)
                 for name, value in (("out_features", out_features), ("in_features", in_features))]
        self.weight, self.bias = _first_weights("Linear", shape, bias, rng)

    def forward(self, x):
        """Return (N, out_features)."""
        self._x = x
        return dense.linear(x, self.weight.value, self.bias and self.bias.value)

    def backward(self, grad_output):
        """Add to the gradients of weight and bias; return the gradient for the input."""
        grad_x, grad_weight, grad_bias = dense.linear_backward(grad_output, self.seen, self.weight.value)
        return self._keep(grad_x, weight=grad_weight, bias=grad_bias)


class BatchNorm2d(Layer):
    """Batch normalization of maps, (N, C, H, W), as ``torch.nn.BatchNorm2d``.

    Args:
        num_features: channels, C.
        eps: added to the variance.
        momentum: weight of the batch in the running statistics, a fraction of 1.

    Raises:
        ValueError: an argument is malformed.

    Source:
        Ioffe & Szegedy (2015), Batch Normalization, algorithm 2.

    >>> BatchNorm2d(4).forward(np.ones((2, 4, 3, 3))).max()
    np.float64(0.0)
    """

    axes = (4,)
    buffer_names = ("running_mean", "running_var", "num_batches_tracked")

    def __init__(self, num_features, *, eps=1e-5, momentum=0.1):
        super().__init__()
        name = type(self).__name__
        [count] = room(name, "weight", (whole(name, "num_features", num_features, least=1),))
        self.eps, self.momentum = at_least_zero(name, "eps", eps), fraction(name, "momentum", momentum)
        self.weight, self.bias = Parameter(np.ones(count)), Parameter(np.zeros(count))
        self.running_mean, self.running_var = np.zeros(count), np.ones(count)
        self.num_batches_tracked = np.array(0)

    def forward(self, x):
        """Normalize by the batch while training, by the running statistics afterwards."""
        if np.ndim(x) not in self.axes:
            rule = f"x must have {' or '.join(map(str, self.axes))} axes"
            raise ValueError(f"{type(self).__name__}: {rule}, got shape {np.shape(x)}")
        y = normalization.batch_norm(x, self.running_mean, self.running_var, self.weight.value, self.bias.value,
                                     training=self.training, momentum=self.momentum, eps=self.eps)
        self._x, self._used = x, (self.training, self.running_mean.copy(), self.running_var.copy())
        self.num_batches_tracked = self.num_batches_tracked + self.training
        return y

    def backward(self, grad_output):
        """Add to the gradients of weight and bias; return the gradient for the input."""
        x, (training, mean, var) = self.seen, self._used
        grad_x, grad_weight, grad_bias = normalization.batch_norm_backward(
            grad_output, x, mean, var, self.weight.value, training=training, eps=self.eps)
        return self._keep(grad_x, weight=grad_weight, bias=grad_bias)


class BatchNorm1d(BatchNorm2d):
    """Batch normalization of features, (N, C), or sequences, (N, C, L), as ``torch.nn.BatchNorm1d``.

    Args:
        num_features: features, C.
        eps: added to the variance.
        momentum: weight of the batch in the running statistics, a fraction of 1.

    Raises:
        ValueError: an argument is malformed.

    Source:
        Ioffe & Szegedy (2015), Batch Normalization, algorithm 2.

    >>> BatchNorm1d(1, eps=0).forward(np.array([[1.0], [3.0]])).tolist()
    [[-1.0], [1.0]]
    """

    axes = (2, 3)


class Dropout(Layer):
    """Inverted dropout, as ``torch.nn.Dropout``: falls out while training, does nothing afterwards.

    Args:
        p: probability of being dropped, a fraction of 1.
        rng: source of what falls out; None takes a new one.

    Raises:
        ValueError: p is no fraction of 1.

    Source:
        Srivastava et al. (2014), Dropout, section 10.

    >>> Dropout(0.5).eval().forward(np.ones(3))
    array([1., 1., 1.])
    """

    def __init__(self, p=0.5, *, rng=None):
        super().__init__()
        self.p, self.rng = fraction("Dropout", "p", p), generator("Dropout", rng)

    def forward(self, x):
        """Drop new numbers at each call while training."""
        self._x, self._used = x, (self.training, int(self.rng.integers(2**63)) if self.training else 0)
        return dense.dropout(x, p=self.p, training=self._used[0], seed=self._used[1])

    def backward(self, grad_output):
        """Pass on the gradient of what stayed."""
        _ = self.seen
        return dense.dropout_backward(grad_output, p=self.p, training=self._used[0], seed=self._used[1])


def generator(function, rng):
    """Return a NumPy generator from None, a seed or a generator.

    Raises:
        ValueError: rng is none of them.
    """
    if rng is None or isinstance(rng, np.random.Generator):
        return np.random.default_rng(rng)
    return np.random.default_rng(whole(function, "rng", rng, least=0))


def _first_weights(function, shape, bias, rng):
    rng, bias = generator(function, rng), flag(function, "bias", bias)
    room(function, "weight", shape)
    bound = 1 / math.sqrt(math.prod(shape[1:]))
    weight = Parameter(rng.uniform(-bound, bound, shape))
    return weight, Parameter(rng.uniform(-bound, bound, shape[0])) if bias else None
