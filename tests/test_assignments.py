"""The graded tasks: stubs get nothing, right answers everything, wrong ones the name of their mistake."""
import importlib
import re

import pytest

from cnnlib.exercises import check_task, find_task, grade_task, verify_exercise
from cnnlib.exercises._check import UNANSWERED
from cnnlib.exercises._task import SEED
from tools.check import form
from tools.clean import clean, read, render
from tools.project import ROOT, assignments
from tools.stamp import setup_source

CHAPTERS = [path.stem for path in sorted((ROOT / "cnnlib" / "exercises" / "assignments").glob("ch*.py"))]


def answers(chapter):
    return importlib.import_module(f"tests.assignment_answers.{chapter}")


def tasks():
    return [pytest.param(chapter, task, id=f"{chapter}-{task.name}") for chapter in CHAPTERS
            for task in importlib.import_module(f"cnnlib.exercises.assignments.{chapter}").TASKS]


def named(task, answer, seed):
    """Return the name of the mistake that grading sees in an answer; None where it is right or has no name."""
    feedback = task.graded(seed).check(task.guarded(answer))
    assert not feedback.passed, f"{task.name}: a wrong answer passes"
    return feedback.mistake


@pytest.mark.parametrize(("chapter", "task"), tasks())
def test_stub_reference_and_mistakes(chapter, task, monkeypatch):
    verify_exercise(task.exercise)
    verify_exercise(task.graded("a course"))
    monkeypatch.setenv(SEED, "another course")
    assert str(check_task(chapter, task.name, lambda *a, **o: None)) == UNANSWERED
    with pytest.raises(AssertionError, match=re.escape(UNANSWERED)):
        grade_task(chapter, task.name, lambda *a, **o: None)
    assert len(task.exercise.mistakes) >= 8
    assert task.points > 0


@pytest.mark.parametrize(("chapter", "task"), tasks())
def test_right_answers_written_another_way_pass(chapter, task, monkeypatch):
    right = answers(chapter).RIGHT[task.name]
    assert len(set(right)) >= 3
    for seed in ("one", "two"):
        monkeypatch.setenv(SEED, seed)
        for answer in right:
            assert str(check_task(chapter, task.name, answer)) == "Right: all cases pass.", answer.__name__
            grade_task(chapter, task.name, answer)


@pytest.mark.slow
@pytest.mark.parametrize(("chapter", "task"), tasks())
def test_wrong_answers_are_named(chapter, task):
    wrong = answers(chapter).WRONG[task.name]
    assert set(wrong) == {mistake.name for mistake in task.exercise.mistakes}
    for seed in ("one", "two"):
        assert {name: named(task, answer, seed) for name, answer in wrong.items()} == {name: name for name in wrong}


@pytest.mark.parametrize(("chapter", "task"), tasks())
def test_another_seed_draws_other_cases(chapter, task):
    one, again, two = (repr(task.graded(seed).cases) for seed in ("one", "one", "two"))
    assert one == again and one != two
    assert len(task.graded("one").cases) >= len(task.exercise.cases) + 4


@pytest.mark.parametrize(("chapter", "task"), tasks())
def test_own_solution_may_not_be_called(chapter, task):
    feedback = task.exercise.check(task.guarded(lambda *a, **o: task.exercise.reference(*a, **o)))
    assert (feedback.passed, feedback.mistake) == (False, "forbidden-function")


@pytest.mark.parametrize("path", assignments(), ids=lambda path: path.stem)
def test_source_asks_for_every_task_and_one_text(path):
    if path.stem == "capstone":
        return
    cells = {cell.metadata.nbgrader.grade_id: cell for cell in read(path).cells if "nbgrader" in cell.metadata}
    assert set(cells) == {cell.id for cell in read(path).cells}
    found = importlib.import_module(f"cnnlib.exercises.assignments.{path.stem}").TASKS
    assert 3 <= len(found) <= 5 and find_task(path.stem, found[0].name) is found[0]
    for task in found:
        word = task.name.replace("_", "-")
        check = cells[f"{word}-check"]
        assert check.metadata.nbgrader.points == task.points and check.metadata.nbgrader.locked
        call = f'_task("{path.stem}", "{task.name}", {task.name})'
        assert re.findall(r"^\w+_task\(.*\)$", check.source, re.M) == [f"grade{call}", f"check{call}"]
        assert "### BEGIN SOLUTION" in cells[f"{word}-answer"].source
        assert cells[f"{word}-answer"].metadata.nbgrader.solution
    written = [cell for cell in cells.values() if cell.cell_type == "markdown" and cell.metadata.nbgrader.solution]
    assert len(written) == 1 and written[0].metadata.nbgrader.grade and "rubric" in written[0].source.lower()


@pytest.mark.parametrize("path", assignments(), ids=lambda path: path.stem)
def test_source_keeps_the_rules_of_form(path):
    found = form(read(path), path.parent, setup_source())
    assert [line for line in found if " lines" not in line] == []  # an answer's cell holds a whole function
    assert render(clean(read(path))) == path.read_text(encoding="utf-8")


@pytest.mark.slow
def test_table_of_all_tasks(capsys):
    """Print what the other tests have shown, a line a task."""
    rows = []
    for chapter in CHAPTERS:
        for name, wrong in answers(chapter).WRONG.items():
            task = find_task(chapter, name)
            hits = sum(named(task, answer, "one") == expected for expected, answer in wrong.items())
            right = len(answers(chapter).RIGHT[name])
            rows.append(f"{chapter:6} {name:24} {task.points} points  {right} right pass  "
                        f"{hits} of {len(wrong)} wrong named")
    with capsys.disabled():
        print("", *rows, sep="\n")
    assert {path.stem for path in assignments()} - {"capstone"} == set(CHAPTERS)
