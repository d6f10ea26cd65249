"""Every assignment of the book, graded under guard: the instructor's solution gets all points, the stub none."""
import json
import re

import pytest

from cnnlib.exercises._task import SEED
from grading.judge import judge
from grading.leaks import REGION, hidden_lines, leaks
from grading.release import release
from tools.clean import read
from tools.project import assignments

NAMES = [path.stem for path in assignments() if path.stem != "capstone"]
MARKS = re.compile(r" *### (?:BEGIN|END) SOLUTION\n?")


@pytest.fixture(scope="module")
def given_out(released):
    """Return a function that releases an assignment and returns its source, and what was given out."""
    def read(name):
        if not (released.folder / "release" / name).exists():
            release(released, name)
        return [json.loads(released.notebook(kind, name).read_text(encoding="utf-8")) for kind in ("source", "release")]
    return read


@pytest.mark.parametrize("name", NAMES)
def test_solution_passes_under_guard_and_stub_does_not(given_out, monkeypatch, name):
    monkeypatch.setenv(SEED, "this course")
    source, student = given_out(name)
    for cell in source["cells"]:
        cell["source"] = MARKS.sub("", "".join(cell["source"]))
    _, rows = judge(*given_out(name), source, seconds=60, budget=300)
    assert len(rows) >= 3 and all(row["passed"] for row in rows.values()), rows
    cells, rows = judge(*given_out(name), student, seconds=60, budget=300)
    assert {row["message"] for row in rows.values()} == {"Not answered yet."}
    assert not [cell for cell in cells if "HIDDEN" in cell["source"]]


def test_no_solution_is_given_out(given_out, released):
    for name in NAMES:
        given_out(name)
    sources = [released.folder / "source"]
    assert leaks([released.folder / "release"], sources) == []
    assert len(leaks(sources, sources)) > 10 * len(NAMES)


def test_every_hidden_part_has_a_line_that_the_scan_knows():
    for path in assignments():
        known = hidden_lines([path.parent])
        for cell in read(path).cells:
            for _, region in REGION.findall(cell.source):
                assert [line for line in region.splitlines() if " ".join(line.split()) in known], (path.stem, region)
