"""Find numbers in a notebook's prose that nothing in their section computes, asserts or cites.

A number counts when it has a decimal point or at least three digits. Its section runs from one ## heading to the next.
It must stand, rounded as the prose rounds it, in a kept output or in an assert; or its sentence cites author and year.
"""
import ast
import re
from decimal import Decimal

import yaml

from tools.outline import sections
from tools.project import ROOT

NOT_PROSE = [re.compile(pattern, re.S) for pattern in (
    r"```.*?```", r"~~~.*?~~~", r"`[^`\n]*`", r"<!--.*?-->", r"<[^>\n]*>", r"\]\([^)\n]*\)", r"https?://\S+")]
EXACT = r"\d{1,3}(?:[,_]\d{3})+(?:\.\d+)?|\d+(?:_\d+)*\.\d+|\d+(?:_\d+)*"
EXPONENT = r"(?:[eE][+-]?\d+)?"
IN_PROSE = re.compile(rf"(?<![\w.])(?:{EXACT}){EXPONENT}(?!\w|\.\d)")
ANYWHERE = re.compile(rf"(?<![A-Za-z_\d.])(?:{EXACT}|\d+\.|\.\d+){EXPONENT}")
YEAR = r"(?:1[89]|20)\d\d[a-z]?"
NAME = r"\b(?!(?:In|Since|By|Until|From|After|Before|The|Of)\b)[A-Z][\w'’-]+"
CITATION = re.compile(rf"{NAME}(?: et al\.?| and others| (?:and|&) {NAME})?,? {YEAR}\b|{NAME}[^.;()]{{0,80}}\({YEAR}\)")
SENTENCE = re.compile(r"(?<=[a-z0-9)*%$`|][.!?])\s+(?=[A-Z*$])|\n\s*\n|\n(?=\s*(?:[-*|]|\d+\.)\s?)")


def exceptions(root=ROOT):
    """Return by notebook the numbers that need no source, each with its reason."""
    path = root / "tests" / "number_exceptions.yml"
    return (yaml.safe_load(path.read_text(encoding="utf-8")) or {}) if path.exists() else {}


def breaches(notebook, allowed=()):
    """Return a line for each number without a source, and for each exception that is not needed or has no reason."""
    found, used = [], set()
    reasons = {str(row["number"]): row.get("reason", "") for row in allowed}
    for heading, parts in _large_sections(notebook):
        known = set().union(*(_known(cell) for cell, _ in parts if cell.cell_type == "code"))
        for cell, text in parts:
            if cell.cell_type != "markdown":
                continue
            for number in in_prose(text):
                if any(_same(number, value) for value in known):
                    continue
                if number in reasons:
                    used.add(number)
                else:
                    found.append(f"[{cell.get('id')}]: {number} is in no kept output, assert or citation of "
                                 f"its section ({heading})")
    found += [f"[all]: the exception {number} is not needed" for number in reasons if number not in used]
    return found + [f"[all]: the exception {number} has no reason" for number, why in reasons.items() if not why]


def in_prose(markdown):
    """Return the numbers of a Markdown text that need a source, in order, as they are written."""
    for pattern in NOT_PROSE:
        markdown = pattern.sub(" ` ", markdown)
    markdown = markdown.replace(r"{,}", ",").replace(r"\,", ",")  # thousands, as TeX writes them
    return [number for sentence in SENTENCE.split(markdown) if not CITATION.search(sentence)
            for number in IN_PROSE.findall(sentence) if "." in number or len(re.sub(r"\D", "", number)) >= 3]


def _large_sections(notebook):
    """Return (heading, parts) for what stands between two headings of level 1 or 2."""
    result = []
    for section in sections(notebook):
        if section.level in (1, 2) or not result:
            result.append((section.heading, []))
        result[-1][1].extend(section.parts)
    return result


def _known(cell):
    """Return the numbers that a code cell prints, if its output is kept, or asserts."""
    texts = [ast.unparse(node) for node in ast.walk(parse(cell.source)) if isinstance(node, ast.Assert)]
    for output in cell.outputs:
        texts.append(output.text if output.output_type == "stream" else output.get("data", {}).get("text/plain", ""))
    return {_value(number) for text in texts for number in ANYWHERE.findall(text)}


def parse(source):
    """Return the syntax tree of a cell, without its magics."""
    return ast.parse("\n".join(re.sub(r"^(\s*)[%!].*", r"\1pass", line) for line in source.splitlines()))


def _value(number):
    return Decimal(number.replace(",", "").replace("_", ""))


def _same(written, value):
    """Return whether a value, rounded to the places that are written, is the written number."""
    number = _value(written)
    places = Decimal(1).scaleb(min(number.as_tuple().exponent, 0))
    return number == value or (value < 10**20 and value.quantize(places) == number)
