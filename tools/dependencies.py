"""Write contributing/dependencies.md: what we depend on, why, and under which license.

``python -m tools.dependencies`` writes it, ``--check`` only says whether it is true. Reasons come from
contributing/dependencies.yml, names and versions from the lists of requirements and npm's lock files, licenses from the
installed packages. What is not installed here at the pinned version keeps the license that the page has.
"""
import json
import re
import sys
from collections import defaultdict
from functools import cache
from importlib.metadata import PackageNotFoundError, version

import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tools.licenses import license_of, refused
from tools.project import ROOT, bring_up_to_date, metadata

PAGE = ROOT / "contributing" / "dependencies.md"
ROWS = ROOT / "contributing" / "dependencies.yml"
LISTS = ("requirements.txt", "deploy/jupyterhub/requirements.txt")
NPM = ("tests/site", "benchmarks/lighthouse", "deploy/jupyterhub")
LISTED = re.compile(r"^- \*\*(.+?)\*\* \(\d+\): (.+)$", re.M)
TABLED = re.compile(r"^\| `([^`]+)` \| [^|]* \| ([^|]+) \|", re.M)
HEAD = """# What we depend on

Written by `python -m tools.dependencies` from the lists of requirements, npm's lock files, the installed packages and
the reasons in [dependencies.yml](dependencies.yml); edit those. A test compares. Where a license came from is its
package's metadata, or stands under the tables. The licenses of what we hand on
stand in [NOTICE.txt](../book/static/NOTICE.txt), which the website carries too.
"""


def requirements(path):
    """Return the lines of a list of requirements as ``Requirement``s, without comments and options."""
    lines = map(str.strip, (ROOT / path).read_text(encoding="utf-8").splitlines())
    return [Requirement(line) for line in lines if line and not line.startswith(("#", "-"))]


@cache
def pins(path="constraints.txt"):
    """Return ``{canonical name: (name, version)}`` of a list of pins."""
    return {canonicalize_name(pin.name): (pin.name, str(pin.specifier).removeprefix("=="))
            for pin in requirements(path)}


