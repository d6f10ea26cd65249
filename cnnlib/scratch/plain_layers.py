"""Layers that learn nothing: pooling, flatten, activations, and the loss at the end."""
from cnnlib.scratch import activations, dense, losses, pooling
from cnnlib.scratch._check import fraction
from cnnlib.scratch._layer import FunctionLayer
from cnnlib.scratch.adaptive_pooling import adaptive_avg_pool2d, adaptive_avg_pool2d_backward
from cnnlib.scratch.scores import softmax, softmax_backward


class MaxPool2d(FunctionLayer):
    """Max pooling, as ``torch.nn.MaxPool2d``; arguments as ``max_pool2d``.

    >>> MaxPool2d(2).forward([[[[1.0] * 7] * 7] * 3]).shape
    (1, 3, 3, 3)
    """

    function, gradient = staticmethod(pooling.max_pool2d), staticmethod(pooling.max_pool2d_backward)

    def __init__(self, kernel_size, *, stride=None, padding=0, dilation=1, ceil_mode=False):
        super().__init__(kernel_size, stride=stride, padding=padding, dilation=dilation, ceil_mode=ceil_mode)


class AvgPool2d(FunctionLayer):
    """Average pooling, as ``torch.nn.AvgPool2d``; arguments as ``avg_pool2d``.

    >>> AvgPool2d(2).forward([[[[1.0] * 7] * 7] * 3]).shape
    (1, 3, 3, 3)
    """

    function, gradient = staticmethod(pooling.avg_pool2d), staticmethod(pooling.avg_pool2d_backward)

    def __init__(self, kernel_size, *, stride=None, padding=0, ceil_mode=False, count_include_pad=True):
        super().__init__(kernel_size, stride=stride, padding=padding, ceil_mode=ceil_mode,
                         count_include_pad=count_include_pad)


class AdaptiveAvgPool2d(FunctionLayer):
    """Average pooling to a wanted size, as ``torch.nn.AdaptiveAvgPool2d``; 1 is global average pooling.

    >>> AdaptiveAvgPool2d(1).forward([[[[1.0] * 7] * 7] * 3]).shape
    (1, 3, 1, 1)
    """

    function, gradient = staticmethod(adaptive_avg_pool2d), staticmethod(adaptive_avg_pool2d_backward)

    def __init__(self, output_size):
        super().__init__(output_size)


class Flatten(FunctionLayer):
    """(N, C, H, W) to (N, C·H·W), as ``torch.nn.Flatten``.

    >>> Flatten().forward([[[[1.0] * 7] * 7] * 10] * 2).shape
    (2, 490)
    """

    function, gradient = staticmethod(dense.flatten), staticmethod(dense.flatten_backward)

    def __init__(self, start_dim=1, end_dim=-1):
        super().__init__(start_dim=start_dim, end_dim=end_dim)


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
        super().__init__(negative_slope=negative_slope)


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
        super().__init__(dim=dim)


class CrossEntropyLoss:
    """Cross-entropy of scores and right classes, as ``torch.nn.CrossEntropyLoss``.

    Args:
        label_smoothing: share of the target that is spread over all classes, a fraction of 1.

    >>> loss = CrossEntropyLoss()
    >>> round(float(loss.forward([[0.0, 0.0]], [0])), 4), loss.backward().tolist()
    (0.6931, [[-0.5, 0.5]])
    """

    def __init__(self, *, label_smoothing=0.0):
        self.label_smoothing = fraction("CrossEntropyLoss", "label_smoothing", label_smoothing)
        self._seen = None

    def forward(self, x, target):
        """Return the mean loss in nats; x: scores, (N, K), target: classes, (N,)."""
        self._seen = x, target
        return losses.cross_entropy(x, target, label_smoothing=self.label_smoothing)

    def backward(self):
        """Return the gradient for the scores, (N, K)."""
        if self._seen is None:
            raise ValueError("CrossEntropyLoss: forward must run before backward, got no scores")
        return losses.cross_entropy_backward(1, *self._seen, label_smoothing=self.label_smoothing)

    __call__ = forward
