"""The program in the sandbox: it runs a student's cells and calls what they define, as the grader asks.

A line of JSON in, a line of JSON out, over the two pipes it was started with. Nothing that it says is trusted.
"""
import contextlib
import io
import json
import os
import sys
import traceback

OUTPUT = 20_000  # characters of a cell's output that are kept


class Capped(io.TextIOBase):
    """A text file that forgets what does not fit."""

    def __init__(self):
        self.parts, self.left = [], OUTPUT

    def write(self, text):
        """Keep as much of a text as there is room for."""
        if self.left > 0:
            self.parts.append(text[:self.left])
            self.left -= len(text)
        return len(text)

    def text(self):
        """Return what was kept."""
        return "".join(self.parts) + ("\n... output cut here\n" if self.left < 0 else "")


class Inside:
    """One student's program.

    Args:
        shell: an IPython shell.
        wire: the module ``grading.wire``.
        watch: the module ``cnnlib.exercises._watch``.
    """

    def __init__(self, shell, wire, watch):
        self.shell, self.wire, self.kept = shell, wire, []
        self.watching, self.blinded = watch.watching, watch.BLINDED
        self.threads = set(sys._current_frames())

    def answer(self, request):
        """Return the answer to one request of the grader."""
        return getattr(self, f"do_{request['do']}")(request)

    def do_cell(self, request):
        """Run a cell; return its output, and its error in one line."""
        out = Capped()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            result = self.shell.run_cell(request["source"], store_history=False, silent=False)
        error = result.error_before_exec or result.error_in_exec
        return {"output": out.text(), "error": [type(error).__name__, str(error)[:500]] if error else None}

    def do_get(self, request):
        """Return the value of a name, or a handle of it; an empty answer where there is none."""
        if request["name"] not in self.shell.user_ns:
            return {}
        return {"value": self._sent(self.shell.user_ns[request["name"]])}

    def do_attribute(self, request):
        """Return an attribute of what a handle stands for."""
        return self._tried(request, lambda: getattr(self.kept[request["handle"]], request["name"]))

    def do_call(self, request):
        """Call what a handle stands for."""
        arguments = [self._back(each) for each in request["arguments"]]
        options = {name: self._back(each) for name, each in request["options"].items()}
        return self._tried(request, lambda: self.kept[request["handle"]](*arguments, **options))

    def _tried(self, request, work):
        if request["forbidden"] and set(sys._current_frames()) - self.threads:
            return {"refused": [self.blinded, "A cell of yours left a thread running. What it calls cannot be seen: do "
                                              "without."]}
        out = Capped()
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out), self.watching(request["forbidden"]):
                return {"value": self._sent(work())}  # watched too: what is sent may still be computing
        except BaseException as error:  # SystemExit too: the student's program may not end the talk
            if type(error).__name__ == "Refusal":
                return {"refused": [error.name, str(error)]}
            return {"error": [type(error).__name__, str(error)[:500]]}

    def _sent(self, value):
        return self.wire.encode(value, handle=self._keep)

    def _back(self, message):
        return self.wire.decode(message, handle=lambda number, *_: self.kept[number])

    def _keep(self, value):
        self.kept.append(value)
        return len(self.kept) - 1


def main():
    """Talk until the grader hangs up."""
    read = os.fdopen(os.dup(0), "rb")
    write = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    sys.stdin = io.StringIO()  # input() ends at once
    del sys.path[0]  # this folder: a student's "import statistics" means Python's
    from IPython.core.interactiveshell import InteractiveShell

    import cnnlib.exercises
    from cnnlib.exercises import _watch
    from grading import wire

    cnnlib.exercises.check_task = lambda *arguments: None  # the grader checks; a student's own call does no harm
    InteractiveShell.cache_size = 0
    shell = InteractiveShell.instance(colors="NoColor")
    shell.showtraceback = lambda *a, **o: traceback.print_exc(limit=0, file=sys.stdout)
    inside, mine = Inside(shell, wire, _watch), os.getpid()
    for line in read:
        request = json.loads(line)
        try:
            answer = inside.answer(request)
        except BaseException as error:
            answer = {"error": [type(error).__name__, str(error)[:500]]}
        if os.getpid() != mine:  # a copy that the student's code made may not talk for the original
            os._exit(0)
        write.write(json.dumps({**answer, "number": request["number"]}).encode() + b"\n")
        write.flush()


if __name__ == "__main__":
    main()
