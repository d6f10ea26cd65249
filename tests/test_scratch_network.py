import numpy as np
import pytest
import torch
from torch import nn

from cnnlib.data import load_digits, stratified_split
from cnnlib.scratch import (
    SGD,
    BatchNorm1d,
    CrossEntropyLoss,
    Linear,
    Parameter,
    Sequential,
    batches,
    fit,
    lenet,
    load_weights,
    predict,
    save_weights,
    train_step,
)
from tests.judge import refused

STEPS = 100


def torch_lenet():
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(128, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10))


@pytest.mark.parametrize("options", [
    {"lr": 0.1}, {"lr": 0.1, "momentum": 0.9, "weight_decay": 1e-3},
    {"lr": 0.05, "momentum": 0.9, "weight_decay": 1e-2, "nesterov": True}], ids=str)
def test_numpy_and_pytorch_agree_in_every_step(options):
    images, labels = load_digits()
    net, twin = lenet(rng=0), torch_lenet().double()
    twin.load_state_dict({name: torch.tensor(array) for name, array in net.state_dict().items()})
    ours, theirs = SGD(net.parameters(), **options), torch.optim.SGD(twin.parameters(), **options)
    loss = CrossEntropyLoss()
    values, rng = [], np.random.default_rng(0)
    order = [batch for _ in range(5) for batch in batches(len(images), 64, rng=rng)][:STEPS]
    for step, batch in enumerate(order):
        value = train_step(net, images[batch], labels[batch], optimizer=ours, loss=loss)
        theirs.zero_grad()
        right = nn.functional.cross_entropy(twin(torch.tensor(images[batch])), torch.tensor(labels[batch]))
        right.backward()
        theirs.step()
        assert value == pytest.approx(right.item(), abs=1e-6), step
        for (name, parameter), tensor in zip(net.named_parameters(), twin.parameters(), strict=True):
            assert np.abs(parameter.value - tensor.detach().numpy()).max() < 1e-6, (step, name)
        values.append(value)
    assert len(values) == STEPS and values[-1] < values[0]


def torch_accuracy(images, labels, train, test, seed):
    """Return the accuracy of the PyTorch twin from the same first weights, with the same batches and options."""
    twin, rng = torch_lenet(), np.random.default_rng(seed)
    twin.load_state_dict({name: torch.tensor(array) for name, array in lenet(rng=seed).state_dict().items()})
    optimizer = torch.optim.SGD(twin.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-3)
    x, y = torch.tensor(images), torch.tensor(labels)
    for batch in (train[each] for _ in range(25) for each in batches(len(train), 64, rng=rng)):
        optimizer.zero_grad()
        nn.functional.cross_entropy(twin(x[batch]), y[batch]).backward()
        optimizer.step()
    return (twin(x[test]).argmax(dim=1) == y[test]).double().mean().item()


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_lenet_reads_digits(seed):
    images, labels = load_digits()
    train, test = stratified_split(labels, seed=seed)
    assert len(test) == pytest.approx(0.2 * 1797, abs=5) and not set(train) & set(test)
    net, images = lenet(rng=seed).to(np.float32), images.astype(np.float32)
    assert (predict(net, images[test]) == labels[test]).mean() < 0.5  # before
    optimizer = SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-3)
    losses = fit(net, images[train], labels[train], optimizer=optimizer, epochs=25, batch_size=64, seed=seed)
    assert len(losses) == 25 * 23
    assert (predict(net, images[test]) == labels[test]).mean() >= 0.97
    assert torch_accuracy(images, labels, train, test, seed) >= 0.97


def test_weights_survive_the_file(tmp_path):
    net = Sequential(Linear(3, 2, rng=0), BatchNorm1d(2))
    net.forward(np.random.default_rng(0).normal(size=(5, 3)))
    save_weights(net, tmp_path / "net.npz")
    other = Sequential(Linear(3, 2, rng=1), BatchNorm1d(2))
    load_weights(other, tmp_path / "net.npz")
    assert all(np.array_equal(other.state_dict()[name], array) for name, array in net.state_dict().items())
    assert [file.name for file in tmp_path.iterdir()] == ["net.npz"]


