"""Ask for known advisories against constraints.txt: ``python -m tools.audit [pypi|osv]``.

pip-audit runs from an environment of its own, made for this one time from tools/audit.txt. It counts as an answer only
if every package was looked up: pip-audit itself ends well, with "No known vulnerabilities found", when a service knows
none of them. contributing/advisories.yml names advisories that may be passed over, with a reason for each.
"""
import json
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

import yaml

from tools.project import ROOT

PINS = ROOT / "constraints.txt"
SERVICES = ("pypi", "osv")
OPTIONS = ["--no-deps", "--disable-pip", "--progress-spinner", "off", "--format", "json"]


def ask(program, service, *, pins=PINS):
    """Return what pip-audit says of each pinned package.

    Args:
        program: the command that starts pip-audit, a list.
        service: "pypi" or "osv".
        pins: the list of requirements to look up.

    Returns:
        pip-audit's list: for each package ``name`` and either ``vulns`` or ``skip_reason``.

    Raises:
        ValueError: pip-audit gives no answer for every package; the message is one line.
    """
    command = [*program, "--requirement", str(pins), "--vulnerability-service", service, *OPTIONS]
    try:
        done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=900, check=False)
        rows = json.loads(done.stdout)["dependencies"]
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ValueError(f"audit: pip-audit must run, got {type(error).__name__}") from None
    except (json.JSONDecodeError, KeyError, TypeError):
        said = (done.stderr.strip().splitlines() or ["nothing"])[-1][:300]
        raise ValueError(f"audit: {service} must answer, got: {said}") from None
    missed = [row["name"] for row in rows if "skip_reason" in row]
    if missed or not rows:
        names = ", ".join(missed[:3]) + (", ..." if len(missed) > 3 else "")
        raise ValueError(f"audit: {service} must know every package, got no answer for {len(missed)} of {len(rows)}: "
                         f"{names}")
    return rows


def findings(rows, excused):
    """Return a line for each advisory without an excuse, and for each excuse that nothing needs.

    Args:
        rows: what ``ask`` returned.
        excused: ``{id: reason}``; an id may be an advisory's own or one of its other names.
    """
    lines, used = [], set()
    for row in rows:
        for one in row["vulns"]:
            known = {one["id"], *one.get("aliases", [])} & set(excused)
            used |= known
            if not known:
                better = ", ".join(one.get("fix_versions", [])) or "no version"
                lines.append(f"audit: {row['name']} {row['version']} has {one['id']}, mended in {better}")
    return lines + [f"audit: {name} is excused, but nothing has it" for name in sorted(set(excused) - used)]


def main(arguments):
    """Print how many packages are clean, or return lines that say what is wrong."""
    service = arguments[0] if arguments else "pypi"
    if len(arguments) > 1 or service not in SERVICES:
        return f"audit: one of {', '.join(SERVICES)} must be given, got {' '.join(arguments)}"
    excused = yaml.safe_load((ROOT / "contributing" / "advisories.yml").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        try:
            rows = ask(_install(Path(folder)), service)
        except ValueError as error:
            return str(error)
    if lines := findings(rows, excused):
        return "\n".join(lines)
    print(f"audit: {len(rows)} packages, {len(excused)} advisories excused, nothing else known to {service}")
    return 0


def _install(folder):
    """Make an environment with pip-audit in a folder, and return the command that starts it."""
    venv.create(folder, with_pip=True)
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps",
               "--requirement", ROOT / "tools" / "audit.txt"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ValueError(f"audit: pip-audit must be installed, got: {(done.stderr.strip().splitlines() or [''])[-1]}")
    return [str(python), "-m", "pip_audit"]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
