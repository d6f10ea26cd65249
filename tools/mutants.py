"""Say which small changes of ``cnnlib`` no test notices: ``python -m tools.mutants [--count N] [GROUP ...]``.

Of each group a seeded sample of changes is tried, each in a process of its own, on that group's tests alone; no file is
changed. What was tried is kept in ``build/mutants``, so a stopped run goes on where it was. A survivor that no test can
catch stands with its reason in ``tests/survivors.yml``.
"""
import argparse
import ast
import contextlib
import json
import math
import os
import random
import resource
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from tools.mutant_run import Watched, run
from tools.mutations import mutations
from tools.mutations_js import script_mutations
from tools.project import ROOT
from tools.record import digest, read_lines, write_line

SEED, COUNT, WORKERS = 0, 300, 2
PATIENCE = 3, 15  # a mutant may compute this many times as long as its tests do, and these seconds more
WAITING = 10  # times as long by the clock: other programs compute too
NO_TEST_RAN = 5  # what pytest says then
SHARED = ("base64", "cells", "heat", "shapes", "text")
ENDS = {0: "survived", NO_TEST_RAN: "survived", None: "slow", -signal.SIGXCPU: "slow"}


@dataclass(frozen=True)
class Group:
    """Files that are changed, the tests that must notice, and the share of changes that they must notice.

    Without tables only what stands in functions is changed, and not in those that draw cases: other texts and cases of
    an exercise are another exercise, not a fault.
    """

    files: tuple
    tests: tuple
    least: float = 0.9
    root: Path = ROOT
    tables: bool = True

    @property
    def reasons(self):
        """Return {survivor: why no test can catch it}."""
        return yaml.safe_load((self.root / "tests" / "survivors.yml").read_text(encoding="utf-8")) or {}

    def paths(self, patterns):
        """Return the files of some patterns."""
        return sorted({path for pattern in patterns for path in self.root.glob(pattern)})


GROUPS = {
    "shapes": Group(("cnnlib/shapes/*.py",), ("tests/test_shapes*.py",), 0.95),
    "scratch": Group(("cnnlib/scratch/*.py",), ("tests/test_scratch_*.py",), 0.95),
    "boxes": Group(("cnnlib/boxes/*.py",), ("tests/test_boxes_*.py",), 0.95),
    "explain": Group(("cnnlib/explain/*.py",), ("tests/test_explain*.py",)),
    "exercises": Group(("cnnlib/exercises/*.py",), ("tests/test_exercises_*.py",), tables=False),
    "assignments": Group(("cnnlib/exercises/assignments/*.py",), ("tests/test_assignments.py",), tables=False),
    "models": Group(("cnnlib/models/*.py",), ("tests/test_models_*.py",)),
    "data": Group(("cnnlib/data/*.py",), ("tests/test_data*.py",)),
    "training": Group(("cnnlib/training/*.py", "cnnlib/*.py"), (
        "tests/test_training_*.py", "tests/test_losses.py", "tests/test_metrics.py", "tests/test_imports.py",
        "tests/test_arguments.py")),
    "widgets": Group(("cnnlib/widgets/*.py",), ("tests/test_widgets_*.py",)),
    "scripts": Group((  # tree.mjs and view.mjs, which put a drawing into the page, are tested on the built site
        "cnnlib/widgets/js/*.mjs", *(f"cnnlib/widgets/js/shared/{name}.mjs" for name in SHARED)),
        ("tests/test_widgets_*.py",)),
}


@dataclass(frozen=True)
class Mutant:
    """A change of one file, named so that it is known again while the file stays the same."""

    file: str
    number: int
    key: str
    lines: tuple | None = field(default=None, compare=False)


def sample(group, count):
    """Return the mutants of a group that are tried."""
    found = []
    for path in group.paths(group.files):
        name, text = path.relative_to(group.root).as_posix(), path.read_text(encoding="utf-8")
        changes = mutations(ast.parse(text)) if path.suffix == ".py" else script_mutations(text)
        drawn = set() if group.tables else _drawing(ast.parse(text))
        seen = {}
        for number, each in enumerate(changes):
            key = f"{name} {each.text}"
            seen[key] = seen.get(key, 0) + 1
            if group.tables or (each.lines and each.lines[0] not in drawn):
                found.append(Mutant(name, number, key if seen[key] == 1 else f"{key} ({seen[key]})", each.lines))
    return sorted(random.Random(SEED).sample(found, min(count, len(found))), key=lambda each: (each.file, each.number))


def _drawing(tree):
    """Return the lines of the functions that draw an exercise's cases: they take a generator by the name of random."""
    return {line for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)
            and "random" in [argument.arg for argument in each.args.args]
            for line in range(each.lineno, each.end_lineno + 1)}


