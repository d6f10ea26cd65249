"""Notebooks run again and again: what is noticed, what is the same, and under which conditions they ran."""
import platform

import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output, writes

from tools import soak
from tools.soak import WAYS, alike, differences

pytestmark = pytest.mark.slow

SAYS = """import os, pathlib, socket, sys, time
def refused(call, *arguments):
    try:
        call(*arguments)
    except OSError as error:
        return type(error).__name__ + " " + str(error.errno)
print(refused(socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect, ("192.0.2.1", 9)),
      refused((pathlib.Path.home() / "file").touch), sys.flags.utf8_mode, time.tzname[0],
      os.environ.get("OMP_NUM_THREADS"))"""


def notebook(path, source, kept="1\n"):
    """Write a notebook of one cell whose output is kept, and return its path."""
    cell = new_code_cell(source, id="one-run", metadata={"tags": ["keep_output"]}, execution_count=1,
                         outputs=[new_output("stream", name="stdout", text=kept)])
    path.write_text(writes(new_notebook(cells=[cell], metadata={"kernelspec": {
        "name": "python3", "display_name": "Python 3", "language": "python"}})), encoding="utf-8")
    return path


def said(path, way):
    """Return what a notebook printed under a way's conditions."""
    result = soak._try(path, WAYS[way])
    return result["texts"]["one-run"].split() if "texts" in result else result["error"]


@pytest.mark.skipif(platform.system() != "Linux", reason="bubblewrap is for Linux")
def test_conditions_are_what_they_are_called(tmp_path):
    path = notebook(tmp_path / "says.ipynb", SAYS)
    assert said(path, "offline")[:2] == ["OSError", "101"]  # no way to any network
    home = said(path, "read-only home")
    assert home[-5:-3] == ["OSError", "30"]  # nothing can be written
    assert said(path, "time zone")[-2] == "+14"
    assert said(path, "two threads")[-1] == "2"


def test_a_run_that_shows_something_else_is_named_and_nothing_runs_twice(tmp_path, capsys):
    good = notebook(tmp_path / "good.ipynb", "print(1)")
    odd = notebook(tmp_path / "odd.ipynb", "import os\nprint(os.getpid())")
    bad = notebook(tmp_path / "bad.ipynb", "1 / 0")
    record = tmp_path / "runs.jsonl"
    assert soak.soak([good], ["again"], 2, record) == 0
    assert "again: 2 runs, 0 differ" in capsys.readouterr().out
    assert soak.soak([good, odd, bad], ["again"], 1, record) == 1
    out = capsys.readouterr().out
    assert "again: 3 runs, 2 differ" in out and "odd.ipynb, run 1: one-run" in out
    assert "bad.ipynb, run 1: [one-run]: ZeroDivisionError: division by zero" in out
    assert len(record.read_text().splitlines()) == 4  # good.ipynb did not run a third time


def test_a_picture_that_changes_is_a_difference():
    before = {"texts": {}, "pictures": {"a": ["1234"]}}
    assert differences({"texts": {}, "pictures": {"a": ["1235"]}}, before) == ["a"]
    assert differences(before, before) == [] and differences(before, {"texts": {"b": "1"}, "pictures": {}}) == ["b"]


@pytest.mark.parametrize(("one", "other", "same"), [
    ("loss 0.6931", "loss 0.6929", True), ("loss 0.6931", "loss 0.6935", False), ("12,345", "12,346", False),
    ("1,234.50 ms", "1,234.52 ms", True), ("(3, 4)", "(3, 5)", False), ("a 0.5", "b 0.5", False), ("1", "1 2", False)])
def test_only_last_digits_may_differ(one, other, same):
    assert alike(one, other) is same and alike(other, one) is same


def test_a_way_that_nobody_knows_is_one_line(capsys):
    with pytest.raises(SystemExit):
        soak.main(["backwards"])
    assert "unknown way backwards" in capsys.readouterr().err


@pytest.mark.parametrize(("source", "expected"), [
    ("measured = 3\ndraw(alt='Bars: the sizes.')", ["picture"]), ("draw(alt='Bars. Measured times.')", [])])
def test_pictures_of_measured_times_may_differ(source, expected):
    output = new_output("display_data", data={"image/png": "aaaa"})
    assert list(soak.shown(new_notebook(cells=[new_code_cell(source, id="picture", outputs=[output])]))["pictures"]) \
        == expected


def test_addresses_may_differ_and_sizes_may_not():
    output = new_output("stream", text="<object at 0x7f3a>, 3072x12 and 6400x4096\n")
    kept = new_code_cell("print(here)", id="text", outputs=[output], metadata={"tags": ["keep_output"]})
    assert soak.shown(new_notebook(cells=[kept]))["texts"] == {"text": "<object at 0xADDRESS>, 3072x12 and 6400x4096\n"}
