"""Weights that anybody can compute again, and what a network makes of one image with them.

Every tensor of the state_dict, in sorted order of its key, is filled with a sine of squared indices: number i, element
k holds s(k) = sin(2π·((i + 1)·q² mod P)/P + i) with q = k mod P and P = 9973, scaled by what the tensor is for.
"""
import math

import torch

P = 9973


def fill(model):
    """Give every tensor of a model its computed values."""
    with torch.no_grad():
        for number, (key, tensor) in enumerate(sorted(model.state_dict().items())):
            tensor.copy_(_values(number, key, tensor.shape))


def _values(number, key, shape):
    count = math.prod(shape)
    q = torch.arange(min(count, P))
    s = torch.sin(2 * math.pi * ((number + 1) * q * q % P).double() / P + number)
    s = s.repeat(math.ceil(count / P))[:count]
    if key.endswith("num_batches_tracked"):
        s = torch.zeros(count)
    elif key.endswith("running_var"):
        s = 1 + 0.1 * s * s
    elif key.endswith(("running_mean", "bias")):
        s = 0.1 * s
    elif key.endswith("weight"):
        s = 1 + 0.1 * s if len(shape) == 1 else 1.8 / math.sqrt(count // shape[0]) * s
    else:
        s = 0.5 * s
    return s.reshape(shape)


def fingerprint(model, input_shape):
    """Return what the rule compares: eight scores, their mean and their spread, in float64."""
    model = model.to_empty(device="cpu").double().eval()
    fill(model)
    x = torch.sin(0.001 * torch.arange(math.prod(input_shape), dtype=torch.float64)).reshape(input_shape)
    with torch.no_grad():
        scores = model(x)[0]
    return torch.cat([scores[:8], scores.mean()[None], scores.std(correction=0)[None]])
