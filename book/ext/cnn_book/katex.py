"""Start sphinxcontrib-katex's render server so that it is there also on a busy machine.

As it comes, the extension connects as soon as the server's socket file exists. Between that moment and the server's
first ``listen`` a connection is refused, which ends the build, and the server, left alone, keeps its output open.
"""
import os
import socket
import subprocess
import time

import sphinxcontrib.katex
from sphinxcontrib.katex import KaTeXServer

from tools.node import node_binary

PATIENCE = 60  # seconds
# Node ends when its input does: so it never outlives a build that was killed
FOLLOW = "--import=data:text/javascript,process.stdin.resume().on('end',()=>process.exit())"


def use_patiently():
    """Let the extension take Node from its pip package and wait for the server."""
    sphinxcontrib.katex.NODEJS_BINARY = str(node_binary())  # the package puts none on the PATH
    sphinxcontrib.katex.STARTUP_TIMEOUT = sphinxcontrib.katex.RENDER_TIMEOUT = PATIENCE
    KaTeXServer.start_server_process = classmethod(start_server_process)


def start_server_process(cls, rundir, timeout):
    """Return the server's process and a socket connected to it."""
    path = rundir / "katex.sock"
    process = subprocess.Popen(cls.build_command(socket=path), cwd=rundir, env={**os.environ, "NODE_OPTIONS": FOLLOW},
                               stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    end = time.monotonic() + timeout
    while time.monotonic() < end and process.poll() is None:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.connect(str(path))
            return process, connection
        except (FileNotFoundError, ConnectionRefusedError):
            connection.close()
            time.sleep(0.01)
    process.kill()
    process.communicate()
    raise cls.timeout_error(timeout)
