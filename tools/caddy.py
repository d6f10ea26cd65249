"""Serve a folder as the website's own server does: Caddy with the configuration in deploy/static."""
import contextlib
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tools.project import ROOT

CADDY = Path(sys.executable).with_name("caddy.exe" if sys.platform == "win32" else "caddy")
CONFIG = ROOT / "deploy" / "static" / "Caddyfile"
LISTENS = re.compile(r'"actual_address":"(127\.0\.0\.1:\d+)"')


@contextlib.contextmanager
def compressing(folder):
    """Serve a folder on a free port of this machine for the length of a ``with`` block, which gets the address.

    Raises:
        RuntimeError: Caddy does not start; the message is what it says.
    """
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "ADDRESS": "http://127.0.0.1:0", "SITE": str(Path(folder).resolve()),
                       "HOME": home, "XDG_CONFIG_HOME": home, "XDG_DATA_HOME": home}
        log = Path(home) / "log"
        with open(log, "wb") as file:
            process = subprocess.Popen([CADDY, "run", "--config", CONFIG, "--adapter", "caddyfile"], env=environment,
                                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=file)
        try:
            yield _address(log, process)
        finally:
            process.terminate()
            process.wait(30)


def _address(log, process):
    """Return the address that Caddy names when it listens."""
    while process.poll() is None:
        if found := LISTENS.search(log.read_text(encoding="utf-8")):
            return f"http://{found[1]}"
        time.sleep(0.05)
    raise RuntimeError(log.read_text(encoding="utf-8"))
