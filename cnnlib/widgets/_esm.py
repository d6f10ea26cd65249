"""Join the files of a view into one script.

A browser loads an anywidget's script from a blob address, where ``import "./shared.mjs"`` cannot resolve.
So the files that views share are named in the first line of a view and pasted in front of it.
"""
from pathlib import Path

JS = Path(__file__).parent / "js"
USES = "// uses:"


def esm(name):
    """Return the script of one view, with the shared files it names in front.

    Args:
        name: file in ``cnnlib/widgets/js``; its first line may read ``// uses: shared/a.mjs shared/b.mjs``.

    Returns:
        The text of one ES module without imports.

    Raises:
        ValueError: a file it names does not exist.
    """
    text = _read(name)
    first = text.split("\n", 1)[0]
    shared = first.removeprefix(USES).split() if first.startswith(USES) else []
    return "\n".join(_read(part) for part in [*shared, name])


def css():
    """Return the style sheet that all views share."""
    return _read("widgets.css")


def _read(name):
    path = JS / name
    if not path.is_file():
        raise ValueError(f"esm: name must be a file in {JS.name}/, got {name!r}")
    return path.read_text(encoding="utf-8")
