"""One table of all models, and a function that builds any of them by its name."""
import difflib
import inspect
from dataclasses import dataclass
from functools import cache

import torch

from cnnlib._arguments import whole
from cnnlib.models import (
    alexnet,
    attention_resnet,
    densenet,
    efficientnet,
    googlenet,
    inception_resnet,
    inception_v2,
    inception_v3,
    inception_v4,
    lenet,
    mobilenet,
    nin,
    resnet,
    vgg,
    vit,
    xception,
)
from cnnlib.models._row import Row
from cnnlib.models.summary import summarize

FAMILIES = (
    lenet, alexnet, vgg, nin, googlenet, inception_v2, inception_v3, inception_v4, inception_resnet, xception, resnet,
    densenet, mobilenet, attention_resnet, efficientnet, vit)


def _register(families):
    """Return name: (row, build) for all rows of the families; a second model under one name is refused."""
    table = {}
    for family in families:
        for name, row in family.ROWS.items():
            if name in table:
                raise ValueError(f"cnnlib.models: a name must stand for one model, got {name!r} twice")
            table[name] = (row, family.build)
    return table


TABLE = _register(FAMILIES)


@dataclass(frozen=True)
class ModelRow:
    """What is known of one model.

    Attributes:
        name: what ``create_model`` takes.
        row: the published facts; its fields can be read here as well: family, year, paper, idea, published_parameters,
            source, input_size, top1, top1_source, note.
    """

    name: str
    row: Row

    def __getattr__(self, field):
        if field.startswith("_"):
            raise AttributeError(field)
        return getattr(self.row, field)

    @property
    def parameters(self):
        """Trainable parameters, counted; computed when first read."""
        return _counts(self.name)[0]

    @property
    def macs(self):
        """Multiplications with an addition for one image of ``input_size``, in evaluation mode, counted."""
        return _counts(self.name)[1]


@cache
def _counts(name):
    """Return the two counts of a model as it is published, without spending memory."""
    row, build = TABLE[name]
    with torch.device("meta"):
        model = build(row, num_classes=row.num_classes, in_channels=row.in_channels)
    summary = summarize(model, (1, row.in_channels, row.input_size, row.input_size))
    return sum(p.numel() for p in model.parameters()), summary.macs


def list_models():
    """Return a ModelRow for every model, family by family.

    >>> [row.name for row in list_models() if row.year < 2013]
    ['lenet5', 'lenet5_original', 'alexnet_original']
    """
    return tuple(ModelRow(name, row) for name, (row, _) in TABLE.items())


def create_model(name, *, num_classes=None, in_channels=None, **options):
    """Build a network with random weights; images (N, in_channels, H, W) to scores (N, num_classes).

    Args:
        name: one of ``list_models()``.
        num_classes: number of scores; None: as published, 1000 for all but LeNet and nin_cifar10, which have 10.
        in_channels: channels of the images; None: as published, 3 for all but LeNet, which has 1.
        **options: what the family offers: ``small_images``, ``aux_logits``, ``transform_input``,
            ``pre_activation``, ``width_mult``, ``embedding``, ``image_size``, ``patch_size``, ``num_layers``,
            ``num_heads``, ``hidden_dim``, ``mlp_dim``, ``dropout``.

    Returns:
        An ``nn.Module`` in training mode. Where torchvision has the model, the state_dict has the same keys and shapes.

    Raises:
        ValueError: there is no such model, no such option, or an option does not fit.

    >>> create_model("resnet18", num_classes=10).fc
    Linear(in_features=512, out_features=10, bias=True)
    """
    row, build = _find(name)
    _check_options(name, build, options)
    num_classes = whole("create_model", "num_classes", row.num_classes if num_classes is None else num_classes, least=1)
    in_channels = whole("create_model", "in_channels", row.in_channels if in_channels is None else in_channels, least=1)
    return build(row, num_classes=num_classes, in_channels=in_channels, **options)


def _find(name):
    if isinstance(name, str) and name in TABLE:
        return TABLE[name]
    near = _near(name.lower()) if isinstance(name, str) and name else []
    hint = f"one of {', '.join(near)}" if near else "a name of list_models()"
    raise ValueError(f"create_model: name must be {hint}, got {name!r}")


def _near(name):
    """Return up to four names that begin as this one does, or else look like it."""
    begins = [each for each in TABLE if each.startswith(name) or name.startswith(each)]
    return (begins or difflib.get_close_matches(name, TABLE, n=4, cutoff=0.5))[:4]


def _check_options(name, build, options):
    known = sorted(set(inspect.signature(build).parameters) - {"row", "num_classes", "in_channels"})
    for option in options:
        if option not in known:
            rule = f"the options of {name} are {', '.join(known)}" if known else f"{name} has no options"
            raise ValueError(f"create_model: {rule}, got {option!r}")
