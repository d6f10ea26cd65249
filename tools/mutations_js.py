"""Small changes of a view's script, each of which a good test suite should notice."""
import re
from dataclasses import dataclass

import tree_sitter_javascript
from tree_sitter import Language, Parser

PARSER = Parser(Language(tree_sitter_javascript.language()))
SWAPPED = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "===": "!==", "!==": "===", "+": "-", "-": "+", "*": "+",
           "/": "*", "%": "*", "**": "*", "&&": "||", "||": "&&", "??": "&&"}
WORD = re.compile(r"[A-Za-z_$][\w$]*")
HTML = re.compile(r"<[a-z/]")  # what writes HTML is a drawing, which people judge


@dataclass(frozen=True)
class ScriptMutation:
    """One change: where it stands, what it says, and the bytes that it replaces."""

    place: tuple  # line and column
    text: str  # the function, the old code and the new
    start: int
    end: int
    new: str
    lines = None  # which tests run a script is not watched

    def apply(self, source):
        """Return the changed source."""
        data = source.encode()
        return (data[:self.start] + self.new.encode() + data[self.end:]).decode()


def script_mutations(source):
    """Return all changes of a script that this file knows, in the order of the text; drawings stay as they are.

    A drawing is what writes HTML, and what nothing but ``draw`` needs.

    >>> [each.text for each in script_mutations("const twice = (x) => 2 * x;")]
    ['twice: 2 * x → 2 + x', 'twice: 2 → 3']
    """
    found, parts = [], list(_parts(PARSER.parse(source.encode()).root_node))
    judged = _judged(parts)
    for name, part, _ in parts:
        if name in judged and not HTML.search(part.text.decode()):
            _visit(part, name, found)
    return sorted(found, key=lambda each: (each.place, each.text))


def _parts(root):
    """Yield (name, node, whether it is exported) of all functions and constants."""
    for node in root.children:
        inner = node.child_by_field_name("declaration") if node.type == "export_statement" else node
        if inner is None or inner.type not in ("function_declaration", "lexical_declaration"):
            continue
        for part in [inner] if inner.type == "function_declaration" else inner.children:
            if part.type in ("function_declaration", "variable_declarator"):
                yield part.child_by_field_name("name").text.decode(), part, inner is not node


def _judged(parts):
    """Return the names of what is more than a drawing: in a view what other exported functions than draw need."""
    if ("draw", True) not in {(name, exported) for name, _, exported in parts}:
        return {name for name, _, _ in parts}
    judged = {name for name, _, exported in parts if exported and name != "draw"}
    while more := {name for name, _, _ in parts if set(WORD.findall(name)) & _words(parts, judged)} - judged:
        judged |= more
    return judged


def _words(parts, names):
    """Return all words in the text of some parts."""
    return {word for name, part, _ in parts if name in names for word in WORD.findall(part.text.decode())}


def _visit(node, where, found):
    if node.type in ("string", "template_string", "regex", "comment"):
        return
    old = node.text.decode()
    for new in _others(node):
        text = f"{where}: {_line(old)} → {_line(new)}"
        found.append(ScriptMutation(tuple(node.start_point), text, node.start_byte, node.end_byte, new))
    for child in node.children:
        _visit(child, where, found)


def _others(node):
    """Return the texts that may stand in a node's place."""
    match node.type:
        case "binary_expression":
            left, operator, right = (node.child_by_field_name(name) for name in ("left", "operator", "right"))
            swapped = SWAPPED.get(operator.type)
            return [f"{left.text.decode()} {swapped} {right.text.decode()}"] if swapped else []
        case "number":
            return [str(int(node.text) + 1)] if node.text.isdigit() else [f"(2 * {node.text.decode()} + 1)"]
        case "true" | "false":
            return [{"true": "false", "false": "true"}[node.type]]
        case "unary_expression" if node.child_by_field_name("operator").type in "!-":
            return [node.child_by_field_name("argument").text.decode()]
        case "ternary_expression":
            test, *rest = (node.child_by_field_name(name).text.decode()
                           for name in ("condition", "consequence", "alternative"))
            return [f"!({test}) ? {rest[0]} : {rest[1]}"]
        case "return_statement" if node.named_child_count:
            return ["return undefined;"]
        case "if_statement" if node.child_by_field_name("condition").named_child(0).type in (
                "identifier", "call_expression", "member_expression"):
            condition = node.child_by_field_name("condition")
            rest = node.text.decode()[condition.end_byte - node.start_byte:]
            return [f"if (!{condition.text.decode()}){rest}"]
    return []


def _line(text):
    return text.split("\n")[0]
