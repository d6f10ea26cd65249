"""Check arrays before any work is done."""
import numpy as np

from cnnlib._arguments import room, whole
from cnnlib._arrays import as_array


def numbers(function, name, value, *, dims, or_more=False):
    """Return value as a NumPy array with ``dims`` axes, or at least as many.

    Raises:
        ValueError: value is not numeric, has another number of axes, or is empty.
    """
    array = as_array(value)
    if array.dtype.kind not in "fiu":
        raise ValueError(f"{function}: {name} must be an array of real numbers, got {describe(value)}")
    if array.ndim < dims or (array.ndim > dims and not or_more):
        least = "at least " if or_more else ""
        raise ValueError(f"{function}: {name} must have {least}{dims} axes, got shape {array.shape}")
    if array.size == 0:
        raise ValueError(f"{function}: {name} must not be empty, got shape {array.shape}")
    return array


def describe(value):
    """Return a short text for an error message."""
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype}"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def check_convolution(function, x, weight, *, dims, stride=1, padding=0):
    """Return image and kernel of V1 to V5 as arrays with ``dims`` axes; whole numbers become float64.

    Photographs often hold 8-bit numbers; their products would wrap around at 256.

    Raises:
        ValueError: an argument is malformed, the channels differ, or no window fits.
    """
    x, weight = numbers(function, "x", x, dims=dims), numbers(function, "weight", weight, dims=dims)
    if dims > 2 and x.shape[-3] != weight.shape[-3]:
        raise ValueError(f"{function}: weight must have {x.shape[-3]} input channels as x, got {weight.shape[-3]}")
    whole(function, "stride", stride, least=1)
    whole(function, "padding", padding, least=0)
    for size, kernel_size in zip(x.shape[-2:], weight.shape[-2:], strict=True):
        if kernel_size > size + 2 * padding:
            rule = f"the kernel must fit into the {size + 2 * padding} pixels of the padded input"
            raise ValueError(f"{function}: {rule}, got {kernel_size} pixels")
    room(function, "the padded x", (*x.shape[:-2], *(size + 2 * padding for size in x.shape[-2:])))
    return tuple(array if array.dtype.kind == "f" else array.astype(np.float64) for array in (x, weight))


def floats(function, **arrays):
    """Return arrays of one float type: the widest of theirs; float16 becomes float32, whole numbers become float64.

    Args:
        function: the function that the reader called, for the message.
        arrays: name=(value, dims), with dims None for any number of axes and −1 for at least one. Where dims is 1, as
            for a bias, None stands for an array that is not given, and stays None.

    Raises:
        ValueError: as numbers.
    """
    checked = {}
    for name, (value, dims) in arrays.items():
        if value is not None or dims != 1:
            least = {None: 0, -1: 1}.get(dims, dims)
            checked[name] = numbers(function, name, value, dims=least, or_more=dims in (None, -1))
    kind = np.result_type(*checked.values())
    if kind.kind != "f" or kind.itemsize < 4:
        kind = np.dtype(np.float32 if kind.kind == "f" else np.float64)
    kept = (checked[name].astype(kind, copy=False) if name in checked else None for name in arrays)
    return tuple(kept)


def same_shape(function, name, array, shape):
    """Raise unless an array has the given shape."""
    if array.shape != tuple(shape):
        raise ValueError(f"{function}: {name} must have the shape {tuple(shape)}, got {array.shape}")


def pair(function, grad_output, x):
    """Return an output's gradient and the input of a function that keeps the shape, as floats.

    Raises:
        ValueError: as floats, or the shapes differ.
    """
    grad_output, x = floats(function, grad_output=(grad_output, None), x=(x, None))
    same_shape(function, "grad_output", grad_output, x.shape)
    return grad_output, x
