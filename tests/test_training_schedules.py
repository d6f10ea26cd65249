"""Schedules against torch.optim.lr_scheduler."""
import pytest
import torch

from cnnlib.training import constant, cosine, one_cycle, step_decay, warm_up
from tests.judge import refused

schedulers = torch.optim.lr_scheduler


def rates(make, steps):
    """Return the rates that PyTorch's scheduler gives before each step."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler, found = make(optimizer), []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return found


@pytest.mark.parametrize("steps", [5, 10, 37, 200])
@pytest.mark.parametrize("ours, judge", [
    (step_decay(every=3, factor=0.5), lambda n: lambda o: schedulers.StepLR(o, 3, gamma=0.5)),
    (cosine(), lambda n: lambda o: schedulers.CosineAnnealingLR(o, n)),
    (cosine(end=0.1), lambda n: lambda o: schedulers.CosineAnnealingLR(o, n, eta_min=0.1)),
    (warm_up(constant(), steps=4, start=0.2), lambda n: lambda o: schedulers.LinearLR(o, 0.2, total_iters=4)),
    (one_cycle(), lambda n: lambda o: schedulers.OneCycleLR(o, max_lr=1.0, total_steps=n + 1)),
], ids=["step", "cosine", "cosine to 0.1", "warm-up", "one cycle"])
def test_equal_pytorch(ours, judge, steps):
    total = steps + 1 if "one_cycle" in ours.__qualname__ else steps
    found = [ours(step, total) for step in range(steps)]
    assert found == pytest.approx(rates(judge(steps), steps), abs=1e-9)


def test_warm_up_hands_over_at_full_rate():
    schedule = warm_up(cosine(), steps=5)
    found = [schedule(step, 25) for step in range(25)]
    assert found[:6] == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1.0])
    assert found[5:] == pytest.approx([cosine()(step, 20) for step in range(20)])


def test_one_cycle_of_one_step_and_beyond_its_end():
    last = 1 / 25 / 1e4
    assert one_cycle()(0, 1) == pytest.approx(last) and one_cycle()(12, 10) == pytest.approx(last)


@pytest.mark.parametrize("call, message", [
    (lambda: step_decay(every=0), "step_decay: every must be a whole number of at least 1, got 0"),
    (lambda: step_decay(every=2, factor=-1), "step_decay: factor must be a number above 0, got -1"),
    (lambda: cosine(end=2), "cosine: end must be a fraction of 1, got 2"),
    (lambda: warm_up(cosine(), steps=1.5), "warm_up: steps must be a whole number of at least 1, got 1.5"),
    (lambda: one_cycle(rise=-0.1), "one_cycle: rise must be a fraction of 1, got -0.1"),
    (lambda: one_cycle(last=0), "one_cycle: last must be a number above 0, got 0"),
])
def test_bad_options(call, message):
    refused(call, message)
