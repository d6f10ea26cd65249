import inspect

import numpy as np
import pytest
import torch
from torch import nn

from cnnlib import scratch
from tests.judge import close, refused

rng = np.random.default_rng(0)
MAPS, FLAT = rng.normal(size=(4, 6, 9, 8)), rng.normal(size=(5, 6))
PAIRS = [  # ours, PyTorch's, input
    (scratch.Conv2d(6, 4, (3, 2), stride=(2, 1), padding=1, dilation=(1, 2), groups=2, rng=0),
     nn.Conv2d(6, 4, (3, 2), stride=(2, 1), padding=1, dilation=(1, 2), groups=2), MAPS),
    (scratch.Conv2d(6, 3, 3, padding="same", bias=False, rng=0), nn.Conv2d(6, 3, 3, padding="same", bias=False), MAPS),
    (scratch.Linear(6, 3, rng=0), nn.Linear(6, 3), FLAT),
    (scratch.Linear(6, 3, bias=False, rng=0), nn.Linear(6, 3, bias=False), FLAT),
    (scratch.BatchNorm2d(6, eps=0.01, momentum=0.3), nn.BatchNorm2d(6, eps=0.01, momentum=0.3), MAPS),
    (scratch.BatchNorm1d(6), nn.BatchNorm1d(6), FLAT),
    (scratch.MaxPool2d(3, stride=2, padding=1, ceil_mode=True), nn.MaxPool2d(3, 2, 1, ceil_mode=True), MAPS),
    (scratch.AvgPool2d(3, padding=1, count_include_pad=False), nn.AvgPool2d(3, padding=1, count_include_pad=False),
     MAPS),
    (scratch.AdaptiveAvgPool2d((3, 1)), nn.AdaptiveAvgPool2d((3, 1)), MAPS),
    (scratch.Flatten(), nn.Flatten(), MAPS),
    (scratch.ReLU(), nn.ReLU(), MAPS),
    (scratch.LeakyReLU(0.2), nn.LeakyReLU(0.2), MAPS),
    (scratch.ReLU6(), nn.ReLU6(), 9 * MAPS),
    (scratch.Sigmoid(), nn.Sigmoid(), MAPS),
    (scratch.Tanh(), nn.Tanh(), MAPS),
    (scratch.Softmax(1), nn.Softmax(1), MAPS),
]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(("layer", "judge", "x"), PAIRS, ids=lambda each: type(each).__name__)
def test_layer_agrees_with_pytorchs(layer, judge, x, training):
    judge = judge.double().train(training)
    layer.train(training).zero_grad()
    judge.zero_grad()
    judge.load_state_dict({name: torch.tensor(array) for name, array in layer.state_dict().items()})
    tensor = torch.tensor(x, requires_grad=True)
    right = judge(tensor)
    assert close(layer(x), right)
    grad_output = rng.normal(size=tuple(right.shape))
    right.backward(torch.tensor(grad_output))
    assert close(layer.backward(grad_output), tensor.grad)
    for (name, ours), (same, theirs) in zip(layer.named_parameters(), judge.named_parameters(), strict=True):
        assert name == same and close(ours.grad, theirs.grad, scale=1), name


def test_loss_with_options_agrees_with_pytorchs():
    target, weight = np.array([0, 2, 5, 1, 3]), np.linspace(0.5, 2, 6)
    for options in ({}, {"reduction": "sum"}, {"label_smoothing": 0.2, "ignore_index": 1}):
        tensor = torch.tensor(FLAT, requires_grad=True)
        right = nn.CrossEntropyLoss(torch.tensor(weight), **options)(tensor, torch.tensor(target))
        right.backward()
        loss = scratch.CrossEntropyLoss(weight, **options)
        assert close(loss.forward(FLAT, target), right) and close(loss.backward(), tensor.grad)


def test_layer_options_and_defaults_are_pytorchs():
    for layer, judge, _ in PAIRS:
        ours = inspect.signature(type(layer)).parameters
        theirs = inspect.signature(type(judge)).parameters
        for name, parameter in ours.items():
            if name != "rng":
                assert name in theirs, (type(layer).__name__, name)
                same = parameter.default == theirs[name].default
                assert same or name in ("stride", "dim"), (type(layer).__name__, name)


def test_dropout_layer_drops_anew_while_training_only():
    layer, x = scratch.Dropout(0.5, rng=0), np.ones((4, 50))
    first, second = layer.forward(x), layer.forward(x)
    assert not np.array_equal(first, second)
    assert np.array_equal(layer.backward(x), second)  # the mask of the last pass
    assert np.array_equal(layer.eval().forward(x), x) and np.array_equal(layer.backward(x), x)


