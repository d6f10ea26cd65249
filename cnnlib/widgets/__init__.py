"""The book's widgets: each is stock ipywidgets controls linked to one picture."""
import importlib

_MODULES = {"ConvolutionExplorer": "convolution_explorer", "KernelGallery": "kernel_gallery",
            "LoopStepper": "loop_stepper", "Quiz": "quiz"}
__all__ = list(_MODULES)


def __getattr__(name):
    if name in _MODULES:
        return getattr(importlib.import_module(f"cnnlib.widgets.{_MODULES[name]}"), name)
    raise AttributeError(name)
