"""The order of batches, each process's share of them, and what a loader is told before an epoch."""
import numpy as np
import pytest
import torch
from torch.utils.data import ConcatDataset, DataLoader, DistributedSampler, Subset

from cnnlib.data import LeafPictures
from cnnlib.data.transforms import Compose, RandomHorizontalFlip
from cnnlib.training.batches import EpochBatches, as_dataset, begin, cards, generators, loader
from tests.judge import refused

PAIR = torch.zeros(10, 1, 4, 4), torch.arange(10) % 2


@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("world", [1, 2])
def test_an_epoch_holds_every_example_once(world, drop_last):
    parts = [EpochBatches(11, batch_size=3, rank=rank, world=world, drop_last=drop_last) for rank in range(world)]
    batches = [[index for part in each for index in part] for each in zip(*parts, strict=True)]
    assert [len(batch) for batch in batches] == [3, 3, 3] + [2] * (not drop_last) and len(parts[0]) == len(batches)
    seen = [index for batch in batches for index in batch]
    assert len(set(seen)) == len(seen) and set(seen) <= set(range(11))


def test_order_follows_seed_and_epoch():
    def order(epoch=0, **options):
        batches = EpochBatches(40, batch_size=40, **options)
        assert batches.epoch == 0
        batches.epoch = epoch
        return next(iter(batches))

    assert order() == order(seed=0) != order(epoch=1) != order(seed=1)
    assert order(epoch=1) != order(epoch=2) and order(seed=1) != order()
    assert order() != list(range(40)) == order(shuffle=False) == order(shuffle=False, epoch=1)


def test_each_process_needs_an_example():
    message = ("fit: every batch must hold an example for each of 2 processes, got a last one of 1; use drop_last=True "
               "or another batch_size")
    refused(EpochBatches, message, 29, batch_size=4, world=2)
    refused(EpochBatches, message, 29, batch_size=1, world=2)
    assert len(EpochBatches(29, batch_size=4, world=2, drop_last=True)) == 7
    assert len(EpochBatches(28, batch_size=4, world=4)) == 7


def test_generators_are_found_in_every_corner_and_once():
    rng, other = np.random.default_rng(0), np.random.default_rng(0)
    flip = RandomHorizontalFlip(rng=rng)
    leaves = LeafPictures(4, transform=Compose([flip, RandomHorizontalFlip(rng=rng)]))
    more = LeafPictures(4, transform=RandomHorizontalFlip(rng=other))
    assert generators(Subset(leaves, [0, 1])) == [rng]
    found = generators(ConcatDataset([leaves, more]))
    assert len(found) == 2 and {id(each) for each in found} == {id(rng), id(other)}
    assert generators(PAIR) == generators([np.ones(3), torch.ones(3)]) == []


def test_samplers_hear_of_the_epoch():
    ours = loader("fit", "data", PAIR, batch_size=5)
    theirs = DataLoader(range(10), sampler=DistributedSampler(range(10), num_replicas=2, rank=0))
    begin(ours, 3)
    begin(theirs, 3)
    assert ours.batch_sampler.epoch == theirs.sampler.epoch == 3
    begin(DataLoader(range(10)), 3)  # its sampler has no epochs


def test_random_numbers_of_a_card_are_kept_where_there_is_one():
    assert cards(torch.device("cpu")) == [] and cards(torch.device("cuda:0")) == [torch.device("cuda:0")]


def test_data_is_a_dataset_a_pair_or_a_loader():
    listed = [(PAIR[0][0], 0), (PAIR[0][1], 1)]
    assert as_dataset("fit", "data", listed) is listed and len(as_dataset("fit", "data", PAIR)) == 10
    given = DataLoader(listed)
    assert loader("fit", "data", given, batch_size=None) is given
    refused(as_dataset, "fit: data must hold as many inputs as labels, got 10 and 9", "fit", "data",
            (PAIR[0], PAIR[1][:9]))
    refused(as_dataset, "fit: data must be a dataset or a pair (inputs, labels), got int", "fit", "data", 3)
    refused(as_dataset, "fit: data must not be empty, got 0 examples", "fit", "data", [])
    refused(loader, "fit: data must not be empty, got a loader of 0 batches", "fit", "data",
            DataLoader([], batch_size=1), batch_size=1)
    refused(loader, "fit: batch_size must be a whole number of at least 1, got 0", "fit", "data", PAIR, batch_size=0)
    refused(loader, "fit: data must fill a batch, got 10 examples for batch_size 11", "fit", "data", PAIR,
            batch_size=11, drop_last=True)
