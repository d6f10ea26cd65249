"""The audit of dependencies ends well only with an answer for every package; a fake pip-audit gives the answers."""
import json
import sys

import pytest

from tools import audit

CLEAN = {"name": "numpy", "version": "2.0", "vulns": []}
BAD = {"name": "pillow", "version": "1.0",
       "vulns": [{"id": "PYSEC-1", "aliases": ["CVE-2000-1"], "fix_versions": ["1.1"]}]}
SKIPPED = {"name": "torch", "skip_reason": "Dependency not found"}


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """Return a function that puts a pip-audit in place, with what it prints on stdout and stderr."""
    def place(out, err="", status=0):
        script = tmp_path / "fake.py"
        text = out if isinstance(out, str) else json.dumps({"dependencies": out})
        script.write_text(f"import sys\nprint({text!r})\nprint({err!r}, file=sys.stderr)\nsys.exit({status})\n")
        monkeypatch.setattr(audit, "_install", lambda folder: [sys.executable, str(script)])
        return [sys.executable, str(script)]

    return place


def test_an_answer_for_every_package_is_good(fake, capsys):
    fake([CLEAN])
    assert audit.main([]) == 0
    assert capsys.readouterr().out == "audit: 1 packages, 0 advisories excused, nothing else known to pypi\n"


def test_a_service_that_knows_no_package_is_not_a_clean_result(fake):
    fake([CLEAN, SKIPPED], "No known vulnerabilities found")  # with status 0, as pip-audit does
    assert audit.main(["osv"]) == "audit: osv must know every package, got no answer for 1 of 2: torch"
    fake([])
    assert audit.main(["osv"]).startswith("audit: osv must know every package")


def test_no_network_is_one_line(fake):
    fake("", "Traceback\n  File x\nConnectionError: no such host", status=1)
    assert audit.main(["osv"]) == "audit: osv must answer, got: ConnectionError: no such host"
    with pytest.raises(ValueError, match=r"^audit: pip-audit must run, got FileNotFoundError$"):
        audit.ask(["/no/such/program"], "pypi")


def test_a_missing_package_index_is_one_line(monkeypatch, tmp_path):
    monkeypatch.setattr(audit.venv, "create", lambda folder, with_pip: None)
    monkeypatch.setattr(audit.subprocess, "run", lambda *a, **k: type("Done", (), {
        "returncode": 1, "stderr": "WARNING: x\nERROR: No matching distribution found"}))
    assert audit.main([]) == "audit: pip-audit must be installed, got: ERROR: No matching distribution found"


def test_an_advisory_is_named_unless_it_is_excused(fake):
    fake([CLEAN, BAD], status=1)
    assert audit.main([]) == "audit: pillow 1.0 has PYSEC-1, mended in 1.1"
    assert audit.findings([BAD], {"CVE-2000-1": "we open no such file"}) == []
    assert audit.findings([CLEAN], {"CVE-2000-1": "old"}) == ["audit: CVE-2000-1 is excused, but nothing has it"]


def test_another_service_is_refused():
    assert audit.main(["elsewhere"]) == "audit: one of pypi, osv must be given, got elsewhere"
