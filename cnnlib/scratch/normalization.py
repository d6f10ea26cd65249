"""Batch normalization: each channel to mean 0 and variance 1 over the batch, then a learned scale and shift.

Training takes mean and variance from the batch and lets the running statistics follow; evaluation takes the running
statistics, so that one image's output does not depend on its neighbors. PyTorch's ``momentum`` is the weight of the new
value, and its running variance is the unbiased one (divided by n − 1), while the batch is normalized by the biased one.
"""
import numpy as np

from cnnlib._arguments import at_least_zero, flag, fraction
from cnnlib.scratch._check import describe, floats, same_shape


def batch_norm(x, running_mean=None, running_var=None, weight=None, bias=None, *, training=False, momentum=0.1,
               eps=1e-5):
    """Normalize each channel, as ``torch.nn.functional.batch_norm``.

    Args:
        x: features, (N, C), or maps, (N, C, L) or (N, C, H, W): one mean and variance for each of the C channels.
        running_mean: float array, (C,); changed in place while training. Needed for evaluation.
        running_var: float array, (C,), as running_mean.
        weight: scale γ, (C,); None means 1.
        bias: shift β, (C,); None means 0.
        training: True normalizes by the batch, False by the running statistics.
        momentum: weight of the batch in the running statistics, a fraction of 1.
        eps: added to the variance.

    Returns:
        γ · (x − mean) / √(var + eps) + β, shaped as x.

    Raises:
        ValueError: an argument is malformed, evaluation lacks statistics, or training has one value for each channel.

    Source:
        Ioffe & Szegedy (2015), Batch Normalization, algorithms 1 and 2.

    >>> batch_norm([[1.0], [3.0]], training=True, eps=0)
    array([[-1.],
           [ 1.]])
    """
    name = "batch_norm"
    x, weight, bias = _arrays(name, x=x, weight=weight, bias=bias)
    share = fraction(name, "momentum", momentum)
    mean, var = _statistics(name, x, running_mean, running_var, training, eps)
    if training and running_mean is not None:
        for label, array in (("running_mean", running_mean), ("running_var", running_var)):
            if not array.flags.writeable:
                raise ValueError(f"{name}: {label} must be writable, got a read-only array")
        count = x.size // x.shape[1]
        running_mean += share * (mean - running_mean)
        running_var += share * (var * (count / (count - 1)) - running_var)
    scale = 1 / np.sqrt(var + eps)
    y = (x - _by_channel(mean, x)) * _by_channel(scale if weight is None else scale * weight, x)
    return y if bias is None else y + _by_channel(bias, x)


def batch_norm_backward(grad_output, x, running_mean=None, running_var=None, weight=None, *, training=False, eps=1e-5):
    """Return the gradients of ``batch_norm``.

    In training mean and variance depend on every value of the channel: a gradient's own mean, and its part that moves
    along with the normalized values, cancel out. In evaluation the statistics are constants.

    Args:
        grad_output: gradient of the loss for the output, shaped as x.
        x: what batch_norm was given.
        running_mean: (C,), used in evaluation only.
        running_var: (C,), used in evaluation only.
        weight: scale γ, (C,); None means 1.
        training: as batch_norm was given.
        eps: as batch_norm was given.

    Returns:
        (grad_x, grad_weight, grad_bias), shaped as x, (C,) and (C,).

    Raises:
        ValueError: as batch_norm, or grad_output does not have the shape of x.

    Source:
        Ioffe & Szegedy (2015), Batch Normalization, section 3.

    >>> batch_norm_backward([[1.0], [0.0]], [[1.0], [3.0]], training=True)[2]
    array([1.])
    """
    name = "batch_norm_backward"
    x, grad_output, weight = _arrays(name, x=x, grad_output=grad_output, weight=weight)
    same_shape(name, "grad_output", grad_output, x.shape)
    mean, var = _statistics(name, x, running_mean, running_var, training, eps)
    scale = 1 / np.sqrt(var + eps)
    normalized = (x - _by_channel(mean, x)) * _by_channel(scale, x)
    grad_weight, grad_bias = ((grad_output * normalized).sum(axis=_axes(x)), grad_output.sum(axis=_axes(x)))
    if training:
        count = x.size // x.shape[1]
        grad_output = grad_output - _by_channel(grad_bias / count, x) - normalized * _by_channel(grad_weight / count, x)
    return grad_output * _by_channel(scale if weight is None else scale * weight, x), grad_weight, grad_bias


def _statistics(function, x, running_mean, running_var, training, eps):
    flag(function, "training", training)
    at_least_zero(function, "eps", eps)
    _running(function, "running_mean", running_mean, x, needed=not training or running_var is not None)
    _running(function, "running_var", running_var, x, needed=not training or running_mean is not None)
    if not training:
        return running_mean.astype(x.dtype), running_var.astype(x.dtype)
    if x.size == x.shape[1]:
        raise ValueError(f"{function}: training needs more than one value for each channel, got shape {x.shape}")
    mean = x.mean(axis=_axes(x))
    return mean, np.square(x - _by_channel(mean, x)).mean(axis=_axes(x))


def _running(function, name, value, x, *, needed):
    if value is None and not needed:
        return
    if not isinstance(value, np.ndarray) or value.dtype.kind != "f":
        raise ValueError(f"{function}: {name} must be an array of floats, got {describe(value)}")
    same_shape(function, name, value, x.shape[1:2])


def _arrays(function, *, x, **others):
    """Return x and the others as floats; all but grad_output have one number for each channel."""
    dims = {name: (value, None if name == "grad_output" else 1) for name, value in others.items()}
    x, *others = floats(function, x=(x, None), **dims)
    if x.ndim < 2:
        raise ValueError(f"{function}: x must have a batch and a channel axis, got shape {x.shape}")
    for name, array in zip(dims, others, strict=True):
        if array is not None and name != "grad_output":
            same_shape(function, name, array, x.shape[1:2])
    return x, *others


def _axes(x):
    return (0, *range(2, x.ndim))


def _by_channel(values, x):
    return values.reshape(-1, *(1,) * (x.ndim - 2))
