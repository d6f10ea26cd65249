"""The field finds what a reader looks for, from the keyboard, with no request to another host."""
import gzip
import json
import re

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.site.pages import PAGES

PAGE = "notebooks/04_pooling_layers.html"
WIDE = {"viewport": {"width": 1280, "height": 900}}
GLOSSARY = "book/glossary.html#term-"
MATH = "notebooks/02_convolution_math.html#"
FOUND = [  # what is typed, and where one of the first three results must lead
    ("padding", f"{GLOSSARY}padding"), ("receptive field", f"{GLOSSARY}receptive-field"),
    ("1x1", f"{GLOSSARY}1x1-convolution"), ("1×1 conv", f"{GLOSSARY}1x1-convolution"),
    ("IoU", f"{GLOSSARY}intersection-over-union-iou"),
    ("batch norm", f"{GLOSSARY}batch-normalization-batch-norm"), ("卷积", f"{GLOSSARY}convolution"),
    ("注意力", f"{GLOSSARY}attention"), ("交并比", f"{GLOSSARY}intersection-over-union-iou"),
    ("感受野", f"{GLOSSARY}receptive-field"),
    ("conv_output_size", f"{MATH}how-large-is-the-output"), ("conv output si", f"{MATH}how-large-is-the-output"),
    ("cnnlib.boxes.nms", "notebooks/12_detection_segmentation_intro.html#one-object-one-box"),
    ("create_model", "notebooks/07_classic_architectures.html#seven-networks-on-one-line"),
    ("F.leaky_relu", "notebooks/05_cnn_architecture.html#activations-and-their-slopes"),
    ("torch.nn.functional.gelu", "notebooks/11_attention_mechanisms.html#the-transformer-in-outline"),
    ("output-size formula", f"{MATH}how-large-is-the-output"),
    ("grad-cam as a formula", "notebooks/09_feature_visualization.html#grad-cam-as-a-formula"),
    ("padding that keeps the size", f"{MATH}the-padding-that-keeps-the-size"),
    ("convolution explorer", f"{MATH}how-large-is-the-output"), ("KernelGallery", f"{MATH}what-a-kernel-looks-for"),
    ("nms explorer", "notebooks/12_detection_segmentation_intro.html#soft-nms"),
    ("Padding: what lies", f"{MATH}padding-what-lies-behind-the-edge"),
    ("why 3x3", "notebooks/07_classic_architectures.html#why-3x3"),
    ("stride 2 halves", f"{MATH}misconception-stride-2-halves-the-size"),
    ("reading paths", "book/how_to_use.html#reading-paths"),
    ("laptop", "book/index.html#four-ways-in"), ("account cookies", "book/progress.html#where-this-is-kept"),
    ("reciptive field", f"{GLOSSARY}receptive-field"), ("dilaton", f"{GLOSSARY}dilation"),
    ("convoltuion", f"{GLOSSARY}convolution"),
]
LIST = "[role=listbox] [role=option]"


def ask(page, text):
    """Type into the field and return it when its results stand."""
    field = page.get_by_role("combobox")
    field.fill(text)
    page.wait_for_function("(text) => document.querySelector('.cnn-found').dataset.of === text", arg=text)
    return field


def test_the_first_three_results_have_what_is_looked_for(new_page, address):
    page = new_page(PAGE, **WIDE)
    missed = []
    for text, target in FOUND:
        ask(page, text)
        first = page.locator(LIST).evaluate_all("(links) => links.slice(0, 3).map((link) => link.href)")
        if f"{address}/{target}" not in first:
            missed.append((text, target, first))
    assert len(FOUND) >= 30 and not missed


def test_every_place_of_the_index_exists(site):
    [name] = (site / "_static").glob("search.*.json")
    index = json.loads(name.read_text(encoding="utf-8"))
    targets = {(page, anchor) for page, anchor, _ in index["parts"]}
    targets |= {(index["parts"][part][0], anchor) for _, _, part, anchor, *_ in index["entries"] if anchor}
    ids = [re.findall(r' id="([^"]+)"', (site / page).read_text(encoding="utf-8")) for page, _ in index["pages"]]
    assert [target for target in targets if target[1] not in ids[target[0]]] == []
    assert len(gzip.compress(name.read_bytes())) <= 120 * 1024
    assert {kind for kind, *_ in index["entries"]} == set(range(5)) and len(index["entries"]) > 900


