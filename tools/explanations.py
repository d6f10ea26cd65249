"""Write what the widgets of chapter 9 show: ``python -m tools.explanations [--check]``.

A widget never imports torch, so everything that ``small_resnet`` makes of some leaves is computed here with
``cnnlib.explain`` and written as one compact file for each widget. Run this after the weights have changed.
Another machine may round differently, so ``--check`` is for this one; the tests allow one step of what is written.
"""
import base64
import io
import json
import sys

import numpy as np
import torch
from PIL import Image

from cnnlib.data import LeafPictures
from cnnlib.data.transforms import Compose, ConvertImageDtype, Normalize
from cnnlib.explain import feature_maps, grad_cam
from cnnlib.models import summarize
from cnnlib.models.pretrained import load_pretrained, model_card
from tools.project import ROOT, bring_up_to_date

FOLDER = ROOT / "cnnlib" / "widgets" / "data"
CLASSES, SIDE, SEED = range(12, 176), 64, 11  # what the network knows; leaves that it did not learn from
PLACES = (11, 126, 40, 29, 161, 43)  # of the leaves among LeafPictures(164, classes=CLASSES, seed=SEED)
IN_BROWSER = 3  # of them are in the feature map browser, whose maps are many
LAYERS = ("conv1", "layer1", "layer2", "layer3", "layer4")
PATCHES = (8, 16, 24)  # height and width, in pixels; the stride is half of it, and every second place is a whole one's
TOP, STEPS, THOUSAND, LEVELS = 3, 127, 1000, 15  # classes; steps of a Grad-CAM map, of a fall and of a feature map
QUALITY = 85  # of the JPEG pictures, which only show what the network saw


class Explained:
    """A network and the leaves that it is asked about.

    Attributes:
        model: ``small_resnet``.
        pictures: (N, 3, 64, 64), uint8.
        x: the same as the network takes them, (N, 3, 64, 64).
        scores: (N, 164).
        own: each leaf's class as the network counts, (N,).
        targets: the classes that the widgets show, (N, 4): the largest three scores and the smallest.
    """

    def __init__(self):
        card = model_card("small_resnet")
        leaves = LeafPictures(len(CLASSES), classes=CLASSES, size=SIDE, seed=SEED)
        prepare = Compose([ConvertImageDtype(), Normalize(card.mean, card.std)])
        self.model, self.names = load_pretrained("small_resnet"), leaves.names
        self.pictures = np.stack([leaves[place][0] for place in PLACES])
        self.x = torch.from_numpy(np.stack([prepare(picture) for picture in self.pictures])).float()
        self.own = [leaves[place][1] for place in PLACES]
        with torch.no_grad():
            self.scores = self.model(self.x)
        order = self.scores.argsort(dim=1, descending=True)
        self.targets = torch.cat([order[:, :TOP], order[:, -1:]], dim=1)

    def layers(self, names=LAYERS):
        """Return [name, channels, side of the maps, side of the receptive field], in pixels."""
        maps = feature_maps(self.model, self.x[:1], layers=names)
        fields = {row.layer: row.receptive_field for row in summarize(self.model, (1, 3, SIDE, SIDE))}
        last = {name: [field for path, field in fields.items() if path.startswith(name) and field] for name in names}
        return [[name, *maps[name].shape[1:3], max(map(max, last[name]))] for name in names]

    def picture(self, i):
        """Return what every widget says of a leaf."""
        return {"name": self.names[self.own[i]], "jpeg": jpeg(self.pictures[i])}

    def classes(self, i):
        """Return name, score, probability (a fraction of 1) and rank of the shown classes; the leaf's own is marked."""
        scores, chances = self.scores[i], self.scores[i].softmax(dim=0)
        rank = (scores.argsort(descending=True).argsort() + 1).tolist()
        return [{"name": self.names[c], "score": short(scores[c]), "probability": short(chances[c]), "rank": rank[c],
                 "own": c == self.own[i]} for c in self.targets[i].tolist()]

    def own_class(self, i):
        """Return the same of the leaf's own class, which may not be among the shown ones."""
        rank = 1 + int((self.scores[i] > self.scores[i, self.own[i]]).sum())
        return {"rank": rank, "score": short(self.scores[i, self.own[i]])}


def grad_cam_data(explained):
    """Return Grad-CAM with signs: for each leaf, class and layer a map in steps of a 127th of its largest value."""
    layers = explained.layers(LAYERS[1:])
    maps = {(name, k): grad_cam(explained.model, explained.x, target=explained.targets[:, k], layer=name, relu=False)
            for name, *_ in layers for k in range(TOP + 1)}
    pictures = [{
        **explained.picture(i), "own": explained.own_class(i),
        "classes": [{**row, "maps": [signed(maps[name, k][i].numpy()) for name, *_ in layers]}
                    for k, row in enumerate(explained.classes(i))]} for i in range(len(PLACES))]
    return {"side": SIDE, "count": len(CLASSES), "layers": layers, "pictures": pictures}


