"""A network is layers in a row: forward through them, backward through them in reverse."""
from cnnlib.scratch._layer import Layer


class Sequential(Layer):
    """Layers in a row, as ``torch.nn.Sequential``; parameters are named ``0.weight``, ``0.bias``, ``3.weight`` …

    Args:
        layers: the layers, first to last.

    Raises:
        ValueError: one of them is no layer.

    Source:
        Goodfellow, Bengio & Courville (2016), Deep Learning, algorithms 6.3 and 6.4.

    >>> from cnnlib.scratch import Linear, ReLU
    >>> Sequential(Linear(4, 3), ReLU(), Linear(3, 2)).forward([[1.0] * 4] * 5).shape
    (5, 2)
    """

    def __init__(self, *layers):
        super().__init__()
        for layer in layers:
            if not isinstance(layer, Layer):
                raise ValueError(f"Sequential: layers must be layers of cnnlib.scratch, got {layer!r}")
        if not layers:
            raise ValueError("Sequential: there must be at least one layer, got none")
        inside = [each for layer in layers for each in layer.modules()]
        twice = [type(each).__name__ for at, each in enumerate(inside) if any(each is one for one in inside[:at])]
        if twice:  # a layer remembers one input only
            raise ValueError(f"Sequential: layers must be different objects, got one {twice[0]} twice")
        self.layers = layers

    def forward(self, x):
        """Return the last layer's output."""
        self._x = x
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, grad_output):
        """Add to the gradients of all parameters; return the gradient for the input."""
        _ = self.seen
        for layer in reversed(self.layers):
            grad_output = layer.backward(grad_output)
        return grad_output

    def named_children(self):
        """Return pairs of place and layer."""
        return [(str(at), layer) for at, layer in enumerate(self.layers)]
