"""Every idea of the book in NumPy, as loops first and fast afterwards."""
from cnnlib.scratch.convolution import conv1d, conv2d, conv3d, convolve2d
from cnnlib.scratch.padding import pad2d
from cnnlib.scratch.versions import conv2d_v1, conv2d_v2, conv2d_v3, conv2d_v4, conv2d_v5

__all__ = [
    "conv1d", "conv2d", "conv2d_v1", "conv2d_v2", "conv2d_v3", "conv2d_v4", "conv2d_v5", "conv3d", "convolve2d",
    "pad2d",
]
