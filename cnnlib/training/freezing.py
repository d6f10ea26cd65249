"""Which parts of a network learn, and how fast."""
from torch import nn

from cnnlib._arguments import above_zero, at_least_zero

NORMS = (nn.modules.batchnorm._BatchNorm, nn.LayerNorm, nn.GroupNorm)


def freeze(model, layers=None):
    """Let parts of a network stay as they are: their parameters get no gradient.

    Their batch norms still collect statistics in training mode: call ``training_mode(model)``, as ``fit`` does, and not
    ``model.train()``.

    Args:
        model: an ``nn.Module``; it is changed.
        layers: names of its parts with dots, such as ``["conv1", "layer1.0"]``; None: everything.

    Returns:
        The number of parameters that still learn.

    Raises:
        ValueError: there is no such part.

    >>> from cnnlib.models import create_model
    >>> freeze(create_model("resnet18"), ["conv1", "bn1", "layer1", "layer2", "layer3", "layer4"])
    513000
    """
    return _set("freeze", model, layers, False)


def unfreeze(model, layers=None):
    """Let parts of a network learn again.

    An optimizer that was built before does not know them: build it afterwards.

    Args:
        model: an ``nn.Module``; it is changed.
        layers: names of its parts with dots; None: everything.

    Returns:
        The number of parameters that learn now.

    Raises:
        ValueError: there is no such part.

    >>> from torch import nn
    >>> model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    >>> freeze(model), unfreeze(model, ["1"])
    (0, 3)
    """
    return _set("unfreeze", model, layers, True)


def _set(function, model, layers, learns):
    for part in _parts(function, model, layers):
        part.requires_grad_(learns)
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def _parts(function, model, layers, argument="layers"):
    if not isinstance(model, nn.Module):
        raise ValueError(f"{function}: model must be an nn.Module, got {model!r}")
    if layers is None:
        return [model]
    known = dict(model.named_modules())
    if isinstance(layers, str) or not all(isinstance(name, str) and name and name in known for name in layers):
        wrong = layers if isinstance(layers, str) else [name for name in layers if not name or name not in known]
        raise ValueError(f"{function}: {argument} must be a list of names of parts of the model, got {wrong!r}")
    return [known[name] for name in layers]


def training_mode(model):
    """Switch to training mode, but leave frozen batch norms in evaluation mode.

    In training mode a batch norm collects new statistics even if its parameters get no gradient: with
    ``requires_grad=False`` alone a frozen network still changes. Dropout is left alone, also in a frozen part.

    Args:
        model: an ``nn.Module``; a batch norm counts as frozen if it has parameters and none of them gets a gradient.

    Returns:
        The model.

    >>> model = nn.Sequential(nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1))
    >>> freeze(model)
    0
    >>> training_mode(model)[1].training
    False
    """
    model.train()
    for part in model.modules():
        own = list(part.parameters(recurse=False))
        if isinstance(part, nn.modules.batchnorm._BatchNorm) and own and not any(p.requires_grad for p in own):
            part.eval()
    return model


def parameter_groups(model, *, lr, rates=None, weight_decay=0.0):
    """Sort every parameter that learns into exactly one group with a learning rate of its own.

    Args:
        model: an ``nn.Module``.
        lr: the rate of everything that ``rates`` does not name.
        rates: a dict from the name of a part, such as "layer1", to its rate; the longest name that fits counts.
        weight_decay: of weights; biases and norms get none.

    Returns:
        A list of dicts ``params``, ``lr``, ``weight_decay`` and ``name`` for a ``torch.optim`` optimizer.

    Raises:
        ValueError: a rate is not above 0, weight_decay is below 0, there is no such part, or nothing learns.

    >>> from cnnlib.models import create_model
    >>> groups = parameter_groups(create_model("resnet18"), lr=0.1, rates={"layer1": 0.01})
    >>> [(group["name"], group["lr"], sum(p.numel() for p in group["params"])) for group in groups]
    [('rest', 0.1, 11541544), ('layer1', 0.01, 147968)]
    """
    lr, rates = above_zero("parameter_groups", "lr", lr), dict(rates or {})
    weight_decay = at_least_zero("parameter_groups", "weight_decay", weight_decay)
    _parts("parameter_groups", model, list(rates), "rates")
    for name, rate in rates.items():
        rates[name] = above_zero("parameter_groups", f"rates[{name!r}]", rate)
    groups, of_norms = {}, {id(p) for part in model.modules() if isinstance(part, NORMS) for p in part.parameters()}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            part = max((each for each in rates if f"{name}.".startswith(f"{each}.")), key=len, default=None)
            decay = 0.0 if parameter.ndim < 2 or id(parameter) in of_norms else weight_decay
            row = groups.setdefault((part, decay), {
                "params": [], "lr": rates.get(part, lr), "weight_decay": decay, "name": part or "rest"})
            row["params"].append(parameter)
    if not groups:
        raise ValueError("parameter_groups: the model must have parameters that learn, got none")
    return list(groups.values())
