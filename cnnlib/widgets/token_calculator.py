"""A Vision Transformer's tokens: what image and patch size make of an image, and what the layers cost then."""
import ipywidgets
import traitlets

from cnnlib._arguments import choice, flag, within
from cnnlib.shapes import (
    conv_mac_count,
    conv_parameter_count,
    linear_mac_count,
    linear_parameter_count,
    patch_token_count,
)
from cnnlib.widgets._esm import esm
from cnnlib.widgets._view import Explorer, View

LIMITS = {"image_size": (32, 512, 16), "hidden_dim": (64, 1280, 64), "num_layers": (1, 32, 1)}  # low, high, step
CHOICES = {"patch_size": (4, 8, 14, 16, 32), "num_heads": (1, 2, 3, 4, 6, 8, 12, 16)}
OWN = "own"
PRESETS = {  # Dosovitskiy et al. (2021), Table 1: patch_size, hidden_dim, num_layers, num_heads
    "vit_b_16": {"patch_size": 16, "hidden_dim": 768, "num_layers": 12, "num_heads": 12},
    "vit_b_32": {"patch_size": 32, "hidden_dim": 768, "num_layers": 12, "num_heads": 12},
    "vit_l_16": {"patch_size": 16, "hidden_dim": 1024, "num_layers": 24, "num_heads": 16},
}
NAMES = (*PRESETS, OWN)
CHANNELS, CLASSES, WIDEN = 3, 1000, 4
DESCRIPTIONS = {"preset": "model", "image_size": "image size", "patch_size": "patch size",
                "hidden_dim": "hidden dimension", "num_layers": "layers", "num_heads": "heads",
                "class_token": "class token"}


class TokenView(View):
    """The grid of patches and the costs; preset, patch_size and num_heads are places in their lists."""

    _esm = esm("token_calculator.mjs")
    presets = traitlets.List().tag(sync=True)  # patch_size, hidden_dim, num_layers, num_heads as the controls hold them
    patch_sizes, head_counts = traitlets.List().tag(sync=True), traitlets.List().tag(sync=True)
    preset, patch_size, num_heads = (traitlets.Int().tag(sync=True) for _ in range(3))
    image_size, hidden_dim, num_layers = (traitlets.Int().tag(sync=True) for _ in range(3))
    class_token = traitlets.Bool().tag(sync=True)
    applied = traitlets.Int().tag(sync=True)  # the preset whose numbers the controls were given


