"""Notice calls of finished functions, under whatever name they are called.

A task "build a convolution" is not answered by calling one. Names in the source say little: a function can be imported
under another name, by importlib, or handed around. So the call itself is watched: Python functions are known by their
code, compiled ones by what they are, and PyTorch's operators are seen where PyTorch dispatches them. What would blind
the watch, another profiler or a thread, Python itself reports before it happens.
"""
import _thread
import fnmatch
import os
import re
import sys
import threading
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import BuiltinFunctionType, ModuleType

from cnnlib.exercises._check import Refusal

# A name is a function's ("numpy.convolve"), a module's for all that it defines, or how an operator's begins
# ("aten::mean"), where * stands for anything. "convert" is no convolution.
CONVOLUTION_OPERATORS = ("aten::im2col", "*::*conv[!e]")
CONVOLUTION = ("cnnlib.scratch.convolution", "cnnlib.scratch.versions", "numpy.convolve", "numpy.correlate",
               "numpy._core.multiarray.correlate", "numpy._core.multiarray.correlate2", "scipy.signal",
               "scipy.ndimage", *CONVOLUTION_OPERATORS)
POOLING = ("cnnlib.scratch.pooling", "scipy.ndimage", "aten::max_pool", "aten::avg_pool", "aten::adaptive_",
           "aten::mean", "aten::amax")


# what Python reports before a program starts or a profiler changes
BLINDING = ("sys.setprofile", "os.fork", "os.forkpty", "os.posix_spawn", "os.system", "subprocess.Popen")
BLINDED = "watch-blinded"

_on = []  # the watches that are on


class Watch:
    """What was called while a block ran.

    Attributes:
        called: the names of the forbidden functions that were called.
        whole: whether nothing was done that the watch cannot see.
        thread: the thread that is watched.
    """

    def __init__(self, names, functions=()):
        self.called, self.whole, self.thread = [], True, threading.get_ident()
        operators = "|".join(fnmatch.translate(f"{name}*") for name in names if "::" in name)
        self._operator = re.compile(operators) if operators else None
        self._mode = None
        self._codes, self._builtins, self._files, self._known, self._words = {}, {}, {}, {}, {}
        for name in (name for name in names if "::" not in name):
            if place := _place(name):
                self._files[place] = name
            else:
                self._add(name, _found(name))
        for function in functions:
            self._add("the course's own solution", function)

    def _add(self, name, thing):
        if hasattr(thing, "__code__"):
            self._codes[_key(thing.__code__)] = name
        elif hasattr(thing, "__wrapped__"):
            self._add(name, thing.__wrapped__)
        elif isinstance(thing, BuiltinFunctionType):
            self._builtins[id(thing)] = name

    def _module(self, file):
        if file not in self._known:  # asked at every call, so remembered
            self._known[file] = next((name for begin, name in self._files.items() if file.startswith(begin)), None)
        return self._known[file]

    def _compiled(self, function):
        """Return the name of an operator that is called past PyTorch's dispatch, or None."""
        word = function.__name__
        if self._operator and word not in self._words:
            self._words[word] = self._operator.match(f"aten::{word}")
        return f"torch.{word}" if self._words.get(word) and _is_torch(getattr(function, "__self__", function)) else None

    def _see_operators(self):
        """Watch PyTorch's operators from the moment it is there: it is not loaded for a task that may do without."""
        torch = sys.modules.get("torch")
        if torch and not getattr(torch.__spec__, "_initializing", False):
            self._mode = _operators(self._operator, self.called)
            self._mode.__enter__()

    def _note(self, frame, event, argument):
        if self._operator and not self._mode:
            self._see_operators()
        if event == "call":
            code = frame.f_code
            module = self._module(code.co_filename) if self._files else None
            name = f"{module}.{code.co_name}" if module else self._codes.get(_key(code))
        elif event == "c_call":
            name = self._builtins.get(id(argument)) or self._compiled(argument)
            self.whole = self.whole and argument is not _thread.start_new_thread
        else:
            return
        if name and name not in self.called:
            self.called.append(name)

    @contextmanager
    def on(self):
        """Watch a block of code."""
        _listen()
        before, note = sys.getprofile(), self._note
        sys.setprofile(note)
        _on.append(self)
        try:
            yield
        finally:
            self.whole = self.whole and self in _on and sys.getprofile() == note
            _on[:] = [each for each in _on if each is not self]
            sys.setprofile(before)
            if self._mode:
                self._mode.__exit__(None, None, None)


@cache
def _listen():
    """Ask Python, once and for good, to report what blinds a watch."""
    def hear(event, arguments):
        if _on and event in BLINDING and _on[-1].thread == threading.get_ident():
            _on[-1].whole = False

    sys.addaudithook(hear)


@contextmanager
def watching(names, functions=()):
    """Refuse a block of code that calls a forbidden function.

    Args:
        names: dotted names of functions or modules, and PyTorch's operators as ``aten::`` and how their names begin.
        functions: functions without a public name.

    Raises:
        Refusal: at the end of the block, if one was called, or the watch was blinded; whatever else the block raised.

    >>> import numpy
    >>> with watching(["numpy.convolve"]):
    ...     numpy.convolve([1, 2], [3])
    Traceback (most recent call last):
    cnnlib.exercises._check.Refusal: This task is to be solved without numpy.convolve; your answer calls it.
    """
    watch = Watch(names, functions)
    try:
        with watch.on():
            yield
    finally:
        if watch.called:
            raise Refusal("forbidden-function",
                          f"This task is to be solved without {watch.called[0]}; your answer calls it.")
        if not watch.whole:
            raise Refusal(BLINDED, "Your answer starts a thread, a program or a profiler. What they call cannot be "
                                   "seen: do without.")


def _is_torch(owner):
    """Return whether what a compiled function belongs to is PyTorch's: a module, a tensor, or nothing."""
    if isinstance(owner, ModuleType):
        return owner.__name__.startswith("torch")
    return owner is None or type(owner).__module__.startswith(("torch", "pybind11")) or (
        isinstance(owner, sys.modules["torch"].Tensor) if "torch" in sys.modules else False)


def _operators(pattern, called):
    """Return a context in which PyTorch notes its operators."""
    from torch.utils._python_dispatch import TorchDispatchMode  # torch is loaded by now

    class Mode(TorchDispatchMode):
        _should_skip_dynamo = classmethod(lambda cls: False)  # else the first operator imports the compiler: seconds

        def __torch_dispatch__(self, function, types, arguments=(), options=None):
            name = function.name()
            if pattern.match(name) and name not in called:
                called.append(name)
            return function(*arguments, **(options or {}))

    return Mode()


def _place(name):
    """Return the file of a module, or the folder of a package, without loading it; None where a name is neither."""
    top, *parts = name.split(".")
    spec = find_spec(top)
    place = Path(spec.origin).parent if spec and spec.submodule_search_locations else None
    for part in parts:
        place = place and next((found for found in (place / part, place / f"{part}.py") if found.exists()), None)
    return place and (str(place) if place.suffix else f"{place}{os.sep}")


def _found(name):
    """Return the function of a dotted name; None where its package is not installed."""
    parts = name.split(".")
    for end in range(len(parts) - 1, 0, -1):
        try:
            found = import_module(".".join(parts[:end]))
        except ModuleNotFoundError:
            continue
        for part in parts[end:]:
            found = getattr(found, part)
        return found
    return None


def _key(code):
    return code.co_filename, code.co_qualname, code.co_firstlineno
