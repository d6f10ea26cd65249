"""What the project's tools need to know about the project."""
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def metadata(root=ROOT):
    """Return the ``[project]`` table of pyproject.toml."""
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def repository_url(root=ROOT):
    """Return the repository's address, or "" while it is not set.

    It is set in one place: ``Repository`` under ``[project.urls]`` in pyproject.toml.
    """
    return metadata(root).get("urls", {}).get("Repository", "").rstrip("/")


def notebooks(root=ROOT):
    """Return the paths of all notebooks of the book, in reading order."""
    return sorted((root / "notebooks").glob("*.ipynb"))
