"""Find a Chromium, or install one: ``python -m tools.browser`` prints its path."""
import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

# Nothing in the background: tests must make no request of their own.
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
APPLICATIONS = ("/Applications/Chromium.app/Contents/MacOS/Chromium",
                "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")


def chromium_path():
    """Return the path of a Chromium on this machine, or None.

    In this order: the one that CNN_CHROMIUM names, one on the PATH, a macOS application, Playwright's own.
    """
    found = os.environ.get("CNN_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    candidates = [found, *APPLICATIONS, _playwrights()]
    return next((path for path in candidates if path and Path(path).exists()), None)


def install():
    """Try Playwright's download, then the system's package."""
    attempts = [[sys.executable, "-m", "playwright", "install", "chromium"]]
    if shutil.which("apt-get"):
        sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
        attempts += [[*sudo, "apt-get", "update", "-q"], [*sudo, "apt-get", "install", "-y", "-q", "chromium"]]
    for command in attempts:
        try:
            subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=600, check=False)
        except (OSError, subprocess.TimeoutExpired):
            continue
        if path := chromium_path():
            return path
    return None


def main():
    """Print the path of a Chromium, installing one where there is none."""
    path = chromium_path() or install()
    if not path:
        return "browser: no Chromium was found or could be installed; install one and set CNN_CHROMIUM to its path"
    print(path)
    return 0


def _playwrights():
    with sync_playwright() as playwright:
        return playwright.chromium.executable_path


if __name__ == "__main__":
    sys.exit(main())
