"""The talk with a student's program ends in time and keeps to what was asked."""
import time

import pytest

from cnnlib.exercises import Refusal
from grading.judge import judge
from grading.session import Session

DRIPS = """
import os, time
def drip():
    while True:
        for number in range(3, 32):
            try:
                os.write(number, b" ")
            except OSError:
                pass
        time.sleep(0.02)
"""


@pytest.fixture
def session():
    """Return a session with a short time limit; its program ends with the test."""
    made = Session(seconds=2, budget=60)
    yield made
    made.close()


def test_a_byte_now_and_then_keeps_no_call_alive(session):
    session.run_cell(DRIPS)
    begin = time.monotonic()
    with pytest.raises(Refusal, match=r"^Your code ran longer than 2 seconds and was stopped\.$"):
        session.find("drip")()
    assert time.monotonic() - begin < 30  # the limit on the clock is eight seconds; without one it is for ever


def test_names_are_looked_up_one_by_one(session):
    session.run_cell("several = {f'name_{i}': i for i in range(5000)}\nglobals().update(several)\nlast = 7")
    assert session.find("name_4999") == 4999 and session.find("last") == 7
    with pytest.raises(KeyError):
        session.find("never_defined")
    session.run_cell("raise SystemExit")
    with pytest.raises(KeyError):
        session.find("never_defined")


def cell(text, **nbgrader):
    return {"cell_type": "code", "metadata": {"nbgrader": nbgrader} if nbgrader else {}, "source": text, "outputs": []}


def test_a_given_cell_may_use_what_the_student_defines():
    """It runs in the sandbox, and a check finds there what it made."""
    cells = [cell("def double(x):\n    return 2 * x", grade_id="double-answer", solution=True),
             cell("import math\nmade = [double(i) for i in range(3)]"),
             cell("assert made == [0, 2, 4] and math.pi > 3", grade_id="double-check", grade=True, points=1)]
    notebook = {"nbformat": 4, "cells": cells}
    _, rows = judge(notebook, notebook, notebook)
    assert rows["double-check"]["passed"], rows
