"""Compare a function of cnnlib.scratch and its backward pass with PyTorch and its autograd."""
import numpy as np
import pytest
import torch

TOLERANCE = {np.float32: 1e-4, np.float64: 1e-8}  # of the largest value
KINDS = (np.float32, np.float64)


def close(ours, right, *, scale=0):
    """Say whether two arrays agree in shape, type and, relative to the largest value, in numbers.

    scale: the largest number that was summed up, where a sum may come out near 0.
    """
    right = right.detach().numpy() if isinstance(right, torch.Tensor) else np.asarray(right)
    ours = np.asarray(ours)
    if ours.shape != right.shape or ours.dtype != right.dtype:
        return False
    with np.errstate(invalid="ignore"):
        distance = np.where(ours == right, 0, np.abs(ours - right))  # infinities are equal to themselves
    largest = max(1e-30, scale, np.abs(right[np.isfinite(right)]).max(initial=0))
    return bool(distance.max() <= TOLERANCE[right.dtype.type] * largest)


def differences(ours, backward, judge, arrays, rng, *, fixed=(), options=None, sums=True):
    """Return which results differ from PyTorch's: "output", "grad 0", "grad 1" …; None if both refuse the arguments.

    Args:
        ours: forward function; called with arrays, fixed and options.
        backward: its backward function; called with grad_output, arrays, fixed and options. Biases stand last in arrays
            and are not passed to it: its results are compared in the order of arrays.
        judge: PyTorch's function; called as ours.
        arrays: NumPy arrays that need a gradient.
        rng: NumPy's generator for the output's gradient.
        fixed: further positional arguments.
        options: keyword arguments.
        sums: True where an output is a sum that may come out near 0; the tolerance is then relative to what is summed,
            as it always is for gradients.
    """
    options = options or {}
    tensors = [torch.from_numpy(array).requires_grad_() for array in arrays]
    plain = [torch.from_numpy(each) if isinstance(each, np.ndarray) else each for each in fixed]
    try:
        right = judge(*tensors, *plain, **options)
    except (RuntimeError, ValueError):
        right = None
    if right is None or not right.numel():  # PyTorch returns some empty outputs, which are errors here
        with pytest.raises(ValueError):
            ours(*arrays, *fixed, **options)
        return None
    grad_output = rng.normal(size=tuple(right.shape)).astype(arrays[0].dtype)
    before = [array.copy() for array in arrays]
    wrong = [] if close(ours(*arrays, *fixed, **options), right, scale=sums * np.abs(arrays[0]).max()) else ["output"]
    if right.isneginf().any() and not np.isneginf(arrays[0]).any():
        return wrong  # a window of padding alone: PyTorch would write its gradient outside the map's memory
    right.backward(torch.from_numpy(grad_output))
    grads = backward(grad_output, *arrays[:2], *fixed, **options)
    grads = grads if isinstance(grads, tuple) else (grads,)
    assert len(grads) >= len(tensors), "a gradient is missing"  # a layer without bias has one gradient to spare
    wrong += [f"grad {i}" for i, (grad, tensor) in enumerate(zip(grads, tensors, strict=False))
              if not close(grad, tensor.grad, scale=np.abs(grad_output).max())]
    assert all(map(np.array_equal, arrays, before)), "an argument was changed"
    return wrong


def refused(function, message, *args, **options):
    """Say that a call raises a ValueError with this whole message."""
    with pytest.raises(ValueError) as caught:
        function(*args, **options)
    assert str(caught.value) == message
