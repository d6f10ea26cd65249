"""The built site and a browser, made once for all tests in this folder."""
import os
from urllib.parse import urlsplit

import pytest
from filelock import FileLock
from playwright.sync_api import sync_playwright

from tools.book import build
from tools.browser import FLAGS, chromium_path
from tools.serve import serving


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """Return the folder of the site, built once for all workers with warnings as errors."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    folder, failure = shared / "site", shared / "site_failed"
    with FileLock(shared / "site.lock"):
        if failure.exists():
            raise RuntimeError(failure.read_text(encoding="utf-8"))
        if not folder.exists():
            try:
                build(output=folder, say=lambda line: None)
            except RuntimeError as error:
                failure.write_text(str(error), encoding="utf-8")
                raise
    return folder / "_build" / "html"


@pytest.fixture(scope="session")
def address(site):
    """Return the address of the served site on a free port of 127.0.0.1."""
    with serving(site) as url:
        yield url


@pytest.fixture(scope="session")
def browser():
    """Return a headless Chromium."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=chromium_path(), args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def new_page(browser, address):
    """Return a function that opens pages with the network cut; afterwards no page may have complained.

    Requests to any other host are refused and fail the test, and so do console errors and failed requests.
    """
    contexts, complaints = [], []

    def open_page(path=None, **options):
        context = browser.new_context(**options)
        contexts.append(context)
        context.route("**/*", lambda route: _local_only(route, address, complaints))
        page = context.new_page()
        page.on("console", lambda line: line.type in ("error", "warning") and complaints.append(line.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("response", lambda answer: answer.status >= 400 and complaints.append(f"{answer.status} {answer.url}"))
        if path:
            page.goto(f"{address}/{path}")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not complaints


def _local_only(route, address, complaints):
    if urlsplit(route.request.url).netloc == urlsplit(address).netloc:
        route.continue_()
    else:
        complaints.append(f"request to another host: {route.request.url}")
        route.abort()
