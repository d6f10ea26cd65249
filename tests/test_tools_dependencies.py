"""Every dependency has a reason and an allowed license, and the page that says so is true."""
import copy

import pytest
import yaml

from tools import dependencies, licenses

ROWS = yaml.safe_load(dependencies.ROWS.read_text(encoding="utf-8"))
FOUND = dependencies.licenses(ROWS, dependencies.PAGE.read_text(encoding="utf-8"))


@pytest.fixture
def rows():
    return copy.deepcopy(ROWS)


def test_reasons_and_licenses_are_complete():
    assert dependencies.complaints(ROWS, FOUND) == []


def test_the_page_is_up_to_date():
    assert dependencies.PAGE.read_text(encoding="utf-8") == dependencies.page(ROWS, FOUND), (
        "run: python -m tools.dependencies")


def test_a_hole_and_a_leftover_are_named(rows):
    del rows["python"]["torch"], rows["npm"]["lighthouse"]
    rows["python"]["leftpad"], rows["overrides"]["rightpad"] = ["why", "without"], ["MIT", "nowhere"]
    assert dependencies.complaints(rows, FOUND) == [
        "python: no reason for torch", "python: a reason for leftpad, which nothing asks for",
        "npm: no reason for lighthouse", "overrides: rightpad is not used"]


@pytest.mark.parametrize("stated", ["GPL-3.0-only", "unknown", "MIT AND AGPL-3.0-only"])
def test_a_license_that_is_not_allowed_is_named(stated):
    bad = stated.split(" AND ")[-1]
    assert dependencies.complaints(ROWS, {**FOUND, "numpy": stated}) == [
        f"license: numpy: {bad} is not on the list of allowed licenses"]


@pytest.mark.parametrize(("fields", "expected"), [
    ("License-Expression: MIT OR GPL-2.0-only", "MIT OR GPL-2.0-only"),
    ("License: MPL-2.0 AND MIT", "MPL-2.0 AND MIT"), ("License: Apache 2.0", "Apache-2.0"),
    ("License: UNKNOWN\nClassifier: License :: OSI Approved :: ISC License (ISCL)", "ISC"),
    ("Classifier: License :: OSI Approved :: BSD License", "BSD-3-Clause"),
    ("License: ask me", None), ("Summary: no word", None)])
def test_metadata_is_read(tmp_path, monkeypatch, fields, expected):
    folder = tmp_path / "some_package-1.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: some-package\nVersion: 1\n{fields}\n")
    (folder / "LICENSE").write_text("Redistributions in binary form ...\nNeither the\n  name of the authors ...")
    (folder / "RECORD").write_text(f"{folder.name}/METADATA,,\n{folder.name}/LICENSE,,\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert licenses.license_of("some-package") == expected


def test_another_version_here_leaves_the_page_as_it_is(monkeypatch):
    before = dependencies.PAGE.read_text(encoding="utf-8")
    monkeypatch.setattr(dependencies, "_installed", lambda name: None)
    monkeypatch.setattr(dependencies, "license_of", lambda name: "something else")
    assert dependencies.page(ROWS, dependencies.licenses(ROWS, before)) == before
    assert dependencies.page(ROWS, dependencies.licenses(ROWS)) != before  # with nothing to go by


def test_check_says_what_would_change(tmp_path, monkeypatch, capsys):
    page = tmp_path / "dependencies.md"
    monkeypatch.setattr(dependencies, "PAGE", page)
    monkeypatch.setattr(dependencies, "licenses", lambda rows, before: FOUND)
    page.write_text(dependencies.page(ROWS, FOUND).replace("BSD-3-Clause", "BSD"))
    assert dependencies.main(["--check"]) == 1 and "would change" in capsys.readouterr().out
    assert dependencies.main([]) == 0 and dependencies.main(["--check"]) == 0
    assert dependencies.main(["--now"]) == "dependencies: --check or nothing must be given, got --now"
