"""The head without anchors: places, targets and what is read out again."""
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cnnlib.data import make_scenes
from cnnlib.losses import generalized_box_iou_loss
from cnnlib.models.anchor_free import (
    AnchorFree,
    anchor_free_detections,
    anchor_free_loss,
    anchor_free_targets,
    places,
)
from tests.judge import refused

SIZE, CLASSES = 96, 4


def perfect(target):
    """Return a prediction (1, places, C + 4) that says what the target says."""
    scores = torch.where(target[:, :CLASSES] > 0, 20.0, -20.0)
    return torch.cat([scores, target[:, CLASSES:]], dim=1)[None]


def test_640_pixels_have_8400_places():
    middles, strides = places((640, 640))
    assert len(middles) == 80**2 + 40**2 + 20**2 == 8400
    assert strides.unique().tolist() == [8, 16, 32] and middles[-1].tolist() == [624, 624]


def test_boxes_surround_their_place():
    torch.manual_seed(0)
    out = AnchorFree(CLASSES)(torch.randn(2, 3, SIZE, SIZE))
    middles, _ = places((SIZE, SIZE))
    assert out.shape == (2, 189, 8)
    assert (out[..., 4:6] < middles).all() and (out[..., 6:] > middles).all()
    assert out[..., :4].sigmoid().mean() < 0.05  # at the start nearly every place sees nothing


def test_meaning_flows_from_coarse_to_fine():
    model = AnchorFree(CLASSES).eval()
    maps = [torch.zeros(1, 48, side, side) for side in (12, 6, 3)]
    before = model.neck(maps)[0]
    maps[2] = torch.ones_like(maps[2])
    assert not torch.allclose(model.neck(maps)[0], before)


@given(st.integers(0, 1000))
def test_what_is_written_is_read_again(seed):
    scene = make_scenes(1, size=SIZE, seed=seed)
    boxes, labels = scene.boxes[0], scene.labels[0]
    target = anchor_free_targets(boxes, labels, image_size=SIZE, num_classes=CLASSES)
    found = anchor_free_detections(perfect(target), image_size=SIZE, iou_threshold=1.0)[0]
    there = {(*box, label) for box, label in zip(boxes, labels, strict=True)}
    assert {(*row[:4], row[5]) for row in found} <= there and len(found)


def test_each_grid_answers_for_its_size_and_only_near_the_center():
    _, strides = places((SIZE, SIZE))
    for side, stride in ((20, 8), (32, 8), (40, 16), (64, 16), (80, 32)):
        target = anchor_free_targets([[8, 8, 8 + side, 8 + side]], [0], image_size=SIZE, num_classes=1)
        assert set(strides[target[:, 0] == 1].tolist()) == {stride}
    assert anchor_free_targets([[8, 8, 28, 28]], [0], image_size=SIZE, num_classes=1)[:, 0].sum() <= 9


def test_places_on_the_border_or_at_the_limit_are_out():
    def answering(box):
        return places((SIZE, SIZE))[0][anchor_free_targets([box], [0], image_size=SIZE, num_classes=1)[:, 0] == 1]

    assert answering([4, 4, 24, 24]).unique().tolist() == [12, 20]  # 4 lies on its left and upper edge
    assert answering([0, 0, 20, 20]).unique().tolist() == [4, 12]  # 20 on the others
    assert answering([0, 0, 32, 32]).unique().tolist() == [12, 20]  # 4 and 28 are 1.5 strides from the center


def test_channels_double_on_the_way_down():
    stages = AnchorFree(CLASSES, width=16).backbone
    assert [stage[0][0].weight.shape[:2] for stage in stages] == [(8, 3), (8, 8), (16, 8), (16, 16), (16, 16)]


def test_the_smaller_of_two_objects_gets_the_place():
    boxes = [[20, 20, 50, 50], [30, 30, 42, 42]]
    for order in ([0, 1], [1, 0]):
        target = anchor_free_targets(np.array(boxes)[order], order, image_size=SIZE, num_classes=2)
        assert target[target[:, 1] == 1][:, 2:].unique(dim=0).tolist() == [[30, 30, 42, 42]]


def test_loss_of_a_perfect_answer_is_0_and_of_an_empty_image_counts_only_classes():
    target = anchor_free_targets([[20, 20, 50, 50]], [1], image_size=SIZE, num_classes=CLASSES)
    assert sum(anchor_free_loss(perfect(target), target[None])).item() < 1e-4
    moved = perfect(target)
    moved[..., 4:] += 10
    here = target[:, 1] > 0
    boxes = generalized_box_iou_loss(moved[0, here, 4:], target[here, 4:], reduction="mean")
    assert anchor_free_loss(moved, target[None]).boxes.item() == pytest.approx(boxes.item()) and boxes > 0.5
    empty = anchor_free_loss(torch.zeros(1, 189, 8), torch.zeros(1, 189, 8))
    assert empty.boxes == 0 and empty.classes > 1


def test_sizes_that_cannot_be_halved_five_times():
    with torch.device("meta"):
        refused(lambda: AnchorFree(2)(torch.zeros(1, 3, 96, 100)),
                "AnchorFree: x must have rows and columns that are multiples of 32, got (96, 100)")


def test_a_few_steps_lower_the_loss():
    torch.manual_seed(0)
    scenes = make_scenes(4, size=SIZE, seed=0)
    target = torch.stack([anchor_free_targets(boxes, labels, image_size=SIZE, num_classes=CLASSES)
                          for boxes, labels in zip(scenes.boxes, scenes.labels, strict=True)])
    model, x = AnchorFree(CLASSES, width=16), torch.from_numpy(scenes.images)
    optimizer, losses = torch.optim.Adam(model.parameters(), lr=0.01), []
    for _ in range(40):
        loss = sum(anchor_free_loss(model(x), target))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.6 * losses[0]


def test_a_picture_without_objects_and_a_label_that_is_no_class():
    assert not anchor_free_targets([], [], image_size=96, num_classes=2).any()
    refused(lambda: anchor_free_targets([[0, 0, 9, 9]], [2], image_size=96, num_classes=2),
            "anchor_free_targets: labels must be from 0 to 1, got 2 in row 0")