def test_saving_never_loses_a_file(tmp_path):
    file = tmp_path / "net.npz"
    save_weights(Linear(3, 2, rng=0), file)
    kept = file.read_bytes()
    message = f"save_weights: path must be new unless overwrite=True, got {str(file)!r}"
    refused(save_weights, message, Linear(1, 1), file)
    assert file.read_bytes() == kept
    save_weights(Linear(1, 1), file, overwrite=True)
    assert file.read_bytes() != kept
    for path in (tmp_path / "net.txt", tmp_path / "none" / "net.npz"):
        refused(save_weights, "save_weights: path must end in .npz and lie in a folder that exists, got "
                f"{str(path)!r}", Linear(1, 1), path)


def test_a_write_that_fails_leaves_nothing_and_a_full_memory_is_no_damaged_file(tmp_path, monkeypatch):
    def fails(*arguments, **options):
        raise MemoryError

    file = tmp_path / "net.npz"
    save_weights(Linear(3, 2, rng=0), file)
    kept = file.read_bytes()
    monkeypatch.setattr("os.replace", fails)
    with pytest.raises(MemoryError):
        save_weights(Linear(1, 1), file, overwrite=True)
    assert list(tmp_path.iterdir()) == [file] and file.read_bytes() == kept
    monkeypatch.setattr("numpy.load", fails)
    with pytest.raises(MemoryError):
        load_weights(Linear(3, 2), file)


class Trap:
    def __reduce__(self):
        return exec, ("raise SystemExit('executed')",)


@pytest.mark.parametrize("content", [b"", b"no zip file", b"PK\x03\x04 half a zip"])
def test_damaged_file_is_refused_and_changes_nothing(tmp_path, content):
    net, file = Linear(3, 2, rng=0), tmp_path / "net.npz"
    before = net.state_dict()
    file.write_bytes(content)
    with pytest.raises(ValueError, match=r"^load_weights: path must be an \.npz file of arrays, got "):
        load_weights(net, file)
    save_weights(net, file, overwrite=True)
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"^load_weights: path must be an \.npz file of arrays, got "):
        load_weights(net, file)
    assert all(np.array_equal(net.state_dict()[name], before[name]) for name in before)


def test_a_file_with_code_in_it_is_refused(tmp_path):
    np.savez(tmp_path / "net.npz", weight=np.array([Trap()], dtype=object), bias=np.zeros(2))
    with pytest.raises(ValueError, match=r"^load_weights: path must be an \.npz file of arrays, got "):
        load_weights(Linear(3, 2), tmp_path / "net.npz")


def test_files_of_another_network_and_missing_files(tmp_path):
    save_weights(Linear(3, 2), tmp_path / "net.npz")
    refused(load_weights, "load_state_dict: weight must have the shape (2, 4), got (2, 3)", Linear(4, 2),
            tmp_path / "net.npz")
    refused(load_weights, "load_weights: path must be a file, got 'nowhere.npz'", Linear(4, 2), "nowhere.npz")


def test_predict_leaves_the_mode_and_needs_no_batch():
    net = Sequential(BatchNorm1d(2), Linear(2, 3, rng=0))
    x = np.random.default_rng(0).normal(size=(7, 2))
    alone = [int(predict(net, x[i:i + 1])[0]) for i in range(7)]
    assert predict(net, x, batch_size=2).tolist() == alone  # evaluation: neighbors do not matter
    assert net.training and net.layers[0].training
    assert not Sequential(net).eval().training and predict(net, x).shape == (7,)
    assert not net.layers[0].training
    net.train().layers[0].eval()  # one frozen layer
    predict(net, x)
    assert net.training and not net.layers[0].training


def test_step_keeps_the_float_type_and_the_momentum_its_own_numbers():
    net = Linear(2, 2, rng=0).to(np.float32)
    train_step(net, np.eye(2), [0, 1], optimizer=SGD(net.parameters(), lr=0.1), loss=CrossEntropyLoss())
    assert {parameter.value.dtype for parameter in net.parameters()} == {np.dtype(np.float32)}
    parameter = Parameter(np.array([1.0]))
    optimizer, parameter.grad = SGD([parameter], lr=1.0, momentum=0.5), np.array([1.0])
    optimizer.step()
    parameter.grad[:] = 0  # the reader clears it in place
    optimizer.step()
    assert parameter.value.tolist() == [-0.5]


