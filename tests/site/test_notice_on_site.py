"""The website carries the licenses of all that it hands on."""
import re

from tests.notice import NOTICE, patterns, unnamed
from tools.project import ROOT

OURS = ["widgets/*", "cards/*", "notebooks.zip", "book.*.json", "search.*.json", "katex/fonts/*.woff2"]


def names(folder):
    """Return the names of all files below a folder."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_every_file_has_a_license_on_the_site(site):
    known = [*patterns(2), *OURS, *names(ROOT / "book" / "static")]
    assert unnamed(names(site / "_static"), known) == []
    assert unnamed(["theme.js"], known) == ["theme.js"]


def test_the_notices_come_with_it_and_are_linked(site):
    for name in ("NOTICE.txt", "katex/LICENSE", "katex/OFL.txt"):
        assert (site / "_static" / name).read_bytes() == (ROOT / "book" / "static" / name).read_bytes()
    target = re.search(r'href="([^"]*NOTICE\.txt)"', (site / "book" / "index.html").read_text(encoding="utf-8"))
    assert (site / "book" / target[1]).read_bytes() == NOTICE.read_bytes()
