"""Run a group's tests on one change, or without one to learn which test runs which lines; in a process of its own."""
import ast
import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import sys
from pathlib import Path

import coverage
import hypothesis.extra.numpy  # noqa: F401
import pytest
import torch  # noqa: F401
from hypothesis import Phase, settings

from tools.mutations import mutations
from tools.mutations_js import script_mutations
from tools.preload import preload

QUICK = 2  # seconds

preload()  # before a process is made for each change


class Watched:
    """Which tests run which lines, and how long they take."""

    def __init__(self, group, record):
        self.group, self.lines, self.seconds = group, record["lines"], record["seconds"]

    def tests_of(self, mutant):
        """Return the names of the tests that may notice a change, and the seconds that they take.

        First those that run the changed function, the fastest before the others; then the rest of their files.
        """
        direct = self._direct(mutant)
        files = {_file(name) for name in direct} if mutant.lines else ()
        rest = {name for name in self.seconds if _file(name) in files} - direct
        names = [*sorted(direct, key=self.seconds.get), *sorted(rest, key=self.seconds.get)]
        return names, sum(map(self.seconds.get, names))

    def _direct(self, mutant):
        if mutant.file.endswith(".mjs"):
            own = {f"tests/test_widgets_{name}.py" for name in _views(self.group.root / mutant.file)}
            return {name for name in self.seconds if _file(name) in own}
        lines = self.lines.get(mutant.file, {})
        first, last = mutant.lines or (0, 0)
        direct = {name for line, names in lines.items() if first <= int(line) <= last for name in names}
        if direct:
            return direct
        # it runs when its file is read, or unseen, as a profiler: what other or slow tests notice counts as survived
        files = {_file(name) for names in lines.values() for name in names} or set(map(_file, self.seconds))
        return {name for name, seconds in self.seconds.items() if _file(name) in files and seconds < QUICK}


def _views(script):
    """Return the names of the views that a script is part of."""
    if script.parent.name != "shared":
        return {script.stem}
    found = set()
    for view in script.parent.parent.glob("*.mjs"):
        if f"shared/{script.name}" in view.read_text(encoding="utf-8").split("\n", 1)[0].split():
            found.add(view.stem)
    return found


def run(group, mutant, tests):
    """Return pytest's status.

    Args:
        group: whose tests are run.
        mutant: the change; None: no change.
        tests: the tests' names in their order; without a change, the file that gets what was seen.
    """
    os.chdir(group.root)
    options = ["-q", "-n", "0", "-p", "no:cacheprovider", "-m", "not apart",
               "-W", "ignore::pytest.PytestAssertRewriteWarning"]
    if mutant is None:
        return _watch(group, Path(tests), options)
    _plant(group.root, mutant)
    files = sorted({_file(name) for name in tests})
    return pytest.main([*options, "-x", *files], plugins=[NoShrinking(), Chosen(tests)]) if tests else 0


def _watch(group, record, options):
    watch = coverage.Coverage(data_file=None, include=[str(group.root / pattern) for pattern in group.files])
    watcher = Watcher(watch)
    watch.start()
    status = pytest.main([*options, *map(str, group.paths(group.tests))], plugins=[watcher])
    watch.stop()
    data = watch.get_data()
    lines = {Path(file).relative_to(group.root).as_posix(): {
        line: [name for name in names if name] for line, names in data.contexts_by_lineno(file).items()}
        for file in data.measured_files()}
    record.write_text(json.dumps({"lines": lines, "seconds": watcher.seconds}), encoding="utf-8")
    return status


class Watcher:
    """Tell the coverage which test runs, and count its seconds."""

    def __init__(self, watch):
        self.watch, self.seconds = watch, {}

    def pytest_runtest_logstart(self, nodeid):
        """Count lines for this test."""
        self.watch.switch_context(nodeid)

    def pytest_runtest_logfinish(self):
        """Count lines for no test."""
        self.watch.switch_context("")

    def pytest_runtest_logreport(self, report):
        """Add the seconds of a test's parts."""
        self.seconds[report.nodeid] = self.seconds.get(report.nodeid, 0) + report.duration


class Chosen:
    """Run some tests in a given order."""

    def __init__(self, names):
        self.turn = {name: i for i, name in enumerate(names)}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items):
        """Leave out the others."""
        items[:] = sorted((item for item in items if item.nodeid in self.turn), key=lambda item: self.turn[item.nodeid])


class NoShrinking:
    """Let hypothesis be content with the first example that fails."""

    def pytest_sessionstart(self):
        """Change the settings after tests/conftest.py has set them and before a test is read."""
        settings.register_profile("mutants", settings(), phases=[Phase.explicit, Phase.generate])
        settings.load_profile("mutants")


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


def _plant(root, mutant):
    path = root / mutant.file
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        tree = ast.parse(text)
        mutations(tree)[mutant.number].apply()
        module = mutant.file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        sys.meta_path.insert(0, Planted(module, path, tree))
    else:
        _plant_text(path, script_mutations(text)[mutant.number].apply(text))


def _plant_text(planted, changed):
    """Let one file be read as another text."""
    read = Path.read_text
    Path.read_text = lambda path, *args, **options: changed if path == planted else read(path, *args, **options)


def _file(name):
    return name.split("::")[0]
