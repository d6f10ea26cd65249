"""The lists of requirements agree with each other and with the environment that runs this test."""
import re
import tomllib
from importlib.metadata import PackageNotFoundError, requires, version

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tools.project import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def lines(name):
    """Return the lines of a list of requirements, without comments and options."""
    text = (ROOT / name).read_text(encoding="utf-8")
    return [line for line in map(str.strip, text.splitlines()) if line and not line.startswith(("#", "-"))]


PINS = {canonicalize_name(line.split("==")[0]): line.split("==")[1] for line in lines("constraints.txt")}
RANGES = [Requirement(line) for line in [*lines("requirements.txt"), *PROJECT["dependencies"],
                                         *PROJECT["optional-dependencies"]["torch"]]]


def closure(name, seen):
    """Collect the names of all that a package needs on this machine."""
    if canonicalize_name(name) in seen:
        return seen
    seen.add(canonicalize_name(name))
    if canonicalize_name(name) == "torch":  # what it brings differs from one build to the other
        return seen
    for line in requires(name) or []:
        need = Requirement(line)
        if need.marker is None or need.marker.evaluate({"extra": ""}):
            closure(need.name, seen)
    return seen


def test_constraints_are_exact_sorted_and_portable():
    listed = lines("constraints.txt")
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in listed)  # no +cpu, no path, no editable install
    assert listed == sorted(listed, key=str.lower) and len(listed) == len(PINS)
    assert "cnnlib" not in PINS


@pytest.mark.parametrize("need", RANGES, ids=str)
def test_ranges_admit_the_tested_version(need):
    assert need.specifier.contains(PINS[canonicalize_name(need.name)])


def test_this_environment_is_the_tested_one():
    different = {}
    for name, pin in PINS.items():
        try:
            installed = Version(version(name)).public
        except PackageNotFoundError:
            continue  # a package of another system
        if Version(installed) != Version(pin):
            different[name] = installed
    assert different == {}


def test_everything_that_is_needed_is_pinned():
    needed = set()
    for need in RANGES:
        closure(need.name, needed)
    assert needed - set(PINS) == set()


def test_plain_pip_takes_the_tested_set_and_the_package_itself():
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert "-c constraints.txt" in text and "-e .[torch]" in text


def test_citation_is_readable_and_agrees():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == PROJECT["version"] and citation["license"] == ["MIT", "CC-BY-4.0"]


@pytest.mark.parametrize("path", sorted((ROOT / ".github" / "workflows").iterdir()), ids=lambda path: path.stem)
def test_workflow_uses_nothing_that_others_can_change(path):
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    uses = [step["uses"] for job in workflow["jobs"].values() for step in job["steps"] if "uses" in step]
    assert uses and all(re.fullmatch("actions/[a-z-]+@[0-9a-f]{40}", use) for use in uses)
    assert workflow["permissions"] == {"contents": "read"}


def test_other_versions_and_advisories_are_asked_for_every_week():
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "versions.yml").read_text(encoding="utf-8"))
    minute, hour, day, month, weekday = workflow[True]["schedule"][0]["cron"].split()  # YAML reads "on" as true
    assert (day, month) == ("*", "*") and all(part.isdigit() for part in (minute, hour, weekday))
    jobs = workflow["jobs"]
    assert {"oldest", "newest"} == {each["age"] for each in jobs["drift"]["strategy"]["matrix"]["include"]}
    called = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    assert called == ["make drift AGE=${{ matrix.age }}", "make audit"]


def test_the_readmes_folder_map_is_true():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    named = re.findall(r"^\| `([\w./]+)` \|", readme, re.M)
    assert len(named) > 8 and [name for name in named if not (ROOT / name).exists()] == []
    targets = [target for target in re.findall(r"\]\(([^)#:]+)\)", readme) if not (ROOT / target).exists()]
    assert targets == []
    assert re.findall(r"`make ([a-z-]+)`", readme)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert [goal for goal in re.findall(r"`make ([a-z-]+)`", readme) if f"\n{goal}:" not in makefile] == []
