"""Stochastic depth: in training a block is left out at random, and its shortcut stays."""
import torch
from torch import nn

from cnnlib._arguments import number


class StochasticDepth(nn.Module):
    """Set each example's residual in (N, C, H, W) to zero at random, in training only.

    Args:
        probability: that an example's residual is dropped, below 1; what stays is divided by 1 − probability, so that
            the mean stays the same and evaluation needs no factor.

    Raises:
        ValueError: probability is not in [0, 1).

    Source:
        Huang, Sun, Liu, Sedra & Weinberger (2016), Deep Networks with Stochastic Depth, eq. 2, with the factor moved
        from evaluation to training.

    >>> StochasticDepth(0.2).eval()(torch.ones(2, 1, 1, 1)).flatten()
    tensor([1., 1.])
    """

    def __init__(self, probability):
        super().__init__()
        self.probability = number("StochasticDepth", "probability", probability)
        if not 0 <= self.probability < 1:
            raise ValueError(f"StochasticDepth: probability must be at least 0 and below 1, got {probability}")

    def forward(self, x):
        """Return x, in training with whole examples set to zero and the others scaled up."""
        if not self.training or self.probability == 0:
            return x
        stays = torch.rand(len(x), *(1,) * (x.ndim - 1), dtype=x.dtype, device=x.device) >= self.probability
        return x * stays / (1 - self.probability)
