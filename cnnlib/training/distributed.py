"""One training on several processes, as ``torchrun`` starts them; with one process nothing changes."""
import os

import torch
from torch import distributed
from torch.nn.parallel import DistributedDataParallel


class Team:
    """The processes that train together.

    Attributes:
        rank: which of them this is.
        size: how many there are.
        leads: whether this one prints and saves.
    """

    def __init__(self):
        self.rank, self.size = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
        self.leads, self._joined = self.rank == 0, False

    def __enter__(self):
        if self.size > 1 and not distributed.is_initialized():
            distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
            self._joined = True
        return self

    def __exit__(self, *error):
        if self._joined:
            distributed.destroy_process_group()

    def device(self):
        """Return this process's graphics card, if there is one."""
        if not torch.cuda.is_available():
            return torch.device("cpu")
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))

    def wrap(self, model):
        """Return the model, with gradients that are the mean over all processes."""
        if self.size == 1:
            return model
        return DistributedDataParallel(model, device_ids=[self.device()] if torch.cuda.is_available() else None)

    def total(self, *numbers):
        """Return each number added up over all processes."""
        if self.size == 1:
            return numbers
        tensor = torch.tensor(numbers, dtype=torch.float64, device=self.device())
        distributed.all_reduce(tensor)
        return tuple(tensor.tolist())
