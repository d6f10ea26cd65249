"""Many readers of the website at once: each loads pages with all that they name, and checks every byte."""
import asyncio
import contextlib
import gzip
import re
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

LANES = 6  # connections that a browser keeps to one host
NAMED = re.compile(rb'(?:src|href)="([^":#]*_(?:static|images)/[^"]*)"')
VIEWS = re.compile(rb'"esm":"([^"]+)"')
HEADERS = "Host: {host}\r\nAccept-Encoding: gzip\r\nConnection: keep-alive\r\n\r\n"
WAIT, TRIES = 0.1, 300  # seconds between two tries of a request that failed; tries
BROKEN = (OSError, EOFError)  # what a connection that is cut or refused raises


@dataclass
class Tally:
    """What the readers saw.

    Attributes:
        times: for each right answer, when it was there and how long it took, in seconds; the first since the start.
        bytes: of all bodies, as they came over the line.
        pages: that were loaded with all that they name.
        renewed: requests sent again on a new connection because a kept one was closed, as browsers do unasked.
        failed: requests that failed on a new connection; the reader asked again.
        cut: of these, answers that broke off after they had begun.
        middle: when the middle's call was over, in seconds since the start, or None.
        wrong: a text for each answer with a wrong status or wrong bytes, and for each request never answered.
    """

    times: list = field(default_factory=list)
    bytes: int = 0
    pages: int = 0
    renewed: int = 0
    failed: int = 0
    cut: int = 0
    middle: float | None = None
    wrong: list = field(default_factory=list)


class Site:
    """The files of a website, to compare answers with.

    Args:
        folder: the built website.
    """

    def __init__(self, folder):
        self.folder = Path(folder)
        self.pages = [path.relative_to(self.folder).as_posix() for place in ("book", "notebooks")
                      for path in sorted(self.folder.glob(f"{place}/*.html"))]
        self._packed = {}

    def named(self, page):
        """Return the addresses of what a browser loads with a page: style sheets, fonts, scripts, pictures, views."""
        text = (self.folder / page).read_bytes()
        found = [*NAMED.findall(text), *(b"../_static/widgets/" + name for name in VIEWS.findall(text))]
        return sorted({name.decode().removeprefix("../") for name in found if not name.endswith(b".zip")})

    def is_right(self, address, body, packed):
        """Return whether a body, which may be packed with gzip, is that of the file at an address."""
        if packed and self._packed.get(address) == body:
            return True  # the same bytes were unpacked and compared before
        try:
            right = (gzip.decompress(body) if packed else body) == (self.folder / address.split("?")[0]).read_bytes()
        except (OSError, EOFError):
            return False
        if packed and right:
            self._packed[address] = body
        return right


class Lane:
    """A connection that is kept open and made anew when the server has closed it.

    Attributes:
        begun: whether something of the last request's answer has come.
    """

    def __init__(self, host, tally):
        self._host, self._tally, self._reader, self._writer = host, tally, None, None
        self.begun = False

    async def get(self, path):
        """Return the status, the headers and the body of an answer."""
        if self._writer:
            try:
                return await self._ask(path)
            except BROKEN:
                if self.begun:
                    raise
                self.close()
                self._tally.renewed += 1
        return await self._ask(path)

    def close(self):
        """Close the connection."""
        if self._writer:
            self._writer.close()
        self._reader = self._writer = None

    async def _ask(self, path):
        self.begun = False
        if not self._writer:
            name, port = self._host.split(":")
            self._reader, self._writer = await asyncio.open_connection(name, int(port))
        self._writer.write(f"GET /{path} HTTP/1.1\r\n{HEADERS.format(host=self._host)}".encode())
        first = await self._reader.readexactly(1)
        self.begun = True
        head = (first + await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").splitlines()
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
        body = await self._body(headers)
        if headers.get("connection") == "close":
            self.close()
        return int(head[0].split()[1]), headers, body

    async def _body(self, headers):
        if headers.get("transfer-encoding") != "chunked":
            return await self._reader.readexactly(int(headers["content-length"]))
        parts = []
        while size := int(await self._reader.readuntil(b"\r\n"), 16):
            parts.append((await self._reader.readexactly(size + 2))[:-2])
        await self._reader.readexactly(2)
        return b"".join(parts)


class _Crowd:
    """Readers at work; ``run`` lets them read."""

    def __init__(self, address, site, readers, seconds, pause, middle):
        self._host, self._site, self._readers = urlsplit(address).netloc, site, readers
        self._seconds, self._pause, self._middle = seconds, pause, middle
        self.tally, self._start = Tally(), time.monotonic()

    async def run(self):
        first = [asyncio.Event() for _ in range(self._readers)]
        work = [asyncio.create_task(self._read(number, event)) for number, event in enumerate(first)]
        with contextlib.ExitStack() as end:
            for task in work:
                end.callback(task.cancel)
            if self._middle:
                await asyncio.gather(asyncio.sleep(self._seconds / 2), *(event.wait() for event in first))
                await asyncio.to_thread(self._middle)
                self.tally.middle = time.monotonic() - self._start
            await asyncio.gather(*work)

    def _goes_on(self, began):
        """Return whether a reader whose last page began at a moment begins another one."""
        now, middle = time.monotonic() - self._start, self.tally.middle
        return now < self._seconds or bool(self._middle and (middle is None or began < middle))

    async def _read(self, number, first):
        """Load one page after another, the page first, then what it names over all connections."""
        lanes, turn, began = [Lane(self._host, self.tally) for _ in range(LANES)], number, 0
        await asyncio.sleep(self._pause * number / self._readers)  # people do not click in step
        while self._goes_on(began):
            began = time.monotonic() - self._start
            page = self._site.pages[turn % len(self._site.pages)]
            await self._fetch(lanes[0], page)
            waiting = self._site.named(page)
            await asyncio.gather(*(self._work(lane, waiting) for lane in lanes))
            self.tally.pages, turn = self.tally.pages + 1, turn + 1
            first.set()
            await asyncio.sleep(self._pause)
        for lane in lanes:
            lane.close()

    async def _work(self, lane, waiting):
        while waiting:
            await self._fetch(lane, waiting.pop())

    async def _fetch(self, lane, path):
        """Load one file and judge it; ask again where the request fails."""
        for _ in range(TRIES):
            began = time.monotonic()
            try:
                status, headers, body = await lane.get(path)
            except BROKEN:
                lane.close()
                self.tally.failed += 1
                self.tally.cut += lane.begun
                await asyncio.sleep(WAIT)
                continue
            done = time.monotonic()
            if status == 200 and self._site.is_right(path, body, headers.get("content-encoding") == "gzip"):
                self.tally.times.append((done - self._start, done - began))
                self.tally.bytes += len(body)
            else:
                self.tally.wrong.append(f"{path}: status {status}, {len(body)} bytes")
            return
        self.tally.wrong.append(f"{path}: no answer")


def read(address, site, *, readers, seconds, pause=0, middle=None):
    """Let readers load pages at the same time, and return their Tally.

    Args:
        address: the server's.
        site: the Site that it serves.
        readers: how many.
        seconds: after how long nobody begins another page.
        pause: seconds that each looks at a page before the next one.
        middle: called without arguments when half of the time is over and each has had a page; each has one after it.
    """
    crowd = _Crowd(address, site, readers, seconds, pause, middle)
    with ThreadPoolExecutor(1) as thread:  # of its own: Playwright leaves an event loop running in a test's thread
        thread.submit(asyncio.run, crowd.run()).result()
    return crowd.tally
