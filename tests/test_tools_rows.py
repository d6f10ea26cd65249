"""Rows go where they belong, and what was there stays as it was."""
import doctest

import pytest

from tests.judge import refused
from tools import rows
from tools.rows import add_block, add_item, add_line, add_public_name

LONG = "NAMES = [\n    " + ", ".join(f'"name_{number:02}"' for number in range(10)) + "]\n"


def test_the_examples_hold():
    assert doctest.testmod(rows) == (0, 4)


@pytest.mark.parametrize(("line", "place"), [("import a", 0), ("import c", 2), ("import e", 3)])
def test_a_line_stands_in_its_order(line, place):
    text = "import b\nfrom x import y\nimport d\n\nz = 1\n"
    after = add_line(text, line, beside="import ")
    assert after.split("\n").index(line) == place and after.replace(f"{line}\n", "") == text


def test_a_line_at_the_end_comes_last_whatever_its_text():
    assert add_line("- 2\n- 9\nx\n", "- 10", beside="- ", at_end=True) == "- 2\n- 9\n- 10\nx\n"
    assert add_line("- 2\n- 9\nx\n", "- 10", beside="- ") == "- 10\n- 2\n- 9\nx\n"


def test_a_line_does_not_stand_inside_the_brackets_of_the_last_one():
    text = "from a import (\n    b,\n)\n\nc = 1\n"
    assert add_line(text, "from d import e", beside="from ") == "from a import (\n    b,\n)\nfrom d import e\n\nc = 1\n"


def test_an_item_takes_a_line_of_its_own_where_there_is_no_room():
    assert add_item(LONG, '"another"', to="NAMES = [") == LONG.replace("]", ',\n    "another"]')
    assert add_item(LONG, '"x"', to="NAMES = [") == LONG.replace("]", ', "x"]')
    assert add_item("A = [\n    1, 2]\n", "3", to="A = [") == "A = [\n    1, 2, 3]\n"


def test_an_item_ends_the_right_brackets():
    text = 'A = {\n    "a": (1, [2]),\n    "b": (3, [4]),\n}\nB = {\n}\n'
    assert add_item(text, '"c": 5', to="A = {") == text.replace('[4]),\n', '[4]),\n    "c": 5,\n')


def test_public_names_stay_sorted_and_wrapped():
    text = "x = 1\n__all__ = [\n" + "    " + ", ".join(f'"Name{number}"' for number in range(10, 20)) + ",\n]\ny = 2\n"
    after = add_public_name(text, "Name105")
    assert after.startswith("x = 1\n") and after.endswith("]\ny = 2\n")
    assert after.index("Name10\"") < after.index("Name105") < after.index("Name11")
    assert max(map(len, after.splitlines())) <= 120 < len(after)


def test_a_block_stands_before_the_comments_of_the_next_one():
    assert add_block("A1:\n  x: 1\n\n# Bs\nB1:\n  x: 2\n", "A2:\n  x: 3\n\n", key="A2") == (
        "A1:\n  x: 1\n\nA2:\n  x: 3\n\n# Bs\nB1:\n  x: 2\n")
    assert add_block("A1:\n", "C1:\n", key="C1") == "A1:\nC1:\n"


def test_a_place_that_is_not_there_is_named():
    refused(add_line, "add_line: a line that begins with 'import ' is needed, got none", "x\n", "import a",
            beside="import ")
    refused(add_item, "add_item: the file must hold 'A = [', got a file without it", "B = []", "1", to="A = [")
    refused(add_item, "add_item: a bracket must be closed, got '1, 2'", "A = [1, 2", "3", to="A = [")
