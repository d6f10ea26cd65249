"""What the channels of a network's layers make of a leaf, one map at a time."""
import ipywidgets
import numpy as np
import traitlets

from cnnlib._arguments import choice, within
from cnnlib.widgets._esm import esm
from cnnlib.widgets._explanations import load, picture_names
from cnnlib.widgets._view import Explorer, View


class FeatureMapView(View):
    """A leaf and one map of a layer; picture and layer are places in the data's lists."""

    _esm = esm("feature_map_browser.mjs")
    data = traitlets.Dict().tag(sync=True)  # what tools.explanations writes
    picture, layer, channel, last_channel = (traitlets.Int().tag(sync=True) for _ in range(4))


class FeatureMapBrowser(Explorer):
    """Choose a leaf, a layer and a channel of ``small_resnet``; see the map, its range and how much of it is 0.

    Args:
        picture: number of the leaf, from 0.
        layer: "conv1" or "layer1" to "layer4".
        channel: of the layer, from 0; conv1 and layer1 have 16, then 32, 64 and 128.

    Raises:
        ValueError: a setting is not one of its choices.

    Source:
        Zeiler & Fergus (2014), Visualizing and Understanding Convolutional Networks, section 4; the maps are those of
        ``cnnlib.explain.feature_maps``.

    >>> FeatureMapBrowser(layer="layer3", channel=63).map().shape
    (8, 8)
    """

    def __init__(self, picture=0, *, layer="conv1", channel=0):
        data = load("feature_maps")
        names, layers = picture_names(data), [name for name, *_ in data["layers"]]
        picture = within("FeatureMapBrowser", "picture", picture, 0, len(names) - 1)
        layer = choice("FeatureMapBrowser", "layer", layer, layers)
        last = data["layers"][layer][1] - 1
        channel = within("FeatureMapBrowser", "channel", channel, 0, last)
        view = FeatureMapView(data=data, picture=picture, layer=layer, channel=channel, last_channel=last)
        slider = ipywidgets.IntSlider(value=channel, min=0, max=last, description="channel")
        ipywidgets.jslink((view, "last_channel"), (slider, "max"))
        super().__init__(view, {
            "picture": ipywidgets.Dropdown(options=names, index=picture, description="leaf"),
            "layer": ipywidgets.Dropdown(options=layers, index=layer, description="layer"),
            "channel": slider})

    def map(self):
        """Return the shown map, (h, w), as exact as the file holds it: to a 30th of its range."""
        view = self.view
        _, channels, side, _ = view.data["layers"][view.layer]
        entry = view.data["pictures"][view.picture]["layers"][view.layer]
        channel, size = min(view.channel, channels - 1), side * side
        steps = [int(digit, 16) for digit in entry["digits"][channel * size:(channel + 1) * size]]
        low, high = entry["low"][channel], entry["high"][channel]
        return low + (high - low) / 15 * np.reshape(steps, (side, side))
