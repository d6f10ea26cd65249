"""How fast the website is on a phone, beside a stock Jupyter Book page: ``python -m benchmarks.website [SITE]``."""
import gzip
import os
import platform
import sys
import tempfile
from pathlib import Path

from benchmarks import _lighthouse, _moves, _stock_page
from benchmarks._moves import percentile
from tools.browser import chromium_path
from tools.caddy import compressing
from tools.project import ROOT, site_url

RESULTS = Path(__file__).resolve().parent / "results" / "website.md"
PAGES = ["book/index", "notebooks/02_convolution_math", "notebooks/07_classic_architectures",
         "notebooks/12_detection_segmentation_intro"]
STOCK, BESIDE = "stock page with one slider", "the same, its scripts beside it"
ROUNDS = 5
LEAST = {"performance": 0.98, "accessibility": 1, "best practices": 1, "SEO": 0.95}
MOST = {"FCP ms": 1500, "CLS": 0.02, "TBT ms": 100}
MOVE = 16  # milliseconds that 95 of 100 moves must stay under
VIEW, SITE = 30 * 1024, 40_000_000  # bytes: a view's script, gzipped; all files

RESULT = """# Website

{machine}; load {load}; Lighthouse's index of the machine {index} (below 1000 it doubts its own
times, and such a report is taken again).

## Pages on a phone

Lighthouse with its own phone, its simulated line and a processor {slower} times slower; the server of deploy/static
with gzip. Medians of {rounds} reports, all pages in turns. {address}

{pages}

The stock page is what Jupyter Book makes of `interact` with one `IntSlider`. It asks other hosts for the scripts of its
slider. They could not be reached, so its first row is about a page whose slider never comes, and flatters it. In its
second row the same scripts, from npm, come from the server beside it, with no time lost on the way to another host;
only require.js is not minified there, some kilobytes of more than a megabyte.

## Sliders

A processor {slower} times slower than this machine's; {moves} moves of each widget wherever it stands: its sliders
are dragged from end to end, and before each drag another control is set. A move is a slider's `input` event: what the
page's own thread spends on scripts, styles and layout from the event until the widget has changed the page and the
browser has laid it out. Painting is not counted. By the clock, the same holds what other processes took from this one.
All moves of all widgets are made {repeats} times, each time on new pages; a move's time is its median.

{widgets}

The whole site: {whole} MB (limit: {most}).
"""


def judge_pages(site):
    """Return Lighthouse's medians for our pages and the stock ones, which take turns."""
    with tempfile.TemporaryDirectory() as folder:
        stock, beside = _stock_page.build(Path(folder))
        with compressing(site) as ours, compressing(stock) as theirs, compressing(beside) as complete:
            addresses = {page: f"{ours}/{page}.html" for page in PAGES}
            addresses |= {STOCK: f"{theirs}/index.html", BESIDE: f"{complete}/index.html"}
            return _lighthouse.medians(addresses, rounds=ROUNDS, say=print)


def move_sliders(site):
    """Return the times of all moves of each widget."""
    pages = [path.relative_to(site).as_posix() for path in sorted(site.rglob("*.html"))
             if 'id="cnn-widgets"' in path.read_text(encoding="utf-8")]
    with compressing(site) as address:
        return _moves.measured(address, pages, say=print)


def sizes(site):
    """Return the gzipped bytes of each view's script by the view's name, and the bytes of the whole site."""
    views = {path.name.split(".")[0]: len(gzip.compress(path.read_bytes()))
             for path in sorted((site / "_static" / "widgets").glob("*.mjs"))}
    return views, sum(path.stat().st_size for path in site.rglob("*") if path.is_file())


def broken(pages, times, views, whole):
    """Return a text for each limit that does not hold."""
    medians = {(page, name): value[0] for page in PAGES for name, value in pages[page].items()}
    late = {name: percentile([own for own, _ in found], 0.95) for name, found in times.items()}
    return [
        *(f"{page}: {name} is {shown(value)}, limit {LEAST[name]}" for (page, name), value in medians.items()
          if name in LEAST and value < LEAST[name]),
        *(f"{page}: {name} is {shown(value)}, limit {MOST[name]}" for (page, name), value in medians.items()
          if name in MOST and value > MOST[name]),
        *(f"{name}: p95 of a move is {value:.1f} ms, limit {MOVE}" for name, value in late.items() if value >= MOVE),
        *(f"{name}: the script has {size} bytes gzipped, limit {VIEW}" for name, size in views.items() if size > VIEW),
        *([f"the site has {whole} bytes, limit {SITE}"] if whole > SITE else [])]


