"""The notebooks as they are stored keep the book's rules, and a notebook that breaks a rule is told which."""
import copy
import re

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from cnnlib.widgets import Quiz
from tools import numbers, teaching
from tools.check import breaches, form
from tools.clean import read
from tools.outline import chapters
from tools.project import ROOT, notebooks

SETUP = "import cnnlib"


def test_there_are_notebooks_to_check():
    assert {"00_before_you_start", "02_convolution_math"} <= {path.stem for path in notebooks()}


def test_every_notebook_is_in_the_contents():
    listed = [page.removeprefix("notebooks/") for page in chapters() if page.startswith("notebooks/")]
    assert listed == [path.stem for path in notebooks()]


def test_every_notebook_is_linked_from_the_first_page():
    first_page = (ROOT / "book" / "index.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| \[.*\]\(\.\./notebooks/(\w+)\.ipynb\)", first_page, re.M) == [
        path.stem for path in notebooks()]


@pytest.mark.parametrize("path", notebooks(), ids=lambda path: path.stem)
def test_notebook_keeps_the_rules(path):
    assert breaches(path) == []


def test_exceptions_are_for_notebooks_that_exist():
    assert set(numbers.exceptions()) <= {path.stem for path in notebooks()}


def test_quizzes_are_valid_and_their_ids_are_used_once():
    ids = []
    for path in notebooks():
        for _, asked in teaching.questions(read(path)):
            Quiz(asked)  # refuses two right answers and wrong ones without feedback
            ids += [question["id"] for question in asked]
    assert ids and len(ids) == len(set(ids))


# The rules of form: each with the notebook that breaks it beside the one that keeps it.

def small():
    """Return a notebook that keeps all rules of form."""
    kept = new_code_cell("1 + 1", id="sum-run", metadata={"tags": ["keep_output"]}, execution_count=2,
                         outputs=[new_output("execute_result", data={"text/plain": "2"}, execution_count=2)])
    return new_notebook(cells=[new_markdown_cell("# Title", id="title"), new_code_cell(SETUP, id="setup"), kept,
                               new_markdown_cell("## Part\n\nPlain text.", id="part")])


def change(index, **values):
    """Return a function that sets attributes of one cell."""
    return lambda notebook: [setattr(notebook.cells[index], name, value) for name, value in values.items()]


def test_a_right_notebook_has_no_breach(tmp_path):
    assert form(small(), tmp_path, SETUP) == []


@pytest.mark.parametrize(("spoil", "line"), [
    (change(0, source="Title"), "[title]: the first cell must be the one # title, got 0 titles"),
    (change(3, source="# Again"), "[title]: the first cell must be the one # title, got 2 titles"),
    (change(1, source="import numpy"),
     "[setup]: the first code cell must be the set-up cell, run python -m tools.stamp"),
    (change(3, source="{ref}`other`"), "[part]: MyST syntax does not show in Colab, got {ref}`"),
    (change(3, source="```{note}\nx\n```"), "[part]: MyST syntax does not show in Colab, got ```{"),
    (change(3, source="[next](gone.ipynb)"), "[part]: the link's target gone.ipynb does not exist"),
    (change(2, metadata={"tags": ["keep_output", "hide"]}), "[sum-run]: unknown tag hide"),
    (change(2, metadata={}), "[sum-run]: an output is kept without the tag keep_output"),
    (change(2, outputs=[]), "[sum-run]: a keep_output cell needs its output, run python -m tools.clean --run"),
    (change(2, execution_count=None),
     "[sum-run]: a keep_output cell needs its output, run python -m tools.clean --run"),
    (change(2, source="pass\n" * 25 + "1 + 1", metadata={"tags": ["keep_output", "hide-input"]}),
     "[sum-run]: a code cell has at most 25 lines, got 26"),
    (change(2, source="pass\n" * 20 + "1 + 1"), "[all]: code cells have about 4 lines on average, got 11.0"),
    (change(2, outputs=[new_output("display_data", data={"text/html": "<b>2</b>"})]),
     "[sum-run]: a keep_output cell must show text only, got text/html"),
    (change(2, outputs=[new_output("stream", name="stderr", text="careful")]),
     "[sum-run]: a keep_output cell must show text only, got stderr"),
    (change(3, id="5f3a9c1e"), "[cell 3]: an id must be words such as stride-run, got 5f3a9c1e"),
    (change(3, id="title"), "[cell 3]: an id must be used once, got title again"),
])
def test_each_breach_of_form_is_found(tmp_path, spoil, line):
    notebook = small()
    spoil(notebook)
    assert form(notebook, tmp_path, SETUP) == [line]


# Numbers in the prose.

def prose(text, output="12.5 and 3,456", claim="assert size == 224"):
    """Return a notebook with one section of prose, a kept output and an assert, and a section after it."""
    printed = new_code_cell("show()", id="show", outputs=[new_output("stream", name="stdout", text=output)])
    return new_notebook(cells=[new_markdown_cell(f"## One\n\n{text}", id="text"), printed,
                               new_code_cell(f"%time x\n{claim}", id="claim"),
                               new_markdown_cell("## Two\n\nNothing.", id="other")])


@pytest.mark.parametrize("text", [
    "It is 12.5 here, or 3456, written 3,456.", "A picture of $224 \\times 224$ pixels.", "Small numbers: 1, 22, 3×3.",
    "`kernel[555]` is code", "```\n555\n```", "<img width=\"555\">", "[here](https://example.org/555)",
    "Named ResNet152 or float64.", "A. Krizhevsky and others (2012) report 555.",
    "They report 555 (Krizhevsky et al., 2012).", "- Kingma & Ba (2015), *Adam*, arXiv:1412.6980.",
    "About 13 or 12.5."])