@cache
def direct_python():
    """Return the canonical names of the Python packages that a list of ours asks for."""
    build = re.search(r"^requires = (\[.*\])$", (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.M)[1]
    extras = [line for lines in metadata()["optional-dependencies"].values() for line in lines]
    asked = [Requirement(line) for line in [*metadata()["dependencies"], *extras, *json.loads(build)]]
    return {canonicalize_name(need.name) for need in [*asked, *(need for path in LISTS for need in requirements(path))]}


@cache
def direct_npm():
    """Return the names of the npm packages that a package.json of ours asks for."""
    return {name for folder in NPM for name in json.loads(_text(folder, "package.json"))["dependencies"]}


@cache
def locked():
    """Return ``{name: (versions, license or None)}`` of all npm packages in the lock files."""
    found = defaultdict(lambda: (set(), set()))
    for folder in NPM:
        for path, row in json.loads(_text(folder, "package-lock.json"))["packages"].items():
            if path:
                name = path.split("node_modules/")[-1]
                found[name][0].add(row["version"])
                found[name][1].update([row["license"]] if row.get("license") else [])
    return {name: (", ".join(sorted(numbers)), " AND ".join(sorted(licenses)).replace("(", "").replace(")", "") or None)
            for name, (numbers, licenses) in found.items()}


def recorded(page):
    """Return ``{name: license}`` as a page has them.

    >>> recorded("- **ISC** (2): one, two")
    {'one': 'ISC', 'two': 'ISC'}
    """
    listed = {name: stated for stated, names in LISTED.findall(page) for name in names.split(", ")}
    return {**{name: stated.strip() for name, stated in TABLED.findall(page)}, **listed}


def licenses(rows, page=""):
    """Return ``{name: license}`` of all packages: overrides, then installed metadata, then what the page has."""
    before, found = recorded(page), {}
    for name, pin in pins().values():
        stated = license_of(name) if _installed(name) == Version(pin) else before.get(name) or license_of(name)
        found[name] = stated or "unknown"
    found.update({name: stated or "unknown" for name, (_, stated) in locked().items()})
    return {**found, **{name: row[0] for name, row in rows["overrides"].items()}}


def complaints(rows, found):
    """Return a line for each hole, leftover and license that is not allowed.

    Args:
        rows: what dependencies.yml holds.
        found: the license of each package.
    """
    wrong = []
    for kind, asked in {"python": direct_python(), "npm": direct_npm(), "audit": {"pip-audit"}}.items():
        told = {canonicalize_name(name) if kind == "python" else name for name in rows[kind]}
        wrong += [f"{kind}: no reason for {name}" for name in sorted(asked - told)]
        wrong += [f"{kind}: a reason for {name}, which nothing asks for" for name in sorted(told - asked)]
    wrong += [f"overrides: {name} is not used" for name in rows["overrides"]
              if not {name, canonicalize_name(name)} & {*pins(), *locked(), "pip-audit"}]
    for name, stated in sorted(found.items()):
        if bad := refused(stated, rows["allowed"]):
            wrong.append(f"license: {name}: {', '.join(bad)} is not on the list of allowed licenses")
    return wrong


def page(rows, found):
    """Return the text of dependencies.md."""
    names = {key: name for key, (name, _) in pins().items()}
    numbers = {name: number for name, number in [*pins().values(), *pins("tools/audit.txt").values()]}
    npm = {name: number for name, (number, _) in locked().items()}
    direct = [(names.get(canonicalize_name(name), name), row) for kind in ("python", "audit")
              for name, row in rows[kind].items()]
    return "\n".join([
        HEAD, "## Python, asked for by us", "", *_table([(name, numbers[name], found[name], *row)
                                                         for name, row in sorted(direct, key=_small)]),
        "", "`pip-audit` runs in an environment of its own, which [tools/audit.txt](../tools/audit.txt) pins.",
        "", "## npm, asked for by us", "", *_table([(name, npm[name], found[name], *row)
                                                    for name, row in sorted(rows["npm"].items())]),
        "", "## Programs and images", "", "| what | license | why | without it | where the license is stated |",
        "| --- | --- | --- | --- | --- |",
        *(f"| {name} | {row[2]} | {row[0]} | {row[1]} | {row[3]} |" for name, row in rows["programs"].items()),
        "", "## Python, brought by these", "",
        *_groups(set(names.values()) - {name for name, _ in direct}, found),
        "", "## npm, brought by these", "", "Tests, benchmark and hub only; nothing of them is in the website.", "",
        *_groups(set(npm) - set(rows["npm"]), found),
        "", "## Licenses that need a thought", "",
        *(f"- {name}: {thought}." for name, thought in rows["thoughts"].items()),
        "", "## Where the metadata says too little", "",
        *(f"- {name}: {row[0]}, from {row[1]}." for name, row in rows["overrides"].items()), ""])


def main(arguments):
    """Write the page, or with ``--check`` compare; return 0 or a line that says what is wrong."""
    if arguments not in ([], ["--check"]):
        return f"dependencies: --check or nothing must be given, got {' '.join(arguments)}"
    rows = yaml.safe_load(ROWS.read_text(encoding="utf-8"))
    found = licenses(rows, PAGE.read_text(encoding="utf-8") if PAGE.exists() else "")
    if wrong := complaints(rows, found):
        return "\n".join(f"dependencies: {line}" for line in wrong)
    return int(bring_up_to_date(PAGE, page(rows, found), bool(arguments)))


def _text(*path):
    return ROOT.joinpath(*path).read_text(encoding="utf-8")


def _installed(name):
    try:
        return Version(Version(version(name)).public)
    except PackageNotFoundError:
        return None


def _small(row):
    return row[0].lower()


def _table(rows):
    head = ["| package | version | license | why | without it |", "| --- | --- | --- | --- | --- |"]
    return head + ["| " + " | ".join([f"`{row[0]}`", *row[1:]]) + " |" for row in rows]


def _groups(names, found):
    groups = defaultdict(list)
    for name in sorted(names, key=str.lower):
        groups[found[name]].append(name)
    return [f"- **{stated}** ({len(group)}): {', '.join(group)}"
            for stated, group in sorted(groups.items(), key=lambda row: (-len(row[1]), row[0]))]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