@pytest.mark.parametrize("name", PAGES)
def test_anchors_can_be_read_and_are_there_once(site, name):
    html = (site / f"{name}.html").read_text(encoding="utf-8")
    found = re.findall(r'<section[^>]* id="([^"]+)"', html)
    assert found and len(set(found)) == len(found)
    assert [each for each in found if not re.fullmatch("[a-z0-9]+(-[a-z0-9]+)*", each) or re.match(r"id\d", each)] == []


def test_nothing_of_sphinx_own_search_is_left(site):
    assert not (site / "searchindex.js").exists() and not (site / "_static" / "searchtools.js").exists()
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert not re.search("searchindex|searchtools|language_data|doctools|sphinx_highlight", text), page


def test_the_index_comes_with_the_focus_and_only_then(new_page, address):
    page, urls = new_page(**WIDE), []
    page.on("request", lambda request: urls.append(request.url))
    page.goto(f"{address}/{PAGE}", wait_until="networkidle")
    assert not [url for url in urls if "/search." in url and url.endswith(".json")]
    with page.expect_response(re.compile(r"/search\.\w+\.json$")):
        page.get_by_role("combobox").focus()


def test_the_keyboard_alone_finds_and_opens(new_page, address):
    page = new_page(PAGE, viewport={"width": 320, "height": 700})
    page.locator(".nav-overlay-icon").first.click()
    field = ask(page, "padding")
    assert field.get_attribute("aria-expanded") == "true"
    assert re.fullmatch(r"\d+ results", page.locator("form [role=status]").inner_text())
    chosen = f"{LIST}[aria-selected=true]"
    assert page.locator(chosen).count() == 0
    page.keyboard.press("ArrowUp")
    assert field.get_attribute("aria-activedescendant") == page.locator(LIST).last.get_attribute("id")
    page.keyboard.press("ArrowDown")
    assert field.get_attribute("aria-activedescendant") is None
    page.keyboard.press("ArrowDown")
    assert field.get_attribute("aria-activedescendant") == page.locator(chosen).get_attribute("id") == "cnn-hit-0"
    box = page.locator(".cnn-found").bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 320
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    page.keyboard.press("Escape")
    assert field.get_attribute("aria-expanded") == "false" and not page.locator(".cnn-found").is_visible()
    assert field.input_value() == "padding"
    page.keyboard.press("ArrowDown")
    page.locator(".cnn-found").wait_for()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{address}/{GLOSSARY}padding")


def test_a_mouse_opens_and_leaving_closes(new_page, address):
    page = new_page(PAGE, **WIDE)
    ask(page, "kernel gallery")
    page.keyboard.press("Tab")
    assert not page.locator(".cnn-found").is_visible()
    page.get_by_role("combobox").click()
    page.keyboard.press("ArrowDown")
    page.locator(LIST).first.click()
    page.wait_for_url(f"{address}/{MATH}what-a-kernel-looks-for")


def test_enter_opens_the_page_of_all_results(new_page, address):
    page = new_page(PAGE, **WIDE)
    ask(page, "<b>padding</b>")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{address}/search.html?q=*")
    page.get_by_text("results for").wait_for()
    assert page.locator("#cnn-results a").count() > 20
    assert page.locator("#cnn-results p b").inner_text() == "<b>padding</b>"
    ask(page, "zzzzzz")
    assert page.locator("form [role=status]").inner_text() == "Nothing found"
    assert page.get_by_role("combobox").get_attribute("aria-expanded") == "false"
    page.goto(f"{address}/search.html?q=zzzzzz")
    page.get_by_text("Nothing found for").wait_for()


@pytest.mark.parametrize("path", [PAGE, "search.html?q=padding"])
def test_axe_finds_no_violation_with_the_list_open(new_page, path):
    page = new_page(path, **WIDE)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        ask(page, "padding")
        page.keyboard.press("ArrowDown")
        found = Axe().run(page).response["violations"]
        assert not [(scheme, rule["id"], [node["html"][:200] for node in rule["nodes"]][:3]) for rule in found]
        ask(page, "")


def test_without_scripts_the_form_leads_to_all_names(new_page, address, site):
    page = new_page(PAGE, java_script_enabled=False, **WIDE)
    page.locator("input[name=q]").fill("padding")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{address}/search.html?q=padding")
    assert page.locator("noscript p").is_visible()
    page.get_by_role("link", name="padding", exact=True).click()
    page.wait_for_url(f"{address}/{GLOSSARY}padding")


def test_where_the_index_does_not_come_the_reader_is_told(browser, address):
    page = browser.new_page(**WIDE)
    page.route("**/search.*.json", lambda route: route.abort())
    page.goto(f"{address}/{PAGE}")
    page.get_by_role("combobox").fill("padding")
    page.get_by_text("could not be loaded").first.wait_for()
    page.close()
