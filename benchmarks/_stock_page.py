"""A page of stock Jupyter Book with one slider of ipywidgets, to compare the website with."""
import re
import shutil
import subprocess

from benchmarks._lighthouse import MODULES
from tools.book import COMMAND

FILES = {
    "_config.yml": "title: Stock\nexecute:\n  execute_notebooks: force\n",
    "_toc.yml": "format: jb-book\nroot: index\n",
    "index.md": """---
jupytext: {text_representation: {format_name: myst}}
kernelspec: {name: python3, display_name: Python 3}
---

# A slider

```{code-cell}
from ipywidgets import IntSlider, interact

interact(lambda size: size**2, size=IntSlider(value=7, min=1, max=12));
```
""",
}
# What the page loads from other hosts.
REQUIRE = re.compile(r'<script [^>]*src="https://cdnjs[^"]*/require\.js/2\.3\.4/require\.min\.js"')
NPM, MANAGER = "https://cdn.jsdelivr.net/npm/", "@jupyter-widgets/html-manager"


def build(folder):
    """Build the page twice in an empty folder.

    Returns:
        The folder of the site as it is, which asks other hosts for the scripts of its slider, and of a copy that has
        these scripts beside it.

    Raises:
        RuntimeError: Jupyter Book fails, or the page asks for other scripts than those that npm brought.
    """
    source = folder / "source"
    source.mkdir()
    for name, text in FILES.items():
        (source / name).write_text(text, encoding="utf-8")
    done = subprocess.run(COMMAND, cwd=source, capture_output=True, text=True, encoding="utf-8", check=False)
    if done.returncode:
        raise RuntimeError(f"build: {done.stderr.strip()[-600:]}")
    site = source / "_build" / "html"
    return site, _with_scripts(site, folder / "beside")


def _with_scripts(site, copy):
    shutil.copytree(site, copy)
    page, manager = copy / "index.html", f"{NPM}{MANAGER}@1.0.6"
    text, count = REQUIRE.subn('<script src="/require.js"', page.read_text(encoding="utf-8"))
    if (count, text.count(manager)) != (1, 1):
        raise RuntimeError("build: the stock page must ask for require.js 2.3.4 and the html-manager 1.0.6")
    page.write_text(text.replace(manager, f"/{MANAGER}").replace(NPM, "/"), encoding="utf-8")
    shutil.copy(MODULES / "requirejs" / "require.js", copy)
    shutil.copytree(MODULES / MANAGER / "dist", copy / MANAGER / "dist", ignore=shutil.ignore_patterns("*.map"))
    return copy