def test_batches_use_each_example_once():
    parts = batches(10, 4, rng=0)
    assert [len(part) for part in parts] == [4, 4, 2] and sorted(np.concatenate(parts)) == list(range(10))
    rng = np.random.default_rng(0)
    assert not np.array_equal(batches(50, 50, rng=rng), batches(50, 50, rng=rng))  # a new order each epoch


def test_same_seed_same_losses():
    images, labels = load_digits()
    runs = []
    for seed in (0, 0, 1):
        net = lenet(rng=0)
        optimizer = SGD(net.parameters(), lr=0.1)
        runs.append(fit(net, images[:64], labels[:64], optimizer=optimizer, epochs=1, batch_size=16, seed=seed))
    assert runs[0] == runs[1] != runs[2]


def test_training_that_explodes_stops_with_the_step():
    x, labels = 1e200 * np.ones((2, 2)), np.array([0, 1])
    net = Sequential(Linear(2, 2, rng=0), Linear(2, 2, rng=0))
    with np.errstate(all="ignore"), pytest.raises(ValueError) as caught:
        fit(net, x, labels, optimizer=SGD(net.parameters(), lr=1e200), epochs=5, batch_size=2)
    assert str(caught.value).startswith("fit: the loss must stay finite, got ")
    assert str(caught.value).endswith("; a smaller lr may help")


@pytest.mark.parametrize(("call", "message"), [
    (lambda: SGD([Parameter(1.0)], lr=-1), "SGD: lr must be a number of at least 0, got -1"),
    (lambda: SGD([Parameter(1.0)], lr=1, momentum="a"), "SGD: momentum must be a number of at least 0, got 'a'"),
    (lambda: SGD([Parameter(1.0)], lr=1, weight_decay=-1),
     "SGD: weight_decay must be a number of at least 0, got -1"),
    (lambda: SGD([Parameter(1.0)], lr=1, nesterov=True), "SGD: nesterov needs a momentum above 0, got 0.0"),
    (lambda: SGD([], lr=1), "SGD: params must be the Parameters of a network, got []"),
    (lambda: SGD([1.0], lr=1), "SGD: params must be the Parameters of a network, got [1.0]"),
    (lambda: fit(Linear(2, 2), np.ones((2, 2)), [0, 1], optimizer=None, epochs=1, batch_size=0),
     "fit: batch_size must be a whole number of at least 1, got 0"),
    (lambda: predict(Linear(2, 2), np.ones((0, 2))), "predict: there must be images, got shape (0, 2)"),
    (lambda: lenet(widths="ab"), "lenet: widths must be a whole number of at least 1, got 'ab'"),
    (lambda: batches(3, 0, rng=0), "batches: batch_size must be a whole number of at least 1, got 0"),
    (lambda: fit(Linear(2, 2), np.ones((3, 2)), [0, 1], optimizer=None, epochs=1, batch_size=1),
     "fit: labels must hold one class for each of 3 images, got 2"),
    (lambda: fit(Linear(2, 2), np.ones((2, 2)), [0, 1], optimizer=None, epochs=0, batch_size=1),
     "fit: epochs must be a whole number of at least 1, got 0"),
    (lambda: fit(Linear(2, 2), np.ones((2, 2)), [0, 1], optimizer=None, epochs=1, batch_size=1, seed=-1),
     "fit: seed must be a whole number of at least 0, got -1"),
    (lambda: predict(Linear(2, 2), np.ones((2, 2)), batch_size=0),
     "predict: batch_size must be a whole number of at least 1, got 0"),
    (lambda: lenet(image_size=3), "lenet: image_size must be a whole number of at least 4, got 3"),
])
def test_bad_input_gets_the_rule_and_the_value(call, message):
    refused(call, message)


def test_examples_must_be_arrays_and_orders_no_larger_than_a_memory():
    net = Linear(1, 2, rng=0)
    options = {"optimizer": SGD(net.parameters(), lr=0.1), "epochs": 1, "batch_size": 1}
    refused(fit, "fit: images must be an array of real numbers, got None", net, None, [0], **options)
    refused(fit, "fit: labels must have at least 1 axes, got shape ()", net, [[1.0]], 0, **options)
    refused(predict, "predict: there must be images, got shape ()", net, 1.0)
    refused(batches, "batches: the order must have at most 1073741824 numbers, got the shape (2147483648,)", 2**31, 1,
            rng=0)
    refused(Linear, "Linear: weight must have at most 1073741824 numbers, got the shape (65536, 65536)", 2**16, 2**16)
