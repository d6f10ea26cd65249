"""Files that were damaged: every loader refuses them in one line or returns what is right, and runs nothing in them."""
import gzip
import io
import json
import pickle
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import torch
from hypothesis import strategies as st
from PIL import Image
from safetensors.torch import save as save_tensors

from cnnlib import data, models, scratch
from cnnlib.training.checkpoint import LAST, Checkpoint
from tests.fuzz.row import Call, Row
from tests.test_data_idx import idx

ARRAY = np.arange(12, dtype=np.uint8).reshape(3, 4)
SET_OFF = []  # what a bomb leaves behind


def set_off():
    """Be the code in a file."""
    SET_OFF.append("run")


class Bomb:
    """An object whose unpickling runs code."""

    def __reduce__(self):
        return set_off, ()


def saved(state, **options):
    """Return what ``torch.save`` writes."""
    file = io.BytesIO()
    torch.save(state, file, **options)
    return file.getvalue()


def zipped(**entries):
    """Return an archive of named bytes."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(f"{name}.npy", content)
    return file.getvalue()


def array_file(value, **options):
    """Return what ``np.save`` writes."""
    file = io.BytesIO()
    np.save(file, value, **options)
    return file.getvalue()


def layer():
    """Return the network of the weight files."""
    return torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))


def own_layer():
    """Return the same in NumPy."""
    return scratch.Sequential(scratch.Linear(3, 2, rng=0), scratch.BatchNorm1d(2))


STATE = {name: torch.full_like(value, 2) for name, value in layer().state_dict().items()}
ARRAYS = {name: value.numpy() for name, value in STATE.items()}
COCO = json.dumps({
    "images": [{"id": 1, "file_name": "a.png", "width": 4, "height": 3}],
    "categories": [{"id": 7, "name": "cat"}],
    "annotations": [{"id": 1, "image_id": 1, "category_id": 7, "bbox": [0, 0, 2, 2.5], "iscrowd": 0,
                     "segmentation": [[0, 0, 2, 0, 2, 2]]},
                    {"id": 2, "image_id": 1, "category_id": 7, "bbox": [1, 1, 2, 1], "iscrowd": 0,
                     "segmentation": {"size": [3, 4], "counts": [4, 2, 6]}}]}).encode()
SOLUTION = b"image,label,half\na.jpg,oak,public\nb.jpg,elm,private\n"
SUBMISSION = b"image,label\na.jpg,oak\nb.jpg,oak\n"


@st.composite
def damaged(draw, *wholes):
    """Draw a file's bytes: whole, cut, with bits flipped, with bytes put in or taken out, or many zeros."""
    content = bytearray(draw(st.sampled_from(wholes)))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, max(0, len(content) - 1)))
        kind = draw(st.sampled_from(["flip", "cut", "insert", "remove", "repeat", "large"]))
        if kind == "flip" and content:
            content[at] ^= 1 << draw(st.integers(0, 7))
        elif kind == "cut":
            del content[at:]
        elif kind == "remove":
            del content[at:at + draw(st.integers(1, 9))]
        elif kind == "repeat":
            content[at:at] = content[at:at + 20]
        else:
            content[at:at] = b"\xff" * 4 if kind == "large" else draw(st.binary(min_size=1, max_size=5))
    return bytes(content)


def loader(name, function, file_name, *wholes, check, says=()):
    """Return a row that writes damaged bytes into a file and reads it."""
    def read(content):
        SET_OFF.clear()
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / file_name
            path.write_bytes(content)
            try:
                return function(path)
            except ValueError as error:
                assert "\n" not in str(error), f"an error of more than one line: {error}"
                raise
            finally:
                assert not SET_OFF, "code in the file was run"
    calls = damaged(*wholes).map(lambda content: Call(args={"content": content}, harmed=("content",)))
    return Row(name=name, function=read, calls=calls, check=check, says=says, random=True,
               wild=False)


def of_idx(array, content):
    """Assert that the array is what the file's last bytes say."""
    content = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    assert array.dtype.isnative and array.size
    assert content.endswith(array.astype(array.dtype.newbyteorder(">")).tobytes()), "other numbers"


def of_coco(result, content):
    """Assert that boxes lie in their pictures and masks have their sizes."""
    json.loads(content)
    pictures, names = result
    for picture in pictures:
        assert (picture.boxes[:, 2:] > picture.boxes[:, :2]).all() and set(picture.labels) <= set(range(len(names)))
        if None not in picture.segmentations and np.prod(picture.size) < 10**6:
            assert picture.masks().shape == (len(picture.boxes), *picture.size)


