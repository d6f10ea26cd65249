"""Which part of a leaf a score needs: cover it with a gray patch and look how far the score falls."""
import ipywidgets
import numpy as np
import traitlets

from cnnlib._arguments import all_choices, within
from cnnlib.widgets._esm import esm
from cnnlib.widgets._explanations import RANKS, load, picture_names
from cnnlib.widgets._view import Explorer, View

STRIDES = ("half a patch", "a whole patch")


class OcclusionView(View):
    """A leaf under a patch, and the map of all falls; row and column count steps of the patch, the rest are places."""

    _esm = esm("occlusion_explorer.mjs")
    data = traitlets.Dict().tag(sync=True)  # what tools.explanations writes
    picture, patch, stride, target, row, column = (traitlets.Int().tag(sync=True) for _ in range(6))
    last_row, last_column = traitlets.Int().tag(sync=True), traitlets.Int().tag(sync=True)


class OcclusionExplorer(Explorer):
    """Move a gray patch over a leaf and see how a score falls; the map holds the fall of every place.

    Args:
        picture: number of the leaf, 0 to 5.
        patch_size: height and width of the patch, 8, 16 or 24 pixels of 64.
        stride: step between two places, "half a patch" or "a whole patch".
        target: the class, by its score: "largest", "second largest", "third largest" or "smallest" of 164.
        row: of the patch, in steps from the top.
        column: of the patch, in steps from the left.

    Raises:
        ValueError: a setting is not one of its choices.

    Source:
        Zeiler & Fergus (2014), Visualizing and Understanding Convolutional Networks, section 4.2; the map is that of
        ``cnnlib.explain.occlusion``.

    >>> OcclusionExplorer(patch_size=16).falls().shape
    (7, 7)
    """

    def __init__(self, picture=0, *, patch_size=16, stride="half a patch", target="largest", row=2, column=2):
        data = load("occlusion")
        names, name = picture_names(data), "OcclusionExplorer"
        picture = within(name, "picture", picture, 0, len(names) - 1)
        known = {"patch_size": data["patches"], "stride": STRIDES, "target": RANKS}
        patch, stride, target = all_choices(name, known, (patch_size, stride, target)).values()
        last = _last(data, patch, stride)
        row, column = within(name, "row", row, 0, last), within(name, "column", column, 0, last)
        view = OcclusionView(data=data, picture=picture, patch=patch, stride=stride, target=target, row=row,
                             column=column, last_row=last, last_column=last)
        sliders = {axis: ipywidgets.IntSlider(value=value, min=0, max=last, description=f"patch {axis}")
                   for axis, value in (("row", row), ("column", column))}
        for axis, slider in sliders.items():
            ipywidgets.jslink((view, f"last_{axis}"), (slider, "max"))
        super().__init__(view, {
            "picture": ipywidgets.Dropdown(options=names, index=picture, description="leaf"),
            "patch": ipywidgets.Dropdown(options=[f"{size} × {size} pixels" for size in data["patches"]], index=patch,
                                         description="patch"),
            "stride": ipywidgets.Dropdown(options=STRIDES, index=stride, description="stride"),
            "target": ipywidgets.Dropdown(options=[f"{rank} score" for rank in RANKS], index=target,
                                          description="class with the"),
            **sliders})

    def falls(self):
        """Return how much the score falls for each place of the patch, (rows, columns), to a thousandth."""
        view = self.view
        falls = view.data["pictures"][view.picture]["classes"][view.target]["falls"][view.patch]
        side = round(len(falls) ** 0.5)
        step = view.stride + 1  # every second place is one of a whole patch's stride
        return np.reshape(falls, (side, side))[::step, ::step] / 1000


def _last(data, patch, stride):
    size = data["patches"][patch]
    return -(-(data["side"] - size) // (size * (stride + 1) // 2))
