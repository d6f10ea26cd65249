"""Move every slider of the website on a slowed-down processor, and take the time of each move."""
import math
from statistics import median

from playwright.sync_api import sync_playwright

from tests.site.reader import come_to
from tools.browser import FLAGS, chromium_path

SLOWER = 4  # times slower than this machine
MOVES = 100  # of one widget, on one place
ROUNDS = 5  # of the same moves on all pages: a machine is slow for minutes, not for hours
DRAG = 20  # moves at most from one end of a slider to the other
# Sliders are dragged from end to end, one after the other in a random order; before each drag another control is set.
# What a widget does on an event it does before dispatchEvent returns; asking for a size makes the browser lay out the
# page at once.
WALKER = """(root, most) => {
  let [seed, input, drag] = [1, null, []];
  const random = (below) => { seed = (seed * 48271) % 2147483647; return seed % below; };
  const frame = () => new Promise((go) => requestAnimationFrame(() => setTimeout(go)));
  const steps = ({min, max, step}) => Math.round((max - min) / (step || 1));
  const sliders = () => [...root.querySelectorAll('input[type=range]')].filter((each) => steps(each) > 0);
  const tell = (el, kinds) => kinds.forEach((kind) => el.dispatchEvent(new Event(kind, {bubbles: true})));
  const setOther = () => {
    const others = [...root.querySelectorAll('.cnn-control :is(select, [type=radio]), .cnn-check input')];
    if (!others.length) return;
    const other = others[random(others.length)];
    if (other.tagName === 'SELECT') other.selectedIndex = random(other.options.length);
    else other.checked = other.type === 'radio' || !other.checked;
    tell(other, ['input', 'change']);
  };
  const take = () => { // the slider's other end first, unmeasured
    setOther();
    const all = sliders();
    if (!all.length) return;
    input = all[random(all.length)];
    const count = Math.min(steps(input), most);
    const at = (i) => Number(input.min) + Math.round(i / count * steps(input)) * (input.step || 1);
    drag = Array.from({length: count + 1}, (_, i) => at(i));
    if (random(2)) drag.reverse();
    input.value = drag.shift();
    tell(input, ['input']);
  };
  return {
    prepare: async () => {
      if (!drag.length) take();
      await frame();
      if (drag.length) input.value = drag.shift();
      return Boolean(input);
    },
    move: () => {
      const start = performance.now();
      tell(input, ['input']);
      root.getBoundingClientRect();
      return performance.now() - start;
    },
  };
}"""
NAME = """(root) => JSON.parse(document.getElementById('cnn-widgets').textContent)
  .models[root.querySelector('.cnn-view').dataset.id].esm.split('.')[0]"""
PARTS = ("ScriptDuration", "RecalcStyleDuration", "LayoutDuration")  # none holds another


def measured(address, pages, *, say):
    """Return the times of all moves, in milliseconds: of each move the median of ``ROUNDS``.

    Args:
        address: of the served site.
        pages: paths of the pages with widgets.
        say: called with a line for each widget of a round.

    Returns:
        A dict from the widget's name to a list of (of the page's own thread, by the clock).
    """
    rounds = []
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=chromium_path(), args=FLAGS)
        page = chromium.new_page(viewport={"width": 1280, "height": 900})
        for _ in range(ROUNDS):
            rounds.append([each for path in pages for each in _walks(page, f"{address}/{path}")])
            for name, found in rounds[-1]:
                say(f"{name}, p95 {percentile([own for own, _ in found], 0.95):.1f} ms")
        chromium.close()
    times = {}
    for walks in zip(*rounds, strict=True):
        times.setdefault(walks[0][0], []).extend(_medians([found for _, found in walks]))
    return times


def percentile(values, share):
    """Return the smallest value that at least this share of all values does not exceed.

    >>> percentile([3, 1, 2, 4], 0.5), percentile([3, 1, 2, 4], 0.95)
    (2, 4)
    """
    return sorted(values)[math.ceil(share * len(values)) - 1]


def _walks(page, address):
    """Return name and times of each widget with sliders on a page, which is opened anew."""
    page.goto(address, wait_until="load")
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    found = [(root.evaluate(NAME), _walk(session, come_to(root))) for root in page.locator(".cnn-widget").all()]
    session.detach()
    return [(name, moves) for name, moves in found if moves]


def _walk(session, root):
    """Return the times of the moves of one widget; none where it has no sliders."""
    walker, found = root.evaluate_handle(WALKER, DRAG), []
    session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    while len(found) < MOVES and walker.evaluate("(walker) => walker.prepare()"):
        before = _spent(session)
        clock = walker.evaluate("(walker) => walker.move()")
        found.append((_spent(session) - before, clock))
    session.send("Emulation.setCPUThrottlingRate", {"rate": 1})
    return found


def _medians(rounds):
    """Return each move's medians over rounds of the same moves.

    >>> _medians([[(1, 10), (5, 50)], [(3, 10), (4, 40)], [(2, 90), (9, 60)]])
    [(2, 10), (5, 50)]
    """
    return [tuple(median(times) for times in zip(*move, strict=True)) for move in zip(*rounds, strict=True)]


def _spent(session):
    """Return the milliseconds that the page's thread has spent on scripts, styles and layout."""
    metrics = {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}
    return 1000 * sum(metrics[part] for part in PARTS)
