"""Read book/static/NOTICE.txt: which files it speaks of."""
import re
from fnmatch import fnmatch

from tools.project import ROOT

NOTICE = ROOT / "book" / "static" / "NOTICE.txt"
ENDS = "  "  # two spaces end the column of files


def patterns(number):
    """Return the patterns of files in a numbered section of the notice."""
    section = re.split(r"^\d\. .*$", NOTICE.read_text(encoding="utf-8"), flags=re.M)[number]
    columns = [line.strip().split(ENDS)[0] for line in section.splitlines() if re.match(r" {2,4}\S", line)]
    return [word for column in columns for word in column.replace(",", " ").split() if re.search(r"[./*]", word)]


def unnamed(files, named):
    """Return the files that none of the patterns fits.

    >>> unnamed(["a/b.png", "c.png"], ["a/*"])
    ['c.png']
    """
    return [file for file in files if not any(fnmatch(file, pattern) for pattern in named)]
