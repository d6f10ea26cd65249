"""Where the maps of a layer speak for a class: Grad-CAM of a network that knows leaves."""
import ipywidgets
import numpy as np
import traitlets

from cnnlib._arguments import all_choices, flag, within
from cnnlib.widgets._esm import esm
from cnnlib.widgets._explanations import RANKS, load, picture_names, signed
from cnnlib.widgets._view import Explorer, View


class GradCamView(View):
    """A leaf and a coarse map over it; picture, layer and target are places in the data's lists."""

    _esm = esm("grad_cam_explorer.mjs")
    data = traitlets.Dict().tag(sync=True)  # what tools.explanations writes
    picture, layer, target = (traitlets.Int().tag(sync=True) for _ in range(3))
    relu = traitlets.Bool().tag(sync=True)


class GradCamExplorer(Explorer):
    """Choose a leaf, a layer and a class; see which places of the layer's maps speak for the class, and how coarse.

    Args:
        picture: number of the leaf, 0 to 5.
        layer: "layer1" to "layer4" of ``small_resnet``.
        target: the class, by its score: "largest", "second largest", "third largest" or "smallest" of 164.
        relu: True sets what speaks against the class to 0, as Grad-CAM does; False shows it with its sign.

    Raises:
        ValueError: a setting is not one of its choices.

    Source:
        Selvaraju et al. (2017), Grad-CAM, eqs. 1 and 2; the maps are those of ``cnnlib.explain.grad_cam``.

    >>> GradCamExplorer(layer="layer3").map().shape
    (8, 8)
    """

    def __init__(self, picture=0, *, layer="layer4", target="largest", relu=True):
        data = load("grad_cam")
        names, layers = picture_names(data), [name for name, *_ in data["layers"]]
        picture = within("GradCamExplorer", "picture", picture, 0, len(names) - 1)
        places = all_choices("GradCamExplorer", {"layer": layers, "target": RANKS}, (layer, target))
        relu = flag("GradCamExplorer", "relu", relu)
        view = GradCamView(data=data, picture=picture, relu=relu, **places)
        super().__init__(view, {
            "picture": ipywidgets.Dropdown(options=names, index=picture, description="leaf"),
            "layer": ipywidgets.Dropdown(options=layers, index=view.layer, description="Grad-CAM layer"),
            "target": ipywidgets.Dropdown(options=[f"{rank} score" for rank in RANKS], index=view.target,
                                          description="class with the"),
            "relu": ipywidgets.Checkbox(value=relu, description="ReLU: hide what speaks against"),
        })

    def map(self):
        """Return the shown map, (h, w), as exact as the file holds it: to a 254th of its largest value."""
        view = self.view
        side = view.data["layers"][view.layer][2]
        cam = signed(view.data["pictures"][view.picture]["classes"][view.target]["maps"][view.layer], side)
        return np.maximum(cam, 0) if view.relu else cam
