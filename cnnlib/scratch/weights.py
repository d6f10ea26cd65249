"""Keep a network's numbers in a file; nothing in a file is ever executed."""
import os
from pathlib import Path

import numpy as np

from cnnlib._arguments import flag


def save_weights(net, path, *, overwrite=False):
    """Write all parameters and buffers of a network into an ``.npz`` file.

    Args:
        net: a layer or a network.
        path: the file; it must end in .npz.
        overwrite: True replaces a file that exists; the old one stays until the new one is complete.

    Raises:
        ValueError: the name does not end in .npz, the folder does not exist, or the file exists and overwrite is False.

    Source:
        NumPy's .npz format: a zip archive with one array for each name.

    >>> from cnnlib.scratch import Linear
    >>> save_weights(Linear(2, 2), "weights.txt")
    Traceback (most recent call last):
    ValueError: save_weights: path must end in .npz and lie in a folder that exists, got 'weights.txt'
    """
    overwrite = flag("save_weights", "overwrite", overwrite)
    file = Path(path).resolve() if isinstance(path, (str, os.PathLike)) else None
    if file is None or file.suffix != ".npz" or not file.parent.is_dir() or file.is_dir():
        raise ValueError(f"save_weights: path must end in .npz and lie in a folder that exists, got {str(path)!r}")
    if file.exists() and not overwrite:
        raise ValueError(f"save_weights: path must be new unless overwrite=True, got {str(path)!r}")
    part = file.with_name(f".{file.stem}.{os.getpid()}.npz")
    try:
        np.savez_compressed(part, **net.state_dict())
        os.replace(part, file)
    finally:
        part.unlink(missing_ok=True)


def load_weights(net, path):
    """Read what ``save_weights`` wrote; nothing in the file is executed.

    Args:
        net: a layer or a network of the same build.
        path: the ``.npz`` file.

    Raises:
        ValueError: the file is missing or damaged, or names and shapes are not the network's; then nothing is changed.

    Source:
        NumPy's .npz format, read without pickle.

    >>> from cnnlib.scratch import Linear
    >>> load_weights(Linear(2, 2), "no such file")
    Traceback (most recent call last):
    ValueError: load_weights: path must be a file, got 'no such file'
    """
    if not isinstance(path, (str, os.PathLike)) or not Path(path).is_file():
        raise ValueError(f"load_weights: path must be a file, got {str(path)!r}")
    try:
        with Path(path).open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            state = {name: file[name] for name in file.files}
    except Exception as error:  # a damaged file fails in many ways: zip, zlib, struct, NumPy
        if isinstance(error, MemoryError):
            raise
        raise ValueError(f"load_weights: path must be an .npz file of arrays, got {str(path)!r}: {error}") from None
    net.load_state_dict(state)
