"""Networks, training and the check of gradients in cnnlib.scratch."""
import numpy as np
import torch
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from cnnlib import scratch
from tests.fuzz.by_torch import kind_of, tensor
from tests.fuzz.row import Call, Row, Unjudged
from tests.fuzz.scratch_layer_rows import FLOATS, IMAGES, RNG, TAME, VECTORS, layer_row
from tests.fuzz.scratch_plain_rows import class_calls, dropped, judgeable, plain
from tests.fuzz.values import array, call, filled, shapes

PAIRS = st.tuples(shapes(), RNG, RNG).map(lambda n: {
    "a": filled(n[0], "f8", "quarters", n[1]), "b": filled(n[0], "f8", "quarters", n[2])})
LABELS = st.integers(2, 6).flatmap(lambda count: st.tuples(array((count, 3), kinds=FLOATS, contents=TAME), RNG)).map(
    lambda pair: {"images": pair[0], "labels": np.random.default_rng(pair[1]).integers(0, 2, len(pair[0]))})


def squares(x):
    """Return the sum of squares, whose gradient is 2x."""
    return (x**2).sum()


def slope(x, *, step=1e-5):
    """Return the gradient of ``squares``; a step that is no small one has no judge."""
    if not 1e-7 < step < 1e-3 or np.abs(np.asarray(x, float)).max() > 100:
        raise Unjudged
    return 2 * np.asarray(x, float)


def near(result, x, *, step):
    """Assert that a difference quotient is near the slope."""
    right = slope(x, step=step)
    assert result.shape == right.shape and result.dtype == np.float64
    assert np.allclose(result, right, atol=1e-4, equal_nan=True)


def relative(a, b, *, floor=None):
    """Return |a − b| / max(|a|, |b|, floor), entry by entry."""
    a, b = np.asarray(a, float), np.asarray(b, float)
    if a.shape != b.shape:
        raise ValueError("different shapes")
    size = np.maximum(abs(a), abs(b))
    size = np.maximum(size, 1e-3 * size.max() if floor is None else floor)
    return np.where((size == 0), 0, abs(a - b) / np.where(size == 0, 1, size))


def checked_linear(x, outputs, **options):
    """Check the gradients of a dense layer."""
    return scratch.check_gradients(scratch.Linear(2, outputs, rng=0), x, **options)


def passes(report, x, outputs, **options):
    """Assert that they pass, wherever the step and the tolerance are sensible."""
    sensible = 1e-7 < options["step"] < 1e-3 and options["tolerance"] >= 1e-6
    assert report.passed or not sensible or np.abs(np.asarray(x, float)).max() > 100, str(report)


def two_steps(value, grad, **options):
    """Take two steps of SGD."""
    parameter = scratch.Parameter(value)
    optimizer = scratch.SGD([parameter], **options)
    for _ in range(2):
        optimizer.zero_grad()
        parameter.add(grad)
        optimizer.step()
    return parameter.value


def torch_steps(value, grad, **options):
    """Take two steps of PyTorch's SGD."""
    parameter = nn.Parameter(tensor(value))
    optimizer = torch.optim.SGD([parameter], **options)
    parameter.grad = tensor(grad)
    for _ in range(2):
        optimizer.step()
    return parameter.detach().numpy()


def loss_both_ways(x, target, **options):
    """Return the loss and its gradient."""
    loss = scratch.CrossEntropyLoss(**options)
    return float(loss.forward(x, target)), loss.backward()


def loss_right(x, target, **options):
    """Return PyTorch's."""
    judgeable(**options)
    start, target = tensor(x).requires_grad_(), torch.from_numpy(np.array(target, np.int64))
    loss = F.cross_entropy(start, target, **{**options, "weight": tensor(options["weight"])})
    if (target == options["ignore_index"]).all() and options["reduction"] == "mean":
        raise ValueError("the mean of nothing")
    [grad] = torch.autograd.grad(loss, [start])
    return float(loss), grad.numpy().astype(kind_of(x, options["weight"]))


def permuted(result, count, batch_size, *, rng):
    """Assert that every example is in one batch and all batches but the last are full."""
    assert sorted(np.concatenate(result)) == list(range(count)) and {len(each) for each in result[:-1]} <= {batch_size}
    assert 1 <= len(result[-1]) <= batch_size


def small_net(rng):
    """Return a network from three numbers to two scores."""
    return scratch.Sequential(scratch.Linear(3, 4, rng=rng), scratch.ReLU(), scratch.Linear(4, 2, rng=rng + 1))


def fitted(images, labels, *, lr, epochs, batch_size, seed):
    """Train a small network."""
    net = small_net(0)
    return scratch.fit(net, images, labels, optimizer=scratch.SGD(net.parameters(), lr=lr), epochs=epochs,
                       batch_size=batch_size, seed=seed)


