"""show_source: what a notebook prints is the code that runs."""
import ast
import inspect
import linecache
import textwrap

import numpy as np
import pytest

from cnnlib.plots import Picture, Source, show_source


def slide(x, weight):
    """Take one dot product per window.

    Ünïcode before the cut, and a fence: ```python
    """
    h_out = x.shape[0] - weight.shape[0] + 1  # rows

    def inner(row):
        """One line."""; return row  # noqa: E702

    class Empty:
        """Nothing but this."""

    y = "not a docstring"
    return inner(h_out), Empty, y


def without_docstrings(source):
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Expr(ast.Constant(...))]
    return ast.dump(tree)


def test_show_source_is_the_source_without_docstrings():
    shown = show_source(slide)
    assert ast.dump(ast.parse(repr(shown))) == without_docstrings(inspect.getsource(slide))
    assert '"""' not in repr(shown) and "# rows" in repr(shown) and "not a docstring" in repr(shown)
    assert repr(shown).splitlines()[1].startswith("    h_out")
    assert repr(show_source(slide, docstring=True)) == inspect.getsource(slide).rstrip()


@pytest.mark.parametrize("thing", [Picture, Source, show_source, inspect.signature], ids=lambda t: t.__name__)
def test_show_source_of_real_code_runs_the_same(thing):
    assert ast.dump(ast.parse(repr(show_source(thing)))) == without_docstrings(inspect.getsource(thing))


def test_show_source_is_a_python_block_that_no_text_can_close():
    assert show_source(Source.__repr__)._repr_markdown_() == (
        "```python\ndef __repr__(self):\n    return self.text\n```")
    assert show_source(slide, docstring=True)._repr_markdown_().startswith("````python\n")


def test_show_source_finds_functions_and_classes_of_notebook_cells():
    cell = textwrap.dedent('''
        import functools

        @functools.total_ordering
        class Cell:
            """Doc."""

            def __lt__(self, other):
                return False

        def f():
            return 1
        ''')
    linecache.cache["<cell 7>"] = (len(cell), None, cell.splitlines(keepends=True), "<cell 7>")
    names = {"__name__": "__main__"}
    exec(compile(cell, "<cell 7>", "exec"), names)
    assert repr(show_source(names["f"])) == "def f():\n    return 1"
    expected = "@functools.total_ordering\nclass Cell:\n    def __lt__(self, other):\n        return False"
    assert repr(show_source(names["Cell"])) == expected
    del linecache.cache["<cell 7>"]


BAD = [
    (np.add, "show_source: function must be a function or class, got <ufunc 'add'>"),
    (len, "show_source: function must have Python source, got <built-in function len>"),
    (int, "show_source: function must have Python source, got <class 'int'>"),
    (5, "show_source: function must be a function or class, got 5"),
]


@pytest.mark.parametrize("thing, message", BAD, ids=["ufunc", "built-in", "class", "number"])
def test_errors_name_rule_and_value(thing, message):
    with pytest.raises(ValueError) as error:
        show_source(thing)
    assert str(error.value) == message
