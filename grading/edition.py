"""The student edition: all assignments without solutions and hidden tests, a zip of them, and pages of launch links."""
import json
import os
import shutil
import tempfile
import zipfile
from html import escape
from pathlib import Path

from grading.course import SOURCES, CourseError, init_course
from grading.leaks import REGION, leaks
from grading.release import release
from tools.project import repository_url

OUTPUT = Path("build") / "exercises"
ARCHIVE, LINKS = "exercises.zip", "links"
BRANCH = "exercises"  # of the repository: where Colab finds the edition, which main does not hold
GITHUB = "https://github.com/"
UNLIKELY = 30  # characters of a line that no other assignment shows by chance
DATE = (2025, 1, 1, 0, 0, 0)  # of everything in the zip, so that equal notebooks make equal zips


def edition(output=OUTPUT, sources=SOURCES, address=None):
    """Write the student edition of all assignments, and return the paths of its notebooks.

    nbgrader's own steps take the solutions away, in a course made for this. Nothing is written if a leak is found.

    Args:
        output: the folder to write; an earlier edition in it is replaced.
        sources: the folder that holds a folder for each assignment.
        address: the repository's address, "" for none; the project's by default.

    Raises:
        CourseError: there is no assignment, output holds other files, nbgrader refuses an assignment, or a hidden line
            can be read.
    """
    output, sources = Path(output), Path(sources)
    address = repository_url() if address is None else address
    names = [path.name for path in sorted(sources.iterdir()) if (path / f"{path.name}.ipynb").is_file()]
    if not names:
        raise CourseError(f"edition: sources must hold an assignment, got none in {sources}")
    if output.exists() and any(output.iterdir()) and not (output / f"{LINKS}.md").is_file():
        raise CourseError(f"edition: output must be empty or an earlier edition, got other files in {output}")
    with tempfile.TemporaryDirectory() as folder:
        made = _released(Path(folder) / "course", sources, names)
        _write_zip(made, made / ARCHIVE)
        for suffix, text in links(made, names, address).items():
            (made / f"{LINKS}{suffix}").write_text(text, encoding="utf-8")
        if found := scan(made, sources):
            raise CourseError(f"edition: {len(found)} leaks; the first: {found[0]}")
        shutil.rmtree(output, ignore_errors=True)
        shutil.copytree(made, output)
    return [output / name / f"{name}.ipynb" for name in names]


def scan(made, sources=SOURCES):
    """Return a line for each hidden line that an edition shows: in its files, their pages as HTML, and its zip.

    A line that stands both in a solution and openly in the same assignment counts, too. Of other assignments only
    long lines count: short ones are found in any text.

    Args:
        made: the edition's folder.
        sources: the folder that holds the instructor's assignments.
    """
    made, sources, found = Path(made), Path(sources), []
    with tempfile.TemporaryDirectory() as temporary:
        pages, unpacked, own, others = (Path(temporary) / name for name in ("pages", "zip", "own", "others"))
        pages.mkdir()
        for source in sorted(path for path in sources.iterdir() if path.is_dir()):
            _write_hidden(source, own / source.name)
            _write_hidden(source, others / source.name, shortest=UNLIKELY)
        with zipfile.ZipFile(made / ARCHIVE) as archive:
            archive.extractall(unpacked)
        for path in sorted(made.rglob("*.ipynb")):
            _write_page(path, pages / path.relative_to(made).with_suffix(".html"))
        for place in (made, pages, unpacked):
            found += leaks([place], [others])
            for each in sorted(path for path in place.iterdir() if path.is_dir()):
                found += leaks([each], [own / each.name])
    return list(dict.fromkeys(found))


def links(made, names, address=""):
    """Return the page of launch links as Markdown and as HTML, by suffix.

    Args:
        made: the edition's folder.
        names: the assignments, in their order.
        address: the repository's address; Colab opens notebooks of GitHub only.
    """
    rows = [(title(made / name / f"{name}.ipynb"), f"{name}/{name}.ipynb") for name in names]
    repository = address.removeprefix(GITHUB).rstrip("/").removesuffix(".git") if address.startswith(GITHUB) else ""
    colab = f"https://colab.research.google.com/github/{repository}/blob/{BRANCH}/"
    intro = ("Open a notebook in JupyterLab, answer, and run it from top to bottom: it needs nothing but cnnlib. Each "
             "check says at once what is right and what is not.")
    text = [f"# Assignments\n\n{intro}\n\nAll notebooks: [{ARCHIVE}]({ARCHIVE})\n"]
    page = [f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>Assignments</title>\n'
            f'<h1>Assignments</h1>\n<p>{intro}</p>\n<p>All notebooks: <a href="{ARCHIVE}">{ARCHIVE}</a></p>\n<ul>']
    for name, path in rows:
        text.append(f"- [{name}]({path})" + (f" · [open in Colab]({colab}{path})" if repository else ""))
        page.append(f'<li><a href="{path}" download>{escape(name)}</a>'
                    + (f' · <a href="{escape(colab + path)}">open in Colab</a>' if repository else "") + "</li>")
    return {".md": "\n".join(text) + "\n", ".html": "\n".join([*page, "</ul>\n</html>\n"])}


def title(path):
    """Return the title of a notebook: its first line, without the mark of a heading."""
    cell = json.loads(path.read_text(encoding="utf-8"))["cells"][0]
    return "".join(cell["source"]).splitlines()[0].lstrip("# ").strip()


def _released(folder, sources, names):
    """Release assignments in a course of their own, and return the folder of the released notebooks."""
    course = init_course(folder, "Student edition")
    for name in names:
        ignored = shutil.ignore_patterns(".ipynb_checkpoints", "__pycache__")
        shutil.copytree(sources / name, course.folder / "source" / name, ignore=ignored)
        release(course, name)
    return course.folder / "release"


def _write_zip(folder, path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for file in sorted(each for each in folder.rglob("*") if each.is_file() and each != path):
            entry = zipfile.ZipInfo(file.relative_to(folder).as_posix(), DATE)
            entry.create_system, entry.external_attr = 3, 0o644 << 16  # the same on every system
            archive.writestr(entry, file.read_bytes(), zipfile.ZIP_DEFLATED, 9)


def _write_page(notebook, path):
    """Write a notebook as HTML, as a student could publish it."""
    from nbconvert import HTMLExporter  # slow to load

    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HTMLExporter().from_filename(os.fspath(notebook))[0], encoding="utf-8")


def _write_hidden(source, folder, shortest=0):
    """Write notebooks with the hidden lines of an assignment and nothing else, so that none of them counts as shown."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(source.glob("*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        regions = [region for cell in cells for _, region in REGION.findall("".join(cell["source"]))]
        lines = [line for region in regions for line in region.splitlines() if len(line.strip()) >= shortest]
        text = "\n".join(["### BEGIN SOLUTION", *lines, "### END SOLUTION"])
        (folder / path.name).write_text(json.dumps({"cells": [{"source": text}]}), encoding="utf-8")
