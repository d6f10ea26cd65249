"""A step downhill: each parameter moves against its gradient."""
from collections.abc import Iterable

from cnnlib._arguments import at_least_zero, flag
from cnnlib.scratch._layer import Parameter


class SGD:
    """Stochastic gradient descent with momentum and weight decay, as ``torch.optim.SGD``.

    Args:
        params: what ``network.parameters()`` returns.
        lr: step size.
        momentum: share of the last step's direction that is kept.
        weight_decay: each weight's gradient grows by this times the weight.
        nesterov: True looks ahead along the momentum.

    Raises:
        ValueError: an argument is malformed, there is nothing to learn, or nesterov has no momentum.

    Source:
        Sutskever, Martens, Dahl & Hinton (2013), eqs. 1 to 4 (PyTorch applies lr to the sum instead).

    >>> weight = Parameter([1.0])
    >>> weight.add([2.0])
    >>> SGD([weight], lr=0.1).step()
    >>> weight.value
    array([0.8])
    """

    def __init__(self, params, *, lr, momentum=0.0, weight_decay=0.0, nesterov=False):
        self.parameters = list(params) if isinstance(params, Iterable) else []
        if not self.parameters or not all(isinstance(each, Parameter) for each in self.parameters):
            raise ValueError(f"SGD: params must be the Parameters of a network, got {params!r}")
        self.lr, self.momentum = at_least_zero("SGD", "lr", lr), at_least_zero("SGD", "momentum", momentum)
        self.weight_decay, self.nesterov = at_least_zero("SGD", "weight_decay", weight_decay), nesterov
        if flag("SGD", "nesterov", nesterov) and not momentum:
            raise ValueError(f"SGD: nesterov needs a momentum above 0, got {momentum!r}")
        self._direction = [None] * len(self.parameters)

    def zero_grad(self):
        """Forget all gradients."""
        for parameter in self.parameters:
            parameter.grad = None

    def step(self):
        """Move each parameter that has a gradient."""
        for at, parameter in enumerate(self.parameters):
            if parameter.grad is None:
                continue
            grad = parameter.grad + self.weight_decay * parameter.value if self.weight_decay else parameter.grad
            if self.momentum:
                last = self._direction[at]
                self._direction[at] = grad.copy() if last is None else self.momentum * last + grad
                grad = grad + self.momentum * self._direction[at] if self.nesterov else self._direction[at]
            parameter.value = (parameter.value - self.lr * grad).astype(parameter.value.dtype, copy=False)
