"""Which learning rate: try rising ones for a few steps and watch the loss."""
import copy
import itertools
import math
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from cnnlib._arguments import above_zero, whole
from cnnlib.training.batches import begin, cards, loader
from cnnlib.training.evaluation import scores_of
from cnnlib.training.freezing import training_mode


@dataclass(frozen=True, kw_only=True)
class RateSearch:
    """Losses at rising learning rates.

    Attributes:
        rates: the learning rates, (n,).
        losses: the smoothed loss before each step, (n,).
        suggestion: the rate at which the loss falls most steeply.
    """

    rates: np.ndarray
    losses: np.ndarray
    suggestion: float


def find_learning_rate(model, train, *, low=1e-5, high=1.0, steps=60, batch_size=32, seed=0):
    """Train a copy of a network for a few steps, each at a higher learning rate, and stop when the loss explodes.

    Args:
        model: a network from (N, C, H, W) to scores (N, classes); it stays as it is.
        train: a dataset of (input, label), a pair (inputs, labels), or a DataLoader.
        low: the first rate.
        high: the last rate, above low.
        steps: how many rates are tried, at least 10.
        batch_size: examples a step.
        seed: of the order of the examples and everything random inside the model.

    Returns:
        A RateSearch; use a rate about ten times below the one at which the loss turns up.

    Raises:
        ValueError: an argument does not fit, or data are empty.

    Source:
        Smith (2017), Cyclical Learning Rates for Training Neural Networks, section 3.3; rates that rise by a factor and
        the stop when the loss explodes are those of the fastai library.

    >>> inputs, labels = torch.eye(4), torch.tensor([0, 1, 0, 1])
    >>> 1e-5 < find_learning_rate(torch.nn.Linear(4, 2), (inputs, labels)).suggestion <= 1
    True
    """
    low, high = (above_zero("find_learning_rate", name, value) for name, value in (("low", low), ("high", high)))
    steps = whole("find_learning_rate", "steps", steps, least=10)
    if low >= high:
        raise ValueError(f"find_learning_rate: low must be below high, got {low} and {high}")
    batches = loader("find_learning_rate", "train", train, batch_size=batch_size, seed=seed)
    rates, losses = np.geomspace(low, high, steps), []
    device = next((p.device for p in model.parameters() if p.requires_grad), None)
    if device is None:
        raise ValueError("find_learning_rate: the model must have parameters that learn, got none")
    with torch.random.fork_rng(cards(device)):
        torch.manual_seed(seed)
        twin = training_mode(copy.deepcopy(model))
        optimizer = torch.optim.SGD([p for p in twin.parameters() if p.requires_grad], lr=low, momentum=0.9)
        for rate, (x, y) in zip(rates, _endless(batches), strict=False):
            optimizer.param_groups[0]["lr"] = rate
            value = functional.cross_entropy(scores_of(twin(x.to(device))), y.to(device))
            number = value.item()
            if not math.isfinite(number) or (losses and number > 4 * min(losses)):
                break
            losses.append(0.7 * losses[-1] + 0.3 * number if losses else number)
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
    rates, losses = rates[:len(losses)], np.array(losses)
    if len(losses) < 2:
        raise ValueError(f"find_learning_rate: low must let the loss stay finite for two steps, got {low}")
    return RateSearch(rates=rates, losses=losses, suggestion=float(rates[np.gradient(losses).argmin()]))


def _endless(batches):
    for epoch in itertools.count():
        begin(batches, epoch)
        yield from batches
