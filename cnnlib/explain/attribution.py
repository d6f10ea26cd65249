"""Which pixels a score depends on: by its gradient, by a layer's maps, by covering them."""
import torch

from cnnlib._arguments import flag, number, per_axis, whole
from cnnlib.explain._hooks import checked_images, chosen_scores, classes_of, listening, module_of
from cnnlib.models.summary import evaluation


def saliency(model, x, *, target=None):
    """Return how fast a score changes with each number of the image.

    Args:
        model: a network from (N, C, H, W) to scores (N, classes); it stays as it is.
        x: images, (N, C, H, W).
        target: a class, one for each image, or None for the largest score.

    Returns:
        Absolute gradients, (N, C, H, W); the paper shows the largest over the channels.

    Raises:
        ValueError: x is no batch of images, or target no class.

    Source:
        Simonyan, Vedaldi & Zisserman (2014), Deep Inside Convolutional Networks, section 3.

    >>> model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 2))
    >>> torch.equal(saliency(model, torch.rand(1, 1, 2, 2), target=1).flatten(), model[1].weight[1].abs())
    True
    """
    x = checked_images("saliency", x).detach().clone().requires_grad_()
    module_of("saliency", model, model)
    with evaluation(model), torch.enable_grad():
        score = chosen_scores("saliency", model(x), target)
        return torch.autograd.grad(score.sum(), x)[0].abs()


def grad_cam(model, x, *, target=None, layer, relu=True):
    """Return where a layer's maps speak for a class.

    Each map is weighted by the mean of the score's gradient over its positions, and the maps are added.

    Args:
        model: a network from (N, C, H, W) to scores (N, classes); it stays as it is.
        x: images, (N, C, H, W).
        target: a class, one for each image, or None for the largest score.
        layer: a module of the model or its name with dots, whose output is (N, C', h, w).
        relu: set what speaks against the class to 0.

    Returns:
        Maps as coarse as the layer's, (N, h, w); ``torch.nn.functional.interpolate`` brings them to the image's size.

    Raises:
        ValueError: x is no batch of images, target no class, the layer is none of the model's or gives no maps.

    Source:
        Selvaraju et al. (2017), Grad-CAM, eqs. 1 and 2.

    >>> model = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
    >>> grad_cam(model, torch.rand(3, 1, 6, 6), target=0, layer="0").shape
    torch.Size([3, 4, 4])
    """
    relu = flag("grad_cam", "relu", relu)
    x = checked_images("grad_cam", x).detach().clone().requires_grad_()
    module = module_of("grad_cam", model, layer)
    with evaluation(model), torch.enable_grad(), listening([module]) as outputs:
        score = chosen_scores("grad_cam", model(x), target)
        maps = outputs[0]
        if not isinstance(maps, torch.Tensor) or maps.ndim != 4:
            raise ValueError(f"grad_cam: layer must give maps (N, C, h, w), got {getattr(maps, 'shape', maps)!s:.60}")
        gradient = torch.autograd.grad(score.sum(), maps)[0]
    cam = (gradient.mean(dim=(2, 3), keepdim=True) * maps).sum(dim=1).detach()
    return cam.relu() if relu else cam


def occlusion(model, x, *, target=None, patch_size, stride, fill=0.0, batch_size=64):
    """Return how much a score falls when a patch of the image is covered.

    Args:
        model: a network from (N, C, H, W) to scores (N, classes); it stays as it is.
        x: images, (N, C, H, W).
        target: a class, one for each image, or None for the class of the largest score of the whole image.
        patch_size: height and width of the patch, one number or two, in pixels.
        stride: step between patches, at most patch_size, in pixels; a last patch is cut at the border.
        fill: what the patch is filled with, in the image's own units.
        batch_size: covered images at a time.

    Returns:
        Maps (N, H, W): for each pixel the mean fall over the patches that cover it; negative where covering helps.

    Raises:
        ValueError: x is no batch of images, target no class, or the patch does not fit.

    Source:
        Zeiler & Fergus (2014), Visualizing and Understanding Convolutional Networks, section 4.2.

    >>> model = torch.nn.Sequential(torch.nn.AvgPool2d(4), torch.nn.Flatten())
    >>> occlusion(model, torch.ones(1, 1, 4, 4), target=0, patch_size=2, stride=2)[0, 0]
    tensor([0.2500, 0.2500, 0.2500, 0.2500])
    """
    x = checked_images("occlusion", x).detach()
    patch, step = (per_axis("occlusion", name, value, 2, least=1)
                   for name, value in (("patch_size", patch_size), ("stride", stride)))
    if patch[0] > x.shape[2] or patch[1] > x.shape[3]:
        raise ValueError(f"occlusion: patch_size must fit the image {tuple(x.shape[2:])}, got {patch}")
    if step[0] > patch[0] or step[1] > patch[1]:
        raise ValueError(f"occlusion: stride must be at most patch_size {patch}, or pixels stay uncovered, got {step}")
    fill = number("occlusion", "fill", fill)
    batch_size = whole("occlusion", "batch_size", batch_size, least=1)
    module_of("occlusion", model, model)
    with evaluation(model), torch.no_grad():
        scores = model(x)
        if target is None:
            target = getattr(scores, "logits", scores).argmax(dim=1)
        whole_score = chosen_scores("occlusion", scores, target)
        target = classes_of(target, x.device)
        falls, covers = torch.zeros_like(x[:, 0]), torch.zeros_like(x[0, 0])
        for places in _grouped(_places(x.shape[2:], patch, step), max(1, batch_size // len(x))):
            covered = x.repeat(len(places), 1, 1, 1)
            for place, (rows, columns) in enumerate(places):
                covered[place * len(x):(place + 1) * len(x), :, rows, columns] = fill
            again = target.repeat(len(places)) if target.ndim else target
            score = chosen_scores("occlusion", model(covered), again).reshape(len(places), len(x))
            for (rows, columns), now in zip(places, score, strict=True):
                falls[:, rows, columns] += (whole_score - now)[:, None, None]
                covers[rows, columns] += 1
    return falls / covers


def _places(size, patch, step):
    """Yield the rows and columns of each patch."""
    counts = [-(-(n - k) // s) + 1 for n, k, s in zip(size, patch, step, strict=True)]
    for row in range(counts[0]):
        for column in range(counts[1]):
            top, left = row * step[0], column * step[1]
            yield slice(top, top + patch[0]), slice(left, left + patch[1])


def _grouped(places, count):
    places = list(places)
    for first in range(0, len(places), count):
        yield places[first:first + count]
