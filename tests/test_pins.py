"""Nothing is brought from elsewhere without its exact version; planted lines show that each kind would be found."""
import json

import pytest

from tests.unpinned import files, unpinned
from tools.dependencies import NPM
from tools.project import ROOT

SHA = "0123456789" * 4


def test_the_repository_brings_nothing_unpinned():
    seen = dict(files())
    assert {"Makefile", ".ci/run", ".github/workflows/publish.yml", "deploy/jupyterhub/Dockerfile",
            "deploy/jupyterhub/README.md", "tools/node.py"} <= set(seen)
    ours = {"tests/unpinned.py", "tests/test_pins.py"}  # whose examples are wrong on purpose
    found = [line for name, text in seen.items() if name not in ours for line in unpinned(name, text)]
    assert [line.split(":")[0] for line in found] == ["tools/drift.py"], found  # other versions are what it is for


@pytest.mark.parametrize(("name", "bad", "good"), [
    ("Dockerfile", "FROM python:3.11-slim", "FROM python:3.11.14-slim-bookworm AS base"),
    ("Dockerfile", "FROM --platform=linux/amd64 debian", f"FROM debian@sha256:{'0' * 64}"),
    ("Dockerfile", "RUN cd x && pip install numpy", "RUN cd x && pip install numpy -c constraints.txt && rm -r x"),
    ("Dockerfile", "RUN pip install \\\n  numpy", "RUN pip install \\\n  numpy==2.0.0 './a[torch]'"),
    ("run.sh", "pip install -r deploy/jupyterhub/requirements.txt", "pip install --requirement requirements.txt"),
    ("run.sh", "python -m pip install -U pip", "python -m pip install dist/cnnlib.whl"),
    ("run.sh", "pip install -r other.txt", "pip install -r tools/audit.txt"),
    ("run.sh", "npx serve _build", "npx serve@14.2.1 _build"),
    ("run.sh", "npm install", "npm ci"),
    ("run.sh", "npm i -g lighthouse@13", "npm i -g lighthouse@13.5.0"),
    ("run.sh", "curl -fsS https://example.org/x | sudo bash", "curl -fsS https://example.org/x | sha256sum --check y"),
    ("run.sh", "bash <(curl https://example.org/x)", "bash x"),
    ("run.sh", 'sh -c "$(wget -qO- https://example.org/x)"', 'sh -c "$(cat x)"'),
    ("w.yml", "  - uses: actions/checkout@v4", "  - uses: actions/checkout@v4.2.2"),
    ("w.yml", "  - uses: actions/checkout@main", f"  - uses: actions/checkout@{SHA}  # v4.2.2"),
    ("w.yml", "  - run: pip install build", "  - run: pip install build==1.0.0"),
    ("w.yml", "runs-on: ubuntu-latest", "runs-on: ubuntu-24.04"),
    ("k.yaml", "  image: busybox", "  image: busybox:1.37.0"),
    ("k.yaml", "  image: busybox:latest", "  image:"),
    ("README.md", "    helm upgrade --install a b/c --version 4 --values x", "    helm install a b/c --version 4.2.0"),
    ("a.py", 'run([python, "-m", "pip", "install", "numpy"])', 'run([python, "-m", "pip", "install", "numpy==2.0"])'),
    ("a.py", 'run(python, "-m", "pip", "install", wheel)', 'run(python, "-m", "pip", "install", "-c", pins, wheel)'),
    ("a.py", 'node.npm(["install", "--prefix", x])', 'node.npm(["ci", "--prefix", x])'),
])
def test_a_loose_line_is_found_and_its_exact_twin_is_not(name, bad, good):
    assert len(unpinned(name, f"x = 1\n{bad}\n" if name.endswith(".py") else f"x\n{bad}\n")) == 1
    assert unpinned(name, f"{good}\n") == []


def test_comments_are_no_commands():
    assert unpinned("run.sh", "# pip install numpy\n") == []


@pytest.mark.parametrize("folder", NPM)
def test_npm_packages_are_exact_and_locked_by_checksum(folder):
    package = json.loads((ROOT / folder / "package.json").read_text(encoding="utf-8"))
    lock = json.loads((ROOT / folder / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    assert lock[""]["dependencies"] == package["dependencies"]
    locked = {name: lock[f"node_modules/{name}"]["version"] for name in package["dependencies"]}
    assert locked == package["dependencies"]  # versions, not ranges
    rows = [row for path, row in lock.items() if path]
    assert rows and all(row["integrity"].startswith("sha512-") for row in rows)
    assert not any("resolved" in row for row in rows)  # any registry may serve it: npm compares the checksum
