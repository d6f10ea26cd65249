import ast
import inspect

import numpy as np
import pytest

from cnnlib.scratch import versions
from cnnlib.widgets.loop_stepper import FUNCTIONS, PROBLEMS, LoopStepper, LoopView, source_lines
from tools.node import call_view

NAMES = list(FUNCTIONS)
DATA = LoopStepper().view.versions
STEPS = {name: LoopStepper(version=name).view.last_position + 1 for name in NAMES}


class CountLoops(ast.NodeTransformer):
    """Put ``COUNT.append(line)`` at the start of every for-loop's body."""

    def visit_For(self, node):
        self.generic_visit(node)
        node.body.insert(0, ast.parse(f"COUNT.append({node.lineno})").body[0])
        return node


@pytest.fixture(scope="module")
def counted():
    """Return the real functions with a counter in each loop, and the list that it fills."""
    count = []
    tree = ast.fix_missing_locations(CountLoops().visit(ast.parse(inspect.getsource(versions))))
    namespace = {"COUNT": count}
    exec(compile(tree, "versions", "exec"), namespace)
    return {name: namespace[f"conv2d_{name}"] for name in NAMES}, count


def run(function, count, x, weight, options):
    """Return what a real run needs: iterations of all loops and the positions of the innermost one."""
    count.clear()
    function(np.asarray(x), np.asarray(weight), **options)
    innermost = max(set(count), key=count.count)
    return len(count), count.count(innermost)


@pytest.mark.parametrize("name", NAMES)
def test_iterations_are_those_of_the_real_loops(counted, name):
    functions, count = counted
    iterations, positions = run(functions[name], count, *PROBLEMS[name])
    [total] = call_view(LoopView, "totals", [[name, DATA[NAMES.index(name)]]])
    assert total["iterations"] == iterations and STEPS[name] == positions


def test_iterations_grow_as_the_real_ones_do(counted):
    """So far, not only in total: cut the real run after each step."""
    functions, count = counted
    for name in NAMES:
        run(functions[name], count, *PROBLEMS[name])
        innermost = max(set(count), key=count.count)
        so_far = [i + 1 for i, line in enumerate(count) if line == innermost]
        shown = call_view(LoopView, "counts", [[name, DATA[NAMES.index(name)], at] for at in range(STEPS[name])])
        assert [row["iterations"] for row in shown] == so_far, name


def test_multiplications_are_those_of_the_definition():
    for name in NAMES:
        x, weight, options = PROBLEMS[name]
        y = FUNCTIONS[name](x, weight, **options)
        kernel = weight.shape[-2] * weight.shape[-1] * (weight.shape[-3] if weight.ndim > 2 else 1)
        [total] = call_view(LoopView, "totals", [[name, DATA[NAMES.index(name)]]])
        assert total["multiplications"] == y.size * kernel, name
        assert call_view(LoopView, "derive", [[{"versions": DATA, "version": NAMES.index(name)}]]) == [
            {"last_position": STEPS[name] - 1}]
    oblong = {**DATA[NAMES.index("v2")], "weight": [[1, 2, 3]]}  # 3 products a number, where 2x2 has as many as 2 + 2
    assert call_view(LoopView, "totals", [["v2", oblong]])[0]["multiplications"] == 3 * 3 * 1


def test_all_five_do_the_same_multiplications_on_the_same_problem(counted):
    functions, count = counted
    x, weight, _ = PROBLEMS["v1"]
    small = [call_view(LoopView, "lifted", [[name, DATA[0]]])[0] for name in NAMES]
    totals = [call_view(LoopView, "totals", [[name, problem]])[0] for name, problem in zip(NAMES, small, strict=True)]
    assert [row["multiplications"] for row in totals] == [16] * 5
    for name, row in zip(NAMES, totals, strict=True):
        lift = {"v4": 1, "v5": 2}.get(name, 0)
        args = (np.reshape(a, (1,) * lift + a.shape) for a in (x, weight))
        assert row["iterations"] == run(functions[name], count, *args, {})[0], name
    assert totals[0]["iterations"] > 4 * totals[1]["iterations"]


@pytest.mark.parametrize("name", NAMES)
def test_every_step_sums_what_the_real_function_writes(name):
    x, weight, options = PROBLEMS[name]
    right = FUNCTIONS[name](x, weight, **options)
    problem = DATA[NAMES.index(name)]
    steps = call_view(LoopView, "step", [[name, problem, at] for at in range(STEPS[name])])
    outputs = call_view(LoopView, "output", [[name, problem, at] for at in range(STEPS[name])])
    assert np.array_equal(np.reshape(np.array(outputs[-1], float), right.shape), right)
    for at, row in enumerate(steps):
        assert row["sum"] == sum(pixel * w for pixel, w in row["terms"])
        n, o, r, c = row["cell"]
        assert (outputs[at][n][o][r][c] is not None) == row["finished"]
        if row["finished"]:
            assert outputs[at][n][o][r][c] == row["value"]
    if name == "v1":  # its innermost loops add one product a step; a number is written after the last
        assert [row["finished"] for row in steps] == [(at + 1) % weight.size == 0 for at in range(len(steps))]
    final = {tuple(row["cell"]): row["value"] for row in steps}
    assert list(final.values()) == right.ravel().tolist()


def test_handbook_example_is_written_term_by_term():
    first = call_view(LoopView, "draw", [[{"versions": DATA, "version": 0, "position": 3}]])[0]
    assert "0·0 + 1·1 + 3·2 + 4·3 = <b data-value=\"sum\">19</b>" in first
    values = [row["value"] for row in call_view(LoopView, "step", [["v2", DATA[1], at] for at in range(4)])]
    assert values == [19, 25, 37, 43]


def test_shown_source_is_the_real_one_with_its_running_line():
    for name in NAMES:
        lines = source_lines(FUNCTIONS[name])
        assert lines[0].startswith(f"def conv2d_{name}(") and lines[-1].strip().startswith("return")
        assert not any('"""' in line or "check" in line for line in lines)
        for source, marked in DATA[NAMES.index(name)]["code"]:
            assert sum(marked in line for line in source) == 1, (name, marked)


def test_unknown_version_is_refused():
    with pytest.raises(ValueError) as caught:
        LoopStepper(version="v6")
    assert str(caught.value) == "LoopStepper: version must be one of v1, v2, v3, v4, v5, got 'v6'"
