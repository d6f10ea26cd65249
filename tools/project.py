"""What the project's tools need to know about the project."""
import gzip
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


def site_url(root=ROOT):
    """Return the website's address, or "" while none is known.

    It is ``Documentation`` under ``[project.urls]`` where that is set, else GitHub's pages of the repository.

    >>> site_url() == "" or site_url().startswith("https://")
    True
    """
    if address := metadata(root).get("urls", {}).get("Documentation", "").rstrip("/"):
        return address
    owner, _, name = repository_url(root).removeprefix("https://github.com/").removesuffix(".git").partition("/")
    return f"https://{owner}.github.io/{name}" if name and "/" not in name and ":" not in owner else ""


def notebooks(root=ROOT):
    """Return the paths of all notebooks of the book, in reading order."""
    return sorted((root / "notebooks").glob("*.ipynb"))


def assignments(root=ROOT):
    """Return the paths of the assignments' sources and of the capstone, in reading order."""
    return sorted((root / "notebooks" / "exercises").glob("*/*.ipynb"))


def bring_up_to_date(path, text, only_check=False):
    """Write a generated file if it differs, say so in one line, and return whether it stays behind.

    Args:
        path: the file; its folder is made.
        text: what it is to hold.
        only_check: change nothing.
    """
    weight = f"{len(gzip.compress(text.encode(), mtime=0)) / 1024:.1f} KiB gzipped"
    if path.exists() and path.read_text(encoding="utf-8") == text:
        print(f"{path.name}: up to date, {weight}")
        return False
    if only_check:
        print(f"{path.name}: would change")
        return True
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    print(f"{path.name}: written, {weight}")
    return False
