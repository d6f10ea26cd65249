"""Small changes of a Python program, each of which a good test suite should notice."""
import ast
from dataclasses import dataclass

COMPARED = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
            ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In}
CALCULATED = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
              ast.Mod: ast.FloorDiv, ast.Pow: ast.Mult, ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr}
JOINED = {ast.And: ast.Or, ast.Or: ast.And}
ENDED = {ast.Break: ast.Continue, ast.Continue: ast.Break}
CALLED = ast.FunctionDef | ast.Lambda
STRICT = "strict"  # zip's: a guard against lists of different lengths, which never come
SILENT = (ast.Raise, ast.Import, ast.ImportFrom, ast.JoinedStr)  # texts of errors are judged by people


@dataclass(frozen=True)
class Mutation:
    """One change: where it stands, what it says, and how to make it in the tree it came from."""

    place: tuple  # line and column
    lines: tuple | None  # the first and the last of the function around it
    text: str  # the function, the old code and the new
    parent: ast.AST
    field: str
    index: int | None
    new: ast.AST

    def apply(self):
        """Change the tree."""
        if self.index is None:
            setattr(self.parent, self.field, self.new)
        else:
            getattr(self.parent, self.field)[self.index] = self.new


def mutations(tree):
    """Return all changes of a module's tree that this file knows, in the order of the text.

    >>> [each.text for each in mutations(ast.parse("def f(a): return a < 2"))]
    ['f: return a < 2 → return None', 'f: a < 2 → a <= 2', 'f: 2 → 3']
    """
    found = []
    _visit(tree, "", None, found)
    return sorted(found, key=lambda each: each.place)


def _visit(node, where, lines, found):
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        where += f".{node.name}" if where else node.name
    for field, value in ast.iter_fields(node):
        if _is_silent(node, field):
            continue
        for index, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if not isinstance(child, ast.AST) or _is_docstring(node, field, index, child):
                continue
            inside = lines if lines or field != "body" or not isinstance(node, CALLED) else _lines(node)
            found += [Mutation((child.lineno, child.col_offset), inside, f"{where}: {_line(child)} → {_line(new)}",
                               node, field, index, new) for new in _others(child)]
            _visit(child, where, inside, found)


def _lines(function):
    """Return the lines of a function that run when it is called, not when its file is read."""
    first = function.body if isinstance(function, ast.Lambda) else function.body[0]
    return first.lineno, function.end_lineno


def _is_silent(node, field):
    return (isinstance(node, SILENT) or getattr(node, "arg", "") == STRICT
            or field in ("annotation", "returns", "decorator_list")
            or (isinstance(node, ast.Assign) and any(getattr(each, "id", "") == "__all__" for each in node.targets)))


def _is_docstring(node, field, index, child):
    return (field == "body" and index == 0 and isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)
            and isinstance(child.value.value, str) and isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef))


def _others(node):
    """Return the nodes that may stand in a node's place."""
    match node:
        case ast.Compare(left=left, ops=[first, *rest], comparators=right):
            return [ast.Compare(left, [COMPARED[type(first)](), *rest], right)]
        case ast.BinOp(left=left, op=operator, right=right) if type(operator) in CALCULATED:
            return [ast.BinOp(left, CALCULATED[type(operator)](), right)]
        case ast.AugAssign(target=target, op=operator, value=value) if type(operator) in CALCULATED:
            return [ast.AugAssign(target, CALCULATED[type(operator)](), value)]
        case ast.BoolOp(op=operator, values=values):
            return [ast.BoolOp(JOINED[type(operator)](), values)]
        case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
            return [operand]
        case ast.IfExp(test=test, body=body, orelse=other):
            return [ast.IfExp(ast.UnaryOp(ast.Not(), test), body, other)]
        case ast.Constant(value=value):
            return [ast.Constant(other) for other in _values(value)]
        case ast.If(test=ast.Name() | ast.Call() | ast.Attribute() as test, body=body, orelse=other):
            return [ast.If(ast.UnaryOp(ast.Not(), test), body, other)]
        case ast.Call(func=function, args=arguments, keywords=keywords):
            return [ast.Call(function, arguments, [each for each in keywords if each is not left])
                    for left in keywords if left.arg != STRICT]
        case ast.Break() | ast.Continue():
            return [ENDED[type(node)]()]
        case ast.Return(value=value) if value is not None:
            return [ast.Return(ast.Constant(None))]
        case ast.Raise() | ast.Expr(value=ast.Call()):
            return [ast.Pass()]
    return []


def _line(node):
    return ast.unparse(node).split("\n")[0]


def _values(value):
    match value:
        case bool():
            return [not value]
        case int():
            return [value + 1]
        case float():
            return [value * 2 + 1]
        case str():
            return [f"{value}x"]
    return []
