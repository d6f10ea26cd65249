"""What a 3x3 kernel does to a picture."""
import base64

import ipywidgets
import numpy as np
import traitlets

from cnnlib._arguments import all_choices, flag
from cnnlib.data import load_picture
from cnnlib.scratch import conv2d, convolve2d, pad2d
from cnnlib.widgets._esm import esm
from cnnlib.widgets._view import Explorer, View

PICTURES = ("cat", "pattern")
OWN = "your own"
KERNELS = {
    "identity": (0, 0, 0, 0, 1, 0, 0, 0, 0),
    "blur": (1 / 9,) * 9,
    "sharpen": (0, -1, 0, -1, 5, -1, 0, -1, 0),
    "sobel_x": (-1, 0, 1, -2, 0, 2, -1, 0, 1),
    "sobel_y": (-1, -2, -1, 0, 0, 0, 1, 2, 1),
    "laplacian": (0, 1, 0, 1, -4, 1, 0, 1, 0),
    "emboss": (-2, -1, 0, -1, 1, 1, 0, 1, 2),
    OWN: None,
}
LABELS = {"sobel_x": "Sobel x", "sobel_y": "Sobel y", "laplacian": "Laplacian"}
START = (-1.0, 0.0, 1.0) * 3  # the reader's own kernel before the first edit
NINE = [f"k{i}" for i in range(9)]


class KernelView(View):
    """A picture beside what a kernel makes of it; the border is repeated, so that the size stays."""

    _esm = esm("kernel_gallery.mjs")
    pictures = traitlets.List().tag(sync=True)  # base64 of the pixels, row by row
    kernels = traitlets.List().tag(sync=True)  # pairs of label and nine weights; None stands for k0 to k8
    side = traitlets.Int().tag(sync=True)
    picture = traitlets.Int().tag(sync=True)
    kernel = traitlets.Int().tag(sync=True)
    flip = traitlets.Int().tag(sync=True)
    k0, k1, k2, k3, k4, k5, k6, k7, k8 = (traitlets.Float().tag(sync=True) for _ in range(9))


class KernelGallery(Explorer):
    """Choose a picture and a kernel, or write a kernel of your own, and see the filtered picture.

    Args:
        picture: "cat" or "pattern".
        kernel: "identity", "blur", "sharpen", "sobel_x", "sobel_y", "laplacian", "emboss" or "your own".
        flip: True computes the true convolution, False the cross-correlation of deep learning.

    Raises:
        ValueError: an unknown picture or kernel, or flip is not True or False.

    Source:
        Gonzalez & Woods (2018), Digital Image Processing, chapter 3 (spatial filters).

    >>> KernelGallery(kernel="sobel_y").filtered().shape
    (96, 96)
    """

    def __init__(self, picture="cat", kernel="identity", flip=False):
        places = all_choices("KernelGallery", {"picture": PICTURES, "kernel": KERNELS}, (picture, kernel))
        flip = flag("KernelGallery", "flip", flip)
        pixels = [base64.b64encode(load_picture(name).tobytes()).decode() for name in PICTURES]
        labels = [LABELS.get(name, name) for name in KERNELS]
        view = KernelView(
            pictures=pixels, kernels=[list(pair) for pair in zip(labels, KERNELS.values(), strict=True)],
            side=len(load_picture()), flip=int(flip), **places, **dict(zip(NINE, START, strict=True)))
        controls = {
            "picture": _dropdown("picture", PICTURES, view.picture),
            "kernel": _dropdown("kernel", labels, view.kernel),
            "flip": _dropdown("operation", ("cross-correlation", "true convolution"), view.flip),
        }
        own = {name: ipywidgets.FloatText(value=value, step=0.5, description=f"row {i // 3}, column {i % 3}")
               for i, (name, value) in enumerate(zip(NINE, START, strict=True))}
        rows = [ipywidgets.Label("The nine weights of your own kernel, used when you choose it:"),
                *(ipywidgets.HBox([own[name] for name in NINE[i:i + 3]]) for i in (0, 3, 6))]
        for field in own.values():
            field.layout.width = "14em"
        super().__init__(view, controls, linked=own, rows=rows)

    def filtered(self):
        """Return the filtered picture before it is shown in gray, (96, 96), from ``cnnlib.scratch``."""
        view = self.view
        weights = view.kernels[view.kernel][1] or [getattr(view, name) for name in NINE]
        weights = np.reshape(weights, (3, 3))
        picture = pad2d(load_picture(PICTURES[view.picture]).astype(float), (1, 1, 1, 1), mode="replicate")
        if view.flip:
            return convolve2d(picture, weights)
        return conv2d(picture[None, None], weights[None, None])[0, 0]


def _dropdown(description, options, index):
    return ipywidgets.Dropdown(options=list(options), index=index, description=description)
