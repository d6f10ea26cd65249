"""Check what a chapter owes its reader: objectives that are met, questions, predictions and exercises."""
import ast
import importlib
import re

from tools.clean import KEEP
from tools.numbers import parse

QUESTIONS, PREDICTIONS, EXERCISES = 5, 3, 3  # at least, in each chapter
ONE_RECALL_IN = 5  # questions
PARTS = ("exercise", "stub", "check", "hints", "solution")
NOT_ANSWERED = "Not answered yet."


def is_chapter(path):
    """Return whether a notebook is a chapter: all but 00."""
    return path.stem[:2] != "00"


def breaches(notebook, stem):
    """Return what a chapter lacks, as lines of ``[cell]: reason``; the stem is 02_convolution_math, for example."""
    objectives = promised(notebook)
    found = [] if 3 <= len(objectives) <= 6 else [
        f"[promise]: a numbered list of 3 to 6 objectives is needed, got {len(objectives)}"]
    if objectives != list(range(1, len(objectives) + 1)):
        found.append("[promise]: the objectives must be numbered 1, 2, 3, ...")
    try:
        quizzes = questions(notebook)
    except ValueError as error:
        return [*found, str(error)]
    exercises, faults = find_exercises(notebook, stem)
    return found + faults + _quizzes(notebook, quizzes, stem) + _met(objectives, quizzes, exercises) + (
        [f"[all]: at least {EXERCISES} exercises are needed, got {len(exercises)}"]
        if len(exercises) < EXERCISES else [])


def promised(notebook):
    """Return the numbers of the objectives in the cell called promise."""
    text = next((cell.source for cell in notebook.cells if cell.get("id") == "promise"), "")
    return [int(number) for number in re.findall(r"^(\d+)\.\s", text, re.M)]


def questions(notebook):
    """Return pairs (index of the cell, its list of questions) for each cell with a Quiz.

    Raises:
        ValueError: the questions are not written out as data.
    """
    found = []
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type != "code":
            continue
        for node in ast.walk(parse(cell.source)):
            if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "Quiz":
                try:
                    found.append((index, ast.literal_eval(node.args[0])))
                except (ValueError, IndexError, TypeError):
                    raise ValueError(f"[{cell.id}]: a quiz must be a list of questions in plain data") from None
    return found


def is_prediction(notebook, index, asked):
    """Return whether a quiz is a question before a cell whose output starts hidden."""
    later = next((cell for cell in notebook.cells[index + 1:] if cell.cell_type == "code"), None)
    return len(asked) == 1 and later is not None and bool({"hide-output", "hide-cell"} & _tags(later))


def find_exercises(notebook, stem):
    """Return the notebook's exercises {name: objective}, and their faults."""
    cells, found, faults = notebook.cells, {}, []
    known = getattr(_module(stem), "EXERCISES", {})
    for index, cell in enumerate(cells):
        name = cell.get("id", "").removesuffix("-exercise")
        if name == cell.get("id", ""):
            continue
        run = cells[index:index + len(PARTS)]
        if [part.get("id") for part in run] != [f"{name}-{part}" for part in PARTS]:
            faults.append(f"[{cell.id}]: its cells {', '.join(f'-{part}' for part in PARTS)} must follow each other")
            continue
        key = name.replace("-", "_")
        if key not in known:
            faults.append(f"[{cell.id}]: cnnlib.exercises has no {key} for this chapter")
        found[key] = getattr(known.get(key), "objective", None)
        faults += [f"[{name}-{part}]: {fault}" for part, fault in _exercise(*run)]
    faults += [f"[all]: the exercise {key} is not in the notebook" for key in known if key not in found]
    return found, faults


def _exercise(text, stub, check, hints, solution):
    if not text.source.startswith("### "):
        yield "exercise", "an exercise starts with a ### heading"
    if "<details>" not in hints.source or "<summary>" not in hints.source:
        yield "hints", "hints stand in <details> with a <summary>"
    if KEEP not in _tags(check) or not any(NOT_ANSWERED in output.get("text", output.get("data", {}).get(
            "text/plain", "")) for output in check.outputs):
        yield "check", f"its kept output must say {NOT_ANSWERED}"
    if not {"hide-cell", "solution", KEEP} <= _tags(solution):
        yield "solution", f"the tags hide-cell, solution and {KEEP} are needed"
    if not re.search(r"### BEGIN SOLUTION\n.*### END SOLUTION", solution.source, re.S):
        yield "solution", "the body stands between ### BEGIN SOLUTION and ### END SOLUTION"
    if not solution.source.rstrip().endswith(check.source.strip().splitlines()[-1]):
        yield "solution", "its last line must be the check's"
    if not definitions(stub) or not definitions(stub) <= definitions(solution):
        yield "solution", "stub and solution must define the same names, functions with the same arguments"


def definitions(cell):
    """Return what a cell defines: functions with their arguments, and names that get a value."""
    found = set()
    for node in parse(cell.source).body:
        if isinstance(node, ast.FunctionDef):
            found.add(f"{node.name}({ast.unparse(node.args)})")
        elif isinstance(node, ast.Assign):
            found |= {ast.unparse(target) for target in node.targets}
    return found


def _quizzes(notebook, quizzes, stem):
    guesses = [is_prediction(notebook, index, asked) for index, asked in quizzes]
    plain = sum(len(asked) for (_, asked), guess in zip(quizzes, guesses, strict=True) if not guess)
    every = [question for _, asked in quizzes for question in asked]
    recalls = [question["recall"] for question in every if question.get("recall")]
    prefix = f"ch{stem.split('_')[0]}-"
    found = [f"a question's id must start with {prefix}, got {question.get('id')}"
             for question in every if not str(question.get("id", "")).startswith(prefix)]
    found += [f"a recalled chapter must come earlier, got {chapter}" for chapter in recalls if chapter >= stem[:2]]
    if plain < QUESTIONS:
        found.append(f"at least {QUESTIONS} quiz questions are needed, got {plain}")
    if sum(guesses) < PREDICTIONS:
        found.append(f"at least {PREDICTIONS} predictions are needed, got {sum(guesses)}")
    if len(recalls) < plain // ONE_RECALL_IN:
        found.append(f"one question in {ONE_RECALL_IN} must recall an earlier chapter, got {len(recalls)} of {plain}")
    return [f"[all]: {line}" for line in found]


def _met(objectives, quizzes, exercises):
    met = {question.get("objective") for _, asked in quizzes for question in asked} | set(exercises.values())
    found = [f"no question or exercise meets objective {number}" for number in objectives if number not in met]
    strays = sorted(str(number) for number in met - set(objectives))
    found += [f"a question or exercise meets objective {number}, which is not there" for number in strays]
    return [f"[promise]: {line}" for line in found]


def _module(stem):
    name = f"cnnlib.exercises.ch{stem.split('_')[0]}"
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name not in (name, "cnnlib.exercises"):
            raise
        return None


def _tags(cell):
    return set(cell.metadata.get("tags", []))