def test_evaluation_takes_no_numbers_from_the_next_training_step():
    masks = []
    for look in (False, True):
        layer, x = scratch.Dropout(0.5, rng=0), np.ones(50)
        layer.forward(x)
        if look:
            layer.eval().forward(x)
            layer.train()
        masks.append(layer.forward(x))
    assert np.array_equal(*masks)


def test_dropout_backward_follows_the_mode_of_its_forward_pass():
    layer, x = scratch.Dropout(0.5, rng=0), np.ones(50)
    y = layer.forward(x)
    layer.eval()
    assert np.array_equal(layer.backward(x), y)


class Block(scratch.Layer):
    """A layer with layers in its attributes, as a reader writes it."""

    def __init__(self):
        super().__init__()
        self.inner, self.norm = scratch.Linear(6, 6, rng=0), scratch.BatchNorm1d(6)

    def forward(self, x):
        return self.norm.forward(self.inner.forward(x))

    def backward(self, grad_output):
        return self.inner.backward(self.norm.backward(grad_output))


def test_layers_inside_layers_are_learned_saved_and_switched():
    net = scratch.Sequential(Block(), scratch.Linear(6, 2, rng=1))
    names = [name for name, _ in net.named_parameters()]
    assert names == ["0.inner.weight", "0.inner.bias", "0.norm.weight", "0.norm.bias", "1.weight", "1.bias"]
    assert "0.norm.running_mean" in net.state_dict() and not net.eval().layers[0].norm.training
    assert scratch.check_gradients(net.train(), FLAT).passed


def test_first_weights_are_drawn_as_pytorch_draws_them():
    weights = scratch.Conv2d(8, 64, 5, rng=0).weight.value, nn.Conv2d(8, 64, 5).weight.detach().numpy()
    for weight in weights:
        assert np.abs(weight).max() <= 1 / np.sqrt(8 * 25) and weight.std() == pytest.approx(1 / np.sqrt(600), rel=0.05)
    assert np.array_equal(scratch.Linear(3, 2, rng=1).weight.value, scratch.Linear(3, 2, rng=1).weight.value)
    assert not np.array_equal(scratch.Linear(3, 2).weight.value, scratch.Linear(3, 2).weight.value)


def test_gradients_add_up_until_they_are_forgotten():
    layer, x = scratch.Linear(6, 2, rng=0), FLAT
    layer.forward(x)
    layer.backward(np.ones((5, 2)))
    once = layer.weight.grad
    layer.backward(np.ones((5, 2)))
    assert np.array_equal(layer.weight.grad, 2 * once)
    layer.zero_grad()
    assert layer.weight.grad is None


def test_sequential_names_its_parameters_as_pytorch():
    net = scratch.Sequential(scratch.Conv2d(1, 2, 3, rng=0), scratch.BatchNorm2d(2), scratch.ReLU(),
                             scratch.Sequential(scratch.Flatten(), scratch.Linear(8, 3, rng=0)))
    judge = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(),
                          nn.Sequential(nn.Flatten(), nn.Linear(8, 3)))
    assert [name for name, _ in net.named_parameters()] == [name for name, _ in judge.named_parameters()]
    assert net.state_dict().keys() == judge.state_dict().keys()
    judge.load_state_dict({name: torch.tensor(array) for name, array in net.state_dict().items()})
    net.load_state_dict({name: tensor.numpy() for name, tensor in judge.state_dict().items()})
    x = rng.normal(size=(3, 1, 4, 4))
    assert close(net.eval().forward(x), judge.double().eval()(torch.tensor(x)))
    assert not net.layers[3].training and net.train().layers[1].training


def test_mode_and_type_reach_all_layers():
    net = scratch.Sequential(scratch.Conv2d(1, 2, 3, rng=0), scratch.BatchNorm2d(2)).to(np.float32)
    y = net.forward(np.ones((2, 1, 4, 4), np.float32))
    assert y.dtype == np.float32
    kinds = {name: str(array.dtype) for name, array in net.state_dict().items()}
    assert kinds.pop("1.num_batches_tracked") == "int64" and set(kinds.values()) == {"float32"}


