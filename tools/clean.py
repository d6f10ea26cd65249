"""Clean notebooks, and run them first where asked: ``python -m tools.clean [--run] [--check] [NOTEBOOK ...]``.

A clean notebook holds what a reader and a diff need and nothing else: word ids, tags, sources, and the text outputs of
cells tagged ``keep_output``. Those cells keep their execution count, because nbval compares only cells that have one.
"""
import argparse
import copy
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat

from tools.leaks import leaks
from tools.project import assignments, notebooks

KEEP = "keep_output"
METADATA = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"}}
WORD_ID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
RANDOM_PART = re.compile(r"(?=.*[0-9])[0-9a-f]{8,}|[0-9a-f]{8}")
TIMEOUT = 90  # seconds a cell


class CleanError(Exception):
    """What stops the cleaner, as lines of ``file [cell]: reason``; the file is left as it was."""


def read(path):
    """Return a notebook from a file.

    Raises:
        CleanError: the file is not a notebook of format 4 that can be read.
    """
    try:
        notebook = nbformat.v4.reads(path.read_bytes().decode("utf-8"))
        nbformat.validate(_with_ids(notebook))
    except OSError as error:
        raise CleanError(f"{path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError, nbformat.ValidationError) as error:
        reason = str(error).splitlines()[0]
        raise CleanError(f"{path}: not a notebook of format 4.5 that can be read ({reason})") from None
    return notebook


def clean(notebook):
    """Return a clean copy of a notebook."""
    result = copy.deepcopy(notebook)
    result.metadata, result.nbformat_minor = nbformat.from_dict(METADATA), 5
    position = 0
    for cell in result.cells:
        cell.metadata = _cell_metadata(cell.metadata)
        if cell.cell_type != "code":
            continue
        position += 1  # what a run from top to bottom counts, whatever order the cells were last run in
        kept = KEEP in cell.metadata.get("tags", [])
        cell.outputs = _text_outputs(cell) if kept else []
        cell.execution_count = position if kept and cell.execution_count else None
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = cell.execution_count
    return result


def problems(notebook):
    """Return what a person has to mend: secrets, missing, repeated or random ids, kept outputs that are not text."""
    found, seen = leaks(notebook), set()
    for index, cell in enumerate(notebook.cells):
        name = cell.get("id")
        if not name:
            found.append(f"[cell {index}]: an id is missing")
        elif not WORD_ID.fullmatch(name) or any(RANDOM_PART.fullmatch(part) for part in name.split("-")):
            found.append(f"[cell {index}]: an id must be words such as stride-run, got {name}")
        elif name in seen:
            found.append(f"[cell {index}]: an id must be used once, got {name} again")
        seen.add(name)
        if KEEP in cell.metadata.get("tags", []) and cell.cell_type == "code":
            found += [f"[{name}]: a {KEEP} cell must show text only, got {kind}" for kind in _not_text(cell)]
    return found


def run(notebook, folder):
    """Execute a notebook in place, with a folder as its working directory.

    Raises:
        CleanError: a cell raises, takes longer than 90 seconds, or ends the kernel.
    """
    from nbclient import NotebookClient  # only needed here, and slow to load
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    started = []
    client = NotebookClient(notebook, timeout=TIMEOUT, kernel_name="python3", record_timing=False,
                            resources={"metadata": {"path": str(folder)}},
                            on_cell_start=lambda cell, cell_index: started.append(cell.get("id", f"cell {cell_index}")))
    try:
        client.execute(stderr=subprocess.DEVNULL)  # hides only what the kernel says about itself
    except CellExecutionError as error:
        reason = f"{error.ename}: {error.evalue}".strip().splitlines()[0]
    except CellTimeoutError:
        reason = f"TimeoutError: the cell ran longer than {TIMEOUT} seconds"
    except DeadKernelError:
        reason = "DeadKernelError: the cell ended the kernel"
    else:
        return
    raise CleanError(f"[{started[-1] if started else 'cell 0'}]: {reason}")


def render(notebook):
    """Return the text of a notebook's file."""
    return nbformat.v4.writes(notebook).rstrip("\n") + "\n"


def write(path, text):
    """Write a file in one step: a reader, or a failure half way, sees the old text or the new one."""
    target = path.resolve()  # a link stays a link
    handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
    try:
        with open(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, target.stat().st_mode & 0o7777)
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise


def process(path, *, execute=False, check=False):
    """Clean one file, and return what changes: nothing, or the ids of the cells that differ.

    Raises:
        CleanError: the file cannot be read or written, an id is no word, or a cell fails.
    """
    before = read(path)
    _raise(path, problems(before) if not execute else problems(_without_outputs(before)))
    after = copy.deepcopy(before)
    if execute:
        try:
            run(after, path.resolve().parent)
        except CleanError as error:
            _raise(path, [str(error)])
        _raise(path, problems(after))
    after = clean(after)
    text = render(after).encode("utf-8")
    try:
        if text == path.read_bytes():
            return []
        if not check:
            write(path, text.decode("utf-8"))
    except OSError as error:
        raise CleanError(f"{path}: {error.strerror}") from None
    changed = [new.id for old, new in zip(before.cells, after.cells, strict=True) if old != new]
    return changed or ["metadata or layout of the file"]


def main(arguments=None):
    """Clean the named notebooks, or all of the book; return 1 if one failed or, with --check, is not clean."""
    parser = argparse.ArgumentParser(prog="python -m tools.clean", description="Clean notebooks.")
    parser.add_argument("notebooks", nargs="*", type=Path, metavar="NOTEBOOK", help="default: all of the book")
    parser.add_argument("--run", action="store_true", help="execute first and store the text outputs")
    parser.add_argument("--check", action="store_true", help="change nothing, say what would change")
    options = parser.parse_args(arguments)
    status = 0
    for path in options.notebooks or notebooks() + assignments():
        try:
            changed = process(path, execute=options.run, check=options.check)
        except CleanError as error:
            print(error, file=sys.stderr)
            status = 1
            continue
        if changed:
            print(f"{path}: {'would change' if options.check else 'changed'}: {', '.join(changed)}")
            status = 1 if options.check else status
    return status


def _with_ids(notebook):
    """Return a copy that passes the format's own check of ids, which ``problems`` words better."""
    if notebook["nbformat"] != 4:
        raise ValueError(f"its format is {notebook['nbformat']}")
    cells = [{**cell, "id": f"cell-{index}"} for index, cell in enumerate(notebook["cells"])]
    return nbformat.from_dict({**notebook, "nbformat_minor": 5, "cells": cells})


def _without_outputs(notebook):
    bare = copy.deepcopy(notebook)
    for cell in bare.cells:
        cell.pop("outputs", None)
    return bare


def _cell_metadata(metadata):
    kept = {"tags": list(dict.fromkeys(metadata["tags"]))} if metadata.get("tags") else {}
    if metadata.get("jupyter", {}).get("source_hidden"):
        kept["jupyter"] = {"source_hidden": True}
    if "nbgrader" in metadata:
        kept["nbgrader"] = metadata["nbgrader"]
    return nbformat.from_dict(kept)


def _text_outputs(cell):
    """Return the outputs with neighbouring prints joined, which a kernel splits as it likes."""
    outputs = []
    for output in cell.outputs:
        if output.output_type != "stream":
            outputs.append(nbformat.from_dict({**output, "metadata": {}}))
        elif outputs and outputs[-1].get("name") == output.name:
            outputs[-1].text += output.text
        else:
            outputs.append(output)
    return outputs


def _not_text(cell):
    """Return the kinds of output in a cell that would not compare as text on every machine."""
    kinds = []
    for output in cell.get("outputs", []):
        if output.output_type == "stream":
            kinds += [] if output.name == "stdout" else [output.name]
        elif output.output_type == "error":
            kinds.append("error")
        else:
            kinds += [kind for kind in output.data if kind != "text/plain"]
    return sorted(set(kinds))


def _raise(path, lines):
    if lines:
        raise CleanError("\n".join(f"{path} {line}" for line in lines))


if __name__ == "__main__":
    sys.exit(main())
