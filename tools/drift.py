"""Try the book with other versions than the pinned ones: ``python -m tools.drift {newest|oldest}``.

In an environment of its own, in ``build/drift``, all notebooks are run, where the last digits of numbers may differ,
and all tests but those of the website, of grading, and in ``tests/drift.yml``, of which none may fail.
"""
import argparse
import os
import re
import subprocess
import sys
import tomllib

import yaml

from tools.project import ROOT

FOLDER = ROOT / "build" / "drift"
LEAST = re.compile(r"^([\w.-]+(?:\[[\w,]+\])?)>=([\w.]+)[^;]*(;.*)?$")
QUICK = ["-q", "-p", "no:cacheprovider", "-W", "default::DeprecationWarning",  # of old packages about newer ones
         "cnnlib", "tests", "--ignore=tests/site", "--ignore=tests/grading",
         "--deselect=tests/test_project_files.py"]  # which asks for the pinned versions


def wanted(age, text, own=()):
    r"""Return what pip is asked for: the requirements in their ranges, or each at the lower end of its range.

    Args:
        age: "newest" or "oldest".
        text: of requirements.txt.
        own: what the package itself asks for; a package that is in the text, too, has its range there.

    >>> print(wanted("oldest", "-c constraints.txt\n-e .[torch]\ntorch>=2.6,<3\nnbgrader==0.9.6", ["numpy>=1.26"]))
    -e .[torch]
    torch==2.6
    nbgrader==0.9.6
    numpy==1.26
    """
    lines = [line for line in text.splitlines() if line and not line.startswith(("-c", "#"))]
    lines += [line for line in own if not re.search(rf"^{_name(line)}\b", text, re.M)]
    if age == "oldest":
        lines = [LEAST.sub(r"\1==\2\3", line) for line in lines]
    return "\n".join(lines)


def left_out(age):
    """Return the tests that only the pinned versions pass, as ``tests/drift.yml`` tells with the reason of each."""
    table = yaml.safe_load((ROOT / "tests" / "drift.yml").read_text(encoding="utf-8"))
    return [test for tests in table.get(age, {}).values() for test in tests]


def changed(pinned, installed):
    r"""Return a line for each package that has another version than constraints.txt gives it.

    >>> changed("numpy==2.0.0\npytest==8.1", "numpy==2.1.0\npytest==8.1\nnew==1")
    ['numpy 2.0.0 → 2.1.0', 'new 1']
    """
    before, now = (dict(line.split("==") for line in text.splitlines() if re.fullmatch("[^#@ ]+==[^ ]+", line))
                   for text in (pinned.lower(), installed.lower()))
    return [f"{name} {before[name]} → {version}" if name in before else f"{name} {version}"
            for name, version in now.items() if before.get(name) != version]


def main(arguments=None):
    """Install, say what differs, run; return 1 if anything fails."""
    parser = argparse.ArgumentParser(prog="python -m tools.drift", description="Try other versions.")
    parser.add_argument("age", choices=["newest", "oldest"])
    age = parser.parse_args(arguments).age
    folder = FOLDER / age
    python = _install(age, folder)
    freeze = [python, "-m", "pip", "freeze", "--exclude-editable"]
    installed = subprocess.run(freeze, capture_output=True, text=True, check=True).stdout
    print("\n".join(changed((ROOT / "constraints.txt").read_text(encoding="utf-8"), installed)), flush=True)
    record = folder / "runs.jsonl"
    record.unlink(missing_ok=True)
    soaked = subprocess.run([python, "-m", "tools.soak", "--record", record, "versions"], cwd=ROOT).returncode
    one = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    quick = [*QUICK, *(f"--deselect={test}" for test in left_out(age))]
    tested = subprocess.run([python, "-m", "pytest", *quick], cwd=ROOT, env=one).returncode
    return int(bool(soaked or tested))


def _install(age, folder):
    """Return the Python of an environment with the wanted versions."""
    subprocess.run([sys.executable, "-m", "venv", "--clear", folder / "venv"], check=True)
    python = folder / "venv" / "bin" / "python"
    asked = folder / "requirements.txt"
    own = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    asked.write_text(wanted(age, (ROOT / "requirements.txt").read_text(encoding="utf-8"), own), encoding="utf-8")
    if subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--upgrade",
                       "--requirement", asked], cwd=ROOT).returncode:
        sys.exit(f"tools.drift: pip must find the {age} versions of requirements.txt and pyproject.toml together")
    return python


def _name(line):
    return re.match(r"[\w.-]+", line)[0]


if __name__ == "__main__":
    sys.exit(main())
