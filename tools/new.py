"""Begin a chapter, a widget, a model or an exercise from a small example that works: ``python -m tools.new KIND ...``.

The examples are files in ``tools/templates``. New files are written, and rows are added where other files list things;
nothing is overwritten. The pages in ``contributing`` say what to do with the result.
"""
import re
import sys
from functools import partial

from nbformat.v4 import reads

from tools.clean import CleanError, clean, read, render, write
from tools.outline import course_map
from tools.project import ROOT, notebooks
from tools.rows import add_block, add_item, add_line, add_public_name
from tools.stamp import setup_source, stamped

TEMPLATES = ROOT / "tools" / "templates"
NAME = re.compile(r"(?=.{2,20}$)[a-z][a-z0-9]*(_[a-z0-9]+)*")
WIDGET = re.compile(r"(?=.{4,20}$)([A-Z][a-z0-9]+){2,}")
TITLE = re.compile(r"\w[\w ,:;.'’()?!×–-]*")
CHECK = '''
EXERCISES |= {{"{name}": {exercise}}}
check_{name} = {exercise}.check
'''  # at the end of a chapter's checks


class Plan:
    """What is going to be written.

    Attributes:
        root: the project's folder.
        made: texts of new files by their path.
        changed: new texts of files that are there by their path.
    """

    def __init__(self, root):
        self.root, self.made, self.changed = root, {}, {}

    def make(self, path, template, names, *, finish=str):
        """Plan a file from a template, with the example's names replaced; ``finish`` is called with its text.

        Raises:
            ValueError: the file exists.
        """
        if (self.root / path).exists():
            raise ValueError(f"new: a new file is needed, got {path}, which exists")
        self.made[path] = finish(_filled(template, names))

    def change(self, path, add, *arguments, **options):
        """Plan a change of a file: ``add`` is called with its text."""
        text = self.changed.get(path) or (self.root / path).read_text(encoding="utf-8")
        self.changed[path] = add(text, *arguments, **options)

    def insert(self, path, cells, place):
        """Plan new cells in a notebook; ``place`` is called with its cells and returns an index.

        Raises:
            ValueError: a cell's id is taken.
        """
        notebook = read(self.root / path)
        taken = {cell.id for cell in notebook.cells} & {cell.id for cell in cells}
        if taken:
            raise ValueError(f"new: new cells are needed, got {min(taken)}, which is in {path}")
        index = place(notebook.cells)
        notebook.cells[index:index] = cells
        self.changed[path] = render(clean(notebook))

    def write(self):
        """Write all files and return their paths with what happened."""
        for path, text in self.made.items():
            (self.root / path).write_text(text, encoding="utf-8", newline="\n")
        for path, text in self.changed.items():
            write(self.root / path, text)
        return [*(f"{path}: written" for path in self.made), *(f"{path}: changed" for path in self.changed)]


def chapter(plan, number, name, title):
    """Plan a chapter: its notebook, the checks of its exercises with a test, its place in the book.

    Args:
        plan: is filled.
        number: two digits, above those of the other chapters.
        name: words with underscores, for file names.
        title: the heading.
    """
    last = max(path.stem[:2] for path in notebooks(plan.root))
    _rule(re.fullmatch(r"\d\d", number) and number > last, f"NUMBER must be two digits above {last}", number)
    _rule(NAME.fullmatch(name), "NAME must be words such as video_clips, of 2 to 20 characters", name)
    _rule(TITLE.fullmatch(title), "TITLE must be a line of words", title)
    stem = f"{number}_{name}"
    names = {"ch00": f"ch{number}", "chapter 00": f"chapter {int(number)}", "Chapter 00": f"Chapter {int(number)}",
             "00_template": stem, "C00": f"C{number}",
             "Template title": title}
    plan.make(f"notebooks/{stem}.ipynb", "chapter/notebook.ipynb", names,
              finish=lambda text: render(stamped(reads(text), setup_source(plan.root))))
    plan.make(f"cnnlib/exercises/ch{number}.py", "chapter/exercises.py", names)
    plan.make(f"tests/test_exercises_ch{number}.py", "chapter/tests.py", names)
    row = _filled("chapter/index.md", {"00_template": stem, "00 Template title": f"{int(number)} {title}"}).strip()
    plan.change("_toc.yml", add_line, f"  - file: notebooks/{stem}", beside="  - file: notebooks/")
    plan.change("book/index.md", add_line, row, beside=r"\| \[.*\]\(\.\./notebooks/", at_end=True)
    plan.change("book/course_map.yml", add_block, _filled("chapter/course_map.yml", names), key=f"C{number}-01")
    plan.change("tests/test_course_map.py", add_item, f'"C{number}": 1', to="TOPICS = {")
    plan.change("tests/test_course_map.py", add_item, f'"{stem}"', to="CHAPTERS = [")


def widget(plan, name, topic):
    """Plan a widget: its class, its view, a test, its cells at the end of a topic's section, and where it stands.

    Args:
        plan: is filled.
        name: the class.
        topic: an id of the course map.
    """
    _rule(WIDGET.fullmatch(name), "NAME must be two or more Words such as StrideClock, of 4 to 20 characters", name)
    place = _section_of(plan.root, topic)
    file = re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
    names = {"TemplateWidget": name, "template_widget": file, "template-widget": file.replace("_", "-")}
    plan.make(f"cnnlib/widgets/{file}.py", "widget/widget.py", names)
    plan.make(f"cnnlib/widgets/js/{file}.mjs", "widget/view.mjs", names)
    plan.make(f"tests/test_widgets_{file}.py", "widget/tests.py", names)
    plan.insert(place["path"], _cells("widget/cells.ipynb", names), place["end"])
    plan.change("cnnlib/widgets/__init__.py", add_line, f"from cnnlib.widgets.{file} import {name}",
                beside=r"from cnnlib\.widgets\.")
    plan.change("cnnlib/widgets/__init__.py", add_public_name, name)
    page = place["path"].replace(".ipynb", ".html")
    plan.change("tests/site/reader.py", add_item, f'"{name}": ("{page}", "step length")', to="WIDGETS = {")
    plan.change("tests/site/keyboard_walks.yml", add_block, _filled("widget/walk.yml", names), key=name)


