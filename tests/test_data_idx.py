"""IDX files are made here byte by byte, as the format's description says."""
import gzip
import struct

import numpy as np
import pytest

from cnnlib.data import load_idx, load_mnist
from tests.judge import refused

CODES = {"u1": 8, "i1": 9, "i2": 11, "i4": 12, "f4": 13, "f8": 14}


def idx(array, code):
    """Return the bytes of an IDX file: two zeros, type, number of axes, sizes, numbers, all big-endian."""
    sizes = b"".join(struct.pack(">I", size) for size in array.shape)
    return bytes([0, 0, code, array.ndim]) + sizes + array.astype(array.dtype.newbyteorder(">")).tobytes()


def write_set(folder, *, suffix="", pack=bytes, count=5, prefix="train"):
    images = np.random.default_rng(0).integers(0, 256, (count, 28, 28), dtype=np.uint8)
    labels = np.arange(count, dtype=np.uint8) % 10
    (folder / f"{prefix}-images-idx3-ubyte{suffix}").write_bytes(pack(idx(images, 8)))
    (folder / f"{prefix}-labels-idx1-ubyte{suffix}").write_bytes(pack(idx(labels, 8)))
    return images, labels


@pytest.mark.parametrize("kind", CODES)
def test_every_type_is_read(tmp_path, kind):
    array = (np.arange(24) - (0 if kind == "u1" else 7)).reshape(2, 3, 4).astype(kind)
    (tmp_path / "file").write_bytes(idx(array, CODES[kind]))
    read = load_idx(tmp_path / "file")
    assert read.dtype == np.dtype(kind) and read.dtype.isnative and np.array_equal(read, array)
    read[:] = 0  # an array of one's own


@pytest.mark.parametrize(("suffix", "pack"), [("", bytes), (".gz", gzip.compress), ("", gzip.compress)])
@pytest.mark.parametrize(("split", "prefix"), [("train", "train"), ("test", "t10k")])
def test_a_set_is_read_plain_and_packed(tmp_path, suffix, pack, split, prefix):
    images, labels = write_set(tmp_path, suffix=suffix, pack=pack, prefix=prefix)
    found, classes = load_mnist(tmp_path, split=split)
    assert found.shape == (5, 1, 28, 28) and np.array_equal(found[:, 0], images)
    assert classes.dtype == np.int64 and np.array_equal(classes, labels)


def test_the_other_spelling_of_the_names_is_found(tmp_path):
    write_set(tmp_path)
    for name in ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"):
        (tmp_path / name).rename(tmp_path / name.replace("-idx", ".idx"))
    assert load_mnist(str(tmp_path))[0].shape == (5, 1, 28, 28)


@pytest.mark.parametrize("cut", [0, 1, 3, 4, 10, 15, 16, 500])
def test_truncated_file_is_refused(tmp_path, cut):
    write_set(tmp_path)
    file = tmp_path / "train-images-idx3-ubyte"
    file.write_bytes(file.read_bytes()[:cut])
    with pytest.raises(ValueError, match=r"^load_idx: train-images-idx3-ubyte must "):
        load_mnist(tmp_path)


def test_every_flipped_byte_of_the_head_is_noticed_or_harmless(tmp_path):
    write_set(tmp_path)
    file = tmp_path / "train-images-idx3-ubyte"
    whole = file.read_bytes()
    for at in range(16):
        for bit in range(8):
            file.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1:])
            with pytest.raises(ValueError, match=r"^load_(idx|mnist): "):
                load_mnist(tmp_path)


def test_damaged_archive_is_refused(tmp_path):
    write_set(tmp_path, suffix=".gz", pack=gzip.compress)
    file = tmp_path / "train-images-idx3-ubyte.gz"
    whole = file.read_bytes()
    for content in (whole[:200], whole[:500] + bytes([whole[500] ^ 255]) + whole[501:], whole[:-4] + b"\0\0\0\0"):
        file.write_bytes(content)
        with pytest.raises(ValueError, match=r"must be a whole gzip file, got a damaged one: "):
            load_mnist(tmp_path)


def test_wrong_files_are_named(tmp_path):
    refused(load_idx, f"load_idx: path must be a file, got {str(tmp_path)!r}", tmp_path)
    refused(load_idx, "load_idx: path must be a file, got 'None'", None)
    refused(load_mnist, "load_mnist: folder must be a path, got None", None)
    (tmp_path / "empty").write_bytes(bytes([0, 0, 8, 2]) + bytes(4) + b"\xff" * 4)
    message = "load_idx: empty must hold at least one number, got the shape (0, 4294967295)"
    refused(load_idx, message, tmp_path / "empty")
    (tmp_path / "axes").write_bytes(bytes([0, 0, 8, 65]) + bytes(260))
    message = "load_idx: axes must start with the head of an IDX file, got b'\\x00\\x00\\x08A'"
    refused(load_idx, message, tmp_path / "axes")
    (tmp_path / "page.html").write_text("<!DOCTYPE html>")
    message = "load_idx: page.html must start with the head of an IDX file, got b'<!DO'"
    refused(load_idx, message, tmp_path / "page.html")
    write_set(tmp_path)
    images, labels = tmp_path / "train-images-idx3-ubyte", tmp_path / "train-labels-idx1-ubyte"
    images.write_bytes(idx(np.zeros(5, np.uint8), 8))
    message = "load_mnist: train-images-idx3-ubyte must hold bytes on 3 axes, got uint8 of shape (5,)"
    refused(load_mnist, message, tmp_path)
    images.write_bytes(idx(np.zeros((5, 28, 28), np.float32), 13))
    refused(load_mnist, "load_mnist: train-images-idx3-ubyte must hold bytes on 3 axes, got float32 of shape "
            "(5, 28, 28)", tmp_path)
    write_set(tmp_path)
    labels.write_bytes(idx(np.zeros(4, np.uint8), 8))
    refused(load_mnist, "load_mnist: there must be one label for each of 5 images, got 4", tmp_path)
    labels.write_bytes(labels.read_bytes() + b"more")
    refused(load_mnist, "load_idx: train-labels-idx1-ubyte must hold 12 bytes for the shape (4,), got 16", tmp_path)
    labels.unlink()
    refused(load_mnist, "load_mnist: folder must hold train-labels-idx1-ubyte or train-labels-idx1-ubyte.gz, got "
            f"{str(tmp_path)!r}", tmp_path)
    refused(load_mnist, "load_mnist: split must be 'train' or 'test', got 'validation'", tmp_path, split="validation")
