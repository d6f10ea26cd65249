"""Submissions are read with care, and the answers land in the notebook that was given out."""
import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grading.submission import Refused, merge, read_submission, source


def cell(name, text, kind="code", **nbgrader):
    return {"cell_type": kind, "metadata": {"nbgrader": {"grade_id": name, **nbgrader}}, "source": text}


def released():
    return {"nbformat": 4, "cells": [
        cell("title", "# Title", "markdown", locked=True), cell("tools", "import numpy", locked=True),
        cell("one-answer", "def one():\n    return None", solution=True), cell("one-check", "check(one)", grade=True),
        cell("two-answer", "def two():\n    return None", solution=True), cell("two-check", "check(two)", grade=True),
        cell("text-answer", "*Write*", "markdown", grade=True, solution=True)]}


def texts(steps):
    return [(step.kind, step.cell["source"]) for step in steps]


def answered():
    made = released()
    made["cells"][2]["source"] = ["def one():\n", "    return 1"]
    made["cells"][4]["source"] = "def two():\n    return 2"
    return made


WANTED = [("given", "# Title"), ("given", "import numpy"), ("answer", "def one():\n    return 1"),
          ("check", "check(one)"), ("answer", "def two():\n    return 2"), ("check", "check(two)"),
          ("answer", "*Write*")]


def test_answers_are_taken_over():
    assert texts(merge(released(), answered())) == WANTED
    assert texts(merge(released(), released()))[2] == ("answer", "def one():\n    return None")


@given(st.permutations(range(7)))
def test_order_of_cells_does_not_matter(order):
    made = answered()
    made["cells"] = [made["cells"][i] for i in order]
    assert texts(merge(released(), made)) == WANTED


def test_deleted_cells_come_back_and_checks_are_the_teachers():
    made = answered()
    made["cells"] = [each for each in made["cells"] if each["metadata"]["nbgrader"].get("solution")]
    assert texts(merge(released(), made)) == WANTED
    made = answered()
    for each in made["cells"]:
        if each["metadata"]["nbgrader"].get("grade"):
            each["source"], each["metadata"]["nbgrader"]["points"] = "pass", 100
    assert texts(merge(released(), made))[:6] == WANTED[:6]
    assert "points" not in merge(released(), made)[3].cell["metadata"]["nbgrader"]


def test_renamed_answers_are_found_by_what_they_define():
    made = answered()
    for number, each in enumerate(made["cells"]):
        each["metadata"] = {"nbgrader": {"grade_id": f"x{number}"}} if number % 2 else {}
    assert [pair for pair in texts(merge(released(), made)) if pair[0] != "extra"][2:6] == WANTED[2:6]


def test_of_two_cells_the_answered_one_counts():
    made = answered()
    made["cells"] = [*released()["cells"], *made["cells"]]
    assert [pair for pair in texts(merge(released(), made)) if pair[0] != "extra"] == WANTED


def test_own_cells_run_where_they_stand():
    made = answered()
    made["cells"].insert(2, {"cell_type": "code", "metadata": {}, "source": "helper = 3"})
    assert texts(merge(released(), made)) == [*WANTED[:2], ("extra", "helper = 3"), *WANTED[2:]]


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5),
                    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
                        st.sampled_from(["cell_type", "metadata", "source", "nbgrader", "grade_id", "code"]), inner,
                        max_size=4), max_leaves=20))
def test_no_notebook_breaks_the_merge(something):
    made = {"nbformat": 4, "cells": [something, {"cell_type": "code", "metadata": something, "source": something}]}
    checks = [step for step in merge(released(), made) if step.kind == "check"]
    assert [step.cell["source"] for step in checks] == ["check(one)", "check(two)"]
    assert isinstance(source({"source": something}), str)


@pytest.mark.parametrize(("content", "reason"), [
    (None, "There is no notebook a.ipynb in the submission."), (b"{", "a.ipynb is not a notebook."),
    (b"[" * 100_000, "a.ipynb is not a notebook."), (b"[]", "a.ipynb is not a notebook of format 4."),
    (b'{"nbformat": 3, "cells": []}', "a.ipynb is not a notebook of format 4."),
    (b'{"nbformat": 4, "cells": [' + b"{}," * 1000 + b"{}]}", "a.ipynb has more than 1000 cells."),
    (b" " * (5 * 2**20 + 1), "a.ipynb is larger than 5 MB.")])
def test_what_cannot_be_read_is_refused(tmp_path, content, reason):
    if content is not None:
        (tmp_path / "a.ipynb").write_bytes(content)
    with pytest.raises(Refused, match="^" + reason.replace(".", r"\.")):
        read_submission(tmp_path, "a.ipynb")


def test_links_are_refused_and_one_notebook_of_another_name_is_taken(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "my own.ipynb").write_text(json.dumps(released()))
    assert read_submission(folder, "a.ipynb") == released()
    (folder / "deeper").mkdir()
    (folder / "deeper" / "link").symlink_to("/etc/hostname")
    with pytest.raises(Refused, match=r"^The submission holds a link, link\."):
        read_submission(folder, "a.ipynb")


@pytest.mark.parametrize("name", ["a.ipynb", "other.txt"])
def test_what_is_no_file_is_refused_without_opening_it(tmp_path, name):
    """Who opens a pipe waits for its other end for ever."""
    if name != "a.ipynb":
        (tmp_path / "a.ipynb").write_text(json.dumps(released()))
    os.mkfifo(tmp_path / name)
    with pytest.raises(Refused, match=rf"^{name} is no ordinary file\."):
        read_submission(tmp_path, "a.ipynb")


def test_many_files_are_refused(tmp_path):
    (tmp_path / "a.ipynb").write_text(json.dumps(released()))
    (tmp_path / "deeper").mkdir()
    for number in range(199):
        (tmp_path / "deeper" / f"{number}").touch()
    assert read_submission(tmp_path, "a.ipynb") == released()
    (tmp_path / "one more").touch()
    with pytest.raises(Refused, match=r"^The submission has more than 200 files\."):
        read_submission(tmp_path, "a.ipynb")


def test_a_file_or_a_pipe_in_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path)
    for name, reason in (("file", "There is no notebook"), ("pipe", "pipe is no ordinary file"), ("link", "The subm")):
        with pytest.raises(Refused, match=f"^{reason}"):
            read_submission(tmp_path / name, "a.ipynb")
