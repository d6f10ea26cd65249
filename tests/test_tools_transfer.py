import json

import pytest
import torch

from cnnlib.training import fit
from tools import transfer

TINY = transfer.Plan(counts=(5, 10), seeds=(2, 1), rates=(0.01, 0.1), steps=6, batch=20, judged=24)


@pytest.fixture(scope="module")
def leaves():
    return transfer.Leaves(TINY)


def train(model, x, y):
    """Train as the tool does and return the weights of the last stages."""
    fit(model, (x, y), epochs=2, batch_size=20, lr=0.1, seed=1, device="cpu", progress=False)


def state(model, names=("layer4", "fc")):
    """Return the state of some parts."""
    return {key: value for key, value in model.state_dict().items() if key.startswith(names)}


def test_computing_frozen_stages_once_changes_nothing(leaves):
    x, y = leaves.of(5, 0)
    whole, halved, moving = (transfer.network(4, 0) for _ in range(3))
    front, tail = transfer.split(halved, 4)
    train(whole, x, y)
    train(tail, transfer.features(front, x), y)
    for key, value in state(whole).items():
        assert torch.allclose(value.float(), state(halved)[key].float(), atol=1e-4), key
    front, tail = transfer.split(moving, 4)
    train(tail, transfer.features(front.train(), x), y)  # the tempting mistake: statistics of the batch in frozen norms
    assert not torch.allclose(state(moving)["fc.weight"], state(whole)["fc.weight"], atol=1e-2)


def test_frozen_stages_stay_and_the_rest_learns():
    for start, learns in ((0, 309_084), (3, 57_728 + 230_144 + 1548), (5, 1548), (transfer.SCRATCH, 309_084)):
        model = transfer.network(start, 0)
        assert sum(p.numel() for p in model.parameters() if p.requires_grad) == learns
    pretrained, scratch = transfer.network(0, 0), transfer.network(transfer.SCRATCH, 0)
    assert not torch.equal(pretrained.layer1[0].conv1.weight, scratch.layer1[0].conv1.weight)
    assert torch.equal(pretrained.fc.weight, transfer.network(5, 0).fc.weight)  # a seed has one head at every depth
    assert not torch.equal(pretrained.fc.weight, transfer.network(5, 1).fc.weight)


def test_each_seed_has_pictures_of_its_own_and_as_many_of_each_class(leaves):
    (x, y), (other, labels) = leaves.of(5, 0), leaves.of(5, 1)
    assert x.shape == other.shape == (60, 3, 64, 64)
    assert torch.equal(y.bincount(), torch.full((12,), 5)) and torch.equal(labels.bincount(), y.bincount())
    assert not any(torch.equal(a, b) for a, b in zip(x, other, strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(x, leaves.test[0], strict=False))


def test_every_run_takes_the_same_number_of_steps():
    for plan in (transfer.Plan(), transfer.QUICK, TINY):
        for count in plan.counts:
            size = count * transfer.CLASSES
            assert size % plan.batch == 0 and plan.steps * plan.batch % size == 0


def test_a_run_repeats(leaves):
    again = [transfer.measure(TINY, leaves, 5, 5, 0) for _ in range(2)]
    assert again[0] == again[1] and len(again[0]) == 2 and all(0 <= each <= 24 for each in again[0])


def test_a_stopped_run_goes_on(tmp_path, monkeypatch):
    draft, asked = tmp_path / "draft.json", []

    def measure(plan, leaves, count, start, seed):
        if len(asked) == 4:
            raise KeyboardInterrupt
        asked.append((count, start, seed))
        return [100 * count + 10 * start + seed, 0]

    monkeypatch.setattr(transfer, "measure", measure)
    monkeypatch.setattr(transfer, "Leaves", lambda plan: "leaves")
    with pytest.raises(KeyboardInterrupt):
        transfer.measure_all(TINY, draft)
    first = list(asked)
    assert len(json.loads(draft.read_text())["found"]) == 4
    asked.clear()
    monkeypatch.setattr(transfer, "measure", lambda plan, leaves, *run: asked.append(run) or [sum(run), 1])
    data = transfer.measure_all(TINY, draft)
    assert first + asked == transfer.runs(TINY) and len(set(first + asked)) == 7 * 3
    assert data["right"][0][0][0] == [500, 501] and data["right"][1][6] == [[16], [1]]


def test_a_draft_of_other_weights_is_not_used(tmp_path, monkeypatch):
    draft, asked = tmp_path / "draft.json", []
    monkeypatch.setattr(transfer, "Leaves", lambda plan: "leaves")
    monkeypatch.setattr(transfer, "measure", lambda plan, leaves, *run: asked.append(run) or [0, 0])
    known = transfer.facts(TINY)
    found = {" ".join(map(str, run)): [1, 1] for run in transfer.runs(TINY)}
    transfer.write(draft, {"facts": known, "found": found})
    assert transfer.measure_all(TINY, draft)["right"][1] == [[[1], [1]]] * 7 and not asked
    transfer.write(draft, {"facts": {**known, "weights": "0" * 16}, "found": found})
    assert transfer.measure_all(TINY, draft)["right"][1] == [[[0], [0]]] * 7 and len(asked) == 21


def test_wrong_words_are_refused():
    assert transfer.main(["--chek"]) == "transfer: takes --check or --quick, got --chek"
    assert transfer.main(["--check", "--quick"]) == "transfer: takes --check or --quick, got --check --quick"


@pytest.mark.slow
def test_a_seed_of_the_file_is_measured_again():
    full, data = transfer.Plan(), json.loads(transfer.PATH.read_text(encoding="utf-8"))
    plan = transfer.Plan(counts=(5,), seeds=(1,), rates=full.rates[1:])
    leaves = transfer.Leaves(plan)
    head = transfer.measure(plan, leaves, 5, 5, 0)
    stored = [data["right"][0][5][rate][0] for rate in (1, 2)]
    assert all(abs(now - before) <= 0.02 * full.judged for now, before in zip(head, stored, strict=True))
    scratch = transfer.measure(transfer.Plan(rates=full.rates[2:]), leaves, 5, transfer.SCRATCH, 0)
    assert min(head) > scratch[0] + 0.2 * full.judged  # the best rate of a network that starts from nothing
