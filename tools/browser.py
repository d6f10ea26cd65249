"""Find a Chromium that starts, or install one: ``python -m tools.browser`` prints its path."""
import os
import shutil
import subprocess
import sys

# Nothing in the background: tests must make no request of their own.
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
APPLICATIONS = ("/Applications/Chromium.app/Contents/MacOS/Chromium",
                "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
PLAYWRIGHTS = ("from playwright.sync_api import sync_playwright\n"
               "with sync_playwright() as playwright: print(playwright.chromium.executable_path)")


def chromium_path():
    """Return the path of a Chromium on this machine, or None.

    In this order: the one that CNN_CHROMIUM names, one on the PATH, a macOS application, Playwright's own.

    Raises:
        ValueError: CNN_CHROMIUM names a file that does not start.
    """
    if named := os.environ.get("CNN_CHROMIUM"):
        if not starts(named):
            raise ValueError(f"browser: CNN_CHROMIUM must name a Chromium that starts, got {named}")
        return named
    found = next((path for path in [*map(shutil.which, NAMES), *APPLICATIONS] if starts(path)), None)
    if found:
        return found
    own = _playwrights()
    return own if starts(own) else None


def starts(path):
    """Return whether a program answers ``--version``: a stub, or one whose libraries are missing, does not."""
    if not path or not os.access(path, os.X_OK) or os.path.isdir(path):
        return False
    try:
        return subprocess.run([path, "--version"], capture_output=True, timeout=60, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def install():
    """Try Playwright's download, then the system's package; return the path, or None where neither works."""
    attempts = [[[sys.executable, "-m", "playwright", "install", "chromium"]]]
    if shutil.which("apt-get"):
        sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
        attempts.append([[*sudo, "apt-get", "update", "-q"], [*sudo, "apt-get", "install", "-y", "-q", "chromium"]])
    for commands in attempts:
        for command in commands:
            try:
                subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=600, check=False)
            except (OSError, subprocess.TimeoutExpired):
                break
        if path := chromium_path():
            return path
    return None


def main():
    """Print the path of a Chromium, installing one where there is none."""
    try:
        path = chromium_path() or install()
    except ValueError as error:
        return str(error)
    if not path:
        return "browser: no Chromium was found or could be installed; install one and set CNN_CHROMIUM to its path"
    print(path)
    return 0


def _playwrights():
    """Return where Playwright keeps its own; asked in a process of its own, since its API may be in use in this one."""
    done = subprocess.run([sys.executable, "-c", PLAYWRIGHTS], capture_output=True, text=True, check=False)
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
