"""A folder with the last two states of a training and the best weights; what is half written is never read."""
import os
import warnings
from contextlib import suppress
from pathlib import Path

import torch

LAST, BEFORE, BEST = "last.pt", "before.pt", "best.pt"


class Checkpoint:
    """Save and load states in a folder.

    Args:
        folder: where the files stand; made if it is not there.

    Raises:
        ValueError: folder is a file.
    """

    def __init__(self, folder):
        self.folder = Path(folder)
        if self.folder.is_file():
            raise ValueError(f"fit: checkpoint must be a folder, got the file {str(folder)!r}")

    def save(self, state):
        """Write the state as the last one; the one that was the last stays beside it."""
        last = self.folder / LAST
        self._write(state, self.folder / "new.pt")
        if last.exists():
            os.replace(last, self.folder / BEFORE)
        os.replace(self.folder / "new.pt", last)

    def save_best(self, weights):
        """Write the best weights so far."""
        self._write(weights, self.folder / "new_best.pt")
        os.replace(self.folder / "new_best.pt", self.folder / BEST)

    def _write(self, state, path):
        self.folder.mkdir(parents=True, exist_ok=True)
        with open(path, "wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())

    def load(self):
        """Return the last whole state, or None if the folder has none.

        Raises:
            ValueError: there are states, and none of them is whole.
        """
        paths = [path for path in (self.folder / LAST, self.folder / BEFORE) if path.exists()]
        for path in paths:
            try:
                with warnings.catch_warnings(action="ignore"):  # of old or broken files; what is wrong is said below
                    state = torch.load(path, map_location="cpu", weights_only=True)
                if isinstance(state, dict) and "epoch" in state:
                    self._keep(path)
                    return state
                reason = "it holds something else"
            except Exception as error:  # the reader raises many kinds for a broken file
                reason = str(error).split("\n")[0][:120]
            if path.name == LAST and len(paths) > 1:
                warnings.warn(f"fit: {path} is broken ({reason}); going on from {BEFORE}", stacklevel=3)
        if paths:
            raise ValueError(f"fit: checkpoint must hold a whole state to resume from, got {paths[0]}: {reason}")
        return None

    def _keep(self, path):
        """Put a broken last state aside, or the next save would move it over the whole one before it."""
        if path.name == BEFORE:
            with suppress(FileNotFoundError):  # there is none, or another process was here
                os.replace(self.folder / LAST, self.folder / "broken.pt")

    def load_best(self):
        """Return the best weights."""
        return torch.load(self.folder / BEST, map_location="cpu", weights_only=True)
