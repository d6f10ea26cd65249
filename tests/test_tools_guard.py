"""Whether grading can be tested on a machine, and what is said where it cannot."""
import platform

import pytest

from tools import guard


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Return a function that puts a program on an otherwise empty machine; nothing is really installed."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(platform, "system", lambda: "Linux")

    def program(name, text):
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)

    return program


def test_a_guard_that_works_is_taken(machine):
    machine("bwrap", "exit 0")
    assert guard.works() and guard.main() == 0


def test_one_that_may_not_make_a_sandbox_is_named(machine):
    machine("bwrap", "exit 1")
    assert guard.main() == (
        "guard: bubblewrap (bwrap) must work here to test grading; on Debian or Ubuntu: apt-get install bubblewrap")


def test_it_is_installed_where_it_is_missing(machine, tmp_path):
    machine("sudo", 'shift; exec "$@"')
    machine("apt-get", f'test "$1" = update || {{ printf "#!/bin/sh\\nexit 0\\n" > {tmp_path}/bwrap; '
                       f'/bin/chmod 755 {tmp_path}/bwrap; }}')
    assert not guard.works()
    assert guard.main() == 0 and guard.works()


def test_other_systems_are_left_in_peace(machine, monkeypatch):
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    assert guard.main() == 0 and not guard.works()
