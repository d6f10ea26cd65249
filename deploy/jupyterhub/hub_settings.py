"""Read and check hub.toml."""
import ipaddress
import os
import pwd
import tomllib
from pathlib import Path

NEEDED = ("state", "exchange", "course", "instructor", "students")
EACH = 512 * 2**20  # bytes of a student's server with a notebook that runs a network
STARTS = 20  # servers that one core can start at the same time without being too late for any


def read_settings(path):
    """Return the settings of a hub as a dict.

    Args:
        path: a file like ``hub.toml`` in this folder.

    Raises:
        ValueError: a setting is missing, or what was asked for is not safe.
    """
    try:
        rows = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"hub: {path} must be a TOML file, got {error}") from None
    rows = {"address": "127.0.0.1", "port": 8000, "idle_minutes": 60, "servers": room_for(), "login": {"kind": "pam"},
            "tls": {}, **rows}
    for name in NEEDED:
        if not isinstance(rows.get(name), str) or not rows[name]:
            raise ValueError(f"hub: {name} must be set in {path}, got {rows.get(name)}")
    if type(rows["servers"]) is not int or rows["servers"] < 1:
        raise ValueError(f"hub: servers must be a number from 1, got {rows['servers']}")
    local = ipaddress.ip_address(rows["address"]).is_loopback
    kind = rows["login"].get("kind")
    if kind not in ("pam", "shared"):
        raise ValueError(f'hub: [login] kind must be "pam" or "shared", got {kind}')
    if kind == "shared" and not local:
        raise ValueError(f"hub: a shared password is for this machine alone, got address {rows['address']}")
    if not local and not (rows["tls"].get("key") and rows["tls"].get("cert")):
        raise ValueError(f"hub: passwords travel encrypted or not at all; [tls] must have key and cert where address "
                         f"is not 127.0.0.1, got {rows['address']}")
    return rows


def room_for():
    """Return for how many users' servers this machine has memory."""
    return max(1, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // EACH)


def starts():
    """Return how many servers this machine may start at the same time."""
    return STARTS * (os.cpu_count() or 1)


def check_machine(rows):
    """Raise ValueError where the hub cannot keep students out of the course.

    Args:
        rows: what ``read_settings`` returned.
    """
    if os.geteuid() != 0:
        raise ValueError("hub: must be started by root, since each student's server runs as the student's own user")
    course = Path(rows["course"])
    if not (course / "course.toml").is_file():
        raise ValueError(f"hub: course must be a folder made with python -m grading init, got {course}")
    if (mode := course.stat().st_mode & 0o777) != 0o700:
        raise ValueError(f"hub: the course's folder must have mode 700, got {mode:o}; run: chmod 700 {course}")
    if course.owner() != rows["instructor"]:
        raise ValueError(f"hub: the course's folder must belong to {rows['instructor']}, got {course.owner()}")
    home = Path(pwd.getpwnam(rows["instructor"]).pw_dir)
    if home not in course.parents:
        raise ValueError(f"hub: the course's folder must lie in {home}, where nbgrader's grading page finds it, got "
                         f"{course}")
    exchange = Path(rows["exchange"])
    if not exchange.is_dir() or exchange.stat().st_mode & 0o1777 != 0o1777:
        raise ValueError(f"hub: exchange must be a folder of mode 1777, got {exchange}; run: install -d -m 1777 "
                         f"-o {rows['instructor']} {exchange}")
