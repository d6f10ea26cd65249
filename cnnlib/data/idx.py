"""Read MNIST and Fashion-MNIST from the IDX files that the reader already has; nothing is downloaded."""
import gzip
import math
import os
import zlib
from pathlib import Path

import numpy as np

TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}  # the third byte of a file
AXES = 16  # more are no data set but a damaged head
PREFIXES = {"train": "train", "test": "t10k"}


def load_idx(path):
    """Return the array of an IDX file, plain or compressed with gzip.

    Args:
        path: the file; its content says whether it is compressed, not its name.

    Returns:
        An array with the shape and the type that the file's head names, in the machine's byte order.

    Raises:
        ValueError: there is no such file, or it is damaged, too short, too long or no IDX file.

    Source:
        LeCun, Cortes & Burges, The MNIST database of handwritten digits (the format's description stands there).

    >>> load_idx("no such file")
    Traceback (most recent call last):
    ValueError: load_idx: path must be a file, got 'no such file'
    """
    if not isinstance(path, (str, os.PathLike)) or not Path(path).is_file():
        raise ValueError(f"load_idx: path must be a file, got {str(path)!r}")
    file = Path(path)
    data = _unpacked(file)
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] not in TYPES or not 1 <= data[3] <= AXES:
        raise ValueError(f"load_idx: {file.name} must start with the head of an IDX file, got {data[:4]!r}")
    head, kind = 4 + 4 * data[3], np.dtype(TYPES[data[2]])
    if len(data) < head:
        raise ValueError(f"load_idx: {file.name} must have a head of {head} bytes, got {len(data)} bytes")
    shape = tuple(np.frombuffer(data, ">u4", count=data[3], offset=4).tolist())
    expected = head + math.prod(shape) * kind.itemsize
    if not math.prod(shape):
        raise ValueError(f"load_idx: {file.name} must hold at least one number, got the shape {shape}")
    if len(data) != expected:
        raise ValueError(f"load_idx: {file.name} must hold {expected} bytes for the shape {shape}, got {len(data)}")
    return np.frombuffer(data, kind, offset=head).reshape(shape).astype(kind.newbyteorder("="))


def load_mnist(folder, *, split="train"):
    """Return the images and labels of MNIST, Fashion-MNIST or any set in the same files.

    Args:
        folder: where ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte``, ``t10k-images-idx3-ubyte`` and
            ``t10k-labels-idx1-ubyte`` lie; each may end in ``.gz`` or write ``.idx3`` for ``-idx3``.
        split: "train" or "test" (the files whose names begin with t10k).

    Returns:
        Images, (N, 1, H, W), uint8, 0 to 255, and labels, (N,), int64.

    Raises:
        ValueError: a file is missing, damaged or not of this kind, or the two files do not belong together.

    Source:
        LeCun, Bottou, Bengio & Haffner (1998), section III A; Xiao, Rasul & Vollgraf (2017), Fashion-MNIST.

    >>> load_mnist("no such folder")
    Traceback (most recent call last):
    ValueError: load_mnist: folder must hold train-images-idx3-ubyte or train-images-idx3-ubyte.gz, got 'no such folder'
    """
    if not isinstance(split, str) or split not in PREFIXES:
        raise ValueError(f"load_mnist: split must be 'train' or 'test', got {split!r}")
    if not isinstance(folder, (str, os.PathLike)):
        raise ValueError(f"load_mnist: folder must be a path, got {folder!r}")
    images = _part(folder, f"{PREFIXES[split]}-images-idx3-ubyte", axes=3)
    labels = _part(folder, f"{PREFIXES[split]}-labels-idx1-ubyte", axes=1)
    if len(images) != len(labels):
        raise ValueError(f"load_mnist: there must be one label for each of {len(images)} images, got {len(labels)}")
    return images[:, None], labels.astype(np.int64)


def _part(folder, name, *, axes):
    dotted = name.replace("-idx", ".idx")
    names = [name, f"{name}.gz", dotted, f"{dotted}.gz"]
    found = [Path(folder) / each for each in names if (Path(folder) / each).is_file()]
    if not found:
        raise ValueError(f"load_mnist: folder must hold {name} or {name}.gz, got {str(folder)!r}")
    array = load_idx(found[0])
    if array.ndim != axes or array.dtype != np.uint8:
        rule = f"{found[0].name} must hold bytes on {axes} {'axis' if axes == 1 else 'axes'}"
        raise ValueError(f"load_mnist: {rule}, got {array.dtype} of shape {array.shape}")
    return array


def _unpacked(file):
    data = file.read_bytes()
    if data[:2] != b"\x1f\x8b":
        return data
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"load_idx: {file.name} must be a whole gzip file, got a damaged one: {error}") from None
