"""A finished function is noticed under every name; what is allowed is not."""
import _thread
import functools
import importlib
import os
import subprocess
import sys
import threading

import numpy as np
import pytest
import scipy.signal
import torch

from cnnlib import scratch
from cnnlib.exercises import Refusal, _watch
from cnnlib.exercises._watch import CONVOLUTION, POOLING, watching

X, W = np.ones((1, 1, 5, 5)), np.ones((1, 1, 3, 3))
XT, WT = torch.tensor(X), torch.tensor(W)


def in_a_thread(work):
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def past_the_dispatch(work):
    with torch.utils._python_dispatch._disable_current_modes():
        work()


def again():
    """Look away while a convolution is computed."""
    note = sys.getprofile()
    sys.setprofile(None)
    scratch.conv2d(X, W)
    sys.setprofile(note)


FORBIDDEN = {
    "by name": lambda: scratch.conv2d(X, W),
    "the readable version": lambda: scratch.conv2d_v5(X, W),
    "by importlib": lambda: importlib.import_module("cnnlib.scratch").conv2d(X, W),
    "from a list": lambda: [getattr(scratch, "conv" + "2d")][0](X, W),
    "partial": functools.partial(scratch.conv2d, X, W),
    "NumPy": lambda: np.convolve([1, 2], [3]),
    "under NumPy": lambda: np._core.multiarray.correlate(X[0, 0, 0], W[0, 0, 0]),
    "SciPy": lambda: scipy.signal.convolve2d(X[0, 0], W[0, 0]),
    "PyTorch": lambda: torch.conv2d(XT, WT),
    "a layer": lambda: torch.nn.Conv2d(1, 1, 3)(torch.ones(1, 1, 5, 5)),
    "an operator": lambda: torch.ops.aten.convolution(XT, WT, None, [1, 1], [0, 0], [1, 1], False, [0, 0], 1),
    "another convolution": lambda: torch._C._nn.slow_conv3d(XT[None], WT[None], (1, 3, 3)),
    "past the dispatch": lambda: past_the_dispatch(lambda: torch.conv2d(XT, WT)),
    "an operator past the dispatch": lambda: past_the_dispatch(
        lambda: torch.ops.aten.convolution(XT, WT, None, [1, 1], [0, 0], [1, 1], False, [0, 0], 1)),
    "unfold": lambda: torch.nn.functional.unfold(XT, 3),
    "in spite of an error": lambda: (scratch.conv2d(X, W), 1 / 0),
}


@pytest.mark.parametrize("name", FORBIDDEN)
def test_forbidden_call_is_noticed(name):
    with pytest.raises(Refusal, match=r"^This task is to be solved without .*; your answer calls it\.$") as caught:
        with watching(CONVOLUTION):
            FORBIDDEN[name]()
    assert caught.value.name == "forbidden-function"


@pytest.mark.parametrize("work", [
    lambda: np.tensordot(X, X, axes=4), lambda: XT @ XT, lambda: scratch.pad2d(X, (1, 1, 1, 1)),
    lambda: np.lib.stride_tricks.sliding_window_view(X, (3, 3), axis=(2, 3)), lambda: scratch.max_pool2d(X, 2),
    lambda: torch._convert_indices_from_coo_to_csr(torch.tensor([0, 1]), 2), lambda: print(XT),
    lambda: importlib.import_module("wave")])
def test_allowed_calls_pass(work):
    with watching(CONVOLUTION):
        work()


def test_an_operator_that_no_function_calls_is_noticed():
    with pytest.raises(Refusal), watching(["aten::add"]):
        XT + XT
    with watching(["aten::mul"]):
        XT + XT


def test_each_list_forbids_its_own():
    with pytest.raises(Refusal), watching(POOLING):
        torch.nn.functional.max_pool2d(XT, 2)
    with watching(CONVOLUTION):
        torch.nn.functional.max_pool2d(XT, 2)
    with watching(POOLING):
        scratch.conv2d(X, W)


@pytest.mark.slow
def test_pytorch_is_watched_from_the_moment_it_is_loaded():
    """In a process that has no torch yet, the first call is seen as well, and costs no import of PyTorch's compiler."""
    code = ("import sys\n"
            "from cnnlib.exercises._watch import CONVOLUTION, watching\n"
            "assert 'torch' not in sys.modules\n"
            "def answer():\n"
            "    import torch\n"
            "    return torch.conv2d(torch.ones(1, 1, 5, 5), torch.ones(1, 1, 3, 3))\n"
            "try:\n"
            "    with watching(CONVOLUTION):\n"
            "        answer()\n"
            "except Exception as error:\n"
            "    print(error)\n"
            "with watching(CONVOLUTION):\n"
            "    print(sum([1, 2]), 'torch._dynamo' in sys.modules)\n")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "This task is to be solved without torch.conv2d; your answer calls it.\n3 False\n"


BLINDS = {
    "off": lambda: sys.setprofile(None),
    "off and on": again,
    "a thread": lambda: in_a_thread(lambda: scratch.conv2d(X, W)),
    "a bare thread": lambda: _thread.start_new_thread(scratch.conv2d, (X, W)),
    "a thread for PyTorch": lambda: in_a_thread(lambda: torch.conv2d(XT, WT)),
    "a program": lambda: subprocess.run(["true"], check=True),
    "a copy of itself": lambda: os.waitpid(os.fork() or os._exit(0), 0),
    "the list of watches": lambda: _watch._on.clear(),
}


@pytest.mark.parametrize("name", BLINDS)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Python's own, on a copy of a program with threads
def test_blinding_the_watch_is_noticed(name):
    with pytest.raises(Refusal) as caught, watching(CONVOLUTION):
        BLINDS[name]()
    assert caught.value.name == "watch-blinded"
    assert sys.getprofile() is None


def test_the_watch_leaves_nothing_behind():
    with pytest.raises(ZeroDivisionError), watching(CONVOLUTION):
        1 / 0  # noqa: B018
    assert sys.getprofile() is None
    assert not torch.utils._python_dispatch._len_torch_dispatch_stack()
    in_a_thread(lambda: None)  # not watched any more
    with watching(CONVOLUTION):
        pass


def test_names_of_packages_that_are_not_there_do_no_harm():
    with watching(["no_such_package.function"]):
        pass
    with pytest.raises(AttributeError), watching(["numpy.no_such_function"]):  # a slip in a task is not passed over
        pass