def test_numbers_with_a_source_pass(text):
    assert numbers.breaches(prose(text)) == []


@pytest.mark.parametrize(("text", "number"), [
    ("There are 555 of them.", "555"), ("It is 12.6.", "12.6"), ("In 2012 it was so.", "2012"),
    ("$$ 3{,}457 $$", "3,457"), ("| 99.5 | x |", "99.5"), ("<summary>Hint</summary>\n\n225 pixels", "225"),
    ("A. Krizhevsky and others (2012) say so. We find 555.", "555")])
def test_numbers_without_a_source_are_found(text, number):
    assert numbers.breaches(prose(text)) == [
        f"[text]: {number} is in no kept output, assert or citation of its section (One)"]


def test_rounding_is_the_proses_but_must_be_right():
    notebook = prose("It is 0.67.", output="0.6666666")
    assert numbers.breaches(notebook) == []
    assert numbers.breaches(prose("It is 0.66.", output="0.6666666")) != []


def test_a_number_of_another_section_is_no_source():
    notebook = prose("Text.")
    notebook.cells[-1].source += " It is 12.5."
    assert numbers.breaches(notebook) == ["[other]: 12.5 is in no kept output, assert or citation of its section (Two)"]


def test_exceptions_need_a_reason_and_a_use():
    notebook = prose("Python 3.11 is needed.")
    assert numbers.breaches(notebook, [{"number": "3.11", "reason": "a version"}]) == []
    assert numbers.breaches(notebook, [{"number": "3.11"}]) == ["[all]: the exception 3.11 has no reason"]
    assert numbers.breaches(prose("Text."), [{"number": "3.11", "reason": "a version"}]) == [
        "[all]: the exception 3.11 is not needed"]


# What a chapter owes: chapter 2 keeps all of it; without one piece it is told which.

CHAPTER = "02_convolution_math"


@pytest.fixture(scope="module")
def chapter():
    """Return chapter 2."""
    return read(ROOT / "notebooks" / f"{CHAPTER}.ipynb")


def first(notebook, ending):
    """Return the first cell whose id ends so."""
    return next(cell for cell in notebook.cells if cell.id.endswith(ending))


def lose_objectives(notebook):
    cell = first(notebook, "promise")
    cell.source = cell.source.replace("\n1. ", "\n- ")


def add_objective(notebook):
    cell = first(notebook, "promise")
    last = teaching.promised(notebook)[-1]
    cell.source = cell.source.replace(f"\n{last}. ", f"\n{last}. x\n{last + 1}. ")


def lose_quizzes(notebook):
    notebook.cells = [cell for cell in notebook.cells if "Quiz([" not in cell.source]


def lose_exercises(notebook):
    notebook.cells = [cell for cell in notebook.cells if not cell.id.endswith(tuple(f"-{p}" for p in teaching.PARTS))]


def rename_solution(notebook):
    cell = first(notebook, "-solution")
    cell.source = cell.source.replace("def ", "def other_", 1)


def untag_solution(notebook):
    first(notebook, "-solution").metadata["tags"] = ["keep_output"]


def answer_stub(notebook):
    first(notebook, "-check").outputs = [new_output("stream", name="stdout", text="Right")]


def move_hints(notebook):
    notebook.cells.remove(first(notebook, "-hints"))


@pytest.mark.parametrize(("spoil", "part"), [
    (lose_objectives, "the objectives must be numbered 1, 2, 3, ..."),
    (add_objective, "no question or exercise meets objective"),
    (lose_quizzes, "at least 5 quiz questions are needed, got 0"),
    (lose_quizzes, "at least 3 predictions are needed, got 0"),
    (lose_exercises, "at least 3 exercises are needed, got 0"),
    (rename_solution, "stub and solution must define the same names"),
    (untag_solution, "the tags hide-cell, solution and keep_output are needed"),
    (answer_stub, "its kept output must say Not answered yet."),
    (move_hints, "must follow each other"),
])
def test_a_chapter_that_lacks_something_is_told_what(chapter, spoil, part):
    assert teaching.breaches(chapter, CHAPTER) == []
    spoiled = copy.deepcopy(chapter)
    spoil(spoiled)
    assert any(part in line for line in teaching.breaches(spoiled, CHAPTER))


def test_questions_must_be_data():
    notebook = new_notebook(cells=[new_code_cell("Quiz(make())", id="made-quiz")])
    with pytest.raises(ValueError, match=r"^\[made-quiz\]: a quiz must be a list of questions in plain data$"):
        teaching.questions(notebook)


def test_recalls_look_back_and_one_in_five_is_one():
    asked = [{"id": f"ch02-q{i}", "ask": "?", "objective": 1, "answer": 1, "recall": recall}
             for i, recall in enumerate(["01", None, None, None, None])]
    for recalls, line in [(["01"], None), ([None], "one question in 5 must recall"), (["03"], "must come earlier")]:
        asked[0]["recall"] = recalls[0]
        notebook = new_notebook(cells=[new_code_cell(f"Quiz({asked!r})", id="quiz")])
        found = [text for text in teaching.breaches(notebook, CHAPTER) if "recall" in text]
        assert found == [] if line is None else any(line in text for text in found)
