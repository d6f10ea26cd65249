"""Find in a notebook what must not be given away: keys, tokens, passwords."""
import re

NAMES = re.compile("passw|secret|token|api.?key|credential|authorization|cookie", re.I)
VALUES = re.compile(
    "gh[opsru]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{22}|glpat-[A-Za-z0-9_-]{20}|hf_[A-Za-z0-9]{30}|sk-[A-Za-z0-9_-]{20}"
    "|AKIA[A-Z0-9]{16}|AIza[A-Za-z0-9_-]{35}|xox[abprs]-[A-Za-z0-9-]{10}|pypi-[A-Za-z0-9_-]{50}"
    r"|eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.|-----BEGIN [A-Z ]*PRIVATE KEY-----")


def leaks(notebook):
    """Return a line for each secret, which does not repeat it: where it stands and what gives it away."""
    found = _named(notebook.metadata, "metadata")
    parts = [("metadata", dict(notebook.metadata)), *((cell.get("id", f"cell {i}"), dict(cell))
                                                      for i, cell in enumerate(notebook.cells))]
    for i, cell in enumerate(notebook.cells):
        found += _named(cell.metadata, cell.get("id", f"cell {i}"))
    for where, part in parts:
        if match := VALUES.search(str(part)):
            found.append(f"[{where}]: must hold no secret, got what begins with {match[0][:4]}")
    return found


def _named(value, where):
    """Return a line for each key of metadata, however deep, that a secret goes by and that is not empty."""
    if isinstance(value, dict):
        named = [f"[{where}]: metadata must hold no secret, got the key {key}"
                 for key, inner in value.items() if NAMES.search(str(key)) and inner]
        return named + [line for inner in value.values() for line in _named(inner, where)]
    return [line for inner in value for line in _named(inner, where)] if isinstance(value, list) else []
