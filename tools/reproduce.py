"""Build the website twice from nothing and name each file whose bytes differ: ``python -m tools.reproduce``.

Each build has a copy of the sources in a folder of its own below build/reproduce, its own cache of executed notebooks
and its own seed for the order of Python's sets, so that a path, a cache or such an order on a page is noticed.
``python -m tools.reproduce ONE OTHER`` compares two sites that are there already.
"""
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatch
from pathlib import Path

from tools.project import ROOT

FOLDER = "build/reproduce"
BUILDS = ("one", "the_other")  # paths of different length
EXCEPTIONS = {  # files that may differ, as patterns, each with its reason
    "pdf/*": "PDF files are printed after the build, by make pdf, and hold the time of printing",
}
# Figures that draw times measured while the page was built, as their alt text says. Their files have other names and
# bytes each time; all else on these pages is compared.
MEASURED = ("notebooks/03_convolution_from_scratch.html", "notebooks/10_modern_efficient_architectures.html")
FIGURE = re.compile(rb'<img src="\.\./(_images/\w+\.webp)" alt="[^"]*\bmeasured\b[^"]*"', re.I)
SHOWN = 60  # characters of each file beside the first difference


def copy_sources(root, target):
    """Copy all files that Git knows or would take, as they are in the working tree, into an empty folder."""
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=root,
                            check=True, capture_output=True).stdout.decode().split("\0")
    shutil.rmtree(target, ignore_errors=True)
    for name in filter(None, listed):
        source, copy = Path(root, name), Path(target, name)
        if source.is_file():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, copy)


def build_in(folder, seed):
    """Build the book of a folder in a process of its own and return the folder of the site.

    Args:
        folder: a copy of the sources.
        seed: what Python's hashes of texts begin with.

    Raises:
        RuntimeError: the build fails; the message is its last line.
    """
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONHASHSEED": str(seed)}
    done = subprocess.run([sys.executable, "-m", "tools.book"], cwd=folder, env=environment, text=True,
                          capture_output=True)
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        raise RuntimeError(lines[-1] if lines else f"book: ended with {done.returncode}")
    return Path(folder) / "_build" / "html"


def compare(one, other, exceptions=EXCEPTIONS):
    """Return how many files two sites have in all, and a line for each that only one has or whose bytes differ.

    Args:
        one: the folder of a site.
        other: the folder of another.
        exceptions: patterns of files that may differ, with reasons.
    """
    files = [_files(Path(site), exceptions) for site in (one, other)]
    every, lines = sorted(files[0].keys() | files[1].keys()), []
    for name in every:
        first, second = (each.get(name) for each in files)
        if first is None or second is None:
            lines.append(f"{name}: is not in {one if first is None else other}")
        elif first != second:
            lines.append(f"{name}: {difference(first, second)}")
    return len(every), lines


def _files(site, exceptions):
    """Return the bytes of a site's files by name, without what may differ."""
    files = {path.relative_to(site).as_posix(): path.read_bytes() for path in site.rglob("*") if path.is_file()}
    for page in filter(files.get, MEASURED):
        for picture in FIGURE.findall(files[page]):
            files.pop(picture.decode(), None)
            files[page] = files[page].replace(picture, b"measured")
    return {name: data for name, data in files.items() if not any(fnmatch(name, each) for each in exceptions)}


def difference(first, second):
    """Say where two files begin to differ.

    >>> difference(b"at 10:31", b"at 10:45")
    "at byte 6: '31' and '45'"
    """
    at = next((i for i, pair in enumerate(zip(first, second, strict=False)) if pair[0] != pair[1]),
              min(len(first), len(second)))
    texts = [data[at:at + SHOWN].decode("utf-8", "replace") for data in (first, second)]
    return f"at byte {at}: {texts[0]!r} and {texts[1]!r}"


def main(arguments):
    """Build twice, or take the two sites that are named, and print what differs."""
    if len(arguments) not in (0, 2) or not all(Path(each).is_dir() for each in arguments):
        return f"reproduce: needs two sites or nothing, got {' '.join(arguments)}"
    sites = arguments
    if not sites:
        folders = [ROOT / FOLDER / name for name in BUILDS]
        for folder in folders:
            copy_sources(ROOT, folder)
        print(f"Building the book twice, each from nothing, below {FOLDER}", flush=True)
        try:
            with ThreadPoolExecutor(len(folders)) as pool:
                sites = list(pool.map(build_in, folders, (1, 2)))
        except RuntimeError as error:
            return f"reproduce: a build failed: {error}"
    count, lines = compare(*sites)
    print(*lines, f"{count - len(lines)} of {count} files have the same bytes", sep="\n")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
