"""Every page is valid HTML, and no link of it leads nowhere; html-validate, a package of npm, is the judge."""
import json
import subprocess
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from posixpath import dirname, join, normpath
from urllib.parse import unquote, urlsplit

import pytest

from tools.node import node_binary

JUDGE = Path(__file__).with_name("node_modules") / "html-validate" / "bin" / "html-validate.mjs"
RULES = '{"root": true, "extends": ["html-validate:standard"]}'
BAD = """<!DOCTYPE html>
<html lang="en"><head><title>Title</title></head><body>
<details><summary><p>no paragraph here</p></summary></details><div id="a"></div><b id="a"></i></body></html>
"""


class Page(HTMLParser):
    """The addresses and the ids of a page."""

    def __init__(self, text):
        super().__init__()
        self.links, self.ids = [], Counter()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        """Note an element's links and its id."""
        attributes = dict(attributes)
        self.links += [attributes[name] for name in ("href", "src", "poster") if attributes.get(name) is not None]
        if attributes.get("id"):
            self.ids[attributes["id"]] += 1


def judged(folder, *paths):
    """Return the complaints about pages, with file, line and rule."""
    rules = folder / "rules.json"
    rules.write_text(RULES)
    command = [node_binary(), JUDGE, "--config", rules, "--formatter", "json", *paths]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr  # 1: there are complaints
    return [(Path(page["filePath"]).name, each["line"], each["ruleId"], each["message"])
            for page in json.loads(done.stdout) for each in page["messages"]]


@pytest.fixture(scope="module")
def pages(site):
    """Return the parsed pages by their path below the site."""
    return {path.relative_to(site).as_posix(): Page(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}


def broken(pages, site):
    """Return the links of pages that lead nowhere in the site: no such file, or no such place in it."""
    found = []
    for name, page in pages.items():
        for link in page.links:
            url = urlsplit(link)
            if url.scheme or url.netloc:
                continue
            path = unquote(url.path)
            target = path[1:] if path.startswith("/") else normpath(join(dirname(name), path)) if path else name
            if not (site / target).is_file() or target.startswith("..") or (
                    url.fragment and target in pages and not pages[target].ids[unquote(url.fragment)]):
                found.append((name, link))
    return found


def test_pages_are_valid(site, tmp_path):
    paths = sorted(site.rglob("*.html"))
    assert len(paths) > 20 and judged(tmp_path, *paths) == []


def test_the_judge_sees_what_is_wrong(tmp_path):
    (tmp_path / "bad.html").write_text(BAD)
    assert {rule for *_, rule, _ in judged(tmp_path, tmp_path / "bad.html")} >= {
        "element-permitted-content", "close-order", "no-dup-id"}


def test_no_link_leads_nowhere(pages, site):
    assert sum(len(page.links) for page in pages.values()) > 3000
    assert broken(pages, site) == []


def test_a_link_that_leads_nowhere_is_seen(tmp_path):
    (tmp_path / "b").mkdir()
    for name in ("a.html", "b/c.html"):
        (tmp_path / name).touch()
    pages = {"a.html": Page('<a href="b/c.html#here"></a><a href="b/c.html#there"></a><img src="no.png"><a href="#x">'),
             "b/c.html": Page('<p id="here"><a href="../a.html"></a><a href="a.html"></a><a href="https://x.org">')}
    assert broken(pages, tmp_path) == [("a.html", "b/c.html#there"), ("a.html", "no.png"), ("a.html", "#x"),
                                       ("b/c.html", "a.html")]


def test_links_to_other_sites_are_written_rightly(pages):
    links = {link for page in pages.values() for link in page.links if urlsplit(link).scheme}
    assert len(links) > 10
    wrong = [link for link in links if urlsplit(link).scheme not in ("https", "http", "mailto", "data")
             or " " in link or (urlsplit(link).scheme.startswith("http") and "." not in urlsplit(link).netloc)]
    assert wrong == []
