"""Tables that come in and go out: CSV as course systems write it, and CSV that no spreadsheet takes for a program."""
import csv
import io
import re
from pathlib import Path

from grading.course import CourseError

ACTIVE = tuple("=+-@＝＋－＠")  # a spreadsheet takes a cell that begins so for a formula
NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?%?|-")
LARGEST = 20 * 2**20  # bytes of a table that is read


def guard(cell):
    """Return a cell's text so that no spreadsheet runs it: an apostrophe before what begins as a formula does.

    >>> guard("=1+1"), guard("-2.5"), guard("Ada")
    ("'=1+1", '-2.5', 'Ada')
    """
    text = "" if cell is None else str(cell)
    active = text.lstrip().startswith(ACTIVE) or text.startswith(("\t", "\r", "\n"))
    return f"'{text}" if active and not NUMBER.fullmatch(text) else text


def csv_text(rows):
    """Return rows of cells as guarded CSV."""
    file = io.StringIO()
    csv.writer(file).writerows([guard(cell) for cell in row] for row in rows)
    return file.getvalue()


def read_table(path):
    """Return the rows of a CSV file as dicts; the columns' names in small letters, ``_`` as a space.

    Commas, semicolons and tabs may stand between the cells.

    Raises:
        CourseError: it is not there, or not such a file.
    """
    path = Path(path)
    try:
        data = path.read_bytes()[:LARGEST]
        text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except OSError as error:
        raise CourseError(f"{path}: {error.strerror}") from None
    except ValueError:
        raise CourseError(f"{path}: must be CSV in UTF-8; save it so from the spreadsheet") from None
    first = text.partition("\n")[0]
    between = max(",;\t", key=first.count)
    try:
        names, *rows = csv.reader(io.StringIO(text, newline=""), delimiter=between, strict=True)
    except (csv.Error, ValueError):
        raise CourseError(f"{path}: must be CSV with the columns' names in its first line") from None
    names = [" ".join(name.casefold().replace("_", " ").split()) for name in names]
    return [dict(zip(names, (cell.strip() for cell in row), strict=False)) for row in rows if any(row)]


def number_text(value):
    """Return a number of points with at most two digits after the point.

    >>> number_text(12.0), number_text(7.256)
    ('12', '7.26')
    """
    return f"{round(value, 2):.2f}".rstrip("0").rstrip(".")


def plain(text, longest=120):
    """Return a text that others wrote, short and on one line, for a terminal."""
    shown = "".join(letter if letter.isprintable() else "?" for letter in str(text))
    return shown if len(shown) <= longest else f"{shown[:longest - 3]}..."
