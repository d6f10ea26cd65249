"""Each widget on the built page with a keyboard alone: where the Tab key stops, and what the keys do there.

The stops of each widget are recorded in ``keyboard_walks.yml``, so that another order or another name shows as a
difference. Write the record anew, and read what changed, with
``RECORD_WALKS=1 python -m pytest -n 0 tests/site/test_keyboard.py``.
"""
import os
from pathlib import Path

import pytest
import yaml

from cnnlib import widgets
from tests.site.keyboard import Walk
from tests.site.reader import NARROW, WIDE, WIDGETS, come_to, find_widget

RECORD = Path(__file__).parent / "keyboard_walks.yml"
PAGES = {page: [name for name in WIDGETS if WIDGETS[name][0] == page] for page, _ in WIDGETS.values()}
BLOCK, GRADIENT = ("show", "parameters of a block"), ("show", "factor on the gradient")
NEEDS = {  # controls that speak only of one choice, by how their names begin
    "ActivationExplorer": {"negative slope": ("function", "leaky ReLU")},
    "AttentionExplorer": {"window": ("mask", "local window"), "stride": ("mask", "strided"),
                          "global": ("mask", "window + global patches")},
    "DenseGrowthExplorer": {"block": ("net", "densenet121")},
    "InceptionCalculator": {"own:": ("module", "own widths (sliders)")},
    "KernelGallery": {"row": ("kernel", "your own")},
    "LayerCalculator": {"ceil mode": ("kind of layer", "max pool"),
                        "output padding": ("kind of layer", "transposed convolution")},
    "ResidualExplorer": {"block kind": BLOCK, "in channels": BLOCK, "out channels": BLOCK, "stride": BLOCK,
                         "slope a": GRADIENT},
}
SPOILED = {  # what is done to a widget of a page, which part of the walk must see it, and what that says
    "a control that Tab passes": ("input.tabIndex = -1", "forth", "Tab never reaches <input"),
    "a control before its turn": ("root.querySelector('select').tabIndex = 1", "forth", "Tab goes ["),
    "a control that holds the focus": (
        "on('keydown', (event) => event.target === input && event.key === 'Tab' && event.preventDefault())",
        "forth", "Tab goes [0, 0"),
    "no outline": ("input.style.outline = 'none'", "forth", "slider frozen stages shows no focus"),
    "no name": ("input.labels[0].firstChild.style.display = 'none'", "forth", "slider  has no name"),
    "something before a control": (
        "input.parentElement.style.pointerEvents = 'none'", "forth", "slider frozen stages is covered by <div"),
    "a control beside the screen": (
        "input.style.cssText = 'position: fixed; left: -99rem'", "forth", "is not inside the viewport"),
    "a small control": ("input.style.height = '20px'", "targets", "is smaller than 24 by 24 pixels"),
    "a control that is not heard": (
        "on('input', (event) => event.stopImmediatePropagation())", "back",
        "slider frozen stages changes nothing"),
    "a control that jumps back": (
        "on('input', () => { input.value = input.defaultValue; })", "back", "slider frozen stages keeps its value"),
    "nothing that is announced": (
        "Object.defineProperty(live, 'textContent', {value: 'the same words'})", "back", "nothing is announced"),
    "a live region that is made anew": (
        "on('input', () => live.replaceWith(live.cloneNode(true)))", "back",
        "slider factor per stage replaces the live region"),
    "a control that loses the focus": ("on('input', () => input.blur())", "back", "stop 1 loses the focus"),
}
SPOIL = """(root) => {
  const input = root.querySelector('input'), live = root.querySelector('[aria-live]');
  const was = [root, ...root.querySelectorAll('*')].map((el) => [el, el.cloneNode()]);
  const listening = new AbortController();
  const on = (kind, listener) => root.addEventListener(kind, listener, {capture: true, signal: listening.signal});
  SCRIPT;
  return () => {
    listening.abort();
    for (const [el, old] of was) {
      [...el.attributes].filter(({name}) => !old.hasAttribute(name)).forEach(({name}) => el.removeAttribute(name));
      [...old.attributes].forEach(({name, value}) => el.getAttribute(name) === value || el.setAttribute(name, value));
    }
  };
}"""


@pytest.fixture(scope="module")
def recorded():
    """Return the recorded stops by widget; with RECORD_WALKS what the tests put in is written at the end."""
    stops = yaml.safe_load(RECORD.read_text(encoding="utf-8"))
    yield stops
    if "RECORD_WALKS" in os.environ:
        RECORD.write_text(yaml.safe_dump(stops, allow_unicode=True, width=200), encoding="utf-8")


@pytest.fixture
def start(new_page):
    """Return a function that opens a page on a wide screen; motion is reduced, so that it scrolls at once."""
    return lambda path: new_page(path, viewport=WIDE, reduced_motion="reduce")


def walk_at(page, name):
    """Return a walk at a widget that stands ready."""
    return Walk(page, come_to(find_widget(page, name)), NEEDS.get(name))


@pytest.mark.parametrize("path", PAGES)
def test_keyboard_alone_moves_every_widget(start, recorded, path):
    page = start(path)
    walks = {name: walk_at(page, name) for name in PAGES[path]}
    for walk in walks.values():
        walk.forth()
    page.set_viewport_size(NARROW)
    for walk in walks.values():
        walk.targets()
        walk.back()
    assert {name: walk.faults for name, walk in walks.items() if walk.faults} == {}
    if "RECORD_WALKS" in os.environ:
        recorded.update({name: walk.stops for name, walk in walks.items()})
    assert {name: walk.stops for name, walk in walks.items()} == {name: recorded.get(name) for name in walks}


def test_every_widget_has_its_recorded_walk(recorded):
    assert set(recorded) == set(WIDGETS) == set(widgets.__all__)
    assert set(NEEDS) <= set(WIDGETS)


def test_what_is_spoiled_is_seen(start):
    page = start(WIDGETS["FreezeExplorer"][0])
    root = come_to(find_widget(page, "FreezeExplorer"))
    for name, (script, part, said) in SPOILED.items():
        walk = Walk(page, root)
        mend = root.evaluate_handle(SPOIL.replace("SCRIPT", script))
        getattr(walk, part)()
        assert any(said in fault for fault in walk.faults), (name, walk.faults)
        mend.evaluate("(mend) => mend()")
    walk = Walk(page, root)
    walk.forth()
    walk.back()
    assert walk.faults == []
