"""Widgets on the built page, with no kernel and the network cut.

After each step of a random walk through the settings the page shows what the view's ``draw`` returns, which the
widgets' own tests compare with cnnlib.
"""
import random

import pytest

from cnnlib import widgets
from tests.site.pictures import poor_texts
from tests.site.reader import WIDE, WIDGETS, come_to, find_widget
from tools.node import call_view

STEPS = 2_000
ELSEWHERE = {"ConvolutionExplorer", "KernelGallery", "LoopStepper", "Quiz"}  # have tests of their own
WALK = """(root, steps) => {
  const inputs = Object.fromEntries([...root.querySelectorAll('label.cnn-control, fieldset.cnn-toggle')].map((label) =>
    [label.querySelector('.cnn-name')?.textContent ?? label.textContent,
     label.tagName === 'FIELDSET' ? [...label.querySelectorAll('input')] : label.querySelector('input, select')]));
  const inner = (el) => [...el.children].map((child) => child.outerHTML.replace(/^<[^>]*>/, '')).join('');
  const set = (name, value) => {
    const input = Array.isArray(inputs[name]) ? inputs[name][value] : inputs[name];
    if (input.type === 'radio') input.checked = true;
    else if (input.type === 'checkbox') input.checked = value;
    else if (input.tagName === 'SELECT') input.selectedIndex = value;
    else input.value = String(value);
    ['input', 'change'].forEach((kind) => input.dispatchEvent(new Event(kind, {bubbles: true})));
  };
  const wrong = [];
  steps.forEach(([changes, html], at) => {
    changes.forEach(([name, value]) => set(name, value));
    const right = document.createElement('div');
    right.innerHTML = html;
    const shown = inner(root.querySelector('.cnn-view'));
    if (shown !== inner(right)) wrong.push([at, changes, shown, inner(right)]);
  });
  return wrong.slice(0, 1);
}"""
LIMITS = {  # a trait of the view: the slider that ends there
    "last_position": "position", "last_unit": "unit", "last_size": "size", "num_layers": "layer"}
FOLD = """(state, steps, limits) => {
  const settle = (now) => {
    const next = {...now, ...(typeof derive === 'undefined' ? {} : derive(now))};
    Object.entries(limits).filter(([end, name]) => end in next && name in next).forEach(([end, name]) => {
      next[name] = Math.min(next[name], next[end]);
    });
    const same = (key) => next[key] === now[key] || JSON.stringify(next[key]) === JSON.stringify(now[key]);
    return Object.keys(next).every(same) ? next : settle(next);
  };
  let now = state;
  return steps.map((changes) => {
    changes.forEach(([name, value]) => { now = settle({...now, [name]: value}); });
    return draw(now);
  });
}"""


def controls_of(widget):
    """Return {trait: control}, the play row's slider included."""
    row = [control for box in widget.children for control in getattr(box, "children", ())]
    position = [control for control in row if getattr(control, "description", "") == "position"]
    return {**widget.controls, **({"position": position[0]} if position else {})}


def some_value(control, rng):
    """Return a random value of a control, as its trait has it."""
    if "index" in control.keys:
        return rng.randrange(len(control.options))
    if isinstance(control.value, bool):
        return rng.random() < 0.5
    if isinstance(control.value, int):
        return rng.randrange(control.min, control.max + 1, getattr(control, "step", None) or 1)
    return round(control.min + rng.randint(0, round((control.max - control.min) / control.step)) * control.step, 9)


def walk(widget, rng):
    """Return steps of (changes, expected HTML); the first sets every control."""
    view, controls = widget.view, controls_of(widget)
    script = next(each for each in type(view).__mro__ if isinstance(vars(each).get("_esm"), str))
    state = {name: getattr(view, name) for name in script.class_own_traits(sync=True) if not name.startswith("_")}
    choices = [rng.sample(list(controls), rng.randint(1, min(3, len(controls)))) for _ in range(1, STEPS)]
    steps = [[[name, some_value(controls[name], rng)] for name in names] for names in [list(controls), *choices]]
    pictures = call_view(script, f"({FOLD})", [[state, steps, LIMITS]])[0]
    return [[[[controls[name].description, value] for name, value in changes], html]
            for changes, html in zip(steps, pictures, strict=True)]


@pytest.mark.parametrize("name", [name for name in WIDGETS if name not in ELSEWHERE])
def test_page_follows_a_random_walk(new_page, name):
    page = new_page(WIDGETS[name][0], viewport=WIDE)
    root = come_to(find_widget(page, name))
    steps = walk(getattr(widgets, name)(), random.Random(name))
    assert [poor for _, html in steps for poor in poor_texts(html)] == []
    for at in range(0, STEPS, 200):
        assert root.evaluate(WALK, steps[at:at + 200]) == []


def test_every_widget_is_walked_here_or_has_a_test_of_its_own():
    assert set(WIDGETS) == set(widgets.__all__) and set(WIDGETS) > ELSEWHERE