def judge(group, mutants, record, say):
    """Try what the record does not hold yet, and return {key: "killed", "slow" or "survived"}."""
    state = digest([*group.paths(group.files), *group.paths(group.tests)])
    known = {each["key"]: each["end"] for each in read_lines(record) if each["digest"] == state}
    left = [each for each in mutants if each.key not in known]
    watched = _watch(group, record.with_suffix(".seen.json")) if left else None
    running = {}
    try:
        with record.open("a", encoding="utf-8") as file:
            while left or running:
                while left and len(running) < WORKERS:
                    mutant = left.pop(0)
                    tests, seconds = watched.tests_of(mutant)
                    limit = math.ceil(PATIENCE[0] * seconds + PATIENCE[1])
                    end = time.monotonic() + WAITING * limit
                    running[_start(run, group, mutant, tests, limit=limit)] = (mutant, end)
                for mutant, status in _wait(running):
                    end = ENDS.get(status, "killed")
                    known[mutant.key] = end
                    write_line(file, {"digest": state, "key": mutant.key, "end": end})
                    say(f"{end}: {mutant.key}")
    finally:  # of a run that is stopped nothing goes on
        for number in running:
            _kill(number)
    return {each.key: known[each.key] for each in mutants}


def report(name, group, ends):
    """Return the lines about a group, and whether it holds its limit; explained survivors are left out of the score."""
    survivors = [key for key, end in ends.items() if end == "survived"]
    reasons = group.reasons
    open_ones = [key for key in survivors if key not in reasons]
    judged = len(ends) - len(survivors) + len(open_ones)
    score = 1 - len(open_ones) / judged
    lines = [f"{name}: {len(ends)} mutants, {len(survivors)} survived, {len(survivors) - len(open_ones)} of them "
             f"explained: {score:.1%} (limit {group.least:.0%})", *(f"  {key}" for key in open_ones)]
    return lines, score >= group.least


def main(arguments=None, groups=GROUPS):
    """Try the named groups, or all; return 1 if one is below its limit."""
    parser = argparse.ArgumentParser(prog="python -m tools.mutants", description="Look for what no test notices.")
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"of {', '.join(groups)}; default: all")
    parser.add_argument("--count", type=int, default=COUNT, help=f"mutants a group, default {COUNT}")
    options = parser.parse_args(arguments)
    if unknown := set(options.groups) - set(groups):
        parser.error(f"unknown group {min(unknown)}")
    status = 0
    for name in options.groups or groups:
        record = groups[name].root / "build" / "mutants" / f"{name}.jsonl"
        record.parent.mkdir(parents=True, exist_ok=True)
        start = time.monotonic()
        ends = judge(groups[name], sample(groups[name], options.count), record, say=print)
        lines, holds = report(name, groups[name], ends)
        lines[0] += f", {(time.monotonic() - start) / 60:.1f} minutes"
        print("\n".join(lines), flush=True)
        status = status if holds else 1
    return status


def _watch(group, record):
    """Return which tests run which lines, from a run without a change."""
    if _wait({_start(run, group, None, record): (None, None)}) != [(None, 0)]:
        raise SystemExit(f"tools.mutants: {' '.join(group.tests)} must pass without a change")
    return Watched(group, json.loads(record.read_text(encoding="utf-8")))


def _start(function, *arguments, limit=resource.RLIM_INFINITY):
    """Return the number of a new process that ends with what the function returns, or after so many seconds of work."""
    if number := os.fork():
        return number
    status = 1
    try:
        os.setsid()
        resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))
        with open(os.devnull, "w", encoding="utf-8") as nowhere, contextlib.redirect_stdout(nowhere), \
                contextlib.redirect_stderr(nowhere):
            status = int(function(*arguments))
    finally:
        os._exit(status)


def _wait(running):
    """Return [(mutant, status)] of processes that have ended, one at least; status is None where one was too slow."""
    while True:
        ended = []
        for number, (mutant, end) in list(running.items()):
            done, status = os.waitpid(number, os.WNOHANG)
            if not done and end and time.monotonic() > end:
                _kill(number)
                done, status = number, None
            if done:
                del running[number]
                ended.append((mutant, status if status is None else os.waitstatus_to_exitcode(status)))
        if ended:
            return ended
        time.sleep(0.02)


def _kill(number):
    """End a process and all that it started."""
    with contextlib.suppress(ProcessLookupError):  # it has no session of its own yet
        os.killpg(number, signal.SIGKILL)
    os.kill(number, signal.SIGKILL)
    os.waitpid(number, 0)


if __name__ == "__main__":
    sys.exit(main())
