"""Compare two answers of any build: arrays, tensors, numbers, texts, and tuples and dictionaries of them."""
import dataclasses

import numpy as np
import torch

NEAR = {"f2": 1e-2, "f4": 1e-5, "f8": 1e-9}  # of the largest number there is, squared where numbers are multiplied


@np.errstate(all="ignore")
def difference(ours, right, call=None, *, values=True):
    """Return what differs in words, or None.

    Args:
        ours: the answer.
        right: what it should be.
        call: the call; the largest numbers in it say how exact a sum of products can be.
        values: False compares builds, shapes and types only.
    """
    ours, right = _plain(ours), _plain(right)
    if isinstance(right, dict):
        if not isinstance(ours, dict) or list(map(str, ours)) != list(map(str, right)):
            return f"the names {list(ours) if isinstance(ours, dict) else ours!r} for {list(right)}"
        ours, right = list(ours.values()), list(right.values())
    if isinstance(right, (tuple, list)):
        if not isinstance(ours, (tuple, list)) or len(ours) != len(right):
            return f"{ours!r:.200} for {right!r:.200}"
        found = (difference(one, two, call, values=values) for one, two in zip(ours, right, strict=True))
        return next((each for each in found if each), None)
    if isinstance(right, bool) or not isinstance(right, (np.ndarray, np.generic, int, float)):
        return None if type(ours) is type(right) and ours == right else f"{ours!r:.200} for {right!r:.200}"
    return _numbers(np.asarray(ours), np.asarray(right), call, values)


def _plain(value):
    if isinstance(value, torch.Tensor):
        return value.detach().numpy()
    if dataclasses.is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return value


def _numbers(ours, right, call, values):
    if ours.shape != right.shape or ours.dtype.newbyteorder("=") != right.dtype.newbyteorder("="):
        return f"{ours.dtype} {ours.shape} for {right.dtype} {right.shape}"
    if not values:
        return None
    if right.dtype.kind != "f":
        return None if np.array_equal(ours, right) else f"{ours.tolist()!r:.200} for {right.tolist()!r:.200}"
    near = max(NEAR[kind] for kind in {right.dtype.str[1:], *(each.dtype.str[1:] for each in _arrays(call))} & {*NEAR})
    ours, right = ours.astype(float), right.astype(float)
    apart = np.where((ours == right) | (np.isnan(ours) & np.isnan(right)), 0, np.abs(ours - right))
    apart[np.isnan(apart)] = np.inf
    largest = max(_largest(call), np.abs(right[np.isfinite(right)]).max(initial=0), 1e-30)
    if (apart <= near * largest).all():
        return None
    worst = np.unravel_index(apart.argmax(), apart.shape)
    return f"{ours[worst]!r} for {right[worst]!r} at {tuple(map(int, worst))}"


def _largest(call):
    arrays = [each.astype(float) for each in _arrays(call)]
    return max((np.abs(each[np.isfinite(each)]).max(initial=0) for each in arrays), default=0) ** 2


def _arrays(call):
    values = [] if call is None else [*call.args.values(), *call.options.values()]
    values = [each.detach().numpy() if isinstance(each, torch.Tensor) and each.layout is torch.strided else each
              for each in values]
    return [np.asarray(each) for each in values if isinstance(each, np.ndarray) and each.dtype.kind in "fiub"]
