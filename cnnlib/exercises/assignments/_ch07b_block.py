"""The block of chapter 7b's assignment: two convolutions and a shortcut that pools before it projects."""
import torch
from torch import nn
from torch.nn.functional import avg_pool2d, max_pool2d

from cnnlib.exercises._check import Exercise, Mistake
from cnnlib.exercises._task import Task

SIZE = 2, 6, 8  # images, rows and columns that the probe sends through a block


class _Block(nn.Module):
    """The right block, and with options a wrong one.

    Args:
        in_channels, out_channels, stride: the block's.
        bias: whether the convolutions have biases.
        norms: whether the first, the second convolution and the projection have a batch norm.
        relus: whether a ReLU stands between the convolutions, behind the branch, on the shortcut, behind the sum.
        project: called with the two channels and the stride, whether the shortcut has a convolution.
        pool: called with x and 2, or None for a convolution that steps.
        late: the second convolution has the stride.
        join: called with the branch and the shortcut.
    """

    def __init__(self, in_channels, out_channels, stride, *, bias=False, norms=(True, True, True),
                 relus=(True, False, False, True), project=lambda i, o, s: i != o or s != 1, pool=avg_pool2d,
                 late=False, join=torch.add):
        super().__init__()
        self.relus, self.pool, self.join, self.stride = relus, pool, join, stride
        first, second = (1, stride) if late else (stride, 1)
        norm = [nn.BatchNorm2d(out_channels) if used else nn.Identity() for used in norms]
        self.first = nn.Sequential(nn.Conv2d(in_channels, out_channels, 3, first, 1, bias=bias), norm[0])
        self.second = nn.Sequential(nn.Conv2d(out_channels, out_channels, 3, second, 1, bias=bias), norm[1])
        step = 1 if pool else stride
        self.projection = nn.Sequential(nn.Conv2d(in_channels, out_channels, 1, step, bias=bias), norm[2]) if project(
            in_channels, out_channels, stride) else nn.Identity()

    def _bend(self, maps, place):
        return maps.relu() if self.relus[place] else maps

    def forward(self, x):
        branch = self._bend(self.second(self._bend(self.first(x), 0)), 1)
        shortcut = self.pool(x, 2) if self.pool and self.stride == 2 else x
        return self._bend(self.join(branch, self._bend(self.projection(shortcut), 2)), 3)


def _make(in_channels, out_channels, stride):
    return _Block(in_channels, out_channels, stride)


def _with(**options):
    def make_block(in_channels, out_channels, stride):
        return _Block(in_channels, out_channels, stride, **options)
    return make_block


def _filled(name, tensor):
    """Return numbers for a parameter or a running statistic that depend on its kind and shape alone."""
    if not tensor.is_floating_point():
        return tensor
    ramp = torch.arange(tensor.numel(), dtype=torch.float64).reshape(tensor.shape)
    if tensor.ndim == 4:
        return torch.sin(1 + 2.3 * ramp) / tensor[0].numel() ** 0.5
    begin, size = {"running_mean": (0.1, 0.2), "running_var": (1.5, 0.5), "weight": (1.0, 0.3)}.get(
        name.rsplit(".", 1)[-1], (-0.1, 0.3))
    return begin + size * torch.cos(1 + ramp)


def _probe(make_block, in_channels, out_channels, stride):
    """Return parameters, channels, height, width, and three sums of the output, for weights that are the same for all.

    The object may live in another process: only its methods are called, and only tensors come back.
    """
    block = make_block(in_channels, out_channels, stride)
    if block is None:
        return None
    parameters = sum(parameter.numel() for parameter in block.parameters())
    block.double()
    block.load_state_dict({name: _filled(name, tensor) for name, tensor in block.state_dict().items()})
    block.eval()
    images, rows, columns = SIZE
    x = torch.sin(torch.arange(images * in_channels * rows * columns, dtype=torch.float64) * 1.7)
    y = block(x.reshape(images, in_channels, rows, columns)).detach()
    wave = torch.cos(torch.arange(y.numel(), dtype=torch.float64)).reshape(y.shape)
    sums = (y.mean(), (y * wave).mean(), y[:, 0].square().mean())
    return (parameters, *y.shape[1:], *(float(each) for each in sums))


def _draw(random):
    for _ in range(7):
        yield int(random.integers(1, 9)), int(random.integers(1, 9)), int(random.integers(1, 3))


MAKE_BLOCK = Task(
    points=5,
    draw=_draw,
    forbidden=("cnnlib.models", "torchvision.models"),
    exercise=Exercise(
        name="make_block",
        objective=1,
        reference=_make,
        probe=_probe,
        tolerance=1e-9,
        cases=((1, 1, 1), (2, 3, 1), (2, 4, 2), (3, 3, 2), (4, 4, 1)),
        mistakes=(
            Mistake("strided-shortcut", "your 1x1 of the shortcut steps over pixels. In this block a pooling comes "
                    "first, so that no pixel is skipped.", _with(pool=None)),
            Mistake("max-for-mean", "your shortcut keeps the largest of four pixels. Which pooling does the task name?",
                    _with(pool=max_pool2d)),
            Mistake("projection-by-channels-only", "with stride 2 and equal channels your shortcut has no convolution. "
                    "The shape of x changes there, too.", _with(project=lambda i, o, s: i != o)),
            Mistake("projection-always", "your shortcut has weights where the shape stays. What is it there?",
                    _with(project=lambda i, o, s: True)),
            Mistake("projection-without-norm", "there is no batch norm behind the projection.",
                    _with(norms=(True, True, False))),
            Mistake("second-norm-missing", "there is no batch norm behind the second convolution.",
                    _with(norms=(True, False, True))),
            Mistake("no-norms", "your block has no batch norm at all.", _with(norms=(False, False, False))),
            Mistake("biases", "your convolutions have biases. A batch norm follows: what does it do to them?",
                    _with(bias=True)),
            Mistake("relu-before-the-sum", "your last ReLU acts on the branch alone. It stands behind the sum.",
                    _with(relus=(True, True, False, False))),
            Mistake("relu-on-both-sides", "your branch passes a ReLU before the sum and another one behind it. How "
                    "could such a branch take something away from x?", _with(relus=(True, True, False, True))),
            Mistake("last-relu-missing", "nothing bends the sum. Which layer ends this block?",
                    _with(relus=(True, False, False, False))),
            Mistake("inner-relu-missing", "there is no ReLU between the convolutions. Two linear layers are one.",
                    _with(relus=(False, False, False, True))),
            Mistake("relu-on-the-shortcut", "your shortcut is bent before the sum. What may stand on it?",
                    _with(relus=(True, False, True, True))),
            Mistake("shortcut-missing", "nothing is added to your branch.",
                    _with(join=lambda branch, shortcut: branch)),
            Mistake("concatenated", "you put the shortcut beside the branch, as DenseNet does. This block adds.",
                    _with(join=lambda branch, shortcut: torch.cat([branch, shortcut], dim=1))),
            Mistake("second-convolution-steps", "your second convolution has the stride. The first one should.",
                    _with(late=True)),
        ),
    ),
)
