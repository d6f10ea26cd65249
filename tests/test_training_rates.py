"""The rate finder beside the loop that people write, and when it stops."""
import copy
import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from cnnlib.training import find_learning_rate
from tests.judge import refused
from tests.test_training_loop import data, net


def test_equal_to_the_loop_that_people_write():
    x, y = data(40)
    model = net()
    found = find_learning_rate(model, (x, y))
    twin, losses, rates = copy.deepcopy(model).train(), [], np.geomspace(1e-5, 1, 60)
    optimizer = torch.optim.SGD(twin.parameters(), lr=1.0, momentum=0.9)
    for step, rate in enumerate(rates):
        epoch, half = divmod(step, 2)  # 32 examples, then 8
        order = torch.randperm(40, generator=torch.Generator().manual_seed(epoch))
        batch = order[:32] if half == 0 else order[32:]
        optimizer.param_groups[0]["lr"] = rate
        loss = functional.cross_entropy(twin(x[batch]), y[batch])
        if losses and loss.item() > 4 * min(losses):
            break
        losses.append(0.7 * losses[-1] + 0.3 * loss.item() if losses else loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert found.losses == pytest.approx(losses, rel=1e-4) and found.rates == pytest.approx(rates[:len(losses)])
    assert found.suggestion in found.rates


class Script(nn.Module):
    """A network whose cross-entropy is what the script says, one number a step, if every label is 0."""

    def __init__(self, *losses):
        super().__init__()
        self.left, self.weight = list(losses), nn.Parameter(torch.zeros(1))

    def __deepcopy__(self, memo):
        return self

    def forward(self, x):
        """Return scores 0 and s with log(1 + eˢ) as the script says."""
        loss = self.left.pop(0)
        score = math.log(math.expm1(loss)) if math.isfinite(loss) else loss
        return torch.tensor([[0.0, score]]).repeat(len(x), 1) + 0 * self.weight


PAIR = torch.zeros(20, 1), torch.zeros(20, dtype=torch.int64)


@pytest.mark.parametrize("losses, steps", [
    ([1.0, 3.9, 4.5, *[1.0] * 9], 2),  # more than four times the least
    ([0.5, 1.9, 2.1, *[0.5] * 9], 2),
    ([1.0, 1.0, math.nan, *[1.0] * 9], 2),
    ([1.0, 1.0, 1.0, math.inf, *[1.0] * 9], 3),
    ([1.0] * 12, 12),
])
def test_it_stops_where_the_loss_explodes(losses, steps):
    assert len(find_learning_rate(Script(*losses), PAIR, steps=12).losses) == steps


def test_what_is_refused():
    def call(model, **options):
        return lambda: find_learning_rate(model, PAIR, **options)

    refused(call(Script(1.0, math.nan)),
            "find_learning_rate: low must let the loss stay finite for two steps, got 1e-05")
    refused(call(net(), steps=9), "find_learning_rate: steps must be a whole number of at least 10, got 9")
    refused(call(net(), low=0), "find_learning_rate: low must be a number above 0, got 0")
    refused(call(net(), low=1), "find_learning_rate: low must be below high, got 1.0 and 1.0")
    refused(call(net(), batch_size=0), "find_learning_rate: batch_size must be a whole number of at least 1, got 0")
    refused(lambda: find_learning_rate(net(), 5),
            "find_learning_rate: train must be a dataset or a pair (inputs, labels), got int")
