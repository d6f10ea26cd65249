"""The exercises of chapter 9: an independent right answer passes, typical wrong ones are told their mistake."""
import numpy as np
import pytest
import torch
from scipy import ndimage, stats
from torch import nn

from cnnlib import explain
from cnnlib.exercises import ch09, verify_exercise


@pytest.mark.parametrize("name", ch09.EXERCISES)
def test_exercise_can_be_trusted(name):
    assert 5 <= len(ch09.EXERCISES[name].mistakes) <= 8
    verify_exercise(ch09.EXERCISES[name])


# Right answers, written another way.

class Given(nn.Module):
    """A network whose layer gives certain maps, and whose score has certain gradients for them."""

    def __init__(self, maps, gradients):
        super().__init__()
        self.layer = nn.Identity()
        self.maps, self.gradients = torch.tensor(maps)[None], torch.tensor(gradients)[None]

    def forward(self, x):
        return (self.layer(self.maps + 0 * x.sum()) * self.gradients).sum((1, 2, 3))[:, None]


def cam_by_cnnlib(maps, gradients):
    x = torch.zeros(1, 1, 1, 1, dtype=torch.float64)
    return explain.grad_cam(Given(maps, gradients), x, target=0, layer="layer")[0]


def falls_by_cnnlib(score, picture, patch, stride, *, fill=0.0):
    """Ask the book's occlusion, whose network is the score."""
    class Scored(nn.Module):
        def forward(self, x):
            return torch.tensor([[score(each[0].numpy())] for each in x])

    x = torch.tensor(picture)[None, None]
    return explain.occlusion(Scored(), x, target=0, patch_size=patch, stride=stride, fill=fill)[0]


def mass_by_loops(heat, box):
    row, column, height, width = box
    inside = total = 0.0
    for (i, j), value in np.ndenumerate(heat):
        if value > 0:
            total += value
            inside += value if 0 <= i - row < height and 0 <= j - column < width else 0
    return inside / total if total else 0.0


@pytest.mark.parametrize(("check", "answer"), [
    (ch09.check_cam_from_maps, cam_by_cnnlib),
    (ch09.check_falls, falls_by_cnnlib),
    (ch09.check_mass_in_box, mass_by_loops),
    (ch09.check_rank_likeness, lambda a, b: stats.spearmanr(a, b, axis=None).statistic),
])
def test_an_answer_written_another_way_passes(check, answer):
    feedback = check(answer)
    assert feedback.passed, feedback


# Wrong answers as readers write them.

def cam_by_torch(maps, gradients, *, weigh=None, finish=torch.relu):
    maps, gradients = torch.tensor(maps), torch.tensor(gradients)
    weights = weigh(gradients) if weigh else gradients.mean((1, 2), keepdim=True)
    return finish((weights * maps).sum(0))


def falls_by_hand(score, picture, patch, stride, *, fill=0.0, write="mean", reuse=False, size=float):
    """Go over the places with a list of windows; write says what a pixel under several windows gets."""
    rows, columns = (range(0, n - patch + 1, stride) for n in picture.shape)
    seen = [[[] for _ in range(picture.shape[1])] for _ in range(picture.shape[0])]
    work = picture.copy()
    for top in rows:
        for left in columns:
            work = work if reuse else picture.copy()
            for i in range(patch):
                for j in range(patch):
                    work[top + i, left + j] = fill
            fall = size(score(picture) - score(work))
            for i in range(patch):
                for j in range(patch):
                    seen[top + i][left + j].append(fall)
    pick = {"mean": np.mean, "sum": np.sum, "last": lambda values: values[-1]}[write]
    return np.array([[pick(values) for values in row] for row in seen])


def mass_by_mask(heat, box, *, heat_of=lambda heat: heat.clip(min=0), corner=False):
    row, column, height, width = box
    mask = np.zeros(heat.shape, bool)
    mask[row:height if corner else row + height, column:width if corner else column + width] = True
    heat = heat_of(heat)
    whole = heat.sum()
    return heat[mask].sum() / whole if whole else 0.0


def pearson(a, b):
    return stats.pearsonr(a.ravel(), b.ravel()).statistic


