"""What a reader finds at the start of every widget, and what each control moves, is what ``widget_starts.yml`` says.

That file is read by a person, as the list of all controls. After a change that is meant, ``python -m
tests.test_widgets_starts`` writes it anew, and its difference is what to look at.
"""
from pathlib import Path
from unittest import mock

import ipywidgets
import pytest
import yaml

import cnnlib.widgets
from cnnlib.widgets._view import View

FILE = Path(__file__).with_name("widget_starts.yml")
KNOWN = yaml.safe_load(FILE.read_text(encoding="utf-8"))
NAMES = [name for name in cnnlib.widgets.__all__ if name not in ("Quiz", "load_explanations")]


def walk(widget):
    """Yield a widget and all that is in it."""
    yield widget
    for child in getattr(widget, "children", ()):
        yield from walk(child)


def start(name):
    """Return a line for each control of a widget and for each other link."""
    links = []
    with mock.patch.object(ipywidgets, "jslink", lambda *ends: links.append(ends)):
        widget = getattr(cnnlib.widgets, name)()
    lines, before = [], None
    for part in walk(widget):
        if part.has_trait("description") and not isinstance(part, ipywidgets.Label):
            moved = [f"{here} → {trait}" for (one, here), (view, trait) in links if (one, view) == (part, widget.view)]
            lines.append(f"{type(part).__name__} {part.description}: {choices(part, before)}; {', '.join(moved)}")
            before = part
    return lines + [f"{trait} → {part.description}: {there}" for (one, trait), (part, there) in links
                    if one is widget.view]


def choices(part, before):
    """Return what can be chosen and what is."""
    if part.has_trait("options"):
        same = before is not None and before.has_trait("options") and before.options == part.options
        return f"{'as above' if same else ' | '.join(part._options_labels)} = {part.index}"
    span = f"{part.min} to {part.max} " if part.has_trait("min") else ""
    step = f"by {part.step} " if part.has_trait("step") else ""
    shown = f"as {part.readout_format} " if part.has_trait("readout_format") and part.readout else ""
    return f"{span}{step}{shown}= {part.value}"


@pytest.mark.parametrize("name", NAMES)
def test_start_is_as_listed(name):
    assert start(name) == KNOWN[name]


def test_all_widgets_are_listed():
    assert sorted(KNOWN) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_controls_have_names_of_their_own(name):
    labels = [part.description for part in walk(getattr(cnnlib.widgets, name)())
              if part.has_trait("description") and not isinstance(part, ipywidgets.Label)]
    assert labels and all(labels) and len(set(labels)) == len(labels)


@pytest.mark.parametrize("name", NAMES)
def test_all_that_a_view_holds_reaches_the_page(name):
    view = getattr(cnnlib.widgets, name)().view
    own = set(view.traits()) - set(View().traits())
    assert own and all(view.trait_metadata(trait, "sync") for trait in own)
    assert not [trait for trait in own if getattr(view, trait) in ([], {}, "", None)]


if __name__ == "__main__":
    FILE.write_text(yaml.safe_dump({name: start(name) for name in NAMES}, allow_unicode=True, width=1000),
                    encoding="utf-8")
