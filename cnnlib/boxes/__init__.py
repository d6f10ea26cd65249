"""Boxes: areas, overlaps, suppression and average precision, in NumPy."""
from cnnlib.boxes.coco import average_precision_by_class, mean_average_precision
from cnnlib.boxes.geometry import box_area, box_convert, box_iou, generalized_box_iou
from cnnlib.boxes.precision import average_precision, match_boxes, precision_recall_curve
from cnnlib.boxes.suppression import batched_nms, nms, soft_nms

__all__ = [
    "average_precision", "average_precision_by_class", "batched_nms", "box_area", "box_convert", "box_iou",
    "generalized_box_iou", "match_boxes", "mean_average_precision", "nms", "precision_recall_curve", "soft_nms"]
