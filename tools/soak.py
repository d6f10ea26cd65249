"""Run all notebooks again and again and under other conditions: ``python -m tools.soak [--runs N] [WAY ...]``.

What a run shows must be what the notebook stores, and its pictures those of the first run, to the byte; but not those
that draw measured times, as their alt text says. What was run is kept in ``build/soak``, so a stopped soak goes on
where it was.
"""
import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tools.clean import KEEP, CleanError, clean, read, run
from tools.project import ROOT, notebooks
from tools.record import digest, read_lines, write_line

RUNS, WORKERS = 20, 2
RECORD = ROOT / "build" / "soak" / "runs.jsonl"
SOURCES = ("cnnlib/**/*.py", "cnnlib/**/*.mjs", "cnnlib/**/*.css", "cnnlib/**/data/*", "constraints.txt")
ADDRESS = re.compile(r"\b0x[0-9a-f]+")
NUMBER = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")
MEASURED = re.compile(r"\balt=.*\bmeasured\b", re.I | re.S)
SLACK = 3  # units of a number's last digit


@dataclass(frozen=True)
class Way:
    """What is different in the world of a run: variables, options of bubblewrap, whether last digits may differ."""

    variables: dict = field(default_factory=dict)
    guard: tuple = ()
    exact: bool = True


