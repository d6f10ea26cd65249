"""The pages around the chapters can be read by all: axe finds nothing, and would."""
import pytest

from tests.site.pages import BOOK, violations, violations_in_all_ways
from tests.site.reader import NARROW, WIDE


@pytest.mark.parametrize("name", BOOK)
def test_axe_finds_no_violation(new_page, name):
    assert violations_in_all_ways(new_page(f"{name}.html", viewport=WIDE)) == []


def test_axe_sees_what_is_wrong_in_one_scheme_only(new_page):
    page = new_page("book/how_to_use.html", viewport=WIDE, color_scheme="dark")
    page.add_style_tag(content="@media (prefers-color-scheme: dark) { article p { color: #333 } }")
    assert [rule["id"] for rule in violations(page)] == ["color-contrast"]
    page.emulate_media(color_scheme="light")
    assert not violations(page)


def test_axe_sees_a_target_too_small_for_a_finger(new_page):
    page = new_page("book/how_to_use.html", viewport=NARROW)
    two = "<button style='all:revert;font-size:8px;padding:0;line-height:1'>x</button>" * 2
    page.evaluate("(html) => document.querySelector('article').insertAdjacentHTML('afterbegin', html)", two)
    assert [rule["id"] for rule in violations(page)] == ["target-size"]
