"""Sizes, parameter and MAC counts and receptive fields, with the words and the rules of PyTorch.

Shapes are channels-first: (N, C, L), (N, C, H, W) or (N, C, D, H, W). Sizes, kernels, strides, padding (on each side)
and dilation are in pixels. A MAC is one multiplication with its addition; a FLOP count is twice as large.
"""
from cnnlib.shapes.convolution import conv_mac_count, conv_output_shape, conv_output_size, same_padding
from cnnlib.shapes.counts import conv_parameter_count, linear_mac_count, linear_parameter_count, patch_token_count
from cnnlib.shapes.field import FieldRow, receptive_field
from cnnlib.shapes.pooling import pool_output_shape, pool_output_size
from cnnlib.shapes.transposed import conv_transpose_output_shape, conv_transpose_output_size

__all__ = [
    "FieldRow", "conv_mac_count", "conv_output_shape", "conv_output_size", "conv_parameter_count",
    "conv_transpose_output_shape", "conv_transpose_output_size", "linear_mac_count", "linear_parameter_count",
    "patch_token_count", "pool_output_shape", "pool_output_size", "receptive_field", "same_padding",
]
