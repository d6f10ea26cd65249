"""A network's layers by the keys of its state_dict: as functions, or as the nn layers that torchvision is made of."""
from functools import partial

import torch
from torch import nn
from torch.nn import functional


class Functions:
    """Layers as functions of tensors; maps are (N, C, H, W).

    Args:
        state: a state_dict.
    """

    kind = "functional program"
    relu = staticmethod(partial(functional.relu, inplace=True))
    relu6 = staticmethod(partial(functional.hardtanh, min_val=0.0, max_val=6.0, inplace=True))  # as nn.ReLU6 calls it
    silu = staticmethod(partial(functional.silu, inplace=True))

    def __init__(self, state):
        self.state = state

    def conv(self, name, x, **options):
        """Return the convolution of x."""
        return functional.conv2d(x, self.state[f"{name}.weight"], self.state.get(f"{name}.bias"), **options)

    def norm(self, name, x, eps=1e-5):
        """Return x normalized by the stored mean and variance."""
        numbers = (self.state[f"{name}.{key}"] for key in ("running_mean", "running_var", "weight", "bias"))
        return functional.batch_norm(x, *numbers, eps=eps)

    def scores(self, name, x, dropout=None):
        """Return the last layer's scores of the maps' means; dropout is called as in evaluation mode."""
        x = torch.flatten(functional.adaptive_avg_pool2d(x, (1, 1)), 1)
        if dropout is not None:
            x = dropout(x, 0.2, training=False)
        return functional.linear(x, self.state[f"{name}.weight"], self.state[f"{name}.bias"])


class Layers(Functions):
    """The same by nn.Conv2d, nn.BatchNorm2d and activations, each made when it is first called."""

    kind = "program of nn layers"
    relu, relu6, silu = nn.ReLU(inplace=True), nn.ReLU6(inplace=True), nn.SiLU(inplace=True)

    def __init__(self, state):
        super().__init__(state)
        self.layers = {}

    def conv(self, name, x, **options):
        """Return the convolution of x."""
        if name not in self.layers:
            outside, inside, *kernel_size = self.state[f"{name}.weight"].shape
            self._add(name, nn.Conv2d(inside * options.get("groups", 1), outside, kernel_size, device="meta",
                                      bias=f"{name}.bias" in self.state, **options))
        return self.layers[name](x)

    def norm(self, name, x, eps=1e-5):
        """Return x normalized by the stored mean and variance."""
        if name not in self.layers:
            self._add(name, nn.BatchNorm2d(len(self.state[f"{name}.weight"]), eps=eps, device="meta"))
        return self.layers[name](x)

    def _add(self, name, layer):
        layer.load_state_dict({key: self.state[f"{name}.{key}"] for key in layer.state_dict()}, assign=True)
        self.layers[name] = layer.eval()
