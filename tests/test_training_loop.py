"""Training: the plain loop beside ours, kills and resumptions, what is refused."""
import os
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from cnnlib.data import LeafPictures
from cnnlib.data.transforms import Compose, ConvertImageDtype, MixUp, RandomErasing, RandomHorizontalFlip
from cnnlib.training import cosine, evaluate, find_learning_rate, fit
from tests.judge import refused

ROOT = Path(__file__).parents[1]


def net(dropout=0.0):
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(dropout), nn.AdaptiveAvgPool2d(2),
                         nn.Flatten(), nn.Linear(16, 3))


def data(count=30, seed=1):
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % 3
    return torch.randn(count, 1, 8, 8, generator=generator) + labels[:, None, None, None], labels


def same(first, second):
    state = second.state_dict()
    return all(torch.equal(value, state[key]) for key, value in first.state_dict().items())


def test_equal_to_the_loop_that_people_write():
    x, y = data()
    ours, plain = net(), net()
    rows = fit(ours, (x, y), epochs=3, lr=0.05, batch_size=8, seed=4, schedule=cosine(), progress=False)
    optimizer, step = torch.optim.SGD(plain.parameters(), lr=0.05, momentum=0.9), 0
    for epoch in range(3):
        order = torch.randperm(30, generator=torch.Generator().manual_seed(4 * 1_000_003 + epoch))
        plain.train()
        losses, right = 0.0, 0
        for batch in order.split(8):
            optimizer.param_groups[0]["lr"] = 0.05 * cosine()(step, 12)
            scores = plain(x[batch])
            loss = functional.cross_entropy(scores, y[batch])
            right += (scores.argmax(1) == y[batch]).sum().item()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses, step = losses + loss.item() * len(batch), step + 1
        assert rows[epoch].loss == pytest.approx(losses / 30) and rows[epoch].accuracy == right / 30
    assert same(ours, plain)


def test_masks_and_a_loss_of_ones_own():
    x, _ = data()
    masks = (x > 1).float()
    ours, plain = (nn.Conv2d(1, 1, kernel_size=3, padding=1) for _ in range(2))
    plain.load_state_dict(ours.state_dict())
    [row] = fit(ours, (x, masks), epochs=1, lr=0.1, batch_size=30, progress=False,
                loss=functional.binary_cross_entropy_with_logits)
    loss = functional.binary_cross_entropy_with_logits(plain(x), masks)
    loss.backward()
    torch.optim.SGD(plain.parameters(), lr=0.1).step()
    assert row.accuracy is None and row.loss == pytest.approx(loss.item())
    for one, other in zip(ours.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(one, other)


def test_masks_of_a_network_that_returns_rows_are_no_classes():
    x, _ = data()
    [row] = fit(nn.Sequential(nn.Flatten(), nn.Linear(64, 64)), (x, (x[:, 0] > 1).float()), epochs=1, progress=False,
                loss=lambda scores, masks: functional.binary_cross_entropy_with_logits(scores, masks.flatten(1)))
    assert row.accuracy is None


def test_the_bar_is_there_when_asked_for(capsys):
    fit(net(), data(), epochs=2, progress=False)
    assert capsys.readouterr() == ("", "")
    fit(net(), data(), epochs=2)
    assert "epoch 2/2" in capsys.readouterr().err


def test_an_error_of_the_model_keeps_its_words():
    class Stubborn(nn.Linear):
        def forward(self, x):
            raise ValueError("not today")
    refused(fit, "not today", Stubborn(2, 2), data(), epochs=1, progress=False)


def test_the_same_seed_gives_the_same_weights_and_leaves_the_readers_random_numbers_alone():
    first, second, other = net(0.5), net(0.5), net(0.5)
    torch.manual_seed(7)
    wanted = torch.rand(3)
    torch.manual_seed(7)
    fit(first, data(), epochs=2, progress=False)
    assert torch.equal(torch.rand(3), wanted)
    fit(second, data(), epochs=2, progress=False)
    fit(other, data(), epochs=2, progress=False, seed=1)
    assert same(first, second) and not same(first, other)


@pytest.mark.parametrize("loader", [False, True])
def test_stopped_between_any_two_epochs(tmp_path, loader):
    x, y = data()
    source = (lambda: DataLoader(TensorDataset(x, y), batch_size=7, shuffle=True)) if loader else (lambda: (x, y))
    options = {"validation": data(12, seed=2), "progress": False, "schedule": None}
    whole = net(0.3)
    rows = fit(whole, source(), epochs=4, **options)
    for stop in (1, 2, 3):
        parts, folder = net(0.3), tmp_path / str(stop)
        fit(parts, source(), epochs=stop, checkpoint=folder, **options)
        again = net(0.3)
        resumed = fit(again, source(), epochs=4, checkpoint=folder, resume=True, **options)
        assert same(whole, again) and resumed == rows


def leaves():
    rng = np.random.default_rng(3)
    steps = [RandomHorizontalFlip(rng=rng), ConvertImageDtype(), RandomErasing(rng=rng)]
    return LeafPictures(12, classes=3, size=16, transform=Compose(steps))


def leaf_net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(768, 3))


