"""The instructor guide's commands are ones that exist, all of them are in it, and its table says what is true."""
import argparse
import json
import re
import shlex

import pytest

from grading.__main__ import parser
from tools.project import ROOT, assignments

GUIDE = (ROOT / "book" / "instructor_guide.md").read_text(encoding="utf-8")
PREFIX = "python -m grading "


def lines(text=GUIDE):
    """Return the lines of the code blocks; one that ends with a backslash goes on in the next."""
    blocks = re.findall(r"^```\w*\n(.*?)^```$", text, re.M | re.S)
    return [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]


def commands():
    return [line for line in lines() if line.startswith(PREFIX)]


def parsed(line):
    return parser().parse_args(shlex.split(line.removeprefix(PREFIX)))


def names():
    """Return the names of all commands."""
    return set(next(each for each in parser()._actions if isinstance(each, argparse._SubParsersAction)).choices)


@pytest.mark.parametrize("line", commands())
def test_command_is_one_that_exists(line):
    options = parsed(line)
    if options.command not in ("init", "edition"):
        assert options.course == "~/course"  # the shell's work: here it stays as it stands
    if hasattr(options, "assignment"):
        assert options.assignment in {path.stem for path in assignments()}


@pytest.mark.parametrize("line", [
    "grade", "grade ch01 --worker two", "grades ch01", "extend ada ch01 three", "release ch01 --course course",
    "add-exercise ch01 border_share", "exchange send ch01 --root /srv/exchange"])
def test_wrong_command_is_refused(line, capsys):
    with pytest.raises(SystemExit):
        parsed(PREFIX + line)


def test_every_command_stands_in_the_guide():
    assert {parsed(line).command for line in commands()} == names()
    assert {"init", "release", "edition", "grade", "feedback", "extend", "add-exercise"} <= names()


def test_every_option_stands_in_the_guide():
    options = {flag for action in next(each for each in parser()._actions if hasattr(each, "choices") and each.choices)
               .choices.values() for each in action._actions for flag in each.option_strings if flag.startswith("--")}
    assert {flag for flag in options - {"--help"} if flag not in GUIDE} == set()


def test_table_of_assignments_has_each_with_its_points():
    rows = {name: int(points) for name, points in re.findall(r"^\| `(\w+)` \| (\d+) \|", GUIDE, re.M)}
    right = {}
    for path in assignments():
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        right[path.stem] = sum(cell["metadata"].get("nbgrader", {}).get("points", 0) for cell in cells)
    assert rows == right


def test_term_plan_has_each_assignment():
    plan = GUIDE.split("## A term plan")[1].split("\n## ")[0]
    assert set(re.findall(r"`(ch\w+|capstone)`", plan)) == {path.stem for path in assignments()}


def test_names_of_tasks_in_the_guide_are_right():
    sources = {path.stem: path.read_text(encoding="utf-8") for path in assignments()}
    for line in commands():
        source = sources.get(getattr(parsed(line), "assignment", None))
        if task := getattr(parsed(line), "task", None):
            assert f"def {task}(" in source
        if parsed(line).command == "add-exercise":
            assert f"def {parsed(line).name}(" not in source
