"""A network is layers in a row: forward through them, backward through them in reverse, then a step downhill."""
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from cnnlib._arguments import at_least_zero, flag, whole
from cnnlib.scratch._layer import Layer, Parameter
from cnnlib.scratch.layers import generator
from cnnlib.scratch.plain_layers import CrossEntropyLoss


class Sequential(Layer):
    """Layers in a row, as ``torch.nn.Sequential``; parameters are named ``0.weight``, ``0.bias``, ``3.weight`` …

    Args:
        layers: the layers, first to last.

    Raises:
        ValueError: one of them is no layer.

    Source:
        Goodfellow, Bengio & Courville (2016), Deep Learning, algorithms 6.3 and 6.4.

    >>> from cnnlib.scratch import Linear, ReLU
    >>> Sequential(Linear(4, 3), ReLU(), Linear(3, 2)).forward(np.ones((5, 4))).shape
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

    >>> from cnnlib.scratch import Parameter
    >>> weight = Parameter(np.array([1.0]))
    >>> weight.grad = np.array([2.0])
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


def batches(count, batch_size, *, rng):
    """Return the indices 0 to count − 1 in random order, cut into batches; the last may be smaller.

    Args:
        count: number of examples.
        batch_size: examples in a batch.
        rng: source of the order; a number is a seed.

    Returns:
        A list of arrays.

    Raises:
        ValueError: a number is malformed.

    Source:
        Goodfellow, Bengio & Courville (2016), Deep Learning, section 8.1.3.

    >>> [len(batch) for batch in batches(10, 4, rng=0)]
    [4, 4, 2]
    """
    count, size = whole("batches", "count", count, least=1), whole("batches", "batch_size", batch_size, least=1)
    order = generator("batches", rng).permutation(count)
    return [order[at:at + size] for at in range(0, count, size)]


def fit(net, images, labels, *, optimizer, epochs, batch_size, loss=None, seed=0):
    """Train a network: for each batch forward, loss, backward, step.

    Args:
        net: the network; it is switched to training and left in it.
        images: (N, C, H, W).
        labels: classes, (N,).
        optimizer: such as SGD(net.parameters(), lr=0.1).
        epochs: how often each image is used.
        batch_size: images a step.
        loss: None means CrossEntropyLoss().
        seed: of the order of the images.

    Returns:
        The loss of each step, in nats.

    Raises:
        ValueError: images and labels differ in number, a number is malformed, or the loss is no longer finite.

    Source:
        Goodfellow, Bengio & Courville (2016), Deep Learning, algorithm 8.1.

    >>> from cnnlib.scratch import Linear
    >>> net = Sequential(Linear(2, 2, rng=0))
    >>> steps = fit(net, np.eye(2), np.array([0, 1]), optimizer=SGD(net.parameters(), lr=1), epochs=5, batch_size=2)
    >>> len(steps), steps[-1] < steps[0]
    (5, True)
    """
    images, labels, loss = np.asarray(images), np.asarray(labels), loss or CrossEntropyLoss()
    if len(images) != len(labels):
        raise ValueError(f"fit: labels must hold one class for each of {len(images)} images, got {len(labels)}")
    epochs, batch_size = whole("fit", "epochs", epochs, least=1), whole("fit", "batch_size", batch_size, least=1)
    rng, losses = np.random.default_rng(whole("fit", "seed", seed, least=0)), []
    net.train()
    for _ in range(epochs):
        for batch in batches(len(images), batch_size, rng=rng):
            losses.append(train_step(net, images[batch], labels[batch], optimizer=optimizer, loss=loss))
            if not np.isfinite(losses[-1]):
                raise ValueError(f"fit: the loss must stay finite, got {losses[-1]} in step {len(losses)}; "
                                 "a smaller lr may help")
    return losses


def train_step(net, images, labels, *, optimizer, loss):
    """Forward, loss, backward, step.

    Args:
        net: the network; its mode is left as it is.
        images: (N, C, H, W).
        labels: classes, (N,).
        optimizer: such as SGD(net.parameters(), lr=0.1).
        loss: such as CrossEntropyLoss().

    Returns:
        The loss before the step, in nats.

    Raises:
        ValueError: as the layers and the loss.

    Source:
        Goodfellow, Bengio & Courville (2016), Deep Learning, algorithm 8.1.

    >>> from cnnlib.scratch import CrossEntropyLoss, Linear
    >>> net = Linear(2, 2, rng=0)
    >>> options = {"optimizer": SGD(net.parameters(), lr=1), "loss": CrossEntropyLoss()}
    >>> train_step(net, np.eye(2), [0, 1], **options) > train_step(net, np.eye(2), [0, 1], **options)
    True
    """
    optimizer.zero_grad()
    value = float(loss.forward(net.forward(images), labels))
    net.backward(loss.backward())
    optimizer.step()
    return value


def predict(net, images, *, batch_size=256):
    """Return the class with the highest score of each image, in evaluation mode.

    Args:
        net: the network; every layer's mode is left as it was.
        images: (N, C, H, W).
        batch_size: images that are computed at a time.

    Returns:
        Classes, (N,), int64.

    Raises:
        ValueError: there are no images, or batch_size is malformed.

    Source:
        Goodfellow, Bengio & Courville (2016), Deep Learning, section 6.2.2.3.

    >>> from cnnlib.scratch import Flatten
    >>> predict(Flatten(), [[0.1, 0.9], [0.8, 0.2]]).tolist()
    [1, 0]
    """
    images, size = np.asarray(images), whole("predict", "batch_size", batch_size, least=1)
    if not images.size:
        raise ValueError(f"predict: there must be images, got shape {images.shape}")
    modes = [(layer, layer.training) for layer in net.modules()]
    net.eval()
    try:
        return np.concatenate([net.forward(images[at:at + size]).argmax(axis=1) for at in range(0, len(images), size)])
    finally:
        for layer, mode in modes:
            layer.training = mode


def save_weights(net, path, *, overwrite=False):
    """Write all parameters and buffers of a network into an ``.npz`` file.

    Args:
        net: a layer or a network.
        path: the file; it must end in .npz.
        overwrite: True replaces a file that exists; the old one stays until the new one is complete.

    Raises:
        ValueError: the name does not end in .npz, the folder does not exist, or the file exists and overwrite is False.

    Source:
        NumPy's .npz format: a zip archive with one array for each name.

    >>> save_weights(Sequential(Layer()), "weights.txt")
    Traceback (most recent call last):
    ValueError: save_weights: path must end in .npz and lie in a folder that exists, got 'weights.txt'
    """
    overwrite = flag("save_weights", "overwrite", overwrite)
    file = Path(path).resolve() if isinstance(path, (str, os.PathLike)) else None
    if file is None or file.suffix != ".npz" or not file.parent.is_dir() or file.is_dir():
        raise ValueError(f"save_weights: path must end in .npz and lie in a folder that exists, got {str(path)!r}")
    if file.exists() and not overwrite:
        raise ValueError(f"save_weights: path must be new unless overwrite=True, got {str(path)!r}")
    part = file.with_name(f".{file.stem}.{os.getpid()}.npz")
    try:
        np.savez_compressed(part, **net.state_dict())
        os.replace(part, file)
    finally:
        part.unlink(missing_ok=True)


def load_weights(net, path):
    """Read what ``save_weights`` wrote; nothing in the file is executed.

    Args:
        net: a layer or a network of the same build.
        path: the ``.npz`` file.

    Raises:
        ValueError: the file is missing or damaged, or names and shapes are not the network's; then nothing is changed.

    Source:
        NumPy's .npz format, read without pickle.

    >>> load_weights(Sequential(Layer()), "no such file")
    Traceback (most recent call last):
    ValueError: load_weights: path must be a file, got 'no such file'
    """
    if not isinstance(path, (str, os.PathLike)) or not Path(path).is_file():
        raise ValueError(f"load_weights: path must be a file, got {str(path)!r}")
    try:
        with Path(path).open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            state = {name: file[name] for name in file.files}
    except Exception as error:  # a damaged file fails in many ways: zip, zlib, struct, NumPy
        if isinstance(error, MemoryError):
            raise
        raise ValueError(f"load_weights: path must be an .npz file of arrays, got {str(path)!r}: {error}") from None
    net.load_state_dict(state)