def test_stopped_with_random_transforms_and_mixed_batches(tmp_path):
    def mixed():
        return MixUp(num_classes=3, rng=np.random.default_rng(5))
    whole, parts, again, plain = (leaf_net() for _ in range(4))
    rows = fit(whole, leaves(), epochs=3, mix=mixed(), progress=False)
    fit(parts, leaves(), epochs=1, mix=mixed(), progress=False, checkpoint=tmp_path)
    assert fit(again, leaves(), epochs=3, mix=mixed(), progress=False, checkpoint=tmp_path, resume=True) == rows
    assert same(whole, again)
    fit(plain, leaves(), epochs=3, progress=False)
    assert not same(plain, whole)
    refused(lambda: fit(plain, leaves(), epochs=1, mix=0.2),
            "fit: mix must be a function on batches or None, got 0.2")


KILLED = """
import sys, os, random
import torch
from tests.test_training_loop import data, net
from cnnlib.training import fit
torch.set_num_threads(1)
folder, kill, result = sys.argv[1], int(sys.argv[2]), sys.argv[3]
model, steps = net(0.3), 0
def count(module, args):
    global steps
    if module.training:
        steps += 1
        if steps == kill:
            os._exit(9)
model.register_forward_pre_hook(count)
fit(model, data(), epochs=5, batch_size=8, checkpoint=folder, resume=True, progress=False, validation=data(9, 2))
torch.save(model.state_dict(), result)
"""


def run(folder, kill):
    result = folder / "result.pt"
    done = subprocess.run([sys.executable, "-c", KILLED, str(folder), str(kill), str(result)], cwd=ROOT, check=False)
    return done.returncode, result


@pytest.mark.apart
@pytest.mark.slow
def test_ten_kills_at_any_step_change_nothing(tmp_path):
    (tmp_path / "whole").mkdir()
    code, result = run(tmp_path / "whole", 0)
    assert code == 0
    wanted = torch.load(result, weights_only=True)
    folder = tmp_path / "killed"
    folder.mkdir()
    for number, kill in enumerate((1, 3, 4, 5, 2, 6, 7, 1, 8, 3)):  # steps within a run; an epoch has four
        code, result = run(folder, kill)
        assert code in (0, 9), number
        if code == 0:
            break
    code, result = run(folder, 0)
    assert code == 0
    found = torch.load(result, weights_only=True)
    assert all(torch.equal(found[key], wanted[key]) for key in wanted)


def test_the_optimizer_gets_its_rate_back():
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    fit(model, data(), epochs=1, optimizer=optimizer, schedule=cosine(), progress=False)
    assert optimizer.param_groups[0]["lr"] == 0.1
    x, y = data()
    with pytest.raises(ValueError, match=r"^fit: loss must stay finite"):
        fit(model, (x * float("nan"), y), epochs=1, optimizer=optimizer, schedule=cosine(), progress=False)
    assert optimizer.param_groups[0]["lr"] == 0.1


def test_a_run_that_goes_on_takes_the_same_batches(tmp_path):
    fit(net(), data(), epochs=1, progress=False, checkpoint=tmp_path)
    for name, value, before in (("seed", 1, 0), ("batch_size", 8, 32), ("drop_last", True, False)):
        options = {"batch_size": 32, "drop_last": False, name: value}
        if name == "drop_last":
            options["batch_size"] = 30
            fit(net(), data(), epochs=1, progress=False, checkpoint=tmp_path / "full", batch_size=30)
        folder = tmp_path / "full" if name == "drop_last" else tmp_path
        refused(lambda options=options, folder=folder: fit(
            net(), data(), epochs=2, progress=False, checkpoint=folder, resume=True, **options),
            f"fit: {name} must be that of the checkpoint, {before}, got {value}")


def damage(path):
    path.write_bytes(path.read_bytes()[:-200])


def test_a_broken_checkpoint_is_left_for_the_one_before(tmp_path):
    whole = net()
    fit(whole, data(), epochs=4, progress=False)
    fit(net(), data(), epochs=3, progress=False, checkpoint=tmp_path)
    damage(tmp_path / "last.pt")
    again = net()
    with pytest.warns(UserWarning, match=r"last\.pt is broken"):
        rows = fit(again, data(), epochs=4, progress=False, checkpoint=tmp_path, resume=True)
    assert same(whole, again) and len(rows) == 4
    assert {path.name for path in tmp_path.iterdir()} == {"last.pt", "before.pt", "broken.pt"}
    damage(tmp_path / "last.pt")  # the one before is whole, although a broken one was there
    with pytest.warns(UserWarning, match=r"last\.pt is broken"):
        fit(net(), data(), epochs=4, progress=False, checkpoint=tmp_path, resume=True)


