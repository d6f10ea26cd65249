"""YOLO's grid: what is written into it, what is read out of it, and each term of its loss by hand."""
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cnnlib.data import make_scenes
from cnnlib.models.yolo import Yolo, yolo_detections, yolo_loss, yolo_targets
from tests.judge import refused

SIZE, GRID, CLASSES = 96, 12, 4


def grid_of(target, *, num_boxes=2, score=1.0):
    """Return a prediction (1, S, S, B * 5 + C) whose first box says exactly what the target says."""
    boxes = torch.zeros(*target.shape[:2], num_boxes, 5)
    boxes[..., 0, :] = target[..., :5]
    boxes[..., 0, 4] *= score
    return torch.cat([boxes.flatten(2), target[..., 5:]], dim=2)[None]


def test_the_paper_s_tensor():
    model = Yolo(20, widths=(4, 4, 4, 4, 4, 4), depth=1)
    assert model(torch.zeros(1, 3, 448, 448)).shape == (1, 7, 7, 7 // 7 * 30)  # 2 boxes of 5 numbers, and 20 classes
    assert 7 * 7 * (2 * 5 + 20) == 1470


def test_all_numbers_are_fractions_and_classes_add_up_to_1():
    out = Yolo(CLASSES)(torch.randn(2, 3, SIZE, SIZE))
    assert out.shape == (2, GRID, GRID, 14) and ((out >= 0) & (out <= 1)).all()
    torch.testing.assert_close(out[..., 10:].sum(3), torch.ones(2, GRID, GRID))


def test_an_object_goes_into_the_cell_of_its_center_and_no_other():
    target = yolo_targets([[40, 40, 60, 80]], [1], image_size=SIZE, grid_size=GRID, num_classes=2)
    assert target[..., 4].nonzero().tolist() == [[60 // 8, 50 // 8]]  # row first
    assert target[7, 6].tolist() == pytest.approx([50 / 8 - 6, 60 / 8 - 7, 20 / 96, 40 / 96, 1, 0, 1])


def test_of_two_centers_in_a_cell_the_larger_box_stays():
    boxes, labels = [[10, 10, 14, 14], [4, 4, 20, 20]], [0, 1]
    for order in ([0, 1], [1, 0]):
        target = yolo_targets(np.array(boxes)[order], np.array(labels)[order], image_size=SIZE, grid_size=GRID,
                              num_classes=2)
        assert target[..., 4].sum() == 1 and target[1, 1, 2] == pytest.approx(16 / 96) and target[1, 1, 6] == 1


def test_a_center_on_the_far_edge_has_a_cell():
    target = yolo_targets([[94.0, 94.0, 98.0, 98.0]], [0], image_size=SIZE, grid_size=GRID, num_classes=1)
    assert target[11, 11, 4] == 1


@given(st.integers(0, 1000))
def test_what_is_written_is_read_again(seed):
    scene = make_scenes(1, size=SIZE, seed=seed)
    boxes, labels = scene.boxes[0], scene.labels[0]
    target = yolo_targets(boxes, labels, image_size=SIZE, grid_size=GRID, num_classes=CLASSES)
    found = yolo_detections(grid_of(target), image_size=SIZE, num_classes=CLASSES, iou_threshold=1.0)[0]
    there = {(*box.round(3), label) for box, label in zip(boxes, labels, strict=True)}
    read = {(*row[:4].round(3), row[5]) for row in found}
    assert read <= there and len(read) == target[..., 4].sum() and (found[:, 4] == 1).all()


def test_a_row_is_two_corners_a_score_and_a_class():
    target = yolo_targets([[40, 40, 60, 80]], [2], image_size=SIZE, grid_size=GRID, num_classes=CLASSES)
    prediction = grid_of(target, score=0.8)
    prediction[0, 7, 6, 10:] = torch.tensor([0.1, 0.2, 0.7, 0.0])
    found = yolo_detections(prediction, image_size=SIZE, num_classes=CLASSES, score_threshold=0.5)[0]
    np.testing.assert_allclose(found, [[40, 40, 60, 80, 0.8 * 0.7, 2]], rtol=1e-5)
    assert not len(yolo_detections(prediction, image_size=SIZE, num_classes=CLASSES, score_threshold=0.6)[0])


def test_terms_of_a_perfect_answer_are_0():
    target = yolo_targets([[40, 40, 60, 80]], [2], image_size=SIZE, grid_size=GRID, num_classes=CLASSES)
    assert max(term.item() for term in yolo_loss(grid_of(target), target[None])) < 1e-9


def test_each_term_by_hand():
    """One cell, two boxes: the second fits better and is responsible."""
    target = torch.tensor([[[[0.5, 0.5, 0.16, 0.36, 1, 0, 1]]]])  # (1, 1, 1, 7)
    first, second = [0.1, 0.1, 0.09, 0.09, 0.7], [0.6, 0.5, 0.25, 0.36, 0.9]
    prediction = torch.tensor([[[[*first, *second, 0.3, 0.7]]]])
    across = min(0.58, 0.725) - max(0.42, 0.475)
    iou = across * 0.36 / (0.16 * 0.36 + 0.25 * 0.36 - across * 0.36)
    terms = yolo_loss(prediction, target)
    assert terms.center.item() == pytest.approx(5 * 0.1**2, rel=1e-4)
    assert terms.size.item() == pytest.approx(5 * (0.5 - 0.4) ** 2, rel=1e-4)  # of the roots, not of the widths
    assert terms.object.item() == pytest.approx((0.9 - iou) ** 2, rel=1e-4)
    assert terms.no_object.item() == pytest.approx(0.5 * 0.7**2, rel=1e-4)
    assert terms.classes.item() == pytest.approx(0.3**2 + 0.3**2, rel=1e-4)


def test_an_empty_cell_says_nothing_about_boxes_and_classes():
    prediction = torch.full((2, 3, 3, 12), 0.5, requires_grad=True)
    sum(yolo_loss(prediction, torch.zeros(2, 3, 3, 7))).backward()
    touched = prediction.grad.abs().sum((0, 1, 2)) > 0
    assert touched.nonzero().flatten().tolist() == [4, 9]  # the two confidences


def test_the_loss_trains():
    torch.manual_seed(0)
    scenes = make_scenes(8, size=32, seed=0, most=1)
    target = torch.stack([yolo_targets(boxes, labels, image_size=32, grid_size=4, num_classes=CLASSES)
                          for boxes, labels in zip(scenes.boxes, scenes.labels, strict=True)])
    model, x = Yolo(CLASSES, widths=(8, 16, 16)), torch.from_numpy(scenes.images)
    optimizer, losses = torch.optim.Adam(model.parameters(), lr=0.01), []
    for _ in range(60):
        loss = sum(yolo_loss(model(x), target))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.2 * losses[0]


@pytest.mark.parametrize("boxes, labels, message", [
    ([[0, 0, 9, 9]], [2], "yolo_targets: labels must be from 0 to 1, got 2 in row 0"),
    ([[0, 0, 9, 9]], [-1], "yolo_targets: labels must be from 0 to 1, got -1 in row 0"),
    ([[0, 0, 9, 9], [-30, 0, -10, 9]], [0, 0],
     "yolo_targets: boxes must have their center in the image, got [-30.0, 0.0, -10.0, 9.0] in row 1"),
])
def test_what_is_no_object_of_the_image_is_refused(boxes, labels, message):
    refused(lambda: yolo_targets(boxes, labels, image_size=96, grid_size=12, num_classes=2), message)
