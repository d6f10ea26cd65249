"""A real hub for a test: system users, a course, an exchange and JupyterHub, all gone at the end."""
import contextlib
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from grading.sandbox import ROOT
from tools.serve import free_port

HUB = ROOT / "deploy" / "jupyterhub"
SETTINGS = '''\
state = "{folder}/state"
exchange = "{folder}/exchange"
course = "{course}"
instructor = "{instructor}"
students = "{group}"
port = {port}
'''


class Room:
    """System users and a hub for them, for the length of a ``with`` block.

    Args:
        students: their names, to which the room adds a text of its own, so that no user of this machine is meant.

    Attributes:
        folder: holds everything; others can pass through it.
        names: the system user of each name, "teacher" among them.
        passwords: the password of each system user.
        course: the course's folder, of mode 700 and the teacher's own.
        exchange: nbgrader's exchange.
        url: the hub's address.

    Raises:
        RuntimeError: this is not root, or a program is missing.
    """

    def __init__(self, *students):
        if os.geteuid() != 0:
            raise RuntimeError("room: the hub's test makes system users and must run as root, got user "
                               f"{os.geteuid()}")
        for program in ("bwrap", "useradd", "userdel", "groupadd", "groupdel", "chpasswd", "setpriv"):
            if not shutil.which(program):
                raise RuntimeError(f"room: {program} must be installed, got none")
        mark = secrets.token_hex(3)
        self.group = f"cnn{mark}"
        self.names = {name: f"cnn{mark}{name}" for name in ("teacher", *students)}
        self.passwords = {user: secrets.token_hex(12) for user in self.names.values()}
        self._end = contextlib.ExitStack()

    def __enter__(self):
        try:
            self.folder = Path(tempfile.mkdtemp(prefix="cnn-room-"))
            self._end.callback(shutil.rmtree, self.folder, ignore_errors=True)
            self.folder.chmod(0o755)
            self.exchange, self.home = self.folder / "exchange", self.folder / "home"
            self.course = self.home / self.names["teacher"] / "course"
            self.home.mkdir()
            self._make_users()
            for folder, mode in ((self.course, 0o700), (self.exchange, 0o1777)):
                folder.mkdir()
                folder.chmod(mode)
                shutil.chown(folder, self.names["teacher"], self.names["teacher"])
            return self
        except BaseException:
            self._end.close()
            raise

    def __exit__(self, *error):
        self._end.close()

    def run(self, name, *command, check=True):
        """Run a command as a user, in the project's folder, and return what it printed.

        Raises:
            AssertionError: it fails, and ``check`` is set.
        """
        user = self.names[name]
        variables = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": str(self.home / user),
                     "USER": user, "LANG": "C.UTF-8", "OMP_NUM_THREADS": "1"}
        done = subprocess.run(
            [*within(), "setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", *map(str, command)],
            cwd=ROOT, env=variables, capture_output=True, text=True, timeout=120, check=False)
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def grading(self, *command):
        """Run one of the instructor's commands as the teacher, and return what it printed."""
        return self.run("teacher", sys.executable, "-m", "grading", "--course", self.course, *command)

    def start(self):
        """Start the hub; ``wait`` returns when it answers."""
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        settings = self.folder / "hub.toml"
        settings.write_text(SETTINGS.format(folder=self.folder, course=self.course, instructor=self.names["teacher"],
                                            group=self.group, port=port), encoding="utf-8")
        log = self._end.enter_context(open(self.folder / "hub.log", "w", encoding="utf-8"))
        command = [*within(whole=True), sys.executable, str(HUB / "start.py"), str(settings)]
        self._hub = subprocess.Popen(command, cwd=ROOT, start_new_session=True, stdin=subprocess.DEVNULL,
                                     stdout=log, stderr=subprocess.STDOUT,
                                     env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"})
        self._end.callback(_stop, self._hub)

    @property
    def hub(self):
        """The number of the hub's process; all others run under it."""
        return self._hub.pid

    def end(self):
        """End the hub and all servers; who waits for an answer of theirs gets an error."""
        _stop(self._hub)

    def wait(self):
        """Return when the hub answers.

        Raises:
            RuntimeError: it ends, or says nothing for a minute.
        """
        for _ in range(600):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{self.url}/hub/health", timeout=5).close()
                return
            if self._hub.poll() is not None:
                break
            time.sleep(0.1)
        raise RuntimeError(f"room: the hub must answer within a minute, got: {self.log()}")

    def log(self):
        """Return what the hub and the servers said."""
        return (self.folder / "hub.log").read_text(encoding="utf-8")

    def _make_users(self):
        _do("groupadd", self.group)
        self._end.callback(_do, "groupdel", self.group, check=False)
        for name, user in self.names.items():
            own = ["--user-group"] + (["--groups", self.group] if name != "teacher" else [])
            _do("useradd", *own, "--create-home", "--home-dir", str(self.home / user), "--shell", "/bin/bash", user)
            self._end.callback(_do, "userdel", "--force", user, check=False)
            (self.home / user).chmod(0o755 if name == "teacher" else 0o700)  # the course's folder guards itself
        text = "".join(f"{user}:{password}\n" for user, password in self.passwords.items())
        _do("chpasswd", input=text)


def within(*, whole=False):
    """Return the start of a command line for a program that ends with this one, and whose users can reach Python.

    Where Python or the project lies in a folder that only root can enter, as /root, the program sees in that folder's
    place another one with nothing but Python and the project.

    Args:
        whole: let all that it starts end with it; no sandbox for grading can be made under it then.
    """
    command = ["bwrap", "--dev-bind", "/", "/", "--die-with-parent"]
    command += ["--unshare-pid", "--proc", "/proc"] if whole else []
    needed = [Path(sys.base_prefix).resolve(), Path(sys.prefix).absolute(), ROOT]
    closed = {folder: next((each for each in [*reversed(folder.parents), folder] if not each.stat().st_mode & 1), None)
              for folder in needed}
    for top in sorted({top for top in closed.values() if top}):
        command += ["--perms", "0755", "--tmpfs", str(top)]
    for folder, top in sorted(closed.items()):
        if top:
            between = [each for each in [*reversed(folder.parents), folder] if top in each.parents]
            command += [part for each in between for part in ("--perms", "0755", "--dir", str(each))]
            for child in [folder] if folder.stat().st_mode & 1 else sorted(folder.iterdir()):
                command += ["--ro-bind", str(child), str(child)]
    return [*command, "--"]


def _do(*command, check=True, **options):
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    if check and done.returncode:
        raise RuntimeError(f"room: {command[0]} must work, got: {done.stderr.strip()}")


def _stop(hub):
    hub.kill()  # all that runs under it shares its world of processes and ends with it
    hub.wait()
    time.sleep(0.5)
