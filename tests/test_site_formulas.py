"""The formula sheet: complete by the ids of the sources, every number computed, every link alive."""
import re
import sys

import pytest
from sphinx.errors import ExtensionError

from tools.outline import course_map, page_sections
from tools.project import ROOT

sys.path.insert(0, str(ROOT / "book" / "ext"))

from cnn_book import formulas

SHEET = (ROOT / "book" / "formula_sheet.md").read_text(encoding="utf-8")
CALCULATORS = (ROOT / "book" / "shape_calculator.md").read_text(encoding="utf-8")
# What stands in the source texts as a formula or as a table, read off their inventory by hand.
FORMULAS = """
    C01-06 C01-07 C02-02 C02-03 C02-04 C02-05 C02-06 C02-07 C02-09 C02-11 C02-14 C02-16 C02-17 C02-24 C02-28 C02-32
    C04-15 C05-03 C05-08 C05-09 C05-12 C06-01 C06-02 C06-03 C06-04 C07-11 C07-18 C07-22 C07-29 C07-34 C07-35 C07-46
    C07-51 C07-54 C07-55 C08-03 C09-03 C10-01 C10-02 C10-05 C10-06 C10-07 C10-08 C11-01 C11-05 C11-06 C11-07 C11-09
    C11-12 C11-13 C12-02 C12-03 C12-04 C12-06 C12-09""".split()
TABLES = """
    C01-03 C02-01 C02-10 C02-12 C03-01 C04-01 C04-08 C04-17 C05-02 C07-17 C07-33 C07-50 C07-52 C08-02 C09-01 C12-01
    C12-10""".split()
MUST_KNOW = {"C02-09": "Output size", "C07-34": "Residual block", "C10-01": "Depthwise separable convolution",
             "C10-05": "Inverted residual", "C11-01": "Squeeze and excitation"}


def entries(text=SHEET):
    """Return {heading: text} of the entries, which are the headings of the third level."""
    return {section.heading: "\n".join(part for _, part in section.parts)
            for section in page_sections(text) if section.level == 3}


def has_table(text):
    return "\n|---" in text or re.search(r"^table\(\[", text, re.M)


def test_every_formula_and_table_of_the_sources_is_on_the_sheet():
    assert {*FORMULAS, *TABLES} - set(formulas.ids(SHEET)) == set()
    by_id = {name: [text for text in entries().values() if name in formulas.ids(text)] for name in FORMULAS + TABLES}
    for name in FORMULAS:
        assert any("$" in text for text in by_id[name]) or name == "C12-03", name  # suppression is a rule in words
    for name in TABLES:
        assert any(has_table(text) for text in by_id[name]), name


def test_sheet_without_an_entry_is_incomplete():
    without = SHEET.replace("<!-- from C07-46 -->", "")
    assert {*FORMULAS, *TABLES} - set(formulas.ids(without)) == {"C07-46"}


def test_every_entry_has_its_section_and_every_formula_an_example():
    rows = course_map()
    for heading, text in entries().items():
        assert formulas.ids(text), heading
        assert all("heading" in rows[name] for name in formulas.ids(text)), heading
        if "$$" in text:
            assert re.search(r"^(example|table)\(", text, re.M), heading
    assert len(entries()) > 45


def test_numbers_of_the_examples_are_computed():
    """A number of four digits or with a comma in it is typed nowhere outside of the code."""
    prose = re.sub(r"```.*?```", "", SHEET, flags=re.S)
    assert re.findall(r"\d{1,3}(?:,\d{3})+|\d{4,}", prose) == []
    examples = re.findall(r'^example\((.*?)\)$', SHEET, re.M | re.S)
    assert len(examples) > 35 and all("{" in text for text in examples)


def test_what_everyone_must_know_carries_a_star():
    starred = {heading.removesuffix(" ★"): formulas.ids(text) for heading, text in entries().items() if "★" in heading}
    assert set(starred) == set(MUST_KNOW.values())
    assert all(name in starred[heading] for name, heading in MUST_KNOW.items())
    assert formulas.must_know(SHEET).splitlines()[0] == "- [Output size](#output-size-)"
    assert formulas.must_know(SHEET).count("\n") == len(MUST_KNOW) - 1


def test_every_calculator_leads_to_its_formula():
    sections = [section for section in page_sections(CALCULATORS) if section.level == 2]
    assert len(sections) == 9
    for section in sections:
        text = "\n".join(part for cell, part in section.parts if cell is None)
        assert text.count("widgets.") == 1 and formulas.ids(text), section.heading


def test_links_come_from_the_course_map_and_each_section_stands_once():
    rows = {"C02-09": {"notebook": "02_convolution_math", "heading": "How large is the output? ★"},
            "C02-16": {"notebook": "02_convolution_math", "heading": "How large is the output? ★"},
            "C09-09": {"title": "later", "planned": "09_x"}}
    assert formulas.links(["C02-09", "C02-16"], rows, "book/sheet") == (
        "*From* [2 Convolution math: How large is the output?]"
        "(<../notebooks/02_convolution_math.ipynb#how-large-is-the-output->)")
    for name in ("C09-09", "C99-01"):
        with pytest.raises(ExtensionError, match=rf"^book/sheet: a formula must come from a placed .* got {name}$"):
            formulas.links(["C02-09", name], rows, "book/sheet")


def test_marks_are_replaced_on_these_pages_only():
    for page, left in (("book/formula_sheet", False), ("book/shape_calculator", False), ("book/index", True)):
        source = ["<!-- must know -->\n\n### A ★\n\n<!-- from C02-09 -->"]
        formulas.fill(None, page, source)
        assert ("<!--" in source[0]) == left and ("- [A](#a-)" in source[0]) != left
