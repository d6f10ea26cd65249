"""Show the code of a function inside a notebook, so that the page teaches what the package runs."""
import ast
import inspect
import linecache
import re
import textwrap


class Source:
    """Source text that a notebook shows as a block of Python.

    >>> Source("x = 1")
    x = 1
    """

    def __init__(self, text):
        self.text = text

    def __repr__(self):
        return self.text

    def _repr_markdown_(self):
        longest = max((len(run) for run in re.findall(r"`{3,}", self.text)), default=2)
        fence = "`" * (longest + 1)
        return f"{fence}python\n{self.text}\n{fence}"


def show_source(function, *, docstring=False):
    """Show the source of a function or class, without its docstrings unless asked.

    Args:
        function: a function or class written in Python, in a file or in a notebook cell.
        docstring: keep the docstrings.

    Returns:
        A Source: Markdown in a notebook, plain text elsewhere.

    Raises:
        ValueError: the object is no function or class, or has no Python source (NumPy's compiled functions).

    >>> show_source(Source.__repr__)
    def __repr__(self):
        return self.text
    """
    if not (inspect.isroutine(function) or inspect.isclass(function)):
        raise ValueError(f"show_source: function must be a function or class, got {function!r:.60}")
    try:
        text = _source(function)
    except (OSError, TypeError) as error:
        raise ValueError(f"show_source: function must have Python source, got {function!r:.60}") from error
    text = textwrap.dedent(text).rstrip()
    return Source(text if docstring else _without_docstrings(text))


def _source(function):
    """Return the source text; for a class of a notebook cell, find it through one of its methods."""
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):
        if not inspect.isclass(function):
            raise
        for method in filter(inspect.isfunction, vars(function).values()):
            code = method.__code__
            lines = linecache.getlines(code.co_filename)
            for node in ast.walk(ast.parse("".join(lines))):
                if isinstance(node, ast.ClassDef) and node.name == function.__name__ \
                        and node.lineno <= code.co_firstlineno <= node.end_lineno:
                    first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
                    return "".join(lines[first - 1:node.end_lineno])
        raise


def _without_docstrings(text):
    """Cut the docstrings out of source text; comments and line breaks stay. A body that was only one becomes '...'."""
    lines = text.encode().split(b"\n")  # ast counts columns in bytes
    owners = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, owners)]
    for node in sorted(nodes, key=lambda n: n.lineno, reverse=True):
        first = node.body[0]
        if ast.get_docstring(node, clean=False) is None:
            continue
        start, end = first.lineno - 1, first.end_lineno - 1
        before, after = lines[start][:first.col_offset], lines[end][first.end_col_offset:]
        after = after.lstrip(b" ;") if len(node.body) > 1 else b"..." + after
        if (before + after).strip():
            lines[start:end + 1] = [before + after]
        else:  # the docstring had its lines for itself; the blank lines under it go as well
            while end + 1 < len(lines) and not lines[end + 1].strip():
                end += 1
            del lines[start:end + 1]
    return b"\n".join(lines).decode()
