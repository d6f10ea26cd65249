"""Pictures that a network likes best, and networks whose layers know nothing."""
import copy

import torch

from cnnlib._arguments import above_zero, room, sizes, whole
from cnnlib.explain._hooks import listening, module_of
from cnnlib.models.summary import evaluation


def maximize_activation(model, *, layer, channel, input_shape, steps=128, lr=0.1, decay=0.01, seed=0):
    """Change noise, step by step, until a channel of a layer answers strongly.

    The picture is shifted by up to two pixels at each step, or it would fill with fine noise, and pulled towards 0.

    Args:
        model: any ``nn.Module``; it stays as it is.
        layer: a module of the model or its name with dots.
        channel: which channel of its output; the mean over its positions is what grows.
        input_shape: (C, H, W) of the picture.
        steps: how often it is changed.
        lr: the step in each number, with Adam.
        decay: how much of the picture each step takes away.
        seed: of the noise and the shifts.

    Returns:
        The picture, (C, H, W), in the units of the model's input.

    Raises:
        ValueError: there is no such layer or channel, or an option does not fit.

    Source:
        Erhan et al. (2009), Visualizing Higher-Layer Features of a Deep Network; the shifts are those of the code that
        came with Google's DeepDream (2015).

    >>> model = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3))
    >>> maximize_activation(model, layer="0", channel=1, input_shape=(1, 8, 8), steps=2).shape
    torch.Size([1, 8, 8])
    """
    steps, channel = (whole("maximize_activation", name, value, least=least)
                      for name, value, least in (("steps", steps, 1), ("channel", channel, 0)))
    lr, decay = above_zero("maximize_activation", "lr", lr), above_zero("maximize_activation", "decay", decay)
    module = module_of("maximize_activation", model, layer)
    generator = torch.Generator().manual_seed(_seed("maximize_activation", seed))
    input_shape = room("maximize_activation", "the picture", sizes("maximize_activation", "input_shape", input_shape))
    if len(input_shape) != 3:
        raise ValueError(f"maximize_activation: input_shape must be (C, H, W), got {input_shape}")
    picture = (0.1 * torch.randn(1, *input_shape, generator=generator)).requires_grad_()
    optimizer = torch.optim.Adam([picture], lr=lr)
    with evaluation(model), torch.enable_grad(), listening([module]) as outputs:
        for _ in range(steps):
            shift = torch.randint(-2, 3, (2,), generator=generator).tolist()
            model(torch.roll(picture, shift, dims=(2, 3)))
            if channel >= outputs[0].shape[1]:
                raise ValueError(f"maximize_activation: channel must be below {outputs[0].shape[1]}, got {channel}")
            picture.grad = torch.autograd.grad(-outputs[0][:, channel].mean(), picture)[0]
            optimizer.step()
            with torch.no_grad():
                picture.mul_(1 - decay)
    return picture.detach()[0]


def randomized(model, *, seed=0):
    """Yield copies of a network in which, from the scores backwards, one more layer has lost what it had learned.

    Args:
        model: a network whose layers stand in the order of its parameters; it stays as it is.
        seed: of the random weights.

    Yields:
        (name, copy): the layer that was randomized last, and the network.

    Raises:
        ValueError: model is no module, or seed no whole number.

    Source:
        Adebayo et al. (2018), Sanity Checks for Saliency Maps, section 3: cascading randomization.

    >>> from torch import nn
    >>> [name for name, _ in randomized(nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1)))]
    ['2', '0']
    """
    module_of("randomized", model, model)
    seed, twin = _seed("randomized", seed), copy.deepcopy(model)
    layers = [(name, part) for name, part in twin.named_modules() if list(part.parameters(recurse=False))]
    for number, (name, part) in enumerate(reversed(layers)):
        with torch.random.fork_rng():
            torch.manual_seed(1000 * seed + number)
            _forget(part)
        yield name, copy.deepcopy(twin)


def _seed(function, seed):
    """Return a seed that PyTorch takes, below 2⁵³."""
    if whole(function, "seed", seed, least=0) >= 2**53:
        raise ValueError(f"{function}: seed must be below 2**53, got {seed}")
    return int(seed)


def _forget(part):
    """Draw the parameters that stand in a part itself again."""
    if hasattr(part, "reset_parameters"):
        part.reset_parameters()
    else:  # tokens, positions and the like
        for parameter in part.parameters(recurse=False):
            torch.nn.init.normal_(parameter, std=0.02)
