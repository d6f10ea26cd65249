"""The static server: its port, its types, its end."""
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from urllib.parse import urlsplit

import pytest

from tools.project import ROOT
from tools.serve import HOST, main, open_server, serving, url


@pytest.fixture
def folder(tmp_path):
    """Return a folder with a file of each kind."""
    for name in ("index.html", "host.mjs", "font.woff2", "data.json", "style.css"):
        (tmp_path / name).write_text(name)
    return tmp_path


@pytest.mark.parametrize(("name", "kind"), [
    ("index.html", "text/html"), ("host.mjs", "text/javascript"), ("font.woff2", "font/woff2"),
    ("data.json", "application/json"), ("style.css", "text/css")])
def test_types_are_those_that_browsers_insist_on(folder, name, kind):
    with serving(folder) as address, urllib.request.urlopen(f"{address}/{name}") as answer:
        assert answer.headers["Content-Type"] == kind and answer.read() == name.encode()


def test_only_this_machine_is_served_and_nothing_outside_the_folder(folder):
    (folder / "inside").mkdir()
    with serving(folder / "inside") as address:
        assert urlsplit(address).hostname == HOST == "127.0.0.1"
        for path in ("../index.html", "%2e%2e/index.html", "gone.html"):
            with pytest.raises(urllib.error.HTTPError, match="404") as caught:
                urllib.request.urlopen(f"{address}/{path}")
            caught.value.close()


def test_a_busy_port_gives_the_next_free_one(folder):
    first = open_server(folder)
    port = first.server_address[1]
    second = open_server(folder, port=port)
    assert port < second.server_address[1] < port + 100 and url(second) != url(first)
    first.server_close()
    second.server_close()


def test_no_free_port_is_one_line(folder, monkeypatch):
    def busy(*args, **kwargs):
        raise OSError(98, "Address already in use")

    monkeypatch.setattr("tools.serve.Server", busy)
    assert main([str(folder)]) == "serve: a port from 8000 to 8099 must be free, got none"


def test_the_port_is_free_again_after_the_block(folder):
    with serving(folder) as address:
        port = urlsplit(address).port
    with socket.socket() as probe:
        assert probe.connect_ex((HOST, port)) != 0


@pytest.mark.parametrize("arguments", [[], ["gone"], ["a", "b"]])
def test_a_missing_folder_is_one_line(arguments):
    assert main(arguments) == f"serve: needs one existing folder, got {' '.join(arguments) or 'none'}"


# where the tests run in the background of a shell, Ctrl-C is ignored, and children inherit that
LISTENING = """import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from tools.serve import main
sys.exit(main(sys.argv[1:]))"""


def test_it_prints_the_address_and_ends_on_ctrl_c(folder):
    command = [sys.executable, "-c", LISTENING, str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        try:
            line = server.stdout.readline()
            address = next(word for word in line.split() if word.startswith("http://127.0.0.1:"))
            with urllib.request.urlopen(f"{address}/index.html") as answer:
                assert answer.read() == b"index.html"
            server.send_signal(signal.SIGINT)
            assert server.wait(timeout=20) == 0 and server.stderr.read() == ""
        finally:
            server.kill()
