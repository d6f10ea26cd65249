"""Serve a folder on this machine only: ``python -m tools.serve _build/html``."""
import contextlib
import socket
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HOST = "127.0.0.1"
FIRST_PORT = 8000


class Handler(SimpleHTTPRequestHandler):
    """Serve files with the types that browsers insist on."""

    extensions_map = {**SimpleHTTPRequestHandler.extensions_map, ".mjs": "text/javascript", ".woff2": "font/woff2"}

    def log_message(self, *args):
        """Print nothing for each request."""


class Server(ThreadingHTTPServer):
    """Serve each request in a thread, and take it calmly when a browser hangs up."""

    def handle_error(self, request, client_address):
        """Report what went wrong unless the browser only closed the connection."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def open_server(folder, port=FIRST_PORT):
    """Return a server on a port, or on the next free one; port 0 means any free one."""
    for candidate in [0] if port == 0 else range(port, port + 100):
        with contextlib.suppress(OSError):
            return Server((HOST, candidate), partial(Handler, directory=str(folder)))
    raise ValueError(f"serve: a port from {port} to {port + 99} must be free, got none")


def free_port():
    """Return a port of this machine's own address that nobody uses."""
    with socket.socket() as one:
        one.bind((HOST, 0))
        return one.getsockname()[1]


def url(server):
    """Return the address of a server."""
    return f"http://{HOST}:{server.server_address[1]}"


@contextlib.contextmanager
def serving(folder):
    """Serve a folder on a free port for the length of a ``with`` block, which gets the address."""
    server = open_server(folder, port=0)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield url(server)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def main(arguments):
    """Serve until Ctrl-C."""
    if len(arguments) != 1 or not Path(arguments[0]).is_dir():
        return f"serve: needs one existing folder, got {' '.join(arguments) or 'none'}"
    try:
        server = open_server(arguments[0])
    except ValueError as error:
        return str(error)
    print(f"The book is at {url(server)} (Ctrl-C stops it)", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        server.serve_forever()
    server.server_close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
