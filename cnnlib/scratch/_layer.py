"""What every layer has: parameters, state, a mode, and a memory of its input."""
from collections.abc import Mapping

import numpy as np

from cnnlib.scratch._check import describe


class Parameter:
    """Numbers that are learned, and their gradient.

    Attributes:
        value: the numbers.
        grad: sum of the gradients since ``zero_grad``, shaped as value; None before the first.
    """

    def __init__(self, value):
        self.value, self.grad = np.asarray(value), None

    def add(self, grad):
        """Add a gradient, as backpropagation does where a number is used more than once."""
        grad = np.asarray(grad).astype(self.value.dtype, copy=False)
        self.grad = grad if self.grad is None else self.grad + grad


class Layer:
    """A function with a way back: ``forward(x)``, then ``backward(grad_output)``.

    Attributes:
        training: True while training; batch normalization and dropout act on it.
    """

    buffer_names = ()  # arrays that belong to the state but are not learned

    def __init__(self):
        self.training, self._x = True, None

    def __call__(self, x):
        return self.forward(x)

    @property
    def seen(self):
        """The input of the last forward pass.

        Raises:
            ValueError: there was none.
        """
        if self._x is None:
            raise ValueError(f"{type(self).__name__}: forward must run before backward, got no input")
        return self._x

    def named_children(self):
        """Return pairs of name and layer for the layers that stand in this one's attributes."""
        return [(name, value) for name, value in vars(self).items() if isinstance(value, Layer)]

    def modules(self):
        """Return this layer and all layers inside it."""
        return [self, *(each for _, child in self.named_children() for each in child.modules())]

    def named_parameters(self):
        """Return pairs of name and Parameter, in the order in which they were made."""
        own = [(name, value) for name, value in vars(self).items() if isinstance(value, Parameter)]
        return own + [(f"{name}.{inner}", parameter) for name, child in self.named_children()
                      for inner, parameter in child.named_parameters()]

    def named_buffers(self):
        """Return triples of name, the layer that holds the buffer, and its attribute there."""
        own = [(name, self, name) for name in self.buffer_names]
        return own + [(f"{name}.{inner}", holder, attribute) for name, child in self.named_children()
                      for inner, holder, attribute in child.named_buffers()]

    def parameters(self):
        """Return all Parameters."""
        return [parameter for _, parameter in self.named_parameters()]

    def zero_grad(self):
        """Forget all gradients."""
        for parameter in self.parameters():
            parameter.grad = None

    def train(self, mode=True):
        """Switch this layer and all inside it to training, or with False to evaluation; return the layer."""
        for layer in self.modules():
            layer.training = bool(mode)
        return self

    def eval(self):
        """Switch to evaluation; return the layer."""
        return self.train(False)

    def to(self, dtype):
        """Turn all floats into float32 or float64; return the layer.

        Raises:
            ValueError: dtype is neither.
        """
        if dtype not in (np.float32, np.float64):
            raise ValueError(f"Layer.to: dtype must be float32 or float64, got {dtype!r}")
        for parameter in self.parameters():
            parameter.value, parameter.grad = parameter.value.astype(dtype), None
        for _, layer, name in self.named_buffers():
            if getattr(layer, name).dtype.kind == "f":
                setattr(layer, name, getattr(layer, name).astype(dtype))
        return self

    def state_dict(self):
        """Return a copy of every parameter and buffer by name, with PyTorch's names."""
        state = {name: parameter.value.copy() for name, parameter in self.named_parameters()}
        return state | {name: getattr(layer, attribute).copy() for name, layer, attribute in self.named_buffers()}

    def load_state_dict(self, state):
        """Take over every parameter and buffer; the own float type is kept.

        Args:
            state: arrays by name, as ``state_dict`` returns them or as PyTorch's, each ``.numpy()``.

        Raises:
            ValueError: a name is missing or unexpected, or a shape differs; then nothing is changed.
        """
        if not isinstance(state, Mapping):
            raise ValueError(f"load_state_dict: state must hold arrays by name, got {describe(state)}")
        own = self.state_dict()
        arrays = {name: np.asarray(array) for name, array in state.items()}
        missing, unexpected = sorted(own.keys() - arrays.keys()), sorted(map(str, arrays.keys() - own.keys()))
        if missing or unexpected:
            raise ValueError("load_state_dict: names must be the network's own, got "
                             f"missing {missing or 'none'}, unexpected {unexpected or 'none'}")
        for name, array in arrays.items():
            if array.shape != own[name].shape:
                raise ValueError(f"load_state_dict: {name} must have the shape {own[name].shape}, got {array.shape}")
            if array.dtype.kind not in ("iu" if own[name].dtype.kind == "i" else "fiu"):
                kind = "whole" if own[name].dtype.kind == "i" else "real"
                raise ValueError(f"load_state_dict: {name} must hold {kind} numbers, got {array.dtype}")
        for name, parameter in self.named_parameters():
            parameter.value, parameter.grad = arrays[name].astype(own[name].dtype), None
        for name, layer, attribute in self.named_buffers():
            setattr(layer, attribute, arrays[name].astype(own[name].dtype))

    def _keep(self, grad_x, **gradients):
        """Add the gradients of the parameters that exist; return the gradient for the input."""
        for name, grad in gradients.items():
            parameter = getattr(self, name)
            if parameter is not None:
                parameter.add(grad)
        return grad_x


class FunctionLayer(Layer):
    """A layer without parameters: a function of the input and fixed options, and its gradient."""

    def __init__(self):
        super().__init__()
        self.args, self.options = (), {}

    def forward(self, x):
        """Apply the function."""
        self._x = x
        return self.function(x, *self.args, **self.options)

    def backward(self, grad_output):
        """Return the gradient for the input."""
        return self.gradient(grad_output, self.seen, *self.args, **self.options)