def occlusion_data(explained):
    """Return how much each shown score falls, in thousandths, and what the network says, for each place of a patch."""
    said, pictures = {}, []
    for i in range(len(PLACES)):
        covered = [covered_scores(explained.model, explained.x[i], patch) for patch in PATCHES]
        falls = [THOUSAND * (explained.scores[i] - scores) for scores in covered]
        pictures.append({
            **explained.picture(i),
            "classes": [{**row, "falls": [each[:, c].round().int().tolist() for each in falls]}
                        for c, row in zip(explained.targets[i].tolist(), explained.classes(i), strict=True)],
            "says": [[said.setdefault(explained.names[c], len(said)) for c in scores.argmax(dim=1).tolist()]
                     for scores in covered]})
    return {"side": SIDE, "count": len(CLASSES), "patches": list(PATCHES), "names": list(said), "pictures": pictures}


def covered_scores(model, x, patch, fill=0.0):
    """Return the scores of an image with a patch at each place, row by row, (places, classes); steps of patch / 2."""
    step = patch // 2
    starts = [step * k for k in range(-(-(SIDE - patch) // step) + 1)]  # the last one may be cut at the border
    images = x.repeat(len(starts) ** 2, 1, 1, 1)
    for image, (top, left) in zip(images, ((top, left) for top in starts for left in starts), strict=True):
        image[:, top:top + patch, left:left + patch] = fill
    with torch.no_grad():
        return model(images)


def feature_map_data(explained):
    """Return every channel of every layer in 16 steps from its smallest to its largest value."""
    maps = feature_maps(explained.model, explained.x[:IN_BROWSER], layers=LAYERS)
    pictures = [{**explained.picture(i), "layers": [digits(maps[name][i].numpy()) for name in LAYERS]}
                for i in range(IN_BROWSER)]
    return {"side": SIDE, "layers": explained.layers(), "pictures": pictures}


def signed(values):
    """Return a map (h, w) as bytes 128 + 127·value / scale in base64, and what its steps do not tell exactly.

    Returns:
        A dict of ``scale``, the largest size; ``high`` and ``low``, the largest and the smallest value; ``at``, their
        places, counted row by row; ``below``, how many values are below 0; and ``bytes``.
    """
    scale = float(np.abs(values).max())
    steps = np.round(values / scale * STEPS) if scale else np.zeros_like(values)
    return {"scale": short(scale), "high": short(values.max()), "low": short(values.min()),
            "at": [int(values.argmax()), int(values.argmin())], "below": int((values < 0).sum()),
            "bytes": base64.b64encode((128 + steps).astype(np.uint8).tobytes()).decode()}


def digits(maps):
    """Return maps (C, h, w) as one hexadecimal digit a value, with range, place of the largest and zeros of each."""
    low, high = maps.min(axis=(1, 2)), maps.max(axis=(1, 2))
    span = np.where(high > low, high - low, 1)[:, None, None]
    steps = np.round((maps - low[:, None, None]) / span * LEVELS).astype(int)
    return {"low": [short(value) for value in low], "high": [short(value) for value in high],
            "at": maps.reshape(len(maps), -1).argmax(axis=1).tolist(), "zeros": (maps == 0).sum(axis=(1, 2)).tolist(),
            "digits": "".join(f"{step:x}" for step in steps.ravel())}


def jpeg(picture):
    """Return a picture (3, H, W) as a JPEG file in base64."""
    file = io.BytesIO()
    Image.fromarray(picture.transpose(1, 2, 0)).save(file, "JPEG", quality=QUALITY, subsampling=0, optimize=True)
    return base64.b64encode(file.getvalue()).decode()


def short(value):
    """Return a number with five significant digits."""
    return float(f"{float(value):.5g}")


FILES = {"explanations_grad_cam.json": grad_cam_data, "explanations_occlusion.json": occlusion_data,
         "explanations_feature_maps.json": feature_map_data}


def text(data):
    """Return a file's text."""
    return json.dumps(data, separators=(",", ":")) + "\n"


def main(arguments=()):
    """Write the files; with --check change nothing and return 1 if one would change."""
    if not set(arguments) <= {"--check"}:
        return f"explanations: takes only --check, got {' '.join(arguments)}"
    explained, check = Explained(), "--check" in arguments
    behind = [bring_up_to_date(FOLDER / name, text(make(explained)), check) for name, make in FILES.items()]
    return int(any(behind))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
