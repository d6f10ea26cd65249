"""Pages run under their Content-Security-Policy: what is foreign is refused, all that the book does works."""
import re

import pytest

from tests.site.reader import wait_until

FORBIDDEN = {
    "a script in the text": "document.body.append(Object.assign(document.createElement('script'), {text: 'ran = 1'}))",
    "eval": "(async () => { try { await import('data:text/javascript,globalThis.ran = 1'); } catch {} })()",
    "an event handler": "(() => { const b = document.createElement('b'); b.setAttribute('onclick', 'ran = 1');"
                        " document.body.append(b); b.click(); })()",
    "another host's script": "document.body.append(Object.assign(document.createElement('script'),"
                             " {src: 'https://example.com/a.js'}))",
    "another host's data": "fetch('https://example.com/').catch(() => 0)",
    "another host's picture": "new Promise((go) => { const i = new Image(); i.onerror = go; i.onload = go;"
                              " i.src = 'https://example.com/a.png'; })",
    "a frame": "document.body.append(Object.assign(document.createElement('iframe'), {src: '/book/index.html'}))",
}


@pytest.mark.parametrize("name", FORBIDDEN)
def test_what_is_foreign_is_refused(browser, address, name):
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{address}/book/how_to_use.html")
    page.evaluate("globalThis.seen = []; document.addEventListener('securitypolicyviolation',"
                  " (event) => seen.push(event.effectiveDirective))")
    page.evaluate(FORBIDDEN[name])
    wait_until(page, "() => seen.length > 0")
    assert page.evaluate("globalThis.ran") is None
    context.close()


def test_every_page_has_the_policy_first_and_no_script_escapes_it(site):
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 20
    for path in pages:
        text = path.read_text(encoding="utf-8")
        if path == site / "index.html":  # it only leads on
            continue
        head = re.search(r'<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="([^"]+)">', text)
        assert head, path
        assert "unsafe-eval" not in head[1] and "http" not in head[1] and "*" not in head[1], path
        assert "'unsafe-inline'" not in head[1].split("style-src")[0], path
        assert not re.search(r"<[^>]+\son\w+=", re.sub("<pre.*?</pre>|<script.*?</script>", "", text, flags=re.S)), path


def test_theme_needs_no_storage(browser, address):
    """Where storage is off, reading it raises; the page follows the system's theme then."""
    context, errors = browser.new_context(), []
    context.add_init_script("Object.defineProperty(window, 'localStorage', {get() { throw new Error('off'); }})")
    page = context.new_page()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{address}/book/how_to_use.html")
    assert page.evaluate("document.body.dataset.theme") == "auto"
    assert errors == []
    context.close()
