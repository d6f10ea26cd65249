"""Leave on a page only what it uses, and make what stays reachable for all."""
import base64
import hashlib
import io
import json
import re
from html import unescape
from pathlib import Path

from PIL import Image

# What Jupyter Book, MyST-NB and sphinx-book-theme put on every page and this book does not use.
UNUSED = ("thebe", "sphinx-book", "design-tabs", "sphinx-design", "togglebutton", "togglehint", "toggleopen",
          "widget-state", "doctools", "sphinx_highlight")
LATER = ("clipboard", "copybutton")  # a button at each piece of code, once the page stands
IN_TEXT = re.compile(r'<script type="text/x-thebe-config">.*?</script>|<script>kernelName = .*?</script>', re.S)
VIEWPORT = re.compile(r'<meta name="viewport"[^>]*>\s*')  # Furo has its own
CODE = re.compile(r'(<div class="highlight")?(>)?<pre>(.*?)</pre>', re.S)
NARROW = 28  # characters of code that fit on a page 320 px wide
PLAIN = re.compile(r'<span class="(?:n|o|p|w)">([^<]*)</span>')  # names, operators, brackets, blanks: plain
SUMMARY = re.compile(r'<summary aria-label="Toggle hidden content">(.*?</summary>)', re.S)
PARAGRAPH = re.compile(r"(</?)p\b")  # which a summary may not hold
PICTURE = re.compile(r'src="data:image/(png|bmp|jpeg);base64,([^"]+)"')


def drop_unused(app, pagename, templatename, context, doctree):
    """Take unused scripts and style sheets off the page."""
    for key in ("script_files", "css_files"):
        context[key] = [file for file in context[key] if not any(name in _text(file) for name in UNUSED)]
    for file in context["script_files"]:
        file.attributes["defer"] = "defer"  # text first
    if 'id="cnn-widgets"' in context.get("body", ""):
        later = [file for file in context["script_files"] if any(name in _text(file) for name in LATER)]
        context["script_files"] = [file for file in context["script_files"] if file not in later]
        links = json.dumps([context["pathto"](file.filename, 1) for file in later])
        context["body"] += f'<script id="cnn-later" type="application/json">{links}</script>'  # host.mjs starts them
    context["metatags"] = VIEWPORT.sub("", context.get("metatags", ""))
    if "body" in context:
        context["body"] = IN_TEXT.sub("", context["body"])


def move_pictures(app, pagename, templatename, context, doctree):
    """Turn pictures inside the page's text into files named by their hash, so that the text comes first.

    All but photographs become WebP, which loses nothing and takes three quarters of PNG.
    """
    if "body" not in context:
        return

    def move(match):
        kind, data = match[1], base64.b64decode(match[2])
        name = f"_images/{hashlib.sha256(data).hexdigest()[:16]}.{'jpeg' if kind == 'jpeg' else 'webp'}"
        path = Path(app.outdir) / name
        path.parent.mkdir(exist_ok=True)
        if not path.exists():
            path.write_bytes(data if kind == "jpeg" else _webp(data))
        return f'src="{context["pathto"](name, 1)}"'

    context["body"] = PICTURE.sub(move, context["body"])


def _webp(data):
    buffer = io.BytesIO()
    with Image.open(io.BytesIO(data)) as picture:
        picture.save(buffer, "webp", lossless=True)
    return buffer.getvalue()


def mend(app, pagename, templatename, context, doctree):
    """Mend what Sphinx writes: code that may scroll sideways takes the keyboard's focus and says how many lines it has,
    so that the browser may lay it out when it comes near; citations are list items, empty cells are no headers.
    """
    if "body" in context:
        body = CODE.sub(_focusable, context["body"])
        body = body.replace('role="doc-biblioentry"', 'role="listitem"')
        body = SUMMARY.sub(_summary, body)
        context["body"] = body.replace('<th class="head"><p></p></th>', "<td></td>")  # an empty cell heads nothing


def _focusable(match):
    block, close, code = match[1] or "", match[2] or "", match[3]
    lines = unescape(re.sub("<[^>]+>", "", code)).removesuffix("\n").split("\n")
    focus = ' tabindex="0"' if max(map(len, lines)) > NARROW else ""
    height = f' style="--lines:{len(lines)}"' if block else ""
    return f"{block}{height}{close}<pre{focus}>{PLAIN.sub(lambda span: span[1], code)}</pre>"


def _summary(found):
    return PARAGRAPH.sub(r"\1span", f"<summary>{found[1]}")  # without a label: it says which content


def _text(file):
    attributes = " ".join(str(value) for value in getattr(file, "attributes", {}).values())
    return f"{getattr(file, 'filename', file) or ''} {attributes}".lower()
