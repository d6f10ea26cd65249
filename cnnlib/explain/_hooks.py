"""Read the outputs of layers while a network runs, and leave no trace in it."""
from contextlib import contextmanager

import torch
from torch import nn
from torch.utils._pytree import tree_map


def module_of(function, model, layer):
    """Return a layer that was given as a module of the model or by its name with dots.

    Raises:
        ValueError: model is no module, or has no such layer.
    """
    if not isinstance(model, nn.Module):
        raise ValueError(f"{function}: model must be an nn.Module, got {model!r}")
    known = dict(model.named_modules())
    found = known.get(layer) if isinstance(layer, str) else layer
    if not any(found is module for module in known.values()):
        raise ValueError(f"{function}: layer must be a module of the model or its name, got {layer!r:.80}")
    return found


@contextmanager
def listening(modules):
    """Yield a list that holds, after a run, the last output of each module; the hooks go away whatever happens.

    Each module hands a copy on, so that what follows it cannot change in place what is kept here.
    """
    outputs = [None] * len(modules)

    def keep(place):
        def hook(module, args, out):
            outputs[place] = out
            return tree_map(lambda part: part.clone() if isinstance(part, torch.Tensor) else part, out)
        return hook
    handles = []
    try:
        for place, module in enumerate(modules):
            handles.append(module.register_forward_hook(keep(place)))
        yield outputs
    finally:
        for handle in handles:
            handle.remove()


def checked_images(function, x):
    """Return images (N, C, H, W) as they are.

    Raises:
        ValueError: x is no tensor of floats with four axes, or empty.
    """
    plain = isinstance(x, torch.Tensor) and x.layout is torch.strided and x.is_floating_point()
    if not plain or x.ndim != 4 or not x.numel():
        kind = f"{x.dtype} {tuple(x.shape)}" if isinstance(x, torch.Tensor) else type(x).__name__
        raise ValueError(f"{function}: x must be images (N, C, H, W) of floats, got {kind}")
    return x


def chosen_scores(function, scores, target):
    """Return one score for each image.

    Args:
        function: the function that the reader called, for the message.
        scores: (N, classes).
        target: a class, a class for each image, or None for the largest score.

    Raises:
        ValueError: scores have another form, or target is no class of theirs.
    """
    scores = getattr(scores, "logits", scores)
    if not isinstance(scores, torch.Tensor) or scores.ndim != 2:
        raise ValueError(f"{function}: model must give scores (N, classes), got {_kind(scores)}")
    if target is None:
        return scores.max(dim=1).values
    classes = classes_of(target, scores.device)
    whole = not (classes.is_floating_point() or classes.is_complex() or classes.dtype == torch.bool)
    fits = whole and classes.ndim <= 1
    fits = fits and (not classes.ndim or len(classes) == len(scores))
    if not fits or ((classes < 0) | (classes >= scores.shape[1])).any():
        raise ValueError(f"{function}: target must be a class below {scores.shape[1]}, or one for each of "
                         f"{len(scores)} images, got {target!r}")
    return scores[torch.arange(len(scores), device=scores.device), classes.expand(len(scores))]


def classes_of(target, device):
    """Return target as a tensor of its own; what is none becomes a float, which is no class."""
    try:
        return (target if isinstance(target, torch.Tensor) else torch.tensor(target)).to(device).to_dense()
    except (TypeError, ValueError, RuntimeError, OverflowError):
        return torch.tensor(float("nan"))


def _kind(value):
    return str(tuple(value.shape)) if isinstance(value, torch.Tensor) else type(value).__name__
