"""The chapters can be read by all: axe finds nothing."""
import pytest

from tests.site.pages import CHAPTERS, violations_in_all_ways
from tests.site.reader import WIDE


@pytest.mark.parametrize("name", CHAPTERS)  # a file of its own: each test worker takes a file
def test_axe_finds_no_violation(new_page, name):
    assert violations_in_all_ways(new_page(f"{name}.html", viewport=WIDE)) == []