def of_scores(result, content):
    """Assert two fractions."""
    assert set(result) == {"public", "private"} and all(0 <= each <= 1 for each in result.values())


def of_weights(state, content):
    """Assert names, shapes and finite numbers."""
    assert {name: tuple(each.shape) for name, each in state.items()} == {
        name: tuple(each.shape) for name, each in STATE.items()}


def of_checkpoint(state, content):
    """Assert that what is read is a state."""
    assert isinstance(state, dict) and "epoch" in state


def scored(path):
    """Score a submission against the solution."""
    solution = path.parent / "solution.csv"
    solution.write_bytes(SOLUTION)
    return data.score_submission(path, solution)


def read_weights(path):
    """Load weights into PyTorch's layer; where that fails, nothing may have changed."""
    net = layer()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    try:
        return models.load_weights(net, path).state_dict()
    except ValueError:
        assert all(torch.equal(value, net.state_dict()[name]) for name, value in before.items()), "half of it is loaded"
        raise


def read_own_weights(path):
    """Load weights into the layer in NumPy."""
    net = own_layer()
    scratch.load_weights(net, path)
    return net.state_dict()


def read_checkpoint(path):
    """Load a folder's last state."""
    return Checkpoint(path.parent).load()


def read_mnist(path):
    """Read images beside whole labels."""
    (path.parent / "train-labels-idx1-ubyte").write_bytes(idx(np.arange(2, dtype=np.uint8), 8))
    return data.load_mnist(path.parent)


def of_mnist(result, content):
    """Assert shapes and types, and that there is a label for each image."""
    images, labels = result
    assert images.dtype == np.uint8 and images.ndim == 4 and len(images) == len(labels) == 2 and images.shape[1] == 1
    content = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    assert content.endswith(images.tobytes()), "other numbers"


def read_contest(path):
    """Read the table of a folder with two pictures, and the pictures."""
    for name in ("a.png", "b.png"):
        Image.new("RGB", (2, 3)).save(path.parent / name)
    contest = data.LeafContest(path.parent)
    return contest.check(), contest.classes, contest.labels, contest.names


def of_contest(result, content):
    """Assert that each picture that is named has a label."""
    sizes, classes, labels, names = result
    assert sizes == {(3, 2): len(names)} and len(labels) == len(names) and set(labels) == set(range(len(classes)))
    assert all(name in content.decode("utf-8-sig") for name in (*names, *classes)), "a text that is not in the file"


OLD = {"_use_new_zipfile_serialization": False}
ENTRIES = {name: array_file(value) for name, value in ARRAYS.items()}
ROWS = [
    loader("data.load_idx", data.load_idx, "file", idx(ARRAY, 8), idx(ARRAY.astype("f4"), 13),
           gzip.compress(idx(ARRAY, 8)), check=of_idx),
    loader("data.load_mnist", read_mnist, "train-images-idx3-ubyte", idx(ARRAY.reshape(2, 3, 2), 8),
           gzip.compress(idx(ARRAY.reshape(2, 3, 2), 8)), check=of_mnist, says=("load_idx",)),
    loader("data.LeafContest", read_contest, "train.csv", b"image,label\na.png,oak\nb.png,elm\n", check=of_contest),
    loader("data.load_coco", data.load_coco, "file.json", COCO, check=of_coco, says=("masks",)),
    loader("data.score_submission", scored, "mine.csv", SUBMISSION, check=of_scores),
    loader("models.load_weights (pth)", read_weights, "file.pth", saved(STATE), saved(STATE, **OLD),
           pickle.dumps(STATE), saved({"0.weight": Bomb()}), saved({"0.weight": Bomb()}, **OLD), pickle.dumps(Bomb()),
           check=of_weights, says=("load_weights",)),
    loader("models.load_weights (safetensors)", read_weights, "file.safetensors", save_tensors(STATE),
           pickle.dumps(Bomb()), check=of_weights, says=("load_weights",)),
    loader("scratch.load_weights", read_own_weights, "file.npz", zipped(**ENTRIES), zipped(
        **ENTRIES | {"0.weight": array_file(np.array([Bomb()]), allow_pickle=True)}), pickle.dumps(Bomb()),
        check=of_weights, says=("load_state_dict",)),
    loader("training.Checkpoint", read_checkpoint, LAST, saved({"epoch": 1, "model": STATE}),
           saved({"epoch": Bomb()}), pickle.dumps({"epoch": Bomb()}), check=of_checkpoint, says=("fit",)),
]