def test_no_whole_checkpoint_is_an_error(tmp_path):
    fit(net(), data(), epochs=2, progress=False, checkpoint=tmp_path)
    damage(tmp_path / "last.pt")
    damage(tmp_path / "before.pt")
    with pytest.warns(UserWarning), pytest.raises(ValueError, match=r"^fit: checkpoint must hold a whole state"):
        fit(net(), data(), epochs=4, progress=False, checkpoint=tmp_path, resume=True)
    assert (tmp_path / "last.pt").exists()


def test_early_stopping_and_the_best_weights():
    x, y = data()
    model = net()
    wrong = (x, (y + 1) % 3)  # what is learned makes this worse and worse
    rows = fit(model, (x, y), epochs=30, lr=0.1, validation=wrong, patience=3, progress=False)
    losses = [row.validation_loss for row in rows]
    assert len(rows) == losses.index(min(losses)) + 4 < 30
    assert evaluate(model, wrong).loss == pytest.approx(min(losses))
    assert evaluate(model, wrong).loss < losses[-1]


def test_a_loss_that_is_no_number_stops_with_epoch_and_step():
    x, y = data(16)
    x[9] = float("nan")
    with pytest.raises(ValueError, match=r"^fit: loss must stay finite, got nan in epoch 1, step [01], at lr 0\.01$"):
        fit(net(), (x, y), epochs=1, batch_size=8, progress=False)


def test_one_image_and_batch_norm():
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 4), nn.BatchNorm1d(4))
    message = ("fit: a batch needs more than one image for batch norm in training mode, got 1; use drop_last=True or "
               "another batch_size")
    refused(lambda: fit(model, data(9), epochs=1, batch_size=4, progress=False), message)
    fit(model, data(9), epochs=1, batch_size=4, drop_last=True, progress=False)


@pytest.mark.parametrize("arguments, message", [
    ({"train": (torch.zeros(0, 1, 8, 8), torch.zeros(0))}, "train must not be empty, got 0 examples"),
    ({"train": (torch.zeros(3, 1, 8, 8), torch.zeros(2))}, "train must hold as many inputs as labels, got 3 and 2"),
    ({"train": 5}, "train must be a dataset or a pair (inputs, labels), got int"),
    ({"train": DataLoader([], batch_size=2)}, "train must not be empty, got a loader of 0 batches"),
    ({"batch_size": 64, "drop_last": True}, "train must fill a batch, got 30 examples for batch_size 64"),
    ({"epochs": 0}, "epochs must be a whole number of at least 1, got 0"),
    ({"lr": 0}, "lr must be a number above 0, got 0"),
    ({"patience": 2}, "patience needs validation data, got patience=2 without"),
    ({"resume": True}, "resume needs a checkpoint folder, got None"),
    ({"patience": 0}, "patience must be a whole number of at least 1, got 0"),
    ({"drop_last": 1}, "drop_last must be True or False, got 1"),
    ({"resume": 1}, "resume must be True or False, got 1"),
    ({"progress": 1}, "progress must be True or False, got 1"),
    ({"seed": -1}, "seed must be a whole number of at least 0, got -1"),
], ids=lambda value: str(value)[:30])
def test_bad_arguments(arguments, message):
    model = net()
    refused(lambda: fit(model, **{"train": data(), "epochs": 1, "progress": False, **arguments}), f"fit: {message}")
    assert same(model, net())


def test_nothing_to_learn():
    refused(lambda: fit(nn.ReLU(), data(), epochs=1), "fit: the model must have parameters that learn, got none")


def test_the_rate_finder_leaves_the_model_and_finds_a_rate_that_learns():
    model = net()
    found = find_learning_rate(model, data(), low=1e-5, high=10, steps=40)
    assert same(model, net()) and model.training
    assert 1e-4 < found.suggestion < 10 and len(found.rates) == len(found.losses)
    slow, good = (fit(net(), data(), epochs=4, lr=lr, progress=False)[-1].loss for lr in (1e-5, found.suggestion / 3))
    assert good < slow
    refused(lambda: find_learning_rate(model, data(), low=1, high=0.1),
            "find_learning_rate: low must be below high, got 1.0 and 0.1")


