"""What a network makes of data that it does not learn from."""
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from cnnlib.metrics import accuracy, confusion_matrix
from cnnlib.models.summary import evaluation
from cnnlib.training.batches import loader


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """The scores of a network on some examples.

    Attributes:
        scores: (N, classes), before softmax.
        labels: right classes, (N,).
        loss: mean cross-entropy.
        accuracy: a fraction of 1.
    """

    scores: np.ndarray
    labels: np.ndarray
    loss: float
    accuracy: float

    @property
    def predicted(self):
        """The class with the largest score, (N,)."""
        return self.scores.argmax(axis=1)

    def confusion(self):
        """Return counts (classes, classes): row = right class, column = predicted class."""
        return confusion_matrix(self.scores, self.labels)


def scores_of(out):
    """Return the scores, also of a network that returns those of auxiliary heads beside them."""
    return getattr(out, "logits", out)


def evaluate(model, data, *, batch_size=64, device=None):
    """Run a network in evaluation mode over examples; its mode is as before afterwards.

    Args:
        model: a network from (N, C, H, W) to scores (N, classes).
        data: a dataset of (input, label), a pair (inputs, labels), or a DataLoader.
        batch_size: examples at a time.
        device: where to compute; None: where the model is.

    Returns:
        An Evaluation.

    Raises:
        ValueError: data is none of these, or empty.

    >>> inputs, labels = torch.eye(3)[:2], torch.tensor([0, 2])
    >>> evaluate(torch.nn.Identity(), (inputs, labels)).accuracy
    0.5
    """
    batches = loader("evaluate", "data", data, batch_size=batch_size, shuffle=False)
    device = device or next((p.device for p in model.parameters()), torch.device("cpu"))
    with evaluation(model), torch.no_grad():
        pairs = [(scores_of(model(x.to(device))).float().cpu(), y.cpu()) for x, y in batches]
    scores, labels = (torch.cat(each) for each in zip(*pairs, strict=True))
    return Evaluation(
        scores=scores.numpy(), labels=labels.numpy(), loss=functional.cross_entropy(scores, labels).item(),
        accuracy=accuracy(scores.numpy(), labels.numpy()))
