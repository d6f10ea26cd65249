"""Convolutional networks from scratch in NumPy and again in PyTorch.

Submodules load when they are first touched, so that ``import cnnlib`` is quick and imports no torch.
"""
import importlib

__version__ = "0.1.0"

_SUBMODULES = (
    "boxes", "data", "exercises", "explain", "losses", "metrics", "models", "plots", "scratch", "shapes", "training",
    "widgets")
__all__ = [*_SUBMODULES]


def __getattr__(name):
    if name in _SUBMODULES:
        return importlib.import_module(f"cnnlib.{name}")
    raise AttributeError(f"module 'cnnlib' has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *_SUBMODULES])
