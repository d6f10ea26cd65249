"""Judges made of PyTorch's functions, computed in float64 and given the type that cnnlib.scratch documents."""
import numpy as np
import torch

from tests.fuzz.row import Unjudged

SIZE = 10**6  # of an option that PyTorch is asked about


def kind_of(*arrays, half=False):
    """Return the type of a result: the widest float; whole numbers become float64, and float16 float32 unless kept."""
    kind = np.result_type(*[np.asarray(each) for each in arrays if each is not None])
    if kind.kind != "f":
        return np.dtype(np.float64)
    return kind.newbyteorder("=") if half or kind.itemsize > 2 else np.dtype(np.float32)


def tensor(value):
    """Return what a reader may pass for an array as a float64 tensor; None stays None."""
    return None if value is None else torch.from_numpy(np.array(value, np.float64))


def forward(function, *, count=1, half=False):
    """Return a judge that calls a function of PyTorch.

    Args:
        function: called with the first ``count`` arguments as tensors, the others as they are.
        count: how many arguments are arrays.
        half: True where float16 stays what it is.
    """
    def right(*args, **options):
        arrays = args[:count]
        result = function(*map(tensor, arrays), *plain(dict(enumerate(args[count:]))).values(), **plain(options))
        if not result.numel():
            raise ValueError("PyTorch returns nothing, which is an error here")
        return result.numpy().astype(kind_of(*arrays, half=half))
    return right


def backward(function, *, count=1, finite=False):
    """Return a judge that differentiates a function of PyTorch; the gradient of the output is its first argument.

    Args:
        function: called with the ``count`` arguments after it as tensors, the others as they are.
        count: how many arguments are arrays.
        finite: True where PyTorch is no judge of arrays that hold NaN or infinity.
    """
    def right(grad_output, *args, **options):
        arrays = [grad_output, *args[:count]]
        if finite and not all(np.isfinite(np.asarray(each, float)).all() for each in arrays):
            raise Unjudged
        inputs = [tensor(each).requires_grad_() for each in args[:count]]
        result = function(*inputs, *plain(dict(enumerate(args[count:]))).values(), **plain(options))
        grads = torch.autograd.grad(result, inputs, tensor(grad_output).reshape(np.shape(grad_output)))
        grads = tuple(each.numpy().astype(kind_of(*arrays)) for each in grads)
        return grads if count > 1 else grads[0]
    return right


def plain(options):
    """Return options as PyTorch takes them: NumPy's numbers as Python's, lists as tuples."""
    def python(value):
        if isinstance(value, (np.ndarray, np.generic)):
            return tensor(value) if value.ndim else value.item()
        return tuple(map(python, value)) if isinstance(value, (tuple, list)) else value
    if any(isinstance(each, int) and abs(each) > SIZE for value in options.values() for each in (
            value if isinstance(value, (tuple, list)) else [value])):
        raise Unjudged
    return {name: python(value) for name, value in options.items()}
