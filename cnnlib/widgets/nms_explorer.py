"""Non-maximum suppression on twelve boxes, one step at a time."""
import ipywidgets
import traitlets

from cnnlib._arguments import choice, stepped, within
from cnnlib.boxes import batched_nms, nms
from cnnlib.widgets._esm import esm
from cnnlib.widgets._view import Explorer, View

KINDS = ("disc", "square")
OBJECTS = (  # name, class, box x1, y1, x2, y2 in pixels
    ("left disc", 0, (14, 56, 104, 146)), ("middle disc", 0, (60, 58, 150, 148)),
    ("square", 1, (190, 50, 270, 130)), ("right disc", 0, (202, 62, 282, 142)))
BOXES = (  # name, class, score in hundredths, box, where its name stands
    ("A", 0, 95, (14, 56, 104, 146), (3, 158)), ("B", 0, 60, (20, 60, 74, 135), (23, 131)),
    ("C", 0, 75, (4, 44, 94, 134), (4, 40)), ("D", 0, 80, (52, 48, 142, 138), (123, 44)),
    ("E", 0, 55, (66, 66, 156, 156), (134, 168)), ("F", 0, 85, (44, 60, 134, 150), (44, 163)),
    ("G", 1, 90, (190, 50, 270, 130), (186, 143)), ("H", 1, 65, (180, 44, 260, 124), (176, 40)),
    ("I", 1, 70, (196, 38, 276, 118), (256, 34)), ("J", 0, 75, (202, 62, 282, 142), (262, 155)),
    ("K", 0, 50, (206, 54, 286, 134), (281, 50)), ("L", 1, 25, (164, 166, 196, 190), (200, 183)))
CLASSES = ("each class alone", "all together")
STEP = 0.05  # of both thresholds


class NMSView(View):
    """A scene with its boxes after some steps; ``classes`` is a place in its list."""

    _esm = esm("nms_explorer.mjs")
    kinds = traitlets.List().tag(sync=True)
    objects = traitlets.List().tag(sync=True)  # {name, kind, at}
    boxes = traitlets.List().tag(sync=True)  # {name, kind, score, at, tag}
    iou_threshold, score_threshold = traitlets.Float().tag(sync=True), traitlets.Float().tag(sync=True)
    classes, step = traitlets.Int().tag(sync=True), traitlets.Int().tag(sync=True)


class NMSExplorer(Explorer):
    """Walk through non-maximum suppression: which box is taken next, and which ones it discards.

    The scene holds three discs and a square; twelve boxes with scores stand for what a detector found.

    Args:
        iou_threshold: a box goes if its IoU with a taken one is above it; 0 to 1 in steps of 0.05.
        score_threshold: boxes with a lower score are left out before; 0 to 1 in steps of 0.05.
        classes: "each class alone", or "all together": then a disc may discard a square.
        step: how many boxes have been taken, 0 to 12; beyond the last step nothing changes any more.

    Raises:
        ValueError: a threshold is not on its slider, or another setting is not one of its choices.

    Source:
        Girshick et al. (2014), Rich Feature Hierarchies, section 2.2: "greedy non-maximum suppression".

    >>> NMSExplorer(0.45).kept()
    ['A', 'G', 'D', 'J']
    """

    def __init__(self, iou_threshold=0.5, *, score_threshold=0.3, classes="each class alone", step=1):
        thresholds = {name: _tidy(stepped("NMSExplorer", name, value, 0, 1, STEP)) for name, value in (
            ("iou_threshold", iou_threshold), ("score_threshold", score_threshold))}
        classes = choice("NMSExplorer", "classes", classes, CLASSES)
        step = within("NMSExplorer", "step", step, 0, len(BOXES))
        view = NMSView(
            kinds=list(KINDS), objects=[{"name": name, "kind": kind, "at": list(at)} for name, kind, at in OBJECTS],
            boxes=[{"name": name, "kind": kind, "score": score, "at": list(at), "tag": list(tag)}
                   for name, kind, score, at, tag in BOXES],
            **thresholds, classes=classes, step=step)
        slider = ipywidgets.IntSlider(value=step, min=0, max=len(BOXES), description="step")
        play = ipywidgets.Play(value=step, min=0, max=len(BOXES), interval=1500, description="play")
        ipywidgets.jslink((play, "value"), (view, "step"))
        super().__init__(view, {
            "iou_threshold": _threshold(view.iou_threshold, "IoU threshold"),
            "score_threshold": _threshold(view.score_threshold, "score threshold"),
            "classes": ipywidgets.Dropdown(options=CLASSES, index=view.classes, description="classes"),
        }, linked={"step": slider}, rows=[ipywidgets.HBox([slider, play])])

    def kept(self):
        """Return the names of the boxes that are left after the last step, highest score first, by ``cnnlib.boxes``."""
        chosen = [box for box in BOXES if box[2] >= round(100 * self.view.score_threshold)]
        if not chosen:
            return []
        names, labels, scores, corners, _ = zip(*chosen, strict=True)
        arguments = (corners, scores) if self.view.classes else (corners, scores, labels)
        suppress = nms if self.view.classes else batched_nms
        return [names[i] for i in suppress(*arguments, iou_threshold=self.view.iou_threshold)]


def _threshold(value, description):
    return ipywidgets.FloatSlider(value=value, min=0, max=1, step=STEP, readout_format=".2f", description=description)


def _tidy(value):
    return round(value / STEP) * 5 / 100
