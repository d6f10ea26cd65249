"""Put a row into a file where it belongs, and leave everything else as it is. All functions take and return texts."""
import re
import textwrap

WIDTH = 120


def add_line(text, line, *, beside, at_end=False):
    r"""Put a line among those of its kind, in the order of their texts.

    Args:
        text: the file.
        line: without its end.
        beside: a pattern that the lines of this kind begin with.
        at_end: behind all of them, whatever their order.

    Raises:
        ValueError: there is no line of this kind.

    >>> add_line("import b\nimport d\n\nx = 1\n", "import c", beside="import ")
    'import b\nimport c\nimport d\n\nx = 1\n'
    """
    lines = text.split("\n")
    kind = [index for index, each in enumerate(lines) if re.match(beside, each)]
    if not kind:
        raise ValueError(f"add_line: a line that begins with {beside!r} is needed, got none")
    later = None if at_end else next((index for index in kind if lines[index] > line), None)
    place = _end_of_import(lines, kind[-1]) if later is None else later
    return "\n".join([*lines[:place], line, *lines[place:]])


def _end_of_import(lines, index):
    """Return the place behind a line, or behind the bracket that it opens."""
    return (lines.index(")", index) if lines[index].endswith("(") else index) + 1


def add_item(text, item, *, to):
    r"""Put an item at the end of a bracketed list, tuple or dict.

    Args:
        text: the file.
        item: without a comma.
        to: what stands in the file up to the opening bracket, such as ``NAMES = [``.

    Raises:
        ValueError: there is no such list.

    >>> add_item("NAMES = [\n    a, b]\n", "c", to="NAMES = [")
    'NAMES = [\n    a, b, c]\n'
    """
    if to not in text:
        raise ValueError(f"add_item: the file must hold {to!r}, got a file without it")
    end = _closing(text, text.index(to) + len(to))
    body, rest = text[:end].rstrip(), text[end:]
    last, closing = body[body.rindex("\n") + 1:], rest.split("\n", 1)[0]
    indent = re.match(r"\s*", last)[0]
    if body.endswith(","):
        return f"{body}\n{indent}{item},\n{rest}"
    gap = ", " if len(f"{last}, {item}{closing}") <= WIDTH else f",\n{indent}"
    return f"{body}{gap}{item}{rest}"


def _closing(text, start):
    depth = 1
    for match in re.compile(r"[][(){}]").finditer(text, start):
        depth += 1 if match[0] in "[({" else -1
        if depth == 0:
            return match.start()
    raise ValueError(f"add_item: a bracket must be closed, got {text[start:start + 40]!r}")


def add_public_name(text, name):
    r"""Put a name into ``__all__``, sorted, and wrap its lines again.

    >>> print(add_public_name('__all__ = [\n    "A", "C",\n]\n', "B"))
    __all__ = [
        "A", "B", "C",
    ]
    <BLANKLINE>
    """
    before, names, after = re.fullmatch(r"(.*__all__ = \[\n)(.*?)(\n\].*)", text, re.S).groups()
    every = sorted([*re.findall(r'"(\w+)"', names), name])
    lines = textwrap.fill(" ".join(f'"{each}",' for each in every), WIDTH, initial_indent="    ",
                          subsequent_indent="    ")
    return before + lines + after


def add_block(text, block, *, key):
    r"""Put a block of lines that starts with a key at the margin before the first larger key and its comments.

    >>> add_block("a:\n- 1\nc:\n- 2\n", "b:\n- 3\n", key="b")
    'a:\n- 1\nb:\n- 3\nc:\n- 2\n'
    """
    keys = re.finditer(r"^(?:#.*\n)*([\w-]+):", text, re.M)
    later = next((match.start() for match in keys if match[1] > key), len(text))
    return text[:later] + block + text[later:]
