"""Say which small changes of ``cnnlib`` no test notices: ``python -m tools.mutants [--count N] [GROUP ...]``.

Of each group a seeded sample of changes is tried, each in a process of its own, on that group's tests alone; no file is
changed. What was tried is kept in ``build/mutants``, so a stopped run goes on where it was. A survivor that no test can
catch stands with its reason in ``tests/survivors.yml``.
"""
import argparse
import ast
import contextlib
import hashlib
import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import random
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from hypothesis import Phase, settings

from tools.mutations import mutations
from tools.project import ROOT

SEED, COUNT, WORKERS = 0, 300, 2
PATIENCE = 3, 20  # a mutant may take this many times as long as the tests do, and these seconds more


@dataclass(frozen=True)
class Group:
    """Files that are changed, the tests that must notice, and the share of changes that they must notice."""

    files: str
    tests: str
    least: float
    root: Path = ROOT

    @property
    def reasons(self):
        """Return {survivor: why no test can catch it}."""
        return yaml.safe_load((self.root / "tests" / "survivors.yml").read_text(encoding="utf-8")) or {}


GROUPS = {
    "shapes": Group("cnnlib/shapes/*.py", "tests/test_shapes*.py", 0.95),
    "scratch": Group("cnnlib/scratch/*.py", "tests/test_scratch_*.py", 0.95),
    "boxes": Group("cnnlib/boxes/*.py", "tests/test_boxes_*.py", 0.95),
    "explain": Group("cnnlib/explain/*.py", "tests/test_explain.py", 0.9),
    "exercises": Group("cnnlib/exercises/*.py", "tests/test_exercises_*.py", 0.9),
}


@dataclass(frozen=True)
class Mutant:
    """A change of one file, named so that it is known again while the file stays the same."""

    file: str
    number: int
    key: str


class Planted(importlib.machinery.SourceFileLoader, importlib.abc.MetaPathFinder):
    """Give one module a changed tree in the place of its file."""

    def __init__(self, module, path, tree):
        super().__init__(module, str(path))
        self.tree = tree

    def find_spec(self, name, path=None, target=None):
        """Return the module's specification, for this module alone."""
        return importlib.util.spec_from_file_location(name, self.path, loader=self) if name == self.name else None

    def get_code(self, fullname):
        """Return the code of the changed tree."""
        return compile(ast.fix_missing_locations(self.tree), self.path, "exec")


def sample(group, count):
    """Return the mutants of a group that are tried."""
    found = []
    for path in sorted(group.root.glob(group.files)):
        name, text = path.relative_to(group.root).as_posix(), path.read_text(encoding="utf-8")
        seen = {}
        for number, each in enumerate(mutations(ast.parse(text))):
            key = f"{name} {each.text}"
            seen[key] = seen.get(key, 0) + 1
            found.append(Mutant(name, number, key if seen[key] == 1 else f"{key} ({seen[key]})"))
    return sorted(random.Random(SEED).sample(found, min(count, len(found))), key=lambda each: (each.file, each.number))


def judge(group, mutants, record, say):
    """Try what the record does not hold yet, and return {key: "killed", "slow" or "survived"}."""
    digest = _digest([*group.root.glob(group.files), *group.root.glob(group.tests)])
    known = {each["key"]: each["end"] for each in _read(record) if each["digest"] == digest}
    start = time.monotonic()
    if _wait({_start(group, None): (None, None)}) != [(None, 0)]:
        raise SystemExit(f"tools.mutants: {group.tests} must pass without a change")
    limit = PATIENCE[0] * (time.monotonic() - start) + PATIENCE[1]
    running, left = {}, [each for each in mutants if each.key not in known]
    try:
        with record.open("a", encoding="utf-8") as file:
            while left or running:
                while left and len(running) < WORKERS:
                    mutant = left.pop(0)
                    running[_start(group, mutant)] = (mutant, time.monotonic() + limit)
                for mutant, status in _wait(running):
                    end = {0: "survived", None: "slow"}.get(status, "killed")
                    known[mutant.key] = end
                    file.write(json.dumps({"digest": digest, "key": mutant.key, "end": end}, ensure_ascii=False) + "\n")
                    file.flush()
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
        ends = judge(groups[name], sample(groups[name], options.count), record, say=print)
        lines, holds = report(name, groups[name], ends)
        print("\n".join(lines), flush=True)
        status = status if holds else 1
    return status


def _start(group, mutant):
    """Return the number of a new process that runs the tests on a mutant, or on the program as it is."""
    if number := os.fork():
        return number
    status = 1
    try:
        os.setsid()
        with open(os.devnull, "w", encoding="utf-8") as nowhere, contextlib.redirect_stdout(nowhere), \
                contextlib.redirect_stderr(nowhere):
            status = int(_run(group, mutant))
    finally:
        os._exit(status)


def _run(group, mutant):
    os.chdir(group.root)
    if mutant:
        path = group.root / mutant.file
        tree = ast.parse(path.read_text(encoding="utf-8"))
        mutations(tree)[mutant.number].apply()
        module = mutant.file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        sys.meta_path.insert(0, Planted(module, path, tree))
    tests = [str(path) for path in sorted(group.root.glob(group.tests))]
    return pytest.main(["-x", "-q", "-n", "0", "-p", "no:cacheprovider", *tests], plugins=[NoShrinking()])


class NoShrinking:
    """Let hypothesis be content with the first example that fails."""

    def pytest_sessionstart(self):
        """Change the settings after tests/conftest.py has set them and before a test is read."""
        settings.register_profile("mutants", settings(), phases=[Phase.explicit, Phase.generate])
        settings.load_profile("mutants")


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
                ended.append((mutant, status))
        if ended:
            return ended
        time.sleep(0.02)


def _kill(number):
    """End a process and all that it started."""
    with contextlib.suppress(ProcessLookupError):  # it has no session of its own yet
        os.killpg(number, signal.SIGKILL)
    os.kill(number, signal.SIGKILL)
    os.waitpid(number, 0)


def _digest(paths):
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in sorted(paths))).hexdigest()[:16]


def _read(record):
    return [json.loads(line) for line in record.read_text(encoding="utf-8").splitlines()] if record.exists() else []


if __name__ == "__main__":
    sys.exit(main())
