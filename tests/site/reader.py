"""What a reader does on a page before a widget moves."""

# A section that comes near the screen gets its true height, and what stands below it moves: a reader scrolls on.
COME_TO = """async (root) => {
  while (root.dataset.state !== 'ready') {
    root.scrollIntoView({block: 'center', behavior: 'instant'});
    await new Promise((go) => setTimeout(go, 30));
  }
}"""


def come_to(root):
    """Scroll until a widget is on the screen and listens, and return it."""
    root.evaluate(COME_TO)
    return root