class TokenCalculator(Explorer):
    """Cut an image into patches and see how many tokens there are and what they cost.

    Args:
        preset: "vit_b_16", "vit_b_32", "vit_l_16" or "own".
        image_size: rows and columns of the image, in pixels, 32 to 512 in steps of 16; it has three channels.
        class_token: whether a learned token stands before those of the patches; without it the mean of all tokens goes
            to the last layer.
        patch_size: rows and columns of an own patch, in pixels: 4, 8, 14, 16 or 32; 16 where it is left out. Where it
            does not divide the image size, the picture says so.
        hidden_dim: numbers a token of an own model, 64 to 1280 in steps of 64; 768 where it is left out.
        num_layers: own encoder layers, 1 to 32; 12 where it is left out.
        num_heads: own heads a layer: 1, 2, 3, 4, 6, 8, 12 or 16; 12 where it is left out. Where it
            does not divide hidden_dim, the picture says so.

    Raises:
        ValueError: a setting is not one of its choices, or one of the own model stands beside a preset.

    Source:
        Dosovitskiy et al. (2021), An Image is Worth 16x16 Words, section 3.1 and Table 1.

    >>> TokenCalculator("vit_b_16").summary()["tokens"], TokenCalculator("vit_b_16").summary()["parameters"]
    (197, 86567656)
    """

    def __init__(self, preset="vit_b_16", *, image_size=224, class_token=True, patch_size=None, hidden_dim=None,
                 num_layers=None, num_heads=None):
        place = choice("TokenCalculator", "preset", preset, NAMES)
        own = {"patch_size": patch_size, "hidden_dim": hidden_dim, "num_layers": num_layers, "num_heads": num_heads}
        given = {name: value for name, value in own.items() if value is not None}
        if preset != OWN and given:
            name, value = next(iter(given.items()))
            raise ValueError(f"TokenCalculator: {name} must be left out beside {preset}, got {value!r}")
        image_size = _checked("image_size", image_size)
        given = {name: _checked(name, value) for name, value in given.items()}
        class_token = flag("TokenCalculator", "class_token", class_token)
        settings = {**PRESETS.get(preset, PRESETS["vit_b_16"]), **given}
        view = TokenView(
            presets=[_places(row) for row in PRESETS.values()], patch_sizes=list(CHOICES["patch_size"]),
            head_counts=list(CHOICES["num_heads"]), preset=place, applied=place,
            image_size=image_size, class_token=class_token, **_places(settings))
        super().__init__(view, _controls(view))

    def summary(self):
        """Return what the picture shows, from ``cnnlib.shapes``.

        Returns:
            A dict: tokens; parameters for 1000 classes; macs of one image, a dict with patches (their projection),
            projections (of query, key, value and output), matrices (the products with the attention matrices), mlp and
            head. It is empty where the patch does not divide the image or the heads do not divide the hidden dimension.
        """
        view = self.view
        size, width, layers = view.image_size, view.hidden_dim, view.num_layers
        patch, heads = CHOICES["patch_size"][view.patch_size], CHOICES["num_heads"][view.num_heads]
        if size % patch or width % heads:
            return {}
        tokens = patch_token_count(size, patch) + view.class_token
        attention = 4 * linear_parameter_count(width, width)
        mlp = linear_parameter_count(width, WIDEN * width) + linear_parameter_count(WIDEN * width, width)
        norm = 2 * width
        learned = tokens * width + view.class_token * width  # places and the class token itself
        parameters = (conv_parameter_count(CHANNELS, width, patch) + learned + layers * (attention + mlp + 2 * norm)
                      + norm + linear_parameter_count(width, CLASSES))
        macs = {
            "patches": conv_mac_count((1, CHANNELS, size, size), width, patch, stride=patch),
            "projections": layers * 4 * linear_mac_count((tokens, width), width),
            "matrices": layers * 2 * linear_mac_count((tokens, tokens), width),
            "mlp": layers * 2 * linear_mac_count((tokens, width), WIDEN * width),
            "head": linear_mac_count((width,), CLASSES),
        }
        return {"tokens": tokens, "parameters": parameters, "macs": macs}


def _checked(name, value):
    if name in LIMITS:
        return within("TokenCalculator", name, value, *LIMITS[name])
    return CHOICES[name][choice("TokenCalculator", name, value, CHOICES[name])]


def _places(settings):
    """Return settings as the controls hold them: of a list, the place."""
    return {name: CHOICES[name].index(value) if name in CHOICES else value for name, value in settings.items()}


def _controls(view):
    def slider(name):
        low, high, step = LIMITS[name]
        return ipywidgets.IntSlider(value=getattr(view, name), min=low, max=high, step=step)

    def dropdown(name, options):
        return ipywidgets.Dropdown(options=options, index=getattr(view, name))

    controls = {
        "preset": dropdown("preset", [*PRESETS, "own (sliders)"]),
        "image_size": slider("image_size"),
        "patch_size": dropdown("patch_size", [f"{p} × {p}" for p in CHOICES["patch_size"]]),
        "hidden_dim": slider("hidden_dim"),
        "num_layers": slider("num_layers"),
        "num_heads": dropdown("num_heads", list(map(str, CHOICES["num_heads"]))),
        "class_token": ipywidgets.Checkbox(value=view.class_token),
    }
    for name, control in controls.items():
        control.description = DESCRIPTIONS[name]
    return controls
