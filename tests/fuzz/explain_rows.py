"""cnnlib.explain, each definition written out for a small network."""
import numpy as np
import torch
from hypothesis import strategies as st
from torch import nn

from cnnlib import explain
from tests.fuzz.row import Row, Unjudged
from tests.fuzz.values import call

torch.manual_seed(0)


class Small(nn.Module):
    """A convolution, its mean over all positions, and scores."""

    def __init__(self):
        super().__init__()
        self.maps, self.scores = nn.Conv2d(1, 2, 3, padding=1), nn.Linear(2, 3)

    def forward(self, x):
        """Return scores, (N, 3)."""
        return self.scores(self.maps(x.float().mean(dim=1, keepdim=True)).relu().mean(dim=(2, 3)))


NET = Small().eval()
X = st.tuples(st.integers(1, 3), st.integers(1, 2), st.integers(2, 6), st.integers(2, 6), st.integers(0, 99)).map(
    lambda n: torch.randn(n[:4], generator=torch.Generator().manual_seed(n[4])))
TARGET = st.sampled_from([None, 0, 2])
LAYER = st.sampled_from(["maps", "scores"])


def score(x, target):
    """Return each image's score of a class, or its largest one."""
    scores = NET(x)
    return scores.max(dim=1).values if target is None else scores[:, target]


def plain(x, target=None):
    """Refuse what has no plain numbers, or a judge that would be asked about another number of classes."""
    if not isinstance(target, (int, type(None))) or isinstance(target, bool) or x.layout is not torch.strided:
        raise Unjudged
    return x.detach().float().requires_grad_()


def saliency(model, x, *, target=None):
    """Return the size of the gradient."""
    start = plain(x, target)
    return torch.autograd.grad(score(start, target).sum(), start)[0].abs().to(x.dtype)


def grad_cam(model, x, *, target=None, layer, relu=True):
    """Weight each map by the mean of its gradient."""
    start = plain(x, target)
    if layer != "maps":
        raise ValueError("the scores are no maps")
    maps = NET.maps(start.mean(dim=1, keepdim=True))
    scores = NET.scores(maps.relu().mean(dim=(2, 3)))
    chosen = scores.max(dim=1).values if target is None else scores[:, target]
    weights = torch.autograd.grad(chosen.sum(), maps)[0].mean(dim=(2, 3), keepdim=True)
    cam = (weights * maps).sum(dim=1).detach()
    return cam.relu() if relu else cam


def occlusion(model, x, *, target=None, patch_size, stride, fill=0.0, batch_size=64):
    """Cover patch after patch and write down how much the score falls."""
    x = plain(x, target).detach()
    height, width = np.broadcast_to(patch_size, 2).tolist()
    down, across = np.broadcast_to(stride, 2).tolist()
    with torch.no_grad():
        target = NET(x).argmax(dim=1) if target is None else torch.full((len(x),), target)
        before = NET(x)[torch.arange(len(x)), target]
        falls, covers = torch.zeros_like(x[:, 0]), torch.zeros_like(x[0, 0])
        for top in range(0, x.shape[2] - height + down, down):
            for left in range(0, x.shape[3] - width + across, across):
                covered = x.clone()
                covered[:, :, top:top + height, left:left + width] = fill
                fall = before - NET(covered)[torch.arange(len(x)), target]
                falls[:, top:top + height, left:left + width] += fall[:, None, None]
                covers[top:top + height, left:left + width] += 1
    return falls / covers


def output(x, layer):
    """Return what a layer gives."""
    maps = NET.maps(plain(x).detach().mean(dim=1, keepdim=True)).detach()
    scores = NET.scores(maps.relu().mean(dim=(2, 3))).detach()
    return {"maps": maps, "scores": scores, "": scores}[layer]  # "" is the network itself


def embedded(model, x, *, layer):
    """Return a layer's output, maps averaged."""
    out = output(x, layer)
    return out.mean(dim=(2, 3)) if out.ndim == 4 else out


def in_plane(result, vectors, *, method, seed):
    """Assert the shape, and that principal components keep the distances in the plane that they span."""
    vectors = np.asarray(vectors, float)
    assert result.shape == (len(vectors), 2) and np.isfinite(result).all()
    if vectors.shape[1] == 2 and np.abs(vectors).max() < 1e6:
        apart = [np.linalg.norm(each[:, None] - each, axis=-1) for each in (result, vectors)]
        assert np.allclose(*apart, atol=1e-6), "the distances differ"


def of_picture(result, model, *, layer, channel, input_shape, **options):
    """Assert the shape, and that small steps end at finite numbers."""
    assert result.shape == tuple(input_shape)
    assert result.isfinite().all() or max(options["lr"], options["decay"]) > 1


def listed(model, *, seed):
    """Return all copies that are given out."""
    return list(explain.randomized(model, seed=seed))


def forgetful(result, model, *, seed):
    """Assert the order of the names and that one more layer has changed each time."""
    assert [name for name, _ in result] == ["scores", "maps"]
    state = model.state_dict()
    changed = [{key.split(".")[0] for key, each in twin.state_dict().items() if not torch.equal(each, state[key])}
               for _, twin in result]
    assert changed == [{"scores"}, {"scores", "maps"}], f"{changed}"


VECTORS = st.tuples(st.integers(3, 6), st.integers(2, 4), st.integers(0, 99)).map(
    lambda n: np.random.default_rng(n[2]).normal(size=n[:2]))
PATCH = st.integers(1, 2)
ROWS = [Row(name=f"explain.{name}", function=getattr(explain, name), calls=calls, right=right, check=check, tame=tame,
            says=("feature_maps",))
        for name, calls, right, check, tame in (
    ("saliency", call({"model": NET, "x": X}, target=TARGET), saliency, None, ()),
    ("grad_cam", call({"model": NET, "x": X}, target=TARGET, layer="maps", relu=st.booleans()), grad_cam, None, ()),
    ("occlusion", call({"model": NET, "x": X}, target=TARGET, patch_size=st.just(2), stride=PATCH,
                       fill=st.sampled_from([0.0, 1.0]), batch_size=st.integers(1, 64)), occlusion, None, ()),
    ("feature_maps", call({"model": NET, "x": X}, layers=st.lists(LAYER, min_size=1, max_size=2, unique=True)),
     lambda model, x, *, layers: {layer: output(x, layer) for layer in layers}, None, ()),
    ("embed", call({"model": NET, "x": X}, layer=LAYER), embedded, None, ()),
    ("first_layer_filters", call({"model": NET}), lambda model: model.maps.weight, None, ()),
    ("project", call({"vectors": VECTORS}, method="pca", seed=st.integers(0, 9)), None, in_plane, ()),
    ("maximize_activation", call({"model": NET}, layer="maps", channel=st.integers(0, 1), input_shape=st.sampled_from(
        [(1, 4, 4), (1, 6, 5)]), steps=st.integers(1, 2), lr=0.1, decay=0.01, seed=st.integers(0, 9)), None, of_picture,
     ("steps",)))]
ROWS.append(Row(name="explain.randomized", function=listed, calls=call({"model": NET}, seed=st.integers(0, 99)),
                check=forgetful, random=True))
