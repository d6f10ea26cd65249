"""Which Chromium the tests take, and what happens where there is none."""
import os
import subprocess

import pytest

from tools import browser


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Return a function that puts a program on an otherwise empty machine; nothing is really installed."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv("CNN_CHROMIUM", raising=False)
    monkeypatch.setattr(browser, "APPLICATIONS", (str(tmp_path / "application"),))
    monkeypatch.setattr(browser, "_playwrights", lambda: str(tmp_path / "playwright"))

    def program(name, *, works=True):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\nexit {0 if works else 1}\n")
        path.chmod(0o755)
        return str(path)

    return program


def test_the_order_is_named_path_application_playwright(machine, monkeypatch):
    own = machine("playwright")
    assert browser.chromium_path() == own
    application = machine("application")
    assert browser.chromium_path() == application
    later = machine("bin/google-chrome")
    assert browser.chromium_path() == later
    found = machine("bin/chromium")
    assert browser.chromium_path() == found
    named = machine("named")
    monkeypatch.setenv("CNN_CHROMIUM", named)
    assert browser.chromium_path() == named


def test_one_that_does_not_start_is_passed_over(machine):
    machine("bin/chromium", works=False)
    assert browser.chromium_path() is None
    works = machine("bin/google-chrome")
    assert browser.chromium_path() == works


def test_a_wrong_setting_is_one_line(machine, monkeypatch):
    monkeypatch.setenv("CNN_CHROMIUM", "gone")
    assert browser.main() == "browser: CNN_CHROMIUM must name a Chromium that starts, got gone"


def commands(monkeypatch, act=lambda command: None):
    """Record the commands that would be run, and let one act."""
    ran = []
    real = subprocess.run

    def run(command, **options):
        if command[-1] == "--version":
            return real(command, **options)
        ran.append(command)
        act(command)

    monkeypatch.setattr(browser.subprocess, "run", run)
    return ran


def test_playwrights_download_is_tried_first(machine, monkeypatch, capsys):
    ran = commands(monkeypatch, lambda command: machine("playwright"))
    assert browser.main() == 0
    assert [command[1:] for command in ran] == [["-m", "playwright", "install", "chromium"]]
    assert capsys.readouterr().out.strip().endswith("playwright")


def test_then_the_systems_package(machine, monkeypatch):
    machine("bin/apt-get")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    ran = commands(monkeypatch, lambda command: command[-1] == "chromium" and "sudo" in command
                   and machine("bin/chromium"))
    assert browser.main() == 0
    assert ran[1:] == [["sudo", "-n", "apt-get", "update", "-q"],
                       ["sudo", "-n", "apt-get", "install", "-y", "-q", "chromium"]]


def test_where_nothing_works_one_line_says_what_to_do(machine, monkeypatch):
    commands(monkeypatch)
    line = browser.main()
    assert line.startswith("browser: no Chromium was found") and "CNN_CHROMIUM" in line and "\n" not in line