def model(plan, name, topic):
    """Plan a family of models: its rows and layers, a test, its cells at the end of a topic's section.

    Args:
        plan: is filled.
        name: the file, and the first model in it.
        topic: an id of the course map.
    """
    _rule(NAME.fullmatch(name), "NAME must be words such as tinynet, of 2 to 20 characters", name)
    place = _section_of(plan.root, topic)
    family = name.title().replace("_", "")
    names = {"TemplateNet": family, "template_net": name, "template-net": name.replace("_", "-")}
    plan.make(f"cnnlib/models/{name}.py", "model/model.py", names)
    plan.make(f"tests/test_models_{name}.py", "model/tests.py", names)
    taken = [file.name for file in (plan.root / "cnnlib" / "models").glob("*.py")
             if re.search(rf'^    "{name}(_first)?":', file.read_text(encoding="utf-8"), re.M)]
    _rule(not taken, "NAME must be the name of no other model", name)
    plan.insert(place["path"], _cells("model/cells.ipynb", names), place["end"])
    plan.change("cnnlib/models/registry.py", add_line, f"    {name},", beside=r"    \w+,$")
    plan.change("cnnlib/models/registry.py", add_item, name, to="FAMILIES = (")
    plan.change("book/ext/cnn_book/models.py", add_item, f'"{name}": "{topic}"', to="TOPICS = {")


def exercise(plan, number, name):
    """Plan an exercise: its check with a test, its five cells behind those of the chapter's other exercises.

    Args:
        plan: is filled.
        number: the chapter's, as in file names.
        name: the function that the reader writes.
    """
    found = [path for path in notebooks(plan.root) if path.stem.split("_")[0] == number]
    module = f"cnnlib/exercises/ch{number}.py"
    _rule(found and (plan.root / module).exists(), "CHAPTER must be a chapter with exercises, such as 02", number)
    _rule(NAME.fullmatch(name), "NAME must be words such as clip_length, of 2 to 20 characters", name)
    names = {"ch00": f"ch{number}", "chapter 00": f"chapter {number.lstrip('0')}", "template_task": name,
             "TEMPLATE_TASK": name.upper(), "template-task": name.replace("_", "-")}
    plan.make(f"cnnlib/exercises/ch{number}_{name}.py", "exercise/exercise.py", names)
    plan.make(f"tests/test_exercises_ch{number}_{name}.py", "exercise/tests.py", names)
    plan.insert(f"notebooks/{found[0].name}", _cells("exercise/cells.ipynb", names), _behind_the_exercises)
    row = f"from cnnlib.exercises.ch{number}_{name} import {name.upper()}"
    plan.change(module, add_line, row, beside="from cnnlib")
    plan.change(module, str.__add__, CHECK.format(name=name, exercise=name.upper()))


KINDS = {"chapter": (chapter, "NUMBER NAME TITLE"), "widget": (widget, "NAME TOPIC"), "model": (model, "NAME TOPIC"),
         "exercise": (exercise, "CHAPTER NAME")}


def main(arguments, root=ROOT):
    """Write what is asked for; return 0, or a line that says why nothing was written."""
    kind, needed = KINDS.get(arguments[0] if arguments else "", (None, ""))
    if kind is None or len(arguments) != 1 + len(needed.split()):
        usage = " | ".join(f"{word} {asks}" for word, (_, asks) in KINDS.items())
        return f"new: takes {usage}, got {' '.join(arguments) or 'nothing'}"
    plan = Plan(root)
    try:
        kind(plan, *arguments[1:])
    except (ValueError, CleanError) as error:
        return str(error)
    print(*plan.write(), sep="\n")
    return 0


def _rule(holds, rule, value):
    if not holds:
        raise ValueError(f"new: {rule}, got {value!r}")


def _filled(template, names):
    text = (TEMPLATES / template).read_text(encoding="utf-8")
    for old, new in names.items():
        text = text.replace(old, new)
    return text


def _cells(template, names):
    return reads(_filled(template, names)).cells


def _section_of(root, topic):
    """Return the notebook of a topic and a function that finds the end of the topic's section."""
    row = course_map(root).get(topic, {})
    _rule("notebook" in row and "cell" in row, "TOPIC must be an id of book/course_map.yml with a notebook and a cell",
          topic)
    return {"path": f"notebooks/{row['notebook']}.ipynb", "end": partial(_end_of_section, row["cell"])}


def _end_of_section(cell, cells):
    ids = [each.id for each in cells]
    _rule(cell in ids, "TOPIC must name a cell of its notebook", cell)
    start = ids.index(cell) + 1
    return next((index for index in range(start, len(cells)) if cells[index].source.startswith("#")
                 and cells[index].cell_type == "markdown"), len(cells))


def _behind_the_exercises(cells):
    return max(index for index, cell in enumerate(cells) if cell.id.endswith("-solution")) + 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
