"""The built page, with no kernel and the network cut, shows in every state what cnnlib computes."""
import pytest

from tests.site.reader import WIDE, come_to, wait_until
from tests.test_widgets_convolution_explorer import STATES, expected

PAGE = "notebooks/02_convolution_math.html"
READ_STATES = """(states) => {
  const root = document.querySelector('.cnn-widget:has(.cnn-where)');
  const inputs = Object.fromEntries([...root.querySelectorAll('label.cnn-control')].map((label) =>
    [label.querySelector('.cnn-name').textContent, label.querySelector('input')]));
  const names = {size: 'input size', kernel_size: 'kernel size', stride: 'stride', padding: 'padding',
                 dilation: 'dilation'};
  const read = (el) => [el.dataset.value, Number(el.textContent.replaceAll(',', ''))];
  return states.map((state) => {
    for (const [trait, name] of Object.entries(names)) {
      inputs[name].value = state[trait];
      inputs[name].dispatchEvent(new Event('input', {bubbles: true}));
    }
    const values = [...root.querySelectorAll('[data-value]')].map(read);
    return {...Object.fromEntries(values), headline: root.querySelector('.cnn-headline').textContent,
            grids: root.querySelectorAll('svg').length, positions: Number(inputs.position.max) + 1};
  });
}"""


@pytest.fixture
def explorer(new_page):
    """Return the page with the first ConvolutionExplorer ready."""
    page = new_page(PAGE, viewport=WIDE)
    come_to(page.locator(".cnn-widget:has(.cnn-where)").first)
    return page


def test_all_states_agree_with_cnnlib(explorer):
    shown = explorer.evaluate(READ_STATES, STATES)
    for state, values in zip(STATES, shown, strict=True):
        right = expected(state)
        if right["output"] == 0:
            assert values["headline"].endswith("no output") and values["grids"] == 0, state
        else:
            assert {name: values[name] for name in right} == right, state
            assert values["grids"] == 2 and values["positions"] == right["windows"], state


def test_keyboard_moves_every_slider_and_the_picture_follows(explorer):
    widget = explorer.locator(".cnn-widget:has(.cnn-where)").first
    widget.locator("input").first.focus()
    for name, key in [("input size", "End"), ("kernel size", "ArrowRight"), ("stride", "ArrowRight"),
                      ("padding", "ArrowRight"), ("dilation", "ArrowRight"), ("position", "End")]:
        focused = "document.activeElement.labels[0].querySelector('.cnn-name').textContent"
        assert explorer.evaluate(focused) == name
        before = widget.locator(".cnn-view").inner_html()
        explorer.keyboard.press(key)
        assert widget.locator(".cnn-view").inner_html() != before, name
        explorer.keyboard.press("Tab")
    assert explorer.evaluate("document.activeElement.className") == "cnn-play"


def test_play_moves_the_window_and_stops_at_the_end(explorer):
    widget = explorer.locator(".cnn-widget:has(.cnn-where)").first
    play, position = widget.locator(".cnn-play"), widget.get_by_label("position")
    play.focus()
    explorer.keyboard.press("Enter")
    wait_until(explorer, "(input) => Number(input.value) >= 1", arg=position.element_handle())
    assert play.get_attribute("aria-pressed") == "true"
    position.focus()
    explorer.keyboard.press("End")
    wait_until(explorer, "(button) => button.getAttribute('aria-pressed') === 'false'", arg=play.element_handle())
    assert widget.locator(".cnn-where").inner_text().startswith("Window 25 of 25")


def test_readout_keeps_its_live_region(explorer):
    region = explorer.locator(".cnn-readout").first
    assert region.get_attribute("aria-live") == "polite"
    region.evaluate("(el) => { el.marked = true; }")
    explorer.locator(".cnn-widget:has(.cnn-where)").first.locator("input").first.press("ArrowRight")
    assert region.evaluate("(el) => el.marked === true && el.isConnected")