def test_each_pass_of_the_rate_finder_has_another_order():
    seen = []

    class Seen(TensorDataset):
        def __getitem__(self, index):
            seen.append(index)
            return super().__getitem__(index)
    find_learning_rate(net(), Seen(*data()), steps=10, batch_size=15)
    assert len(seen) >= 90 and sorted(seen[:30]) == sorted(seen[30:60]) and seen[:30] != seen[30:60]
    refused(lambda: find_learning_rate(nn.ReLU(), data()),
            "find_learning_rate: the model must have parameters that learn, got none")


def test_two_examples_in_a_list_are_a_dataset():
    x, y = data(2)
    assert len(evaluate(net(), [(x[0], y[0]), (x[1], y[1])]).labels) == 2


class Auxiliary(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = net()

    def forward(self, x):
        return namedtuple("Outputs", "logits aux")(self.net(x), None)


def test_networks_with_auxiliary_heads_are_judged_by_their_logits():
    rows = fit(Auxiliary(), data(), epochs=1, validation=data(9), progress=False)
    assert 0 <= rows[0].validation_accuracy <= 1


def test_evaluation_restores_every_mode():
    model = net().train()
    model[1].eval()
    x, y = data()
    result = evaluate(model, (x, y), batch_size=7)
    assert model.training and model[0].training and not model[1].training
    assert result.labels.tolist() == y.tolist()
    np.testing.assert_allclose(result.scores, model.eval()(x).detach(), rtol=1e-5)
    refused(evaluate, "evaluate: data must be a dataset or a pair (inputs, labels), got int", model, 5)
    assert result.confusion().sum() == 30 and result.accuracy == (result.predicted == result.labels).mean()


TEAM = """
import os
import sys
import torch
from torch import nn
from tests.test_training_loop import data
from cnnlib.training import cosine, fit
torch.set_num_threads(1)
torch.manual_seed(0)
norm = [nn.BatchNorm2d(4)] if "norm" in sys.argv else []
model = nn.Sequential(nn.Conv2d(1, 4, 3), *norm, nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(16, 3))
model, (x, y) = model.double(), data(29)
rows = fit(model, (x.double(), y), epochs=3, lr=0.1, batch_size=int(sys.argv[2]), schedule=cosine(), progress=False,
           checkpoint=sys.argv[1], validation=(x[:7].double(), y[:7]), patience=2)
state = {"rows": [vars(row) for row in rows], "model": model.state_dict()}
torch.save(state, sys.argv[1] + "/rank" + os.environ.get("RANK", "0"))
"""


def torchrun(tmp_path, *arguments):
    """Run TEAM in two processes on this machine; return what they said if it failed."""
    (tmp_path / "team.py").write_text(TEAM, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1"}
    done = subprocess.run([
        sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "--master-addr=127.0.0.1",
        "--master-port=0", "--rdzv-backend=c10d", "--rdzv-endpoint=127.0.0.1:0", str(tmp_path / "team.py"),
        *arguments], cwd=ROOT, env=environment, timeout=240, capture_output=True, text=True, check=False)
    return done.stderr if done.returncode else ""


@pytest.mark.apart
@pytest.mark.slow
def test_two_processes_give_the_weights_of_one(tmp_path):
    (tmp_path / "one").mkdir()
    subprocess.run([sys.executable, "-c", TEAM, str(tmp_path / "one"), "8"], cwd=ROOT, check=True, timeout=240)
    assert torchrun(tmp_path, str(tmp_path / "two"), "8") == ""
    one, two = (torch.load(tmp_path / name / "last.pt", weights_only=True) for name in ("one", "two"))
    for key, value in one["model"].items():
        torch.testing.assert_close(two["model"][key], value, rtol=0, atol=1e-6)
    for first, second in zip(one["rows"], two["rows"], strict=True):
        assert first == pytest.approx(second, abs=1e-6)
    start = nn.Conv2d(1, 4, 3)
    assert not torch.allclose(one["model"]["0.weight"].float(), start.weight)


@pytest.mark.apart
@pytest.mark.slow
def test_processes_judge_the_same_statistics_and_end_with_the_same_weights(tmp_path):
    assert torchrun(tmp_path, str(tmp_path / "norm"), "8", "norm") == ""
    first, second = (torch.load(tmp_path / "norm" / f"rank{rank}", weights_only=True) for rank in (0, 1))
    assert first["rows"] == second["rows"]
    assert all(torch.equal(value, second["model"][key]) for key, value in first["model"].items())


@pytest.mark.apart
@pytest.mark.slow
def test_a_batch_without_an_example_for_each_process_is_refused(tmp_path):
    said = torchrun(tmp_path, str(tmp_path / "small"), "4")  # 29 examples: the last batch holds one
    assert "every batch must hold an example for each of 2 processes, got a last one of 1" in said
