"""One Inception module: its four branches, their shapes, parameters and MACs, with and without the reduction."""
import ipywidgets
import traitlets

from cnnlib._arguments import all_choices, all_within, flag
from cnnlib.shapes import conv_mac_count, conv_parameter_count
from cnnlib.widgets._esm import esm
from cnnlib.widgets._view import Explorer, View

LIMITS = {"in_channels": (1, 1024), "size": (1, 56), "one": (0, 384), "reduce3": (1, 384), "three": (0, 384),
          "reduce5": (1, 128), "five": (0, 128), "pool": (0, 256)}
DESCRIPTIONS = {"in_channels": "own: channels", "size": "own: size", "one": "own: a (1×1)",
                "reduce3": "own: b reduction", "three": "own: b (3×3)", "reduce5": "own: c reduction",
                "five": "own: c (5×5)", "pool": "own: d (pool)"}
PRESETS = {  # the settings in the order of LIMITS: Szegedy et al. (2015), Table 1, with the input's channels and size
    "3a": (192, 28, 64, 96, 128, 16, 32, 32),
    "3b": (256, 28, 128, 128, 192, 32, 96, 64),
    "4a": (480, 14, 192, 96, 208, 16, 48, 64),
    "4b": (512, 14, 160, 112, 224, 24, 64, 64),
    "4c": (512, 14, 128, 128, 256, 24, 64, 64),
    "4d": (512, 14, 112, 144, 288, 32, 64, 64),
    "4e": (528, 14, 256, 160, 320, 32, 128, 128),
    "5a": (832, 7, 256, 160, 320, 32, 128, 128),
    "5b": (832, 7, 384, 192, 384, 48, 128, 128),
    "branch b": (256, 28, 0, 64, 256, 1, 0, 0),  # one branch alone: 1x1 to 64 channels, then 3x3 to 256
}
OWN = "own"
LARGE = {  # the layers of the large branch, each (kernel rows, kernel columns); all but the first keep the channels
    "5x5": ((5, 5),),
    "3x3": ((3, 3),),
    "two 3x3": ((3, 3), (3, 3)),
    "1x5 and 5x1": ((1, 5), (5, 1)),
}
PRESET_LABELS = {"branch b": "branch b alone: 256 → 64 → 256", OWN: "own widths (sliders)"}
LARGE_LABELS = ("5×5 (paper)", "3×3 (torchvision)", "two 3×3 (v2)", "1×5 then 5×1")


class InceptionView(View):
    """The four branches as columns; sizes are in pixels, the other numbers are channels."""

    _esm = esm("inception_calculator.mjs")
    presets = traitlets.Dict().tag(sync=True)
    large_layers = traitlets.List().tag(sync=True)
    preset = traitlets.Int().tag(sync=True)
    reduction = traitlets.Bool().tag(sync=True)
    large = traitlets.Int().tag(sync=True)
    in_channels, size, one, reduce3 = (traitlets.Int().tag(sync=True) for _ in range(4))
    three, reduce5, five, pool = (traitlets.Int().tag(sync=True) for _ in range(4))


class InceptionCalculator(Explorer):
    """Choose an Inception module and see what each branch costs, with and without the 1x1 reductions.

    Args:
        preset: a module of GoogLeNet ("3a", "3b", "4a" to "4e", "5a", "5b"), "branch b" (one branch alone,
            256 channels to 64 to 256) or "own" (the settings below, which the sliders change).
        in_channels: channels of the own module's input, 1 to 1024.
        size: rows and columns of that input, in pixels, 1 to 56.
        one: channels of branch a (1x1), 0 to 384; 0 leaves a branch out.
        reduce3: channels of branch b's 1x1 reduction, 1 to 384.
        three: channels of branch b (3x3), 0 to 384.
        reduce5: channels of branch c's 1x1 reduction, 1 to 128.
        five: channels of branch c (5x5), 0 to 128.
        pool: channels of branch d (pooling, then 1x1), 0 to 256.
        reduction: True for the module with 1x1 reductions, False for the naive one: no 1x1 before 3x3 and 5x5 and none
            after the pooling, which then hands on all input channels.
        large: how branch c is built: "5x5" (the paper), "3x3" (torchvision), "two 3x3" (Inception v2) or
            "1x5 and 5x1".

    Raises:
        ValueError: an unknown preset or kind, a setting that is no whole number or outside its slider's range, or
            reduction is not True or False.

    Source:
        Szegedy et al. (2015), Going Deeper with Convolutions, figure 2 and table 1.

    >>> InceptionCalculator("3a").summary()
    {'out_channels': 256, 'parameters': 163696, 'macs': 128049152}
    """

    def __init__(self, preset="3a", *, in_channels=192, size=28, one=64, reduce3=96, three=128, reduce5=16, five=32,
                 pool=32, reduction=True, large="5x5"):
        names = [*PRESETS, OWN]
        places = all_choices("InceptionCalculator", {"preset": names, "large": LARGE}, (preset, large))
        settings = all_within("InceptionCalculator", LIMITS, (
            in_channels, size, one, reduce3, three, reduce5, five, pool))
        reduction = flag("InceptionCalculator", "reduction", reduction)
        view = InceptionView(
            presets={name: list(row) for name, row in PRESETS.items()},
            large_layers=[[list(kernel) for kernel in layers] for layers in LARGE.values()],
            reduction=reduction, **places, **settings)
        labels = [PRESET_LABELS.get(name, f"GoogLeNet {name}") for name in names]
        choices = {
            "preset": ipywidgets.Dropdown(options=labels, index=view.preset, description="module"),
            "reduction": ipywidgets.Checkbox(value=reduction, description="with 1×1 reductions"),
            "large": ipywidgets.Dropdown(options=LARGE_LABELS, index=view.large, description="branch c"),
        }
        super().__init__(view, {**choices, **{name: _slider(name, value) for name, value in settings.items()}})

    def summary(self):
        """Return the module's output channels, parameters (with bias) and MACs, from ``cnnlib.shapes``."""
        settings = self._settings()
        channels, size = settings["in_channels"], settings["size"]
        paths = [path for path in self._paths(settings) if path is not None]
        layers = [layer for path in paths for layer in path]
        return {
            "out_channels": sum(path[-1][1] if path else channels for path in paths),
            "parameters": sum(conv_parameter_count(*layer) for layer in layers),
            "macs": sum(conv_mac_count((1, before, size, size), after, kernel, padding="same")
                        for before, after, kernel in layers),
        }

    def _settings(self):
        rows = [*PRESETS.values(), tuple(getattr(self.view, name) for name in LIMITS)]
        return dict(zip(LIMITS, rows[self.view.preset], strict=True))

    def _paths(self, settings):
        """Return each branch's convolutions (C_in, C_out, kernel); None for a branch that is left out."""
        channels, kernels = settings["in_channels"], list(LARGE.values())[self.view.large]
        reduced = self.view.reduction
        rows = ((None, ((1, 1),), "one"), ("reduce3", ((3, 3),), "three"), ("reduce5", kernels, "five"),
                (None, ((1, 1),) if reduced else (), "pool"))
        for reduction, path, name in rows:
            first = [channels, settings[reduction]] if reduced and reduction else [channels]
            widths = [*first, *[settings[name]] * len(path)]
            taps = [*[(1, 1)] * (len(first) - 1), *path]
            yield list(zip(widths, widths[1:], taps, strict=False)) if settings[name] else None


def _slider(name, value):
    low, high = LIMITS[name]
    return ipywidgets.IntSlider(value=value, min=low, max=high, description=DESCRIPTIONS[name])
