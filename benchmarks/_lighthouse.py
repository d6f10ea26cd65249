"""Lighthouse, from npm, on pages in turns."""
import json
import os
import statistics
import subprocess
import tempfile
from pathlib import Path

from tools.browser import FLAGS, chromium_path
from tools.node import node_binary

MODULES = Path(__file__).with_name("lighthouse") / "node_modules"
PROGRAM = MODULES / "lighthouse" / "cli" / "index.js"
SLOW, TRIES = 1000, 3  # Lighthouse doubts its own times on a machine with this index or a lower one
CATEGORIES = {"performance": "performance", "accessibility": "accessibility", "best-practices": "best practices",
              "seo": "SEO"}
AUDITS = {"first-contentful-paint": "FCP ms", "cumulative-layout-shift": "CLS", "total-blocking-time": "TBT ms"}


def medians(addresses, *, rounds, say):
    """Return the median of each number of Lighthouse's report, for each page.

    Args:
        addresses: a dict from the name of a page to its address.
        rounds: how often each page is judged; the pages take turns.
        say: called with a line for each report.

    Returns:
        A dict from name to a dict from the number's name to (median, least, most).
    """
    seen = {name: [] for name in addresses}
    for _ in range(rounds):
        for name, address in addresses.items():
            seen[name].append(judged(address))
            say(f"{name}: " + ", ".join(f"{key} {value:g}" for key, value in seen[name][-1].items()))
    return {name: {key: _spread([run[key] for run in runs]) for key in runs[0]} for name, runs in seen.items()}


def judged(address):
    """Return the numbers of one report, the first of few that was made while the machine was not busy with others.

    Raises:
        RuntimeError: Lighthouse could not load the page; the message is what it says.
    """
    for _ in range(TRIES):
        report = _report(address)
        if report["environment"]["benchmarkIndex"] > SLOW:
            break
    if "runtimeError" in report:
        raise RuntimeError(f"judged: {address}: {report['runtimeError']['message']}")
    return {**{name: report["categories"][key]["score"] or 0 for key, name in CATEGORIES.items()},
            **{name: report["audits"][key]["numericValue"] for key, name in AUDITS.items()},
            "machine": report["environment"]["benchmarkIndex"]}


def _report(address):
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "report.json"
        command = [node_binary(), PROGRAM, address, "--quiet", "--output=json", f"--output-path={file}",
                   f"--only-categories={','.join(CATEGORIES)}", "--no-enable-error-reporting",
                   '--extra-headers={"Accept-Encoding": "gzip"}',
                   f"--chrome-flags={' '.join(['--headless=new', *FLAGS])}"]
        environment = {**os.environ, "CHROME_PATH": chromium_path()}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, encoding="utf-8", check=False)
        if not file.exists():
            raise RuntimeError(f"judged: {address}: {done.stderr.strip()[-600:]}")
        return json.loads(file.read_text(encoding="utf-8"))


def _spread(values):
    return statistics.median(values), min(values), max(values)
