"""The exercises of chapter 12: the IoU of two boxes, suppression, YOLO's target, average precision, soft Dice."""
from cnnlib.exercises.ch12_boxes import GREEDY_NMS, IOU_OF_TWO
from cnnlib.exercises.ch12_masks import SOFT_DICE
from cnnlib.exercises.ch12_scores import AP_OF_DETECTIONS, YOLO_CELL

EXERCISES = {each.name: each for each in (IOU_OF_TWO, GREEDY_NMS, YOLO_CELL, AP_OF_DETECTIONS, SOFT_DICE)}
check_iou_of_two, check_greedy_nms, check_yolo_cell, check_ap_of_detections, check_soft_dice = (
    exercise.check for exercise in EXERCISES.values()
)
