"""Imports point one way."""
import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import cnnlib

PACKAGE = Path(__file__).resolve().parents[1] / "cnnlib"
DOWN = {"numpy", "cnnlib._arguments", "cnnlib._arrays", "cnnlib.shapes"}
ALLOWED = {  # what a part may import besides the standard library and itself
    "_arguments": set(),
    "_arrays": {"numpy"},
    "shapes": {"cnnlib._arguments"},
    "scratch": DOWN,
    "boxes": DOWN,
    "metrics": DOWN,
    "data": {*DOWN, "PIL"},
    "losses": {*DOWN, "torch", "cnnlib.boxes"},
    "models": {*DOWN, "torch", "safetensors", "cnnlib.boxes", "cnnlib.losses"},
    "training": {*DOWN, "torch", "tqdm", "cnnlib.metrics", "cnnlib.data", "cnnlib.losses", "cnnlib.models"},
    "explain": {*DOWN, "torch", "sklearn", "cnnlib.models"},
    "plots": {"numpy", "matplotlib"},
    "widgets": {*DOWN, "ipywidgets", "anywidget", "traitlets", "cnnlib.scratch", "cnnlib.boxes", "cnnlib.data"},
    "exercises": {"numpy", "torch", *(f"cnnlib.{part}" for part in (
        "shapes", "scratch", "boxes", "metrics", "data", "models", "losses", "training", "explain"))},
}
FILES = [file for file in sorted(PACKAGE.rglob("*.py")) if file.parent != PACKAGE or file.name != "__init__.py"]


def part_of(file):
    """Return the part of cnnlib that a file belongs to."""
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(text):
    """Return the modules that a text imports, wherever the statement stands."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are written in full"
            yield node.module


def foreign(text, part):
    """Return the imports of a text that its part may not have."""
    def ok(module):
        top = module.split(".")[0]
        name = ".".join(module.split(".")[:2]) if top == "cnnlib" else top
        return top in sys.stdlib_module_names or name in {f"cnnlib.{part}", *ALLOWED[part]}
    return [module for module in imports(text) if not ok(module)]


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_imports_point_down(file):
    assert foreign(file.read_text(encoding="utf-8"), part_of(file)) == []


def test_a_wrong_direction_is_seen():
    assert foreign("import torch", "widgets") == ["torch"]
    assert foreign("def f():\n    from cnnlib.scratch import conv2d", "shapes") == ["cnnlib.scratch"]
    assert foreign("import numpy as np\nimport math", "scratch") == []


def test_every_part_is_found_when_it_is_touched():
    parts = {path.stem for path in PACKAGE.iterdir() if path.stem.isidentifier() and not path.stem.startswith("_")}
    assert set(cnnlib.__all__) == parts and parts < set(dir(cnnlib))
    for part in parts:
        assert cnnlib.__getattr__(part) is importlib.import_module(f"cnnlib.{part}")
    with pytest.raises(AttributeError, match=r"^module 'cnnlib' has no attribute 'layers'$"):
        cnnlib.__getattr__("layers")


@pytest.mark.parametrize("statement", ["import cnnlib", "import cnnlib.widgets", "from cnnlib import scratch, shapes"])
def test_torch_is_not_loaded(statement):
    code = f"{statement}\nimport sys\nprint('torch' in sys.modules, 'matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split()[0] == "False"


def test_import_cnnlib_loads_nothing_heavy():
    code = "import sys; before = set(sys.modules); import cnnlib; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["cnnlib"]
