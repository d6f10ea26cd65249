"""Start a program that sees the Python environment, an empty folder, and nothing else: bubblewrap, limits, own user.

What it may not do is in ``book/instructor_guide.md``, and so is what this does not protect against.
"""
import contextlib
import os
import resource
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MB = 2**20
GROUPS, GROUP = Path("/sys/fs/cgroup"), "cnn-grade"
HIDDEN = ROOT / "cnnlib" / "exercises" / "assignments"  # the course's own solutions
HOW_TO = ("bubblewrap (bwrap) must be installed for grading, got none; on Debian or Ubuntu: apt-get install "
          "bubblewrap; on macOS or Windows grade in a Linux container")


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one submission may use.

    Attributes:
        memory: megabytes, of all its processes together where cgroups can be made, of each otherwise.
        processes: processes and threads.
        disk: megabytes in its folder, and as many in /tmp and in /dev/shm, all in memory.
        cpu: seconds of computing, each process.
    """

    memory: int = 3000
    processes: int = 64
    disk: int = 64
    cpu: int = 120


def check_guard():
    """Raise ValueError where no sandbox can be made.

    Raises:
        ValueError: bubblewrap is not installed, or may not make one here; the message says what to do.
    """
    if not shutil.which("bwrap"):
        raise ValueError(f"sandbox: {HOW_TO}")
    command = [*_bwrap(Limits()), sys.executable, "-c", ""]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", cwd="/", check=False)
    if done.returncode:
        raise ValueError(f"sandbox: a sandbox must start on this machine, got: {done.stderr.strip()[:200]}")


class Sandbox:
    """A running program; ``close`` ends it and all that it started.

    Args:
        program: the Python file to run.
        limits: a Limits.
        trusted: run it without a sandbox, for an instructor who trusts the submissions.
    """

    def __init__(self, program, limits=None, *, trusted=False):
        limits = limits or Limits()
        self.groups = []
        limited = not trusted and self._make_groups(limits)
        groups = [str(group / "cgroup.procs") for group in self.groups]
        guarded = {"env": {"PATH": "/usr/bin:/bin"}, "cwd": "/", "preexec_fn": lambda: _limit(limits, limited, groups)}
        self.process = subprocess.Popen(
            [*([] if trusted else _bwrap(limits)), sys.executable, str(program)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True,
            **({"env": {**os.environ, "PYTHONPATH": str(ROOT)}} if trusted else guarded))

    def close(self):
        """End the program and wait for it; remove its cgroups."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, 9)
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(OSError):
                stream.close()
        for group in self.groups:
            _remove(group)

    def _make_groups(self, limits):
        """Make cgroups for memory and processes; return whether both are there."""
        name = f"{GROUP}-{os.getpid()}-{id(self):x}"
        unified = (GROUPS / "cgroup.controllers").exists()
        rows = [(GROUPS / name, {"memory.max": limits.memory * MB, "memory.swap.max": 0,
                                 "pids.max": limits.processes})] if unified else [
            (GROUPS / "memory" / name, {"memory.limit_in_bytes": limits.memory * MB}),
            (GROUPS / "pids" / name, {"pids.max": limits.processes})]
        try:
            for group, files in rows:
                group.mkdir()
                self.groups.append(group)
                for file, value in files.items():
                    (group / file).write_text(str(value))
        except OSError:  # an ordinary user, or a container: the limits of each process must do
            for group in self.groups:
                _remove(group)
            self.groups = []
        return bool(self.groups)


def sweep(process=None):
    """Remove the cgroups that a process made and did not live to remove; by default those of all that are gone."""
    for folder in (GROUPS, GROUPS / "memory", GROUPS / "pids"):
        for group in folder.glob(f"{GROUP}-{process or '*'}-*"):
            if process or not Path("/proc", group.name.split("-")[-2]).exists():
                _remove(group)


def _bwrap(limits):
    """Return the command line before the program's own."""
    root = os.geteuid() == 0
    size = str(limits.disk * MB)
    spaces = ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"]
    arguments = ["bwrap", *(spaces if root else ["--unshare-all"]), "--die-with-parent", "--new-session", "--clearenv",
                 "--cap-drop", "ALL"]
    if root:
        arguments += [part for name in ("SETUID", "SETGID", "SETPCAP") for part in ("--cap-add", f"CAP_{name}")]
    arguments += ["--ro-bind", "/usr", "/usr", "--symlink", "usr/bin", "/bin", "--symlink", "usr/lib", "/lib",
                  "--symlink", "usr/lib64", "/lib64", "--proc", "/proc", "--dev", "/dev",
                  "--remount-ro", "/dev"]
    if os.path.exists("/etc/ld.so.cache"):
        arguments += ["--ro-bind", "/etc/ld.so.cache", "/etc/ld.so.cache"]
    for folder in ("/tmp", "/box", "/dev/shm"):  # before the project, which may stand in /tmp
        arguments += ["--perms", "1777", "--size", size, "--tmpfs", folder]
    made = set()
    own = [ROOT / "cnnlib", *(ROOT / "grading" / name for name in ("__init__.py", "inside.py", "wire.py"))]
    for path in [Path(sys.base_prefix).resolve(), Path(sys.prefix).absolute(), *own]:
        if not str(path).startswith("/usr/"):
            arguments += [*_parents(path, made), "--ro-bind", str(path), str(path)]
    if HIDDEN.exists():
        arguments += ["--tmpfs", str(HIDDEN), "--remount-ro", str(HIDDEN)]
    arguments += ["--chdir", "/box", "--remount-ro", "/"]
    settings = {"PATH": "/usr/bin:/bin", "HOME": "/box", "LANG": "C.UTF-8", "OMP_NUM_THREADS": "1",
                "OPENBLAS_NUM_THREADS": "1", "MPLBACKEND": "agg", "MPLCONFIGDIR": "/tmp", "IPYTHONDIR": "/tmp/ipython",
                "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(ROOT)}
    for name, value in settings.items():
        arguments += ["--setenv", name, value]
    user = str(20_000 + os.getpid() % 20_000)
    drop = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all",
            "--no-new-privs"]
    # counted in the new user's own space: outside, the grader's other processes would count too
    return [*arguments, "--", "prlimit", f"--nproc={limits.processes}", *(drop if root else [])]


def _parents(path, made):
    """Return arguments that make the folders above a path readable for all: bubblewrap itself would not."""
    arguments = []
    for parent in reversed(path.parents):
        if str(parent) not in ("/", "/tmp", "/usr") and parent not in made:
            made.add(parent)
            arguments += ["--perms", "0755", "--dir", str(parent)]
    return arguments


def _limit(limits, limited, groups):
    """Run in the new process before it becomes bubblewrap."""
    for file in groups:
        with open(file, "w", encoding="ascii") as group:
            group.write(str(os.getpid()))
    resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu, limits.cpu + 5))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (limits.disk * MB, limits.disk * MB))
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, 512))
    if not limited:
        resource.setrlimit(resource.RLIMIT_AS, (2 * limits.memory * MB, 2 * limits.memory * MB))
    os.nice(5)


def _remove(group):
    for _ in range(50):
        try:
            group.rmdir()
            return
        except FileNotFoundError:
            return
        except OSError:  # its last process is still ending
            time.sleep(0.02)
