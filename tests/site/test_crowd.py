"""Many readers at once get every file whole, also while the server reloads its settings or is started again.

While Caddy reloads, a request on a new connection may be turned away unanswered: the socket of before is closed with
who waits at it, and Go's server drops what it has only just accepted (https://github.com/golang/go/issues/75591).
"""
import gzip
import socketserver
import threading

import pytest

from tests.site.crowd import LANES, Site, read
from tools.caddy import Server
from tools.serve import free_port


@pytest.fixture
def pages(site):
    """Return the built website, to compare answers with."""
    return Site(site)


def test_fifty_readers_get_everything_when_the_server_reloads(pages):
    with Server(pages.folder, free_port()) as server:
        seen = read(server.address, pages, readers=50, seconds=2, middle=server.reload)
    assert (seen.wrong, seen.cut) == ([], 0)
    assert seen.pages >= 100 and seen.renewed > 0  # the reload closed what was open
    assert seen.failed <= 50 * LANES  # a connection is turned away once at the most
    assert min(moment for moment, _ in seen.times) < seen.middle < max(moment for moment, _ in seen.times)


def test_readers_who_ask_again_lose_nothing_when_the_server_is_started_again(pages):
    with Server(pages.folder, free_port()) as server:
        seen = read(server.address, pages, readers=20, seconds=1, middle=server.restart)
    assert (seen.wrong, seen.cut) == ([], 0) and seen.pages >= 40
    assert seen.failed > 0  # for a moment nobody answered


def test_every_kind_of_file_is_asked_for(pages):
    kinds = {name.split("?")[0].rsplit(".", 1)[1] for page in pages.pages for name in pages.named(page)}
    assert kinds >= {"css", "js", "mjs", "woff2", "webp", "svg"}


def test_wrong_bytes_are_noticed(pages):
    name = pages.pages[0]
    body = (pages.folder / name).read_bytes()
    packed = gzip.compress(body)
    assert pages.is_right(name, body, False) and pages.is_right(name, packed, True)
    assert pages.is_right(f"{name}?v=1", body, False)
    for wrong in (body[:-1], body + b" ", b"", packed):
        assert not pages.is_right(name, wrong, False)
    for wrong in (packed[:-9], packed[:100], gzip.compress(body[:-1]), body, b""):
        assert not pages.is_right(name, wrong, True)


class HalfAnAnswer(socketserver.StreamRequestHandler):
    """Answer with half of what was announced."""

    def handle(self):
        while self.rfile.readline().strip():
            pass
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345")


@pytest.mark.parametrize(("handler", "cut"), [(HalfAnAnswer, 3), (socketserver.BaseRequestHandler, 0)])
def test_answer_that_breaks_off_is_told_from_none(pages, monkeypatch, handler, cut):
    monkeypatch.setattr("tests.site.crowd.TRIES", 3)
    monkeypatch.setattr("tests.site.crowd.WAIT", 0.4)
    pages.pages = pages.pages[:1]
    monkeypatch.setattr(pages, "named", lambda page: [])
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        seen = read(f"http://127.0.0.1:{server.server_address[1]}", pages, readers=1, seconds=1)
        server.shutdown()
    assert (seen.failed, seen.cut, seen.wrong) == (3, cut, [f"{pages.pages[0]}: no answer"])


def test_server_of_other_files_is_noticed(pages, tmp_path):
    for name in pages.pages:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((pages.folder / name).read_bytes()[:-1])
    with Server(tmp_path) as server:
        seen = read(server.address, pages, readers=1, seconds=0.5)
    assert seen.times == [] and f"{pages.pages[0]}: status 200" in seen.wrong[0]
    assert any("status 404" in text for text in seen.wrong)
