"""The view computes and shows in every reachable state what cnnlib computes."""
import itertools
import re

import pytest

from cnnlib.shapes import conv_output_size
from cnnlib.widgets.template_widget import (
    DESCRIPTIONS,
    RANGES,
    TemplateWidget,
    TemplateWidgetView,
)
from tests.judge import refused
from tools.node import call_view

STATES = [dict(zip(RANGES, values, strict=True))
          for values in itertools.product(*(range(low, high + 1) for low, high in RANGES.values()))]


def values(html):
    """Return the text of every ``<b data-value="name">`` by name."""
    return dict(re.findall(r'<b data-value="([^"]+)">([^<]*)</b>', html))


def test_every_state_computes_what_cnnlib_computes():
    shown = call_view(TemplateWidgetView, "facts", [[state] for state in STATES])
    right = [conv_output_size(state["size"], 3, stride=state["stride"]) for state in STATES]
    assert len(STATES) == 24
    assert [facts["windows"] for facts in shown] == right
    assert shown == [TemplateWidget(**state).summary() for state in STATES]
    assert [state["size"] // state["stride"] for state in STATES] != right  # windows that hang over the end


def test_every_picture_shows_the_numbers():
    drawn = call_view(TemplateWidgetView, "draw", [[state] for state in STATES])
    for state, html in zip(STATES, drawn, strict=True):
        right = TemplateWidget(**state).summary()
        assert values(html) == {name: str(value) for name, value in right.items()}, state
        assert html.count("▲") == right["windows"] and html.count("cnn-pad") == right["unread"]
        assert html.count("<rect") == state["size"] and not re.search("NaN|undefined|null", html)
        assert "aria-live" in html and 'role="img" aria-label="' in html


def test_sliders_are_linked_to_the_view():
    widget = TemplateWidget(size=7, stride=3)
    assert {name: slider.value for name, slider in widget.controls.items()} == {"size": 7, "stride": 3}
    assert {name: (slider.min, slider.max) for name, slider in widget.controls.items()} == RANGES
    assert {name: slider.description for name, slider in widget.controls.items()} == DESCRIPTIONS


@pytest.mark.parametrize(("settings", "message"), [
    ({"size": 4}, "size must be a whole number from 5 to 12, got 4"),
    ({"size": 7.0}, "size must be a whole number from 5 to 12, got 7.0"),
    ({"stride": 4}, "stride must be a whole number from 1 to 3, got 4"),
    ({"stride": True}, "stride must be a whole number from 1 to 3, got True"),
])
def test_bad_settings_are_refused(settings, message):
    refused(TemplateWidget, f"TemplateWidget: {message}", **settings)
