"""One training on several processes, as ``torchrun`` starts them; with one process nothing changes."""
import os

import torch
from torch import distributed
from torch.nn.parallel import DistributedDataParallel


class Team:
    """The processes that train together.

    Args:
        device: where this process computes; None: its own graphics card if there is one, else the CPU.

    Attributes:
        rank: which of them this is.
        size: how many there are.
        leads: whether this one prints and saves.
        device: where this process computes.

    Raises:
        ValueError: there are several processes, and the device is not one of their own.
    """

    def __init__(self, device=None):
        self.rank, self.size = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
        self.leads, self._joined = self.rank == 0, False
        own = f"cuda:{os.environ.get('LOCAL_RANK', 0)}" if torch.cuda.is_available() else "cpu"
        self.device = torch.device(device or own)
        if self.size > 1 and self.device.type == "cuda" and self.device.index is None:
            raise ValueError(f"fit: device must be None or name a card for each process, got {device}")

    def __enter__(self):
        if self.size > 1 and not distributed.is_initialized():
            if self.device.type == "cuda":
                torch.cuda.set_device(self.device)
            distributed.init_process_group("nccl" if self.device.type == "cuda" else "gloo")
            self._joined = True
        return self

    def __exit__(self, *error):
        if self._joined:
            distributed.destroy_process_group()

    def wrap(self, model):
        """Return the model, with gradients that are the mean over all processes."""
        if self.size == 1:
            return model
        return DistributedDataParallel(model, device_ids=[self.device] if self.device.type == "cuda" else None)

    def total(self, *numbers):
        """Return each number added up over all processes."""
        if self.size == 1:
            return numbers
        tensor = torch.tensor(numbers, dtype=torch.float64, device=self.device)
        distributed.all_reduce(tensor)
        return tuple(tensor.tolist())

    def leaders(self, *numbers):
        """Return the leader's numbers in every process."""
        if self.size == 1:
            return numbers
        tensor = torch.tensor(numbers, dtype=torch.float64, device=self.device)
        distributed.broadcast(tensor, src=0)
        return tuple(tensor.tolist())

    def share_buffers(self, model):
        """Give every process the leader's buffers, such as the statistics of batch norms."""
        if self.size > 1:
            for buffer in model.buffers():
                distributed.broadcast(buffer, src=0)
