"""Find what brings something from elsewhere without saying which version: images, actions, packages, scripts.

Packages of the system (apt-get) are not looked at: the release of the system, which is pinned, decides on them.
"""
import ast
import re
import shlex
import subprocess
from pathlib import Path

from tools.project import ROOT

EXACT = r"v?\d+\.\d+\.\d+"
IMAGE = re.compile(rf"(?:\S+:{EXACT}\S*|\S+@sha256:[0-9a-f]{{64}}|scratch)")
ACTION = re.compile(rf"(?:\./\S*|\S+@(?:[0-9a-f]{{40}}|{EXACT}))")
PACKAGE = re.compile(rf"@?[\w./-]+@{EXACT}")  # npm's
COMMAND = re.compile(r"\b(pip3?\s+install|npm\s+(?:install|i|add)|npx|helm\s+(?:install|upgrade))(?=\s|$)([^;&|]*)")
PIPED = re.compile(r"\b(?:curl|wget)\b.*\|\s*(?:sudo\s+)?(?:ba|da|z)?(?:sh|python3?)\b")
FETCHED = re.compile(r"<\(\s*(?:curl|wget)\b|\b(?:ba|z)?sh\s+-c\s+\W*\$\(\s*(?:curl|wget)\b")
VALUED = {"-r", "--requirement", "-c", "--constraint"}


def unpinned(name, text, *, root=ROOT):
    """Return a line for each place in a file that brings something without its exact version.

    Args:
        name: the file's path, whose ending says how it is read.
        text: what it holds.
        root: the folder in which lists of requirements are looked up.

    >>> unpinned("Dockerfile", "FROM debian")
    ['Dockerfile: FROM debian']
    """
    if name.endswith(".py"):
        return [f"{name}: {line}" for line in _commands(text) if _loose(line, root)]
    joined = re.sub(r"\\\n\s*", " ", text)
    lines = [line.strip() for line in joined.splitlines() if not line.strip().startswith("#")]
    return [f"{name}: {line}" for line in lines if _loose(line, root)]


def files(root=ROOT):
    """Yield path and text of each of the repository's files that can bring something when it is run."""
    names = subprocess.run(["git", "ls-files"], cwd=root, capture_output=True, text=True, check=True).stdout
    for name in names.splitlines():
        path = Path(name)
        if path.suffix in {".py", ".sh", ".yml", ".yaml"} or re.match("Dockerfile|Makefile", path.name) or (
                path.suffix == ".md" and path.parts[0] == "deploy") or path.parts[0] in {".ci", ".github"}:
            yield name, (root / path).read_text(encoding="utf-8")


def _loose(line, root):
    if match := re.match(r"FROM\s+(?:--\S+\s+)?(\S+)", line):
        return not IMAGE.fullmatch(match[1])
    if match := re.match(r"-?\s*image:\s*['\"]?([^\s'\"#]+)", line):
        return not IMAGE.fullmatch(match[1])
    if match := re.match(r"-?\s*uses:\s*['\"]?([^\s'\"#]+)", line):
        return not ACTION.fullmatch(match[1])
    if PIPED.search(line) or FETCHED.search(line) or re.match(r"runs-on:.*-latest\b", line):
        return True
    return any(_loose_command(match[1].split()[0], match[2], root) for match in COMMAND.finditer(line))


def _loose_command(program, words, root):
    try:
        words = shlex.split(words)
    except ValueError:  # a quotation mark of prose
        words = words.split()
    if program == "helm":
        return not re.search(rf"--version[ =]{EXACT}(?: |$)", " ".join(words))
    if program == "npx":
        return not any(PACKAGE.fullmatch(word) for word in words)
    if program == "npm":
        named = [word for word in words if not word.startswith("-")]
        return "--package-lock-only" not in words and not (named and all(map(PACKAGE.fullmatch, named)))
    return not {"-c", "--constraint"} & set(words) and any(_loose_need(before, word, root) for before, word in zip(
        ["", *words], words, strict=False))


def _loose_need(before, word, root):
    """Return whether a word of ``pip install`` names a package, or a list of packages, without the version."""
    if before in VALUED:
        return not any(_all_pinned(root / folder / word) for folder in (".", "tools"))
    return not (word.startswith((".", "/", "-")) or word.endswith(".whl") or re.search(r"==\d", word))


def _all_pinned(path):
    """Return whether a list of requirements is there and pins all of its packages, or takes the constraints."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else ["none"]
    return any(line.startswith("-c ") for line in lines) or all("==" in line for line in lines if line[:1].isalnum())


def _commands(text):
    """Yield the commands that a Python file writes as lists, and calls of Node's npm, as lines."""
    for node in ast.walk(ast.parse(text)) if re.search("pip|npm|npx", text) else ():
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("npm") and node.args:
            yield f"npm {_words(getattr(node.args[0], 'elts', []))}"
        elif isinstance(node, ast.List | ast.Tuple | ast.Call):
            nodes = node.args if isinstance(node, ast.Call) else node.elts
            if {"pip", "pip3", "npm", "npx"} & {part.value for part in nodes if isinstance(part, ast.Constant)}:
                yield _words(nodes)


def _words(nodes):
    """Return constants as they are, and of a path that is put together its last part."""
    texts = [str(node.value) if isinstance(node, ast.Constant) else ast.unparse(node).split("/")[-1].strip(" '\"")
             for node in nodes if not isinstance(node, ast.Starred)]
    return " ".join(text for text in texts if "\n" not in text)
