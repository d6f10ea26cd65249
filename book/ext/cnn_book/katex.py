"""Formulas: a render server that is there also on a busy machine, and no page with a formula that KaTeX cannot read.

As it comes, sphinxcontrib-katex connects as soon as the server's socket file exists. Between that moment and the
server's first ``listen`` a connection is refused, which ends the build, and the server, left alone, keeps its output
open.
"""
import html
import os
import re
import socket
import subprocess
import time

import sphinxcontrib.katex
from sphinx.errors import ExtensionError
from sphinxcontrib.katex import KaTeXServer

from tools.node import node_binary

PATIENCE = 60  # seconds
# Node ends when its input does: so it never outlives a build that was killed
FOLLOW = "--import=data:text/javascript,process.stdin.resume().on('end',()=>process.exit())"

ERROR = re.compile(r'class="katex-error" title="ParseError: ([^"]*)"')


def refuse_errors(app, pagename, templatename, context, doctree):
    """Let a formula that cannot be read fail the build: KaTeX only colours it.

    Raises:
        ExtensionError: the page has such a formula.
    """
    if match := ERROR.search(context.get("body", "")):
        raise ExtensionError(f"{pagename}: a formula cannot be read: {html.unescape(match[1])}")


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
