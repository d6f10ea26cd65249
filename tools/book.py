"""Build the website into _build/html, warnings being errors: ``python -m tools.book``.

What Jupyter Book says goes to _build/book.log; a failure ends in one line that names the file and the cell, and leaves
the last good site in its place. A second build of the same folder waits for the first.
"""
import os
import re
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

from tools.clean import CleanError, read
from tools.outline import page_cells
from tools.project import ROOT, notebooks
from tools.swap import alone, beside, with_parent

PROGRAM = "from jupyter_book.cli.main import main; main()"
ARGUMENTS = ["build", ".", "-W", "--keep-going"]
COMMAND = [sys.executable, "-c", PROGRAM, *ARGUMENTS]
COLOR = re.compile(r"\x1b\[[0-9;]*m")
EXECUTED = re.compile(r"(\S+\.(?:ipynb|md)): (Executed notebook in [\d.]+ seconds)")
FAILED_CELL = re.compile(
    r"(\S+\.(?:ipynb|md)): WARNING: Executing notebook failed: (\w+)(.*?)\[mystnb\.exec\]", re.S)
CELL_SOURCE = re.compile(r"-{9,}\n(.*?)\n-{9,}\n", re.S)
RAISED = re.compile(r"^(\w[\w.]*(?:Error|Exception|Interrupt|Exit|Warning|Iteration)\b.*)$", re.M)
COMPLAINT = re.compile(r"^(/.*?|[A-Z]:.*?)(?::(\d+))?: (?:WARNING|ERROR|SEVERE|CRITICAL): (.*)$", re.M)
EXTENSION = re.compile(r"^(?:Extension|Configuration|Theme) error.*:\s*\n(.+)$", re.M)


def build(root=ROOT, *, output=None, say=print):
    """Build the book.

    Args:
        root: the folder with _config.yml and _toc.yml.
        output: the folder that gets ``_build``; the root itself by default.
        say: called with a line for each notebook that was executed, and if another build is waited for.

    Returns:
        The folder of the site.

    Raises:
        RuntimeError: the book has an error or a warning; the message is one line with the file and the cell.
    """
    try:
        for path in notebooks(root):
            read(path)
    except CleanError as error:
        raise RuntimeError(_shorten(str(error), root)) from None
    folder, home = Path(output or root).resolve() / "_build", Path(root).resolve() / "_build"
    for each in (folder, home):
        each.mkdir(parents=True, exist_ok=True)
    with alone(home, say) as held:  # the root's: there is the cache of executed notebooks
        with beside(folder) as work:
            _run(work, root, folder / "book.log", say, held)
    return folder / "html"


def _run(work, root, log, say, held):
    """Run Jupyter Book with its output in a folder; the child holds the lock too, and ends with this process."""
    program = with_parent(PROGRAM, os.getpid())
    command = [sys.executable, "-c", program, *ARGUMENTS, "--path-output", str(work)]
    environment = {**os.environ, "NO_COLOR": "1", "PYTHONUNBUFFERED": "1"}
    with open(log, "w", encoding="utf-8") as file, subprocess.Popen(
            command, cwd=root, env=environment, pass_fds=held, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, encoding="utf-8", errors="replace") as process:
        try:
            for line in process.stdout:
                file.write(COLOR.sub("", line))
                if match := EXECUTED.search(line):
                    say(f"{_shorten(match[1], root)}: {match[2]}")
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        raise RuntimeError(explain(log.read_text(encoding="utf-8"), root))


def explain(log, root=ROOT):
    """Return one line that says why a build failed, from what Jupyter Book printed."""
    if match := FAILED_CELL.search(log):
        path, kind, rest = match.groups()
        source, raised = CELL_SOURCE.search(rest), RAISED.findall(rest.split("------\n")[-1])
        reason = raised[-1] if raised else f"{kind}: the cell did not end in time" if "Timeout" in kind else kind
        return f"{_shorten(path, root)}{_cell_with(path, source[1] if source else None)}: {reason}"
    if match := COMPLAINT.search(log):
        path, line, text = match.groups()
        place = _cell_at(path, int(line)) if line and path.endswith(".ipynb") else f":{line}" if line else ""
        return f"{_shorten(path, root)}{place}: {text}"
    if match := EXTENSION.search(log):
        return match[1].strip()
    lines = [line for line in log.splitlines() if RAISED.match(line) and not line.startswith("RuntimeError")]
    return lines[-1] if lines else "the build failed, see _build/book.log"


def main():
    """Build the book and print where it is."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # stop as after Ctrl-C
    print("Building the book; every notebook that changed is executed", flush=True)
    try:
        folder = build(say=partial(print, flush=True))
    except RuntimeError as error:
        print("What Jupyter Book said is in _build/book.log", file=sys.stderr)
        return f"book: {error}"
    except KeyboardInterrupt:
        return "book: stopped"
    print(f"The pages are in {folder.relative_to(ROOT)}")
    return 0


def _shorten(text, root):
    return text.replace(f"{Path(root).resolve()}{os.sep}", "").replace(f"{root}{os.sep}", "")


def _cell_with(path, source):
    """Return `` [id]`` of the cell with this source."""
    cells = _cells(path) if source is not None else []
    return next((f" [{cell.id}]" for cell in cells if cell.source.strip() == source.strip()), "")


def _cell_at(path, line):
    """Return `` [id]`` for a line as MyST-NB counts them: 10000 for each cell."""
    index = line // 10000 - 1
    cells = _cells(path)
    return f" [{cells[index].id}]" if 0 <= index < len(cells) else ""


def _cells(path):
    if str(path).endswith(".md"):
        return page_cells(Path(path).read_text(encoding="utf-8"))
    try:
        return read(Path(path)).cells
    except CleanError:
        return []


if __name__ == "__main__":
    sys.exit(main())
