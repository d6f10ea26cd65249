"""What a reader does on a page before a widget moves."""

# A section that comes near the screen gets its true height, and what stands below it moves: a reader scrolls on.
COME_TO = """async (root) => {
  while (root.dataset.state !== 'ready') {
    root.scrollIntoView({block: 'center', behavior: 'instant'});
    await new Promise((go) => setTimeout(go, 30));
  }
}"""

WAIT = """async (arg) => {
  const holds = HOLDS;
  for (const end = Date.now() + 30_000; !holds(arg); await new Promise((go) => setTimeout(go, 30))) {
    if (Date.now() > end) throw new Error(`waited for ${holds}`);
  }
}"""


def come_to(root):
    """Scroll until a widget is on the screen and listens, and return it."""
    root.evaluate(COME_TO)
    return root


def wait_until(page, function, arg=None):
    """Return when a function of the page is true.

    Playwright's own way lets the page evaluate a text again and again, which its Content-Security-Policy forbids.
    """
    page.evaluate(WAIT.replace("HOLDS", function), arg)
