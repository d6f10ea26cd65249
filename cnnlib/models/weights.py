"""Put the weights of a file into a model, or say why they do not fit."""
import os
import pickle
import re
import warnings
import zipfile
from functools import partial
from pathlib import Path

import torch
from safetensors.torch import load_file

READERS = {  # by the end of the file's name; neither runs code that stands in a file
    ".pth": partial(torch.load, map_location="cpu", weights_only=True),
    ".pt": partial(torch.load, map_location="cpu", weights_only=True),
    ".safetensors": load_file,
}
OLD_DENSENET = re.compile(r"(.*denselayer\d+\.(?:norm|conv))\.([12]\..*)")  # norm.1.weight is norm1.weight today
SHOWN = 4  # keys of a kind in a message


def load_weights(model, path):
    """Load a file of weights, such as torchvision's, into a model; nothing is changed unless everything fits.

    Args:
        model: an ``nn.Module``; for torchvision's files one that ``create_model`` made under the same name.
        path: a file that ends in .pth, .pt or .safetensors. No code in it is run: ``torch.load`` with weights_only.

    Returns:
        The model, with the weights in it.

    Raises:
        ValueError: the file is missing, broken, of another kind, holds anything but tensors of finite numbers by name,
            or the names or shapes are not the model's. Auxiliary classifiers are part of the names: torchvision's files
            of googlenet and inception_v3 fit models with ``aux_logits=True``.

    >>> load_weights(torch.nn.Linear(2, 1), "missing.pth")
    Traceback (most recent call last):
    ValueError: load_weights: path must be a file, got 'missing.pth'
    """
    if not isinstance(model, torch.nn.Module):
        raise ValueError(f"load_weights: model must be an nn.Module, got {model!r}")
    if not isinstance(path, (str, os.PathLike)):
        raise ValueError(f"load_weights: path must be a file name, got {path!r}")
    path = Path(path)
    if any(tensor.is_meta for tensor in model.state_dict().values()):
        raise ValueError("load_weights: model must hold numbers, got one on the meta device")
    if not path.is_file():
        raise ValueError(f"load_weights: path must be a file, got {str(path)!r}")
    wanted = model.state_dict()
    state = _renamed(_read(path), wanted)
    # batch norm's counters are in no file from before 2018
    counters = {key: value for key, value in wanted.items() if key.endswith("num_batches_tracked")}
    _compare(path.name, counters | state, wanted)
    model.load_state_dict(counters | state)
    return model


def _read(path):
    """Return what the file holds."""
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise ValueError(f"load_weights: path must end in {', '.join(READERS)}, got {path.name!r}")
    try:
        _refuse_packed(path)
        with warnings.catch_warnings(action="ignore"):  # of old or broken files; what is wrong is said below
            state = reader(path)
    except Exception as error:  # the readers raise many kinds for a broken file
        reason = str(error).strip().split("\n")[0][:200] or type(error).__name__
        if isinstance(error, pickle.UnpicklingError):  # PyTorch's own message says how to run the code in it
            reason = "it is no PyTorch file, or it holds more than tensors"
        raise ValueError(f"load_weights: {path.name} must be a whole {path.suffix} file, got: {reason}") from error
    if not isinstance(state, dict):
        raise ValueError(f"load_weights: {path.name} must hold tensors by name, got {type(state).__name__}")
    for key, value in state.items():
        if not isinstance(key, str) or not isinstance(value, torch.Tensor):
            held = f"{type(value).__name__} under {key!r}"
            raise ValueError(f"load_weights: {path.name} must hold tensors by name, got {held}")
    return state


def _refuse_packed(path):
    """Refuse a compressed archive: ``torch.save`` writes none, and a small one can hold more than the memory does."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
                raise ValueError("it is compressed")


def _renamed(state, wanted):
    """Give today's names to the keys of an old DenseNet file."""
    new = {key: OLD_DENSENET.sub(r"\1\2", key) for key in state if key not in wanted}
    return {new.get(key, key): value for key, value in state.items()}


def _is_wrong(value, wanted):
    """Whether a tensor is not one of finite numbers of the wanted kind."""
    plain = value.layout is torch.strided and not (value.is_quantized or value.is_nested or value.is_meta)
    if not plain or value.is_complex() or value.is_floating_point() != wanted.is_floating_point():
        return True
    return not bool(torch.isfinite(value.to(wanted.dtype)).all())


def _compare(name, state, wanted):
    """Refuse a state whose names or shapes are not the model's."""
    missing = [key for key in wanted if key not in state]
    unexpected = [key for key in state if key not in wanted]
    both = [key for key in wanted if key in state]
    kinds = [key for key in both if _is_wrong(state[key], wanted[key])]
    shapes = [f"{key} {tuple(state[key].shape)} for {tuple(wanted[key].shape)}"
              for key in both if key not in kinds and state[key].shape != wanted[key].shape]
    found = [_listed("missing", missing), _listed("unexpected", unexpected), _listed("of wrong shape", shapes),
             _listed("without plain finite numbers of the right kind", kinds)]
    if any(found):
        said = "; ".join(filter(None, found))
        raise ValueError(f"load_weights: {name} must hold the keys and shapes of the model, got {said}")


def _listed(kind, keys):
    if not keys:
        return ""
    rest = f" and {len(keys) - SHOWN} more" if len(keys) > SHOWN else ""
    return f"{len(keys)} {kind}: {', '.join(keys[:SHOWN])}{rest}"
