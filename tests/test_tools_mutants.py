"""The mutants of a small program: what its tests notice, what they miss, what hangs, what was tried before."""
import ast
import contextlib
import signal
import subprocess
import sys

import psutil
import pytest

from tools.mutations import mutations
from tools.mutations_js import script_mutations
from tools.node import node_binary
from tools.project import ROOT

PROGRAM = '''"""A program."""


def larger(a: int, b=1):
    """Return the larger of two numbers."""
    if a > b:
        return a
    return b


def countdown(n):
    """Return how many steps lead to 0."""
    steps = 0
    while n > 0:
        n -= 1
        steps += 1
    return steps


def checked(n):
    """Return a number that is not negative."""
    if n < 0:
        raise ValueError(f"checked: n must not be negative, got {n}")
    return n
'''
TESTS = '''import pytest
from toy.ham import checked, countdown, larger


def test_larger():
    assert larger(3, 2) == 3 and larger(2, 3) == 3 and larger(2) == 2 and larger(0) == 1


def test_countdown():
    assert countdown(0) == 0 and countdown(3) == 3


def test_checked():
    assert checked(2) == 2 and checked(0) == 0
    with pytest.raises(ValueError):
        checked(-1)
'''
RUN = """import signal
import sys
from pathlib import Path
from tools import mutants
signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell's background ignores
mutants.PATIENCE = 0, 2
groups = {"toy": mutants.Group(("toy/*.py",), ("tests/test_*.py",), float(sys.argv[2]), Path(sys.argv[1]))}
sys.exit(mutants.main(["toy"], groups))
"""
SAMPLE = """import sys
from pathlib import Path
from tools.mutants import Group, sample
for tables in (True, False):
    group = Group(("toy/*.py",), (), root=Path(sys.argv[1]), tables=tables)
    print(*(each.key.split(": ")[1][0] for each in sample(group, 9)))
"""
READS = """const fs = require("fs");
for (const text of fs.readFileSync(0, "utf8").split("\\0")) {
  new Function(text.replaceAll(/^export default/gm, "void ").replaceAll(/^export /gm, ""));
}"""
EXPLAINED = "toy/ham.py larger: a > b → a >= b"  # of two equal numbers either is the larger


def changes(text):
    """Return what may be changed in a program, without the names of its functions."""
    return [each.text.split(": ", 1)[1] for each in mutations(ast.parse(text))]


@pytest.fixture
def project(tmp_path):
    """Return a folder with a program, its tests and a list of explained survivors."""
    for name, text in {"toy/ham.py": PROGRAM, "tests/test_ham.py": TESTS, "tests/survivors.yml": "",
                       "pytest.ini": "[pytest]\npythonpath = .\n"}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def run(project, least=0.95):
    """Return the finished command for a project."""
    return subprocess.run([sys.executable, "-c", RUN, str(project), str(least)], cwd=ROOT, capture_output=True,
                          text=True, timeout=300)


@pytest.mark.parametrize(("text", "expected"), [
    ("x = a + b", ["a + b → a - b"]), ("a and not b", ["a and (not b) → a or not b", "not b → b"]),
    ("f(1, k=2.5)", ["f(1, k=2.5) → pass", "f(1, k=2.5) → f(1)", "1 → 2", "2.5 → 6.0"]),
    ("def f(a: int = True):\n    'text'\n    return 'word'",
     ["True → False", "return 'word' → return None", "'word' → 'wordx'"]),
    ("if ready:\n    x -= 1", ["if ready: → if not ready:", "x -= 1 → x += 1", "1 → 2"]),
    ("raise ValueError(f'a {b + 1}')", ["raise ValueError(f'a {b + 1}') → pass"]),
    ("zip(a, b, strict=True)", ["zip(a, b, strict=True) → pass"]),
    ("__all__ = ['a']", []), ("import a", []), ("x = f'{a + 1}'", [])])
def test_what_is_changed(text, expected):
    assert changes(text) == expected


def test_each_change_gives_another_program():
    text = (ROOT / "cnnlib" / "shapes" / "convolution.py").read_text()
    seen = {ast.unparse(ast.parse(text))}
    for number in range(len(mutations(ast.parse(text)))):
        tree = ast.parse(text)
        mutations(tree)[number].apply()
        compile(ast.fix_missing_locations(tree), "changed", "exec")
        assert ast.unparse(tree) not in seen, mutations(ast.parse(text))[number].text
        seen.add(ast.unparse(tree))


