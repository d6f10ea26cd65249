"""Where a Transformer looks: the attention weights of its layers, and their product through all layers."""
from collections.abc import Iterable

import torch
from torch import nn

from cnnlib.models.attention import MultiHeadAttention
from cnnlib.models.summary import evaluation
from cnnlib.models.vit import VisionTransformer


def attention_weights(model, x):
    """Return the attention weights of each layer while a model looks at x, in evaluation mode, without gradients.

    Args:
        model: any ``nn.Module`` with at least one MultiHeadAttention of ``cnnlib.models.attention``.
        x: what the model takes; images (N, C, H, W) for a Vision Transformer.

    Returns:
        A tuple of tensors (N, num_heads, L, S), in the order in which the layers run: how much each token takes of each
        other, fractions of 1 that sum to 1 in a row. The model's modes stay what they were.

    Raises:
        ValueError: model is no network with such a layer, or cannot take x.

    Source:
        Vaswani et al. (2017), Attention Is All You Need, eq. 1: the softmax.

    >>> from cnnlib.models.vit import ROWS
    >>> sizes = {"image_size": 8, "patch_size": 4, "num_layers": 3, "num_heads": 2, "hidden_dim": 8}
    >>> [tuple(each.shape) for each in attention_weights(VisionTransformer(ROWS["vit_b_16"], **sizes),
    ...                                                  torch.zeros(1, 3, 8, 8))]
    [(1, 2, 5, 5), (1, 2, 5, 5), (1, 2, 5, 5)]
    """
    parts = model.modules() if isinstance(model, nn.Module) else ()
    layers = [part for part in parts if isinstance(part, MultiHeadAttention)]
    if not layers:
        raise ValueError(f"attention_weights: model must hold a MultiHeadAttention, got {type(model).__name__}")
    found = []

    def note(layer, arguments, options):
        query, key = _query_and_key(*arguments, **options)
        found.append(layer.weights(query, key, mask=options.get("mask")))
    with evaluation(model), torch.no_grad():
        handles = [layer.register_forward_pre_hook(note, with_kwargs=True) for layer in layers]
        try:
            model(x)
        finally:
            for handle in handles:
                handle.remove()
    return tuple(found)


def rollout(weights):
    """Return how much of each input token is in each output token, if attention were all that mixes them.

    The heads of a layer count the same. Each block adds its input to what attention collects, so a layer hands on half
    of a token's own share and half of what it attends to; the layers' shares are then multiplied.

    Args:
        weights: of each layer, the first one first, (N, num_heads, L, L).

    Returns:
        Fractions of 1, (N, L, L); a row sums to 1.

    Raises:
        ValueError: weights is empty, or holds anything but tensors of this shape.

    Source:
        Abnar & Zuidema (2020), Quantifying Attention Flow in Transformers, eq. 1 and section 3.

    >>> swap = torch.tensor([[[[0.0, 1.0], [1.0, 0.0]]]])
    >>> rollout([swap, swap])
    tensor([[[0.5000, 0.5000],
             [0.5000, 0.5000]]])
    """
    weights = tuple(weights) if isinstance(weights, Iterable) else (weights,)
    shapes = [tuple(each.shape) if isinstance(each, torch.Tensor) else each for each in weights]
    square = all(isinstance(shape, tuple) and len(shape) == 4 and shape[2] == shape[3] for shape in shapes)
    if not square or len({(shape[0], shape[2]) for shape in shapes}) != 1:
        raise ValueError(f"rollout: weights must be (N, num_heads, L, L) in each layer, got {shapes}")
    own = torch.eye(shapes[0][-1], dtype=weights[0].dtype, device=weights[0].device)
    shares = own
    for each in weights:
        shares = (each.mean(1) + own) / 2 @ shares
    return shares


def attention_rollout(model, x):
    """Return how much of each patch has reached the class token of a Vision Transformer, as a map.

    Args:
        model: a ``VisionTransformer``.
        x: images, (N, C, H, W).

    Returns:
        Fractions of 1, (N, h, w), one for each patch; what is missing to 1 is the class token's own share.

    Raises:
        ValueError: model is no VisionTransformer, or x does not have its size.

    Source:
        Abnar & Zuidema (2020), eq. 1; the row of the class token, as Dosovitskiy et al. (2021) show it in figure 6.

    >>> from cnnlib.models.vit import ROWS
    >>> sizes = {"image_size": 8, "patch_size": 4, "num_layers": 3, "num_heads": 2, "hidden_dim": 8}
    >>> attention_rollout(VisionTransformer(ROWS["vit_b_16"], **sizes), torch.zeros(1, 3, 8, 8)).shape
    torch.Size([1, 2, 2])
    """
    if not isinstance(model, VisionTransformer):
        raise ValueError(f"attention_rollout: model must be a VisionTransformer, got {type(model).__name__}")
    return rollout(attention_weights(model, x))[:, 0, 1:].unflatten(1, model.grid)


def _query_and_key(query, key=None, value=None, **_):
    return query, key
