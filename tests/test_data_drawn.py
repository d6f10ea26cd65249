"""What was drawn once is drawn again: the weights in the box and the chapters' figures rest on it."""
import json
from pathlib import Path

import pytest

from tests.drawn import drawn

RECORD = json.loads((Path(__file__).parent / "oracles" / "drawn.json").read_text(encoding="utf-8"))
NEAR = {"leaf": 0.3}  # of bytes, that rounding may change by one on another machine; else fractions


@pytest.fixture(scope="module")
def now():
    return drawn()


def test_names_are_the_same(now):
    assert list(now) == list(RECORD)


@pytest.mark.parametrize("name", RECORD)
def test_drawing_is_the_same(now, name):
    assert now[name] == pytest.approx(RECORD[name], abs=NEAR.get(name.split()[0], 0.003))
