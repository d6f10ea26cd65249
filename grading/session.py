"""Talk to one student's program in its sandbox: run cells there, and call what they define as if it were here."""
import contextlib
import json
import os
import select
import time
from pathlib import Path

import psutil

from cnnlib.exercises import Refusal
from grading.sandbox import Sandbox
from grading.wire import LINE, decode, encode

INSIDE = Path(__file__).with_name("inside.py")
TICK = 0.2  # seconds between two looks at what was computed
READ = 2**20  # bytes that are read at once
WALL = 4  # a cell that computes little may take so many times its seconds


class Session:
    """A student's program, started again where it ends itself.

    Args:
        limits: a ``sandbox.Limits``.
        seconds: how long a cell or a call may compute.
        budget: how long all of it may take on the clock.
        trusted: run without a sandbox.

    Attributes:
        ended: a Refusal that says why the program is gone, or None.
    """

    def __init__(self, limits=None, *, seconds=20, budget=120, trusted=False):
        self._limits, self._seconds, self._trusted = limits, seconds, trusted
        self._end = time.monotonic() + budget
        self._sandbox, self._cells, self._killers = None, [], set()
        self.ended, self._asked = None, 0
        self.start()

    def start(self):
        """Start the program, and run again the cells that it survived."""
        self.close()
        self._sandbox, self._rest, self.ended = Sandbox(INSIDE, self._limits, trusted=self._trusted), bytearray(), None
        for number, source in enumerate(self._cells):
            if number not in self._killers:
                self._ask({"do": "cell", "source": source}, killer=number)
            if self.ended:
                return

    def close(self):
        """End the program."""
        if self._sandbox:
            self._sandbox.close()
            self._sandbox = None

    def run_cell(self, source):
        """Run a cell; return its output, and its error as a pair of name and text, or None."""
        self._revive()
        self._cells.append(source)
        answer = self._ask({"do": "cell", "source": source}, killer=len(self._cells) - 1)
        if self.ended:
            return "", [self.ended.name, str(self.ended)]
        error = answer.get("error")
        return str(answer.get("output", ""))[:30_000], [str(part)[:500] for part in error] if error else None

    def find(self, name):
        """Return the value of a student's name, or what stands for it here; KeyError where there is none."""
        self._revive()
        answer = self._ask({"do": "get", "name": name})
        if not self.ended and "value" not in answer and "error" not in answer:
            raise KeyError(name)
        return self._value(answer, ())

    def call(self, handle, arguments, options, forbidden):
        """Call what a handle stands for, in the student's program."""
        return self._value(self._ask({
            "do": "call", "handle": handle, "forbidden": forbidden,
            "arguments": [encode(each, handle=_number) for each in arguments],
            "options": {name: encode(each, handle=_number) for name, each in options.items()}}), forbidden)

    def attribute(self, handle, name, forbidden):
        """Return an attribute of what a handle stands for."""
        request = {"do": "attribute", "handle": handle, "name": name, "forbidden": forbidden}
        return self._value(self._ask(request), forbidden)

    def _value(self, answer, forbidden):
        if self.ended:
            raise self.ended
        if isinstance(answer.get("refused"), list) and len(answer["refused"]) == 2:
            raise Refusal(*(str(part)[:500] for part in answer["refused"]))
        if isinstance(answer.get("error"), list) and len(answer["error"]) == 2:
            name, text = (str(part)[:500] for part in answer["error"])
            raise type(name if name.isidentifier() else "Error", (Exception,), {})(text)
        return decode(answer.get("value"), handle=lambda number, kind, can_call: (
            CallableProxy if can_call else Proxy)(self, number, kind, forbidden))

    def _revive(self):
        if self.ended and time.monotonic() < self._end:
            self.start()
        if self.ended:
            raise self.ended

    def _ask(self, request, killer=None):
        """Return the answer to a request; on a program that is gone or too slow, note why, and return {}."""
        if self.ended:
            raise self.ended
        process = self._sandbox.process
        self._asked += 1
        try:
            process.stdin.write(json.dumps({**request, "number": self._asked}).encode() + b"\n")
            process.stdin.flush()
            answer = json.loads(self._line(process))
            if isinstance(answer, dict) and answer.get("number") == self._asked:
                return answer
            raise ValueError
        except TimeoutError:
            self.ended = Refusal("time-limit", f"Your code ran longer than {self._seconds} seconds and was "
                                                "stopped.")
        except (OSError, EOFError):
            self.ended = Refusal("program-ended", "Your code ended the program it ran in, or used more memory or "
                                                  "processes than it may.")
        except (ValueError, RecursionError):
            self.ended = Refusal("answer-unreadable", "Your code spoke to the grader in place of its program.")
        if killer is not None:
            self._killers.add(killer)
        self._sandbox.close()
        return {}

    def _line(self, process):
        """Return the next line; computing is measured, so that a busy machine takes nobody's time away."""
        used, wall = _computed(process.pid), min(time.monotonic() + WALL * self._seconds, self._end)
        look = time.monotonic() + TICK
        while (end := self._rest.find(b"\n", -READ - 1)) < 0:
            if len(self._rest) > LINE:
                raise ValueError
            if time.monotonic() > look:  # also while something comes: a byte now and then is no answer
                look = time.monotonic() + TICK
                if look > wall or _computed(process.pid) - used > self._seconds:
                    raise TimeoutError
            if select.select([process.stdout], [], [], TICK)[0]:
                part = os.read(process.stdout.fileno(), READ)
                if not part:
                    raise EOFError
                self._rest += part
        line = bytes(self._rest[:end])
        del self._rest[:end + 1]
        return line


class Proxy:
    """What stands in the grader for an object that stays in the student's program."""

    def __init__(self, session, number, kind, forbidden):
        self._session, self._number, self._kind, self._forbidden = session, number, kind, tuple(forbidden)

    def __repr__(self):
        return f"<a student's {self._kind}>"

    def __getattr__(self, name):
        if name.startswith("_") or name == "detach":  # nothing that Python or NumPy asks by itself
            raise AttributeError(name)
        return self._session.attribute(self._number, name, self._forbidden)


class CallableProxy(Proxy):
    """A Proxy that can be called."""

    def __call__(self, *arguments, **options):
        return self._session.call(self._number, arguments, options, self._forbidden)

    def forbid(self, names):
        """Return a proxy for the same object whose calls are watched where they run."""
        return CallableProxy(self._session, self._number, self._kind, names)


def _computed(pid):
    """Return the seconds that a process and its living descendants have computed."""
    total = 0.0
    with contextlib.suppress(psutil.Error):
        parent = psutil.Process(pid)
        for process in [parent, *parent.children(recursive=True)]:
            with contextlib.suppress(psutil.Error):
                total += sum(process.cpu_times()[:4])
    return total


def _number(value):
    if isinstance(value, Proxy):
        return value._number
    raise TypeError(f"only numbers, texts, lists and arrays can be sent to a student's program, got a "
                    f"{type(value).__name__}")
