"""Layers that learn nothing: pooling, flatten, activations, and the loss at the end."""
from cnnlib._arguments import flag, fraction, integer, number, per_axis
from cnnlib.scratch import activations, dense, losses, pooling
from cnnlib.scratch._layer import FunctionLayer
from cnnlib.scratch.adaptive_pooling import adaptive_avg_pool2d, adaptive_avg_pool2d_backward
from cnnlib.scratch.scores import softmax, softmax_backward
from cnnlib.shapes.pooling import Pool

LARGE = (1, 1, 1 << 20, 1 << 20)  # images on which any window fits: a layer's options are checked when it is made


class MaxPool2d(FunctionLayer):
    """Max pooling, as ``torch.nn.MaxPool2d``; arguments as ``max_pool2d``.

    >>> MaxPool2d(2).forward([[[[1.0] * 7] * 7] * 3]).shape
    (1, 3, 3, 3)
    """

    function, gradient = staticmethod(pooling.max_pool2d), staticmethod(pooling.max_pool2d_backward)

    def __init__(self, kernel_size, *, stride=None, padding=0, dilation=1, ceil_mode=False):
        super().__init__()
        Pool.parse("MaxPool2d", LARGE, kernel_size, stride, padding, dilation, ceil_mode)
        self.args = (kernel_size,)
        self.options = {"stride": stride, "padding": padding, "dilation": dilation, "ceil_mode": ceil_mode}


class AvgPool2d(FunctionLayer):
    """Average pooling, as ``torch.nn.AvgPool2d``; arguments as ``avg_pool2d``.

    >>> AvgPool2d(2).forward([[[[1.0] * 7] * 7] * 3]).shape
    (1, 3, 3, 3)
    """

    function, gradient = staticmethod(pooling.avg_pool2d), staticmethod(pooling.avg_pool2d_backward)

    def __init__(self, kernel_size, *, stride=None, padding=0, ceil_mode=False, count_include_pad=True):
        super().__init__()
        Pool.parse("AvgPool2d", LARGE, kernel_size, stride, padding, 1, ceil_mode)
        self.args = (kernel_size,)
        self.options = {"stride": stride, "padding": padding, "ceil_mode": ceil_mode,
                        "count_include_pad": flag("AvgPool2d", "count_include_pad", count_include_pad)}


class AdaptiveAvgPool2d(FunctionLayer):
    """Average pooling to a wanted size, as ``torch.nn.AdaptiveAvgPool2d``; 1 is global average pooling.

    >>> AdaptiveAvgPool2d(1).forward([[[[1.0] * 7] * 7] * 3]).shape
    (1, 3, 1, 1)
    """

    function, gradient = staticmethod(adaptive_avg_pool2d), staticmethod(adaptive_avg_pool2d_backward)

    def __init__(self, output_size):
        super().__init__()
        self.args = (per_axis("AdaptiveAvgPool2d", "output_size", output_size, 2, least=1),)


class Flatten(FunctionLayer):
    """(N, C, H, W) to (N, C·H·W), as ``torch.nn.Flatten``.

    >>> Flatten().forward([[[[1.0] * 7] * 7] * 10] * 2).shape
    (2, 490)
    """

    function, gradient = staticmethod(dense.flatten), staticmethod(dense.flatten_backward)

    def __init__(self, start_dim=1, end_dim=-1):
        super().__init__()
        self.options = {"start_dim": integer("Flatten", "start_dim", start_dim),
                        "end_dim": integer("Flatten", "end_dim", end_dim)}


class ReLU(FunctionLayer):
    """max(0, x), as ``torch.nn.ReLU``.

    >>> ReLU().forward([-1.0, 2.0])
    array([0., 2.])
    """

    function, gradient = staticmethod(activations.relu), staticmethod(activations.relu_backward)


class LeakyReLU(FunctionLayer):
    """x or a small slope times x, as ``torch.nn.LeakyReLU``.

    >>> LeakyReLU(0.5).forward([-1.0, 2.0])
    array([-0.5,  2. ])
    """

    function, gradient = staticmethod(activations.leaky_relu), staticmethod(activations.leaky_relu_backward)

    def __init__(self, negative_slope=0.01):
        super().__init__()
        self.options = {"negative_slope": number("LeakyReLU", "negative_slope", negative_slope)}


class ReLU6(FunctionLayer):
    """min(max(0, x), 6), as ``torch.nn.ReLU6``.

    >>> ReLU6().forward([-1.0, 9.0])
    array([0., 6.])
    """

    function, gradient = staticmethod(activations.relu6), staticmethod(activations.relu6_backward)


class Sigmoid(FunctionLayer):
    """1 / (1 + exp(−x)), as ``torch.nn.Sigmoid``.

    >>> Sigmoid().forward([0.0])
    array([0.5])
    """

    function, gradient = staticmethod(activations.sigmoid), staticmethod(activations.sigmoid_backward)


class Tanh(FunctionLayer):
    """The hyperbolic tangent, as ``torch.nn.Tanh``.

    >>> Tanh().forward([0.0])
    array([0.])
    """

    function, gradient = staticmethod(activations.tanh), staticmethod(activations.tanh_backward)


class Softmax(FunctionLayer):
    """Scores to probabilities, as ``torch.nn.Softmax``; never in front of ``CrossEntropyLoss``, which wants scores.

    >>> Softmax().forward([[0.0, 0.0]])
    array([[0.5, 0.5]])
    """

    function, gradient = staticmethod(softmax), staticmethod(softmax_backward)

    def __init__(self, dim=-1):
        super().__init__()
        self.options = {"dim": integer("Softmax", "dim", dim)}


class CrossEntropyLoss:
    """Cross-entropy of scores and right classes, as ``torch.nn.CrossEntropyLoss``.

    Args:
        weight: how much each class counts, (K,); None means 1.
        ignore_index: a target that does not count.
        reduction: "mean" or "sum".
        label_smoothing: share of the target that is spread over all classes, a fraction of 1.

    Raises:
        ValueError: reduction is neither, or label_smoothing is no fraction of 1.

    >>> loss = CrossEntropyLoss()
    >>> round(float(loss.forward([[0.0, 0.0]], [0])), 4), loss.backward().tolist()
    (0.6931, [[-0.5, 0.5]])
    """

    def __init__(self, weight=None, *, ignore_index=-100, reduction="mean", label_smoothing=0.0):
        if not isinstance(reduction, str) or reduction not in ("mean", "sum"):
            raise ValueError(f"CrossEntropyLoss: reduction must be 'mean' or 'sum', got {reduction!r}")
        smoothing = fraction("CrossEntropyLoss", "label_smoothing", label_smoothing)
        self.options = {"weight": weight, "ignore_index": ignore_index, "reduction": reduction,
                        "label_smoothing": smoothing}
        self._seen = None

    def forward(self, x, target):
        """Return the loss in nats; x: scores, (N, K) or (N, K, …), target: classes, (N,) or (N, …)."""
        self._seen = x, target
        return losses.cross_entropy(x, target, **self.options)

    def backward(self):
        """Return the gradient for the scores, shaped as they are."""
        if self._seen is None:
            raise ValueError("CrossEntropyLoss: forward must run before backward, got no scores")
        return losses.cross_entropy_backward(1, *self._seen, **self.options)

    __call__ = forward
