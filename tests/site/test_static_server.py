"""The configuration in deploy/static serves the website: compressed, cached, with headers that keep it safe."""
import gzip
import urllib.error
import urllib.request

import pytest

from tests.site.reader import wait_until
from tools.caddy import compressing


@pytest.fixture(scope="module")
def server(site):
    """Return the address of Caddy on a free port of this machine; it ends with the tests."""
    with compressing(site) as address:
        yield address


def ask(address, **headers):
    """Return status, headers and body."""
    try:
        with urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=30) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def names(site, pattern):
    """Return the addresses of the site's files of a kind; there is one at least."""
    found = sorted(path.relative_to(site).as_posix() for path in site.glob(pattern))
    assert found, pattern
    return found


@pytest.mark.parametrize(("pattern", "kind", "packed"), [
    ("book/*.html", "text/html; charset=utf-8", True), ("_static/styles.*.css", "text/css; charset=utf-8", True),
    ("_static/widgets/*.mjs", "text/javascript; charset=utf-8", True), ("_static/host.mjs", "text/javascript", True),
    ("_static/search.*.json", "application/json", True),
    ("_static/katex/fonts/*.woff2", "font/woff2", False), ("_images/*.webp", "image/webp", False)])
def test_files_come_with_their_type_and_packed_where_it_helps(server, site, pattern, kind, packed):
    name = names(site, pattern)[0]
    status, headers, body = ask(f"{server}/{name}", **{"Accept-Encoding": "gzip"})
    assert status == 200 and headers["Content-Type"].startswith(kind)
    assert headers["Content-Encoding"] == ("gzip" if packed else None)
    assert (gzip.decompress(body) if packed else body) == (site / name).read_bytes()


def test_what_never_changes_is_kept_and_the_rest_is_asked_for_again(server, site):
    for pattern in ("_static/styles.*.css", "_static/widgets/*.mjs", "_images/*.webp", "_static/katex/fonts/*.woff2"):
        _, headers, _ = ask(f"{server}/{names(site, pattern)[0]}")
        assert headers["Cache-Control"] == "public, max-age=31536000, immutable", pattern
    assert ask(f"{server}/_static/host.mjs?v=1")[1]["Cache-Control"].endswith("immutable")
    for name in ("book/index.html", "_static/host.mjs", "_static/notebooks.zip", "index.html"):
        _, headers, _ = ask(f"{server}/{name}")
        assert headers["Cache-Control"] == "no-cache", name
        assert ask(f"{server}/{name}", **{"If-None-Match": headers["Etag"]})[0] == 304


def test_headers_keep_readers_safe_and_nothing_else_is_served(server, site):
    _, headers, _ = ask(f"{server}/book/index.html")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"] == "frame-ancestors 'none'" and headers["Set-Cookie"] is None
    assert headers["Referrer-Policy"] == "strict-origin-when-cross-origin"
    (site.parent / "secret.txt").write_text("secret")
    for path in ("no.html", "../secret.txt", "%2e%2e/secret.txt", "_static/"):
        status, _, body = ask(f"{server}/{path}")
        assert status == 404 and b"There is no such page" in body, path


def test_a_widget_moves_on_this_server(browser, server):
    context, complaints = browser.new_context(), []
    page = context.new_page()
    page.on("console", lambda line: line.type in ("error", "warning") and complaints.append(line.text))
    page.goto(f"{server}/book/index.html")
    slider = page.locator("input[type=range]").first
    before = page.locator("[data-value=output]").inner_text()
    page.locator(".cnn-widget[data-state=ready]").first.wait_for()
    slider.press("ArrowRight")
    wait_until(page, "(before) => document.querySelector('[data-value=output]').innerText !== before", before)
    assert not complaints
    context.close()