def test_refused_state_changes_nothing():
    layer = scratch.Linear(2, 3, rng=0)
    before = layer.state_dict()
    weight, bias = np.zeros((3, 2)), np.zeros(3)
    refused(layer.load_state_dict, "load_state_dict: names must be the network's own, got missing ['bias'], "
            "unexpected ['scale']", {"weight": weight, "scale": bias})
    refused(layer.load_state_dict, "load_state_dict: bias must have the shape (3,), got (2,)",
            {"weight": weight, "bias": bias[:2]})
    refused(layer.load_state_dict, "load_state_dict: state must hold arrays by name, got [1]", [1])
    norm = scratch.BatchNorm1d(2)
    refused(norm.load_state_dict, "load_state_dict: num_batches_tracked must hold whole numbers, got float64",
            {**norm.state_dict(), "num_batches_tracked": np.array(np.nan)})
    refused(layer.load_state_dict, "load_state_dict: bias must hold real numbers, got <U1",
            {"weight": weight, "bias": np.array(list("abc"))})
    assert all(np.array_equal(layer.state_dict()[name], before[name]) for name in before)


@pytest.mark.parametrize(("make", "message"), [
    (lambda: scratch.Conv2d(3, 4, 0), "Conv2d: kernel_size must be a whole number of at least 1, got 0"),
    (lambda: scratch.Conv2d(3, 4, 3, groups=2), "Conv2d: groups must divide in_channels = 3, got 2"),
    (lambda: scratch.Linear(0, 4), "Linear: in_features must be a whole number of at least 1, got 0"),
    (lambda: scratch.BatchNorm2d(0), "BatchNorm2d: num_features must be a whole number of at least 1, got 0"),
    (lambda: scratch.BatchNorm1d(3, momentum=7), "BatchNorm1d: momentum must be a fraction of 1, got 7"),
    (lambda: scratch.BatchNorm1d(6).forward(MAPS), "BatchNorm1d: x must have 2 or 3 axes, got shape (4, 6, 9, 8)"),
    (lambda: scratch.BatchNorm2d(6).forward(FLAT), "BatchNorm2d: x must have 4 axes, got shape (5, 6)"),
    (lambda: scratch.Dropout(-1), "Dropout: p must be a fraction of 1, got -1"),
    (lambda: scratch.Conv2d(3, 4, 3, stride=0), "Conv2d: stride must be a whole number of at least 1, got 0"),
    (lambda: scratch.Conv2d(3, 4, 3, dilation=0), "Conv2d: dilation must be a whole number of at least 1, got 0"),
    (lambda: scratch.Conv2d(3, 4, 3, padding="x"),
     "Conv2d: padding must be a number, a tuple, \"valid\" or \"same\", got 'x'"),
    (lambda: scratch.Conv2d(3, 4, 3, bias="no"), "Conv2d: bias must be True or False, got 'no'"),
    (lambda: scratch.Linear(3, 4, rng="a"), "Linear: rng must be a whole number of at least 0, got 'a'"),
    (lambda: scratch.MaxPool2d(0), "MaxPool2d: kernel_size must be a whole number of at least 1, got 0"),
    (lambda: scratch.AvgPool2d(2, padding=2), "AvgPool2d: padding must be at most half of kernel_size = 2, got 2"),
    (lambda: scratch.AdaptiveAvgPool2d(0),
     "AdaptiveAvgPool2d: output_size must be a whole number of at least 1, got 0"),
    (lambda: scratch.Flatten("a"), "Flatten: start_dim must hold whole numbers, got 'a'"),
    (lambda: scratch.Flatten(1, "a"), "Flatten: end_dim must hold whole numbers, got 'a'"),
    (lambda: scratch.LeakyReLU(None), "LeakyReLU: negative_slope must be a finite number, got None"),
    (lambda: scratch.Linear(3, 4).to(int), "Layer.to: dtype must be float32 or float64, got <class 'int'>"),
    (lambda: scratch.Sequential(), "Sequential: there must be at least one layer, got none"),
    (lambda: scratch.Sequential(*[scratch.Tanh()] * 2),
     "Sequential: layers must be different objects, got one Tanh twice"),
    (lambda: scratch.ReLU().backward(FLAT), "ReLU: forward must run before backward, got no input"),
    (lambda: scratch.Sequential(scratch.ReLU()).backward(FLAT),
     "Sequential: forward must run before backward, got no input"),
    (lambda: scratch.CrossEntropyLoss().backward(),
     "CrossEntropyLoss: forward must run before backward, got no scores"),
    (lambda: scratch.Sequential(np.tanh),
     "Sequential: layers must be layers of cnnlib.scratch, got <ufunc 'tanh'>"),
])
def test_bad_input_gets_the_rule_and_the_value(make, message):
    refused(make, message)
