"""Which mistakes were common in an assignment: a table, and a plot that can be printed in gray."""
import re
from collections import Counter
from dataclasses import dataclass

from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from cnnlib.exercises._check import UNANSWERED
from grading.course import CourseError, write
from grading.sheets import csv_text, plain

KINDS = {  # what an answer can be: its words in the table, its gray and its hatching in the plot
    "right": ("right", "0.35", ""),
    "mistake": ("a known mistake", "0.75", "//"),
    "forbidden": ("a forbidden function", "0.9", "xx"),
    "other": ("wrong in another way", "1.0", ""),
    "unanswered": ("not answered", "1.0", ".."),
    "refused": ("submission not graded", "0.55", "\\\\"),
}
BARS = 10  # of one task in the plot
USED = re.compile(r"without (\S+); your answer")
STYLE = {"font.size": 9, "hatch.linewidth": 0.6, "axes.spines.top": False, "axes.spines.right": False}


@dataclass(frozen=True)
class Line:
    """How many answers to a task were of one kind.

    Attributes:
        task: its name.
        kind: one of KINDS.
        name: the mistake's or the function's name, or "".
        count: how many students.
        share: as a fraction of 1: of the answered ones for what an answer can be, else of all submissions.
    """

    task: str
    kind: str
    name: str
    count: int
    share: float

    @property
    def words(self):
        """What the line is about, to read."""
        return {"mistake": self.name, "forbidden": f"used {self.name}"}.get(self.kind, KINDS[self.kind][0])


def count(records):
    """Return the lines of each task of an assignment, the answers' number by task.

    Args:
        records: the results by student, as ``Course.records`` gives them.

    Returns:
        The Lines, tasks under their functions' names and in the notebook's order, in each the most common first behind
        "right"; and for each task how many answered it and how many handed in.
    """
    tasks = {}
    for record in records.values():
        for name, row in record["rows"].items():
            task = name.removesuffix("-check")
            tried = f"{task}-answer" not in record.get("untouched", [f"{task}-answer"])
            tasks.setdefault(task.replace("-", "_"), []).append(_kind(row, tried))
    lines, sizes = [], {}
    for task, found in tasks.items():
        answered = sum(kind not in ("unanswered", "refused") for kind, _ in found)
        sizes[task] = answered, len(found)
        counts = Counter(found)
        for kind in ("right", "unanswered"):
            counts.setdefault((kind, ""), 0)
        order = sorted(counts, key=lambda key: (_place(key[0]), -counts[key], key[1]))
        for kind, name in order:
            whole = len(found) if kind in ("unanswered", "refused") else answered
            lines.append(Line(task, kind, name, counts[kind, name], counts[kind, name] / whole if whole else 0.0))
    return lines, sizes


def statistics(course, assignment):
    """Write the table and the plot of an assignment's mistakes, and return the table as Markdown and both paths.

    Raises:
        CourseError: nothing was graded yet.
    """
    lines, sizes = count(course.records(assignment))
    if not lines:
        raise CourseError(f"statistics: {assignment}: nothing was graded yet")
    table, picture = (course.folder / "reports" / f"{assignment}-mistakes.{end}" for end in ("csv", "png"))
    rows = [[line.task, line.kind, line.name, line.count, f"{line.share:.3f}"] for line in _with_answered(lines, sizes)]
    write(table, csv_text([["task", "kind", "name", "students", "share"], *rows]))
    draw(lines, sizes, assignment, picture)
    return markdown(lines, sizes), table, picture


def markdown(lines, sizes):
    """Return the table as Markdown."""
    text = ["| Task | Answers | Students | Share |", "|---|---|---:|---:|"]
    for line in _with_answered(lines, sizes):
        words = "**answered**" if line.kind == "answered" else plain(line.words).replace("|", "\\|")
        text.append(f"| {line.task} | {words} | {line.count} | {line.share:.0%} |")
    return "\n".join(text)


@rc_context(STYLE)
def draw(lines, sizes, assignment, path):
    """Write a picture with a group of horizontal bars for each task."""
    groups = {task: _shortened([line for line in lines if line.task == task and line.count]) for task in sizes}
    bars = sum(map(len, groups.values()))
    figure = Figure(figsize=(7, 1.2 + 0.27 * bars + 0.55 * len(groups)), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(len(groups), squeeze=False, sharex=True,
                             gridspec_kw={"height_ratios": [max(1, len(group)) for group in groups.values()]})[:, 0]
    for axes, (task, group) in zip(panels, groups.items(), strict=True):
        for place, line in enumerate(group):
            _, gray, hatch = KINDS[line.kind]
            axes.barh(place, line.count, color=gray, hatch=hatch, edgecolor="black", linewidth=0.6)
            axes.annotate(f"{line.count}", (line.count, place), (3, 0), textcoords="offset points", va="center")
        axes.set_yticks(range(len(group)), [plain(line.words, 44) for line in group])
        axes.set_ylim(len(group) - 0.5, -0.5)
        axes.set_title(f"{task}: {sizes[task][0]} of {sizes[task][1]} answered", loc="left", fontsize=10)
        axes.set_ylabel("answer")
        axes.xaxis.get_major_locator().set_params(integer=True)
    panels[-1].set_xlabel(f"students, assignment {assignment}")
    panels[-1].set_xlim(0, 1.08 * max(line.count for group in groups.values() for line in group))
    present = {line.kind for group in groups.values() for line in group}
    handles = [Patch(facecolor=gray, hatch=hatch, edgecolor="black", linewidth=0.6, label=words)
               for kind, (words, gray, hatch) in KINDS.items() if kind in present]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False)
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path)


def _kind(row, tried):
    """Return the kind of a check's row, and the mistake's or the function's name.

    Args:
        row: the row.
        tried: whether the student changed the cell of the answer. What it should define may still be missing: it was
            renamed, or the cell did not come to its end.
    """
    if row["passed"]:
        return "right", ""
    if row["mistake"] == "forbidden-function":
        used = USED.search(row["message"])
        return "forbidden", used[1] if used else "a forbidden function"
    if row["mistake"] == "not-defined":
        return "other" if tried else "unanswered", ""
    if row["message"] == UNANSWERED:
        return "unanswered", ""
    if row["mistake"] == "not-graded":
        return "refused", ""
    return ("mistake", row["mistake"]) if row["mistake"] else ("other", "")


def _place(kind):
    """Known mistakes and forbidden functions stand together, by their numbers."""
    return {"right": 0, "mistake": 1, "forbidden": 1, "other": 2, "unanswered": 3, "refused": 4}[kind]


def _with_answered(lines, sizes):
    """Return the lines with one before each task that says how many answered."""
    found = []
    for task, (answered, everyone) in sizes.items():
        found.append(Line(task, "answered", "", answered, answered / everyone))
        found += [line for line in lines if line.task == task]
    return found


def _shortened(group):
    """Return at most BARS lines; the rarest mistakes become one."""
    mistakes = [line for line in group if line.kind in ("mistake", "forbidden")]
    rare = mistakes[max(1, BARS - (len(group) - len(mistakes)) - 1):] if len(group) > BARS else []
    if not rare:
        return group
    together = Line(rare[0].task, "mistake", f"{len(rare)} rarer mistakes", sum(line.count for line in rare),
                    sum(line.share for line in rare))
    place = group.index(rare[0])
    kept = [line for line in group if line not in rare]
    return [*kept[:place], together, *kept[place:]]
