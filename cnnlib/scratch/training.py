"""The training loop, written out, and what a trained network says."""
import numpy as np

from cnnlib._arguments import room, whole
from cnnlib._arrays import as_array
from cnnlib.scratch._check import numbers
from cnnlib.scratch.layers import generator
from cnnlib.scratch.plain_layers import CrossEntropyLoss


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
    room("batches", "the order", (count,))
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

    >>> from cnnlib.scratch import SGD, Linear
    >>> net = Linear(2, 2, rng=0)
    >>> steps = fit(net, np.eye(2), np.array([0, 1]), optimizer=SGD(net.parameters(), lr=1), epochs=5, batch_size=2)
    >>> len(steps), steps[-1] < steps[0]
    (5, True)
    """
    images, labels = (numbers("fit", name, value, dims=1, or_more=True)
                      for name, value in (("images", images), ("labels", labels)))
    loss = loss or CrossEntropyLoss()
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

    >>> from cnnlib.scratch import SGD, Linear
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
    images, size = as_array(images), whole("predict", "batch_size", batch_size, least=1)
    if not images.size or not images.ndim:
        raise ValueError(f"predict: there must be images, got shape {images.shape}")
    modes = [(layer, layer.training) for layer in net.modules()]
    net.eval()
    try:
        return np.concatenate([net.forward(images[at:at + size]).argmax(axis=1) for at in range(0, len(images), size)])
    finally:
        for layer, mode in modes:
            layer.training = mode
