"""Processes that train together, seen from one of them; tests/test_training_loop.py runs two."""
import os
import socket

import pytest
import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from cnnlib.training.distributed import Team
from tests.judge import refused


@pytest.fixture
def one_of_two(monkeypatch):
    """Return a process that takes itself for the second of two; its group has no other one."""
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "lo")
    distributed.init_process_group("gloo", store=distributed.HashStore(), rank=0, world_size=1)
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    yield Team()
    distributed.destroy_process_group()


def test_alone_nothing_changes():
    team, model = Team(), nn.Linear(2, 2)
    assert (team.rank, team.size, team.leads, team.device.type) == (0, 1, True, "cpu")
    with team:
        assert not distributed.is_initialized() and team.wrap(model) is model
        assert team.total(1, 0.1) == team.leaders(1, 0.1) == (1, 0.1)


def test_place_comes_from_the_environment(one_of_two):
    assert (one_of_two.rank, one_of_two.size, one_of_two.leads) == (1, 2, False)
    refused(Team, "fit: device must be None or name a card for each process, got cuda", "cuda")
    assert Team("cuda:1").device == torch.device("cuda:1")


def test_numbers_are_added_up_and_handed_out_in_double_precision(one_of_two, monkeypatch):
    given = []
    monkeypatch.setattr(distributed, "all_reduce", lambda tensor: tensor.mul_(2))
    monkeypatch.setattr(distributed, "broadcast", lambda tensor, src: given.append(src) or tensor.add_(1))
    assert one_of_two.total(0.1, 3) == (0.2, 6.0)
    assert one_of_two.leaders(0.1, 3) == (1.1, 4.0)
    model = nn.BatchNorm1d(2)
    one_of_two.share_buffers(model)
    assert model.running_mean.tolist() == [1, 1] and model.num_batches_tracked == 1
    assert model.weight.tolist() == [1, 1] and given == [0] * 4  # gradients keep weights the same


def test_a_group_that_is_there_is_used_and_left(one_of_two):
    model = nn.Linear(2, 2)
    with one_of_two as team:
        wrapped = team.wrap(model)
        assert isinstance(wrapped, DistributedDataParallel) and wrapped.module is model
    assert distributed.is_initialized()


def test_a_group_is_joined_and_left(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    for name, value in {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "RANK": "0", "WORLD_SIZE": "1",
                        "GLOO_SOCKET_IFNAME": "lo"}.items():
        monkeypatch.setenv(name, value)
    team = Team()
    team.size = 2  # of which the other never comes
    with team:
        assert distributed.is_initialized() and distributed.get_backend() == "gloo"
    assert not distributed.is_initialized() and os.environ["WORLD_SIZE"] == "1"
