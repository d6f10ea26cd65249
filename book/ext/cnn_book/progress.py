"""Tell progress.mjs what the book has: the sections of each page, and its questions with their fingerprints."""
import re
from html import escape
from pathlib import Path
from posixpath import dirname, relpath
from types import SimpleNamespace

from cnn_book.outline import BOOK, base36, fill, page_names, parts_of, publish, questions_of
from tools.node import call_view

OVERVIEW = "book/progress"
QUIZ = "Quiz.*.mjs"
PLACE = re.compile(r'<div id="cnn-progress">.*?</div>', re.S)


def finish(app):
    """Write the book's outline, tell every page where it is, and fill the overview."""
    site = Path(app.outdir)
    pages = {name: (site / f"{name}.html").read_text(encoding="utf-8") for name in page_names(app)}
    book = outline(pages, site)
    publish(app, BOOK, "book.json", [marked(row) for row in book])
    fill(site / f"{OVERVIEW}.html", PLACE, f'<div id="cnn-progress">{table(book)}</div>')


def outline(pages, site):
    """Return a row for each page: its name, title, the ids of its sections, and its questions' fingerprints by id."""
    rows, questions = [], []
    for name, html in pages.items():
        title, *sections = parts_of(html)
        found = questions_of(html, site)
        rows.append({"page": name, "title": title.title, "sections": [part.id for part in sections or [title]],
                     "questions": {question["id"]: None for question in found}})
        questions += [(rows[-1]["questions"], question) for question in found]
    if questions:
        script = next((site / "_static" / "widgets").glob(QUIZ)).read_text(encoding="utf-8")
        prints = call_view(SimpleNamespace(_esm=script), "fingerprint", [[question] for _, question in questions])
        for (row, question), fingerprint in zip(questions, prints, strict=True):
            row[question["id"]] = fingerprint
    return rows


def marked(row):
    """Return a row as progress.mjs takes it: every page loads it, so it is short."""
    return {"page": row["page"], "sections": [mark_of(name) for name in row["sections"]],
            "questions": {name: fingerprint[-3:] for name, fingerprint in row["questions"].items()}}


def mark_of(name):
    """Return the mark of a section's id, as markOf in progress.mjs does."""
    number = 5381
    for char in name:
        number = (number * 33 ^ ord(char)) % 2**32
    return base36(number).rjust(4, "0")[-4:]


def table(book):
    """Return the overview before anything is read, at its final size."""
    chapters = [row for row in book if row["page"].startswith("notebooks/")]
    rows = "".join(
        f'<tr data-page="{row["page"]}"><th scope="row"><a href="{relpath(row["page"], dirname(OVERVIEW))}.html">'
        f'{escape(row["title"])}</a></th>{_counts(row)}</tr>' for row in chapters)
    total = {key: [each for row in chapters for each in row[key]] for key in ("sections", "questions")}
    return (
        '<table class="docutils cnn-progress"><thead><tr><th scope="col">chapter</th><th scope="col">sections read</th>'
        f'<th scope="col">quizzes right</th></tr></thead><tbody>{rows}</tbody>'
        f'<tfoot><tr><th scope="row">in all</th>{_counts(total)}</tr></tfoot></table>'
        '<p class="cnn-tools"><button type="button" data-do="save" disabled>Save to a file</button>'
        '<button type="button" data-do="load" disabled>Load a file</button>'
        '<input type="file" accept=".json,application/json" aria-label="A file of progress" hidden>'
        '<button type="button" data-do="reset" disabled>Forget everything</button></p>'
        '<p class="cnn-note" role="status"></p><p class="cnn-trouble" role="status"></p>'
        '<dialog aria-labelledby="cnn-ask"><form method="dialog"><p id="cnn-ask">Forget in this browser what was read '
        'and every quiz answer? Nothing brings it back but a file that you have saved.</p><p class="cnn-tools">'
        '<button value="no">Keep it</button><button value="yes">Forget it</button></p></form></dialog>')


def _counts(row):
    return "".join(f'<td><span data-of="{key}">0</span> of {len(row[key])}</td>' for key in ("sections", "questions"))
