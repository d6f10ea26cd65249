"""The same widgets in a real JupyterLab on this machine."""
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from tools.project import ROOT

COMMAND = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1",
           "--IdentityProvider.token=", "--ServerApp.password=", "--ServerApp.port_retries=0", "--LabApp.news_url=",
           "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]


@pytest.fixture
def lab(tmp_path):
    """Return the address of a JupyterLab that holds copies of the notebooks, with settings of its own."""
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folders = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTERLAB_SETTINGS_DIR",
               "JUPYTERLAB_WORKSPACES_DIR")
    environment = {**os.environ, **{name: str(tmp_path / name) for name in folders}, "PYTHONPATH": str(ROOT)}
    command = [*COMMAND, f"--port={port}", f"--ServerApp.root_dir={tmp_path}"]
    with open(tmp_path / "lab.log", "w") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
        try:
            yield wait_for(f"http://127.0.0.1:{port}", process, tmp_path / "lab.log")
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=30)


def wait_for(address, process, log):
    """Return the address once JupyterLab answers there."""
    for _ in range(120):
        assert process.poll() is None, log.read_text()[-2000:]
        try:
            urllib.request.urlopen(f"{address}/api", timeout=5).close()
            return address
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.5)
    raise AssertionError(log.read_text()[-2000:])


@pytest.mark.parametrize(("name", "view", "key", "after"), [
    ("02_convolution_math", ".cnn-where", "ArrowRight", "8 × 8 in"),
    ("04_pooling_layers", ".cnn-pooling", "ArrowLeft", "4 × 4 in")])
def test_slider_moves_the_readout(lab, browser, name, view, key, after):
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    page = context.new_page()
    page.goto(f"{lab}/lab/tree/notebooks/{name}.ipynb?reset")
    page.wait_for_selector(".jp-Notebook", timeout=90_000)
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=90_000)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.locator('li[data-command="runmenu:run-all"]').click()
    widget = page.locator(f".widget-vbox:has({view})").first
    widget.wait_for(timeout=120_000)
    widget.scroll_into_view_if_needed()
    headline = widget.locator(".cnn-headline")
    before = headline.text_content()
    widget.locator(".noUi-handle").first.focus()
    page.keyboard.press(key)
    page.wait_for_function("([el, text]) => el.textContent !== text", arg=[headline.element_handle(), before])
    assert headline.text_content().startswith(after)
    context.close()
