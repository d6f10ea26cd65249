"""Batches in an order that depends on seed and epoch alone, split between processes."""
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler, TensorDataset

from cnnlib._arguments import whole

PARTS = ("dataset", "datasets", "transform", "transforms", "rng")  # where a dataset keeps what is random in it


class EpochBatches(Sampler):
    """Yield lists of indices; the order of an epoch is the same in every run, and each process takes its share.

    Args:
        length: number of examples.
        batch_size: examples a step, all processes together.
        seed: another seed, another order.
        shuffle: False keeps the order of the examples.
        drop_last: leave out a last batch that is not full.
        rank: which of the processes this is.
        world: how many processes share each batch.

    Attributes:
        epoch: set before each epoch.

    Raises:
        ValueError: a batch is too small for an example to each process.

    >>> [list(batch) for batch in EpochBatches(5, batch_size=2, shuffle=False)]
    [[0, 1], [2, 3], [4]]
    """

    def __init__(self, length, *, batch_size, seed=0, shuffle=True, drop_last=False, rank=0, world=1):
        self.length, self.batch_size, self.seed, self.shuffle = length, batch_size, seed, shuffle
        self.drop_last, self.rank, self.world, self.epoch = drop_last, rank, world, 0
        last = batch_size if drop_last or not length % batch_size else length % batch_size
        if min(last, batch_size) < world:
            raise ValueError(f"fit: every batch must hold an example for each of {world} processes, got a last one of "
                             f"{last}; use drop_last=True or another batch_size")

    def __len__(self):
        return self.length // self.batch_size if self.drop_last else -(-self.length // self.batch_size)

    def __iter__(self):
        order = list(range(self.length))
        if self.shuffle:
            generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
            order = torch.randperm(self.length, generator=generator).tolist()
        for batch in range(len(self)):
            chosen = order[batch * self.batch_size:(batch + 1) * self.batch_size]
            yield chosen[self.rank::self.world]


def generators(data):
    """Return the random generators of NumPy that a dataset's transforms draw from, each once.

    >>> from cnnlib.data import LeafPictures
    >>> from cnnlib.data.transforms import RandomHorizontalFlip
    >>> flip = RandomHorizontalFlip(rng=np.random.default_rng(0))
    >>> generators(LeafPictures(4, transform=flip)) == [flip.rng]
    True
    """
    found, waiting = [], [data]
    while waiting:
        each = waiting.pop()
        if isinstance(each, np.random.Generator):
            found += [] if any(each is other for other in found) else [each]
        elif isinstance(each, (tuple, list)):
            waiting += [part for part in each if not isinstance(part, (np.ndarray, torch.Tensor))]
        else:
            waiting += [getattr(each, name) for name in PARTS if getattr(each, name, None) is not None]
    return found


def begin(batches, epoch):
    """Tell the samplers of a DataLoader which epoch it is."""
    for sampler in (batches.batch_sampler, getattr(batches, "sampler", None)):
        if isinstance(sampler, EpochBatches):
            sampler.epoch = epoch
        elif hasattr(sampler, "set_epoch"):  # torch's DistributedSampler
            sampler.set_epoch(epoch)


def cards(device):
    """Return the graphics card whose random numbers a run changes, as ``torch.random.fork_rng`` takes it."""
    return [device] if device.type == "cuda" else []


def as_dataset(function, name, data):
    """Return a dataset of (input, label) out of a dataset or a pair of arrays.

    Raises:
        ValueError: data is neither, it is empty, or inputs and labels differ in number.
    """
    if isinstance(data, tuple) and len(data) == 2:
        inputs, labels = (torch.as_tensor(each) for each in data)
        if len(inputs) != len(labels):
            raise ValueError(
                f"{function}: {name} must hold as many inputs as labels, got {len(inputs)} and {len(labels)}")
        data = TensorDataset(inputs, labels)
    if not isinstance(data, Dataset) and not (hasattr(data, "__len__") and hasattr(data, "__getitem__")):
        raise ValueError(f"{function}: {name} must be a dataset or a pair (inputs, labels), got {type(data).__name__}")
    if not len(data):
        raise ValueError(f"{function}: {name} must not be empty, got 0 examples")
    return data


def loader(function, name, data, *, batch_size, **options):
    """Return a DataLoader over data whose ``batch_sampler`` is an EpochBatches; a DataLoader is returned as it is.

    Raises:
        ValueError: data is none of these or empty, or batch_size is no whole number of at least 1.
    """
    if isinstance(data, DataLoader):
        if not len(data):
            raise ValueError(f"{function}: {name} must not be empty, got a loader of 0 batches")
        return data
    data = as_dataset(function, name, data)
    batch_size = whole(function, "batch_size", batch_size, least=1)
    batches = EpochBatches(len(data), batch_size=batch_size, **options)
    if not len(batches):
        raise ValueError(f"{function}: {name} must fill a batch, got {len(data)} examples for batch_size {batch_size}")
    return DataLoader(data, batch_sampler=batches)