@pytest.mark.parametrize(("check", "answer", "mistake"), [
    (ch09.check_cam_from_maps, lambda m, g: cam_by_torch(m, g, finish=lambda cam: cam), "relu-forgotten"),
    (ch09.check_cam_from_maps, lambda m, g: cam_by_torch(m, g, weigh=lambda g: g), "gradients-not-averaged"),
    (ch09.check_cam_from_maps, lambda m, g: cam_by_torch(m, g, weigh=lambda g: g.sum((1, 2), keepdim=True)),
     "sum-for-mean"),
    (ch09.check_cam_from_maps, lambda m, g: cam_by_torch(m, g, weigh=lambda g: g.abs().mean((1, 2), keepdim=True)),
     "absolute-weights"),
    (ch09.check_cam_from_maps, lambda m, g: cam_by_torch(m, g, weigh=lambda g: g.mean(0)), "averaged-over-channels"),
    (ch09.check_cam_from_maps, lambda m, g: np.einsum("k,khw->hw", g.mean((1, 2)), m).clip(0) / m.shape[0],
     "mean-over-channels-at-the-end"),
    (ch09.check_cam_from_maps, lambda m, g: sum(np.clip(a * b.mean(), 0, None) for a, b in zip(m, g, strict=True)),
     "relu-before-the-sum"),
    (ch09.check_cam_from_maps, lambda m, g: cam_by_torch(m, g, finish=lambda cam: cam.relu() / cam.relu().max()),
     "scaled-to-one"),
    (ch09.check_falls, lambda *given, **options: falls_by_hand(*given, write="sum", **options), "overlaps-added"),
    (ch09.check_falls, lambda *given, **options: falls_by_hand(*given, write="last", **options), "last-patch-wins"),
    (ch09.check_falls, lambda *given, **options: falls_by_hand(*given, reuse=True, **options), "holes-add-up"),
    (ch09.check_falls, lambda *given, **options: 0 - falls_by_cnnlib(*given, **options), "sign-turned"),
    (ch09.check_falls, lambda score, picture, patch, stride, *, fill=0.0: falls_by_hand(
        score, picture, patch, stride), "fill-ignored"),
    (ch09.check_falls, lambda score, picture, patch, stride, *, fill=0.0: score(picture) - falls_by_hand(
        score, picture, patch, stride, fill=fill), "score-for-fall"),
    (ch09.check_falls, lambda *given, **options: falls_by_hand(*given, size=abs, **options), "absolute-fall"),
    (ch09.check_mass_in_box, lambda heat, box: mass_by_mask(heat, box, heat_of=lambda h: h), "negative-kept"),
    (ch09.check_mass_in_box, lambda heat, box: mass_by_mask(heat, box, heat_of=abs), "absolute-values"),
    (ch09.check_mass_in_box, lambda heat, box: mass_by_mask(heat, box, corner=True), "two-corners"),
    (ch09.check_mass_in_box, lambda heat, box: mass_by_mask(heat.T, box), "axes-swapped"),
    (ch09.check_mass_in_box, lambda heat, box: mass_by_loops(heat, box) * heat.size / box[2] / box[3],
     "means-for-sums"),
    (ch09.check_mass_in_box, lambda heat, box: 1 / (1 / mass_by_loops(heat, box) - 1) if mass_by_loops(heat, box)
     else 0.0, "inside-over-outside"),
    (ch09.check_mass_in_box, lambda heat, box: mass_by_loops(heat, box) * heat[heat > 0].sum(), "mass-not-divided"),
    (ch09.check_rank_likeness, pearson, "values-not-ranks"),
    (ch09.check_rank_likeness, lambda a, b: pearson(*(torch.tensor(each).flatten().sort().values.numpy()
                                                      for each in (a, b))), "sorted-values"),
    (ch09.check_rank_likeness, lambda a, b: pearson(stats.rankdata(a), b), "one-map-ranked"),
    (ch09.check_rank_likeness, lambda a, b: abs(stats.spearmanr(a, b, axis=None).statistic), "sign-lost"),
    (ch09.check_rank_likeness, lambda a, b: stats.spearmanr(a, b, axis=None).statistic ** 2, "squared"),
    (ch09.check_rank_likeness, lambda a, b: pearson(*(stats.rankdata(each, axis=1) for each in (a, b))),
     "ranked-row-by-row"),
    (ch09.check_rank_likeness, lambda a, b: pearson(*(torch.tensor(each).flatten().argsort().numpy()
                                                      for each in (a, b))), "argsort-once"),
])
def test_typical_wrong_answers_are_named(check, answer, mistake):
    feedback = check(answer)
    assert (feedback.passed, feedback.mistake) == (False, mistake), feedback


def test_the_message_says_what_to_look_at_and_no_more():
    feedback = ch09.check_cam_from_maps(lambda m, g: cam_by_torch(m, g, weigh=lambda g: g.sum((1, 2), keepdim=True)))
    assert feedback.message == ("Not yet (sum-for-mean): your weights are sums over the places. What is Z in the "
                                "formula?")


def test_an_unknown_mistake_shows_the_smallest_case():
    feedback = ch09.check_mass_in_box(lambda heat, box: 7)
    assert feedback.mistake is None
    assert feedback.message == ("mass_in_box([[1, 2, 0], [3, -2, 4], [0, 6, 5]], (1, 0, 2, 1)) should be 0.142857, "
                                "got 7.")


def test_a_map_of_nothing_positive_has_no_share():
    answer = ch09.check_mass_in_box(lambda heat, box: mass_by_loops(heat, box) if (heat > 0).any() else float("nan"))
    assert not answer.passed and answer.message.endswith("should be 0, got nan.")


def test_occlusion_of_a_linear_score_is_its_blurred_share():
    """For a linear score and fill 0 the fall of a patch is the sum of what it covers."""
    picture = np.arange(20.0).reshape(4, 5)
    found = np.asarray(ch09.FALLS.reference(lambda x: float(x.sum()), picture, 3, 1))
    inner = ndimage.uniform_filter(picture, 3, mode="constant") * 9  # of the window around each pixel
    assert found[0, 0] == pytest.approx(inner[1, 1]) and found[3, 4] == pytest.approx(inner[2, 3])
