"""Every idea of the book in NumPy, as loops first and fast afterwards, forward and backward."""
from cnnlib.scratch._layer import Layer, Parameter
from cnnlib.scratch.activations import (
    leaky_relu,
    leaky_relu_backward,
    relu,
    relu6,
    relu6_backward,
    relu_backward,
    sigmoid,
    sigmoid_backward,
    tanh,
    tanh_backward,
)
from cnnlib.scratch.adaptive_pooling import (
    adaptive_avg_pool2d,
    adaptive_avg_pool2d_backward,
    global_avg_pool2d,
    global_avg_pool2d_backward,
)
from cnnlib.scratch.attention import (
    multi_head_attention,
    scaled_dot_product_attention,
    scaled_dot_product_attention_backward,
)
from cnnlib.scratch.attention_masks import causal_mask, global_mask, local_mask, strided_mask
from cnnlib.scratch.convolution import conv1d, conv2d, conv3d, convolve2d
from cnnlib.scratch.convolution_backward import conv2d_backward
from cnnlib.scratch.dense import dropout, dropout_backward, flatten, flatten_backward, linear, linear_backward
from cnnlib.scratch.gradient_check import GradientReport, check_gradients, numerical_gradient, relative_error
from cnnlib.scratch.layers import BatchNorm1d, BatchNorm2d, Conv2d, Dropout, Linear
from cnnlib.scratch.lenet_style import lenet
from cnnlib.scratch.losses import cross_entropy, cross_entropy_backward
from cnnlib.scratch.network import Sequential
from cnnlib.scratch.normalization import batch_norm, batch_norm_backward
from cnnlib.scratch.optimizer import SGD
from cnnlib.scratch.padding import pad2d
from cnnlib.scratch.plain_layers import (
    AdaptiveAvgPool2d,
    AvgPool2d,
    CrossEntropyLoss,
    Flatten,
    LeakyReLU,
    MaxPool2d,
    ReLU,
    ReLU6,
    Sigmoid,
    Softmax,
    Tanh,
)
from cnnlib.scratch.pooling import avg_pool2d, avg_pool2d_backward, max_pool2d, max_pool2d_backward
from cnnlib.scratch.scores import log_softmax, log_softmax_backward, softmax, softmax_backward
from cnnlib.scratch.training import batches, fit, predict, train_step
from cnnlib.scratch.transposed import conv_transpose2d, conv_transpose2d_backward
from cnnlib.scratch.versions import conv2d_v1, conv2d_v2, conv2d_v3, conv2d_v4, conv2d_v5
from cnnlib.scratch.weights import load_weights, save_weights

__all__ = [
    "SGD",
    "AdaptiveAvgPool2d",
    "AvgPool2d",
    "BatchNorm1d",
    "BatchNorm2d",
    "Conv2d",
    "CrossEntropyLoss",
    "Dropout",
    "Flatten",
    "GradientReport",
    "Layer",
    "LeakyReLU",
    "Linear",
    "MaxPool2d",
    "Parameter",
    "ReLU",
    "ReLU6",
    "Sequential",
    "Sigmoid",
    "Softmax",
    "Tanh",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool2d_backward",
    "avg_pool2d",
    "avg_pool2d_backward",
    "batch_norm",
    "batch_norm_backward",
    "batches",
    "causal_mask",
    "check_gradients",
    "conv1d",
    "conv2d",
    "conv2d_backward",
    "conv2d_v1",
    "conv2d_v2",
    "conv2d_v3",
    "conv2d_v4",
    "conv2d_v5",
    "conv3d",
    "conv_transpose2d",
    "conv_transpose2d_backward",
    "convolve2d",
    "cross_entropy",
    "cross_entropy_backward",
    "dropout",
    "dropout_backward",
    "fit",
    "flatten",
    "flatten_backward",
    "global_avg_pool2d",
    "global_avg_pool2d_backward",
    "global_mask",
    "leaky_relu",
    "leaky_relu_backward",
    "lenet",
    "linear",
    "linear_backward",
    "load_weights",
    "local_mask",
    "log_softmax",
    "log_softmax_backward",
    "max_pool2d",
    "max_pool2d_backward",
    "multi_head_attention",
    "numerical_gradient",
    "pad2d",
    "predict",
    "relative_error",
    "relu",
    "relu6",
    "relu6_backward",
    "relu_backward",
    "save_weights",
    "scaled_dot_product_attention",
    "scaled_dot_product_attention_backward",
    "sigmoid",
    "sigmoid_backward",
    "softmax",
    "softmax_backward",
    "strided_mask",
    "tanh",
    "tanh_backward",
    "train_step",
]
