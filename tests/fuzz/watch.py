"""Call a function and raise a Fault that says what is wrong with its answer or with its manners."""
import resource
import signal
import sys
import traceback
import warnings
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch

from tests.fuzz.agree import difference
from tests.fuzz.row import Unjudged
from tests.fuzz.values import laid_out

SECONDS = 30  # a call that takes longer is a hang; a busy machine is none
MEMORY = 2 << 30  # bytes that a call may ask for
TOO_LARGE = 1e6  # from here on sums may leave the range of a type
TOO_LARGE_HALF = 100  # of float16, which ends at 65,504


class Fault(AssertionError):
    """What a function did and should not."""


class Hang(BaseException):
    """No answer in time; no ``except Exception`` of the watched code can catch it."""


@contextmanager
def time_limit(seconds):
    """Raise Hang in the code inside once the time is over."""
    def ring(number, frame):
        raise Hang(f"no answer within {seconds} s")
    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, 0.2)  # and again, where Python cannot raise at that moment
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def memory_limit(more=MEMORY):
    """Let the process have so many bytes more than it has now; only Linux says how many these are."""
    if sys.platform != "linux":
        yield
        return
    now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (now + more, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


@np.errstate(all="ignore")
def judged(row, call, *, layout=None, seconds=SECONDS):
    """Call the function of a row and judge what it does.

    Returns:
        "refused", "judged" (the answer is right) or "kept the rules" (no judge knows the answer).

    Raises:
        Fault: something is wrong.
    """
    answer, refusal = watched(row, call, seconds)
    anew = row.random or any(call.options.get(name, 0) is None for name in ("rng", "seed"))  # random each time
    if layout and not anew:
        again, refused = watched(row, call.mapped(lambda value: laid_out(value, layout)), seconds)
        if row.changes and refused and "read-only" in str(refused):
            again, refused = answer, refusal
        found = "another verdict" if bool(refused) != bool(refusal) else not refused and difference(
            again, answer, call, values=not large(call))
        if found:
            raise Fault(f"the layout {layout!r} gives {found}: {refused or refusal or ''}")
    return _verdict(row, call, answer, refusal)


def _verdict(row, call, answer, refusal):
    if refusal and call.harmed:
        return "refused"
    try:
        right = call.of(row.right) if row.right else None
    except Unjudged:
        return "kept the rules"
    except Exception as error:  # the judge refuses
        if refusal:
            return "refused"
        raise Fault(f"accepted, but the judge says {type(error).__name__}: {error}".split("\n")[0]) from error
    if refusal:
        raise Fault(f"refused a good input: {refusal}")
    if row.right:
        found = difference(answer, right, call, values=not large(call))
        if found:
            raise Fault(f"wrong: {found}")
    if row.check:
        try:
            row.check(answer, *call.args.values(), **call.options)
        except Unjudged:
            return "kept the rules"
        except AssertionError as error:
            raise Fault(f"wrong: {error or traceback.extract_tb(error.__traceback__)[-1].line}") from error
    return "judged" if row.right or row.check else "kept the rules"


def watched(row, call, seconds=SECONDS):
    """Return the function's answer and None, or None and the error with which it refuses.

    Raises:
        Fault: another error, a warning, a changed argument, or no answer in time.
    """
    before, answer, refusal = _frozen(call, row.changes), None, None
    with warnings.catch_warnings(record=True) as said, np.errstate(all="warn", under="ignore"):
        warnings.simplefilter("always")
        try:
            with time_limit(seconds):
                answer = call.of(row.function)
        except Hang as error:
            raise Fault(str(error)) from None
        except ValueError as error:
            refusal = _documented(row, error)
        except MemoryError as error:
            raise Fault(f"asked for too much memory: {error}") from error
        except Exception as error:
            raise Fault(f"raised {type(error).__name__}: {error}".split("\n")[0]) from error
    for each in said:
        # NumPy's own, where a number has no place or there is nothing to divide by
        if not (issubclass(each.category, RuntimeWarning) and (extreme(call) or _divides(row, call))):
            raise Fault(f"warned: {each.category.__name__}: {each.message}")
    if _frozen(call, row.changes) != before:
        raise Fault("an argument was changed")
    return answer, refusal


def _documented(row, error):
    """Return a ValueError of the form ``<function>: <rule>, got <value>``."""
    prefix, _, rule = str(error).partition(": ")
    if prefix.partition("[")[0] not in row.prefixes or ", got" not in rule:
        raise Fault(f"raised an undocumented ValueError: {error}") from error
    return error


def _divides(row, call):
    given = {**call.args, **call.options}
    return any(np.ndim(given.get(name)) == 0 and given.get(name) == 0 for name in row.divisors)


def extreme(call):
    """Whether an argument holds a number that is not finite or so large that sums may leave its type's range."""
    return large(call) or any(not np.isfinite(each).all() for each in _numbers(call))


def large(call):
    """Whether an argument holds a number that is too large, or one that is nearly 0 and not 0."""
    for each in _numbers(call):
        size, most = np.abs(each[np.isfinite(each)]), TOO_LARGE_HALF if each.dtype == np.float16 else TOO_LARGE
        if (size > most).any() or ((size > 0) & (size < 1 / TOO_LARGE)).any():
            return True
    return False


def _numbers(call):
    for value in [*call.args.values(), *call.options.values()]:
        yield from _within(value)


def _within(value):
    if isinstance(value, torch.Tensor):
        value = np.zeros(0) if value.is_meta else value.detach().to_dense().numpy()
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (tuple, list)):
        for each in value:
            yield from _within(each)
    elif isinstance(value, np.ndarray) and value.dtype.kind == "O":
        yield from _within(value.tolist())
    elif isinstance(value, (np.ndarray, np.number, int, float, complex)):
        array = np.asarray(value)
        if array.dtype == np.float16:
            yield array
        elif array.dtype.kind in "fiuc":
            yield array.astype(complex if array.dtype.kind == "c" else float)
        elif array.dtype.kind == "O":  # a whole number that no type holds
            yield np.array([np.inf])


def _frozen(call, changes):
    values = {**call.args, **call.options}
    return repr({name: _still(value) for name, value in values.items() if name not in changes})


def _still(value):
    """Return what two equal values have in common."""
    if isinstance(value, torch.nn.Module):
        return _still(value.state_dict()), value.training
    if isinstance(value, torch.Tensor):
        if value.is_meta:
            return value.shape
        value = value.detach().to_dense().numpy()
    if isinstance(value, np.ndarray):
        return value.shape, value.dtype.str, value.tolist() if value.dtype.kind == "O" else value.tobytes()
    if isinstance(value, dict):
        return {name: _still(each) for name, each in value.items()}
    if isinstance(value, (tuple, list)):
        return [_still(each) for each in value]
    return repr(value) if isinstance(value, (int, float, complex, str, bytes, type(None))) else type(value)
