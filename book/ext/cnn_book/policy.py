"""Let a page load and run what the site itself holds, and nothing else: a Content-Security-Policy in each page.

It stands in the page, so that it holds on every server. Scripts in the page's own text are allowed by their hash.
Styles in attributes are allowed, because formulas and widgets place their parts with them, and pictures in the text.
"""
import base64
import hashlib
import re
from pathlib import Path

SCRIPT = re.compile(r"<script>(.*?)</script>", re.S)  # one with a type or an address is no program of the text
META = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')
CHARSET = '<meta charset="utf-8">'


def guard_pages(app):
    """Write the policy into every built page, before anything that could load something."""
    for path in sorted(Path(app.outdir).rglob("*.html")):
        text = path.read_text(encoding="utf-8")
        guarded = guard(text)
        if guarded != text:
            path.write_text(guarded, encoding="utf-8")


def guard(text):
    """Return a page's text with its policy, in place of an older one."""
    text = META.sub("", text)
    return text.replace(CHARSET, f'{CHARSET}<meta http-equiv="Content-Security-Policy" content="{policy(text)}">', 1)


def policy(text):
    """Return the policy of a page."""
    hashes = sorted({f"'sha256-{_digest(script)}'" for script in SCRIPT.findall(text)})
    rules = {"default-src": "'none'", "script-src": " ".join(["'self'", *hashes]),
             "style-src": "'self' 'unsafe-inline'", "img-src": "'self' data:", "font-src": "'self'",
             "connect-src": "'self'", "form-action": "'self'", "base-uri": "'none'"}
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def _digest(script):
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