def test_tables_are_left_out_where_asked_for_and_functions_in_them_are_not(project):
    (project / "toy" / "ham.py").write_text("A = (1, lambda b: b + 2)\n\n\ndef f(c, d=3):\n    return c + 4\n"
                                                "\n\ndef _draw(random):\n    return 5\n")
    done = subprocess.run([sys.executable, "-c", SAMPLE, str(project)], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.split("\n")[:2] == ["1 b 2 3 r c 4 r 5", "b 2 r c 4"], done.stderr


@pytest.mark.parametrize(("text", "expected"), [
    ("const f = (a) => a < -2.5;", ["a < -2.5 → a <= -2.5", "-2.5 → 2.5", "2.5 → (2 * 2.5 + 1)"]),
    ("export function f(a) {\n  if (!a) return 1;\n  return g(a);\n}",
     ["!a → a", "return 1; → return undefined;", "1 → 2", "return g(a); → return undefined;"]),
    ("function f(a) {\n  if (a.b) g();\n}", ["if (a.b) g(); → if (!(a.b)) g();"]),
    ("const f = (a) => (a ? 'x' : true);", ["a ? 'x' : true → !(a) ? 'x' : true", "true → false"]),
    ("const f = (a) => `<b>${a + 1}</b>`;", []), ("export default { render: f(1 + 1) };", []), ("f(1);", [])])
def test_what_is_changed_in_a_script(text, expected):
    assert [each.text.split(": ", 1)[1] for each in script_mutations(text)] == expected


def test_of_a_view_only_what_more_than_its_drawing_needs_is_changed():
    view = ("const EDGE = 3;\nconst SIDE = 4;\nconst area = () => SIDE * SIDE;\n"
            "function corner() { return EDGE + 1; }\n"
            "export function facts() { return area() - 2; }\nexport function draw() { return corner() + facts(); }\n")
    assert {each.text.split(":")[0] for each in script_mutations(view)} == {"SIDE", "area", "facts"}
    drawing = view.replace("export function draw", "export function paint")
    assert {each.text.split(":")[0] for each in script_mutations(drawing)} == {
        "EDGE", "SIDE", "area", "corner", "facts", "paint"}


def test_a_shared_script_is_for_the_tests_of_the_views_that_it_is_part_of():
    code = ("from tools.mutant_run import _views\nfrom tools.project import ROOT\n"
            "js = ROOT / 'cnnlib' / 'widgets' / 'js'\n"
            "print(sorted(_views(js / 'shared' / 'heat.mjs')), _views(js / 'quiz.mjs'))")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "['feature_map_browser', 'grad_cam_explorer', 'occlusion_explorer'] {'quiz'}\n"


def test_each_change_of_a_script_gives_another_one_that_node_reads():
    text = (ROOT / "cnnlib" / "widgets" / "js" / "unet_shapes.mjs").read_text(encoding="utf-8")
    changed = [each.apply(text) for each in script_mutations(text)]
    assert len(changed) > 100 and len(set(changed)) == len(changed) and text not in changed
    subprocess.run([node_binary(), "-e", READS], input="\0".join(changed), text=True, encoding="utf-8", check=True)


@pytest.mark.slow
def test_what_no_test_notices_is_named_until_it_is_explained(project):
    before = {path: path.read_bytes() for path in project.rglob("*.py")}
    first = run(project)
    assert first.returncode == 1, first.stdout + first.stderr
    [said] = [line for line in first.stdout.splitlines() if line.startswith("toy: ")]
    survivors = [line.strip() for line in first.stdout.splitlines() if line.startswith("  ")]
    assert survivors == [EXPLAINED]
    assert "slow: toy/ham.py countdown: n -= 1 → n += 1" in first.stdout  # it never ends
    assert {path: path.read_bytes() for path in before} == before
    (project / "tests" / "survivors.yml").write_text(f'"{EXPLAINED}": either number is the larger\n')
    again = run(project, 1)
    assert again.returncode == 0 and "1 of them explained: 100.0%" in again.stdout
    assert "killed:" not in again.stdout and again.stdout.split(" mutants")[0] == said.split(" mutants")[0]


def never_ends(process):
    """Return whether a process tries a mutant that would go on for a while."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.cpu_times().user > 1
    return False


@pytest.mark.slow
def test_a_run_that_is_stopped_leaves_no_process(project):
    with subprocess.Popen([sys.executable, "-u", "-c", RUN, str(project), "0.9"], cwd=ROOT, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as command:
        children = []
        while not any(map(never_ends, children)):
            assert command.poll() is None
            children = psutil.Process(command.pid).children(recursive=True)
        command.send_signal(signal.SIGINT)
        command.wait(timeout=60)
    assert [child for child in children if child.is_running()] == []


@pytest.mark.slow
def test_tests_that_fail_without_a_change_are_refused(project):
    (project / "tests" / "test_wrong.py").write_text("def test_wrong():\n    assert False\n")
    ended = run(project)
    assert ended.returncode == 1 and ended.stderr.strip() == "tools.mutants: tests/test_*.py must pass without a change"