WAYS = {
    "again": Way(),
    "offline": Way(guard=("--unshare-net",)),
    "locale": Way({"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}),
    "time zone": Way({"TZ": "Pacific/Kiritimati"}),
    "hash seed": Way({"PYTHONHASHSEED": "4711"}),
    "read-only home": Way(guard=("--ro-bind", "HOME", "HOME")),
    "one thread": Way({"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}, exact=False),
    "two threads": Way({"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2", "MKL_NUM_THREADS": "2"}, exact=False),
    "versions": Way(exact=False),
}
OTHERS = [way for way in WAYS if way != "versions"]  # which tools.drift asks for


def execute(path):
    """Run a notebook and return what it showed: {"texts": {cell: …}, "pictures": {cell: …}}."""
    notebook = read(path)
    run(notebook, path.parent)
    return shown(notebook)


def shown(notebook):
    """Return what the cells of a notebook show: kept texts, and a short name of each picture."""
    texts = {cell.id: _text(cell) for cell in clean(notebook).cells if KEEP in cell.metadata.get("tags", [])}
    pictures = {cell.id: [_short(data) for data in _pictures(cell)] for cell in notebook.cells
                if _pictures(cell) and not MEASURED.search(cell.source)}
    return {"texts": texts, "pictures": pictures}


def differences(now, before, exact=True):
    """Return the ids of the cells that show something else.

    >>> differences({"texts": {"a": "0.123"}, "pictures": {}}, {"texts": {"a": "0.124"}, "pictures": {}})
    ['a']
    >>> differences({"texts": {"a": "0.123"}, "pictures": {}}, {"texts": {"a": "0.124"}, "pictures": {}}, exact=False)
    []
    """
    same = str.__eq__ if exact else alike
    found = [cell for cell, text in now["texts"].items() if not same(text, before["texts"].get(cell, ""))]
    if exact:
        found += [cell for cell, names in now["pictures"].items() if before["pictures"].get(cell, names) != names]
    return found + sorted(set(before["texts"]) - set(now["texts"]))


def alike(one, other):
    """Say whether two texts are the same but for the last digits of their numbers.

    >>> alike("loss 0.6931, 3 of 4", "loss 0.6929, 3 of 4"), alike("loss 0.69", "loss 0.75"), alike("a 1", "b 1")
    (True, False, False)
    """
    if NUMBER.sub("0", one) != NUMBER.sub("0", other):
        return False
    return all(_near(a, b) for a, b in zip(NUMBER.findall(one), NUMBER.findall(other), strict=True))


def main(arguments=None):
    """Run what the record does not hold yet; return 1 if a run failed or showed something else."""
    parser = argparse.ArgumentParser(prog="python -m tools.soak", description="Run all notebooks again and again.")
    parser.add_argument("ways", nargs="*", metavar="WAY", help=f"of {', '.join(WAYS)}; default: all but versions")
    parser.add_argument("--runs", type=int, default=RUNS, help=f"plain runs of each notebook, default {RUNS}")
    parser.add_argument("--record", type=Path, default=RECORD, help="file of what was run")
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)  # a notebook: what it shows, as JSON
    options = parser.parse_args(arguments)
    if options.one:
        return _one(options.one)
    if unknown := set(options.ways) - set(WAYS):
        parser.error(f"unknown way {min(unknown)}")
    return soak(notebooks(), options.ways or OTHERS, options.runs, options.record)


def soak(paths, ways, runs, record):
    """Run notebooks, say what differs, and return 1 if anything does."""
    record.parent.mkdir(parents=True, exist_ok=True)
    marks = {path: _mark(path) for path in paths}
    known = {(each["mark"], each["way"], each["run"]): each for each in read_lines(record)}
    work = [(path, way, number) for number in range(runs) for way in ways for path in paths
            if number == 0 or way == "again"]
    todo = [(path, way, number) for path, way, number in work if (marks[path], way, number) not in known]
    with ThreadPoolExecutor(WORKERS) as pool, record.open("a", encoding="utf-8") as file:
        results = pool.map(lambda each: _try(each[0], WAYS[each[1]]), todo)
        for (path, way, number), result in zip(todo, results, strict=True):
            known[marks[path], way, number] = each = {"mark": marks[path], "way": way, "run": number, **result}
            write_line(file, each)
    return report(work, marks, known)


def report(work, marks, known):
    """Print how many runs of each way differ, and where; return 1 if any does."""
    first, wrong = {}, {}
    for path, way, number in work:
        result = known[marks[path], way, number]
        stored = _stored(path, first.setdefault(path, result))
        found = result.get("error") or differences(result, stored, WAYS[way].exact)
        wrong.setdefault(way, []).append([path.name, number, found] if found else None)
    for way, each in wrong.items():
        bad = [entry for entry in each if entry]
        print(f"{way}: {len(each)} runs, {len(bad)} differ")
        for name, number, found in bad:
            print(f"  {name}, run {number + 1}: {found if isinstance(found, str) else ', '.join(found)}")
    return int(any(entry for each in wrong.values() for entry in each))


def _one(path):
    try:
        print(json.dumps(execute(path)))
    except CleanError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _try(path, way):
    """Return what a run in a process of its own showed, or its error."""
    with tempfile.TemporaryDirectory() as folder:  # as home, and for what Jupyter itself has to write
        home = Path(folder) / "home"
        home.mkdir()
        guard = [str(home) if part == "HOME" else part for part in way.guard]
        around = ["bwrap", "--dev-bind", "/", "/", *guard, "--"] if guard else []
        places = {"HOME": str(home), "JUPYTER_RUNTIME_DIR": folder} if "HOME" in way.guard else {}
        done = subprocess.run([*around, sys.executable, "-m", "tools.soak", "--one", str(path)], cwd=ROOT,
                              env={**os.environ, **way.variables, **places}, capture_output=True, text=True,
                              encoding="utf-8")
    return json.loads(done.stdout) if done.returncode == 0 else {"error": done.stderr.strip().splitlines()[-1]}


def _stored(path, first):
    """Return what a run must show: the stored texts, and the pictures of the first run."""
    return {"texts": shown(read(path))["texts"], "pictures": first.get("pictures", {})}


def _text(cell):
    return ADDRESS.sub("0xADDRESS", "\n".join(
        output.text if output.output_type == "stream" else output.data["text/plain"] for output in cell.outputs))


def _pictures(cell):
    return [data for output in cell.get("outputs", []) for kind, data in output.get("data", {}).items()
            if kind.startswith("image/")]


def _near(one, other):
    digits = max(len(text.partition(".")[2]) for text in (one, other))
    one, other = (float(text.replace(",", "")) for text in (one, other))
    return one == other or (digits > 0 and abs(one - other) <= SLACK * 10 ** -digits)


def _short(data):
    return hashlib.sha256(data.encode()).hexdigest()[:16]


def _mark(path):
    """Return a name for a notebook and all that its outputs depend on, as they are now."""
    return digest([path, *sorted(each for pattern in SOURCES for each in ROOT.glob(pattern) if each.is_file())])


if __name__ == "__main__":
    sys.exit(main())