def page_table(pages):
    """Return the table of pages: medians, and how far the reports of a page lie apart."""
    names = [*LEAST, *MOST]
    rows = [[page, *(shown(seen[name][0]) for name in names),
             *(f"{shown(seen[name][1])} to {shown(seen[name][2])}" for name in ("performance", "TBT ms"))]
            for page, seen in pages.items()]
    limits = [*(f"≥ {limit}" for limit in LEAST.values()), *(f"≤ {limit}" for limit in MOST.values())]
    head = ["page", *names, "performance, least to most", "TBT ms, least to most"]
    return table([head, *rows, ["limit", *limits, "", ""]])


def widget_table(times, views):
    """Return the table of widgets; one without sliders has only a size."""
    rows = [["widget", "moves", "p50 ms", "p95 ms", "most ms", "p95 ms by the clock", "script, KiB gzipped"],
            *([name, *numbers(times.get(name)), f"{size / 1024:.1f}"] for name, size in views.items()),
            ["limit", "", "", f"< {MOVE}", "", "", f"≤ {VIEW // 1024}"]]
    return table(rows)


def numbers(moves):
    """Return the texts for the moves of one widget: how many, p50, p95, the longest, and p95 by the clock."""
    if not moves:
        return [""] * 5
    own, clock = zip(*moves, strict=True)
    milliseconds = percentile(own, 0.5), percentile(own, 0.95), max(own), percentile(clock, 0.95)
    return [str(len(moves)), *(f"{each:.1f}" for each in milliseconds)]


def table(rows):
    """Return rows of texts as a Markdown table, the first as its head."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], "|---" * len(rows[0]) + "|", *lines[1:]])


def shown(value):
    """Return a score or a shift with its decimals, a time without any.

    >>> shown(1208.4), shown(0.98), shown(0.00067), shown(1)
    ('1208', '0.98', '0.001', '1')
    """
    return f"{value:.0f}" if value > 2 else f"{value:.3f}".rstrip("0").rstrip(".")


def report(pages, times, views, whole, *, load):
    """Return the results as Markdown."""
    index = [each for seen in pages.values() for each in seen["machine"]]
    address = "The site's address is set: its pages have a canonical link, which SEO judges." if site_url() else (
        "The site's address is not set here: the pages have no canonical link, and SEO is judged without it.")
    return RESULT.format(
        machine=f"{platform.machine()}, {os.cpu_count()} cores", load=load, slower=_moves.SLOWER, rounds=ROUNDS,
        index=f"{min(index):.0f} to {max(index):.0f}", address=address, pages=page_table(pages), moves=_moves.MOVES,
        repeats=_moves.ROUNDS,
        widgets=widget_table(times, views), whole=f"{whole / 1e6:.1f}", most=f"{SITE / 1e6:.0f}")


def main(arguments):
    """Measure, write the results and say which limit is broken."""
    site = Path(arguments[0]) if arguments else ROOT / "_build" / "html"
    if not (site / "book" / "index.html").is_file():
        return f"benchmarks.website: no website in {site}, run: make site"
    if not _lighthouse.PROGRAM.is_file():
        return "benchmarks.website: no Lighthouse, run: python -m tools.node benchmarks/lighthouse"
    if not chromium_path():
        return "benchmarks.website: no Chromium, run: python -m tools.browser"
    before = os.getloadavg()[0]
    pages, times, (views, whole) = judge_pages(site), move_sliders(site), sizes(site)
    load = f"{before:.1f} before and {os.getloadavg()[0]:.1f} after"
    RESULTS.write_text(report(pages, times, views, whole, load=load), encoding="utf-8")
    print(RESULTS.read_text(encoding="utf-8"))
    found = broken(pages, times, views, whole)
    return f"benchmarks.website: {'; '.join(found)}" if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
