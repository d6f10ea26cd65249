"""The book's widgets: each is stock ipywidgets controls linked to one picture."""
from cnnlib.widgets.convolution_explorer import ConvolutionExplorer
from cnnlib.widgets.kernel_gallery import KernelGallery
from cnnlib.widgets.loop_stepper import LoopStepper
from cnnlib.widgets.quiz import Quiz

__all__ = ["ConvolutionExplorer", "KernelGallery", "LoopStepper", "Quiz"]
