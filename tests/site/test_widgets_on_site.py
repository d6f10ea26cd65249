"""KernelGallery and LoopStepper on the built page: every reachable state shows what cnnlib computes."""
import itertools

import pytest

from cnnlib.widgets import KernelGallery, LoopStepper
from cnnlib.widgets.kernel_gallery import KERNELS, NINE, OWN, PICTURES
from cnnlib.widgets.loop_stepper import FUNCTIONS, PROBLEMS, LoopView
from tests.site.reader import WIDE, WIDGETS, come_to, find_widget
from tools.node import call_view

CHOOSE = """(root, indices) => [...root.querySelectorAll('select')].slice(0, indices.length).forEach((select, i) => {
  select.selectedIndex = indices[i];
  select.dispatchEvent(new Event('change', {bubbles: true}));
})"""
VALUES = """(root) => Object.fromEntries([...root.querySelectorAll('[data-value]')].map((el) =>
  [el.dataset.value, Number(el.textContent.replace('−', '-').replaceAll(',', ''))]))"""
SLIDE = """(root, position) => {
  const input = root.querySelector('input[type=range]');
  input.value = position;
  input.dispatchEvent(new Event('input', {bubbles: true}));
}"""


@pytest.fixture
def widget(new_page):
    """Return a function that opens a widget's page and returns the widget, ready."""
    def open_widget(name):
        return come_to(find_widget(new_page(WIDGETS[name][0], viewport=WIDE), name))

    return open_widget


def expected(picture, kernel, flip, own=None):
    """Return what the gallery must say, from cnnlib."""
    gallery = KernelGallery(picture, kernel, flip)
    for name, value in zip(NINE, own or (), strict=bool(own)):
        setattr(gallery.view, name, value)
    values = gallery.filtered()
    weights = own or KERNELS[kernel]
    return {name: round(float(number), 2) for name, number in
            (("sum", sum(weights)), ("least", values.min()), ("most", values.max()))}


def test_gallery_agrees_in_every_choice(widget):
    gallery = widget("KernelGallery")
    names = [name for name in KERNELS if name != OWN]
    for (p, picture), (k, kernel), flip in itertools.product(enumerate(PICTURES), enumerate(names), (False, True)):
        gallery.evaluate(CHOOSE, [p, k, int(flip)])
        assert gallery.evaluate(VALUES) == pytest.approx(expected(picture, kernel, flip), abs=0.011), (picture, kernel)


def test_gallery_takes_the_readers_own_kernel_from_the_keyboard(widget):
    gallery = widget("KernelGallery")
    page = gallery.page
    gallery.evaluate(CHOOSE, [0, list(KERNELS).index(OWN), 0])
    before = gallery.locator("img").nth(1).get_attribute("src")
    weights = [0.0, 0.5, 0.0, -1.0, 2.0, 0.0, 0.0, 0.0, 0.25]
    gallery.locator("input[type=number]").first.focus()
    for weight in weights:
        page.keyboard.press("ControlOrMeta+a")
        page.keyboard.type(str(weight))
        page.keyboard.press("Tab")
    assert gallery.evaluate(VALUES) == pytest.approx(expected("cat", OWN, False, weights), abs=0.011)
    assert gallery.locator("img").nth(1).get_attribute("src") != before
    names = gallery.locator("input[type=number]").evaluate_all("(inputs) => inputs.map((i) => i.labels[0].textContent)")
    assert names[5] == "row 1, column 2"


def test_stepper_agrees_in_every_step(widget):
    stepper = widget("LoopStepper")
    data = LoopStepper().view.versions
    for index, name in enumerate(FUNCTIONS):
        stepper.evaluate(CHOOSE, [index])
        last = int(stepper.locator("input[type=range]").get_attribute("max"))
        assert last == LoopStepper(version=name).view.last_position
        counts = call_view(LoopView, "counts", [[name, data[index], at] for at in range(last + 1)])
        sums = call_view(LoopView, "step", [[name, data[index], at] for at in range(last + 1)])
        for at in range(last + 1):
            stepper.evaluate(SLIDE, at)
            right = {"sum": sums[at]["sum"], **counts[at]}
            assert stepper.evaluate(VALUES) == right, (name, at)
        x, weight, options = PROBLEMS[name]
        final = FUNCTIONS[name](x, weight, **options).ravel()[-1]
        assert f": {final:g}".replace("-", "−") in stepper.locator(".cnn-readout").inner_text()


def test_stepper_moves_by_keyboard_and_starts_again_with_a_new_version(widget):
    stepper = widget("LoopStepper")
    page = stepper.page
    stepper.locator("select").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    assert stepper.locator(".cnn-headline").inner_text() == "row = 0, col = 0, i = 0, j = 1"
    page.keyboard.press("End")
    assert stepper.locator(".cnn-headline").inner_text() == "row = 1, col = 1, i = 1, j = 1"
    stepper.evaluate(CHOOSE, [1])  # V2 has fewer steps: the position follows
    assert stepper.locator(".cnn-headline").inner_text() == "row = 1, col = 1"
    assert stepper.locator("input[type=range]").input_value() == "3"
