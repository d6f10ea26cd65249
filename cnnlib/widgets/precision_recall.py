"""Twelve detections, a confidence threshold, and the point that it picks on the precision-recall curve."""
import ipywidgets
import numpy as np
import traitlets

from cnnlib._arguments import choice, stepped
from cnnlib.boxes import average_precision, box_iou, match_boxes, precision_recall_curve
from cnnlib.widgets._esm import esm
from cnnlib.widgets._view import Explorer, View

OBJECTS = (  # of one class in one picture of 300 x 162 pixels: x1, y1, x2, y2
    (12, 14, 60, 62), (86, 10, 136, 64), (164, 20, 212, 60), (238, 12, 286, 64),
    (14, 90, 58, 138), (88, 86, 134, 140), (166, 92, 210, 136), (240, 88, 288, 140))
DETECTIONS = (  # score, then the box; best score first
    (0.97, (14, 14, 62, 62)), (0.93, (94, 11, 144, 65)), (0.88, (4, 14, 52, 62)), (0.84, (240, 16, 288, 68)),
    (0.80, (165, 20, 213, 60)), (0.72, (214, 66, 236, 88)), (0.66, (84, 10, 134, 64)), (0.60, (24, 92, 68, 140)),
    (0.55, (90, 88, 136, 142)), (0.41, (184, 94, 228, 138)), (0.30, (234, 90, 282, 142)), (0.20, (138, 108, 160, 136)))
NEEDED = (0.5, 0.75, 0.9)
STEP = 0.05  # of the threshold


class PrecisionRecallView(View):
    """Detections, marks and curve; ``needed`` is a place in the list ``needed_ious``, the threshold a fraction of 1."""

    _esm = esm("precision_recall.mjs")
    objects = traitlets.List().tag(sync=True)  # (8, 4), in pixels
    boxes = traitlets.List().tag(sync=True)  # (12, 4)
    scores = traitlets.List().tag(sync=True)  # (12,)
    nearest = traitlets.List().tag(sync=True)  # the object that each detection overlaps most, taken or not
    ious = traitlets.List().tag(sync=True)  # with that object
    matches = traitlets.List().tag(sync=True)  # for each needed IoU: the object that each detection gets, or -1
    needed_ious = traitlets.List().tag(sync=True)
    needed = traitlets.Int().tag(sync=True)
    threshold = traitlets.Float().tag(sync=True)


class PrecisionRecall(Explorer):
    """Lower the confidence threshold and follow precision and recall; ask for a better fit and see hits turn to misses.

    Args:
        iou_needed: from which IoU on a detection has found an object: 0.5, 0.75 or 0.9.
        threshold: detections with a lower score are not kept, a fraction of 1 in steps of 0.05.

    Raises:
        ValueError: ``iou_needed`` is not one of its choices, or ``threshold`` is no number that the slider can reach.

    Source:
        Everingham et al. (2010), The Pascal Visual Object Classes Challenge, section 4.2; Lin et al. (2014),
        Microsoft COCO, whose program takes the mean precision at 101 recalls.

    >>> summary = PrecisionRecall(iou_needed=0.5, threshold=0.5).summary()
    >>> summary["tp"], summary["fp"], summary["fn"], summary["ap"]
    (6, 3, 2, 0.696)
    """

    def __init__(self, iou_needed=0.5, *, threshold=0.5):
        needed = choice("PrecisionRecall", "iou_needed", iou_needed, NEEDED)
        threshold = stepped("PrecisionRecall", "threshold", threshold, 0, 1, STEP)
        scores, boxes = zip(*DETECTIONS, strict=True)
        iou = box_iou(boxes, OBJECTS)
        view = PrecisionRecallView(
            objects=[list(box) for box in OBJECTS], boxes=[list(box) for box in boxes], scores=list(scores),
            nearest=iou.argmax(axis=1).tolist(), ious=iou.max(axis=1).tolist(), needed_ious=list(NEEDED),
            matches=[match_boxes(boxes, OBJECTS, iou_threshold=each).tolist() for each in NEEDED],
            needed=needed, threshold=threshold)
        super().__init__(view, {
            "threshold": ipywidgets.FloatSlider(value=view.threshold, min=0, max=1, step=STEP, readout_format=".2f",
                                                description="confidence threshold"),
            "needed": ipywidgets.Dropdown(options=[str(each) for each in NEEDED], index=view.needed,
                                          description="IoU needed")})

    def summary(self):
        """Return what the picture shows, computed by ``cnnlib.boxes``.

        Returns:
            A dict: tp, fp, fn, and as fractions of 1, rounded to thousandths, precision (None where no detection is
            left), recall, f1 and ap.
        """
        view = self.view
        hits = np.array(view.matches[view.needed]) >= 0
        precision, recall, scores = precision_recall_curve(view.scores, hits, total=len(OBJECTS))
        kept = int((scores >= view.threshold - 1e-9).sum())  # 0.15000000000000002 is a slider's 0.15
        found = int(hits[:kept].sum())
        numbers = {"tp": found, "fp": kept - found, "fn": len(OBJECTS) - found}
        shares = {"precision": precision[kept - 1] if kept else None, "recall": recall[kept - 1] if kept else 0.0,
                  "f1": 2 * found / (kept + len(OBJECTS)), "ap": average_precision(precision, recall)}
        return {**numbers, **{name: share if share is None else round(float(share), 3)
                              for name, share in shares.items()}}
