"""What layers compute: their maps, their filters, and where they put a picture among others."""
from collections.abc import Iterable

import numpy as np
import torch
from torch import nn

from cnnlib._arguments import whole
from cnnlib._arrays import as_array
from cnnlib.explain._hooks import checked_images, listening, module_of
from cnnlib.models.summary import evaluation


def feature_maps(model, x, *, layers):
    """Return what layers give for images, in evaluation mode.

    Args:
        model: any ``nn.Module``; it stays as it is.
        x: images, (N, C, H, W).
        layers: names with dots, or modules of the model.

    Returns:
        A dict from each entry of layers to its output, such as (N, C', H', W').

    Raises:
        ValueError: x is no batch of images, or there is no such layer.

    >>> model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU())
    >>> feature_maps(model, torch.zeros(1, 1, 5, 5), layers=["0"])["0"].shape
    torch.Size([1, 2, 3, 3])
    """
    if isinstance(layers, (str, nn.Module)) or not isinstance(layers, Iterable):
        raise ValueError(f"feature_maps: layers must be a list, got {layers!r:.80}")
    layers = list(layers)
    return dict(zip(layers, _outputs("feature_maps", model, x, layers), strict=True))


def first_layer_filters(model):
    """Return the filters of the first convolution, which look at pixels and can be looked at as pictures.

    Args:
        model: a network with a convolution.

    Returns:
        A copy of the weights, (C_out, C_in, K_h, K_w).

    Raises:
        ValueError: there is no convolution.

    >>> from cnnlib.models import create_model
    >>> first_layer_filters(create_model("resnet18")).shape
    torch.Size([64, 3, 7, 7])
    """
    module_of("first_layer_filters", model, model)
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            return module.weight.detach().clone()
    raise ValueError(f"first_layer_filters: model must have a convolution, got {type(model).__name__}")


def embed(model, x, *, layer):
    """Return one vector for each image: a layer's output, maps averaged over their positions.

    Args:
        model: any ``nn.Module``; it stays as it is.
        x: images, (N, C, H, W).
        layer: a name with dots, or a module of the model.

    Returns:
        Vectors, (N, features).

    Raises:
        ValueError: x is no batch of images, or there is no such layer.

    >>> embed(nn.Sequential(nn.Conv2d(1, 2, 3)), torch.zeros(4, 1, 5, 5), layer="0").shape
    torch.Size([4, 2])
    """
    out, = _outputs("embed", model, x, [layer])
    return out.mean(dim=(2, 3)) if out.ndim == 4 else out.flatten(1)


def project(vectors, *, method="pca", seed=0):
    """Return a place in the plane for each vector.

    Args:
        vectors: (N, features), at least three.
        method: "pca": the two directions in which they spread most; "tsne": near neighbors stay near, and distances
            between groups, their sizes and the axes mean nothing.
        seed: of t-SNE's start.

    Returns:
        Places, (N, 2).

    Raises:
        ValueError: vectors are no such array, or method is another word.

    Source:
        van der Maaten & Hinton (2008), Visualizing Data using t-SNE; both methods are scikit-learn's.

    >>> project([[0.0, 0, 0], [1, 0, 0], [2, 0, 0]]).round(6)[:, 1].tolist()
    [0.0, 0.0, 0.0]
    """
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    vectors = as_array(vectors)
    vectors = vectors.astype(float) if vectors.dtype.kind in "fiu" else np.zeros(0)
    if vectors.ndim != 2 or len(vectors) < 3 or vectors.shape[1] < 2 or not np.isfinite(vectors).all():
        raise ValueError(
            f"project: vectors must be at least three finite ones of at least two numbers, got {vectors.shape}")
    seed = whole("project", "seed", seed, least=0)
    if not isinstance(method, str) or method not in ("pca", "tsne"):
        raise ValueError(f"project: method must be 'pca' or 'tsne', got {method!r}")
    if method == "pca":
        return PCA(n_components=2, svd_solver="full").fit_transform(vectors)
    near = min(30.0, (len(vectors) - 1) / 3)
    return TSNE(n_components=2, perplexity=near, init="pca", random_state=seed).fit_transform(vectors)


def _outputs(function, model, x, layers):
    x = checked_images(function, x)
    module_of(function, model, model)
    modules = [module_of(function, model, layer) for layer in layers]
    with evaluation(model), torch.no_grad(), listening(modules) as outputs:
        model(x)
    return outputs