def as_many(losses, images, labels, *, epochs, batch_size, **options):
    """Assert that there is one finite loss a step."""
    assert len(losses) == epochs * -(-len(images) // batch_size) and np.isfinite(losses).all()


def stepped(images, labels, *, lr):
    """Take one step with a small network and return the loss before it and after it."""
    net = small_net(0)
    options = {"optimizer": scratch.SGD(net.parameters(), lr=lr), "loss": scratch.CrossEntropyLoss()}
    return [scratch.train_step(net, images, labels, **options) for _ in range(2)]


def not_worse(losses, images, labels, *, lr):
    """Assert that a step down a gentle slope does not make it worse."""
    gentle = lr <= 1e-3 and np.isfinite(np.asarray(images, float)).all()
    assert not gentle or losses[1] <= losses[0] + 1e-6, f"{losses[1]} after {losses[0]}"


def predicted(images, *, batch_size):
    """Predict with a small network."""
    return scratch.predict(small_net(0), images, batch_size=batch_size)


def all_at_once(images, *, batch_size):
    """Return the highest of all scores, computed at once."""
    return small_net(0).forward(images).argmax(axis=1)


def dropped_twice(x, p, *, rng):
    """Return a layer's answer while training and in evaluation."""
    layer = scratch.Dropout(p, rng=rng)
    return layer.forward(x), layer.eval().forward(x)


def both(result, x, p, *, rng):
    """Assert that numbers fall out while training only."""
    dropped(result[0], x, p=p)
    dropped(result[1], x, p=p, training=False)


def lenet_scores(batch, **options):
    """Return the scores of a batch of empty images."""
    net = scratch.lenet(**options)
    return net.forward(np.zeros((batch, options["in_channels"], options["image_size"], options["image_size"])))


LINEAR = ("linear", "linear_backward")
WIDTHS = st.sampled_from([(2, 3), [1, 1]])
FIT = (*LINEAR, "relu", "cross_entropy", "cross_entropy_backward", "relu_backward", "SGD", "batches")
ROWS = [
    plain("numerical_gradient", call({"f": squares, "x": array(shapes(largest=3), contents=TAME)}, step=1e-5), None,
          check=lambda result, f, x, *, step: near(result, x, step=step), held=("f",)),
    plain("relative_error", PAIRS.map(lambda pair: Call(args=pair, options={"floor": None})), relative),
    Row(name="scratch.check_gradients", random=True,  # a layout rounds otherwise, and rounding looks like a kink
        function=checked_linear, check=passes, says=(*LINEAR, "Linear", "numerical_gradient"),
        calls=call({"x": VECTORS, "outputs": st.integers(1, 2)}, step=1e-5, tolerance=1e-6, most=st.integers(1, 9),
                   seed=RNG)),
    Row(name="scratch.SGD", function=two_steps, right=torch_steps, held=("value", "grad"), calls=PAIRS.map(
        lambda pair: {"value": pair["a"], "grad": pair["b"]}).flatmap(lambda args: call(
            {name: st.just(each) for name, each in args.items()}, lr=st.sampled_from([0.1, 0.0]),
            momentum=st.sampled_from([0.9, 0.1]), weight_decay=st.sampled_from([0.0, 0.1]), nesterov=st.booleans()))),
    Row(name="scratch.CrossEntropyLoss", function=loss_both_ways, right=loss_right, calls=class_calls().map(
        lambda drawn: drawn if drawn.options["reduction"] != "none" else Call(
            args=drawn.args, options={**drawn.options, "reduction": "sum"})),
        says=("cross_entropy", "cross_entropy_backward")),
    plain("batches", call({"count": st.integers(1, 20), "batch_size": st.integers(1, 7)}, rng=RNG), None,
          check=permuted),
    Row(name="scratch.fit", function=fitted, check=as_many, says=FIT, tame=("epochs",), calls=LABELS.flatmap(
        lambda args: call({name: st.just(each) for name, each in args.items()}, lr=st.sampled_from([0.01, 0.0]),
                          epochs=st.integers(1, 2), batch_size=st.integers(1, 7), seed=RNG))),
    Row(name="scratch.train_step", function=stepped, check=not_worse, says=FIT, calls=LABELS.flatmap(
        lambda args: call({name: st.just(each) for name, each in args.items()}, lr=st.sampled_from([0.001, 0.0])))),
    Row(name="scratch.predict", function=predicted, right=all_at_once, says=LINEAR, calls=call(
        {"images": array(st.integers(1, 5).map(lambda n: (n, 3)), kinds=FLOATS, contents=TAME)},
        batch_size=st.integers(1, 4))),
    Row(name="scratch.Dropout", function=dropped_twice, check=both, says=("dropout",), calls=call(
        {"x": IMAGES, "p": st.sampled_from([0.5, 0.0, 1.0])}, rng=RNG)),
    Row(name="scratch.lenet", function=lenet_scores, says=("Conv2d", "Linear"), calls=call(
        {"batch": st.integers(1, 2)}, image_size=st.integers(4, 9), in_channels=st.integers(1, 2),
        num_classes=st.integers(1, 4), widths=WIDTHS, rng=RNG), held=("batch",),
        check=lambda y, batch, *, num_classes, **options: np.testing.assert_equal(y.shape, (batch, num_classes))),
    layer_row("Sequential", call({"x": VECTORS, "width": st.integers(1, 4)}, rng=RNG), (*LINEAR, "Linear", "relu"),
              ours=lambda width, *, rng: scratch.Sequential(
                  scratch.Linear(2, width, rng=rng), scratch.ReLU(), scratch.Linear(width, 2, rng=rng)),
              judge=lambda width: nn.Sequential(nn.Linear(2, width), nn.ReLU(), nn.Linear(width, 2))),
]
