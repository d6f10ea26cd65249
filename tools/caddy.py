"""Serve a folder as the website's own server does: Caddy with the configuration in deploy/static."""
import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tools.project import ROOT

CADDY = Path(sys.executable).with_name("caddy.exe" if sys.platform == "win32" else "caddy")
CONFIG = ROOT / "deploy" / "static" / "Caddyfile"
LISTENS = re.compile(r'"actual_address":"(127\.0\.0\.1:\d+)"')  # said of a port that it chose itself
SERVES, RELOADED = "serving initial configuration", "successfully reloaded config from file"


class Server:
    """A running Caddy, for the length of a ``with`` block.

    Args:
        folder: the website.
        port: of this machine's own address; 0 means any free one, which a reload would not keep.

    Attributes:
        address: where it listens.

    Raises:
        RuntimeError: Caddy does not start; the message is what it says.
    """

    def __init__(self, folder, port=0):
        self.address, self._folder = f"http://127.0.0.1:{port}", Path(folder).resolve()

    def __enter__(self):
        self._home = tempfile.TemporaryDirectory()
        try:
            self._start()
        except BaseException:
            self._home.cleanup()
            raise
        return self

    def __exit__(self, *error):
        self._stop()
        self._home.cleanup()

    def reload(self):
        """Let it read its configuration again while it serves, and return when it has."""
        self._log.write_bytes(b"")  # Caddy writes at the end of what is there
        self._process.send_signal(signal.SIGUSR1)
        self._wait_for(RELOADED)

    def restart(self):
        """Stop it and start it again at the same address; in between nobody answers."""
        self._stop()
        self._start()

    def memory(self):
        """Return the most memory that it has had since its start, in megabytes."""
        status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii")
        return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024

    def log(self):
        """Return what it has said since its start."""
        return self._log.read_text(encoding="utf-8")

    def _start(self):
        home = self._home.name
        environment = {**os.environ, "ADDRESS": self.address, "SITE": str(self._folder),
                       "HOME": home, "XDG_CONFIG_HOME": home, "XDG_DATA_HOME": home}
        self._log = Path(home) / "log"
        self._log.unlink(missing_ok=True)
        with open(self._log, "ab") as file:
            self._process = subprocess.Popen([CADDY, "run", "--config", CONFIG, "--adapter", "caddyfile"],
                                             env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                             stderr=file)
        try:
            self._wait_for(SERVES)
        except BaseException:
            self._stop()
            raise
        if found := LISTENS.search(self.log()):
            self.address = f"http://{found[1]}"

    def _wait_for(self, words):
        while words not in self.log():
            if self._process.poll() is not None:
                raise RuntimeError(self.log())
            time.sleep(0.02)

    def _stop(self):
        self._process.terminate()
        self._process.wait(30)


@contextlib.contextmanager
def compressing(folder):
    """Serve a folder on a free port of this machine for the length of a ``with`` block, which gets the address.

    Raises:
        RuntimeError: Caddy does not start; the message is what it says.
    """
    with Server(folder) as server:
        yield server.address
